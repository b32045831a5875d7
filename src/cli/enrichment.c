#include "cli/enrichment.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char *const *list_of(const struct weir_config_list *list)
{
	return (const char *const *)list->item;
}

static uint64_t draw_seed(void)
{
	uint64_t seed = 0;

	/* Where the kernel has none, the clock must do. */
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)weir_clock_wall_ns(&weir_clock_system);
	return seed;
}

static bool has_role(void *ctx, const char *role)
{
	return weir_enrich_has_role(ctx, role);
}

static struct weir_guard_options guard_options(const struct weir_config *config)
{
	struct weir_guard_options options = {
		.file = config->policy_file,
		.pack = list_of(&config->policy_packs),
		.packs = config->policy_packs.count,
		.events = weir_events_defaults,
	};

	options.events.storm_per_minute = (uint32_t)config->policy_storm;
	options.events.seed = draw_seed();
	return options;
}

static int open_guard(const struct weir_config *config, struct weir_enrichment *enrichment, struct weir_error *err)
{
	const struct weir_policy_roles roles = {has_role, enrichment->enrich};
	const struct weir_guard_options options = guard_options(config);

	return weir_guard_new(&options, enrichment->vocabulary, &roles, &enrichment->guard, err);
}

/* polled: the file of SNMP's names, or "". Borrows from both. */
static struct weir_enrich_options enrich_options(const struct weir_config *config, const char *polled, bool lenient)
{
	return (struct weir_enrich_options){
		.networks = {
			.file = config->networks_file,
			.line = list_of(&config->networks_list),
			.lines = config->networks_list.count,
			.external = list_of(&config->networks_external),
			.externals = config->networks_external.count,
		},
		.services_file = config->services_file,
		.geo = {.country = config->geo_country, .as = config->geo_as, .overrides = config->geo_overrides},
		.labels = {
			.exporter = list_of(&config->exporters_names),
			.exporters = config->exporters_names.count,
			.interface = list_of(&config->exporters_interfaces),
			.interfaces = config->exporters_interfaces.count,
			.file = polled,
			.seed = draw_seed(),
		},
		.threats = {
			.list = list_of(&config->threats_lists),
			.lists = config->threats_lists.count,
			.confidence_min = (unsigned)config->threats_confidence_min,
			.lenient = lenient,
		},
	};
}

/* Where `weir snmp` keeps names, if it runs. */
static void polled_path(const struct weir_config *config, const char *run_dir, char *ret_path, size_t size)
{
	*ret_path = '\0';
	if (run_dir && config->snmp_targets.count)
		(void)snprintf(ret_path, size, "%s/" WEIR_SNMP_FILE, run_dir);
}

int weir_enrichment_open(const struct weir_config *config, const char *run_dir, bool lenient, struct weir_enrichment *ret_enrichment,
			 struct weir_error *err)
{
	char polled[PATH_MAX];
	struct weir_enrich_options options;
	int rc;

	polled_path(config, run_dir, polled, sizeof(polled));
	options = enrich_options(config, polled, lenient);
	*ret_enrichment = (struct weir_enrichment){0};
	rc = weir_vocabulary_new(&weir_vocabulary_limits_default, draw_seed(), &ret_enrichment->vocabulary);
	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	rc = weir_enrich_new(&options, ret_enrichment->vocabulary, &ret_enrichment->enrich, err);
	if (!rc)
		rc = open_guard(config, ret_enrichment, err);
	if (rc)
		weir_enrichment_done(ret_enrichment);
	return rc;
}

void weir_enrichment_done(struct weir_enrichment *enrichment)
{
	weir_guard_free(enrichment->guard);
	weir_enrich_free(enrichment->enrich);
	weir_vocabulary_free(enrichment->vocabulary);
	if (enrichment->reconfigured)
		weir_config_done(&enrichment->config);
	*enrichment = (struct weir_enrichment){0};
}

