/* sFlow's flow records: what they tell goes to the sample's row.
 *
 * Those that need thought have a function (the sampled header, whose frame is dissected; lengths, of which the best wins;
 * VLANs; AS paths). All others are rows of data: a list of fields, each with its kind, the column that it feeds and the
 * name that it has in extra where there is none, or where the column is filled already. A record's fields are read twice:
 * once to see that all are there, once to keep them, so that a record that is too short leaves nothing.
 *
 * Sources: "sFlow Version 5" §5 (1 to 4, 1001 to 1012), and the structures that sflow.org's catalog lists: 802.11 (1013 to
 * 1016), OpenFlow and Fibre Channel (1017, 1018), queues (1019), port NAT (1020), tunnels (1021 to 1030), InfiniBand (1031 to
 * 1033), VLAN stacks (1034, 1035), dropped packets (1036 to 1042), timestamps (1043), storage (2000 to 2003), sockets (2100 to
 * 2103), applications (2200 to 2210), Broadcom (4413). Of a sampled transaction the local end is src. */
#include "wire/sflow_sample.h"

#include <stdio.h>

#include "packet/dissect.h"
#include "wire/value.h"

enum {
	ADDRESS_UNKNOWN = 0,
	ADDRESS_IPV4 = 1,
	ADDRESS_IPV6 = 2,

	HEADER_ETHERNET = 1,
	HEADER_PPP = 7,
	HEADER_IPV4 = 11,
	HEADER_IPV6 = 12,
	HEADER_MPLS = 13,
	HEADER_POS = 14, /* PPP over SONET */

	AS_SET = 1, /* otherwise a sequence */
	VLAN_MAX = 4095,

	CLOCK_SET_MS = 24 * 3600 * 1000, /* an agent's clock that is farther off is not set */
};

struct weir_addr weir_sflow_address(struct weir_cursor *c)
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

static void keep_text_addr(struct weir_sample *s, const char *name, const struct weir_addr *addr)
{
	char text[WEIR_ADDR_TEXT_MAX];

	weir_sample_put_extra(s, name, text, weir_addr_text(addr, text), false);
}

/* The IPv6 segments in the order of the way, and how many of them are still to be reached: the last is the destination
 * proper, for the destination address is that of the segment that comes next. */
static void keep_segments(struct weir_sample *s, const struct weir_packet *packet)
{
	char *text = s->m->work->text;
	size_t len = 0;

	for (unsigned i = packet->segments; i-- > 0;) {
		struct weir_addr addr;

		memcpy(addr.byte, packet->segment + i * sizeof(addr.byte), sizeof(addr.byte));
		if (len)
			text[len++] = ' ';
		len += weir_addr_text(&addr, text + len);
	}
	weir_sample_put_extra(s, "srv6_segments", text, len, false);
	weir_sample_put_extra_number(s, "srv6_segments_left", packet->segments_left);
}

static void read_sampled_header(struct weir_sample *s, struct weir_cursor *c)
{
	uint32_t protocol = weir_cursor_u32(c);
	uint32_t frame_length = weir_cursor_u32(c);
	enum weir_tunnel tunnel = s->m->work->sflow_inner ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER;
	struct weir_packet packet;
	struct weir_cursor frame;
	enum weir_link link;

	weir_cursor_skip(c, 4); /* stripped */
	frame = weir_cursor_sub(c, weir_cursor_u32(c));
	if (c->fault)
		return;
	weir_sample_put_bytes(s, frame_length, WEIR_BYTES_FRAME);
	if (!link_of(protocol, &link)) {
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_HEADER_PROTOCOL);
		return;
	}
	if (weir_packet_parse(frame, link, tunnel, &packet) == WEIR_DISSECT_MALFORMED)
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_FRAME);
	weir_dissect_put(&packet, s->block, s->row, &s->present);
	if (packet.has & WEIR_PACKET_TUNNEL) {
		keep_text_addr(s, "tunnel_src_addr", &packet.tunnel_src);
		keep_text_addr(s, "tunnel_dst_addr", &packet.tunnel_dst);
	}
	if (packet.has & WEIR_PACKET_SEGMENTS)
		keep_segments(s, &packet);
}

