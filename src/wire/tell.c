#include "wire/tell.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/message.h"

int weir_teller_init(struct weir_teller *teller, const struct weir_record_sink *sink, uint64_t seed)
{
	struct weir_told *told = calloc(WEIR_TOLD_SLOTS, sizeof(*told));

	if (!told)
		return -ENOMEM;
	weir_teller_done(teller);
	*teller = (struct weir_teller){.sink = sink, .told = told, .seed = seed};
	return 0;
}

void weir_teller_done(struct weir_teller *teller)
{
	free(teller->told);
	*teller = (struct weir_teller){0};
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	/* The length keeps "ab" and "c" from "a" and "bc". */
	h = (h ^ len) * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static struct weir_record record_of(const struct weir_message *m)
{
	return (struct weir_record){
		.time_ms = m->datagram->received_ms,
		.exporter = m->exporter->addr,
		.flow_type = (uint8_t)m->flow_type,
		.domain = m->domain,
	};
}

/* False when it was told a short while ago. */
static bool is_news(const struct weir_teller *t, const struct weir_record *r)
{
	uint64_t h = mix(t->seed, &r->exporter, sizeof(r->exporter));
	struct weir_told *slot;

	h = mix(h, &r->domain, sizeof(r->domain));
	h = mix(h, r->kind.data, r->kind.len);
	h = mix(h, r->id.data, r->id.len);
	h = mix(h, r->name.data, r->name.len);
	h = mix(h, r->value.data, r->value.len);
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	slot = &t->told[(h >> 32) % WEIR_TOLD_SLOTS];
	if (slot->hash == h && r->time_ms - slot->time_ms < WEIR_TELL_AGAIN_MS && r->time_ms >= slot->time_ms)
		return false;
	*slot = (struct weir_told){.hash = h, .time_ms = r->time_ms};
	return true;
}

static void put(const struct weir_message *m, enum weir_table table, const struct weir_record *r)
{
	const struct weir_record_sink *sink = m->work->teller.sink;

	if (!sink->put(sink->ctx, table, r))
		weir_message_fault(m, WEIR_FAULT_RECORD_REFUSED);
}

void weir_tell_option(const struct weir_message *m, struct weir_text kind, struct weir_text id, struct weir_text name,
		      struct weir_text value)
{
	struct weir_record r;

	if (!m->work->teller.sink)
		return;
	r = record_of(m);
	r.kind = kind;
	r.id = id;
	r.name = name;
	r.value = value;
	if (is_news(&m->work->teller, &r))
		put(m, WEIR_TABLE_OPTIONS, &r);
}

void weir_tell_counter(const struct weir_message *m, struct weir_text kind, uint32_t source, struct weir_text name,
		       uint64_t value)
{
	struct weir_record r;

	if (!m->work->teller.sink)
		return;
	r = record_of(m);
	r.kind = kind;
	r.source = source;
	r.name = name;
	r.number = value;
	put(m, WEIR_TABLE_COUNTERS, &r);
}
