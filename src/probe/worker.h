/* A worker of the probe: frames from one source through a meter, or, for sFlow, through a sampler, to whoever takes what
 * comes out. It runs in the caller's thread (weir_probe_work) until the source ends or it is told to stop. weir_probe_stop() and
 * weir_probe_stats() may be called from any thread, all else from the worker's. */
#ifndef WEIR_PROBE_WORKER_H
#define WEIR_PROBE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "export/encoder.h"
#include "probe/meter.h"
#include "receive/packets.h"

/* Where things go: each may be NULL. All return 0, or a negative value that ends the worker. */
struct weir_probe_outlet {
	int (*block)(void *ctx, struct weir_block *block, int64_t now_ms);
	int (*sample)(void *ctx, const struct weir_raw_sample *sample, int64_t now_ms); /* then nothing is metered */
	/* About once a second, and at the end; nothing that came before is held back any more. */
	int (*tick)(void *ctx, int64_t now_ms);
	void *ctx; /* borrowed */
};

struct weir_probe_options {
	struct weir_packets *packets; /* borrowed */
	bool live;		      /* the time goes on by itself, with or without frames */
	bool paced;		      /* a file at the speed of its recording */
	struct weir_meter_options meter; /* take and ctx are the worker's own */
	struct weir_probe_outlet outlet;
	const struct weir_clock *clock; /* borrowed */
};

struct weir_probe_stats {
	struct weir_packets_stats packets;
	struct weir_meter_stats meter;
	uint32_t flows; /* in the cache */
};

struct weir_probe;

int weir_probe_new(const struct weir_probe_options *options, struct weir_probe **ret_probe, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_probe_free(struct weir_probe *probe);
/* 0 at the source's end or after weir_probe_stop(): everything was handed out. Negative: err, or what an outlet returned. */
int weir_probe_work(struct weir_probe *probe, struct weir_error *err) WEIR_MUST_CHECK;
void weir_probe_stop(struct weir_probe *probe);
/* As of a second ago at most. */
void weir_probe_stats(struct weir_probe *probe, struct weir_probe_stats *ret_stats);

#endif
