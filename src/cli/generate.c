/* `weir generate`: made traffic to a collector, a pcap file or standard output.
 *
 * Two clocks. Live: flows carry the wall clock's time and are sent as it goes, --rate a second. Made time (--start,
 * --write, --print): the schedule's clock gives the times, and sending goes by --pace or as fast as the disk takes
 * it, so that a day of traffic is made in seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/generate_summary.h"
#include "flow/text.h"
#include "generate/network.h"
#include "generate/network_file.h"
#include "generate/outlet.h"
#include "generate/player.h"

enum {
	DEFAULT_RATE = 1000,
	DEFAULT_MADE_PACE = 10000,
	DEFAULT_FILE_FLOWS = 10000,
	DEFAULT_IPV6_PERCENT = 20,
	DEFAULT_EXPORTERS = 4,
	LATE_NS = 100000000, /* so far behind its pace a sender does not catch up any more */
	EARLY_NS = 1000000,  /* not worth going to sleep */
	MTU_BYTES = 1400,
	SCENARIOS_MAX = 128,
	FILE_PORT = 2055,
	FILE_PORT_SFLOW = 6343,
};

struct values {
	const char *to;
	const char *write;
	const char *print;
	const char *version;
	const char *start;
	const char *length; /* --for */
	const char *source;
	const char *summary;
	const char *scenario;
	const char *labels;
	const char *networks;
	const char *transport;
	struct weir_uplink_tls tls;
	uint64_t exporters, site, flows, rate, pace, seed, ipv6, sampling;
	bool allow_remote;
};

#define UNSET UINT64_MAX

#define OFFSET(member) offsetof(struct values, member)

static const struct weir_option OPTIONS[] = {
	{"to", 't', WEIR_OPTION_TEXT, "HOST:PORT", OFFSET(to), 0, 0,
	 "Send to a collector. HOST must be this machine's loopback (127.0.0.0/8, ::1) unless --allow-remote is given."},
	{"transport", 0, WEIR_OPTION_CHOICE, "udp|tcp|tls", OFFSET(transport), 0, 0,
	 "What --to sends over; udp unless given. TCP and TLS are for IPFIX."},
	{"tls-ca", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.ca), 0, 0,
	 "The authorities that the collector's certificate may be of (PEM)."},
	{"tls-cert", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.certificate), 0, 0, "The exporters' certificate (PEM), with --tls-key."},
	{"tls-key", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.key), 0, 0, "The certificate's private key (PEM)."},
	{"tls-name", 0, WEIR_OPTION_TEXT, "NAME", OFFSET(tls.name), 0, 0,
	 "The name that the collector's certificate must have; the HOST of --to unless given."},
	{"write", 'w', WEIR_OPTION_TEXT, "FILE", OFFSET(write), 0, 0,
	 "Write the datagrams to a pcap file (- for standard output), with Ethernet, IP and UDP headers."},
	{"print", 'p', WEIR_OPTION_CHOICE, "ndjson", OFFSET(print), 0, 0, "Print the flows themselves, one a line."},
	{"version", 'v', WEIR_OPTION_CHOICE, "1|5|7|9|10|sflow", OFFSET(version), 0, 0,
	 "What the exporters speak: NetFlow 1, 5, 7, 9, IPFIX (10) or sFlow 5; 10 unless given."},
	{"exporters", 'e', WEIR_OPTION_NUMBER, "N", OFFSET(exporters), 1, WEIR_GENERATOR_EXPORTERS_MAX,
	 "How many exporters, each with networks of its own; 4 unless given."},
	{"site", 0, WEIR_OPTION_NUMBER, "N", OFFSET(site), 0, 65535 - WEIR_GENERATOR_EXPORTERS_MAX,
	 "The first exporter's site, which decides its networks; 0, the head office, unless given. So several runs can be "
	 "one company."},
	{"flows", 'n', WEIR_OPTION_NUMBER, "N", OFFSET(flows), 1, 0,
	 "End after so many flows; unless this or --for is given, --to goes on until Ctrl-C, and --write and --print end "
	 "after 10000."},
	{"for", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(length), 0, 0, "End after so much traffic time: 90s, 5m, 24h, 7d."},
	{"rate", 'r', WEIR_OPTION_NUMBER, "N", OFFSET(rate), 0, 1000000000,
	 "Flows a second of traffic time, all exporters together; 1000 unless given; 0: as fast as possible. With made "
	 "time it is the day's mean, and nights are quiet."},
	{"pace", 0, WEIR_OPTION_NUMBER, "N", OFFSET(pace), 0, 1000000000,
	 "With --start, how many flows to send a second of real time: 10000 unless given; 0: as fast as possible."},
	{"start", 's', WEIR_OPTION_TEXT, "TIME", OFFSET(start), 0, 0,
	 "Make time begin here (2026-01-31T08:00:00Z) in place of now."},
	{"seed", 0, WEIR_OPTION_NUMBER, "N", OFFSET(seed), 0, 0,
	 "The same seed makes the same flows; 1 unless given. With --start their times are the same as well."},
	{"ipv6", '6', WEIR_OPTION_NUMBER, "PERCENT", OFFSET(ipv6), 0, 100,
	 "Share of IPv6; 20 unless given. NetFlow 1, 5 and 7 carry none."},
	{"sampling", 0, WEIR_OPTION_NUMBER, "N", OFFSET(sampling), 1, 1 << 24,
	 "Exporters count one in N packets, and say so; 1 unless given."},
	{"source", 0, WEIR_OPTION_TEXT, "ADDRESS", OFFSET(source), 0, 0,
	 "The first exporter's address; the others follow by one."},
	{"scenario", 0, WEIR_OPTION_TEXT, "NAME[/4|/6][@TIME],...", OFFSET(scenario), 0, 0,
	 "Inject attacks and faults, each from the start on or so much later (beacon,scan-slow/6@10m); `all` is one of each; "
	 "`list` explains them. Over IPv4, unless /6 or --ipv6 100 says otherwise. Their flows come in addition to --rate and "
	 "--flows."},
	{"labels", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(labels), 0, 0,
	 "At the end, write the truth about the scenarios: a JSON object a line, with time span, hosts, ports and sums."},
	{"write-networks", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(networks), 0, 0,
	 "Before all else, write the networks of all sites to a CSV file (- for standard output): prefix, zone, role, "
	 "description, owner. Without --to, --write or --print nothing more is done."},
	{"allow-remote", 0, WEIR_OPTION_FLAG, NULL, OFFSET(allow_remote), 0, 0,
	 "Send to other machines too: to a collector of yours that may be filled with made flows."},
	{"summary", 0, WEIR_OPTION_CHOICE, "text|json", OFFSET(summary), 0, 0,
	 "How to print what was sent; text unless given."},
	{0},
};

