/* Blocks through the encoder and back through the decoder of wire: what comes out is what went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "export/encoder.h"
#include "export/field.h"
#include "wire/decoder.h"

#define NOW_MS	     1700000000250LL
#define MESSAGES_MAX 512
#define ROWS_MAX     4096

struct message {
	uint8_t *data;
	size_t len;
};

struct fixture {
	struct weir_encoder *encoder;
	struct weir_encoder_output output;
	struct weir_decoder *decoder;
	struct weir_block *in;
	struct weir_block *out;
	struct message message[MESSAGES_MAX];
	unsigned messages;
	int send_result;
};

static int keep(void *ctx, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	if (f->send_result)
		return f->send_result;
	assert_true(f->messages < MESSAGES_MAX);
	f->message[f->messages] = (struct message){.data = malloc(len), .len = len};
	assert_non_null(f->message[f->messages].data);
	memcpy(f->message[f->messages++].data, data, len);
	return 0;
}

static int refuse_block(void *ctx, struct weir_block **block)
{
	(void)ctx;
	(void)block;
	return -1;
}

static struct fixture *fixture_new(struct weir_encoder_options options)
{
	struct weir_block_limits limits = {.rows_max = ROWS_MAX, .heap_max = 1 << 16, .extras_max = 1 << 13};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->output = (struct weir_encoder_output){.send = keep, .ctx = f};
	assert_int_equal(weir_encoder_new(&options, &f->encoder), 0);
	assert_int_equal(weir_decoder_new(&weir_decoder_limits_default, 42, &f->decoder), 0);
	assert_int_equal(weir_block_new(&limits, &f->in), 0);
	assert_int_equal(weir_block_new(&limits, &f->out), 0);
	return f;
}

static void forget_messages(struct fixture *f)
{
	while (f->messages)
		free(f->message[--f->messages].data);
}

static void fixture_free(struct fixture *f)
{
	forget_messages(f);
	weir_encoder_free(f->encoder);
	weir_decoder_free(f->decoder);
	weir_block_free(f->in);
	weir_block_free(f->out);
	free(f);
}

static void encode_at(struct fixture *f, int64_t now_ms)
{
	assert_int_equal(weir_encoder_encode(f->encoder, f->in, 0, f->in->rows, now_ms, &f->output), 0);
}

static void decode_message(struct fixture *f, unsigned i)
{
	struct weir_block_sink sink = {.full = refuse_block};
	struct weir_datagram d = {.data = f->message[i].data, .len = f->message[i].len, .received_ms = NOW_MS};

	d.exporter = weir_addr_from_v4((const uint8_t[]){127, 0, 0, 1});
	weir_decoder_decode(f->decoder, &d, &f->out, &sink);
}

static void decode_all(struct fixture *f)
{
	for (unsigned i = 0; i < f->messages; i++)
		decode_message(f, i);
}

static const struct weir_decoder_stats *decoded(const struct fixture *f)
{
	return weir_decoder_stats(f->decoder);
}

static const struct weir_encoder_stats *encoded(const struct fixture *f)
{
	return weir_encoder_stats(f->encoder);
}

static void assert_no_faults(const struct fixture *f)
{
	for (unsigned i = 0; i < WEIR_FAULTS; i++) {
		if (decoded(f)->fault[i])
			fail_msg("%s: %llu", weir_faults[i].name, (unsigned long long)decoded(f)->fault[i]);
	}
}

/* --- rows ------------------------------------------------------------------------------------------------- */

struct columns {
	const enum weir_column_id *id;
	unsigned count;
};

#define COLUMNS(...)                                                                     \
	{.id = (const enum weir_column_id[]){__VA_ARGS__},                               \
	 .count = sizeof((const enum weir_column_id[]){__VA_ARGS__}) / sizeof(enum weir_column_id)}

static struct weir_column_set set_of(struct columns columns)
{
	struct weir_column_set set = {0};

	for (unsigned i = 0; i < columns.count; i++)
		weir_column_set_add(&set, columns.id[i]);
	return set;
}

static struct weir_addr test_addr(unsigned family, unsigned id, uint32_t row)
{
	struct weir_addr six = {{0x20, 0x01, 0x0d, 0xb8, [13] = (uint8_t)id, [14] = (uint8_t)(row >> 8), [15] = (uint8_t)row}};

	return family == 6 ? six : weir_addr_from_v4((const uint8_t[]){10, (uint8_t)id, (uint8_t)(row >> 8), (uint8_t)row});
}

static void fill_cell(struct weir_block *b, enum weir_column_id id, uint32_t row, unsigned family)
{
	switch (weir_columns[id].type) {
	case WEIR_TYPE_ADDR:
		weir_block_addr(b, id)[row] = test_addr(family, id, row);
		break;
	case WEIR_TYPE_TIME:
		weir_block_time(b, id)[row] = NOW_MS - 60000 + id * 100 + row;
		break;
	default: /* differs by column and row, and fits into one byte; but halves of round trips are told in milliseconds */
		weir_block_put_number(b, id, row, ((id * 3 + row * 7) % 255 + 1) *
				      (id == WEIR_COL_SERVER_RTT || id == WEIR_COL_CLIENT_RTT ? 2000 : 1));
		break;
	}
}

