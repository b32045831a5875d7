/* `weir run`: the roles of one data folder, started and supervised. It becomes the unprivileged user first where root
 * started it (supervise/user.h), then is only their parent: it reads no flow and serves nobody. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/metrics.h"
#include "cli/reload.h"
#include "cli/notify.h"
#include "cli/role.h"
#include "cli/run_banner.h"
#include "cli/store_client.h"
#include "spool/survey.h"
#include "store/chdb.h"
#include "supervise/lock.h"
#include "supervise/supervisor.h"
#include "supervise/user.h"

#define PROGRAM	       "/proc/self/exe" /* the same version of it, even while a new one is installed */
#define PUBLISH_MS     1000
#define LOOK_MS	       100   /* while waiting for the roles to be up */
#define UP_MS	       15000 /* after so long the banner says what is not up */
#define SERVER_UP_MS   1000  /* the same of a store that is not ours to start */
#define LOCK_WAIT_MS   15000 /* for the roles of an earlier run that was killed */
#define STOP_MS	       10000
#define STORE_STOP_MS  30000 /* it writes out what is in memory */
#define DRAIN_MS       10000
#define NO_PROGRESS_MS 3000

/* In the order in which they start; they stop in the opposite one. */
enum role_index { STORE, WEB, NOTIFY, SINK, SNMP, COLLECT, PROBE, REPLICATE, ROLES };

static const struct {
	const char *name;
	bool needed;
	bool receives; /* keeps the capabilities for its sockets */
	int stop_ms;
	int drain_ms;
} ROLE_TABLE[ROLES] = {
	[STORE] = {"store", false, false, STORE_STOP_MS, 0},
	[WEB] = {"web", false, false, STOP_MS, 0},
	[NOTIFY] = {"notify", false, false, STOP_MS, 0},
	[SINK] = {"sink", false, false, STOP_MS, DRAIN_MS},
	[SNMP] = {"snmp", false, false, STOP_MS, 0},
	[COLLECT] = {"collect", true, true, STOP_MS, 0},
	[PROBE] = {"probe", false, true, STOP_MS, 0},
	[REPLICATE] = {"replicate", false, true, STOP_MS, 0},
};

struct run {
	struct weir_role role;
	const char *config_path; /* borrowed; NULL: the defaults */
	char config_copy[PATH_MAX]; /* that the roles read: the last one without a mistake */
	struct weir_user user;
	int lock_fd;
	unsigned count; /* of the roles that are wanted */
	struct weir_supervised supervised[ROLES];
	const char *argv[ROLES][8];
	struct weir_supervisor *supervisor;
	struct weir_client *client;
	bool store_answers;
	uint64_t waiting_segments; /* while draining: the least seen, and when */
	int64_t progress_ms;
};

static int64_t mono_ms(void)
{
	return weir_clock_mono_ns(&weir_clock_system) / WEIR_NS_PER_MS;
}

/* --- as whom ---------------------------------------------------------------------------------------------- */

/* What the roles need together. */
static uint64_t powers(const struct weir_config *config)
{
	bool keeps_source = config->replicate_keep_source && config->replicate_to.count;

	for (unsigned i = 0; i < config->replicate_to.count; i++)
		keeps_source = keeps_source || strstr(config->replicate_to.item[i], ",keep-source");
	return WEIR_USER_RECEIVES | (config->probe_interfaces.count ? WEIR_USER_LISTENS : 0) |
	       (keeps_source ? WEIR_USER_SENDS_RAW : 0);
}

static int become_user(struct run *run, struct weir_error *err)
{
	const struct weir_role *role = &run->role;
	const char *const folders[] = {role->data_dir, role->run_dir, role->spool_dir, role->store_dir, NULL};
	const char *files[4] = {NULL};
	char *library = NULL;
	const struct weir_user_options options = {
		.name = role->config.collect_user,
		.data_dir = role->data_dir,
		.folders = folders,
		.files = files,
	};
	unsigned n = 0;
	int rc;

	if (run->config_path)
		files[n++] = run->config_path;
	if (*role->config.store_password_file)
		files[n++] = role->config.store_password_file;
	/* Where there is none the store says so. */
	if (role->config.store_embedded && weir_chdb_find(role->config.store_library, &library, NULL) == 0)
		files[n++] = library;
	rc = weir_user_choose(&options, &run->user, err);
	free(library);
	if (rc)
		return rc;
	if (*run->user.warning)
		weir_log(&role->log, WEIR_LOG_WARN, "%s", run->user.warning);
	if (run->user.change && fchown(run->lock_fd, run->user.uid, run->user.gid))
		return weir_error_set(err, -errno, role->run_dir, NULL, "the lock cannot be given to \"%s\": %s",
				      run->user.name, strerror(errno));
	rc = weir_user_become(&run->user, powers(&role->config));
	return rc ? weir_error_set(err, rc, "collect.user", "set it to \"root\" to stay root",
				   "cannot become \"%s\": %s", run->user.name, strerror(-rc))
		  : 0;
}

