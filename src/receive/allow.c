/* The networks as ranges, sorted and without overlap, so that an address is found by halving: a list of thousands costs
 * a datagram some ten comparisons. */
#include "receive/allow.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct range {
	struct weir_addr first;
	struct weir_addr last;
};

struct ranges {
	struct ranges *before; /* that was in force before it; owned */
	unsigned count;
	struct range range[];
};

struct weir_allow {
	_Atomic(struct ranges *) current; /* owned */
};

static int parse(const char *text, struct range *ret_range)
{
	char address[WEIR_ADDR_TEXT_MAX];
	size_t len = strcspn(text, "/");
	unsigned long bits = 128;
	char *end;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (weir_addr_parse(address, &ret_range->first))
		return -EINVAL;
	if (text[len]) {
		bool v4 = strchr(address, ':') == NULL;

		bits = strtoul(text + len + 1, &end, 10);
		if (*end || end == text + len + 1 || bits > (v4 ? 32 : 128))
			return -EINVAL;
		bits += v4 ? 96 : 0;
	}
	ret_range->last = ret_range->first;
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits > i * 8 ? (unsigned)(bits - i * 8) : 0;
		uint8_t mask = (uint8_t)(kept >= 8 ? 0xffU : 0xffU << (8 - kept));

		ret_range->first.byte[i] = (uint8_t)(ret_range->first.byte[i] & mask);
		ret_range->last.byte[i] = (uint8_t)(ret_range->last.byte[i] | ~mask);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a;
	const struct range *y = b;

	return memcmp(&x->first, &y->first, sizeof(x->first));
}

/* Sorted by their beginnings, a range that begins within another ends no later than it: prefixes nest. */
static void merge(struct ranges *allow)
{
	unsigned kept = 0;

	qsort(allow->range, allow->count, sizeof(allow->range[0]), compare);
	for (unsigned i = 0; i < allow->count; i++) {
		struct range *before = kept ? &allow->range[kept - 1] : NULL;

		if (!before || memcmp(&allow->range[i].first, &before->last, sizeof(before->last)) > 0)
			allow->range[kept++] = allow->range[i];
		else if (memcmp(&allow->range[i].last, &before->last, sizeof(before->last)) > 0)
			before->last = allow->range[i].last;
	}
	allow->count = kept;
}

static int make(const char *const *list, unsigned count, struct ranges **ret_ranges, struct weir_error *err)
{
	struct ranges *r = calloc(1, sizeof(*r) + count * sizeof(r->range[0]));

	if (!r)
		return weir_error_set(err, -ENOMEM, "collect.allow", NULL, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		if (parse(list[i], &r->range[i])) {
			free(r);
			return weir_error_set(err, -EINVAL, "collect.allow", "write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1",
					      "\"%s\" is no network and no address", list[i]);
		}
	}
	r->count = count;
	merge(r);
	*ret_ranges = r;
	return 0;
}

int weir_allow_new(const char *const *list, unsigned count, struct weir_allow **ret_allow, struct weir_error *err)
{
	struct weir_allow *allow = calloc(1, sizeof(*allow));
	struct ranges *ranges = NULL;
	int rc = allow ? make(list, count, &ranges, err) : weir_error_set(err, -ENOMEM, "collect.allow", NULL, "out of memory");

	if (rc) {
		free(allow);
		return rc;
	}
	atomic_init(&allow->current, ranges);
	*ret_allow = allow;
	return 0;
}

int weir_allow_replace(struct weir_allow *allow, const char *const *list, unsigned count, struct weir_error *err)
{
	struct ranges *ranges = NULL;
	int rc = make(list, count, &ranges, err);

	if (rc)
		return rc;
	ranges->before = atomic_load_explicit(&allow->current, memory_order_relaxed);
	atomic_store_explicit(&allow->current, ranges, memory_order_release);
	return 0;
}

void weir_allow_free(struct weir_allow *allow)
{
	struct ranges *r = allow ? atomic_load(&allow->current) : NULL;

	while (r) {
		struct ranges *before = r->before;

		free(r);
		r = before;
	}
	free(allow);
}

bool weir_allow_has(const struct weir_allow *allow, const struct weir_addr *addr)
{
	const struct ranges *r = allow ? atomic_load_explicit(&allow->current, memory_order_acquire) : NULL;
	unsigned low = 0;
	unsigned high;

	if (!r || !r->count)
		return true;
	/* The last range that begins at or before the address. */
	for (high = r->count; low < high;) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp(&r->range[middle].first, addr, sizeof(*addr)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && memcmp(addr, &r->range[low - 1].last, sizeof(*addr)) <= 0;
}
