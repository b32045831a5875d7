/* Which packets are looked at: every n-th, or each with the probability 1/n. Pure; one thread. */
#ifndef WEIR_PROBE_SAMPLER_H
#define WEIR_PROBE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

struct weir_sampler {
	uint32_t rate; /* 0 and 1: all */
	bool random;
	uint32_t left; /* until the next */
	uint64_t state;
};

static inline struct weir_sampler weir_sampler(uint32_t rate, bool random, uint64_t seed)
{
	return (struct weir_sampler){.rate = rate, .random = random, .left = rate, .state = seed | 1};
}

static inline bool weir_sampler_takes(struct weir_sampler *s)
{
	if (s->rate <= 1)
		return true;
	if (!s->random) {
		if (--s->left)
			return false;
		s->left = s->rate;
		return true;
	}
	/* xorshift64* (Vigna 2016); its upper half is as good as any for this. */
	s->state ^= s->state >> 12;
	s->state ^= s->state << 25;
	s->state ^= s->state >> 27;
	return ((s->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) * s->rate >> 32 == 0;
}

#endif
