#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "flow/text.h"
#include "packet/dissect.h"

#define U16(v) (uint8_t)((v) >> 8), (uint8_t)(v)
#define U32(v) U16((uint32_t)(v) >> 16), U16(v)
#define REPEAT4(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__

#define BYTES(...)                                  \
	.data = (const uint8_t[]){__VA_ARGS__},     \
	.len = sizeof((const uint8_t[]){__VA_ARGS__})

#define MACS 0x02, 0, 0, 0, 0, 0xdd, 0x02, 0, 0, 0, 0, 0x55
#define MACS_TEXT "src_mac=02:00:00:00:00:55 dst_mac=02:00:00:00:00:dd "

/* From 10.0.0.1 to 10.0.0.2; the header alone. */
#define IPV4_FULL(total, id, fragment, proto) \
	0x45, 0x2e, U16(total), U16(id), U16(fragment), 61, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IPV4(total, proto) IPV4_FULL(total, 7, 0x4000, proto)
#define IP6(last) 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define IPV6(payload, next) U32(0x62e12345), U16(payload), next, 62, IP6(1), IP6(2)

#define PORTS U16(1234), U16(443)
#define PORTS_TEXT "src_port=1234 dst_port=443 "
#define TCP PORTS, U32(1), U32(2), U16(0x5112), U16(1000), U32(0)
#define UDP(len) PORTS, U16(len), U16(0)

/* Columns are told in the order of the column table, so the parts of a text go into one string by hand. */
#define V4(proto, ports, tcp)                                                                              \
	"src_addr=10.0.0.1 dst_addr=10.0.0.2 " ports "proto=" #proto " ip_version=4 " tcp                  \
	"ip_tos=46 ip_ttl=61 ip_flags=64 fragment_id=7 fragment_offset=0 "
#define V6(proto, ports, tcp)                                                                              \
	"src_addr=2001:db8::1 dst_addr=2001:db8::2 " ports "proto=" #proto " ip_version=6 " tcp            \
	"ip_tos=46 ip_ttl=62 "
#define LABEL "ipv6_flow_label=74565 "
#define TYPE4 MACS_TEXT "ethertype=2048 "
#define TYPE6 MACS_TEXT "ethertype=34525 "

#define C WEIR_DISSECT_COMPLETE
#define T WEIR_DISSECT_TRUNCATED
#define M WEIR_DISSECT_MALFORMED

