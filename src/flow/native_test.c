/* The bytes of Native blocks, written out as ClickHouse documents them. That ClickHouse reads them is shown by the
 * store's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/native.h"

static const struct weir_block_limits LIMITS = {.rows_max = 300, .heap_max = 4096, .extras_max = 16};

static struct weir_column_set set_of(const enum weir_column_id *ids, size_t count)
{
	struct weir_column_set set = {0};

	for (size_t i = 0; i < count; i++)
		weir_column_set_add(&set, ids[i]);
	return set;
}

static void put_extra(struct weir_block *block, uint32_t row, const char *name, const char *value)
{
	assert_true(weir_block_put_extra(block, row, name, value, strlen(value), false));
}

static void test_bytes(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_TIME_START, WEIR_COL_FLOW_TYPE, WEIR_COL_SRC_ADDR,
						  WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT, WEIR_COL_APPLICATION_NAME};
	static const char expected[] =
		"\x07\x02"
		"\x0atime_start\x14" "DateTime64(3, 'UTC')"
		"\x15\xcd\x5b\x07\0\0\0\0" "\xff\xff\xff\xff\xff\xff\xff\xff"
		"\x09" "flow_type\x8a\x01"
		"Enum8('unknown' = 0, 'netflow_v1' = 1, 'netflow_v5' = 5, 'netflow_v7' = 7, 'netflow_v9' = 9, "
		"'ipfix' = 10, 'sflow_v5' = 50, 'probe' = 100)"
		"\x0a\x32"
		"\x08src_addr\x04IPv6"
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x08src_port\x06UInt16" "\xbb\x01\x34\x12"
		"\x08" "dst_port\x05UInt8" "\x35\x00"
		"\x10" "application_name\x06String" "\x00\x03" "dns"
		"\x05" "extra\x13" "Map(String, String)"
		"\x02\0\0\0\0\0\0\0" "\x03\0\0\0\0\0\0\0"
		"\x01" "a" "\x02" "bb" "\x01" "a" "\x01" "1" "\x00" "\x02" "22";
	const struct weir_column_set columns = set_of(ids, sizeof(ids) / sizeof(ids[0]));
	struct weir_block *b;
	struct weir_buffer out;

	(void)state;
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	weir_block_time(b, WEIR_COL_TIME_START)[0] = 123456789;
	weir_block_time(b, WEIR_COL_TIME_START)[1] = -1;
	weir_block_u8(b, WEIR_COL_FLOW_TYPE)[0] = WEIR_FLOW_IPFIX;
	weir_block_u8(b, WEIR_COL_FLOW_TYPE)[1] = WEIR_FLOW_SFLOW5;
	weir_block_addr(b, WEIR_COL_SRC_ADDR)[0] = weir_addr_from_v4((const uint8_t[]){10, 1, 2, 3});
	weir_block_u16(b, WEIR_COL_SRC_PORT)[0] = 443;
	weir_block_u16(b, WEIR_COL_SRC_PORT)[1] = 0x1234;
	weir_block_u16(b, WEIR_COL_DST_PORT)[0] = 53;
	assert_true(weir_block_put_str(b, "dns", 3, &weir_block_str(b, WEIR_COL_APPLICATION_NAME)[1]));
	put_extra(b, 0, "a", "1");
	put_extra(b, 0, "bb", "");
	put_extra(b, 1, "a", "22");
	weir_block_commit(b, 2, &columns);
	put_extra(b, 2, "of a row", "that is not committed");
	assert_int_equal(weir_native_write(b, &columns, false, &out, NULL), 0);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, sizeof(expected) - 1);
	weir_buffer_done(&out);
	weir_block_free(b);
}

static void test_only_wanted_columns(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_PROTO};
	const struct weir_column_set columns = set_of(ids, 1);
	struct weir_block *b;
	struct weir_buffer out;

	(void)state;
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	assert_int_equal(weir_native_write(b, &columns, true, &out, NULL), 0);
	assert_int_equal(out.len, 0);
	weir_block_u8(b, WEIR_COL_PROTO)[0] = 6;
	weir_block_commit(b, 1, &columns);
	assert_int_equal(weir_buffer_text(&out, "kept"), 0);
	assert_int_equal(weir_native_write(b, &columns, false, &out, NULL), 0);
	assert_string_equal(weir_buffer_cstr(&out), "kept\x01\x01\x05proto\x05UInt8\x06");
	weir_buffer_reset(&out);
	assert_int_equal(weir_native_write(b, &columns, true, &out, NULL), 0);
	assert_int_equal(out.len, 2 + 6 + 6 + 1 + 6 + 20 + 8);
	weir_buffer_done(&out);
	weir_block_free(b);
}

/* Counts and lengths above 127 take more than one byte. */
static void test_long_varints(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_USER_NAME};
	const struct weir_column_set columns = set_of(ids, 1);
	char name[200];
	struct weir_block *b;
	struct weir_buffer out;

	(void)state;
	memset(name, 'u', sizeof(name));
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	assert_true(weir_block_put_str(b, name, sizeof(name), &weir_block_str(b, WEIR_COL_USER_NAME)[0]));
	weir_block_commit(b, 300, &columns);
	assert_int_equal(weir_native_write(b, &columns, false, &out, NULL), 0);
	assert_memory_equal(out.data, "\x01\xac\x02\x09user_name\x06String\xc8\x01uuu", 25);
	assert_int_equal(out.len, 1 + 2 + 10 + 7 + 2 + 200 + 299);
	weir_buffer_done(&out);
	weir_block_free(b);
}