static const struct {
	const char *name;
	enum weir_flow_type version;
	bool ipv6;
	uint64_t sampling_max; /* that it can tell */
} versions[] = {
	{"1", WEIR_FLOW_NETFLOW1, false, 1},	{"5", WEIR_FLOW_NETFLOW5, false, 16383},
	{"7", WEIR_FLOW_NETFLOW7, false, 1},	{"9", WEIR_FLOW_NETFLOW9, true, UINT32_MAX},
	{"10", WEIR_FLOW_IPFIX, true, UINT32_MAX}, {"sflow", WEIR_FLOW_SFLOW5, true, UINT32_MAX},
};

struct run {
	struct weir_generator_options generator;
	struct weir_schedule_options schedule;
	bool live;	/* the wall clock's time */
	uint64_t pace;	/* flows a second of real time; 0: as fast as possible */
	bool print;
	bool json_summary;
	bool carries_ipv6;
	bool stream; /* over TCP or TLS */
	const struct weir_uplink_tls *tls;
	struct weir_outlet *outlet;
	struct weir_scenario_run scenario[SCENARIOS_MAX];
	unsigned scenarios;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

static int parse_length(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || number <= 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		int64_t ms;

		if (strcmp(end, units[i].unit) == 0 && !__builtin_mul_overflow((int64_t)number, units[i].ms, &ms)) {
			*ret_ms = ms;
			return 0;
		}
	}
	return -EINVAL;
}

