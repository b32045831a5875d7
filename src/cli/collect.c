/* `weir collect`: the role that receives. Sockets are opened first, then privileges go, the spool is opened, the process
 * gives up what else it could do, and the workers start; the main thread publishes the metrics and says what went wrong. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock_step.h"
#include "base/log.h"
#include "base/metrics.h"
#include "cli/command.h"
#include "cli/enrichment.h"
#include "cli/exporters.h"
#include "cli/role.h"
#include "collect/collector.h"
#include "collect/metrics.h"
#include "collect/state.h"

#define PUBLISH_MS	1000
#define DESCRIPTORS_OWN 512
#define REPORT_MS	2000
#define STATE_FILE	"exporters.state"
#define COMPLAIN_MS	60000 /* the same complaint again after so long */
#define STEP_TOLD_MS	600000 /* `weir status` tells so long that the clock was set */

struct complaint {
	char what[512];
	int64_t said_ns;
};

static unsigned worker_count(uint64_t wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted)
		return (unsigned)(wanted < WEIR_COLLECTOR_WORKERS_MAX ? wanted : WEIR_COLLECTOR_WORKERS_MAX);
	if (processors < 1)
		return 1;
	return processors < 4 ? (unsigned)processors : 4;
}

/* All that is opened while the process may bind, and read the key. */
struct receivers {
	struct weir_allow *allow;
	struct weir_tls *tls;
	struct weir_sessions *sessions; /* NULL: neither TCP nor TLS */
	struct weir_udp *udp[WEIR_COLLECTOR_WORKERS_MAX];
	unsigned workers;
};

static const char *const *list_of(const struct weir_config_list *list)
{
	return (const char *const *)list->item;
}

static int open_udp(const struct weir_config *c, struct receivers *r, struct weir_error *err)
{
	const struct weir_udp_options options = {
		.listen = list_of(&c->collect_listen),
		.listens = c->collect_listen.count,
		.receive_buffer_bytes = (int)c->collect_receive_buffer_bytes,
		.allow = r->allow,
	};
	unsigned workers = worker_count(c->collect_workers);
	int rc = weir_udp_open(&options, workers, r->udp, err);

	r->workers = rc ? 0 : workers;
	return rc;
}

static int open_sessions(const struct weir_config *c, struct receivers *r, struct weir_error *err)
{
	const struct weir_sessions_options options = {
		.tcp_listen = list_of(&c->collect_tcp_listen),
		.tcp_listens = c->collect_tcp_listen.count,
		.tls_listen = list_of(&c->collect_tls_listen),
		.tls_listens = c->collect_tls_listen.count,
		.tls = r->tls,
		.allow = r->allow,
		.sessions_max = (unsigned)c->collect_sessions_max,
		.per_address_max = (unsigned)c->collect_sessions_per_address,
		.timeout_ms = (int64_t)c->collect_session_timeout_ms,
		.idle_ms = (int64_t)c->collect_session_idle_ms,
		.clock = &weir_clock_system,
	};

	return options.tcp_listens || options.tls_listens ? weir_sessions_open(&options, &r->sessions, err) : 0;
}

static int open_tls(const struct weir_config *c, struct receivers *r, struct weir_error *err)
{
	const struct weir_tls_options options = {
		.certificate = c->tls_certificate,
		.key = c->tls_key,
		.ca = c->tls_ca,
		.client_certificate = c->tls_client_certificate,
		.peers = list_of(&c->tls_peers),
		.peers_count = c->tls_peers.count,
	};

	return c->collect_tls_listen.count ? weir_tls_new(&options, &r->tls, err) : 0;
}

/* A descriptor a session, beside those of the sockets and the spool. */
static void raise_descriptors(const struct weir_config *c)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_cur < c->collect_sessions_max + DESCRIPTORS_OWN && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int open_receivers(const struct weir_config *c, struct receivers *r, struct weir_error *err)
{
	int rc = 0;

	raise_descriptors(c);
	if (!rc)
		rc = weir_allow_new(list_of(&c->collect_allow), c->collect_allow.count, &r->allow, err);
	if (!rc)
		rc = open_tls(c, r, err);
	if (!rc)
		rc = open_sessions(c, r, err);
	return rc ? rc : open_udp(c, r, err);
}

