/* Three structures over one array of flows.
 *
 * The slab: flows by index, fresh ones from its end, freed ones from a list, so that memory which is never needed is never
 * touched. The table: open addressing with linear probing, at most half full; a slot has the index and 32 bits of the hash, so
 * that a miss mostly costs no look at a flow, and removal can shift the followers back without tombstones. The hash is XXH3 with a
 * random seed: whoever sends packets cannot aim them at one place.
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
	LINE_BYTES = 64, /* of the processor's cache */
};

struct slot {
	uint32_t tag;
	uint32_t index;
};

struct weir_flow_cache {
	struct weir_flow_cache_options options;
	unsigned shift;
	uint32_t mask;
	struct slot *slot; /* mask + 1, owned */
	struct weir_flow *flow; /* flows_max + 1, owned; the first is not used */
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
	return ((size_t)c->mask + 1) * sizeof(*c->slot);
}

static size_t flow_bytes(const struct weir_flow_cache *c)
{
	return ((size_t)c->options.flows_max + 1) * sizeof(*c->flow);
}

int weir_flow_cache_new(const struct weir_flow_cache_options *options, struct weir_flow_cache **ret_cache)
{
	struct weir_flow_cache *c;
	size_t slots = 2;

	if (!options->flows_max || options->flows_max > FLOWS_MAX || options->active_us <= 0 || options->inactive_us <= 0 ||
	    options->ended_us < 0 || options->ended_us > options->inactive_us)
		return -EINVAL;
	while (slots < (size_t)options->flows_max * 2)
		slots *= 2;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->mask = (uint32_t)(slots - 1);
	c->slot = reserve(slot_bytes(c));
	c->flow = reserve(flow_bytes(c));
	c->fresh = 1;
	while (options->inactive_us >> c->shift >= BUCKETS_USED)
		c->shift++;
	if (!c->slot || !c->flow) {
		weir_flow_cache_free(c);
		return -ENOMEM;
	}
	*ret_cache = c;
	return 0;
}

void weir_flow_cache_free(struct weir_flow_cache *cache)
{
	if (!cache)
		return;
	if (cache->slot)
		(void)munmap(cache->slot, slot_bytes(cache));
	if (cache->flow)
		(void)munmap(cache->flow, flow_bytes(cache));
	free(cache);
}

uint32_t weir_flow_cache_count(const struct weir_flow_cache *cache)
{
	return cache->count;
}

/* Ask for a flow's memory. */
static inline void near(const struct weir_flow *f)
{
	const char *at = (const char *)f;

	for (size_t i = 0; i < sizeof(*f); i += LINE_BYTES)
		__builtin_prefetch(at + i, 1);
}

uint32_t weir_flow_cache_hash(const struct weir_flow_cache *cache, const struct weir_flow_key *key)
{
	return (uint32_t)XXH3_64bits_withSeed(key, sizeof(*key), cache->options.seed);
}

void weir_flow_cache_near_slot(const struct weir_flow_cache *cache, uint32_t hash)
{
	__builtin_prefetch(&cache->slot[hash & cache->mask]);
}

void weir_flow_cache_near_flow(const struct weir_flow_cache *cache, uint32_t hash)
{
	const struct slot *slot = &cache->slot[hash & cache->mask];

	if (slot->tag == hash && slot->index)
		near(&cache->flow[slot->index]);
}

/* --- the wheel -------------------------------------------------------------------------------------------- */

/* When the flow ends unless another packet comes, and why. */
static int64_t deadline(const struct weir_flow_cache *c, const struct weir_flow *f, enum weir_flow_end *ret_reason)
{
	int64_t idle = f->last_us + c->options.inactive_us, active = f->first_us + c->options.active_us;

	if (f->ended) {
		*ret_reason = WEIR_FLOW_END_SEEN;
		return f->last_us + c->options.ended_us;
	}
	*ret_reason = idle < active ? WEIR_FLOW_END_IDLE : WEIR_FLOW_END_ACTIVE;
	return idle < active ? idle : active;
}

