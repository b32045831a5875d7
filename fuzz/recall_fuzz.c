/* Datagrams of NetFlow v9 and IPFIX to the replicator's memory of templates: a byte that picks the ceilings, then for
 * each datagram its length (2 bytes) and its bytes. What is kept stays within the ceilings; and what is told, learned by
 * another memory, is the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "replicate/recall.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_recall_limits SMALL = {.domains_max = 2, .items_max = 5, .bytes_max = 2048};
static const struct weir_recall_limits LARGE = {.domains_max = 8, .items_max = 256, .bytes_max = 1 << 20};

struct memory {
	struct weir_recall recall;
	struct weir_recall_store store;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void learn(void *ctx, const uint8_t *bytes, size_t len)
{
	struct memory *m = ctx;
	uint8_t *exact = malloc(len ? len : 1);
	struct weir_replicate_message peeked;
	struct weir_recall_domain *d;

	require(exact != NULL);
	if (len)
		memcpy(exact, bytes, len);
	peeked = weir_replicate_peek(exact, len);
	d = weir_replicate_header_len(peeked.protocol) ? weir_recall_domain(&m->recall, &m->store, peeked.domain) : NULL;
	if (d)
		weir_recall_learn(d, &m->store, &peeked);
	require(m->recall.count <= m->store.limits.domains_max && m->store.bytes <= m->store.limits.bytes_max);
	require(!d || d->count <= m->store.limits.items_max);
	free(exact);
}

static void tell(struct memory *m, const uint8_t *bytes, size_t len)
{
	const struct weir_replicate_message next = weir_replicate_peek(bytes, len);
	struct memory other = {.store = {.limits = LARGE, .seed = 1}};

	for (uint32_t i = 0; weir_replicate_header_len(next.protocol) && i < m->recall.count; i++) {
		if (m->recall.domain[i].id == next.domain)
			require(weir_recall_tell(&m->recall.domain[i], &next, learn, &other) == 0);
	}
	weir_recall_done(&other.recall, &other.store);
	require(other.store.bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_cursor c = weir_cursor(data, size);
	struct memory m = {.store = {.limits = weir_cursor_u8(&c) & 1 ? SMALL : LARGE, .seed = 1}};

	while (weir_cursor_left(&c)) {
		size_t len = weir_cursor_u16(&c);

		if (len > weir_cursor_left(&c))
			len = weir_cursor_left(&c);
		data = weir_cursor_take(&c, len);
		if (!data)
			break;
		tell(&m, data, len);
		learn(&m, data, len);
	}
	weir_recall_done(&m.recall, &m.store);
	require(m.store.bytes == 0 && m.store.items == 0);
	return 0;
}
