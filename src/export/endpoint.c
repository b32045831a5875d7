#include "export/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define FORM "write 127.0.0.1:2055 or [::1]:2055"

int weir_endpoint_parse(const char *text, int type, struct weir_endpoint *ret_endpoint, struct weir_error *err)
{
	const struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICSERV};
	const char *colon = strrchr(text, ':');
	size_t host_len = colon ? (size_t)(colon - text) : 0;
	struct weir_endpoint e = {0};
	struct addrinfo *found, *chosen;
	int rc;

	if (!host_len || !colon[1] || host_len >= sizeof(e.host))
		return weir_error_set(err, -EINVAL, text, FORM, "this is no host and port");
	if (text[0] == '[' && colon[-1] == ']')
		(void)snprintf(e.host, sizeof(e.host), "%.*s", (int)(host_len - 2), text + 1);
	else
		(void)snprintf(e.host, sizeof(e.host), "%.*s", (int)host_len, text);
	rc = getaddrinfo(e.host, colon + 1, &hints, &found);
	if (rc)
		return weir_error_set(err, -EINVAL, text, FORM, "the address cannot be resolved: %s", gai_strerror(rc));
	for (chosen = found; chosen && chosen->ai_family != AF_INET;)
		chosen = chosen->ai_next;
	chosen = chosen ? chosen : found;
	memcpy(&e.addr, chosen->ai_addr, chosen->ai_addrlen);
	e.len = chosen->ai_addrlen;
	freeaddrinfo(found);
	*ret_endpoint = e;
	return 0;
}

bool weir_endpoint_is_loopback(const struct weir_endpoint *endpoint)
{
	struct in6_addr v6;
	uint8_t first;

	if (endpoint->addr.ss_family == AF_INET) {
		memcpy(&first, &((const struct sockaddr_in *)&endpoint->addr)->sin_addr, 1);
		return first == 127;
	}
	v6 = ((const struct sockaddr_in6 *)&endpoint->addr)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}
