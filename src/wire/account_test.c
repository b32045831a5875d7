/* What the account of an exporter says. That its sums close is checked after every message of every test
 * (testing.h). */
#include "wire/testing.h"

struct seen {
	struct weir_exporter_report report[8];
	unsigned count;
};

static void see(void *ctx, const struct weir_exporter_report *report)
{
	struct seen *seen = ctx;

	assert_true(seen->count < 8);
	seen->report[seen->count++] = *report;
}

static struct seen look(const struct fixture *f, int64_t now_ms)
{
	struct seen seen = {0};

	weir_decoder_each_exporter(f->decoder, now_ms, see, &seen);
	return seen;
}

/* One record of NetFlow v9, from a port, at a time, with a number. */
static void send_v9(struct fixture *f, uint16_t port, int64_t received_ms, uint32_t sequence, uint32_t seconds)
{
	struct weir_datagram d;

	message_begin(&f->m);
	PUT(&f->m, U16(9), U16(1), U32(TEST_UPTIME), U32(seconds), U32(sequence), U32(TEST_DOMAIN));
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {1, 4}, {34, 4});
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(100), U32(50));
	d = (struct weir_datagram){.data = f->m.data, .len = weir_writer_len(&f->m.w), .exporter = f->exporter,
				   .exporter_port = port, .received_ms = received_ms, .clock_ms = f->clock_ms};
	weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
	check_books(f);
}

static void test_account(void **state)
{
	struct fixture *f = *state;
	struct seen seen;
	const struct weir_account *a;

	for (uint32_t i = 0; i < 21; i++)
		send_v9(f, 2055, TEST_MS + i * 1000, 1 + i, TEST_SECONDS + i + 60);
	seen = look(f, TEST_MS + 21000);
	assert_int_equal(seen.count, 2);
	a = &seen.report[0].account;
	assert_memory_equal(&seen.report[0].addr, &f->exporter, sizeof(f->exporter));
	assert_int_equal(seen.report[0].domain, TEST_DOMAIN);
	assert_int_equal(seen.report[0].templates, 1);
	assert_int_equal(seen.report[0].template_changes, 0);
	assert_int_equal(a->stats.messages, 21);
	assert_int_equal(a->stats.flows, 21);
	assert_int_equal(a->stats.templates, 21);
	assert_int_equal(a->first_ms, TEST_MS);
	assert_int_equal(a->last_ms, TEST_MS + 20000);
	assert_int_equal(a->sampling_rate, 50);
	assert_true(a->skew_known);
	assert_int_equal(a->skew_ms, 60500);
	assert_true(a->flows_per_s > 0.9 && a->flows_per_s < 1.1);
	assert_int_equal(seen.report[1].account.stats.messages, 0);
	/* A day later the rate is none. */
	seen = look(f, TEST_MS + 86400000);
	assert_true(seen.report[0].account.flows_per_s < 0.001);
}

/* Somebody sets our clock, back and then far forward: the rate goes by the other one. */
static void test_rate_when_the_clock_is_set(void **state)
{
	static const int64_t SET_MS[] = {0, -86400000, 86400000 * INT64_C(400)};
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t k = 0; k < 21; k++) {
			uint32_t n = i * 21 + k;

			f->clock_ms = 1000 + n * 1000;
			send_v9(f, 2055, TEST_MS + n * 1000 + SET_MS[i], 1 + n, TEST_SECONDS + n);
		}
		assert_true(look(f, f->clock_ms + 1000).report[0].account.flows_per_s > 0.9);
		assert_true(look(f, f->clock_ms + 1000).report[0].account.flows_per_s < 1.1);
		assert_int_equal(look(f, 0).report[0].account.last_ms, TEST_MS + (i * 21 + 20) * 1000 + SET_MS[i]);
	}
}

/* Its clock is set right: the jump is followed at once, a wobble slowly. */
static void test_skew(void **state)
{
	struct fixture *f = *state;

	send_v9(f, 2055, TEST_MS, 1, TEST_SECONDS - 86400);
	assert_int_equal(look(f, TEST_MS).report[0].account.skew_ms, -86400000 + 500);
	send_v9(f, 2055, TEST_MS, 2, TEST_SECONDS);
	assert_int_equal(look(f, TEST_MS).report[0].account.skew_ms, 500);
	send_v9(f, 2055, TEST_MS, 3, TEST_SECONDS + 16);
	assert_int_equal(look(f, TEST_MS).report[0].account.skew_ms, 1500);
}

