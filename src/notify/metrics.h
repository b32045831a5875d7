/* What `weir notify` counts of each target, as metrics. */
#ifndef WEIR_NOTIFY_METRICS_H
#define WEIR_NOTIFY_METRICS_H

#include "base/clock.h"
#include "notify/notifier.h"

/* Append all families; name[i] is the target that stats[i] is of. */
int weir_notify_metrics(const char *const *name, const struct weir_notify_stats *stats, unsigned count, const struct weir_clock *clock,
			struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
