#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock_step.h"

struct times {
	int64_t wall_ns;
	int64_t mono_ns;
};

static int64_t wall(void *ctx)
{
	return ((struct times *)ctx)->wall_ns;
}

static int64_t mono(void *ctx)
{
	return ((struct times *)ctx)->mono_ns;
}

static void pass(struct times *t, int64_t ns, int64_t set_ns)
{
	t->mono_ns += ns;
	t->wall_ns += ns + set_ns;
}

static void steps_both_ways_are_seen_once(void **state)
{
	struct times t = {.wall_ns = 1700000000 * WEIR_NS_PER_S, .mono_ns = 5};
	const struct weir_clock clock = {.wall_ns = wall, .mono_ns = mono, .ctx = &t};
	struct weir_clock_step step;

	(void)state;
	weir_clock_step_init(&step, &clock);
	pass(&t, 1000 * WEIR_NS_PER_S, 0);
	assert_int_equal(weir_clock_step_look(&step, &clock), 0);
	pass(&t, WEIR_NS_PER_S, 3600 * WEIR_NS_PER_S);
	assert_int_equal(weir_clock_step_look(&step, &clock), 3600 * WEIR_NS_PER_S);
	assert_int_equal(weir_clock_step_look(&step, &clock), 0);
	pass(&t, WEIR_NS_PER_S, -86400 * WEIR_NS_PER_S);
	assert_int_equal(weir_clock_step_look(&step, &clock), -86400 * WEIR_NS_PER_S);
	assert_int_equal(step.steps, 2);
	assert_int_equal(step.total_ns, -82800 * WEIR_NS_PER_S);
}

static void slewing_is_no_step(void **state)
{
	struct times t = {.wall_ns = 1700000000 * WEIR_NS_PER_S};
	const struct weir_clock clock = {.wall_ns = wall, .mono_ns = mono, .ctx = &t};
	struct weir_clock_step step;

	(void)state;
	weir_clock_step_init(&step, &clock);
	for (unsigned i = 0; i < 10000; i++) {
		pass(&t, WEIR_NS_PER_S, WEIR_NS_PER_MS / 2);
		assert_int_equal(weir_clock_step_look(&step, &clock), 0);
	}
	assert_int_equal(step.steps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_both_ways_are_seen_once),
		cmocka_unit_test(slewing_is_no_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
