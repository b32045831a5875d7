/* The forms of the output. CSV and JSON write each row as it comes; the table is in table.c. Everything is gathered
 * in one buffer and handed on in large pieces. */
#include "query/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/text.h"
#include "query/output_form.h"
#include "query/printable.h"

#define FLUSH_BYTES (64UL * 1024)

static int begin_csv(struct weir_output *o);
static int row_csv(struct weir_output *o, const struct weir_cell *cells);
static int begin_json(struct weir_output *o);
static int row_json(struct weir_output *o, const struct weir_cell *cells);
static int end_json(struct weir_output *o);
static int row_ndjson(struct weir_output *o, const struct weir_cell *cells);

static const struct {
	const char *name;
	int (*begin)(struct weir_output *o);
	int (*row)(struct weir_output *o, const struct weir_cell *cells);
	int (*end)(struct weir_output *o);
} FORMS[WEIR_FORMATS] = {
	[WEIR_FORMAT_TABLE] = {"table", NULL, weir_table_row, weir_table_end},
	[WEIR_FORMAT_CSV] = {"csv", begin_csv, row_csv, NULL},
	[WEIR_FORMAT_JSON] = {"json", begin_json, row_json, end_json},
	[WEIR_FORMAT_NDJSON] = {"ndjson", NULL, row_ndjson, NULL},
};

int weir_format_find(const char *name)
{
	for (int i = 0; i < WEIR_FORMATS; i++) {
		if (strcmp(FORMS[i].name, name) == 0)
			return i;
	}
	return -1;
}

int weir_output_flush(struct weir_output *o)
{
	int rc = o->out.len ? o->options.put(o->options.ctx, o->out.data, o->out.len) : 0;

	weir_buffer_reset(&o->out);
	return rc;
}

int weir_output_new(const struct weir_output_options *options, const struct weir_output_column *columns,
		    unsigned count, struct weir_output **ret_output)
{
	struct weir_output *o = calloc(1, sizeof(*o));
	int rc = -ENOMEM;

	if (!o)
		return -ENOMEM;
	o->options = *options;
	o->count = count;
	o->column = calloc(count ? count : 1, sizeof(*o->column));
	o->width = calloc(count ? count : 1, sizeof(*o->width));
	if (!o->column || !o->width)
		goto fail;
	memcpy(o->column, columns, count * sizeof(*columns));
	rc = FORMS[options->format].begin ? FORMS[options->format].begin(o) : 0;
	if (rc)
		goto fail;
	*ret_output = o;
	return 0;
fail:
	weir_output_free(o);
	return rc;
}

void weir_output_free(struct weir_output *o)
{
	if (!o)
		return;
	weir_buffer_done(&o->out);
	weir_buffer_done(&o->scratch);
	weir_buffer_done(&o->held);
	free(o->column);
	free(o->width);
	free(o);
}

int weir_output_row(struct weir_output *o, const struct weir_cell *cells)
{
	int rc = FORMS[o->options.format].row(o, cells);

	o->rows++;
	if (!rc && o->out.len >= FLUSH_BYTES)
		rc = weir_output_flush(o);
	return rc;
}

int weir_output_end(struct weir_output *o)
{
	int rc = FORMS[o->options.format].end ? FORMS[o->options.format].end(o) : 0;

	return rc ? rc : weir_output_flush(o);
}

/* RFC 4180 §2: a field with a comma, a quote or a line end is quoted, and its quotes are doubled. */
static int put_csv(struct weir_output *o, const char *text, size_t len)
{
	bool quoted = false;
	int rc = 0;

	for (size_t i = 0; i < len; i++)
		quoted = quoted || strchr(",\"\r\n", text[i]) || !text[i];
	if (len && (text[0] == ' ' || text[len - 1] == ' '))
		quoted = true;
	if (!quoted)
		return o->options.terminal ? weir_printable_append(text, len, 0, &o->out)
					   : weir_buffer_append(&o->out, text, len);
	rc = weir_buffer_text(&o->out, "\"");
	while (!rc && len) {
		const char *quote = memchr(text, '"', len);
		size_t part = quote ? (size_t)(quote - text) + 1 : len;

		rc = o->options.terminal ? weir_printable_append(text, part, 0, &o->out)
					 : weir_buffer_append(&o->out, text, part);
		if (!rc && quote)
			rc = weir_buffer_text(&o->out, "\"");
		text += part;
		len -= part;
	}
	return rc ? rc : weir_buffer_text(&o->out, "\"");
}

