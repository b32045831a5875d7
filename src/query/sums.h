/* Sums that are kept, and which of them answer a question exactly: the coarsest ones.
 *
 * Sums are kept an hour and a minute (flows_1h, flows_1m), and of one dimension alone an hour and a minute (flows_1h_by,
 * flows_1m_by), which are far fewer rows. A window is put together of whole hours, of the whole minutes beside them and of the flows
 * of the pieces of minutes at its ends, so that the sums are the same to the byte whatever they are read from. Hours serve where
 * nobody asks for minutes; a dimension's own sums where neither the dimensions nor the filter speak of another one.
 *
 * For report.c and graph.c alone. All functions are pure. */
#ifndef WEIR_QUERY_SUMS_H
#define WEIR_QUERY_SUMS_H

#include "query/report.h"

/* The first dimension that no sums keep, or NULL. */
const struct weir_dimension *weir_sums_misfit(const struct weir_top *top);
/* Do sums answer it, in this window? interval_s: of the buckets of a graph; 0: none. */
bool weir_sums_fit(const struct weir_top *top, const struct weir_window *window, uint32_t interval_s);
/* "  SELECT t, d0, d1, f, b, p FROM … UNION ALL …", of sums where they fit and of flows otherwise; t, the bucket, only with an
 * interval. */
int weir_sums_put(const struct weir_top *top, const struct weir_window *window, uint32_t interval_s, struct weir_buffer *out)
	WEIR_MUST_CHECK;

#endif
