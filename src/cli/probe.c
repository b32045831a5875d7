/* `weir probe`: packets to flows. Of a capture file or of interfaces, to collectors or standard output; without either, as
 * a role of `weir run` (cli/probe_role.c), into the spool. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/enrichment.h"
#include "cli/probe_role.h"
#include "cli/probe_session.h"
#include "config/quantity.h"

enum {
	DEFAULT_CACHE = 1 << 20,
	SAMPLING_MAX_V5 = 16383,
};

struct values {
	struct weir_role_values role;
	struct weir_uplink_tls tls;
	const char *read, *interfaces, *to, *version, *format, *active, *inactive, *tcp_end, *tunnel, *bytes, *agent;
	const char *template_time, *counters;
	bool print, enrich, pace, random, tos, bidirectional, no_promiscuous;
	uint64_t cache, sampling, workers, ring, snap, domain, mtu, template_messages;
};

#define OFFSET(member) offsetof(struct values, member)

static const struct weir_option OPTIONS[] = {
	{"read", 'r', WEIR_OPTION_TEXT, "FILE", OFFSET(read), 0, 0, "Read a pcap or pcapng file; - is standard input."},
	{"interface", 'i', WEIR_OPTION_TEXT, "NAME,...", OFFSET(interfaces), 0, 0,
	 "Listen on these interfaces until Ctrl-C; any is all of them."},
	{"to", 't', WEIR_OPTION_TEXT, "HOST:PORT,...", OFFSET(to), 0, 0,
	 "Send the flows to these collectors: over UDP, or, behind tcp: or tls:, in a session."},
	{"version", 'v', WEIR_OPTION_CHOICE, "5|9|10|sflow", OFFSET(version), 0, 0,
	 "What is sent: NetFlow 5 (IPv4 alone) or 9, IPFIX (10, unless given), or sFlow 5, which samples packets and keeps "
	 "no flows."},
	{"print", 'p', WEIR_OPTION_FLAG, NULL, OFFSET(print), 0, 0, "Print the flows."},
	{"format", 'f', WEIR_OPTION_CHOICE, "table|ndjson|csv", OFFSET(format), 0, 0, "How to print; table unless given."},
	{"enrich", 'E', WEIR_OPTION_FLAG, NULL, OFFSET(enrich), 0, 0,
	 "Print what weir makes of the flows, too: zones, direction, initiator, service, category …; with --config."},
	{"active", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(active), 0, 0,
	 "A flow that goes on is told after so long, and begins anew; 60s unless given."},
	{"inactive", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(inactive), 0, 0,
	 "A flow ends when no packet came for so long; 15s unless given."},
	{"tcp-end", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(tcp_end), 0, 0,
	 "After FIN in both directions or RST, what comes in so long is still of that flow; 1s unless given."},
	{"cache", 0, WEIR_OPTION_NUMBER, "N", OFFSET(cache), 1, 1 << 28,
	 "How many flows are followed at once, by each worker; 1048576 unless given (about 300 bytes each, taken as they are "
	 "needed). In a full cache the flow ends that would have been the next to end by its timeout."},
	{"tunnel", 0, WEIR_OPTION_CHOICE, "outer|inner", OFFSET(tunnel), 0, 0,
	 "Of GRE, ERSPAN, VXLAN, Geneve, GTP-U and IP in IP: the tunnel is the flow (outer, unless given), or what it carries."},
	{"bytes", 0, WEIR_OPTION_CHOICE, "ip|frame", OFFSET(bytes), 0, 0,
	 "What is counted: IP packets, from their header on (unless given), or whole frames as on the wire."},
	{"tos", 0, WEIR_OPTION_FLAG, NULL, OFFSET(tos), 0, 0, "Tell flows apart by their type of service, too."},
	{"bidirectional", 'b', WEIR_OPTION_FLAG, NULL, OFFSET(bidirectional), 0, 0,
	 "One record for both directions of a conversation, from the side that began; IPFIX and NetFlow 9 alone."},
	{"sampling", 's', WEIR_OPTION_NUMBER, "N", OFFSET(sampling), 1, 1 << 24,
	 "Look at one in N packets, and say so in the export; 1 unless given."},
	{"random", 0, WEIR_OPTION_FLAG, NULL, OFFSET(random), 0, 0,
	 "With --sampling: each packet by chance, in place of every N-th; sFlow's always are. Told in the export, too."},
	{"pace", 0, WEIR_OPTION_FLAG, NULL, OFFSET(pace), 0, 0,
	 "Read a file at the speed of its recording, in place of as fast as possible."},
	{"workers", 'w', WEIR_OPTION_NUMBER, "N", OFFSET(workers), 1, WEIR_PROBE_WORKERS_MAX,
	 "Threads that share each interface's packets; each is an observation domain of its own. 1 unless given."},
	{"ring", 0, WEIR_OPTION_SIZE, "SIZE", OFFSET(ring), 4 << 20, UINT64_C(4) << 30,
	 "Memory that an interface's packets wait in, for each worker; 32M unless given."},
	{"snap", 0, WEIR_OPTION_NUMBER, "BYTES", OFFSET(snap), 64, 65535,
	 "How much of a frame is looked at; 256 unless given: enough for any headers."},
	{"counters", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(counters), 0, 0,
	 "sFlow of interfaces: send what each has counted in all after so long; 20s unless given."},
	{"no-promiscuous", 0, WEIR_OPTION_FLAG, NULL, OFFSET(no_promiscuous), 0, 0,
	 "Listen to what the interface takes by itself, not to all that passes."},
	{"domain", 0, WEIR_OPTION_NUMBER, "N", OFFSET(domain), 0, UINT32_MAX - WEIR_PROBE_WORKERS_MAX,
	 "Observation domain, source id or sub-agent of the first worker; 0 unless given."},
	{"agent", 0, WEIR_OPTION_TEXT, "ADDRESS", OFFSET(agent), 0, 0,
	 "Who sends, in sFlow and in what is printed or stored; 127.0.0.1 unless given."},
	{"mtu", 0, WEIR_OPTION_NUMBER, "BYTES", OFFSET(mtu), WEIR_ENCODER_MTU_MIN, WEIR_ENCODER_MTU_MAX,
	 "The longest datagram that is sent; 1400 unless given."},
	{"template-messages", 0, WEIR_OPTION_NUMBER, "N", OFFSET(template_messages), 1, UINT32_MAX,
	 "Send templates again after so many messages; 20 unless given."},
	{"template-time", 0, WEIR_OPTION_TEXT, "TIME", OFFSET(template_time), 0, 0,
	 "And after so long; 1m unless given."},
	{"tls-ca", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.ca), 0, 0, "The authority that the collectors' certificates are of (PEM)."},
	{"tls-cert", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.certificate), 0, 0, "The probe's certificate (PEM), with --tls-key."},
	{"tls-key", 0, WEIR_OPTION_TEXT, "FILE", OFFSET(tls.key), 0, 0, "The certificate's private key (PEM)."},
	{"tls-name", 0, WEIR_OPTION_TEXT, "NAME", OFFSET(tls.name), 0, 0,
	 "The name in the collectors' certificates, where it is not the HOST."},
	{"config", 'c', WEIR_OPTION_TEXT, "FILE", OFFSET(role.config), 0, 0,
	 "The configuration. With neither --read nor --interface its probe.interfaces are listened to, and its spool takes the "
	 "flows; --enrich uses its networks and services."},
	{"data", 'd', WEIR_OPTION_TEXT, "DIR", OFFSET(role.data), 0, 0, "The same: the data folder, in place of data_dir."},
	{0},
};

static const struct {
	const char *name;
	enum weir_flow_type version;
} VERSIONS[] = {
	{"5", WEIR_FLOW_NETFLOW5}, {"9", WEIR_FLOW_NETFLOW9}, {"10", WEIR_FLOW_IPFIX}, {"sflow", WEIR_FLOW_SFLOW5},
};

/* --- options ---------------------------------------------------------------------------------------------- */

