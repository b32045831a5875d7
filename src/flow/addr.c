#include "flow/addr.h"

#include <arpa/inet.h>
#include <errno.h>

size_t weir_addr_text(const struct weir_addr *a, char *ret_text)
{
	const char *made = weir_addr_is_v4(a) ? inet_ntop(AF_INET, &a->byte[12], ret_text, WEIR_ADDR_TEXT_MAX)
					      : inet_ntop(AF_INET6, a->byte, ret_text, WEIR_ADDR_TEXT_MAX);

	return made ? strlen(made) : 0;
}

int weir_addr_parse(const char *text, struct weir_addr *ret_addr)
{
	uint8_t v4[4];
	struct weir_addr v6;

	if (inet_pton(AF_INET, text, v4) == 1) {
		*ret_addr = weir_addr_from_v4(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, v6.byte) == 1) {
		*ret_addr = v6;
		return 0;
	}
	return -EINVAL;
}

size_t weir_mac_text(uint64_t mac, char *ret_text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (int shift = 40; shift >= 0; shift -= 8) {
		ret_text[n++] = hex[mac >> (shift + 4) & 15];
		ret_text[n++] = hex[mac >> shift & 15];
		ret_text[n++] = shift ? ':' : '\0';
	}
	return WEIR_MAC_TEXT_MAX - 1;
}