static void read_sampled_ethernet(struct weir_sample *s, struct weir_cursor *c)
{
	uint32_t length = weir_cursor_u32(c);
	uint64_t src = read_mac(c);
	uint64_t dst = read_mac(c);
	uint32_t type = weir_cursor_u32(c);

	if (c->fault)
		return;
	weir_sample_put_bytes(s, length, WEIR_BYTES_ETHERNET);
	weir_sample_put_u64(s, WEIR_COL_SRC_MAC, src);
	weir_sample_put_u64(s, WEIR_COL_DST_MAC, dst);
	weir_sample_put_u16(s, WEIR_COL_ETHERTYPE, type);
}

static void read_sampled_ip(struct weir_sample *s, struct weir_cursor *c, unsigned version)
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
	weir_sample_put_bytes(s, length, WEIR_BYTES_IP);
	weir_sample_put_addr(s, WEIR_COL_SRC_ADDR, &addr[0]);
	weir_sample_put_addr(s, WEIR_COL_DST_ADDR, &addr[1]);
	weir_sample_put_u8(s, WEIR_COL_IP_VERSION, version);
	weir_sample_put_u8(s, WEIR_COL_PROTO, proto);
	weir_sample_put_u16(s, WEIR_COL_SRC_PORT, src_port);
	weir_sample_put_u16(s, WEIR_COL_DST_PORT, dst_port);
	weir_sample_put_u16(s, WEIR_COL_TCP_FLAGS, tcp_flags);
	weir_sample_put_u8(s, WEIR_COL_IP_TOS, tos);
}

static void read_sampled_ipv4(struct weir_sample *s, struct weir_cursor *c)
{
	read_sampled_ip(s, c, 4);
}

static void read_sampled_ipv6(struct weir_sample *s, struct weir_cursor *c)
{
	read_sampled_ip(s, c, 6);
}

static void read_extended_switch(struct weir_sample *s, struct weir_cursor *c)
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
		weir_sample_put_u16(s, WEIR_COL_DST_VLAN, dst_vlan);
	if (src_priority && src_priority != UINT32_MAX)
		weir_sample_put_extra_number(s, "src_priority", src_priority);
	if (dst_priority && dst_priority != UINT32_MAX)
		weir_sample_put_extra_number(s, "dst_priority", dst_priority);
}

static void read_extended_router(struct weir_sample *s, struct weir_cursor *c)
{
	struct weir_addr next_hop = weir_sflow_address(c);
	uint32_t src_mask = weir_cursor_u32(c);
	uint32_t dst_mask = weir_cursor_u32(c);

	if (c->fault)
		return;
	if (!weir_addr_is_zero(&next_hop))
		weir_sample_put_addr(s, WEIR_COL_NEXT_HOP, &next_hop);
	weir_sample_put_u8(s, WEIR_COL_SRC_MASK, src_mask);
	weir_sample_put_u8(s, WEIR_COL_DST_MASK, dst_mask);
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

/* Text between numbers, of one or two characters. */
static void text_mark(struct text *t, const char *mark)
{
	while (*mark && t->len < WEIR_VALUE_TEXT_MAX)
		t->data[t->len++] = *mark++;
}

static void text_add(struct text *t, const char *before, uint32_t number)
{
	text_mark(t, before);
	if (t->len + WEIR_DECIMAL_MAX < WEIR_VALUE_TEXT_MAX)
		t->len += weir_sample_decimal(number, t->data + t->len);
	else
		t->len = WEIR_VALUE_TEXT_MAX;
}

static void put_extra_text(struct weir_sample *s, const char *name, const struct text *t)
{
	if (t->len >= WEIR_VALUE_TEXT_MAX)
		weir_message_fault(s->m, WEIR_FAULT_EXTRA_DROPPED);
	else if (t->len)
		weir_sample_put_extra(s, name, t->data, t->len, false);
}

/* "65001 65002 {65003 65004}": sets in braces, as routers print them. */
static void put_as_path(struct weir_sample *s, const struct as_path *path)
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
			text_mark(&t, "}");
	}
	put_extra_text(s, "dst_as_path", &t);
}

