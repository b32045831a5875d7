/* The sampling rates that an exporter told in options records, for the flows that do not carry their own: a rate
 * for all, rates by sampler (selectorId, samplerId) and by interface. Bounded; private to wire. */
#ifndef WEIR_WIRE_SAMPLING_H
#define WEIR_WIRE_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_SAMPLINGS_MAX 4096 /* of one exporter and kind */

enum weir_sampling_kind { WEIR_SAMPLING_SAMPLER, WEIR_SAMPLING_INTERFACE, WEIR_SAMPLING_KINDS };

struct weir_sampling {
	uint32_t id;
	uint32_t rate;
};

struct weir_sampling_list {
	struct weir_sampling *entry; /* owned, sorted by id */
	uint32_t count;
	uint32_t cap;
};

struct weir_samplings {
	uint32_t rate;	       /* for all; 0 when nothing was said */
	uint32_t rate_sampler; /* the last that any sampler got */
	bool changed;	       /* whoever looks at it clears it */
	struct weir_sampling_list list[WEIR_SAMPLING_KINDS];
};

void weir_samplings_done(struct weir_samplings *s);

/* What weir_samplings_set() has subtracted in all. */
uint64_t weir_samplings_bytes(const struct weir_samplings *s);

/* Remember. The memory that it takes is subtracted from *bytes_left. False when there are too many of a kind, or no
 * memory: nothing has changed then. */
bool weir_samplings_set(struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id, uint32_t rate,
			uint64_t *bytes_left) WEIR_MUST_CHECK;

/* The rate, or 0 when none was told for that id. */
uint32_t weir_samplings_find(const struct weir_samplings *s, enum weir_sampling_kind kind, uint32_t id);

#endif
