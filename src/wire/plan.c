/* Compiling and running plans.
 *
 * Compiling. Each field of the template either wins a column (the element that flow/columns.inc names first wins),
 * or joins it, or becomes an extra value by name. Joining is for pairs of which a record fills one: where the winner
 * left the IPv4 source address zero, the IPv6 one of the same record is taken. A field of no bytes says nothing and
 * makes nothing present. Padding (paddingOctets) is left out.
 *
 * Running. Rows are written beyond block->rows and committed last. A set is taken in runs of as many rows as there
 * is room for. First strings and extra values are put, row by row, because they can run out of room before the rows
 * do: then the run is shortened, so that what was written is always committed and nothing needs to be undone but one
 * row's strings. Then the columns, each in one loop (copy.c). Then what every row gets: who sent it, when, sampling.
 *
 * Times. Where a record tells only one of start and end, the other is that moment too, or by flowDuration away from
 * it (times.c), so that every flow that has a time has both.
 *
 * ICMP. NetFlow v5 and its heirs hide type * 256 + code in the destination port. icmp_type and icmp_code are then
 * present in the ICMP rows only, so the run is committed in pieces. */
#include "wire/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/element.h"
#include "wire/list.h"
#include "wire/connection.h"
#include "wire/times.h"
#include "wire/value.h"

#define NO_FIELD     UINT16_MAX
#define PROTO_ICMP   1
#define PROTO_ICMPV6 58

/* IANA's numbers of elements that are more than a number in a column. */
enum {
	IE_FLOW_END_SYS_UP_TIME = 21,
	IE_FLOW_START_SYS_UP_TIME = 22,
	IE_ICMP_TYPE_CODE_IPV4 = 32,
	IE_APPLICATION_ID = 95,
	IE_ICMP_TYPE_CODE_IPV6 = 139,
	IE_FLOW_START_DELTA = 158,
	IE_FLOW_END_DELTA = 159,
	IE_SYSTEM_INIT_TIME = 160,
	IE_FLOW_DURATION_MS = 161,
	IE_FLOW_DURATION_US = 162,
	IE_PADDING = 210,
	IE_SAMPLING_PACKET_INTERVAL = 305,
	IE_SAMPLING_PACKET_SPACE = 306,
	IE_LAYER2_SEGMENT_ID = 351,
	V9_FIREWALL_EXTENDED_EVENT = 33002, /* of ASA and Firepower alone */
};

enum version_rule { VERSION_NONE, VERSION_4, VERSION_6, VERSION_BY_ADDRESS };

struct column_step {
	weir_copy_fn copy; /* NULL: by the length that each record has */
	uint8_t op;
	uint8_t column;
	uint8_t width;
	bool join; /* only where the cell is empty */
	uint16_t field;
	uint16_t aux_field;
	uint32_t len;
	uint32_t offset;
	uint32_t aux_len;
	uint32_t aux_offset;
};

struct text_step {
	const char *name; /* of the extra value; NULL for a string column */
	const struct weir_element *element;
	uint8_t column;
	uint16_t field;
	uint32_t len;
	uint32_t offset;
};

struct weir_plan {
	const struct weir_field *field; /* borrowed */
	uint32_t fields;
	uint32_t record_min;
	bool variable;
	bool wants_init;
	bool icmp_in_port;
	bool rate_in_record;
	bool sampler_in_record;
	bool interface_in_record;
	bool check_times;
	bool connections; /* of ASA or Firepower: connection.c */
	bool ipv4_only;
	uint16_t duration_field; /* flowDurationMilliseconds or flowDurationMicroseconds, or NO_FIELD */
	uint32_t duration_offset;
	enum version_rule version_rule;
	struct weir_column_set in_record; /* from the fields */
	struct weir_column_set always;	  /* filled in whatever the fields say */
	uint32_t columns;
	uint32_t texts;
	struct column_step *column; /* owned, like the two below */
	struct text_step *text;
	char *names;
	size_t names_len;
};

/* --- compiling --------------------------------------------------------------------------------------------------- */

struct compiler {
	struct weir_plan *plan;
	enum weir_flow_type flow_type;
	bool init_known;
	uint16_t init_field;  /* systemInitTimeMilliseconds */
	uint16_t space_field; /* samplingPacketSpace */
	uint32_t init_offset;
	uint32_t space_offset;
	uint16_t winner[WEIR_COLUMNS];
	unsigned priority[WEIR_COLUMNS];
};

static bool is_iana(const struct weir_field *f, uint16_t id)
{
	return f->pen == 0 && f->id == id;
}

static uint8_t column_of(const struct weir_field *f)
{
	if (!f->element)
		return WEIR_COLUMN_NONE;
	return f->reverse ? f->element->reverse_column : f->element->column;
}

static enum weir_op uptime_op(const struct compiler *c)
{
	if (c->init_field != NO_FIELD)
		return WEIR_OP_SINCE_INIT;
	/* The headers of NetFlow have the uptime; IPFIX has none (RFC 7011 §3.1). */
	if (c->flow_type != WEIR_FLOW_IPFIX)
		return WEIR_OP_UPTIME;
	c->plan->wants_init = !c->init_known;
	return c->init_known ? WEIR_OP_SINCE_INIT : WEIR_OP_NONE;
}

