#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/generator.h"
#include "generate/network.h"
#include "generate/player.h"
#include "generate/quantile.h"
#include "generate/random.h"
#include "generate/schedule.h"
#include "generate/service.h"
#include "generate/tally.h"

#define MORNING_MS INT64_C(1769853600000) /* 2026-01-31T10:00:00Z */

static struct weir_generator_options usual(uint64_t seed)
{
	return (struct weir_generator_options){
		.seed = seed,
		.exporters = 4,
		.source = weir_addr_from_v4((const uint8_t[]){127, 1, 0, 1}),
		.version = WEIR_FLOW_IPFIX,
		.ipv6_percent = 20,
	};
}

static struct weir_generator *generator(const struct weir_generator_options *options)
{
	struct weir_generator *g;

	assert_int_equal(weir_generator_new(options, &g), 0);
	return g;
}

static struct weir_block *block(void)
{
	struct weir_block *b;

	assert_int_equal(weir_block_new(&weir_block_limits_default, &b), 0);
	return b;
}

/* A hash of every value of every column that is present, and of the presence. */
static uint64_t digest(const struct weir_block *b)
{
	uint64_t hash = b->rows;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		size_t width = weir_types[weir_columns[i].type].width;
		const uint8_t *at = b->column[i];

		if (!weir_column_set_has(&b->used, (enum weir_column_id)i))
			continue;
		for (size_t n = 0; n < width * b->rows; n++)
			hash = weir_random_hash(hash, at[n]);
	}
	for (uint32_t i = 0; i < b->runs; i++) {
		hash = weir_random_hash(hash, b->run[i].rows);
		for (unsigned n = 0; n < WEIR_COLUMN_WORDS; n++)
			hash = weir_random_hash(hash, b->run[i].present.word[n]);
	}
	return hash;
}

static uint64_t digest_of_seed(uint64_t seed)
{
	struct weir_generator_options options = usual(seed);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();
	uint64_t hash;

	weir_generator_fill(g, 2, MORNING_MS, 2000, b);
	hash = digest(b);
	weir_block_free(b);
	weir_generator_free(g);
	return hash;
}

static void test_a_seed_decides_everything(void **state)
{
	(void)state;
	assert_true(digest_of_seed(7) == digest_of_seed(7));
	assert_true(digest_of_seed(7) != digest_of_seed(8));
}

/* Sums of fixed seeds, so that a change of the flows, or a machine that counts otherwise, does not go unseen. When
 * the table of services is changed on purpose, take over the new numbers. */
static void test_the_flows_of_seed_1_are_these(void **state)
{
	struct weir_generator_options options = usual(1);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();
	struct weir_tally t;

	(void)state;
	assert_int_equal(weir_tally_init(&t, 4), 0);
	weir_generator_fill(g, 0, MORNING_MS, 8000, b);
	weir_tally_add(&t, b, 0, b->rows, 0);
	assert_int_equal(t.total.flows, 8000);
	assert_int_equal(t.total.packets, 9007018);
	assert_int_equal(t.total.bytes, 5274977408);
	weir_tally_done(&t);
	weir_block_free(b);
	weir_generator_free(g);
}

static void test_how_the_calls_are_cut_changes_nothing(void **state)
{
	static const uint32_t cuts[] = {1, 1, 2, 3, 1, 7, 30, 955};
	struct weir_generator_options options = usual(3);
	struct weir_generator *once = generator(&options), *often = generator(&options);
	struct weir_block *a = block(), *b = block();

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		weir_generator_fill(often, 1, MORNING_MS, cuts[i], b);
		/* What others do meanwhile is not felt. */
		weir_block_reset(a);
		weir_generator_fill(often, 0, MORNING_MS, 11, a);
	}
	weir_block_reset(a);
	weir_generator_fill(once, 1, MORNING_MS, 1000, a);
	assert_int_equal(b->rows, 1000);
	assert_true(digest(a) == digest(b));
	weir_block_free(a);
	weir_block_free(b);
	weir_generator_free(once);
	weir_generator_free(often);
}

