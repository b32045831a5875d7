/* Scenarios: what an attacker, a sick host or a careless one does, injected into the flows of the network with the
 * truth kept, so that detections can be measured. Each is a row of data (scenario_table.c); the engine knows no
 * scenario by name.
 *
 * A scenario is conversations at intervals: the n-th is due at start + n intervals, give or take the jitter, between
 * a source and a target that are one host, many, or each in turn. All of it follows from the seed. It takes place at
 * one exporter's site, over IPv4 or over IPv6. One thread; a struct weir_scenario_run owns nothing. */
#ifndef WEIR_GENERATE_SCENARIO_H
#define WEIR_GENERATE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "flow/block.h"
#include "generate/generator.h"
#include "generate/network.h"
#include "generate/tally.h"

enum weir_scenario_hosts { WEIR_HOSTS_ONE, WEIR_HOSTS_MANY, WEIR_HOSTS_EACH };

struct weir_scenario_side {
	enum weir_role role;
	uint8_t hosts;	 /* enum weir_scenario_hosts */
	uint16_t count;	 /* of MANY and EACH */
	uint16_t port;	 /* the first; 0: ephemeral */
	uint16_t ports;	 /* so many in turn; 0: one */
};

struct weir_scenario {
	const char *name;
	const char *kind; /* of the label: what a detection would call it */
	const char *help; /* one line */
	struct weir_scenario_side src, dst;
	uint8_t proto;
	uint8_t flags[2];     /* TCP flags there and back; ICMP types */
	uint8_t answered;     /* per cent of the conversations */
	uint32_t interval_us;
	uint8_t jitter;	      /* per cent of the interval, either way */
	uint32_t times;	      /* conversations in all */
	uint32_t packets[2];  /* there: from, to */
	uint16_t answer;      /* packets back for 16 there */
	uint16_t bytes[2];    /* of a packet: there, back */
	uint32_t duration_ms; /* of a conversation, at most */
};

extern const struct weir_scenario weir_scenarios[];
extern const unsigned weir_scenarios_count;

/* NULL: there is none of that name. */
const struct weir_scenario *weir_scenario_find(const char *name, size_t len);

struct weir_scenario_run {
	const struct weir_scenario *scenario;
	bool ipv6;
	uint32_t exporter;
	uint64_t seed;
	int64_t start_ms; /* when the first conversation is due */
	uint32_t next;	  /* of its conversations */
	struct weir_sums sums;
	int64_t first_ms, last_ms; /* of the flows */
};

/* Which exporter sees it follows from the seed; so do the hosts' ranks, which are the same over IPv4 and IPv6. */
void weir_scenario_run_init(struct weir_scenario_run *run, const struct weir_scenario *scenario, uint64_t seed,
			    uint32_t exporters, int64_t start_ms, bool ipv6);

/* Append what is over by now_ms and was not yet told, as far as the block has room. Returns the rows. */
uint32_t weir_scenario_fill(struct weir_scenario_run *run, struct weir_generator *generator, int64_t now_ms,
			    struct weir_block *block);

/* The label: a JSON object and a newline. */
int weir_scenario_label(const struct weir_scenario_run *run, const struct weir_generator *generator,
			struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
