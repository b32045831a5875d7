/* Judging the flows of a block: three sets of rules, their intersection, its lowest rule that time and quantity allow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classes.h"
#include "policy/policy_parts.h"
#include "policy/sums.h"

#define PLACE_CLASSES	16384
#define SERVICE_CLASSES 8192
/* Bits of all classes of a table together, so that thousands of rules cost no more than this. */
#define CLASS_BYTES_MAX (16U << 20)

/* What was found for three classes, for policies of so many words of rules that to walk through them costs more. */
#define VERDICTS	 1024
#define VERDICTS_FROM	 3 /* words */

/* 16 bytes, four to a cache line. */
struct verdict {
	uint32_t from, to, over; /* where the classes' bits begin in their tables; over UINT32_MAX: free */
	uint32_t rule;		 /* UINT32_MAX: none */
};

struct weir_judge {
	const struct weir_policy *policy;
	struct weir_classes places;   /* bits: from, to */
	struct weir_classes services; /* bits: over */
	struct verdict *verdict;      /* VERDICTS of them; NULL: the policy is small */
	uint64_t verdict_dropped;     /* of both tables, when the verdicts began */
	struct weir_sums *sums;	      /* NULL where no rule has a span */
	uint32_t *prefix[2];	      /* of a block's sources and destinations; room for the largest block so far */
	uint32_t room;
	int64_t minute;		      /* that `when` is of */
	uint64_t *when;		      /* rules whose time it is, in this minute */
	struct weir_judge_stats stats;
};

static uint32_t capacity_for(uint32_t wanted, uint32_t words)
{
	while (wanted > 256 && (uint64_t)wanted * words * 8 > CLASS_BYTES_MAX)
		wanted /= 2;
	return wanted;
}

static void forget_verdicts(struct weir_judge *j)
{
	memset(j->verdict, 0xff, VERDICTS * sizeof(*j->verdict));
	j->verdict_dropped = j->places.dropped + j->services.dropped;
}

static bool has_spans(const struct weir_policy *p)
{
	for (uint32_t i = 0; i < p->rules; i++) {
		if (p->rule[i]->more_than.within_s)
			return true;
	}
	return false;
}

int weir_judge_new(const struct weir_policy *policy, uint64_t seed, struct weir_judge **ret_judge)
{
	struct weir_judge *j = calloc(1, sizeof(*j));
	uint32_t words = policy->words;

	if (!j)
		return -ENOMEM;
	j->policy = policy;
	j->minute = INT64_MIN;
	j->when = calloc(words, sizeof(*j->when));
	if (words >= VERDICTS_FROM)
		j->verdict = malloc(VERDICTS * sizeof(*j->verdict));
	if (!j->when || (words >= VERDICTS_FROM && !j->verdict) || weir_classes_init(&j->places, capacity_for(PLACE_CLASSES, 2 * words), 2 * words, seed) ||
	    weir_classes_init(&j->services, capacity_for(SERVICE_CLASSES, words), words, seed + 1) ||
	    (has_spans(policy) && weir_sums_new(seed + 2, &j->sums))) {
		weir_judge_free(j);
		return -ENOMEM;
	}
	if (j->verdict)
		forget_verdicts(j);
	*ret_judge = j;
	return 0;
}

void weir_judge_free(struct weir_judge *judge)
{
	if (!judge)
		return;
	weir_classes_done(&judge->places);
	weir_classes_done(&judge->services);
	weir_sums_free(judge->sums);
	free(judge->verdict);
	free(judge->when);
	free(judge->prefix[0]);
	free(judge->prefix[1]);
	free(judge);
}

/* The columns that are read, once a block. */
struct columns {
	const struct weir_addr *addr[2]; /* of source and destination, as all that follow */
	const uint32_t *subnet[2];
	const uint32_t *zone[2];
	const uint32_t *role[2];
	const uint32_t *country[2];
	const uint32_t *threat[2];
	const uint16_t *port[2];
	const uint32_t *direction;
	const uint8_t *initiator;
	const uint8_t *proto;
	const uint16_t *service_port;
	const uint32_t *service;
	const uint32_t *category;
	const uint64_t *bytes;
	const uint64_t *packets;
	const uint32_t *sampling_rate;
	uint32_t *rule;
	uint32_t *action;
	const uint32_t *prefix[2]; /* of the policy's networks; NULL: it names none */
};

