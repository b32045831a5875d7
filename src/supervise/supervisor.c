#include "supervise/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACE_MS 100 /* of asking drained() and may_start() */

struct role {
	struct weir_role_status status;
	struct weir_backoff backoff;
	int64_t due_ms; /* of WAITING */
	bool started;	/* once at least */
	bool healthy;	/* ran for long enough once */
	bool stopping;	/* it was asked to end */
};

struct weir_supervisor {
	struct weir_supervisor_options options;
	struct role *roles; /* owned; options.count of them */
	sigset_t before;    /* the signal mask to give back */
	int signal_fd;
	bool asked;
	bool hung_up;
	bool hurry;
	bool stopping;
};

static int64_t now_ms(const struct weir_supervisor *s)
{
	return weir_clock_mono_ns(s->options.clock) / WEIR_NS_PER_MS;
}

static void notify(const struct weir_supervisor *s, unsigned i, enum weir_supervise_event event, int64_t value)
{
	if (s->options.notify)
		s->options.notify(s->options.ctx, i, event, value);
}

int weir_supervisor_new(const struct weir_supervisor_options *options, struct weir_supervisor **ret_supervisor,
			struct weir_error *err)
{
	struct weir_supervisor *s = calloc(1, sizeof(*s));
	struct sigaction hangup;
	sigset_t set;

	if (s)
		s->roles = calloc(options->count ? options->count : 1, sizeof(*s->roles));
	if (!s || !s->roles) {
		free(s);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "there is no memory left");
	}
	s->options = *options;
	for (unsigned i = 0; i < options->count; i++)
		s->roles[i].backoff = options->backoff;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, &s->before);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0) {
		int rc = weir_error_set(err, -errno, NULL, NULL, "signals cannot be taken: %s", strerror(errno));

		weir_supervisor_free(s);
		return rc;
	}
	*ret_supervisor = s;
	return 0;
}

void weir_supervisor_free(struct weir_supervisor *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->options.count; i++) {
		struct weir_role_status *status = &s->roles[i].status;

		if (status->state != WEIR_ROLE_RUNNING)
			continue;
		(void)kill(status->pid, SIGKILL);
		(void)waitpid(status->pid, &status->wait_status, 0);
	}
	if (s->signal_fd >= 0)
		(void)close(s->signal_fd);
	(void)sigprocmask(SIG_SETMASK, &s->before, NULL);
	free(s->roles);
	free(s);
}

/* In the child, up to exec. */
static _Noreturn void become_role(const struct weir_supervisor *s, const struct weir_supervised *role, pid_t parent)
{
	int rc = 0;

	(void)setpgid(0, 0);
	(void)sigprocmask(SIG_SETMASK, &s->before, NULL);
	if (role->prepare)
		rc = role->prepare(role->ctx);
	/* After prepare(): a change of the user takes this away. */
	if (!rc && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		rc = -errno;
	/* The parent may have died before the line above. */
	if (!rc && getppid() != parent)
		_exit(1);
	if (!rc) {
		/* execv() takes no const, yet writes nothing. */
		(void)execv(role->program ? role->program : role->argv[0], (char *const *)(uintptr_t)role->argv);
		rc = -errno;
	}
	(void)dprintf(STDERR_FILENO, "weir: %s: cannot be started: %s\n", role->name, strerror(-rc));
	_exit(127);
}

/* The role did not run, or runs no more: start it again after a pause. */
static void schedule(struct weir_supervisor *s, unsigned i)
{
	struct role *role = &s->roles[i];
	int64_t now = now_ms(s);
	int64_t pause_ms = weir_backoff_fail(&role->backoff, now - role->status.started_ms);

	role->status.state = WEIR_ROLE_WAITING;
	role->due_ms = now + pause_ms;
	notify(s, i, WEIR_SUPERVISE_FAILED, pause_ms);
}

static void start(struct weir_supervisor *s, unsigned i)
{
	const struct weir_supervised *wanted = &s->options.roles[i];
	struct role *role = &s->roles[i];
	pid_t parent = getpid();
	pid_t pid;

	if (wanted->may_start && !wanted->may_start(wanted->ctx)) {
		role->status.state = WEIR_ROLE_HELD;
		return;
	}
	role->status.restarts += role->started;
	role->started = true;
	role->status.started_ms = now_ms(s);
	role->stopping = false;
	pid = fork();
	if (pid == 0)
		become_role(s, wanted, parent);
	if (pid < 0) {
		schedule(s, i);
		return;
	}
	role->status.pid = pid;
	role->status.state = WEIR_ROLE_RUNNING;
	notify(s, i, WEIR_SUPERVISE_STARTED, pid);
}

void weir_supervisor_start(struct weir_supervisor *s)
{
	for (unsigned i = 0; i < s->options.count; i++)
		start(s, i);
}

static bool refused(const struct weir_role_status *status)
{
	return WIFEXITED(status->wait_status) && WEXITSTATUS(status->wait_status) == WEIR_SUPERVISE_REFUSAL;
}

static void ended(struct weir_supervisor *s, unsigned i)
{
	struct role *role = &s->roles[i];

	role->healthy = role->healthy || now_ms(s) - role->status.started_ms >= role->backoff.healthy_ms;
	if (role->stopping || s->stopping) {
		role->status.state = WEIR_ROLE_DOWN;
		notify(s, i, WEIR_SUPERVISE_STOPPED, 0);
	} else if (refused(&role->status) && !role->healthy) {
		role->status.state = WEIR_ROLE_REFUSED;
		notify(s, i, WEIR_SUPERVISE_REFUSED, 0);
	} else {
		schedule(s, i);
	}
}

static void reap(struct weir_supervisor *s)
{
	for (unsigned i = 0; i < s->options.count; i++) {
		struct weir_role_status *status = &s->roles[i].status;

		if (status->state == WEIR_ROLE_RUNNING && waitpid(status->pid, &status->wait_status, WNOHANG) == status->pid)
			ended(s, i);
	}
}

/* Wait for a signal, and act on those that came. */
static void take_signals(struct weir_supervisor *s, int64_t timeout_ms)
{
	struct pollfd fd = {.fd = s->signal_fd, .events = POLLIN};
	struct signalfd_siginfo info;

	if (poll(&fd, 1, timeout_ms < 0 ? 0 : timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms) <= 0)
		return;
	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* The kernel's SIGHUP says that the terminal is gone. */
		if (info.ssi_signo == SIGHUP && info.ssi_code != SI_KERNEL) {
			s->hung_up = true;
			continue;
		}
		s->hurry = s->stopping;
		s->asked = true;
	}
	reap(s);
}

