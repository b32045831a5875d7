/* What enrichment costs a flow:
 *
 *   enrich [PREFIXES] [TIMES] [THREATS]
 *
 * Makes a million prefixes (unless told otherwise), as an Internet routing table has them: mostly /24 and some shorter, a quarter IPv6; and
 * blocks of flows between addresses in them, few of which come often and many seldom. Prints nanoseconds of processor time: for a look-up, of random addresses
 * and of the flows', and for a flow through the whole of enrichment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrich/enrich.h"
#include "policy/policy.h"

#define ROWS 8192

static uint64_t state = 88172645463325252U;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int64_t used_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "enrich: %s\n", what);
	exit(1);
}

static struct weir_prefix draw_prefix(unsigned i)
{
	bool v4 = i % 4 != 3;
	unsigned bits = v4 ? (draw() % 10 < 6 ? 24 : 16 + (unsigned)(draw() % 9)) : (draw() % 2 ? 48 : 32 + (unsigned)(draw() % 17));
	char text[64];
	struct weir_prefix prefix;
	uint32_t a = (uint32_t)draw();

	if (v4)
		(void)snprintf(text, sizeof(text), "%u.%u.%u.0/%u", a % 223 + 1, a >> 8 & 255, a >> 16 & 255, bits);
	else
		(void)snprintf(text, sizeof(text), "2%x:%x:%x::/%u", a & 0xfff, a >> 12 & 0xffff, (unsigned)(draw() & 0xffff), bits);
	if (weir_prefix_parse(text, strlen(text), &prefix) < 0)
		die(text);
	return prefix;
}

/* An address somewhere in a prefix. */
static struct weir_addr draw_addr(const struct weir_prefix *p)
{
	struct weir_addr addr = p->addr;
	uint64_t low = draw();

	for (unsigned i = p->bits / 8U + 1; i < 16; i++)
		addr.byte[i] = (uint8_t)(low >> (i % 8 * 8));
	return addr;
}

/* Of n things the first ones come most often. */
static size_t draw_rank(size_t n)
{
	double u = (double)(draw() >> 11) / (double)(UINT64_C(1) << 53);

	return (size_t)((double)n * u * u * u * u);
}

static void look_up(const struct weir_prefix_table *table, const struct weir_addr *addr, size_t count, const char *what)
{
	uint64_t sum = 0;
	int64_t start = used_ns();

	for (size_t i = 0; i < count; i++)
		sum += weir_prefix_table_find(table, &addr[i]);
	printf("look-up of %s addresses: %.1f ns (sum %llu)\n", what, (double)(used_ns() - start) / (double)count,
	       (unsigned long long)sum);
}

static void look_up_all(const struct weir_prefix_table *table, const struct weir_addr *addr, size_t count, const char *what)
{
	static uint32_t value[ROWS];
	uint64_t sum = 0;
	int64_t start = used_ns();

	for (size_t i = 0; i < count; i += ROWS) {
		size_t rows = count - i < ROWS ? count - i : ROWS;

		weir_prefix_table_find_all(table, &addr[i], (uint32_t)rows, value);
		for (size_t k = 0; k < rows; k++)
			sum += value[k];
	}
	printf("look-up of %s addresses, a block at a time: %.1f ns (sum %llu)\n", what, (double)(used_ns() - start) / (double)count,
	       (unsigned long long)sum);
}

