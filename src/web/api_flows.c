/* GET /api/v1/flows: pages of flows; GET /api/v1/flow-conversation: both ways of a conversation. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/list.h"
#include "flow/protocol.h"
#include "web/rows.h"
#include "web/sums.h"

#define CONVERSATION_COLUMNS \
	"time_received,exporter_addr,proto,src_addr,src_port,dst_addr,dst_port,tcp_flags,packets,bytes,sampling_rate"

struct listing {
	struct weir_web_call *call;
	struct weir_list list;
	struct weir_dimension field[WEIR_LIST_MAX];
	struct weir_output_column column[WEIR_LIST_MAX + 1];
	struct weir_list_cursor after; /* as it came */
	struct weir_list_cursor last;  /* of the last row that was given */
	struct weir_web_rows rows;
	struct weir_json json;
	bool more;
	bool has_count;
	uint64_t count;
};

/* --- parameters ------------------------------------------------------------------------------------------- */

/* "all", or names. */
static int take_columns(struct listing *l, const char *standard)
{
	const char *text = weir_web_text(&l->call->parameters, "columns");
	int rc = 0;

	l->list.column = l->field;
	if (text && strcmp(text, "all") == 0) {
		for (unsigned id = 0; id < WEIR_COLUMNS; id++) {
			l->field[id] = (struct weir_dimension){.field = id};
			(void)snprintf(l->field[id].name, sizeof(l->field[id].name), "%s", weir_field(id).name);
		}
		l->list.columns = WEIR_COLUMNS;
	} else {
		rc = weir_dimensions_parse(text && *text ? text : standard, "columns", false, l->field, WEIR_LIST_MAX,
					   &l->list.columns, &l->call->err);
	}
	for (unsigned i = 0; !rc && i < l->list.columns; i++)
		l->column[i] = (struct weir_output_column){.name = l->field[i].name, .kind = weir_field(l->field[i].field).kind};
	return rc;
}

static int take_order(struct listing *l)
{
	const struct weir_web_parameters *p = &l->call->parameters;
	struct weir_dimension order;
	unsigned count;
	int rc = weir_dimensions_parse(weir_web_text(p, "order"), "order", false, &order, 1, &count, &l->call->err);

	if (rc)
		return rc;
	l->list.order = order.field;
	l->list.oldest_first = strcmp(weir_web_text(p, "direction"), "asc") == 0;
	return 0;
}

static int take_place(struct listing *l)
{
	const struct weir_web_parameters *p = &l->call->parameters;
	const char *cursor = weir_web_text(p, "cursor");

	l->list.offset = weir_web_number(p, "offset");
	if (!cursor || !*cursor)
		return 0;
	if (weir_web_given(p, "offset") && l->list.offset)
		return weir_error_set(&l->call->err, -EINVAL, "offset", "leave one of them away", "cursor and offset do not go together");
	if (*cursor == 'o' && cursor[1] && strlen(cursor) < 12 && !cursor[1 + strspn(cursor + 1, "0123456789")]) {
		l->list.offset = strtoull(cursor + 1, NULL, 10);
		return 0;
	}
	if (weir_list_cursor_parse(&l->list, cursor, &l->after))
		return weir_error_set(&l->call->err, -EINVAL, "cursor", "take next_cursor of an answer to the same order and direction",
				      "this is no cursor of this list");
	l->list.after = &l->after;
	return 0;
}

static int take_limit(struct listing *l)
{
	uint64_t limit = weir_web_number(&l->call->parameters, "limit");

	l->rows.format = weir_web_format(l->call);
	l->rows.rows_max = limit;
	l->list.rows_max = limit + 1; /* one more tells whether there is more */
	if (l->rows.format == WEIR_FORMAT_JSON && limit > WEIR_WEB_JSON_ROWS_MAX)
		return weir_error_set(&l->call->err, -EINVAL, "limit", "go on with next_cursor, or take format=csv or ndjson",
				      "an answer in JSON has %d rows at most", WEIR_WEB_JSON_ROWS_MAX);
	return 0;
}

/* --- rows ------------------------------------------------------------------------------------------------- */

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct listing *l = ctx;

	(void)names, (void)types;
	return count == l->list.columns + 2 ? 0 : -EPROTO;
}

