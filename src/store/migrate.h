/* Brings a store's tables to what this program needs: the database, the numbered migrations of sql/schema (each
 * once, recorded in the table schema_migrations), columns that are new in the column table, and the retention.
 *
 * Every statement can be run again and changes nothing then, so a migration that was cut off is simply continued,
 * and two processes may migrate at the same time. Blocks; the client belongs to the caller's thread. */
#ifndef WEIR_STORE_MIGRATE_H
#define WEIR_STORE_MIGRATE_H

#include <stdint.h>

#include "base/error.h"
#include "store/client.h"

struct weir_migrate_options {
	uint64_t flows_retention_s;  /* of the table flows; 0: for ever */
	uint64_t rollup_retention_s; /* of the rollups; 0: for ever */
};

struct weir_migrate_result {
	unsigned migrations; /* applied now */
	unsigned columns;    /* added now */
	unsigned retentions; /* changed now */
	unsigned newest;     /* the newest migration in the store; it may be of a newer program */
};

/* ret_result may be NULL. */
int weir_migrate(struct weir_client *client, const struct weir_migrate_options *options,
		 struct weir_migrate_result *ret_result, struct weir_error *err) WEIR_MUST_CHECK;

/* The next statement of a migration: *at points into the text and moves behind it. Returns its length without
 * the semicolon and sets *ret_start, or 0 when none is left. Statements of blanks and comments only are left out. */
size_t weir_migrate_statement(const char **at, const char **ret_start);

#endif
