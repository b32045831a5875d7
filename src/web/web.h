/* The web page and its interface (doc/openapi.yaml): an HTTP server (libmicrohttpd) that serves the built page and
 * answers questions, each request in its connection's own thread. It asks the store as the command line does, through
 * src/query and the store's HTTP interface, and knows the rest of weir by the functions that it is given.
 *
 * Start and stop are for one thread. */
#ifndef WEIR_WEB_WEB_H
#define WEIR_WEB_WEB_H

#include "base/log.h"
#include "config/config.h"
#include "store/client.h"
#include "web/users.h"

struct weir_web;

struct weir_web_options {
	const struct weir_config *config; /* borrowed for good, like all that follows */
	const struct weir_log *log;
	const struct weir_clock *clock;
	const char *version;
	const char *users_path;
	const char *audit_path;
	const char *spill_dir; /* for answers that are too long for memory */

	int (*connect)(void *ctx, int timeout_s, struct weir_client **ret_client, struct weir_error *err);
	/* JSON, as `weir status` and `weir status --exporters` write it, and Prometheus text; from any thread. */
	int (*status)(void *ctx, struct weir_buffer *out, struct weir_error *err);
	int (*exporters)(void *ctx, struct weir_buffer *out, struct weir_error *err);
	int (*metrics)(void *ctx, struct weir_buffer *out);
	void *ctx;
};

/* Is the address one of this machine alone: "127.0.0.1:8055", "[::1]:8055", "localhost:8055"? */
bool weir_web_is_loopback(const char *listen);
/* Are there users, or a proxy that names them? err says what to do where there must be some and are none. */
int weir_web_check_access(const struct weir_config *config, const char *users_path, struct weir_error *err) WEIR_MUST_CHECK;

/* Bind web.listen; before privileges go. fds has room for config->web_listen.count. */
int weir_web_listen(const struct weir_config *config, int *ret_fds, struct weir_error *err) WEIR_MUST_CHECK;

/* Everything that must be opened before the sandbox: connections are made, certificates read, the audit log opened. The
 * descriptors are taken over when this succeeds. */
int weir_web_new(const struct weir_web_options *options, const int *fds, struct weir_web **ret_web,
		 struct weir_error *err) WEIR_MUST_CHECK;
/* Begin to answer; the server's threads start here. */
int weir_web_start(struct weir_web *web, struct weir_error *err) WEIR_MUST_CHECK;
/* End running queries and all connections, and free. */
void weir_web_free(struct weir_web *web);

int weir_web_metrics(struct weir_web *web, struct weir_buffer *out) WEIR_MUST_CHECK;
/* Was the page built into this program? */
bool weir_web_has_page(void);

#endif
