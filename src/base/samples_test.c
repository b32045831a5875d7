#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/samples.h"

static void parse(const char *text, struct weir_samples *samples)
{
	assert_int_equal(weir_samples_parse(text, strlen(text), samples), 0);
}

static void test_reads_what_metrics_writes(void **state)
{
	char dir[] = "/tmp/weir-samples-XXXXXX";
	char path[64];
	char text[64];
	struct weir_buffer labels = {0};
	struct weir_buffer out = {0};
	struct weir_samples samples;
	struct weir_error err;
	double value = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x.prom", dir);
	assert_int_equal(weir_metrics_label(&labels, "exporter", "a\"b\\c\nd}"), 0);
	assert_int_equal(weir_buffer_text(&labels, ","), 0);
	assert_int_equal(weir_metrics_label(&labels, "fault", "set_short"), 0);
	assert_int_equal(weir_metrics_counter(&out, "weir_flows_total", "Flows", NULL, 9007199254740991), 0);
	assert_int_equal(weir_metrics_counter(&out, "weir_faults_total", "Faults", weir_buffer_cstr(&labels), 3), 0);
	assert_int_equal(weir_metrics_gauge(&out, "weir_load", NULL, NULL, 0.25), 0);
	assert_int_equal(weir_metrics_publish(path, &out, &err), 0);

	assert_int_equal(weir_samples_read(path, &samples), 0);
	assert_int_equal(samples.count, 3);
	assert_true(samples.written_ns > 0);
	assert_true(weir_samples_get(&samples, "weir_flows_total", "", &value));
	assert_true(value == 9007199254740991.0);
	assert_true(weir_samples_get(&samples, "weir_load", "", &value));
	assert_true(value == 0.25);
	assert_true(weir_samples_get(&samples, "weir_faults_total", weir_buffer_cstr(&labels), &value));
	assert_true(weir_sample_label(&samples.sample[1], "exporter", text, sizeof(text)));
	assert_string_equal(text, "a\"b\\c\nd}");
	assert_true(weir_sample_label(&samples.sample[1], "fault", text, sizeof(text)));
	assert_string_equal(text, "set_short");
	assert_false(weir_sample_label(&samples.sample[1], "faul", text, sizeof(text)));
	assert_false(weir_sample_label(&samples.sample[0], "fault", text, sizeof(text)));

	value = 42;
	assert_false(weir_samples_get(&samples, "weir_faults_total", "", &value));
	assert_false(weir_samples_get(&samples, "weir_flows", "", &value));
	assert_true(value == 42);
	weir_samples_done(&samples);
	weir_buffer_done(&labels);
	weir_buffer_done(&out);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(weir_samples_read(path, &samples), -ENOENT);
	assert_int_equal(weir_samples_read("/", &samples), -EINVAL);
}

static void test_passes_over_other_lines(void **state)
{
	static const char *const WRONG[] = {"", "\n\n", "name", "name ", " 1", "name{ 1", "name{a=\"} 1", "name{a=\"b\"}1",
					    "name x", "name 1x", "# name 1", "{a=\"b\"} 1 }", "name{a=\"b\\\"} 1"};
	struct weir_samples samples;
	double value = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		parse(WRONG[i], &samples);
		/* A sample without a name is none either. */
		if (samples.count != 0)
			fail_msg("\"%s\" gives %zu samples", WRONG[i], samples.count);
		weir_samples_done(&samples);
	}
	parse("wrong\nright 1\nwith_time 2 1767225600000\nnot_a_number NaN", &samples);
	assert_int_equal(samples.count, 3);
	assert_true(weir_samples_get(&samples, "with_time", "", &value));
	assert_true(value == 2);
	assert_true(weir_samples_get(&samples, "not_a_number", "", &value));
	assert_true(isnan(value));
	weir_samples_done(&samples);
}

static void test_labels_cut_anywhere(void **state)
{
	char text[4];

	(void)state;
	for (const char *labels = "a=\"b\\\"c\",d=\"e\\"; *labels; labels++) {
		const struct weir_sample sample = {.name = "x", .labels = labels};

		(void)weir_sample_label(&sample, "d", text, sizeof(text));
		(void)weir_sample_label(&sample, "nothing", text, sizeof(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_metrics_writes),
		cmocka_unit_test(test_passes_over_other_lines),
		cmocka_unit_test(test_labels_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
