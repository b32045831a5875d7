#include "wire/section.h"

#include "packet/dissect.h"

void weir_section_put(const struct weir_message *m, enum weir_link link, struct weir_cursor data, uint64_t length,
		      struct weir_column_set *present)
{
	enum weir_tunnel tunnel = m->work->sflow_inner ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER;
	struct weir_block *b = *m->out->block;
	struct weir_packet packet;

	if (weir_packet_parse(data, link, tunnel, &packet) == WEIR_DISSECT_MALFORMED)
		weir_message_fault(m, WEIR_FAULT_SECTION_FRAME);
	weir_dissect_put(&packet, b, b->rows, present);
	/* A record is a packet. Its bytes are the frame's, as with sFlow, or else the IP packet's. */
	if (!length)
		length = packet.ip_bytes;
	weir_block_u64(b, WEIR_COL_PACKETS)[b->rows] = 1;
	weir_column_set_add(present, WEIR_COL_PACKETS);
	if (length) {
		weir_block_u64(b, WEIR_COL_BYTES)[b->rows] = length;
		weir_column_set_add(present, WEIR_COL_BYTES);
	}
}
