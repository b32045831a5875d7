/* `weir replicate`: one UDP input, many outputs. By itself with --listen and --to, or as a role of
 * `weir run`. Sockets are opened first, raw ones where a source is kept, then privileges go, then
 * the workers start; the main thread publishes the metrics, says what became of the outputs, and
 * reads the configuration anew at SIGHUP. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/role.h"
#include "replicate/metrics.h"
#include "replicate/replicator.h"

#define PUBLISH_MS   1000
#define FILES_WANTED 2048

struct values {
	struct weir_role_values role;
	struct weir_option_list listen;
	struct weir_option_list to;
	bool keep_source;
	bool balance;
};

/* An output as the log spoke of it last. */
struct told {
	const struct weir_replicate_output *output; /* compared, never followed */
	bool up;
};

struct replicate {
	struct weir_role role;
	struct values values;
	struct weir_replicator *replicator;
	unsigned workers;
	struct weir_udp *udp[WEIR_REPLICATOR_WORKERS_MAX];
	struct told told[WEIR_REPLICATE_OUTPUTS_MAX];
};

static const struct weir_option OPTIONS[] = {
	WEIR_ROLE_OPTIONS,
	{.name = "listen",
	  .letter = 'l',
	  .type = WEIR_OPTION_LIST,
	  .argument = "ADDR:PORT",
	  .offset = offsetof(struct values, listen),
	  .help = "Receive there, in place of replicate.listen; * is all addresses. May stand "
		 "several times."},
	{.name = "to",
	  .letter = 't',
	  .type = WEIR_OPTION_LIST,
	  .argument = "HOST:PORT[,OPTION]...",
	  .offset = offsetof(struct values, to),
	  .help = "Send copies there, in place of replicate.to. May stand several times."},
	{.name = "keep-source",
	  .letter = 'k',
	  .type = WEIR_OPTION_FLAG,
	  .offset = offsetof(struct values, keep_source),
	  .help = "Keep the exporter's address and port as the copies' source; needs root or "
		 "CAP_NET_RAW at the start."},
	{.name = "balance",
	  .letter = 'b',
	  .type = WEIR_OPTION_FLAG,
	  .offset = offsetof(struct values, balance),
	  .help = "The outputs share the exporters, each exporter keeps to one of them; otherwise "
		 "all get everything."},
	{.name = NULL                    },
};

/* --- outputs ------------------------------------------------------------------------------------------------- */

/* An address of this machine. */
static bool is_local(const struct addrinfo *address)
{
	struct sockaddr_storage any_port;
	int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local;

	memcpy(&any_port, address->ai_addr, address->ai_addrlen);
	/* sin_port and sin6_port stand at the same place. */
	((struct sockaddr_in *)(void *)&any_port)->sin_port = 0;
	local = fd >= 0 && bind(fd, (struct sockaddr *)&any_port, address->ai_addrlen) == 0;
	if (fd >= 0)
		(void)close(fd);
	return local;
}

/* Whether what goes there comes in at one of the receiver's sockets. */
static bool comes_back(const struct weir_udp *udp, const struct addrinfo *address)
{
	char host[INET6_ADDRSTRLEN];
	char port[8];
	char same[WEIR_UDP_TEXT_MAX];
	char all[WEIR_UDP_TEXT_MAX];
	char all_v4[WEIR_UDP_TEXT_MAX];
	bool v6 = address->ai_family == AF_INET6;

	if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return false;
	(void)snprintf(same, sizeof(same), v6 ? "[%.45s]:%.5s" : "%.45s:%.5s", host, port);
	(void)snprintf(all, sizeof(all), "[::]:%.5s", port);
	(void)snprintf(all_v4, sizeof(all_v4), "0.0.0.0:%.5s", port);
	for (unsigned i = 0; weir_udp_bound(udp, i); i++) {
		const char *bound = weir_udp_bound(udp, i);

		if (strcmp(bound, same) == 0)
			return true;
		if ((strcmp(bound, all) == 0 || (!v6 && strcmp(bound, all_v4) == 0)) && is_local(address))
			return true;
	}
	return false;
}

