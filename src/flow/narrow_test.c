/* Every width that a column can take, and that its values survive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/narrow.h"

#define ROWS 37 /* no multiple of what vector code takes at once */

static int setup(void **state)
{
	static const struct weir_block_limits limits = {.rows_max = ROWS, .heap_max = 1, .extras_max = 1};

	return weir_block_new(&limits, (struct weir_block **)state);
}

static int teardown(void **state)
{
	weir_block_free(*state);
	return 0;
}

static const struct {
	enum weir_column_id id;
	uint64_t largest;
	unsigned width;
	const char *sql;
} NUMBERS[] = {
	{WEIR_COL_PROTO,    255,                  1, "UInt8"},
	{WEIR_COL_SRC_PORT, 0,                    1, "UInt8"},
	{WEIR_COL_SRC_PORT, 255,                  1, "UInt8"},
	{WEIR_COL_SRC_PORT, 256,                  2, "UInt16"},
	{WEIR_COL_IN_IF,    255,                  1, "UInt8"},
	{WEIR_COL_IN_IF,    65535,                2, "UInt16"},
	{WEIR_COL_IN_IF,    65536,                4, "UInt32"},
	{WEIR_COL_BYTES,    255,                  1, "UInt8"},
	{WEIR_COL_BYTES,    256,                  2, "UInt16"},
	{WEIR_COL_BYTES,    UINT32_MAX,           4, "UInt32"},
	{WEIR_COL_BYTES,    UINT32_MAX + 1ULL,    8, "UInt64"},
	{WEIR_COL_BYTES,    UINT64_MAX,           8, "UInt64"},
	{WEIR_COL_SRC_MAC,  0xffff,               2, "UInt16"},
	{WEIR_COL_SRC_MAC,  0xffffffffffff,       8, "UInt64"},
};

static void test_numbers(void **state)
{
	struct weir_block *b = *state;
	struct weir_column_set none = {0};
	uint8_t out[1 + 8 * ROWS + 1];

	weir_block_commit(b, ROWS, &none);
	for (size_t n = 0; n < sizeof(NUMBERS) / sizeof(NUMBERS[0]); n++) {
		enum weir_column_id id = NUMBERS[n].id;
		unsigned width = NUMBERS[n].width;

		for (uint32_t row = 0; row < ROWS; row++)
			weir_block_put_number(b, id, row, row < NUMBERS[n].largest ? row : NUMBERS[n].largest);
		weir_block_put_number(b, id, ROWS - 1, NUMBERS[n].largest);
		if (weir_narrow_width(b, id, ROWS) != width || strcmp(weir_narrow_sql(id, width), NUMBERS[n].sql) != 0)
			fail_msg("%s up to %llu has %u bytes", weir_columns[id].name,
				 (unsigned long long)NUMBERS[n].largest, weir_narrow_width(b, id, ROWS));
		memset(out, 0xee, sizeof(out));
		assert_true(weir_narrow_copy(b, id, width, out + 1));
		assert_int_equal(out[1 + ROWS * width], 0xee);
		for (uint32_t row = 0; row < ROWS; row++) {
			uint64_t value = 0;

			memcpy(&value, out + 1 + row * width, width);
			assert_int_equal(value, weir_block_number(b, id, row));
		}
	}
}

