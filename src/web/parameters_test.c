#include "web/parameters.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "web/json.h"

static const struct weir_web_parameter TABLE[] = {
	{.name = "filter", .type = WEIR_WEB_TEXT, .max = 20},
	{.name = "limit", .type = WEIR_WEB_NUMBER, .min = 1, .max = 100, .standard = "10"},
	{.name = "count", .type = WEIR_WEB_BOOL, .standard = "false"},
	{.name = "metric", .type = WEIR_WEB_CHOICE, .words = "bps|pps", .standard = "bps"},
	{.name = "id", .type = WEIR_WEB_ID},
	{0},
};

/* 0, or the error's place in where. */
static int url(const char *query, struct weir_web_parameters *p, struct weir_error *err)
{
	int rc;

	weir_web_parameters_init(p);
	rc = weir_web_parameters_url(p, query, err);
	return rc ? rc : weir_web_parameters_check(p, TABLE, err);
}

static void test_url(void **state)
{
	struct weir_web_parameters p;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(url("filter=src+ip%2010.0.0.1&limit=7&count=true", &p, &err), 0);
	assert_string_equal(weir_web_text(&p, "filter"), "src ip 10.0.0.1");
	assert_int_equal(weir_web_number(&p, "limit"), 7);
	assert_true(weir_web_bool(&p, "count"));
	assert_string_equal(weir_web_text(&p, "metric"), "bps");
	assert_null(weir_web_text(&p, "id"));
	assert_true(weir_web_given(&p, "limit"));
	assert_false(weir_web_given(&p, "metric"));
	weir_web_parameters_done(&p);
	assert_int_equal(url("", &p, &err), 0);
	assert_int_equal(weir_web_number(&p, "limit"), 10);
	weir_web_parameters_done(&p);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *query;
		const char *where;
	} CASES[] = {
		{"limit=0", "limit"},	     {"limit=101", "limit"},	  {"limit=1.5", "limit"}, {"limit=-1", "limit"},
		{"limit=+1", "limit"},	     {"limit=", "limit"},	  {"limit=%201", "limit"}, {"limit=1;DROP", "limit"},
		{"limit=99999999999999999999", "limit"}, {"count=1", "count"}, {"count=TRUE", "count"}, {"metric=bp", "metric"},
		{"metric=bps%7Cpps", "metric"}, {"metric=", "metric"}, {"id=short", "id"}, {"id=has%27quote1", "id"}, {"no=1", "no"},
		{"limit=1&limit=2", "limit"}, {"filter=123456789012345678901", "filter"}, {"filter=%01", "filter"}, {"filter=%ff", "filter"},
		{"filter=%c0%af", "filter"}, {"filter=%ed%a0%80", "filter"}, {"filter=%00", ""}, {"filter=%zz", ""}, {"filter=%2", ""},
		{"=x", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_web_parameters p;
		struct weir_error err = {0};

		if (url(CASES[i].query, &p, &err) != -EINVAL || strcmp(err.where, CASES[i].where) != 0)
			fail_msg("%s: %s: %s", CASES[i].query, err.where, err.what);
		weir_web_parameters_done(&p);
	}
}

static int json(const char *text, struct weir_web_parameters *p, struct weir_error *err)
{
	int rc;

	weir_web_parameters_init(p);
	rc = weir_web_parameters_json(p, text, strlen(text), err);
	return rc ? rc : weir_web_parameters_check(p, TABLE, err);
}

static void test_json_body(void **state)
{
	struct weir_web_parameters p;
	struct weir_error err = {0};
	static const char *const WRONG[] = {
		"", "[]", "{", "null", "{\"limit\": 1.5}", "{\"limit\": {}}", "{\"filter\": [1]}", "{\"filter\": null}",
		"{\"limit\": 1, \"limit\": 2}", "{\"limit\": -1}", "{\"filter\": \"a\\u0000b\"}", "{\"x\": 1}", "{\"limit\": 1} x",
	};

	(void)state;
	assert_int_equal(json("{\"filter\": [\"a\", \"b\"], \"limit\": 7, \"count\": true}", &p, &err), 0);
	assert_string_equal(weir_web_text(&p, "filter"), "a,b");
	assert_int_equal(weir_web_number(&p, "limit"), 7);
	weir_web_parameters_done(&p);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		if (json(WRONG[i], &p, &err) != -EINVAL)
			fail_msg("%s", WRONG[i]);
		weir_web_parameters_done(&p);
	}
}

static void test_many(void **state)
{
	struct weir_web_parameters p;
	struct weir_error err;
	int rc = 0;

	(void)state;
	weir_web_parameters_init(&p);
	for (unsigned i = 0; !rc && i < 100; i++)
		rc = weir_web_parameters_add(&p, "filter", 6, "x", 1, &err);
	assert_int_equal(rc, -E2BIG);
	weir_web_parameters_done(&p);
}

static void test_json_writer(void **state)
{
	struct weir_buffer out;
	struct weir_json w = {.out = &out};

	(void)state;
	weir_buffer_init(&out);
	weir_json_open(&w, NULL, '{');
	weir_json_text(&w, "a", "x\"\n\xff");
	weir_json_open(&w, "b", '[');
	weir_json_whole(&w, NULL, 9007199254740991);
	weir_json_whole(&w, NULL, 9007199254740992);
	weir_json_signed(&w, NULL, -5);
	weir_json_number(&w, NULL, 1.5);
	weir_json_number(&w, NULL, 1.0 / 0.0);
	weir_json_number(&w, NULL, 0.0004);
	weir_json_number(&w, NULL, 100);
	weir_json_null(&w, NULL);
	weir_json_close(&w, ']');
	weir_json_bool(&w, "c", true);
	weir_json_open(&w, "d", '{');
	weir_json_close(&w, '}');
	weir_json_close(&w, '}');
	assert_int_equal(w.rc, 0);
	assert_string_equal(weir_buffer_cstr(&out), "{\"a\":\"x\\\"\\n\xef\xbf\xbd\",\"b\":[9007199254740991,\"9007199254740992\",-5,1.5,0,0,"
						    "100,null],\"c\":true,\"d\":{}}");
	weir_buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_url),  cmocka_unit_test(test_refusals),	 cmocka_unit_test(test_json_body),
		cmocka_unit_test(test_many), cmocka_unit_test(test_json_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