/* Elements of IANA that need more than their type says. */
static enum weir_op special_op(const struct compiler *c, const struct weir_field *f)
{
	switch (f->id) {
	case IE_FLOW_END_SYS_UP_TIME:
	case IE_FLOW_START_SYS_UP_TIME:
		return uptime_op(c);
	case IE_FLOW_START_DELTA:
	case IE_FLOW_END_DELTA:
		return WEIR_OP_BEFORE_EXPORT;
	case IE_APPLICATION_ID:
		return WEIR_OP_APPLICATION;
	case IE_LAYER2_SEGMENT_ID:
		return WEIR_OP_SEGMENT;
	case IE_SAMPLING_PACKET_INTERVAL:
		return c->space_field == NO_FIELD ? WEIR_OP_UINT : WEIR_OP_SAMPLING;
	default:
		return WEIR_OP_UINT;
	}
}

static const enum weir_op TYPE_OPS[WEIR_ELEMENT_TYPES] = {
	[WEIR_ELEMENT_OCTETS] = WEIR_OP_MPLS, /* the only octets with a column, but for those of special_op() */
	[WEIR_ELEMENT_U8] = WEIR_OP_UINT,
	[WEIR_ELEMENT_U16] = WEIR_OP_UINT,
	[WEIR_ELEMENT_U32] = WEIR_OP_UINT,
	[WEIR_ELEMENT_U64] = WEIR_OP_UINT,
	[WEIR_ELEMENT_MAC] = WEIR_OP_MAC,
	[WEIR_ELEMENT_SECONDS] = WEIR_OP_SECONDS,
	[WEIR_ELEMENT_MILLISECONDS] = WEIR_OP_MILLISECONDS,
	[WEIR_ELEMENT_MICROSECONDS] = WEIR_OP_NTP,
	[WEIR_ELEMENT_NANOSECONDS] = WEIR_OP_NTP,
	[WEIR_ELEMENT_IPV4] = WEIR_OP_IPV4,
	[WEIR_ELEMENT_IPV6] = WEIR_OP_IPV6,
};

static enum weir_op op_of(const struct compiler *c, const struct weir_field *f)
{
	enum weir_op special = f->element->pen == 0 ? special_op(c, f) : WEIR_OP_UINT;

	return special != WEIR_OP_UINT ? special : TYPE_OPS[f->element->type];
}

/* Could the field fill that column? */
static bool field_fits(const struct weir_field *f, unsigned column, enum weir_op op)
{
	if (weir_columns[column].type == WEIR_TYPE_STRING)
		return f->element->type == WEIR_ELEMENT_STRING;
	if (f->length == WEIR_LENGTH_VARIABLE)
		return op != WEIR_OP_NONE;
	return weir_copy_find(op, f->length, weir_types[weir_columns[column].type].width) != NULL;
}

static void compete(struct compiler *c, unsigned column, uint16_t field, unsigned priority)
{
	if (priority < c->priority[column]) {
		c->winner[column] = field;
		c->priority[column] = priority;
	}
}

static bool is_icmp_type_code(const struct weir_field *f)
{
	return is_iana(f, IE_ICMP_TYPE_CODE_IPV4) || is_iana(f, IE_ICMP_TYPE_CODE_IPV6);
}

/* The fields that others are read together with. */
static void find_auxiliary(struct compiler *c)
{
	const struct weir_plan *p = c->plan;
	uint32_t offset = 0;

	c->init_field = NO_FIELD;
	c->space_field = NO_FIELD;
	c->plan->duration_field = NO_FIELD;
	for (uint16_t i = 0; i < p->fields; i++) {
		bool plain = p->field[i].length >= 1 && p->field[i].length <= 8;

		if (is_iana(&p->field[i], IE_SYSTEM_INIT_TIME) && plain) {
			c->init_field = i;
			c->init_offset = offset;
		}
		if (is_iana(&p->field[i], IE_SAMPLING_PACKET_SPACE) && plain) {
			c->space_field = i;
			c->space_offset = offset;
		}
		if ((is_iana(&p->field[i], IE_FLOW_DURATION_MS) || is_iana(&p->field[i], IE_FLOW_DURATION_US)) && plain) {
			c->plan->duration_field = i;
			c->plan->duration_offset = offset;
		}
		offset += p->field[i].length;
	}
}

static void choose_winners(struct compiler *c)
{
	const struct weir_plan *p = c->plan;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		c->winner[i] = NO_FIELD;
		c->priority[i] = UINT_MAX;
	}
	for (uint16_t i = 0; i < p->fields; i++) {
		const struct weir_field *f = &p->field[i];
		uint8_t column = column_of(f);

		if (!f->length)
			continue;
		if (column != WEIR_COLUMN_NONE && field_fits(f, column, op_of(c, f)))
			compete(c, column, i, f->reverse ? f->element->reverse_priority : f->element->priority);
		/* After the elements that say type and code each. */
		if (is_icmp_type_code(f) && f->length <= 8) {
			compete(c, WEIR_COL_ICMP_TYPE, i, UINT8_MAX + 1);
			compete(c, WEIR_COL_ICMP_CODE, i, UINT8_MAX + 1);
		}
	}
}

