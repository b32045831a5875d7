#include "web/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "web/limiter.h"
#include "web/sessions.h"

static char *const NAMES[] = {(char *)(uintptr_t) "weir.example.org"};
static const struct weir_web_names OURS = {NAMES, 1};

static void test_host(void **state)
{
	static const struct {
		const char *host;
		bool ours;
	} CASES[] = {
		{"127.0.0.1:8055", true},	{"127.0.0.1", true},	      {"[::1]:8055", true},
		{"192.0.2.7:8055", true},	{"localhost", true},	      {"LOCALHOST:1", true},
		{"localhost.", true},		{"weir.example.org", true},   {"Weir.Example.Org:443", true},
		{"evil.example", false},	{"evil.example:8055", false}, {"127.0.0.1.evil.example", false},
		{"localhost.evil.example", false}, {"", false},		      {"127.0.0.1:80a", false},
		{"[::1", false},		{"127.0.0.1:8055:1", false},  {"127.0.0.1@evil.example", false},
		{"x.weir.example.org", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		if (weir_web_host_is_ours(CASES[i].host, &OURS) != CASES[i].ours)
			fail_msg("%s", CASES[i].host);
	}
	assert_false(weir_web_host_is_ours(NULL, &OURS));
}

static bool comes_from(const char *origin, const char *site)
{
	const struct weir_web_head head = {.host = "127.0.0.1:8055", .origin = origin, .fetch_site = site};

	return weir_web_origin_is_ours(&head);
}

static void test_origin(void **state)
{
	(void)state;
	assert_true(comes_from(NULL, NULL));
	assert_true(comes_from("http://127.0.0.1:8055", "same-origin"));
	assert_true(comes_from(NULL, "none"));
	assert_false(comes_from("http://evil.example", NULL));
	assert_false(comes_from("http://127.0.0.1:8056", NULL));
	assert_false(comes_from("null", NULL));
	assert_false(comes_from(NULL, "cross-site"));
	assert_false(comes_from(NULL, "same-site"));
	assert_false(comes_from("http://127.0.0.1:8055", "cross-site"));
}

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_cookie(void **state)
{
	char value[WEIR_WEB_SECRET_TEXT];

	(void)state;
	assert_true(weir_web_cookie("weir_session=" SECRET, "weir_session", value));
	assert_string_equal(value, SECRET);
	assert_true(weir_web_cookie("a=b; weir_session=" SECRET "; c=d", "weir_session", value));
	assert_false(weir_web_cookie("xweir_session=" SECRET, "weir_session", value));
	assert_false(weir_web_cookie("weir_session=" SECRET "0", "weir_session", value));
	assert_false(weir_web_cookie("weir_session=0123", "weir_session", value));
	assert_false(weir_web_cookie("weir_session=X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "weir_session", value));
	assert_false(weir_web_cookie(NULL, "weir_session", value));
}

static struct weir_addr addr(const char *text)
{
	struct weir_addr a;

	assert_int_equal(weir_addr_parse(text, &a), 0);
	return a;
}

static bool holds(const char *prefix, const char *text)
{
	struct weir_addr a = addr(text);

	return weir_web_prefix_holds(prefix, &a);
}

static void test_proxy(void **state)
{
	struct weir_addr a, expected = addr("198.51.100.9");

	(void)state;
	assert_true(holds("192.0.2.0/24", "192.0.2.200"));
	assert_false(holds("192.0.2.0/24", "192.0.3.1"));
	assert_true(holds("192.0.2.7", "192.0.2.7"));
	assert_false(holds("192.0.2.7", "192.0.2.6"));
	assert_true(holds("2001:db8::/32", "2001:db8:1::1"));
	assert_false(holds("2001:db8::/32", "2001:db9::1"));
	assert_true(weir_web_forwarded("10.0.0.1, 198.51.100.9", &a));
	assert_memory_equal(&a, &expected, sizeof(a));
	assert_false(weir_web_forwarded("10.0.0.1, nonsense", &a));
	assert_false(weir_web_forwarded("", &a));
	assert_string_equal(weir_web_bearer("Bearer abc"), "abc");
	assert_null(weir_web_bearer("Basic abc"));
	assert_true(weir_web_same("abc", "abc"));
	assert_false(weir_web_same("abc", "abd"));
	assert_false(weir_web_same("abc", "abcd"));
	assert_false(weir_web_same("", "a"));
}

static void test_json_type(void **state)
{
	(void)state;
	assert_true(weir_web_is_json("application/json"));
	assert_true(weir_web_is_json("Application/JSON; charset=utf-8"));
	assert_false(weir_web_is_json("application/jsonp"));
	assert_false(weir_web_is_json("text/plain"));
	assert_false(weir_web_is_json(NULL));
}

#define S WEIR_NS_PER_S

static void test_limiter(void **state)
{
	static struct weir_web_limiter limiter = {.seed = 7};
	struct weir_addr one = addr("192.0.2.1");
	struct weir_addr other = addr("192.0.2.2");
	int64_t now = 1000 * S;

	(void)state;
	for (unsigned i = 0; i < WEIR_WEB_TRIES - 1; i++)
		weir_web_limiter_failed(&limiter, &one, "alice", now);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "alice", now), 0);
	weir_web_limiter_failed(&limiter, &one, "alice", now);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "alice", now), 1);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "alice", now + 1 * S), 0);
	weir_web_limiter_failed(&limiter, &one, "alice", now + 1 * S);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "alice", now + 1 * S), 2);
	/* By the address for every name, by the name from everywhere. */
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "bob", now + 1 * S), 2);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &other, "alice", now + 1 * S), 2);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &other, "bob", now + 1 * S), 0);
	for (unsigned i = 0; i < 100; i++)
		weir_web_limiter_failed(&limiter, &one, "alice", now + 2 * S);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "x", now + 2 * S), WEIR_WEB_WAIT_ADDR_S);
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &other, "alice", now + 2 * S), WEIR_WEB_WAIT_NAME_S);
	weir_web_limiter_succeeded(&limiter, &one, "alice");
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &one, "alice", now + 2 * S), 0);
}

