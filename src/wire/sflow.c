/* sFlow version 5 (sflow.org, "sFlow Version 5", July 2004; XDR, RFC 4506): every flow sample becomes one flow.
 *
 *   datagram  version 5 | agent address | sub-agent | sequence | uptime | samples │ sample …
 *   sample    format | length │ sequence | source | rate | pool | drops | input | output | records │ record …
 *   record    format | length │ sampled header, sampled IPv4, extended switch, …
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

#include <stdio.h>

#include "packet/dissect.h"
#include "wire/value.h"

enum {
	ADDRESS_UNKNOWN = 0,
	ADDRESS_IPV4 = 1,
	ADDRESS_IPV6 = 2,

	SAMPLE_FLOW = 1,
	SAMPLE_COUNTER = 2,
	SAMPLE_FLOW_EXPANDED = 3,
	SAMPLE_COUNTER_EXPANDED = 4,

	HEADER_ETHERNET = 1,
	HEADER_PPP = 7,
	HEADER_IPV4 = 11,
	HEADER_IPV6 = 12,
	HEADER_MPLS = 13,
	HEADER_POS = 14, /* PPP over SONET */

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

	AS_SET = 1, /* otherwise a sequence */
	VLAN_MAX = 4095,
	EXTRA_BYTES_MAX = 11, /* of heap for a byte of a sample, the names included */
};

/* How well a record knows the length of the frame: a better one wins, whatever the order. */
enum bytes_rank { BYTES_UNKNOWN, BYTES_IP, BYTES_ETHERNET, BYTES_FRAME };

struct interface {
	uint32_t format;
	uint32_t value;
};

struct sample {
	struct weir_message *m;
	struct weir_block *block;
	uint32_t row;
	struct weir_column_set present;
	enum bytes_rank rank;
	uint32_t src_vlan; /* of the switch, which knows better than the frame; 0: not told */
};

static void put_u8(struct sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u8(s->block, id)[s->row] = v > UINT8_MAX ? UINT8_MAX : (uint8_t)v;
	weir_column_set_add(&s->present, id);
}

static void put_u16(struct sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u16(s->block, id)[s->row] = v > UINT16_MAX ? UINT16_MAX : (uint16_t)v;
	weir_column_set_add(&s->present, id);
}

static void put_u32(struct sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u32(s->block, id)[s->row] = v;
	weir_column_set_add(&s->present, id);
}

static void put_u64(struct sample *s, enum weir_column_id id, uint64_t v)
{
	weir_block_u64(s->block, id)[s->row] = v;
	weir_column_set_add(&s->present, id);
}

static void put_addr(struct sample *s, enum weir_column_id id, const struct weir_addr *addr)
{
	weir_block_addr(s->block, id)[s->row] = *addr;
	weir_column_set_add(&s->present, id);
}

static void put_bytes(struct sample *s, uint32_t bytes, enum bytes_rank rank)
{
	if (rank <= s->rank)
		return;
	s->rank = rank;
	weir_block_u64(s->block, WEIR_COL_BYTES)[s->row] = bytes;
	weir_column_set_add(&s->present, WEIR_COL_BYTES);
}

static void put_extra(struct sample *s, const char *name, const char *text, size_t len, bool number)
{
	if (!weir_block_put_extra(s->block, s->row, name, text, len, number))
		weir_message_fault(s->m, WEIR_FAULT_EXTRA_DROPPED);
}

static void put_extra_number(struct sample *s, const char *name, uint32_t v)
{
	char text[16];

	put_extra(s, name, text, (size_t)snprintf(text, sizeof(text), "%u", v), true);
}

/* --- parts of records ------------------------------------------------------------------------------------- */

/* An address by its type; an unknown one, and 0.0.0.0, is all zeros. Another type is a fault of the cursor. */
static struct weir_addr read_address(struct weir_cursor *c)
{
	struct weir_addr addr = {{0}};
	const uint8_t *p;

	switch (weir_cursor_u32(c)) {
	case ADDRESS_UNKNOWN:
		break;
	case ADDRESS_IPV4:
		p = weir_cursor_take(c, 4);
		if (p && weir_be32(p))
			addr = weir_addr_from_v4(p);
		break;
	case ADDRESS_IPV6:
		p = weir_cursor_take(c, sizeof(addr.byte));
		if (p)
			memcpy(addr.byte, p, sizeof(addr.byte));
		break;
	default:
		c->fault = true;
		break;
	}
	return addr;
}

