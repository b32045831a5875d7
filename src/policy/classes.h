/* A table of classes: a key of fixed size to sets of rules, worked out when the key is first met. When it is full it
 * begins anew: what comes again is worked out again. One thread. */
#ifndef WEIR_POLICY_CLASSES_H
#define WEIR_POLICY_CLASSES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct weir_class_key {
	uint32_t part[6];
};

/* 32 bytes, two to a cache line. */
struct weir_class_slot {
	struct weir_class_key key;
	uint64_t *bits; /* NULL: empty */
};

struct weir_classes {
	uint64_t multiplier[3]; /* odd, drawn from the seed: of each two parts of a key */
	uint32_t capacity; /* a power of two */
	uint32_t used;
	uint32_t words; /* of bits for each class */
	uint64_t dropped;
	struct weir_class_slot *slot; /* owned */
	uint64_t *bits;		      /* owned: of half the slots, for no more are used */
};

int weir_classes_init(struct weir_classes *classes, uint32_t capacity, uint32_t words, uint64_t seed) WEIR_MUST_CHECK;
void weir_classes_done(struct weir_classes *classes);

/* The slot for a key that is not there yet; its bits are the caller's to fill. */
uint64_t *weir_classes_add(struct weir_classes *classes, const struct weir_class_key *key);

static inline uint32_t weir_classes_slot(const struct weir_classes *c, const struct weir_class_key *key)
{
	uint64_t word[3];

	memcpy(word, key->part, sizeof(word));
	return (uint32_t)((word[0] * c->multiplier[0] + word[1] * c->multiplier[1] + word[2] * c->multiplier[2]) >> 32) &
	       (c->capacity - 1);
}

static inline bool weir_class_key_is(const struct weir_class_key *a, const struct weir_class_key *b)
{
	uint64_t x[3], y[3];

	memcpy(x, a->part, sizeof(x));
	memcpy(y, b->part, sizeof(y));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

/* The key's bits; NULL: it is not there. */
static inline const uint64_t *weir_classes_find(const struct weir_classes *c, const struct weir_class_key *key)
{
	const struct weir_class_slot *at;

	for (uint32_t slot = weir_classes_slot(c, key);; slot = (slot + 1) & (c->capacity - 1)) {
		at = &c->slot[slot];
		if (!at->bits || weir_class_key_is(&at->key, key))
			return at->bits;
	}
}

#endif
