/* Names of exporters and of their interfaces from the configuration and from SNMP: a data set, constant once loaded. Those of the
 * configuration count before those that exporters tell, which the decoder has learned and put into the flows already
 * (wire/names.h), and those of SNMP behind both. Any thread. */
#ifndef WEIR_ENRICH_LABELS_H
#define WEIR_ENRICH_LABELS_H

#include <stdint.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/block.h"

#define WEIR_LABELS_MAX	      (1U << 20)
#define WEIR_LABELS_WORDS_MAX (1U << 19) /* names that agents may add to a process's vocabulary, ever */

struct weir_labels_options {
	const char *const *exporter; /* "192.0.2.1=core" */
	unsigned exporters;
	const char *const *interface; /* "192.0.2.1/3=uplink" */
	unsigned interfaces;
	const char *file; /* what `weir snmp` was told (snmp/interfaces.h); NULL or "", or it is not there: nothing */
	uint64_t seed; /* random */
};

struct weir_labels;

/* -EINVAL: err says which line of the configuration is wrong. Lines of the file that are not understood are left out, and so are its names when
 * there is no room for more of them. *words_left: how many new ones there may be. */
int weir_labels_load(const struct weir_labels_options *options, struct weir_vocabulary *vocabulary, uint64_t *words_left,
		     struct weir_labels **ret_labels, struct weir_error *err) WEIR_MUST_CHECK;
void weir_labels_free(struct weir_labels *labels);

/* Fill exporter_name, in_if_name and out_if_name where there is a name to fill in, and add them to the set. */
void weir_labels_fill(const struct weir_labels *labels, struct weir_block *block, struct weir_column_set *filled);

#endif