/* Six bytes, padded to eight. */
static uint64_t read_mac(struct weir_cursor *c)
{
	uint64_t mac = weir_cursor_u64(c);

	return mac >> 16;
}

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

/* --- records ---------------------------------------------------------------------------------------------- */

static bool link_of(uint32_t header_protocol, enum weir_link *ret_link)
{
	switch (header_protocol) {
	case HEADER_ETHERNET:
		*ret_link = WEIR_LINK_ETHERNET;
		return true;
	case HEADER_IPV4:
		*ret_link = WEIR_LINK_IPV4;
		return true;
	case HEADER_IPV6:
		*ret_link = WEIR_LINK_IPV6;
		return true;
	case HEADER_MPLS:
		*ret_link = WEIR_LINK_MPLS;
		return true;
	case HEADER_PPP:
	case HEADER_POS:
		*ret_link = WEIR_LINK_PPP;
		return true;
	default:
		return false;
	}
}

static void read_sampled_header(struct sample *s, struct weir_cursor *c)
{
	uint32_t protocol = weir_cursor_u32(c);
	uint32_t frame_length = weir_cursor_u32(c);
	struct weir_cursor frame;
	enum weir_link link;

	weir_cursor_skip(c, 4); /* stripped */
	frame = weir_cursor_sub(c, weir_cursor_u32(c));
	if (c->fault)
		return;
	put_bytes(s, frame_length, BYTES_FRAME);
	if (!link_of(protocol, &link))
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_HEADER_PROTOCOL);
	else if (weir_dissect(frame, link, s->block, s->row, &s->present) == WEIR_DISSECT_MALFORMED)
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_FRAME);
}

static void read_sampled_ethernet(struct sample *s, struct weir_cursor *c)
{
	uint32_t length = weir_cursor_u32(c);
	uint64_t src = read_mac(c);
	uint64_t dst = read_mac(c);
	uint32_t type = weir_cursor_u32(c);

	if (c->fault)
		return;
	put_bytes(s, length, BYTES_ETHERNET);
	put_u64(s, WEIR_COL_SRC_MAC, src);
	put_u64(s, WEIR_COL_DST_MAC, dst);
	put_u16(s, WEIR_COL_ETHERTYPE, type);
}

static void read_sampled_ip(struct sample *s, struct weir_cursor *c, unsigned version)
{
	uint32_t length = weir_cursor_u32(c);
	uint32_t proto = weir_cursor_u32(c);
	size_t addr_len = version == 4 ? 4 : 16;
	struct weir_cursor addrs = weir_cursor_sub(c, 2 * addr_len);
	uint32_t src_port = weir_cursor_u32(c);
	uint32_t dst_port = weir_cursor_u32(c);
	uint32_t tcp_flags = weir_cursor_u32(c);
	uint32_t tos = weir_cursor_u32(c);
	struct weir_addr addr[2];

	if (c->fault)
		return;
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *p = addrs.at + i * addr_len;

		if (version == 4)
			addr[i] = weir_addr_from_v4(p);
		else
			memcpy(addr[i].byte, p, sizeof(addr[i].byte));
	}
	put_bytes(s, length, BYTES_IP);
	put_addr(s, WEIR_COL_SRC_ADDR, &addr[0]);
	put_addr(s, WEIR_COL_DST_ADDR, &addr[1]);
	put_u8(s, WEIR_COL_IP_VERSION, version);
	put_u8(s, WEIR_COL_PROTO, proto);
	put_u16(s, WEIR_COL_SRC_PORT, src_port);
	put_u16(s, WEIR_COL_DST_PORT, dst_port);
	put_u16(s, WEIR_COL_TCP_FLAGS, tcp_flags);
	put_u8(s, WEIR_COL_IP_TOS, tos);
}

static void read_sampled_ipv4(struct sample *s, struct weir_cursor *c)
{
	read_sampled_ip(s, c, 4);
}

static void read_sampled_ipv6(struct sample *s, struct weir_cursor *c)
{
	read_sampled_ip(s, c, 6);
}

