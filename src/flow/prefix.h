/* Networks: an address and how many of its bits count. Those of IPv4 are mapped as addresses are (flow/addr.h), so
 * 10.0.0.0/8 has 104 bits. */
#ifndef WEIR_FLOW_PREFIX_H
#define WEIR_FLOW_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"

#define WEIR_PREFIX_TEXT_MAX (WEIR_ADDR_TEXT_MAX + 4)

struct weir_prefix {
	struct weir_addr addr; /* the bits that do not count are zero */
	uint8_t bits;	       /* 0 to 128 */
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. 1: bits behind the prefix were set, and are cleared; 0; -EINVAL
 * with *ret_prefix untouched. Need not be NUL-terminated. */
int weir_prefix_parse(const char *text, size_t len, struct weir_prefix *ret_prefix) WEIR_MUST_CHECK;

/* The usual form, also of an address alone ("192.0.2.1/32"). Writes at most WEIR_PREFIX_TEXT_MAX bytes with the NUL and
 * returns the length without it. */
size_t weir_prefix_text(const struct weir_prefix *prefix, char *ret_text);

static inline bool weir_prefix_is_v4(const struct weir_prefix *prefix)
{
	return prefix->bits >= 96 && weir_addr_is_v4(&prefix->addr);
}

bool weir_prefix_has(const struct weir_prefix *prefix, const struct weir_addr *addr);
/* The last address. */
struct weir_addr weir_prefix_last(const struct weir_prefix *prefix);
/* IPv4 first, then by address, and a prefix before the longer ones that begin where it does: so each comes before all that lie within it. */
int weir_prefix_compare(const struct weir_prefix *a, const struct weir_prefix *b);

#endif
