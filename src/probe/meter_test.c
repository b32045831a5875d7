#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "probe/fragments.h"
#include "probe/meter.h"
#include "probe/sampler.h"

#define S 1000000LL

struct row {
	uint8_t source, proto, reason, icmp_type;
	uint16_t src_port, dst_port, flags;
	uint64_t packets, bytes, reverse_packets, reverse_bytes;
	bool has_ports, has_icmp;
};

struct bench {
	struct weir_meter *meter;
	struct weir_meter_options options;
	struct row row[64];
	unsigned rows;
	int answer;
};

static int on_block(void *ctx, struct weir_block *block, int64_t now_us)
{
	struct bench *b = ctx;
	uint32_t at = 0;

	(void)now_us;
	for (uint32_t run = 0; run < block->runs; run++) {
		for (uint32_t i = 0; i < block->run[run].rows; i++, at++) {
			assert_true(b->rows < 64);
			b->row[b->rows++] = (struct row){
				.source = weir_block_addr(block, WEIR_COL_SRC_ADDR)[at].byte[15],
				.proto = weir_block_u8(block, WEIR_COL_PROTO)[at],
				.reason = weir_block_u8(block, WEIR_COL_FLOW_END_REASON)[at],
				.icmp_type = weir_block_u8(block, WEIR_COL_ICMP_TYPE)[at],
				.src_port = weir_block_u16(block, WEIR_COL_SRC_PORT)[at],
				.dst_port = weir_block_u16(block, WEIR_COL_DST_PORT)[at],
				.flags = weir_block_u16(block, WEIR_COL_TCP_FLAGS)[at],
				.packets = weir_block_u64(block, WEIR_COL_PACKETS)[at],
				.bytes = weir_block_u64(block, WEIR_COL_BYTES)[at],
				.reverse_packets = weir_block_u64(block, WEIR_COL_REVERSE_PACKETS)[at],
				.reverse_bytes = weir_block_u64(block, WEIR_COL_REVERSE_BYTES)[at],
				.has_ports = weir_column_set_has(&block->run[run].present, WEIR_COL_SRC_PORT),
				.has_icmp = weir_column_set_has(&block->run[run].present, WEIR_COL_ICMP_TYPE),
			};
		}
	}
	return b->answer;
}

static void begin(struct bench *b)
{
	b->options.flows_max = 32;
	b->options.active_us = 60 * S;
	b->options.inactive_us = 15 * S;
	b->options.ended_us = S;
	b->options.take = on_block;
	b->options.ctx = b;
	assert_int_equal(weir_meter_new(&b->options, &b->meter), 0);
}

static void finish(struct bench *b)
{
	assert_int_equal(weir_meter_finish(b->meter), 0);
	weir_meter_free(b->meter);
}

/* An IPv4 packet from 10.0.0.source to 10.0.0.target with that transport header. */
struct packet {
	uint8_t source, target, proto, tos;
	uint16_t id, fragment;
	uint16_t bytes; /* that the header says; the frame on the wire has 4 more behind Ethernet's padding */
	uint8_t transport[20];
	uint16_t vlan;
};

static int see(struct bench *b, int64_t time_us, const struct packet *p)
{
	uint8_t frame[54] = {[12] = 8, [14] = 0x45};
	struct weir_frame f = {.data = frame, .captured = sizeof(frame), .length = p->bytes + 18U, .time_us = time_us,
			       .tagged = p->vlan, .vlan = p->vlan};

	frame[15] = p->tos;
	frame[16] = (uint8_t)(p->bytes >> 8);
	frame[17] = (uint8_t)p->bytes;
	frame[18] = (uint8_t)(p->id >> 8);
	frame[19] = (uint8_t)p->id;
	frame[20] = (uint8_t)(p->fragment >> 8);
	frame[21] = (uint8_t)p->fragment;
	frame[22] = 64;
	frame[23] = p->proto;
	frame[26] = frame[30] = 10;
	frame[29] = p->source;
	frame[33] = p->target;
	memcpy(frame + 34, p->transport, sizeof(p->transport));
	return weir_meter_frame(b->meter, &f);
}

#define PORTS(from, to) (uint8_t)((from) >> 8), (uint8_t)(from), (uint8_t)((to) >> 8), (uint8_t)(to)
#define TCP(from, to, flags) {PORTS(from, to), [12] = 0x50, [13] = flags}

static struct packet tcp(uint8_t source, uint8_t target, uint8_t flags)
{
	struct packet p = {.source = source, .target = target, .proto = 6, .bytes = 100, .transport = TCP(1000, 2000, flags)};

	if (source > target) {
		p.transport[0] = 2000 >> 8;
		p.transport[1] = 2000 & 255;
		p.transport[2] = 1000 >> 8;
		p.transport[3] = 1000 & 255;
	}
	return p;
}

