#include "cli/enrichment.h"

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

int weir_enrichment_open(const struct weir_config *config, bool lenient, struct weir_enrichment *ret_enrichment,
			 struct weir_error *err)
{
	const struct weir_enrich_options options = {
		.networks = {
			.file = config->networks_file,
			.line = list_of(&config->networks_list),
			.lines = config->networks_list.count,
			.external = list_of(&config->networks_external),
			.externals = config->networks_external.count,
		},
		.services_file = config->services_file,
		.geo = {.country = config->geo_country, .as = config->geo_as, .overrides = config->geo_overrides},
		.threats = {
			.list = list_of(&config->threats_lists),
			.lists = config->threats_lists.count,
			.confidence_min = (unsigned)config->threats_confidence_min,
			.lenient = lenient,
		},
	};
	int rc;

	*ret_enrichment = (struct weir_enrichment){0};
	rc = weir_vocabulary_new(&weir_vocabulary_limits_default, draw_seed(), &ret_enrichment->vocabulary);
	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	rc = weir_enrich_new(&options, ret_enrichment->vocabulary, &ret_enrichment->enrich, err);
	if (rc)
		weir_enrichment_done(ret_enrichment);
	return rc;
}

void weir_enrichment_done(struct weir_enrichment *enrichment)
{
	weir_enrich_free(enrichment->enrich);
	weir_vocabulary_free(enrichment->vocabulary);
	*enrichment = (struct weir_enrichment){0};
}

unsigned weir_enrichment_paths(struct weir_enrichment *enrichment, struct weir_sandbox_path *paths, unsigned room)
{
	const char *file;
	unsigned count = 0;

	for (unsigned i = 0; count < room && count < WEIR_ENRICHMENT_FOLDERS_MAX && (file = weir_enrich_file(enrichment->enrich, i)); i++) {
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
}

int weir_enrichment_metrics(struct weir_enrichment *enrichment, struct weir_buffer *out)
{
	struct weir_enrich_stats stats;
	int rc;

	weir_enrich_stats(enrichment->enrich, &stats);
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
