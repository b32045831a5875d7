#include "query/tsv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int weir_tsv_init(struct weir_tsv *tsv, const struct weir_tsv_sink *sink)
{
	*tsv = (struct weir_tsv){.sink = *sink};
	weir_buffer_init(&tsv->line);
	weir_buffer_init(&tsv->names);
	tsv->cell = calloc(WEIR_TSV_CELLS_MAX, sizeof(*tsv->cell));
	tsv->name = calloc(WEIR_TSV_CELLS_MAX, sizeof(*tsv->name));
	if (tsv->cell && tsv->name)
		return 0;
	weir_tsv_done(tsv);
	return -ENOMEM;
}

void weir_tsv_done(struct weir_tsv *tsv)
{
	weir_buffer_done(&tsv->line);
	weir_buffer_done(&tsv->names);
	free(tsv->cell);
	free(tsv->name);
	*tsv = (struct weir_tsv){0};
}

static char unescaped(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '0':
		return '\0';
	default:
		return c; /* \\ and \' */
	}
}

/* Undo the escapes in place: the text only gets shorter. */
static struct weir_cell read_cell(char *text, size_t len)
{
	char *to = text;

	if (len == 2 && memcmp(text, "\\N", 2) == 0)
		return (struct weir_cell){.text = text, .len = 0, .null = true};
	for (const char *from = text; from < text + len; from++) {
		if (*from == '\\' && from + 1 < text + len)
			*to++ = unescaped(*++from);
		else
			*to++ = *from;
	}
	return (struct weir_cell){.text = text, .len = (size_t)(to - text)};
}

static int split(char *line, size_t len, struct weir_cell *cells, unsigned *ret_count)
{
	char *end = line + len;
	unsigned count = 0;

	for (;;) {
		char *tab = memchr(line, '\t', (size_t)(end - line));
		char *stop = tab ? tab : end;

		if (count == WEIR_TSV_CELLS_MAX)
			return -EPROTO;
		cells[count++] = read_cell(line, (size_t)(stop - line));
		if (!tab)
			break;
		line = tab + 1;
	}
	*ret_count = count;
	return 0;
}

static int take_header(struct weir_tsv *tsv, char *line, size_t len)
{
	unsigned count;
	int rc;

	if (tsv->lines++ == 0)
		return weir_buffer_append(&tsv->names, line, len);
	rc = split((char *)tsv->names.data, tsv->names.len, tsv->name, &tsv->columns);
	if (!rc)
		rc = split(line, len, tsv->cell, &count);
	if (!rc && count != tsv->columns)
		rc = -EPROTO;
	return rc ? rc : tsv->sink.header(tsv->sink.ctx, tsv->name, tsv->cell, count);
}

static int take_line(struct weir_tsv *tsv, char *line, size_t len)
{
	unsigned count;
	int rc;

	if (tsv->lines == 0 && (tsv->totals || len == 0)) {
		/* Totals before the names: the empty line, then theirs. */
		tsv->totals = !tsv->totals;
		return 0;
	}
	if (tsv->lines < 2)
		return take_header(tsv, line, len);
	/* A row of one empty text is an empty line, too; totals come only where there is a number. */
	if (len == 0 && tsv->columns > 1) {
		tsv->totals = true;
		return 0;
	}
	rc = split(line, len, tsv->cell, &count);
	if (!rc && count != tsv->columns)
		rc = -EPROTO;
	return rc ? rc : tsv->sink.row(tsv->sink.ctx, tsv->cell, count, tsv->totals);
}

int weir_tsv_feed(void *ctx, const void *data, size_t len)
{
	struct weir_tsv *tsv = ctx;
	const char *at = data;
	int rc = 0;

	while (!rc && len) {
		const char *newline = memchr(at, '\n', len);
		size_t part = newline ? (size_t)(newline - at) : len;

		if (tsv->line.len + part > WEIR_TSV_LINE_MAX)
			return -EFBIG;
		/* Every line goes through the buffer: its escapes are undone in place. */
		rc = weir_buffer_append(&tsv->line, at, part);
		if (!rc)
			rc = weir_buffer_reserve(&tsv->line, 1);
		if (!rc && newline) {
			rc = take_line(tsv, (char *)tsv->line.data, tsv->line.len);
			weir_buffer_reset(&tsv->line);
			part++;
		}
		at += part;
		len -= part;
	}
	return rc;
}

int weir_tsv_end(struct weir_tsv *tsv)
{
	return tsv->line.len || tsv->lines == 1 ? -EPROTO : 0;
}