static void test_answers_follow_their_questions(void **state)
{
	struct weir_generator_options options = usual(5);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();
	const struct weir_addr *src = weir_block_addr(b, WEIR_COL_SRC_ADDR), *dst = weir_block_addr(b, WEIR_COL_DST_ADDR);
	unsigned pairs = 0;

	(void)state;
	weir_generator_fill(g, 0, MORNING_MS, 8000, b);
	for (uint32_t i = 0; i + 1 < b->rows; i++) {
		if (memcmp(&src[i], &dst[i + 1], sizeof(*src)) != 0 || memcmp(&dst[i], &src[i + 1], sizeof(*src)) != 0)
			continue;
		pairs++;
		assert_int_equal(weir_block_u16(b, WEIR_COL_SRC_PORT)[i], weir_block_u16(b, WEIR_COL_DST_PORT)[i + 1]);
		assert_int_equal(weir_block_u32(b, WEIR_COL_IN_IF)[i], weir_block_u32(b, WEIR_COL_OUT_IF)[i + 1]);
		assert_int_equal(weir_block_u32(b, WEIR_COL_SRC_AS)[i], weir_block_u32(b, WEIR_COL_DST_AS)[i + 1]);
		assert_int_equal(weir_block_u8(b, WEIR_COL_PROTO)[i], weir_block_u8(b, WEIR_COL_PROTO)[i + 1]);
	}
	assert_in_range(pairs, 3200, 4000);
	weir_block_free(b);
	weir_generator_free(g);
}

static void check_row(const struct weir_block *b, uint32_t row)
{
	const struct weir_addr *src = &weir_block_addr(b, WEIR_COL_SRC_ADDR)[row];
	const struct weir_addr *dst = &weir_block_addr(b, WEIR_COL_DST_ADDR)[row];
	uint64_t packets = weir_block_u64(b, WEIR_COL_PACKETS)[row], bytes = weir_block_u64(b, WEIR_COL_BYTES)[row];
	int64_t start = weir_block_time(b, WEIR_COL_TIME_START)[row], end = weir_block_time(b, WEIR_COL_TIME_END)[row];
	uint8_t proto = weir_block_u8(b, WEIR_COL_PROTO)[row];
	uint64_t header = weir_addr_is_v4(src) ? 28 : 48;

	assert_true(packets > 0 && packets <= UINT32_MAX);
	assert_true(bytes >= packets * header && bytes <= packets * 1520 && bytes <= UINT32_MAX);
	assert_true(start <= end && end <= MORNING_MS && end > MORNING_MS - 15000 && start > MORNING_MS - 2000000);
	assert_int_equal(weir_addr_is_v4(src), weir_addr_is_v4(dst));
	assert_memory_not_equal(src, dst, sizeof(*src));
	assert_true(proto != 1 || weir_addr_is_v4(src));
	assert_true(proto != 58 || !weir_addr_is_v4(src));
	assert_true(weir_block_u8(b, WEIR_COL_SRC_MASK)[row] <= (weir_addr_is_v4(src) ? 32 : 64));
	assert_true(weir_block_u32(b, WEIR_COL_IN_IF)[row] > 0 && weir_block_u32(b, WEIR_COL_OUT_IF)[row] > 0);
	assert_true(weir_block_u32(b, WEIR_COL_SRC_AS)[row] <= UINT16_MAX);
	if (proto == 6)
		assert_true(weir_block_u16(b, WEIR_COL_TCP_FLAGS)[row] != 0);
	else
		assert_int_equal(weir_block_u16(b, WEIR_COL_TCP_FLAGS)[row], 0);
}

