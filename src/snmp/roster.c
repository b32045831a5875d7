#include "snmp/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN	    16
#define FIRST_MS    10000
#define BACKOFF_MAX 2 /* doublings */

void weir_snmp_roster_init(struct weir_snmp_roster *roster, int64_t interval_ms, uint64_t seed)
{
	*roster = (struct weir_snmp_roster){.interval_ms = interval_ms, .seed = seed | 1};
}

void weir_snmp_roster_done(struct weir_snmp_roster *roster)
{
	for (uint32_t i = 0; i < roster->count; i++)
		weir_buffer_done(&roster->exporter[i].lines);
	free(roster->exporter);
	*roster = (struct weir_snmp_roster){0};
}

/* Jitter only (xorshift64). From 0 to below. */
static int64_t draw(struct weir_snmp_roster *r, int64_t below)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return below > 0 ? (int64_t)(r->seed % (uint64_t)below) : 0;
}

static uint32_t position(const struct weir_snmp_roster *r, const struct weir_addr *addr)
{
	uint32_t low = 0;
	uint32_t high = r->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(&r->exporter[middle].addr, addr, sizeof(*addr)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct weir_snmp_exporter *weir_snmp_roster_find(const struct weir_snmp_roster *roster, const struct weir_addr *addr)
{
	uint32_t at = position(roster, addr);

	return at < roster->count && memcmp(&roster->exporter[at].addr, addr, sizeof(*addr)) == 0 ? &roster->exporter[at] : NULL;
}

static bool reserve(struct weir_snmp_roster *r)
{
	uint32_t cap = r->cap ? r->cap * 2 : CAP_MIN;
	struct weir_snmp_exporter *grown;

	if (r->count < r->cap)
		return true;
	grown = cap <= WEIR_SNMP_EXPORTERS_MAX ? reallocarray(r->exporter, cap, sizeof(*grown)) : NULL;
	if (!grown)
		return false;
	r->exporter = grown;
	r->cap = cap;
	return true;
}

void weir_snmp_roster_see(struct weir_snmp_roster *roster, const struct weir_addr *addr, int64_t now_ms)
{
	struct weir_snmp_exporter *known = weir_snmp_roster_find(roster, addr);
	int64_t first_ms = roster->interval_ms / 10 < FIRST_MS ? roster->interval_ms / 10 : FIRST_MS;
	uint32_t at = position(roster, addr);

	if (known) {
		known->seen_ms = now_ms;
		return;
	}
	if (!reserve(roster)) {
		roster->refused++;
		return;
	}
	memmove(&roster->exporter[at + 1], &roster->exporter[at], (roster->count - at) * sizeof(*roster->exporter));
	roster->count++;
	roster->exporter[at] = (struct weir_snmp_exporter){.addr = *addr, .seen_ms = now_ms, .due_ms = now_ms + draw(roster, first_ms)};
	weir_buffer_init(&roster->exporter[at].lines);
}

uint32_t weir_snmp_roster_forget(struct weir_snmp_roster *roster, int64_t before_ms)
{
	uint32_t kept = 0;
	uint32_t gone;

	for (uint32_t i = 0; i < roster->count; i++) {
		struct weir_snmp_exporter *e = &roster->exporter[i];

		if (e->seen_ms >= before_ms) {
			roster->exporter[kept++] = *e;
		} else {
			roster->told_bytes -= e->lines.len;
			weir_buffer_done(&e->lines);
		}
	}
	gone = roster->count - kept;
	roster->count = kept;
	return gone;
}

struct weir_snmp_exporter *weir_snmp_roster_next(struct weir_snmp_roster *roster, int64_t now_ms)
{
	struct weir_snmp_exporter *first = NULL;

	for (uint32_t i = 0; i < roster->count; i++) {
		struct weir_snmp_exporter *e = &roster->exporter[i];

		if (!e->busy && e->due_ms <= now_ms && (!first || e->due_ms < first->due_ms))
			first = e;
	}
	if (first)
		first->busy = true;
	return first;
}

static int64_t pause_ms(struct weir_snmp_roster *r, unsigned failures)
{
	unsigned doublings = failures > BACKOFF_MAX ? BACKOFF_MAX : failures ? failures - 1 : 0;
	int64_t ms = r->interval_ms << doublings;

	return ms - ms / 10 + draw(r, ms / 5);
}

/* True: other lines than before; there was room for them. */
static bool keep_lines(struct weir_snmp_roster *r, struct weir_snmp_exporter *e, const struct weir_snmp_interfaces *interfaces)
{
	struct weir_buffer lines;

	weir_buffer_init(&lines);
	if (weir_snmp_interfaces_write(interfaces, &e->addr, &lines) || r->told_bytes - e->lines.len + lines.len > WEIR_SNMP_TOLD_BYTES_MAX) {
		weir_buffer_done(&lines);
		e->cut = true;
		return false;
	}
	if (lines.len == e->lines.len && memcmp(lines.data, e->lines.data, lines.len) == 0) {
		weir_buffer_done(&lines);
		return false;
	}
	r->told_bytes = r->told_bytes - e->lines.len + lines.len;
	weir_buffer_done(&e->lines);
	e->lines = lines;
	return true;
}

bool weir_snmp_roster_take(struct weir_snmp_roster *roster, struct weir_snmp_exporter *exporter, enum weir_snmp_outcome outcome,
			   const struct weir_snmp_interfaces *interfaces, int64_t now_ms)
{
	struct weir_snmp_exporter *e = exporter;

	e->busy = false;
	e->asked = true;
	e->outcome = outcome;
	e->failures = outcome == WEIR_SNMP_OK ? 0 : e->failures + 1;
	e->due_ms = now_ms + pause_ms(roster, e->failures);
	if (outcome != WEIR_SNMP_OK)
		return false;
	e->cut = interfaces->cut;
	e->interfaces = interfaces->count;
	return keep_lines(roster, e, interfaces);
}

void weir_snmp_roster_hurry(struct weir_snmp_roster *roster, int64_t now_ms)
{
	for (uint32_t i = 0; i < roster->count; i++)
		roster->exporter[i].due_ms = now_ms;
}

int weir_snmp_roster_write(const struct weir_snmp_roster *roster, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, WEIR_SNMP_FILE_HEAD);

	for (uint32_t i = 0; !rc && i < roster->count; i++) {
		const struct weir_buffer *lines = &roster->exporter[i].lines;

		if (lines->len)
			rc = weir_buffer_append(out, lines->data, lines->len);
	}
	return rc;
}

/* Whose line it is. */
static struct weir_snmp_exporter *owner_of(const struct weir_snmp_roster *roster, const char *line, size_t len)
{
	const char *comma = memchr(line, ',', len);
	size_t n = comma ? (size_t)(comma - line) : 0;
	char text[WEIR_ADDR_TEXT_MAX];
	struct weir_addr addr;

	if (!n || n >= sizeof(text))
		return NULL;
	memcpy(text, line, n);
	text[n] = '\0';
	return weir_addr_parse(text, &addr) ? NULL : weir_snmp_roster_find(roster, &addr);
}

void weir_snmp_roster_read(struct weir_snmp_roster *roster, const char *text, size_t len)
{
	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline - text) + 1 : len;
		struct weir_snmp_exporter *e = newline ? owner_of(roster, text, n) : NULL;

		if (e && !e->asked && roster->told_bytes + n <= WEIR_SNMP_TOLD_BYTES_MAX && weir_buffer_append(&e->lines, text, n) == 0)
			roster->told_bytes += n;
		text += n;
		len -= n;
	}
}