/* Copies that come back would be copied without end. A name that cannot be found is told of later. */
static int refuse_loop(const struct weir_udp *udp, const struct weir_replicate_spec *spec, struct weir_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	bool loop;

	if (getaddrinfo(spec->host, spec->port, &hints, &found))
		return 0;
	loop = comes_back(udp, found);
	freeaddrinfo(found);
	return loop ? weir_error_set(err, -ELOOP, spec->target, "name another port or address",
				     "the replicator listens there itself: copies would come back to it")
		    : 0;
}

/* What the command line names, else what the configuration does; *ret_specs is the caller's to free. */
static int read_specs(const struct values *values, const struct weir_config *config, const struct weir_udp *udp,
		      struct weir_replicate_spec **ret_specs, unsigned *ret_count, struct weir_error *err)
{
	const struct weir_replicate_standard standard = {
		.keep_source = values->keep_source || config->replicate_keep_source,
		.balance = values->balance || config->replicate_balance,
	};
	const char *const *texts =
		values->to.count ? values->to.item : (const char *const *)config->replicate_to.item;
	unsigned count = values->to.count ? values->to.count : config->replicate_to.count;
	struct weir_replicate_spec *specs;
	int rc = 0;

	if (!count)
		return weir_error_set(err, -EINVAL, "replicate.to",
				      "name some with --to HOST:PORT or in the configuration", "there is no output");
	specs = calloc(count, sizeof(*specs));
	if (!specs)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	for (unsigned i = 0; !rc && i < count; i++)
		rc = weir_replicate_spec_parse(texts[i], &standard, &specs[i], err);
	for (unsigned i = 0; !rc && i < count; i++)
		rc = refuse_loop(udp, &specs[i], err);
	if (rc) {
		for (unsigned i = 0; i < count; i++)
			weir_replicate_spec_done(&specs[i]);
		free(specs);
		return rc;
	}
	*ret_specs = specs;
	*ret_count = count;
	return 0;
}

static void tell_outputs(struct replicate *r)
{
	const struct weir_replicate_plan *plan = weir_replicator_plan(r->replicator);

	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		const struct weir_replicate_output *o = plan->output[i];
		bool up = o && weir_replicate_output_up(o);

		if (o && r->told[i].output != o)
			weir_log(&r->role.log, WEIR_LOG_INFO, "output %s%s%s%s", o->spec.name,
				 o->spec.keep_source ? ", source kept" : "",
				 *o->spec.group ? ", shares exporters in the group " : "", o->spec.group);
		if (o && (r->told[i].output == o ? r->told[i].up : true) && !up)
			weir_log(&r->role.log, WEIR_LOG_WARN, "output %s is down: it refuses, or its check fails%s",
				 o->spec.name, *o->spec.group ? "; its exporters go to the others of its group" : "");
		if (o && r->told[i].output == o && !r->told[i].up && up)
			weir_log(&r->role.log, WEIR_LOG_INFO, "output %s is up again", o->spec.name);
		r->told[i] = (struct told){.output = o, .up = up};
	}
}

/* --- reload -------------------------------------------------------------------------------------------------- */

static int reload(struct replicate *r, struct weir_error *err)
{
	struct weir_replicate_spec *specs = NULL;
	struct weir_config config;
	unsigned count = 0;
	int rc = weir_config_read(weir_config_find(r->values.role.config), &config, err);

	if (rc)
		return rc;
	rc = read_specs(&r->values, &config, r->udp[0], &specs, &count, err);
	if (!rc)
		rc = weir_replicator_reload(r->replicator, specs, count, err);
	free(specs);
	weir_config_done(&config);
	return rc;
}

static void reload_and_tell(struct replicate *r)
{
	struct weir_error err = {0};

	if (reload(r, &err))
		weir_log(&r->role.log, WEIR_LOG_ERROR, "the configuration stays as it was: %s: %s%s%s", err.where,
			 err.what, *err.next ? "; " : "", err.next);
	else
		weir_log(&r->role.log, WEIR_LOG_INFO,
			 "the outputs were read anew; addresses to listen on change with a restart "
			 "only");
	tell_outputs(r);
}

/* False when the role shall end. */
static bool wait_and_reload(struct replicate *r)
{
	struct pollfd fd[] = {
		{.fd = r->role.signal_fd, .events = POLLIN},
                {.fd = r->role.hangup_fd, .events = POLLIN}
        };
	struct signalfd_siginfo info;

	if (poll(fd, 2, PUBLISH_MS) > 0 && fd[1].revents && read(r->role.hangup_fd, &info, sizeof(info)) > 0)
		reload_and_tell(r);
	return !fd[0].revents;
}

