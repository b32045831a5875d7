/* Two passes over some hundred rows at a time. The first fills the tables, so that both halves of a conversation profit when they
 * come together, and knows each row's place in them; the second weighs. Weights are in decibels of the odds: 10 is ten to
 * one, and what comes from different kinds of evidence is simply added.
 *
 * An end of a flow (address, port, protocol) is hashed once; a conversation's hash is the sum of both ends' and the
 * exporter's, the same for both directions, and its sides are told apart by which hash is the lower. */
#include "enrich/initiator.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_ROWS	   512
#define WAYS		   4
#define CONVERSATION_SETS  8192 /* of 4: 512 KiB */
#define LISTENER_SETS	   4096 /* of 8: 256 KiB */
#define LISTENER_WAYS	   8
#define TOGETHER_MS	   30000  /* halves whose beginnings are farther apart are not of one beginning */
#define FORGOTTEN_MIN	   30	  /* minutes without a word */
#define KNOWN_PEERS	   4	  /* so many others spoke with it: a listener */
#define CALLED		   64	  /* was called for certain */
#define HITS_MAX	   255
#define SURE		   9	  /* decibels from which on a port above 32767 may be a service's */
#define EPHEMERAL_FROM	   32768
#define WELL_KNOWN_BELOW   1024

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* The kinds of evidence and what each is worth. */
enum evidence {
	BY_EXPORTER, /* biflow_direction */
	BY_SYN,	     /* SYN without ACK in all that src sent */
	BY_SYN_ACK,  /* one packet, and it accepts */
	BY_REFUSAL,  /* one packet, and it refuses: RST with ACK */
	BY_ECHO,     /* ICMP's questions and answers */
	BY_GROUP,    /* UDP to all of a network, or to a group */
	BY_TIME_SYN, /* the half that began first, of halves with a SYN each */
	BY_TIME,     /* likewise, of UDP */
	BY_TIME_LATE, /* likewise, of TCP where the beginning may be missing */
	BY_CALLED,   /* the listener was seen called before */
	BY_PEERS,    /* many speak with the one end, few with the other */
	BY_SERVICE,  /* the port of one end is in the catalog, that of the other is not */
	BY_WELL_KNOWN, /* one port is below 1024 */
	BY_EPHEMERAL, /* one port is above 32767 */
	BY_LOWER,    /* one port is lower */
	EVIDENCES
};

static const int8_t WEIGHT[EVIDENCES] = {
	[BY_EXPORTER] = 100, [BY_SYN] = 25,	  [BY_SYN_ACK] = 20, [BY_REFUSAL] = 10, [BY_ECHO] = 20,   [BY_GROUP] = 10,
	[BY_TIME_SYN] = 17,  [BY_TIME] = 8,	  [BY_TIME_LATE] = 3, [BY_CALLED] = 10,  [BY_PEERS] = 5,
	[BY_SERVICE] = 8,    [BY_WELL_KNOWN] = 6, [BY_EPHEMERAL] = 5, [BY_LOWER] = 1,
};

struct conversation {
	uint32_t tag;	   /* 0: free */
	uint32_t start_ms; /* of the half that came first, its low bits */
	uint16_t seen_min; /* its low bits */
	int8_t found;	   /* decibels for the lower side, of what is certain enough to be kept */
	int8_t time;	   /* decibels for the lower side, by the times of both halves */
	uint8_t side;	   /* whose half came first: 1 the lower, 2 the higher */
	bool syn;	   /* of that half */
	bool timed;	   /* has a start */
	bool compared;
};
_Static_assert(sizeof(struct conversation) == 16, "four a line of the cache");

struct listener {
	uint32_t tag; /* 0: free */
	uint16_t peer; /* of whom was heard last */
	uint8_t hits;
	uint8_t seen; /* quarters of an hour, the low bits */
};
_Static_assert(sizeof(struct listener) == 8, "eight a line of the cache");

/* What the first pass knows of a row. */
struct row {
	uint64_t src, dst; /* hashes of the ends; 0: it has no ports */
	uint64_t talk;	   /* the conversation's */
	struct conversation *conversation; /* first its set, then its place there, as the next */
	struct listener *listener[2]; /* of src, dst */
	int own;		      /* decibels for src, by the row alone */
	bool low;		      /* src is the lower side */
};

struct weir_initiator {
	uint64_t seed;
	struct conversation *conversation; /* CONVERSATION_SETS of WAYS */
	struct listener *listener;	   /* LISTENER_SETS of LISTENER_WAYS */
	struct row row[SLICE_ROWS];
};