static void put_communities(struct weir_sample *s, struct weir_cursor c)
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
static void read_extended_gateway(struct weir_sample *s, struct weir_cursor *c)
{
	struct weir_addr next_hop = weir_sflow_address(c);
	uint32_t router_as = weir_cursor_u32(c);
	uint32_t src_as = weir_cursor_u32(c);
	uint32_t src_peer_as = weir_cursor_u32(c);
	struct as_path path = read_as_path(c);
	struct weir_cursor communities = weir_cursor_sub(c, (size_t)weir_cursor_u32(c) * 4);
	uint32_t localpref = weir_cursor_u32(c);

	if (c->fault)
		return;
	if (!weir_addr_is_zero(&next_hop))
		weir_sample_put_addr(s, WEIR_COL_BGP_NEXT_HOP, &next_hop);
	weir_sample_put_u32(s, WEIR_COL_SRC_AS, src_as);
	weir_sample_put_u32(s, WEIR_COL_DST_AS, path.last);
	weir_sample_put_u32(s, WEIR_COL_NEXT_HOP_AS, path.first);
	weir_sample_put_extra_number(s, "router_as", router_as);
	weir_sample_put_extra_number(s, "src_peer_as", src_peer_as);
	put_as_path(s, &path);
	put_communities(s, communities);
	weir_sample_put_extra_number(s, "localpref", localpref);
}

/* When the packet was seen, by the agent's clock: better than when the sample came, where the clock is set. */
static void read_timestamp(struct weir_sample *s, struct weir_cursor *c)
{
	int64_t time_ms = weir_time_clamp(weir_cursor_u64(c) / 1000000);
	int64_t received_ms = s->m->datagram->received_ms;

	if (c->fault)
		return;
	if (time_ms > received_ms + CLOCK_SET_MS || time_ms < received_ms - CLOCK_SET_MS) {
		weir_message_fault(s->m, WEIR_FAULT_TIME_IMPLAUSIBLE);
		return;
	}
	weir_block_time(s->block, WEIR_COL_TIME_START)[s->row] = time_ms;
	weir_block_time(s->block, WEIR_COL_TIME_END)[s->row] = time_ms;
}

/* Of the frames in an aggregate how many there are; their records, which would be rows of their own, as they are. */
static void read_aggregation(struct weir_sample *s, struct weir_cursor *c)
{
	uint32_t frames = weir_cursor_u32(c);
	struct weir_value_text text;

	if (c->fault)
		return;
	weir_sample_put_extra_number(s, "ieee80211_frames", frames);
	text = weir_value_text(NULL, c->at, weir_cursor_left(c), s->m->work->text);
	weir_sample_put_extra(s, "ieee80211_frame_records", text.text, text.len, text.number);
}

/* --- records as data -------------------------------------------------------------------------------------- */

enum field_kind {
	FIELD_SKIP,    /* four bytes that tell nothing more */
	FIELD_NUMBER,
	FIELD_HYPER,   /* of eight bytes */
	FIELD_TEXT,
	FIELD_OPAQUE,  /* as hexadecimal digits */
	FIELD_ADDRESS, /* with its type before it */
	FIELD_IPV4,
	FIELD_IPV6,
	FIELD_MAC,
	FIELD_LABELS,  /* a stack, RFC 3032 */
	FIELD_TAGS,    /* 802.1Q tags, each with its type */
};

struct field {
	enum field_kind kind;
	enum weir_column_id column;
	const char *name; /* NULL: the end */
};

#define FIELDS(...) (const struct field[]){__VA_ARGS__, {FIELD_SKIP, WEIR_COLUMN_NONE, NULL}}
#define COLUMN(kind, id, name)	{FIELD_##kind, WEIR_COL_##id, name}
#define EXTRA(kind, name)	{FIELD_##kind, WEIR_COLUMN_NONE, name}
#define SKIP(name)		{FIELD_SKIP, WEIR_COLUMN_NONE, name}

#define TUNNEL_L2(way) FIELDS(                                                                     \
	SKIP("length"), EXTRA(MAC, "tunnel_" way "_src_mac"), EXTRA(MAC, "tunnel_" way "_dst_mac"), \
	EXTRA(NUMBER, "tunnel_" way "_ethertype"))
#define TUNNEL_IP(ip, way) FIELDS(                                                                   \
	SKIP("length"), EXTRA(NUMBER, "tunnel_" way "_proto"),                                       \
	EXTRA(ip, "tunnel_" way "_src_addr"), EXTRA(ip, "tunnel_" way "_dst_addr"),                  \
	EXTRA(NUMBER, "tunnel_" way "_src_port"), EXTRA(NUMBER, "tunnel_" way "_dst_port"),          \
	SKIP("tcp_flags"), EXTRA(NUMBER, "tunnel_" way "_tos"))

#define PROXY_SOCKET(ip) FIELDS(                                                               \
	EXTRA(NUMBER, "proxy_proto"), EXTRA(ip, "proxy_local_addr"), EXTRA(ip, "proxy_remote_addr"), \
	EXTRA(NUMBER, "proxy_local_port"), EXTRA(NUMBER, "proxy_remote_port"))
