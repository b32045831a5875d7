#include "supervise/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PACE_MS 50

/* The process id that stands in the file, 0 for none. */
static long read_holder(int fd)
{
	char text[24] = {0};

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static int refuse(int fd, const char *path, struct weir_error *err)
{
	long holder = read_holder(fd);

	if (holder > 0 && (kill((pid_t)holder, 0) == 0 || errno == EPERM))
		return weir_error_set(err, -EBUSY, path, "stop that one, or give this one a folder of its own with --data",
				      "`weir run` has this data folder already: process %ld", holder);
	return weir_error_set(err, -EBUSY, path, "wait a moment; `fuser` with this path names them",
			      "processes of a `weir run` that is gone have this data folder still");
}

static int write_holder(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
		return -errno;
	return 0;
}

int weir_lock_take(const char *run_dir, int wait_ms, int *ret_fd, struct weir_error *err)
{
	char path[PATH_MAX];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/lock", run_dir) >= (int)sizeof(path))
		return weir_error_set(err, -ENAMETOOLONG, run_dir, NULL, "the path is too long");
	/* No O_CLOEXEC: the children hold it too. */
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0640);
	if (fd < 0)
		return weir_error_set(err, -errno, path, "check the folder's owner and mode",
				      "the lock cannot be opened: %s", strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		long holder = read_holder(fd);
		bool alive = holder > 0 && (kill((pid_t)holder, 0) == 0 || errno == EPERM);

		/* A living holder does not go away by waiting. */
		if (alive || wait_ms <= 0) {
			rc = refuse(fd, path, err);
			(void)close(fd);
			return rc;
		}
		(void)poll(NULL, 0, PACE_MS);
		wait_ms -= PACE_MS;
	}
	rc = write_holder(fd);
	if (rc) {
		(void)close(fd);
		return weir_error_set(err, rc, path, "check the disk's free space", "the lock cannot be written: %s",
				      strerror(-rc));
	}
	*ret_fd = fd;
	return 0;
}

void weir_lock_release(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
