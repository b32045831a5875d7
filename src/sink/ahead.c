#include "sink/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct weir_sink_ahead {
	enum weir_sink_outcome (*deliver)(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err);
	void *ctx; /* borrowed */
	bool under_way; /* what follows is the thread's until it is joined */
	atomic_bool answered;
	pthread_t thread;
	struct weir_spool_segment segment;
	enum weir_sink_outcome outcome;
};

int weir_sink_ahead_new(enum weir_sink_outcome (*deliver)(void *ctx, const struct weir_spool_segment *segment,
							  struct weir_error *err),
			void *ctx, struct weir_sink_ahead **ret_ahead)
{
	struct weir_sink_ahead *ahead = calloc(1, sizeof(*ahead));

	if (!ahead)
		return -ENOMEM;
	ahead->deliver = deliver;
	ahead->ctx = ctx;
	*ret_ahead = ahead;
	return 0;
}

void weir_sink_ahead_free(struct weir_sink_ahead *ahead)
{
	if (!ahead)
		return;
	if (ahead->under_way)
		(void)pthread_join(ahead->thread, NULL);
	free(ahead);
}

bool weir_sink_ahead_is_idle(const struct weir_sink_ahead *ahead)
{
	return !ahead->under_way;
}

static void *work(void *ctx)
{
	struct weir_sink_ahead *ahead = ctx;
	struct weir_error err = {0};

	ahead->outcome = ahead->deliver(ahead->ctx, &ahead->segment, &err);
	atomic_store(&ahead->answered, true);
	return NULL;
}

/* Without a thread the segment is delivered in its turn. */
void weir_sink_ahead_begin(struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment)
{
	if (ahead->under_way)
		return;
	ahead->segment = *segment;
	ahead->outcome = WEIR_SINK_TROUBLE;
	atomic_store(&ahead->answered, false);
	ahead->under_way = pthread_create(&ahead->thread, NULL, work, ahead) == 0;
}

static bool is_of(const struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment)
{
	return ahead->under_way && strcmp(ahead->segment.token, segment->token) == 0;
}

bool weir_sink_ahead_is_busy(const struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment)
{
	return is_of(ahead, segment) && !atomic_load(&ahead->answered);
}

bool weir_sink_ahead_has_stored(struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment)
{
	if (!is_of(ahead, segment))
		return false;
	(void)pthread_join(ahead->thread, NULL);
	ahead->under_way = false;
	return ahead->outcome == WEIR_SINK_STORED;
}