#define HTTP_REQUEST                                                                                       \
	EXTRA(TEXT, "url"), EXTRA(TEXT, "url_host"), EXTRA(TEXT, "http_referer"),                          \
	EXTRA(TEXT, "http_user_agent"), EXTRA(TEXT, "http_forwarded_for"), COLUMN(TEXT, USER_NAME, "http_user"), \
	EXTRA(TEXT, "http_mime_type"), EXTRA(HYPER, "http_request_bytes"), EXTRA(HYPER, "http_response_bytes"),  \
	EXTRA(NUMBER, "http_us"), EXTRA(NUMBER, "http_status")
#define BROADCOM 4413

/* Reads one record; a fault of the cursor is the record's, and nothing was written then. */
typedef void (*record_fn)(struct weir_sample *s, struct weir_cursor *c);

static const struct record {
	uint32_t format; /* with the enterprise in the upper 20 bits */
	record_fn read;
	const struct field *field;
} RECORDS[] = {
	{1,    .read = read_sampled_header},
	{2,    .read = read_sampled_ethernet},
	{3,    .read = read_sampled_ipv4},
	{4,    .read = read_sampled_ipv6},
	{1001, .read = read_extended_switch},
	{1002, .read = read_extended_router},
	{1003, .read = read_extended_gateway},
	{1004, .field = FIELDS(SKIP("src_charset"), COLUMN(TEXT, USER_NAME, "src_user"),
			       SKIP("dst_charset"), EXTRA(TEXT, "dst_user"))},
	{1005, .field = FIELDS(EXTRA(NUMBER, "url_direction"), EXTRA(TEXT, "url"), EXTRA(TEXT, "url_host"))},
	{1006, .field = FIELDS(COLUMN(ADDRESS, NEXT_HOP, "mpls_next_hop"), COLUMN(LABELS, MPLS_LABEL_1, "in_label_stack"),
			       EXTRA(LABELS, "out_label_stack"))},
	{1007, .field = FIELDS(COLUMN(ADDRESS, POST_NAT_SRC_ADDR, "nat_src_addr"),
			       COLUMN(ADDRESS, POST_NAT_DST_ADDR, "nat_dst_addr"))},
	{1008, .field = FIELDS(EXTRA(TEXT, "mpls_tunnel_name"), EXTRA(NUMBER, "mpls_tunnel_id"),
			       EXTRA(NUMBER, "mpls_tunnel_cos"))},
	{1009, .field = FIELDS(EXTRA(TEXT, "mpls_vc_name"), EXTRA(NUMBER, "mpls_vll_vc_id"), EXTRA(NUMBER, "mpls_vc_cos"))},
	{1010, .field = FIELDS(EXTRA(TEXT, "mpls_ftn_name"), EXTRA(NUMBER, "mpls_ftn_mask"))},
	{1011, .field = FIELDS(EXTRA(NUMBER, "mpls_fec_prefix_length"))},
	{1012, .field = FIELDS(EXTRA(TAGS, "vlan_stack"))},
	{1013, .field = FIELDS(EXTRA(NUMBER, "ieee80211_cipher_suite"), EXTRA(OPAQUE, "ieee80211_payload"))},
	{1014, .field = FIELDS(EXTRA(TEXT, "ssid"), EXTRA(MAC, "bssid"), EXTRA(NUMBER, "ieee80211_version"),
			       EXTRA(NUMBER, "ieee80211_channel"), EXTRA(HYPER, "ieee80211_speed"), EXTRA(NUMBER, "ieee80211_rsni"),
			       EXTRA(NUMBER, "ieee80211_rcpi"), EXTRA(NUMBER, "ieee80211_duration_us"))},
	{1015, .field = FIELDS(EXTRA(TEXT, "ssid"), EXTRA(MAC, "bssid"), EXTRA(NUMBER, "ieee80211_version"),
			       EXTRA(NUMBER, "ieee80211_transmissions"), EXTRA(NUMBER, "ieee80211_duration_us"),
			       EXTRA(NUMBER, "ieee80211_retrans_us"), EXTRA(NUMBER, "ieee80211_channel"),
			       EXTRA(HYPER, "ieee80211_speed"), EXTRA(NUMBER, "ieee80211_power_mw"))},
	{1016, .read = read_aggregation},
	{1017, .field = FIELDS(EXTRA(HYPER, "openflow_cookie"), EXTRA(NUMBER, "openflow_wildcards"),
			       EXTRA(NUMBER, "openflow_actions"))},
	{1018, .field = FIELDS(EXTRA(NUMBER, "fc_src_mask"), EXTRA(NUMBER, "fc_dst_mask"), EXTRA(NUMBER, "fc_next_hop"),
			       EXTRA(NUMBER, "fc_metric"))},
	{1019, .field = FIELDS(EXTRA(NUMBER, "queue_index"), EXTRA(NUMBER, "queue_length"))},
	{1020, .field = FIELDS(COLUMN(NUMBER, POST_NAT_SRC_PORT, "nat_src_port"),
			       COLUMN(NUMBER, POST_NAT_DST_PORT, "nat_dst_port"))},
	{1021, .field = TUNNEL_L2("egress")},
	{1022, .field = TUNNEL_L2("ingress")},
	{1023, .field = TUNNEL_IP(IPV4, "egress")},
	{1024, .field = TUNNEL_IP(IPV4, "ingress")},
	{1025, .field = TUNNEL_IP(IPV6, "egress")},
	{1026, .field = TUNNEL_IP(IPV6, "ingress")},
	{1027, .field = FIELDS(EXTRA(NUMBER, "decapsulate_egress"))},
	{1028, .field = FIELDS(EXTRA(NUMBER, "decapsulate_ingress"))},
	{1029, .field = FIELDS(COLUMN(NUMBER, VNI, "vni_egress"))},
	{1030, .field = FIELDS(COLUMN(NUMBER, VNI, "vni_ingress"))},
	{1031, .field = FIELDS(EXTRA(NUMBER, "ib_src_vl"), EXTRA(NUMBER, "ib_src_sl"), EXTRA(NUMBER, "ib_src_dlid"),
			       EXTRA(NUMBER, "ib_src_slid"), EXTRA(NUMBER, "ib_src_lnh"), EXTRA(NUMBER, "ib_dst_vl"),
			       EXTRA(NUMBER, "ib_dst_sl"), EXTRA(NUMBER, "ib_dst_dlid"), EXTRA(NUMBER, "ib_dst_slid"),
			       EXTRA(NUMBER, "ib_dst_lnh"))},
	{1032, .field = FIELDS(EXTRA(NUMBER, "ib_flow_label"), EXTRA(NUMBER, "ib_traffic_class"), EXTRA(IPV6, "ib_src_gid"),
			       EXTRA(IPV6, "ib_dst_gid"), EXTRA(NUMBER, "ib_next_header"), EXTRA(NUMBER, "ib_length"))},
	{1033, .field = FIELDS(EXTRA(NUMBER, "ib_pkey"), EXTRA(NUMBER, "ib_dst_qp"), EXTRA(NUMBER, "ib_opcode"))},
	{1034, .field = FIELDS(EXTRA(TAGS, "vlan_stack_in"))},
	{1035, .field = FIELDS(EXTRA(TAGS, "vlan_stack_out"))},
	{1036, .field = FIELDS(EXTRA(NUMBER, "egress_queue"))},
	{1037, .field = FIELDS(EXTRA(NUMBER, "acl_number"), EXTRA(TEXT, "acl_name"), EXTRA(NUMBER, "acl_direction"))},
	{1038, .field = FIELDS(EXTRA(TEXT, "function"))},
	{1039, .field = FIELDS(EXTRA(NUMBER, "transit_delay_ns"))},
	{1040, .field = FIELDS(EXTRA(NUMBER, "queue_depth_bytes"))},
	{1041, .field = FIELDS(EXTRA(TEXT, "hw_trap_group"), EXTRA(TEXT, "hw_trap"))},
	{1042, .field = FIELDS(EXTRA(TEXT, "linux_drop_reason"))},
	{1043, .read = read_timestamp},
	{2000, .field = FIELDS(EXTRA(NUMBER, "transaction_direction"), EXTRA(NUMBER, "transaction_wait_us"),
			       EXTRA(NUMBER, "transaction_us"), EXTRA(NUMBER, "transaction_status"),
			       EXTRA(HYPER, "transaction_bytes_in"), EXTRA(HYPER, "transaction_bytes_out"))},
	{2001, .field = FIELDS(EXTRA(TEXT, "nfs_path"), EXTRA(NUMBER, "nfs_operation"), EXTRA(NUMBER, "nfs_status"))},
	{2002, .field = FIELDS(EXTRA(NUMBER, "scsi_lun"), EXTRA(NUMBER, "scsi_operation"), EXTRA(NUMBER, "scsi_status"))},
	{2003, .field = FIELDS(EXTRA(TEXT, "url"), EXTRA(TEXT, "url_host"), EXTRA(TEXT, "http_referer"),
			       EXTRA(TEXT, "http_user_agent"), COLUMN(TEXT, USER_NAME, "http_user"), EXTRA(NUMBER, "http_status"))},
	{2100, .field = FIELDS(COLUMN(NUMBER, PROTO, "socket_proto"), COLUMN(IPV4, SRC_ADDR, "socket_local_addr"),
			       COLUMN(IPV4, DST_ADDR, "socket_remote_addr"), COLUMN(NUMBER, SRC_PORT, "socket_local_port"),
			       COLUMN(NUMBER, DST_PORT, "socket_remote_port"))},
	{2101, .field = FIELDS(COLUMN(NUMBER, PROTO, "socket_proto"), COLUMN(IPV6, SRC_ADDR, "socket_local_addr"),
			       COLUMN(IPV6, DST_ADDR, "socket_remote_addr"), COLUMN(NUMBER, SRC_PORT, "socket_local_port"),
			       COLUMN(NUMBER, DST_PORT, "socket_remote_port"))},
	{2102, .field = PROXY_SOCKET(IPV4)},
	{2103, .field = PROXY_SOCKET(IPV6)},
	{2200, .field = FIELDS(EXTRA(NUMBER, "memcache_protocol"), EXTRA(NUMBER, "memcache_command"), EXTRA(TEXT, "memcache_key"),
			       EXTRA(NUMBER, "memcache_keys"), EXTRA(NUMBER, "memcache_value_bytes"), EXTRA(NUMBER, "memcache_us"),
			       EXTRA(NUMBER, "memcache_status"))},
	{2201, .field = FIELDS(EXTRA(NUMBER, "http_method"), HTTP_REQUEST)},
	{2202, .field = FIELDS(COLUMN(TEXT, APPLICATION_NAME, "app_name"), EXTRA(TEXT, "app_operation"), EXTRA(TEXT, "app_attributes"),
			       EXTRA(TEXT, "app_status_text"), EXTRA(HYPER, "app_request_bytes"),
			       EXTRA(HYPER, "app_response_bytes"), EXTRA(NUMBER, "app_us"), EXTRA(NUMBER, "app_status"))},
	{2203, .field = FIELDS(EXTRA(TEXT, "app_parent_name"), EXTRA(TEXT, "app_parent_operation"),
			       EXTRA(TEXT, "app_parent_attributes"))},
	{2204, .field = FIELDS(EXTRA(TEXT, "app_initiator"))},
	{2205, .field = FIELDS(EXTRA(TEXT, "app_target"))},
	{2206, .field = FIELDS(EXTRA(NUMBER, "http_method"), EXTRA(NUMBER, "http_protocol"), HTTP_REQUEST)},
	{2207, .field = FIELDS(EXTRA(TEXT, "proxy_url"), EXTRA(TEXT, "proxy_url_host"))},
	{2208, .field = FIELDS(EXTRA(NUMBER, "nav_type"), EXTRA(NUMBER, "nav_redirects"), EXTRA(NUMBER, "nav_start_ms"),
			       EXTRA(NUMBER, "nav_unload_start_ms"), EXTRA(NUMBER, "nav_unload_end_ms"),
			       EXTRA(NUMBER, "nav_redirect_start_ms"), EXTRA(NUMBER, "nav_redirect_end_ms"),
			       EXTRA(NUMBER, "nav_fetch_start_ms"), EXTRA(NUMBER, "nav_lookup_start_ms"),
			       EXTRA(NUMBER, "nav_lookup_end_ms"), EXTRA(NUMBER, "nav_connect_start_ms"),
			       EXTRA(NUMBER, "nav_connect_end_ms"), EXTRA(NUMBER, "nav_secure_start_ms"),
			       EXTRA(NUMBER, "nav_request_start_ms"), EXTRA(NUMBER, "nav_response_start_ms"),
			       EXTRA(NUMBER, "nav_response_end_ms"), EXTRA(NUMBER, "nav_dom_loading_ms"),
			       EXTRA(NUMBER, "nav_dom_interactive_ms"), EXTRA(NUMBER, "nav_dom_content_start_ms"),
			       EXTRA(NUMBER, "nav_dom_content_end_ms"), EXTRA(NUMBER, "nav_dom_complete_ms"),
			       EXTRA(NUMBER, "nav_load_start_ms"), EXTRA(NUMBER, "nav_load_end_ms"))},
	{2209, .field = FIELDS(EXTRA(NUMBER, "tcp_direction"), EXTRA(NUMBER, "tcp_snd_mss"), EXTRA(NUMBER, "tcp_rcv_mss"),
			       EXTRA(NUMBER, "tcp_unacked"), EXTRA(NUMBER, "tcp_lost"), EXTRA(NUMBER, "tcp_retrans"),
			       EXTRA(NUMBER, "tcp_pmtu"), EXTRA(NUMBER, "tcp_rtt_us"), EXTRA(NUMBER, "tcp_rttvar_us"),
			       EXTRA(NUMBER, "tcp_snd_cwnd"), EXTRA(NUMBER, "tcp_reordering"), EXTRA(NUMBER, "tcp_min_rtt_us"))},
	{2210, .field = FIELDS(EXTRA(NUMBER, "src_entity_class"), EXTRA(NUMBER, "src_entity_index"),
			       EXTRA(NUMBER, "dst_entity_class"), EXTRA(NUMBER, "dst_entity_index"))},
	{BROADCOM << 12 | 1, .field = FIELDS(EXTRA(NUMBER, "egress_queue"))},
};

