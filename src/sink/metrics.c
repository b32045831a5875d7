#include "sink/metrics.h"

#include <stddef.h>

#include "base/metrics.h"

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_sink_stats */
} COUNTERS[] = {
#define AT(member) offsetof(struct weir_sink_stats, member)
	{"weir_sink_segments_total",           "Segments of the spool that the store has taken",     AT(segments)},
	{"weir_sink_rows_total",               "Flows that the store has taken",                     AT(rows)},
	{"weir_sink_records_total",            "Options and counters that the store has taken",     AT(records)},
	{"weir_sink_bytes_total",              "Bytes of those segments, compressed",                AT(bytes)},
	{"weir_sink_retries_total",            "Pauses after a failure",                             AT(retries)},
	{"weir_sink_set_aside_segments_total", "Segments that the store cannot read, set aside",     AT(set_aside_segments)},
	{"weir_sink_set_aside_rows_total",     "Flows in them",                                      AT(set_aside_rows)},
#undef AT
};

static const struct {
	const char *name;
	const char *help;
	bool counter;
	size_t offset; /* of the uint64_t in struct weir_spool_backlog */
} BACKLOG[] = {
#define AT(member) offsetof(struct weir_spool_backlog, member)
	{"weir_sink_backlog_segments",       "Segments of the spool that wait for the store",                 false, AT(segments)},
	{"weir_sink_backlog_rows",           "Flows that wait for the store",                                 false, AT(rows)},
	{"weir_sink_backlog_records",        "Options and counters that wait for the store",                  false, AT(records)},
	{"weir_sink_backlog_bytes",          "Bytes of the segments that wait, compressed",                   false, AT(bytes)},
	{"weir_sink_damaged_segments_total", "Segments that failed their checksum, set aside",                true,  AT(damaged_segments)},
	{"weir_sink_missing_segments_total", "Segments removed before the store had them: the spool was full", true, AT(missing_segments)},
#undef AT
};

static double seconds(int64_t ns)
{
	return (double)(ns / WEIR_NS_PER_MS) / WEIR_MS_PER_S;
}

static int64_t since(int64_t now_ns, int64_t then_ns)
{
	return then_ns && now_ns > then_ns ? now_ns - then_ns : 0;
}

static int write_state(const struct weir_sink_stats *stats, const struct weir_clock *clock, struct weir_buffer *out)
{
	int rc = weir_metrics_gauge(out, "weir_sink_up", "1 while the store takes what it is given", NULL,
				    stats->down ? 0 : 1);

	if (!rc)
		rc = weir_metrics_gauge(out, "weir_sink_down_seconds", "For how long the store has been down", NULL,
					stats->down ? seconds(since(weir_clock_mono_ns(clock), stats->down_since_ns)) : 0);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_sink_stored_time_seconds",
					"When the store last took a segment, Unix time; 0: not yet", NULL,
					seconds(stats->stored_ns));
	return rc ? rc : weir_metrics_gauge(out, "weir_sink_lag_seconds",
					    "Age of the segment that is being stored; 0: nothing waits", NULL,
					    seconds(since(weir_clock_wall_ns(clock), stats->segment_ns)));
}

int weir_sink_metrics(const struct weir_sink_stats *stats, const struct weir_spool_backlog *backlog,
		      const struct weir_clock *clock, struct weir_buffer *out)
{
	int rc = write_state(stats, clock, out);

	for (size_t i = 0; !rc && i < sizeof(COUNTERS) / sizeof(COUNTERS[0]); i++)
		rc = weir_metrics_counter(out, COUNTERS[i].name, COUNTERS[i].help, NULL,
					  *(const uint64_t *)(const void *)((const char *)stats + COUNTERS[i].offset));
	for (size_t i = 0; !rc && i < sizeof(BACKLOG) / sizeof(BACKLOG[0]); i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)backlog + BACKLOG[i].offset);

		rc = BACKLOG[i].counter ? weir_metrics_counter(out, BACKLOG[i].name, BACKLOG[i].help, NULL, value)
					: weir_metrics_gauge(out, BACKLOG[i].name, BACKLOG[i].help, NULL, (double)value);
	}
	return rc;
}
