/* What a record is about is seen from its scope, or from the first of KINDS that stands in it: Cisco puts the number of
 * an application or a VRF into the scope or behind it, as versions differ. All other fields are properties. Totals go to
 * the table of counters, everything else to that of options.
 *
 * Application ids: RFC 6759 §4.1, one byte of classification engine, then the selector. */
#include "wire/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/names.h"
#include "wire/tell.h"
#include "wire/value.h"

#define ID_MAX	 128
#define NAME_MAX 32
#define WORD_REFUSED UINT32_MAX

enum {
	IE_APPLICATION_ID = 95,
	IE_APPLICATION_NAME = 96,
	IE_PADDING = 210,
	ENGINE_SHIFT = 56,
};

/* The things that records are about; the first that is there wins. */
static const struct {
	uint16_t id; /* of IANA */
	const char *kind;
} KINDS[] = {
	{IE_APPLICATION_ID, "application"},
	{234, "vrf"},		     /* ingressVRFID */
	{235, "vrf"},		     /* egressVRFID */
	{302, "selector"},	     /* selectorId */
	{48, "sampler"},	     /* samplerId */
	{301, "selection_sequence"}, /* selectionSequenceId */
	{10, "interface"},	     /* ingressInterface */
	{14, "interface"},	     /* egressInterface */
	{252, "interface"},	     /* ingressPhysicalInterface */
	{51, "class"},		     /* classId */
	{145, "template"},	     /* templateId */
	{143, "metering_process"},   /* meteringProcessId */
	{144, "exporting_process"},  /* exportingProcessId */
	{141, "line_card"},	     /* lineCardId */
	{142, "port"},		     /* portId */
	{138, "observation_point"},  /* observationPointId */
};
#define KIND_COUNT (sizeof(KINDS) / sizeof(KINDS[0]))

struct subject {
	const char *kind;
	uint32_t field; /* which names it; t->fields: none */
	char id[ID_MAX];
	uint32_t source; /* id as a number, where it is one */
};

static uint64_t application_id(const struct weir_value *v)
{
	uint64_t engine = v->data[0];

	return engine << ENGINE_SHIFT | weir_load_uint(v->data + 1, v->len - 1);
}

static bool is_application(const struct weir_field *f, const struct weir_value *v)
{
	return !f->pen && f->id == IE_APPLICATION_ID && v->len > 1 && v->len <= sizeof(uint64_t);
}

static void application_text(uint64_t id, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%" PRIu64 ":%" PRIu64, id >> ENGINE_SHIFT,
		       id & ((UINT64_C(1) << ENGINE_SHIFT) - 1));
}

static struct weir_text text_of(const struct weir_message *m, const struct weir_field *f, const struct weir_value *v)
{
	struct weir_value_text text = weir_value_text(f->element, v->data, v->len, m->work->text);

	return (struct weir_text){text.text, text.len};
}

static struct subject find_subject(const struct weir_message *m, const struct weir_template *t,
				   const struct weir_value *value)
{
	struct subject s = {.kind = "exporter", .field = t->fields};
	size_t best = KIND_COUNT;

	for (uint32_t i = 0; i < t->fields; i++) {
		for (size_t k = 0; !t->field[i].pen && value[i].len && k < best; k++) {
			if (KINDS[k].id != t->field[i].id)
				continue;
			best = k;
			s.field = i;
			s.kind = KINDS[k].kind;
		}
	}
	if (s.field == t->fields)
		return s;
	if (is_application(&t->field[s.field], &value[s.field])) {
		application_text(application_id(&value[s.field]), s.id, sizeof(s.id));
	} else if (value[s.field].len <= sizeof(uint64_t)) {
		uint64_t number = weir_load_uint(value[s.field].data, value[s.field].len);

		(void)snprintf(s.id, sizeof(s.id), "%" PRIu64, number);
		s.source = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
	} else {
		struct weir_text text = text_of(m, &t->field[s.field], &value[s.field]);

		(void)snprintf(s.id, sizeof(s.id), "%.*s", (int)(text.len < ID_MAX ? text.len : ID_MAX - 1), text.data);
	}
	return s;
}

static bool is_counter(const struct weir_field *f, const struct weir_value *v)
{
	return f->element && v->len <= sizeof(uint64_t) && f->element->type <= WEIR_ELEMENT_U64 &&
	       f->element->type != WEIR_ELEMENT_OCTETS &&
	       (strcmp(f->element->semantic, "totalCounter") == 0 || strcmp(f->element->semantic, "deltaCounter") == 0);
}

