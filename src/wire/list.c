/* RFC 6313 §4.5:
 *
 *   basicList              | semantic | field | length [| enterprise] | value … |
 *   subTemplateList        | semantic | template | record … |
 *   subTemplateMultiList   | semantic | template | length | record … | template | length | record … | …
 *
 * Lists can be values of lists, so this recurses, to a bounded depth. A child cursor holds each list. The text is
 * written into a bounded place; what does not fit is a fault like a value that is cut short, and the caller keeps
 * the bytes instead. */
#include "wire/list.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/value.h"

#define DEPTH_MAX      4
#define ENTERPRISE_BIT 0x8000

struct listing {
	const struct weir_templates *templates;
	char *at;
	char *end;
	char *scratch;
	unsigned depth;
	bool fault;
};

static void put(struct listing *l, const char *text, size_t len)
{
	if (l->fault || len > (size_t)(l->end - l->at)) {
		l->fault = true;
		return;
	}
	memcpy(l->at, text, len);
	l->at += len;
}

static void put_text(struct listing *l, const char *text)
{
	put(l, text, strlen(text));
}

static void put_number(struct listing *l, uint32_t value)
{
	char text[16];

	put(l, text, (size_t)snprintf(text, sizeof(text), "%u", value));
}

static void put_name(struct listing *l, const struct weir_field *f)
{
	char initial;

	if (!f->element) {
		put_number(l, f->pen);
		put_text(l, ":");
		put_number(l, f->id);
	} else if (f->reverse) {
		initial = (char)(f->element->name[0] & ~0x20);
		put_text(l, "reverse");
		put(l, &initial, 1);
		put_text(l, f->element->name + 1);
	} else {
		put_text(l, f->element->name);
	}
}

static void put_semantic(struct listing *l, uint8_t semantic)
{
	static const char *const SEMANTICS[] = {"noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf", "ordered"};

	if (semantic < sizeof(SEMANTICS) / sizeof(SEMANTICS[0]))
		put_text(l, SEMANTICS[semantic]);
	else if (semantic == 255)
		put_text(l, "undefined");
	else
		put_number(l, semantic);
	put_text(l, " ");
}

static void put_list(struct listing *l, const struct weir_element *element, struct weir_cursor c);

/* The field's value, which is taken from c. */
static void put_value(struct listing *l, const struct weir_field *f, struct weir_cursor *c)
{
	size_t len = f->length;
	struct weir_cursor value;
	struct weir_value_text text;

	if (len == WEIR_LENGTH_VARIABLE) {
		len = weir_cursor_u8(c);
		if (len == 255)
			len = weir_cursor_u16(c);
	}
	value = weir_cursor_sub(c, len);
	if (value.fault) {
		l->fault = true;
	} else if (weir_element_is_list(f->element)) {
		put_list(l, f->element, value);
	} else {
		text = weir_value_text(f->element, value.at, len, l->scratch);
		put(l, text.text, text.len);
	}
}

static void put_basic_list(struct listing *l, struct weir_cursor *c)
{
	uint16_t id = weir_cursor_u16(c);
	struct weir_field f = {.id = id & (ENTERPRISE_BIT - 1), .length = weir_cursor_u16(c)};

	if (id & ENTERPRISE_BIT)
		f.pen = weir_cursor_u32(c);
	f.element = weir_element_find_ipfix(f.pen, f.id, &f.reverse);
	put_name(l, &f);
	put_text(l, "[");
	if (c->fault || !f.length)
		l->fault = true;
	for (bool first = true; !l->fault && weir_cursor_left(c); first = false) {
		put_text(l, first ? "" : ", ");
		put_value(l, &f, c);
	}
	put_text(l, "]");
}

/* Records of one template to the end of c. */
static void put_records(struct listing *l, uint16_t template_id, struct weir_cursor *c)
{
	const struct weir_template *t = weir_templates_find(l->templates, template_id);

	put_number(l, template_id);
	put_text(l, "[");
	if (!t || c->fault)
		l->fault = true;
	for (bool first = true; !l->fault && weir_cursor_left(c); first = false) {
		put_text(l, first ? "{" : ", {");
		for (uint32_t i = 0; i < t->fields && !l->fault; i++) {
			put_text(l, i ? ", " : "");
			put_name(l, &t->field[i]);
			put_text(l, "=");
			put_value(l, &t->field[i], c);
		}
		put_text(l, "}");
	}
	put_text(l, "]");
}

static void put_multi_list(struct listing *l, struct weir_cursor *c)
{
	for (bool first = true; !l->fault && weir_cursor_left(c); first = false) {
		uint16_t template_id = weir_cursor_u16(c);
		uint16_t length = weir_cursor_u16(c);
		/* The length is that of its own header too; without one it is beyond the end. */
		struct weir_cursor records = weir_cursor_sub(c, length >= 4 ? length - 4U : SIZE_MAX);

		put_text(l, first ? "" : ", ");
		put_records(l, template_id, &records);
	}
}

static void put_list(struct listing *l, const struct weir_element *element, struct weir_cursor c)
{
	if (++l->depth > DEPTH_MAX || !weir_cursor_left(&c)) {
		l->fault = true;
		return;
	}
	put_semantic(l, weir_cursor_u8(&c));
	if (element->type == WEIR_ELEMENT_BASIC_LIST)
		put_basic_list(l, &c);
	else if (element->type == WEIR_ELEMENT_SUB_TEMPLATE_LIST)
		put_records(l, weir_cursor_u16(&c), &c);
	else
		put_multi_list(l, &c);
	l->depth--;
}

bool weir_list_text(const struct weir_element *element, const uint8_t *data, size_t len,
		    const struct weir_templates *templates, char *text, char *scratch, size_t *ret_len)
{
	struct listing l = {
		.templates = templates, .at = text, .end = text + WEIR_VALUE_TEXT_MAX, .scratch = scratch};

	put_list(&l, element, weir_cursor(data, len));
	if (!l.fault)
		*ret_len = (size_t)(l.at - text);
	return !l.fault;
}
