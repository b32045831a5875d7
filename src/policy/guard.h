/* The policy in force: the rules of the user's file and of the packs, judged over blocks by the collector's threads.
 *
 *   struct weir_guard         the policy, shared by all; put in the place of the former when a file changes
 *   struct weir_guard_worker  one thread's classes, sums and events
 *
 * It is enrichment's pattern (enrich/enrich.h): a policy is loaded whole, then constant; where a file has a mistake, what was there
 * stays in force; a worker changes over between two blocks, when it has told the events of the former. */
#ifndef WEIR_POLICY_GUARD_H
#define WEIR_POLICY_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/events.h"
#include "policy/policy.h"

struct weir_guard_options {
	const char *file;	 /* rules of the user's, before the packs; "": none */
	const char *const *pack; /* names, in order (policy/packs.h) */
	unsigned packs;
	struct weir_events_options events;
};

struct weir_guard;
struct weir_guard_worker;

/* Everything in options is copied; the vocabulary is borrowed and must live longer, as must roles' ctx. */
int weir_guard_new(const struct weir_guard_options *options, struct weir_vocabulary *vocabulary,
		   const struct weir_policy_roles *roles, struct weir_guard **ret_guard, struct weir_error *err) WEIR_MUST_CHECK;
/* After all its workers. */
void weir_guard_free(struct weir_guard *guard);

/* Load again when the file has changed, or in any case (as when roles have). 1: there is something new in force; 0: nothing has
 * changed; else a mistake, told once for each state of the file, and the old is in force. One thread at a time, beside the workers'. */
int weir_guard_reload(struct weir_guard *guard, bool in_any_case, struct weir_error *err) WEIR_MUST_CHECK;

/* Another file and other packs from now on; events' options stay. A mistake is err, and the old ones stay in force. The same thread as reload. */
int weir_guard_configure(struct weir_guard *guard, const struct weir_guard_options *options, struct weir_error *err) WEIR_MUST_CHECK;

/* The user's file, or "". */
const char *weir_guard_file(const struct weir_guard *guard);
/* Packs that are left out for want of a role: the pack's and the role's name. False behind the last. One thread with reload. */
bool weir_guard_left_out(struct weir_guard *guard, unsigned index, const char **ret_pack, const char **ret_role);

int weir_guard_worker_new(struct weir_guard *guard, uint64_t seed, struct weir_guard_worker **ret_worker) WEIR_MUST_CHECK;
void weir_guard_worker_free(struct weir_guard_worker *worker);

/* Judge an enriched block: fills rule and action, and notes events. */
void weir_guard_block(struct weir_guard_worker *worker, struct weir_block *block, int64_t now_ms);
/* Tell the events that are due (policy/events.h), and change over to a new policy where there is one. */
void weir_guard_tell(struct weir_guard_worker *worker, int64_t now_ms, bool all, const struct weir_record_sink *sink);

struct weir_guard_stats {
	uint64_t rules;
	uint64_t left_out; /* packs */
	uint64_t reloads, reloads_failed;
	/* Of all workers, as of their last telling. */
	uint64_t flows[WEIR_POLICY_ACTIONS + 1]; /* by action; the last: no rule matched */
	struct weir_events_stats events;
};

void weir_guard_stats(struct weir_guard *guard, struct weir_guard_stats *ret_stats);

#endif
