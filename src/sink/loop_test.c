/* The loop over a real spool, with a destination, a clock and a way to wait that the test decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "sink/loop.h"
#include "sink/metrics.h"
#include "spool/testing.h"

#define START_NS  (INT64_C(1700000000) * WEIR_NS_PER_S)
#define STEPS_MAX 64

/* What the destination says to each try, as letters: S stored, T trouble, U another trouble, M malformed, X stopped,
 * G the segment vanishes and there is trouble. When they are used up it stores. */
struct scene {
	struct spool_fixture *spool;
	struct weir_spool_writer *writer;
	struct weir_sink_loop_options options;
	struct weir_sink_stats stats;
	struct weir_clock clock;
	int64_t now_ns;
	const char *answers;
	unsigned tries;
	unsigned waits;
	unsigned idle_waits_left; /* then the loop ends */
	unsigned wait_ms[STEPS_MAX];
	char log[256];	/* of events and stored segments: "D", "d", "B", "A1", "1" … */
};

static void note(struct scene *s, const char *letter, uint64_t number)
{
	size_t len = strlen(s->log);

	if (number)
		(void)snprintf(s->log + len, sizeof(s->log) - len, "%s%u", letter, (unsigned)number);
	else
		(void)snprintf(s->log + len, sizeof(s->log) - len, "%s", letter);
}

static enum weir_sink_outcome deliver(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct scene *s = ctx;
	char answer = s->answers[s->tries];

	if (answer)
		s->tries++;
	switch (answer) {
	case 'T':
	case 'U':
		(void)weir_error_set(err, -EIO, "store", NULL, "trouble %c", answer);
		return WEIR_SINK_TROUBLE;
	case 'M':
		(void)weir_error_set(err, -EIO, "store", NULL, "nonsense");
		return WEIR_SINK_MALFORMED;
	case 'G':
		assert_int_equal(unlink(segment->path), 0);
		return WEIR_SINK_TROUBLE;
	case 'X':
		return WEIR_SINK_STOPPED;
	default:
		note(s, "", segment->number);
		return WEIR_SINK_STORED;
	}
}

/* 'P' not ready. */
static enum weir_sink_outcome prepare(void *ctx, struct weir_error *err)
{
	struct scene *s = ctx;

	if (s->answers[s->tries] != 'P')
		return WEIR_SINK_STORED;
	s->tries++;
	(void)weir_error_set(err, -EIO, "store", NULL, "not ready");
	return WEIR_SINK_TROUBLE;
}

static int wait_for(void *ctx, unsigned ms)
{
	struct scene *s = ctx;

	s->now_ns += ms * WEIR_NS_PER_MS;
	if (!ms)
		return 0;
	assert_in_range(s->waits, 0, STEPS_MAX - 1);
	s->wait_ms[s->waits++] = ms;
	return ms == s->options.idle_ms && s->idle_waits_left-- == 0;
}

static void on_event(void *ctx, enum weir_sink_event event, const struct weir_spool_segment *segment,
		     const struct weir_error *err)
{
	static const char *const LETTERS[] = {
		[WEIR_SINK_EVENT_DOWN] = "D",
		[WEIR_SINK_EVENT_STILL_DOWN] = "d",
		[WEIR_SINK_EVENT_BACK] = "B",
		[WEIR_SINK_EVENT_SET_ASIDE] = "A",
	};

	assert_true(*err->what);
	note(ctx, LETTERS[event], segment ? segment->number : 0);
}

static int64_t now(void *ctx)
{
	return ((struct scene *)ctx)->now_ns;
}

/* Not the wall clock. */
static int64_t mono(void *ctx)
{
	return now(ctx) - START_NS + 5 * WEIR_NS_PER_S;
}

