/* `weir web`: the role that serves the page and its interface. The first thread looks after the metrics and the state of
 * the other processes, which takes it a second or two and so is done ahead while somebody asks for it; the server's
 * threads answer. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exporters.h"
#include "cli/role.h"
#include "cli/status.h"
#include "cli/store_client.h"
#include "cli/web.h"
#include "web/web.h"

#define PUBLISH_MS 1000
#define FRESH_NS   (3 * WEIR_NS_PER_S)  /* a state so young will do */
#define WANTED_NS  (30 * WEIR_NS_PER_S) /* after the last question it is looked after so long */
#define WAIT_S	   8			/* for a state, when nobody has asked for long */

struct web_role {
	struct weir_role role;
	struct weir_web *web;
	char users_path[4096];
	char audit_path[4096];

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t renewed;
	struct weir_buffer status; /* JSON */
	int64_t status_ns;	   /* mono_ns; 0: none yet */
	int64_t asked_ns;
};

static int64_t mono_ns(void)
{
	return weir_clock_mono_ns(&weir_clock_system);
}

/* --- what the server asks --------------------------------------------------------------------------------- */

static int connect_store(void *ctx, int timeout_s, struct weir_client **ret_client, struct weir_error *err)
{
	const struct web_role *w = ctx;

	return weir_store_client_new(&w->role.config, timeout_s, ret_client, err);
}

