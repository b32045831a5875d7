#include "policy/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "policy/message.h"

#define EVENTS_MAX  4096 /* a power of two: those that are kept */
#define SLOTS	    (2 * EVENTS_MAX)
#define HOUR_MS	    3600000
#define MESSAGE_MAX 768
#define SERVICE_MAX 64
#define NOBODY	    UINT32_MAX

const struct weir_events_options weir_events_defaults = {.storm_per_minute = 60, .refresh_s = 10};

/* What makes flows one event. */
struct event_key {
	struct weir_addr client; /* zero where it is not part of the subject */
	struct weir_addr server;
	int64_t hour_ms;
	uint32_t rule;
	uint32_t storm; /* 1: of a rule's further subjects */
};

struct event {
	struct event_key key;
	uint32_t next; /* of those that begin their list at the same slot */
	uint64_t id;
	int64_t first_ms;
	int64_t last_ms;
	int64_t told_ms; /* 0: never */
	uint64_t flows;	 /* not told yet, as bytes and packets */
	uint64_t bytes;
	uint64_t packets;
	struct weir_addr client; /* of the first flow */
	struct weir_addr server;
	char service[SERVICE_MAX];
	char message[MESSAGE_MAX];
};

/* How many events a rule has begun in this minute. */
struct storm {
	int64_t minute;
	uint32_t begun;
};

struct weir_events {
	const struct weir_policy *policy;
	struct weir_events_options options;
	struct weir_events_stats stats;
	uint32_t used;
	uint32_t oldest; /* where to look for the one that gives way, all being used */
	uint32_t slot[SLOTS];
	struct event event[EVENTS_MAX];
	struct storm *storm; /* one a rule */
	/* Rows of events that gave way, until they are told. */
	struct weir_buffer scratch;
	struct event *due; /* owned: copies */
	uint32_t dues;
	uint32_t due_cap;
};

int weir_events_new(const struct weir_policy *policy, const struct weir_events_options *options, struct weir_events **ret_events)
{
	struct weir_events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->policy = policy;
	e->options = *options;
	e->due_cap = EVENTS_MAX / 4;
	e->due = malloc(e->due_cap * sizeof(*e->due));
	e->storm = calloc(weir_policy_rules(policy) + 1, sizeof(*e->storm));
	for (uint32_t i = 0; i < SLOTS; i++)
		e->slot[i] = NOBODY;
	if (!e->storm || !e->due) {
		weir_events_free(e);
		return -ENOMEM;
	}
	*ret_events = e;
	return 0;
}

void weir_events_free(struct weir_events *events)
{
	if (!events)
		return;
	free(events->storm);
	free(events->due);
	weir_buffer_done(&events->scratch);
	free(events);
}

/* --- finding and making --- */

static uint32_t slot_of(const struct weir_events *e, const struct event_key *key)
{
	return (uint32_t)(XXH3_64bits_withSeed(key, sizeof(*key), e->options.seed) & (SLOTS - 1));
}

static struct event *find(struct weir_events *e, const struct event_key *key)
{
	for (uint32_t i = e->slot[slot_of(e, key)]; i != NOBODY; i = e->event[i].next) {
		if (memcmp(&e->event[i].key, key, sizeof(*key)) == 0)
			return &e->event[i];
	}
	return NULL;
}

static void unlink_event(struct weir_events *e, uint32_t index)
{
	uint32_t *at = &e->slot[slot_of(e, &e->event[index].key)];

	while (*at != index)
		at = &e->event[*at].next;
	*at = e->event[index].next;
}

/* Room for an event: the next in turn gives way, and what was not told of it waits until the next telling. */
static struct event *take_room(struct weir_events *e)
{
	uint32_t index = e->used;

	if (e->used < EVENTS_MAX) {
		e->used++;
		return &e->event[index];
	}
	index = e->oldest;
	e->oldest = (e->oldest + 1) % EVENTS_MAX;
	unlink_event(e, index);
	if (e->event[index].flows) {
		if (e->dues < e->due_cap)
			e->due[e->dues++] = e->event[index];
		else
			e->stats.lost++;
	}
	return &e->event[index];
}