/* Add a flow with these columns; src_port is its number, by which it is found again. */
static uint32_t add_row(struct fixture *f, struct weir_column_set set, unsigned family)
{
	uint32_t row = f->in->rows;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (weir_column_set_has(&set, (enum weir_column_id)i))
			fill_cell(f->in, (enum weir_column_id)i, row, family);
	}
	if (weir_column_set_has(&set, WEIR_COL_PROTO))
		weir_block_u8(f->in, WEIR_COL_PROTO)[row] = 6;
	if (weir_column_set_has(&set, WEIR_COL_IP_VERSION))
		weir_block_u8(f->in, WEIR_COL_IP_VERSION)[row] = (uint8_t)family;
	weir_block_u16(f->in, WEIR_COL_SRC_PORT)[row] = (uint16_t)(row + 1);
	weir_column_set_add(&set, WEIR_COL_SRC_PORT);
	weir_block_commit(f->in, 1, &set);
	return row;
}

static bool row_has(const struct weir_block *b, uint32_t row, enum weir_column_id id)
{
	for (uint32_t i = 0; i < b->runs; i++) {
		if (row < b->run[i].rows)
			return weir_column_set_has(&b->run[i].present, id);
		row -= b->run[i].rows;
	}
	return false;
}

static uint32_t find_row(const struct weir_block *b, uint16_t src_port)
{
	for (uint32_t row = 0; row < b->rows; row++) {
		if (weir_block_u16(b, WEIR_COL_SRC_PORT)[row] == src_port)
			return row;
	}
	fail_msg("no flow with source port %u among %u", src_port, b->rows);
	return 0;
}

static void assert_same_cell(const struct fixture *f, const char *version, enum weir_column_id id, uint32_t row)
{
	size_t width = weir_types[weir_columns[id].type].width;
	uint32_t found = find_row(f->out, weir_block_u16(f->in, WEIR_COL_SRC_PORT)[row]);
	const uint8_t *want = (const uint8_t *)f->in->column[id] + row * width;
	const uint8_t *have = (const uint8_t *)f->out->column[id] + found * width;

	if (!row_has(f->out, found, id))
		fail_msg("%s: row %u came back without %s", version, row, weir_columns[id].name);
	if (memcmp(want, have, width) != 0)
		fail_msg("%s: row %u came back with %s %llx, not %llx", version, row, weir_columns[id].name,
			 width <= 8 ? (unsigned long long)weir_block_number(f->out, id, found) : 0,
			 width <= 8 ? (unsigned long long)weir_block_number(f->in, id, row) : 0);
}

/* --- every version ---------------------------------------------------------------------------------------- */

#define FLOW_COLUMNS                                                                                                \
	WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_NEXT_HOP, WEIR_COL_IN_IF, WEIR_COL_OUT_IF, WEIR_COL_PACKETS, \
		WEIR_COL_BYTES, WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT, WEIR_COL_PROTO, WEIR_COL_IP_TOS, WEIR_COL_TCP_FLAGS
#define TIME_COLUMNS WEIR_COL_TIME_START, WEIR_COL_TIME_END
#define ROUTE_COLUMNS WEIR_COL_SRC_AS, WEIR_COL_DST_AS, WEIR_COL_SRC_MASK, WEIR_COL_DST_MASK

static const struct version {
	const char *name;
	enum weir_flow_type version;
	bool ipv6;
	struct columns columns; /* none: every column of the catalogue */
} VERSIONS[] = {
	{"v1", WEIR_FLOW_NETFLOW1, false, COLUMNS(FLOW_COLUMNS, TIME_COLUMNS)},
	{"v5", WEIR_FLOW_NETFLOW5, false, COLUMNS(FLOW_COLUMNS, TIME_COLUMNS, ROUTE_COLUMNS)},
	{"v7", WEIR_FLOW_NETFLOW7, false, COLUMNS(FLOW_COLUMNS, TIME_COLUMNS, ROUTE_COLUMNS)},
	{"v9", WEIR_FLOW_NETFLOW9, true, {0}},
	{"IPFIX", WEIR_FLOW_IPFIX, true, {0}},
	{"sFlow", WEIR_FLOW_SFLOW5, true,
	 COLUMNS(FLOW_COLUMNS, ROUTE_COLUMNS, WEIR_COL_BGP_NEXT_HOP, WEIR_COL_NEXT_HOP_AS, WEIR_COL_IP_VERSION, WEIR_COL_IP_TTL,
		 WEIR_COL_SRC_MAC, WEIR_COL_DST_MAC, WEIR_COL_SRC_VLAN, WEIR_COL_DST_VLAN, WEIR_COL_CUSTOMER_VLAN,
		 WEIR_COL_MPLS_LABEL_1, WEIR_COL_MPLS_LABEL_2, WEIR_COL_MPLS_LABEL_3, WEIR_COL_SAMPLING_RATE)},
};

#define VERSION_COUNT (sizeof(VERSIONS) / sizeof(VERSIONS[0]))

