/* Events: the list, and the two things that operators say of one. The statements are the reports that `weir events` uses as well, and
 * values go to the store beside them, as parameters. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query/report_text.h"
#include "web/call.h"

#define ALL	   "1000000" /* more events than a page counts */
#define TIME_MAX   INT64_C(4102444800000) /* 2100 */
#define NUMBER_MAX 24

static int put_report(const char *report, struct weir_buffer *out)
{
	return weir_buffer_text(out, weir_embedded_find(weir_report_texts, report));
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types, (void)count;
	return 0;
}

/* --- an event --------------------------------------------------------------------------------------------- */

enum { ID, RULE, SEVERITY, STATE, WHAT, FILTER_TEXT, COMMENT, BY, SRC, DST, FIRST, LAST, COUNT, UNTIL, CELLS };

/* In the order of the enum: texts, then addresses, then numbers. */
static const struct {
	const char *key;
	const char *sql;
} CELL[CELLS] = {
	[ID] = {"id", "event_id"},
	[RULE] = {"rule", "rule"},
	[SEVERITY] = {"severity", "level"},
	[STATE] = {"state", "state"},
	[WHAT] = {"what", "message"},
	[FILTER_TEXT] = {"filter", "filter"},
	[COMMENT] = {"comment", "comment"},
	[BY] = {"by", "multiIf(state = 'silenced', silenced_by, state = 'acknowledged', acknowledged_by, '')"},
	[SRC] = {"src", "client"},
	[DST] = {"dst", "server"},
	[FIRST] = {"first_ms", "toUnixTimestamp64Milli(first_seen)"},
	[LAST] = {"last_ms", "toUnixTimestamp64Milli(last_seen)"},
	[COUNT] = {"count", "flows"},
	[UNTIL] = {"until_ms", "if(state = 'silenced', toUnixTimestamp64Milli(silenced_until), 0)"},
};

/* An event of a whole rule has no addresses: "::". */
static void put_address(struct weir_json *json, const char *key, const struct weir_cell *cell)
{
	char text[WEIR_ADDR_TEXT_MAX];
	struct weir_addr addr;

	if (cell->len >= sizeof(text))
		return;
	memcpy(text, cell->text, cell->len);
	text[cell->len] = '\0';
	if (strcmp(text, "::") == 0 || weir_addr_parse(text, &addr))
		return;
	(void)weir_addr_text(&addr, text);
	weir_json_text(json, key, text);
}

static void put_members(struct weir_json *json, const struct weir_cell *cells)
{
	for (unsigned i = ID; i <= BY; i++) {
		if (cells[i].len || i <= WHAT)
			weir_json_bytes(json, CELL[i].key, cells[i].text, cells[i].len);
	}
	put_address(json, CELL[SRC].key, &cells[SRC]);
	put_address(json, CELL[DST].key, &cells[DST]);
	for (unsigned i = FIRST; i < CELLS; i++) {
		uint64_t value = weir_web_cell_number(&cells[i]);

		if (value || i != UNTIL)
			weir_json_whole(json, CELL[i].key, value);
	}
}

struct events {
	struct weir_web_call *call;
	struct weir_json json;
	bool one; /* its members belong to the answer itself */
	uint64_t rows;
};

static int take_event(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct events *e = ctx;

	(void)totals;
	if (count != CELLS)
		return -EPROTO;
	e->rows++;
	if (!e->one)
		weir_json_open(&e->json, NULL, '{');
	put_members(&e->json, cells);
	if (!e->one)
		weir_json_close(&e->json, '}');
	return e->json.rc;
}

static int ask_events(struct events *e, const struct weir_client_setting *values, const char *id)
{
	const struct weir_tsv_sink sink = {.header = take_header, .row = take_event, .ctx = e};
	struct weir_buffer sql;
	int rc = 0;

	weir_buffer_init(&sql);
	for (unsigned i = 0; !rc && i < CELLS; i++)
		rc = weir_buffer_printf(&sql, "%s%s", i ? ", " : "SELECT ", CELL[i].sql);
	if (!rc)
		rc = weir_buffer_text(&sql, " FROM (\n");
	if (!rc)
		rc = put_report("events", &sql);
	/* The id has nothing but hexadecimal digits. */
	if (!rc)
		rc = id ? weir_buffer_printf(&sql, ") WHERE event_id = '%s'", id) : weir_buffer_text(&sql, ")");
	if (!rc)
		rc = weir_web_run_with(e->call, &sql, values, &sink);
	weir_buffer_done(&sql);
	return rc;
}

