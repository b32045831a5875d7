/* A frame, header by header, from the outside in.
 *
 * Each layer takes its fixed part with one bounds check, loads from the pointer it got, stores to the struct, and says
 * what comes next.
 *
 * Where the frame ends too soon there are two cases: the sample was cut (TRUNCATED, which is normal: agents cut at 128
 * bytes or less), or an IP header gave a length that its own payload does not have room in (MALFORMED). So the IP layers
 * shorten the cursor to the length that they tell, and remember that they did (`whole`). That also keeps Ethernet's
 * padding out.
 *
 * Tunnels are entered by walking on with the same cursor into a struct that forgets what the inner packet says anew. What was
 * there before is kept aside until an inner IP header was found: an Ethernet tunnel that carries ARP is itself the flow.
 *
 * An Ethernet pseudowire is not announced by anything in the frame: it must look like one.
 *
 * Every loop (VLAN tags, labels, extension headers) takes at least four bytes a round, so the frame's length bounds it; tunnels
 * in tunnels are bounded by TUNNELS_MAX.
 *
 * Sources: IEEE 802.3 and 802.1Q (length or type, tags), RFC 3032 and 4385 (MPLS), RFC 2516 and 1661 (PPPoE, PPP), RFC 791,
 * RFC 8200 and 4302 (IPv6, extension headers, AH), RFC 8754 and 8986 (segments), RFC 9293, 768, 4960, 792, 4443; RFC 2784, 2890, 2637 (GRE, PPTP's), RFC 7348, 8926,
 * 7637, 8300 (overlays), RFC 4448, 4023, 3378 (Ethernet in MPLS, MPLS and Ethernet in IP), RFC 2003, 4213, 2473 (IP in IP), 3GPP TS 29.281 §5.1 (GTP-U), draft-foschiano-erspan §4 (ERSPAN). */
#include "packet/packet.h"

#include <string.h>

enum {
	ETHERTYPE_MIN = 0x0600, /* below it is a length of 802.3 */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ERSPAN_3 = 0x22eb,
	ETHERTYPE_BRIDGED = 0x6558, /* transparent Ethernet bridging: NVGRE */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_NSH = 0x894f,
	ETHERTYPE_PPPOE_SESSION = 0x8864,
	ETHERTYPE_PPP = 0x880b, /* in GRE of version 1: PPTP */
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_ERSPAN_2 = 0x88be,
	ETHERTYPE_CISCO_METADATA = 0x8909,
	ETHERTYPE_QINQ_OLD = 0x9100,

	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,

	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DESTINATION = 60,
	PROTO_ETHERIP = 97,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
	PROTO_UDPLITE = 136,
	PROTO_MPLS = 137,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
	PROTO_ETHERNET = 143,

	PORT_GTPU = 2152,
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_VXLAN_OLD = 8472, /* Linux before the port was assigned */
	PORT_GENEVE = 6081,

	FRAGMENT_OFFSET_MASK = 0x1fff,
	FRAGMENT_MORE = 0x20,	 /* in the byte of flags, IANA's fragmentFlags */
	IPV4_FLAGS_MASK = 0xe0,
	TUNNELS_MAX = 4,
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGE = 0x0080, /* of version 1 */
	MPLS_EXPLICIT_NULL_IPV6 = 2,
	ROUTING_SEGMENTS = 4, /* the type of routing header */
};

struct walk {
	struct weir_cursor c;
	const uint8_t *start; /* of the frame */
	struct weir_packet *p;
	bool whole; /* c ends where an IP header says that its packet ends */
	bool inner; /* tunnels are entered */
};

static enum weir_dissect_result walk_ipv4(struct walk *w);
static enum weir_dissect_result walk_ipv6(struct walk *w);
static enum weir_dissect_result walk_mpls(struct walk *w);
static enum weir_dissect_result walk_ppp(struct walk *w);
static enum weir_dissect_result walk_ethernet(struct walk *w);

static inline enum weir_dissect_result ended(const struct walk *w)
{
	return w->whole ? WEIR_DISSECT_MALFORMED : WEIR_DISSECT_TRUNCATED;
}

/* --- tunnels ---------------------------------------------------------------------------------------------- */

