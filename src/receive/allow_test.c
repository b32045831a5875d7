#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "receive/allow.h"

static bool has(const struct weir_allow *allow, const char *text)
{
	struct weir_addr a;

	assert_int_equal(weir_addr_parse(text, &a), 0);
	return weir_allow_has(allow, &a);
}

static void test_edges_of_networks(void **state)
{
	static const char *const LIST[] = {"192.0.2.77/25", "198.51.100.7",  "10.0.0.0/8", "10.1.0.0/16",
					   "2001:db8::/33", "2001:db8:ffff::1", "10.255.0.0/16", "11.0.0.0/32"};
	struct weir_allow *allow;

	(void)state;
	assert_int_equal(weir_allow_new(LIST, sizeof(LIST) / sizeof(LIST[0]), &allow, NULL), 0);
	assert_true(has(allow, "192.0.2.0"));
	assert_true(has(allow, "192.0.2.127"));
	assert_false(has(allow, "192.0.2.128"));
	assert_false(has(allow, "192.0.1.255"));
	assert_true(has(allow, "198.51.100.7"));
	assert_false(has(allow, "198.51.100.6"));
	assert_false(has(allow, "198.51.100.8"));
	/* Networks within a network end before it. */
	assert_true(has(allow, "10.0.0.0"));
	assert_true(has(allow, "10.1.255.255"));
	assert_true(has(allow, "10.2.0.0"));
	assert_true(has(allow, "10.255.255.255"));
	assert_true(has(allow, "11.0.0.0"));
	assert_false(has(allow, "11.0.0.1"));
	assert_false(has(allow, "9.255.255.255"));
	assert_true(has(allow, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(allow, "2001:db8:8000::"));
	assert_true(has(allow, "2001:db8:ffff::1"));
	assert_false(has(allow, "::"));
	assert_false(has(allow, "::a00:1")); /* 10.0.0.1 without the prefix of mapped addresses */
	weir_allow_free(allow);
}

/* A list takes another's place whole, and one with a mistake takes nobody's. */
static void test_another_list(void **state)
{
	static const char *const ONE[] = {"192.0.2.0/24"}, *const OTHER[] = {"198.51.100.0/24"}, *const WRONG[] = {"198.51.100.0/24", "x"};
	struct weir_allow *allow;
	struct weir_error err;

	(void)state;
	assert_int_equal(weir_allow_new(NULL, 0, &allow, NULL), 0);
	assert_true(has(allow, "203.0.113.1"));
	assert_int_equal(weir_allow_replace(allow, ONE, 1, &err), 0);
	assert_true(has(allow, "192.0.2.1"));
	assert_false(has(allow, "198.51.100.1"));
	assert_int_equal(weir_allow_replace(allow, WRONG, 2, &err), -EINVAL);
	assert_true(has(allow, "192.0.2.1"));
	assert_int_equal(weir_allow_replace(allow, OTHER, 1, &err), 0);
	assert_false(has(allow, "192.0.2.1"));
	assert_true(has(allow, "198.51.100.1"));
	weir_allow_free(allow);
}

static void test_all_and_none(void **state)
{
	static const char *const ALL_V4[] = {"0.0.0.0/0"};
	struct weir_allow *allow;

	(void)state;
	assert_true(has(NULL, "192.0.2.1"));
	assert_int_equal(weir_allow_new(ALL_V4, 1, &allow, NULL), 0);
	assert_true(has(allow, "0.0.0.0"));
	assert_true(has(allow, "255.255.255.255"));
	assert_false(has(allow, "2001:db8::1"));
	weir_allow_free(allow);
	weir_allow_free(NULL);
}

static void test_mistakes(void **state)
{
	static const char *const WRONG[] = {"", "router", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "2001:db8::/129", "192.0.2/24"};
	struct weir_allow *allow;

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		struct weir_error err = {0};

		assert_true(weir_allow_new(&WRONG[i], 1, &allow, &err) < 0);
		assert_string_equal(err.where, "collect.allow");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges_of_networks),
		cmocka_unit_test(test_another_list), cmocka_unit_test(test_all_and_none),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
