/* Compiling plans. Each field of the template either wins a column (the element that flow/columns.inc names first wins),
 * or joins it, or becomes an extra value by name. Joining is for pairs of which a record fills one: where the winner
 * left the IPv4 source address zero, the IPv6 one of the same record is taken. A field of no bytes says nothing and
 * makes nothing present. Padding (paddingOctets) is left out.
 */
#include "wire/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/element.h"
#include "wire/plan_parts.h"

#define NO_FIELD WEIR_PLAN_NO_FIELD

/* IANA's numbers of elements that are more than a number in a column. */
enum {
	IE_OCTETS = 1,
	IE_PACKETS = 2,
	IE_FLOW_END_SYS_UP_TIME = 21,
	IE_FLOW_START_SYS_UP_TIME = 22,
	IE_POST_OCTETS = 23,
	IE_POST_PACKETS = 24,
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
	IE_DATA_LINK_FRAME_SIZE = 312,
	IE_IP_HEADER_PACKET_SECTION = 313,
	IE_DATA_LINK_FRAME_SECTION = 315,
	IE_LAYER2_SEGMENT_ID = 351,
	V9_FIREWALL_EXTENDED_EVENT = 33002, /* of ASA and Firepower alone */
	PEN_CERT = 6871,
	PEN_NTOP = 35632,
	NTOP_CLIENT_LATENCY = 123, /* halves of round trips, in milliseconds */
	NTOP_SERVER_LATENCY = 124,
	PEN_SONICWALL = 8741,
	CERT_REVERSE_DELTA = 21, /* milliseconds from the first packet to the first of the reverse */
};

