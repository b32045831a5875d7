/* `weir capacity`: how full links and edges are, and when they will be. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/query.h"
#include "cli/rows.h"
#include "query/report_text.h"

#define ROWS_DEFAULT 50

struct values {
	struct weir_query_values common;
	const char *by;
	struct weir_option_list limits;
	uint64_t rows;
};

static const struct weir_option OPTIONS[] = {
	{.name = "by", .letter = 'b', .type = WEIR_OPTION_CHOICE, .argument = "interface|zone|subnet", .offset = offsetof(struct values, by),
	 .help = "of what: interfaces, or edges of the matrix between zones or subnets (default interface)"},
	{.name = "limit", .type = WEIR_OPTION_LIST, .argument = "[WHAT=]RATE", .offset = offsetof(struct values, limits),
	 .help = "bits a second that a link has or that were agreed, as 10G or \"office to servers=200M\"; WHAT is as the list shows it, and "
		 "without it all others are meant; may stand several times"},
	{.name = "rows", .letter = 'n', .type = WEIR_OPTION_NUMBER, .argument = "N", .offset = offsetof(struct values, rows), .min = 1,
	 .max = 1000000, .help = "how many, the fullest first (default 50)"},
	{.name = "last", .letter = 'l', .type = WEIR_OPTION_TEXT, .argument = "DURATION", .offset = offsetof(struct weir_query_values, last),
	 .help = "how far back (default 30d); a trend needs three days"},
	{.name = "from", .type = WEIR_OPTION_TEXT, .argument = "TIME", .offset = offsetof(struct weir_query_values, from), .help = "the beginning"},
	{.name = "to", .type = WEIR_OPTION_TEXT, .argument = "TIME", .offset = offsetof(struct weir_query_values, to),
	 .help = "the end, which is not included (default now)"},
	{.name = "explain", .type = WEIR_OPTION_FLAG, .offset = offsetof(struct weir_query_values, explain),
	 .help = "print the SQL in place of running it"},
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson",
	 .offset = offsetof(struct weir_query_values, format), .help = "how to write the rows (default table)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

/* A table is for reading: megabits, and no columns that the eye does not need. */
static const char TABLE_HEAD[] =
	"SELECT what, name, way, round(limit_bps / 1e6, 3) AS limit_mbps, round(p95_bps / 1e6, 3) AS p95_mbps, round(peak_bps / 1e6, 3) AS peak_mbps, "
	"round(utilisation * 100, 1) AS percent, round(trend_bps_day / 1e6, 3) AS mbps_a_day, round(trend_error / 1e6, 3) AS give_or_take, "
	"reached, reached_earliest AS earliest, reached_latest AS latest FROM (\n";

static const struct {
	char letter;
	double factor;
} UNITS[] = {{'k', 1e3}, {'K', 1e3}, {'M', 1e6}, {'G', 1e9}, {'T', 1e12}};

/* "10G", "1.5M", "64000": bits a second. */
static int parse_rate(const char *text, uint64_t *ret_bps)
{
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0; end != text && *end && i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		if (*end == UNITS[i].letter) {
			value *= UNITS[i].factor;
			end++;
			break;
		}
	}
	if (end == text || *end || !(value >= 1 && value <= 1e18))
		return -EINVAL;
	*ret_bps = (uint64_t)value;
	return 0;
}

/* The map of limits as the store reads a parameter; -EINVAL for what is no limit. */
static int put_limits(const struct weir_option_list *limits, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "{");

	for (unsigned i = 0; i < limits->count && !rc; i++) {
		const char *item = limits->item[i];
		const char *equals = strrchr(item, '=');
		size_t len = equals ? (size_t)(equals - item) : 0;
		uint64_t bps;

		if (memchr(item, '\'', len) || memchr(item, '\\', len) || parse_rate(equals ? equals + 1 : item, &bps))
			return -EINVAL;
		rc = weir_buffer_printf(out, "%s'%.*s':%" PRIu64, i ? "," : "", (int)len, item, bps);
	}
	return rc ? rc : weir_buffer_text(out, "}");
}

