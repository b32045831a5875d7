#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const struct weir_command weir_command_capacity;
extern const struct weir_command weir_command_collect;
extern const struct weir_command weir_command_config;
extern const struct weir_command weir_command_decode;
extern const struct weir_command weir_command_events;
extern const struct weir_command weir_command_flows;
extern const struct weir_command weir_command_generate;
extern const struct weir_command weir_command_manual_pages;
extern const struct weir_command weir_command_matrix;
extern const struct weir_command weir_command_notify;
extern const struct weir_command weir_command_policy;
extern const struct weir_command weir_command_probe;
extern const struct weir_command weir_command_reference;
extern const struct weir_command weir_command_replicate;
extern const struct weir_command weir_command_run;
extern const struct weir_command weir_command_sink;
extern const struct weir_command weir_command_snmp;
extern const struct weir_command weir_command_sql;
extern const struct weir_command weir_command_status;
extern const struct weir_command weir_command_store;
extern const struct weir_command weir_command_top;
extern const struct weir_command weir_command_web;

const struct weir_command *const weir_commands[] = {
	&weir_command_capacity,
	&weir_command_collect,
	&weir_command_config,
	&weir_command_decode,
	&weir_command_events,
	&weir_command_flows,
	&weir_command_generate,
	&weir_command_manual_pages,
	&weir_command_matrix,
	&weir_command_notify,
	&weir_command_policy,
	&weir_command_probe,
	&weir_command_reference,
	&weir_command_replicate,
	&weir_command_run,
	&weir_command_sink,
	&weir_command_snmp,
	&weir_command_sql,
	&weir_command_status,
	&weir_command_store,
	&weir_command_top,
	&weir_command_web,
	NULL,
};

const struct weir_command *weir_command_find(const char *name)
{
	for (unsigned i = 0; weir_commands[i]; i++) {
		if (strcmp(weir_commands[i]->name, name) == 0)
			return weir_commands[i];
	}
	return NULL;
}

int weir_fail(int status, const struct weir_error *err)
{
	fprintf(stderr, "weir: %s%s%s%s%s\n", err->where, *err->where ? ": " : "", err->what, *err->next ? "; " : "",
		err->next);
	return status;
}

int weir_usage(const struct weir_command *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "weir %s: ", command->name);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "; `weir %s --help` has the options\n", command->name);
	return WEIR_EXIT_USAGE;
}
