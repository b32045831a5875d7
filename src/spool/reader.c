/* Reading all lanes as one consumer.
 *
 * The index says what is there; it is looked at again when it has nothing left, and after so many segments, so that a
 * lane with a long backlog does not keep the others waiting. A segment is verified once, when it is handed out first.
 *
 * Gaps. Numbers have none when they are written, so a number that is not there was removed unread, or set aside for
 * another consumer: counted as missing when the position passes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/frame.h"
#include "spool/index.h"
#include "spool/position.h"
#include "spool/spool.h"

#define REFRESH_EVERY 64

struct weir_spool_reader {
	struct weir_spool_folder folder;
	char consumer[WEIR_SPOOL_LANE_MAX];
	int position_fd; /* the folder of positions */
	int lock_fd;
	struct weir_spool_index *index;
	struct weir_spool_position position;
	unsigned turn;	      /* the lane in the index that is next */
	unsigned since_refresh;
	bool handed_out;
	struct weir_spool_segment current;
	struct weir_buffer work;
	uint64_t damaged_segments;
	uint64_t missing_segments;
};

/* A new consumer begins with what is there; what was removed before is not missing to it. */
static int begin_position(struct weir_spool_reader *r, struct weir_error *err)
{
	for (unsigned i = 0; i < r->index->lanes; i++) {
		const struct weir_spool_lane *lane = &r->index->lane[i];
		int rc = weir_spool_position_set(&r->position, lane->name, lane->entries ? lane->entry[0].number - 1 : 0);

		if (rc)
			return weir_error_set(err, rc, r->folder.dir, NULL, "the spool has too many lanes");
	}
	return weir_spool_position_save(&r->folder, r->position_fd, r->consumer, &r->position, err);
}