static int give_status(void *ctx, struct weir_buffer *out, struct weir_error *err)
{
	struct web_role *w = ctx;
	struct timespec end;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WAIT_S;
	(void)pthread_mutex_lock(&w->lock);
	w->asked_ns = mono_ns();
	while (!rc && (!w->status_ns || mono_ns() - w->status_ns > 2 * FRESH_NS))
		rc = pthread_cond_timedwait(&w->renewed, &w->lock, &end);
	rc = w->status_ns ? weir_buffer_append(out, w->status.data, w->status.len)
			  : weir_error_set(err, -EBUSY, NULL, "try again", "the state of the processes is not known yet");
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

static int give_exporters(void *ctx, struct weir_buffer *out, struct weir_error *err)
{
	const struct web_role *w = ctx;
	int rc = weir_exporters_print(w->role.data_dir, true, out, err);

	return rc < 0 ? rc : 0;
}

/* The files of all roles, one behind the other; a family that several have keeps its first HELP and TYPE lines only. */
static int give_metrics(void *ctx, struct weir_buffer *out)
{
	static const char *const NAMES[] = {"run", "collect", "probe", "replicate", "sink", "snmp", "store"};
	struct web_role *w = ctx;
	int rc = weir_web_metrics(w->web, out);

	for (size_t i = 0; !rc && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		char path[PATH_MAX];
		char line[4096];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s.prom", w->role.run_dir, NAMES[i]);
		file = fopen(path, "re");
		while (file && !rc && fgets(line, sizeof(line), file)) {
			/* Which process a sandbox is of, its file's name said so far. */
			static const char sandbox[] = "weir_sandbox_active{";
			size_t n = sizeof(sandbox) - 1;

			if (strncmp(line, sandbox, n) == 0)
				rc = weir_buffer_printf(out, "%srole=\"%s\",%s", sandbox, NAMES[i], line + n);
			else if (strncmp(line, "# ", 2) != 0 || !weir_buffer_cstr(out) || !strstr((const char *)out->data, line))
				rc = weir_buffer_text(out, line);
		}
		if (file)
			(void)fclose(file);
	}
	return rc;
}

/* --- the first thread ------------------------------------------------------------------------------------- */

static void renew_status(struct web_role *w)
{
	struct weir_status status;
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	weir_status_gather(&w->role.config, w->role.data_dir, &status);
	rc = weir_status_print_json(&status, &text);
	weir_status_done(&status);
	(void)pthread_mutex_lock(&w->lock);
	if (!rc) {
		struct weir_buffer old = w->status;

		w->status = text;
		text = old;
		w->status_ns = mono_ns();
		(void)pthread_cond_broadcast(&w->renewed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	weir_buffer_done(&text);
}

static bool is_wanted(struct web_role *w)
{
	bool wanted;

	(void)pthread_mutex_lock(&w->lock);
	wanted = w->asked_ns && mono_ns() - w->asked_ns < WANTED_NS && (!w->status_ns || mono_ns() - w->status_ns > FRESH_NS / 2);
	(void)pthread_mutex_unlock(&w->lock);
	return wanted;
}

static void publish(struct web_role *w)
{
	struct weir_buffer text;

	weir_buffer_init(&text);
	if (weir_web_metrics(w->web, &text) == 0)
		weir_role_publish(&w->role, &text);
	weir_buffer_done(&text);
}

static void loop(struct web_role *w)
{
	int64_t published_ns = 0;

	do {
		if (mono_ns() - published_ns >= PUBLISH_MS * WEIR_NS_PER_MS) {
			published_ns = mono_ns();
			publish(w);
		}
		if (is_wanted(w))
			renew_status(w);
	} while (!weir_role_wait(&w->role, 100));
}

/* --- start ------------------------------------------------------------------------------------------------ */

static int make_folder(const char *path, struct weir_error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return weir_error_set(err, -errno, path, NULL, "the folder cannot be made: %s", strerror(errno));
}

static void confine(struct web_role *w, const char *folder)
{
	char users_folder[4096];
	const char *slash = strrchr(w->users_path, '/');
	const struct weir_sandbox_path paths[] = {
		{users_folder, WEIR_SANDBOX_READ},
		{folder, WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE},
		{*w->role.config.store_password_file ? w->role.config.store_password_file : "/dev/null", WEIR_SANDBOX_READ},
		{"/dev/urandom", WEIR_SANDBOX_READ},
		/* What a store's name and certificate are read with. */
		{"/etc", WEIR_SANDBOX_READ},
		{"/usr", WEIR_SANDBOX_READ},
		{"/lib", WEIR_SANDBOX_READ},
		{"/lib64", WEIR_SANDBOX_READ},
		{"/run/systemd/resolve", WEIR_SANDBOX_READ},
		{"/run/resolvconf", WEIR_SANDBOX_READ},
		{"/run/NetworkManager", WEIR_SANDBOX_READ},
		{"/var/lib/ca-certificates", WEIR_SANDBOX_READ},
		{NULL, 0},
	};

	(void)snprintf(users_folder, sizeof(users_folder), "%.*s", slash ? (int)(slash - w->users_path) : 1, slash ? w->users_path : ".");
	weir_role_confine(&w->role, WEIR_SANDBOX_WEB, true, paths);
}

static int open_all(struct web_role *w, struct weir_error *err)
{
	const struct weir_web_options options = {
		.config = &w->role.config,
		.log = &w->role.log,
		.clock = &weir_clock_system,
		.version = WEIR_VERSION,
		.users_path = w->users_path,
		.audit_path = w->audit_path,
		.spill_dir = w->role.run_dir,
		.connect = connect_store,
		.status = give_status,
		.exporters = give_exporters,
		.metrics = give_metrics,
		.ctx = w,
	};
	char folder[2048], audit_folder[2060];
	int fds[8];
	int rc = weir_web_listen(&w->role.config, fds, err);

	if (!rc)
		rc = weir_role_drop(&w->role, w->role.config.collect_user, err);
	if (rc)
		return rc;
	(void)snprintf(folder, sizeof(folder), "%s/web", w->role.data_dir);
	(void)snprintf(audit_folder, sizeof(audit_folder), "%s/audit", folder);
	(void)snprintf(w->audit_path, sizeof(w->audit_path), "%s/log", audit_folder);
	weir_web_users_path(&w->role.config, w->role.data_dir, w->users_path, sizeof(w->users_path));
	rc = make_folder(folder, err);
	if (!rc)
		rc = make_folder(audit_folder, err);
	if (!rc)
		rc = weir_web_check_access(&w->role.config, w->users_path, err);
	if (!rc)
		rc = weir_web_new(&options, fds, &w->web, err);
	if (rc)
		return rc;
	confine(w, audit_folder);
	return weir_web_start(w->web, err);
}

static void tell(const struct web_role *w)
{
	const struct weir_config *config = &w->role.config;
	const char *scheme = *config->web_certificate ? "https" : "http";
	bool open = false;

	for (unsigned i = 0; i < config->web_listen.count; i++) {
		weir_log(&w->role.log, WEIR_LOG_INFO, "the page is at %s://%s%s", scheme, config->web_listen.item[i],
			 weir_web_has_page() ? "" : " (it was not built into this program: the interface alone is there)");
		open = open || !weir_web_is_loopback(config->web_listen.item[i]);
	}
	if (open && !*config->web_certificate)
		weir_log(&w->role.log, WEIR_LOG_WARN, "passwords and answers cross the network in the clear; set web.certificate and web.key, "
						      "or listen on loopback behind a proxy");
}

static int serve(struct web_role *w)
{
	pthread_condattr_t attributes;
	struct weir_error err = {0};
	int status = WEIR_EXIT_OK;

	weir_buffer_init(&w->status);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->renewed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (open_all(w, &err)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else {
		tell(w);
		loop(w);
	}
	weir_web_free(w->web);
	weir_buffer_done(&w->status);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->renewed);
	return status;
}

static const struct weir_option OPTIONS[] = {
	WEIR_ROLE_OPTIONS,
	{.name = "role", .type = WEIR_OPTION_CHOICE, .argument = "viewer|operator|administrator",
	 .offset = offsetof(struct weir_web_values, may), .help = "What a user or token may; viewer unless given."},
	{.name = "no-password", .type = WEIR_OPTION_FLAG, .offset = offsetof(struct weir_web_values, no_password),
	 .help = "A user whom a proxy names (web.proxy_user_header), who cannot log in otherwise."},
	{.name = NULL},
};

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct weir_web_values values = {0};
	struct web_role w = {0};
	int operands = 0;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (operands)
		return weir_web_users_run(self, &values, operands, argv);
	status = weir_role_init_values(self, &values.role, &w.role);
	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (w.role.config.web_listen.count) {
		status = serve(&w);
	} else {
		struct weir_error err = {0};

		(void)weir_error_set(&err, -EINVAL, "web.listen", "set it, as 127.0.0.1:8055", "no address is named");
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	}
	weir_role_done(&w.role);
	return status;
}

const struct weir_command weir_command_web = {
	.name = "web",
	.arguments = "[OPTION]... [user|token add|remove|list [NAME]]",
	.summary = "serve the page and its interface; keep its users",
	.text = "Serves the page and the interface that doc/openapi.yaml describes at web.listen, http://127.0.0.1:8055 unless set. `weir run` "
		"starts it.\n\n"
		"On loopback addresses it is open to everybody on this machine until there are users; on others it refuses to start without. "
		"`weir web user add NAME` reads the password from the terminal, or from the first line of standard input; for a user that is "
		"there it sets a new one. `weir web token add NAME` makes a token for scripts and prints it, this once: they send it as "
		"\"Authorization: Bearer TOKEN\". A viewer looks; an operator also acknowledges, silences, approves, and asks in SQL; an "
		"administrator also reads the audit log, web/audit/log in the data folder. Changes count within a second.",
	.options = OPTIONS,
	.examples = "weir web user add alice --role administrator\twith a password that is asked for\n"
		    "weir web token add grafana\ta token that may look\n"
		    "weir web user list\twho may",
	.role = true,
	.run = run,
};
