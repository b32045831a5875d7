#include "base/clock_step.h"

static int64_t offset_ns(const struct weir_clock *clock)
{
	return weir_clock_wall_ns(clock) - weir_clock_mono_ns(clock);
}

void weir_clock_step_init(struct weir_clock_step *step, const struct weir_clock *clock)
{
	*step = (struct weir_clock_step){.offset_ns = offset_ns(clock)};
}

int64_t weir_clock_step_look(struct weir_clock_step *step, const struct weir_clock *clock)
{
	int64_t now = offset_ns(clock);
	int64_t moved = now - step->offset_ns;

	step->offset_ns = now;
	if (moved > -WEIR_CLOCK_STEP_LEAST_NS && moved < WEIR_CLOCK_STEP_LEAST_NS)
		return 0;
	step->total_ns += moved;
	step->steps++;
	return moved;
}
