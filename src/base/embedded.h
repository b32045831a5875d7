/* Text files of the project that are compiled in (cmake/embed_folder.cmake), so that the program is one file. */
#ifndef WEIR_BASE_EMBEDDED_H
#define WEIR_BASE_EMBEDDED_H

#include <stddef.h>
#include <string.h>

struct weir_embedded_text {
	const char *name; /* without the suffix; NULL ends a table */
	const char *text;
};

/* The text of that name; NULL: there is none. */
static inline const char *weir_embedded_find(const struct weir_embedded_text *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->text;
}

#endif