/* Of every version's numbers, so that no encoder has to cut one. */
static void test_every_row_is_sane(void **state)
{
	struct weir_generator_options options = usual(11);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		weir_block_reset(b);
		weir_generator_fill(g, round % 4, MORNING_MS, 8000, b);
		for (uint32_t row = 0; row < b->rows; row++)
			check_row(b, row);
	}
	weir_block_free(b);
	weir_generator_free(g);
}

static void test_icmp_has_types_and_no_ports(void **state)
{
	struct weir_generator_options options = usual(13);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();
	uint32_t row = 0, icmp = 0;

	(void)state;
	weir_generator_fill(g, 0, MORNING_MS, 8000, b);
	for (uint32_t i = 0; i < b->runs; row += b->run[i++].rows) {
		bool types = weir_column_set_has(&b->run[i].present, WEIR_COL_ICMP_TYPE);

		assert_int_equal(types, !weir_column_set_has(&b->run[i].present, WEIR_COL_SRC_PORT));
		for (uint32_t n = row; n < row + b->run[i].rows; n++) {
			uint8_t proto = weir_block_u8(b, WEIR_COL_PROTO)[n];

			assert_int_equal(types, proto == 1 || proto == 58);
			icmp += types;
		}
	}
	assert_int_equal(row, 8000);
	assert_in_range(icmp, 80, 800);
	weir_block_free(b);
	weir_generator_free(g);
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left < right) - (left > right);
}

/* One flow in fifty has most of the bytes, and half of the flows next to nothing. */
static void test_sizes_are_heavy_tailed(void **state)
{
	struct weir_generator_options options = usual(17);
	struct weir_generator *g = generator(&options);
	struct weir_block *b = block();
	uint64_t *bytes = weir_block_u64(b, WEIR_COL_BYTES);
	uint64_t all = 0, top = 0, small = 0;

	(void)state;
	weir_generator_fill(g, 0, MORNING_MS, 8000, b);
	qsort(bytes, b->rows, sizeof(*bytes), by_size);
	for (uint32_t i = 0; i < b->rows; i++) {
		all += bytes[i];
		top += i < b->rows / 50 ? bytes[i] : 0;
		small += i >= b->rows / 2 ? bytes[i] : 0;
	}
	assert_true(top > all / 2);
	assert_true(small < all / 100);
	weir_block_free(b);
	weir_generator_free(g);
}

static void test_some_hosts_are_popular(void **state)
{
	uint64_t random = 19;
	unsigned first = 0, upper_half = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t rank = weir_random_rank((uint32_t)weir_random_next(&random), 1000, 3);

		assert_true(rank < 1000);
		first += rank == 0;
		upper_half += rank >= 500;
	}
	assert_in_range(first, 9000, 11000);
	assert_in_range(upper_half, 18000, 23000);
}

static void test_quantiles_come_out_as_they_went_in(void **state)
{
	static const struct weir_quantiles q = {.least = 1, .median = 14, .p90 = 60, .p99 = 600, .most = 400000};
	static struct weir_quantile_table table;
	uint64_t random = 23;
	unsigned below_median = 0, below_p90 = 0, below_p99 = 0;

	(void)state;
	weir_quantile_table_init(&table, &q);
	for (unsigned i = 1; i <= WEIR_QUANTILE_STEPS; i++)
		assert_true(table.at[i] >= table.at[i - 1]);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t value = weir_quantile_draw(&table, (uint32_t)weir_random_next(&random) & 0x3ffffff);

		assert_true(value >= q.least && value <= q.most);
		below_median += value < q.median;
		below_p90 += value < q.p90;
		below_p99 += value < q.p99;
	}
	assert_in_range(below_median, 46000, 51000);
	assert_in_range(below_p90, 89000, 91000);
	assert_in_range(below_p99, 98500, 99500);
}