static void see_tcp(struct bench *b, int64_t time_us, uint8_t source, uint8_t target, uint8_t flags)
{
	struct packet p = tcp(source, target, flags);

	assert_int_equal(see(b, time_us, &p), 0);
}

static void assert_row(const struct bench *b, unsigned i, uint8_t source, uint64_t packets, uint8_t reason)
{
	assert_true(i < b->rows);
	assert_int_equal(b->row[i].source, source);
	assert_int_equal(b->row[i].packets, packets);
	assert_int_equal(b->row[i].reason, reason);
}

/* Opened, closed both ways, acknowledged: one flow, two rows. Then the same ports open anew within the linger. */
static void test_tcp(void **state)
{
	struct bench b = {0};

	(void)state;
	begin(&b);
	see_tcp(&b, 0, 1, 2, 0x02);
	see_tcp(&b, 1, 2, 1, 0x12);
	see_tcp(&b, 2, 1, 2, 0x10);
	see_tcp(&b, 3, 1, 2, 0x11);
	see_tcp(&b, 4, 2, 1, 0x11);
	see_tcp(&b, 5, 1, 2, 0x10);
	assert_int_equal(weir_meter_advance(b.meter, 5), 0);
	assert_int_equal(weir_meter_flows(b.meter), 1);
	see_tcp(&b, 6, 1, 2, 0x02);
	assert_int_equal(weir_meter_deliver(b.meter), 0);
	assert_int_equal(b.rows, 2);
	assert_row(&b, 0, 1, 4, WEIR_FLOW_END_SEEN);
	assert_row(&b, 1, 2, 2, WEIR_FLOW_END_SEEN);
	assert_int_equal(b.row[0].flags, 0x13);
	assert_int_equal(b.row[0].bytes, 400);
	assert_int_equal(b.row[0].src_port, 1000);
	assert_int_equal(b.row[1].src_port, 2000);
	see_tcp(&b, 7, 2, 1, 0x14); /* refused */
	assert_int_equal(weir_meter_advance(b.meter, 2 * S), 0);
	assert_int_equal(weir_meter_flows(b.meter), 0);
	finish(&b);
	assert_int_equal(b.rows, 4);
	assert_row(&b, 3, 2, 1, WEIR_FLOW_END_SEEN);
}

/* One side's FIN is no end: the other may go on sending. */
static void test_half_closed(void **state)
{
	struct bench b = {0};

	(void)state;
	begin(&b);
	see_tcp(&b, 0, 1, 2, 0x02);
	see_tcp(&b, 1, 1, 2, 0x11);
	see_tcp(&b, 14 * S, 2, 1, 0x10);
	assert_int_equal(weir_meter_advance(b.meter, 28 * S), 0);
	assert_int_equal(weir_meter_flows(b.meter), 1);
	finish(&b);
	assert_int_equal(b.rows, 2);
}

static void test_bidirectional(void **state)
{
	struct bench b = {.options = {.bidirectional = true}};

	(void)state;
	begin(&b);
	see_tcp(&b, 0, 2, 1, 0x02); /* the higher address begins */
	see_tcp(&b, 1, 1, 2, 0x12);
	see_tcp(&b, 2, 2, 1, 0x10);
	see_tcp(&b, 3, 4, 3, 0x02); /* nobody answers */
	finish(&b);
	assert_int_equal(b.rows, 2);
	assert_row(&b, 0, 2, 2, WEIR_FLOW_END_FORCED);
	assert_int_equal(b.row[0].reverse_packets, 1);
	assert_int_equal(b.row[0].reverse_bytes, 100);
	assert_row(&b, 1, 4, 1, WEIR_FLOW_END_FORCED);
	assert_int_equal(b.row[1].reverse_packets, 0);
}

static void test_fragments(void **state)
{
	const struct packet first = {.source = 1, .target = 2, .proto = 17, .id = 7, .fragment = 0x2000, .bytes = 1500,
				     .transport = {PORTS(5000, 53)}};
	struct packet later = first;
	struct bench b = {0};

	(void)state;
	later.fragment = 0x00b9;
	memset(later.transport, 0xff, sizeof(later.transport));
	begin(&b);
	assert_int_equal(see(&b, 0, &first), 0);
	assert_int_equal(see(&b, 1, &later), 0);
	later.id = 8; /* of a packet whose beginning was not seen */
	assert_int_equal(see(&b, 2, &later), 0);
	later.id = 7;
	assert_int_equal(see(&b, WEIR_FRAGMENT_LIFE_US + 1, &later), 0); /* it cannot be the same packet any more */
	assert_int_equal(weir_meter_stats(b.meter)->fragments_lost, 2);
	finish(&b);
}

