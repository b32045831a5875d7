/* Which columns travel, as what, in how many bytes.
 *
 * NetFlow v9 numbers (RFC 3954 §8) and IANA's are one series, so that one catalogue serves both; a row has the
 * length for each, 0 where the version does not send it. They part in the times: v9 exporters speak of their own
 * uptime (§5.1), IPFIX has absolute milliseconds. A column can have a row an address family. */
#include "export/field.h"

/* The enterprises whose elements are used: the reverse of IANA's (RFC 5103 §6.1), and those that are documented for what IANA has
 * nothing for. nProbe's elements stand at NTOP_V9 + number in NetFlow v9; both directions are told by In and Out. */
#define OF(number) (WEIR_FIELD_ENTERPRISE | (number))

enum {
	REVERSE = 29305,
	NTOP = 35632,
	FLOWMON = 39499,
	NTOP_V9 = 57472,
};

#define COUNT_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

struct catalogue_row {
	enum weir_column_id column;
	uint16_t element;
	uint8_t family; /* 4, 6, or 0 for both */
	uint8_t op;
	uint8_t v9; /* length in NetFlow v9 */
	uint8_t ipfix;
	uint32_t enterprise;
};

static const struct catalogue_row catalogue[] = {
	/* column                     element family  op                v9 ipfix enterprise */
	{WEIR_COL_SRC_ADDR,               8,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_SRC_ADDR,              27,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_DST_ADDR,              12,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_DST_ADDR,              28,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_NEXT_HOP,              15,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_NEXT_HOP,              62,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_BGP_NEXT_HOP,          18,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_BGP_NEXT_HOP,          63,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_BYTES,                  1,   0, WEIR_FIELD_UINT,      8,  8, 0},
	{WEIR_COL_PACKETS,                2,   0, WEIR_FIELD_UINT,      8,  8, 0},
	{WEIR_COL_TIME_START,            22,   0, WEIR_FIELD_UPTIME,    4,  0, 0},
	{WEIR_COL_TIME_END,              21,   0, WEIR_FIELD_UPTIME,    4,  0, 0},
	{WEIR_COL_TIME_START,           152,   0, WEIR_FIELD_TIME,      0,  8, 0},
	{WEIR_COL_TIME_END,             153,   0, WEIR_FIELD_TIME,      0,  8, 0},
	{WEIR_COL_SRC_PORT,               7,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_DST_PORT,              11,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_IN_IF,                 10,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_OUT_IF,                14,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_SRC_AS,                16,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_DST_AS,                17,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_NEXT_HOP_AS,          128,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_PROTO,                  4,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_IP_VERSION,            60,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_TCP_FLAGS,              6,   0, WEIR_FIELD_UINT,      1,  2, 0},
	{WEIR_COL_IP_TOS,                 5,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_DST_TOS,               55,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_IP_TTL,               192,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_IP_FLAGS,             197,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_FRAGMENT_ID,           54,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_FRAGMENT_OFFSET,       88,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_IPV6_FLOW_LABEL,       31,   6, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_ICMP_TYPE,            176,   4, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_ICMP_TYPE,            178,   6, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_ICMP_CODE,            177,   4, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_ICMP_CODE,            179,   6, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_DIRECTION,             61,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_FLOW_END_REASON,      136,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_FORWARDING_STATUS,     89,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_SRC_MASK,               9,   4, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_SRC_MASK,              29,   6, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_DST_MASK,              13,   4, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_DST_MASK,              30,   6, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_REVERSE_BYTES,        232,   0, WEIR_FIELD_UINT,      8,  0, 0},
	{WEIR_COL_REVERSE_PACKETS,      299,   0, WEIR_FIELD_UINT,      8,  0, 0},
	{WEIR_COL_REVERSE_BYTES,      OF(1),  0, WEIR_FIELD_UINT,       0,  8, REVERSE},
	{WEIR_COL_REVERSE_PACKETS,    OF(2),  0, WEIR_FIELD_UINT,       0,  8, REVERSE},
	{WEIR_COL_TCP_RTT,           OF(69),  0, WEIR_FIELD_UINT,       0,  4, FLOWMON},
	{WEIR_COL_SERVER_RTT,       OF(124),  0, WEIR_FIELD_HALF_MS,    0,  4, NTOP},
	{WEIR_COL_CLIENT_RTT,       OF(123),  0, WEIR_FIELD_HALF_MS,    0,  4, NTOP},
	{WEIR_COL_RETRANSMITTED_PACKETS,         OF(109), 0, WEIR_FIELD_UINT, 0, 4, NTOP},
	{WEIR_COL_REVERSE_RETRANSMITTED_PACKETS, OF(110), 0, WEIR_FIELD_UINT, 0, 4, NTOP},
	{WEIR_COL_OUT_OF_ORDER_PACKETS,          OF(111), 0, WEIR_FIELD_UINT, 0, 4, NTOP},
	{WEIR_COL_REVERSE_OUT_OF_ORDER_PACKETS,  OF(112), 0, WEIR_FIELD_UINT, 0, 4, NTOP},
	{WEIR_COL_SERVER_RTT, NTOP_V9 + 124,  0, WEIR_FIELD_HALF_MS,    4,  0, 0},
	{WEIR_COL_CLIENT_RTT, NTOP_V9 + 123,  0, WEIR_FIELD_HALF_MS,    4,  0, 0},
	{WEIR_COL_RETRANSMITTED_PACKETS,         NTOP_V9 + 109, 0, WEIR_FIELD_UINT, 4, 0, 0},
	{WEIR_COL_REVERSE_RETRANSMITTED_PACKETS, NTOP_V9 + 110, 0, WEIR_FIELD_UINT, 4, 0, 0},
	{WEIR_COL_OUT_OF_ORDER_PACKETS,          NTOP_V9 + 111, 0, WEIR_FIELD_UINT, 4, 0, 0},
	{WEIR_COL_REVERSE_OUT_OF_ORDER_PACKETS,  NTOP_V9 + 112, 0, WEIR_FIELD_UINT, 4, 0, 0},
	{WEIR_COL_IN_VRF,               234,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_OUT_VRF,              235,   0, WEIR_FIELD_UINT,      4,  4, 0},
	{WEIR_COL_SRC_MAC,               56,   0, WEIR_FIELD_UINT,      6,  6, 0},
	{WEIR_COL_DST_MAC,               80,   0, WEIR_FIELD_UINT,      6,  6, 0},
	{WEIR_COL_SRC_VLAN,              58,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_DST_VLAN,              59,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_CUSTOMER_VLAN,        245,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_ETHERTYPE,            256,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_MPLS_LABEL_1,          70,   0, WEIR_FIELD_LABEL,     3,  3, 0},
	{WEIR_COL_MPLS_LABEL_2,          71,   0, WEIR_FIELD_LABEL,     3,  3, 0},
	{WEIR_COL_MPLS_LABEL_3,          72,   0, WEIR_FIELD_LABEL,     3,  3, 0},
	{WEIR_COL_VNI,                  351,   0, WEIR_FIELD_UINT,      8,  8, 0},
	{WEIR_COL_POST_NAT_SRC_ADDR,    225,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_POST_NAT_SRC_ADDR,    281,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_POST_NAT_DST_ADDR,    226,   4, WEIR_FIELD_ADDR4,     4,  4, 0},
	{WEIR_COL_POST_NAT_DST_ADDR,    282,   6, WEIR_FIELD_ADDR6,    16, 16, 0},
	{WEIR_COL_POST_NAT_SRC_PORT,    227,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_POST_NAT_DST_PORT,    228,   0, WEIR_FIELD_UINT,      2,  2, 0},
	{WEIR_COL_FIREWALL_EVENT,       233,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_NAT_EVENT,            230,   0, WEIR_FIELD_UINT,      1,  1, 0},
	{WEIR_COL_FLOW_ID,              148,   0, WEIR_FIELD_UINT,      8,  8, 0},
	{WEIR_COL_SAMPLING_RATE,         34,   0, WEIR_FIELD_UINT,      4,  4, 0},
};

