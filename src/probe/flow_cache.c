/* Three structures over one array of flows.
 *
 * The slab: flows by index, fresh ones from its end, freed ones from a list, so that memory which is never needed is never
 * touched. Each has a link beside it, in an array of its own, so that lists can be gone along without touching the flows. The table: open addressing with linear probing, at most half full; a slot has the index and 32 bits of the hash, so
 * that a miss mostly costs no look at a flow, and removal can shift the followers back without tombstones. The hash is XXH3 with a
 * random seed: whoever sends packets cannot aim them at one place. The table grows by doubling, up to what flows_max needs: one
 * that is mostly empty spreads a few flows over all of its pages, and each packet would wait for one (a fifth of the time).
 * One of n slots has the places n to 2n of the memory that was reserved at the beginning, so that growing cannot fail.
 *
 * The wheel: buckets of 2^shift microseconds, each with a list of flows. A flow is filed under the time when it would
 * end by what is known then, and stays there while packets move that time on; only when the wheel comes to its bucket is it
 * looked at again, and ended or filed anew. So a packet costs no list operation. (A list in order of last use, the
 * textbook's way, costs each packet six writes to three flows.) Every time is at most inactive_us ahead, so the wheel
 * needs no second level.
 *
 * A million flows are in no processor's cache: a packet would wait for memory twice, for its slot and for its flow, longer than all
 * the rest takes. So the meter tells a batch of hashes first (weir_flow_cache_near_slot, …_flow), and memory is asked for many at a
 * time; and the arrays are on large pages where the system has them.
 *
 * A full cache takes the first flow of the soonest bucket whose time stands; flows found there that had packets since
 * are filed anew, each once for a packet at most. */
#include "probe/flow_cache.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	BUCKETS = 1024,
	BUCKETS_USED = 1000, /* inactive_us takes no more of them */
	FLOWS_MAX = 1 << 28,
	NONE = 0, /* an index; flows count from 1 */
	SLOTS_MIN = 1 << 12,
	AHEAD = 4, /* flows of a bucket whose memory is asked for before they come */
};

struct slot {
	uint32_t tag;
	uint32_t index;
};

/* A flow's place: the hash that leads to its slot, and its bucket of the wheel, a list by index. */
struct link {
	uint32_t tag, next, previous, bucket;
};

struct weir_flow_cache {
	struct weir_flow_cache_options options;
	unsigned shift;
	size_t slots_max;
	struct slot *slots; /* of all tables that there can be, 2 * slots_max, owned */
	struct slot *slot;  /* the present table, mask + 1 */
	uint32_t mask;
	struct weir_flow *flow; /* flows_max + 1, owned; the first is not used */
	struct link *link;	/* the same */
	uint32_t fresh;	   /* the first that was never used */
	uint32_t free;	   /* list by next */
	uint32_t count;
	bool started;
	int64_t now_us; /* the latest */
	int64_t tick;	/* of the wheel: buckets before it are empty */
	int64_t soonest; /* no flow is in a bucket before it */
	uint32_t head[BUCKETS], tail[BUCKETS]; /* lists in the order of filing */
};

