#include "spool/position.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN (WEIR_SPOOL_LANE_MAX + 24)
#define TEXT_MAX     ((size_t)WEIR_SPOOL_LANES_MAX * LINE_MAX_LEN)

uint64_t weir_spool_position_get(const struct weir_spool_position *position, const char *lane)
{
	for (unsigned i = 0; i < position->lanes; i++) {
		if (strcmp(position->lane[i].name, lane) == 0)
			return position->lane[i].number;
	}
	return 0;
}

int weir_spool_position_set(struct weir_spool_position *position, const char *lane, uint64_t number)
{
	unsigned i = 0;

	while (i < position->lanes && strcmp(position->lane[i].name, lane) != 0)
		i++;
	if (i == WEIR_SPOOL_LANES_MAX)
		return -E2BIG;
	if (i == position->lanes) {
		(void)snprintf(position->lane[i].name, WEIR_SPOOL_LANE_MAX, "%s", lane);
		position->lanes++;
	}
	position->lane[i].number = number;
	return 0;
}

/* The lines of a position; text is ours to cut up. */
static int parse(char *text, struct weir_spool_position *position)
{
	position->lanes = 0;
	while (*text) {
		char *line = text;
		char *blank, *rest;
		uint64_t number;

		text = strchr(line, '\n');
		if (!text)
			return -EBADMSG;
		*text++ = '\0';
		blank = strchr(line, ' ');
		if (!blank || blank[1] < '0' || blank[1] > '9')
			return -EBADMSG;
		*blank = '\0';
		errno = 0;
		number = strtoull(blank + 1, &rest, 10);
		if (errno || *rest || !weir_spool_is_name(line) || weir_spool_position_set(position, line, number))
			return -EBADMSG;
	}
	return 0;
}

static int read_text(const struct weir_spool_folder *folder, const char *path, char *text)
{
	int fd = openat(folder->fd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (len < TEXT_MAX && n > 0) {
		n = read(fd, text + len, TEXT_MAX - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		n = -errno;
	(void)close(fd);
	if (n)
		return n < 0 ? (int)n : -EBADMSG;
	text[len] = '\0';
	return strlen(text) == len ? 0 : -EBADMSG;
}

int weir_spool_position_load(const struct weir_spool_folder *folder, const char *consumer,
			     struct weir_spool_position *ret_position, struct weir_error *err)
{
	char path[sizeof(WEIR_SPOOL_POSITION) + WEIR_SPOOL_LANE_MAX];
	char where[600];
	char *text = malloc(TEXT_MAX + 1);
	int rc = text ? 0 : -ENOMEM;

	(void)snprintf(path, sizeof(path), WEIR_SPOOL_POSITION "/%s", consumer);
	if (!rc)
		rc = read_text(folder, path, text);
	if (!rc)
		rc = parse(text, ret_position);
	free(text);
	if (!rc || rc == -ENOENT)
		return rc;
	(void)snprintf(where, sizeof(where), "%s/%s", folder->dir, path);
	if (rc == -EBADMSG)
		return weir_error_set(err, rc, where,
				      "remove the file: what the spool still holds is then sent again, which is safe",
				      "this is not a position in the spool");
	return weir_error_set(err, rc, where, NULL, "the position cannot be read: %s", strerror(-rc));
}

int weir_spool_position_save(const struct weir_spool_folder *folder, int position_fd, const char *consumer,
			     const struct weir_spool_position *position, struct weir_error *err)
{
	char where[600];
	char *text = malloc(TEXT_MAX + 1);
	size_t len = 0;
	int rc = text ? 0 : -ENOMEM;

	for (unsigned i = 0; !rc && i < position->lanes; i++)
		len += (size_t)snprintf(text + len, LINE_MAX_LEN, "%s %" PRIu64 "\n", position->lane[i].name,
					position->lane[i].number);
	if (!rc)
		rc = weir_spool_replace(position_fd, consumer, text, len);
	free(text);
	if (!rc)
		return 0;
	(void)snprintf(where, sizeof(where), "%s/" WEIR_SPOOL_POSITION "/%s", folder->dir, consumer);
	return weir_error_set(err, rc, where, rc == -ENOSPC ? "make room on the disk" : NULL,
			      "the position cannot be written: %s", strerror(-rc));
}

bool weir_spool_consumes(const char *consumer, const char *lane)
{
	enum weir_table table = weir_table_of_lane(consumer);

	return table == WEIR_TABLE_FLOWS || table == weir_table_of_lane(lane);
}

int weir_spool_forget(const char *dir, const char *consumer, struct weir_error *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" WEIR_SPOOL_POSITION "/%s", dir, consumer);
	if (unlink(path) && errno != ENOENT)
		return weir_error_set(err, -errno, path, NULL, "it cannot be removed: %s", strerror(errno));
	return 0;
}

struct each {
	int (*each)(void *ctx, const char *consumer);
	void *ctx;
};

static int filter(void *ctx, const char *name)
{
	const struct each *e = ctx;

	return weir_spool_is_name(name) ? e->each(e->ctx, name) : 0;
}

int weir_spool_each_consumer(const struct weir_spool_folder *folder, int (*each)(void *ctx, const char *consumer),
			     void *ctx)
{
	struct each e = {.each = each, .ctx = ctx};

	return weir_spool_each_name(folder->fd, WEIR_SPOOL_POSITION, filter, &e);
}
