/* Which events a target is told of, and how often: an event that goes on is told again after target.repeat_ms at the earliest, with the
 * sums so far; more than target.per_minute in a minute are held back, and told of as one. What is kept is bounded. One thread. */
#ifndef WEIR_NOTIFY_DIGEST_H
#define WEIR_NOTIFY_DIGEST_H

#include "notify/target.h"

enum weir_notify_verdict {
	WEIR_NOTIFY_TELL,
	WEIR_NOTIFY_UNWANTED, /* its level, category or rule */
	WEIR_NOTIFY_FOLDED,   /* told already, not long ago */
	WEIR_NOTIFY_HELD,     /* too many within this minute */
};

struct weir_notify_digest;

/* The target must live longer. */
int weir_notify_digest_new(const struct weir_notify_target *target, struct weir_notify_digest **ret_digest) WEIR_MUST_CHECK;
void weir_notify_digest_free(struct weir_notify_digest *digest);

/* A row of the events' lane; its flows, bytes and packets become those of the event so far. */
enum weir_notify_verdict weir_notify_digest_take(struct weir_notify_digest *digest, struct weir_record *event, int64_t now_ms);

/* How many were held back, once the minute is over: to be told of; 0: none, or not yet. */
uint64_t weir_notify_digest_held(struct weir_notify_digest *digest, int64_t now_ms);
/* So many of them have been told of. */
void weir_notify_digest_told_held(struct weir_notify_digest *digest, uint64_t held);

#endif
