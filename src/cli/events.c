/* `weir events`: what rules found, and what people say of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/query.h"
#include "cli/rows.h"
#include "query/printable.h"
#include "query/report_text.h"

#define ROWS_DEFAULT 50
#define FOLLOW_S     2

struct values {
	struct weir_query_values common;
	const char *level;
	const char *rule;
	const char *subject;
	const char *category;
	const char *state;
	const char *comment;
	const char *span;
	uint64_t rows;
	bool follow;
};

static const struct weir_option OPTIONS[] = {
	{.name = "level", .type = WEIR_OPTION_CHOICE, .argument = "info|notice|warning|error|critical",
	 .offset = offsetof(struct values, level), .help = "this one and worse (default info)"},
	{.name = "rule", .letter = 'r', .type = WEIR_OPTION_TEXT, .argument = "RULE", .offset = offsetof(struct values, rule),
	 .help = "of this rule only, as dns/unapproved"},
	{.name = "subject", .letter = 's', .type = WEIR_OPTION_TEXT, .argument = "SUBJECT", .offset = offsetof(struct values, subject),
	 .help = "about this one only, as the list shows it"},
	{.name = "category", .type = WEIR_OPTION_TEXT, .argument = "CATEGORY", .offset = offsetof(struct values, category),
	 .help = "of this category only"},
	{.name = "state", .type = WEIR_OPTION_CHOICE, .argument = "open|acknowledged|silenced|all", .offset = offsetof(struct values, state),
	 .help = "which to show (default open)"},
	{.name = "rows", .letter = 'n', .type = WEIR_OPTION_NUMBER, .argument = "N", .offset = offsetof(struct values, rows), .min = 1,
	 .max = 1000000, .help = "how many events (default 50)"},
	{.name = "follow", .letter = 'F', .type = WEIR_OPTION_FLAG, .offset = offsetof(struct values, follow),
	 .help = "go on, and print events as they begin, until Ctrl-C"},
	{.name = "comment", .letter = 'm', .type = WEIR_OPTION_TEXT, .argument = "TEXT", .offset = offsetof(struct values, comment),
	 .help = "of ack and silence: why"},
	{.name = "for", .type = WEIR_OPTION_TEXT, .argument = "DURATION", .offset = offsetof(struct values, span),
	 .help = "of silence: how long, as 2h or 7d (default 1d)"},
	WEIR_QUERY_WINDOW_OPTIONS,
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson",
	 .offset = offsetof(struct weir_query_values, format), .help = "how to write the events (default table; with --follow a line each)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

/* A table shows what fits a screen; the other forms have everything. */
static const char TABLE_HEAD[] = "SELECT last_seen, level, rule, subject, flows, bytes, state, message FROM (\n";

static int put_sql(const struct values *values, struct weir_buffer *out)
{
	const char *text = weir_embedded_find(weir_report_texts, "events");
	bool table = strcmp(values->common.format, "table") == 0;
	int rc = weir_buffer_text(out, table ? TABLE_HEAD : "");

	if (!rc)
		rc = weir_buffer_text(out, text);
	return rc ? rc : weir_buffer_text(out, table ? ")\n" : "");
}

struct numbers {
	char from_ms[24];
	char to_ms[24];
	char limit[24];
};

static void fill_settings(const struct values *values, const struct weir_window *window, struct numbers *numbers,
			  struct weir_client_setting ret_settings[10])
{
	const struct weir_client_setting settings[] = {
		{"param_from_ms", numbers->from_ms}, {"param_to_ms", numbers->to_ms},	    {"param_level", values->level},
		{"param_rule", values->rule},	     {"param_subject", values->subject},    {"param_category", values->category},
		{"param_state", values->state},	     {"param_limit", numbers->limit},	    {"param_offset", "0"},
		{NULL, NULL},
	};