static void tell_field(const struct weir_message *m, const struct subject *s, const struct weir_field *f,
		       const struct weir_value *v)
{
	char number[NAME_MAX];
	struct weir_text name = {0};

	/* Scopes of NetFlow v9 that are no elements have the number 0. */
	if (!v->len || (!f->pen && (f->id == IE_PADDING || !f->id)))
		return;
	if (f->element) {
		name = weir_text_of(f->element->name);
	} else {
		(void)snprintf(number, sizeof(number), "%" PRIu32 ":%u", f->pen, f->id);
		name = weir_text_of(number);
	}
	if (is_counter(f, v))
		weir_tell_counter(m, weir_text_of(s->kind), s->source, name, weir_load_uint(v->data, v->len));
	else
		weir_tell_option(m, weir_text_of(s->kind), weir_text_of(s->id), name, text_of(m, f, v));
}

/* What has a name that flows are to have, by the elements of its number and of its name, the better first. */
static const struct named {
	uint16_t id[4];
	uint16_t name[2];
} NAMED[] = {
	[WEIR_NAME_APPLICATION] = {{IE_APPLICATION_ID}, {IE_APPLICATION_NAME}},
	[WEIR_NAME_INTERFACE] = {{10, 14, 252, 253}, {82, 83}}, /* interfaceName, interfaceDescription */
	[WEIR_NAME_VRF] = {{234, 235}, {236}},
};

void weir_describe_learn(const struct weir_message *m, enum weir_name_kind kind, uint64_t id, enum weir_name_rank rank, const void *text,
			 size_t len)
{
	struct weir_names *names = &m->exporter->names[kind];

	if (!weir_names_set(names, id, rank, text, len, &m->work->template_bytes_left))
		weir_message_fault(m, WEIR_FAULT_NAMES_LIMIT);
	m->work->changed = m->work->changed || names->changed;
	names->changed = false;
}

/* Which of the elements a field is; count: none. */
static size_t which(const struct weir_field *f, const uint16_t *id, size_t count)
{
	size_t i = 0;

	while (i < count && (f->pen || !id[i] || id[i] != f->id))
		i++;
	return i;
}

/* A number and a name in one record. */
static void learn_names(const struct weir_message *m, enum weir_name_kind kind, const struct weir_template *t,
			const struct weir_value *value)
{
	const struct named *n = &NAMED[kind];
	size_t best_id = sizeof(n->id) / sizeof(n->id[0]);
	size_t best_name = sizeof(n->name) / sizeof(n->name[0]);
	uint64_t id = 0;
	size_t len = 0;
	const uint8_t *text = NULL;

	for (uint32_t i = 0; i < t->fields; i++) {
		bool number = kind == WEIR_NAME_APPLICATION ? is_application(&t->field[i], &value[i])
							     : value[i].len && value[i].len <= sizeof(uint64_t);
		size_t of_id = number ? which(&t->field[i], n->id, best_id) : best_id;
		size_t of_name = which(&t->field[i], n->name, best_name);

		if (of_id < best_id) {
			best_id = of_id;
			id = kind == WEIR_NAME_APPLICATION ? application_id(&value[i]) : weir_load_uint(value[i].data, value[i].len);
		}
		if (of_name < best_name && weir_value_trim(value[i].data, value[i].len)) {
			best_name = of_name;
			text = value[i].data;
			len = weir_value_trim(value[i].data, value[i].len);
		}
	}
	if (text && best_id < sizeof(n->id) / sizeof(n->id[0]))
		weir_describe_learn(m, kind, id, best_name ? WEIR_NAME_DESCRIPTION : WEIR_NAME_PROPER, text, len);
}

void weir_describe(const struct weir_message *m, const struct weir_template *t, const struct weir_value *value)
{
	for (unsigned kind = 0; kind < sizeof(NAMED) / sizeof(NAMED[0]); kind++)
		learn_names(m, (enum weir_name_kind)kind, t, value);
	if (m->work->teller.sink) {
		struct subject s = find_subject(m, t, value);

		for (uint32_t i = 0; i < t->fields; i++) {
			if (i != s.field)
				tell_field(m, &s, &t->field[i], &value[i]);
		}
	}
}

