#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"

static const uint8_t BYTES[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};

static void test_reads_big_endian(void **state)
{
	struct weir_cursor c = weir_cursor(BYTES, sizeof(BYTES));

	(void)state;
	assert_int_equal(weir_cursor_u8(&c), 0x01);
	assert_int_equal(weir_cursor_u16(&c), 0x0203);
	assert_int_equal(weir_cursor_u24(&c), 0x040506);
	assert_int_equal(weir_cursor_u32(&c), 0x0708090a);
	assert_true(weir_cursor_u64(&c) == 0x0b0c0d0e0f101112);
	assert_int_equal(weir_cursor_left(&c), 0);
	assert_false(c.fault);
}

static void test_overrun_gives_zero_and_stays(void **state)
{
	struct weir_cursor c = weir_cursor(BYTES, 3);

	(void)state;
	assert_int_equal(weir_cursor_u32(&c), 0);
	assert_true(c.fault);
	/* Three bytes are there, but a cursor with a fault gives nothing more. */
	assert_int_equal(weir_cursor_u8(&c), 0);
	assert_null(weir_cursor_take(&c, 0));
	assert_true(c.fault);
}

static void test_child_cannot_see_past_its_length(void **state)
{
	struct weir_cursor c = weir_cursor(BYTES, 8);
	struct weir_cursor child = weir_cursor_sub(&c, 2);

	(void)state;
	assert_int_equal(weir_cursor_u16(&child), 0x0102);
	assert_int_equal(weir_cursor_u8(&child), 0);
	assert_true(child.fault);
	assert_false(c.fault);
	assert_int_equal(weir_cursor_u8(&c), 3);
	child = weir_cursor_sub(&c, 6);
	assert_true(child.fault);
	assert_true(c.fault);
}

static void test_reduced_size_integers(void **state)
{
	(void)state;
	assert_true(weir_be_uint(BYTES, 0) == 0);
	assert_true(weir_be_uint(BYTES, 3) == 0x010203);
	assert_true(weir_be_uint(BYTES, 8) == 0x0102030405060708);
}

static void test_empty(void **state)
{
	struct weir_cursor c = weir_cursor(NULL, 0);

	(void)state;
	assert_int_equal(weir_cursor_left(&c), 0);
	assert_true(weir_cursor_skip(&c, 0));
	assert_false(weir_cursor_skip(&c, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_big_endian),
		cmocka_unit_test(test_overrun_gives_zero_and_stays),
		cmocka_unit_test(test_child_cannot_see_past_its_length),
		cmocka_unit_test(test_reduced_size_integers),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
