#include "wire/times.h"

#define DAY_MS	     INT64_C(86400000)
#define YEAR_1980_MS (3652 * DAY_MS)

/* An old time may be right, as when a capture of long ago is exported; but before 1980 nothing was, unless the exporter's
 * own clock says so too. */
static bool fits(int64_t time_ms, int64_t reference_ms)
{
	return time_ms <= reference_ms + DAY_MS && (time_ms >= YEAR_1980_MS || reference_ms < YEAR_1980_MS);
}

void weir_times_check(const struct weir_message *m, enum weir_column_id column, uint32_t rows)
{
	struct weir_block *b = *m->out->block;
	int64_t *time = weir_block_time(b, column) + b->rows;
	int64_t instead = m->times.export_ms;

	/* An exporter without a clock knows no export time either. */
	if (instead < YEAR_1980_MS)
		instead = m->datagram->received_ms;
	for (uint32_t i = 0; i < rows; i++) {
		if (fits(time[i], m->times.export_ms) || fits(time[i], m->datagram->received_ms))
			continue;
		time[i] = instead;
		weir_message_fault(m, WEIR_FAULT_TIME_IMPLAUSIBLE);
	}
}

void weir_times_fill(const struct weir_message *m, enum weir_column_id told, uint32_t rows,
		     const struct weir_copy *duration, uint32_t unit_us)
{
	struct weir_block *b = *m->out->block;
	bool end_told = told == WEIR_COL_TIME_END;
	const int64_t *from = weir_block_time(b, told) + b->rows;
	int64_t *to = weir_block_time(b, end_told ? WEIR_COL_TIME_START : WEIR_COL_TIME_END) + b->rows;

	for (uint32_t i = 0; i < rows; i++) {
		uint64_t ms = 0;

		if (duration)
			ms = weir_load_uint(duration->src + i * duration->stride, duration->len) * unit_us / 1000;
		if (end_told)
			to[i] = ms < (uint64_t)from[i] ? from[i] - (int64_t)ms : 0;
		else
			to[i] = weir_time_clamp((uint64_t)from[i] + ms);
	}
}
