#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "probe/sight.h"

/* Ethernet, IPv4 with 44 bytes, TCP with four bytes of payload. */
static const uint8_t TCP4[] = {
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00,
	0x45, 0x28, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1,
	0x30, 0x39, 0x01, 0xbb, 0, 0, 1, 0, 0, 0, 2, 0, 0x50, 0x18, 0x20, 0x01, 0, 0, 0, 0, 1, 2, 3, 4,
};

/* Ethernet, IPv6 with 12 bytes behind it, UDP. */
static const uint8_t UDP6[] = {
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x86, 0xdd,
	0x62, 0x80, 0, 0, 0, 12, 17, 63,
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	0x30, 0x39, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4,
};

static void general(const struct weir_frame *frame, const struct weir_sight_options *options, struct weir_sight *ret_sight)
{
	struct weir_sight_ports ports;
	struct weir_packet p;

	(void)weir_packet_parse(weir_cursor(frame->data, frame->captured), frame->link, WEIR_TUNNEL_INNER, &p);
	if (frame->tagged)
		p.vlan = frame->vlan;
	ports = (struct weir_sight_ports){.src = p.src_port, .dst = p.dst_port, .known = p.has & WEIR_PACKET_PORTS};
	weir_sight_of(frame, &p, &ports, options, ret_sight);
}

/* Whether the quick way takes it; if so, it sees what the general one sees. */
static bool is_quick(const uint8_t *data, size_t len)
{
	struct weir_frame frame = {.data = data, .captured = (uint32_t)len, .length = 1500, .time_us = 77, .interface = 3, .vlan = 5};
	bool quick = false;

	for (unsigned bits = 0; bits < 8; bits++) {
		struct weir_sight_options options = {.frame_bytes = bits & 1, .tos = bits & 2};
		struct weir_sight a, b;

		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		frame.tagged = frame.outgoing = bits & 4;
		quick = weir_sight_quick(&frame, &options, &a);
		general(&frame, &options, &b);
		if (quick)
			assert_memory_equal(&a, &b, sizeof(a));
	}
	return quick;
}

/* Every frame that differs from a common one in a byte, and every cut, is seen alike or left to the general way. */
static void vary(const uint8_t *frame, size_t len, unsigned least)
{
	uint8_t changed[128];
	unsigned quick = 0;

	assert_true(is_quick(frame, len));
	for (size_t cut = 0; cut < len; cut++)
		(void)is_quick(frame, cut);
	for (size_t at = 0; at < len; at++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(changed, frame, len);
			changed[at] = (uint8_t)value;
			quick += is_quick(changed, len);
		}
	}
	assert_true(quick > least * 256);
}

static void test_tcp(void **state)
{
	struct weir_frame frame = {.data = TCP4, .captured = sizeof(TCP4), .length = sizeof(TCP4)};
	const struct weir_sight_options options = {0};
	struct weir_sight s;

	(void)state;
	vary(TCP4, sizeof(TCP4), 45);
	assert_true(weir_sight_quick(&frame, &options, &s));
	assert_int_equal(s.from, 1); /* .9 is higher than .1 */
	assert_int_equal(s.key.port[1], 12345);
	assert_int_equal(s.bytes, 44);
	assert_int_equal(s.tcp_payload, 4);
	assert_int_equal(s.tcp_window, 0x2001);
	assert_int_equal(s.tcp_seq, 0x100);
	assert_int_equal(s.tcp_ack, 0x200);
	assert_true(s.has_sequence);
}

static void test_udp(void **state)
{
	uint8_t tunnel[sizeof(UDP6)];

	(void)state;
	vary(UDP6, sizeof(UDP6), 50);
	memcpy(tunnel, UDP6, sizeof(UDP6));
	tunnel[56] = 4789 >> 8;
	tunnel[57] = 4789 & 255;
	assert_false(is_quick(tunnel, sizeof(tunnel)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tcp), cmocka_unit_test(test_udp)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
