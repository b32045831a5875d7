#include "generate/conversation.h"

static const enum weir_column_id always[] = {
	WEIR_COL_TIME_START, WEIR_COL_TIME_END, WEIR_COL_EXPORTER_ADDR, WEIR_COL_FLOW_TYPE, WEIR_COL_OBSERVATION_DOMAIN,
	WEIR_COL_SAMPLING_RATE, WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_NEXT_HOP, WEIR_COL_PROTO,
	WEIR_COL_IP_TOS, WEIR_COL_BYTES, WEIR_COL_PACKETS, WEIR_COL_IN_IF, WEIR_COL_OUT_IF, WEIR_COL_SRC_AS,
	WEIR_COL_DST_AS, WEIR_COL_SRC_MASK, WEIR_COL_DST_MASK,
};
static const enum weir_column_id with_ports[] = {WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT, WEIR_COL_TCP_FLAGS};
static const enum weir_column_id with_icmp[] = {WEIR_COL_ICMP_TYPE, WEIR_COL_ICMP_CODE};

static void add_columns(struct weir_column_set *set, const enum weir_column_id *column, size_t columns)
{
	for (size_t i = 0; i < columns; i++)
		weir_column_set_add(set, column[i]);
}

#define ADD_COLUMNS(set, list) add_columns(set, list, sizeof(list) / sizeof((list)[0]))

void weir_observer_init(struct weir_observer *observer, const struct weir_generator_options *options)
{
	*observer = (struct weir_observer){
		.version = (uint8_t)options->version,
		.sampling_rate = options->sampling_rate ? options->sampling_rate : 1,
		.single_packets = options->single_packets,
	};
	ADD_COLUMNS(&observer->with_ports, always);
	ADD_COLUMNS(&observer->with_ports, with_ports);
	ADD_COLUMNS(&observer->with_icmp, always);
	ADD_COLUMNS(&observer->with_icmp, with_icmp);
}

/* How many of the packets are counted; a flow of which none was counted would not be exported. */
static uint64_t observed(const struct weir_observer *o, uint64_t packets)
{
	if (o->single_packets)
		return 1;
	if (o->sampling_rate > 1)
		packets /= o->sampling_rate;
	return packets ? packets : 1;
}

static void put_hosts(struct weir_block *b, uint32_t row, const struct weir_host *src, const struct weir_host *dst)
{
	weir_block_addr(b, WEIR_COL_SRC_ADDR)[row] = src->addr;
	weir_block_addr(b, WEIR_COL_DST_ADDR)[row] = dst->addr;
	weir_block_addr(b, WEIR_COL_NEXT_HOP)[row] = dst->next_hop;
	weir_block_u32(b, WEIR_COL_IN_IF)[row] = src->interface;
	weir_block_u32(b, WEIR_COL_OUT_IF)[row] = dst->interface;
	weir_block_u32(b, WEIR_COL_SRC_AS)[row] = src->as;
	weir_block_u32(b, WEIR_COL_DST_AS)[row] = dst->as;
	weir_block_u8(b, WEIR_COL_SRC_MASK)[row] = src->mask;
	weir_block_u8(b, WEIR_COL_DST_MASK)[row] = dst->mask;
}

void weir_observer_tell(const struct weir_observer *observer, const struct weir_conversation *c, bool back,
			struct weir_block *b)
{
	bool icmp = c->proto == WEIR_PROTO_ICMP || c->proto == WEIR_PROTO_ICMP6;
	uint64_t packets = observed(observer, c->packets[back]);
	uint32_t row = b->rows;

	put_hosts(b, row, back ? &c->server : &c->client, back ? &c->client : &c->server);
	weir_block_addr(b, WEIR_COL_EXPORTER_ADDR)[row] = observer->source;
	weir_block_u8(b, WEIR_COL_FLOW_TYPE)[row] = observer->version;
	weir_block_u32(b, WEIR_COL_OBSERVATION_DOMAIN)[row] = observer->domain;
	weir_block_u32(b, WEIR_COL_SAMPLING_RATE)[row] = observer->sampling_rate;
	weir_block_time(b, WEIR_COL_TIME_START)[row] = observer->single_packets ? c->end_ms : c->start_ms;
	weir_block_time(b, WEIR_COL_TIME_END)[row] = c->end_ms;
	weir_block_u8(b, WEIR_COL_PROTO)[row] = c->proto;
	weir_block_u8(b, WEIR_COL_IP_TOS)[row] = c->tos;
	weir_block_u64(b, WEIR_COL_PACKETS)[row] = packets;
	weir_block_u64(b, WEIR_COL_BYTES)[row] = packets * c->packet_bytes[back];
	if (icmp) {
		weir_block_u8(b, WEIR_COL_ICMP_TYPE)[row] = c->icmp_type[back];
	} else {
		weir_block_u16(b, WEIR_COL_SRC_PORT)[row] = back ? c->server_port : c->client_port;
		weir_block_u16(b, WEIR_COL_DST_PORT)[row] = back ? c->client_port : c->server_port;
		weir_block_u16(b, WEIR_COL_TCP_FLAGS)[row] = c->flags[back];
	}
	weir_block_commit(b, 1, icmp ? &observer->with_icmp : &observer->with_ports);
}
