/* How it went to ask an agent: a row each. */
#ifndef WEIR_SNMP_OUTCOME_H
#define WEIR_SNMP_OUTCOME_H

enum weir_snmp_outcome {
	WEIR_SNMP_OK,
	WEIR_SNMP_SILENT,
	WEIR_SNMP_UNREACHABLE,
	WEIR_SNMP_UNKNOWN_USER,
	WEIR_SNMP_AUTHENTICATION,
	WEIR_SNMP_SECURITY,
	WEIR_SNMP_REFUSED,
	WEIR_SNMP_EMPTY,
	WEIR_SNMP_NONSENSE,
	WEIR_SNMP_LOCAL,
	WEIR_SNMP_OUTCOMES
};

struct weir_snmp_outcome_info {
	const char *name; /* of metrics */
	const char *text; /* what is wrong, and what to do */
};

extern const struct weir_snmp_outcome_info weir_snmp_outcomes[WEIR_SNMP_OUTCOMES];

#endif
