#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "probe/flow_cache.h"

#define S 1000000LL

struct told {
	uint32_t number;
	enum weir_flow_end reason;
};

struct bench {
	struct weir_flow_cache *cache;
	struct told told[4096];
	unsigned count;
};

static struct weir_flow_key key_of(uint32_t number)
{
	struct weir_flow_key key = {.proto = 17};

	memcpy(&key.addr[0].byte[12], &number, sizeof(number));
	key.port[1] = 53;
	return key;
}

static uint32_t number_of(const struct weir_flow *flow)
{
	uint32_t number;

	memcpy(&number, &flow->key.addr[0].byte[12], sizeof(number));
	return number;
}

static void on_ended(void *ctx, const struct weir_flow *flow, enum weir_flow_end reason)
{
	struct bench *b = ctx;

	assert_true(b->count < sizeof(b->told) / sizeof(b->told[0]));
	b->told[b->count++] = (struct told){number_of(flow), reason};
}

static void on_counted(void *ctx, const struct weir_flow *flow, enum weir_flow_end reason)
{
	(void)flow;
	(void)reason;
	++*(unsigned *)ctx;
}

static void begin(struct bench *b, uint32_t flows_max, uint64_t seed)
{
	struct weir_flow_cache_options options = {
		.flows_max = flows_max, .active_us = 60 * S, .inactive_us = 15 * S, .ended_us = S, .seed = seed,
		.ended = on_ended, .ctx = b,
	};

	b->count = 0;
	assert_int_equal(weir_flow_cache_new(&options, &b->cache), 0);
}

/* As the meter does for a packet. */
static struct weir_flow *see(struct bench *b, uint32_t number, int64_t now_us, bool *ret_new)
{
	struct weir_flow_key key = key_of(number);
	struct weir_flow *flow;

	weir_flow_cache_advance(b->cache, now_us);
	flow = weir_flow_cache_find(b->cache, &key, weir_flow_cache_hash(b->cache, &key), now_us, false, ret_new);
	assert_int_equal(number_of(flow), number);
	if (now_us > flow->last_us)
		flow->last_us = now_us;
	return flow;
}

static void assert_told(const struct bench *b, unsigned i, uint32_t number, enum weir_flow_end reason)
{
	assert_true(i < b->count);
	assert_int_equal(b->told[i].number, number);
	assert_int_equal(b->told[i].reason, reason);
}

static void test_idle(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 16, 1);
	see(&b, 1, 0, &is_new);
	assert_true(is_new);
	see(&b, 1, 15 * S, &is_new); /* just in time */
	assert_false(is_new);
	weir_flow_cache_advance(b.cache, 30 * S - 100000);
	assert_int_equal(b.count, 0);
	weir_flow_cache_advance(b.cache, 30 * S + 100000);
	assert_int_equal(b.count, 1);
	assert_told(&b, 0, 1, WEIR_FLOW_END_IDLE);
	assert_int_equal(weir_flow_cache_count(b.cache), 0);
	weir_flow_cache_free(b.cache);
}

/* A packet that comes a moment too late is the first of another flow, whether the wheel has turned or not. */
static void test_idle_is_exact(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 16, 1);
	see(&b, 1, 0, &is_new);
	see(&b, 1, 15 * S + 1, &is_new);
	assert_true(is_new);
	assert_told(&b, 0, 1, WEIR_FLOW_END_IDLE);
	weir_flow_cache_free(b.cache);
}

static void test_active(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 16, 1);
	for (int64_t t = 0; t < 60; t += 10)
		see(&b, 1, t * S, &is_new);
	assert_int_equal(b.count, 0);
	see(&b, 1, 60 * S, &is_new);
	assert_true(is_new);
	assert_int_equal(b.count, 1);
	assert_told(&b, 0, 1, WEIR_FLOW_END_ACTIVE);
	weir_flow_cache_free(b.cache);
}

