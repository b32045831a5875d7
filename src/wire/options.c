/* Options records (RFC 3954 §6, RFC 7011 §3.4.2.2).
 *
 * The elements in ELEMENTS are read, in whatever field they stand, scope or not. A rate together with a sampler is
 * that sampler's (Cisco: scope system, FLOW_SAMPLER_ID; IPFIX: scope selectorId, RFC 5476 §6.5.2), one together with an
 * interface is that interface's, one alone is for all flows of the observation domain.
 */
#include "wire/options.h"

#include <math.h>
#include <string.h>

#include "wire/describe.h"
#include "wire/plan.h"

enum item {
	ITEM_RATE,	 /* one in so many */
	ITEM_INTERVAL,	 /* so many taken… */
	ITEM_SPACE,	 /* …then so many not: RFC 5477 §8.2.2, §8.2.3 */
	ITEM_SIZE,	 /* so many taken… */
	ITEM_POPULATION, /* …of so many: RFC 5477 §8.2.6, §8.2.7 */
	ITEM_PROBABILITY, /* kept as one in so many */
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

/* A float64, which may be sent as float32 (RFC 7011 §6.2), as one in so many. */
static uint64_t from_probability(const struct weir_value *v)
{
	uint64_t bits = weir_load_uint(v->data, v->len);
	uint32_t narrow_bits = (uint32_t)bits;
	double p = 0;
	float narrow;

	if (v->len == sizeof(narrow)) {
		memcpy(&narrow, &narrow_bits, sizeof(narrow));
		p = (double)narrow;
	} else if (v->len == sizeof(p)) {
		memcpy(&p, &bits, sizeof(p));
	}
	return p > 0 && p <= 1 && 1 / p < (double)UINT32_MAX ? (uint64_t)llround(1 / p) : 0;
}

static void read_field(const struct weir_field *f, const struct weir_value *v, struct record *r)
{
	if (f->pen || !v->len || v->len > 8)
		return;
	for (size_t i = 0; i < sizeof(ELEMENTS) / sizeof(ELEMENTS[0]); i++) {
		if (ELEMENTS[i].id != f->id)
			continue;
		r->has[ELEMENTS[i].item] = true;
		if (ELEMENTS[i].item == ITEM_PROBABILITY)
			r->item[ITEM_PROBABILITY] = from_probability(v);
		else
			r->item[ELEMENTS[i].item] = weir_load_uint(v->data, v->len);
	}
}

/* One in how many packets; 0 when the record does not say. */
static uint32_t rate_of(const struct record *r)
{
	uint64_t rate = r->item[ITEM_RATE];
	uint64_t interval = r->item[ITEM_INTERVAL];
	uint64_t sum;

	if (!rate && interval && !r->has[ITEM_SPACE])
		rate = interval;
	if (!rate && interval && !__builtin_add_overflow(interval, r->item[ITEM_SPACE], &sum))
		rate = sum / interval;
	if (!rate && r->item[ITEM_SIZE])
		rate = r->item[ITEM_POPULATION] / r->item[ITEM_SIZE];
	if (!rate)
		rate = r->item[ITEM_PROBABILITY];
	return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

static uint32_t id_of(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* A rate of 0 means that nothing is sampled: 1, for a sampler or an interface. Without either it says nothing, for
 * exporters tell it in records about something else. */
static void apply_rate(struct weir_message *m, const struct record *r)
{
	struct weir_samplings *s = &m->exporter->sampling;
	uint32_t rate = rate_of(r);
	uint32_t rate_of_id = rate ? rate : 1;
	bool kept = true;

	if (!r->has[ITEM_RATE] && !r->has[ITEM_INTERVAL] && !r->has[ITEM_SIZE] && !r->has[ITEM_PROBABILITY])
		return;
	if (r->has[ITEM_SAMPLER]) {
		kept = weir_samplings_set(s, WEIR_SAMPLING_SAMPLER, id_of(r->item[ITEM_SAMPLER]), rate_of_id,
					  &m->work->template_bytes_left);
		if (rate)
			s->rate_sampler = rate;
	} else if (r->has[ITEM_INTERFACE]) {
		kept = weir_samplings_set(s, WEIR_SAMPLING_INTERFACE, id_of(r->item[ITEM_INTERFACE]), rate_of_id,
					  &m->work->template_bytes_left);
	} else if (rate) {
		s->changed = s->changed || s->rate != rate;
		s->rate = rate;
	}
	if (!kept)
		weir_message_fault(m, WEIR_FAULT_SAMPLINGS_LIMIT);
	m->work->changed = m->work->changed || s->changed;
	s->changed = false;
}

static void apply(struct weir_message *m, const struct record *r)
{
	struct weir_exporter *e = m->exporter;

	apply_rate(m, r);
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
		apply(m, &r);
		weir_describe(m, t, m->work->value);
		records++;
	}
	m->out->stats->option_records += records;
	m->times.init_ms = m->exporter->init_ms;
	return records;
}
