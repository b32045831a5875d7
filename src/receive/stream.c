#include "receive/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define VERSION	   10
#define HEADER_LEN 16

int weir_stream_init(struct weir_stream *s)
{
	*s = (struct weir_stream){.data = malloc(WEIR_STREAM_BYTES)};
	return s->data ? 0 : -ENOMEM;
}

void weir_stream_done(struct weir_stream *s)
{
	free(s->data);
	*s = (struct weir_stream){0};
}

uint8_t *weir_stream_room(struct weir_stream *s, size_t *ret_room)
{
	if (s->at) {
		memmove(s->data, s->data + s->at, s->filled - s->at);
		s->filled -= s->at;
		s->at = 0;
	}
	*ret_room = WEIR_STREAM_BYTES - s->filled;
	return s->data + s->filled;
}

void weir_stream_filled(struct weir_stream *s, size_t bytes)
{
	s->filled += bytes;
}

/* Each field is judged as soon as it is there, so that a peer of another protocol does not keep its place. */
int weir_stream_next(struct weir_stream *s, const uint8_t **ret_data, size_t *ret_len)
{
	struct weir_cursor c = weir_cursor(s->data + s->at, s->filled - s->at);
	unsigned version = weir_cursor_u16(&c);
	size_t length;

	if (c.fault)
		return 0;
	if (version != VERSION)
		return -EPROTO;
	length = weir_cursor_u16(&c);
	if (c.fault)
		return 0;
	if (length < HEADER_LEN)
		return -EPROTO;
	if (s->filled - s->at < length)
		return 0;
	*ret_data = s->data + s->at;
	*ret_len = length;
	s->at += length;
	return 1;
}