static void test_addresses(void **state)
{
	struct weir_block *b = *state;
	struct weir_column_set none = {0};
	struct weir_addr *addr = weir_block_addr(b, WEIR_COL_SRC_ADDR);
	uint8_t out[16 * ROWS];

	for (uint32_t row = 0; row < ROWS; row++)
		addr[row] = weir_addr_from_v4((const uint8_t[4]){10, 1, 2, (uint8_t)row});
	weir_block_commit(b, ROWS, &none);
	assert_int_equal(weir_narrow_width(b, WEIR_COL_SRC_ADDR, ROWS), 4);
	assert_string_equal(weir_narrow_sql(WEIR_COL_SRC_ADDR, 4), "IPv4");
	assert_true(weir_narrow_copy(b, WEIR_COL_SRC_ADDR, 4, out));
	assert_memory_equal(out, "\x00\x02\x01\x0a\x01\x02\x01\x0a", 8);
	assert_memory_equal(out + 4 * (ROWS - 1), "\x24\x02\x01\x0a", 4);
	/* One that is absent, or of IPv6, keeps all of them long: "::" is not 0.0.0.0. */
	addr[ROWS - 1] = (struct weir_addr){{0}};
	assert_int_equal(weir_narrow_width(b, WEIR_COL_SRC_ADDR, ROWS), 16);
	assert_string_equal(weir_narrow_sql(WEIR_COL_SRC_ADDR, 16), "IPv6");
	assert_true(weir_narrow_copy(b, WEIR_COL_SRC_ADDR, 16, out));
	assert_memory_equal(out, addr, sizeof(out));
}

/* A copy that is too narrow says so, wherever the value stands. */
static void test_too_narrow(void **state)
{
	struct weir_block *b = *state;
	struct weir_column_set none = {0};
	uint8_t out[16 * ROWS];

	weir_block_commit(b, ROWS, &none);
	for (uint32_t row = 0; row < ROWS; row++) {
		weir_block_addr(b, WEIR_COL_DST_ADDR)[row] = weir_addr_from_v4((const uint8_t[4]){10, 1, 2, 3});
		weir_block_u64(b, WEIR_COL_BYTES)[row] = 1ULL << 16;
		assert_false(weir_narrow_copy(b, WEIR_COL_BYTES, 1, out));
		assert_false(weir_narrow_copy(b, WEIR_COL_BYTES, 2, out));
		assert_true(weir_narrow_copy(b, WEIR_COL_BYTES, 4, out));
		weir_block_u64(b, WEIR_COL_BYTES)[row] = 1ULL << 32;
		assert_false(weir_narrow_copy(b, WEIR_COL_BYTES, 4, out));
		weir_block_u64(b, WEIR_COL_BYTES)[row] = 0;
		weir_block_u32(b, WEIR_COL_IN_IF)[row] = 256;
		assert_false(weir_narrow_copy(b, WEIR_COL_IN_IF, 1, out));
		assert_true(weir_narrow_copy(b, WEIR_COL_IN_IF, 2, out));
		weir_block_u32(b, WEIR_COL_IN_IF)[row] = 0;
		weir_block_u16(b, WEIR_COL_SRC_PORT)[row] = 256;
		assert_false(weir_narrow_copy(b, WEIR_COL_SRC_PORT, 1, out));
		weir_block_u16(b, WEIR_COL_SRC_PORT)[row] = 0;
	}
	assert_true(weir_narrow_copy(b, WEIR_COL_DST_ADDR, 4, out));
	for (unsigned byte = 0; byte < 12; byte++) {
		weir_block_addr(b, WEIR_COL_DST_ADDR)[byte].byte[byte] ^= 1;
		assert_false(weir_narrow_copy(b, WEIR_COL_DST_ADDR, 4, out));
		weir_block_addr(b, WEIR_COL_DST_ADDR)[byte].byte[byte] ^= 1;
	}
}

static void test_others_stay(void **state)
{
	assert_int_equal(weir_narrow_width(*state, WEIR_COL_TIME_START, ROWS), 8);
	assert_string_equal(weir_narrow_sql(WEIR_COL_TIME_START, 8), "DateTime64(3, 'UTC')");
	assert_int_equal(weir_narrow_width(*state, WEIR_COL_FLOW_TYPE, ROWS), 1);
	assert_string_equal(weir_narrow_sql(WEIR_COL_FLOW_TYPE, 1), weir_types[WEIR_TYPE_FLOW_TYPE].sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_narrow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_stay, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
