#include "query/sums.h"

#include <inttypes.h>
#include <string.h>

#include "query/report_parts.h"

#define HOUR_MS (60 * (int64_t)WEIR_REPORT_MINUTE_MS)
/* From so many whole minutes on sums are worth a second table. */
#define MINUTES_MIN 5

/* Dimensions with sums of their own (sql/schema/0008_hours.sql), and what their rows know: besides the times a dimension's value,
 * and the exporter where the value means nothing without it. The first one that fits is taken, so those of few values come
 * first. */
static const struct single {
	const char *name;
	unsigned field;
	bool has_exporter;
} SINGLES[] = {
	{"proto", WEIR_COL_PROTO, false},
	{"exporter_addr", WEIR_COL_EXPORTER_ADDR, true},
	{"in_if", WEIR_COL_IN_IF, true},
	{"out_if", WEIR_COL_OUT_IF, true},
	{"service_port", WEIR_COL_SERVICE_PORT, false},
	{"src_as", WEIR_COL_SRC_AS, false},
	{"dst_as", WEIR_COL_DST_AS, false},
};

/* What rows of sums are read from. */
struct level {
	const char *table;
	const char *time;
	enum weir_filter_table fields;
};

static const struct level FLOWS = {"flows", "time_received", WEIR_FILTER_FLOWS};
static const struct level LEVELS[2][2] = {
	{{"flows_1m", "minute", WEIR_FILTER_ROLLUP}, {"flows_1h", "hour", WEIR_FILTER_HOURS}},
	{{"flows_1m_by", "minute", WEIR_FILTER_SINGLE}, {"flows_1h_by", "hour", WEIR_FILTER_SINGLE_HOURS}},
};

static bool is_time(unsigned field)
{
	return field == WEIR_FIELD_MINUTE || field == WEIR_FIELD_HOUR || field == WEIR_FIELD_DAY;
}

static bool knows(const struct single *single, unsigned field)
{
	return is_time(field) || field == single->field || (single->has_exporter && field == WEIR_COL_EXPORTER_ADDR);
}

static bool knows_all(const struct single *single, const struct weir_top *top)
{
	for (unsigned i = 0; i < top->dimensions; i++) {
		if (!knows(single, top->dimension[i].field))
			return false;
	}
	for (uint32_t i = 0; i < top->filter->nodes; i++) {
		if (top->filter->node[i].op >= WEIR_FILTER_IN && !knows(single, top->filter->node[i].field))
			return false;
	}
	return true;
}

static const struct single *find_single(const struct weir_top *top)
{
	for (size_t i = 0; i < sizeof(SINGLES) / sizeof(SINGLES[0]); i++) {
		if (knows_all(&SINGLES[i], top))
			return &SINGLES[i];
	}
	return NULL;
}

static bool asks_for_minutes(const struct weir_top *top)
{
	for (unsigned i = 0; i < top->dimensions; i++) {
		if (top->dimension[i].field == WEIR_FIELD_MINUTE)
			return true;
	}
	return weir_filter_misfit(top->filter, WEIR_FILTER_HOURS) != WEIR_FIELD_NONE;
}

const struct weir_dimension *weir_sums_misfit(const struct weir_top *top)
{
	for (unsigned i = 0; i < top->dimensions; i++) {
		if (!weir_field(top->dimension[i].field).rollup_sql)
			return &top->dimension[i];
	}
	return NULL;
}

bool weir_sums_fit(const struct weir_top *top, const struct weir_window *window, uint32_t interval_s)
{
	struct weir_window minutes = weir_report_whole(window, WEIR_REPORT_MINUTE_MS);
	int64_t least = top->rollup == WEIR_ROLLUP_ALWAYS ? 1 : MINUTES_MIN;

	return top->rollup != WEIR_ROLLUP_NEVER && interval_s % 60 == 0 && !weir_sums_misfit(top) &&
	       weir_filter_fits_rollup(top->filter) && minutes.to_ms - minutes.from_ms >= least * WEIR_REPORT_MINUTE_MS;
}

/* --- SQL -------------------------------------------------------------------------------------------------- */