/* --- the list --------------------------------------------------------------------------------------------- */

static int take_count(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	(void)totals;
	if (count != 1)
		return -EPROTO;
	*(uint64_t *)ctx = weir_web_cell_number(&cells[0]);
	return 0;
}

static int ask_count(struct weir_web_call *call, const struct weir_client_setting *values, uint64_t *ret_count)
{
	const struct weir_tsv_sink sink = {.header = take_header, .row = take_count, .ctx = ret_count};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_buffer_text(&sql, "SELECT count() FROM (\n");
	if (!rc)
		rc = put_report("events", &sql);
	if (!rc)
		rc = weir_buffer_text(&sql, ")");
	if (!rc)
		rc = weir_web_run_with(call, &sql, values, &sink);
	weir_buffer_done(&sql);
	return rc;
}

static const char *text_of(const struct weir_web_call *call, const char *name)
{
	const char *text = weir_web_text(&call->parameters, name);

	return text ? text : "";
}

/* All values of events.sql but the ends of what is listed. */
#define EVENTS_VALUES(from_, to_, level_, rule_, subject_, state_)                                                     \
	{"param_from_ms", from_}, {"param_to_ms", to_}, {"param_level", level_}, {"param_rule", rule_},              \
		{"param_subject", subject_}, {"param_category", ""}, {"param_state", state_}

int weir_web_get_events(struct weir_web_call *call)
{
	char from[NUMBER_MAX], to[NUMBER_MAX], limit[NUMBER_MAX], offset[NUMBER_MAX];
	const struct weir_client_setting values[] = {
		EVENTS_VALUES(from, to, text_of(call, "severity"), text_of(call, "rule"), "", text_of(call, "state")),
		{"param_limit", limit}, {"param_offset", offset}, {NULL, NULL}};
	const struct weir_client_setting all[] = {
		EVENTS_VALUES(from, to, text_of(call, "severity"), text_of(call, "rule"), "", text_of(call, "state")),
		{"param_limit", ALL}, {"param_offset", "0"}, {NULL, NULL}};
	uint64_t most = weir_web_number(&call->parameters, "limit");
	uint64_t skipped = weir_web_number(&call->parameters, "offset");
	struct events e = {.call = call};
	struct weir_window window;
	uint64_t count;
	int rc = weir_web_take_window(call, "1d", &window);

	if (!rc)
		rc = weir_web_begin_query(call);
	if (rc)
		return rc;
	(void)snprintf(from, sizeof(from), "%" PRId64, window.from_ms);
	(void)snprintf(to, sizeof(to), "%" PRId64, window.to_ms);
	(void)snprintf(limit, sizeof(limit), "%" PRIu64, most);
	(void)snprintf(offset, sizeof(offset), "%" PRIu64, skipped);
	e.json = weir_web_begin_json(call);
	weir_json_open(&e.json, "events", '[');
	rc = ask_events(&e, values, NULL);
	weir_json_close(&e.json, ']');
	count = skipped + e.rows;
	/* A part of them, or nothing behind their end, does not tell how many there are. */
	if (!rc && (e.rows == most || (!e.rows && skipped))) {
		count = 0;
		rc = ask_count(call, all, &count);
	}
	weir_json_whole(&e.json, "count", count);
	return rc ? rc : weir_web_end_json(call, &e.json);
}

/* --- notes ------------------------------------------------------------------------------------------------ */

struct whom {
	struct weir_buffer rule, subject;
	bool found;
};

static int take_whom(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct whom *whom = ctx;
	int rc;

	(void)totals;
	if (count != 2)
		return -EPROTO;
	whom->found = true;
	rc = weir_buffer_append(&whom->rule, cells[0].text, cells[0].len);
	return rc ? rc : weir_buffer_append(&whom->subject, cells[1].text, cells[1].len);
}

