/* `weir reference`: the tables that the program works by, as Markdown. The documents of doc/ are its output, and
 * the tests doc_… of CMakeLists.txt hold them to it. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "cli/command.h"
#include "cli/exporters_table.h"
#include "config/config.h"
#include "flow/column.h"
#include "notify/target.h"
#include "wire/element.h"
#include "wire/fault.h"

/* --- columns ---------------------------------------------------------------------------------------------- */

/* Names parted by blanks, each as code. */
static void put_names(const char *names)
{
	while (*names) {
		size_t n = strcspn(names, " ");

		printf("`%.*s`", (int)n, names);
		names += n + strspn(names + n, " ");
		if (*names)
			fputs(", ", stdout);
	}
}

static void print_columns(void)
{
	fputs("# Columns of a flow\n\n"
	      "<!-- Made from src/flow/columns.inc: `weir reference columns >doc/columns.md` -->\n\n"
	      "Every flow has these columns: in the table `flows` of the store, in `weir decode`, in filters and in queries. "
	      "What the exporter did not send is left out of JSON, empty in CSV, and the type's default (0, the empty string, "
	      "`::`) in the store.\n\n"
	      "Elements are the information elements (IPFIX, NetFlow v9) that feed a column; where a record has several of "
	      "them, the first one listed. NetFlow v1, v5, v7 and sFlow fill the columns that their records have. An element "
	      "that feeds no column is kept in `extra` by its name, or as `PEN:ID` when it has none that weir knows. ECS is "
	      "the field of the Elastic Common Schema.\n\n"
	      "| Column | Type | Unit | Meaning | Elements | ECS |\n|---|---|---|---|---|---|\n",
	      stdout);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		const struct weir_column *c = &weir_columns[i];

		printf("| `%s` | %s | %s | %s | ", c->name,
		       c->type == WEIR_TYPE_FLOW_TYPE ? "Enum8" : weir_types[c->type].sql, c->unit, c->help);
		put_names(c->elements);
		fputs(" | ", stdout);
		put_names(c->ecs);
		fputs(" |\n", stdout);
	}
	fputs("| `extra` | Map(String, String) | | Elements without a column, by name | all others | |\n", stdout);
}

/* --- faults ----------------------------------------------------------------------------------------------- */

static const char *const VERDICTS[] = {
	[WEIR_VERDICT_SKIP_FIELD] = "the field, or what was in excess",
	[WEIR_VERDICT_DROP_RECORD] = "the record or template",
	[WEIR_VERDICT_DROP_SET] = "the rest of the set",
	[WEIR_VERDICT_DROP_MESSAGE] = "the rest of the message",
	[WEIR_VERDICT_CLOSE_SESSION] = "the session",
};

static void print_faults(void)
{
	fputs("# Faults of export messages\n\n"
	      "<!-- Made from src/wire/faults.inc: `weir reference faults >doc/faults.md` -->\n\n"
	      "Every way in which a message can be wrong has a name. Each is counted by exporter; the summary of `weir decode` "
	      "lists them, and the metrics have them as a label. What is given up because of a fault is the least that the "
	      "protocol allows: all before it, and all that can still be found after it, is kept. A TCP or TLS "
	      "session ends with a message whose lengths make no sense: `message_short`, `set_short`, `set_overrun`, "
	      "`template_short`, `record_short`.\n\n"
	      "| Fault | Meaning | Given up |\n|---|---|---|\n",
	      stdout);
	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		printf("| `%s` | %s | %s |\n", weir_faults[i].name, weir_faults[i].text, VERDICTS[weir_faults[i].verdict]);
}

/* --- elements --------------------------------------------------------------------------------------------- */

static const char *const TYPES[WEIR_ELEMENT_TYPES] = {
#define X(id, name) [WEIR_ELEMENT_##id] = #name,
	WEIR_ELEMENT_TYPE_LIST(X)
#undef X
};

static void print_elements(void)
{
	fputs("# Information elements\n\n"
	      "The elements of IPFIX and NetFlow v9 that weir knows, by enterprise (PEN, 0 is IANA) and number, and the column "
	      "that each feeds. Those without a column are in `extra` by their name.\n\n"
	      "| PEN | ID | Name | Type | Semantic | Unit | Column |\n|---|---|---|---|---|---|---|\n",
	      stdout);
	for (unsigned i = 0; i < weir_elements_count; i++) {
		const struct weir_element *e = &weir_elements[i];

		printf("| %u | %u | `%s` | %s | %s | %s | ", e->pen, e->id, e->name, TYPES[e->type], e->semantic, e->unit);
		put_names(e->column < WEIR_COLUMNS ? weir_columns[e->column].name : "");
		fputs(" |\n", stdout);
	}
}

/* --- exporters -------------------------------------------------------------------------------------------- */

