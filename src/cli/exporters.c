/* What is wrong with an exporter, and how to mend it, is a table of rules: each looks at one account. */
#include "cli/exporters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "flow/text.h"

#define SILENT_MS      (INT64_C(15) * 60 * 1000)
#define SKEW_MS	       5000
#define LOSS_PART      200 /* one in so many is worth a word */
#define NOTE_MAX       512
#define SPAN_MAX       32

struct look {
	const struct weir_exporter_report *report;
	const struct weir_decoder_stats *stats;
	int64_t now_ms;
	char text[NOTE_MAX]; /* the note */
};

/* "12 s", "5 m", "3 h", "4 d". */
static const char *span_text(int64_t ms, char ret_text[SPAN_MAX])
{
	static const struct {
		int64_t ms;
		const char *name;
	} UNITS[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
	uint64_t whole = ms < 0 ? (uint64_t)-ms : (uint64_t)ms;

	(void)snprintf(ret_text, SPAN_MAX, "0 s");
	for (unsigned i = 0; i < sizeof(UNITS) / sizeof(*UNITS); i++) {
		if (whole < (uint64_t)UNITS[i].ms * (UNITS[i].ms > 1000 ? 2 : 1))
			continue;
		(void)snprintf(ret_text, SPAN_MAX, "%" PRIu64 " %s", whole / (uint64_t)UNITS[i].ms, UNITS[i].name);
		break;
	}
	return ret_text;
}

/* --- rules ------------------------------------------------------------------------------------------------ */

static bool is_garbage(struct look *l)
{
	if (!weir_report_is_others(l->report) || !l->stats->fault[WEIR_FAULT_VERSION_UNKNOWN])
		return false;
	(void)snprintf(l->text, NOTE_MAX,
		       "%" PRIu64 " datagrams were no flow export; see who sends them: tcpdump on the ports of collect.listen",
		       l->stats->fault[WEIR_FAULT_VERSION_UNKNOWN]);
	return true;
}

static bool is_over_ceiling(struct look *l)
{
	if (!l->stats->fault[WEIR_FAULT_EXPORTERS_LIMIT])
		return false;
	(void)snprintf(l->text, NOTE_MAX, "messages of more exporters than collect.exporters_max were dropped; raise it");
	return true;
}

static bool is_silent(struct look *l)
{
	char span[SPAN_MAX];

	if (weir_report_is_others(l->report) || l->now_ms - l->report->account.last_ms < SILENT_MS)
		return false;
	(void)snprintf(l->text, NOTE_MAX, "nothing has come for %s; see whether it still exports, and to this address",
		       span_text(l->now_ms - l->report->account.last_ms, span));
	return true;
}

/* Two that share address and domain, or one that keeps starting anew. */
static bool is_two(struct look *l)
{
	const struct weir_account *a = &l->report->account;

	if (a->restarts < 4 || a->restarts * 20 < l->stats->messages || weir_report_is_others(l->report))
		return false;
	if (a->port_changes >= a->restarts)
		(void)snprintf(l->text, NOTE_MAX,
			       "%" PRIu64 " times its sequence numbers jumped as the port changed: two exporters seem to share this "
			       "address and domain; give each an address or a domain (source id) of its own",
			       a->restarts);
	else
		(void)snprintf(l->text, NOTE_MAX,
			       "its sequence numbers began anew %" PRIu64 " times: it restarts often, or two exporters share this address "
			       "and domain",
			       a->restarts);
	return true;
}

static bool is_losing(struct look *l)
{
	const struct weir_decoder_stats *s = l->stats;
	bool by_message = l->report->flow_type == WEIR_FLOW_NETFLOW9 || l->report->flow_type == WEIR_FLOW_SFLOW5;
	uint64_t came = by_message ? s->messages : s->flows + s->option_records;

	if (!s->lost_messages || s->lost_messages < (came + s->lost_messages) / LOSS_PART)
		return false;
	(void)snprintf(l->text, NOTE_MAX,
		       "%.1f %% of its %s were lost before they came here; where `weir status` shows drops by the kernel, raise "
		       "collect.receive_buffer, otherwise look at the way here",
		       100.0 * (double)s->lost_messages / (double)(came + s->lost_messages), by_message ? "messages" : "records");
	return true;
}

static bool is_waiting(struct look *l)
{
	if (!l->report->waiting_bytes && !l->stats->fault[WEIR_FAULT_TEMPLATE_MISSING])
		return false;
	(void)snprintf(l->text, NOTE_MAX,
		       "%s; let it send its templates more often (every minute): its \"template refresh\" or \"timeout\" setting",
		       l->report->waiting_bytes ? "data waits for a template that has not come yet"
						: "data was given up because its template did not come in time");
	return true;
}

static bool is_skewed(struct look *l)
{
	const struct weir_account *a = &l->report->account;
	char span[SPAN_MAX];

	if (!a->skew_known || (a->skew_ms < SKEW_MS && a->skew_ms > -SKEW_MS))
		return false;
	(void)snprintf(l->text, NOTE_MAX, "its clock is %s %s, and so are the times of its flows; let it use NTP",
		       span_text(a->skew_ms, span), a->skew_ms > 0 ? "ahead" : "behind");
	return true;
}

static bool has_too_many_templates(struct look *l)
{
	if (!l->stats->fault[WEIR_FAULT_TEMPLATES_LIMIT])
		return false;
	(void)snprintf(l->text, NOTE_MAX, "more templates than collect.templates_max were refused; raise it");
	return true;
}

static bool (*const RULES[])(struct look *l) = {
	is_garbage, is_over_ceiling, is_silent, is_two, is_losing, is_waiting, is_skewed, has_too_many_templates,
};

/* Faults that no rule speaks of are told by their own text. */
static bool is_told(enum weir_fault fault)
{
	return fault == WEIR_FAULT_VERSION_UNKNOWN || fault == WEIR_FAULT_EXPORTERS_LIMIT ||
	       fault == WEIR_FAULT_TEMPLATE_MISSING || fault == WEIR_FAULT_TEMPLATES_LIMIT;
}

/* Call back for each note; returns how many there were, or a negative error. */
static int each_note(const struct weir_exporter_report *r, int64_t now_ms, int (*each)(void *ctx, const char *text), void *ctx)
{
	struct look l = {.report = r, .stats = &r->account.stats, .now_ms = now_ms};
	int notes = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(RULES) / sizeof(RULES[0]); i++) {
		if (!RULES[i](&l))
			continue;
		notes++;
		rc = each(ctx, l.text);
	}
	for (unsigned i = 0; !rc && i < WEIR_FAULTS; i++) {
		if (!l.stats->fault[i] || is_told((enum weir_fault)i))
			continue;
		notes++;
		(void)snprintf(l.text, NOTE_MAX, "fault %s, %" PRIu64 " times: %s", weir_faults[i].name, l.stats->fault[i],
			       weir_faults[i].text);
		rc = each(ctx, l.text);
	}
	return rc < 0 ? rc : notes;
}

