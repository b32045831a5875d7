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

#include "generate/generator_parts.h"
#include "generate/random.h"
#include "generate/service.h"

enum {
	BARE_BYTES = 40, /* of a packet that is headers only */
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
	struct weir_observer observer; /* of the exporter at work */
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
	weir_observer_init(&g->observer, options);
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
		       const uint64_t draw[6], struct weir_conversation *ret)
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

static void pick_ports(const struct weir_service *s, bool ipv6, uint64_t draw, struct weir_conversation *ret)
{
	uint32_t random = (uint32_t)draw;

	ret->proto = s->proto;
	ret->server_port = ret->client_port = s->port;
	if (s->proto == WEIR_PROTO_ICMP) {
		ret->icmp_type[0] = (uint8_t)(s->port >> 8);
		ret->icmp_type[1] = (uint8_t)s->port;
		ret->server_port = ret->client_port = 0;
		if (ipv6) { /* RFC 4443: what it is called there */
			ret->proto = WEIR_PROTO_ICMP6;
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

static void pick_sizes(const struct weir_generator *g, const struct weir_service *s, bool whole, bool ipv6,
		       const uint64_t draw[6], struct weir_conversation *ret)
{
	unsigned index = (unsigned)(s - weir_services);
	uint32_t position = (uint32_t)draw[2] & 0x3ffffff;

	ret->packets[0] = whole ? weir_quantile_draw(&g->packets[index], position) : 1;
	ret->packets[1] = whole ? ret->packets[0] * s->answer / 16 : 1;
	ret->packets[1] = ret->packets[1] ? ret->packets[1] : 1;
	ret->packet_bytes[0] = whole ? between(s->up, (uint32_t)(draw[2] >> 32) & 0xffff) : BARE_BYTES;
	ret->packet_bytes[1] = whole ? between(s->down, (uint32_t)(draw[2] >> 48)) : BARE_BYTES;
	for (unsigned i = 0; i < 2; i++)
		ret->packet_bytes[i] += ipv6 ? IPV6_EXTRA_BYTES : 0;
	ret->end_ms -= weir_random_below((uint32_t)draw[3], EXPORT_DELAY_MS);
	ret->start_ms = ret->end_ms;
	if (ret->packets[0] > 1 || s->proto == WEIR_PROTO_TCP)
		ret->start_ms -= weir_quantile_draw(&g->duration[index], position);
}

static void converse(struct weir_generator *g, uint32_t exporter, int64_t now_ms, uint64_t *random,
		     struct weir_conversation *ret)
{
	const struct outcome *outcome = outcomes;
	const struct weir_service *s;
	uint64_t draw[6];
	bool ipv6, whole = true;

	for (unsigned i = 0; i < 6; i++)
		draw[i] = weir_random_next(random);
	s = &weir_services[g->pick[draw[0] & (WEIR_SERVICE_PICKS - 1)]];
	ipv6 = weir_random_below((uint32_t)draw[4], 100) < g->options.ipv6_percent;
	*ret = (struct weir_conversation){.tos = s->tos, .answered = s->answer, .end_ms = now_ms};
	if (s->proto == WEIR_PROTO_TCP) {
		while ((draw[0] >> 16 & 63) >= outcome->below)
			outcome++;
		whole = outcome->whole;
		ret->answered = outcome->answered && s->answer;
		ret->flags[0] = outcome->up_flags;
		ret->flags[1] = outcome->down_flags;
	}
	pick_hosts(g, exporter, s, ipv6, draw, ret);
	pick_ports(s, ipv6, draw[5], ret);
	pick_sizes(g, s, whole, ipv6, draw, ret);
}

const struct weir_observer *weir_generator_observer(struct weir_generator *generator, uint32_t exporter)
{
	generator->observer.source = weir_generator_source(generator, exporter);
	generator->observer.domain = exporter;
	return &generator->observer;
}

void weir_generator_host(const struct weir_generator *generator, uint32_t exporter, enum weir_role role, uint32_t rank,
			 bool ipv6, struct weir_host *ret_host)
{
	uint32_t site = generator->options.site + exporter;

	weir_network_host(&generator->network, site, site, role, rank, ipv6, ret_host);
}

void weir_generator_fill(struct weir_generator *generator, uint32_t exporter, int64_t now_ms, uint32_t rows,
			 struct weir_block *block)
{
	struct stream *stream = &generator->stream[exporter];
	uint32_t end = block->rows + rows;

	(void)weir_generator_observer(generator, exporter);
	while (block->rows < end) {
		bool answer_only = stream->due_ms != 0, answer_waits;
		int64_t at_ms = answer_only ? stream->due_ms : now_ms;
		uint64_t after = stream->random;
		struct weir_conversation c;

		(void)weir_generator_busy(generator, at_ms);
		converse(generator, exporter, at_ms, &after, &c);
		if (!answer_only)
			weir_observer_tell(&generator->observer, &c, false, block);
		answer_waits = c.answered && block->rows == end;
		if (c.answered && !answer_waits)
			weir_observer_tell(&generator->observer, &c, true, block);
		stream->due_ms = answer_waits ? at_ms : 0;
		if (!answer_waits)
			stream->random = after;
	}
}