static inline bool enters(const struct walk *w)
{
	return w->inner && w->p->tunnels < TUNNELS_MAX;
}

/* Walk on into what the tunnel carries. Its IP header takes the place of the outer one, and the outermost is told beside. */
static enum weir_dissect_result enter(struct walk *w, enum weir_dissect_result (*walk)(struct walk *w))
{
	struct weir_packet outer = *w->p;
	bool whole = w->whole;
	enum weir_dissect_result result;

	*w->p = (struct weir_packet){
		.has = outer.has & (WEIR_PACKET_VNI | WEIR_PACKET_SEGMENTS),
		.vni = outer.vni,
		.segment = outer.segment,
		.segments = outer.segments,
		.segments_left = outer.segments_left,
		.tunnels = (uint8_t)(outer.tunnels + 1),
		.labels = outer.labels,
	};
	memcpy(w->p->label, outer.label, sizeof(outer.label));
	/* IP right in IP is still on the outer frame's link. */
	if (walk != walk_ethernet) {
		w->p->has |= outer.has & (WEIR_PACKET_MACS | WEIR_PACKET_VLAN | WEIR_PACKET_CUSTOMER_VLAN |
					  WEIR_PACKET_ETHERTYPE);
		w->p->src_mac = outer.src_mac;
		w->p->dst_mac = outer.dst_mac;
		w->p->vlan = outer.vlan;
		w->p->customer_vlan = outer.customer_vlan;
		w->p->ethertype = outer.ethertype;
	}
	result = walk(w);
	if (w->p->has & WEIR_PACKET_IP) {
		if (outer.has & WEIR_PACKET_IP) {
			w->p->has |= WEIR_PACKET_TUNNEL;
			w->p->tunnel_src = outer.src_addr;
			w->p->tunnel_dst = outer.dst_addr;
		}
		return result;
	}
	*w->p = outer;
	w->whole = whole;
	return WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result enter_nsh(struct walk *w);

static enum weir_dissect_result enter_ethertype(struct walk *w, uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return enter(w, walk_ipv4);
	case ETHERTYPE_IPV6:
		return enter(w, walk_ipv6);
	case ETHERTYPE_BRIDGED:
		return enter(w, walk_ethernet);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return enter(w, walk_mpls);
	case ETHERTYPE_PPP:
		return enter(w, walk_ppp);
	case ETHERTYPE_NSH:
		return enter_nsh(w);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

/* The next protocol as VXLAN's generic extension and NSH number it, or 0. */
static uint16_t next_ethertype(uint8_t next)
{
	static const uint16_t TYPES[] = {
		[1] = ETHERTYPE_IPV4, [2] = ETHERTYPE_IPV6, [3] = ETHERTYPE_BRIDGED, [4] = ETHERTYPE_NSH, [5] = ETHERTYPE_MPLS};

	return next < sizeof(TYPES) / sizeof(TYPES[0]) ? TYPES[next] : 0;
}

/* Service function chaining, RFC 8300 §2.2: the length in words, the next protocol, then the service path. */
static enum weir_dissect_result enter_nsh(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 8);
	size_t len = p ? (size_t)(p[1] & 0x3f) * 4 : 0;
	uint16_t type;

	if (len < 8 || !weir_cursor_skip(&w->c, len - 8))
		return WEIR_DISSECT_COMPLETE;
	type = next_ethertype(p[3]);
	return type == ETHERTYPE_NSH ? WEIR_DISSECT_COMPLETE : enter_ethertype(w, type);
}

static enum weir_dissect_result enter_version(struct walk *w)
{
	unsigned version = weir_cursor_left(&w->c) ? *w->c.at >> 4 : 0;

	return version == 4 ? enter(w, walk_ipv4) : version == 6 ? enter(w, walk_ipv6) : WEIR_DISSECT_COMPLETE;
}

static void put_vni(struct walk *w, uint32_t vni)
{
	w->p->vni = vni;
	w->p->has |= WEIR_PACKET_VNI;
}

/* VXLAN (RFC 7348 §5), its generic protocol extension and Geneve (RFC 8926 §3.4) have the identifier in the same place. A
 * cut sample is not worth a word: the flow is complete without it. */
static enum weir_dissect_result walk_overlay(struct walk *w, uint16_t port)
{
	uint16_t type = ETHERTYPE_BRIDGED;
	const uint8_t *p;

