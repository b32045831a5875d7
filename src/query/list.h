/* The list of flows as SQL, whole or a page at a time.
 *
 * A page that follows another begins behind its last row, which a cursor tells: the value of the order's field, the
 * time, and how many rows with both had been given. Rows that are equal in both are in the order of a hash of what tells
 * flows apart, so that no row is given twice or left out. A cursor comes back from whoever asks: it is parsed, never
 * put into SQL as it is. All functions are pure. */
#ifndef WEIR_QUERY_LIST_H
#define WEIR_QUERY_LIST_H

#include "query/report.h"

#define WEIR_LIST_MAX	       (WEIR_FIELDS)
#define WEIR_LIST_VALUE_MAX    1024 /* of a cursor's value */
#define WEIR_LIST_CURSOR_MAX   (2 * WEIR_LIST_VALUE_MAX + 160)

struct weir_list_cursor {
	int64_t time_ms;
	uint64_t skip;
	char value[WEIR_LIST_VALUE_MAX]; /* of the order's field as the store writes it; times in milliseconds */
};

struct weir_list {
	const struct weir_filter *filter; /* borrowed */
	struct weir_window window;
	struct weir_dimension *column; /* borrowed */
	unsigned columns;
	bool oldest_first; /* or the smallest, where there is an order */
	uint64_t rows_max; /* 0: all */

	/* Of pages. */
	bool paged;			      /* every row ends with the order's value and the time in milliseconds */
	unsigned order;			      /* a field's id, of paged lists */
	uint64_t offset;		      /* rows to leave out */
	const struct weir_list_cursor *after; /* borrowed; NULL: the first page */
};

#define WEIR_LIST_COLUMNS_DEFAULT \
	"time_received,exporter_addr,proto,src_addr,src_port,dst_addr,dst_port,tcp_flags,packets,bytes"

/* -EINVAL where the cursor's value is none of the order's field. */
int weir_list_sql(const struct weir_list *list, struct weir_buffer *out) WEIR_MUST_CHECK;
/* How many rows the whole list has. */
int weir_list_count_sql(const struct weir_list *list, struct weir_buffer *out) WEIR_MUST_CHECK;

/* The cursor as text that needs no quoting in a URL, and back; -EINVAL for what is none, or is of another order. */
int weir_list_cursor_text(const struct weir_list *list, const struct weir_list_cursor *cursor, struct weir_buffer *out)
	WEIR_MUST_CHECK;
int weir_list_cursor_parse(const struct weir_list *list, const char *text, struct weir_list_cursor *ret_cursor)
	WEIR_MUST_CHECK;

#endif
