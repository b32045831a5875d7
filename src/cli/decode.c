/* `weir decode`: captures to text, without any daemon. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/enrichment.h"
#include "cli/flow_table.h"
#include "export/file.h"
#include "flow/text.h"
#include "receive/capture.h"
#include "wire/decoder.h"

struct values {
	const char *format;
	const char *exporter;
	const char *write;
	const char *sflow_addresses;
	const char *config;
	bool enrich;
};

struct decoding {
	struct weir_decoder *decoder;
	struct weir_block *block;
	struct weir_buffer out;
	const struct output *output;
	struct weir_flow_table table;
	struct weir_export_file *file; /* --write, or NULL */
	struct weir_enrichment enrichment;
	struct weir_enrich_worker *enrich; /* --enrich, or NULL */
	struct weir_guard_worker *guard;   /* likewise */
	struct weir_capture_stats captures; /* of all files together */
	struct weir_error err;		    /* why it ended early */
};

/* --- output ----------------------------------------------------------------------------------------------- */

static int table_rows(struct decoding *d)
{
	return weir_flow_table_rows(&d->table, d->block, &d->out);
}

static int ndjson_rows(struct decoding *d)
{
	return weir_text_ndjson(d->block, &d->out);
}

static int csv_header(struct decoding *d)
{
	return weir_text_csv_header(&d->out);
}

static int csv_rows(struct decoding *d)
{
	return weir_text_csv(d->block, &d->out);
}

struct output {
	const char *name;
	int (*begin)(struct decoding *d); /* or NULL */
	int (*rows)(struct decoding *d);
};

static const struct output OUTPUTS[] = {
	{"table", NULL, table_rows},
	{"ndjson", NULL, ndjson_rows},
	{"csv", csv_header, csv_rows},
};

static const struct output *find_output(const char *name)
{
	const struct output *o = OUTPUTS;

	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

static int write_out(struct decoding *d)
{
	bool written = fwrite(d->out.data, 1, d->out.len, stdout) == d->out.len;

	weir_buffer_reset(&d->out);
	return written ? 0 : weir_error_set(&d->err, -errno, "standard output", NULL, "cannot write: %s", strerror(errno));
}

static int flush(struct decoding *d)
{
	int rc;

	if (d->enrich) {
		weir_enrich_block(d->enrich, d->block, NULL);
		weir_guard_block(d->guard, d->block, weir_block_time(d->block, WEIR_COL_TIME_RECEIVED)[0]);
	}
	rc = d->file ? weir_export_file_write(d->file, d->block, &d->err) : d->output->rows(d);

	weir_block_reset(d->block);
	if (rc && d->file)
		return rc;
	if (rc)
		return weir_error_set(&d->err, rc, NULL, NULL, "out of memory");
	return d->out.len ? write_out(d) : 0;
}

/* A sink for the decoder: the block is written and given back empty. */
static int on_full(void *ctx, struct weir_block **block)
{
	(void)block;
	return flush(ctx);
}

/* --- input ------------------------------------------------------------------------------------------------ */

static int64_t file_ms(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0 || stat(path, &st))
		return weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	return (int64_t)st.st_mtim.tv_sec * WEIR_MS_PER_S;
}

static int decode_datagrams(struct decoding *d, struct weir_capture *capture, bool live)
{
	const struct weir_block_sink sink = {.full = on_full, .ctx = d};
	struct weir_datagram datagram;
	int rc;

	while ((rc = weir_capture_next(capture, &datagram, &d->err)) == 1) {
		weir_decoder_decode(d->decoder, &datagram, &d->block, &sink);
		if (*d->err.what)
			return -EIO;
		/* Whoever looks at a pipe wants to see the flows when they come. */
		rc = live && d->block->rows ? flush(d) : 0;
		if (!rc && live && fflush(stdout))
			rc = weir_error_set(&d->err, -errno, "standard output", NULL, "cannot write: %s", strerror(errno));
		if (rc)
			return rc;
	}
	return rc;
}

