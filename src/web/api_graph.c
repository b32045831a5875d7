/* GET /api/v1/graph: rows of bucket and key become series. The keys are few (100 at most), the buckets 5000 at most. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/graph.h"
#include "query/output.h"
#include "web/rows.h"
#include "web/sums.h"

#define SERIES_MAX 102 /* 100, the others, the sum */
#define PERCENTILE 0.95

enum measure { BPS, PPS, FPS, BYTES, PACKETS, FLOWS };

static const struct {
	const char *name;
	const char *unit;
	enum weir_metric metric; /* which the largest are chosen by */
	bool rate;
	double factor;
} MEASURES[] = {
	[BPS] = {"bps", "bit/s", WEIR_METRIC_BYTES, true, 8},
	[PPS] = {"pps", "packet/s", WEIR_METRIC_PACKETS, true, 1},
	[FPS] = {"fps", "flow/s", WEIR_METRIC_FLOWS, true, 1},
	[BYTES] = {"bytes", "bytes", WEIR_METRIC_BYTES, false, 1},
	[PACKETS] = {"packets", "packets", WEIR_METRIC_PACKETS, false, 1},
	[FLOWS] = {"flows", "flows", WEIR_METRIC_FLOWS, false, 1},
};

struct series {
	char *key; /* owned: the cells' texts, each with a NUL; NULL: the others, or the sum */
	size_t key_len;
	struct weir_web_sums sum;
	uint64_t *value; /* owned, one a bucket */
};

struct drawing {
	struct weir_web_call *call;
	struct weir_graph graph;
	enum measure measure;
	struct weir_output_column column[WEIR_WEB_DIMENSIONS];
};

/* One window's series: those with a key, then perhaps the others. */
struct picture {
	const struct drawing *drawing; /* borrowed */
	struct weir_window window;
	int64_t first;
	uint64_t buckets;
	struct series series[SERIES_MAX];
	unsigned count;
	int others; /* its place, or -1 */
	struct series total;
};

static void picture_done(struct picture *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		free(p->series[i].key);
		free(p->series[i].value);
	}
	free(p->total.value);
}

/* --- rows to series --------------------------------------------------------------------------------------- */

static int new_series(struct picture *p, const char *key, size_t key_len, struct series **ret_series)
{
	struct series *s = &p->series[p->count];

	if (p->count == SERIES_MAX)
		return -EPROTO;
	*s = (struct series){.key_len = key_len, .value = calloc(p->buckets, sizeof(*s->value))};
	if (key) {
		s->key = malloc(key_len ? key_len : 1);
		if (s->key)
			memcpy(s->key, key, key_len);
	}
	if (!s->value || (key && !s->key)) {
		free(s->key);
		free(s->value);
		return -ENOMEM;
	}
	p->count++;
	*ret_series = s;
	return 0;
}

static int series_of(struct picture *p, const struct weir_cell *cells, bool is_top, struct series **ret_series)
{
	char key[4096];
	size_t len = 0;

	if (!is_top) {
		if (p->others < 0) {
			p->others = (int)p->count;
			return new_series(p, NULL, 0, ret_series);
		}
		*ret_series = &p->series[p->others];
		return 0;
	}
	for (unsigned i = 0; i < p->drawing->graph.top.dimensions; i++) {
		size_t n = cells[i].len < 400 ? cells[i].len : 400; /* a text from the network may be long */

		memcpy(key + len, cells[i].text, n);
		key[len + n] = '\0';
		len += n + 1;
	}
	for (unsigned i = 0; i < p->count; i++) {
		if (p->series[i].key && p->series[i].key_len == len && memcmp(p->series[i].key, key, len) == 0) {
			*ret_series = &p->series[i];
			return 0;
		}
	}
	return new_series(p, key, len, ret_series);
}

static uint64_t metric_of(const struct picture *p, const struct weir_web_sums *sums)
{
	switch (MEASURES[p->drawing->measure].metric) {
	case WEIR_METRIC_PACKETS:
		return sums->packets;
	case WEIR_METRIC_FLOWS:
		return sums->flows;
	default:
		return sums->bytes;
	}
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct picture *p = ctx;
	unsigned keys = weir_graph_has_series(&p->drawing->graph) ? p->drawing->graph.top.dimensions + 1 : 0;

	(void)names, (void)types;
	return count == 1 + keys + 3 ? 0 : -EPROTO;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct picture *p = ctx;
	struct weir_web_sums sums = weir_web_sums_of(&cells[count - 3]);
	uint64_t at = weir_web_cell_number(&cells[0]) - (uint64_t)p->first;
	struct series *s = &p->total;
	int rc = 0;

	(void)totals;
	if (at >= p->buckets)
		return -EPROTO;
	p->total.value[at] += metric_of(p, &sums);
	weir_web_sums_add(&p->total.sum, &sums);
	if (!weir_graph_has_series(&p->drawing->graph))
		return 0;
	rc = series_of(p, &cells[2], cells[1].len == 1 && *cells[1].text == '1', &s);
	if (rc)
		return rc;
	s->value[at] += metric_of(p, &sums);
	weir_web_sums_add(&s->sum, &sums);
	return 0;
}

