#include "probe/meter.h"

#include <errno.h>
#include <stdlib.h>

#include "probe/flow_row.h"
#include "probe/fragments.h"
#include "probe/sampler.h"
#include "probe/sight.h"
#include "probe/tcp.h"

enum {
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
	FRAGMENT_MORE = 0x20,
	SIGHTS = 32, /* packets that wait */
	NEAR = 16,   /* the half of them whose flows' memory was asked for */
};

struct weir_meter {
	struct weir_meter_options options;
	struct weir_flow_row_options row;
	struct weir_sight_options sight_options;
	struct weir_sampler sampler;
	struct weir_fragments *fragments;
	struct weir_flow_cache *cache;
	struct weir_block *block;
	struct weir_meter_stats stats;
	int64_t now_us;
	int failed; /* what take() returned */
	/* Packets wait in a ring, and meanwhile the memory of their slots, then of their flows, comes near. */
	unsigned seen, settled; /* how many came and went, modulo 2^32 */
	struct weir_sight sight[SIGHTS];
};

static int hand_out(struct weir_meter *m)
{
	if (!m->block->rows || m->failed)
		return m->failed;
	m->failed = m->options.take(m->options.ctx, m->block, m->now_us);
	if (m->failed > 0)
		m->failed = 0;
	weir_block_reset(m->block);
	return m->failed;
}

static void on_ended(void *ctx, const struct weir_flow *flow, enum weir_flow_end reason)
{
	struct weir_meter *m = ctx;

	m->stats.ended[reason]++;
	if (weir_block_room(m->block) < 2)
		(void)hand_out(m); /* the failure stays in m->failed */
	m->stats.rows += weir_flow_row_put(flow, reason, m->now_us, &m->row, m->block);
}

int weir_meter_new(const struct weir_meter_options *options, struct weir_meter **ret_meter)
{
	struct weir_meter *m = calloc(1, sizeof(*m));
	const struct weir_flow_cache_options cache = {
		.flows_max = options->flows_max,
		.active_us = options->active_us,
		.inactive_us = options->inactive_us,
		.ended_us = options->ended_us < options->inactive_us ? options->ended_us : options->inactive_us,
		.seed = options->seed,
		.ended = on_ended,
		.ctx = m,
	};
	int rc;

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->row = (struct weir_flow_row_options){
		.exporter = options->exporter,
		.domain = options->domain,
		.sampling = options->sampling,
		.bidirectional = options->bidirectional,
	};
	m->sight_options = (struct weir_sight_options){.frame_bytes = options->frame_bytes, .tos = options->tos};
	m->sampler = weir_sampler(options->sampling, options->random, options->seed);
	rc = weir_flow_cache_new(&cache, &m->cache);
	if (!rc)
		rc = weir_fragments_new(options->seed, &m->fragments);
	if (!rc)
		rc = weir_block_new(&weir_block_limits_default, &m->block);
	if (rc) {
		weir_meter_free(m);
		return rc;
	}
	*ret_meter = m;
	return 0;
}

void weir_meter_free(struct weir_meter *meter)
{
	if (!meter)
		return;
	weir_flow_cache_free(meter->cache);
	weir_fragments_free(meter->fragments);
	weir_block_free(meter->block);
	free(meter);
}

/* --- seeing ----------------------------------------------------------------------------------------------- */

static struct weir_sight_ports ports_of(struct weir_meter *m, const struct weir_packet *p, int64_t now_us)
{
	struct weir_sight_ports ports = {
		.src = p->src_port, .dst = p->dst_port, .known = p->has & (WEIR_PACKET_PORTS | WEIR_PACKET_ICMP)};

	if (p->has & WEIR_PACKET_ICMP)
		ports.dst = (uint16_t)(p->icmp_type << 8 | p->icmp_code);
	if (p->has & WEIR_PACKET_LATER) {
		ports.known = weir_fragments_get(m->fragments, p, now_us, &ports.src, &ports.dst);
		m->stats.fragments_lost += !ports.known;
	} else if (p->ip_flags & FRAGMENT_MORE && ports.known) {
		weir_fragments_put(m->fragments, p, now_us, ports.src, ports.dst);
	}
	return ports;
}

