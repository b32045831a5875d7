/* Single addresses, of which there may be millions, stand in hash tables: of IPv4 an address and the number of what is
 * said of it, 8 bytes. Prefixes go into a table of prefixes. What is said of an entry (its name, until when) is a record
 * that neighbours share: a plain list has one for all. */
#include "enrich/threats.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "enrich/threats_parts.h"

#define CONFIDENCE_USUAL 75
#define SLOTS_FIRST	 1024
#define ABREAST		 32 /* look-ups whose memory is asked for together */

struct record {
	uint32_t name;	   /* of the vocabulary */
	uint32_t expires_s; /* 0: never */
};

struct slot4 {
	uint32_t addr;
	uint32_t record; /* 0: free */
};

/* IPv6 addresses, and any with a port. */
struct slot6 {
	struct weir_addr addr;
	uint32_t record; /* 0: free */
	uint16_t port;	 /* 0: any */
};

struct weir_threats {
	struct record *record; /* number 0 is none */
	uint32_t records, records_cap;
	struct slot4 *v4;
	uint32_t v4_slots, v4_count; /* slots: a power of two */
	struct slot6 *v6;
	uint32_t v6_slots, v6_count;
	uint32_t with_port; /* of those */
	struct weir_prefix_entry *prefix; /* until they are a table */
	uint32_t prefixes, prefixes_cap;
	struct weir_prefix_table *table;
	uint32_t *port[2]; /* records of TCP's and UDP's ports alone; NULL: none */
	uint32_t ports;
	uint64_t unread;
	struct weir_error problem;
	bool has_problem;
};

/* --- tables ----------------------------------------------------------------------------------------------- */

static inline uint32_t hash4(uint32_t addr)
{
	uint64_t h = addr * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32);
}

static inline uint32_t hash6(const struct weir_addr *addr, uint16_t port)
{
	return (uint32_t)XXH3_64bits_withSeed(addr, sizeof(*addr), port);
}

static inline struct slot4 *find4(struct slot4 *slot, uint32_t slots, uint32_t addr)
{
	uint32_t at = hash4(addr) & (slots - 1);

	while (slot[at].record && slot[at].addr != addr)
		at = (at + 1) & (slots - 1);
	return &slot[at];
}

static inline struct slot6 *find6(struct slot6 *slot, uint32_t slots, const struct weir_addr *addr, uint16_t port)
{
	uint32_t at = hash6(addr, port) & (slots - 1);

	while (slot[at].record && !(slot[at].port == port && memcmp(&slot[at].addr, addr, sizeof(*addr)) == 0))
		at = (at + 1) & (slots - 1);
	return &slot[at];
}

/* At most five of eight are taken: ten million in sixteen. */
static bool has_room(uint32_t count, uint32_t slots)
{
	return (uint64_t)count * 8 < (uint64_t)slots * 5;
}

static int grow4(struct weir_threats *t)
{
	uint32_t slots = t->v4_slots ? 2 * t->v4_slots : SLOTS_FIRST;
	struct slot4 *grown;

	if (t->v4_slots && has_room(t->v4_count, t->v4_slots))
		return 0;
	grown = calloc(slots, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->v4_slots; i++) {
		if (t->v4[i].record)
			*find4(grown, slots, t->v4[i].addr) = t->v4[i];
	}
	free(t->v4);
	t->v4 = grown;
	t->v4_slots = slots;
	return 0;
}

static int grow6(struct weir_threats *t)
{
	uint32_t slots = t->v6_slots ? 2 * t->v6_slots : SLOTS_FIRST;
	struct slot6 *grown;

	if (t->v6_slots && has_room(t->v6_count, t->v6_slots))
		return 0;
	grown = calloc(slots, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->v6_slots; i++) {
		if (t->v6[i].record)
			*find6(grown, slots, &t->v6[i].addr, t->v6[i].port) = t->v6[i];
	}
	free(t->v6);
	t->v6 = grown;
	t->v6_slots = slots;
	return 0;
}

static uint32_t v4_of(const struct weir_addr *addr)
{
	uint32_t v;

	memcpy(&v, addr->byte + 12, sizeof(v));
	return v;
}

