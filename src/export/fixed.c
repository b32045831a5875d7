/* NetFlow v1, v5 and v7: Cisco's formats without templates ("NetFlow Export Datagram Format").
 *
 * A header and up to `records_max` records of one size. The header gives the uptime and the wall clock of one moment
 * (with nanoseconds, so nothing is lost); flows give uptimes. v5 and v7 count flows: the header's flow_sequence is
 * the number of flows sent before. v5 has sampling in two bits of mode and fourteen of interval. IPv4 only.
 *
 * v1 is sent as 24 records of 48 bytes at most: nfcapd (1.7.1, measured) refuses a message that counts more, though
 * softflowd sends 29, and reads records of 52 bytes, which Cisco's description has, as nonsense. */
#include <errno.h>

#include "export/message.h"

/* The sampling mode of v5's header, as Cisco's routers set it: packet interval, or random. */
enum { SAMPLING_DETERMINISTIC = 1, SAMPLING_RANDOM = 2, SAMPLING_INTERVAL_MAX = 0x3fff };

static void begin(struct weir_encoder *e)
{
	struct weir_writer *w = &e->message.w;
	uint32_t rate = e->options.sampling_rate, mode = e->options.sampling_random ? SAMPLING_RANDOM : SAMPLING_DETERMINISTIC;

	weir_writer_u16(w, e->fixed->version);
	weir_writer_u16(w, 0); /* count: end() */
	weir_writer_u32(w, weir_encoder_uptime(e, e->now_ms));
	weir_writer_u32(w, (uint32_t)(e->now_ms / 1000));
	weir_writer_u32(w, (uint32_t)(e->now_ms % 1000 * 1000000));
	if (e->fixed->version == 1)
		return;
	weir_writer_u32(w, e->sequence);
	if (e->fixed->version == 7) {
		weir_writer_u32(w, 0);
		return;
	}
	weir_writer_u16(w, (uint16_t)e->options.domain); /* engine type and number */
	if (rate > SAMPLING_INTERVAL_MAX)
		rate = SAMPLING_INTERVAL_MAX;
	weir_writer_u16(w, rate ? (uint16_t)(mode << 14 | rate) : 0);
}

static void end(struct weir_encoder *e)
{
	weir_writer_patch16(&e->message.w, 2, e->message.records);
	e->sequence += e->message.records;
}

static uint64_t at_most(uint64_t value, uint64_t largest)
{
	return value < largest ? value : largest;
}

static bool sendable(const struct weir_block *block, uint32_t row)
{
	const struct weir_addr *src = &weir_block_addr(block, WEIR_COL_SRC_ADDR)[row];
	const struct weir_addr *dst = &weir_block_addr(block, WEIR_COL_DST_ADDR)[row];

	return (weir_addr_is_v4(src) || weir_addr_is_zero(src)) && (weir_addr_is_v4(dst) || weir_addr_is_zero(dst));
}

static int rows(struct weir_encoder *e, const struct weir_block *block, uint32_t first, uint32_t rows,
		const struct weir_column_set *present)
{
	const uint64_t *packets = weir_block_u64(block, WEIR_COL_PACKETS);
	const uint64_t *bytes = weir_block_u64(block, WEIR_COL_BYTES);
	struct weir_message *m = &e->message;
	int rc;

	(void)present; /* columns that are not there are zero */
	for (uint32_t row = first; row < first + rows; row++) {
		if (!sendable(block, row)) {
			e->stats.unsendable++;
			continue;
		}
		if (m->open && m->records == e->fixed->records_max) {
			rc = weir_message_send(e);
			if (rc)
				return rc;
		}
		rc = weir_message_room(e, e->fixed->record_bytes);
		if (rc)
			return rc;
		e->stats.clamped +=
			weir_record_write(&m->w, e->fixed->field, e->fixed->fields, block, row, e->boot_ms);
		m->records++;
		weir_message_flow(m, at_most(packets[row], UINT32_MAX), at_most(bytes[row], UINT32_MAX));
	}
	return 0;
}

const struct weir_protocol weir_protocol_fixed = {.rows = rows, .begin = begin, .end = end};
