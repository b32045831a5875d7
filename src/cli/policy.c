/* `weir policy`: rules looked over, explained, and tried on flows before they are installed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/enrichment.h"
#include "cli/query.h"
#include "cli/rows.h"
#include "policy/message.h"
#include "policy/packs.h"
#include "query/report.h"
#include "query/report_text.h"

struct values {
	struct weir_query_values common;
};

static const struct weir_option OPTIONS[] = {
	WEIR_QUERY_WINDOW_OPTIONS,
	{.name = "format", .letter = 'f', .type = WEIR_OPTION_CHOICE, .argument = "table|csv|json|ndjson",
	 .offset = offsetof(struct weir_query_values, format), .help = "of test: how to write what changes (default table)"},
	WEIR_QUERY_STORE_OPTIONS,
	{.name = NULL},
};

/* --- words ------------------------------------------------------------------------------------------------ */

static int packs(void)
{
	for (const struct weir_embedded_text *p = weir_policy_packs; p->name; p++) {
		struct weir_rule_file *file = NULL;
		struct weir_error err = {0};

		if (weir_rule_file_read(p->name, p->text, strlen(p->text), &file, &err))
			return weir_fail(WEIR_EXIT_FAILED, &err);
		printf("%s%s: %s\n", p == weir_policy_packs ? "" : "\n", file->pack, file->title);
		for (uint32_t i = 0; i < file->needs; i++)
			printf("  needs a network with the role %s\n", file->need[i]);
		for (uint32_t i = 0; i < file->rules; i++)
			printf("  %-5s  %s\n", weir_policy_action_names[file->rule[i].action], file->rule[i].name);
		weir_rule_file_free(file);
	}
	return WEIR_EXIT_OK;
}

static int show(const struct weir_command *self, const char *name)
{
	const char *text = weir_embedded_find(weir_policy_packs, name);

	if (!text)
		return weir_usage(self, "there is no pack \"%s\"; `weir policy packs` lists them", name);
	(void)fputs(text, stdout);
	return WEIR_EXIT_OK;
}

static int example(void)
{
	(void)fputs("# Rules of your own (policy.file in weir.yaml). The first rule that matches judges a flow; those of the packs come behind them.\n"
		    "# from and to are places: any, internal, external, zone NAME, role NAME, set NAME, country CC, threat [LIST], or a network.\n"
		    "# over is services: service NAME, category NAME, tcp/22, udp/5000-5100, port 53, tcp, gre, proto 89.\n"
		    "# Several stand in a list or behind commas; \"not\" before the first turns the whole list round.\n"
		    "sets:\n"
		    "  partners: [198.51.100.0/24, \"2001:db8:7::/48\"]\n"
		    "\n"
		    "rules:\n"
		    "  - name: partners-fetch-files\n"
		    "    from: set partners\n"
		    "    to: zone dmz\n"
		    "    over: [service ssh, tcp/443]\n"
		    "    when: mon-fri 06:00-22:00\n"
		    "    action: allow\n"
		    "\n"
		    "  - name: guests-stay-outside\n"
		    "    from: zone guests\n"
		    "    to: internal\n"
		    "    action: deny\n"
		    "    level: error            # info, notice, warning, error, critical\n"
		    "    category: segmentation\n"
		    "    message: \"{client} of the guests reaches {server} ({server_zone}) over {service}\"\n"
		    "\n"
		    "  - name: much-leaves\n"
		    "    from: zone servers\n"
		    "    to: external\n"
		    "    more_than: 5 GB within 1h\n"
		    "    action: alert\n"
		    "    subject: both           # client, server or both: whom an event is about\n"
		    "\n"
		    "# Placeholders of messages:\n",
		    stdout);
	for (unsigned i = 0; weir_placeholder_at(i); i++)
		printf("#   {%s}%*s %s\n", weir_placeholder_at(i)->name, (int)(16 - strlen(weir_placeholder_at(i)->name)), "",
		       weir_placeholder_at(i)->help);
	return WEIR_EXIT_OK;
}

/* --- check ------------------------------------------------------------------------------------------------ */

