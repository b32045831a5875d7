#include "web/limiter.h"

#include <string.h>
#include <xxhash.h>

#include "base/clock.h"

#define PROBES	  16
#define FORGET_NS (3600 * WEIR_NS_PER_S)

static uint64_t key_of_addr(const struct weir_web_limiter *l, const struct weir_addr *addr)
{
	struct weir_addr network = *addr;

	if (!weir_addr_is_v4(addr))
		memset(network.byte + 8, 0, 8);
	return XXH3_64bits_withSeed(&network, sizeof(network), l->seed) | 1;
}

static uint64_t key_of_name(const struct weir_web_limiter *l, const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name), l->seed ^ 0x6e616d65) | 1;
}

static const struct weir_web_limiter_row *find(const struct weir_web_limiter *l, uint64_t key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		const struct weir_web_limiter_row *row = &l->row[(key + i) % WEIR_WEB_LIMITER_ROWS];

		if (row->key == key)
			return row;
	}
	return NULL;
}

static int64_t until(const struct weir_web_limiter *l, uint64_t key)
{
	const struct weir_web_limiter_row *row = find(l, key);

	return row ? row->until_ns : 0;
}

unsigned weir_web_limiter_wait_s(const struct weir_web_limiter *l, const struct weir_addr *addr, const char *name,
				 int64_t now_ns)
{
	int64_t by_addr = until(l, key_of_addr(l, addr));
	int64_t by_name = until(l, key_of_name(l, name));
	int64_t last = by_addr > by_name ? by_addr : by_name;

	return last > now_ns ? (unsigned)((last - now_ns + WEIR_NS_PER_S - 1) / WEIR_NS_PER_S) : 0;
}

static struct weir_web_limiter_row *place_of(struct weir_web_limiter *l, uint64_t key)
{
	struct weir_web_limiter_row *oldest = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct weir_web_limiter_row *row = &l->row[(key + i) % WEIR_WEB_LIMITER_ROWS];

		if (row->key == key)
			return row;
		if (!oldest || !row->key || (oldest->key && row->last_ns < oldest->last_ns))
			oldest = row;
	}
	*oldest = (struct weir_web_limiter_row){.key = key};
	return oldest;
}

static void count(struct weir_web_limiter *l, uint64_t key, int64_t most_s, int64_t now_ns)
{
	struct weir_web_limiter_row *row = place_of(l, key);
	int64_t wait_s;

	if (row->failures && now_ns - row->last_ns > FORGET_NS)
		row->failures = 0;
	row->failures += row->failures < 1000;
	row->last_ns = now_ns;
	if (row->failures < WEIR_WEB_TRIES)
		return;
	wait_s = row->failures - WEIR_WEB_TRIES < 10 ? INT64_C(1) << (row->failures - WEIR_WEB_TRIES) : most_s;
	row->until_ns = now_ns + (wait_s < most_s ? wait_s : most_s) * WEIR_NS_PER_S;
}

void weir_web_limiter_failed(struct weir_web_limiter *l, const struct weir_addr *addr, const char *name, int64_t now_ns)
{
	count(l, key_of_addr(l, addr), WEIR_WEB_WAIT_ADDR_S, now_ns);
	count(l, key_of_name(l, name), WEIR_WEB_WAIT_NAME_S, now_ns);
}

static void forget(struct weir_web_limiter *l, uint64_t key)
{
	struct weir_web_limiter_row *row = (struct weir_web_limiter_row *)(uintptr_t)find(l, key);

	if (row)
		*row = (struct weir_web_limiter_row){0};
}

void weir_web_limiter_succeeded(struct weir_web_limiter *l, const struct weir_addr *addr, const char *name)
{
	forget(l, key_of_addr(l, addr));
	forget(l, key_of_name(l, name));
}
