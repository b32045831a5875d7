#include "wire/exporter.h"
#include "wire/message.h"
#include "wire/testing.h"

static struct weir_exporter *get(struct weir_exporters *x, uint32_t last, uint32_t domain)
{
	struct weir_addr a = weir_addr_from_v4((const uint8_t[]){10, U24(last)});

	return weir_exporters_get(x, &(struct weir_exporter_key){.flow_type = WEIR_FLOW_IPFIX, .addr = a, .domain = domain});
}

static void test_one_entry_a_protocol_address_and_domain(void **state)
{
	struct weir_exporters *x;
	struct weir_exporter_key key = {.domain = 5, .addr = weir_addr_from_v4((const uint8_t[]){10, 0, 0, 1})};
	struct weir_exporter *e;

	(void)state;
	assert_int_equal(weir_exporters_new(100, 7, &x), 0);
	e = get(x, 1, 5);
	assert_non_null(e);
	assert_ptr_equal(get(x, 1, 5), e);
	assert_ptr_not_equal(get(x, 2, 5), e);
	assert_ptr_not_equal(get(x, 1, 6), e);
	key.flow_type = WEIR_FLOW_NETFLOW9;
	assert_ptr_not_equal(weir_exporters_get(x, &key), e);
	key.flow_type = WEIR_FLOW_IPFIX;
	key.session = 1;
	assert_ptr_not_equal(weir_exporters_get(x, &key), e);
	assert_ptr_equal(get(x, 1, 5), e);
	weir_exporters_free(x);
}

/* Entries stay where they are while the table grows, and no more are made than the ceiling allows. */
static void test_growth_and_ceiling(void **state)
{
	enum { MAX = 1000 };
	static struct weir_exporter *seen[MAX];
	struct weir_exporters *x;

	(void)state;
	assert_int_equal(weir_exporters_new(MAX, 7, &x), 0);
	for (uint32_t i = 0; i < MAX; i++) {
		seen[i] = get(x, i, i % 3);
		assert_non_null(seen[i]);
	}
	assert_null(get(x, MAX, 0));
	for (uint32_t i = 0; i < MAX; i++)
		assert_ptr_equal(get(x, i, i % 3), seen[i]);
	assert_null(get(x, MAX, 0));
	weir_exporters_free(x);
	weir_exporters_free(NULL);
}

/* Whatever the order in which sessions end, all others are still found. */
static void test_forgotten_sessions(void **state)
{
	enum { SESSIONS = 97, DOMAINS = 7 };
	static struct weir_exporter *seen[SESSIONS][DOMAINS];
	struct weir_workspace work = {0};
	struct weir_decoder_stats sum = {0};
	struct weir_exporters *x;

	(void)state;
	assert_int_equal(weir_exporters_new(SESSIONS * DOMAINS, 7, &x), 0);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SESSIONS * DOMAINS; i++) {
			struct weir_exporter_key key = {.domain = i % DOMAINS, .session = 1 + i / DOMAINS};

			seen[i / DOMAINS][i % DOMAINS] = weir_exporters_get(x, &key);
			assert_non_null(seen[i / DOMAINS][i % DOMAINS]);
		}
		for (uint32_t gone = 0; gone < SESSIONS; gone++) {
			uint32_t session = 1 + (gone * 31 + round) % SESSIONS;

			assert_int_equal(weir_exporters_forget(x, session, &work, &sum), 0);
			for (uint32_t later = gone + 1; later < SESSIONS; later++) {
				uint32_t other = 1 + (later * 31 + round) % SESSIONS;
				struct weir_exporter_key key = {.domain = later % DOMAINS, .session = other};

				assert_ptr_equal(weir_exporters_get(x, &key), seen[other - 1][later % DOMAINS]);
			}
		}
	}
	weir_exporters_free(x);
}

