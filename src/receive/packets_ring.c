/* Frames of a network interface, through a ring that the kernel shares with us (AF_PACKET, TPACKET_V3; packet(7), and the kernel's
 * Documentation/networking/packet_mmap.rst).
 *
 * The ring is blocks of a mebibyte. The kernel fills one with frames as they come and hands it over when it is full or
 * RETIRE_MS old; a batch is what is left of one block, and when all of it was taken the block goes back. So there is neither a
 * system call nor a copy for a frame. The filter cuts frames to snap_bytes as well, so that the kernel copies no payload.
 *
 * Several sockets of a fanout group share the traffic: the kernel hashes both ends of a conversation alike. Later fragments have no
 * ports, so they may come to another socket than their first; their ports are then unknown. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h> /* before the kernel's, which then leave out the same names */
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receive/packets_kind.h"

enum {
	BLOCK_BYTES = 1 << 20,
	FRAME_BYTES = 2048, /* only a unit of the ring's size: frames of version 3 take what they need */
	DEFAULT_RING_BYTES = 32 << 20,
	BLOCKS_MIN = 4,
	DEFAULT_SNAP_BYTES = 256,
	RETIRE_MS = 50, /* what is in the ring comes out so soon: WEIR_PACKETS_HELD_MS is above */
	COMPILER_RING_BYTES = 1 << 16,
	SENDER_AT = (sizeof(struct tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT,
};

struct ring {
	struct weir_packets base;
	char name[IFNAMSIZ];
	int fd;
	uint8_t *map; /* blocks * BLOCK_BYTES */
	unsigned blocks;
	unsigned at; /* the block to read next */
};

/* --- opening ---------------------------------------------------------------------------------------------- */

static int fail(const struct ring *r, const char *what, struct weir_error *err)
{
	int code = errno;

	return weir_error_set(err, -code, r->name, code == EPERM || code == EACCES
			      ? "start it as root, or give the program the right: setcap cap_net_raw+ep"
			      : NULL, "%s: %s", what, strerror(code));
}

/* All is compiled for Ethernet; other interfaces give bare IP. */
static int hardware_of(const struct ring *r, int *ret_hardware, struct weir_error *err)
{
	struct ifreq request = {0};

	*ret_hardware = ARPHRD_ETHER;
	if (strcmp(r->name, "any") == 0)
		return 0;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", r->name);
	if (ioctl(r->fd, SIOCGIFHWADDR, &request))
		return fail(r, "no such interface", err);
	*ret_hardware = request.ifr_hwaddr.sa_family;
	return 0;
}

static bool has_ethernet(int hardware)
{
	return hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK;
}

static int attach(const struct ring *r, const struct bpf_program *program, struct weir_error *err)
{
	struct sock_fprog filter = {.len = (unsigned short)program->bf_len};

	/* The same layout, by definition of both. */
	filter.filter = (struct sock_filter *)(void *)program->bf_insns;
	return setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ? fail(r, "the filter is refused", err)
											: 0;
}

/* What comes while the sockets of a group are being opened would be seen by several of them: each lets nothing in until it
 * has joined the group. */
static int attach_nothing(const struct ring *r, struct weir_error *err)
{
	struct bpf_insn nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct bpf_program program = {.bf_len = 1, .bf_insns = &nothing};

	return attach(r, &program, err);
}

/* The kernel takes the outermost VLAN tag out of a frame before it comes to us, and tells it beside: libpcap compiles `vlan 5`
 * so that it looks there only for a handle that listens. */
static pcap_t *compiler(const struct ring *r, bool ethernet, uint32_t snap_bytes)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;

	if (!ethernet)
		return pcap_open_dead(DLT_RAW, (int)snap_bytes);
	/* libpcap's "any" has another link layer than ours; loopback's is the same. */
	pcap = pcap_create(strcmp(r->name, "any") == 0 ? "lo" : r->name, text);
	if (pcap && !pcap_set_snaplen(pcap, (int)snap_bytes) && !pcap_set_buffer_size(pcap, COMPILER_RING_BYTES) &&
	    pcap_activate(pcap) >= 0 && pcap_datalink(pcap) == DLT_EN10MB)
		return pcap;
	if (pcap)
		pcap_close(pcap);
	return pcap_open_dead(DLT_EN10MB, (int)snap_bytes);
}

static int set_filter(const struct ring *r, const char *filter, uint32_t snap_bytes, struct weir_error *err)
{
	struct bpf_program program;
	int hardware;
	pcap_t *pcap;
	int rc = hardware_of(r, &hardware, err);

	if (rc)
		return rc;
	pcap = compiler(r, has_ethernet(hardware), snap_bytes ? snap_bytes : DEFAULT_SNAP_BYTES);
	if (!pcap)
		return weir_error_set(err, -ENOMEM, r->name, NULL, "out of memory");
	if (pcap_compile(pcap, &program, filter ? filter : "", 1, PCAP_NETMASK_UNKNOWN)) {
		rc = weir_error_set(err, -EINVAL, filter, "pcap-filter(7) has the language", "not a filter: %s",
				    pcap_geterr(pcap));
	} else {
		rc = attach(r, &program, err);
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	return rc;
}

static int map_ring(struct ring *r, uint64_t bytes, struct weir_error *err)
{
	struct tpacket_req3 request;
	int version = TPACKET_V3;

	r->blocks = (unsigned)((bytes ? bytes : DEFAULT_RING_BYTES) / BLOCK_BYTES);
	if (r->blocks < BLOCKS_MIN)
		r->blocks = BLOCKS_MIN;
	request = (struct tpacket_req3){
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = r->blocks,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = r->blocks * (BLOCK_BYTES / FRAME_BYTES),
		.tp_retire_blk_tov = RETIRE_MS,
	};
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return fail(r, "no ring", err);
	r->map = mmap(NULL, (size_t)r->blocks * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map != MAP_FAILED)
		return 0;
	r->map = NULL;
	return fail(r, "no memory for the ring", err);
}

static int bind_ring(struct ring *r, const struct weir_packets_interface *options, struct weir_error *err)
{
	bool any = strcmp(r->name, "any") == 0;
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promiscuous = {.mr_type = PACKET_MR_PROMISC};
	int fanout = (options->fanout_group & 0xffff) | PACKET_FANOUT_HASH << 16;

	if (!any) {
		address.sll_ifindex = (int)if_nametoindex(r->name);
		if (!address.sll_ifindex)
			return fail(r, "no such interface", err);
		promiscuous.mr_ifindex = address.sll_ifindex;
	}
	if (bind(r->fd, (const struct sockaddr *)&address, sizeof(address)))
		return fail(r, "cannot listen", err);
	if (!any && options->promiscuous &&
	    setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)))
		return fail(r, "not promiscuous", err);
	if (options->fanout_group >= 0 && setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)))
		return fail(r, "the traffic cannot be shared among workers", err);
	return 0;
}

