/* `weir store`: the embedded ClickHouse as a process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/role.h"
#include "store/host.h"
#include "store/http.h"

#define QUERIES_MAX	  64
#define METRICS_MS	  1000
#define STOP_PATIENCE_MS  3000

struct values {
	struct weir_role_values role;
	const char *listen;
	uint64_t queries_max;
};

static const struct weir_option OPTIONS[] = {
	WEIR_ROLE_OPTIONS,
	{"listen", 'l', WEIR_OPTION_TEXT, "HOST:PORT", offsetof(struct values, listen), 0, 0,
	 "Where to answer HTTP, in place of store.listen; port 0 takes a free one."},
	{"queries-max", 0, WEIR_OPTION_NUMBER, "N", offsetof(struct values, queries_max), 1, 1000,
	 "How many queries may run at one time (64)."},
	{0},
};

struct store {
	struct weir_role role;
	const char *listen; /* borrowed */
	char listen_host[256];
	struct weir_host *host;
	struct weir_http *http;
};

static void publish(struct store *store)
{
	struct weir_buffer text;

	weir_buffer_init(&text);
	if (weir_metrics_gauge(&text, "weir_store_start_time_seconds", "When the process started, Unix time", NULL,
			       (double)store->role.start_ms / 1000) == 0 &&
	    weir_host_metrics(store->host, &text) == 0)
		weir_role_publish(&store->role, &text);
	weir_buffer_done(&text);
}

/* The engine reads the system's libraries and settings and looks at the machine; it writes to its folder alone, and connects to
 * nobody. Its pipes of /proc/self/fd are no files to Landlock. */
static void confine(struct store *store, const char *library)
{
	const struct weir_sandbox_path paths[] = {
		{store->role.store_dir, WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE | WEIR_SANDBOX_LINK},
		{library, WEIR_SANDBOX_READ},
		/* For the stack traces in the engine's own complaints: it aborts where it cannot read the program. */
		{"/proc/self/exe", WEIR_SANDBOX_READ},
		{"/proc", WEIR_SANDBOX_READ},
		{"/sys", WEIR_SANDBOX_READ},
		{"/etc", WEIR_SANDBOX_READ},
		{"/usr", WEIR_SANDBOX_READ},
		{"/lib", WEIR_SANDBOX_READ},
		{"/lib64", WEIR_SANDBOX_READ},
		{"/dev/null", WEIR_SANDBOX_READ | WEIR_SANDBOX_WRITE},
		{"/dev/urandom", WEIR_SANDBOX_READ},
		{NULL, 0},
	};

	weir_role_confine(&store->role, WEIR_SANDBOX_ALL_CALLS, false, paths);
}

static int start(struct store *store, unsigned queries_max, struct weir_error *err)
{
	const struct weir_config *config = &store->role.config;
	struct weir_host_options host = {
		.folder = store->role.store_dir,
		.memory_max_bytes = config->store_memory_max_bytes,
		.queries_max = queries_max,
	};
	struct weir_http_options http = {.log = &store->role.log, .listen_host = store->listen};
	char *library = NULL;
	unsigned port = 0;
	int rc = weir_chdb_find(config->store_library, &library, err);

	/* The port first: it fails fast, and whoever connects early waits instead of being refused. */
	if (!rc)
		rc = weir_http_listen(store->listen, &http.listen_fd, &port, err);
	if (rc) {
		free(library);
		return rc;
	}
	host.library = library;
	confine(store, library);
	rc = weir_host_new(&host, &store->host, err);
	free(library);
	http.host = store->host;
	if (!rc)
		rc = weir_http_start(&http, &store->http, err);
	if (rc) {
		(void)close(http.listen_fd);
		return rc;
	}
	if (weir_host_forgotten_tokens(store->host))
		weir_log(&store->role.log, WEIR_LOG_INFO,
			 "%u tokens of inserts that a kill cut off are forgotten; what they were for is taken again",
			 weir_host_forgotten_tokens(store->host));
	if (*weir_host_said(store->host))
		weir_log(&store->role.log, WEIR_LOG_DEBUG, "the engine said: %s", weir_host_said(store->host));
	weir_log(&store->role.log, WEIR_LOG_INFO, "ClickHouse %s in %s answers HTTP at %.*s:%u",
		 weir_host_version(store->host), store->role.store_dir,
		 (int)(strrchr(store->listen, ':') - store->listen), store->listen, port);
	return 0;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.queries_max = QUERIES_MAX};
	struct store store = {0};
	struct weir_error err = {0};
	int rc = weir_role_init_options(self, argc, argv, &values, &store.role);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	store.listen = values.listen ? values.listen : store.role.config.store_listen;
	(void)umask(0027);
	rc = start(&store, (unsigned)values.queries_max, &err);
	if (!rc)
		publish(&store); /* at once: `weir run` waits for it */
	while (!rc && !weir_role_wait(&store.role, METRICS_MS))
		publish(&store);
	weir_http_stop(store.http, STOP_PATIENCE_MS);
	if (!rc) {
		publish(&store);
		weir_log(&store.role.log, WEIR_LOG_INFO, "stopped");
	}
	weir_host_free(store.host);
	weir_role_done(&store.role);
	/* Nothing but start() fails: the library, the port, the folder; or the disk is full. */
	return rc ? weir_role_cannot_open(rc, &err) : WEIR_EXIT_OK;
}

const struct weir_command weir_command_store = {
	.name = "store",
	.arguments = "[OPTION]...",
	.summary = "the embedded ClickHouse with its HTTP interface",
	.text = "Opens the data in DATA/store with the engine of ClickHouse (libchdb) and answers ClickHouse's HTTP interface: any of "
		"its clients can connect. `weir run` starts this process where store.embedded is true.\n\n"
		"It has one user, without a password, who may work with tables and views; queries reach neither files nor other "
		"servers. So listen on loopback, or put a proxy with a password before it.",
	.options = OPTIONS,
	.examples = "weir store --data ./var --listen 127.0.0.1:8123\tfor ClickHouse's own tools\n"
		    "curl 'http://127.0.0.1:8123/?query=SELECT+count()+FROM+weir.flows'\task it something",
	.role = true,
	.run = run,
};
