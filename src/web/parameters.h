/* The parameters of a request: names and values from the URL's query string, the path, or a JSON object in the body, held
 * against a table of those that the route takes. What is not in the table, stands twice or has a value that cannot be is
 * refused: a misspelt parameter would change what is asked in silence. Pure; one thread. */
#ifndef WEIR_WEB_PARAMETERS_H
#define WEIR_WEB_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define WEIR_WEB_PARAMETERS_MAX 32
#define WEIR_WEB_BODY_MAX	(256UL * 1024)

enum weir_web_type {
	WEIR_WEB_TEXT,	 /* up to max bytes of UTF-8 without NUL, at least min */
	WEIR_WEB_NUMBER, /* min to max */
	WEIR_WEB_BOOL,	 /* true, false */
	WEIR_WEB_CHOICE, /* one of words, parted by '|' */
	WEIR_WEB_ID,	 /* 8 to 64 of A-Z a-z 0-9 _ - */
};

/* A row of a route's table, which a NULL name ends. */
struct weir_web_parameter {
	const char *name;
	enum weir_web_type type;
	bool required;
	uint64_t min, max;
	const char *words;
	const char *standard; /* as it would be written; NULL: none */
};

struct weir_web_parameters {
	const struct weir_web_parameter *table; /* borrowed */
	struct weir_buffer heap;		/* names and values, each with a NUL */
	struct {
		size_t name, value; /* in the heap */
	} item[WEIR_WEB_PARAMETERS_MAX];
	unsigned count;
};

void weir_web_parameters_init(struct weir_web_parameters *p);
void weir_web_parameters_done(struct weir_web_parameters *p);

/* All three: -EINVAL and err (where: the parameter) for what is none; -E2BIG for too many. */
int weir_web_parameters_add(struct weir_web_parameters *p, const char *name, size_t name_len, const char *value,
			    size_t value_len, struct weir_error *err) WEIR_MUST_CHECK;
/* "a=1&b=%20", percent-encoded. */
int weir_web_parameters_url(struct weir_web_parameters *p, const char *query, struct weir_error *err) WEIR_MUST_CHECK;
/* An object of texts, numbers, booleans and arrays of texts (joined by commas). */
int weir_web_parameters_json(struct weir_web_parameters *p, const void *body, size_t len, struct weir_error *err)
	WEIR_MUST_CHECK;
/* Hold all against the table. Then the getters are valid. */
int weir_web_parameters_check(struct weir_web_parameters *p, const struct weir_web_parameter *table,
			      struct weir_error *err) WEIR_MUST_CHECK;

/* What was given, or the table's standard, or NULL. */
const char *weir_web_text(const struct weir_web_parameters *p, const char *name);
/* Of NUMBER and BOOL; 0 and false where there is neither value nor standard. */
uint64_t weir_web_number(const struct weir_web_parameters *p, const char *name);
bool weir_web_bool(const struct weir_web_parameters *p, const char *name);
bool weir_web_given(const struct weir_web_parameters *p, const char *name);

/* Undo percent-encoding, and '+' for a blank where plus is set; -EINVAL for what is not encoded so, or has a NUL. */
int weir_web_decode(const char *text, size_t len, bool plus, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