/* RFC 3339 in UTC, with "Z" or without. */
static int parse_time(const char *text, int64_t *ret_ms)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end && timegm(&tm) > 0) {
			*ret_ms = (int64_t)timegm(&tm) * 1000;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_version(const struct weir_command *self, const struct values *v, struct run *run)
{
	size_t i = 0;

	while (strcmp(versions[i].name, v->version) != 0)
		i++;
	run->generator.version = versions[i].version;
	run->generator.single_packets = versions[i].version == WEIR_FLOW_SFLOW5;
	run->generator.ipv6_percent = versions[i].ipv6 ? DEFAULT_IPV6_PERCENT : 0;
	run->carries_ipv6 = versions[i].ipv6;
	if (v->sampling > versions[i].sampling_max)
		return versions[i].sampling_max == 1
			       ? weir_usage(self, "NetFlow %s cannot tell a sampling rate: leave --sampling out", v->version)
			       : weir_usage(self, "NetFlow %s cannot tell a sampling rate over %" PRIu64, v->version,
					    versions[i].sampling_max);
	if (v->ipv6 == UNSET)
		return 0;
	if (v->ipv6 && !versions[i].ipv6)
		return weir_usage(self, "NetFlow %s carries no IPv6: leave --ipv6 out, or take --version 9", v->version);
	run->generator.ipv6_percent = (unsigned)v->ipv6;
	return 0;
}

static int set_times(const struct weir_command *self, const struct values *v, struct run *run)
{
	struct weir_schedule_options *s = &run->schedule;

	run->live = v->to && !v->start;
	s->start_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	if (v->start && strcmp(v->start, "now") != 0 && parse_time(v->start, &s->start_ms))
		return weir_usage(self, "--start takes a time as 2026-01-31T08:00:00Z, not \"%s\"", v->start);
	if (v->length && parse_length(v->length, &s->for_ms))
		return weir_usage(self, "--for takes a time as 90s, 5m, 24h or 7d, not \"%s\"", v->length);
	s->rate = v->rate;
	s->daily = !run->live;
	s->flows = v->flows;
	if (!run->live && !s->rate)
		return weir_usage(self, "--rate 0 is for live sending: made time needs a rate to go by");
	if (!v->to && !s->flows && !s->for_ms)
		s->flows = DEFAULT_FILE_FLOWS;
	if (run->live && v->pace != UNSET)
		return weir_usage(self, "--pace is for --start: live flows go by --rate");
	if (run->live)
		run->pace = v->rate;
	else if (v->to)
		run->pace = v->pace == UNSET ? DEFAULT_MADE_PACE : v->pace;
	return 0;
}

static int set_source(const struct weir_command *self, const struct values *v, struct run *run)
{
	const char *source = v->source ? v->source : v->to ? "127.1.0.1" : "10.255.0.1";

	if (weir_addr_parse(source, &run->generator.source))
		return weir_usage(self, "--source takes an IP address, not \"%s\"", source);
	if (!v->to && !weir_addr_is_v4(&run->generator.source))
		return weir_usage(self, "--source takes an IPv4 address with --write and --print");
	return 0;
}

static int list_scenarios(void)
{
	for (unsigned i = 0; i < weir_scenarios_count; i++)
		printf("%-24s %s\n", weir_scenarios[i].name, weir_scenarios[i].help);
	return WEIR_EXIT_OK;
}

static int add_scenario(const struct weir_command *self, const struct values *v, struct run *run,
			const struct weir_scenario *scenario, bool ipv6, int64_t later_ms)
{
	if (run->scenarios == SCENARIOS_MAX)
		return weir_usage(self, "--scenario takes %d scenarios at most", SCENARIOS_MAX);
	weir_scenario_run_init(&run->scenario[run->scenarios], scenario, v->seed + run->scenarios,
			       run->generator.exporters, run->schedule.start_ms + later_ms, ipv6);
	run->scenarios++;
	return 0;
}

/* "/4", "/6" or nothing. */
static int parse_family(const struct weir_command *self, const struct values *v, const struct run *run, const char *text,
			size_t len, bool *ret_ipv6)
{
	bool ipv6 = len ? text[len - 1] == '6' : run->generator.ipv6_percent == 100;

	if (len && (len != strlen("/6") || (text[1] != '4' && text[1] != '6')))
		return weir_usage(self, "a scenario is over /4 or /6, as in beacon/6");
	if (ipv6 && !run->carries_ipv6)
		return weir_usage(self, "NetFlow %s carries no IPv6: take scenarios without /6, or --version 9", v->version);
	*ret_ipv6 = ipv6;
	return 0;
}

/* One of "NAME[/4|/6][@TIME],…", of len bytes. */
static int set_scenario(const struct weir_command *self, const struct values *v, struct run *run, const char *text,
			size_t len)
{
	size_t name_len = strcspn(text, "/@,"), before_time = strcspn(text, "@,");
	bool all = name_len == strlen("all") && strncmp(text, "all", name_len) == 0, ipv6 = false;
	const struct weir_scenario *scenario = weir_scenario_find(text, name_len);
	int64_t later_ms = 0;
	char later[32];
	int rc = 0;

	if (!scenario && !all)
		return weir_usage(self, "there is no scenario \"%.*s\": --scenario list has them", (int)name_len, text);
	if (before_time < len) {
		(void)snprintf(later, sizeof(later), "%.*s", (int)(len - before_time - 1), text + before_time + 1);
		if (parse_length(later, &later_ms))
			return weir_usage(self, "\"%s\" is no time: write %.*s@10m", later, (int)before_time, text);
	}
	rc = parse_family(self, v, run, text + name_len, before_time - name_len, &ipv6);
	for (unsigned i = 0; !rc && all && i < weir_scenarios_count; i++)
		rc = add_scenario(self, v, run, &weir_scenarios[i], ipv6, later_ms);
	return rc || all ? rc : add_scenario(self, v, run, scenario, ipv6, later_ms);
}

static int set_transport(const struct weir_command *self, const struct values *v, struct run *run)
{
	bool tls = strcmp(v->transport, "tls") == 0;

	run->stream = tls || strcmp(v->transport, "tcp") == 0;
	if (run->stream && !v->to)
		return weir_usage(self, "--transport %s is for --to HOST:PORT", v->transport);
	if (run->stream && run->generator.version != WEIR_FLOW_IPFIX)
		return weir_usage(self, "only IPFIX (--version 10) goes over %s", tls ? "TLS" : "TCP");
	if (!tls && (v->tls.ca || v->tls.certificate || v->tls.key || v->tls.name))
		return weir_usage(self, "--tls-ca, --tls-cert, --tls-key and --tls-name are for --transport tls");
	if (tls && !v->tls.ca)
		return weir_usage(self, "TLS needs --tls-ca FILE, to know the collector by");
	if (!v->tls.certificate != !v->tls.key)
		return weir_usage(self, "--tls-cert and --tls-key belong together");
	run->tls = tls ? &v->tls : NULL;
	return 0;
}

static int set_scenarios(const struct weir_command *self, const struct values *v, struct run *run)
{
	const char *at = v->scenario ? v->scenario : "";
	int rc = 0;

	if (v->labels && !v->scenario)
		return weir_usage(self, "--labels is about scenarios: name them with --scenario");
	while (*at && !rc) {
		size_t len = strcspn(at, ",");

		rc = set_scenario(self, v, run, at, len);
		at += len + (at[len] == ',');
	}
	return rc;
}

static int set_all(const struct weir_command *self, const struct values *v, struct run *run)
{
	bool to_stdout = v->print || (v->write && strcmp(v->write, "-") == 0);
	int rc;

	if ((v->to != NULL) + (v->write != NULL) + (v->print != NULL) != 1)
		return weir_usage(self, "say where the flows go: --to HOST:PORT, --write FILE or --print ndjson");
	if (to_stdout && v->networks && strcmp(v->networks, "-") == 0)
		return weir_usage(self, "standard output has the flows: give --write-networks a file");
	run->print = v->print;
	run->json_summary = strcmp(v->summary, "json") == 0;
	run->generator.seed = run->schedule.seed = v->seed;
	run->generator.exporters = run->schedule.exporters = (uint32_t)v->exporters;
	run->generator.site = (uint32_t)v->site;
	run->generator.sampling_rate = v->sampling > 1 ? (uint32_t)v->sampling : 0;
	rc = set_version(self, v, run);
	if (!rc)
		rc = set_times(self, v, run);
	if (!rc)
		rc = set_source(self, v, run);
	if (!rc)
		rc = set_transport(self, v, run);
	if (!rc)
		rc = set_scenarios(self, v, run);
	run->schedule.datagram_rows = weir_player_datagram_rows(run->generator.version);
	return rc;
}

static int open_outlet(const struct values *v, struct run *run, struct weir_error *err)
{
	static const uint8_t collector[4] = {10, 255, 255, 254};
	const struct weir_addr target = weir_addr_from_v4(collector);
	const struct weir_outlet_udp_options udp = {
		.target = v->to,
		.allow_remote = v->allow_remote,
		.source = &run->generator.source,
		.source_asked = v->source,
		.max_bytes = MTU_BYTES,
	};

	const struct weir_outlet_stream_options stream = {
		.target = v->to,
		.allow_remote = v->allow_remote,
		.source = &run->generator.source,
		.source_asked = v->source,
		.sources = run->generator.exporters,
		.tls = run->tls,
	};

	if (run->stream)
		return weir_outlet_stream_open(&stream, &run->outlet, err);
	if (v->to)
		return weir_outlet_udp_open(&udp, &run->outlet, err);
	if (v->write)
		return weir_outlet_pcap_open(v->write, &target,
					     run->generator.single_packets ? FILE_PORT_SFLOW : FILE_PORT, &run->outlet,
					     err);
	return 0;
}

static int print_block(const struct weir_block *block, struct weir_buffer *text, struct weir_error *err)
{
	weir_buffer_reset(text);
	if (weir_text_ndjson(block, text))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "no memory");
	if (fwrite(text->data, 1, text->len, stdout) == text->len)
		return 0;
	stopped = 1;
	if (errno != EPIPE) /* who pipes into head(1) has seen enough */
		return weir_error_set(err, -EIO, "standard output", NULL, "cannot write: %s", strerror(errno));
	return 0;
}

