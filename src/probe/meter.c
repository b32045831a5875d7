#include "probe/meter.h"

#include <errno.h>
#include <stdlib.h>

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
	BATCH = 32,
};

/* What a packet means to its flow. Packets wait in a batch, so that the memory of their flows can be asked for together. */
struct sight {
	struct weir_flow_key key;
	uint32_t hash;
	int64_t time_us;
	uint32_t bytes;
	uint32_t label; /* top MPLS label + 1; 0: none */
	uint32_t interface;
	uint64_t src_mac, dst_mac;
	uint16_t tcp_flags;
	uint8_t tos, ttl;
	uint8_t from; /* which end of the key is the source */
	bool opens;   /* TCP: SYN without ACK */
	bool is_tcp, has_ports, has_macs, outgoing;
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
	unsigned sights;
	struct sight sight[BATCH];
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

static struct ports ports_of(struct weir_meter *m, const struct weir_packet *p, int64_t now_us)
{
	struct ports ports = {.src = p->src_port, .dst = p->dst_port, .known = p->has & (WEIR_PACKET_PORTS | WEIR_PACKET_ICMP)};

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

/* Whether the source is the higher end. */
static inline bool is_higher(const struct weir_packet *p, const struct ports *ports)
{
	uint64_t src = weir_be64(p->src_addr.byte), dst = weir_be64(p->dst_addr.byte);

	if (src == dst) {
		src = weir_be64(p->src_addr.byte + 8);
		dst = weir_be64(p->dst_addr.byte + 8);
	}
	return src == dst ? ports->src > ports->dst : src > dst;
}

static inline void put_key(const struct weir_meter *m, const struct weir_packet *p, const struct ports *ports, unsigned from,
			   struct weir_flow_key *key)
{
	key->addr[from] = p->src_addr;
	key->addr[!from] = p->dst_addr;
	key->port[from] = ports->src;
	key->port[!from] = ports->dst;
	key->vlan = p->vlan;
	key->customer_vlan = p->customer_vlan;
	key->vni = p->vni;
	key->proto = p->proto;
	key->tos = m->options.tos ? p->tos : 0;
	key->zero = 0;
}

/* --- counting --------------------------------------------------------------------------------------------- */

static void begin_flow(struct weir_flow *f, const struct sight *s)
{
	f->initiator = s->from;
	f->interface = s->interface;
	f->has_ports = s->has_ports;
	f->has_macs = s->has_macs;
	f->mac[s->from] = s->src_mac;
	f->mac[!s->from] = s->dst_mac;
	f->label = s->label;
}

static inline void count(struct weir_flow *f, struct weir_flow_half *h, const struct sight *s)
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

static void count_tcp(struct weir_meter *m, struct weir_flow *f, struct weir_flow_half *h, uint16_t flags)
{
	h->tcp_flags |= flags;
	if (flags & TCP_RST || (flags & TCP_FIN && f->half[0].tcp_flags & f->half[1].tcp_flags & TCP_FIN))
		weir_flow_cache_end(m->cache, f);
}

/* Count the batch's packets to their flows. */
static void settle(struct weir_meter *m)
{
	for (unsigned i = 0; i < m->sights; i++)
		weir_flow_cache_near_flow(m->cache, m->sight[i].hash);
	for (unsigned i = 0; i < m->sights; i++) {
		const struct sight *s = &m->sight[i];
		struct weir_flow *f;
		bool is_new;

		m->now_us = s->time_us;
		weir_flow_cache_advance(m->cache, s->time_us);
		f = weir_flow_cache_find(m->cache, &s->key, s->hash, s->time_us, s->opens, &is_new);
		if (is_new)
			begin_flow(f, s);
		count(f, &f->half[s->from], s);
		m->stats.packets++;
		m->stats.bytes += s->bytes;
		if (s->is_tcp)
			count_tcp(m, f, &f->half[s->from], s->tcp_flags);
	}
	m->sights = 0;
}

/* Without a length of its own a packet goes on to the frame's end. */
static inline uint32_t bytes_of(const struct weir_meter *m, const struct weir_frame *frame, const struct weir_packet *p)
{
	if (m->options.frame_bytes)
		return frame->length;
	if (p->ip_bytes)
		return p->ip_bytes;
	return frame->length > p->ip_offset ? frame->length - p->ip_offset : 0;
}

static void see(struct weir_meter *m, const struct weir_frame *frame, const struct weir_packet *p)
{
	struct ports ports = ports_of(m, p, frame->time_us);
	unsigned from = is_higher(p, &ports);
	struct sight *s = &m->sight[m->sights++];

	/* Member by member: a compound literal would be made elsewhere and copied. */
	put_key(m, p, &ports, from, &s->key);
	s->time_us = frame->time_us;
	s->bytes = bytes_of(m, frame, p);
	s->label = p->labels ? p->label[0] + 1 : 0;
	s->interface = frame->interface;
	s->src_mac = p->src_mac;
	s->dst_mac = p->dst_mac;
	s->tcp_flags = p->tcp_flags;
	s->tos = p->tos;
	s->ttl = p->ttl;
	s->from = (uint8_t)from;
	s->opens = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	s->is_tcp = p->has & WEIR_PACKET_TCP;
	s->has_ports = ports.known;
	s->has_macs = p->has & WEIR_PACKET_MACS;
	s->outgoing = frame->outgoing;
	s->hash = weir_flow_cache_hash(m->cache, &s->key);
	weir_flow_cache_near_slot(m->cache, s->hash);
	if (m->sights == BATCH)
		settle(m);
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
	result = weir_packet_parse(weir_cursor(frame->data, frame->captured), frame->link, meter->options.tunnel, &p);
	if (frame->tagged && !p.tunnels) {
		p.customer_vlan = p.vlan;
		p.vlan = frame->vlan;
	}
	meter->stats.malformed += result == WEIR_DISSECT_MALFORMED;
	if (p.has & WEIR_PACKET_IP)
		see(meter, frame, &p);
	else
		meter->stats.not_ip++;
	return meter->failed;
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