	(void)snprintf(numbers->from_ms, sizeof(numbers->from_ms), "%" PRId64, window->from_ms);
	(void)snprintf(numbers->to_ms, sizeof(numbers->to_ms), "%" PRId64, window->to_ms);
	(void)snprintf(numbers->limit, sizeof(numbers->limit), "%" PRIu64, values->rows);
	memcpy(ret_settings, settings, sizeof(settings));
}

static int list(struct weir_client *client, const struct values *values)
{
	enum weir_format format = (enum weir_format)weir_format_find(values->common.format);
	struct weir_client_setting settings[10];
	struct weir_window window;
	struct numbers numbers;
	struct weir_error err = {0};
	struct weir_buffer sql;
	uint64_t rows = 0;
	int status = weir_query_window(&values->common, &window);
	int rc;

	if (status)
		return status;
	weir_buffer_init(&sql);
	fill_settings(values, &window, &numbers, settings);
	rc = put_sql(values, &sql);
	if (!rc && values->common.explain)
		status = weir_query_explain(&sql);
	else if (!rc)
		rc = weir_rows_ask(client, weir_buffer_cstr(&sql), settings, format, false, &rows, &err);
	if (!rc && !rows && !values->common.explain && format == WEIR_FORMAT_TABLE && isatty(STDOUT_FILENO)) {
		char text[128];

		weir_query_window_text(&window, text, sizeof(text));
		printf("no event; %s\n", text);
	}
	weir_buffer_done(&sql);
	return rc ? weir_query_failed(rc, client, &err) : status;
}

/* A line for a terminal or a pipe, without what could move the cursor. */
static int print_line(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct weir_buffer line;
	int rc = 0;

	(void)ctx, (void)totals;
	weir_buffer_init(&line);
	for (unsigned i = 0; i < count && !rc; i++) {
		rc = i ? weir_buffer_text(&line, "  ") : 0;
		if (!rc)
			rc = weir_printable_append(cells[i].text, cells[i].len, 0, &line);
	}
	if (!rc)
		rc = weir_buffer_text(&line, "\n");
	if (!rc)
		rc = weir_query_put(NULL, line.data, line.len);
	weir_buffer_done(&line);
	return rc;
}

static int skip_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types, (void)count;
	return 0;
}

