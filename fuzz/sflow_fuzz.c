/* sFlow datagrams, into a block so small that all its limits are met. What the decoder counts must add up. */
#include <stdlib.h>

#include "wire/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *ctx, struct weir_block **block)
{
	*(uint64_t *)ctx += (*block)->rows;
	weir_block_reset(*block);
	return 0;
}

/* Every byte has a kind, and what was not read has a fault. */
static void check_bytes(const struct weir_decoder_stats *stats)
{
	uint64_t bytes = 0;
	uint64_t faults = 0;

	for (unsigned i = 0; i < WEIR_BYTE_KINDS; i++)
		bytes += stats->bytes_of[i];
	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		faults += stats->fault[i];
	if (bytes != stats->bytes || (!faults && stats->bytes_of[WEIR_BYTE_UNREAD]))
		abort();
}

/* Whoever gets the counters has no room now and then. */
static bool put(void *ctx, enum weir_table table, const struct weir_record *record)
{
	(void)ctx;
	(void)table;
	return record->name.len % 7 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct weir_record_sink records = {.put = put};
	static const struct weir_vocabulary_limits words = {.names_max = 4, .bytes_max = 128};
	struct weir_vocabulary *vocabulary = NULL;
	/* Small, for a decoder is made for each input. */
	struct weir_decoder_limits decoder_limits = {.exporters_max = 4, .templates_max = 1, .fields_max = 1};
	static const struct weir_block_limits limits = {.rows_max = 3, .heap_max = 2048, .extras_max = 16};
	struct weir_datagram datagram = {.data = data, .len = size, .received_ms = 1};
	struct weir_decoder *decoder;
	struct weir_block *block = NULL;
	uint64_t rows = 0;
	struct weir_block_sink sink = {.full = take, .ctx = &rows};

	if (size < 4 || data[0] || data[1] || data[2] || data[3] != 5)
		return -1;
	/* Its sub-agent decides whose addresses are wanted: an IPv4 agent's stands at 15. */
	decoder_limits.sflow_inner = size > 15 && data[15] & 1;
	if (weir_decoder_new(&decoder_limits, 1, &decoder))
		return 0;
	if (weir_block_new(&limits, &block) == 0 && weir_decoder_records(decoder, &records) == 0 &&
	    weir_vocabulary_new(&words, 1, &vocabulary) == 0) {
		weir_decoder_vocabulary(decoder, vocabulary);
		weir_decoder_decode(decoder, &datagram, &block, &sink);
		if (rows + block->rows != weir_decoder_stats(decoder)->flows)
			abort();
		check_bytes(weir_decoder_stats(decoder));
	}
	weir_block_free(block);
	weir_decoder_free(decoder);
	weir_vocabulary_free(vocabulary);
	return 0;
}
