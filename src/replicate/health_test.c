#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "replicate/health.h"

static const struct weir_replicate_health_rule RULE = {.failures = 2, .return_ns = 100};

static void test_down_after_failures_in_a_row(void **state)
{
	struct weir_health h = {0};

	(void)state;
	assert_false(weir_health_note(&h, &RULE, false, 1));
	assert_false(weir_health_note(&h, &RULE, true, 2));
	assert_false(weir_health_note(&h, &RULE, false, 3));
	assert_false(h.down);
	assert_true(weir_health_note(&h, &RULE, false, 4));
	assert_true(h.down);
	assert_false(weir_health_note(&h, &RULE, false, 5));
}

static void test_back_only_when_well_for_a_while(void **state)
{
	struct weir_health h = {.down = true};

	(void)state;
	assert_false(weir_health_note(&h, &RULE, true, 10));
	assert_false(weir_health_note(&h, &RULE, true, 109));
	assert_false(weir_health_note(&h, &RULE, false, 110));
	assert_false(weir_health_note(&h, &RULE, true, 111));
	assert_false(weir_health_note(&h, &RULE, true, 210));
	assert_true(h.down);
	assert_true(weir_health_note(&h, &RULE, true, 211));
	assert_false(h.down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_after_failures_in_a_row),
		cmocka_unit_test(test_back_only_when_well_for_a_while),
	};

	return cmocka_run_group_tests_name("replicate health", tests, NULL, NULL);
}
