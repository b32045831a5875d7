/* What tests/e2e/test_enrich.py does not reach: order, expiry, ranges, many entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "enrich/threats_parts.h"

#define NOW INT64_C(1767225600)

static struct weir_vocabulary *vocabulary;

static struct weir_threats *read_lists(const char *const *texts, unsigned count)
{
	static struct weir_error err;
	struct weir_threats *t;

	assert_int_equal(weir_threats_new(&t), 0);
	for (unsigned i = 0; i < count; i++) {
		struct weir_threat_reader r = {
			.threats = t, .vocabulary = vocabulary, .file = "list", .confidence = 75, .confidence_min = 20, .err = &err};
		FILE *file = fmemopen((void *)(uintptr_t)texts[i], strlen(texts[i]), "r");

		(void)snprintf(r.name, sizeof(r.name), "list%u", i + 1);
		assert_non_null(file);
		assert_int_equal(weir_threat_read(&r, file), 0);
		(void)fclose(file);
	}
	assert_int_equal(weir_threats_finish(t), 0);
	return t;
}

static const char *told(const struct weir_threats *t, const char *text, uint16_t port, int64_t now_s)
{
	static const uint8_t proto = 6;
	static const bool known = false;
	struct weir_addr addr;
	uint32_t name = 77;

	assert_int_equal(weir_addr_parse(text, &addr), 0);
	weir_threats_find_all(t, &addr, &port, &proto, &known, 1, now_s, &name);
	return weir_vocabulary_word(vocabulary, name).text;
}

static int set_up(void **state)
{
	(void)state;
	return weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary);
}

static int tear_down(void **state)
{
	(void)state;
	weir_vocabulary_free(vocabulary);
	return 0;
}

static void test_the_first_list_counts(void **state)
{
	static const char *const lists[] = {"192.0.2.1\n198.51.100.0/24\n", "192.0.2.1\n198.51.100.0/24\n198.51.100.7\n2001:db8::1\n"};
	struct weir_threats *t = read_lists(lists, 2);

	(void)state;
	assert_string_equal(told(t, "192.0.2.1", 80, NOW), "list1");
	assert_string_equal(told(t, "198.51.100.1", 80, NOW), "list1");
	assert_string_equal(told(t, "198.51.100.7", 80, NOW), "list2"); /* an address is more than a prefix */
	assert_string_equal(told(t, "2001:db8::1", 80, NOW), "list2");
	assert_string_equal(told(t, "2001:db8::2", 80, NOW), "");
	weir_threats_free(t);
}

static void test_entries_expire(void **state)
{
	static const char *const lists[] = {"ip,expires,confidence,name\n192.0.2.1,2026-01-02,90,a\n192.0.2.2,1767225601,,b\n"
					    "192.0.2.3,,10,c\n192.0.2.4,,,\n"};
	struct weir_threats *t = read_lists(lists, 1);

	(void)state;
	assert_string_equal(told(t, "192.0.2.1", 80, NOW), "list1: a");
	assert_string_equal(told(t, "192.0.2.1", 80, NOW + 86401), "");
	assert_string_equal(told(t, "192.0.2.2", 80, NOW), "list1: b");
	assert_string_equal(told(t, "192.0.2.2", 80, NOW + 2), "");
	assert_string_equal(told(t, "192.0.2.3", 80, NOW), ""); /* too little confidence */
	assert_string_equal(told(t, "192.0.2.4", 80, NOW + 1000000000), "list1");
	weir_threats_free(t);
}

static void test_ranges_are_all_of_their_addresses(void **state)
{
	static const char *const lists[] = {"10.0.0.3-10.0.1.6\n255.255.255.254-255.255.255.255\n2001:db8::fffe-2001:db8::1:1\n"};
	static const struct {
		const char *addr;
		bool in;
	} rows[] = {{"10.0.0.2", false}, {"10.0.0.3", true}, {"10.0.0.4", true}, {"10.0.0.255", true}, {"10.0.1.0", true},
		    {"10.0.1.6", true}, {"10.0.1.7", false}, {"255.255.255.253", false}, {"255.255.255.255", true},
		    {"2001:db8::fffd", false}, {"2001:db8::ffff", true}, {"2001:db8::1:1", true}, {"2001:db8::1:2", false}};
	struct weir_threats *t = read_lists(lists, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((*told(t, rows[i].addr, 80, NOW) != '\0') != rows[i].in)
			fail_msg("%s", rows[i].addr);
	}
	weir_threats_free(t);
}

static void test_dshield_and_ports(void **state)
{
	static const char *const lists[] = {"Start\tEnd\tNetblock\tAttacks\n192.0.2.0\t192.0.2.255\t24\t999\n",
					    "tcp/4444\n[2001:db8::1]:22\n198.51.100.1|53\n"};
	struct weir_threats *t = read_lists(lists, 2);

	(void)state;
	assert_string_equal(told(t, "192.0.2.200", 80, NOW), "list1");
	assert_string_equal(told(t, "203.0.113.1", 4444, NOW), "list2");
	assert_string_equal(told(t, "203.0.113.1", 4445, NOW), "");
	assert_string_equal(told(t, "2001:db8::1", 22, NOW), "list2");
	assert_string_equal(told(t, "2001:db8::1", 23, NOW), "");
	assert_string_equal(told(t, "198.51.100.1", 53, NOW), "list2");
	assert_string_equal(told(t, "198.51.100.1", 0, NOW), "");
	weir_threats_free(t);
}

static void test_many(void **state)
{
	size_t size = 100000 * 16;
	char *text = malloc(size);
	const char *list = text;
	struct weir_threats *t;
	size_t len = 0;
	char addr[WEIR_ADDR_TEXT_MAX];

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 100000; i++)
		len += (size_t)snprintf(text + len, size - len, "9.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
	t = read_lists(&list, 1);
	assert_int_equal(weir_threats_stats(t).addresses, 100000);
	assert_int_equal(weir_threats_stats(t).unread, 0);
	for (unsigned i = 0; i < 100000; i += 977) {
		(void)snprintf(addr, sizeof(addr), "9.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		assert_string_equal(told(t, addr, 80, NOW), "list1");
		*addr = '8';
		assert_string_equal(told(t, addr, 80, NOW), "");
	}
	weir_threats_free(t);
	free(text);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_the_first_list_counts), CASE(test_entries_expire), CASE(test_ranges_are_all_of_their_addresses),
		CASE(test_dshield_and_ports),	  CASE(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
