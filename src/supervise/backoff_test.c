#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervise/backoff.h"

static void test_grows_to_its_limit(void **state)
{
	static const int64_t EXPECTED[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct weir_backoff backoff = {.min_ms = 250, .max_ms = 30000, .healthy_ms = 60000};

	(void)state;
	for (unsigned i = 0; i < sizeof(EXPECTED) / sizeof(*EXPECTED); i++)
		assert_int_equal(weir_backoff_fail(&backoff, 59999), EXPECTED[i]);
}

static void test_begins_anew_after_a_healthy_while(void **state)
{
	struct weir_backoff backoff = {.min_ms = 250, .max_ms = 30000, .healthy_ms = 60000};

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		(void)weir_backoff_fail(&backoff, 0);
	assert_int_equal(weir_backoff_fail(&backoff, 60000), 250);
	assert_int_equal(weir_backoff_fail(&backoff, 0), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_to_its_limit),
		cmocka_unit_test(test_begins_anew_after_a_healthy_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
