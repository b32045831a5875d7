/* Slows down who guesses passwords: after WEIR_WEB_TRIES failures in a row each further one doubles the wait, for the
 * address it comes from (IPv6: its /64) and, with a lower ceiling so that nobody is locked out by others, for the name.
 * The table is of fixed size and seeded; the oldest entry makes room. The caller locks; times are monotonic. */
#ifndef WEIR_WEB_LIMITER_H
#define WEIR_WEB_LIMITER_H

#include <stdint.h>

#include "flow/addr.h"

#define WEIR_WEB_TRIES	       5
#define WEIR_WEB_LIMITER_ROWS  4096
#define WEIR_WEB_WAIT_ADDR_S   300
#define WEIR_WEB_WAIT_NAME_S   30

struct weir_web_limiter {
	uint64_t seed;
	struct weir_web_limiter_row {
		uint64_t key; /* 0: free */
		uint32_t failures;
		int64_t last_ns;
		int64_t until_ns;
	} row[WEIR_WEB_LIMITER_ROWS];
};

/* How many seconds this address and name must still wait; 0: try. */
unsigned weir_web_limiter_wait_s(const struct weir_web_limiter *limiter, const struct weir_addr *addr, const char *name,
				 int64_t now_ns);
void weir_web_limiter_failed(struct weir_web_limiter *limiter, const struct weir_addr *addr, const char *name, int64_t now_ns);
void weir_web_limiter_succeeded(struct weir_web_limiter *limiter, const struct weir_addr *addr, const char *name);

#endif
