/* For the tests of wire: messages written as readable bytes, a decoder with one block, and what came out of it. */
#ifndef WEIR_WIRE_TESTING_H
#define WEIR_WIRE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "flow/addr.h"
#include "flow/block.h"
#include "wire/account.h"
#include "wire/decoder.h"

/* --- messages ---------------------------------------------------------------------------------------------------- */

#define U8(v)  (uint8_t)(v)
#define U16(v) U8((v) >> 8), U8(v)
#define U24(v) U8((v) >> 16), U16(v)
#define U32(v) U16((uint32_t)(v) >> 16), U16(v)
#define U64(v) U32((uint64_t)(v) >> 32), U32((uint64_t)(v))
#define IP(a, b, c, d) (a), (b), (c), (d)

struct test_message {
	uint8_t data[65600];
	struct weir_writer w;
	size_t set_at;
};

/* Append bytes: PUT(&m, U16(443), IP(10, 0, 0, 1)). */
#define PUT(m, ...)                                                            \
	do {                                                                   \
		const uint8_t put_bytes[] = {__VA_ARGS__};                     \
		weir_writer_bytes(&(m)->w, put_bytes, sizeof(put_bytes));      \
	} while (0)

struct test_field {
	uint32_t number; /* id, or PEN(enterprise, id) */
	uint16_t length;
};

/* Of enterprises with small numbers, which keeps a field two numbers long in a template. */
#define PEN(enterprise, id) ((uint32_t)(enterprise) << 16 | 0x8000 | (id))
#define VAR 65535

static inline void put_field(struct test_message *m, struct test_field f)
{
	weir_writer_u16(&m->w, (uint16_t)f.number);
	weir_writer_u16(&m->w, f.length);
	if (f.number >> 16)
		weir_writer_u32(&m->w, f.number >> 16);
}

/* A template record: TEMPLATE(&m, 256, {8, 4}, {12, 4}, {PEN(9, 1), 8}). */
#define TEMPLATE(m, id, ...)                                                                                \
	do {                                                                                                \
		const struct test_field template_fields[] = {__VA_ARGS__};                                  \
		weir_writer_u16(&(m)->w, id);                                                               \
		weir_writer_u16(&(m)->w, (uint16_t)(sizeof(template_fields) / sizeof(template_fields[0]))); \
		for (size_t i_ = 0; i_ < sizeof(template_fields) / sizeof(template_fields[0]); i_++)        \
			put_field(m, template_fields[i_]);                                                  \
	} while (0)

static inline void set_begin(struct test_message *m, uint16_t id)
{
	m->set_at = weir_writer_len(&m->w);
	weir_writer_u16(&m->w, id);
	weir_writer_u16(&m->w, 0);
}

static inline void set_end(struct test_message *m)
{
	weir_writer_patch16(&m->w, m->set_at + 2, weir_writer_len(&m->w) - m->set_at);
}

/* Sets of one template or of given bytes. */
#define TEMPLATE_SET(m, set, id, ...)              \
	do {                                       \
		set_begin(m, set);                 \
		TEMPLATE(m, id, __VA_ARGS__);      \
		set_end(m);                        \
	} while (0)
#define SET(m, set, ...)                           \
	do {                                       \
		set_begin(m, set);                 \
		PUT(m, __VA_ARGS__);               \
		set_end(m);                        \
	} while (0)

#define TEST_SECONDS  1700000000U /* of the headers; 2023-11-14T22:13:20Z */
#define TEST_MS	      1700000000000LL
#define TEST_UPTIME   100000U
#define TEST_DOMAIN   7U

static inline void message_begin(struct test_message *m)
{
	m->w = weir_writer(m->data, sizeof(m->data));
}

static inline void v9_begin(struct test_message *m, uint32_t sequence)
{
	message_begin(m);
	PUT(m, U16(9), U16(1), U32(TEST_UPTIME), U32(TEST_SECONDS), U32(sequence), U32(TEST_DOMAIN));
}

static inline void ipfix_begin(struct test_message *m, uint32_t sequence)
{
	message_begin(m);
	PUT(m, U16(10), U16(0), U32(TEST_SECONDS), U32(sequence), U32(TEST_DOMAIN));
}

/* Patch IPFIX's length. */
static inline void ipfix_end(struct test_message *m)
{
	weir_writer_patch16(&m->w, 2, weir_writer_len(&m->w));
}

/* --- the decoder ------------------------------------------------------------------------------------------------- */

struct fixture {
	struct weir_decoder *decoder;
	struct weir_block *block;
	struct weir_block_sink sink;
	struct weir_addr exporter;
	uint64_t session;
	int64_t clock_ms; /* of the messages; 0: received_ms does */
	unsigned full; /* how often the sink was called */
	uint64_t flows_taken;
	bool refuse;
	struct test_message m;
};

static inline int fixture_full(void *ctx, struct weir_block **block)
{
	struct fixture *f = ctx;

	f->full++;
	if (f->refuse)
		return -1;
	f->flows_taken += (*block)->rows;
	weir_block_reset(*block);
	return 0;
}

static inline struct fixture *fixture_new(const struct weir_decoder_limits *limits,
					  const struct weir_block_limits *block_limits)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weir_decoder_new(limits ? limits : &weir_decoder_limits_default, 42, &f->decoder), 0);
	assert_int_equal(weir_block_new(block_limits ? block_limits : &weir_block_limits_default, &f->block), 0);
	f->sink = (struct weir_block_sink){.full = fixture_full, .ctx = f};
	f->exporter = weir_addr_from_v4((const uint8_t[]){IP(192, 0, 2, 1)});
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	weir_decoder_free(f->decoder);
	weir_block_free(f->block);
	free(f);
}

