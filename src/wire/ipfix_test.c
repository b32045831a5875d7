#include "wire/testing.h"

#define IPFIX_FLOW_FIELDS {8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 8}, {2, 8}, {152, 8}, {153, 8}
#define IPFIX_FLOW(last)                                                                                          \
	IP(10, 0, 0, last), IP(10, 0, 1, last), U16(1234), U16(443), U8(6), U64(600), U64(5), U64(TEST_MS - 2000), \
		U64(TEST_MS - 1000)

static void test_template_and_data(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, IPFIX_FLOW_FIELDS);
	SET(&f->m, 256, IPFIX_FLOW(1), IPFIX_FLOW(2));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
	assert_cell(f, 1, SRC_ADDR, "10.0.0.2");
	assert_cell(f, 1, BYTES, "600");
	assert_cell(f, 1, TIME_START, "1699999998000");
	assert_cell(f, 1, TIME_END, "1699999999000");
	assert_cell(f, 1, FLOW_TYPE, "10");
	assert_cell(f, 1, OBSERVATION_DOMAIN, "7");
	assert_cell(f, 1, IP_VERSION, "4");
	assert_int_equal(f->block->runs, 1);
}

/* RFC 7011 §6.2 */
static void test_reduced_size(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {1, 3}, {2, 1}, {10, 2}, {14, 1}, {6, 1}, {16, 2}, {148, 5});
	SET(&f->m, 256, U24(70000), U8(9), U16(513), U8(7), U8(0x12), U16(64512), U8(1), U32(2));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, BYTES, "70000");
	assert_cell(f, 0, PACKETS, "9");
	assert_cell(f, 0, IN_IF, "513");
	assert_cell(f, 0, OUT_IF, "7");
	assert_cell(f, 0, TCP_FLAGS, "18");
	assert_cell(f, 0, SRC_AS, "64512");
	assert_cell(f, 0, FLOW_ID, "4294967298");
}

/* A value larger than its column's type keeps to the type's largest. */
static void test_oversized(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {7, 4}, {11, 4}, {4, 8}, {1, 9});
	SET(&f->m, 256, U32(70000), U32(80), U64(300), U8(1), U64(2));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SRC_PORT, "65535");
	assert_cell(f, 0, DST_PORT, "80");
	assert_cell(f, 0, PROTO, "255");
	assert_cell(f, 0, BYTES, "-");
	assert_extra(f, 0, "octetDeltaCount", "010000000000000002");
}

static void test_variable_length(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {96, VAR}, {371, VAR}, {82, VAR}, {1, VAR});
	set_begin(&f->m, 256);
	PUT(&f->m, IP(10, 0, 0, 1), 4, 'h', 't', 't', 'p', 3, 'b', 'o', 'b', 4, 'e', 't', 'h', '0', 2, U16(600));
	/* The three-byte form, an empty string, and an empty number. */
	PUT(&f->m, IP(10, 0, 0, 2), 255, U16(3), 's', 's', 'h', 0, 0, 0);
	/* A number that is longer than numbers are. */
	PUT(&f->m, IP(10, 0, 0, 3), 0, 0, 0, 9, U64(1), U8(1));
	set_end(&f->m);
	decode(f);
	assert_faults(f, "field_length");
	assert_int_equal(f->block->rows, 3);
	assert_cell(f, 0, APPLICATION_NAME, "http");
	assert_cell(f, 0, USER_NAME, "bob");
	assert_extra(f, 0, "interfaceName", "eth0");
	assert_cell(f, 0, BYTES, "600");
	assert_cell(f, 1, SRC_ADDR, "10.0.0.2");
	assert_cell(f, 1, APPLICATION_NAME, "ssh");
	assert_cell(f, 1, USER_NAME, "-");
	assert_cell(f, 1, BYTES, "-");
	assert_extra(f, 1, "interfaceName", "-");
	assert_cell(f, 2, SRC_ADDR, "10.0.0.3");
	assert_cell(f, 2, BYTES, "-");
}

static void test_padding(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {210, 3}, {4, 1});
	SET(&f->m, 256, IP(10, 0, 0, 1), U24(0xffffff), U8(6), U32(0), U24(0));
	SET(&f->m, 256, IP(10, 0, 0, 2), U24(0), U8(6));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
	assert_int_equal(f->block->extras, 0);
	/* Padding that is not zero is data that nobody understood. */
	ipfix_begin(&f->m, 2);
	SET(&f->m, 256, IP(10, 0, 0, 1), U24(0), U8(6), U8(0), U8(9));
	decode(f);
	assert_faults(f, "set_padding");
	assert_int_equal(f->block->rows, 3);
}

