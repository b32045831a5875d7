/* `weir sql`: the store's own language. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/query.h"
#include "cli/rows.h"
#include "query/printable.h"
#include "query/report.h"
#include "query/statement.h"

#define SQL_MAX (16UL * 1024 * 1024)
#define LINE_HELD_MAX (64UL * 1024)

struct values {
	struct weir_query_values common;
	bool write;
};

static const struct weir_option OPTIONS[] = {
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_TEXT, .argument = "FORMAT",
	 .offset = offsetof(struct weir_query_values, format),
	 .help = "table, csv, json, ndjson, or the name of any ClickHouse format, such as Parquet (default table on a "
		 "terminal, else TabSeparated)"},
	{.name = "write", .letter = 'w', .type = WEIR_OPTION_FLAG, .offset = offsetof(struct values, write),
	 .help = "allow statements that change something"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

/* An answer in a format of ClickHouse's. */
struct raw {
	struct weir_output_options options;
	struct weir_buffer held; /* on a terminal: a line whose end has not come */
};

/* A failed call; the place where ClickHouse stopped reading the statement is shown as that of a filter is. */
static int failed(int rc, const struct weir_client *client, const char *sql, const struct weir_error *err)
{
	static const char marker[] = "failed at position ";
	const char *at = rc == -EREMOTEIO ? strstr(err->what, marker) : NULL;
	unsigned long position = at ? strtoul(at + sizeof(marker) - 1, NULL, 10) : 0;
	int status = weir_query_failed(rc, client, err);
	struct weir_filter_mistake place = {.len = 1};
	struct weir_buffer caret;

	if (!position || position > strlen(sql) + 1)
		return status;
	place.at = position - 1;
	weir_buffer_init(&caret);
	if (weir_filter_caret(sql, strlen(sql), &place, &caret) == 0)
		(void)fwrite(caret.data, 1, caret.len, stderr);
	weir_buffer_done(&caret);
	return status;
}

static int ask_rows(struct weir_client *client, const char *sql, enum weir_format format, bool write)
{
	struct weir_error err = {0};
	int rc = weir_rows_ask(client, sql, NULL, format, write, NULL, &err);

	return rc ? failed(rc, client, sql, &err) : WEIR_EXIT_OK;
}

/* A piece of a raw answer for a terminal: all but line ends and tabs that is not printable is written as \xNN. */
static int put_guarded(const char *text, size_t len)
{
	struct weir_buffer out;
	int rc = 0;

	weir_buffer_init(&out);
	while (!rc && len) {
		size_t plain = 0;

		while (plain < len && text[plain] != '\n' && text[plain] != '\t')
			plain++;
		rc = weir_printable_append(text, plain, 0, &out);
		if (!rc && plain < len)
			rc = weir_buffer_append(&out, text + plain, 1);
		text += plain + (plain < len);
		len -= plain + (plain < len);
	}
	if (!rc && out.len)
		rc = weir_query_put(NULL, out.data, out.len);
	weir_buffer_done(&out);
	return rc;
}

static int take_raw(void *ctx, const void *data, size_t len)
{
	struct raw *a = ctx;
	const char *newline;
	size_t whole;
	int rc;

	if (!a->options.terminal)
		return weir_query_put(NULL, data, len);
	/* Whole lines only, so that no character is cut in two by the pieces in which the answer comes. */
	rc = weir_buffer_append(&a->held, data, len);
	if (rc)
		return rc;
	newline = memrchr(a->held.data, '\n', a->held.len);
	whole = newline ? (size_t)(newline - (const char *)a->held.data) + 1 : 0;
	if (!whole && a->held.len > LINE_HELD_MAX)
		whole = a->held.len;
	rc = put_guarded((const char *)a->held.data, whole);
	memmove(a->held.data, a->held.data + whole, a->held.len - whole);
	a->held.len -= whole;
	return rc;
}

