#include "snmp/outcome.h"

/* clang-format off */
const struct weir_snmp_outcome_info weir_snmp_outcomes[WEIR_SNMP_OUTCOMES] = {
	[WEIR_SNMP_OK] = {"ok", "it answers"},
	[WEIR_SNMP_SILENT] = {"timeout", "no answer in time: its SNMP agent is off or out of reach, or the community or the password of privacy is wrong, "
					 "for agents do not answer then"},
	[WEIR_SNMP_UNREACHABLE] = {"unreachable", "nothing can be sent to it: see its address, the way there, and its port of SNMP"},
	[WEIR_SNMP_UNKNOWN_USER] = {"unknown_user", "it does not know the user; make it there, or correct user= in snmp.targets"},
	[WEIR_SNMP_AUTHENTICATION] = {"authentication", "it refuses the user's password of authentication; see auth= and its file in snmp.targets"},
	[WEIR_SNMP_SECURITY] = {"security", "it does not take the user with authentication and privacy; see its user's level, and auth= and priv= in "
					    "snmp.targets"},
	[WEIR_SNMP_REFUSED] = {"refused", "it answers with an error: the community or user may not read the system and interfaces tables"},
	[WEIR_SNMP_EMPTY] = {"empty", "it shows no interfaces: let the community or user read IF-MIB (1.3.6.1.2.1.2 and 1.3.6.1.2.1.31)"},
	[WEIR_SNMP_NONSENSE] = {"nonsense", "its answers make no sense (object identifiers that do not grow): its agent is broken"},
	[WEIR_SNMP_LOCAL] = {"local", "it could not be asked, for want of memory or sockets here"},
};
/* clang-format on */
