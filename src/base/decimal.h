/* Numbers as decimal text, for output of millions of rows: no format string, no NUL. */
#ifndef WEIR_BASE_DECIMAL_H
#define WEIR_BASE_DECIMAL_H

#include <stdint.h>
#include <string.h>

#define WEIR_DECIMAL_MAX 20 /* digits of the largest uint64_t */

/* Writes at most WEIR_DECIMAL_MAX bytes at `at` and returns the end of what it wrote. */
static inline char *weir_decimal_put(char *at, uint64_t value)
{
	char digits[WEIR_DECIMAL_MAX];
	unsigned n = WEIR_DECIMAL_MAX;

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	memcpy(at, digits + n, WEIR_DECIMAL_MAX - n);
	return at + WEIR_DECIMAL_MAX - n;
}

/* Exactly `width` digits with leading zeros; higher ones are cut off. */
static inline char *weir_decimal_put_fixed(char *at, uint64_t value, unsigned width)
{
	for (unsigned i = width; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + width;
}

#endif