static void add_column(struct compiler *c, uint16_t field, uint32_t offset, enum weir_column_id column, enum weir_op op,
		       bool join)
{
	struct weir_plan *p = c->plan;
	const struct weir_field *f = &p->field[field];
	struct column_step *s = &p->column[p->columns++];

	*s = (struct column_step){
		.op = (uint8_t)op,
		.column = (uint8_t)column,
		.width = (uint8_t)weir_types[weir_columns[column].type].width,
		.join = join,
		.field = field,
		.aux_field = NO_FIELD,
		.len = f->length,
		.offset = offset,
	};
	if (op == WEIR_OP_SINCE_INIT) {
		s->aux_field = c->init_field;
		s->aux_offset = c->init_offset;
	}
	if (op == WEIR_OP_SAMPLING) {
		s->aux_field = c->space_field;
		s->aux_offset = c->space_offset;
	}
	if (s->aux_field != NO_FIELD)
		s->aux_len = p->field[s->aux_field].length;
	if (f->length != WEIR_LENGTH_VARIABLE)
		s->copy = weir_copy_find(op, f->length, s->width);
	weir_column_set_add(&p->in_record, column);
}

static const char *reverse_name(struct weir_plan *p, const char *name)
{
	char *at = p->names + p->names_len;

	p->names_len += (size_t)sprintf(at, "reverse%c%s", name[0] & ~0x20, name + 1) + 1;
	return at;
}

static const char *unknown_name(struct weir_plan *p, const struct weir_field *f)
{
	char *at = p->names + p->names_len;

	p->names_len += (size_t)sprintf(at, "%u:%u", f->pen, f->id) + 1;
	return at;
}

static void add_text(struct compiler *c, uint16_t field, uint32_t offset, enum weir_column_id column)
{
	struct weir_plan *p = c->plan;
	const struct weir_field *f = &p->field[field];
	struct text_step *s = &p->text[p->texts++];

	*s = (struct text_step){
		.element = f->element,
		.column = (uint8_t)column,
		.field = field,
		.len = f->length,
		.offset = offset,
	};
	if (column != WEIR_COLUMN_NONE)
		weir_column_set_add(&p->in_record, column);
	else if (!f->element)
		s->name = unknown_name(p, f);
	else
		s->name = f->reverse ? reverse_name(p, f->element->name) : f->element->name;
}

/* The column already has a value from the other address family, so this one fills the rows that it leaves empty. */
static bool joins(const struct compiler *c, const struct weir_field *f, uint8_t column)
{
	const struct weir_element *winner;

	if (column == WEIR_COLUMN_NONE || c->winner[column] == NO_FIELD ||
	    !field_fits(f, column, op_of(c, f)))
		return false;
	winner = c->plan->field[c->winner[column]].element;
	return winner->family && f->element->family && winner->family != f->element->family &&
	       weir_columns[column].type != WEIR_TYPE_STRING;
}

/* The same for icmpTypeCodeIPv4 and icmpTypeCodeIPv6. */
static bool joins_icmp(const struct compiler *c, uint16_t i)
{
	const struct weir_plan *p = c->plan;
	uint16_t type = c->winner[WEIR_COL_ICMP_TYPE];

	return is_icmp_type_code(&p->field[i]) && p->field[i].length && p->field[i].length <= 8 && type != NO_FIELD &&
	       type != i && is_icmp_type_code(&p->field[type]) && c->winner[WEIR_COL_ICMP_CODE] == type;
}

static bool winner_has_op(const struct compiler *c, unsigned column, enum weir_op op)
{
	uint16_t i = c->winner[column];

	return i != NO_FIELD && op_of(c, &c->plan->field[i]) == op;
}

/* Does the column of another field use this one up? */
static bool is_used_up(const struct compiler *c, uint16_t i)
{
	if (i == c->init_field)
		return winner_has_op(c, WEIR_COL_TIME_START, WEIR_OP_SINCE_INIT) ||
		       winner_has_op(c, WEIR_COL_TIME_END, WEIR_OP_SINCE_INIT);
	return i == c->space_field && winner_has_op(c, WEIR_COL_SAMPLING_RATE, WEIR_OP_SAMPLING);
}

static void compile_field(struct compiler *c, uint16_t i, uint32_t offset)
{
	const struct weir_field *f = &c->plan->field[i];
	uint8_t column = column_of(f);

	if (!f->length || is_iana(f, IE_PADDING) || is_used_up(c, i))
		return;
	if (is_icmp_type_code(f) && (c->winner[WEIR_COL_ICMP_TYPE] == i || c->winner[WEIR_COL_ICMP_CODE] == i)) {
		if (c->winner[WEIR_COL_ICMP_TYPE] == i)
			add_column(c, i, offset, WEIR_COL_ICMP_TYPE, WEIR_OP_ICMP_TYPE, false);
		if (c->winner[WEIR_COL_ICMP_CODE] == i)
			add_column(c, i, offset, WEIR_COL_ICMP_CODE, WEIR_OP_ICMP_CODE, false);
		return;
	}
	if (column == WEIR_COLUMN_NONE || c->winner[column] != i) {
		if (!joins(c, f, column) && !joins_icmp(c, i))
			add_text(c, i, offset, WEIR_COLUMN_NONE);
		return;
	}
	if (weir_columns[column].type == WEIR_TYPE_STRING)
		add_text(c, i, offset, column);
	else
		add_column(c, i, offset, column, op_of(c, f), false);
}

