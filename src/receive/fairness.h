/* Which datagrams a worker takes in when it cannot take them all: who floods it does not starve the others.
 *
 * One per worker, over the source addresses of UDP; the worker's thread alone. It knows nothing of sockets: the worker
 * asks weir_fairness_admit() of each datagram, and closes a window of a tenth of a second with weir_fairness_close(). What
 * a peer can grow has a ceiling, given at init. */
#ifndef WEIR_RECEIVE_FAIRNESS_H
#define WEIR_RECEIVE_FAIRNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"

#define WEIR_FAIRNESS_WINDOW_MS 100

struct weir_fairness_options {
	uint32_t sources_max; /* with an account of their own; those that come later share one */
	uint32_t rate_max;    /* datagrams a second of one source, with a second's worth as a burst; 0: no limit */
	uint64_t seed;	      /* random */
};

struct weir_fairness_stats {
	uint64_t over_share; /* datagrams refused because the worker could not keep up, by the kernel's filter too */
	uint64_t over_rate;  /* and because of rate_max */
	uint64_t thinned;    /* those of over_share that the kernel's filter dropped; it counts them as its own drops */
	uint64_t limited;    /* sources of which something was refused in the last window */
};

/* A source of which the kernel is to let through a part only, at random. */
struct weir_fairness_thinning {
	struct weir_addr source;
	uint32_t keep; /* in 65536 */
};

#define WEIR_FAIRNESS_THINNED_MAX 8

/* The source of which the most was refused since this was last asked. */
struct weir_fairness_worst {
	struct weir_addr source; /* all zeros: those without an account of their own, together */
	uint64_t refused;	 /* 0: nothing was */
	bool by_rate;
};

struct weir_fairness;

int weir_fairness_new(const struct weir_fairness_options *options, struct weir_fairness **ret_fairness) WEIR_MUST_CHECK;
void weir_fairness_free(struct weir_fairness *fairness);

/* Whether the datagram is to be decoded; otherwise it was counted as refused. */
bool weir_fairness_admit(struct weir_fairness *fairness, const struct weir_addr *source);

/* A window is over, or several. */
bool weir_fairness_due(const struct weir_fairness *fairness, int64_t now_ns);
/* kernel_drops: of the worker's sockets since they were opened; filled: how much of their buffers, from 0 to 1. */
void weir_fairness_close(struct weir_fairness *fairness, int64_t now_ns, uint64_t kernel_drops, double filled);

/* Whom the kernel is to thin out in the window that begins; how many. */
unsigned weir_fairness_thinned(const struct weir_fairness *fairness, const struct weir_fairness_thinning **ret_thinning);

const struct weir_fairness_stats *weir_fairness_stats(const struct weir_fairness *fairness);
struct weir_fairness_worst weir_fairness_take_worst(struct weir_fairness *fairness);

#endif
