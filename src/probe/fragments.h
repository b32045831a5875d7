/* The ports of fragmented packets: only the first fragment has them, and the others shall count to the same flow. A table of
 * fixed size, by addresses, protocol and identification; a newer packet takes the place of an older one, and nothing is
 * remembered longer than the time in which hosts put packets together. Pure; one thread. */
#ifndef WEIR_PROBE_FRAGMENTS_H
#define WEIR_PROBE_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet.h"

#define WEIR_FRAGMENTS_MAX  4096
#define WEIR_FRAGMENT_LIFE_US 30000000 /* Linux gives up after 30 s; RFC 8200 §4.5 says 60 */

struct weir_fragments;

int weir_fragments_new(uint64_t seed, struct weir_fragments **ret_fragments) WEIR_MUST_CHECK;
void weir_fragments_free(struct weir_fragments *fragments);

/* Of a first fragment: its ports, or ICMP's type and code in their place. */
void weir_fragments_put(struct weir_fragments *fragments, const struct weir_packet *p, int64_t now_us, uint16_t src_port,
			uint16_t dst_port);
/* Of a later one; false when its first was not seen. */
bool weir_fragments_get(const struct weir_fragments *fragments, const struct weir_packet *p, int64_t now_us,
			uint16_t *ret_src_port, uint16_t *ret_dst_port);

#endif
