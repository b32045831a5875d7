#include "policy/classes.h"

#include <errno.h>
#include <stdlib.h>

/* The steps of splitmix64. */
static uint64_t odd_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) | 1;
}

int weir_classes_init(struct weir_classes *classes, uint32_t capacity, uint32_t words, uint64_t seed)
{
	struct weir_classes c = {.capacity = capacity, .words = words};

	for (unsigned i = 0; i < 3; i++)
		c.multiplier[i] = odd_number(&seed);
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
