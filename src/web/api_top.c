/* GET /api/v1/top: the largest, with their sums of an earlier window beside them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "query/graph.h"
#include "web/rows.h"
#include "web/sums.h"

#define LONG_S 31536000 /* of whole minutes, for the sums per minute */

struct top_row {
	size_t key;	/* of the key's cells, each a uint32_t length and its bytes, in the ranking's heap */
	size_t key_len;
	struct weir_web_sums sums;
	struct weir_web_sums before;
};

struct ranking {
	struct weir_web_call *call;
	struct weir_top top;
	struct weir_output_column column[WEIR_WEB_DIMENSIONS + 4];
	struct weir_buffer heap;
	struct top_row *row; /* owned */
	size_t rows;
	uint32_t *slot; /* owned: rows by the hash of their key, from 1 on */
	size_t slots;	/* a power of two */
	struct weir_web_sums total;
	struct weir_web_sums total_before;
};

/* --- rows ------------------------------------------------------------------------------------------------- */

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct ranking *r = ctx;

	(void)names, (void)types;
	return count == r->top.dimensions + 3 ? 0 : -EPROTO;
}

static int put_key(struct weir_buffer *heap, const struct weir_cell *cells, unsigned count)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < count; i++) {
		uint32_t len = (uint32_t)cells[i].len;

		rc = weir_buffer_append(heap, &len, sizeof(len));
		if (!rc)
			rc = weir_buffer_append(heap, cells[i].text, len);
	}
	return rc;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct ranking *r = ctx;
	struct weir_web_sums sums = weir_web_sums_of(&cells[count - 3]);
	struct top_row *row = &r->row[r->rows];
	int rc;

	if (totals) {
		r->total = sums;
		return 0;
	}
	if (r->rows == r->top.rows_max)
		return -EPROTO;
	*row = (struct top_row){.key = r->heap.len, .sums = sums};
	rc = put_key(&r->heap, cells, count - 3);
	row->key_len = r->heap.len - row->key;
	r->rows++;
	return rc;
}

/* --- the earlier window ----------------------------------------------------------------------------------- */

/* As a graph of one long interval, whose keys are the first window's. Its rows: bucket, is_top, the keys, the sums. */
static int take_header_before(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct ranking *r = ctx;

	(void)names, (void)types;
	return count == r->top.dimensions + 5 ? 0 : -EPROTO;
}

static struct top_row *find_row(const struct ranking *r, const uint8_t *key, size_t len)
{
	uint64_t hash = XXH3_64bits(key, len);

	for (size_t i = 0; r->slots && i < r->slots; i++) {
		uint32_t index = r->slot[(hash + i) & (r->slots - 1)];

		if (!index)
			return NULL;
		if (r->row[index - 1].key_len == len && memcmp(r->heap.data + r->row[index - 1].key, key, len) == 0)
			return &r->row[index - 1];
	}
	return NULL;
}

static int index_rows(struct ranking *r)
{
	size_t slots = 16;

	while (slots < 2 * r->rows)
		slots *= 2;
	r->slot = calloc(slots, sizeof(*r->slot));
	if (!r->slot)
		return -ENOMEM;
	r->slots = slots;
	for (size_t i = 0; i < r->rows; i++) {
		uint64_t at = XXH3_64bits(r->heap.data + r->row[i].key, r->row[i].key_len);

		while (r->slot[at & (slots - 1)])
			at++;
		r->slot[at & (slots - 1)] = (uint32_t)i + 1;
	}
	return 0;
}

static int take_row_before(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct ranking *r = ctx;
	struct weir_web_sums sums = weir_web_sums_of(&cells[count - 3]);
	size_t mark = r->heap.len;
	struct top_row *row;
	int rc;

	(void)totals;
	weir_web_sums_add(&r->total_before, &sums);
	if (cells[1].len != 1 || *cells[1].text != '1')
		return 0;
	rc = put_key(&r->heap, &cells[2], r->top.dimensions);
	row = rc ? NULL : find_row(r, r->heap.data + mark, r->heap.len - mark);
	if (row)
		weir_web_sums_add(&row->before, &sums);
	r->heap.len = mark;
	return rc;
}

static int ask_before(struct ranking *r, const struct weir_window *earlier)
{
	const struct weir_graph graph = {.top = r->top, .window = *earlier, .interval_s = LONG_S};
	struct weir_tsv_sink sink = {.header = take_header_before, .row = take_row_before, .ctx = r};
	struct weir_buffer sql;
	int rc = index_rows(r);

	weir_buffer_init(&sql);
	if (!rc)
		rc = weir_graph_sql(&graph, &sql);
	if (!rc)
		rc = weir_web_run(r->call, &sql, &sink);
	weir_buffer_done(&sql);
	return rc;
}

static int ask(struct ranking *r)
{
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = r};
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_top_sql(&r->top, &sql, &r->call->err);
	if (!rc)
		rc = weir_web_run(r->call, &sql, &sink);
	if (!rc && weir_top_uses_rollup(&r->top))
		weir_web_query_used_rollup(r->call->query);
	weir_buffer_done(&sql);
	return rc;
}

/* --- the answer ------------------------------------------------------------------------------------------- */

static uint64_t metric_of(const struct ranking *r, const struct weir_web_sums *sums)
{
	return r->top.metric == WEIR_METRIC_BYTES ? sums->bytes : r->top.metric == WEIR_METRIC_PACKETS ? sums->packets : sums->flows;
}