/* The configuration with this file as its policy; file NULL: its own. */
static int open_policy(const struct values *values, const char *file, struct weir_enrichment *ret_enrichment)
{
	struct weir_config config;
	struct weir_error err = {0};
	int rc = weir_config_read(weir_config_find(values->common.config), &config, &err);

	if (rc)
		return weir_fail(WEIR_EXIT_USAGE, &err);
	if (file) {
		free(config.policy_file);
		config.policy_file = strdup(file);
	}
	rc = config.policy_file ? weir_enrichment_open(&config, NULL, false, ret_enrichment, &err) : -ENOMEM;
	weir_config_done(&config);
	return rc ? weir_fail(WEIR_EXIT_FAILED, &err) : 0;
}

static int check(const struct values *values, const char *file)
{
	struct weir_enrichment enrichment;
	struct weir_guard_stats stats;
	const char *pack;
	const char *role;
	int status = open_policy(values, file, &enrichment);

	if (status)
		return status;
	weir_guard_stats(enrichment.guard, &stats);
	for (unsigned i = 0; weir_guard_left_out(enrichment.guard, i, &pack, &role); i++)
		printf("the pack %s is left out: no network has the role %s\n", pack, role);
	printf("%s: no mistakes; %" PRIu64 " rules\n", file ? file : "policy", stats.rules);
	weir_enrichment_done(&enrichment);
	return WEIR_EXIT_OK;
}

/* --- test ------------------------------------------------------------------------------------------------- */


/* What is made of the store's rows: a block that the new policy judges, and what was said before. */
struct trial {
	struct weir_guard_worker *worker;
	struct weir_vocabulary *vocabulary;
	struct weir_block *block;
	uint64_t flows[WEIR_POLICY_ACTIONS + 1][WEIR_POLICY_ACTIONS + 1]; /* before, after */
	uint64_t judged;
	struct weir_output *output;
};

static int name_in(struct trial *t, enum weir_column_id column, const struct weir_cell *cell)
{
	return weir_vocabulary_add(t->vocabulary, cell->text, cell->len, &weir_block_u32(t->block, column)[0]);
}

static uint64_t number_of(const struct weir_cell *cell)
{
	return strtoull(cell->text, NULL, 10);
}

static int address_in(struct trial *t, enum weir_column_id column, const struct weir_cell *cell)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)cell->len, cell->text);
	return weir_addr_parse(text, &weir_block_addr(t->block, column)[0]) ? -EPROTO : 0;
}

/* The columns of sql/reports/policy_test.sql, in its order. */
static const struct {
	enum weir_column_id column;
	enum { ADDRESS, NUMBER, NAME } kind;
} CELLS[] = {
	{WEIR_COL_SRC_ADDR, ADDRESS},	 {WEIR_COL_DST_ADDR, ADDRESS},	    {WEIR_COL_PROTO, NUMBER},
	{WEIR_COL_SRC_PORT, NUMBER},	 {WEIR_COL_DST_PORT, NUMBER},	    {WEIR_COL_SERVICE_PORT, NUMBER},
	{WEIR_COL_INITIATOR, NUMBER},	 {WEIR_COL_TRAFFIC_DIRECTION, NAME}, {WEIR_COL_SRC_SUBNET, NAME},
	{WEIR_COL_DST_SUBNET, NAME},	 {WEIR_COL_SRC_COUNTRY, NAME},	    {WEIR_COL_DST_COUNTRY, NAME},
	{WEIR_COL_SRC_THREAT, NAME},	 {WEIR_COL_DST_THREAT, NAME},	    {WEIR_COL_SERVICE, NAME},
	{WEIR_COL_CATEGORY, NAME},	 {WEIR_COL_SRC_ZONE, NAME},	    {WEIR_COL_DST_ZONE, NAME},
	{WEIR_COL_SRC_ROLE, NAME},	 {WEIR_COL_DST_ROLE, NAME},	    {WEIR_COL_BYTES, NUMBER},
	{WEIR_COL_PACKETS, NUMBER},
};

#define CELLS_N (sizeof(CELLS) / sizeof(CELLS[0]))

enum { CELL_TIME = CELLS_N, CELL_RULE, CELL_ACTION, CELL_FLOWS, CELL_COUNT };

