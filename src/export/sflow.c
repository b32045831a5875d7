/* sFlow version 5 (sflow.org, "sFlow Version 5", July 2004): a flow sample for each flow.
 *
 * A sample is one packet, so that of a flow of n packets one of bytes / n octets is sent, under a header rebuilt from the
 * columns: with Ethernet, tags and labels where the flow has any of their columns, bare IP where it has not (bytes are then
 * the IP packet's, as in NetFlow). What a router or switch told goes into the extended records. The header is sent whole even
 * where bytes / n has no room for it. Times are not sent: samples have none.
 *
 * A packet whose header is at hand (weir_encoder_sample) goes as it is.
 *
 * A sample is composed beside the message, for its size is known only then; flow samples have the compact form unless an
 * interface's index needs the expanded one. */
#include "export/message.h"

enum {
	ADDRESS_IPV4 = 1,
	ADDRESS_IPV6 = 2,
	COUNT_BEHIND = 4, /* the count of samples is the last word of the header */

	FORMAT_FLOW_SAMPLE = 1,
	FORMAT_FLOW_SAMPLE_EXPANDED = 3,
	FORMAT_HEADER = 1,
	FORMAT_SWITCH = 1001,
	FORMAT_ROUTER = 1002,
	FORMAT_GATEWAY = 1003,
	HEADER_ETHERNET = 1,
	HEADER_IPV4 = 11,
	HEADER_IPV6 = 12,
	AS_SEQUENCE = 2,
	AS_PATH_MAX = 2,

	INTERFACE_INDEX = 0,
	INTERFACE_DISCARDED = 1,
	INTERFACE_AGENT = 0x3fffffff,
	DISCARD_UNKNOWN = 256,
	STATUS_DROPPED = 128, /* RFC 7270 §4.12 */
	STATUS_DROPPED_END = 192,
	STATUS_FOR_US = 195,

	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_QINQ = 0x88a8,
	MPLS_BOTTOM = 0x100,
	TTL = 64,

	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,

	FRAME_BYTES_MAX = 192,
	SAMPLE_BYTES_MAX = 512,
};

struct row {
	const struct weir_block *block;
	const struct weir_column_set *present;
	uint32_t at;
};

static bool has(const struct row *r, enum weir_column_id id)
{
	return weir_column_set_has(r->present, id);
}

static uint32_t number(const struct row *r, enum weir_column_id id)
{
	return (uint32_t)weir_block_number(r->block, id, r->at);
}

static const struct weir_addr *addr(const struct row *r, enum weir_column_id id)
{
	return &weir_block_addr(r->block, id)[r->at];
}

static bool is_v4(const struct weir_addr *a)
{
	return weir_addr_is_v4(a) || weir_addr_is_zero(a);
}

/* --- the frame -------------------------------------------------------------------------------------------- */

static bool has_ethernet(const struct row *r)
{
	return has(r, WEIR_COL_SRC_MAC) || has(r, WEIR_COL_DST_MAC) || has(r, WEIR_COL_SRC_VLAN) ||
	       has(r, WEIR_COL_CUSTOMER_VLAN) || has(r, WEIR_COL_ETHERTYPE) || has(r, WEIR_COL_MPLS_LABEL_1);
}

static bool has_ip(const struct row *r)
{
	return has(r, WEIR_COL_SRC_ADDR) || has(r, WEIR_COL_DST_ADDR);
}

static void write_labels(struct weir_writer *w, const struct row *r)
{
	static const enum weir_column_id columns[] = {WEIR_COL_MPLS_LABEL_1, WEIR_COL_MPLS_LABEL_2,
						      WEIR_COL_MPLS_LABEL_3};
	enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

	for (unsigned i = 0; i < COLUMNS && has(r, columns[i]); i++) {
		bool bottom = i + 1 == COLUMNS || !has(r, columns[i + 1]);

		weir_writer_u32(w, number(r, columns[i]) << 12 | (bottom ? MPLS_BOTTOM : 0) | TTL);
	}
}

