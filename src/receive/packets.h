/* Where the probe's frames come from: capture files (pcap and pcapng, also from standard input) and network interfaces, behind
 * one interface. A source belongs to one thread; several may share an interface's traffic (fanout_group), each with its
 * part, both directions of a conversation in the same. */
#ifndef WEIR_RECEIVE_PACKETS_H
#define WEIR_RECEIVE_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet.h"

/* So long an interface's frames may be held back at most before poll() gives them. */
#define WEIR_PACKETS_HELD_MS 200

struct weir_packets;

struct weir_packets_stats {
	uint64_t frames;
	uint64_t bytes;		/* on the wire */
	uint64_t kernel_drops;	/* frames that the kernel had no room for in the ring */
};

/* Takes a frame, which is borrowed for the call. Negative: poll() ends with that. */
typedef int weir_packets_take(void *ctx, const struct weir_frame *frame);

/* path "-" is standard input; filter: a libpcap expression, or NULL. */
int weir_packets_open_file(const char *path, const char *filter, struct weir_packets **ret_packets,
			   struct weir_error *err) WEIR_MUST_CHECK;

struct weir_packets_interface {
	const char *name;	/* "eth0"; "any" is all of them */
	const char *filter;	/* or NULL */
	uint32_t snap_bytes;	/* of a frame, no more is copied; 0: 256 */
	uint64_t ring_bytes;	/* 0: 32 MiB */
	int fanout_group;	/* -1: none; the number is shared by the sources of one interface, and by no other process's */
	bool promiscuous;
};

/* Needs CAP_NET_RAW, here and no longer. */
int weir_packets_open_interface(const struct weir_packets_interface *options, struct weir_packets **ret_packets,
				struct weir_error *err) WEIR_MUST_CHECK;

/* Wait for frames, at most that long, and give a batch of them to take(). Returns how many; 0: none came, or no more will
 * come (weir_packets_ended); negative: err, or what take() returned. */
int weir_packets_poll(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx,
		      struct weir_error *err) WEIR_MUST_CHECK;
bool weir_packets_ended(const struct weir_packets *packets);
/* Asks the kernel for its drops. */
const struct weir_packets_stats *weir_packets_stats(struct weir_packets *packets);
void weir_packets_close(struct weir_packets *packets);

#endif
