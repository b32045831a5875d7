/* The table against the plain way: look at every prefix and keep the longest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow/prefix_table.h"

static struct weir_prefix prefix_of(const char *text)
{
	struct weir_prefix prefix;

	if (weir_prefix_parse(text, strlen(text), &prefix) < 0)
		fail_msg("%s is no prefix", text);
	return prefix;
}

static void test_prefixes_as_text(void **state)
{
	static const struct {
		const char *given;
		int rc;
		const char *text;
	} rows[] = {
		{"10.0.0.0/8", 0, "10.0.0.0/8"},
		{"10.1.2.3/8", 1, "10.0.0.0/8"},
		{"192.0.2.1", 0, "192.0.2.1/32"},
		{"0.0.0.0/0", 0, "0.0.0.0/0"},
		{"0/0", -EINVAL, NULL},
		{"::/0", 0, "::/0"},
		{"2001:db8::1/32", 1, "2001:db8::/32"},
		{"2001:db8::1", 0, "2001:db8::1/128"},
		{"2001:db8::1/129", -EINVAL, NULL},
		{"10.0.0.0/33", -EINVAL, NULL},
		{"10.0.0.0/", -EINVAL, NULL},
		{"10.0.0.0/8 ", -EINVAL, NULL},
		{"10.0.0.0/-1", -EINVAL, NULL},
		{"10.0.0.0/0008", -EINVAL, NULL},
		{"", -EINVAL, NULL},
		{"/8", -EINVAL, NULL},
	};
	struct weir_prefix prefix;
	char text[WEIR_PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = weir_prefix_parse(rows[i].given, strlen(rows[i].given), &prefix);

		if (rc != rows[i].rc)
			fail_msg("%s: %d", rows[i].given, rc);
		if (rc < 0)
			continue;
		assert_int_equal(weir_prefix_text(&prefix, text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
	}
	/* What is there need not end. */
	assert_int_equal(weir_prefix_parse("10.0.0.0/8,office", 10, &prefix), 0);
	assert_int_equal(weir_prefix_parse("10.0\0.0.0/8", 11, &prefix), -EINVAL);
}

static void test_what_a_prefix_holds(void **state)
{
	const struct weir_prefix office = prefix_of("10.1.128.0/17");
	const struct weir_prefix all = prefix_of("::/0");
	const struct weir_prefix host = prefix_of("2001:db8::7");
	const struct weir_addr in = prefix_of("10.1.200.1").addr;
	const struct weir_addr out = prefix_of("10.1.127.255").addr;
	const struct weir_addr last = weir_prefix_last(&office);
	char text[WEIR_ADDR_TEXT_MAX];

	(void)state;
	assert_true(weir_prefix_has(&office, &in));
	assert_false(weir_prefix_has(&office, &out));
	assert_true(weir_prefix_has(&all, &host.addr));
	assert_true(weir_prefix_has(&host, &host.addr));
	(void)weir_addr_text(&last, text);
	assert_string_equal(text, "10.1.255.255");
}

static void test_the_longest_wins(void **state)
{
	static const char *const prefixes[] = {"10.1.0.0/16", "10.0.0.0/8", "10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0",
					       "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::5/128", "10.1.0.0/16"};
	static const struct {
		const char *addr;
		uint32_t value;
	} rows[] = {
		{"10.200.0.1", 2}, {"10.1.3.1", 9}, {"10.1.2.4", 3}, {"10.1.2.3", 4}, {"11.0.0.1", 5}, {"255.255.255.255", 5},
		{"2001:db8:2::1", 6}, {"2001:db8:1::4", 7}, {"2001:db8:1::5", 8}, {"2001:db9::", 0}, {"::", 0}, {"::1", 0},
	};
	struct weir_prefix_entry entries[9];
	struct weir_prefix_table *table;

	(void)state;
	for (uint32_t i = 0; i < 9; i++)
		entries[i] = (struct weir_prefix_entry){prefix_of(prefixes[i]), i + 1};
	assert_int_equal(weir_prefix_table_new(entries, 9, &table), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct weir_addr addr = prefix_of(rows[i].addr).addr;
		uint32_t value = weir_prefix_table_find(table, &addr);

		if (value != rows[i].value)
			fail_msg("%s: %u, not %u", rows[i].addr, value, rows[i].value);
	}
	weir_prefix_table_free(table);
	weir_prefix_table_free(NULL);
}

