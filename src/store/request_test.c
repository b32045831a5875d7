#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "store/request.h"

static const struct weir_request_policy loopback = {.listen_host = "127.0.0.1:8123"};

static int init(struct weir_request *request, const char *method, const char *uri, struct weir_request_fault *fault)
{
	const struct weir_request_head head = {.method = method, .uri = uri, .host = "127.0.0.1:8123"};

	return weir_request_init(request, &head, &loopback, fault);
}

static void reads_the_url(void **state)
{
	struct weir_request r;
	struct weir_request_fault fault;

	(void)state;
	assert_int_equal(init(&r, "POST",
			      "/?query=SELECT+%7Bx%3AString%7D%20&param_x=a%26b&database=weir&default_format=JSON"
			      "&max_threads=2&query_id=q-1&wait_end_of_query=1&readonly=1&user=x&password=y&empty=&=z&log_comment=hi",
			      &fault), 0);
	assert_string_equal(r.path, "/");
	assert_string_equal(r.query, "SELECT {x:String} ");
	assert_string_equal(r.database, "weir");
	assert_string_equal(r.format, "JSON");
	assert_string_equal(r.query_id, "q-1");
	assert_string_equal(r.log_comment, "hi");
	assert_int_equal(r.readonly, 1);
	assert_true(r.wait_end);
	assert_int_equal(r.settings_count, 3);
	assert_string_equal(r.settings[0].name, "param_x");
	assert_string_equal(r.settings[0].value, "a&b");
	assert_string_equal(r.settings[1].name, "max_threads");
	assert_string_equal(r.settings[2].name, "empty");
	assert_string_equal(r.settings[2].value, "");
	weir_request_done(&r);
}

static void get_only_reads(void **state)
{
	struct weir_request r;
	struct weir_request_fault fault;

	(void)state;
	assert_int_equal(init(&r, "GET", "/?query=SELECT+1", &fault), 0);
	assert_int_equal(r.readonly, 2);
	weir_request_done(&r);
	assert_int_equal(init(&r, "GET", "/?query=SELECT+1&readonly=0", &fault), 0);
	assert_int_equal(r.readonly, 2);
	weir_request_done(&r);
	assert_int_equal(init(&r, "POST", "/", &fault), 0);
	assert_int_equal(r.readonly, 0);
	weir_request_done(&r);
}

static void broken_escapes_stand_for_themselves(void **state)
{
	struct weir_request r;
	struct weir_request_fault fault;

	(void)state;
	assert_int_equal(init(&r, "POST", "/?query=100%&a=%4&b=%zz&c=%4a", &fault), 0);
	assert_string_equal(r.query, "100%");
	assert_string_equal(r.settings[0].value, "%4");
	assert_string_equal(r.settings[1].value, "%zz");
	assert_string_equal(r.settings[2].value, "J");
	weir_request_done(&r);
	assert_int_equal(init(&r, "POST", "/?query=a%00b", &fault), 0);
	assert_int_equal(r.query_len, 3);
	weir_request_done(&r);
}

static void expect_refused(const char *uri, int code, int status)
{
	struct weir_request r;
	struct weir_request_fault fault;

	assert_int_equal(init(&r, "POST", uri, &fault), -EINVAL);
	weir_request_done(&r);
	if (fault.code != code || fault.status != status)
		fail_msg("%s: code %d status %d (%s)", uri, fault.code, fault.status, fault.text);
}

static void names_what_is_wrong(void **state)
{
	char uri[4096] = "/?";

	(void)state;
	expect_refused("/?a%20b=1", 115, 404);
	expect_refused("/?a%27=1", 115, 404);
	expect_refused("/?max_threads=%00", 6, 400);
	expect_refused("/?readonly=3", 6, 400);
	expect_refused("/?compress=1", 48, 501);
	expect_refused("/?default_format=a%27", 73, 404);
	expect_refused("/?query_id=%01", 36, 400);
	for (int i = 0; i <= WEIR_REQUEST_SETTINGS_MAX; i++)
		strcat(uri, "a=1&");
	expect_refused(uri, 36, 400);
}

