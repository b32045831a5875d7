/* The columns of blocks, by small stories; who opened what is compared with real packets in tests/e2e/test_enrich.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "enrich/enrich.h"

#define SYN 2
#define ACK 16
#define RST 4

static const char *const EXTERNAL[] = {"external"};
static const char *const NETWORKS[] = {"10.1.0.0/16,office,,,", "10.2.0.0/16,servers,,,", "10.2.0.53,,dns,,",
				       "198.51.100.0/24,external,,A partner,"};

struct fixture {
	struct weir_vocabulary *vocabulary;
	struct weir_enrich *enrich;
	struct weir_enrich_worker *worker;
	struct weir_block *block;
	struct weir_column_set set;
};

static void begin(struct fixture *f, const struct weir_enrich_options *options)
{
	struct weir_error err = {0};

	*f = (struct fixture){0};
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &f->vocabulary), 0);
	if (weir_enrich_new(options, f->vocabulary, &f->enrich, &err))
		fail_msg("%s: %s", err.where, err.what);
	assert_int_equal(weir_enrich_worker_new(f->enrich, 7, &f->worker), 0);
	assert_int_equal(weir_block_new(&(struct weir_block_limits){.rows_max = 2048, .heap_max = 65536, .extras_max = 1}, &f->block), 0);
}

static void end(struct fixture *f)
{
	weir_block_free(f->block);
	weir_enrich_worker_free(f->worker);
	weir_enrich_free(f->enrich);
	weir_vocabulary_free(f->vocabulary);
}

struct flow {
	const char *src, *dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
	uint16_t flags;
	uint64_t packets;
	int64_t start_ms;
	uint8_t biflow, icmp_type;
	uint32_t rate;
	const char *application;
};

/* A row, with the columns that it has a value for. */
static void put(struct fixture *f, const struct flow *flow)
{
	struct weir_block *b = f->block;
	uint32_t row = b->rows;
	struct weir_column_set set = {0};

	assert_int_equal(weir_addr_parse(flow->src, &weir_block_addr(b, WEIR_COL_SRC_ADDR)[row]), 0);
	assert_int_equal(weir_addr_parse(flow->dst, &weir_block_addr(b, WEIR_COL_DST_ADDR)[row]), 0);
	weir_column_set_add(&set, WEIR_COL_SRC_ADDR);
	weir_column_set_add(&set, WEIR_COL_DST_ADDR);
#define NUMBER(id, value)                                            \
	weir_block_put_number(b, WEIR_COL_##id, row, (uint64_t)(value)); \
	weir_column_set_add(&set, WEIR_COL_##id)
	NUMBER(SRC_PORT, flow->src_port);
	NUMBER(DST_PORT, flow->dst_port);
	NUMBER(PROTO, flow->proto);
	NUMBER(TCP_FLAGS, flow->flags);
	NUMBER(PACKETS, flow->packets ? flow->packets : 10);
	NUMBER(TIME_START, flow->start_ms);
	NUMBER(TIME_RECEIVED, 1767225600000);
	NUMBER(BIFLOW_DIRECTION, flow->biflow);
	NUMBER(ICMP_TYPE, flow->icmp_type);
	NUMBER(SAMPLING_RATE, flow->rate ? flow->rate : 1);
#undef NUMBER
	if (flow->application) {
		assert_true(weir_block_put_str(b, flow->application, strlen(flow->application),
					       &weir_block_str(b, WEIR_COL_APPLICATION_NAME)[row]));
		weir_column_set_add(&set, WEIR_COL_APPLICATION_NAME);
	}
	weir_block_commit(b, 1, &set);
}

static const char *name(const struct fixture *f, enum weir_column_id id, uint32_t row)
{
	return weir_block_name(f->block, id, row).text;
}

/* --- networks and services -------------------------------------------------------------------------------- */

static const struct weir_enrich_options OPTIONS = {
	.networks = {.line = NETWORKS, .lines = 4, .external = EXTERNAL, .externals = 1},
};

static const struct {
	const char *src, *dst;
	const char *told; /* zones, destination's subnet and role, direction */
} PLACES[] = {
	{"10.1.0.1", "10.2.0.53", "office servers 10.2.0.53/32 dns internal"},
	{"10.1.0.1", "10.2.0.54", "office servers 10.2.0.0/16  internal"},
	{"10.1.0.1", "8.8.8.8", "office    outbound"},
	{"8.8.8.8", "10.1.0.1", " office 10.1.0.0/16  inbound"},
	{"8.8.8.8", "9.9.9.9", "    external"},
	{"10.1.0.1", "198.51.100.7", "office external 198.51.100.0/24  outbound"},
	{"192.168.7.7", "198.51.100.7", " external 198.51.100.0/24  outbound"},
	{"10.1.0.1", "224.0.0.251", "office    internal"},
	{"fe80::1", "2001:db8::1", "    outbound"},
};

static void test_places(void **state)
{
	struct weir_enrich_rows rows;
	struct fixture f;
	char text[256];

	(void)state;
	begin(&f, &OPTIONS);
	for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++)
		put(&f, &(struct flow){.src = PLACES[i].src, .dst = PLACES[i].dst, .proto = 6});
	weir_enrich_block(f.worker, f.block, &rows);
	for (uint32_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s %s %s %s %s", name(&f, WEIR_COL_SRC_ZONE, i), name(&f, WEIR_COL_DST_ZONE, i),
			       name(&f, WEIR_COL_DST_SUBNET, i), name(&f, WEIR_COL_DST_ROLE, i),
			       name(&f, WEIR_COL_TRAFFIC_DIRECTION, i));
		assert_string_equal(text, PLACES[i].told);
	}
	assert_true(weir_column_set_has(&f.block->run[0].present, WEIR_COL_SRC_ZONE));
	assert_int_equal(rows.networks->count, 5);
	assert_int_equal(rows.networks->network[rows.dst_network[0]].line, 0);
	assert_string_equal(weir_vocabulary_word(f.vocabulary, rows.networks->network[rows.dst_network[0]].role).text, "dns");
	assert_int_equal(rows.src_network[3], 0);
	end(&f);
}

