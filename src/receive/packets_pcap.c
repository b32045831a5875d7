/* Classic pcap files, read by ourselves: a header of 24 bytes, then a header of 16 bytes and the frame, again and again, in the
 * byte order of the machine that wrote them (draft-ietf-opsawg-pcap). libpcap reads them too, but with two calls of fread(3)
 * and a copy for each frame: 300 instructions, of the 600 that the probe needs in all. Here a window of the file is
 * read at once, and frames are taken where they lie. Mapping the file is hardly faster (20 against 23 ms of processor time for
 * 108 MB), and a file that is cut short meanwhile would kill the process.
 *
 * Filters are libpcap's. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "receive/packets_kind.h"

enum {
	FRAME_MAX = 262144,	 /* libpcap's, too: more is no frame but damage */
	WINDOW_BYTES = 3 * FRAME_MAX / 2, /* what the processor's own memory holds: a larger one is slower */
	FILE_HEADER = 24,
	FRAME_HEADER = 16,
	LINKTYPE_RAW = 101, /* DLT_RAW in a file; the one number of ours that differs */
};

struct pcap_packets {
	struct weir_packets base;
	FILE *file; /* owned, unless it is stdin */
	char *name;
	enum weir_link link;
	bool swapped; /* written on a machine of the other byte order */
	bool nanoseconds;
	bool filtered;
	struct bpf_program filter;
	size_t at, filled;
	uint8_t window[WINDOW_BYTES];
};

static inline uint32_t load(const struct pcap_packets *p, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

/* Move what is left to the front and read on. */
static int fill(struct pcap_packets *p, struct weir_error *err)
{
	memmove(p->window, p->window + p->at, p->filled - p->at);
	p->filled -= p->at;
	p->at = 0;
	errno = 0;
	p->filled += fread(p->window + p->filled, 1, WINDOW_BYTES - p->filled, p->file);
	return ferror(p->file) ? weir_error_set(err, errno ? -errno : -EIO, p->name, NULL, "cannot read: %s", strerror(errno)) : 0;
}

static int damaged(const struct pcap_packets *p, const char *how, struct weir_error *err)
{
	return weir_error_set(err, -EIO, p->name, "what came before that place was read",
			      "the capture is damaged after %llu packets: %s", (unsigned long long)p->base.stats.frames, how);
}

static bool passes(const struct pcap_packets *p, const struct weir_frame *frame)
{
	const struct pcap_pkthdr header = {.caplen = frame->captured, .len = frame->length};

	return !p->filtered || pcap_offline_filter(&p->filter, &header, frame->data);
}

/* The next frame in the window; false when it is not whole there. */
static inline bool next(struct pcap_packets *p, struct weir_frame *frame)
{
	const uint8_t *at = p->window + p->at;
	size_t left = p->filled - p->at;
	uint32_t part;

	if (left < FRAME_HEADER)
		return false;
	frame->captured = load(p, at + 8);
	if (frame->captured > FRAME_MAX || left - FRAME_HEADER < frame->captured)
		return false;
	part = load(p, at + 4);
	frame->time_us = (int64_t)load(p, at) * 1000000 + (p->nanoseconds ? part / 1000 : part);
	frame->length = load(p, at + 12);
	frame->data = at + FRAME_HEADER;
	p->at += FRAME_HEADER + frame->captured;
	return true;
}

/* All frames that are whole in the window. */
static int pcap_packets_poll(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx,
			     struct weir_error *err)
{
	struct pcap_packets *p = (struct pcap_packets *)packets;
	struct weir_frame frame = {.link = p->link};
	int frames = 0;
	int rc = fill(p, err);

	(void)timeout_ms;
	while (rc >= 0 && next(p, &frame)) {
		p->base.stats.frames++;
		p->base.stats.bytes += frame.length;
		frames++;
		if (passes(p, &frame))
			rc = take(ctx, &frame);
	}
	if (rc < 0)
		return rc;
	if (p->filled - p->at >= FRAME_HEADER && load(p, p->window + p->at + 8) > FRAME_MAX)
		return damaged(p, "a frame is longer than can be", err);
	if (!frames && p->filled != p->at)
		return damaged(p, "it ends within a frame", err);
	packets->ended = !frames;
	return frames;
}

static void pcap_packets_close(struct weir_packets *packets)
{
	struct pcap_packets *p = (struct pcap_packets *)packets;

	if (p->filtered)
		pcap_freecode(&p->filter);
	if (p->file && p->file != stdin)
		(void)fclose(p->file);
	free(p->name);
	free(p);
}

static const struct weir_packets_kind kind = {.poll = pcap_packets_poll, .close = pcap_packets_close};

static int set_filter(struct pcap_packets *p, int dlt, const char *filter, struct weir_error *err)
{
	pcap_t *dead = pcap_open_dead(dlt, FRAME_MAX);
	int rc = dead ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	if (!rc && pcap_compile(dead, &p->filter, filter, 1, PCAP_NETMASK_UNKNOWN))
		rc = weir_error_set(err, -EINVAL, filter, "pcap-filter(7) has the language", "not a filter: %s", pcap_geterr(dead));
	p->filtered = !rc;
	if (dead)
		pcap_close(dead);
	return rc;
}

/* The file's header. -EINVAL without an error: it is another kind of file. */
static int read_header(struct pcap_packets *p, int *ret_dlt)
{
	static const struct {
		uint32_t magic;
		bool swapped, nanoseconds;
	} MAGICS[] = {
		{0xa1b2c3d4, false, false}, {0xd4c3b2a1, true, false}, {0xa1b23c4d, false, true}, {0x4d3cb2a1, true, true}};
	uint32_t magic;

	memcpy(&magic, p->window, sizeof(magic));
	for (size_t i = 0; p->filled >= FILE_HEADER && i < sizeof(MAGICS) / sizeof(MAGICS[0]); i++) {
		if (MAGICS[i].magic != magic)
			continue;
		p->swapped = MAGICS[i].swapped;
		p->nanoseconds = MAGICS[i].nanoseconds;
		*ret_dlt = (int)(load(p, p->window + 20) & 0xffff); /* above it, whether frames have a checksum */
		if (*ret_dlt == LINKTYPE_RAW)
			*ret_dlt = DLT_RAW;
		p->at = FILE_HEADER;
		return 0;
	}
	return -EINVAL;
}

int weir_packets_open_pcap(FILE *file, const char *name, const char *filter, struct weir_packets **ret_packets,
			   struct weir_error *err)
{
	struct pcap_packets *p = malloc(sizeof(*p));
	int dlt = 0;
	int rc;

	if (!p)
		return weir_error_set(err, -ENOMEM, name, NULL, "out of memory");
	memset(p, 0, offsetof(struct pcap_packets, window));
	p->base.kind = &kind;
	p->file = file;
	p->name = strdup(name);
	/* Only the header: what is in a pipe is not waited for longer than that. */
	p->filled = fread(p->window, 1, FILE_HEADER, file);
	rc = p->name ? read_header(p, &dlt) : -ENOMEM;
	if (rc)
		(void)weir_error_set(err, rc, name, "pcap and pcapng files can be read", "not a capture");
	if (!rc)
		rc = weir_packets_link(name, dlt, &p->link, err);
	if (!rc && filter)
		rc = set_filter(p, dlt, filter, err);
	if (rc) {
		p->file = NULL; /* still the caller's */
		pcap_packets_close(&p->base);
		return rc;
	}
	*ret_packets = &p->base;
	return 0;
}
