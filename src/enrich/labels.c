#include "enrich/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/csv.h"

#define SLOTS_MIN 256 /* a power of two */

enum kind { FREE, EXPORTER, INTERFACE };

struct label {
	struct weir_addr exporter;
	uint32_t index; /* of the interface */
	uint32_t name;	/* of the vocabulary */
	uint8_t kind;
	bool configured;
};

struct weir_labels {
	uint64_t seed;
	struct label *slot; /* owned; at most three quarters of them are taken */
	uint32_t slots;
	uint32_t count;
	bool has[INTERFACE + 1];
};

static struct label *find(const struct weir_labels *l, const struct weir_addr *exporter, enum kind kind, uint32_t index)
{
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(exporter, sizeof(*exporter), l->seed + ((uint64_t)index << 2 | (unsigned)kind));

	for (at &= l->slots - 1; l->slot[at].kind != FREE; at = (at + 1) & (l->slots - 1)) {
		const struct label *s = &l->slot[at];

		if (s->kind == kind && s->index == index && memcmp(&s->exporter, exporter, sizeof(*exporter)) == 0)
			break;
	}
	return &l->slot[at];
}

static int grow(struct weir_labels *l)
{
	struct weir_labels grown = *l;

	grown.slots = l->slots * 2;
	grown.slot = calloc(grown.slots, sizeof(*grown.slot));
	if (!grown.slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->slots; i++) {
		const struct label *s = &l->slot[i];

		if (s->kind != FREE)
			*find(&grown, &s->exporter, (enum kind)s->kind, s->index) = *s;
	}
	free(l->slot);
	*l = grown;
	return 0;
}

/* -ENOSPC: there are too many. */
static int put(struct weir_labels *l, const struct weir_addr *exporter, enum kind kind, uint32_t index, uint32_t name, bool configured)
{
	struct label *label = find(l, exporter, kind, index);

	if (label->configured && !configured)
		return 0;
	if (label->kind == FREE && l->count >= WEIR_LABELS_MAX)
		return -ENOSPC;
	if (label->kind == FREE && l->count >= l->slots / 4 * 3) {
		if (grow(l))
			return -ENOMEM;
		label = find(l, exporter, kind, index);
	}
	l->count += label->kind == FREE;
	*label = (struct label){.exporter = *exporter, .index = index, .name = name, .kind = (uint8_t)kind, .configured = configured};
	l->has[kind] = true;
	return 0;
}

/* --- the configuration ------------------------------------------------------------------------------------ */

static int wrong(const char *option, unsigned number, const char *form, const char *text, struct weir_error *err)
{
	char where[64];

	(void)snprintf(where, sizeof(where), "%s, number %u", option, number + 1);
	return weir_error_set(err, -EINVAL, where, form, "\"%.100s\" is not of this form", text);
}

/* The address before the equals sign, and the number behind its slash. */
static bool split(const char *text, bool index_too, struct weir_addr *ret_addr, uint32_t *ret_index, const char **ret_name)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;
	const char *slash = memchr(text, '/', len);
	char addr[WEIR_ADDR_TEXT_MAX];
	unsigned long index = 0;
	char *end;

	if (!equals || !equals[1] || index_too != (slash != NULL))
		return false;
	if (slash) {
		index = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || end != equals || index > UINT32_MAX)
			return false;
		len = (size_t)(slash - text);
	}
	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	*ret_index = (uint32_t)index;
	*ret_name = equals + 1;
	return weir_addr_parse(addr, ret_addr) == 0;
}

static int configure(struct weir_labels *l, const char *text, enum kind kind, unsigned number, struct weir_vocabulary *vocabulary,
		     struct weir_error *err)
{
	bool interface = kind == INTERFACE;
	const char *option = interface ? "exporters.interfaces" : "exporters.names";
	struct weir_addr exporter;
	const char *name_text;
	uint32_t index, name;

	if (!split(text, interface, &exporter, &index, &name_text))
		return wrong(option, number, interface ? "write it as 192.0.2.1/3=NAME" : "write it as 192.0.2.1=NAME", text, err);
	if (weir_vocabulary_add(vocabulary, name_text, strlen(name_text), &name) || put(l, &exporter, kind, index, name, true))
		return weir_error_set(err, -ENOMEM, option, NULL, "there is no room for so many names");
	return 0;
}

/* --- what agents told ------------------------------------------------------------------------------------- */

enum column { POLLED_EXPORTER, POLLED_INTERFACE, POLLED_NAME, POLLED_COLUMNS };

static const char *const COLUMN_NAMES[POLLED_COLUMNS] = {
	[POLLED_EXPORTER] = "exporter", [POLLED_INTERFACE] = "interface", [POLLED_NAME] = "name"};

struct polling {
	struct weir_labels *labels;
	struct weir_vocabulary *vocabulary;
	uint64_t *words_left;
	int column[POLLED_COLUMNS];
};

