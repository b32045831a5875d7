/* Frames, by all link layers and with both ways to see tunnels: the first byte picks. What is written must be named, so that it can be cleared. */
#include <stdlib.h>

#include "packet/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct weir_block_limits limits = {.rows_max = 1, .heap_max = 1, .extras_max = 1};
	static struct weir_block *block;
	struct weir_column_set present = {0};
	struct weir_packet packet;

	if (!size || (!block && weir_block_new(&limits, &block)))
		return 0;
	(void)weir_packet_parse(weir_cursor(data + 1, size - 1), (enum weir_link)((data[0] & 0x7f) % WEIR_LINKS),
				data[0] & 0x80 ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER, &packet);
	weir_dissect_put(&packet, block, 0, &present);
	weir_block_clear(block, 1, &present);
	for (unsigned id = 0; id < WEIR_COLUMNS; id++) {
		for (size_t at = 0; at < weir_types[weir_columns[id].type].width; at++) {
			if (((const uint8_t *)block->column[id])[at])
				abort();
		}
	}
	return 0;
}
