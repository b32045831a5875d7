#include "web/parameters.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_web_parameters_init(struct weir_web_parameters *p)
{
	*p = (struct weir_web_parameters){0};
	weir_buffer_init(&p->heap);
}

void weir_web_parameters_done(struct weir_web_parameters *p)
{
	weir_buffer_done(&p->heap);
}

static const char *at(const struct weir_web_parameters *p, size_t offset)
{
	return (const char *)p->heap.data + offset;
}

/* Every control character is refused here, once for all that follows: in SQL, logs and headers none has business. */
static bool is_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return false;
	}
	return true;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = s[i];
		size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;

		if (more == 9 || i + more >= len)
			return false;
		for (size_t k = 1; k <= more; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		}
		if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) || (c == 0xf0 && s[i + 1] < 0x90) ||
		    (c == 0xf4 && s[i + 1] > 0x8f))
			return false;
		i += more + 1;
	}
	return true;
}

static int put(struct weir_web_parameters *p, const char *text, size_t len, size_t *ret_offset)
{
	int rc;

	*ret_offset = p->heap.len;
	rc = weir_buffer_append(&p->heap, text, len);
	return rc ? rc : weir_buffer_append(&p->heap, "", 1);
}

int weir_web_parameters_add(struct weir_web_parameters *p, const char *name, size_t name_len, const char *value,
			    size_t value_len, struct weir_error *err)
{
	size_t before = p->heap.len;
	int rc;

	if (!name_len || name_len > 64 || !is_clean(name, name_len) || !is_utf8((const unsigned char *)name, name_len))
		return weir_error_set(err, -EINVAL, NULL, NULL, "a parameter's name is empty, too long or not text");
	if (p->count == WEIR_WEB_PARAMETERS_MAX)
		return weir_error_set(err, -E2BIG, NULL, NULL, "there are more than %d parameters", WEIR_WEB_PARAMETERS_MAX);
	rc = put(p, name, name_len, &p->item[p->count].name);
	if (!rc && (memchr(value, 0, value_len) || !is_clean(value, value_len) || !is_utf8((const unsigned char *)value, value_len))) {
		char shown[80];

		(void)snprintf(shown, sizeof(shown), "%.64s", at(p, p->item[p->count].name));
		p->heap.len = before;
		return weir_error_set(err, -EINVAL, shown, NULL, "the value has control characters, or is not UTF-8");
	}
	if (!rc)
		rc = put(p, value, value_len, &p->item[p->count].value);
	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	p->count++;
	return 0;
}

/* --- from the URL ----------------------------------------------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int weir_web_decode(const char *text, size_t len, bool plus, struct weir_buffer *out)
{
	size_t before = out->len;
	int rc = weir_buffer_reserve(out, len + 1);

	for (size_t i = 0; !rc && i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = len - i > 2 ? hex(text[i + 1]) : -1;
			int low = len - i > 2 ? hex(text[i + 2]) : -1;

			if (high < 0 || low < 0 || high * 16 + low == 0) {
				rc = -EINVAL;
				break;
			}
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		} else if (!c) {
			rc = -EINVAL;
			break;
		}
		out->data[out->len++] = (uint8_t)c;
	}
	if (rc)
		out->len = before;
	return rc;
}

int weir_web_parameters_url(struct weir_web_parameters *p, const char *query, struct weir_error *err)
{
	struct weir_buffer name, value;
	int rc = 0;

	weir_buffer_init(&name);
	weir_buffer_init(&value);
	while (!rc && *query) {
		size_t len = strcspn(query, "&");
		size_t name_len = strcspn(query, "=&");
		const char *v = query + name_len + (name_len < len);

		weir_buffer_reset(&name);
		weir_buffer_reset(&value);
		if (len) {
			rc = weir_web_decode(query, name_len, true, &name);
			if (!rc)
				rc = weir_web_decode(v, (size_t)(query + len - v), true, &value);
			if (rc)
				rc = weir_error_set(err, rc, NULL, NULL, "the URL's query string is not percent-encoded as it should be");
			else
				rc = weir_web_parameters_add(p, (const char *)name.data, name.len, value.len ? (const char *)value.data : "",
							     value.len, err);
		}
		query += len + (query[len] == '&');
	}
	weir_buffer_done(&name);
	weir_buffer_done(&value);
	return rc;
}

/* --- from JSON -------------------------------------------------------------------------------------------- */

static int join_array(const json_t *array, struct weir_buffer *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_string(item))
			return -EINVAL;
		if (i)
			rc = weir_buffer_text(out, ",");
		if (!rc)
			rc = weir_buffer_append(out, json_string_value(item), json_string_length(item));
	}
	return rc;
}

static int value_text(const json_t *value, struct weir_buffer *out)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return weir_buffer_append(out, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		return weir_buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_TRUE:
		return weir_buffer_text(out, "true");
	case JSON_FALSE:
		return weir_buffer_text(out, "false");
	case JSON_ARRAY:
		return join_array(value, out);
	default:
		return -EINVAL;
	}
}

