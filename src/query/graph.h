/* Traffic over time as SQL: a row for each bucket of time and each of the largest values of the dimensions, and one for
 * all others together.
 *
 * The largest are those of top.window; the rows are of graph.window, which for a comparison is an earlier one. Buckets
 * are aligned to the interval, counted from 1970 (UTC). The sums per minute answer where they keep what is asked and the
 * interval is of whole minutes, as for the top; the sums are the same to the byte. Pure. */
#ifndef WEIR_QUERY_GRAPH_H
#define WEIR_QUERY_GRAPH_H

#include "query/report.h"

#define WEIR_GRAPH_BUCKETS_MAX 5000

struct weir_graph {
	struct weir_top top; /* rows_max: how many series; with 0, or without dimensions, there is only the sum */
	struct weir_window window;
	uint32_t interval_s;
};

/* A round interval that parts the window into about so many buckets, and into WEIR_GRAPH_BUCKETS_MAX at most. */
uint32_t weir_graph_interval_s(const struct weir_window *window, unsigned buckets);
/* The same for this graph: a minute in place of less where sums can answer then, and an hour has sixty of them. */
uint32_t weir_graph_fitting_interval_s(const struct weir_graph *graph, unsigned buckets);
/* The buckets that the window touches: the first one's number (seconds since 1970 by the interval), and how many. */
uint64_t weir_graph_buckets(const struct weir_graph *graph, int64_t *ret_first);

bool weir_graph_uses_rollup(const struct weir_graph *graph);

/* Columns: t (the bucket's number), is_top, the dimensions' values (NULL where is_top is 0), flows, bytes, packets.
 * Without series: t, flows, bytes, packets. */
int weir_graph_sql(const struct weir_graph *graph, struct weir_buffer *out) WEIR_MUST_CHECK;
static inline bool weir_graph_has_series(const struct weir_graph *graph)
{
	return graph->top.dimensions && graph->top.rows_max;
}

#endif
