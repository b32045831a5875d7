/* The role `weir probe`: the rings are opened first, then privileges go, then the spool is opened and the workers start. */
#include "cli/probe_role.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* A number for the kernel that no other process or interface has. */
static int fanout_group(unsigned sources)
{
	return (int)(((unsigned)getpid() * WEIR_PROBE_WORKERS_MAX + sources) & 0xffff);
}

int weir_probe_listen(const struct weir_probe_listen *listen, const char *interface,
		      struct weir_probe_session_options *options, struct weir_error *err)
{
	const struct weir_packets_interface source = {
		.name = interface,
		.filter = listen->filter,
		.snap_bytes = listen->snap_bytes,
		.ring_bytes = listen->ring_bytes,
		.fanout_group = listen->workers > 1 ? fanout_group(options->workers) : -1,
		.promiscuous = listen->promiscuous,
	};

	for (unsigned i = 0; i < listen->workers; i++) {
		int rc;

		if (options->workers == WEIR_PROBE_WORKERS_MAX)
			return weir_error_set(err, -E2BIG, interface, "fewer workers, or any", "%d workers at most, for all interfaces",
					      WEIR_PROBE_WORKERS_MAX);
		rc = weir_packets_open_interface(&source, &options->packets[options->workers], err);
		if (rc)
			return rc;
		options->workers++;
	}
	return 0;
}

int weir_probe_role(const struct weir_command *command, const struct weir_role_values *values)
{
	(void)values;
	return weir_usage(command, "say what to look at: --read FILE or --interface NAME");
}
