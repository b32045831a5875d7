#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/rule.h"

static struct weir_rule_file *read_ok(const char *text)
{
	struct weir_rule_file *file = NULL;
	struct weir_error err = {0};

	if (weir_rule_file_read("policy.yaml", text, strlen(text), &file, &err))
		fail_msg("%s: %s; %s", err.where, err.what, err.next);
	return file;
}

static void read_bad(const char *text, const char *where, const char *what)
{
	struct weir_rule_file *file = NULL;
	struct weir_error err = {0};

	assert_true(weir_rule_file_read("policy.yaml", text, strlen(text), &file, &err) < 0);
	assert_string_equal(err.where, where);
	if (!strstr(err.what, what))
		fail_msg("\"%s\" is not in \"%s\"", what, err.what);
	assert_true(err.next[0]);
}

static void test_a_rule_with_all_its_parts(void **state)
{
	struct weir_rule_file *f = read_ok("sets:\n"
					   "  partners: [198.51.100.0/24, '2001:db8:7::/48']\n"
					   "rules:\n"
					   "  - name: partners-copy\n"
					   "    from: not zone clients, 192.0.2.0/24\n"
					   "    to: [role backup, set partners, country DE, threat, threat feodo]\n"
					   "    over: [tcp/22, udp/5000-5100, port 53, service ssh, gre, proto 89]\n"
					   "    when: mon-fri 08:00-18:00, sat\n"
					   "    more_than: 2 GB within 1h\n"
					   "    action: alert\n"
					   "    level: critical\n"
					   "    subject: both\n"
					   "    category: copies\n"
					   "    message: '{client} copies'\n");
	const struct weir_policy_rule *r = &f->rule[0];

	(void)state;
	assert_int_equal(f->rules, 1);
	assert_string_equal(r->name, "partners-copy");
	assert_string_equal(r->where, "policy.yaml:4");
	assert_true(r->from.negated);
	assert_int_equal(r->from.terms, 2);
	assert_int_equal(r->from.term[0].kind, WEIR_PLACE_ZONE);
	assert_string_equal(r->from.term[0].text, "clients");
	assert_int_equal(r->from.term[1].kind, WEIR_PLACE_NETWORK);
	assert_int_equal(r->from.term[1].prefix.bits, 120);
	assert_false(r->to.negated);
	assert_int_equal(r->to.terms, 5);
	assert_int_equal(r->to.term[1].kind, WEIR_PLACE_SET);
	assert_int_equal(r->to.term[1].set, 0);
	assert_string_equal(r->to.term[3].text, "");
	assert_string_equal(r->to.term[4].text, "feodo");
	assert_int_equal(r->over.terms, 6);
	assert_int_equal(r->over.term[0].proto, 6);
	assert_int_equal(r->over.term[1].low, 5000);
	assert_int_equal(r->over.term[1].high, 5100);
	assert_int_equal(r->over.term[2].proto, 0);
	assert_int_equal(r->over.term[4].kind, WEIR_SERVICE_PROTO);
	assert_int_equal(r->over.term[4].proto, 47);
	assert_int_equal(r->over.term[5].proto, 89);
	assert_int_equal(r->when.spans, 6);
	assert_int_equal(r->more_than.quantity, WEIR_QUANTITY_BYTES);
	assert_int_equal(r->more_than.value, 2000000000);
	assert_int_equal(r->more_than.within_s, 3600);
	assert_int_equal(r->action, WEIR_POLICY_ALERT);
	assert_int_equal(r->level, WEIR_POLICY_CRITICAL);
	assert_int_equal(r->subject, WEIR_POLICY_BOTH);
	assert_int_equal(f->set[0].prefixes, 2);
	weir_rule_file_free(f);
}

static void test_names_of_packs_go_before_their_rules(void **state)
{
	struct weir_rule_file *f = read_ok("rules: [{name: a, action: allow}]\npack: dns\nneeds: [dns, ntp]\n");

	(void)state;
	assert_string_equal(f->rule[0].name, "dns/a");
	assert_int_equal(f->needs, 2);
	assert_string_equal(f->need[1], "ntp");
	weir_rule_file_free(f);
	weir_rule_file_free(read_ok(""));
}

