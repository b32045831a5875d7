#include "wire/sampling.h"

#include <stdlib.h>

void weir_samplings_done(struct weir_samplings *s)
{
	for (unsigned i = 0; i < WEIR_SAMPLING_KINDS; i++)
		free(s->list[i]);
	*s = (struct weir_samplings){0};
}

void weir_samplings_set(struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id, uint32_t rate)
{
	struct weir_sampling *list = s->list[kind];
	unsigned i = 0;

	if (!list) {
		list = s->list[kind] = calloc(WEIR_SAMPLINGS_MAX, sizeof(*list));
		if (!list)
			return;
	}
	while (i < s->count[kind] && list[i].id != id)
		i++;
	if (i == WEIR_SAMPLINGS_MAX)
		i = id % WEIR_SAMPLINGS_MAX;
	else if (i == s->count[kind])
		s->count[kind]++;
	list[i] = (struct weir_sampling){.id = id, .rate = rate};
}

uint32_t weir_samplings_find(const struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id)
{
	for (unsigned i = 0; i < s->count[kind]; i++) {
		if (s->list[kind][i].id == id)
			return s->list[kind][i].rate;
	}
	return 0;
}
