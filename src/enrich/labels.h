/* Names of exporters and of their interfaces: those of the configuration, and those that exporters tell in options records
 * (interfaceName, interfaceDescription; sFlow agents their host's name). The configuration counts, then a name, then a
 * description.
 *
 * Peers fill it, so it is bounded: so many labels of one exporter, of all, and so many names altogether, also of those that are
 * told and told otherwise. What is over that is counted and has no name. Each worker has its own, for the kernel brings
 * what an exporter tells, and its flows, to one worker. One thread at a time. */
#ifndef WEIR_ENRICH_LABELS_H
#define WEIR_ENRICH_LABELS_H

#include <stdint.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/block.h"
#include "flow/record.h"

#define WEIR_LABELS_MAX		 65536
#define WEIR_LABELS_OF_ONE_MAX	 4096 /* interfaces of an exporter */
#define WEIR_LABELS_NAMES_MAX	 131072 /* names that peers told, of one worker, ever */
#define WEIR_LABEL_TOLD_MAX	 80	/* bytes of a name that a peer tells; more is cut */

/* Of the configuration: "192.0.2.1=core", "192.0.2.1/3=uplink". */
struct weir_labels_options {
	const char *const *exporter;
	unsigned exporters;
	const char *const *interface;
	unsigned interfaces;
};

struct weir_labels;

/* seed: random. -EINVAL: err says which line of the configuration is wrong. */
int weir_labels_new(const struct weir_labels_options *options, struct weir_vocabulary *vocabulary, uint64_t seed,
		    struct weir_labels **ret_labels, struct weir_error *err) WEIR_MUST_CHECK;
void weir_labels_free(struct weir_labels *labels);

/* What an exporter tells of itself; most of it is of no interest here. */
void weir_labels_learn(struct weir_labels *labels, const struct weir_record *record);

/* Fill exporter_name, in_if_name and out_if_name, where there is any name to fill in, and add them to the set. */
void weir_labels_fill(struct weir_labels *labels, struct weir_block *block, struct weir_column_set *filled);

uint64_t weir_labels_refused(const struct weir_labels *labels);

#endif
