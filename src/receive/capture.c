/* libpcap reads pcap and pcapng; files of bare messages are read here, through a window that holds the largest
 * message there can be. */
#include "receive/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "receive/frame.h"

#define WINDOW_BYTES 131072	       /* twice the longest message: while more than one is left, there is no need to read */
#define MESSAGE_MAX  65535
#define MS_MAX	     253402300799999LL /* the end of the year 9999 */

struct weir_capture {
	struct weir_capture_stats stats;
	char *name;
	pcap_t *pcap; /* NULL: a file of messages */
	int link;
	FILE *file; /* libpcap's where there is a pcap */
	uint8_t *window;
	size_t at;
	size_t filled;
	struct weir_addr fallback;
	int64_t fallback_ms;
};

/* --- opening ---------------------------------------------------------------------------------------------- */

static void close_file(FILE *file)
{
	if (file != stdin)
		(void)fclose(file);
}

static int not_a_capture(const char *name, int first, const char *reason, struct weir_error *err)
{
	const char *next = first == 0x1f || first == 0x28 || first == 0xfd
				   ? "it looks compressed: unpack it first, for example with `zcat FILE | weir decode -`"
				   : "pcap, pcapng, files of IPFIX messages and single raw datagrams can be read";

	return weir_error_set(err, -EINVAL, name, next, "not a capture: %s", reason);
}

static int open_pcap(struct weir_capture *c, FILE *file, int first, struct weir_error *err)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	const char *link;

	c->pcap = pcap_fopen_offline(file, reason);
	if (!c->pcap)
		return not_a_capture(c->name, first, reason, err);
	c->link = pcap_datalink(c->pcap);
	if (weir_frame_link_known(c->link))
		return 0;
	link = pcap_datalink_val_to_name(c->link);
	return weir_error_set(err, -ENOTSUP, c->name, "capture on an Ethernet, loopback or \"any\" interface",
			      "frames of link type %s (%d) cannot be read", link ? link : "unknown", c->link);
}

int weir_capture_open_stream(FILE *file, const char *name, const struct weir_addr *fallback, int64_t fallback_ms,
			     struct weir_capture **ret_capture, struct weir_error *err)
{
	struct weir_capture *c = calloc(1, sizeof(*c));
	int first;
	int rc;

	if (!c || !(c->name = strdup(name))) {
		free(c);
		close_file(file);
		return weir_error_set(err, -ENOMEM, name, NULL, "out of memory");
	}
	c->file = file;
	c->fallback = *fallback;
	c->fallback_ms = fallback_ms;
	errno = 0;
	first = getc(file);
	if (first == EOF) {
		rc = ferror(file) ? weir_error_set(err, -errno, name, NULL, "cannot read: %s", strerror(errno))
				  : weir_error_set(err, -EINVAL, name, NULL, "the file is empty");
	} else if (ungetc(first, file) == EOF) {
		rc = weir_error_set(err, -EIO, name, NULL, "cannot read");
	} else if (first == 0) {
		c->window = malloc(WINDOW_BYTES);
		rc = c->window ? 0 : weir_error_set(err, -ENOMEM, name, NULL, "out of memory");
	} else {
		rc = open_pcap(c, file, first, err);
	}
	if (rc)
		weir_capture_close(c);
	else
		*ret_capture = c;
	return rc;
}

int weir_capture_open(const char *path, const struct weir_addr *fallback, int64_t fallback_ms,
		      struct weir_capture **ret_capture, struct weir_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "rbe");

	if (!file)
		return weir_error_set(err, -errno, path, NULL, "cannot open: %s", strerror(errno));
	return weir_capture_open_stream(file, standard ? "standard input" : path, fallback, fallback_ms, ret_capture,
					err);
}

void weir_capture_close(struct weir_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap); /* with the file */
	else
		close_file(capture->file);
	free(capture->window);
	free(capture->name);
	free(capture);
}

/* --- packets ---------------------------------------------------------------------------------------------- */

static int64_t packet_ms(const struct pcap_pkthdr *header)
{
	int64_t ms;

	if (__builtin_mul_overflow((int64_t)header->ts.tv_sec, WEIR_MS_PER_S, &ms) || ms > MS_MAX)
		return MS_MAX;
	return ms < 0 ? 0 : ms + (int64_t)header->ts.tv_usec / 1000;
}

