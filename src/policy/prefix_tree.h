/* The networks that rules name: address to the longest of them. A tree of nibbles, for there are few; the large tables of
 * networks are enrichment's. Built once, then read by any thread. */
#ifndef WEIR_POLICY_PREFIX_TREE_H
#define WEIR_POLICY_PREFIX_TREE_H

#include <stdint.h>

#include "base/error.h"
#include "policy/rule.h"

struct weir_prefix_tree;

int weir_prefix_tree_new(struct weir_prefix_tree **ret_tree) WEIR_MUST_CHECK;
void weir_prefix_tree_free(struct weir_prefix_tree *tree);
/* value: not 0. Of two equal networks the later counts. */
int weir_prefix_tree_add(struct weir_prefix_tree *tree, const struct weir_prefix_term *prefix, uint32_t value) WEIR_MUST_CHECK;
/* The value of the longest network that holds the address, or 0. */
uint32_t weir_prefix_tree_find(const struct weir_prefix_tree *tree, const struct weir_addr *addr);

#endif
