/* Tables by port, 128 KiB a protocol, of which few lines are ever touched; applications in a hash table by name. A row
 * fills only what no row before it has: the person's file is read first, the program's own behind it. */
#include "enrich/catalog.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/csv.h"
#include "flow/protocol.h"

#define APP_MAX	  56 /* bytes of a name; more is cut (wire/names.h keeps 55) */
#define APPS_MAX  100000
#define SLOTS_FIRST 1024

struct weir_catalog_app {
	uint8_t len; /* 0: free */
	char name[APP_MAX];
	uint16_t entry;
};

enum column { MATCH, SERVICE, CATEGORY, COLUMNS };

static const char *const COLUMN_NAMES[COLUMNS] = {"match", "service", "category"};

struct loading {
	struct weir_catalog *catalog;
	struct weir_vocabulary *vocabulary;
	const struct weir_csv *csv;
	uint32_t entries_cap;
	struct weir_error *err;
};

static int out_of_memory(struct weir_error *err)
{
	return weir_error_set(err, -ENOMEM, "services", NULL, "out of memory");
}

static int wrong(const struct loading *l, const char *next, const char *what, const char *text)
{
	char where[256];

	weir_csv_where(l->csv, where, sizeof(where));
	return weir_error_set(l->err, -EINVAL, where, next, "%s \"%.60s\"", what, text);
}

/* --- applications ----------------------------------------------------------------------------------------- */

static size_t fold(const char *name, size_t len, char *ret_folded)
{
	len = len < APP_MAX ? len : APP_MAX;
	for (size_t i = 0; i < len; i++)
		ret_folded[i] = (char)tolower((unsigned char)name[i]);
	return len;
}

static struct weir_catalog_app *app_slot(const struct weir_catalog *c, const char *folded, size_t len)
{
	uint32_t mask = c->app_slots - 1;
	uint32_t at = (uint32_t)XXH3_64bits(folded, len) & mask;

	while (c->app[at].len && !(c->app[at].len == len && memcmp(c->app[at].name, folded, len) == 0))
		at = (at + 1) & mask;
	return &c->app[at];
}

uint32_t weir_catalog_find_app(const struct weir_catalog *catalog, const char *name, size_t len)
{
	char folded[APP_MAX];

	len = fold(name, len, folded);
	return len ? app_slot(catalog, folded, len)->entry : 0;
}

static int grow_apps(struct weir_catalog *c)
{
	struct weir_catalog_app *old = c->app;
	uint32_t slots = c->app_slots;

	if (c->app && c->apps < slots / 2)
		return 0;
	c->app_slots = slots ? 2 * slots : SLOTS_FIRST;
	c->app = calloc(c->app_slots, sizeof(*c->app));
	if (!c->app) {
		c->app = old;
		c->app_slots = slots;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < slots; i++) {
		if (old[i].len)
			*app_slot(c, old[i].name, old[i].len) = old[i];
	}
	free(old);
	return 0;
}

static int add_app(struct loading *l, const char *name, uint16_t entry)
{
	struct weir_catalog *c = l->catalog;
	char folded[APP_MAX];
	size_t len = fold(name, strlen(name), folded);
	struct weir_catalog_app *app;

	if (!len)
		return wrong(l, "write it as app/NAME", "there is no application in", name);
	if (c->apps >= APPS_MAX)
		return wrong(l, NULL, "there are too many applications at", name);
	if (grow_apps(c))
		return out_of_memory(l->err);
	app = app_slot(c, folded, len);
	if (app->len)
		return 0;
	app->len = (uint8_t)len;
	memcpy(app->name, folded, len);
	app->entry = entry;
	c->apps++;
	return 0;
}

/* --- ports ------------------------------------------------------------------------------------------------ */

static bool parse_port(const char **at, unsigned *ret_port)
{
	char *end;
	unsigned long port;

	if (!isdigit((unsigned char)**at))
		return false;
	port = strtoul(*at, &end, 10);
	*at = end;
	*ret_port = (unsigned)port;
	return port <= UINT16_MAX;
}

/* "22", "6881-6889" */
static bool parse_ports(const char *text, unsigned *ret_first, unsigned *ret_last)
{
	if (!parse_port(&text, ret_first))
		return false;
	*ret_last = *ret_first;
	if (*text == '-') {
		text++;
		if (!parse_port(&text, ret_last))
			return false;
	}
	return !*text && *ret_first <= *ret_last;
}

static int proto_of(const char *name, size_t len)
{
	int proto = weir_protocol_find(name, len);

	if (proto < 0 && len && len <= 3 && strspn(name, "0123456789") >= len)
		proto = atoi(name);
	return proto > UINT8_MAX ? -1 : proto;
}

/* "tcp,udp" before the slash. */
static int add_ports(struct loading *l, const char *match, const char *slash, uint16_t entry)
{
	static const char form[] = "write it as tcp/22, tcp,udp/53, udp/6881-6889, gre or app/NAME";
	unsigned first, last;

	if (!parse_ports(slash + 1, &first, &last))
		return wrong(l, form, "these are no ports:", match);
	for (const char *name = match; name <= slash;) {
		size_t len = strcspn(name, ",/");
		int proto = proto_of(name, len);
		int ports = proto < 0 ? -1 : weir_catalog_ports_of((uint8_t)proto);

		if (ports < 0)
			return wrong(l, form, "there is no protocol with ports in", match);
		for (unsigned port = first; port <= last; port++) {
			uint16_t *at = &l->catalog->port[ports][port];

			*at = *at ? *at : entry;
		}
		name += len + 1;
	}
	return 0;
}

