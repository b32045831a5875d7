/* The flow matrix: edges between zones, subnets or addresses, compared with an earlier period, and approved. The statements are those of
 * `weir matrix` (query/matrix.h). What a person names by src and dst becomes a filter of the filter language, so that texts reach the store in one
 * way only, and the same filter, asked of flows, shows those behind an edge. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query/matrix.h"
#include "web/rows.h"

#define FACTOR 2 /* as of `weir matrix diff`: less is no change */

static const struct {
	const char *name;
	const char *src, *dst; /* the fields of its nodes */
} GRAINS[] = {
	[WEIR_GRAIN_ZONE] = {"zone", "src_zone", "dst_zone"},
	[WEIR_GRAIN_SUBNET] = {"subnet", "src_subnet", "dst_subnet"},
	[WEIR_GRAIN_ADDRESS] = {"address", "src_addr", "dst_addr"},
};

static enum weir_grain grain_of(const struct weir_web_call *call)
{
	const char *by = weir_web_text(&call->parameters, "by");
	unsigned i = WEIR_GRAIN_ZONE;

	while (i < WEIR_GRAIN_ADDRESS && strcmp(GRAINS[i].name, by) != 0)
		i++;
	return (enum weir_grain)i;
}

/* --- edges as filters ------------------------------------------------------------------------------------- */

/* "FIELD = "TEXT""; a backslash takes the next character as it is. */
static int put_equal(struct weir_buffer *out, const char *field, const char *text, size_t len)
{
	int rc = weir_buffer_printf(out, "%s = \"", field);

	for (size_t i = 0; !rc && i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			rc = weir_buffer_text(out, "\\");
		if (!rc)
			rc = weir_buffer_append(out, text + i, 1);
	}
	return rc ? rc : weir_buffer_text(out, "\"");
}

struct service {
	bool given;
	uint64_t protocol, port;
};

static int put_service(struct weir_buffer *out, const struct service *service)
{
	return service->given ? weir_buffer_printf(out, " and proto = %" PRIu64 " and service_port = %" PRIu64, service->protocol, service->port) : 0;
}

/* Flows of the edge: those of the client's side, and of the server's, which are turned round. */
static int put_flows_filter(struct weir_buffer *out, enum weir_grain grain, const struct weir_cell *src, const struct weir_cell *dst,
			    const struct service *service)
{
	int rc = 0;

	for (unsigned turned = 0; !rc && turned < 2; turned++) {
		rc = weir_buffer_text(out, turned ? " or (" : "((");
		if (!rc)
			rc = put_equal(out, turned ? GRAINS[grain].dst : GRAINS[grain].src, src->text, src->len);
		if (!rc)
			rc = weir_buffer_text(out, " and ");
		if (!rc)
			rc = put_equal(out, turned ? GRAINS[grain].src : GRAINS[grain].dst, dst->text, dst->len);
		if (!rc)
			rc = weir_buffer_text(out, turned ? " and initiator = 2)" : " and not initiator = 2)");
	}
	if (!rc)
		rc = weir_buffer_text(out, ")");
	return rc ? rc : put_service(out, service);
}

/* The user's own filter, in parentheses; its mistakes have a place in it. */
static int put_own_filter(struct weir_web_call *call, struct weir_buffer *out)
{
	const char *text = weir_web_given(&call->parameters, "filter") ? weir_web_text(&call->parameters, "filter") : "";
	struct weir_filter *filter = NULL;
	int rc;

	if (!text[strspn(text, " \t\r\n")])
		return 0;
	rc = weir_web_take_filter(call, text, &filter);
	weir_filter_free(filter);
	return rc ? rc : weir_buffer_printf(out, "(%s)", text);
}