static void ring_close(struct weir_packets *packets)
{
	struct ring *r = (struct ring *)packets;

	if (r->map)
		(void)munmap(r->map, (size_t)r->blocks * BLOCK_BYTES);
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static enum weir_link link_of(const struct sockaddr_ll *from)
{
	return has_ethernet(from->sll_hatype) ? WEIR_LINK_ETHERNET : WEIR_LINK_IP;
}

/* Loopback shows each packet twice, going out and coming in: once is enough. */
static bool is_echo(const struct sockaddr_ll *from)
{
	return from->sll_hatype == ARPHRD_LOOPBACK && from->sll_pkttype == PACKET_OUTGOING;
}

static int take_frame(struct ring *r, const struct tpacket3_hdr *h, weir_packets_take *take, void *ctx)
{
	const uint8_t *start = (const uint8_t *)h;
	const struct sockaddr_ll *from = (const void *)(start + SENDER_AT);
	struct weir_frame frame = {
		.data = start + h->tp_mac,
		.captured = h->tp_snaplen,
		.length = h->tp_len,
		.time_us = (int64_t)h->tp_sec * 1000000 + h->tp_nsec / 1000,
		.link = link_of(from),
		.interface = (uint32_t)from->sll_ifindex,
		.outgoing = from->sll_pkttype == PACKET_OUTGOING,
		.tagged = h->tp_status & TP_STATUS_VLAN_VALID,
		.vlan = h->hv1.tp_vlan_tci & 0xfff,
	};

	if (is_echo(from))
		return 0;
	r->base.stats.frames++;
	r->base.stats.bytes += frame.length;
	return take(ctx, &frame);
}

static int ring_poll(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx,
		     struct weir_error *err)
{
	struct ring *r = (struct ring *)packets;
	struct tpacket_block_desc *block = (void *)(r->map + (size_t)r->at * BLOCK_BYTES);
	struct pollfd fd = {.fd = r->fd, .events = POLLIN | POLLERR};
	const uint8_t *at;
	uint32_t frames;
	int rc = 0;

	if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
		rc = poll(&fd, 1, timeout_ms);
		if (rc < 0 && errno != EINTR)
			return fail(r, "cannot wait", err);
		if (fd.revents & POLLERR) {
			int code = 0;
			socklen_t len = sizeof(code);

			/* ENETDOWN: it may come up again. */
			(void)getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &code, &len);
			if (code && code != ENETDOWN)
				return weir_error_set(err, -code, r->name, NULL, "cannot receive: %s", strerror(code));
		}
		return 0;
	}
	frames = block->hdr.bh1.num_pkts;
	at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
	for (uint32_t i = 0; i < frames && rc >= 0; i++) {
		const struct tpacket3_hdr *h = (const void *)at;

		rc = take_frame(r, h, take, ctx);
		at += h->tp_next_offset;
	}
	__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->at = (r->at + 1) % r->blocks;
	return rc < 0 ? rc : (int)frames;
}

/* The kernel's counter begins anew with each reading. */
static void ring_count(struct weir_packets *packets)
{
	struct ring *r = (struct ring *)packets;
	struct tpacket_stats_v3 stats;
	socklen_t len = sizeof(stats);

	if (!getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		packets->stats.kernel_drops += stats.tp_drops;
}

static const struct weir_packets_kind kind = {.poll = ring_poll, .count = ring_count, .close = ring_close};

int weir_packets_open_interface(const struct weir_packets_interface *options, struct weir_packets **ret_packets,
				struct weir_error *err)
{
	struct ring *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return weir_error_set(err, -ENOMEM, options->name, NULL, "out of memory");
	r->base.kind = &kind;
	(void)snprintf(r->name, sizeof(r->name), "%s", options->name);
	/* Protocol 0: nothing comes before the ring is there. */
	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	rc = r->fd < 0 ? fail(r, "packets cannot be listened to", err) : 0;
	if (!rc)
		rc = attach_nothing(r, err);
	if (!rc)
		rc = map_ring(r, options->ring_bytes, err);
	if (!rc)
		rc = bind_ring(r, options, err);
	if (!rc)
		rc = set_filter(r, options->filter, options->snap_bytes, err);
	if (rc) {
		ring_close(&r->base);
		return rc;
	}
	*ret_packets = &r->base;
	return 0;
}
