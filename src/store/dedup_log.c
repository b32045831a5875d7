/* The deduplication log of a table that is not replicated: deduplication_logs/deduplication_log_N.txt beside its parts,
 * a line for each token of each part:
 *
 *   operation (1 added, 2 dropped) \t part \t block id
 *
 * The engine writes the line first and gives the part its name second (26.5, seen). A kill between the two leaves
 * a line without a part: the insert is sent again, the engine believes that it has the part, and its rows are lost. A part
 * without a line cannot be, so nothing is ever doubled. Therefore, before the engine starts, each line goes whose part is
 * neither there nor covered by a merged one.
 *
 * A part's name is PARTITION_MIN_MAX_LEVEL or PARTITION_MIN_MAX_LEVEL_MUTATION; it covers those of its partition whose block
 * numbers lie within its own. Parts that were dropped on purpose have a second line, and keep both. Of parts that
 * expired nothing may be left: their lines go as well, which matters to nobody, for rows that expired expire again. */
#include "store/dedup_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define LOG_BYTES_MAX (64UL << 20)

struct part {
	char partition[128];
	long long min;
	long long max;
};

struct parts {
	struct part *item; /* owned */
	size_t count;
	size_t cap;
};

/* A number and, behind it, one of `ends`. */
static bool take_number(const char **at, const char *ends, long long *ret_value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*ret_value = strtoll(*at, &end, 10);
	if (errno || (*end && !strchr(ends, *end)) || (!*end && !strchr(ends, '.')))
		return false;
	*at = *end ? end + 1 : end;
	return true;
}

/* ends: '_' goes on, '.' stands for the end of the text. */
static bool parse_part(const char *name, struct part *ret_part)
{
	size_t len = strcspn(name, "_");
	const char *at = name + len + 1;
	struct part part;
	long long level;
	long long mutation;

	if (!len || !name[len] || len >= sizeof(part.partition))
		return false;
	memcpy(part.partition, name, len);
	part.partition[len] = '\0';
	if (!take_number(&at, "_", &part.min) || !take_number(&at, "_", &part.max) || !take_number(&at, "_.", &level))
		return false;
	if (*at && !take_number(&at, ".", &mutation))
		return false;
	*ret_part = part;
	return true;
}

static int add_part(struct parts *parts, const struct part *part)
{
	if (parts->count == parts->cap) {
		size_t cap = parts->cap ? parts->cap * 2 : 64;
		struct part *item = reallocarray(parts->item, cap, sizeof(*item));

		if (!item)
			return -ENOMEM;
		parts->item = item;
		parts->cap = cap;
	}
	parts->item[parts->count++] = *part;
	return 0;
}

/* The folders of a table that are parts; temporary ones have other names. */
static int read_parts(const char *table, struct parts *parts)
{
	DIR *dir = opendir(table);
	const struct dirent *entry;
	int rc = dir ? 0 : -errno;

	while (!rc && (entry = readdir(dir))) {
		struct part part;

		if (parse_part(entry->d_name, &part))
			rc = add_part(parts, &part);
	}
	if (dir)
		(void)closedir(dir);
	return rc;
}

static bool is_there(const struct parts *parts, const struct part *part)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct part *p = &parts->item[i];

		if (p->min <= part->min && part->max <= p->max && strcmp(p->partition, part->partition) == 0)
			return true;
	}
	return false;
}

/* Is there a line that says that this part was dropped? */
static bool was_dropped(const char *text, const char *part, size_t part_len)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, "2\t", 2) == 0 && strncmp(line + 2, part, part_len) == 0 && line[2 + part_len] == '\t')
			return true;
	}
	return false;
}

/* Does the line speak of a part that never came to be? */
static bool is_orphan(const char *text, const char *line, const struct parts *parts)
{
	char name[256];
	size_t len = strncmp(line, "1\t", 2) == 0 ? strcspn(line + 2, "\t\n") : 0;
	struct part part;

	if (!len || len >= sizeof(name) || line[2 + len] != '\t')
		return false;
	memcpy(name, line + 2, len);
	name[len] = '\0';
	return parse_part(name, &part) && !is_there(parts, &part) && !was_dropped(text, line + 2, len);
}