static void test_what_is_wrong_is_named_with_its_line(void **state)
{
	(void)state;
	read_bad("rules:\n  - nam: a\n", "policy.yaml:2", "no key \"nam\"");
	read_bad("rule:\n", "policy.yaml:1", "no key \"rule\"");
	read_bad("rules:\n  - action: allow\n", "policy.yaml:2", "without a name");
	read_bad("rules:\n  - name: a\n", "policy.yaml:2", "without an action");
	read_bad("rules:\n  - {name: a, action: allow}\n  - {name: a, action: deny}\n", "policy.yaml:3", "same name");
	read_bad("rules:\n  - {name: a, action: refuse}\n", "policy.yaml:2", "action");
	read_bad("rules:\n  - {name: a, action: deny,\n     from: zone}\n", "policy.yaml:3", "\"zone\" is no place");
	read_bad("rules:\n  - {name: a, action: deny,\n     from: 192.0.2.1/24}\n", "policy.yaml:3", "is no place");
	read_bad("rules:\n  - {name: a, action: deny,\n     from: [internal, not external]}\n", "policy.yaml:3", "within a list");
	read_bad("rules:\n  - {name: a, action: deny,\n     to: set nobody}\n", "policy.yaml:2", "no set \"nobody\"");
	read_bad("rules:\n  - {name: a, action: deny,\n     over: tcp/70000}\n", "policy.yaml:3", "is no service");
	read_bad("rules:\n  - {name: a, action: deny,\n     over: tcp/30-20}\n", "policy.yaml:3", "is no service");
	read_bad("rules:\n  - {name: a, action: deny,\n     when: mondays}\n", "policy.yaml:3", "is no time");
	read_bad("rules:\n  - {name: a, action: deny,\n     more_than: 5 flows}\n", "policy.yaml:3", "is no quantity");
	read_bad("rules:\n  - {name: a, action: deny, name: b}\n", "policy.yaml:2", "twice");
	read_bad("rules:\n  - {name: a, action: deny,\n     message: '{client} asks {serve}'}\n", "policy.yaml:3", "no placeholder {serve}");
	read_bad("rules: [\n", "policy.yaml:2", "no YAML");
	read_bad("- a\n", "policy.yaml:1", "no rule file");
	read_bad("sets:\n  a: [192.0.2.1/8]\n", "policy.yaml:2", "is no network");
}

static bool holds_at(const char *when, int weekday, int hour, int minute)
{
	struct weir_when w = {0};
	struct weir_error err = {0};
	struct tm tm = {.tm_year = 126, .tm_mon = 5, .tm_mday = weekday, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	/* 2026-06-01 is a Monday. */
	if (weir_when_parse(when, "here", &w, &err))
		fail_msg("%s: %s", when, err.what);
	return weir_when_holds(&w, (int64_t)mktime(&tm));
}

static void test_times_of_the_week(void **state)
{
	(void)state;
	assert_true(holds_at("mon-fri 08:00-18:00", 1, 8, 0));
	assert_false(holds_at("mon-fri 08:00-18:00", 1, 7, 59));
	assert_false(holds_at("mon-fri 08:00-18:00", 1, 18, 0));
	assert_true(holds_at("mon-fri 08:00-18:00", 5, 17, 59));
	assert_false(holds_at("mon-fri 08:00-18:00", 6, 12, 0));
	assert_true(holds_at("not mon-fri 08:00-18:00", 6, 12, 0));
	assert_true(holds_at("22:00-06:00", 3, 23, 0));
	assert_true(holds_at("22:00-06:00", 3, 5, 59));
	assert_false(holds_at("22:00-06:00", 3, 6, 0));
	assert_true(holds_at("sun 22:00-06:00", 1, 5, 0)); /* Monday morning */
	assert_true(holds_at("fri-mon", 7, 12, 0));
	assert_false(holds_at("fri-mon", 3, 12, 0));
	assert_true(holds_at("sat, sun 10:00-11:00", 6, 15, 0));
	assert_false(holds_at("sat, sun 10:00-11:00", 7, 15, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rule_with_all_its_parts),
		cmocka_unit_test(test_names_of_packs_go_before_their_rules),
		cmocka_unit_test(test_what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(test_times_of_the_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
