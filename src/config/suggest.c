#include "config/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/option.h"

#define WORD_MAX 32

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out, changed or swapped with their neighbour (optimal string alignment).
 * Words longer than WORD_MAX are like nothing. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3];
		const unsigned *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned changed = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);

			row[j] = least(above[j - 1] + changed, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

struct best {
	const char *word;
	size_t len;
	unsigned distance;
};

static void consider(struct best *best, const char *key, const char *word, size_t len)
{
	size_t key_len = strlen(key);
	unsigned d = distance(key, key_len, word, len);

	/* "password" is near enough to "password_file". */
	if (key_len >= 4 && key_len < len && strncasecmp(key, word, key_len) == 0)
		d = 1;
	if (d < best->distance)
		*best = (struct best){word, len, d};
}

void weir_config_suggest(const char *section, size_t section_len, const char *key, char *ret_next, size_t size)
{
	/* Beyond a third of its letters a word is another word. */
	struct best best = {.distance = (unsigned)strlen(key) / 3 + 2};

	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		size_t len = weir_config_section_len(o->path);

		if (len == section_len && memcmp(o->path, section, len) == 0)
			consider(&best, key, weir_config_name(o->path), strlen(weir_config_name(o->path)));
		else if (!section_len)
			consider(&best, key, o->path, len);
	}
	if (best.word) {
		(void)snprintf(ret_next, size, "did you mean \"%.*s\"?", (int)best.len, best.word);
		return;
	}
	/* The right name in the wrong place: a section was forgotten, or indentation. */
	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		if (strcmp(weir_config_name(o->path), key) != 0 && strcmp(o->path, key) != 0)
			continue;
		(void)snprintf(ret_next, size, "the option %s is written as \"%.*s:\" and, set in below it, \"%s:\"", o->path,
			       (int)weir_config_section_len(o->path), o->path, weir_config_name(o->path));
		if (!weir_config_section_len(o->path))
			(void)snprintf(ret_next, size, "\"%s:\" stands at the beginning of a line, in no section", o->path);
		return;
	}
	(void)snprintf(ret_next, size, "`weir config show` has all that there are");
}

void weir_printable(const char *text, char *ret_text, size_t size)
{
	size_t len = 0;

	for (; text[len] && len + 1 < size; len++)
		ret_text[len] = iscntrl((unsigned char)text[len]) ? '?' : text[len];
	ret_text[len] = '\0';
}
