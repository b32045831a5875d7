#include "generate/tally.h"

#include <errno.h>
#include <stdlib.h>

int weir_tally_init(struct weir_tally *tally, uint32_t exporters)
{
	*tally = (struct weir_tally){.exporters = exporters};
	tally->dst_port = calloc(WEIR_TALLY_PORTS, sizeof(*tally->dst_port));
	tally->exporter = calloc(exporters, sizeof(*tally->exporter));
	if (tally->dst_port && tally->exporter)
		return 0;
	weir_tally_done(tally);
	return -ENOMEM;
}

void weir_tally_done(struct weir_tally *tally)
{
	free(tally->dst_port);
	free(tally->exporter);
	*tally = (struct weir_tally){0};
}

static void add(struct weir_sums *sums, uint64_t packets, uint64_t bytes)
{
	sums->flows++;
	sums->packets += packets;
	sums->bytes += bytes;
}

void weir_tally_add(struct weir_tally *tally, const struct weir_block *block, uint32_t first, uint32_t rows,
		    uint32_t exporter)
{
	const uint64_t *packets = weir_block_u64(block, WEIR_COL_PACKETS);
	const uint64_t *bytes = weir_block_u64(block, WEIR_COL_BYTES);
	const uint8_t *proto = weir_block_u8(block, WEIR_COL_PROTO);
	const uint16_t *dst_port = weir_block_u16(block, WEIR_COL_DST_PORT);
	const struct weir_addr *src = weir_block_addr(block, WEIR_COL_SRC_ADDR);
	const int64_t *start = weir_block_time(block, WEIR_COL_TIME_START);
	const int64_t *end = weir_block_time(block, WEIR_COL_TIME_END);

	for (uint32_t row = first; row < first + rows; row++) {
		add(&tally->total, packets[row], bytes[row]);
		add(weir_addr_is_v4(&src[row]) ? &tally->ipv4 : &tally->ipv6, packets[row], bytes[row]);
		add(&tally->proto[proto[row]], packets[row], bytes[row]);
		add(&tally->dst_port[dst_port[row]], packets[row], bytes[row]);
		add(&tally->exporter[exporter], packets[row], bytes[row]);
		if (!tally->first_ms || start[row] < tally->first_ms)
			tally->first_ms = start[row];
		if (end[row] > tally->last_ms)
			tally->last_ms = end[row];
	}
}
