/* A collector that the probe sends to: an encoder, and a connected UDP socket or a session over TCP or TLS (probe/stream.h). What cannot be sent is counted and is no failure,
 * for a collector that is away for a moment comes back. One thread; a target owns both. */
#ifndef WEIR_PROBE_TARGET_H
#define WEIR_PROBE_TARGET_H

#include "base/error.h"
#include "export/encoder.h"
#include "probe/stream.h"

struct weir_target;

struct weir_target_stats {
	uint64_t datagrams;
	uint64_t refused; /* its machine answered that nobody listens on the port */
	uint64_t failed;  /* the kernel did not take it: no route, no room */
	int last_failure; /* errno of the latest; 0: none */
};

struct weir_target_options {
	struct weir_encoder_options encoder;
	const struct weir_uplink_tls *tls; /* for "tls:"; borrowed as long as the target lives */
	bool patient;			   /* of streams: nothing is dropped, and a collector that stays away is an error */
};

/* address: "host:port", "[v6]:port"; behind "tcp:" or "tls:" for a session. */
int weir_target_open(const char *address, const struct weir_target_options *options, struct weir_target **ret_target,
		     struct weir_error *err) WEIR_MUST_CHECK;
bool weir_target_is_stream(const char *address);
/* At the end: what waits is sent, for so long at most. */
void weir_target_finish(struct weir_target *target, int timeout_ms);
/* False: it is no stream. */
bool weir_target_stream_stats(struct weir_target *target, struct weir_stream_stats *ret_stats);
void weir_target_close(struct weir_target *target);

int weir_target_send(struct weir_target *target, const struct weir_block *block, int64_t now_ms) WEIR_MUST_CHECK;
/* sFlow only: a packet's own header. It waits for company in a datagram until weir_target_flush(). */
int weir_target_sample(struct weir_target *target, const struct weir_raw_sample *sample, int64_t now_ms) WEIR_MUST_CHECK;
int weir_target_counters(struct weir_target *target, const struct weir_interface_counters *counters, int64_t now_ms)
	WEIR_MUST_CHECK;
int weir_target_flush(struct weir_target *target, int64_t now_ms) WEIR_MUST_CHECK;

const char *weir_target_name(const struct weir_target *target);
const struct weir_target_stats *weir_target_stats(const struct weir_target *target);
const struct weir_encoder_stats *weir_target_encoder_stats(const struct weir_target *target);

#endif