static void write_ethernet(struct weir_writer *w, const struct row *r, bool v4)
{
	bool labels = has(r, WEIR_COL_MPLS_LABEL_1);
	uint16_t type = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;

	if (labels)
		type = ETHERTYPE_MPLS;
	else if (!has_ip(r))
		type = (uint16_t)number(r, WEIR_COL_ETHERTYPE);
	weir_writer_uint(w, weir_block_number(r->block, WEIR_COL_DST_MAC, r->at), 6);
	weir_writer_uint(w, weir_block_number(r->block, WEIR_COL_SRC_MAC, r->at), 6);
	if (has(r, WEIR_COL_SRC_VLAN)) {
		weir_writer_u16(w, has(r, WEIR_COL_CUSTOMER_VLAN) ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
		weir_writer_u16(w, (uint16_t)number(r, WEIR_COL_SRC_VLAN) & 0xfff);
		if (has(r, WEIR_COL_CUSTOMER_VLAN)) {
			weir_writer_u16(w, ETHERTYPE_VLAN);
			weir_writer_u16(w, (uint16_t)number(r, WEIR_COL_CUSTOMER_VLAN) & 0xfff);
		}
	}
	weir_writer_u16(w, type);
	if (labels)
		write_labels(w, r);
}

static void write_checksum(uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < IPV4_BYTES; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	weir_put_be16(header + 10, (uint16_t)~sum);
}

static uint8_t ttl(const struct row *r)
{
	return has(r, WEIR_COL_IP_TTL) ? (uint8_t)number(r, WEIR_COL_IP_TTL) : TTL;
}

static void write_ipv4(struct weir_writer *w, const struct row *r, size_t length)
{
	uint8_t *start = w->at;
	uint32_t fragment = number(r, WEIR_COL_IP_FLAGS) << 8 | number(r, WEIR_COL_FRAGMENT_OFFSET);

	weir_writer_u8(w, 4 << 4 | IPV4_BYTES / 4);
	weir_writer_u8(w, (uint8_t)number(r, WEIR_COL_IP_TOS));
	weir_writer_u16(w, (uint16_t)length);
	weir_writer_u16(w, (uint16_t)number(r, WEIR_COL_FRAGMENT_ID));
	weir_writer_u16(w, (uint16_t)fragment);
	weir_writer_u8(w, ttl(r));
	weir_writer_u8(w, (uint8_t)number(r, WEIR_COL_PROTO));
	weir_writer_u16(w, 0); /* checksum */
	weir_writer_bytes(w, &addr(r, WEIR_COL_SRC_ADDR)->byte[12], 4);
	weir_writer_bytes(w, &addr(r, WEIR_COL_DST_ADDR)->byte[12], 4);
	if (!w->fault)
		write_checksum(start);
}

static bool is_ipv6_fragment(const struct row *r)
{
	return has(r, WEIR_COL_FRAGMENT_ID) && (number(r, WEIR_COL_FRAGMENT_ID) || number(r, WEIR_COL_IP_FLAGS) ||
						number(r, WEIR_COL_FRAGMENT_OFFSET));
}

static void write_ipv6(struct weir_writer *w, const struct row *r, size_t length)
{
	bool fragment = is_ipv6_fragment(r);
	uint8_t proto = (uint8_t)number(r, WEIR_COL_PROTO);

	weir_writer_u32(w, UINT32_C(6) << 28 | number(r, WEIR_COL_IP_TOS) << 20 |
				   (number(r, WEIR_COL_IPV6_FLOW_LABEL) & 0xfffff));
	weir_writer_u16(w, (uint16_t)(length - IPV6_BYTES));
	weir_writer_u8(w, fragment ? PROTO_FRAGMENT : proto);
	weir_writer_u8(w, ttl(r));
	weir_writer_bytes(w, addr(r, WEIR_COL_SRC_ADDR)->byte, 16);
	weir_writer_bytes(w, addr(r, WEIR_COL_DST_ADDR)->byte, 16);
	if (!fragment)
		return;
	weir_writer_u8(w, proto);
	weir_writer_u8(w, 0);
	weir_writer_u16(w, (uint16_t)(number(r, WEIR_COL_FRAGMENT_OFFSET) << 3 |
				      (number(r, WEIR_COL_IP_FLAGS) & 0x20 ? 1 : 0)));
	weir_writer_u32(w, number(r, WEIR_COL_FRAGMENT_ID));
}

static unsigned transport_bytes(const struct row *r)
{
	if (number(r, WEIR_COL_FRAGMENT_OFFSET))
		return 0;
	switch (number(r, WEIR_COL_PROTO)) {
	case PROTO_TCP:
		return 20;
	case PROTO_UDP:
	case PROTO_UDPLITE:
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return 8;
	case PROTO_SCTP:
	case PROTO_DCCP:
		return 12;
	default:
		return 0;
	}
}

/* Its first `len` bytes of `payload`. */
static void write_transport(struct weir_writer *w, const struct row *r, unsigned len, size_t payload)
{
	uint8_t *p = weir_writer_take(w, len);
	uint32_t proto = number(r, WEIR_COL_PROTO);

	if (!p || !len)
		return;
	memset(p, 0, len);
	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6) {
		p[0] = (uint8_t)number(r, WEIR_COL_ICMP_TYPE);
		p[1] = (uint8_t)number(r, WEIR_COL_ICMP_CODE);
		return;
	}
	weir_put_be16(p, (uint16_t)number(r, WEIR_COL_SRC_PORT));
	weir_put_be16(p + 2, (uint16_t)number(r, WEIR_COL_DST_PORT));
	if (proto == PROTO_UDP)
		weir_put_be16(p + 4, (uint16_t)payload);
	if (proto == PROTO_TCP)
		weir_put_be16(p + 12, (uint16_t)(len / 4 << 12 | (number(r, WEIR_COL_TCP_FLAGS) & 0xfff)));
}