static void close_receivers(struct receivers *r)
{
	for (unsigned i = 0; i < r->workers; i++)
		weir_udp_close(r->udp[i]);
	weir_sessions_close(r->sessions);
	weir_tls_free(r->tls);
	weir_allow_free(r->allow);
}

static void tell_receivers(const struct weir_role *role, const struct receivers *r)
{
	const struct weir_udp *udp = r->udp[0];
	const char *bound;
	bool tls;
	int wanted = (int)role->config.collect_receive_buffer_bytes;
	int granted = weir_udp_receive_buffer(udp);

	for (unsigned i = 0; weir_udp_bound(udp, i); i++)
		weir_log(&role->log, WEIR_LOG_INFO, "listening on %s", weir_udp_bound(udp, i));
	for (unsigned i = 0; r->sessions && (bound = weir_sessions_bound(r->sessions, i, &tls)); i++)
		weir_log(&role->log, WEIR_LOG_INFO, "listening on %s for IPFIX over %s", bound, tls ? "TLS" : "TCP");
	/* The kernel doubles what is asked for, to have room for its own. */
	if (granted / 2 < wanted)
		weir_log(&role->log, WEIR_LOG_WARN,
			 "the kernel grants receive buffers of %d of the %d KiB wanted; bursts may be lost: "
			 "sysctl -w net.core.rmem_max=%d", granted / 2048, wanted / 1024, wanted);
}

/* What exporters told the process before; false when there is a file that is of no use. */
static bool read_state(const struct weir_role *role, struct weir_buffer *out)
{
	struct weir_error err = {0};
	char path[PATH_MAX];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, role->run_dir);
	rc = weir_state_read(path, out, &err);
	if (!rc || rc == -ENOENT)
		return true;
	weir_log(&role->log, WEIR_LOG_WARN,
		 "what exporters told before cannot be used: %s: %s; their data waits until they send their templates again", err.where,
		 err.what);
	return false;
}

/* state: scratch space. */
static int new_collector(const struct weir_role *role, const struct receivers *r, struct weir_enrichment *enrichment,
			 struct weir_buffer *state, struct weir_collector **ret_collector, struct weir_error *err)
{
	const struct weir_config *c = &role->config;
	struct weir_collector_options options = {
		.udp = r->udp,
		.workers = r->workers,
		.sessions = r->sessions,
		.limits = weir_decoder_limits_default,
		.spool_dir = role->spool_dir,
		.spool_size_max_bytes = c->spool_size_max_bytes,
		.spool_segment_bytes = c->spool_segment_bytes,
		.sync_ms = (unsigned)c->collect_sync_ms,
		.exporter_rate_max = (uint32_t)c->collect_exporter_rate_max,
		.enrich = enrichment->enrich,
		.guard = enrichment->guard,
		.clock = &weir_clock_system,
	};

	options.state = state;
	options.state_ignored = !read_state(role, state);
	options.limits.exporters_max = (uint32_t)c->collect_exporters_max;
	options.limits.templates_max = (uint32_t)c->collect_templates_max;
	options.limits.sflow_inner = strcmp(c->collect_sflow_addresses, "inner") == 0;
	if (getrandom(&options.seed, sizeof(options.seed), 0) != (ssize_t)sizeof(options.seed))
		return weir_error_set(err, -errno, "collect", NULL, "no random numbers: %s", strerror(errno));
	return weir_collector_new(&options, ret_collector, err);
}

static void complain(const struct weir_role *role, struct weir_collector *collector, struct complaint *last)
{
	struct weir_error err;
	int64_t now = weir_clock_mono_ns(&weir_clock_system);

	if (!weir_collector_error(collector, &err))
		return;
	if (strcmp(err.what, last->what) == 0 && now - last->said_ns < COMPLAIN_MS * WEIR_NS_PER_MS)
		return;
	(void)snprintf(last->what, sizeof(last->what), "%s", err.what);
	last->said_ns = now;
	weir_log(&role->log, WEIR_LOG_ERROR, "%s: %s%s%s", err.where, err.what, *err.next ? "; " : "", err.next);
}

