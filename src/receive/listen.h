/* Addresses to listen on, as a person writes them: "host:port", "[v6]:port", "*:port" or ":port"; and the way from
 * kernel addresses to ours. Private to receive. */
#ifndef WEIR_RECEIVE_LISTEN_H
#define WEIR_RECEIVE_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "flow/addr.h"

#define WEIR_LISTEN_TEXT_MAX 64

struct weir_listen {
	const char *option; /* for errors: "collect.listen" */
	int type;	    /* SOCK_DGRAM, SOCK_STREAM */
	/* Bind one address. both: IPv6's wildcard, which takes IPv4 too. 0 or a negative errno value. */
	int (*bind)(void *ctx, struct sockaddr *address, socklen_t len, bool both);
	void *ctx;
};

/* Bind what text names: one address, all that a name has, or all there are (IPv4 alone where there is no IPv6). */
int weir_listen_bind(const struct weir_listen *listen, const char *text, struct weir_error *err) WEIR_MUST_CHECK;

/* A socket for bind(), not blocking; or a negative errno value. */
int weir_listen_socket(int type, const struct sockaddr *address, bool both);

/* "192.0.2.1:2055", "[2001:db8::1]:2055"; WEIR_LISTEN_TEXT_MAX bytes at most, with the NUL. */
void weir_listen_text(const struct sockaddr *address, socklen_t len, char *ret_text);

/* Whom a datagram or connection came from; from may hold a sockaddr_in. */
struct weir_addr weir_listen_peer(const struct sockaddr_in6 *from, uint16_t *ret_port);

#endif
