/* `weir status`: what comes in, what waits, what is stored, and whether all is well. */
#include "cli/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exporters.h"
#include "cli/role.h"

struct values {
	struct weir_role_values role;
	const char *format;
	bool exporters;
};

static const struct weir_option OPTIONS[] = {
	WEIR_ROLE_OPTIONS,
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|json",
	 .offset = offsetof(struct values, format), .help = "table (the default), or json: one object"},
	{.name = "exporters", .letter = 'e', .type = WEIR_OPTION_FLAG, .offset = offsetof(struct values, exporters),
	 .help = "Each exporter in place of the whole: what came from it, what was lost, and what is wrong with it."},
	{.name = NULL},
};

/* The processes say of themselves in DATA/run; without a look at that nothing is known. */
static int check_access(const char *data_dir, struct weir_error *err)
{
	if (access(data_dir, R_OK | X_OK) == 0 || errno == ENOENT)
		return 0;
	return weir_error_set(err, -errno, data_dir, "run this as root or as the user that weir runs as",
			      "the data folder cannot be read: %s", strerror(errno));
}

static int print(const struct weir_status *status, bool json)
{
	struct weir_buffer out;
	int rc;

	weir_buffer_init(&out);
	rc = json ? weir_status_print_json(status, &out) : weir_status_print_table(status, &out);
	if (!rc && fwrite(out.data, 1, out.len, stdout) != out.len)
		rc = -EIO;
	weir_buffer_done(&out);
	return rc || status->problems ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

static int print_exporters(const char *data_dir, bool json)
{
	struct weir_error err = {0};
	struct weir_buffer out;
	int rc;

	weir_buffer_init(&out);
	rc = weir_exporters_print(data_dir, json, &out, &err);
	if (rc >= 0 && fwrite(out.data, 1, out.len, stdout) != out.len)
		rc = weir_error_set(&err, -EIO, "standard output", NULL, "cannot write");
	weir_buffer_done(&out);
	if (rc < 0)
		return weir_fail(WEIR_EXIT_USAGE, &err);
	return rc ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.format = "table"};
	struct weir_config config;
	struct weir_status status;
	struct weir_error err = {0};
	const char *data_dir;
	int operands = 0;
	int rc = weir_options_parse(self, argc, argv, &values, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (operands)
		return weir_usage(self, "what is \"%s\"?", argv[1]);
	if (weir_config_read(weir_config_find(values.role.config), &config, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	data_dir = values.role.data ? values.role.data : config.data_dir;
	if (check_access(data_dir, &err)) {
		rc = weir_fail(WEIR_EXIT_USAGE, &err);
	} else if (values.exporters) {
		rc = print_exporters(data_dir, strcmp(values.format, "json") == 0);
	} else {
		weir_status_gather(&config, data_dir, &status);
		rc = print(&status, strcmp(values.format, "json") == 0);
		weir_status_done(&status);
	}
	weir_config_done(&config);
	return rc;
}

const struct weir_command weir_command_status = {
	.name = "status",
	.arguments = "[OPTION]...",
	.summary = "what comes in, what waits, what is stored, and whether all is well",
	.text = "Shows the processes of `weir run` on a data folder, what the collector receives, what of it waits in the spool, "
		"and what the store has. Rates are those of the last second.\n\n"
		"With --exporters it shows each exporter: flows and their rate in the last ten seconds, what was lost by its sequence "
		"numbers (messages of NetFlow v9 and sFlow, records of the others), the templates known, the sampling rate of its "
		"last flow, its clock less this machine's, and faults (`weir reference faults`). The others are messages that do not "
		"say whose they are. The figures are a few seconds old, and begin with collect's start; json has all of them.\n\n"
		"Exit status: 0 when all is well, 1 when something is wrong: the first lines say what, and what to do.",
	.options = OPTIONS,
	.examples = "weir status\tthe data folder of ./weir.yaml, or ./var\n"
		    "weir status --exporters\twho sends, how much, and what is wrong with it\n"
		    "weir status --format json | jq .problems\tfor a monitoring system",
	.run = run,
};