static void read_extended_switch(struct sample *s, struct weir_cursor *c)
{
	uint32_t src_vlan = weir_cursor_u32(c);
	uint32_t src_priority = weir_cursor_u32(c);
	uint32_t dst_vlan = weir_cursor_u32(c);
	uint32_t dst_priority = weir_cursor_u32(c);

	if (c->fault)
		return;
	/* All ones, or no VLAN at all: the agent does not know. */
	if (src_vlan <= VLAN_MAX)
		s->src_vlan = src_vlan;
	if (dst_vlan && dst_vlan <= VLAN_MAX)
		put_u16(s, WEIR_COL_DST_VLAN, dst_vlan);
	if (src_priority && src_priority != UINT32_MAX)
		put_extra_number(s, "src_priority", src_priority);
	if (dst_priority && dst_priority != UINT32_MAX)
		put_extra_number(s, "dst_priority", dst_priority);
}

static void read_extended_router(struct sample *s, struct weir_cursor *c)
{
	struct weir_addr next_hop = read_address(c);
	uint32_t src_mask = weir_cursor_u32(c);
	uint32_t dst_mask = weir_cursor_u32(c);

	if (c->fault)
		return;
	if (!weir_addr_is_zero(&next_hop))
		put_addr(s, WEIR_COL_NEXT_HOP, &next_hop);
	put_u8(s, WEIR_COL_SRC_MASK, src_mask);
	put_u8(s, WEIR_COL_DST_MASK, dst_mask);
}

/* --- extended gateway ------------------------------------------------------------------------------------- */

struct as_path {
	struct weir_cursor segments; /* all of them, checked */
	uint32_t count;
	uint32_t first; /* the neighbour, and */
	uint32_t last;	/* where the packet goes; 0 in an empty path */
};

static struct as_path read_as_path(struct weir_cursor *c)
{
	struct as_path path = {.count = weir_cursor_u32(c)};
	struct weir_cursor start = *c;

	for (uint32_t i = 0; i < path.count && !c->fault; i++) {
		struct weir_cursor numbers;

		weir_cursor_skip(c, 4);
		numbers = weir_cursor_sub(c, (size_t)weir_cursor_u32(c) * 4);
		if (!weir_cursor_left(&numbers))
			continue;
		if (!path.first)
			path.first = weir_be32(numbers.at);
		path.last = weir_be32(numbers.end - 4);
	}
	path.segments = weir_cursor(start.at, (size_t)(c->at - start.at));
	return path;
}

/* A bounded text; what does not fit makes it too long. */
struct text {
	char *data;
	size_t len;
};

static void text_add(struct text *t, const char *before, uint32_t number)
{
	if (t->len < WEIR_VALUE_TEXT_MAX)
		t->len += (size_t)snprintf(t->data + t->len, WEIR_VALUE_TEXT_MAX - t->len, "%s%u", before, number);
}

static void text_close(struct text *t, const char *after)
{
	if (t->len < WEIR_VALUE_TEXT_MAX)
		t->len += (size_t)snprintf(t->data + t->len, WEIR_VALUE_TEXT_MAX - t->len, "%s", after);
}

static void put_extra_text(struct sample *s, const char *name, const struct text *t)
{
	if (t->len >= WEIR_VALUE_TEXT_MAX)
		weir_message_fault(s->m, WEIR_FAULT_EXTRA_DROPPED);
	else if (t->len)
		put_extra(s, name, t->data, t->len, false);
}

/* "65001 65002 {65003 65004}": sets in braces, as routers print them. */
static void put_as_path(struct sample *s, const struct as_path *path)
{
	struct weir_cursor c = path->segments;
	struct text t = {.data = s->m->work->text};

	for (uint32_t i = 0; i < path->count; i++) {
		bool set = weir_cursor_u32(&c) == AS_SET;
		struct weir_cursor numbers = weir_cursor_sub(&c, (size_t)weir_cursor_u32(&c) * 4);
		const char *before = t.len ? (set ? " {" : " ") : (set ? "{" : "");

		if (!weir_cursor_left(&numbers))
			continue;
		for (; weir_cursor_left(&numbers); before = " ")
			text_add(&t, before, weir_cursor_u32(&numbers));
		if (set)
			text_close(&t, "}");
	}
	put_extra_text(s, "dst_as_path", &t);
}

static void put_communities(struct sample *s, struct weir_cursor c)
{
	struct text t = {.data = s->m->work->text};

	while (weir_cursor_left(&c)) {
		uint32_t community = weir_cursor_u32(&c);

		text_add(&t, t.len ? " " : "", community >> 16);
		text_add(&t, ":", community & 0xffff);
	}
	put_extra_text(s, "communities", &t);
}

