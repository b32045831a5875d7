#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>
#include <time.h>

#include "query/human.h"
#include "query/output.h"
#include "query/printable.h"

static int put(void *ctx, const void *data, size_t len)
{
	return weir_buffer_append(ctx, data, len);
}

static const struct weir_output_column COLUMNS[] = {
	{.name = "src_addr", .kind = WEIR_KIND_ADDR},
	{.name = "bytes", .kind = WEIR_KIND_BYTES},
	{.name = "user_name", .kind = WEIR_KIND_TEXT},
};

static struct weir_cell cell(const char *text)
{
	return (struct weir_cell){.text = text ? text : "", .len = text ? strlen(text) : 0, .null = !text};
}

static void add(struct weir_output *output, const char *a, const char *b, const char *c)
{
	struct weir_cell cells[] = {cell(a), cell(b), cell(c)};

	assert_int_equal(weir_output_row(output, cells), 0);
}

static void assert_form(enum weir_format format, bool terminal, const char *user, const char *expected)
{
	struct weir_buffer out;
	struct weir_output_options options = {.format = format, .terminal = terminal, .put = put, .ctx = &out};
	struct weir_output *output;

	weir_buffer_init(&out);
	assert_int_equal(weir_output_new(&options, COLUMNS, 3, &output), 0);
	add(output, "::ffff:10.0.0.1", "18446744073709551615", user);
	add(output, "2001:db8::1", "1234", NULL);
	assert_int_equal(weir_output_end(output), 0);
	weir_output_free(output);
	assert_string_equal(weir_buffer_cstr(&out), expected);
	weir_buffer_done(&out);
}

static void test_table(void **state)
{
	(void)state;
	assert_form(WEIR_FORMAT_TABLE, false, "x",
		    "src_addr       bytes  user_name\n"
		    "10.0.0.1     18.4 EB  x\n"
		    "2001:db8::1   1.2 kB  -\n");
	assert_form(WEIR_FORMAT_TABLE, false, "\x1b[31m\t\xff",
		    "src_addr       bytes  user_name\n"
		    "10.0.0.1     18.4 EB  \\x1b[31m\\x09\\xff\n"
		    "2001:db8::1   1.2 kB  -\n");
}

static void test_csv(void **state)
{
	(void)state;
	assert_form(WEIR_FORMAT_CSV, false, "plain",
		    "src_addr,bytes,user_name\n10.0.0.1,18446744073709551615,plain\n2001:db8::1,1234,\n");
	assert_form(WEIR_FORMAT_CSV, false, "a,\"b\"\nc",
		    "src_addr,bytes,user_name\n10.0.0.1,18446744073709551615,\"a,\"\"b\"\"\nc\"\n2001:db8::1,1234,\n");
	assert_form(WEIR_FORMAT_CSV, true, "\x1b[31m",
		    "src_addr,bytes,user_name\n10.0.0.1,18446744073709551615,\\x1b[31m\n2001:db8::1,1234,\n");
}

static void test_json(void **state)
{
	(void)state;
	assert_form(WEIR_FORMAT_JSON, false, "a\"\\\n\xff",
		    "[\n {\"src_addr\":\"10.0.0.1\",\"bytes\":18446744073709551615,\"user_name\":\"a\\\"\\\\\\n\xef\xbf\xbd\"},\n"
		    " {\"src_addr\":\"2001:db8::1\",\"bytes\":1234,\"user_name\":null}\n]\n");
	assert_form(WEIR_FORMAT_NDJSON, false, "x",
		    "{\"src_addr\":\"10.0.0.1\",\"bytes\":18446744073709551615,\"user_name\":\"x\"}\n"
		    "{\"src_addr\":\"2001:db8::1\",\"bytes\":1234,\"user_name\":null}\n");
	/* U+202E turns the writing direction; U+009B begins a control sequence. */
	assert_form(WEIR_FORMAT_NDJSON, true, "\xe2\x80\xae\xc2\x9b",
		    "{\"src_addr\":\"10.0.0.1\",\"bytes\":18446744073709551615,\"user_name\":\"\xef\xbf\xbd\xef\xbf\xbd\"}\n"
		    "{\"src_addr\":\"2001:db8::1\",\"bytes\":1234,\"user_name\":null}\n");
}

