/* The table of subcommands: one file a subcommand, one row each in command.c. Only src/cli has main, exit and
 * printf. Exit status: 0 done, 1 done with faults or failed, 2 usage or file error. */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include <stdbool.h>

#include "base/error.h"
#include "cli/option.h"

enum weir_exit { WEIR_EXIT_OK = 0, WEIR_EXIT_FAILED = 1, WEIR_EXIT_USAGE = 2 };

struct weir_command {
	const char *name;
	const char *arguments; /* the usage line behind the name: "[OPTION]… FILE…" */
	const char *summary;   /* one line, no full stop */
	const char *text;      /* what it does; paragraphs parted by empty lines */
	const struct weir_option *options; /* ended by a NULL name; NULL: none but --help */
	const char *examples;  /* a line each: "weir top --by src_addr\tthe biggest senders"; or NULL */
	bool role;	       /* a process of `weir run`, seldom started by hand: listed apart */
	int (*run)(const struct weir_command *self, int argc, char **argv); /* argv[0] is the name; exit status */
};

/* Ended by NULL. */
extern const struct weir_command *const weir_commands[];

const struct weir_command *weir_command_find(const char *name);

/* "weir: where: what; next" on standard error; returns status. */
int weir_fail(int status, const struct weir_error *err);
/* A usage mistake of a command: the line, and where help is. Returns WEIR_EXIT_USAGE. */
int weir_usage(const struct weir_command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