static int add_match(struct loading *l, const char *match, uint16_t entry)
{
	const char *slash = strchr(match, '/');
	int proto;

	if (strncmp(match, "app/", 4) == 0)
		return add_app(l, match + 4, entry);
	if (slash)
		return add_ports(l, match, slash, entry);
	proto = proto_of(match, strlen(match));
	if (proto < 0)
		return wrong(l, "write it as tcp/22, tcp,udp/53, udp/6881-6889, gre or app/NAME", "there is no protocol", match);
	if (!l->catalog->proto[proto])
		l->catalog->proto[proto] = entry;
	return 0;
}

/* --- rows ------------------------------------------------------------------------------------------------- */

static int add_entry(struct loading *l, const char *service, const char *category, uint16_t *ret_entry)
{
	struct weir_catalog *c = l->catalog;
	struct weir_catalog_entry e;
	int rc = weir_vocabulary_add(l->vocabulary, service, strlen(service), &e.service);

	if (!rc)
		rc = weir_vocabulary_add(l->vocabulary, category, strlen(category), &e.category);
	if (rc)
		return out_of_memory(l->err);
	/* Rows of one service stand together. */
	if (c->entries > 1 && memcmp(&c->entry[c->entries - 1], &e, sizeof(e)) == 0) {
		*ret_entry = (uint16_t)(c->entries - 1);
		return 0;
	}
	if (c->entries > WEIR_CATALOG_ENTRIES_MAX)
		return wrong(l, NULL, "there are too many services at", service);
	if (c->entries == l->entries_cap) {
		struct weir_catalog_entry *grown = reallocarray(c->entry, 2 * (size_t)l->entries_cap, sizeof(*grown));

		if (!grown)
			return out_of_memory(l->err);
		c->entry = grown;
		l->entries_cap *= 2;
	}
	c->entry[c->entries] = e;
	*ret_entry = (uint16_t)c->entries++;
	return 0;
}

static int add_row(struct loading *l, const int *column)
{
	const char *match = weir_csv_field(l->csv, column[MATCH]);
	const char *service = weir_csv_field(l->csv, column[SERVICE]);
	uint16_t entry = 0;
	int rc;

	if (!*service)
		return wrong(l, "name it in the second column", "there is no service for", match);
	rc = add_entry(l, service, weir_csv_field(l->csv, column[CATEGORY]), &entry);
	return rc ? rc : add_match(l, match, entry);
}

static int add_file(struct loading *l, FILE *file, const char *name)
{
	struct weir_csv *csv = malloc(sizeof(*csv));
	int column[COLUMNS];
	int rc;

	if (!csv)
		return out_of_memory(l->err);
	l->csv = csv;
	weir_csv_init(csv, file, name, '\0');
	rc = weir_csv_next(csv, l->err);
	if (rc == 1) {
		weir_csv_columns(csv, COLUMN_NAMES, COLUMNS, column);
		if (column[MATCH] < 0 || column[SERVICE] < 0)
			rc = wrong(l, "begin with the names match, service and category, parted by tabs or commas",
				   "the first line names no column", column[MATCH] < 0 ? "match" : "service");
	}
	while (rc == 1 && (rc = weir_csv_next(csv, l->err)) == 1) {
		rc = add_row(l, column);
		rc = rc ? rc : 1;
	}
	free(csv);
	return rc;
}

static int add_own(struct loading *l)
{
	FILE *file = fmemopen((void *)(uintptr_t)weir_services_table, strlen(weir_services_table), "r");
	int rc = file ? add_file(l, file, "services.tsv") : out_of_memory(l->err);

	if (file)
		(void)fclose(file);
	return rc;
}

static int allocate(struct loading *l)
{
	struct weir_catalog *c = calloc(1, sizeof(*c));

	l->catalog = c;
	if (!c)
		return -ENOMEM;
	for (unsigned i = 0; i < 3; i++) {
		c->port[i] = calloc(UINT16_MAX + 1, sizeof(*c->port[i]));
		if (!c->port[i])
			return -ENOMEM;
	}
	l->entries_cap = 512;
	c->entry = calloc(l->entries_cap, sizeof(*c->entry));
	c->entries = 1;
	return c->entry ? grow_apps(c) : -ENOMEM;
}

int weir_catalog_read(FILE *file, const char *name, struct weir_vocabulary *vocabulary, struct weir_catalog **ret_catalog,
		      struct weir_error *err)
{
	struct loading l = {.vocabulary = vocabulary, .err = err};
	int rc = allocate(&l) ? out_of_memory(err) : 0;

	if (!rc && file)
		rc = add_file(&l, file, name);
	if (!rc)
		rc = add_own(&l);
	if (rc)
		weir_catalog_free(l.catalog);
	else
		*ret_catalog = l.catalog;
	return rc;
}

int weir_catalog_load(const char *file, struct weir_vocabulary *vocabulary, struct weir_catalog **ret_catalog,
		      struct weir_error *err)
{
	FILE *open = NULL;
	int rc;

	if (file && *file) {
		open = fopen(file, "re");
		if (!open)
			return weir_error_set(err, -errno, file, "check services.file, and the file's owner and mode",
					      "the services cannot be read: %s", strerror(errno));
	}
	rc = weir_catalog_read(open, file, vocabulary, ret_catalog, err);
	if (open)
		(void)fclose(open);
	return rc;
}

void weir_catalog_free(struct weir_catalog *catalog)
{
	if (!catalog)
		return;
	for (unsigned i = 0; i < 3; i++)
		free(catalog->port[i]);
	free(catalog->entry);
	free(catalog->app);
	free(catalog);
}
