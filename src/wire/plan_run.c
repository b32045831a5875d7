/* Running plans. Rows are written beyond block->rows and committed last. A set is taken in runs of as many rows as there
 * is room for. First strings and extra values are put, row by row, because they can run out of room before the rows
 * do: then the run is shortened, so that what was written is always committed and nothing needs to be undone but one
 * row's strings. Then the columns, each in one loop (copy.c). Then what every row gets: who sent it, when, sampling.
 *
 * Times. Where a record tells only one of start and end, the other is that moment too, or by flowDuration away from
 * it (times.c), so that every flow that has a time has both.
 *
 * Biflows. A record of both directions becomes two rows (biflow.c), for which there must be room.
 *
 * ICMP. NetFlow v5 and its heirs hide type * 256 + code in the destination port. icmp_type and icmp_code are then
 * present in the ICMP rows only, so the run is committed in pieces. */
#include "wire/plan.h"

#include <string.h>

#include "wire/connection.h"
#include "wire/describe.h"
#include "wire/element.h"
#include "wire/list.h"
#include "wire/plan_parts.h"
#include "wire/section.h"
#include "wire/times.h"
#include "wire/value.h"

#define NO_FIELD	    WEIR_PLAN_NO_FIELD
#define PROTO_ICMP	    1
#define PROTO_ICMPV6	    58
#define IE_FLOW_DURATION_MS 161

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

/* What the record's packet says; the record's own fields are written over it. */
static void put_section(const struct weir_plan *p, const struct weir_message *m, struct run *run)
{
	const struct weir_field *f = &p->field[p->section_field];
	struct weir_value section;
	uint64_t length = 0;

	if (run->value)
		section = run->value[p->section_field];
	else
		section = (struct weir_value){.data = run->at + p->section_offset, .len = f->length};
	if (p->section_size_field != WEIR_PLAN_NO_FIELD) {
		const uint8_t *size = run->value ? run->value[p->section_size_field].data : run->at + p->section_size_offset;

		length = weir_load_uint(size, p->field[p->section_size_field].length);
	}
	weir_section_put(m, p->section_link, weir_cursor(section.data, section.len), length, &run->present);
}

/* Records of both directions that do not say which is which: RFC 5103 §5.1 advises to send the initiator as the source, and
 * firewalls do. */
static void fill_direction(const struct weir_plan *p, struct weir_block *b, struct run *run)
{
	if (p->biflow.told && weir_column_set_has(&run->present, WEIR_COL_BIFLOW_DIRECTION))
		return;
	memset(weir_block_u8(b, WEIR_COL_BIFLOW_DIRECTION) + b->rows, WEIR_BIFLOW_INITIATOR, run->rows);
	weir_column_set_add(&run->present, WEIR_COL_BIFLOW_DIRECTION);
}

/* Decode as many of the run's records as there is room for; returns how many, 0 when nobody takes the block. */
static uint32_t decode_run(const struct weir_plan *p, const struct weir_message *m, struct run *run)
{
	struct weir_block *b;
	uint32_t room, first;

	if (!weir_output_room(m->out))
		return 0;
	room = weir_block_room(*m->out->block);
	if (p->biflow.wanted) {
		/* Each record may take two rows. */
		if (room < 2 && (*m->out->block)->rows && !weir_output_flush(m->out))
			return 0;
		room = weir_block_room(*m->out->block) / 2;
		room = room ? room : 1;
	}
	if (run->rows > room)
		run->rows = room;
	if (p->section_field != WEIR_PLAN_NO_FIELD)
		run->rows = 1; /* each packet has columns of its own */
	if (p->texts)
		run->rows = put_texts(p, m, run);
	if (!run->rows)
		return 0;
	b = *m->out->block;
	run->present = p->in_record;
	if (p->section_field != WEIR_PLAN_NO_FIELD)
		put_section(p, m, run);
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
	weir_describe_flows(m, b, run->rows, &run->present);
	for (unsigned i = 0; i < WEIR_COLUMN_WORDS; i++)
		run->present.word[i] |= p->always.word[i];
	first = b->rows;
	if (p->biflow.wanted)
		fill_direction(p, b, run);
	if (p->icmp_in_port)
		commit_icmp(m, b, run);
	else
		weir_output_commit(m->out, run->rows, &run->present);
	if (p->biflow.wanted)
		weir_biflow_put(p, m, run, first);
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
