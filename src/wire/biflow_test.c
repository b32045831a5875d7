/* Records of both directions become two rows. */
#include "wire/testing.h"

#define REVERSE(id) PEN(29305, id)

static uint64_t sum(const struct fixture *f, enum weir_column_id column)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < f->block->rows; i++)
		n += weir_block_u64(f->block, column)[i];
	return n;
}

/* RFC 5103's way, with all that can be exchanged. */
static void test_two_rows(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 4}, {2, 4}, {REVERSE(1), 4}, {REVERSE(2), 4}, {10, 4},
		     {14, 4}, {16, 4}, {17, 4}, {9, 1}, {13, 1}, {56, 6}, {80, 6}, {6, 1}, {REVERSE(6), 1}, {5, 1}, {15, 4}, {148, 4},
		     {152, 8}, {153, 8}, {REVERSE(152), 8}, {REVERSE(153), 8}, {184, 4});
	SET(&f->m, 256, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U16(1234), U16(443), U8(6), U32(1000), U32(10), U32(50000), U32(40), U32(11),
	    U32(12), U32(65001), U32(65002), U8(24), U8(16), U24(0), U24(1), U24(0), U24(2), U8(0x02), U8(0x12), U8(0xb8),
	    IP(10, 9, 9, 9), U32(77), U64(TEST_MS - 5000), U64(TEST_MS - 1000), U64(TEST_MS - 4000), U64(TEST_MS - 2000), U32(99));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
	assert_int_equal(stats(f)->flows, 2);
	assert_cell(f, 0, BIFLOW_DIRECTION, "1");
	assert_cell(f, 1, BIFLOW_DIRECTION, "2");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 1, SRC_ADDR, "10.0.0.2");
	assert_cell(f, 1, DST_ADDR, "10.0.0.1");
	assert_cell(f, 1, SRC_PORT, "443");
	assert_cell(f, 1, DST_PORT, "1234");
	assert_cell(f, 1, PROTO, "6");
	assert_cell(f, 1, IP_VERSION, "4");
	assert_cell(f, 0, BYTES, "1000");
	assert_cell(f, 0, REVERSE_BYTES, "50000");
	assert_cell(f, 1, BYTES, "50000");
	assert_cell(f, 1, REVERSE_BYTES, "1000");
	assert_cell(f, 1, PACKETS, "40");
	assert_cell(f, 1, REVERSE_PACKETS, "10");
	assert_cell(f, 1, IN_IF, "12");
	assert_cell(f, 1, OUT_IF, "11");
	assert_cell(f, 1, SRC_AS, "65002");
	assert_cell(f, 1, DST_AS, "65001");
	assert_cell(f, 1, SRC_MASK, "16");
	assert_cell(f, 1, DST_MASK, "24");
	assert_cell(f, 1, SRC_MAC, "00:00:00:00:00:02");
	assert_cell(f, 1, DST_MAC, "00:00:00:00:00:01");
	assert_cell(f, 0, TCP_FLAGS, "2");
	assert_cell(f, 1, TCP_FLAGS, "18");
	assert_cell(f, 0, IP_TOS, "184");
	assert_cell(f, 1, IP_TOS, "-");
	assert_cell(f, 1, NEXT_HOP, "-");
	assert_cell(f, 1, FLOW_ID, "77");
	assert_cell(f, 0, TIME_START, "1699999995000");
	assert_cell(f, 1, TIME_START, "1699999996000");
	assert_cell(f, 1, TIME_END, "1699999998000");
	assert_cell(f, 1, TIME_RECEIVED, "1700000000500");
	assert_cell(f, 1, EXPORTER_ADDR, "192.0.2.1");
	assert_extra(f, 0, "tcpSequenceNumber", "99");
	assert_extra(f, 1, "tcpSequenceNumber", "-");
}

