/* Column copies: one field of many records into one column of a block. What kind of value it is (the operation), its
 * length and the column's width are settled when a template comes, so that the loops have no branches on them.
 * Private to wire; pure. */
#ifndef WEIR_WIRE_COPY_H
#define WEIR_WIRE_COPY_H

#include <stddef.h>
#include <stdint.h>

enum weir_op {
	WEIR_OP_NONE,
	WEIR_OP_UINT,	      /* unsigned of 1 to 8 bytes; too large a value becomes the column's largest */
	WEIR_OP_IPV4,
	WEIR_OP_IPV6,
	WEIR_OP_MAC,
	WEIR_OP_SECONDS,      /* dateTimeSeconds, RFC 7011 §6.1.7 */
	WEIR_OP_MILLISECONDS, /* §6.1.8 */
	WEIR_OP_NTP,	      /* dateTimeMicroseconds and dateTimeNanoseconds, §6.1.9 and §6.1.10 */
	WEIR_OP_UPTIME,	      /* milliseconds of the exporter's uptime, whose value at export the header has */
	WEIR_OP_SINCE_INIT,   /* the same where systemInitTimeMilliseconds says when it began: aux, or times->init_ms */
	WEIR_OP_BEFORE_EXPORT, /* microseconds before the export time */
	WEIR_OP_MPLS,	      /* the label of a label stack entry, RFC 3032 §2.1 */
	WEIR_OP_APPLICATION,  /* engine and selector, RFC 6759 §4 */
	WEIR_OP_HALF_MS,      /* half of a round trip in milliseconds, as ntop tells it: to microseconds */
	WEIR_OP_SEGMENT,      /* layer2SegmentId: the identifier below its type byte, RFC 7637 and IANA */
	WEIR_OP_ICMP_TYPE,    /* the high byte of type * 256 + code */
	WEIR_OP_ICMP_CODE,    /* the low one */
	WEIR_OP_SAMPLING,     /* samplingPacketInterval, with samplingPacketSpace as aux: RFC 5477 §8.2 */
};

/* What times relate to, of one message. */
struct weir_times {
	int64_t export_ms;
	int64_t init_ms;    /* of the exporter */
	uint32_t uptime_ms; /* at export */
};

struct weir_copy {
	void *dst;	    /* the column's first cell to write */
	const uint8_t *src; /* the field in the first record */
	const uint8_t *aux; /* a second field of that record, or NULL */
	size_t stride;	    /* from record to record */
	uint32_t rows;
	uint32_t len; /* of the field */
	uint32_t aux_len;
	const struct weir_times *times;
};

typedef void (*weir_copy_fn)(const struct weir_copy *copy);

/* The loop for a field of len bytes into cells of `width` bytes; NULL when the operation knows no such length. */
weir_copy_fn weir_copy_find(enum weir_op op, size_t len, size_t width);

/* 1 to 8 bytes, big-endian. */
uint64_t weir_load_uint(const uint8_t *p, size_t len);
/* NTP's 64 bits as milliseconds since 1970; 0 stays 0. */
int64_t weir_ntp_to_ms(uint64_t ntp);
/* Into the range that a time column holds: 1970 to 2299. */
int64_t weir_time_clamp(uint64_t ms);

#endif
