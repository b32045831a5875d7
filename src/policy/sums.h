/* What went from client to server within a span of time, for rules such as "more than 1 GB within 1h": a sliding window of two
 * halves that weighs the former one by what of it is still within the span. A table of fixed size; a sum that nobody touched for long
 * gives way to a new one, and that is counted. One thread. */
#ifndef WEIR_POLICY_SUMS_H
#define WEIR_POLICY_SUMS_H

#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"

struct weir_sums;

struct weir_sum_key {
	struct weir_addr client;
	struct weir_addr server;
	uint32_t rule;
	uint32_t within_s;
};

int weir_sums_new(uint64_t seed, struct weir_sums **ret_sums) WEIR_MUST_CHECK;
void weir_sums_free(struct weir_sums *sums);

/* Add a value; the sum within the last within_s seconds, this one included. */
uint64_t weir_sums_add(struct weir_sums *sums, const struct weir_sum_key *key, uint64_t value, int64_t now_s);
uint64_t weir_sums_dropped(const struct weir_sums *sums);

#endif
