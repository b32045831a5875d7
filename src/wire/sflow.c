/* sFlow version 5 (sflow.org, "sFlow Version 5", July 2004; XDR, RFC 4506): every flow sample becomes one flow, and so
 * does every packet that an agent tells to have dropped.
 *
 *   datagram  version 5 | agent address | sub-agent | sequence | uptime | samples │ sample …
 *   sample    format | length │ sequence | source | rate | pool | drops | input | output | records │ record …
 *   record    format | length │ sampled header, sampled IPv4, … (sflow_record.c)
 *
 * A format is an enterprise in its upper 20 bits and a number below. Samples and records are child slices of their
 * length, so that what is unknown or too long is skipped, and what is too short harms only itself. A sample is written
 * to the block's next row as its records come, in whatever order, and committed at its end; a sample that is broken is
 * cleared from the row. Records that weir does not know are kept as extra values, "enterprise:format" in hexadecimal.
 *
 * What a flow is: one packet, at the moment it was received (samples carry no wall clock), times sampling_rate. Its
 * exporter is the agent, which need not be the sender; the sub-agent is its observation domain.
 *
 * Bytes are the length of the frame as the agent tells it (frame_length), so with the link layer's header and, by the
 * specification, with the four bytes of the frame check sequence; where a sample has no raw header, the length that its
 * Ethernet or IP record tells. That is what was exported, and pmacct's sfacctd counts the same (1.7.7, measured; of a sample with
 * several such records it takes the last one's length, where weir takes the frame's). NetFlow counts IP packets: to compare,
 * take from each packet 18 bytes and 4 a VLAN tag where the agent counts the check sequence, 14 where it does not; frames
 * of 64 bytes may be padded.
 *
 * Interfaces. Their upper two bits (or a word of their own, in expanded samples) say what the number is. An index fills
 * the column; 0, unknown, leaves the column out; the agent itself is interface 0, as in NetFlow, and going there is
 * forwarding_status 195 (consumed, for us). From the agent to the agent is what programs say that know no interfaces (pmacct's
 * sfprobe): unknown too. A discarded packet has no output interface, but a forwarding_status by the
 * reason (RFC 7270 §4.12), and the reason as it came is kept in extra; so is the number of interfaces that a multicast
 * or flooded packet went to.
 *
 * Not kept: pool, drops and sequence number of the sources, which say how good the sampling was, not what was seen. */
#include "wire/sflow.h"

#include "wire/describe.h"
#include "wire/sflow_sample.h"

enum {
	SAMPLE_FLOW = 1,
	SAMPLE_COUNTER = 2,
	SAMPLE_FLOW_EXPANDED = 3,
	SAMPLE_COUNTER_EXPANDED = 4,
	SAMPLE_DISCARDED = 5,

	SAMPLE_HEADER_LEN = 8,

	INTERFACE_INDEX = 0,
	INTERFACE_DISCARDED = 1,
	INTERFACE_MULTIPLE = 2,
	INTERFACE_VALUE_MASK = 0x3fffffff,
	INTERFACE_AGENT = 0x3fffffff, /* the agent itself sent or took the packet */

	STATUS_FORWARDED = 64, /* RFC 7270 §4.12 */
	STATUS_DROPPED = 128,
	STATUS_DROPPED_ACL = 129,
	STATUS_DROPPED_UNROUTABLE = 131,
	STATUS_DROPPED_DF = 133,
	STATUS_DROPPED_TTL = 137,
	STATUS_DROPPED_POLICER = 138,
	STATUS_DROPPED_WRED = 139,
	STATUS_FOR_US = 195,
};

struct interface {
	uint32_t format;
	uint32_t value;
};

static struct interface read_interface(struct weir_cursor *c, bool expanded)
{
	struct interface i;

	i.format = weir_cursor_u32(c);
	if (expanded) {
		i.value = weir_cursor_u32(c);
		if (i.value == UINT32_MAX)
			i.value = INTERFACE_AGENT;
	} else {
		i.value = i.format & INTERFACE_VALUE_MASK;
		i.format >>= 30;
	}
	return i;
}

