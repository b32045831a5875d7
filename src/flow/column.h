/* The column table of a flow, from which everything follows: block arrays, decode plans, Native, DDL, JSON and
 * CSV names, documentation. To add a column, add a row to flow/columns.inc. All data here is constant. */
#ifndef WEIR_FLOW_COLUMN_H
#define WEIR_FLOW_COLUMN_H

#include <stddef.h>
#include <stdint.h>

enum weir_type {
	WEIR_TYPE_U8,
	WEIR_TYPE_U16,
	WEIR_TYPE_U32,
	WEIR_TYPE_U64,
	WEIR_TYPE_TIME,      /* int64_t, milliseconds since 1970-01-01 UTC */
	WEIR_TYPE_ADDR,      /* struct weir_addr */
	WEIR_TYPE_MAC,       /* uint64_t, 48 bits */
	WEIR_TYPE_FLOW_TYPE, /* uint8_t, enum weir_flow_type */
	WEIR_TYPE_STRING,    /* struct weir_str into the block's heap */
	WEIR_TYPE_NAME,	     /* uint32_t, the number of a name in the block's vocabulary (base/vocabulary.h); 0: none */
	WEIR_TYPES
};

/* Values are stored: never change one. */
enum weir_flow_type {
	WEIR_FLOW_UNKNOWN = 0,
	WEIR_FLOW_NETFLOW1 = 1,
	WEIR_FLOW_NETFLOW5 = 5,
	WEIR_FLOW_NETFLOW7 = 7,
	WEIR_FLOW_NETFLOW9 = 9,
	WEIR_FLOW_IPFIX = 10,
	WEIR_FLOW_SFLOW5 = 50,
	WEIR_FLOW_PROBE = 100,
};

enum weir_column_id {
#define COLUMN(id, name, type, unit, codec, ecs, elements, help) WEIR_COL_##id,
#include "flow/columns.inc"
#undef COLUMN
	WEIR_COLUMNS
};

#define WEIR_COLUMN_NONE WEIR_COLUMNS

struct weir_column {
	const char *name;
	enum weir_type type;
	const char *unit;
	const char *codec;
	const char *ecs;
	const char *elements;
	const char *help;
};

struct weir_type_info {
	size_t width;        /* bytes of one value in a block */
	const char *sql;     /* ClickHouse's type */
	const char *codec;   /* general compression for the DDL */
};

extern const struct weir_column weir_columns[WEIR_COLUMNS];
extern const struct weir_type_info weir_types[WEIR_TYPES];

/* The column of that name, or WEIR_COLUMN_NONE. */
enum weir_column_id weir_column_find(const char *name);

/* "netflow_v9" and so on; "unknown" for values outside the enum. Static storage. */
const char *weir_flow_type_name(unsigned value);

/* Sets of columns, one bit each. */
#define WEIR_COLUMN_WORDS ((WEIR_COLUMNS + 63) / 64)

struct weir_column_set {
	uint64_t word[WEIR_COLUMN_WORDS];
};

static inline void weir_column_set_add(struct weir_column_set *s, enum weir_column_id id)
{
	s->word[id / 64] |= UINT64_C(1) << (id % 64);
}

static inline void weir_column_set_remove(struct weir_column_set *s, enum weir_column_id id)
{
	s->word[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

static inline int weir_column_set_has(const struct weir_column_set *s, enum weir_column_id id)
{
	return (int)(s->word[id / 64] >> (id % 64) & 1);
}

#endif
