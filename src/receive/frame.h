/* The UDP datagram in a captured frame: link layer (with VLAN tags), IPv4 or IPv6 with its extension headers, UDP.
 * Pure; nothing is copied. No checksums are looked at: captures on the sending machine have none. */
#ifndef WEIR_RECEIVE_FRAME_H
#define WEIR_RECEIVE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/addr.h"

enum weir_frame_kind {
	WEIR_FRAME_UDP,
	WEIR_FRAME_FRAGMENT, /* part of a UDP datagram */
	WEIR_FRAME_OTHER,
};

struct weir_frame_udp {
	struct weir_addr src;
	uint16_t src_port;
	const uint8_t *data; /* in the frame */
	size_t len;
	bool cut; /* the frame ends before the datagram does */
};

/* Whether frames of libpcap's link type (DLT_…) can be read. */
bool weir_frame_link_known(int link);

/* *ret_udp is set for WEIR_FRAME_UDP only. */
enum weir_frame_kind weir_frame_udp(int link, const uint8_t *data, size_t len, struct weir_frame_udp *ret_udp);

#endif
