/* What the handlers of the interface have in common: parameters as they are meant, the answer as JSON or as a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "query/output.h"
#include "web/call.h"

#define MEMORY_MAX (4UL * 1024 * 1024)	       /* of a file; then it goes to the disk */
#define FILE_MAX   (4UL * 1024 * 1024 * 1024) /* of a download */
#define DAY_MS	   (INT64_C(86400) * 1000)

static const struct {
	const char *name;
	const char *unit;
} KINDS[WEIR_KINDS] = {
	[WEIR_KIND_NUMBER] = {"number", ""},	 [WEIR_KIND_COUNT] = {"count", ""},	  [WEIR_KIND_BYTES] = {"bytes", "bytes"},
	[WEIR_KIND_RATE] = {"rate", ""},	 [WEIR_KIND_SHARE] = {"share", ""},	  [WEIR_KIND_DURATION] = {"duration", "ms"},
	[WEIR_KIND_TIME] = {"time", ""},	 [WEIR_KIND_ADDR] = {"addr", ""},	  [WEIR_KIND_MAC] = {"mac", ""},
	[WEIR_KIND_PROTO] = {"proto", ""},	 [WEIR_KIND_FLAGS] = {"flags", ""},	  [WEIR_KIND_FLOW_TYPE] = {"flow_type", ""},
	[WEIR_KIND_TEXT] = {"text", ""},
};

const char *weir_web_kind_name(enum weir_kind kind)
{
	return KINDS[kind].name;
}

const char *weir_web_kind_unit(enum weir_kind kind)
{
	return KINDS[kind].unit;
}

/* --- parameters ------------------------------------------------------------------------------------------- */

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

int weir_web_take_window(struct weir_web_call *call, const char *standard, struct weir_window *ret_window)
{
	const char *last = or_null(weir_web_text(&call->parameters, "last"));
	const char *from = or_null(weir_web_text(&call->parameters, "from"));
	const char *to = or_null(weir_web_text(&call->parameters, "to"));
	int64_t now_ms = weir_clock_wall_ns(call->web->options.clock) / WEIR_NS_PER_MS;
	int rc;

	if (!last && !(from && to) && !from)
		last = standard;
	rc = weir_window_parse(last, from, to, now_ms, ret_window, &call->err);
	/* The command line's options have dashes, which parameters have not. */
	if (rc && strncmp(call->err.where, "--", 2) == 0)
		memmove(call->err.where, call->err.where + 2, strlen(call->err.where + 2) + 1);
	if (!rc && (ret_window->from_ms < 0 || ret_window->to_ms > INT64_C(4102444800000)))
		return weir_error_set(&call->err, -EINVAL, "from", NULL, "the window must lie between 1970 and 2100");
	return rc;
}

size_t weir_web_units(const char *text, size_t bytes)
{
	size_t units = 0;

	for (size_t i = 0; i < bytes; i++) {
		unsigned char c = (unsigned char)text[i];

		units += (c & 0xc0) != 0x80; /* a character's first byte */
		units += c >= 0xf0;	     /* beyond the basic plane: two units */
	}
	return units;
}

int weir_web_take_filter(struct weir_web_call *call, const char *text, struct weir_filter **ret_filter)
{
	int64_t now_ms = weir_clock_wall_ns(call->web->options.clock) / WEIR_NS_PER_MS;
	struct weir_filter_mistake mistake = {0};
	int rc;

	text = text ? text : "";
	rc = weir_filter_parse(text, strlen(text), now_ms, ret_filter, &mistake, &call->err);
	if (rc != -EINVAL && rc != -E2BIG)
		return rc;
	call->code = "bad_filter";
	call->has_place = true;
	call->at = weir_web_units(text, mistake.at);
	call->len = weir_web_units(text + mistake.at, mistake.at + mistake.len <= strlen(text) ? mistake.len : 0);
	call->len = call->len ? call->len : 1;
	return -EINVAL;
}

bool weir_web_earlier(const struct weir_web_call *call, const struct weir_window *window, struct weir_window *ret_earlier)
{
	const char *compare = weir_web_text(&call->parameters, "compare");
	int64_t shift_ms = window->to_ms - window->from_ms;

	if (!compare || strcmp(compare, "none") == 0)
		return false;
	if (strcmp(compare, "day") == 0)
		shift_ms = DAY_MS;
	else if (strcmp(compare, "week") == 0)
		shift_ms = 7 * DAY_MS;
	*ret_earlier = (struct weir_window){window->from_ms - shift_ms, window->to_ms - shift_ms};
	return ret_earlier->from_ms >= 0;
}

int weir_web_begin_query(struct weir_web_call *call)
{
	return weir_web_query_begin(call->web->asker, weir_web_text(&call->parameters, "query_id"), call->who.name,
				    call->route->name, call->client_fd, &call->query, &call->err);
}

