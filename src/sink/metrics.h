/* What a sink counts and how far behind it is, as Prometheus text (base/metrics.h). */
#ifndef WEIR_SINK_METRICS_H
#define WEIR_SINK_METRICS_H

#include <stdint.h>

#include "base/buffer.h"
#include "sink/loop.h"

/* The clock is the loop's. */
int weir_sink_metrics(const struct weir_sink_stats *stats, const struct weir_spool_backlog *backlog,
		      const struct weir_clock *clock, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