/* --- the role ------------------------------------------------------------------------------------------------ */

static unsigned worker_count(uint64_t wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted)
		return (unsigned)(wanted < WEIR_REPLICATOR_WORKERS_MAX ? wanted : WEIR_REPLICATOR_WORKERS_MAX);
	if (processors < 1)
		return 1;
	return processors < 4 ? (unsigned)processors : 4;
}

static int open_receivers(struct replicate *r, struct weir_error *err)
{
	const struct weir_config *c = &r->role.config;
	const struct weir_option_list *named = &r->values.listen;
	struct weir_udp_options options = {
		.listen = named->count ? named->item : (const char *const *)c->replicate_listen.item,
		.listens = named->count ? named->count : c->replicate_listen.count,
		.receive_buffer_bytes = (int)c->replicate_receive_buffer_bytes,
		.option = "replicate.listen",
		.batch_end = weir_replicator_batch_end,
	};

	if (!options.listens)
		return weir_error_set(err, -EINVAL, "replicate.listen",
				      "name one with --listen ADDR:PORT or in the configuration",
				      "there is no address to listen on");
	return weir_udp_open(&options, r->workers, r->udp, err);
}

/* How many sockets may be for single exporters: what the limit of files has, with room for all else. */
static unsigned senders_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	if (files.rlim_cur < FILES_WANTED) {
		files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
		if (setrlimit(RLIMIT_NOFILE, &files) || getrlimit(RLIMIT_NOFILE, &files))
			return 0;
	}
	if (files.rlim_cur <= FILES_WANTED / 4)
		return 0;
	return (unsigned)((files.rlim_cur < FILES_WANTED ? files.rlim_cur : FILES_WANTED) - FILES_WANTED / 4) / 2;
}

static int new_replicator(struct replicate *r, struct weir_error *err)
{
	const struct weir_config *c = &r->role.config;
	struct weir_replicator_options options = {
		.workers = r->workers,
		.exporters_max = (uint32_t)c->replicate_exporters_max,
		.senders_max = senders_max(),
		.limits = weir_recall_limits_default,
		.checker = {.interval_ms = (unsigned)c->replicate_health_interval_ms,
			    .timeout_ms = (unsigned)c->replicate_health_timeout_ms,
			    .return_ms = (unsigned)c->replicate_return_after_ms,
			    .clock = weir_clock_system},
	};
	struct weir_replicate_spec *specs = NULL;
	unsigned count = 0;
	int rc = read_specs(&r->values, c, r->udp[0], &specs, &count, err);

	if (!rc && getrandom(&options.seed, sizeof(options.seed), 0) != (ssize_t)sizeof(options.seed))
		rc = weir_error_set(err, -errno, "replicate", NULL, "no random numbers: %s", strerror(errno));
	if (!rc)
		rc = weir_replicator_new(&options, specs, count, &r->replicator, err);
	free(specs);
	return rc;
}

static void publish(struct replicate *r)
{
	struct weir_buffer text;

	weir_buffer_init(&text);
	if (weir_replicate_metrics(r->replicator, r->role.start_ms, &text) == 0)
		weir_role_publish(&r->role, &text);
	weir_buffer_done(&text);
}

static int serve(struct replicate *r)
{
	struct weir_replicator_stats stats;
	struct weir_error err;
	bool failed = false;

	for (unsigned i = 0; weir_udp_bound(r->udp[0], i); i++)
		weir_log(&r->role.log, WEIR_LOG_INFO, "listening on %s", weir_udp_bound(r->udp[0], i));
	tell_outputs(r);
	publish(r);
	while (!failed && wait_and_reload(r)) {
		publish(r);
		tell_outputs(r);
		failed = weir_replicator_failed(r->replicator, &err);
	}
	weir_replicator_stop(r->replicator);
	publish(r);
	if (failed)
		return weir_fail(WEIR_EXIT_FAILED, &err);
	weir_replicator_stats(r->replicator, &stats);
	weir_log(&r->role.log, WEIR_LOG_INFO, "ended: %" PRIu64 " datagrams of %" PRIu64 " exporters",
		 stats.udp.datagrams, stats.exporters);
	return WEIR_EXIT_OK;
}