static int put_row(struct ranking *r, const struct top_row *row, struct weir_web_rows *rows)
{
	struct weir_cell cells[WEIR_WEB_DIMENSIONS + 4];
	uint64_t numbers[3] = {row->sums.bytes, row->sums.packets, row->sums.flows};
	uint64_t whole = metric_of(r, &r->total);
	const uint8_t *at = r->heap.data + row->key;
	char text[4][32];
	unsigned n = 0;

	for (; n < r->top.dimensions; n++) {
		uint32_t len;

		memcpy(&len, at, sizeof(len));
		cells[n] = (struct weir_cell){.text = (const char *)at + sizeof(len), .len = len};
		at += sizeof(len) + len;
	}
	for (unsigned i = 0; i < 3; i++)
		cells[n++] = (struct weir_cell){.text = text[i],
						.len = (size_t)snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)numbers[i])};
	cells[n] = (struct weir_cell){.text = text[3], .len = (size_t)snprintf(text[3], sizeof(text[3]), "%.6f",
									       whole ? (double)metric_of(r, &row->sums) / (double)whole : 0.0)};
	return weir_web_rows_put(rows, cells);
}

static int put_rows(struct ranking *r, struct weir_json *json)
{
	struct weir_web_rows rows = {.format = weir_web_format(r->call)};
	int rc = weir_web_rows_begin(&rows, r->call, json, r->column, r->top.dimensions + 4);

	for (size_t i = 0; !rc && i < r->rows; i++)
		rc = put_row(r, &r->row[i], &rows);
	if (!rc)
		rc = weir_web_rows_end(&rows);
	weir_web_rows_done(&rows);
	return rc;
}

static void put_compare(struct ranking *r, const struct weir_window *window, struct weir_json *json)
{
	weir_json_open(json, "compare", '{');
	weir_web_put_window(json, "window", window);
	weir_json_open(json, "sums", '[');
	for (size_t i = 0; i < r->rows; i++)
		weir_web_put_sums(json, NULL, &r->row[i].before);
	weir_json_close(json, ']');
	weir_web_put_sums(json, "total", &r->total_before);
	weir_json_close(json, '}');
}

static int put_answer(struct ranking *r, const struct weir_window *earlier)
{
	struct weir_json json;
	int rc;

	if (weir_web_format(r->call) != WEIR_FORMAT_JSON) {
		weir_web_download(r->call, "top", weir_web_format(r->call));
		return put_rows(r, NULL);
	}
	json = weir_web_begin_json(r->call);
	weir_web_put_window(&json, "window", &r->top.window);
	weir_json_text(&json, "metric", weir_web_text(&r->call->parameters, "metric"));
	rc = put_rows(r, &json);
	weir_web_put_sums(&json, "total", &r->total);
	if (earlier)
		put_compare(r, earlier, &json);
	return rc ? rc : weir_web_end_json(r->call, &json);
}

/* --- the request ------------------------------------------------------------------------------------------ */

static void name_columns(struct ranking *r)
{
	static const struct weir_output_column sums[] = {
		{.name = "bytes", .kind = WEIR_KIND_BYTES},
		{.name = "packets", .kind = WEIR_KIND_COUNT},
		{.name = "flows", .kind = WEIR_KIND_COUNT},
		{.name = "share", .kind = WEIR_KIND_SHARE},
	};

	for (unsigned i = 0; i < r->top.dimensions; i++)
		r->column[i] = (struct weir_output_column){
			.name = r->top.dimension[i].name,
			.kind = weir_field(r->top.dimension[i].field).kind,
			.v4_bits = r->top.dimension[i].v4_bits,
			.v6_bits = r->top.dimension[i].v6_bits,
		};
	memcpy(r->column + r->top.dimensions, sums, sizeof(sums));
}

static int take_parameters(struct ranking *r)
{
	const struct weir_web_parameters *p = &r->call->parameters;
	const char *metric = weir_web_text(p, "metric");
	int rc = weir_web_take_window(r->call, "1h", &r->top.window);

	if (!rc)
		rc = weir_dimensions_parse(weir_web_text(p, "dimensions"), "dimensions", true, r->top.dimension, WEIR_WEB_DIMENSIONS,
					   &r->top.dimensions, &r->call->err);
	if (rc)
		return rc;
	r->top.metric = strcmp(metric, "bytes") == 0 ? WEIR_METRIC_BYTES
			: strcmp(metric, "packets") == 0 ? WEIR_METRIC_PACKETS
							 : WEIR_METRIC_FLOWS;
	r->top.exported = weir_web_bool(p, "exported");
	r->top.rollup = strcmp(weir_web_text(p, "rollup"), "never") == 0 ? WEIR_ROLLUP_NEVER : WEIR_ROLLUP_AUTO;
	r->top.rows_max = weir_web_number(p, "limit");
	name_columns(r);
	return 0;
}

static int rank(struct ranking *r)
{
	struct weir_window earlier;
	bool compares = weir_web_earlier(r->call, &r->top.window, &earlier);
	int rc;

	r->row = calloc(r->top.rows_max, sizeof(*r->row));
	if (!r->row)
		return -ENOMEM;
	rc = ask(r);
	if (!rc && compares)
		rc = ask_before(r, &earlier);
	if (!rc)
		rc = put_answer(r, compares ? &earlier : NULL);
	free(r->row);
	free(r->slot);
	return rc;
}

int weir_web_get_top(struct weir_web_call *call)
{
	struct ranking r = {.call = call};
	struct weir_filter *filter = NULL;
	int rc = take_parameters(&r);

	weir_buffer_init(&r.heap);
	if (!rc)
		rc = weir_web_take_filter(call, weir_web_text(&call->parameters, "filter"), &filter);
	r.top.filter = filter;
	if (!rc)
		rc = weir_web_begin_query(call);
	if (!rc)
		rc = rank(&r);
	weir_buffer_done(&r.heap);
	weir_filter_free(filter);
	return rc;
}
