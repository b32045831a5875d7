/* What tunnels carry; the headers themselves are dissect_test.c's. Each frame is Ethernet, IPv4 from 10.0.0.1 to 10.0.0.2, the tunnel,
 * and inside it UDP from 192.0.2.1:1000 to 192.0.2.2:2000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"

#define U16(v) (uint8_t)((v) >> 8), (uint8_t)(v)
#define U32(v) U16((uint32_t)(v) >> 16), U16(v)
#define BYTES(...) .data = (const uint8_t[]){__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__})

#define ETHERNET(type) 2, 0, 0, 0, 0, 0xdd, 2, 0, 0, 0, 0, 0x55, U16(type)
#define OUTER(len, proto) \
	ETHERNET(0x0800), 0x45, 0, U16(20 + (len)), U16(7), U16(0x4000), 61, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define OUTER_UDP(len, port) OUTER(8 + (len), 17), U16(50000), U16(port), U16(8 + (len)), U16(0)
#define INNER4 0x45, 0xb8, U16(28), U16(9), U16(0), 33, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, U16(1000), U16(2000), U16(8), U16(0)
#define INNER4_BYTES 28
#define IP6(last) 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define INNER6 U32(0x6b800000), U16(8), 17, 33, IP6(1), IP6(2), U16(1000), U16(2000), U16(8), U16(0)
#define INNER6_BYTES 48
#define INNER_ETHERNET 4, 0, 0, 0, 0, 0xee, 4, 0, 0, 0, 0, 0x66, U16(0x8100), U16(300), U16(0x0800), INNER4
#define INNER_ETHERNET_BYTES (18 + INNER4_BYTES)
#define ARP 4, 0, 0, 0, 0, 0xee, 4, 0, 0, 0, 0, 0x66, U16(0x0806), U32(0), U32(0)

static const struct tunnel_case {
	const char *name;
	const uint8_t *data;
	size_t len;
	uint8_t tunnels;
	uint8_t version; /* of the packet that stands */
	uint16_t vlan;
	uint32_t vni;
	uint64_t src_mac;
} CASES[] = {
	{"none", BYTES(ETHERNET(0x0800), INNER4), 0, 4, 0, 0, 0x020000000055},
	{"ip in ip", BYTES(OUTER(INNER4_BYTES, 4), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"6in4", BYTES(OUTER(INNER6_BYTES, 41), INNER6), 1, 6, 0, 0, 0x020000000055},
	{"4in6", BYTES(ETHERNET(0x86dd), U32(0x60000000), U16(INNER4_BYTES), 4, 64, IP6(3), IP6(4), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"gre", BYTES(OUTER(4 + INNER4_BYTES, 47), U16(0), U16(0x0800), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"gre with all options", BYTES(OUTER(16 + INNER6_BYTES, 47), U16(0xb000), U16(0x86dd), U32(0), U32(5), U32(6), INNER6), 1, 6, 0, 0, 0x020000000055},
	{"gre, mpls", BYTES(OUTER(8 + INNER4_BYTES, 47), U16(0), U16(0x8847), U32(0x00010140), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"nvgre", BYTES(OUTER(8 + INNER_ETHERNET_BYTES, 47), U16(0x2000), U16(0x6558), U32(0x00002a01), INNER_ETHERNET), 1, 4, 300, 42, 0x040000000066},
	{"erspan 1", BYTES(OUTER(4 + INNER_ETHERNET_BYTES, 47), U16(0), U16(0x88be), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"erspan 2", BYTES(OUTER(16 + INNER_ETHERNET_BYTES, 47), U16(0x1000), U16(0x88be), U32(1), U32(0x10000000), U32(0), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"erspan 3", BYTES(OUTER(20 + INNER_ETHERNET_BYTES, 47), U16(0x1000), U16(0x22eb), U32(1), U32(0x20000000), U32(0), U32(0), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"erspan 3, longer", BYTES(OUTER(28 + INNER_ETHERNET_BYTES, 47), U16(0x1000), U16(0x22eb), U32(1), U32(0x20000000), U32(0), U32(1), U32(0), U32(0), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"pptp", BYTES(OUTER(16 + 4 + INNER4_BYTES, 47), U16(0x3081), U16(0x880b), U16(32), U16(1), U32(1), U32(1), 0xff, 3, U16(0x0021), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"gre, trustsec", BYTES(OUTER(12 + INNER4_BYTES, 47), U16(0), U16(0x8909), U16(0x0800), U16(0x0101), U32(0x10000), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"mpls in ip", BYTES(OUTER(4 + INNER6_BYTES, 137), U32(18 << 12 | 0x100), INNER6), 1, 6, 0, 0, 0x020000000055},
	{"etherip", BYTES(OUTER(2 + INNER_ETHERNET_BYTES, 97), U16(0x3000), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"ethernet behind segments", BYTES(ETHERNET(0x86dd), U32(0x60000000), U16(24 + INNER_ETHERNET_BYTES), 43, 64, IP6(3), IP6(4), 143, 2, 4, 0, 0, 0, U16(0), IP6(4), INNER_ETHERNET), 1, 4, 300, 0, 0x040000000066},
	{"vxlan", BYTES(OUTER_UDP(8 + INNER_ETHERNET_BYTES, 4789), U32(0x08000000), U32(0x2a00), INNER_ETHERNET), 1, 4, 300, 42, 0x040000000066},
	{"vxlan gpe, nsh", BYTES(OUTER_UDP(16 + 8 + INNER6_BYTES, 4790), U32(0x0c000004), U32(0x2a00), 0x0f, 0xc4, 2, 2, U32(0x100ff), U32(1), U32(2), INNER6), 1, 6, 0, 42, 0x020000000055},
	{"vxlan gpe, ipv6", BYTES(OUTER_UDP(8 + INNER6_BYTES, 4790), U32(0x0c000002), U32(0x2a00), INNER6), 1, 6, 0, 42, 0x020000000055},
	{"geneve with an option", BYTES(OUTER_UDP(16 + INNER_ETHERNET_BYTES, 6081), U32(0x02006558), U32(0x2a00), U32(0), U32(0), INNER_ETHERNET), 1, 4, 300, 42, 0x040000000066},
	{"gtp-u", BYTES(OUTER_UDP(8 + INNER4_BYTES, 2152), 0x30, 0xff, U16(INNER4_BYTES), U32(77), INNER4), 1, 4, 0, 0, 0x020000000055},
	{"gtp-u with a sequence number", BYTES(OUTER_UDP(12 + INNER6_BYTES, 2152), 0x32, 0xff, U16(INNER6_BYTES), U32(77), U16(1), 0, 0, INNER6), 1, 6, 0, 0, 0x020000000055},
	{"gtp-u with an extension", BYTES(OUTER_UDP(16 + INNER4_BYTES, 2152), 0x34, 0xff, U16(INNER4_BYTES), U32(77), U16(0), 0, 0x85, 1, 0, 9, 0, INNER4), 1, 4, 0, 0, 0x020000000055},
	{"vxlan in gre", BYTES(OUTER(4 + 20 + 8 + 8 + INNER_ETHERNET_BYTES, 47), U16(0), U16(0x0800),
	 0x45, 0, U16(20 + 16 + INNER_ETHERNET_BYTES), U16(7), U16(0), 61, 17, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2, U16(1), U16(4789), U16(16 + INNER_ETHERNET_BYTES), U16(0),
	 U32(0x08000000), U32(0x2a00), INNER_ETHERNET), 2, 4, 300, 42, 0x040000000066},
};

/* Where nothing of IP is inside, the tunnel itself is the flow. */
static const struct tunnel_case OUTER_STANDS[] = {
	{"vxlan with arp", BYTES(OUTER_UDP(8 + 22, 4789), U32(0x08000000), U32(0x2a00), ARP), .vni = 42},
	{"vxlan gpe, nsh of no length", BYTES(OUTER_UDP(16 + INNER4_BYTES, 4790), U32(0x0c000004), U32(0x2a00), U32(0x01), U32(0), INNER4), .vni = 42},
	{"gre with clns", BYTES(OUTER(4 + 8, 47), U16(0), U16(0x00fe), U32(0), U32(0))},
	{"gre with routing", BYTES(OUTER(4 + INNER4_BYTES, 47), U16(0x4000), U16(0x0800), INNER4)},
	{"gtp-u echo", BYTES(OUTER_UDP(12, 2152), 0x32, 1, U16(4), U32(0), U32(0))},
	{"gtp-u with an extension of no length", BYTES(OUTER_UDP(16 + INNER4_BYTES, 2152), 0x34, 0xff, U16(INNER4_BYTES), U32(77), U16(0), 0, 0x85, 0, 0, 9, 0, INNER4)},
	{"ip in ip with neither", BYTES(OUTER(INNER4_BYTES, 4), INNER6)},
	{"vxlan without a valid identifier", BYTES(OUTER_UDP(8 + INNER_ETHERNET_BYTES, 4789), U32(0), U32(0x2a00), INNER_ETHERNET)},
};

/* In memory of exactly its size, so that a sanitizer sees the first byte too far. */
static void parse(const struct tunnel_case *c, size_t len, enum weir_tunnel tunnel, struct weir_packet *ret_packet)
{
	uint8_t *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	if (len)
		memcpy(exact, c->data, len);
	(void)weir_packet_parse(weir_cursor(exact, len), WEIR_LINK_ETHERNET, tunnel, ret_packet);
	free(exact);
}

#define CHECK(c, what, is, shall)                                                                            \
	do {                                                                                                 \
		if ((is) != (shall))                                                                         \
			fail_msg("%s: %s is %llu, not %llu", (c)->name, what, (unsigned long long)(is),      \
				 (unsigned long long)(shall));                                               \
	} while (0)

static void test_inner(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct tunnel_case *c = &CASES[i];
		unsigned last = c->version == 4 ? 12 : 15;
		struct weir_packet p;

		parse(c, c->len, WEIR_TUNNEL_INNER, &p);
		CHECK(c, "tunnels", p.tunnels, c->tunnels);
		CHECK(c, "version", p.ip_version, c->version);
		CHECK(c, "source", p.src_addr.byte[last], c->version == 4 ? 192 : 1);
		CHECK(c, "type of service", p.tos, 0xb8);
		CHECK(c, "ttl", p.ttl, 33);
		CHECK(c, "source port", p.src_port, 1000);
		CHECK(c, "destination port", p.dst_port, 2000);
		CHECK(c, "vlan", p.vlan, c->vlan);
		CHECK(c, "vni", p.vni, c->vni);
		CHECK(c, "source mac", p.src_mac, c->src_mac);
		CHECK(c, "bytes", p.ip_bytes, c->version == 4 ? INNER4_BYTES : INNER6_BYTES);
		CHECK(c, "offset", p.ip_offset, c->len - p.ip_bytes);
	}
}

static void test_outer(void **state)
{
	(void)state;
	for (size_t i = 1; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct tunnel_case *c = &CASES[i];
		struct weir_packet p;

		parse(c, c->len, WEIR_TUNNEL_OUTER, &p);
		CHECK(c, "tunnels", p.tunnels, 0);
		CHECK(c, "ttl", p.ttl, c->data[12] == 8 ? 61 : 64);
		CHECK(c, "offset", p.ip_offset, 14);
		CHECK(c, "bytes", p.ip_bytes, c->len - 14);
	}
}

static void test_outer_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(OUTER_STANDS) / sizeof(OUTER_STANDS[0]); i++) {
		const struct tunnel_case *c = &OUTER_STANDS[i];
		struct weir_packet p;

		parse(c, c->len, WEIR_TUNNEL_INNER, &p);
		CHECK(c, "tunnels", p.tunnels, 0);
		CHECK(c, "ttl", p.ttl, 61);
		CHECK(c, "source", p.src_addr.byte[12], 10);
		CHECK(c, "vni", p.vni, c->vni);
		CHECK(c, "source mac", p.src_mac, UINT64_C(0x020000000055));
	}
}

/* The outermost header is told, and only beside an inner one. */
static void test_tunnel_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct tunnel_case *c = &CASES[i];
		bool is_v4 = c->data[12] == 8;
		struct weir_packet p;

		parse(c, c->len, WEIR_TUNNEL_INNER, &p);
		CHECK(c, "a tunnel", p.has & WEIR_PACKET_TUNNEL, c->tunnels ? WEIR_PACKET_TUNNEL : 0U);
		if (!c->tunnels)
			continue;
		CHECK(c, "version of the tunnel", weir_addr_is_v4(&p.tunnel_src), is_v4);
		CHECK(c, "its source", p.tunnel_src.byte[15], is_v4 ? 1 : 3);
		CHECK(c, "its destination", p.tunnel_dst.byte[15], is_v4 ? 2 : 4);
		parse(c, c->len, WEIR_TUNNEL_OUTER, &p);
		CHECK(c, "no tunnel", p.has & WEIR_PACKET_TUNNEL, 0U);
	}
}

/* An Ethernet pseudowire's packet stands, whichever addresses are wanted; what does not look like one is left. */
static void test_pseudowire(void **state)
{
#define LABELS ETHERNET(0x8847), U32(16 << 12), U32(17 << 12 | 0x100)
	const struct tunnel_case WIRES[] = {
		{"with a control word", BYTES(LABELS, U32(0), INNER_ETHERNET), .tunnels = 1},
		{"with a sequence number", BYTES(LABELS, U32(9), INNER_ETHERNET), .tunnels = 1},
		{"without a control word", BYTES(LABELS, INNER_ETHERNET), .tunnels = 1},
		{"with another word", BYTES(LABELS, U32(0x00010000), INNER_ETHERNET)},
		{"with arp", BYTES(LABELS, U32(0), ARP)},
		{"of another kind", BYTES(LABELS, U32(0x10000000), INNER_ETHERNET)},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(WIRES) / sizeof(WIRES[0]); i++) {
		const struct tunnel_case *c = &WIRES[i / 2];
		struct weir_packet p;

		parse(c, c->len, i % 2 ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER, &p);
		CHECK(c, "tunnels", p.tunnels, c->tunnels);
		CHECK(c, "source port", p.src_port, c->tunnels ? 1000 : 0);
		CHECK(c, "vlan", p.vlan, c->tunnels ? 300 : 0);
		CHECK(c, "source mac", p.src_mac, c->tunnels ? UINT64_C(0x040000000066) : UINT64_C(0x020000000055));
		CHECK(c, "labels", p.labels, 2);
		CHECK(c, "second label", p.label[1], 17U);
		CHECK(c, "a tunnel's addresses", p.has & WEIR_PACKET_TUNNEL, 0U);
	}
}

static void test_segments(void **state)
{
#define ROUTED(len, left, last) \
	ETHERNET(0x86dd), U32(0x60000000), U16(8 + (len) * 8 + 8), 43, 64, IP6(3), IP6(4), 17, len, 4, left, last, 0, U16(0)
	const struct segment_case {
		struct tunnel_case frame;
		uint16_t segments;
		uint8_t left;
	} ROUTES[] = {
		{{"two", BYTES(ROUTED(4, 1, 1), IP6(9), IP6(4), U16(1000), U16(2000), U32(8))}, 2, 1},
		{{"with a TLV", BYTES(ROUTED(3, 0, 0), IP6(9), U32(0x04060000), U32(0), U16(1000), U16(2000), U32(8))}, 1, 0},
		{{"reduced by one", BYTES(ROUTED(2, 1, 0), IP6(9), U16(1000), U16(2000), U32(8))}, 1, 1},
		{{"more than the header holds", BYTES(ROUTED(2, 1, 1), IP6(9), U16(1000), U16(2000), U32(8))}, 0, 0},
		{{"more left than there are", BYTES(ROUTED(2, 2, 0), IP6(9), U16(1000), U16(2000), U32(8))}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		const struct tunnel_case *c = &ROUTES[i].frame;
		struct weir_packet p;
		enum weir_dissect_result result = weir_packet_parse(weir_cursor(c->data, c->len), WEIR_LINK_ETHERNET,
								    WEIR_TUNNEL_OUTER, &p);

		CHECK(c, "segments", p.segments, ROUTES[i].segments);
		CHECK(c, "left", p.segments_left, ROUTES[i].left);
		CHECK(c, "result", result, p.segments ? WEIR_DISSECT_COMPLETE : WEIR_DISSECT_MALFORMED);
		CHECK(c, "source port", p.src_port, p.segments ? 1000 : 0);
		if (p.segments)
			CHECK(c, "last segment", p.segment[15], 9);
	}
}

/* Cut anywhere: nothing is read beyond the end, and either header stands whole. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 1; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		for (size_t len = 0; len < CASES[i].len; len++) {
			struct weir_packet p;

			parse(&CASES[i], len, WEIR_TUNNEL_INNER, &p);
			if (p.has & WEIR_PACKET_IP)
				assert_true(p.ttl == 61 || p.ttl == 33 || p.ttl == 64);
		}
	}
}

/* A tunnel in a tunnel in a tunnel …: after the fourth the packet stands as it is. */
static void test_deep(void **state)
{
	uint8_t frame[14 + 20 * 100] = {[12] = 8};
	struct weir_packet p;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		uint8_t *h = frame + 14 + (size_t)20 * i;

		h[0] = 0x45;
		h[2] = (uint8_t)(20 * (100 - i) >> 8);
		h[3] = (uint8_t)(20 * (100 - i));
		h[8] = (uint8_t)i;
		h[9] = 4;
	}
	(void)weir_packet_parse(weir_cursor(frame, sizeof(frame)), WEIR_LINK_ETHERNET, WEIR_TUNNEL_INNER, &p);
	assert_int_equal(p.tunnels, 4);
	assert_int_equal(p.ttl, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner), cmocka_unit_test(test_outer), cmocka_unit_test(test_outer_stands),
		cmocka_unit_test(test_tunnel_ends), cmocka_unit_test(test_pseudowire), cmocka_unit_test(test_segments),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
