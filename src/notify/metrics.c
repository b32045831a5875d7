#include "notify/metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "base/metrics.h"

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_notify_stats */
} COUNTERS[] = {
#define AT(member) offsetof(struct weir_notify_stats, member)
	{"weir_notify_sent_total",    "Events that the target was told of",                                AT(sent)},
	{"weir_notify_folded_total",  "Rows of events that it had been told of not long before",           AT(folded)},
	{"weir_notify_held_total",    "Events held back, because there were too many within a minute",     AT(held)},
	{"weir_notify_refused_total", "Messages that the target would not have, whenever",                 AT(refused)},
	{"weir_notify_expired_total", "Events passed over, because the target was down for more than a day", AT(expired)},
	{"weir_notify_retries_total", "Pauses after a failure",                                            AT(retries)},
#undef AT
};

static double up(const struct weir_notify_stats *stats, const struct weir_clock *clock)
{
	(void)clock;
	return stats->down ? 0 : 1;
}

static double down_seconds(const struct weir_notify_stats *stats, const struct weir_clock *clock)
{
	return stats->down ? (double)(weir_clock_mono_ns(clock) - stats->down_since_ns) / (double)WEIR_NS_PER_S : 0;
}

static double sent_time(const struct weir_notify_stats *stats, const struct weir_clock *clock)
{
	(void)clock;
	return (double)stats->sent_ns / (double)WEIR_NS_PER_S;
}

static const struct {
	const char *name;
	const char *help;
	double (*value)(const struct weir_notify_stats *stats, const struct weir_clock *clock);
} GAUGES[] = {
	{"weir_notify_up",                "1 while the target takes what it is told",                up},
	{"weir_notify_down_seconds",      "For how long the target has been down",                   down_seconds},
	{"weir_notify_sent_time_seconds", "When the target was told last, Unix time; 0: not yet",    sent_time},
};

int weir_notify_metrics(const char *const *name, const struct weir_notify_stats *stats, unsigned count, const struct weir_clock *clock,
			struct weir_buffer *out)
{
	char label[64];
	int rc = 0;

	for (size_t m = 0; m < sizeof(GAUGES) / sizeof(GAUGES[0]); m++) {
		for (unsigned i = 0; !rc && i < count; i++) {
			(void)snprintf(label, sizeof(label), "target=\"%s\"", name[i]);
			rc = weir_metrics_gauge(out, GAUGES[m].name, i ? NULL : GAUGES[m].help, label, GAUGES[m].value(&stats[i], clock));
		}
	}
	for (size_t m = 0; m < sizeof(COUNTERS) / sizeof(COUNTERS[0]); m++) {
		for (unsigned i = 0; !rc && i < count; i++) {
			uint64_t value = *(const uint64_t *)(const void *)((const char *)&stats[i] + COUNTERS[m].offset);

			(void)snprintf(label, sizeof(label), "target=\"%s\"", name[i]);
			rc = weir_metrics_counter(out, COUNTERS[m].name, i ? NULL : COUNTERS[m].help, label, value);
		}
	}
	return rc;
}
