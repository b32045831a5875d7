#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/column.h"
#include "flow/ddl.h"

static void test_one_column(void **state)
{
	struct weir_buffer sql;

	(void)state;
	weir_buffer_init(&sql);
	assert_int_equal(weir_ddl_column(WEIR_COL_SRC_PORT, &sql), 0);
	assert_string_equal(weir_buffer_cstr(&sql), "src_port UInt16 COMMENT 'Source port' CODEC(ZSTD(1))");
	weir_buffer_reset(&sql);
	assert_int_equal(weir_ddl_column(WEIR_COL_TIME_START, &sql), 0);
	assert_string_equal(weir_buffer_cstr(&sql), "time_start DateTime64(3, 'UTC') COMMENT 'When the first packet "
						    "of the flow was seen' CODEC(T64, ZSTD(1))");
	weir_buffer_reset(&sql);
	assert_int_equal(weir_ddl_column(WEIR_COLUMNS, &sql), 0);
	assert_string_equal(weir_buffer_cstr(&sql), "extra Map(String, String) ALIAS defaultValueOfTypeName('Map(String, String)') "
						    "COMMENT 'Elements without a column, by name'");
	weir_buffer_reset(&sql);
	assert_int_equal(weir_ddl_column(WEIR_COL_VNI, &sql), 0);
	assert_memory_equal(sql.data, "vni UInt64 ALIAS defaultValueOfTypeName('UInt64') COMMENT '", 58);
	weir_buffer_reset(&sql);
	assert_int_equal(weir_ddl_codec(WEIR_COL_BYTES, &sql), 0);
	assert_string_equal(weir_buffer_cstr(&sql), "CODEC(T64, ZSTD(1))");
	weir_buffer_done(&sql);
}

/* The help lines of the table have apostrophes; one that is not escaped would end the literal. */
static void test_comments_are_literals(void **state)
{
	struct weir_buffer sql;

	(void)state;
	weir_buffer_init(&sql);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		const char *comment;

		weir_buffer_reset(&sql);
		assert_int_equal(weir_ddl_column(i, &sql), 0);
		comment = strstr(weir_buffer_cstr(&sql), " COMMENT '");
		assert_non_null(comment);
		for (comment += 10; *comment && *comment != '\''; comment++)
			comment += *comment == '\\';
		if (weir_ddl_is_rare(i))
			assert_string_equal(comment, "'");
		else
			assert_memory_equal(comment, "' CODEC(", 8);
	}
	weir_buffer_done(&sql);
}

static void test_all_columns_in_order(void **state)
{
	struct weir_buffer sql;
	const char *at;
	unsigned lines = 0;

	(void)state;
	weir_buffer_init(&sql);
	assert_int_equal(weir_ddl_columns(&sql), 0);
	for (at = weir_buffer_cstr(&sql); at; at = strchr(at, '\n'), at = at ? at + 1 : NULL, lines++) {
		const char *name = lines < WEIR_COLUMNS ? weir_columns[lines].name : "extra";

		assert_memory_equal(at, "    ", 4);
		assert_memory_equal(at + 4, name, strlen(name));
		assert_int_equal(at[4 + strlen(name)], ' ');
	}
	assert_int_equal(lines, WEIR_COLUMNS + 1);
	assert_int_not_equal(sql.data[sql.len - 1], ',');
	weir_buffer_done(&sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_column),
		cmocka_unit_test(test_comments_are_literals),
		cmocka_unit_test(test_all_columns_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
