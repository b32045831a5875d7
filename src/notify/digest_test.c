#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/digest.h"

#define TEXT(s) {(s), sizeof(s) - 1}
#define MINUTE	60000

static struct weir_notify_target target;
static struct weir_notify_digest *digest;

static void begin(const char *text)
{
	assert_int_equal(weir_notify_target_parse(text, &target, NULL), 0);
	assert_int_equal(weir_notify_digest_new(&target, &digest), 0);
}

static void end(void)
{
	weir_notify_digest_free(digest);
	weir_notify_target_done(&target);
}

static enum weir_notify_verdict take(uint64_t id, int64_t now_ms, struct weir_record *ret_event)
{
	struct weir_record event = {.number = id, .time_ms = now_ms, .level = TEXT("error"), .flows = 2, .bytes = 10, .packets = 3};
	enum weir_notify_verdict verdict = weir_notify_digest_take(digest, &event, now_ms);

	if (ret_event)
		*ret_event = event;
	return verdict;
}

static void test_what_goes_on_is_folded(void **state)
{
	struct weir_record e;

	(void)state;
	begin("a syslog://h repeat=5m");
	assert_int_equal(take(7, 1000, NULL), WEIR_NOTIFY_TELL);
	assert_int_equal(take(8, 1000, NULL), WEIR_NOTIFY_TELL);
	for (int i = 1; i <= 4; i++)
		assert_int_equal(take(7, 1000 + i * MINUTE, NULL), WEIR_NOTIFY_FOLDED);
	assert_int_equal(take(7, 1000 + 5 * MINUTE, &e), WEIR_NOTIFY_TELL);
	assert_int_equal(e.flows, 12);
	assert_int_equal(e.bytes, 60);
	assert_int_equal(e.packets, 18);
	assert_true(e.time_ms == 1000);
	/* A clock that was set back silences nobody. */
	assert_int_equal(take(7, 500, NULL), WEIR_NOTIFY_TELL);
	end();
}

static void test_storms_are_held_back(void **state)
{
	(void)state;
	begin("a syslog://h per_minute=3");
	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(take(id, 1000, NULL), WEIR_NOTIFY_TELL);
	for (uint64_t id = 4; id <= 9; id++)
		assert_int_equal(take(id, 2000, NULL), WEIR_NOTIFY_HELD);
	assert_int_equal(weir_notify_digest_held(digest, 2000), 0);
	/* They stay until they have been told of. */
	assert_int_equal(weir_notify_digest_held(digest, 1000 + MINUTE), 6);
	assert_int_equal(weir_notify_digest_held(digest, 1000 + MINUTE), 6);
	weir_notify_digest_told_held(digest, 6);
	assert_int_equal(weir_notify_digest_held(digest, 1000 + MINUTE), 0);
	/* That was one of this minute's three; one that was held back is told when it goes on. */
	assert_int_equal(take(4, 1000 + MINUTE, NULL), WEIR_NOTIFY_TELL);
	assert_int_equal(take(10, 1000 + MINUTE, NULL), WEIR_NOTIFY_TELL);
	assert_int_equal(take(11, 1000 + MINUTE, NULL), WEIR_NOTIFY_HELD);
	end();
}

static void test_what_is_not_wanted(void **state)
{
	(void)state;
	begin("a syslog://h level=critical");
	assert_int_equal(take(1, 1000, NULL), WEIR_NOTIFY_UNWANTED);
	end();
}

/* More events than are remembered: the oldest is told anew, none is mistaken for another. */
static void test_memory_is_bounded(void **state)
{
	struct weir_record e;

	(void)state;
	begin("a syslog://h per_minute=6000");
	for (uint64_t id = 1; id <= 100000; id++) {
		assert_int_equal(take(id * 8192, (int64_t)(id * 100), &e), WEIR_NOTIFY_TELL);
		assert_int_equal(e.flows, 2);
	}
	assert_int_equal(take(100000 * UINT64_C(8192), 10000001, &e), WEIR_NOTIFY_FOLDED);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_on_is_folded),
		cmocka_unit_test(test_storms_are_held_back),
		cmocka_unit_test(test_what_is_not_wanted),
		cmocka_unit_test(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
