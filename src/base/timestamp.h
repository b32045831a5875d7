/* Times as RFC 3339 has them, in UTC with milliseconds: "2026-01-31T12:00:00.000Z". The date is worked out once a
 * day: the times of flows that are written one after the other are close together. A timestamp is a cache and
 * belongs to one thread; {0} is a valid one. */
#ifndef WEIR_BASE_TIMESTAMP_H
#define WEIR_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_TIMESTAMP_LEN 24

struct weir_timestamp {
	bool valid;
	int64_t day; /* since 1970-01-01 */
	char date[10];
};

/* Writes WEIR_TIMESTAMP_LEN bytes without a NUL and returns their end. A time outside the years 0 to 9999, which
 * RFC 3339 cannot say, becomes the nearest that it can. */
char *weir_timestamp_put(struct weir_timestamp *cache, int64_t ms, char *at);

#endif
