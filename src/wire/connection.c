/* What ASA does (Cisco Secure Firewall ASA NetFlow Implementation Guide, "Templates for Flow Update Events"): a
 * connection that outlives the update timer has updates (event 5) with the bytes of each interval, one more
 * together with the teardown for the last interval, and the teardown (event 2) with all bytes. A short one has the
 * teardown alone. So
 *
 *   bytes of the teardown's row = its total - what the updates told
 *
 * is exact for both, and mends what lost updates did not tell. A total that is smaller than what was told belongs
 * to another connection, which got the identifier of one whose end was lost: it is left as it is.
 *
 * The table is set-associative and never grows: where a set is full, its oldest entry goes, which is the fault
 * CONNECTIONS_LIMIT, for that connection's teardown will be counted in full. */
#include "wire/connection.h"

#include <stdlib.h>

#define WAYS 8
#define SETS (UINT32_C(1) << 15)

enum { EVENT_CREATED = 1, EVENT_DELETED = 2, EVENT_UPDATE = 5 };

#define COUNTERS 4
static const enum weir_column_id COUNTER_COLUMNS[COUNTERS] = {
	WEIR_COL_BYTES,
	WEIR_COL_PACKETS,
	WEIR_COL_REVERSE_BYTES,
	WEIR_COL_REVERSE_PACKETS,
};

struct weir_connection {
	struct weir_addr exporter;
	uint32_t domain;
	uint32_t used; /* when last; 0: a free entry */
	uint64_t id;
	uint64_t told[COUNTERS];
};

void weir_connections_init(struct weir_connections *c, uint64_t seed)
{
	*c = (struct weir_connections){.seed = seed};
}

void weir_connections_done(struct weir_connections *c)
{
	free(c->entry);
	c->entry = NULL;
}

static bool is_entry(const struct weir_connection *e, const struct weir_exporter *exporter, uint64_t id)
{
	return e->used && e->id == id && e->domain == exporter->domain &&
	       memcmp(&e->exporter, &exporter->addr, sizeof(e->exporter)) == 0;
}

static struct weir_connection *set_of(const struct weir_connections *c, const struct weir_exporter *exporter,
				      uint64_t id)
{
	uint64_t part[2];
	uint64_t h = c->seed ^ id;

	memcpy(part, &exporter->addr, sizeof(part));
	h = (h ^ part[0]) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ part[1] ^ exporter->domain ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return &c->entry[(h >> 32) % SETS * WAYS];
}

/* NULL when it is not known. */
static struct weir_connection *find(const struct weir_connections *c, const struct weir_exporter *exporter, uint64_t id)
{
	struct weir_connection *set = c->entry ? set_of(c, exporter, id) : NULL;

	for (unsigned i = 0; set && i < WAYS; i++) {
		if (is_entry(&set[i], exporter, id))
			return &set[i];
	}
	return NULL;
}

/* A free entry, or the oldest. NULL without memory. */
static struct weir_connection *make(const struct weir_message *m, uint64_t id)
{
	struct weir_connections *c = &m->work->connections;
	struct weir_connection *set;
	struct weir_connection *e;

	if (!c->entry)
		c->entry = calloc((size_t)SETS * WAYS, sizeof(*c->entry));
	if (!c->entry)
		return NULL;
	set = set_of(c, m->exporter, id);
	e = set;
	for (unsigned i = 0; i < WAYS && e->used; i++) {
		if (!set[i].used || (int32_t)(set[i].used - e->used) < 0)
			e = &set[i];
	}
	if (e->used)
		weir_message_fault(m, WEIR_FAULT_CONNECTIONS_LIMIT);
	*e = (struct weir_connection){.exporter = m->exporter->addr, .domain = m->exporter->domain, .id = id};
	return e;
}

static void add_told(const struct weir_message *m, uint64_t id, uint64_t *const counter[COUNTERS], uint32_t row)
{
	struct weir_connections *c = &m->work->connections;
	struct weir_connection *e = find(c, m->exporter, id);

	if (!e)
		e = make(m, id);
	if (!e)
		return;
	c->clock += c->clock == UINT32_MAX ? 2 : 1; /* never 0 */
	e->used = c->clock;
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (counter[i] && __builtin_add_overflow(e->told[i], counter[i][row], &e->told[i]))
			e->told[i] = UINT64_MAX;
	}
}

static void take_told(struct weir_connection *e, uint64_t *const counter[COUNTERS], uint32_t row)
{
	bool fits = true;

	for (unsigned i = 0; i < COUNTERS; i++)
		fits = fits && (!counter[i] || counter[i][row] >= e->told[i]);
	for (unsigned i = 0; fits && i < COUNTERS; i++) {
		if (counter[i])
			counter[i][row] -= e->told[i];
	}
	e->used = 0;
}

void weir_connections_settle(const struct weir_message *m, uint32_t rows, const struct weir_column_set *present)
{
	struct weir_block *b = *m->out->block;
	const uint8_t *event = weir_block_u8(b, WEIR_COL_FIREWALL_EVENT) + b->rows;
	const uint64_t *id = weir_block_u64(b, WEIR_COL_FLOW_ID) + b->rows;
	uint64_t *counter[COUNTERS] = {NULL};

	for (unsigned i = 0; i < COUNTERS; i++) {
		if (weir_column_set_has(present, COUNTER_COLUMNS[i]))
			counter[i] = weir_block_u64(b, COUNTER_COLUMNS[i]) + b->rows;
	}
	for (uint32_t i = 0; i < rows; i++) {
		struct weir_connection *e;

		if (event[i] == EVENT_UPDATE) {
			add_told(m, id[i], counter, i);
			continue;
		}
		if (event[i] != EVENT_DELETED && event[i] != EVENT_CREATED)
			continue;
		e = find(&m->work->connections, m->exporter, id[i]);
		if (e && event[i] == EVENT_DELETED)
			take_told(e, counter, i);
		else if (e)
			e->used = 0;
	}
}
