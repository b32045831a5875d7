/* `weir collect`: the role that receives. Sockets and spool are opened first, then privileges go, then the
 * workers start; the main thread publishes the metrics and says what went wrong. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "cli/command.h"
#include "cli/role.h"
#include "collect/collector.h"
#include "collect/metrics.h"

#define PUBLISH_MS	1000
#define COMPLAIN_MS	60000 /* the same complaint again after so long */

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

static int open_receivers(const struct weir_role *role, unsigned workers, struct weir_udp **ret_udp,
			  struct weir_error *err)
{
	const struct weir_config *c = &role->config;
	struct weir_udp_options options = {
		.listen = (const char *const *)c->collect_listen.item,
		.listens = c->collect_listen.count,
		.receive_buffer_bytes = (int)c->collect_receive_buffer_bytes,
	};

	return weir_udp_open(&options, workers, ret_udp, err);
}

static void tell_receivers(const struct weir_role *role, const struct weir_udp *udp)
{
	int wanted = (int)role->config.collect_receive_buffer_bytes;
	int granted = weir_udp_receive_buffer(udp);

	for (unsigned i = 0; weir_udp_bound(udp, i); i++)
		weir_log(&role->log, WEIR_LOG_INFO, "listening on %s", weir_udp_bound(udp, i));
	/* The kernel doubles what is asked for, to have room for its own. */
	if (granted / 2 < wanted)
		weir_log(&role->log, WEIR_LOG_WARN,
			 "the kernel grants receive buffers of %d of the %d KiB wanted; bursts may be lost: "
			 "sysctl -w net.core.rmem_max=%d", granted / 2048, wanted / 1024, wanted);
}

static int new_collector(const struct weir_role *role, unsigned workers, struct weir_udp *const *udp,
			 struct weir_collector **ret_collector, struct weir_error *err)
{
	const struct weir_config *c = &role->config;
	struct weir_collector_options options = {
		.udp = udp,
		.workers = workers,
		.limits = weir_decoder_limits_default,
		.spool_dir = role->spool_dir,
		.spool_size_max_bytes = c->spool_size_max_bytes,
		.spool_segment_bytes = c->spool_segment_bytes,
		.sync_ms = (unsigned)c->collect_sync_ms,
		.clock = &weir_clock_system,
	};

	options.limits.exporters_max = (uint32_t)c->collect_exporters_max;
	options.limits.templates_max = (uint32_t)c->collect_templates_max;
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

static void publish(const struct weir_role *role, struct weir_collector *collector)
{
	struct weir_collector_stats stats;
	struct weir_buffer text;

	weir_buffer_init(&text);
	weir_collector_stats(collector, &stats);
	if (weir_collect_metrics(&stats, role->start_ms, &text) == 0)
		weir_role_publish(role, &text);
	weir_buffer_done(&text);
}

static int serve(const struct weir_role *role, struct weir_collector *collector)
{
	struct complaint last = {0};
	struct weir_error err;
	struct weir_collector_stats stats;
	bool failed = false;

	publish(role, collector);
	while (!failed && !weir_role_wait(role, PUBLISH_MS)) {
		publish(role, collector);
		complain(role, collector, &last);
		failed = weir_collector_failed(collector, &err);
	}
	weir_collector_stop(collector);
	publish(role, collector);
	complain(role, collector, &last);
	if (failed)
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_collector_stats(collector, &stats);
	weir_log(&role->log, WEIR_LOG_INFO, "ended: %" PRIu64 " datagrams, %" PRIu64 " flows, %" PRIu64 " in the spool",
		 stats.udp.datagrams, stats.decoder.flows, stats.spool.rows);
	return WEIR_EXIT_OK;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct weir_udp *udp[WEIR_COLLECTOR_WORKERS_MAX];
	struct weir_collector *collector = NULL;
	struct weir_error err = {0};
	struct weir_role role;
	unsigned workers;
	int status = weir_role_init(self, argc, argv, &role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	workers = worker_count(role.config.collect_workers);
	if (open_receivers(&role, workers, udp, &err)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
		weir_role_done(&role);
		return status;
	}
	/* From here on nothing needs privileges, and what the spool makes belongs to the user. */
	if (weir_role_drop(&role, role.config.collect_user, &err) ||
	    new_collector(&role, workers, udp, &collector, &err)) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else if (weir_collector_start(collector, &err)) {
		status = weir_fail(WEIR_EXIT_FAILED, &err);
	} else {
		tell_receivers(&role, udp[0]);
		status = serve(&role, collector);
	}
	weir_collector_free(collector);
	for (unsigned i = 0; i < workers; i++)
		weir_udp_close(udp[i]);
	weir_role_done(&role);
	return status;
}

const struct weir_command weir_command_collect = {
	.name = "collect",
	.arguments = "[OPTION]...",
	.summary = "receive flow exports and append the flows to the spool",
	.text = "Receives NetFlow v1, v5, v7 and v9, IPFIX and sFlow v5 over UDP on collect.listen and appends the flows to "
		"the spool. It waits for no store: `weir sink` carries the spool there. After a crash every flow that was synced "
		"(collect.sync, one second unless set) is there; what came since is lost.\n\n"
		"SIGTERM and SIGINT end it after what the sockets hold has been taken in and synced.",
	.options = weir_role_options,
	.examples = "weir collect --data /var/lib/weir\treceive, with the default configuration",
	.role = true,
	.run = run,
};
