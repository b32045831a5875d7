#include "probe/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/sampler.h"

enum {
	POLL_MS = 100,
	TICK_MS = 1000,
	SLEEP_MS_MAX = 100, /* while pacing: so soon a stop is heard */
	LATE_US = 1000000,  /* what the ring may hold back: so far the flows' clock is behind the machine's */
};

struct weir_probe {
	struct weir_probe_options options;
	struct weir_meter *meter;
	struct weir_sampler sampler;
	uint64_t pool; /* frames that samples were taken from */
	int64_t now_us; /* of the latest frame */
	int64_t tick_ns;
	int64_t began_ns, first_us; /* of a paced file */
	bool stop;		    /* atomic */

	pthread_mutex_t lock;
	struct weir_probe_stats stats;
};

static int64_t now_ms(const struct weir_probe *p)
{
	return p->options.live ? weir_clock_wall_ns(p->options.clock) / WEIR_NS_PER_MS : p->now_us / 1000;
}

static int on_block(void *ctx, struct weir_block *block, int64_t block_us)
{
	struct weir_probe *p = ctx;

	(void)block_us;
	return p->options.outlet.block ? p->options.outlet.block(p->options.outlet.ctx, block, now_ms(p)) : 0;
}

int weir_probe_new(const struct weir_probe_options *options, struct weir_probe **ret_probe, struct weir_error *err)
{
	struct weir_probe *p = calloc(1, sizeof(*p));
	struct weir_meter_options meter = options->meter;
	int rc;

	if (!p)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	p->options = *options;
	p->sampler = weir_sampler(meter.sampling, meter.random, meter.seed);
	pthread_mutex_init(&p->lock, NULL);
	meter.take = on_block;
	meter.ctx = p;
	rc = options->outlet.sample ? 0 : weir_meter_new(&meter, &p->meter);
	if (rc) {
		weir_probe_free(p);
		return weir_error_set(err, rc, NULL, "give a smaller cache", "no flow cache of %u flows: %s", meter.flows_max,
				      strerror(-rc));
	}
	*ret_probe = p;
	return 0;
}

void weir_probe_free(struct weir_probe *probe)
{
	if (!probe)
		return;
	weir_meter_free(probe->meter);
	pthread_mutex_destroy(&probe->lock);
	free(probe);
}

/* --- frames ----------------------------------------------------------------------------------------------- */

/* sFlow's header protocol of a link; 0: none. */
static uint32_t header_protocol(const struct weir_frame *frame)
{
	enum { ETHERNET = 1, PPP = 7, IPV4 = 11, IPV6 = 12, MPLS = 13 };
	unsigned version = frame->captured ? frame->data[0] >> 4 : 0;

	switch (frame->link) {
	case WEIR_LINK_ETHERNET:
		return ETHERNET;
	case WEIR_LINK_PPP:
		return PPP;
	case WEIR_LINK_MPLS:
		return MPLS;
	case WEIR_LINK_IP:
	case WEIR_LINK_IPV4:
	case WEIR_LINK_IPV6:
		return version == 4 ? IPV4 : version == 6 ? IPV6 : 0;
	default:
		return 0;
	}
}

static int take_sample(struct weir_probe *p, const struct weir_frame *frame)
{
	struct weir_raw_sample sample = {
		.protocol = header_protocol(frame),
		.header = frame->data,
		.header_bytes = frame->captured < WEIR_RAW_SAMPLE_MAX ? frame->captured : WEIR_RAW_SAMPLE_MAX,
		.frame_bytes = frame->length,
		.in_if = frame->outgoing ? 0 : frame->interface,
		.out_if = frame->outgoing ? frame->interface : 0,
		.rate = p->sampler.rate ? p->sampler.rate : 1,
	};

	p->pool++;
	p->stats.meter.frames++;
	if (!weir_sampler_takes(&p->sampler)) {
		p->stats.meter.unsampled++;
		return 0;
	}
	if (!sample.protocol) {
		p->stats.meter.not_ip++;
		return 0;
	}
	sample.pool = (uint32_t)p->pool;
	p->stats.meter.packets++;
	p->stats.meter.bytes += frame->length;
	return p->options.outlet.sample(p->options.outlet.ctx, &sample, now_ms(p));
}

static bool is_stopped(const struct weir_probe *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_ACQUIRE);
}

