/* A set hangs in two lists: that of all sets, oldest first, by which time runs out, and that of its bucket, by which
 * its template finds it. Buckets are chosen by a seeded hash of exporter and template, so that a peer who lets sets
 * wait cannot make the search for another template long. */
#include "wire/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/exporter.h"

int weir_waiting_init(struct weir_waiting *w, uint64_t bytes_max, int64_t wait_ms, uint64_t seed)
{
	*w = (struct weir_waiting){.bytes_max = bytes_max, .wait_ms = wait_ms, .seed = seed};
	w->bucket = calloc(WEIR_WAITING_BUCKETS, sizeof(*w->bucket));
	return w->bucket ? 0 : -ENOMEM;
}

void weir_waiting_done(struct weir_waiting *w)
{
	if (w->bucket)
		(void)weir_waiting_drop(w, INT64_MAX);
	free(w->bucket);
	w->bucket = NULL;
}

static struct weir_waiting_bucket *bucket_of(const struct weir_waiting *w, const struct weir_exporter *exporter,
					     uint16_t template_id)
{
	uint64_t h = ((uint64_t)(uintptr_t)exporter ^ w->seed) + template_id * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return &w->bucket[(h ^ h >> 32) % WEIR_WAITING_BUCKETS];
}

bool weir_waiting_put(struct weir_waiting *w, const struct weir_waiting_set *set, const uint8_t *data)
{
	struct weir_waiting_bucket *b = bucket_of(w, set->exporter, set->template_id);
	uint32_t bytes = (uint32_t)sizeof(*set) + set->len;
	struct weir_waiting_set *made;

	if (bytes > w->bytes_max - w->bytes || set->exporter->waiting_bytes + bytes > w->bytes_max / WEIR_WAITING_SHARE)
		return false;
	made = malloc(bytes);
	if (!made)
		return false;
	*made = *set;
	memcpy(made->data, data, set->len);
	made->bytes = bytes;
	made->next = NULL;
	made->newer = NULL;
	made->older = w->newest;
	*(w->newest ? &w->newest->newer : &w->oldest) = made;
	w->newest = made;
	*(b->last ? &b->last->next : &b->first) = made;
	b->last = made;
	w->bytes += bytes;
	made->exporter->waiting_bytes += bytes;
	return true;
}

/* previous: the one before it in its bucket, or NULL. */
static void unlink_set(struct weir_waiting *w, struct weir_waiting_bucket *b, struct weir_waiting_set *previous,
		       struct weir_waiting_set *s)
{
	*(previous ? &previous->next : &b->first) = s->next;
	if (b->last == s)
		b->last = previous;
	*(s->older ? &s->older->newer : &w->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &w->newest) = s->older;
	w->bytes -= s->bytes;
	s->exporter->waiting_bytes -= s->bytes;
}

struct weir_waiting_set *weir_waiting_take(struct weir_waiting *w, const struct weir_exporter *exporter,
					   uint16_t template_id)
{
	struct weir_waiting_bucket *b = bucket_of(w, exporter, template_id);
	struct weir_waiting_set *previous = NULL;

	for (struct weir_waiting_set *s = b->first; s; previous = s, s = s->next) {
		if (s->exporter != exporter || s->template_id != template_id)
			continue;
		unlink_set(w, b, previous, s);
		return s;
	}
	return NULL;
}

/* The one before it in its bucket, or NULL. */
static struct weir_waiting_set *before(const struct weir_waiting_bucket *b, const struct weir_waiting_set *s)
{
	struct weir_waiting_set *previous = NULL;

	for (struct weir_waiting_set *at = b->first; at != s; at = at->next)
		previous = at;
	return previous;
}

uint32_t weir_waiting_drop_exporter(struct weir_waiting *w, const struct weir_exporter *exporter)
{
	uint32_t dropped = 0;

	for (struct weir_waiting_set *s = w->oldest, *newer; s && exporter->waiting_bytes; s = newer) {
		struct weir_waiting_bucket *b;

		newer = s->newer;
		if (s->exporter != exporter)
			continue;
		b = bucket_of(w, exporter, s->template_id);
		unlink_set(w, b, before(b, s), s);
		free(s);
		dropped++;
	}
	return dropped;
}

uint32_t weir_waiting_drop(struct weir_waiting *w, int64_t before_ms)
{
	uint32_t dropped = 0;

	while (w->oldest && w->oldest->clock_ms < before_ms) {
		struct weir_waiting_set *s = w->oldest;

		/* The oldest of all is the oldest of its bucket. */
		s->exporter->account.stats.fault[WEIR_FAULT_TEMPLATE_MISSING]++;
		unlink_set(w, bucket_of(w, s->exporter, s->template_id), NULL, s);
		free(s);
		dropped++;
	}
	return dropped;
}
