/* How far a consumer has come: for each lane the number of the last segment that it committed, in the file
 * DIR/position/<consumer>, a line a lane ("w0 42"). Replaced as a whole. Private to the module. */
#ifndef WEIR_SPOOL_POSITION_H
#define WEIR_SPOOL_POSITION_H

#include <stdbool.h>

#include "spool/folder.h"
#include "spool/index.h"

struct weir_spool_position {
	struct {
		char name[WEIR_SPOOL_LANE_MAX];
		uint64_t number;
	} lane[WEIR_SPOOL_LANES_MAX];
	unsigned lanes;
};

/* 0 for a lane that is not in it. */
uint64_t weir_spool_position_get(const struct weir_spool_position *position, const char *lane);
int weir_spool_position_set(struct weir_spool_position *position, const char *lane, uint64_t number) WEIR_MUST_CHECK;

/* -ENOENT without a word in err when the consumer has none yet. */
int weir_spool_position_load(const struct weir_spool_folder *folder, const char *consumer,
			     struct weir_spool_position *ret_position, struct weir_error *err) WEIR_MUST_CHECK;
int weir_spool_position_save(const struct weir_spool_folder *folder, int position_fd, const char *consumer,
			     const struct weir_spool_position *position, struct weir_error *err) WEIR_MUST_CHECK;

/* Whether the consumer reads that lane: all, unless its name begins with a table's. */
bool weir_spool_consumes(const char *consumer, const char *lane);

/* Call back for every consumer of the spool. */
int weir_spool_each_consumer(const struct weir_spool_folder *folder, int (*each)(void *ctx, const char *consumer),
			     void *ctx) WEIR_MUST_CHECK;

#endif
