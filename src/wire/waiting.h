/* Data sets whose template has not come yet: exporters tell their templates only every so often, so after a start of
 * weir, or a lost message, data comes first (RFC 7011 §9). Such sets wait here, bounded in bytes, by exporter and
 * together, and in time, and are decoded when their template comes. Private to wire; one thread. */
#ifndef WEIR_WIRE_WAITING_H
#define WEIR_WIRE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/column.h"
#include "wire/copy.h"

struct weir_exporter;

#define WEIR_WAITING_BUCKETS 4096
#define WEIR_WAITING_SHARE   4 /* one exporter gets at most this part of the bytes */

struct weir_waiting_set {
	struct weir_waiting_set *older; /* of all */
	struct weir_waiting_set *newer;
	struct weir_waiting_set *next; /* in the bucket, newer ones behind older ones */
	struct weir_exporter *exporter;
	uint16_t template_id;
	uint32_t sequence;
	struct weir_times times;
	int64_t received_ms;
	int64_t clock_ms; /* of the datagram: by it the set's time runs out */
	uint32_t bytes; /* memory that it takes */
	uint32_t len;
	uint8_t data[]; /* the set without its header */
};

struct weir_waiting_bucket {
	struct weir_waiting_set *first;
	struct weir_waiting_set *last;
};

struct weir_waiting {
	struct weir_waiting_bucket *bucket; /* owned, like the sets */
	struct weir_waiting_set *oldest;
	struct weir_waiting_set *newest;
	uint64_t bytes;
	uint64_t bytes_max;
	int64_t wait_ms;
	uint64_t seed;
};

/* bytes_max 0: nothing waits. */
int weir_waiting_init(struct weir_waiting *w, uint64_t bytes_max, int64_t wait_ms, uint64_t seed) WEIR_MUST_CHECK;
void weir_waiting_done(struct weir_waiting *w);

/* Keep a copy of a set that has what the caller filled in but for the links. False when there is no room. */
bool weir_waiting_put(struct weir_waiting *w, const struct weir_waiting_set *set, const uint8_t *data) WEIR_MUST_CHECK;

/* The oldest set that waits for that template, taken out: the caller frees it. NULL when there is none. */
struct weir_waiting_set *weir_waiting_take(struct weir_waiting *w, const struct weir_exporter *exporter,
					   uint16_t template_id) WEIR_MUST_CHECK;

/* Drop all sets of an exporter; returns how many there were. */
uint32_t weir_waiting_drop_exporter(struct weir_waiting *w, const struct weir_exporter *exporter);

/* Drop the sets that came before that moment of clock_ms; returns how many there were. */
uint32_t weir_waiting_drop(struct weir_waiting *w, int64_t before_ms);

#endif
