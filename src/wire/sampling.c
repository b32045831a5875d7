#include "wire/sampling.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 8

void weir_samplings_done(struct weir_samplings *s)
{
	for (unsigned i = 0; i < WEIR_SAMPLING_KINDS; i++)
		free(s->list[i].entry);
	*s = (struct weir_samplings){0};
}

uint64_t weir_samplings_bytes(const struct weir_samplings *s)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < WEIR_SAMPLING_KINDS; i++)
		bytes += s->list[i].cap * sizeof(*s->list[i].entry);
	return bytes;
}

/* Where the entry of that id is, or belongs. */
static uint32_t position(const struct weir_sampling_list *l, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = l->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (l->entry[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool reserve(struct weir_sampling_list *l, uint64_t *bytes_left)
{
	uint32_t cap = l->cap ? l->cap * 2 : CAP_MIN;
	uint64_t more = (cap - l->cap) * sizeof(*l->entry);
	struct weir_sampling *entry;

	if (l->count < l->cap)
		return true;
	if (cap > WEIR_SAMPLINGS_MAX || more > *bytes_left)
		return false;
	entry = realloc(l->entry, cap * sizeof(*entry));
	if (!entry)
		return false;
	*bytes_left -= more;
	l->entry = entry;
	l->cap = cap;
	return true;
}

bool weir_samplings_set(struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id, uint32_t rate,
			uint64_t *bytes_left)
{
	struct weir_sampling_list *l = &s->list[kind];
	uint32_t at = position(l, id);

	if (at == l->count || l->entry[at].id != id) {
		if (!reserve(l, bytes_left))
			return false;
		memmove(&l->entry[at + 1], &l->entry[at], (l->count - at) * sizeof(*l->entry));
		l->count++;
		s->changed = true;
	}
	s->changed = s->changed || l->entry[at].rate != rate;
	l->entry[at] = (struct weir_sampling){.id = id, .rate = rate};
	return true;
}

uint32_t weir_samplings_find(const struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id)
{
	const struct weir_sampling_list *l = &s->list[kind];
	uint32_t at = position(l, id);

	return at < l->count && l->entry[at].id == id ? l->entry[at].rate : 0;
}
