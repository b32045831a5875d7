#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "replicate/header.h"

#define PAYLOAD_MAX 1500

/* RFC 1071 word by word, as the receiver does it: all ones when it is right. */
static uint16_t plain_sum(const uint8_t *data, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(data[i] << 8 | (i + 1 < len ? data[i + 1] : 0));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t pseudo_sum(const uint8_t *addresses, size_t len, size_t udp_len)
{
	return plain_sum(addresses, len, (uint32_t)(17 + udp_len));
}

static struct weir_header_ends ends(const char *from, const char *to)
{
	struct weir_header_ends e = {.from_port = 50000, .to_port = 2055};

	assert_int_equal(weir_addr_parse(from, &e.from), 0);
	assert_int_equal(weir_addr_parse(to, &e.to), 0);
	return e;
}

static size_t make(const char *from, const char *to, const uint8_t *payload, size_t len, uint8_t *ret_packet)
{
	const struct weir_header_ends e = ends(from, to);
	size_t n = weir_header_write(&e, len, weir_header_sum(payload, len), ret_packet);

	memcpy(ret_packet + n, payload, len);
	return n;
}

static void fill(uint8_t *payload, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(seed * 131 + i * 7 + (i >> 3));
}

static void test_v4(void **state)
{
	uint8_t payload[PAYLOAD_MAX];
	uint8_t packet[PAYLOAD_MAX + WEIR_HEADER_MAX];

	(void)state;
	for (size_t len = 0; len < PAYLOAD_MAX; len += len < 40 ? 1 : 37) {
		fill(payload, len, (unsigned)len);
		assert_int_equal(make("198.51.100.7", "192.0.2.9", payload, len, packet), WEIR_HEADER_V4);
		assert_int_equal(packet[0], 0x45);
		assert_int_equal(weir_be16(packet + 2), 28 + len);
		assert_int_equal(packet[9], 17);
		assert_int_equal(plain_sum(packet, 20, 0), 0xffff);
		assert_int_equal(weir_be32(packet + 12), 0xc6336407);
		assert_int_equal(weir_be32(packet + 16), 0xc0000209);
		assert_int_equal(weir_be16(packet + 20), 50000);
		assert_int_equal(weir_be16(packet + 22), 2055);
		assert_int_equal(weir_be16(packet + 24), 8 + len);
		assert_int_equal(plain_sum(packet + 20, 8 + len, pseudo_sum(packet + 12, 8, 8 + len)), 0xffff);
	}
}

static void test_v6(void **state)
{
	uint8_t payload[PAYLOAD_MAX];
	uint8_t packet[PAYLOAD_MAX + WEIR_HEADER_MAX];

	(void)state;
	for (size_t len = 0; len < PAYLOAD_MAX; len += len < 40 ? 1 : 37) {
		fill(payload, len, (unsigned)len);
		assert_int_equal(make("2001:db8:51::1", "2001:db8:51::2", payload, len, packet), WEIR_HEADER_V6);
		assert_int_equal(weir_be32(packet), 0x60000000);
		assert_int_equal(weir_be16(packet + 4), 8 + len);
		assert_int_equal(packet[6], 17);
		assert_int_equal(packet[23], 1);
		assert_int_equal(packet[39], 2);
		assert_int_equal(plain_sum(packet + 40, 8 + len, pseudo_sum(packet + 8, 32, 8 + len)), 0xffff);
	}
}

/* A sum of zero says that there is none (RFC 768; in IPv6 such a datagram is dropped, RFC 8200 §8.1). */
static void test_zero_is_sent_as_ones(void **state)
{
	uint8_t packet[WEIR_HEADER_MAX + 2];
	uint8_t payload[2] = {0, 0};
	unsigned ones = 0;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		payload[0] = (uint8_t)(i >> 8);
		payload[1] = (uint8_t)i;
		(void)make("2001:db8::1", "2001:db8::2", payload, 2, packet);
		assert_int_not_equal(weir_be16(packet + 46), 0);
		ones += weir_be16(packet + 46) == 0xffff;
	}
	assert_true(ones >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_zero_is_sent_as_ones),
	};

	return cmocka_run_group_tests_name("replicate header", tests, NULL, NULL);
}