static void test_without_networks_their_columns_are_not_stored(void **state)
{
	struct weir_enrich_options options = {0};
	struct fixture f;

	(void)state;
	begin(&f, &options);
	put(&f, &(struct flow){.src = "10.1.0.1", .dst = "8.8.8.8", .dst_port = 53, .proto = 17});
	weir_enrich_block(f.worker, f.block, NULL);
	assert_false(weir_column_set_has(&f.block->used, WEIR_COL_SRC_ZONE));
	assert_false(weir_column_set_has(&f.block->used, WEIR_COL_SRC_SUBNET));
	assert_false(weir_column_set_has(&f.block->used, WEIR_COL_DST_ROLE));
	assert_string_equal(name(&f, WEIR_COL_TRAFFIC_DIRECTION, 0), "outbound");
	assert_string_equal(name(&f, WEIR_COL_CATEGORY, 0), "name resolution");
	weir_block_reset(f.block);
	weir_enrich_block(f.worker, f.block, NULL);
	assert_int_equal(f.block->rows, 0);
	end(&f);
}

static const struct {
	struct flow flow;
	const char *told; /* service port, service, category */
} SERVICES[] = {
	{{.src = "10.1.0.1", .dst = "8.8.8.8", .src_port = 50000, .dst_port = 53, .proto = 17, .packets = 1}, "53 dns name resolution"},
	{{.src = "8.8.8.8", .dst = "10.1.0.1", .src_port = 53, .dst_port = 50000, .proto = 17, .packets = 1}, "53 dns name resolution"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 51000, .dst_port = 3389, .proto = 6}, "3389 rdp remote access"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 0, .dst_port = 0, .proto = 47}, "0 gre tunnel"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 51000, .dst_port = 443, .proto = 6, .application = "MS-Teams"}, "443 teams voice"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 51001, .dst_port = 443, .proto = 6, .application = "something new"}, "443 https web"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 123, .dst_port = 123, .proto = 17}, "123 ntp time"},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 51002, .dst_port = 51003, .proto = 6}, "0  "},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 51002, .dst_port = 51004, .proto = 6, .flags = SYN, .packets = 1}, "51004  "},
	{{.src = "10.1.0.1", .dst = "10.2.0.1", .src_port = 0, .dst_port = 0, .proto = 1, .icmp_type = 8}, "0 icmp diagnostics"},
};