/* The exporters' file, and their metrics behind the others. */
static void publish_reports(const struct weir_role *role, struct weir_collector *collector, struct weir_buffer *metrics)
{
	struct weir_reports reports = {0};
	struct weir_error err = {0};
	struct weir_buffer text;
	char path[PATH_MAX];

	if (weir_collector_reports(collector, &reports))
		return;
	weir_buffer_init(&text);
	weir_buffer_reset(metrics);
	(void)snprintf(path, sizeof(path), "%s/" WEIR_EXPORTERS_FILE, role->run_dir);
	/* A folder that cannot be written is complained of with the metrics. */
	if (weir_reports_write(&reports, &text) == 0)
		(void)!weir_metrics_publish(path, &text, &err);
	if (weir_reports_metrics(&reports, metrics))
		weir_buffer_reset(metrics);
	weir_buffer_done(&text);
	weir_reports_done(&reports);
}

/* Trouble is told once: the disk's is told with the metrics. */
static void save_state(const struct weir_role *role, struct weir_collector *collector, bool *complained)
{
	struct weir_error err = {0};
	struct weir_buffer state;
	char path[PATH_MAX];

	weir_buffer_init(&state);
	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, role->run_dir);
	if (weir_collector_state(collector, &state) == 1 && weir_state_write(path, &state, &err) && !*complained) {
		weir_log(&role->log, WEIR_LOG_WARN, "what exporters told is not saved for the next start: %s: %s", err.where,
			 err.what);
		*complained = true;
	}
	weir_buffer_done(&state);
}

struct publishing {
	struct weir_clock_step step;
	int64_t step_ns;	      /* the last one; 0: none, or long ago */
	int64_t stepped_ns;	      /* when, on the clock that nobody sets */
	struct weir_buffer exporters; /* metrics */
	int64_t reported_ns;
	bool complained; /* of the state */
};

/* Who sends more than it may, or than the others leave: once a minute. */
static void tell_worst(const struct weir_role *role, struct weir_collector *collector, int64_t *last_ns)
{
	int64_t now = weir_clock_mono_ns(&weir_clock_system);
	char source[WEIR_ADDR_TEXT_MAX] = "sources that came lately";
	struct weir_fairness_worst worst;

	if (*last_ns && now - *last_ns < COMPLAIN_MS * WEIR_NS_PER_MS)
		return;
	worst = weir_collector_worst(collector);
	if (!worst.refused)
		return;
	*last_ns = now;
	if (!weir_addr_is_zero(&worst.source))
		(void)weir_addr_text(&worst.source, source);
	if (worst.by_rate)
		weir_log(&role->log, WEIR_LOG_WARN, "%s: more than collect.exporter_rate_max: %" PRIu64 " datagrams were dropped",
			 source, worst.refused);
	else
		weir_log(&role->log, WEIR_LOG_WARN,
			 "%s: more than its share while collect could not keep up: %" PRIu64 " datagrams were dropped, those of "
			 "the other exporters are taken in; find out what it sends, or list who may with collect.allow",
			 source, worst.refused);
}

/* Times of receipt are the machine's; what waits and what is limited goes by the other clock and takes no notice. */
static void watch_clock(const struct weir_role *role, struct publishing *p)
{
	int64_t step = weir_clock_step_look(&p->step, &weir_clock_system);
	int64_t now = weir_clock_mono_ns(&weir_clock_system);

	if (step) {
		p->step_ns = step;
		p->stepped_ns = now;
		weir_log(&role->log, WEIR_LOG_WARN, "this machine's clock was set %s by %.1f s; the flows' times of receipt go with it",
			 step > 0 ? "forward" : "back", (double)(step > 0 ? step : -step) / WEIR_NS_PER_S);
	}
	if (p->step_ns && now - p->stepped_ns > STEP_TOLD_MS * WEIR_NS_PER_MS)
		p->step_ns = 0;
}

