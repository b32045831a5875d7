/* The migrations of sql/schema, compiled in (cmake/embed_sql.cmake), in the order in which they are applied. */
#ifndef WEIR_STORE_MIGRATIONS_H
#define WEIR_STORE_MIGRATIONS_H

#include <stddef.h>

struct weir_migration {
	unsigned number;  /* 0 ends the table */
	const char *name;
	const char *sql; /* statements, each ended by a semicolon at the end of a line */
};

extern const struct weir_migration weir_migrations[];

#endif