/* A record is one record, however many rows: the sequence numbers of the next message fit. */
static void test_records_are_counted_not_rows(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		ipfix_begin(&f->m, 2 * i);
		TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {12, 4}, {1, 4}, {REVERSE(1), 4});
		SET(&f->m, 256, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(5), U32(7), IP(10, 0, 0, 3), IP(10, 0, 0, 4), U32(5), U32(0));
		decode(f);
	}
	assert_faults(f, "");
	assert_int_equal(stats(f)->lost_messages, 0);
	assert_int_equal(f->block->rows, 9); /* nothing came back to 10.0.0.3 */
	assert_int_equal(sum(f, WEIR_COL_BYTES), 3 * (5 + 7 + 5));
}

/* Firewalls tell an initiator and a responder, in NetFlow v9 too. */
static void test_initiator_and_responder(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {231, 4}, {232, 4}, {298, 4}, {299, 4}, {225, 4}, {226, 4},
		     {227, 2}, {228, 2}, {233, 1});
	SET(&f->m, 256, IP(10, 0, 0, 1), IP(192, 0, 2, 9), U16(1234), U16(443), U8(6), U32(100), U32(900), U32(2), U32(3),
	    IP(198, 51, 100, 1), IP(192, 0, 2, 9), U16(5555), U16(443), U8(2), 0);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
	assert_cell(f, 1, SRC_ADDR, "192.0.2.9");
	assert_cell(f, 1, BYTES, "900");
	assert_cell(f, 1, PACKETS, "3");
	assert_cell(f, 1, POST_NAT_DST_ADDR, "198.51.100.1");
	assert_cell(f, 1, POST_NAT_DST_PORT, "5555");
	assert_cell(f, 1, FIREWALL_EVENT, "2");
	assert_cell(f, 1, BIFLOW_DIRECTION, "2");
}

/* Where a record has the sum of both directions too, it must not be counted beside the responder's; nor must a delta be paired
 * with a total. */
static void test_counters_that_belong_together(void **state)
{
	static const struct {
		uint16_t id[3];
		uint32_t pen[3];
		const char *bytes, *reverse, *extra;
	} cases[] = {
		/* octetDeltaCount, and octetTotalCount as old ASAs have it, beside initiator's and responder's octets */
		{{1, 231, 232}, {0, 0, 0}, "200", "300", "octetDeltaCount"},
		{{85, 231, 232}, {0, 0, 0}, "200", "300", "octetTotalCount"},
		{{1, 231, 1}, {0, 0, 29305}, "100", "300", "initiatorOctets"},
		{{1, 85, 85}, {0, 0, 29305}, "200", "300", "octetDeltaCount"},
		{{352, 14, 16}, {0, 8741, 8741}, "200", "300", "layer2OctetDeltaCount"},
		/* nProbe's OUT_BYTES are what came back; other exporters' are the same packets behind the exporter */
		{{1, 23, 118}, {0, 0, 35632}, "100", "200", "ntopL7Proto"},
		{{1, 23, 231}, {0, 0, 0}, "100", "-", "postOctetDeltaCount"},
		/* none belongs to it */
		{{1, 2, 232}, {0, 0, 0}, "100", "300", NULL},
	};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t first = f->block->rows;

		ipfix_begin(&f->m, i);
		set_begin(&f->m, 2);
		PUT(&f->m, U16(256), U16(5), U16(8), U16(4), U16(12), U16(4));
		for (unsigned j = 0; j < 3; j++) {
			PUT(&f->m, U16(cases[i].id[j] | (cases[i].pen[j] ? 0x8000 : 0)), U16(4));
			if (cases[i].pen[j])
				PUT(&f->m, U32(cases[i].pen[j]));
		}
		set_end(&f->m);
		SET(&f->m, 256, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(100), U32(200), U32(300));
		decode(f);
		assert_faults(f, "");
		assert_cell(f, first, BYTES, cases[i].bytes);
		assert_cell(f, first, REVERSE_BYTES, cases[i].reverse);
		if (cases[i].extra)
			assert_string_not_equal(extra(f, first, cases[i].extra), "-");
		if (cases[i].reverse[0] != '-')
			assert_cell(f, first + 1, BYTES, cases[i].reverse);
	}
}