static int draw(struct drawing *d, const struct weir_window *window, struct picture *ret_picture)
{
	struct weir_graph graph = d->graph;
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = ret_picture};
	struct weir_buffer sql;
	int rc;

	graph.window = *window;
	*ret_picture = (struct picture){.drawing = d, .window = *window, .others = -1};
	ret_picture->buckets = weir_graph_buckets(&graph, &ret_picture->first);
	ret_picture->total.value = calloc(ret_picture->buckets, sizeof(*ret_picture->total.value));
	if (!ret_picture->total.value)
		return -ENOMEM;
	weir_buffer_init(&sql);
	rc = weir_graph_sql(&graph, &sql);
	if (!rc)
		rc = weir_web_run(d->call, &sql, &sink);
	if (!rc && weir_graph_uses_rollup(&graph))
		weir_web_query_used_rollup(d->call->query);
	weir_buffer_done(&sql);
	return rc;
}

/* The largest first; equal ones as they came. */
struct ranked {
	uint64_t metric;
	unsigned index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;

	if (x->metric != y->metric)
		return x->metric > y->metric ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static unsigned rank(const struct picture *p, unsigned ret_order[SERIES_MAX])
{
	struct ranked ranked[SERIES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < p->count; i++) {
		if ((int)i != p->others)
			ranked[n++] = (struct ranked){metric_of(p, &p->series[i].sum), i};
	}
	qsort(ranked, n, sizeof(*ranked), compare_ranked);
	for (unsigned i = 0; i < n; i++)
		ret_order[i] = ranked[i].index;
	return n;
}

/* --- series to JSON --------------------------------------------------------------------------------------- */

static int64_t interval_ms(const struct picture *p)
{
	return (int64_t)p->drawing->graph.interval_s * 1000;
}

/* Seconds of the bucket that lie in the window. */
static double bucket_s(const struct picture *p, uint64_t bucket)
{
	int64_t from = (p->first + (int64_t)bucket) * interval_ms(p);
	int64_t to = from + interval_ms(p);

	from = from < p->window.from_ms ? p->window.from_ms : from;
	to = to > p->window.to_ms ? p->window.to_ms : to;
	return (double)(to - from) / 1000;
}

static double shown(const struct picture *p, const struct series *s, uint64_t bucket)
{
	double value = (double)s->value[bucket] * MEASURES[p->drawing->measure].factor;
	double seconds = bucket_s(p, bucket);

	if (!MEASURES[p->drawing->measure].rate)
		return value;
	return seconds > 0 ? value / seconds : 0;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void put_statistics(struct weir_json *json, const struct picture *p, const struct series *s, double *values)
{
	double seconds = (double)(p->window.to_ms - p->window.from_ms) / 1000;
	double whole = (double)metric_of(p, &s->sum) * MEASURES[p->drawing->measure].factor;
	uint64_t last = p->buckets > 1 && bucket_s(p, p->buckets - 1) * 1000 < (double)interval_ms(p) ? p->buckets - 2 : p->buckets - 1;

	weir_json_number(json, "last", values[last]);
	qsort(values, p->buckets, sizeof(*values), compare_numbers);
	weir_json_number(json, "average",
			 MEASURES[p->drawing->measure].rate ? (seconds > 0 ? whole / seconds : 0) : whole / (double)p->buckets);
	weir_json_number(json, "max", values[p->buckets - 1]);
	weir_json_number(json, "p95", values[(uint64_t)((double)(p->buckets - 1) * PERCENTILE + 0.5)]);
}

static void put_key(struct weir_json *json, const struct drawing *d, const struct series *s)
{
	struct weir_buffer scratch;
	const char *at = s->key;

	if (!s->key) {
		weir_json_null(json, "key");
		return;
	}
	weir_buffer_init(&scratch);
	weir_json_open(json, "key", '[');
	for (unsigned i = 0; i < d->graph.top.dimensions; i++) {
		const struct weir_cell cell = {.text = at, .len = strlen(at)};

		weir_web_put_cell(json, &d->column[i], &cell, &scratch);
		at += cell.len + 1;
	}
	weir_json_close(json, ']');
	weir_buffer_done(&scratch);
}

static int put_series(struct weir_json *json, const char *name, const struct picture *p, const struct series *s)
{
	double *values = calloc(p->buckets ? p->buckets : 1, sizeof(*values));

	if (!values)
		return -ENOMEM;
	weir_json_open(json, name, '{');
	put_key(json, p->drawing, s);
	weir_json_open(json, "values", '[');
	for (uint64_t i = 0; i < p->buckets; i++) {
		values[i] = shown(p, s, i);
		weir_json_number(json, NULL, values[i]);
	}
	weir_json_close(json, ']');
	weir_web_put_sums(json, "sum", &s->sum);
	put_statistics(json, p, s, values);
	weir_json_close(json, '}');
	free(values);
	return json->rc;
}

static void put_times(struct weir_json *json, const struct picture *p)
{
	weir_json_open(json, "times_ms", '[');
	for (uint64_t i = 0; i < p->buckets; i++)
		weir_json_signed(json, NULL, (p->first + (int64_t)i) * interval_ms(p));
	weir_json_close(json, ']');
}

static const struct series *same_key(const struct picture *p, const struct series *key)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct series *s = &p->series[i];

		if (!s->key == !key->key && s->key_len == key->key_len && (!key->key || memcmp(s->key, key->key, key->key_len) == 0))
			return s;
	}
	return NULL;
}

