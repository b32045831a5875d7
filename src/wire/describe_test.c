/* Options records beside sampling: names and totals go to the tables, names of applications to the flows. */
#include "wire/names.h"
#include "wire/tell_testing.h"

static struct told told;

/* RFC 3954 §6.1, as Cisco's interface-table is sent: scope interface, name and description, NULs at their ends. */
static void test_v9_interfaces(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	v9_begin(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(2), U16(4), U16(82), U16(8), U16(83), U16(6), U16(0));
	SET(&f->m, 256, U32(3), 'G', 'i', '0', '/', '3', 0, 0, 0, 'u', 'p', 'l', 'i', 'n', 'k', U32(4), 'G', 'i', '0', '/', '4',
	    0, 0, 0, 0, 0, 0, 0, 0, 0);
	decode(f);
	assert_faults(f, "");
	assert_told(&told, "interface 3 interfaceName=Gi0/3\ninterface 3 interfaceDescription=uplink\n"
			   "interface 4 interfaceName=Gi0/4\ninterface 4 interfaceDescription=\n");
	/* The same again is no news; something else is. */
	v9_begin(&f->m, 1);
	SET(&f->m, 256, U32(3), 'G', 'i', '0', '/', '3', 0, 0, 0, 'u', 'p', 'l', 'i', 'n', 'K', 0, 0);
	decode(f);
	assert_told(&told, "interface 3 interfaceDescription=uplinK\n");
	/* Until an hour has gone. */
	v9_begin(&f->m, 2);
	SET(&f->m, 256, U32(3), 'G', 'i', '0', '/', '3', 0, 0, 0, 'u', 'p', 'l', 'i', 'n', 'K', 0, 0);
	weir_decoder_decode(f->decoder,
			    &(struct weir_datagram){.data = f->m.data, .len = weir_writer_len(&f->m.w), .exporter = f->exporter,
						    .exporter_port = 2055, .received_ms = TEST_MS + 3601000},
			    &f->block, &f->sink);
	assert_told(&told, "interface 3 interfaceName=Gi0/3\ninterface 3 interfaceDescription=uplinK\n");
}

static void test_vrf_and_unknown(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	ipfix_begin(&f->m, 0);
	SET(&f->m, 3, U16(256), U16(3), U16(1), U16(234), U16(4), U16(236), U16(VAR), U16(0x8000 | 99), U16(2), U32(4711));
	SET(&f->m, 256, U32(7), 4, 'b', 'l', 'u', 'e', U16(258));
	decode(f);
	assert_faults(f, "");
	assert_told(&told, "vrf 7 VRFname=blue\nvrf 7 4711:99=0102\n");
}

/* RFC 7011 §4.1: what an exporter says of itself is counted. */
static void test_totals_are_counters(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	ipfix_begin(&f->m, 0);
	SET(&f->m, 3, U16(256), U16(4), U16(1), U16(144), U16(4), U16(41), U16(8), U16(42), U16(4), U16(166), U16(8));
	SET(&f->m, 256, U32(2), U64(1000), U32(50), U64(UINT64_MAX));
	decode(f);
	assert_faults(f, "");
	assert_told(&told, "exporting_process 2 exportedMessageTotalCount=1000\n"
			   "exporting_process 2 exportedFlowRecordTotalCount=50\n"
			   "exporting_process 2 notSentFlowTotalCount=18446744073709551615\n");
}

