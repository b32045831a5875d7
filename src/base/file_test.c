#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <errno.h>

#include "base/file.h"

static char path[] = "/tmp/weir-file-test.XXXXXX";

static void write_bytes(size_t count)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < count; i++)
		assert_int_not_equal(fputc((int)(i % 251), file), EOF);
	assert_int_equal(fclose(file), 0);
}

static void test_whole_files_and_the_limit(void **state)
{
	static const struct {
		size_t size, max, read;
	} CASES[] = {{0, 10, 0}, {10, 10, 10}, {11, 10, 11}, {500, 10, 11}, {65536, 1 << 20, 65536}, {200000, 1 << 20, 200000}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_buffer text;

		weir_buffer_init(&text);
		write_bytes(CASES[i].size);
		assert_int_equal(weir_file_read(path, CASES[i].max, &text), 0);
		assert_int_equal(text.len, CASES[i].read);
		for (size_t k = 0; k < text.len; k++)
			assert_int_equal(text.data[k], k % 251);
		weir_buffer_done(&text);
	}
}

static void test_what_cannot_be_read(void **state)
{
	struct weir_buffer text;

	(void)state;
	weir_buffer_init(&text);
	assert_int_equal(weir_file_read("/nowhere/file", 10, &text), -ENOENT);
	assert_int_equal(weir_file_read("/tmp", 10, &text), -EISDIR);
	weir_buffer_done(&text);
}

static void test_stamps(void **state)
{
	struct weir_file_stamp none = weir_file_stamp("/nowhere/file");
	struct weir_file_stamp first;
	struct weir_file_stamp second;

	(void)state;
	write_bytes(5);
	first = weir_file_stamp(path);
	second = weir_file_stamp(path);
	assert_true(weir_file_stamp_same(&first, &second));
	assert_false(weir_file_stamp_same(&first, &none));
	write_bytes(6);
	second = weir_file_stamp(path);
	assert_false(weir_file_stamp_same(&first, &second));
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_files_and_the_limit),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_stamps),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