/* In the child of a role that needs no capability. root that keeps its powers keeps them in its children. */
static int drop_powers(void *ctx)
{
	const struct run *run = ctx;

	return run->user.keep_powers ? 0 : weir_user_drop_powers();
}

/* In the child of the collector: it reads hostile bytes, and sends nothing. */
static int only_receive(void *ctx)
{
	const struct run *run = ctx;

	return run->user.keep_powers ? 0 : weir_user_limit_powers(WEIR_USER_RECEIVES);
}

/* --- what happens to the roles ---------------------------------------------------------------------------- */

static void tell_failed(const struct run *run, unsigned i, int64_t pause_ms)
{
	const struct weir_role_status *status = weir_supervisor_status(run->supervisor, i);
	const char *name = run->supervised[i].name;

	if (WIFSIGNALED(status->wait_status))
		weir_log(&run->role.log, WEIR_LOG_WARN, "%s was killed by signal %d (%s); it starts again in %" PRId64 " ms",
			 name, WTERMSIG(status->wait_status), strsignal(WTERMSIG(status->wait_status)), pause_ms);
	else
		weir_log(&run->role.log, WEIR_LOG_WARN, "%s ended with status %d; it starts again in %" PRId64 " ms", name,
			 WEXITSTATUS(status->wait_status), pause_ms);
}

static void on_event(void *ctx, unsigned i, enum weir_supervise_event event, int64_t value)
{
	const struct run *run = ctx;
	const struct weir_log *log = &run->role.log;
	const char *name = run->supervised[i].name;

	switch (event) {
	case WEIR_SUPERVISE_STARTED:
		weir_log(log, WEIR_LOG_DEBUG, "%s is process %" PRId64, name, value);
		break;
	case WEIR_SUPERVISE_FAILED:
		tell_failed(run, i, value);
		break;
	case WEIR_SUPERVISE_REFUSED:
		/* It has said why itself. */
		if (!run->supervised[i].needed)
			weir_log(log, WEIR_LOG_WARN, "going on without %s%s", name,
				 strcmp(name, "store") == 0 || strcmp(name, "sink") == 0
					 ? ": the spool keeps the flows, up to spool.size_max"
					 : "");
		break;
	case WEIR_SUPERVISE_DRAINING:
		weir_log(log, WEIR_LOG_INFO, "the sink has up to %" PRId64 " s to store what waits in the spool; Ctrl-C leaves "
					     "it there for the next start",
			 value / 1000);
		break;
	case WEIR_SUPERVISE_STOPPED:
		weir_log(log, WEIR_LOG_DEBUG, "%s has ended", name);
		break;
	case WEIR_SUPERVISE_KILLED:
		weir_log(log, WEIR_LOG_WARN, "%s was killed: it did not end in time", name);
		break;
	}
}

static int add_waiting(void *ctx, const struct weir_spool_survey *survey)
{
	/* Whoever is told of events gets them at the next start. */
	if (weir_table_of_lane(survey->consumer) == WEIR_TABLE_FLOWS)
		*(uint64_t *)ctx += survey->segments;
	return 0;
}

/* Nothing waits for the sink any more, or it gets no further. */
static bool drained(void *ctx)
{
	struct run *run = ctx;
	uint64_t waiting = 0;
	int64_t now = mono_ms();

	if (weir_spool_survey(run->role.spool_dir, add_waiting, &waiting, NULL) || waiting == 0)
		return true;
	if (!run->progress_ms || waiting < run->waiting_segments) {
		run->waiting_segments = waiting;
		run->progress_ms = now;
	}
	return now - run->progress_ms >= NO_PROGRESS_MS;
}

/* --- the roles -------------------------------------------------------------------------------------------- */

