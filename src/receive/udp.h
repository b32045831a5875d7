/* UDP reception: one receiver a worker thread, each with a socket of its own on every address (SO_REUSEPORT lets
 * the kernel spread the exporters over them), read in batches with recvmmsg; what the kernel dropped is read from
 * SO_RXQ_OVFL. Bind with weir_udp_open() while privileged, then run. */
#ifndef WEIR_RECEIVE_UDP_H
#define WEIR_RECEIVE_UDP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/decoder.h"

struct weir_udp;

struct weir_udp_options {
	const char *const *listen; /* "host:port", "[v6]:port", "*:port" or ":port" (both families), borrowed */
	unsigned listens;
	int receive_buffer_bytes; /* asked for with SO_RCVBUFFORCE, else SO_RCVBUF */
	unsigned batch;		  /* datagrams a recvmmsg */
};

/* Both counters may be read from other threads with __atomic loads. */
struct weir_udp_stats {
	uint64_t datagrams;
	uint64_t bytes;
	uint64_t kernel_drops;
	uint64_t truncated; /* longer than a UDP datagram's buffer: cannot happen, counted all the same */
};

int weir_udp_open(const struct weir_udp_options *options, struct weir_udp **ret_udp, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_udp_close(struct weir_udp *udp);
/* Wait up to timeout_ms for datagrams and give each to take(). Returns how many, 0 at the timeout or on a
 * signal, or a negative errno value. The time of receipt is the kernel's (SO_TIMESTAMPNS). */
int weir_udp_poll(struct weir_udp *udp, int timeout_ms,
		  void (*take)(void *ctx, const struct weir_datagram *datagram), void *ctx) WEIR_MUST_CHECK;
const struct weir_udp_stats *weir_udp_stats(const struct weir_udp *udp);
/* What is bound, for the banner: "0.0.0.0:2055". NULL behind the last. */
const char *weir_udp_bound(const struct weir_udp *udp, unsigned index);

#endif