static struct weir_column_set version_columns(const struct version *v, unsigned family)
{
	struct weir_field field[WEIR_FIELDS_MAX];
	struct weir_column_set all = {0}, set = {0};
	unsigned fields;

	if (v->columns.count)
		return set_of(v->columns);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		weir_column_set_add(&all, (enum weir_column_id)i);
	/* They come back as rows of their own: test_both_directions. */
	weir_column_set_remove(&all, WEIR_COL_REVERSE_BYTES);
	weir_column_set_remove(&all, WEIR_COL_REVERSE_PACKETS);
	fields = weir_field_list(v->version, family, &all, field);
	assert_in_range(fields, 20, WEIR_FIELDS_MAX - 1);
	for (unsigned i = 0; i < fields; i++)
		weir_column_set_add(&set, field[i].column);
	return set;
}

/* A sample is one packet: so is a flow that is to come back as it was. */
static void one_packet(struct fixture *f)
{
	for (uint32_t row = 0; row < f->in->rows; row++)
		weir_block_u64(f->in, WEIR_COL_PACKETS)[row] = 1;
}

static void assert_round_trip(const struct version *v, size_t mtu, unsigned rows)
{
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = v->version, .domain = 1, .mtu_bytes = mtu});

	for (uint32_t row = 0; row < rows; row++) {
		unsigned family = v->ipv6 && row % 3 == 2 ? 6 : 4;

		add_row(f, version_columns(v, family), family);
	}
	if (v->version == WEIR_FLOW_SFLOW5)
		one_packet(f);
	encode_at(f, NOW_MS);
	decode_all(f);
	assert_no_faults(f);
	assert_int_equal(f->out->rows, rows);
	for (uint32_t row = 0; row < rows; row++) {
		struct weir_column_set set = version_columns(v, v->ipv6 && row % 3 == 2 ? 6 : 4);

		for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
			if (weir_column_set_has(&set, (enum weir_column_id)i))
				assert_same_cell(f, v->name, (enum weir_column_id)i, row);
		}
	}
	for (unsigned i = 0; i < f->messages; i++)
		assert_in_range(f->message[i].len, 1, mtu ? mtu : 1400);
	assert_int_equal(encoded(f)->messages, f->messages);
	assert_int_equal(encoded(f)->messages, decoded(f)->messages);
	assert_int_equal(encoded(f)->message_bytes, decoded(f)->bytes);
	assert_int_equal(encoded(f)->templates, decoded(f)->templates);
	assert_int_equal(encoded(f)->flows, rows);
	assert_int_equal(encoded(f)->unsendable, 0);
	assert_int_equal(encoded(f)->clamped, 0);
	assert_int_equal(decoded(f)->lost_messages, 0);
	fixture_free(f);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++)
		assert_round_trip(&VERSIONS[i], 0, 100);
}

static void test_both_directions(void **state)
{
	const struct columns WITH = COLUMNS(WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT, WEIR_COL_PROTO,
						   WEIR_COL_BYTES, WEIR_COL_PACKETS, WEIR_COL_REVERSE_BYTES, WEIR_COL_REVERSE_PACKETS);
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_IPFIX});

	(void)state;
	add_row(f, set_of(WITH), 4);
	encode_at(f, NOW_MS);
	decode_all(f);
	assert_no_faults(f);
	assert_int_equal(f->out->rows, 2);
	for (unsigned i = 0; i < 2; i++) {
		bool back = i == 1;

		assert_int_equal(weir_block_u16(f->out, back ? WEIR_COL_DST_PORT : WEIR_COL_SRC_PORT)[i],
				 weir_block_u16(f->in, WEIR_COL_SRC_PORT)[0]);
		assert_int_equal(weir_block_u64(f->out, back ? WEIR_COL_REVERSE_BYTES : WEIR_COL_BYTES)[i],
				 weir_block_u64(f->in, WEIR_COL_BYTES)[0]);
		assert_int_equal(weir_block_u64(f->out, back ? WEIR_COL_PACKETS : WEIR_COL_REVERSE_PACKETS)[i],
				 weir_block_u64(f->in, WEIR_COL_REVERSE_PACKETS)[0]);
	}
	fixture_free(f);
}

static void test_round_trip_of_the_smallest_messages(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++)
		assert_round_trip(&VERSIONS[i], WEIR_ENCODER_MTU_MIN, 100);
}

static void test_round_trip_of_the_largest_messages(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++)
		assert_round_trip(&VERSIONS[i], WEIR_ENCODER_MTU_MAX, 400);
}