#define EXPORTER_FIELDS 6
#define EXPORTER_TESTS	4

/* A row of data/exporters.tsv: fields parted by tabs. The exporter stands out, the tests are names. */
static void print_exporter(const char *line, size_t len)
{
	const char *end = line + len;

	for (unsigned i = 0; i < EXPORTER_FIELDS; i++) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		int field_len = (int)((tab ? tab : end) - line);
		char names[1024];

		if (i == 0) {
			printf("| **%.*s** |", field_len, line);
		} else if (i == EXPORTER_TESTS) {
			(void)snprintf(names, sizeof(names), "%.*s", field_len, line);
			fputc(' ', stdout);
			put_names(names);
			fputs(" |", stdout);
		} else {
			printf(" %.*s |", field_len, line);
		}
		line = tab ? tab + 1 : end;
	}
	fputc('\n', stdout);
}

static void print_exporters(void)
{
	const char *line = weir_exporters_table;
	size_t len;

	fputs("# Exporters\n\n"
	      "<!-- Made from data/exporters.tsv: `weir reference exporters >doc/exporters.md` -->\n\n"
	      "What each exporter sends, what weir makes of it, and how that is tested:\n\n"
	      "* `capture:` real devices' exports, read and compared with tshark's reading (`tests/e2e/test_captures.py`);\n"
	      "* `live:` the program runs in the tests and its sums are compared with another collector's "
	      "(`tests/e2e/test_exporters.py`);\n"
	      "* `golden:` templates of the vendor's documentation or of a public issue, and the exact outcome "
	      "(`tests/golden/exporters`), compared with tshark's reading too.\n\n"
	      "Elements without a column are in `extra` by their name; `weir reference elements` lists all that have one.\n\n"
	      "| Exporter | Protocols | Sends | What weir makes of it | Tests | Not tested |\n|---|---|---|---|---|---|\n",
	      stdout);
	line = strchr(line, '\n') + 1; /* the titles */
	for (; *line; line += len + 1) {
		len = strcspn(line, "\n");
		print_exporter(line, len);
	}
	fputs("\n## Events of firewalls and of address translation\n\n"
	      "An event is a row like any flow, with `firewall_event` or `nat_event` set. Creations, denials and translations "
	      "carry no counters: their rows have no bytes and no packets. Sums are therefore right, but a count of flows counts "
	      "events: ask for `firewall_event = 2` (ends) or `firewall_event = 3` (denials), or leave rows of no "
	      "packets out, where you count.\n\n"
	      "Cisco ASA and Firepower tell a connection's bytes twice: in updates (5), each with what came since the last one, and "
	      "in the teardown (2), which has the sum. weir remembers what the updates of a connection told, and takes it from the "
	      "teardown; so the rows' sum is the connection's, and what lost updates did not tell is in the teardown's row. "
	      "The memory is bounded (262,144 connections a worker; the fault `connections_limit`) and is saved with the templates, so "
	      "that a restart counts nothing twice; after a crash it may be a minute old, and the updates of that minute are counted "
	      "again with the teardown. Before 8.4(5) ASA had no updates, and one counter (octetTotalCount) for both directions, which "
	      "is then the `bytes` of one row. Other exporters' counters are what IANA says: deltas.\n\n"
	      "A record of what the initiator and the responder sent is two rows: in the first src is the initiator, in the second the "
	      "responder (`biflow_direction` 1 and 2), and `bytes` is what src sent. The second is left out where it sent nothing. "
	      "Where a record has octetDeltaCount or octetTotalCount besides, that can be the sum of both directions: it stays in `extra`, "
	      "and the two that belong together are taken. Elements 23 and 24 (OUT_BYTES, OUT_PKTS) are the same packets as they left the "
	      "exporter, as IANA says and FortiGate does, and stay in `extra`, but with nProbe, whose own elements tell that it is one: "
	      "there they are the other direction. Cisco Meraki means the other direction too, but nothing in its records says so.\n\n"
	      "`time_end` is the event's time, `time_start` the connection's, where both are sent.\n",
	      stdout);
}

/* --- configuration ---------------------------------------------------------------------------------------- */

static void print_config(void)
{
	struct weir_buffer text;

	weir_buffer_init(&text);
	if (weir_config_document(&text) == 0)
		(void)fwrite(text.data, 1, text.len, stdout);
	weir_buffer_done(&text);
}

/* --- the command ------------------------------------------------------------------------------------------ */

/* --- targets of events -------------------------------------------------------------------------------------- */

