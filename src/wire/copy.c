#include "wire/copy.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "flow/addr.h"

#define TIME_MAX_MS	INT64_C(10413791999999) /* 2299-12-31T23:59:59.999Z, the end of ClickHouse's DateTime64 */
#define NTP_EPOCH_S	UINT64_C(2208988800)	/* from 1900 to 1970 */
#define UPTIME_AHEAD_MS UINT32_C(86400000)	/* a flow may end a little after its message was made: a day */

uint64_t weir_load_uint(const uint8_t *p, size_t len)
{
	switch (len) {
	case 1:
		return p[0];
	case 2:
		return weir_be16(p);
	case 4:
		return weir_be32(p);
	case 8:
		return weir_be64(p);
	default:
		return weir_be_uint(p, len);
	}
}

static inline uint64_t saturate(uint64_t value, uint64_t max)
{
	return value > max ? max : value;
}

int64_t weir_time_clamp(uint64_t ms)
{
	return (int64_t)saturate(ms, TIME_MAX_MS);
}

static int64_t clamp_signed(int64_t ms)
{
	return ms < 0 ? 0 : weir_time_clamp((uint64_t)ms);
}

int64_t weir_ntp_to_ms(uint64_t ntp)
{
	uint64_t seconds = ntp >> 32;
	uint64_t fraction = ntp & UINT32_MAX;

	if (!ntp)
		return 0;
	/* Seconds before 1970 are of the next era, which begins in 2036 (RFC 5905 §6). */
	if (seconds < NTP_EPOCH_S)
		seconds += UINT64_C(1) << 32;
	return weir_time_clamp((seconds - NTP_EPOCH_S) * 1000 + ((fraction * 1000 + (UINT64_C(1) << 31)) >> 32));
}

/* --- unsigned integers ----------------------------------------------------------------------------------------- */

#define LOAD_1(p) ((p)[0])
#define LOAD_2(p) weir_be16(p)
#define LOAD_3(p) weir_be24(p)
#define LOAD_4(p) weir_be32(p)
#define LOAD_5(p) weir_be_uint(p, 5)
#define LOAD_6(p) ((uint64_t)weir_be16(p) << 32 | weir_be32((p) + 2))
#define LOAD_7(p) weir_be_uint(p, 7)
#define LOAD_8(p) weir_be64(p)

