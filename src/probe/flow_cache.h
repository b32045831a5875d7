/* The flow cache: finds the flow of a packet among a million others, and ends each when its time has come.
 *
 * Pure: no clock, no I/O. Memory is bounded by flows_max and given at the beginning (the system hands it out as it is
 * touched); nothing is allocated later. A flow has both directions of a conversation, by a key whose two ends stand in order.
 * A cache belongs to one thread.
 *
 * When a flow ends, and the reason (IANA flowEndReason) that ended() is told:
 *   idle    no packet for inactive_us
 *   active  it lasts active_us; its next packet begins a new one
 *   end     weir_flow_cache_end() was called (TCP's FIN both ways, or RST) and ended_us are over, in which the last
 *           acknowledgements still count to it
 *   forced  weir_flow_cache_flush(), or the clock went back by more than inactive_us
 *   lack    the cache was full. Then the flow goes whose time would have come first: mostly that which was idle for
 *           longest. So a flood of new flows pushes out its own, and conversations that go on stay.
 *
 * Timeouts of a flow with packets are exact: it is looked at before a packet is counted to it. Those of silent flows come with
 * the clock's next step (weir_flow_cache_advance), to a thousandth of inactive_us. */
#ifndef WEIR_PROBE_FLOW_CACHE_H
#define WEIR_PROBE_FLOW_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"

enum weir_flow_end {
	WEIR_FLOW_END_IDLE = 1,
	WEIR_FLOW_END_ACTIVE = 2,
	WEIR_FLOW_END_SEEN = 3,
	WEIR_FLOW_END_FORCED = 4,
	WEIR_FLOW_END_LACK = 5,
};

/* Hashed and compared as bytes: no padding, and all of it is set. */
struct weir_flow_key {
	struct weir_addr addr[2]; /* the lower end first */
	uint16_t port[2];
	uint16_t vlan, customer_vlan;
	uint32_t vni;
	uint8_t proto;
	uint8_t tos;	/* 0 unless flows are told apart by it */
	uint16_t state; /* 0 in a key that is looked for; of a flow, enum weir_flow_state: beside what each packet reads anyway */
};

_Static_assert(sizeof(struct weir_flow_key) == 48, "the key must have no padding");

enum weir_flow_state {
	WEIR_FLOW_ENDED = 1,   /* the cache's own: weir_flow_cache_end() */
	WEIR_FLOW_SYN = 2,     /* TCP: a handshake has begun */
	WEIR_FLOW_SYN_ACK = 4, /* and was answered */
};

#define WEIR_FLOW_LINE 64 /* bytes of the processor's cache lines */

/* What went from addr[i] to the other end is half[i]: a cache line, which a packet of that direction needs. */
struct weir_flow_half {
	uint64_t packets;
	uint64_t bytes;
	int64_t first_us, last_us;
	/* TCP (probe/tcp.h); times are the low 32 bits. */
	uint32_t next_seq; /* behind the highest byte that was seen */
	uint32_t next_us;
	uint32_t acked; /* the highest acknowledgement */
	uint32_t acked_us;
	uint32_t retransmitted, out_of_order;
	uint16_t tcp_flags;
	uint16_t window;
	uint8_t tos; /* of the first packet */
	uint8_t ttl; /* the lowest */
	uint8_t repeated_acks;
	uint8_t seen;
};

/* Four cache lines: what every packet needs, a direction, the other, and what is written once. */
struct weir_flow {
	struct weir_flow_key key;
	int64_t first_us, last_us;
	struct weir_flow_half half[2];
	uint64_t mac[2]; /* of the first packet: addr[i]'s side */
	uint32_t label;	 /* top MPLS label + 1; 0: none */
	uint32_t interface;
	uint32_t syn_us, syn_ack_us;
	uint32_t server_rtt_us; /* from SYN to SYN-ACK; 0: not seen */
	uint32_t client_rtt_us; /* from SYN-ACK to the packet that acknowledges it; 0: not seen */
	uint8_t initiator; /* which half came first */
	uint8_t client;	   /* which half sent the SYN */
	bool outgoing[2];  /* each half's first packet left the machine */
	bool has_ports;
	bool has_macs;
} __attribute__((aligned(WEIR_FLOW_LINE)));

_Static_assert(sizeof(struct weir_flow_half) == WEIR_FLOW_LINE, "a direction is a line");
_Static_assert(sizeof(struct weir_flow) == 4 * WEIR_FLOW_LINE, "a flow is four lines");

struct weir_flow_cache_options {
	uint32_t flows_max; /* from 1 to 2^28 */
	int64_t active_us;
	int64_t inactive_us;
	int64_t ended_us; /* at most inactive_us */
	uint64_t seed;	  /* random */
	void (*ended)(void *ctx, const struct weir_flow *flow, enum weir_flow_end reason);
	void *ctx; /* borrowed */
};

struct weir_flow_cache;

/* -EINVAL: a number out of bounds. */
int weir_flow_cache_new(const struct weir_flow_cache_options *options, struct weir_flow_cache **ret_cache) WEIR_MUST_CHECK;
/* Flows that are still in it are not told. */
void weir_flow_cache_free(struct weir_flow_cache *cache);

/* The flow with that key, which may be a new one (first_us and last_us are now, all else is 0). Never NULL: a full cache ends
 * another flow. The pointer holds until the next call. restart: a flow that was marked as ended gives way to a new one. */
struct weir_flow *weir_flow_cache_find(struct weir_flow_cache *cache, const struct weir_flow_key *key, uint32_t hash,
				       int64_t now_us, bool restart, bool *ret_new);
/* The key's hash for find(). With it, what find() will touch can be brought near: first the one, some packets later the
 * other, some packets later find(). */
uint32_t weir_flow_cache_hash(const struct weir_flow_cache *cache, const struct weir_flow_key *key);
void weir_flow_cache_near_slot(const struct weir_flow_cache *cache, uint32_t hash);
void weir_flow_cache_near_flow(const struct weir_flow_cache *cache, uint32_t hash, unsigned half);
/* Its end was seen: it goes when ended_us are over. */
void weir_flow_cache_end(struct weir_flow_cache *cache, struct weir_flow *flow);
/* End whatever is due. Called before find() with the packet's time, or with the clock's where no packet comes. */
void weir_flow_cache_advance(struct weir_flow_cache *cache, int64_t now_us);
/* End all flows, for that reason. */
void weir_flow_cache_flush(struct weir_flow_cache *cache, enum weir_flow_end reason);

/* How many flows there are. */
uint32_t weir_flow_cache_count(const struct weir_flow_cache *cache);

#endif
