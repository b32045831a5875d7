/* What the kinds of packet sources have in common. Private to receive. */
#ifndef WEIR_RECEIVE_PACKETS_KIND_H
#define WEIR_RECEIVE_PACKETS_KIND_H

#include <stdio.h>

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

/* The link layer of libpcap's link type; an error where it cannot be read. */
int weir_packets_link(const char *name, int dlt, enum weir_link *ret_link, struct weir_error *err) WEIR_MUST_CHECK;

/* A classic pcap file, from its first byte; the file is the source's from then on, unless this fails. */
int weir_packets_open_pcap(FILE *file, const char *name, const char *filter, struct weir_packets **ret_packets,
			   struct weir_error *err) WEIR_MUST_CHECK;

#endif
