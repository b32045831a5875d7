#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "enrich/networks.h"

#define HEADER "prefix,zone,role,description,owner\n"

static const char *const EXTERNAL[] = {"external", "internet"};

struct fixture {
	struct weir_vocabulary *vocabulary;
	struct weir_networks *networks;
	struct weir_error err;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){0};
	*state = &fixture;
	return weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &fixture.vocabulary);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	weir_networks_free(f->networks);
	weir_vocabulary_free(f->vocabulary);
	return 0;
}

static int load(struct fixture *f, const char *text, const char *const *line, unsigned lines)
{
	const struct weir_networks_options options = {
		.line = line, .lines = lines, .external = EXTERNAL, .externals = 2};
	FILE *file = *text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : NULL;
	int rc;

	weir_networks_free(f->networks);
	f->networks = NULL;
	f->err = (struct weir_error){0};
	rc = weir_networks_read(&options, file, "networks.csv", f->vocabulary, &f->networks, &f->err);
	if (file)
		(void)fclose(file);
	return rc;
}

/* "zone|role|description|owner|subnet|inside" of an address. */
static const char *told(struct fixture *f, const char *addr)
{
	static char text[1024];
	struct weir_addr a;
	const struct weir_network *n;

	assert_int_equal(weir_addr_parse(addr, &a), 0);
	n = &f->networks->network[weir_networks_find(f->networks, &a)];
#define WORD(member) weir_vocabulary_word(f->vocabulary, n->member).text
	(void)snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%d", WORD(zone), WORD(role), WORD(description), WORD(owner), WORD(subnet),
		       n->inside);
#undef WORD
	return text;
}

static void test_a_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, HEADER
			      "# the head office\n"
			      "10.0.0.0/8,office,,Everything,net team\n"
			      "10.1.0.0/16,servers,,Data centre,\n"
			      "10.1.1.53,,\"DNS, ntp\",\"Resolver, first\",dns team\n"
			      "2001:db8::/32,office,Bastion snmp_manager,,\n"
			      "203.0.113.0/24,internet,,A partner,\n", NULL, 0), 0);
	assert_string_equal(told(f, "10.2.3.4"), "office||Everything|net team|10.0.0.0/8|1");
	assert_string_equal(told(f, "10.1.3.4"), "servers||Data centre|net team|10.1.0.0/16|1");
	assert_string_equal(told(f, "10.1.1.53"), "servers|dns ntp|Resolver, first|dns team|10.1.1.53/32|1");
	assert_string_equal(told(f, "2001:db8::1"), "office|bastion snmp-manager|||2001:db8::/32|1");
	assert_string_equal(told(f, "203.0.113.9"), "internet||A partner||203.0.113.0/24|0");
	assert_string_equal(told(f, "192.0.2.1"), "|||||0");
	assert_true(f->networks->has_zones && f->networks->has_roles);
}

static void test_columns_in_any_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "Owner;VLAN;Zone;Prefix\nann;12;office;10.0.0.0/8\n", NULL, 0), 0);
	assert_string_equal(told(f, "10.2.3.4"), "office|||ann|10.0.0.0/8|1");
	assert_false(f->networks->has_roles);
}

/* Those of the configuration come after the file's, so they count where both have a prefix. */
static void test_the_configuration_is_enough(void **state)
{
	static const char *const lines[] = {"10.0.0.0/8,lab,,Mine,", "192.0.2.1"};
	struct fixture *f = *state;

	assert_int_equal(load(f, "", lines, 2), 0);
	assert_string_equal(told(f, "10.2.3.4"), "lab||Mine||10.0.0.0/8|1");
	assert_string_equal(told(f, "192.0.2.1"), "||||192.0.2.1/32|1");
	assert_int_equal(load(f, HEADER "10.0.0.0/8,office,,,\n", lines, 1), 0);
	assert_string_equal(told(f, "10.2.3.4"), "lab||Mine||10.0.0.0/8|1");
	assert_int_equal(f->networks->twices, 1);
	assert_int_equal(load(f, "", NULL, 0), 0);
	assert_string_equal(told(f, "10.2.3.4"), "|||||0");
}

