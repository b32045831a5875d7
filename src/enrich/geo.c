#include "enrich/geo.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "enrich/geo_table.h"

#define NAMES_FIRST 1024

struct weir_geo_as {
	uint32_t as; /* 0: free */
	uint32_t name;
};

enum column { PREFIX, COUNTRY, AS, AS_NAME, COLUMNS };

static const char *const COLUMN_NAMES[COLUMNS] = {"prefix", "country", "as", "as_name"};

/* --- making tables ---------------------------------------------------------------------------------------- */

int weir_geo_out_of_memory(const struct weir_geo_builder *b)
{
	return weir_error_set(b->err, -ENOMEM, b->where, NULL, "out of memory");
}

int weir_geo_add_name(struct weir_geo_builder *b, const char *text, size_t len, uint32_t *ret_name)
{
	int rc = weir_vocabulary_add(b->vocabulary, text, len, ret_name);

	if (rc == -ENOSPC)
		return weir_error_set(b->err, rc, b->where, "restart weir: names of earlier files are kept until then",
				      "there are too many different names");
	return rc ? weir_geo_out_of_memory(b) : 0;
}

static int grow(void *array, uint32_t *cap, uint32_t used, size_t width)
{
	void **at = array;
	uint32_t wanted = *cap ? 2 * *cap : 1024;
	void *grown;

	if (used < *cap)
		return 0;
	grown = reallocarray(*at, wanted, width);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*cap = wanted;
	return 0;
}

int weir_geo_add_entry(struct weir_geo_builder *b, const struct weir_geo_entry *entry, uint32_t *ret_number)
{
	struct weir_geo_table *t = b->table;

	if (t->entries > 1 && memcmp(&t->entry[t->entries - 1], entry, sizeof(*entry)) == 0) {
		*ret_number = t->entries - 1;
		return 0;
	}
	if (t->entries >= WEIR_GEO_ENTRIES_MAX)
		return weir_error_set(b->err, -E2BIG, b->where, NULL, "there are more than %d different entries", WEIR_GEO_ENTRIES_MAX);
	if (grow(&t->entry, &b->entries_cap, t->entries, sizeof(*t->entry)))
		return weir_geo_out_of_memory(b);
	if (!t->entries)
		t->entry[t->entries++] = (struct weir_geo_entry){0};
	t->entry[t->entries] = *entry;
	*ret_number = t->entries++;
	return 0;
}

int weir_geo_add_prefix(struct weir_geo_builder *b, const struct weir_prefix *prefix, uint32_t number)
{
	if (b->prefixes >= WEIR_GEO_PREFIXES_MAX)
		return weir_error_set(b->err, -E2BIG, b->where, NULL, "there are more than %d prefixes", WEIR_GEO_PREFIXES_MAX);
	if (grow(&b->prefix, &b->prefixes_cap, b->prefixes, sizeof(*b->prefix)))
		return weir_geo_out_of_memory(b);
	b->prefix[b->prefixes++] = (struct weir_prefix_entry){*prefix, number};
	return 0;
}

static struct weir_geo_as *as_slot(const struct weir_geo *geo, uint32_t as)
{
	uint32_t at = as * 0x9e3779b1U;

	for (at = (at ^ at >> 15) & (geo->name_slots - 1); geo->name[at].as && geo->name[at].as != as;)
		at = (at + 1) & (geo->name_slots - 1);
	return &geo->name[at];
}

int weir_geo_name_as(struct weir_geo_builder *b, uint32_t as, uint32_t name)
{
	struct weir_geo *geo = b->geo;
	struct weir_geo_as *old = geo->name;
	uint32_t slots = geo->name_slots;
	struct weir_geo_as *slot;

	if (geo->names >= slots / 2) {
		geo->name = calloc(slots ? 2 * slots : NAMES_FIRST, sizeof(*geo->name));
		if (!geo->name) {
			geo->name = old;
			return weir_geo_out_of_memory(b);
		}
		geo->name_slots = slots ? 2 * slots : NAMES_FIRST;
		for (uint32_t i = 0; i < slots; i++) {
			if (old[i].as)
				*as_slot(geo, old[i].as) = old[i];
		}
		free(old);
	}
	slot = as_slot(geo, as);
	if (!slot->as) {
		*slot = (struct weir_geo_as){as, name};
		geo->names++;
	}
	return 0;
}

