/* From random bits to rows.
 *
 * A conversation takes six draws of its exporter's stream, always, and from them come: the service (by share at this
 * hour), the address family, how it went (answered, refused, cut by the active timeout …), the two hosts by rank, the
 * packets and the duration by the service's quantiles, the sizes of packets. Then one or two rows are written to the
 * block's columns. Packets and duration share one draw, so that large flows are long ones. Conversations whose second
 * row did not fit are made again from the same state at the next call, and only that row is written. */
#include "generate/generator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "generate/network.h"
#include "generate/random.h"
#include "generate/service.h"

enum {
	ICMP = 1,
	TCP = 6,
	ICMP6 = 58,
	IPV6_EXTRA_BYTES = 20, /* its header is so much longer */
	EXPORT_DELAY_MS = 15000, /* flows wait so long in an exporter at most */
	HOUR_MS = 3600000,
	PORT_FIRST = 32768, /* ephemeral ports as Linux has them */
	PORTS = 28232,
	RTP_FIRST = 16384,
};

struct stream {
	uint64_t random;
	int64_t due_ms; /* the moment of a conversation whose answer is still to be written; 0: none */
};

struct weir_generator {
	struct weir_generator_options options;
	struct weir_network network;
	struct stream *stream; /* an exporter each, owned */
	struct weir_quantile_table *packets; /* a service each, owned */
	struct weir_quantile_table *duration;
	int64_t hour; /* of the picks: hours since 1970 */
	unsigned busy;
	uint8_t pick[WEIR_SERVICE_PICKS];
};

/* How a TCP conversation went, as flags or-ed together: FIN 1, SYN 2, RST 4, PSH 8, ACK 16. */
static const struct outcome {
	uint8_t below; /* of 64 */
	uint8_t up_flags, down_flags;
	bool whole;    /* data went; else it ended at the first packet */
	bool answered;
} outcomes[] = {
	{50, 0x1b, 0x1b, true, true},	/* begun, used, closed */
	{54, 0x1f, 0x1b, true, true},	/* closed by a reset */
	{59, 0x18, 0x18, true, true},	/* in the middle of a long one: the active timeout */
	{61, 0x02, 0x14, false, true},	/* refused */
	{63, 0x02, 0x00, false, false}, /* nobody there */
	{64, 0x1b, 0x1b, true, false},	/* the way back takes another router */
};

struct conversation {
	const struct weir_service *service;
	struct weir_host client, server;
	uint8_t proto;
	bool answered;
	uint16_t client_port, server_port;
	uint8_t up_flags, down_flags;
	uint8_t icmp_type[2];
	uint64_t up_packets, up_bytes, down_packets, down_bytes;
	int64_t start_ms, end_ms;
};

int weir_generator_new(const struct weir_generator_options *options, struct weir_generator **ret_generator)
{
	struct weir_generator *g;
	uint32_t first = (uint32_t)options->source.byte[14] << 8 | options->source.byte[15];

	if (!options->exporters || options->exporters > WEIR_GENERATOR_EXPORTERS_MAX || options->ipv6_percent > 100 ||
	    first + options->exporters - 1 > UINT16_MAX)
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->hour = -1;
	g->stream = calloc(options->exporters, sizeof(*g->stream));
	g->packets = calloc(weir_services_count, sizeof(*g->packets));
	g->duration = calloc(weir_services_count, sizeof(*g->duration));
	if (!g->stream || !g->packets || !g->duration) {
		weir_generator_free(g);
		return -ENOMEM;
	}
	weir_network_init(&g->network);
	for (uint32_t i = 0; i < options->exporters; i++)
		g->stream[i].random = weir_random_hash(options->seed, options->site + i);
	for (unsigned i = 0; i < weir_services_count; i++) {
		weir_quantile_table_init(&g->packets[i], &weir_services[i].packets);
		weir_quantile_table_init(&g->duration[i], &weir_services[i].duration_ms);
	}
	*ret_generator = g;
	return 0;
}

void weir_generator_free(struct weir_generator *generator)
{
	if (!generator)
		return;
	free(generator->stream);
	free(generator->packets);
	free(generator->duration);
	free(generator);
}

struct weir_addr weir_generator_source(const struct weir_generator *generator, uint32_t exporter)
{
	struct weir_addr source = generator->options.source;
	uint32_t low = ((uint32_t)source.byte[14] << 8 | source.byte[15]) + exporter;

	source.byte[14] = (uint8_t)(low >> 8);
	source.byte[15] = (uint8_t)low;
	return source;
}

unsigned weir_generator_busy(struct weir_generator *generator, int64_t now_ms)
{
	int64_t hour = now_ms / HOUR_MS;

	if (hour != generator->hour) {
		generator->hour = hour;
		generator->busy = weir_service_picks((unsigned)(hour % 24), generator->pick);
	}
	return generator->busy;
}

static uint32_t between(const uint16_t range[2], uint32_t random16)
{
	return range[0] + (uint32_t)((uint64_t)(range[1] - range[0] + 1) * random16 >> 16);
}