static const struct frame_case {
	const char *name;
	enum weir_link link;
	const uint8_t *data;
	size_t len;
	enum weir_dissect_result result;
	const char *text; /* the columns present and their values */
} CASES[] = {
	{"tcp", 0, BYTES(MACS, U16(0x0800), IPV4(40, 6), TCP), C, V4(6, PORTS_TEXT, "tcp_flags=274 ") TYPE4},
	{"udp, padded", 0, BYTES(MACS, U16(0x0800), IPV4(28, 17), UDP(8), U32(1), U32(2)), C, V4(17, PORTS_TEXT, "") TYPE4},
	{"udp-lite", 0, BYTES(MACS, U16(0x0800), IPV4(28, 136), UDP(8)), C, V4(136, PORTS_TEXT, "") TYPE4},
	{"sctp", 0, BYTES(MACS, U16(0x0800), IPV4(32, 132), PORTS, U32(0), U32(0)), C, V4(132, PORTS_TEXT, "") TYPE4},
	{"dccp", 0, BYTES(MACS, U16(0x0800), IPV4(32, 33), PORTS, U32(0), U32(0)), C, V4(33, PORTS_TEXT, "") TYPE4},
	{"icmp", 0, BYTES(MACS, U16(0x0800), IPV4(28, 1), 3, 13, U16(0), U32(0)), C,
	 V4(1, "", "") "icmp_type=3 icmp_code=13 " TYPE4},
	{"ospf", 0, BYTES(MACS, U16(0x0800), IPV4(24, 89), U32(0)), C, V4(89, "", "") TYPE4},
	{"ip options", 0,
	 BYTES(MACS, U16(0x0800), 0x47, 0x2e, U16(36), U16(7), U16(0x4000), 61, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, U32(0x94040000),
	       U32(0), UDP(8)),
	 C, V4(17, PORTS_TEXT, "") TYPE4},
	{"length of 0, as hosts see before segmentation", 0, BYTES(MACS, U16(0x0800), IPV4(0, 6), TCP), C,
	 V4(6, PORTS_TEXT, "tcp_flags=274 ") TYPE4},
	{"first fragment", 0, BYTES(MACS, U16(0x0800), IPV4_FULL(1500, 9, 0x2000, 17), UDP(3000)), C,
	 "src_addr=10.0.0.1 dst_addr=10.0.0.2 " PORTS_TEXT "proto=17 ip_version=4 ip_tos=46 ip_ttl=61 ip_flags=32 "
	 "fragment_id=9 fragment_offset=0 " TYPE4},
	{"later fragment", 0, BYTES(MACS, U16(0x0800), IPV4_FULL(1500, 9, 0x00b9, 17), UDP(3000)), C,
	 "src_addr=10.0.0.1 dst_addr=10.0.0.2 proto=17 ip_version=4 ip_tos=46 ip_ttl=61 ip_flags=0 "
	 "fragment_id=9 fragment_offset=185 " TYPE4},

	{"ipv6 tcp", 0, BYTES(MACS, U16(0x86dd), IPV6(20, 6), TCP), C, V6(6, PORTS_TEXT, "tcp_flags=274 ") LABEL TYPE6},
	{"icmpv6", 0, BYTES(MACS, U16(0x86dd), IPV6(8, 58), 135, 0, U16(0), U32(0)), C,
	 V6(58, "", "") LABEL "icmp_type=135 icmp_code=0 " TYPE6},
	{"ipv6 without next header", 0, BYTES(MACS, U16(0x86dd), IPV6(0, 59)), C, V6(59, "", "") LABEL TYPE6},
	{"ipv6 hop-by-hop, routing, destination", 0,
	 BYTES(MACS, U16(0x86dd), IPV6(40, 0), 43, 0, 0, 0, U32(0), 60, 1, 0, 0, U32(0), U32(0), U32(0), 17, 0, 0, 0, U32(0), UDP(8)),
	 C, V6(17, PORTS_TEXT, "") LABEL TYPE6},
	{"ipv6 authentication", 0,
	 BYTES(MACS, U16(0x86dd), IPV6(44, 51), 6, 4, 0, 0, U32(1), U32(1), U32(0), U32(0), U32(0), TCP), C,
	 V6(6, PORTS_TEXT, "tcp_flags=274 ") LABEL TYPE6},
	{"ipv6 esp", 0, BYTES(MACS, U16(0x86dd), IPV6(16, 50), REPEAT4(U32(1))), C, V6(50, "", "") LABEL TYPE6},
	{"ipv6 first fragment", 0, BYTES(MACS, U16(0x86dd), IPV6(16, 44), 17, 0, U16(1), U32(99), UDP(3000)), C,
	 V6(17, PORTS_TEXT, "") "ip_flags=32 fragment_id=99 fragment_offset=0 " LABEL TYPE6},
	{"ipv6 later fragment", 0, BYTES(MACS, U16(0x86dd), IPV6(16, 44), 17, 0, U16(185 << 3), U32(99), UDP(3000)), C,
	 V6(17, "", "") "ip_flags=0 fragment_id=99 fragment_offset=185 " LABEL TYPE6},

	{"802.1Q", 0, BYTES(MACS, U16(0x8100), U16(0xe064), U16(0x0800), IPV4(28, 17), UDP(8)), C,
	 V4(17, PORTS_TEXT, "") MACS_TEXT "src_vlan=100 ethertype=2048 "},
	{"802.1ad", 0, BYTES(MACS, U16(0x88a8), U16(100), U16(0x8100), U16(200), U16(0x86dd), IPV6(8, 17), UDP(8)), C,
	 V6(17, PORTS_TEXT, "") LABEL MACS_TEXT "src_vlan=100 customer_vlan=200 ethertype=34525 "},
	{"three tags", 0,
	 BYTES(MACS, U16(0x9100), U16(1), U16(0x8100), U16(2), U16(0x8100), U16(3), U16(0x0800), IPV4(28, 17), UDP(8)), C,
	 V4(17, PORTS_TEXT, "") MACS_TEXT "src_vlan=1 customer_vlan=2 ethertype=2048 "},
	{"arp", 0, BYTES(MACS, U16(0x0806), U32(1)), C, MACS_TEXT "ethertype=2054 "},
	{"802.3 spanning tree", 0, BYTES(MACS, U16(38), 0x42, 0x42, 0x03, U32(0), U32(0)), C, MACS_TEXT},
	{"802.3 snap", 0, BYTES(MACS, U16(36), 0xaa, 0xaa, 0x03, 0, 0, 0, U16(0x0800), IPV4(28, 17), UDP(8)), C,
	 V4(17, PORTS_TEXT, "") TYPE4},
	{"802.3 snap of Cisco", 0, BYTES(MACS, U16(36), 0xaa, 0xaa, 0x03, 0, 0, 0x0c, U16(0x2000), U32(0)), C, MACS_TEXT},

	{"mpls", 0, BYTES(MACS, U16(0x8847), U32(16 << 12 | 64), U32(17 << 12 | 0x140), IPV4(40, 6), TCP), C,
	 V4(6, PORTS_TEXT, "tcp_flags=274 ") MACS_TEXT "ethertype=34887 mpls_label_1=16 mpls_label_2=17 "},
	{"mpls, five labels", 0,
	 BYTES(MACS, U16(0x8847), U32(21 << 12), U32(22 << 12), U32(23 << 12), U32(24 << 12), U32(2 << 12 | 0x100), IPV6(8, 17), UDP(8)),
	 C, V6(17, PORTS_TEXT, "") LABEL MACS_TEXT "ethertype=34887 mpls_label_1=21 mpls_label_2=22 mpls_label_3=23 "},
	{"mpls pseudowire", 0, BYTES(MACS, U16(0x8847), U32(0xfffff << 12 | 0x1ff), U32(0), MACS), C,
	 MACS_TEXT "ethertype=34887 mpls_label_1=1048575 "},
	{"mpls explicit null without ip", 0, BYTES(MACS, U16(0x8847), U32(0x100), U32(0)), M,
	 MACS_TEXT "ethertype=34887 mpls_label_1=0 "},
	{"pppoe", 0, BYTES(MACS, U16(0x8864), 0x11, 0, U16(1), U16(30), U16(0x0021), IPV4(28, 17), UDP(8)), C,
	 V4(17, PORTS_TEXT, "") MACS_TEXT "ethertype=34916 "},
	{"pppoe, lcp", 0, BYTES(MACS, U16(0x8864), 0x11, 0, U16(1), U16(30), U16(0xc021), U32(0)), C, MACS_TEXT "ethertype=34916 "},

	{"bare ipv4", WEIR_LINK_IPV4, BYTES(IPV4(28, 17), UDP(8)), C, V4(17, PORTS_TEXT, "")},
	{"bare ipv6", WEIR_LINK_IPV6, BYTES(IPV6(8, 17), UDP(8)), C, V6(17, PORTS_TEXT, "") LABEL},
	{"bare mpls", WEIR_LINK_MPLS, BYTES(U32(16 << 12 | 0x100), IPV4(28, 17), UDP(8)), C,
	 V4(17, PORTS_TEXT, "") "mpls_label_1=16 "},
	{"ppp in hdlc", WEIR_LINK_PPP, BYTES(0xff, 0x03, U16(0x0057), IPV6(8, 17), UDP(8)), C, V6(17, PORTS_TEXT, "") LABEL},
	{"ppp, compressed", WEIR_LINK_PPP, BYTES(0x21, IPV4(28, 17), UDP(8)), C, V4(17, PORTS_TEXT, "")},

	{"vxlan", 0, BYTES(MACS, U16(0x0800), IPV4(36, 17), U16(1234), U16(4789), U16(16), U16(0), U32(0x08000000), U32(0x12345600)), C,
	 V4(17, "src_port=1234 dst_port=4789 ", "") TYPE4 "vni=1193046 "},
	{"vxlan without identifier", 0, BYTES(MACS, U16(0x0800), IPV4(36, 17), U16(1234), U16(4789), U16(16), U16(0), U32(0), U32(0x12345600)),
	 C, V4(17, "src_port=1234 dst_port=4789 ", "") TYPE4},
	{"vxlan gpe", 0, BYTES(MACS, U16(0x0800), IPV4(36, 17), U16(1234), U16(4790), U16(16), U16(0), U32(0x0c000004), U32(0xffffff00)),
	 C, V4(17, "src_port=1234 dst_port=4790 ", "") TYPE4 "vni=16777215 "},
	{"geneve", 0, BYTES(MACS, U16(0x0800), IPV4(36, 17), U16(1234), U16(6081), U16(16), U16(0), U32(0x00006558), U32(0x00002a00)), C,
	 V4(17, "src_port=1234 dst_port=6081 ", "") TYPE4 "vni=42 "},
	{"nvgre", 0, BYTES(MACS, U16(0x0800), IPV4(28, 47), U16(0x2000), U16(0x6558), U32(0x00002a01)), C,
	 V4(47, "", "") TYPE4 "vni=42 "},
	{"gre with a key", 0, BYTES(MACS, U16(0x0800), IPV4(28, 47), U16(0x2000), U16(0x0800), U32(42)), C, V4(47, "", "") TYPE4},
	{"ip in ip", 0, BYTES(MACS, U16(0x0800), IPV4(48, 4), IPV4_FULL(28, 1, 0, 17), UDP(8)), C, V4(4, "", "") TYPE4},
	{"6in4", 0, BYTES(MACS, U16(0x0800), IPV4(68, 41), IPV6(8, 17), UDP(8)), C, V4(41, "", "") TYPE4},

	{"nothing", 0, NULL, 0, T, ""},
	{"half of a mac", 0, BYTES(1, 2, 3), T, ""},
	{"cut in a tag", 0, BYTES(MACS, U16(0x8100), 0), T, MACS_TEXT},
	{"cut in ipv4", 0, BYTES(MACS, U16(0x0800), 0x45, 0), T, TYPE4},
	{"cut in ports", 0, BYTES(MACS, U16(0x0800), IPV4(1500, 17), 1), T, V4(17, "", "") TYPE4},
	{"cut before tcp's flags", 0, BYTES(MACS, U16(0x0800), IPV4(1500, 6), PORTS, U32(1), U32(2), 0x50), T,
	 V4(6, PORTS_TEXT, "") TYPE4},
	{"cut in a label", 0, BYTES(MACS, U16(0x8847), U32(16 << 12)), T, MACS_TEXT "ethertype=34887 mpls_label_1=16 "},
	{"cut behind the labels", 0, BYTES(MACS, U16(0x8847), U32(16 << 12 | 0x100)), T, MACS_TEXT "ethertype=34887 mpls_label_1=16 "},
	{"cut in an extension header", 0, BYTES(MACS, U16(0x86dd), IPV6(100, 0), 43, 1, 0, 0, U32(0)), T,
	 V6(43, "", "") LABEL TYPE6},
	{"ipv4 of version 6", 0, BYTES(MACS, U16(0x0800), IPV6(8, 17), UDP(8)), M, TYPE4},
	{"ipv6 of version 4", 0, BYTES(MACS, U16(0x86dd), IPV4(40, 6), TCP), M, TYPE6},
	{"ipv4 header of 16 bytes", 0, BYTES(MACS, U16(0x0800), 0x44, 0, U16(40), U32(0), U32(0), U32(0), U32(0)), M, TYPE4},
	{"ipv4 shorter than its header", 0, BYTES(MACS, U16(0x0800), IPV4(19, 6), TCP), M, V4(6, "", "") TYPE4},
	{"ipv4 with half of its ports", 0, BYTES(MACS, U16(0x0800), IPV4(22, 6), TCP), M, V4(6, "", "") TYPE4},
	{"ipv6 with half of its ports", 0, BYTES(MACS, U16(0x86dd), IPV6(2, 6), TCP), M, V6(6, "", "") LABEL TYPE6},
	{"tcp header of 16 bytes", 0, BYTES(MACS, U16(0x0800), IPV4(40, 6), PORTS, U32(1), U32(2), U16(0x4012), U16(0), U32(0)), M,
	 V4(6, PORTS_TEXT, "tcp_flags=18 ") TYPE4},
};

