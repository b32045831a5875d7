/* A flow of the cache as rows of a block. Pure. */
#ifndef WEIR_PROBE_FLOW_ROW_H
#define WEIR_PROBE_FLOW_ROW_H

#include <stdbool.h>

#include "flow/block.h"
#include "probe/flow_cache.h"

struct weir_flow_row_options {
	struct weir_addr exporter;
	uint32_t domain;
	uint32_t sampling; /* told in every row */
	bool bidirectional;
};

/* The block must have room for two. Returns how many were committed. */
unsigned weir_flow_row_put(const struct weir_flow *flow, enum weir_flow_end reason, int64_t now_us,
			   const struct weir_flow_row_options *options, struct weir_block *block);

#endif
