/* The parts of SQL that reports have in common, for report.c, list.c and graph.c alone. Pure. */
#ifndef WEIR_QUERY_REPORT_PARTS_H
#define WEIR_QUERY_REPORT_PARTS_H

#include "query/report.h"

#define WEIR_REPORT_MINUTE_MS 60000
/* From this many whole minutes on the rollup is worth its second table. */
#define WEIR_REPORT_ROLLUP_MINUTES 60

#define WEIR_REPORT_FORMAT "\nFORMAT TabSeparatedWithNamesAndTypes"

/* The whole minutes inside the window; an empty window where there are none. */
struct weir_window weir_report_whole_minutes(const struct weir_window *window);

/* "time_received >= … AND time_received < …" */
int weir_report_put_window(int64_t from_ms, int64_t to_ms, struct weir_buffer *out) WEIR_MUST_CHECK;
/* The same over the rollup's minutes, which have no fraction. */
int weir_report_put_minutes(const struct weir_window *whole, struct weir_buffer *out) WEIR_MUST_CHECK;
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
