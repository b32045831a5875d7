#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/report.h"

static struct weir_exporter_report made(uint8_t last, int64_t first_ms)
{
	struct weir_exporter_report r = {
		.addr = weir_addr_from_v4((const uint8_t[]){192, 0, 2, last}),
		.flow_type = WEIR_FLOW_NETFLOW9,
		.domain = last * 1000U,
		.templates = 3,
		.template_changes = 2,
		.waiting_bytes = 77,
		.account = {.first_ms = first_ms, .last_ms = first_ms + 5000, .restarts = 4, .port_changes = 5, .skew_ms = -1234,
			    .skew_known = true, .port = 2055, .sampling_rate = 100, .flows_per_s = 12.5},
	};

	r.account.stats.messages = 10;
	r.account.stats.bytes = 1400;
	r.account.stats.flows = 240;
	r.account.stats.lost_messages = 1;
	r.account.stats.bytes_of[WEIR_BYTE_FLOWS] = 1400;
	r.account.stats.fault[WEIR_FAULT_SET_SHORT] = 3;
	r.account.stats.fault[WEIR_FAULT_TIME_IMPLAUSIBLE] = UINT64_MAX;
	return r;
}

static struct weir_reports read_back(const void *data, size_t len)
{
	char path[] = "/tmp/weir-report-test-XXXXXX";
	struct weir_reports reports = {0};
	struct weir_error err = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(close(fd), 0);
	assert_int_equal(weir_reports_read(path, &reports, &err), 0);
	assert_int_equal(unlink(path), 0);
	return reports;
}

static void test_round_trip(void **state)
{
	struct weir_exporter_report one = made(1, 1700000000000);
	struct weir_exporter_report silent = {.account = {.flows_per_s = -1}}; /* the others, of whom nothing came */
	struct weir_reports reports = {0};
	struct weir_reports back;
	struct weir_buffer text;

	(void)state;
	assert_int_equal(weir_reports_add(&reports, &one), 0);
	assert_int_equal(weir_reports_add(&reports, &silent), 0);
	weir_buffer_init(&text);
	assert_int_equal(weir_reports_write(&reports, &text), 0);
	back = read_back(text.data, text.len);
	assert_int_equal(back.count, 2);
	assert_memory_equal(&back.report[0].account.stats, &one.account.stats, sizeof(one.account.stats));
	assert_memory_equal(&back.report[0].addr, &one.addr, sizeof(one.addr));
	assert_int_equal(back.report[0].flow_type, one.flow_type);
	assert_int_equal(back.report[0].domain, 1000);
	assert_int_equal(back.report[0].template_changes, 2);
	assert_int_equal(back.report[0].waiting_bytes, 77);
	assert_int_equal(back.report[0].account.skew_ms, -1234);
	assert_true(back.report[0].account.skew_known);
	assert_int_equal(back.report[0].account.port, 2055);
	assert_int_equal(back.report[0].account.last_ms, one.account.last_ms);
	assert_true(back.report[0].account.flows_per_s > 12.4 && back.report[0].account.flows_per_s < 12.6);
	assert_true(weir_report_is_others(&back.report[1]));
	assert_true(back.report[1].account.flows_per_s < 0);
	weir_buffer_done(&text);
	weir_reports_done(&reports);
	weir_reports_done(&back);
}

static void test_others_are_one(void **state)
{
	struct weir_exporter_report others = {.account = {.first_ms = 5, .last_ms = 9, .stats = {.messages = 2}}};
	struct weir_reports reports = {0};

	(void)state;
	assert_int_equal(weir_reports_add(&reports, &others), 0);
	others.account.first_ms = 3;
	assert_int_equal(weir_reports_add(&reports, &others), 0);
	assert_int_equal(reports.count, 1);
	assert_int_equal(reports.report[0].account.stats.messages, 4);
	assert_int_equal(reports.report[0].account.first_ms, 3);
	weir_reports_done(&reports);
}

/* A newer program's file, and one that is none. */
static void test_strange_files(void **state)
{
	static const char newer[] = "hue\texporter_addr\tflows\tfaults\nred\t192.0.2.9\t12\tset_short=2,from_the_future=7\n"
				    "blue\tnonsense\t\t=\n\n";
	struct weir_reports reports = read_back(newer, sizeof(newer) - 1);
	uint8_t noise[4096];

	(void)state;
	assert_int_equal(reports.report[0].account.stats.flows, 12);
	assert_int_equal(reports.report[0].account.stats.fault[WEIR_FAULT_SET_SHORT], 2);
	weir_reports_done(&reports);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 7 + i / 251);
	reports = read_back(noise, sizeof(noise));
	weir_reports_done(&reports);
	reports = read_back("", 0);
	assert_int_equal(reports.count, 0);
	weir_reports_done(&reports);
}

static void test_json(void **state)
{
	struct weir_exporter_report one = made(1, 1700000000000);
	struct weir_buffer text;
	const char *json;

	(void)state;
	weir_buffer_init(&text);
	assert_int_equal(weir_report_json(&one, &text), 0);
	json = weir_buffer_cstr(&text);
	assert_non_null(strstr(json, "\"exporter_addr\": \"192.0.2.1\", \"flow_type\": \"netflow_v9\""));
	assert_non_null(strstr(json, "\"first_seen\": \"2023-11-14T22:13:20.000Z\""));
	assert_non_null(strstr(json, "\"clock_skew_ms\": -1234"));
	assert_non_null(strstr(json, "\"faults\": {\"set_short\": 3, \"time_implausible\": 18446744073709551615}"));
	weir_buffer_done(&text);
}

/* The first ones have metrics, whatever their place in the list; of the rest there is a number. */
static void test_metrics(void **state)
{
	struct weir_reports reports = {0};
	struct weir_buffer text;
	const char *lines;

	(void)state;
	for (int i = WEIR_REPORT_METRICS + 9; i >= 0; i--) {
		struct weir_exporter_report r = made((uint8_t)i, 1000 + i);

		r.domain = (uint32_t)i;
		assert_int_equal(weir_reports_add(&reports, &r), 0);
	}
	weir_buffer_init(&text);
	assert_int_equal(weir_reports_metrics(&reports, &text), 0);
	lines = weir_buffer_cstr(&text);
	assert_non_null(strstr(lines, "weir_exporters 266\n"));
	assert_non_null(strstr(lines, "weir_exporters_unlisted 10\n"));
	assert_non_null(strstr(lines, "weir_exporter_flows_total{exporter=\"192.0.2.0\",domain=\"0\",protocol=\"netflow_v9\"} 240\n"));
	assert_non_null(strstr(lines, "domain=\"255\",protocol"));
	assert_null(strstr(lines, "domain=\"256\",protocol"));
	assert_non_null(strstr(lines, "weir_exporter_clock_skew_seconds{exporter=\"192.0.2.0\",domain=\"0\",protocol=\"netflow_v9\"} -1.234"));
	weir_buffer_done(&text);
	weir_reports_done(&reports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_others_are_one), cmocka_unit_test(test_strange_files),
		cmocka_unit_test(test_json),	   cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
