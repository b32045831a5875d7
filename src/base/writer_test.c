#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "base/writer.h"

static void test_writes_what_the_cursor_reads(void **state)
{
	uint8_t data[32];
	struct weir_writer w = weir_writer(data, sizeof(data));
	struct weir_cursor c;

	(void)state;
	weir_writer_u8(&w, 0x01);
	weir_writer_u16(&w, 0x0203);
	weir_writer_u32(&w, 0x04050607);
	weir_writer_uint(&w, 0x08090a0b0c0d, 6);
	weir_writer_bytes(&w, "ab", 2);
	weir_writer_zero(&w, 1);
	assert_false(w.fault);
	c = weir_cursor(data, weir_writer_len(&w));
	assert_int_equal(weir_cursor_u8(&c), 0x01);
	assert_int_equal(weir_cursor_u16(&c), 0x0203);
	assert_int_equal(weir_cursor_u32(&c), 0x04050607);
	assert_int_equal(weir_cursor_u16(&c), 0x0809);
	assert_int_equal(weir_cursor_u32(&c), 0x0a0b0c0d);
	assert_int_equal(weir_cursor_u24(&c), 0x616200);
	assert_int_equal(weir_cursor_left(&c), 0);
}

static void test_nothing_is_written_beyond_the_end(void **state)
{
	uint8_t data[6] = {0, 0, 0, 0xee, 0xee, 0xee};
	struct weir_writer w = weir_writer(data, 3);

	(void)state;
	weir_writer_u16(&w, 0x0102);
	weir_writer_u32(&w, 0xffffffff);
	assert_true(w.fault);
	/* One byte would fit, but a writer with a fault takes nothing more. */
	weir_writer_u8(&w, 9);
	weir_writer_zero(&w, 1);
	assert_int_equal(weir_writer_len(&w), 2);
	assert_int_equal(data[2], 0);
	assert_int_equal(data[3], 0xee);
}

static void test_patches_only_what_was_written(void **state)
{
	uint8_t data[8];
	struct weir_writer w = weir_writer(data, sizeof(data));

	(void)state;
	weir_writer_u32(&w, 0);
	weir_writer_patch16(&w, 2, 0xabcd);
	assert_false(w.fault);
	assert_int_equal(weir_be32(data), 0xabcd);
	weir_writer_patch32(&w, 0, 7);
	assert_int_equal(weir_be32(data), 7);
	weir_writer_patch16(&w, 3, 1);
	assert_true(w.fault);
	w.fault = false;
	weir_writer_patch16(&w, 0, 0x10000);
	assert_true(w.fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_what_the_cursor_reads),
		cmocka_unit_test(test_nothing_is_written_beyond_the_end),
		cmocka_unit_test(test_patches_only_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