static void test_end(void **state)
{
	struct weir_flow_key key = key_of(1);
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 16, 1);
	weir_flow_cache_end(b.cache, see(&b, 1, 0, &is_new));
	see(&b, 1, S / 2, &is_new); /* the last acknowledgement */
	assert_false(is_new);
	weir_flow_cache_advance(b.cache, 2 * S);
	assert_int_equal(b.count, 1);
	assert_told(&b, 0, 1, WEIR_FLOW_END_SEEN);

	weir_flow_cache_end(b.cache, see(&b, 1, 3 * S, &is_new));
	(void)weir_flow_cache_find(b.cache, &key, weir_flow_cache_hash(b.cache, &key), 3 * S + 1, true, &is_new); /* the same ports again */
	assert_true(is_new);
	assert_told(&b, 1, 1, WEIR_FLOW_END_SEEN);
	weir_flow_cache_free(b.cache);
}

/* Full: the flow that was idle for longest goes, though it is the oldest conversation that still talks. */
static void test_pressure(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 100, 1);
	see(&b, 1000, 0, &is_new);
	for (uint32_t i = 0; i < 300; i++) {
		see(&b, i, (i + 1) * 30000, &is_new);
		assert_true(is_new);
		see(&b, 1000, (i + 1) * 30000 + 1, &is_new);
		assert_false(is_new);
	}
	assert_int_equal(weir_flow_cache_count(b.cache), 100);
	assert_int_equal(b.count, 201);
	for (unsigned i = 0; i < b.count; i++)
		assert_told(&b, i, i, WEIR_FLOW_END_LACK);
	weir_flow_cache_free(b.cache);
}

static void test_clock_goes_back(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 16, 1);
	see(&b, 1, 1000 * S, &is_new);
	see(&b, 1, 990 * S, &is_new); /* a packet that was overtaken */
	assert_false(is_new);
	see(&b, 2, 100 * S, &is_new);
	assert_int_equal(b.count, 1);
	assert_told(&b, 0, 1, WEIR_FLOW_END_FORCED);
	weir_flow_cache_advance(b.cache, 120 * S);
	assert_told(&b, 1, 2, WEIR_FLOW_END_IDLE);
	/* And by years forward. */
	see(&b, 3, 121 * S, &is_new);
	weir_flow_cache_advance(b.cache, 2000000000 * S);
	assert_told(&b, 2, 3, WEIR_FLOW_END_IDLE);
	weir_flow_cache_free(b.cache);
}

/* See a number, and hold whether it is new against what was told. */
static struct weir_flow *see_and_check(struct bench *b, uint8_t *alive, uint32_t number, int64_t now_us)
{
	struct weir_flow *flow;
	bool is_new;

	b->count = 0;
	flow = see(b, number, now_us, &is_new);
	for (unsigned n = 0; n < b->count; n++) {
		assert_true(alive[b->told[n].number]);
		alive[b->told[n].number] = 0;
	}
	assert_int_equal(is_new, !alive[number]);
	alive[number] = 1;
	return flow;
}

/* Thousands of flows that come, are seen again and go: each is told once, none is lost or found twice. */
static void test_churn(void **state)
{
	static uint8_t alive[4000];
	struct bench b;
	uint32_t random = 1, left = 0;

	(void)state;
	begin(&b, 512, 99);
	for (uint32_t i = 0; i < 4000; i++) {
		(void)see_and_check(&b, alive, i, i * 20000);
		random = random * 1664525 + 1013904223;
		if (i > 300) {
			struct weir_flow *again = see_and_check(&b, alive, i - (random >> 24), i * 20000 + 1);

			if (random & 1)
				weir_flow_cache_end(b.cache, again);
		}
	}
	for (uint32_t i = 0; i < 4000; i++)
		left += alive[i];
	assert_int_equal(weir_flow_cache_count(b.cache), left);
	b.count = 0;
	weir_flow_cache_flush(b.cache, WEIR_FLOW_END_FORCED);
	assert_int_equal(b.count, left);
	for (unsigned n = 0; n < b.count; n++)
		assert_int_equal(alive[b.told[n].number]--, 1);
	assert_int_equal(weir_flow_cache_count(b.cache), 0);
	weir_flow_cache_free(b.cache);
}

