/* What `weir sql` must know of a statement: whether it names a format of its own. */
#ifndef WEIR_QUERY_STATEMENT_H
#define WEIR_QUERY_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a FORMAT clause behind the statement, outside of quotes, comments and parentheses? */
bool weir_sql_names_format(const char *sql, size_t len);

/* The statement's first word or sign: behind blanks and comments. */
const char *weir_sql_first_word(const char *sql);

#endif
