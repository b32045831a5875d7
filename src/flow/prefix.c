#include "flow/prefix.h"

#include <errno.h>
#include <stdio.h>

/* How many of the byte's bits count, from the top, as a mask. */
static uint8_t mask_of(unsigned bits, unsigned byte)
{
	unsigned kept = bits > byte * 8 ? bits - byte * 8 : 0;

	return (uint8_t)(kept >= 8 ? 0xffU : 0xffU << (8 - kept));
}

static int parse_bits(const char *text, size_t len, unsigned most, unsigned *ret_bits)
{
	unsigned bits = 0;

	if (!len || len > 3)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned)(text[i] - '0');
	}
	if (bits > most)
		return -EINVAL;
	*ret_bits = bits;
	return 0;
}

int weir_prefix_parse(const char *text, size_t len, struct weir_prefix *ret_prefix)
{
	const char *slash = memchr(text, '/', len);
	size_t addr_len = slash ? (size_t)(slash - text) : len;
	bool v4 = memchr(text, ':', addr_len) == NULL;
	char address[WEIR_ADDR_TEXT_MAX];
	struct weir_prefix prefix;
	unsigned bits = v4 ? 32 : 128;
	int rc = 0;

	if (addr_len >= sizeof(address) || memchr(text, '\0', addr_len))
		return -EINVAL;
	memcpy(address, text, addr_len);
	address[addr_len] = '\0';
	if (weir_addr_parse(address, &prefix.addr))
		return -EINVAL;
	if (slash && parse_bits(slash + 1, len - addr_len - 1, bits, &bits))
		return -EINVAL;
	prefix.bits = (uint8_t)(v4 ? bits + 96 : bits);
	for (unsigned i = 0; i < 16; i++) {
		uint8_t kept = prefix.addr.byte[i] & mask_of(prefix.bits, i);

		rc |= kept != prefix.addr.byte[i];
		prefix.addr.byte[i] = kept;
	}
	*ret_prefix = prefix;
	return rc;
}

size_t weir_prefix_text(const struct weir_prefix *prefix, char *ret_text)
{
	size_t len = weir_addr_text(&prefix->addr, ret_text);
	unsigned bits = weir_prefix_is_v4(prefix) ? prefix->bits - 96U : prefix->bits;

	return len + (size_t)snprintf(ret_text + len, 5, "/%u", bits);
}

bool weir_prefix_has(const struct weir_prefix *prefix, const struct weir_addr *addr)
{
	unsigned whole = prefix->bits / 8;

	if (memcmp(&prefix->addr, addr, whole) != 0)
		return false;
	return whole == 16 || ((addr->byte[whole] ^ prefix->addr.byte[whole]) & mask_of(prefix->bits, whole)) == 0;
}

struct weir_addr weir_prefix_last(const struct weir_prefix *prefix)
{
	struct weir_addr last = prefix->addr;

	for (unsigned i = 0; i < 16; i++)
		last.byte[i] = (uint8_t)(last.byte[i] | (uint8_t)~mask_of(prefix->bits, i));
	return last;
}

int weir_prefix_compare(const struct weir_prefix *a, const struct weir_prefix *b)
{
	int order = (int)weir_prefix_is_v4(b) - (int)weir_prefix_is_v4(a);

	if (!order)
		order = memcmp(&a->addr, &b->addr, sizeof(a->addr));
	return order ? order : (int)a->bits - (int)b->bits;
}