static int set_time(const struct weir_command *self, const char *name, const char *text, int64_t *ret_ms)
{
	uint64_t ms;

	if (!text)
		return 0;
	if (weir_duration_parse(text, &ms) || !ms || ms > 366ULL * 86400000)
		return weir_usage(self, "--%s takes a time as 500ms, 15s or 30m, not \"%s\"", name, text);
	*ret_ms = (int64_t)ms;
	return 0;
}

static int set_times(const struct weir_command *self, const struct values *v, struct weir_probe_session_options *o)
{
	int64_t active_ms = 60000, inactive_ms = 15000, tcp_end_ms = 1000;
	int rc = set_time(self, "active", v->active, &active_ms);

	if (!rc)
		rc = set_time(self, "inactive", v->inactive, &inactive_ms);
	if (!rc)
		rc = set_time(self, "tcp-end", v->tcp_end, &tcp_end_ms);
	if (!rc)
		rc = set_time(self, "template-time", v->template_time, &o->encoder.template_refresh_ms);
	o->counters_ms = 20000;
	if (!rc)
		rc = set_time(self, "counters", v->counters, &o->counters_ms);
	o->meter.active_us = active_ms * 1000;
	o->meter.inactive_us = inactive_ms * 1000;
	o->meter.ended_us = tcp_end_ms * 1000;
	return rc;
}

