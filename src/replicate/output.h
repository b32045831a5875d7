/* An output: a collector that gets copies. Each worker has a lane of it, with a socket of its own
 * and a queue of what one batch of datagrams brings; the queue points to the datagrams where they
 * were received.
 *
 * Outputs are shared: by the workers, and by the plans before and after a reload (reference
 * counted). What is counted has one writer, the lane's worker, and may be read by anybody. */
#ifndef WEIR_REPLICATE_OUTPUT_H
#define WEIR_REPLICATE_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "flow/addr.h"
#include "replicate/header.h"
#include "replicate/health.h"
#include "replicate/spec.h"

#define WEIR_REPLICATE_OUTPUTS_MAX 64 /* a bit each in an exporter's targets */

/* Why a copy was not sent. */
enum weir_replicate_output_error {
	WEIR_REPLICATE_OUTPUT_REFUSED,  /* nobody listens, or there is no way there */
	WEIR_REPLICATE_OUTPUT_BUSY,     /* no room in the socket's buffer */
	WEIR_REPLICATE_OUTPUT_TOO_LONG, /* for the path's MTU, with the source kept */
	WEIR_REPLICATE_OUTPUT_FAMILY,   /* the source is to be kept, but is IPv4 and the collector
					   IPv6, or the reverse */
	WEIR_REPLICATE_OUTPUT_OTHER,
	WEIR_REPLICATE_OUTPUT_ERRORS
};

extern const char *const weir_replicate_output_errors[WEIR_REPLICATE_OUTPUT_ERRORS];

/* All uint64_t, written and read atomically. */
struct weir_replicate_output_stats {
	uint64_t datagrams;
	uint64_t bytes;
	uint64_t filtered;
	uint64_t told;      /* messages with templates and options, for a collector that joined */
	uint64_t exporters; /* now */
	uint64_t error[WEIR_REPLICATE_OUTPUT_ERRORS];
};

/* Only the owner of a counter adds to it. */
static inline void weir_replicate_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

struct weir_replicate_output_lane;

struct weir_replicate_output {
	unsigned references;
	struct weir_replicate_spec spec; /* owned */
	struct sockaddr_storage address;
	struct sockaddr_storage raw_address; /* the same, as raw sockets want it */
	socklen_t address_len;
	struct weir_addr to;
	uint16_t to_port;
	uint64_t key; /* of rendezvous hashing */
	unsigned slot;
	bool up;        /* atomic */
	uint32_t epoch; /* atomic: how often it went down */
	unsigned workers;
	struct weir_replicate_output_lane *lane; /* owned, one a worker */

	pthread_mutex_t lock; /* of health */
	struct weir_health health;
	bool refused; /* since the last look at it */
};

/* Raw sockets of a worker, shared by its lanes; below 0: none, and why (a negative errno value). */
struct weir_replicate_output_raw {
	int v4;
	int v6;
};

/* Looks the name up and opens the sockets. spec is moved, also on failure. raw: one a worker. */
int weir_replicate_output_new(struct weir_replicate_spec *spec, unsigned workers,
			      const struct weir_replicate_output_raw *raw, struct weir_replicate_output **ret_output,
			      struct weir_error *err) WEIR_MUST_CHECK;
struct weir_replicate_output *weir_replicate_output_ref(struct weir_replicate_output *output);
void weir_replicate_output_unref(struct weir_replicate_output *output);

/* Whether a spec that is read anew means this output, sockets and all: it is to be kept then. */
bool weir_replicate_output_is(const struct weir_replicate_output *output, const struct weir_replicate_spec *spec);

/* A datagram as a worker has it; sum is made when the first output needs it. */
struct weir_replicate_output_datagram {
	const uint8_t *data;
	size_t len;
	struct weir_addr exporter;
	uint16_t exporter_port;
	int sender; /* the exporter's socket (senders.h), or -1: where the source is kept */
	bool has_sum;
	uint64_t sum;
};

/* Queue a copy; a full queue is sent first. data must stay until the flush. True when the output
 * was found refusing. */
bool weir_replicate_output_put(struct weir_replicate_output *output, unsigned worker,
			       struct weir_replicate_output_datagram *datagram) WEIR_MUST_CHECK;
/* Send what is queued. The same. */
bool weir_replicate_output_flush(struct weir_replicate_output *output, unsigned worker) WEIR_MUST_CHECK;

struct weir_replicate_output_stats *weir_replicate_output_lane_stats(struct weir_replicate_output *output,
								     unsigned worker);
/* All lanes together. */
void weir_replicate_output_sum(const struct weir_replicate_output *output,
			       struct weir_replicate_output_stats *ret_stats);

/* How the output was seen, by whoever. True when it has gone down by that, or come up again. */
bool weir_replicate_output_note(struct weir_replicate_output *output, const struct weir_replicate_health_rule *rule,
				bool well, int64_t now_ns);
static inline bool weir_replicate_output_up(const struct weir_replicate_output *output)
{
	return __atomic_load_n(&output->up, __ATOMIC_ACQUIRE);
}
static inline uint32_t weir_replicate_output_epoch(const struct weir_replicate_output *output)
{
	return __atomic_load_n(&output->epoch, __ATOMIC_ACQUIRE);
}
/* Whether it was seen refusing since the last call. */
bool weir_replicate_output_refused(struct weir_replicate_output *output);

/* A UDP socket that is connected to the output, with errors from further away read, too; or a
 * negative errno value. */
int weir_replicate_output_connect(const struct weir_replicate_output *output) WEIR_MUST_CHECK;
/* The lane's socket, borrowed. */
int weir_replicate_output_socket(const struct weir_replicate_output *output, unsigned worker);
/* Forget the errors that a socket has noted. */
void weir_replicate_output_clear_errors(int fd);

#endif
