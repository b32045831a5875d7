/* A pcap file of Ethernet frames with IP and UDP headers and right checksums, as a tap before the collector would
 * have written it. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "generate/outlet_kind.h"

enum {
	SNAP_BYTES = 65535 + 14,
	ETHERNET_BYTES = 14,
	UDP_BYTES = 8,
	IPV4_BYTES = 20,
	PROTO_UDP = 17,
	SOURCE_PORT = 20000,
};

struct file {
	struct weir_outlet base;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	struct weir_addr target;
	uint16_t port;
	uint16_t identification;
	uint8_t frame[SNAP_BYTES];
};

/* RFC 1071: big-endian words; an odd last byte is a high one. */
static uint32_t add_up(uint32_t sum, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	return i < len ? sum + ((uint32_t)data[i] << 8) : sum;
}

static uint16_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_ipv4(struct file *f, struct weir_writer *w, const struct weir_addr *source, size_t len)
{
	size_t at = weir_writer_len(w);

	weir_writer_u16(w, 0x4500);
	weir_writer_u16(w, (uint16_t)(IPV4_BYTES + len));
	weir_writer_u16(w, f->identification++);
	weir_writer_u16(w, 0x4000); /* do not fragment */
	weir_writer_u8(w, 64);
	weir_writer_u8(w, PROTO_UDP);
	weir_writer_u16(w, 0);
	weir_writer_bytes(w, &source->byte[12], 4);
	weir_writer_bytes(w, &f->target.byte[12], 4);
	weir_writer_patch16(w, at + 10, checksum(add_up(0, w->start + at, IPV4_BYTES)));
}

static void put_ipv6(struct file *f, struct weir_writer *w, const struct weir_addr *source, size_t len)
{
	weir_writer_u32(w, 0x60000000);
	weir_writer_u16(w, (uint16_t)len);
	weir_writer_u8(w, PROTO_UDP);
	weir_writer_u8(w, 64);
	weir_writer_bytes(w, source->byte, 16);
	weir_writer_bytes(w, f->target.byte, 16);
}

static void put_udp(struct file *f, struct weir_writer *w, const struct weir_addr *source, const void *data, size_t len)
{
	size_t at = weir_writer_len(w), addr = weir_addr_is_v4(&f->target) ? 4 : 16;
	uint32_t sum;

	weir_writer_u16(w, SOURCE_PORT);
	weir_writer_u16(w, f->port);
	weir_writer_u16(w, (uint16_t)(UDP_BYTES + len));
	weir_writer_u16(w, 0);
	weir_writer_bytes(w, data, len);
	sum = add_up(PROTO_UDP + (uint32_t)(UDP_BYTES + len), w->start + at, UDP_BYTES + len);
	sum = add_up(sum, &source->byte[16 - addr], addr);
	sum = add_up(sum, &f->target.byte[16 - addr], addr);
	weir_writer_patch16(w, at + 6, checksum(sum) ? checksum(sum) : 0xffff);
}

static int file_send(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		     size_t len, struct weir_error *err)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}; /* locally administered */
	struct file *f = (struct file *)outlet;
	struct weir_writer w = weir_writer(f->frame, sizeof(f->frame));
	bool v4 = weir_addr_is_v4(&f->target);
	struct pcap_pkthdr header = {0};

	weir_writer_bytes(&w, macs, sizeof(macs));
	weir_writer_u16(&w, v4 ? 0x0800 : 0x86dd);
	if (v4)
		put_ipv4(f, &w, source, UDP_BYTES + len);
	else
		put_ipv6(f, &w, source, UDP_BYTES + len);
	put_udp(f, &w, source, data, len);
	if (w.fault)
		return weir_error_set(err, -EMSGSIZE, outlet->name, NULL, "a message of %zu bytes is too long", len);
	header.ts.tv_sec = (time_t)(now_ms / 1000);
	header.ts.tv_usec = (suseconds_t)(now_ms % 1000 * 1000);
	header.caplen = header.len = (bpf_u_int32)weir_writer_len(&w);
	pcap_dump((u_char *)f->dumper, &header, f->frame);
	outlet->stats.datagrams++;
	outlet->stats.bytes += len;
	return 0;
}

static int file_flush(struct weir_outlet *outlet, struct weir_error *err)
{
	struct file *f = (struct file *)outlet;

	errno = 0;
	if (pcap_dump_flush(f->dumper) || ferror(pcap_dump_file(f->dumper)))
		return weir_error_set(err, errno ? -errno : -EIO, outlet->name, NULL, "cannot write: %s",
				      errno ? strerror(errno) : "an earlier write failed");
	return 0;
}

static void file_close(struct weir_outlet *outlet)
{
	struct file *f = (struct file *)outlet;

	if (f->dumper)
		pcap_dump_close(f->dumper);
	if (f->pcap)
		pcap_close(f->pcap);
	free(f);
}

static const struct weir_outlet_kind kind = {.send = file_send, .flush = file_flush, .close = file_close};

int weir_outlet_pcap_open(const char *path, const struct weir_addr *target, uint16_t port,
			  struct weir_outlet **ret_outlet, struct weir_error *err)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return weir_error_set(err, -ENOMEM, path, NULL, "no memory");
	f->base.kind = &kind;
	f->base.has_sources = true;
	f->target = *target;
	f->port = port;
	(void)snprintf(f->base.name, sizeof(f->base.name), "%s", path);
	f->pcap = pcap_open_dead(DLT_EN10MB, SNAP_BYTES);
	f->dumper = f->pcap ? pcap_dump_open(f->pcap, path) : NULL;
	if (!f->dumper) {
		int rc = weir_error_set(err, -EIO, path, "name a file in a folder that you may write to", "%s",
					f->pcap ? pcap_geterr(f->pcap) : "no memory");

		file_close(&f->base);
		return rc;
	}
	*ret_outlet = &f->base;
	return 0;
}