static const struct {
	const char *text;
	const char *where;
	const char *what;
} MISTAKES[] = {
	{HEADER "10.0.0.0/8,a,,,\n10.0.0.300,b,,,\n", "networks.csv:3", "\"10.0.0.300\" is no network and no address"},
	{HEADER "10.0.0.1/8,a,,,\n", "networks.csv:2", "\"10.0.0.1/8\" is an address within a network, and no network"},
	{HEADER ",a,,,\n", "networks.csv:2", "\"\" is no network and no address"},
	{"10.0.0.0/8,a,,,\n", "networks.csv:1", "the first line names no column \"prefix\""},
	{HEADER "10.0.0.0/8,\"a,,,\n", "networks.csv:2", "a quote is not closed"},
};

static void test_mistakes_have_their_line(void **state)
{
	static const char *const lines[] = {"10.0.0.0/8,a", "ten,b"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
		assert_int_equal(load(f, MISTAKES[i].text, NULL, 0), -EINVAL);
		assert_string_equal(f->err.where, MISTAKES[i].where);
		assert_string_equal(f->err.what, MISTAKES[i].what);
	}
	assert_int_equal(load(f, "", lines, 2), -EINVAL);
	assert_string_equal(f->err.where, "networks.list, number 2");
}

static void collect(void *ctx, enum weir_networks_finding finding, const char *text)
{
	static const char *const names[WEIR_FINDINGS] = {"twice", "overlap", "gap"};
	char *out = ctx;

	(void)snprintf(out + strlen(out), 4096 - strlen(out), "%s: %s\n", names[finding], text);
}

static void test_findings(void **state)
{
	struct fixture *f = *state;
	char out[4096] = "";

	assert_int_equal(load(f, HEADER
			      "10.0.0.0/8,office,,,\n"
			      "10.0.0.0/9,office,,,\n"
			      "10.128.0.0/10,servers,,,\n"
			      "10.200.0.1,office,dns,,\n"
			      "172.16.0.0/12,office,,,\n"
			      "172.16.0.0/12,lab,,,\n"
			      "192.168.0.0/24,office,,,\n"
			      "192.168.255.0/24,office,,,\n", NULL, 0), 0);
	weir_networks_check(f->networks, f->vocabulary, collect, out);
	assert_string_equal(out,
			    "twice: 172.16.0.0/12 stands twice, in line 6 and line 7: the later one counts\n"
			    "overlap: 10.128.0.0/10 (zone servers) lies within 10.0.0.0/8 (zone office): its addresses are of zone "
			    "servers\n"
			    "gap: 10.192.0.0 to 10.255.255.255, of 10.0.0.0/8, is in none of its parts\n"
			    "gap: 192.168.1.0 to 192.168.254.255, private addresses, is in no network\n");
	/* Neither whole networks nor the ends of the address space are gaps. */
	*out = '\0';
	assert_int_equal(load(f, HEADER "0.0.0.0/0,a,,,\n0.0.0.0/1,,,,\n128.0.0.0/1,,,,\n::/0,,,,\n8000::/1,,,,\n::/1,,,,\n", NULL, 0), 0);
	weir_networks_check(f->networks, f->vocabulary, collect, out);
	assert_string_equal(out, "");
	assert_int_equal(load(f, "", NULL, 0), 0);
	weir_networks_check(f->networks, f->vocabulary, collect, out);
	assert_string_equal(out, "");
}

static void test_private_addresses(void **state)
{
	static const struct {
		const char *addr;
		bool is_private;
	} rows[] = {
		{"10.0.0.1", true},	 {"172.15.0.1", false}, {"172.31.255.255", true}, {"192.168.1.1", true}, {"192.167.1.1", false},
		{"100.64.0.1", true},	 {"100.128.0.1", false}, {"169.254.1.1", true},	  {"127.0.0.1", true},	 {"224.0.0.251", true},
		{"255.255.255.255", true}, {"8.8.8.8", false},	{"fe80::1", true},	  {"fd00::1", true},	 {"2001:db8::1", false},
		{"ff02::fb", true},	 {"::1", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct weir_addr addr;

		assert_int_equal(weir_addr_parse(rows[i].addr, &addr), 0);
		if (weir_addr_is_private(&addr) != rows[i].is_private)
			fail_msg("%s", rows[i].addr);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_a_file),
		CASE(test_columns_in_any_order),
		CASE(test_the_configuration_is_enough),
		CASE(test_mistakes_have_their_line),
		CASE(test_findings),
		CASE(test_private_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