static int add_addr(struct weir_threats *t, const struct weir_addr *addr, uint16_t port, uint32_t record)
{
	int rc;

	if (!port && weir_addr_is_v4(addr)) {
		struct slot4 *slot;

		rc = grow4(t);
		if (rc)
			return rc;
		slot = find4(t->v4, t->v4_slots, v4_of(addr));
		if (!slot->record) {
			*slot = (struct slot4){v4_of(addr), record};
			t->v4_count++;
		}
		return 0;
	}
	rc = grow6(t);
	if (!rc) {
		struct slot6 *slot = find6(t->v6, t->v6_slots, addr, port);

		if (!slot->record) {
			*slot = (struct slot6){*addr, record, port};
			t->v6_count++;
			t->with_port += port != 0;
		}
	}
	return rc;
}

static int add_prefix(struct weir_threats *t, const struct weir_prefix *prefix, uint32_t record)
{
	if (t->prefixes == t->prefixes_cap) {
		uint32_t cap = t->prefixes_cap ? 2 * t->prefixes_cap : 1024;
		struct weir_prefix_entry *grown = reallocarray(t->prefix, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->prefix = grown;
		t->prefixes_cap = cap;
	}
	t->prefix[t->prefixes++] = (struct weir_prefix_entry){*prefix, record};
	return 0;
}

static int add_port(struct weir_threats *t, unsigned proto, uint16_t port, uint32_t record)
{
	if (!t->port[proto])
		t->port[proto] = calloc(UINT16_MAX + 1, sizeof(*t->port[proto]));
	if (!t->port[proto])
		return -ENOMEM;
	if (!t->port[proto][port]) {
		t->port[proto][port] = record;
		t->ports++;
	}
	return 0;
}

/* --- entries ---------------------------------------------------------------------------------------------- */

static int failed(struct weir_threat_reader *r, int rc)
{
	if (rc == -ENOSPC)
		return weir_error_set(r->err, rc, r->file, "restart weir: names of earlier files are kept until then",
				      "there are too many different names");
	return weir_error_set(r->err, rc, r->file, NULL, "out of memory");
}

static int record_of(struct weir_threat_reader *r, const struct weir_threat_note *note, uint32_t *ret_record)
{
	struct weir_threats *t = r->threats;
	int64_t expires = note->expires_s ? note->expires_s : r->expires_s;
	struct record record = {.expires_s = expires < 0 || expires > UINT32_MAX ? UINT32_MAX : (uint32_t)expires};
	char name[WEIR_WORD_MAX + 1];
	int len = note->name_len ? snprintf(name, sizeof(name), "%s: %.*s", r->name, (int)(note->name_len < 180 ? note->name_len : 180),
					    note->name)
				 : snprintf(name, sizeof(name), "%s", r->name);
	int rc = weir_vocabulary_add(r->vocabulary, name, (size_t)len, &record.name);

	if (rc)
		return failed(r, rc);
	if (t->records > 1 && memcmp(&t->record[t->records - 1], &record, sizeof(record)) == 0) {
		*ret_record = t->records - 1;
		return 0;
	}
	if (t->records == t->records_cap) {
		uint32_t cap = t->records_cap ? 2 * t->records_cap : 256;
		struct record *grown = reallocarray(t->record, cap, sizeof(*grown));

		if (!grown)
			return failed(r, -ENOMEM);
		t->record = grown;
		t->records_cap = cap;
	}
	if (!t->records)
		t->record[t->records++] = (struct record){0};
	t->record[t->records] = record;
	*ret_record = t->records++;
	return 0;
}

static bool parse_port(const char *text, size_t len, uint16_t *ret_port)
{
	unsigned port = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	*ret_port = (uint16_t)port;
	return port && port <= UINT16_MAX;
}

/* The port behind an address, which ends before it: "192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.1|443". */
static size_t split_port(const char **text_ptr, size_t len, uint16_t *port)
{
	const char *text = *text_ptr;
	const char *mark = memchr(text, '|', len);
	size_t addr_len;

	if (*text == '[') {
		const char *close = memchr(text, ']', len);

		if (!close)
			return len;
		addr_len = (size_t)(close - text - 1);
		if ((size_t)(close - text) + 1 < len && !(close[1] == ':' && parse_port(close + 2, len - addr_len - 3, port)))
			return len;
		*text_ptr = text + 1;
		return addr_len;
	}
	if (!mark) {
		mark = memchr(text, ':', len);
		if (mark && memchr(mark + 1, ':', len - (size_t)(mark - text) - 1))
			mark = NULL; /* IPv6 */
	}
	return mark && parse_port(mark + 1, len - (size_t)(mark - text) - 1, port) ? (size_t)(mark - text) : len;
}

static struct weir_addr next_addr(struct weir_addr addr, bool *ret_over)
{
	for (unsigned i = 16; i-- > 0;) {
		if (++addr.byte[i])
			return addr;
	}
	*ret_over = true;
	return addr;
}

/* A range as the prefixes that it consists of: at most two of each length. */
static int add_range(struct weir_threats *t, struct weir_addr from, const struct weir_addr *to, uint32_t record)
{
	bool over = false;
	int rc = 0;

	while (!rc && !over && memcmp(&from, to, sizeof(from)) <= 0) {
		struct weir_prefix best = {from, 128};
		struct weir_addr last;

		for (unsigned bits = weir_addr_is_v4(&from) ? 96 : 1; bits < 128; bits++) {
			struct weir_prefix p = {from, (uint8_t)bits};
			bool aligned = true;

			for (unsigned b = bits; b < 128 && aligned; b++)
				aligned = !(from.byte[b / 8] >> (7 - b % 8) & 1);
			last = weir_prefix_last(&p);
			if (aligned && memcmp(&last, to, sizeof(last)) <= 0) {
				best = p;
				break;
			}
		}
		last = weir_prefix_last(&best);
		rc = best.bits == 128 ? add_addr(t, &from, 0, record) : add_prefix(t, &best, record);
		from = next_addr(last, &over);
	}
	return rc;
}

/* What a text is. */
struct parsed {
	enum { NOTHING, ADDR, PREFIX, RANGE, PORT } kind;
	struct weir_prefix prefix;
	struct weir_addr last;
	uint16_t port;
	unsigned proto;
};

static struct parsed parse(const char *text, size_t len, uint16_t note_port)
{
	struct parsed p = {.kind = NOTHING, .port = note_port};
	const char *dash = memchr(text, '-', len);
	struct weir_prefix end;

	if (len > 4 && (strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0)) {
		p.proto = tolower((unsigned char)*text) == 'u';
		p.kind = parse_port(text + 4, len - 4, &p.port) ? PORT : NOTHING;
		return p;
	}
	if (dash && weir_prefix_parse(text, (size_t)(dash - text), &p.prefix) == 0 &&
	    weir_prefix_parse(dash + 1, len - (size_t)(dash - text) - 1, &end) == 0 && p.prefix.bits == 128 && end.bits == 128) {
		p.last = end.addr;
		p.kind = weir_addr_is_v4(&p.prefix.addr) == weir_addr_is_v4(&end.addr) ? RANGE : NOTHING;
		return p;
	}
	len = split_port(&text, len, &p.port);
	if (weir_prefix_parse(text, len, &p.prefix) < 0)
		return p;
	p.kind = p.prefix.bits == 128 ? ADDR : PREFIX;
	return p;
}

int weir_threat_add(struct weir_threat_reader *r, const char *text, size_t len, const struct weir_threat_note *note)
{
	struct weir_threats *t = r->threats;
	struct parsed p = parse(text, len, note->port);
	unsigned confidence = note->confidence < 0 ? r->confidence : (unsigned)note->confidence;
	uint32_t record = 0;
	int rc;

	if (p.kind == NOTHING) {
		r->unread++;
		return 0;
	}
	r->read++;
	if (confidence < r->confidence_min)
		return 0;
	if ((uint64_t)t->v4_count + t->v6_count + t->prefixes >= WEIR_THREATS_MAX)
		return weir_error_set(r->err, -E2BIG, r->file, NULL, "there are more than %d entries", WEIR_THREATS_MAX);
	rc = record_of(r, note, &record);
	if (rc)
		return rc;
	if (p.kind == ADDR)
		rc = add_addr(t, &p.prefix.addr, p.port, record);
	else if (p.kind == PREFIX)
		rc = add_prefix(t, &p.prefix, record);
	else if (p.kind == RANGE)
		rc = add_range(t, p.prefix.addr, &p.last, record);
	else
		rc = add_port(t, p.proto, p.port, record);
	return rc ? failed(r, rc) : 0;
}

/* --- looking up ------------------------------------------------------------------------------------------- */

static uint32_t in_force(const struct weir_threats *t, uint32_t record, int64_t now_s)
{
	const struct record *r = &t->record[record];

	return record && (!r->expires_s || now_s <= r->expires_s) ? r->name : 0;
}

static uint32_t find_addr(const struct weir_threats *t, const struct weir_addr *addr, uint16_t port, int64_t now_s)
{
	uint32_t name = 0;

	if (t->v4_count && weir_addr_is_v4(addr))
		name = in_force(t, find4(t->v4, t->v4_slots, v4_of(addr))->record, now_s);
	if (!name && t->with_port && port)
		name = in_force(t, find6(t->v6, t->v6_slots, addr, port)->record, now_s);
	if (!name && t->v6_count > t->with_port && !weir_addr_is_v4(addr))
		name = in_force(t, find6(t->v6, t->v6_slots, addr, 0)->record, now_s);
	return name;
}

static uint32_t find_port(const struct weir_threats *t, uint8_t proto, uint16_t port, int64_t now_s)
{
	unsigned udp = proto == 17;

	return (proto == 6 || udp) && t->port[udp] ? in_force(t, t->port[udp][port], now_s) : 0;
}

static void ask_for(const struct weir_threats *t, const struct weir_addr *addr, uint32_t count)
{
	for (uint32_t i = 0; t->v4_count && i < count; i++)
		__builtin_prefetch(&t->v4[hash4(v4_of(&addr[i])) & (t->v4_slots - 1)]);
}

void weir_threats_find_all(const struct weir_threats *threats, const struct weir_addr *addr, const uint16_t *port,
			   const uint8_t *proto, const bool *known, uint32_t count, int64_t now_s, uint32_t *ret_name)
{
	const struct weir_threats *t = threats;

	if (t->table)
		weir_prefix_table_find_all(t->table, addr, count, ret_name);
	else
		memset(ret_name, 0, count * sizeof(*ret_name));
	ask_for(t, addr, count < ABREAST ? count : ABREAST);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t name;

		if (i % ABREAST == 0 && i + ABREAST < count)
			ask_for(t, addr + i + ABREAST, count - i - ABREAST < ABREAST ? count - i - ABREAST : ABREAST);
		name = find_addr(t, &addr[i], port[i], now_s);
		if (!name && ret_name[i] && !known[i])
			name = in_force(t, ret_name[i], now_s);
		ret_name[i] = name || !t->ports ? name : find_port(t, proto[i], port[i], now_s);
	}
}

