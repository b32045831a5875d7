#include "cli/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

#define HELP_WANTED (-1)

static bool is_word_of(const char *choices, const char *word)
{
	size_t len = strlen(word);

	while (*choices) {
		size_t n = strcspn(choices, "|");

		if (n == len && memcmp(choices, word, n) == 0)
			return true;
		choices += n + (choices[n] == '|');
	}
	return false;
}

static int parse_number(const struct weir_option *o, const char *text, uint64_t *ret_value)
{
	static const char units[] = "kmgt";
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-')
		return -EINVAL;
	if (o->type == WEIR_OPTION_SIZE && *end) {
		const char *unit = strchr(units, *end | 0x20);

		for (long n = unit ? unit - units + 1 : 0; n > 0; n--) {
			if (__builtin_mul_overflow(value, 1024, &value))
				return -EINVAL;
		}
		end += unit != NULL;
		if (*end == 'B')
			end++;
	}
	if (*end || value < o->min || (o->max && value > o->max))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int bad_value(const struct weir_command *command, const struct weir_option *o, const char *text)
{
	if (o->type == WEIR_OPTION_CHOICE)
		return weir_usage(command, "--%s is one of %s, not \"%s\"", o->name, o->argument, text);
	if (o->max)
		return weir_usage(command, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", o->name,
				  o->min, o->max, text);
	return weir_usage(command, "--%s takes a number from %" PRIu64 " up, not \"%s\"", o->name, o->min, text);
}

static int add_item(const struct weir_command *command, const struct weir_option *o, const char *text,
		    struct weir_option_list *list)
{
	if (list->count == WEIR_OPTION_LIST_MAX)
		return weir_usage(command, "--%s can stand %d times", o->name, WEIR_OPTION_LIST_MAX);
	list->item[list->count++] = text;
	return 0;
}

static int store(const struct weir_command *command, const struct weir_option *o, const char *text, void *values)
{
	void *at = (char *)values + o->offset;
	uint64_t number;

	switch (o->type) {
	case WEIR_OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case WEIR_OPTION_TEXT:
		*(const char **)at = text;
		return 0;
	case WEIR_OPTION_LIST:
		return add_item(command, o, text, at);
	case WEIR_OPTION_CHOICE:
		if (!is_word_of(o->argument, text))
			return bad_value(command, o, text);
		*(const char **)at = text;
		return 0;
	case WEIR_OPTION_NUMBER:
	case WEIR_OPTION_SIZE:
		if (parse_number(o, text, &number))
			return bad_value(command, o, text);
		*(uint64_t *)at = number;
		return 0;
	}
	return 0;
}

/* The option of that name, or the only one that begins so; *ret_many where several do. */
static const struct weir_option *find_long(const struct weir_option *options, const char *name, size_t len,
					   bool *ret_many)
{
	const struct weir_option *found = NULL;

	*ret_many = false;
	for (const struct weir_option *o = options; o && o->name; o++) {
		if (strncmp(o->name, name, len) != 0)
			continue;
		if (!o->name[len])
			return o;
		*ret_many = *ret_many || found;
		found = o;
	}
	return found;
}

static const struct weir_option *find_letter(const struct weir_option *options, char letter)
{
	for (const struct weir_option *o = options; o && o->name; o++) {
		if (o->letter == letter)
			return o;
	}
	return NULL;
}

/* One option that starts at argv[*at]; moves *at to its last word. */
static int parse_long(const struct weir_command *command, int argc, char **argv, int *at, void *values)
{
	const char *name = argv[*at] + 2;
	size_t len = strcspn(name, "=");
	const struct weir_option *o;
	const char *text;
	bool many;

	if (len == 4 && memcmp(name, "help", 4) == 0)
		return HELP_WANTED;
	o = find_long(command->options, name, len, &many);
	if (!o || (many && strlen(o->name) != len))
		return weir_usage(command, o ? "--%.*s could be several options" : "there is no option --%.*s", (int)len,
				  name);
	text = name[len] == '=' ? name + len + 1 : NULL;
	if (o->type == WEIR_OPTION_FLAG) {
		if (text)
			return weir_usage(command, "--%s takes no value", o->name);
	} else if (!text) {
		if (*at + 1 >= argc)
			return weir_usage(command, "--%s needs a value: %s", o->name, o->argument);
		text = argv[++*at];
	}
	return store(command, o, text, values);
}

/* A word of letters: "-n10", "-n 10", "-fv". */
static int parse_letters(const struct weir_command *command, int argc, char **argv, int *at, void *values)
{
	for (const char *p = argv[*at] + 1; *p; p++) {
		const struct weir_option *o = find_letter(command->options, *p);
		const char *text;
		int rc;

		if (!o)
			return *p == 'h' ? HELP_WANTED : weir_usage(command, "there is no option -%c", *p);
		if (o->type == WEIR_OPTION_FLAG) {
			rc = store(command, o, NULL, values);
			if (rc)
				return rc;
			continue;
		}
		text = p + 1;
		if (!*text) {
			if (*at + 1 >= argc)
				return weir_usage(command, "-%c needs a value: %s", *p, o->argument);
			text = argv[++*at];
		}
		return store(command, o, text, values);
	}
	return 0;
}

int weir_options_parse(const struct weir_command *command, int argc, char **argv, void *values, int *ret_operands)
{
	int operands = 0;
	bool only_operands = false;

	for (int i = 1; i < argc; i++) {
		int rc = 0;

		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			argv[++operands] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (argv[i][1] == '-')
			rc = parse_long(command, argc, argv, &i, values);
		else
			rc = parse_letters(command, argc, argv, &i, values);
		if (rc == HELP_WANTED)
			weir_command_help(command, stdout);
		if (rc)
			return rc;
	}
	*ret_operands = operands;
	return 0;
}

char *weir_operands_join(int operands, char **argv)
{
	size_t len = 1;
	char *text;
	char *at;

	for (int i = 1; i <= operands; i++)
		len += strlen(argv[i]) + 1;
	text = malloc(len);
	if (!text)
		return NULL;
	at = text;
	for (int i = 1; i <= operands; i++) {
		size_t n = strlen(argv[i]);

		if (i > 1)
			*at++ = ' ';
		memcpy(at, argv[i], n);
		at += n;
	}
	*at = '\0';
	return text;
}