/* The largest number of each field: what is read is as wide as what was written. */
static void test_widths(void **state)
{
	static const enum weir_flow_type versions[] = {WEIR_FLOW_NETFLOW9, WEIR_FLOW_IPFIX};

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = versions[v]});
		struct weir_field field[WEIR_FIELDS_MAX];
		struct weir_column_set all = {0}, set = {0};
		unsigned fields;

		for (unsigned i = 0; i < WEIR_COLUMNS; i++)
			weir_column_set_add(&all, (enum weir_column_id)i);
		fields = weir_field_list(versions[v], 4, &all, field);
		for (unsigned i = 0; i < fields; i++)
			weir_column_set_add(&set, field[i].column);
		add_row(f, set, 4);
		for (unsigned i = 0; i < fields; i++) {
			if (field[i].op == WEIR_FIELD_UINT)
				weir_block_put_number(f->in, field[i].column, 0, UINT64_MAX >> (64 - 8 * field[i].length));
			if (field[i].op == WEIR_FIELD_LABEL)
				weir_block_put_number(f->in, field[i].column, 0, 0xfffff);
		}
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(encoded(f)->clamped, 0);
		for (unsigned i = 0; i < fields; i++)
			assert_same_cell(f, v ? "IPFIX" : "v9", field[i].column, 0);
		fixture_free(f);
	}
}

/* --- what does not fit ------------------------------------------------------------------------------------ */

static void test_unknown_versions_and_sizes(void **state)
{
	static const struct weir_encoder_options wrong[] = {
		{.version = WEIR_FLOW_UNKNOWN},
		{.version = WEIR_FLOW_PROBE},
		{.version = WEIR_FLOW_IPFIX, .mtu_bytes = WEIR_ENCODER_MTU_MIN - 1},
		{.version = WEIR_FLOW_IPFIX, .mtu_bytes = WEIR_ENCODER_MTU_MAX + 1},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct weir_encoder *encoder = NULL;

		assert_int_equal(weir_encoder_new(&wrong[i], &encoder), -EINVAL);
		assert_null(encoder);
	}
}

static void test_unsendable(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++) {
		const struct version *v = &VERSIONS[i];
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = v->version});
		struct weir_column_set empty = {0};

		add_row(f, version_columns(v, 4), 4);
		add_row(f, version_columns(v, 6), 6);
		add_row(f, version_columns(v, 4), 4);
		if (v->version == WEIR_FLOW_SFLOW5)
			weir_block_commit(f->in, 1, &empty);
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_int_equal(encoded(f)->flows, v->ipv6 ? 3 : 2);
		assert_int_equal(encoded(f)->unsendable, v->ipv6 ? v->version == WEIR_FLOW_SFLOW5 : 1);
		assert_int_equal(f->out->rows, encoded(f)->flows);
		fixture_free(f);
	}
}

static void test_clamping(void **state)
{
	static const struct {
		enum weir_flow_type version;
		enum weir_column_id column;
		uint64_t value, sent;
	} cases[] = {
		{WEIR_FLOW_NETFLOW1, WEIR_COL_BYTES, 1ULL << 33, UINT32_MAX},
		{WEIR_FLOW_NETFLOW5, WEIR_COL_BYTES, 1ULL << 33, UINT32_MAX},
		{WEIR_FLOW_NETFLOW5, WEIR_COL_PACKETS, 1ULL << 33, UINT32_MAX},
		{WEIR_FLOW_NETFLOW5, WEIR_COL_IN_IF, 70000, UINT16_MAX},
		{WEIR_FLOW_NETFLOW5, WEIR_COL_SRC_AS, 70000, 23456},
		{WEIR_FLOW_NETFLOW7, WEIR_COL_DST_AS, 4200000000U, 23456},
		{WEIR_FLOW_NETFLOW9, WEIR_COL_TCP_FLAGS, 0x0112, UINT8_MAX},
		{WEIR_FLOW_SFLOW5, WEIR_COL_BYTES, 1ULL << 33, UINT32_MAX},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = cases[i].version});
		struct columns columns = COLUMNS(FLOW_COLUMNS, TIME_COLUMNS, ROUTE_COLUMNS);

		add_row(f, set_of(columns), 4);
		weir_block_u64(f->in, WEIR_COL_PACKETS)[0] = 1;
		weir_block_put_number(f->in, cases[i].column, 0, cases[i].value);
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 1);
		if (weir_block_number(f->out, cases[i].column, 0) != cases[i].sent)
			fail_msg("version %d: %s came back as %llu", (int)cases[i].version, weir_columns[cases[i].column].name,
				 (unsigned long long)weir_block_number(f->out, cases[i].column, 0));
		assert_int_equal(encoded(f)->clamped, 1);
		assert_int_equal(encoded(f)->bytes, weir_block_u64(f->out, WEIR_COL_BYTES)[0]);
		assert_int_equal(encoded(f)->packets, weir_block_u64(f->out, WEIR_COL_PACKETS)[0]);
		fixture_free(f);
	}
}

/* An IPv6 next hop of an IPv4 flow (RFC 8950) has no place in the flow's template. */
static void test_next_hop_of_another_family(void **state)
{
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_IPFIX});
	struct columns columns = COLUMNS(FLOW_COLUMNS);

	(void)state;
	add_row(f, set_of(columns), 4);
	weir_block_addr(f->in, WEIR_COL_NEXT_HOP)[0] = test_addr(6, 1, 1);
	encode_at(f, NOW_MS);
	decode_all(f);
	assert_no_faults(f);
	assert_int_equal(encoded(f)->clamped, 1);
	assert_int_equal(weir_be32(&weir_block_addr(f->out, WEIR_COL_NEXT_HOP)[0].byte[12]), 0);
	fixture_free(f);
}

