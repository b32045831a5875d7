/* Rows are read into one array, sorted by prefix, and then each finds the network around it on a stack, for a prefix comes
 * before all that lie within it. What is inherited is settled in the same walk. */
#include "enrich/networks.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

#define NESTED_MAX 130 /* prefixes within each other: one a length */

enum column { PREFIX, ZONE, ROLE, DESCRIPTION, OWNER, COLUMNS };

static const char *const COLUMN_NAMES[COLUMNS] = {
	[PREFIX] = "prefix", [ZONE] = "zone", [ROLE] = "role", [DESCRIPTION] = "description", [OWNER] = "owner"};

struct loading {
	const struct weir_networks_options *options;
	struct weir_vocabulary *vocabulary;
	struct weir_networks *networks;
	uint32_t cap;
	struct weir_error *err;
};

/* --- rows ------------------------------------------------------------------------------------------------- */

static int out_of_memory(struct weir_error *err)
{
	return weir_error_set(err, -ENOMEM, "networks", NULL, "out of memory");
}

static int add_name(struct loading *l, const char *text, size_t len, uint32_t *ret_id)
{
	int rc = weir_vocabulary_add(l->vocabulary, text, len, ret_id);

	if (rc == -ENOSPC)
		return weir_error_set(l->err, rc, "networks", "restart weir: names of earlier files are kept until then",
				      "there are too many different names");
	return rc ? out_of_memory(l->err) : 0;
}

/* "  DNS, ntp" is "dns ntp". */
static size_t put_role(const char *text, char *out, size_t size)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++) {
		bool blank = *text == ' ' || *text == ',' || *text == '\t';

		if (blank && (!len || out[len - 1] == ' '))
			continue;
		out[len++] = blank ? ' ' : *text == '_' ? '-' : (char)tolower((unsigned char)*text);
	}
	return len && out[len - 1] == ' ' ? len - 1 : len;
}

static int add_names(struct loading *l, const char *const *field, struct weir_network *n)
{
	char role[WEIR_WORD_MAX + 1];
	char prefix[WEIR_PREFIX_TEXT_MAX];
	size_t role_len = put_role(field[ROLE], role, sizeof(role));
	int rc = add_name(l, prefix, weir_prefix_text(&n->prefix, prefix), &n->subnet);

	if (!rc)
		rc = add_name(l, field[ZONE], strlen(field[ZONE]), &n->zone);
	if (!rc)
		rc = add_name(l, role, role_len, &n->role);
	if (!rc)
		rc = add_name(l, field[DESCRIPTION], strlen(field[DESCRIPTION]), &n->description);
	return rc ? rc : add_name(l, field[OWNER], strlen(field[OWNER]), &n->owner);
}

static int grow(struct loading *l)
{
	struct weir_networks *n = l->networks;
	uint32_t cap = l->cap ? 2 * l->cap : 256;
	struct weir_network *grown;

	if (n->count < l->cap)
		return 0;
	grown = reallocarray(n->network, cap, sizeof(*grown));
	if (!grown)
		return out_of_memory(l->err);
	n->network = grown;
	l->cap = cap;
	return 0;
}

static int add_row(struct loading *l, const struct weir_csv *csv, const char *const *field, uint32_t line)
{
	struct weir_network network = {.line = line, .parent = l->networks->count};
	char where[256];
	int rc;

	weir_csv_where(csv, where, sizeof(where));
	rc = weir_prefix_parse(field[PREFIX], strlen(field[PREFIX]), &network.prefix);
	if (rc < 0)
		return weir_error_set(l->err, -EINVAL, where, "write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1",
				      "\"%.60s\" is no network and no address", field[PREFIX]);
	if (rc > 0)
		return weir_error_set(l->err, -EINVAL, where, "the part behind the prefix must be zero, or the prefix longer",
				      "\"%.60s\" is an address within a network, and no network", field[PREFIX]);
	if (l->networks->count > WEIR_NETWORKS_MAX)
		return weir_error_set(l->err, -E2BIG, where, NULL, "there are more than %d networks", WEIR_NETWORKS_MAX);
	rc = grow(l);
	if (!rc)
		rc = add_names(l, field, &network);
	if (!rc)
		l->networks->network[l->networks->count++] = network;
	return rc;
}

