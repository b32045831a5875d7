/* The flow matrix as SQL: who talks to whom over what, from the side that opened the conversation (sql/schema/0007_matrix.sql).
 *
 * Whole days of the window come from matrix_1d, the whole hours beside them from matrix_1h, and the pieces of an hour at its ends
 * from flows, so the sums are those of flows for the same window. At the grain of addresses all comes from flows, which is as far
 * back as these are kept. The filter acts on the turned rows. All functions are pure. */
#ifndef WEIR_QUERY_MATRIX_H
#define WEIR_QUERY_MATRIX_H

#include "query/filter.h"
#include "query/time.h"

enum weir_grain { WEIR_GRAIN_ZONE, WEIR_GRAIN_SUBNET, WEIR_GRAIN_ADDRESS };

struct weir_matrix {
	const struct weir_filter *filter; /* borrowed */
	struct weir_window window;
	enum weir_grain grain;
	uint64_t rows_max; /* 0: all */
};

/* The edges with the columns of weir_edge_columns (query/edges.h), the largest first. -EINVAL: err names what the filter asks for and
 * the matrix does not keep. */
int weir_matrix_sql(const struct weir_matrix *matrix, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;

/* INSERT of the edges into the baseline; {user:String} and {comment:String} are parameters. Not at the grain of addresses. */
int weir_matrix_approve_sql(const struct weir_matrix *matrix, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;

#endif
