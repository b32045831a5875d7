#include "supervise/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STANDARD_USER "weir"

_Static_assert(WEIR_USER_RECEIVES == (1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_NET_ADMIN), "capability numbers");
_Static_assert(WEIR_USER_SENDS_RAW == 1ULL << CAP_NET_RAW, "capability number");

/* --- becoming --------------------------------------------------------------------------------------------- */

static int set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(capabilities >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = data[i].permitted;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* Take them out of what any exec from here on can give. */
static int bound_capabilities(uint64_t capabilities)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (capabilities >> cap & 1)
			continue;
		/* EINVAL: beyond the kernel's last. */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	}
	return 0;
}

/* Let them live through exec, which takes them from whoever is not root. */
static int raise_ambient(uint64_t capabilities)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (capabilities >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return -errno;
	}
	return 0;
}

/* Those that this process has to give; a container's root may have few. */
static uint64_t own_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

int weir_user_become(const struct weir_user *user, uint64_t capabilities)
{
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (geteuid() != 0 || (user->keep_powers && !user->change))
		return 0;
	capabilities &= own_capabilities();
	rc = bound_capabilities(capabilities);
	if (rc)
		return rc;
	if (user->change) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) ||
		    setresgid(user->gid, user->gid, user->gid) || setresuid(user->uid, user->uid, user->uid))
			return -errno;
	}
	rc = set_capabilities(capabilities);
	return rc ? rc : raise_ambient(capabilities);
}

/* The kernel takes what is no longer permitted out of the ambient set, too (capabilities(7)). */
int weir_user_limit_powers(uint64_t capabilities)
{
	return set_capabilities(capabilities & own_capabilities());
}

int weir_user_drop_powers(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return set_capabilities(0);
}

/* --- choosing --------------------------------------------------------------------------------------------- */

struct obstacle {
	char path[PATH_MAX];
	bool file; /* one to be read; else a folder, or what lies in it */
	int error;
};

static int give_folders(const struct weir_user *user, const struct weir_user_options *options, struct obstacle *obstacle)
{
	for (unsigned i = 0; options->folders[i]; i++) {
		struct stat st;

		(void)snprintf(obstacle->path, sizeof(obstacle->path), "%s", options->folders[i]);
		if (stat(options->folders[i], &st))
			return -(obstacle->error = errno);
		if (st.st_uid == 0 && chown(options->folders[i], user->uid, user->gid))
			return -(obstacle->error = errno);
	}
	return 0;
}

/* Something directly in the folder that root owns, but for the lock, which is root's to hold. */
static bool holds_roots(const char *folder, struct obstacle *obstacle)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, "lock") == 0 || strcmp(entry->d_name, "run.prom") == 0)
			continue;
		found = fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == 0;
		if (found) {
			(void)snprintf(obstacle->path, sizeof(obstacle->path), "%s/%.255s", folder, entry->d_name);
			obstacle->error = EACCES;
		}
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

/* Whether anything of an earlier run belongs to root: what directly lies in the folders within the data folder. */
static int find_roots(const struct weir_user_options *options, struct obstacle *obstacle)
{
	for (unsigned i = 0; options->folders[i]; i++) {
		if (strcmp(options->folders[i], options->data_dir) != 0 && holds_roots(options->folders[i], obstacle))
			return -EACCES;
	}
	return 0;
}

/* In a child that has become the user: can it open what it will need? Before the folders were given to it, only the way
 * to them and the files can be tried. Exit status: the index of the first path that it cannot, or 255. */
static int try_paths(const struct weir_user *user, const struct weir_user_options *options, bool given)
{
	int n = 0;

	if (weir_user_become(user, 0))
		return 254;
	if (access(options->data_dir, F_OK))
		return 254;
	for (unsigned i = 0; options->folders[i]; i++, n++) {
		if (given && access(options->folders[i], R_OK | W_OK | X_OK))
			return n;
	}
	for (unsigned i = 0; options->files[i]; i++, n++) {
		if (access(options->files[i], R_OK))
			return n;
	}
	return 255;
}

static const char *path_number(const struct weir_user_options *options, int n, bool *ret_file)
{
	*ret_file = false;
	for (unsigned i = 0; options->folders[i]; i++, n--) {
		if (n == 0)
			return options->folders[i];
	}
	for (unsigned i = 0; options->files[i]; i++, n--) {
		*ret_file = n == 0;
		if (n == 0)
			return options->files[i];
	}
	return options->data_dir;
}

static int can_reach(const struct weir_user *user, const struct weir_user_options *options, bool given,
		     struct obstacle *obstacle)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_paths(user, options, given));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -(obstacle->error = errno);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 255)
		return 0;
	(void)snprintf(obstacle->path, sizeof(obstacle->path), "%s",
		       path_number(options, WIFEXITED(status) ? WEXITSTATUS(status) : 254, &obstacle->file));
	return -(obstacle->error = EACCES);
}

