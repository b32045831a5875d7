/* Writing a lane.
 *
 * A segment grows under a name that begins with "tmp-" and gets its name when it is finished: the file is synced, then
 * renamed, then the folder is synced. A number is used up by the rename only, so numbers have no gaps, whatever fails.
 *
 * When a write fails, what it left is cut off and the segment is finished with the blocks before; only the failed
 * block's rows are lost. When the sync fails, nobody knows what is on the disk (Linux forgets the pages that could not
 * be written), so the whole segment is given up and its rows are lost. Either way the next append starts a new segment;
 * on a full disk that fails again, until there is room.
 *
 * The number to go on with. It must never be one that was used before, for the store would take the new segment for the
 * old. So the newest segment of a lane stays in its folder when all others go (clean.c), or it is in the folder
 * for damaged ones, or, when that was emptied, some consumer has come behind it. */
#include "spool/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/native.h"
#include "spool/pack.h"
#include "spool/position.h"

#define OPEN_NAME     WEIR_SPOOL_TMP "segment"
#define SEGMENT_MODE  0640
#define NEXT_MAKE_ROOM "make room on the disk; the spool goes on by itself then"

static int remove_abandoned(void *ctx, const char *name)
{
	struct weir_spool_writer *w = ctx;

	if (strncmp(name, WEIR_SPOOL_TMP, strlen(WEIR_SPOOL_TMP)) != 0)
		return 0;
	if (unlinkat(w->lane_fd, name, 0))
		return -errno;
	w->stats.abandoned_segments++;
	return 0;
}

static void pass(struct weir_spool_writer *w, uint64_t number)
{
	if (number >= w->number)
		w->number = number + 1;
}

static int pass_damaged(void *ctx, const char *name)
{
	struct weir_spool_writer *w = ctx;
	size_t len = strlen(w->lane);
	uint64_t number, rows;

	if (strncmp(name, w->lane, len) == 0 && name[len] == '-' &&
	    weir_spool_segment_parse(name + len + 1, &number, &rows))
		pass(w, number);
	return 0;
}

static int pass_consumer(void *ctx, const char *consumer)
{
	struct weir_spool_writer *w = ctx;
	struct weir_spool_position *position = calloc(1, sizeof(*position));

	if (!position)
		return -ENOMEM;
	/* One that cannot be read is for its consumer to complain about. */
	if (weir_spool_position_load(&w->folder, consumer, position, NULL) == 0)
		pass(w, weir_spool_position_get(position, w->lane));
	free(position);
	return 0;
}

static int find_number(struct weir_spool_writer *w, struct weir_error *err)
{
	const struct weir_spool_lane *lane;
	int rc = weir_spool_index_refresh(w->index, &w->folder, err);

	if (rc)
		return rc;
	w->number = 1;
	lane = weir_spool_index_lane(w->index, w->lane);
	if (lane && lane->entries)
		pass(w, lane->entry[lane->entries - 1].number);
	rc = weir_spool_each_name(w->folder.fd, WEIR_SPOOL_DAMAGED, pass_damaged, w);
	if (!rc)
		rc = weir_spool_each_consumer(&w->folder, pass_consumer, w);
	if (rc)
		return weir_error_set(err, rc, w->folder.dir, NULL, "the spool cannot be listed: %s", strerror(-rc));
	return 0;
}