/* RFC 6759: flows with a number get the name; one that was not told stays a number; one that has a name keeps it. */
static void test_applications(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 300, {8, 4}, {95, 4});
	TEMPLATE_SET(&f->m, 0, 301, {95, 4}, {96, 4});
	SET(&f->m, 300, U32(1), U8(13), U24(1));
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(0), U16(95), U16(4), U16(96), U16(6));
	SET(&f->m, 256, U8(13), U24(1), 'h', 't', 't', 'p', 0, 0, U8(13), U24(2), 'd', 'n', 's', 0, 0, 0);
	SET(&f->m, 300, U32(1), U8(13), U24(1), U32(2), U8(13), U24(1), U32(3), U8(13), U24(2), U32(4), U8(3), U24(443));
	SET(&f->m, 301, U8(13), U24(1), 'o', 'w', 'n', 0);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, APPLICATION_NAME, "-");
	assert_cell(f, 1, APPLICATION_NAME, "http");
	assert_cell(f, 2, APPLICATION_NAME, "http");
	assert_cell(f, 3, APPLICATION_NAME, "dns");
	assert_cell(f, 4, APPLICATION_NAME, "3:443");
	assert_cell(f, 5, APPLICATION_NAME, "own");
	assert_told(&told, "application 13:1 applicationName=http\napplication 13:2 applicationName=dns\n");
}

/* Nobody listens: the names are used all the same. */
static void test_without_a_sink(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 300, {8, 4}, {95, 4});
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(0), U16(95), U16(4), U16(96), U16(6));
	SET(&f->m, 256, U8(13), U24(1), 'h', 't', 't', 'p', 0, 0);
	SET(&f->m, 300, U32(1), U8(13), U24(1));
	decode(f);
	assert_cell(f, 0, APPLICATION_NAME, "http");
}

/* Interface and VRF tables: their names are in flows that come after them, each direction's where it belongs. */
static void test_names_in_flows(void **state)
{
	struct fixture *f = *state;
	struct weir_vocabulary *vocabulary;

	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {8, 4}, {12, 4}, {10, 4}, {14, 4}, {234, 4}, {235, 4}, {1, 4}, {PEN(29305, 1), 4});
	SET(&f->m, 3, U16(256), U16(3), U16(1), U16(10), U16(4), U16(82), U16(8), U16(83), U16(8));
	SET(&f->m, 3, U16(257), U16(3), U16(1), U16(234), U16(4), U16(236), U16(VAR), U16(210), U16(2));
	SET(&f->m, 256, U32(3), 'G', 'i', '0', '/', '3', 0, 0, 0, 'u', 'p', 'l', 'i', 'n', 'k', 0, 0, U32(4), U64(0), 'c', 'e', 'l', 'l',
	    'a', 'r', 0, 0);
	SET(&f->m, 257, U32(7), 4, 'b', 'l', 'u', 'e', U16(0));
	/* Without a vocabulary, then with one. */
	SET(&f->m, 300, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(3), U32(4), U32(7), U32(8), U32(10), U32(0));
	decode(f);
	weir_decoder_vocabulary(f->decoder, vocabulary);
	ipfix_begin(&f->m, 4);
	SET(&f->m, 300, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(3), U32(4), U32(7), U32(8), U32(10), U32(20), IP(10, 0, 0, 1),
	    IP(10, 0, 0, 3), U32(3), U32(5), U32(7), U32(7), U32(10), U32(0));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, IN_IF_NAME, "-");
	assert_cell(f, 1, IN_IF_NAME, "Gi0/3");
	assert_cell(f, 1, OUT_IF_NAME, "cellar"); /* it has no name but its description */
	assert_cell(f, 1, IN_VRF_NAME, "blue");
	assert_cell(f, 1, OUT_VRF_NAME, "");
	assert_cell(f, 2, OUT_IF_NAME, "");
	assert_cell(f, 2, OUT_VRF_NAME, "blue");
	/* The row of the answer. */
	assert_cell(f, 3, BIFLOW_DIRECTION, "2");
	assert_cell(f, 3, IN_IF_NAME, "cellar");
	assert_cell(f, 3, OUT_IF_NAME, "Gi0/3");
	assert_cell(f, 3, IN_VRF_NAME, "");
	assert_cell(f, 3, OUT_VRF_NAME, "blue");
	/* A new name is in what comes after it. */
	ipfix_begin(&f->m, 6);
	SET(&f->m, 256, U32(3), 'T', 'e', '1', 0, 0, 0, 0, 0, U64(0));
	SET(&f->m, 300, IP(10, 0, 0, 1), IP(10, 0, 0, 2), U32(3), U32(4), U32(7), U32(8), U32(10), U32(0));
	decode(f);
	assert_cell(f, 4, IN_IF_NAME, "Te1");
	assert_cell(f, 1, IN_IF_NAME, "Gi0/3");
	f->block->vocabulary = NULL;
	weir_vocabulary_free(vocabulary);
}