/* The header of a frame of frame_length octets. Returns the sample's header protocol. */
static uint32_t write_frame(struct weir_writer *w, const struct row *r, uint32_t frame_length)
{
	bool v4 = is_v4(addr(r, WEIR_COL_SRC_ADDR)) && is_v4(addr(r, WEIR_COL_DST_ADDR));
	bool ethernet = has_ethernet(r);
	unsigned transport = transport_bytes(r);
	size_t header = v4 ? IPV4_BYTES : IPV6_BYTES;
	size_t length = frame_length;

	if (ethernet)
		write_ethernet(w, r, v4);
	if (!has_ip(r))
		return HEADER_ETHERNET;
	if (!v4 && is_ipv6_fragment(r))
		header += 8;
	length = length > weir_writer_len(w) ? length - weir_writer_len(w) : 0;
	if (length > UINT16_MAX)
		length = UINT16_MAX;
	if (length < header + transport)
		length = header + transport;
	if (v4)
		write_ipv4(w, r, length);
	else
		write_ipv6(w, r, length);
	write_transport(w, r, transport, length - header);
	if (ethernet)
		return HEADER_ETHERNET;
	return v4 ? HEADER_IPV4 : HEADER_IPV6;
}

/* --- the records ------------------------------------------------------------------------------------------ */

static void write_header_record(struct weir_writer *w, const struct row *r, uint32_t frame_length)
{
	uint8_t frame[FRAME_BYTES_MAX];
	struct weir_writer f = weir_writer(frame, sizeof(frame));
	uint32_t protocol = write_frame(&f, r, frame_length);
	size_t len = weir_writer_len(&f), padding = (4 - len % 4) % 4;

	weir_writer_u32(w, FORMAT_HEADER);
	weir_writer_u32(w, (uint32_t)(16 + len + padding));
	weir_writer_u32(w, protocol);
	weir_writer_u32(w, frame_length);
	weir_writer_u32(w, 0); /* stripped */
	weir_writer_u32(w, (uint32_t)len);
	weir_writer_bytes(w, frame, len);
	weir_writer_zero(w, padding);
}

