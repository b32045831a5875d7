/* Sets, the common part of NetFlow v9 (RFC 3954 §5) and IPFIX (RFC 7011 §3.3).
 *
 *   message header, then sets:  | id | length | records … | padding |
 *
 * id names a template set, an options template set, or (from 256 on) the template of a data set's records. A child
 * cursor holds each set, so that nothing in it can reach beyond its length. A set that overruns the message ends the
 * message: where the next one begins cannot be known.
 *
 * Padding. RFC 3954 §5.3 pads sets to four bytes, which should be zero, but Cisco's wireless controllers and nProbe
 * leave in up to three bytes what was in their memory; RFC 7011 §3.3.1 allows any padding of zeros that is shorter
 * than a record. Both are accepted from both, but bytes that are not zero only in v9. A message of UDP may end in
 * zeros, which some exporters send: they are no set of length 0, but padding.
 *
 * Data before its template waits for it (waiting.c).
 *
 * Options templates. v9 counts scope and option fields in bytes and gives scopes numbers of their own, of which 2 is
 * the interface (RFC 3954 §6.1); IPFIX counts fields, and scopes are elements (RFC 7011 §3.4.2.2). */
#include "wire/set.h"

#include <stdlib.h>

#include "wire/element.h"
#include "wire/options.h"
#include "wire/plan.h"

#define SET_HEADER_LEN	     4
#define V9_SCOPE_INTERFACE   2
#define IE_INGRESS_INTERFACE 10
#define ENTERPRISE_BIT	     0x8000
#define TEMPLATE_MIN	     4 /* a withdrawal */
#define V9_PADDING_MAX	     3

const struct weir_dialect weir_dialect_netflow9 = {.template_set = 0, .options_set = 1};
const struct weir_dialect weir_dialect_ipfix = {.template_set = 2, .options_set = 3, .ipfix = true};

/* Behind the last byte that is not zero: all that follows is padding. Found once a set, from its end, so that a set
 * full of zeros costs no more than its length. */
static const uint8_t *padding_begin(const struct weir_cursor *c)
{
	const uint8_t *p = c->end;

	while (p > c->at && !p[-1])
		p--;
	return p;
}

/* What is left of a set is too short for another record: is it padding? */
static void check_padding(const struct weir_message *m, const struct weir_dialect *dialect, const struct weir_cursor *set)
{
	if (!dialect->ipfix && weir_cursor_left(set) <= V9_PADDING_MAX)
		return;
	if (padding_begin(set) != set->at)
		weir_message_fault(m, WEIR_FAULT_SET_PADDING);
}

/* A set was read from begin on; what is left of it is padding. */
static void count_bytes(const struct weir_message *m, enum weir_byte kind, const uint8_t *begin,
			const struct weir_cursor *set)
{
	weir_message_bytes(m, kind, (size_t)(set->at - begin));
	weir_message_bytes(m, WEIR_BYTE_PADDING, weir_cursor_left(set));
}

static struct weir_field read_field(struct weir_cursor *c, const struct weir_dialect *dialect)
{
	uint16_t id = weir_cursor_u16(c);
	struct weir_field f = {.id = id, .length = weir_cursor_u16(c)};

	if (!dialect->ipfix) {
		f.element = weir_element_find_v9(id);
		return f;
	}
	if (id & ENTERPRISE_BIT) {
		f.id = id & (ENTERPRISE_BIT - 1);
		f.pen = weir_cursor_u32(c);
	}
	f.element = weir_element_find_ipfix(f.pen, f.id, &f.reverse);
	return f;
}

/* v9's scopes are not elements: keep the one that has an equal. */
static void convert_scope(struct weir_field *f)
{
	bool interface = f->id == V9_SCOPE_INTERFACE;

	f->element = NULL;
	f->id = interface ? IE_INGRESS_INTERFACE : 0;
}

/* Read the fields of a template into the workspace. All are read, for the next template stands behind them. */
static void read_fields(struct weir_message *m, const struct weir_dialect *dialect, struct weir_cursor *c,
			uint32_t fields, uint32_t scope_fields)
{
	for (uint32_t i = 0; i < fields && !c->fault; i++) {
		struct weir_field f = read_field(c, dialect);

		if (!dialect->ipfix && i < scope_fields)
			convert_scope(&f);
		/* v9 has no variable lengths (RFC 3954 §5.2): 65535 is then a length that no record can have. */
		if (i < m->work->fields_max)
			m->work->field[i] = f;
	}
}