static int ask_raw(struct weir_client *client, const char *sql, const char *format, bool write)
{
	const struct weir_client_setting settings[] = {{"default_format", format}, {0}};
	struct raw a = {.options = weir_query_output(WEIR_FORMAT_TABLE)};
	struct weir_error err = {0};
	int rc = weir_client_stream(client, sql, settings, !write, take_raw, &a, &err);

	if (!rc && a.held.len)
		rc = put_guarded((const char *)a.held.data, a.held.len);
	weir_buffer_done(&a.held);
	return rc ? failed(rc, client, sql, &err) : WEIR_EXIT_OK;
}

static int read_stdin(char **ret_sql, struct weir_error *err)
{
	struct weir_buffer text;
	size_t got;
	int rc = 0;

	weir_buffer_init(&text);
	do {
		rc = weir_buffer_reserve(&text, 65536);
		if (rc)
			break;
		got = fread(text.data + text.len, 1, 65535, stdin);
		text.len += got;
		text.data[text.len] = '\0';
	} while (got && text.len <= SQL_MAX);
	if (!rc && ferror(stdin))
		rc = weir_error_set(err, -EIO, "standard input", NULL, "cannot be read");
	else if (!rc && text.len > SQL_MAX)
		rc = weir_error_set(err, -E2BIG, "standard input", NULL, "the statement is longer than 16 MB");
	else if (rc)
		rc = weir_error_set(err, rc, NULL, NULL, "out of memory");
	if (rc) {
		weir_buffer_done(&text);
		return rc;
	}
	*ret_sql = (char *)text.data;
	return 0;
}

static bool is_format_name(const char *name)
{
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p))
			return false;
	}
	return *name;
}

static int run_sql(const char *sql, const struct values *values)
{
	const char *format = values->common.format;
	bool terminal = isatty(STDOUT_FILENO) == 1;
	struct weir_client *client = NULL;
	int status = weir_query_connect(&values->common, &client);
	int own;

	if (status)
		return status;
	if (!format)
		format = terminal ? "table" : "TabSeparated";
	own = weir_format_find(format);
	if (own >= 0 && !weir_sql_names_format(sql, strlen(sql)))
		status = ask_rows(client, sql, (enum weir_format)own, values->write);
	else
		status = ask_raw(client, sql, own >= 0 ? "TabSeparated" : format, values->write);
	weir_client_free(client);
	return status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {0};
	struct weir_error err = {0};
	char *sql = NULL;
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (!operands && isatty(STDIN_FILENO) == 1)
		return weir_usage(self, "say what to ask, or - for standard input");
	if (values.common.format && !is_format_name(values.common.format))
		return weir_usage(self, "--format takes table, csv, json, ndjson or the name of a ClickHouse format");
	if (!operands || (operands == 1 && strcmp(argv[1], "-") == 0)) {
		if (read_stdin(&sql, &err))
			return weir_fail(WEIR_EXIT_USAGE, &err);
	} else {
		sql = weir_operands_join(operands, argv);
	}
	if (!sql) {
		(void)weir_error_set(&err, -ENOMEM, NULL, NULL, "out of memory");
		return weir_fail(WEIR_EXIT_FAILED, &err);
	}
	status = run_sql(sql, &values);
	free(sql);
	return status;
}

const struct weir_command weir_command_sql = {
	.name = "sql",
	.arguments = "[OPTION]… STATEMENT|-",
	.summary = "ask the store in ClickHouse's SQL",
	.text = "Runs one statement. It may only read, unless --write is given. - takes the statement from standard input.\n\n"
		"The tables are flows (a row a flow, \"DESCRIBE flows\" explains the columns) and flows_1m and flows_1h (sums a minute and an hour). "
		"Traffic is sum(bytes * greatest(sampling_rate, 1)). A condition on time_received keeps a query fast.\n\n"
		"A FORMAT clause in the statement is obeyed. On a terminal, whatever is not printable is shown as \\xNN.",
	.options = OPTIONS,
	.examples = "weir sql \"SELECT count(), min(time_received) FROM flows\"\thow much there is\n"
		    "weir sql -f Parquet \"SELECT * FROM flows WHERE time_received >= today()\" >today.parquet\ta file for "
		    "others\n"
		    "weir sql - <report.sql\ta statement from a file",
	.run = run,
};