static int clock_metrics(const struct publishing *p, struct weir_buffer *out)
{
	int rc = weir_metrics_counter(out, "weir_collect_clock_steps_total", "How often this machine's clock was set, by a second or more",
				      NULL, p->step.steps);

	return rc ? rc : weir_metrics_gauge(out, "weir_collect_clock_step_seconds",
					    "By how much it was set in the last ten minutes, back is negative", NULL,
					    (double)p->step_ns / WEIR_NS_PER_S);
}

static void publish(const struct weir_role *role, struct weir_collector *collector, struct weir_enrichment *enrichment,
		    struct publishing *p, bool last)
{
	int64_t now = weir_clock_mono_ns(&weir_clock_system);
	struct weir_collector_stats stats;
	struct weir_buffer text;

	if (last || !p->reported_ns || now - p->reported_ns >= REPORT_MS * WEIR_NS_PER_MS) {
		publish_reports(role, collector, &p->exporters);
		save_state(role, collector, &p->complained);
		p->reported_ns = now;
	}

	weir_buffer_init(&text);
	weir_collector_stats(collector, &stats);
	watch_clock(role, p);
	if (weir_collect_metrics(&stats, role->start_ms, &text) == 0 && clock_metrics(p, &text) == 0 &&
	    weir_enrichment_metrics(enrichment, &text) == 0 &&
	    weir_buffer_append(&text, p->exporters.data, p->exporters.len) == 0)
		weir_role_publish(role, &text);
	weir_buffer_done(&text);
}

/* After a crash: the loss that nobody else can know of. */
static void tell_abandoned(const struct weir_role *role, struct weir_collector *collector)
{
	struct weir_collector_stats stats;

	weir_collector_stats(collector, &stats);
	if (stats.spool.abandoned_segments)
		weir_log(&role->log, WEIR_LOG_WARN,
			 "%" PRIu64 " unfinished segments of a process that died were removed: what it received in its last %" PRIu64
			 " ms is lost",
			 stats.spool.abandoned_segments, role->config.collect_sync_ms);
}

/* New certificates are taken over without a restart. */
static void refresh_tls(const struct weir_role *role, struct weir_tls *tls)
{
	struct weir_error err = {0};
	int rc = tls ? weir_tls_refresh(tls, &err) : 0;

	if (rc > 0)
		weir_log(&role->log, WEIR_LOG_INFO, "new TLS sessions get the certificates that were read just now");
	if (rc < 0)
		weir_log(&role->log, WEIR_LOG_ERROR, "the old certificates stay in force: %s: %s; %s", err.where, err.what, err.next);
}

/* At SIGHUP: what enrichment, policy and collect.allow are made of. */
static void reload(const struct weir_role *role, const struct receivers *r, struct weir_enrichment *enrichment)
{
	struct weir_config config;
	struct weir_error err = {0};

	if (!weir_role_reread(role, &config))
		return;
	if (!weir_enrichment_configure(role, enrichment, &config)) {
		weir_config_done(&config);
		return;
	}
	if (weir_allow_replace(r->allow, list_of(&enrichment->config.collect_allow), enrichment->config.collect_allow.count, &err))
		weir_log(&role->log, WEIR_LOG_ERROR, "collect.allow stays as it was: %s: %s", err.where, err.what);
}

static int serve(const struct weir_role *role, const struct receivers *receivers, struct weir_collector *collector,
		 struct weir_enrichment *enrichment)
{
	struct complaint last = {0};
	struct weir_error err;
	struct weir_collector_stats stats;
	struct publishing publishing = {0};
	int64_t told_ns = 0;
	bool failed = false;
	bool first = true;