/* Enrichment's files, and then the policy's. */
static const char *file_at(const struct weir_enrichment *enrichment, unsigned index)
{
	unsigned others = 0;
	const char *file = weir_enrich_file(enrichment->enrich, index);

	if (file)
		return file;
	while (weir_enrich_file(enrichment->enrich, others))
		others++;
	file = weir_guard_file(enrichment->guard);
	return index == others && *file ? file : NULL;
}

unsigned weir_enrichment_paths(struct weir_enrichment *enrichment, struct weir_sandbox_path *paths, unsigned room)
{
	const char *file;
	unsigned count = 0;

	for (unsigned i = 0; count < room && count < WEIR_ENRICHMENT_FOLDERS_MAX && (file = file_at(enrichment, i)); i++) {
		char *copy = enrichment->folder[count];
		const char *folder;
		bool known = false;

		(void)snprintf(copy, sizeof(enrichment->folder[count]), "%s", file);
		folder = dirname(copy);
		for (unsigned k = 0; k < count && !known; k++)
			known = strcmp(paths[k].path, folder) == 0;
		if (!known)
			paths[count++] = (struct weir_sandbox_path){folder, WEIR_SANDBOX_READ};
	}
	return count;
}

void weir_enrichment_tell(const struct weir_role *role, struct weir_enrichment *enrichment)
{
	struct weir_error err;

	if (weir_enrich_problem(enrichment->enrich, &err))
		weir_log(&role->log, WEIR_LOG_ERROR, "a threat list is left out until it changes: %s: %s%s%s", err.where, err.what,
			 *err.next ? "; " : "", err.next);
}

/* Roles may have come and gone with the networks, and packs with them. */
static void refresh_guard(const struct weir_role *role, struct weir_enrichment *enrichment, bool in_any_case)
{
	struct weir_guard_stats stats;
	struct weir_error err = {0};
	int rc = weir_guard_reload(enrichment->guard, in_any_case, &err);

	if (rc > 0) {
		weir_guard_stats(enrichment->guard, &stats);
		weir_log(&role->log, WEIR_LOG_INFO, "policy read again: %" PRIu64 " rules, %" PRIu64 " packs left out for want of a role",
			 stats.rules, stats.left_out);
	}
	if (rc < 0)
		weir_log(&role->log, WEIR_LOG_ERROR, "the policy that was read before stays in force: %s: %s%s%s", err.where, err.what,
			 *err.next ? "; " : "", err.next);
}

void weir_enrichment_refresh(const struct weir_role *role, struct weir_enrichment *enrichment)
{
	struct weir_enrich_stats stats;
	struct weir_error err = {0};
	int rc = weir_enrich_reload(enrichment->enrich, false, &err);

	if (rc > 0) {
		weir_enrich_stats(enrichment->enrich, &stats);
		weir_log(&role->log, WEIR_LOG_INFO,
			 "read again: %" PRIu64 " networks, %" PRIu64 " services, %" PRIu64 " prefixes with country or AS, %" PRIu64
			 " entries of threat lists", stats.networks, stats.services, stats.geo_prefixes, stats.threats);
	}
	if (rc < 0)
		weir_log(&role->log, WEIR_LOG_ERROR, "what was read before stays in force: %s: %s%s%s", err.where, err.what,
			 *err.next ? "; " : "", err.next);
	refresh_guard(role, enrichment, rc > 0);
}

/* The policy is looked over first, with the networks that are there; where they are refused it goes back to what it was. */
static int configure(const struct weir_role *role, struct weir_enrichment *enrichment, const struct weir_config *config, struct weir_error *err)
{
	const struct weir_config *before = enrichment->reconfigured ? &enrichment->config : &role->config;
	const struct weir_guard_options old_policy = guard_options(before);
	const struct weir_guard_options policy = guard_options(config);
	struct weir_enrich_options options;
	struct weir_error ignored;
	char polled[PATH_MAX];
	int rc;

	polled_path(config, role->run_dir, polled, sizeof(polled));
	options = enrich_options(config, polled, false);
	rc = weir_guard_configure(enrichment->guard, &policy, err);
	if (rc)
		return rc;
	rc = weir_enrich_configure(enrichment->enrich, &options, err);
	if (rc)
		(void)!weir_guard_configure(enrichment->guard, &old_policy, &ignored);
	else
		(void)!weir_guard_reload(enrichment->guard, true, &ignored); /* roles have come and gone with the networks */
	return rc;
}

