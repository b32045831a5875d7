#include "probe/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/flow_row.h"
#include "probe/fragments.h"
#include "probe/sampler.h"

enum {
	PROTO_TCP = 6,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	FRAGMENT_MORE = 0x20,
};

struct weir_meter {
	struct weir_meter_options options;
	struct weir_flow_row_options row;
	struct weir_sampler sampler;
	struct weir_fragments *fragments;
	struct weir_flow_cache *cache;
	struct weir_block *block;
	struct weir_meter_stats stats;
	int64_t now_us;
	int failed; /* what take() returned */
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

/* --- the key ---------------------------------------------------------------------------------------------- */

struct ports {
	uint16_t src, dst;
	bool known;
};

static struct ports ports_of(struct weir_meter *m, const struct weir_packet *p)
{
	struct ports ports = {.src = p->src_port, .dst = p->dst_port, .known = p->has & (WEIR_PACKET_PORTS | WEIR_PACKET_ICMP)};

	if (p->has & WEIR_PACKET_ICMP)
		ports.dst = (uint16_t)(p->icmp_type << 8 | p->icmp_code);
	if (p->has & WEIR_PACKET_LATER) {
		ports.known = weir_fragments_get(m->fragments, p, m->now_us, &ports.src, &ports.dst);
		m->stats.fragments_lost += !ports.known;
	} else if (p->ip_flags & FRAGMENT_MORE && ports.known) {
		weir_fragments_put(m->fragments, p, m->now_us, ports.src, ports.dst);
	}
	return ports;
}

/* Whether the source is the higher end. */
static inline bool is_higher(const struct weir_packet *p, const struct ports *ports)
{
	int order = memcmp(&p->src_addr, &p->dst_addr, sizeof(p->src_addr));

	return order ? order > 0 : ports->src > ports->dst;
}

static inline struct weir_flow_key key_of(const struct weir_meter *m, const struct weir_packet *p, const struct ports *ports,
					  unsigned from)
{
	struct weir_flow_key key = {
		.vlan = p->vlan,
		.customer_vlan = p->customer_vlan,
		.vni = p->vni,
		.proto = p->proto,
		.tos = m->options.tos ? p->tos : 0,
	};

	key.addr[from] = p->src_addr;
	key.addr[!from] = p->dst_addr;
	key.port[from] = ports->src;
	key.port[!from] = ports->dst;
	return key;
}

/* --- counting --------------------------------------------------------------------------------------------- */

static void begin_flow(struct weir_flow *f, const struct weir_frame *frame, const struct weir_packet *p, bool ports,
		       unsigned from)
{
	f->initiator = (uint8_t)from;
	f->interface = frame->interface;
	f->has_ports = ports;
	f->has_macs = p->has & WEIR_PACKET_MACS;
	f->mac[from] = p->src_mac;
	f->mac[!from] = p->dst_mac;
	f->label = p->labels ? p->label[0] + 1 : 0;
}

static inline void count(struct weir_flow *f, struct weir_flow_half *h, const struct weir_packet *p, int64_t now_us,
			 uint32_t bytes)
{
	if (!h->packets++) {
		h->first_us = h->last_us = now_us;
		h->tos = p->tos;
		h->ttl = p->ttl;
	}
	h->bytes += bytes;
	if (now_us > h->last_us)
		h->last_us = now_us;
	else if (now_us < h->first_us)
		h->first_us = now_us;
	if (p->ttl < h->ttl)
		h->ttl = p->ttl;
	if (now_us > f->last_us)
		f->last_us = now_us;
}

static void count_tcp(struct weir_meter *m, struct weir_flow *f, struct weir_flow_half *h, uint16_t flags)
{
	h->tcp_flags |= flags;
	if (flags & TCP_RST || (flags & TCP_FIN && f->half[0].tcp_flags & f->half[1].tcp_flags & TCP_FIN))
		weir_flow_cache_end(m->cache, f);
}

static void meter_packet(struct weir_meter *m, const struct weir_frame *frame, const struct weir_packet *p)
{
	struct ports ports = ports_of(m, p);
	unsigned from = is_higher(p, &ports);
	struct weir_flow_key key = key_of(m, p, &ports, from);
	bool opens = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	uint32_t bytes = p->ip_bytes;
	struct weir_flow *f;
	bool is_new;

	/* Without a length of its own a packet goes on to the frame's end. */
	if (m->options.frame_bytes)
		bytes = frame->length;
	else if (!bytes)
		bytes = frame->length > p->ip_offset ? frame->length - p->ip_offset : 0;
	f = weir_flow_cache_find(m->cache, &key, frame->time_us, opens, &is_new);
	if (is_new)
		begin_flow(f, frame, p, ports.known, from);
	if (!f->half[from].packets)
		f->outgoing[from] = frame->outgoing;
	count(f, &f->half[from], p, frame->time_us, bytes);
	m->stats.packets++;
	m->stats.bytes += bytes;
	if (p->has & WEIR_PACKET_TCP)
		count_tcp(m, f, &f->half[from], p->tcp_flags);
}

int weir_meter_frame(struct weir_meter *meter, const struct weir_frame *frame)
{
	struct weir_packet p;
	enum weir_dissect_result result;

	meter->stats.frames++;
	if (!weir_sampler_takes(&meter->sampler)) {
		meter->stats.unsampled++;
		return meter->failed;
	}
	meter->now_us = frame->time_us;
	weir_flow_cache_advance(meter->cache, frame->time_us);
	result = weir_packet_parse(weir_cursor(frame->data, frame->captured), frame->link, meter->options.tunnel, &p);
	if (frame->tagged && !p.tunnels) {
		p.customer_vlan = p.vlan;
		p.vlan = frame->vlan;
	}
	meter->stats.malformed += result == WEIR_DISSECT_MALFORMED;
	if (p.has & WEIR_PACKET_IP)
		meter_packet(meter, frame, &p);
	else
		meter->stats.not_ip++;
	return meter->failed;
}

int weir_meter_advance(struct weir_meter *meter, int64_t now_us)
{
	if (now_us > meter->now_us) {
		meter->now_us = now_us;
		weir_flow_cache_advance(meter->cache, now_us);
	}
	return meter->failed;
}

int weir_meter_deliver(struct weir_meter *meter)
{
	return hand_out(meter);
}

int weir_meter_finish(struct weir_meter *meter)
{
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