/* --- samples ---------------------------------------------------------------------------------------------- */

/* False when the sample ends inside a record. */
static bool read_records(struct weir_sample *s, struct weir_cursor *c)
{
	uint32_t records = weir_cursor_u32(c);

	for (uint32_t i = 0; i < records && !c->fault; i++) {
		uint32_t format = weir_cursor_u32(c);
		struct weir_cursor record = weir_cursor_sub(c, weir_cursor_u32(c));

		if (c->fault)
			return false;
		weir_sflow_record(s, format, &record);
	}
	return !c->fault;
}

/* The forwarding status for a reason to discard: below 256 those of ICMP's destination unreachable, and sFlow's own. */
static uint32_t discard_status(uint32_t reason)
{
	static const struct {
		uint16_t reason;
		uint8_t status;
	} STATUS[] = {
		{0, STATUS_DROPPED_UNROUTABLE}, /* network */
		{1, STATUS_DROPPED_UNROUTABLE}, /* host */
		{4, STATUS_DROPPED_DF},
		{6, STATUS_DROPPED_UNROUTABLE}, /* network unknown */
		{7, STATUS_DROPPED_UNROUTABLE}, /* host unknown */
		{9, STATUS_DROPPED_ACL},	/* network prohibited */
		{10, STATUS_DROPPED_ACL},	/* host prohibited */
		{13, STATUS_DROPPED_ACL},	/* communication prohibited */
		{257, STATUS_DROPPED_TTL},
		{258, STATUS_DROPPED_ACL},
		{260, STATUS_DROPPED_WRED},
		{261, STATUS_DROPPED_POLICER},
		{262, STATUS_DROPPED_DF}, /* too big */
	};

	for (size_t i = 0; i < sizeof(STATUS) / sizeof(STATUS[0]); i++) {
		if (STATUS[i].reason == reason)
			return STATUS[i].status;
	}
	return STATUS_DROPPED;
}

static bool is_agent(struct interface i)
{
	return i.format == INTERFACE_INDEX && i.value == INTERFACE_AGENT;
}

static void put_input(struct weir_sample *s, struct interface in)
{
	if (in.format == INTERFACE_INDEX && in.value)
		weir_sample_put_u32(s, WEIR_COL_IN_IF, in.value == INTERFACE_AGENT ? 0 : in.value);
}

static void put_output(struct weir_sample *s, struct interface out)
{
	switch (out.format) {
	case INTERFACE_INDEX:
		if (out.value)
			weir_sample_put_u32(s, WEIR_COL_OUT_IF, out.value == INTERFACE_AGENT ? 0 : out.value);
		if (out.value == INTERFACE_AGENT)
			weir_sample_put_u8(s, WEIR_COL_FORWARDING_STATUS, STATUS_FOR_US);
		break;
	case INTERFACE_DISCARDED:
		weir_sample_put_u8(s, WEIR_COL_FORWARDING_STATUS, discard_status(out.value));
		weir_sample_put_extra_number(s, "discard_reason", out.value);
		break;
	case INTERFACE_MULTIPLE:
		weir_sample_put_u8(s, WEIR_COL_FORWARDING_STATUS, STATUS_FORWARDED);
		weir_sample_put_extra_number(s, "output_interfaces", out.value);
		break;
	default:
		break;
	}
}

/* What every flow has. */
static void put_message(struct weir_sample *s, uint32_t rate)
{
	const struct weir_message *m = s->m;

	for (unsigned i = 0; i < 3; i++) {
		static const enum weir_column_id times[] = {WEIR_COL_TIME_RECEIVED, WEIR_COL_TIME_START,
							    WEIR_COL_TIME_END};

		weir_block_time(s->block, times[i])[s->row] = m->datagram->received_ms;
		weir_column_set_add(&s->present, times[i]);
	}
	weir_sample_put_addr(s, WEIR_COL_EXPORTER_ADDR, &m->exporter->addr);
	weir_sample_put_u8(s, WEIR_COL_FLOW_TYPE, WEIR_FLOW_SFLOW5);
	weir_sample_put_u32(s, WEIR_COL_OBSERVATION_DOMAIN, m->domain);
	weir_sample_put_u32(s, WEIR_COL_SEQUENCE_NUM, m->sequence);
	weir_sample_put_u32(s, WEIR_COL_SAMPLING_RATE, rate ? rate : 1);
	weir_sample_put_u64(s, WEIR_COL_PACKETS, 1);
}

