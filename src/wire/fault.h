/* Every way in which an export message can be wrong, by name: one row each, which is the enum, the text, the
 * Prometheus label, the documentation and the verdict. The rule's source stands in the text. */
#ifndef WEIR_WIRE_FAULT_H
#define WEIR_WIRE_FAULT_H

enum weir_verdict {
	WEIR_VERDICT_SKIP_FIELD,
	WEIR_VERDICT_DROP_RECORD,
	WEIR_VERDICT_DROP_SET,
	WEIR_VERDICT_DROP_MESSAGE,
	WEIR_VERDICT_CLOSE_SESSION, /* TCP, TLS */
};

enum weir_fault {
#define FAULT(id, name, verdict, text) WEIR_FAULT_##id,
#include "wire/faults.inc"
#undef FAULT
	WEIR_FAULTS
};

struct weir_fault_info {
	const char *name; /* "template_missing": label and summary */
	enum weir_verdict verdict;
	const char *text;
};

extern const struct weir_fault_info weir_faults[WEIR_FAULTS];

#endif