/* --- table ------------------------------------------------------------------------------------------------ */

#define ROW "%-30s%-11s%11s%10s%8s%8s%10s%9s%10s%11s%8s\n"

static const char *number(uint64_t value, char ret_text[WEIR_HUMAN_MAX])
{
	(void)weir_human_text(value, ret_text);
	return ret_text;
}

static uint64_t sum_faults(const struct weir_decoder_stats *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		sum += s->fault[i];
	return sum;
}

static int table_row(const struct weir_exporter_report *r, int64_t now_ms, struct weir_buffer *out)
{
	const struct weir_account *a = &r->account;
	bool others = weir_report_is_others(r);
	char addr[WEIR_ADDR_TEXT_MAX] = "(others)";
	char domain[16] = "";
	char rate[32] = "";
	char sampling[16] = "";
	char skew[SPAN_MAX + 2] = "";
	char span[SPAN_MAX];
	char text[5][WEIR_HUMAN_MAX];

	if (!others) {
		weir_addr_text(&r->addr, addr);
		(void)snprintf(domain, sizeof(domain), "%" PRIu32, r->domain);
	}
	if (a->flows_per_s >= 0)
		(void)snprintf(rate, sizeof(rate), "%.*f", a->flows_per_s < 100 ? 1 : 0, a->flows_per_s);
	if (a->sampling_rate)
		(void)snprintf(sampling, sizeof(sampling), "1:%" PRIu32, a->sampling_rate);
	if (a->skew_known)
		(void)snprintf(skew, sizeof(skew), "%s%s", a->skew_ms <= -1000 ? "-" : a->skew_ms >= 1000 ? "+" : "",
			       span_text(a->skew_ms, span));
	return weir_buffer_printf(out, ROW, addr, others ? "" : weir_flow_type_name(r->flow_type), domain,
				  number(a->stats.flows, text[0]), rate, number(a->stats.lost_messages, text[1]),
				  number(r->templates, text[2]), sampling, skew, span_text(now_ms - a->last_ms, span),
				  number(sum_faults(&a->stats), text[4]));
}

