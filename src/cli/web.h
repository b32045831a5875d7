/* The parts of `weir web`: the role (web.c), and its users and tokens (web_users.c). */
#ifndef WEIR_CLI_WEB_H
#define WEIR_CLI_WEB_H

#include <stdbool.h>

#include "cli/role.h"

struct weir_web_values {
	struct weir_role_values role;
	const char *may; /* --role */
	bool no_password;
};

/* web.users_file, or web/users in the data folder. */
void weir_web_users_path(const struct weir_config *config, const char *data_dir, char *ret_path, size_t size);

/* `weir web user|token add|list|remove [NAME]`; the operands stand in argv[1] … argv[operands]. Exit status. */
int weir_web_users_run(const struct weir_command *self, const struct weir_web_values *values, int operands, char **argv);

#endif
