/* A frame, header by header, from the outside in.
 *
 * Each layer takes its fixed part with one bounds check, loads from the pointer it got, stores to the columns, and says
 * what comes next. Nothing is called for a field: the helpers below are inlined with the column as a constant, so a
 * store is a load of the column's base and a move. The columns of a layer are added to the set in one go at its end.
 *
 * Where the frame ends too soon there are two cases: the sample was cut (TRUNCATED, which is normal: agents cut at 128
 * bytes or less), or an IP header gave a length that its own payload does not have room in (MALFORMED). So the IP layers
 * shorten the cursor to the length that they tell, and remember that they did (`whole`). That also keeps Ethernet's
 * padding out.
 *
 * Every loop (VLAN tags, labels, extension headers) takes at least four bytes a round, so the frame's length bounds it.
 *
 * Sources: IEEE 802.3 and 802.1Q (length or type, tags), RFC 3032 and 4385 (MPLS), RFC 2516 and 1661 (PPPoE, PPP), RFC 791,
 * RFC 8200 and 4302 (IPv6, extension headers, AH), RFC 9293, 768, 4960, 792, 4443, RFC 7348, 8926, 7637 (tunnels). */
#include "packet/dissect.h"

enum {
	ETHERTYPE_MIN = 0x0600, /* below it is a length of 802.3 */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_BRIDGED = 0x6558, /* transparent Ethernet bridging: NVGRE */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE_SESSION = 0x8864,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,

	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,

	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DESTINATION = 60,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
	PROTO_UDPLITE = 136,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,

	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_VXLAN_OLD = 8472, /* Linux before the port was assigned */
	PORT_GENEVE = 6081,

	FRAGMENT_OFFSET_MASK = 0x1fff,
	FRAGMENT_MORE = 0x20,	 /* in the byte of flags, IANA's fragmentFlags */
	IPV4_FLAGS_MASK = 0xe0,
	MPLS_LABELS = 3,
	MPLS_EXPLICIT_NULL_IPV6 = 2,
};

struct frame {
	struct weir_cursor c;
	struct weir_block *block;
	uint32_t row;
	bool whole; /* c ends where an IP header says that its packet ends */
	bool later; /* a fragment that is not the first, without a transport header */
	struct weir_column_set set;
};

static inline void put8(struct frame *f, enum weir_column_id id, uint8_t v)
{
	weir_block_u8(f->block, id)[f->row] = v;
}

static inline void put16(struct frame *f, enum weir_column_id id, uint16_t v)
{
	weir_block_u16(f->block, id)[f->row] = v;
}

static inline void put32(struct frame *f, enum weir_column_id id, uint32_t v)
{
	weir_block_u32(f->block, id)[f->row] = v;
}

static inline void put_addr6(struct frame *f, enum weir_column_id id, const uint8_t *p)
{
	memcpy(weir_block_addr(f->block, id)[f->row].byte, p, 16);
}

static inline enum weir_dissect_result ended(const struct frame *f)
{
	return f->whole ? WEIR_DISSECT_MALFORMED : WEIR_DISSECT_TRUNCATED;
}

/* --- transport -------------------------------------------------------------------------------------------- */

static void put_vni(struct frame *f, uint32_t vni)
{
	weir_block_u64(f->block, WEIR_COL_VNI)[f->row] = vni;
	weir_column_set_add(&f->set, WEIR_COL_VNI);
}

static bool is_overlay(uint16_t port)
{
	return port == PORT_VXLAN || port == PORT_VXLAN_GPE || port == PORT_VXLAN_OLD || port == PORT_GENEVE;
}

/* VXLAN (RFC 7348 §5), its generic protocol extension and Geneve (RFC 8926 §3.4) have the identifier in the same place. A
 * cut sample is not worth a word: the flow is complete without it. */
