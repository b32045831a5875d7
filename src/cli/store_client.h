/* The way of a command to the store: a client of the one that the configuration names. */
#ifndef WEIR_CLI_STORE_CLIENT_H
#define WEIR_CLI_STORE_CLIENT_H

#include "config/config.h"
#include "store/client.h"

/* The embedded store at store.listen or the server at store.url, with the user, the password of store.password_file and
 * the database. Nothing is sent yet. timeout_s: of one query. */
int weir_store_client_new(const struct weir_config *config, int timeout_s, struct weir_client **ret_client,
			  struct weir_error *err) WEIR_MUST_CHECK;

#endif