#define CASE_COUNT (sizeof(CASES) / sizeof(CASES[0]))

static struct weir_block *block_new(void)
{
	struct weir_block_limits limits = {.rows_max = 4, .heap_max = 64, .extras_max = 1};
	struct weir_block *block;

	assert_int_equal(weir_block_new(&limits, &block), 0);
	return block;
}

/* In memory of exactly its size, so that a sanitizer sees the first byte too far. */
static enum weir_dissect_result dissect(const struct frame_case *c, size_t len, struct weir_block *block,
					struct weir_column_set *present)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum weir_dissect_result result;
	struct weir_packet packet;

	assert_non_null(exact);
	if (len)
		memcpy(exact, c->data, len);
	result = weir_packet_parse(weir_cursor(exact, len), c->link, WEIR_TUNNEL_OUTER, &packet);
	weir_dissect_put(&packet, block, 0, present);
	free(exact);
	return result;
}

static void assert_text(const struct frame_case *c, const struct weir_block *block, const struct weir_column_set *present)
{
	struct weir_buffer text;

	weir_buffer_init(&text);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (!weir_column_set_has(present, (enum weir_column_id)i))
			continue;
		assert_int_equal(weir_buffer_printf(&text, "%s=", weir_columns[i].name), 0);
		assert_int_equal(weir_text_value(block, (enum weir_column_id)i, 0, &text), 0);
		assert_int_equal(weir_buffer_text(&text, " "), 0);
	}
	if (strcmp(weir_buffer_cstr(&text), c->text) != 0)
		fail_msg("%s:\n is   %s\n not  %s", c->name, weir_buffer_cstr(&text), c->text);
	weir_buffer_done(&text);
}

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct weir_block *block = block_new();
		struct weir_column_set present = {0};
		enum weir_dissect_result result = dissect(&CASES[i], CASES[i].len, block, &present);

		assert_text(&CASES[i], block, &present);
		if (result != CASES[i].result)
			fail_msg("%s: result is %d, not %d", CASES[i].name, (int)result, (int)CASES[i].result);
		weir_block_free(block);
	}
}

