#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "sink/ahead.h"

/* A destination that answers when it is told to. */
struct store {
	sem_t answer;
	enum weir_sink_outcome outcome;
	unsigned tries;
	char token[96];
};

static enum weir_sink_outcome deliver(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct store *store = ctx;

	(void)err;
	while (sem_wait(&store->answer))
		;
	store->tries++;
	(void)snprintf(store->token, sizeof(store->token), "%s", segment->token);
	return store->outcome;
}

static struct weir_spool_segment segment_of(const char *token)
{
	struct weir_spool_segment segment = {.rows = 1};

	(void)snprintf(segment.token, sizeof(segment.token), "%s", token);
	return segment;
}

static void test_the_next_one_is_taken_ahead(void **state)
{
	struct store store = {.outcome = WEIR_SINK_STORED};
	struct weir_spool_segment second = segment_of("2"), third = segment_of("3");
	struct weir_sink_ahead *ahead = NULL;

	(void)state;
	assert_int_equal(sem_init(&store.answer, 0, 0), 0);
	assert_int_equal(weir_sink_ahead_new(deliver, &store, &ahead), 0);
	assert_true(weir_sink_ahead_is_idle(ahead));
	assert_false(weir_sink_ahead_has_stored(ahead, &second));
	weir_sink_ahead_begin(ahead, &second);
	assert_false(weir_sink_ahead_is_idle(ahead));
	weir_sink_ahead_begin(ahead, &third); /* one at a time */
	assert_false(weir_sink_ahead_has_stored(ahead, &third));
	assert_true(weir_sink_ahead_is_busy(ahead, &second));
	assert_false(weir_sink_ahead_is_busy(ahead, &third));
	assert_int_equal(sem_post(&store.answer), 0);
	assert_true(weir_sink_ahead_has_stored(ahead, &second));
	assert_false(weir_sink_ahead_is_busy(ahead, &second));
	assert_int_equal(store.tries, 1);
	assert_string_equal(store.token, "2");
	assert_false(weir_sink_ahead_has_stored(ahead, &second)); /* told once */
	assert_true(weir_sink_ahead_is_idle(ahead));
	weir_sink_ahead_free(ahead);
	(void)sem_destroy(&store.answer);
}

static void test_what_failed_ahead_is_left_to_the_loop(void **state)
{
	static const enum weir_sink_outcome failures[] = {WEIR_SINK_TROUBLE, WEIR_SINK_MALFORMED, WEIR_SINK_STOPPED};
	struct store store = {0};
	struct weir_spool_segment second = segment_of("2");
	struct weir_sink_ahead *ahead = NULL;

	(void)state;
	assert_int_equal(sem_init(&store.answer, 0, 0), 0);
	assert_int_equal(weir_sink_ahead_new(deliver, &store, &ahead), 0);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		store.outcome = failures[i];
		weir_sink_ahead_begin(ahead, &second);
		assert_int_equal(sem_post(&store.answer), 0);
		assert_false(weir_sink_ahead_has_stored(ahead, &second));
		assert_true(weir_sink_ahead_is_idle(ahead));
	}
	weir_sink_ahead_free(ahead);
	(void)sem_destroy(&store.answer);
}

static void test_the_end_waits_for_what_is_under_way(void **state)
{
	struct store store = {.outcome = WEIR_SINK_STORED};
	struct weir_spool_segment second = segment_of("2");
	struct weir_sink_ahead *ahead = NULL;

	(void)state;
	assert_int_equal(sem_init(&store.answer, 0, 1), 0);
	assert_int_equal(weir_sink_ahead_new(deliver, &store, &ahead), 0);
	weir_sink_ahead_begin(ahead, &second);
	weir_sink_ahead_free(ahead);
	assert_int_equal(store.tries, 1);
	(void)sem_destroy(&store.answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_one_is_taken_ahead),
		cmocka_unit_test(test_what_failed_ahead_is_left_to_the_loop),
		cmocka_unit_test(test_the_end_waits_for_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