static void test_nothing_in_it(void **state)
{
	const struct weir_addr addr = prefix_of("10.0.0.1").addr;
	struct weir_prefix_table *table;

	(void)state;
	assert_int_equal(weir_prefix_table_new(NULL, 0, &table), 0);
	assert_int_equal(weir_prefix_table_find(table, &addr), 0);
	weir_prefix_table_free(table);
}

/* IPv6 in general is not IPv4 in particular. */
static void test_the_versions_are_apart(void **state)
{
	struct weir_prefix_entry entries[] = {{prefix_of("::/0"), 1}, {prefix_of("10.0.0.0/8"), 2}};
	const struct weir_addr v4 = prefix_of("192.0.2.1").addr;
	const struct weir_addr v6 = prefix_of("2001:db8::1").addr;
	struct weir_prefix_table *table;

	(void)state;
	assert_int_equal(weir_prefix_table_new(entries, 2, &table), 0);
	assert_int_equal(weir_prefix_table_find(table, &v4), 0);
	assert_int_equal(weir_prefix_table_find(table, &v6), 1);
	weir_prefix_table_free(table);
}

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Crowded into few bits, so that prefixes nest and addresses hit them. */
static struct weir_prefix draw_prefix(uint64_t *random)
{
	bool v4 = draw(random) & 1;
	unsigned bits = (unsigned)(draw(random) % (v4 ? 33 : 129));
	char text[WEIR_PREFIX_TEXT_MAX];
	struct weir_prefix prefix = {{{0}}, 128};

	for (unsigned i = v4 ? 12 : 0; i < 16; i++)
		prefix.addr.byte[i] = (uint8_t)(draw(random) & (i % 4 == 3 ? 0xffU : 0x81U));
	if (v4)
		prefix.addr.byte[10] = prefix.addr.byte[11] = 0xff;
	(void)weir_addr_text(&prefix.addr, text);
	(void)snprintf(text + strlen(text), 5, "/%u", bits);
	assert_true(weir_prefix_parse(text, strlen(text), &prefix) >= 0);
	return prefix;
}

static uint32_t plain(const struct weir_prefix_entry *entries, size_t count, const struct weir_addr *addr)
{
	uint32_t value = 0;
	int bits = -1;

	for (size_t i = 0; i < count; i++) {
		const struct weir_prefix *p = &entries[i].prefix;

		if (weir_prefix_is_v4(p) == weir_addr_is_v4(addr) && weir_prefix_has(p, addr) && p->bits >= bits) {
			bits = p->bits;
			value = entries[i].value;
		}
	}
	return value;
}

static void test_against_the_plain_way(void **state)
{
	static struct weir_prefix_entry entries[1500], sorted[1500];
	static struct weir_addr addr[3000];
	static uint32_t value[3000];
	uint64_t random = 88172645463325252U;

	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		size_t count = 20 + round * 290;
		struct weir_prefix_table *table;

		for (uint32_t i = 0; i < count; i++)
			entries[i] = (struct weir_prefix_entry){draw_prefix(&random), i + 1};
		for (unsigned i = 0; i < 3000; i++) {
			/* Addresses at, and just beside, the ends of prefixes, and any others. */
			const struct weir_prefix *p = &entries[draw(&random) % count].prefix;

			addr[i] = i % 3 == 0 ? p->addr : i % 3 == 1 ? weir_prefix_last(p) : draw_prefix(&random).addr;
			addr[i].byte[15] = (uint8_t)(addr[i].byte[15] + (draw(&random) % 4 == 0));
		}
		memcpy(sorted, entries, sizeof(entries));
		assert_int_equal(weir_prefix_table_new(sorted, count, &table), 0);
		weir_prefix_table_find_all(table, addr, 3000, value);
		for (unsigned i = 0; i < 3000; i++) {
			char text[WEIR_ADDR_TEXT_MAX];

			(void)weir_addr_text(&addr[i], text);
			if (value[i] != plain(entries, count, &addr[i]))
				fail_msg("%zu prefixes: %s has %u, not %u", count, text, value[i], plain(entries, count, &addr[i]));
		}
		weir_prefix_table_free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes_as_text),
		cmocka_unit_test(test_what_a_prefix_holds),
		cmocka_unit_test(test_the_longest_wins),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_the_versions_are_apart),
		cmocka_unit_test(test_against_the_plain_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