static void dissect_overlay(struct frame *f, uint16_t port)
{
	const uint8_t *p;

	if (weir_cursor_left(&f->c) < 4 + 8)
		return;
	p = weir_cursor_take(&f->c, 4 + 8) + 4;
	if (port == PORT_GENEVE ? (p[0] >> 6) == 0 : p[0] & 0x08) /* version 0; the flag "identifier is valid" */
		put_vni(f, weir_be24(p + 4));
}

static enum weir_dissect_result dissect_ports(struct frame *f, uint8_t proto)
{
	const uint8_t *p = weir_cursor_take(&f->c, 4);
	uint16_t dst_port;

	if (!p)
		return ended(f);
	dst_port = weir_be16(p + 2);
	put16(f, WEIR_COL_SRC_PORT, weir_be16(p));
	put16(f, WEIR_COL_DST_PORT, dst_port);
	weir_column_set_add(&f->set, WEIR_COL_SRC_PORT);
	weir_column_set_add(&f->set, WEIR_COL_DST_PORT);
	if (proto == PROTO_UDP && is_overlay(dst_port))
		dissect_overlay(f, dst_port);
	if (proto != PROTO_TCP)
		return WEIR_DISSECT_COMPLETE;
	p = weir_cursor_take(&f->c, 10); /* up to the flags */
	if (!p)
		return ended(f);
	put16(f, WEIR_COL_TCP_FLAGS, weir_be16(p + 8) & 0x0fff);
	weir_column_set_add(&f->set, WEIR_COL_TCP_FLAGS);
	return (p[8] >> 4) < 5 ? WEIR_DISSECT_MALFORMED : WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result dissect_icmp(struct frame *f)
{
	const uint8_t *p = weir_cursor_take(&f->c, 2);

	if (!p)
		return ended(f);
	put8(f, WEIR_COL_ICMP_TYPE, p[0]);
	put8(f, WEIR_COL_ICMP_CODE, p[1]);
	weir_column_set_add(&f->set, WEIR_COL_ICMP_TYPE);
	weir_column_set_add(&f->set, WEIR_COL_ICMP_CODE);
	return WEIR_DISSECT_COMPLETE;
}

/* NVGRE (RFC 7637 §3.2): a key, no checksum, no sequence, Ethernet inside; the key's upper 24 bits are the segment. */
static enum weir_dissect_result dissect_gre(struct frame *f)
{
	const uint8_t *p = weir_cursor_take(&f->c, 4);

