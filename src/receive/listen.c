/* "*:port" is one socket of IPv6 that takes IPv4 too; where the machine has no IPv6 it is 0.0.0.0. A name that has
 * several addresses is bound on each. */
#include "receive/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "host:port" in two; false when it is no such text. */
static bool split(const char *text, char *ret_host, size_t host_size, char *ret_port, size_t port_size)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon || !colon[1])
		return false;
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false; /* IPv6 without brackets: which colon is the port's? */
	}
	if (len >= host_size || strlen(colon + 1) >= port_size)
		return false;
	memcpy(ret_host, text, len);
	ret_host[len] = '\0';
	memcpy(ret_port, colon + 1, strlen(colon + 1) + 1);
	return true;
}

static bool is_any(const char *host)
{
	return !*host || strcmp(host, "*") == 0;
}

void weir_listen_text(const struct sockaddr *address, socklen_t len, char *ret_text)
{
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];

	if (getnameinfo(address, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(ret_text, WEIR_LISTEN_TEXT_MAX, "?");
	else if (snprintf(ret_text, WEIR_LISTEN_TEXT_MAX, strchr(host, ':') ? "[%.45s]:%.5s" : "%.45s:%.5s", host, port) < 0)
		ret_text[0] = '\0';
}

int weir_listen_socket(int type, const struct sockaddr *address, bool both)
{
	int only = !both;
	int fd = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (address->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only))) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	return fd;
}

struct weir_addr weir_listen_peer(const struct sockaddr_in6 *from, uint16_t *ret_port)
{
	struct weir_addr a;

	if (from->sin6_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, from, sizeof(v4));
		*ret_port = ntohs(v4.sin_port);
		return weir_addr_from_v4((const uint8_t *)&v4.sin_addr);
	}
	*ret_port = ntohs(from->sin6_port);
	memcpy(&a, &from->sin6_addr, sizeof(a));
	return a;
}

static int bind_any(const struct weir_listen *listen, uint16_t port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	int rc = listen->bind(listen->ctx, (struct sockaddr *)&v6, sizeof(v6), true);

	if (rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
		return rc;
	return listen->bind(listen->ctx, (struct sockaddr *)&v4, sizeof(v4), false);
}

static int bind_error(const struct weir_listen *listen, const char *text, int rc, struct weir_error *err)
{
	const char *next = NULL;
	char busy[128];

	(void)snprintf(busy, sizeof(busy), "another program has this port: `ss -ln%cp` shows which; stop it, or change %s",
		       listen->type == SOCK_DGRAM ? 'u' : 't', listen->option);
	switch (rc) {
	case -EADDRINUSE:
		next = busy;
		break;
	case -EACCES:
		next = "ports below 1024 need root or CAP_NET_BIND_SERVICE";
		break;
	case -EADDRNOTAVAIL:
		next = "the address must be one of this machine: `ip address` lists them";
		break;
	default:
		break;
	}
	return weir_error_set(err, rc, text, next, "cannot listen: %s", strerror(-rc));
}

int weir_listen_bind(const struct weir_listen *listen, const char *text, struct weir_error *err)
{
	static const char FORM[] = "write it as HOST:PORT, [IPV6]:PORT or *:PORT";
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = listen->type, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char host[256];
	char port[8];
	int rc = 0;

	if (!split(text, host, sizeof(host), port, sizeof(port)))
		return weir_error_set(err, -EINVAL, text, FORM, "this is no address to listen on");
	rc = getaddrinfo(is_any(host) ? NULL : host, port, &hints, &found);
	if (rc)
		return weir_error_set(err, -EINVAL, text, FORM, "cannot listen: %s", gai_strerror(rc));
	if (is_any(host)) {
		rc = bind_any(listen, (uint16_t)strtoul(port, NULL, 10));
	} else {
		for (const struct addrinfo *a = found; a && !rc; a = a->ai_next)
			rc = listen->bind(listen->ctx, a->ai_addr, a->ai_addrlen, false);
	}
	freeaddrinfo(found);
	return rc ? bind_error(listen, text, rc, err) : 0;
}
