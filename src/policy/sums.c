#include "policy/sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SETS 16384 /* of WAYS sums each */
#define WAYS 4

struct sum {
	struct weir_sum_key key; /* within_s 0: nobody's */
	int64_t begin_s;	 /* of the present window */
	uint64_t now;
	uint64_t before; /* of the window before it */
};

struct weir_sums {
	uint64_t seed;
	uint64_t dropped;
	struct sum sum[SETS][WAYS];
};

int weir_sums_new(uint64_t seed, struct weir_sums **ret_sums)
{
	struct weir_sums *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->seed = seed;
	*ret_sums = s;
	return 0;
}

void weir_sums_free(struct weir_sums *sums)
{
	free(sums);
}

/* The key's own sum, a free one, or the one that was begun first. */
static struct sum *find(struct weir_sums *s, const struct weir_sum_key *key, int64_t now_s)
{
	struct sum *set = s->sum[XXH3_64bits_withSeed(key, sizeof(*key), s->seed) % SETS];
	struct sum *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
		if (!set[i].key.within_s) {
			oldest = &set[i];
			break;
		}
		if (set[i].begin_s < oldest->begin_s)
			oldest = &set[i];
	}
	if (oldest->key.within_s && now_s - oldest->begin_s < 2 * (int64_t)oldest->key.within_s)
		s->dropped++;
	*oldest = (struct sum){.key = *key, .begin_s = now_s};
	return oldest;
}

static uint64_t add_clamped(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t weir_sums_add(struct weir_sums *s, const struct weir_sum_key *key, uint64_t value, int64_t now_s)
{
	struct sum *sum = find(s, key, now_s);
	int64_t within = key->within_s;
	int64_t age = now_s - sum->begin_s;

	if (age >= 2 * within || age < 0) { /* too old to count, or the clock went back */
		sum->before = 0;
		sum->now = 0;
		sum->begin_s = now_s;
		age = 0;
	} else if (age >= within) {
		sum->before = sum->now;
		sum->now = 0;
		sum->begin_s += within;
		age -= within;
	}
	sum->now = add_clamped(sum->now, value);
	return add_clamped(sum->now, (uint64_t)((double)sum->before * (double)(within - age) / (double)within));
}

uint64_t weir_sums_dropped(const struct weir_sums *sums)
{
	return sums->dropped;
}