static void write_address(struct weir_writer *w, const struct weir_addr *a)
{
	if (is_v4(a)) {
		weir_writer_u32(w, ADDRESS_IPV4);
		weir_writer_bytes(w, &a->byte[12], 4);
	} else {
		weir_writer_u32(w, ADDRESS_IPV6);
		weir_writer_bytes(w, a->byte, sizeof(a->byte));
	}
}

static void write_switch_record(struct weir_writer *w, const struct row *r)
{
	weir_writer_u32(w, FORMAT_SWITCH);
	weir_writer_u32(w, 16);
	weir_writer_u32(w, number(r, WEIR_COL_SRC_VLAN));
	weir_writer_u32(w, 0); /* priority */
	weir_writer_u32(w, number(r, WEIR_COL_DST_VLAN));
	weir_writer_u32(w, 0);
}

static size_t open_record(struct weir_writer *w, uint32_t format)
{
	weir_writer_u32(w, format);
	weir_writer_u32(w, 0); /* length: close_record() */
	return weir_writer_len(w);
}

static void close_record(struct weir_writer *w, size_t start)
{
	weir_writer_patch32(w, start - 4, weir_writer_len(w) - start);
}

static void write_router_record(struct weir_writer *w, const struct row *r)
{
	size_t start = open_record(w, FORMAT_ROUTER);

	write_address(w, addr(r, WEIR_COL_NEXT_HOP));
	weir_writer_u32(w, number(r, WEIR_COL_SRC_MASK));
	weir_writer_u32(w, number(r, WEIR_COL_DST_MASK));
	close_record(w, start);
}

static void write_gateway_record(struct weir_writer *w, const struct row *r)
{
	size_t start = open_record(w, FORMAT_GATEWAY);
	uint32_t path[AS_PATH_MAX];
	uint32_t count = 0;

	if (number(r, WEIR_COL_NEXT_HOP_AS))
		path[count++] = number(r, WEIR_COL_NEXT_HOP_AS);
	if (number(r, WEIR_COL_DST_AS) && (!count || path[0] != number(r, WEIR_COL_DST_AS)))
		path[count++] = number(r, WEIR_COL_DST_AS);
	write_address(w, addr(r, WEIR_COL_BGP_NEXT_HOP));
	weir_writer_u32(w, 0); /* the router's own AS */
	weir_writer_u32(w, number(r, WEIR_COL_SRC_AS));
	weir_writer_u32(w, 0); /* the source's peer */
	weir_writer_u32(w, count ? 1 : 0);
	if (count) {
		weir_writer_u32(w, AS_SEQUENCE);
		weir_writer_u32(w, count);
	}
	for (uint32_t i = 0; i < count; i++)
		weir_writer_u32(w, path[i]);
	weir_writer_u32(w, 0); /* communities */
	weir_writer_u32(w, 0); /* local preference */
	close_record(w, start);
}

static uint32_t write_records(struct weir_writer *w, const struct row *r, uint32_t frame_length)
{
	uint32_t records = 1;

	write_header_record(w, r, frame_length);
	if (has(r, WEIR_COL_SRC_VLAN) || has(r, WEIR_COL_DST_VLAN)) {
		write_switch_record(w, r);
		records++;
	}
	if (has(r, WEIR_COL_NEXT_HOP) || has(r, WEIR_COL_SRC_MASK) || has(r, WEIR_COL_DST_MASK)) {
		write_router_record(w, r);
		records++;
	}
	if (has(r, WEIR_COL_SRC_AS) || has(r, WEIR_COL_DST_AS) || has(r, WEIR_COL_NEXT_HOP_AS) ||
	    has(r, WEIR_COL_BGP_NEXT_HOP)) {
		write_gateway_record(w, r);
		records++;
	}
	return records;
}

