#include "spool/index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

int weir_spool_index_new(struct weir_spool_index **ret_index)
{
	*ret_index = calloc(1, sizeof(**ret_index));
	return *ret_index ? 0 : -ENOMEM;
}

void weir_spool_index_free(struct weir_spool_index *index)
{
	if (!index)
		return;
	for (unsigned i = 0; i < index->lanes; i++)
		free(index->lane[i].entry);
	free(index);
}

int weir_spool_each_name(int spool_fd, const char *name, int (*each)(void *ctx, const char *name), void *ctx)
{
	int fd = openat(spool_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!dir) {
		rc = errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	for (errno = 0; !rc && (e = readdir(dir)); errno = 0) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = each(ctx, e->d_name);
	}
	if (!rc)
		rc = -errno;
	(void)closedir(dir);
	return rc;
}

struct weir_spool_lane *weir_spool_index_lane(struct weir_spool_index *index, const char *name)
{
	for (unsigned i = 0; i < index->lanes; i++) {
		if (strcmp(index->lane[i].name, name) == 0)
			return &index->lane[i];
	}
	return NULL;
}

void weir_spool_entry_path(const struct weir_spool_lane *lane, const struct weir_spool_entry *entry,
			   char ret_path[static WEIR_SPOOL_PATH_MAX])
{
	char name[WEIR_SPOOL_NAME_MAX];

	weir_spool_segment_name(entry->number, entry->rows, name);
	(void)snprintf(ret_path, WEIR_SPOOL_PATH_MAX, "%s/%s", lane->name, name);
}

static int add_lane(void *ctx, const char *name)
{
	struct weir_spool_index *index = ctx;

	/* What is no folder turns out to have no names in it. */
	if (!weir_spool_is_name(name) || weir_spool_index_lane(index, name))
		return 0;
	if (index->lanes == WEIR_SPOOL_LANES_MAX)
		return -E2BIG;
	(void)snprintf(index->lane[index->lanes++].name, WEIR_SPOOL_LANE_MAX, "%s", name);
	return 0;
}

static int add_entry(void *ctx, const char *name)
{
	struct weir_spool_lane *lane = ctx;
	struct weir_spool_entry entry = {0};

	if (!weir_spool_segment_parse(name, &entry.number, &entry.rows))
		return 0;
	if (lane->entries == lane->cap) {
		size_t cap = lane->cap ? 2 * lane->cap : 64;
		struct weir_spool_entry *more = realloc(lane->entry, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		lane->entry = more;
		lane->cap = cap;
	}
	lane->entry[lane->entries++] = entry;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct weir_spool_entry *)a)->number;
	uint64_t y = ((const struct weir_spool_entry *)b)->number;

	return (x > y) - (x < y);
}

/* Sizes and times: from what was known, else from the file. An entry whose file is gone is left out. */
static int fill_entries(struct weir_spool_lane *lane, const struct weir_spool_lane *known, int spool_fd)
{
	size_t kept = 0, k = 0;

	for (size_t i = 0; i < lane->entries; i++) {
		struct weir_spool_entry *e = &lane->entry[i];
		char path[WEIR_SPOOL_PATH_MAX];
		struct stat st;

		while (k < known->entries && known->entry[k].number < e->number)
			k++;
		if (k < known->entries && known->entry[k].number == e->number && known->entry[k].rows == e->rows) {
			lane->entry[kept++] = known->entry[k];
			continue;
		}
		weir_spool_entry_path(lane, e, path);
		if (fstatat(spool_fd, path, &st, AT_SYMLINK_NOFOLLOW)) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		e->bytes = (uint64_t)st.st_size;
		e->written_ns = st.st_mtim.tv_sec * WEIR_NS_PER_S + st.st_mtim.tv_nsec;
		lane->entry[kept++] = *e;
	}
	lane->entries = kept;
	return 0;
}

static int refresh_lane(struct weir_spool_lane *lane, int spool_fd)
{
	struct weir_spool_lane fresh = {0};
	int rc;

	(void)snprintf(fresh.name, sizeof(fresh.name), "%s", lane->name);
	rc = weir_spool_each_name(spool_fd, lane->name, add_entry, &fresh);
	if (!rc && fresh.entries) {
		qsort(fresh.entry, fresh.entries, sizeof(*fresh.entry), by_number);
		rc = fill_entries(&fresh, lane, spool_fd);
	}
	if (rc) {
		free(fresh.entry);
		return rc;
	}
	free(lane->entry);
	*lane = fresh;
	return 0;
}

int weir_spool_index_refresh(struct weir_spool_index *index, const struct weir_spool_folder *folder,
			     struct weir_error *err)
{
	int rc = weir_spool_each_name(folder->fd, ".", add_lane, index);

	for (unsigned i = 0; !rc && i < index->lanes; i++)
		rc = refresh_lane(&index->lane[i], folder->fd);
	if (rc)
		return weir_error_set(err, rc, folder->dir, NULL, "the spool cannot be listed: %s", strerror(-rc));
	return 0;
}
