/* Names that stand for themselves in few bytes: each text once, with a number. Columns of names hold the numbers.
 *
 * The table only grows, to a ceiling: a name is never moved, changed or taken away, so a number that a thread has got
 * by a release and an acquire (with a snapshot that was loaded, say) can be read without a lock for as long as the
 * vocabulary lives. Adding takes a lock, and any thread may add. Names come from the configuration and from data files, and are
 * never made of what a peer sends without a bound.
 *
 * Number 0 is the empty name, which means that nothing is known. */
#ifndef WEIR_BASE_VOCABULARY_H
#define WEIR_BASE_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_WORD_MAX 255 /* bytes; what is longer is cut at a character of UTF-8 */

struct weir_word {
	const char *text; /* NUL-terminated */
	uint32_t len;
};

struct weir_vocabulary_limits {
	uint32_t names_max;
	size_t bytes_max; /* of their texts */
};

extern const struct weir_vocabulary_limits weir_vocabulary_limits_default; /* 4 Mi names, 256 MiB */

struct weir_vocabulary;

int weir_vocabulary_new(const struct weir_vocabulary_limits *limits, uint64_t seed,
			struct weir_vocabulary **ret_vocabulary) WEIR_MUST_CHECK;
void weir_vocabulary_free(struct weir_vocabulary *vocabulary);

/* The number of a name, new or known. -ENOSPC: the ceiling is reached (counted); -ENOMEM. */
int weir_vocabulary_add(struct weir_vocabulary *vocabulary, const char *text, size_t len, uint32_t *ret_id) WEIR_MUST_CHECK;

/* Without a lock. The empty name for a number that was not given, and where there is no vocabulary. */
struct weir_word weir_vocabulary_word(const struct weir_vocabulary *vocabulary, uint32_t id);

/* Is word, without case, one of the words of a name that are parted by blanks ("dns ntp")? Without a lock. */
bool weir_vocabulary_has_word(const struct weir_vocabulary *vocabulary, uint32_t id, const char *word);

struct weir_vocabulary_stats {
	uint64_t names;
	uint64_t bytes;
	uint64_t refused; /* names that were not taken in for want of room */
};

struct weir_vocabulary_stats weir_vocabulary_stats(struct weir_vocabulary *vocabulary);

#endif