struct compiler {
	struct weir_plan *plan;
	enum weir_flow_type flow_type;
	bool init_known;
	bool post_is_reverse; /* nProbe: OUT_BYTES and OUT_PKTS are the other direction's */
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

static uint8_t column_of(const struct compiler *c, const struct weir_field *f)
{
	if (!f->element)
		return WEIR_COLUMN_NONE;
	if (c->post_is_reverse && is_iana(f, IE_POST_OCTETS))
		return WEIR_COL_REVERSE_BYTES;
	if (c->post_is_reverse && is_iana(f, IE_POST_PACKETS))
		return WEIR_COL_REVERSE_PACKETS;
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

static bool is_half_trip(const struct weir_field *f)
{
	return f->element->pen == PEN_NTOP && (f->element->id == NTOP_CLIENT_LATENCY || f->element->id == NTOP_SERVER_LATENCY);
}

static enum weir_op op_of(const struct compiler *c, const struct weir_field *f)
{
	enum weir_op special = f->element->pen == 0 ? special_op(c, f) : WEIR_OP_UINT;

	if (is_half_trip(f))
		return WEIR_OP_HALF_MS;
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

		c->post_is_reverse = c->post_is_reverse || (p->field[i].element && p->field[i].element->pen == PEN_NTOP);
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

static bool is_address(const struct compiler *c, const struct weir_field *f)
{
	uint8_t column = column_of(c, f);

	return column == WEIR_COL_SRC_ADDR || column == WEIR_COL_DST_ADDR;
}

/* A packet in the record stands for the fields of its headers, unless these are there too. */
static void find_section(const struct compiler *c)
{
	struct weir_plan *p = c->plan;
	uint32_t offset = 0;

	p->section_field = NO_FIELD;
	p->section_size_field = NO_FIELD;
	for (uint16_t i = 0; i < p->fields; i++) {
		const struct weir_field *f = &p->field[i];
		bool frame = is_iana(f, IE_DATA_LINK_FRAME_SECTION);

		if (is_address(c, f)) {
			p->section_field = NO_FIELD;
			p->section_size_field = NO_FIELD;
			return;
		}
		if (frame || (is_iana(f, IE_IP_HEADER_PACKET_SECTION) && p->section_field == NO_FIELD)) {
			p->section_field = i;
			p->section_offset = offset;
			p->section_link = frame ? WEIR_LINK_ETHERNET : WEIR_LINK_IP;
		}
		if (is_iana(f, IE_DATA_LINK_FRAME_SIZE) && f->length >= 1 && f->length <= 8) {
			p->section_size_field = i;
			p->section_size_offset = offset;
		}
		offset += f->length;
	}
}

/* Counters that tell the two directions of one connection, besides elements and their own reverses. */
static const struct {
	uint32_t pen;
	uint16_t there, back;
} COUNTER_PAIRS[] = {
	{0,             231,             232            }, /* initiatorOctets, responderOctets */
	{0,             298,             299            }, /* …Packets */
	{0,             IE_OCTETS,       IE_POST_OCTETS }, /* nProbe's only: others have no column for the second */
	{0,             IE_PACKETS,      IE_POST_PACKETS},
	{PEN_SONICWALL, 14,              16             }, /* octets */
	{PEN_SONICWALL, 13,              15             }, /* packets */
};

static bool is_counter_pair(const struct weir_field *there, const struct weir_field *back)
{
	if (there->reverse)
		return false;
	if (back->reverse)
		return there->element == back->element;
	for (size_t i = 0; i < sizeof(COUNTER_PAIRS) / sizeof(COUNTER_PAIRS[0]); i++) {
		if (there->pen == COUNTER_PAIRS[i].pen && back->pen == COUNTER_PAIRS[i].pen &&
		    there->id == COUNTER_PAIRS[i].there && back->id == COUNTER_PAIRS[i].back)
			return true;
	}
	return false;
}

/* A field of that column that makes a pair with the winner of the other. */
static uint16_t find_partner(const struct compiler *c, enum weir_column_id column, uint16_t of, bool is_there)
{
	const struct weir_plan *p = c->plan;

	for (uint16_t i = 0; i < p->fields; i++) {
		const struct weir_field *f = &p->field[i];

		if (!f->length || column_of(c, f) != column || !field_fits(f, column, op_of(c, f)))
			continue;
		if (is_there ? is_counter_pair(f, &p->field[of]) : is_counter_pair(&p->field[of], f))
			return i;
	}
	return NO_FIELD;
}

/* bytes and reverse_bytes become rows that are added up, so they must be of one kind. octetDeltaCount beside initiator's and
 * responder's octets can be the sum of both, and beside a reverse total it is of another span: then those that belong together
 * are taken, and the one alone stays in extra. */
static void pair_counters(struct compiler *c, enum weir_column_id there, enum weir_column_id back)
{
	uint16_t *a = &c->winner[there];
	uint16_t *b = &c->winner[back];
	uint16_t partner;

	if (*a == NO_FIELD || *b == NO_FIELD || is_counter_pair(&c->plan->field[*a], &c->plan->field[*b]))
		return;
	partner = find_partner(c, back, *a, false);
	if (partner != NO_FIELD) {
		*b = partner;
		return;
	}
	partner = find_partner(c, there, *b, true);
	if (partner != NO_FIELD)
		*a = partner;
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
		uint8_t column = column_of(c, f);

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
	pair_counters(c, WEIR_COL_BYTES, WEIR_COL_REVERSE_BYTES);
	pair_counters(c, WEIR_COL_PACKETS, WEIR_COL_REVERSE_PACKETS);
}

static struct column_step column_step(const struct compiler *c, uint16_t field, uint32_t offset, enum weir_column_id column,
				      enum weir_op op)
{
	const struct weir_field *f = &c->plan->field[field];
	struct column_step s = {
		.op = (uint8_t)op,
		.column = (uint8_t)column,
		.width = (uint8_t)weir_types[weir_columns[column].type].width,
		.field = field,
		.aux_field = NO_FIELD,
		.len = f->length,
		.offset = offset,
	};

	if (op == WEIR_OP_SINCE_INIT) {
		s.aux_field = c->init_field;
		s.aux_offset = c->init_offset;
	}
	if (op == WEIR_OP_SAMPLING) {
		s.aux_field = c->space_field;
		s.aux_offset = c->space_offset;
	}
	if (s.aux_field != NO_FIELD)
		s.aux_len = c->plan->field[s.aux_field].length;
	if (f->length != WEIR_LENGTH_VARIABLE)
		s.copy = weir_copy_find(op, f->length, s.width);
	return s;
}

static void add_column(struct compiler *c, uint16_t field, uint32_t offset, enum weir_column_id column, enum weir_op op,
		       bool join)
{
	struct weir_plan *p = c->plan;
	struct column_step *s = &p->column[p->columns++];

	*s = column_step(c, field, offset, column, op);
	s->join = join;
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
	if (c->plan->section_field != NO_FIELD && (i == c->plan->section_field || i == c->plan->section_size_field))
		return true;
	if (i == c->init_field)
		return winner_has_op(c, WEIR_COL_TIME_START, WEIR_OP_SINCE_INIT) ||
		       winner_has_op(c, WEIR_COL_TIME_END, WEIR_OP_SINCE_INIT);
	return i == c->space_field && winner_has_op(c, WEIR_COL_SAMPLING_RATE, WEIR_OP_SAMPLING);
}

static void compile_field(struct compiler *c, uint16_t i, uint32_t offset)
{
	const struct weir_field *f = &c->plan->field[i];
	uint8_t column = column_of(c, f);

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
		uint8_t column = column_of(c, f);

		if (f->length && column != WEIR_COLUMN_NONE && c->winner[column] != i && joins(c, f, column))
			add_column(c, i, offset, column, op_of(c, f), true);
		if (joins_icmp(c, i)) {
			add_column(c, i, offset, WEIR_COL_ICMP_TYPE, WEIR_OP_ICMP_TYPE, true);
			add_column(c, i, offset, WEIR_COL_ICMP_CODE, WEIR_OP_ICMP_CODE, true);
		}
		offset += f->length;
	}
}

/* What the reverse of a field may tell of the second row: not what makes the flow, which RFC 5103 §6.1 excludes. */
static bool reverse_step_allowed(unsigned column)
{
	switch (column) {
	case WEIR_COLUMN_NONE:
	case WEIR_COL_SRC_ADDR:
	case WEIR_COL_DST_ADDR:
	case WEIR_COL_SRC_PORT:
	case WEIR_COL_DST_PORT:
	case WEIR_COL_PROTO:
	case WEIR_COL_IP_VERSION:
	case WEIR_COL_OBSERVATION_DOMAIN:
	case WEIR_COL_SAMPLING_RATE:
	case WEIR_COL_BIFLOW_DIRECTION:
		return false;
	default:
		return weir_columns[column].type != WEIR_TYPE_STRING;
	}
}

static bool tells_both_directions(const struct weir_plan *p)
{
	return weir_column_set_has(&p->in_record, WEIR_COL_REVERSE_BYTES) ||
	       weir_column_set_has(&p->in_record, WEIR_COL_REVERSE_PACKETS);
}

/* The elements of the reverse direction, best last, so that it stands. */
static int compile_reverse(struct compiler *c)
{
	struct weir_plan *p = c->plan;
	struct biflow *b = &p->biflow;
	unsigned priority[WEIR_COLUMNS];
	uint32_t offset = 0;

	b->wanted = true;
	b->told = weir_column_set_has(&p->in_record, WEIR_COL_BIFLOW_DIRECTION);
	b->delta_field = NO_FIELD;
	b->step = calloc((size_t)p->fields + 1, sizeof(*b->step));
	if (!b->step)
		return -ENOMEM;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		priority[i] = UINT_MAX;
	for (uint16_t i = 0; i < p->fields; offset += p->field[i++].length) {
		const struct weir_field *f = &p->field[i];
		unsigned column = f->element && f->reverse && f->element->reverse_column == WEIR_COLUMN_NONE
					  ? f->element->column : WEIR_COLUMN_NONE;

		if (f->pen == PEN_CERT && f->id == CERT_REVERSE_DELTA && f->length >= 1 && f->length <= 8) {
			b->delta_field = i;
			b->delta_offset = offset;
		}
		if (!f->length || !reverse_step_allowed(column) || f->element->priority >= priority[column] ||
		    !field_fits(f, column, op_of(c, f)))
			continue;
		priority[column] = f->element->priority;
		b->step[b->steps++] = column_step(c, i, offset, (enum weir_column_id)column, op_of(c, f));
	}
	return 0;
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

/* Plans stay, and there can be many: a thousand exporters of twenty templates each would take twice the memory. Where there is no
 * room to move to, the array stays as it is. */
static void *shrunk(void *array, uint32_t used, size_t size)
{
	void *smaller = realloc(array, (used ? used : 1) * size);

	return smaller ? smaller : array;
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
	find_section(&c);
	choose_winners(&c);
	compile_fields(&c);
	if (tells_both_directions(p) && compile_reverse(&c)) {
		weir_plan_free(p);
		return -ENOMEM;
	}
	finish(&c);
	p->column = shrunk(p->column, p->columns, sizeof(*p->column));
	p->text = shrunk(p->text, p->texts, sizeof(*p->text));
	if (p->biflow.wanted)
		p->biflow.step = shrunk(p->biflow.step, p->biflow.steps, sizeof(*p->biflow.step));
	*ret_plan = p;
	return 0;
}

void weir_plan_free(struct weir_plan *plan)
{
	if (!plan)
		return;
	free(plan->column);
	free(plan->biflow.step);
	free(plan->text);
	free(plan->names);
	free(plan);
}

size_t weir_plan_bytes(const struct weir_plan *plan)
{
	return sizeof(*plan) + plan->biflow.steps * sizeof(*plan->biflow.step) + plan->columns * sizeof(*plan->column) +
	       plan->texts * sizeof(*plan->text) + names_room(plan->field, plan->fields);
}

bool weir_plan_wants_init(const struct weir_plan *plan)
{
	return plan->wants_init;
}
