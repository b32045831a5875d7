/* What lies in the spool: the finished segments of every lane, by number, read from the folders. It is kept between
 * looks, so that a long backlog is not asked for its sizes again and again. Private to the module; one thread. */
#ifndef WEIR_SPOOL_INDEX_H
#define WEIR_SPOOL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "spool/folder.h"

#define WEIR_SPOOL_LANES_MAX 256

struct weir_spool_entry {
	uint64_t number;
	uint64_t rows;
	uint64_t bytes;
	int64_t written_ns; /* wall clock */
};

struct weir_spool_lane {
	char name[WEIR_SPOOL_LANE_MAX];
	struct weir_spool_entry *entry; /* owned; ascending */
	size_t entries;
	size_t cap;
	size_t first; /* those before it are done with */
};

struct weir_spool_index {
	struct weir_spool_lane lane[WEIR_SPOOL_LANES_MAX]; /* a lane keeps its place */
	unsigned lanes;
};

int weir_spool_index_new(struct weir_spool_index **ret_index) WEIR_MUST_CHECK;
void weir_spool_index_free(struct weir_spool_index *index);

/* Look again. first is 0 in every lane afterwards. */
int weir_spool_index_refresh(struct weir_spool_index *index, const struct weir_spool_folder *folder,
			     struct weir_error *err) WEIR_MUST_CHECK;
struct weir_spool_lane *weir_spool_index_lane(struct weir_spool_index *index, const char *name);

/* "<lane>/<segment's name>", relative to the spool's folder. */
#define WEIR_SPOOL_PATH_MAX (WEIR_SPOOL_LANE_MAX + WEIR_SPOOL_NAME_MAX)
void weir_spool_entry_path(const struct weir_spool_lane *lane, const struct weir_spool_entry *entry,
			   char ret_path[static WEIR_SPOOL_PATH_MAX]);

/* Call back for every name in a folder inside the spool but "." and ".."; a folder that is missing has none. */
int weir_spool_each_name(int spool_fd, const char *name, int (*each)(void *ctx, const char *name), void *ctx)
	WEIR_MUST_CHECK;

#endif
