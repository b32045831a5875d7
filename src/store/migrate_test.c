#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "store/migrate.h"
#include "store/migrations.h"

static void expect_next(const char **at, const char *statement)
{
	const char *start = NULL;
	size_t len = weir_migrate_statement(at, &start);

	assert_int_equal(len, strlen(statement));
	if (len)
		assert_memory_equal(start, statement, len);
}

static void statements_end_at_a_semicolon_that_ends_a_line(void **state)
{
	const char *at = "-- first\nCREATE TABLE a;\n\n-- second; really\nINSERT INTO a VALUES ('x;y'); \n;\nSELECT 1";

	(void)state;
	expect_next(&at, "CREATE TABLE a");
	expect_next(&at, "INSERT INTO a VALUES ('x;y')");
	expect_next(&at, "SELECT 1");
	expect_next(&at, "");
	expect_next(&at, "");
}

static void nothing_gives_nothing(void **state)
{
	const char *at = "  \n-- only a comment\n;\n;";

	(void)state;
	expect_next(&at, "");
}

static void migrations_stand_in_order(void **state)
{
	unsigned last = 0;

	(void)state;
	for (const struct weir_migration *m = weir_migrations; m->number; m++) {
		const char *at = m->sql;
		const char *start;

		assert_true(m->number > last);
		last = m->number;
		assert_true(weir_migrate_statement(&at, &start) > 0);
	}
	assert_true(last > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_end_at_a_semicolon_that_ends_a_line),
		cmocka_unit_test(nothing_gives_nothing),
		cmocka_unit_test(migrations_stand_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
