/* The longest prefix that holds an address, in a bounded number of steps: three for IPv4, nineteen at most for IPv6, however many
 * prefixes there are. Constant once made: any thread. */
#ifndef WEIR_FLOW_PREFIX_TABLE_H
#define WEIR_FLOW_PREFIX_TABLE_H

#include "flow/prefix.h"

#define WEIR_PREFIX_VALUE_MAX 0x7fffffffU

struct weir_prefix_entry {
	struct weir_prefix prefix;
	uint32_t value; /* 1 to WEIR_PREFIX_VALUE_MAX */
};

struct weir_prefix_table;

/* The entries are sorted in place; they are the caller's again afterwards. Of two with the same prefix the later one (in the
 * order given) counts. IPv6 prefixes hold no IPv4 addresses, not even ::/0. -ENOMEM. */
int weir_prefix_table_new(struct weir_prefix_entry *entries, size_t count, struct weir_prefix_table **ret_table)
	WEIR_MUST_CHECK;
void weir_prefix_table_free(struct weir_prefix_table *table);

/* The value of the longest prefix that holds the address; 0: none does. */
uint32_t weir_prefix_table_find(const struct weir_prefix_table *table, const struct weir_addr *addr);

/* The values of many addresses, in less time than one by one. */
void weir_prefix_table_find_all(const struct weir_prefix_table *table, const struct weir_addr *addr, uint32_t count,
				uint32_t *ret_value);

size_t weir_prefix_table_bytes(const struct weir_prefix_table *table);

#endif
