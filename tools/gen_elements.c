/* gen_elements OUTPUT FILE...: the files of data/elements to the C table weir_elements (wire/element.h). Runs while
 * weir is built. Each row gets the column that it feeds, by the element names in flow/columns.inc; a name there that no file
 * has is an error, and so is an element that a column's type cannot hold. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/column.h"
#include "wire/element.h"

#define ELEMENTS_MAX 8192
#define NAME_MAX_LEN 96

struct row {
	char name[NAME_MAX_LEN];
	char semantic[NAME_MAX_LEN];
	char unit[NAME_MAX_LEN];
	struct weir_element element;
};

static const char *const TYPE_NAMES[WEIR_ELEMENT_TYPES] = {
#define X(id, name) [WEIR_ELEMENT_##id] = #name,
	WEIR_ELEMENT_TYPE_LIST(X)
#undef X
};

static const char *const TYPE_ENUMS[WEIR_ELEMENT_TYPES] = {
#define X(id, name) [WEIR_ELEMENT_##id] = "WEIR_ELEMENT_" #id,
	WEIR_ELEMENT_TYPE_LIST(X)
#undef X
};

static struct row rows[ELEMENTS_MAX];
static unsigned rows_count;

static int fail(const char *where, unsigned line, const char *what, const char *name)
{
	fprintf(stderr, "gen_elements: %s:%u: %s: %s\n", where, line, what, name);
	return -1;
}

/* The next field of a line, parted by tabs. */
static char *next_field(char **at)
{
	char *field = strsep(at, "\t");

	return field ? field : "";
}

static bool parse_number(const char *text, unsigned long max, unsigned long *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *ret_value <= max;
}

static uint8_t family_of(const char *name)
{
	if (strstr(name, "IPv4"))
		return 4;
	return strstr(name, "IPv6") ? 6 : 0;
}

static int read_row(const char *path, unsigned line, char *text, uint32_t pen)
{
	struct row *r = &rows[rows_count];
	char *at = text;
	char *id_text = next_field(&at);
	char *name = next_field(&at);
	char *type = next_field(&at);
	unsigned long id;
	unsigned i = 0;

	if (rows_count == ELEMENTS_MAX)
		return fail(path, line, "too many elements, raise ELEMENTS_MAX", name);
	if (!parse_number(id_text, UINT16_MAX, &id))
		return fail(path, line, "the id is no number up to 65535", id_text);
	while (i < WEIR_ELEMENT_TYPES && strcmp(TYPE_NAMES[i], type) != 0)
		i++;
	if (i == WEIR_ELEMENT_TYPES)
		return fail(path, line, "unknown data type", type);
	if (!*name || strlen(name) >= NAME_MAX_LEN)
		return fail(path, line, "no name, or too long a one", name);
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	(void)snprintf(r->semantic, sizeof(r->semantic), "%s", next_field(&at));
	(void)snprintf(r->unit, sizeof(r->unit), "%s", next_field(&at));
	r->element = (struct weir_element){.pen = pen,
					   .id = (uint16_t)id,
					   .type = (uint8_t)i,
					   .family = family_of(name),
					   .column = WEIR_COLUMN_NONE,
					   .reverse_column = WEIR_COLUMN_NONE};
	rows_count++;
	return 0;
}

static int read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char text[1024];
	unsigned line = 0;
	unsigned long pen = 0;
	int result = 0;

	if (!f)
		return fail(path, 0, "cannot open", strerror(errno));
	while (!result && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = 0;
		line++;
		if (line == 1) {
			char *at = text;

			if (strcmp(next_field(&at), "# pen") != 0 || !parse_number(next_field(&at), UINT32_MAX, &pen))
				result = fail(path, line, "the first line must be \"# pen<TAB>NUMBER<TAB>VENDOR\"", text);
		} else if (*text && *text != '#') {
			result = read_row(path, line, text, (uint32_t)pen);
		}
	}
	(void)fclose(f);
	return result;
}

