/* The byte stream of a TCP or TLS session as IPFIX messages: they follow each other without a gap, each as long as its
 * header says (RFC 7011 §10.4.3). Pure. A stream owns memory for one message of the largest length, which costs what
 * was really received; one thread. */
#ifndef WEIR_RECEIVE_STREAM_H
#define WEIR_RECEIVE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_STREAM_BYTES 65536

struct weir_stream {
	uint8_t *data; /* owned */
	size_t at;     /* of the next message */
	size_t filled;
};

int weir_stream_init(struct weir_stream *s) WEIR_MUST_CHECK;
void weir_stream_done(struct weir_stream *s);

/* Where bytes received belong; there is always room once weir_stream_next() has said 0. Messages given out before are
 * overwritten. */
uint8_t *weir_stream_room(struct weir_stream *s, size_t *ret_room);
void weir_stream_filled(struct weir_stream *s, size_t bytes);

/* 1: a whole message, valid until weir_stream_room(). 0: more bytes are needed. -EPROTO: no IPFIX header stands where
 * one must, and nothing that follows can be found. */
int weir_stream_next(struct weir_stream *s, const uint8_t **ret_data, size_t *ret_len) WEIR_MUST_CHECK;

/* A part of a message is there. */
static inline bool weir_stream_pending(const struct weir_stream *s)
{
	return s->filled > s->at;
}

#endif
