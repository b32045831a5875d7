/* The encoder: blocks of flows in, export messages out; the decoder's counterpart (wire/decoder.h).
 *
 * Pure: it opens nothing and asks no clock; messages go to a callback. One encoder is one exporter with one
 * observation domain and keeps what such an exporter keeps: sequence numbers, templates and when they were last
 * sent. An encoder belongs to one thread and owns its memory; no allocation after weir_encoder_new().
 *
 * What is sent. NetFlow v9 and IPFIX: every column of export/field.c that the rows have, by templates made from the
 * set of columns present. NetFlow v1, v5 and v7: the fields of those formats. sFlow v5: one flow sample a flow, with
 * a packet header rebuilt from the columns; a sample is one packet, so a flow of n packets is sent as one of
 * bytes / n octets. Strings and elements without a column are not sent. A flow that the version cannot carry (IPv6 in
 * NetFlow v1, v5, v7; neither addresses nor Ethernet in sFlow) is counted in stats.unsendable; a number too large for its
 * field is sent as the field's largest and counted in stats.clamped. stats.flows, packets and bytes are what the messages
 * say. */
#ifndef WEIR_EXPORT_ENCODER_H
#define WEIR_EXPORT_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"
#include "flow/block.h"

#define WEIR_ENCODER_MTU_MIN 576
#define WEIR_ENCODER_MTU_MAX 65507

struct weir_encoder;

#define WEIR_ENCODER_INTERFACES_MAX 16
#define WEIR_ENCODER_NAME_MAX	    16

struct weir_encoder_interface {
	uint32_t index;
	char name[WEIR_ENCODER_NAME_MAX]; /* filled up with zeros */
};

struct weir_encoder_options {
	enum weir_flow_type version;
	uint32_t domain;		    /* observation domain, source id; engine type and number; sub-agent */
	size_t mtu_bytes;		    /* largest message; 0: 1400 */
	uint32_t template_refresh_messages; /* send templates again after so many messages; 0: 20 */
	int64_t template_refresh_ms;	    /* and after so long; 0: 60 000 */
	uint32_t sampling_rate;		    /* told in headers, options records or samples; 0: nothing is said */
	bool sampling_random;		    /* each by chance, not every n-th; sFlow cannot tell */
	struct weir_addr agent;		    /* sFlow's agent address; all zeros: 127.0.0.1 */
	struct weir_encoder_interface interface[WEIR_ENCODER_INTERFACES_MAX]; /* told in options records (v9, IPFIX) */
	unsigned interfaces;
	int64_t boot_ms;		    /* when the exporter's uptime began; 0: a day before the first flow */
};

struct weir_encoder_stats {
	uint64_t messages;
	uint64_t message_bytes;
	uint64_t templates; /* template records sent, options templates included */
	uint64_t flows;
	uint64_t packets;
	uint64_t bytes;
	uint64_t unsendable;
	uint64_t clamped;
};

/* Takes a message; data is borrowed for the call. Negative: it cannot be sent, and encoding ends there. */
struct weir_encoder_output {
	int (*send)(void *ctx, const uint8_t *data, size_t len);
	void *ctx; /* borrowed */
};

/* -EINVAL: an unknown version or an mtu out of bounds. */
int weir_encoder_new(const struct weir_encoder_options *options, struct weir_encoder **ret_encoder) WEIR_MUST_CHECK;
void weir_encoder_free(struct weir_encoder *encoder);

/* Send rows [first, first + rows) of the block; the last message goes out before this returns. The order of flows
 * within a run of the block may change (by address family). Returns 0 or what send() returned. */
int weir_encoder_encode(struct weir_encoder *encoder, const struct weir_block *block, uint32_t first, uint32_t rows,
			int64_t now_ms, const struct weir_encoder_output *output) WEIR_MUST_CHECK;

/* sFlow: a sampled packet's own header, in the place of one rebuilt from columns. */
#define WEIR_RAW_SAMPLE_MAX 128

struct weir_raw_sample {
	uint32_t protocol;     /* sFlow's header protocol: 1 Ethernet, 7 PPP, 11 IPv4, 12 IPv6, 13 MPLS */
	const uint8_t *header; /* borrowed for the call */
	uint32_t header_bytes; /* at most WEIR_RAW_SAMPLE_MAX */
	uint32_t frame_bytes;  /* that the packet had */
	uint32_t in_if, out_if; /* 0: not known */
	uint32_t rate;
	uint32_t pool; /* packets that could have been sampled so far */
	uint32_t drops;
};

/* sFlow: an interface's counters; what the system does not tell apart stays 0. */
struct weir_interface_counters {
	uint32_t index, type;	 /* type: IANA's ifType */
	uint64_t speed_bps;	 /* 0: not known */
	uint32_t duplex;	 /* sFlow's: 0 not known, 1 full, 2 half */
	bool is_up, is_running, is_promiscuous;
	uint64_t in_bytes, in_packets, in_multicast, in_discards, in_errors;
	uint64_t out_bytes, out_packets, out_discards, out_errors;
};

/* The same as weir_encoder_sample(), of counters. */
int weir_encoder_counters(struct weir_encoder *encoder, const struct weir_interface_counters *counters, int64_t now_ms,
			  const struct weir_encoder_output *output) WEIR_MUST_CHECK;

/* Samples wait in a message until it is full or weir_encoder_flush() is called. Returns 0, -EINVAL for another version
 * than sFlow, or what send() returned. */
int weir_encoder_sample(struct weir_encoder *encoder, const struct weir_raw_sample *sample, int64_t now_ms,
			const struct weir_encoder_output *output) WEIR_MUST_CHECK;
int weir_encoder_flush(struct weir_encoder *encoder, int64_t now_ms, const struct weir_encoder_output *output)
	WEIR_MUST_CHECK;

const struct weir_encoder_stats *weir_encoder_stats(const struct weir_encoder *encoder);

#endif
