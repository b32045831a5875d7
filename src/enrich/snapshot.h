/* Inner header of src/enrich: the data sets in force, how they are loaded, and who reads them. See enrich.h for the
 * promise. */
#ifndef WEIR_ENRICH_SNAPSHOT_H
#define WEIR_ENRICH_SNAPSHOT_H

#include <pthread.h>

#include "base/file.h"
#include "enrich/catalog.h"
#include "enrich/enrich.h"

enum weir_data_set { WEIR_SET_NETWORKS, WEIR_SET_SERVICES, WEIR_SET_GEO, WEIR_SET_THREATS, WEIR_SET_LABELS, WEIR_SETS };

/* Shared by the snapshots in which it is the same. */
struct weir_shared_set {
	unsigned snapshots;
	void *data;
};

struct weir_snapshot {
	struct weir_snapshot *next; /* of those that have gone out of force */
	unsigned workers;	    /* that read it */
	struct weir_shared_set *set[WEIR_SETS];
	bool has_threat_lists;
};

static inline const struct weir_networks *weir_snapshot_networks(const struct weir_snapshot *s)
{
	return s->set[WEIR_SET_NETWORKS]->data;
}

static inline const struct weir_catalog *weir_snapshot_catalog(const struct weir_snapshot *s)
{
	return s->set[WEIR_SET_SERVICES]->data;
}

static inline const struct weir_geo *weir_snapshot_geo(const struct weir_snapshot *s)
{
	return s->set[WEIR_SET_GEO]->data;
}

static inline const struct weir_threats *weir_snapshot_threats(const struct weir_snapshot *s)
{
	return s->set[WEIR_SET_THREATS]->data;
}

static inline const struct weir_labels *weir_snapshot_labels(const struct weir_snapshot *s)
{
	return s->set[WEIR_SET_LABELS]->data;
}

struct weir_enrich_file {
	const char *path; /* owned */
	enum weir_data_set set;
	struct weir_file_stamp stamp; /* when it was read */
};

enum { WEIR_INBOUND, WEIR_OUTBOUND, WEIR_INTERNAL, WEIR_EXTERNAL, WEIR_DIRECTIONS };

struct weir_enrich {
	struct weir_vocabulary *vocabulary; /* borrowed */
	struct weir_enrich_options options; /* all it points to is owned */
	uint64_t *label_words;		    /* that agents may add; owned, the loader's */
	uint32_t direction[WEIR_DIRECTIONS]; /* names */
	struct weir_enrich_file *file;
	unsigned files;

	pthread_mutex_t lock;
	struct weir_snapshot *current;
	struct weir_snapshot *retired;
	struct weir_enrich_stats stats;
};

struct weir_snapshot *weir_snapshot_hold(struct weir_enrich *enrich);
void weir_snapshot_release(struct weir_enrich *enrich, struct weir_snapshot *snapshot);

#endif