/* --- templates -------------------------------------------------------------------------------------------- */

static const enum weir_flow_type TEMPLATED[] = {WEIR_FLOW_NETFLOW9, WEIR_FLOW_IPFIX};

static void add_simple_rows(struct fixture *f, unsigned rows)
{
	struct columns columns = COLUMNS(FLOW_COLUMNS);

	for (unsigned i = 0; i < rows; i++)
		add_row(f, set_of(columns), 4);
}

static void test_templates_come_again(void **state)
{
	static const struct {
		uint32_t messages;
		int64_t ms, step_ms;
		unsigned calls;
		uint64_t templates; /* a message each call */
	} cases[] = {
		{4, 1000000, 1, 12, 3},
		{1000, 60, 20, 12, 4},
		{1, 1000000, 1, 5, 5},
		{1000, 1000000, 1, 12, 1},
	};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){
			.version = TEMPLATED[i % 2],
			.template_refresh_messages = cases[i / 2].messages,
			.template_refresh_ms = cases[i / 2].ms});

		add_simple_rows(f, 1);
		for (unsigned call = 0; call < cases[i / 2].calls; call++)
			encode_at(f, NOW_MS + call * cases[i / 2].step_ms);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->messages, cases[i / 2].calls);
		assert_int_equal(encoded(f)->templates, cases[i / 2].templates);
		assert_int_equal(decoded(f)->templates, cases[i / 2].templates);
		fixture_free(f);
	}
}

static void test_late_collector(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){
			.version = TEMPLATED[i], .mtu_bytes = 576, .template_refresh_messages = 4});

		add_simple_rows(f, 200);
		encode_at(f, NOW_MS);
		assert_true(f->messages > 8);
		for (unsigned m = 1; m < f->messages; m++)
			decode_message(f, m);
		/* What came before the template waited for it: only the first message is lost. */
		assert_in_range(decoded(f)->sets_waited, 1, 3);
		assert_true(f->out->rows > 100);
		fixture_free(f);
	}
}

/* More kinds of flows than the encoder keeps templates for. */
static void test_many_templates(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = TEMPLATED[i]});

		for (unsigned kind = 0; kind < 120; kind++) {
			struct columns columns = COLUMNS(WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_BYTES);
			struct weir_column_set set = set_of(columns);

			for (unsigned bit = 0; bit < 5; bit++) {
				if (kind % 30 >> bit & 1)
					weir_column_set_add(&set, (enum weir_column_id)(WEIR_COL_SRC_AS + bit));
			}
			add_row(f, set, kind % 2 ? 6 : 4);
		}
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 120);
		assert_int_equal(encoded(f)->templates, decoded(f)->templates);
		for (uint32_t row = 0; row < 120; row++) {
			assert_same_cell(f, "templated", WEIR_COL_SRC_ADDR, row);
			assert_same_cell(f, "templated", WEIR_COL_BYTES, row);
		}
		fixture_free(f);
	}
}

/* The longest template, its record and the options are more than the smallest message has room for. */
static void test_templates_larger_than_a_message_has_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct version *v = &VERSIONS[3 + i % 2];
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = v->version,
									      .mtu_bytes = WEIR_ENCODER_MTU_MIN,
									      .template_refresh_messages = i / 2 ? 1 : 20,
									      .sampling_rate = 10});

		assert_int_equal(v->version, TEMPLATED[i % 2]);
		for (unsigned row = 0; row < 20; row++)
			add_row(f, version_columns(v, 6), 6);
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 20);
		assert_int_equal(encoded(f)->templates, decoded(f)->templates);
		for (unsigned m = 0; m < f->messages; m++)
			assert_in_range(f->message[m].len, 1, WEIR_ENCODER_MTU_MIN);
		fixture_free(f);
	}
}

/* --- sampling, sequences, errors -------------------------------------------------------------------------- */

static void test_sampling_rates(void **state)
{
	static const struct {
		enum weir_flow_type version;
		uint32_t rate, told;
	} cases[] = {
		{WEIR_FLOW_NETFLOW5, 1000, 1000},
		{WEIR_FLOW_NETFLOW5, 100000, 16383},
		{WEIR_FLOW_NETFLOW9, 100000, 100000},
		{WEIR_FLOW_IPFIX, 100000, 100000},
		{WEIR_FLOW_SFLOW5, 100000, 100000},
		{WEIR_FLOW_NETFLOW5, 0, 1},
		{WEIR_FLOW_NETFLOW9, 0, 7}, /* the row's */
		{WEIR_FLOW_IPFIX, 0, 7},
		{WEIR_FLOW_SFLOW5, 0, 7},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = cases[i].version,
									      .sampling_rate = cases[i].rate});
		struct columns columns = COLUMNS(FLOW_COLUMNS, WEIR_COL_SAMPLING_RATE);

		for (unsigned row = 0; row < 2; row++)
			weir_block_u32(f->in, WEIR_COL_SAMPLING_RATE)[add_row(f, set_of(columns), 4)] = 7;
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 2);
		for (unsigned row = 0; row < 2; row++)
			assert_int_equal(weir_block_u32(f->out, WEIR_COL_SAMPLING_RATE)[row], cases[i].told);
		fixture_free(f);
	}
}