static struct columns columns_of(const struct weir_block *b)
{
	return (struct columns){
		.addr = {weir_block_addr(b, WEIR_COL_SRC_ADDR), weir_block_addr(b, WEIR_COL_DST_ADDR)},
		.subnet = {weir_block_u32(b, WEIR_COL_SRC_SUBNET), weir_block_u32(b, WEIR_COL_DST_SUBNET)},
		.zone = {weir_block_u32(b, WEIR_COL_SRC_ZONE), weir_block_u32(b, WEIR_COL_DST_ZONE)},
		.role = {weir_block_u32(b, WEIR_COL_SRC_ROLE), weir_block_u32(b, WEIR_COL_DST_ROLE)},
		.country = {weir_block_u32(b, WEIR_COL_SRC_COUNTRY), weir_block_u32(b, WEIR_COL_DST_COUNTRY)},
		.threat = {weir_block_u32(b, WEIR_COL_SRC_THREAT), weir_block_u32(b, WEIR_COL_DST_THREAT)},
		.port = {weir_block_u16(b, WEIR_COL_SRC_PORT), weir_block_u16(b, WEIR_COL_DST_PORT)},
		.direction = weir_block_u32(b, WEIR_COL_TRAFFIC_DIRECTION),
		.initiator = weir_block_u8(b, WEIR_COL_INITIATOR),
		.proto = weir_block_u8(b, WEIR_COL_PROTO),
		.service_port = weir_block_u16(b, WEIR_COL_SERVICE_PORT),
		.service = weir_block_u32(b, WEIR_COL_SERVICE),
		.category = weir_block_u32(b, WEIR_COL_CATEGORY),
		.bytes = weir_block_u64(b, WEIR_COL_BYTES),
		.packets = weir_block_u64(b, WEIR_COL_PACKETS),
		.sampling_rate = weir_block_u32(b, WEIR_COL_SAMPLING_RATE),
		.rule = weir_block_u32(b, WEIR_COL_RULE),
		.action = weir_block_u32(b, WEIR_COL_ACTION),
	};
}

/* Is the source the server? Where nobody knows who began, the side with the service's port answers. */
static bool is_swapped(const struct columns *c, uint32_t row)
{
	if (c->initiator[row])
		return c->initiator[row] == 2;
	return c->service_port[row] && c->service_port[row] == c->port[0][row] && c->service_port[row] != c->port[1][row];
}

/* Inside or outside is what enrichment says; where it says nothing, a known network is inside. */
static bool is_inside(const struct weir_policy *p, const struct columns *c, int side, uint32_t row)
{
	uint32_t direction = c->direction[row];

	if (!direction)
		return c->subnet[side][row] != 0;
	return direction == p->internal || direction == (side ? p->inbound : p->outbound);
}

/* Not met before. */
static __attribute__((noinline)) const uint64_t *add_place(struct weir_judge *j, const struct weir_class_key *key)
{
	const uint32_t *part = key->part;
	struct weir_place place = {part[0], part[1], part[2], part[3], part[4], part[5] != 0};
	uint64_t *made = weir_classes_add(&j->places, key);

	weir_policy_place_rules(j->policy, &place, made, made + j->policy->words);
	return made;
}

static inline __attribute__((always_inline)) const uint64_t *place_bits(struct weir_judge *j, const struct columns *c, int side,
									uint32_t row)
{
	const struct weir_policy *p = j->policy;
	uint32_t prefix = c->prefix[side] ? c->prefix[side][row] : 0;
	bool inside = is_inside(p, c, side, row);
	/* Not the subnet, of which there may be millions: rules ask for what they share. */
	struct weir_class_key key = {{
		c->zone[side][row],
		c->role[side][row],
		p->by_country ? c->country[side][row] : 0,
		p->by_threat ? c->threat[side][row] : 0,
		prefix,
		inside,
	}};
	const uint64_t *bits = weir_classes_find(&j->places, &key);

	return bits ? bits : add_place(j, &key);
}

