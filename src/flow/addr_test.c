#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "flow/addr.h"

static const struct {
	const char *given;
	const char *text;
} ADDRS[] = {
	{"0.0.0.0", "0.0.0.0"},
	{"10.1.2.3", "10.1.2.3"},
	{"255.255.255.255", "255.255.255.255"},
	{"::ffff:192.0.2.1", "192.0.2.1"},
	{"::", "::"},
	{"::1", "::1"},
	{"1::", "1::"},
	{"2001:db8::", "2001:db8::"},
	{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},	      /* the first of two runs alike */
	{"2001:db8:0:0:1:0:0:0", "2001:db8:0:0:1::"},	      /* the longer run */
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},     /* one group is not shortened */
	{"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
	{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
	{"fe80::a00:27ff:fe4e:66a1", "fe80::a00:27ff:fe4e:66a1"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ADDRS) / sizeof(ADDRS[0]); i++) {
		struct weir_addr a;
		struct weir_addr again;
		char text[WEIR_ADDR_TEXT_MAX];

		assert_int_equal(weir_addr_parse(ADDRS[i].given, &a), 0);
		assert_int_equal(weir_addr_text(&a, text), strlen(ADDRS[i].text));
		assert_string_equal(text, ADDRS[i].text);
		assert_int_equal(weir_addr_parse(text, &again), 0);
		assert_memory_equal(&again, &a, sizeof(a));
	}
}

/* Every pattern of zero and other groups against the C library, which has the same rules but for the old forms with
 * an IPv4 address at the end. */
static void test_text_as_the_library(void **state)
{
	(void)state;
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		struct weir_addr a = {0};
		char text[WEIR_ADDR_TEXT_MAX];
		char expected[WEIR_ADDR_TEXT_MAX];

		for (unsigned group = 0; group < 8; group++) {
			unsigned value = pattern >> group & 1 ? 0x9abcU >> (4 * (group & 3)) : 0;

			a.byte[2 * group] = (uint8_t)(value >> 8);
			a.byte[2 * group + 1] = (uint8_t)value;
		}
		(void)weir_addr_text(&a, text);
		assert_non_null(inet_ntop(AF_INET6, a.byte, expected, sizeof(expected)));
		if (!strchr(expected, '.'))
			assert_string_equal(text, expected);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const wrong[] = {"", "10.0.0", "10.0.0.256", "10.0.0.0/8", "::1%eth0", "1:2", "host", " ::1"};
	struct weir_addr a = {{1, 2, 3}};
	const struct weir_addr before = a;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(weir_addr_parse(wrong[i], &a), -EINVAL);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void test_kinds(void **state)
{
	struct weir_addr a;

	(void)state;
	assert_int_equal(weir_addr_parse("0.0.0.0", &a), 0);
	assert_true(weir_addr_is_v4(&a));
	assert_false(weir_addr_is_zero(&a));
	assert_int_equal(weir_addr_parse("::", &a), 0);
	assert_false(weir_addr_is_v4(&a));
	assert_true(weir_addr_is_zero(&a));
}

static void test_mac(void **state)
{
	char text[WEIR_MAC_TEXT_MAX];

	(void)state;
	assert_int_equal(weir_mac_text(0x001122aabbccULL, text), 17);
	assert_string_equal(text, "00:11:22:aa:bb:cc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_as_the_library),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
