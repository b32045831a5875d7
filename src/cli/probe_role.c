/* The role `weir probe`: the rings are opened first, then privileges go, then the spool is opened and the workers start. */
#include "cli/probe_role.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/metrics.h"
#include "cli/enrichment.h"
#include "supervise/user.h"

#define TCP_END_MS 1000

/* A number for the kernel that no other process or interface has. */
static int fanout_group(unsigned sources)
{
	return (int)(((unsigned)getpid() * WEIR_PROBE_WORKERS_MAX + sources) & 0xffff);
}

/* The interfaces' names are told in the export, as many as there is room for. */
static void note_name(struct weir_encoder_options *encoder, uint32_t index, const char *name)
{
	struct weir_encoder_interface *at = &encoder->interface[encoder->interfaces];

	if (!index || encoder->interfaces == WEIR_ENCODER_INTERFACES_MAX)
		return;
	*at = (struct weir_encoder_interface){.index = index};
	memcpy(at->name, name, strnlen(name, sizeof(at->name)));
	encoder->interfaces++;
}

static void note_interface(struct weir_encoder_options *encoder, const char *name)
{
	struct if_nameindex *all = strcmp(name, "any") == 0 ? if_nameindex() : NULL;

	if (!all)
		note_name(encoder, if_nametoindex(name), name);
	for (unsigned i = 0; all && all[i].if_index; i++)
		note_name(encoder, all[i].if_index, all[i].if_name);
	if (all)
		if_freenameindex(all);
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
	note_interface(&options->encoder, interface);
	return 0;
}

/* --- the role --------------------------------------------------------------------------------------------- */

#define PUBLISH_MS   1000
#define COMPLAIN_MS  60000
#define SEGMENT_ROWS (1U << 20)

static int open_interfaces(const struct weir_role *role, struct weir_probe_session_options *options, struct weir_error *err)
{
	const struct weir_config *c = &role->config;
	const struct weir_probe_listen listen = {
		.filter = *c->probe_filter ? c->probe_filter : NULL,
		.workers = (unsigned)c->probe_workers,
		.ring_bytes = c->probe_ring_bytes,
		.promiscuous = c->probe_promiscuous,
	};
	int rc = 0;

	for (unsigned i = 0; i < c->probe_interfaces.count && !rc; i++)
		rc = weir_probe_listen(&listen, c->probe_interfaces.item[i], options, err);
	return rc;
}

static void set_meter(const struct weir_config *c, struct weir_meter_options *meter)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	*meter = (struct weir_meter_options){
		.flows_max = (uint32_t)c->probe_cache,
		.active_us = (int64_t)c->probe_active_ms * 1000,
		.inactive_us = (int64_t)c->probe_inactive_ms * 1000,
		.ended_us = TCP_END_MS * 1000,
		.tunnel = strcmp(c->probe_tunnel, "inner") == 0 ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER,
		.sampling = (uint32_t)c->probe_sampling,
		.exporter = weir_addr_from_v4(loopback),
	};
	if (getrandom(&meter->seed, sizeof(meter->seed), 0) != (ssize_t)sizeof(meter->seed))
		meter->seed = (uint64_t)weir_clock_wall_ns(&weir_clock_system);
}

static const struct {
	const char *name;
	const char *help;
	size_t offset; /* of the uint64_t in struct weir_probe_stats */
} COUNTERS[] = {
#define AT(member) offsetof(struct weir_probe_stats, member)
	{"weir_probe_frames_total",	      "Frames received", AT(packets.frames)},
	{"weir_probe_frame_bytes_total",      "Bytes of frames received", AT(packets.bytes)},
	{"weir_probe_kernel_drops_total",     "Frames that the kernel dropped for want of room in the ring", AT(packets.kernel_drops)},
	{"weir_probe_unsampled_total",	      "Frames passed over by sampling", AT(meter.unsampled)},
	{"weir_probe_not_ip_total",	      "Frames without IP, passed over", AT(meter.not_ip)},
	{"weir_probe_malformed_total",	      "Packets with a header that contradicts itself", AT(meter.malformed)},
	{"weir_probe_packets_total",	      "Packets counted to flows", AT(meter.packets)},
	{"weir_probe_bytes_total",	      "Bytes counted to flows", AT(meter.bytes)},
	{"weir_probe_fragments_lost_total",   "Fragments whose first one was not seen", AT(meter.fragments_lost)},
	{"weir_probe_flows_total",	      "Flow records made", AT(meter.rows)},
	{"weir_probe_ended_early_total",      "Flows ended because the cache was full", AT(meter.ended[WEIR_FLOW_END_LACK])},
#undef AT
};