int weir_initiator_new(uint64_t seed, struct weir_initiator **ret_initiator)
{
	struct weir_initiator *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->seed = seed;
	i->conversation = aligned_alloc(64, CONVERSATION_SETS * WAYS * sizeof(*i->conversation));
	i->listener = aligned_alloc(64, LISTENER_SETS * LISTENER_WAYS * sizeof(*i->listener));
	if (!i->conversation || !i->listener) {
		weir_initiator_free(i);
		return -ENOMEM;
	}
	memset(i->conversation, 0, CONVERSATION_SETS * WAYS * sizeof(*i->conversation));
	memset(i->listener, 0, LISTENER_SETS * LISTENER_WAYS * sizeof(*i->listener));
	*ret_initiator = i;
	return 0;
}

void weir_initiator_free(struct weir_initiator *initiator)
{
	if (!initiator)
		return;
	free(initiator->conversation);
	free(initiator->listener);
	free(initiator);
}

size_t weir_initiator_bytes(void)
{
	return sizeof(struct weir_initiator) + CONVERSATION_SETS * WAYS * sizeof(struct conversation) +
	       LISTENER_SETS * LISTENER_WAYS * sizeof(struct listener);
}

/* --- hashes ----------------------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_end(const struct weir_addr *addr, uint16_t port, uint8_t proto, uint64_t seed)
{
	uint64_t a, b;

	memcpy(&a, addr->byte, sizeof(a));
	memcpy(&b, addr->byte + 8, sizeof(b));
	a = fold(a ^ seed, b ^ UINT64_C(0x9e3779b97f4a7c15));
	return fold(a ^ ((uint64_t)port << 8 | proto), seed | 1) | 1;
}

static struct conversation *conversation_set(const struct weir_initiator *i, uint64_t hash)
{
	return &i->conversation[(hash % CONVERSATION_SETS) * WAYS];
}

static struct listener *listener_set(const struct weir_initiator *i, uint64_t hash)
{
	return &i->listener[(hash % LISTENER_SETS) * LISTENER_WAYS];
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

/* --- tables ----------------------------------------------------------------------------------------------- */

/* The conversation, new or known; the one in its set that was silent for longest gives way. */
static inline struct conversation *find_conversation(struct conversation *set, uint64_t hash, uint16_t now_min)
{
	struct conversation *oldest = set;
	uint32_t tag = tag_of(hash);
	unsigned oldest_min = 0;

#pragma GCC unroll 4
	for (unsigned way = 0; way < WAYS; way++) {
		struct conversation *c = &set[way];

		if (c->tag != tag)
			continue;
		if ((uint16_t)(now_min - c->seen_min) > FORGOTTEN_MIN)
			*c = (struct conversation){.tag = tag};
		c->seen_min = now_min;
		return c;
	}
	/* Sets fill from the last on. */
#pragma GCC unroll 4
	for (unsigned way = WAYS; way-- > 0;) {
		struct conversation *c = &set[way];
		unsigned silent_min = (uint16_t)(now_min - c->seen_min);

		if (!c->tag) {
			oldest = c;
			break;
		}
		oldest = silent_min >= oldest_min ? c : oldest;
		oldest_min = silent_min >= oldest_min ? silent_min : oldest_min;
	}
	*oldest = (struct conversation){.tag = tag, .seen_min = now_min};
	return oldest;
}

/* Of a full set the one that is the least of a listener gives way; who was silent for two hours is none. */
static struct listener *take_place(struct listener *set, uint32_t tag, uint8_t now)
{
	struct listener *least = set;
	unsigned least_hits = HITS_MAX + 2;

	/* Sets fill from the first on, and no place is ever emptied. */
	if (!set[LISTENER_WAYS - 1].tag) {
		while (least->tag)
			least++;
		*least = (struct listener){.tag = tag, .seen = now};
		return least;
	}
#pragma GCC unroll 8
	for (unsigned way = 0; way < LISTENER_WAYS; way++) {
		struct listener *l = &set[way];
		unsigned hits = (uint8_t)(now - l->seen) > 8 ? 1 : l->hits + 2U;

		least = hits < least_hits ? l : least;
		least_hits = hits < least_hits ? hits : least_hits;
	}
	*least = (struct listener){.tag = tag, .seen = now};
	return least;
}