static void test_enterprise_elements(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {PEN(9, 4254), 4}, {PEN(29305, 1), 8}, {PEN(29305, 7), 2}, {PEN(6871, 14), 1},
		     {PEN(6871, 0x4000 | 14), 1}, {PEN(4242, 77), 4}, {32000, 2});
	SET(&f->m, 256, U32(11), U64(22), U16(33), U8(44), U8(55), U32(0xdeadbeef), U16(0x66));
	decode(f);
	assert_faults(f, "");
	assert_extra(f, 0, "ciscoTransportRtpSsrc", "11");
	assert_cell(f, 0, REVERSE_BYTES, "22");
	assert_extra(f, 0, "reverseSourceTransportPort", "33");
	assert_extra(f, 0, "certInitialTCPFlags", "44");
	assert_extra(f, 0, "reverseCertInitialTCPFlags", "55");
	assert_extra(f, 0, "4242:77", "deadbeef");
	assert_extra(f, 0, "0:32000", "0066");
}

/* One record has either address family. */
static void test_address_families_join(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {27, 16}, {28, 16}, {12, 4});
	set_begin(&f->m, 256);
	PUT(&f->m, IP(10, 0, 0, 1), U64(0), U64(0), U64(0), U64(0), IP(10, 0, 0, 2));
	PUT(&f->m, U32(0), U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U32(0));
	set_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 0, DST_ADDR, "10.0.0.2");
	assert_cell(f, 0, IP_VERSION, "4");
	assert_cell(f, 1, SRC_ADDR, "2001:db8::1");
	assert_cell(f, 1, DST_ADDR, "2001:db8::2");
	assert_cell(f, 1, IP_VERSION, "6");
	assert_int_equal(f->block->extras, 0);
}

/* What the message says holds where a record leaves it empty. */
static void test_empty_values(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {34, VAR}, {149, VAR}, {60, VAR});
	SET(&f->m, 256, IP(10, 0, 0, 1), 0, 0, 0, IP(10, 0, 0, 2), 1, 64, 2, U16(77), 1, 4);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SAMPLING_RATE, "1");
	assert_cell(f, 0, OBSERVATION_DOMAIN, "7");
	assert_cell(f, 0, IP_VERSION, "-");
	assert_cell(f, 1, SAMPLING_RATE, "64");
	assert_cell(f, 1, OBSERVATION_DOMAIN, "77");
	assert_cell(f, 1, IP_VERSION, "4");
}

/* RFC 7011 §8.1 */
static void test_withdrawal_over_udp(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4});
	SET(&f->m, 2, U16(256), U16(0));
	SET(&f->m, 2, U16(2), U16(0));
	SET(&f->m, 256, IP(10, 0, 0, 1));
	decode(f);
	assert_faults(f, "withdrawal_ignored=2");
	assert_int_equal(f->block->rows, 1);
}

static void test_withdrawal(void **state)
{
	struct fixture *f = *state;

	f->session = 1;
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4});
	TEMPLATE_SET(&f->m, 2, 257, {12, 4});
	SET(&f->m, 3, U16(258), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
	SET(&f->m, 2, U16(256), U16(0));
	SET(&f->m, 256, IP(10, 0, 0, 1));
	SET(&f->m, 257, IP(10, 0, 0, 1));
	decode(f);
	assert_faults(f, "template_missing");
	assert_int_equal(f->block->rows, 1);
	/* All data templates at once, but not those of options; one that is unknown is nothing. */
	ipfix_begin(&f->m, 0);
	SET(&f->m, 2, U16(2), U16(0));
	SET(&f->m, 2, U16(300), U16(0));
	SET(&f->m, 257, IP(10, 0, 0, 1));
	SET(&f->m, 258, U32(7), U32(100));
	decode(f);
	assert_faults(f, "template_missing=2");
	assert_int_equal(stats(f)->option_records, 1);
	ipfix_begin(&f->m, 0);
	SET(&f->m, 3, U16(3), U16(0));
	SET(&f->m, 258, U32(7), U32(100));
	decode(f);
	assert_faults(f, "template_missing=3");
	assert_int_equal(stats(f)->option_records, 1);
}

/* RFC 7011 §3.1: data records, those of options too, are what the sequence number counts. */
static void test_sequence_counts_records(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 1000);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4});
	SET(&f->m, 256, U32(1), U32(2), U32(3));
	decode(f);
	ipfix_begin(&f->m, 1003);
	SET(&f->m, 256, U32(1));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 0);
	ipfix_begin(&f->m, 1014);
	SET(&f->m, 256, U32(1));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 10);
	/* A set whose records cannot be counted: the next number is taken as it comes. */
	ipfix_begin(&f->m, 1015);
	SET(&f->m, 999, U32(1));
	decode(f);
	ipfix_begin(&f->m, 1030);
	SET(&f->m, 256, U32(1));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 10);
	ipfix_begin(&f->m, 1032);
	SET(&f->m, 256, U32(1));
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 11);
}

