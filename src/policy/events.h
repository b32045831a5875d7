/* Events: what rules with alert or deny found, folded.
 *
 * Flows of the same rule about the same subject in the same hour are one event. It is told at once when it begins, and then what came since every
 * refresh_s, as rows for the table of events that add up to it (sql/schema/0005_events.sql). The event's id follows from rule, subject and hour, so that the
 * collector's threads, and the collector after a restart, mean the same event.
 *
 * A storm (a scan from everywhere, a rule that is wrong) is one event as well: when a rule has begun storm_per_minute events within a
 * minute, what it finds about further subjects goes to one event of the rule without a subject until the minute is over.
 *
 * What is kept is bounded (EVENTS_MAX); the event that was told of first is told and forgotten when room is needed. Belongs to one thread. */
#ifndef WEIR_POLICY_EVENTS_H
#define WEIR_POLICY_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/record.h"
#include "policy/policy.h"

struct weir_events_options {
	uint32_t storm_per_minute; /* events that one rule may begin within a minute */
	uint32_t refresh_s;
	uint64_t seed; /* random, of the hash table; ids do not depend on it */
};

extern const struct weir_events_options weir_events_defaults; /* 60 a minute, every 10 s */

struct weir_events_stats {
	uint64_t begun;	 /* events */
	uint64_t folded; /* flows that were part of an event that had begun */
	uint64_t stormed; /* flows that a storm's event took in */
	uint64_t lost;	 /* rows that nobody took */
};

struct weir_events;

/* The policy must live longer. */
int weir_events_new(const struct weir_policy *policy, const struct weir_events_options *options, struct weir_events **ret_events)
	WEIR_MUST_CHECK;
void weir_events_free(struct weir_events *events);

/* A flow that a rule judged, at the time now. */
void weir_events_hit(struct weir_events *events, const struct weir_policy_hit *hit, int64_t now_ms);

/* Tell what is due: new events, and those of which nothing was told for refresh_s; all: everything that is not told yet. */
void weir_events_tell(struct weir_events *events, int64_t now_ms, bool all, const struct weir_record_sink *sink);

struct weir_events_stats weir_events_stats(const struct weir_events *events);

#endif
