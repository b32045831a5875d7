/* The meter: frames in, blocks of flows out.
 *
 *   frame ──▶ sampling ──▶ headers (packet/packet.h) ──▶ ports of fragments ──▶ flow cache ──▶ rows of a block
 *
 * What is counted. packets: IP packets, each fragment one. bytes: the IP packet's length as its header says (of the inner packet
 * where tunnels are entered), or, with frame_bytes, the frame's on the wire as the source gives it. Frames without an IP header are
 * counted in not_ip and make no flow. A flow is told by both ends' addresses and ports, protocol, VLAN tags and overlay
 * segment, by type and code for ICMP, and, where asked for, by the type of service. The two directions of a conversation are one flow in
 * the cache, so that its timeouts and its end are those of both, and two rows, or with bidirectional one row with the reverse
 * columns.
 *
 * Pure: time is the frames' own. A meter belongs to one thread. Rows are not scaled by the sampling rate; they tell it. */
#ifndef WEIR_PROBE_METER_H
#define WEIR_PROBE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/block.h"
#include "packet/packet.h"
#include "probe/flow_cache.h"

struct weir_meter_options {
	uint32_t flows_max;
	int64_t active_us, inactive_us, ended_us;
	uint64_t seed; /* random */
	enum weir_tunnel tunnel;
	bool frame_bytes;
	bool tos;	    /* a part of the key */
	bool bidirectional; /* one row for both directions */
	uint32_t sampling;  /* one in so many packets; 0 and 1: all */
	bool random;	    /* each packet by chance, not every n-th */
	struct weir_addr exporter;
	uint32_t domain;
	/* Takes a block with rows; it is emptied afterwards. Negative: the meter passes it on and goes no further. */
	int (*take)(void *ctx, struct weir_block *block, int64_t now_us);
	void *ctx; /* borrowed */
};

struct weir_meter_stats {
	uint64_t frames;
	uint64_t unsampled; /* not looked at, by sampling */
	uint64_t not_ip;
	uint64_t malformed; /* a header contradicts itself; what came before it is counted */
	uint64_t packets;   /* counted to flows */
	uint64_t bytes;
	uint64_t fragments_lost; /* later fragments whose first was not seen: their ports are 0 */
	uint64_t rows;
	uint64_t ended[WEIR_FLOW_END_LACK + 1]; /* flows, by enum weir_flow_end */
};

struct weir_meter;

/* -EINVAL: a number out of bounds (flow_cache.h). */
int weir_meter_new(const struct weir_meter_options *options, struct weir_meter **ret_meter) WEIR_MUST_CHECK;
void weir_meter_free(struct weir_meter *meter);

/* 0, or what take() returned. The packet may wait for others in a batch, until the next call of any function below. */
int weir_meter_frame(struct weir_meter *meter, const struct weir_frame *frame) WEIR_MUST_CHECK;
/* The time is at least this, though no frame has come: end flows that are due. */
int weir_meter_advance(struct weir_meter *meter, int64_t now_us) WEIR_MUST_CHECK;
/* Hand out rows that have not filled a block yet. */
int weir_meter_deliver(struct weir_meter *meter) WEIR_MUST_CHECK;
/* End all flows and hand them out. */
int weir_meter_finish(struct weir_meter *meter) WEIR_MUST_CHECK;

const struct weir_meter_stats *weir_meter_stats(const struct weir_meter *meter);
uint32_t weir_meter_flows(const struct weir_meter *meter);

#endif
