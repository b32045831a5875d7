/* The filter language: which flows a person asks for, in the habit of nfdump and tcpdump.
 *
 *     src ip 10.0.0.0/8 and (dst port 53 or proto icmp) and not bytes < 1k
 *
 * weir_filter_parse() makes a tree of tests out of a text; weir_filter_sql() makes the WHERE expression of it. The
 * tree holds everything that a test needs (field, comparison, ranges), so it can as well be evaluated over a
 * block's columns. Words with two columns ("port", without src or dst) are two tests joined by OR; a comparison
 * with != is a NOT of the equality, so that "port != 80" means: neither port is 80.
 *
 * Numbers are compared as exported, not scaled by the sampling rate. Bounded: text, depth, tests, values; the
 * limits below. A filter is read-only once it is parsed: any thread may use it. It owns its memory. */
#ifndef WEIR_QUERY_FILTER_H
#define WEIR_QUERY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/addr.h"
#include "query/field.h"

#define WEIR_FILTER_TEXT_MAX   32768
#define WEIR_FILTER_DEPTH_MAX  64
#define WEIR_FILTER_NODES_MAX  1024
#define WEIR_FILTER_VALUES_MAX 1024

enum weir_filter_op {
	WEIR_FILTER_TRUE,
	WEIR_FILTER_AND, /* of the children */
	WEIR_FILTER_OR,
	WEIR_FILTER_NOT, /* of the one child */
	WEIR_FILTER_IN,	 /* the field lies in one of the ranges */
	WEIR_FILTER_LT,	 /* the field against the one value's lo */
	WEIR_FILTER_LE,
	WEIR_FILTER_GT,
	WEIR_FILTER_GE,
	WEIR_FILTER_FLAGS_ALL,	/* all bits of the value's lo are set */
	WEIR_FILTER_FLAGS_NONE, /* none is */
};

#define WEIR_FILTER_END UINT32_MAX

struct weir_filter_node {
	enum weir_filter_op op;
	uint32_t child; /* AND, OR, NOT: the first; WEIR_FILTER_END for none */
	uint32_t next;	/* the parent's next child, or WEIR_FILTER_END */
	unsigned field; /* tests: a weir_field id */
	uint32_t value; /* tests: the first of … */
	uint32_t values;
};

/* An inclusive range; both ends are the same for a single value. What holds follows from the field's kind. */
struct weir_filter_value {
	union {
		struct {
			uint64_t lo, hi; /* numbers, MAC addresses, flow types; times in milliseconds */
		};
		struct {
			struct weir_addr addr_lo, addr_hi;
		};
		struct {
			uint32_t text, text_len; /* in the filter's heap */
		};
	};
};

struct weir_filter {
	struct weir_filter_node *node; /* owned */
	uint32_t nodes;
	struct weir_filter_value *value; /* owned */
	uint32_t values;
	struct weir_buffer heap; /* the texts */
	uint32_t root;
};

/* Where in the text a mistake is. */
struct weir_filter_mistake {
	size_t at;
	size_t len;
};

/* An empty text means "any". now_ms is what "now" and "today" start from. On a mistake (-EINVAL; -E2BIG beyond a
 * limit) err is filled and *ret_mistake (may be NULL) tells the place. The caller frees with weir_filter_free(). */
int weir_filter_parse(const char *text, size_t len, int64_t now_ms, struct weir_filter **ret_filter,
		      struct weir_filter_mistake *ret_mistake, struct weir_error *err) WEIR_MUST_CHECK;
void weir_filter_free(struct weir_filter *filter);

/* The line with the mistake and a caret line under it, each set in by four blanks and cut to fit a screen; nothing
 * in it but printable characters. */
int weir_filter_caret(const char *text, size_t len, const struct weir_filter_mistake *mistake,
		      struct weir_buffer *out) WEIR_MUST_CHECK;

enum weir_filter_table {
	WEIR_FILTER_FLOWS,
	WEIR_FILTER_ROLLUP,	  /* flows_1m */
	WEIR_FILTER_HOURS,	  /* flows_1h */
	WEIR_FILTER_SINGLE,	  /* flows_1m_by: of the one dimension that is asked for */
	WEIR_FILTER_SINGLE_HOURS, /* flows_1h_by */
	WEIR_FILTER_MATRIX,
	WEIR_FILTER_MATRIX_ADDRESSES,
};

/* What a field is called there; NULL: the table does not keep it. */
const char *weir_filter_field_sql(enum weir_filter_table table, unsigned field);

/* The first field that the table does not keep, or WEIR_FIELD_NONE. */
unsigned weir_filter_misfit(const struct weir_filter *filter, enum weir_filter_table table);

/* Does flows_1m keep every field of the filter? */
bool weir_filter_fits_rollup(const struct weir_filter *filter);

/* Append the expression. Whatever the text was, it is one expression: names come from tables here, numbers and
 * addresses are printed from their values, and texts are quoted with everything but plain characters escaped.
 * -ENOTSUP when the table does not keep a field. */
int weir_filter_sql(const struct weir_filter *filter, enum weir_filter_table table, struct weir_buffer *out)
	WEIR_MUST_CHECK;

/* A text as a SQL literal with its quotes. */
int weir_sql_quote(const void *data, size_t len, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
