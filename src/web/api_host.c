/* GET /api/v1/host/{addr}: a handful of questions about one address, one after the other. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query/graph.h"
#include "query/report_parts.h"
#include "web/rows.h"
#include "web/sums.h"

#define BYTES_SQL   "sum(bytes * greatest(sampling_rate, 1))"
#define PACKETS_SQL "sum(packets * greatest(sampling_rate, 1))"
#define SERVICE	    "if(proto IN (6, 17, 132), dst_port, 0)"
#define BUCKETS	    200

struct host {
	struct weir_web_call *call;
	struct weir_window window;
	char addr[WEIR_ADDR_TEXT_MAX];
	uint64_t limit;
	struct weir_json json;
};

/* "SELECT what FROM flows WHERE the window AND condition rest" */
static int put_sql(const struct host *h, const char *what, const char *condition, const char *rest, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "WITH toIPv6('%s') AS host\nSELECT %s\nFROM flows\nWHERE ", h->addr, what);

	if (!rc)
		rc = weir_report_put_window(h->window.from_ms, h->window.to_ms, out);
	if (!rc)
		rc = weir_buffer_printf(out, "\n  AND (%s)\n%s", condition, rest);
	return rc ? rc : weir_buffer_text(out, WEIR_REPORT_FORMAT);
}

/* --- lists ------------------------------------------------------------------------------------------------ */

struct list {
	const char *key;
	const char *what; /* d0, d1 … in the order of the columns */
	const char *condition;
	const char *group;
	struct weir_output_column column[6];
};

static const struct list LISTS[] = {
	/* A port that others send to. Of TCP one whose answers carry SYN and ACK would be surer, but exporters that sample or
	 * keep no flags would have none: it is the lower port, as in service_port, unless both are high. */
	{"offered",
	 "proto, dst_port AS port, uniqExact(src_addr) AS peers, " BYTES_SQL " AS b, count() AS f",
	 "dst_addr = host AND (proto NOT IN (6, 17, 132) OR dst_port <= src_port)",
	 "proto, port",
	 {{.name = "proto", .kind = WEIR_KIND_PROTO}, {.name = "port", .kind = WEIR_KIND_NUMBER},
	  {.name = "peers", .kind = WEIR_KIND_COUNT}, {.name = "bytes", .kind = WEIR_KIND_BYTES},
	  {.name = "flows", .kind = WEIR_KIND_COUNT}}},
	{"used",
	 "proto, dst_port AS port, uniqExact(dst_addr) AS peers, " BYTES_SQL " AS b, count() AS f",
	 "src_addr = host AND (proto NOT IN (6, 17, 132) OR dst_port <= src_port)",
	 "proto, port",
	 {{.name = "proto", .kind = WEIR_KIND_PROTO}, {.name = "port", .kind = WEIR_KIND_NUMBER},
	  {.name = "peers", .kind = WEIR_KIND_COUNT}, {.name = "bytes", .kind = WEIR_KIND_BYTES},
	  {.name = "flows", .kind = WEIR_KIND_COUNT}}},
	{"peers",
	 "if(src_addr = host, dst_addr, src_addr) AS peer, sumIf(bytes * greatest(sampling_rate, 1), dst_addr = host) AS bytes_in, "
	 "sumIf(bytes * greatest(sampling_rate, 1), src_addr = host) AS bytes_out, count() AS f, max(time_received) AS last, "
	 "bytes_in + bytes_out AS b",
	 "src_addr = host OR dst_addr = host",
	 "peer",
	 {{.name = "addr", .kind = WEIR_KIND_ADDR}, {.name = "bytes_in", .kind = WEIR_KIND_BYTES},
	  {.name = "bytes_out", .kind = WEIR_KIND_BYTES}, {.name = "flows", .kind = WEIR_KIND_COUNT},
	  {.name = "last", .kind = WEIR_KIND_TIME}}},
	{"seen_at",
	 "exporter_addr, in_if AS interface, " BYTES_SQL " AS b, count() AS f",
	 "src_addr = host",
	 "exporter_addr, interface",
	 {{.name = "exporter_addr", .kind = WEIR_KIND_ADDR}, {.name = "interface", .kind = WEIR_KIND_NUMBER},
	  {.name = "bytes", .kind = WEIR_KIND_BYTES}, {.name = "flows", .kind = WEIR_KIND_COUNT}}},
};

static int take_any_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types, (void)count;
	return 0;
}

static int take_list_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct weir_web_rows *rows = ctx;

	(void)totals;
	return count < rows->count ? -EPROTO : weir_web_rows_put(rows, cells);
}

