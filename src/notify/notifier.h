/* One target's consumer of the spool's events: a thread that reads their lanes in turn and sends what the target is to be told of. A
 * target that is down delays itself only: what it has not been told waits in the spool, and after NOTIFY_KEEP_MS is passed over and
 * counted. After a crash what was sent of the segment in work is sent again; nothing is left out. */
#ifndef WEIR_NOTIFY_NOTIFIER_H
#define WEIR_NOTIFY_NOTIFIER_H

#include "base/clock.h"
#include "notify/channel.h"
#include "spool/spool.h"

#define WEIR_NOTIFY_CONSUMER "events-" /* and the target's name */
#define WEIR_NOTIFY_KEEP_MS  86400000

struct weir_notify_stats {
	uint64_t sent;
	uint64_t folded;
	uint64_t held;
	uint64_t refused; /* by the other side, for good */
	uint64_t expired;
	uint64_t retries;
	bool down;
	int64_t down_since_ns; /* monotonic clock */
	int64_t sent_ns;       /* wall clock; 0: not yet */
	uint64_t waiting;      /* segments in the spool */
	struct weir_error error; /* the last trouble */
};

enum weir_notify_news { WEIR_NOTIFY_DOWN, WEIR_NOTIFY_BACK, WEIR_NOTIFY_REFUSAL };

struct weir_notifier_options {
	const char *spool_dir;
	const struct weir_notify_target *target;
	const struct weir_clock *clock;
	/* Called from the notifier's thread. */
	void (*news)(void *ctx, const struct weir_notify_target *target, enum weir_notify_news news, const struct weir_error *err);
	void *ctx;
};

struct weir_notifier;

/* Opens the spool and starts the thread. Everything in options is borrowed and must live longer. */
int weir_notifier_start(const struct weir_notifier_options *options, struct weir_notifier **ret_notifier, struct weir_error *err) WEIR_MUST_CHECK;
/* Ends the thread, within moments even when it waits for the other side. */
void weir_notifier_stop(struct weir_notifier *notifier);
void weir_notifier_stats(struct weir_notifier *notifier, struct weir_notify_stats *ret_stats);

#endif
