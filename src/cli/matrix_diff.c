/* `weir matrix diff`: two matrices side by side, in one walk over both in the same order. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/matrix.h"

#define DAY_MS INT64_C(86400000)

/* FROM/TO, how far back, or a day. */
static int parse_period(const char *text, struct weir_window *ret_window, struct weir_error *err)
{
	int64_t now = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	const char *slash = strchr(text, '/');
	int64_t span;
	char *from;
	int rc;

	if (slash) {
		from = strndup(text, (size_t)(slash - text));
		if (!from)
			return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
		rc = weir_window_parse(NULL, from, slash + 1, now, ret_window, err);
		free(from);
		return rc;
	}
	if (weir_time_span_parse(text, strlen(text), &span) == 0) {
		*ret_window = (struct weir_window){now - span, now};
		return 0;
	}
	if (weir_time_parse(text, strlen(text), now, &ret_window->from_ms) == 0) {
		ret_window->to_ms = ret_window->from_ms + DAY_MS;
		return 0;
	}
	return weir_error_set(err, -EINVAL, text, "write FROM/TO, a day (yesterday, 2026-01-31), a duration (7d) or a file",
			      "this is no period, and there is no such file");
}

static int load_file(const char *path, struct weir_edges *edges)
{
	FILE *file = fopen(path, "r");
	struct weir_error err = {0};
	int rc;

	if (!file) {
		(void)weir_error_set(&err, -errno, path, NULL, "cannot be opened: %s", strerror(errno));
		return weir_fail(WEIR_EXIT_USAGE, &err);
	}
	rc = weir_edges_read(edges, file, path, &err);
	(void)fclose(file);
	return rc ? weir_fail(WEIR_EXIT_USAGE, &err) : 0;
}

