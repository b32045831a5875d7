/* `weir capacity`: how full links and edges are, and when they will be. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/query.h"
#include "cli/rows.h"
#include "config/config.h"
#include "config/quantity.h"
#include "flow/addr.h"
#include "query/report_text.h"

#define ROWS_DEFAULT 50
#define NAME_MAX_LEN 300

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
		 "without it all are meant of which nothing else is known; may stand several times"},
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
	"SELECT what, name, way, round(limit_bps / 1e6, 3) AS limit_mbps, limit_from, round(p95_bps / 1e6, 3) AS p95_mbps, round(peak_bps / 1e6, 3) AS peak_mbps, "
	"round(utilisation * 100, 1) AS percent, round(trend_bps_day / 1e6, 3) AS mbps_a_day, round(trend_error / 1e6, 3) AS give_or_take, "
	"reached, reached_earliest AS earliest, reached_latest AS latest FROM (\n";

/* Whose word a limit is, those with the last word first. */
enum origin { ORIGIN_ASKED, ORIGIN_AGREED, ORIGIN_CONFIGURED, ORIGINS };

static const char *const ORIGIN_NAMES[ORIGINS] = {"asked", "agreed", "configured"};

struct limit {
	char *name; /* owned */
	uint64_t bps;
	enum origin origin;
	unsigned order;
};

struct limits {
	struct limit *limit; /* owned */
	unsigned count;
	struct weir_buffer rates; /* maps as the store reads a parameter */
	struct weir_buffer origins;
};

/* What an interface is called by the store, where it is one: addresses have several ways of writing. */
static void put_name(const char *item, size_t len, char *ret_name, size_t size)
{
	const char *slash = memchr(item, '/', len);
	size_t n = slash ? (size_t)(slash - item) : size;
	char text[WEIR_ADDR_TEXT_MAX];
	struct weir_addr addr;

	(void)snprintf(ret_name, size, "%.*s", (int)len, item);
	if (n >= sizeof(text))
		return;
	memcpy(text, item, n);
	text[n] = '\0';
	if (weir_addr_parse(text, &addr))
		return;
	(void)weir_addr_text(&addr, text);
	(void)snprintf(ret_name, size, "%s%.*s", text, (int)(len - n), slash);
}

/* -EINVAL for what is no limit. There is room for it. */
static int add_limit(struct limits *l, const char *item, enum origin origin)
{
	const char *equals = strrchr(item, '=');
	size_t len = equals ? (size_t)(equals - item) : 0;
	struct limit *limit = &l->limit[l->count];
	char name[NAME_MAX_LEN];

	if (len >= sizeof(name) || memchr(item, '\'', len) || memchr(item, '\\', len) ||
	    weir_rate_parse(equals ? equals + 1 : item, &limit->bps))
		return -EINVAL;
	put_name(item, len, name, sizeof(name));
	limit->name = strdup(name);
	limit->origin = origin;
	limit->order = l->count;
	if (!limit->name)
		return -ENOMEM;
	l->count++;
	return 0;
}

static int compare_limits(const void *a, const void *b)
{
	const struct limit *one = a;
	const struct limit *other = b;
	int rc = strcmp(one->name, other->name);

	return rc ? rc : one->order < other->order ? -1 : 1;
}

/* Of each thing's limits the first one added. */
static int put_maps(struct limits *l)
{
	const char *before = NULL;
	int rc = weir_buffer_text(&l->rates, "{");

	if (!rc)
		rc = weir_buffer_text(&l->origins, "{");
	for (unsigned i = 0; i < l->count && !rc; i++) {
		const struct limit *limit = &l->limit[i];
		const char *comma = before ? "," : "";

		if (before && strcmp(before, limit->name) == 0)
			continue;
		before = limit->name;
		rc = weir_buffer_printf(&l->rates, "%s'%s':%" PRIu64, comma, limit->name, limit->bps);
		if (!rc)
			rc = weir_buffer_printf(&l->origins, "%s'%s':'%s'", comma, limit->name, ORIGIN_NAMES[limit->origin]);
	}
	if (!rc)
		rc = weir_buffer_text(&l->rates, "}");
	if (!rc)
		rc = weir_buffer_text(&l->origins, "}");
	return rc ? rc : weir_buffer_cstr(&l->rates) && weir_buffer_cstr(&l->origins) ? 0 : -ENOMEM;
}