/* A role writes its metrics first when it is open for work. */
static bool has_opened(const struct run *run, const char *name)
{
	char path[sizeof(run->role.run_dir) + 32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s.prom", run->role.run_dir, name);
	return stat(path, &st) == 0 && (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 >= run->role.start_ms;
}

/* The sink waits for our own store: what answers on that port before may be another's, which refuses ours the port. */
static bool store_has_opened(void *ctx)
{
	return has_opened(ctx, "store");
}

/* The roles read a copy, which is replaced when the file was found to be right: so a role that is started again does not meet one that
 * is half written or has a mistake. Its folder is one that no role can write in. */
static int copy_config(struct run *run, struct weir_error *err)
{
	struct weir_buffer text;
	char folder[PATH_MAX / 2];
	int rc;

	if (!run->config_path)
		return 0;
	(void)snprintf(folder, sizeof(folder), "%s/" WEIR_ROLE_CONFIG_FOLDER, run->role.data_dir);
	(void)snprintf(run->config_copy, sizeof(run->config_copy), "%s/" WEIR_ROLE_CONFIG_FILE, folder);
	if (mkdir(folder, 0750) && errno != EEXIST)
		return weir_error_set(err, -errno, folder, NULL, "the folder cannot be made: %s", strerror(errno));
	weir_buffer_init(&text);
	rc = weir_file_read(run->config_path, WEIR_CONFIG_SIZE_MAX, &text);
	if (rc)
		(void)weir_error_set(err, rc, run->config_path, NULL, "cannot be read: %s", strerror(-rc));
	else
		rc = weir_metrics_publish(run->config_copy, &text, err);
	weir_buffer_done(&text);
	return rc;
}

/* At SIGHUP. */
static void reload(struct run *run)
{
	struct weir_config config;
	struct weir_error err = {0};

	if (weir_reload_read(&run->role.log, run->role.config_path, &run->role.config, &config, &err))
		return;
	weir_config_done(&config);
	if (copy_config(run, &err)) {
		weir_log(&run->role.log, WEIR_LOG_ERROR, "the configuration that was read before stays in force: %s: %s", err.where, err.what);
		return;
	}
	weir_log(&run->role.log, WEIR_LOG_INFO, "the configuration was read again; each process says what it takes over");
	weir_supervisor_hang_up(run->supervisor);
}

static void add_role(struct run *run, enum role_index which)
{
	struct weir_supervised *s = &run->supervised[run->count];
	const char **argv = run->argv[run->count];
	unsigned n = 0;

	argv[n++] = "weir";
	argv[n++] = ROLE_TABLE[which].name;
	if (run->config_path) {
		argv[n++] = "--config";
		argv[n++] = run->config_copy;
	}
	argv[n++] = "--data";
	argv[n++] = run->role.data_dir;
	argv[n] = NULL;
	*s = (struct weir_supervised){
		.name = ROLE_TABLE[which].name,
		.program = PROGRAM,
		.argv = argv,
		.needed = ROLE_TABLE[which].needed,
		.stop_ms = ROLE_TABLE[which].stop_ms,
		.drain_ms = ROLE_TABLE[which].drain_ms,
		.drained = ROLE_TABLE[which].drain_ms ? drained : NULL,
		.may_start = which == SINK && run->role.config.store_embedded ? store_has_opened : NULL,
		.prepare = which == COLLECT ? only_receive : ROLE_TABLE[which].receives ? NULL : drop_powers,
		.ctx = run,
	};
	run->count++;
}

static enum weir_role_state state_of(const struct run *run, const char *name)
{
	for (unsigned i = 0; i < run->count; i++) {
		if (strcmp(run->supervised[i].name, name) == 0)
			return weir_supervisor_status(run->supervisor, i)->state;
	}
	return WEIR_ROLE_DOWN;
}

/* What `weir status` wants to know of each role: a row a metric. */
static double role_up(const struct weir_role_status *status)
{
	return status->state == WEIR_ROLE_RUNNING;
}

static double role_refused(const struct weir_role_status *status)
{
	return status->state == WEIR_ROLE_REFUSED;
}

static double role_pid(const struct weir_role_status *status)
{
	return status->state == WEIR_ROLE_RUNNING ? status->pid : 0;
}

static double role_start_time(const struct weir_role_status *status)
{
	int64_t now_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;

	if (!status->started_ms)
		return 0;
	return (double)(now_ms - (mono_ms() - status->started_ms)) / (double)WEIR_MS_PER_S;
}

static double role_restarts(const struct weir_role_status *status)
{
	return status->restarts;
}

static const struct {
	const char *name;
	const char *help;
	double (*value)(const struct weir_role_status *status);
} ROLE_METRICS[] = {
	{"weir_run_role_up",                 "1 while the process runs",                                       role_up},
	{"weir_run_role_refused",            "1 when it refused to run: the configuration, or the machine",    role_refused},
	{"weir_run_role_pid",                "Process id; 0: none",                                            role_pid},
	{"weir_run_role_start_time_seconds", "When it was started last, Unix time; 0: not yet",                  role_start_time},
	{"weir_run_role_restarts",           "Starts after the first",                                         role_restarts},
};

static int describe_roles(const struct run *run, struct weir_buffer *text)
{
	int rc = 0;

	for (unsigned m = 0; m < sizeof(ROLE_METRICS) / sizeof(*ROLE_METRICS); m++) {
		for (unsigned i = 0; !rc && i < run->count; i++) {
			char label[64];

			(void)snprintf(label, sizeof(label), "role=\"%s\"", run->supervised[i].name);
			rc = weir_metrics_gauge(text, ROLE_METRICS[m].name, i ? NULL : ROLE_METRICS[m].help, label,
						ROLE_METRICS[m].value(weir_supervisor_status(run->supervisor, i)));
		}
	}
	return rc;
}

static void publish(const struct run *run)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_metrics_gauge(&text, "weir_run_start_time_seconds", "When `weir run` started, Unix time", NULL,
				(double)run->role.start_ms / (double)WEIR_MS_PER_S);
	if (!rc)
		rc = weir_metrics_gauge(&text, "weir_run_pid", "Process id of `weir run`", NULL, getpid());
	if (!rc)
		rc = describe_roles(run, &text);
	if (!rc)
		weir_role_publish(&run->role, &text);
	weir_buffer_done(&text);
}

/* --- up, and the banner ----------------------------------------------------------------------------------- */

static bool store_answers(struct run *run)
{
	static const struct weir_client_setting NO_DATABASE[] = {{"database", ""}, {NULL, NULL}};
	struct weir_error err;

	if (run->role.config.store_embedded && !store_has_opened(run))
		return false;
	if (!run->store_answers && run->client)
		run->store_answers = weir_client_query(run->client, "SELECT 1", NO_DATABASE, 1, NULL, &err) == 0;
	return run->store_answers;
}

static bool is_up(struct run *run)
{
	bool store_is_out = run->role.config.store_embedded && state_of(run, "store") == WEIR_ROLE_REFUSED;

	return has_opened(run, "collect") && (store_is_out || store_answers(run));
}

static void print_banner(struct run *run, const char *options)
{
	struct weir_run_banner banner = {
		.role = &run->role,
		.options = options,
		.user = geteuid() == 0 || run->user.change ? run->user.name : NULL,
	};
	struct weir_buffer store;
	int rc;

	weir_buffer_init(&store);
	rc = weir_role_store_url(&run->role.config, &store);
	if (!rc && !run->store_answers)
		rc = weir_buffer_text(&store, " (does not answer yet; the spool keeps the flows)");
	if (state_of(run, "store") == WEIR_ROLE_REFUSED) {
		weir_buffer_reset(&store);
		rc = weir_buffer_text(&store, "none; the spool keeps the flows");
	}
	banner.store = rc ? NULL : weir_buffer_cstr(&store);
	if (banner.store)
		weir_run_banner_print(&banner, stdout);
	weir_buffer_done(&store);
}

static enum weir_supervise_outcome come_up(struct run *run)
{
	int64_t end_ms = mono_ms() + UP_MS;
	int64_t server_end_ms = mono_ms() + SERVER_UP_MS;
	enum weir_supervise_outcome outcome;

	do {
		outcome = weir_supervisor_wait(run->supervisor, LOOK_MS);
		if (outcome == WEIR_SUPERVISE_RELOAD) {
			reload(run);
			outcome = WEIR_SUPERVISE_GOING;
		}
		publish(run);
		if (!run->role.config.store_embedded && has_opened(run, "collect") && mono_ms() >= server_end_ms)
			break;
	} while (outcome == WEIR_SUPERVISE_GOING && !is_up(run) && mono_ms() < end_ms);
	return outcome;
}

static int supervise(struct run *run, const char *options)
{
	enum weir_supervise_outcome outcome;

	weir_supervisor_start(run->supervisor);
	outcome = come_up(run);
	if (outcome == WEIR_SUPERVISE_GOING)
		print_banner(run, options);
	while (outcome == WEIR_SUPERVISE_GOING) {
		publish(run);
		outcome = weir_supervisor_wait(run->supervisor, PUBLISH_MS);
		if (outcome == WEIR_SUPERVISE_RELOAD) {
			reload(run);
			outcome = WEIR_SUPERVISE_GOING;
		}
	}
	if (outcome == WEIR_SUPERVISE_ASKED)
		weir_log(&run->role.log, WEIR_LOG_INFO, "stopping: first collect, then the sink, then the store");
	weir_supervisor_stop(run->supervisor);
	return outcome == WEIR_SUPERVISE_BROKEN ? WEIR_EXIT_USAGE : WEIR_EXIT_OK;
}

static void remove_metrics(const struct run *run)
{
	static const char *const NAMES[] = {"run", "collect", "notify", "probe", "replicate", "sink", "snmp", "store", "web"};

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		char path[sizeof(run->role.run_dir) + 16];

		(void)snprintf(path, sizeof(path), "%s/%s.prom", run->role.run_dir, NAMES[i]);
		(void)unlink(path);
	}
}