static int put_range(const struct level *level, const struct weir_window *range, struct weir_buffer *out)
{
	return level == &FLOWS ? weir_report_put_window(range->from_ms, range->to_ms, out)
			       : weir_report_put_times(level->time, range, out);
}

static int put_columns(const struct weir_top *top, const struct level *level, struct weir_buffer *out)
{
	if (level != &FLOWS)
		return weir_buffer_printf(out, "flows AS f, %s AS b, %s AS p", top->exported ? "exported_bytes" : "bytes",
					  top->exported ? "exported_packets" : "packets");
	return weir_buffer_printf(out, "toUInt64(1) AS f, toUInt64(%s) AS b, toUInt64(%s) AS p",
				  top->exported ? "bytes" : "bytes * greatest(sampling_rate, 1)",
				  top->exported ? "packets" : "packets * greatest(sampling_rate, 1)");
}

struct branches {
	const struct weir_top *top;
	const struct single *single; /* NULL: none */
	uint32_t interval_s;
	unsigned count; /* of those that are written */
	struct weir_buffer *out;
};

/* One SELECT over two ranges of a level, either of which may be empty; none where both are, unless nothing else is read. */
static int put_branch(struct branches *b, const struct level *level, struct weir_window first, struct weir_window second)
{
	struct weir_buffer *out = b->out;
	bool has_first = first.from_ms < first.to_ms;
	bool has_second = second.from_ms < second.to_ms;
	int rc;

	if (!has_first && !has_second && (level != &FLOWS || b->count))
		return 0;
	rc = weir_buffer_text(out, b->count++ ? "\n  UNION ALL\n  SELECT " : "  SELECT ");
	if (!rc && b->interval_s)
		rc = weir_buffer_printf(out, "intDiv(toUnixTimestamp(%s), %" PRIu32 ") AS t, ", level->time, b->interval_s);
	if (!rc && (!b->interval_s || b->top->rows_max)) /* of a graph without series only the sum is asked for */
		rc = weir_report_put_dimensions(b->top, level->fields, out);
	if (!rc)
		rc = put_columns(b->top, level, out);
	if (!rc)
		rc = weir_buffer_printf(out, "\n  FROM %s\n  WHERE ", level->table);
	if (!rc && b->single && level != &FLOWS)
		rc = weir_buffer_printf(out, "dimension = '%s' AND ", b->single->name);
	if (!rc)
		rc = weir_buffer_text(out, "(");
	if (!rc && (has_first || !has_second))
		rc = put_range(level, &first, out);
	if (!rc && has_first && has_second)
		rc = weir_buffer_text(out, " OR ");
	if (!rc && has_second)
		rc = put_range(level, &second, out);
	if (!rc)
		rc = weir_buffer_text(out, ")");
	return rc ? rc : weir_report_put_filter(b->top->filter, level->fields, out);
}

int weir_sums_put(const struct weir_top *top, const struct weir_window *window, uint32_t interval_s, struct weir_buffer *out)
{
	struct weir_window none = {window->from_ms, window->from_ms};
	struct weir_window minutes = weir_sums_fit(top, window, interval_s) ? weir_report_whole(window, WEIR_REPORT_MINUTE_MS) : none;
	struct weir_window hours = none;
	struct branches b = {top, find_single(top), interval_s, 0, out};
	const struct level *level = LEVELS[b.single != NULL];
	int rc;

	if (interval_s % 3600 == 0 && !asks_for_minutes(top) && minutes.from_ms < minutes.to_ms)
		hours = weir_report_whole(window, HOUR_MS);
	if (hours.from_ms == hours.to_ms)
		hours = (struct weir_window){minutes.from_ms, minutes.from_ms};
	rc = put_branch(&b, &level[1], hours, none);
	if (!rc)
		rc = put_branch(&b, &level[0], (struct weir_window){minutes.from_ms, hours.from_ms},
				(struct weir_window){hours.to_ms, minutes.to_ms});
	if (!rc)
		rc = put_branch(&b, &FLOWS, (struct weir_window){window->from_ms, minutes.from_ms},
				(struct weir_window){minutes.to_ms, window->to_ms});
	return rc;
}