/* What the filter, src, dst and the service narrow to; of the matrix's rows, which are turned already. */
static int take_edge_filter(struct weir_web_call *call, enum weir_grain grain, struct weir_filter **ret_filter)
{
	const struct weir_web_parameters *p = &call->parameters;
	const char *const name[] = {"src", "dst"}, *const field[] = {GRAINS[grain].src, GRAINS[grain].dst};
	const struct service service = {weir_web_given(p, "protocol"), weir_web_number(p, "protocol"), weir_web_number(p, "dst_port")};
	struct weir_buffer text;
	int rc = 0;

	weir_buffer_init(&text);
	rc = put_own_filter(call, &text);
	if (rc) {
		weir_buffer_done(&text);
		return rc;
	}
	for (unsigned i = 0; !rc && i < 2; i++) {
		const char *value = weir_web_given(p, name[i]) ? weir_web_text(p, name[i]) : NULL;

		if (!value)
			continue;
		if (text.len)
			rc = weir_buffer_text(&text, " and ");
		if (!rc)
			rc = put_equal(&text, field[i], value, strlen(value));
	}
	if (!rc)
		rc = put_service(&text, &service);
	if (!rc)
		rc = weir_web_take_filter(call, weir_buffer_cstr(&text), ret_filter);
	/* The place is of a text that nobody wrote. */
	if (rc) {
		call->code = NULL;
		call->has_place = false;
	}
	weir_buffer_done(&text);
	return rc;
}

/* --- the list --------------------------------------------------------------------------------------------- */

struct list {
	struct weir_web_call *call;
	struct weir_matrix_pairs pairs;
	struct weir_json json;
	struct weir_web_rows rows; /* of files */
	bool file;
	uint64_t count;
};

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == WEIR_PAIR_COLUMNS ? 0 : -EPROTO;
}

static bool by_factor(uint64_t a, uint64_t b)
{
	return a != b && (a >= b * FACTOR || b >= a * FACTOR);
}

static const char *change_of(const struct weir_cell *cells)
{
	uint64_t hits = weir_web_cell_number(&cells[WEIR_PAIR_HITS]), bytes = weir_web_cell_number(&cells[WEIR_PAIR_BYTES]);
	uint64_t hits_before = weir_web_cell_number(&cells[WEIR_PAIR_HITS_BEFORE]);
	uint64_t bytes_before = weir_web_cell_number(&cells[WEIR_PAIR_BYTES_BEFORE]);

	if (!hits_before)
		return "new";
	if (!hits)
		return "gone";
	if (by_factor(bytes, bytes_before))
		return bytes > bytes_before ? "more" : "less";
	if (by_factor(hits, hits_before))
		return hits > hits_before ? "more" : "less";
	return "same";
}

static void put_sums(struct weir_json *json, const char *key, const struct weir_cell *cells, enum weir_pair_column hits)
{
	static const char *const NAMES[] = {"flows", "bytes", "packets"};

	if (key)
		weir_json_open(json, key, '{');
	for (unsigned i = 0; i < 3; i++)
		weir_json_whole(json, NAMES[i], weir_web_cell_number(&cells[hits + i]));
	if (key)
		weir_json_close(json, '}');
}

/* "2026-01-31 10:00:00.000", which is UTC. */
static int64_t moment_of(const struct weir_cell *cell)
{
	char text[WEIR_TIME_TEXT_MAX + 1];
	int len = snprintf(text, sizeof(text), "%.*sZ", (int)cell->len, cell->text);
	int64_t ms = 0;

	return len >= (int)sizeof(text) || weir_time_parse(text, (size_t)len, 0, &ms) ? 0 : ms;
}