	if (weir_cursor_left(&w->c) < 4 + 8)
		return WEIR_DISSECT_COMPLETE;
	p = weir_cursor_take(&w->c, 4 + 8) + 4;
	if (port == PORT_GENEVE ? (p[0] >> 6) != 0 : !(p[0] & 0x08)) /* version 0; the flag "identifier is valid" */
		return WEIR_DISSECT_COMPLETE;
	put_vni(w, weir_be24(p + 4));
	if (!enters(w))
		return WEIR_DISSECT_COMPLETE;
	if (port == PORT_GENEVE) {
		type = weir_be16(p + 2);
		if (!weir_cursor_skip(&w->c, (size_t)(p[0] & 0x3f) * 4))
			return WEIR_DISSECT_COMPLETE;
	} else if (port == PORT_VXLAN_GPE && p[0] & 0x04) {
		type = next_ethertype(p[3]);
	}
	return enter_ethertype(w, type);
}

/* TS 29.281 §5.1: a version, flags that add four bytes when any is set, and extension headers that end with the type of the
 * next. Only G-PDUs carry packets. */
static enum weir_dissect_result walk_gtpu(struct walk *w)
{
	const uint8_t *p;
	uint8_t next;

	if (weir_cursor_left(&w->c) < 4 + 8)
		return WEIR_DISSECT_COMPLETE;
	p = weir_cursor_take(&w->c, 4 + 8) + 4;
	if (p[0] >> 4 != 3 || p[1] != 0xff) /* version 1 of GTP, not of GTP' */
		return WEIR_DISSECT_COMPLETE;
	if (p[0] & 7) {
		weir_cursor_skip(&w->c, 3);
		next = weir_cursor_u8(&w->c);
		while (p[0] & 4 && next && !w->c.fault) {
			size_t len = (size_t)weir_cursor_u8(&w->c) * 4;

			if (!len || !weir_cursor_skip(&w->c, len - 2))
				return WEIR_DISSECT_COMPLETE;
			next = weir_cursor_u8(&w->c);
		}
	}
	return w->c.fault ? WEIR_DISSECT_COMPLETE : enter_version(w);
}

/* Behind GRE's header. ERSPAN has one of its own: none without a sequence number (type I), 8 bytes in type II, 12 and
 * perhaps 8 more in type III. TrustSec's tag begins with the packet's type (seen in captures; it is not published). */
static enum weir_dissect_result enter_gre(struct walk *w, uint16_t type, bool sequence)
{
	const uint8_t *p;

	if (type == ETHERTYPE_ERSPAN_2) {
		if (sequence && !weir_cursor_skip(&w->c, 8))
			return WEIR_DISSECT_COMPLETE;
		type = ETHERTYPE_BRIDGED;
	} else if (type == ETHERTYPE_ERSPAN_3) {
		p = weir_cursor_take(&w->c, 12);
		if (!p || (p[11] & 1 && !weir_cursor_skip(&w->c, 8)))
			return WEIR_DISSECT_COMPLETE;
		type = ETHERTYPE_BRIDGED;
	} else if (type == ETHERTYPE_CISCO_METADATA) {
		p = weir_cursor_take(&w->c, 8);
		type = p ? weir_be16(p) : 0;
	}
	return enter_ethertype(w, type);
}

/* NVGRE (RFC 7637 §3.2): a key, no checksum, no sequence, Ethernet inside; the key's upper 24 bits are the segment. */
static enum weir_dissect_result walk_gre(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 4);
	uint16_t flags, type;
	size_t options;

	if (!p)
		return ended(w);
	flags = weir_be16(p);
	type = weir_be16(p + 2);
	if (flags == GRE_KEY && type == ETHERTYPE_BRIDGED && weir_cursor_left(&w->c) >= 4)
		put_vni(w, weir_be24(w->c.at));
	if (!enters(w) || flags & GRE_ROUTING || (flags & 7) > 1)
		return WEIR_DISSECT_COMPLETE;
	options = flags & GRE_CHECKSUM ? 4 : 0;
	options += flags & GRE_KEY ? 4 : 0;
	options += flags & GRE_SEQUENCE ? 4 : 0;
	options += (flags & 7) == 1 && flags & GRE_ACKNOWLEDGE ? 4 : 0;
	return weir_cursor_skip(&w->c, options) ? enter_gre(w, type, flags & GRE_SEQUENCE) : WEIR_DISSECT_COMPLETE;
}

