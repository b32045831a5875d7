/* The supervisor over real children: little shell scripts that say in a file what happens to them. Nothing here depends on
 * how long something takes; what is waited for is bounded by PATIENCE_MS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/supervisor.h"

#define PATIENCE_MS 20000

/* Says NAME on SIGTERM; "ready" once it listens for that. SIGKILL for the sleep: what is still between fork and exec would
 * take a SIGTERM with the shell's own handler, and stay. */
#define POLITE(name) "trap 'echo " name " >>said; kill -9 $!; exit 0' TERM; sleep 1000 & echo ready >>said; wait"
#define STUBBORN     "trap '' TERM; echo ready >>said; while :; do sleep 1000; done"

#define SCRIPT(text) (const char *const[]){"/bin/sh", "-c", text, NULL}

static char dir[] = "/tmp/weir-supervise-XXXXXX";

struct log {
	enum weir_supervise_event event[64];
	int64_t value[64];
	unsigned role[64];
	unsigned count;
};

static void note(void *ctx, unsigned role, enum weir_supervise_event event, int64_t value)
{
	struct log *log = ctx;

	if (log->count == 64)
		return;
	log->role[log->count] = role;
	log->event[log->count] = event;
	log->value[log->count++] = value;
}

static unsigned count_of(const struct log *log, enum weir_supervise_event event)
{
	unsigned n = 0;

	for (unsigned i = 0; i < log->count; i++)
		n += log->event[i] == event;
	return n;
}

static const char *said(void)
{
	static char text[4096];
	FILE *file = fopen("said", "r");

	text[0] = '\0';
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		(void)fclose(file);
	}
	return text;
}

static unsigned lines(const char *word)
{
	unsigned n = 0;

	for (const char *p = said(); (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

static struct weir_supervisor *supervise(const struct weir_supervised *roles, unsigned count, struct log *log)
{
	const struct weir_supervisor_options options = {
		.roles = roles,
		.count = count,
		.backoff = {.min_ms = 1, .max_ms = 4, .healthy_ms = 3600000},
		.clock = &weir_clock_system,
		.notify = note,
		.ctx = log,
	};
	struct weir_supervisor *s = NULL;
	struct weir_error err;

	(void)unlink("said");
	assert_int_equal(weir_supervisor_new(&options, &s, &err), 0);
	weir_supervisor_start(s);
	return s;
}

/* Look after the roles until word was said so often. */
static void wait_for_lines(struct weir_supervisor *s, const char *word, unsigned count)
{
	for (int waited = 0; lines(word) < count; waited += 10) {
		if (waited > PATIENCE_MS)
			fail_msg("\"%s\" was not said %u times: %s", word, count, said());
		(void)!weir_supervisor_wait(s, 10);
	}
}

static void test_stops_in_the_opposite_order(void **state)
{
	const struct weir_supervised roles[] = {
		{.name = "store", .argv = SCRIPT(POLITE("store")), .stop_ms = PATIENCE_MS},
		{.name = "sink", .argv = SCRIPT(POLITE("sink")), .stop_ms = PATIENCE_MS},
		{.name = "collect", .argv = SCRIPT(POLITE("collect")), .stop_ms = PATIENCE_MS},
	};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 3, &log);

	(void)state;
	wait_for_lines(s, "ready", 3);
	assert_int_equal(weir_supervisor_status(s, 0)->state, WEIR_ROLE_RUNNING);
	weir_supervisor_stop(s);
	assert_non_null(strstr(said(), "collect\nsink\nstore\n"));
	assert_int_equal(weir_supervisor_status(s, 0)->state, WEIR_ROLE_DOWN);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_STOPPED), 3);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_KILLED), 0);
	weir_supervisor_free(s);
}

static void test_starts_again_with_growing_pauses(void **state)
{
	const struct weir_supervised roles[] = {
		{.name = "crash", .argv = SCRIPT("echo x >>said; kill -SEGV $$")},
		{.name = "good", .argv = SCRIPT(POLITE("good")), .stop_ms = PATIENCE_MS},
	};
	static const int64_t PAUSES[] = {1, 2, 4, 4};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 2, &log);
	unsigned n = 0;

	(void)state;
	wait_for_lines(s, "x", 5);
	wait_for_lines(s, "ready", 1);
	for (unsigned i = 0; i < log.count && n < 4; i++) {
		if (log.event[i] != WEIR_SUPERVISE_FAILED)
			continue;
		assert_int_equal(log.role[i], 0);
		assert_int_equal(log.value[i], PAUSES[n++]);
	}
	assert_int_equal(n, 4);
	assert_true(weir_supervisor_status(s, 0)->restarts >= 4);
	assert_true(WIFSIGNALED(weir_supervisor_status(s, 0)->wait_status));
	/* The one that crashes costs the other nothing. */
	assert_int_equal(weir_supervisor_status(s, 1)->state, WEIR_ROLE_RUNNING);
	assert_int_equal(weir_supervisor_status(s, 1)->restarts, 0);
	weir_supervisor_stop(s);
	weir_supervisor_free(s);
}