struct notes {
	struct weir_buffer *out;
	const struct weir_exporter_report *report;
	const char *comma;
};

static int table_note(void *ctx, const char *text)
{
	struct notes *n = ctx;
	char addr[WEIR_ADDR_TEXT_MAX] = "others";

	if (weir_report_is_others(n->report))
		return weir_buffer_printf(n->out, "problem: %s: %s\n", addr, text);
	weir_addr_text(&n->report->addr, addr);
	return weir_buffer_printf(n->out, "problem: %s, domain %" PRIu32 ": %s\n", addr, n->report->domain, text);
}

static bool is_shown(const struct weir_exporter_report *r)
{
	return !weir_report_is_others(r) || r->account.stats.messages;
}

static int print_table(const struct weir_reports *reports, int64_t now_ms, struct weir_buffer *out)
{
	int problems = 0;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < reports->count; i++) {
		struct notes notes = {.out = out, .report = &reports->report[i]};

		rc = each_note(&reports->report[i], now_ms, table_note, &notes);
		problems += rc > 0 ? rc : 0;
	}
	if (rc >= 0)
		rc = weir_buffer_printf(out, "%s" ROW, problems ? "\n" : "all is well\n\n", "exporter", "protocol", "domain",
					"flows", "per s", "lost", "templates", "sampling", "clock", "last seen", "faults");
	for (size_t i = 0; !rc && i < reports->count; i++) {
		if (is_shown(&reports->report[i]))
			rc = table_row(&reports->report[i], now_ms, out);
	}
	return rc ? rc : problems > 0;
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

static int json_note(void *ctx, const char *text)
{
	struct notes *n = ctx;
	int rc = weir_buffer_text(n->out, n->comma);

	n->comma = ", ";
	return rc ? rc : weir_text_json_string(text, strlen(text), n->out);
}

static int print_json(const struct weir_reports *reports, int64_t now_ms, struct weir_buffer *out)
{
	const char *comma = "\n ";
	int problems = 0;
	int rc = weir_buffer_text(out, "{\"exporters\": [");

	for (size_t i = 0; rc >= 0 && i < reports->count; i++) {
		struct notes notes = {.out = out, .report = &reports->report[i], .comma = ""};

		if (!is_shown(&reports->report[i]))
			continue;
		rc = weir_buffer_printf(out, "%s{", comma);
		if (!rc)
			rc = weir_report_json(&reports->report[i], out);
		if (!rc)
			rc = weir_buffer_text(out, ", \"problems\": [");
		if (!rc)
			rc = each_note(&reports->report[i], now_ms, json_note, &notes);
		problems += rc > 0 ? rc : 0;
		if (rc >= 0)
			rc = weir_buffer_text(out, "]}");
		comma = ",\n ";
	}
	if (rc >= 0)
		rc = weir_buffer_text(out, "\n]}\n");
	return rc ? rc : problems > 0;
}

/* --- all -------------------------------------------------------------------------------------------------- */

/* Those with most flows first, the others last. */
static int compare(const void *a, const void *b)
{
	const struct weir_exporter_report *one = a;
	const struct weir_exporter_report *other = b;
	bool others = weir_report_is_others(one);

	if (others != weir_report_is_others(other))
		return others ? 1 : -1;
	if (one->account.stats.flows != other->account.stats.flows)
		return one->account.stats.flows > other->account.stats.flows ? -1 : 1;
	return memcmp(&one->addr, &other->addr, sizeof(one->addr));
}

int weir_exporters_print(const char *data_dir, bool json, struct weir_buffer *out, struct weir_error *err)
{
	int64_t now_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	struct weir_reports reports = {0};
	char path[1100];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/run/" WEIR_EXPORTERS_FILE, data_dir);
	rc = weir_reports_read(path, &reports, err);
	if (rc == -ENOENT)
		return weir_error_set(err, rc, data_dir, "start it with `weir run`, or name another data folder with --data",
				      "no collector has run with this data folder");
	if (rc)
		return rc;
	if (reports.count)
		qsort(reports.report, reports.count, sizeof(*reports.report), compare);
	rc = json ? print_json(&reports, now_ms, out) : print_table(&reports, now_ms, out);
	weir_reports_done(&reports);
	return rc < 0 ? weir_error_set(err, rc, NULL, NULL, "out of memory") : rc;
}
