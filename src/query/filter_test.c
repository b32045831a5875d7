#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filter.h"

#define NOW INT64_C(1769860800000) /* 2026-01-31 12:00:00 UTC */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static char *sql_of(const char *text, enum weir_filter_table table)
{
	struct weir_filter_mistake mistake;
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_buffer out;
	int rc = weir_filter_parse(text, strlen(text), NOW, &filter, &mistake, &err);

	if (rc) {
		print_error("%s: %s at %zu\n", text, err.what, mistake.at);
		fail();
	}
	weir_buffer_init(&out);
	rc = weir_filter_sql(filter, table, &out);
	weir_filter_free(filter);
	if (rc) {
		weir_buffer_done(&out);
		return NULL;
	}
	assert_non_null(weir_buffer_cstr(&out));
	return (char *)out.data;
}

static void assert_sql(const char *text, const char *expected)
{
	char *sql = sql_of(text, WEIR_FILTER_FLOWS);

	if (!sql || strcmp(sql, expected) != 0) {
		print_error("%s\n  gives    %s\n  expected %s\n", text, sql ? sql : "nothing", expected);
		fail();
	}
	free(sql);
}

static void test_forms(void **state)
{
	static const struct {
		const char *text, *sql;
	} cases[] = {
		{"", "true"},
		{"any", "true"},
		{"src port 53", "src_port = 53"},
		{"port 80", "src_port = 80 OR dst_port = 80"},
		{"port != 80", "NOT (src_port = 80 OR dst_port = 80)"},
		{"dst port != 80", "NOT (dst_port = 80)"},
		{"src and dst port > 1023", "src_port > 1023 AND dst_port > 1023"},
		{"src or dst port 22", "src_port = 22 OR dst_port = 22"},
		{"dst port in [80 443, 8000-8080]",
		 "dst_port IN (80, 443) OR dst_port BETWEEN 8000 AND 8080"},
		{"dst port in (80,443) and any", "dst_port IN (80, 443) AND true"},
		{"tcp and dst port 1-2", "proto = 6 AND dst_port BETWEEN 1 AND 2"},
		{"tcp dst port 80 or udp", "proto = 6 AND dst_port = 80 OR proto = 17"},
		{"proto icmp6", "proto = 58"},
		{"PROTO 47", "proto = 47"},
		{"src ip 10.1.2.3/8", "src_addr BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255')"},
		{"dst 2001:db8::/33",
		 "dst_addr BETWEEN toIPv6('2001:db8::') AND toIPv6('2001:db8:7fff:ffff:ffff:ffff:ffff:ffff')"},
		{"192.0.2.1", "src_addr = toIPv6('192.0.2.1') OR dst_addr = toIPv6('192.0.2.1')"},
		{"src in [::1 192.0.2.1]", "src_addr IN (toIPv6('::1'), toIPv6('192.0.2.1'))"},
		{"src ip 192.0.2.1-192.0.2.9", "src_addr BETWEEN toIPv6('192.0.2.1') AND toIPv6('192.0.2.9')"},
		{"router ip 192.0.2.1", "exporter_addr = toIPv6('192.0.2.1')"},
		{"ip 0.0.0.0/0", "src_addr BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255') OR "
				 "dst_addr BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255')"},
		{"in if 3", "in_if = 3"},
		{"if 3", "in_if = 3 OR out_if = 3"},
		{"flags SA", "bitAnd(tcp_flags, 18) = 18"},
		{"not flags SA", "bitAnd(tcp_flags, 18) = 0"},
		{"not (not flags SA)", "NOT (bitAnd(tcp_flags, 18) = 0)"},
		{"flags 2", "tcp_flags = 2"},
		{"flags = S", "tcp_flags = 2"},
		{"bytes >= 1.5M", "bytes >= 1500000"},
		{"packets<10", "packets < 10"},
		{"bytes 18446744073709551615", "bytes = 18446744073709551615"},
		{"src as 64512", "src_as = 64512"},
		{"vlan 7", "src_vlan = 7 OR dst_vlan = 7"},
		{"tos 0x10", "ip_tos = 16"},
		{"dst tos 1", "dst_tos = 1"},
		{"icmp-type 8", "icmp_type = 8"},
		{"ICMP_TYPE == 8", "icmp_type = 8"},
		{"src mac 0011.22aa.bbcc", "src_mac = 73596058572"},
		{"flow_type in [ipfix netflow-v9]", "flow_type IN ('ipfix', 'netflow_v9')"},
		{"time_start >= 2026-01-31T12:00:00.5Z",
		 "time_start >= toDateTime64('2026-01-31 12:00:00.500', 3, 'UTC')"},
		{"time_end < now-2h", "time_end < toDateTime64('2026-01-31 10:00:00.000', 3, 'UTC')"},
		{"user_name = \"O'Brien\\\\\"", "user_name = 'O\\x27Brien\\x5C'"},
		{"user = 'a\" OR 1=1 --'", "user_name = 'a\" OR 1=1 --'"},
		{"application_name != ''", "NOT (application_name = '')"},
		{"ipv4", "ip_version = 4 OR src_addr BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255')"},
		{"not ipv6 and any", "NOT (ip_version = 6 OR src_addr BETWEEN toIPv6('::1:0:0:0') AND "
				     "toIPv6('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')) AND true"},
		{"any and (any or any)", "true AND (true OR true)"},
		{"any or any and any", "true OR true AND true"},
		{"(any or any) and !any", "(true OR true) AND NOT (true)"},
		{"any && any || any", "true AND true OR true"},
		{"src ip 10.0.0.0/8 and (dst port 53 or proto icmp) and not bytes < 1k",
		 "src_addr BETWEEN toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') AND (dst_port = 53 OR proto = 1) "
		 "AND NOT (bytes < 1000)"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++)
		assert_sql(cases[i].text, cases[i].sql);
}

static void test_computed_fields(void **state)
{
	char *sql = sql_of("duration > 1m30s", WEIR_FILTER_FLOWS);

	(void)state;
	assert_non_null(strstr(sql, "> 90000"));
	assert_non_null(strstr(sql, "time_end"));
	free(sql);
	sql = sql_of("bps >= 1.5M", WEIR_FILTER_FLOWS);
	assert_non_null(strstr(sql, ">= 1500000"));
	free(sql);
}

/* A column that is added to the table is a word at once. */
static void test_every_column_is_a_word(void **state)
{
	static const char *const values[WEIR_KINDS] = {
		[WEIR_KIND_NUMBER] = "1",    [WEIR_KIND_COUNT] = "1",	  [WEIR_KIND_BYTES] = "1",
		[WEIR_KIND_RATE] = "1",	     [WEIR_KIND_SHARE] = "1",	  [WEIR_KIND_DURATION] = "1",
		[WEIR_KIND_TIME] = "now",    [WEIR_KIND_ADDR] = "::1",	  [WEIR_KIND_MAC] = "00:11:22:33:44:55",
		[WEIR_KIND_PROTO] = "tcp",   [WEIR_KIND_FLAGS] = "S",	  [WEIR_KIND_FLOW_TYPE] = "ipfix",
		[WEIR_KIND_TEXT] = "x",
	};

	(void)state;
	for (unsigned id = 0; id < WEIR_FIELDS; id++) {
		struct weir_field field = weir_field(id);
		char text[128], *sql;

		(void)snprintf(text, sizeof(text), "%s = %s", field.name, values[field.kind]);
		sql = sql_of(text, WEIR_FILTER_FLOWS);
		assert_non_null(strstr(sql, id < WEIR_COLUMNS ? field.name : "="));
		free(sql);
	}
}

static void test_rollup(void **state)
{
	char *sql = sql_of("proto tcp and in if 3 and service_port 53", WEIR_FILTER_ROLLUP);

	(void)state;
	assert_string_equal(sql, "proto = 6 AND in_if = 3 AND service_port = 53");
	free(sql);
	assert_null(sql_of("proto tcp and src port 53", WEIR_FILTER_ROLLUP));
	assert_null(sql_of("bytes > 1", WEIR_FILTER_ROLLUP));
}

static void assert_mistake(const char *text, const char *what, const char *next, const char *caret)
{
	struct weir_filter_mistake mistake = {0};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_buffer out;

	weir_buffer_init(&out);
	if (weir_filter_parse(text, strlen(text), NOW, &filter, &mistake, &err) == 0) {
		print_error("%s: is taken\n", text);
		fail();
	}
	assert_null(filter);
	assert_string_equal(err.where, "filter");
	assert_int_equal(weir_filter_caret(text, strlen(text), &mistake, &out), 0);
	if (strcmp(err.what, what) != 0 || strcmp(err.next, next) != 0 || strcmp(weir_buffer_cstr(&out), caret) != 0) {
		print_error("%s\n%s; %s\n%s\n", text, err.what, err.next, weir_buffer_cstr(&out));
		fail();
	}
	weir_buffer_done(&out);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *what, *next, *caret;
	} cases[] = {
		{"src ip 10.0.0.1 and prot tcp", "unknown word \"prot\"", "did you mean \"proto\"?",
		 "    src ip 10.0.0.1 and prot tcp\n"
		 "                        ^~~~\n"},
		{"src ip 10.0.0.1 an port 80", "\"and\" or \"or\" is missing before \"an\"", "did you mean \"and\"?",
		 "    src ip 10.0.0.1 an port 80\n"
		 "                    ^~\n"},
		{"port 65536", "\"65536\" is too large for port, which goes to 65535", "",
		 "    port 65536\n"
		 "         ^~~~~\n"},
		{"port x", "\"x\" is not a number", "numbers may end in k, M, G or T",
		 "    port x\n"
		 "         ^\n"},
		{"packets > 1.5", "\"1.5\" is not a whole number", "",
		 "    packets > 1.5\n"
		 "              ^~~\n"},
		{"port", "port needs a value here", "",
		 "    port\n"
		 "        ^\n"},
		{"proto tcp and", "something is missing at the end", "",
		 "    proto tcp and\n"
		 "                 ^\n"},
		{"(any", "this parenthesis is not closed", "",
		 "    (any\n"
		 "    ^\n"},
		{"any)", "this parenthesis was not opened", "",
		 "    any)\n"
		 "       ^\n"},
		{"ip 10.0.0.0/33", "\"10.0.0.0/33\" has no such prefix length",
		 "write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32",
		 "    ip 10.0.0.0/33\n"
		 "       ^~~~~~~~~~~\n"},
		{"ip < 10.0.0.1", "ip has no order", "use =, != or in",
		 "    ip < 10.0.0.1\n"
		 "       ^\n"},
		{"in port 80", "\"in\" does not go with what follows", "write src or dst",
		 "    in port 80\n"
		 "    ^~\n"},
		{"port in [80", "this list is not closed", "",
		 "    port in [80\n"
		 "            ^\n"},
		{"port in []", "this list is empty", "",
		 "    port in []\n"
		 "            ^\n"},
		{"proto tpc", "no protocol is known as \"tpc\"", "write its number",
		 "    proto tpc\n"
		 "          ^~~\n"},
		{"user \"x", "user needs a value: this text has no closing quote", "",
		 "    user \"x\n"
		 "         ^~\n"},
		{"any\nand prt 80\nor any", "unknown word \"prt\"", "did you mean \"port\"?",
		 "    and prt 80\n"
		 "        ^~~\n"},
		{"user 'ü漢' and ü\x1b[31m 80", "unknown word \"ü?\"", "`weir flows --help` tells the words",
		 "    user 'ü漢' and ü [31m 80\n"
		 "                   ^~\n"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++)
		assert_mistake(cases[i].text, cases[i].what, cases[i].next, cases[i].caret);
}

static void test_long_line_is_cut(void **state)
{
	struct weir_filter_mistake mistake = {500, 3};
	struct weir_buffer out;
	char text[1000];
	const char *line, *caret;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 500, "XYZ", 3);
	weir_buffer_init(&out);
	assert_int_equal(weir_filter_caret(text, sizeof(text), &mistake, &out), 0);
	line = weir_buffer_cstr(&out);
	assert_true(out.len < 260);
	caret = strchr(line, '\n') + 1;
	/* The ellipsis is three bytes and one column. */
	assert_int_equal(strstr(line, "XYZ") - line - 2, strchr(caret, '^') - caret);
	weir_buffer_done(&out);
}