static void test_ending_well_is_a_failure_too(void **state)
{
	const struct weir_supervised roles[] = {{.name = "ends", .argv = SCRIPT("echo x >>said; exit 0")}};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 1, &log);

	(void)state;
	wait_for_lines(s, "x", 2);
	weir_supervisor_free(s);
}

static void test_needed_role_that_refuses_ends_the_run(void **state)
{
	const struct weir_supervised roles[] = {
		{.name = "store", .argv = SCRIPT(POLITE("store")), .stop_ms = PATIENCE_MS},
		{.name = "collect", .argv = SCRIPT("exit 2"), .needed = true},
	};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 2, &log);

	(void)state;
	assert_int_equal(weir_supervisor_wait(s, PATIENCE_MS), WEIR_SUPERVISE_BROKEN);
	assert_int_equal(weir_supervisor_status(s, 1)->state, WEIR_ROLE_REFUSED);
	assert_int_equal(weir_supervisor_status(s, 1)->restarts, 0);
	weir_supervisor_stop(s);
	weir_supervisor_free(s);
}

static void test_other_role_that_refuses_stays_down(void **state)
{
	const struct weir_supervised roles[] = {
		{.name = "store", .argv = SCRIPT("exit 2")},
		{.name = "collect", .argv = SCRIPT(POLITE("collect")), .needed = true, .stop_ms = PATIENCE_MS},
	};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 2, &log);

	(void)state;
	while (count_of(&log, WEIR_SUPERVISE_REFUSED) == 0)
		assert_int_equal(weir_supervisor_wait(s, 10), WEIR_SUPERVISE_GOING);
	wait_for_lines(s, "ready", 1);
	assert_int_equal(weir_supervisor_status(s, 0)->state, WEIR_ROLE_REFUSED);
	assert_int_equal(weir_supervisor_status(s, 1)->state, WEIR_ROLE_RUNNING);
	weir_supervisor_stop(s);
	assert_int_equal(weir_supervisor_status(s, 0)->state, WEIR_ROLE_DOWN);
	weir_supervisor_free(s);
}

/* What was healthy once is started again whatever it ends with: the port will be free, the disk will have room. */
static void test_refusal_after_health_is_a_failure(void **state)
{
	const struct weir_supervised roles[] = {{.name = "late", .argv = SCRIPT("echo x >>said; exit 2"), .needed = true}};
	struct log log = {0};
	const struct weir_supervisor_options options = {
		.roles = roles,
		.count = 1,
		.backoff = {.min_ms = 1, .max_ms = 4, .healthy_ms = 0},
		.clock = &weir_clock_system,
		.notify = note,
		.ctx = &log,
	};
	struct weir_supervisor *s = NULL;
	struct weir_error err;

	(void)state;
	(void)unlink("said");
	assert_int_equal(weir_supervisor_new(&options, &s, &err), 0);
	weir_supervisor_start(s);
	wait_for_lines(s, "x", 3);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_REFUSED), 0);
	weir_supervisor_free(s);
}

static void test_kills_what_does_not_end(void **state)
{
	const struct weir_supervised roles[] = {{.name = "stubborn", .argv = SCRIPT(STUBBORN), .stop_ms = 20}};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 1, &log);
	pid_t pid;

	(void)state;
	wait_for_lines(s, "ready", 1);
	pid = weir_supervisor_status(s, 0)->pid;
	weir_supervisor_stop(s);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_KILLED), 1);
	assert_int_equal(kill(pid, 0), -1);
	(void)kill(-pid, SIGKILL); /* its sleep */
	weir_supervisor_free(s);
}

static bool send_second_signal(void *ctx)
{
	(void)ctx;
	(void)kill(getpid(), SIGINT);
	return false;
}

static void test_signals(void **state)
{
	const struct weir_supervised roles[] = {{.name = "stubborn",
						 .argv = SCRIPT(STUBBORN),
						 .stop_ms = PATIENCE_MS * 10,
						 .drain_ms = PATIENCE_MS * 10,
						 .drained = send_second_signal}};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 1, &log);
	pid_t pid;

	(void)state;
	wait_for_lines(s, "ready", 1);
	pid = weir_supervisor_status(s, 0)->pid;
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(weir_supervisor_wait(s, PATIENCE_MS), WEIR_SUPERVISE_RELOAD);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(weir_supervisor_wait(s, PATIENCE_MS), WEIR_SUPERVISE_ASKED);
	/* The second signal, which comes while it drains, kills at once. */
	weir_supervisor_stop(s);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_KILLED), 1);
	(void)kill(-pid, SIGKILL);
	weir_supervisor_free(s);
}

