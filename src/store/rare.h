/* Rare columns become columns of the table flows: see flow/ddl.h. Blocks; the client belongs to the caller's thread. */
#ifndef WEIR_STORE_RARE_H
#define WEIR_STORE_RARE_H

#include <stdbool.h>

#include "store/client.h"

/* Make those rare columns that stand by name in the text, a store's complaint that it has no such column, and are aliases
 * still. *ret_made: how many were made. Nothing that is stored changes; can be interrupted and repeated at any moment, and
 * two processes may do it at the same time: the one that comes second may fail, with -EREMOTEIO, and finds them made then. */
int weir_rare_make(struct weir_client *client, const char *text, unsigned *ret_made, struct weir_error *err) WEIR_MUST_CHECK;

/* Whether a name of letters, digits and _ stands in the text as a word. */
bool weir_rare_names(const char *text, const char *name);

#endif