/* The series of `keys` as they were in p; what was not there is nothing. */
static int put_all_series(struct weir_json *json, const struct picture *p, const struct picture *keys)
{
	uint64_t *nothing = calloc(p->buckets ? p->buckets : 1, sizeof(*nothing));
	unsigned order[SERIES_MAX];
	unsigned n = rank(keys, order);
	int rc = nothing ? 0 : -ENOMEM;

	if (keys->others >= 0)
		order[n++] = (unsigned)keys->others;
	weir_json_open(json, "series", '[');
	for (unsigned i = 0; !rc && i < n; i++) {
		const struct series *key = &keys->series[order[i]];
		const struct series *s = same_key(p, key);
		const struct series absent = {.key = key->key, .key_len = key->key_len, .value = nothing};

		rc = put_series(json, NULL, p, s ? s : &absent);
	}
	weir_json_close(json, ']');
	free(nothing);
	return rc;
}

static int put_picture(struct weir_json *json, const struct picture *p, const struct picture *keys)
{
	int rc;

	weir_web_put_window(json, "window", &p->window);
	put_times(json, p);
	rc = put_all_series(json, p, keys);
	return rc ? rc : put_series(json, "total", p, &p->total);
}

static int put_json(struct drawing *d, const struct picture *p, const struct picture *earlier)
{
	struct weir_json json = weir_web_begin_json(d->call);
	int rc;

	weir_json_whole(&json, "interval_ms", (uint64_t)interval_ms(p));
	weir_json_text(&json, "metric", MEASURES[d->measure].name);
	weir_json_text(&json, "unit", MEASURES[d->measure].unit);
	weir_json_open(&json, "dimensions", '[');
	for (unsigned i = 0; i < d->graph.top.dimensions; i++)
		weir_web_put_column(&json, d->column[i].name, d->column[i].kind, "");
	weir_json_close(&json, ']');
	rc = put_picture(&json, p, p);
	if (!rc && earlier) {
		weir_json_open(&json, "compare", '{');
		rc = put_picture(&json, earlier, p);
		weir_json_close(&json, '}');
	}
	return rc ? rc : weir_web_end_json(d->call, &json);
}

/* --- series as a file: time, the dimensions, value -------------------------------------------------------- */

static int put_file_row(struct weir_web_rows *rows, const struct picture *p, const struct series *s, uint64_t bucket)
{
	struct weir_cell cells[WEIR_WEB_DIMENSIONS + 2];
	unsigned dimensions = p->drawing->graph.top.dimensions;
	char time[WEIR_TIME_TEXT_MAX], value[400];
	const char *at = s->key;
	unsigned n = 0;

	weir_time_text_utc((p->first + (int64_t)bucket) * interval_ms(p), time);
	cells[n++] = (struct weir_cell){.text = time, .len = 19};
	for (unsigned i = 0; i < dimensions; i++) {
		cells[n++] = at ? (struct weir_cell){.text = at, .len = strlen(at)} : (struct weir_cell){.text = "", .null = true};
		at = at ? at + strlen(at) + 1 : NULL;
	}
	cells[n++] = (struct weir_cell){.text = value, .len = (size_t)snprintf(value, sizeof(value), "%.3f", shown(p, s, bucket))};
	return weir_web_rows_put(rows, cells);
}