static bool v9_variable(const struct weir_message *m, const struct weir_dialect *dialect, uint32_t fields)
{
	for (uint32_t i = 0; !dialect->ipfix && i < fields; i++) {
		if (m->work->field[i].length == WEIR_LENGTH_VARIABLE)
			return true;
	}
	return false;
}

/* The records of a data set whose template is known. */
static void decode_records(struct weir_message *m, const struct weir_dialect *dialect, const struct weir_template *t,
			   struct weir_cursor *set, struct weir_sets_result *result)
{
	uint32_t records;

	m->template_id = t->id;
	records = t->options ? weir_options_decode(t, m, set) : weir_plan_decode(t->plan, m, set);

	result->records += records;
	result->flows += t->options ? 0 : records;
	if (set->fault)
		result->records_known = false;
	else
		check_padding(m, dialect, set);
}

/* A template came: decode what waited for it, each set as a part of the message that it came in. */
static void decode_waiting(const struct weir_message *m, const struct weir_dialect *dialect, uint16_t id)
{
	const struct weir_template *t = weir_templates_find(&m->exporter->templates, id);
	struct weir_waiting_set *s;

	while (t && (s = weir_waiting_take(&m->work->waiting, m->exporter, id))) {
		const struct weir_datagram datagram = {
			.exporter = m->exporter->addr, .received_ms = s->received_ms, .data = s->data, .len = s->len};
		struct weir_cursor set = weir_cursor(s->data, s->len);
		struct weir_sets_result result = {0};
		struct weir_message late = *m;

		late.datagram = &datagram;
		late.sequence = s->sequence;
		late.times = s->times;
		late.times.init_ms = m->exporter->init_ms;
		decode_records(&late, dialect, t, &set, &result);
		m->out->stats->sets_waited++;
		free(s);
	}
}

static bool let_wait(const struct weir_message *m, uint16_t id, const struct weir_cursor *set)
{
	const struct weir_waiting_set waiting = {
		.exporter = m->exporter,
		.template_id = id,
		.sequence = m->sequence,
		.times = m->times,
		.received_ms = m->datagram->received_ms,
		.clock_ms = weir_datagram_clock_ms(m->datagram),
		.len = (uint32_t)weir_cursor_left(set),
	};

	return weir_waiting_put(&m->work->waiting, &waiting, set->at);
}

static void put_template(struct weir_message *m, const struct weir_dialect *dialect, struct weir_template_new *spec)
{
	enum weir_fault fault;

	m->out->stats->templates++;
	spec->flow_type = m->flow_type;
	spec->init_known = m->exporter->init_known;
	if (spec->id < WEIR_TEMPLATE_ID_MIN)
		fault = WEIR_FAULT_TEMPLATE_ID;
	else if (!spec->fields)
		fault = WEIR_FAULT_TEMPLATE_EMPTY;
	else if (spec->fields > m->work->fields_max)
		fault = WEIR_FAULT_TEMPLATE_FIELDS_LIMIT;
	else if (v9_variable(m, dialect, spec->fields))
		fault = WEIR_FAULT_TEMPLATE_LENGTH;
	else
		fault = weir_templates_put(&m->exporter->templates, m->work, spec);
	if (fault != WEIR_FAULTS)
		weir_message_fault(m, fault);
	else
		decode_waiting(m, dialect, spec->id);
	/* An options record that waited may have told it. */
	m->times.init_ms = m->exporter->init_ms;
}

/* A template without fields takes one back, or all of its kind (RFC 7011 §8.1). Over UDP, where a message may be late or
 * forged, it does not (§8.4). */
static void withdraw(struct weir_message *m, const struct weir_dialect *dialect, uint16_t id, bool options)
{
	m->out->stats->templates++;
	if (!m->datagram->session && m->datagram->exporter_port)
		weir_message_fault(m, WEIR_FAULT_WITHDRAWAL_IGNORED);
	else if (id == (options ? dialect->options_set : dialect->template_set))
		weir_templates_remove_all(&m->exporter->templates, m->work, options);
	else if (id >= WEIR_TEMPLATE_ID_MIN)
		weir_templates_remove(&m->exporter->templates, m->work, id);
	else
		weir_message_fault(m, WEIR_FAULT_TEMPLATE_ID);
}

static void decode_template(struct weir_message *m, const struct weir_dialect *dialect, struct weir_cursor *c)
{
	struct weir_template_new spec = {.id = weir_cursor_u16(c), .fields = weir_cursor_u16(c)};

	if (dialect->ipfix && !spec.fields && !c->fault) {
		withdraw(m, dialect, spec.id, false);
		return;
	}
	read_fields(m, dialect, c, spec.fields, 0);
	if (!c->fault)
		put_template(m, dialect, &spec);
}

