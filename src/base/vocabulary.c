/* Entries stand in one array whose pages are untouched until they are used, so that it is never moved under a reader;
 * texts in chunks that are never moved either. The hash table of numbers is for adding alone, under the lock. */
#include "base/vocabulary.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHUNK_BYTES 65536
#define SLOTS_FIRST 1024

const struct weir_vocabulary_limits weir_vocabulary_limits_default = {
	.names_max = 4U << 20,
	.bytes_max = 256U << 20,
};

struct chunk {
	struct chunk *next;
	size_t len;
	char text[CHUNK_BYTES];
};

struct weir_vocabulary {
	struct weir_vocabulary_limits limits;
	uint64_t seed;
	struct weir_word *name; /* by number; names_max of them */
	uint32_t names;		/* atomic */
	pthread_mutex_t lock;
	/* Under the lock. */
	struct chunk *chunk; /* the latest first */
	uint32_t *slot;	     /* numbers; 0: free */
	uint32_t slots;	     /* a power of two */
	uint64_t bytes;
	uint64_t refused;
};

int weir_vocabulary_new(const struct weir_vocabulary_limits *limits, uint64_t seed,
			struct weir_vocabulary **ret_vocabulary)
{
	struct weir_vocabulary *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->limits = *limits;
	v->seed = seed;
	v->names = 1;
	v->slots = SLOTS_FIRST;
	v->slot = calloc(v->slots, sizeof(*v->slot));
	v->name = calloc((size_t)limits->names_max + 1, sizeof(*v->name));
	if (!v->slot || !v->name || pthread_mutex_init(&v->lock, NULL)) {
		free(v->slot);
		free(v->name);
		free(v);
		return -ENOMEM;
	}
	v->name[0] = (struct weir_word){"", 0};
	*ret_vocabulary = v;
	return 0;
}

void weir_vocabulary_free(struct weir_vocabulary *v)
{
	if (!v)
		return;
	while (v->chunk) {
		struct chunk *next = v->chunk->next;

		free(v->chunk);
		v->chunk = next;
	}
	pthread_mutex_destroy(&v->lock);
	free(v->slot);
	free(v->name);
	free(v);
}

/* A name that is too long ends before the character that does not fit. */
static size_t cut(const char *text, size_t len)
{
	if (len <= WEIR_WORD_MAX)
		return len;
	len = WEIR_WORD_MAX;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len ? len : WEIR_WORD_MAX;
}

static uint32_t *find_slot(const struct weir_vocabulary *v, const char *text, size_t len)
{
	uint32_t mask = v->slots - 1;
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(text, len, v->seed) & mask;

	for (;; at = (at + 1) & mask) {
		const struct weir_word *name = &v->name[v->slot[at]];

		if (!v->slot[at] || (name->len == len && memcmp(name->text, text, len) == 0))
			return &v->slot[at];
	}
}

/* At most half of the slots are taken. */
static int grow_slots(struct weir_vocabulary *v)
{
	uint32_t *old = v->slot;

	if (v->names < v->slots / 2)
		return 0;
	v->slot = calloc((size_t)v->slots * 2, sizeof(*v->slot));
	if (!v->slot) {
		v->slot = old;
		return -ENOMEM;
	}
	v->slots *= 2;
	free(old);
	for (uint32_t id = 1; id < v->names; id++)
		*find_slot(v, v->name[id].text, v->name[id].len) = id;
	return 0;
}

static int put_text(struct weir_vocabulary *v, const char *text, size_t len, const char **ret_text)
{
	char *at;

	if (!v->chunk || CHUNK_BYTES - v->chunk->len < len + 1) {
		struct chunk *chunk = malloc(sizeof(*chunk));

		if (!chunk)
			return -ENOMEM;
		chunk->next = v->chunk;
		chunk->len = 0;
		v->chunk = chunk;
	}
	at = v->chunk->text + v->chunk->len;
	memcpy(at, text, len);
	at[len] = '\0';
	v->chunk->len += len + 1;
	*ret_text = at;
	return 0;
}

static int add_new(struct weir_vocabulary *v, const char *text, size_t len, uint32_t *ret_id)
{
	const char *copy;
	int rc;

	if (v->names > v->limits.names_max || len + 1 > v->limits.bytes_max - v->bytes) {
		v->refused++;
		return -ENOSPC;
	}
	rc = grow_slots(v);
	if (!rc)
		rc = put_text(v, text, len, &copy);
	if (rc)
		return rc;
	v->name[v->names] = (struct weir_word){copy, (uint32_t)len};
	*find_slot(v, text, len) = v->names;
	v->bytes += len + 1;
	*ret_id = v->names;
	__atomic_store_n(&v->names, v->names + 1, __ATOMIC_RELEASE);
	return 0;
}

int weir_vocabulary_add(struct weir_vocabulary *v, const char *text, size_t len, uint32_t *ret_id)
{
	uint32_t id;
	int rc = 0;

	len = cut(text, len);
	if (!len) {
		*ret_id = 0;
		return 0;
	}
	pthread_mutex_lock(&v->lock);
	id = *find_slot(v, text, len);
	if (!id)
		rc = add_new(v, text, len, &id);
	pthread_mutex_unlock(&v->lock);
	if (!rc)
		*ret_id = id;
	return rc;
}

struct weir_word weir_vocabulary_word(const struct weir_vocabulary *v, uint32_t id)
{
	if (!v || id >= __atomic_load_n(&v->names, __ATOMIC_ACQUIRE))
		return (struct weir_word){"", 0};
	return v->name[id];
}

bool weir_vocabulary_has_word(const struct weir_vocabulary *vocabulary, uint32_t id, const char *word)
{
	const char *at = weir_vocabulary_word(vocabulary, id).text;
	size_t len = strlen(word);

	for (size_t n = 0; *at; at += n + strspn(at + n, " ")) {
		n = strcspn(at, " ");
		if (n == len && strncasecmp(at, word, len) == 0)
			return true;
	}
	return false;
}

struct weir_vocabulary_stats weir_vocabulary_stats(struct weir_vocabulary *v)
{
	struct weir_vocabulary_stats stats;

	pthread_mutex_lock(&v->lock);
	stats = (struct weir_vocabulary_stats){.names = v->names - 1, .bytes = v->bytes, .refused = v->refused};
	pthread_mutex_unlock(&v->lock);
	return stats;
}
