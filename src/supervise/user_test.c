/* As whom the roles run. Most of it needs root, and is skipped without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/user.h"

/* A user of every Debian system, who owns nothing. */
#define SOMEBODY "nobody"

static char top[] = "/tmp/weir-user-XXXXXX";
static char data[64];
static char run[80];
static char file[80];
static const char *const FOLDERS[] = {data, run, NULL};
static const char *const FILES[] = {file, NULL};
static const char *const NONE[] = {NULL};

static int choose(const char *name, const char *const *files, struct weir_user *user, struct weir_error *err)
{
	const struct weir_user_options options = {.name = name, .data_dir = data, .folders = FOLDERS, .files = files};

	return weir_user_choose(&options, user, err);
}

static void needs_root(void)
{
	if (geteuid() != 0) {
		print_message("skip: not root\n");
		skip();
	}
}

static uid_t somebody(void)
{
	const struct passwd *pw = getpwnam(SOMEBODY);

	assert_non_null(pw);
	return pw->pw_uid;
}

static uid_t owner(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_uid;
}

static void test_without_root_nothing_changes(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	if (geteuid() == 0)
		skip();
	assert_int_equal(choose("no-such-user", NONE, &user, &err), 0);
	assert_false(user.change);
	assert_string_equal(user.warning, "");
}

static void test_named_user_gets_the_folders(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(choose(SOMEBODY, NONE, &user, &err), 0);
	assert_true(user.change);
	assert_int_equal(user.uid, somebody());
	assert_int_equal(owner(data), somebody());
	assert_int_equal(owner(run), somebody());
	/* From now on the folder's owner is who runs it, unnamed. */
	assert_int_equal(choose("", NONE, &user, &err), 0);
	assert_int_equal(user.uid, somebody());
	assert_string_equal(user.warning, "");
}

/* What root wrote into another's folder would be in the way of its owner. */
static void test_owner_or_nobody(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chown(data, somebody(), 0), 0);
	assert_int_equal(choose("", FILES, &user, &err), -EACCES);
	assert_string_equal(err.where, file);
	assert_non_null(strstr(err.what, "who owns the data folder"));
}

static void test_user_that_does_not_exist(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(choose("no-such-user", NONE, &user, &err), -ENOENT);
	assert_non_null(strstr(err.next, "useradd --system no-such-user"));
	assert_int_equal(owner(data), 0);
}

static void test_root_may_stay(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(choose("root", NONE, &user, &err), 0);
	assert_false(user.change);
	assert_true(user.keep_powers);
	assert_string_equal(user.warning, "");
}

static void test_folder_out_of_reach(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(chmod(top, 0700), 0);
	assert_int_equal(choose(SOMEBODY, NONE, &user, &err), -EACCES);
	assert_string_equal(err.where, data);
	/* What it cannot use it was not given either. */
	assert_int_equal(owner(data), 0);
}

static void test_file_that_it_cannot_read(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;

	(void)state;
	needs_root();
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(choose(SOMEBODY, FILES, &user, &err), -EACCES);
	assert_string_equal(err.where, file);
	assert_non_null(strstr(err.next, "can read it"));
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(choose(SOMEBODY, FILES, &user, &err), 0);
}

static void test_what_root_left_is_named(void **state)
{
	struct weir_user user = {0};
	struct weir_error err;
	char left[128];
	int fd;

	(void)state;
	needs_root();
	(void)snprintf(left, sizeof(left), "%s/collect.prom", run);
	fd = open(left, O_CREAT | O_WRONLY, 0644);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(choose(SOMEBODY, NONE, &user, &err), -EACCES);
	assert_string_equal(err.where, left);
	assert_non_null(strstr(err.next, "chown -R " SOMEBODY));
	assert_int_equal(unlink(left), 0);
}

/* The value of a line of /proc/self/status in a child that has become the user; exit status 0 if it is expected. */
static int become_and_check(const struct weir_user *user, uint64_t capabilities, const char *expected)
{
	char text[4096] = {0};
	char line[64];
	int fd;

	if (weir_user_become(user, capabilities))
		return 2;
	fd = open("/proc/self/status", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 3;
	(void)close(fd);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const SETS[] = {"CapPrm", "CapEff", "CapBnd"};

		(void)snprintf(line, sizeof(line), "%s:\t%s\n", SETS[i], expected);
		if (!strstr(text, line))
			return 4;
	}
	if (getuid() != user->uid || geteuid() != user->uid || (user->uid && setuid(0) == 0))
		return 5;
	return strstr(text, "NoNewPrivs:\t1\n") ? 0 : 6;
}

static void expect_become(const struct weir_user *user, uint64_t capabilities, const char *expected)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(become_and_check(user, capabilities, expected));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What supervises keeps what a role may need; a role that needs nothing gives it up. */
static void test_gives_up_what_was_kept(void **state)
{
	const struct weir_user changed = {.uid = somebody(), .gid = 65534, .change = true};
	int status = 0;
	pid_t pid;

	(void)state;
	needs_root();
	pid = fork();
	if (pid == 0) {
		char text[4096] = {0};
		int fd;

		if (weir_user_become(&changed, WEIR_USER_RECEIVES) || weir_user_drop_powers())
			_exit(2);
		fd = open("/proc/self/status", O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
			_exit(3);
		_exit(strstr(text, "CapPrm:\t0000000000000000\n") && strstr(text, "CapAmb:\t0000000000000000\n") ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool has_net_admin(void)
{
	char text[4096] = {0};
	const char *line;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	line = got > 0 ? strstr(text, "CapPrm:\t") : NULL;
	return line && strtoull(line + 8, NULL, 16) >> 12 & 1;
}

static void test_becomes_without_powers(void **state)
{
	const struct weir_user changed = {.uid = somebody(), .gid = 65534, .change = true};
	const struct weir_user stays = {.uid = 0, .gid = 0};

	(void)state;
	needs_root();
	expect_become(&changed, 0, "0000000000000000");
	expect_become(&stays, 0, "0000000000000000");
	if (!has_net_admin())
		return; /* a container's root may have too little to give */
	expect_become(&changed, WEIR_USER_RECEIVES, "0000000000001400");
	expect_become(&stays, WEIR_USER_RECEIVES, "0000000000001400");
}

static int enter(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/weir-user-XXXXXX");
	if (!mkdtemp(top) || chmod(top, 0755))
		return -1;
	(void)snprintf(data, sizeof(data), "%s/data", top);
	(void)snprintf(run, sizeof(run), "%s/run", data);
	(void)snprintf(file, sizeof(file), "%s/weir.yaml", top);
	fd = open(file, O_CREAT | O_WRONLY, 0644);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return mkdir(data, 0750) || mkdir(run, 0750) ? -1 : 0;
}

static int leave(void **state)
{
	(void)state;
	return unlink(file) || rmdir(run) || rmdir(data) || rmdir(top) ? -1 : 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_root_nothing_changes),
		TEST(test_named_user_gets_the_folders),
		TEST(test_owner_or_nobody),
		TEST(test_user_that_does_not_exist),
		TEST(test_root_may_stay),
		TEST(test_folder_out_of_reach),
		TEST(test_file_that_it_cannot_read),
		TEST(test_what_root_left_is_named),
		TEST(test_becomes_without_powers),
		TEST(test_gives_up_what_was_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
