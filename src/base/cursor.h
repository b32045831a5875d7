/* A cursor over untrusted bytes: the only way that weir reads what came from the network.
 *
 * The bounds are part of the type. A read beyond the end returns zero and sets a fault that stays, so a
 * decoder may read a whole header and check once. weir_cursor_sub() makes a child that cannot see past its
 * own length. The cursor borrows the bytes; it owns nothing and may be copied. Integers are big-endian, as
 * in NetFlow (RFC 3954), IPFIX (RFC 7011 §10.1) and XDR (RFC 4506, sFlow).
 */
#ifndef WEIR_BASE_CURSOR_H
#define WEIR_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool fault; /* some read went beyond the end; never cleared */
};

static inline struct weir_cursor weir_cursor(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct weir_cursor){.at = at, .end = len ? at + len : at, .fault = false};
}

static inline size_t weir_cursor_left(const struct weir_cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The next len bytes, or NULL (and the fault) when there are fewer. The result points into the message. */
static inline const uint8_t *weir_cursor_take(struct weir_cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (weir_cursor_left(c) < len || c->fault) {
		c->fault = true;
		c->at = c->end;
		return NULL;
	}
	c->at += len;
	return at;
}

static inline bool weir_cursor_skip(struct weir_cursor *c, size_t len)
{
	(void)weir_cursor_take(c, len);
	return !c->fault;
}

/* A child over the next len bytes; the parent moves behind them. On overrun both carry the fault. */
static inline struct weir_cursor weir_cursor_sub(struct weir_cursor *c, size_t len)
{
	const uint8_t *at = weir_cursor_take(c, len);

	if (!at)
		return (struct weir_cursor){.at = c->end, .end = c->end, .fault = true};
	return (struct weir_cursor){.at = at, .end = at + len, .fault = false};
}

/* Big-endian loads from memory that is known to be long enough. */
static inline uint16_t weir_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t weir_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t weir_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t weir_be64(const uint8_t *p)
{
	return (uint64_t)weir_be32(p) << 32 | weir_be32(p + 4);
}

/* An unsigned integer of 0 to 8 bytes (reduced-size encoding, RFC 7011 §6.2). */
static inline uint64_t weir_be_uint(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t weir_cursor_u8(struct weir_cursor *c)
{
	const uint8_t *p = weir_cursor_take(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t weir_cursor_u16(struct weir_cursor *c)
{
	const uint8_t *p = weir_cursor_take(c, 2);

	return p ? weir_be16(p) : 0;
}

static inline uint32_t weir_cursor_u24(struct weir_cursor *c)
{
	const uint8_t *p = weir_cursor_take(c, 3);

	return p ? weir_be24(p) : 0;
}

static inline uint32_t weir_cursor_u32(struct weir_cursor *c)
{
	const uint8_t *p = weir_cursor_take(c, 4);

	return p ? weir_be32(p) : 0;
}

static inline uint64_t weir_cursor_u64(struct weir_cursor *c)
{
	const uint8_t *p = weir_cursor_take(c, 8);

	return p ? weir_be64(p) : 0;
}

#endif