static void file(struct weir_flow_cache *c, uint32_t index, int64_t tick)
{
	struct weir_flow *f = &c->flow[index];

	if (tick < c->tick)
		tick = c->tick;
	if (tick < c->soonest)
		c->soonest = tick;
	f->bucket = (uint32_t)tick % BUCKETS;
	f->next = NONE;
	f->previous = c->tail[f->bucket];
	if (f->previous)
		c->flow[f->previous].next = index;
	else
		c->head[f->bucket] = index;
	c->tail[f->bucket] = index;
}

static void unfile(struct weir_flow_cache *c, const struct weir_flow *f)
{
	if (f->previous)
		c->flow[f->previous].next = f->next;
	else
		c->head[f->bucket] = f->next;
	if (f->next)
		c->flow[f->next].previous = f->previous;
	else
		c->tail[f->bucket] = f->previous;
}

/* --- the table -------------------------------------------------------------------------------------------- */

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
	struct weir_flow *f = &c->flow[index];
	uint32_t at = f->tag & c->mask;

	c->options.ended(c->options.ctx, f, reason);
	while (c->slot[at].index != index)
		at = (at + 1) & c->mask;
	remove_slot(c, at);
	unfile(c, f);
	f->next = c->free;
	c->free = index;
	c->count--;
}

/* --- time ------------------------------------------------------------------------------------------------- */

/* End what is due in a bucket, and file anew what is not. At most `most` flows are ended; returns how many. */
static uint32_t turn(struct weir_flow_cache *c, int64_t tick, uint32_t most, bool lack)
{
	uint32_t index = c->head[(uint32_t)tick % BUCKETS], ended = 0;

	while (index && ended < most) {
		struct weir_flow *f = &c->flow[index];
		uint32_t next = f->next;
		enum weir_flow_end reason;
		int64_t due = deadline(c, f, &reason) >> c->shift;

		near(&c->flow[next]);
		if (due <= tick) {
			end_flow(c, index, lack ? WEIR_FLOW_END_LACK : reason);
			ended++;
		} else {
			unfile(c, f);
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
		c->free = c->flow[index].next;
	else
		index = c->fresh++;
	c->count++;
	return index;
}

static struct weir_flow *add(struct weir_flow_cache *c, const struct weir_flow_key *key, uint32_t tag, int64_t now_us)
{
	struct weir_flow *f;
	enum weir_flow_end reason;
	uint32_t index, at;

	if (c->count == c->options.flows_max)
		make_room(c);
	index = take(c);
	f = &c->flow[index];
	*f = (struct weir_flow){.key = *key, .first_us = now_us, .last_us = now_us, .tag = tag};
	for (at = tag & c->mask; c->slot[at].index;)
		at = (at + 1) & c->mask;
	c->slot[at] = (struct slot){.tag = tag, .index = index};
	file(c, index, deadline(c, f, &reason) >> c->shift);
	return f;
}

/* Whether the flow's time was over when this packet came. */
static bool is_over(const struct weir_flow_cache *c, const struct weir_flow *f, int64_t now_us, bool restart,
		    enum weir_flow_end *ret_reason)
{
	int64_t due = deadline(c, f, ret_reason);

	if (f->ended && restart)
		return true;
	return *ret_reason == WEIR_FLOW_END_ACTIVE ? now_us >= due : now_us > due;
}

struct weir_flow *weir_flow_cache_find(struct weir_flow_cache *cache, const struct weir_flow_key *key, uint32_t hash,
				       int64_t now_us, bool restart, bool *ret_new)
{
	for (uint32_t at = hash & cache->mask; cache->slot[at].index; at = (at + 1) & cache->mask) {
		struct weir_flow *f = &cache->flow[cache->slot[at].index];
		enum weir_flow_end reason;

		if (cache->slot[at].tag != hash || memcmp(&f->key, key, sizeof(*key)) != 0)
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
	enum weir_flow_end reason;

	if (flow->ended)
		return;
	flow->ended = true;
	unfile(cache, flow);
	file(cache, (uint32_t)(flow - cache->flow), deadline(cache, flow, &reason) >> cache->shift);
}