static void test_bounds(void **state)
{
	struct weir_flow_cache_options options = {
		.flows_max = 0, .active_us = S, .inactive_us = S, .ended_us = S, .ended = on_ended};
	struct weir_flow_cache *cache;

	(void)state;
	assert_int_equal(weir_flow_cache_new(&options, &cache), -EINVAL);
	options.flows_max = 1;
	options.ended_us = 2 * S;
	assert_int_equal(weir_flow_cache_new(&options, &cache), -EINVAL);
	options.ended_us = 0;
	options.active_us = 0;
	assert_int_equal(weir_flow_cache_new(&options, &cache), -EINVAL);
	weir_flow_cache_free(NULL);
}

/* One place for one flow at a time. */
static void test_smallest(void **state)
{
	struct bench b;
	bool is_new;

	(void)state;
	begin(&b, 1, 7);
	for (uint32_t i = 0; i < 100; i++)
		see(&b, i, i, &is_new);
	assert_int_equal(b.count, 99);
	for (unsigned i = 0; i < 99; i++)
		assert_told(&b, i, i, WEIR_FLOW_END_LACK);
	weir_flow_cache_free(b.cache);
}

static uint32_t place_of(const struct bench *b, uint32_t number)
{
	struct weir_flow_key key = key_of(number);

	return weir_flow_cache_hash(b->cache, &key) & 1023;
}

/* What a sender finds out to collide under one seed does not under another. */
static void test_seed(void **state)
{
	static uint32_t collided[64];
	unsigned n = 0, same = 0;
	uint32_t place = 0;
	struct bench b;

	(void)state;
	begin(&b, 65536, 1);
	for (uint32_t i = 0; n < 64; i++) {
		uint32_t at = place_of(&b, i);

		if (n == 0)
			place = at;
		if (at == place)
			collided[n++] = i;
	}
	weir_flow_cache_free(b.cache);
	begin(&b, 65536, 2);
	place = place_of(&b, collided[0]);
	for (unsigned i = 1; i < 64; i++)
		same += place_of(&b, collided[i]) == place;
	assert_true(same < 4);
	weir_flow_cache_free(b.cache);
}

/* The table grows from 4096 slots to 131072, and every flow is found again, and ended once. */
static void test_growth(void **state)
{
	enum { FLOWS = 60000 };
	struct weir_flow_cache_options options = {
		.flows_max = FLOWS, .active_us = 60 * S, .inactive_us = 15 * S, .ended_us = S, .seed = 3, .ended = on_counted};
	struct weir_flow_cache *cache;
	unsigned ended = 0;
	bool is_new;

	(void)state;
	options.ctx = &ended;
	assert_int_equal(weir_flow_cache_new(&options, &cache), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < FLOWS; i++) {
			struct weir_flow_key key = key_of(i);

			weir_flow_cache_advance(cache, i);
			assert_int_equal(number_of(weir_flow_cache_find(cache, &key, weir_flow_cache_hash(cache, &key), i, false,
									&is_new)), i);
			assert_int_equal(is_new, round == 0);
		}
	}
	assert_int_equal(weir_flow_cache_count(cache), FLOWS);
	weir_flow_cache_flush(cache, WEIR_FLOW_END_FORCED);
	assert_int_equal(ended, FLOWS);
	weir_flow_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),	 cmocka_unit_test(test_idle_is_exact),
		cmocka_unit_test(test_active),	 cmocka_unit_test(test_end),
		cmocka_unit_test(test_pressure), cmocka_unit_test(test_clock_goes_back),
		cmocka_unit_test(test_churn),	 cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_smallest), cmocka_unit_test(test_seed), cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
