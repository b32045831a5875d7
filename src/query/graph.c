/* The store reads the flows twice: once for the largest values, once for their rows. With all values' sums by bucket
 * in one pass (sumMap) its memory would grow with the number of values times that of buckets. */
#include "query/graph.h"

#include <inttypes.h>

#include "query/report_parts.h"

#define MS_PER_S 1000

static const uint32_t ROUND_S[] = {
	1,   2,	  5,	10,   15,   30,	  60,	 120,	300,	600,	900,	 1800,
	3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000, 31536000,
};

uint32_t weir_graph_interval_s(const struct weir_window *window, unsigned buckets)
{
	int64_t length_s = (window->to_ms - window->from_ms) / MS_PER_S;
	size_t i = 0;

	if (buckets > WEIR_GRAPH_BUCKETS_MAX / 2)
		buckets = WEIR_GRAPH_BUCKETS_MAX / 2;
	while (i + 1 < sizeof(ROUND_S) / sizeof(*ROUND_S) && length_s / ROUND_S[i] > buckets)
		i++;
	return ROUND_S[i];
}

uint64_t weir_graph_buckets(const struct weir_graph *graph, int64_t *ret_first)
{
	int64_t interval_ms = (int64_t)graph->interval_s * MS_PER_S;

	*ret_first = graph->window.from_ms / interval_ms;
	return (uint64_t)((graph->window.to_ms + interval_ms - 1) / interval_ms - *ret_first);
}

bool weir_graph_uses_rollup(const struct weir_graph *graph)
{
	struct weir_top over = graph->top;

	over.window = graph->window;
	return graph->interval_s % 60 == 0 && weir_top_uses_rollup(&over);
}

static int put_source_flows(const struct weir_graph *g, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "  SELECT intDiv(toUnixTimestamp(time_received), %" PRIu32 ") AS t, ", g->interval_s);

	if (!rc && weir_graph_has_series(g))
		rc = weir_report_put_dimensions(&g->top, WEIR_FILTER_FLOWS, out);
	if (!rc)
		rc = weir_buffer_printf(out, "toUInt64(1) AS f, toUInt64(%s) AS b, toUInt64(%s) AS p\n  FROM flows\n  WHERE (",
					g->top.exported ? "bytes" : "bytes * greatest(sampling_rate, 1)",
					g->top.exported ? "packets" : "packets * greatest(sampling_rate, 1)");
	return rc;
}

static int put_from_flows(const struct weir_graph *g, struct weir_buffer *out)
{
	int rc = put_source_flows(g, out);

	if (!rc)
		rc = weir_report_put_window(g->window.from_ms, g->window.to_ms, out);
	if (!rc)
		rc = weir_buffer_text(out, ")");
	return rc ? rc : weir_report_put_filter(g->top.filter, WEIR_FILTER_FLOWS, out);
}

/* The pieces of minutes at the window's ends. */
static int put_ends(const struct weir_graph *g, const struct weir_window *whole, struct weir_buffer *out)
{
	bool head = g->window.from_ms < whole->from_ms;
	bool tail = whole->to_ms < g->window.to_ms;
	int rc;

	if (!head && !tail)
		return 0;
	rc = weir_buffer_text(out, "\n  UNION ALL\n");
	if (!rc)
		rc = put_source_flows(g, out);
	if (!rc && head)
		rc = weir_report_put_window(g->window.from_ms, whole->from_ms, out);
	if (!rc && head && tail)
		rc = weir_buffer_text(out, " OR ");
	if (!rc && tail)
		rc = weir_report_put_window(whole->to_ms, g->window.to_ms, out);
	if (!rc)
		rc = weir_buffer_text(out, ")");
	return rc ? rc : weir_report_put_filter(g->top.filter, WEIR_FILTER_FLOWS, out);
}

static int put_from_rollup(const struct weir_graph *g, struct weir_buffer *out)
{
	struct weir_window whole = weir_report_whole_minutes(&g->window);
	int rc = weir_buffer_printf(out, "  SELECT intDiv(toUnixTimestamp(minute), %" PRIu32 ") AS t, ", g->interval_s);

	if (!rc && weir_graph_has_series(g))
		rc = weir_report_put_dimensions(&g->top, WEIR_FILTER_ROLLUP, out);
	if (!rc)
		rc = weir_buffer_printf(out, "flows AS f, %s AS b, %s AS p\n  FROM flows_1m\n  WHERE ",
					g->top.exported ? "exported_bytes" : "bytes",
					g->top.exported ? "exported_packets" : "packets");
	if (!rc)
		rc = weir_report_put_minutes(&whole, out);
	if (!rc)
		rc = weir_report_put_filter(g->top.filter, WEIR_FILTER_ROLLUP, out);
	return rc ? rc : put_ends(g, &whole, out);
}

/* "prefix0, prefix1" */
static int put_names(const struct weir_graph *g, const char *prefix, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < g->top.dimensions; i++)
		rc = weir_buffer_printf(out, "%s%s%u", i ? ", " : "", prefix, i);
	return rc;
}

static int put_largest(const struct weir_graph *g, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "WITH largest AS\n(\nSELECT ");

	if (!rc)
		rc = put_names(g, "d", out);
	if (!rc)
		rc = weir_buffer_text(out, "\nFROM\n(\n");
	if (!rc)
		rc = weir_report_put_groups(&g->top, out);
	if (!rc)
		rc = weir_report_put_largest(&g->top, out);
	return rc ? rc : weir_buffer_text(out, "\n)\n)\n");
}

static int put_head(const struct weir_graph *g, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT t, ");

	if (!rc && weir_graph_has_series(g)) {
		rc = weir_buffer_text(out, "(");
		if (!rc)
			rc = put_names(g, "d", out);
		if (!rc)
			rc = weir_buffer_text(out, ") IN largest AS is_top, ");
		for (unsigned i = 0; !rc && i < g->top.dimensions; i++)
			rc = weir_buffer_printf(out, "if(is_top, d%u, NULL) AS k%u, ", i, i);
	}
	return rc ? rc : weir_buffer_text(out, "sum(f) AS sum_flows, sum(b) AS sum_bytes, sum(p) AS sum_packets\nFROM\n(\n");
}

int weir_graph_sql(const struct weir_graph *g, struct weir_buffer *out)
{
	bool series = weir_graph_has_series(g);
	int rc = series ? put_largest(g, out) : 0;

	if (!rc)
		rc = put_head(g, out);
	if (!rc)
		rc = weir_graph_uses_rollup(g) ? put_from_rollup(g, out) : put_from_flows(g, out);
	if (!rc)
		rc = weir_buffer_text(out, series ? "\n)\nGROUP BY t, is_top, " : "\n)\nGROUP BY t");
	if (!rc && series)
		rc = put_names(g, "k", out);
	return rc ? rc : weir_buffer_text(out, "\nORDER BY t" WEIR_REPORT_FORMAT);
}