static void test_fragments_join(void **state)
{
	const struct packet first = {.source = 1, .target = 2, .proto = 17, .id = 7, .fragment = 0x2000, .bytes = 1500,
				     .transport = {PORTS(5000, 53)}};
	struct packet later = first;
	struct bench b = {0};

	(void)state;
	later.fragment = 0x00b9;
	later.bytes = 100;
	memset(later.transport, 0xff, sizeof(later.transport));
	begin(&b);
	assert_int_equal(see(&b, 0, &first), 0);
	assert_int_equal(see(&b, 1, &later), 0);
	assert_int_equal(weir_meter_finish(b.meter), 0);
	assert_int_equal(b.rows, 1);
	assert_row(&b, 0, 1, 2, WEIR_FLOW_END_FORCED);
	assert_int_equal(b.row[0].bytes, 1600);
	assert_int_equal(b.row[0].dst_port, 53);
	assert_int_equal(weir_meter_stats(b.meter)->fragments_lost, 0);
	weir_meter_free(b.meter);
}

static void test_icmp(void **state)
{
	const struct packet ping = {.source = 1, .target = 2, .proto = 1, .bytes = 84, .transport = {8, 0}};
	const struct packet pong = {.source = 2, .target = 1, .proto = 1, .bytes = 84, .transport = {0, 0}};
	struct bench b = {0};

	(void)state;
	begin(&b);
	assert_int_equal(see(&b, 0, &ping), 0);
	assert_int_equal(see(&b, 1, &pong), 0);
	finish(&b);
	assert_int_equal(b.rows, 2);
	assert_row(&b, 0, 1, 1, WEIR_FLOW_END_FORCED);
	assert_int_equal(b.row[0].icmp_type, 8);
	assert_int_equal(b.row[1].icmp_type, 0);
	assert_true(b.row[0].has_icmp && b.row[1].has_icmp && !b.row[0].has_ports);
}

/* What makes flows different. */
static void test_key(void **state)
{
	struct packet p = {.source = 1, .target = 2, .proto = 17, .bytes = 100, .transport = {PORTS(5000, 53)}};
	struct bench b = {.options = {.tos = true}};

	(void)state;
	begin(&b);
	assert_int_equal(see(&b, 0, &p), 0);
	p.tos = 0xb8;
	assert_int_equal(see(&b, 0, &p), 0);
	p.vlan = 5;
	assert_int_equal(see(&b, 0, &p), 0);
	p.proto = 132;
	assert_int_equal(see(&b, 0, &p), 0);
	p.transport[3]++;
	assert_int_equal(see(&b, 0, &p), 0);
	assert_int_equal(weir_meter_deliver(b.meter), 0);
	assert_int_equal(weir_meter_flows(b.meter), 5);
	finish(&b);
	assert_int_equal(b.rows, 5);
}

static void test_bytes_of_frames(void **state)
{
	struct packet p = {.source = 1, .target = 2, .proto = 17, .bytes = 100};
	struct bench b = {.options = {.frame_bytes = true}};

	(void)state;
	begin(&b);
	assert_int_equal(see(&b, 0, &p), 0);
	finish(&b);
	assert_int_equal(b.row[0].bytes, 118);
}

/* A length of 0 in the header: what the network card was to cut. */
static void test_length_of_zero(void **state)
{
	struct packet p = {.source = 1, .target = 2, .proto = 6, .bytes = 0};
	struct bench b = {0};

	(void)state;
	begin(&b);
	assert_int_equal(see(&b, 0, &p), 0);
	finish(&b);
	assert_int_equal(b.row[0].bytes, 4); /* the frame of 18 bytes without its 14 of Ethernet */
}

static void test_sampling(void **state)
{
	struct bench b = {.options = {.sampling = 10}};
	struct weir_sampler random = weir_sampler(100, true, 12345);
	unsigned taken = 0;

	(void)state;
	begin(&b);
	for (unsigned i = 0; i < 1000; i++)
		see_tcp(&b, i, 1, 2, 0x10);
	assert_int_equal(weir_meter_deliver(b.meter), 0);
	assert_int_equal(weir_meter_stats(b.meter)->packets, 100);
	assert_int_equal(weir_meter_stats(b.meter)->unsampled, 900);
	finish(&b);
	for (unsigned i = 0; i < 100000; i++)
		taken += weir_sampler_takes(&random);
	assert_in_range(taken, 900, 1100); /* by this seed 1000 or so; three standard deviations are 95 */
}

/* What the outlet answers ends the meter's work. */
static void test_outlet_fails(void **state)
{
	struct bench b = {.answer = -5};

	(void)state;
	begin(&b);
	see_tcp(&b, 0, 1, 2, 0x10);
	assert_int_equal(weir_meter_finish(b.meter), -5);
	assert_int_equal(weir_meter_deliver(b.meter), -5);
	weir_meter_free(b.meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),	      cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_bidirectional), cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_join), cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_key),	      cmocka_unit_test(test_bytes_of_frames),
		cmocka_unit_test(test_length_of_zero), cmocka_unit_test(test_sampling),
		cmocka_unit_test(test_outlet_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