static void test_services(void **state)
{
	struct fixture f;
	char text[128];

	(void)state;
	begin(&f, &OPTIONS);
	for (size_t i = 0; i < sizeof(SERVICES) / sizeof(SERVICES[0]); i++)
		put(&f, &SERVICES[i].flow);
	weir_enrich_block(f.worker, f.block, NULL);
	for (uint32_t i = 0; i < sizeof(SERVICES) / sizeof(SERVICES[0]); i++) {
		(void)snprintf(text, sizeof(text), "%u %s %s", weir_block_u16(f.block, WEIR_COL_SERVICE_PORT)[i],
			       name(&f, WEIR_COL_SERVICE, i), name(&f, WEIR_COL_CATEGORY, i));
		assert_string_equal(text, SERVICES[i].told);
	}
	end(&f);
}

/* --- who began -------------------------------------------------------------------------------------------- */

#define A "10.1.0.1"
#define B "10.2.0.1"

static const struct {
	const char *story;
	struct flow flow[4]; /* the last one counts */
	unsigned initiator;
	unsigned least, most; /* confidence */
} STORIES[] = {
	{"the exporter said so", {{.src = A, .dst = B, .src_port = 80, .dst_port = 50001, .proto = 6, .biflow = 1}}, 1, 100, 100},
	{"the exporter said so of the answer", {{.src = A, .dst = B, .src_port = 50001, .dst_port = 80, .proto = 6, .biflow = 2}}, 2, 100, 100},
	{"SYN alone", {{.src = A, .dst = B, .src_port = 80, .dst_port = 50001, .proto = 6, .flags = SYN, .packets = 3}}, 1, 95, 99},
	{"one packet that accepts", {{.src = A, .dst = B, .src_port = 50001, .dst_port = 51000, .proto = 6, .flags = SYN | ACK, .packets = 1}}, 2, 95, 99},
	{"one packet that refuses", {{.src = A, .dst = B, .src_port = 50001, .dst_port = 51000, .proto = 6, .flags = RST | ACK, .packets = 1}}, 2, 85, 95},
	{"a known port", {{.src = A, .dst = B, .src_port = 50001, .dst_port = 443, .proto = 6, .flags = ACK}}, 1, 90, 96},
	{"a known port, the answer", {{.src = A, .dst = B, .src_port = 443, .dst_port = 50001, .proto = 6, .flags = ACK}}, 2, 90, 96},
	{"nothing but a lower port", {{.src = A, .dst = B, .src_port = 40000, .dst_port = 40001, .proto = 6, .flags = ACK}}, 2, 51, 60},
	{"nothing at all", {{.src = A, .dst = B, .src_port = 40000, .dst_port = 40000, .proto = 17}}, 0, 0, 0},
	{"an echo", {{.src = A, .dst = B, .src_port = 0, .dst_port = 0, .proto = 1, .icmp_type = 8}}, 1, 95, 99},
	{"an echo's answer", {{.src = A, .dst = B, .src_port = 0, .dst_port = 0, .proto = 58, .icmp_type = 129}}, 2, 95, 99},
	{"the half that came later began first",
	 {{.src = B, .dst = A, .src_port = 40001, .dst_port = 40000, .proto = 17, .start_ms = 1767225600020}, {.src = A, .dst = B, .src_port = 40000, .dst_port = 40001, .proto = 17, .start_ms = 1767225600010}}, 1, 80, 90},
	{"halves with SYNs",
	 {{.src = B, .dst = A, .src_port = 40000, .dst_port = 40001, .proto = 6, .flags = SYN | ACK, .start_ms = 1767225600020}, {.src = A, .dst = B, .src_port = 40001, .dst_port = 40000, .proto = 6, .flags = SYN | ACK, .start_ms = 1767225600010}},
	 1, 95, 99},
	{"halves of sampled packets say nothing",
	 {{.src = B, .dst = A, .src_port = 40001, .dst_port = 40000, .proto = 17, .start_ms = 1767225600020, .rate = 100},
	  {.src = A, .dst = B, .src_port = 40000, .dst_port = 40001, .proto = 17, .start_ms = 1767225600010, .rate = 100}}, 2, 51, 60},
	{"what was known of the conversation holds",
	 {{.src = A, .dst = B, .src_port = 40001, .dst_port = 40000, .proto = 6, .flags = SYN, .packets = 2}, {.src = A, .dst = B, .src_port = 40001, .dst_port = 40000, .proto = 6, .flags = ACK}}, 1, 99, 99},
	{"who was called is called again",
	 {{.src = "10.1.0.9", .dst = B, .src_port = 39000, .dst_port = 44000, .proto = 6, .flags = SYN, .packets = 2}, {.src = B, .dst = A, .src_port = 44000, .dst_port = 45000, .proto = 6, .flags = ACK}}, 2, 85, 99},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(STORIES) / sizeof(STORIES[0]); i++) {
		struct fixture f;
		uint32_t last = 0;
		unsigned initiator, confidence;

		begin(&f, &OPTIONS);
		for (unsigned n = 0; n < 4 && STORIES[i].flow[n].src; n++) {
			put(&f, &STORIES[i].flow[n]);
			last = n;
		}
		weir_enrich_block(f.worker, f.block, NULL);
		initiator = weir_block_u8(f.block, WEIR_COL_INITIATOR)[last];
		confidence = weir_block_u8(f.block, WEIR_COL_INITIATOR_CONFIDENCE)[last];
		if (initiator != STORIES[i].initiator || confidence < STORIES[i].least || confidence > STORIES[i].most)
			fail_msg("%s: initiator %u, %u percent", STORIES[i].story, initiator, confidence);
		end(&f);
	}
}

