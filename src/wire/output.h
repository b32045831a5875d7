/* Where the decoders of one message put what they find: the block being filled, the sink that takes full blocks,
 * and the counters. Borrowed from weir_decoder_decode() for one message; private to wire. */
#ifndef WEIR_WIRE_OUTPUT_H
#define WEIR_WIRE_OUTPUT_H

#include <stdbool.h>

#include "flow/block.h"
#include "wire/decoder.h"
#include "wire/fault.h"

struct weir_output {
	struct weir_block **block;
	struct weir_block **long_block; /* for what may have addresses other than IPv4; NULL: the same */
	const struct weir_block_sink *sink;
	struct weir_decoder_stats *stats; /* of the message */
	uint32_t sampling_rate;		  /* of the last flow, 0 before */
};

static inline void weir_output_fault(struct weir_output *out, enum weir_fault fault)
{
	out->stats->fault[fault]++;
}

/* Hand the block over; false (and the fault) when nobody takes it. Rows that are not committed are lost. */
static inline bool weir_output_flush(struct weir_output *out)
{
	if (out->sink->full(out->sink->ctx, out->block) == 0 && weir_block_room(*out->block))
		return true;
	weir_output_fault(out, WEIR_FAULT_BLOCK_REFUSED);
	return false;
}

/* See to it that *out->block has room for a row. */
static inline bool weir_output_room(struct weir_output *out)
{
	return weir_block_room(*out->block) ? true : weir_output_flush(out);
}

static inline void weir_output_bytes(struct weir_output *out, enum weir_byte kind, size_t bytes)
{
	out->stats->bytes_of[kind] += bytes;
}

/* Commit rows and count them as flows. */
static inline void weir_output_commit(struct weir_output *out, uint32_t rows, const struct weir_column_set *present)
{
	weir_block_commit(*out->block, rows, present);
	out->stats->flows += rows;
	if (rows)
		out->sampling_rate = weir_block_u32(*out->block, WEIR_COL_SAMPLING_RATE)[(*out->block)->rows - 1];
}

#endif
