/* `weir config`: look a configuration over, or print the one in force. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/enrichment.h"
#include "cli/notify.h"
#include "config/config.h"
#include "snmp/target.h"

struct values {
	const char *config;
};

static const struct weir_option OPTIONS[] = {
	{"config", 'c', WEIR_OPTION_TEXT, "FILE", offsetof(struct values, config), 0, 0,
	 "the file, in the place of the one that would be used"},
	{0},
};

#define SHOWN_MAX 20 /* of a kind */

static void tell_finding(void *ctx, enum weir_networks_finding finding, const char *text)
{
	static const char *const NAMES[WEIR_FINDINGS] = {
		[WEIR_FINDING_TWICE] = "twice", [WEIR_FINDING_OVERLAP] = "overlap", [WEIR_FINDING_GAP] = "gap"};
	unsigned *count = ctx;

	if (count[finding]++ < SHOWN_MAX)
		printf("networks: %s: %s\n", NAMES[finding], text);
}

/* The lines only: who looks a configuration over need not be who may read its secrets. */
static int check_targets(const struct weir_config *config, struct weir_error *err)
{
	struct weir_snmp_targets targets;
	int rc = weir_snmp_targets_read((const char *const *)config->snmp_targets.item, config->snmp_targets.count, false, &targets, err);

	if (!rc)
		weir_snmp_targets_done(&targets);
	return rc;
}

/* The files that the configuration names, too. What was found in the networks is no mistake. */
static int check(const char *path, const struct weir_config *config)
{
	const char *name = path ? path : "the defaults (no file is in use)";
	unsigned count[WEIR_FINDINGS] = {0};
	struct weir_enrichment enrichment;
	struct weir_enrich_stats stats;
	struct weir_targets targets;
	struct weir_error err = {0};

	if (weir_targets_read(config, &targets, &err))
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_targets_done(&targets);
	if (check_targets(config, &err) || weir_enrichment_open(config, NULL, false, &enrichment, &err))
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_enrich_check(enrichment.enrich, tell_finding, count);
	for (unsigned i = 0; i < WEIR_FINDINGS; i++) {
		if (count[i] > SHOWN_MAX)
			printf("networks: and %u more like the last one of its kind\n", count[i] - SHOWN_MAX);
	}
	weir_enrich_stats(enrichment.enrich, &stats);
	if (stats.geo_prefixes || stats.threats)
		printf("%" PRIu64 " prefixes with country or AS; %" PRIu64 " entries of threat lists, %" PRIu64 " lines unread\n",
		       stats.geo_prefixes, stats.threats, stats.threats_unread);
	if (stats.networks)
		printf("%s: no mistakes; %" PRIu64 " networks, of which %u stand twice, %u overlaps of zones, %u gaps\n", name,
		       stats.networks, count[WEIR_FINDING_TWICE], count[WEIR_FINDING_OVERLAP], count[WEIR_FINDING_GAP]);
	else
		printf("%s: no mistakes\n", name);
	weir_enrichment_done(&enrichment);
	return WEIR_EXIT_OK;
}

static int show(const struct weir_config *config)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_config_show(config, &text);
	if (!rc && fwrite(text.data, 1, text.len, stdout) != text.len)
		rc = -EIO;
	weir_buffer_done(&text);
	return rc ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {0};
	struct weir_config config;
	struct weir_error err = {0};
	const char *path;
	bool checks;
	int operands, status;
	int rc = weir_options_parse(self, argc, argv, &values, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (operands < 1)
		return weir_usage(self, "say what to do: check or show");
	checks = strcmp(argv[1], "check") == 0;
	if (!checks && strcmp(argv[1], "show") != 0)
		return weir_usage(self, "\"%s\" is neither check nor show", argv[1]);
	if (operands > 2 || (operands == 2 && values.config))
		return weir_usage(self, "one file is enough");
	path = weir_config_find(operands == 2 ? argv[2] : values.config);
	rc = weir_config_read(path, &config, &err);
	if (rc)
		return weir_fail(rc == -EINVAL || rc == -EFBIG ? WEIR_EXIT_FAILED : WEIR_EXIT_USAGE, &err);
	status = checks ? check(path, &config) : show(&config);
	weir_config_done(&config);
	return status;
}

const struct weir_command weir_command_config = {
	.name = "config",
	.arguments = "check|show [FILE]",
	.summary = "look weir.yaml over, or print the configuration in force",
	.text = "check reads the file, and those that it names for networks, services and notifications, and names the first mistake with its line and "
		"column. Of the networks it tells which stand twice, which lie within a network of another zone (the longest prefix "
		"counts), and which addresses are in none: of a network that is divided, those in none of its parts, and private "
		"addresses. These are no mistakes.\n\n"
		"show prints every option with its value in force and its help, as YAML that can be kept as weir.yaml. Nothing "
		"in it is secret.\n\n"
		"Without FILE it is the file that the other commands use: the one that $WEIR_CONFIG names, ./weir.yaml or "
		"/etc/weir/weir.yaml, or else the defaults.",
	.options = OPTIONS,
	.examples = "weir config check\tis ./weir.yaml right?\nweir config show >weir.yaml\ta file to begin with",
	.run = run,
};
