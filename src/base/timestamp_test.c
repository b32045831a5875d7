#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/decimal.h"
#include "base/timestamp.h"

static const struct {
	int64_t ms;
	const char *text;
} TIMES[] = {
	{0, "1970-01-01T00:00:00.000Z"},
	{1, "1970-01-01T00:00:00.001Z"},
	{86399999, "1970-01-01T23:59:59.999Z"},
	{86400000, "1970-01-02T00:00:00.000Z"},
	{-1, "1969-12-31T23:59:59.999Z"},
	{-86400000, "1969-12-31T00:00:00.000Z"},
	{1767225600007, "2026-01-01T00:00:00.007Z"},
	{1709208000000, "2024-02-29T12:00:00.000Z"},
	{253402300799999, "9999-12-31T23:59:59.999Z"},
	{253402300800000, "9999-12-31T23:59:59.999Z"},
	{INT64_MAX, "9999-12-31T23:59:59.999Z"},
	{INT64_MIN, "0000-01-01T00:00:00.000Z"},
};

static void test_times(void **state)
{
	struct weir_timestamp kept = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
		struct weir_timestamp fresh = {0};
		char text[WEIR_TIMESTAMP_LEN + 1] = {0};

		assert_ptr_equal(weir_timestamp_put(&fresh, TIMES[i].ms, text), text + WEIR_TIMESTAMP_LEN);
		assert_string_equal(text, TIMES[i].text);
		(void)weir_timestamp_put(&kept, TIMES[i].ms, text);
		assert_string_equal(text, TIMES[i].text);
	}
}

static void test_decimal(void **state)
{
	char text[WEIR_DECIMAL_MAX + 1];

	(void)state;
	*weir_decimal_put(text, 0) = '\0';
	assert_string_equal(text, "0");
	*weir_decimal_put(text, 10203) = '\0';
	assert_string_equal(text, "10203");
	*weir_decimal_put(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "18446744073709551615");
	*weir_decimal_put_fixed(text, 7, 3) = '\0';
	assert_string_equal(text, "007");
	*weir_decimal_put_fixed(text, 1234, 3) = '\0';
	assert_string_equal(text, "234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
