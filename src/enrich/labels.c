#include "enrich/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS (2 * WEIR_LABELS_MAX)

enum kind { FREE, EXPORTER, INTERFACE };

/* Which of two names stands: the larger. */
enum rank { NONE, DESCRIPTION, NAME, CONFIGURED };

struct label {
	struct weir_addr exporter;
	uint32_t index; /* of the interface */
	uint32_t name;	/* of the vocabulary */
	uint16_t interfaces; /* that this exporter told of */
	uint8_t kind;
	uint8_t rank;
};

struct weir_labels {
	struct weir_vocabulary *vocabulary; /* borrowed */
	uint64_t seed;
	struct label *slot; /* SLOTS of them, whose pages are touched when they are used */
	uint32_t labels;
	bool has_exporters, has_interfaces;
	uint32_t told; /* names that peers added */
	uint64_t refused;
};

static struct label *find(const struct weir_labels *l, const struct weir_addr *exporter, enum kind kind, uint32_t index)
{
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(exporter, sizeof(*exporter), l->seed + ((uint64_t)index << 2 | (unsigned)kind));

	for (at &= SLOTS - 1; l->slot[at].kind != FREE; at = (at + 1) & (SLOTS - 1)) {
		const struct label *s = &l->slot[at];

		if (s->kind == kind && s->index == index && memcmp(&s->exporter, exporter, sizeof(*exporter)) == 0)
			break;
	}
	return &l->slot[at];
}

/* The label, new or known; NULL: there is no room. */
static struct label *take(struct weir_labels *l, const struct weir_addr *exporter, enum kind kind, uint32_t index)
{
	struct label *label = find(l, exporter, kind, index);

	if (label->kind != FREE)
		return label;
	if (l->labels >= WEIR_LABELS_MAX)
		return NULL;
	*label = (struct label){.exporter = *exporter, .index = index, .kind = (uint8_t)kind};
	l->labels++;
	return label;
}