static int put_sql(enum weir_format format, struct weir_buffer *out)
{
	bool table = format == WEIR_FORMAT_TABLE;
	int rc = weir_buffer_text(out, table ? TABLE_HEAD : "");

	if (!rc)
		rc = weir_buffer_text(out, weir_embedded_find(weir_report_texts, "capacity"));
	return rc ? rc : weir_buffer_text(out, table ? ")\n" : "");
}

static int show(struct weir_client *client, const struct values *values, const struct weir_window *window, const char *limits)
{
	enum weir_format format = (enum weir_format)weir_format_find(values->common.format);
	char from[24], to[24], rows[24];
	const struct weir_client_setting settings[] = {
		{"param_from_ms", from}, {"param_to_ms", to}, {"param_by", values->by}, {"param_limits", limits}, {"param_limit", rows}, {NULL, NULL},
	};
	struct weir_error err = {0};
	struct weir_buffer sql;
	uint64_t found = 0;
	int status = WEIR_EXIT_OK;
	int rc;

	(void)snprintf(from, sizeof(from), "%" PRId64, window->from_ms);
	(void)snprintf(to, sizeof(to), "%" PRId64, window->to_ms);
	(void)snprintf(rows, sizeof(rows), "%" PRIu64, values->rows);
	weir_buffer_init(&sql);
	rc = put_sql(format, &sql);
	if (!rc && values->common.explain)
		status = weir_query_explain(&sql);
	else if (!rc)
		rc = weir_rows_ask(client, weir_buffer_cstr(&sql), settings, format, false, &found, &err);
	if (!rc && !found && !values->common.explain && format == WEIR_FORMAT_TABLE && isatty(STDOUT_FILENO))
		printf("no traffic in a whole %s of the window\n", strcmp(values->by, "interface") == 0 ? "five minutes" : "hour");
	weir_buffer_done(&sql);
	return rc ? weir_query_failed(rc, client, &err) : status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.common.format = "table", .by = "interface", .rows = ROWS_DEFAULT};
	struct weir_client *client = NULL;
	struct weir_buffer limits;
	struct weir_window window;
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (operands)
		return weir_usage(self, "\"%s\" is too much", argv[1]);
	if (!values.common.last && !values.common.from)
		values.common.last = "30d";
	status = weir_query_window(&values.common, &window);
	if (status)
		return status;
	weir_buffer_init(&limits);
	if (put_limits(&values.limits, &limits) || !weir_buffer_cstr(&limits))
		status = weir_usage(self, "--limit takes bits a second, as 10G or \"office to servers=200M\"");
	if (!status && !values.common.explain)
		status = weir_query_connect(&values.common, &client);
	if (!status)
		status = show(client, &values, &window, weir_buffer_cstr(&limits));
	weir_client_free(client);
	weir_buffer_done(&limits);
	return status;
}

const struct weir_command weir_command_capacity = {
	.name = "capacity",
	.arguments = "[OPTION]…",
	.summary = "how full links and edges of the matrix are, and when they will be",
	.text = "Shows rates of each interface and way (from sums of five minutes) or of each edge between zones or subnets (from hours, both ways): the 95th "
		"percentile, the peak, the share of the limit, and the trend: a straight line through each day's 95th percentile, with the uncertainty of its "
		"slope (95 %), and the day on which it reaches the limit, the earliest and the latest. Where the latest is missing, it may never be; where all "
		"are, it is not so within ten years, or there is no limit.\n\n"
		"An interface's limit is the speed that sFlow's counters tell of it, unless --limit says another.",
	.options = OPTIONS,
	.examples = "weir capacity\tinterfaces, the fullest first\n"
		    "weir capacity --limit 1G --last 90d\twhere no speed is known, a gigabit\n"
		    "weir capacity --by zone --limit 'office to servers=200M'\tagreed rates",
	.run = run,
};