	weir_clock_step_init(&publishing.step, &weir_clock_system);
	publish(role, collector, enrichment, &publishing, false);
	while (!failed && !weir_role_wait(role, PUBLISH_MS)) {
		publish(role, collector, enrichment, &publishing, false);
		if (first)
			tell_abandoned(role, collector);
		first = false;
		complain(role, collector, &last);
		tell_worst(role, collector, &told_ns);
		refresh_tls(role, receivers->tls);
		weir_enrichment_refresh(role, enrichment);
		reload(role, receivers, enrichment);
		failed = weir_collector_failed(collector, &err);
	}
	weir_collector_stop(collector);
	publish(role, collector, enrichment, &publishing, true);
	weir_buffer_done(&publishing.exporters);
	complain(role, collector, &last);
	if (failed)
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_collector_stats(collector, &stats);
	weir_log(&role->log, WEIR_LOG_INFO, "ended: %" PRIu64 " datagrams, %" PRIu64 " flows, %" PRIu64 " in the spool",
		 stats.udp.datagrams, stats.decoder.flows, stats.spool.rows);
	return WEIR_EXIT_OK;
}

/* The folders of the TLS files and of enrichment's stay readable, for a new file there is another file to the sandbox. */
static void confine(struct weir_role *role, struct weir_enrichment *enrichment)
{
	const struct weir_config *c = &role->config;
	const char *const FILES[] = {c->tls_certificate, c->tls_key, c->tls_ca};
	char folder[3][PATH_MAX];
	struct weir_sandbox_path paths[WEIR_ROLE_PATHS_MAX + 1] = {{0}};
	unsigned count = 0;

	for (unsigned i = 0; c->collect_tls_listen.count && i < 3; i++) {
		if (!*FILES[i])
			continue;
		(void)snprintf(folder[i], sizeof(folder[i]), "%s", FILES[i]);
		paths[count++] = (struct weir_sandbox_path){dirname(folder[i]), WEIR_SANDBOX_READ};
	}
	(void)weir_enrichment_paths(enrichment, paths + count, WEIR_ROLE_PATHS_MAX - count);
	weir_role_confine(role, WEIR_SANDBOX_COLLECT, false, paths);
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct receivers receivers = {0};
	struct weir_collector *collector = NULL;
	struct weir_enrichment enrichment = {0};
	struct weir_buffer state = {0};
	struct weir_error err = {0};
	struct weir_role role;
	int status = weir_role_init(self, argc, argv, &role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (open_receivers(&role.config, &receivers, &err)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
		close_receivers(&receivers);
		weir_role_done(&role);
		return status;
	}
	/* From here on nothing needs privileges, and what the spool makes belongs to the user. */
	status = weir_role_drop(&role, role.config.collect_user, &err);
	if (!status)
		status = weir_enrichment_open(&role.config, role.run_dir, true, &enrichment, &err);
	if (!status)
		status = new_collector(&role, &receivers, &enrichment, &state, &collector, &err);
	if (status) {
		status = weir_role_cannot_open(status, &err);
	} else {
		confine(&role, &enrichment);
		if (weir_collector_start(collector, &err)) {
			status = weir_fail(WEIR_EXIT_FAILED, &err);
		} else {
			tell_receivers(&role, &receivers);
			weir_enrichment_tell(&role, &enrichment);
			status = serve(&role, &receivers, collector, &enrichment);
		}
	}
	weir_buffer_done(&state);
	weir_collector_free(collector);
	weir_enrichment_done(&enrichment);
	close_receivers(&receivers);
	weir_role_done(&role);
	return status;
}

const struct weir_command weir_command_collect = {
	.name = "collect",
	.arguments = "[OPTION]...",
	.summary = "receive flow exports and append the flows to the spool",
	.text = "Receives NetFlow v1, v5, v7 and v9, IPFIX and sFlow v5 over UDP on collect.listen, and IPFIX over "
		"TCP on collect.tcp_listen and over TLS on collect.tls_listen, and appends the flows to the spool. It waits for no "
		"store: `weir sink` carries the spool there. After a crash every flow that was synced (collect.sync, "
		"one second unless set) is there; what came since is lost. IPFIX over SCTP is not spoken.\n\n"
		"SIGHUP reads the configuration again: networks, services, policy, threat lists, names and collect.allow are taken over, and the log says what else "
		"has changed and needs a restart. SIGTERM and SIGINT end it after what the sockets hold has been taken in and synced.",
	.options = weir_role_options,
	.examples = "weir collect --data /var/lib/weir\treceive, with the default configuration",
	.role = true,
	.run = run,
};