/* A packet's own header, padded to words. */
static void write_raw_header(struct weir_writer *w, const struct weir_raw_sample *s)
{
	size_t padding = (4 - s->header_bytes % 4) % 4;

	weir_writer_u32(w, FORMAT_HEADER);
	weir_writer_u32(w, (uint32_t)(16 + s->header_bytes + padding));
	weir_writer_u32(w, s->protocol);
	weir_writer_u32(w, s->frame_bytes);
	weir_writer_u32(w, 0); /* stripped */
	weir_writer_u32(w, s->header_bytes);
	weir_writer_bytes(w, s->header, s->header_bytes);
	weir_writer_zero(w, padding);
}

/* --- samples and datagrams -------------------------------------------------------------------------------- */

/* sFlow's reason for a forwarding status of 128 to 191. */
static uint32_t discard_reason(uint32_t status)
{
	static const uint16_t reasons[] = {
		[129 - STATUS_DROPPED] = 258, [130 - STATUS_DROPPED] = 258, /* access lists */
		[133 - STATUS_DROPPED] = 262,				    /* too big */
		[137 - STATUS_DROPPED] = 257,				    /* time to live */
		[138 - STATUS_DROPPED] = 261,				    /* policer */
		[139 - STATUS_DROPPED] = 260,				    /* random early detection */
	};

	if (status - STATUS_DROPPED < sizeof(reasons) / sizeof(reasons[0]) && reasons[status - STATUS_DROPPED])
		return reasons[status - STATUS_DROPPED];
	return status == 131 ? 0 : DISCARD_UNKNOWN; /* 0: the network is unreachable */
}

static void write_interface(struct weir_writer *w, bool expanded, uint32_t format, uint32_t value)
{
	if (expanded) {
		weir_writer_u32(w, format);
		weir_writer_u32(w, value);
	} else {
		weir_writer_u32(w, format << 30 | value);
	}
}

static void write_output(struct weir_writer *w, const struct row *r, bool expanded)
{
	uint32_t status = number(r, WEIR_COL_FORWARDING_STATUS);

	if (status >= STATUS_DROPPED && status < STATUS_DROPPED_END)
		write_interface(w, expanded, INTERFACE_DISCARDED, discard_reason(status));
	else if (status == STATUS_FOR_US)
		write_interface(w, expanded, INTERFACE_INDEX, expanded ? UINT32_MAX : INTERFACE_AGENT);
	else
		write_interface(w, expanded, INTERFACE_INDEX, number(r, WEIR_COL_OUT_IF));
}

static uint32_t rate_of(const struct weir_encoder *e, const struct row *r)
{
	uint32_t rate = e->options.sampling_rate;

	if (!rate)
		rate = number(r, WEIR_COL_SAMPLING_RATE);
	return rate ? rate : 1;
}

static void write_sample(struct weir_encoder *e, struct weir_writer *w, const struct row *r, uint32_t frame_length)
{
	uint32_t in = number(r, WEIR_COL_IN_IF);
	uint32_t out = number(r, WEIR_COL_OUT_IF);
	uint32_t source = has(r, WEIR_COL_DIRECTION) && number(r, WEIR_COL_DIRECTION) == 1 ? out : in;
	bool expanded = in >= INTERFACE_AGENT || out >= INTERFACE_AGENT;
	uint32_t rate = rate_of(e, r);
	size_t start = open_record(w, expanded ? FORMAT_FLOW_SAMPLE_EXPANDED : FORMAT_FLOW_SAMPLE);
	size_t count_at;

	e->sample_pool += rate;
	weir_writer_u32(w, ++e->sample_sequence);
	if (expanded)
		weir_writer_u32(w, 0); /* class: an interface */
	weir_writer_u32(w, expanded ? source : source & 0xffffff);
	weir_writer_u32(w, rate);
	weir_writer_u32(w, e->sample_pool);
	weir_writer_u32(w, 0); /* drops */
	write_interface(w, expanded, INTERFACE_INDEX, in);
	write_output(w, r, expanded);
	count_at = weir_writer_len(w);
	weir_writer_u32(w, 0);
	weir_writer_patch32(w, count_at, write_records(w, r, frame_length));
	close_record(w, start);
}

