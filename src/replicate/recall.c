/* Templates and options records, to be told again.
 *
 * Learning. Sets with templates (RFC 3954 §5.2, §6.1; RFC 7011 §3.4) are taken apart, so that each
 * template is kept by its number and a new definition replaces the old one; an IPFIX withdrawal
 * removes it (RFC 7011 §8.1). Of data sets only those of options templates are looked into. An
 * options record is known by its template, its scope and those of its other fields that number
 * something (IDENTIFIERS: Cisco's devices put "the system" into the scope and the interface or the
 * sampler behind it), so that a newer value replaces an older one. With a new template its records
 * go.
 *
 * Telling. The messages have the header of the datagram that they precede. In NetFlow v9 the
 * sequence number counts messages (RFC 3954 §5.1), so n of them have the n numbers before it: those
 * are the exporter's own messages that this collector did not hear, and to it there is no gap. In
 * IPFIX it counts data records (RFC 7011 §3.1), so the first message begins as many records before
 * the datagram as options records are told, and templates do not count.
 *
 * Bounds. Domains of an exporter, items of a domain, and memory of all. When a domain is full the
 * options record that was not confirmed for the longest time makes room; templates are not given up
 * for records. */
#include "replicate/recall.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/writer.h"

#define SET_MIN        4
#define TEMPLATE_MIN   256 /* smaller numbers are no data sets */
#define VARIABLE       65535
#define ENTERPRISE_BIT 0x8000
#define MESSAGE_SOFT   1400 /* messages are cut here, below any path's MTU */
#define MESSAGE_HARD   65507
#define RECORD_MAX     (MESSAGE_HARD - 64)
#define ITEMS_FIRST    16

const struct weir_recall_limits weir_recall_limits_default = {
	.domains_max = 64, .items_max = 4096, .bytes_max = UINT64_C(64) << 20};

/* In the order in which they are told. */
enum kind { TEMPLATE, OPTIONS_TEMPLATE, RECORD };

struct weir_recall_item {
	uint64_t key;   /* of a record */
	uint64_t stamp; /* when it was learned or confirmed */
	uint8_t *bytes; /* owned: the template record or options record */
	uint32_t len;
	uint16_t id; /* of the template */
	uint8_t kind;
};

/* Information elements that tell options records apart where they are not in the scope. */
static const uint16_t IDENTIFIERS[] = {
	10,  /* ingressInterface */
	14,  /* egressInterface */
	48,  /* samplerId */
	95,  /* applicationId */
	138, /* observationPointId */
	141, /* lineCardId */
	142, /* portId */
	143, /* meteringProcessId */
	144, /* exportingProcessId */
	145, /* templateId */
	149, /* observationDomainId */
	234, /* ingressVRFID */
	235, /* egressVRFID */
	302, /* selectorId */
	303, /* informationElementId */
	346, /* privateEnterpriseNumber */
};

/* --- items --------------------------------------------------------------------------------------------------- */

static uint64_t item_bytes(uint32_t len)
{
	return len + sizeof(struct weir_recall_item);
}