/* --- life ------------------------------------------------------------------------------------------------- */

int weir_threats_new(struct weir_threats **ret_threats)
{
	*ret_threats = calloc(1, sizeof(**ret_threats));
	return *ret_threats ? 0 : -ENOMEM;
}

/* Of two equal prefixes the table keeps the last, and the first list shall count. */
int weir_threats_finish(struct weir_threats *t)
{
	int rc;

	for (uint32_t i = 0; i < t->prefixes / 2; i++) {
		struct weir_prefix_entry e = t->prefix[i];

		t->prefix[i] = t->prefix[t->prefixes - 1 - i];
		t->prefix[t->prefixes - 1 - i] = e;
	}
	rc = t->prefixes ? weir_prefix_table_new(t->prefix, t->prefixes, &t->table) : 0;
	free(t->prefix);
	t->prefix = NULL;
	return rc;
}

void weir_threats_free(struct weir_threats *threats)
{
	if (!threats)
		return;
	weir_prefix_table_free(threats->table);
	free(threats->prefix);
	free(threats->record);
	free(threats->v4);
	free(threats->v6);
	free(threats->port[0]);
	free(threats->port[1]);
	free(threats);
}

struct weir_threats_stats weir_threats_stats(const struct weir_threats *t)
{
	return (struct weir_threats_stats){
		.addresses = t->v4_count + t->v6_count - t->with_port,
		.prefixes = t->prefixes,
		.ports = t->with_port + t->ports,
		.unread = t->unread,
		.bytes = t->v4_slots * sizeof(*t->v4) + t->v6_slots * sizeof(*t->v6) + t->records_cap * sizeof(*t->record) +
			 (t->table ? weir_prefix_table_bytes(t->table) : 0),
	};
}