/* A vocabulary that is full: the flows keep the numbers, and each name is a fault once. */
static void test_no_room_for_names(void **state)
{
	static const struct weir_vocabulary_limits one = {.names_max = 2, .bytes_max = 1 << 16};
	struct fixture *f = *state;
	struct weir_vocabulary *vocabulary;

	assert_int_equal(weir_vocabulary_new(&one, 1, &vocabulary), 0);
	weir_decoder_vocabulary(f->decoder, vocabulary);
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {10, 4}, {1, 4});
	SET(&f->m, 3, U16(256), U16(2), U16(1), U16(10), U16(4), U16(82), U16(4));
	set_begin(&f->m, 256);
	for (uint32_t i = 1; i <= 9; i++)
		PUT(&f->m, U32(i), 'e', 't', 'h', (uint8_t)('0' + i));
	set_end(&f->m);
	for (unsigned again = 0; again < 2; again++) {
		set_begin(&f->m, 300);
		for (uint32_t i = 1; i <= 9; i++)
			PUT(&f->m, U32(i), U32(1));
		set_end(&f->m);
	}
	decode(f);
	assert_true(stats(f)->fault[WEIR_FAULT_NAMES_LIMIT] >= 7 && stats(f)->fault[WEIR_FAULT_NAMES_LIMIT] <= 9);
	assert_cell(f, 8, IN_IF, "9");
	assert_cell(f, 8, IN_IF_NAME, "");
	f->block->vocabulary = NULL;
	weir_vocabulary_free(vocabulary);
}

static void test_names(void **state)
{
	struct weir_names names = {0};
	uint64_t left = 1 << 20;
	char text[100];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (uint64_t id = 1000; id > 0; id--)
		assert_true(weir_names_set(&names, id * 3, WEIR_NAME_DESCRIPTION, "abc", 3, &left));
	assert_true(weir_names_set(&names, 30, WEIR_NAME_PROPER, text, sizeof(text), &left));
	assert_int_equal(names.count, 1000);
	assert_int_equal(left, (1 << 20) - weir_names_bytes(&names));
	assert_int_equal(weir_names_find(&names, 30)->len, WEIR_NAME_MAX);
	assert_int_equal(weir_names_find(&names, 3000)->len, 3);
	assert_null(weir_names_find(&names, 31));
	left = 0;
	for (uint64_t id = 1; id <= 24; id++)
		assert_true(weir_names_set(&names, 5000 + id, WEIR_NAME_PROPER, "abc", 3, &left));
	assert_false(weir_names_set(&names, 6000, WEIR_NAME_PROPER, "abc", 3, &left));
	assert_true(weir_names_set(&names, 3, WEIR_NAME_PROPER, "def", 3, &left));
	/* A description does not take a name's place, and a saved one takes nobody's. */
	assert_true(weir_names_set(&names, 3, WEIR_NAME_DESCRIPTION, "to the cellar", 13, &left));
	assert_true(weir_names_set(&names, 3, WEIR_NAME_SAVED, "old", 3, &left));
	assert_memory_equal(weir_names_find(&names, 3)->text, "def", 3);
	assert_true(weir_names_set(&names, 3, WEIR_NAME_PROPER, "ghij", 4, &left));
	assert_memory_equal(weir_names_find(&names, 3)->text, "ghij", 4);
	weir_names_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_v9_interfaces), FIXTURE_TEST(test_vrf_and_unknown), FIXTURE_TEST(test_totals_are_counters),
		FIXTURE_TEST(test_names_in_flows), FIXTURE_TEST(test_no_room_for_names),
		FIXTURE_TEST(test_applications),  FIXTURE_TEST(test_without_a_sink),  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
