/* A compressed trie with 64 ways a node (Asai and Ohara, "Poptrie", SIGCOMM 2015), one for each version of IP.
 *
 *   root   65536 entries, by the first 16 bits: a value, or a node
 *   node   for each value of the next 6 bits: a node below (a bit in `inner`), or a value. Nodes below stand side by side
 *          from `nodes` on, in order, so the n-th is found by counting bits; values likewise from `values` on, where a
 *          bit in `runs` begins a new one, for neighbours are mostly alike.
 *
 * A million prefixes take some 10 to 30 MB, against a few GB for plain tables with as few steps, and the part that is in use
 * stays in the processor's cache.
 *
 * It is made from the sorted prefixes in one walk: each comes before all that lie within it, so what a part of the address
 * space has is known when the walk comes to it, and what lies deeper is a run of the entries that follow. */
#include "flow/prefix_table.h"

#include <errno.h>
#include <stdlib.h>

#define ROOT_BITS 16
#define NODE_BITS 6
#define NODE_WAYS 64
#define IS_NODE	  0x80000000U /* of a root's entry */

__extension__ typedef unsigned __int128 key128;

struct node {
	uint64_t inner;
	uint64_t runs;
	uint32_t nodes;
	uint32_t values;
};

struct trie {
	uint32_t *root; /* NULL: there are no prefixes */
	struct node *node;
	uint32_t nodes, nodes_cap;
	uint32_t *value;
	uint32_t values, values_cap;
};

struct weir_prefix_table {
	struct trie v4, v6;
};

/* --- reading ---------------------------------------------------------------------------------------------- */

static uint32_t be32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap32(v);
}

static uint64_t be64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap64(v);
}

/* How many of the bits up to and with that one are set. */
static inline __attribute__((always_inline)) uint32_t rank(uint64_t bits, unsigned at)
{
	return (uint32_t)__builtin_popcountll(bits & (UINT64_MAX >> (NODE_WAYS - 1 - at)));
}

static inline uint32_t find_v4(const struct trie *t, uint32_t addr)
{
	uint64_t key = (uint64_t)addr << 32;
	uint32_t at;

	if (!t->root)
		return 0;
	at = t->root[key >> (64 - ROOT_BITS)];
	if (!(at & IS_NODE))
		return at;
	at &= ~IS_NODE;
	for (key <<= ROOT_BITS;; key <<= NODE_BITS) {
		const struct node *n = &t->node[at];
		unsigned way = (unsigned)(key >> (64 - NODE_BITS));

		if (!(n->inner >> way & 1))
			return t->value[n->values + rank(n->runs, way) - 1];
		at = n->nodes + rank(n->inner, way) - 1;
	}
}

static uint32_t find_v6(const struct trie *t, const struct weir_addr *addr)
{
	key128 key = (key128)be64(addr->byte) << 64 | be64(addr->byte + 8);
	uint32_t at;

	if (!t->root)
		return 0;
	at = t->root[(uint32_t)(key >> (128 - ROOT_BITS))];
	if (!(at & IS_NODE))
		return at;
	at &= ~IS_NODE;
	for (key <<= ROOT_BITS;; key <<= NODE_BITS) {
		const struct node *n = &t->node[at];
		unsigned way = (unsigned)(key >> (128 - NODE_BITS));

		if (!(n->inner >> way & 1))
			return t->value[n->values + rank(n->runs, way) - 1];
		at = n->nodes + rank(n->inner, way) - 1;
	}
}

uint32_t weir_prefix_table_find(const struct weir_prefix_table *table, const struct weir_addr *addr)
{
	return weir_addr_is_v4(addr) ? find_v4(&table->v4, be32(addr->byte + 12)) : find_v6(&table->v6, addr);
}

/* Look-ups of large tables wait for memory most of the time, so many go down side by side: each step asks for the next
 * node of all before it reads that of the first. Measured with a million prefixes: a third of the time of one by one. */
#define ABREAST 32

/* A look-up on its way: for each version of IP, since IPv4's fit into a register. */
struct descent4 {
	uint64_t key;
	uint32_t at; /* the node, or where done the value */
	uint32_t row;
};

struct descent6 {
	key128 key;
	uint32_t at;
	uint32_t row;
};