static void fill(struct weir_block *block, const struct weir_addr *addr, size_t addrs)
{
	static const uint16_t ports[] = {443, 443, 443, 53, 53, 80, 22, 445, 123, 3389, 5432, 25};
	static const enum weir_column_id ids[] = {
		WEIR_COL_TIME_RECEIVED, WEIR_COL_TIME_START, WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_SRC_PORT,
		WEIR_COL_DST_PORT, WEIR_COL_PROTO, WEIR_COL_TCP_FLAGS, WEIR_COL_PACKETS, WEIR_COL_SAMPLING_RATE};
	struct weir_column_set set = {0};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		weir_column_set_add(&set, ids[i]);
	for (uint32_t row = 0; row < ROWS; row++) {
		uint16_t service = ports[draw() % (sizeof(ports) / sizeof(ports[0]))];
		uint16_t client = (uint16_t)(32768 + draw() % 28000);
		bool answer = draw() & 1;

		weir_block_time(block, WEIR_COL_TIME_RECEIVED)[row] = 1767225600000;
		weir_block_time(block, WEIR_COL_TIME_START)[row] = 1767225600000 - (int64_t)(draw() % 60000);
		weir_block_addr(block, WEIR_COL_SRC_ADDR)[row] = addr[draw_rank(addrs)];
		weir_block_addr(block, WEIR_COL_DST_ADDR)[row] = addr[draw_rank(addrs)];
		weir_block_u16(block, WEIR_COL_SRC_PORT)[row] = answer ? service : client;
		weir_block_u16(block, WEIR_COL_DST_PORT)[row] = answer ? client : service;
		weir_block_u8(block, WEIR_COL_PROTO)[row] = service == 53 || service == 123 ? 17 : 6;
		weir_block_u16(block, WEIR_COL_TCP_FLAGS)[row] = 0x1b;
		weir_block_u64(block, WEIR_COL_PACKETS)[row] = draw() % 20 + 1;
		weir_block_u32(block, WEIR_COL_SAMPLING_RATE)[row] = 1;
	}
	weir_block_commit(block, ROWS, &set);
}

static void write_networks(const char *path, const struct weir_prefix *prefix, size_t count)
{
	FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	(void)fputs("prefix,zone,role,description,owner\n", file);
	for (size_t i = 0; i < count; i++) {
		char text[WEIR_PREFIX_TEXT_MAX];

		(void)weir_prefix_text(&prefix[i], text);
		(void)fprintf(file, "%s,zone%zu,%s,,owner%zu\n", text, i % 200, i % 50 ? "" : "dns ntp", i % 1000);
	}
	if (fclose(file))
		die(path);
}

static struct weir_vocabulary *vocabulary_new(struct weir_vocabulary **ret_vocabulary)
{
	if (weir_vocabulary_new(&weir_vocabulary_limits_default, 1, ret_vocabulary))
		die("no memory");
	return *ret_vocabulary;
}

/* 500 rules, of which the flows match the last few, as in a policy that has grown for years. */
static struct weir_policy *made_policy(struct weir_vocabulary *vocabulary)
{
	static char text[200 * 1000];
	size_t len = (size_t)snprintf(text, sizeof(text), "sets: {own: [198.51.100.0/24, 203.0.113.0/24]}\nrules:\n");
	struct weir_rule_file *file = NULL;
	struct weir_policy *policy = NULL;
	struct weir_error err = {0};

	for (unsigned i = 0; i < 497; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  - {name: r%u, from: [zone zone%u, role r%u], to: %s, over: tcp/%u, action: allow}\n",
					i, i % 200, i % 7, i % 3 ? "internal" : "set own", 10000 + i);
	(void)snprintf(text + len, sizeof(text) - len,
		       "  - {name: dns, to: role dns, over: port 53, action: allow}\n"
		       "  - {name: web, from: internal, over: [tcp/443, tcp/80], action: allow}\n"
		       "  - {name: rest, action: allow}\n");
	if (weir_rule_file_read("made", text, strlen(text), &file, &err) || weir_policy_new(&file, 1, NULL, vocabulary, &policy, &err))
		die(err.what);
	return policy;
}

static void enrich(const char *path, const struct weir_addr *addr, size_t addrs, unsigned times)
{
	struct weir_enrich_options options = {.networks = {.file = path}};
	struct weir_vocabulary *vocabulary;
	struct weir_enrich_worker *worker;
	struct weir_enrich *e;
	struct weir_block *block;
	struct weir_error err = {0};
	struct weir_policy *policy = made_policy(vocabulary_new(&vocabulary));
	struct weir_judge *judge;
	int64_t enrich_ns = 0;
	int64_t judge_ns = 0;
	int64_t start = used_ns();

	if (weir_judge_new(policy, 1, &judge) || weir_enrich_new(&options, vocabulary, &e, &err) || weir_enrich_worker_new(e, 1, &worker) ||
	    weir_block_new(&weir_block_limits_default, &block))
		die(err.what);
	printf("reading the file: %.2f s\n", (double)(used_ns() - start) / 1e9);
	for (unsigned i = 0; i < times; i++) {
		fill(block, addr, addrs);
		start = used_ns();
		weir_enrich_block(worker, block, NULL);
		enrich_ns += used_ns() - start;
		start = used_ns();
		weir_judge_block(judge, block, 1767225600, NULL);
		judge_ns += used_ns() - start;
		weir_block_reset(block);
	}
	printf("a flow through enrichment: %.1f ns\n", (double)enrich_ns / ROWS / times);
	printf("a flow through a policy of %u rules: %.1f ns\n", weir_policy_rules(policy), (double)judge_ns / ROWS / times);
	weir_judge_free(judge);
	weir_policy_free(policy);
	weir_block_free(block);
	weir_enrich_worker_free(worker);
	weir_enrich_free(e);
	weir_vocabulary_free(vocabulary);
}