static void compile_fields(struct compiler *c)
{
	struct weir_plan *p = c->plan;
	uint32_t offset = 0;

	for (uint16_t i = 0; i < p->fields; i++) {
		compile_field(c, i, offset);
		offset += p->field[i].length;
	}
	/* Joined fields come after those that they join. */
	offset = 0;
	for (uint16_t i = 0; i < p->fields; i++) {
		const struct weir_field *f = &p->field[i];
		uint8_t column = column_of(f);

		if (f->length && column != WEIR_COLUMN_NONE && c->winner[column] != i && joins(c, f, column))
			add_column(c, i, offset, column, op_of(c, f), true);
		if (joins_icmp(c, i)) {
			add_column(c, i, offset, WEIR_COL_ICMP_TYPE, WEIR_OP_ICMP_TYPE, true);
			add_column(c, i, offset, WEIR_COL_ICMP_CODE, WEIR_OP_ICMP_CODE, true);
		}
		offset += f->length;
	}
}

static enum version_rule version_rule(const struct weir_plan *p)
{
	bool v4 = false;
	bool v6 = false;

	if (weir_column_set_has(&p->in_record, WEIR_COL_IP_VERSION))
		return VERSION_NONE;
	for (uint32_t i = 0; i < p->columns; i++) {
		const struct column_step *s = &p->column[i];

		if (s->column != WEIR_COL_SRC_ADDR && s->column != WEIR_COL_DST_ADDR)
			continue;
		v4 = v4 || s->op == WEIR_OP_IPV4;
		v6 = v6 || s->op == WEIR_OP_IPV6;
	}
	if (v4 && v6)
		return VERSION_BY_ADDRESS;
	if (v4)
		return VERSION_4;
	return v6 ? VERSION_6 : VERSION_NONE;
}

/* Are both addresses there, and IPv4? */
static bool ipv4_only(const struct weir_plan *p)
{
	for (uint32_t i = 0; i < p->columns; i++) {
		if (p->column[i].op == WEIR_OP_IPV6)
			return false;
	}
	return weir_column_set_has(&p->in_record, WEIR_COL_SRC_ADDR) && weir_column_set_has(&p->in_record, WEIR_COL_DST_ADDR);
}

static bool needs_check(const struct weir_plan *p)
{
	for (uint32_t i = 0; i < p->columns; i++) {
		const struct column_step *s = &p->column[i];

		if (s->column != WEIR_COL_TIME_START && s->column != WEIR_COL_TIME_END)
			continue;
		if (s->op == WEIR_OP_SECONDS || s->op == WEIR_OP_MILLISECONDS || s->op == WEIR_OP_NTP)
			return true;
	}
	return false;
}

static bool tells_connections(const struct weir_plan *p)
{
	bool asa = false;

	for (uint32_t i = 0; i < p->fields; i++)
		asa = asa || is_iana(&p->field[i], V9_FIREWALL_EXTENDED_EVENT);
	return asa && weir_column_set_has(&p->in_record, WEIR_COL_FIREWALL_EVENT) &&
	       weir_column_set_has(&p->in_record, WEIR_COL_FLOW_ID);
}

static void finish(const struct compiler *c)
{
	struct weir_plan *p = c->plan;
	const struct weir_column_set *present = &p->in_record;
	struct weir_column_set *always = &p->always;

	p->check_times = needs_check(p);
	p->connections = tells_connections(p);
	p->version_rule = version_rule(p);
	p->ipv4_only = ipv4_only(p);
	if (p->version_rule != VERSION_NONE)
		weir_column_set_add(always, WEIR_COL_IP_VERSION);
	p->icmp_in_port = c->flow_type != WEIR_FLOW_IPFIX && weir_column_set_has(present, WEIR_COL_PROTO) &&
			  weir_column_set_has(present, WEIR_COL_DST_PORT) &&
			  !weir_column_set_has(present, WEIR_COL_ICMP_TYPE) &&
			  !weir_column_set_has(present, WEIR_COL_ICMP_CODE);
	p->rate_in_record = weir_column_set_has(present, WEIR_COL_SAMPLING_RATE);
	p->sampler_in_record = weir_column_set_has(present, WEIR_COL_SAMPLER_ID);
	p->interface_in_record = weir_column_set_has(present, WEIR_COL_IN_IF);
	weir_column_set_add(always, WEIR_COL_TIME_RECEIVED);
	weir_column_set_add(always, WEIR_COL_EXPORTER_ADDR);
	weir_column_set_add(always, WEIR_COL_FLOW_TYPE);
	weir_column_set_add(always, WEIR_COL_SAMPLING_RATE);
	if (c->flow_type != WEIR_FLOW_NETFLOW1) {
		weir_column_set_add(always, WEIR_COL_OBSERVATION_DOMAIN);
		weir_column_set_add(always, WEIR_COL_SEQUENCE_NUM);
	}
	if (c->flow_type == WEIR_FLOW_NETFLOW9 || c->flow_type == WEIR_FLOW_IPFIX)
		weir_column_set_add(always, WEIR_COL_TEMPLATE_ID);
}