/* Wait until the moment for flow number `flows`; the queue goes out before a sleep. */
static int keep_pace(struct run *run, uint64_t flows, int64_t *began_ns, struct weir_error *err)
{
	int64_t now = weir_clock_mono_ns(&weir_clock_system), due, wait;
	struct timespec t;
	int rc;

	due = *began_ns + (int64_t)((double)flows * (double)WEIR_NS_PER_S / (double)run->pace);
	wait = due - now;
	if (-wait > LATE_NS)
		*began_ns += -wait - LATE_NS; /* what was missed is not made up for in a burst */
	if (wait < EARLY_NS)
		return 0;
	rc = weir_outlet_flush(run->outlet, err);
	t = (struct timespec){.tv_sec = wait / WEIR_NS_PER_S, .tv_nsec = wait % WEIR_NS_PER_S};
	if (!rc && !stopped)
		(void)nanosleep(&t, NULL);
	return rc;
}

/* What is due of the scenarios; *ret_flows grows by it. */
static int play_scenarios(struct run *run, struct weir_player *player, int64_t now_ms, struct weir_buffer *text,
			  uint64_t *ret_flows, struct weir_error *err)
{
	int rc = 0;

	for (unsigned i = 0; i < run->scenarios && rc >= 0 && !stopped; i++) {
		const struct weir_block *block;

		while (!stopped && (rc = weir_player_scenario(player, &run->scenario[i], now_ms, &block, err)) > 0) {
			*ret_flows += block->rows;
			if (run->print)
				rc = print_block(block, text, err);
			if (rc < 0)
				break;
		}
	}
	return rc < 0 ? rc : 0;
}

