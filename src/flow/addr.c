#include "flow/addr.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/decimal.h"

#define GROUPS 8

static const char HEX[] = "0123456789abcdef";

static char *put_v4(char *at, const uint8_t *byte)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		at = weir_decimal_put(at, byte[i]);
	}
	return at;
}

/* Without leading zeros (RFC 5952 §4.1). */
static char *put_group(char *at, unsigned group)
{
	int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*at++ = HEX[group >> shift & 15];
	return at;
}

/* The first of the longest runs of at least two zero groups (RFC 5952 §4.2); *ret_len is 0 where there is none. */
static unsigned longest_zeros(const unsigned *group, unsigned *ret_len)
{
	unsigned best = 0;
	unsigned best_len = 1;
	unsigned len = 0;

	for (unsigned i = 0; i < GROUPS; i++) {
		len = group[i] ? 0 : len + 1;
		if (len > best_len) {
			best_len = len;
			best = i + 1 - len;
		}
	}
	*ret_len = best_len > 1 ? best_len : 0;
	return best;
}

static char *put_v6(char *at, const uint8_t *byte)
{
	unsigned group[GROUPS];
	unsigned zeros;
	unsigned zeros_len;

	for (unsigned i = 0; i < GROUPS; i++)
		group[i] = (unsigned)byte[2 * i] << 8 | byte[2 * i + 1];
	zeros = longest_zeros(group, &zeros_len);
	for (unsigned i = 0; i < GROUPS;) {
		if (zeros_len && i == zeros) {
			*at++ = ':';
			i += zeros_len;
			if (i == GROUPS)
				*at++ = ':';
			continue;
		}
		if (i)
			*at++ = ':';
		at = put_group(at, group[i++]);
	}
	return at;
}

size_t weir_addr_text(const struct weir_addr *a, char *ret_text)
{
	char *end = weir_addr_is_v4(a) ? put_v4(ret_text, &a->byte[12]) : put_v6(ret_text, a->byte);

	*end = '\0';
	return (size_t)(end - ret_text);
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
	size_t n = 0;

	for (int shift = 40; shift >= 0; shift -= 8) {
		ret_text[n++] = HEX[mac >> (shift + 4) & 15];
		ret_text[n++] = HEX[mac >> shift & 15];
		ret_text[n++] = shift ? ':' : '\0';
	}
	return WEIR_MAC_TEXT_MAX - 1;
}
