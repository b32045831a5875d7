/* A sight: what one packet means to its flow, as the meter's batch keeps it. Made of a packet's headers (packet/packet.h), or,
 * for what nearly all traffic is, straight from the frame: Ethernet, IPv4 without options or IPv6 without extensions, TCP
 * or UDP, no fragment, no tunnel. Both ways give the same sight. Pure; any thread. */
#ifndef WEIR_PROBE_SIGHT_H
#define WEIR_PROBE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet.h"
#include "probe/flow_cache.h"

struct weir_sight {
	struct weir_flow_key key;
	int64_t time_us;
	uint64_t src_mac, dst_mac;
	uint32_t hash;
	uint32_t bytes;
	uint32_t label; /* top MPLS label + 1; 0: none */
	uint32_t interface;
	uint32_t tcp_seq, tcp_ack;
	uint32_t tcp_payload; /* bytes behind TCP's header */
	uint16_t tcp_window;
	uint16_t tcp_flags;
	uint8_t tos, ttl;
	uint8_t from;	   /* which end of the key is the source */
	bool is_tcp;
	bool has_sequence; /* TCP, whole: tcp_seq, tcp_ack and tcp_payload can be gone by */
	bool has_ports, has_macs, outgoing;
};

/* The ports of a packet, or ICMP's type and code in their place. */
struct weir_sight_ports {
	uint16_t src, dst;
	bool known;
};

struct weir_sight_options {
	bool frame_bytes; /* bytes are the frame's, not the IP packet's */
	bool tos;	  /* it is a part of the key */
};

/* All but the hash. */
void weir_sight_of(const struct weir_frame *frame, const struct weir_packet *p, const struct weir_sight_ports *ports,
		   const struct weir_sight_options *options, struct weir_sight *ret_sight);

/* The same from a frame of the common kind; false: it is another, and *ret_sight may hold anything. */
bool weir_sight_quick(const struct weir_frame *frame, const struct weir_sight_options *options, struct weir_sight *ret_sight);

#endif
