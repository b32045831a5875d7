/* How long to wait before a process that ended by itself is started again: min at first, twice as long each time, up to
 * max; as at first once it has run for healthy. Pure: the caller has the time. */
#ifndef WEIR_SUPERVISE_BACKOFF_H
#define WEIR_SUPERVISE_BACKOFF_H

#include <stdint.h>

struct weir_backoff {
	int64_t min_ms;
	int64_t max_ms;
	int64_t healthy_ms;
	int64_t next_ms; /* what the next failure waits; 0 is min */
};

/* It ended after having run for so long: what to wait now. */
int64_t weir_backoff_fail(struct weir_backoff *backoff, int64_t ran_ms);

#endif
