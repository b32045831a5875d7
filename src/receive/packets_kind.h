/* What the kinds of packet sources have in common. Private to receive. */
#ifndef WEIR_RECEIVE_PACKETS_KIND_H
#define WEIR_RECEIVE_PACKETS_KIND_H

#include "receive/packets.h"

struct weir_packets_kind {
	int (*poll)(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx, struct weir_error *err);
	void (*count)(struct weir_packets *packets); /* bring stats up to date; or NULL */
	void (*close)(struct weir_packets *packets);
};

/* The first member of each kind's struct. */
struct weir_packets {
	const struct weir_packets_kind *kind;
	struct weir_packets_stats stats;
	bool ended;
};

#endif