bool weir_threats_problem(const struct weir_threats *threats, struct weir_error *ret_err)
{
	*ret_err = threats->problem;
	return threats->has_problem;
}

/* --- lists of the configuration --------------------------------------------------------------------------- */

const char *weir_threats_file(const char *list, size_t *ret_len)
{
	const char *equals = strchr(list, '=');

	if (!equals || equals == list)
		return NULL;
	*ret_len = strcspn(equals + 1, ",");
	return *ret_len ? equals + 1 : NULL;
}

static int wrong(struct weir_threat_reader *r, const char *text)
{
	return weir_error_set(r->err, -EINVAL, "threats.lists", "write it as NAME=FILE,confidence=80,valid=7d",
			      "\"%.120s\" is no threat list", text);
}

static bool parse_valid(const char *text, size_t len, int64_t *ret_s)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
	int64_t value = 0;

	if (len < 2 || len > 8)
		return false;
	for (size_t i = 0; i + 1 < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (text[i] - '0');
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[len - 1] == units[i].unit) {
			*ret_s = value * units[i].seconds;
			return true;
		}
	}
	return false;
}

/* The options behind the file's name. */
static int parse_options(struct weir_threat_reader *r, const char *list, const char *at, int64_t *ret_valid_s)
{
	while (*at == ',') {
		size_t len;

		at++;
		len = strcspn(at, ",");
		if (strncmp(at, "confidence=", 11) == 0 && len > 11 && len <= 14) {
			char *end;

			r->confidence = (unsigned)strtoul(at + 11, &end, 10);
			if (end != at + len || r->confidence > 100)
				return wrong(r, list);
		} else if (strncmp(at, "valid=", 6) != 0 || !parse_valid(at + 6, len - 6, ret_valid_s)) {
			return wrong(r, list);
		}
		at += len;
	}
	return 0;
}