#define COPY_UINT(len, bits)                                                              \
	static void copy_uint_##len##_##bits(const struct weir_copy *c)                   \
	{                                                                                 \
		const uint8_t *src = c->src;                                              \
		uint##bits##_t *dst = c->dst;                                             \
		size_t stride = c->stride;                                                \
		uint32_t rows = c->rows;                                                  \
                                                                                          \
		for (uint32_t i = 0; i < rows; i++, src += stride)                        \
			dst[i] = (uint##bits##_t)saturate(LOAD_##len(src), UINT##bits##_MAX); \
	}

#define COPY_UINTS(len)    \
	COPY_UINT(len, 8)  \
	COPY_UINT(len, 16) \
	COPY_UINT(len, 32) \
	COPY_UINT(len, 64)

COPY_UINTS(1)
COPY_UINTS(2)
COPY_UINTS(3)
COPY_UINTS(4)
COPY_UINTS(5)
COPY_UINTS(6)
COPY_UINTS(7)
COPY_UINTS(8)

#define UINT_ROW(len) \
	[len] = {[1] = copy_uint_##len##_8, [2] = copy_uint_##len##_16, [4] = copy_uint_##len##_32, [8] = copy_uint_##len##_64}

static const weir_copy_fn COPY_UINT_TABLE[9][9] = {
	UINT_ROW(1), UINT_ROW(2), UINT_ROW(3), UINT_ROW(4), UINT_ROW(5), UINT_ROW(6), UINT_ROW(7), UINT_ROW(8),
};

/* --- everything else -------------------------------------------------------------------------------------------- */

/* A loop over rows: `expression` of src (and aux) goes to dst[i]. */
#define COPY_LOOP(name, type, expression)                                   \
	static void name(const struct weir_copy *c)                         \
	{                                                                   \
		const uint8_t *src = c->src;                                \
		type *dst = c->dst;                                         \
		size_t stride = c->stride;                                  \
		uint32_t rows = c->rows;                                    \
                                                                            \
		for (uint32_t i = 0; i < rows; i++, src += stride)          \
			dst[i] = (expression);                              \
	}

static inline struct weir_addr load_ipv6(const uint8_t *p)
{
	struct weir_addr a;

	memcpy(&a, p, sizeof(a));
	return a;
}

/* The export time minus the flow's age. Both uptimes are 32-bit milliseconds that wrap after 49.7 days, so the
 * age is their difference modulo 2^32; an age of nearly 2^32 is a flow that ended after the header was made. */
static inline int64_t from_uptime(const struct weir_times *t, uint32_t uptime_at_export, uint32_t uptime)
{
	uint32_t age = uptime_at_export - uptime;
	int64_t behind = age > UINT32_MAX - UPTIME_AHEAD_MS ? (int64_t)age - (INT64_C(1) << 32) : (int64_t)age;

	return clamp_signed(t->export_ms - behind);
}

/* The engine in the top byte, the selector below. Of engine 20 (PANA-L7-PEN, RFC 6759 §4.2) the selector begins with
 * the vendor's enterprise number: its lower three bytes come to stand above the selector proper. */
static inline uint64_t application(const uint8_t *p, size_t len)
{
	if (p[0] == 20 && len > 5)
		return (uint64_t)p[0] << 56 | (uint64_t)weir_be24(p + 2) << 32 | weir_be_uint(p + 5, len - 5);
	return (uint64_t)p[0] << 56 | weir_be_uint(p + 1, len - 1);
}

/* The type in the top byte is 1 for VXLAN, 2 for NVGRE; others write the bare number. */
static inline uint64_t segment(uint64_t value)
{
	uint64_t type = value >> 56;

	return type == 1 || type == 2 ? value & 0xffffff : value;
}

/* One packet in (interval + space) / interval was taken. */
static inline uint32_t sampling_rate(uint64_t interval, uint64_t space)
{
	uint64_t sum;

	if (!interval || __builtin_add_overflow(interval, space, &sum))
		return 0;
	return (uint32_t)saturate(sum / interval, UINT32_MAX);
}

COPY_LOOP(copy_ipv4, struct weir_addr, weir_addr_from_v4(src))
COPY_LOOP(copy_ipv6, struct weir_addr, load_ipv6(src))
COPY_LOOP(copy_mac, uint64_t, LOAD_6(src))
COPY_LOOP(copy_seconds, int64_t, weir_time_clamp(saturate(weir_load_uint(src, c->len), TIME_MAX_MS) * 1000))
COPY_LOOP(copy_milliseconds, int64_t, weir_time_clamp(weir_load_uint(src, c->len)))
COPY_LOOP(copy_milliseconds_8, int64_t, (int64_t)saturate(weir_be64(src), TIME_MAX_MS))
COPY_LOOP(copy_ntp, int64_t, weir_ntp_to_ms(weir_be64(src)))
COPY_LOOP(copy_uptime_4_checked, int64_t, from_uptime(c->times, c->times->uptime_ms, weir_be32(src)))
COPY_LOOP(copy_uptime, int64_t, from_uptime(c->times, c->times->uptime_ms, (uint32_t)weir_load_uint(src, c->len)))
COPY_LOOP(copy_before_export, int64_t, clamp_signed(c->times->export_ms - (int64_t)(weir_load_uint(src, c->len) / 1000)))
COPY_LOOP(copy_mpls_3, uint32_t, weir_be24(src) >> 4)
COPY_LOOP(copy_mpls_4, uint32_t, weir_be32(src) >> 12)
COPY_LOOP(copy_application, uint64_t, application(src, c->len))
COPY_LOOP(copy_half_ms, uint32_t, (uint32_t)(saturate(weir_load_uint(src, c->len), UINT32_MAX / 2000) * 2000))
COPY_LOOP(copy_segment, uint64_t, segment(weir_load_uint(src, c->len)))
COPY_LOOP(copy_icmp_type, uint8_t, (uint8_t)(weir_load_uint(src, c->len) >> 8))
COPY_LOOP(copy_icmp_code, uint8_t, (uint8_t)weir_load_uint(src, c->len))

/* The same as from_uptime(): adding UPTIME_AHEAD_MS makes the difference of a flow that ended after its message positive, too.
 * Where the clamp cannot act, it is left out. */
static void copy_uptime_4(const struct weir_copy *c)
{
	const uint8_t *src = c->src;
	int64_t *dst = c->dst;
	size_t stride = c->stride;
	uint32_t rows = c->rows;
	uint32_t ahead = c->times->uptime_ms + UPTIME_AHEAD_MS;
	int64_t latest = c->times->export_ms + UPTIME_AHEAD_MS;

	if (latest < (INT64_C(1) << 32) || latest > TIME_MAX_MS) {
		copy_uptime_4_checked(c);
		return;
	}
	for (uint32_t i = 0; i < rows; i++, src += stride)
		dst[i] = latest - (int64_t)(ahead - weir_be32(src));
}

static void copy_since_init(const struct weir_copy *c)
{
	int64_t *dst = c->dst;

	for (uint32_t i = 0; i < c->rows; i++) {
		size_t at = i * c->stride;
		int64_t init = c->aux ? weir_time_clamp(weir_load_uint(c->aux + at, c->aux_len)) : c->times->init_ms;

		dst[i] = from_uptime(c->times, (uint32_t)(c->times->export_ms - init),
				     (uint32_t)weir_load_uint(c->src + at, c->len));
	}
}

static void copy_sampling(const struct weir_copy *c)
{
	uint32_t *dst = c->dst;

	for (uint32_t i = 0; i < c->rows; i++) {
		size_t at = i * c->stride;

		dst[i] = sampling_rate(weir_load_uint(c->src + at, c->len), weir_load_uint(c->aux + at, c->aux_len));
	}
}

static const struct {
	weir_copy_fn copy;
	uint8_t len_min;
	uint8_t len_max;
	uint8_t width;
} COPIES[] = {
	[WEIR_OP_IPV4]          = {copy_ipv4,          4,  4,  16},
	[WEIR_OP_IPV6]          = {copy_ipv6,          16, 16, 16},
	[WEIR_OP_MAC]           = {copy_mac,           6,  6,  8},
	[WEIR_OP_SECONDS]       = {copy_seconds,       1,  8,  8},
	[WEIR_OP_MILLISECONDS]  = {copy_milliseconds,  1,  8,  8},
	[WEIR_OP_NTP]           = {copy_ntp,           8,  8,  8},
	[WEIR_OP_UPTIME]        = {copy_uptime,        1,  8,  8},
	[WEIR_OP_SINCE_INIT]    = {copy_since_init,    1,  8,  8},
	[WEIR_OP_BEFORE_EXPORT] = {copy_before_export, 1,  8,  8},
	[WEIR_OP_MPLS]          = {copy_mpls_3,        3,  4,  4},
	[WEIR_OP_APPLICATION]   = {copy_application,   1,  9,  8},
	[WEIR_OP_HALF_MS]       = {copy_half_ms,       1,  8,  4},
	[WEIR_OP_SEGMENT]       = {copy_segment,       1,  8,  8},
	[WEIR_OP_ICMP_TYPE]     = {copy_icmp_type,     1,  8,  1},
	[WEIR_OP_ICMP_CODE]     = {copy_icmp_code,     1,  8,  1},
	[WEIR_OP_SAMPLING]      = {copy_sampling,      1,  8,  4},
};

weir_copy_fn weir_copy_find(enum weir_op op, size_t len, size_t width)
{
	if (op == WEIR_OP_UINT)
		return len <= 8 && width <= 8 ? COPY_UINT_TABLE[len][width] : NULL;
	if (op == WEIR_OP_NONE || width != COPIES[op].width || len < COPIES[op].len_min || len > COPIES[op].len_max)
		return NULL;
	if (op == WEIR_OP_UPTIME && len == 4)
		return copy_uptime_4;
	if (op == WEIR_OP_MILLISECONDS && len == 8)
		return copy_milliseconds_8;
	if (op == WEIR_OP_MPLS && len == 4)
		return copy_mpls_4;
	return COPIES[op].copy;
}