static void put_edge(struct list *l, const struct weir_cell *cells)
{
	const struct service service = {l->pairs.services, weir_web_cell_number(&cells[WEIR_PAIR_PROTOCOL]),
					weir_web_cell_number(&cells[WEIR_PAIR_DST_PORT])};
	struct weir_json *json = &l->json;
	struct weir_buffer filter;
	int rc;

	weir_json_open(json, NULL, '{');
	weir_json_bytes(json, "src", cells[WEIR_PAIR_SRC].text, cells[WEIR_PAIR_SRC].len);
	weir_json_bytes(json, "dst", cells[WEIR_PAIR_DST].text, cells[WEIR_PAIR_DST].len);
	if (service.given) {
		weir_json_whole(json, "protocol", service.protocol);
		weir_json_whole(json, "dst_port", service.port);
		weir_json_bytes(json, "service", cells[WEIR_PAIR_SERVICE].text, cells[WEIR_PAIR_SERVICE].len);
	}
	weir_json_bytes(json, "action", cells[WEIR_PAIR_ACTION].text, cells[WEIR_PAIR_ACTION].len);
	put_sums(json, NULL, cells, WEIR_PAIR_HITS);
	weir_json_signed(json, "first_ms", moment_of(&cells[WEIR_PAIR_FIRST_SEEN]));
	weir_json_bool(json, "new", weir_web_cell_number(&cells[WEIR_PAIR_NEW]) != 0);
	weir_json_bool(json, "approved", weir_web_cell_number(&cells[WEIR_PAIR_APPROVED]) != 0);
	if (l->pairs.before) {
		weir_json_text(json, "change", change_of(cells));
		put_sums(json, "before", cells, WEIR_PAIR_HITS_BEFORE);
	}
	weir_buffer_init(&filter);
	rc = put_flows_filter(&filter, l->pairs.matrix.grain, &cells[WEIR_PAIR_SRC], &cells[WEIR_PAIR_DST], &service);
	if (rc)
		json->rc = json->rc ? json->rc : rc;
	else
		weir_json_bytes(json, "filter", filter.data, filter.len);
	weir_buffer_done(&filter);
	weir_json_close(json, '}');
}

static int take_edge(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct list *l = ctx;

	(void)totals;
	if (count != WEIR_PAIR_COLUMNS)
		return -EPROTO;
	if (l->count == l->pairs.matrix.rows_max)
		return l->count++, -ENOBUFS;
	l->count++;
	if (l->file)
		return weir_web_rows_put(&l->rows, cells);
	put_edge(l, cells);
	return l->json.rc;
}

static int ask_edges(struct list *l)
{
	const struct weir_tsv_sink sink = {.header = take_header, .row = take_edge, .ctx = l};
	struct weir_matrix_pairs one_more = l->pairs;
	struct weir_buffer sql;
	int rc;

	one_more.matrix.rows_max++; /* tells that there are more */
	weir_buffer_init(&sql);
	rc = weir_matrix_pairs_sql(&one_more, &sql, &l->call->err);
	if (!rc)
		rc = weir_web_run(l->call, &sql, &sink);
	weir_buffer_done(&sql);
	return rc;
}

static int put_list(struct list *l)
{
	int rc;

	if (l->file) {
		weir_web_download(l->call, "matrix", l->rows.format);
		rc = weir_web_rows_begin(&l->rows, l->call, NULL, weir_pair_columns, WEIR_PAIR_COLUMNS);
		if (!rc)
			rc = ask_edges(l);
		if (!rc)
			rc = weir_web_rows_end(&l->rows);
		weir_web_rows_done(&l->rows);
		return rc;
	}
	l->json = weir_web_begin_json(l->call);
	weir_web_put_window(&l->json, "window", &l->pairs.matrix.window);
	if (l->pairs.before)
		weir_web_put_window(&l->json, "before", l->pairs.before);
	weir_json_open(&l->json, "edges", '[');
	rc = ask_edges(l);
	weir_json_close(&l->json, ']');
	weir_json_bool(&l->json, "truncated", l->count > l->pairs.matrix.rows_max);
	return rc ? rc : weir_web_end_json(l->call, &l->json);
}