/* A value behind those that the width is guessed from, and one that needs the column's own. */
static void test_wide_values_come_late(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_BYTES, WEIR_COL_SRC_ADDR};
	const struct weir_column_set columns = set_of(ids, 2);
	struct weir_native_layout layout;
	struct weir_block *b;
	struct weir_buffer out;

	(void)state;
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	for (unsigned i = 0; i < 299; i++)
		weir_block_addr(b, WEIR_COL_SRC_ADDR)[i] = weir_addr_from_v4((const uint8_t[]){10, 1, 2, 3});
	weir_block_u64(b, WEIR_COL_BYTES)[299] = 0x10000;
	weir_block_commit(b, 300, &columns);
	assert_int_equal(weir_buffer_text(&out, "kept"), 0);
	assert_int_equal(weir_native_write(b, &columns, false, &out, &layout), 0);
	assert_int_equal(out.len, 4 + 1 + 2 + (9 + 5 + 16 * 300) + (6 + 7 + 4 * 300));
	assert_memory_equal(out.data + 4, "\x02\xac\x02\x08src_addr\x04IPv6\0\0", 19);
	assert_memory_equal(out.data + out.len - 8, "\0\0\0\0\0\0\x01\0", 8);
	assert_int_equal(layout.columns, 2);
	assert_int_equal(layout.column[0].id, WEIR_COL_SRC_ADDR);
	assert_int_equal(layout.column[0].end, 3 + 14 + 16 * 300);
	assert_memory_equal(out.data + 4 + layout.column[0].end, "\x05" "bytes\x06UInt32", 13);
	assert_int_equal(layout.column[1].id, WEIR_COL_BYTES);
	assert_int_equal(layout.column[1].end, out.len - 4);
	weir_buffer_done(&out);
	weir_block_free(b);
}

static void test_names_have_a_dictionary(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_SRC_ZONE};
	static const char expected[] = "\x01\x04\x08src_zone\x16LowCardinality(String)"
				       "\x01\0\0\0\0\0\0\0" "\x00\x02\0\0\0\0\0\0"
				       "\x03\0\0\0\0\0\0\0" "\x03" "dmz" "\x00" "\x06" "office"
				       "\x04\0\0\0\0\0\0\0" "\0\1\2\0";
	const struct weir_column_set columns = set_of(ids, 1);
	struct weir_vocabulary *vocabulary;
	struct weir_block *b;
	struct weir_buffer out;
	uint32_t office, dmz;

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	assert_int_equal(weir_vocabulary_add(vocabulary, "office", 6, &office), 0);
	assert_int_equal(weir_vocabulary_add(vocabulary, "dmz", 3, &dmz), 0);
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	b->vocabulary = vocabulary;
	memcpy(weir_block_u32(b, WEIR_COL_SRC_ZONE), (uint32_t[]){dmz, 0, office, dmz}, 16);
	weir_block_commit(b, 4, &columns);
	assert_int_equal(weir_native_write(b, &columns, false, &out, NULL), 0);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, sizeof(expected) - 1);
	weir_buffer_done(&out);
	weir_block_free(b);
	weir_vocabulary_free(vocabulary);
}

/* More names than the first table of the writer holds, and than a byte can count. */
static void test_every_row_may_have_its_own_name(void **state)
{
	static const enum weir_column_id ids[] = {WEIR_COL_DST_SUBNET};
	const struct weir_column_set columns = set_of(ids, 1);
	struct weir_vocabulary *vocabulary;
	struct weir_block *b;
	struct weir_buffer out;

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	assert_int_equal(weir_block_new(&LIMITS, &b), 0);
	weir_buffer_init(&out);
	b->vocabulary = vocabulary;
	for (uint32_t i = 0; i < 300; i++) {
		uint16_t text = (uint16_t)(0x3030 + (299 - i));

		assert_int_equal(weir_vocabulary_add(vocabulary, (const char *)&text, 2,
						     &weir_block_u32(b, WEIR_COL_DST_SUBNET)[i]), 0);
	}
	weir_block_commit(b, 300, &columns);
	assert_int_equal(weir_native_write(b, &columns, false, &out, NULL), 0);
	assert_int_equal(out.len, 3 + 11 + 23 + 8 + 8 + 8 + 300 * 3 + 8 + 300 * 2);
	for (uint32_t i = 0; i < 300; i++) {
		uint16_t text, index;

		memcpy(&text, out.data + 61 + 3 * i + 1, 2);
		memcpy(&index, out.data + out.len - 600 + 2 * i, 2);
		assert_int_equal(text, 0x3030 + (299 - i));
		assert_int_equal(index, i);
	}
	weir_buffer_done(&out);
	weir_block_free(b);
	weir_vocabulary_free(vocabulary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_only_wanted_columns),
		cmocka_unit_test(test_long_varints),
		cmocka_unit_test(test_wide_values_come_late),
		cmocka_unit_test(test_names_have_a_dictionary),
		cmocka_unit_test(test_every_row_may_have_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