/* How far it is, once a second, for a person at a terminal; ended by flows 0. */
static void show_progress(const struct run *run, uint64_t flows, int64_t began_ns, int64_t *shown_ns)
{
	int64_t now = weir_clock_mono_ns(&weir_clock_system);

	if ((flows && now - *shown_ns < WEIR_NS_PER_S) || run->print || !isatty(STDERR_FILENO))
		return;
	*shown_ns = now;
	if (flows)
		fprintf(stderr, "\r%" PRIu64 " flows, %.0f a second", flows,
			(double)flows * (double)WEIR_NS_PER_S / (double)(now - began_ns + 1));
	else
		fputs("\r\033[K", stderr);
}

static int play(struct run *run, struct weir_player *player, struct weir_error *err)
{
	int64_t began_ns = weir_clock_mono_ns(&weir_clock_system), first_ns = began_ns, shown_ns = began_ns;
	struct weir_schedule schedule;
	struct weir_buffer text;
	struct weir_turn turn;
	uint64_t flows = 0;
	int rc = 0;

	weir_buffer_init(&text);
	weir_schedule_init(&schedule, &run->schedule);
	while (!rc && !stopped && weir_schedule_next(&schedule, weir_player_generator(player), &turn)) {
		const struct weir_block *block;

		if (run->pace)
			rc = keep_pace(run, flows, &began_ns, err);
		if (run->live) {
			turn.now_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
			if (run->schedule.for_ms && weir_clock_mono_ns(&weir_clock_system) - first_ns >
							    run->schedule.for_ms * WEIR_NS_PER_MS)
				break;
		}
		if (!rc && !stopped)
			rc = weir_player_turn(player, &turn, &block, err);
		if (!rc && !stopped && run->print)
			rc = print_block(block, &text, err);
		flows += turn.rows;
		if (!rc && run->scenarios)
			rc = play_scenarios(run, player, turn.now_ms, &text, &flows, err);
		show_progress(run, flows, first_ns, &shown_ns);
	}
	show_progress(run, 0, first_ns, &shown_ns);
	if (run->outlet && !rc)
		rc = weir_outlet_finish(run->outlet, err);
	weir_buffer_done(&text);
	return rc;
}