/* A frame cut anywhere says less, but nothing else, and writes no column that it does not name. */
static void test_cut_frames(void **state)
{
	struct weir_block *block = block_new();

	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct weir_column_set whole = {0};

		(void)dissect(&CASES[i], CASES[i].len, block, &whole);
		weir_block_clear(block, 1, &whole);
		for (size_t len = 0; len < CASES[i].len; len++) {
			struct weir_column_set cut = {0};

			(void)dissect(&CASES[i], len, block, &cut);
			for (unsigned w = 0; w < WEIR_COLUMN_WORDS; w++)
				assert_int_equal(cut.word[w] & ~whole.word[w], 0);
			weir_block_clear(block, 1, &cut);
			for (unsigned id = 0; id < WEIR_COLUMNS; id++) {
				size_t width = weir_types[weir_columns[id].type].width;

				for (size_t at = 0; at < width; at++)
					assert_int_equal(((const uint8_t *)block->column[id])[at], 0);
			}
		}
	}
	weir_block_free(block);
}

/* What was present before stays so. */
static void test_present_is_added_to(void **state)
{
	struct weir_block *block = block_new();
	struct weir_column_set present = {0};

	(void)state;
	weir_column_set_add(&present, WEIR_COL_IN_IF);
	(void)dissect(&CASES[0], CASES[0].len, block, &present);
	assert_true(weir_column_set_has(&present, WEIR_COL_IN_IF));
	assert_true(weir_column_set_has(&present, WEIR_COL_SRC_ADDR));
	weir_block_free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_cut_frames),
		cmocka_unit_test(test_present_is_added_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