static int enter_lane(struct weir_spool_writer *w, struct weir_error *err)
{
	int rc;

	w->lane_fd = weir_spool_folder_enter(&w->folder, w->lane, err);
	if (w->lane_fd < 0)
		return w->lane_fd;
	if (flock(w->lane_fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		return weir_error_set(err, rc, w->folder.dir, rc == -EWOULDBLOCK ? "stop it first" : NULL,
				      rc == -EWOULDBLOCK ? "another process writes the spool's lane \"%s\""
							 : "the spool's lane \"%s\" cannot be locked",
				      w->lane);
	}
	rc = weir_spool_each_name(w->folder.fd, w->lane, remove_abandoned, w);
	if (rc)
		return weir_error_set(err, rc, w->folder.dir, NULL,
				      "the unfinished segment of lane \"%s\" cannot be removed: %s", w->lane,
				      strerror(-rc));
	return 0;
}

int weir_spool_writer_open(const struct weir_spool_options *options, struct weir_spool_writer **ret_writer,
			   struct weir_error *err)
{
	struct weir_spool_writer *w;
	int rc;

	if (!weir_spool_is_name(options->lane) || !options->segment_bytes_max || !options->segment_rows_max ||
	    !options->bytes_max)
		return weir_error_set(err, -EINVAL, options->lane, NULL, "the spool's lane or its limits are wrong");
	w = calloc(1, sizeof(*w));
	if (!w)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	(void)snprintf(w->lane, sizeof(w->lane), "%s", options->lane);
	w->segment_bytes_max = options->segment_bytes_max;
	w->segment_rows_max = options->segment_rows_max;
	w->bytes_max = options->bytes_max;
	w->folder.fd = w->lane_fd = w->fd = -1;
	rc = weir_spool_index_new(&w->index);
	if (!rc)
		rc = weir_spool_packer_new(&w->packer);
	if (rc)
		weir_error_set(err, rc, NULL, NULL, "out of memory");
	if (!rc)
		rc = weir_spool_folder_open(options->dir, &w->folder, err);
	if (!rc)
		rc = enter_lane(w, err);
	if (!rc)
		rc = find_number(w, err);
	if (rc) {
		weir_spool_writer_close(w);
		return rc;
	}
	*ret_writer = w;
	return 0;
}

void weir_spool_writer_close(struct weir_spool_writer *writer)
{
	int rc;

	if (!writer)
		return;
	rc = weir_spool_sync(writer, NULL);
	(void)rc; /* nobody is left to be told */
	if (writer->lane_fd >= 0)
		(void)close(writer->lane_fd);
	weir_spool_folder_done(&writer->folder);
	weir_spool_index_free(writer->index);
	weir_buffer_done(&writer->native);
	weir_spool_packer_free(writer->packer);
	weir_buffer_done(&writer->frame);
	free(writer);
}

static int fail(struct weir_spool_writer *w, int rc, uint64_t rows, const char *what, struct weir_error *err)
{
	bool full = rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG;

	w->stats.write_errors++;
	w->stats.lost_rows += rows;
	return weir_error_set(err, rc, w->folder.dir, full ? NEXT_MAKE_ROOM : NULL, "%s: %s", what, strerror(-rc));
}

/* Forget the open segment; its rows are lost. */
static void give_up(struct weir_spool_writer *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	(void)unlinkat(w->lane_fd, OPEN_NAME, 0);
	w->fd = -1;
	w->rows = w->bytes = 0;
}

static int open_segment(struct weir_spool_writer *w)
{
	if (w->fd >= 0)
		return 0;
	w->fd = openat(w->lane_fd, OPEN_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, SEGMENT_MODE);
	w->rows = w->bytes = 0;
	return w->fd < 0 ? -errno : 0;
}

int weir_spool_sync(struct weir_spool_writer *writer, struct weir_error *err)
{
	struct weir_spool_writer *w = writer;
	char name[WEIR_SPOOL_NAME_MAX];
	uint64_t rows = w->rows;
	int rc = 0;

	if (w->fd < 0 || !rows) {
		if (w->fd >= 0)
			give_up(w);
		return 0;
	}
	weir_spool_segment_name(w->number, rows, name);
	if (fsync(w->fd) || renameat(w->lane_fd, OPEN_NAME, w->lane_fd, name)) {
		rc = -errno;
		give_up(w);
		return fail(w, rc, rows, "a segment of the spool cannot be finished", err);
	}
	w->stats.segments++;
	w->stats.rows += rows;
	w->stats.bytes += w->bytes;
	w->number++;
	(void)close(w->fd);
	w->fd = -1;
	w->rows = w->bytes = 0;
	/* The segment is there, if perhaps not after a loss of power. */
	if (fsync(w->lane_fd))
		return fail(w, -errno, 0, "the spool's folder cannot be synced", err);
	return 0;
}

/* The file up to the last whole frame stays. */
static int cut_back(struct weir_spool_writer *w)
{
	return ftruncate(w->fd, (off_t)w->bytes) || lseek(w->fd, (off_t)w->bytes, SEEK_SET) < 0 ? -errno : 0;
}

static int write_frame(struct weir_spool_writer *w, uint64_t rows, struct weir_error *err)
{
	int rc = open_segment(w);
	int second;

	if (rc)
		return fail(w, rc, rows, "a segment of the spool cannot be made", err);
	rc = weir_spool_write_all(w->fd, w->frame.data, w->frame.len);
	if (!rc) {
		w->bytes += w->frame.len;
		w->rows += rows;
		return 0;
	}
	rc = fail(w, rc, rows, "the spool cannot be written", err);
	if (cut_back(w)) {
		w->stats.lost_rows += w->rows;
		give_up(w);
		return rc;
	}
	second = weir_spool_sync(w, NULL);
	(void)second; /* counted there, but the first failure is the cause */
	return rc;
}

static int append_frame(struct weir_spool_writer *w, uint64_t rows, struct weir_error *err)
{
	int rc = write_frame(w, rows, err);

	if (!rc && (w->bytes >= w->segment_bytes_max || w->rows >= w->segment_rows_max))
		rc = weir_spool_sync(w, err);
	return rc;
}

int weir_spool_append(struct weir_spool_writer *writer, const struct weir_block *block, struct weir_error *err)
{
	struct weir_spool_writer *w = writer;
	int rc;

	if (!block->rows)
		return 0;
	weir_buffer_reset(&w->native);
	rc = weir_native_write(block, &block->used, false, &w->native, &w->layout);
	if (!rc)
		rc = weir_spool_pack(w->packer, &w->native, &w->layout, &w->frame);
	if (rc)
		return fail(w, rc, block->rows, "a block cannot be packed", err);
	return append_frame(w, block->rows, err);
}

int weir_spool_append_native(struct weir_spool_writer *writer, const struct weir_buffer *native, uint64_t rows,
			     struct weir_error *err)
{
	struct weir_spool_writer *w = writer;
	const struct weir_native_layout whole = {.columns = 1, .column = {{.id = WEIR_COLUMN_NONE, .end = native->len}}};
	int rc;

	if (!rows)
		return 0;
	rc = weir_spool_pack(w->packer, native, &whole, &w->frame);
	if (rc)
		return fail(w, rc, rows, "a block cannot be packed", err);
	return append_frame(w, rows, err);
}

const struct weir_spool_stats *weir_spool_writer_stats(const struct weir_spool_writer *writer)
{
	return &writer->stats;
}
