/* Notices when somebody sets the wall clock: it then moves otherwise than the clock that nobody sets. NTP's slewing (at most
 * 0.5 ms a second) is no step; waking from a suspend looks like one. Owned by one thread. */
#ifndef WEIR_BASE_CLOCK_STEP_H
#define WEIR_BASE_CLOCK_STEP_H

#include "base/clock.h"

#define WEIR_CLOCK_STEP_LEAST_NS WEIR_NS_PER_S

struct weir_clock_step {
	int64_t offset_ns; /* of the wall clock from the other, at the last look */
	int64_t total_ns;  /* all steps since the first look; backward ones are negative */
	uint64_t steps;
};

/* What was measured so far is forgotten. */
void weir_clock_step_init(struct weir_clock_step *step, const struct weir_clock *clock);

/* By how much the clock was set since the last look, backward negative; 0: it was not. To be called every so many seconds. */
int64_t weir_clock_step_look(struct weir_clock_step *step, const struct weir_clock *clock);

#endif
