/* A conversation and how an exporter writes it down: one row there, one row back. Private to generate. */
#ifndef WEIR_GENERATE_CONVERSATION_H
#define WEIR_GENERATE_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/block.h"
#include "generate/generator.h"
#include "generate/network.h"

enum { WEIR_PROTO_ICMP = 1, WEIR_PROTO_TCP = 6, WEIR_PROTO_UDP = 17, WEIR_PROTO_ICMP6 = 58 };

/* Of arrays of two, the first is there and the second back. */
struct weir_conversation {
	struct weir_host client, server;
	uint8_t proto, tos;
	bool answered;
	uint16_t client_port, server_port;
	uint8_t flags[2];
	uint8_t icmp_type[2];
	uint64_t packets[2];
	uint32_t packet_bytes[2];
	int64_t start_ms, end_ms;
};

/* The exporter that sees it. */
struct weir_observer {
	struct weir_addr source;
	uint32_t domain;
	uint8_t version; /* enum weir_flow_type */
	uint32_t sampling_rate;
	bool single_packets;
	struct weir_column_set with_ports, with_icmp; /* what it tells */
};

void weir_observer_init(struct weir_observer *observer, const struct weir_generator_options *options);

/* Append a row of the conversation to the block, which must have room. */
void weir_observer_tell(const struct weir_observer *observer, const struct weir_conversation *c, bool back,
			struct weir_block *block);

#endif
