#include "base/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

void weir_csv_init(struct weir_csv *csv, FILE *file, const char *name, char separator)
{
	csv->file = file;
	csv->name = name;
	csv->line = 0;
	csv->separator = separator;
	csv->fields = 0;
	csv->text[0] = '\0';
}

void weir_csv_where(const struct weir_csv *csv, char *ret_where, size_t size)
{
	if (csv->line)
		(void)snprintf(ret_where, size, "%.200s:%u", csv->name, csv->line);
	else
		(void)snprintf(ret_where, size, "%.200s", csv->name);
}

static int wrong(const struct weir_csv *csv, const char *next, const char *what, struct weir_error *err)
{
	char where[256];

	weir_csv_where(csv, where, sizeof(where));
	return weir_error_set(err, -EINVAL, where, next, "%s", what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The one that the line has most of. */
static char guess_separator(const char *text)
{
	static const char candidates[] = {',', ';', '\t'};
	char best = ',';
	size_t most = 0;

	for (size_t i = 0; i < sizeof(candidates); i++) {
		size_t n = 0;

		for (const char *at = text; (at = strchr(at, candidates[i])); at++)
			n++;
		if (n > most) {
			most = n;
			best = candidates[i];
		}
	}
	return best;
}

/* The field between quotes at *at_ptr, taken out of them in place; *at_ptr is behind the closing one. NULL: it has none. */
static const char *take_quoted(char **at_ptr)
{
	char *start = *at_ptr + 1;
	char *to = start;
	char *at = start;

	while (*at) {
		if (*at == '"' && at[1] != '"') {
			*at_ptr = at + 1;
			*to = '\0';
			return start;
		}
		at += *at == '"';
		*to++ = *at++;
	}
	return NULL;
}

static void end_field(char *start, char *end)
{
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
}

/* The line in csv->text as fields; its end is cut off. */
static int split(struct weir_csv *csv, struct weir_error *err)
{
	char *at = csv->text;

	csv->fields = 0;
	for (;;) {
		char *start;

		while (is_blank(*at) && *at != csv->separator)
			at++;
		if (csv->fields == WEIR_CSV_FIELDS_MAX)
			return wrong(csv, NULL, "the line has more than 64 fields", err);
		if (*at == '"') {
			csv->field[csv->fields++] = take_quoted(&at);
			if (!csv->field[csv->fields - 1])
				return wrong(csv, "close it, or double a quote that belongs to the text", "a quote is not closed", err);
			while (is_blank(*at) && *at != csv->separator)
				at++;
			if (*at && *at != csv->separator)
				return wrong(csv, "put the whole field in quotes", "a field goes on behind its quotes", err);
			if (!*at)
				return 1;
			at++;
			continue;
		}
		start = at;
		while (*at && *at != csv->separator)
			at++;
		csv->field[csv->fields++] = start;
		if (!*at) {
			end_field(start, at);
			return 1;
		}
		end_field(start, at++);
	}
}

static int take_line(struct weir_csv *csv, char *text, struct weir_error *err)
{
	const char *at = text;

	while (is_blank(*at))
		at++;
	if (!*at || *at == '#')
		return 0;
	if (!csv->separator)
		csv->separator = guess_separator(text);
	return split(csv, err);
}

int weir_csv_line(struct weir_csv *csv, const char *text, struct weir_error *err)
{
	size_t len = strlen(text);

	if (len > WEIR_CSV_LINE_MAX)
		return wrong(csv, NULL, "the line is longer than 8191 bytes", err);
	memcpy(csv->text, text, len + 1);
	return take_line(csv, csv->text, err);
}

/* Bytes at the beginning that say that this is UTF-8. */
static void drop_mark(char *text)
{
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		memmove(text, text + 3, strlen(text + 3) + 1);
}

int weir_csv_next(struct weir_csv *csv, struct weir_error *err)
{
	int rc = 0;

	while (!rc) {
		size_t len;

		errno = 0;
		if (!fgets(csv->text, sizeof(csv->text), csv->file)) {
			csv->fields = 0;
			if (ferror(csv->file))
				return weir_error_set(err, errno ? -errno : -EIO, csv->name, NULL, "the file cannot be read: %s",
						      strerror(errno ? errno : EIO));
			return 0;
		}
		csv->line++;
		len = strlen(csv->text);
		if (!len || (csv->text[len - 1] != '\n' && !feof(csv->file)))
			return wrong(csv, "is this the right file?",
				     len > WEIR_CSV_LINE_MAX ? "the line is longer than 8191 bytes" : "the line has a zero byte in it", err);
		if (csv->line == 1)
			drop_mark(csv->text);
		rc = take_line(csv, csv->text, err);
	}
	return rc;
}

void weir_csv_columns(const struct weir_csv *csv, const char *const *names, unsigned count, int *ret_column)
{
	for (unsigned n = 0; n < count; n++) {
		ret_column[n] = -1;
		for (unsigned i = 0; i < csv->fields && ret_column[n] < 0; i++) {
			if (strcasecmp(csv->field[i], names[n]) == 0)
				ret_column[n] = (int)i;
		}
	}
}