/* Two exporters of one address and domain, each with its numbers: no loss, but a jump at each change. */
static void test_two_behind_one_address(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	for (uint32_t i = 0; i < 10; i++) {
		send_v9(f, 40001, TEST_MS, 100 + i, TEST_SECONDS);
		send_v9(f, 40002, TEST_MS, 500000 + i, TEST_SECONDS);
	}
	seen = look(f, TEST_MS);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.report[0].account.stats.flows, 20);
	assert_int_equal(seen.report[0].account.stats.lost_messages, 0);
	assert_int_equal(seen.report[0].account.port_changes, 19);
	assert_int_equal(seen.report[0].account.restarts, 19);
}

/* Loss is loss also where the port changes, as it does with some exporters for each message. */
static void test_loss_with_changing_ports(void **state)
{
	struct fixture *f = *state;

	send_v9(f, 40001, TEST_MS, 100, TEST_SECONDS);
	send_v9(f, 40002, TEST_MS, 103, TEST_SECONDS);
	assert_int_equal(look(f, TEST_MS).report[0].account.stats.lost_messages, 2);
	assert_int_equal(look(f, TEST_MS).report[0].account.restarts, 0);
}

/* One exporter with two addresses is two: whoever changes its address begins anew, and has to send its templates. */
static void test_one_with_two_addresses(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	send_v9(f, 2055, TEST_MS, 1, TEST_SECONDS);
	f->exporter.byte[15]++;
	v9_begin(&f->m, 2);
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(100), U32(50));
	decode(f);
	seen = look(f, TEST_MS);
	assert_int_equal(seen.count, 3);
	assert_int_equal(stats(f)->flows, 1);
	assert_int_equal(stats(f)->lost_messages, 0);
	send_v9(f, 2055, TEST_MS, 3, TEST_SECONDS);
	assert_int_equal(stats(f)->flows, 3);
	assert_int_equal(stats(f)->sets_waited, 1);
}

/* What nobody's account can have is in that of the others. */
static void test_others(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	decode_bytes(f, (const uint8_t[]){0, 77, 1, 2, 3}, 5);
	decode_bytes(f, (const uint8_t[]){0, 9, 0, 1}, 4);
	seen = look(f, TEST_MS);
	assert_int_equal(seen.count, 1);
	assert_true(weir_addr_is_zero(&seen.report[0].addr));
	assert_int_equal(seen.report[0].account.stats.messages, 2);
	assert_int_equal(seen.report[0].account.stats.bytes_of[WEIR_BYTE_UNREAD], 9);
	assert_faults(f, "version_unknown message_short");
}

static void test_template_changes(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 4; i++) {
		v9_begin(&f->m, i);
		TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {1, 4});
		TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {1, 4});
		TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {2, 4});
		decode(f);
	}
	assert_int_equal(look(f, TEST_MS).report[0].template_changes, 7);
}

/* The fault of data that waited for nothing is its exporter's. */
static void test_waited_in_vain(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	v9_begin(&f->m, 1);
	SET(&f->m, 300, IP(10, 0, 0, 1));
	decode(f);
	assert_true(look(f, TEST_MS).report[0].waiting_bytes > 0);
	weir_decoder_finish(f->decoder);
	check_books(f);
	seen = look(f, TEST_MS);
	assert_int_equal(seen.report[0].waiting_bytes, 0);
	assert_int_equal(seen.report[0].account.stats.fault[WEIR_FAULT_TEMPLATE_MISSING], 1);
	assert_int_equal(seen.report[0].account.stats.bytes_of[WEIR_BYTE_WAITED], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_account),
		FIXTURE_TEST(test_rate_when_the_clock_is_set),
		FIXTURE_TEST(test_skew),
		FIXTURE_TEST(test_two_behind_one_address),
		FIXTURE_TEST(test_loss_with_changing_ports),
		FIXTURE_TEST(test_one_with_two_addresses),
		FIXTURE_TEST(test_others),
		FIXTURE_TEST(test_template_changes),
		FIXTURE_TEST(test_waited_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