static int decode_file(struct decoding *d, const char *path, const struct weir_addr *exporter)
{
	const struct weir_capture_stats *stats;
	struct weir_capture *capture;
	int rc = weir_capture_open(path, exporter, file_ms(path), &capture, &d->err);

	if (rc)
		return rc;
	rc = decode_datagrams(d, capture, strcmp(path, "-") == 0);
	stats = weir_capture_stats(capture);
	d->captures.skipped += stats->skipped;
	d->captures.fragments += stats->fragments;
	d->captures.truncated += stats->truncated;
	weir_capture_close(capture);
	return rc;
}

/* --- summary ---------------------------------------------------------------------------------------------- */

static void count(const char *before, uint64_t n, const char *noun, const char *ending)
{
	fprintf(stderr, "%s%" PRIu64 " %s%s", before, n, noun, n == 1 ? "" : ending);
}

/* What the bytes were: the parts add up to all that came. */
static void tell_bytes(const struct weir_decoder_stats *stats)
{
	static const char *const NAMES[WEIR_BYTE_KINDS] = {
		[WEIR_BYTE_FRAMING] = "headers",	   [WEIR_BYTE_TEMPLATES] = "templates",
		[WEIR_BYTE_FLOWS] = "flows",		   [WEIR_BYTE_OPTIONS] = "options",
		[WEIR_BYTE_COUNTERS] = "counters",	   [WEIR_BYTE_WAITED] = "data before its template",
		[WEIR_BYTE_PADDING] = "padding",	   [WEIR_BYTE_UNREAD] = "not understood",
	};
	const char *before = ": ";

	count("", stats->bytes, "byte", "s");
	for (unsigned i = 0; i < WEIR_BYTE_KINDS; i++) {
		if (!stats->bytes_of[i])
			continue;
		fprintf(stderr, "%s%" PRIu64 " %s", before, stats->bytes_of[i], NAMES[i]);
		before = ", ";
	}
	fputc('\n', stderr);
}

/* Prints it; true when not every byte was understood. */
static bool summarize(const struct decoding *d)
{
	const struct weir_decoder_stats *stats = weir_decoder_stats(d->decoder);
	const struct weir_capture_stats *captures = &d->captures;
	bool faults = captures->fragments || captures->truncated;

	count("", stats->messages, "message", "s");
	count(", ", stats->templates, "template", "s");
	count(", ", stats->flows, "flow", "s");
	count(", ", stats->option_records, "option record", "s");
	if (stats->counter_samples)
		count(", ", stats->counter_samples, "counter sample", "s");
	fprintf(stderr, ", %" PRIu64 " lost\n", stats->lost_messages);
	tell_bytes(stats);
	if (captures->skipped) {
		count("", captures->skipped, "frame", "s");
		fputs(" without a UDP datagram skipped\n", stderr);
	}
	if (captures->fragments) {
		count("", captures->fragments, "fragment", "s");
		fputs(" of UDP datagrams skipped: they are not put together\n", stderr);
	}
	if (captures->truncated) {
		count("", captures->truncated, "datagram", "s");
		fputs(" cut short by the capture: record whole packets (tcpdump -s 0)\n", stderr);
	}
	for (unsigned i = 0; i < WEIR_FAULTS; i++) {
		if (!stats->fault[i])
			continue;
		faults = true;
		fprintf(stderr, "fault %s %" PRIu64 ": %s\n", weir_faults[i].name, stats->fault[i], weir_faults[i].text);
	}
	return faults;
}

/* --- the command ------------------------------------------------------------------------------------------ */

static int decode_files(struct decoding *d, char **paths, int count_paths, const struct weir_addr *exporter)
{
	int rc = d->output->begin && !d->file ? d->output->begin(d) : 0;

	if (rc)
		return weir_error_set(&d->err, rc, NULL, NULL, "out of memory");
	for (int i = 0; i < count_paths && !rc; i++)
		rc = decode_file(d, paths[i], exporter);
	weir_decoder_finish(d->decoder);
	/* What came before a mistake is shown as well. */
	if (d->block->rows || d->out.len) {
		struct weir_error before = d->err;
		int written = flush(d);

		if (rc)
			d->err = before;
		rc = rc ? rc : written;
	}
	if (!rc && fflush(stdout))
		rc = weir_error_set(&d->err, -errno, "standard output", NULL, "cannot write: %s", strerror(errno));
	return rc;
}

