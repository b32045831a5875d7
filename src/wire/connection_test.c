#include <errno.h>

#include "wire/testing.h"

#define CREATED 1
#define DELETED 2
#define UPDATE	5

/* As ASA 9 sends it, in short: connection, addresses, event, extended event, then counters; a creation has none. */
#define EVENT_FIELDS   {148, 4}, {8, 4}, {12, 4}, {233, 1}, {33002, 2}
#define COUNTER_FIELDS {231, 4}, {232, 4}, {298, 4}, {299, 4}
#define EVENT(id, event)  U32(id), IP(10, 0, 0, 1), IP(192, 0, 2, 1), U8(event), U16(0)
#define COUNTERS(b, r, p, q) U32(b), U32(r), U32(p), U32(q)

static void send_templates(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, EVENT_FIELDS);
	TEMPLATE_SET(&f->m, 0, 257, EVENT_FIELDS, COUNTER_FIELDS);
	decode(f);
}

static void send_event(struct fixture *f, uint32_t id, unsigned event)
{
	v9_begin(&f->m, 1);
	SET(&f->m, 256, EVENT(id, event), 0);
	decode(f);
}

static void send_counters(struct fixture *f, uint32_t id, unsigned event, uint32_t bytes, uint32_t reverse)
{
	v9_begin(&f->m, 1);
	SET(&f->m, 257, EVENT(id, event), COUNTERS(bytes, reverse, bytes / 100, reverse / 100), 0);
	decode(f);
}

static uint64_t sum(const struct fixture *f, enum weir_column_id column)
{
	uint64_t n = 0;

	/* Of the first rows: what the record told. The second ones, of the other direction, are biflow_test.c's. */
	for (uint32_t i = 0; i < f->block->rows; i++)
		n += row_has(f->block, i, column) && weir_block_u8(f->block, WEIR_COL_BIFLOW_DIRECTION)[i] != 2 ? weir_block_u64(f->block, column)[i] : 0;
	return n;
}

static void assert_sums(const struct fixture *f, uint64_t bytes, uint64_t reverse)
{
	assert_int_equal(sum(f, WEIR_COL_BYTES), bytes);
	assert_int_equal(sum(f, WEIR_COL_REVERSE_BYTES), reverse);
	assert_int_equal(sum(f, WEIR_COL_PACKETS), bytes / 100);
	assert_int_equal(sum(f, WEIR_COL_REVERSE_PACKETS), reverse / 100);
	assert_int_equal(stats(f)->fault[WEIR_FAULT_CONNECTIONS_LIMIT], 0);
}

/* phaag/nfdump#116: updates tell what came since the last one, the teardown tells the sum. */
static void test_updates_and_teardown_count_once(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	send_event(f, 77, CREATED);
	send_counters(f, 77, UPDATE, 2500, 1100);
	send_counters(f, 77, UPDATE, 300, 0);
	send_counters(f, 77, DELETED, 2800, 1100);
	assert_int_equal(f->block->rows, 5);
	assert_cell(f, 0, FIREWALL_EVENT, "1");
	assert_cell(f, 0, BYTES, "-");
	assert_cell(f, 2, BYTES, "1100"); /* of the responder, once */
	assert_cell(f, 4, FIREWALL_EVENT, "2");
	assert_cell(f, 4, BYTES, "0");
	assert_sums(f, 2800, 1100);
}

static void test_all_events_of_one_message(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	v9_begin(&f->m, 1);
	SET(&f->m, 257, EVENT(1, UPDATE), COUNTERS(500, 100, 5, 1), EVENT(2, UPDATE), COUNTERS(700, 0, 7, 0),
	    EVENT(1, DELETED), COUNTERS(500, 100, 5, 1), EVENT(2, DELETED), COUNTERS(900, 0, 9, 0), 0, 0);
	decode(f);
	assert_sums(f, 1400, 100);
}

static void test_a_short_connection_has_its_teardown_alone(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	send_event(f, 5, CREATED);
	send_counters(f, 5, DELETED, 400, 300);
	assert_sums(f, 400, 300);
}

static void test_the_teardown_makes_up_for_a_lost_update(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	send_counters(f, 5, UPDATE, 1000, 200);
	/* 500 and 100 were lost */
	send_counters(f, 5, DELETED, 1500, 300);
	assert_cell(f, 2, BYTES, "500");
	assert_sums(f, 1500, 300);
}

