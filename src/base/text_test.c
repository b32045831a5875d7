/* What base writes for people and machines: errors, log lines, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"

static void test_error_may_quote_itself(void **state)
{
	struct weir_error err;

	(void)state;
	assert_int_equal(weir_error_set(&err, -EINVAL, "weir.yaml:3", "remove it", "unknown key"), -EINVAL);
	assert_int_equal(weir_error_set(&err, -EIO, err.where, NULL, "cannot go on: %s", err.what), -EIO);
	assert_string_equal(err.where, "weir.yaml:3");
	assert_string_equal(err.what, "cannot go on: unknown key");
	assert_string_equal(err.next, "");
	assert_int_equal(weir_error_set(NULL, -EIO, NULL, NULL, "nobody asks"), -EIO);
}

static int64_t fixed_ns(void *ctx)
{
	(void)ctx;
	return 1767225600LL * WEIR_NS_PER_S + 7 * WEIR_NS_PER_MS;
}

static void test_log_line_cannot_be_forged(void **state)
{
	const struct weir_clock clock = {.wall_ns = fixed_ns, .mono_ns = fixed_ns};
	struct weir_log log = {.level = WEIR_LOG_INFO, .role = "collect", .clock = &clock};
	char line[256] = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	log.fd = ends[1];
	weir_log(&log, WEIR_LOG_DEBUG, "not shown");
	weir_log(&log, WEIR_LOG_WARN, "name is %s", "a\n2026 ERROR store: b");
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "2026-01-01T00:00:00.007Z WARN collect: name is a?2026 ERROR store: b\n");
	close(ends[0]);
	close(ends[1]);
}

static void test_metrics_text(void **state)
{
	struct weir_buffer labels;
	struct weir_buffer text;

	(void)state;
	weir_buffer_init(&labels);
	weir_buffer_init(&text);
	assert_int_equal(weir_metrics_label(&labels, "exporter", "a\"b\\c\nd"), 0);
	assert_int_equal(weir_metrics_counter(&text, "weir_flows_total", "Flows", weir_buffer_cstr(&labels), 7), 0);
	assert_int_equal(weir_metrics_gauge(&text, "weir_up", NULL, NULL, 1), 0);
	assert_string_equal(weir_buffer_cstr(&text), "# HELP weir_flows_total Flows\n"
						     "# TYPE weir_flows_total counter\n"
						     "weir_flows_total{exporter=\"a\\\"b\\\\c\\nd\"} 7\n"
						     "weir_up 1\n");
	weir_buffer_done(&labels);
	weir_buffer_done(&text);
}

static void test_metrics_publish_replaces(void **state)
{
	char dir[] = "/tmp/weir-metrics-XXXXXX";
	char path[64];
	struct weir_buffer text;
	struct weir_error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/role.prom", dir);
	weir_buffer_init(&text);
	assert_int_equal(weir_buffer_text(&text, "weir_up 1\n"), 0);
	assert_int_equal(weir_metrics_publish(path, &text, &err), 0);
	assert_int_equal(weir_metrics_publish(path, &text, &err), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0); /* nothing temporary stays */
	assert_int_equal(weir_metrics_publish(path, &text, &err), -ENOENT);
	assert_string_not_equal(err.next, "");
	weir_buffer_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_may_quote_itself),
		cmocka_unit_test(test_log_line_cannot_be_forged),
		cmocka_unit_test(test_metrics_text),
		cmocka_unit_test(test_metrics_publish_replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
