/* Rows of an answer of which only the store knows the columns, in the form that the person wants: for `weir sql` and the reports of
 * sql/reports. */
#ifndef WEIR_CLI_ROWS_H
#define WEIR_CLI_ROWS_H

#include "query/output.h"
#include "store/client.h"

/* Ask, and write what comes to standard output. settings (parameters, "param_x") ends with a NULL name, or is NULL. ret_rows may be NULL.
 * A failure is the client's or the output's; nothing is printed of it. */
int weir_rows_ask(struct weir_client *client, const char *sql, const struct weir_client_setting *settings, enum weir_format format,
		  bool write, uint64_t *ret_rows, struct weir_error *err) WEIR_MUST_CHECK;

#endif