/* A threat list of so many addresses: how long it is read, what it takes, what a look-up costs (one in a hundred is on it). */
static void threats(size_t count)
{
	char path[] = "/tmp/weir-bench.XXXXXX";
	char list[64];
	const char *lists[] = {list};
	struct weir_threats_options options = {.list = lists, .lists = 1};
	static struct weir_addr addr[ROWS];
	static uint16_t port[ROWS];
	static uint8_t proto[ROWS];
	static bool known[ROWS];
	static uint32_t name[ROWS];
	struct weir_vocabulary *vocabulary;
	struct weir_threats *t;
	struct weir_error err = {0};
	FILE *file = mkstemp(path) < 0 ? NULL : fopen(path, "we");
	uint64_t first = state;
	int64_t start, ns = 0;
	size_t found = 0;

	for (size_t i = 0; file && i < count; i++) {
		uint32_t a = (uint32_t)(draw() >> 17);

		(void)fprintf(file, "%u.%u.%u.%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	(void)snprintf(list, sizeof(list), "bench=%s", path);
	if (!file || fclose(file) || weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary))
		die("no file, or no memory");
	start = used_ns();
	if (weir_threats_load(&options, vocabulary, &t, &err))
		die(err.what);
	printf("%zu threats: %.1f MB, read in %.2f s\n", count, (double)weir_threats_stats(t).bytes / 1e6, (double)(used_ns() - start) / 1e9);
	state = first;
	for (unsigned round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < ROWS; i++) {
			uint32_t a = (uint32_t)(draw() >> 17) + (i % 100 ? 77777U : 0);
			const uint8_t v4[] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};

			addr[i] = weir_addr_from_v4(v4);
		}
		start = used_ns();
		weir_threats_find_all(t, addr, port, proto, known, ROWS, 0, name);
		ns += used_ns() - start;
		for (uint32_t i = 0; i < ROWS; i++)
			found += name[i] != 0;
	}
	printf("a look-up of threats: %.1f ns (%zu found)\n", (double)ns / ROWS / 50, found);
	weir_threats_free(t);
	weir_vocabulary_free(vocabulary);
	(void)remove(path);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	unsigned times = argc > 2 ? (unsigned)atoi(argv[2]) : 50;
	struct weir_prefix *prefix = calloc(count, sizeof(*prefix));
	struct weir_prefix_entry *entry = calloc(count, sizeof(*entry));
	struct weir_addr *addr = calloc(count, sizeof(*addr));
	struct weir_prefix_table *table;
	char path[] = "/tmp/weir-bench.XXXXXX";
	int64_t start;

	if (!prefix || !entry || !addr || mkstemp(path) < 0)
		die("no memory, or no folder for files");
	for (size_t i = 0; i < count; i++) {
		prefix[i] = draw_prefix((unsigned)i);
		entry[i] = (struct weir_prefix_entry){prefix[i], (uint32_t)i + 1};
		addr[i] = draw_addr(&prefix[i]);
	}
	start = used_ns();
	if (weir_prefix_table_new(entry, count, &table))
		die("no memory");
	printf("%zu prefixes: %.1f MB, made in %.2f s\n", count, (double)weir_prefix_table_bytes(table) / 1e6,
	       (double)(used_ns() - start) / 1e9);
	look_up(table, addr, count, "random");
	look_up_all(table, addr, count, "random");
	for (size_t i = 0; i < count; i++)
		addr[i] = addr[draw_rank(count)];
	look_up(table, addr, count, "a flow's");
	look_up_all(table, addr, count, "a flow's");
	write_networks(path, prefix, count);
	enrich(path, addr, count, times);
	(void)remove(path);
	threats(argc > 3 ? strtoul(argv[3], NULL, 10) : 10000000);
	weir_prefix_table_free(table);
	free(addr);
	free(entry);
	free(prefix);
	return 0;
}
