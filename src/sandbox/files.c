/* Landlock (Documentation/userspace-api/landlock.rst): a ruleset names the rights that it handles, and the files and folders
 * for which they stay; everything else that it handles is refused with EACCES. glibc has no wrappers. The header of the
 * machine that weir is built on may be older than the kernel that it runs on, so newer constants stand here.
 *
 * A kernel's version of it says which rights it knows; one that it does not know stays as it was. Version 1 (Linux 5.13 to
 * 5.18) refuses every rename between folders, which the spool and the store cannot do without: there it is left off. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/parts.h"

#define FS_REFER     (1ULL << 13) /* version 2 */
#define FS_TRUNCATE  (1ULL << 14) /* 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define FS_FIRST     ((1ULL << 13) - 1) /* all of version 1 */
#define NET_BIND     (1ULL << 0) /* 4 */
#define NET_CONNECT  (1ULL << 1)
#define SCOPE_ALL    (1ULL << 0 | 1ULL << 1) /* 6: abstract sockets and signals of processes outside */

#define VERSION_LEAST 2

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER | FS_TRUNCATE)
#define OF_A_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

static uint64_t rights_of(unsigned rights)
{
	uint64_t fs = 0;

	if (rights & WEIR_SANDBOX_READ)
		fs |= READS;
	if (rights & WEIR_SANDBOX_WRITE)
		fs |= WRITES;
	if (rights & WEIR_SANDBOX_LINK)
		fs |= LANDLOCK_ACCESS_FS_MAKE_SYM;
	return fs;
}

static int allow(int ruleset_fd, const struct weir_sandbox_path *path, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights_of(path->rights) & handled};
	struct stat st;
	int rc = 0;

	rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_A_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		rc = -errno;
	(void)close(rule.parent_fd);
	return rc;
}

static size_t size_of(long version)
{
	if (version < 4)
		return sizeof(uint64_t);
	return version < 6 ? 2 * sizeof(uint64_t) : sizeof(struct ruleset);
}

int weir_sandbox_limit_files(const struct weir_sandbox_options *options)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset = {.fs = FS_FIRST | FS_REFER};
	int fd;
	int rc = 0;

	if (version < VERSION_LEAST)
		return version < 0 && errno != ENOSYS ? -errno : -EOPNOTSUPP;
	if (version >= 3)
		ruleset.fs |= FS_TRUNCATE;
	if (version >= 4)
		ruleset.net = options->connects ? NET_BIND : NET_BIND | NET_CONNECT;
	if (version >= 5)
		ruleset.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		ruleset.scoped = SCOPE_ALL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size_of(version), 0);
	if (fd < 0)
		return -errno;
	for (const struct weir_sandbox_path *path = options->paths; !rc && path->path; path++)
		rc = allow(fd, path, ruleset.fs);
	if (!rc && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, fd, 0)))
		rc = -errno;
	(void)close(fd);
	return rc;
}
