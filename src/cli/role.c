#include "cli/role.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metrics.h"
#include "cli/reload.h"
#include "supervise/user.h"

#define COMPLAIN_S 60

const struct weir_option weir_role_options[] = {
	WEIR_ROLE_OPTIONS,
	{.name = NULL},
};

static enum weir_log_level level_of(const char *name)
{
	static const char *const NAMES[] = {"error", "warn", "info", "debug"};

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(NAMES[i], name) == 0)
			return (enum weir_log_level)i;
	}
	return WEIR_LOG_INFO;
}

/* mkdir -p. */
static int make_folder(const char *path, struct weir_error *err)
{
	char part[PATH_MAX];
	struct stat st;

	for (const char *p = path; *p;) {
		size_t n;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		n = (size_t)(p - path);
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (mkdir(part, 0750) && errno != EEXIST)
			return weir_error_set(err, -errno, part, "choose another folder with --data or data_dir, or give "
								 "this user the right to write there",
					      "the folder cannot be made: %s", strerror(errno));
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return weir_error_set(err, -ENOTDIR, path, "choose another folder with --data or data_dir",
				      "this is not a folder");
	if (access(path, W_OK | X_OK))
		return weir_error_set(err, -errno, path, "choose another folder with --data or data_dir, or give this "
							 "user the right to write there",
				      "the folder cannot be written: %s", strerror(errno));
	return 0;
}

static int make_folders(struct weir_role *role, const char *data, struct weir_error *err)
{
	char *absolute;
	int rc = make_folder(data, err);

	if (rc)
		return rc;
	absolute = realpath(data, NULL);
	if (!absolute || strlen(absolute) >= sizeof(role->data_dir)) {
		free(absolute);
		return weir_error_set(err, -ENAMETOOLONG, data, "choose another folder with --data or data_dir",
				      "the folder's path is too long");
	}
	memcpy(role->data_dir, absolute, strlen(absolute) + 1);
	free(absolute);
	(void)snprintf(role->spool_dir, sizeof(role->spool_dir), "%s/spool", role->data_dir);
	(void)snprintf(role->store_dir, sizeof(role->store_dir), "%s/store", role->data_dir);
	(void)snprintf(role->run_dir, sizeof(role->run_dir), "%s/run", role->data_dir);
	rc = make_folder(role->run_dir, err);
	if (!rc)
		rc = make_folder(role->spool_dir, err);
	return rc ? rc : make_folder(role->store_dir, err);
}

static int take_signals(struct weir_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return weir_error_set(err, -errno, NULL, NULL, "signals cannot be blocked: %s", strerror(errno));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? weir_error_set(err, -errno, NULL, NULL, "signalfd: %s", strerror(errno)) : fd;
}

/* `weir run` has SIGHUP among its supervisor's signals (supervise/supervisor.h); what a shell's nohup ignores stays ignored. */
static int take_hangup(struct weir_error *err)
{
	struct sigaction action;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	if (sigaction(SIGHUP, NULL, &action) || action.sa_handler == SIG_IGN)
		sigemptyset(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return weir_error_set(err, -errno, NULL, NULL, "signals cannot be blocked: %s", strerror(errno));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? weir_error_set(err, -errno, NULL, NULL, "signalfd: %s", strerror(errno)) : fd;
}

/* The configuration is `weir run`'s copy. */
static bool is_supervised(const struct weir_role *role)
{
	size_t len = strlen(role->data_dir);

	return strncmp(role->config_path, role->data_dir, len) == 0 &&
	       strcmp(role->config_path + len, "/" WEIR_ROLE_CONFIG_FOLDER "/" WEIR_ROLE_CONFIG_FILE) == 0;
}

bool weir_role_reread(const struct weir_role *role, struct weir_config *ret_config)
{
	struct signalfd_siginfo info;
	struct weir_error err = {0};

	if (read(role->hangup_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	/* `weir run` tells what needs a restart. */
	return weir_reload_read(&role->log, role->config_path, is_supervised(role) ? NULL : &role->config, ret_config, &err) == 0;
}

void weir_role_take_config(struct weir_role *role, struct weir_config *config)
{
	weir_config_done(&role->config);
	role->config = *config;
}

int weir_role_cannot_open(int rc, const struct weir_error *err)
{
	static const int PASSING[] = {ENOSPC, EDQUOT, ENOMEM, EMFILE, ENFILE};

	for (size_t i = 0; i < sizeof(PASSING) / sizeof(PASSING[0]); i++) {
		if (rc == -PASSING[i])
			return weir_fail(WEIR_EXIT_FAILED, err);
	}
	return weir_fail(WEIR_EXIT_USAGE, err);
}

int weir_role_init_values(const struct weir_command *command, const struct weir_role_values *values,
			  struct weir_role *ret_role)
{
	struct weir_error err = {0};
	const char *path;
	char title[16]; /* as top(1) and ps(1) show it; otherwise all roles would be "exe" */
	int rc;

	*ret_role = (struct weir_role){.name = command->name, .signal_fd = -1};
	(void)snprintf(title, sizeof(title), "weir-%s", command->name);
	(void)prctl(PR_SET_NAME, title, 0, 0, 0);
	ret_role->hangup_fd = -1;
	path = weir_config_find(values->config);
	(void)snprintf(ret_role->config_path, sizeof(ret_role->config_path), "%s", path ? path : "");
	if (weir_config_read(path, &ret_role->config, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	ret_role->log = (struct weir_log){
		.fd = STDERR_FILENO,
		.level = level_of(ret_role->config.log_level),
		.role = command->name,
		.clock = &weir_clock_system,
	};
	ret_role->start_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	rc = make_folders(ret_role, values->data ? values->data : ret_role->config.data_dir, &err);
	if (!rc)
		rc = ret_role->signal_fd = take_signals(&err);
	if (rc >= 0)
		rc = ret_role->hangup_fd = take_hangup(&err);
	if (rc >= 0)
		return 0;
	weir_config_done(&ret_role->config);
	return weir_role_cannot_open(rc, &err);
}

int weir_role_init_options(const struct weir_command *command, int argc, char **argv, void *values, struct weir_role *ret_role)
{
	int operands = 0;
	int rc = weir_options_parse(command, argc, argv, values, &operands);

	if (rc)
		return rc;
	if (operands)
		return weir_usage(command, "what is \"%s\"?", argv[1]);
	return weir_role_init_values(command, values, ret_role);
}

int weir_role_init(const struct weir_command *command, int argc, char **argv, struct weir_role *ret_role)
{
	struct weir_role_values values = {0};

	return weir_role_init_options(command, argc, argv, &values, ret_role);
}

void weir_role_done(struct weir_role *role)
{
	if (role->signal_fd >= 0)
		(void)close(role->signal_fd);
	if (role->hangup_fd >= 0)
		(void)close(role->hangup_fd);
	weir_config_done(&role->config);
}

bool weir_role_wait(const struct weir_role *role, unsigned ms)
{
	struct pollfd fd = {.fd = role->signal_fd, .events = POLLIN};

	return poll(&fd, 1, (int)ms) > 0;
}

/* The folders and what stands directly in them: files deeper down were made by the role itself. */
static void give_to(const struct weir_role *role, uid_t uid, gid_t gid)
{
	const char *const folders[] = {role->data_dir, role->spool_dir, role->store_dir, role->run_dir};

	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		/* What cannot be given away fails later, with a message of its own. */
		if (chown(folders[i], uid, gid))
			weir_log(&role->log, WEIR_LOG_WARN, "%s cannot be given to user %u: %s", folders[i], uid,
				 strerror(errno));
	}
}

int weir_role_drop(const struct weir_role *role, const char *user, struct weir_error *err)
{
	const struct passwd *pw;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return weir_error_set(err, -errno, NULL, NULL, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	if (geteuid() != 0) {
		/* `weir run` has become the user already, and left what the sockets needed. */
		int rc = weir_user_drop_powers();

		return rc ? weir_error_set(err, rc, NULL, NULL, "capabilities cannot be given up: %s", strerror(-rc)) : 0;
	}
	if (!*user)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return weir_error_set(err, -ENOENT, "collect.user", "make that user, or set another one",
				      "there is no user \"%s\"", user);
	give_to(role, pw->pw_uid, pw->pw_gid);
	if (setgroups(0, NULL) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return weir_error_set(err, -errno, "collect.user", NULL, "cannot become user \"%s\": %s", user,
				      strerror(errno));
	/* A changed user takes the signal at the parent's death away. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	return 0;
}

/* The folders, for their files are replaced now and then. */
const struct weir_sandbox_path weir_role_resolving[] = {
	{"/etc", WEIR_SANDBOX_READ},
	{"/usr", WEIR_SANDBOX_READ},
	{"/lib", WEIR_SANDBOX_READ},
	{"/lib64", WEIR_SANDBOX_READ},
	{"/run/systemd/resolve", WEIR_SANDBOX_READ},
	{"/run/resolvconf", WEIR_SANDBOX_READ},
	{"/run/NetworkManager", WEIR_SANDBOX_READ},
	{"/dev/urandom", WEIR_SANDBOX_READ},
	{"/var/lib/ca-certificates", WEIR_SANDBOX_READ},
	{NULL, 0},
};

static struct weir_sandbox_part switched_off(void)
{
	return (struct weir_sandbox_part){.active = false, .why = "sandbox: false"};
}

unsigned weir_role_file_folders(const struct weir_config_list *list, char folder[WEIR_ROLE_PATHS_MAX][PATH_MAX / 4], struct weir_sandbox_path *paths,
				unsigned count)
{
	unsigned used = 0;

	for (unsigned i = 0; i < list->count; i++) {
		for (const char *at = list->item[i]; count < WEIR_ROLE_PATHS_MAX && (at = strstr(at, "_file=")); at++) {
			const char *path = at + strlen("_file=");
			unsigned known = 0;

			(void)snprintf(folder[used], PATH_MAX / 4, "%.*s", (int)strcspn(path, ", "), path);
			paths[count].path = dirname(folder[used]);
			while (known < count && strcmp(paths[known].path, paths[count].path) != 0)
				known++;
			if (known == count) {
				paths[count++].rights = WEIR_SANDBOX_READ;
				used++;
			}
		}
	}
	if (count < WEIR_ROLE_PATHS_MAX)
		paths[count] = (struct weir_sandbox_path){0};
	return count;
}

void weir_role_confine(struct weir_role *role, enum weir_sandbox_calls calls, bool connects,
		       const struct weir_sandbox_path *more)
{
	struct weir_sandbox_path paths[WEIR_ROLE_PATHS_MAX + 4] = {
		{role->run_dir, WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE},
		{role->spool_dir, calls == WEIR_SANDBOX_REPLICATE ? 0 : WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE},
	};
	const struct weir_sandbox_options options = {.paths = paths, .connects = connects, .calls = calls};
	struct weir_sandbox_state *state = &role->sandbox;
	char folder[PATH_MAX / 2];

	unsigned count = 2;

	for (unsigned i = 0; more && more[i].path && i < WEIR_ROLE_PATHS_MAX; i++)
		paths[count++] = more[i];
	/* To be read again: the folder of `weir run`'s copy, else the file alone, for its folder may hold secrets. */
	(void)snprintf(folder, sizeof(folder), "%s/" WEIR_ROLE_CONFIG_FOLDER, role->data_dir);
	if (is_supervised(role))
		paths[count++] = (struct weir_sandbox_path){folder, WEIR_SANDBOX_READ};
	else if (*role->config_path)
		paths[count++] = (struct weir_sandbox_path){role->config_path, WEIR_SANDBOX_READ};
	role->confined = true;
	if (!role->config.sandbox) {
		state->files = switched_off();
		state->calls = switched_off();
		return;
	}
	weir_sandbox_enter(&options, state);
	if (!state->files.active || (calls != WEIR_SANDBOX_ALL_CALLS && !state->calls.active))
		weir_log(&role->log, WEIR_LOG_INFO, "going on with less of a sandbox: files: %s; system calls: %s",
			 state->files.active ? "limited" : state->files.why, state->calls.active ? "limited" : state->calls.why);
}

static int describe_part(const char *name, const struct weir_sandbox_part *part, const char *help, struct weir_buffer *text)
{
	struct weir_buffer labels;
	int rc;

	weir_buffer_init(&labels);
	rc = weir_metrics_label(&labels, "part", name);
	if (!rc)
		rc = weir_buffer_text(&labels, ",");
	if (!rc)
		rc = weir_metrics_label(&labels, "why", part->why);
	if (!rc)
		rc = weir_metrics_gauge(text, "weir_sandbox_active", help, weir_buffer_cstr(&labels), part->active);
	weir_buffer_done(&labels);
	return rc;
}

/* Of every role. What there is no memory for is left out. */
static void describe(const struct weir_role *role, struct weir_buffer *text)
{
	if (role->confined && describe_part("files", &role->sandbox.files, "1 where the process has given up what it does not need",
					    text) == 0)
		(void)!describe_part("calls", &role->sandbox.calls, NULL, text);
}

void weir_role_publish(const struct weir_role *role, struct weir_buffer *text)
{
	static int64_t complained_ns; /* a full disk is no reason to fill the log, too */
	char path[PATH_MAX];
	struct weir_error err = {0};
	int64_t now_ns = weir_clock_mono_ns(&weir_clock_system);

	describe(role, text);
	(void)snprintf(path, sizeof(path), "%s/%s.prom", role->run_dir, role->name);
	if (weir_metrics_publish(path, text, &err) == 0 ||
	    (complained_ns && now_ns - complained_ns < COMPLAIN_S * WEIR_NS_PER_S))
		return;
	complained_ns = now_ns;
	weir_log(&role->log, WEIR_LOG_WARN, "`weir status` is blind: %s: %s%s%s", err.where, err.what, *err.next ? "; " : "",
		 err.next);
}

int weir_role_store_url(const struct weir_config *config, struct weir_buffer *out)
{
	if (*config->store_url)
		return weir_buffer_text(out, config->store_url);
	return weir_buffer_printf(out, "http://%s", config->store_listen);
}
