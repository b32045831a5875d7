#include "wire/names.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 16

void weir_names_done(struct weir_names *names)
{
	free(names->entry);
	*names = (struct weir_names){0};
}

uint64_t weir_names_bytes(const struct weir_names *names)
{
	return names->cap * sizeof(*names->entry);
}

/* Where the entry of that id is, or belongs. */
static uint32_t position(const struct weir_names *names, uint64_t id)
{
	uint32_t low = 0;
	uint32_t high = names->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (names->entry[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool reserve(struct weir_names *names, uint64_t *bytes_left)
{
	uint32_t cap = names->cap ? names->cap * 2 : CAP_MIN;
	uint64_t more = (cap - names->cap) * sizeof(*names->entry);
	struct weir_name *entry;

	if (names->count < names->cap)
		return true;
	if (cap > WEIR_NAMES_MAX || more > *bytes_left)
		return false;
	entry = realloc(names->entry, cap * sizeof(*entry));
	if (!entry)
		return false;
	*bytes_left -= more;
	names->entry = entry;
	names->cap = cap;
	return true;
}

bool weir_names_set(struct weir_names *names, uint64_t id, enum weir_name_rank rank, const char *text, size_t len,
		    uint64_t *bytes_left)
{
	uint32_t at = position(names, id);
	size_t kept = len < WEIR_NAME_MAX ? len : WEIR_NAME_MAX;
	bool known = at < names->count && names->entry[at].id == id;

	if (known && rank < names->entry[at].rank)
		return true;
	if (known && names->entry[at].len == kept && memcmp(names->entry[at].text, text, kept) == 0) {
		names->entry[at].rank = (uint8_t)rank;
		return true;
	}
	if (!known) {
		if (!reserve(names, bytes_left))
			return false;
		memmove(&names->entry[at + 1], &names->entry[at], (names->count - at) * sizeof(*names->entry));
		names->count++;
	}
	names->changed = true;
	names->entry[at] = (struct weir_name){.id = id, .rank = (uint8_t)rank, .len = (uint8_t)kept};
	memcpy(names->entry[at].text, text, kept);
	return true;
}

struct weir_name *weir_names_find(const struct weir_names *names, uint64_t id)
{
	uint32_t at = position(names, id);

	return at < names->count && names->entry[at].id == id ? &names->entry[at] : NULL;
}