/* The path leads away from the router: its last AS is the destination's. An empty path is the router's own AS. */
static void read_extended_gateway(struct sample *s, struct weir_cursor *c)
{
	struct weir_addr next_hop = read_address(c);
	uint32_t router_as = weir_cursor_u32(c);
	uint32_t src_as = weir_cursor_u32(c);
	uint32_t src_peer_as = weir_cursor_u32(c);
	struct as_path path = read_as_path(c);
	struct weir_cursor communities = weir_cursor_sub(c, (size_t)weir_cursor_u32(c) * 4);
	uint32_t localpref = weir_cursor_u32(c);

	if (c->fault)
		return;
	if (!weir_addr_is_zero(&next_hop))
		put_addr(s, WEIR_COL_BGP_NEXT_HOP, &next_hop);
	put_u32(s, WEIR_COL_SRC_AS, src_as);
	put_u32(s, WEIR_COL_DST_AS, path.last);
	put_u32(s, WEIR_COL_NEXT_HOP_AS, path.first);
	put_extra_number(s, "router_as", router_as);
	put_extra_number(s, "src_peer_as", src_peer_as);
	put_as_path(s, &path);
	put_communities(s, communities);
	put_extra_number(s, "localpref", localpref);
}

/* --- samples ---------------------------------------------------------------------------------------------- */

/* Reads one record; a fault of the cursor is the record's, and nothing was written then. */
typedef void (*record_fn)(struct sample *s, struct weir_cursor *c);

static const struct {
	uint32_t format; /* of enterprise 0 */
	record_fn read;
} RECORDS[] = {
	{1, read_sampled_header},
	{2, read_sampled_ethernet},
	{3, read_sampled_ipv4},
	{4, read_sampled_ipv6},
	{1001, read_extended_switch},
	{1002, read_extended_router},
	{1003, read_extended_gateway},
};

static record_fn record_find(uint32_t format)
{
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		if (RECORDS[i].format == format)
			return RECORDS[i].read;
	}
	return NULL;
}

static void read_unknown(struct sample *s, uint32_t format, const struct weir_cursor *c)
{
	struct weir_value_text text = weir_value_text(NULL, c->at, weir_cursor_left(c), s->m->work->text);
	char name[24];

	(void)snprintf(name, sizeof(name), "%u:%u", format >> 12, format & 0xfff);
	put_extra(s, name, text.text, text.len, text.number);
}

/* False when the sample ends inside a record. */
static bool read_records(struct sample *s, struct weir_cursor *c)
{
	uint32_t records = weir_cursor_u32(c);

	for (uint32_t i = 0; i < records && !c->fault; i++) {
		uint32_t format = weir_cursor_u32(c);
		struct weir_cursor record = weir_cursor_sub(c, weir_cursor_u32(c));
		record_fn read = record_find(format);

		if (c->fault)
			return false;
		if (read)
			read(s, &record);
		else
			read_unknown(s, format, &record);
		if (record.fault)
			weir_message_fault(s->m, WEIR_FAULT_SFLOW_RECORD);
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

static void put_input(struct sample *s, struct interface in)
{
	if (in.format == INTERFACE_INDEX && in.value)
		put_u32(s, WEIR_COL_IN_IF, in.value == INTERFACE_AGENT ? 0 : in.value);
}

static void put_output(struct sample *s, struct interface out)
{
	switch (out.format) {
	case INTERFACE_INDEX:
		if (out.value)
			put_u32(s, WEIR_COL_OUT_IF, out.value == INTERFACE_AGENT ? 0 : out.value);
		if (out.value == INTERFACE_AGENT)
			put_u8(s, WEIR_COL_FORWARDING_STATUS, STATUS_FOR_US);
		break;
	case INTERFACE_DISCARDED:
		put_u8(s, WEIR_COL_FORWARDING_STATUS, discard_status(out.value));
		put_extra_number(s, "discard_reason", out.value);
		break;
	case INTERFACE_MULTIPLE:
		put_u8(s, WEIR_COL_FORWARDING_STATUS, STATUS_FORWARDED);
		put_extra_number(s, "output_interfaces", out.value);
		break;
	default:
		break;
	}
}

/* What every flow has. */
static void put_message(struct sample *s, uint32_t rate)
{
	const struct weir_message *m = s->m;

	for (unsigned i = 0; i < 3; i++) {
		static const enum weir_column_id times[] = {WEIR_COL_TIME_RECEIVED, WEIR_COL_TIME_START,
							    WEIR_COL_TIME_END};

		weir_block_time(s->block, times[i])[s->row] = m->datagram->received_ms;
		weir_column_set_add(&s->present, times[i]);
	}
	put_addr(s, WEIR_COL_EXPORTER_ADDR, &m->exporter->addr);
	put_u8(s, WEIR_COL_FLOW_TYPE, WEIR_FLOW_SFLOW5);
	put_u32(s, WEIR_COL_OBSERVATION_DOMAIN, m->domain);
	put_u32(s, WEIR_COL_SEQUENCE_NUM, m->sequence);
	put_u32(s, WEIR_COL_SAMPLING_RATE, rate ? rate : 1);
	put_u64(s, WEIR_COL_PACKETS, 1);
}

/* The sample's source is the interface that took it: the packet's input or its output. */
static void put_direction(struct sample *s, uint32_t source_class, uint32_t source, struct interface in,
			  struct interface out)
{
	if (source_class || !source)
		return;
	if (in.format == INTERFACE_INDEX && in.value == source)
		put_u8(s, WEIR_COL_DIRECTION, 0);
	else if (out.format == INTERFACE_INDEX && out.value == source)
		put_u8(s, WEIR_COL_DIRECTION, 1);
}

static bool read_flow_sample(struct sample *s, struct weir_cursor *c, bool expanded)
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
	if (!read_records(s, c))
		return false;
	if (s->src_vlan)
		put_u16(s, WEIR_COL_SRC_VLAN, s->src_vlan);
	if (weir_cursor_left(c))
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_TRAILING);
	return true;
}

