#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static void print_commands(FILE *out, bool role)
{
	for (unsigned i = 0; weir_commands[i]; i++) {
		if (weir_commands[i]->role == role)
			fprintf(out, "  %-10s %s\n", weir_commands[i]->name, weir_commands[i]->summary);
	}
}

static void print_help(FILE *out)
{
	fputs("weir: network-flow traffic analysis\n\nusage: weir COMMAND [OPTION]... [ARGUMENT]...\n\ncommands:\n", out);
	print_commands(out, false);
	fputs("\nprocesses of `weir run`, for service managers and debugging:\n", out);
	print_commands(out, true);
	fputs("\n`weir COMMAND --help` explains a command; `weir --version` prints the version.\n", out);
}

/* What the person may have meant: the command with the longest common beginning, of two letters at least. */
static const struct weir_command *guess(const char *name)
{
	const struct weir_command *best = NULL;
	size_t most = 1;

	for (unsigned i = 0; weir_commands[i]; i++) {
		size_t n = 0;

		while (name[n] && name[n] == weir_commands[i]->name[n])
			n++;
		if (n > most) {
			most = n;
			best = weir_commands[i];
		}
	}
	return best;
}

static int unknown(const char *name)
{
	const struct weir_command *meant = guess(name);

	fprintf(stderr, "weir: there is no command \"%s\"", name);
	if (meant)
		fprintf(stderr, "; did you mean \"%s\"?\n", meant->name);
	else
		fputs("; `weir --help` lists them\n", stderr);
	return WEIR_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct weir_command *command;
	int status;

	/* A reader that goes away (`weir flows | head`) is told by the write. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return WEIR_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("weir %s\n", WEIR_VERSION);
		return WEIR_EXIT_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc < 3)) {
		print_help(stdout);
		return WEIR_EXIT_OK;
	}
	if (strcmp(argv[1], "help") == 0) {
		command = weir_command_find(argv[2]);
		if (!command)
			return unknown(argv[2]);
		weir_command_help(command, stdout);
		return WEIR_EXIT_OK;
	}
	command = weir_command_find(argv[1]);
	if (!command)
		return unknown(argv[1]);
	status = command->run(command, argc - 1, argv + 1);
	if (fflush(stdout) != 0 && status == WEIR_EXIT_OK)
		status = WEIR_EXIT_FAILED;
	return status;
}
