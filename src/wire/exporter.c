/* The exporters: an open-addressing hash table of pointers, doubled when it is three quarters full. The hash is
 * seeded, for the keys are what peers choose. Entries are removed with their session by moving up those behind them, so
 * there are no tombstones. */
#include "wire/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/message.h"

#define SLOTS_MIN 16

/* A step back of at most so many units is a message that was overtaken, unless it happens so often in a row that
 * the exporter must have begun anew; a step forward of more than so many is a restart too, not loss. */
#define SEQUENCE_LATE_UNITS	1000
#define SEQUENCE_LATE_MESSAGES	4
#define SEQUENCE_FORWARD_UNITS	(1 << 20)

struct weir_exporters {
	struct weir_exporter **slot; /* owned, like the entries */
	uint32_t slots;		     /* a power of two */
	uint32_t count;
	uint32_t max;
	uint64_t seed;
	struct weir_exporter *last; /* most messages come from whom the one before came */
};

int weir_exporters_new(uint32_t exporters_max, uint64_t seed, struct weir_exporters **ret_exporters)
{
	struct weir_exporters *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->slots = SLOTS_MIN;
	e->max = exporters_max;
	e->seed = seed;
	e->slot = calloc(e->slots, sizeof(struct weir_exporter *));
	if (!e->slot) {
		free(e);
		return -ENOMEM;
	}
	*ret_exporters = e;
	return 0;
}

/* Returns the memory that they took. */
static uint64_t done_names(struct weir_exporter *e)
{
	uint64_t bytes = 0;

	for (unsigned k = 0; k < WEIR_NAME_KINDS; k++) {
		bytes += weir_names_bytes(&e->names[k]);
		weir_names_done(&e->names[k]);
	}
	return bytes;
}