static inline struct listener *find_listener(struct listener *set, uint64_t hash, uint8_t now)
{
	uint32_t tag = tag_of(hash);

#pragma GCC unroll 8
	for (unsigned way = 0; way < LISTENER_WAYS; way++) {
		struct listener *l = &set[way];

		if (l->tag != tag)
			continue;
		l->hits = (uint8_t)(now - l->seen) > 8 ? 0 : l->hits;
		l->seen = now;
		return l;
	}
	return take_place(set, tag, now);
}

static void add_hits(struct listener *l, unsigned hits)
{
	l->hits = (uint8_t)(l->hits + hits < HITS_MAX ? l->hits + hits : HITS_MAX);
}

static void hear_of(struct listener *l, uint64_t peer)
{
	uint16_t short_peer = (uint16_t)(peer >> 16);

	if (l->hits && l->peer == short_peer)
		return;
	l->peer = short_peer;
	add_hits(l, 1);
}

/* --- evidence --------------------------------------------------------------------------------------------- */

static int by_flags(uint16_t flags, bool single)
{
	if (flags & TCP_SYN) {
		if (!(flags & TCP_ACK))
			return WEIGHT[BY_SYN];
		return single ? -WEIGHT[BY_SYN_ACK] : 0;
	}
	return single && (flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) ? -WEIGHT[BY_REFUSAL] : 0;
}

/* Echo, timestamp and mask requests, router and neighbour solicitations, against their answers. */
static int by_icmp(uint8_t proto, uint8_t type)
{
	static const uint8_t asks[2][5] = {{8, 13, 15, 17, 10}, {128, 130, 133, 135, 139}};
	static const uint8_t answers[2][5] = {{0, 14, 16, 18, 9}, {129, 131, 134, 136, 140}};

	for (unsigned i = 0; i < 5; i++) {
		if (asks[proto == 58][i] == type)
			return WEIGHT[BY_ECHO];
		if (answers[proto == 58][i] == type)
			return -WEIGHT[BY_ECHO];
	}
	return 0;
}

static int by_ports(const struct weir_catalog *catalog, uint8_t proto, uint16_t src, uint16_t dst)
{
	bool src_known = weir_catalog_find(catalog, proto, src) != 0;
	bool dst_known = weir_catalog_find(catalog, proto, dst) != 0;
	uint16_t low = src < dst ? src : dst;
	uint16_t high = src < dst ? dst : src;
	int sum = 0;

	if (src == dst)
		return 0;
	if (src_known != dst_known)
		sum += dst_known ? WEIGHT[BY_SERVICE] : -WEIGHT[BY_SERVICE];
	if (low < WELL_KNOWN_BELOW && high >= WELL_KNOWN_BELOW)
		sum += low == dst ? WEIGHT[BY_WELL_KNOWN] : -WEIGHT[BY_WELL_KNOWN];
	else if (low < EPHEMERAL_FROM && high >= EPHEMERAL_FROM)
		sum += low == dst ? WEIGHT[BY_EPHEMERAL] : -WEIGHT[BY_EPHEMERAL];
	if (!sum)
		sum = low == dst ? WEIGHT[BY_LOWER] : -WEIGHT[BY_LOWER];
	return sum;
}

/* Where both ports are the same, whoever speaks with many may as well be the one who asks them all. */
static int by_listeners(const struct listener *src, const struct listener *dst, bool same_port)
{
	bool src_called = src->hits >= CALLED, dst_called = dst->hits >= CALLED;

	if (src_called != dst_called)
		return dst_called ? WEIGHT[BY_CALLED] : -WEIGHT[BY_CALLED];
	if (same_port)
		return 0;
	if (dst->hits >= KNOWN_PEERS && src->hits <= 1)
		return WEIGHT[BY_PEERS];
	return src->hits >= KNOWN_PEERS && dst->hits <= 1 ? -WEIGHT[BY_PEERS] : 0;
}

/* Compare the beginnings of both halves, once: later records of the same conversation begin when the exporter cut it. */
static void compare_times(struct conversation *c, const struct row *r, uint8_t proto, int64_t start_ms, bool syn)
{
	uint8_t side = r->low ? 1 : 2;
	int32_t later;
	int weight;

	if (!c->timed) {
		c->timed = true;
		c->start_ms = (uint32_t)start_ms;
		c->side = side;
		c->syn = syn;
		return;
	}
	if (c->side == side || c->compared)
		return;
	later = (int32_t)((uint32_t)start_ms - c->start_ms);
	c->compared = true;
	if (!later || later > TOGETHER_MS || later < -TOGETHER_MS)
		return;
	weight = proto != 6 ? WEIGHT[BY_TIME] : syn && c->syn ? WEIGHT[BY_TIME_SYN] : WEIGHT[BY_TIME_LATE];
	c->time = (int8_t)((later > 0) == (c->side == 1) ? weight : -weight);
}

