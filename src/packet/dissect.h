/* What packet.h read of a sampled frame, as the columns of a flow, for sFlow's raw headers. No state; any thread. */
#ifndef WEIR_PACKET_DISSECT_H
#define WEIR_PACKET_DISSECT_H

#include <stdint.h>

#include "flow/block.h"
#include "packet/packet.h"

/* Write what the packet says to row `row` of block, and add the columns written to *present. bytes and packets
 * are not written, nor what has no column: the tunnel's addresses and the segments. */
void weir_dissect_put(const struct weir_packet *packet, struct weir_block *block, uint32_t row,
		      struct weir_column_set *present);

#endif