static int load(const char *operand, const struct weir_matrix_values *values, struct weir_client **client, struct weir_edges *edges)
{
	struct weir_matrix matrix = {.grain = weir_matrix_grain(values->by)};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	int status = 0;

	if (access(operand, F_OK) == 0)
		return load_file(operand, edges);
	if (parse_period(operand, &matrix.window, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	if (!values->common.explain && !*client)
		status = weir_query_connect(&values->common, client);
	if (!status)
		status = weir_query_filter(0, NULL, &filter);
	matrix.filter = filter;
	if (!status)
		status = weir_matrix_load(*client, &values->common, &matrix, edges);
	weir_filter_free(filter);
	return status;
}

static const struct weir_output_column COLUMNS[] = {
	{.name = "change", .kind = WEIR_KIND_TEXT},	 {.name = "src_zone", .kind = WEIR_KIND_TEXT},
	{.name = "src_subnet", .kind = WEIR_KIND_TEXT},	 {.name = "dst_zone", .kind = WEIR_KIND_TEXT},
	{.name = "dst_subnet", .kind = WEIR_KIND_TEXT},	 {.name = "protocol", .kind = WEIR_KIND_PROTO},
	{.name = "dst_port", .kind = WEIR_KIND_NUMBER},	 {.name = "service", .kind = WEIR_KIND_TEXT},
	{.name = "rule", .kind = WEIR_KIND_TEXT},	 {.name = "action", .kind = WEIR_KIND_TEXT},
	{.name = "hits_before", .kind = WEIR_KIND_COUNT}, {.name = "hits_after", .kind = WEIR_KIND_COUNT},
	{.name = "bytes_before", .kind = WEIR_KIND_BYTES}, {.name = "bytes_after", .kind = WEIR_KIND_BYTES},
};
#define COLUMN_COUNT (sizeof(COLUMNS) / sizeof(COLUMNS[0]))

static const enum weir_edge_column SHOWN[] = {
	WEIR_EDGE_SRC_ZONE, WEIR_EDGE_SRC_SUBNET, WEIR_EDGE_DST_ZONE, WEIR_EDGE_DST_SUBNET, WEIR_EDGE_PROTOCOL,
	WEIR_EDGE_DST_PORT, WEIR_EDGE_SERVICE,	  WEIR_EDGE_RULE,     WEIR_EDGE_ACTION,
};

struct diff {
	const struct weir_edges *a, *b;
	double factor;
	struct weir_output *output;
};

static struct weir_cell cell_of(const char *text)
{
	return (struct weir_cell){.text = text, .len = strlen(text)};
}

/* An edge of a, of b, or of both; SIZE_MAX: not there. */
static int put_row(const struct diff *d, const char *change, size_t i, size_t k)
{
	const struct weir_edges *own = i != SIZE_MAX ? d->a : d->b;
	size_t n = i != SIZE_MAX ? i : k;
	struct weir_cell cells[COLUMN_COUNT] = {cell_of(change)};
	unsigned c = 1;

	for (size_t s = 0; s < sizeof(SHOWN) / sizeof(SHOWN[0]); s++)
		cells[c++] = weir_edges_cell(own, n, SHOWN[s]);
	cells[c++] = i != SIZE_MAX ? weir_edges_cell(d->a, i, WEIR_EDGE_HITS) : cell_of("0");
	cells[c++] = k != SIZE_MAX ? weir_edges_cell(d->b, k, WEIR_EDGE_HITS) : cell_of("0");
	cells[c++] = i != SIZE_MAX ? weir_edges_cell(d->a, i, WEIR_EDGE_BYTES) : cell_of("0");
	cells[c++] = k != SIZE_MAX ? weir_edges_cell(d->b, k, WEIR_EDGE_BYTES) : cell_of("0");
	return weir_output_row(d->output, cells);
}

static bool differs(const struct diff *d, size_t i, size_t k, enum weir_edge_column column)
{
	double a = (double)weir_edges_number(d->a, i, column);
	double b = (double)weir_edges_number(d->b, k, column);

	return a != b && (a >= b * d->factor || b >= a * d->factor);
}

static int walk(const struct diff *d)
{
	size_t i = 0, k = 0;
	int rc = 0;

	while (!rc && (i < d->a->count || k < d->b->count)) {
		int order = i == d->a->count ? 1 : k == d->b->count ? -1 : weir_edges_compare(d->a, i, d->b, k);

		if (order < 0) {
			rc = put_row(d, "gone", i++, SIZE_MAX);
		} else if (order > 0) {
			rc = put_row(d, "new", SIZE_MAX, k++);
		} else {
			if (differs(d, i, k, WEIR_EDGE_BYTES) || differs(d, i, k, WEIR_EDGE_HITS))
				rc = put_row(d, "changed", i, k);
			i++;
			k++;
		}
	}
	return rc;
}

static int write_diff(struct weir_edges *a, struct weir_edges *b, double factor, const char *format)
{
	struct weir_output_options options = weir_query_output((enum weir_format)weir_format_find(format));
	struct diff d = {.a = a, .b = b, .factor = factor};
	int rc = weir_output_new(&options, COLUMNS, COLUMN_COUNT, &d.output);

	weir_edges_sort(a);
	weir_edges_sort(b);
	if (!rc)
		rc = walk(&d);
	if (!rc)
		rc = weir_output_end(d.output);
	weir_output_free(d.output);
	return rc;
}

int weir_matrix_diff(const struct weir_command *self, const struct weir_matrix_values *values, char **operand)
{
	struct weir_client *client = NULL;
	struct weir_error err = {0};
	struct weir_edges a, b;
	char *end;
	double factor = strtod(values->factor, &end);
	int status;
	int rc;

	if (*end || end == values->factor || !(factor >= 1 && factor <= 1e9))
		return weir_usage(self, "--factor takes a number from 1 on");
	if (weir_format_find(values->common.format) < 0)
		return weir_usage(self, "diff has no graph: table, csv, json or ndjson");
	weir_edges_init(&a);
	weir_edges_init(&b);
	status = load(operand[0], values, &client, &a);
	if (!status)
		status = load(operand[1], values, &client, &b);
	if (!status && !values->common.explain) {
		rc = write_diff(&a, &b, factor, values->common.format);
		status = rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
	}
	weir_edges_done(&a);
	weir_edges_done(&b);
	weir_client_free(client);
	return status;
}
