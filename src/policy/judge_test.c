#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

struct bench {
	struct weir_vocabulary *vocabulary;
	struct weir_policy *policy;
	struct weir_judge *judge;
	struct weir_block *block;
	unsigned hits;
	struct weir_addr client; /* of the last hit */
	const char *direction;
	int64_t now_s;
};

static struct weir_rule_file *read_text(const char *text)
{
	struct weir_rule_file *file = NULL;
	struct weir_error err = {0};

	if (weir_rule_file_read("policy.yaml", text, strlen(text), &file, &err))
		fail_msg("%s: %s; %s", err.where, err.what, err.next);
	return file;
}

static void open_bench(struct bench *b, const char *text)
{
	struct weir_rule_file *file = read_text(text);
	struct weir_error err = {0};

	*b = (struct bench){.now_s = 1780000000};
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &b->vocabulary), 0);
	assert_int_equal(weir_policy_new(&file, 1, NULL, b->vocabulary, &b->policy, &err), 0);
	assert_int_equal(weir_judge_new(b->policy, 7, &b->judge), 0);
	assert_int_equal(weir_block_new(&weir_block_limits_default, &b->block), 0);
	b->block->vocabulary = b->vocabulary;
}

static void close_bench(struct bench *b)
{
	weir_judge_free(b->judge);
	weir_policy_free(b->policy);
	weir_block_free(b->block);
	weir_vocabulary_free(b->vocabulary);
}

static void hit(void *ctx, const struct weir_policy_hit *hit)
{
	struct bench *b = ctx;

	b->hits++;
	b->client = *hit->client;
}

static uint32_t name(struct bench *b, const char *text)
{
	uint32_t id = 0;

	assert_int_equal(weir_vocabulary_add(b->vocabulary, text, strlen(text), &id), 0);
	return id;
}

struct side {
	const char *addr;
	const char *subnet;
	const char *zone;
	const char *role;
};

static const struct side CLIENT = {"10.1.0.7", "10.1.0.0/16", "clients", ""};
static const struct side SERVER = {"10.2.0.53", "10.2.0.53/32", "servers", "web dns"};
static const struct side OUTSIDE = {"203.0.113.9", "", "", ""};

struct flow {
	const struct side *src;
	const struct side *dst;
	uint8_t proto;
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t service_port;
	uint8_t initiator;
	uint64_t bytes;
};

static void put_side(struct bench *b, uint32_t row, const struct side *side, bool dst)
{
	assert_int_equal(weir_addr_parse(side->addr, &weir_block_addr(b->block, dst ? WEIR_COL_DST_ADDR : WEIR_COL_SRC_ADDR)[row]), 0);
	weir_block_u32(b->block, dst ? WEIR_COL_DST_SUBNET : WEIR_COL_SRC_SUBNET)[row] = name(b, side->subnet);
	weir_block_u32(b->block, dst ? WEIR_COL_DST_ZONE : WEIR_COL_SRC_ZONE)[row] = name(b, side->zone);
	weir_block_u32(b->block, dst ? WEIR_COL_DST_ROLE : WEIR_COL_SRC_ROLE)[row] = name(b, side->role);
}

/* The rule that judges the flow. */
static const char *judged(struct bench *b, struct flow flow)
{
	struct weir_policy_sink sink = {hit, b};
	struct weir_column_set present = {0};

	weir_block_reset(b->block);
	put_side(b, 0, flow.src, false);
	put_side(b, 0, flow.dst, true);
	weir_block_u8(b->block, WEIR_COL_PROTO)[0] = flow.proto;
	weir_block_u16(b->block, WEIR_COL_SRC_PORT)[0] = flow.src_port;
	weir_block_u16(b->block, WEIR_COL_DST_PORT)[0] = flow.dst_port;
	weir_block_u16(b->block, WEIR_COL_SERVICE_PORT)[0] = flow.service_port;
	weir_block_u8(b->block, WEIR_COL_INITIATOR)[0] = flow.initiator;
	weir_block_u64(b->block, WEIR_COL_BYTES)[0] = flow.bytes;
	weir_block_u32(b->block, WEIR_COL_TRAFFIC_DIRECTION)[0] = b->direction ? name(b, b->direction) : 0;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		weir_column_set_add(&present, (enum weir_column_id)i);
	weir_block_commit(b->block, 1, &present);
	weir_judge_block(b->judge, b->block, b->now_s, &sink);
	return weir_block_name(b->block, WEIR_COL_RULE, 0).text;
}