/* --- the passes ------------------------------------------------------------------------------------------- */

/* The columns that are read and written. */
struct columns {
	const struct weir_addr *src_addr, *dst_addr, *exporter;
	const uint16_t *src_port, *dst_port, *flags;
	const uint8_t *proto, *biflow, *icmp_type;
	const uint32_t *rate;
	const uint64_t *packets;
	const int64_t *start, *received;
	uint8_t *initiator, *confidence;
	uint16_t *service_port;
};

static struct columns columns_of(const struct weir_block *b)
{
	return (struct columns){
		.src_addr = weir_block_addr(b, WEIR_COL_SRC_ADDR), .dst_addr = weir_block_addr(b, WEIR_COL_DST_ADDR),
		.exporter = weir_block_addr(b, WEIR_COL_EXPORTER_ADDR), .src_port = weir_block_u16(b, WEIR_COL_SRC_PORT),
		.dst_port = weir_block_u16(b, WEIR_COL_DST_PORT), .flags = weir_block_u16(b, WEIR_COL_TCP_FLAGS),
		.proto = weir_block_u8(b, WEIR_COL_PROTO), .biflow = weir_block_u8(b, WEIR_COL_BIFLOW_DIRECTION),
		.icmp_type = weir_block_u8(b, WEIR_COL_ICMP_TYPE), .rate = weir_block_u32(b, WEIR_COL_SAMPLING_RATE),
		.packets = weir_block_u64(b, WEIR_COL_PACKETS), .start = weir_block_time(b, WEIR_COL_TIME_START),
		.received = weir_block_time(b, WEIR_COL_TIME_RECEIVED), .initiator = weir_block_u8(b, WEIR_COL_INITIATOR),
		.confidence = weir_block_u8(b, WEIR_COL_INITIATOR_CONFIDENCE),
		.service_port = weir_block_u16(b, WEIR_COL_SERVICE_PORT),
	};
}

static void hash_rows(struct weir_initiator *i, const struct columns *c, uint32_t first, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		struct row *r = &i->row[n];
		uint32_t at = first + n;
		uint64_t exporter;

		if (weir_catalog_ports_of(c->proto[at]) < 0) {
			r->src = 0;
			continue;
		}
		memcpy(&exporter, c->exporter[at].byte + 8, sizeof(exporter));
		r->src = hash_end(&c->src_addr[at], c->src_port[at], c->proto[at], i->seed);
		r->dst = hash_end(&c->dst_addr[at], c->dst_port[at], c->proto[at], i->seed);
		r->talk = r->src + r->dst + exporter;
		r->low = r->src < r->dst;
		r->conversation = conversation_set(i, r->talk);
		r->listener[0] = listener_set(i, r->src);
		r->listener[1] = listener_set(i, r->dst);
		__builtin_prefetch(r->conversation, 1);
		__builtin_prefetch(r->listener[0], 1);
		__builtin_prefetch(r->listener[1], 1);
	}
}

/* A group's address, or one that looks like a network's last. */
static bool is_group(const struct weir_addr *addr)
{
	if (!weir_addr_is_v4(addr))
		return addr->byte[0] == 0xff;
	return addr->byte[15] == 0xff || (addr->byte[12] & 0xf0) == 0xe0;
}

static int by_row(const struct columns *c, uint32_t at)
{
	if (c->biflow[at] == 1 || c->biflow[at] == 2)
		return c->biflow[at] == 1 ? WEIGHT[BY_EXPORTER] : -WEIGHT[BY_EXPORTER];
	if (c->proto[at] == 6)
		return by_flags(c->flags[at], c->packets[at] == 1);
	if (c->proto[at] == 17)
		return is_group(&c->dst_addr[at]) ? WEIGHT[BY_GROUP] : 0;
	return c->proto[at] == 1 || c->proto[at] == 58 ? by_icmp(c->proto[at], c->icmp_type[at]) : 0;
}

/* What was certain of this row teaches who listens. */
static void learn(const struct row *r)
{
	if (r->own >= WEIGHT[BY_SYN_ACK])
		add_hits(r->listener[1], CALLED);
	else if (r->own <= -WEIGHT[BY_SYN_ACK])
		add_hits(r->listener[0], CALLED);
	hear_of(r->listener[0], r->dst);
	hear_of(r->listener[1], r->src);
}

