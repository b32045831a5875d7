/* What can be asked about: the fields of the filter language, of `weir top --by` and of `weir flows --columns`.
 *
 * A field is a column of the column table, or computed from columns (FIELD rows in field.c). Its id is the
 * column's id, or follows WEIR_COLUMNS. The kind says how its values look in tables and how they are compared;
 * the SQL stands for both of the store's tables, flows and, where the field is kept there, flows_1m. All data here
 * is constant. */
#ifndef WEIR_QUERY_FIELD_H
#define WEIR_QUERY_FIELD_H

#include <stdbool.h>

#include "flow/column.h"

enum weir_field_id {
	WEIR_FIELD_DURATION = WEIR_COLUMNS,
	WEIR_FIELD_BPS,
	WEIR_FIELD_PPS,
	WEIR_FIELD_BPP,
	WEIR_FIELD_MINUTE,
	WEIR_FIELD_HOUR,
	WEIR_FIELD_DAY,
	WEIR_FIELDS
};

#define WEIR_FIELD_NONE WEIR_FIELDS

enum weir_kind {
	WEIR_KIND_NUMBER,   /* an identifier: 443, 64512 */
	WEIR_KIND_COUNT,    /* how many: 1.2 M in tables */
	WEIR_KIND_BYTES,    /* 1.2 GB in tables */
	WEIR_KIND_RATE,	    /* a second; may have a fraction */
	WEIR_KIND_SHARE,    /* 0 to 1: a percentage in tables */
	WEIR_KIND_DURATION, /* milliseconds */
	WEIR_KIND_TIME,
	WEIR_KIND_ADDR,
	WEIR_KIND_MAC,
	WEIR_KIND_PROTO,
	WEIR_KIND_FLAGS,
	WEIR_KIND_FLOW_TYPE,
	WEIR_KIND_TEXT,
	WEIR_KINDS
};

struct weir_field {
	const char *name;
	enum weir_kind kind;
	const char *sql;	/* over flows */
	const char *rollup_sql; /* over flows_1m; NULL: not kept there */
	uint64_t max;		/* the largest value of a number; UINT64_MAX where there is no smaller bound */
	const char *help;
};

/* id is below WEIR_FIELDS. */
struct weir_field weir_field(unsigned id);

/* What a field is called in the flow matrix (query/matrix.h), whose rows are turned so that src opened the conversation; NULL: not kept
 * there. Clients' ports are none: 0. The addresses are there at the grain of addresses alone. */
const char *weir_field_matrix_sql(unsigned id, bool addresses);

/* By name: '-' stands for '_' and case does not matter. WEIR_FIELD_NONE when there is none. */
unsigned weir_field_find(const char *name, size_t len);

/* Do two names agree, with '-' for '_' and without case? */
int weir_field_name_is(const char *name, const char *text, size_t len);

#endif