static void test_loss(void **state)
{
	struct weir_exporter e = {0};

	(void)state;
	/* The first message may have any number. */
	assert_int_equal(weir_exporter_sequence(&e, 5000, 10), 0);
	assert_int_equal(weir_exporter_sequence(&e, 5010, 10), 0);
	assert_int_equal(weir_exporter_sequence(&e, 5050, 10), 30);
	assert_int_equal(weir_exporter_sequence(&e, 5060, 10), 0);
}

static void test_wrap(void **state)
{
	struct weir_exporter e = {0};

	(void)state;
	assert_int_equal(weir_exporter_sequence(&e, UINT32_MAX - 4, 10), 0);
	assert_int_equal(weir_exporter_sequence(&e, 5, 1), 0);
	assert_int_equal(weir_exporter_sequence(&e, 8, 1), 2);
}

/* A message that was overtaken moves nothing. */
static void test_late_message(void **state)
{
	struct weir_exporter e = {0};

	(void)state;
	(void)weir_exporter_sequence(&e, 100, 1);
	assert_int_equal(weir_exporter_sequence(&e, 102, 1), 1);
	assert_int_equal(weir_exporter_sequence(&e, 101, 1), 0);
	assert_int_equal(weir_exporter_sequence(&e, 103, 1), 0);
}

static void test_restart(void **state)
{
	struct weir_exporter e = {0};

	(void)state;
	(void)weir_exporter_sequence(&e, 5000000, 1);
	assert_int_equal(weir_exporter_sequence(&e, 0, 1), 0);
	assert_int_equal(weir_exporter_sequence(&e, 30, 1), 29);
	/* So small a step back could be lateness, but not four times. */
	for (uint32_t i = 2; i < 6; i++)
		assert_int_equal(weir_exporter_sequence(&e, i, 1), 0);
	assert_int_equal(weir_exporter_sequence(&e, 8, 1), 2);
	/* A process begins with 0. */
	assert_int_equal(weir_exporter_sequence(&e, 0, 1), 0);
	assert_int_equal(weir_exporter_sequence(&e, 2, 1), 1);
	/* A very large step forward. */
	assert_int_equal(weir_exporter_sequence(&e, 1U << 30, 1), 0);
}

static void test_records(void **state)
{
	struct weir_exporter e = {0};

	(void)state;
	(void)weir_exporter_sequence_records(&e, 100, 7, 6, true);
	assert_int_equal(weir_exporter_sequence_records(&e, 107, 3, 3, false), 0);
	/* How many there were before could not be counted. */
	assert_int_equal(weir_exporter_sequence_records(&e, 200, 3, 3, true), 0);
	/* Late: what it carried does not count. */
	assert_int_equal(weir_exporter_sequence_records(&e, 190, 5, 5, true), 0);
	assert_int_equal(weir_exporter_sequence_records(&e, 204, 2, 2, true), 1);
	assert_int_equal(weir_exporter_sequence_records(&e, 206, 30, 30, true), 0);
	/* It has shown that it conforms: 20 are lost, though the number would fit the other reading. */
	assert_int_equal(weir_exporter_sequence_records(&e, 256, 50, 50, true), 20);
}

/* softflowd 1.1.0: the flows with the message's own, without options records. */
static void test_records_with_its_own(void **state)
{
	static const uint32_t FLOWS[] = {24, 4, 30, 30, 1, 17, 30, 2};
	struct weir_exporter e = {0};
	uint32_t sequence = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(FLOWS) / sizeof(FLOWS[0]); i++) {
		sequence += FLOWS[i];
		assert_int_equal(weir_exporter_sequence_records(&e, sequence, FLOWS[i] + (i % 3 == 0), FLOWS[i], true), 0);
	}
	assert_int_equal(weir_exporter_sequence_records(&e, sequence + 5 + 9, 9, 9, true), 5);
	/* A new process. */
	assert_int_equal(weir_exporter_sequence_records(&e, 0, 0, 0, true), 0);
	assert_int_equal(weir_exporter_sequence_records(&e, 8, 8, 8, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_entry_a_protocol_address_and_domain),
		cmocka_unit_test(test_growth_and_ceiling),
		cmocka_unit_test(test_forgotten_sessions),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_late_message),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_records_with_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
