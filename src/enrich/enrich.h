/* What addresses and ports mean: fills the columns that no exporter sends (flow/columns.inc, the last section).
 *
 *   struct weir_enrich         the data sets in force, shared by all
 *   struct weir_enrich_worker  what one thread has learned, and its scratch space
 *
 * Data sets are snapshots: loaded whole, then constant. A reload makes a new one and puts it in the place of the old, which
 * is freed when no worker reads it any more; where a file has a mistake, what was there stays in force. A block is
 * enriched by one snapshot from its first row to its last.
 *
 * Columns that nothing is known for (no network has a zone, say) are not filled and not stored. */
#ifndef WEIR_ENRICH_ENRICH_H
#define WEIR_ENRICH_ENRICH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "enrich/geo.h"
#include "enrich/labels.h"
#include "enrich/networks.h"
#include "enrich/threats.h"
#include "flow/block.h"

struct weir_enrich_options {
	struct weir_networks_options networks;
	const char *services_file; /* "": the program's own services only */
	struct weir_geo_options geo;
	struct weir_labels_options labels;
	struct weir_threats_options threats; /* lenient: at the start; later a broken list leaves the old ones in force */
};

struct weir_enrich;
struct weir_enrich_worker;

/* Everything in options is copied; the vocabulary is borrowed and must live longer. The first mistake in a file is err. */
int weir_enrich_new(const struct weir_enrich_options *options, struct weir_vocabulary *vocabulary,
		    struct weir_enrich **ret_enrich, struct weir_error *err) WEIR_MUST_CHECK;
/* After all its workers. */
void weir_enrich_free(struct weir_enrich *enrich);

/* Load again what has changed on the disk, or everything. 1: there is something new in force; 0: nothing has changed; else a
 * mistake, told once for each state of the files, and the old is in force. One thread at a time, beside the workers'. */
int weir_enrich_reload(struct weir_enrich *enrich, bool everything, struct weir_error *err) WEIR_MUST_CHECK;

/* Other options from now on: everything is loaded by them. A mistake is err, and the old ones stay in force. The same thread as reload. */
int weir_enrich_configure(struct weir_enrich *enrich, const struct weir_enrich_options *options, struct weir_error *err) WEIR_MUST_CHECK;

struct weir_vocabulary *weir_enrich_vocabulary(const struct weir_enrich *enrich);

/* The files that are read, in turn: NULL behind the last. For whoever must allow them to be read. */
const char *weir_enrich_file(const struct weir_enrich *enrich, unsigned index);

/* seed: random. */
int weir_enrich_worker_new(struct weir_enrich *enrich, uint64_t seed, struct weir_enrich_worker **ret_worker) WEIR_MUST_CHECK;
void weir_enrich_worker_free(struct weir_enrich_worker *worker);

/* What is known of each row beside its columns, until the worker's next block, or rest. */
struct weir_enrich_rows {
	const struct weir_networks *networks;
	const uint32_t *src_network; /* numbers of networks; 0: none */
	const uint32_t *dst_network;
};

/* Fill the columns of all rows, mark them, and give the block its vocabulary. The block must not have been enriched before.
 * ret_rows may be NULL. */
void weir_enrich_block(struct weir_enrich_worker *worker, struct weir_block *block, struct weir_enrich_rows *ret_rows);

/* The worker has nothing to do for now: it lets go of its snapshot. */
void weir_enrich_rest(struct weir_enrich_worker *worker);

/* What was left out at the start, since it could not be read; false: nothing. */
bool weir_enrich_problem(struct weir_enrich *enrich, struct weir_error *ret_err);

/* Has any network this role? One thread with reload. */
bool weir_enrich_has_role(struct weir_enrich *enrich, const char *role);

/* Look through the networks in force; see weir_networks_check(). */
void weir_enrich_check(struct weir_enrich *enrich, weir_networks_tell *tell, void *ctx);

struct weir_enrich_stats {
	uint64_t networks, services, geo_prefixes, threats;
	uint64_t threats_unread; /* lines of lists */
	uint64_t names, names_refused; /* of the vocabulary */
	uint64_t reloads, reloads_failed;
	int64_t loaded_ms; /* when what is in force was loaded */
};

void weir_enrich_stats(struct weir_enrich *enrich, struct weir_enrich_stats *ret_stats);

#endif
