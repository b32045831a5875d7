#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/lock.h"

static char dir[] = "/tmp/weir-lock-XXXXXX";

static void test_one_at_a_time(void **state)
{
	struct weir_error err;
	char pid[32];
	int first = -1;
	int second = -1;

	(void)state;
	assert_int_equal(weir_lock_take(dir, 0, &first, &err), 0);
	assert_int_equal(weir_lock_take(dir, 60000, &second, &err), -EBUSY); /* at once: the holder lives */
	assert_int_equal(second, -1);
	(void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(err.what, pid));
	assert_non_null(strstr(err.next, "--data"));
	weir_lock_release(first);
	assert_int_equal(weir_lock_take(dir, 0, &second, &err), 0);
	weir_lock_release(second);
}

/* The supervisor is gone, a role of its is not: the next one waits for it. */
static void test_children_hold_it_too(void **state)
{
	struct weir_error err;
	int ends[2];
	int fd = -1;
	pid_t supervisor;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	supervisor = fork();
	if (supervisor == 0) {
		if (weir_lock_take(dir, 0, &fd, &err))
			_exit(1);
		if (fork() == 0) {
			char end;

			(void)close(ends[1]);
			_exit(read(ends[0], &end, 1) == 0 ? 0 : 1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	assert_int_equal(weir_lock_take(dir, 0, &fd, &err), -EBUSY);
	assert_non_null(strstr(err.what, "that is gone"));
	(void)close(ends[0]);
	(void)close(ends[1]); /* now it ends */
	assert_int_equal(weir_lock_take(dir, 20000, &fd, &err), 0);
	weir_lock_release(fd);
}

static void test_folder_that_is_not_there(void **state)
{
	struct weir_error err;
	int fd = -1;

	(void)state;
	assert_int_equal(weir_lock_take("/nonexistent", 0, &fd, &err), -ENOENT);
	assert_string_not_equal(err.next, "");
}

static int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int leave(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	return unlink(path) || rmdir(dir) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_children_hold_it_too),
		cmocka_unit_test(test_folder_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