static void set_meter(const struct values *v, struct weir_meter_options *meter)
{
	meter->flows_max = (uint32_t)v->cache;
	meter->tunnel = strcmp(v->tunnel, "inner") == 0 ? WEIR_TUNNEL_INNER : WEIR_TUNNEL_OUTER;
	meter->frame_bytes = strcmp(v->bytes, "frame") == 0;
	meter->tos = v->tos;
	meter->bidirectional = v->bidirectional;
	meter->sampling = (uint32_t)v->sampling;
	meter->random = v->random;
	meter->domain = (uint32_t)v->domain;
	if (getrandom(&meter->seed, sizeof(meter->seed), 0) != (ssize_t)sizeof(meter->seed))
		meter->seed = (uint64_t)weir_clock_wall_ns(&weir_clock_system);
}

static int set_encoder(const struct weir_command *self, const struct values *v, struct weir_probe_session_options *o)
{
	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(VERSIONS[0]); i++) {
		if (strcmp(VERSIONS[i].name, v->version) == 0)
			o->encoder.version = VERSIONS[i].version;
	}
	o->encoder.domain = (uint32_t)v->domain;
	o->encoder.mtu_bytes = v->mtu;
	o->encoder.template_refresh_messages = (uint32_t)v->template_messages;
	o->encoder.sampling_rate = v->sampling > 1 ? (uint32_t)v->sampling : 0;
	o->encoder.sampling_random = v->random;
	/* sFlow samples at random, by its specification (§2), and cannot tell. */
	o->meter.random = v->random || o->encoder.version == WEIR_FLOW_SFLOW5;
	o->encoder.agent = o->meter.exporter;
	if (o->encoder.version == WEIR_FLOW_NETFLOW5 && v->sampling > SAMPLING_MAX_V5)
		return weir_usage(self, "NetFlow 5 cannot tell a --sampling above %d", SAMPLING_MAX_V5);
	if (o->encoder.version != WEIR_FLOW_NETFLOW9 && o->encoder.version != WEIR_FLOW_IPFIX && v->bidirectional && v->to)
		return weir_usage(self, "--bidirectional needs --version 9 or 10");
	return 0;
}

static int set_all(const struct weir_command *self, const struct values *v, struct weir_probe_session_options *o)
{
	int rc;

	if (v->read && v->interfaces)
		return weir_usage(self, "either --read or --interface");
	if (!v->to && !v->print)
		return weir_usage(self, "say where the flows go: --to HOST:PORT or --print");
	if (v->print && v->to && strcmp(v->version, "sflow") == 0)
		return weir_usage(self, "sFlow keeps no flows that could be printed: leave out --print");
	if (!v->tls.certificate != !v->tls.key)
		return weir_usage(self, "--tls-cert and --tls-key belong together");
	if (v->pace && !v->read)
		return weir_usage(self, "--pace is about files: an interface has its own pace");
	if (weir_addr_parse(v->agent, &o->meter.exporter))
		return weir_usage(self, "--agent takes an IP address, not \"%s\"", v->agent);
	o->live = v->interfaces;
	o->paced = v->pace;
	o->to = v->to;
	o->tls = v->tls;
	o->format = v->print ? v->format : NULL;
	set_meter(v, &o->meter);
	rc = set_times(self, v, o);
	return rc ? rc : set_encoder(self, v, o);
}

/* --- sources ---------------------------------------------------------------------------------------------- */

