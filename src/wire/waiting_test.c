/* Data that comes before its template. */
#include "wire/exporter.h"
#include "wire/testing.h"
#include "wire/waiting.h"

static void put_data(struct fixture *f, uint32_t sequence, uint8_t last)
{
	v9_begin(&f->m, sequence);
	SET(&f->m, 256, IP(10, 0, 0, last), U32(90000));
	decode(f);
}

static void put_template_message(struct fixture *f, uint32_t sequence)
{
	v9_begin(&f->m, sequence);
	weir_put_be32(f->m.data + 4, TEST_UPTIME + 60000);
	weir_put_be32(f->m.data + 8, TEST_SECONDS + 60);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {22, 4});
	SET(&f->m, 256, IP(10, 0, 0, 99), U32(90000));
	decode(f);
}

static void test_decoded_when_the_template_comes(void **state)
{
	struct fixture *f = *state;

	put_data(f, 1, 1);
	put_data(f, 2, 2);
	assert_int_equal(f->block->rows, 0);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 0);
	put_template_message(f, 3);
	assert_int_equal(f->block->rows, 3);
	assert_int_equal(stats(f)->flows, 3);
	assert_int_equal(stats(f)->sets_waited, 2);
	/* In their order, each as of its own message. */
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 1, SRC_ADDR, "10.0.0.2");
	assert_cell(f, 2, SRC_ADDR, "10.0.0.99");
	assert_cell(f, 0, SEQUENCE_NUM, "1");
	assert_cell(f, 1, SEQUENCE_NUM, "2");
	assert_cell(f, 2, SEQUENCE_NUM, "3");
	assert_cell(f, 0, TIME_START, "1699999990000");
	assert_cell(f, 2, TIME_START, "1699999990000");
	assert_cell(f, 0, EXPORTER_ADDR, "192.0.2.1");
	assert_cell(f, 0, TEMPLATE_ID, "256");
	assert_faults(f, "");
}

static void test_only_that_exporters_template_counts(void **state)
{
	struct fixture *f = *state;

	put_data(f, 1, 1);
	f->exporter.byte[15]++;
	put_template_message(f, 1);
	assert_int_equal(f->block->rows, 1);
	f->exporter.byte[15]--;
	put_template_message(f, 2);
	assert_int_equal(f->block->rows, 3);
	assert_faults(f, "");
}

static void test_time_runs_out(void **state)
{
	const struct weir_decoder_limits limits = {.exporters_max = 4, .templates_max = 4, .fields_max = 4,
						   .waiting_bytes_max = 4096, .waiting_ms = 1000};
	struct fixture *f = fixture_new(&limits, NULL);
	struct weir_datagram d = {.exporter = f->exporter};

	(void)state;
	v9_begin(&f->m, 1);
	SET(&f->m, 256, U32(1), U32(2));
	d.data = f->m.data;
	d.len = weir_writer_len(&f->m.w);
	for (unsigned i = 0; i < 3; i++) {
		d.received_ms = TEST_MS + 1000 * i;
		weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
	}
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 1);
	weir_decoder_finish(f->decoder);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 3);
	weir_decoder_finish(f->decoder);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 3);
	fixture_free(f);
}

/* Somebody sets the clock: neither does all that waits go at once, nor does it wait for the clock to come there again. */
static void test_the_clock_is_set(void **state)
{
	static const int64_t SET_MS[] = {86400000 * INT64_C(400), -86400000};
	const struct weir_decoder_limits limits = {.exporters_max = 4, .templates_max = 4, .fields_max = 4,
						   .waiting_bytes_max = 4096, .waiting_ms = 1000};
	struct fixture *f = fixture_new(&limits, NULL);
	struct weir_datagram d = {.exporter = f->exporter, .received_ms = TEST_MS, .clock_ms = 5000};

	(void)state;
	v9_begin(&f->m, 1);
	SET(&f->m, 256, U32(1), U32(2));
	d.data = f->m.data;
	d.len = weir_writer_len(&f->m.w);
	weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
	for (unsigned i = 0; i < 2; i++) {
		d.received_ms = TEST_MS + SET_MS[i];
		d.clock_ms += 400;
		weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
		assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 0);
	}
	d.clock_ms += 1500;
	weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_TEMPLATE_MISSING], 3);
	fixture_free(f);
}

