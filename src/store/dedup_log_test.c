#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store/dedup_log.h"

#define TABLE "store/abc/abcdef01-0000-0000-0000-000000000000"

struct fixture {
	char folder[64];
};

static void make(const struct fixture *f, const char *name)
{
	char command[512];

	(void)snprintf(command, sizeof(command), "mkdir -p '%s/%s'", f->folder, name);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/weir-dedup-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	make(f, "incoming");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void write_log(const struct fixture *f, const char *text)
{
	char path[256];
	FILE *file;

	make(f, TABLE "/deduplication_logs");
	(void)snprintf(path, sizeof(path), "%s/" TABLE "/deduplication_logs/deduplication_log_1.txt", f->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void expect_log(const struct fixture *f, const char *text)
{
	char path[256];
	char found[4096] = {0};
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/" TABLE "/deduplication_logs/deduplication_log_1.txt", f->folder);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(found, 1, sizeof(found) - 1, file) < sizeof(found) - 1);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(found, text);
}

static unsigned mend(const struct fixture *f)
{
	char scratch[128];
	unsigned removed = 99;
	struct weir_error err = {0};

	(void)snprintf(scratch, sizeof(scratch), "%s/incoming", f->folder);
	if (weir_dedup_log_mend(f->folder, scratch, &removed, &err))
		fail_msg("%s: %s", err.where, err.what);
	return removed;
}

static void test_a_new_folder_has_nothing_to_mend(void **state)
{
	assert_int_equal(mend(*state), 0);
}

static void test_lines_of_parts_that_are_there_stay(void **state)
{
	static const char text[] = "1\t20260101_1_1_0\t20260101_11_12\n1\t20260101_2_2_0\t20260101_13_14\n"
				   "1\t20260102_3_3_0\t20260102_15_16\n1\tall_7_7_1\tall_1_2\n";
	struct fixture *f = *state;

	write_log(f, text);
	make(f, TABLE "/20260101_1_2_1");   /* merged */
	make(f, TABLE "/20260102_3_3_0_9"); /* mutated */
	make(f, TABLE "/all_1_12_3");
	assert_int_equal(mend(f), 0);
	expect_log(f, text);
}

static void test_lines_of_parts_that_never_were_go(void **state)
{
	struct fixture *f = *state;

	write_log(f, "1\t20260101_1_1_0\ta\n1\t20260101_2_2_0\tb\n1\t20260101_2_2_0\tc\n1\t20260102_1_1_0\td\n");
	make(f, TABLE "/20260101_1_1_0");
	make(f, TABLE "/tmp_insert_20260101_2_2_0");
	make(f, TABLE "/delete_tmp_20260101_2_2_0");
	make(f, TABLE "/20260101_3_9_1");
	make(f, TABLE "/detached/20260101_2_2_0");
	assert_int_equal(mend(f), 3);
	expect_log(f, "1\t20260101_1_1_0\ta\n");
	assert_int_equal(mend(f), 0);
}

static void test_what_was_dropped_or_is_not_understood_stays(void **state)
{
	static const char text[] = "1\t20260101_1_1_0\ta\n2\t20260101_1_1_0\ta\n3\t20260101_4_4_0\tb\nnonsense\n1\tx\n\n"
				   "1\t20260101_5_5\tb\n1\t20260101_6_x_0\tb\n1\t20260101_7_7_0_1_1\tb\n1\t20260101_8_8_0";
	struct fixture *f = *state;

	write_log(f, text);
	assert_int_equal(mend(f), 0);
	expect_log(f, text);
}

static void test_a_log_that_cannot_be_read_is_told(void **state)
{
	struct fixture *f = *state;
	char scratch[128];
	unsigned removed = 99;
	struct weir_error err = {0};

	make(f, TABLE "/deduplication_logs/deduplication_log_1.txt");
	(void)snprintf(scratch, sizeof(scratch), "%s/incoming", f->folder);
	assert_int_equal(weir_dedup_log_mend(f->folder, scratch, &removed, &err), -EISDIR);
	assert_true(*err.what && *err.next);
	assert_int_equal(removed, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_new_folder_has_nothing_to_mend, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_of_parts_that_are_there_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_of_parts_that_never_were_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_dropped_or_is_not_understood_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_log_that_cannot_be_read_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
