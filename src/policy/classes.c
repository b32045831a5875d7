#include "policy/classes.h"

#include <errno.h>
#include <stdlib.h>

int weir_classes_init(struct weir_classes *classes, uint32_t capacity, uint32_t words, uint64_t seed)
{
	struct weir_classes c = {.seed = seed, .capacity = capacity, .words = words};

	c.slot = calloc(capacity, sizeof(*c.slot));
	c.bits = malloc((size_t)capacity / 2 * words * sizeof(*c.bits));
	if (!c.slot || !c.bits) {
		weir_classes_done(&c);
		return -ENOMEM;
	}
	*classes = c;
	return 0;
}

void weir_classes_done(struct weir_classes *classes)
{
	free(classes->slot);
	free(classes->bits);
	*classes = (struct weir_classes){0};
}

uint64_t *weir_classes_add(struct weir_classes *classes, const struct weir_class_key *key)
{
	uint32_t slot;

	/* Half full at most, so that a search is short and ends. */
	if (classes->used >= classes->capacity / 2) {
		memset(classes->slot, 0, classes->capacity * sizeof(*classes->slot));
		classes->used = 0;
		classes->dropped++;
	}
	for (slot = weir_classes_slot(classes, key); classes->slot[slot].bits;)
		slot = (slot + 1) & (classes->capacity - 1);
	classes->slot[slot] = (struct weir_class_slot){*key, &classes->bits[(size_t)classes->used * classes->words]};
	classes->used++;
	return classes->slot[slot].bits;
}
