/* Frames through the meter, one after the other: the first byte picks options, then each frame is a byte of link layer and flags, a
 * byte of time that passes, and two of length. What goes in must come out, and the quick way must see what the general one sees. */
#include <stdlib.h>
#include <string.h>

#include "probe/meter.h"
#include "probe/sight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_block(void *ctx, struct weir_block *block, int64_t now_us)
{
	uint64_t *packets = ctx;

	(void)now_us;
	for (uint32_t row = 0; row < block->rows; row++)
		*packets += weir_block_u64(block, WEIR_COL_PACKETS)[row] + weir_block_u64(block, WEIR_COL_REVERSE_PACKETS)[row];
	return 0;
}

static void check_quick(const struct weir_frame *frame, const struct weir_meter_options *meter)
{
	const struct weir_sight_options options = {.frame_bytes = meter->frame_bytes, .tos = meter->tos};
	struct weir_sight quick, general;
	struct weir_sight_ports ports;
	struct weir_packet p;

	memset(&quick, 0, sizeof(quick));
	memset(&general, 0, sizeof(general));
	if (!weir_sight_quick(frame, &options, &quick))
		return;
	if (weir_packet_parse(weir_cursor(frame->data, frame->captured), frame->link, meter->tunnel, &p) != WEIR_DISSECT_COMPLETE)
		abort();
	p.vlan = frame->tagged ? frame->vlan : p.vlan;
	ports = (struct weir_sight_ports){.src = p.src_port, .dst = p.dst_port, .known = p.has & WEIR_PACKET_PORTS};
	weir_sight_of(frame, &p, &ports, &options, &general);
	if (memcmp(&quick, &general, sizeof(quick)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_cursor c = weir_cursor(data, size);
	unsigned options = weir_cursor_u8(&c);
	uint64_t packets = 0;
	struct weir_meter_options meter = {
		.flows_max = 4, .active_us = 60000000, .inactive_us = 15000000, .ended_us = 1000000, .seed = 1,
		.tunnel = options & 1, .frame_bytes = options & 2, .tos = options & 4, .bidirectional = options & 8,
		.sampling = options >> 4 & 3, .random = options & 64, .take = on_block, .ctx = &packets,
	};
	struct weir_frame frame = {.time_us = 1700000000000000};
	struct weir_meter *m;

	if (weir_meter_new(&meter, &m))
		return 0;
	while (weir_cursor_left(&c) > 4) {
		unsigned link = weir_cursor_u8(&c);
		int8_t seconds = (int8_t)weir_cursor_u8(&c);
		size_t len = weir_cursor_u16(&c);

		frame.link = (enum weir_link)(link % WEIR_LINKS);
		frame.tagged = link & 128;
		frame.time_us += seconds * 1000000LL;
		frame.captured = frame.length = (uint32_t)(len < weir_cursor_left(&c) ? len : weir_cursor_left(&c));
		frame.data = weir_cursor_take(&c, frame.captured);
		check_quick(&frame, &meter);
		if (weir_meter_frame(m, &frame))
			abort();
	}
	if (weir_meter_finish(m) || packets != weir_meter_stats(m)->packets)
		abort();
	weir_meter_free(m);
	return 0;
}
