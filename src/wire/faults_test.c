/* Each fault is provoked once, alone. */
#include "wire/testing.h"

#define FLOW_TEMPLATE(m) TEMPLATE_SET(m, 0, 256, {8, 4}, {1, 4})

static void version_unknown(struct fixture *f)
{
	message_begin(&f->m);
	PUT(&f->m, U16(8), U16(1), U64(0), U64(0));
	decode(f);
}

static void message_short(struct fixture *f)
{
	message_begin(&f->m);
	PUT(&f->m, U16(9), U16(1), U32(0));
	decode(f);
}

static void message_length(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	ipfix_end(&f->m);
	decode_bytes(f, f->m.data, weir_writer_len(&f->m.w) + 4);
}

static void count_mismatch(struct fixture *f)
{
	message_begin(&f->m);
	PUT(&f->m, U16(1), U16(1), U32(0), U32(0), U32(0));
	decode(f);
}

static void exporters_limit(struct fixture *f)
{
	for (unsigned i = 0; i < 3; i++) {
		f->exporter.byte[15] = (uint8_t)i;
		v9_begin(&f->m, 0);
		decode(f);
	}
}

static void set_short(struct fixture *f)
{
	v9_begin(&f->m, 0);
	PUT(&f->m, U16(256), U16(3), U32(0));
	decode(f);
}

static void set_overrun(struct fixture *f)
{
	v9_begin(&f->m, 0);
	PUT(&f->m, U16(256), U16(9), U32(1));
	decode(f);
}

static void set_id_reserved(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 2, U32(1));
	decode(f);
}

static void set_padding(struct fixture *f)
{
	v9_begin(&f->m, 0);
	FLOW_TEMPLATE(&f->m);
	SET(&f->m, 256, U32(1), U32(2), U32(3)); /* four bytes too many */
	decode(f);
}

static void template_short(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 0, U16(256), U16(2), U16(8), U16(4));
	decode(f);
}

static void template_id(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 255, {8, 4});
	decode(f);
}

static void template_empty(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 0, U16(256), U16(0));
	decode(f);
}

static void template_scope(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	SET(&f->m, 3, U16(256), U16(1), U16(0), U16(34), U16(4));
	decode(f);
}

static void withdrawal_ignored(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	SET(&f->m, 2, U16(256), U16(0));
	decode(f);
}

static void template_length(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {96, VAR});
	decode(f);
}

static void template_fields_limit(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {1, 4}, {2, 4}, {3, 4}, {4, 4}, {5, 4});
	decode(f);
}

static void templates_limit(struct fixture *f)
{
	v9_begin(&f->m, 0);
	for (uint16_t i = 0; i < 4; i++)
		TEMPLATE_SET(&f->m, 0, (uint16_t)(256 + i), {8, 4});
	decode(f);
}

static void template_missing(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 256, U32(1));
	decode(f);
}

/* More samplers than are kept, in messages of 1000. */
static void samplings_limit(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(0), U16(48), U16(4), U16(34), U16(4));
	decode(f);
	for (uint32_t i = 0; i <= 4096; i++) {
		v9_begin(&f->m, i + 1);
		SET(&f->m, 256, U32(i), U32(10));
		decode(f);
	}
}

/* More applications than are kept. */
static void names_limit(struct fixture *f)
{
	v9_begin(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(0), U16(95), U16(4), U16(96), U16(1));
	decode(f);
	for (uint32_t i = 0; i <= 8192; i++) {
		v9_begin(&f->m, i + 1);
		SET(&f->m, 256, U8(13), U24(i), 'a');
		decode(f);
	}
}

static bool refuse(void *ctx, enum weir_table table, const struct weir_record *record)
{
	(void)ctx;
	(void)table;
	(void)record;
	return false;
}

static void record_refused(struct fixture *f)
{
	static const struct weir_record_sink sink = {.put = refuse};

	assert_int_equal(weir_decoder_records(f->decoder, &sink), 0);
	v9_begin(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(4), U16(2), U16(4), U16(82), U16(1), U16(0));
	SET(&f->m, 256, U32(7), 'a', 0, 0, 0);
	decode(f);
}

static void record_short(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {96, VAR});
	SET(&f->m, 256, 9, 'a', 'b');
	decode(f);
}

static void field_length(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, VAR});
	SET(&f->m, 256, 3, 1, 2, 3);
	decode(f);
}

static void time_implausible(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {150, 4});
	SET(&f->m, 256, U32(1), U32(TEST_SECONDS));
	decode(f);
}

static void list_unreadable(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {292, VAR});
	SET(&f->m, 256, 4, 3, U16(999), 1);
	decode(f);
	assert_extra(f, 0, "subTemplateList", "0303e701");
}