static int add_csv_row(struct loading *l, const struct weir_csv *csv, const int *column)
{
	const char *field[COLUMNS];

	for (unsigned i = 0; i < COLUMNS; i++)
		field[i] = weir_csv_field(csv, column[i]);
	return add_row(l, csv, field, csv->line);
}

static int add_file(struct loading *l, FILE *file, const char *name)
{
	struct weir_csv *csv = malloc(sizeof(*csv));
	char where[256];
	int column[COLUMNS];
	int rc;

	if (!csv)
		return out_of_memory(l->err);
	weir_csv_init(csv, file, name, '\0');
	rc = weir_csv_next(csv, l->err);
	if (rc == 1) {
		weir_csv_columns(csv, COLUMN_NAMES, COLUMNS, column);
		weir_csv_where(csv, where, sizeof(where));
		if (column[PREFIX] < 0)
			rc = weir_error_set(l->err, -EINVAL, where, "begin with the line prefix,zone,role,description,owner",
					    "the first line names no column \"prefix\"");
	}
	while (rc == 1 && (rc = weir_csv_next(csv, l->err)) == 1) {
		rc = add_csv_row(l, csv, column);
		rc = rc ? rc : 1;
	}
	free(csv);
	return rc;
}

static int add_lines(struct loading *l)
{
	static const int column[COLUMNS] = {0, 1, 2, 3, 4};
	struct weir_csv *csv = malloc(sizeof(*csv));
	int rc = csv ? 0 : out_of_memory(l->err);

	for (unsigned i = 0; !rc && i < l->options->lines; i++) {
		weir_csv_init(csv, NULL, "networks.list", ',');
		rc = weir_csv_line(csv, l->options->line[i], l->err);
		if (rc == 1)
			rc = add_csv_row(l, csv, column);
		if (rc)
			(void)snprintf(l->err->where, sizeof(l->err->where), "networks.list, number %u", i + 1);
	}
	free(csv);
	return rc;
}

/* --- their order ------------------------------------------------------------------------------------------ */

/* While rows are read `parent` is their number. */
static int compare(const void *a, const void *b)
{
	const struct weir_network *x = a;
	const struct weir_network *y = b;
	int order = weir_prefix_compare(&x->prefix, &y->prefix);

	return order ? order : x->parent < y->parent ? -1 : 1;
}

static void drop_twins(struct weir_networks *n)
{
	uint32_t kept = 1;

	for (uint32_t i = 1; i < n->count; i++) {
		const struct weir_network *later = i + 1 < n->count ? &n->network[i + 1] : NULL;

		if (!later || weir_prefix_compare(&n->network[i].prefix, &later->prefix) != 0) {
			n->network[kept++] = n->network[i];
			continue;
		}
		if (n->twices < WEIR_NETWORKS_TWICE_MAX)
			n->twice[n->twices] = (struct weir_network_twice){later->prefix, later->line, n->network[i].line};
		n->twices++;
	}
	n->count = kept;
}

static bool is_external(const struct loading *l, uint32_t zone)
{
	const char *text = weir_vocabulary_word(l->vocabulary, zone).text;

	for (unsigned i = 0; i < l->options->externals; i++) {
		if (strcmp(l->options->external[i], text) == 0)
			return true;
	}
	return false;
}