/* --- transport -------------------------------------------------------------------------------------------- */

static inline enum weir_dissect_result walk_udp(struct walk *w, uint16_t port)
{
	switch (port) {
	case PORT_VXLAN:
	case PORT_VXLAN_GPE:
	case PORT_VXLAN_OLD:
	case PORT_GENEVE:
		return walk_overlay(w, port);
	case PORT_GTPU:
		return enters(w) ? walk_gtpu(w) : WEIR_DISSECT_COMPLETE;
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

static enum weir_dissect_result walk_ports(struct walk *w, uint8_t proto)
{
	const uint8_t *p = weir_cursor_take(&w->c, 4);

	if (!p)
		return ended(w);
	w->p->src_port = weir_be16(p);
	w->p->dst_port = weir_be16(p + 2);
	w->p->has |= WEIR_PACKET_PORTS;
	if (proto == PROTO_UDP)
		return walk_udp(w, w->p->dst_port);
	if (proto != PROTO_TCP)
		return WEIR_DISSECT_COMPLETE;
	p = weir_cursor_take(&w->c, 10); /* up to the flags */
	if (!p)
		return ended(w);
	w->p->tcp_seq = weir_be32(p);
	w->p->tcp_ack = weir_be32(p + 4);
	w->p->tcp_header_bytes = (uint16_t)((p[8] >> 4) * 4);
	w->p->tcp_flags = weir_be16(p + 8) & 0x0fff;
	w->p->has |= WEIR_PACKET_TCP;
	if (weir_cursor_left(&w->c) >= 2)
		w->p->tcp_window = weir_be16(w->c.at);
	return (p[8] >> 4) < 5 ? WEIR_DISSECT_MALFORMED : WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result walk_icmp(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 2);

	if (!p)
		return ended(w);
	w->p->icmp_type = p[0];
	w->p->icmp_code = p[1];
	w->p->has |= WEIR_PACKET_ICMP;
	return WEIR_DISSECT_COMPLETE;
}

/* IP protocols that are tunnels without a header of their own, or nearly so. */
static enum weir_dissect_result walk_tunnel(struct walk *w, uint8_t proto)
{
	if (!enters(w))
		return WEIR_DISSECT_COMPLETE;
	switch (proto) {
	case PROTO_IPV4:
		return enter(w, walk_ipv4);
	case PROTO_IPV6:
		return enter(w, walk_ipv6);
	case PROTO_MPLS:
		return enter(w, walk_mpls);
	case PROTO_ETHERIP: /* RFC 3378 §3: two bytes */
		return weir_cursor_skip(&w->c, 2) ? enter(w, walk_ethernet) : WEIR_DISSECT_COMPLETE;
	default:
		return enter(w, walk_ethernet);
	}
}

static enum weir_dissect_result walk_transport(struct walk *w, uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP:
	case PROTO_UDP:
	case PROTO_UDPLITE:
	case PROTO_SCTP:
	case PROTO_DCCP:
		return walk_ports(w, proto);
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return walk_icmp(w);
	case PROTO_GRE:
		return walk_gre(w);
	case PROTO_IPV4:
	case PROTO_IPV6:
	case PROTO_MPLS:
	case PROTO_ETHERIP:
	case PROTO_ETHERNET:
		return walk_tunnel(w, proto);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

/* --- network ---------------------------------------------------------------------------------------------- */

/* The packet ends `len` bytes from here, where the sample has so much. */
static inline void limit(struct walk *w, size_t len)
{
	if (len > weir_cursor_left(&w->c))
		return;
	w->c.end = w->c.at + len;
	w->whole = true;
}

static enum weir_dissect_result walk_ipv4(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 20);
	struct weir_packet *to = w->p;
	uint16_t fragment, total;
	size_t header;

	if (!p)
		return ended(w);
	header = (size_t)(p[0] & 15) * 4;
	if (p[0] >> 4 != 4 || header < 20)
		return WEIR_DISSECT_MALFORMED;
	total = weir_be16(p + 2);
	fragment = weir_be16(p + 6);
	to->ip_version = 4;
	to->tos = p[1];
	to->ttl = p[8];
	to->proto = p[9];
	to->ip_flags = p[6] & IPV4_FLAGS_MASK;
	to->fragment_offset = fragment & FRAGMENT_OFFSET_MASK;
	to->fragment_id = weir_be16(p + 4);
	to->src_addr = weir_addr_from_v4(p + 12);
	to->dst_addr = weir_addr_from_v4(p + 16);
	to->ip_offset = (uint32_t)(p - w->start);
	to->ip_header_bytes = (uint16_t)header;
	to->ip_bytes = total;
	to->has |= WEIR_PACKET_IPV4;
	/* A length of 0 is what a host's own captures show where the network card cuts the packets (TSO). */
	if (total && total < header)
		return WEIR_DISSECT_MALFORMED;
	if (total)
		limit(w, total - 20U);
	if (header > 20 && !weir_cursor_skip(&w->c, header - 20))
		return ended(w);
	if (to->fragment_offset) {
		to->has |= WEIR_PACKET_LATER;
		return WEIR_DISSECT_COMPLETE;
	}
	return walk_transport(w, p[9]);
}

static void walk_fragment(struct walk *w, const uint8_t *p)
{
	uint16_t fragment = weir_be16(p + 2);

	w->p->ip_flags = fragment & 1 ? FRAGMENT_MORE : 0;
	w->p->fragment_offset = fragment >> 3;
	w->p->fragment_id = weir_be32(p + 4);
	w->p->has |= WEIR_PACKET_FRAGMENT;
	if (w->p->fragment_offset)
		w->p->has |= WEIR_PACKET_LATER;
}

static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_AH:
	case PROTO_DESTINATION:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

/* RFC 8754 §2: the segment list stands from its last segment to its first; a reduced list (§4.1.1) leaves that one out, so
 * that one more is left than it has. p is the routing header's first eight bytes, rest what follows them. */
static bool walk_segments(struct walk *w, const uint8_t *p, const struct weir_cursor *rest)
{
	size_t segments = (size_t)p[4] + 1;

	if (segments * 16 > weir_cursor_left(rest) || p[3] > segments)
		return false;
	w->p->segment = rest->at;
	w->p->segments = (uint16_t)segments;
	w->p->segments_left = p[3];
	w->p->has |= WEIR_PACKET_SEGMENTS;
	return true;
}

/* Walk the extension headers; *proto is the last header that could be told. */
static enum weir_dissect_result walk_extensions(struct walk *w, uint8_t *proto)
{
	while (is_extension(*proto)) {
		const uint8_t *p = weir_cursor_take(&w->c, 8);
		uint8_t kind = *proto;
		struct weir_cursor rest;
		size_t len = 8;

		if (!p)
			return ended(w);
		*proto = p[0];
		if (kind == PROTO_AH)
			len = ((size_t)p[1] + 2) * 4;
		else if (kind != PROTO_FRAGMENT)
			len = ((size_t)p[1] + 1) * 8;
		rest = weir_cursor_sub(&w->c, len - 8);
		if (rest.fault)
			return ended(w);
		if (kind == PROTO_ROUTING && p[2] == ROUTING_SEGMENTS && !walk_segments(w, p, &rest))
			return WEIR_DISSECT_MALFORMED;
		if (kind != PROTO_FRAGMENT)
			continue;
		walk_fragment(w, p);
		if (w->p->has & WEIR_PACKET_LATER)
			break;
	}
	return WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result walk_ipv6(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 40);
	enum weir_dissect_result result = WEIR_DISSECT_COMPLETE;
	struct weir_packet *to = w->p;
	uint16_t payload;
	uint8_t proto;

	if (!p)
		return ended(w);
	if (p[0] >> 4 != 6)
		return WEIR_DISSECT_MALFORMED;
	payload = weir_be16(p + 4);
	to->ip_version = 6;
	to->tos = (uint8_t)(weir_be16(p) >> 4);
	to->ttl = p[7];
	to->flow_label = weir_be32(p) & 0xfffff;
	memcpy(to->src_addr.byte, p + 8, 16);
	memcpy(to->dst_addr.byte, p + 24, 16);
	to->ip_offset = (uint32_t)(p - w->start);
	to->ip_bytes = payload ? payload + 40U : 0;
	to->has |= WEIR_PACKET_IPV6;
	if (payload) /* 0: a jumbogram (RFC 2675), or as in IPv4 */
		limit(w, payload);
	proto = p[6];
	if (is_extension(proto))
		result = walk_extensions(w, &proto);
	to->proto = proto;
	to->ip_header_bytes = (uint16_t)(w->c.at - p);
	if (result != WEIR_DISSECT_COMPLETE || to->has & WEIR_PACKET_LATER)
		return result;
	return walk_transport(w, proto);
}

static enum weir_dissect_result walk_ip(struct walk *w)
{
	if (!weir_cursor_left(&w->c))
		return ended(w);
	switch (*w->c.at >> 4) {
	case 4:
		return walk_ipv4(w);
	case 6:
		return walk_ipv6(w);
	default:
		return WEIR_DISSECT_MALFORMED;
	}
}

/* --- link ------------------------------------------------------------------------------------------------- */

/* Does an Ethernet frame with an IP packet stand `skip` bytes from here? */
static bool has_ethernet(struct weir_cursor c, size_t skip)
{
	uint32_t type;

	weir_cursor_skip(&c, skip + 12);
	do
		type = weir_cursor_u16(&c);
	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD) && weir_cursor_skip(&c, 2));
	if (!weir_cursor_left(&c))
		return false;
	return (type == ETHERTYPE_IPV4 && *c.at >> 4 == 4) || (type == ETHERTYPE_IPV6 && *c.at >> 4 == 6);
}

