/* A client of ClickHouse's HTTP interface (libcurl): the one way in which weir talks to a store, be it the
 * embedded one, a server or a cluster. One client belongs to one thread; calls block. */
#ifndef WEIR_STORE_CLIENT_H
#define WEIR_STORE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct weir_client;

struct weir_client_options {
	const char *url;	   /* "http://127.0.0.1:8123"; borrowed for the call */
	const char *database;	   /* "weir" */
	const char *user;	   /* NULL or "": none */
	const char *password;	   /* sent in the X-ClickHouse-Key header, never in the URL */
	int timeout_s;		   /* of one query */
};

/* A ClickHouse setting or query parameter for one call ("param_x" for {x:Type}); "database" takes the place of the
 * client's, "" names none. */
struct weir_client_setting {
	const char *name;
	const char *value;
};

int weir_client_new(const struct weir_client_options *options, struct weir_client **ret_client,
		    struct weir_error *err) WEIR_MUST_CHECK;
void weir_client_free(struct weir_client *client);

/* The client's own copy. */
const char *weir_client_database(const struct weir_client *client);

/* Ask stop(ctx) about once a second while a call waits: when it returns non-zero the call ends with -ECANCELED.
 * ctx is borrowed. NULL: never. */
void weir_client_set_stop(struct weir_client *client, int (*stop)(void *ctx), void *ctx);

/* Failures: -EREMOTEIO the store's own exception; -ECONNREFUSED and -EHOSTUNREACH no store there; -ETIMEDOUT;
 * -ECONNRESET the connection or the answer broke off; -EPROTO something else answers; -ECANCELED by stop(). */

/* The ClickHouse error code of the last call that failed (X-ClickHouse-Exception-Code), 0 where the failure was
 * on the way: unreachable, timed out. */
int weir_client_exception_code(const struct weir_client *client);

/* Ask or tell; the answer is appended to out (NULL: thrown away). settings ends with a NULL name, or is NULL.
 * readonly: the store refuses whatever would change something. */
int weir_client_query(struct weir_client *client, const char *sql, const struct weir_client_setting *settings,
		      int readonly, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;
/* As weir_client_query(), handing the answer on as it arrives; a negative return of take() ends it. */
int weir_client_stream(struct weir_client *client, const char *sql, const struct weir_client_setting *settings,
		       int readonly, int (*take)(void *ctx, const void *data, size_t len), void *ctx,
		       struct weir_error *err) WEIR_MUST_CHECK;
/* Run an INSERT … FORMAT … whose data is the file at path, sent as it is; encoding is "lz4", "zstd" or NULL. */
int weir_client_insert_file(struct weir_client *client, const char *sql,
			    const struct weir_client_setting *settings, const char *path, const char *encoding,
			    struct weir_error *err) WEIR_MUST_CHECK;

#endif