static bool third_time(void *ctx)
{
	return ++*(unsigned *)ctx == 3;
}

static void test_drains_before_it_asks(void **state)
{
	unsigned asked = 0;
	const struct weir_supervised roles[] = {{.name = "sink",
						 .argv = SCRIPT(POLITE("sink")),
						 .stop_ms = PATIENCE_MS,
						 .drain_ms = PATIENCE_MS,
						 .drained = third_time,
						 .ctx = &asked}};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 1, &log);

	(void)state;
	wait_for_lines(s, "ready", 1);
	weir_supervisor_stop(s);
	assert_int_equal(asked, 3);
	assert_int_equal(count_of(&log, WEIR_SUPERVISE_DRAINING), 1);
	assert_int_equal(lines("sink"), 1);
	weir_supervisor_free(s);
}

/* Held until it may start, which is no restart. */
static void test_may_start(void **state)
{
	unsigned asked = 0;
	const struct weir_supervised roles[] = {{.name = "sink",
						 .argv = SCRIPT(POLITE("sink")),
						 .stop_ms = PATIENCE_MS,
						 .may_start = third_time,
						 .ctx = &asked}};
	struct log log = {0};
	struct weir_supervisor *s = supervise(roles, 1, &log);

	(void)state;
	assert_int_equal(asked, 1);
	assert_int_equal(weir_supervisor_status(s, 0)->state, WEIR_ROLE_HELD);
	wait_for_lines(s, "ready", 1);
	assert_int_equal(asked, 3);
	assert_int_equal(weir_supervisor_status(s, 0)->restarts, 0);
	weir_supervisor_stop(s);
	weir_supervisor_free(s);
}

static void test_program_that_is_not_there(void **state)
{
	const struct weir_supervised roles[] = {{.name = "absent", .argv = (const char *const[]){"/nonexistent", NULL}}};
	struct log log = {0};
	struct weir_supervisor *s;
	int before = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(freopen("/dev/null", "w", stderr));
	s = supervise(roles, 1, &log);
	for (int waited = 0; count_of(&log, WEIR_SUPERVISE_FAILED) == 0 && waited < PATIENCE_MS; waited += 10)
		(void)!weir_supervisor_wait(s, 10);
	assert_true(count_of(&log, WEIR_SUPERVISE_FAILED) > 0);
	assert_int_equal(WEXITSTATUS(weir_supervisor_status(s, 0)->wait_status), 127);
	weir_supervisor_free(s);
	(void)fflush(stderr);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	(void)close(before);
}

/* kill -9 of the supervisor: its children are told. */
static void test_children_die_with_it(void **state)
{
	const struct weir_supervised roles[] = {{.name = "orphan", .argv = SCRIPT(POLITE("gone")), .stop_ms = PATIENCE_MS}};
	pid_t pid;
	int waited = 0;

	(void)state;
	(void)unlink("said");
	pid = fork();
	if (pid == 0) {
		struct log log = {0};
		struct weir_supervisor *s = supervise(roles, 1, &log);

		for (;;)
			(void)!weir_supervisor_wait(s, 1000);
	}
	for (; lines("ready") == 0 && waited < PATIENCE_MS; waited += 10)
		(void)poll(NULL, 0, 10);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (; lines("gone") == 0 && waited < PATIENCE_MS; waited += 10)
		(void)poll(NULL, 0, 10);
	assert_int_equal(lines("gone"), 1);
}

static int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	(void)unlink("said");
	return chdir("/") || rmdir(dir) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stops_in_the_opposite_order),
		cmocka_unit_test(test_starts_again_with_growing_pauses),
		cmocka_unit_test(test_ending_well_is_a_failure_too),
		cmocka_unit_test(test_needed_role_that_refuses_ends_the_run),
		cmocka_unit_test(test_other_role_that_refuses_stays_down),
		cmocka_unit_test(test_refusal_after_health_is_a_failure),
		cmocka_unit_test(test_kills_what_does_not_end),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_drains_before_it_asks),
		cmocka_unit_test(test_may_start),
		cmocka_unit_test(test_program_that_is_not_there),
		cmocka_unit_test(test_children_die_with_it),
	};

	/* Under nohup it would be ignored. */
	(void)signal(SIGHUP, SIG_DFL);
	return cmocka_run_group_tests(tests, enter, leave);
}
