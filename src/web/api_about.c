/* What there is and how it is: columns, status, exporters, devices, metrics, health. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query/list.h"
#include "flow/protocol.h"
#include "query/report_parts.h"
#include "web/devices.h"
#include "web/rows.h"

/* --- columns ---------------------------------------------------------------------------------------------- */

/* Counters and times of single flows are for sums and lists; to group by them would give a row a flow. */
static bool is_dimension(unsigned id, enum weir_kind kind)
{
	static const unsigned NOT[] = {WEIR_COL_SEQUENCE_NUM, WEIR_COL_FRAGMENT_ID, WEIR_COL_FLOW_ID};

	for (size_t i = 0; i < sizeof(NOT) / sizeof(NOT[0]); i++) {
		if (NOT[i] == id)
			return false;
	}
	if (kind == WEIR_KIND_TIME)
		return id >= WEIR_COLUMNS; /* minute, hour, day */
	return kind != WEIR_KIND_COUNT && kind != WEIR_KIND_BYTES && kind != WEIR_KIND_RATE && kind != WEIR_KIND_DURATION;
}

static void put_field(struct weir_json *json, unsigned id)
{
	struct weir_field field = weir_field(id);
	bool stored = id < WEIR_COLUMNS;

	weir_json_open(json, NULL, '{');
	weir_json_text(json, "name", field.name);
	weir_json_text(json, "kind", weir_web_kind_name(field.kind));
	weir_json_text(json, "type", stored ? weir_types[weir_columns[id].type].sql : weir_web_kind_name(field.kind));
	weir_json_text(json, "unit", stored ? weir_columns[id].unit : weir_web_kind_unit(field.kind));
	weir_json_text(json, "help", field.help);
	weir_json_bool(json, "rollup", field.rollup_sql != NULL);
	weir_json_bool(json, "stored", stored);
	weir_json_bool(json, "dimension", is_dimension(id, field.kind));
	weir_json_close(json, '}');
}

static void put_metrics(struct weir_json *json)
{
	static const struct {
		const char *name, *unit, *help;
	} METRICS[] = {
		{"bps", "bit/s", "Bits a second"},	  {"pps", "packet/s", "Packets a second"},
		{"fps", "flow/s", "Flows a second"},	  {"bytes", "bytes", "Bytes"},
		{"packets", "packets", "Packets"},	  {"flows", "flows", "Flows, as they were exported"},
	};

	weir_json_open(json, "metrics", '[');
	for (size_t i = 0; i < sizeof(METRICS) / sizeof(METRICS[0]); i++) {
		weir_json_open(json, NULL, '{');
		weir_json_text(json, "name", METRICS[i].name);
		weir_json_text(json, "unit", METRICS[i].unit);
		weir_json_text(json, "help", METRICS[i].help);
		weir_json_close(json, '}');
	}
	weir_json_close(json, ']');
}

static void put_protocols(struct weir_json *json)
{
	weir_json_open(json, "protocols", '{');
	for (unsigned i = 0; i < 256; i++) {
		char number[8];

		(void)snprintf(number, sizeof(number), "%u", i);
		if (weir_protocol_name(i))
			weir_json_text(json, number, weir_protocol_name(i));
	}
	weir_json_close(json, '}');
}

int weir_web_get_columns(struct weir_web_call *call)
{
	struct weir_json json = weir_web_begin_json(call);
	const char *names = WEIR_LIST_COLUMNS_DEFAULT;

	weir_json_open(&json, "columns", '[');
	for (unsigned id = 0; id < WEIR_FIELDS; id++)
		put_field(&json, id);
	weir_json_close(&json, ']');
	put_metrics(&json);
	put_protocols(&json);
	weir_json_open(&json, "default_columns", '[');
	while (*names) {
		size_t len = strcspn(names, ",");

		weir_json_bytes(&json, NULL, names, len);
		names += len + (names[len] == ',');
	}
	weir_json_close(&json, ']');
	return weir_web_end_json(call, &json);
}

/* --- status and exporters --------------------------------------------------------------------------------- */

int weir_web_get_status(struct weir_web_call *call)
{
	const struct weir_web_options *options = &call->web->options;
	struct weir_buffer *body = &call->answer.body;
	int rc = options->status(options->ctx, body, &call->err);

	/* The object gains a member: the time, by which a page knows its own clock's error. */
	while (!rc && body->len && body->data[body->len - 1] != '}')
		body->len--;
	if (!rc && body->len) {
		body->len--;
		rc = weir_buffer_printf(body, ", \"now_ms\": %" PRId64 "}\n", (int64_t)(weir_clock_wall_ns(options->clock) / WEIR_NS_PER_MS));
	}
	return rc;
}

struct interfaces {
	struct weir_web_call *call;
	struct weir_window window;
	struct weir_json json;
};

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == 8 ? 0 : -EPROTO;
}