uint32_t weir_plan_record_min(const struct weir_field *field, uint32_t fields, bool *ret_variable)
{
	uint32_t min = 0;

	*ret_variable = false;
	for (uint32_t i = 0; i < fields; i++) {
		if (field[i].length == WEIR_LENGTH_VARIABLE) {
			*ret_variable = true;
			min += 1;
		} else {
			min += field[i].length;
		}
	}
	return min;
}

/* Room for the names that reverse_name() and unknown_name() make. */
static size_t names_room(const struct weir_field *field, uint32_t fields)
{
	size_t room = 1;

	for (uint32_t i = 0; i < fields; i++) {
		if (!field[i].element)
			room += sizeof("4294967295:65535");
		else if (field[i].reverse)
			room += sizeof("reverse") + strlen(field[i].element->name);
	}
	return room;
}

int weir_plan_new(const struct weir_field *field, uint32_t fields, enum weir_flow_type flow_type, bool init_known,
		  struct weir_plan **ret_plan)
{
	struct weir_plan *p = calloc(1, sizeof(*p));
	struct compiler c = {.plan = p, .flow_type = flow_type, .init_known = init_known};

	if (!p)
		return -ENOMEM;
	p->field = field;
	p->fields = fields;
	p->record_min = weir_plan_record_min(field, fields, &p->variable);
	/* A field is one step, but for ICMP type and code, which are two. */
	p->column = calloc(2 * (size_t)fields + 1, sizeof(*p->column));
	p->text = calloc((size_t)fields + 1, sizeof(*p->text));
	p->names = malloc(names_room(field, fields));
	if (!p->column || !p->text || !p->names) {
		weir_plan_free(p);
		return -ENOMEM;
	}
	find_auxiliary(&c);
	choose_winners(&c);
	compile_fields(&c);
	finish(&c);
	*ret_plan = p;
	return 0;
}

void weir_plan_free(struct weir_plan *plan)
{
	if (!plan)
		return;
	free(plan->column);
	free(plan->text);
	free(plan->names);
	free(plan);
}

size_t weir_plan_bytes(const struct weir_plan *plan)
{
	return sizeof(*plan) + (2 * (size_t)plan->fields + 1) * sizeof(*plan->column) +
	       ((size_t)plan->fields + 1) * sizeof(*plan->text) + names_room(plan->field, plan->fields);
}

bool weir_plan_wants_init(const struct weir_plan *plan)
{
	return plan->wants_init;
}

/* --- running ----------------------------------------------------------------------------------------------------- */

/* The records of a run: rows of `stride` bytes at `at`, or one record whose values are in `value`. */
struct run {
	const uint8_t *at;
	size_t stride;
	const struct weir_value *value; /* NULL for fixed lengths */
	uint32_t rows;
	struct weir_column_set present; /* of the fields, less what a record of variable length leaves empty; then all */
};

static struct weir_value step_value(const struct run *run, const struct text_step *s, uint32_t row)
{
	if (run->value)
		return run->value[s->field];
	return (struct weir_value){.data = run->at + row * run->stride + s->offset, .len = s->len};
}

static struct weir_value_text extra_text(const struct text_step *s, const struct weir_message *m, struct weir_value v,
					 uint32_t *unreadable)
{
	struct weir_value_text text = {.text = m->work->list_text};

	if (!weir_element_is_list(s->element))
		return weir_value_text(s->element, v.data, v.len, m->work->text);
	if (weir_list_text(s->element, v.data, v.len, &m->exporter->templates, m->work->list_text, m->work->text, &text.len))
		return text;
	++*unreadable;
	return weir_value_text(NULL, v.data, v.len, m->work->text);
}

/* One row's strings and extra values. With `force`, what does not fit is left out and counted. */
static bool put_row_texts(const struct weir_plan *p, const struct weir_message *m, const struct run *run, uint32_t i,
			  bool force)
{
	struct weir_block *b = *m->out->block;
	uint32_t row = b->rows + i;
	uint32_t unreadable = 0;

	for (uint32_t t = 0; t < p->texts; t++) {
		const struct text_step *s = &p->text[t];
		struct weir_value v = step_value(run, s, i);
		bool fits;

		if (s->name && !v.len)
			continue;
		if (s->name) {
			struct weir_value_text text = extra_text(s, m, v, &unreadable);

			fits = weir_block_put_extra(b, row, s->name, text.text, text.len, text.number);
		} else {
			fits = weir_block_put_str(b, v.data, weir_value_trim(v.data, v.len),
						  &weir_block_str(b, s->column)[row]);
		}
		if (!fits && !force)
			return false;
		if (!fits)
			weir_message_fault(m, WEIR_FAULT_EXTRA_DROPPED);
	}
	/* Not before it is sure that the row stays: otherwise it comes here again. */
	m->out->stats->fault[WEIR_FAULT_LIST_UNREADABLE] += unreadable;
	return true;
}

