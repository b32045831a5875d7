/* --help, from the tables. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

#define WIDTH	  100
#define HELP_MARGIN 28

/* Words from column `margin` on, broken at WIDTH; the first line has begun at column `at`. */
static void print_wrapped(FILE *out, const char *text, int margin, int at)
{
	while (*text) {
		size_t n = strcspn(text, " \n");

		if (at > margin && at + 1 + (int)n > WIDTH) {
			fprintf(out, "\n%*s", margin, "");
			at = margin;
		}
		at += fprintf(out, "%s%.*s", at > margin ? " " : "", (int)n, text);
		text += n;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

static void print_option(FILE *out, const struct weir_option *o)
{
	int at;

	if (o->letter)
		at = fprintf(out, "  -%c, --%s", o->letter, o->name);
	else
		at = fprintf(out, "      --%s", o->name);
	if (o->argument)
		at += fprintf(out, " %s", o->argument);
	if (at + 2 > HELP_MARGIN) {
		fputc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", HELP_MARGIN - at, "");
	print_wrapped(out, o->help, HELP_MARGIN, HELP_MARGIN);
}

static void print_text(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		char paragraph[2048];

		(void)snprintf(paragraph, sizeof(paragraph), "%.*s", (int)n, text);
		/* A paragraph that is set in stands as it is. */
		if (*text == ' ')
			fprintf(out, "%s\n", paragraph);
		else
			print_wrapped(out, paragraph, 0, 0);
		text += n;
		text += strspn(text, "\n");
		if (*text)
			fputc('\n', out);
	}
}

static void print_examples(FILE *out, const char *examples)
{
	fputs("\nexamples:\n", out);
	while (*examples) {
		size_t line = strcspn(examples, "\n");
		size_t command = strcspn(examples, "\t\n");

		fprintf(out, "  %.*s\n", (int)command, examples);
		if (command < line)
			fprintf(out, "      %.*s\n", (int)(line - command - 1), examples + command + 1);
		examples += line + (examples[line] == '\n');
	}
}

void weir_command_help(const struct weir_command *command, FILE *out)
{
	fprintf(out, "weir %s: %s\n\nusage: weir %s%s%s\n\n", command->name, command->summary, command->name,
		*command->arguments ? " " : "", command->arguments);
	print_text(out, command->text);
	fputs("\noptions:\n", out);
	for (const struct weir_option *o = command->options; o && o->name; o++)
		print_option(out, o);
	fprintf(out, "  -h, --help%*sthis text\n", HELP_MARGIN - 12, "");
	if (command->examples)
		print_examples(out, command->examples);
}
