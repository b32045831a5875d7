/* IPFIX to a collector over TCP or TLS: messages wait in a queue of bounded size, and a thread of the stream's own carries them, so
 * that whoever makes them does not wait for a network. When the session ends, another is begun, with growing pauses, and begins with
 * all templates (export/preamble.h). What finds the queue full is dropped and counted, or, patient, waited for.
 *
 * What was under way when a session failed may or may not have come: it is counted as lost, and not sent again. All but
 * weir_stream_stats() is for one thread. The process must ignore SIGPIPE. */
#ifndef WEIR_PROBE_STREAM_H
#define WEIR_PROBE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/uplink.h"

#define WEIR_STREAM_QUEUE_BYTES (8U << 20)

struct weir_stream;

struct weir_stream_options {
	const char *text; /* the collector, as host:port */
	const struct weir_uplink_tls *tls; /* NULL: TCP. Its strings must outlive the stream */
	unsigned interfaces; /* that the encoder tells of (export/preamble.h) */
	bool patient; /* wait for room in the queue; the first session must come to be, and none may be away for 30 s */
};

struct weir_stream_stats {
	uint64_t messages; /* taken by the collector's machine */
	uint64_t sessions;
	uint64_t dropped;  /* messages: the queue was full */
	uint64_t lost;	   /* messages: under way when a session failed, or waiting at the end */
	bool up;
	struct weir_error err; /* of the latest session or attempt that failed; what[0] is 0: none did */
};

/* -EINVAL: it can never work. Otherwise, unless patient, a collector that is away is no error. */
int weir_stream_open(const struct weir_stream_options *options, struct weir_stream **ret_stream, struct weir_error *err)
	WEIR_MUST_CHECK;
/* Take a message. Patient, negative: the collector is away for good. */
int weir_stream_send(struct weir_stream *stream, const uint8_t *message, size_t len) WEIR_MUST_CHECK;
/* Send what waits, for so long at most, and end the session. */
void weir_stream_finish(struct weir_stream *stream, int timeout_ms);
void weir_stream_close(struct weir_stream *stream);
void weir_stream_stats(struct weir_stream *stream, struct weir_stream_stats *ret_stats);

#endif