static inline int fixture_setup(void **state)
{
	*state = fixture_new(NULL, NULL);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline void add_report(void *ctx, const struct weir_exporter_report *report)
{
	weir_stats_add(ctx, &report->account.stats);
}

static inline uint64_t count_faults(const struct fixture *f)
{
	uint64_t faults = 0;

	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		faults += weir_decoder_stats(f->decoder)->fault[i];
	return faults;
}

/* The accounts add up to the sums, and each byte has a kind. */
static inline void check_books(const struct fixture *f)
{
	const struct weir_decoder_stats *all = weir_decoder_stats(f->decoder);
	struct weir_decoder_stats sum = {0};
	uint64_t bytes = 0;

	weir_decoder_each_exporter(f->decoder, TEST_MS, add_report, &sum);
	assert_memory_equal(&sum, all, sizeof(sum));
	for (unsigned i = 0; i < WEIR_BYTE_KINDS; i++)
		bytes += all->bytes_of[i];
	assert_int_equal(bytes, all->bytes);
}

/* The bytes go into memory of exactly their size, so that a sanitizer sees the first byte too far. */
static inline void decode_bytes(struct fixture *f, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	uint64_t faults;
	uint64_t unread;
	struct weir_datagram d = {.data = exact,
				  .len = len,
				  .exporter = f->exporter,
				  .exporter_port = 2055,
				  .session = f->session,
				  .received_ms = TEST_MS + 500,
				  .clock_ms = f->clock_ms};

	assert_non_null(exact);
	if (len)
		memcpy(exact, data, len);
	faults = count_faults(f);
	unread = weir_decoder_stats(f->decoder)->bytes_of[WEIR_BYTE_UNREAD];
	weir_decoder_decode(f->decoder, &d, &f->block, &f->sink);
	free(exact);
	check_books(f);
	/* What was not read has a fault that says why. */
	if (weir_decoder_stats(f->decoder)->bytes_of[WEIR_BYTE_UNREAD] != unread)
		assert_true(count_faults(f) > faults);
}

static inline void decode(struct fixture *f)
{
	assert_false(f->m.w.fault);
	if (f->m.data[0] == 0 && f->m.data[1] == 10)
		ipfix_end(&f->m);
	decode_bytes(f, f->m.data, weir_writer_len(&f->m.w));
}

static inline const struct weir_decoder_stats *stats(const struct fixture *f)
{
	return weir_decoder_stats(f->decoder);
}

/* --- what came out ----------------------------------------------------------------------------------------------- */

/* Exactly these faults, as "name name=2"; "" for none. Gives up what waits for a template. */
static inline void assert_faults_at(const struct fixture *f, const char *expected, const char *file, int line)
{
	char text[1024] = "";
	size_t len = 0;

	weir_decoder_finish(f->decoder);

	for (unsigned i = 0; i < WEIR_FAULTS; i++) {
		uint64_t n = stats(f)->fault[i];

		if (n)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", weir_faults[i].name);
		if (n > 1)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "=%llu", (unsigned long long)n);
	}
	_assert_string_equal(text, expected, file, line);
}
#define assert_faults(f, expected) assert_faults_at(f, expected, __FILE__, __LINE__)

static inline bool row_has(const struct weir_block *b, uint32_t row, enum weir_column_id id)
{
	for (uint32_t i = 0; i < b->runs; i++) {
		if (row < b->run[i].rows)
			return weir_column_set_has(&b->run[i].present, id);
		row -= b->run[i].rows;
	}
	return false;
}

/* A cell as text, "-" when the row does not have it. */
static inline const char *cell(const struct fixture *f, uint32_t row, enum weir_column_id id)
{
	static char text[8][256];
	static unsigned turn;
	char *to = text[turn++ % 8];
	const struct weir_block *b = f->block;

	if (row >= b->rows)
		return "no such row";
	if (!row_has(b, row, id))
		return "-";
	switch (weir_columns[id].type) {
	case WEIR_TYPE_ADDR:
		weir_addr_text(&weir_block_addr(b, id)[row], to);
		break;
	case WEIR_TYPE_MAC:
		weir_mac_text(weir_block_u64(b, id)[row], to);
		break;
	case WEIR_TYPE_STRING:
		(void)snprintf(to, 256, "%.*s", (int)weir_block_str(b, id)[row].len,
			       weir_block_text(b, weir_block_str(b, id)[row]));
		break;
	case WEIR_TYPE_NAME:
		(void)snprintf(to, 256, "%s", weir_block_name(b, id, row).text);
		break;
	case WEIR_TYPE_TIME:
		(void)snprintf(to, 256, "%lld", (long long)weir_block_time(b, id)[row]);
		break;
	default:
		(void)snprintf(to, 256, "%llu", (unsigned long long)weir_block_number(b, id, row));
		break;
	}
	return to;
}

#define assert_cell(f, row, column, expected) assert_string_equal(cell(f, row, WEIR_COL_##column), expected)

/* An extra value of the row, "-" when there is none of that name. */
static inline const char *extra(const struct fixture *f, uint32_t row, const char *name)
{
	static char text[8][1024];
	static unsigned turn;
	const struct weir_block *b = f->block;

	for (uint32_t i = 0; i < b->extras; i++) {
		const struct weir_extra *e = &b->extra[i];

		if (e->row == row && e->name.len == strlen(name) &&
		    memcmp(weir_block_text(b, e->name), name, e->name.len) == 0) {
			char *to = text[turn++ % 8];

			(void)snprintf(to, 1024, "%.*s", (int)e->value.len, weir_block_text(b, e->value));
			return to;
		}
	}
	return "-";
}

#define assert_extra(f, row, name, expected) assert_string_equal(extra(f, row, name), expected)

#endif
