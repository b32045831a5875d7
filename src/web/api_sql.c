/* POST /api/v1/sql, and the routes about running queries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "query/report.h"
#include "query/statement.h"
#include "web/rows.h"

/* The columns are known when the answer begins. */
struct statement {
	struct weir_web_call *call;
	struct weir_json json;
	struct weir_web_rows rows;
	struct weir_output_column *column; /* owned */
	char **name;			   /* owned, each too */
	unsigned count;
};

static void statement_done(struct statement *s)
{
	weir_web_rows_done(&s->rows);
	for (unsigned i = 0; s->name && i < s->count; i++)
		free(s->name[i]);
	free(s->name);
	free(s->column);
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	struct statement *s = ctx;

	s->count = count;
	s->name = calloc(count, sizeof(*s->name));
	s->column = calloc(count, sizeof(*s->column));
	if (!s->name || !s->column)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		s->name[i] = strndup(names[i].text, names[i].len);
		if (!s->name[i])
			return -ENOMEM;
		s->column[i].name = s->name[i];
		s->column[i].kind = weir_kind_of_type(types[i].text, types[i].len);
	}
	return weir_web_rows_begin(&s->rows, s->call, &s->json, s->column, count);
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct statement *s = ctx;

	(void)count;
	return totals ? 0 : weir_web_rows_put(&s->rows, cells);
}

/* What a statement that only reads begins with. The store refuses what writes; KILL QUERY is none of that to it. */
static bool begins_as_question(const char *sql)
{
	static const char *const WORDS[] = {"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "FROM"};
	const char *word = weir_sql_first_word(sql);
	size_t len = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (*word == '(')
		return true;
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		if (len == strlen(WORDS[i]) && strncasecmp(word, WORDS[i], len) == 0)
			return true;
	}
	return false;
}

/* Where ClickHouse stopped to read, as the filter's mistakes are told. */
static void find_place(struct weir_web_call *call, const char *sql)
{
	static const char marker[] = "failed at position ";
	const char *at = strstr(call->err.what, marker);
	unsigned long position = at ? strtoul(at + sizeof(marker) - 1, NULL, 10) : 0;

	if (!position)
		return;
	/* Behind the end stands what the store itself puts there. */
	if (position > strlen(sql) + 1)
		position = strlen(sql) + 1;
	call->has_place = true;
	call->at = weir_web_units(sql, position - 1);
	call->len = 1;
}

static int run_statement(struct statement *s, const char *sql)
{
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = s};
	int rc = weir_web_begin_query(s->call);

	if (rc)
		return rc;
	if (s->rows.format == WEIR_FORMAT_JSON)
		s->json = weir_web_begin_json(s->call);
	else
		weir_web_download(s->call, "sql", s->rows.format);
	s->rows.json = &s->json;
	rc = weir_web_query_run(s->call->query, sql, NULL, &sink, true, &s->call->err);
	if (rc == -EREMOTEIO)
		find_place(s->call, sql);
	if (!rc && (s->rows.begun || s->rows.format == WEIR_FORMAT_JSON))
		rc = weir_web_rows_end(&s->rows);
	if (!rc && s->rows.format == WEIR_FORMAT_JSON)
		rc = weir_web_end_json(s->call, &s->json);
	return rc;
}

int weir_web_run_sql(struct weir_web_call *call)
{
	const char *sql = weir_web_text(&call->parameters, "sql");
	struct statement s = {.call = call, .rows = {.format = weir_web_format(call)}};
	int rc;

	s.rows.rows_max = weir_web_number(&call->parameters, "limit");
	if (s.rows.format == WEIR_FORMAT_JSON && s.rows.rows_max > WEIR_WEB_JSON_ROWS_MAX)
		return weir_error_set(&call->err, -EINVAL, "limit", "take format=csv or ndjson", "an answer in JSON has %d rows at most",
				      WEIR_WEB_JSON_ROWS_MAX);
	if (weir_sql_names_format(sql, strlen(sql)))
		return weir_error_set(&call->err, -EINVAL, "sql", "leave FORMAT away; the parameter format takes csv and ndjson",
				      "the statement names a format");
	rc = begins_as_question(sql) ? run_statement(&s, sql)
				     : weir_error_set(&call->err, -EREMOTEIO, "sql", "begin with SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS",
						      "statements here may only ask");
	statement_done(&s);
	weir_web_audit(call, "sql", rc ? "failed" : "ok", sql);
	return rc;
}

/* --- running queries -------------------------------------------------------------------------------------- */

/* A viewer sees its own only. */
static const char *whose(const struct weir_web_call *call)
{
	return call->who.role >= WEIR_WEB_OPERATOR ? NULL : call->who.name;
}

static int show(struct weir_web_call *call, bool cancel)
{
	const char *id = weir_web_text(&call->parameters, "id");
	struct weir_json json = {.out = &call->answer.body};
	int rc = weir_web_asker_show(call->web->asker, id, whose(call), cancel, &json);

	if (rc == -ENOENT)
		return weir_error_set(&call->err, rc, "id", NULL, "no query of yours with this id runs");
	return rc ? rc : json.rc;
}

int weir_web_get_query(struct weir_web_call *call)
{
	return show(call, false);
}

int weir_web_cancel_query(struct weir_web_call *call)
{
	int rc = show(call, true);

	if (!rc)
		weir_web_audit(call, "cancel", "ok", weir_web_text(&call->parameters, "id"));
	return rc;
}

int weir_web_get_queries(struct weir_web_call *call)
{
	struct weir_json json = weir_web_begin_json(call);

	weir_json_open(&json, "queries", '[');
	weir_web_asker_list(call->web->asker, whose(call), &json);
	weir_json_close(&json, ']');
	return weir_web_end_json(call, &json);
}
