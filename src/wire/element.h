/* The information elements: what the files of data/elements says, as a table that tools/gen_elements.c makes at
 * build time, with the column that each feeds (flow/columns.inc). Constant; any thread.
 *
 * Numbers. IPFIX names an element by enterprise (PEN, 0 for IANA) and id (RFC 7011 §3.2). NetFlow v9 has ids only:
 * those of IANA, its own above 32767, and what some vendors put there of their enterprise's elements. PEN 29305 is
 * the reverse direction of IANA's elements (RFC 5103 §6.1). */
#ifndef WEIR_WIRE_ELEMENT_H
#define WEIR_WIRE_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_PEN_REVERSE 29305

/* The abstract data types of RFC 7011 §6.1, RFC 6313 (lists) and RFC 9740 (unsigned256). */
#define WEIR_ELEMENT_TYPE_LIST(X)                     \
	X(OCTETS, octetArray)                         \
	X(U8, unsigned8)                              \
	X(U16, unsigned16)                            \
	X(U32, unsigned32)                            \
	X(U64, unsigned64)                            \
	X(U256, unsigned256)                          \
	X(S8, signed8)                                \
	X(S16, signed16)                              \
	X(S32, signed32)                              \
	X(S64, signed64)                              \
	X(F32, float32)                               \
	X(F64, float64)                               \
	X(BOOLEAN, boolean)                           \
	X(MAC, macAddress)                            \
	X(STRING, string)                             \
	X(SECONDS, dateTimeSeconds)                   \
	X(MILLISECONDS, dateTimeMilliseconds)         \
	X(MICROSECONDS, dateTimeMicroseconds)         \
	X(NANOSECONDS, dateTimeNanoseconds)           \
	X(IPV4, ipv4Address)                          \
	X(IPV6, ipv6Address)                          \
	X(BASIC_LIST, basicList)                      \
	X(SUB_TEMPLATE_LIST, subTemplateList)         \
	X(SUB_TEMPLATE_MULTI_LIST, subTemplateMultiList)

enum weir_element_type {
#define X(id, name) WEIR_ELEMENT_##id,
	WEIR_ELEMENT_TYPE_LIST(X)
#undef X
	WEIR_ELEMENT_TYPES
};

struct weir_element {
	const char *name;
	const char *semantic; /* RFC 7012 §3.2: "deltaCounter" and so on */
	const char *unit;     /* "" for none */
	uint32_t pen;
	uint16_t id;
	uint8_t type;		 /* enum weir_element_type */
	uint8_t family;		 /* 4 or 6: one of a pair, of which a record fills one; 0 otherwise */
	uint8_t column;		 /* enum weir_column_id, or WEIR_COLUMN_NONE */
	uint8_t priority;	 /* within the column: the lower wins */
	uint8_t reverse_column;	 /* the same for the reverse direction */
	uint8_t reverse_priority;
};

/* Sorted by pen, then id; made at build time. */
extern const struct weir_element weir_elements[];
extern const unsigned weir_elements_count;

/* NULL when there is no such element in data/elements. */
const struct weir_element *weir_element_find(uint32_t pen, uint16_t id);

/* The element that an IPFIX field names; *ret_reverse tells whether it is meant of the reverse direction (RFC 5103
 * §6). */
const struct weir_element *weir_element_find_ipfix(uint32_t pen, uint16_t id, bool *ret_reverse);

/* The element that a NetFlow v9 field type names. */
const struct weir_element *weir_element_find_v9(uint16_t type);

#endif
