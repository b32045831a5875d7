/* The sets of NetFlow v9 and IPFIX: template sets, options template sets and data sets. Private to wire. */
#ifndef WEIR_WIRE_SET_H
#define WEIR_WIRE_SET_H

#include "base/cursor.h"
#include "wire/message.h"

/* In what the two protocols differ. */
struct weir_dialect {
	uint16_t template_set;
	uint16_t options_set;
	bool ipfix; /* enterprise numbers, variable lengths, withdrawals, scope counted in fields */
};

extern const struct weir_dialect weir_dialect_netflow9; /* RFC 3954 */
extern const struct weir_dialect weir_dialect_ipfix;	/* RFC 7011 */

struct weir_sets_result {
	uint32_t records;    /* data records, of options too */
	uint32_t flows;	     /* without those */
	bool records_known;  /* every data set's records could be counted */
};

/* Decode all sets of a message. m->template_id is written for each data set. */
struct weir_sets_result weir_sets_decode(struct weir_message *m, const struct weir_dialect *dialect,
					 struct weir_cursor *sets);

#endif
