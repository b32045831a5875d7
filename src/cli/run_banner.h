/* What `weir run` says when everything is up: where it listens, where the data lie, what to type next. */
#ifndef WEIR_CLI_RUN_BANNER_H
#define WEIR_CLI_RUN_BANNER_H

#include <stdio.h>

#include "cli/role.h"

struct weir_run_banner {
	const struct weir_role *role;
	const char *options;	/* "" or " --config FILE", for the commands that are shown */
	const char *store;	/* its URL, or that it is not there */
	const char *user;	/* NULL: whoever started it */
};

void weir_run_banner_print(const struct weir_run_banner *banner, FILE *out);

#endif
