/* The column table against itself: what everything else is generated from must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "flow/column.h"

static void test_names_are_unique_and_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		assert_int_equal(weir_column_find(weir_columns[i].name), i);
	assert_int_equal(weir_column_find("extra"), WEIR_COLUMN_NONE); /* kept apart: no column may have its name */
	assert_int_equal(weir_column_find(""), WEIR_COLUMN_NONE);
}

static void test_names_are_snake_case(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		const char *name = weir_columns[i].name;

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		assert_in_range(name[0], 'a', 'z');
	}
}

static void test_rows_are_documented(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		const char *help = weir_columns[i].help;

		assert_true(strlen(help) > 0);
		assert_int_not_equal(help[strlen(help) - 1], '.');
		assert_null(strpbrk(help, "|\n"));
	}
}

/* One ECS field, one column: two would overwrite each other. */
static void test_ecs_names_are_unique(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		for (unsigned j = i + 1; *weir_columns[i].ecs && j < WEIR_COLUMNS; j++)
			assert_string_not_equal(weir_columns[i].ecs, weir_columns[j].ecs);
	}
}

/* The enumeration is written twice in column.c: as labels of the text, and as ClickHouse's type. */
static void test_flow_types_agree(void **state)
{
	const char *at = strchr(weir_types[WEIR_TYPE_FLOW_TYPE].sql, '(');
	unsigned labels = 0;
	unsigned named = 0;

	(void)state;
	for (; at && *at != ')'; labels++) {
		char label[32];
		unsigned value;
		int used = 0;

		assert_int_equal(sscanf(at + 1, " '%31[a-z0-9_]' = %u%n", label, &value, &used), 2);
		assert_string_equal(label, weir_flow_type_name(value));
		at += 1 + used;
	}
	assert_non_null(at);
	for (unsigned value = 1; value < 256; value++)
		named += strcmp(weir_flow_type_name(value), "unknown") != 0;
	assert_int_equal(labels, named + 1);
	assert_string_equal(weir_flow_type_name(300), "unknown");
}

static void test_sets(void **state)
{
	struct weir_column_set set = {0};

	(void)state;
	for (unsigned i = 0; i < WEIR_COLUMNS; i += 3)
		weir_column_set_add(&set, (enum weir_column_id)i);
	weir_column_set_remove(&set, 3);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		assert_int_equal(weir_column_set_has(&set, (enum weir_column_id)i), i % 3 == 0 && i != 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_unique_and_found),
		cmocka_unit_test(test_names_are_snake_case),
		cmocka_unit_test(test_rows_are_documented),
		cmocka_unit_test(test_ecs_names_are_unique),
		cmocka_unit_test(test_flow_types_agree),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