/* The sample's source is the interface that took it: the packet's input or its output. */
static void put_direction(struct weir_sample *s, uint32_t source_class, uint32_t source, struct interface in,
			  struct interface out)
{
	if (source_class || !source)
		return;
	if (in.format == INTERFACE_INDEX && in.value == source)
		weir_sample_put_u8(s, WEIR_COL_DIRECTION, 0);
	else if (out.format == INTERFACE_INDEX && out.value == source)
		weir_sample_put_u8(s, WEIR_COL_DIRECTION, 1);
}

static bool read_flow(struct weir_sample *s, struct weir_cursor *c, bool expanded)
{
	uint32_t source_class;
	uint32_t source;
	uint32_t rate;
	struct interface in;
	struct interface out;

	weir_cursor_skip(c, 4); /* sequence number of the source */
	source_class = weir_cursor_u32(c);
	source = expanded ? weir_cursor_u32(c) : source_class & 0xffffff;
	if (!expanded)
		source_class >>= 24;
	rate = weir_cursor_u32(c);
	weir_cursor_skip(c, 8); /* pool, drops */
	in = read_interface(c, expanded);
	out = read_interface(c, expanded);
	if (c->fault)
		return false;
	put_message(s, rate);
	if (!is_agent(in) || !is_agent(out)) {
		put_input(s, in);
		put_output(s, out);
	}
	put_direction(s, source_class, source, in, out);
	return read_records(s, c);
}

/* A packet that the agent dropped and tells for that (sflow.org, "sFlow Dropped Packet Notification Structures"): each is told
 * but for a limit on their rate, so none is sampled. */
static bool read_discarded(struct weir_sample *s, struct weir_cursor *c)
{
	struct interface in = {INTERFACE_INDEX, 0};
	struct interface out = {INTERFACE_INDEX, 0};
	struct interface reason = {INTERFACE_DISCARDED, 0};

	weir_cursor_skip(c, 4 + 8 + 4); /* sequence number, source, drops */
	in.value = weir_cursor_u32(c);
	out.value = weir_cursor_u32(c);
	reason.value = weir_cursor_u32(c);
	if (c->fault)
		return false;
	put_message(s, 1);
	put_input(s, in);
	put_output(s, out);
	put_output(s, reason);
	return read_records(s, c);
}

static bool read_sample(struct weir_sample *s, uint32_t format, struct weir_cursor *c)
{
	if (format == SAMPLE_DISCARDED ? !read_discarded(s, c) : !read_flow(s, c, format == SAMPLE_FLOW_EXPANDED))
		return false;
	if (s->src_vlan)
		weir_sample_put_u16(s, WEIR_COL_SRC_VLAN, s->src_vlan);
	if (weir_cursor_left(c))
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_TRAILING);
	return true;
}

/* See to it that the block has room for a row and, unless it is empty, for what extra values `bytes` of sample can become,
 * so that no sample is written twice. */
static bool make_room(struct weir_output *out, size_t bytes)
{
	const struct weir_block *block = *out->block;

	if (block->rows && (block->extras_max - block->extras < bytes / 4 ||
			    block->heap_max - block->heap_len < WEIR_SAMPLE_HEAP * bytes))
		return weir_output_flush(out);
	return weir_output_room(out);
}

