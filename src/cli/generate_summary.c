#include "cli/generate_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "flow/addr.h"

enum { PORTS_SHOWN = 50, TEXT_ROWS = 8 };

static const char *proto_name(unsigned proto)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {{1, "ICMP"}, {6, "TCP"}, {17, "UDP"}, {47, "GRE"}, {50, "ESP"}, {58, "ICMPv6"}, {89, "OSPF"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].proto == proto)
			return names[i].name;
	}
	return "other";
}

/* The ports with most bytes, largest first. Returns how many there are, at most `max`. */
static unsigned largest_ports(const struct weir_sums *port, unsigned max, uint32_t *ret_port)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < WEIR_TALLY_PORTS; i++) {
		unsigned at;

		if (!port[i].flows || (count == max && port[i].bytes <= port[ret_port[count - 1]].bytes))
			continue;
		at = count < max ? count++ : max - 1;
		for (; at > 0 && port[ret_port[at - 1]].bytes < port[i].bytes; at--)
			ret_port[at] = ret_port[at - 1];
		ret_port[at] = i;
	}
	return count;
}

static void time_text(int64_t ms, char ret_text[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char day[24];

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret_text, 32, "%s.%03dZ", day, (int)(ms % 1000));
}

static void json_sums(FILE *out, const char *comma, const char *name, const struct weir_sums *s)
{
	fprintf(out, "%s\"%s\":{\"flows\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", comma, name,
		s->flows, s->packets, s->bytes);
}

static void json_protocols(FILE *out, const struct weir_tally *t)
{
	const char *comma = "";

	fputs(",\"by_proto\":{", out);
	for (unsigned i = 0; i < 256; i++) {
		char name[8];

		if (!t->proto[i].flows)
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		json_sums(out, comma, name, &t->proto[i]);
		comma = ",";
	}
	fputc('}', out);
}

static void json_ports(FILE *out, const struct weir_tally *t)
{
	uint32_t port[PORTS_SHOWN];
	unsigned count = largest_ports(t->dst_port, PORTS_SHOWN, port);

	fputs(",\"by_dst_port\":{", out);
	for (unsigned i = 0; i < count; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%" PRIu32, port[i]);
		json_sums(out, i ? "," : "", name, &t->dst_port[port[i]]);
	}
	fputc('}', out);
}

/* An exporter as a collector knows it: by its address, or, where all have one address, by its observation domain. sFlow
 * tells the agent's address itself. */
static void exporter_name(const struct weir_generate_summary *summary, uint32_t exporter, char ret_name[64])
{
	struct weir_addr source = weir_generator_source(weir_player_generator(summary->player), exporter);

	if (summary->outlet && !weir_outlet_has_sources(summary->outlet) && !summary->generator->single_packets)
		(void)snprintf(ret_name, 64, "domain %" PRIu32, exporter);
	else
		(void)weir_addr_text(&source, ret_name);
}

static void json_exporters(FILE *out, const struct weir_generate_summary *summary, const struct weir_tally *t)
{
	const char *comma = "";

	fputs(",\"by_exporter\":{", out);
	for (uint32_t i = 0; i < t->exporters; i++) {
		char name[64];

		if (!t->exporter[i].flows)
			continue;
		exporter_name(summary, i, name);
		json_sums(out, comma, name, &t->exporter[i]);
		comma = ",";
	}
	fputc('}', out);
}

static void print_json(const struct weir_generate_summary *summary, FILE *out)
{
	const struct weir_tally *t = weir_player_tally(summary->player);
	struct weir_encoder_stats encoded = weir_player_encoded(summary->player);
	char first[32], last[32];

	time_text(t->first_ms, first);
	time_text(t->last_ms, last);
	fprintf(out, "{\"version\":\"%s\",\"seed\":%" PRIu64 ",\"exporters\":%" PRIu32 ",\"sampling_rate\":%" PRIu32,
		summary->version, summary->generator->seed, summary->generator->exporters,
		summary->generator->sampling_rate ? summary->generator->sampling_rate : 1);
	fprintf(out, ",\"interrupted\":%s,\"seconds\":%.3f,\"first\":\"%s\",\"last\":\"%s\"",
		summary->interrupted ? "true" : "false", summary->seconds, first, last);
	fprintf(out, ",\"flows\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64, t->total.flows,
		t->total.packets, t->total.bytes);
	if (summary->outlet) {
		const struct weir_outlet_stats *o = weir_outlet_stats(summary->outlet);

		fprintf(out,
			",\"datagrams\":%" PRIu64 ",\"datagram_bytes\":%" PRIu64 ",\"templates\":%" PRIu64
			",\"retries\":%" PRIu64 ",\"refused\":%" PRIu64,
			o->datagrams, o->bytes, encoded.templates, o->retries, o->refused);
	}
	json_sums(out, ",", "ipv4", &t->ipv4);
	json_sums(out, ",", "ipv6", &t->ipv6);
	json_protocols(out, t);
	json_ports(out, t);
	json_exporters(out, summary, t);
	fputs("}\n", out);
}

static void bytes_text(uint64_t bytes, char ret_text[16])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1000 && unit < 5) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(ret_text, 16, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void text_row(FILE *out, const char *name, const struct weir_sums *s)
{
	char bytes[16];

	bytes_text(s->bytes, bytes);
	fprintf(out, "  %-16s %12" PRIu64 " %14" PRIu64 " %10s\n", name, s->flows, s->packets, bytes);
}

static void print_wire(const struct weir_generate_summary *summary, FILE *out)
{
	const struct weir_outlet_stats *o = weir_outlet_stats(summary->outlet);
	char bytes[16];

	bytes_text(o->bytes, bytes);
	fprintf(out, "%" PRIu64 " messages with %s to %s", o->datagrams, bytes, weir_outlet_name(summary->outlet));
	if (o->retries)
		fprintf(out, ", %" PRIu64 " waits for room in the kernel", o->retries);
	fputc('\n', out);
	if (o->refused)
		fprintf(out, "nobody listens there: the kernel said so %" PRIu64 " times\n", o->refused);
}

static void print_text(const struct weir_generate_summary *summary, FILE *out)
{
	const struct weir_tally *t = weir_player_tally(summary->player);
	uint32_t port[TEXT_ROWS];
	unsigned ports = largest_ports(t->dst_port, TEXT_ROWS, port);

	fprintf(out, "%s%" PRIu64 " flows of %" PRIu32 " exporters in %.1f s, %.0f a second\n",
		summary->interrupted ? "interrupted: " : "", t->total.flows, t->exporters, summary->seconds,
		summary->seconds > 0 ? (double)t->total.flows / summary->seconds : 0);
	if (summary->outlet)
		print_wire(summary, out);
	fprintf(out, "  %-16s %12s %14s %10s\n", "", "flows", "packets", "bytes");
	text_row(out, "all", &t->total);
	for (unsigned i = 0; i < 256; i++) {
		if (t->proto[i].flows)
			text_row(out, proto_name(i), &t->proto[i]);
	}
	if (t->ipv6.flows)
		text_row(out, "IPv6", &t->ipv6);
	for (unsigned i = 0; i < ports; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), port[i] ? "to port %" PRIu32 : "without ports", port[i]);
		text_row(out, name, &t->dst_port[port[i]]);
	}
}

void weir_generate_summary_print(const struct weir_generate_summary *summary, bool json, FILE *out)
{
	if (json)
		print_json(summary, out);
	else
		print_text(summary, out);
}
