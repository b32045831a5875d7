/* One segment ahead. While the loop waits for the store to take a segment, the one that will come next is delivered in a
 * thread of its own, so that the store works on two at a time and a segment that travels costs no waiting.
 *
 * Nothing about the promise changes: positions are moved by the loop alone, in turn, and what was stored ahead of its turn
 * and not committed is sent again after a crash, when the store knows its token. A segment is never under way twice at a
 * time. What goes wrong ahead is not told: the loop delivers that segment as if nothing had been tried.
 *
 * All functions belong to the loop's thread; deliver() is called in another one, and must not share with the first. */
#ifndef WEIR_SINK_AHEAD_H
#define WEIR_SINK_AHEAD_H

#include "sink/loop.h"

struct weir_sink_ahead;

int weir_sink_ahead_new(enum weir_sink_outcome (*deliver)(void *ctx, const struct weir_spool_segment *segment,
							  struct weir_error *err),
			void *ctx, struct weir_sink_ahead **ret_ahead) WEIR_MUST_CHECK;
/* Waits for what is under way. */
void weir_sink_ahead_free(struct weir_sink_ahead *ahead);

bool weir_sink_ahead_is_idle(const struct weir_sink_ahead *ahead);
/* Begin to deliver this one, if nothing is under way. */
void weir_sink_ahead_begin(struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment);
/* Is this segment under way, and no answer there yet? */
bool weir_sink_ahead_is_busy(const struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment);
/* Was this segment stored ahead of its turn? Waits for the answer where it is under way. */
bool weir_sink_ahead_has_stored(struct weir_sink_ahead *ahead, const struct weir_spool_segment *segment);

#endif
