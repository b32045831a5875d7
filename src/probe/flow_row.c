#include "probe/flow_row.h"

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_ICMPV6 = 58,
	US_PER_MS = 1000,
	INGRESS = 0,
	EGRESS = 1,
};

struct row {
	struct weir_block *block;
	uint32_t at;
	struct weir_column_set set;
};

static inline void put8(struct row *r, enum weir_column_id id, uint8_t v)
{
	weir_block_u8(r->block, id)[r->at] = v;
	weir_column_set_add(&r->set, id);
}

static inline void put16(struct row *r, enum weir_column_id id, uint16_t v)
{
	weir_block_u16(r->block, id)[r->at] = v;
	weir_column_set_add(&r->set, id);
}

static inline void put32(struct row *r, enum weir_column_id id, uint32_t v)
{
	weir_block_u32(r->block, id)[r->at] = v;
	weir_column_set_add(&r->set, id);
}

static inline void put64(struct row *r, enum weir_column_id id, uint64_t v)
{
	weir_block_u64(r->block, id)[r->at] = v;
	weir_column_set_add(&r->set, id);
}

static inline void put_time(struct row *r, enum weir_column_id id, int64_t us)
{
	weir_block_time(r->block, id)[r->at] = us / US_PER_MS;
	weir_column_set_add(&r->set, id);
}

static inline void put_addr(struct row *r, enum weir_column_id id, const struct weir_addr *v)
{
	weir_block_addr(r->block, id)[r->at] = *v;
	weir_column_set_add(&r->set, id);
}

static void put_key(struct row *r, const struct weir_flow *f, unsigned from)
{
	const struct weir_flow_key *k = &f->key;
	bool icmp = k->proto == PROTO_ICMP || k->proto == PROTO_ICMPV6;

	put_addr(r, WEIR_COL_SRC_ADDR, &k->addr[from]);
	put_addr(r, WEIR_COL_DST_ADDR, &k->addr[!from]);
	put8(r, WEIR_COL_PROTO, k->proto);
	put8(r, WEIR_COL_IP_VERSION, weir_addr_is_v4(&k->addr[0]) ? 4 : 6);
	if (f->has_ports && icmp) {
		/* Type and code stand in the place of the destination port. */
		put8(r, WEIR_COL_ICMP_TYPE, (uint8_t)(k->port[!from] >> 8));
		put8(r, WEIR_COL_ICMP_CODE, (uint8_t)k->port[!from]);
	} else if (f->has_ports) {
		put16(r, WEIR_COL_SRC_PORT, k->port[from]);
		put16(r, WEIR_COL_DST_PORT, k->port[!from]);
	}
	if (k->vlan)
		put16(r, WEIR_COL_SRC_VLAN, k->vlan);
	if (k->customer_vlan)
		put16(r, WEIR_COL_CUSTOMER_VLAN, k->customer_vlan);
	if (k->vni)
		put64(r, WEIR_COL_VNI, k->vni);
}

/* A sample's numbers have gaps, and tell nothing. */
static void put_tcp(struct row *r, const struct weir_flow *f, unsigned from, const struct weir_flow_row_options *options)
{
	const struct weir_flow_half *h = &f->half[from], *back = &f->half[!from];
	bool whole = f->client_rtt_us && f->server_rtt_us;

	if (options->sampling > 1)
		return;
	put32(r, WEIR_COL_TCP_RTT, whole ? f->server_rtt_us + f->client_rtt_us : 0);
	put32(r, WEIR_COL_SERVER_RTT, f->server_rtt_us);
	put32(r, WEIR_COL_CLIENT_RTT, f->client_rtt_us);
	put32(r, WEIR_COL_RETRANSMITTED_PACKETS, h->retransmitted);
	put32(r, WEIR_COL_OUT_OF_ORDER_PACKETS, h->out_of_order);
	if (!options->bidirectional)
		return;
	put32(r, WEIR_COL_REVERSE_RETRANSMITTED_PACKETS, back->retransmitted);
	put32(r, WEIR_COL_REVERSE_OUT_OF_ORDER_PACKETS, back->out_of_order);
}

static void put_half(struct row *r, const struct weir_flow *f, unsigned from)
{
	const struct weir_flow_half *h = &f->half[from];

	put64(r, WEIR_COL_PACKETS, h->packets);
	put64(r, WEIR_COL_BYTES, h->bytes);
	put_time(r, WEIR_COL_TIME_START, h->first_us);
	put_time(r, WEIR_COL_TIME_END, h->last_us);
	put8(r, WEIR_COL_IP_TOS, h->tos);
	put8(r, WEIR_COL_IP_TTL, h->ttl);
	if (f->key.proto == PROTO_TCP)
		put16(r, WEIR_COL_TCP_FLAGS, h->tcp_flags);
	if (f->has_macs) {
		put64(r, WEIR_COL_SRC_MAC, f->mac[from]);
		put64(r, WEIR_COL_DST_MAC, f->mac[!from]);
	}
	if (f->label && from == f->initiator)
		put32(r, WEIR_COL_MPLS_LABEL_1, f->label - 1);
}

/* Which way the machine's own interface was passed. */
static void put_way(struct row *r, const struct weir_flow *f, unsigned from)
{
	bool out = f->outgoing[from];

	if (!f->interface)
		return;
	put8(r, WEIR_COL_DIRECTION, out ? EGRESS : INGRESS);
	put32(r, WEIR_COL_IN_IF, out ? 0 : f->interface);
	put32(r, WEIR_COL_OUT_IF, out ? f->interface : 0);
}

static void put_reverse(struct row *r, const struct weir_flow *f, unsigned from)
{
	const struct weir_flow_half *h = &f->half[from], *back = &f->half[!from];

	put64(r, WEIR_COL_REVERSE_PACKETS, back->packets);
	put64(r, WEIR_COL_REVERSE_BYTES, back->bytes);
	if (!back->packets)
		return;
	/* The record's times are those of both directions. */
	put_time(r, WEIR_COL_TIME_START, h->first_us < back->first_us ? h->first_us : back->first_us);
	put_time(r, WEIR_COL_TIME_END, h->last_us > back->last_us ? h->last_us : back->last_us);
}

unsigned weir_flow_row_put(const struct weir_flow *flow, enum weir_flow_end reason, int64_t now_us,
			   const struct weir_flow_row_options *options, struct weir_block *block)
{
	unsigned rows = 0;

	for (unsigned i = 0; i < 2; i++) {
		unsigned from = i ? !flow->initiator : flow->initiator;
		struct row r = {.block = block, .at = block->rows};

		if (!flow->half[from].packets || (options->bidirectional && rows))
			continue;
		put_key(&r, flow, from);
		put_half(&r, flow, from);
		if (flow->key.proto == PROTO_TCP)
			put_tcp(&r, flow, from, options);
		put_way(&r, flow, from);
		if (options->bidirectional)
			put_reverse(&r, flow, from);
		put_time(&r, WEIR_COL_TIME_RECEIVED, now_us);
		put_addr(&r, WEIR_COL_EXPORTER_ADDR, &options->exporter);
		put8(&r, WEIR_COL_FLOW_TYPE, WEIR_FLOW_PROBE);
		put32(&r, WEIR_COL_OBSERVATION_DOMAIN, options->domain);
		put32(&r, WEIR_COL_SAMPLING_RATE, options->sampling ? options->sampling : 1);
		put8(&r, WEIR_COL_FLOW_END_REASON, (uint8_t)reason);
		weir_block_commit(block, 1, &r.set);
		rows++;
	}
	return rows;
}
