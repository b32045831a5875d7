/* The options of a subcommand as a table: one row an option, which is its parsing, its range, its help and its part
 * of the manual page.
 *
 * Habits: long options with one letter for the frequent ones, "--name VALUE" or "--name=VALUE", options and operands
 * in any order, "--" ends the options. A long name may be cut short where it stays unique. Values go to a
 * struct of the command's, at the row's offset:
 *
 *   FLAG    bool             TEXT, CHOICE  const char * (borrowed from argv)
 *   NUMBER  uint64_t         SIZE          uint64_t, bytes: "64M", "1G" (powers of 1024)
 *   LIST    struct weir_option_list: the option may stand several times
 *
 * The caller fills the struct with the defaults first. */
#ifndef WEIR_CLI_OPTION_H
#define WEIR_CLI_OPTION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum weir_option_type { WEIR_OPTION_FLAG, WEIR_OPTION_TEXT, WEIR_OPTION_CHOICE, WEIR_OPTION_NUMBER, WEIR_OPTION_SIZE,
			WEIR_OPTION_LIST };

#define WEIR_OPTION_LIST_MAX 64

struct weir_option_list {
	const char *item[WEIR_OPTION_LIST_MAX]; /* borrowed from argv */
	unsigned count;
};

struct weir_option {
	const char *name;     /* without the dashes; NULL ends a table */
	char letter;	      /* or 0 */
	enum weir_option_type type;
	const char *argument; /* in help: "N", "FILE"; of a CHOICE its words, parted by '|' */
	size_t offset;	      /* of the value, in the command's struct */
	uint64_t min, max;    /* of NUMBER and SIZE; max 0: no bound */
	const char *help;     /* one sentence, with the default */
};

struct weir_command;

/* Parse argv[1 … argc-1] into values. The operands are moved to the front: argv[1] … argv[*ret_operands]. 0, or
 * WEIR_EXIT_USAGE after the mistake was printed, or -1 after --help was printed (the command ends with status 0). */
int weir_options_parse(const struct weir_command *command, int argc, char **argv, void *values,
		       int *ret_operands);

/* The operands as one text, parted by blanks (a filter may be one word of the shell or many). The caller frees it;
 * NULL without memory. */
char *weir_operands_join(int operands, char **argv);

/* The command's help, as --help and the manual page have it. */
void weir_command_help(const struct weir_command *command, FILE *out);
void weir_command_manual(const struct weir_command *command, FILE *out);

#endif
