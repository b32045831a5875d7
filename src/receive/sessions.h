/* IPFIX over TCP and TLS (RFC 7011 §10.4, §11): the listeners and all open sessions of a process. SCTP is not spoken.
 *
 * Everything that a peer can hold on to is bounded: how many sessions there are, of one address and of all; how long a
 * handshake or a message may take; the memory of a session (one message). A peer that misbehaves loses its session, and
 * nobody waits for it.
 *
 * Open it while the process may bind and read its key; then it belongs to one thread, weir_sessions_stats() too. */
#ifndef WEIR_RECEIVE_SESSIONS_H
#define WEIR_RECEIVE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "receive/allow.h"
#include "receive/tls.h"
#include "wire/decoder.h"

struct weir_sessions;

struct weir_sessions_options {
	const char *const *tcp_listen; /* as weir_udp_options.listen, borrowed for the call */
	unsigned tcp_listens;
	const char *const *tls_listen;
	unsigned tls_listens;
	struct weir_tls *tls;		/* borrowed; needed for tls_listen */
	const struct weir_allow *allow; /* borrowed; NULL: everybody */
	unsigned sessions_max;		/* at once */
	unsigned per_address_max;
	int64_t timeout_ms; /* a TLS handshake; a message from its first byte to its last */
	int64_t idle_ms;    /* between messages; 0: for ever */
	const struct weir_clock *clock;
};

#define WEIR_SESSIONS_LISTENS_MAX 128

/* Counters, but for open. */
struct weir_sessions_stats {
	uint64_t open;
	uint64_t accepted;
	uint64_t messages;
	uint64_t bytes;		    /* of messages, decrypted */
	uint64_t refused_address;   /* not in the list */
	uint64_t refused_limit;	    /* too many sessions, of the address or of all */
	uint64_t refused_handshake; /* TLS failed: no certificate, or one of an authority that is not known */
	uint64_t refused_peer;	    /* the certificate has none of the names */
	uint64_t half_open;	    /* handshake not done in time, or given up for a newer session */
	uint64_t idle;
	uint64_t malformed; /* ended because of a malformed message or of bytes that are none */
	uint64_t slow;
	uint64_t cut;
};

/* Who gets what the sessions say. */
struct weir_sessions_handler {
	/* A whole message; false: it is malformed, so the session ends. */
	bool (*take)(void *ctx, const struct weir_datagram *datagram);
	/* A session that had messages, or ends by a fault, ended; why: the fault, or WEIR_FAULTS. */
	void (*ended)(void *ctx, uint64_t session, enum weir_fault why);
	/* What a person should know, a peer that was refused for one. */
	void (*tell)(void *ctx, const struct weir_error *err);
	void *ctx;
};

int weir_sessions_open(const struct weir_sessions_options *options, struct weir_sessions **ret_sessions,
		       struct weir_error *err) WEIR_MUST_CHECK;
void weir_sessions_close(struct weir_sessions *sessions);

/* Wait up to timeout_ms for connections and bytes, and deal with them and with all that is overdue. Returns how many
 * messages were taken, or a negative errno value. */
int weir_sessions_poll(struct weir_sessions *sessions, int timeout_ms, const struct weir_sessions_handler *handler)
	WEIR_MUST_CHECK;

const struct weir_sessions_stats *weir_sessions_stats(const struct weir_sessions *sessions);

/* What is bound, for the banner: "0.0.0.0:4739"; ret_tls says which protocol. NULL behind the last. */
const char *weir_sessions_bound(const struct weir_sessions *sessions, unsigned index, bool *ret_tls);

#endif