/* What was added becomes the table. */
static int finish(struct weir_geo_builder *b)
{
	int rc = 0;

	if (b->prefixes)
		rc = weir_prefix_table_new(b->prefix, b->prefixes, &b->table->table);
	b->table->prefixes = b->prefixes;
	free(b->prefix);
	b->prefix = NULL;
	return rc ? weir_geo_out_of_memory(b) : 0;
}

/* --- a person's own --------------------------------------------------------------------------------------- */

static int wrong(const struct weir_geo_builder *b, const struct weir_csv *csv, const char *next, const char *what, const char *text)
{
	char where[256];

	weir_csv_where(csv, where, sizeof(where));
	return weir_error_set(b->err, -EINVAL, where, next, "\"%.60s\" is no %s", text, what);
}

/* "64500", "AS64500" */
static bool parse_as(const char *text, uint32_t *ret_as)
{
	unsigned long long as;
	char *end;

	if (strncasecmp(text, "as", 2) == 0)
		text += 2;
	if (!isdigit((unsigned char)*text))
		return false;
	as = strtoull(text, &end, 10);
	*ret_as = (uint32_t)as;
	return !*end && as <= UINT32_MAX;
}

static int add_row(struct weir_geo_builder *b, const struct weir_csv *csv, const int *column)
{
	const char *prefix_text = weir_csv_field(csv, column[PREFIX]);
	const char *country = weir_csv_field(csv, column[COUNTRY]);
	const char *as = weir_csv_field(csv, column[AS]);
	const char *as_name = weir_csv_field(csv, column[AS_NAME]);
	struct weir_geo_entry entry = {0};
	struct weir_prefix prefix;
	char code[2];
	uint32_t number;
	int rc = 0;

	if (*prefix_text && weir_prefix_parse(prefix_text, strlen(prefix_text), &prefix))
		return wrong(b, csv, "write it as 192.0.2.0/24 or 2001:db8::/32", "network and no address", prefix_text);
	if (*as && !parse_as(as, &entry.as))
		return wrong(b, csv, "write it as 64500 or AS64500", "AS number", as);
	if (*country && !(strlen(country) == 2 && isalpha((unsigned char)country[0]) && isalpha((unsigned char)country[1])))
		return wrong(b, csv, "write its two letters, as DE", "country", country);
	if (*country) {
		code[0] = (char)toupper((unsigned char)country[0]);
		code[1] = (char)toupper((unsigned char)country[1]);
		rc = weir_geo_add_name(b, code, 2, &entry.country);
	}
	if (!rc)
		rc = weir_geo_add_name(b, as_name, strlen(as_name), &entry.as_name);
	if (!rc && entry.as && entry.as_name)
		rc = weir_geo_name_as(b, entry.as, entry.as_name);
	if (rc || !*prefix_text)
		return rc;
	rc = weir_geo_add_entry(b, &entry, &number);
	return rc ? rc : weir_geo_add_prefix(b, &prefix, number);
}

static int read_own(struct weir_geo_builder *b, FILE *file)
{
	struct weir_csv *csv = malloc(sizeof(*csv));
	char where[256];
	int column[COLUMNS];
	int rc;

	if (!csv)
		return weir_geo_out_of_memory(b);
	weir_csv_init(csv, file, b->where, '\0');
	rc = weir_csv_next(csv, b->err);
	if (rc == 1) {
		weir_csv_columns(csv, COLUMN_NAMES, COLUMNS, column);
		weir_csv_where(csv, where, sizeof(where));
		if (column[PREFIX] < 0 && column[AS] < 0)
			rc = weir_error_set(b->err, -EINVAL, where, "begin with the line prefix,country,as,as_name",
					    "the first line names no column \"prefix\"");
	}
	while (rc == 1 && (rc = weir_csv_next(csv, b->err)) == 1) {
		rc = add_row(b, csv, column);
		rc = rc ? rc : 1;
	}
	free(csv);
	return rc;
}

/* --- all of it -------------------------------------------------------------------------------------------- */