static int find_whom(struct weir_web_call *call, const char *id, struct whom *whom)
{
	const struct weir_client_setting values[] = {{"param_id", id}, {NULL, NULL}};
	const struct weir_tsv_sink sink = {.header = take_header, .row = take_whom, .ctx = whom};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = put_report("event_of_id", &sql);
	if (!rc)
		rc = weir_web_run_with(call, &sql, values, &sink);
	weir_buffer_done(&sql);
	if (!rc && !whom->found)
		rc = weir_error_set(&call->err, -ENOENT, "id", "the list of events has their ids", "there is no event %s", id);
	return rc;
}

static int write_note(struct weir_web_call *call, const char *rule, const char *subject, const char *kind, int64_t until_ms)
{
	char until[NUMBER_MAX];
	const struct weir_client_setting values[] = {
		{"param_rule", rule}, {"param_subject", subject}, {"param_kind", kind}, {"param_until_ms", until},
		{"param_user", call->who.name}, {"param_comment", text_of(call, "comment")}, {NULL, NULL}};
	struct weir_buffer sql;
	const char *text;
	int rc;

	(void)snprintf(until, sizeof(until), "%" PRId64, until_ms);
	weir_buffer_init(&sql);
	rc = put_report("event_note", &sql);
	text = rc ? NULL : weir_buffer_cstr(&sql);
	if (!rc)
		rc = text ? weir_web_query_tell(call->query, text, values, &call->err) : -ENOMEM;
	weir_buffer_done(&sql);
	return rc;
}

/* The event as it is now, with all that was ever found. */
static int put_event(struct weir_web_call *call, const char *id, const char *rule, const char *subject)
{
	char to[NUMBER_MAX];
	const struct weir_client_setting values[] = {
		EVENTS_VALUES("0", to, "info", rule, subject, "all"), {"param_limit", ALL}, {"param_offset", "0"}, {NULL, NULL}};
	struct events e = {.call = call, .one = true};
	int rc;

	(void)snprintf(to, sizeof(to), "%" PRId64, TIME_MAX);
	e.json = weir_web_begin_json(call);
	rc = ask_events(&e, values, id);
	if (!rc && e.rows != 1)
		rc = weir_error_set(&call->err, -ENOENT, "id", NULL, "the event %s was removed meanwhile", id);
	return rc ? rc : weir_web_end_json(call, &e.json);
}

static int note(struct weir_web_call *call, const char *kind, int64_t until_ms)
{
	const char *id = text_of(call, "id");
	struct whom whom = {.found = false};
	const char *rule, *subject;
	int rc;

	if (strlen(id) > 16 || id[strspn(id, "0123456789abcdef")])
		return weir_error_set(&call->err, -EINVAL, "id", "the list of events has their ids", "up to 16 hexadecimal digits belong here");
	weir_buffer_init(&whom.rule);
	weir_buffer_init(&whom.subject);
	rc = weir_web_begin_query(call);
	if (!rc)
		rc = find_whom(call, id, &whom);
	rule = rc ? NULL : weir_buffer_cstr(&whom.rule);
	subject = rc ? NULL : weir_buffer_cstr(&whom.subject);
	if (!rc && (!rule || !subject))
		rc = -ENOMEM;
	if (!rc) {
		rc = write_note(call, rule, subject, kind, until_ms);
		weir_web_audit(call, call->route->name, rc ? "failed" : "ok", id);
	}
	if (!rc)
		rc = put_event(call, id, rule, subject);
	weir_buffer_done(&whom.rule);
	weir_buffer_done(&whom.subject);
	return rc;
}

int weir_web_acknowledge(struct weir_web_call *call)
{
	return note(call, "ack", 0);
}

int weir_web_silence(struct weir_web_call *call)
{
	const char *span = text_of(call, "for");
	int64_t now_ms = weir_clock_wall_ns(call->web->options.clock) / WEIR_NS_PER_MS;
	int64_t span_ms;

	if (weir_time_span_parse(span, strlen(span), &span_ms) || span_ms <= 0)
		return weir_error_set(&call->err, -EINVAL, "for", NULL, "a duration belongs here, as 2h or 7d");
	if (span_ms > TIME_MAX - now_ms)
		return weir_error_set(&call->err, -EINVAL, "for", NULL, "a silence must end before 2100");
	return note(call, "silence", now_ms + span_ms);
}
