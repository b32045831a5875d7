/* Which exporters get one: addresses and ports are what anybody writes into a datagram, so one that came once must not
 * use up the stock. A table of fixed size, where a newcomer takes the place of whoever stands there, counts how often so
 * many came in one batch. The sockets that are given away stand in a second table, by open addressing, and stay.
 *
 * Datagrams of raw sockets and those of UDP sockets can take different queues of a network card. SIOCOUTQ of the raw
 * socket is what the card has not sent yet; at 0 nothing is left that could be overtaken. */
#include "replicate/senders.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xxhash.h>

#define SEND_BUFFER (4 << 20)
#define CANDIDATES  1024
#define TOGETHER    3 /* datagrams of a batch that make it worth a socket … */
#define OFTEN	    8 /* … in so many batches */
#define WAITING_MAX 16

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif

enum family { V4, V6, FAMILIES };

struct candidate {
	struct weir_addr addr;
	uint16_t port;
	uint8_t together;
	uint8_t often;
	uint32_t batch;
};

struct sender {
	struct weir_addr addr; /* all zeros: free */
	uint16_t port;
	int fd; /* -1: it cannot have one */
};

struct stock {
	int *fd; /* owned */
	unsigned count;
};

struct weir_replicate_senders {
	uint64_t seed;
	uint32_t batch;
	struct stock stock[FAMILIES];
	unsigned left; /* atomic: all of the stocks */
	struct sender *sender;
	uint32_t slots; /* a power of two */
	uint32_t used;	/* at most half of them */
	struct candidate candidate[CANDIDATES];
	struct sender waiting[WAITING_MAX];
	unsigned waits;
};

static enum family family_of(const struct weir_addr *addr)
{
	return weir_addr_is_v4(addr) ? V4 : V6;
}

static struct sockaddr_storage address_of(const struct weir_addr *addr, uint16_t port, socklen_t *ret_len)
{
	struct sockaddr_storage all = {0};

	if (family_of(addr) == V4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&all;

		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&v4->sin_addr, addr->byte + 12, 4);
		*ret_len = sizeof(*v4);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&all;

		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&v6->sin6_addr, addr->byte, 16);
		*ret_len = sizeof(*v6);
	}
	return all;
}

/* --- the stock ----------------------------------------------------------------------------------------------- */

/* Fragments on the way are allowed, for word of a smaller MTU would go to the exporter. It shares its port with the
 * receiver's sockets (which may have the same), and takes nothing in. */
