/* Against a model of a worker: a buffer that all sources share, and so many datagrams decoded or refused in a window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "receive/fairness.h"

#define BUFFER	    4000 /* datagrams */
#define WORK	    8000 /* units a window: to refuse one costs 1, to decode it 8 */
#define DECODE	    8
#define SOURCES	    4000
#define WINDOW_NS   (WEIR_FAIRNESS_WINDOW_MS * WEIR_NS_PER_MS)

struct model {
	struct weir_fairness *fairness;
	int64_t now_ns;
	uint32_t queue[BUFFER];
	unsigned at, queued;
	uint64_t drops;
	uint64_t chance;
	uint32_t offered[SOURCES]; /* a window */
	uint64_t sent[SOURCES];
	uint64_t decoded[SOURCES];
};

static struct model model;

static struct weir_addr address(uint32_t n)
{
	const uint8_t v4[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return weir_addr_from_v4(v4);
}

static uint32_t dice(uint32_t below)
{
	model.chance = model.chance * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(model.chance >> 33) % below;
}

static void start(uint32_t sources_max, uint32_t rate_max)
{
	const struct weir_fairness_options options = {.sources_max = sources_max, .rate_max = rate_max, .seed = 77};

	memset(&model, 0, sizeof(model));
	model.now_ns = 1000 * WINDOW_NS;
	assert_int_equal(weir_fairness_new(&options, &model.fairness), 0);
	weir_fairness_close(model.fairness, model.now_ns, 0, 0);
}

static void forget(void)
{
	memset(model.sent, 0, sizeof(model.sent));
	memset(model.decoded, 0, sizeof(model.decoded));
}

static bool is_thinned_out(uint32_t source)
{
	const struct weir_fairness_thinning *thinning;
	unsigned n = weir_fairness_thinned(model.fairness, &thinning);
	struct weir_addr a = address(source);

	for (unsigned i = 0; i < n; i++) {
		if (memcmp(&thinning[i].source, &a, sizeof(a)) == 0)
			return dice(65536) >= thinning[i].keep;
	}
	return false;
}

static void arrive(uint32_t source)
{
	model.sent[source]++;
	if (is_thinned_out(source) || model.queued == BUFFER) {
		model.drops++;
		return;
	}
	model.queue[(model.at + model.queued++) % BUFFER] = source;
}

static unsigned read_one(void)
{
	uint32_t source = model.queue[model.at];
	struct weir_addr a = address(source);

	model.at = (model.at + 1) % BUFFER;
	model.queued--;
	if (!weir_fairness_admit(model.fairness, &a))
		return 1;
	model.decoded[source]++;
	return DECODE;
}

/* A window: a hundred times a part of everybody's datagrams, in a random order, and a part of the work. */
static void run_window(void)
{
	for (unsigned part = 0; part < 100; part++) {
		int work = WORK / 100;

		uint32_t first = dice(SOURCES);

		for (uint32_t i = 0; i < SOURCES; i++) {
			uint32_t s = (first + i) % SOURCES;
			uint32_t n = model.offered[s] / 100 + (dice(100) < model.offered[s] % 100);

			for (; n; n--) {
				arrive(s);
				if (dice(4) == 0 && model.queued && work > 0)
					work -= (int)read_one();
			}
		}
		while (model.queued && work > 0)
			work -= (int)read_one();
	}
	model.now_ns += WINDOW_NS;
	assert_true(weir_fairness_due(model.fairness, model.now_ns));
	weir_fairness_close(model.fairness, model.now_ns, model.drops, (double)model.queued / BUFFER);
}

static void run(unsigned windows)
{
	for (unsigned i = 0; i < windows; i++)
		run_window();
}

static double part_of(uint32_t source)
{
	return (double)model.decoded[source] / (double)model.sent[source];
}

static void nobody_is_refused_without_overload(void **state)
{
	(void)state;
	start(100, 0);
	for (uint32_t s = 0; s < 20; s++)
		model.offered[s] = s < 1 ? 700 : 10;
	run(50);
	for (uint32_t s = 0; s < 20; s++)
		assert_true(part_of(s) > 0.99);
	assert_int_equal(weir_fairness_stats(model.fairness)->over_share, 0);
	assert_int_equal(weir_fairness_take_worst(model.fairness).refused, 0);
	weir_fairness_free(model.fairness);
}

static void a_flood_does_not_starve_the_others(void **state)
{
	struct weir_fairness_worst worst;
	struct weir_addr flooder = address(0);

	(void)state;
	start(100, 0);
	for (uint32_t s = 0; s < 20; s++)
		model.offered[s] = 10;
	run(20);
	model.offered[0] = 50000; /* fifty times what can be decoded */
	run(20);
	forget();
	run(100);
	for (uint32_t s = 1; s < 20; s++) {
		if (part_of(s) < 0.98)
			fail_msg("source %u: %.3f", s, part_of(s));
	}
	assert_int_equal(weir_fairness_stats(model.fairness)->limited, 1);
	/* And the flooder has what is left: the worker is not idle. */
	assert_true(model.decoded[0] > 100 * 300);
	worst = weir_fairness_take_worst(model.fairness);
	assert_memory_equal(&worst.source, &flooder, sizeof(flooder));
	assert_true(worst.refused > 100 && !worst.by_rate);
	/* When it ends, so does the limit. */
	model.offered[0] = 200;
	run(40);
	forget();
	run(20);
	for (uint32_t s = 0; s < 20; s++)
		assert_true(part_of(s) > 0.98);
	assert_int_equal(weir_fairness_stats(model.fairness)->limited, 0);
	weir_fairness_free(model.fairness);
}

static void a_pause_of_the_machine_limits_nobody(void **state)
{
	(void)state;
	start(100, 0);
	for (uint32_t s = 0; s < 20; s++)
		model.offered[s] = s < 1 ? 300 : 10;
	run(20);
	for (unsigned i = 0; i < BUFFER; i++)
		arrive(i % 20);
	run(60);
	assert_int_equal(weir_fairness_stats(model.fairness)->over_share, 0);
	weir_fairness_free(model.fairness);
}

static void where_nobody_stands_out_nobody_is_refused(void **state)
{
	(void)state;
	start(100, 0);
	for (uint32_t s = 0; s < 20; s++)
		model.offered[s] = 60;
	run(50);
	assert_true(model.drops > 0);
	assert_int_equal(weir_fairness_stats(model.fairness)->over_share, 0);
	weir_fairness_free(model.fairness);
}

static void forged_sources_share_one_account(void **state)
{
	(void)state;
	start(2000, 0);
	for (uint32_t s = 0; s < 20; s++)
		model.offered[s] = 10;
	run(150);
	for (uint32_t s = 20; s < SOURCES; s++)
		model.offered[s] = 1;
	run(20);
	forget();
	run(50);
	for (uint32_t s = 0; s < 20; s++) {
		if (part_of(s) < 0.9)
			fail_msg("source %u: %.3f", s, part_of(s));
	}
	weir_fairness_free(model.fairness);
}

static void a_rate_is_a_ceiling_with_a_burst(void **state)
{
	struct weir_addr a = address(1), b = address(2);
	unsigned admitted = 0;

	(void)state;
	start(100, 50);
	for (unsigned i = 0; i < 200; i++)
		admitted += weir_fairness_admit(model.fairness, &a);
	assert_int_equal(admitted, 50);
	assert_true(weir_fairness_admit(model.fairness, &b));
	assert_int_equal(weir_fairness_stats(model.fairness)->over_rate, 150);
	assert_true(weir_fairness_take_worst(model.fairness).by_rate);
	/* Two seconds later it has one second's worth, after a fifth of a second ten more. */
	model.now_ns += 20 * WINDOW_NS;
	weir_fairness_close(model.fairness, model.now_ns, 0, 0);
	for (admitted = 0; weir_fairness_admit(model.fairness, &a);)
		admitted++;
	assert_int_equal(admitted, 50);
	for (int i = 0; i < 2; i++) {
		model.now_ns += WINDOW_NS;
		weir_fairness_close(model.fairness, model.now_ns, 0, 0);
	}
	for (admitted = 0; weir_fairness_admit(model.fairness, &a);)
		admitted++;
	assert_int_equal(admitted, 10);
	weir_fairness_free(model.fairness);
}

/* Accounts are bounded, and those of silent sources go. */
static void accounts_are_given_back(void **state)
{
	struct weir_addr a;

	(void)state;
	start(100, 1);
	for (uint32_t s = 0; s < 100; s++) {
		a = address(s);
		assert_true(weir_fairness_admit(model.fairness, &a));
		assert_false(weir_fairness_admit(model.fairness, &a));
	}
	/* Without an account there is no rate. */
	a = address(100);
	assert_true(weir_fairness_admit(model.fairness, &a));
	assert_true(weir_fairness_admit(model.fairness, &a));
	model.now_ns += 7000 * WINDOW_NS;
	weir_fairness_close(model.fairness, model.now_ns, 0, 0);
	assert_true(weir_fairness_admit(model.fairness, &a));
	assert_false(weir_fairness_admit(model.fairness, &a));
	weir_fairness_free(model.fairness);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_refused_without_overload),
		cmocka_unit_test(a_flood_does_not_starve_the_others),
		cmocka_unit_test(a_pause_of_the_machine_limits_nobody),
		cmocka_unit_test(where_nobody_stands_out_nobody_is_refused),
		cmocka_unit_test(forged_sources_share_one_account),
		cmocka_unit_test(a_rate_is_a_ceiling_with_a_burst),
		cmocka_unit_test(accounts_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