/* To open it for writing would empty what is to be read. */
static bool is_input(const char *path, char **inputs, int count_inputs)
{
	struct stat out, in;

	for (int i = 0; stat(path, &out) == 0 && i < count_inputs; i++) {
		if (stat(inputs[i], &in) == 0 && S_ISREG(in.st_mode) && in.st_ino == out.st_ino && in.st_dev == out.st_dev)
			return true;
	}
	return false;
}

/* The end of --write: what was written is said, for not every flow has something that IPFIX can say. */
static int close_file(struct decoding *d, const char *path)
{
	uint64_t flows;
	int rc;

	if (!d->file)
		return 0;
	flows = weir_export_file_flows(d->file);
	rc = weir_export_file_close(d->file, &d->err);
	d->file = NULL;
	if (rc)
		return rc;
	count("", flows, "flow", "s");
	fprintf(stderr, " written to %s\n", path);
	return 0;
}

/* With the data sets of the configuration that is in use. */
static int open_enrichment(struct decoding *d, const char *path, uint64_t seed)
{
	struct weir_config config;
	int rc = weir_config_read(weir_config_find(path), &config, &d->err);

	if (rc)
		return rc;
	rc = weir_enrichment_open(&config, NULL, false, &d->enrichment, &d->err);
	weir_config_done(&config);
	if (!rc && (weir_enrich_worker_new(d->enrichment.enrich, seed, &d->enrich) ||
		    weir_guard_worker_new(d->enrichment.guard, seed, &d->guard)))
		rc = weir_error_set(&d->err, -ENOMEM, NULL, NULL, "out of memory");
	return rc;
}

static int set_up(struct decoding *d, const struct values *values)
{
	struct weir_decoder_limits limits = weir_decoder_limits_default;
	uint64_t seed = 0;
	int rc = 0;

	*d = (struct decoding){.output = find_output(values->format)};
	weir_buffer_init(&d->out);
	weir_flow_table_init(&d->table, weir_flow_table_colour(stdout));
	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint64_t)weir_clock_wall_ns(&weir_clock_system);
	limits.sflow_inner = strcmp(values->sflow_addresses, "inner") == 0;
	rc = weir_decoder_new(&limits, seed, &d->decoder);
	if (!rc)
		rc = weir_block_new(&weir_block_limits_default, &d->block);
	if (rc)
		return weir_error_set(&d->err, rc, NULL, NULL, "out of memory");
	if (values->enrich)
		rc = open_enrichment(d, values->config, seed);
	else if (weir_vocabulary_new(&weir_vocabulary_limits_default, seed, &d->enrichment.vocabulary))
		rc = weir_error_set(&d->err, -ENOMEM, NULL, NULL, "out of memory");
	if (rc)
		return rc;
	weir_decoder_vocabulary(d->decoder, d->enrichment.vocabulary);
	return values->write ? weir_export_file_open(values->write, &d->file, &d->err) : 0;
}

static void tear_down(struct decoding *d)
{
	weir_decoder_free(d->decoder);
	weir_block_free(d->block);
	weir_guard_worker_free(d->guard);
	weir_enrich_worker_free(d->enrich);
	weir_enrichment_done(&d->enrichment);
	weir_buffer_done(&d->out);
	(void)!weir_export_file_close(d->file, NULL);
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.format = "table", .exporter = "0.0.0.0", .sflow_addresses = "outer"};
	struct weir_addr exporter;
	struct decoding d;
	int operands, status;
	int rc = weir_options_parse(self, argc, argv, &values, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (!operands)
		return weir_usage(self, "name a file, or - for standard input");
	if (weir_addr_parse(values.exporter, &exporter))
		return weir_usage(self, "--exporter takes an address, not \"%s\"", values.exporter);
	if (values.write && is_input(values.write, argv + 1, operands))
		return weir_usage(self, "%s is to be read: name another file to write", values.write);
	status = WEIR_EXIT_OK;
	rc = set_up(&d, &values);
	if (!rc) {
		rc = decode_files(&d, argv + 1, operands, &exporter);
		if (!rc)
			rc = close_file(&d, values.write);
		/* A reader that has seen enough (`| head`) needs no message, a mistake at the start no summary. */
		if (rc != -EPIPE && (!rc || weir_decoder_stats(d.decoder)->messages) && summarize(&d))
			status = WEIR_EXIT_FAILED;
	}
	if (rc)
		status = rc == -EPIPE ? WEIR_EXIT_FAILED : weir_fail(WEIR_EXIT_USAGE, &d.err);
	tear_down(&d);
	return status;
}

