/* In children that enter the sandbox: what still works, and what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

#define UNAVAILABLE 99 /* a child's status: this kernel or build has not what is tested */

static char folder[64];
static char inside[96];
static char outside[96];
static struct weir_sandbox_path paths[3];

static int make_folders(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/weir-sandbox-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(inside, sizeof(inside), "%s/in", folder);
	(void)snprintf(outside, sizeof(outside), "%s/out", folder);
	paths[0] = (struct weir_sandbox_path){inside, WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE};
	paths[1] = (struct weir_sandbox_path){"/nonexistent/folder", WEIR_SANDBOX_READ};
	return mkdir(inside, 0700) || mkdir(outside, 0700);
}

static int remove_folders(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* --- what a child does: 0, or the number of the first thing that went wrong --- */

static int enter(enum weir_sandbox_calls calls, bool connects, struct weir_sandbox_state *ret_state)
{
	const struct weir_sandbox_options options = {.paths = paths, .connects = connects, .calls = calls};

	weir_sandbox_enter(&options, ret_state);
	return 0;
}

static int make_file(const char *dir, const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : close(fd);
}

static int use_files(void)
{
	struct weir_sandbox_state state;
	char from[128], to[128];

	enter(WEIR_SANDBOX_ALL_CALLS, true, &state);
	if (!state.files.active)
		return UNAVAILABLE;
	if (make_file(inside, "a") != 0)
		return 1;
	(void)snprintf(from, sizeof(from), "%s/a", inside);
	(void)snprintf(to, sizeof(to), "%s/sub", inside);
	if (mkdir(to, 0700))
		return 2;
	(void)snprintf(to, sizeof(to), "%s/sub/b", inside);
	if (rename(from, to) || truncate(to, 10))
		return 3;
	if (symlink("/etc/passwd", from) == 0 || errno != EACCES)
		return 4;
	if (make_file(outside, "a") != -EACCES)
		return 5;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return 6;
	(void)snprintf(from, sizeof(from), "%s/taken", outside);
	if (rename(to, from) == 0 || (errno != EACCES && errno != EXDEV))
		return 7;
	return open("/proc/self/maps", O_RDONLY | O_CLOEXEC) >= 0 ? 8 : 0;
}

static int connect_to_nobody(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static int use_network(void)
{
	struct weir_sandbox_state state;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 4)
		return UNAVAILABLE;
	enter(WEIR_SANDBOX_ALL_CALLS, false, &state);
	if (!state.files.active)
		return UNAVAILABLE;
	return connect_to_nobody() == -EACCES ? 0 : 1;
}

static int use_network_of_sink(void)
{
	struct weir_sandbox_state state;

	enter(WEIR_SANDBOX_SINK, true, &state);
	return connect_to_nobody() == -ECONNREFUSED ? 0 : 1;
}

static void *write_a_file(void *ctx)
{
	(void)ctx;
	return make_file(inside, "by-a-thread") == 0 ? inside : NULL;
}

static int use_calls(void)
{
	struct weir_sandbox_state state;
	pthread_t thread;
	void *done = NULL;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	enter(WEIR_SANDBOX_COLLECT, false, &state);
	if (!state.calls.active)
		return UNAVAILABLE;
	if (write(fd, "x", 1) != 1 || make_file(inside, "c") != 0)
		return 1;
	if (pthread_create(&thread, NULL, write_a_file, NULL) || pthread_join(thread, &done) || !done)
		return 2;
	if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EPERM)
		return 3;
	if (fork() >= 0 || errno != EPERM)
		return 4;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
		return 5;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 6;
	if (setuid(0) == 0 || errno != EPERM)
		return 7;
	return kill(getppid(), 0) == 0 || errno != EPERM ? 8 : 0;
}

static int use_calls_of_replicate(void)
{
	struct weir_sandbox_state state;
	char path[128];

	enter(WEIR_SANDBOX_REPLICATE, true, &state);
	if (!state.calls.active)
		return UNAVAILABLE;
	if (connect_to_nobody() != -ECONNREFUSED)
		return 1;
	if (socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 && errno == EPERM)
		return 2;
	if (socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM)
		return 3;
	if (make_file(inside, "r") != 0)
		return 4;
	(void)snprintf(path, sizeof(path), "%s/folder", inside);
	if (mkdir(path, 0700) == 0 || errno != EPERM)
		return 5;
	return fork() >= 0 || errno != EPERM ? 6 : 0;
}

static int start_program(void)
{
	struct weir_sandbox_state state;
	char *const argv[] = {NULL};

	enter(WEIR_SANDBOX_SINK, true, &state);
	if (!state.calls.active)
		return UNAVAILABLE;
	(void)execve("/bin/true", argv, argv);
	return 1;
}

static int trace(void)
{
	struct weir_sandbox_state state;

	enter(WEIR_SANDBOX_COLLECT, false, &state);
	if (!state.calls.active)
		return UNAVAILABLE;
	(void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	return 1;
}

/* A kernel as before Landlock, and with seccomp for this one filter only: as in a strict container. */
static int be_refused(int number, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	return !filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), number, 0) || seccomp_load(filter);
}

static int go_without(void)
{
	struct weir_sandbox_state state;

	enter(WEIR_SANDBOX_ALL_CALLS, true, &state);
	if (!state.files.active)
		return UNAVAILABLE;
	if (be_refused(SCMP_SYS(landlock_create_ruleset), ENOSYS) || be_refused(SCMP_SYS(seccomp), EINVAL))
		return UNAVAILABLE;
	enter(WEIR_SANDBOX_COLLECT, false, &state);
	if (state.files.active || !strstr(state.files.why, "no Landlock"))
		return 1;
	/* libseccomp may take prctl() in place of seccomp(). */
	return state.calls.active || strstr(state.calls.why, "no seccomp") ? 0 : 2;
}

/* --- the tests ---------------------------------------------------------------------------------------------- */

static int status_of(int (*child)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNAVAILABLE)
		skip();
	return status;
}

static void files_outside_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_files), 0);
}

static void tcp_is_refused_where_nothing_is_connected(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_network), 0);
}

static void sink_connects(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_network_of_sink), 0);
}

static void calls_of_others_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_calls), 0);
}

static void replicate_sends_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_calls_of_replicate), 0);
}

static void programs_and_other_processes_are_the_end(void **state)
{
	int status;

	(void)state;
	status = status_of(start_program);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	status = status_of(trace);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void without_it_the_state_says_why(void **state)
{
	(void)state;
	assert_int_equal(status_of(go_without), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_outside_are_refused),
		cmocka_unit_test(tcp_is_refused_where_nothing_is_connected),
		cmocka_unit_test(sink_connects),
		cmocka_unit_test(calls_of_others_are_refused),
		cmocka_unit_test(replicate_sends_and_nothing_else),
		cmocka_unit_test(programs_and_other_processes_are_the_end),
		cmocka_unit_test(without_it_the_state_says_why),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
