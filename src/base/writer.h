/* A bounded writer of big-endian messages, the cursor's counterpart: a write beyond the end is not made and sets
 * a fault that stays, so that a whole message may be written and checked once. The writer borrows the memory;
 * it owns nothing. */
#ifndef WEIR_BASE_WRITER_H
#define WEIR_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct weir_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool fault; /* some write did not fit; never cleared */
};

static inline struct weir_writer weir_writer(void *data, size_t size)
{
	uint8_t *start = data;

	return (struct weir_writer){.start = start, .at = start, .end = start + size, .fault = false};
}

static inline size_t weir_writer_len(const struct weir_writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline size_t weir_writer_left(const struct weir_writer *w)
{
	return (size_t)(w->end - w->at);
}

/* Big-endian stores to memory that is known to be long enough. */
static inline void weir_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void weir_put_be32(uint8_t *p, uint32_t v)
{
	weir_put_be16(p, (uint16_t)(v >> 16));
	weir_put_be16(p + 2, (uint16_t)v);
}

/* The next len bytes, to be filled by the caller; NULL (and the fault) when there are fewer. */
static inline uint8_t *weir_writer_take(struct weir_writer *w, size_t len)
{
	uint8_t *at = w->at;

	if (weir_writer_left(w) < len || w->fault) {
		w->fault = true;
		return NULL;
	}
	w->at += len;
	return at;
}

/* An unsigned integer in the len (1 to 8) low bytes of value. */
static inline void weir_writer_uint(struct weir_writer *w, uint64_t value, size_t len)
{
	uint8_t *p = weir_writer_take(w, len);

	for (size_t i = len; p && i-- > 0; value >>= 8)
		p[i] = (uint8_t)value;
}

static inline void weir_writer_u8(struct weir_writer *w, uint8_t v)
{
	uint8_t *p = weir_writer_take(w, 1);

	if (p)
		*p = v;
}

static inline void weir_writer_u16(struct weir_writer *w, uint16_t v)
{
	uint8_t *p = weir_writer_take(w, 2);

	if (p)
		weir_put_be16(p, v);
}

static inline void weir_writer_u32(struct weir_writer *w, uint32_t v)
{
	uint8_t *p = weir_writer_take(w, 4);

	if (p)
		weir_put_be32(p, v);
}

static inline void weir_writer_bytes(struct weir_writer *w, const void *data, size_t len)
{
	uint8_t *p = weir_writer_take(w, len);

	if (p && len)
		memcpy(p, data, len);
}

static inline void weir_writer_zero(struct weir_writer *w, size_t len)
{
	uint8_t *p = weir_writer_take(w, len);

	if (p && len)
		memset(p, 0, len);
}

/* Write a length or count again that was not known when its place was written: offset is from the start, and
 * what stands there must have been written. */
static inline void weir_writer_patch16(struct weir_writer *w, size_t offset, size_t value)
{
	if (value > UINT16_MAX || offset + 2 > weir_writer_len(w))
		w->fault = true;
	else
		weir_put_be16(w->start + offset, (uint16_t)value);
}

static inline void weir_writer_patch32(struct weir_writer *w, size_t offset, size_t value)
{
	if (value > UINT32_MAX || offset + 4 > weir_writer_len(w))
		w->fault = true;
	else
		weir_put_be32(w->start + offset, (uint32_t)value);
}

#endif