/* The field's value; the cursor moves behind it. */
static struct weir_cursor field_take(enum field_kind kind, struct weir_cursor *c)
{
	struct weir_cursor value;
	uint32_t type;
	size_t len;
	size_t padding;

	switch (kind) {
	case FIELD_HYPER:
		return weir_cursor_sub(c, 8);
	case FIELD_TEXT:
	case FIELD_OPAQUE:
		len = weir_cursor_u32(c);
		value = weir_cursor_sub(c, len);
		padding = (4 - len % 4) % 4;
		/* At a record's end some agents leave it out. */
		weir_cursor_skip(c, padding < weir_cursor_left(c) ? padding : weir_cursor_left(c));
		return value;
	case FIELD_ADDRESS:
		type = weir_cursor_u32(c);
		if (type > ADDRESS_IPV6)
			c->fault = true;
		return weir_cursor_sub(c, type == ADDRESS_IPV6 ? 16 : type * 4);
	case FIELD_IPV6:
		return weir_cursor_sub(c, 16);
	case FIELD_MAC:
		value = weir_cursor_sub(c, 6);
		weir_cursor_skip(c, 2);
		return value;
	case FIELD_LABELS:
	case FIELD_TAGS:
		return weir_cursor_sub(c, (size_t)weir_cursor_u32(c) * 4);
	default:
		return weir_cursor_sub(c, 4);
	}
}