static void test_no_rows(void **state)
{
	static const char *const expected[WEIR_FORMATS] = {
		[WEIR_FORMAT_TABLE] = "src_addr  bytes  user_name\n",
		[WEIR_FORMAT_CSV] = "src_addr,bytes,user_name\n",
		[WEIR_FORMAT_JSON] = "[]\n",
		[WEIR_FORMAT_NDJSON] = "",
	};

	(void)state;
	for (int format = 0; format < WEIR_FORMATS; format++) {
		struct weir_buffer out;
		struct weir_output_options options = {.format = (enum weir_format)format, .put = put, .ctx = &out};
		struct weir_output *output;

		weir_buffer_init(&out);
		assert_int_equal(weir_output_new(&options, COLUMNS, 3, &output), 0);
		assert_int_equal(weir_output_end(output), 0);
		weir_output_free(output);
		assert_string_equal(weir_buffer_cstr(&out), expected[format]);
		weir_buffer_done(&out);
	}
}

/* Rows behind the sample keep the widths, and a wider one pushes only its own line. */
static void test_a_long_table_streams(void **state)
{
	struct weir_buffer out;
	struct weir_output_options options = {.format = WEIR_FORMAT_TABLE, .put = put, .ctx = &out};
	struct weir_output *output;
	const char *last;

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_output_new(&options, COLUMNS, 3, &output), 0);
	for (int i = 0; i < WEIR_OUTPUT_SAMPLE; i++)
		add(output, "10.0.0.1", "1", "x");
	assert_int_equal(out.len, 0);
	for (int i = 0; i < 5000; i++)
		add(output, "10.0.0.1", "1", "y");
	assert_true(out.len > 0);
	add(output, "2001:db8::1", "1", "z");
	assert_int_equal(weir_output_end(output), 0);
	weir_output_free(output);
	last = weir_buffer_cstr(&out) + out.len - strlen("2001:db8::1    1 B  z\n");
	assert_string_equal(last, "2001:db8::1    1 B  z\n");
	assert_non_null(strstr((char *)out.data, "10.0.0.1    1 B  y\n"));
	weir_buffer_done(&out);
}