/* The cursor behind a row: how many rows of its value and time were given, those before the page counted. */
static void note_last(struct listing *l, const struct weir_cell *value, int64_t time_ms)
{
	size_t len = value->len < WEIR_LIST_VALUE_MAX - 1 ? value->len : WEIR_LIST_VALUE_MAX - 1;
	bool by_time = l->list.order == WEIR_COL_TIME_RECEIVED;
	bool first = l->rows.rows == 0;
	bool same = time_ms == l->last.time_ms &&
		    (by_time || (strlen(l->last.value) == len && memcmp(l->last.value, value->text, len) == 0));

	if (first && l->list.after)
		same = time_ms == l->after.time_ms &&
		       (by_time || (strlen(l->after.value) == len && memcmp(l->after.value, value->text, len) == 0));
	if (first)
		l->last.skip = l->list.after && same ? l->after.skip : 0;
	else if (!same)
		l->last.skip = 0;
	l->last.skip++;
	l->last.time_ms = time_ms;
	if (!by_time) {
		memcpy(l->last.value, value->text, len);
		l->last.value[len] = '\0';
	}
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct listing *l = ctx;

	(void)totals;
	if (l->rows.rows == l->rows.rows_max) {
		l->more = true;
		return -ENOBUFS;
	}
	note_last(l, &cells[count - 2], (int64_t)weir_web_cell_number(&cells[count - 1]));
	return weir_web_rows_put(&l->rows, cells);
}

static int ask_rows(struct listing *l)
{
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = l};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_list_sql(&l->list, &sql);
	if (!rc)
		rc = weir_web_run(l->call, &sql, &sink);
	weir_buffer_done(&sql);
	return rc;
}

static int take_one_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == 1 ? 0 : -EPROTO;
}

static int take_count(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct listing *l = ctx;

	(void)count, (void)totals;
	l->count = weir_web_cell_number(&cells[0]);
	return 0;
}

static int ask_count(struct listing *l)
{
	struct weir_tsv_sink sink = {.header = take_one_header, .row = take_count, .ctx = l};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_list_count_sql(&l->list, &sql);
	if (!rc)
		rc = weir_web_run(l->call, &sql, &sink);
	weir_buffer_done(&sql);
	return rc;
}

static int put_cursor(struct listing *l)
{
	struct weir_buffer text;
	int rc;

	if (!l->more) {
		weir_json_null(&l->json, "next_cursor");
		return 0;
	}
	weir_buffer_init(&text);
	/* After a jump, rows equal to all of this page may stand before it: then the place is counted, not named. */
	if (l->list.offset && l->last.skip == l->rows.rows)
		rc = weir_buffer_printf(&text, "o%" PRIu64, l->list.offset + l->rows.rows);
	else
		rc = weir_list_cursor_text(&l->list, &l->last, &text);
	if (!rc)
		weir_json_bytes(&l->json, "next_cursor", text.data, text.len);
	weir_buffer_done(&text);
	return rc;
}

static int put_listing(struct listing *l)
{
	int rc;

	if (l->rows.format == WEIR_FORMAT_JSON) {
		l->json = weir_web_begin_json(l->call);
		weir_web_put_window(&l->json, "window", &l->list.window);
	} else {
		weir_web_download(l->call, "flows", l->rows.format);
	}
	rc = weir_web_rows_begin(&l->rows, l->call, &l->json, l->column, l->list.columns);
	if (!rc)
		rc = ask_rows(l);
	l->rows.truncated = l->more;
	if (!rc)
		rc = weir_web_rows_end(&l->rows);
	if (rc || l->rows.format != WEIR_FORMAT_JSON)
		return rc;
	rc = put_cursor(l);
	if (!rc && weir_web_bool(&l->call->parameters, "count"))
		rc = ask_count(l);
	if (!rc && weir_web_bool(&l->call->parameters, "count"))
		weir_json_whole(&l->json, "count", l->count);
	return rc ? rc : weir_web_end_json(l->call, &l->json);
}