static int describe(const struct weir_role *role, const struct weir_probe_stats *stats, const struct weir_spool_stats *spool,
		    struct weir_buffer *out)
{
	int rc = weir_metrics_gauge(out, "weir_probe_start_time_seconds", "When the probe started, Unix time", NULL,
				    (double)role->start_ms / WEIR_MS_PER_S);

	for (size_t i = 0; !rc && i < sizeof(COUNTERS) / sizeof(COUNTERS[0]); i++)
		rc = weir_metrics_counter(out, COUNTERS[i].name, COUNTERS[i].help, NULL,
					  *(const uint64_t *)(const void *)((const char *)stats + COUNTERS[i].offset));
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_probe_cached_flows", "Flows in the cache", NULL, stats->flows);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_probe_spool_rows_total", "Flows written to the spool", NULL, spool->rows);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_probe_spool_lost_rows_total",
					  "Flows lost because the spool could not be written", NULL, spool->lost_rows);
	return rc;
}

static void publish(const struct weir_role *role, struct weir_probe_session *session, struct weir_enrichment *enrichment)
{
	struct weir_probe_stats stats;
	struct weir_spool_stats spool;
	struct weir_buffer text;

	weir_buffer_init(&text);
	weir_probe_session_stats(session, &stats, &spool);
	if (describe(role, &stats, &spool, &text) == 0 && weir_enrichment_metrics(enrichment, &text) == 0)
		weir_role_publish(role, &text);
	weir_buffer_done(&text);
}

/* The same complaint comes again after a minute only. */
static void complain(const struct weir_role *role, struct weir_probe_session *session, int64_t *said_ns)
{
	int64_t now = weir_clock_mono_ns(&weir_clock_system);
	struct weir_error err;

	if (!weir_probe_session_error(session, &err) || (*said_ns && now - *said_ns < COMPLAIN_MS * WEIR_NS_PER_MS))
		return;
	*said_ns = now;
	weir_log(&role->log, WEIR_LOG_ERROR, "%s: %s%s%s", err.where, err.what, *err.next ? "; " : "", err.next);
}

/* At SIGHUP. */
static void reload(const struct weir_role *role, struct weir_enrichment *enrichment)
{
	struct weir_config config;

	if (!weir_role_reread(role, &config))
		return;
	if (!weir_enrichment_configure(role, enrichment, &config))
		weir_config_done(&config);
}

static int serve(const struct weir_role *role, struct weir_probe_session *session, struct weir_enrichment *enrichment)
{
	struct weir_error err = {0};
	struct weir_probe_stats stats;
	struct weir_spool_stats spool;
	int64_t said_ns = 0;
	bool failed = false;

	publish(role, session, enrichment);
	while (!failed && !weir_role_wait(role, PUBLISH_MS)) {
		publish(role, session, enrichment);
		complain(role, session, &said_ns);
		weir_enrichment_refresh(role, enrichment);
		reload(role, enrichment);
		failed = weir_probe_session_failed(session, &err);
	}
	weir_probe_session_stop(session);
	failed = weir_probe_session_join(session, &err) || failed;
	publish(role, session, enrichment);
	complain(role, session, &said_ns);
	if (failed)
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_probe_session_stats(session, &stats, &spool);
	weir_log(&role->log, WEIR_LOG_INFO, "ended: %" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " in the spool, %" PRIu64
					    " frames lost in the kernel",
		 stats.meter.packets, stats.meter.rows, spool.rows, stats.packets.kernel_drops);
	return WEIR_EXIT_OK;
}

static void close_interfaces(struct weir_probe_session_options *options)
{
	for (unsigned i = 0; i < options->workers; i++)
		weir_packets_close(options->packets[i]);
}

/* Collectors beside the spool; *ret_list is the caller's. */
static int set_targets(const struct weir_config *c, struct weir_probe_session_options *o, char **ret_list, struct weir_error *err)
{
	static const struct {
		const char *name;
		enum weir_flow_type version;
	} VERSIONS[] = {{"netflow5", WEIR_FLOW_NETFLOW5}, {"netflow9", WEIR_FLOW_NETFLOW9}, {"ipfix", WEIR_FLOW_IPFIX}};
	struct weir_buffer list;
	int rc = 0;

	weir_buffer_init(&list);
	for (unsigned i = 0; !rc && i < c->probe_to.count; i++)
		rc = weir_buffer_printf(&list, "%s%s", i ? "," : "", c->probe_to.item[i]);
	if (!rc && c->probe_to.count && !weir_buffer_cstr(&list))
		rc = -ENOMEM;
	if (rc) {
		weir_buffer_done(&list);
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	}
	o->to = *ret_list = (char *)list.data;
	o->tls = (struct weir_uplink_tls){.ca = c->tls_ca, .certificate = *c->tls_certificate ? c->tls_certificate : NULL,
					  .key = *c->tls_key ? c->tls_key : NULL};
	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(VERSIONS[0]); i++) {
		if (strcmp(VERSIONS[i].name, c->probe_version) == 0)
			o->encoder.version = VERSIONS[i].version;
	}
	o->encoder.sampling_rate = c->probe_sampling > 1 ? (uint32_t)c->probe_sampling : 0;
	o->encoder.agent = o->meter.exporter;
	return 0;
}

