/* Options records and the sampling rates that come of them. */
#include "wire/sampling.h"
#include "wire/testing.h"

/* Flows that name a sampler and an interface, flows that name an interface, flows that name nothing. */
static void put_flow_templates(struct test_message *m, uint16_t set)
{
	TEMPLATE_SET(m, set, 300, {8, 4}, {48, 2}, {10, 2});
	TEMPLATE_SET(m, set, 301, {8, 4}, {10, 4});
	TEMPLATE_SET(m, set, 302, {8, 4}, {12, 4});
}

static void put_flows(struct test_message *m, uint16_t sampler, uint16_t interface)
{
	SET(m, 300, U32(1), U16(sampler), U16(interface));
	SET(m, 301, U32(1), U32(interface));
	SET(m, 302, U32(1), U32(2));
}

/* RFC 3954 §6.1: scope system, samplingInterval and samplingAlgorithm. */
static void test_v9_rate_for_all(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	put_flow_templates(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(4), U16(34), U16(4), U16(35), U16(1), U16(0));
	SET(&f->m, 256, U32(0), U32(512), U8(2), U24(0));
	put_flows(&f->m, 1, 2);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->option_records, 1);
	for (uint32_t i = 0; i < 3; i++)
		assert_cell(f, i, SAMPLING_RATE, "512");
}

/* RFC 3954 §6.1: scope 2 is an interface. */
static void test_v9_rate_by_interface(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	put_flow_templates(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(4), U16(2), U16(4), U16(34), U16(4), U16(0));
	SET(&f->m, 256, U32(2), U32(100), U32(3), U32(200), U32(4), U32(0));
	put_flows(&f->m, 9, 2);
	put_flows(&f->m, 9, 3);
	put_flows(&f->m, 9, 4);
	put_flows(&f->m, 9, 5);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SAMPLING_RATE, "100");
	assert_cell(f, 1, SAMPLING_RATE, "100");
	assert_cell(f, 2, SAMPLING_RATE, "1");
	assert_cell(f, 4, SAMPLING_RATE, "200");
	assert_cell(f, 7, SAMPLING_RATE, "1");
	assert_cell(f, 10, SAMPLING_RATE, "1");
}

/* Cisco's samplers; of two, one says 0: it samples nothing, and flows that name none get the other's rate. */
static void test_v9_samplers(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	put_flow_templates(&f->m, 0);
	SET(&f->m, 1, U16(256), U16(4), U16(12), U16(1), U16(4), U16(48), U16(2), U16(49), U16(1), U16(50), U16(4));
	SET(&f->m, 256, U32(0), U16(1), U8(2), U32(1000), U32(0), U16(2), U8(2), U32(0));
	put_flows(&f->m, 1, 0);
	put_flows(&f->m, 2, 0);
	put_flows(&f->m, 3, 0);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SAMPLING_RATE, "1000");
	assert_cell(f, 0, SAMPLER_ID, "1");
	assert_cell(f, 2, SAMPLING_RATE, "1000");
	assert_cell(f, 3, SAMPLING_RATE, "1");
	assert_cell(f, 6, SAMPLING_RATE, "1");
	/* The sampler is turned off. */
	v9_begin(&f->m, 1);
	SET(&f->m, 256, U32(0), U16(1), U8(2), U32(0));
	put_flows(&f->m, 1, 0);
	decode(f);
	assert_cell(f, 9, SAMPLING_RATE, "1");
}

/* How a rate can be said in IPFIX, RFC 5477 §8.2, each alone. */
static void test_ipfix_ways_to_say_a_rate(void **state)
{
	static const struct {
		uint16_t id[2];
		uint64_t value[2];
		const char *rate;
	} CASES[] = {
		{{34, 35}, {100, 1}, "100"},
		{{305, 35}, {100, 1}, "100"},
		{{305, 306}, {1, 99}, "100"},
		{{305, 306}, {10, 90}, "10"},
		{{305, 306}, {0, 90}, "1"},
		{{309, 310}, {1, 4096}, "4096"},
		{{309, 310}, {0, 4096}, "1"},
		{{311, 35}, {0x3f50624dd2f1a9fc, 0}, "1000"}, /* 0.001 */
		{{311, 35}, {0xbff0000000000000, 0}, "1"},    /* -1 */
		{{34, 310}, {0, 5}, "1"},
		{{34, 50}, {0, 70}, "70"},
		{{305, 306}, {UINT64_MAX, UINT64_MAX}, "1"},
		{{34, 35}, {UINT64_MAX, 0}, "4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct fixture *f = fixture_new(NULL, NULL);

		ipfix_begin(&f->m, 0);
		put_flow_templates(&f->m, 2);
		SET(&f->m, 3, U16(256), U16(3), U16(1), U16(149), U16(4), U16(CASES[i].id[0]), U16(8),
		    U16(CASES[i].id[1]), U16(8));
		SET(&f->m, 256, U32(TEST_DOMAIN), U64(CASES[i].value[0]), U64(CASES[i].value[1]));
		put_flows(&f->m, 1, 2);
		decode(f);
		assert_faults(f, "");
		assert_cell(f, 2, SAMPLING_RATE, CASES[i].rate);
		fixture_free(f);
	}
}

static void test_ipfix_selector_and_float32(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {8, 4}, {302, 8});
	SET(&f->m, 3, U16(256), U16(2), U16(1), U16(302), U16(8), U16(311), U16(4));
	SET(&f->m, 256, U64(5), U32(0x3c23d70a)); /* 0.01 */
	SET(&f->m, 300, U32(1), U64(5), U32(1), U64(6));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SAMPLING_RATE, "100");
	assert_cell(f, 1, SAMPLING_RATE, "1");
}