static const struct weir_field v1_fields[] = {
	{.column = WEIR_COL_SRC_ADDR,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_DST_ADDR,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_NEXT_HOP,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_IN_IF,      .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_OUT_IF,     .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_PACKETS,    .length = 4, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_BYTES,      .length = 4, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_TIME_START, .length = 4, .op = WEIR_FIELD_UPTIME},
	{.column = WEIR_COL_TIME_END,   .length = 4, .op = WEIR_FIELD_UPTIME},
	{.column = WEIR_COL_SRC_PORT,   .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_DST_PORT,   .length = 2, .op = WEIR_FIELD_ICMP_PORT},
	{                               .length = 2, .op = WEIR_FIELD_ZERO},
	{.column = WEIR_COL_PROTO,      .length = 1, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_IP_TOS,     .length = 1, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_TCP_FLAGS,  .length = 1, .op = WEIR_FIELD_BITS},
	{                               .length = 7, .op = WEIR_FIELD_ZERO},
};

static const struct weir_field v5_fields[] = {
	{.column = WEIR_COL_SRC_ADDR,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_DST_ADDR,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_NEXT_HOP,   .length = 4, .op = WEIR_FIELD_ADDR4},
	{.column = WEIR_COL_IN_IF,      .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_OUT_IF,     .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_PACKETS,    .length = 4, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_BYTES,      .length = 4, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_TIME_START, .length = 4, .op = WEIR_FIELD_UPTIME},
	{.column = WEIR_COL_TIME_END,   .length = 4, .op = WEIR_FIELD_UPTIME},
	{.column = WEIR_COL_SRC_PORT,   .length = 2, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_DST_PORT,   .length = 2, .op = WEIR_FIELD_ICMP_PORT},
	{                               .length = 1, .op = WEIR_FIELD_ZERO},
	{.column = WEIR_COL_TCP_FLAGS,  .length = 1, .op = WEIR_FIELD_BITS},
	{.column = WEIR_COL_PROTO,      .length = 1, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_IP_TOS,     .length = 1, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_SRC_AS,     .length = 2, .op = WEIR_FIELD_AS16},
	{.column = WEIR_COL_DST_AS,     .length = 2, .op = WEIR_FIELD_AS16},
	{.column = WEIR_COL_SRC_MASK,   .length = 1, .op = WEIR_FIELD_UINT},
	{.column = WEIR_COL_DST_MASK,   .length = 1, .op = WEIR_FIELD_UINT},
	{                               .length = 2, .op = WEIR_FIELD_ZERO},
	/* Version 7 (Catalyst switches) ends with the router that the switch takes a short cut past. */
	{                               .length = 4, .op = WEIR_FIELD_ZERO},
};

