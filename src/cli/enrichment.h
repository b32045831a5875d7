/* Enrichment and policy as a process has them: the data sets and rules that the configuration names, with the vocabulary of their names. */
#ifndef WEIR_CLI_ENRICHMENT_H
#define WEIR_CLI_ENRICHMENT_H

#include <limits.h>

#include "base/metrics.h"
#include "cli/role.h"
#include "enrich/enrich.h"
#include "policy/guard.h"

#define WEIR_ENRICHMENT_FOLDERS_MAX 16 /* of the sandbox */

struct weir_enrichment {
	struct weir_vocabulary *vocabulary;
	struct weir_enrich *enrich;
	struct weir_guard *guard;
	struct weir_config config; /* what is in force, where it is no more what the role began with; owned */
	bool reconfigured;
	char folder[WEIR_ENRICHMENT_FOLDERS_MAX][PATH_MAX / 4]; /* of files that may be read again */
};

/* run_dir: DATA/run, where `weir snmp` keeps the names that it was told; NULL: without those. The files are read; a mistake in one is err. lenient: a threat list that cannot be read is left out, for lists come from others and
 * must not keep a collector from starting; weir_enrichment_tell() logs that. */
int weir_enrichment_open(const struct weir_config *config, const char *run_dir, bool lenient, struct weir_enrichment *ret_enrichment,
			 struct weir_error *err) WEIR_MUST_CHECK;
void weir_enrichment_tell(const struct weir_role *role, struct weir_enrichment *enrichment);
void weir_enrichment_done(struct weir_enrichment *enrichment);

/* What the sandbox must let a process read, so that it sees new files: their folders, for a new file there is another file to
 * the sandbox. Returns how many were put into paths. */
unsigned weir_enrichment_paths(struct weir_enrichment *enrichment, struct weir_sandbox_path *paths, unsigned room);

/* Read again what has changed, and say so. */
void weir_enrichment_refresh(const struct weir_role *role, struct weir_enrichment *enrichment);

/* Another configuration from now on, all of it or nothing; told in the log. True: it is taken over, and config with it; false: it has a mistake, what
 * was in force stays so, and config is still the caller's. */
bool weir_enrichment_configure(const struct weir_role *role, struct weir_enrichment *enrichment, struct weir_config *config);

/* Figures for Prometheus and `weir status`. */
int weir_enrichment_metrics(struct weir_enrichment *enrichment, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