static void scene_init(struct scene *s, void **state, const char *answers, unsigned segments)
{
	struct weir_spool_options options;

	*s = (struct scene){.spool = *state, .answers = answers, .now_ns = START_NS};
	s->clock = (struct weir_clock){.wall_ns = now, .mono_ns = mono, .ctx = s};
	s->options = weir_sink_loop_defaults;
	s->options.idle_ms = 7; /* unlike any pause after a failure */
	s->options.deliver = deliver;
	s->options.deliver_ctx = s;
	s->options.clock = &s->clock;
	s->options.wait = wait_for;
	s->options.event = on_event;
	s->options.ctx = s;
	s->options.seed = 42;
	options = spool_options(s->spool->dir, "w0");
	assert_int_equal(weir_spool_writer_open(&options, &s->writer, NULL), 0);
	assert_int_equal(weir_spool_reader_open(s->spool->dir, "test", &s->options.reader, NULL), 0);
	for (unsigned i = 0; i < segments; i++) {
		assert_int_equal(weir_spool_append(s->writer, fill_block(s->spool->block, i, 10 + i), NULL), 0);
		assert_int_equal(weir_spool_sync(s->writer, NULL), 0);
	}
}

static void run(struct scene *s)
{
	struct weir_error err = {0};

	s->idle_waits_left = 0;
	assert_int_equal(weir_sink_loop_run(&s->options, &s->stats, &err), 0);
}

static void scene_done(struct scene *s)
{
	weir_spool_reader_close(s->options.reader);
	weir_spool_writer_close(s->writer);
}

static void test_stores_in_turn(void **state)
{
	struct scene s;

	scene_init(&s, state, "", 3);
	run(&s);
	assert_string_equal(s.log, "123");
	assert_int_equal(s.stats.segments, 3);
	assert_int_equal(s.stats.rows, 33);
	assert_true(s.stats.bytes > 100);
	assert_false(s.stats.down);
	assert_int_equal(s.stats.segment_ns, 0);
	assert_int_equal(s.waits, 1);
	/* Nothing comes twice. */
	run(&s);
	assert_string_equal(s.log, "123");
	scene_done(&s);
}