/* An Ethernet pseudowire, with or without the control word (RFC 4448 §4.6: sixteen bits of zero, a sequence number). */
static enum weir_dissect_result walk_pseudowire(struct walk *w)
{
	bool word = weir_cursor_left(&w->c) >= 4 && weir_be16(w->c.at) == 0 && has_ethernet(w->c, 4);

	if ((!word && !has_ethernet(w->c, 0)) || w->p->tunnels >= TUNNELS_MAX)
		return WEIR_DISSECT_COMPLETE;
	if (word)
		weir_cursor_skip(&w->c, 4);
	return enter(w, walk_ethernet);
}

/* RFC 3032 §2.1. What the labels carry is not said; the first four bits tell IP from the rest (RFC 4385 §2). */
static enum weir_dissect_result walk_mpls(struct walk *w)
{
	uint32_t entry;

	do {
		entry = weir_cursor_u32(&w->c);
		if (w->c.fault)
			return ended(w);
		if (w->p->labels < WEIR_PACKET_LABELS)
			w->p->label[w->p->labels++] = entry >> 12;
	} while (!(entry & 0x100)); /* bottom of stack */
	if (!weir_cursor_left(&w->c))
		return ended(w);
	switch (*w->c.at >> 4) {
	case 4:
		return walk_ipv4(w);
	case 6:
		return walk_ipv6(w);
	default:
		return entry >> 12 == 0 || entry >> 12 == MPLS_EXPLICIT_NULL_IPV6 ? WEIR_DISSECT_MALFORMED
										  : walk_pseudowire(w);
	}
}