int weir_web_get_flows(struct weir_web_call *call)
{
	struct listing *l = calloc(1, sizeof(*l));
	struct weir_filter *filter = NULL;
	int rc;

	if (!l)
		return -ENOMEM;
	l->call = call;
	l->list.paged = true;
	rc = weir_web_take_window(call, "1h", &l->list.window);
	if (!rc)
		rc = take_columns(l, WEIR_LIST_COLUMNS_DEFAULT);
	if (!rc)
		rc = take_order(l);
	if (!rc)
		rc = take_place(l);
	if (!rc)
		rc = take_limit(l);
	if (!rc)
		rc = weir_web_take_filter(call, weir_web_text(&call->parameters, "filter"), &filter);
	l->list.filter = filter;
	if (!rc)
		rc = weir_web_begin_query(call);
	if (!rc)
		rc = put_listing(l);
	weir_web_rows_done(&l->rows);
	weir_filter_free(filter);
	free(l);
	return rc;
}

/* --- a conversation --------------------------------------------------------------------------------------- */

struct conversation {
	struct listing listing;
	struct weir_addr src, dst;
	char src_text[WEIR_ADDR_TEXT_MAX], dst_text[WEIR_ADDR_TEXT_MAX];
	struct weir_web_sums sums[2]; /* forward, back */
	unsigned src_column, bytes_column, packets_column, rate_column, src_port_column; /* places in the rows */
};

static int take_addr(struct conversation *c, const char *name, struct weir_addr *ret_addr, char *ret_text)
{
	if (weir_addr_parse(weir_web_text(&c->listing.call->parameters, name), ret_addr))
		return weir_error_set(&c->listing.call->err, -EINVAL, name, NULL, "an IPv4 or IPv6 address belongs here");
	(void)weir_addr_text(ret_addr, ret_text);
	return 0;
}

/* The filter in its own language: every part is an address, a number or a name that was looked up. */
static int put_filter(const struct conversation *c, struct weir_buffer *out)
{
	const struct weir_web_parameters *p = &c->listing.call->parameters;
	const char *proto = weir_web_text(p, "proto");
	int rc = 0;

	for (unsigned back = 0; !rc && back < 2; back++) {
		rc = weir_buffer_printf(out, "%s(src ip %s and dst ip %s", back ? " or " : "", back ? c->dst_text : c->src_text,
					back ? c->src_text : c->dst_text);
		if (!rc && weir_web_given(p, "src_port"))
			rc = weir_buffer_printf(out, " and %s port %u", back ? "dst" : "src", (unsigned)weir_web_number(p, "src_port"));
		if (!rc && weir_web_given(p, "dst_port"))
			rc = weir_buffer_printf(out, " and %s port %u", back ? "src" : "dst", (unsigned)weir_web_number(p, "dst_port"));
		if (!rc && proto && *proto)
			rc = weir_buffer_printf(out, " and proto %s", proto);
		if (!rc)
			rc = weir_buffer_text(out, ")");
	}
	return rc;
}

static int check_proto(struct conversation *c)
{
	const char *proto = weir_web_text(&c->listing.call->parameters, "proto");
	size_t digits;

	if (!proto || !*proto || weir_protocol_find(proto, strlen(proto)) >= 0)
		return 0;
	digits = strspn(proto, "0123456789");
	if (!proto[digits] && digits <= 3 && strtoul(proto, NULL, 10) <= 255)
		return 0;
	return weir_error_set(&c->listing.call->err, -EINVAL, "proto", NULL, "a protocol's number or name belongs here");
}

/* The fields that the sums and the way need stand behind the asked ones. */
static int add_needed(struct conversation *c)
{
	static const enum weir_column_id NEEDED[] = {WEIR_COL_SRC_ADDR, WEIR_COL_BYTES, WEIR_COL_PACKETS, WEIR_COL_SAMPLING_RATE,
						     WEIR_COL_SRC_PORT};
	unsigned *const places[] = {&c->src_column, &c->bytes_column, &c->packets_column, &c->rate_column, &c->src_port_column};
	struct weir_list *list = &c->listing.list;

	for (unsigned i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
		if (list->columns == WEIR_LIST_MAX)
			return weir_error_set(&c->listing.call->err, -EINVAL, "columns", NULL, "there are too many columns");
		*places[i] = list->columns;
		c->listing.field[list->columns++] = (struct weir_dimension){.field = NEEDED[i]};
	}
	return 0;
}

