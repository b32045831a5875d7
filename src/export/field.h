/* Fields of export records as data: which column, how it is written, in how many bytes. A record of any NetFlow or
 * IPFIX version is a list of these. Private to export. */
#ifndef WEIR_EXPORT_FIELD_H
#define WEIR_EXPORT_FIELD_H

#include <stdint.h>

#include "flow/column.h"

enum weir_field_op {
	WEIR_FIELD_ZERO,      /* padding, and what nobody knows */
	WEIR_FIELD_UINT,      /* the number, in `length` bytes */
	WEIR_FIELD_BITS,      /* the number's low bytes, without the rest */
	WEIR_FIELD_ADDR4,     /* the low four bytes of an address */
	WEIR_FIELD_ADDR6,     /* an address */
	WEIR_FIELD_TIME,      /* milliseconds since 1970 */
	WEIR_FIELD_UPTIME,    /* milliseconds since the exporter's boot, modulo 2^32 */
	WEIR_FIELD_HALF_MS,   /* microseconds, as half of them in milliseconds, rounded */
	WEIR_FIELD_LABEL,     /* an MPLS label as a stack entry's three upper bytes (RFC 3032 §2.1) */
	WEIR_FIELD_AS16,      /* an AS number in two bytes: AS_TRANS where it needs four (RFC 6793 §4.2.2) */
	WEIR_FIELD_ICMP_PORT, /* destination port; for ICMP type × 256 + code, as Cisco's formats have it */
};

/* Set in an element's number: an enterprise's number follows in the template (RFC 7011 §3.2). */
#define WEIR_FIELD_ENTERPRISE 0x8000

struct weir_field {
	enum weir_column_id column;
	uint16_t element; /* the information element; 0 in formats without templates */
	uint32_t enterprise; /* with WEIR_FIELD_ENTERPRISE */
	uint8_t length;
	uint8_t op; /* enum weir_field_op */
};

#define WEIR_FIELDS_MAX 64

/* The formats without templates (Cisco, NetFlow export datagram formats). */
struct weir_fixed_format {
	uint16_t version;
	uint16_t header_bytes;
	uint16_t record_bytes;
	uint16_t records_max; /* of one message */
	const struct weir_field *field;
	unsigned fields;
};

/* NULL for versions with templates. */
const struct weir_fixed_format *weir_fixed_format(enum weir_flow_type version);

/* The fields of a template for these columns, version (NetFlow v9 or IPFIX) and address family (4 or 6), in the
 * catalogue's order. Writes at most WEIR_FIELDS_MAX to ret_field and returns how many. */
unsigned weir_field_list(enum weir_flow_type version, unsigned family, const struct weir_column_set *columns,
			 struct weir_field *ret_field);

#endif
