/* `weir probe` as a role of `weir run`, and what it shares with the command: listening. */
#ifndef WEIR_CLI_PROBE_ROLE_H
#define WEIR_CLI_PROBE_ROLE_H

#include "cli/probe_session.h"
#include "cli/role.h"

struct weir_probe_listen {
	const char *filter; /* or NULL */
	unsigned workers;
	uint64_t ring_bytes;
	uint32_t snap_bytes;
	bool promiscuous;
};

/* Add an interface's sources, one a worker, to options. */
int weir_probe_listen(const struct weir_probe_listen *listen, const char *interface,
		      struct weir_probe_session_options *options, struct weir_error *err) WEIR_MUST_CHECK;

/* The role: an exit status. */
int weir_probe_role(const struct weir_command *command, const struct weir_role_values *values);

#endif