static int order(const struct weir_recall_item *a, const struct weir_recall_item *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

/* Where it is; or where it belongs, and false. */
static bool find(const struct weir_recall_domain *d, const struct weir_recall_item *like, uint32_t *ret_at)
{
	uint32_t low = 0;
	uint32_t high = d->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int o = order(&d->item[middle], like);

		if (o == 0) {
			*ret_at = middle;
			return true;
		}
		if (o < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_at = low;
	return false;
}

static void remove_items(struct weir_recall_domain *d, struct weir_recall_store *store, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++) {
		store->bytes -= item_bytes(d->item[i].len);
		store->items--;
		d->records -= d->item[i].kind == RECORD;
		free(d->item[i].bytes);
	}
	if (count)
		memmove(&d->item[from], &d->item[from + count], (d->count - from - count) * sizeof(*d->item));
	d->count -= count;
}

/* All of a kind with that number; of any number where id is 0. */
static void forget(struct weir_recall_domain *d, struct weir_recall_store *store, enum kind kind, uint16_t id)
{
	const struct weir_recall_item first = {.kind = (uint8_t)kind, .id = id};
	uint32_t from;
	uint32_t end;

	(void)find(d, &first, &from);
	for (end = from; end < d->count && d->item[end].kind == kind && (!id || d->item[end].id == id); end++)
		;
	remove_items(d, store, from, end - from);
}

/* The record that was confirmed the longest time ago, unless that was by the message which is being
 * read. */
static bool evict(struct weir_recall_domain *d, struct weir_recall_store *store)
{
	uint32_t oldest = d->count;

	for (uint32_t i = d->count - d->records; i < d->count; i++) {
		if (oldest == d->count || d->item[i].stamp < d->item[oldest].stamp)
			oldest = i;
	}
	if (oldest == d->count)
		return false;
	remove_items(d, store, oldest, 1);
	return true;
}

static bool grow(struct weir_recall_domain *d)
{
	uint32_t cap = d->cap ? d->cap * 2 : ITEMS_FIRST;
	struct weir_recall_item *grown = reallocarray(d->item, cap, sizeof(*grown));

	if (!grown)
		return false;
	d->item = grown;
	d->cap = cap;
	return true;
}

/* Make room for one more; false where there is none. */
static bool make_room(struct weir_recall_domain *d, struct weir_recall_store *store, uint32_t len)
{
	if (len > RECORD_MAX)
		return false;
	if (d->count >= store->limits.items_max && !evict(d, store))
		return false;
	while (store->bytes + item_bytes(len) > store->limits.bytes_max) {
		if (!evict(d, store))
			return false;
	}
	return d->count < d->cap || grow(d);
}

static void insert(struct weir_recall_domain *d, struct weir_recall_store *store, const struct weir_recall_item *item,
		   const uint8_t *bytes)
{
	uint8_t *copy = make_room(d, store, item->len) ? malloc(item->len) : NULL;
	uint32_t at;

	if (!copy) {
		store->refused++;
		return;
	}
	memcpy(copy, bytes, item->len);
	(void)find(d, item, &at);
	memmove(&d->item[at + 1], &d->item[at], (d->count - at) * sizeof(*d->item));
	d->item[at] = *item;
	d->item[at].bytes = copy;
	d->count++;
	d->records += item->kind == RECORD;
	store->bytes += item_bytes(item->len);
	store->items++;
}

static void put(struct weir_recall_domain *d, struct weir_recall_store *store, enum kind kind, uint16_t id,
		uint64_t key, const uint8_t *bytes, size_t len)
{
	const struct weir_recall_item item = {
		.key = key, .stamp = ++d->stamp, .len = (uint32_t)len, .id = id, .kind = (uint8_t)kind};
	uint32_t at;

	if (find(d, &item, &at)) {
		struct weir_recall_item *old = &d->item[at];

		old->stamp = item.stamp;
		if (old->len == len && memcmp(old->bytes, bytes, len) == 0)
			return;
		if (old->len == len && kind == RECORD) {
			memcpy(old->bytes, bytes, len);
			return;
		}
		remove_items(d, store, at, 1);
	}
	if (kind != RECORD) {
		/* A number stands for one template, of whichever kind; and what was read with the
		 * old one goes with it. */
		forget(d, store, kind == TEMPLATE ? OPTIONS_TEMPLATE : TEMPLATE, id);
		forget(d, store, RECORD, id);
	}
	insert(d, store, &item, bytes);
}

/* --- learning ------------------------------------------------------------------------------------------------ */

struct lesson {
	struct weir_recall_domain *domain;
	struct weir_recall_store *store;
	bool ipfix;
};

/* A field specifier; its number without the bit, its length. */
static uint16_t read_field(const struct lesson *l, struct weir_cursor *c, uint16_t *ret_len)
{
	uint16_t id = weir_cursor_u16(c);

	*ret_len = weir_cursor_u16(c);
	if (!l->ipfix || !(id & ENTERPRISE_BIT))
		return id;
	weir_cursor_skip(c, 4);
	return UINT16_MAX; /* no vendor's number is one of IANA's */
}

static void skip_fields(const struct lesson *l, struct weir_cursor *c, unsigned count)
{
	uint16_t len;

	for (unsigned i = 0; i < count && !c->fault; i++)
		(void)read_field(l, c, &len);
}

static void learn_templates(const struct lesson *l, struct weir_cursor *set)
{
	while (weir_cursor_left(set) >= 4) {
		const uint8_t *start = set->at;
		uint16_t id = weir_cursor_u16(set);
		uint16_t count = weir_cursor_u16(set);

		if (id < TEMPLATE_MIN && !(l->ipfix && !count && id))
			return; /* padding, or nothing that anybody could use */
		if (!count && l->ipfix) {
			forget(l->domain, l->store, TEMPLATE, id < TEMPLATE_MIN ? 0 : id);
			continue;
		}
		skip_fields(l, set, count);
		if (set->fault)
			return;
		put(l->domain, l->store, TEMPLATE, id, 0, start, (size_t)(set->at - start));
	}
}

/* NetFlow v9 has lengths in bytes, IPFIX has counts (RFC 3954 §6.1, RFC 7011 §3.4.2.2). */
static void learn_options_templates(const struct lesson *l, struct weir_cursor *set)
{
	while (weir_cursor_left(set) >= 4) {
		const uint8_t *start = set->at;
		uint16_t id = weir_cursor_u16(set);
		unsigned first = weir_cursor_u16(set);
		unsigned fields;

		if (l->ipfix && !first && id) {
			bool all = id < TEMPLATE_MIN;

			forget(l->domain, l->store, OPTIONS_TEMPLATE, all ? 0 : id);
			forget(l->domain, l->store, RECORD, all ? 0 : id);
			continue;
		}
		fields = l->ipfix ? first : (first + weir_cursor_u16(set)) / 4;
		if (l->ipfix)
			weir_cursor_skip(set, 2);
		if (id < TEMPLATE_MIN || !fields)
			return;
		skip_fields(l, set, fields);
		if (set->fault)
			return;
		put(l->domain, l->store, OPTIONS_TEMPLATE, id, 0, start, (size_t)(set->at - start));
	}
}

static bool is_identifier(uint16_t id)
{
	for (unsigned i = 0; i < sizeof(IDENTIFIERS) / sizeof(*IDENTIFIERS); i++) {
		if (IDENTIFIERS[i] == id)
			return true;
	}
	return false;
}

/* RFC 7011 §7: one byte, or 255 and two. */
static size_t value_len(struct weir_cursor *c, uint16_t len)
{
	size_t n;

	if (len != VARIABLE)
		return len;
	n = weir_cursor_u8(c);
	return n == 255 ? weir_cursor_u16(c) : n;
}

/* One record of the template; its key. The set is at the next one, or has the fault. */
static uint64_t read_record(const struct lesson *l, const struct weir_recall_item *template, struct weir_cursor *set)
{
	struct weir_cursor t = weir_cursor(template->bytes, template->len);
	uint64_t key = l->store->seed;
	unsigned scopes;
	unsigned fields;

	weir_cursor_skip(&t, 2);
	fields = weir_cursor_u16(&t);
	scopes = weir_cursor_u16(&t);
	if (!l->ipfix) {
		unsigned scope_len = fields;

		fields = (scope_len + scopes) / 4;
		scopes = scope_len / 4;
	}
	for (unsigned i = 0; i < fields && !set->fault; i++) {
		uint16_t len = 0;
		uint16_t id = read_field(l, &t, &len);
		size_t n = value_len(set, l->ipfix ? len : (len == VARIABLE ? 0 : len));
		const uint8_t *value = weir_cursor_take(set, n);

		if (value && (i < scopes || is_identifier(id)))
			key = XXH64(value, n, key + i);
	}
	return key;
}

static void learn_records(const struct lesson *l, uint16_t id, struct weir_cursor *set)
{
	const struct weir_recall_item like = {.kind = OPTIONS_TEMPLATE, .id = id};

	for (;;) {
		const uint8_t *start = set->at;
		uint32_t at;
		uint64_t key;

		/* Looked up each time: to put a record may move the items. */
		if (!find(l->domain, &like, &at))
			return;
		key = read_record(l, &l->domain->item[at], set);
		if (set->fault || set->at == start)
			return; /* padding, or a record without bytes */
		put(l->domain, l->store, RECORD, id, key, start, (size_t)(set->at - start));
	}
}

static void learn_set(const struct lesson *l, uint16_t id, struct weir_cursor *set)
{
	uint16_t templates = l->ipfix ? 2 : 0;

	if (id == templates)
		learn_templates(l, set);
	else if (id == templates + 1)
		learn_options_templates(l, set);
	else if (id >= TEMPLATE_MIN)
		learn_records(l, id, set);
}

struct weir_recall_domain *weir_recall_domain(struct weir_recall *recall, struct weir_recall_store *store,
					      uint32_t id)
{
	struct weir_recall_domain *grown;

	for (uint32_t i = 0; i < recall->count; i++) {
		if (recall->domain[i].id == id)
			return &recall->domain[i];
	}
	if (recall->count >= store->limits.domains_max || store->bytes + sizeof(*grown) > store->limits.bytes_max)
		return NULL;
	grown = reallocarray(recall->domain, recall->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	recall->domain = grown;
	grown[recall->count] = (struct weir_recall_domain){.id = id};
	store->bytes += sizeof(*grown);
	return &grown[recall->count++];
}

void weir_recall_learn(struct weir_recall_domain *domain, struct weir_recall_store *store,
		       const struct weir_replicate_message *m)
{
	const struct lesson l = {.domain = domain, .store = store, .ipfix = m->protocol == WEIR_REPLICATE_IPFIX};
	struct weir_cursor c = weir_cursor(m->data, m->len);

	weir_cursor_skip(&c, weir_replicate_header_len(m->protocol));
	while (weir_cursor_left(&c) >= SET_MIN) {
		uint16_t id = weir_cursor_u16(&c);
		uint16_t len = weir_cursor_u16(&c);
		struct weir_cursor set;

		if (len < SET_MIN)
			break;
		set = weir_cursor_sub(&c, (size_t)len - SET_MIN);
		if (set.fault)
			break;
		learn_set(&l, id, &set);
	}
}

void weir_recall_done(struct weir_recall *recall, struct weir_recall_store *store)
{
	for (uint32_t i = 0; i < recall->count; i++) {
		remove_items(&recall->domain[i], store, 0, recall->domain[i].count);
		free(recall->domain[i].item);
		store->bytes -= sizeof(*recall->domain);
	}
	free(recall->domain);
	*recall = (struct weir_recall){0};
}

/* --- telling ------------------------------------------------------------------------------------------------- */

struct tale {
	const struct weir_replicate_message *next;
	struct weir_buffer messages; /* one behind the other */
	struct weir_buffer lengths;  /* a uint32_t each */
	struct weir_writer w;        /* the one being written */
	uint16_t set_id;             /* of the open set; UINT16_MAX: none, or another must begin */
	uint16_t template_id;
	size_t set_at;
	uint32_t records; /* of all kinds in this message */
	bool ipfix;
};

static void open_message(struct tale *t, uint8_t *memory)
{
	t->w = weir_writer(memory, MESSAGE_HARD);
	weir_writer_bytes(&t->w, t->next->data, weir_replicate_header_len(t->next->protocol));
	t->set_id = UINT16_MAX;
	t->records = 0;
}

static void close_set(struct tale *t, bool pad)
{
	if (t->set_id == UINT16_MAX)
		return;
	while (pad && weir_writer_len(&t->w) % 4)
		weir_writer_u8(&t->w, 0);
	weir_writer_patch16(&t->w, t->set_at + 2, weir_writer_len(&t->w) - t->set_at);
	t->set_id = UINT16_MAX;
}

/* Records of less than four bytes would be read out of the padding. */
static bool may_pad(const struct weir_recall_item *last)
{
	return last->kind != RECORD || last->len >= 4;
}

static int close_message(struct tale *t)
{
	uint32_t len = (uint32_t)weir_writer_len(&t->w);
	int rc;

	/* The sequence number follows when the number of messages and records is known; until then
	 * it holds this one's. */
	weir_writer_patch16(&t->w, 2, t->ipfix ? len : t->records);
	if (t->w.fault)
		return -EMSGSIZE;
	rc = weir_buffer_append(&t->messages, t->w.start, len);
	return rc ? rc : weir_buffer_append(&t->lengths, &len, sizeof(len));
}

/* Records of a template keep the order in which they came, so that the newest of several stands
 * last. */
static int by_stamp(const void *a, const void *b)
{
	const struct weir_recall_item *x = a;
	const struct weir_recall_item *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

static uint16_t set_id_of(const struct tale *t, const struct weir_recall_item *item)
{
	if (item->kind == RECORD)
		return item->id;
	return (uint16_t)((t->ipfix ? 2 : 0) + (item->kind == OPTIONS_TEMPLATE));
}

static void write_item(struct tale *t, const struct weir_recall_item *item, const struct weir_recall_item *last)
{
	uint16_t set_id = set_id_of(t, item);

	if (t->set_id != set_id) {
		close_set(t, last && may_pad(last));
		t->set_id = set_id;
		t->set_at = weir_writer_len(&t->w);
		weir_writer_u16(&t->w, set_id);
		weir_writer_u16(&t->w, 0);
	}
	weir_writer_bytes(&t->w, item->bytes, item->len);
	t->records++;
}

/* items: sorted; memory: MESSAGE_HARD bytes. ret_counted gets what each message adds to the
 * sequence number. */
static int write_messages(struct tale *t, const struct weir_recall_item *items, uint32_t count, uint8_t *memory,
			  struct weir_buffer *ret_counted)
{
	uint32_t counted = 0;
	int rc = 0;

	open_message(t, memory);
	for (uint32_t i = 0; !rc && i < count; i++) {
		if (t->records && weir_writer_len(&t->w) + SET_MIN + items[i].len + 3 > MESSAGE_SOFT) {
			close_set(t, may_pad(&items[i - 1]));
			rc = close_message(t);
			if (!rc)
				rc = weir_buffer_append(ret_counted, &counted, sizeof(counted));
			open_message(t, memory);
			counted = 0;
		}
		write_item(t, &items[i], i ? &items[i - 1] : NULL);
		counted += items[i].kind == RECORD;
	}
	close_set(t, may_pad(&items[count - 1]));
	if (!rc)
		rc = close_message(t);
	return rc ? rc : weir_buffer_append(ret_counted, &counted, sizeof(counted));
}

static void send_messages(struct tale *t, const struct weir_buffer *counted, uint32_t records,
			  void (*send)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	uint32_t messages = (uint32_t)(t->lengths.len / sizeof(uint32_t));
	uint32_t sequence = t->next->sequence - (t->ipfix ? records : messages);
	uint8_t *at = t->messages.data;

	for (uint32_t i = 0; i < messages; i++) {
		uint32_t len;
		uint32_t step;

		memcpy(&len, t->lengths.data + i * sizeof(len), sizeof(len));
		memcpy(&step, counted->data + i * sizeof(step), sizeof(step));
		weir_put_be32(at + (t->ipfix ? 8 : 12), sequence);
		send(ctx, at, len);
		sequence += t->ipfix ? step : 1;
		at += len;
	}
}

int weir_recall_tell(const struct weir_recall_domain *domain, const struct weir_replicate_message *next,
		     void (*send)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	struct tale t = {.next = next, .ipfix = next->protocol == WEIR_REPLICATE_IPFIX};
	struct weir_recall_item *items;
	struct weir_buffer counted;
	uint8_t *memory;
	int rc = -ENOMEM;

	if (!domain->count)
		return 0;
	weir_buffer_init(&t.messages);
	weir_buffer_init(&t.lengths);
	weir_buffer_init(&counted);
	items = calloc(domain->count, sizeof(*items));
	memory = malloc(MESSAGE_HARD);
	if (items && memory) {
		memcpy(items, domain->item, domain->count * sizeof(*items));
		qsort(items, domain->count, sizeof(*items), by_stamp);
		rc = write_messages(&t, items, domain->count, memory, &counted);
	}
	if (!rc)
		send_messages(&t, &counted, domain->records, send, ctx);
	weir_buffer_done(&t.messages);
	weir_buffer_done(&t.lengths);
	weir_buffer_done(&counted);
	free(items);
	free(memory);
	return rc;
}
