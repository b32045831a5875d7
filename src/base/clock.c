#include "base/clock.h"

#include <time.h>

static int64_t now_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return (int64_t)t.tv_sec * WEIR_NS_PER_S + t.tv_nsec;
}

static int64_t system_wall_ns(void *ctx)
{
	(void)ctx;
	return now_ns(CLOCK_REALTIME);
}

static int64_t system_mono_ns(void *ctx)
{
	(void)ctx;
	return now_ns(CLOCK_MONOTONIC);
}

const struct weir_clock weir_clock_system = {.wall_ns = system_wall_ns, .mono_ns = system_mono_ns};
