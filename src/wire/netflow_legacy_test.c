#include "wire/testing.h"

/* One TCP flow in the form that v1, v5 and v7 share up to the ports. */
#define COMMON(src_port, dst_port)                                                                               \
	IP(10, 0, 0, 1), IP(10, 0, 0, 2), IP(10, 0, 0, 254), U16(3), U16(4), U32(5), U32(600), U32(90000), U32(95000), \
		U16(src_port), U16(dst_port)
#define V1_RECORD COMMON(1234, 80), U16(0), U8(6), U8(0x20), U8(0x12), U24(0), U32(0)
#define V5_RECORD(proto, dst_port)                                                                       \
	COMMON(1234, dst_port), U8(0), U8(0x12), U8(proto), U8(0x20), U16(65001), U16(65002), U8(24), U8(16), U16(0)
#define V7_RECORD V5_RECORD(6, 80), IP(10, 9, 9, 9)

#define HEADER(version, count) U16(version), U16(count), U32(TEST_UPTIME), U32(TEST_SECONDS), U32(250000000)
#define V5_HEADER(count, sequence, sampling) HEADER(5, count), U32(sequence), U8(1), U8(2), U16(sampling)

static void assert_common(struct fixture *f)
{
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 0, DST_ADDR, "10.0.0.2");
	assert_cell(f, 0, NEXT_HOP, "10.0.0.254");
	assert_cell(f, 0, IN_IF, "3");
	assert_cell(f, 0, OUT_IF, "4");
	assert_cell(f, 0, PACKETS, "5");
	assert_cell(f, 0, BYTES, "600");
	/* The header's time with its nanoseconds, minus the uptimes' difference. */
	assert_cell(f, 0, TIME_START, "1699999990250");
	assert_cell(f, 0, TIME_END, "1699999995250");
	assert_cell(f, 0, TIME_RECEIVED, "1700000000500");
	assert_cell(f, 0, SRC_PORT, "1234");
	assert_cell(f, 0, DST_PORT, "80");
	assert_cell(f, 0, PROTO, "6");
	assert_cell(f, 0, IP_TOS, "32");
	assert_cell(f, 0, TCP_FLAGS, "18");
	assert_cell(f, 0, IP_VERSION, "4");
	assert_cell(f, 0, ICMP_TYPE, "-");
	assert_cell(f, 0, TEMPLATE_ID, "-");
	assert_cell(f, 0, EXPORTER_ADDR, "192.0.2.1");
	assert_int_equal(f->block->rows, 1);
}

static void test_v1(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, HEADER(1, 1), V1_RECORD);
	assert_int_equal(weir_writer_len(&f->m.w), 16 + 48);
	decode(f);
	assert_faults(f, "");
	assert_common(f);
	assert_cell(f, 0, FLOW_TYPE, "1");
	assert_cell(f, 0, SAMPLING_RATE, "1");
	assert_cell(f, 0, SRC_AS, "-");
	assert_cell(f, 0, OBSERVATION_DOMAIN, "-");
	assert_cell(f, 0, SEQUENCE_NUM, "-");
}

/* Cisco's description has records that are four bytes longer. */
static void test_v1_long(void **state)
{
	struct fixture *f = *state;

	for (uint16_t records = 1; records <= 24; records++) {
		message_begin(&f->m);
		PUT(&f->m, HEADER(1, records));
		for (uint16_t i = 0; i < records; i++)
			PUT(&f->m, V1_RECORD, U32(0xffffffff));
		assert_int_equal(weir_writer_len(&f->m.w), 16 + records * 52);
		decode(f);
		assert_faults(f, "");
		if (records == 1)
			assert_common(f);
		assert_cell(f, f->block->rows - 1, SRC_ADDR, "10.0.0.1");
	}
	assert_int_equal(f->block->rows, 24 * 25 / 2);
}

static void test_v1_of_many_records(void **state)
{
	struct fixture *f = *state;

	for (uint16_t records = 1; records <= 29; records++) {
		message_begin(&f->m);
		PUT(&f->m, HEADER(1, records));
		for (uint16_t i = 0; i < records; i++)
			PUT(&f->m, V1_RECORD);
		decode(f);
		assert_faults(f, "");
		assert_cell(f, f->block->rows - 1, SRC_ADDR, "10.0.0.1");
	}
	assert_int_equal(f->block->rows, 29 * 30 / 2);
}

static void test_v5(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(1, 77, 0x4000 | 100), V5_RECORD(6, 80));
	assert_int_equal(weir_writer_len(&f->m.w), 24 + 48);
	decode(f);
	assert_faults(f, "");
	assert_common(f);
	assert_cell(f, 0, FLOW_TYPE, "5");
	assert_cell(f, 0, SAMPLING_RATE, "100");
	assert_cell(f, 0, SRC_AS, "65001");
	assert_cell(f, 0, DST_AS, "65002");
	assert_cell(f, 0, SRC_MASK, "24");
	assert_cell(f, 0, DST_MASK, "16");
	assert_cell(f, 0, OBSERVATION_DOMAIN, "258");
	assert_cell(f, 0, SEQUENCE_NUM, "77");
	assert_int_equal(f->block->extras, 0);
}

