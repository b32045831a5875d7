/* Keeps the roles of `weir run` running as child processes, and ends them in order.
 *
 * The table of roles is the order in which they start; they stop in the opposite one, each before the next: collect
 * first, so that nothing more arrives, then the sink when it has drained what is there or its time for that is over, and
 * the store last. SIGTERM asks; SIGKILL follows when the time to stop is over.
 *
 * A role that ends by itself is started again after a pause that grows while it keeps failing (supervise/backoff.h). One
 * that ends with status 2 before it was ever healthy has refused what it was told (a busy port, a missing library):
 * starting it again would change nothing. It stays down, and where the role is needed the whole run ends.
 *
 * Children are in process groups of their own, so that Ctrl-C on a terminal reaches the supervisor alone; they get SIGTERM
 * when it dies, however it dies. A supervisor belongs to one thread, the only one of its process: it takes SIGCHLD,
 * SIGTERM, SIGINT and (where nohup did not have it ignored) SIGHUP through a descriptor, and gives them back when it is
 * freed. */
#ifndef WEIR_SUPERVISE_SUPERVISOR_H
#define WEIR_SUPERVISE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "supervise/backoff.h"

/* All borrowed for the supervisor's life. */
struct weir_supervised {
	const char *name;	  /* "collect" */
	const char *program;	  /* its path; NULL: argv[0] */
	const char *const *argv;  /* ended by NULL */
	bool needed;		  /* the run ends when it refuses */
	int stop_ms;		  /* from SIGTERM to SIGKILL */
	int drain_ms;		  /* how long drained() may stay false before SIGTERM; 0: SIGTERM at once */
	bool (*drained)(void *ctx);
	bool (*may_start)(void *ctx); /* asked again and again until it says so; or NULL */
	int (*prepare)(void *ctx); /* in the child, before exec: a negative errno value ends it; or NULL */
	void *ctx;
};

enum weir_role_state {
	WEIR_ROLE_DOWN,
	WEIR_ROLE_RUNNING,
	WEIR_ROLE_HELD,	   /* may_start() says no */
	WEIR_ROLE_WAITING, /* ended by itself; starts again */
	WEIR_ROLE_REFUSED,
};

enum weir_supervise_event {
	WEIR_SUPERVISE_STARTED,
	WEIR_SUPERVISE_FAILED,	/* ended by itself; value is the pause in ms */
	WEIR_SUPERVISE_REFUSED, /* ended with status 2 */
	WEIR_SUPERVISE_DRAINING,
	WEIR_SUPERVISE_STOPPED, /* as it was asked to */
	WEIR_SUPERVISE_KILLED,	/* it did not end in time */
};

struct weir_role_status {
	enum weir_role_state state;
	pid_t pid;	    /* of RUNNING */
	unsigned restarts;  /* starts after the first */
	int64_t started_ms; /* on the clock's mono_ns; 0: not yet */
	int wait_status;    /* of the last end, as waitpid() gives it */
};

struct weir_supervisor_options {
	const struct weir_supervised *roles;
	unsigned count;
	struct weir_backoff backoff;
	const struct weir_clock *clock;
	void (*notify)(void *ctx, unsigned role, enum weir_supervise_event event, int64_t value); /* or NULL */
	void *ctx;
};

#define WEIR_SUPERVISE_REFUSAL 2 /* the exit status of a role that cannot do what it was told */

struct weir_supervisor;

int weir_supervisor_new(const struct weir_supervisor_options *options, struct weir_supervisor **ret_supervisor,
			struct weir_error *err) WEIR_MUST_CHECK;
/* Ends at once what still runs. */
void weir_supervisor_free(struct weir_supervisor *supervisor);
/* Start all roles. */
void weir_supervisor_start(struct weir_supervisor *supervisor);

enum weir_supervise_outcome {
	WEIR_SUPERVISE_GOING,  /* the time is over */
	WEIR_SUPERVISE_ASKED,  /* SIGTERM or SIGINT came, or the terminal went away (SIGHUP of the kernel's) */
	WEIR_SUPERVISE_RELOAD, /* SIGHUP of somebody's came */
	WEIR_SUPERVISE_BROKEN, /* a needed role has refused */
};

/* Look after the roles for up to timeout_ms. */
enum weir_supervise_outcome weir_supervisor_wait(struct weir_supervisor *supervisor, int timeout_ms) WEIR_MUST_CHECK;
/* Send SIGHUP to all roles that run. */
void weir_supervisor_hang_up(const struct weir_supervisor *supervisor);
/* Stop all roles in order. Another such signal meanwhile cuts it short: everything is killed. */
void weir_supervisor_stop(struct weir_supervisor *supervisor);

const struct weir_role_status *weir_supervisor_status(const struct weir_supervisor *supervisor, unsigned role);

#endif