/* The same for everybody who means this event, now and after a restart. */
static uint64_t id_of(const struct weir_policy_rule *rule, const struct event_key *key)
{
	struct {
		struct weir_addr client;
		struct weir_addr server;
		int64_t hour_ms;
		uint64_t storm;
	} of = {key->client, key->server, key->hour_ms, key->storm};
	uint64_t id = XXH3_64bits_withSeed(&of, sizeof(of), XXH3_64bits(rule->name, strlen(rule->name)));

	return id ? id : 1; /* 0 is no event */
}

static void copy_text(struct weir_buffer *from, int rc, char *ret_text, size_t size)
{
	const char *text = rc ? "" : weir_buffer_cstr(from);

	(void)snprintf(ret_text, size, "%s", text ? text : "");
}

static void describe(struct weir_events *e, const struct weir_policy_hit *hit, struct event *ev)
{
	const struct weir_policy_rule *rule = weir_policy_rule(e->policy, hit->rule);

	weir_buffer_reset(&e->scratch);
	copy_text(&e->scratch, weir_message_service(hit, &e->scratch), ev->service, sizeof(ev->service));
	weir_buffer_reset(&e->scratch);
	if (ev->key.storm)
		(void)snprintf(ev->message, sizeof(ev->message), "%s finds more than %u subjects a minute; the further ones are counted here",
			       rule->name, e->options.storm_per_minute);
	else
		copy_text(&e->scratch, weir_message_write(rule, hit, &e->scratch), ev->message, sizeof(ev->message));
}

static struct event *begin(struct weir_events *e, const struct weir_policy_hit *hit, const struct event_key *key, int64_t now_ms)
{
	struct event *ev = take_room(e);
	uint32_t slot = slot_of(e, key);

	*ev = (struct event){.key = *key, .first_ms = now_ms, .client = *hit->client, .server = *hit->server};
	ev->next = e->slot[slot];
	ev->id = id_of(weir_policy_rule(e->policy, hit->rule), key);
	e->slot[slot] = (uint32_t)(ev - e->event);
	describe(e, hit, ev);
	e->stats.begun++;
	return ev;
}

/* May the rule begin one more event in this minute? */
static bool is_calm(struct weir_events *e, uint32_t rule, int64_t now_ms)
{
	struct storm *s = &e->storm[rule];

	if (s->minute != now_ms / 60000)
		*s = (struct storm){.minute = now_ms / 60000};
	return s->begun++ < e->options.storm_per_minute;
}

static void add(struct event *ev, const struct weir_policy_hit *hit, int64_t now_ms)
{
	uint32_t rate = weir_block_u32(hit->block, WEIR_COL_SAMPLING_RATE)[hit->row];

	ev->last_ms = now_ms;
	ev->flows++;
	ev->bytes += weir_scaled(weir_block_u64(hit->block, WEIR_COL_BYTES)[hit->row], rate);
	ev->packets += weir_scaled(weir_block_u64(hit->block, WEIR_COL_PACKETS)[hit->row], rate);
}

void weir_events_hit(struct weir_events *e, const struct weir_policy_hit *hit, int64_t now_ms)
{
	enum weir_policy_subject subject = weir_policy_rule(e->policy, hit->rule)->subject;
	struct event_key key;
	struct event *ev;

	memset(&key, 0, sizeof(key)); /* it is hashed whole */
	key.hour_ms = now_ms - now_ms % HOUR_MS;
	key.rule = hit->rule;
	if (subject != WEIR_POLICY_SERVER)
		key.client = *hit->client;
	if (subject != WEIR_POLICY_CLIENT)
		key.server = *hit->server;
	ev = find(e, &key);
	if (ev) {
		e->stats.folded++;
	} else if (is_calm(e, hit->rule, now_ms)) {
		ev = begin(e, hit, &key, now_ms);
	} else {
		memset(&key.client, 0, sizeof(key.client));
		memset(&key.server, 0, sizeof(key.server));
		key.storm = 1;
		ev = find(e, &key);
		if (!ev)
			ev = begin(e, hit, &key, now_ms);
		e->stats.stormed++;
	}
	add(ev, hit, now_ms);
}

/* --- telling --- */

static struct weir_text text_of(const char *text)
{
	return (struct weir_text){text, strlen(text)};
}