static int prepare(struct run *run, struct weir_error *err)
{
	struct weir_supervisor_options options = {
		.roles = run->supervised,
		.backoff = {.min_ms = 250, .max_ms = 30000, .healthy_ms = 60000},
		.clock = &weir_clock_system,
		.notify = on_event,
		.ctx = run,
	};
	int rc = weir_lock_take(run->role.run_dir, LOCK_WAIT_MS, &run->lock_fd, err);

	if (!rc)
		rc = become_user(run, err);
	if (!rc)
		rc = copy_config(run, err);
	if (rc)
		return rc;
	/* What an earlier run left says nothing of this one. */
	remove_metrics(run);
	if (run->role.config.store_embedded)
		add_role(run, STORE);
	if (run->role.config.web_listen.count)
		add_role(run, WEB);
	if (run->role.config.notify_to.count)
		add_role(run, NOTIFY);
	else
		weir_targets_forget_others(run->role.spool_dir, &(struct weir_targets){0});
	add_role(run, SINK);
	if (run->role.config.snmp_targets.count)
		add_role(run, SNMP);
	add_role(run, COLLECT);
	if (run->role.config.probe_interfaces.count)
		add_role(run, PROBE);
	if (run->role.config.replicate_to.count)
		add_role(run, REPLICATE);
	options.count = run->count;
	rc = weir_store_client_new(&run->role.config, 1, &run->client, err);
	return rc ? rc : weir_supervisor_new(&options, &run->supervisor, err);
}

