#include "generate/scenario.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "generate/generator_parts.h"
#include "generate/random.h"

enum {
	EPHEMERAL_FIRST = 32768,
	EPHEMERAL_PORTS = 28232,
	LABEL_HOSTS = 16, /* a label names as many hosts of a side */
	IPV6_EXTRA_BYTES = 20, /* its header is so much longer */
};

/* What a draw is for; each has a stream of numbers of its own. */
enum draw { DRAW_EXPORTER, DRAW_SRC, DRAW_DST, DRAW_JITTER, DRAW_PACKETS, DRAW_DURATION, DRAW_PORT, DRAW_ANSWER };

const struct weir_scenario *weir_scenario_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < weir_scenarios_count; i++) {
		if (strlen(weir_scenarios[i].name) == len && memcmp(weir_scenarios[i].name, name, len) == 0)
			return &weir_scenarios[i];
	}
	return NULL;
}

static uint32_t draw(const struct weir_scenario_run *run, enum draw what, uint32_t n)
{
	return (uint32_t)(weir_random_hash(run->seed + what, n) >> 32);
}

void weir_scenario_run_init(struct weir_scenario_run *run, const struct weir_scenario *scenario, uint64_t seed,
			    uint32_t exporters, int64_t start_ms, bool ipv6)
{
	*run = (struct weir_scenario_run){
		.scenario = scenario,
		.seed = weir_random_hash(seed, (uint64_t)(scenario - weir_scenarios) << 8),
		.start_ms = start_ms,
		.ipv6 = ipv6,
	};
	run->exporter = weir_random_below(draw(run, DRAW_EXPORTER, 0), exporters);
}

/* The rank of host number n of a side: each scenario has its own hosts, which may be anybody. */
static uint32_t rank_of(const struct weir_scenario_run *run, const struct weir_scenario_side *side, enum draw what,
			uint32_t n)
{
	uint32_t hosts = weir_roles[side->role].hosts;
	uint32_t first = weir_random_below(draw(run, what, UINT32_MAX), hosts);

	if (side->hosts == WEIR_HOSTS_ONE)
		return first;
	if (side->hosts == WEIR_HOSTS_MANY)
		n = weir_random_below(draw(run, what, n), side->count);
	return (first + 1 + n % side->count) % hosts;
}

/* DHCPv6 has ports of its own (RFC 8415 §7.2). */
static uint16_t first_port(const struct weir_scenario_run *run, const struct weir_scenario_side *side)
{
	if (run->ipv6 && side->port == 67)
		return 547;
	return run->ipv6 && side->port == 68 ? 546 : side->port;
}

static uint16_t port_of(const struct weir_scenario_run *run, const struct weir_scenario_side *side, uint32_t n)
{
	if (run->scenario->proto == WEIR_PROTO_ICMP)
		return 0;
	if (!side->port)
		return (uint16_t)(EPHEMERAL_FIRST + weir_random_below(draw(run, DRAW_PORT, n), EPHEMERAL_PORTS));
	return (uint16_t)(first_port(run, side) + (side->ports ? n % side->ports : 0));
}

static uint8_t proto_of(const struct weir_scenario_run *run)
{
	return run->ipv6 && run->scenario->proto == WEIR_PROTO_ICMP ? WEIR_PROTO_ICMP6 : run->scenario->proto;
}

/* What the same is over IPv6: longer headers, and echoes of ICMPv6 (RFC 4443 §4). */
static void make_ipv6(struct weir_conversation *c)
{
	for (unsigned i = 0; i < 2; i++)
		c->packet_bytes[i] += c->packet_bytes[i] ? IPV6_EXTRA_BYTES : 0;
	if (c->proto != WEIR_PROTO_ICMP6)
		return;
	c->icmp_type[0] = 128;
	c->icmp_type[1] = 129;
}

static int64_t due_ms(const struct weir_scenario_run *run, uint32_t n)
{
	const struct weir_scenario *s = run->scenario;
	int64_t range = (int64_t)s->interval_us * s->jitter / 100;
	int64_t jitter = range * draw(run, DRAW_JITTER, n) / (INT64_C(1) << 31) - range;

	return run->start_ms + ((int64_t)n * s->interval_us + jitter + range) / 1000;
}

static void converse(const struct weir_scenario_run *run, const struct weir_generator *generator, uint32_t n,
		     struct weir_conversation *ret)
{
	const struct weir_scenario *s = run->scenario;
	uint32_t src = rank_of(run, &s->src, DRAW_SRC, n), dst = rank_of(run, &s->dst, DRAW_DST, n);
	uint32_t spread = s->packets[1] - s->packets[0] + 1;

	*ret = (struct weir_conversation){
		.proto = proto_of(run),
		.answered = weir_random_below(draw(run, DRAW_ANSWER, n), 100) < s->answered,
		.flags = {s->flags[0], s->flags[1]},
		.icmp_type = {s->flags[0], s->flags[1]},
		.packets = {s->packets[0] + weir_random_below(draw(run, DRAW_PACKETS, n), spread)},
		.packet_bytes = {s->bytes[0], s->bytes[1]},
		.client_port = port_of(run, &s->src, n),
		.server_port = port_of(run, &s->dst, n),
		.start_ms = due_ms(run, n),
	};
	if (s->src.role == s->dst.role && src == dst)
		dst = (dst + 1) % weir_roles[s->dst.role].hosts;
	ret->packets[1] = ret->packets[0] * s->answer / 16;
	ret->packets[1] = ret->packets[1] ? ret->packets[1] : 1;
	ret->end_ms = ret->start_ms;
	if (ret->packets[0] > 1)
		ret->end_ms += weir_random_below(draw(run, DRAW_DURATION, n), s->duration_ms);
	if (run->ipv6)
		make_ipv6(ret);
	weir_generator_host(generator, run->exporter, s->src.role, src, run->ipv6, &ret->client);
	weir_generator_host(generator, run->exporter, s->dst.role, dst, run->ipv6, &ret->server);
}