static void test_limiter_of_many_addresses(void **state)
{
	static struct weir_web_limiter limiter = {.seed = 7};
	struct weir_addr attacker = addr("2001:db8::1");
	struct weir_addr neighbour = addr("2001:db8::ffff:1");

	(void)state;
	for (unsigned i = 0; i < WEIR_WEB_TRIES; i++)
		weir_web_limiter_failed(&limiter, &attacker, "alice", S);
	assert_int_not_equal(weir_web_limiter_wait_s(&limiter, &neighbour, "carol", S), 0); /* the same /64 */
	for (unsigned i = 0; i < 100000; i++) {
		struct weir_addr a = addr("10.0.0.0");

		a.byte[13] = (uint8_t)(i >> 16);
		a.byte[14] = (uint8_t)(i >> 8);
		a.byte[15] = (uint8_t)i;
		weir_web_limiter_failed(&limiter, &a, "dave", 2 * S);
	}
	assert_int_equal(weir_web_limiter_wait_s(&limiter, &attacker, "dave", 2 * S), WEIR_WEB_WAIT_NAME_S);
}

static void test_sessions(void **state)
{
	static struct weir_web_sessions sessions = {.idle_ns = 100 * S, .age_ns = 1000 * S};
	const struct weir_web_user alice = {.name = "alice", .role = WEIR_WEB_VIEWER, .secret = "x"};
	char secret[WEIR_WEB_SECRET_TEXT], more[WEIR_WEB_SECRET_TEXT];
	struct weir_web_session *s;

	(void)state;
	assert_int_equal(weir_web_sessions_add(&sessions, &alice, 1 * S, secret, &s), 0);
	assert_string_not_equal(s->hash, secret);
	assert_string_not_equal(s->csrf, secret);
	assert_ptr_equal(weir_web_sessions_find(&sessions, secret, 50 * S), s);
	assert_null(weir_web_sessions_find(&sessions, SECRET, 50 * S));
	assert_ptr_equal(weir_web_sessions_find(&sessions, secret, 149 * S), s); /* used at 50 */
	assert_null(weir_web_sessions_find(&sessions, secret, 300 * S));
	assert_int_equal(weir_web_sessions_count(&sessions, 300 * S), 0);
	assert_int_equal(weir_web_sessions_add(&sessions, &alice, 0, secret, &s), 0);
	for (int64_t t = 0; t <= 1000; t += 50)
		assert_non_null(weir_web_sessions_find(&sessions, secret, t * S));
	assert_null(weir_web_sessions_find(&sessions, secret, 1001 * S));
	/* The table is full: the one that was used longest ago goes. */
	assert_int_equal(weir_web_sessions_add(&sessions, &alice, 2000 * S, secret, &s), 0);
	for (unsigned i = 0; i < WEIR_WEB_SESSIONS_MAX; i++)
		assert_int_equal(weir_web_sessions_add(&sessions, &alice, 2001 * S, more, &s), 0);
	assert_null(weir_web_sessions_find(&sessions, secret, 2002 * S));
	assert_non_null(weir_web_sessions_find(&sessions, more, 2002 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),	  cmocka_unit_test(test_origin),
		cmocka_unit_test(test_cookie),	  cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_json_type), cmocka_unit_test(test_limiter),
		cmocka_unit_test(test_limiter_of_many_addresses), cmocka_unit_test(test_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
