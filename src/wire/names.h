/* Names that an exporter told in options records or counters, for flows that have the number only: of applications (RFC 6759 §6;
 * Cisco's application table), interfaces and VRFs, and of itself. They are an observation domain's, as all that options records tell is
 * (RFC 7011 §3.4.2). Nobody else learns names from what exporters send. Bounded; private to wire. */
#ifndef WEIR_WIRE_NAMES_H
#define WEIR_WIRE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_NAMES_MAX 8192 /* of one exporter and kind */
#define WEIR_NAME_MAX  59

enum weir_name_kind {
	WEIR_NAME_APPLICATION,
	WEIR_NAME_INTERFACE,
	WEIR_NAME_VRF,
	WEIR_NAMES_SAVED, /* those before it are in a saved state */
	WEIR_NAME_EXPORTER = WEIR_NAMES_SAVED, /* id 0: its own, which sFlow agents tell every few seconds */
	WEIR_NAME_KINDS
};

/* Which of two names stands: the higher, and of equal ones what came last. */
enum weir_name_rank { WEIR_NAME_SAVED, WEIR_NAME_DESCRIPTION, WEIR_NAME_PROPER };

struct weir_name {
	uint64_t id;   /* as in the column application_id, in_if, in_vrf */
	uint32_t word; /* of the vocabulary, once a flow has needed it; 0: not yet */
	uint8_t rank;
	uint8_t len;
	char text[WEIR_NAME_MAX];
};

struct weir_names {
	struct weir_name *entry; /* owned, sorted by id */
	uint32_t count;
	uint32_t cap;
	bool changed; /* whoever looks at it clears it */
};

void weir_names_done(struct weir_names *names);
uint64_t weir_names_bytes(const struct weir_names *names);

/* Remember, where no name of a higher rank is known; longer names are cut. The memory that it takes is subtracted from *bytes_left. False when there are too many,
 * or no memory. */
bool weir_names_set(struct weir_names *names, uint64_t id, enum weir_name_rank rank, const char *text, size_t len,
		    uint64_t *bytes_left) WEIR_MUST_CHECK;
/* NULL when none was told. Only its word may be changed. */
struct weir_name *weir_names_find(const struct weir_names *names, uint64_t id);

#endif
