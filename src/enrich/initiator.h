/* Who opened the conversation that a flow is of, and so which of its ports is the service's.
 *
 * No export says it for sure, except where it has both directions (RFC 5103). So there are several kinds of evidence (a row
 * each in initiator.c), each with a weight that says how often it is right, measured with captures whose truth is known
 * from the packets. Weights add up, those for one side against those for the other; the sum is the confidence in percent.
 *
 * What is remembered, each worker for itself, in tables of fixed size whose oldest entries go first:
 *   conversations  when the first half of each began, and what was found out: it holds for the next records
 *   listeners      addresses and ports that were called by others, or that many others speak with
 *
 * One thread at a time. */
#ifndef WEIR_ENRICH_INITIATOR_H
#define WEIR_ENRICH_INITIATOR_H

#include <stdint.h>

#include "enrich/catalog.h"
#include "flow/block.h"

struct weir_initiator;

/* seed: random, for the tables, which peers can fill. */
int weir_initiator_new(uint64_t seed, struct weir_initiator **ret_initiator) WEIR_MUST_CHECK;
void weir_initiator_free(struct weir_initiator *initiator);

/* Fill initiator, initiator_confidence and service_port of all rows. They are not marked. */
void weir_initiator_block(struct weir_initiator *initiator, const struct weir_catalog *catalog, struct weir_block *block);

size_t weir_initiator_bytes(void);

#endif