static int read_list(struct weir_threat_reader *r, const char *list)
{
	char path[3072];
	struct stat st;
	int64_t valid_s = 0;
	size_t len;
	const char *file = weir_threats_file(list, &len);
	FILE *open;
	int rc;

	if (!file || len >= sizeof(path) || (size_t)(file - list) > sizeof(r->name))
		return wrong(r, list);
	(void)snprintf(r->name, sizeof(r->name), "%.*s", (int)(file - list - 1), list);
	(void)snprintf(path, sizeof(path), "%.*s", (int)len, file);
	r->file = path;
	rc = parse_options(r, list, file + len, &valid_s);
	if (rc)
		return rc;
	open = fopen(path, "re");
	if (!open)
		return weir_error_set(r->err, -errno, path, "check threats.lists, and the file's owner and mode",
				      "the threat list cannot be read: %s", strerror(errno));
	if (valid_s && fstat(fileno(open), &st) == 0)
		r->expires_s = (int64_t)st.st_mtim.tv_sec + valid_s;
	rc = weir_threat_read(r, open);
	(void)fclose(open);
	if (!rc && r->unread > r->read)
		rc = weir_error_set(r->err, -EINVAL, path, "is this the right file?", "%llu of %llu lines are neither address nor prefix",
				    (unsigned long long)r->unread, (unsigned long long)(r->read + r->unread));
	r->threats->unread += r->unread;
	return rc;
}

int weir_threats_load(const struct weir_threats_options *options, struct weir_vocabulary *vocabulary,
		      struct weir_threats **ret_threats, struct weir_error *err)
{
	struct weir_threats *t;
	int rc = weir_threats_new(&t);

	if (rc)
		return weir_error_set(err, rc, "threats", NULL, "out of memory");
	for (unsigned i = 0; !rc && i < options->lists; i++) {
		struct weir_error problem = {0};
		struct weir_threat_reader r = {.threats = t, .vocabulary = vocabulary, .confidence = CONFIDENCE_USUAL,
					       .confidence_min = options->confidence_min, .err = &problem};

		rc = read_list(&r, options->list[i]);
		if (rc && options->lenient && rc != -ENOMEM) {
			t->problem = t->has_problem ? t->problem : problem;
			t->has_problem = true;
			rc = 0;
		} else if (rc && err) {
			*err = problem;
		}
	}
	if (!rc && weir_threats_finish(t))
		rc = weir_error_set(err, -ENOMEM, "threats", NULL, "out of memory");
	if (rc)
		weir_threats_free(t);
	else
		*ret_threats = t;
	return rc;
}
