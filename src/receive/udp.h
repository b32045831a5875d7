/* UDP reception: a receiver is one worker's sockets, one on every address listened on. The sockets of all workers
 * share the addresses (SO_REUSEPORT); which of them gets a datagram is decided by its source address alone, so that
 * all that one exporter sends, from whatever port, meets the same templates. Datagrams are read in batches with
 * recvmmsg; what the kernel dropped is read from SO_RXQ_OVFL.
 *
 * Open all receivers of a process with one weir_udp_open(), while it may bind; then each belongs to one thread. */
#ifndef WEIR_RECEIVE_UDP_H
#define WEIR_RECEIVE_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "receive/fairness.h"
#include "receive/allow.h"
#include "wire/decoder.h"

struct weir_udp;

struct weir_udp_options {
	const char *const *listen; /* "host:port", "[v6]:port", "*:port" or ":port" (both families), borrowed */
	unsigned listens;	   /* at most WEIR_UDP_LISTENS_MAX */
	int receive_buffer_bytes;  /* of each socket: SO_RCVBUFFORCE, else SO_RCVBUF */
	unsigned batch;		   /* datagrams a recvmmsg; 0: the default */
	const struct weir_allow *allow; /* whose datagrams are taken; borrowed until the close; NULL: everybody's */
	const char *option;		/* what the configuration calls listen, for errors; NULL: "collect.listen" */
	/* For takers that keep the datagrams of a batch together: called when all of it were given to take(), with its ctx.
	 * The bytes are where they were until then. NULL: not called. */
	void (*batch_end)(void *ctx);
};

#define WEIR_UDP_LISTENS_MAX 64
#define WEIR_UDP_TEXT_MAX    64

struct weir_udp_stats {
	uint64_t datagrams;
	uint64_t bytes;
	uint64_t kernel_drops; /* for want of room in the sockets' buffers */
	uint64_t refused;      /* from addresses that may not talk; not among the datagrams */
	uint64_t truncated;    /* longer than any datagram can be: never, and counted all the same */
};

/* Fills ret_udp[0 … workers-1], or none. An address that another program has is an error, even where that program
 * would share it. */
int weir_udp_open(const struct weir_udp_options *options, unsigned workers, struct weir_udp **ret_udp,
		  struct weir_error *err) WEIR_MUST_CHECK;
void weir_udp_close(struct weir_udp *udp);

/* Wait up to timeout_ms for datagrams and give each to take(). Returns how many, 0 at the timeout or on a signal, or
 * a negative errno value. The time of receipt is the kernel's (SO_TIMESTAMPNS) of the first datagram of each
 * batch: it may be some milliseconds early. */
int weir_udp_poll(struct weir_udp *udp, int timeout_ms,
		  void (*take)(void *ctx, const struct weir_datagram *datagram), void *ctx) WEIR_MUST_CHECK;

/* How full the fullest of the sockets' buffers is, from 0 to 1; and count what the kernel has dropped up to now, for a datagram
 * tells of the drops before it only. A system call for each socket. */
double weir_udp_look(struct weir_udp *udp);

/* Let the kernel drop a part of what these sources send, before it takes room in the buffers; n 0 ends that. */
int weir_udp_thin(struct weir_udp *udp, const struct weir_fairness_thinning *thinning, unsigned n) WEIR_MUST_CHECK;

/* The calling thread's alone. */
const struct weir_udp_stats *weir_udp_stats(const struct weir_udp *udp);

/* Which of so many receivers gets the datagrams of that source. */
unsigned weir_udp_worker_of(const struct weir_addr *source, unsigned workers);

/* What is bound, for the banner: "0.0.0.0:2055", "[::]:2055". NULL behind the last. */
const char *weir_udp_bound(const struct weir_udp *udp, unsigned index);
/* The buffer that the kernel granted, in bytes of payload and overhead; it may be less than was asked for. */
int weir_udp_receive_buffer(const struct weir_udp *udp);

#endif