static void decode_flow_sample(struct weir_message *m, struct weir_cursor *c, bool expanded)
{
	struct weir_block *block = *m->out->block;
	struct sample s = {.m = m};
	uint32_t heap_len;

	/* A block without room for the sample's extra values goes first, so that one sample is never written twice. */
	if (block->rows && block->extras_max - block->extras < weir_cursor_left(c) / 4)
		block = NULL;
	if (block && block->rows && block->heap_max - block->heap_len < EXTRA_BYTES_MAX * weir_cursor_left(c))
		block = NULL;
	if (block ? !weir_output_room(m->out) : !weir_output_flush(m->out))
		return;
	s.block = *m->out->block;
	s.row = s.block->rows;
	heap_len = s.block->heap_len;
	if (read_flow_sample(&s, c, expanded)) {
		weir_output_commit(m->out, 1, &s.present);
		return;
	}
	weir_message_fault(m, WEIR_FAULT_SFLOW_SAMPLE);
	weir_block_clear(s.block, 1, &s.present);
	s.block->heap_len = heap_len;
}

static void decode_sample(struct weir_message *m, uint32_t format, struct weir_cursor *c)
{
	switch (format) {
	case SAMPLE_FLOW:
	case SAMPLE_FLOW_EXPANDED:
		decode_flow_sample(m, c, format == SAMPLE_FLOW_EXPANDED);
		break;
	case SAMPLE_COUNTER:
	case SAMPLE_COUNTER_EXPANDED:
		m->out->stats->counter_samples++;
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
	*ret_agent = read_address(c);
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
	uint32_t samples;

	if (!read_header(&c, &agent, m))
		return;
	samples = weir_cursor_u32(&c);
	if (c.fault) {
		weir_message_fault(m, WEIR_FAULT_SFLOW_SHORT);
		return;
	}
	/* An agent that does not know its own address is known by the sender's. */
	m->exporter = weir_exporters_get(exporters, m->flow_type,
					 weir_addr_is_zero(&agent) ? &m->datagram->exporter : &agent, m->domain);
	if (!m->exporter) {
		weir_message_fault(m, WEIR_FAULT_EXPORTERS_LIMIT);
		return;
	}
	m->out->stats->lost_messages += weir_exporter_sequence(m->exporter, m->sequence, 1);
	for (uint32_t i = 0; i < samples; i++) {
		uint32_t format = weir_cursor_u32(&c);
		struct weir_cursor sample = weir_cursor_sub(&c, weir_cursor_u32(&c));

		if (c.fault) {
			weir_message_fault(m, WEIR_FAULT_SFLOW_SHORT);
			return;
		}
		decode_sample(m, format, &sample);
	}
	if (weir_cursor_left(&c))
		weir_message_fault(m, WEIR_FAULT_SFLOW_TRAILING);
}
