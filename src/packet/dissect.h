/* Frame dissection: a sampled or captured frame in, the columns of a flow out. For sFlow's raw headers now, for
 * the probe later. Reads Ethernet II and 802.3 with SNAP, 802.1Q and 802.1ad, PPPoE, MPLS, IPv4, IPv6 with its extension
 * headers, TCP, UDP, UDP-Lite, DCCP, SCTP, ICMP and ICMPv6; stops without harm where the sample ends. Addresses are
 * those of the outermost IP header; of what a tunnel carries only the segment's number is read (VXLAN, Geneve,
 * NVGRE), to vni. No state; any thread. */
#ifndef WEIR_PACKET_DISSECT_H
#define WEIR_PACKET_DISSECT_H

#include <stdint.h>

#include "base/cursor.h"
#include "flow/block.h"

enum weir_link { WEIR_LINK_ETHERNET, WEIR_LINK_IPV4, WEIR_LINK_IPV6, WEIR_LINK_MPLS, WEIR_LINK_PPP };

enum weir_dissect_result {
	WEIR_DISSECT_COMPLETE,	/* the transport header was read, or there is none to read */
	WEIR_DISSECT_TRUNCATED, /* the sample ended inside a header; what came before it is written */
	WEIR_DISSECT_MALFORMED, /* a header contradicts itself; what came before it is written */
};

/* Write what the frame says to row `row` of block, and add the columns written to *present. bytes and packets
 * are not written. */
enum weir_dissect_result weir_dissect(struct weir_cursor frame, enum weir_link link, struct weir_block *block,
				      uint32_t row, struct weir_column_set *present);

#endif
