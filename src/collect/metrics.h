/* What the collector counts, as Prometheus text (base/metrics.h). */
#ifndef WEIR_COLLECT_METRICS_H
#define WEIR_COLLECT_METRICS_H

#include "base/buffer.h"
#include "collect/collector.h"

/* start_ms: wall clock, when the role began. */
int weir_collect_metrics(const struct weir_collector_stats *stats, int64_t start_ms, struct weir_buffer *out)
	WEIR_MUST_CHECK;

#endif