/* A rate in the record itself goes before what options said; 0 there says nothing. */
static void test_rate_in_the_record(void **state)
{
	struct fixture *f = *state;

	ipfix_begin(&f->m, 0);
	SET(&f->m, 3, U16(256), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
	TEMPLATE_SET(&f->m, 2, 300, {8, 4}, {34, 4});
	TEMPLATE_SET(&f->m, 2, 301, {305, 4}, {306, 4});
	TEMPLATE_SET(&f->m, 2, 302, {34, 4}, {306, 4});
	SET(&f->m, 256, U32(TEST_DOMAIN), U32(64));
	SET(&f->m, 300, U32(1), U32(8), U32(2), U32(0));
	SET(&f->m, 301, U32(1), U32(15));
	SET(&f->m, 302, U32(3), U32(15));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SAMPLING_RATE, "8");
	assert_cell(f, 1, SAMPLING_RATE, "64");
	assert_cell(f, 2, SAMPLING_RATE, "16");
	assert_cell(f, 3, SAMPLING_RATE, "3");
	assert_extra(f, 3, "samplingPacketSpace", "15");
}

/* What one source says does not hold for another. */
static void test_rates_belong_to_their_source(void **state)
{
	struct fixture *f = *state;

	for (uint32_t domain = 1; domain <= 2; domain++) {
		ipfix_begin(&f->m, 0);
		weir_put_be32(f->m.data + 12, domain);
		put_flow_templates(&f->m, 2);
		if (domain == 1) {
			SET(&f->m, 3, U16(256), U16(2), U16(1), U16(149), U16(4), U16(34), U16(4));
			SET(&f->m, 256, U32(1), U32(64));
		}
		SET(&f->m, 302, U32(1), U32(2));
		decode(f);
	}
	assert_cell(f, 0, SAMPLING_RATE, "64");
	assert_cell(f, 1, SAMPLING_RATE, "1");
}

static void test_v9_option_lengths(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	/* Lengths that are no multiple of four; where the next template begins is known all the same. */
	SET(&f->m, 1, U16(256), U16(3), U16(4), U24(0), U32(0), U16(257), U16(4), U16(4), U16(1), U16(4), U16(34), U16(4));
	SET(&f->m, 257, U32(0), U32(10));
	decode(f);
	assert_faults(f, "template_scope");
	assert_int_equal(stats(f)->option_records, 1);
}

static void test_samplings(void **state)
{
	struct weir_samplings s = {0};
	uint64_t left = 1U << 20;
	uint64_t none = 0;

	(void)state;
	for (uint32_t i = 0; i < WEIR_SAMPLINGS_MAX; i++)
		assert_true(weir_samplings_set(&s, WEIR_SAMPLING_SAMPLER, i * 7919 % WEIR_SAMPLINGS_MAX, i + 1, &left));
	assert_false(weir_samplings_set(&s, WEIR_SAMPLING_SAMPLER, WEIR_SAMPLINGS_MAX, 5, &left));
	for (uint32_t i = 0; i < WEIR_SAMPLINGS_MAX; i++)
		assert_int_equal(weir_samplings_find(&s, WEIR_SAMPLING_SAMPLER, i * 7919 % WEIR_SAMPLINGS_MAX), i + 1);
	assert_int_equal(weir_samplings_find(&s, WEIR_SAMPLING_SAMPLER, WEIR_SAMPLINGS_MAX), 0);
	assert_int_equal(weir_samplings_find(&s, WEIR_SAMPLING_INTERFACE, 0), 0);
	/* One that is known is replaced, whatever the ceiling. */
	assert_true(weir_samplings_set(&s, WEIR_SAMPLING_SAMPLER, 3, 77, &none));
	assert_int_equal(weir_samplings_find(&s, WEIR_SAMPLING_SAMPLER, 3), 77);
	assert_false(weir_samplings_set(&s, WEIR_SAMPLING_INTERFACE, 1, 1, &none));
	assert_true(left == (1U << 20) - WEIR_SAMPLINGS_MAX * sizeof(struct weir_sampling));
	weir_samplings_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_v9_rate_for_all),
		FIXTURE_TEST(test_v9_rate_by_interface),
		FIXTURE_TEST(test_v9_samplers),
		FIXTURE_TEST(test_ipfix_ways_to_say_a_rate),
		FIXTURE_TEST(test_ipfix_selector_and_float32),
		FIXTURE_TEST(test_rate_in_the_record),
		FIXTURE_TEST(test_rates_belong_to_their_source),
		FIXTURE_TEST(test_v9_option_lengths),
		cmocka_unit_test(test_samplings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
