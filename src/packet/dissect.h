/* Frame dissection: a sampled frame in, the columns of a flow out, for sFlow's raw headers. packet.h says what is read; of
 * tunnels it is the outermost IP header that counts. No state; any thread. */
#ifndef WEIR_PACKET_DISSECT_H
#define WEIR_PACKET_DISSECT_H

#include <stdint.h>

#include "base/cursor.h"
#include "flow/block.h"
#include "packet/packet.h"

/* Write what the frame says to row `row` of block, and add the columns written to *present. bytes and packets
 * are not written. */
enum weir_dissect_result weir_dissect(struct weir_cursor frame, enum weir_link link, struct weir_block *block,
				      uint32_t row, struct weir_column_set *present);

#endif