static void put_applications(const struct weir_message *m, struct weir_block *b, uint32_t rows,
			     struct weir_column_set *present)
{
	const struct weir_names *names = &m->exporter->names[WEIR_NAME_APPLICATION];
	const uint64_t *id = weir_block_u64(b, WEIR_COL_APPLICATION_ID) + b->rows;
	struct weir_str *to = weir_block_str(b, WEIR_COL_APPLICATION_NAME) + b->rows;

	if (!names->count || !weir_column_set_has(present, WEIR_COL_APPLICATION_ID) ||
	    weir_column_set_has(present, WEIR_COL_APPLICATION_NAME))
		return;
	for (uint32_t i = 0; i < rows; i++) {
		const struct weir_name *name = weir_names_find(names, id[i]);
		char number[NAME_MAX + NAME_MAX];

		/* Neighbours often have the same. */
		if (i && id[i] == id[i - 1]) {
			to[i] = to[i - 1];
			continue;
		}
		if (!name)
			application_text(id[i], number, sizeof(number));
		if (!weir_block_put_str(b, name ? name->text : number, name ? name->len : strlen(number), &to[i]))
			weir_message_fault(m, WEIR_FAULT_EXTRA_DROPPED);
	}
	weir_column_set_add(present, WEIR_COL_APPLICATION_NAME);
}

/* The columns of numbers, and those of their names. */
static const struct name_column {
	enum weir_name_kind kind;
	enum weir_column_id number, name;
} NAME_COLUMNS[] = {
	{WEIR_NAME_INTERFACE, WEIR_COL_IN_IF,   WEIR_COL_IN_IF_NAME  },
	{WEIR_NAME_INTERFACE, WEIR_COL_OUT_IF,  WEIR_COL_OUT_IF_NAME },
	{WEIR_NAME_VRF,       WEIR_COL_IN_VRF,  WEIR_COL_IN_VRF_NAME },
	{WEIR_NAME_VRF,       WEIR_COL_OUT_VRF, WEIR_COL_OUT_VRF_NAME},
};

/* A name takes a place in the vocabulary when the first flow needs it. */
static uint32_t word_of(const struct weir_message *m, struct weir_name *name)
{
	struct weir_workspace *work = m->work;
	uint32_t word = 0;

	if (!name)
		return 0;
	if (!name->word) {
		name->word = WORD_REFUSED;
		if (work->words_left && weir_vocabulary_add(work->vocabulary, name->text, name->len, &word) == 0 && word)
			name->word = word;
		if (name->word == WORD_REFUSED)
			weir_message_fault(m, WEIR_FAULT_NAMES_LIMIT);
		else
			work->words_left--;
	}
	return name->word == WORD_REFUSED ? 0 : name->word;
}

static void put_names(const struct weir_message *m, const struct name_column *c, struct weir_block *b, uint32_t rows,
		      struct weir_column_set *present)
{
	const struct weir_names *names = &m->exporter->names[c->kind];
	const uint32_t *number = weir_block_u32(b, c->number) + b->rows;
	uint32_t *to = weir_block_u32(b, c->name) + b->rows;

	if (!names->count || !weir_column_set_has(present, c->number))
		return;
	for (uint32_t i = 0; i < rows; i++)
		to[i] = i && number[i] == number[i - 1] ? to[i - 1] : word_of(m, weir_names_find(names, number[i]));
	b->vocabulary = m->work->vocabulary;
	weir_column_set_add(present, c->name);
}

static void put_exporter(const struct weir_message *m, struct weir_block *b, uint32_t rows, struct weir_column_set *present)
{
	uint32_t *to = weir_block_u32(b, WEIR_COL_EXPORTER_NAME) + b->rows;
	uint32_t word = word_of(m, weir_names_find(&m->exporter->names[WEIR_NAME_EXPORTER], 0));

	if (!word)
		return;
	for (uint32_t i = 0; i < rows; i++)
		to[i] = word;
	b->vocabulary = m->work->vocabulary;
	weir_column_set_add(present, WEIR_COL_EXPORTER_NAME);
}

void weir_describe_flows(const struct weir_message *m, struct weir_block *b, uint32_t rows, struct weir_column_set *present)
{
	put_applications(m, b, rows, present);
	if (m->work->vocabulary)
		put_exporter(m, b, rows, present);
	for (size_t i = 0; m->work->vocabulary && i < sizeof(NAME_COLUMNS) / sizeof(NAME_COLUMNS[0]); i++)
		put_names(m, &NAME_COLUMNS[i], b, rows, present);
}
