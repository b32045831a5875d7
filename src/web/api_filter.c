/* GET /api/v1/filter/check and /complete, for an input field that marks mistakes and proposes what may come. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query/complete.h"
#include "query/output.h"
#include "query/report_parts.h"
#include "web/call.h"

#define VALUES_LAST_MS (INT64_C(3600) * 1000)
#define VALUES_FLOWS   200000

int weir_web_check_filter(struct weir_web_call *call)
{
	struct weir_filter *filter = NULL;
	struct weir_buffer sql;
	int rc = weir_web_take_filter(call, weir_web_text(&call->parameters, "filter"), &filter);
	struct weir_json json;

	if (rc && rc != -EINVAL)
		return rc;
	json = weir_web_begin_json(call);
	weir_json_bool(&json, "ok", rc == 0);
	if (rc) {
		weir_json_open(&json, "error", '{');
		weir_json_text(&json, "code", "bad_filter");
		weir_json_text(&json, "message", call->err.what);
		if (*call->err.next)
			weir_json_text(&json, "next", call->err.next);
		weir_json_text(&json, "where", "filter");
		weir_json_whole(&json, "at", call->at);
		weir_json_whole(&json, "len", call->len);
		weir_json_close(&json, '}');
		return weir_web_end_json(call, &json);
	}
	weir_buffer_init(&sql);
	rc = weir_filter_sql(filter, WEIR_FILTER_FLOWS, &sql);
	if (!rc) {
		weir_json_bytes(&json, "sql", sql.data, sql.len);
		weir_json_bool(&json, "rollup", weir_filter_fits_rollup(filter));
		rc = weir_web_end_json(call, &json);
	}
	weir_buffer_done(&sql);
	weir_filter_free(filter);
	return rc;
}

/* --- completion ------------------------------------------------------------------------------------------- */

struct offer {
	struct weir_web_call *call;
	struct weir_json json;
	uint64_t left;
	const char *begun; /* in the filter's text */
	size_t begun_len;
	struct weir_output_column column; /* of values */
	bool quoted;
};

static int put(void *ctx, enum weir_suggestion kind, const char *text, const char *help)
{
	static const char *const KINDS[] = {
		[WEIR_SUGGEST_FIELD] = "field",	    [WEIR_SUGGEST_DIRECTION] = "direction", [WEIR_SUGGEST_OPERATOR] = "operator",
		[WEIR_SUGGEST_VALUE] = "value",	    [WEIR_SUGGEST_WORD] = "word",
	};
	struct offer *o = ctx;

	if (!o->left)
		return 0;
	o->left--;
	weir_json_open(&o->json, NULL, '{');
	weir_json_text(&o->json, "text", text);
	weir_json_text(&o->json, "kind", KINDS[kind]);
	if (help && *help)
		weir_json_text(&o->json, "help", help);
	weir_json_close(&o->json, '}');
	return 0;
}

/* A text that is one word needs no quotes. */
static bool is_word(const char *text)
{
	return *text && !strpbrk(text, " \t\n\r()[],!=<>&|\"'\\");
}

