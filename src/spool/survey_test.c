#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "spool/survey.h"
#include "spool/testing.h"

static int last(void *ctx, const struct weir_spool_survey *survey)
{
	*(struct weir_spool_survey *)ctx = *survey;
	return 0;
}

static void write_segment(struct spool_fixture *f, const char *lane, uint64_t first, uint32_t rows)
{
	const struct weir_spool_options options = spool_options(f->dir, lane);
	struct weir_spool_writer *writer = NULL;
	struct weir_error err;

	assert_int_equal(weir_spool_writer_open(&options, &writer, &err), 0);
	assert_int_equal(weir_spool_append(writer, fill_block(f->block, first, rows), &err), 0);
	assert_int_equal(weir_spool_sync(writer, &err), 0);
	weir_spool_writer_close(writer);
}

static void test_counts_what_waits(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_survey survey = {0};
	struct weir_spool_reader *reader = NULL;
	struct weir_spool_segment segment;
	struct weir_error err;

	write_segment(f, "w0", 1, 10);
	write_segment(f, "w1", 11, 20);
	/* Nobody reads yet: everything waits. */
	assert_int_equal(weir_spool_survey(f->dir, last, &survey, &err), 0);
	assert_string_equal(survey.consumer, "");
	assert_int_equal(survey.rows, 30);

	assert_int_equal(weir_spool_reader_open(f->dir, "clickhouse", &reader, &err), 0);
	assert_int_equal(weir_spool_next(reader, &segment, &err), 1);
	assert_int_equal(weir_spool_commit(reader, &segment, &err), 0);
	/* Beside a consumer that has the spool open. */
	assert_int_equal(weir_spool_survey(f->dir, last, &survey, &err), 0);
	assert_string_equal(survey.consumer, "clickhouse");
	assert_int_equal(survey.segments, 1);
	assert_int_equal(survey.rows, 30 - segment.rows);
	assert_true(survey.bytes > 0);
	assert_true(survey.oldest_ns > 0);

	assert_int_equal(weir_spool_next(reader, &segment, &err), 1);
	assert_int_equal(weir_spool_commit(reader, &segment, &err), 0);
	assert_int_equal(weir_spool_survey(f->dir, last, &survey, &err), 0);
	assert_int_equal(survey.segments, 0);
	assert_int_equal(survey.oldest_ns, 0);
	weir_spool_reader_close(reader);
}

static void test_makes_nothing(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_survey survey = {.rows = 7};
	struct weir_error err;
	char path[300];

	assert_int_equal(weir_spool_survey(f->dir, last, &survey, &err), 0);
	assert_int_equal(survey.rows, 0);
	assert_int_equal(rmdir(f->dir), 0); /* it is empty still */
	assert_int_equal(mkdir(f->dir, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/absent", f->dir);
	assert_int_equal(weir_spool_survey(path, last, &survey, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_what_waits, fixture_new, fixture_free),
		cmocka_unit_test_setup_teardown(test_makes_nothing, fixture_new, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
