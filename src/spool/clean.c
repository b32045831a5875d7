/* Retention. First goes what every consumer has committed; a spool without a consumer keeps everything. Then, while the
 * spool is larger than bytes_max, the oldest segment of any lane, counted where some consumer had not read it. Damaged
 * segments have a share of the limit of their own, for nobody reads them: a quarter, the oldest go first.
 *
 * The newest segment of each lane stays: it holds the lane's number (writer.c). So the spool may pass bytes_max by a
 * segment a lane. Several writers may clean at once; whoever removes a segment counts it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/position.h"
#include "spool/writer.h"

#define DAMAGED_SHARE 4

struct least {
	struct weir_spool_writer *writer;
	struct weir_spool_position *of_one; /* work space */
	struct weir_error *err;
	unsigned consumers[WEIR_SPOOL_LANES_MAX]; /* by place in the index */
	uint64_t number[WEIR_SPOOL_LANES_MAX]; /* 0 without a consumer */
};

static int take_least(void *ctx, const char *consumer)
{
	struct least *least = ctx;
	const struct weir_spool_index *index = least->writer->index;
	int rc = weir_spool_position_load(&least->writer->folder, consumer, least->of_one, least->err);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (unsigned i = 0; i < index->lanes; i++) {
		const char *lane = index->lane[i].name;
		uint64_t number = weir_spool_position_get(least->of_one, lane);

		if (!weir_spool_consumes(consumer, lane))
			continue;
		if (!least->consumers[i]++ || number < least->number[i])
			least->number[i] = number;
	}
	return 0;
}

/* 1: removed; 0: it was gone. */
static int remove_entry(struct weir_spool_writer *w, const struct weir_spool_lane *lane,
			const struct weir_spool_entry *entry, struct weir_error *err)
{
	char path[WEIR_SPOOL_PATH_MAX];

	weir_spool_entry_path(lane, entry, path);
	if (unlinkat(w->folder.fd, path, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return weir_error_set(err, -errno, w->folder.dir, NULL, "the segment %s cannot be removed: %s", path,
			      strerror(errno));
}

static int remove_committed(struct weir_spool_writer *w, const struct least *least, struct weir_error *err)
{
	for (unsigned i = 0; i < w->index->lanes; i++) {
		struct weir_spool_lane *lane = &w->index->lane[i];

		while (lane->first + 1 < lane->entries && lane->entry[lane->first].number <= least->number[i]) {
			int rc = remove_entry(w, lane, &lane->entry[lane->first++], err);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static uint64_t sum_bytes(const struct weir_spool_index *index)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < index->lanes; i++) {
		for (size_t k = index->lane[i].first; k < index->lane[i].entries; k++)
			sum += index->lane[i].entry[k].bytes;
	}
	return sum;
}

static struct weir_spool_lane *oldest_lane(struct weir_spool_index *index)
{
	struct weir_spool_lane *oldest = NULL;

	for (unsigned i = 0; i < index->lanes; i++) {
		struct weir_spool_lane *lane = &index->lane[i];

		if (lane->first + 1 < lane->entries &&
		    (!oldest || lane->entry[lane->first].written_ns < oldest->entry[oldest->first].written_ns))
			oldest = lane;
	}
	return oldest;
}

static int remove_oldest(struct weir_spool_writer *w, struct weir_error *err)
{
	uint64_t bytes = sum_bytes(w->index);
	struct weir_spool_lane *lane;

	while (bytes > w->bytes_max && (lane = oldest_lane(w->index))) {
		const struct weir_spool_entry *entry = &lane->entry[lane->first++];
		int rc = remove_entry(w, lane, entry, err);

		if (rc < 0)
			return rc;
		bytes -= entry->bytes;
		if (rc) {
			w->stats.dropped_segments++;
			w->stats.dropped_rows += entry->rows;
		}
	}
	return 0;
}

struct damaged {
	const struct weir_spool_folder *folder;
	uint64_t bytes;
	int64_t oldest_ns;
	char oldest[256];
};

static int add_damaged(void *ctx, const char *name)
{
	struct damaged *d = ctx;
	char path[sizeof(WEIR_SPOOL_DAMAGED) + 256];
	struct stat st;
	int64_t written_ns;

	(void)snprintf(path, sizeof(path), WEIR_SPOOL_DAMAGED "/%s", name);
	if (fstatat(d->folder->fd, path, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	written_ns = st.st_mtim.tv_sec * WEIR_NS_PER_S + st.st_mtim.tv_nsec;
	d->bytes += (uint64_t)st.st_size;
	if (!*d->oldest || written_ns < d->oldest_ns) {
		d->oldest_ns = written_ns;
		(void)snprintf(d->oldest, sizeof(d->oldest), "%s", name);
	}
	return 0;
}

/* One a call is enough: there is seldom one at all. */
static int bound_damaged(struct weir_spool_writer *w, struct weir_error *err)
{
	struct damaged d = {.folder = &w->folder};
	char path[sizeof(WEIR_SPOOL_DAMAGED) + 256];
	int rc = weir_spool_each_name(w->folder.fd, WEIR_SPOOL_DAMAGED, add_damaged, &d);

	if (!rc && d.bytes > w->bytes_max / DAMAGED_SHARE) {
		(void)snprintf(path, sizeof(path), WEIR_SPOOL_DAMAGED "/%s", d.oldest);
		if (unlinkat(w->folder.fd, path, 0) && errno != ENOENT)
			rc = -errno;
	}
	if (rc)
		return weir_error_set(err, rc, w->folder.dir, NULL, "damaged segments cannot be removed: %s",
				      strerror(-rc));
	return 0;
}

int weir_spool_clean(struct weir_spool_writer *writer, struct weir_error *err)
{
	struct least least = {.writer = writer, .err = err, .of_one = malloc(sizeof(*least.of_one))};
	int trouble = least.of_one ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	int rc = weir_spool_index_refresh(writer->index, &writer->folder, err);

	if (rc) {
		free(least.of_one);
		return rc;
	}
	/* Trouble with a position keeps what is committed, but not from the limit. */
	if (!trouble)
		trouble = weir_spool_each_consumer(&writer->folder, take_least, &least);
	if (!trouble)
		trouble = remove_committed(writer, &least, err);
	free(least.of_one);
	rc = remove_oldest(writer, trouble ? NULL : err);
	if (!rc)
		rc = bound_damaged(writer, trouble ? NULL : err);
	return trouble ? trouble : rc;
}