static void extra_dropped(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {8, 4}, {82, VAR});
	set_begin(&f->m, 256);
	PUT(&f->m, U32(1), 255, U16(2000));
	weir_writer_zero(&f->m.w, 1999);
	PUT(&f->m, 'x');
	set_end(&f->m);
	decode(f);
	/* The row is there without it. */
	assert_int_equal(f->block->rows, 1);
}

static void section_frame(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 256, {313, 20});
	SET(&f->m, 256, 0x41, 0, U16(40), U32(0), 64, 6, U16(0), IP(10, 0, 0, 1), IP(10, 0, 0, 2)); /* a header of 4 bytes */
	decode(f);
}

static void block_refused(struct fixture *f)
{
	f->refuse = true;
	v9_begin(&f->m, 0);
	FLOW_TEMPLATE(&f->m);
	set_begin(&f->m, 256);
	for (unsigned i = 0; i < 100; i++)
		PUT(&f->m, U32(1), U32(2));
	set_end(&f->m);
	decode(f);
	assert_int_equal(stats(f)->flows, 16);
}

static const struct {
	enum weir_fault fault;
	void (*provoke)(struct fixture *f);
} CASES[] = {
	{WEIR_FAULT_VERSION_UNKNOWN, version_unknown},
	{WEIR_FAULT_MESSAGE_SHORT, message_short},
	{WEIR_FAULT_MESSAGE_LENGTH, message_length},
	{WEIR_FAULT_COUNT_MISMATCH, count_mismatch},
	{WEIR_FAULT_EXPORTERS_LIMIT, exporters_limit},
	{WEIR_FAULT_SET_SHORT, set_short},
	{WEIR_FAULT_SET_OVERRUN, set_overrun},
	{WEIR_FAULT_SET_ID_RESERVED, set_id_reserved},
	{WEIR_FAULT_SET_PADDING, set_padding},
	{WEIR_FAULT_TEMPLATE_SHORT, template_short},
	{WEIR_FAULT_TEMPLATE_ID, template_id},
	{WEIR_FAULT_TEMPLATE_EMPTY, template_empty},
	{WEIR_FAULT_TEMPLATE_SCOPE, template_scope},
	{WEIR_FAULT_WITHDRAWAL_IGNORED, withdrawal_ignored},
	{WEIR_FAULT_TEMPLATE_LENGTH, template_length},
	{WEIR_FAULT_TEMPLATE_FIELDS_LIMIT, template_fields_limit},
	{WEIR_FAULT_TEMPLATES_LIMIT, templates_limit},
	{WEIR_FAULT_TEMPLATE_MISSING, template_missing},
	{WEIR_FAULT_SAMPLINGS_LIMIT, samplings_limit},
	{WEIR_FAULT_NAMES_LIMIT, names_limit},
	{WEIR_FAULT_RECORD_REFUSED, record_refused},
	{WEIR_FAULT_RECORD_SHORT, record_short},
	{WEIR_FAULT_FIELD_LENGTH, field_length},
	{WEIR_FAULT_TIME_IMPLAUSIBLE, time_implausible},
	{WEIR_FAULT_LIST_UNREADABLE, list_unreadable},
	{WEIR_FAULT_SECTION_FRAME, section_frame},
	{WEIR_FAULT_EXTRA_DROPPED, extra_dropped},
	{WEIR_FAULT_BLOCK_REFUSED, block_refused},
};

static void test_each_fault_alone(void **state)
{
	const struct weir_decoder_limits limits = {.exporters_max = 2, .templates_max = 3, .fields_max = 4};
	const struct weir_block_limits block_limits = {.rows_max = 16, .heap_max = 1024, .extras_max = 8};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct fixture *f = fixture_new(&limits, &block_limits);

		CASES[i].provoke(f);
		assert_faults(f, weir_faults[CASES[i].fault].name);
		fixture_free(f);
	}
}

/* sFlow's faults are provoked in sflow_test.c, connections_limit in connection_test.c, those of sessions in receive/sessions_test.c. */
static void test_no_fault_is_untested(void **state)
{
	(void)state;
	for (unsigned fault = 0; fault < WEIR_FAULTS; fault++) {
		bool found = strncmp(weir_faults[fault].name, "sflow_", 6) == 0 ||
			     strncmp(weir_faults[fault].name, "session_", 8) == 0 ||
			     fault == WEIR_FAULT_CONNECTIONS_LIMIT;

		for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
			found = found || CASES[i].fault == fault;
		if (!found)
			fail_msg("no test provokes the fault %s", weir_faults[fault].name);
	}
}

static void test_texts_are_sentences(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_FAULTS; i++) {
		assert_true(strlen(weir_faults[i].name) > 3);
		assert_true(weir_faults[i].text[0] >= 'A' && weir_faults[i].text[0] <= 'Z');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_alone),
		cmocka_unit_test(test_no_fault_is_untested),
		cmocka_unit_test(test_texts_are_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