static int read_file(const char *path, struct weir_buffer *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 1;
	int rc = fd < 0 || fstat(fd, &st) ? -errno : 0;

	if (!rc && (size_t)st.st_size > LOG_BYTES_MAX)
		rc = -EFBIG;
	if (!rc)
		rc = weir_buffer_reserve(out, (size_t)st.st_size + 1);
	while (!rc && n > 0 && out->len < (size_t)st.st_size) {
		n = read(fd, out->data + out->len, (size_t)st.st_size - out->len);
		if (n < 0)
			rc = -errno;
		else
			out->len += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* Put the text in the place of the file at path. */
static int replace_file(const char *path, const char *scratch, const struct weir_buffer *text)
{
	char temporary[PATH_MAX];
	size_t at = 0;
	int fd;
	int rc = 0;

	if (snprintf(temporary, sizeof(temporary), "%s/deduplication_log", scratch) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	while (!rc && at < text->len) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0)
			rc = -errno;
		else
			at += (size_t)n;
	}
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc)
		(void)unlink(temporary);
	return rc;
}

static int mend_log(const char *path, const char *scratch, const struct parts *parts, unsigned *removed)
{
	struct weir_buffer before;
	struct weir_buffer after;
	const char *text = NULL;
	unsigned orphans = 0;
	int rc;

	weir_buffer_init(&before);
	weir_buffer_init(&after);
	rc = read_file(path, &before);
	if (!rc) {
		text = weir_buffer_cstr(&before);
		rc = text ? 0 : -ENOMEM;
	}
	for (const char *line = text; !rc && line && *line;) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		if (is_orphan(text, line, parts))
			orphans++;
		else
			rc = weir_buffer_append(&after, line, len);
		line += len;
	}
	if (!rc && orphans)
		rc = replace_file(path, scratch, &after);
	if (!rc)
		*removed += orphans;
	weir_buffer_done(&before);
	weir_buffer_done(&after);
	return rc;
}

/* Calls visit() for each entry of a folder; a folder that is not there has none. */
static int each_entry(const char *folder, int (*visit)(const char *path, const char *name, void *ctx), void *ctx)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];
	int rc = 0;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (!rc && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
			rc = -ENAMETOOLONG;
		else
			rc = visit(path, entry->d_name, ctx);
	}
	(void)closedir(dir);
	return rc;
}

struct mending {
	const char *scratch;
	struct parts parts; /* of the present table */
	unsigned removed;
};

static int visit_log(const char *path, const char *name, void *ctx)
{
	struct mending *m = ctx;

	return strncmp(name, "deduplication_log_", 18) == 0 ? mend_log(path, m->scratch, &m->parts, &m->removed) : 0;
}

static int visit_table(const char *path, const char *name, void *ctx)
{
	struct mending *m = ctx;
	char logs[PATH_MAX];
	int rc;

	(void)name;
	if (snprintf(logs, sizeof(logs), "%s/deduplication_logs", path) >= (int)sizeof(logs))
		return -ENAMETOOLONG;
	if (access(logs, F_OK))
		return 0;
	m->parts.count = 0;
	rc = read_parts(path, &m->parts);
	return rc ? rc : each_entry(logs, visit_log, m);
}

static int visit_prefix(const char *path, const char *name, void *ctx)
{
	(void)name;
	return each_entry(path, visit_table, ctx);
}

int weir_dedup_log_mend(const char *engine_folder, const char *scratch, unsigned *ret_removed, struct weir_error *err)
{
	struct mending m = {.scratch = scratch};
	char tables[PATH_MAX];
	int rc;

	/* FOLDER/store/abc/abcdef01-…: the folders of tables, by their UUID. */
	if (snprintf(tables, sizeof(tables), "%s/store", engine_folder) >= (int)sizeof(tables))
		return weir_error_set(err, -ENAMETOOLONG, engine_folder, NULL, "the path is too long");
	rc = each_entry(tables, visit_prefix, &m);
	free(m.parts.item);
	if (rc)
		return weir_error_set(err, rc, tables, "check the folder's owner and the disk's free space",
				      "the deduplication logs cannot be looked through: %s", strerror(-rc));
	*ret_removed = m.removed;
	return 0;
}