/* Whether the user can do the work; the folders are its own afterwards if so. */
static int prepare(const struct weir_user *user, const struct weir_user_options *options, struct obstacle *obstacle)
{
	int rc = find_roots(options, obstacle);

	if (!rc)
		rc = can_reach(user, options, false, obstacle);
	if (!rc)
		rc = give_folders(user, options, obstacle);
	return rc ? rc : can_reach(user, options, true, obstacle);
}

static bool look_up(const char *name, struct weir_user *ret_user)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return false;
	(void)snprintf(ret_user->name, sizeof(ret_user->name), "%s", name);
	ret_user->uid = pw->pw_uid;
	ret_user->gid = pw->pw_gid;
	ret_user->change = pw->pw_uid != 0;
	return true;
}

/* What lets the user use it. */
static void advise(const struct weir_user *user, const struct weir_user_options *options, const struct obstacle *obstacle,
		   char *ret_text, size_t size)
{
	if (obstacle->file)
		(void)snprintf(ret_text, size, "put it where that user can read it");
	else
		(void)snprintf(ret_text, size, "`chown -R %s: %.150s`, or put data_dir where that user can reach it", user->name,
			       options->data_dir);
}

static int choose_named(const struct weir_user_options *options, struct weir_user *user, struct weir_error *err)
{
	struct obstacle obstacle = {0};
	char next[256];

	if (strcmp(options->name, "root") == 0) {
		user->keep_powers = true;
		return 0;
	}
	if (!look_up(options->name, user)) {
		(void)snprintf(next, sizeof(next), "make it with `useradd --system %s`, or name another",
			       options->name);
		return weir_error_set(err, -ENOENT, "collect.user", next, "there is no user \"%s\"", options->name);
	}
	if (prepare(user, options, &obstacle) == 0)
		return 0;
	advise(user, options, &obstacle, next, sizeof(next));
	return weir_error_set(err, -obstacle.error, obstacle.path, next, "the user \"%s\" of collect.user cannot use it: %s",
			      user->name, strerror(obstacle.error));
}

/* The owner of the data folder, who need not have a name. */
static bool owner_of(const char *data_dir, struct weir_user *ret_user)
{
	const struct passwd *pw;
	struct stat st;

	if (stat(data_dir, &st) || st.st_uid == 0)
		return false;
	pw = getpwuid(st.st_uid);
	if (pw)
		(void)snprintf(ret_user->name, sizeof(ret_user->name), "%s", pw->pw_name);
	else
		(void)snprintf(ret_user->name, sizeof(ret_user->name), "%u", st.st_uid);
	ret_user->uid = st.st_uid;
	ret_user->gid = st.st_gid;
	ret_user->change = true;
	return true;
}

/* As the owner of the data folder or not at all: what root wrote into it, its owner could not use the next time. */
static int choose_owner(const struct weir_user_options *options, struct weir_user *user, struct weir_error *err)
{
	struct obstacle obstacle = {0};
	char next[256];

	if (prepare(user, options, &obstacle) == 0)
		return 0;
	advise(user, options, &obstacle, next, sizeof(next));
	return weir_error_set(err, -obstacle.error, obstacle.path, next,
			      "the user \"%s\", who owns the data folder, cannot use it: %s", user->name,
			      strerror(obstacle.error));
}

/* The user "weir", or root without its powers, and why. */
static void choose_standard(const struct weir_user_options *options, struct weir_user *user)
{
	struct obstacle obstacle = {0};
	char next[256];

	if (!look_up(STANDARD_USER, user)) {
		(void)snprintf(user->warning, sizeof(user->warning),
			       "running as root without its capabilities; `useradd --system %s` makes a user for it, "
			       "or name one in collect.user",
			       STANDARD_USER);
		return;
	}
	if (prepare(user, options, &obstacle) == 0)
		return;
	advise(user, options, &obstacle, next, sizeof(next));
	(void)snprintf(user->warning, sizeof(user->warning),
		       "running as root without its capabilities: %.300s cannot be used by the user \"%s\"; %s", obstacle.path,
		       user->name, next);
	(void)snprintf(user->name, sizeof(user->name), "root");
	user->uid = 0;
	user->gid = 0;
	user->change = false;
}

int weir_user_choose(const struct weir_user_options *options, struct weir_user *ret_user, struct weir_error *err)
{
	struct weir_user user = {.uid = geteuid(), .gid = getegid()};
	int rc = 0;

	if (geteuid() == 0) {
		(void)snprintf(user.name, sizeof(user.name), "root");
		if (*options->name)
			rc = choose_named(options, &user, err);
		else if (owner_of(options->data_dir, &user))
			rc = choose_owner(options, &user, err);
		else
			choose_standard(options, &user);
	}
	if (!rc)
		*ret_user = user;
	return rc;
}
