#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "generate/conversation.h"
#include "generate/scenario.h"

#define MORNING_MS INT64_C(1769853600000) /* 2026-01-31T10:00:00Z */
#define DAY_MS	   INT64_C(86400000)

struct fixture {
	struct weir_generator *generator;
	struct weir_block *block;
	struct weir_tally tally;
};

static int set_up(void **state)
{
	const struct weir_generator_options options = {
		.seed = 1,
		.exporters = 3,
		.source = weir_addr_from_v4((const uint8_t[]){127, 1, 0, 1}),
		.version = WEIR_FLOW_NETFLOW5,
	};
	static struct fixture f;

	if (weir_generator_new(&options, &f.generator) || weir_block_new(&weir_block_limits_default, &f.block) ||
	    weir_tally_init(&f.tally, 3))
		return -1;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	weir_generator_free(f->generator);
	weir_block_free(f->block);
	weir_tally_done(&f->tally);
	return 0;
}

/* Play a scenario as far as now_ms; the rows go to the tally. */
static void play(struct fixture *f, struct weir_scenario_run *run, int64_t now_ms)
{
	do {
		weir_block_reset(f->block);
		(void)weir_scenario_fill(run, f->generator, now_ms, f->block);
		weir_tally_add(&f->tally, f->block, 0, f->block->rows, run->exporter);
	} while (f->block->rows);
}

static void test_rows_are_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < weir_scenarios_count; i++) {
		const struct weir_scenario *s = &weir_scenarios[i];
		uint64_t there = (uint64_t)s->packets[1] * s->bytes[0];
		uint64_t back = (uint64_t)s->packets[1] * s->answer / 16 * s->bytes[1];

		if (weir_scenario_find(s->name, strlen(s->name)) != s)
			fail_msg("%s: there are two", s->name);
		if (strspn(s->name, "abcdefghijklmnopqrstuvwxyz-") != strlen(s->name) || !*s->kind || !*s->help)
			fail_msg("%s: name, kind or help", s->name);
		if (!s->packets[0] || s->packets[0] > s->packets[1] || !s->times || !s->interval_us || !s->duration_ms)
			fail_msg("%s: how often and how much", s->name);
		if (s->bytes[0] < 40 || (s->answered && s->bytes[1] < 40) || there > UINT32_MAX || back > UINT32_MAX)
			fail_msg("%s: sizes", s->name);
		if ((s->src.hosts != WEIR_HOSTS_ONE && !s->src.count) || (s->dst.hosts != WEIR_HOSTS_ONE && !s->dst.count))
			fail_msg("%s: hosts", s->name);
		if ((uint32_t)s->dst.port + s->dst.ports > 65535)
			fail_msg("%s: ports", s->name);
	}
	assert_null(weir_scenario_find("scan", 4));
}

static void test_each_runs_to_its_end(void **state)
{
	struct fixture *f = *state;
	uint64_t flows = 0, packets = 0, bytes = 0;

	for (unsigned i = 0; i < 2 * weir_scenarios_count; i++) {
		const struct weir_scenario *s = &weir_scenarios[i / 2];
		struct weir_scenario_run run;

		weir_scenario_run_init(&run, s, 5, 3, MORNING_MS, i % 2);
		play(f, &run, MORNING_MS + 2 * DAY_MS);
		if (run.next != s->times || run.sums.flows < s->times || run.sums.flows > 2ULL * s->times)
			fail_msg("%s: %u conversations, %llu flows", s->name, run.next,
				 (unsigned long long)run.sums.flows);
		if (run.first_ms < MORNING_MS || run.last_ms > MORNING_MS + DAY_MS + DAY_MS / 8)
			fail_msg("%s: times", s->name);
		flows += run.sums.flows;
		packets += run.sums.packets;
		bytes += run.sums.bytes;
	}
	assert_int_equal(f->tally.total.flows, flows);
	assert_int_equal(f->tally.total.packets, packets);
	assert_int_equal(f->tally.total.bytes, bytes);
}

