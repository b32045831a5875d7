#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/state.h"

static void test_round_trip(void **state)
{
	char dir[] = "/tmp/weir-state-test-XXXXXX";
	char path[64];
	struct weir_buffer entries, back;
	struct weir_error err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/state", dir);
	weir_buffer_init(&entries);
	weir_buffer_init(&back);
	assert_int_equal(weir_state_read(path, &back, &err), -ENOENT);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(weir_state_write(path, &entries, &err), 0);
		assert_int_equal(weir_state_read(path, &back, &err), 0);
		assert_int_equal(back.len, entries.len);
		assert_int_equal(weir_buffer_text(&entries, "what exporters told"), 0);
	}
	assert_int_equal(weir_state_write(path, &entries, &err), 0);
	weir_buffer_reset(&back);
	assert_int_equal(weir_state_read(path, &back, &err), 0);
	assert_int_equal(back.len, entries.len);
	assert_memory_equal(back.data, entries.data, back.len);
	assert_int_equal(weir_state_read(dir, &back, &err), -EFBIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	weir_buffer_done(&entries);
	weir_buffer_done(&back);
}

/* Every byte matters: cut anywhere or with any bit changed, it is refused. */
static void test_damage(void **state)
{
	struct weir_buffer entries;
	uint8_t file[WEIR_STATE_HEADER_LEN + 5];
	struct weir_error err = {0};
	size_t len = 0;

	(void)state;
	weir_buffer_init(&entries);
	assert_int_equal(weir_buffer_text(&entries, "hello"), 0);
	weir_state_header(&entries, file);
	memcpy(file + WEIR_STATE_HEADER_LEN, "hello", 5);
	assert_ptr_equal(weir_state_check(file, sizeof(file), &len, &err), file + WEIR_STATE_HEADER_LEN);
	assert_int_equal(len, 5);
	for (size_t i = 0; i < sizeof(file); i++) {
		assert_null(weir_state_check(file, i, &len, &err));
		for (unsigned bit = 0; bit < 8; bit++) {
			file[i] = (uint8_t)(file[i] ^ 1U << bit);
			assert_null(weir_state_check(file, sizeof(file), &len, &err));
			file[i] = (uint8_t)(file[i] ^ 1U << bit);
		}
	}
	weir_buffer_done(&entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
