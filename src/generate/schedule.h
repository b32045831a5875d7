/* Whose turn it is: cuts a stream of flows into turns of one exporter each, with the moment of each turn in traffic
 * time. Pure arithmetic: the same options give the same turns.
 *
 * Every other turn goes round all exporters, the rest to exporters by rank, so that all are heard and some are busy.
 * One thread; nothing to free. */
#ifndef WEIR_GENERATE_SCHEDULE_H
#define WEIR_GENERATE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "generate/generator.h"

#define WEIR_TURN_ROWS_MAX 960

struct weir_schedule_options {
	uint64_t seed;
	uint32_t exporters;
	uint32_t datagram_rows; /* about what fits into one datagram: a turn's rows where there are enough flows */
	uint64_t rate;		/* flows a second of traffic time; 0: the time stands still */
	bool daily;		/* the rate is the day's mean and goes with its rhythm */
	int64_t start_ms;
	uint64_t flows;	 /* end after so many; 0: no end */
	int64_t for_ms;	 /* end after so long; 0: no end */
};

struct weir_turn {
	uint32_t exporter;
	uint32_t rows;
	int64_t now_ms; /* traffic time */
};

struct weir_schedule {
	struct weir_schedule_options options;
	uint64_t random;
	uint64_t turns;
	uint64_t flows;
	uint32_t rows;	/* of a turn */
	int64_t now_ns; /* since start_ms */
};

void weir_schedule_init(struct weir_schedule *schedule, const struct weir_schedule_options *options);

/* False at the end. */
bool weir_schedule_next(struct weir_schedule *schedule, struct weir_generator *generator, struct weir_turn *ret_turn);

#endif
