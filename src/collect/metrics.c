#include "collect/metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "base/metrics.h"
#include "wire/fault.h"

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_collector_stats */
} COUNTERS[] = {
#define AT(member) offsetof(struct weir_collector_stats, member)
	{"weir_collect_datagrams_total",      "Datagrams received",                       AT(udp.datagrams)},
	{"weir_collect_bytes_total",          "Bytes received, UDP payload",              AT(udp.bytes)},
	{"weir_collect_kernel_drops_total",   "Datagrams that the kernel dropped for want of room in the sockets' buffers",
	 AT(udp.kernel_drops)},
	{"weir_collect_refused_datagrams_total", "Datagrams from addresses that collect.allow does not have", AT(udp.refused)},
	{"weir_collect_sessions_total",       "TCP and TLS sessions accepted",            AT(sessions.accepted)},
	{"weir_collect_session_bytes_total",  "Bytes of messages received over TCP and TLS", AT(sessions.bytes)},
	{"weir_collect_over_share_total",     "Datagrams refused because collect could not keep up and their source sent more than its share",
	 AT(fairness.over_share)},
	{"weir_collect_over_rate_total",      "Datagrams refused because their source sent more than collect.exporter_rate_max",
	 AT(fairness.over_rate)},
	{"weir_collect_messages_total",       "Export messages decoded",                  AT(decoder.messages)},
	{"weir_collect_flows_total",          "Flows decoded",                            AT(decoder.flows)},
	{"weir_collect_templates_total",      "Template records read, options templates included", AT(decoder.templates)},
	{"weir_collect_option_records_total", "Options records read",                     AT(decoder.option_records)},
	{"weir_collect_counter_samples_total", "sFlow counter samples read",              AT(decoder.counter_samples)},
	{"weir_collect_lost_total",           "Lost before they came here, by sequence numbers: messages of NetFlow v9, "
					      "flows of NetFlow v5, v7 and IPFIX, samples of sFlow",
	 AT(decoder.lost_messages)},
	{"weir_spool_segments_total",         "Segments written to the spool",            AT(spool.segments)},
	{"weir_spool_rows_total",             "Flows written to the spool",               AT(spool.rows)},
	{"weir_spool_records_total",          "Options and counters written to the spool", AT(record_spool.rows)},
	{"weir_spool_lost_records_total",     "Options and counters lost because the spool could not be written",
	 AT(record_spool.lost_rows)},
	{"weir_collect_state_exporters_total", "Exporters known from before the start, by what was saved of them", AT(state_exporters)},
	{"weir_collect_state_ignored_total",  "Saved states of exporters that were damaged or cannot be read", AT(state_ignored)},
	{"weir_spool_bytes_total",            "Bytes written to the spool, compressed",   AT(spool.bytes)},
	{"weir_spool_abandoned_segments_total", "Unfinished segments of a process that died, removed with what was not synced",
	 AT(spool.abandoned_segments)},
	{"weir_spool_dropped_segments_total", "Segments removed unread because the spool was full", AT(spool.dropped_segments)},
	{"weir_spool_dropped_rows_total",     "Flows removed unread because the spool was full", AT(spool.dropped_rows)},
	{"weir_spool_write_errors_total",     "Failures to write to the spool",           AT(spool.write_errors)},
	{"weir_spool_lost_rows_total",        "Flows lost because the spool could not be written", AT(spool.lost_rows)},
#undef AT
};

/* Counters with a label. */
static const struct {
	const char *name;
	const char *help; /* with the first of a name */
	const char *reason;
	size_t offset;
} SESSIONS[] = {
#define AT(member) offsetof(struct weir_collector_stats, sessions.member)
	{"weir_collect_sessions_refused_total", "TCP and TLS sessions refused", "address", AT(refused_address)},
	{"weir_collect_sessions_refused_total", NULL, "limit", AT(refused_limit)},
	{"weir_collect_sessions_refused_total", NULL, "handshake", AT(refused_handshake)},
	{"weir_collect_sessions_refused_total", NULL, "peer", AT(refused_peer)},
	{"weir_collect_sessions_closed_total", "TCP and TLS sessions that did not end well", "half_open", AT(half_open)},
	{"weir_collect_sessions_closed_total", NULL, "idle", AT(idle)},
	{"weir_collect_sessions_closed_total", NULL, "malformed", AT(malformed)},
	{"weir_collect_sessions_closed_total", NULL, "slow", AT(slow)},
	{"weir_collect_sessions_closed_total", NULL, "cut", AT(cut)},
#undef AT
};

static int write_sessions(const struct weir_collector_stats *stats, struct weir_buffer *out)
{
	int rc = weir_metrics_gauge(out, "weir_collect_sessions", "TCP and TLS sessions that are open", NULL,
				    (double)stats->sessions.open);

	for (size_t i = 0; !rc && i < sizeof(SESSIONS) / sizeof(SESSIONS[0]); i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)stats + SESSIONS[i].offset);
		char label[64];

		(void)snprintf(label, sizeof(label), "reason=\"%s\"", SESSIONS[i].reason);
		rc = weir_metrics_counter(out, SESSIONS[i].name, SESSIONS[i].help, label, value);
	}
	return rc;
}

static int write_faults(const struct weir_collector_stats *stats, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_FAULTS; i++) {
		struct weir_buffer label;

		weir_buffer_init(&label);
		rc = weir_metrics_label(&label, "fault", weir_faults[i].name);
		if (!rc)
			rc = weir_metrics_counter(out, "weir_collect_faults_total",
						  i ? NULL : "Faults of export messages, by name", weir_buffer_cstr(&label),
						  stats->decoder.fault[i]);
		weir_buffer_done(&label);
	}
	return rc;
}

int weir_collect_metrics(const struct weir_collector_stats *stats, int64_t start_ms, struct weir_buffer *out)
{
	int rc = weir_metrics_gauge(out, "weir_collect_start_time_seconds", "When the collector started, Unix time", NULL,
				    (double)start_ms / WEIR_MS_PER_S);

	for (size_t i = 0; !rc && i < sizeof(COUNTERS) / sizeof(COUNTERS[0]); i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)stats + COUNTERS[i].offset);

		rc = weir_metrics_counter(out, COUNTERS[i].name, COUNTERS[i].help, NULL, value);
	}
	if (!rc)
		rc = write_sessions(stats, out);
	return rc ? rc : write_faults(stats, out);
}
