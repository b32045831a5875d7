/* Network addresses as the column table has them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291
 * §2.5.5.2); all zeros means absent. MAC addresses are the 48 low bits of a uint64_t. */
#ifndef WEIR_FLOW_ADDR_H
#define WEIR_FLOW_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEIR_ADDR_TEXT_MAX 46 /* with the NUL, as INET6_ADDRSTRLEN */
#define WEIR_MAC_TEXT_MAX  18

struct weir_addr {
	uint8_t byte[16];
};

static inline struct weir_addr weir_addr_from_v4(const uint8_t v4[4])
{
	struct weir_addr a = {{[10] = 0xff, [11] = 0xff}};

	memcpy(&a.byte[12], v4, 4);
	return a;
}

static inline bool weir_addr_is_v4(const struct weir_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->byte, mapped, sizeof(mapped)) == 0;
}

static inline bool weir_addr_is_zero(const struct weir_addr *a)
{
	static const struct weir_addr zero;

	return memcmp(a, &zero, sizeof(zero)) == 0;
}

/* The usual text form: dotted for IPv4, RFC 5952 for IPv6. Writes at most WEIR_ADDR_TEXT_MAX bytes with the
 * NUL and returns the length without it. */
size_t weir_addr_text(const struct weir_addr *a, char *ret_text);

/* Either form of text. 0, or -EINVAL with *ret_addr untouched. */
int weir_addr_parse(const char *text, struct weir_addr *ret_addr);

/* "00:11:22:aa:bb:cc"; writes WEIR_MAC_TEXT_MAX bytes with the NUL and returns the length without it. */
size_t weir_mac_text(uint64_t mac, char *ret_text);

#endif
