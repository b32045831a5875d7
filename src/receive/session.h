/* One TCP or TLS session: a socket, its TLS, and the stream of its messages. It owns the socket. Private to receive; one
 * thread. */
#ifndef WEIR_RECEIVE_SESSION_H
#define WEIR_RECEIVE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/addr.h"
#include "receive/stream.h"
#include "receive/tls.h"

/* How a session ended. */
enum weir_session_end {
	WEIR_SESSION_GOES_ON,
	WEIR_SESSION_ENDED,	/* by the peer, between two messages */
	WEIR_SESSION_CUT,	/* by the peer or the network, within a message */
	WEIR_SESSION_FRAMING,	/* no IPFIX header where one must be */
	WEIR_SESSION_MALFORMED, /* the receiver of messages said so */
	WEIR_SESSION_HANDSHAKE, /* TLS failed: s->why */
	WEIR_SESSION_PEER,	/* the certificate has no name that may send: s->why */
	WEIR_SESSION_SLOW,	/* a message was not whole in time */
	WEIR_SESSION_HALF_OPEN, /* a handshake was not done in time, or gave its place to a newer session */
	WEIR_SESSION_IDLE,
	WEIR_SESSION_ENDS
};

struct weir_session {
	uint64_t number;
	int fd;			    /* owned */
	struct ssl_st *ssl;	    /* owned; NULL: TCP */
	struct weir_tls *tls;	    /* borrowed; NULL: TCP */
	bool ready;		    /* TLS: the handshake is done and the peer may send */
	bool wants_write;	    /* TLS waits for room to send */
	struct weir_addr addr;
	uint16_t port;
	int64_t opened_ns;
	int64_t heard_ns; /* the last bytes */
	int64_t begun_ns; /* the first bytes of the message that is not whole yet; 0: there is none */
	uint64_t messages;
	uint64_t bytes;
	struct weir_stream stream;
	char why[256];
};

/* fd is the session's from now on, also on failure. */
int weir_session_new(int fd, struct weir_tls *tls, struct weir_session **ret_session) WEIR_MUST_CHECK;
void weir_session_free(struct weir_session *s);

/* Read what is there, within bounds, and give each whole message to take(), which says false where it is malformed. */
enum weir_session_end weir_session_receive(struct weir_session *s, int64_t now_ns,
					   bool (*take)(void *ctx, const uint8_t *data, size_t len), void *ctx);

/* Whether it has been too slow: timeout_ns for a handshake or a message, idle_ns (0: any) between messages. */
enum weir_session_end weir_session_due(const struct weir_session *s, int64_t now_ns, int64_t timeout_ns, int64_t idle_ns);

#endif