/* Start what is due; the time until the next one is, at most limit. */
static int64_t start_due(struct weir_supervisor *s, int64_t limit_ms)
{
	int64_t now = now_ms(s);

	for (unsigned i = 0; i < s->options.count; i++) {
		if (s->roles[i].status.state == WEIR_ROLE_HELD) {
			start(s, i);
			limit_ms = limit_ms < PACE_MS ? limit_ms : PACE_MS;
		}
		if (s->roles[i].status.state != WEIR_ROLE_WAITING)
			continue;
		if (s->roles[i].due_ms <= now)
			start(s, i);
		else if (s->roles[i].due_ms - now < limit_ms)
			limit_ms = s->roles[i].due_ms - now;
	}
	return limit_ms;
}

static bool broken(const struct weir_supervisor *s)
{
	for (unsigned i = 0; i < s->options.count; i++) {
		if (s->options.roles[i].needed && s->roles[i].status.state == WEIR_ROLE_REFUSED)
			return true;
	}
	return false;
}

enum weir_supervise_outcome weir_supervisor_wait(struct weir_supervisor *s, int timeout_ms)
{
	int64_t end_ms = now_ms(s) + timeout_ms;

	for (;;) {
		int64_t left_ms = end_ms - now_ms(s);

		take_signals(s, start_due(s, left_ms > 0 ? left_ms : 0));
		if (s->asked)
			return WEIR_SUPERVISE_ASKED;
		if (s->hung_up) {
			s->hung_up = false;
			return WEIR_SUPERVISE_RELOAD;
		}
		if (broken(s))
			return WEIR_SUPERVISE_BROKEN;
		if (left_ms <= 0)
			return WEIR_SUPERVISE_GOING;
	}
}

void weir_supervisor_hang_up(const struct weir_supervisor *s)
{
	for (unsigned i = 0; i < s->options.count; i++) {
		if (s->roles[i].status.state == WEIR_ROLE_RUNNING)
			(void)kill(s->roles[i].status.pid, SIGHUP);
	}
}

static bool runs(const struct weir_supervisor *s, unsigned i)
{
	return s->roles[i].status.state == WEIR_ROLE_RUNNING;
}

static void drain(struct weir_supervisor *s, unsigned i)
{
	const struct weir_supervised *role = &s->options.roles[i];
	int64_t end_ms = now_ms(s) + role->drain_ms;
	bool told = false;

	if (!role->drained)
		return;
	while (runs(s, i) && !s->hurry && now_ms(s) < end_ms && !role->drained(role->ctx)) {
		if (!told)
			notify(s, i, WEIR_SUPERVISE_DRAINING, role->drain_ms);
		told = true;
		take_signals(s, PACE_MS);
	}
}

static void stop(struct weir_supervisor *s, unsigned i)
{
	int64_t end_ms;

	drain(s, i);
	if (!runs(s, i)) {
		s->roles[i].status.state = WEIR_ROLE_DOWN;
		return;
	}
	s->roles[i].stopping = true;
	(void)kill(s->roles[i].status.pid, SIGTERM);
	end_ms = now_ms(s) + s->options.roles[i].stop_ms;
	while (runs(s, i) && !s->hurry && now_ms(s) < end_ms)
		take_signals(s, end_ms - now_ms(s));
	if (!runs(s, i))
		return;
	notify(s, i, WEIR_SUPERVISE_KILLED, 0);
	(void)kill(s->roles[i].status.pid, SIGKILL);
	(void)waitpid(s->roles[i].status.pid, &s->roles[i].status.wait_status, 0);
	s->roles[i].status.state = WEIR_ROLE_DOWN;
}

void weir_supervisor_stop(struct weir_supervisor *s)
{
	s->stopping = true;
	for (unsigned i = s->options.count; i-- > 0;)
		stop(s, i);
}

const struct weir_role_status *weir_supervisor_status(const struct weir_supervisor *s, unsigned role)
{
	return &s->roles[role].status;
}
