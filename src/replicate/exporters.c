/* An open-addressing hash table of pointers, of a size that is fixed by the ceiling. The hash is
 * seeded, for addresses of UDP are what anybody writes into them. Entries leave it together, when
 * it is full: what stays is put in anew. */
#include "replicate/exporters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define SILENT_MS      3600000
#define SWEEP_EVERY_MS 60000

int weir_replicate_exporters_init(struct weir_replicate_exporters *e, uint32_t max,
				  const struct weir_recall_limits *limits, uint64_t seed)
{
	*e = (struct weir_replicate_exporters){
		.slots = 16, .max = max, .store = {.limits = *limits, .seed = seed}
        };
	while (e->slots / 2 < max)
		e->slots *= 2;
	e->slot = calloc(e->slots, sizeof(*e->slot));
	return e->slot ? 0 : -ENOMEM;
}

static void exporter_free(struct weir_replicate_exporters *e, struct weir_replicate_exporter *x)
{
	weir_recall_done(&x->recall, &e->store);
	free(x);
	e->count--;
}

void weir_replicate_exporters_done(struct weir_replicate_exporters *e)
{
	for (uint32_t i = 0; e->slot && i < e->slots; i++) {
		if (e->slot[i])
			exporter_free(e, e->slot[i]);
	}
	free(e->slot);
	e->slot = NULL;
}

/* The entry's slot, or the free one where it belongs. */
static struct weir_replicate_exporter **find(const struct weir_replicate_exporters *e, const struct weir_addr *addr,
					     enum weir_replicate_protocol protocol)
{
	uint64_t i = XXH64(addr->byte, sizeof(addr->byte), e->store.seed + protocol);

	for (;; i++) {
		struct weir_replicate_exporter **at = &e->slot[i & (e->slots - 1)];

		if (!*at || ((*at)->protocol == protocol && memcmp(&(*at)->addr, addr, sizeof(*addr)) == 0))
			return at;
	}
}

/* Remove who was silent for long. */
static void sweep(struct weir_replicate_exporters *e, int64_t now_ms)
{
	struct weir_replicate_exporter **old = e->slot;

	if (e->swept_ms && now_ms - e->swept_ms < SWEEP_EVERY_MS)
		return;
	e->swept_ms = now_ms;
	e->slot = calloc(e->slots, sizeof(*e->slot));
	if (!e->slot) {
		e->slot = old;
		return;
	}
	e->last = NULL;
	for (uint32_t i = 0; i < e->slots; i++) {
		if (old[i] && now_ms - old[i]->seen_ms >= SILENT_MS)
			exporter_free(e, old[i]);
		else if (old[i])
			*find(e, &old[i]->addr, old[i]->protocol) = old[i];
	}
	free(old);
}

struct weir_replicate_exporter *weir_replicate_exporters_get(struct weir_replicate_exporters *e,
							     const struct weir_addr *addr,
							     enum weir_replicate_protocol protocol, int64_t now_ms,
							     bool *ret_new)
{
	struct weir_replicate_exporter **at;

	*ret_new = false;
	if (e->last && e->last->protocol == protocol && memcmp(&e->last->addr, addr, sizeof(*addr)) == 0) {
		e->last->seen_ms = now_ms;
		return e->last;
	}
	at = find(e, addr, protocol);
	if (!*at && e->count >= e->max) {
		sweep(e, now_ms);
		at = find(e, addr, protocol);
	}
	if (!*at) {
		if (e->count >= e->max)
			return NULL;
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return NULL;
		(*at)->addr = *addr;
		(*at)->protocol = protocol;
		e->count++;
		*ret_new = true;
	}
	(*at)->seen_ms = now_ms;
	e->last = *at;
	return *at;
}