static void inherit(struct loading *l)
{
	struct weir_networks *n = l->networks;
	uint32_t around[NESTED_MAX]; /* the networks that lie around the last one, the innermost last */
	unsigned depth = 0;

	for (uint32_t i = 1; i < n->count; i++) {
		struct weir_network *own = &n->network[i];

		while (depth && !(weir_prefix_has(&n->network[around[depth - 1]].prefix, &own->prefix.addr) &&
				  weir_prefix_is_v4(&n->network[around[depth - 1]].prefix) == weir_prefix_is_v4(&own->prefix)))
			depth--;
		own->parent = depth ? around[depth - 1] : 0;
		own->zone = own->zone ? own->zone : n->network[own->parent].zone;
		own->owner = own->owner ? own->owner : n->network[own->parent].owner;
		own->inside = !is_external(l, own->zone);
		n->has_zones |= own->zone != 0;
		n->has_roles |= own->role != 0;
		around[depth++] = i;
	}
}

static int make_table(struct weir_networks *n, struct weir_error *err)
{
	struct weir_prefix_entry *entry = calloc(n->count, sizeof(*entry));
	int rc = entry ? 0 : -ENOMEM;

	for (uint32_t i = 1; !rc && i < n->count; i++)
		entry[i - 1] = (struct weir_prefix_entry){n->network[i].prefix, i};
	if (!rc)
		rc = weir_prefix_table_new(entry, n->count - 1, &n->table);
	free(entry);
	return rc ? out_of_memory(err) : 0;
}

static int settle(struct loading *l)
{
	struct weir_networks *n = l->networks;

	qsort(n->network + 1, n->count - 1, sizeof(*n->network), compare);
	drop_twins(n);
	inherit(l);
	return make_table(n, l->err);
}

int weir_networks_read(const struct weir_networks_options *options, FILE *file, const char *name,
		       struct weir_vocabulary *vocabulary, struct weir_networks **ret_networks, struct weir_error *err)
{
	struct weir_error scrap;
	struct loading l = {.options = options, .vocabulary = vocabulary, .err = err ? err : &scrap};
	int rc;

	l.networks = calloc(1, sizeof(*l.networks));
	rc = l.networks ? grow(&l) : out_of_memory(l.err);
	if (!rc) {
		l.networks->network[0] = (struct weir_network){0};
		l.networks->count = 1;
		rc = file ? add_file(&l, file, name) : 0;
	}
	if (!rc)
		rc = add_lines(&l);
	if (!rc)
		rc = settle(&l);
	if (rc)
		weir_networks_free(l.networks);
	else
		*ret_networks = l.networks;
	return rc;
}

int weir_networks_load(const struct weir_networks_options *options, struct weir_vocabulary *vocabulary,
		       struct weir_networks **ret_networks, struct weir_error *err)
{
	FILE *file = NULL;
	int rc;

	if (options->file && *options->file) {
		file = fopen(options->file, "re");
		if (!file)
			return weir_error_set(err, -errno, options->file, "check networks.file, and the file's owner and mode",
					      "the networks cannot be read: %s", strerror(errno));
	}
	rc = weir_networks_read(options, file, options->file, vocabulary, ret_networks, err);
	if (file)
		(void)fclose(file);
	return rc;
}

void weir_networks_free(struct weir_networks *networks)
{
	if (!networks)
		return;
	weir_prefix_table_free(networks->table);
	free(networks->network);
	free(networks);
}

/* --- addresses of no network ------------------------------------------------------------------------------ */

static bool v4_is_private(const uint8_t *a)
{
	return a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
	       (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64) || (a[0] & 0xf0) == 0xe0 ||
	       (a[0] == 0 && a[3] == 0) || a[0] == 255;
}

bool weir_addr_is_private(const struct weir_addr *addr)
{
	static const struct weir_addr loopback = {{[15] = 1}};
	const uint8_t *a = addr->byte;

	if (weir_addr_is_v4(addr))
		return v4_is_private(a + 12);
	return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0xff ||
	       memcmp(a, &loopback, sizeof(loopback)) == 0 || weir_addr_is_zero(addr);
}