/* The protocol field, two bytes or compressed to one (RFC 1661 §2: the last byte of a number is odd, the others even),
 * behind HDLC's address and control where they are (RFC 1662 §3.1). */
static enum weir_dissect_result walk_ppp(struct walk *w)
{
	uint32_t type;

	if (weir_cursor_left(&w->c) >= 2 && weir_be16(w->c.at) == 0xff03)
		weir_cursor_skip(&w->c, 2);
	type = weir_cursor_u8(&w->c);
	if (!(type & 1))
		type = type << 8 | weir_cursor_u8(&w->c);
	if (w->c.fault)
		return ended(w);
	switch (type) {
	case PPP_IPV4:
		return walk_ipv4(w);
	case PPP_IPV6:
		return walk_ipv6(w);
	case PPP_MPLS:
		return walk_mpls(w);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

/* Tags before the type: the outermost is the VLAN where the frame came in, the second the customer's. */
static bool walk_vlans(struct walk *w, uint16_t *type)
{
	for (unsigned tags = 0; *type == ETHERTYPE_VLAN || *type == ETHERTYPE_QINQ || *type == ETHERTYPE_QINQ_OLD; tags++) {
		const uint8_t *p = weir_cursor_take(&w->c, 4);

		if (!p)
			return false;
		*type = weir_be16(p + 2);
		if (tags == 0) {
			w->p->vlan = weir_be16(p) & 0xfff;
			w->p->has |= WEIR_PACKET_VLAN;
		} else if (tags == 1) {
			w->p->customer_vlan = weir_be16(p) & 0xfff;
			w->p->has |= WEIR_PACKET_CUSTOMER_VLAN;
		}
	}
	return true;
}

/* 802.3 with a length, IEEE 802.2: SNAP with Ethernet's types (RFC 1042) has a type too; other frames have none.
 * Returns 0 for those. */
static uint16_t snap_type(struct walk *w, uint16_t length)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
	const uint8_t *p;

	if (length < 8 || weir_cursor_left(&w->c) < 8 || memcmp(w->c.at, snap, sizeof(snap)) != 0)
		return 0;
	p = weir_cursor_take(&w->c, 8);
	return weir_be16(p + 6);
}

/* What stands behind an EtherType, tags included. */
static enum weir_dissect_result walk_type(struct walk *w, uint16_t type)
{
	if (!walk_vlans(w, &type))
		return ended(w);
	if (type < ETHERTYPE_MIN)
		type = snap_type(w, type);
	if (!type)
		return WEIR_DISSECT_COMPLETE;
	w->p->ethertype = type;
	w->p->has |= WEIR_PACKET_ETHERTYPE;
	switch (type) {
	case ETHERTYPE_IPV4:
		return walk_ipv4(w);
	case ETHERTYPE_IPV6:
		return walk_ipv6(w);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return walk_mpls(w);
	case ETHERTYPE_PPPOE_SESSION: /* six bytes of header, RFC 2516 §4 */
		return weir_cursor_skip(&w->c, 6) ? walk_ppp(w) : ended(w);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

static enum weir_dissect_result walk_ethernet(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 14);

	if (!p)
		return ended(w);
	w->p->dst_mac = (uint64_t)weir_be16(p) << 32 | weir_be32(p + 2);
	w->p->src_mac = (uint64_t)weir_be16(p + 6) << 32 | weir_be32(p + 8);
	w->p->has |= WEIR_PACKET_MACS;
	return walk_type(w, weir_be16(p + 12));
}

static enum weir_dissect_result walk_sll(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 16);

