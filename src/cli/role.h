/* What the roles of `weir run` (collect, store, sink …) have in common as processes: options, configuration, the
 * folders of the data, signals, metrics, and the way down from root.
 *
 * The data folder: DATA/spool, DATA/store, DATA/run (metrics of each role, process ids). */
#ifndef WEIR_CLI_ROLE_H
#define WEIR_CLI_ROLE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"
#include "cli/command.h"
#include "config/config.h"
#include "sandbox/sandbox.h"

#define WEIR_ROLE_CONFIG_FOLDER "config" /* in DATA: the configuration that the roles of `weir run` read, which no role can write */
#define WEIR_ROLE_CONFIG_FILE "weir.yaml"
#define WEIR_SNMP_FILE "snmp.csv" /* in DATA/run: what exporters told over SNMP (snmp/interfaces.h) */

struct weir_role {
	const char *name; /* the command's */
	struct weir_config config;
	struct weir_log log;
	char data_dir[PATH_MAX / 4]; /* absolute */
	char spool_dir[PATH_MAX / 2];
	char store_dir[PATH_MAX / 2];
	char run_dir[PATH_MAX / 2];
	int signal_fd;	  /* SIGTERM and SIGINT */
	int hangup_fd;	  /* SIGHUP */
	char config_path[PATH_MAX / 4]; /* the file in use; "": the defaults */
	int64_t start_ms; /* wall clock */
	bool confined;
	struct weir_sandbox_state sandbox; /* once confined */
};

/* --config FILE, --data DIR. A role with options of its own begins its struct with struct weir_role_values and its
 * table with WEIR_ROLE_OPTIONS. */
struct weir_role_values {
	const char *config;
	const char *data;
};

#define WEIR_ROLE_OPTIONS                                                                                         \
	{.name = "config", .letter = 'c', .type = WEIR_OPTION_TEXT, .argument = "FILE",                           \
	 .offset = offsetof(struct weir_role_values, config),                                                     \
	 .help = "The configuration; without it $WEIR_CONFIG, ./weir.yaml, /etc/weir/weir.yaml, or the defaults."}, \
	{.name = "data", .letter = 'd', .type = WEIR_OPTION_TEXT, .argument = "DIR",                              \
	 .offset = offsetof(struct weir_role_values, data), .help = "The data folder, in place of data_dir."}

extern const struct weir_option weir_role_options[];

/* Parse the arguments, read the configuration, make the data folders, and take SIGTERM and SIGINT away from all
 * threads that are started later. Mistakes are printed. 0; or an exit status, or -1 after --help. */
int weir_role_init(const struct weir_command *command, int argc, char **argv, struct weir_role *ret_role);
/* The same for a role with options of its own: values is its struct, which begins with struct weir_role_values. */
int weir_role_init_options(const struct weir_command *command, int argc, char **argv, void *values, struct weir_role *ret_role);
/* The same for values that were parsed already. */
int weir_role_init_values(const struct weir_command *command, const struct weir_role_values *values,
			  struct weir_role *ret_role);
void weir_role_done(struct weir_role *role);

/* The exit status of a role that could not open what it needs; the error is printed. What may pass by itself, such as a full
 * disk, is WEIR_EXIT_FAILED, after which `weir run` tries again; all else is WEIR_EXIT_USAGE. */
int weir_role_cannot_open(int rc, const struct weir_error *err);

/* Wait for so long at most; true when the role shall end. */
bool weir_role_wait(const struct weir_role *role, unsigned ms);

/* Has SIGHUP come since the last call, and is there a configuration that can be read? It is the caller's then. A mistake in it is logged, and what
 * has changed but needs a restart. */
bool weir_role_reread(const struct weir_role *role, struct weir_config *ret_config);
/* Take it over: what the role had is freed, and must not be pointed to any more. */
void weir_role_take_config(struct weir_role *role, struct weir_config *config);

/* Started as root and `user` is not "": become that user, for good; the data folders are given to it. */
int weir_role_drop(const struct weir_role *role, const char *user, struct weir_error *err) WEIR_MUST_CHECK;

/* Give up the files and system calls that the role does not need, unless the configuration says no; before there are other
 * threads. What the kernel has not is logged. DATA/run and, but for the
 * replicator, the spool stay open for the role; `more` are further paths,
 * ended by a NULL path, at most WEIR_ROLE_PATHS_MAX. */
void weir_role_confine(struct weir_role *role, enum weir_sandbox_calls calls, bool connects,
		       const struct weir_sandbox_path *more);
#define WEIR_ROLE_PATHS_MAX 20
/* The folders of files that options of a list's lines name (community_file=FILE), to be read: for a new file is another one to the sandbox. Appended to
 * paths, which has room for WEIR_ROLE_PATHS_MAX; returns how many there are then. folder: their texts. */
unsigned weir_role_file_folders(const struct weir_config_list *list, char folder[WEIR_ROLE_PATHS_MAX][PATH_MAX / 4], struct weir_sandbox_path *paths,
				unsigned count);
/* What name services and certificates are read from; ended by a NULL path. */
extern const struct weir_sandbox_path weir_role_resolving[];

/* Replace DATA/run/NAME.prom by the text and what there is to say of every role; a failure is logged. */
void weir_role_publish(const struct weir_role *role, struct weir_buffer *text);

/* The store's URL: store.url, or that of the embedded store. */
int weir_role_store_url(const struct weir_config *config, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
