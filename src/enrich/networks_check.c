/* What a person may have meant otherwise. */
#include <stdlib.h>
#include <string.h>

#include "enrich/networks.h"

#define TEXT_MAX 1024

struct checking {
	const struct weir_networks *networks;
	const struct weir_vocabulary *vocabulary;
	weir_networks_tell *tell;
	void *ctx;
};

/* "FILE's line 7", or that it is in the configuration. */
static const char *place(uint32_t line, char *out, size_t size)
{
	if (line)
		(void)snprintf(out, size, "line %u", line);
	else
		(void)snprintf(out, size, "networks.list");
	return out;
}

static void check_twice(const struct checking *c)
{
	const struct weir_networks *n = c->networks;
	char prefix[WEIR_PREFIX_TEXT_MAX], one[32], other[32], text[TEXT_MAX];
	uint32_t known = n->twices < WEIR_NETWORKS_TWICE_MAX ? n->twices : WEIR_NETWORKS_TWICE_MAX;

	for (uint32_t i = 0; i < n->twices; i++) {
		if (i >= known) {
			c->tell(c->ctx, WEIR_FINDING_TWICE, "a network stands twice");
			continue;
		}
		(void)weir_prefix_text(&n->twice[i].prefix, prefix);
		(void)snprintf(text, sizeof(text), "%s stands twice, in %s and %s: the later one counts", prefix,
			       place(n->twice[i].lost, one, sizeof(one)), place(n->twice[i].line, other, sizeof(other)));
		c->tell(c->ctx, WEIR_FINDING_TWICE, text);
	}
}

static void check_overlaps(const struct checking *c)
{
	const struct weir_networks *n = c->networks;
	char text[TEXT_MAX];

	for (uint32_t i = 1; i < n->count; i++) {
		const struct weir_network *own = &n->network[i];
		const struct weir_network *around = &n->network[own->parent];

		if (!own->parent || !around->zone || own->zone == around->zone)
			continue;
		(void)snprintf(text, sizeof(text), "%s (zone %s) lies within %s (zone %s): its addresses are of zone %s",
			       weir_vocabulary_word(c->vocabulary, own->subnet).text,
			       weir_vocabulary_word(c->vocabulary, own->zone).text,
			       weir_vocabulary_word(c->vocabulary, around->subnet).text,
			       weir_vocabulary_word(c->vocabulary, around->zone).text,
			       weir_vocabulary_word(c->vocabulary, own->zone).text);
		c->tell(c->ctx, WEIR_FINDING_OVERLAP, text);
	}
}

static struct weir_addr neighbour(struct weir_addr addr, int step)
{
	for (unsigned i = 16; i-- > 0;) {
		unsigned before = addr.byte[i];

		addr.byte[i] = (uint8_t)(before + (unsigned)step);
		if (step > 0 ? before != 0xff : before != 0)
			break;
	}
	return addr;
}

static void tell_gap(const struct checking *c, const struct weir_addr *from, const struct weir_addr *to, const char *within)
{
	char first[WEIR_ADDR_TEXT_MAX], last[WEIR_ADDR_TEXT_MAX], text[TEXT_MAX];

	(void)weir_addr_text(from, first);
	(void)weir_addr_text(to, last);
	if (within)
		(void)snprintf(text, sizeof(text), "%s to %s, of %s, is in none of its parts", first, last, within);
	else
		(void)snprintf(text, sizeof(text), "%s to %s, private addresses, is in no network", first, last);
	c->tell(c->ctx, WEIR_FINDING_GAP, text);
}

/* A part of a network that was walked over: from its beginning to where the last of its parts ends. */
struct walk {
	struct weir_addr next; /* the first address behind the last part */
	bool begun, full;
};

static void walk_part(const struct checking *c, struct walk *w, const struct weir_prefix *whole, const struct weir_prefix *part,
		      const char *within)
{
	struct weir_addr end = weir_prefix_last(part);
	struct weir_addr whole_end = weir_prefix_last(whole);
	struct weir_addr before = neighbour(part->addr, -1);

	if (!w->begun)
		w->next = whole->addr;
	w->begun = true;
	if (memcmp(&w->next, &part->addr, sizeof(w->next)) < 0)
		tell_gap(c, &w->next, &before, within);
	w->full = memcmp(&end, &whole_end, sizeof(end)) >= 0;
	w->next = neighbour(end, 1);
}

static void walk_end(const struct checking *c, const struct walk *w, const struct weir_prefix *whole, const char *within)
{
	struct weir_addr last = weir_prefix_last(whole);

	if (w->begun && !w->full)
		tell_gap(c, &w->next, &last, within);
}

/* A network is divided when it has parts larger than an address: a server's line makes no gap beside it. */
static void check_divided(const struct checking *c, struct walk *walk)
{
	const struct weir_networks *n = c->networks;

	for (uint32_t i = 1; i < n->count; i++) {
		uint32_t parent = n->network[i].parent;

		if (parent && n->network[i].prefix.bits < 128)
			walk_part(c, &walk[parent], &n->network[parent].prefix, &n->network[i].prefix,
				  weir_vocabulary_word(c->vocabulary, n->network[parent].subnet).text);
	}
	for (uint32_t i = 1; i < n->count; i++)
		walk_end(c, &walk[i], &n->network[i].prefix, weir_vocabulary_word(c->vocabulary, n->network[i].subnet).text);
}

static void check_private(const struct checking *c, const char *text)
{
	const struct weir_networks *n = c->networks;
	struct weir_prefix block;
	struct walk walk = {0};
	bool covered = false;

	if (weir_prefix_parse(text, strlen(text), &block))
		return;
	for (uint32_t i = 1; i < n->count; i++) {
		const struct weir_prefix *p = &n->network[i].prefix;

		if (n->network[i].parent || weir_prefix_is_v4(p) != weir_prefix_is_v4(&block))
			continue;
		if (p->bits <= block.bits && weir_prefix_has(p, &block.addr))
			covered = true;
		else if (p->bits > block.bits && weir_prefix_has(&block, &p->addr))
			walk_part(c, &walk, &block, p, NULL);
	}
	if (covered)
		return;
	if (walk.begun) {
		walk_end(c, &walk, &block, NULL);
	} else {
		struct weir_addr last = weir_prefix_last(&block);

		tell_gap(c, &block.addr, &last, NULL);
	}
}

void weir_networks_check(const struct weir_networks *networks, const struct weir_vocabulary *vocabulary,
			 weir_networks_tell *tell, void *ctx)
{
	static const char *const PRIVATE[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"};
	const struct checking c = {networks, vocabulary, tell, ctx};
	struct walk *walk;

	check_twice(&c);
	check_overlaps(&c);
	if (networks->count < 2)
		return;
	walk = calloc(networks->count, sizeof(*walk));
	if (walk)
		check_divided(&c, walk);
	free(walk);
	for (size_t i = 0; i < sizeof(PRIVATE) / sizeof(PRIVATE[0]); i++)
		check_private(&c, PRIVATE[i]);
}
