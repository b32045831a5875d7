#include "notify/digest.h"

#include <errno.h>
#include <stdlib.h>

#define EVENTS	  8192 /* that are remembered; a power of two */
#define PLACES	  8    /* where one may be */
#define MINUTE_MS 60000

struct known {
	uint64_t id; /* 0: free */
	int64_t told_ms;
	int64_t seen_ms;
	int64_t first_ms;
	uint64_t flows, bytes, packets;
};

struct weir_notify_digest {
	const struct weir_notify_target *target;
	int64_t minute_ms; /* when it began */
	uint64_t told;	   /* in it */
	uint64_t held;
	struct known known[EVENTS];
};

int weir_notify_digest_new(const struct weir_notify_target *target, struct weir_notify_digest **ret_digest)
{
	struct weir_notify_digest *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->target = target;
	*ret_digest = d;
	return 0;
}

void weir_notify_digest_free(struct weir_notify_digest *digest)
{
	free(digest);
}

/* The event's place: its own, or that of the one that was seen longest ago. */
static struct known *find(struct weir_notify_digest *d, uint64_t id)
{
	struct known *oldest = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct known *k = &d->known[(id + i) & (EVENTS - 1)];

		if (k->id == id)
			return k;
		if (!oldest || k->seen_ms < oldest->seen_ms)
			oldest = k;
	}
	*oldest = (struct known){.id = id};
	return oldest;
}

/* The minute that now is in. A clock that was set back begins a new one. */
static void turn_minute(struct weir_notify_digest *d, int64_t now_ms)
{
	if (now_ms - d->minute_ms < MINUTE_MS && now_ms >= d->minute_ms)
		return;
	d->minute_ms = now_ms;
	d->told = 0;
}

enum weir_notify_verdict weir_notify_digest_take(struct weir_notify_digest *digest, struct weir_record *event, int64_t now_ms)
{
	struct known *k;
	bool due;

	if (!weir_notify_target_wants(digest->target, event))
		return WEIR_NOTIFY_UNWANTED;
	k = find(digest, event->number);
	k->seen_ms = now_ms;
	if (!k->first_ms || event->time_ms < k->first_ms)
		k->first_ms = event->time_ms;
	event->time_ms = k->first_ms;
	event->flows = k->flows += event->flows;
	event->bytes = k->bytes += event->bytes;
	event->packets = k->packets += event->packets;
	due = !k->told_ms || now_ms - k->told_ms >= (int64_t)digest->target->repeat_ms || now_ms < k->told_ms;
	if (!due)
		return WEIR_NOTIFY_FOLDED;
	turn_minute(digest, now_ms);
	if (digest->told >= digest->target->per_minute) {
		digest->held++;
		return WEIR_NOTIFY_HELD;
	}
	digest->told++;
	k->told_ms = now_ms;
	return WEIR_NOTIFY_TELL;
}

uint64_t weir_notify_digest_held(struct weir_notify_digest *digest, int64_t now_ms)
{
	if (!digest->held)
		return 0;
	turn_minute(digest, now_ms);
	return digest->told < digest->target->per_minute ? digest->held : 0;
}

void weir_notify_digest_told_held(struct weir_notify_digest *digest, uint64_t held)
{
	digest->told++;
	digest->held -= held;
}