static void test_length_of_message(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4});
	SET(&f->m, 256, U32(1));
	ipfix_end(&f->m);
	/* Bytes behind the message. */
	PUT(&f->m, U64(1));
	decode_bytes(f, f->m.data, weir_writer_len(&f->m.w));
	assert_faults(f, "message_length");
	assert_int_equal(f->block->rows, 1);
	/* Cut short: the sets that are whole are read. */
	ipfix_begin(&f->m, 1);
	SET(&f->m, 256, U32(1));
	SET(&f->m, 256, U32(2));
	ipfix_end(&f->m);
	decode_bytes(f, f->m.data, weir_writer_len(&f->m.w) - 2);
	assert_faults(f, "message_length=2 set_overrun");
	assert_int_equal(f->block->rows, 2);
}

static void test_times(void **state)
{
	struct fixture *f = *state;
	const uint64_t ntp = (uint64_t)(TEST_SECONDS + 2208988800U) << 32 | 0x80000000;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {150, 4}, {151, 4});
	TEMPLATE_SET(&f->m, 2, 257, {154, 8}, {157, 8});
	TEMPLATE_SET(&f->m, 2, 258, {158, 4}, {159, 4});
	TEMPLATE_SET(&f->m, 2, 259, {22, 4}, {21, 4}, {160, 8});
	TEMPLATE_SET(&f->m, 2, 260, {22, 4}, {152, 8}, {160, 8});
	SET(&f->m, 256, U32(TEST_SECONDS - 9), U32(TEST_SECONDS - 8));
	SET(&f->m, 257, U64(ntp), U64(ntp + 0x40000000));
	SET(&f->m, 258, U32(5000000), U32(2000999));
	SET(&f->m, 259, U32(1000), U32(3000), U64(TEST_MS - 10000));
	SET(&f->m, 260, U32(1000), U64(TEST_MS - 77), U64(TEST_MS - 10000));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, TIME_START, "1699999991000");
	assert_cell(f, 0, TIME_END, "1699999992000");
	assert_cell(f, 1, TIME_START, "1700000000500");
	assert_cell(f, 1, TIME_END, "1700000000750");
	assert_cell(f, 2, TIME_START, "1699999995000");
	assert_cell(f, 2, TIME_END, "1699999998000");
	assert_cell(f, 3, TIME_START, "1699999991000");
	assert_cell(f, 3, TIME_END, "1699999993000");
	/* What another column does not use up stays to be read. */
	assert_cell(f, 4, TIME_START, "1699999999923");
	assert_extra(f, 4, "flowStartSysUpTime", "1000");
	assert_extra(f, 4, "systemInitTimeMilliseconds", "2023-11-14T22:13:10.000Z");
	assert_extra(f, 3, "systemInitTimeMilliseconds", "-");
}

/* Viptela's times among others: what cannot be becomes the export time, with a fault each. */
static void test_implausible_times(void **state)
{
	struct fixture *f = *state;
	const uint64_t day = 86400000;
	const uint64_t year_1980 = 3652 * day;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {152, 8}, {153, 8});
	SET(&f->m, 256, U64(year_1980), U64(TEST_MS + day), U64(0), U64(year_1980 - 1), U64(TEST_MS - 1), U64(UINT64_MAX));
	decode(f);
	assert_faults(f, "time_implausible=3");
	assert_cell(f, 0, TIME_START, "315532800000");
	assert_cell(f, 0, TIME_END, "1700086400000");
	assert_cell(f, 1, TIME_START, "1700000000000");
	assert_cell(f, 1, TIME_END, "1700000000000");
	assert_cell(f, 2, TIME_START, "1699999999999");
	assert_cell(f, 2, TIME_END, "1700000000000");
}

/* An exporter whose own clock is not set, but whose flows' times are right or are as wrong. */
static void test_exporter_without_a_clock(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	weir_put_be32(f->m.data + 4, 1000);
	TEMPLATE_SET(&f->m, 2, 256, {152, 8}, {153, 8});
	SET(&f->m, 256, U64(TEST_MS), U64(TEST_MS + 1), U64(990000), U64(1000000), U64(1ULL << 42), U64(0));
	decode(f);
	assert_faults(f, "time_implausible");
	assert_cell(f, 0, TIME_START, "1700000000000");
	assert_cell(f, 1, TIME_START, "990000");
	assert_cell(f, 2, TIME_START, "1700000000500");
	assert_cell(f, 2, TIME_END, "0");
}

