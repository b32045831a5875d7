/* `weir manual`: the manual pages in troff's man macros, made from the same tables as --help. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

/* Text for troff: backslashes and dashes escaped, and no line may begin with a control character. */
static void put_text(FILE *out, const char *text, size_t len)
{
	bool line_start = true;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (line_start && (c == '.' || c == '\''))
			fputs("\\&", out);
		if (c == '\\')
			fputs("\\e", out);
		else if (c == '-')
			fputs("\\-", out);
		else
			fputc(c, out);
		line_start = c == '\n';
	}
}

static void put_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);

		fputs(*text == ' ' ? ".PP\n.nf\n" : ".PP\n", out);
		put_text(out, text, n);
		fputs(*text == ' ' ? "\n.fi\n" : "\n", out);
		text += n;
		text += strspn(text, "\n");
	}
}

static void put_option(FILE *out, const struct weir_option *o)
{
	fputs(".TP\n", out);
	if (o->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", out);
	put_text(out, o->name, strlen(o->name));
	fputs("\\fR", out);
	if (o->argument) {
		fputs(" \\fI", out);
		put_text(out, o->argument, strlen(o->argument));
		fputs("\\fR", out);
	}
	fputc('\n', out);
	put_text(out, o->help, strlen(o->help));
	fputc('\n', out);
}

static void put_examples(FILE *out, const char *examples)
{
	fputs(".SH EXAMPLES\n", out);
	while (*examples) {
		size_t line = strcspn(examples, "\n");
		size_t command = strcspn(examples, "\t\n");

		fputs(".TP\n.B ", out);
		put_text(out, examples, command);
		fputc('\n', out);
		if (command < line)
			put_text(out, examples + command + 1, line - command - 1);
		fputc('\n', out);
		examples += line + (examples[line] == '\n');
	}
}

void weir_command_manual(const struct weir_command *command, FILE *out)
{
	fprintf(out, ".TH WEIR\\-%s 1 \"\" \"weir %s\" \"weir manual\"\n.SH NAME\nweir\\-%s \\- ", command->name,
		WEIR_VERSION, command->name);
	put_text(out, command->summary, strlen(command->summary));
	fprintf(out, "\n.SH SYNOPSIS\n.B weir %s\n", command->name);
	put_text(out, command->arguments, strlen(command->arguments));
	fputs("\n.SH DESCRIPTION\n", out);
	put_paragraphs(out, command->text);
	fputs(".SH OPTIONS\n", out);
	for (const struct weir_option *o = command->options; o && o->name; o++)
		put_option(out, o);
	fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nA summary of this page.\n", out);
	if (command->examples)
		put_examples(out, command->examples);
	fputs(".SH EXIT STATUS\n0: done. 1: done with faults, or failed. 2: a mistake in the call, or a file that cannot "
	      "be read.\n.SH SEE ALSO\n", out);
	for (unsigned i = 0; weir_commands[i]; i++) {
		if (weir_commands[i] != command)
			fprintf(out, ".BR weir\\-%s (1)%s\n", weir_commands[i]->name, weir_commands[i + 1] ? "," : "");
	}
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	const struct weir_command *command;
	int operands;
	int rc = weir_options_parse(self, argc, argv, NULL, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (operands != 1)
		return weir_usage(self, "name one command");
	command = weir_command_find(argv[1]);
	if (!command)
		return weir_usage(self, "there is no command \"%s\"", argv[1]);
	weir_command_manual(command, stdout);
	return WEIR_EXIT_OK;
}

const struct weir_command weir_command_manual_pages = {
	.name = "manual",
	.arguments = "COMMAND",
	.summary = "print a command's manual page",
	.text = "Prints the manual page of a command in the form that man(1) reads.",
	.examples = "weir manual top | man -l -\tread the manual page of `weir top`",
	.run = run,
};