static void print_notify(void)
{
	const char *name, *help;
	const struct weir_notify_form *form;
	const struct weir_notify_value *value;

	fputs("# Telling of events\n\n"
	      "<!-- Made from the tables of src/notify: `weir reference notify >doc/notify.md` -->\n\n"
	      "`notify.to` in weir.yaml lists who is told of events; each is a line of a name, a URL and options. `weir run` then starts "
	      "`weir notify`, which tells each of them what it wants; `weir notify --test all` sends each a test message.\n\n"
	      "```yaml\nnotify:\n  to:\n"
	      "    - siem syslog+tls://siem.example.com:6514 ca=/etc/weir/siem.pem level=notice\n"
	      "    - chat https://chat.example.com url_file=/etc/weir/slack.url form=slack\n"
	      "    - soc smtp://mail.example.com:587 from=weir@example.com to=soc@example.com user=weir password_file=/etc/weir/mail.password "
	      "level=critical\n"
	      "    - own https://api.example.com/events token_file=/etc/weir/token template=/etc/weir/event.json rule=dns/+ntp/\n```\n\n"
	      "A target that is down delays itself only. It is tried again after 0.5 s, then with pauses that double up to a minute; what it "
	      "was not told waits in the spool, and after a day is passed over and counted. A restart loses nothing: events that go on, and some of those "
	      "that were being told just then, are told a second time. An event is told when it begins, and while it goes on again after `repeat=`, with its "
	      "sums so far; of more than `per_minute=` in a minute one message says how many were held back. A webhook that answers with 4xx "
	      "for a message will not be asked again for it (but after 401 to 405, 407, 408, 410, 425 and 429, which somebody may mend). Events that are "
	      "silenced in the list (`weir events silence`) are told all the same.\n\n"
	      "`weir status` says who cannot be told; the counters are `weir_notify_…` of `/metrics`. Secrets stand in files of their own "
	      "and in no log. The user that weir runs as has to be able to read these files.\n\n"
	      "## URLs\n\n| URL | What |\n|---|---|\n",
	      stdout);
	for (unsigned i = 0; weir_notify_scheme_at(i, &name, &help); i++)
		printf("| `%sHOST` | %s |\n", name, help);
	fputs("\n## Options\n\n| Option | Meaning |\n|---|---|\n", stdout);
	for (unsigned i = 0; weir_notify_option_at(i, &name, &help); i++)
		printf("| `%s` | %s |\n", name, help);
	fputs("\n## Forms of webhooks\n\n| `form=` | For |\n|---|---|\n", stdout);
	for (unsigned i = 0; (form = weir_notify_form_at(i)); i++)
		printf("| `%s` | %s |\n", form->name, form->help);
	fputs("\n## Values of templates\n\nIn the file of `template=`, `${name}` stands for a value, escaped for the inside of a JSON string.\n\n"
	      "| Value | Meaning |\n|---|---|\n",
	      stdout);
	for (unsigned i = 0; (value = weir_notify_value_at(i)); i++)
		printf("| `%s` | %s |\n", value->name, value->help);
	fputs("\n## Syslog\n\nThe facility is local0; the severity follows from the level: info 6, notice 5, warning 4, error 3, critical 2. "
	      "The values stand as structured data `[weir@32473 …]`, the message is the rule's. Over UDP a message is cut at 2048 bytes, over TCP and TLS "
	      "at 8192. Syslog has no answers: what a server had not yet read when it went away is lost.\n",
	      stdout);
}

static const struct {
	const char *name;
	void (*print)(void);
} TOPICS[] = {
	{"columns", print_columns},
	{"exporters", print_exporters},
	{"faults", print_faults},
	{"elements", print_elements},
	{"notify", print_notify},
	{"config", print_config},
};

static int run(const struct weir_command *self, int argc, char **argv)
{
	int operands;
	int rc = weir_options_parse(self, argc, argv, NULL, &operands);

	if (rc)
		return rc < 0 ? WEIR_EXIT_OK : rc;
	if (operands != 1)
		return weir_usage(self, "name one topic: %s", self->arguments);
	for (size_t i = 0; i < sizeof(TOPICS) / sizeof(TOPICS[0]); i++) {
		if (strcmp(argv[1], TOPICS[i].name) == 0) {
			TOPICS[i].print();
			return WEIR_EXIT_OK;
		}
	}
	return weir_usage(self, "\"%s\" is none of %s", argv[1], self->arguments);
}

const struct weir_command weir_command_reference = {
	.name = "reference",
	.arguments = "columns|exporters|faults|elements|notify|config",
	.summary = "print what weir knows: columns, exporters, faults, information elements, targets of events, options",
	.text = "Prints the tables that the program itself works by, as Markdown: the columns of a flow with the elements that "
		"feed them, what is known of exporters, the faults of export messages, the information elements of IANA and of vendors, the targets that events can be told to, or the options of "
		"weir.yaml.",
	.examples = "weir reference columns\tnames for filters, queries and NDJSON\n"
		    "weir reference elements | grep -i vlan\twhich elements are about VLANs",
	.run = run,
};