static int open_interfaces(const struct values *v, const char *filter, struct weir_probe_session_options *o,
			   struct weir_error *err)
{
	const struct weir_probe_listen listen = {
		.filter = filter,
		.workers = (unsigned)v->workers,
		.ring_bytes = v->ring,
		.snap_bytes = (uint32_t)v->snap,
		.promiscuous = !v->no_promiscuous,
	};
	char *list = strdup(v->interfaces), *rest = NULL;
	int rc = list ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	for (char *name = list ? strtok_r(list, ", ", &rest) : NULL; name && !rc; name = strtok_r(NULL, ", ", &rest))
		rc = weir_probe_listen(&listen, name, o, err);
	free(list);
	if (!rc && !o->workers)
		rc = weir_error_set(err, -EINVAL, "--interface", "name one; `ip link` lists them", "no interface is named");
	return rc;
}

static int open_sources(const struct values *v, int operands, char **argv, struct weir_probe_session_options *o,
			struct weir_error *err)
{
	char *filter = operands ? weir_operands_join(operands, argv) : NULL;
	int rc;

	if (operands && !filter)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (v->interfaces) {
		rc = open_interfaces(v, filter, o, err);
	} else {
		rc = weir_packets_open_file(v->read, filter, &o->packets[0], err);
		o->workers = !rc;
	}
	free(filter);
	return rc;
}

/* --- the end ---------------------------------------------------------------------------------------------- */

static void tell(uint64_t n, const char *what)
{
	if (n)
		fprintf(stderr, "%" PRIu64 " %s\n", n, what);
}

static void summarize(struct weir_probe_session *session)
{
	struct weir_probe_stats stats;
	struct weir_spool_stats spool;
	struct weir_target_stats target;
	struct weir_encoder_stats encoder;
	struct weir_stream_stats stream;
	const struct weir_meter_stats *m = &stats.meter;
	const char *name;

	weir_probe_session_stats(session, &stats, &spool);
	fprintf(stderr, "%" PRIu64 " frames, %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " flow records\n", m->frames,
		m->packets, m->bytes, m->rows);
	tell(m->unsampled, "frames passed over by sampling");
	tell(m->not_ip, "frames without IP passed over");
	tell(m->malformed, "packets with a header that contradicts itself: counted as far as they could be read");
	tell(m->fragments_lost, "fragments whose first one was not seen: their flows have no ports");
	tell(m->ended[WEIR_FLOW_END_LACK], "flows ended early because the cache was full: give a larger --cache");
	tell(stats.packets.kernel_drops, "frames lost because the ring was full: give a larger --ring or more --workers");
	for (unsigned i = 0; (name = weir_probe_session_target(session, i, &target, &encoder)); i++) {
		bool is_stream = weir_probe_session_stream(session, i, &stream);

		fprintf(stderr, "%s: %" PRIu64 " %s, %" PRIu64 " records, %" PRIu64 " packets, %" PRIu64 " bytes\n", name,
			target.datagrams, is_stream ? "messages" : "datagrams", encoder.flows, encoder.packets, encoder.bytes);
		tell(encoder.unsendable, "flows that this version cannot carry: IPv6 in NetFlow 5");
		tell(encoder.clamped, "numbers too large for their field");
		tell(stream.dropped, "messages dropped: the collector took too little, or was away");
		tell(stream.lost, "messages may be lost: the session ended before the collector had them");
		if (is_stream && *stream.err.what)
			fprintf(stderr, "%s: %s\n", name, stream.err.what);
		tell(target.refused, "datagrams were refused: nobody listens there");
		if (target.failed)
			fprintf(stderr, "%" PRIu64 " datagrams were not sent: %s\n", target.failed, strerror(target.last_failure));
	}
}

static struct weir_probe_session *running; /* for the signal handler */

static void on_signal(int number)
{
	(void)number;
	weir_probe_session_stop(running);
}

/* Every worker's ring is bound by now: what is sent after this line is seen. */
static void announce(const struct values *v, int operands, char **argv)
{
	fprintf(stderr, "listening on %s", v->interfaces);
	if (v->workers > 1)
		fprintf(stderr, ", %" PRIu64 " workers", v->workers);
	for (int i = 1; i <= operands; i++)
		fprintf(stderr, "%s%s", i > 1 ? " " : ", filter ", argv[i]);
	fprintf(stderr, "; Ctrl-C ends\n");
}