static void test_services_are_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < weir_services_count; i++) {
		const struct weir_service *s = &weir_services[i];
		const struct weir_quantiles *q[2] = {&s->packets, &s->duration_ms};
		uint64_t largest = (uint64_t)s->packets.most * (s->up[1] + 20U);
		uint64_t answer = (uint64_t)s->packets.most * s->answer / 16 * (s->down[1] + 20U);

		for (unsigned n = 0; n < 2; n++) {
			if (q[n]->least > q[n]->median || q[n]->median > q[n]->p90 || q[n]->p90 > q[n]->p99 ||
			    q[n]->p99 > q[n]->most)
				fail_msg("%s: quantiles are not ascending", s->name);
		}
		if (s->up[0] > s->up[1] || s->down[0] > s->down[1] || s->down[0] < 28 || s->up[0] < 28)
			fail_msg("%s: packet sizes", s->name);
		if (largest > UINT32_MAX || answer > UINT32_MAX)
			fail_msg("%s: the largest flow does not fit into NetFlow v5's 32 bits", s->name);
		if (!s->weight || !s->packets.least)
			fail_msg("%s: no weight or no packets", s->name);
	}
}

static void test_days_are_busy_and_average_out(void **state)
{
	static uint8_t pick[WEIR_SERVICE_PICKS];
	unsigned sum = 0;

	(void)state;
	for (unsigned hour = 0; hour < 24; hour++)
		sum += weir_service_picks(hour, pick);
	assert_in_range(sum, 23900, 24000);
	assert_true(weir_service_picks(10, pick) > 3 * weir_service_picks(3, pick));
	assert_int_equal(pick[WEIR_SERVICE_PICKS - 1], weir_services_count - 1);
}

/* Weights of the internet's networks add up to all of a byte's values: the last network has its share. */
static void test_every_network_is_drawn(void **state)
{
	struct weir_network n;

	(void)state;
	weir_network_init(&n);
	assert_int_equal(n.content_of[255], n.people_of[255]);
	assert_true(n.content_of[255] > 20);
	assert_int_equal(n.content_of[254], n.content_of[255] - 1);
}

static void test_hosts_are_in_their_networks(void **state)
{
	struct weir_network n;
	struct weir_host h;
	char text[WEIR_ADDR_TEXT_MAX];

	(void)state;
	weir_network_init(&n);
	weir_network_host(&n, 0, 0, WEIR_ROLE_CLIENT, 0, false, &h);
	(void)weir_addr_text(&h.addr, text);
	assert_string_equal(text, "10.0.0.10");
	weir_network_host(&n, 0, 0, WEIR_ROLE_CLIENT, 1799, false, &h);
	(void)weir_addr_text(&h.addr, text);
	assert_string_equal(text, "10.0.7.31");
	weir_network_host(&n, 300, 300, WEIR_ROLE_RESOLVER, 1, true, &h);
	(void)weir_addr_text(&h.addr, text);
	assert_string_equal(text, "2001:db8:12c:c::36");
	assert_true(weir_addr_is_zero(&h.next_hop) && h.mask == 64 && h.interface == 21);
	weir_network_host(&n, 300, 0, WEIR_ROLE_RESOLVER, 1, false, &h);
	(void)weir_addr_text(&h.addr, text);
	assert_string_equal(text, "10.0.12.54");
	assert_true(!weir_addr_is_zero(&h.next_hop) && h.mask == 20 && h.interface == 3);
	for (uint32_t rank = 0; rank < 1000; rank++) {
		weir_network_host(&n, rank, rank, WEIR_ROLE_PEOPLE, rank, false, &h);
		assert_true(weir_addr_is_v4(&h.addr) && h.as && h.mask >= 8 && h.mask <= 24);
		assert_true(h.addr.byte[12] != 10 && h.addr.byte[12] < 224);
	}
}