static void pick_hosts(const struct weir_generator *g, uint32_t exporter, const struct weir_service *s, bool ipv6,
		       const uint64_t draw[6], struct conversation *ret)
{
	const struct weir_role_row *client = &weir_roles[s->client], *server = &weir_roles[s->server];
	uint32_t here = g->options.site + exporter;
	uint32_t there = (uint32_t)(draw[0] >> 48) * 100 >> 16 < s->central ? 0 : here; /* 0: the head office */
	uint32_t from = weir_random_rank((uint32_t)draw[1], client->hosts, client->skew);
	uint32_t to = weir_random_rank((uint32_t)(draw[1] >> 32), server->hosts, server->skew);

	if (s->client == s->server && there == here && from == to)
		to = (to + 1) % server->hosts;
	weir_network_host(&g->network, here, here, s->client, from, ipv6, &ret->client);
	weir_network_host(&g->network, here, there, s->server, to, ipv6, &ret->server);
}

static void pick_ports(const struct weir_service *s, bool ipv6, uint64_t draw, struct conversation *ret)
{
	uint32_t random = (uint32_t)draw;

	ret->proto = s->proto;
	ret->server_port = ret->client_port = s->port;
	if (s->proto == ICMP) {
		ret->icmp_type[0] = (uint8_t)(s->port >> 8);
		ret->icmp_type[1] = (uint8_t)s->port;
		ret->server_port = ret->client_port = 0;
		if (ipv6) { /* RFC 4443: what it is called there */
			ret->proto = ICMP6;
			ret->icmp_type[0] = s->port >> 8 == 8 ? 128 : s->port >> 8 == 3 ? 1 : 3;
			ret->icmp_type[1] = 129;
		}
	} else if (s->client_port == WEIR_PORT_EPHEMERAL) {
		ret->client_port = (uint16_t)(PORT_FIRST + weir_random_below(random, PORTS));
	} else if (s->client_port == WEIR_PORT_RTP) {
		ret->client_port = (uint16_t)(RTP_FIRST + 2 * (random & 0x1fff));
		ret->server_port = (uint16_t)(RTP_FIRST + 2 * (random >> 13 & 0x1fff));
	}
}

/* One packet in `rate` is counted, but a flow of which none was counted would not be exported. */
static void sample(uint64_t *packets, uint64_t *bytes, uint32_t rate)
{
	uint64_t each = *bytes / *packets;

	*packets = *packets / rate ? *packets / rate : 1;
	*bytes = *packets * each;
}

static void pick_sizes(const struct weir_generator *g, const struct weir_service *s, bool whole, bool ipv6,
		       const uint64_t draw[6], struct conversation *ret)
{
	unsigned index = (unsigned)(s - weir_services);
	uint32_t extra = ipv6 ? IPV6_EXTRA_BYTES : 0, position = (uint32_t)draw[2] & 0x3ffffff;
	uint32_t up = between(s->up, (uint32_t)(draw[2] >> 32) & 0xffff) + extra;
	uint32_t down = between(s->down, (uint32_t)(draw[2] >> 48)) + extra;

	ret->up_packets = whole ? weir_quantile_draw(&g->packets[index], position) : 1;
	ret->down_packets = whole ? ret->up_packets * s->answer / 16 : 1;
	ret->down_packets = ret->down_packets ? ret->down_packets : 1;
	if (!whole)
		up = down = 40 + extra;
	ret->end_ms -= weir_random_below((uint32_t)draw[3], EXPORT_DELAY_MS);
	ret->start_ms = ret->end_ms;
	if (ret->up_packets > 1 || s->proto == TCP)
		ret->start_ms -= weir_quantile_draw(&g->duration[index], position);
	ret->up_bytes = ret->up_packets * up;
	ret->down_bytes = ret->down_packets * down;
	if (g->options.single_packets) {
		ret->up_packets = ret->down_packets = 1;
		ret->up_bytes = up;
		ret->down_bytes = down;
		ret->start_ms = ret->end_ms;
	} else if (g->options.sampling_rate > 1) {
		sample(&ret->up_packets, &ret->up_bytes, g->options.sampling_rate);
		sample(&ret->down_packets, &ret->down_bytes, g->options.sampling_rate);
	}
}

static void converse(struct weir_generator *g, uint32_t exporter, int64_t now_ms, uint64_t *random,
		     struct conversation *ret)
{
	const struct outcome *outcome = outcomes;
	const struct weir_service *s;
	uint64_t draw[6];
	bool ipv6, whole = true;

