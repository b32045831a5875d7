#include "policy/classes.h"

#include <errno.h>
#include <stdlib.h>

int weir_classes_init(struct weir_classes *classes, uint32_t capacity, uint32_t words, uint64_t seed)
{
	struct weir_classes c = {.seed = seed, .capacity = capacity, .words = words};

	c.key = malloc(capacity * sizeof(*c.key));
	c.taken = calloc(capacity, sizeof(*c.taken));
	c.bits = malloc((size_t)capacity * words * sizeof(*c.bits));
	if (!c.key || !c.taken || !c.bits) {
		weir_classes_done(&c);
		return -ENOMEM;
	}
	*classes = c;
	return 0;
}

void weir_classes_done(struct weir_classes *classes)
{
	free(classes->key);
	free(classes->taken);
	free(classes->bits);
	*classes = (struct weir_classes){0};
}

uint64_t *weir_classes_add(struct weir_classes *classes, const struct weir_class_key *key)
{
	uint32_t slot;

	/* Half full at most, so that a search is short. */
	if (classes->used >= classes->capacity / 2) {
		memset(classes->taken, 0, classes->capacity * sizeof(*classes->taken));
		classes->used = 0;
		classes->dropped++;
	}
	for (slot = weir_classes_slot(classes, key); classes->taken[slot];)
		slot = (slot + 1) & (classes->capacity - 1);
	classes->taken[slot] = true;
	classes->key[slot] = *key;
	classes->used++;
	return &classes->bits[(size_t)slot * classes->words];
}
