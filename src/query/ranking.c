#include "query/ranking.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* As weir_top_sql() has the sums. */
enum sum { SUM_FLOWS, SUM_BYTES, SUM_PACKETS };

static const enum sum SUM_OF[] = {
	[WEIR_METRIC_BYTES] = SUM_BYTES,
	[WEIR_METRIC_PACKETS] = SUM_PACKETS,
	[WEIR_METRIC_FLOWS] = SUM_FLOWS,
};

void weir_ranking_init(struct weir_ranking *ranking, const struct weir_top *top)
{
	*ranking = (struct weir_ranking){.top = top};
	weir_buffer_init(&ranking->cells);
}

void weir_ranking_done(struct weir_ranking *ranking)
{
	weir_buffer_done(&ranking->cells);
}

static uint64_t number_of(const struct weir_cell *cell)
{
	uint64_t value = 0;

	for (size_t i = 0; i < cell->len && cell->text[i] >= '0' && cell->text[i] <= '9'; i++)
		value = value * 10 + (uint64_t)(cell->text[i] - '0');
	return value;
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	const struct weir_ranking *r = ctx;

	(void)names, (void)types;
	return count == r->top->dimensions + WEIR_RANKING_SUMS ? 0 : -EPROTO;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct weir_ranking *r = ctx;
	int rc = 0;

	if (totals) {
		for (unsigned i = 0; i < WEIR_RANKING_SUMS; i++)
			r->total[i] = number_of(&cells[r->top->dimensions + i]);
		return 0;
	}
	for (unsigned i = 0; !rc && i < count; i++) {
		uint32_t len = (uint32_t)cells[i].len;

		rc = weir_buffer_append(&r->cells, &len, sizeof(len));
		if (!rc)
			rc = weir_buffer_append(&r->cells, cells[i].text, len);
	}
	r->rows++;
	return rc;
}

struct weir_tsv_sink weir_ranking_sink(struct weir_ranking *ranking)
{
	return (struct weir_tsv_sink){.header = take_header, .row = take_row, .ctx = ranking};
}

unsigned weir_ranking_columns(const struct weir_top *top, struct weir_output_column *column)
{
	static const struct weir_output_column sums[WEIR_RANKING_SHOWN] = {
		{.name = "bytes", .kind = WEIR_KIND_BYTES},
		{.name = "packets", .kind = WEIR_KIND_COUNT},
		{.name = "flows", .kind = WEIR_KIND_COUNT},
		{.name = "share", .kind = WEIR_KIND_SHARE},
	};
	unsigned n = top->dimensions;

	for (unsigned i = 0; i < n; i++)
		column[i] = (struct weir_output_column){
			.name = top->dimension[i].name,
			.kind = weir_field(top->dimension[i].field).kind,
			.v4_bits = top->dimension[i].v4_bits,
			.v6_bits = top->dimension[i].v6_bits,
		};
	memcpy(column + n, sums, sizeof(sums));
	return n + WEIR_RANKING_SHOWN;
}

static const uint8_t *read_cell(const uint8_t *at, struct weir_cell *ret_cell)
{
	uint32_t len;

	memcpy(&len, at, sizeof(len));
	*ret_cell = (struct weir_cell){.text = (const char *)at + sizeof(len), .len = len};
	return at + sizeof(len) + len;
}

int weir_ranking_write(const struct weir_ranking *r, struct weir_output *output)
{
	unsigned n = r->top->dimensions;
	enum sum by = SUM_OF[r->top->metric];
	const uint8_t *at = r->cells.data;
	struct weir_cell cell[WEIR_DIMENSIONS_MAX + WEIR_RANKING_SHOWN];
	struct weir_cell sum[WEIR_RANKING_SUMS];
	char share[32];
	int rc = 0;

	for (uint64_t row = 0; !rc && row < r->rows; row++) {
		double whole = (double)r->total[by];
		int len;

		for (unsigned i = 0; i < n; i++)
			at = read_cell(at, &cell[i]);
		for (unsigned i = 0; i < WEIR_RANKING_SUMS; i++)
			at = read_cell(at, &sum[i]);
		len = snprintf(share, sizeof(share), "%.6f", whole > 0 ? (double)number_of(&sum[by]) / whole : 0.0);
		cell[n] = sum[SUM_BYTES];
		cell[n + 1] = sum[SUM_PACKETS];
		cell[n + 2] = sum[SUM_FLOWS];
		cell[n + 3] = (struct weir_cell){.text = share, .len = (size_t)len};
		rc = weir_output_row(output, cell);
	}
	return rc;
}