static const char DNS[] = "rules:\n"
			  "  - {name: good, from: internal, to: role dns, over: port 53, action: allow}\n"
			  "  - {name: bad, from: internal, over: port 53, action: alert}\n"
			  "  - {name: odd, over: udp/53, action: deny}\n";

static void test_the_first_rule_judges_question_and_answer(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, DNS);
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 17, 40000, 53, 53, 1, 0}), "good");
	assert_string_equal(judged(&b, (struct flow){&SERVER, &CLIENT, 17, 53, 40000, 53, 2, 0}), "good");
	/* Who began is not known: the port tells. */
	assert_string_equal(judged(&b, (struct flow){&SERVER, &CLIENT, 17, 53, 40000, 53, 0, 0}), "good");
	assert_int_equal(b.hits, 0);
	assert_string_equal(judged(&b, (struct flow){&OUTSIDE, &CLIENT, 17, 53, 40000, 53, 0, 0}), "bad");
	assert_int_equal(b.hits, 1);
	assert_int_equal(b.client.byte[12], 10);
	assert_string_equal(weir_block_name(b.block, WEIR_COL_ACTION, 0).text, "alert");
	assert_string_equal(judged(&b, (struct flow){&OUTSIDE, &CLIENT, 17, 1000, 53, 53, 1, 0}), "odd");
	assert_string_equal(judged(&b, (struct flow){&OUTSIDE, &CLIENT, 6, 1000, 53, 53, 1, 0}), "");
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 6, 1000, 443, 443, 1, 0}), "");
	assert_int_equal(weir_judge_stats(b.judge).flows[WEIR_POLICY_ALLOW], 3);
	assert_int_equal(weir_judge_stats(b.judge).flows[WEIR_POLICY_ACTIONS], 2);
	close_bench(&b);
}

static void test_networks_and_sets(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sets: {partners: [203.0.113.0/28, '2001:db8::/32']}\n"
		       "rules:\n"
		       "  - {name: host, from: 203.0.113.9, action: allow}\n"
		       "  - {name: partner, from: set partners, action: allow}\n"
		       "  - {name: not-ten, from: 'not 10.0.0.0/8, 172.16.0.0/12', action: deny}\n"
		       "  - {name: zone, from: zone clients, to: not internal, action: alert}\n");
	assert_string_equal(judged(&b, (struct flow){&OUTSIDE, &CLIENT, 6, 9, 9, 0, 1, 0}), "host");
	assert_string_equal(judged(&b, (struct flow){&(struct side){"203.0.113.1", "", "", ""}, &CLIENT, 6, 9, 9, 0, 1, 0}), "partner");
	assert_string_equal(judged(&b, (struct flow){&(struct side){"2001:db8:5::1", "", "", ""}, &CLIENT, 6, 9, 9, 0, 1, 0}), "partner");
	assert_string_equal(judged(&b, (struct flow){&(struct side){"203.0.113.17", "", "", ""}, &CLIENT, 6, 9, 9, 0, 1, 0}), "not-ten");
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &OUTSIDE, 6, 9, 9, 0, 1, 0}), "zone");
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 6, 9, 9, 0, 1, 0}), "");
	close_bench(&b);
}

