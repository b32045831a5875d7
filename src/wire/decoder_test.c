/* What holds for all protocols: blocks fill and change, lengths of messages, any truncation. */
#include "wire/testing.h"

static void test_block_is_handed_over_when_full(void **state)
{
	const struct weir_block_limits limits = {.rows_max = 8, .heap_max = 4096, .extras_max = 64};
	struct fixture *f = fixture_new(NULL, &limits);

	(void)state;
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {1, 4});
	set_begin(&f->m, 256);
	for (uint32_t i = 0; i < 30; i++)
		PUT(&f->m, IP(10, 0, 0, (uint8_t)i), U32(i));
	set_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->full, 3);
	assert_int_equal(f->flows_taken, 24);
	assert_int_equal(f->block->rows, 6);
	assert_int_equal(stats(f)->flows, 30);
	assert_cell(f, 5, BYTES, "29");
	assert_cell(f, 5, SRC_ADDR, "10.0.0.29");
	fixture_free(f);
}

/* Rows end early where the room for their extra values does; none is lost, none doubled. */
static void test_block_runs_out_of_extras(void **state)
{
	const struct weir_block_limits by_extras = {.rows_max = 64, .heap_max = 4096, .extras_max = 5};
	const struct weir_block_limits by_heap = {.rows_max = 64, .heap_max = 100, .extras_max = 64};
	const struct weir_block_limits *const limits[] = {&by_extras, &by_heap};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fixture_new(NULL, limits[i]);

		v9_begin(&f->m, 0);
		TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {82, 8}, {371, 4}, {83, 4});
		set_begin(&f->m, 256);
		for (uint8_t n = 0; n < 20; n++)
			PUT(&f->m, IP(10, 0, 0, n), 'i', 'f', 'x', 0, 0, 0, 0, 0, 'b', 'o', 'b', 'a' + n, 'd', 0, 0, 0);
		set_end(&f->m);
		decode(f);
		assert_faults(f, "");
		assert_int_equal(stats(f)->flows, 20);
		assert_int_equal(f->flows_taken + f->block->rows, 20);
		assert_true(f->full > 2);
		assert_cell(f, f->block->rows - 1, USER_NAME, "bobt");
		assert_extra(f, f->block->rows - 1, "interfaceName", "ifx");
		assert_extra(f, f->block->rows - 1, "interfaceDescription", "d");
		fixture_free(f);
	}
}

/* Records behind a refused block are counted for the sequence number all the same. */
static void test_refused_block_keeps_the_sequence(void **state)
{
	const struct weir_block_limits limits = {.rows_max = 1, .heap_max = 4096, .extras_max = 64};
	struct fixture *f = fixture_new(NULL, &limits);

	(void)state;
	f->refuse = true;
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {82, VAR});
	SET(&f->m, 256, 1, 'a', 1, 'b', 1, 'c', 1, 'd');
	decode(f);
	assert_faults(f, "block_refused");
	ipfix_begin(&f->m, 4);
	decode(f);
	assert_int_equal(stats(f)->lost_messages, 0);
	fixture_free(f);
}

static void test_message_len(void **state)
{
	static const uint8_t ipfix[24] = {0, 10, 0, 20};
	static const uint8_t short_ipfix[24] = {0, 10, 0, 15};
	static const uint8_t v9[24] = {0, 9};
	static const uint8_t unknown[24] = {0, 11};
	static const uint8_t sflow[8] = {0, 0, 0, 5};
	static const uint8_t two_v5[24 + 48 + 24] = {0, 5, 0, 1, [72] = 0, 5};
	static const uint8_t trailing_v5[24 + 48 + 24] = {0, 5, 0, 1, [72] = 0, 9};
	static const uint8_t two_v7[24 + 52 + 24] = {0, 7, 0, 1, [76] = 0, 7};

	(void)state;
	assert_int_equal(weir_decoder_message_len(two_v5, sizeof(two_v5)), 72);
	assert_int_equal(weir_decoder_message_len(two_v5, 73), 73);
	assert_int_equal(weir_decoder_message_len(trailing_v5, sizeof(trailing_v5)), sizeof(trailing_v5));
	assert_int_equal(weir_decoder_message_len(two_v7, sizeof(two_v7)), 76);
	assert_int_equal(weir_decoder_message_len(ipfix, sizeof(ipfix)), 20);
	assert_int_equal(weir_decoder_message_len(ipfix, 19), 19);
	assert_int_equal(weir_decoder_message_len(ipfix, 3), 3);
	assert_int_equal(weir_decoder_message_len(short_ipfix, sizeof(short_ipfix)), 24);
	assert_int_equal(weir_decoder_message_len(v9, sizeof(v9)), 24);
	assert_int_equal(weir_decoder_message_len(sflow, sizeof(sflow)), 8);
	assert_int_equal(weir_decoder_message_len(unknown, sizeof(unknown)), 0);
	assert_int_equal(weir_decoder_message_len(unknown, 0), 0);
}

static void test_empty_datagram(void **state)
{
	struct fixture *f = *state;

	decode_bytes(f, NULL, 0);
	decode_bytes(f, (const uint8_t[]){0}, 1);
	assert_faults(f, "version_unknown=2");
	assert_int_equal(stats(f)->messages, 2);
	assert_int_equal(stats(f)->bytes, 1);
}