static void test_trouble_is_waited_out(void **state)
{
	static const unsigned doubled[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct scene s;

	scene_init(&s, state, "TTTTTTTTTSTS", 3);
	run(&s);
	/* One word when it goes down, one when it is back, however often it failed. */
	assert_string_equal(s.log, "D1BD2B3");
	assert_int_equal(s.stats.retries, 10);
	for (unsigned i = 0; i < 9; i++)
		assert_in_range(s.wait_ms[i], doubled[i] - doubled[i] / 4, doubled[i] + doubled[i] / 4);
	/* After a success it begins anew. */
	assert_in_range(s.wait_ms[9], 75, 125);
	scene_done(&s);
}

static void test_another_trouble_is_told(void **state)
{
	struct scene s;

	scene_init(&s, state, "TTUUTS", 1);
	run(&s);
	assert_string_equal(s.log, "Ddd1B");
	scene_done(&s);
}

static void test_down_is_kept_in_the_stats(void **state)
{
	struct scene s;
	struct weir_buffer text;
	struct weir_spool_backlog backlog;

	scene_init(&s, state, "TTX", 2);
	run(&s);
	assert_true(s.stats.down);
	assert_string_equal(s.stats.error.what, "trouble T");
	assert_int_equal(s.stats.down_since_ns, 5 * WEIR_NS_PER_S);
	assert_true(s.stats.segment_ns > 0);
	assert_int_equal(s.stats.segments, 0);
	weir_buffer_init(&text);
	assert_int_equal(weir_spool_backlog(s.options.reader, &backlog, NULL), 0);
	s.now_ns = START_NS + 2500 * WEIR_NS_PER_MS;
	assert_int_equal(weir_sink_metrics(&s.stats, &backlog, &s.clock, &text), 0);
	assert_non_null(strstr(weir_buffer_cstr(&text), "\nweir_sink_up 0\n"));
	assert_non_null(strstr(weir_buffer_cstr(&text), "\nweir_sink_down_seconds 2.5\n"));
	assert_non_null(strstr(weir_buffer_cstr(&text), "\nweir_sink_backlog_segments 2\n"));
	assert_non_null(strstr(weir_buffer_cstr(&text), "\nweir_sink_backlog_rows 21\n"));
	assert_non_null(strstr(weir_buffer_cstr(&text), "\nweir_sink_retries_total 2\n"));
	weir_buffer_done(&text);
	scene_done(&s);
}

static void test_a_malformed_segment_is_set_aside(void **state)
{
	struct scene s;
	char path[512];

	scene_init(&s, state, "SMMMS", 3);
	run(&s);
	assert_string_equal(s.log, "1A23");
	assert_int_equal(s.stats.segments, 2);
	assert_int_equal(s.stats.set_aside_segments, 1);
	assert_int_equal(s.stats.set_aside_rows, 11);
	assert_false(s.stats.down);
	(void)snprintf(path, sizeof(path), "%s/damaged/w0-0000000000000002-11.native.lz4", s.spool->dir);
	assert_int_equal(access(path, F_OK), 0);
	/* Other consumers still have it. */
	(void)snprintf(path, sizeof(path), "%s/w0/0000000000000002-11.native.lz4", s.spool->dir);
	assert_int_equal(access(path, F_OK), 0);
	scene_done(&s);
}

static void test_malformed_is_tried_again_first(void **state)
{
	struct scene s;

	scene_init(&s, state, "MMSMTMS", 2);
	run(&s);
	assert_string_equal(s.log, "1D2B");
	assert_int_equal(s.stats.set_aside_segments, 0);
	scene_done(&s);
}

/* The tries of one segment do not count against the next. */
static void test_tries_are_a_segments_own(void **state)
{
	struct scene s;

	scene_init(&s, state, "MMGMMSS", 3);
	run(&s);
	assert_string_equal(s.log, "23");
	scene_done(&s);
}

static void test_a_vanished_segment_is_no_trouble(void **state)
{
	struct scene s;
	struct weir_spool_backlog backlog;

	scene_init(&s, state, "G", 2);
	run(&s);
	assert_string_equal(s.log, "2");
	assert_int_equal(s.stats.retries, 0);
	assert_int_equal(weir_spool_backlog(s.options.reader, &backlog, NULL), 0);
	assert_int_equal(backlog.missing_segments, 1);
	scene_done(&s);
}

static void test_stopping_commits_nothing(void **state)
{
	struct scene s;

	scene_init(&s, state, "SX", 2);
	run(&s);
	assert_string_equal(s.log, "1");
	s.answers = "";
	s.tries = 0;
	run(&s);
	assert_string_equal(s.log, "12");
	scene_done(&s);
}

static void test_trouble_with_the_spool_is_waited_out(void **state)
{
	struct scene s;
	char path[512], away[512];

	scene_init(&s, state, "X", 1);
	run(&s);
	/* The positions' folder is gone: a commit fails. */
	(void)snprintf(path, sizeof(path), "%s/position", s.spool->dir);
	(void)snprintf(away, sizeof(away), "%s/position/test", s.spool->dir);
	assert_int_equal(unlink(away), 0);
	(void)snprintf(away, sizeof(away), "%s/position/tmp-test", s.spool->dir);
	assert_int_equal(unlink(away), 0);
	assert_int_equal(mkdir(away, 0700), 0);
	s.answers = "STSX";
	s.tries = 0;
	run(&s);
	assert_string_equal(s.log, "1Dd1d");
	assert_true(s.stats.down);
	assert_non_null(strstr(s.stats.error.what, "position cannot be written"));
	assert_int_equal(s.stats.segments, 0);
	scene_done(&s);
}

static void test_an_idle_sink_gets_ready(void **state)
{
	struct scene s;

	scene_init(&s, state, "PPP", 0);
	s.options.prepare = prepare;
	run(&s);
	assert_string_equal(s.log, "DB");
	assert_int_equal(s.stats.retries, 3);
	assert_int_equal(s.tries, 3);
	scene_done(&s);
}

static void test_options_that_are_missing(void **state)
{
	struct scene s;
	struct weir_error err = {0};

	scene_init(&s, state, "", 0);
	s.options.deliver = NULL;
	assert_int_equal(weir_sink_loop_run(&s.options, &s.stats, &err), -EINVAL);
	assert_true(*err.what);
	scene_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stores_in_turn),
		TEST(test_trouble_is_waited_out),
		TEST(test_another_trouble_is_told),
		TEST(test_down_is_kept_in_the_stats),
		TEST(test_a_malformed_segment_is_set_aside),
		TEST(test_malformed_is_tried_again_first),
		TEST(test_tries_are_a_segments_own),
		TEST(test_a_vanished_segment_is_no_trouble),
		TEST(test_stopping_commits_nothing),
		TEST(test_trouble_with_the_spool_is_waited_out),
		TEST(test_an_idle_sink_gets_ready),
		TEST(test_options_that_are_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
