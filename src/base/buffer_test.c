#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/buffer.h"

static void test_grows_and_keeps_contents(void **state)
{
	struct weir_buffer b;

	(void)state;
	weir_buffer_init(&b);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(weir_buffer_printf(&b, "%u,", i), 0);
	assert_true(b.len > 40000);
	assert_memory_equal(b.data, "0,1,2,3,", 8);
	assert_string_equal(weir_buffer_cstr(&b) + b.len - 5, "9999,");
	weir_buffer_reset(&b);
	assert_string_equal(weir_buffer_cstr(&b), "");
	weir_buffer_done(&b);
}

static void test_refuses_a_length_that_overflows(void **state)
{
	struct weir_buffer b;

	(void)state;
	weir_buffer_init(&b);
	assert_int_equal(weir_buffer_text(&b, "kept"), 0);
	assert_int_equal(weir_buffer_reserve(&b, SIZE_MAX - 1), -ENOMEM);
	assert_string_equal(weir_buffer_cstr(&b), "kept");
	weir_buffer_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_keeps_contents),
		cmocka_unit_test(test_refuses_a_length_that_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