/* Over both, the same conversations. */
static void test_ipv6_is_the_same_in_longer_packets(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < weir_scenarios_count; i++) {
		const struct weir_scenario *s = &weir_scenarios[i];
		struct weir_scenario_run four, six;

		weir_scenario_run_init(&four, s, 5, 3, MORNING_MS, false);
		weir_scenario_run_init(&six, s, 5, 3, MORNING_MS, true);
		play(f, &four, MORNING_MS + 2 * DAY_MS);
		play(f, &six, MORNING_MS + 2 * DAY_MS);
		assert_int_equal(six.sums.flows, four.sums.flows);
		assert_int_equal(six.sums.packets, four.sums.packets);
		assert_int_equal(six.sums.bytes, four.sums.bytes + 20 * four.sums.packets);
		assert_int_equal(six.exporter, four.exporter);
		assert_int_equal(six.last_ms, four.last_ms);
		weir_block_reset(f->block);
		weir_scenario_run_init(&six, s, 5, 3, MORNING_MS, true);
		assert_true(weir_scenario_fill(&six, f->generator, MORNING_MS + 2 * DAY_MS, f->block) > 0);
		for (uint32_t row = 0; row < f->block->rows; row++) {
			if (weir_addr_is_v4(&weir_block_addr(f->block, WEIR_COL_SRC_ADDR)[row]) ||
			    weir_addr_is_v4(&weir_block_addr(f->block, WEIR_COL_DST_ADDR)[row]) ||
			    weir_block_u8(f->block, WEIR_COL_PROTO)[row] == WEIR_PROTO_ICMP)
				fail_msg("%s: row %u is of IPv4", s->name, row);
		}
	}
}

/* A number of all that a scenario's flows say. */
static uint64_t digest_of(struct fixture *f, const struct weir_scenario *s, uint64_t seed, bool ipv6)
{
	static const enum weir_column_id columns[] = {
		WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT,   WEIR_COL_TIME_START,
		WEIR_COL_TIME_END, WEIR_COL_PACKETS,  WEIR_COL_BYTES,    WEIR_COL_TCP_FLAGS, WEIR_COL_EXPORTER_ADDR,
	};
	struct weir_scenario_run run;
	uint64_t digest = 0;

	weir_scenario_run_init(&run, s, seed, 3, MORNING_MS, ipv6);
	weir_block_reset(f->block);
	(void)weir_scenario_fill(&run, f->generator, MORNING_MS + 2 * DAY_MS, f->block);
	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
		const uint8_t *at = f->block->column[columns[c]];
		size_t len = weir_types[weir_columns[columns[c]].type].width * f->block->rows;

		for (size_t i = 0; i < len; i++)
			digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
	}
	return digest;
}

static void test_a_seed_decides_each(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2 * weir_scenarios_count; i++) {
		const struct weir_scenario *s = &weir_scenarios[i / 2];
		uint64_t first = digest_of(f, s, 5, i % 2);

		if (digest_of(f, s, 5, i % 2) != first)
			fail_msg("%s: the same seed, other flows", s->name);
		if (digest_of(f, s, 6, i % 2) == first || digest_of(f, s, 5, !(i % 2)) == first)
			fail_msg("%s: another seed or family, the same flows", s->name);
	}
}

/* Told late or early, in one piece or in many, the flows are the same; and nothing is told before it is over. */
static void test_how_often_it_is_asked_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct weir_scenario *s = weir_scenario_find("brute-ssh", 9);
	struct weir_scenario_run often, once;

	weir_scenario_run_init(&often, s, 5, 3, MORNING_MS, false);
	for (int64_t later = 0; later < 3600000; later += 777) {
		play(f, &often, MORNING_MS + later);
		assert_true(often.last_ms <= MORNING_MS + later);
	}
	weir_scenario_run_init(&once, s, 5, 3, MORNING_MS, false);
	play(f, &once, MORNING_MS + 3600000);
	assert_memory_equal(&often.sums, &once.sums, sizeof(once.sums));
	assert_int_equal(often.first_ms, once.first_ms);
	assert_int_equal(often.last_ms, once.last_ms);
}

