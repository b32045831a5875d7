/* The generator: blocks of believable flows from nothing but a seed.
 *
 * Pure: it asks no clock, opens nothing and calls nobody. Flows come an exporter at a time; the n-th flow of an
 * exporter depends on the seed, the exporter, n and the hour only, not on how the calls were cut, and is the same on
 * every machine. Two flows follow one another where a conversation was answered: there and back.
 *
 * A generator belongs to one thread and owns its memory; filling allocates nothing. */
#ifndef WEIR_GENERATE_GENERATOR_H
#define WEIR_GENERATE_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/block.h"

#define WEIR_GENERATOR_EXPORTERS_MAX 20000

struct weir_generator;

struct weir_generator_options {
	uint64_t seed;
	uint32_t exporters;
	uint32_t site;		 /* of the first exporter (generate/network.h); the others follow by one */
	struct weir_addr source; /* address of the first exporter; the others follow by one */
	enum weir_flow_type version;
	unsigned ipv6_percent;	 /* of the conversations; 0 for versions that carry IPv4 only */
	uint32_t sampling_rate;	 /* one in so many packets is counted; 0 and 1: all */
	bool single_packets;	 /* a flow is one packet: sFlow's samples */
};

/* -EINVAL: exporters or ipv6_percent out of bounds, or more addresses than follow the source. */
int weir_generator_new(const struct weir_generator_options *options, struct weir_generator **ret_generator)
	WEIR_MUST_CHECK;
void weir_generator_free(struct weir_generator *generator);

/* Append that many flows of an exporter, which end in the seconds before now_ms. There must be room for them. */
void weir_generator_fill(struct weir_generator *generator, uint32_t exporter, int64_t now_ms, uint32_t rows,
			 struct weir_block *block);

/* How busy the network is at a moment, in permille of the day's mean. */
unsigned weir_generator_busy(struct weir_generator *generator, int64_t now_ms);

struct weir_addr weir_generator_source(const struct weir_generator *generator, uint32_t exporter);

#endif
