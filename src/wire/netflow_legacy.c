/* NetFlow v1, v5 and v7 (Cisco, "NetFlow Services and Applications"): a header and records of one fixed form.
 *
 * A format is written here as what its template would be, so that the plans of v9 and IPFIX decode it too: the names
 * of the elements are v9's, which had them from v5. The header tells the moment of export and the exporter's uptime
 * then; flows have uptimes. v5 and v7 count flows: flow_sequence is the number of flows exported before this
 * message. Open vSwitch sends the number of the message's last flow in its place, so that it counts a message's own flows in,
 * as softflowd does with IPFIX; which of the two an exporter does is learned (exporter.c).
 *
 *   v1  | version | count | uptime | seconds | nanoseconds |                                              16 bytes
 *   v5  | …                                                | sequence | engine type, id | sampling |       24 bytes
 *   v7  | …                                                | sequence | reserved                   |       24 bytes
 *
 * A record of v1 has 48 bytes as softflowd sends and nfdump reads it; Cisco's description has four more, which mean
 * nothing. Those are taken where count and message's length say so exactly.
 *
 * v5's sampling field has the mode in its upper two bits and the interval in the lower fourteen. */
#include "wire/netflow.h"

#include <errno.h>
#include <stddef.h>

#include "wire/element.h"

#define HEADER_LEN 24 /* of v5 and v7 */
#define PAD 210 /* paddingOctets: bytes without a meaning */

struct format {
	enum weir_flow_type flow_type;
	uint16_t fields;
	struct weir_field field[WEIR_LEGACY_FIELDS_MAX]; /* the elements are looked up when the plan is made */
};

/* v7: the router that the switch's shortcut goes past. No registry has it. */
static const struct weir_element ROUTER_SHORTCUT = {
	.name = "routerSc",
	.type = WEIR_ELEMENT_IPV4,
	.column = WEIR_COLUMN_NONE,
	.reverse_column = WEIR_COLUMN_NONE,
	.id = UINT16_MAX,
};

/* What the records of all three begin with. */
#define FIELDS_OF_ALL                                                    \
	{.id = 8,   .length = 4},  /* sourceIPv4Address */               \
	{.id = 12,  .length = 4},  /* destinationIPv4Address */          \
	{.id = 15,  .length = 4},  /* ipNextHopIPv4Address */            \
	{.id = 10,  .length = 2},  /* ingressInterface */                \
	{.id = 14,  .length = 2},  /* egressInterface */                 \
	{.id = 2,   .length = 4},  /* packetDeltaCount */                \
	{.id = 1,   .length = 4},  /* octetDeltaCount */                 \
	{.id = 22,  .length = 4},  /* flowStartSysUpTime */              \
	{.id = 21,  .length = 4},  /* flowEndSysUpTime */                \
	{.id = 7,   .length = 2},  /* sourceTransportPort */             \
	{.id = 11,  .length = 2}   /* destinationTransportPort */

#define FIELDS_OF_1                                                      \
	FIELDS_OF_ALL,                                                   \
	{.id = PAD, .length = 2},                                        \
	{.id = 4,   .length = 1},  /* protocolIdentifier */              \
	{.id = 5,   .length = 1},  /* ipClassOfService */                \
	{.id = 6,   .length = 1},  /* tcpControlBits */                  \
	{.id = PAD, .length = 7}

#define FIELDS_OF_5                                                      \
	FIELDS_OF_ALL,                                                   \
	{.id = PAD, .length = 1},  /* v7: which fields are valid */      \
	{.id = 6,   .length = 1},                                        \
	{.id = 4,   .length = 1},                                        \
	{.id = 5,   .length = 1},                                        \
	{.id = 16,  .length = 2},  /* bgpSourceAsNumber */               \
	{.id = 17,  .length = 2},  /* bgpDestinationAsNumber */          \
	{.id = 9,   .length = 1},  /* sourceIPv4PrefixLength */          \
	{.id = 13,  .length = 1},  /* destinationIPv4PrefixLength */     \
	{.id = PAD, .length = 2}   /* v7: which fields are valid */

static const struct format FORMATS[WEIR_LEGACIES] = {
	[WEIR_LEGACY_1] = {.flow_type = WEIR_FLOW_NETFLOW1, .fields = 16, .field = {FIELDS_OF_1}},
	[WEIR_LEGACY_1_LONG] = {
		.flow_type = WEIR_FLOW_NETFLOW1,
		.fields = 17,
		.field = {FIELDS_OF_1, {.id = PAD, .length = 4}},
	},
	[WEIR_LEGACY_5] = {.flow_type = WEIR_FLOW_NETFLOW5, .fields = 20, .field = {FIELDS_OF_5}},
	[WEIR_LEGACY_7] = {
		.flow_type = WEIR_FLOW_NETFLOW7,
		.fields = 21,
		.field = {FIELDS_OF_5, {.id = UINT16_MAX, .length = 4, .element = &ROUTER_SHORTCUT}},
	},
};