/* The configuration's folder stays readable, for a file that was replaced is another one to the sandbox. */
static void confine(struct replicate *r)
{
	const char *file = weir_config_find(r->values.role.config);
	struct weir_sandbox_path paths[WEIR_ROLE_PATHS_MAX] = {{0}};
	char folder[PATH_MAX];
	unsigned count = 1;

	(void)snprintf(folder, sizeof(folder), "%s", file ? file : "./weir.yaml");
	paths[0] = (struct weir_sandbox_path){dirname(folder), WEIR_SANDBOX_READ};
	for (const struct weir_sandbox_path *path = weir_role_resolving; path->path && count < WEIR_ROLE_PATHS_MAX - 1; path++)
		paths[count++] = *path;
	weir_role_confine(&r->role, WEIR_SANDBOX_REPLICATE, true, paths);
}

static int work(struct replicate *r)
{
	struct weir_error err = {0};
	int status;

	if (open_receivers(r, &err) || new_replicator(r, &err) ||
	    weir_role_drop(&r->role, r->role.config.collect_user, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	confine(r);
	if (weir_replicator_start(r->replicator, r->udp, &err))
		return weir_fail(WEIR_EXIT_FAILED, &err);
	status = serve(r);
	return status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct replicate r = {0};
	int status = weir_role_init_options(self, argc, argv, &r.values, &r.role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	r.workers = worker_count(r.role.config.replicate_workers);
	status = work(&r);
	weir_replicator_free(r.replicator);
	for (unsigned i = 0; i < r.workers; i++)
		weir_udp_close(r.udp[i]);
	weir_role_done(&r.role);
	return status;
}

const struct weir_command weir_command_replicate = {
	.name = "replicate",
	.arguments = "[OPTION]... --listen ADDR:PORT --to HOST:PORT[,OPTION]...",
	.summary = "copy flow exports to several collectors, or share exporters among them",
	.text = "Receives NetFlow, IPFIX and sFlow over UDP and sends each datagram, byte for "
		"byte, to every output that wants it. An "
		"exporter's datagrams keep their order. `weir run` starts it where the "
		"configuration has replicate.to.\n\n"
		"Options of an output, each behind a comma: name=NAME (in metrics and logs; "
		"HOST:PORT unless set); from=NETWORK and "
		"except=NETWORK (only these exporters, not these; several times); protocol=P+P "
		"(netflow1, netflow5, netflow7, "
		"netflow9, ipfix, sflow, other); keep-source or rewrite (against what "
		"--keep-source says of all); balance or "
		"balance=GROUP (the outputs of a group share the exporters that they want); "
		"health=KIND (udp, none, "
		"tcp://HOST:PORT, http://HOST:PORT/PATH, https://...).\n\n"
		"With the source rewritten all exporters look like one address: NetFlow v9 and "
		"IPFIX exporters that use the same "
		"source id (observation domain) cannot be told apart then. With the source kept an "
		"IPv4 exporter needs an IPv4 "
		"collector. Exporters that send much get sockets that send in their name, some hundreds of them; the copies "
		"of the others cost more, and are not sent when they are longer than the interface's MTU.\n\n"
		"In a group each exporter keeps to one collector (rendezvous hashing). When a "
		"collector dies its exporters move, and "
		"only they; they return when it was well for replicate.return_after. A collector "
		"that gets an exporter anew is told "
		"its templates, options templates and options records first. Dead is (health=udp, "
		"the standard) which refuses by ICMP; "
		"a host that vanishes without a word is found by health=tcp:// or http:// only. "
		"Where copies cannot tell (the source is "
		"kept, or nothing is sent to a dead one) a group's collector gets an IPFIX message "
		"without content every "
		"replicate.health_interval.\n\n"
		"There is no sampling of datagrams: it would lose templates and make every count "
		"wrong.\n\n"
		"SIGHUP reads the outputs anew without loss. The first output that keeps the source needs root or CAP_NET_RAW: where "
		"the process has given that up, it says so, goes on as before and wants a restart. Figures stand in "
		"DATA/run/replicate.prom.",
	.options = OPTIONS,
	.examples = "weir replicate --listen *:2055 --to 192.0.2.1:2055 --to "
		    "192.0.2.2:2055,protocol=sflow\tall to one, sFlow to another as "
		    "well\n"
		    "weir replicate --listen *:2055 --to a.example:2055 --to b.example:2055 "
		    "--balance --keep-source\tshare the exporters",
	.run = run,
};
