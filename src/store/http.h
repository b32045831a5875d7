/* The store's HTTP interface (libmicrohttpd), as ClickHouse's clients expect it. It has threads of its own, one a
 * connection. Start and stop are for one thread. */
#ifndef WEIR_STORE_HTTP_H
#define WEIR_STORE_HTTP_H

#include "base/log.h"
#include "store/host.h"

struct weir_http;

struct weir_http_options {
	struct weir_host *host;	     /* borrowed for good */
	const struct weir_log *log;  /* borrowed for good */
	int listen_fd;		     /* taken over when this succeeds */
	const char *listen_host;     /* for weir_request_policy; borrowed for good */
};

/* Bind "HOST:PORT", "[v6]:PORT", "*:PORT". *ret_fd listens. ret_port may be NULL. */
int weir_http_listen(const char *address, int *ret_fd, unsigned *ret_port, struct weir_error *err) WEIR_MUST_CHECK;

int weir_http_start(const struct weir_http_options *options, struct weir_http **ret_http,
		    struct weir_error *err) WEIR_MUST_CHECK;
/* Accept no more, give running reads up, wait for inserts for so long, then give up everything. */
void weir_http_stop(struct weir_http *http, unsigned patience_ms);

#endif
