/* Capture files as a stream of datagrams: pcap and pcapng (UDP over IPv4 or IPv6 to any port, fragments skipped and
 * counted), a file of IPFIX messages (RFC 5655), or one raw datagram. What it is is read from the first byte, which
 * is zero in every message of every protocol that weir knows and in no capture format.
 *
 * The time of receipt is the capture's. In files that have none it is the time that the message itself gives (every
 * protocol but sFlow), or else fallback_ms.
 *
 * A reader belongs to one thread and owns its file. */
#ifndef WEIR_RECEIVE_CAPTURE_H
#define WEIR_RECEIVE_CAPTURE_H

#include <stdio.h>

#include "base/error.h"
#include "wire/decoder.h"

struct weir_capture;

struct weir_capture_stats {
	uint64_t packets;   /* frames in the file, or messages */
	uint64_t datagrams; /* given out */
	uint64_t skipped;   /* frames that carry no UDP payload */
	uint64_t fragments; /* frames with a part of a UDP datagram: skipped as well */
	uint64_t truncated; /* frames that the capture cut short: their datagram is given out as far as it goes */
};

/* path "-" is standard input. fallback: exporter address for files that have none (raw, IPFIX file). */
int weir_capture_open(const char *path, const struct weir_addr *fallback, int64_t fallback_ms,
		      struct weir_capture **ret_capture, struct weir_error *err) WEIR_MUST_CHECK;
/* The same from an open file, which is the capture's from now on and closed also on failure; name is for errors, and
 * is copied. */
int weir_capture_open_stream(FILE *file, const char *name, const struct weir_addr *fallback, int64_t fallback_ms,
			     struct weir_capture **ret_capture, struct weir_error *err) WEIR_MUST_CHECK;
void weir_capture_close(struct weir_capture *capture);
/* 1: *ret_datagram is the next one, valid until the next call. 0: the end. Negative: err says what is wrong. */
int weir_capture_next(struct weir_capture *capture, struct weir_datagram *ret_datagram,
		      struct weir_error *err) WEIR_MUST_CHECK;
const struct weir_capture_stats *weir_capture_stats(const struct weir_capture *capture);

#endif
