/* A packet's headers as a struct: what the probe meters by, and what dissect.h turns into columns. One walker for both.
 *
 * Reads Ethernet II and 802.3 with SNAP, 802.1Q and 802.1ad, PPPoE, PPP, MPLS, IPv4, IPv6 with its extension headers, TCP, UDP,
 * UDP-Lite, DCCP, SCTP, ICMP and ICMPv6; stops without harm where the frame ends. Of what a tunnel carries, WEIR_TUNNEL_OUTER
 * reads only the segment's number (VXLAN, Geneve, NVGRE), to vni. WEIR_TUNNEL_INNER goes on into GRE (with IP, Ethernet,
 * MPLS, PPP, ERSPAN or TrustSec's tag inside), VXLAN and its generic extension, NSH, Geneve, GTP-U, IP in IP, 6in4 and 4in6, MPLS in
 * IP, EtherIP and Ethernet behind IPv6 segments, several deep; where no IP header is found inside, the outer one stands. What is
 * inside takes the place of the same layer outside; other layers stay. An Ethernet pseudowire of MPLS has no IP header but the
 * one that it carries: it is entered always. No state, no allocation; any thread. */
#ifndef WEIR_PACKET_PACKET_H
#define WEIR_PACKET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "flow/addr.h"

enum weir_link {
	WEIR_LINK_ETHERNET,
	WEIR_LINK_IPV4,
	WEIR_LINK_IPV6,
	WEIR_LINK_MPLS,
	WEIR_LINK_PPP,
	WEIR_LINK_IP,	/* either version: the first four bits tell */
	WEIR_LINK_SLL,	/* Linux "cooked" capture, of any interface */
	WEIR_LINK_SLL2,
	WEIR_LINK_NULL, /* BSD loopback: four bytes of an address family, then IP */
	WEIR_LINKS
};

enum weir_dissect_result {
	WEIR_DISSECT_COMPLETE,	/* the transport header was read, or there is none to read */
	WEIR_DISSECT_TRUNCATED, /* the frame ended inside a header; what came before it is there */
	WEIR_DISSECT_MALFORMED, /* a header contradicts itself; what came before it is there */
};

enum weir_tunnel { WEIR_TUNNEL_OUTER, WEIR_TUNNEL_INNER };

/* Which members of struct weir_packet the frame had. */
enum weir_packet_part {
	WEIR_PACKET_MACS = 1 << 0,
	WEIR_PACKET_VLAN = 1 << 1,
	WEIR_PACKET_CUSTOMER_VLAN = 1 << 2,
	WEIR_PACKET_ETHERTYPE = 1 << 3,
	WEIR_PACKET_IPV4 = 1 << 4,
	WEIR_PACKET_IPV6 = 1 << 5,
	WEIR_PACKET_FRAGMENT = 1 << 6, /* IPv6: there is a fragment header; IPv4 has the fields always */
	WEIR_PACKET_PORTS = 1 << 7,
	WEIR_PACKET_TCP = 1 << 8,
	WEIR_PACKET_ICMP = 1 << 9,
	WEIR_PACKET_VNI = 1 << 10,
	WEIR_PACKET_LATER = 1 << 11, /* a fragment that is not the first: it has no transport header */
	WEIR_PACKET_TUNNEL = 1 << 12, /* an IP header stood around the one that is here */
	WEIR_PACKET_SEGMENTS = 1 << 13,
};

#define WEIR_PACKET_IP (WEIR_PACKET_IPV4 | WEIR_PACKET_IPV6)
#define WEIR_PACKET_LABELS 3

struct weir_packet {
	uint32_t has;	/* enum weir_packet_part, or-ed; members of parts that are not there are 0 */
	uint8_t labels; /* of label[] */
	uint8_t tunnels; /* that were entered */
	uint8_t ip_version;
	uint8_t proto;
	struct weir_addr src_addr, dst_addr;
	uint16_t src_port, dst_port;
	uint8_t icmp_type, icmp_code;
	uint16_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_header_bytes;
	uint16_t tcp_window; /* 0 where the frame ended before it */
	uint16_t ip_header_bytes; /* from the IP header to the transport header */
	uint32_t ip_offset;	  /* of the IP header in the frame */
	uint32_t ip_bytes;	  /* of the packet with its header, as it says; 0: it does not (TSO, jumbograms) */
	uint8_t tos, ttl, ip_flags;
	uint16_t fragment_offset;
	uint32_t fragment_id;
	uint32_t flow_label;
	uint16_t vlan, customer_vlan, ethertype;
	uint32_t label[WEIR_PACKET_LABELS];
	uint32_t vni;
	uint64_t src_mac, dst_mac;
	struct weir_addr tunnel_src, tunnel_dst; /* of the outermost IP header, where it is not the one that is here */
	const uint8_t *segment; /* IPv6 segments of 16 bytes (RFC 8754), the last of the way first; borrowed from the frame */
	uint16_t segments;
	uint8_t segments_left;
};

/* A frame as a source gives it; data is borrowed. */
struct weir_frame {
	const uint8_t *data;
	uint32_t captured; /* bytes at data */
	uint32_t length;   /* bytes that it had on the wire */
	int64_t time_us;   /* since 1970-01-01 UTC */
	enum weir_link link;
	uint32_t interface; /* index; 0: not known */
	bool outgoing;	    /* sent by this machine */
	bool tagged;	    /* the outermost VLAN tag was taken off by the network card and is here */
	uint16_t vlan;
};

enum weir_dissect_result weir_packet_parse(struct weir_cursor frame, enum weir_link link, enum weir_tunnel tunnel,
					   struct weir_packet *ret_packet);

#endif
