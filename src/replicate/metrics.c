#include "replicate/metrics.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/metrics.h"

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_replicator_stats */
	bool gauge;
} TOTALS[] = {
#define AT(member) offsetof(struct weir_replicator_stats, member)
	{"weir_replicate_datagrams_total",    "Datagrams received",                                                   AT(udp.datagrams),    false},
	{"weir_replicate_bytes_total",        "Bytes received, UDP payload",                                          AT(udp.bytes),        false},
	{"weir_replicate_kernel_drops_total",
									 "Datagrams that the kernel dropped for want of room in the sockets' buffers",                                AT(udp.kernel_drops), false},
	{"weir_replicate_exporters",          "Exporters that are known, by address and protocol",                    AT(exporters),        true },
	{"weir_replicate_unknown_total",
									 "Datagrams of exporters beyond replicate.exporters_max: copied, but their templates "
	 "were not kept",																			     AT(unknown),          false},
	{"weir_replicate_kept_items",         "Templates and options records that are kept for collectors that join",
									 AT(recall_items),														  true },
	{"weir_replicate_kept_bytes",         "Memory that they take",                                                AT(recall_bytes),     true },
	{"weir_replicate_kept_refused_total", "Templates and options records that there was no room for",
									 AT(recall_refused),														false},
	{"weir_replicate_senders_left",
	 "Sockets that are left for exporters that send much and keep their source; the others' copies cost more",
	 AT(senders_left),                                                                                              true },
#undef AT
};

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_replicate_output_stats */
	bool gauge;
} OUTPUT[] = {
#define AT(member) offsetof(struct weir_replicate_output_stats, member)
	{"weir_replicate_output_datagrams_total", "Datagrams sent to the output",                                AT(datagrams), false},
	{"weir_replicate_output_bytes_total",     "Bytes sent to the output, UDP payload",                       AT(bytes),     false},
	{"weir_replicate_output_filtered_total",  "Datagrams that its filters do not want",                      AT(filtered),  false},
	{"weir_replicate_output_told_total",
									       "Messages of the datagrams sent that tell templates and options to a collector that "
	 "joined",																				     AT(told),      false},
	{"weir_replicate_output_exporters",       "Exporters (by address and protocol) whose datagrams it gets",
									       AT(exporters),													 true },
#undef AT
};

static int write_number(struct weir_buffer *out, bool gauge, const char *name, const char *help, const char *labels,
			uint64_t value)
{
	return gauge ? weir_metrics_gauge(out, name, help, labels, (double)value)
		     : weir_metrics_counter(out, name, help, labels, value);
}

/* Each family whole, an output a line. */
static int write_family(const struct weir_replicate_plan *plan, unsigned family, struct weir_buffer *out)
{
	const char *help = OUTPUT[family].help;
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct weir_replicate_output_stats stats;
		struct weir_buffer label;

		if (!plan->output[i])
			continue;
		weir_replicate_output_sum(plan->output[i], &stats);
		weir_buffer_init(&label);
		rc = weir_metrics_label(&label, "output", plan->output[i]->spec.name);
		if (!rc)
			rc = write_number(
				out, OUTPUT[family].gauge, OUTPUT[family].name, help, weir_buffer_cstr(&label),
				*(const uint64_t *)(const void *)((const char *)&stats + OUTPUT[family].offset));
		weir_buffer_done(&label);
		help = NULL;
	}
	return rc;
}

static int write_errors(const struct weir_replicate_plan *plan, struct weir_buffer *out)
{
	const char *help = "Copies that were not sent, by reason";
	int rc = 0;

	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct weir_replicate_output_stats stats;

		if (!plan->output[i])
			continue;
		weir_replicate_output_sum(plan->output[i], &stats);
		for (unsigned e = 0; !rc && e < WEIR_REPLICATE_OUTPUT_ERRORS; e++) {
			struct weir_buffer label;

			weir_buffer_init(&label);
			rc = weir_metrics_label(&label, "output", plan->output[i]->spec.name);
			if (!rc)
				rc = weir_buffer_text(&label, ",");
			if (!rc)
				rc = weir_metrics_label(&label, "reason", weir_replicate_output_errors[e]);
			if (!rc)
				rc = weir_metrics_counter(out, "weir_replicate_output_errors_total", help,
							  weir_buffer_cstr(&label), stats.error[e]);
			weir_buffer_done(&label);
			help = NULL;
		}
	}
	return rc;
}

static int write_up(const struct weir_replicate_plan *plan, struct weir_buffer *out)
{
	const char *help = "0 while the output is taken for dead";
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct weir_buffer label;

		if (!plan->output[i])
			continue;
		weir_buffer_init(&label);
		rc = weir_metrics_label(&label, "output", plan->output[i]->spec.name);
		if (!rc)
			rc = weir_metrics_gauge(out, "weir_replicate_output_up", help, weir_buffer_cstr(&label),
						weir_replicate_output_up(plan->output[i]));
		weir_buffer_done(&label);
		help = NULL;
	}
	return rc;
}

int weir_replicate_metrics(struct weir_replicator *replicator, int64_t start_ms, struct weir_buffer *out)
{
	const struct weir_replicate_plan *plan = weir_replicator_plan(replicator);
	struct weir_replicator_stats stats;
	int rc = weir_metrics_gauge(out, "weir_replicate_start_time_seconds",
				    "When the replicator started, Unix time", NULL, (double)start_ms / WEIR_MS_PER_S);

	weir_replicator_stats(replicator, &stats);
	for (unsigned i = 0; !rc && i < sizeof(TOTALS) / sizeof(*TOTALS); i++)
		rc = write_number(out, TOTALS[i].gauge, TOTALS[i].name, TOTALS[i].help, NULL,
				  *(const uint64_t *)(const void *)((const char *)&stats + TOTALS[i].offset));
	for (unsigned i = 0; !rc && i < sizeof(OUTPUT) / sizeof(*OUTPUT); i++)
		rc = write_family(plan, i, out);
	if (!rc)
		rc = write_errors(plan, out);
	return rc ? rc : write_up(plan, out);
}
