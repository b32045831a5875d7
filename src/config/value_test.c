/* The forms of values: sizes, durations, addresses, URLs, and what an unknown name suggests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "config/address.h"
#include "config/quantity.h"
#include "config/suggest.h"

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t bytes;
	} CASES[] = {
		{"0", 0, 0}, {"1", 0, 1}, {"64K", 0, 65536}, {"64k", 0, 65536}, {"64M", 0, 67108864}, {"64MB", 0, 67108864},
		{"64MiB", 0, 67108864}, {"1G", 0, 1073741824}, {"2T", 0, 2199023255552}, {"12B", 0, 12},
		{"", -EINVAL, 0}, {"M", -EINVAL, 0}, {"-1", -EINVAL, 0}, {"1.5G", -EINVAL, 0}, {"1 G", -EINVAL, 0},
		{"1MM", -EINVAL, 0}, {"iB", -EINVAL, 0}, {"1iB", -EINVAL, 0}, {"0x10", -EINVAL, 0},
		{"18446744073709551615", 0, UINT64_MAX}, {"18446744073709551616", -ERANGE, 0}, {"16777216T", -ERANGE, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		uint64_t bytes = 0;
		int rc = weir_size_parse(CASES[i].text, &bytes);

		if (rc != CASES[i].rc || bytes != CASES[i].bytes)
			fail_msg("size \"%s\": %d, %llu", CASES[i].text, rc, (unsigned long long)bytes);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t ms;
	} CASES[] = {
		{"0", 0, 0}, {"500ms", 0, 500}, {"1s", 0, 1000}, {"5m", 0, 300000}, {"1h", 0, 3600000},
		{"90d", 0, 7776000000}, {"2w", 0, 1209600000}, {"1y", 0, 31536000000}, {"0d", 0, 0},
		{"", -EINVAL, 0}, {"5", -EINVAL, 0}, {"s", -EINVAL, 0}, {"1h30m", -EINVAL, 0}, {"1 h", -EINVAL, 0},
		{"-1s", -EINVAL, 0}, {"1mo", -EINVAL, 0}, {"999999999999y", -ERANGE, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		uint64_t ms = 0;
		int rc = weir_duration_parse(CASES[i].text, &ms);

		if (rc != CASES[i].rc || ms != CASES[i].ms)
			fail_msg("duration \"%s\": %d, %llu", CASES[i].text, rc, (unsigned long long)ms);
	}
}

static void test_prints_in_the_largest_whole_unit(void **state)
{
	char text[32];

	(void)state;
	weir_size_print(0, text, sizeof(text));
	assert_string_equal(text, "0");
	weir_size_print(65536, text, sizeof(text));
	assert_string_equal(text, "64K");
	weir_size_print(65537, text, sizeof(text));
	assert_string_equal(text, "65537");
	weir_size_print(UINT64_MAX, text, sizeof(text));
	assert_string_equal(text, "18446744073709551615");
	weir_duration_print(90ULL * 86400000, text, sizeof(text));
	assert_string_equal(text, "90d");
	weir_duration_print(5400000, text, sizeof(text));
	assert_string_equal(text, "90m");
	weir_duration_print(1500, text, sizeof(text));
	assert_string_equal(text, "1500ms");
}

static void test_addresses(void **state)
{
	static const char *const RIGHT[] = {"127.0.0.1:2055", "[::1]:2055", "[2001:db8::1]:1", "collector.example:65535",
					    "localhost:2055", "10-0-0-1.example:9"};
	static const char *const WRONG[] = {"",		  "2055",	    "127.0.0.1",     "127.0.0.1:",	 "127.0.0.1:0",
					    "127.0.0.1:65536", "127.0.0.1:2055x", "127.0.0.256:1", "10.0.0:1",	 "::1:2055",
					    "[::1]",	  "[::1]2055",	    "[::1:2055",     "[127.0.0.1]:1", "[]:1",
					    "a b:1",	  "-a:1",	    ".a:1",	     "*x:1",	 "127.0.0.1:-1"};
	char long_name[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(RIGHT) / sizeof(*RIGHT); i++) {
		if (weir_address_check(RIGHT[i], true) || weir_address_check(RIGHT[i], false))
			fail_msg("address \"%s\": %s", RIGHT[i], weir_address_check(RIGHT[i], true));
	}
	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		if (!weir_address_check(WRONG[i], true))
			fail_msg("address \"%s\" is taken", WRONG[i]);
	}
	assert_null(weir_address_check("*:2055", true));
	assert_null(weir_address_check(":2055", true));
	assert_non_null(weir_address_check("*:2055", false));
	assert_non_null(weir_address_check(":2055", false));
	memset(long_name, 'a', sizeof(long_name));
	memcpy(long_name + sizeof(long_name) - 3, ":1", 3);
	assert_non_null(weir_address_check(long_name, true));
}

static void test_urls(void **state)
{
	static const char *const RIGHT[] = {"http://127.0.0.1:8123", "https://ch.example", "http://[::1]:8123/",
					    "http://ch.example/a/b:c", "http://ch.example:8123/path"};
	static const char *const WRONG[] = {"",			   "ftp://a",		"http://",	   "http://:8123",
					    "http://a:b@c",	   "http://a?x=1",	"http://a#b",	   "http://a:0",
					    "http://a:99999",	   "http://a:8123x",	"http://[::1",	   "http://[::1]x",
					    "http://[zz]:1",	   "http://a b",	"127.0.0.1:8123",  "http://::1:8123",
					    "http://a:812345678/"};

	(void)state;
	for (unsigned i = 0; i < sizeof(RIGHT) / sizeof(*RIGHT); i++) {
		if (weir_url_check(RIGHT[i]))
			fail_msg("URL \"%s\": %s", RIGHT[i], weir_url_check(RIGHT[i]));
	}
	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		if (!weir_url_check(WRONG[i]))
			fail_msg("URL \"%s\" is taken", WRONG[i]);
	}
}

static void expect_suggestion(const char *section, const char *key, const char *expected)
{
	char next[256];

	weir_config_suggest(section, strlen(section), key, next, sizeof(next));
	if (!strstr(next, expected))
		fail_msg("%s.%s: \"%s\" has no \"%s\"", section, key, next, expected);
}

static void test_suggestions(void **state)
{
	(void)state;
	expect_suggestion("collect", "lisen", "\"listen\"");
	expect_suggestion("collect", "lsiten", "\"listen\"");
	expect_suggestion("collect", "Workers", "\"workers\"");
	expect_suggestion("", "colect", "\"collect\"");
	expect_suggestion("", "data-dir", "\"data_dir\"");
	expect_suggestion("store", "password", "\"password_file\"");
	expect_suggestion("store", "flow_retention", "\"flows_retention\"");
	expect_suggestion("", "segment", "spool.segment");
	expect_suggestion("spool", "data_dir", "in no section");
	expect_suggestion("store", "xyzzy", "weir config show");
	expect_suggestion("store", "a-key-that-is-much-longer-than-any-word-of-the-table", "weir config show");
}

static void test_control_characters_are_not_shown(void **state)
{
	char text[8];

	(void)state;
	weir_printable("a\033[2Jbcdefgh", text, sizeof(text));
	assert_string_equal(text, "a?[2Jbc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_prints_in_the_largest_whole_unit),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_control_characters_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