/* Strings and extra values of the run; returns for how many of its rows, at least one, there was room. 0 when
 * the block had to be handed over and none came back. */
static uint32_t put_texts(const struct weir_plan *p, const struct weir_message *m, const struct run *run)
{
	for (uint32_t i = 0; i < run->rows; i++) {
		struct weir_block *b = *m->out->block;
		uint32_t extras = b->extras;
		uint32_t heap_len = b->heap_len;

		if (put_row_texts(p, m, run, i, false))
			continue;
		b->extras = extras;
		b->heap_len = heap_len;
		for (uint32_t t = 0; t < p->texts; t++) {
			if (!p->text[t].name)
				weir_block_str(b, p->text[t].column)[b->rows + i] = (struct weir_str){0};
		}
		if (i)
			return i;
		if (b->rows && !weir_output_flush(m->out))
			return 0;
		(void)put_row_texts(p, m, run, 0, true);
		return 1;
	}
	return run->rows;
}

static bool cell_is_empty(const uint8_t *cell, size_t width)
{
	static const struct weir_addr any_v4 = {{[10] = 0xff, [11] = 0xff}};
	static const uint8_t zero[16];

	return memcmp(cell, zero, width) == 0 || (width == sizeof(any_v4) && memcmp(cell, &any_v4, width) == 0);
}

/* Row by row, where the cell is empty and the field is not. */
static void copy_join(const struct column_step *s, struct weir_copy *c, weir_copy_fn copy)
{
	uint32_t rows = c->rows;
	uint8_t *dst = c->dst;

	c->rows = 1;
	for (uint32_t i = 0; i < rows; i++, dst += s->width, c->src += c->stride) {
		bool blank = true;

		for (uint32_t j = 0; j < c->len && blank; j++)
			blank = !c->src[j];
		c->dst = dst;
		if (!blank && cell_is_empty(dst, s->width))
			copy(c);
	}
}

/* The columns of records whose fields all have fixed lengths: what is the same for each step is set once. */
static void copy_columns_fixed(const struct weir_plan *p, const struct weir_message *m, const struct run *run)
{
	const struct weir_block *b = *m->out->block;
	struct weir_copy c = {.stride = run->stride, .rows = run->rows, .times = &m->times};

	for (const struct column_step *s = p->column; s < p->column + p->columns; s++) {
		c.dst = (uint8_t *)b->column[s->column] + (size_t)b->rows * s->width;
		c.src = run->at + s->offset;
		c.len = s->len;
		c.aux = s->aux_field == NO_FIELD ? NULL : run->at + s->aux_offset;
		c.aux_len = s->aux_len;
		if (s->join) {
			copy_join(s, &c, s->copy);
			c.rows = run->rows;
		} else {
			s->copy(&c);
		}
	}
}

/* A column of one record, whose fields have the lengths that it says. */
static void copy_column(const struct column_step *s, const struct weir_message *m, struct run *run)
{
	const struct weir_block *b = *m->out->block;
	struct weir_copy c = {
		.dst = (uint8_t *)b->column[s->column] + (size_t)b->rows * s->width,
		.src = run->value[s->field].data,
		.len = (uint32_t)run->value[s->field].len,
		.rows = 1,
		.times = &m->times,
	};
	weir_copy_fn copy = s->copy ? s->copy : weir_copy_find((enum weir_op)s->op, c.len, s->width);

	if (!copy) {
		if (c.len)
			weir_message_fault(m, WEIR_FAULT_FIELD_LENGTH);
		if (!s->join)
			weir_column_set_remove(&run->present, (enum weir_column_id)s->column);
		return;
	}
	if (s->aux_field != NO_FIELD) {
		c.aux = run->value[s->aux_field].data;
		c.aux_len = s->aux_len;
	}
	if (s->join)
		copy_join(s, &c, copy);
	else
		copy(&c);
	weir_column_set_add(&run->present, (enum weir_column_id)s->column);
}

static void fill_u32(struct weir_block *b, enum weir_column_id column, uint32_t rows, uint32_t value)
{
	uint32_t *dst = weir_block_u32(b, column) + b->rows;

	for (uint32_t i = 0; i < rows; i++)
		dst[i] = value;
}

static bool is_v6(const struct weir_addr *a)
{
	return !weir_addr_is_v4(a) && !weir_addr_is_zero(a);
}

static void fill_version(const struct weir_plan *p, struct weir_block *b, uint32_t rows)
{
	uint8_t *dst = weir_block_u8(b, WEIR_COL_IP_VERSION) + b->rows;

	if (p->version_rule == VERSION_4 || p->version_rule == VERSION_6) {
		memset(dst, p->version_rule == VERSION_4 ? 4 : 6, rows);
	} else if (p->version_rule == VERSION_BY_ADDRESS) {
		const struct weir_addr *src = weir_block_addr(b, WEIR_COL_SRC_ADDR) + b->rows;
		const struct weir_addr *dst_addr = weir_block_addr(b, WEIR_COL_DST_ADDR) + b->rows;

		for (uint32_t i = 0; i < rows; i++)
			dst[i] = is_v6(&src[i]) || is_v6(&dst_addr[i]) ? 6 : 4;
	}
}

