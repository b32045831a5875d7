#include "config/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "config/quantity.h"

#define HOST_MAX 253 /* RFC 1035 §2.3.4, as text */

static const char *port_check(const char *text)
{
	uint64_t port;

	if (!*text)
		return "the port is missing";
	if (weir_number_parse(text, &port) || port == 0 || port > UINT16_MAX)
		return "the port is no number from 1 to 65535";
	return NULL;
}

static bool is_name(const char *host, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)host[i]) && host[i] != '-' && host[i] != '.' && host[i] != '_')
			return false;
	}
	return len && host[0] != '.' && host[0] != '-';
}

/* A host between start and start + len: a name, an IPv4 address, or an IPv6 address without its brackets. */
static const char *host_check(const char *start, size_t len, bool brackets)
{
	uint8_t binary[16];
	char host[HOST_MAX + 1];

	if (len > HOST_MAX)
		return "the host is too long";
	memcpy(host, start, len);
	host[len] = '\0';
	if (brackets)
		return inet_pton(AF_INET6, host, binary) == 1 ? NULL : "there is no IPv6 address between the brackets";
	if (strchr(host, ':'))
		return "an IPv6 address needs brackets";
	/* What looks like an address must be one, or a typing error would become a name. */
	if (len && strspn(host, "0123456789.") == len)
		return inet_pton(AF_INET, host, binary) == 1 ? NULL : "the IPv4 address is wrong";
	return is_name(host, len) ? NULL : "the host is no name and no address";
}

const char *weir_address_check(const char *text, bool wild)
{
	const char *colon = strrchr(text, ':');
	const char *wrong;

	if (text[0] == '[') {
		const char *close = strchr(text, ']');

		if (!close)
			return "the bracket is not closed";
		if (close[1] != ':')
			return "the port is missing";
		wrong = host_check(text + 1, (size_t)(close - text) - 1, true);
		return wrong ? wrong : port_check(close + 2);
	}
	if (!colon)
		return "the port is missing";
	if (colon == text || (colon == text + 1 && *text == '*'))
		wrong = wild ? NULL : "one address is needed, not all of them";
	else
		wrong = host_check(text, (size_t)(colon - text), false);
	return wrong ? wrong : port_check(colon + 1);
}

const char *weir_prefix_check(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	uint8_t binary[16];
	uint64_t bits;
	bool v6 = strchr(text, ':');

	if (len >= sizeof(address))
		return "this is no address";
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, address, binary) != 1)
		return "this is no address";
	if (!text[len])
		return NULL;
	if (weir_number_parse(text + len + 1, &bits) || bits > (v6 ? 128 : 32))
		return v6 ? "behind the slash there is no number from 0 to 128"
			  : "behind the slash there is no number from 0 to 32";
	return NULL;
}

const char *weir_host_check(const char *text)
{
	return host_check(text, strlen(text), strchr(text, ':') != NULL);
}

const char *weir_url_check(const char *text)
{
	const char *host;
	const char *wrong;
	size_t len;

	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
		return "a URL begins with http:// or https://";
	host = strstr(text, "://") + 3;
	len = strcspn(host, "/?#");
	if (memchr(host, '@', len))
		return "user and password do not belong in the URL: use store.user and store.password_file";
	if (strpbrk(host, "?# \t"))
		return "a URL ends behind its path";
	if (host[0] == '[') {
		const char *close = memchr(host, ']', len);

		if (!close)
			return "the bracket is not closed";
		wrong = host_check(host + 1, (size_t)(close - host) - 1, true);
		len -= (size_t)(close + 1 - host);
		host = close + 1;
	} else {
		size_t n = strcspn(host, ":/");

		wrong = host_check(host, n, false);
		len -= n;
		host += n;
	}
	if (!wrong && len) {
		char port[8];

		if (*host != ':' || len >= sizeof(port))
			return "the port is no number from 1 to 65535";
		memcpy(port, host + 1, len - 1);
		port[len - 1] = '\0';
		wrong = port_check(port);
	}
	return wrong;
}