static int put_list(struct host *h, const struct list *list)
{
	struct weir_web_rows rows = {.format = WEIR_FORMAT_JSON};
	struct weir_tsv_sink sink = {.header = take_any_header, .row = take_list_row, .ctx = &rows};
	struct weir_buffer sql;
	char rest[256];
	unsigned columns = 0;
	int rc;

	while (columns < 6 && list->column[columns].name)
		columns++;
	(void)snprintf(rest, sizeof(rest), "GROUP BY %s\nORDER BY b DESC, %s\nLIMIT %" PRIu64, list->group, list->group, h->limit);
	weir_json_open(&h->json, list->key, '{');
	rc = weir_web_rows_begin(&rows, h->call, &h->json, list->column, columns);
	weir_buffer_init(&sql);
	if (!rc)
		rc = put_sql(h, list->what, list->condition, rest, &sql);
	if (!rc)
		rc = weir_web_run(h->call, &sql, &sink);
	weir_buffer_done(&sql);
	if (!rc)
		rc = weir_web_rows_end(&rows);
	weir_json_close(&h->json, '}');
	weir_web_rows_done(&rows);
	return rc;
}

/* --- the whole -------------------------------------------------------------------------------------------- */

static void put_cells(struct host *h, const char *key, const struct weir_cell *cell)
{
	struct weir_json *json = &h->json;
	const char *at = cell->text;
	const char *end = cell->text + cell->len;

	weir_json_open(json, key, '[');
	while (at < end) {
		const char *next = memchr(at, '\x1f', (size_t)(end - at));
		size_t len = (size_t)((next ? next : end) - at);

		if (len)
			weir_json_bytes(json, NULL, at, len);
		at += len + 1;
	}
	weir_json_close(json, ']');
}

/* What enrichment says of the address: columns that exist with src_ and dst_ before them. */
static const char *const OF_ITS_SIDE[] = {"zone", "subnet", "role", "country", "as_name", "threat"};

static int take_summary(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct host *h = ctx;
	struct weir_web_sums source = weir_web_sums_of(&cells[0]);
	struct weir_web_sums destination = weir_web_sums_of(&cells[3]);
	bool seen = source.flows + destination.flows > 0;

	(void)totals;
	if (count != 10 + sizeof(OF_ITS_SIDE) / sizeof(OF_ITS_SIDE[0]))
		return -EPROTO;
	if (seen) {
		weir_json_whole(&h->json, "first_ms", weir_web_cell_number(&cells[6]));
		weir_json_whole(&h->json, "last_ms", weir_web_cell_number(&cells[7]));
	} else {
		weir_json_null(&h->json, "first_ms");
		weir_json_null(&h->json, "last_ms");
	}
	weir_web_put_sums(&h->json, "as_source", &source);
	weir_web_put_sums(&h->json, "as_destination", &destination);
	put_cells(h, "macs", &cells[8]);
	put_cells(h, "users", &cells[9]);
	for (unsigned i = 0; i < sizeof(OF_ITS_SIDE) / sizeof(OF_ITS_SIDE[0]); i++) {
		if (cells[10 + i].len)
			weir_json_bytes(&h->json, OF_ITS_SIDE[i], cells[10 + i].text, cells[10 + i].len);
		else
			weir_json_null(&h->json, OF_ITS_SIDE[i]);
	}
	return h->json.rc;
}

#define SUMMARY                                                                                                        \
	"countIf(src_addr = host) AS f0, sumIf(bytes * greatest(sampling_rate, 1), src_addr = host) AS b0, "            \
	"sumIf(packets * greatest(sampling_rate, 1), src_addr = host) AS p0, countIf(dst_addr = host) AS f1, "          \
	"sumIf(bytes * greatest(sampling_rate, 1), dst_addr = host) AS b1, "                                            \
	"sumIf(packets * greatest(sampling_rate, 1), dst_addr = host) AS p1, "                                          \
	"toUnixTimestamp64Milli(min(time_received)) AS first, toUnixTimestamp64Milli(max(time_received)) AS last, "     \
	"arrayStringConcat(arrayMap(x -> MACNumToString(x), groupUniqArrayIf(8)(src_mac, src_addr = host AND src_mac != 0)), '\\x1f') " \
	"AS macs, arrayStringConcat(groupUniqArrayIf(8)(user_name, src_addr = host AND user_name != ''), '\\x1f') AS users"

/* The newest that is not empty. */
static int put_what(struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, SUMMARY);

	for (unsigned i = 0; !rc && i < sizeof(OF_ITS_SIDE) / sizeof(OF_ITS_SIDE[0]); i++)
		rc = weir_buffer_printf(out, ",\nargMaxIf(if(src_addr = host, src_%s, dst_%s), time_received, if(src_addr = host, src_%s, dst_%s) != '')",
					OF_ITS_SIDE[i], OF_ITS_SIDE[i], OF_ITS_SIDE[i], OF_ITS_SIDE[i]);
	return rc;
}

static int put_summary(struct host *h)
{
	struct weir_tsv_sink sink = {.header = take_any_header, .row = take_summary, .ctx = h};
	struct weir_buffer sql, what;
	size_t before = h->json.out->len;
	int rc;

	weir_buffer_init(&sql);
	weir_buffer_init(&what);
	rc = put_what(&what);
	if (!rc)
		rc = weir_buffer_cstr(&what) ? put_sql(h, (const char *)what.data, "src_addr = host OR dst_addr = host", "", &sql) : -ENOMEM;
	if (!rc)
		rc = weir_web_run(h->call, &sql, &sink);
	weir_buffer_done(&what);
	weir_buffer_done(&sql);
	if (!rc && h->json.out->len == before) { /* no table yet */
		const struct weir_web_sums none = {0};

		weir_json_null(&h->json, "first_ms");
		weir_json_null(&h->json, "last_ms");
		weir_web_put_sums(&h->json, "as_source", &none);
		weir_web_put_sums(&h->json, "as_destination", &none);
	}
	return rc;
}