static void note_rows(struct weir_initiator *i, const struct columns *c, uint32_t first, uint32_t count)
{
	int64_t received = c->received[first];
	uint16_t now_min = (uint16_t)(received / 60000);

	for (uint32_t n = 0; n < count; n++) {
		struct row *r = &i->row[n];
		uint32_t at = first + n;

		/* Rows of one message were received together. */
		if (c->received[at] != received) {
			received = c->received[at];
			now_min = (uint16_t)(received / 60000);
		}
		r->own = by_row(c, at);
		if (!r->src)
			continue;
		r->conversation = find_conversation(r->conversation, r->talk, now_min);
		r->listener[0] = find_listener(r->listener[0], r->src, (uint8_t)(now_min / 15));
		r->listener[1] = find_listener(r->listener[1], r->dst, (uint8_t)(now_min / 15));
		learn(r);
		/* Of sampled packets the first that was picked says nothing of which was first. */
		if (c->start[at] > 0 && c->rate[at] <= 1)
			compare_times(r->conversation, r, c->proto[at], c->start[at], (c->flags[at] & TCP_SYN) != 0);
	}
}

/* For src. Between the passes an entry may have gone to another conversation, of which nothing is known yet. */
static int weigh(const struct weir_catalog *catalog, const struct columns *c, const struct row *r, uint32_t at)
{
	struct conversation *talk = r->conversation;
	int sign = r->low ? 1 : -1;
	int sum, found;

	if (!r->src || abs(r->own) >= WEIGHT[BY_EXPORTER])
		return r->own;
	sum = r->own + by_ports(catalog, c->proto[at], c->src_port[at], c->dst_port[at]);
	if (r->listener[0]->tag == tag_of(r->src) && r->listener[1]->tag == tag_of(r->dst))
		sum += by_listeners(r->listener[0], r->listener[1], c->src_port[at] == c->dst_port[at]);
	if (talk->tag != tag_of(r->talk))
		return sum;
	sum += sign * talk->time;
	/* What an earlier record told holds, unless this one knows better. */
	found = sign * talk->found;
	if (abs(found) > abs(sum))
		sum = found;
	else
		talk->found = (int8_t)(sign * (sum > 100 ? 100 : sum < -100 ? -100 : sum));
	return sum;
}

/* Odds of 10^(decibels / 10) to one, as percent. */
static uint8_t percent(int decibels)
{
	static const uint8_t table[] = {50, 56, 61, 67, 72, 76, 80, 83, 86, 89, 91, 93, 94, 95, 96, 97, 98, 98, 98, 99};

	if (decibels >= WEIGHT[BY_EXPORTER])
		return 100;
	return decibels < (int)sizeof(table) ? table[decibels] : 99;
}

/* A high port that no catalog has is a service's only where that is well founded. */
static uint16_t service_port(const struct weir_catalog *catalog, uint8_t proto, uint16_t port, int decibels)
{
	bool service = port < EPHEMERAL_FROM || decibels >= SURE || weir_catalog_find(catalog, proto, port);

	return weir_catalog_ports_of(proto) >= 0 && service ? port : 0;
}

static void tell_rows(const struct weir_initiator *i, const struct weir_catalog *catalog, const struct columns *c,
		      uint32_t first, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		uint32_t at = first + n;
		int sum = weigh(catalog, c, &i->row[n], at);
		int sure = abs(sum);

		c->initiator[at] = sum > 0 ? 1 : sum < 0 ? 2 : 0;
		c->confidence[at] = sum ? percent(sure) : 0;
		c->service_port[at] = sum || c->src_port[at] == c->dst_port[at]
					      ? service_port(catalog, c->proto[at], sum < 0 ? c->src_port[at] : c->dst_port[at], sure)
					      : 0;
	}
}

void weir_initiator_block(struct weir_initiator *initiator, const struct weir_catalog *catalog, struct weir_block *block)
{
	const struct columns columns = columns_of(block);

	for (uint32_t first = 0; first < block->rows; first += SLICE_ROWS) {
		uint32_t count = block->rows - first < SLICE_ROWS ? block->rows - first : SLICE_ROWS;

		hash_rows(initiator, &columns, first, count);
		note_rows(initiator, &columns, first, count);
		tell_rows(initiator, catalog, &columns, first, count);
	}
}