static void test_direction_that_is_told(void **state)
{
	static const struct {
		uint8_t told;
		const char *first, *second;
	} cases[] = {{0, "0", "0"}, {1, "1", "2"}, {2, "2", "1"}, {3, "3", "3"}};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 4; i++) {
		ipfix_begin(&f->m, i);
		TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {12, 4}, {1, 4}, {REVERSE(1), 4}, {239, 1});
		SET(&f->m, 256, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(5), U32(7), U8(cases[i].told));
		decode(f);
		assert_cell(f, 2 * i, BIFLOW_DIRECTION, cases[i].first);
		assert_cell(f, 2 * i + 1, BIFLOW_DIRECTION, cases[i].second);
	}
	assert_faults(f, "");
}

/* YAF: totals, one VLAN for both directions, the reverse's start as milliseconds after the first packet, a string. */
static void test_variable_length(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {27, 16}, {28, 16}, {85, 8}, {REVERSE(85), 8}, {58, 2}, {152, 8}, {153, 8}, {PEN(6871, 21), 4}, {96, VAR});
	SET(&f->m, 256, U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U64(40), U64(60), U16(12), U64(TEST_MS - 3000),
	    U64(TEST_MS - 1000), U32(15), U8(3), 'd', 'n', 's');
	SET(&f->m, 256, U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(3), U64(40), U64(60), U16(12), U64(TEST_MS - 3000),
	    U64(TEST_MS - 1000), U32(99999), U8(0));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 4);
	assert_cell(f, 1, SRC_ADDR, "2001:db8::2");
	assert_cell(f, 1, IP_VERSION, "6");
	assert_cell(f, 1, BYTES, "60");
	assert_cell(f, 1, SRC_VLAN, "12");
	assert_cell(f, 1, DST_VLAN, "-");
	assert_cell(f, 1, APPLICATION_NAME, "dns");
	assert_cell(f, 1, TIME_START, "1699999997015");
	assert_cell(f, 3, APPLICATION_NAME, "-");
	assert_cell(f, 3, TIME_START, "1699999999000"); /* no later than its end */
}

static void test_implausible_times_of_the_reverse(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {12, 4}, {1, 4}, {REVERSE(1), 4}, {152, 8}, {153, 8}, {REVERSE(152), 8}, {REVERSE(153), 8});
	SET(&f->m, 256, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(5), U32(7), U64(TEST_MS), U64(TEST_MS), U64(5 * TEST_MS), U64(5 * TEST_MS));
	decode(f);
	assert_faults(f, "time_implausible=2");
	assert_cell(f, 1, TIME_START, "1700000000000");
	assert_cell(f, 1, TIME_END, "1700000000000");
}

/* Blocks of any size take all rows; one of a single row has no room for the second ones, and says so. */
static void test_small_blocks(void **state)
{
	(void)state;
	for (uint32_t rows = 1; rows <= 9; rows++) {
		const struct weir_block_limits limits = {.rows_max = rows, .heap_max = 256, .extras_max = 4};
		struct fixture *f = fixture_new(NULL, &limits);

		ipfix_begin(&f->m, 0);
		TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {12, 4}, {1, 4}, {REVERSE(1), 4});
		set_begin(&f->m, 256);
		for (uint32_t i = 0; i < 20; i++)
			PUT(&f->m, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(5), U32(7));
		set_end(&f->m);
		decode(f);
		assert_faults(f, rows == 1 ? "block_refused=20" : "");
		assert_int_equal(stats(f)->flows, rows == 1 ? 20 : 40);
		assert_int_equal(f->flows_taken + f->block->rows, stats(f)->flows);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_two_rows),
		FIXTURE_TEST(test_records_are_counted_not_rows),
		FIXTURE_TEST(test_initiator_and_responder),
		FIXTURE_TEST(test_counters_that_belong_together),
		FIXTURE_TEST(test_direction_that_is_told),
		FIXTURE_TEST(test_variable_length),
		FIXTURE_TEST(test_implausible_times_of_the_reverse),
		cmocka_unit_test(test_small_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