static void test_inside_is_what_enrichment_says(void **state)
{
	struct bench b;
	static const struct side STRANGER = {"192.168.7.7", "", "", ""};

	(void)state;
	open_bench(&b, "rules:\n"
		       "  - {name: out, from: internal, to: external, action: allow}\n"
		       "  - {name: in, from: external, to: internal, action: deny}\n"
		       "  - {name: within, from: internal, to: internal, action: alert}\n");
	b.direction = "outbound";
	assert_string_equal(judged(&b, (struct flow){&STRANGER, &CLIENT, 6, 9, 9, 0, 1, 0}), "out");
	b.direction = "inbound";
	assert_string_equal(judged(&b, (struct flow){&STRANGER, &STRANGER, 6, 9, 9, 0, 1, 0}), "in");
	assert_string_equal(judged(&b, (struct flow){&STRANGER, &STRANGER, 6, 9, 9, 0, 2, 0}), "out");
	b.direction = "internal";
	assert_string_equal(judged(&b, (struct flow){&STRANGER, &STRANGER, 6, 9, 9, 0, 1, 0}), "within");
	b.direction = "external";
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &CLIENT, 6, 9, 9, 0, 1, 0}), "");
	close_bench(&b);
}

static void test_quantities(void **state)
{
	struct bench b;
	struct flow flow = {&CLIENT, &OUTSIDE, 6, 9, 443, 443, 1, 600};

	(void)state;
	open_bench(&b, "rules:\n"
		       "  - {name: huge, from: internal, more_than: 10 kB, action: deny}\n"
		       "  - {name: much, from: internal, more_than: 1 kB within 1m, action: alert}\n");
	assert_string_equal(judged(&b, flow), "");
	assert_string_equal(judged(&b, flow), "much");
	flow.bytes = 10001;
	assert_string_equal(judged(&b, flow), "huge");
	flow.bytes = 600;
	b.now_s += 200; /* the span is over */
	assert_string_equal(judged(&b, flow), "");
	flow.dst = &SERVER; /* another pair */
	assert_string_equal(judged(&b, flow), "");
	close_bench(&b);
}

static bool only_dns(void *ctx, const char *role)
{
	(void)ctx;
	return strcmp(role, "dns") == 0;
}

static void test_packs_without_their_role_are_left_out(void **state)
{
	struct weir_rule_file *files[] = {read_text("pack: a\nneeds: [dns]\nrules: [{name: x, action: allow}]\n"),
					  read_text("pack: b\nneeds: [dns, ntp]\nrules: [{name: x, action: allow}]\n")};
	struct weir_policy_roles roles = {only_dns, NULL};
	struct weir_vocabulary *v;
	struct weir_policy *p;
	const char *role = NULL;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &v), 0);
	assert_int_equal(weir_policy_new(files, 2, &roles, v, &p, &err), 0);
	assert_int_equal(weir_policy_rules(p), 1);
	assert_string_equal(weir_policy_rule(p, 0)->name, "a/x");
	assert_string_equal(weir_policy_left_out(p, 0, &role)->pack, "b");
	assert_string_equal(role, "ntp");
	assert_null(weir_policy_left_out(p, 1, &role));
	weir_policy_free(p);
	weir_vocabulary_free(v);
}

/* A thousand rules: the right one of them, whatever the word it stands in. */
static void test_many_rules(void **state)
{
	struct bench b;
	size_t size = 100 * 1000;
	char *text = malloc(size);
	size_t len = (size_t)snprintf(text, size, "rules:\n");

	(void)state;
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, size - len, "  - {name: r%d, over: tcp/%d, action: alert}\n", i, 1000 + i);
	open_bench(&b, text);
	free(text);
	for (int i = 0; i < 1000; i += 37) {
		char expected[16];

		(void)snprintf(expected, sizeof(expected), "r%d", i);
		assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 6, 9, (uint16_t)(1000 + i), (uint16_t)(1000 + i), 1, 0}), expected);
	}
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 6, 9, 999, 999, 1, 0}), "");
	assert_string_equal(judged(&b, (struct flow){&CLIENT, &SERVER, 6, 9, 2000, 2000, 1, 0}), "");
	close_bench(&b);
}

/* A peer that makes up as many places as it likes costs time, and no memory. */
static void test_more_classes_than_there_is_room_for(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, DNS);
	for (int i = 0; i < 20000; i++) {
		char subnet[32];
		struct side side = {"10.9.0.1", subnet, subnet, ""};

		(void)snprintf(subnet, sizeof(subnet), "s%d", i);
		assert_string_equal(judged(&b, (struct flow){&side, &OUTSIDE, 17, 9, 53, 53, 1, 0}), "bad");
	}
	assert_true(weir_judge_stats(b.judge).classes_dropped > 0);
	close_bench(&b);
}