static const struct weir_fixed_format fixed_formats[] = {
	{.version = 1, .header_bytes = 16, .record_bytes = 48, .records_max = 24,
	 .field = v1_fields, .fields = COUNT_OF(v1_fields)},
	{.version = 5, .header_bytes = 24, .record_bytes = 48, .records_max = 30,
	 .field = v5_fields, .fields = COUNT_OF(v5_fields) - 1},
	{.version = 7, .header_bytes = 24, .record_bytes = 52, .records_max = 27,
	 .field = v5_fields, .fields = COUNT_OF(v5_fields)},
};

const struct weir_fixed_format *weir_fixed_format(enum weir_flow_type version)
{
	for (unsigned i = 0; i < COUNT_OF(fixed_formats); i++) {
		if (fixed_formats[i].version == (unsigned)version)
			return &fixed_formats[i];
	}
	return NULL;
}

unsigned weir_field_list(enum weir_flow_type version, unsigned family, const struct weir_column_set *columns,
			 struct weir_field *ret_field)
{
	unsigned count = 0;

	for (unsigned i = 0; i < COUNT_OF(catalogue) && count < WEIR_FIELDS_MAX; i++) {
		const struct catalogue_row *row = &catalogue[i];
		uint8_t length = version == WEIR_FLOW_NETFLOW9 ? row->v9 : row->ipfix;

		if (!length || (row->family && row->family != family) || !weir_column_set_has(columns, row->column))
			continue;
		ret_field[count++] = (struct weir_field){.column = row->column, .element = row->element,
							 .enterprise = row->enterprise, .length = length,
							 .op = row->op};
	}
	return count;
}
