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
 * What was told is kept with the templates across restarts (state.c): without that, the teardown of a connection that began
 * before would count again what its updates have told. After a crash it may be a minute old.
 *
 * The table is set-associative and never grows: where a set is full, its oldest entry goes, which is the fault
 * CONNECTIONS_LIMIT, for that connection's teardown will be counted in full. */
#include "wire/connection.h"

#include <errno.h>
#include <stdlib.h>

#include "base/writer.h"
#include "wire/state.h"

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

/* What an entry is found by. */
struct key {
	const struct weir_addr *exporter;
	uint32_t domain;
	uint64_t id;
};

static struct key key_of(const struct weir_message *m, uint64_t id)
{
	return (struct key){.exporter = &m->exporter->addr, .domain = m->exporter->domain, .id = id};
}

static bool is_entry(const struct weir_connection *e, const struct key *key)
{
	return e->used && e->id == key->id && e->domain == key->domain &&
	       memcmp(&e->exporter, key->exporter, sizeof(e->exporter)) == 0;
}

static struct weir_connection *set_of(const struct weir_connections *c, const struct key *key)
{
	uint64_t part[2];
	uint64_t h = c->seed ^ key->id;

	memcpy(part, key->exporter, sizeof(part));
	h = (h ^ part[0]) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ part[1] ^ key->domain ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return &c->entry[(h >> 32) % SETS * WAYS];
}

/* NULL when it is not known. */
static struct weir_connection *find(const struct weir_connections *c, const struct key *key)
{
	struct weir_connection *set = c->entry ? set_of(c, key) : NULL;

	for (unsigned i = 0; set && i < WAYS; i++) {
		if (is_entry(&set[i], key))
			return &set[i];
	}
	return NULL;
}

/* A free entry, or the oldest, which is cleared then. NULL without memory. */
static struct weir_connection *make(struct weir_connections *c, const struct key *key, bool *ret_took)
{
	struct weir_connection *set;
	struct weir_connection *e;

	if (!c->entry)
		c->entry = calloc((size_t)SETS * WAYS, sizeof(*c->entry));
	if (!c->entry)
		return NULL;
	set = set_of(c, key);
	e = set;
	for (unsigned i = 0; i < WAYS && e->used; i++) {
		if (!set[i].used || (int32_t)(set[i].used - e->used) < 0)
			e = &set[i];
	}
	*ret_took = e->used != 0;
	*e = (struct weir_connection){.exporter = *key->exporter, .domain = key->domain, .id = key->id};
	return e;
}

static void touch(struct weir_connections *c, struct weir_connection *e)
{
	c->clock += c->clock == UINT32_MAX ? 2 : 1; /* never 0 */
	e->used = c->clock;
}

static void add_told(const struct weir_message *m, uint64_t id, uint64_t *const counter[COUNTERS], uint32_t row)
{
	struct weir_connections *c = &m->work->connections;
	struct key key = key_of(m, id);
	struct weir_connection *e = find(c, &key);
	bool took = false;

	if (!e)
		e = make(c, &key, &took);
	if (took)
		weir_message_fault(m, WEIR_FAULT_CONNECTIONS_LIMIT);
	if (!e)
		return;
	touch(c, e);
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
		struct key key = key_of(m, id[i]);
		struct weir_connection *e;

		if (event[i] == EVENT_UPDATE) {
			add_told(m, id[i], counter, i);
			continue;
		}
		if (event[i] != EVENT_DELETED && event[i] != EVENT_CREATED)
			continue;
		e = find(&m->work->connections, &key);
		if (e && event[i] == EVENT_DELETED)
			take_told(e, counter, i);
		else if (e)
			e->used = 0;
	}
}

/* --- across restarts -------------------------------------------------------------------------------------- */

int weir_connections_save(const struct weir_connections *c, int64_t now_ms, struct weir_buffer *out)
{
	for (size_t i = 0; c->entry && i < (size_t)SETS * WAYS; i++) {
		const struct weir_connection *e = &c->entry[i];
		uint8_t entry[WEIR_STATE_CONNECTION];
		struct weir_writer w = weir_writer(entry, sizeof(entry));

		if (!e->used || sizeof(entry) > WEIR_STATE_BYTES_MAX - out->len)
			continue;
		weir_writer_u32(&w, WEIR_STATE_CONNECTION - 4);
		weir_writer_u8(&w, WEIR_STATE_KIND_CONNECTION);
		weir_writer_u32(&w, e->domain);
		weir_writer_bytes(&w, e->exporter.byte, sizeof(e->exporter.byte));
		weir_writer_uint(&w, (uint64_t)now_ms, 8);
		weir_writer_uint(&w, e->id, 8);
		for (unsigned k = 0; k < COUNTERS; k++)
			weir_writer_uint(&w, e->told[k], 8);
		if (weir_buffer_append(out, entry, sizeof(entry)))
			return -ENOMEM;
	}
	return 0;
}

void weir_connections_load(struct weir_connections *c, struct weir_cursor *entry, const struct weir_addr *exporter,
			   uint32_t domain)
{
	struct key key = {.exporter = exporter, .domain = domain, .id = weir_cursor_u64(entry)};
	struct weir_connection *e = find(c, &key);
	uint64_t told[COUNTERS];
	bool took = false;

	for (unsigned k = 0; k < COUNTERS; k++)
		told[k] = weir_cursor_u64(entry);
	if (entry->fault)
		return;
	if (!e)
		e = make(c, &key, &took);
	if (!e)
		return;
	touch(c, e);
	memcpy(e->told, told, sizeof(told));
}