	return p ? walk_type(w, weir_be16(p + 14)) : ended(w);
}

static enum weir_dissect_result walk_sll2(struct walk *w)
{
	const uint8_t *p = weir_cursor_take(&w->c, 20);

	return p ? walk_type(w, weir_be16(p)) : ended(w);
}

/* The family's numbers differ from system to system: the packet itself knows better. */
static enum weir_dissect_result walk_null(struct walk *w)
{
	return weir_cursor_skip(&w->c, 4) ? walk_ip(w) : ended(w);
}

enum weir_dissect_result weir_packet_parse(struct weir_cursor frame, enum weir_link link, enum weir_tunnel tunnel,
					   struct weir_packet *ret_packet)
{
	static enum weir_dissect_result (*const links[WEIR_LINKS])(struct walk *w) = {
		[WEIR_LINK_ETHERNET] = walk_ethernet, [WEIR_LINK_IPV4] = walk_ipv4, [WEIR_LINK_IPV6] = walk_ipv6,
		[WEIR_LINK_MPLS] = walk_mpls,	      [WEIR_LINK_PPP] = walk_ppp,   [WEIR_LINK_IP] = walk_ip,
		[WEIR_LINK_SLL] = walk_sll,	      [WEIR_LINK_SLL2] = walk_sll2, [WEIR_LINK_NULL] = walk_null,
	};
	struct walk w = {.c = frame, .start = frame.at, .p = ret_packet, .inner = tunnel == WEIR_TUNNEL_INNER};

	*ret_packet = (struct weir_packet){0};
	return links[link](&w);
}