/* Scope length and option length in bytes, each field four. False when they are not, and then where the template
 * ends is known all the same. */
static bool v9_option_counts(struct weir_cursor *c, struct weir_template_new *spec)
{
	uint16_t scope = weir_cursor_u16(c);
	uint16_t option = weir_cursor_u16(c);

	spec->scope_fields = scope / 4;
	spec->fields = spec->scope_fields + option / 4;
	if (scope % 4 == 0 && option % 4 == 0)
		return true;
	weir_cursor_skip(c, (size_t)scope + option);
	return false;
}

static void decode_options_template(struct weir_message *m, const struct weir_dialect *dialect, struct weir_cursor *c)
{
	struct weir_template_new spec = {.id = weir_cursor_u16(c), .options = true};
	bool fine = true;

	if (dialect->ipfix) {
		spec.fields = weir_cursor_u16(c);
		if (!spec.fields && !c->fault) {
			withdraw(m, dialect, spec.id, true);
			return;
		}
		spec.scope_fields = weir_cursor_u16(c);
		fine = spec.scope_fields && spec.scope_fields <= spec.fields;
	} else if (!v9_option_counts(c, &spec)) {
		spec.fields = 0;
		fine = false;
	}
	read_fields(m, dialect, c, spec.fields, spec.scope_fields);
	if (c->fault)
		return;
	if (!fine)
		weir_message_fault(m, WEIR_FAULT_TEMPLATE_SCOPE);
	else
		put_template(m, dialect, &spec);
}

static void decode_templates(struct weir_message *m, const struct weir_dialect *dialect, struct weir_cursor *set,
			     bool options)
{
	const uint8_t *padding = padding_begin(set);
	const uint8_t *begin = set->at;

	while (set->at < padding && weir_cursor_left(set) >= TEMPLATE_MIN) {
		if (options)
			decode_options_template(m, dialect, set);
		else
			decode_template(m, dialect, set);
		if (set->fault) {
			weir_message_fault(m, WEIR_FAULT_TEMPLATE_SHORT);
			return;
		}
	}
	check_padding(m, dialect, set);
	count_bytes(m, WEIR_BYTE_TEMPLATES, begin, set);
}

static void decode_data(struct weir_message *m, const struct weir_dialect *dialect, uint16_t id, struct weir_cursor *set,
			struct weir_sets_result *result)
{
	const struct weir_template *t = weir_templates_find(&m->exporter->templates, id);
	const uint8_t *begin = set->at;

	if (t) {
		enum weir_byte kind = t->options ? WEIR_BYTE_OPTIONS : WEIR_BYTE_FLOWS;

		decode_records(m, dialect, t, set, result);
		if (!set->fault)
			count_bytes(m, kind, begin, set);
		return;
	}
	result->records_known = false;
	if (let_wait(m, id, set))
		weir_message_bytes(m, WEIR_BYTE_WAITED, weir_cursor_left(set));
	else
		weir_message_fault(m, WEIR_FAULT_TEMPLATE_MISSING);
}

struct weir_sets_result weir_sets_decode(struct weir_message *m, const struct weir_dialect *dialect,
					 struct weir_cursor *sets)
{
	struct weir_sets_result result = {.records_known = true};
	const uint8_t *padding = padding_begin(sets);

	while (sets->at < padding) {
		uint16_t id = weir_cursor_u16(sets);
		uint16_t length = weir_cursor_u16(sets);
		struct weir_cursor set;

		if (sets->fault || length < SET_HEADER_LEN) {
			weir_message_fault(m, WEIR_FAULT_SET_SHORT);
			result.records_known = false;
			break;
		}
		set = weir_cursor_sub(sets, length - SET_HEADER_LEN);
		if (set.fault) {
			weir_message_fault(m, WEIR_FAULT_SET_OVERRUN);
			result.records_known = false;
			break;
		}
		weir_message_bytes(m, WEIR_BYTE_FRAMING, SET_HEADER_LEN);
		if (id == dialect->template_set || id == dialect->options_set)
			decode_templates(m, dialect, &set, id == dialect->options_set);
		else if (id >= WEIR_TEMPLATE_ID_MIN)
			decode_data(m, dialect, id, &set, &result);
		else
			weir_message_fault(m, WEIR_FAULT_SET_ID_RESERVED);
	}
	if (!sets->fault && sets->at >= padding)
		weir_message_bytes(m, WEIR_BYTE_PADDING, weir_cursor_left(sets));
	return result;
}
