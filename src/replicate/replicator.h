/* The replicator: worker threads that receive datagrams and send copies of them to the outputs of a
 * plan.
 *
 *   sockets ── datagrams ──▶ exporter's targets ──▶ lanes of the outputs ──▶ one sendmmsg a batch
 * and output ▲ plan (reload) · health (checker) · filters · rendezvous hashing
 *
 * The receivers spread exporters over the workers by address, so an exporter's datagrams keep their
 * order. A datagram is copied byte for byte; in between go only messages that tell a collector
 * which joins what it missed (recall.h).
 *
 * weir_replicator_new() opens all sockets, raw ones where an output keeps the source; after it
 * privileges can go. Nothing here logs. All functions belong to one thread. */
#ifndef WEIR_REPLICATE_REPLICATOR_H
#define WEIR_REPLICATE_REPLICATOR_H

#include "receive/udp.h"
#include "replicate/checker.h"
#include "replicate/recall.h"

#define WEIR_REPLICATOR_WORKERS_MAX 64

struct weir_replicator_options {
	unsigned workers;
	uint32_t exporters_max;           /* address and protocol, of each worker */
	unsigned senders_max;             /* sockets that send as an exporter (senders.h), of all workers together */
	struct weir_recall_limits limits; /* of each worker; bytes_max of all together */
	struct weir_checker_options checker;
	uint64_t seed; /* random, of the hash tables */
};

/* Sums over the workers. uint64_t all. */
struct weir_replicator_stats {
	struct weir_udp_stats udp;
	uint64_t exporters;
	uint64_t unknown; /* datagrams of exporters that there was no room for: copied, but nothing
			     was kept for others */
	uint64_t recall_bytes;
	uint64_t recall_items;
	uint64_t recall_refused;
	uint64_t senders_left;
};

struct weir_replicator;

/* specs are moved, also on failure. */
int weir_replicator_new(const struct weir_replicator_options *options, struct weir_replicate_spec *specs,
			unsigned count, struct weir_replicator **ret_replicator,
			struct weir_error *err) WEIR_MUST_CHECK;
/* Stops first where that was not done. */
void weir_replicator_free(struct weir_replicator *replicator);

/* How the receivers are to be opened: their batch_end. */
void weir_replicator_batch_end(void *worker);

/* udp: one a worker, the caller's until the stop. */
int weir_replicator_start(struct weir_replicator *replicator, struct weir_udp *const *udp,
			  struct weir_error *err) WEIR_MUST_CHECK;
/* Copy what the sockets' buffers hold, and end the threads. */
void weir_replicator_stop(struct weir_replicator *replicator);

/* Other outputs from now on; those whose spec is the same are kept. On failure all is as it was.
 * specs are moved. */
int weir_replicator_reload(struct weir_replicator *replicator, struct weir_replicate_spec *specs, unsigned count,
			   struct weir_error *err) WEIR_MUST_CHECK;

/* As of a moment ago. */
void weir_replicator_stats(struct weir_replicator *replicator, struct weir_replicator_stats *ret_stats);
/* What is in force; the caller's thread alone changes it. */
const struct weir_replicate_plan *weir_replicator_plan(const struct weir_replicator *replicator);

/* A worker ended on its own: its error. Such a replicator is to be stopped. */
bool weir_replicator_failed(struct weir_replicator *replicator, struct weir_error *ret_err);

#endif