static int fill_row(struct trial *t, const struct weir_cell *cells)
{
	struct weir_column_set present = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < CELLS_N; i++) {
		if (CELLS[i].kind == ADDRESS)
			rc = address_in(t, CELLS[i].column, &cells[i]);
		else if (CELLS[i].kind == NAME)
			rc = name_in(t, CELLS[i].column, &cells[i]);
		else
			weir_block_put_number(t->block, CELLS[i].column, 0, number_of(&cells[i]));
		weir_column_set_add(&present, CELLS[i].column);
	}
	if (!rc)
		weir_block_commit(t->block, 1, &present);
	return rc;
}

static unsigned action_of(const struct weir_cell *cell)
{
	for (unsigned i = 0; i < WEIR_POLICY_ACTIONS; i++) {
		if (strlen(weir_policy_action_names[i]) == cell->len && memcmp(weir_policy_action_names[i], cell->text, cell->len) == 0)
			return i;
	}
	return WEIR_POLICY_ACTIONS;
}

/* A row of what changes. */
static int tell_change(struct trial *t, const struct weir_cell *cells, struct weir_word rule, struct weir_word action)
{
	const struct weir_cell row[] = {
		cells[CELL_FLOWS],
		cells[CELL_ACTION],
		cells[CELL_RULE],
		{.text = action.text, .len = action.len},
		{.text = rule.text, .len = rule.len},
		cells[0], /* source, destination, service, service port, zones */
		cells[16],
		cells[1],
		cells[17],
		cells[14],
		cells[5],
	};

	return weir_output_row(t->output, row);
}

static const struct weir_output_column CHANGE[] = {
	{.name = "flows", .kind = WEIR_KIND_COUNT},	 {.name = "action", .kind = WEIR_KIND_TEXT},
	{.name = "rule", .kind = WEIR_KIND_TEXT},	 {.name = "new_action", .kind = WEIR_KIND_TEXT},
	{.name = "new_rule", .kind = WEIR_KIND_TEXT},	 {.name = "src_addr", .kind = WEIR_KIND_ADDR},
	{.name = "src_zone", .kind = WEIR_KIND_TEXT},	 {.name = "dst_addr", .kind = WEIR_KIND_ADDR},
	{.name = "dst_zone", .kind = WEIR_KIND_TEXT},	 {.name = "service", .kind = WEIR_KIND_TEXT},
	{.name = "service_port", .kind = WEIR_KIND_TEXT},
};

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	(void)ctx, (void)names, (void)types;
	return count == CELL_COUNT ? 0 : -EPROTO;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct trial *t = ctx;
	struct weir_word rule;
	struct weir_word action;
	unsigned before = action_of(&cells[CELL_ACTION]);
	unsigned after;
	uint64_t flows = number_of(&cells[CELL_FLOWS]);
	int rc;

	(void)count, (void)totals;
	weir_block_reset(t->block);
	t->block->vocabulary = t->vocabulary;
	rc = fill_row(t, cells);
	if (rc)
		return rc;
	weir_guard_block(t->worker, t->block, (int64_t)number_of(&cells[CELL_TIME]) * WEIR_MS_PER_S);
	rule = weir_block_name(t->block, WEIR_COL_RULE, 0);
	action = weir_block_name(t->block, WEIR_COL_ACTION, 0);
	after = action_of(&(struct weir_cell){.text = action.text, .len = action.len});
	t->flows[before][after] += flows;
	t->judged += flows;
	if (cells[CELL_RULE].len == rule.len && memcmp(cells[CELL_RULE].text, rule.text, rule.len) == 0)
		return 0;
	return tell_change(t, cells, rule, action);
}

static void print_sums(const struct trial *t)
{
	static const char *const NAMES[] = {"allow", "alert", "deny", "no rule"};

	printf("\n%" PRIu64 " flows judged\n", t->judged);
	for (unsigned before = 0; before <= WEIR_POLICY_ACTIONS; before++) {
		for (unsigned after = 0; after <= WEIR_POLICY_ACTIONS; after++) {
			if (t->flows[before][after] && before != after)
				printf("  %-7s -> %-7s %" PRIu64 "\n", NAMES[before], NAMES[after], t->flows[before][after]);
		}
	}
}

