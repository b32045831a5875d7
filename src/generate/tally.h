/* What was sent, added up: the sums that a store must give back. One thread; the tally owns its memory. */
#ifndef WEIR_GENERATE_TALLY_H
#define WEIR_GENERATE_TALLY_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/block.h"

struct weir_sums {
	uint64_t flows, packets, bytes;
};

#define WEIR_TALLY_PORTS 65536

struct weir_tally {
	struct weir_sums total, ipv4, ipv6;
	struct weir_sums proto[256];
	struct weir_sums *dst_port; /* WEIR_TALLY_PORTS; owned */
	struct weir_sums *exporter; /* `exporters`; owned */
	uint32_t exporters;
	int64_t first_ms, last_ms; /* earliest start and latest end; 0 before the first flow */
};

int weir_tally_init(struct weir_tally *tally, uint32_t exporters) WEIR_MUST_CHECK;
void weir_tally_done(struct weir_tally *tally);

/* Add rows [first, first + rows), sent by that exporter. */
void weir_tally_add(struct weir_tally *tally, const struct weir_block *block, uint32_t first, uint32_t rows,
		    uint32_t exporter);

#endif
