/* The way to a target: sends one message after the other, over a connection that it keeps. Trouble of the other side, and of the way
 * there, is an outcome; trying again is the caller's. One thread. */
#ifndef WEIR_NOTIFY_CHANNEL_H
#define WEIR_NOTIFY_CHANNEL_H

#include "notify/target.h"

enum weir_notify_outcome {
	WEIR_NOTIFY_SENT,
	WEIR_NOTIFY_TROUBLE, /* try again */
	WEIR_NOTIFY_REFUSED, /* the other side will not have this message */
	WEIR_NOTIFY_STOPPED,
};

struct weir_notify_channel;

/* The target must live longer, as must ctx; is_stopped(ctx) is asked while waiting for the other side, and true ends that. */
int weir_notify_channel_new(const struct weir_notify_target *target, bool (*is_stopped)(void *ctx), void *ctx,
			    struct weir_notify_channel **ret_channel) WEIR_MUST_CHECK;
void weir_notify_channel_free(struct weir_notify_channel *channel);

/* err says what went wrong, and what the other side said, but never a secret. now_s is for a mail's date. */
enum weir_notify_outcome weir_notify_channel_send(struct weir_notify_channel *channel, const struct weir_record *event, int64_t now_s,
						  struct weir_error *err);

#endif