static bool is_allowed(const char *host, const char *origin, const char *fetch_site, const char *listen_host)
{
	const struct weir_request_head head = {
		.method = "POST", .uri = "/", .host = host, .origin = origin, .fetch_site = fetch_site};
	const struct weir_request_policy policy = {.listen_host = listen_host};
	struct weir_request r;
	struct weir_request_fault fault;
	int rc = weir_request_init(&r, &head, &policy, &fault);

	weir_request_done(&r);
	assert_true(rc == 0 || (fault.code == 497 && fault.status == 403));
	return rc == 0;
}

static void answers_to_its_own_names_only(void **state)
{
	(void)state;
	assert_true(is_allowed("127.0.0.1:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_true(is_allowed("LocalHost:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_true(is_allowed("[::1]:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_true(is_allowed(NULL, NULL, NULL, "127.0.0.1:8123"));
	assert_true(is_allowed("store.example:8123", NULL, NULL, "store.example:8123"));
	assert_true(is_allowed("192.0.2.7:8123", NULL, NULL, "*:8123"));
	assert_false(is_allowed("evil.example:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("evil.example", NULL, NULL, "*:8123"));
	assert_false(is_allowed("127.0.0.1.evil.example:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("192.0.2.7:8123", NULL, NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("", NULL, NULL, "*:8123"));
}

static void does_not_answer_other_sites(void **state)
{
	(void)state;
	assert_true(is_allowed("localhost:8123", "http://localhost:8123", "same-origin", "127.0.0.1:8123"));
	assert_true(is_allowed("localhost:8123", NULL, "none", "127.0.0.1:8123"));
	assert_false(is_allowed("localhost:8123", "http://localhost:3000", NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("localhost:8123", "https://evil.example", NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("localhost:8123", "null", NULL, "127.0.0.1:8123"));
	assert_false(is_allowed("localhost:8123", NULL, "cross-site", "127.0.0.1:8123"));
}

static void knows_codings(void **state)
{
	struct weir_request_head head = {.method = "POST", .uri = "/?enable_http_compression=1",
					 .content_encoding = "LZ4", .accept_encoding = "br;q=1, zstd;q=0.5, gzip"};
	struct weir_request r;
	struct weir_request_fault fault;

	(void)state;
	assert_int_equal(weir_request_init(&r, &head, &loopback, &fault), 0);
	assert_int_equal(r.body_coding, WEIR_CODING_LZ4);
	assert_int_equal(r.answer_coding, WEIR_CODING_ZSTD);
	weir_request_done(&r);
	head.uri = "/";
	assert_int_equal(weir_request_init(&r, &head, &loopback, &fault), 0);
	assert_int_equal(r.answer_coding, WEIR_CODING_NONE);
	weir_request_done(&r);
	head.content_encoding = "snappy";
	assert_int_equal(weir_request_init(&r, &head, &loopback, &fault), -EINVAL);
	assert_int_equal(fault.status, 415);
	weir_request_done(&r);
}

static void statuses_are_clickhouses(void **state)
{
	(void)state;
	assert_int_equal(weir_request_status(60), 404);
	assert_int_equal(weir_request_status(62), 400);
	assert_int_equal(weir_request_status(497), 403);
	assert_int_equal(weir_request_status(516), 401);
	assert_int_equal(weir_request_status(202), 500);
	assert_int_equal(weir_request_status(159), 408);
	assert_string_equal(weir_request_content_type("JSONEachRow", 11), "application/x-ndjson; charset=UTF-8");
	assert_string_equal(weir_request_content_type("JSONCompact", 11), "application/json; charset=UTF-8");
	assert_string_equal(weir_request_content_type("Pretty", 6), "text/plain; charset=UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_url),
		cmocka_unit_test(get_only_reads),
		cmocka_unit_test(broken_escapes_stand_for_themselves),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(answers_to_its_own_names_only),
		cmocka_unit_test(does_not_answer_other_sites),
		cmocka_unit_test(knows_codings),
		cmocka_unit_test(statuses_are_clickhouses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