static void write_raw_sample(struct weir_encoder *e, struct weir_writer *w, const struct weir_raw_sample *s)
{
	bool expanded = s->in_if >= INTERFACE_AGENT || s->out_if >= INTERFACE_AGENT;
	uint32_t source = s->in_if ? s->in_if : s->out_if;
	size_t start = open_record(w, expanded ? FORMAT_FLOW_SAMPLE_EXPANDED : FORMAT_FLOW_SAMPLE);

	weir_writer_u32(w, ++e->sample_sequence);
	if (expanded)
		weir_writer_u32(w, 0); /* class: an interface */
	weir_writer_u32(w, expanded ? source : source & 0xffffff);
	weir_writer_u32(w, s->rate);
	weir_writer_u32(w, s->pool);
	weir_writer_u32(w, s->drops);
	write_interface(w, expanded, INTERFACE_INDEX, s->in_if);
	write_interface(w, expanded, INTERFACE_INDEX, s->out_if);
	weir_writer_u32(w, 1); /* records */
	write_raw_header(w, s);
	close_record(w, start);
}

static int sample(struct weir_encoder *e, const struct weir_raw_sample *s)
{
	uint8_t text[SAMPLE_BYTES_MAX];
	struct weir_writer w = weir_writer(text, sizeof(text));
	int rc;

	write_raw_sample(e, &w, s);
	rc = weir_message_room(e, weir_writer_len(&w));
	if (rc)
		return rc;
	weir_writer_bytes(&e->message.w, text, weir_writer_len(&w));
	e->message.records++;
	weir_message_flow(&e->message, 1, s->frame_bytes);
	return 0;
}

static void begin(struct weir_encoder *e)
{
	struct weir_writer *w = &e->message.w;

	weir_writer_u32(w, 5);
	write_address(w, &e->options.agent);
	weir_writer_u32(w, e->options.domain);
	weir_writer_u32(w, e->sequence);
	weir_writer_u32(w, weir_encoder_uptime(e, e->now_ms));
	weir_writer_u32(w, 0); /* count: end() */
	e->message.set_at = weir_writer_len(w) - COUNT_BEHIND;
}

static void end(struct weir_encoder *e)
{
	weir_writer_patch32(&e->message.w, e->message.set_at, e->message.records);
	e->sequence++;
}

static int rows(struct weir_encoder *e, const struct weir_block *block, uint32_t first, uint32_t rows,
		const struct weir_column_set *present)
{
	struct row r = {.block = block, .present = present};
	uint8_t sample[SAMPLE_BYTES_MAX];

	for (r.at = first; r.at < first + rows; r.at++) {
		struct weir_writer w = weir_writer(sample, sizeof(sample));
		uint64_t packets = weir_block_u64(block, WEIR_COL_PACKETS)[r.at];
		uint64_t bytes = weir_block_u64(block, WEIR_COL_BYTES)[r.at] / (packets ? packets : 1);
		int rc;

		if (!has_ip(&r) && !has_ethernet(&r)) {
			e->stats.unsendable++;
			continue;
		}
		if (bytes > UINT32_MAX) {
			bytes = UINT32_MAX;
			e->stats.clamped++;
		}
		write_sample(e, &w, &r, (uint32_t)bytes);
		rc = weir_message_room(e, weir_writer_len(&w));
		if (rc)
			return rc;
		weir_writer_bytes(&e->message.w, sample, weir_writer_len(&w));
		e->message.records++;
		weir_message_flow(&e->message, 1, bytes);
	}
	return 0;
}

const struct weir_protocol weir_protocol_sflow = {.rows = rows, .begin = begin, .end = end, .sample = sample};
