/* An error as a person reads it: what happened, where, and what to do next.
 *
 * A function that can fail returns 0 or a negative errno value; one whose failure a person reads also fills
 * a struct weir_error that the caller owns. The texts are copied and cut to fit. Only src/cli prints them,
 * as "weir: WHERE: WHAT; NEXT".
 */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#define WEIR_MUST_CHECK __attribute__((warn_unused_result))

struct weir_error {
	char where[256]; /* a file and line, an address, a configuration key; may be empty */
	char what[512];  /* the cause */
	char next[256];  /* the next step for the person; may be empty */
};

/* Fill err (NULL is allowed) and return code, so that a caller can write `return weir_error_set(...)`.
 * where and next may be NULL. */
int weir_error_set(struct weir_error *err, int code, const char *where, const char *next,
		   const char *what_fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