static int ask(struct trial *t, struct weir_client *client, const struct weir_window *window, struct weir_error *err)
{
	char from[24];
	char to[24];
	const struct weir_client_setting settings[] = {
		{"default_format", "TabSeparatedWithNamesAndTypes"}, {"param_from_ms", from}, {"param_to_ms", to}, {NULL, NULL}};
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = t};
	struct weir_tsv tsv = {0};
	int rc = weir_tsv_init(&tsv, &sink);

	(void)snprintf(from, sizeof(from), "%" PRId64, window->from_ms);
	(void)snprintf(to, sizeof(to), "%" PRId64, window->to_ms);
	if (!rc)
		rc = weir_client_stream(client, weir_embedded_find(weir_report_texts, "policy_test"), settings, 1, weir_tsv_feed, &tsv, err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	if (!rc)
		rc = weir_output_end(t->output);
	weir_tsv_done(&tsv);
	return rc;
}

static int try_policy(const struct values *values, struct weir_enrichment *enrichment, struct weir_client *client,
		      const struct weir_window *window)
{
	enum weir_format format = (enum weir_format)weir_format_find(values->common.format);
	struct weir_output_options options = weir_query_output(format);
	struct trial t = {.vocabulary = enrichment->vocabulary};
	struct weir_error err = {0};
	int rc = weir_guard_worker_new(enrichment->guard, 1, &t.worker);

	if (!rc)
		rc = weir_block_new(&weir_block_limits_default, &t.block);
	if (!rc)
		rc = weir_output_new(&options, CHANGE, sizeof(CHANGE) / sizeof(CHANGE[0]), &t.output);
	if (!rc)
		rc = ask(&t, client, window, &err);
	if (!rc && format == WEIR_FORMAT_TABLE)
		print_sums(&t);
	weir_output_free(t.output);
	weir_block_free(t.block);
	weir_guard_worker_free(t.worker);
	return rc ? weir_query_failed(rc, client, &err) : WEIR_EXIT_OK;
}

static int test(const struct values *values, const char *file)
{
	struct weir_enrichment enrichment;
	struct weir_client *client = NULL;
	struct weir_window window;
	int status = weir_query_window(&values->common, &window);

	if (!status)
		status = open_policy(values, file, &enrichment);
	if (status)
		return status;
	status = weir_query_connect(&values->common, &client);
	if (!status)
		status = try_policy(values, &enrichment, client, &window);
	weir_client_free(client);
	weir_enrichment_done(&enrichment);
	return status;
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct values values = {.common.format = "table"};
	int operands;
	int status = weir_options_parse(self, argc, argv, &values, &operands);
	const char *verb;
	const char *operand;

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	if (!operands || operands > 2)
		return weir_usage(self, "say what to do: check, test, packs, show or example");
	verb = argv[1];
	operand = operands == 2 ? argv[2] : NULL;
	if (strcmp(verb, "check") == 0)
		return check(&values, operand);
	if (strcmp(verb, "test") == 0)
		return test(&values, operand);
	if (strcmp(verb, "packs") == 0 && !operand)
		return packs();
	if (strcmp(verb, "show") == 0 && operand)
		return show(self, operand);
	if (strcmp(verb, "example") == 0 && !operand)
		return example();
	return weir_usage(self, "\"%s\" is none of check [FILE], test [FILE], packs, show PACK and example", verb);
}

const struct weir_command weir_command_policy = {
	.name = "policy",
	.arguments = "[OPTION]… check|test [FILE] | packs | show PACK | example",
	.summary = "rules: look them over, and try them before they are installed",
	.text = "check reads the rules of FILE, or of policy.file, and the packs of the configuration, and names the first mistake with its line, and the packs "
		"that are left out because no network has the role that they need.\n\n"
		"test judges the stored flows of a window anew by FILE and the packs, and lists what would change: how many flows, the rule and the action "
		"before and then, and who is meant. The flows keep the zones and roles that they were stored with. For a capture there is `weir decode "
		"--enrich --config FILE`, which shows the rule of each flow.\n\n"
		"packs lists the rules that weir comes with, show prints a pack with its explanation, example prints a file to begin with.",
	.options = OPTIONS,
	.examples = "weir policy example >policy.yaml\ta file to begin with\n"
		    "weir policy check policy.yaml\tis it in order?\n"
		    "weir policy test policy.yaml --last 1d\twhat it would have said of the last day",
	.run = run,
};
