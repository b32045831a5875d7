/* Down the layers with one cursor. Each link type has a function that moves the cursor to the network layer and
 * says by an EtherType what stands there; VLAN tags are then gone through. Lengths: an IP packet ends where its
 * header says, for short Ethernet frames are filled up; a frame may end earlier where the capture cut it
 * (snaplen), and then the datagram is given out as far as it goes. */
#include "receive/frame.h"

#include <pcap/dlt.h>

#include "base/cursor.h"

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_IPV6	0x86dd
#define ETHERTYPE_VLAN	0x8100 /* IEEE 802.1Q */
#define ETHERTYPE_QINQ	0x88a8 /* IEEE 802.1ad */
#define ETHERTYPE_QINQ9 0x9100 /* before the standard */
#define PROTO_UDP	17
#define UDP_HEADER	8
#define IPV4_HEADER	20
#define EXTENSIONS_MAX	16

/* --- link types ------------------------------------------------------------------------------------------- */

static unsigned by_version(const struct weir_cursor *c)
{
	unsigned version = weir_cursor_left(c) ? c->at[0] >> 4 : 0;

	return version == 4 ? ETHERTYPE_IPV4 : version == 6 ? ETHERTYPE_IPV6 : 0;
}

static unsigned link_ethernet(struct weir_cursor *c)
{
	weir_cursor_skip(c, 12);
	return weir_cursor_u16(c);
}

static unsigned link_sll(struct weir_cursor *c)
{
	weir_cursor_skip(c, 14);
	return weir_cursor_u16(c);
}

static unsigned link_sll2(struct weir_cursor *c)
{
	unsigned type = weir_cursor_u16(c);

	weir_cursor_skip(c, 18);
	return type;
}

static unsigned link_raw(struct weir_cursor *c)
{
	return by_version(c);
}

/* Four bytes of an address family, which differs from system to system: the packet itself knows better. */
static unsigned link_null(struct weir_cursor *c)
{
	weir_cursor_skip(c, 4);
	return by_version(c);
}

static unsigned link_ppp(struct weir_cursor *c)
{
	unsigned protocol = weir_cursor_u16(c);

	if (protocol == 0xff03) /* address and control (RFC 1662 §3.1) */
		protocol = weir_cursor_u16(c);
	return protocol == 0x0021 ? ETHERTYPE_IPV4 : protocol == 0x0057 ? ETHERTYPE_IPV6 : 0;
}

static const struct {
	int link;
	unsigned (*skip)(struct weir_cursor *c); /* moves behind the header and returns the EtherType, or 0 */
} LINKS[] = {
	{DLT_EN10MB, link_ethernet}, {DLT_LINUX_SLL, link_sll}, {DLT_LINUX_SLL2, link_sll2}, {DLT_RAW, link_raw},
	{DLT_IPV4, link_raw},	     {DLT_IPV6, link_raw},	{DLT_NULL, link_null},	     {DLT_LOOP, link_null},
	{DLT_PPP, link_ppp},	     {DLT_PPP_SERIAL, link_ppp},
};

#define LINKS_COUNT (sizeof(LINKS) / sizeof(LINKS[0]))

static size_t find_link(int link)
{
	size_t i = 0;

	while (i < LINKS_COUNT && LINKS[i].link != link)
		i++;
	return i;
}

bool weir_frame_link_known(int link)
{
	return find_link(link) < LINKS_COUNT;
}

/* --- network layer ---------------------------------------------------------------------------------------- */

/* Cut the cursor to the packet's own length; true when the frame has less than that. */
static bool bound(struct weir_cursor *c, size_t len)
{
	if (len > weir_cursor_left(c))
		return true;
	c->end = c->at + len;
	return false;
}

static enum weir_frame_kind enter_ipv4(struct weir_cursor *c, struct weir_frame_udp *udp)
{
	const uint8_t *h = weir_cursor_take(c, IPV4_HEADER);
	size_t header, total;