static void test_a_beacon_is_even(void **state)
{
	struct fixture *f = *state;
	const struct weir_scenario *s = weir_scenario_find("beacon", 6);
	const int64_t *start = weir_block_time(f->block, WEIR_COL_TIME_START);
	const struct weir_addr *src = weir_block_addr(f->block, WEIR_COL_SRC_ADDR);
	struct weir_scenario_run run;

	weir_scenario_run_init(&run, s, 9, 3, MORNING_MS, false);
	assert_int_equal(weir_scenario_fill(&run, f->generator, MORNING_MS + DAY_MS, f->block), 480);
	for (uint32_t i = 2; i < f->block->rows; i += 2) {
		assert_in_range(start[i] - start[i - 2], 48000, 72000);
		assert_memory_equal(&src[i], &src[0], sizeof(*src));
	}
}

static void test_a_scan_leaves_nobody_out(void **state)
{
	struct fixture *f = *state;
	const struct weir_scenario *s = weir_scenario_find("scan-vertical", 13);
	struct weir_scenario_run run;

	weir_scenario_run_init(&run, s, 9, 3, MORNING_MS, false);
	play(f, &run, MORNING_MS + DAY_MS);
	for (unsigned port = 1; port <= 2048; port++)
		assert_true(f->tally.dst_port[port].flows >= 1);
	assert_int_equal(f->tally.dst_port[2049].flows, 0);
}

static void test_labels_say_where_and_how_much(void **state)
{
	struct fixture *f = *state;
	const struct weir_scenario *s = weir_scenario_find("rogue-dhcp", 10);
	struct weir_scenario_run run;
	struct weir_buffer out;
	const char *text;

	weir_buffer_init(&out);
	weir_scenario_run_init(&run, s, 5, 3, MORNING_MS, false);
	assert_int_equal(weir_scenario_label(&run, f->generator, &out), 0);
	text = weir_buffer_cstr(&out);
	assert_non_null(strstr(text, "{\"scenario\":\"rogue-dhcp\",\"kind\":\"rogue server\",\"start\":"
				     "\"2026-01-31T10:00:00.000Z\""));
	assert_non_null(strstr(text, "\"complete\":false,\"flows\":0,"));
	play(f, &run, MORNING_MS + DAY_MS);
	weir_buffer_reset(&out);
	assert_int_equal(weir_scenario_label(&run, f->generator, &out), 0);
	text = weir_buffer_cstr(&out);
	assert_non_null(strstr(text, "\"complete\":true,\"flows\":300,"));
	assert_non_null(strstr(text, "\"src_port\":67,\"dst_port\":68,\"dst_ports\":1,\"sources_count\":1,"));
	assert_non_null(strstr(text, "\"targets_count\":150,"));
	assert_int_equal(text[out.len - 1], '\n');
	/* And over IPv6, with the ports that DHCP has there. */
	weir_buffer_reset(&out);
	weir_scenario_run_init(&run, s, 5, 3, MORNING_MS, true);
	assert_int_equal(weir_scenario_label(&run, f->generator, &out), 0);
	text = weir_buffer_cstr(&out);
	assert_non_null(strstr(text, "\"family\":\"ipv6\",\"proto\":17,"));
	assert_non_null(strstr(text, "\"src_port\":547,\"dst_port\":546,"));
	assert_non_null(strstr(text, "\"sources\":[\"2001:db8:"));
	weir_buffer_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows_are_in_order),
		TEST(test_each_runs_to_its_end),
		TEST(test_ipv6_is_the_same_in_longer_packets),
		TEST(test_a_seed_decides_each),
		TEST(test_how_often_it_is_asked_changes_nothing),
		TEST(test_a_beacon_is_even),
		TEST(test_a_scan_leaves_nobody_out),
		TEST(test_labels_say_where_and_how_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
