/* Sizes ("64M") and durations ("90d", "1h", "500ms") as text. Pure; any thread. */
#ifndef WEIR_CONFIG_QUANTITY_H
#define WEIR_CONFIG_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* -EINVAL: not of this form. -ERANGE: more than 64 bits. */
int weir_number_parse(const char *text, uint64_t *ret_value) WEIR_MUST_CHECK;
/* Bytes, in powers of 1024: "1048576", "64M", "64MB", "64MiB". */
int weir_size_parse(const char *text, uint64_t *ret_bytes) WEIR_MUST_CHECK;
/* A whole number and one of ms, s, m, h, d, w, y (365 days); only 0 needs no unit. */
int weir_duration_parse(const char *text, uint64_t *ret_ms) WEIR_MUST_CHECK;

/* In the largest unit that divides the value. size 32 is enough. */
/* Bits a second: a number, perhaps with a point, and k, M, G or T of powers of 1000. -EINVAL. */
int weir_rate_parse(const char *text, uint64_t *ret_bps) WEIR_MUST_CHECK;

void weir_size_print(uint64_t bytes, char *ret_text, size_t size);
void weir_duration_print(uint64_t ms, char *ret_text, size_t size);

#endif
