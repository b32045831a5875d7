/* Which of several collectors an exporter belongs to: rendezvous hashing (highest random weight).
 * Each pair of exporter and collector has a score, and the collector with the highest one that
 * lives has the exporter. So nothing is remembered, restarts and several replicators agree, and a
 * collector that dies or joins moves its own exporters only. Pure; any thread. */
#ifndef WEIR_REPLICATE_RENDEZVOUS_H
#define WEIR_REPLICATE_RENDEZVOUS_H

#include <stdint.h>

#include "flow/addr.h"

/* The collector's side, from its name; not seeded, for it must be the same everywhere. */
uint64_t weir_replicate_rendezvous_key(const char *name);
uint64_t weir_replicate_rendezvous_score(const struct weir_addr *exporter, uint64_t key);

#endif
