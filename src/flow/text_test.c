#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/text.h"

static const struct weir_block_limits LIMITS = {.rows_max = 8, .heap_max = 4096, .extras_max = 32};

struct fixture {
	struct weir_block *block;
	struct weir_buffer out;
};

static struct fixture fixture;

static int set_up(void **state)
{
	*state = &fixture;
	weir_buffer_init(&fixture.out);
	return weir_block_new(&LIMITS, &fixture.block);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	weir_buffer_done(&f->out);
	weir_block_free(f->block);
	return 0;
}

static void put_extra(struct weir_block *b, uint32_t row, const char *name, const char *value, bool number)
{
	assert_true(weir_block_put_extra(b, row, name, value, strlen(value), number));
}

static void put_str(struct weir_block *b, enum weir_column_id id, uint32_t row, const char *text)
{
	assert_true(weir_block_put_str(b, text, strlen(text), &weir_block_str(b, id)[row]));
}

/* Two flows of one template and one of another. */
static void fill(struct weir_block *b)
{
	struct weir_column_set first = {0};
	struct weir_column_set second = {0};

	weir_column_set_add(&first, WEIR_COL_TIME_START);
	weir_column_set_add(&first, WEIR_COL_FLOW_TYPE);
	weir_column_set_add(&first, WEIR_COL_SRC_ADDR);
	weir_column_set_add(&first, WEIR_COL_SRC_PORT);
	weir_column_set_add(&first, WEIR_COL_BYTES);
	weir_block_time(b, WEIR_COL_TIME_START)[0] = 1767225600007;
	weir_block_time(b, WEIR_COL_TIME_START)[1] = 1767139200000;
	weir_block_u8(b, WEIR_COL_FLOW_TYPE)[0] = WEIR_FLOW_NETFLOW9;
	weir_block_addr(b, WEIR_COL_SRC_ADDR)[0] = weir_addr_from_v4((const uint8_t[]){10, 1, 2, 3});
	weir_block_u16(b, WEIR_COL_SRC_PORT)[0] = 443;
	weir_block_u64(b, WEIR_COL_BYTES)[0] = UINT64_MAX;
	weir_block_commit(b, 2, &first);
	weir_column_set_add(&second, WEIR_COL_PROTO);
	weir_column_set_add(&second, WEIR_COL_SRC_MAC);
	weir_column_set_add(&second, WEIR_COL_USER_NAME);
	weir_block_u8(b, WEIR_COL_PROTO)[2] = 17;
	weir_block_u64(b, WEIR_COL_SRC_MAC)[2] = 0x0a0b0c0d0e0f;
	put_str(b, WEIR_COL_USER_NAME, 2, "a \"b\", c");
	put_extra(b, 2, "ixiaBrowserName", "Chrome", false);
	put_extra(b, 2, "12:5", "7", true);
	weir_block_commit(b, 1, &second);
}

static void test_ndjson(void **state)
{
	struct fixture *f = *state;

	fill(f->block);
	assert_int_equal(weir_text_ndjson(f->block, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out),
			    "{\"time_start\":\"2026-01-01T00:00:00.007Z\",\"flow_type\":\"netflow_v9\","
			    "\"src_addr\":\"10.1.2.3\",\"src_port\":443,\"bytes\":18446744073709551615}\n"
			    "{\"time_start\":\"2025-12-31T00:00:00.000Z\",\"flow_type\":\"unknown\","
			    "\"src_addr\":\"::\",\"src_port\":0,\"bytes\":0}\n"
			    "{\"proto\":17,\"src_mac\":\"0a:0b:0c:0d:0e:0f\",\"user_name\":\"a \\\"b\\\", c\","
			    "\"extra\":{\"ixiaBrowserName\":\"Chrome\",\"12:5\":7}}\n");
}

static void test_ndjson_of_rows_with_nothing_or_extra_only(void **state)
{
	const struct weir_column_set nothing = {0};
	struct fixture *f = *state;

	put_extra(f->block, 1, "a", "1", true);
	weir_block_commit(f->block, 2, &nothing);
	assert_int_equal(weir_text_ndjson(f->block, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out), "{}\n{\"extra\":{\"a\":1}}\n");
}

