#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/guard.h"

struct bench {
	char path[64];
	struct weir_vocabulary *vocabulary;
	struct weir_guard *guard;
	struct weir_guard_worker *worker;
	struct weir_block *block;
	unsigned told;
};

static void write_rules(struct bench *b, const char *text)
{
	char other[80];
	FILE *f;

	/* Another file each time, so that it differs however fast the test is. */
	(void)snprintf(other, sizeof(other), "%s.new", b->path);
	f = fopen(other, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(other, b->path), 0);
}

static void open_bench(struct bench *b, const char *text)
{
	struct weir_guard_options options = {.file = b->path, .events = weir_events_defaults};
	struct weir_column_set none = {0};
	struct weir_error err = {0};
	int fd;

	*b = (struct bench){.path = "/tmp/weir-guard-test-XXXXXX"};
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	(void)close(fd);
	write_rules(b, text);
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &b->vocabulary), 0);
	if (weir_guard_new(&options, b->vocabulary, NULL, &b->guard, &err))
		fail_msg("%s: %s", err.where, err.what);
	assert_int_equal(weir_guard_worker_new(b->guard, 5, &b->worker), 0);
	assert_int_equal(weir_block_new(&weir_block_limits_default, &b->block), 0);
	b->block->vocabulary = b->vocabulary;
	weir_block_u8(b->block, WEIR_COL_PROTO)[0] = 6;
	weir_block_commit(b->block, 1, &none);
}

static void close_bench(struct bench *b)
{
	weir_guard_worker_free(b->worker);
	weir_guard_free(b->guard);
	weir_block_free(b->block);
	weir_vocabulary_free(b->vocabulary);
	(void)unlink(b->path);
}

static bool count(void *ctx, enum weir_table table, const struct weir_record *record)
{
	(void)table, (void)record;
	(*(unsigned *)ctx)++;
	return true;
}

static const char *judged(struct bench *b)
{
	weir_guard_block(b->worker, b->block, 1000);
	return weir_block_name(b->block, WEIR_COL_RULE, 0).text;
}

static void test_a_new_policy_takes_the_place_of_the_old(void **state)
{
	struct bench b;
	struct weir_record_sink sink = {count, &b.told};
	struct weir_guard_stats stats;
	struct weir_error err = {0};

	(void)state;
	open_bench(&b, "rules: [{name: one, over: tcp, action: alert}]");
	assert_string_equal(judged(&b), "one");
	assert_int_equal(weir_guard_reload(b.guard, false, &err), 0);
	write_rules(&b, "rules: [{name: two, over: tcp, action: deny}]");
	assert_int_equal(weir_guard_reload(b.guard, false, &err), 1);
	assert_string_equal(judged(&b), "one"); /* until the worker has told its events */
	weir_guard_tell(b.worker, 1001, false, &sink);
	assert_int_equal(b.told, 1);
	assert_string_equal(judged(&b), "two");
	weir_guard_tell(b.worker, 1002, false, &sink);
	assert_int_equal(b.told, 2);
	weir_guard_stats(b.guard, &stats);
	assert_int_equal(stats.flows[WEIR_POLICY_ALERT], 2);
	assert_int_equal(stats.flows[WEIR_POLICY_DENY], 1);
	assert_int_equal(stats.events.begun, 2);
	assert_int_equal(stats.reloads, 1);
	close_bench(&b);
}

static void test_a_mistake_leaves_the_old_in_force(void **state)
{
	struct bench b;
	struct weir_record_sink sink = {count, &b.told};
	struct weir_error err = {0};

	(void)state;
	open_bench(&b, "rules: [{name: one, over: tcp, action: alert}]");
	write_rules(&b, "rules: [{name: two, over: tcp, action: refuse}]");
	assert_int_equal(weir_guard_reload(b.guard, false, &err), -EINVAL);
	assert_non_null(strstr(err.where, ":1"));
	assert_int_equal(weir_guard_reload(b.guard, false, &err), 0); /* told once */
	weir_guard_tell(b.worker, 1001, false, &sink);
	assert_string_equal(judged(&b), "one");
	close_bench(&b);
}

static void test_packs_by_name(void **state)
{
	const char *const packs[] = {"known-bad", "dns"};
	const char *const wrong[] = {"dnz"};
	struct weir_guard_options options = {.file = "", .pack = packs, .packs = 2, .events = weir_events_defaults};
	struct weir_vocabulary *v;
	struct weir_guard *g;
	struct weir_guard_stats stats;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &v), 0);
	assert_int_equal(weir_guard_new(&options, v, NULL, &g, &err), 0);
	weir_guard_stats(g, &stats);
	assert_true(stats.rules > 0);
	weir_guard_free(g);
	options.pack = wrong;
	options.packs = 1;
	assert_int_equal(weir_guard_new(&options, v, NULL, &g, &err), -EINVAL);
	assert_non_null(strstr(err.next, " dns "));
	options.file = "/nowhere/policy.yaml";
	assert_int_equal(weir_guard_new(&options, v, NULL, &g, &err), -ENOENT);
	weir_vocabulary_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_policy_takes_the_place_of_the_old),
		cmocka_unit_test(test_a_mistake_leaves_the_old_in_force),
		cmocka_unit_test(test_packs_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
