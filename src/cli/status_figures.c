/* The figures of `weir status`: one row each. */
#include "cli/status.h"

#include "base/clock.h"

const char *const weir_status_roles[WEIR_STATUS_ROLES] = {"collect", "sink", "store", "replicate", "web", "probe", "snmp", "notify"};

#define COLLECT WEIR_STATUS_COLLECT
#define SINK	WEIR_STATUS_SINK
#define STORE	WEIR_STATUS_STORE
#define REPLICATE WEIR_STATUS_REPLICATE
#define PROBE	WEIR_STATUS_PROBE
#define SNMP	WEIR_STATUS_SNMP
#define COUNT	WEIR_FIGURE_COUNT
#define BYTES	WEIR_FIGURE_BYTES

/* clang-format off */
const struct weir_figure weir_figures[] = {
	{COLLECT, "datagrams", "datagrams", "weir_collect_datagrams_total", COUNT, true, false, NULL},
	{COLLECT, "bytes", "bytes", "weir_collect_bytes_total", BYTES, true, false, NULL},
	{COLLECT, "flows", "flows", "weir_collect_flows_total", COUNT, true, false, NULL},
	{COLLECT, "templates", "templates", "weir_collect_templates_total", COUNT, false, false, NULL},
	{COLLECT, "lost", "lost before they came", "weir_collect_lost_total", COUNT, true, false, NULL},
	{COLLECT, "kernel_drops", "dropped by the kernel", "weir_collect_kernel_drops_total", COUNT, true, false, NULL},
	{COLLECT, "over_share", "dropped, over its share", "weir_collect_over_share_total", COUNT, true, true, NULL},
	{COLLECT, "over_rate", "dropped, over the rate", "weir_collect_over_rate_total", COUNT, true, true, NULL},
	{COLLECT, "clock_steps", "clock was set", "weir_collect_clock_steps_total", COUNT, false, true, NULL},
	{COLLECT, "sessions", "TCP and TLS sessions", "weir_collect_sessions", COUNT, false, true, NULL},
	{COLLECT, "spool_dropped_flows", "dropped, spool full", "weir_spool_dropped_rows_total", COUNT, true, true,
	 "flows were removed from the spool before the store had them; make spool.size_max larger, or see why the store is behind"},
	{COLLECT, "spool_lost_flows", "not written to the spool", "weir_spool_lost_rows_total", COUNT, true, true,
	 "flows were lost because the spool could not be written; look at the disk and at collect's log"},
	{SINK, "flows", "flows stored", "weir_sink_rows_total", COUNT, true, false, NULL},
	{SINK, "segments", "segments stored", "weir_sink_segments_total", COUNT, false, false, NULL},
	{SINK, "retries", "tried again", "weir_sink_retries_total", COUNT, false, true, NULL},
	{SINK, "set_aside_flows", "set aside", "weir_sink_set_aside_rows_total", COUNT, false, true,
	 "flows were set aside because the store cannot read them; see spool/damaged and the sink's log"},
	{SINK, "damaged_segments", "damaged segments", "weir_sink_damaged_segments_total", COUNT, false, true,
	 "segments of the spool failed their checksum and were set aside; check the disk, see spool/damaged"},
	{STORE, "queries", "queries", "weir_store_queries_total", COUNT, true, false, NULL},
	{STORE, "memory_bytes", "memory", "weir_store_resident_bytes", BYTES, false, false, NULL},
	{REPLICATE, "datagrams", "datagrams", "weir_replicate_datagrams_total", COUNT, true, false, NULL},
	{REPLICATE, "exporters", "exporters", "weir_replicate_exporters", COUNT, false, false, NULL},
	{REPLICATE, "kernel_drops", "dropped by the kernel", "weir_replicate_kernel_drops_total", COUNT, true, false, NULL},
	{PROBE, "packets", "packets", "weir_probe_packets_total", COUNT, true, false, NULL},
	{PROBE, "bytes", "bytes", "weir_probe_bytes_total", BYTES, true, false, NULL},
	{PROBE, "flows", "flows", "weir_probe_flows_total", COUNT, true, false, NULL},
	{PROBE, "cached_flows", "flows that go on", "weir_probe_cached_flows", COUNT, false, false, NULL},
	{PROBE, "kernel_drops", "dropped by the kernel", "weir_probe_kernel_drops_total", COUNT, true, false, NULL},
	{PROBE, "ended_early", "ended, cache full", "weir_probe_ended_early_total", COUNT, true, true, NULL},
	{PROBE, "spool_lost_flows", "not written to the spool", "weir_probe_spool_lost_rows_total", COUNT, true, true,
	 "flows of the probe were lost because the spool could not be written; look at the disk and at probe's log"},
	{SNMP, "exporters", "exporters", "weir_snmp_exporters", COUNT, false, false, NULL},
	{SNMP, "failing", "that do not answer", "weir_snmp_exporters_failing", COUNT, false, true, NULL},
	{SNMP, "interfaces", "interfaces", "weir_snmp_interfaces", COUNT, false, false, NULL},
	{SNMP, "exporters_cut", "with more interfaces", "weir_snmp_exporters_cut", COUNT, false, true, NULL},
	{SNMP, "lost_records", "not written to the spool", "weir_snmp_lost_records_total", COUNT, false, true,
	 "rows of what exporters told over SNMP were lost because the spool could not be written; look at the disk and at snmp's log"},
	{0},
};
/* clang-format on */

_Static_assert(sizeof(weir_figures) / sizeof(*weir_figures) <= WEIR_FIGURES_MAX, "WEIR_FIGURES_MAX");

/* Between two files that a role wrote; a restart in between makes it unknown. */
static double rate(const struct weir_samples *before, const struct weir_samples *after, const char *metric)
{
	double first = 0;
	double second = 0;
	double seconds = (double)(after->written_ns - before->written_ns) / (double)WEIR_NS_PER_S;

	if (seconds <= 0 || !weir_samples_get(before, metric, "", &first) || !weir_samples_get(after, metric, "", &second) ||
	    second < first)
		return -1;
	return (second - first) / seconds;
}

void weir_status_figures(struct weir_status *status, const struct weir_samples before[WEIR_STATUS_ROLES])
{
	for (unsigned i = 0; weir_figures[i].key; i++) {
		const struct weir_figure *f = &weir_figures[i];
		const struct weir_status_process *process = &status->process[f->role];

		status->known[i] = weir_samples_get(&process->samples, f->metric, "", &status->value[i]);
		status->per_s[i] = f->rate ? rate(&before[f->role], &process->samples, f->metric) : -1;
		if (status->known[i] && f->loss && status->value[i] > 0)
			weir_status_problem(status, "%.0f %s", status->value[i], f->loss);
	}
}
