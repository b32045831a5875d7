/* NetFlow v9 (RFC 3954).
 *
 *   | version 9 | count | uptime | seconds | sequence | source id |   20 bytes, §5.1; then sets (set.c)
 *
 * count is of records of all kinds, but exporters disagree on what they count, and nothing depends on it: the
 * sets' lengths tell where everything is. So it is not checked. sequence counts messages of the source id.
 */
#include "wire/netflow.h"
#include "wire/set.h"

#define HEADER_LEN 20

void weir_netflow9_decode(struct weir_exporters *exporters, struct weir_message *m)
{
	struct weir_cursor c = weir_cursor(m->datagram->data, m->datagram->len);

	weir_cursor_skip(&c, 4);
	m->flow_type = WEIR_FLOW_NETFLOW9;
	m->times.uptime_ms = weir_cursor_u32(&c);
	m->times.export_ms = (int64_t)weir_cursor_u32(&c) * 1000;
	m->sequence = weir_cursor_u32(&c);
	m->has_sequence = true;
	m->domain = weir_cursor_u32(&c);
	if (c.fault) {
		weir_message_fault(m, WEIR_FAULT_MESSAGE_SHORT);
		return;
	}
	if (!weir_message_exporter(exporters, m))
		return;
	m->times.init_ms = m->exporter->init_ms;
	weir_message_bytes(m, WEIR_BYTE_FRAMING, HEADER_LEN);
	m->out->stats->lost_messages += weir_exporter_sequence(m->exporter, m->sequence, 1);
	(void)weir_sets_decode(m, &weir_dialect_netflow9, &c);
}