	for (unsigned i = 0; i < 6; i++)
		draw[i] = weir_random_next(random);
	s = &weir_services[g->pick[draw[0] & (WEIR_SERVICE_PICKS - 1)]];
	ipv6 = weir_random_below((uint32_t)draw[4], 100) < g->options.ipv6_percent;
	*ret = (struct conversation){.service = s, .answered = s->answer, .end_ms = now_ms};
	if (s->proto == TCP) {
		while ((draw[0] >> 16 & 63) >= outcome->below)
			outcome++;
		whole = outcome->whole;
		ret->answered = outcome->answered && s->answer;
		ret->up_flags = outcome->up_flags;
		ret->down_flags = outcome->down_flags;
	}
	pick_hosts(g, exporter, s, ipv6, draw, ret);
	pick_ports(s, ipv6, draw[5], ret);
	pick_sizes(g, s, whole, ipv6, draw, ret);
}

static void put_row(struct weir_block *b, uint32_t row, const struct conversation *c, bool back)
{
	const struct weir_host *src = back ? &c->server : &c->client, *dst = back ? &c->client : &c->server;

	weir_block_time(b, WEIR_COL_TIME_START)[row] = c->start_ms;
	weir_block_time(b, WEIR_COL_TIME_END)[row] = c->end_ms;
	weir_block_addr(b, WEIR_COL_SRC_ADDR)[row] = src->addr;
	weir_block_addr(b, WEIR_COL_DST_ADDR)[row] = dst->addr;
	weir_block_addr(b, WEIR_COL_NEXT_HOP)[row] = dst->next_hop;
	weir_block_u8(b, WEIR_COL_PROTO)[row] = c->proto;
	weir_block_u8(b, WEIR_COL_IP_TOS)[row] = c->service->tos;
	weir_block_u64(b, WEIR_COL_BYTES)[row] = back ? c->down_bytes : c->up_bytes;
	weir_block_u64(b, WEIR_COL_PACKETS)[row] = back ? c->down_packets : c->up_packets;
	weir_block_u32(b, WEIR_COL_IN_IF)[row] = src->interface;
	weir_block_u32(b, WEIR_COL_OUT_IF)[row] = dst->interface;
	weir_block_u32(b, WEIR_COL_SRC_AS)[row] = src->as;
	weir_block_u32(b, WEIR_COL_DST_AS)[row] = dst->as;
	weir_block_u8(b, WEIR_COL_SRC_MASK)[row] = src->mask;
	weir_block_u8(b, WEIR_COL_DST_MASK)[row] = dst->mask;
	if (c->service->proto == ICMP) {
		weir_block_u8(b, WEIR_COL_ICMP_TYPE)[row] = c->icmp_type[back];
	} else {
		weir_block_u16(b, WEIR_COL_SRC_PORT)[row] = back ? c->server_port : c->client_port;
		weir_block_u16(b, WEIR_COL_DST_PORT)[row] = back ? c->client_port : c->server_port;
		weir_block_u16(b, WEIR_COL_TCP_FLAGS)[row] = back ? c->down_flags : c->up_flags;
	}
}

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

/* What the exporter says of itself, in all new rows. */
static void put_exporter(const struct weir_generator *g, uint32_t exporter, uint32_t rows, struct weir_block *b)
{
	struct weir_addr source = weir_generator_source(g, exporter);

	for (uint32_t row = b->rows; row < b->rows + rows; row++) {
		weir_block_addr(b, WEIR_COL_EXPORTER_ADDR)[row] = source;
		weir_block_u8(b, WEIR_COL_FLOW_TYPE)[row] = (uint8_t)g->options.version;
		weir_block_u32(b, WEIR_COL_OBSERVATION_DOMAIN)[row] = exporter;
		weir_block_u32(b, WEIR_COL_SAMPLING_RATE)[row] =
			g->options.sampling_rate ? g->options.sampling_rate : 1;
	}
}

void weir_generator_fill(struct weir_generator *generator, uint32_t exporter, int64_t now_ms, uint32_t rows,
			 struct weir_block *block)
{
	struct stream *stream = &generator->stream[exporter];
	struct weir_column_set present[2] = {0}; /* with ports, with ICMP */
	uint32_t end = block->rows + rows;

	for (unsigned i = 0; i < 2; i++)
		ADD_COLUMNS(&present[i], always);
	ADD_COLUMNS(&present[0], with_ports);
	ADD_COLUMNS(&present[1], with_icmp);
	put_exporter(generator, exporter, rows, block);
	while (block->rows < end) {
		bool answer_only = stream->due_ms != 0, answer_waits;
		int64_t at_ms = answer_only ? stream->due_ms : now_ms;
		uint64_t after = stream->random;
		struct conversation c;
		uint32_t written = 0;

		(void)weir_generator_busy(generator, at_ms);
		converse(generator, exporter, at_ms, &after, &c);
		if (!answer_only)
			put_row(block, block->rows + written++, &c, false);
		answer_waits = c.answered && block->rows + written == end;
		if (c.answered && !answer_waits)
			put_row(block, block->rows + written++, &c, true);
		stream->due_ms = answer_waits ? at_ms : 0;
		if (!answer_waits)
			stream->random = after;
		weir_block_commit(block, written, &present[c.service->proto == ICMP]);
	}
}