static int answer_list(struct weir_web_call *call, bool compares)
{
	struct list l = {.call = call, .rows.format = weir_web_format(call)};
	struct weir_matrix *m = &l.pairs.matrix;
	struct weir_filter *filter = NULL;
	struct weir_window before;
	int rc = weir_web_take_window(call, "1h", &m->window);

	l.file = l.rows.format != WEIR_FORMAT_JSON;
	m->grain = grain_of(call);
	m->rows_max = weir_web_number(&call->parameters, "limit");
	l.pairs.services = weir_web_bool(&call->parameters, "services");
	if (!rc && compares && !weir_web_earlier(call, &m->window, &before))
		rc = weir_error_set(&call->err, -EINVAL, "compare", NULL, "the earlier period would begin before 1970");
	l.pairs.before = compares ? &before : NULL;
	if (!rc)
		rc = take_edge_filter(call, m->grain, &filter);
	m->filter = filter;
	if (!rc)
		rc = weir_web_begin_query(call);
	if (!rc)
		rc = put_list(&l);
	weir_filter_free(filter);
	return rc;
}

int weir_web_get_matrix(struct weir_web_call *call)
{
	return answer_list(call, false);
}

int weir_web_get_matrix_diff(struct weir_web_call *call)
{
	return answer_list(call, true);
}

/* --- the baseline ----------------------------------------------------------------------------------------- */

static int take_any(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == 1 ? 0 : -EPROTO;
}

static int take_count(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	(void)count, (void)totals;
	*(uint64_t *)ctx = weir_web_cell_number(&cells[0]);
	return 0;
}

static int tell(struct weir_web_call *call, const struct weir_matrix *m)
{
	const char *comment = weir_web_text(&call->parameters, "comment");
	const struct weir_client_setting values[] = {{"param_user", call->who.name}, {"param_comment", comment ? comment : ""}, {NULL, NULL}};
	bool approves = weir_web_bool(&call->parameters, "approved");
	struct weir_buffer sql;
	const char *text;
	int rc;

	weir_buffer_init(&sql);
	rc = approves ? weir_matrix_approve_sql(m, &sql, &call->err) : weir_matrix_disapprove_sql(m->filter, &sql, &call->err);
	text = rc ? NULL : weir_buffer_cstr(&sql);
	if (!rc)
		rc = text ? weir_web_query_tell(call->query, text, approves ? values : NULL, &call->err) : -ENOMEM;
	weir_buffer_done(&sql);
	return rc;
}

static int put_baseline(struct weir_web_call *call)
{
	uint64_t count = 0;
	const struct weir_tsv_sink sink = {.header = take_any, .row = take_count, .ctx = &count};
	struct weir_json json;
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_buffer_text(&sql, "SELECT count() FROM matrix_baseline FINAL");
	if (!rc)
		rc = weir_web_run(call, &sql, &sink);
	weir_buffer_done(&sql);
	if (rc)
		return rc;
	json = weir_web_begin_json(call);
	weir_json_whole(&json, "baseline", count);
	return weir_web_end_json(call, &json);
}

int weir_web_approve(struct weir_web_call *call)
{
	const struct weir_web_parameters *p = &call->parameters;
	struct weir_matrix m = {.grain = grain_of(call)};
	struct weir_filter *filter = NULL;
	char detail[192];
	int rc = weir_web_take_window(call, "1h", &m.window);

	if (!rc && weir_web_given(p, "protocol") != weir_web_given(p, "dst_port"))
		rc = weir_error_set(&call->err, -EINVAL, weir_web_given(p, "protocol") ? "dst_port" : "protocol", NULL,
				    "a service is both, a protocol and a port");
	if (!rc)
		rc = take_edge_filter(call, m.grain, &filter);
	m.filter = filter;
	if (!rc)
		rc = weir_web_begin_query(call);
	if (!rc) {
		rc = tell(call, &m);
		(void)snprintf(detail, sizeof(detail), "%s: %s to %s", weir_web_bool(p, "approved") ? "approved" : "taken back",
			       weir_web_text(p, "src"), weir_web_text(p, "dst"));
		weir_web_audit(call, call->route->name, rc ? "failed" : "ok", detail);
	}
	if (!rc)
		rc = put_baseline(call);
	weir_filter_free(filter);
	return rc;
}
