/* A run of the probe: its workers, and where each one's flows go (collectors, standard output, the spool). Each worker has its
 * own outlets, so that none waits for another but for standard output.
 *
 * The packet sources are the session's from weir_probe_session_new() on, also when that fails. */
#ifndef WEIR_CLI_PROBE_SESSION_H
#define WEIR_CLI_PROBE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "enrich/enrich.h"
#include "export/encoder.h"
#include "probe/target.h"
#include "probe/worker.h"
#include "spool/spool.h"

#define WEIR_PROBE_WORKERS_MAX 32
#define WEIR_PROBE_TARGETS_MAX 8

struct weir_probe_session_options {
	struct weir_packets *packets[WEIR_PROBE_WORKERS_MAX];
	unsigned workers;
	bool live;
	bool paced;
	struct weir_meter_options meter;
	const char *to;			     /* collectors, parted by commas; NULL: none */
	struct weir_uplink_tls tls;	     /* of those that are "tls:…"; its strings must outlive the session */
	struct weir_encoder_options encoder; /* its domain is the first worker's, the others count up */
	const char *format;		     /* of standard output: table, ndjson, csv; NULL: nothing is printed */
	const struct weir_spool_options *spool; /* its lane is ignored: workers have p0, p1 …; NULL: none */
	int64_t counters_ms; /* sFlow, live: the interfaces' counters are sent after so long; 0: never */
	int64_t sync_ms;		     /* of the spool */
	struct weir_enrich *enrich;	     /* of what is printed or stored; borrowed; NULL: none */
};

struct weir_probe_session;

int weir_probe_session_new(const struct weir_probe_session_options *options, struct weir_probe_session **ret_session,
			   struct weir_error *err) WEIR_MUST_CHECK;
void weir_probe_session_free(struct weir_probe_session *session);

/* Run the first worker in this thread and the others in threads of theirs, until all have ended. */
int weir_probe_session_run(struct weir_probe_session *session, struct weir_error *err) WEIR_MUST_CHECK;
/* Run all in threads of theirs. */
int weir_probe_session_start(struct weir_probe_session *session, struct weir_error *err) WEIR_MUST_CHECK;
/* Whether a worker has ended by itself. */
bool weir_probe_session_failed(struct weir_probe_session *session, struct weir_error *ret_err);
/* Tell all workers to end: may be called in a signal handler. */
void weir_probe_session_stop(struct weir_probe_session *session);
/* Wait for those that were started. */
int weir_probe_session_join(struct weir_probe_session *session, struct weir_error *err);

/* Sums over the workers, as of a second ago at most. */
void weir_probe_session_stats(struct weir_probe_session *session, struct weir_probe_stats *ret_stats,
			      struct weir_spool_stats *ret_spool);
/* A collector's figures, over all workers; NULL behind the last. Only when the workers have ended. */
const char *weir_probe_session_target(struct weir_probe_session *session, unsigned i, struct weir_target_stats *ret_stats,
				      struct weir_encoder_stats *ret_encoder);
/* The same of one over TCP or TLS; false: it is none. At any time. */
bool weir_probe_session_stream(struct weir_probe_session *session, unsigned i, struct weir_stream_stats *ret_stats);
/* The spool's latest error since the last call: true, and *ret_err is filled. */
bool weir_probe_session_error(struct weir_probe_session *session, struct weir_error *ret_err);

#endif