/* Sophos tells the start alone in some templates. */
static void test_only_start_or_end(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {150, 4}, {8, 4});
	TEMPLATE_SET(&f->m, 2, 257, {153, 8}, {8, 4});
	TEMPLATE_SET(&f->m, 2, 258, {161, 4}, {153, 8});
	TEMPLATE_SET(&f->m, 2, 259, {162, 4}, {152, 8}, {82, VAR});
	SET(&f->m, 256, U32(TEST_SECONDS), U32(1));
	SET(&f->m, 257, U64(TEST_MS - 5), U32(1));
	SET(&f->m, 258, U32(1500), U64(TEST_MS));
	SET(&f->m, 259, U32(1500000), U64(TEST_MS - 2000), 0, U32(2500000), U64(TEST_MS - 3000), 1, 'x');
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, TIME_START, "1700000000000");
	assert_cell(f, 0, TIME_END, "1700000000000");
	assert_cell(f, 1, TIME_START, "1699999999995");
	assert_cell(f, 1, TIME_END, "1699999999995");
	assert_cell(f, 2, TIME_START, "1699999998500");
	assert_extra(f, 2, "flowDurationMilliseconds", "1500");
	assert_cell(f, 3, TIME_END, "1699999999500");
	assert_cell(f, 4, TIME_END, "1699999999500");
}

/* Uptimes without the exporter's start are kept as they are, until an options record tells it. */
static void test_uptime_by_options(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {22, 4}, {21, 4});
	SET(&f->m, 3, U16(257), U16(2), U16(1), U16(149), U16(4), U16(160), U16(8));
	SET(&f->m, 256, U32(1000), U32(2000));
	SET(&f->m, 257, U32(TEST_DOMAIN), U64(TEST_MS - 5000));
	SET(&f->m, 256, U32(1000), U32(2000));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, TIME_START, "-");
	assert_extra(f, 0, "flowStartSysUpTime", "1000");
	assert_cell(f, 1, TIME_START, "1699999996000");
	assert_cell(f, 1, TIME_END, "1699999997000");
	/* The uptime's 32 bits have wrapped since: the moment nearest before the export is meant. */
	ipfix_begin(&f->m, 3);
	SET(&f->m, 257, U32(TEST_DOMAIN), U64(TEST_MS - (3LL << 32)));
	SET(&f->m, 256, U32(0u - 1000u), U32(0));
	decode(f);
	assert_cell(f, 2, TIME_START, "1699999999000");
	assert_cell(f, 2, TIME_END, "1700000000000");
}

static void test_special_values(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {70, 3}, {95, 4}, {351, 8}, {56, 6}, {139, 2}, {178, 1});
	SET(&f->m, 256, U24(0x012345), U8(13), U24(453), U64(0x0100000000001234), U16(0x0011), U32(0x22334455),
	    U16(0x8100), U8(0x81));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, MPLS_LABEL_1, "4660");
	assert_cell(f, 0, APPLICATION_ID, "936748722493063621"); /* 13 << 56 | 453 */
	assert_cell(f, 0, VNI, "4660");
	assert_cell(f, 0, SRC_MAC, "00:11:22:33:44:55");
	/* The type alone is said by an element of its own, the code by the pair only. */
	assert_cell(f, 0, ICMP_TYPE, "129");
	assert_cell(f, 0, ICMP_CODE, "0");
}

/* A template that is told again as it was does not disturb anything. */
static void test_template_refresh(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		ipfix_begin(&f->m, i);
		TEMPLATE_SET(&f->m, 2, 256, {8, 4});
		SET(&f->m, 256, U32(i));
		decode(f);
	}
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 3);
	assert_int_equal(stats(f)->templates, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_template_and_data),
		FIXTURE_TEST(test_reduced_size),
		FIXTURE_TEST(test_oversized),
		FIXTURE_TEST(test_variable_length),
		FIXTURE_TEST(test_padding),
		FIXTURE_TEST(test_enterprise_elements),
		FIXTURE_TEST(test_address_families_join),
		FIXTURE_TEST(test_empty_values),
		FIXTURE_TEST(test_withdrawal),
		FIXTURE_TEST(test_withdrawal_over_udp),
		FIXTURE_TEST(test_sequence_counts_records),
		FIXTURE_TEST(test_length_of_message),
		FIXTURE_TEST(test_times),
		FIXTURE_TEST(test_implausible_times),
		FIXTURE_TEST(test_exporter_without_a_clock),
		FIXTURE_TEST(test_only_start_or_end),
		FIXTURE_TEST(test_uptime_by_options),
		FIXTURE_TEST(test_special_values),
		FIXTURE_TEST(test_template_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