/* A collector sees no loss where there is none, and what is lost where there is. v1 has no numbers. */
static void test_sequences(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = VERSIONS[i].version,
									      .template_refresh_messages = 2});

		add_simple_rows(f, 3);
		for (unsigned call = 0; call < 10; call++)
			encode_at(f, NOW_MS + call * 1000);
		for (unsigned m = 0; m < 6; m++)
			decode_message(f, m);
		assert_int_equal(decoded(f)->lost_messages, 0);
		decode_message(f, 9);
		if (VERSIONS[i].version == WEIR_FLOW_NETFLOW1)
			assert_int_equal(decoded(f)->lost_messages, 0);
		else if (VERSIONS[i].version == WEIR_FLOW_NETFLOW9 || VERSIONS[i].version == WEIR_FLOW_SFLOW5)
			assert_int_equal(decoded(f)->lost_messages, 3);
		else
			assert_int_equal(decoded(f)->lost_messages, 9); /* flows */
		fixture_free(f);
	}
}

/* What could not be sent is not counted; templates that went with it come again. */
static void test_send_errors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = VERSIONS[i].version});

		add_simple_rows(f, 2);
		f->send_result = -EPERM;
		assert_int_equal(weir_encoder_encode(f->encoder, f->in, 0, 2, NOW_MS, &f->output), -EPERM);
		assert_int_equal(encoded(f)->messages, 0);
		assert_int_equal(encoded(f)->flows, 0);
		f->send_result = 0;
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(encoded(f)->flows, 2);
		assert_int_equal(f->out->rows, 2);
		fixture_free(f);
	}
}

static void test_parts_of_a_block(void **state)
{
	static const struct {
		uint32_t first, rows, from, count;
	} cases[] = {{0, 10, 0, 10}, {3, 4, 3, 4}, {8, 10, 8, 2}, {8, UINT32_MAX, 8, 2}, {10, 1, 0, 0}, {0, 0, 0, 0}};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]) * VERSION_COUNT; i++) {
		const struct version *v = &VERSIONS[i % VERSION_COUNT];
		unsigned c = i / VERSION_COUNT;
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = v->version});

		add_simple_rows(f, 10);
		assert_int_equal(weir_encoder_encode(f->encoder, f->in, cases[c].first, cases[c].rows, NOW_MS, &f->output), 0);
		decode_all(f);
		assert_int_equal(f->messages, cases[c].count ? 1 : 0);
		assert_int_equal(f->out->rows, cases[c].count);
		for (uint32_t row = 0; row < cases[c].count; row++)
			assert_same_cell(f, v->name, WEIR_COL_DST_ADDR, cases[c].from + row);
		fixture_free(f);
	}
}

/* Times before the exporter's boot or after many days: uptimes are modulo 2^32 milliseconds. */
static void test_uptimes(void **state)
{
	static const int64_t boot_before_ms[] = {1000, 86400000, 49LL * 86400000, 200LL * 86400000};

	(void)state;
	for (unsigned i = 0; i < 4 * 4; i++) {
		const struct version *v = &VERSIONS[i % 4];
		struct fixture *f = fixture_new((struct weir_encoder_options){
			.version = v->version, .boot_ms = (NOW_MS - boot_before_ms[i / 4]) / 1000 * 1000});
		struct columns columns = COLUMNS(FLOW_COLUMNS, TIME_COLUMNS);

		add_row(f, set_of(columns), 4);
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_same_cell(f, v->name, WEIR_COL_TIME_START, 0);
		assert_same_cell(f, v->name, WEIR_COL_TIME_END, 0);
		fixture_free(f);
	}
}

static void test_icmp(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VERSION_COUNT; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){.version = VERSIONS[i].version});
		struct columns columns = COLUMNS(WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, WEIR_COL_PROTO, WEIR_COL_ICMP_TYPE,
						 WEIR_COL_ICMP_CODE);

		add_row(f, set_of(columns), 4);
		weir_block_u8(f->in, WEIR_COL_PROTO)[0] = 1;
		weir_block_u8(f->in, WEIR_COL_ICMP_TYPE)[0] = 3;
		weir_block_u8(f->in, WEIR_COL_ICMP_CODE)[0] = 13;
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 1);
		assert_int_equal(weir_block_u8(f->out, WEIR_COL_ICMP_TYPE)[0], 3);
		assert_int_equal(weir_block_u8(f->out, WEIR_COL_ICMP_CODE)[0], 13);
		fixture_free(f);
	}
}

/* --- sFlow ------------------------------------------------------------------------------------------------ */

static struct fixture *sflow_row(struct weir_column_set set, unsigned family)
{
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_SFLOW5});

	add_row(f, set, family);
	return f;
}