	if (!h || h[0] >> 4 != 4)
		return WEIR_FRAME_OTHER;
	header = (size_t)(h[0] & 15) * 4;
	total = weir_be16(h + 2);
	if (h[9] != PROTO_UDP || header < IPV4_HEADER || !weir_cursor_skip(c, header - IPV4_HEADER))
		return WEIR_FRAME_OTHER;
	/* 0: the network card would have cut it to pieces and filled that in. */
	if (total && total < header)
		return WEIR_FRAME_OTHER;
	udp->cut = total && bound(c, total - header);
	udp->src = weir_addr_from_v4(h + 12);
	return weir_be16(h + 6) & 0x3fff ? WEIR_FRAME_FRAGMENT : WEIR_FRAME_UDP;
}

/* RFC 8200 §4: the extension headers that may stand before UDP. */
static enum weir_frame_kind skip_extensions(struct weir_cursor *c, unsigned next)
{
	enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };
	bool fragment = false;

	for (unsigned i = 0; i < EXTENSIONS_MAX && !c->fault; i++) {
		unsigned type = next;
		unsigned len;

		if (type == PROTO_UDP)
			return fragment ? WEIR_FRAME_FRAGMENT : WEIR_FRAME_UDP;
		if (type != HOP_BY_HOP && type != ROUTING && type != FRAGMENT && type != DESTINATION)
			break;
		next = weir_cursor_u8(c);
		len = weir_cursor_u8(c);
		if (type == FRAGMENT) {
			unsigned offset = weir_cursor_u16(c);

			weir_cursor_skip(c, 4);
			fragment = fragment || (offset & 0xfff9);
			/* What follows another fragment than the first is data, whatever it looks like. */
			if (offset & 0xfff8)
				return next == PROTO_UDP ? WEIR_FRAME_FRAGMENT : WEIR_FRAME_OTHER;
			continue;
		}
		weir_cursor_skip(c, 6 + (size_t)len * 8);
	}
	return WEIR_FRAME_OTHER;
}

static enum weir_frame_kind enter_ipv6(struct weir_cursor *c, struct weir_frame_udp *udp)
{
	const uint8_t *h = weir_cursor_take(c, 40);
	size_t payload;

	if (!h || h[0] >> 4 != 6)
		return WEIR_FRAME_OTHER;
	payload = weir_be16(h + 4);
	udp->cut = payload && bound(c, payload);
	memcpy(udp->src.byte, h + 8, sizeof(udp->src.byte));
	return skip_extensions(c, h[6]);
}

static bool enter_udp(struct weir_cursor *c, struct weir_frame_udp *udp)
{
	size_t len;

	udp->src_port = weir_cursor_u16(c);
	weir_cursor_skip(c, 2);
	len = weir_cursor_u16(c);
	weir_cursor_skip(c, 2);
	if (c->fault || (len && len < UDP_HEADER))
		return false;
	/* 0: a jumbogram (RFC 2675 §4), or what the network card would have filled in. */
	if (len && bound(c, len - UDP_HEADER))
		udp->cut = true;
	udp->data = c->at;
	udp->len = weir_cursor_left(c);
	return true;
}

enum weir_frame_kind weir_frame_udp(int link, const uint8_t *data, size_t len, struct weir_frame_udp *ret_udp)
{
	struct weir_cursor c = weir_cursor(data, len);
	struct weir_frame_udp udp = {0};
	enum weir_frame_kind kind = WEIR_FRAME_OTHER;
	size_t i = find_link(link);
	unsigned type = i < LINKS_COUNT ? LINKS[i].skip(&c) : 0;

	while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ9) {
		weir_cursor_skip(&c, 2);
		type = weir_cursor_u16(&c);
	}
	if (type == ETHERTYPE_IPV4)
		kind = enter_ipv4(&c, &udp);
	else if (type == ETHERTYPE_IPV6)
		kind = enter_ipv6(&c, &udp);
	if (kind != WEIR_FRAME_UDP)
		return kind;
	if (!enter_udp(&c, &udp))
		return WEIR_FRAME_OTHER;
	*ret_udp = udp;
	return WEIR_FRAME_UDP;
}
