/* IPFIX (RFC 7011).
 *
 *   | version 10 | length | export time | sequence | observation domain |   16 bytes, §3.1; then sets (set.c)
 *
 * sequence counts the data records that the observation domain sent before this message, those of options too. After
 * a set whose records cannot be counted, because its template is missing or it is broken, the next message's number is
 * unknown, and is taken as it comes. softflowd counts the message's own flows in as well, and no options
 * (exporter.c).
 */
#include "wire/netflow.h"
#include "wire/set.h"

#define HEADER_LEN 16

void weir_ipfix_decode(struct weir_exporters *exporters, struct weir_message *m)
{
	struct weir_cursor c = weir_cursor(m->datagram->data, m->datagram->len);
	struct weir_sets_result result;
	uint16_t length;

	weir_cursor_skip(&c, 2);
	length = weir_cursor_u16(&c);
	m->flow_type = WEIR_FLOW_IPFIX;
	m->times.export_ms = (int64_t)weir_cursor_u32(&c) * 1000;
	m->sequence = weir_cursor_u32(&c);
	m->has_sequence = true;
	m->domain = weir_cursor_u32(&c);
	if (c.fault) {
		weir_message_fault(m, WEIR_FAULT_MESSAGE_SHORT);
		return;
	}
	if (length != m->datagram->len)
		weir_message_fault(m, WEIR_FAULT_MESSAGE_LENGTH);
	if (length < HEADER_LEN)
		return;
	if (length < m->datagram->len)
		c = weir_cursor_sub(&c, length - HEADER_LEN);
	if (!weir_message_exporter(exporters, m))
		return;
	m->times.init_ms = m->exporter->init_ms;
	weir_message_bytes(m, WEIR_BYTE_FRAMING, HEADER_LEN);
	result = weir_sets_decode(m, &weir_dialect_ipfix, &c);
	m->out->stats->lost_messages += weir_exporter_sequence_records(m->exporter, m->sequence, result.records,
									result.flows, result.records_known);
}