static void test_v7(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, HEADER(7, 1), U32(9), U32(0), V7_RECORD);
	assert_int_equal(weir_writer_len(&f->m.w), 24 + 52);
	decode(f);
	assert_faults(f, "");
	assert_common(f);
	assert_cell(f, 0, FLOW_TYPE, "7");
	assert_cell(f, 0, SRC_AS, "65001");
	assert_extra(f, 0, "routerSc", "10.9.9.9");
	assert_cell(f, 0, OBSERVATION_DOMAIN, "0");
}

static void test_icmp_hides_in_the_port(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(3, 0, 0), V5_RECORD(6, 80), V5_RECORD(1, 8 * 256 + 3), V5_RECORD(17, 53));
	decode(f);
	assert_cell(f, 0, ICMP_TYPE, "-");
	assert_cell(f, 1, ICMP_TYPE, "8");
	assert_cell(f, 1, ICMP_CODE, "3");
	assert_cell(f, 2, ICMP_TYPE, "-");
	assert_cell(f, 2, DST_PORT, "53");
	assert_int_equal(f->block->runs, 3);
}

/* No sampling and a rate of 0 both mean that every packet was seen. */
static void test_absent_sampling_is_one(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(1, 0, 0x4000), V5_RECORD(6, 80));
	decode(f);
	assert_cell(f, 0, SAMPLING_RATE, "1");
}

static void test_uptime_wraps(void **state)
{
	struct fixture *f = *state;

	/* The exporter's uptime wrapped 1000 ms before the export; the flow began 3000 ms before the wrap and its end
	 * lies a little ahead of the header. */
	message_begin(&f->m);
	PUT(&f->m, U16(5), U16(1), U32(1000), U32(TEST_SECONDS), U32(0), U32(0), U16(0), U16(0));
	PUT(&f->m, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(0), U16(0), U16(0), U32(1), U32(1), U32(0u - 3000u), U32(1500));
	PUT(&f->m, U16(1), U16(2), U32(0), U32(0), U32(0));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, TIME_START, "1699999996000");
	assert_cell(f, 0, TIME_END, "1700000000500");
}

static void test_count_and_length_disagree(void **state)
{
	struct fixture *f = *state;

	/* Counts two, carries one and a half. */
	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(2, 0, 0), V5_RECORD(6, 80), IP(10, 0, 0, 1));
	decode(f);
	assert_faults(f, "count_mismatch");
	assert_int_equal(f->block->rows, 1);
	/* Counts one, carries two: the one that is counted is read. */
	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(1, 2, 0), V5_RECORD(6, 80), V5_RECORD(6, 81));
	decode(f);
	assert_faults(f, "count_mismatch=2");
	assert_int_equal(f->block->rows, 2);
	assert_int_equal(stats(f)->lost_messages, 0);
}

static void test_no_records(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(0, 0, 0));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 0);
}

/* Open vSwitch (gen_netflow_rec() of its ofproto/netflow.c): the number of the message's last flow. */
static void test_sequence_with_its_own(void **state)
{
	static const unsigned FLOWS[] = {1, 3, 1, 2, 2, 5, 1};
	struct fixture *f = *state;
	uint32_t flows = 0;

	for (size_t i = 0; i < sizeof(FLOWS) / sizeof(FLOWS[0]); i++) {
		flows += FLOWS[i];
		message_begin(&f->m);
		PUT(&f->m, V5_HEADER((uint16_t)FLOWS[i], flows - 1, 0));
		for (unsigned j = 0; j < FLOWS[i]; j++)
			PUT(&f->m, V5_RECORD(6, 80));
		decode(f);
	}
	assert_int_equal(stats(f)->lost_messages, 0);
	message_begin(&f->m);
	PUT(&f->m, V5_HEADER(2, flows - 1 + 30 + 2, 0), V5_RECORD(6, 80), V5_RECORD(6, 80));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 30);
}

static void test_lost_flows_are_counted_by_engine(void **state)
{
	struct fixture *f = *state;

	for (uint32_t sequence = 0; sequence < 30; sequence += 10) {
		message_begin(&f->m);
		PUT(&f->m, V5_HEADER(2, sequence, 0), V5_RECORD(6, 80), V5_RECORD(6, 80));
		decode(f);
	}
	assert_int_equal(stats(f)->lost_messages, 16);
	/* Another engine counts for itself. */
	message_begin(&f->m);
	PUT(&f->m, HEADER(5, 0), U32(5000), U8(0), U8(9), U16(0));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_v1),
		FIXTURE_TEST(test_v1_long),
		FIXTURE_TEST(test_v1_of_many_records),
		FIXTURE_TEST(test_v5),
		FIXTURE_TEST(test_v7),
		FIXTURE_TEST(test_icmp_hides_in_the_port),
		FIXTURE_TEST(test_absent_sampling_is_one),
		FIXTURE_TEST(test_uptime_wraps),
		FIXTURE_TEST(test_count_and_length_disagree),
		FIXTURE_TEST(test_no_records),
		FIXTURE_TEST(test_sequence_with_its_own),
		FIXTURE_TEST(test_lost_flows_are_counted_by_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
