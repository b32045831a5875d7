#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/csv.h"

/* All lines, their fields between bars. */
static int read_all(const char *text, size_t len, char *out, size_t size, struct weir_error *err)
{
	static struct weir_csv csv;
	FILE *file = fmemopen((void *)(uintptr_t)text, len, "r");
	int rc;

	assert_non_null(file);
	weir_csv_init(&csv, file, "table.csv", '\0');
	*out = '\0';
	while ((rc = weir_csv_next(&csv, err)) == 1) {
		for (unsigned i = 0; i < csv.fields; i++)
			(void)snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "|" : "", csv.field[i]);
		(void)snprintf(out + strlen(out), size - strlen(out), "\n");
	}
	(void)fclose(file);
	return rc;
}

static const struct {
	const char *given;
	const char *fields; /* or what is wrong */
	int rc;
} ROWS[] = {
	{"a,b,c\n1,2,3\n", "a|b|c\n1|2|3\n", 0},
	{"a;b\r\n 1 ; \"2;3\" \r\n", "a|b\n1|2;3\n", 0},
	{"a\tb\tc\n1\t\t3", "a|b|c\n1||3\n", 0},
	{"\xef\xbb\xbf" "a,b\n# 1,2\n\n   \n,\n", "a|b\n|\n", 0},
	{"one\ntwo words\n", "one\ntwo words\n", 0},
	{"a,b\n\"say \"\"hi\"\", you\",\n", "a|b\nsay \"hi\", you|\n", 0},
	{"a\n\"\"\n", "a\n\n", 0},
	{"a,b\n\"1,2\n", "table.csv:2: a quote is not closed", -EINVAL},
	{"a,b\n\"1\"2,3\n", "table.csv:2: a field goes on behind its quotes", -EINVAL},
};

static void test_lines(void **state)
{
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		struct weir_error err = {0};

		assert_int_equal(read_all(ROWS[i].given, strlen(ROWS[i].given), out, sizeof(out), &err), ROWS[i].rc);
		if (ROWS[i].rc)
			(void)snprintf(out, sizeof(out), "%s: %.200s", err.where, err.what);
		assert_string_equal(out, ROWS[i].fields);
	}
}

static void test_lines_are_bounded(void **state)
{
	static char text[20000];
	struct weir_error err = {0};
	char out[16384];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(read_all(text, 8191, out, sizeof(out), &err), 0);
	assert_int_equal(read_all(text, sizeof(text), out, sizeof(out), &err), -EINVAL);
	assert_non_null(strstr(err.what, "longer than"));
	memset(text, ',', 100);
	assert_int_equal(read_all(text, 64, out, sizeof(out), &err), -EINVAL);
	assert_non_null(strstr(err.what, "fields"));
	assert_int_equal(read_all("a,b\n1,\0002\n", 9, out, sizeof(out), &err), -EINVAL);
	assert_non_null(strstr(err.what, "zero byte"));
}

static void test_columns_by_name(void **state)
{
	static const char *const names[] = {"prefix", "zone", "owner"};
	static struct weir_csv csv;
	struct weir_error err = {0};
	int column[3];

	(void)state;
	weir_csv_init(&csv, NULL, "networks", ',');
	assert_int_equal(weir_csv_line(&csv, "Zone, comment, PREFIX", &err), 1);
	weir_csv_columns(&csv, names, 3, column);
	assert_int_equal(column[0], 2);
	assert_int_equal(column[1], 0);
	assert_int_equal(column[2], -1);
	assert_int_equal(weir_csv_line(&csv, "office,x", &err), 1);
	assert_string_equal(weir_csv_field(&csv, column[0]), "");
	assert_string_equal(weir_csv_field(&csv, column[1]), "office");
	assert_string_equal(weir_csv_field(&csv, column[2]), "");
	assert_int_equal(weir_csv_line(&csv, " # nothing", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_are_bounded),
		cmocka_unit_test(test_columns_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