static void test_an_identifier_is_used_again(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	send_counters(f, 5, UPDATE, 1000, 200);
	/* its teardown was lost */
	send_event(f, 5, CREATED);
	send_counters(f, 5, DELETED, 5000, 300);
	assert_sums(f, 6000, 500);
	/* and once more, where even the creation was */
	send_counters(f, 5, UPDATE, 1000, 200);
	send_counters(f, 5, DELETED, 400, 300);
	assert_sums(f, 7400, 1000);
	/* a teardown forgets */
	send_counters(f, 5, DELETED, 2000, 300);
	assert_sums(f, 9400, 1300);
}

static void test_exporters_are_told_apart(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	send_counters(f, 5, UPDATE, 1000, 200);
	f->exporter = weir_addr_from_v4((const uint8_t[]){IP(192, 0, 2, 2)});
	send_templates(f);
	send_counters(f, 5, DELETED, 1000, 200);
	assert_sums(f, 2000, 400);
}

/* firewallEvent and initiatorOctets, a deltaCounter, mean with others what IANA says. */
static void test_deltas_of_others_stay(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {148, 4}, {233, 1}, {231, 4});
	SET(&f->m, 256, U32(5), UPDATE, U32(1000), U32(5), DELETED, U32(3000), 0, 0);
	decode(f);
	assert_int_equal(sum(f, WEIR_COL_BYTES), 4000);
}

static void test_the_memory_is_bounded(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	for (uint32_t id = 1; id < 600000; id += 60) {
		v9_begin(&f->m, 1);
		set_begin(&f->m, 257);
		for (uint32_t i = 0; i < 60; i++)
			PUT(&f->m, EVENT(id + i, UPDATE), COUNTERS(100, 0, 1, 0));
		set_end(&f->m);
		decode(f);
	}
	assert_true(stats(f)->fault[WEIR_FAULT_CONNECTIONS_LIMIT] > 300000);
	weir_block_reset(f->block);
	/* The oldest went, the latest did not. */
	send_counters(f, 599999, DELETED, 100, 0);
	send_counters(f, 1, DELETED, 100, 0);
	assert_cell(f, 0, BYTES, "0");
	assert_cell(f, 1, BYTES, "100");
}

/* The next process knows what the updates told: the teardown does not count it again. */
static void test_restart(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(NULL, NULL);
	struct fixture *late = fixture_new(NULL, NULL);
	struct weir_buffer b;

	send_templates(f);
	send_counters(f, 77, UPDATE, 2500, 1100);
	send_counters(f, 78, UPDATE, 700, 0);
	assert_false(weir_decoder_has_connections(g->decoder));
	assert_true(weir_decoder_has_connections(f->decoder));
	weir_buffer_init(&b);
	assert_int_equal(weir_decoder_save(f->decoder, TEST_MS, &b), 0);
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS + 1000, NULL, NULL), 1);
	send_counters(g, 77, DELETED, 2800, 1100);
	send_counters(g, 78, DELETED, 700, 0);
	assert_sums(g, 300, 0);
	/* Another connection has the number by now. */
	send_counters(g, 77, DELETED, 2800, 1100);
	assert_sums(g, 300 + 2800, 1100);
	/* What is as old as that is forgotten. */
	assert_int_equal(weir_decoder_load(late->decoder, b.data, b.len, TEST_MS + 2 * WEIR_STATE_STALE_MS, NULL, NULL), 0);
	assert_false(weir_decoder_has_connections(late->decoder));
	/* Cut anywhere, it is refused or ends between two entries. */
	for (size_t len = 0; len < b.len; len++)
		(void)!weir_decoder_load(late->decoder, b.data, len, TEST_MS, NULL, NULL);
	assert_int_equal(weir_decoder_load(late->decoder, b.data, b.len - 1, TEST_MS, NULL, NULL), -EBADMSG);
	weir_buffer_done(&b);
	fixture_free(g);
	fixture_free(late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_restart),
		FIXTURE_TEST(test_updates_and_teardown_count_once),
		FIXTURE_TEST(test_all_events_of_one_message),
		FIXTURE_TEST(test_a_short_connection_has_its_teardown_alone),
		FIXTURE_TEST(test_the_teardown_makes_up_for_a_lost_update),
		FIXTURE_TEST(test_an_identifier_is_used_again),
		FIXTURE_TEST(test_exporters_are_told_apart),
		FIXTURE_TEST(test_deltas_of_others_stay),
		FIXTURE_TEST(test_the_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
