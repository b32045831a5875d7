/* Where exports are sent: "host:port" as a socket address. Pure but for the look-up of names; any thread. */
#ifndef WEIR_EXPORT_ENDPOINT_H
#define WEIR_EXPORT_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"

struct weir_endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
	char host[256]; /* as written, without brackets */
};

/* "host:port", "[v6]:port"; type: SOCK_DGRAM, SOCK_STREAM. Of a name's addresses an IPv4 one is preferred. */
int weir_endpoint_parse(const char *text, int type, struct weir_endpoint *ret_endpoint, struct weir_error *err)
	WEIR_MUST_CHECK;

bool weir_endpoint_is_loopback(const struct weir_endpoint *endpoint);

#endif