static int lock_consumer(struct weir_spool_reader *r, struct weir_error *err)
{
	char name[WEIR_SPOOL_LANE_MAX + 8];
	int rc;

	(void)snprintf(name, sizeof(name), ".lock-%s", r->consumer);
	r->lock_fd = openat(r->position_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (r->lock_fd >= 0 && flock(r->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	rc = -errno;
	return weir_error_set(err, rc, r->folder.dir, rc == -EWOULDBLOCK ? "stop it first" : NULL,
			      rc == -EWOULDBLOCK ? "another process reads the spool as \"%s\""
						 : "the spool's consumer \"%s\" cannot be locked",
			      r->consumer);
}

static int open_all(struct weir_spool_reader *r, const char *dir, struct weir_error *err)
{
	int rc = weir_spool_index_new(&r->index);

	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	rc = weir_spool_folder_open(dir, &r->folder, err);
	if (rc)
		return rc;
	r->position_fd = weir_spool_folder_enter(&r->folder, WEIR_SPOOL_POSITION, err);
	if (r->position_fd < 0)
		return r->position_fd;
	rc = lock_consumer(r, err);
	if (!rc)
		rc = weir_spool_index_refresh(r->index, &r->folder, err);
	if (rc)
		return rc;
	rc = weir_spool_position_load(&r->folder, r->consumer, &r->position, err);
	return rc == -ENOENT ? begin_position(r, err) : rc;
}

int weir_spool_reader_open(const char *dir, const char *consumer, struct weir_spool_reader **ret_reader,
			   struct weir_error *err)
{
	struct weir_spool_reader *r;
	int rc;

	if (!weir_spool_is_name(consumer))
		return weir_error_set(err, -EINVAL, dir, NULL, "\"%s\" is no name for a consumer of the spool", consumer);
	if (strlen(dir) + WEIR_SPOOL_PATH_MAX + 2 > sizeof(((struct weir_spool_segment *)NULL)->path))
		return weir_error_set(err, -ENAMETOOLONG, dir, "choose a shorter one", "the folder's path is too long");
	r = calloc(1, sizeof(*r));
	if (!r)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	(void)snprintf(r->consumer, sizeof(r->consumer), "%s", consumer);
	r->folder.fd = r->position_fd = r->lock_fd = -1;
	rc = open_all(r, dir, err);
	if (rc) {
		weir_spool_reader_close(r);
		return rc;
	}
	*ret_reader = r;
	return 0;
}

void weir_spool_reader_close(struct weir_spool_reader *reader)
{
	if (!reader)
		return;
	if (reader->lock_fd >= 0)
		(void)close(reader->lock_fd);
	if (reader->position_fd >= 0)
		(void)close(reader->position_fd);
	weir_spool_folder_done(&reader->folder);
	weir_spool_index_free(reader->index);
	weir_buffer_done(&reader->work);
	free(reader);
}

/* The lane whose turn it is among those that have something, or NULL. */
static struct weir_spool_lane *pick_lane(struct weir_spool_reader *r)
{
	for (unsigned i = 0; i < r->index->lanes; i++) {
		unsigned at = (r->turn + i) % r->index->lanes;
		struct weir_spool_lane *lane = &r->index->lane[at];
		uint64_t done = weir_spool_position_get(&r->position, lane->name);

		if (!weir_spool_consumes(r->consumer, lane->name))
			continue;
		while (lane->first < lane->entries && lane->entry[lane->first].number <= done)
			lane->first++;
		if (lane->first < lane->entries) {
			r->turn = at;
			return lane;
		}
	}
	return NULL;
}

static void describe(struct weir_spool_reader *r, const struct weir_spool_lane *lane,
		     const struct weir_spool_entry *entry, struct weir_spool_segment *s)
{
	char path[WEIR_SPOOL_PATH_MAX];

	weir_spool_entry_path(lane, entry, path);
	(void)snprintf(s->path, sizeof(s->path), "%s/%s", r->folder.dir, path);
	(void)snprintf(s->lane, sizeof(s->lane), "%s", lane->name);
	(void)snprintf(s->token, sizeof(s->token), "%s-%s-%016llx", r->folder.id, lane->name,
		       (unsigned long long)entry->number);
	s->table = weir_table_of_lane(lane->name);
	s->number = entry->number;
	s->rows = entry->rows;
	s->bytes = entry->bytes;
}

/* 0; -ENOENT it is gone; -EBADMSG it is damaged; others with err. */
static int verify(struct weir_spool_reader *r, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct weir_error why = {0};
	int fd = open(segment->path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : weir_error_set(err, -errno, segment->path, NULL,
								  "the segment cannot be opened: %s", strerror(errno));
	rc = weir_spool_frame_verify(fd, segment->rows, &r->work, &why);
	(void)close(fd);
	return rc ? weir_error_set(err, rc, segment->path, why.next, "%s", why.what) : 0;
}

/* The position moves to the segment; numbers jumped over are missing. */
static int move_to(struct weir_spool_reader *r, const struct weir_spool_segment *segment, struct weir_error *err)
{
	uint64_t before = weir_spool_position_get(&r->position, segment->lane);
	int rc;

	if (segment->number <= before)
		return 0;
	rc = weir_spool_position_set(&r->position, segment->lane, segment->number);
	if (rc)
		return weir_error_set(err, rc, r->folder.dir, NULL, "the spool has too many lanes");
	rc = weir_spool_position_save(&r->folder, r->position_fd, r->consumer, &r->position, err);
	if (rc) {
		/* What is on the disk may be either; to deliver the segment again does no harm. */
		int back = weir_spool_position_set(&r->position, segment->lane, before);

		(void)back; /* the lane is in it */
		return rc;
	}
	r->missing_segments += segment->number - before - 1;
	return 0;
}

/* Give the segment a name in the folder of damaged ones; keep: beside the one that it has. */
static int name_damaged(const struct weir_spool_reader *r, const struct weir_spool_segment *segment, bool keep,
			struct weir_error *err)
{
	const char *name = strrchr(segment->path, '/') + 1;
	char path[WEIR_SPOOL_PATH_MAX];
	int fd = weir_spool_folder_enter(&r->folder, WEIR_SPOOL_DAMAGED, err);
	int rc;

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "%s-%s", segment->lane, name);
	rc = keep ? linkat(AT_FDCWD, segment->path, fd, path, 0) : renameat(AT_FDCWD, segment->path, fd, path);
	if (rc)
		rc = errno == EEXIST ? 0 : -errno;
	if (!rc && fsync(fd))
		rc = -errno;
	(void)close(fd);
	if (rc && rc != -ENOENT)
		return weir_error_set(err, rc, segment->path, NULL, "the segment cannot be set aside: %s", strerror(-rc));
	return 0;
}

static int pass_damaged(struct weir_spool_reader *r, const struct weir_spool_segment *segment, struct weir_error *err)
{
	int rc = name_damaged(r, segment, false, err);

	if (!rc)
		rc = move_to(r, segment, err);
	if (!rc)
		r->damaged_segments++;
	return rc;
}

static int refresh(struct weir_spool_reader *r, struct weir_error *err)
{
	r->since_refresh = 0;
	return weir_spool_index_refresh(r->index, &r->folder, err);
}

/* The next whole segment: 1, or 0. */
static int find_next(struct weir_spool_reader *r, struct weir_error *err)
{
	bool fresh = false;

	for (;;) {
		struct weir_spool_lane *lane = pick_lane(r);
		int rc;

		if (!lane) {
			if (fresh)
				return 0;
			rc = refresh(r, err);
			if (rc)
				return rc;
			fresh = true;
			continue;
		}
		describe(r, lane, &lane->entry[lane->first], &r->current);
		rc = verify(r, &r->current, err);
		if (!rc)
			return 1;
		if (rc == -EBADMSG)
			rc = pass_damaged(r, &r->current, err);
		if (rc && rc != -ENOENT)
			return rc;
		lane->first++;
	}
}

int weir_spool_next(struct weir_spool_reader *reader, struct weir_spool_segment *ret_segment, struct weir_error *err)
{
	int rc = 0;

	/* It may have been removed since. */
	if (reader->handed_out && access(reader->current.path, F_OK))
		reader->handed_out = false;
	if (!reader->handed_out) {
		if (reader->since_refresh++ >= REFRESH_EVERY)
			rc = refresh(reader, err);
		if (!rc)
			rc = find_next(reader, err);
		if (rc <= 0)
			return rc;
		reader->handed_out = true;
	}
	*ret_segment = reader->current;
	return 1;
}

/* The lane's entry behind the position, and behind the segment that is handed out; NULL: none. */
static const struct weir_spool_entry *entry_after(const struct weir_spool_reader *r, const struct weir_spool_lane *lane)
{
	uint64_t done = weir_spool_position_get(&r->position, lane->name);

	if (strcmp(lane->name, r->current.lane) == 0 && r->current.number > done)
		done = r->current.number;
	for (size_t i = lane->first; i < lane->entries; i++) {
		if (lane->entry[i].number > done)
			return &lane->entry[i];
	}
	return NULL;
}

int weir_spool_peek(struct weir_spool_reader *reader, struct weir_spool_segment *ret_segment, struct weir_error *err)
{
	for (unsigned i = 1; reader->handed_out && i <= reader->index->lanes; i++) {
		struct weir_spool_lane *lane = &reader->index->lane[(reader->turn + i) % reader->index->lanes];
		const struct weir_spool_entry *entry = entry_after(reader, lane);
		struct weir_spool_segment segment;
		int rc;

		if (!entry || !weir_spool_consumes(reader->consumer, lane->name))
			continue;
		describe(reader, lane, entry, &segment);
		rc = verify(reader, &segment, err);
		if (rc == -ENOENT || rc == -EBADMSG)
			return 0;
		if (rc)
			return rc;
		*ret_segment = segment;
		return 1;
	}
	return 0;
}

int weir_spool_commit(struct weir_spool_reader *reader, const struct weir_spool_segment *segment,
		      struct weir_error *err)
{
	int rc = move_to(reader, segment, err);

	if (rc)
		return rc;
	if (reader->handed_out && reader->current.number == segment->number &&
	    strcmp(reader->current.lane, segment->lane) == 0) {
		reader->handed_out = false;
		reader->turn++;
	}
	return 0;
}

int weir_spool_set_aside(struct weir_spool_reader *reader, const struct weir_spool_segment *segment,
			 struct weir_error *err)
{
	int rc = name_damaged(reader, segment, true, err);

	return rc ? rc : weir_spool_commit(reader, segment, err);
}

int weir_spool_backlog(struct weir_spool_reader *reader, struct weir_spool_backlog *ret_backlog,
		       struct weir_error *err)
{
	struct weir_spool_backlog b = {.damaged_segments = reader->damaged_segments,
				       .missing_segments = reader->missing_segments};
	int rc = refresh(reader, err);

	if (rc)
		return rc;
	for (unsigned i = 0; i < reader->index->lanes; i++) {
		const struct weir_spool_lane *lane = &reader->index->lane[i];
		uint64_t done = weir_spool_position_get(&reader->position, lane->name);

		for (size_t k = 0; weir_spool_consumes(reader->consumer, lane->name) && k < lane->entries; k++) {
			if (lane->entry[k].number <= done)
				continue;
			b.segments++;
			*(weir_table_of_lane(lane->name) == WEIR_TABLE_FLOWS ? &b.rows : &b.records) += lane->entry[k].rows;
			b.bytes += lane->entry[k].bytes;
		}
	}
	*ret_backlog = b;
	return 0;
}