static void test_sflow_samples_are_packets(void **state)
{
	struct columns columns = COLUMNS(FLOW_COLUMNS);
	struct fixture *f = sflow_row(set_of(columns), 4);

	(void)state;
	weir_block_u64(f->in, WEIR_COL_PACKETS)[0] = 10;
	weir_block_u64(f->in, WEIR_COL_BYTES)[0] = 15009;
	encode_at(f, NOW_MS);
	decode_all(f);
	assert_no_faults(f);
	assert_int_equal(weir_block_u64(f->out, WEIR_COL_PACKETS)[0], 1);
	assert_int_equal(weir_block_u64(f->out, WEIR_COL_BYTES)[0], 1500);
	assert_int_equal(encoded(f)->packets, 1);
	assert_int_equal(encoded(f)->bytes, 1500);
	assert_false(row_has(f->out, 0, WEIR_COL_ETHERTYPE)); /* a bare IP packet */
	fixture_free(f);
}

static void test_sflow_protocols(void **state)
{
	static const uint8_t protos[] = {1, 6, 17, 33, 47, 58, 89, 132, 136};

	(void)state;
	for (unsigned i = 0; i < sizeof(protos) * 2; i++) {
		struct columns columns = COLUMNS(FLOW_COLUMNS, WEIR_COL_FRAGMENT_ID, WEIR_COL_IPV6_FLOW_LABEL, WEIR_COL_ICMP_TYPE,
						 WEIR_COL_IP_FLAGS);
		struct fixture *f = sflow_row(set_of(columns), i % 2 ? 6 : 4);
		uint8_t proto = protos[i / 2];

		weir_block_u8(f->in, WEIR_COL_PROTO)[0] = proto;
		weir_block_u8(f->in, WEIR_COL_IP_FLAGS)[0] = 0x20;
		weir_block_u64(f->in, WEIR_COL_PACKETS)[0] = 1;
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		assert_int_equal(f->out->rows, 1);
		assert_int_equal(weir_block_u8(f->out, WEIR_COL_PROTO)[0], proto);
		assert_int_equal(weir_block_u8(f->out, WEIR_COL_IP_FLAGS)[0], 0x20);
		assert_int_equal(weir_block_u32(f->out, WEIR_COL_FRAGMENT_ID)[0],
				 weir_block_u32(f->in, WEIR_COL_FRAGMENT_ID)[0]);
		assert_int_equal(row_has(f->out, 0, WEIR_COL_DST_PORT),
				 proto != 1 && proto != 47 && proto != 58 && proto != 89);
		assert_int_equal(row_has(f->out, 0, WEIR_COL_ICMP_TYPE), proto == 1 || proto == 58);
		assert_int_equal(row_has(f->out, 0, WEIR_COL_TCP_FLAGS), proto == 6);
		fixture_free(f);
	}
}

static void test_sflow_interfaces(void **state)
{
	static const struct {
		uint32_t in, out, status;
		const char *name;
	} cases[] = {
		{1, 2, 0, "compact"},		    {1, 0x40000000, 0, "expanded by output"}, {0x80000000, 2, 0, "expanded by input"},
		{1, 0, 128, "dropped"},		    {1, 0, 129, "dropped by an access list"}, {1, 0, 131, "unroutable"},
		{1, 0, 133, "too big"},		    {1, 0, 137, "time to live"},	      {1, 0, 138, "policed"},
		{1, 0, 139, "dropped early"},	    {1, 0, 195, "for us"},
		{0x80000000, 0, 195, "for us, expanded"}, {0x80000000, 0, 129, "dropped, expanded"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct columns columns = COLUMNS(FLOW_COLUMNS, WEIR_COL_FORWARDING_STATUS);
		struct fixture *f = sflow_row(set_of(columns), 4);

		weir_block_u32(f->in, WEIR_COL_IN_IF)[0] = cases[i].in;
		weir_block_u32(f->in, WEIR_COL_OUT_IF)[0] = cases[i].out;
		weir_block_u8(f->in, WEIR_COL_FORWARDING_STATUS)[0] = (uint8_t)cases[i].status;
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_no_faults(f);
		print_message("%s\n", cases[i].name);
		assert_int_equal(weir_block_u32(f->out, WEIR_COL_IN_IF)[0], cases[i].in);
		assert_int_equal(weir_block_u32(f->out, WEIR_COL_OUT_IF)[0], cases[i].out);
		assert_int_equal(weir_block_u8(f->out, WEIR_COL_FORWARDING_STATUS)[0], cases[i].status);
		fixture_free(f);
	}
}

static void test_sflow_without_ip(void **state)
{
	struct columns columns = COLUMNS(WEIR_COL_SRC_MAC, WEIR_COL_DST_MAC, WEIR_COL_ETHERTYPE);
	struct fixture *f = sflow_row(set_of(columns), 4);

	(void)state;
	weir_block_u16(f->in, WEIR_COL_ETHERTYPE)[0] = 0x0806;
	encode_at(f, NOW_MS);
	decode_all(f);
	assert_no_faults(f);
	assert_int_equal(weir_block_u16(f->out, WEIR_COL_ETHERTYPE)[0], 0x0806);
	assert_false(row_has(f->out, 0, WEIR_COL_SRC_ADDR));
	fixture_free(f);
}

/* RFC 5103: the other direction's elements have the enterprise bit and its number. */
static void test_reverse_elements(void **state)
{
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_IPFIX});
	struct weir_column_set set = {0};
	static const uint8_t bytes[] = {0x80, 1, 0, 8, 0, 0, 0x72, 0x79}, packets[] = {0x80, 2, 0, 8, 0, 0, 0x72, 0x79};

	(void)state;
	weir_block_u64(f->in, WEIR_COL_BYTES)[0] = 100;
	weir_block_u64(f->in, WEIR_COL_REVERSE_BYTES)[0] = 300;
	weir_block_u64(f->in, WEIR_COL_REVERSE_PACKETS)[0] = 3;
	weir_column_set_add(&set, WEIR_COL_BYTES);
	weir_column_set_add(&set, WEIR_COL_REVERSE_BYTES);
	weir_column_set_add(&set, WEIR_COL_REVERSE_PACKETS);
	weir_block_commit(f->in, 1, &set);
	encode_at(f, NOW_MS);
	assert_int_equal(f->messages, 1);
	assert_non_null(memmem(f->message[0].data, f->message[0].len, bytes, sizeof(bytes)));
	assert_non_null(memmem(f->message[0].data, f->message[0].len, packets, sizeof(packets)));
	decode_all(f);
	assert_int_equal(weir_block_u64(f->out, WEIR_COL_REVERSE_BYTES)[0], 300);
	assert_int_equal(weir_block_u64(f->out, WEIR_COL_REVERSE_PACKETS)[0], 3);
	fixture_free(f);
}