static const struct weir_option OPTIONS[] = {
	{.name = "format",
	 .letter = 'f',
	 .type = WEIR_OPTION_CHOICE,
	 .argument = "table|ndjson|csv",
	 .offset = offsetof(struct values, format),
	 .help = "What is written, on a terminal and elsewhere: a table for reading (the default), one JSON object a flow, "
		 "or comma-separated values with a header line."},
	{.name = "write",
	 .letter = 'w',
	 .type = WEIR_OPTION_TEXT,
	 .argument = "FILE",
	 .offset = offsetof(struct values, write),
	 .help = "Write the flows to an IPFIX file (RFC 5655) in place of printing them. Observation domains and times are kept; "
		 "texts, elements without a column and the exporters' addresses are not."},
	{.name = "exporter",
	 .letter = 'e',
	 .type = WEIR_OPTION_TEXT,
	 .argument = "ADDRESS",
	 .offset = offsetof(struct values, exporter),
	 .help = "The exporter's address in files that have none: IPFIX files and raw datagrams (0.0.0.0)."},
	{.name = "enrich",
	 .letter = 'E',
	 .type = WEIR_OPTION_FLAG,
	 .offset = offsetof(struct values, enrich),
	 .help = "Add what weir makes of the flows as collect does it: zones, direction, initiator, service, category, the rule that judges …"},
	{.name = "config",
	 .letter = 'c',
	 .type = WEIR_OPTION_TEXT,
	 .argument = "FILE",
	 .offset = offsetof(struct values, config),
	 .help = "The configuration whose networks and services --enrich uses; without it $WEIR_CONFIG, ./weir.yaml, "
		 "/etc/weir/weir.yaml, or the defaults."},
	{.name = "sflow-addresses",
	 .type = WEIR_OPTION_CHOICE,
	 .argument = "outer|inner",
	 .offset = offsetof(struct values, sflow_addresses),
	 .help = "Of a tunnel in an sFlow sample, the addresses of the tunnel (the default) or those of the packet that it "
		 "carries, as collect.sflow_addresses says for the collector."},
	{0},
};

const struct weir_command weir_command_decode = {
	.name = "decode",
	.arguments = "[OPTION]... FILE...",
	.summary = "print the flows of capture files",
	.text = "Decodes NetFlow v1, v5, v7, v9, IPFIX and sFlow v5 to standard output, without any daemon. FILE is a pcap or "
		"pcapng capture (UDP to any port), a file of IPFIX messages (RFC 5655) or one raw datagram; what it is is "
		"seen from its bytes. - is standard input: `tcpdump -U -w - udp port 2055 | weir decode -` shows flows as they "
		"come.\n\n"
		"The files are read in order as one stream from one exporter (in captures, from the addresses in them), so "
		"a file with templates can come before the file with their data; data that comes first waits for them.\n\n"
		"NDJSON has one object a flow. Its keys are the column names of `weir reference columns`; what the "
		"exporter did not send is left out. Information elements without a column are under \"extra\", by name or as "
		"\"PEN:ID\". Numbers are as exported: multiply by sampling_rate. The table is a selection, with units of 1000.\n\n"
		"time_received is the capture's time; for IPFIX files and raw datagrams it is the export time that stands in "
		"the message, or, as sFlow has none, the time when the file was changed last.\n\n"
		"A summary of messages, templates, flows and faults by name goes to standard error; `weir reference faults` "
		"explains them. The exit status is 0 when every byte was understood, 1 when there were faults, and 2 for a "
		"mistake in the call or a file that cannot be read.",
	.options = OPTIONS,
	.examples = "weir decode capture.pcap\ta table of the flows\n"
		    "weir decode --format ndjson templates.pcap data.pcap | jq .src_addr\ttemplates first, then the data\n"
		    "weir decode -f csv flows.ipfix >flows.csv\tfor a spreadsheet\n"
		    "weir decode --write flows.ipfix capture.pcap\ta NetFlow capture as an IPFIX file",
	.run = run,
};