static void test_cells(void **state)
{
	static const struct {
		enum weir_kind kind;
		uint8_t v4_bits, v6_bits;
		const char *text, *human, *exact;
		bool literal;
	} cases[] = {
		{WEIR_KIND_NUMBER, 0, 0, "64512", "64512", "64512", true},
		{WEIR_KIND_NUMBER, 0, 0, "-1.5e-7", "-1.5e-7", "-1.5e-7", true},
		{WEIR_KIND_NUMBER, 0, 0, "true", "true", "true", true},
		{WEIR_KIND_NUMBER, 0, 0, "nan", "nan", "nan", false},
		{WEIR_KIND_NUMBER, 0, 0, "007", "007", "007", false},
		{WEIR_KIND_NUMBER, 0, 0, "1.", "1.", "1.", false},
		{WEIR_KIND_COUNT, 0, 0, "1234567", "1.2 M", "1234567", true},
		{WEIR_KIND_BYTES, 0, 0, "999", "999 B", "999", true},
		{WEIR_KIND_SHARE, 0, 0, "0.123456", "12.3 %", "0.123456", true},
		{WEIR_KIND_DURATION, 0, 0, "1250", "1.250 s", "1250", true},
		{WEIR_KIND_RATE, 0, 0, "8825.35", "8.8 k", "8825.35", true},
		{WEIR_KIND_PROTO, 0, 0, "6", "tcp", "6", true},
		{WEIR_KIND_PROTO, 0, 0, "253", "253", "253", true},
		{WEIR_KIND_FLAGS, 0, 0, "27", "...AP.SF", "27", true},
		{WEIR_KIND_FLAGS, 0, 0, "0", "........", "0", true},
		{WEIR_KIND_FLAGS, 0, 0, "255", "CEUAPRSF", "255", true},
		{WEIR_KIND_MAC, 0, 0, "73596058572", "00:11:22:aa:bb:cc", "00:11:22:aa:bb:cc", false},
		{WEIR_KIND_MAC, 0, 0, "0", "-", "00:00:00:00:00:00", false},
		{WEIR_KIND_ADDR, 0, 0, "::", "-", "::", false},
		{WEIR_KIND_ADDR, 0, 0, "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", false},
		{WEIR_KIND_ADDR, 24, 64, "::ffff:192.0.2.0", "192.0.2.0/24", "192.0.2.0/24", false},
		{WEIR_KIND_ADDR, 24, 64, "2001:db8::", "2001:db8::/64", "2001:db8::/64", false},
		{WEIR_KIND_TIME, 0, 0, "2026-01-31 12:00:00.250", "2026-01-31 12:00:00.250", "2026-01-31T12:00:00.250Z",
		 false},
		{WEIR_KIND_TIME, 0, 0, "2026-01-31 12:00:00", "2026-01-31 12:00:00", "2026-01-31T12:00:00Z", false},
		{WEIR_KIND_TIME, 0, 0, "1970-01-01 00:00:00.000", "-", "1970-01-01T00:00:00.000Z", false},
		{WEIR_KIND_FLOW_TYPE, 0, 0, "ipfix", "ipfix", "ipfix", false},
		{WEIR_KIND_TEXT, 0, 0, "1", "1", "1", false},
	};

	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_output_column column = {
			.kind = cases[i].kind, .v4_bits = cases[i].v4_bits, .v6_bits = cases[i].v6_bits};
		struct weir_cell c = cell(cases[i].text);
		struct weir_buffer out;
		bool literal;

		weir_buffer_init(&out);
		assert_int_equal(weir_cell_human(&column, &c, &out), 0);
		assert_string_equal(weir_buffer_cstr(&out), cases[i].human);
		weir_buffer_reset(&out);
		assert_int_equal(weir_cell_exact(&column, &c, &out, &literal), 0);
		assert_string_equal(weir_buffer_cstr(&out), cases[i].exact);
		if (literal != cases[i].literal) {
			print_error("%s\n", cases[i].text);
			fail();
		}
		weir_buffer_done(&out);
	}
}

static void test_units(void **state)
{
	static const struct {
		double value;
		const char *unit, *text;
	} numbers[] = {
		{0, "", "0"},		{999, "", "999"},	    {999.6, "", "1.0 k"},     {1000, "", "1.0 k"},
		{1234, "B", "1.2 kB"},	{999949, "", "999.9 k"},    {999951, "", "1.0 M"},    {1e9, "B", "1.0 GB"},
		{1.8e19, "", "18.0 E"}, {12, "B", "12 B"},
	};
	static const struct {
		double ms;
		const char *text;
	} durations[] = {{0, "0.000 s"}, {599999, "599.999 s"}, {600000, "10 m 00 s"}, {7500000, "2 h 05 m"}};
	char text[WEIR_HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(weir_human_number(numbers[i].value, numbers[i].unit, text), strlen(numbers[i].text));
		assert_string_equal(text, numbers[i].text);
	}
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		(void)weir_human_duration(durations[i].ms, text);
		assert_string_equal(text, durations[i].text);
	}
}

static void test_widths(void **state)
{
	(void)state;
	assert_int_equal(weir_printable_width("abc", 3), 3);
	assert_int_equal(weir_printable_width("\xc3\xbc", 2), 1);
	assert_int_equal(weir_printable_width("\xe6\xbc\xa2", 3), 2);
	assert_int_equal(weir_printable_width("e\xcc\x81", 3), 1);
	assert_int_equal(weir_printable_width("\xff\xfe", 2), 2);
	/* An overlong form, a surrogate and a cut character are bytes, not characters. */
	assert_int_equal(weir_printable_width("\xc0\xaf", 2), 2);
	assert_int_equal(weir_printable_width("\xed\xa0\x80", 3), 3);
	assert_int_equal(weir_printable_width("\xe6\xbc", 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),  cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),   cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_cells),  cmocka_unit_test(test_a_long_table_streams),
		cmocka_unit_test(test_units),  cmocka_unit_test(test_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
