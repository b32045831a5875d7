/* Aligned tables. The first rows are held back as text until the widths are known from them; later rows keep these
 * widths, and a wider cell pushes its own line only. */
#include <string.h>

#include "query/output_form.h"
#include "query/printable.h"

#define GAP "  "

static int put_padding(struct weir_output *o, unsigned width)
{
	static const char blanks[] = "                ";
	int rc = 0;

	while (!rc && width) {
		unsigned part = width < sizeof(blanks) - 1 ? width : (unsigned)sizeof(blanks) - 1;

		rc = weir_buffer_append(&o->out, blanks, part);
		width -= part;
	}
	return rc;
}

/* The last column has no blanks behind it. */
static int put_cell(struct weir_output *o, unsigned i, const char *text, size_t len)
{
	unsigned width = weir_printable_width(text, len);
	unsigned padding = o->width[i] > width ? o->width[i] - width : 0;
	bool right = weir_kind_is_right(o->column[i].kind);
	int rc = i ? weir_buffer_text(&o->out, GAP) : 0;

	if (!rc && right)
		rc = put_padding(o, padding);
	if (!rc)
		rc = weir_buffer_append(&o->out, text, len);
	if (!rc && !right && i + 1 < o->count)
		rc = put_padding(o, padding);
	return rc;
}

static int format_cell(struct weir_output *o, unsigned i, const struct weir_cell *cell)
{
	weir_buffer_reset(&o->scratch);
	return weir_cell_human(&o->column[i], cell, &o->scratch);
}

/* A name may be anything where SQL gave it. */
static int format_name(struct weir_output *o, unsigned i)
{
	weir_buffer_reset(&o->scratch);
	return weir_printable_append(o->column[i].name, strlen(o->column[i].name), 0, &o->scratch);
}

static int put_head(struct weir_output *o)
{
	int rc = o->options.colour ? weir_buffer_text(&o->out, "\033[1m") : 0;

	for (unsigned i = 0; !rc && i < o->count; i++) {
		rc = format_name(o, i);
		if (!rc)
			rc = put_cell(o, i, (const char *)o->scratch.data, o->scratch.len);
	}
	return rc ? rc : weir_buffer_text(&o->out, o->options.colour ? "\033[0m\n" : "\n");
}

static int lay_out(struct weir_output *o)
{
	const char *at = (const char *)o->held.data;
	const char *end = o->held.len ? at + o->held.len : at;
	int rc = 0;

	o->laid_out = true;
	for (unsigned i = 0; !rc && i < o->count; i++) {
		unsigned width;

		rc = format_name(o, i);
		if (rc)
			break;
		width = weir_printable_width((const char *)o->scratch.data, o->scratch.len);
		o->width[i] = width > o->width[i] ? width : o->width[i];
	}
	if (!rc && o->count)
		rc = put_head(o);
	while (!rc && at < end) {
		for (unsigned i = 0; !rc && i < o->count; i++) {
			rc = put_cell(o, i, at, strlen(at));
			at += strlen(at) + 1;
		}
		if (!rc)
			rc = weir_buffer_text(&o->out, "\n");
	}
	weir_buffer_reset(&o->held);
	return rc;
}

static int hold(struct weir_output *o, const struct weir_cell *cells)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < o->count; i++) {
		unsigned width;

		rc = format_cell(o, i, &cells[i]);
		if (rc)
			break;
		width = weir_printable_width((const char *)o->scratch.data, o->scratch.len);
		o->width[i] = width > o->width[i] ? width : o->width[i];
		/* The text is printable, so it has no NUL of its own. */
		rc = weir_buffer_append(&o->held, o->scratch.data, o->scratch.len);
		if (!rc)
			rc = weir_buffer_append(&o->held, "", 1);
	}
	return rc;
}

int weir_table_row(struct weir_output *o, const struct weir_cell *cells)
{
	int rc = 0;

	if (o->rows < WEIR_OUTPUT_SAMPLE)
		return hold(o, cells);
	if (!o->laid_out)
		rc = lay_out(o);
	for (unsigned i = 0; !rc && i < o->count; i++) {
		rc = format_cell(o, i, &cells[i]);
		if (!rc)
			rc = put_cell(o, i, (const char *)o->scratch.data, o->scratch.len);
	}
	return rc ? rc : weir_buffer_text(&o->out, "\n");
}

int weir_table_end(struct weir_output *o)
{
	return o->laid_out ? 0 : lay_out(o);
}