/* What the commands of the banner need to mean the same: the values are the command line's. */
static void repeat_options(const struct weir_role_values *values, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%s%s", values->config ? " --config " : "", values->config ? values->config : "");
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct weir_role_values values = {0};
	struct run run = {.lock_fd = -1};
	struct weir_error err = {0};
	char options[512];
	int status = weir_role_init_options(self, argc, argv, &values, &run.role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	run.config_path = weir_config_find(values.config);
	repeat_options(&values, options, sizeof(options));
	if (prepare(&run, &err)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else {
		status = supervise(&run, options);
		remove_metrics(&run);
		weir_log(&run.role.log, WEIR_LOG_INFO, "stopped");
	}
	weir_supervisor_free(run.supervisor);
	weir_client_free(run.client);
	weir_lock_release(run.lock_fd);
	weir_role_done(&run.role);
	return status;
}

const struct weir_command weir_command_run = {
	.name = "run",
	.arguments = "[OPTION]...",
	.summary = "receive, store and be ready to answer: all the processes of a data folder",
	.text = "Starts the embedded store, the sink and the collector as processes of their own and keeps them running. One "
		"that crashes is started again, with growing pauses, and costs the others nothing. One that cannot do what it was "
		"told (a busy port, a missing library) says why and is left alone; without the collector everything ends.\n\n"
		"SIGHUP reads the configuration again. What is wrong with it is told, and the old one stays in force; otherwise networks, services, policy, threat lists, "
		"countries and AS, names, collect.allow, snmp's options, notify.to and the replicator's outputs are taken over, and the log says what else has changed and needs a "
		"restart. Files that it names (networks, policy, lists, certificates) are read again by themselves when they change.\n\n"
		"Ctrl-C (SIGINT, SIGTERM, or the terminal that goes away) ends them in order: the collector takes in and syncs what its sockets hold, the "
		"sink has up to 10 seconds to store what waits in the spool, then the store closes. What is left in the spool is "
		"stored after the next start. A second Ctrl-C kills them; nothing that was synced is lost by that.\n\n"
		"Started by root, all of it runs as the user of collect.user, with the right to receive on ports below 1024.",
	.options = weir_role_options,
	.examples = "weir run\twith the defaults: data under ./var\n"
		    "weir run --config /etc/weir/weir.yaml --data /var/lib/weir\tas a service does",
	.run = run,
};