bool weir_enrichment_configure(const struct weir_role *role, struct weir_enrichment *enrichment, struct weir_config *config)
{
	struct weir_enrich_stats stats;
	struct weir_error err = {0};
	int rc = configure(role, enrichment, config, &err);

	if (rc) {
		weir_log(&role->log, WEIR_LOG_ERROR, "what was read before stays in force: %s: %s%s%s%s", err.where, err.what, *err.next ? "; " : "", err.next,
			 rc == -EACCES ? "; a file in a folder that was not read before needs a restart, for the sandbox" : "");
		return false;
	}
	if (enrichment->reconfigured)
		weir_config_done(&enrichment->config);
	enrichment->config = *config;
	enrichment->reconfigured = true;
	weir_enrich_stats(enrichment->enrich, &stats);
	weir_log(&role->log, WEIR_LOG_INFO,
		 "the configuration was read again: %" PRIu64 " networks, %" PRIu64 " services, %" PRIu64 " prefixes with country or AS, %" PRIu64
		 " entries of threat lists", stats.networks, stats.services, stats.geo_prefixes, stats.threats);
	return true;
}

static int guard_metrics(struct weir_enrichment *enrichment, struct weir_buffer *out)
{
	struct weir_guard_stats stats;
	int rc;

	weir_guard_stats(enrichment->guard, &stats);
	rc = weir_metrics_gauge(out, "weir_policy_rules", "Rules in force", NULL, (double)stats.rules);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_policy_packs_left_out", "Packs without a network of the role that they need", NULL,
					(double)stats.left_out);
	for (unsigned i = 0; !rc && i <= WEIR_POLICY_ACTIONS; i++) {
		char label[64];

		(void)snprintf(label, sizeof(label), "action=\"%s\"", i < WEIR_POLICY_ACTIONS ? weir_policy_action_names[i] : "none");
		rc = weir_metrics_counter(out, "weir_policy_flows_total", i ? NULL : "Flows by what their rule said", label, stats.flows[i]);
	}
	if (!rc)
		rc = weir_metrics_counter(out, "weir_policy_events_total", "Events that have begun", NULL, stats.events.begun);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_policy_events_folded_total", "Flows that were part of an event that had begun", NULL,
					  stats.events.folded);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_policy_events_stormed_total", "Flows that a storm's event took in", NULL,
					  stats.events.stormed);
	return rc ? rc : weir_metrics_counter(out, "weir_policy_events_lost_total", "Rows of events that nobody took", NULL,
					      stats.events.lost);
}

int weir_enrichment_metrics(struct weir_enrichment *enrichment, struct weir_buffer *out)
{
	struct weir_enrich_stats stats;
	int rc;

	weir_enrich_stats(enrichment->enrich, &stats);
	rc = guard_metrics(enrichment, out);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_enrich_networks", "Networks that are known", NULL, (double)stats.networks);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_enrich_geo_prefixes", "Prefixes whose country or AS is known", NULL,
					(double)stats.geo_prefixes);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_enrich_threats", "Entries of threat lists", NULL, (double)stats.threats);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_enrich_threats_unread", "Lines of threat lists that could not be read", NULL,
					(double)stats.threats_unread);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_enrich_names", "Names that flows can be given", NULL, (double)stats.names);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_enrich_names_refused_total", "Names for which there was no room", NULL,
					  stats.names_refused);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_enrich_reloads_total", "Times that changed files were read again", NULL,
					  stats.reloads);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_enrich_reloads_failed_total",
					  "Times that changed files had a mistake; what was read before stayed in force", NULL,
					  stats.reloads_failed);
	return rc ? rc
		  : weir_metrics_gauge(out, "weir_enrich_loaded_time_seconds", "When what is in force was read, Unix time", NULL,
				       (double)stats.loaded_ms / WEIR_MS_PER_S);
}
