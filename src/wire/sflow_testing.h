/* For the tests of sFlow: datagrams written as readable bytes. */
#ifndef WEIR_WIRE_SFLOW_TESTING_H
#define WEIR_WIRE_SFLOW_TESTING_H

#include "base/cursor.h"
#include "wire/testing.h"

#define AGENT	   IP(198, 51, 100, 7)
#define AGENT_TEXT "198.51.100.7"
#define SUB_AGENT  3
#define HEADER_LEN 28
#define ALL_ONES   0xffffffffU

static inline void sflow_begin(struct test_message *m, uint32_t sequence)
{
	message_begin(m);
	PUT(m, U32(5), U32(1), AGENT, U32(SUB_AGENT), U32(sequence), U32(TEST_UPTIME), U32(0));
}

/* A sample or record: its format, the place of its length, which part_close() fills in. */
static inline size_t part_open(struct test_message *m, uint32_t format)
{
	weir_writer_u32(&m->w, format);
	weir_writer_u32(&m->w, 0);
	return weir_writer_len(&m->w);
}

static inline void part_close(struct test_message *m, size_t start)
{
	weir_writer_patch32(&m->w, start - 4, weir_writer_len(&m->w) - start);
}

#define RECORD(m, format, ...)                         \
	do {                                           \
		size_t record_at = part_open(m, format);    \
		PUT(m, __VA_ARGS__);                   \
		part_close(m, record_at);                   \
	} while (0)

static size_t sample_at, records_at;

static inline void count(struct test_message *m, size_t at)
{
	weir_put_be32(m->data + at, weir_be32(m->data + at) + 1);
}

/* A flow sample from interface 11 to 12; source 11, rate 400. */
static inline void sample_begin_to(struct test_message *m, uint32_t input, uint32_t output)
{
	count(m, HEADER_LEN - 4);
	sample_at = part_open(m, 1);
	PUT(m, U32(77), U32(11), U32(400), U32(4000), U32(0), U32(input), U32(output));
	records_at = weir_writer_len(&m->w);
	PUT(m, U32(0));
}

static inline void sample_begin(struct test_message *m)
{
	sample_begin_to(m, 11, 12);
}

static inline void sample_end(struct test_message *m)
{
	part_close(m, sample_at);
}

#define MACS 0x02, 0, 0, 0, 0, 0xdd, 0x02, 0, 0, 0, 0, 0x55
#define IPV4_UDP                                                                                             \
	0x45, 0, U16(1000), U16(7), U16(0x4000), 64, 17, U16(0), IP(10, 0, 0, 1), IP(10, 0, 0, 2), U16(1234), \
		U16(53), U16(980), U16(0)
#define FRAME MACS, U16(0x0800), IPV4_UDP /* 42 bytes, and two to pad them */
#define HEADER_RECORD(m)                                                                                \
	do {                                                                                            \
		count(m, records_at);                                                                   \
		RECORD(m, 1, U32(1), U32(1018), U32(4), U32(42), FRAME, U16(0));                        \
	} while (0)
#define IPV4_RECORD(m)                                                                                     \
	do {                                                                                               \
		count(m, records_at);                                                                      \
		RECORD(m, 3, U32(1000), U32(6), IP(10, 0, 0, 3), IP(10, 0, 0, 4), U32(1025), U32(80), U32(0x12), \
		       U32(0xb8));                                                                         \
	} while (0)

static inline void sample(struct test_message *m)
{
	sample_begin(m);
	HEADER_RECORD(m);
	sample_end(m);
}

#endif
