/* The quick way asks only what decides whether a frame is of the common kind, and reads each field once, from the frame to
 * the sight. The general way fills a struct of 250 bytes in between, and walks layer by layer: of 1000 instructions for a packet,
 * flows and export included, it took 330; this takes 100. */
#include "probe/sight.h"

#include <string.h>

enum {
	ETHERNET_BYTES = 14,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_PORTS_BYTES = 4,
	TCP_BYTES = 20,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	FRAGMENT_MASK = 0x3fff, /* more, and the offset */
	FRAGMENT_MORE = 0x20,
	TCP_OFFSET_MIN = 5,
};

/* --- what both ways share --------------------------------------------------------------------------------------- */

/* Which end of the key the source is: the higher of the two. */
static inline uint8_t place_of_source(const struct weir_addr *src, const struct weir_addr *dst,
				      const struct weir_sight_ports *ports)
{
	uint64_t a = weir_be64(src->byte), b = weir_be64(dst->byte);

	if (a == b) {
		a = weir_be64(src->byte + 8);
		b = weir_be64(dst->byte + 8);
	}
	return a == b ? ports->src > ports->dst : a > b;
}

static inline void put_frame(const struct weir_frame *frame, struct weir_sight *s)
{
	s->time_us = frame->time_us;
	s->interface = frame->interface;
	s->outgoing = frame->outgoing;
}

static inline void put_ports(const struct weir_sight_ports *ports, struct weir_sight *s)
{
	s->key.port[s->from] = ports->src;
	s->key.port[!s->from] = ports->dst;
	s->has_ports = ports->known;
}

/* --- the general way -------------------------------------------------------------------------------------------- */

/* Without a length of its own a packet goes on to the frame's end. */
static uint32_t ip_bytes_of(const struct weir_frame *frame, const struct weir_packet *p)
{
	if (p->ip_bytes)
		return p->ip_bytes;
	return frame->length > p->ip_offset ? frame->length - p->ip_offset : 0;
}

static void put_tcp(const struct weir_packet *p, uint32_t ip_bytes, struct weir_sight *s)
{
	uint32_t headers = (uint32_t)p->ip_header_bytes + p->tcp_header_bytes;

	s->is_tcp = p->has & WEIR_PACKET_TCP;
	s->has_sequence = s->is_tcp && p->tcp_header_bytes >= TCP_BYTES && !(p->ip_flags & FRAGMENT_MORE) && ip_bytes >= headers;
	s->tcp_flags = p->tcp_flags;
	s->tcp_seq = p->tcp_seq;
	s->tcp_ack = p->tcp_ack;
	s->tcp_window = p->tcp_window;
	s->tcp_payload = s->has_sequence ? ip_bytes - headers : 0;
}

void weir_sight_of(const struct weir_frame *frame, const struct weir_packet *p, const struct weir_sight_ports *ports,
		   const struct weir_sight_options *options, struct weir_sight *ret_sight)
{
	struct weir_sight *s = ret_sight;
	struct weir_flow_key *key = &s->key;
	uint32_t ip_bytes = ip_bytes_of(frame, p);

	put_frame(frame, s);
	s->from = place_of_source(&p->src_addr, &p->dst_addr, ports);
	put_ports(ports, s);
	key->addr[s->from] = p->src_addr;
	key->addr[!s->from] = p->dst_addr;
	key->vlan = p->vlan;
	key->customer_vlan = p->customer_vlan;
	key->vni = p->vni;
	key->proto = p->proto;
	key->tos = options->tos ? p->tos : 0;
	key->state = 0;
	s->bytes = options->frame_bytes ? frame->length : ip_bytes;
	s->label = p->labels ? p->label[0] + 1 : 0;
	s->src_mac = p->src_mac;
	s->dst_mac = p->dst_mac;
	s->has_macs = p->has & WEIR_PACKET_MACS;
	s->tos = p->tos;
	s->ttl = p->ttl;
	put_tcp(p, ip_bytes, s);
}

/* --- the quick way ---------------------------------------------------------------------------------------------- */

/* Destination ports of tunnels (packet.c); what they carry makes a difference. */
static inline bool is_tunnel(uint16_t port)
{
	return port == 2152 || port == 4789 || port == 4790 || port == 6081 || port == 8472;
}

/* The transport header at `at`, with `left` bytes captured and `payload` bytes as IP's header says. */
static inline bool quick_transport(const uint8_t *at, size_t left, uint32_t payload, uint8_t proto,
				   struct weir_sight_ports *ret_ports, struct weir_sight *s)
{
	size_t needed = proto == PROTO_TCP ? TCP_BYTES : UDP_PORTS_BYTES;

