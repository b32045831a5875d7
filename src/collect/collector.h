/* The collector: worker threads that each receive, decode and append to a lane of the spool.
 *
 *   UDP sockets ─── datagrams ──▶ decoder ── block ──▶ enrichment ──▶ policy ──▶ spool writer (lane "w0", "w1" …)
 *   TCP, TLS sessions ── messages ──▶ decoder ── block ──▶ enrichment ──▶ policy ──▶ spool writer (lane "s0")
 *
 * A worker shares nothing with the others, so that no session makes a datagram wait. A full block goes to the spool at once, a partial one when the segment is
 * synced, which happens every sync_ms: what came since is what a crash can lose. The collector never waits for a
 * sink or a store.
 *
 * The receivers are the caller's to open, for he drops his privileges before the spool is touched. Nothing here
 * logs: failures of the spool reach the caller by weir_collector_error(). All functions belong to one thread. */
#ifndef WEIR_COLLECT_COLLECTOR_H
#define WEIR_COLLECT_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "receive/fairness.h"
#include "receive/sessions.h"
#include "collect/report.h"
#include "enrich/enrich.h"
#include "policy/guard.h"
#include "receive/udp.h"
#include "spool/spool.h"
#include "wire/decoder.h"

#define WEIR_COLLECTOR_WORKERS_MAX 64

struct weir_collector_options {
	struct weir_udp *const *udp;	/* one a worker; they stay the caller's until weir_collector_free() */
	unsigned workers;
	struct weir_sessions *sessions; /* TCP and TLS, or NULL; the caller's like udp */
	struct weir_decoder_limits limits; /* of each worker; template_bytes_max and waiting_bytes_max of all together */
	const char *spool_dir;		/* borrowed for the call */
	uint64_t spool_size_max_bytes;	/* of all lanes */
	uint64_t spool_segment_bytes;
	unsigned sync_ms;
	uint32_t exporter_rate_max;	/* datagrams a second of one source address; 0: no limit */
	uint64_t seed;			/* random, of the hash tables */
	const struct weir_buffer *state; /* what exporters told before (collect/state.h); borrowed for the call, or NULL */
	bool state_ignored;		/* there was one, and it could not be read: counted */
	struct weir_enrich *enrich;	/* borrowed; NULL: flows stay as they came */
	struct weir_guard *guard;	/* borrowed; NULL: no flow is judged. Needs enrich */
	const struct weir_clock *clock; /* borrowed */
};

/* Sums over the workers. */
struct weir_collector_stats {
	struct weir_udp_stats udp;
	struct weir_fairness_stats fairness;
	struct weir_sessions_stats sessions;
	struct weir_decoder_stats decoder;
	struct weir_spool_stats spool;	      /* of the flows' lanes */
	struct weir_spool_stats record_spool; /* of those of options and counters */
	uint64_t lost_records;		      /* that no lane could be opened for */
	uint64_t state_exporters;	      /* known from the state before they were heard */
	uint64_t state_ignored;		      /* states that could not be read */
};

struct weir_collector;

int weir_collector_new(const struct weir_collector_options *options, struct weir_collector **ret_collector,
		       struct weir_error *err) WEIR_MUST_CHECK;
/* Stops first where that was not done. */
void weir_collector_free(struct weir_collector *collector);

int weir_collector_start(struct weir_collector *collector, struct weir_error *err) WEIR_MUST_CHECK;
/* Take in what the sockets' buffers hold, sync, and end the threads. */
void weir_collector_stop(struct weir_collector *collector);

/* As of a moment ago: the workers publish at least every 100 ms. */
void weir_collector_stats(struct weir_collector *collector, struct weir_collector_stats *ret_stats);

/* What exporters told, for the option `state` of the next process. 1: there is something new, in out; 0: nothing has
 * changed since the last call, and what is there needs no refreshing. */
int weir_collector_state(struct weir_collector *collector, struct weir_buffer *out) WEIR_MUST_CHECK;

/* What is known of each exporter, as of a few seconds ago (the others are one). */
int weir_collector_reports(struct weir_collector *collector, struct weir_reports *ret_reports) WEIR_MUST_CHECK;

/* The spool's last error since the last call, or the last thing to be told of a session: true, and *ret_err is filled. */
bool weir_collector_error(struct weir_collector *collector, struct weir_error *ret_err);
/* The source of which the most datagrams were refused since the last call (receive/fairness.h); refused 0: there was none. */
struct weir_fairness_worst weir_collector_worst(struct weir_collector *collector);

/* A worker ended on its own: its error. Such a collector is to be stopped. */
bool weir_collector_failed(struct weir_collector *collector, struct weir_error *ret_err);

#endif