	if (!p)
		return ended(f);
	if (weir_be16(p) == 0x2000 && weir_be16(p + 2) == ETHERTYPE_BRIDGED && weir_cursor_left(&f->c) >= 4)
		put_vni(f, weir_be24(f->c.at));
	return WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result dissect_transport(struct frame *f, uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP:
	case PROTO_UDP:
	case PROTO_UDPLITE:
	case PROTO_SCTP:
	case PROTO_DCCP:
		return dissect_ports(f, proto);
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return dissect_icmp(f);
	case PROTO_GRE:
		return dissect_gre(f);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

/* --- network ---------------------------------------------------------------------------------------------- */

/* The packet ends `len` bytes from here, where the sample has so much. */
static inline void limit(struct frame *f, size_t len)
{
	if (len > weir_cursor_left(&f->c))
		return;
	f->c.end = f->c.at + len;
	f->whole = true;
}

static enum weir_dissect_result dissect_ipv4(struct frame *f)
{
	const uint8_t *p = weir_cursor_take(&f->c, 20);
	uint16_t fragment;
	uint16_t total;
	size_t header;

	if (!p)
		return ended(f);
	header = (size_t)(p[0] & 15) * 4;
	if (p[0] >> 4 != 4 || header < 20)
		return WEIR_DISSECT_MALFORMED;
	total = weir_be16(p + 2);
	fragment = weir_be16(p + 6);
	put8(f, WEIR_COL_IP_VERSION, 4);
	put8(f, WEIR_COL_IP_TOS, p[1]);
	put8(f, WEIR_COL_IP_TTL, p[8]);
	put8(f, WEIR_COL_PROTO, p[9]);
	put8(f, WEIR_COL_IP_FLAGS, p[6] & IPV4_FLAGS_MASK);
	put16(f, WEIR_COL_FRAGMENT_OFFSET, fragment & FRAGMENT_OFFSET_MASK);
	put32(f, WEIR_COL_FRAGMENT_ID, weir_be16(p + 4));
	weir_block_addr(f->block, WEIR_COL_SRC_ADDR)[f->row] = weir_addr_from_v4(p + 12);
	weir_block_addr(f->block, WEIR_COL_DST_ADDR)[f->row] = weir_addr_from_v4(p + 16);
	weir_column_set_add(&f->set, WEIR_COL_IP_VERSION);
	weir_column_set_add(&f->set, WEIR_COL_IP_TOS);
	weir_column_set_add(&f->set, WEIR_COL_IP_TTL);
	weir_column_set_add(&f->set, WEIR_COL_PROTO);
	weir_column_set_add(&f->set, WEIR_COL_IP_FLAGS);
	weir_column_set_add(&f->set, WEIR_COL_FRAGMENT_OFFSET);
	weir_column_set_add(&f->set, WEIR_COL_FRAGMENT_ID);
	weir_column_set_add(&f->set, WEIR_COL_SRC_ADDR);
	weir_column_set_add(&f->set, WEIR_COL_DST_ADDR);
	/* A length of 0 is what a host's own captures show where the network card cuts the packets (TSO). */
	if (total && total < header)
		return WEIR_DISSECT_MALFORMED;
	if (total)
		limit(f, total - 20U);
	if (header > 20 && !weir_cursor_skip(&f->c, header - 20))
		return ended(f);
	if (fragment & FRAGMENT_OFFSET_MASK)
		return WEIR_DISSECT_COMPLETE;
	return dissect_transport(f, p[9]);
}

static void dissect_fragment(struct frame *f, const uint8_t *p)
{
	uint16_t fragment = weir_be16(p + 2);

	put8(f, WEIR_COL_IP_FLAGS, fragment & 1 ? FRAGMENT_MORE : 0);
	put16(f, WEIR_COL_FRAGMENT_OFFSET, fragment >> 3);
	put32(f, WEIR_COL_FRAGMENT_ID, weir_be32(p + 4));
	weir_column_set_add(&f->set, WEIR_COL_IP_FLAGS);
	weir_column_set_add(&f->set, WEIR_COL_FRAGMENT_OFFSET);
	weir_column_set_add(&f->set, WEIR_COL_FRAGMENT_ID);
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

/* Walk the extension headers; *proto is the last header that could be told. */
static enum weir_dissect_result dissect_extensions(struct frame *f, uint8_t *proto)
{
	while (is_extension(*proto)) {
		const uint8_t *p = weir_cursor_take(&f->c, 8);
		uint8_t kind = *proto;
		size_t len = 8;

		if (!p)
			return ended(f);
		*proto = p[0];
		if (kind == PROTO_AH)
			len = ((size_t)p[1] + 2) * 4;
		else if (kind != PROTO_FRAGMENT)
			len = ((size_t)p[1] + 1) * 8;
		if (len > 8 && !weir_cursor_skip(&f->c, len - 8))
			return ended(f);
		if (kind != PROTO_FRAGMENT)
			continue;
		dissect_fragment(f, p);
		f->later = weir_be16(p + 2) >> 3;
		if (f->later)
			break;
	}
	return WEIR_DISSECT_COMPLETE;
}

static enum weir_dissect_result dissect_ipv6(struct frame *f)
{
	const uint8_t *p = weir_cursor_take(&f->c, 40);
	enum weir_dissect_result result = WEIR_DISSECT_COMPLETE;
	uint8_t proto;

	if (!p)
		return ended(f);
	if (p[0] >> 4 != 6)
		return WEIR_DISSECT_MALFORMED;
	put8(f, WEIR_COL_IP_VERSION, 6);
	put8(f, WEIR_COL_IP_TOS, (uint8_t)(weir_be16(p) >> 4));
	put8(f, WEIR_COL_IP_TTL, p[7]);
	put32(f, WEIR_COL_IPV6_FLOW_LABEL, weir_be32(p) & 0xfffff);
	put_addr6(f, WEIR_COL_SRC_ADDR, p + 8);
	put_addr6(f, WEIR_COL_DST_ADDR, p + 24);
	weir_column_set_add(&f->set, WEIR_COL_IP_VERSION);
	weir_column_set_add(&f->set, WEIR_COL_IP_TOS);
	weir_column_set_add(&f->set, WEIR_COL_IP_TTL);
	weir_column_set_add(&f->set, WEIR_COL_IPV6_FLOW_LABEL);
	weir_column_set_add(&f->set, WEIR_COL_SRC_ADDR);
	weir_column_set_add(&f->set, WEIR_COL_DST_ADDR);
	weir_column_set_add(&f->set, WEIR_COL_PROTO);
	if (weir_be16(p + 4)) /* 0: a jumbogram (RFC 2675), or as in IPv4 */
		limit(f, weir_be16(p + 4));
	proto = p[6];
	if (is_extension(proto))
		result = dissect_extensions(f, &proto);
	put8(f, WEIR_COL_PROTO, proto);
	if (result != WEIR_DISSECT_COMPLETE || f->later)
		return result;
	return dissect_transport(f, proto);
}

/* --- link ------------------------------------------------------------------------------------------------- */

/* RFC 3032 §2.1. What the labels carry is not said; the first four bits tell IP from the rest (RFC 4385 §2), which is left. */
static enum weir_dissect_result dissect_mpls(struct frame *f)
{
	static const enum weir_column_id columns[MPLS_LABELS] = {
		WEIR_COL_MPLS_LABEL_1, WEIR_COL_MPLS_LABEL_2, WEIR_COL_MPLS_LABEL_3};
	uint32_t entry;
	unsigned labels = 0;

	do {
		entry = weir_cursor_u32(&f->c);
		if (f->c.fault)
			return ended(f);
		if (labels == MPLS_LABELS)
			continue;
		put32(f, columns[labels], entry >> 12);
		weir_column_set_add(&f->set, columns[labels]);
		labels++;
	} while (!(entry & 0x100)); /* bottom of stack */
	if (!weir_cursor_left(&f->c))
		return ended(f);
	switch (*f->c.at >> 4) {
	case 4:
		return dissect_ipv4(f);
	case 6:
		return dissect_ipv6(f);
	default:
		return entry >> 12 == 0 || entry >> 12 == MPLS_EXPLICIT_NULL_IPV6 ? WEIR_DISSECT_MALFORMED
										  : WEIR_DISSECT_COMPLETE;
	}
}

/* The protocol field, two bytes or compressed to one (RFC 1661 §2: the last byte of a number is odd, the others even),
 * behind HDLC's address and control where they are (RFC 1662 §3.1). */
static enum weir_dissect_result dissect_ppp(struct frame *f)
{
	uint32_t type;

	if (weir_cursor_left(&f->c) >= 2 && weir_be16(f->c.at) == 0xff03)
		weir_cursor_skip(&f->c, 2);
	type = weir_cursor_u8(&f->c);
	if (!(type & 1))
		type = type << 8 | weir_cursor_u8(&f->c);
	if (f->c.fault)
		return ended(f);
	switch (type) {
	case PPP_IPV4:
		return dissect_ipv4(f);
	case PPP_IPV6:
		return dissect_ipv6(f);
	case PPP_MPLS:
		return dissect_mpls(f);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

/* Tags before the type: the outermost is the VLAN where the frame came in, the second the customer's. */
static bool dissect_vlans(struct frame *f, uint16_t *type)
{
	for (unsigned tags = 0; *type == ETHERTYPE_VLAN || *type == ETHERTYPE_QINQ || *type == ETHERTYPE_QINQ_OLD; tags++) {
		const uint8_t *p = weir_cursor_take(&f->c, 4);

		if (!p)
			return false;
		*type = weir_be16(p + 2);
		if (tags > 1)
			continue;
		if (tags == 0) {
			put16(f, WEIR_COL_SRC_VLAN, weir_be16(p) & 0xfff);
			weir_column_set_add(&f->set, WEIR_COL_SRC_VLAN);
		} else {
			put16(f, WEIR_COL_CUSTOMER_VLAN, weir_be16(p) & 0xfff);
			weir_column_set_add(&f->set, WEIR_COL_CUSTOMER_VLAN);
		}
	}
	return true;
}

/* 802.3 with a length, IEEE 802.2: SNAP with Ethernet's types (RFC 1042) has a type too; other frames have none.
 * Returns 0 for those. */
static uint16_t snap_type(struct frame *f, uint16_t length)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
	const uint8_t *p;

	if (length < 8 || weir_cursor_left(&f->c) < 8 || memcmp(f->c.at, snap, sizeof(snap)) != 0)
		return 0;
	p = weir_cursor_take(&f->c, 8);
	return weir_be16(p + 6);
}

static enum weir_dissect_result dissect_ethernet(struct frame *f)
{
	const uint8_t *p = weir_cursor_take(&f->c, 14);
	uint16_t type;

	if (!p)
		return ended(f);
	weir_block_u64(f->block, WEIR_COL_DST_MAC)[f->row] = (uint64_t)weir_be16(p) << 32 | weir_be32(p + 2);
	weir_block_u64(f->block, WEIR_COL_SRC_MAC)[f->row] = (uint64_t)weir_be16(p + 6) << 32 | weir_be32(p + 8);
	weir_column_set_add(&f->set, WEIR_COL_DST_MAC);
	weir_column_set_add(&f->set, WEIR_COL_SRC_MAC);
	type = weir_be16(p + 12);
	if (!dissect_vlans(f, &type))
		return ended(f);
	if (type < ETHERTYPE_MIN)
		type = snap_type(f, type);
	if (!type)
		return WEIR_DISSECT_COMPLETE;
	put16(f, WEIR_COL_ETHERTYPE, type);
	weir_column_set_add(&f->set, WEIR_COL_ETHERTYPE);
	switch (type) {
	case ETHERTYPE_IPV4:
		return dissect_ipv4(f);
	case ETHERTYPE_IPV6:
		return dissect_ipv6(f);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return dissect_mpls(f);
	case ETHERTYPE_PPPOE_SESSION: /* six bytes of header, RFC 2516 §4 */
		return weir_cursor_skip(&f->c, 6) ? dissect_ppp(f) : ended(f);
	default:
		return WEIR_DISSECT_COMPLETE;
	}
}

enum weir_dissect_result weir_dissect(struct weir_cursor frame, enum weir_link link, struct weir_block *block,
				      uint32_t row, struct weir_column_set *present)
{
	static enum weir_dissect_result (*const dissect[])(struct frame *f) = {
		[WEIR_LINK_ETHERNET] = dissect_ethernet,
		[WEIR_LINK_IPV4] = dissect_ipv4,
		[WEIR_LINK_IPV6] = dissect_ipv6,
		[WEIR_LINK_MPLS] = dissect_mpls,
		[WEIR_LINK_PPP] = dissect_ppp,
	};
	struct frame f = {.c = frame, .block = block, .row = row};
	enum weir_dissect_result result = dissect[link](&f);

	for (unsigned i = 0; i < WEIR_COLUMN_WORDS; i++)
		present->word[i] |= f.set.word[i];
	return result;
}