static int sender_open(enum family family)
{
	static const struct {
		int family, level, transparent, discover, dont;
	} of[FAMILIES] = {
		[V4] = {AF_INET, IPPROTO_IP, IP_TRANSPARENT, IP_MTU_DISCOVER, IP_PMTUDISC_DONT},
		[V6] = {AF_INET6, IPPROTO_IPV6, IPV6_TRANSPARENT, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT},
	};
	int fd = socket(of[family].family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, least = 0, size = SEND_BUFFER;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, of[family].level, of[family].transparent, &on, sizeof(on)) ||
	    setsockopt(fd, of[family].level, of[family].discover, &of[family].dont, sizeof(of[family].dont)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) ||
	    (family == V6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

static int stock_fill(struct stock *stock, enum family family, unsigned count)
{
	stock->fd = calloc(count + 1, sizeof(*stock->fd));
	if (!stock->fd)
		return -ENOMEM;
	while (stock->count < count) {
		int fd = sender_open(family);

		if (fd < 0)
			break;
		stock->fd[stock->count++] = fd;
	}
	return 0;
}

int weir_replicate_senders_new(unsigned v4, unsigned v6, uint64_t seed, struct weir_replicate_senders **ret_senders)
{
	struct weir_replicate_senders *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->seed = seed;
	rc = stock_fill(&s->stock[V4], V4, v4);
	if (!rc)
		rc = stock_fill(&s->stock[V6], V6, v6);
	s->left = s->stock[V4].count + s->stock[V6].count;
	/* Room for as many that cannot have one. */
	for (s->slots = 16; s->slots < 4 * s->left;)
		s->slots *= 2;
	s->sender = rc ? NULL : calloc(s->slots, sizeof(*s->sender));
	if (!s->sender) {
		weir_replicate_senders_free(s);
		return -ENOMEM;
	}
	*ret_senders = s;
	return 0;
}

void weir_replicate_senders_free(struct weir_replicate_senders *senders)
{
	if (!senders)
		return;
	for (unsigned family = 0; family < FAMILIES; family++) {
		for (unsigned i = 0; i < senders->stock[family].count; i++)
			(void)close(senders->stock[family].fd[i]);
		free(senders->stock[family].fd);
	}
	for (uint32_t i = 0; senders->sender && i < senders->slots; i++) {
		if (!weir_addr_is_zero(&senders->sender[i].addr) && senders->sender[i].fd >= 0)
			(void)close(senders->sender[i].fd);
	}
	free(senders->sender);
	free(senders);
}

unsigned weir_replicate_senders_left(const struct weir_replicate_senders *senders)
{
	return senders ? __atomic_load_n(&senders->left, __ATOMIC_RELAXED) : 0;
}

/* --- who has one --------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct weir_replicate_senders *s, const struct weir_addr *addr, uint16_t port)
{
	return XXH64(addr->byte, sizeof(addr->byte), s->seed + port);
}

/* Its place, or the free one where it belongs. */
static struct sender *find(const struct weir_replicate_senders *s, const struct weir_addr *addr, uint16_t port, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		struct sender *at = &s->sender[i & (s->slots - 1)];

		if (weir_addr_is_zero(&at->addr) || (at->port == port && memcmp(&at->addr, addr, sizeof(*addr)) == 0))
			return at;
	}
}

static void count(struct weir_replicate_senders *s, const struct weir_addr *addr, uint16_t port, uint64_t hash)
{
	struct candidate *c = &s->candidate[(hash >> 32) % CANDIDATES];

	if (c->port != port || memcmp(&c->addr, addr, sizeof(*addr)) != 0)
		*c = (struct candidate){.addr = *addr, .port = port, .batch = s->batch};
	if (c->batch != s->batch) {
		c->batch = s->batch;
		c->together = 0;
	}
	if (c->together < TOGETHER && ++c->together == TOGETHER && ++c->often >= OFTEN && s->waits < WAITING_MAX) {
		c->often = 0;
		s->waiting[s->waits++] = (struct sender){.addr = *addr, .port = port, .fd = -1};
	}
}

int weir_replicate_senders_get(struct weir_replicate_senders *senders, const struct weir_addr *exporter, uint16_t port)
{
	const struct sender *found;
	uint64_t hash;

	if (!senders || !port || weir_addr_is_zero(exporter))
		return -1;
	hash = hash_of(senders, exporter, port);
	found = find(senders, exporter, port, hash);
	if (!weir_addr_is_zero(&found->addr))
		return found->fd;
	if (senders->stock[family_of(exporter)].count && senders->used < senders->slots / 2)
		count(senders, exporter, port, hash);
	return -1;
}

/* --- giving one away ----------------------------------------------------------------------------------------- */

static bool is_local(const struct weir_addr *addr)
{
	socklen_t len;
	struct sockaddr_storage any_port = address_of(addr, 0, &len);
	int fd = socket(any_port.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local = fd < 0 || bind(fd, (struct sockaddr *)&any_port, len) == 0;

	if (fd >= 0)
		(void)close(fd);
	return local;
}

/* One that cannot have a socket is noted, too, so that it is not tried again. */
static void give(struct weir_replicate_senders *s, const struct sender *to)
{
	struct stock *stock = &s->stock[family_of(&to->addr)];
	struct sender *at = find(s, &to->addr, to->port, hash_of(s, &to->addr, to->port));
	socklen_t len;
	struct sockaddr_storage address = address_of(&to->addr, to->port, &len);

	if (!weir_addr_is_zero(&at->addr) || !stock->count || s->used >= s->slots / 2)
		return;
	*at = *to;
	s->used++;
	if (is_local(&to->addr) || bind(stock->fd[stock->count - 1], (struct sockaddr *)&address, len))
		return;
	at->fd = stock->fd[--stock->count];
	__atomic_store_n(&s->left, s->left - 1, __ATOMIC_RELAXED);
}

static bool has_sent_all(int raw)
{
	int bytes = 0;

	return raw < 0 || (ioctl(raw, SIOCOUTQ, &bytes) == 0 && bytes == 0);
}

void weir_replicate_senders_settle(struct weir_replicate_senders *senders, int raw_v4, int raw_v6)
{
	unsigned kept = 0;

	if (!senders)
		return;
	senders->batch++;
	if (!senders->waits)
		return;
	for (unsigned i = 0; i < senders->waits; i++) {
		const struct sender waiting = senders->waiting[i];

		if (has_sent_all(family_of(&waiting.addr) == V4 ? raw_v4 : raw_v6))
			give(senders, &waiting);
		else
			senders->waiting[kept++] = waiting;
	}
	senders->waits = kept;
}
