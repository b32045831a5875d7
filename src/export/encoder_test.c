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
	default: /* differs by column and row, and fits into one byte */
		weir_block_put_number(b, id, row, (id * 3 + row * 7) % 255 + 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_of_the_smallest_messages),
		cmocka_unit_test(test_round_trip_of_the_largest_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