/* Every truncation of a message with everything in it is a named fault or fewer flows, never more. */
static void test_truncations(void **state)
{
	struct fixture *f = *state;
	struct test_message whole;
	size_t len;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {96, VAR}, {1, 4}, {PEN(9, 4254), 4});
	SET(&f->m, 3, U16(257), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
	SET(&f->m, 256, IP(10, 0, 0, 1), 1, 'x', U32(1), U32(2), IP(10, 0, 0, 2), 0, U32(1), U32(2));
	SET(&f->m, 257, U32(1), U32(100));
	ipfix_end(&f->m);
	whole = f->m;
	len = weir_writer_len(&f->m.w);
	for (size_t cut = 0; cut < len; cut++) {
		struct fixture *g = fixture_new(NULL, NULL);

		decode_bytes(g, whole.data, cut);
		assert_true(stats(g)->flows <= 2);
		assert_true(cut >= 16 ? stats(g)->fault[WEIR_FAULT_MESSAGE_LENGTH] == 1
				      : stats(g)->fault[WEIR_FAULT_MESSAGE_SHORT] +
						stats(g)->fault[WEIR_FAULT_VERSION_UNKNOWN] == 1);
		/* The same with a header that agrees. */
		weir_put_be16(whole.data + 2, (uint16_t)cut);
		decode_bytes(g, whole.data, cut);
		weir_put_be16(whole.data + 2, (uint16_t)len);
		fixture_free(g);
	}
	decode_bytes(f, whole.data, len);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
}

static void put_session_template(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {1, 4});
	SET(&f->m, 3, U16(257), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
	SET(&f->m, 257, U32(1), U32(100));
	decode(f);
}

static void put_session_data(struct fixture *f)
{
	ipfix_begin(&f->m, 1);
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(1));
	decode(f);
}

/* RFC 7011 §8: templates belong to the transport session, from the same address too. */
static void test_templates_belong_to_their_session(void **state)
{
	struct fixture *f = *state;

	f->session = 1;
	put_session_template(f);
	put_session_data(f);
	assert_int_equal(stats(f)->flows, 1);
	f->session = 2;
	put_session_data(f);
	f->session = 0;
	put_session_data(f);
	assert_int_equal(stats(f)->flows, 1);
	f->session = 1;
	put_session_data(f);
	assert_int_equal(stats(f)->flows, 2);
	/* What waits in session 2 goes with it; what waits over UDP stays. */
	weir_decoder_session_end(f->decoder, 2, WEIR_FAULTS);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 1);
	weir_decoder_session_end(f->decoder, 1, WEIR_FAULT_SESSION_CUT);
	f->session = 1;
	put_session_data(f);
	assert_int_equal(stats(f)->flows, 2);
	f->session = 0;
	put_session_template(f);
	assert_int_equal(stats(f)->flows, 3);
	assert_faults(f, "session_cut template_missing=2");
}

/* Sessions that come and go leave nothing behind: neither places of exporters nor memory of templates. */
static void test_sessions_leave_nothing_behind(void **state)
{
	const struct weir_decoder_limits limits = {.exporters_max = 3,
						   .templates_max = 4,
						   .fields_max = 8,
						   .template_bytes_max = 4096,
						   .waiting_bytes_max = 1024,
						   .waiting_ms = 1000};
	struct fixture *f = fixture_new(&limits, NULL);

	(void)state;
	for (f->session = 1; f->session < 1000; f->session++) {
		put_session_template(f);
		put_session_data(f);
		ipfix_begin(&f->m, 2);
		SET(&f->m, 300, U32(1));
		decode(f);
		weir_decoder_session_end(f->decoder, f->session, WEIR_FAULTS);
	}
	assert_int_equal(stats(f)->fault[WEIR_FAULT_EXPORTERS_LIMIT], 0);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATES_LIMIT], 0);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_SAMPLINGS_LIMIT], 0);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 999);
	assert_int_equal(stats(f)->flows, 999);
	fixture_free(f);
}

/* RFC 7011 §9.1: which messages end a session. */
static void test_malformed(void **state)
{
	struct fixture *f = *state;

	put_session_template(f);
	assert_false(weir_decoder_malformed(f->decoder));
	ipfix_begin(&f->m, 1);
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(1), 1, 2, 3); /* padding that is not zero is none of them */
	decode(f);
	assert_false(weir_decoder_malformed(f->decoder));
	ipfix_begin(&f->m, 2);
	PUT(&f->m, U16(256), U16(99));
	decode(f);
	assert_true(weir_decoder_malformed(f->decoder));
	put_session_data(f);
	assert_false(weir_decoder_malformed(f->decoder));
	ipfix_begin(&f->m, 3);
	PUT(&f->m, U16(256), U16(3));
	decode(f);
	assert_true(weir_decoder_malformed(f->decoder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_is_handed_over_when_full),
		cmocka_unit_test(test_block_runs_out_of_extras),
		cmocka_unit_test(test_refused_block_keeps_the_sequence),
		cmocka_unit_test(test_message_len),
		FIXTURE_TEST(test_empty_datagram),
		FIXTURE_TEST(test_truncations),
		FIXTURE_TEST(test_templates_belong_to_their_session),
		cmocka_unit_test(test_sessions_leave_nothing_behind),
		FIXTURE_TEST(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