static void await_signals(struct weir_probe_session *session)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	running = session;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* The data sets of the configuration that is in use. */
static int open_enrichment(const struct values *v, struct weir_enrichment *enrichment, struct weir_error *err)
{
	struct weir_config config;
	int rc = v->enrich ? weir_config_read(weir_config_find(v->role.config), &config, err) : 0;

	if (rc || !v->enrich)
		return rc;
	rc = weir_enrichment_open(&config, NULL, false, enrichment, err);
	weir_config_done(&config);
	return rc;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values v = {.version = "10", .format = "table", .tunnel = "outer", .bytes = "ip", .agent = "127.0.0.1",
			   .cache = DEFAULT_CACHE, .workers = 1};
	struct weir_probe_session_options options = {0};
	struct weir_probe_session *session = NULL;
	struct weir_enrichment enrichment = {0};
	struct weir_error err = {0};
	int operands;
	int rc = weir_options_parse(self, argc, argv, &v, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (!v.read && !v.interfaces)
		return v.to || v.print || operands ? weir_usage(self, "say what to look at: --read FILE or --interface NAME")
						   : weir_probe_role(self, &v.role);
	rc = set_all(self, &v, &options);
	if (rc)
		return rc;
	rc = open_sources(&v, operands, argv, &options, &err);
	if (!rc)
		rc = open_enrichment(&v, &enrichment, &err);
	if (rc) {
		for (unsigned i = 0; i < options.workers; i++)
			weir_packets_close(options.packets[i]);
		return weir_fail(WEIR_EXIT_USAGE, &err);
	}
	options.enrich = enrichment.enrich;
	if (weir_probe_session_new(&options, &session, &err)) {
		weir_enrichment_done(&enrichment);
		return weir_fail(WEIR_EXIT_USAGE, &err);
	}
	await_signals(session);
	if (v.interfaces)
		announce(&v, operands, argv);
	rc = weir_probe_session_run(session, &err);
	/* A reader that has seen enough (`| head`) needs no message. */
	if (rc != -EPIPE)
		summarize(session);
	weir_probe_session_free(session);
	weir_enrichment_done(&enrichment);
	if (rc)
		return rc == -EPIPE ? WEIR_EXIT_FAILED : weir_fail(WEIR_EXIT_USAGE, &err);
	return WEIR_EXIT_OK;
}

const struct weir_command weir_command_probe = {
	.name = "probe",
	.arguments = "[OPTION]... [FILTER]...",
	.summary = "make flows from packets: of an interface or a capture file",
	.text = "Reads packets and tells the flows in them: to collectors as NetFlow v5 or v9, IPFIX or sFlow v5, to standard "
		"output, or, as a part of `weir run` (probe.interfaces in the configuration), straight into this machine's spool. "
		"FILTER is in tcpdump's language, pcap-filter(7).\n\n"
		"A flow is told by addresses, ports, protocol, VLAN tags and overlay segment (of ICMP, type and code stand in for the "
		"ports; --tos adds the type of service). bytes are those of the IP packets, as their headers say, with --bytes "
		"frame those of the frames. A conversation's two directions end together and give a record each, or one with "
		"--bidirectional. Fragments count to the flow of their first. Frames without IP are passed over, and told at the end.\n\n"
		"A flow ends when it is idle (--inactive), when it has lasted (--active), shortly after TCP's end (--tcp-end), or when "
		"the cache is full; flow_end_reason says which. The time in files is the packets' own.\n\n"
		"Of TCP, flows tell the handshake's round-trip time (tcp_rtt, and its parts on the server's and the client's side), and how "
		"many packets were sent again or came out of order, unless packets are sampled. IANA has no elements for that: IPFIX has "
		"nProbe's 123, 124 (halves of round trips, in milliseconds), 109 to 112, and Flowmon's 69 (microseconds); NetFlow 9 has "
		"nProbe's at 57472 and up.\n\n"
		"Listening needs the right to (CAP_NET_RAW: root, or setcap). A line on standard error says when it has begun: what "
		"comes after that line is seen. At the end a summary goes to standard error.",
	.options = OPTIONS,
	.examples = "weir probe -r capture.pcap --print\ta table of the flows in a capture\n"
		    "weir probe -i eth0 --to 192.0.2.10:4739\texport what passes eth0 as IPFIX\n"
		    "weir probe -i eth1 -w 4 --version 9 --to 192.0.2.10:2055,192.0.2.11:2055 not port 22\tfour threads, two "
		    "collectors, a filter\n"
		    "weir probe -i eth0 --to tls:flows.example:4740 --tls-ca ca.pem\tIPFIX over TLS; sessions come again by themselves\n"
		    "tcpdump -U -w - | weir probe -r - --print --format ndjson\tfrom another program",
	.run = run,
};
