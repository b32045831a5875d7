#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "replicate/spec.h"

static const struct weir_replicate_standard PLAIN = {0};

static struct weir_replicate_spec parse(const char *text)
{
	struct weir_replicate_spec spec;
	struct weir_error err = {0};

	if (weir_replicate_spec_parse(text, &PLAIN, &spec, &err))
		fail_msg("%s: %s: %s; %s", text, err.where, err.what, err.next);
	return spec;
}

static bool takes(const char *text, const char *exporter, enum weir_replicate_protocol protocol)
{
	struct weir_replicate_spec spec = parse(text);
	struct weir_addr addr;
	bool yes;

	assert_int_equal(weir_addr_parse(exporter, &addr), 0);
	yes = weir_replicate_spec_takes(&spec, &addr, protocol);
	weir_replicate_spec_done(&spec);
	return yes;
}

static void test_target(void **state)
{
	struct weir_replicate_spec spec = parse("192.0.2.1:2055");

	(void)state;
	assert_string_equal(spec.host, "192.0.2.1");
	assert_string_equal(spec.port, "2055");
	assert_string_equal(spec.name, "192.0.2.1:2055");
	assert_string_equal(spec.group, "");
	assert_false(spec.keep_source);
	spec = parse("[2001:db8::1]:9995,name=core,keep-source,balance,health=tcp://192.0.2.1:8123");
	assert_string_equal(spec.host, "2001:db8::1");
	assert_string_equal(spec.name, "core");
	assert_string_equal(spec.group, "collectors");
	assert_string_equal(spec.health_url, "tcp://192.0.2.1:8123");
	assert_true(spec.keep_source);
	spec = parse("collector.example:2055,balance=east,health=none");
	assert_string_equal(spec.group, "east");
	assert_int_equal(spec.health, WEIR_REPLICATE_HEALTH_NONE);
}

static void test_standards_can_be_overruled(void **state)
{
	const struct weir_replicate_standard all = {.keep_source = true, .balance = true};
	struct weir_replicate_spec spec;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(weir_replicate_spec_parse("a:1,rewrite,balance=b", &all, &spec, &err), 0);
	assert_false(spec.keep_source);
	assert_string_equal(spec.group, "b");
	assert_int_equal(weir_replicate_spec_parse("a:1", &all, &spec, &err), 0);
	assert_true(spec.keep_source);
	assert_string_equal(spec.group, "collectors");
}

static void test_filters(void **state)
{
	static const char NETWORKS[] = "a:1,from=10.0.0.0/8,from=2001:db8::/33,from=192.0.2.7,except=10.1.0.0/16";

	(void)state;
	assert_true(takes("a:1", "203.0.113.1", WEIR_REPLICATE_OTHER));
	assert_true(takes(NETWORKS, "10.0.0.1", WEIR_REPLICATE_SFLOW));
	assert_true(takes(NETWORKS, "10.255.255.255", WEIR_REPLICATE_SFLOW));
	assert_false(takes(NETWORKS, "10.1.2.3", WEIR_REPLICATE_SFLOW));
	assert_false(takes(NETWORKS, "11.0.0.0", WEIR_REPLICATE_SFLOW));
	assert_true(takes(NETWORKS, "192.0.2.7", WEIR_REPLICATE_SFLOW));
	assert_false(takes(NETWORKS, "192.0.2.6", WEIR_REPLICATE_SFLOW));
	assert_true(takes(NETWORKS, "2001:db8:7fff::1", WEIR_REPLICATE_SFLOW));
	assert_false(takes(NETWORKS, "2001:db8:8000::1", WEIR_REPLICATE_SFLOW));
	assert_true(takes("a:1,except=10.0.0.0/8", "11.0.0.1", WEIR_REPLICATE_IPFIX));
	assert_true(takes("a:1,protocol=netflow9+ipfix", "10.0.0.1", WEIR_REPLICATE_IPFIX));
	assert_false(takes("a:1,protocol=netflow9+ipfix", "10.0.0.1", WEIR_REPLICATE_NETFLOW5));
}

/* What was wrong is named, and what to do. */
static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		const char *what;
	} MISTAKES[] = {
		{"192.0.2.1",              "no address"    },
		{"2001:db8::1:2055",       "no address"    },
		{"192.0.2.1:0",            "no address"    },
		{"192.0.2.1:70000",        "no address"    },
		{"192.0.2.1:20x",          "no address"    },
		{"a:1,from=10.0.0.0/33",   "10.0.0.0/33"   },
		{"a:1,from",               "needs a value" },
		{"a:1,keep-source=yes",    "takes no value"},
		{"a:1,protocol=netflow10", "netflow10"     },
		{"a:1,protocol=",          "empty"         },
		{"a:1,health=ping",        "ping"          },
		{"a:1,color=red",          "color"         },
		{"a:1,",                   "\"\""          },
		{"a:1,sample=10",          "no sampling"   },
		{"a:1,sample",             "no sampling"   },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(MISTAKES) / sizeof(*MISTAKES); i++) {
		struct weir_replicate_spec spec;
		struct weir_error err = {0};

		if (weir_replicate_spec_parse(MISTAKES[i].text, &PLAIN, &spec, &err) == 0)
			fail_msg("%s was taken", MISTAKES[i].text);
		if (!strstr(err.what, MISTAKES[i].what) || !*err.where)
			fail_msg("%s: %s: %s", MISTAKES[i].text, err.where, err.what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_standards_can_be_overruled),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests_name("replicate spec", tests, NULL, NULL);
}
