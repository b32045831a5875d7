/* The decoder: export messages in, blocks of flows out.
 *
 * Pure: it opens nothing, logs nothing and asks no clock. One decoder belongs to one thread; workers each have
 * their own. It holds the state of the exporters that it hears (templates, options, sequence numbers), each with
 * the ceilings of weir_decoder_limits. Every byte of a message becomes a flow, an option, a template, a counter
 * or a named fault (wire/fault.h); nothing is dropped in silence.
 *
 * The version is read from the message: NetFlow v1, v5, v7 (Cisco's formats), v9 (RFC 3954), IPFIX (RFC 7011),
 * sFlow v5 (sflow.org, sFlow Version 5). Exporters are told apart by address and observation domain; on TCP and TLS
 * also by transport session, whose state ends with it (RFC 7011 §8).
 */
#ifndef WEIR_WIRE_DECODER_H
#define WEIR_WIRE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/addr.h"
#include "flow/block.h"
#include "flow/record.h"
#include "wire/fault.h"

struct weir_decoder;

struct weir_decoder_limits {
	uint32_t exporters_max;	 /* address and observation domain */
	uint32_t templates_max;	 /* of one exporter */
	uint32_t fields_max;	 /* of one template */
	uint64_t template_bytes_max; /* memory of all templates and sampling rates together; 0: the default */
	uint64_t waiting_bytes_max;  /* memory of data sets that wait for their templates; 0: none waits */
	int64_t waiting_ms;	     /* how long they wait */
	bool sflow_inner; /* no limit, but a choice: of tunnels in sampled frames, the inner addresses (packet/packet.h) */
};

extern const struct weir_decoder_limits weir_decoder_limits_default;

/* A message as it came. data is borrowed for the call. */
struct weir_datagram {
	const uint8_t *data;
	size_t len;
	struct weir_addr exporter; /* whom it came from */
	uint16_t exporter_port; /* 0: of a file */
	int64_t received_ms; /* since 1970-01-01 UTC */
	int64_t clock_ms;    /* the same on a clock that nobody sets, by which waiting and rates go; 0: received_ms does, as in files */
	uint64_t session;    /* TCP, TLS: the transport session's number, never used twice; 0: UDP and files */
};

static inline int64_t weir_datagram_clock_ms(const struct weir_datagram *datagram)
{
	return datagram->clock_ms ? datagram->clock_ms : datagram->received_ms;
}

/* What a byte of a message was. */
enum weir_byte {
	WEIR_BYTE_FRAMING, /* headers of messages and of sets or samples */
	WEIR_BYTE_TEMPLATES,
	WEIR_BYTE_FLOWS,
	WEIR_BYTE_OPTIONS,
	WEIR_BYTE_COUNTERS,
	WEIR_BYTE_WAITED, /* of data that came before its template; it is a flow later, or the fault template_missing */
	WEIR_BYTE_PADDING,
	WEIR_BYTE_UNREAD, /* the rest: a fault says why */
	WEIR_BYTE_KINDS
};

/* What was decoded so far; all counters only grow. Counters of 64 bits only. */
struct weir_decoder_stats {
	uint64_t messages;
	uint64_t bytes;
	uint64_t flows;
	uint64_t templates;	    /* template records read, options templates included */
	uint64_t option_records;
	uint64_t sets_waited;	    /* data sets that came before their template, and were decoded when it came */
	uint64_t counter_samples;   /* sFlow counter samples */
	uint64_t lost_messages;	    /* by sequence numbers; for NetFlow v5, IPFIX and sFlow lost flows or samples */
	uint64_t bytes_of[WEIR_BYTE_KINDS]; /* their sum is bytes */
	uint64_t fault[WEIR_FAULTS];
};

/* seed: random, so that peers cannot aim at the hash tables. */
int weir_decoder_new(const struct weir_decoder_limits *limits, uint64_t seed, struct weir_decoder **ret_decoder)
	WEIR_MUST_CHECK;