/* The rate of a flow that does not say its own. */
static uint32_t rate_of(const struct weir_plan *p, const struct weir_message *m, const struct weir_block *b, uint32_t row)
{
	const struct weir_samplings *s = &m->exporter->sampling;
	uint32_t rate = 0;

	if (p->sampler_in_record)
		rate = weir_samplings_find(s, WEIR_SAMPLING_SAMPLER, weir_block_u32(b, WEIR_COL_SAMPLER_ID)[row]);
	if (!rate && p->interface_in_record)
		rate = weir_samplings_find(s, WEIR_SAMPLING_INTERFACE, weir_block_u32(b, WEIR_COL_IN_IF)[row]);
	if (!rate)
		rate = s->rate;
	/* An exporter with samplers whose flows name none: the one sampler is theirs. */
	if (!rate && !p->sampler_in_record)
		rate = s->rate_sampler;
	if (!rate)
		rate = m->header_rate;
	return rate ? rate : 1;
}

static void fill_rate(const struct weir_plan *p, const struct weir_message *m, struct weir_block *b, uint32_t rows)
{
	const struct weir_samplings *s = &m->exporter->sampling;
	uint32_t *dst = weir_block_u32(b, WEIR_COL_SAMPLING_RATE) + b->rows;
	bool by_row = (p->sampler_in_record && s->list[WEIR_SAMPLING_SAMPLER].count) ||
		      (p->interface_in_record && s->list[WEIR_SAMPLING_INTERFACE].count);

	if (!p->rate_in_record && !by_row) {
		fill_u32(b, WEIR_COL_SAMPLING_RATE, rows, rate_of(p, m, b, b->rows));
		return;
	}
	for (uint32_t i = 0; i < rows; i++) {
		if (!p->rate_in_record || !dst[i])
			dst[i] = rate_of(p, m, b, b->rows + i);
	}
}

/* What every row gets, where the record did not say it. */
static void fill_constants(const struct weir_message *m, struct weir_block *b, uint32_t rows,
			   const struct weir_column_set *in_record)
{
	int64_t *received = weir_block_time(b, WEIR_COL_TIME_RECEIVED) + b->rows;
	struct weir_addr *exporter = weir_block_addr(b, WEIR_COL_EXPORTER_ADDR) + b->rows;
	uint16_t *template_id = weir_block_u16(b, WEIR_COL_TEMPLATE_ID) + b->rows;

	for (uint32_t i = 0; i < rows; i++)
		received[i] = m->datagram->received_ms;
	for (uint32_t i = 0; i < rows; i++)
		exporter[i] = m->datagram->exporter;
	memset(weir_block_u8(b, WEIR_COL_FLOW_TYPE) + b->rows, (int)m->flow_type, rows);
	if (m->has_sequence) {
		fill_u32(b, WEIR_COL_SEQUENCE_NUM, rows, m->sequence);
		if (!weir_column_set_has(in_record, WEIR_COL_OBSERVATION_DOMAIN))
			fill_u32(b, WEIR_COL_OBSERVATION_DOMAIN, rows, m->domain);
	}
	if (m->template_id) {
		for (uint32_t i = 0; i < rows; i++)
			template_id[i] = m->template_id;
	}
}

