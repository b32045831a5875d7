#include "wire/testing.h"
#include "wire/value.h"

static char scratch[WEIR_VALUE_TEXT_MAX];

/* The text, with a "#" before what is a JSON number. */
static const char *text_of(enum weir_element_type type, const uint8_t *data, size_t len)
{
	static char text[8][128];
	static unsigned turn;
	const struct weir_element e = {.name = "x", .type = (uint8_t)type};
	struct weir_value_text t = weir_value_text(&e, data, len, scratch);
	char *to = text[turn++ % 8];

	(void)snprintf(to, 128, "%s%.*s", t.number ? "#" : "", (int)t.len, t.text);
	return to;
}

#define assert_text(type, expected, ...)                                                             \
	do {                                                                                         \
		const uint8_t bytes[] = {__VA_ARGS__};                                               \
		assert_string_equal(text_of(WEIR_ELEMENT_##type, bytes, sizeof(bytes)), expected);   \
	} while (0)

static void test_numbers(void **state)
{
	(void)state;
	assert_text(U8, "#0", 0);
	assert_text(U16, "#258", 1, 2);
	assert_text(U32, "#66051", 1, 2, 3);
	assert_text(U64, "#18446744073709551615", U64(UINT64_MAX));
	assert_text(S8, "#-1", 0xff);
	assert_text(S8, "#-128", 0x80);
	assert_text(S8, "#127", 0x7f);
	assert_text(S32, "#-2", 0xff, 0xfe);
	assert_text(S64, "#-9223372036854775808", U64(UINT64_C(1) << 63));
	assert_text(S64, "#9223372036854775807", U64(INT64_MAX));
	assert_text(F32, "#0.5", U32(0x3f000000));
	assert_text(F64, "#-2", U64(0xc000000000000000));
	assert_text(F64, "#0.5", U32(0x3f000000));
	/* No JSON numbers. */
	assert_text(F64, "nan", U64(0x7ff8000000000000));
	assert_text(F32, "inf", U32(0x7f800000));
	assert_text(U256, "000000000000000001", 0, U64(1));
}

static void test_other_types(void **state)
{
	(void)state;
	assert_text(BOOLEAN, "true", 1);
	assert_text(BOOLEAN, "false", 2);
	assert_text(BOOLEAN, "#3", 3);
	assert_text(MAC, "00:11:22:aa:bb:cc", 0, 0x11, 0x22, 0xaa, 0xbb, 0xcc);
	assert_text(IPV4, "192.0.2.1", IP(192, 0, 2, 1));
	assert_text(IPV6, "2001:db8::1", U64(0x20010db800000000), U64(1));
	assert_text(STRING, "eth0", 'e', 't', 'h', '0', 0, 0, 0);
	assert_text(STRING, "", 0, 0);
	assert_text(OCTETS, "00ff10", 0, 0xff, 0x10);
	assert_text(BASIC_LIST, "ff", 0xff);
}

static void test_times(void **state)
{
	(void)state;
	assert_text(SECONDS, "2023-11-14T22:13:20.000Z", U32(TEST_SECONDS));
	assert_text(MILLISECONDS, "2023-11-14T22:13:20.123Z", U64(TEST_MS + 123));
	assert_text(MILLISECONDS, "2299-12-31T23:59:59.999Z", U64(UINT64_MAX));
	assert_text(MICROSECONDS, "2023-11-14T22:13:20.500Z", U32(TEST_SECONDS + 2208988800U), U32(0x80000000));
	assert_text(NANOSECONDS, "1970-01-01T00:00:00.000Z", U64(0));
}

/* A length that the type cannot have, and an element that nobody knows, are digits. */
static void test_hexadecimal(void **state)
{
	static const uint8_t data[] = {0xde, 0xad, 0xbe};
	struct weir_value_text t;

	(void)state;
	assert_text(IPV4, "deadbe", 0xde, 0xad, 0xbe);
	assert_text(MAC, "deadbe", 0xde, 0xad, 0xbe);
	assert_text(SECONDS, "deadbe", 0xde, 0xad, 0xbe);
	assert_text(F64, "deadbe0000", 0xde, 0xad, 0xbe, 0, 0);
	assert_text(BOOLEAN, "0001", 0, 1);
	assert_text(U8, "000000000000000001", U64(0), 1);
	t = weir_value_text(NULL, data, sizeof(data), scratch);
	assert_int_equal(t.len, 6);
	assert_memory_equal(t.text, "deadbe", 6);
	assert_false(t.number);
}

static void test_longest(void **state)
{
	uint8_t *data = calloc(1, 65535);
	struct weir_value_text t;

	(void)state;
	assert_non_null(data);
	t = weir_value_text(NULL, data, 65535, scratch);
	assert_int_equal(t.len, 2 * 65535);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	cmocka_unit_test(test_other_types), cmocka_unit_test(test_times),
		cmocka_unit_test(test_hexadecimal), cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