static void test_single_packets_and_sampling(void **state)
{
	struct weir_generator_options options = usual(29);
	struct weir_block *b = block();
	struct weir_generator *g;
	uint64_t thinned = 0, whole = 0;

	(void)state;
	options.single_packets = true;
	g = generator(&options);
	weir_generator_fill(g, 0, MORNING_MS, 1000, b);
	for (uint32_t i = 0; i < b->rows; i++) {
		assert_int_equal(weir_block_u64(b, WEIR_COL_PACKETS)[i], 1);
		assert_true(weir_block_u64(b, WEIR_COL_BYTES)[i] <= 1500);
	}
	weir_generator_free(g);
	options.single_packets = false;
	for (uint32_t rate = 1; rate <= 100; rate += 99) {
		options.sampling_rate = rate;
		g = generator(&options);
		weir_block_reset(b);
		weir_generator_fill(g, 0, MORNING_MS, 1000, b);
		for (uint32_t i = 0; i < b->rows; i++) {
			assert_true(weir_block_u64(b, WEIR_COL_PACKETS)[i] > 0);
			assert_int_equal(weir_block_u32(b, WEIR_COL_SAMPLING_RATE)[i], rate);
			*(rate == 1 ? &whole : &thinned) += weir_block_u64(b, WEIR_COL_PACKETS)[i];
		}
		weir_generator_free(g);
	}
	assert_true(thinned < whole / 20 && thinned >= 1000);
	weir_block_free(b);
}

static void test_exporters_are_bounded(void **state)
{
	struct weir_generator_options options = usual(31);
	struct weir_generator *g = NULL;
	struct weir_addr last;
	char text[WEIR_ADDR_TEXT_MAX];

	(void)state;
	options.exporters = 1000;
	g = generator(&options);
	last = weir_generator_source(g, 999);
	(void)weir_addr_text(&last, text);
	assert_string_equal(text, "127.1.3.232");
	weir_generator_free(g);
	options.exporters = 0;
	assert_int_equal(weir_generator_new(&options, &g), -EINVAL);
	options.exporters = WEIR_GENERATOR_EXPORTERS_MAX + 1;
	assert_int_equal(weir_generator_new(&options, &g), -EINVAL);
	options.exporters = 2;
	options.source = weir_addr_from_v4((const uint8_t[]){127, 0, 255, 255});
	assert_int_equal(weir_generator_new(&options, &g), -EINVAL);
}

static void test_schedule_ends_where_it_shall(void **state)
{
	struct weir_generator_options options = usual(37);
	struct weir_generator *g = generator(&options);
	struct weir_schedule_options so = {.seed = 1, .exporters = 4, .datagram_rows = 30, .rate = 1000,
					   .start_ms = MORNING_MS, .flows = 1001};
	struct weir_schedule s;
	struct weir_turn turn = {0};
	uint64_t flows = 0;
	unsigned of[4] = {0};

	(void)state;
	weir_schedule_init(&s, &so);
	while (weir_schedule_next(&s, g, &turn)) {
		flows += turn.rows;
		of[turn.exporter]++;
	}
	assert_int_equal(flows, 1001);
	assert_int_equal(turn.now_ms, MORNING_MS + 990);
	for (unsigned i = 0; i < 4; i++)
		assert_true(of[i] >= 4);
	so.flows = 0;
	so.for_ms = 86400000;
	so.daily = true;
	weir_schedule_init(&s, &so);
	for (flows = 0; weir_schedule_next(&s, g, &turn);)
		flows += turn.rows;
	assert_in_range(flows, 86300000, 86500000);
	weir_generator_free(g);
}