#define DESCEND(version, bits)                                                                                     \
	static inline __attribute__((always_inline)) void descend##version(const struct trie *t, struct descent##version *d, \
									   uint32_t count, uint32_t *ret_value)    \
	{                                                                                                          \
		struct descent##version done[ABREAST];                                                             \
		uint32_t deeper = 0;                                                                               \
		uint32_t found = 0;                                                                                \
                                                                                                                   \
		for (uint32_t i = 0; i < count; i++) {                                                             \
			uint32_t root = t->root ? t->root[(uint32_t)(d[i].key >> (bits - ROOT_BITS))] : 0;         \
                                                                                                                   \
			if (!(root & IS_NODE)) {                                                                   \
				ret_value[d[i].row] = root;                                                        \
				continue;                                                                          \
			}                                                                                          \
			d[deeper] = d[i];                                                                          \
			d[deeper].at = root & ~IS_NODE;                                                            \
			d[deeper].key <<= ROOT_BITS;                                                               \
			__builtin_prefetch(&t->node[d[deeper++].at]);                                              \
		}                                                                                                  \
		while (deeper) {                                                                                   \
			uint32_t left = 0;                                                                         \
                                                                                                                   \
			for (uint32_t i = 0; i < deeper; i++) {                                                    \
				const struct node *n = &t->node[d[i].at];                                          \
				unsigned way = (unsigned)(d[i].key >> (bits - NODE_BITS));                         \
                                                                                                                   \
				d[left].row = d[i].row;                                                            \
				if (n->inner >> way & 1) {                                                         \
					d[left].key = d[i].key << NODE_BITS;                                       \
					d[left].at = n->nodes + rank(n->inner, way) - 1;                           \
					__builtin_prefetch(&t->node[d[left++].at]);                                \
					continue;                                                                  \
				}                                                                                  \
				done[found].row = d[i].row;                                                        \
				done[found].at = n->values + rank(n->runs, way) - 1;                               \
				__builtin_prefetch(&t->value[done[found++].at]);                                   \
			}                                                                                          \
			deeper = left;                                                                             \
		}                                                                                                  \
		for (uint32_t i = 0; i < found; i++)                                                               \
			ret_value[done[i].row] = t->value[done[i].at];                                             \
	}
DESCEND(4, 64)
DESCEND(6, 128)
#undef DESCEND

static inline __attribute__((always_inline)) void find_all(const struct weir_prefix_table *table, const struct weir_addr *addr,
							   uint32_t count, uint32_t *ret_value)
{
	struct descent4 d4[ABREAST];
	struct descent6 d6[ABREAST];
	uint32_t fours = 0, sixes = 0;

	for (uint32_t row = 0; row < count; row++) {
		if (weir_addr_is_v4(&addr[row])) {
			d4[fours].key = (uint64_t)be32(addr[row].byte + 12) << 32;
			d4[fours++].row = row;
		} else {
			d6[sixes].key = (key128)be64(addr[row].byte) << 64 | be64(addr[row].byte + 8);
			d6[sixes++].row = row;
		}
		if (fours == ABREAST) {
			descend4(&table->v4, d4, fours, ret_value);
			fours = 0;
		}
		if (sixes == ABREAST) {
			descend6(&table->v6, d6, sixes, ret_value);
			sixes = 0;
		}
	}
	descend4(&table->v4, d4, fours, ret_value);
	descend6(&table->v6, d6, sixes, ret_value);
}

/* The instruction that counts bits is not part of every x86-64: with it a look-up takes half of the instructions. */
#ifdef __x86_64__
static __attribute__((target("popcnt"))) void find_all_counting(const struct weir_prefix_table *table, const struct weir_addr *addr,
								uint32_t count, uint32_t *ret_value)
{
	find_all(table, addr, count, ret_value);
}
#endif

void weir_prefix_table_find_all(const struct weir_prefix_table *table, const struct weir_addr *addr, uint32_t count,
				uint32_t *ret_value)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("popcnt")) {
		find_all_counting(table, addr, count, ret_value);
		return;
	}
#endif
	find_all(table, addr, count, ret_value);
}

/* --- making ----------------------------------------------------------------------------------------------- */

/* An entry by its key: the address's bits from the top, IPv4's 32 followed by zeros. */
struct item {
	key128 key;
	uint32_t value;
	uint8_t bits;
};

static key128 key_of(const struct weir_prefix_entry *entry, bool v4)
{
	if (v4)
		return (key128)be32(entry->prefix.addr.byte + 12) << 96;
	return (key128)be64(entry->prefix.addr.byte) << 64 | be64(entry->prefix.addr.byte + 8);
}