/* Names of interfaces are an options record each, which no decoder takes for a flow. */
static void test_interface_names(void **state)
{
	static const enum weir_flow_type versions[] = {WEIR_FLOW_NETFLOW9, WEIR_FLOW_IPFIX};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = fixture_new((struct weir_encoder_options){
			.version = versions[i], .sampling_rate = 10, .mtu_bytes = WEIR_ENCODER_MTU_MIN, .interfaces = 2,
			.interface = {{.index = 2, .name = "eth0"}, {.index = 3, .name = "sixteen-letters-"}}});
		struct weir_column_set set = {0};

		weir_block_u64(f->in, WEIR_COL_BYTES)[0] = 100;
		weir_column_set_add(&set, WEIR_COL_BYTES);
		weir_block_commit(f->in, 1, &set);
		encode_at(f, NOW_MS);
		decode_all(f);
		assert_int_equal(decoded(f)->option_records, 3);
		assert_int_equal(decoded(f)->flows, 1);
		assert_non_null(memmem(f->message[0].data, f->message[0].len, "\0\0\0\2eth0\0", 9));
		assert_non_null(memmem(f->message[0].data, f->message[0].len, "sixteen-letters-", 16));
		fixture_free(f);
	}
}

/* A sampled packet's own header comes back as it was. */
static void test_raw_samples(void **state)
{
	struct fixture *f = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_SFLOW5});
	struct fixture *other = fixture_new((struct weir_encoder_options){.version = WEIR_FLOW_IPFIX});
	static const uint8_t header[] = {0x45, 0, 0, 28, 0, 7, 0, 0, 61, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x04, 0xd2, 0, 53, 0, 8, 0, 0, 9};
	struct weir_raw_sample sample = {.protocol = 11, .header = header, .header_bytes = sizeof(header), .frame_bytes = 1500,
					 .in_if = 4, .rate = 100, .pool = 200};

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(weir_encoder_sample(f->encoder, &sample, NOW_MS, &f->output), 0);
	assert_int_equal(weir_encoder_flush(f->encoder, NOW_MS, &f->output), 0);
	assert_int_equal(weir_encoder_flush(f->encoder, NOW_MS, &f->output), 0);
	decode_all(f);
	assert_int_equal(f->out->rows, 20);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(weir_block_u16(f->out, WEIR_COL_DST_PORT)[i], 53);
		assert_int_equal(weir_block_u32(f->out, WEIR_COL_SAMPLING_RATE)[i], 100);
		assert_int_equal(weir_block_u32(f->out, WEIR_COL_IN_IF)[i], 4);
	}
	assert_int_equal(weir_encoder_sample(other->encoder, &sample, NOW_MS, &other->output), -EINVAL);
	fixture_free(f);
	fixture_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reverse_elements),
		cmocka_unit_test(test_interface_names),
		cmocka_unit_test(test_raw_samples),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_both_directions),
		cmocka_unit_test(test_round_trip_of_the_smallest_messages),
		cmocka_unit_test(test_round_trip_of_the_largest_messages),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_unknown_versions_and_sizes),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_clamping),
		cmocka_unit_test(test_next_hop_of_another_family),
		cmocka_unit_test(test_templates_come_again),
		cmocka_unit_test(test_late_collector),
		cmocka_unit_test(test_many_templates),
		cmocka_unit_test(test_templates_larger_than_a_message_has_room),
		cmocka_unit_test(test_sampling_rates),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_send_errors),
		cmocka_unit_test(test_parts_of_a_block),
		cmocka_unit_test(test_uptimes),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_sflow_samples_are_packets),
		cmocka_unit_test(test_sflow_protocols),
		cmocka_unit_test(test_sflow_interfaces),
		cmocka_unit_test(test_sflow_without_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