static int put_text_value(struct offer *o, const char *text)
{
	struct weir_buffer quoted;
	int rc = 0;

	if (!o->quoted && is_word(text))
		return put(o, WEIR_SUGGEST_VALUE, text, NULL);
	weir_buffer_init(&quoted);
	rc = weir_buffer_text(&quoted, "\"");
	for (const char *p = text; !rc && *p; p++)
		rc = weir_buffer_printf(&quoted, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	if (!rc)
		rc = weir_buffer_text(&quoted, "\"");
	if (!rc && weir_buffer_cstr(&quoted))
		rc = put(o, WEIR_SUGGEST_VALUE, (const char *)quoted.data, NULL);
	weir_buffer_done(&quoted);
	return rc;
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == 2 ? 0 : -EPROTO;
}

static int take_value(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct offer *o = ctx;
	struct weir_buffer text;
	bool literal;
	int rc;

	(void)count, (void)totals;
	weir_buffer_init(&text);
	rc = weir_cell_exact(&o->column, &cells[0], &text, &literal);
	if (!rc && weir_buffer_cstr(&text) && text.len && text.len < 256 && text.len >= o->begun_len &&
	    memcmp(text.data, o->begun, o->begun_len) == 0)
		rc = put_text_value(o, (const char *)text.data);
	weir_buffer_done(&text);
	return rc;
}

/* The frequent values of a field among the newest flows of the last hour that begin as what was typed. Values are made text
 * after they are grouped: with a million flows that is a tenth of the work. */
static int put_sql(const struct offer *o, const struct weir_completion *c, struct weir_buffer *out)
{
	int64_t now_ms = weir_clock_wall_ns(o->call->web->options.clock) / WEIR_NS_PER_MS;
	bool pair = c->other != WEIR_FIELD_NONE;
	int rc = weir_buffer_printf(out, "SELECT v, count() AS n\nFROM\n(\n  SELECT %s AS a, %s AS b\n  FROM flows\n  WHERE ",
				    weir_field(c->field).sql, pair ? weir_field(c->other).sql : "0");

	if (!rc)
		rc = weir_report_put_window(now_ms - VALUES_LAST_MS, now_ms, out);
	if (!rc)
		rc = weir_buffer_printf(out, "\n  ORDER BY toStartOfMinute(time_received) DESC\n  LIMIT %d\n)\nARRAY JOIN %s AS v\nGROUP BY v",
					VALUES_FLOWS, pair ? "[a, b]" : "[a]");
	if (!rc && o->begun_len) {
		rc = weir_buffer_text(out, "\nHAVING startsWith(replaceOne(toString(v), '::ffff:', ''), ");
		if (!rc)
			rc = weir_sql_quote(o->begun, o->begun_len, out);
		if (!rc)
			rc = weir_buffer_text(out, ")");
	}
	return rc ? rc : weir_buffer_printf(out, "\nORDER BY n DESC, v\nLIMIT %" PRIu64 WEIR_REPORT_FORMAT, o->left);
}

static bool has_values(enum weir_kind kind)
{
	return kind == WEIR_KIND_NUMBER || kind == WEIR_KIND_ADDR || kind == WEIR_KIND_TEXT || kind == WEIR_KIND_MAC;
}

static int put_values(struct offer *o, const struct weir_completion *c)
{
	struct weir_tsv_sink sink = {.header = take_header, .row = take_value, .ctx = o};
	struct weir_buffer sql;
	int rc;

	o->column.kind = weir_field(c->field).kind;
	if (o->column.kind == WEIR_KIND_MAC)
		o->begun_len = 0; /* numbers in the store: what was typed is compared here */
	weir_buffer_init(&sql);
	rc = put_sql(o, c, &sql);
	if (!rc)
		rc = weir_web_begin_query(o->call);
	/* A store that does not answer is no reason to propose nothing. */
	if (!rc && weir_web_run(o->call, &sql, &sink) == -ENOMEM)
		rc = -ENOMEM;
	weir_buffer_done(&sql);
	return rc == -EBUSY ? 0 : rc;
}

/* The byte at a place in UTF-16 units; the length where it is behind the end. */
static size_t byte_at(const char *text, size_t units)
{
	size_t len = strlen(text);
	size_t at = 0;

	while (at < len && weir_web_units(text, at) < units) {
		at++;
		while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

int weir_web_complete_filter(struct weir_web_call *call)
{
	const char *filter = weir_web_text(&call->parameters, "filter");
	size_t at = weir_web_given(&call->parameters, "at") ? byte_at(filter, (size_t)weir_web_number(&call->parameters, "at"))
							    : strlen(filter);
	struct offer o = {.call = call, .left = weir_web_number(&call->parameters, "limit"), .column = {.name = "v"}};
	struct weir_completion c;
	int rc;

	o.json = weir_web_begin_json(call);
	weir_json_open(&o.json, "suggestions", '[');
	rc = weir_filter_complete(filter, at, &c, put, &o);
	o.begun = filter + c.from + c.quoted;
	o.begun_len = c.to - c.from - c.quoted;
	o.quoted = c.quoted;
	if (!rc && c.field != WEIR_FIELD_NONE && o.left && has_values(weir_field(c.field).kind))
		rc = put_values(&o, &c);
	weir_json_close(&o.json, ']');
	weir_json_whole(&o.json, "from", weir_web_units(filter, c.from));
	weir_json_whole(&o.json, "to", weir_web_units(filter, c.to));
	return rc ? rc : weir_web_end_json(call, &o.json);
}
