/* The store reads the flows twice: once for the largest values, once for their rows. With all values' sums by bucket
 * in one pass (sumMap) its memory would grow with the number of values times that of buckets. */
#include "query/graph.h"

#include <inttypes.h>

#include "query/report_parts.h"
#include "query/sums.h"

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

/* Shorter buckets than a minute would be read from the flows: where sums can answer, so many minutes are fine enough. */
#define MINUTES_ENOUGH 45

uint32_t weir_graph_fitting_interval_s(const struct weir_graph *graph, unsigned buckets)
{
	uint32_t interval_s = weir_graph_interval_s(&graph->window, buckets);

	return interval_s < 60 && graph->window.to_ms - graph->window.from_ms >= MINUTES_ENOUGH * WEIR_REPORT_MINUTE_MS &&
			       weir_sums_fit(&graph->top, &graph->window, 60)
		       ? 60
		       : interval_s;
}

bool weir_graph_uses_rollup(const struct weir_graph *graph)
{
	return weir_sums_fit(&graph->top, &graph->window, graph->interval_s);
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

/* Whether a row is of the largest is asked in a SELECT of its own: where it stands beside what uses it, the store would work the
 * largest out twice. */
static int put_head(const struct weir_graph *g, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT t, ");

	if (!rc && weir_graph_has_series(g)) {
		rc = weir_buffer_text(out, "is_top, ");
		for (unsigned i = 0; !rc && i < g->top.dimensions; i++)
			rc = weir_buffer_printf(out, "if(is_top, d%u, NULL) AS k%u, ", i, i);
	}
	if (!rc)
		rc = weir_buffer_text(out, "sum(f) AS sum_flows, sum(b) AS sum_bytes, sum(p) AS sum_packets\nFROM\n(\n");
	if (rc || !weir_graph_has_series(g))
		return rc;
	rc = weir_buffer_text(out, "SELECT t, f, b, p, ");
	if (!rc)
		rc = put_names(g, "d", out);
	if (!rc)
		rc = weir_buffer_text(out, ", (");
	if (!rc)
		rc = put_names(g, "d", out);
	return rc ? rc : weir_buffer_text(out, ") IN largest AS is_top\nFROM\n(\n");
}

int weir_graph_sql(const struct weir_graph *g, struct weir_buffer *out)
{
	bool series = weir_graph_has_series(g);
	int rc = series ? put_largest(g, out) : 0;

	if (!rc)
		rc = put_head(g, out);
	if (!rc)
		rc = weir_sums_put(&g->top, &g->window, g->interval_s, out);
	if (!rc)
		rc = weir_buffer_text(out, series ? "\n)\n)\nGROUP BY t, is_top, " : "\n)\nGROUP BY t");
	if (!rc && series)
		rc = put_names(g, "k", out);
	return rc ? rc : weir_buffer_text(out, "\nORDER BY t" WEIR_REPORT_FORMAT);
}