	if ((proto != PROTO_TCP && proto != PROTO_UDP) || left < needed || payload < needed)
		return false;
	*ret_ports = (struct weir_sight_ports){.src = weir_be16(at), .dst = weir_be16(at + 2), .known = true};
	s->is_tcp = s->has_sequence = proto == PROTO_TCP;
	if (proto == PROTO_TCP) {
		uint32_t header = (uint32_t)(at[12] >> 4) * 4;

		s->tcp_seq = weir_be32(at + 4);
		s->tcp_ack = weir_be32(at + 8);
		s->tcp_flags = weir_be16(at + 12) & 0x0fff;
		s->tcp_window = weir_be16(at + 14);
		s->tcp_payload = payload - header;
		return header >= TCP_BYTES && payload >= header;
	}
	s->tcp_seq = s->tcp_ack = s->tcp_payload = 0;
	s->tcp_flags = s->tcp_window = 0;
	return !is_tunnel(ret_ports->dst);
}

static inline bool quick_ipv4(const struct weir_frame *frame, struct weir_sight *s, uint32_t *ret_bytes)
{
	const uint8_t *p = frame->data + ETHERNET_BYTES;
	uint32_t src, dst, total = weir_be16(p + 2);
	struct weir_sight_ports ports;

	if (p[0] != 0x45 || weir_be16(p + 6) & FRAGMENT_MASK || total < IPV4_BYTES ||
	    !quick_transport(p + IPV4_BYTES, frame->captured - ETHERNET_BYTES - IPV4_BYTES, total - IPV4_BYTES, p[9], &ports, s))
		return false;
	src = weir_be32(p + 12);
	dst = weir_be32(p + 16);
	s->from = src == dst ? ports.src > ports.dst : src > dst;
	s->key.addr[s->from] = weir_addr_from_v4(p + 12);
	s->key.addr[!s->from] = weir_addr_from_v4(p + 16);
	put_ports(&ports, s);
	s->key.proto = p[9];
	s->tos = p[1];
	s->ttl = p[8];
	*ret_bytes = total;
	return true;
}

static inline bool quick_ipv6(const struct weir_frame *frame, struct weir_sight *s, uint32_t *ret_bytes)
{
	const uint8_t *p = frame->data + ETHERNET_BYTES;
	uint32_t payload = weir_be16(p + 4);
	struct weir_sight_ports ports;
	struct weir_addr src, dst;

	if (p[0] >> 4 != 6 || frame->captured < ETHERNET_BYTES + IPV6_BYTES ||
	    !quick_transport(p + IPV6_BYTES, frame->captured - ETHERNET_BYTES - IPV6_BYTES, payload, p[6], &ports, s))
		return false;
	memcpy(&src, p + 8, sizeof(src));
	memcpy(&dst, p + 24, sizeof(dst));
	s->from = place_of_source(&src, &dst, &ports);
	s->key.addr[s->from] = src;
	s->key.addr[!s->from] = dst;
	put_ports(&ports, s);
	s->key.proto = p[6];
	s->tos = (uint8_t)(weir_be16(p) >> 4);
	s->ttl = p[7];
	*ret_bytes = payload + IPV6_BYTES;
	return true;
}

bool weir_sight_quick(const struct weir_frame *frame, const struct weir_sight_options *options, struct weir_sight *ret_sight)
{
	struct weir_sight *s = ret_sight;
	const uint8_t *p = frame->data;
	uint32_t bytes;

	if (frame->link != WEIR_LINK_ETHERNET || frame->captured < ETHERNET_BYTES + IPV4_BYTES)
		return false;
	switch (weir_be16(p + 12)) {
	case ETHERTYPE_IPV4:
		if (!quick_ipv4(frame, s, &bytes))
			return false;
		break;
	case ETHERTYPE_IPV6:
		if (!quick_ipv6(frame, s, &bytes))
			return false;
		break;
	default:
		return false;
	}
	put_frame(frame, s);
	s->key.vlan = frame->tagged ? frame->vlan : 0;
	s->key.customer_vlan = 0;
	s->key.vni = 0;
	s->key.tos = options->tos ? s->tos : 0;
	s->key.state = 0;
	s->bytes = options->frame_bytes ? frame->length : bytes;
	s->label = 0;
	s->dst_mac = (uint64_t)weir_be16(p) << 32 | weir_be32(p + 2);
	s->src_mac = (uint64_t)weir_be16(p + 6) << 32 | weir_be32(p + 8);
	s->has_macs = true;
	return true;
}
