/* The loop of a sink: takes segments from the spool in turn, has each delivered, and commits it. What a sink is made
 * of besides is one function, deliver().
 *
 * Promise. A segment is committed only after deliver() said WEIR_SINK_STORED, or after it was set aside. What the
 * destination has is then every segment at least once; exactly once is deliver()'s part (ClickHouse: deduplication
 * tokens). Trouble of the destination is waited out, however long it takes. A segment that the destination itself
 * calls wrong is tried malformed_tries times, then set aside in the spool, counted and passed over, so that it holds
 * up the others only for so long.
 *
 * Nothing here logs, sleeps or asks for the time on its own: clock, waiting and events are the caller's functions,
 * called from the thread of weir_sink_loop_run(). Everything in the options is borrowed. */
#ifndef WEIR_SINK_LOOP_H
#define WEIR_SINK_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "spool/spool.h"

enum weir_sink_outcome {
	WEIR_SINK_STORED,
	WEIR_SINK_TROUBLE,   /* of the destination, or of the way there: try again */
	WEIR_SINK_MALFORMED, /* the destination cannot read this segment */
	WEIR_SINK_STOPPED,   /* deliver() was told to end */
};

enum weir_sink_event {
	WEIR_SINK_EVENT_DOWN,	    /* the first failure after things went well; err says which */
	WEIR_SINK_EVENT_STILL_DOWN, /* the failure is another one now */
	WEIR_SINK_EVENT_BACK,	    /* the first success after failures */
	WEIR_SINK_EVENT_SET_ASIDE,  /* segment was set aside; err says why */
};

struct weir_sink_stats {
	uint64_t segments; /* stored */
	uint64_t rows;	   /* flows */
	uint64_t records;  /* rows of other tables: options, counters */
	uint64_t bytes;
	uint64_t retries;
	uint64_t set_aside_segments;
	uint64_t set_aside_rows; /* of all tables */
	bool down;		 /* the destination, or the spool, is in trouble */
	int64_t down_since_ns;	 /* monotonic clock; of the first failure */
	int64_t stored_ns;	 /* wall clock; of the last segment stored, 0: none yet */
	int64_t segment_ns;	 /* wall clock; when the segment now in work was written, 0: none in work */
	struct weir_error error; /* the last trouble */
};

struct weir_sink_loop_options {
	struct weir_spool_reader *reader;
	enum weir_sink_outcome (*deliver)(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err);
	/* May be NULL. Called while the spool is empty: whatever the destination needs before the first segment. STORED
	 * says that it is ready; trouble is waited out as in deliver(). */
	enum weir_sink_outcome (*prepare)(void *ctx, struct weir_error *err);
	void *deliver_ctx; /* of both */
	const struct weir_clock *clock;
	/* Wait for so long, or less; non-zero ends the loop. Called with 0 between segments. */
	int (*wait)(void *ctx, unsigned ms);
	/* May be NULL. segment is NULL except for SET_ASIDE. */
	void (*event)(void *ctx, enum weir_sink_event event, const struct weir_spool_segment *segment,
		      const struct weir_error *err);
	void *ctx;
	unsigned idle_ms;	   /* between looks at an empty spool */
	unsigned backoff_min_ms;   /* after the first failure; doubles, give or take a quarter */
	unsigned backoff_max_ms;
	unsigned malformed_tries;
	uint64_t seed; /* of the jitter */
};

extern const struct weir_sink_loop_options weir_sink_loop_defaults; /* 100 ms, 100 ms to 5 s, 3 tries */

/* Runs until wait() or deliver() ends it, which is 0; stats is kept current while it runs. Negative only when the
 * options are wrong. */
int weir_sink_loop_run(const struct weir_sink_loop_options *options, struct weir_sink_stats *stats,
		       struct weir_error *err) WEIR_MUST_CHECK;

#endif
