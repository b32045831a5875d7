#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/column.h"
#include "flow/ddl.h"
#include "store/migrations.h"
#include "store/rare.h"

static void test_names_are_words(void **state)
{
	static const char said[] = "Unknown column with name src_mac found while reading data in Native format: next_hop_as";

	(void)state;
	assert_true(weir_rare_names(said, "src_mac"));
	assert_true(weir_rare_names(said, "next_hop_as"));
	assert_false(weir_rare_names(said, "next_hop"));
	assert_false(weir_rare_names(said, "mac"));
	assert_true(weir_rare_names("name next_hop_as next_hop", "next_hop"));
	assert_false(weir_rare_names("", "vni"));
}

/* A view would sum up the alias's value for ever: whatever a migration names must be a column from the start. */
static void test_views_name_no_rare_column(void **state)
{
	(void)state;
	for (const struct weir_migration *m = weir_migrations; m->number; m++) {
		const char *at = m->sql;
		const char *view;

		while ((view = strstr(at, "FROM flows")) != NULL) {
			char text[4096];
			const char *start = view;
			size_t len;

			while (start > m->sql && strncmp(start, "CREATE ", 7) != 0)
				start--;
			len = (size_t)(view - start);
			assert_true(len < sizeof(text));
			memcpy(text, start, len);
			text[len] = '\0';
			for (unsigned i = 0; i <= WEIR_COLUMNS; i++) {
				if (weir_ddl_is_rare(i) && strcmp(weir_ddl_column_name(i), "direction") != 0 &&
				    weir_rare_names(text, weir_ddl_column_name(i)))
					fail_msg("%s: a view names %s, which is rare", m->name, weir_ddl_column_name(i));
			}
			at = view + 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_words),
		cmocka_unit_test(test_views_name_no_rare_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