/* --- volume ----------------------------------------------------------------------------------------------- */

struct volume {
	uint32_t interval_s;
	int64_t first;
	uint64_t buckets;
	uint64_t in[2 * BUCKETS + 2], out[2 * BUCKETS + 2];
};

static int take_volume(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct volume *v = ctx;
	uint64_t at;

	(void)totals;
	if (count != 3)
		return -EPROTO;
	at = weir_web_cell_number(&cells[0]) - (uint64_t)v->first;
	if (at >= v->buckets)
		return -EPROTO;
	v->in[at] = weir_web_cell_number(&cells[1]);
	v->out[at] = weir_web_cell_number(&cells[2]);
	return 0;
}

static void put_rates(struct host *h, const char *key, const struct volume *v, const uint64_t *bytes)
{
	int64_t interval_ms = (int64_t)v->interval_s * 1000;

	weir_json_open(&h->json, key, '[');
	for (uint64_t i = 0; i < v->buckets; i++) {
		int64_t from = (v->first + (int64_t)i) * interval_ms;
		int64_t to = from + interval_ms;

		from = from < h->window.from_ms ? h->window.from_ms : from;
		to = to > h->window.to_ms ? h->window.to_ms : to;
		weir_json_number(&h->json, NULL, to > from ? (double)bytes[i] * 8000 / (double)(to - from) : 0);
	}
	weir_json_close(&h->json, ']');
}

static int put_volume(struct host *h)
{
	struct volume v = {.interval_s = weir_graph_interval_s(&h->window, BUCKETS)};
	const struct weir_graph graph = {.window = h->window, .interval_s = v.interval_s};
	struct weir_tsv_sink sink = {.header = take_any_header, .row = take_volume, .ctx = &v};
	struct weir_buffer sql;
	char what[512];
	int rc;

	v.buckets = weir_graph_buckets(&graph, &v.first);
	if (v.buckets > sizeof(v.in) / sizeof(*v.in))
		return weir_error_set(&h->call->err, -EINVAL, "from", NULL, "the window is too long");
	(void)snprintf(what, sizeof(what),
		       "intDiv(toUnixTimestamp(time_received), %" PRIu32 ") AS t, "
		       "sumIf(bytes * greatest(sampling_rate, 1), dst_addr = host) AS bytes_in, "
		       "sumIf(bytes * greatest(sampling_rate, 1), src_addr = host) AS bytes_out",
		       v.interval_s);
	weir_buffer_init(&sql);
	rc = put_sql(h, what, "src_addr = host OR dst_addr = host", "GROUP BY t\nORDER BY t", &sql);
	if (!rc)
		rc = weir_web_run(h->call, &sql, &sink);
	weir_buffer_done(&sql);
	if (rc)
		return rc;
	weir_json_open(&h->json, "volume", '{');
	weir_json_whole(&h->json, "interval_ms", (uint64_t)v.interval_s * 1000);
	weir_json_open(&h->json, "times_ms", '[');
	for (uint64_t i = 0; i < v.buckets; i++)
		weir_json_signed(&h->json, NULL, (v.first + (int64_t)i) * v.interval_s * 1000);
	weir_json_close(&h->json, ']');
	put_rates(h, "in_bps", &v, v.in);
	put_rates(h, "out_bps", &v, v.out);
	weir_json_close(&h->json, '}');
	return h->json.rc;
}

static int take_parameters(struct host *h)
{
	struct weir_addr addr;

	if (weir_addr_parse(weir_web_text(&h->call->parameters, "addr"), &addr))
		return weir_error_set(&h->call->err, -EINVAL, "addr", NULL, "an IPv4 or IPv6 address belongs here");
	(void)weir_addr_text(&addr, h->addr);
	h->limit = weir_web_number(&h->call->parameters, "limit");
	return weir_web_take_window(h->call, "1h", &h->window);
}

int weir_web_get_host(struct weir_web_call *call)
{
	struct host h = {.call = call};
	int rc = take_parameters(&h);

	if (!rc)
		rc = weir_web_begin_query(call);
	if (rc)
		return rc;
	h.json = weir_web_begin_json(call);
	weir_json_text(&h.json, "addr", h.addr);
	weir_web_put_window(&h.json, "window", &h.window);
	weir_json_open(&h.json, "names", '[');
	weir_json_close(&h.json, ']');
	rc = put_summary(&h);
	for (size_t i = 0; !rc && i < sizeof(LISTS) / sizeof(LISTS[0]); i++)
		rc = put_list(&h, &LISTS[i]);
	if (!rc)
		rc = put_volume(&h);
	return rc ? rc : weir_web_end_json(call, &h.json);
}