static int take_interface(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	static const struct weir_output_column ADDR = {.name = "exporter_addr", .kind = WEIR_KIND_ADDR};
	struct interfaces *i = ctx;
	struct weir_json *json = &i->json;
	double seconds = (double)(i->window.to_ms - i->window.from_ms) / 1000;
	uint64_t in = weir_web_cell_number(&cells[4]);
	uint64_t out = weir_web_cell_number(&cells[5]);
	struct weir_buffer text;
	bool literal;
	int rc;

	(void)count, (void)totals;
	weir_buffer_init(&text);
	rc = weir_cell_exact(&ADDR, &cells[0], &text, &literal);
	weir_json_open(json, NULL, '{');
	weir_json_bytes(json, "exporter_addr", text.len ? (const void *)text.data : "", text.len);
	weir_json_whole(json, "interface", weir_web_cell_number(&cells[1]));
	if (cells[2].len)
		weir_json_bytes(json, "name", cells[2].text, cells[2].len);
	if (cells[3].len)
		weir_json_bytes(json, "description", cells[3].text, cells[3].len);
	weir_json_whole(json, "in_bytes", in);
	weir_json_whole(json, "out_bytes", out);
	weir_json_number(json, "in_bps", (double)in * 8 / seconds);
	weir_json_number(json, "out_bps", (double)out * 8 / seconds);
	weir_json_whole(json, "flows", weir_web_cell_number(&cells[6]));
	if (weir_web_cell_number(&cells[7]))
		weir_json_whole(json, "speed_bps", weir_web_cell_number(&cells[7]));
	weir_json_close(json, '}');
	weir_buffer_done(&text);
	return rc ? rc : json->rc;
}

/* From the sums per minute; their window is cut to whole minutes, which the answer's window says. */
static int put_interfaces_sql(struct interfaces *i, struct weir_buffer *out)
{
	struct weir_window whole = weir_report_whole(&i->window, WEIR_REPORT_MINUTE_MS);
	int rc = weir_buffer_text(out, "SELECT i.exporter_addr, i.interface, any(n.interface_name), any(n.interface_description), "
				       "sum(i.bytes_in), sum(i.bytes_out), sum(i.flows), max(n.interface_speed)\nFROM\n(\n");

	i->window = whole;
	for (unsigned direction = 0; !rc && direction < 2; direction++) {
		rc = weir_buffer_text(out, direction ? "  UNION ALL\n  SELECT exporter_addr, value AS interface, 0 AS bytes_in, "
							 "bytes AS bytes_out, flows\n  FROM flows_1m_by\n  WHERE dimension = 'out_if' AND "
						       : "  SELECT exporter_addr, value AS interface, bytes AS bytes_in, 0 AS bytes_out, "
							 "flows\n  FROM flows_1m_by\n  WHERE dimension = 'in_if' AND ");
		if (!rc)
			rc = weir_report_put_times("minute", &whole, out);
		if (!rc)
			rc = weir_buffer_text(out, "\n");
	}
	if (!rc)
		rc = weir_buffer_text(out, ") AS i\nLEFT JOIN exporter_interfaces AS n ON n.exporter_addr = i.exporter_addr AND "
					   "n.interface = i.interface\nGROUP BY i.exporter_addr, i.interface\n"
					   "ORDER BY sum(i.bytes_in) + sum(i.bytes_out) DESC, i.exporter_addr, i.interface\nLIMIT 10000");
	return rc ? rc : weir_buffer_text(out, WEIR_REPORT_FORMAT);
}

static int put_interfaces(struct interfaces *i)
{
	struct weir_tsv_sink sink = {.header = take_header, .row = take_interface, .ctx = i};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = put_interfaces_sql(i, &sql);
	weir_json_open(&i->json, "interfaces", '[');
	if (!rc && i->window.to_ms > i->window.from_ms)
		rc = weir_web_run(i->call, &sql, &sink);
	weir_json_close(&i->json, ']');
	weir_web_query_used_rollup(i->call->query);
	weir_web_put_window(&i->json, "window", &i->window);
	weir_buffer_done(&sql);
	return rc;
}

/* The exporters' own object has one member, whose value is taken from it. */
static int put_exporters(struct interfaces *i)
{
	const struct weir_web_options *options = &i->call->web->options;
	struct weir_buffer text;
	const char *open, *close;
	int rc;

	weir_buffer_init(&text);
	rc = options->exporters(options->ctx, &text, &i->call->err);
	open = rc || !weir_buffer_cstr(&text) ? NULL : strchr((const char *)text.data, '[');
	close = open ? strrchr(open, ']') : NULL;
	if (close)
		weir_json_raw(&i->json, "exporters", open, (size_t)(close - open) + 1);
	else
		weir_json_raw(&i->json, "exporters", "[]", 2);
	weir_buffer_done(&text);
	return rc == -ENOENT ? 0 : rc;
}

