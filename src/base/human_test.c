#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/human.h"

static const struct {
	uint64_t value;
	const char *text;
} NUMBERS[] = {
	{0, "0"},
	{7, "7"},
	{999, "999"},
	{1000, "1.00k"},
	{1004, "1.00k"},
	{1005, "1.01k"},
	{1234, "1.23k"},
	{9994, "9.99k"},
	{9995, "10.0k"},
	{12345, "12.3k"},
	{123456, "123k"},
	{999499, "999k"},
	{999500, "1.00M"},
	{1000000, "1.00M"},
	{1500000000, "1.50G"},
	{UINT64_MAX, "18.4E"},
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
		char text[WEIR_HUMAN_MAX];

		assert_int_equal(weir_human_text(NUMBERS[i].value, text), strlen(NUMBERS[i].text));
		assert_string_equal(text, NUMBERS[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
