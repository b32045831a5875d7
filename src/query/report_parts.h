/* The parts of SQL that reports have in common, for report.c, list.c, graph.c and sums.c alone. Pure. */
#ifndef WEIR_QUERY_REPORT_PARTS_H
#define WEIR_QUERY_REPORT_PARTS_H

#include "query/report.h"

#define WEIR_REPORT_MINUTE_MS 60000

#define WEIR_REPORT_FORMAT "\nFORMAT TabSeparatedWithNamesAndTypes"

/* The whole steps inside the window; where there are none, an empty window that begins where the given one does. */
struct weir_window weir_report_whole(const struct weir_window *window, int64_t step_ms);

/* "time_received >= … AND time_received < …" */
int weir_report_put_window(int64_t from_ms, int64_t to_ms, struct weir_buffer *out) WEIR_MUST_CHECK;
/* "minute >= … AND minute < …", of times that have no fraction. */
int weir_report_put_times(const char *column, const struct weir_window *range, struct weir_buffer *out) WEIR_MUST_CHECK;
/* "src_addr AS d0, dst_port AS d1, " */
int weir_report_put_dimensions(const struct weir_top *top, enum weir_filter_table table, struct weir_buffer *out)
	WEIR_MUST_CHECK;
/* "AND (…)" on a line of its own. */
int weir_report_put_filter(const struct weir_filter *filter, enum weir_filter_table table, struct weir_buffer *out)
	WEIR_MUST_CHECK;
/* "SELECT d0, d1, … AS sum_flows, … FROM … WHERE …" over the table that fits. */
int weir_report_put_groups(const struct weir_top *top, struct weir_buffer *out) WEIR_MUST_CHECK;
/* "GROUP BY d0, d1 ORDER BY the metric, d0, d1 LIMIT rows_max" */
int weir_report_put_largest(const struct weir_top *top, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
