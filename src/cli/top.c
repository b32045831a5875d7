/* `weir top`: who sends and receives most. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query.h"
#include "query/human.h"
#include "query/ranking.h"
#include "query/report.h"

struct values {
	struct weir_query_values common;
	const char *by;
	const char *metric;
	const char *rollup;
	uint64_t rows;
	bool exported;
};

static const struct weir_option OPTIONS[] = {
	{.name = "by", .letter = 'b', .type = WEIR_OPTION_TEXT, .argument = "COLUMNS", .offset = offsetof(struct values, by),
	 .help = "what to group by: any columns; src_addr/24 (and src_addr/24/56 with IPv6's length), service_port, minute, "
		 "hour, day (default src_addr)"},
	{.name = "metric", .letter = 'm', .type = WEIR_OPTION_CHOICE, .argument = "bytes|packets|flows",
	 .offset = offsetof(struct values, metric), .help = "what to sort by (default bytes)"},
	{.name = "rows", .letter = 'n', .type = WEIR_OPTION_NUMBER, .argument = "N", .offset = offsetof(struct values, rows),
	 .min = 1, .max = 100000, .help = "how many rows (default 10)"},
	WEIR_QUERY_WINDOW_OPTIONS,
	{.name = "exported", .letter = 'e', .type = WEIR_OPTION_FLAG, .offset = offsetof(struct values, exported),
	 .help = "bytes and packets as they were exported, not scaled by the sampling rate"},
	{.name = "rollup", .type = WEIR_OPTION_CHOICE, .argument = "auto|never|always",
	 .offset = offsetof(struct values, rollup),
	 .help = "whether the sums that are kept per minute and hour may answer; the numbers are the same (default auto)"},
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson",
	 .offset = offsetof(struct weir_query_values, format), .help = "how to write the rows (default table)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

static enum weir_metric metric_of(const char *name)
{
	if (strcmp(name, "packets") == 0)
		return WEIR_METRIC_PACKETS;
	return strcmp(name, "flows") == 0 ? WEIR_METRIC_FLOWS : WEIR_METRIC_BYTES;
}

static enum weir_rollup rollup_of(const char *name)
{
	if (strcmp(name, "never") == 0)
		return WEIR_ROLLUP_NEVER;
	return strcmp(name, "always") == 0 ? WEIR_ROLLUP_ALWAYS : WEIR_ROLLUP_AUTO;
}

static void print_footer(const struct weir_ranking *r, double seconds)
{
	char flows[WEIR_HUMAN_MAX], bytes[WEIR_HUMAN_MAX], packets[WEIR_HUMAN_MAX], window[128];

	(void)weir_human_number((double)r->total[0], "", flows);
	(void)weir_human_number((double)r->total[1], "B", bytes);
	(void)weir_human_number((double)r->total[2], "", packets);
	weir_query_window_text(&r->top->window, window, sizeof(window));
	if (!r->rows)
		printf("no flow matches; %s; %.3f s\n", window, seconds);
	else
		printf("\nof %s flows, %s, %s packets%s; %s; %.3f s%s\n", flows, bytes, packets,
		       r->top->exported ? " as exported" : "", window, seconds,
		       weir_top_uses_rollup(r->top) ? " from sums" : "");
}

static int write_rows(const struct weir_ranking *r, enum weir_format format, double seconds)
{
	struct weir_output_options options = weir_query_output(format);
	struct weir_output_column columns[WEIR_DIMENSIONS_MAX + WEIR_RANKING_SHOWN];
	struct weir_output *output = NULL;
	unsigned count = weir_ranking_columns(r->top, columns);
	int rc = weir_output_new(&options, columns, count, &output);

	if (!rc)
		rc = weir_ranking_write(r, output);
	if (!rc)
		rc = weir_output_end(output);
	weir_output_free(output);
	if (!rc && format == WEIR_FORMAT_TABLE && options.terminal)
		print_footer(r, seconds);
	return rc;
}

static int ask(struct weir_client *client, const struct weir_top *top, const char *sql, enum weir_format format)
{
	int64_t began_ns = weir_clock_mono_ns(&weir_clock_system);
	struct weir_error err = {0};
	struct weir_ranking ranking;
	struct weir_tsv_sink sink;
	struct weir_tsv tsv;
	int rc;

	weir_ranking_init(&ranking, top);
	sink = weir_ranking_sink(&ranking);
	rc = weir_tsv_init(&tsv, &sink);
	if (!rc)
		rc = weir_client_stream(client, sql, NULL, 1, weir_tsv_feed, &tsv, &err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	weir_tsv_done(&tsv);
	if (!rc)
		rc = write_rows(&ranking, format,
				(double)(weir_clock_mono_ns(&weir_clock_system) - began_ns) / (double)WEIR_NS_PER_S);
	weir_ranking_done(&ranking);
	return rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
}

static int run_top(const struct weir_top *top, const struct weir_query_values *values)
{
	struct weir_error err = {0};
	struct weir_client *client = NULL;
	struct weir_buffer sql;
	int status;

	weir_buffer_init(&sql);
	if (weir_top_sql(top, &sql, &err) || !weir_buffer_cstr(&sql)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else if (values->explain) {
		status = weir_query_explain(&sql);
	} else {
		status = weir_query_connect(values, &client);
		if (!status)
			status = ask(client, top, (const char *)sql.data,
				     (enum weir_format)weir_format_find(values->format));
	}
	weir_client_free(client);
	weir_buffer_done(&sql);
	return status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {
		.common.format = "table", .by = "src_addr", .metric = "bytes", .rollup = "auto", .rows = 10};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_top top = {0};
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	top.metric = metric_of(values.metric);
	top.rollup = rollup_of(values.rollup);
	top.exported = values.exported;
	top.rows_max = values.rows;
	if (weir_dimensions_parse(values.by, "--by", true, top.dimension, WEIR_DIMENSIONS_MAX, &top.dimensions, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	status = weir_query_window(&values.common, &top.window);
	if (!status)
		status = weir_query_filter(operands, argv, &filter);
	if (status)
		return status;
	top.filter = filter;
	status = run_top(&top, &values.common);
	weir_filter_free(filter);
	return status;
}

const struct weir_command weir_command_top = {
	.name = "top",
	.arguments = "[OPTION]… [FILTER]",
	.summary = "the biggest senders, receivers, services: sums of flows by any columns",
	.text = "Groups the flows that the filter lets through by the columns of --by, and shows the biggest groups with "
		"their bytes, packets and flows, and their share of all that the filter lets through.\n\n"
		"bytes and packets are scaled by the sampling rate, so that they estimate the traffic; --exported gives "
		"them as they came. flows counts the records. In CSV and JSON all numbers are exact, and share is from 0 to "
		"1.\n\n" WEIR_QUERY_TIME_TEXT "\n\n"
		"`weir flows --help` explains the filter.",
	.options = OPTIONS,
	.examples = "weir top\tthe biggest senders of the last hour\n"
		    "weir top --by dst_addr,dst_port -n 20 proto tcp and not dst net 10.0.0.0/8\twho is served outside\n"
		    "weir top --by src_addr/24 --last 7d --metric flows\tnetworks by their number of flows\n"
		    "weir top --by hour,in_if --from yesterday --to today -n 1000 -f csv\ta table to plot",
	.run = run,
};