static bool fields_fit(const struct field *field, struct weir_cursor c)
{
	for (; field->name; field++)
		(void)field_take(field->kind, &c);
	return !c.fault;
}

static void keep_number(struct weir_sample *s, const struct field *f, bool column, uint32_t v)
{
	if (!column) {
		weir_sample_put_extra_number(s, f->name, v);
		return;
	}
	weir_block_put_number(s->block, f->column, s->row, v);
	weir_column_set_add(&s->present, f->column);
}

static void keep_text(struct weir_sample *s, const struct field *f, bool column, const struct weir_cursor *value)
{
	const char *text = (const char *)value->at;
	size_t len = weir_cursor_left(value);

	if (!len)
		return;
	if (!column)
		weir_sample_put_extra(s, f->name, text, len, false);
	else if (weir_block_put_str(s->block, text, len, &weir_block_str(s->block, f->column)[s->row]))
		weir_column_set_add(&s->present, f->column);
	else
		weir_message_fault(s->m, WEIR_FAULT_EXTRA_DROPPED);
}

static void keep_hyper(struct weir_sample *s, const struct field *f, const struct weir_cursor *value)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)weir_be_uint(value->at, 8));

	weir_sample_put_extra(s, f->name, text, (size_t)len, true);
}

static void keep_opaque(struct weir_sample *s, const struct field *f, const struct weir_cursor *value)
{
	struct weir_value_text text = weir_value_text(NULL, value->at, weir_cursor_left(value), s->m->work->text);

	if (weir_cursor_left(value))
		weir_sample_put_extra(s, f->name, text.text, text.len, text.number);
}

