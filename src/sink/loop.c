#include "sink/loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct weir_sink_loop_options weir_sink_loop_defaults = {
	.idle_ms = 100,
	.backoff_min_ms = 100,
	.backoff_max_ms = 5000,
	.malformed_tries = 3,
};

struct loop {
	const struct weir_sink_loop_options *options;
	struct weir_sink_stats *stats;
	unsigned backoff_ms; /* the next one */
	unsigned malformed;  /* tries of the segment that ended so */
	char token[sizeof(((struct weir_spool_segment *)NULL)->token)]; /* of that segment */
	uint64_t random;
};

/* xorshift64: sinks that fail together shall not come back together. */
static uint64_t next_random(struct loop *loop)
{
	loop->random ^= loop->random << 13;
	loop->random ^= loop->random >> 7;
	loop->random ^= loop->random << 17;
	return loop->random;
}

static void emit(struct loop *loop, enum weir_sink_event event, const struct weir_spool_segment *segment,
		 const struct weir_error *err)
{
	if (loop->options->event)
		loop->options->event(loop->options->ctx, event, segment, err);
}

static void note_failure(struct loop *loop, const struct weir_error *err)
{
	struct weir_sink_stats *stats = loop->stats;
	bool other = strcmp(stats->error.what, err->what) != 0;

	stats->error = *err;
	if (!stats->down) {
		stats->down = true;
		stats->down_since_ns = weir_clock_mono_ns(loop->options->clock);
		emit(loop, WEIR_SINK_EVENT_DOWN, NULL, err);
	} else if (other) {
		emit(loop, WEIR_SINK_EVENT_STILL_DOWN, NULL, err);
	}
}

static void note_success(struct loop *loop)
{
	loop->backoff_ms = loop->options->backoff_min_ms;
	loop->malformed = 0;
	if (!loop->stats->down)
		return;
	loop->stats->down = false;
	emit(loop, WEIR_SINK_EVENT_BACK, NULL, &loop->stats->error);
}

static int back_off(struct loop *loop)
{
	unsigned ms = loop->backoff_ms;
	unsigned jittered = ms - ms / 4 + (unsigned)(next_random(loop) % (ms / 2 + 1));

	loop->backoff_ms = ms > loop->options->backoff_max_ms / 2 ? loop->options->backoff_max_ms : ms * 2;
	loop->stats->retries++;
	return loop->options->wait(loop->options->ctx, jittered);
}

/* The destination answered, so it is no trouble of its; a few tries, in case its tables change meanwhile. */
static int pass_over(struct loop *loop, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct weir_error why = *err;
	int rc;

	if (strcmp(loop->token, segment->token) != 0)
		loop->malformed = 0;
	(void)snprintf(loop->token, sizeof(loop->token), "%s", segment->token);
	if (++loop->malformed < loop->options->malformed_tries)
		return back_off(loop);
	rc = weir_spool_set_aside(loop->options->reader, segment, err);
	if (rc) {
		note_failure(loop, err);
		return back_off(loop);
	}
	loop->stats->set_aside_segments++;
	loop->stats->set_aside_rows += segment->rows;
	emit(loop, WEIR_SINK_EVENT_SET_ASIDE, segment, &why);
	note_success(loop);
	return loop->options->wait(loop->options->ctx, 0);
}

static int commit(struct loop *loop, const struct weir_spool_segment *segment)
{
	struct weir_error err = {0};

	if (weir_spool_commit(loop->options->reader, segment, &err)) {
		note_failure(loop, &err);
		return back_off(loop);
	}
	loop->stats->segments++;
	*(segment->table == WEIR_TABLE_FLOWS ? &loop->stats->rows : &loop->stats->records) += segment->rows;
	loop->stats->bytes += segment->bytes;
	loop->stats->stored_ns = weir_clock_wall_ns(loop->options->clock);
	note_success(loop);
	return loop->options->wait(loop->options->ctx, 0);
}

/* 0 when the segment is gone: the spool was over its limit. */
static int64_t written_ns(const struct weir_spool_segment *segment)
{
	struct stat st;

	if (stat(segment->path, &st))
		return 0;
	return st.st_mtim.tv_sec * WEIR_NS_PER_S + st.st_mtim.tv_nsec;
}

/* One try of one segment. Non-zero ends the loop. */
static int work(struct loop *loop, const struct weir_spool_segment *segment)
{
	const struct weir_sink_loop_options *o = loop->options;
	struct weir_error err = {0};

	loop->stats->segment_ns = written_ns(segment);
	switch (o->deliver(o->deliver_ctx, segment, &err)) {
	case WEIR_SINK_STORED:
		return commit(loop, segment);
	case WEIR_SINK_STOPPED:
		return 1;
	case WEIR_SINK_MALFORMED:
		return pass_over(loop, segment, &err);
	case WEIR_SINK_TROUBLE:
	default:
		break;
	}
	/* A segment that was removed while it was sent is no trouble; the spool counts it as missing. */
	if (!written_ns(segment))
		return o->wait(o->ctx, 0);
	note_failure(loop, &err);
	return back_off(loop);
}

/* The spool is empty. */
static int idle(struct loop *loop)
{
	const struct weir_sink_loop_options *o = loop->options;
	struct weir_error err = {0};

	loop->stats->segment_ns = 0;
	switch (o->prepare ? o->prepare(o->deliver_ctx, &err) : WEIR_SINK_STORED) {
	case WEIR_SINK_STORED:
		/* Trouble with a segment that is gone now is over with it; what comes next will show. */
		note_success(loop);
		return o->wait(o->ctx, o->idle_ms);
	case WEIR_SINK_STOPPED:
		return 1;
	case WEIR_SINK_TROUBLE:
	case WEIR_SINK_MALFORMED:
	default:
		note_failure(loop, &err);
		return back_off(loop);
	}
}

int weir_sink_loop_run(const struct weir_sink_loop_options *options, struct weir_sink_stats *stats,
		       struct weir_error *err)
{
	struct loop loop = {.options = options, .stats = stats, .backoff_ms = options->backoff_min_ms,
			    .random = options->seed | 1};
	struct weir_spool_segment segment;
	int end = 0;

	if (!options->reader || !options->deliver || !options->wait || !options->clock ||
	    !options->backoff_min_ms || options->backoff_max_ms < options->backoff_min_ms ||
	    !options->malformed_tries)
		return weir_error_set(err, -EINVAL, NULL, NULL, "the sink's loop lacks an option");
	while (!end) {
		struct weir_error why = {0};
		int rc = weir_spool_next(options->reader, &segment, &why);

		if (rc > 0) {
			end = work(&loop, &segment);
			continue;
		}
		if (rc == 0) {
			end = idle(&loop);
		} else {
			stats->segment_ns = 0;
			note_failure(&loop, &why);
			end = back_off(&loop);
		}
	}
	return 0;
}
