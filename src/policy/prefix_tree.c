#include "policy/prefix_tree.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
	uint32_t child; /* node, 0: none */
	uint32_t value;
	uint8_t len; /* of the network that the value is of */
};

struct node {
	struct entry entry[16];
};

/* Node 0 is the root of everything, node 1 that of IPv4 (behind ::ffff:0:0/96), so that IPv4 needs eight steps at most. */
struct weir_prefix_tree {
	struct node *node;
	uint32_t nodes;
	uint32_t cap;
	uint32_t all; /* value of the longest network that holds all of IPv4 */
	uint8_t all_len;
};

static unsigned nibble(const struct weir_addr *addr, unsigned depth)
{
	return depth % 2 ? addr->byte[depth / 2] & 15U : addr->byte[depth / 2] >> 4U;
}

static int new_node(struct weir_prefix_tree *t, uint32_t *ret_node)
{
	if (t->nodes == t->cap) {
		struct node *more = realloc(t->node, 2 * (size_t)t->cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->node = more;
		t->cap *= 2;
	}
	t->node[t->nodes] = (struct node){0};
	*ret_node = t->nodes++;
	return 0;
}

int weir_prefix_tree_new(struct weir_prefix_tree **ret_tree)
{
	struct weir_prefix_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->cap = 16;
	t->nodes = 2;
	t->node = calloc(t->cap, sizeof(*t->node));
	if (!t->node) {
		free(t);
		return -ENOMEM;
	}
	*ret_tree = t;
	return 0;
}

void weir_prefix_tree_free(struct weir_prefix_tree *tree)
{
	if (!tree)
		return;
	free(tree->node);
	free(tree);
}

static const struct weir_addr v4_zero = {{[10] = 0xff, [11] = 0xff}};

int weir_prefix_tree_add(struct weir_prefix_tree *t, const struct weir_prefix_term *prefix, uint32_t value)
{
	unsigned depth = 0;
	uint32_t node = 0;
	unsigned first;
	unsigned bits;

	if (prefix->len >= 96 && weir_addr_is_v4(&prefix->addr)) {
		depth = 24;
		node = 1;
	} else if (weir_prefix_term_holds(prefix, &v4_zero) && (!t->all || prefix->len >= t->all_len)) {
		t->all = value; /* "::/0" holds IPv4 too */
		t->all_len = prefix->len;
	}
	if (prefix->len == 96 && node == 1) {
		t->all = value;
		t->all_len = 96;
		return 0;
	}
	for (; depth * 4 + 4 < prefix->len; depth++) {
		struct entry *e = &t->node[node].entry[nibble(&prefix->addr, depth)];
		uint32_t child = e->child;
		int rc;

		if (!child) {
			rc = new_node(t, &child);
			if (rc)
				return rc;
			t->node[node].entry[nibble(&prefix->addr, depth)].child = child;
		}
		node = child;
	}
	bits = prefix->len > depth * 4 ? prefix->len - depth * 4 : 0;
	first = nibble(&prefix->addr, depth);
	for (unsigned i = first; i < first + (16U >> bits); i++) {
		struct entry *e = &t->node[node].entry[i];

		if (!e->value || prefix->len >= e->len) {
			e->value = value;
			e->len = prefix->len;
		}
	}
	return 0;
}

uint32_t weir_prefix_tree_find(const struct weir_prefix_tree *t, const struct weir_addr *addr)
{
	bool v4 = weir_addr_is_v4(addr);
	uint32_t best = v4 ? t->all : 0;
	uint32_t node = v4 ? 1 : 0;

	for (unsigned depth = v4 ? 24 : 0; depth < 32; depth++) {
		const struct entry *e = &t->node[node].entry[nibble(addr, depth)];

		if (e->value)
			best = e->value;
		if (!e->child)
			break;
		node = e->child;
	}
	return best;
}