static void take_line(const struct polling *p, const struct weir_csv *csv)
{
	const char *index_text = weir_csv_field(csv, p->column[POLLED_INTERFACE]);
	const char *text = weir_csv_field(csv, p->column[POLLED_NAME]);
	uint64_t before = weir_vocabulary_stats(p->vocabulary).names;
	struct weir_addr exporter;
	unsigned long index;
	uint32_t name;
	char *end;

	index = strtoul(index_text, &end, 10);
	if (!*index_text || *end || index > UINT32_MAX || !*text || !*p->words_left ||
	    weir_addr_parse(weir_csv_field(csv, p->column[POLLED_EXPORTER]), &exporter) ||
	    weir_vocabulary_add(p->vocabulary, text, strlen(text), &name))
		return;
	if (weir_vocabulary_stats(p->vocabulary).names > before)
		--*p->words_left;
	(void)!put(p->labels, &exporter, index ? INTERFACE : EXPORTER, (uint32_t)index, name, false);
}

static void read_polled(const struct polling *polling, const char *path)
{
	FILE *file = path && *path ? fopen(path, "re") : NULL;
	struct weir_csv *csv = file ? malloc(sizeof(*csv)) : NULL;
	struct polling p = *polling;
	struct weir_error err;
	int rc;

	if (csv) {
		weir_csv_init(csv, file, path, ',');
		rc = weir_csv_next(csv, &err);
		if (rc == 1)
			weir_csv_columns(csv, COLUMN_NAMES, POLLED_COLUMNS, p.column);
		while (rc == 1 && (rc = weir_csv_next(csv, &err)) == 1)
			take_line(&p, csv);
	}
	free(csv);
	if (file)
		(void)fclose(file);
}

int weir_labels_load(const struct weir_labels_options *options, struct weir_vocabulary *vocabulary, uint64_t *words_left,
		     struct weir_labels **ret_labels, struct weir_error *err)
{
	struct weir_labels *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l) {
		l->seed = options->seed;
		l->slots = SLOTS_MIN;
		l->slot = calloc(l->slots, sizeof(*l->slot));
	}
	if (!l || !l->slot) {
		free(l);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	for (unsigned i = 0; !rc && i < options->exporters; i++)
		rc = configure(l, options->exporter[i], EXPORTER, i, vocabulary, err);
	for (unsigned i = 0; !rc && i < options->interfaces; i++)
		rc = configure(l, options->interface[i], INTERFACE, i, vocabulary, err);
	if (rc) {
		weir_labels_free(l);
		return rc;
	}
	read_polled(&(struct polling){.labels = l, .vocabulary = vocabulary, .words_left = words_left}, options->file);
	*ret_labels = l;
	return 0;
}

void weir_labels_free(struct weir_labels *labels)
{
	if (!labels)
		return;
	free(labels->slot);
	free(labels);
}

/* --- filling in ------------------------------------------------------------------------------------------- */

/* Rows of one exporter stand together, and so do those of an interface, more or less. index NULL: names of exporters. */
static void fill(const struct weir_labels *l, const struct weir_block *block, enum kind kind, const uint32_t *index, uint32_t *name)
{
	const struct weir_addr *exporter = weir_block_addr(block, WEIR_COL_EXPORTER_ADDR);
	static const struct label NONE = {0};
	const struct label *known = &NONE;

	for (uint32_t row = 0; row < block->rows; row++) {
		uint32_t which = index ? index[row] : 0;

		if (!row || (index && which != index[row - 1]) || memcmp(&exporter[row], &exporter[row - 1], sizeof(*exporter)) != 0)
			known = index && !which ? &NONE : find(l, &exporter[row], kind, which);
		/* What the exporter told stays where nothing better is known. */
		if (known->configured || (known->name && !name[row]))
			name[row] = known->name;
	}
}

void weir_labels_fill(const struct weir_labels *labels, struct weir_block *block, struct weir_column_set *filled)
{
	static const struct {
		enum kind kind;
		enum weir_column_id index, name;
	} COLUMNS[] = {{EXPORTER, WEIR_COLUMNS, WEIR_COL_EXPORTER_NAME},
		       {INTERFACE, WEIR_COL_IN_IF, WEIR_COL_IN_IF_NAME},
		       {INTERFACE, WEIR_COL_OUT_IF, WEIR_COL_OUT_IF_NAME}};

	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++) {
		if (!labels->has[COLUMNS[i].kind])
			continue;
		fill(labels, block, COLUMNS[i].kind, COLUMNS[i].index == WEIR_COLUMNS ? NULL : weir_block_u32(block, COLUMNS[i].index),
		     weir_block_u32(block, COLUMNS[i].name));
		weir_column_set_add(filled, COLUMNS[i].name);
	}
}