static const uint64_t *service_bits(struct weir_judge *j, const struct columns *c, bool swapped, uint32_t row)
{
	const struct weir_policy *p = j->policy;
	uint8_t proto = c->proto[row];
	uint16_t port = c->service_port[row];
	struct weir_class_key key;
	const uint64_t *bits;
	uint64_t *made;

	/* Without a service's port the server's is the best there is. */
	if (!port)
		port = c->port[swapped ? 0 : 1][row];
	key = (struct weir_class_key){{proto, weir_policy_port_group(p, proto, port), c->service[row], c->category[row]}};
	bits = weir_classes_find(&j->services, &key);
	if (bits)
		return bits;
	made = weir_classes_add(&j->services, &key);
	weir_policy_service_rules(p, &(struct weir_service){proto, port, c->service[row], c->category[row]}, made);
	return made;
}

static bool is_more(struct weir_judge *j, const struct columns *c, uint32_t rule, bool swapped, uint32_t row, int64_t now_s)
{
	const struct weir_more_than *m = &j->policy->rule[rule]->more_than;
	uint64_t value = m->quantity == WEIR_QUANTITY_BYTES ? weir_scaled(c->bytes[row], c->sampling_rate[row]) :
			 m->quantity == WEIR_QUANTITY_PACKETS ? weir_scaled(c->packets[row], c->sampling_rate[row]) : 1;

	if (m->within_s) {
		struct weir_sum_key key = {c->addr[swapped][row], c->addr[!swapped][row], rule, m->within_s};

		value = weir_sums_add(j->sums, &key, value, now_s);
	}
	return value > m->value;
}

/* Of a rule that asks about times and quantities: does it hold? */
static bool holds_now(struct weir_judge *j, const struct columns *c, uint32_t rule, bool swapped, uint32_t row, int64_t now_s)
{
	const struct weir_policy_rule *r = j->policy->rule[rule];

	if (r->when.spans && !(j->when[rule / 64] >> (rule % 64) & 1))
		return false;
	return !r->more_than.quantity || is_more(j, c, rule, swapped, row, now_s);
}

/* The first rule of all three sets that holds; UINT32_MAX: none. ret_fixed: no time or quantity was asked for it. */
static inline __attribute__((always_inline)) uint32_t first_rule(struct weir_judge *j, const struct columns *c, const uint64_t *from,
								 const uint64_t *to, const uint64_t *over, uint32_t row,
								 bool swapped, int64_t now_s, bool *ret_fixed)
{
	const struct weir_policy *p = j->policy;

	*ret_fixed = true;
	for (uint32_t w = 0; w < p->words; w++) {
		uint64_t rules = from[w] & to[w] & over[w];

		for (; rules; rules &= rules - 1) {
			uint32_t rule = w * 64 + (uint32_t)__builtin_ctzll(rules);

			if (!(p->dynamic[w] >> (rule % 64) & 1))
				return rule;
			*ret_fixed = false;
			if (holds_now(j, c, rule, swapped, row, now_s))
				return rule;
		}
	}
	return UINT32_MAX;
}

/* Offsets of classes are multiples of the words, so the multiplier spreads them. */
static struct verdict *verdict_of(const struct weir_judge *j, uint32_t from, uint32_t to, uint32_t over)
{
	uint64_t h = from * UINT64_C(0x9e3779b97f4a7c15) + to * UINT64_C(0xbf58476d1ce4e5b9) + over * UINT64_C(0x94d049bb133111eb);

	return &j->verdict[(h >> 40) % VERDICTS];
}