static int write_labels(const struct run *run, const struct weir_player *player, const char *path,
			struct weir_error *err)
{
	struct weir_buffer text;
	FILE *file = NULL;
	int rc = 0;

	weir_buffer_init(&text);
	for (unsigned i = 0; i < run->scenarios && !rc; i++)
		rc = weir_scenario_label(&run->scenario[i], weir_player_generator(player), &text);
	if (rc) {
		weir_buffer_done(&text);
		return weir_error_set(err, rc, path, NULL, "no memory for the labels");
	}
	file = fopen(path, "we");
	if (!file || fwrite(text.data, 1, text.len, file) != text.len)
		rc = -errno;
	if (file && fclose(file) && !rc)
		rc = -errno;
	weir_buffer_done(&text);
	return rc ? weir_error_set(err, rc, path, "name a file in a folder that you may write to",
				   "the labels cannot be written: %s", strerror(-rc))
		  : 0;
}

static int put_networks(const struct values *v, FILE *file, struct weir_buffer *text)
{
	uint64_t first = v->site, behind = v->site + v->exporters;
	int rc = weir_network_file_header(text);

	if (!rc && first) /* all sites use the head office's servers */
		rc = weir_network_file_site(0, true, text);
	for (uint64_t site = first; !rc && site < behind; site++) {
		bool ipv4 = site - first < WEIR_NETWORK_SITES_V4 && !(first && site % WEIR_NETWORK_SITES_V4 == 0);

		rc = weir_network_file_site((uint32_t)site, ipv4, text);
		if (!rc && fwrite(text->data, 1, text->len, file) != text->len)
			rc = -errno;
		weir_buffer_reset(text);
	}
	return rc;
}

static int write_networks(const struct values *v, struct weir_error *err)
{
	bool to_stdout = strcmp(v->networks, "-") == 0;
	FILE *file = to_stdout ? stdout : fopen(v->networks, "we");
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = file ? put_networks(v, file, &text) : -errno;
	weir_buffer_done(&text);
	if (file && (to_stdout ? fflush(file) : fclose(file)) && !rc)
		rc = -errno;
	if (rc == -EPIPE && to_stdout) /* who pipes into head(1) has seen enough */
		rc = 0;
	return rc ? weir_error_set(err, rc, v->networks, "name a file in a folder that you may write to",
				   "the networks cannot be written: %s", strerror(-rc))
		  : 0;
}

static int play_and_tell(struct run *run, const struct values *v, struct weir_error *err)
{
	const struct weir_player_options options = {
		.generator = run->generator, .outlet = run->outlet, .mtu_bytes = MTU_BYTES, .reliable = run->stream};
	int64_t began_ns = weir_clock_mono_ns(&weir_clock_system);
	struct weir_generate_summary summary;
	struct weir_player *player;
	int rc = weir_player_new(&options, &player, err);

	if (rc)
		return rc;
	rc = play(run, player, err);
	summary = (struct weir_generate_summary){
		.player = player,
		.outlet = run->outlet,
		.generator = &run->generator,
		.version = v->version,
		.seconds = (double)(weir_clock_mono_ns(&weir_clock_system) - began_ns) / (double)WEIR_NS_PER_S,
		.interrupted = stopped,
	};
	if (!rc && v->labels)
		rc = write_labels(run, player, v->labels, err);
	/* Standard output may have the flows themselves. */
	if (!rc)
		weir_generate_summary_print(&summary, run->json_summary,
					    run->print || (v->write && strcmp(v->write, "-") == 0) ? stderr : stdout);
	weir_player_free(player);
	return rc;
}