static bool is_icmp(uint8_t proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* Commit the rows in pieces of ICMP and not ICMP. */
static void commit_icmp(const struct weir_message *m, struct weir_block *b, const struct run *run)
{
	const uint8_t *proto = weir_block_u8(b, WEIR_COL_PROTO) + b->rows;
	const uint16_t *port = weir_block_u16(b, WEIR_COL_DST_PORT) + b->rows;
	uint8_t *type = weir_block_u8(b, WEIR_COL_ICMP_TYPE) + b->rows;
	uint8_t *code = weir_block_u8(b, WEIR_COL_ICMP_CODE) + b->rows;
	struct weir_column_set with_icmp = run->present;
	uint32_t rows = run->rows;
	uint32_t from = 0;

	weir_column_set_add(&with_icmp, WEIR_COL_ICMP_TYPE);
	weir_column_set_add(&with_icmp, WEIR_COL_ICMP_CODE);
	while (from < rows) {
		bool icmp = is_icmp(proto[from]);
		uint32_t to = from;

		for (; to < rows && is_icmp(proto[to]) == icmp; to++) {
			if (!icmp)
				continue;
			type[to] = (uint8_t)(port[to] >> 8);
			code[to] = (uint8_t)port[to];
		}
		weir_output_commit(m->out, to - from, icmp ? &with_icmp : &run->present);
		from = to;
	}
}

/* A string of no bytes is not there. */
static void drop_empty_strings(const struct weir_plan *p, struct run *run)
{
	for (uint32_t t = 0; t < p->texts; t++) {
		if (!p->text[t].name && !run->value[p->text[t].field].len)
			weir_column_set_remove(&run->present, (enum weir_column_id)p->text[t].column);
	}
}

/* See to it that the flow has a start and an end where it has one of them. */
static void settle_times(const struct weir_plan *p, const struct weir_message *m, struct run *run)
{
	bool has_start = weir_column_set_has(&run->present, WEIR_COL_TIME_START);
	bool has_end = weir_column_set_has(&run->present, WEIR_COL_TIME_END);
	struct weir_copy duration;

	if (p->check_times && has_start)
		weir_times_check(m, WEIR_COL_TIME_START, run->rows);
	if (p->check_times && has_end)
		weir_times_check(m, WEIR_COL_TIME_END, run->rows);
	if (has_start == has_end)
		return;
	if (p->duration_field != NO_FIELD) {
		const struct weir_field *f = &p->field[p->duration_field];

		duration.src = run->value ? run->value[p->duration_field].data : run->at + p->duration_offset;
		duration.len = f->length;
		duration.stride = run->stride;
		weir_times_fill(m, has_end ? WEIR_COL_TIME_END : WEIR_COL_TIME_START, run->rows, &duration,
				f->id == IE_FLOW_DURATION_MS ? 1000 : 1);
	} else {
		weir_times_fill(m, has_end ? WEIR_COL_TIME_END : WEIR_COL_TIME_START, run->rows, NULL, 0);
	}
	weir_column_set_add(&run->present, has_end ? WEIR_COL_TIME_START : WEIR_COL_TIME_END);
}

/* Decode as many of the run's records as there is room for; returns how many, 0 when nobody takes the block. */
static uint32_t decode_run(const struct weir_plan *p, const struct weir_message *m, struct run *run)
{
	struct weir_block *b;

	if (!weir_output_room(m->out))
		return 0;
	if (run->rows > weir_block_room(*m->out->block))
		run->rows = weir_block_room(*m->out->block);
	if (p->texts)
		run->rows = put_texts(p, m, run);
	if (!run->rows)
		return 0;
	b = *m->out->block;
	run->present = p->in_record;
	if (run->value)
		drop_empty_strings(p, run);
	else
		copy_columns_fixed(p, m, run);
	for (uint32_t i = 0; run->value && i < p->columns; i++)
		copy_column(&p->column[i], m, run);
	settle_times(p, m, run);
	if (p->connections)
		weir_connections_settle(m, run->rows, &run->present);
	fill_version(p, b, run->rows);
	fill_constants(m, b, run->rows, &run->present);
	fill_rate(p, m, b, run->rows);
	for (unsigned i = 0; i < WEIR_COLUMN_WORDS; i++)
		run->present.word[i] |= p->always.word[i];
	if (p->icmp_in_port)
		commit_icmp(m, b, run);
	else
		weir_output_commit(m->out, run->rows, &run->present);
	return run->rows;
}

static uint32_t decode_fixed(const struct weir_plan *p, const struct weir_message *m, struct weir_cursor *set)
{
	uint32_t records = (uint32_t)(weir_cursor_left(set) / p->record_min);
	const uint8_t *at = weir_cursor_take(set, (size_t)records * p->record_min);
	uint32_t decoded = 0;

	while (decoded < records) {
		struct run run = {
			.at = at + (size_t)decoded * p->record_min,
			.stride = p->record_min,
			.rows = records - decoded,
		};
		uint32_t rows = decode_run(p, m, &run);

		if (!rows)
			break;
		decoded += rows;
	}
	return records;
}

bool weir_plan_collect(const struct weir_field *field, uint32_t fields, struct weir_cursor *set,
		       struct weir_value *ret_value)
{
	for (uint32_t i = 0; i < fields; i++) {
		size_t len = field[i].length;

		if (len == WEIR_LENGTH_VARIABLE) {
			/* One byte, or 255 and two (RFC 7011 §7). */
			len = weir_cursor_u8(set);
			if (len == 255)
				len = weir_cursor_u16(set);
		}
		ret_value[i].data = weir_cursor_take(set, len);
		ret_value[i].len = len;
		if (set->fault)
			return false;
	}
	return true;
}

static uint32_t decode_variable(const struct weir_plan *p, const struct weir_message *m, struct weir_cursor *set)
{
	uint32_t records = 0;
	bool refused = false;

	while (weir_cursor_left(set) >= p->record_min) {
		struct run run = {.value = m->work->value, .rows = 1};

		if (!weir_plan_collect(p->field, p->fields, set, m->work->value)) {
			weir_message_fault(m, WEIR_FAULT_RECORD_SHORT);
			break;
		}
		records++;
		/* When nobody takes the block, the rest is walked all the same, to count it. */
		refused = refused || !decode_run(p, m, &run);
	}
	return records;
}

uint32_t weir_plan_decode(const struct weir_plan *plan, const struct weir_message *m, struct weir_cursor *set)
{
	struct weir_block **block = m->out->block;
	uint32_t records;

	if (!plan->ipv4_only && m->out->long_block)
		m->out->block = m->out->long_block;
	records = plan->variable ? decode_variable(plan, m, set) : decode_fixed(plan, m, set);
	m->out->block = block;
	return records;
}