/* A session over TCP or TLS is made anew when it ends, which needs a socket, a name and certificates; datagrams need nothing more. */
static void confine(struct weir_role *role, struct weir_enrichment *enrichment)
{
	const struct weir_config *c = &role->config;
	const char *const certificates[] = {c->tls_ca, c->tls_certificate, c->tls_key};
	struct weir_sandbox_path paths[2 * WEIR_ROLE_PATHS_MAX + 1] = {{0}};
	bool streams = false;
	unsigned n = 0;

	for (unsigned i = 0; i < c->probe_to.count; i++)
		streams = streams || weir_target_is_stream(c->probe_to.item[i]);
	for (const struct weir_sandbox_path *p = weir_role_resolving; streams && p->path; p++)
		paths[n++] = *p;
	for (unsigned i = 0; streams && i < sizeof(certificates) / sizeof(certificates[0]); i++) {
		if (*certificates[i])
			paths[n++] = (struct weir_sandbox_path){certificates[i], WEIR_SANDBOX_READ};
	}
	(void)weir_enrichment_paths(enrichment, paths + n, WEIR_ROLE_PATHS_MAX - n);
	weir_role_confine(role, streams ? WEIR_SANDBOX_SINK : WEIR_SANDBOX_COLLECT, streams, paths);
}

/* From here on nothing needs privileges, and what the spool makes belongs to the user. */
static int run_role(struct weir_role *role, struct weir_probe_session_options *options)
{
	const struct weir_config *c = &role->config;
	const struct weir_spool_options spool = {
		.dir = role->spool_dir,
		.segment_bytes_max = c->spool_segment_bytes,
		.segment_rows_max = SEGMENT_ROWS,
		.bytes_max = c->spool_size_max_bytes,
	};
	struct weir_enrichment enrichment;
	struct weir_probe_session *session;
	struct weir_error err = {0};
	char *to = NULL;
	int status;

	options->live = true;
	options->spool = &spool;
	options->sync_ms = (int64_t)c->collect_sync_ms;
	set_meter(c, &options->meter);
	status = set_targets(c, options, &to, &err);
	if (!status)
		status = weir_enrichment_open(c, role->run_dir, true, &enrichment, &err);
	if (status) {
		free(to);
		close_interfaces(options);
		return weir_role_cannot_open(status, &err);
	}
	options->enrich = enrichment.enrich;
	status = weir_probe_session_new(options, &session, &err);
	if (status) {
		free(to);
		weir_enrichment_done(&enrichment);
		return weir_role_cannot_open(status, &err);
	}
	confine(role, &enrichment);
	if (weir_probe_session_start(session, &err)) {
		status = weir_fail(WEIR_EXIT_FAILED, &err);
	} else {
		for (unsigned i = 0; i < c->probe_interfaces.count; i++)
			weir_log(&role->log, WEIR_LOG_INFO, "listening on %s", c->probe_interfaces.item[i]);
		for (unsigned i = 0; i < c->probe_to.count; i++)
			weir_log(&role->log, WEIR_LOG_INFO, "flows go to %s as well", c->probe_to.item[i]);
		weir_enrichment_tell(role, &enrichment);
		status = serve(role, session, &enrichment);
	}
	weir_probe_session_free(session);
	weir_enrichment_done(&enrichment);
	free(to);
	return status;
}

/* Whoever this is, from here on it can neither listen nor overrule the rights of files, unless root was asked for. */
static int drop(const struct weir_role *role, struct weir_error *err)
{
	int rc = weir_role_drop(role, role->config.collect_user, err);

	if (!rc && !*role->config.collect_user) {
		rc = weir_user_drop_powers();
		if (rc)
			(void)weir_error_set(err, rc, NULL, NULL, "capabilities cannot be given up: %s", strerror(-rc));
	}
	return rc;
}

int weir_probe_role(const struct weir_command *command, const struct weir_role_values *values)
{
	struct weir_probe_session_options options = {0};
	struct weir_error err = {0};
	struct weir_role role;
	int status = weir_role_init_values(command, values, &role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (!role.config.probe_interfaces.count) {
		status = weir_usage(command, "say what to look at: --read FILE, --interface NAME, or probe.interfaces in the "
					     "configuration");
	} else if (open_interfaces(&role, &options, &err) || drop(&role, &err)) {
		close_interfaces(&options);
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else {
		status = run_role(&role, &options);
	}
	weir_role_done(&role);
	return status;
}