int weir_web_get_exporters(struct weir_web_call *call)
{
	struct interfaces i = {.call = call};
	int rc = weir_web_take_window(call, "15m", &i.window);

	if (!rc)
		rc = weir_web_begin_query(call);
	if (rc)
		return rc;
	i.json = weir_web_begin_json(call);
	rc = put_exporters(&i);
	if (!rc)
		rc = put_interfaces(&i);
	return rc ? rc : weir_web_end_json(call, &i.json);
}

/* --- devices ---------------------------------------------------------------------------------------------- */

#define PLACE_HOLDER "COLLECTOR"

/* The address that the browser used, without port; loopback ones are of no use to a device. */
static void collector_of(const struct weir_web_call *call, char *ret_text, size_t size)
{
	const char *given = weir_web_text(&call->parameters, "collector");
	const char *host = call->head.host ? call->head.host : "";
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (given && *given)
		(void)snprintf(ret_text, size, "%s", given);
	else if (strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 || strncmp(host, "[::1]", 5) == 0)
		(void)snprintf(ret_text, size, PLACE_HOLDER);
	else
		(void)snprintf(ret_text, size, "%.*s", (int)len, host);
}

/* Every protocol is known on every port; the usual one where it is listened to. */
static const char *port_of(const struct weir_config *config, const char *usual)
{
	const char *first = usual;

	for (unsigned i = config->collect_listen.count; i-- > 0;) {
		const char *colon = strrchr(config->collect_listen.item[i], ':');

		first = colon ? colon + 1 : first;
		if (colon && strcmp(colon + 1, usual) == 0)
			return usual;
	}
	return first;
}

static int put_text(struct weir_json *json, const char *text, const char *collector, const char *port)
{
	struct weir_buffer out;
	int rc = 0;

	weir_buffer_init(&out);
	while (!rc && *text) {
		size_t plain = strcspn(text, "@");

		rc = weir_buffer_append(&out, text, plain);
		text += plain;
		if (rc || !*text)
			break;
		if (strncmp(text, "@COLLECTOR@", 11) == 0) {
			rc = weir_buffer_text(&out, collector);
			text += 11;
		} else if (strncmp(text, "@PORT@", 6) == 0) {
			rc = weir_buffer_text(&out, port);
			text += 6;
		} else {
			rc = weir_buffer_append(&out, text++, 1);
		}
	}
	weir_json_bytes(json, "text", out.len ? (const void *)out.data : "", out.len);
	weir_buffer_done(&out);
	return rc;
}

static void put_ports(struct weir_json *json, const char *transport, const struct weir_config_list *listen)
{
	for (unsigned i = 0; i < listen->count; i++) {
		weir_json_open(json, NULL, '{');
		weir_json_text(json, "transport", transport);
		weir_json_text(json, "address", listen->item[i]);
		weir_json_close(json, '}');
	}
}

int weir_web_get_devices(struct weir_web_call *call)
{
	const struct weir_config *config = call->web->options.config;
	struct weir_json json = weir_web_begin_json(call);
	char collector[256];
	int rc = 0;

	collector_of(call, collector, sizeof(collector));
	if (!*collector || collector[strspn(collector, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-[]_")])
		return weir_error_set(&call->err, -EINVAL, "collector", NULL, "an address or a host's name belongs here");
	weir_json_text(&json, "collector", collector);
	weir_json_open(&json, "ports", '[');
	put_ports(&json, "udp", &config->collect_listen);
	put_ports(&json, "tcp", &config->collect_tcp_listen);
	put_ports(&json, "tls", &config->collect_tls_listen);
	weir_json_close(&json, ']');
	weir_json_open(&json, "devices", '[');
	for (const struct weir_web_device *d = weir_web_devices; !rc && d->id; d++) {
		weir_json_open(&json, NULL, '{');
		weir_json_text(&json, "id", d->id);
		weir_json_text(&json, "name", d->name);
		weir_json_text(&json, "protocol", d->protocol);
		if (*d->note)
			weir_json_text(&json, "note", d->note);
		rc = put_text(&json, d->text, collector, port_of(config, d->port));
		weir_json_close(&json, '}');
	}
	weir_json_close(&json, ']');
	return rc ? rc : weir_web_end_json(call, &json);
}

/* --- metrics and health ----------------------------------------------------------------------------------- */

int weir_web_get_metrics(struct weir_web_call *call)
{
	const struct weir_web_options *options = &call->web->options;

	call->answer.type = "text/plain; version=0.0.4; charset=utf-8";
	return options->metrics(options->ctx, &call->answer.body);
}

int weir_web_get_health(struct weir_web_call *call)
{
	call->answer.type = "text/plain; charset=utf-8";
	return weir_buffer_text(&call->answer.body, "ok\n");
}

int weir_web_get_ready(struct weir_web_call *call)
{
	int rc = weir_web_asker_ping(call->web->asker, &call->err);

	call->answer.type = "text/plain; charset=utf-8";
	if (!rc)
		return weir_buffer_text(&call->answer.body, "ok\n");
	call->answer.status = 503;
	return weir_buffer_text(&call->answer.body, "the store does not answer\n");
}