void weir_decoder_free(struct weir_decoder *decoder);

/* Decode one message into *block; when it has no room left, sink->full() takes it and leaves another in *block.
 * IPFIX and NetFlow v9 messages may follow each other in data only in files: see weir_decoder_message_len().
 * Faults are counted, not returned. */
void weir_decoder_decode(struct weir_decoder *decoder, const struct weir_datagram *datagram,
			 struct weir_block **block, const struct weir_block_sink *sink);

/* Whether the message decoded last was malformed as RFC 7011 §9.1 says, so that its session is to be closed. */
bool weir_decoder_malformed(const struct weir_decoder *decoder);

/* A transport session ended: its templates, options and sequence numbers are forgotten, and data sets that wait for a
 * template of it are given up as TEMPLATE_MISSING. why: the fault that ended it, which is counted, or WEIR_FAULTS. */
void weir_decoder_session_end(struct weir_decoder *decoder, uint64_t session, enum weir_fault why);

/* From now on flows of NetFlow and IPFIX whose templates can hold other than IPv4 addresses go to *block, to which all
 * that weir_decoder_decode() says of its own applies. So the addresses in a block are of one kind, and a quarter as long when
 * it is written (flow/narrow.h). The order between flows of the two blocks is lost. block is borrowed; NULL: no more. */
void weir_decoder_divide(struct weir_decoder *decoder, struct weir_block **block);

/* Where options and counters go from now on; borrowed. Without it they are read and used, and told to nobody. */
int weir_decoder_records(struct weir_decoder *decoder, const struct weir_record_sink *sink) WEIR_MUST_CHECK;

/* From now on the names of interfaces and VRFs that exporters tell are in their flows, by this vocabulary, which blocks are given.
 * Borrowed. Each name that is new, and each new text of one, takes a place for good, so at most WEIR_DECODER_WORDS_MAX do. */
#define WEIR_DECODER_WORDS_MAX 65536
void weir_decoder_vocabulary(struct weir_decoder *decoder, struct weir_vocabulary *vocabulary);

/* What exporters told, for weir_decoder_load() of another process: appended to out. Exporters that were not heard for
 * WEIR_STATE_STALE_MS are left out, and what is beyond WEIR_STATE_BYTES_MAX. */
#define WEIR_STATE_STALE_MS  (INT64_C(6) * 3600 * 1000)
#define WEIR_STATE_BYTES_MAX ((size_t)256 << 20)
int weir_decoder_save(struct weir_decoder *decoder, int64_t now_ms, struct weir_buffer *out) WEIR_MUST_CHECK;
/* Whether something has changed since it was saved last. */
bool weir_decoder_changed(const struct weir_decoder *decoder);
/* Whether it remembers connections of firewalls: they change all the time, and are no change in the sense above. */
bool weir_decoder_has_connections(const struct weir_decoder *decoder);
/* Before the first message: know the exporters of a saved state, those for which mine() is true (NULL: all), at most half as
 * many as the ceiling allows. Returns how many; -EBADMSG where the bytes are no state. */
int weir_decoder_load(struct weir_decoder *decoder, const void *data, size_t len, int64_t now_ms,
		      bool (*mine)(void *ctx, const struct weir_addr *exporter), void *ctx) WEIR_MUST_CHECK;

/* No more messages are to be expected: data sets that still wait for their template are given up, as the fault
 * TEMPLATE_MISSING. The decoder can be used on. */
void weir_decoder_finish(struct weir_decoder *decoder);

/* Length of the first message of data where the protocol says so (IPFIX; NetFlow v5 and v7 where a further message
 * follows), otherwise len: to walk a file of messages (RFC 5655). 0 when the bytes are no message of any known version. */
size_t weir_decoder_message_len(const uint8_t *data, size_t len);

const struct weir_decoder_stats *weir_decoder_stats(const struct weir_decoder *decoder);

#endif