static void test_repeated_extras_are_a_list(void **state)
{
	const struct weir_column_set nothing = {0};
	struct fixture *f = *state;

	put_extra(f->block, 0, "a", "1", true);
	put_extra(f->block, 0, "b", "2", true);
	put_extra(f->block, 0, "a", "x", false);
	put_extra(f->block, 0, "c", "", false);
	put_extra(f->block, 0, "a", "3", true);
	put_extra(f->block, 1, "a", "4", true);
	weir_block_commit(f->block, 2, &nothing);
	assert_int_equal(weir_text_ndjson(f->block, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out),
			    "{\"extra\":{\"a\":[1,\"x\",3],\"b\":2,\"c\":\"\"}}\n{\"extra\":{\"a\":4}}\n");
}

/* The line'th line's field in that column of the table; fields with quotes are not understood. */
static void assert_field(const char *csv, unsigned line, unsigned column, const char *expected)
{
	while (line--)
		csv = strchr(csv, '\n') + 1;
	while (column--)
		csv = strchr(csv, ',') + 1;
	assert_int_equal(strcspn(csv, ",\n"), strlen(expected));
	assert_memory_equal(csv, expected, strlen(expected));
}

static void test_csv(void **state)
{
	struct fixture *f = *state;
	const char *csv;

	fill(f->block);
	assert_int_equal(weir_text_csv_header(&f->out), 0);
	assert_int_equal(weir_text_csv(f->block, &f->out), 0);
	csv = weir_buffer_cstr(&f->out);
	assert_field(csv, 0, WEIR_COL_TIME_RECEIVED, "time_received");
	assert_field(csv, 0, WEIR_COL_USER_NAME, "user_name");
	assert_field(csv, 0, WEIR_COLUMNS, "extra");
	assert_field(csv, 1, WEIR_COL_TIME_RECEIVED, "");
	assert_field(csv, 1, WEIR_COL_TIME_START, "2026-01-01T00:00:00.007Z");
	assert_field(csv, 1, WEIR_COL_SRC_ADDR, "10.1.2.3");
	assert_field(csv, 1, WEIR_COL_SRC_PORT, "443");
	assert_field(csv, 1, WEIR_COL_DST_PORT, "");
	assert_field(csv, 1, WEIR_COLUMNS, "");
	assert_field(csv, 2, WEIR_COL_SRC_PORT, "0");
	assert_field(csv, 3, WEIR_COL_SRC_PORT, "");
	assert_field(csv, 3, WEIR_COL_PROTO, "17");
	assert_non_null(strstr(csv, ",\"a \"\"b\"\", c\",,"));
	assert_non_null(strstr(csv, ",,\"{\"\"ixiaBrowserName\"\":\"\"Chrome\"\",\"\"12:5\"\":7}\"\n"));
}

