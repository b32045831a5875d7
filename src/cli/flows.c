/* `weir flows`: the flows themselves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/query.h"
#include "query/list.h"
#include "query/report.h"

#define ROWS_DEFAULT 50

struct values {
	struct weir_query_values common;
	const char *columns;
	const char *order;
	uint64_t rows;
};

static const struct weir_option OPTIONS[] = {
	{.name = "columns", .letter = 'o', .type = WEIR_OPTION_TEXT, .argument = "COLUMNS",
	 .offset = offsetof(struct values, columns),
	 .help = "which columns to show, or \"all\" (default " WEIR_LIST_COLUMNS_DEFAULT ")"},
	{.name = "rows", .letter = 'n', .type = WEIR_OPTION_NUMBER, .argument = "N", .offset = offsetof(struct values, rows),
	 .help = "how many flows; 0 shows all (default 50)"},
	{.name = "order", .type = WEIR_OPTION_CHOICE, .argument = "newest|oldest", .offset = offsetof(struct values, order),
	 .help = "which come first (default newest)"},
	WEIR_QUERY_WINDOW_OPTIONS,
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson",
	 .offset = offsetof(struct weir_query_values, format), .help = "how to write the flows (default table)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

/* Takes the answer as it comes: the output needs nothing of it but the cells. */
struct listing {
	struct weir_output *output;
	unsigned columns;
	uint64_t rows;
};

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct listing *l = ctx;

	(void)names, (void)types;
	return count == l->columns ? 0 : -EPROTO;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct listing *l = ctx;

	(void)count, (void)totals;
	l->rows++;
	return weir_output_row(l->output, cells);
}

static void print_footer(const struct listing *l, const struct weir_list *list, int64_t began_ns)
{
	double seconds = (double)(weir_clock_mono_ns(&weir_clock_system) - began_ns) / (double)WEIR_NS_PER_S;
	char window[128];

	weir_query_window_text(&list->window, window, sizeof(window));
	if (!l->rows)
		printf("no flow matches; %s; %.3f s\n", window, seconds);
	else
		printf("\n%" PRIu64 " flows%s; %s; %.3f s\n", l->rows,
		       l->rows == list->rows_max ? ", and there may be more (-n 0 shows all)" : "", window, seconds);
}

static int ask(struct weir_client *client, const struct weir_list *list, const char *sql, enum weir_format format)
{
	struct weir_output_options options = weir_query_output(format);
	int64_t began_ns = weir_clock_mono_ns(&weir_clock_system);
	struct weir_output_column columns[WEIR_LIST_MAX];
	struct listing l = {.columns = list->columns};
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = &l};
	struct weir_error err = {0};
	struct weir_tsv tsv = {0};
	int rc;

	for (unsigned i = 0; i < list->columns; i++)
		columns[i] = (struct weir_output_column){.name = list->column[i].name,
							 .kind = weir_field(list->column[i].field).kind};
	rc = weir_output_new(&options, columns, list->columns, &l.output);
	if (!rc)
		rc = weir_tsv_init(&tsv, &sink);
	if (!rc)
		rc = weir_client_stream(client, sql, NULL, 1, weir_tsv_feed, &tsv, &err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	if (!rc)
		rc = weir_output_end(l.output);
	if (!rc && format == WEIR_FORMAT_TABLE && options.terminal)
		print_footer(&l, list, began_ns);
	weir_tsv_done(&tsv);
	weir_output_free(l.output);
	return rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
}

static int run_list(const struct weir_list *list, const struct weir_query_values *values)
{
	struct weir_error err = {.what = "out of memory"};
	struct weir_client *client = NULL;
	struct weir_buffer sql;
	int status;

	weir_buffer_init(&sql);
	if (weir_list_sql(list, &sql) || !weir_buffer_cstr(&sql)) {
		status = weir_fail(WEIR_EXIT_FAILED, &err);
	} else if (values->explain) {
		status = weir_query_explain(&sql);
	} else {
		status = weir_query_connect(values, &client);
		if (!status)
			status = ask(client, list, (const char *)sql.data,
				     (enum weir_format)weir_format_find(values->format));
	}
	weir_client_free(client);
	weir_buffer_done(&sql);
	return status;
}

