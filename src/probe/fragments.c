#include "probe/fragments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Hashed and compared as bytes: no padding. */
struct key {
	struct weir_addr src, dst;
	uint32_t id;
	uint32_t proto;
};

struct place {
	struct key key;
	int64_t seen_us;
	uint16_t src_port, dst_port;
	bool used;
};

struct weir_fragments {
	uint64_t seed;
	struct place place[WEIR_FRAGMENTS_MAX];
};

int weir_fragments_new(uint64_t seed, struct weir_fragments **ret_fragments)
{
	struct weir_fragments *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->seed = seed;
	*ret_fragments = f;
	return 0;
}

void weir_fragments_free(struct weir_fragments *fragments)
{
	free(fragments);
}

static struct key key_of(const struct weir_packet *p)
{
	return (struct key){.src = p->src_addr, .dst = p->dst_addr, .id = p->fragment_id, .proto = p->proto};
}

static uint32_t place_of(const struct weir_fragments *f, const struct key *key)
{
	return (uint32_t)XXH3_64bits_withSeed(key, sizeof(*key), f->seed) % WEIR_FRAGMENTS_MAX;
}

void weir_fragments_put(struct weir_fragments *fragments, const struct weir_packet *p, int64_t now_us, uint16_t src_port,
			uint16_t dst_port)
{
	struct key key = key_of(p);

	fragments->place[place_of(fragments, &key)] =
		(struct place){.key = key, .seen_us = now_us, .src_port = src_port, .dst_port = dst_port, .used = true};
}

bool weir_fragments_get(const struct weir_fragments *fragments, const struct weir_packet *p, int64_t now_us,
			uint16_t *ret_src_port, uint16_t *ret_dst_port)
{
	struct key key = key_of(p);
	const struct place *at = &fragments->place[place_of(fragments, &key)];

	if (!at->used || memcmp(&at->key, &key, sizeof(key)) != 0 || now_us - at->seen_us > WEIR_FRAGMENT_LIFE_US)
		return false;
	*ret_src_port = at->src_port;
	*ret_dst_port = at->dst_port;
	return true;
}