/* With many exporters and few flows each still sends whole conversations, and every one is heard. */
static void test_schedule_hears_every_exporter(void **state)
{
	struct weir_generator_options options = usual(41);
	struct weir_generator *g = generator(&options);
	const struct weir_schedule_options so = {.seed = 1, .exporters = 1000, .datagram_rows = 30, .rate = 1000,
						 .start_ms = MORNING_MS, .flows = 4000};
	static bool heard[1000];
	struct weir_schedule s;
	struct weir_turn turn;

	(void)state;
	weir_schedule_init(&s, &so);
	while (weir_schedule_next(&s, g, &turn)) {
		assert_int_equal(turn.rows, 2);
		heard[turn.exporter] = true;
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_true(heard[i]);
	weir_generator_free(g);
}

/* The tally, the encoders and the blocks agree, in every version, and no number was cut to fit. */
static void test_what_is_told_is_what_was_encoded(void **state)
{
	static const enum weir_flow_type versions[] = {WEIR_FLOW_NETFLOW1, WEIR_FLOW_NETFLOW5, WEIR_FLOW_NETFLOW7,
						       WEIR_FLOW_NETFLOW9, WEIR_FLOW_IPFIX,    WEIR_FLOW_SFLOW5};
	const struct weir_addr target = weir_addr_from_v4((const uint8_t[]){10, 0, 0, 1});
	struct weir_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct weir_player_options options = {.generator = usual(43)};
		struct weir_turn turn = {.rows = WEIR_TURN_ROWS_MAX, .now_ms = MORNING_MS};
		const struct weir_block *b;
		struct weir_encoder_stats encoded;
		struct weir_sums sums = {0};
		struct weir_player *p;

		options.generator.version = versions[i];
		options.generator.single_packets = versions[i] == WEIR_FLOW_SFLOW5;
		options.generator.ipv6_percent = versions[i] < WEIR_FLOW_NETFLOW9 ? 0 : 50;
		assert_int_equal(weir_outlet_pcap_open("/dev/null", &target, 2055, &options.outlet, &err), 0);
		assert_int_equal(weir_player_new(&options, &p, &err), 0);
		for (unsigned n = 0; n < 20; n++) {
			turn.exporter = n % 4;
			assert_int_equal(weir_player_turn(p, &turn, &b, &err), 0);
			for (uint32_t row = 0; row < b->rows; row++) {
				sums.packets += weir_block_u64(b, WEIR_COL_PACKETS)[row];
				sums.bytes += weir_block_u64(b, WEIR_COL_BYTES)[row];
			}
		}
		encoded = weir_player_encoded(p);
		assert_int_equal(weir_player_tally(p)->total.flows, 20 * WEIR_TURN_ROWS_MAX);
		assert_int_equal(encoded.flows, 20 * WEIR_TURN_ROWS_MAX);
		assert_int_equal(encoded.packets, sums.packets);
		assert_int_equal(encoded.bytes, sums.bytes);
		assert_int_equal(weir_player_tally(p)->total.packets, sums.packets);
		assert_int_equal(weir_player_tally(p)->total.bytes, sums.bytes);
		assert_int_equal(weir_player_tally(p)->exporter[3].flows, 5 * WEIR_TURN_ROWS_MAX);
		assert_int_equal(encoded.unsendable, 0);
		assert_int_equal(encoded.clamped, 0);
		assert_int_equal(weir_outlet_stats(options.outlet)->datagrams, encoded.messages);
		weir_player_free(p);
		weir_outlet_close(options.outlet);
	}
}