static int print_lines(struct weir_client *client, const char *sql, const struct weir_client_setting *settings, struct weir_error *err)
{
	struct weir_client_setting all[12] = {{"default_format", "TabSeparatedWithNamesAndTypes"}};
	struct weir_tsv_sink sink = {.header = skip_header, .row = print_line};
	struct weir_tsv tsv = {0};
	int rc = weir_tsv_init(&tsv, &sink);

	for (unsigned i = 0; settings[i].name; i++)
		all[i + 1] = settings[i];
	if (!rc)
		rc = weir_client_stream(client, sql, all, 1, weir_tsv_feed, &tsv, err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	weir_tsv_done(&tsv);
	return rc;
}

/* Events that began since: a line each, for an event is told again and again while it goes on. */
static int follow(struct weir_client *client, const struct values *values)
{
	const char *sql = weir_embedded_find(weir_report_texts, "events_since");
	bool lines = strcmp(values->common.format, "table") == 0;
	struct weir_client_setting settings[10];
	struct weir_window window;
	struct numbers numbers;
	struct weir_error err = {0};
	int status = weir_query_window(&values->common, &window);
	int rc = 0;

	while (!status && !rc) {
		fill_settings(values, &window, &numbers, settings);
		rc = lines ? print_lines(client, sql, settings, &err) :
			     weir_rows_ask(client, sql, settings, WEIR_FORMAT_NDJSON, false, NULL, &err);
		(void)fflush(stdout);
		if (rc || sleep(FOLLOW_S))
			break;
		/* An event is told within a second or two of its first flow; it must not fall between two looks. */
		window.from_ms = window.to_ms;
		window.to_ms = weir_clock_wall_ns(&weir_clock_system) / 1000000 - 5000;
		if (window.to_ms < window.from_ms)
			window.to_ms = window.from_ms;
	}
	return rc ? weir_query_failed(rc, client, &err) : status;
}

/* Who says it: the user who typed it. */
static const char *user_name(void)
{
	const char *name = getlogin();

	return name ? name : "";
}

static int note(struct weir_client *client, const struct values *values, const char *kind, int64_t until_ms)
{
	char until[24];
	const struct weir_client_setting settings[] = {
		{"param_rule", values->rule}, {"param_subject", values->subject}, {"param_kind", kind},
		{"param_until_ms", until},    {"param_user", user_name()},	  {"param_comment", values->comment},
		{NULL, NULL},
	};
	struct weir_error err = {0};
	int rc;

	(void)snprintf(until, sizeof(until), "%" PRId64, until_ms);
	rc = weir_client_query(client, weir_embedded_find(weir_report_texts, "event_note"), settings, 0, NULL, &err);
	if (rc)
		return weir_query_failed(rc, client, &err);
	printf("%s %s%s%s\n", strcmp(kind, "ack") == 0 ? "acknowledged:" : "silenced:", values->rule, *values->subject ? " about " : "",
	       values->subject);
	return WEIR_EXIT_OK;
}

static int ack(const struct weir_command *self, struct weir_client *client, const struct values *values)
{
	if (!*values->rule)
		return weir_usage(self, "ack needs --rule, and --subject where it is about one only");
	return note(client, values, "ack", 0);
}

static int silence(const struct weir_command *self, struct weir_client *client, const struct values *values)
{
	int64_t span_ms;

	if (!*values->rule)
		return weir_usage(self, "silence needs --rule, and --subject where it is about one only");
	if (weir_time_span_parse(values->span, strlen(values->span), &span_ms))
		return weir_usage(self, "--for takes a duration, as 2h or 7d");
	return note(client, values, "silence", weir_clock_wall_ns(&weir_clock_system) / 1000000 + span_ms);
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.common = {.format = "table"}, .level = "info", .rule = "", .subject = "", .category = "",
				.state = "open", .comment = "", .span = "1d", .rows = ROWS_DEFAULT};
	struct weir_client *client = NULL;
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);
	const char *verb = operands ? argv[1] : "list";

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (operands > 1 || (strcmp(verb, "list") != 0 && strcmp(verb, "ack") != 0 && strcmp(verb, "silence") != 0))
		return weir_usage(self, "\"%s\" is none of list, ack and silence", operands > 1 ? argv[2] : verb);
	if (!values.common.explain)
		status = weir_query_connect(&values.common, &client);
	if (status)
		return status;
	if (strcmp(verb, "ack") == 0)
		status = ack(self, client, &values);
	else if (strcmp(verb, "silence") == 0)
		status = silence(self, client, &values);
	else
		status = values.follow ? follow(client, &values) : list(client, &values);
	weir_client_free(client);
	return status;
}

const struct weir_command weir_command_events = {
	.name = "events",
	.arguments = "[OPTION]… [list|ack|silence]",
	.summary = "what the rules of the policy found",
	.text = "Lists events, the newest first: flows that a rule with the action alert or deny judged, folded by rule and subject, with the first, the last and "
		"how many. The filter of an event (--format json shows it) finds the flows behind it with `weir flows`.\n\n"
		"ack says that everything found until now is known; silence hides what a rule finds for a time. Both need --rule, and --subject where they "
		"are about one only.",
	.options = OPTIONS,
	.examples = "weir events --last 1d --level error\tthe worst of today\n"
		    "weir events --follow\tas they come\n"
		    "weir events ack --rule snmp/stranger --subject 10.1.0.7 -m 'new monitoring, ticket 4711'\tseen\n"
		    "weir events silence --rule clear-text/ftp --for 7d\tnot for a week",
	.run = run,
};