static bool is_forward(const struct conversation *c, const struct weir_cell *cells)
{
	const struct weir_web_parameters *p = &c->listing.call->parameters;
	char text[64];
	struct weir_addr addr;

	if (memcmp(&c->src, &c->dst, sizeof(c->src)) == 0)
		return !weir_web_given(p, "src_port") || weir_web_cell_number(&cells[c->src_port_column]) == weir_web_number(p, "src_port");
	if (cells[c->src_column].len >= sizeof(text))
		return true;
	memcpy(text, cells[c->src_column].text, cells[c->src_column].len);
	text[cells[c->src_column].len] = '\0';
	return weir_addr_parse(text, &addr) == 0 && memcmp(&addr, &c->src, sizeof(addr)) == 0;
}

static int take_conversation_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct conversation *c = ctx;

	(void)names, (void)types;
	return count == c->listing.list.columns ? 0 : -EPROTO;
}

static int take_conversation_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct conversation *c = ctx;
	struct weir_cell shown[WEIR_LIST_MAX + 1];
	bool forward = is_forward(c, cells);
	uint64_t rate = weir_web_cell_number(&cells[c->rate_column]);
	struct weir_web_sums sums = {1, weir_web_cell_number(&cells[c->bytes_column]) * (rate ? rate : 1),
				     weir_web_cell_number(&cells[c->packets_column]) * (rate ? rate : 1)};

	(void)count, (void)totals;
	if (c->listing.rows.rows < c->listing.rows.rows_max)
		weir_web_sums_add(&c->sums[!forward], &sums);
	shown[0] = (struct weir_cell){.text = forward ? "forward" : "back", .len = forward ? 7 : 4};
	memcpy(shown + 1, cells, c->src_column * sizeof(*cells));
	return weir_web_rows_put(&c->listing.rows, shown);
}

static int ask_conversation(struct conversation *c)
{
	struct weir_tsv_sink sink = {.header = take_conversation_header, .row = take_conversation_row, .ctx = c};
	struct listing *l = &c->listing;
	struct weir_buffer sql;
	int rc = weir_web_begin_query(l->call);

	if (rc)
		return rc;
	l->json = weir_web_begin_json(l->call);
	weir_web_put_window(&l->json, "window", &l->list.window);
	l->rows.rows_max = weir_web_number(&l->call->parameters, "limit");
	l->rows.format = WEIR_FORMAT_JSON;
	l->list.rows_max = l->rows.rows_max + 1;
	rc = weir_web_rows_begin(&l->rows, l->call, &l->json, l->column, c->src_column + 1);
	weir_buffer_init(&sql);
	if (!rc)
		rc = weir_list_sql(&l->list, &sql);
	if (!rc)
		rc = weir_web_run(l->call, &sql, &sink);
	weir_buffer_done(&sql);
	if (!rc)
		rc = weir_web_rows_end(&l->rows);
	weir_web_put_sums(&l->json, "forward", &c->sums[0]);
	weir_web_put_sums(&l->json, "back", &c->sums[1]);
	return rc ? rc : weir_web_end_json(l->call, &l->json);
}

int weir_web_get_conversation(struct weir_web_call *call)
{
	struct conversation *c = calloc(1, sizeof(*c));
	struct weir_filter *filter = NULL;
	struct weir_buffer text;
	int rc;

	if (!c)
		return -ENOMEM;
	c->listing.call = call;
	c->listing.list.oldest_first = true;
	weir_buffer_init(&text);
	rc = weir_web_take_window(call, "1h", &c->listing.list.window);
	if (!rc)
		rc = take_addr(c, "src_addr", &c->src, c->src_text);
	if (!rc)
		rc = take_addr(c, "dst_addr", &c->dst, c->dst_text);
	if (!rc)
		rc = check_proto(c);
	if (!rc)
		rc = take_columns(&c->listing, CONVERSATION_COLUMNS);
	if (!rc) {
		memmove(c->listing.column + 1, c->listing.column, c->listing.list.columns * sizeof(*c->listing.column));
		c->listing.column[0] = (struct weir_output_column){.name = "way", .kind = WEIR_KIND_TEXT};
		rc = add_needed(c);
	}
	if (!rc)
		rc = put_filter(c, &text);
	if (!rc)
		rc = weir_web_take_filter(call, weir_buffer_cstr(&text), &filter);
	c->listing.list.filter = filter;
	if (!rc)
		rc = ask_conversation(c);
	weir_web_rows_done(&c->listing.rows);
	weir_filter_free(filter);
	weir_buffer_done(&text);
	free(c);
	return rc;
}