/* "all": every column of the column table. */
static int parse_columns(const char *text, struct weir_dimension *column, unsigned *ret_count, struct weir_error *err)
{
	if (strcmp(text, "all") != 0)
		return weir_dimensions_parse(text, "--columns", false, column, WEIR_LIST_MAX, ret_count, err);
	for (unsigned id = 0; id < WEIR_COLUMNS; id++) {
		column[id].field = id;
		(void)snprintf(column[id].name, sizeof(column[id].name), "%s", weir_columns[id].name);
	}
	*ret_count = WEIR_COLUMNS;
	return 0;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {
		.common.format = "table", .columns = WEIR_LIST_COLUMNS_DEFAULT, .order = "newest", .rows = ROWS_DEFAULT};
	struct weir_dimension column[WEIR_LIST_MAX] = {0};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_list list = {.column = column};
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (parse_columns(values.columns, column, &list.columns, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	list.oldest_first = strcmp(values.order, "oldest") == 0;
	list.rows_max = values.rows;
	status = weir_query_window(&values.common, &list.window);
	if (!status)
		status = weir_query_filter(operands, argv, &filter);
	if (status)
		return status;
	list.filter = filter;
	status = run_list(&list, &values.common);
	weir_filter_free(filter);
	return status;
}

const struct weir_command weir_command_flows = {
	.name = "flows",
	.arguments = "[OPTION]… [FILTER]",
	.summary = "list the flows that a filter lets through",
	.text = "Lists flows, newest first. In CSV, JSON and NDJSON all values are exact.\n\n" WEIR_QUERY_TIME_TEXT "\n\n"
		"The filter is in the habit of nfdump and tcpdump. Tests:\n\n"
		"    [src|dst] ip ADDRESS      also host, net; ADDRESS is 192.0.2.1, 10.0.0.0/8, 2001:db8::/32 or A-B\n"
		"    [src|dst] port N          80, 8000-8080, > 1023, in [80 443 8000-8080]\n"
		"    proto P                   tcp, udp, icmp, icmp6, gre, esp … or a number; also tcp alone, tcp port 80\n"
		"    flags SA                  these TCP flags are set; not flags SA: none of them is; flags = SA: only these\n"
		"    [in|out] if N             interface; the same for vrf, vlan, mac\n"
		"    [src|dst] as N            AS number; mask, vlan, mac, tos, xip, xport (after translation)\n"
		"    exporter ADDRESS          also router, next, bgpnext\n"
		"    bytes > 1.5M              also packets, bps, pps, bpp; k, M, G, T are powers of 1000; as exported\n"
		"    duration > 5s             90s, 15m, 500ms; a bare number is milliseconds\n"
		"    ipv4, ipv6, any\n"
		"    COLUMN OPERATOR VALUE     every column of the store: icmp_type 8, user_name = \"x\", time_end < now-1h\n\n"
		"Operators are = == != < <= > >= and in [LIST]; without one it is =. Tests are joined by and, or, not (&&, ||, "
		"!) and parentheses. Without src or dst a test is about either; port != 80 means that neither is. Quote the "
		"whole filter where it has signs that the shell takes for its own.",
	.options = OPTIONS,
	.examples = "weir flows src ip 10.0.0.0/8 and dst port 53\twho asks for names\n"
		    "weir flows -n 0 --from today -f ndjson proto icmp\tevery ICMP flow of today, for a program\n"
		    "weir flows --columns time_start,duration,src_addr,dst_addr,bps 'bytes > 100M'\tthe long ones",
	.run = run,
};