/* Many speak with one end of a port that nothing is known of. */
static void test_listeners_are_learned(void **state)
{
	struct fixture f;
	char client[32];

	(void)state;
	begin(&f, &OPTIONS);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(client, sizeof(client), "10.1.1.%u", i + 1);
		put(&f, &(struct flow){.src = B, .dst = client, .src_port = 49000, .dst_port = (uint16_t)(40000 + i), .proto = 17});
	}
	weir_enrich_block(f.worker, f.block, NULL);
	assert_int_equal(weir_block_u8(f.block, WEIR_COL_INITIATOR)[19], 2);
	assert_in_range(weir_block_u8(f.block, WEIR_COL_INITIATOR_CONFIDENCE)[19], 65, 90);
	assert_int_equal(weir_block_u8(f.block, WEIR_COL_INITIATOR)[19], 2);
	end(&f);
}

/* A peer that makes up addresses and ports takes no more than there is. */
static void test_the_tables_have_an_end(void **state)
{
	struct fixture f;
	uint64_t random = 88172645463325252U;

	(void)state;
	begin(&f, &OPTIONS);
	for (unsigned round = 0; round < 60; round++) {
		for (uint32_t row = 0; row < 2048; row++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(weir_block_addr(f.block, WEIR_COL_SRC_ADDR)[row].byte, &random, 8);
			memcpy(weir_block_addr(f.block, WEIR_COL_DST_ADDR)[row].byte + 8, &random, 8);
			weir_block_u16(f.block, WEIR_COL_SRC_PORT)[row] = (uint16_t)random;
			weir_block_u16(f.block, WEIR_COL_DST_PORT)[row] = (uint16_t)(random >> 16);
			weir_block_u8(f.block, WEIR_COL_PROTO)[row] = random >> 40 & 1 ? 6 : 17;
			weir_block_u16(f.block, WEIR_COL_TCP_FLAGS)[row] = (uint16_t)(random >> 41 & 0x1f);
			weir_block_time(f.block, WEIR_COL_TIME_START)[row] = (int64_t)random;
			weir_block_time(f.block, WEIR_COL_TIME_RECEIVED)[row] = (int64_t)(random << 1);
			weir_block_u8(f.block, WEIR_COL_BIFLOW_DIRECTION)[row] = (uint8_t)(random >> 50);
		}
		for (unsigned i = 0; i < WEIR_COLUMNS; i++)
			weir_column_set_add(&f.set, (enum weir_column_id)i);
		weir_block_commit(f.block, 2048, &f.set);
		weir_enrich_block(f.worker, f.block, NULL);
		weir_block_reset(f.block);
	}
	end(&f);
}