/* The rule that judges the row; UINT32_MAX: none. */
static uint32_t judge_row(struct weir_judge *j, const struct columns *c, uint32_t row, bool swapped, int64_t now_s)
{
	const struct weir_policy *p = j->policy;
	const uint64_t *from;
	const uint64_t *to;
	const uint64_t *over;
	struct verdict *known;
	struct verdict v;
	bool fixed;

	/* The table may begin anew when the second of the two is added: then the first is looked up again. */
	uint64_t dropped = j->places.dropped;

	from = place_bits(j, c, swapped, row);
	to = place_bits(j, c, !swapped, row) + p->words;
	if (dropped != j->places.dropped)
		from = place_bits(j, c, swapped, row);
	over = service_bits(j, c, swapped, row);
	if (!j->verdict)
		return first_rule(j, c, from, to, over, row, swapped, now_s, &fixed);
	/* Where a table began anew its bits are other classes' now. */
	if (j->verdict_dropped != j->places.dropped + j->services.dropped)
		forget_verdicts(j);
	v = (struct verdict){(uint32_t)(from - j->places.bits), (uint32_t)(to - j->places.bits), (uint32_t)(over - j->services.bits), 0};
	known = verdict_of(j, v.from, v.to, v.over);
	if (known->from == v.from && known->to == v.to && known->over == v.over)
		return known->rule;
	v.rule = first_rule(j, c, from, to, over, row, swapped, now_s, &fixed);
	if (fixed)
		*known = v;
	return v.rule;
}

/* Which rules' times it is: once a minute. */
static void look_at_clock(struct weir_judge *j, int64_t now_s)
{
	int64_t minute = now_s / 60;

	if (minute == j->minute)
		return;
	j->minute = minute;
	memset(j->when, 0, j->policy->words * sizeof(*j->when));
	for (uint32_t i = 0; i < j->policy->rules; i++) {
		if (weir_when_holds(&j->policy->rule[i]->when, now_s))
			j->when[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

/* Look the block's addresses up in the policy's networks, all at once. Without memory they are in none. */
static void find_prefixes(struct weir_judge *j, const struct weir_block *block, struct columns *c)
{
	if (!j->policy->table)
		return;
	if (j->room < block->rows) {
		free(j->prefix[0]);
		free(j->prefix[1]);
		j->prefix[0] = malloc(block->capacity * sizeof(uint32_t));
		j->prefix[1] = malloc(block->capacity * sizeof(uint32_t));
		j->room = j->prefix[0] && j->prefix[1] ? block->capacity : 0;
		if (!j->room)
			return;
	}
	for (int side = 0; side < 2; side++) {
		weir_prefix_table_find_all(j->policy->table, c->addr[side], block->rows, j->prefix[side]);
		c->prefix[side] = j->prefix[side];
	}
}

void weir_judge_block(struct weir_judge *j, struct weir_block *block, int64_t now_s, const struct weir_policy_sink *sink)
{
	const struct weir_policy *p = j->policy;
	struct columns c = columns_of(block);
	struct weir_column_set filled = {0};

	if (!p->rules || !block->rows)
		return;
	look_at_clock(j, now_s);
	find_prefixes(j, block, &c);
	for (uint32_t row = 0; row < block->rows; row++) {
		bool swapped = is_swapped(&c, row);
		uint32_t rule = judge_row(j, &c, row, swapped, now_s);
		enum weir_policy_action action;

		if (rule == UINT32_MAX) {
			j->stats.flows[WEIR_POLICY_ACTIONS]++;
			continue;
		}
		action = p->rule[rule]->action;
		j->stats.flows[action]++;
		c.rule[row] = p->name[rule];
		c.action[row] = p->action_name[action];
		if (sink && action != WEIR_POLICY_ALLOW)
			sink->hit(sink->ctx, &(struct weir_policy_hit){rule, block, row, swapped, &c.addr[swapped][row],
								      &c.addr[!swapped][row]});
	}
	weir_column_set_add(&filled, WEIR_COL_RULE);
	weir_column_set_add(&filled, WEIR_COL_ACTION);
	weir_block_mark(block, &filled);
}

struct weir_judge_stats weir_judge_stats(const struct weir_judge *judge)
{
	struct weir_judge_stats s = judge->stats;

	s.classes_dropped = judge->places.dropped + judge->services.dropped;
	s.sums_dropped = judge->sums ? weir_sums_dropped(judge->sums) : 0;
	return s;
}