/* Zeroed memory that costs nothing before it is touched. */
static void *reserve(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static size_t slot_bytes(const struct weir_flow_cache *c)
{
	return 2 * c->slots_max * sizeof(*c->slot);
}

static size_t flow_bytes(const struct weir_flow_cache *c)
{
	return ((size_t)c->options.flows_max + 1) * sizeof(*c->flow);
}

static size_t link_bytes(const struct weir_flow_cache *c)
{
	return ((size_t)c->options.flows_max + 1) * sizeof(*c->link);
}

int weir_flow_cache_new(const struct weir_flow_cache_options *options, struct weir_flow_cache **ret_cache)
{
	struct weir_flow_cache *c;
	size_t slots = SLOTS_MIN;

	if (!options->flows_max || options->flows_max > FLOWS_MAX || options->active_us <= 0 || options->inactive_us <= 0 ||
	    options->ended_us < 0 || options->ended_us > options->inactive_us)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->slots_max = slots;
	while (c->slots_max < (size_t)options->flows_max * 2)
		c->slots_max *= 2;
	c->slots = reserve(slot_bytes(c));
	c->flow = reserve(flow_bytes(c));
	c->link = reserve(link_bytes(c));
	c->fresh = 1;
	while (options->inactive_us >> c->shift >= BUCKETS_USED)
		c->shift++;
	if (!c->slots || !c->flow || !c->link) {
		weir_flow_cache_free(c);
		return -ENOMEM;
	}
	c->slot = c->slots + slots;
	c->mask = (uint32_t)(slots - 1);
	*ret_cache = c;
	return 0;
}

void weir_flow_cache_free(struct weir_flow_cache *cache)
{
	if (!cache)
		return;
	if (cache->slots)
		(void)munmap(cache->slots, slot_bytes(cache));
	if (cache->flow)
		(void)munmap(cache->flow, flow_bytes(cache));
	if (cache->link)
		(void)munmap(cache->link, link_bytes(cache));
	free(cache);
}

uint32_t weir_flow_cache_count(const struct weir_flow_cache *cache)
{
	return cache->count;
}

uint32_t weir_flow_cache_hash(const struct weir_flow_cache *cache, const struct weir_flow_key *key)
{
	return (uint32_t)XXH3_64bits_withSeed(key, sizeof(*key), cache->options.seed);
}

void weir_flow_cache_near_slot(const struct weir_flow_cache *cache, uint32_t hash)
{
	__builtin_prefetch(&cache->slot[hash & cache->mask]);
}

void weir_flow_cache_near_flow(const struct weir_flow_cache *cache, uint32_t hash, unsigned half)
{
	const struct slot *slot = &cache->slot[hash & cache->mask];
	const struct weir_flow *f = &cache->flow[slot->index];

	if (slot->tag != hash || !slot->index)
		return;
	__builtin_prefetch(f, 1);
	__builtin_prefetch(&f->half[half], 1);
}

/* --- the wheel -------------------------------------------------------------------------------------------- */

/* When the flow ends unless another packet comes, and why. */
static int64_t deadline(const struct weir_flow_cache *c, const struct weir_flow *f, enum weir_flow_end *ret_reason)
{
	int64_t idle = f->last_us + c->options.inactive_us, active = f->first_us + c->options.active_us;

	if (f->key.state & WEIR_FLOW_ENDED) {
		*ret_reason = WEIR_FLOW_END_SEEN;
		return f->last_us + c->options.ended_us;
	}
	*ret_reason = idle < active ? WEIR_FLOW_END_IDLE : WEIR_FLOW_END_ACTIVE;
	return idle < active ? idle : active;
}

static void file(struct weir_flow_cache *c, uint32_t index, int64_t tick)
{
	struct link *l = &c->link[index];

	if (tick < c->tick)
		tick = c->tick;
	if (tick < c->soonest)
		c->soonest = tick;
	l->bucket = (uint32_t)tick % BUCKETS;
	l->next = NONE;
	l->previous = c->tail[l->bucket];
	if (l->previous)
		c->link[l->previous].next = index;
	else
		c->head[l->bucket] = index;
	c->tail[l->bucket] = index;
}

static void unfile(struct weir_flow_cache *c, uint32_t index)
{
	const struct link *l = &c->link[index];

	if (l->previous)
		c->link[l->previous].next = l->next;
	else
		c->head[l->bucket] = l->next;
	if (l->next)
		c->link[l->next].previous = l->previous;
	else
		c->tail[l->bucket] = l->previous;
}

/* --- the table -------------------------------------------------------------------------------------------- */

static void put_slot(struct weir_flow_cache *c, uint32_t tag, uint32_t index)
{
	uint32_t at = tag & c->mask;

	while (c->slot[at].index)
		at = (at + 1) & c->mask;
	c->slot[at] = (struct slot){.tag = tag, .index = index};
}

/* Move to the table of twice the size, which is zero: it was never used. */
static void grow(struct weir_flow_cache *c)
{
	struct slot *old = c->slot;
	size_t slots = (size_t)c->mask + 1;

	c->slot = c->slots + 2 * slots;
	c->mask = (uint32_t)(2 * slots - 1);
	for (size_t i = 0; i < slots; i++) {
		if (old[i].index)
			put_slot(c, old[i].tag, old[i].index);
	}
	(void)madvise(old, slots * sizeof(*old), MADV_DONTNEED);
}

/* The followers of a freed slot move back to where they would have been without it. */
static void remove_slot(struct weir_flow_cache *c, uint32_t at)
{
	uint32_t hole = at;

	for (;;) {
		uint32_t home;

		at = (at + 1) & c->mask;
		if (!c->slot[at].index)
			break;
		home = c->slot[at].tag & c->mask;
		/* It may go to the hole unless its home lies behind that. */
		if (((at - home) & c->mask) >= ((at - hole) & c->mask)) {
			c->slot[hole] = c->slot[at];
			hole = at;
		}
	}
	c->slot[hole] = (struct slot){0};
}

static void end_flow(struct weir_flow_cache *c, uint32_t index, enum weir_flow_end reason)
{
	uint32_t at = c->link[index].tag & c->mask;

	c->options.ended(c->options.ctx, &c->flow[index], reason);
	while (c->slot[at].index != index)
		at = (at + 1) & c->mask;
	remove_slot(c, at);
	unfile(c, index);
	c->link[index].next = c->free;
	c->free = index;
	c->count--;
}

/* --- time ------------------------------------------------------------------------------------------------- */

/* Ask for the memory of a flow that is about to be ended. */
static inline void near(const struct weir_flow_cache *c, uint32_t index)
{
	const char *at = (const char *)&c->flow[index];

	for (size_t i = 0; i < sizeof(struct weir_flow); i += WEIR_FLOW_LINE)
		__builtin_prefetch(at + i, 1);
	__builtin_prefetch(&c->slot[c->link[index].tag & c->mask], 1);
}

/* End what is due in a bucket, and file anew what is not. At most `most` flows are ended; returns how many. */
static uint32_t turn(struct weir_flow_cache *c, int64_t tick, uint32_t most, bool lack)
{
	uint32_t index = c->head[(uint32_t)tick % BUCKETS], ahead = index, ended = 0;

	for (unsigned i = 0; i < AHEAD && most > 1; i++, ahead = c->link[ahead].next)
		near(c, ahead);
	while (index && ended < most) {
		uint32_t next = c->link[index].next;
		enum weir_flow_end reason;
		int64_t due = deadline(c, &c->flow[index], &reason) >> c->shift;

		near(c, ahead);
		ahead = c->link[ahead].next;
		if (due <= tick) {
			end_flow(c, index, lack ? WEIR_FLOW_END_LACK : reason);
			ended++;
		} else {
			unfile(c, index);
			file(c, index, due);
		}
		index = next;
	}
	return ended;
}

static void jump(struct weir_flow_cache *c, int64_t now_us)
{
	c->tick = c->soonest = now_us >> c->shift;
	c->now_us = now_us;
	c->started = true;
}

void weir_flow_cache_advance(struct weir_flow_cache *cache, int64_t now_us)
{
	int64_t to = now_us >> cache->shift;

	/* Mostly nothing is due. */
	if (now_us >= cache->now_us && to == cache->tick && cache->started) {
		cache->now_us = now_us;
		return;
	}
	if (!cache->started || now_us < cache->now_us - cache->options.inactive_us) {
		weir_flow_cache_flush(cache, WEIR_FLOW_END_FORCED);
		jump(cache, now_us);
		return;
	}
	if (now_us > cache->now_us)
		cache->now_us = now_us;
	if (to <= cache->tick)
		return;
	if (!cache->count || to - cache->tick > BUCKETS) {
		/* All of the wheel is behind; flows filed in any bucket are looked at. */
		for (int64_t tick = to - BUCKETS; cache->count && tick < to; tick++)
			(void)turn(cache, tick, UINT32_MAX, false);
		cache->tick = to;
	}
	for (; cache->tick < to; cache->tick++)
		(void)turn(cache, cache->tick, UINT32_MAX, false);
	if (cache->soonest < cache->tick)
		cache->soonest = cache->tick;
}

static void make_room(struct weir_flow_cache *c)
{
	while (!turn(c, c->soonest, 1, true))
		c->soonest++;
}

void weir_flow_cache_flush(struct weir_flow_cache *cache, enum weir_flow_end reason)
{
	/* By the order of their ends, as if time had gone on. */
	for (int64_t tick = cache->tick; cache->count && tick < cache->tick + BUCKETS; tick++) {
		uint32_t index;

		while ((index = cache->head[(uint32_t)tick % BUCKETS]))
			end_flow(cache, index, reason);
	}
}

/* --- finding ---------------------------------------------------------------------------------------------- */

static uint32_t take(struct weir_flow_cache *c)
{
	uint32_t index = c->free;

	if (index)
		c->free = c->link[index].next;
	else
		index = c->fresh++;
	c->count++;
	return index;
}

static struct weir_flow *add(struct weir_flow_cache *c, const struct weir_flow_key *key, uint32_t tag, int64_t now_us)
{
	struct weir_flow *f;
	enum weir_flow_end reason;
	uint32_t index;

	if (c->count == c->options.flows_max)
		make_room(c);
	if ((size_t)c->count * 2 >= c->mask && (size_t)c->mask + 1 < c->slots_max)
		grow(c);
	index = take(c);
	f = &c->flow[index];
	*f = (struct weir_flow){.key = *key, .first_us = now_us, .last_us = now_us};
	c->link[index].tag = tag;
	put_slot(c, tag, index);
	file(c, index, deadline(c, f, &reason) >> c->shift);
	return f;
}

/* All but the state. */
static inline bool is_same(const struct weir_flow_key *a, const struct weir_flow_key *b)
{
	enum { COMPARED = offsetof(struct weir_flow_key, state), WORD = sizeof(uint64_t) };
	const char *x = (const char *)a, *y = (const char *)b;
	uint64_t differs = 0;

	for (size_t i = 0; i < COMPARED; i += WORD) {
		size_t at = i + WORD > COMPARED ? COMPARED - WORD : i;
		uint64_t u, v;

		memcpy(&u, x + at, WORD);
		memcpy(&v, y + at, WORD);
		differs |= u ^ v;
	}
	return !differs;
}

/* Whether the flow's time was over when this packet came. */
static bool is_over(const struct weir_flow_cache *c, const struct weir_flow *f, int64_t now_us, bool restart,
		    enum weir_flow_end *ret_reason)
{
	int64_t due = deadline(c, f, ret_reason);

	if (f->key.state & WEIR_FLOW_ENDED && restart)
		return true;
	return *ret_reason == WEIR_FLOW_END_ACTIVE ? now_us >= due : now_us > due;
}

struct weir_flow *weir_flow_cache_find(struct weir_flow_cache *cache, const struct weir_flow_key *key, uint32_t hash,
				       int64_t now_us, bool restart, bool *ret_new)
{
	for (uint32_t at = hash & cache->mask; cache->slot[at].index; at = (at + 1) & cache->mask) {
		struct weir_flow *f = &cache->flow[cache->slot[at].index];
		enum weir_flow_end reason;

		if (cache->slot[at].tag != hash || !is_same(&f->key, key))
			continue;
		if (is_over(cache, f, now_us, restart, &reason)) {
			end_flow(cache, cache->slot[at].index, reason);
			break;
		}
		*ret_new = false;
		return f;
	}
	*ret_new = true;
	return add(cache, key, hash, now_us);
}

void weir_flow_cache_end(struct weir_flow_cache *cache, struct weir_flow *flow)
{
	uint32_t index = (uint32_t)(flow - cache->flow);
	enum weir_flow_end reason;

	if (flow->key.state & WEIR_FLOW_ENDED)
		return;
	flow->key.state |= WEIR_FLOW_ENDED;
	unfile(cache, index);
	file(cache, index, deadline(cache, flow, &reason) >> cache->shift);
}
