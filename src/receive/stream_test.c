#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/writer.h"
#include "receive/stream.h"

#define LONGEST 65535

/* An IPFIX message of that length, its bytes told from others'. */
static size_t put_message(uint8_t *at, size_t len, uint8_t fill)
{
	memset(at, fill, len);
	weir_put_be16(at, 10);
	weir_put_be16(at + 2, (uint16_t)len);
	return len;
}

static void feed(struct weir_stream *s, const uint8_t *data, size_t len)
{
	size_t room;
	uint8_t *at = weir_stream_room(s, &room);

	assert_true(len <= room);
	memcpy(at, data, len);
	weir_stream_filled(s, len);
}

static void test_messages_in_any_pieces(void **state)
{
	static const size_t LENGTHS[] = {16, 100, 17, 1400, 16, 16, 999};
	enum { ALL = 16 + 100 + 17 + 1400 + 16 + 16 + 999 };
	uint8_t bytes[ALL];
	size_t filled = 0;

	(void)state;
	for (uint8_t i = 0; i < 7; i++)
		filled += put_message(bytes + filled, LENGTHS[i], i);
	for (size_t piece = 1; piece <= ALL; piece += piece < 40 ? 1 : 191) {
		struct weir_stream s;
		unsigned messages = 0;
		size_t given = 0;

		assert_int_equal(weir_stream_init(&s), 0);
		for (size_t at = 0; at < ALL; at += piece) {
			const uint8_t *data;
			size_t len;
			int rc;

			feed(&s, bytes + at, piece < ALL - at ? piece : ALL - at);
			while ((rc = weir_stream_next(&s, &data, &len)) == 1) {
				assert_int_equal(len, LENGTHS[messages++]);
				assert_memory_equal(data, bytes + given, len);
				given += len;
			}
			assert_int_equal(rc, 0);
		}
		assert_int_equal(messages, 7);
		assert_false(weir_stream_pending(&s));
		weir_stream_done(&s);
	}
}

/* The longest message fits, also behind one that was cut. */
static void test_longest_message(void **state)
{
	uint8_t *bytes = malloc(LONGEST * 2);
	struct weir_stream s;
	const uint8_t *data;
	size_t len, room;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(weir_stream_init(&s), 0);
	put_message(bytes, LONGEST, 1);
	put_message(bytes + LONGEST, LONGEST, 2);
	feed(&s, bytes, 100);
	assert_int_equal(weir_stream_next(&s, &data, &len), 0);
	(void)weir_stream_room(&s, &room);
	feed(&s, bytes + 100, room);
	assert_int_equal(weir_stream_next(&s, &data, &len), 1);
	assert_int_equal(len, LONGEST);
	assert_memory_equal(data, bytes, LONGEST);
	assert_int_equal(weir_stream_next(&s, &data, &len), 0);
	assert_true(weir_stream_pending(&s));
	feed(&s, bytes + 100 + room, 2 * LONGEST - 100 - room);
	assert_int_equal(weir_stream_next(&s, &data, &len), 1);
	assert_memory_equal(data, bytes + LONGEST, LONGEST);
	weir_stream_done(&s);
	free(bytes);
}

/* Said as soon as it can be known. */
static void test_what_is_no_ipfix(void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t len;
		int first; /* after so many bytes it is known */
	} CASES[] = {
		{{'G', 'E', 'T', ' '}, 4, 2}, {{0, 9, 0, 20}, 4, 2}, {{0, 11, 0, 20}, 4, 2},
		{{0, 10, 0, 15}, 4, 4},	      {{0, 10, 0, 0}, 4, 4}, {{0x16, 3, 1, 2}, 4, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_stream s;
		const uint8_t *data;
		size_t len;

		assert_int_equal(weir_stream_init(&s), 0);
		for (int n = 1; n <= CASES[i].first; n++) {
			feed(&s, &CASES[i].bytes[n - 1], 1);
			assert_int_equal(weir_stream_next(&s, &data, &len), n < CASES[i].first ? 0 : -EPROTO);
		}
		weir_stream_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_in_any_pieces),
		cmocka_unit_test(test_longest_message),
		cmocka_unit_test(test_what_is_no_ipfix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
