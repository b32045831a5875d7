/* The replicator's counters as Prometheus text. */
#ifndef WEIR_REPLICATE_METRICS_H
#define WEIR_REPLICATE_METRICS_H

#include "base/buffer.h"
#include "replicate/replicator.h"

int weir_replicate_metrics(struct weir_replicator *replicator, int64_t start_ms,
			   struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
