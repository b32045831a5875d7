#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "enrich/catalog.h"

struct fixture {
	struct weir_vocabulary *vocabulary;
	struct weir_catalog *catalog;
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

	weir_catalog_free(f->catalog);
	weir_vocabulary_free(f->vocabulary);
	return 0;
}

static int load(struct fixture *f, const char *text)
{
	FILE *file = text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : NULL;
	int rc;

	weir_catalog_free(f->catalog);
	f->catalog = NULL;
	rc = weir_catalog_read(file, "services.tsv", f->vocabulary, &f->catalog, &f->err);
	if (file)
		(void)fclose(file);
	return rc;
}

static const char *told(struct fixture *f, uint32_t entry)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s|%s", weir_vocabulary_word(f->vocabulary, f->catalog->entry[entry].service).text,
		       weir_vocabulary_word(f->vocabulary, f->catalog->entry[entry].category).text);
	return text;
}

static const struct {
	uint8_t proto;
	uint16_t port;
	const char *expected;
} ROWS[] = {
	{6, 22, "ssh|remote access"},	 {17, 53, "dns|name resolution"},   {6, 53, "dns|name resolution"},
	{17, 443, "https|web"},		 {6, 25, "smtp|mail"},		    {6, 445, "smb|file"},
	{6, 5432, "postgresql|database"}, {17, 389, "ldap|directory"},	    {132, 5060, "sip|voice"},
	{6, 9392, "veeam|backup"},	 {17, 161, "snmp|monitoring"},	    {6, 179, "bgp|routing"},
	{17, 4789, "vxlan|overlay"},	 {17, 6885, "bittorrent|peer-to-peer"}, {6, 9001, "tor|anonymiser"},
	{17, 500, "ike|tunnel"},	 {17, 123, "ntp|time"},		    {47, 0, "gre|tunnel"},
	{1, 0, "icmp|diagnostics"},	 {58, 99, "icmpv6|diagnostics"},    {6, 3268, "global-catalog|directory"},
	{6, 3299, "sap-router|application"}, {6, 60123, "|"},		    {17, 22, "|"},
	{99, 0, "|"},			 {136, 53, "dns|name resolution"},
};

static void test_what_is_built_in(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, NULL), 0);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
		assert_string_equal(told(f, weir_catalog_find(f->catalog, ROWS[i].proto, ROWS[i].port)), ROWS[i].expected);
	assert_string_equal(told(f, weir_catalog_find_app(f->catalog, "MS-Teams", 8)), "teams|voice");
	assert_int_equal(weir_catalog_find_app(f->catalog, "unknown", 7), 0);
	assert_int_equal(weir_catalog_find_app(f->catalog, "", 0), 0);
}

static void test_a_file_counts_before_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "match,service,category\n"
			      "\"tcp,udp/5432-5433\",ledger,accounting\n"
			      "tcp/5433,other,x\n"
			      "app/Our ERP,erp,business\n"
			      "200,ours,\n"), 0);
	assert_string_equal(told(f, weir_catalog_find(f->catalog, 6, 5432)), "ledger|accounting");
	assert_string_equal(told(f, weir_catalog_find(f->catalog, 17, 5433)), "ledger|accounting");
	assert_string_equal(told(f, weir_catalog_find(f->catalog, 6, 5433)), "ledger|accounting");
	assert_string_equal(told(f, weir_catalog_find(f->catalog, 200, 0)), "ours|");
	assert_string_equal(told(f, weir_catalog_find_app(f->catalog, "our erp", 7)), "erp|business");
	assert_string_equal(told(f, weir_catalog_find(f->catalog, 6, 22)), "ssh|remote access");
}

static const struct {
	const char *row;
	const char *what;
} MISTAKES[] = {
	{"tcp/65536,a,b", "these are no ports: \"tcp/65536\""},
	{"tcp/9-1,a,b", "these are no ports: \"tcp/9-1\""},
	{"tcp/,a,b", "these are no ports: \"tcp/\""},
	{"tcp/1-,a,b", "these are no ports: \"tcp/1-\""},
	{"gre/1,a,b", "there is no protocol with ports in \"gre/1\""},
	{"/1,a,b", "there is no protocol with ports in \"/1\""},
	{"nonsense,a,b", "there is no protocol \"nonsense\""},
	{"300,a,b", "there is no protocol \"300\""},
	{"app/,a,b", "there is no application in \"\""},
	{"tcp/1,,b", "there is no service for \"tcp/1\""},
};

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
		(void)snprintf(text, sizeof(text), "match,service,category\n%s\n", MISTAKES[i].row);
		assert_int_equal(load(f, text), -EINVAL);
		assert_string_equal(f->err.where, "services.tsv:2");
		assert_string_equal(f->err.what, MISTAKES[i].what);
	}
	assert_int_equal(load(f, "port,name\n1,a\n"), -EINVAL);
	assert_string_equal(f->err.what, "the first line names no column \"match\"");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_what_is_built_in),
		CASE(test_a_file_counts_before_it),
		CASE(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
