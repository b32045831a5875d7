/* The injected clock: whoever needs the time is given one of these, so that tests decide what time it is.
 * Both functions may be called from any thread. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

#define WEIR_NS_PER_MS 1000000LL
#define WEIR_NS_PER_S  1000000000LL
#define WEIR_MS_PER_S  1000LL

struct weir_clock {
	int64_t (*wall_ns)(void *ctx); /* since 1970-01-01 UTC; may step */
	int64_t (*mono_ns)(void *ctx); /* since some moment; never goes back */
	void *ctx;                     /* borrowed */
};

/* The machine's own clock. */
extern const struct weir_clock weir_clock_system;

static inline int64_t weir_clock_wall_ns(const struct weir_clock *c)
{
	return c->wall_ns(c->ctx);
}

static inline int64_t weir_clock_mono_ns(const struct weir_clock *c)
{
	return c->mono_ns(c->ctx);
}

#endif