/* By all headers. False: the frame has no IP packet. */
static bool look(struct weir_meter *m, const struct weir_frame *frame, struct weir_sight *s)
{
	struct weir_packet p;
	struct weir_sight_ports ports;
	enum weir_dissect_result result =
		weir_packet_parse(weir_cursor(frame->data, frame->captured), frame->link, m->options.tunnel, &p);

	if (frame->tagged && !p.tunnels) {
		p.customer_vlan = p.vlan;
		p.vlan = frame->vlan;
	}
	m->stats.malformed += result == WEIR_DISSECT_MALFORMED;
	if (!(p.has & WEIR_PACKET_IP))
		return false;
	ports = ports_of(m, &p, frame->time_us);
	weir_sight_of(frame, &p, &ports, &m->sight_options, s);
	return true;
}

/* --- counting --------------------------------------------------------------------------------------------- */

static void begin_flow(struct weir_flow *f, const struct weir_sight *s)
{
	f->initiator = s->from;
	f->interface = s->interface;
	f->has_ports = s->has_ports;
	f->has_macs = s->has_macs;
	f->mac[s->from] = s->src_mac;
	f->mac[!s->from] = s->dst_mac;
	f->label = s->label;
}

static inline void count(struct weir_flow *f, struct weir_flow_half *h, const struct weir_sight *s)
{
	if (!h->packets++) {
		h->first_us = h->last_us = s->time_us;
		h->tos = s->tos;
		h->ttl = s->ttl;
		f->outgoing[s->from] = s->outgoing;
	}
	h->bytes += s->bytes;
	if (s->time_us > h->last_us)
		h->last_us = s->time_us;
	else if (s->time_us < h->first_us)
		h->first_us = s->time_us;
	if (s->ttl < h->ttl)
		h->ttl = s->ttl;
	if (s->time_us > f->last_us)
		f->last_us = s->time_us;
}

/* SYN without ACK: a new connection. */
static inline bool opens(const struct weir_sight *s)
{
	return (s->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* Count the packet that waited longest to its flow. */
static void settle_one(struct weir_meter *m)
{
	const struct weir_sight *s = &m->sight[m->settled++ % SIGHTS];
	struct weir_flow *f;
	bool is_new;

	m->now_us = s->time_us;
	weir_flow_cache_advance(m->cache, s->time_us);
	f = weir_flow_cache_find(m->cache, &s->key, s->hash, s->time_us, opens(s), &is_new);
	if (is_new)
		begin_flow(f, s);
	count(f, &f->half[s->from], s);
	m->stats.packets++;
	m->stats.bytes += s->bytes;
	if (s->is_tcp && weir_tcp_count(f, s))
		weir_flow_cache_end(m->cache, f);
}

static void settle(struct weir_meter *m)
{
	while (m->settled != m->seen)
		settle_one(m);
}

int weir_meter_frame(struct weir_meter *meter, const struct weir_frame *frame)
{
	struct weir_meter *m = meter;
	struct weir_sight *s = &m->sight[m->seen % SIGHTS], *middle;

	m->stats.frames++;
	if (!weir_sampler_takes(&m->sampler)) {
		m->stats.unsampled++;
		return m->failed;
	}
	if (!weir_sight_quick(frame, &m->sight_options, s) && !look(m, frame, s)) {
		m->stats.not_ip++;
		return m->failed;
	}
	s->hash = weir_flow_cache_hash(m->cache, &s->key);
	weir_flow_cache_near_slot(m->cache, s->hash);
	m->seen++;
	middle = &m->sight[(m->seen - NEAR) % SIGHTS];
	if (m->seen - m->settled >= NEAR)
		weir_flow_cache_near_flow(m->cache, middle->hash, middle->from);
	if (m->seen - m->settled == SIGHTS)
		settle_one(m);
	return m->failed;
}

int weir_meter_advance(struct weir_meter *meter, int64_t now_us)
{
	settle(meter);
	if (now_us > meter->now_us) {
		meter->now_us = now_us;
		weir_flow_cache_advance(meter->cache, now_us);
	}
	return meter->failed;
}

int weir_meter_deliver(struct weir_meter *meter)
{
	settle(meter);
	return hand_out(meter);
}

int weir_meter_finish(struct weir_meter *meter)
{
	settle(meter);
	weir_flow_cache_flush(meter->cache, WEIR_FLOW_END_FORCED);
	return hand_out(meter);
}

const struct weir_meter_stats *weir_meter_stats(const struct weir_meter *meter)
{
	return &meter->stats;
}

uint32_t weir_meter_flows(const struct weir_meter *meter)
{
	return weir_flow_cache_count(meter->cache);
}