/* The bits [from, from + count) of a key; those behind its end are 0. */
static unsigned part(key128 key, unsigned from, unsigned count)
{
	return (unsigned)(key << from >> (128 - count));
}

static int grow(void *array, uint32_t *cap, uint64_t needed, size_t width)
{
	void **at = array;
	uint64_t wanted = *cap ? *cap : 64;
	void *grown;

	if (needed <= *cap)
		return 0;
	while (wanted < needed)
		wanted += wanted / 2;
	if (wanted >= IS_NODE)
		return -ENOMEM;
	grown = realloc(*at, wanted * width);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*cap = (uint32_t)wanted;
	return 0;
}

static int add_nodes(struct trie *t, unsigned count, uint32_t *ret_first)
{
	int rc = grow(&t->node, &t->nodes_cap, (uint64_t)t->nodes + count, sizeof(*t->node));

	if (rc)
		return rc;
	*ret_first = t->nodes;
	t->nodes += count;
	return 0;
}

/* What stands in each way of a node: the value, and which items lie deeper. */
struct ways {
	uint64_t inner;
	uint32_t value[NODE_WAYS];
	uint32_t first[NODE_WAYS]; /* of the items below; up to end[] */
	uint32_t end[NODE_WAYS];
};

static void split(const struct item *item, uint32_t first, uint32_t end, unsigned depth, uint32_t value, struct ways *w)
{
	w->inner = 0;
	for (unsigned i = 0; i < NODE_WAYS; i++)
		w->value[i] = value;
	for (uint32_t i = first; i < end;) {
		unsigned way = part(item[i].key, depth, NODE_BITS);

		if (item[i].bits <= depth + NODE_BITS) {
			unsigned many = 1U << (depth + NODE_BITS - item[i].bits);

			for (unsigned at = way; at < way + many; at++)
				w->value[at] = item[i].value;
			i++;
			continue;
		}
		w->inner |= UINT64_C(1) << way;
		w->first[way] = i;
		while (i < end && part(item[i].key, depth, NODE_BITS) == way)
			i++;
		w->end[way] = i;
	}
}

static int put_values(struct trie *t, struct node *n, const struct ways *w)
{
	bool begun = false;
	uint32_t last = 0;
	int rc = grow(&t->value, &t->values_cap, (uint64_t)t->values + NODE_WAYS, sizeof(*t->value));

	if (rc)
		return rc;
	n->values = t->values;
	n->runs = 0;
	for (unsigned way = 0; way < NODE_WAYS; way++) {
		if (w->inner >> way & 1 || (begun && w->value[way] == last))
			continue;
		begun = true;
		last = w->value[way];
		n->runs |= UINT64_C(1) << way;
		t->value[t->values++] = last;
	}
	return 0;
}

/* Fill a node with the items [first, end), which all lie in it; value is what holds where none does. As deep as an address is
 * long: 19 calls. */
static int fill(struct trie *t, const struct item *item, uint32_t first, uint32_t end, unsigned depth, uint32_t value,
		uint32_t at)
{
	struct node n = {0};
	struct ways w;
	int rc;

	split(item, first, end, depth, value, &w);
	n.inner = w.inner;
	rc = put_values(t, &n, &w);
	if (!rc)
		rc = add_nodes(t, (unsigned)__builtin_popcountll(n.inner), &n.nodes);
	if (rc)
		return rc;
	t->node[at] = n;
	for (unsigned way = 0, below = 0; !rc && way < NODE_WAYS; way++) {
		if (n.inner >> way & 1)
			rc = fill(t, item, w.first[way], w.end[way], depth + NODE_BITS, w.value[way], n.nodes + below++);
	}
	return rc;
}

static int fill_root(struct trie *t, const struct item *item, uint32_t count)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < count;) {
		unsigned way = part(item[i].key, 0, ROOT_BITS);
		uint32_t first = i;
		uint32_t at;

		if (item[i].bits <= ROOT_BITS) {
			unsigned many = 1U << (ROOT_BITS - item[i].bits);

			for (unsigned w = way; w < way + many; w++)
				t->root[w] = item[i].value;
			i++;
			continue;
		}
		while (i < count && part(item[i].key, 0, ROOT_BITS) == way)
			i++;
		rc = add_nodes(t, 1, &at);
		if (!rc)
			rc = fill(t, item, first, i, ROOT_BITS, t->root[way], at);
		if (!rc)
			t->root[way] = at | IS_NODE;
	}
	return rc;
}

