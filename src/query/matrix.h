/* The flow matrix as SQL: who talks to whom over what, from the side that opened the conversation (sql/schema/0007_matrix.sql).
 *
 * Whole days of the window come from matrix_1d, the whole hours beside them from matrix_1h, and the pieces of an hour at its ends
 * from flows, so the sums are those of flows for the same window. At the grain of addresses all comes from flows, which is as far
 * back as these are kept. The filter acts on the turned rows. All functions are pure. */
#ifndef WEIR_QUERY_MATRIX_H
#define WEIR_QUERY_MATRIX_H

#include "query/filter.h"
#include "query/output.h"
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

/* The same edges as a picture has them: one for each two networks (or of addresses), or with services one for each service between them. */
struct weir_matrix_pairs {
	struct weir_matrix matrix;	  /* rows_max: the largest so many */
	const struct weir_window *before; /* borrowed: an earlier window to compare with; NULL: none */
	bool services;
};

enum weir_pair_column {
	WEIR_PAIR_SRC, /* a zone, a subnet or an address; "": not known */
	WEIR_PAIR_DST,
	WEIR_PAIR_PROTOCOL, /* with services; else 0 */
	WEIR_PAIR_DST_PORT,
	WEIR_PAIR_SERVICE,
	WEIR_PAIR_ACTION, /* the worst of those that judged: deny, alert, "" (nothing judged), allow */
	WEIR_PAIR_HITS,
	WEIR_PAIR_BYTES,
	WEIR_PAIR_PACKETS,
	WEIR_PAIR_FIRST_SEEN, /* ever; of addresses in the windows */
	WEIR_PAIR_NEW,	      /* 1: seen first in the window, while the matrix is older than that; of addresses 0 */
	WEIR_PAIR_APPROVED,   /* 1: all of it is in the baseline */
	WEIR_PAIR_HITS_BEFORE,
	WEIR_PAIR_BYTES_BEFORE,
	WEIR_PAIR_PACKETS_BEFORE,
	WEIR_PAIR_COLUMNS,
};
extern const struct weir_output_column weir_pair_columns[WEIR_PAIR_COLUMNS];

/* The pairs with these columns, the largest first. As weir_matrix_sql(). */
int weir_matrix_pairs_sql(const struct weir_matrix_pairs *pairs, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;

/* INSERT of the edges into the baseline; {user:String} and {comment:String} are parameters. Not at the grain of addresses. */
int weir_matrix_approve_sql(const struct weir_matrix *matrix, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;
/* DELETE of what the filter means from the baseline; without one (NULL) of all. Not of addresses and what else the baseline has not. */
int weir_matrix_disapprove_sql(const struct weir_filter *filter, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;

#endif