static void count(struct weir_scenario_run *run, const struct weir_block *b, uint32_t row)
{
	int64_t start = weir_block_time(b, WEIR_COL_TIME_START)[row], end = weir_block_time(b, WEIR_COL_TIME_END)[row];

	run->sums.flows++;
	run->sums.packets += weir_block_u64(b, WEIR_COL_PACKETS)[row];
	run->sums.bytes += weir_block_u64(b, WEIR_COL_BYTES)[row];
	if (!run->first_ms || start < run->first_ms)
		run->first_ms = start;
	if (end > run->last_ms)
		run->last_ms = end;
}

uint32_t weir_scenario_fill(struct weir_scenario_run *run, struct weir_generator *generator, int64_t now_ms,
			    struct weir_block *block)
{
	const struct weir_observer *observer = weir_generator_observer(generator, run->exporter);
	uint32_t first = block->rows;

	while (run->next < run->scenario->times && weir_block_room(block) >= 2 &&
	       due_ms(run, run->next) + run->scenario->duration_ms <= now_ms) {
		struct weir_conversation c;

		converse(run, generator, run->next++, &c);
		weir_observer_tell(observer, &c, false, block);
		count(run, block, block->rows - 1);
		if (c.answered) {
			weir_observer_tell(observer, &c, true, block);
			count(run, block, block->rows - 1);
		}
	}
	return block->rows - first;
}

static void time_text(int64_t ms, char ret_text[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	(void)gmtime_r(&seconds, &tm);
	n = strftime(ret_text, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret_text + n, 32 - n, ".%03dZ", (int)(ms % 1000));
}

/* "sources":["10.0.0.1",…],"sources_count":1 */
static int put_hosts(const struct weir_scenario_run *run, const struct weir_generator *generator, const char *name,
		     const struct weir_scenario_side *side, enum draw what, struct weir_buffer *out)
{
	uint32_t hosts = side->hosts == WEIR_HOSTS_ONE ? 1 : side->count;
	uint32_t own = weir_roles[side->role].hosts;
	int rc;

	hosts = hosts < own ? hosts : own;
	rc = weir_buffer_printf(out, ",\"%s_count\":%u,\"%s\":[", name, hosts, name);
	for (uint32_t i = 0; i < hosts && i < LABEL_HOSTS && !rc; i++) {
		struct weir_scenario_side each = *side;
		struct weir_host host;
		char text[WEIR_ADDR_TEXT_MAX];

		if (each.hosts == WEIR_HOSTS_MANY)
			each.hosts = WEIR_HOSTS_EACH;
		weir_generator_host(generator, run->exporter, side->role, rank_of(run, &each, what, i), run->ipv6,
				    &host);
		(void)weir_addr_text(&host.addr, text);
		rc = weir_buffer_printf(out, "%s\"%s\"", i ? "," : "", text);
	}
	return rc ? rc : weir_buffer_text(out, "]");
}

int weir_scenario_label(const struct weir_scenario_run *run, const struct weir_generator *generator,
			struct weir_buffer *out)
{
	const struct weir_scenario *s = run->scenario;
	struct weir_addr source = weir_generator_source(generator, run->exporter);
	char first[32], last[32], exporter[WEIR_ADDR_TEXT_MAX];
	int rc;

	(void)weir_addr_text(&source, exporter);
	time_text(run->first_ms ? run->first_ms : run->start_ms, first);
	time_text(run->last_ms ? run->last_ms : run->start_ms, last);
	rc = weir_buffer_printf(out,
				"{\"scenario\":\"%s\",\"kind\":\"%s\",\"start\":\"%s\",\"end\":\"%s\",\"exporter\":\"%s\","
				"\"family\":\"%s\",\"proto\":%u,\"complete\":%s,\"flows\":%llu,\"packets\":%llu,\"bytes\":%llu",
				s->name, s->kind, first, last, exporter, run->ipv6 ? "ipv6" : "ipv4", proto_of(run),
				run->next == s->times ? "true" : "false", (unsigned long long)run->sums.flows,
				(unsigned long long)run->sums.packets, (unsigned long long)run->sums.bytes);
	if (!rc && s->src.port)
		rc = weir_buffer_printf(out, ",\"src_port\":%u", first_port(run, &s->src));
	if (!rc && s->dst.port)
		rc = weir_buffer_printf(out, ",\"dst_port\":%u,\"dst_ports\":%u", first_port(run, &s->dst),
					s->dst.ports ? s->dst.ports : 1);
	if (!rc)
		rc = put_hosts(run, generator, "sources", &s->src, DRAW_SRC, out);
	if (!rc)
		rc = put_hosts(run, generator, "targets", &s->dst, DRAW_DST, out);
	return rc ? rc : weir_buffer_text(out, "}\n");
}