/* Until the frame's moment has come. */
static void keep_pace(struct weir_probe *p, int64_t time_us)
{
	for (;;) {
		int64_t wait_ns = p->began_ns + (time_us - p->first_us) * 1000 - weir_clock_mono_ns(p->options.clock);
		struct timespec t;

		if (wait_ns <= 0 || is_stopped(p))
			return;
		if (wait_ns > SLEEP_MS_MAX * WEIR_NS_PER_MS)
			wait_ns = SLEEP_MS_MAX * WEIR_NS_PER_MS;
		t = (struct timespec){.tv_nsec = wait_ns};
		(void)nanosleep(&t, NULL);
	}
}

static int on_frame(void *ctx, const struct weir_frame *frame)
{
	struct weir_probe *p = ctx;

	if (p->options.paced) {
		if (!p->began_ns) {
			p->began_ns = weir_clock_mono_ns(p->options.clock);
			p->first_us = frame->time_us;
		}
		keep_pace(p, frame->time_us);
	}
	p->now_us = frame->time_us;
	return p->meter ? weir_meter_frame(p->meter, frame) : take_sample(p, frame);
}

/* --- the loop --------------------------------------------------------------------------------------------- */

static void publish(struct weir_probe *p)
{
	pthread_mutex_lock(&p->lock);
	p->stats.packets = *weir_packets_stats(p->options.packets);
	if (p->meter) {
		p->stats.meter = *weir_meter_stats(p->meter);
		p->stats.flows = weir_meter_flows(p->meter);
	}
	pthread_mutex_unlock(&p->lock);
}

static int tick(struct weir_probe *p)
{
	int rc = 0;

	if (p->meter && p->options.live)
		rc = weir_meter_advance(p->meter, weir_clock_wall_ns(p->options.clock) / 1000 - LATE_US);
	if (!rc && p->meter)
		rc = weir_meter_deliver(p->meter);
	if (!rc && p->options.outlet.tick)
		rc = p->options.outlet.tick(p->options.outlet.ctx, now_ms(p));
	publish(p);
	return rc;
}

/* What had come when the stop was heard is still in the ring, and counts. */
static int drain(struct weir_probe *p, struct weir_error *err)
{
	int64_t end_ns = weir_clock_mono_ns(p->options.clock) + WEIR_PACKETS_HELD_MS * WEIR_NS_PER_MS, left_ns;
	int rc = 0;

	while (rc >= 0 && !weir_packets_ended(p->options.packets) &&
	       (left_ns = end_ns - weir_clock_mono_ns(p->options.clock)) > 0)
		rc = weir_packets_poll(p->options.packets, (int)(left_ns / WEIR_NS_PER_MS) + 1, on_frame, p, err);
	return rc;
}

int weir_probe_work(struct weir_probe *probe, struct weir_error *err)
{
	bool ticks = probe->options.live || probe->options.paced;
	int rc = 0;

	probe->tick_ns = weir_clock_mono_ns(probe->options.clock);
	publish(probe);
	while (rc >= 0 && !is_stopped(probe) && !weir_packets_ended(probe->options.packets)) {
		rc = weir_packets_poll(probe->options.packets, POLL_MS, on_frame, probe, err);
		if (rc >= 0 && ticks &&
		    weir_clock_mono_ns(probe->options.clock) - probe->tick_ns >= TICK_MS * WEIR_NS_PER_MS) {
			rc = tick(probe);
			probe->tick_ns = weir_clock_mono_ns(probe->options.clock);
		}
	}
	if (rc >= 0 && probe->options.live)
		rc = drain(probe, err);
	/* What was counted before a mistake is handed out as well. */
	if (probe->meter) {
		int finished = weir_meter_finish(probe->meter);

		rc = rc < 0 ? rc : finished;
	}
	if (probe->options.outlet.tick) {
		int ticked = probe->options.outlet.tick(probe->options.outlet.ctx, now_ms(probe));

		rc = rc < 0 ? rc : ticked;
	}
	publish(probe);
	return rc < 0 ? rc : 0;
}

void weir_probe_stop(struct weir_probe *probe)
{
	__atomic_store_n(&probe->stop, true, __ATOMIC_RELEASE);
}

void weir_probe_stats(struct weir_probe *probe, struct weir_probe_stats *ret_stats)
{
	pthread_mutex_lock(&probe->lock);
	*ret_stats = probe->stats;
	pthread_mutex_unlock(&probe->lock);
}