/* In the order in which they count; of a list the last of the same thing. */
static int put_limits(struct limits *l, const struct values *values, const struct weir_config *config)
{
	size_t most = values->limits.count + config->capacity_limits.count + config->exporters_speeds.count;
	int rc = 0;

	l->limit = calloc(most ? most : 1, sizeof(*l->limit));
	if (!l->limit)
		return -ENOMEM;
	for (unsigned i = values->limits.count; i-- > 0 && !rc;)
		rc = add_limit(l, values->limits.item[i], ORIGIN_ASKED);
	for (unsigned i = config->capacity_limits.count; i-- > 0 && !rc;)
		rc = add_limit(l, config->capacity_limits.item[i], ORIGIN_AGREED);
	for (unsigned i = config->exporters_speeds.count; i-- > 0 && !rc;)
		rc = add_limit(l, config->exporters_speeds.item[i], ORIGIN_CONFIGURED);
	if (rc)
		return rc;
	qsort(l->limit, l->count, sizeof(*l->limit), compare_limits);
	return put_maps(l);
}

static void limits_done(struct limits *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->limit[i].name);
	free(l->limit);
	weir_buffer_done(&l->rates);
	weir_buffer_done(&l->origins);
}

static int put_sql(enum weir_format format, struct weir_buffer *out)
{
	bool table = format == WEIR_FORMAT_TABLE;
	int rc = weir_buffer_text(out, table ? TABLE_HEAD : "");

	if (!rc)
		rc = weir_buffer_text(out, weir_embedded_find(weir_report_texts, "capacity"));
	return rc ? rc : weir_buffer_text(out, table ? ")\n" : "");
}

static int show(struct weir_client *client, const struct values *values, const struct weir_window *window, struct limits *limits)
{
	enum weir_format format = (enum weir_format)weir_format_find(values->common.format);
	char from[24], to[24], rows[24];
	const struct weir_client_setting settings[] = {
		{"param_from_ms", from}, {"param_to_ms", to}, {"param_by", values->by},
		{"param_limits", weir_buffer_cstr(&limits->rates)},
		{"param_origins", weir_buffer_cstr(&limits->origins)}, {"param_limit", rows}, {NULL, NULL},
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
	struct limits limits = {0};
	struct weir_config config = {0};
	struct weir_error err = {0};
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
	if (weir_config_read(weir_config_find(values.common.config), &config, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	weir_buffer_init(&limits.rates);
	weir_buffer_init(&limits.origins);
	if (put_limits(&limits, &values, &config))
		status = weir_usage(self, "--limit takes bits a second, as 10G or \"office to servers=200M\"");
	if (!status && !values.common.explain)
		status = weir_query_connect(&values.common, &client);
	if (!status)
		status = show(client, &values, &window, &limits);
	weir_client_free(client);
	limits_done(&limits);
	weir_config_done(&config);
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
		"A limit is, in this order: what --limit says of it by name (asked), capacity.limits (agreed) and exporters.speeds (configured) of the "
		"configuration, the speed that the exporter told over SNMP (snmp), the one of sFlow's counters (counters), and what --limit says without a name "
		"(others). limit_from says which it was.",
	.options = OPTIONS,
	.examples = "weir capacity\tinterfaces, the fullest first\n"
		    "weir capacity --limit 1G --last 90d\twhere no speed is known, a gigabit\n"
		    "weir capacity --by zone --limit 'office to servers=200M'\tagreed rates",
	.run = run,
};