static int begin_csv(struct weir_output *o)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < o->count; i++) {
		if (i)
			rc = weir_buffer_text(&o->out, ",");
		if (!rc)
			rc = put_csv(o, o->column[i].name, strlen(o->column[i].name));
	}
	return rc || !o->count ? rc : weir_buffer_text(&o->out, "\n");
}

static int row_csv(struct weir_output *o, const struct weir_cell *cells)
{
	bool literal;
	int rc = 0;

	for (unsigned i = 0; !rc && i < o->count; i++) {
		weir_buffer_reset(&o->scratch);
		rc = weir_cell_exact(&o->column[i], &cells[i], &o->scratch, &literal);
		if (!rc && i)
			rc = weir_buffer_text(&o->out, ",");
		if (!rc)
			rc = put_csv(o, (const char *)o->scratch.data, o->scratch.len);
	}
	return rc ? rc : weir_buffer_text(&o->out, "\n");
}

/* On a terminal, what would disturb it and JSON allows raw is replaced: DEL and the marks of direction. */
static int put_json_string(struct weir_output *o, const char *text, size_t len)
{
	size_t begin = o->out.len;
	size_t at = begin;
	struct weir_buffer string;
	int rc = weir_text_json_string(text, len, &o->out);

	if (rc || !o->options.terminal)
		return rc;
	weir_buffer_init(&string);
	rc = weir_buffer_append(&string, o->out.data + begin, o->out.len - begin);
	o->out.len = begin;
	for (at = 0; !rc && at < string.len;) {
		size_t from = at;

		rc = weir_printable_next((const char *)string.data, string.len, &at)
			     ? weir_buffer_append(&o->out, string.data + from, at - from)
			     : weir_buffer_text(&o->out, "\xef\xbf\xbd"); /* U+FFFD */
	}
	weir_buffer_done(&string);
	return rc;
}

/* JSON has no nan and no inf (RFC 8259 §6). */
static bool is_no_number(const struct weir_output_column *column, const struct weir_buffer *text)
{
	static const char *const names[] = {"nan", "-nan", "inf", "-inf"};

	for (size_t i = 0; weir_kind_is_right(column->kind) && i < sizeof(names) / sizeof(names[0]); i++) {
		if (text->len == strlen(names[i]) && memcmp(text->data, names[i], text->len) == 0)
			return true;
	}
	return false;
}

static int put_object(struct weir_output *o, const struct weir_cell *cells)
{
	bool literal;
	int rc = weir_buffer_text(&o->out, "{");

	for (unsigned i = 0; !rc && i < o->count; i++) {
		if (i)
			rc = weir_buffer_text(&o->out, ",");
		if (!rc)
			rc = put_json_string(o, o->column[i].name, strlen(o->column[i].name));
		if (!rc)
			rc = weir_buffer_text(&o->out, ":");
		weir_buffer_reset(&o->scratch);
		if (!rc)
			rc = weir_cell_exact(&o->column[i], &cells[i], &o->scratch, &literal);
		if (rc)
			break;
		if (cells[i].null || is_no_number(&o->column[i], &o->scratch))
			rc = weir_buffer_text(&o->out, "null");
		else if (literal)
			rc = weir_buffer_append(&o->out, o->scratch.data, o->scratch.len);
		else
			rc = put_json_string(o, (const char *)o->scratch.data, o->scratch.len);
	}
	return rc ? rc : weir_buffer_text(&o->out, "}");
}

static int begin_json(struct weir_output *o)
{
	return weir_buffer_text(&o->out, "[");
}

static int row_json(struct weir_output *o, const struct weir_cell *cells)
{
	int rc = weir_buffer_text(&o->out, o->rows ? ",\n " : "\n ");

	return rc ? rc : put_object(o, cells);
}

static int end_json(struct weir_output *o)
{
	return weir_buffer_text(&o->out, o->rows ? "\n]\n" : "]\n");
}

static int row_ndjson(struct weir_output *o, const struct weir_cell *cells)
{
	int rc = put_object(o, cells);

	return rc ? rc : weir_buffer_text(&o->out, "\n");
}
