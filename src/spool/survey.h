/* A look at a spool from outside, for `weir status`: it makes nothing, locks nothing and needs no consumer of its own. What
 * it sees may be a moment old. One thread. */
#ifndef WEIR_SPOOL_SURVEY_H
#define WEIR_SPOOL_SURVEY_H

#include <stdint.h>

#include "base/error.h"
#include "spool/spool.h"

struct weir_spool_survey {
	char consumer[WEIR_SPOOL_LANE_MAX]; /* "": there is none, and all that is there waits for one */
	uint64_t segments;		    /* that it has not committed */
	uint64_t rows; /* flows: those of other tables are not counted */
	uint64_t bytes;
	int64_t oldest_ns; /* wall clock, of the oldest of these; 0: there is none */
};

/* Call back for every consumer; a negative return ends it. -ENOENT: there is no spool. */
int weir_spool_survey(const char *dir, int (*each)(void *ctx, const struct weir_spool_survey *survey), void *ctx,
		      struct weir_error *err) WEIR_MUST_CHECK;

#endif