/* --- new files -------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	char temporary[64];
	FILE *file;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
	assert_int_equal(rename(temporary, path), 0);
}

static const char *zone_of(struct fixture *f, const char *addr)
{
	weir_block_reset(f->block);
	put(f, &(struct flow){.src = addr, .dst = "8.8.8.8", .proto = 6});
	weir_enrich_block(f->worker, f->block, NULL);
	return name(f, WEIR_COL_SRC_ZONE, 0);
}

static void test_new_files_are_read(void **state)
{
	char path[] = "/tmp/weir-networks.XXXXXX";
	struct weir_enrich_options options = {.networks = {.file = path}};
	struct weir_enrich_stats stats;
	struct weir_error err = {0};
	struct fixture f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && close(fd) == 0);
	write_file(path, "prefix,zone\n10.0.0.0/8,one\n");
	begin(&f, &options);
	assert_string_equal(weir_enrich_file(f.enrich, 0), path);
	assert_null(weir_enrich_file(f.enrich, 1));
	assert_string_equal(zone_of(&f, "10.0.0.1"), "one");
	assert_int_equal(weir_enrich_reload(f.enrich, false, &err), 0);
	write_file(path, "prefix,zone\n10.0.0.0/8,two\n192.0.2.0/24,three\n");
	assert_int_equal(weir_enrich_reload(f.enrich, false, &err), 1);
	assert_string_equal(zone_of(&f, "10.0.0.1"), "two");
	/* A mistake changes nothing, and is told once. */
	write_file(path, "prefix,zone\n10.0.0.0/99,four\n");
	assert_true(weir_enrich_reload(f.enrich, false, &err) < 0);
	assert_non_null(strstr(err.where, ":2"));
	assert_int_equal(weir_enrich_reload(f.enrich, false, &err), 0);
	assert_string_equal(zone_of(&f, "10.0.0.1"), "two");
	assert_int_equal(unlink(path), 0);
	assert_true(weir_enrich_reload(f.enrich, false, &err) < 0);
	assert_string_equal(zone_of(&f, "10.0.0.1"), "two");
	weir_enrich_stats(f.enrich, &stats);
	assert_int_equal(stats.networks, 2);
	assert_int_equal(stats.reloads, 1);
	assert_int_equal(stats.reloads_failed, 2);
	end(&f);
}

struct busy {
	struct weir_enrich *enrich;
	bool stop; /* atomic */
	bool wrong;
};

static void *enrich_all_the_time(void *arg)
{
	struct busy *busy = arg;
	struct fixture f = {.enrich = busy->enrich};

	if (weir_enrich_worker_new(f.enrich, 7, &f.worker) ||
	    weir_block_new(&(struct weir_block_limits){.rows_max = 64, .heap_max = 64, .extras_max = 1}, &f.block))
		return NULL;
	while (!__atomic_load_n(&busy->stop, __ATOMIC_ACQUIRE)) {
		const char *zone = zone_of(&f, "10.0.0.1");

		busy->wrong |= strcmp(zone, "one") != 0 && strcmp(zone, "two") != 0;
	}
	weir_enrich_worker_free(f.worker);
	weir_block_free(f.block);
	return NULL;
}

static void test_reloads_beside_workers(void **state)
{
	char path[] = "/tmp/weir-networks.XXXXXX";
	struct weir_enrich_options options = {.networks = {.file = path}};
	struct weir_error err = {0};
	struct busy busy[2] = {0};
	pthread_t thread[2];
	struct fixture f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && close(fd) == 0);
	write_file(path, "prefix,zone\n10.0.0.0/8,one\n");
	begin(&f, &options);
	for (unsigned i = 0; i < 2; i++) {
		busy[i].enrich = f.enrich;
		assert_int_equal(pthread_create(&thread[i], NULL, enrich_all_the_time, &busy[i]), 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		write_file(path, i & 1 ? "prefix,zone\n10.0.0.0/8,one\n" : "prefix,zone\n10.0.0.0/8,two\n");
		assert_int_equal(weir_enrich_reload(f.enrich, true, &err), 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		__atomic_store_n(&busy[i].stop, true, __ATOMIC_RELEASE);
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_false(busy[i].wrong);
	}
	assert_int_equal(unlink(path), 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_without_networks_their_columns_are_not_stored),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_listeners_are_learned),
		cmocka_unit_test(test_the_tables_have_an_end),
		cmocka_unit_test(test_new_files_are_read),
		cmocka_unit_test(test_reloads_beside_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
