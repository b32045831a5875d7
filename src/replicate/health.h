/* Whether an output lives, from what was seen of it: down after so many failures in a row, up again
 * only when it was well for a while, so that one that comes and goes does not take the exporters
 * with it each time. Pure. */
#ifndef WEIR_REPLICATE_HEALTH_H
#define WEIR_REPLICATE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct weir_replicate_health_rule {
	unsigned failures; /* in a row that make it down */
	int64_t return_ns; /* how long it must be well to be up again */
};

struct weir_health {
	bool down;
	unsigned failures;  /* in a row */
	int64_t well_since; /* 0: it is not */
};

/* What was seen at that time (not 0); true when it has gone down, or come up again. */
bool weir_health_note(struct weir_health *health, const struct weir_replicate_health_rule *rule, bool well,
		      int64_t now_ns);

#endif