int weir_web_run_with(struct weir_web_call *call, struct weir_buffer *sql, const struct weir_client_setting *parameters,
		      const struct weir_tsv_sink *sink)
{
	const char *text = weir_buffer_cstr(sql);

	if (!text)
		return -ENOMEM;
	return weir_web_query_run(call->query, text, parameters, sink, false, &call->err);
}

int weir_web_run(struct weir_web_call *call, struct weir_buffer *sql, const struct weir_tsv_sink *sink)
{
	return weir_web_run_with(call, sql, NULL, sink);
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

struct weir_json weir_web_begin_json(struct weir_web_call *call)
{
	struct weir_json json = {.out = &call->answer.body};

	call->answer.type = "application/json";
	weir_json_open(&json, NULL, '{');
	return json;
}

int weir_web_end_json(struct weir_web_call *call, struct weir_json *json)
{
	if (call->query)
		weir_web_query_json(call->query, json);
	weir_json_close(json, '}');
	return json->rc ? weir_error_set(&call->err, json->rc, NULL, NULL, "out of memory") : 0;
}

void weir_web_put_window(struct weir_json *json, const char *key, const struct weir_window *window)
{
	weir_json_open(json, key, '{');
	weir_json_signed(json, "from_ms", window->from_ms);
	weir_json_signed(json, "to_ms", window->to_ms);
	weir_json_close(json, '}');
}

void weir_web_put_column(struct weir_json *json, const char *name, enum weir_kind kind, const char *unit)
{
	weir_json_open(json, NULL, '{');
	weir_json_text(json, "name", name);
	weir_json_text(json, "kind", weir_web_kind_name(kind));
	if (*unit)
		weir_json_text(json, "unit", unit);
	weir_json_close(json, '}');
}

/* A whole number that JavaScript would round. */
static bool is_too_large(const char *text, size_t len)
{
	static const char largest[] = "9007199254740991";
	size_t digits = len && *text == '-' ? len - 1 : len;

	for (size_t i = len - digits; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return digits > sizeof(largest) - 1 ||
	       (digits == sizeof(largest) - 1 && memcmp(text + len - digits, largest, digits) > 0);
}

void weir_web_put_cell(struct weir_json *json, const struct weir_output_column *column, const struct weir_cell *cell,
		       struct weir_buffer *scratch)
{
	bool literal = false;

	weir_buffer_reset(scratch);
	if (cell->null) {
		weir_json_null(json, NULL);
		return;
	}
	if (weir_cell_exact(column, cell, scratch, &literal)) {
		json->rc = json->rc ? json->rc : -ENOMEM;
		return;
	}
	if (literal && scratch->len && !is_too_large((const char *)scratch->data, scratch->len))
		weir_json_raw(json, NULL, scratch->data, scratch->len);
	else
		weir_json_bytes(json, NULL, scratch->len ? (const void *)scratch->data : "", scratch->len);
}

uint64_t weir_web_cell_number(const struct weir_cell *cell)
{
	uint64_t value = 0;

	for (size_t i = 0; i < cell->len && cell->text[i] >= '0' && cell->text[i] <= '9'; i++)
		value = value * 10 + (uint64_t)(cell->text[i] - '0');
	return value;
}

/* --- files ------------------------------------------------------------------------------------------------ */

enum weir_format weir_web_format(const struct weir_web_call *call)
{
	return (enum weir_format)weir_format_find(weir_web_text(&call->parameters, "format"));
}

void weir_web_download(struct weir_web_call *call, const char *name, enum weir_format format)
{
	bool csv = format == WEIR_FORMAT_CSV;

	call->answer.type = csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
	(void)snprintf(call->answer.file_name, sizeof(call->answer.file_name), "weir-%.40s.%s", name, csv ? "csv" : "ndjson");
}

/* What was gathered in memory goes to an unnamed file, which is sent in its place. */
static int spill(struct weir_web_call *call)
{
	struct weir_web_answer *a = &call->answer;
	size_t done = 0;

	if (a->file_fd < 0)
		a->file_fd = open(call->web->options.spill_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (a->file_fd < 0)
		return -errno;
	while (done < a->body.len) {
		ssize_t n = write(a->file_fd, a->body.data + done, a->body.len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	a->file_bytes += a->body.len;
	weir_buffer_reset(&a->body);
	return a->file_bytes > FILE_MAX ? -EFBIG : 0;
}

int weir_web_put_output(void *ctx, const void *data, size_t len)
{
	struct weir_web_call *call = ctx;
	int rc = weir_buffer_append(&call->answer.body, data, len);

	return rc || call->answer.body.len < MEMORY_MAX ? rc : spill(call);
}