static void keep_addr(struct weir_sample *s, const struct field *f, bool column, const struct weir_cursor *value)
{
	struct weir_addr addr = {{0}};

	if (weir_cursor_left(value) == 4 && weir_be32(value->at))
		addr = weir_addr_from_v4(value->at);
	else if (weir_cursor_left(value) == sizeof(addr.byte))
		memcpy(addr.byte, value->at, sizeof(addr.byte));
	if (weir_addr_is_zero(&addr))
		return;
	if (column)
		weir_sample_put_addr(s, f->column, &addr);
	else
		keep_text_addr(s, f->name, &addr);
}

static void keep_mac(struct weir_sample *s, const struct field *f, const struct weir_cursor *value)
{
	char text[WEIR_MAC_TEXT_MAX];

	weir_sample_put_extra(s, f->name, text, weir_mac_text(weir_be_uint(value->at, 6), text), false);
}

/* The upper three labels have columns, which the sampled header may have filled; the whole stack is kept where it has
 * more. */
static void keep_labels(struct weir_sample *s, const struct field *f, bool column, struct weir_cursor stack)
{
	struct text t = {.data = s->m->work->text};
	bool whole = !column || weir_cursor_left(&stack) > 3 * 4;

	for (unsigned i = 0; weir_cursor_left(&stack); i++) {
		uint32_t label = weir_cursor_u32(&stack) >> 12;

		if (column && i < 3)
			weir_sample_put_u32(s, (enum weir_column_id)(WEIR_COL_MPLS_LABEL_1 + i), label);
		if (whole)
			text_add(&t, t.len ? " " : "", label);
	}
	put_extra_text(s, f->name, &t);
}

