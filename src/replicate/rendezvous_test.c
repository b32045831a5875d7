#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "replicate/plan.h"
#include "replicate/rendezvous.h"

#define COLLECTORS 5
#define EXPORTERS  5000

static struct weir_addr exporter(unsigned i)
{
	const uint8_t v4[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

	return weir_addr_from_v4(v4);
}

/* A plan with outputs that need no sockets. */
static struct weir_replicate_output outputs[COLLECTORS];
static struct weir_replicate_plan plan;

static int set_up(void **state)
{
	(void)state;
	plan = (struct weir_replicate_plan){.groups = 1};
	for (unsigned i = 0; i < COLLECTORS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "192.0.2.%u:2055", i);
		outputs[i] = (struct weir_replicate_output){
			.up = true, .slot = i, .key = weir_replicate_rendezvous_key(name)};
		plan.output[i] = &outputs[i];
		plan.all |= UINT64_C(1) << i;
		plan.group[0] |= UINT64_C(1) << i;
	}
	return 0;
}

static uint64_t target(unsigned i)
{
	struct weir_addr addr = exporter(i);
	uint64_t filtered;

	return weir_replicate_plan_route(&plan, &addr, WEIR_REPLICATE_IPFIX, &filtered);
}

static void test_each_exporter_has_one(void **state)
{
	unsigned count[COLLECTORS] = {0};

	(void)state;
	for (unsigned i = 0; i < EXPORTERS; i++) {
		uint64_t t = target(i);

		assert_int_equal(__builtin_popcountll(t), 1);
		assert_true(t == target(i));
		count[__builtin_ctzll(t)]++;
	}
	/* A fair share each: 1000, give or take a fifth, which is seven standard deviations. */
	for (unsigned i = 0; i < COLLECTORS; i++)
		assert_in_range(count[i], 800, 1200);
}

static void test_only_the_dead_ones_exporters_move(void **state)
{
	static uint64_t before[EXPORTERS];
	unsigned to[COLLECTORS] = {0};

	(void)state;
	for (unsigned i = 0; i < EXPORTERS; i++)
		before[i] = target(i);
	outputs[2].up = false;
	for (unsigned i = 0; i < EXPORTERS; i++) {
		uint64_t t = target(i);

		assert_true(t != UINT64_C(1) << 2);
		if (before[i] != UINT64_C(1) << 2)
			assert_true(t == before[i]);
		else
			to[__builtin_ctzll(t)]++;
	}
	/* All others take their part. */
	for (unsigned i = 0; i < COLLECTORS; i++)
		assert_in_range(to[i], i == 2 ? 0 : 150, i == 2 ? 0 : 350);
	outputs[2].up = true;
	for (unsigned i = 0; i < EXPORTERS; i++)
		assert_true(target(i) == before[i]);
}

static void test_when_all_are_dead_nothing_moves(void **state)
{
	uint64_t before = target(7);

	(void)state;
	for (unsigned i = 0; i < COLLECTORS; i++)
		outputs[i].up = false;
	assert_true(target(7) == before);
}

static void test_a_key_is_of_the_name_alone(void **state)
{
	(void)state;
	assert_true(weir_replicate_rendezvous_key("a:1") == weir_replicate_rendezvous_key("a:1"));
	assert_true(weir_replicate_rendezvous_key("a:1") != weir_replicate_rendezvous_key("a:2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_exporter_has_one, set_up),
		cmocka_unit_test_setup(test_only_the_dead_ones_exporters_move, set_up),
		cmocka_unit_test_setup(test_when_all_are_dead_nothing_moves, set_up),
		cmocka_unit_test(test_a_key_is_of_the_name_alone),
	};

	return cmocka_run_group_tests_name("replicate rendezvous", tests, NULL, NULL);
}
