/* Randomness for made traffic: seeded, whole numbers only, so that the same seed gives the same flows on every
 * machine and with every compiler. The generator is SplitMix64 (Steele, Lea, Flood 2014): one addition and two
 * multiplications a draw, any seed is as good as another, and it doubles as a hash of numbers. Not for secrets. */
#ifndef WEIR_GENERATE_RANDOM_H
#define WEIR_GENERATE_RANDOM_H

#include <stdint.h>

static inline uint64_t weir_random_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t weir_random_next(uint64_t *state)
{
	return weir_random_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A hash of two numbers: the seed of a stream, or a fixed choice of a made thing. */
static inline uint64_t weir_random_hash(uint64_t a, uint64_t b)
{
	return weir_random_mix(weir_random_mix(a + UINT64_C(0x9e3779b97f4a7c15)) ^ b);
}

/* A number in [0, n) from 32 random bits. */
static inline uint32_t weir_random_below(uint32_t random, uint32_t n)
{
	return (uint32_t)((uint64_t)random * n >> 32);
}

/* A rank in [0, n), the low ones more often: P(rank < x) = (x / n)^(1 / skew). Skew 1 is flat; at 3 the first of a
 * thousand is drawn every tenth time, much as by Zipf's law, and it costs two multiplications. */
static inline uint32_t weir_random_rank(uint32_t random, uint32_t n, unsigned skew)
{
	uint64_t power = random;

	while (skew-- > 1)
		power = power * random >> 32;
	return (uint32_t)(power * n >> 32);
}

#endif