static const struct {
	const char *given;
	const char *json;
	const char *csv; /* as a string column's cell */
} STRINGS[] = {
	{"", "\"\"", ""},
	{"plain", "\"plain\"", "plain"},
	{"q\"b\\", "\"q\\\"b\\\\\"", "\"q\"\"b\\\""},
	{"\n\r\t", "\"\\n\\r\\t\"", "\"\n\r\t\""},
	{"\x1b[31m\x7f", "\"\\u001b[31m\\u007f\"", "\xef\xbf\xbd[31m\xef\xbf\xbd"},
	{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
	 "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"a\xff" "b", "\"a\xef\xbf\xbd" "b\"", "a\xef\xbf\xbd" "b"},
	{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut short */
	{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
	 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},				       /* a surrogate */
	{"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
	 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},			       /* beyond U+10FFFF */
	{"\xc2\x9b" "31m", "\"\xef\xbf\xbd" "31m\"", "\xef\xbf\xbd" "31m"},	       /* a C1 control character */
};

static void test_strings(void **state)
{
	struct weir_column_set set = {0};
	struct fixture *f = *state;

	weir_column_set_add(&set, WEIR_COL_USER_NAME);
	for (size_t i = 0; i < sizeof(STRINGS) / sizeof(STRINGS[0]); i++) {
		const char *given = STRINGS[i].given;
		char *cell;

		weir_buffer_reset(&f->out);
		assert_int_equal(weir_text_json_string(given, strlen(given), &f->out), 0);
		assert_string_equal(weir_buffer_cstr(&f->out), STRINGS[i].json);
		weir_block_reset(f->block);
		weir_buffer_reset(&f->out);
		put_str(f->block, WEIR_COL_USER_NAME, 0, given);
		weir_block_commit(f->block, 1, &set);
		assert_int_equal(weir_text_csv(f->block, &f->out), 0);
		cell = (char *)f->out.data + WEIR_COL_USER_NAME; /* a comma for each column before */
		assert_memory_equal(cell, STRINGS[i].csv, strlen(STRINGS[i].csv));
		assert_int_equal(cell[strlen(STRINGS[i].csv)], ',');
	}
}

static void test_nul_in_a_string(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(weir_text_json_string("a\0b", 3, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out), "\"a\\u0000b\"");
}

static void test_single_values(void **state)
{
	struct fixture *f = *state;

	fill(f->block);
	put_str(f->block, WEIR_COL_APPLICATION_NAME, 0, "a\nb,\"c\x1b");
	assert_int_equal(weir_text_value(f->block, WEIR_COL_SRC_ADDR, 0, &f->out), 0);
	assert_int_equal(weir_text_value(f->block, WEIR_COL_SRC_PORT, 0, &f->out), 0);
	assert_int_equal(weir_text_value(f->block, WEIR_COL_TIME_START, 0, &f->out), 0);
	assert_int_equal(weir_text_value(f->block, WEIR_COL_APPLICATION_NAME, 0, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out),
			    "10.1.2.3" "443" "2026-01-01T00:00:00.007Z" "a\xef\xbf\xbd" "b,\"c\xef\xbf\xbd");
}

/* A name is a text like any other; one that is not known is left out of an object. */
static void test_names(void **state)
{
	static const char *const zones[] = {"office \"A\"", "", "dmz"};
	struct weir_column_set set = {0};
	struct weir_vocabulary *vocabulary;
	struct fixture *f = *state;

	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	weir_column_set_add(&set, WEIR_COL_SRC_ZONE);
	weir_column_set_add(&set, WEIR_COL_INITIATOR);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(weir_vocabulary_add(vocabulary, zones[i], strlen(zones[i]),
						     &weir_block_u32(f->block, WEIR_COL_SRC_ZONE)[i]), 0);
	weir_block_commit(f->block, 3, &set);
	f->block->vocabulary = vocabulary;
	assert_int_equal(weir_text_ndjson(f->block, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out), "{\"src_zone\":\"office \\\"A\\\"\",\"initiator\":0}\n{\"initiator\":0}\n"
						       "{\"src_zone\":\"dmz\",\"initiator\":0}\n");
	weir_buffer_reset(&f->out);
	assert_int_equal(weir_text_csv(f->block, &f->out), 0);
	assert_field(weir_buffer_cstr(&f->out), 1, WEIR_COL_SRC_ZONE, "");
	assert_field(weir_buffer_cstr(&f->out), 2, WEIR_COL_SRC_ZONE, "dmz");
	assert_memory_equal(f->out.data + WEIR_COL_SRC_ZONE, "\"office \"\"A\"\"\",,", 16);
	weir_buffer_reset(&f->out);
	assert_int_equal(weir_text_value(f->block, WEIR_COL_SRC_ZONE, 2, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out), "dmz");
	/* Without a vocabulary nothing has a name. */
	f->block->vocabulary = NULL;
	weir_buffer_reset(&f->out);
	assert_int_equal(weir_text_ndjson(f->block, &f->out), 0);
	assert_string_equal(weir_buffer_cstr(&f->out), "{\"initiator\":0}\n{\"initiator\":0}\n{\"initiator\":0}\n");
	weir_vocabulary_free(vocabulary);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_ndjson),
		CASE(test_ndjson_of_rows_with_nothing_or_extra_only),
		CASE(test_repeated_extras_are_a_list),
		CASE(test_csv),
		CASE(test_strings),
		CASE(test_nul_in_a_string),
		CASE(test_single_values),
		CASE(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
