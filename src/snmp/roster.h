/* The exporters that are asked: when the next time is, and what came of the last. A first question comes within a tenth of the interval,
 * ten seconds at most; later ones an interval after the last, a tenth more or less, so that they spread out. One that
 * does not answer is asked less often, down to every fourth interval.
 *
 * What one told last stays until it tells otherwise, whatever goes wrong meanwhile, or until the exporter is forgotten. Bounded. Pure; one
 * thread. */
#ifndef WEIR_SNMP_ROSTER_H
#define WEIR_SNMP_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/addr.h"
#include "snmp/interfaces.h"
#include "snmp/outcome.h"

#define WEIR_SNMP_EXPORTERS_MAX	 65536
#define WEIR_SNMP_TOLD_BYTES_MAX (64U << 20) /* of all exporters' lines */

struct weir_snmp_exporter {
	struct weir_addr addr;
	int64_t due_ms;
	int64_t seen_ms;
	int64_t told_ms; /* when its lines were last put on record (by whoever does that); 0: not yet */
	bool busy;
	bool asked; /* once at least */
	bool cut;   /* it has more interfaces than are taken */
	unsigned failures; /* in a row */
	enum weir_snmp_outcome outcome;
	uint32_t interfaces;
	struct weir_buffer lines; /* what it told last, as in the file (interfaces.h) */
};

struct weir_snmp_roster {
	int64_t interval_ms;
	uint64_t seed;
	struct weir_snmp_exporter *exporter; /* owned, in order of address */
	uint32_t count;
	uint32_t cap;
	uint64_t refused;    /* exporters for which there was no room */
	uint64_t told_bytes; /* of all lines */
};

/* Times are of a clock that nobody sets. seed: random. */
void weir_snmp_roster_init(struct weir_snmp_roster *roster, int64_t interval_ms, uint64_t seed);
void weir_snmp_roster_done(struct weir_snmp_roster *roster);

/* The exporter may be asked, and still exists. */
void weir_snmp_roster_see(struct weir_snmp_roster *roster, const struct weir_addr *addr, int64_t now_ms);
/* Remove those that have not been seen since. How many were. */
uint32_t weir_snmp_roster_forget(struct weir_snmp_roster *roster, int64_t before_ms);
struct weir_snmp_exporter *weir_snmp_roster_find(const struct weir_snmp_roster *roster, const struct weir_addr *addr);

/* One whose time has come; it is busy from now on. NULL: none. */
struct weir_snmp_exporter *weir_snmp_roster_next(struct weir_snmp_roster *roster, int64_t now_ms);
/* It was asked. True: it told something else than before. */
bool weir_snmp_roster_take(struct weir_snmp_roster *roster, struct weir_snmp_exporter *exporter, enum weir_snmp_outcome outcome,
			   const struct weir_snmp_interfaces *interfaces, int64_t now_ms);
/* All are due at once. */
void weir_snmp_roster_hurry(struct weir_snmp_roster *roster, int64_t now_ms);

/* The file: its first line, and what all told. */
int weir_snmp_roster_write(const struct weir_snmp_roster *roster, struct weir_buffer *out) WEIR_MUST_CHECK;
/* Take over what such a file says of the exporters that are there, so that a restart forgets no name. What is not understood is left
 * out. */
void weir_snmp_roster_read(struct weir_snmp_roster *roster, const char *text, size_t len);

#endif
