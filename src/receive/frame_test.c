#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pcap/dlt.h>

#include "receive/frame.h"

/* The layers, to be put together. */
#define ETH	     "\1\2\3\4\5\6\1\2\3\4\5\7"
#define IPV4(total)  "\x45\0\0" total "\0\0\0\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04"
#define UDP(len)     "\x12\x34\x08\x07\0" len "\0\0"
#define IPV6(len, next)                                                                   \
	"\x60\0\0\0\0" len next "\x40\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"           \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define BYTES(text)  (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const char *what;
	int link;
	const uint8_t *data;
	size_t len;
	enum weir_frame_kind kind;
	const char *src;
	const char *payload;
	bool cut;
} FRAMES[] = {
	{"Ethernet", DLT_EN10MB, BYTES(ETH "\x08\0" IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_UDP, "10.1.2.3", "abc",
	 false},
	{"Ethernet, filled up", DLT_EN10MB, BYTES(ETH "\x08\0" IPV4("\x1f") UDP("\x0b") "abc\0\0\0\0"),
	 WEIR_FRAME_UDP, "10.1.2.3", "abc", false},
	{"an empty datagram", DLT_EN10MB, BYTES(ETH "\x08\0" IPV4("\x1c") UDP("\x08")), WEIR_FRAME_UDP, "10.1.2.3", "",
	 false},
	{"a VLAN tag", DLT_EN10MB, BYTES(ETH "\x81\0\0\x07\x08\0" IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "10.1.2.3", "abc", false},
	{"two VLAN tags", DLT_EN10MB, BYTES(ETH "\x88\xa8\0\x07\x81\0\0\x08\x86\xdd" IPV6("\x0b", "\x11") UDP("\x0b") "abc"),
	 WEIR_FRAME_UDP, "2001:db8::1", "abc", false},
	{"IPv4 options", DLT_RAW,
	 BYTES("\x46\0\0\x23\0\0\0\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04\x01\x01\x01\x01" UDP("\x0b") "abc"),
	 WEIR_FRAME_UDP, "10.1.2.3", "abc", false},
	{"Linux cooked", DLT_LINUX_SLL, BYTES("\0\0\0\x01\0\x06\1\2\3\4\5\6\0\0\x08\0" IPV4("\x1f") UDP("\x0b") "abc"),
	 WEIR_FRAME_UDP, "10.1.2.3", "abc", false},
	{"Linux cooked, version 2", DLT_LINUX_SLL2,
	 BYTES("\x08\0\0\0\0\0\0\x02\0\x01\0\x06\1\2\3\4\5\6\0\0" IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "10.1.2.3", "abc", false},
	{"raw IPv6", DLT_RAW, BYTES(IPV6("\x0b", "\x11") UDP("\x0b") "abc"), WEIR_FRAME_UDP, "2001:db8::1", "abc", false},
	{"loopback, big-endian family", DLT_LOOP, BYTES("\0\0\0\x02" IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "10.1.2.3", "abc", false},
	{"loopback, host's family", DLT_NULL, BYTES("\x1e\0\0\0" IPV6("\x0b", "\x11") UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "2001:db8::1", "abc", false},
	{"PPP", DLT_PPP, BYTES("\xff\x03\0\x21" IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_UDP, "10.1.2.3", "abc", false},
	{"IPv6 extensions", DLT_RAW,
	 BYTES(IPV6("\x1b", "\0") "\x3c\0\1\4\0\0\0\0" "\x11\0\1\4\0\0\0\0" UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "2001:db8::1", "abc", false},
	{"an atomic IPv6 fragment", DLT_RAW, BYTES(IPV6("\x13", "\x2c") "\x11\0\0\0\0\0\0\1" UDP("\x0b") "abc"),
	 WEIR_FRAME_UDP, "2001:db8::1", "abc", false},
	{"an IPv6 fragment", DLT_RAW, BYTES(IPV6("\x13", "\x2c") "\x11\0\0\1\0\0\0\1" UDP("\x0b") "abc"),
	 WEIR_FRAME_FRAGMENT, NULL, NULL, false},
	{"the last IPv6 fragment", DLT_RAW, BYTES(IPV6("\x0b", "\x2c") "\x11\0\0\x08\0\0\0\1" "abc"),
	 WEIR_FRAME_FRAGMENT, NULL, NULL, false},
	{"a TCP fragment", DLT_RAW, BYTES(IPV6("\x0b", "\x2c") "\x06\0\0\x08\0\0\0\1" "abc"), WEIR_FRAME_OTHER, NULL,
	 NULL, false},
	{"the first IPv4 fragment", DLT_RAW,
	 BYTES("\x45\0\0\x1f\0\0\x20\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" UDP("\x0b") "abc"),
	 WEIR_FRAME_FRAGMENT, NULL, NULL, false},
	{"the last IPv4 fragment", DLT_RAW,
	 BYTES("\x45\0\0\x17\0\0\0\xb9\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" "abc"), WEIR_FRAME_FRAGMENT, NULL,
	 NULL, false},
	{"don't fragment", DLT_RAW,
	 BYTES("\x45\0\0\x1f\0\0\x40\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" UDP("\x0b") "abc"), WEIR_FRAME_UDP,
	 "10.1.2.3", "abc", false},
	{"cut by the capture", DLT_RAW, BYTES(IPV4("\x1f") UDP("\x0b") "a"), WEIR_FRAME_UDP, "10.1.2.3", "a", true},
	{"UDP longer than IP says", DLT_RAW, BYTES(IPV4("\x1e") UDP("\x0b") "abc"), WEIR_FRAME_UDP, "10.1.2.3", "ab",
	 true},
	{"lengths left to the card", DLT_RAW, BYTES(IPV4("\0") UDP("\0") "abc"), WEIR_FRAME_UDP, "10.1.2.3", "abc",
	 false},
	{"UDP shorter than its header", DLT_RAW, BYTES(IPV4("\x1f") UDP("\x07") "abc"), WEIR_FRAME_OTHER, NULL, NULL,
	 false},
	{"an IPv4 header of 16 bytes", DLT_RAW,
	 BYTES("\x44\0\0\x1f\0\0\0\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" UDP("\x0b") "abc"), WEIR_FRAME_OTHER,
	 NULL, NULL, false},
	{"IPv4 shorter than its header", DLT_RAW, BYTES(IPV4("\x13") UDP("\x0b") "abc"), WEIR_FRAME_OTHER, NULL, NULL,
	 false},
	{"cut in the UDP header", DLT_RAW, BYTES(IPV4("\x1f") "\x12\x34\x08"), WEIR_FRAME_OTHER, NULL, NULL, false},
	{"IPv6 as IPv4's EtherType", DLT_EN10MB, BYTES(ETH "\x08\0" IPV6("\x0b", "\x11") UDP("\x0b") "abc"),
	 WEIR_FRAME_OTHER, NULL, NULL, false},
	{"TCP", DLT_RAW, BYTES("\x45\0\0\x1f\0\0\0\0\x40\x06\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" "abcdefghijk"),
	 WEIR_FRAME_OTHER, NULL, NULL, false},
	{"ARP", DLT_EN10MB, BYTES(ETH "\x08\x06\0\1"), WEIR_FRAME_OTHER, NULL, NULL, false},
	{"nothing", DLT_EN10MB, BYTES(""), WEIR_FRAME_OTHER, NULL, NULL, false},
	{"nothing but tags", DLT_EN10MB, BYTES(ETH "\x81\0\0\1\x81\0\0\1\x81"), WEIR_FRAME_OTHER, NULL, NULL, false},
	{"an unknown link type", 9999, BYTES(IPV4("\x1f") UDP("\x0b") "abc"), WEIR_FRAME_OTHER, NULL, NULL, false},
};

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++) {
		struct weir_frame_udp udp = {0};
		char src[WEIR_ADDR_TEXT_MAX];
		enum weir_frame_kind kind = weir_frame_udp(FRAMES[i].link, FRAMES[i].data, FRAMES[i].len, &udp);

		if (kind != FRAMES[i].kind)
			fail_msg("%s: kind %d, not %d", FRAMES[i].what, kind, FRAMES[i].kind);
		if (kind != WEIR_FRAME_UDP)
			continue;
		(void)weir_addr_text(&udp.src, src);
		if (strcmp(src, FRAMES[i].src) != 0 || udp.src_port != 0x1234 || udp.cut != FRAMES[i].cut)
			fail_msg("%s: from %s port %u, %s", FRAMES[i].what, src, udp.src_port, udp.cut ? "cut" : "whole");
		if (udp.len != strlen(FRAMES[i].payload) || memcmp(udp.data, FRAMES[i].payload, udp.len) != 0)
			fail_msg("%s: payload of %zu bytes", FRAMES[i].what, udp.len);
	}
}

/* Cut anywhere, a frame is understood less, never beyond its end (the sanitizer watches). */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++) {
		for (size_t len = 0; len < FRAMES[i].len; len++) {
			uint8_t *exact = test_malloc(len ? len : 1);
			struct weir_frame_udp udp;

			memcpy(exact, FRAMES[i].data, len);
			if (weir_frame_udp(FRAMES[i].link, exact, len, &udp) == WEIR_FRAME_UDP)
				assert_true(udp.data >= exact && udp.data + udp.len <= exact + len);
			test_free(exact);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
