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
	uint64_t seed;
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
	uint64_t h = c->seed;

	memcpy(word, key->part, sizeof(word));
	for (unsigned i = 0; i < 3; i++) {
		h = (h ^ word[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 16) & (c->capacity - 1);
}

/* The key's bits; NULL: it is not there. */
static inline const uint64_t *weir_classes_find(const struct weir_classes *c, const struct weir_class_key *key)
{
	const struct weir_class_slot *at;

	for (uint32_t slot = weir_classes_slot(c, key);; slot = (slot + 1) & (c->capacity - 1)) {
		at = &c->slot[slot];
		if (!at->bits || memcmp(&at->key, key, sizeof(*key)) == 0)
			return at->bits;
	}
}

#endif
