/* The table of subcommands: one file a subcommand, one row each in command.c. Only src/cli has main, exit and
 * printf. Exit status: 0 done, 1 done with faults or failed, 2 usage or file error. */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include "base/error.h"

enum weir_exit { WEIR_EXIT_OK = 0, WEIR_EXIT_FAILED = 1, WEIR_EXIT_USAGE = 2 };

struct weir_command {
	const char *name;
	const char *arguments; /* the usage line behind the name */
	const char *summary;   /* one line */
	const char *help;      /* options, examples, exit status */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns an exit status */
};

extern const struct weir_command weir_command_run, weir_command_collect, weir_command_store, weir_command_sink,
	weir_command_decode, weir_command_generate, weir_command_top, weir_command_flows, weir_command_sql,
	weir_command_status, weir_command_config;

/* "weir: where: what; next" on standard error; returns status. */
int weir_fail(int status, const struct weir_error *err);
/* A usage mistake of a command: the line, and where help is. Returns WEIR_EXIT_USAGE. */
int weir_usage(const struct weir_command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