/* So many rules that what was found for three classes is kept: rule N is of zone sN00. */
static void open_with_many_zones(struct bench *b, const char *rules)
{
	char text[20000];
	size_t len = (size_t)snprintf(text, sizeof(text), "rules:\n");

	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  - {name: r%d, from: zone s%d, action: alert}\n", i, 100 * i);
	(void)snprintf(text + len, sizeof(text) - len, "%s", rules);
	open_bench(b, text);
}

/* When a table begins anew its places are other classes'. */
static void test_verdicts_of_classes_that_are_gone(void **state)
{
	struct side first = {"10.9.0.1", "s0", "s0", ""};
	struct bench b;

	(void)state;
	open_with_many_zones(&b, "  - {name: rest, action: allow}\n");
	for (int i = 1; i < 10000; i++) {
		char zone[32], expected[32] = "rest";
		struct side side = {"10.9.0.1", zone, zone, ""};

		(void)snprintf(zone, sizeof(zone), "s%d", i);
		if (i % 100 == 0)
			(void)snprintf(expected, sizeof(expected), "r%d", i / 100);
		assert_string_equal(judged(&b, (struct flow){&first, &OUTSIDE, 17, 9, 53, 53, 1, 0}), "r0");
		assert_string_equal(judged(&b, (struct flow){&side, &OUTSIDE, 17, 9, 53, 53, 1, 0}), expected);
	}
	assert_true(weir_judge_stats(b.judge).classes_dropped > 0);
	close_bench(&b);
}

static void test_verdicts_that_quantities_change(void **state)
{
	struct flow flow = {&CLIENT, &OUTSIDE, 6, 9, 443, 443, 1, 600};
	struct bench b;

	(void)state;
	open_with_many_zones(&b, "  - {name: much, more_than: 1 kB within 1m, action: alert}\n"
				 "  - {name: rest, action: allow}\n");
	assert_string_equal(judged(&b, flow), "rest");
	assert_string_equal(judged(&b, flow), "much");
	b.now_s += 200; /* the span is over */
	assert_string_equal(judged(&b, flow), "rest");
	close_bench(&b);
}

static void test_every_shipped_pack_is_read(void **state)
{
	DIR *folder = opendir(WEIR_SOURCE_DIR "/data/policy");
	struct dirent *entry;
	unsigned packs = 0;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char path[4096];
		static char text[1 << 16];
		struct weir_rule_file *pack = NULL;
		struct weir_error err = {0};
		FILE *f;
		size_t len;

		if (!strstr(entry->d_name, ".yaml"))
			continue;
		(void)snprintf(path, sizeof(path), WEIR_SOURCE_DIR "/data/policy/%s", entry->d_name);
		f = fopen(path, "r");
		assert_non_null(f);
		len = fread(text, 1, sizeof(text), f);
		(void)fclose(f);
		if (weir_rule_file_read(entry->d_name, text, len, &pack, &err))
			fail_msg("%s: %s; %s", err.where, err.what, err.next);
		/* The file is named for the pack, and a person learns what it is for. */
		assert_memory_equal(pack->pack, entry->d_name, strlen(entry->d_name) - strlen(".yaml"));
		assert_true(*pack->title && pack->explanation && pack->rules);
		weir_rule_file_free(pack);
		packs++;
	}
	(void)closedir(folder);
	assert_true(packs >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_rule_judges_question_and_answer),
		cmocka_unit_test(test_networks_and_sets),
		cmocka_unit_test(test_inside_is_what_enrichment_says),
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_packs_without_their_role_are_left_out),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_more_classes_than_there_is_room_for),
		cmocka_unit_test(test_verdicts_of_classes_that_are_gone),
		cmocka_unit_test(test_verdicts_that_quantities_change),
		cmocka_unit_test(test_every_shipped_pack_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
