#include "wire/template.h"

#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/plan.h"

#define RECORD_MAX 65535 /* a message's length is 16 bits (RFC 7011 §3.1), a datagram's too */

static void template_free(struct weir_template *t)
{
	if (!t)
		return;
	weir_plan_free(t->plan);
	free(t);
}

void weir_templates_done(struct weir_templates *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		template_free(t->list[i]);
	free(t->list);
	*t = (struct weir_templates){0};
}

/* Where the template of that number is, or belongs. */
static uint32_t position(const struct weir_templates *t, uint16_t id)
{
	uint32_t low = 0;
	uint32_t high = t->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (t->list[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct weir_templates *t, uint32_t at, uint16_t id)
{
	return at < t->count && t->list[at]->id == id;
}

const struct weir_template *weir_templates_find(const struct weir_templates *t, uint16_t id)
{
	uint32_t at = position(t, id);

	return is_at(t, at, id) ? t->list[at] : NULL;
}

static bool same(const struct weir_template *t, const struct weir_template_new *spec, const struct weir_field *field)
{
	if (t->options != spec->options || t->scope_fields != spec->scope_fields || t->fields != spec->fields)
		return false;
	for (uint32_t i = 0; i < t->fields; i++) {
		if (t->field[i].pen != field[i].pen || t->field[i].id != field[i].id ||
		    t->field[i].length != field[i].length)
			return false;
	}
	return true;
}

/* NULL without memory. */
static struct weir_template *template_new(const struct weir_template_new *spec, const struct weir_field *field)
{
	struct weir_template *t = calloc(1, sizeof(*t) + spec->fields * sizeof(*field));

	if (!t)
		return NULL;
	t->id = spec->id;
	t->options = spec->options;
	t->scope_fields = spec->scope_fields;
	t->fields = spec->fields;
	memcpy(t->field, field, spec->fields * sizeof(*field));
	t->record_min = weir_plan_record_min(t->field, t->fields, &t->variable);
	t->bytes = sizeof(*t) + spec->fields * sizeof(*field);
	if (!t->options) {
		if (weir_plan_new(t->field, t->fields, spec->flow_type, spec->init_known, &t->plan)) {
			template_free(t);
			return NULL;
		}
		t->bytes += weir_plan_bytes(t->plan);
	}
	return t;
}

static bool reserve(struct weir_templates *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 4;
	struct weir_template **list;

	if (t->count < t->cap)
		return true;
	list = realloc(t->list, cap * sizeof(struct weir_template *));
	if (!list)
		return false;
	t->list = list;
	t->cap = cap;
	return true;
}

static void remove_at(struct weir_templates *t, struct weir_workspace *work, uint32_t at)
{
	work->template_bytes_left += t->list[at]->bytes;
	work->changed = true;
	template_free(t->list[at]);
	t->count--;
	memmove(&t->list[at], &t->list[at + 1], (t->count - at) * sizeof(struct weir_template *));
}

static enum weir_fault check(const struct weir_template_new *spec, const struct weir_field *field)
{
	bool variable;
	uint32_t min = weir_plan_record_min(field, spec->fields, &variable);

	if (!min)
		return WEIR_FAULT_TEMPLATE_EMPTY;
	if (min > RECORD_MAX)
		return WEIR_FAULT_TEMPLATE_LENGTH;
	return WEIR_FAULTS;
}

enum weir_fault weir_templates_put(struct weir_templates *t, struct weir_workspace *work,
				   const struct weir_template_new *spec)
{
	uint32_t at = position(t, spec->id);
	enum weir_fault fault = check(spec, work->field);
	struct weir_template *made;

	if (fault == WEIR_FAULTS && is_at(t, at, spec->id) && same(t->list[at], spec, work->field))
		return WEIR_FAULTS;
	/* A new definition ends the old one, even when it is refused: records are of the new form from here on. */
	if (is_at(t, at, spec->id)) {
		remove_at(t, work, at);
		t->changes++;
	}
	if (fault != WEIR_FAULTS)
		return fault;
	if (t->count >= work->templates_max || !reserve(t))
		return WEIR_FAULT_TEMPLATES_LIMIT;
	made = template_new(spec, work->field);
	if (!made || made->bytes > work->template_bytes_left) {
		template_free(made);
		return WEIR_FAULT_TEMPLATES_LIMIT;
	}
	work->template_bytes_left -= made->bytes;
	work->changed = true;
	memmove(&t->list[at + 1], &t->list[at], (t->count - at) * sizeof(struct weir_template *));
	t->list[at] = made;
	t->count++;
	return WEIR_FAULTS;
}

void weir_templates_remove(struct weir_templates *t, struct weir_workspace *work, uint16_t id)
{
	uint32_t at = position(t, id);

	if (is_at(t, at, id))
		remove_at(t, work, at);
}

void weir_templates_remove_all(struct weir_templates *t, struct weir_workspace *work, bool options)
{
	for (uint32_t i = t->count; i-- > 0;) {
		if (t->list[i]->options == options)
			remove_at(t, work, i);
	}
}

void weir_templates_init_known(struct weir_templates *t, enum weir_flow_type flow_type)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct weir_template *e = t->list[i];
		struct weir_plan *plan;

		if (!e->plan || !weir_plan_wants_init(e->plan))
			continue;
		if (weir_plan_new(e->field, e->fields, flow_type, true, &plan))
			continue; /* no memory: the old plan keeps the times as extra values */
		weir_plan_free(e->plan);
		e->plan = plan;
	}
}