/* Options data waits as well: the rate that it tells holds for what comes after its template. */
static void test_options_wait_too(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	SET(&f->m, 257, U32(TEST_DOMAIN), U32(100));
	decode(f);
	ipfix_begin(&f->m, 1);
	SET(&f->m, 3, U16(257), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
	TEMPLATE_SET(&f->m, 2, 256, {8, 4});
	SET(&f->m, 256, U32(1));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->option_records, 1);
	assert_cell(f, 0, SAMPLING_RATE, "100");
}

/* The exporter's start, told by options data that waited, holds for the rest of the message with the template. */
static void test_start_told_while_waiting(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	SET(&f->m, 257, U32(TEST_DOMAIN), U64(TEST_MS - 5000));
	decode(f);
	ipfix_begin(&f->m, 1);
	TEMPLATE_SET(&f->m, 2, 256, {22, 4});
	SET(&f->m, 3, U16(257), U16(2), U16(1), U16(149), U16(4), U16(160), U16(8));
	SET(&f->m, 256, U32(1000));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, TIME_START, "1699999996000");
}

static struct weir_waiting_set set_of(struct weir_exporter *e, uint16_t id, int64_t ms)
{
	return (struct weir_waiting_set){.exporter = e, .template_id = id, .received_ms = ms, .clock_ms = ms, .len = 100};
}

static void test_bounds(void **state)
{
	enum { SET = sizeof(struct weir_waiting_set) + 100 };
	struct weir_exporter exporter[5] = {0};
	struct weir_waiting w;
	uint8_t data[100] = {0};

	(void)state;
	assert_int_equal(weir_waiting_init(&w, 16 * SET, 1000, 7), 0);
	/* A quarter for each, and all are full then. */
	for (unsigned e = 0; e < 4; e++) {
		for (uint16_t i = 0; i < 4; i++) {
			const struct weir_waiting_set s = set_of(&exporter[e], (uint16_t)(256 + i), 10 * e + i);

			assert_true(weir_waiting_put(&w, &s, data));
		}
		const struct weir_waiting_set more = set_of(&exporter[e], 300, 99);

		assert_false(weir_waiting_put(&w, &more, data));
	}
	const struct weir_waiting_set other = set_of(&exporter[4], 300, 99);

	assert_false(weir_waiting_put(&w, &other, data));
	/* Taken from the middle, the beginning and the end. */
	for (unsigned e = 0; e < 4; e++) {
		struct weir_waiting_set *s = weir_waiting_take(&w, &exporter[e], (uint16_t)(256 + e));

		assert_non_null(s);
		assert_true(s->received_ms == 11 * e);
		free(s);
		assert_null(weir_waiting_take(&w, &exporter[e], (uint16_t)(256 + e)));
	}
	assert_true(weir_waiting_put(&w, &other, data));
	assert_int_equal(weir_waiting_drop(&w, 20), 6);
	assert_int_equal(weir_waiting_drop(&w, 20), 0);
	assert_int_equal(weir_waiting_drop(&w, INT64_MAX), 7);
	assert_true(w.bytes == 0);
	for (unsigned e = 0; e < 5; e++)
		assert_true(exporter[e].waiting_bytes == 0);
	assert_null(w.oldest);
	assert_null(w.newest);
	assert_true(weir_waiting_put(&w, &other, data));
	weir_waiting_done(&w);
}

/* Many sets in few buckets come out in the order of each template. */
static void test_order(void **state)
{
	struct weir_exporter exporter = {0};
	struct weir_waiting w;
	uint8_t data[100] = {0};

	(void)state;
	assert_int_equal(weir_waiting_init(&w, 1U << 30, 1000, 7), 0);
	for (uint32_t i = 0; i < 30000; i++) {
		struct weir_waiting_set s = set_of(&exporter, (uint16_t)(256 + i % 10000), i);

		assert_true(weir_waiting_put(&w, &s, data));
	}
	for (uint32_t i = 0; i < 10000; i += 7) {
		for (uint32_t n = 0; n < 3; n++) {
			struct weir_waiting_set *s = weir_waiting_take(&w, &exporter, (uint16_t)(256 + i));

			assert_non_null(s);
			assert_true(s->received_ms == i + 10000 * n);
			free(s);
		}
	}
	weir_waiting_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_decoded_when_the_template_comes),
		FIXTURE_TEST(test_only_that_exporters_template_counts),
		cmocka_unit_test(test_time_runs_out),
		cmocka_unit_test(test_the_clock_is_set),
		FIXTURE_TEST(test_options_wait_too),
		FIXTURE_TEST(test_start_told_while_waiting),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