void weir_exporters_free(struct weir_exporters *exporters)
{
	if (!exporters)
		return;
	for (uint32_t i = 0; i < exporters->slots; i++) {
		struct weir_exporter *e = exporters->slot[i];

		if (!e)
			continue;
		weir_templates_done(&e->templates);
		weir_samplings_done(&e->sampling);
		done_names(e);
		free(e);
	}
	free(exporters->slot);
	free(exporters);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(uint64_t seed, const struct weir_exporter_key *key)
{
	uint64_t h = mix(weir_be64(key->addr.byte) ^ seed, weir_be64(key->addr.byte + 8) ^ UINT64_C(0x9e3779b97f4a7c15));

	return mix(h ^ ((uint64_t)key->flow_type << 32 | key->domain), seed ^ UINT64_C(0xd6e8feb86659fd93) ^ key->session);
}

static struct weir_exporter_key key_of(const struct weir_exporter *e)
{
	return (struct weir_exporter_key){
		.flow_type = e->flow_type, .domain = e->domain, .session = e->session, .addr = e->addr};
}

static bool is(const struct weir_exporter *e, const struct weir_exporter_key *key)
{
	return e->flow_type == key->flow_type && e->domain == key->domain && e->session == key->session &&
	       memcmp(&e->addr, &key->addr, sizeof(key->addr)) == 0;
}

/* The entry's slot, or the free one where it belongs. */
static struct weir_exporter **find_slot(struct weir_exporter **slot, uint32_t slots, uint64_t seed,
					const struct weir_exporter_key *key)
{
	uint32_t i = (uint32_t)hash(seed, key) & (slots - 1);

	while (slot[i] && !is(slot[i], key))
		i = (i + 1) & (slots - 1);
	return &slot[i];
}

static int grow(struct weir_exporters *x)
{
	uint32_t slots = x->slots * 2;
	struct weir_exporter **slot = calloc(slots, sizeof(struct weir_exporter *));

	if (!slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < x->slots; i++) {
		struct weir_exporter *e = x->slot[i];
		struct weir_exporter_key key;

		if (!e)
			continue;
		key = key_of(e);
		*find_slot(slot, slots, x->seed, &key) = e;
	}
	free(x->slot);
	x->slot = slot;
	x->slots = slots;
	return 0;
}

struct weir_exporter *weir_exporters_get(struct weir_exporters *exporters, const struct weir_exporter_key *key)
{
	struct weir_exporters *x = exporters;
	struct weir_exporter **slot;

	if (x->last && is(x->last, key))
		return x->last;
	slot = find_slot(x->slot, x->slots, x->seed, key);
	if (!*slot) {
		if (x->count >= x->max)
			return NULL;
		if (x->count >= x->slots / 4 * 3) {
			if (grow(x))
				return NULL;
			slot = find_slot(x->slot, x->slots, x->seed, key);
		}
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->addr = key->addr;
		(*slot)->domain = key->domain;
		(*slot)->session = key->session;
		(*slot)->flow_type = key->flow_type;
		x->count++;
	}
	x->last = *slot;
	return *slot;
}

/* Close the gap at slot i: whoever stands behind it, up to the next free slot, and would be looked for at or before it
 * moves up. */
static void close_gap(struct weir_exporters *x, uint32_t i)
{
	uint32_t mask = x->slots - 1;

	x->slot[i] = NULL;
	for (uint32_t j = (i + 1) & mask; x->slot[j]; j = (j + 1) & mask) {
		struct weir_exporter_key key = key_of(x->slot[j]);
		uint32_t home = (uint32_t)hash(x->seed, &key) & mask;

		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		x->slot[i] = x->slot[j];
		x->slot[j] = NULL;
		i = j;
	}
}

uint32_t weir_exporters_forget(struct weir_exporters *exporters, uint64_t session, struct weir_workspace *work,
			       struct weir_decoder_stats *sum)
{
	struct weir_exporters *x = exporters;
	uint32_t dropped = 0;

	for (uint32_t i = 0; session && i < x->slots;) {
		struct weir_exporter *e = x->slot[i];

		if (!e || e->session != session) {
			i++;
			continue;
		}
		dropped += weir_waiting_drop_exporter(&work->waiting, e);
		weir_templates_remove_all(&e->templates, work, false);
		weir_templates_remove_all(&e->templates, work, true);
		weir_templates_done(&e->templates);
		work->template_bytes_left += weir_samplings_bytes(&e->sampling) + done_names(e);
		weir_samplings_done(&e->sampling);
		weir_stats_add(sum, &e->account.stats);
		free(e);
		x->count--;
		close_gap(x, i); /* and look at this slot again: another may stand there now */
	}
	x->last = NULL;
	return dropped;
}

struct weir_exporter *weir_exporters_next(const struct weir_exporters *exporters, uint32_t *at)
{
	while (*at < exporters->slots) {
		struct weir_exporter *e = exporters->slot[(*at)++];

		if (e)
			return e;
	}
	return NULL;
}

uint32_t weir_exporters_count(const struct weir_exporters *exporters)
{
	return exporters->count;
}

/* Two exporters behind one address and domain count each for itself: a jump from one's numbers to the other's is no
 * loss, and shows by the port. */
static bool is_loss(const struct weir_exporter *e, int32_t step)
{
	return step > 0 && step <= (e->port_changed ? SEQUENCE_LATE_UNITS : SEQUENCE_FORWARD_UNITS);
}

uint32_t weir_exporter_sequence(struct weir_exporter *exporter, uint32_t sequence, uint32_t units)
{
	int32_t step = (int32_t)(sequence - exporter->sequence_next);
	uint32_t lost = 0;

	/* 0 is what a process begins with, even if it is a step back that could be lateness. */
	if (exporter->sequence_known && sequence && step < 0 && step >= -SEQUENCE_LATE_UNITS &&
	    ++exporter->sequence_late < SEQUENCE_LATE_MESSAGES)
		return 0;
	if (exporter->sequence_known && is_loss(exporter, step))
		lost = (uint32_t)step;
	else if (exporter->sequence_known && step)
		exporter->account.restarts++;
	exporter->sequence_late = 0;
	exporter->sequence_known = true;
	exporter->sequence_next = sequence + units;
	return lost;
}

/* RFC 7011 §3.1: the number is that of the records before the message, and so it is with NetFlow v5. softflowd (IPFIX) and
 * Open vSwitch (v5) send that of the flows with the message's own. Which an exporter does shows where both readings differ
 * and one of them fits; until then, and when it changes its habit, a number that fits either way is no loss. */
uint32_t weir_exporter_sequence_records(struct weir_exporter *exporter, uint32_t sequence, uint32_t records,
					uint32_t flows, bool known)
{
	struct weir_exporter *e = exporter;
	bool conforms = e->sequence_known && sequence == e->sequence_next;
	bool counts_own = e->sequence_known && known && sequence == e->sequence_last + flows;
	uint32_t lost;

	if (conforms && !counts_own)
		e->sequence_own = -1;
	if (counts_own && !conforms)
		e->sequence_own = e->sequence_own < 0 ? 0 : 1;
	if (e->sequence_own > 0 && known && !conforms)
		e->sequence_next = e->sequence_last + flows;
	lost = weir_exporter_sequence(e, sequence, records);
	/* A message that came late moves nothing. */
	if (e->sequence_next == sequence + records) {
		e->sequence_last = sequence;
		e->sequence_known = known;
	}
	return lost;
}