static void test_only_loopback_is_sent_to(void **state)
{
	const struct weir_addr source = weir_addr_from_v4((const uint8_t[]){127, 1, 0, 1});
	static const struct {
		const char *target;
		bool allow_remote;
		int rc;
	} rows[] = {
		{"127.0.0.1:9", false, 0},	  {"127.9.9.9:9", false, 0},	 {"[::1]:9", false, 0},
		{"[::ffff:127.0.0.1]:9", false, 0}, {"192.0.2.1:9", false, -EPERM}, {"[2001:db8::1]:9", false, -EPERM},
		{"0.0.0.0:9", false, -EPERM},	  {"192.0.2.1:9", true, 0},	 {"127.0.0.1", false, -EINVAL},
		{":9", false, -EINVAL},		  {"127.0.0.1:", false, -EINVAL}, {"127.0.0.1:port", false, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct weir_outlet_udp_options options = {
			.target = rows[i].target, .allow_remote = rows[i].allow_remote, .source = &source, .max_bytes = 1400};
		struct weir_outlet *outlet = NULL;
		struct weir_error err = {0};
		int rc = weir_outlet_udp_open(&options, &outlet, &err);

		if (rc != rows[i].rc)
			fail_msg("%s: %d in place of %d", rows[i].target, rc, rows[i].rc);
		if (rc)
			assert_true(*err.what && *err.next);
		weir_outlet_close(outlet);
	}
}

static void test_sources_are_of_the_targets_family(void **state)
{
	const struct weir_addr v4 = weir_addr_from_v4((const uint8_t[]){127, 1, 0, 1}), v6 = {{[15] = 1}};
	const struct {
		const char *target;
		const struct weir_addr *source;
		bool asked;
		int rc;
		bool has_sources;
	} rows[] = {
		{"127.0.0.1:9", &v4, false, 0, true},	{"127.0.0.1:9", &v4, true, 0, true},
		{"[::1]:9", &v4, false, 0, false},	{"[::1]:9", &v6, true, 0, true},
		{"[::1]:9", &v4, true, -EINVAL, false}, {"127.0.0.1:9", &v6, true, -EINVAL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct weir_outlet_udp_options options = {.target = rows[i].target, .source = rows[i].source,
								.source_asked = rows[i].asked, .max_bytes = 1400};
		struct weir_outlet *outlet = NULL;
		struct weir_error err = {0};

		assert_int_equal(weir_outlet_udp_open(&options, &outlet, &err), rows[i].rc);
		if (outlet)
			assert_int_equal(weir_outlet_has_sources(outlet), rows[i].has_sources);
		weir_outlet_close(outlet);
	}
}

static void test_a_file_that_cannot_be_written(void **state)
{
	const struct weir_addr target = weir_addr_from_v4((const uint8_t[]){10, 0, 0, 1});
	struct weir_outlet *outlet = NULL;
	struct weir_error err = {0};

	(void)state;
	assert_true(weir_outlet_pcap_open("/nowhere/at/all.pcap", &target, 2055, &outlet, &err) < 0);
	assert_non_null(strstr(err.what, "No such file"));
	assert_int_equal(weir_outlet_pcap_open("/dev/full", &target, 2055, &outlet, &err), 0);
	if (weir_outlet_send(outlet, &target, MORNING_MS, "data", 4, &err) == 0)
		assert_true(weir_outlet_flush(outlet, &err) < 0);
	assert_non_null(strstr(err.what, "cannot write"));
	weir_outlet_close(outlet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_seed_decides_everything),
		cmocka_unit_test(test_the_flows_of_seed_1_are_these),
		cmocka_unit_test(test_how_the_calls_are_cut_changes_nothing),
		cmocka_unit_test(test_answers_follow_their_questions),
		cmocka_unit_test(test_every_row_is_sane),
		cmocka_unit_test(test_icmp_has_types_and_no_ports),
		cmocka_unit_test(test_sizes_are_heavy_tailed),
		cmocka_unit_test(test_some_hosts_are_popular),
		cmocka_unit_test(test_quantiles_come_out_as_they_went_in),
		cmocka_unit_test(test_services_are_in_order),
		cmocka_unit_test(test_days_are_busy_and_average_out),
		cmocka_unit_test(test_every_network_is_drawn),
		cmocka_unit_test(test_hosts_are_in_their_networks),
		cmocka_unit_test(test_single_packets_and_sampling),
		cmocka_unit_test(test_exporters_are_bounded),
		cmocka_unit_test(test_schedule_ends_where_it_shall),
		cmocka_unit_test(test_schedule_hears_every_exporter),
		cmocka_unit_test(test_what_is_told_is_what_was_encoded),
		cmocka_unit_test(test_only_loopback_is_sent_to),
		cmocka_unit_test(test_sources_are_of_the_targets_family),
		cmocka_unit_test(test_a_file_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