/* "10.1.0.7", "10.1.0.7 to 203.0.113.9", or nothing. */
static size_t write_subject(const struct event_key *key, char *ret_text, size_t size)
{
	char client[WEIR_ADDR_TEXT_MAX] = "";
	char server[WEIR_ADDR_TEXT_MAX] = "";

	if (!weir_addr_is_zero(&key->client))
		(void)weir_addr_text(&key->client, client);
	if (!weir_addr_is_zero(&key->server))
		(void)weir_addr_text(&key->server, server);
	return (size_t)snprintf(ret_text, size, "%s%s%s", client, *client && *server ? " to " : "", server);
}

/* A rule's name as the filter language has texts: in quotes, where a backslash takes the next character as it is. */
static void write_quoted(const char *text, char ret_text[2 * WEIR_POLICY_NAME_MAX + 3])
{
	size_t len = 0;

	ret_text[len++] = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			ret_text[len++] = '\\';
		ret_text[len++] = *text;
	}
	ret_text[len++] = '"';
	ret_text[len] = '\0';
}

/* In the filter language: the flows behind it. */
static size_t write_filter(const char *rule, const struct event_key *key, char *ret_text, size_t size)
{
	char addr[WEIR_ADDR_TEXT_MAX];
	char quoted[2 * WEIR_POLICY_NAME_MAX + 3];
	const struct weir_addr *sides[] = {&key->client, &key->server};
	size_t len;

	write_quoted(rule, quoted);
	len = (size_t)snprintf(ret_text, size, "rule = %s", quoted);
	for (int i = 0; i < 2; i++) {
		if (weir_addr_is_zero(sides[i]))
			continue;
		(void)weir_addr_text(sides[i], addr);
		len += (size_t)snprintf(ret_text + len, size - len, " and ip %s", addr);
	}
	return len;
}

static bool tell(struct weir_events *e, const struct event *ev, const struct weir_record_sink *sink)
{
	const struct weir_policy_rule *rule = weir_policy_rule(e->policy, ev->key.rule);
	char subject[2 * WEIR_ADDR_TEXT_MAX + 8];
	char filter[2 * WEIR_ADDR_TEXT_MAX + 2 * WEIR_POLICY_NAME_MAX + 32];
	struct weir_record record = {
		.hour_ms = ev->key.hour_ms,
		.number = ev->id,
		.time_ms = ev->first_ms,
		.last_ms = ev->last_ms,
		.level = text_of(weir_policy_level_names[rule->level]),
		.kind = text_of(rule->category),
		.name = text_of(rule->name),
		.action = text_of(weir_policy_action_names[rule->action]),
		.client = ev->client,
		.server = ev->server,
		.service = text_of(ev->service),
		.value = text_of(ev->message),
		.flows = ev->flows,
		.bytes = ev->bytes,
		.packets = ev->packets,
	};

	record.subject = (struct weir_text){subject, write_subject(&ev->key, subject, sizeof(subject))};
	record.filter = (struct weir_text){filter, write_filter(rule->name, &ev->key, filter, sizeof(filter))};
	return sink->put(sink->ctx, WEIR_TABLE_EVENTS, &record);
}

void weir_events_tell(struct weir_events *e, int64_t now_ms, bool all, const struct weir_record_sink *sink)
{
	for (uint32_t i = 0; i < e->dues; i++)
		e->stats.lost += !tell(e, &e->due[i], sink);
	e->dues = 0;
	for (uint32_t i = 0; i < e->used; i++) {
		struct event *ev = &e->event[i];
		int64_t since = now_ms - ev->told_ms;

		/* A clock that went back must not make an event wait. */
		if (!ev->flows || (!all && ev->told_ms && since >= 0 && since < (int64_t)e->options.refresh_s * 1000))
			continue;
		if (!tell(e, ev, sink)) {
			e->stats.lost++;
			continue; /* nobody has room: it is tried again */
		}
		ev->told_ms = now_ms;
		ev->flows = 0;
		ev->bytes = 0;
		ev->packets = 0;
	}
}

struct weir_events_stats weir_events_stats(const struct weir_events *events)
{
	return events->stats;
}