int weir_web_parameters_json(struct weir_web_parameters *p, const void *body, size_t len, struct weir_error *err)
{
	json_error_t where;
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &where);
	struct weir_buffer text;
	const char *key;
	json_t *value;
	int rc = 0;

	if (!json_is_object(root)) {
		json_decref(root);
		return weir_error_set(err, -EINVAL, "body", "send an object with the parameters, {\"filter\": \"…\"}", "%s",
				      root ? "the body is no JSON object" : "the body is not JSON");
	}
	weir_buffer_init(&text);
	json_object_foreach(root, key, value) {
		weir_buffer_reset(&text);
		rc = value_text(value, &text);
		if (rc == -EINVAL)
			rc = weir_error_set(err, rc, key, NULL, "a text, a whole number, true, false or an array of texts belongs here");
		else if (!rc)
			rc = weir_web_parameters_add(p, key, strlen(key), text.len ? (const char *)text.data : "", text.len, err);
		if (rc)
			break;
	}
	weir_buffer_done(&text);
	json_decref(root);
	return rc;
}

/* --- the table -------------------------------------------------------------------------------------------- */

static bool parse_number(const char *text, uint64_t *ret_value)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 19)
		return false;
	*ret_value = strtoull(text, &end, 10);
	return !*end;
}

static bool is_word_of(const char *words, const char *text)
{
	size_t len = strlen(text);

	while (*words) {
		size_t n = strcspn(words, "|");

		if (n == len && memcmp(words, text, n) == 0)
			return true;
		words += n + (words[n] == '|');
	}
	return false;
}

static bool is_id(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return !text[len] && len >= 8 && len <= 64;
}

static int check_value(const struct weir_web_parameter *row, const char *value, struct weir_error *err)
{
	size_t len = strlen(value);
	uint64_t number;

	switch (row->type) {
	case WEIR_WEB_TEXT:
		if (len > row->max)
			return weir_error_set(err, -EINVAL, row->name, NULL, "this is longer than %" PRIu64 " bytes", row->max);
		if (len < row->min)
			return weir_error_set(err, -EINVAL, row->name, NULL, "this must not be empty");
		return 0;
	case WEIR_WEB_NUMBER:
		if (parse_number(value, &number) && number >= row->min && number <= row->max)
			return 0;
		return weir_error_set(err, -EINVAL, row->name, NULL, "a whole number from %" PRIu64 " to %" PRIu64 " belongs here",
				      row->min, row->max);
	case WEIR_WEB_BOOL:
		if (is_word_of("true|false", value))
			return 0;
		return weir_error_set(err, -EINVAL, row->name, NULL, "true or false belongs here");
	case WEIR_WEB_CHOICE:
		if (is_word_of(row->words, value))
			return 0;
		return weir_error_set(err, -EINVAL, row->name, NULL, "one of these belongs here: %s", row->words);
	case WEIR_WEB_ID:
		if (is_id(value))
			return 0;
		return weir_error_set(err, -EINVAL, row->name, NULL, "8 to 64 letters, digits, _ and - belong here");
	}
	return -EINVAL;
}

static const struct weir_web_parameter *row_of(const struct weir_web_parameter *table, const char *name)
{
	for (; table && table->name; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static bool is_given(const struct weir_web_parameters *p, const char *name, unsigned below, const char **ret_value)
{
	for (unsigned i = 0; i < below; i++) {
		if (strcmp(at(p, p->item[i].name), name) == 0) {
			*ret_value = at(p, p->item[i].value);
			return true;
		}
	}
	return false;
}

int weir_web_parameters_check(struct weir_web_parameters *p, const struct weir_web_parameter *table, struct weir_error *err)
{
	const char *ignored;
	int rc = 0;

	p->table = table;
	for (unsigned i = 0; !rc && i < p->count; i++) {
		const char *name = at(p, p->item[i].name);
		const struct weir_web_parameter *row = row_of(table, name);

		if (!row)
			return weir_error_set(err, -EINVAL, name, "doc/openapi.yaml has those that there are", "there is no such parameter here");
		if (is_given(p, name, i, &ignored))
			return weir_error_set(err, -EINVAL, name, NULL, "this parameter stands twice");
		rc = check_value(row, at(p, p->item[i].value), err);
	}
	for (const struct weir_web_parameter *row = table; !rc && row && row->name; row++) {
		if (row->required && !is_given(p, row->name, p->count, &ignored))
			return weir_error_set(err, -EINVAL, row->name, NULL, "this parameter is needed");
	}
	return rc;
}

const char *weir_web_text(const struct weir_web_parameters *p, const char *name)
{
	const struct weir_web_parameter *row;
	const char *value = NULL;

	if (is_given(p, name, p->count, &value))
		return value;
	row = row_of(p->table, name);
	return row ? row->standard : NULL;
}

uint64_t weir_web_number(const struct weir_web_parameters *p, const char *name)
{
	const char *text = weir_web_text(p, name);
	uint64_t value = 0;

	return text && parse_number(text, &value) ? value : 0;
}

bool weir_web_bool(const struct weir_web_parameters *p, const char *name)
{
	const char *text = weir_web_text(p, name);

	return text && strcmp(text, "true") == 0;
}

bool weir_web_given(const struct weir_web_parameters *p, const char *name)
{
	const char *ignored;

	return is_given(p, name, p->count, &ignored);
}
