/* Options records (RFC 3954 §6, RFC 7011 §3.4.2.2).
 *
 * The elements in ELEMENTS are read, in whatever field they stand, scope or not. A rate together with a sampler is
 * that sampler's (Cisco: scope system, FLOW_SAMPLER_ID; IPFIX: scope selectorId, RFC 5476 §6.5.2), one together with an
 * interface is that interface's, one alone is for all flows of the observation domain.
 */
#include "wire/options.h"

#include <math.h>
#include <string.h>

#include "wire/plan.h"

enum item {
	ITEM_RATE,	 /* one in so many */
	ITEM_INTERVAL,	 /* so many taken… */
	ITEM_SPACE,	 /* …then so many not: RFC 5477 §8.2.2, §8.2.3 */
	ITEM_SIZE,	 /* so many taken… */
	ITEM_POPULATION, /* …of so many: RFC 5477 §8.2.6, §8.2.7 */
	ITEM_PROBABILITY,
	ITEM_SAMPLER,
	ITEM_INTERFACE,
	ITEM_INIT,
	ITEMS
};

static const struct {
	uint16_t id; /* of IANA */
	enum item item;
} ELEMENTS[] = {
	{34,  ITEM_RATE},	 /* samplingInterval */
	{50,  ITEM_RATE},	 /* samplerRandomInterval */
	{305, ITEM_INTERVAL},	 /* samplingPacketInterval */
	{306, ITEM_SPACE},	 /* samplingPacketSpace */
	{309, ITEM_SIZE},	 /* samplingSize */
	{310, ITEM_POPULATION},	 /* samplingPopulation */
	{311, ITEM_PROBABILITY}, /* samplingProbability */
	{48,  ITEM_SAMPLER},	 /* samplerId */
	{302, ITEM_SAMPLER},	 /* selectorId */
	{10,  ITEM_INTERFACE},	 /* ingressInterface */
	{160, ITEM_INIT},	 /* systemInitTimeMilliseconds */
};

struct record {
	bool has[ITEMS];
	uint64_t item[ITEMS];
};

static void read_field(const struct weir_field *f, const struct weir_value *v, struct record *r)
{
	if (f->pen || !v->len || v->len > 8)
		return;
	for (size_t i = 0; i < sizeof(ELEMENTS) / sizeof(ELEMENTS[0]); i++) {
		if (ELEMENTS[i].id != f->id)
			continue;
		r->has[ELEMENTS[i].item] = true;
		r->item[ELEMENTS[i].item] = weir_load_uint(v->data, v->len);
	}
}

static uint64_t from_probability(uint64_t bits)
{
	double p;

	memcpy(&p, &bits, sizeof(p));
	return p > 0 && p <= 1 && 1 / p < (double)UINT32_MAX ? (uint64_t)llround(1 / p) : 0;
}

/* One in how many packets; 0 when the record does not say. */
static uint32_t rate_of(const struct record *r)
{
	uint64_t rate = 0;
	uint64_t sum;

	if (r->has[ITEM_RATE])
		rate = r->item[ITEM_RATE];
	else if (r->has[ITEM_INTERVAL] && !r->has[ITEM_SPACE])
		rate = r->item[ITEM_INTERVAL];
	else if (r->item[ITEM_INTERVAL] &&
		 !__builtin_add_overflow(r->item[ITEM_INTERVAL], r->item[ITEM_SPACE], &sum))
		rate = sum / r->item[ITEM_INTERVAL];
	else if (r->item[ITEM_SIZE])
		rate = r->item[ITEM_POPULATION] / r->item[ITEM_SIZE];
	else if (r->has[ITEM_PROBABILITY])
		rate = from_probability(r->item[ITEM_PROBABILITY]);
	return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

static uint32_t id_of(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void apply(struct weir_exporter *e, const struct record *r)
{
	uint32_t rate = rate_of(r);

	if (rate && r->has[ITEM_SAMPLER]) {
		weir_samplings_set(&e->sampling, WEIR_SAMPLING_SAMPLER, id_of(r->item[ITEM_SAMPLER]), rate);
		e->sampling.rate_sampler = rate;
	} else if (rate && r->has[ITEM_INTERFACE]) {
		weir_samplings_set(&e->sampling, WEIR_SAMPLING_INTERFACE, id_of(r->item[ITEM_INTERFACE]), rate);
	} else if (rate) {
		e->sampling.rate = rate;
	}
	if (r->has[ITEM_INIT]) {
		bool known = e->init_known;

		e->init_ms = weir_time_clamp(r->item[ITEM_INIT]);
		e->init_known = true;
		if (!known)
			weir_templates_init_known(&e->templates, e->flow_type);
	}
}

uint32_t weir_options_decode(const struct weir_template *t, struct weir_message *m, struct weir_cursor *set)
{
	uint32_t records = 0;

	while (weir_cursor_left(set) >= t->record_min) {
		struct record r = {0};

		if (!weir_plan_collect(t->field, t->fields, set, m->work->value)) {
			weir_message_fault(m, WEIR_FAULT_RECORD_SHORT);
			break;
		}
		for (uint32_t i = 0; i < t->fields; i++)
			read_field(&t->field[i], &m->work->value[i], &r);
		apply(m->exporter, &r);
		records++;
	}
	m->out->stats->option_records += records;
	m->times.init_ms = m->exporter->init_ms;
	return records;
}