int weir_legacies_init(struct weir_legacies *legacies)
{
	for (unsigned i = 0; i < WEIR_LEGACIES; i++) {
		const struct format *format = &FORMATS[i];
		struct weir_legacy_format *made = &legacies->format[i];
		bool variable;

		for (unsigned j = 0; j < format->fields; j++) {
			made->field[j] = format->field[j];
			if (!made->field[j].element)
				made->field[j].element = weir_element_find(0, made->field[j].id);
		}
		made->record_len = weir_plan_record_min(made->field, format->fields, &variable);
		if (weir_plan_new(made->field, format->fields, format->flow_type, false, &made->plan)) {
			weir_legacies_done(legacies);
			return -ENOMEM;
		}
	}
	return 0;
}

void weir_legacies_done(struct weir_legacies *legacies)
{
	for (unsigned i = 0; i < WEIR_LEGACIES; i++) {
		weir_plan_free(legacies->format[i].plan);
		legacies->format[i].plan = NULL;
	}
}

/* The header behind version and count. */
static void read_header(enum weir_legacy format, struct weir_cursor *c, struct weir_message *m)
{
	uint32_t seconds;
	uint32_t nanoseconds;

	m->times.uptime_ms = weir_cursor_u32(c);
	seconds = weir_cursor_u32(c);
	nanoseconds = weir_cursor_u32(c);
	m->times.export_ms = (int64_t)seconds * 1000 + nanoseconds / 1000000;
	if (format == WEIR_LEGACY_1)
		return;
	m->sequence = weir_cursor_u32(c);
	m->has_sequence = true;
	if (format == WEIR_LEGACY_5) {
		m->domain = weir_cursor_u16(c);
		m->header_rate = weir_cursor_u16(c) & 0x3fff;
	} else {
		weir_cursor_skip(c, 4);
	}
}

void weir_legacy_decode(const struct weir_legacies *legacies, enum weir_legacy format,
			struct weir_exporters *exporters, struct weir_message *m)
{
	struct weir_cursor c = weir_cursor(m->datagram->data, m->datagram->len);
	uint32_t record_len;
	uint32_t count;
	struct weir_cursor records;

	weir_cursor_skip(&c, 2);
	count = weir_cursor_u16(&c);
	read_header(format, &c, m);
	if (c.fault) {
		weir_message_fault(m, WEIR_FAULT_MESSAGE_SHORT);
		return;
	}
	if (format == WEIR_LEGACY_1 &&
	    (size_t)count * legacies->format[WEIR_LEGACY_1_LONG].record_len == weir_cursor_left(&c))
		format = WEIR_LEGACY_1_LONG;
	record_len = legacies->format[format].record_len;
	m->flow_type = FORMATS[format].flow_type;
	if (!weir_message_exporter(exporters, m))
		return;
	if ((size_t)count * record_len != weir_cursor_left(&c))
		weir_message_fault(m, WEIR_FAULT_COUNT_MISMATCH);
	if (m->has_sequence)
		m->out->stats->lost_messages += weir_exporter_sequence_records(m->exporter, m->sequence, count, count, true);
	if ((size_t)count * record_len > weir_cursor_left(&c))
		count = (uint32_t)(weir_cursor_left(&c) / record_len);
	weir_message_bytes(m, WEIR_BYTE_FRAMING, m->datagram->len - weir_cursor_left(&c));
	weir_message_bytes(m, WEIR_BYTE_FLOWS, (size_t)count * record_len);
	records = weir_cursor_sub(&c, (size_t)count * record_len);
	(void)weir_plan_decode(legacies->format[format].plan, m, &records);
}

size_t weir_legacy_message_len(enum weir_legacy format, const uint8_t *data, size_t len)
{
	struct weir_cursor c = weir_cursor(data, len);
	struct weir_cursor next;
	uint16_t version = weir_cursor_u16(&c);
	uint16_t count = weir_cursor_u16(&c);
	bool variable;
	size_t length = HEADER_LEN + (size_t)count * weir_plan_record_min(FORMATS[format].field, FORMATS[format].fields,
									  &variable);

	if (c.fault || length >= len)
		return len;
	next = weir_cursor(data + length, len - length);
	return weir_cursor_u16(&next) == version && !next.fault ? length : len;
}