static int next_packet(struct weir_capture *c, struct weir_datagram *ret_datagram, struct weir_error *err)
{
	struct pcap_pkthdr *header;
	const uint8_t *data;
	struct weir_frame_udp udp;
	int rc;

	while ((rc = pcap_next_ex(c->pcap, &header, &data)) == 1) {
		enum weir_frame_kind kind = weir_frame_udp(c->link, data, header->caplen, &udp);

		c->stats.packets++;
		c->stats.fragments += kind == WEIR_FRAME_FRAGMENT;
		c->stats.skipped += kind == WEIR_FRAME_OTHER;
		if (kind != WEIR_FRAME_UDP)
			continue;
		c->stats.truncated += udp.cut;
		c->stats.datagrams++;
		*ret_datagram = (struct weir_datagram){.data = udp.data,
						       .len = udp.len,
						       .exporter = udp.src,
						       .exporter_port = udp.src_port,
						       .received_ms = packet_ms(header)};
		return 1;
	}
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	return weir_error_set(err, -EIO, c->name, "what came before that place was read",
			      "the capture is damaged after %" PRIu64 " packets: %s", c->stats.packets, pcap_geterr(c->pcap));
}

/* --- messages --------------------------------------------------------------------------------------------- */

/* When the exporter sent it, by the message's own header; false where the protocol has no such field. */
static bool message_ms(const uint8_t *data, size_t len, int64_t *ret_ms)
{
	struct weir_cursor c = weir_cursor(data, len);
	unsigned version = weir_cursor_u16(&c);
	uint32_t seconds;

	/* IPFIX: RFC 7011 §3.1. NetFlow 1, 5, 7 and 9: RFC 3954 §5.1; sFlow's version is 32 bits, so it has a 0 here. */
	weir_cursor_skip(&c, version == WEIR_FLOW_IPFIX ? 2 : 6);
	seconds = weir_cursor_u32(&c);
	if (c.fault || version == 0)
		return false;
	*ret_ms = seconds * WEIR_MS_PER_S;
	return true;
}

/* Move what is left to the front and read on. */
static int fill(struct weir_capture *c, struct weir_error *err)
{
	memmove(c->window, c->window + c->at, c->filled - c->at);
	c->filled -= c->at;
	c->at = 0;
	errno = 0;
	c->filled += fread(c->window + c->filled, 1, WINDOW_BYTES - c->filled, c->file);
	if (ferror(c->file))
		return weir_error_set(err, errno ? -errno : -EIO, c->name, NULL, "cannot read: %s", strerror(errno));
	return 0;
}

/* Nothing that follows can be told apart any more. */
static int drain(struct weir_capture *c, struct weir_error *err)
{
	uint8_t scratch[4096];

	while (fread(scratch, 1, sizeof(scratch), c->file))
		continue;
	if (ferror(c->file))
		return weir_error_set(err, -EIO, c->name, NULL, "cannot read");
	return 0;
}

static int next_message(struct weir_capture *c, struct weir_datagram *ret_datagram, struct weir_error *err)
{
	const uint8_t *data;
	size_t left, len;
	int64_t ms;
	int rc = c->filled - c->at <= MESSAGE_MAX ? fill(c, err) : 0;

	if (rc)
		return rc;
	data = c->window + c->at;
	left = c->filled - c->at;
	if (!left)
		return 0;
	len = weir_decoder_message_len(data, left);
	if (!len || len == left) {
		/* One datagram, or the last message, or bytes that are no message: given out all the same, so that the
		 * decoder names the fault. */
		len = left > MESSAGE_MAX ? MESSAGE_MAX : left;
		rc = drain(c, err);
		if (rc)
			return rc;
		c->at = c->filled;
	} else {
		c->at += len;
	}
	if (!message_ms(data, len, &ms))
		ms = c->fallback_ms;
	c->stats.packets++;
	c->stats.datagrams++;
	*ret_datagram = (struct weir_datagram){
		.data = data, .len = len, .exporter = c->fallback, .exporter_port = 0, .received_ms = ms};
	return 1;
}

int weir_capture_next(struct weir_capture *capture, struct weir_datagram *ret_datagram, struct weir_error *err)
{
	return capture->pcap ? next_packet(capture, ret_datagram, err) : next_message(capture, ret_datagram, err);
}

const struct weir_capture_stats *weir_capture_stats(const struct weir_capture *capture)
{
	return &capture->stats;
}
