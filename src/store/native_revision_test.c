#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/native_revision.h"

#define INFO "\1\0\2\xff\xff\xff\xff\0"

/* What comes out for these bytes; 4096 at most, so that the pipes hold all. */
static int revise(const void *in, size_t len, unsigned revision, uint8_t *out, size_t *ret_len)
{
	int from[2];
	int to[2];
	ssize_t n;
	int rc;

	assert_int_equal(pipe2(from, O_CLOEXEC) | pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(write(from[1], in, len), len);
	assert_int_equal(close(from[1]), 0);
	rc = weir_native_revise(from[0], to[1], revision);
	assert_int_equal(close(to[1]), 0);
	n = read(to[0], out, 4096);
	assert_true(n >= 0);
	*ret_len = (size_t)n;
	assert_int_equal(close(to[0]) | close(from[0]), 0);
	return rc;
}

/* One column "c" of two rows of the type, whose values are given, twice behind each other. */
static size_t make_block(const char *type, const void *values, size_t len, uint8_t *out)
{
	size_t n = 0;

	for (int twice = 0; twice < 2; twice++) {
		memcpy(out + n, "\1\2\1c", 4);
		n += 4;
		out[n++] = (uint8_t)strlen(type);
		memcpy(out + n, type, strlen(type));
		n += strlen(type);
		memcpy(out + n, values, len);
		n += len;
	}
	return n;
}

static const struct row {
	const char *type;
	const char *values;
	size_t len;
} ROWS[] = {
#define VALUES(text) text, sizeof(text) - 1
	{"UInt8", VALUES("ab")},
	{"Bool", VALUES("\0\1")},
	{"DateTime64(3, 'UTC')", VALUES("12345678abcdefgh")},
	{"DateTime('Europe/Berlin')", VALUES("1234abcd")},
	{"Enum8('a(' = 1, 'it\\'s)' = 2)", VALUES("\1\2")},
	{"FixedString(3)", VALUES("abcdef")},
	{"Decimal(18, 4)", VALUES("12345678abcdefgh")},
	{"Decimal(38, 4)", VALUES("12345678abcdefgh12345678abcdefgh")},
	{"IPv6", VALUES("12345678abcdefgh12345678abcdefgh")},
	{"String", VALUES("\3abc\0")},
	{"Nullable(UInt16)", VALUES("\0\1aabb")},
	{"Array(UInt8)", VALUES("\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0abc")},
	{"Array(Array(String))", VALUES("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1a\1b")},
	{"Map(String, UInt8)", VALUES("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1kv")},
	{"Tuple(UInt8, String)", VALUES("ab\1x\0")},
	{"Tuple(a UInt8, `b c` Nullable(String))", VALUES("ab\0\1\1x\0")},
	{"LowCardinality(String)", VALUES("\1\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\1x\2\0\0\0\0\0\0\0\1\0")},
	{"LowCardinality(Nullable(FixedString(2)))",
	 VALUES("\1\0\0\0\0\0\0\0\1\6\0\0\0\0\0\0\1\0\0\0\0\0\0\0zz\2\0\0\0\0\0\0\0\0\0\0\0")},
	{"Array(LowCardinality(String))", VALUES("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
	{"Nullable(Nothing)", VALUES("\1\1\0\0")},
};
#define ROW_COUNT (sizeof(ROWS) / sizeof(ROWS[0]))

static void each_type_is_walked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		uint8_t in[1024];
		uint8_t out[4096];
		uint8_t wanted[1024];
		size_t out_len;
		size_t len = make_block(ROWS[i].type, ROWS[i].values, ROWS[i].len, in);
		size_t head = 5 + strlen(ROWS[i].type);
		size_t n = 0;

		for (int twice = 0; twice < 2; twice++) {
			memcpy(wanted + n, INFO, 8);
			memcpy(wanted + n + 8, in, head);
			wanted[n + 8 + head] = 0;
			memcpy(wanted + n + 9 + head, ROWS[i].values, ROWS[i].len);
			n += 9 + head + ROWS[i].len;
		}
		assert_int_equal(revise(in, len, 54483, out, &out_len), 0);
		if (out_len != n || memcmp(out, wanted, n) != 0)
			fail_msg("%s: %zu bytes, %zu were expected", ROWS[i].type, out_len, n);
	}
}

static void a_cut_is_seen_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		uint8_t in[1024];
		uint8_t out[4096];
		size_t out_len;
		size_t len = make_block(ROWS[i].type, ROWS[i].values, ROWS[i].len, in) / 2;

		for (size_t cut = 1; cut < len; cut++)
			assert_int_equal(revise(in, cut, 54483, out, &out_len), -EPROTO);
	}
}

static void older_revisions_get_less(void **state)
{
	static const char in[] = "\1\1\1c\5UInt8x";
	uint8_t out[4096];
	size_t len;

	(void)state;
	assert_int_equal(revise(in, sizeof(in) - 1, 54405, out, &len), 0);
	assert_int_equal(len, sizeof(in) - 1 + 8);
	assert_int_equal(revise(in, sizeof(in) - 1, 100, out, &len), 0);
	assert_int_equal(len, sizeof(in) - 1);
	assert_int_equal(revise("", 0, 54483, out, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(revise("\1\0\1c\4JSON", 9, 54483, out, &len), 0); /* a head without rows */
	assert_int_equal(len, 9 + 8 + 1);
}

static void unknown_types_are_refused(void **state)
{
	static const char *const types[] = {"JSON", "Dynamic", "Variant(UInt8, String)", "AggregateFunction(sum, UInt64)", "Array",
					    "Tuple(UInt8", "UInt8)", "Array(UInt8, UInt8)x", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint8_t in[1024];
		uint8_t out[4096];
		size_t len = make_block(types[i], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, in);

		assert_int_equal(revise(in, len, 54483, out, &len), -ENOTSUP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_walked),
		cmocka_unit_test(a_cut_is_seen_anywhere),
		cmocka_unit_test(older_revisions_get_less),
		cmocka_unit_test(unknown_types_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