static int run_command(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {
		.version = "10",
		.transport = "udp",
		.summary = "text",
		.exporters = DEFAULT_EXPORTERS,
		.rate = DEFAULT_RATE,
		.pace = UNSET,
		.ipv6 = UNSET,
		.seed = 1,
		.sampling = 1,
	};
	struct weir_error err = {0};
	struct run run = {0};
	bool networks_only;
	int operands;
	int rc = weir_options_parse(self, argc, argv, &values, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (operands)
		return weir_usage(self, "\"%s\" is no option", argv[1]);
	if (values.scenario && strcmp(values.scenario, "list") == 0)
		return list_scenarios();
	networks_only = values.networks && !values.to && !values.write && !values.print;
	rc = networks_only ? 0 : set_all(self, &values, &run);
	if (rc)
		return rc;
	if (values.networks && write_networks(&values, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	if (networks_only)
		return WEIR_EXIT_OK;
	catch_signals();
	rc = open_outlet(&values, &run, &err);
	if (rc)
		return weir_fail(WEIR_EXIT_USAGE, &err);
	rc = play_and_tell(&run, &values, &err);
	weir_outlet_close(run.outlet);
	return rc ? weir_fail(WEIR_EXIT_FAILED, &err) : WEIR_EXIT_OK;
}

const struct weir_command weir_command_generate = {
	.name = "generate",
	.arguments = "--to HOST:PORT | --write FILE | --print ndjson | --write-networks FILE [OPTION]...",
	.summary = "make believable flows and send them, to try a collector out",
	.text = "Plays a network to a collector: exporters that each have clients, telephones, servers and routers of "
		"their own, with an internet around them. Who talks to whom over what, how long and how much follows a "
		"table of some fifty services; sizes are heavy-tailed, some hosts are popular, days are busy and nights "
		"belong to the backups.\n\n"
		"The same --seed makes the same flows on every machine, and the summary at the end has the exact sums of "
		"what was sent, so that a collector's sums can be held against them.\n\n"
		"To a target in 127.0.0.0/8 each exporter sends from an address of its own: 127.1.0.1, 127.1.0.2 and so "
		"on, or from --source on. To any other target all of them send from one address, and only the observation "
		"domain (source id, engine, sub-agent) tells them apart, unless --source names addresses that this machine "
		"has.\n\n"
		"UDP has no brake: what a slow collector cannot take, the kernel drops at the collector's socket without a "
		"word to the sender. Begin with a modest --rate, and give the collector a large receive buffer. The summary "
		"counts what the sender can know: waits for room in the sending kernel (retries; nothing is lost by them), "
		"and answers that nobody listens on the port (refused). Over TCP and TLS the sender waits for a slow collector "
		"and knows at the end that all was taken.",
	.options = OPTIONS,
	.examples = "weir generate --to 127.0.0.1:2055\tIPFIX from four exporters, 1000 flows a second, until Ctrl-C\n"
		    "weir generate --to 127.0.0.1:4739 --transport tcp\tthe same over TCP, where nothing is lost\n"
		    "weir generate --to 127.0.0.1:6343 --version sflow --sampling 512\tsFlow samples\n"
		    "weir generate --to 127.0.0.1:2055 --start 2026-01-31T00:00:00Z --for 24h --rate 50\ta day of traffic, in "
		    "minutes\n"
		    "weir generate --write day.pcap --version 9 --exporters 100 --flows 1000000\ta file for tests\n"
		    "weir generate --to 127.0.0.1:2055 --scenario brute-ssh,beacon@5m --labels truth.ndjson\tattacks to "
		    "find, and the truth about them\n"
		    "weir generate --print ndjson --flows 10\tlook at some flows",
	.run = run_command,
};
