/* What the replicator needs to know of a datagram without decoding it: its protocol, and of NetFlow
 * v9 and IPFIX whose stream it is. Pure; any thread. */
#ifndef WEIR_REPLICATE_MESSAGE_H
#define WEIR_REPLICATE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_replicate_protocol {
	WEIR_REPLICATE_OTHER, /* copied like the rest; nothing is known of it */
	WEIR_REPLICATE_NETFLOW1,
	WEIR_REPLICATE_NETFLOW5,
	WEIR_REPLICATE_NETFLOW7,
	WEIR_REPLICATE_NETFLOW9,
	WEIR_REPLICATE_IPFIX,
	WEIR_REPLICATE_SFLOW,
	WEIR_REPLICATE_PROTOCOLS
};

/* As in filters and metrics: "netflow9", "ipfix" … */
extern const char *const weir_replicate_protocols[WEIR_REPLICATE_PROTOCOLS];

struct weir_replicate_message {
	const uint8_t *data; /* borrowed */
	size_t len;
	enum weir_replicate_protocol protocol;
	uint32_t domain;   /* NetFlow v9, IPFIX; else 0 */
	uint32_t sequence; /* the same */
};

/* The header's length where sets follow it (NetFlow v9, IPFIX); else 0. */
size_t weir_replicate_header_len(enum weir_replicate_protocol protocol);

/* Anything is some message: what has no known version or is cut short is OTHER. */
struct weir_replicate_message weir_replicate_peek(const uint8_t *data, size_t len);

#endif