static int load_own(struct weir_geo_builder *b, FILE *file)
{
	int rc = read_own(b, file);

	if (!rc)
		return finish(b);
	free(b->prefix);
	return rc;
}

static int load_mmdb(struct weir_geo_builder *b)
{
	int rc = weir_mmdb_read(b->where, b);

	if (!rc)
		return finish(b);
	free(b->prefix);
	return rc;
}

static struct weir_geo_builder builder(struct weir_geo *geo, struct weir_geo_table *table, const char *where,
				       struct weir_vocabulary *vocabulary, struct weir_error *err)
{
	return (struct weir_geo_builder){.geo = geo, .table = table, .where = where, .vocabulary = vocabulary, .err = err};
}

int weir_geo_read(FILE *overrides, const char *name, struct weir_vocabulary *vocabulary, struct weir_geo **ret_geo,
		  struct weir_error *err)
{
	struct weir_geo *geo = calloc(1, sizeof(*geo));
	struct weir_geo_builder b;
	int rc = 0;

	if (!geo)
		return weir_error_set(err, -ENOMEM, name, NULL, "out of memory");
	b = builder(geo, &geo->own, name, vocabulary, err);
	if (overrides)
		rc = load_own(&b, overrides);
	if (rc)
		weir_geo_free(geo);
	else
		*ret_geo = geo;
	return rc;
}

int weir_geo_load(const struct weir_geo_options *options, struct weir_vocabulary *vocabulary, struct weir_geo **ret_geo,
		  struct weir_error *err)
{
	const struct {
		const char *path;
		size_t table;
	} files[] = {{options->country, offsetof(struct weir_geo, country)}, {options->as, offsetof(struct weir_geo, as)}};
	FILE *own = NULL;
	struct weir_geo *geo;
	int rc;

	if (options->overrides && *options->overrides) {
		own = fopen(options->overrides, "re");
		if (!own)
			return weir_error_set(err, -errno, options->overrides, "check geo.overrides, and the file's owner and mode",
					      "the file cannot be read: %s", strerror(errno));
	}
	rc = weir_geo_read(own, options->overrides, vocabulary, &geo, err);
	if (own)
		(void)fclose(own);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < 2; i++) {
		struct weir_geo_builder b = builder(geo, (struct weir_geo_table *)(void *)((char *)geo + files[i].table),
						    files[i].path, vocabulary, err);

		if (files[i].path && *files[i].path)
			rc = load_mmdb(&b);
	}
	if (rc)
		weir_geo_free(geo);
	else
		*ret_geo = geo;
	return rc;
}

static void table_done(struct weir_geo_table *t)
{
	weir_prefix_table_free(t->table);
	free(t->entry);
}

void weir_geo_free(struct weir_geo *geo)
{
	if (!geo)
		return;
	table_done(&geo->country);
	table_done(&geo->as);
	table_done(&geo->own);
	free(geo->name);
	free(geo);
}

/* --- looking up ------------------------------------------------------------------------------------------- */

uint32_t weir_geo_as_name(const struct weir_geo *geo, uint32_t as)
{
	return as && geo->name_slots ? as_slot(geo, as)->name : 0;
}

/* Those that come first count, each part for itself. */
static void add_all(const struct weir_geo_table *t, const struct weir_addr *addr, uint32_t count, uint32_t *scratch,
		    struct weir_geo_entry *entry)
{
	if (!t->table)
		return;
	weir_prefix_table_find_all(t->table, addr, count, scratch);
	for (uint32_t i = 0; i < count; i++) {
		const struct weir_geo_entry *e = &t->entry[scratch[i]];

		if (!entry[i].country)
			entry[i].country = e->country;
		if (!entry[i].as) {
			entry[i].as = e->as;
			entry[i].as_name = entry[i].as_name ? entry[i].as_name : e->as_name;
		}
	}
}

void weir_geo_find_all(const struct weir_geo *geo, const struct weir_addr *addr, uint32_t count, uint32_t *scratch,
		       struct weir_geo_entry *ret_entry)
{
	memset(ret_entry, 0, count * sizeof(*ret_entry));
	add_all(&geo->own, addr, count, scratch, ret_entry);
	add_all(&geo->country, addr, count, scratch, ret_entry);
	add_all(&geo->as, addr, count, scratch, ret_entry);
}