static void decode_flow_sample(struct weir_message *m, uint32_t format, struct weir_cursor *c)
{
	struct weir_sample s = {.m = m};
	size_t len = weir_cursor_left(c);
	uint32_t heap_len;

	if (!make_room(m->out, weir_cursor_left(c)))
		return;
	s.block = *m->out->block;
	s.row = s.block->rows;
	heap_len = s.block->heap_len;
	if (read_sample(&s, format, c)) {
		weir_describe_flows(m, s.block, 1, &s.present);
		weir_message_bytes(m, WEIR_BYTE_FLOWS, len);
		weir_output_commit(m->out, 1, &s.present);
		return;
	}
	weir_message_fault(m, WEIR_FAULT_SFLOW_SAMPLE);
	weir_block_clear(s.block, 1, &s.present);
	s.block->heap_len = heap_len;
}

static void decode_sample(struct weir_message *m, uint32_t format, struct weir_cursor *c)
{
	size_t len;

	switch (format) {
	case SAMPLE_FLOW:
	case SAMPLE_FLOW_EXPANDED:
	case SAMPLE_DISCARDED:
		decode_flow_sample(m, format, c);
		break;
	case SAMPLE_COUNTER:
	case SAMPLE_COUNTER_EXPANDED:
		len = weir_cursor_left(c);
		if (weir_sflow_counters(m, c, format == SAMPLE_COUNTER_EXPANDED)) {
			m->out->stats->counter_samples++;
			weir_message_bytes(m, WEIR_BYTE_COUNTERS, len);
		} else {
			weir_message_fault(m, WEIR_FAULT_SFLOW_SAMPLE);
		}
		break;
	default:
		weir_message_fault(m, WEIR_FAULT_SFLOW_SAMPLE_UNKNOWN);
		break;
	}
}

/* The header up to the count of samples. */
static bool read_header(struct weir_cursor *c, struct weir_addr *ret_agent, struct weir_message *m)
{
	weir_cursor_skip(c, 4); /* version */
	*ret_agent = weir_sflow_address(c);
	if (c->fault) {
		weir_message_fault(m, weir_cursor_left(c) ? WEIR_FAULT_SFLOW_ADDRESS : WEIR_FAULT_SFLOW_SHORT);
		return false;
	}
	m->flow_type = WEIR_FLOW_SFLOW5;
	m->domain = weir_cursor_u32(c);
	m->sequence = weir_cursor_u32(c);
	m->has_sequence = true;
	weir_cursor_skip(c, 4); /* uptime */
	return true;
}

void weir_sflow_decode(struct weir_exporters *exporters, struct weir_message *m)
{
	struct weir_cursor c = weir_cursor(m->datagram->data, m->datagram->len);
	struct weir_addr agent;
	struct weir_exporter_key key;
	uint32_t samples;

	if (!read_header(&c, &agent, m))
		return;
	samples = weir_cursor_u32(&c);
	if (c.fault) {
		weir_message_fault(m, WEIR_FAULT_SFLOW_SHORT);
		return;
	}
	/* An agent that does not know its own address is known by the sender's. */
	key = (struct weir_exporter_key){.flow_type = m->flow_type,
					 .domain = m->domain,
					 .addr = weir_addr_is_zero(&agent) ? m->datagram->exporter : agent};
	m->exporter = weir_exporters_get(exporters, &key);
	if (!m->exporter) {
		weir_message_fault(m, WEIR_FAULT_EXPORTERS_LIMIT);
		return;
	}
	weir_message_port(m);
	weir_message_bytes(m, WEIR_BYTE_FRAMING, m->datagram->len - weir_cursor_left(&c));
	m->out->stats->lost_messages += weir_exporter_sequence(m->exporter, m->sequence, 1);
	for (uint32_t i = 0; i < samples; i++) {
		uint32_t format = weir_cursor_u32(&c);
		struct weir_cursor sample = weir_cursor_sub(&c, weir_cursor_u32(&c));

		if (c.fault) {
			weir_message_fault(m, WEIR_FAULT_SFLOW_SHORT);
			return;
		}
		weir_message_bytes(m, WEIR_BYTE_FRAMING, SAMPLE_HEADER_LEN);
		decode_sample(m, format, &sample);
	}
	if (weir_cursor_left(&c))
		weir_message_fault(m, WEIR_FAULT_SFLOW_TRAILING);
}