static int compare_rows(const void *a, const void *b)
{
	const struct weir_element *x = &((const struct row *)a)->element;
	const struct weir_element *y = &((const struct row *)b)->element;

	if (x->pen != y->pen)
		return x->pen < y->pen ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int check_unique(void)
{
	for (unsigned i = 1; i < rows_count; i++) {
		if (compare_rows(&rows[i - 1], &rows[i]) == 0)
			return fail("data/elements", rows[i].element.id, "the number is taken twice", rows[i].name);
	}
	for (unsigned i = 0; i < rows_count; i++) {
		for (unsigned j = i + 1; j < rows_count; j++) {
			if (strcmp(rows[i].name, rows[j].name) == 0)
				return fail("data/elements", rows[j].element.id, "the name is taken twice", rows[j].name);
		}
	}
	return 0;
}

static bool type_fits(enum weir_type column, enum weir_element_type element)
{
	switch (column) {
	case WEIR_TYPE_U8:
	case WEIR_TYPE_U16:
	case WEIR_TYPE_U32:
	case WEIR_TYPE_U64: /* octetArray: MPLS labels, application identifiers */
		return element <= WEIR_ELEMENT_U64 || element == WEIR_ELEMENT_OCTETS;
	case WEIR_TYPE_TIME: /* unsigned32: since the exporter's start, or before the export */
		return (element >= WEIR_ELEMENT_SECONDS && element <= WEIR_ELEMENT_NANOSECONDS) ||
		       element == WEIR_ELEMENT_U32;
	case WEIR_TYPE_ADDR:
		return element == WEIR_ELEMENT_IPV4 || element == WEIR_ELEMENT_IPV6;
	case WEIR_TYPE_MAC:
		return element == WEIR_ELEMENT_MAC;
	case WEIR_TYPE_STRING:
		return element == WEIR_ELEMENT_STRING;
	default:
		return false;
	}
}

/* "reverseOctetDeltaCount" is octetDeltaCount of the reverse enterprise (RFC 5103 §6.1). */
static bool is_reverse_of(const char *name, const struct row *r)
{
	return r->element.pen == 0 && strncmp(name, "reverse", 7) == 0 && name[7] == (r->name[0] & ~0x20) &&
	       strcmp(name + 8, r->name + 1) == 0;
}

static int resolve_name(unsigned column, const char *name, unsigned priority)
{
	for (unsigned i = 0; i < rows_count; i++) {
		struct weir_element *e = &rows[i].element;
		bool reverse = is_reverse_of(name, &rows[i]);
		uint8_t *at = reverse ? &e->reverse_column : &e->column;

		if (!reverse && strcmp(name, rows[i].name) != 0)
			continue;
		if (!type_fits(weir_columns[column].type, (enum weir_element_type)e->type))
			return fail("flow/columns.inc", 0, "the column's type cannot hold the element", name);
		if (*at != WEIR_COLUMN_NONE)
			return fail("flow/columns.inc", 0, "the element feeds two columns", name);
		*at = (uint8_t)column;
		*(reverse ? &e->reverse_priority : &e->priority) = (uint8_t)priority;
		return 0;
	}
	return fail("flow/columns.inc", 0, "a column names an element that data/elements does not have", name);
}

static int resolve_columns(void)
{
	_Static_assert(WEIR_COLUMNS <= UINT8_MAX, "columns are kept in a byte");
	for (unsigned c = 0; c < WEIR_COLUMNS; c++) {
		char *copy = strdup(weir_columns[c].elements);
		char *at = copy;
		char *name;
		unsigned priority = 0;
		int result = copy ? 0 : -1;

		while (!result && (name = strsep(&at, " ")))
			result = *name ? resolve_name(c, name, priority++) : 0;
		free(copy);
		if (result)
			return result;
	}
	return 0;
}

static int write_table(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return fail(path, 0, "cannot write", strerror(errno));
	fprintf(f, "/* Made by tools/gen_elements.c from data/elements. */\n#include \"wire/element.h\"\n\n"
		   "const struct weir_element weir_elements[] = {\n");
	for (unsigned i = 0; i < rows_count; i++) {
		const struct weir_element *e = &rows[i].element;

		fprintf(f, "\t{\"%s\", \"%s\", \"%s\", %u, %u, %s, %u, %u, %u, %u, %u},\n", rows[i].name, rows[i].semantic,
			rows[i].unit, e->pen, e->id, TYPE_ENUMS[e->type], e->family, e->column, e->priority,
			e->reverse_column, e->reverse_priority);
	}
	fprintf(f, "};\n\nconst unsigned weir_elements_count = %u;\n", rows_count);
	if (fclose(f) != 0)
		return fail(path, 0, "cannot write", strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: gen_elements OUTPUT FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (read_file(argv[i]))
			return 1;
	}
	qsort(rows, rows_count, sizeof(rows[0]), compare_rows);
	return check_unique() || resolve_columns() || write_table(argv[1]) ? 1 : 0;
}