static void keep_tags(struct weir_sample *s, const struct field *f, struct weir_cursor stack)
{
	struct text t = {.data = s->m->work->text};

	while (weir_cursor_left(&stack))
		text_add(&t, t.len ? " " : "", weir_cursor_u32(&stack) & VLAN_MAX);
	put_extra_text(s, f->name, &t);
}

static void keep_field(struct weir_sample *s, const struct field *f, const struct weir_cursor *value)
{
	bool column = f->column != WEIR_COLUMN_NONE && !weir_column_set_has(&s->present, f->column);

	switch (f->kind) {
	case FIELD_SKIP:
		break;
	case FIELD_NUMBER:
		keep_number(s, f, column, weir_be32(value->at));
		break;
	case FIELD_HYPER:
		keep_hyper(s, f, value);
		break;
	case FIELD_TEXT:
		keep_text(s, f, column, value);
		break;
	case FIELD_OPAQUE:
		keep_opaque(s, f, value);
		break;
	case FIELD_ADDRESS:
	case FIELD_IPV4:
	case FIELD_IPV6:
		keep_addr(s, f, column, value);
		break;
	case FIELD_MAC:
		keep_mac(s, f, value);
		break;
	case FIELD_LABELS:
		keep_labels(s, f, column, *value);
		break;
	case FIELD_TAGS:
		keep_tags(s, f, *value);
		break;
	}
}

static void read_fields(struct weir_sample *s, const struct field *field, struct weir_cursor *c)
{
	if (!fields_fit(field, *c)) {
		c->fault = true;
		return;
	}
	for (; field->name; field++) {
		struct weir_cursor value = field_take(field->kind, c);

		keep_field(s, field, &value);
	}
}

static void read_unknown(struct weir_sample *s, uint32_t format, const struct weir_cursor *c)
{
	struct weir_value_text text = weir_value_text(NULL, c->at, weir_cursor_left(c), s->m->work->text);
	char name[24];

	(void)snprintf(name, sizeof(name), "%u:%u", format >> 12, format & 0xfff);
	weir_sample_put_extra(s, name, text.text, text.len, text.number);
}

static const struct record *record_find(uint32_t format)
{
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		if (RECORDS[i].format == format)
			return &RECORDS[i];
	}
	return NULL;
}

void weir_sflow_record(struct weir_sample *s, uint32_t format, struct weir_cursor *c)
{
	const struct record *record = record_find(format);

	if (!record)
		read_unknown(s, format, c);
	else if (record->read)
		record->read(s, c);
	else
		read_fields(s, record->field, c);
	if (c->fault)
		weir_message_fault(s->m, WEIR_FAULT_SFLOW_RECORD);
}