static void shrink(void *array, uint32_t used, uint32_t *cap, size_t width)
{
	void **at = array;
	void *less = used ? realloc(*at, used * width) : NULL;

	if (less) {
		*at = less;
		*cap = used;
	}
}

/* Of equal prefixes the last one stands. */
static uint32_t take_items(const struct weir_prefix_entry *entries, size_t count, bool v4, struct item *item)
{
	uint32_t items = 0;

	for (size_t i = 0; i < count; i++) {
		const struct weir_prefix_entry *e = &entries[i];

		if (weir_prefix_is_v4(&e->prefix) != v4)
			continue;
		if (i + 1 < count && weir_prefix_compare(&e->prefix, &entries[i + 1].prefix) == 0)
			continue;
		item[items++] = (struct item){key_of(e, v4), e->value, (uint8_t)(e->prefix.bits - (v4 ? 96 : 0))};
	}
	return items;
}

static int make(struct trie *t, const struct weir_prefix_entry *entries, size_t count, bool v4, struct item *scratch)
{
	uint32_t items = take_items(entries, count, v4, scratch);
	int rc;

	if (!items)
		return 0;
	t->root = calloc((size_t)1 << ROOT_BITS, sizeof(*t->root));
	if (!t->root)
		return -ENOMEM;
	rc = fill_root(t, scratch, items);
	shrink(&t->node, t->nodes, &t->nodes_cap, sizeof(*t->node));
	shrink(&t->value, t->values, &t->values_cap, sizeof(*t->value));
	return rc;
}

/* glibc's qsort is a merge sort, which keeps the order of equals, as long as it has the memory; so the order is part of what
 * is compared. */
struct numbered {
	struct weir_prefix_entry entry;
	uint32_t number;
};

static int compare(const void *a, const void *b)
{
	const struct numbered *x = a;
	const struct numbered *y = b;
	int order = weir_prefix_compare(&x->entry.prefix, &y->entry.prefix);

	return order ? order : x->number < y->number ? -1 : 1;
}

static bool is_sorted(const struct weir_prefix_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (weir_prefix_compare(&entries[i - 1].prefix, &entries[i].prefix) > 0)
			return false;
	}
	return true;
}

static int sort(struct weir_prefix_entry *entries, size_t count)
{
	struct numbered *n;

	if (is_sorted(entries, count))
		return 0;
	n = reallocarray(NULL, count, sizeof(*n));
	if (!n)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		n[i] = (struct numbered){entries[i], (uint32_t)i};
	qsort(n, count, sizeof(*n), compare);
	for (size_t i = 0; i < count; i++)
		entries[i] = n[i].entry;
	free(n);
	return 0;
}

int weir_prefix_table_new(struct weir_prefix_entry *entries, size_t count, struct weir_prefix_table **ret_table)
{
	struct weir_prefix_table *table;
	struct item *scratch;
	int rc;

	if (count > WEIR_PREFIX_VALUE_MAX)
		return -ENOMEM;
	table = calloc(1, sizeof(*table));
	scratch = calloc(count ? count : 1, sizeof(*scratch));
	rc = table && scratch ? sort(entries, count) : -ENOMEM;
	if (!rc)
		rc = make(&table->v4, entries, count, true, scratch);
	if (!rc)
		rc = make(&table->v6, entries, count, false, scratch);
	free(scratch);
	if (rc)
		weir_prefix_table_free(table);
	else
		*ret_table = table;
	return rc;
}

static void trie_done(struct trie *t)
{
	free(t->root);
	free(t->node);
	free(t->value);
}

void weir_prefix_table_free(struct weir_prefix_table *table)
{
	if (!table)
		return;
	trie_done(&table->v4);
	trie_done(&table->v6);
	free(table);
}

static size_t trie_bytes(const struct trie *t)
{
	size_t root = t->root ? ((size_t)1 << ROOT_BITS) * sizeof(*t->root) : 0;

	return root + t->nodes_cap * sizeof(*t->node) + t->values_cap * sizeof(*t->value);
}

size_t weir_prefix_table_bytes(const struct weir_prefix_table *table)
{
	return sizeof(*table) + trie_bytes(&table->v4) + trie_bytes(&table->v6);
}