static int put_file(struct drawing *d, const struct picture *p)
{
	struct weir_output_column column[WEIR_WEB_DIMENSIONS + 2] = {{.name = "time", .kind = WEIR_KIND_TIME}};
	struct weir_web_rows rows = {.format = weir_web_format(d->call)};
	unsigned order[SERIES_MAX];
	unsigned n = rank(p, order);
	unsigned count = 1;
	int rc;

	for (unsigned i = 0; i < d->graph.top.dimensions; i++)
		column[count++] = d->column[i];
	column[count++] = (struct weir_output_column){.name = MEASURES[d->measure].name, .kind = WEIR_KIND_RATE};
	weir_web_download(d->call, "graph", rows.format);
	rc = weir_web_rows_begin(&rows, d->call, NULL, column, count);
	if (p->others >= 0)
		order[n++] = (unsigned)p->others;
	for (unsigned i = 0; !rc && i < (n ? n : 1); i++) {
		for (uint64_t b = 0; !rc && b < p->buckets; b++)
			rc = put_file_row(&rows, p, n ? &p->series[order[i]] : &p->total, b);
	}
	if (!rc)
		rc = weir_web_rows_end(&rows);
	weir_web_rows_done(&rows);
	return rc;
}

/* --- the request ------------------------------------------------------------------------------------------ */

static int take_interval(struct drawing *d)
{
	const char *text = weir_web_text(&d->call->parameters, "interval");
	int64_t ms;
	int64_t first;

	if (strcmp(text, "auto") == 0) {
		d->graph.interval_s = weir_graph_fitting_interval_s(&d->graph, (unsigned)weir_web_number(&d->call->parameters, "points"));
		return 0;
	}
	if (weir_time_span_parse(text, strlen(text), &ms) || ms < 1000 || ms % 1000 || ms / 1000 > 31536000)
		return weir_error_set(&d->call->err, -EINVAL, "interval", "write it as 10s, 1m, 1h, 1d, or auto",
				      "a length of whole seconds, up to a year, belongs here");
	d->graph.interval_s = (uint32_t)(ms / 1000);
	if (weir_graph_buckets(&d->graph, &first) > WEIR_GRAPH_BUCKETS_MAX)
		return weir_error_set(&d->call->err, -EINVAL, "interval", "make it longer, or the window shorter",
				      "the window has more than %d intervals", WEIR_GRAPH_BUCKETS_MAX);
	return 0;
}

static void take_measure(struct drawing *d)
{
	const char *name = weir_web_text(&d->call->parameters, "metric");

	for (unsigned i = 0; i < sizeof(MEASURES) / sizeof(MEASURES[0]); i++) {
		if (strcmp(MEASURES[i].name, name) == 0)
			d->measure = (enum measure)i;
	}
	d->graph.top.metric = MEASURES[d->measure].metric;
}

static int take_parameters(struct drawing *d)
{
	const struct weir_web_parameters *p = &d->call->parameters;
	struct weir_top *top = &d->graph.top;
	const char *dimensions = weir_web_text(p, "dimensions");
	int rc = weir_web_take_window(d->call, "1h", &top->window);

	if (!rc && dimensions && *dimensions)
		rc = weir_dimensions_parse(dimensions, "dimensions", true, top->dimension, WEIR_WEB_DIMENSIONS, &top->dimensions,
					   &d->call->err);
	if (rc)
		return rc;
	d->graph.window = top->window;
	take_measure(d);
	top->exported = weir_web_bool(p, "exported");
	top->rollup = strcmp(weir_web_text(p, "rollup"), "never") == 0 ? WEIR_ROLLUP_NEVER : WEIR_ROLLUP_AUTO;
	top->rows_max = weir_web_number(p, "limit");
	for (unsigned i = 0; i < top->dimensions; i++)
		d->column[i] = (struct weir_output_column){
			.name = top->dimension[i].name,
			.kind = weir_field(top->dimension[i].field).kind,
			.v4_bits = top->dimension[i].v4_bits,
			.v6_bits = top->dimension[i].v6_bits,
		};
	return 0;
}

static int draw_all(struct drawing *d)
{
	struct weir_window earlier_window;
	struct picture picture = {0};
	struct picture earlier = {0};
	bool compares = weir_web_earlier(d->call, &d->graph.window, &earlier_window);
	int rc = draw(d, &d->graph.window, &picture);

	if (!rc && compares)
		rc = draw(d, &earlier_window, &earlier);
	if (!rc && weir_web_format(d->call) != WEIR_FORMAT_JSON)
		rc = put_file(d, &picture);
	else if (!rc)
		rc = put_json(d, &picture, compares ? &earlier : NULL);
	picture_done(&picture);
	picture_done(&earlier);
	return rc;
}

int weir_web_get_graph(struct weir_web_call *call)
{
	struct drawing d = {.call = call};
	struct weir_filter *filter = NULL;
	int rc = take_parameters(&d);

	if (!rc)
		rc = weir_web_take_filter(call, weir_web_text(&call->parameters, "filter"), &filter);
	d.graph.top.filter = filter;
	if (!rc)
		rc = take_interval(&d);
	if (!rc)
		rc = weir_web_begin_query(call);
	if (!rc)
		rc = draw_all(&d);
	weir_filter_free(filter);
	return rc;
}
