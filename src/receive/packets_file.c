/* Capture files: classic pcap goes to packets_pcap.c, all else to libpcap. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/packets_kind.h"

#define BATCH 256

struct file_packets {
	struct weir_packets base;
	pcap_t *pcap;
	char *name;
	enum weir_link link;
	weir_packets_take *take; /* during a call */
	void *ctx;
	int failed;
};

static const struct {
	int dlt;
	enum weir_link link;
} LINKS[] = {
	{DLT_EN10MB, WEIR_LINK_ETHERNET}, {DLT_RAW, WEIR_LINK_IP},   {DLT_IPV4, WEIR_LINK_IPV4},
	{DLT_IPV6, WEIR_LINK_IPV6},	  {DLT_NULL, WEIR_LINK_NULL}, {DLT_LOOP, WEIR_LINK_NULL},
	{DLT_LINUX_SLL, WEIR_LINK_SLL},	  {DLT_LINUX_SLL2, WEIR_LINK_SLL2}, {DLT_PPP, WEIR_LINK_PPP},
	{DLT_PPP_SERIAL, WEIR_LINK_PPP},  {DLT_MPLS, WEIR_LINK_MPLS},
};

int weir_packets_link(const char *name, int dlt, enum weir_link *ret_link, struct weir_error *err)
{
	const char *text = pcap_datalink_val_to_name(dlt);

	for (size_t i = 0; i < sizeof(LINKS) / sizeof(LINKS[0]); i++) {
		if (LINKS[i].dlt != dlt)
			continue;
		*ret_link = LINKS[i].link;
		return 0;
	}
	return weir_error_set(err, -ENOTSUP, name, "capture on an Ethernet, loopback or \"any\" interface",
			      "frames of link type %s (%d) cannot be read", text ? text : "unknown", dlt);
}

static int set_filter(pcap_t *pcap, const char *filter, struct weir_error *err)
{
	struct bpf_program program;
	int rc;

	if (pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN))
		return weir_error_set(err, -EINVAL, filter, "pcap-filter(7) has the language", "not a filter: %s",
				      pcap_geterr(pcap));
	rc = pcap_setfilter(pcap, &program);
	pcap_freecode(&program);
	return rc ? weir_error_set(err, -EINVAL, filter, NULL, "the filter cannot be used: %s", pcap_geterr(pcap)) : 0;
}

static void on_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct file_packets *f = (struct file_packets *)(void *)user;
	struct weir_frame frame = {
		.data = data,
		.captured = header->caplen,
		.length = header->len,
		.time_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec,
		.link = f->link,
	};

	f->base.stats.frames++;
	f->base.stats.bytes += header->len;
	f->failed = f->take(f->ctx, &frame);
	if (f->failed < 0)
		pcap_breakloop(f->pcap);
}

static int file_poll(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx,
		     struct weir_error *err)
{
	struct file_packets *f = (struct file_packets *)packets;
	int rc;

	(void)timeout_ms;
	f->take = take;
	f->ctx = ctx;
	f->failed = 0;
	rc = pcap_dispatch(f->pcap, BATCH, on_frame, (u_char *)f);
	if (f->failed < 0)
		return f->failed;
	if (rc == 0)
		packets->ended = true;
	if (rc < 0)
		return weir_error_set(err, -EIO, f->name, "what came before that place was read",
				      "the capture is damaged after %llu packets: %s", (unsigned long long)f->base.stats.frames,
				      pcap_geterr(f->pcap));
	return rc;
}

static void file_close(struct weir_packets *packets)
{
	struct file_packets *f = (struct file_packets *)packets;

	if (f->pcap)
		pcap_close(f->pcap);
	free(f->name);
	free(f);
}

static const struct weir_packets_kind kind = {.poll = file_poll, .close = file_close};

static const char *advice(int first)
{
	return first == 0x1f || first == 0x28 || first == 0xfd
		       ? "it looks compressed: unpack it first, for example with `zcat FILE | weir probe -r -`"
		       : "pcap and pcapng files can be read";
}

static int first_byte(FILE *file, const char *name, int *ret_first, struct weir_error *err)
{
	int first;

	errno = 0;
	first = getc(file);
	if (first == EOF)
		return ferror(file) ? weir_error_set(err, -errno, name, NULL, "cannot read: %s", strerror(errno))
				    : weir_error_set(err, -EINVAL, name, NULL, "the file is empty");
	if (ungetc(first, file) == EOF)
		return weir_error_set(err, -EIO, name, NULL, "cannot read");
	*ret_first = first;
	return 0;
}

static int open_libpcap(FILE *file, int first, const char *name, const char *filter, struct weir_packets **ret_packets,
			struct weir_error *err)
{
	struct file_packets *f = calloc(1, sizeof(*f));
	char reason[PCAP_ERRBUF_SIZE] = "";
	int rc;

	if (!f || !(f->name = strdup(name))) {
		free(f);
		return weir_error_set(err, -ENOMEM, name, NULL, "out of memory");
	}
	f->base.kind = &kind;
	f->pcap = pcap_fopen_offline(file, reason);
	if (!f->pcap) {
		file_close(&f->base);
		return weir_error_set(err, -EINVAL, name, advice(first), "not a capture: %s", reason);
	}
	/* From here on the file is libpcap's. */
	rc = weir_packets_link(name, pcap_datalink(f->pcap), &f->link, err);
	if (!rc && filter)
		rc = set_filter(f->pcap, filter, err);
	if (rc) {
		file_close(&f->base);
		return 1;
	}
	*ret_packets = &f->base;
	return 0;
}

int weir_packets_open_file(const char *path, const char *filter, struct weir_packets **ret_packets,
			   struct weir_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	FILE *file = standard ? stdin : fopen(path, "rbe");
	int first = 0;
	int rc;

	if (!file)
		return weir_error_set(err, -errno, path, NULL, "cannot open: %s", strerror(errno));
	rc = first_byte(file, name, &first, err);
	if (!rc && (first == 0xd4 || first == 0xa1 || first == 0x4d))
		rc = weir_packets_open_pcap(file, name, filter, ret_packets, err);
	else if (!rc)
		rc = open_libpcap(file, first, name, filter, ret_packets, err);
	if (rc < 0 && !standard)
		(void)fclose(file);
	return rc > 0 ? -EINVAL : rc;
}
