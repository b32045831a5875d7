/* Reports as SQL: the top talkers. (query/list.h lists flows, query/graph.h draws over time.)
 *
 * A window is half open, [from, to), over time_received: the store is partitioned and sorted by it, and the rollup
 * is made of it. Sums are scaled by the sampling rate unless they are asked for as exported.
 *
 * Sums that are kept answer where they hold every field of the filter and of the dimensions, and the window is long enough
 * (query/sums.h); the numbers are the same to the byte. All functions are pure. */
#ifndef WEIR_QUERY_REPORT_H
#define WEIR_QUERY_REPORT_H

#include "query/filter.h"
#include "query/output.h"
#include "query/time.h"

#define WEIR_DIMENSIONS_MAX 16

struct weir_dimension {
	unsigned field;		  /* a weir_field id */
	uint8_t v4_bits, v6_bits; /* src_addr/24 or src_addr/24/56; 0: whole addresses */
	char name[64];		  /* as it was written */
};

enum weir_metric { WEIR_METRIC_BYTES, WEIR_METRIC_PACKETS, WEIR_METRIC_FLOWS };

enum weir_rollup { WEIR_ROLLUP_AUTO, WEIR_ROLLUP_NEVER, WEIR_ROLLUP_ALWAYS };

struct weir_top {
	const struct weir_filter *filter; /* borrowed */
	struct weir_window window;
	struct weir_dimension dimension[WEIR_DIMENSIONS_MAX];
	unsigned dimensions;
	enum weir_metric metric; /* what the rows are sorted by */
	bool exported;		 /* not scaled by the sampling rate */
	enum weir_rollup rollup;
	uint64_t rows_max;
};

/* "src_addr,dst_port,src_addr/24": into dimension[max]. where is the option's name. */
int weir_dimensions_parse(const char *text, const char *where, bool with_prefixes, struct weir_dimension *dimension,
			  unsigned max, unsigned *ret_count, struct weir_error *err) WEIR_MUST_CHECK;

/* The statement. Its columns: the dimensions, then flows, bytes, packets; and the totals of all groups. */
int weir_top_sql(const struct weir_top *top, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;
/* Does it read the rollup? */
bool weir_top_uses_rollup(const struct weir_top *top);

/* Which kind the values of a ClickHouse type are, for output: "Nullable(UInt64)", "IPv6" … */
enum weir_kind weir_kind_of_type(const char *type, size_t len);

#endif