static void put(struct weir_labels *l, struct label *label, enum rank rank, uint32_t name)
{
	label->name = name;
	label->rank = (uint8_t)rank;
	l->has_exporters |= label->kind == EXPORTER && name;
	l->has_interfaces |= label->kind == INTERFACE && name;
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

static int configure(struct weir_labels *l, const char *text, enum kind kind, unsigned number, struct weir_error *err)
{
	bool interface = kind == INTERFACE;
	const char *option = interface ? "exporters.interfaces" : "exporters.names";
	struct weir_addr exporter;
	struct label *label;
	const char *name_text;
	uint32_t index, name;

	if (!split(text, interface, &exporter, &index, &name_text))
		return wrong(option, number, interface ? "write it as 192.0.2.1/3=NAME" : "write it as 192.0.2.1=NAME", text, err);
	label = take(l, &exporter, kind, index);
	if (!label || weir_vocabulary_add(l->vocabulary, name_text, strlen(name_text), &name))
		return weir_error_set(err, -ENOMEM, option, NULL, "there is no room for so many names");
	put(l, label, CONFIGURED, name);
	return 0;
}

int weir_labels_new(const struct weir_labels_options *options, struct weir_vocabulary *vocabulary, uint64_t seed,
		    struct weir_labels **ret_labels, struct weir_error *err)
{
	struct weir_labels *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l)
		l->slot = calloc(SLOTS, sizeof(*l->slot));
	if (!l || !l->slot) {
		free(l);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	l->vocabulary = vocabulary;
	l->seed = seed;
	for (unsigned i = 0; !rc && i < options->exporters; i++)
		rc = configure(l, options->exporter[i], EXPORTER, i, err);
	for (unsigned i = 0; !rc && i < options->interfaces; i++)
		rc = configure(l, options->interface[i], INTERFACE, i, err);
	if (rc)
		weir_labels_free(l);
	else
		*ret_labels = l;
	return rc;
}

void weir_labels_free(struct weir_labels *labels)
{
	if (!labels)
		return;
	free(labels->slot);
	free(labels);
}

uint64_t weir_labels_refused(const struct weir_labels *labels)
{
	return labels->refused;
}

/* --- what exporters tell ---------------------------------------------------------------------------------- */

static bool is(struct weir_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool parse_index(struct weir_text id, uint32_t *ret_index)
{
	uint64_t index = 0;

	if (!id.len || id.len > 10)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		if (!isdigit((unsigned char)id.data[i]))
			return false;
		index = index * 10 + (uint64_t)(id.data[i] - '0');
	}
	*ret_index = (uint32_t)index;
	return index <= UINT32_MAX;
}

/* An interface of an exporter that has told of too many others has no room. */
static struct label *take_interface(struct weir_labels *l, const struct weir_addr *exporter, uint32_t index)
{
	struct label *label = find(l, exporter, INTERFACE, index);
	struct label *owner;

	if (label->kind != FREE)
		return label;
	owner = take(l, exporter, EXPORTER, 0);
	if (!owner || owner->interfaces >= WEIR_LABELS_OF_ONE_MAX)
		return NULL;
	label = take(l, exporter, INTERFACE, index);
	owner->interfaces = (uint16_t)(owner->interfaces + (label != NULL));
	return label;
}

static void tell(struct weir_labels *l, struct label *label, enum rank rank, struct weir_text text)
{
	struct weir_word known;
	uint32_t name;
	size_t len = text.len < WEIR_LABEL_TOLD_MAX ? text.len : WEIR_LABEL_TOLD_MAX;

	if (!label) {
		l->refused++;
		return;
	}
	known = weir_vocabulary_word(l->vocabulary, label->name);
	if (rank < label->rank || (known.len == len && memcmp(known.text, text.data, len) == 0)) {
		label->rank = (uint8_t)(rank > label->rank ? rank : label->rank);
		return;
	}
	if (l->told >= WEIR_LABELS_NAMES_MAX || weir_vocabulary_add(l->vocabulary, text.data, len, &name)) {
		l->refused++;
		return;
	}
	l->told++;
	put(l, label, rank, name);
}

void weir_labels_learn(struct weir_labels *labels, const struct weir_record *record)
{
	uint32_t index;

	if (!record->value.len)
		return;
	if (is(record->kind, "host") && is(record->name, "hostname")) {
		tell(labels, take(labels, &record->exporter, EXPORTER, 0), NAME, record->value);
		return;
	}
	if (!is(record->kind, "interface") || !parse_index(record->id, &index))
		return;
	if (is(record->name, "interfaceName"))
		tell(labels, take_interface(labels, &record->exporter, index), NAME, record->value);
	else if (is(record->name, "interfaceDescription"))
		tell(labels, take_interface(labels, &record->exporter, index), DESCRIPTION, record->value);
}

/* --- filling in ------------------------------------------------------------------------------------------- */

/* Rows of one exporter stand together, and so do those of an interface, more or less. */
static void fill_interfaces(const struct weir_labels *l, const struct weir_block *block, enum weir_column_id index_id,
			    enum weir_column_id name_id)
{
	const struct weir_addr *exporter = weir_block_addr(block, WEIR_COL_EXPORTER_ADDR);
	const uint32_t *index = weir_block_u32(block, index_id);
	uint32_t *name = weir_block_u32(block, name_id);
	uint32_t known = 0;

	for (uint32_t row = 0; row < block->rows; row++) {
		if (!row || index[row] != index[row - 1] || memcmp(&exporter[row], &exporter[row - 1], sizeof(*exporter)) != 0)
			known = index[row] ? find(l, &exporter[row], INTERFACE, index[row])->name : 0;
		/* What the decoder knows, from before a restart perhaps, stays where nothing better is known. */
		if (known)
			name[row] = known;
	}
}

static void fill_exporters(const struct weir_labels *l, const struct weir_block *block)
{
	const struct weir_addr *exporter = weir_block_addr(block, WEIR_COL_EXPORTER_ADDR);
	uint32_t *name = weir_block_u32(block, WEIR_COL_EXPORTER_NAME);

	for (uint32_t row = 0; row < block->rows; row++) {
		if (row && memcmp(&exporter[row], &exporter[row - 1], sizeof(*exporter)) == 0)
			name[row] = name[row - 1];
		else
			name[row] = find(l, &exporter[row], EXPORTER, 0)->name;
	}
}

void weir_labels_fill(struct weir_labels *labels, struct weir_block *block, struct weir_column_set *filled)
{
	if (labels->has_exporters) {
		fill_exporters(labels, block);
		weir_column_set_add(filled, WEIR_COL_EXPORTER_NAME);
	}
	if (!labels->has_interfaces)
		return;
	fill_interfaces(labels, block, WEIR_COL_IN_IF, WEIR_COL_IN_IF_NAME);
	fill_interfaces(labels, block, WEIR_COL_OUT_IF, WEIR_COL_OUT_IF_NAME);
	weir_column_set_add(filled, WEIR_COL_IN_IF_NAME);
	weir_column_set_add(filled, WEIR_COL_OUT_IF_NAME);
}
