#include "spool/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0750
#define FILE_MODE   0640
#define SUFFIX	    ".native.lz4"
#define NEXT_FOLDER "check the owner and mode of the folder and of those above it"
#define DIGITS	    "0123456789abcdef"

bool weir_spool_is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < WEIR_SPOOL_LANE_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len &&
	       strcmp(name, WEIR_SPOOL_POSITION) != 0 && strcmp(name, WEIR_SPOOL_DAMAGED) != 0 &&
	       strcmp(name, "id") != 0 && strncmp(name, WEIR_SPOOL_TMP, strlen(WEIR_SPOOL_TMP)) != 0;
}

void weir_spool_segment_name(uint64_t number, uint64_t rows, char ret_name[static WEIR_SPOOL_NAME_MAX])
{
	(void)snprintf(ret_name, WEIR_SPOOL_NAME_MAX, "%016" PRIx64 "-%" PRIu64 SUFFIX, number, rows);
}

bool weir_spool_segment_parse(const char *name, uint64_t *ret_number, uint64_t *ret_rows)
{
	uint64_t number, rows;
	char *end;

	if (strspn(name, DIGITS) != 16 || name[16] != '-' || name[17] < '0' || name[17] > '9')
		return false;
	number = strtoull(name, NULL, 16);
	errno = 0;
	rows = strtoull(name + 17, &end, 10);
	if (errno || strcmp(end, SUFFIX) != 0 || number == 0 || number == UINT64_MAX)
		return false;
	*ret_number = number;
	*ret_rows = rows;
	return true;
}

int weir_spool_write_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A whole, synced file under a name of our own. What is there is written over in place. */
static int write_tmp(int folder_fd, const char *tmp, const void *text, size_t len)
{
	int fd = openat(folder_fd, tmp, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
	int rc;

	if (fd < 0)
		return -errno;
	rc = weir_spool_write_all(fd, text, len);
	if (!rc && (ftruncate(fd, (off_t)len) || fsync(fd)))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

int weir_spool_replace(int folder_fd, const char *name, const void *text, size_t len)
{
	char tmp[128];
	int rc;

	(void)snprintf(tmp, sizeof(tmp), WEIR_SPOOL_TMP "%s", name);
	rc = write_tmp(folder_fd, tmp, text, len);
	if (rc)
		return rc;
	if (renameat2(folder_fd, tmp, folder_fd, name, RENAME_EXCHANGE) == 0)
		return fsync(folder_fd) ? -errno : 0;
	/* The first time, or a file system that cannot exchange. */
	if (renameat(folder_fd, tmp, folder_fd, name))
		return -errno;
	rc = write_tmp(folder_fd, tmp, text, len);
	return rc ? rc : fsync(folder_fd) ? -errno : 0;
}

/* mkdir -p. */
static int make_folders(const char *dir)
{
	char path[512];
	size_t len = strlen(dir);

	if (!len || len >= sizeof(path))
		return len ? -ENAMETOOLONG : -ENOENT;
	memcpy(path, dir, len + 1);
	for (char *p = path + 1; *p; p++) {
		int failed;

		if (*p != '/')
			continue;
		*p = '\0';
		failed = mkdir(path, FOLDER_MODE) && errno != EEXIST;
		*p = '/';
		if (failed)
			return -errno;
	}
	return mkdir(path, FOLDER_MODE) && errno != EEXIST ? -errno : 0;
}

/* 0; -ENOENT where there is none; -EBADMSG. */
static int read_id(int fd, char *ret_id)
{
	char text[WEIR_SPOOL_ID_LEN + 2];
	int id_fd = openat(fd, "id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (id_fd < 0)
		return -errno;
	n = read(id_fd, text, sizeof(text));
	(void)close(id_fd);
	if (n != WEIR_SPOOL_ID_LEN + 1 || text[WEIR_SPOOL_ID_LEN] != '\n')
		return -EBADMSG;
	text[WEIR_SPOOL_ID_LEN] = '\0';
	if (strspn(text, DIGITS) != WEIR_SPOOL_ID_LEN)
		return -EBADMSG;
	memcpy(ret_id, text, sizeof(text) - 1);
	return 0;
}

/* link() fails where another process was first, so that there is never more than one id. */
static int make_id(int fd)
{
	uint8_t random[WEIR_SPOOL_ID_LEN / 2];
	char text[WEIR_SPOOL_ID_LEN + 2];
	char tmp[64];
	int rc;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	text[WEIR_SPOOL_ID_LEN] = '\n';
	(void)snprintf(tmp, sizeof(tmp), WEIR_SPOOL_TMP "id-%.8s", text);
	rc = write_tmp(fd, tmp, text, WEIR_SPOOL_ID_LEN + 1);
	if (!rc && linkat(fd, tmp, fd, "id", 0) && errno != EEXIST)
		rc = -errno;
	(void)unlinkat(fd, tmp, 0);
	if (!rc && fsync(fd))
		rc = -errno;
	return rc;
}

static int get_id(struct weir_spool_folder *folder, struct weir_error *err)
{
	int rc = read_id(folder->fd, folder->id);

	if (rc == -ENOENT) {
		rc = make_id(folder->fd);
		if (!rc)
			rc = read_id(folder->fd, folder->id);
	}
	if (rc == -EBADMSG)
		return weir_error_set(err, rc, folder->dir, "restore the file, or move the whole spool away",
				      "the spool's file \"id\" is not 32 hex digits");
	if (rc)
		return weir_error_set(err, rc, folder->dir, NEXT_FOLDER, "the spool's file \"id\" cannot be made: %s",
				      strerror(-rc));
	return 0;
}

int weir_spool_folder_open(const char *dir, struct weir_spool_folder *ret_folder, struct weir_error *err)
{
	struct weir_spool_folder folder = {.dir = strdup(dir), .fd = -1};
	int rc = folder.dir ? make_folders(dir) : -ENOMEM;

	if (!rc) {
		folder.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = folder.fd < 0 ? -errno : 0;
	}
	if (rc)
		weir_error_set(err, rc, dir, NEXT_FOLDER, "the spool's folder cannot be opened: %s", strerror(-rc));
	else
		rc = get_id(&folder, err);
	if (rc) {
		weir_spool_folder_done(&folder);
		return rc;
	}
	*ret_folder = folder;
	return 0;
}

void weir_spool_folder_done(struct weir_spool_folder *folder)
{
	if (folder->fd >= 0)
		(void)close(folder->fd);
	free(folder->dir);
	*folder = (struct weir_spool_folder){.fd = -1};
}

int weir_spool_folder_enter(const struct weir_spool_folder *folder, const char *name, struct weir_error *err)
{
	char path[600];
	int made = mkdirat(folder->fd, name, FOLDER_MODE) == 0;
	int fd = made || errno == EEXIST ? openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd < 0 ? -errno : 0;

	if (!rc && made && fsync(folder->fd))
		rc = -errno;
	if (!rc && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS))
		rc = -errno;
	if (!rc)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/%s", folder->dir, name);
	return weir_error_set(err, rc, path, NEXT_FOLDER, "the folder cannot be written: %s", strerror(-rc));
}