static int parse(const char *text, size_t len)
{
	struct weir_filter *filter = NULL;
	struct weir_error err;
	int rc = weir_filter_parse(text, len, NOW, &filter, NULL, &err);

	weir_filter_free(filter);
	return rc;
}

static void repeat(char *text, const char *part, unsigned times, const char *end)
{
	*text = '\0';
	for (unsigned i = 0; i < times; i++)
		text = stpcpy(text, part);
	(void)stpcpy(text, end);
}

static void test_limits(void **state)
{
	char *text = malloc(WEIR_FILTER_TEXT_MAX + 100);

	(void)state;
	assert_non_null(text);
	repeat(text, "(", WEIR_FILTER_DEPTH_MAX - 1, "any");
	for (unsigned i = 0; i < WEIR_FILTER_DEPTH_MAX - 1; i++)
		strcat(text, ")");
	assert_int_equal(parse(text, strlen(text)), 0);
	repeat(text, "(", WEIR_FILTER_DEPTH_MAX, "any");
	assert_int_equal(parse(text, strlen(text)), -E2BIG);
	repeat(text, "not ", 10000 / 4, "any");
	assert_int_equal(parse(text, strlen(text)), -E2BIG);
	repeat(text, "any or ", 1000, "any");
	assert_int_equal(parse(text, strlen(text)), 0);
	repeat(text, "any or ", WEIR_FILTER_NODES_MAX, "any");
	assert_int_equal(parse(text, strlen(text)), -E2BIG);
	repeat(strcpy(text, "port in [") + 9, "1 ", WEIR_FILTER_VALUES_MAX, "]");
	assert_int_equal(parse(text, strlen(text)), 0);
	repeat(strcpy(text, "port in [") + 9, "1 ", WEIR_FILTER_VALUES_MAX + 1, "]");
	assert_int_equal(parse(text, strlen(text)), -E2BIG);
	memset(text, ' ', WEIR_FILTER_TEXT_MAX + 1);
	assert_int_equal(parse(text, WEIR_FILTER_TEXT_MAX), 0);
	assert_int_equal(parse(text, WEIR_FILTER_TEXT_MAX + 1), -E2BIG);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_computed_fields),
		cmocka_unit_test(test_every_column_is_a_word),
		cmocka_unit_test(test_rollup),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_long_line_is_cut),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
