/* `weir matrix`: who talks to whom over what. */
#include "cli/matrix.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/descriptions.h"

#define ROWS_DEFAULT 100 /* of a table */

static const struct weir_option OPTIONS[] = {
	{.name = "by", .letter = 'b', .type = WEIR_OPTION_CHOICE, .argument = "zone|subnet|address",
	 .offset = offsetof(struct weir_matrix_values, by),
	 .help = "the grain (default subnet); addresses are there as long as flows are; of split: what a file is written for (default zone)"},
	{.name = "rows", .letter = 'n', .type = WEIR_OPTION_NUMBER, .argument = "N", .offset = offsetof(struct weir_matrix_values, rows),
	 .min = 1, .max = WEIR_EDGES_MAX, .help = "the largest so many (default 100 in a table, else all)"},
	WEIR_QUERY_WINDOW_OPTIONS,
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson|dot|graphml|neo4j",
	 .offset = offsetof(struct weir_query_values, format),
	 .help = "how to write the edges; dot is for Graphviz, neo4j are statements of Cypher (default table)"},
	{.name = "comment", .letter = 'm', .type = WEIR_OPTION_TEXT, .argument = "TEXT", .offset = offsetof(struct weir_matrix_values, comment),
	 .help = "of approve: why"},
	{.name = "replace", .type = WEIR_OPTION_FLAG, .offset = offsetof(struct weir_matrix_values, replace),
	 .help = "of approve: what was approved before is no longer"},
	{.name = "factor", .type = WEIR_OPTION_TEXT, .argument = "F", .offset = offsetof(struct weir_matrix_values, factor),
	 .help = "of diff: an edge has changed when its bytes or hits differ by this factor (default 2)"},
	{.name = "output", .letter = 'o', .type = WEIR_OPTION_TEXT, .argument = "FOLDER", .offset = offsetof(struct weir_matrix_values, folder),
	 .help = "of split: where the files go (default matrix)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

enum weir_grain weir_matrix_grain(const char *name)
{
	if (strcmp(name, "zone") == 0)
		return WEIR_GRAIN_ZONE;
	return strcmp(name, "address") == 0 ? WEIR_GRAIN_ADDRESS : WEIR_GRAIN_SUBNET;
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == WEIR_EDGE_COLUMNS ? 0 : -EPROTO;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	(void)count, (void)totals;
	return weir_edges_add(ctx, cells);
}

static int ask(struct weir_client *client, const char *sql, struct weir_edges *edges, struct weir_error *err)
{
	const struct weir_client_setting settings[] = {{"default_format", "TabSeparatedWithNamesAndTypes"}, {NULL, NULL}};
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = edges};
	struct weir_tsv tsv = {0};
	int rc = weir_tsv_init(&tsv, &sink);

	if (!rc)
		rc = weir_client_stream(client, sql, settings, 1, weir_tsv_feed, &tsv, err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	weir_tsv_done(&tsv);
	if (rc == -E2BIG && !*err->what)
		(void)weir_error_set(err, rc, NULL, "narrow it by a filter, a window, --rows or --by zone", "more than %u edges", WEIR_EDGES_MAX);
	return rc;
}

/* Edges without descriptions are worth as much: a file that this user cannot read is told, and no failure. */
static int describe(const struct weir_query_values *values, struct weir_edges *edges)
{
	struct weir_descriptions descriptions = {0};
	struct weir_config config;
	struct weir_error err = {0};
	int rc = weir_config_read(weir_config_find(values->config), &config, &err);

	if (rc)
		return weir_fail(WEIR_EXIT_USAGE, &err);
	if (weir_descriptions_open(&config, &descriptions, &err))
		fprintf(stderr, "weir: without descriptions of networks: %s: %s\n", err.where, err.what);
	for (size_t i = 0; i < edges->count && descriptions.networks && !rc; i++) {
		static const enum weir_edge_column of[] = {WEIR_EDGE_SRC_SUBNET, WEIR_EDGE_DST_SUBNET};

		for (unsigned k = 0; k < 2 && !rc; k++) {
			struct weir_cell subnet = weir_edges_cell(edges, i, of[k]);
			const char *text = weir_descriptions_find(&descriptions, subnet.text, subnet.len);

			if (*text)
				rc = weir_edges_set(edges, i, of[k] + 1, text, strlen(text));
		}
	}
	weir_descriptions_done(&descriptions);
	weir_config_done(&config);
	return rc ? WEIR_EXIT_FAILED : 0;
}

int weir_matrix_load(struct weir_client *client, const struct weir_query_values *values, const struct weir_matrix *matrix,
		     struct weir_edges *edges)
{
	struct weir_error err = {0};
	struct weir_buffer sql;
	int status = 0;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_matrix_sql(matrix, &sql, &err);
	if (rc)
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	else if (values->explain)
		status = weir_query_explain(&sql);
	else if ((rc = ask(client, weir_buffer_cstr(&sql), edges, &err)) != 0)
		status = weir_query_failed(rc, client, &err);
	else
		status = describe(values, edges);
	weir_buffer_done(&sql);
	return status;
}

static int write_edges(const struct weir_edges *edges, const struct weir_output_options *options, const size_t *chosen, size_t count)
{
	struct weir_output *output = NULL;
	int rc = weir_output_new(options, weir_edge_columns, WEIR_EDGE_COLUMNS, &output);

	for (size_t i = 0; i < count && !rc; i++) {
		struct weir_cell cells[WEIR_EDGE_COLUMNS];

		for (unsigned c = 0; c < WEIR_EDGE_COLUMNS; c++)
			cells[c] = weir_edges_cell(edges, chosen ? chosen[i] : i, c);
		rc = weir_output_row(output, cells);
	}
	if (!rc)
		rc = weir_output_end(output);
	weir_output_free(output);
	return rc;
}

static int list(struct weir_client *client, const struct weir_matrix_values *values, struct weir_matrix *matrix)
{
	int form = weir_edge_form_find(values->common.format);
	int format = weir_format_find(values->common.format);
	struct weir_error err = {0};
	struct weir_edges edges;
	int status;
	int rc;

	matrix->rows_max = values->rows ? values->rows : format == WEIR_FORMAT_TABLE ? ROWS_DEFAULT : 0;
	weir_edges_init(&edges);
	status = weir_matrix_load(client, &values->common, matrix, &edges);
	if (!status && !values->common.explain) {
		struct weir_output_options options = weir_query_output((enum weir_format)(form < 0 ? format : 0));

		rc = form < 0 ? write_edges(&edges, &options, NULL, edges.count)
			      : weir_edges_graph(&edges, (enum weir_edge_form)form, weir_query_put, NULL);
		status = rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
	}
	weir_edges_done(&edges);
	return status;
}

static int approve(struct weir_client *client, const struct weir_matrix_values *values, const struct weir_matrix *matrix)
{
	const char *user = getlogin();
	const struct weir_client_setting settings[] = {
		{"param_user", user ? user : ""}, {"param_comment", values->comment}, {NULL, NULL}};
	struct weir_error err = {0};
	struct weir_buffer sql, answer;
	int status = WEIR_EXIT_OK;
	int rc;

	weir_buffer_init(&sql);
	weir_buffer_init(&answer);
	rc = weir_matrix_approve_sql(matrix, &sql, &err);
	if (rc) {
		status = weir_fail(WEIR_EXIT_USAGE, &err);
	} else if (values->common.explain) {
		status = weir_query_explain(&sql);
	} else {
		if (values->replace)
			rc = weir_client_query(client, "TRUNCATE TABLE matrix_baseline", NULL, 0, NULL, &err);
		if (!rc)
			rc = weir_client_query(client, weir_buffer_cstr(&sql), settings, 0, NULL, &err);
		if (!rc)
			rc = weir_client_query(client, "SELECT count() FROM matrix_baseline FINAL FORMAT TSV", NULL, 1, &answer, &err);
		if (!rc)
			printf("approved: the baseline has %" PRIu64 " edges; any other is an event of the rule matrix/new-edge\n",
			       (uint64_t)strtoull(weir_buffer_cstr(&answer), NULL, 10));
		status = rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
	}
	weir_buffer_done(&answer);
	weir_buffer_done(&sql);
	return status;
}

/* --- split ------------------------------------------------------------------------------------------------ */

/* One file of a split, as the summary tells it. */
struct part {
	const char *name; /* of the zone or subnet; in the edges' heap */
	char file[96];
	uint64_t edges, hits, bytes_from, bytes_to, denied;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name as a file's: what is not plain becomes '_', and a number keeps it apart from others. */
static void name_file(struct part *part, size_t number)
{
	char plain[64];
	bool changed = false;
	size_t n = 0;

	for (const char *p = *part->name ? part->name : "elsewhere"; *p && n + 1 < sizeof(plain); p++) {
		bool ok = isalnum((unsigned char)*p) || (n && strchr("._-", *p));

		changed = changed || !ok;
		plain[n++] = ok ? *p : '_';
	}
	plain[n] = '\0';
	if (changed || !*part->name || strcasecmp(plain, "summary") == 0)
		(void)snprintf(part->file, sizeof(part->file), "%s-%zu.csv", plain, number);
	else
		(void)snprintf(part->file, sizeof(part->file), "%s.csv", plain);
}

static int put_file(void *ctx, const void *data, size_t len)
{
	return fwrite(data, 1, len, ctx) == len ? 0 : -EIO;
}

static FILE *open_file(const char *folder, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return fopen(path, "w");
}

static int write_part(const struct weir_edges *edges, const char *folder, struct part *part, enum weir_edge_column src,
		      enum weir_edge_column dst, size_t *chosen)
{
	struct weir_output_options options = {.format = WEIR_FORMAT_CSV, .put = put_file};
	FILE *file = open_file(folder, part->file);
	int rc;

	if (!file)
		return -errno;
	for (size_t i = 0; i < edges->count; i++) {
		bool from = strcmp(weir_edges_text(edges, i, src), part->name) == 0;
		bool to = strcmp(weir_edges_text(edges, i, dst), part->name) == 0;
		uint64_t bytes = weir_edges_number(edges, i, WEIR_EDGE_BYTES);
		uint64_t hits = weir_edges_number(edges, i, WEIR_EDGE_HITS);

		if (!from && !to)
			continue;
		chosen[part->edges++] = i;
		part->hits += hits;
		part->bytes_from += from ? bytes : 0;
		part->bytes_to += to ? bytes : 0;
		part->denied += strcmp(weir_edges_text(edges, i, WEIR_EDGE_ACTION), "deny") == 0 ? hits : 0;
	}
	options.ctx = file;
	rc = write_edges(edges, &options, chosen, part->edges);
	if (fclose(file) && !rc)
		rc = -EIO;
	return rc;
}

static const struct weir_output_column SUMMARY[] = {
	{.name = "name", .kind = WEIR_KIND_TEXT},	  {.name = "file", .kind = WEIR_KIND_TEXT},
	{.name = "edges", .kind = WEIR_KIND_COUNT},	  {.name = "hits", .kind = WEIR_KIND_COUNT},
	{.name = "bytes_opened", .kind = WEIR_KIND_BYTES}, {.name = "bytes_served", .kind = WEIR_KIND_BYTES},
	{.name = "denied_hits", .kind = WEIR_KIND_COUNT},
};
#define SUMMARY_COLUMNS (sizeof(SUMMARY) / sizeof(SUMMARY[0]))

static int write_summary(const struct weir_output_options *options, const struct part *parts, size_t count)
{
	struct weir_output *output = NULL;
	int rc = weir_output_new(options, SUMMARY, SUMMARY_COLUMNS, &output);

	for (size_t i = 0; i < count && !rc; i++) {
		const uint64_t numbers[] = {parts[i].edges, parts[i].hits, parts[i].bytes_from, parts[i].bytes_to, parts[i].denied};
		struct weir_cell cells[SUMMARY_COLUMNS] = {{.text = parts[i].name, .len = strlen(parts[i].name)},
							   {.text = parts[i].file, .len = strlen(parts[i].file)}};
		char text[5][24];

		for (unsigned k = 0; k < 5; k++)
			cells[k + 2] = (struct weir_cell){.text = text[k],
							  .len = (size_t)snprintf(text[k], sizeof(text[k]), "%" PRIu64, numbers[k])};
		rc = weir_output_row(output, cells);
	}
	if (!rc)
		rc = weir_output_end(output);
	weir_output_free(output);
	return rc;
}

static int write_parts(const struct weir_edges *edges, const struct weir_matrix_values *values)
{
	bool zones = strcmp(values->by, "zone") == 0;
	enum weir_edge_column src = zones ? WEIR_EDGE_SRC_ZONE : WEIR_EDGE_SRC_SUBNET;
	enum weir_edge_column dst = zones ? WEIR_EDGE_DST_ZONE : WEIR_EDGE_DST_SUBNET;
	struct weir_output_options shown = weir_query_output((enum weir_format)weir_format_find(values->common.format));
	struct weir_output_options kept = {.format = WEIR_FORMAT_CSV, .put = put_file};
	const char **name = calloc(edges->count * 2 + 1, sizeof(*name));
	struct part *part = calloc(edges->count * 2 + 1, sizeof(*part));
	size_t *chosen = calloc(edges->count + 1, sizeof(*chosen));
	size_t parts = 0;
	int rc = name && part && chosen ? 0 : -ENOMEM;

	for (size_t i = 0; i < edges->count && !rc; i++) {
		name[2 * i] = weir_edges_text(edges, i, src);
		name[2 * i + 1] = weir_edges_text(edges, i, dst);
	}
	if (!rc)
		qsort(name, edges->count * 2, sizeof(*name), compare_names);
	for (size_t i = 0; i < edges->count * 2 && !rc; i++) {
		if (i && strcmp(name[i], name[i - 1]) == 0)
			continue;
		part[parts].name = name[i];
		name_file(&part[parts], parts);
		rc = write_part(edges, values->folder, &part[parts], src, dst, chosen);
		parts++;
	}
	if (!rc) {
		FILE *file = open_file(values->folder, "summary.csv");

		kept.ctx = file;
		rc = file ? write_summary(&kept, part, parts) : -errno;
		if (file && fclose(file) && !rc)
			rc = -EIO;
	}
	if (!rc)
		rc = write_summary(&shown, part, parts);
	free(chosen);
	free(part);
	free(name);
	return rc;
}

static int split(struct weir_client *client, const struct weir_matrix_values *values, struct weir_matrix *matrix)
{
	struct weir_error err = {0};
	struct weir_edges edges;
	int status;
	int rc;

	matrix->grain = WEIR_GRAIN_SUBNET;
	weir_edges_init(&edges);
	status = weir_matrix_load(client, &values->common, matrix, &edges);
	if (!status && !values->common.explain) {
		rc = mkdir(values->folder, 0777) && errno != EEXIST ? -errno : write_parts(&edges, values);
		if (rc) {
			(void)weir_error_set(&err, rc, values->folder, NULL, "cannot be written: %s", strerror(-rc));
			status = weir_fail(WEIR_EXIT_FAILED, &err);
		}
	}
	weir_edges_done(&edges);
	return status;
}

/* --- the command ------------------------------------------------------------------------------------------ */

enum verb { LIST, DIFF, APPROVE, SPLIT };

static const char *const VERBS[] = {[DIFF] = "diff", [APPROVE] = "approve", [SPLIT] = "split"};

static enum verb find_verb(const char *word)
{
	for (unsigned i = DIFF; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
		if (strcmp(VERBS[i], word) == 0)
			return i;
	}
	return LIST;
}

static int run_verb(const struct weir_command *self, enum verb verb, const struct weir_matrix_values *values, struct weir_matrix *matrix)
{
	struct weir_client *client = NULL;
	int status = 0;

	if (verb != LIST && strcmp(values->by, "address") == 0)
		return weir_usage(self, "%s takes zones or subnets, and not addresses", VERBS[verb]);
	if (verb != LIST && weir_format_find(values->common.format) < 0)
		return weir_usage(self, "%s has no graph: table, csv, json or ndjson", VERBS[verb]);
	if (!values->common.explain)
		status = weir_query_connect(&values->common, &client);
	if (!status && verb == APPROVE)
		status = approve(client, values, matrix);
	else if (!status && verb == SPLIT)
		status = split(client, values, matrix);
	else if (!status)
		status = list(client, values, matrix);
	weir_client_free(client);
	return status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct weir_matrix_values values = {.common.format = "table", .comment = "", .folder = "matrix", .factor = "2"};
	struct weir_filter *filter = NULL;
	struct weir_matrix matrix = {0};
	enum verb verb;
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	verb = operands ? find_verb(argv[1]) : LIST;
	if (!values.by)
		values.by = verb == SPLIT ? "zone" : "subnet";
	if (verb == DIFF)
		return operands == 3 ? weir_matrix_diff(self, &values, argv + 2)
				     : weir_usage(self, "diff takes two periods or files, as: diff yesterday today");
	matrix.grain = weir_matrix_grain(values.by);
	status = weir_query_window(&values.common, &matrix.window);
	if (!status)
		status = weir_query_filter(operands - (verb != LIST), argv + (verb != LIST), &filter);
	if (status)
		return status;
	matrix.filter = filter;
	status = run_verb(self, verb, &values, &matrix);
	weir_filter_free(filter);
	return status;
}

const struct weir_command weir_command_matrix = {
	.name = "matrix",
	.arguments = "[OPTION]… [FILTER | diff A B | approve [FILTER] | split [FILTER]]",
	.summary = "the flow matrix: who talks to whom, over what, how much, since when, and whether that is allowed",
	.text = "Lists edges: sums of the flows between two networks over a service, from the side that opened the conversation (src) to the "
		"one that serves (dst, dst_port), in both directions, with the rule that judged them. bytes and packets are scaled by the sampling "
		"rate. The sums are kept per hour and day while flows are loaded, and equal those of the flows.\n\n"
		"The filter is that of `weir flows` over the matrix's columns: zones, subnets, direction, protocol, dst port, service, category, "
		"rule, action; with --by address the addresses, too.\n\n"
		"diff shows which edges are new, gone or changed from A to B. Each is a file that --format csv wrote, or a period: FROM/TO, a day "
		"(yesterday, 2026-01-31), or how far back (7d).\n\n"
		"approve takes the edges of the window into the baseline. From then on an edge outside of it is an event of the rule matrix/new-edge "
		"as soon as its flows are stored. With --by zone any subnets of the two zones are approved.\n\n"
		"split writes a CSV file for each zone (or with --by subnet each subnet) and a summary, for work on one segment at a time.",
	.options = OPTIONS,
	.examples = "weir matrix --by zone --last 30d\twhich zones talk\n"
		    "weir matrix -f csv service dns and not dst zone servers\tname resolution that goes elsewhere\n"
		    "weir matrix diff yesterday today\twhat is new\n"
		    "weir matrix approve --last 30d -m 'reviewed'\tkeep what is there as the baseline\n"
		    "weir matrix split --by zone -o review --last 30d\ta file a zone\n"
		    "weir matrix -f dot --by zone | dot -Tsvg >matrix.svg\ta picture",
	.run = run,
};
