/* `weir status` as a table for people and as JSON for programs. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/status.h"
#include "flow/text.h"
#include "query/human.h"

#define LABEL "  %-26s"

#define AGE_MAX 32

/* "12 s", "5 m 12 s", "3 h 05 m", "4 d 03 h". */
static const char *age_text(double seconds, char ret_text[AGE_MAX])
{
	static const struct {
		uint64_t seconds;
		const char *name;
		uint64_t below_seconds;
		const char *below;
	} UNITS[] = {{86400, "d", 3600, "h"}, {3600, "h", 60, "m"}, {60, "m", 1, "s"}};
	uint64_t whole = seconds > 0 ? (uint64_t)seconds : 0;

	(void)snprintf(ret_text, AGE_MAX, "%" PRIu64 " s", whole);
	for (unsigned i = 0; i < sizeof(UNITS) / sizeof(*UNITS); i++) {
		if (whole < UNITS[i].seconds)
			continue;
		(void)snprintf(ret_text, AGE_MAX, "%" PRIu64 " %s %02" PRIu64 " %s", whole / UNITS[i].seconds, UNITS[i].name,
			       whole % UNITS[i].seconds / UNITS[i].below_seconds, UNITS[i].below);
		break;
	}
	return ret_text;
}

static const char *unit_of(const struct weir_figure *f)
{
	return f->kind == WEIR_FIGURE_BYTES ? "B" : "";
}

static int table_figure(const struct weir_status *status, unsigned i, struct weir_buffer *out)
{
	const struct weir_figure *f = &weir_figures[i];
	char value[WEIR_HUMAN_MAX];
	char per_s[WEIR_HUMAN_MAX];
	int rc;

	if (!status->known[i] || (f->quiet && status->value[i] <= 0))
		return 0;
	weir_human_number(status->value[i], unit_of(f), value);
	rc = weir_buffer_printf(out, LABEL "%12s", f->label, value);
	if (!rc && status->per_s[i] >= 0) {
		weir_human_number(status->per_s[i], unit_of(f), per_s);
		rc = weir_buffer_printf(out, "%12s/s", per_s);
	}
	return rc ? rc : weir_buffer_text(out, "\n");
}

/* Faults that were seen, by name. */
static int table_faults(const struct weir_status *status, struct weir_buffer *out)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_COLLECT].samples;
	int rc = 0;

	for (size_t i = 0; !rc && i < samples->count; i++) {
		const struct weir_sample *s = &samples->sample[i];
		char name[64];
		char label[80];
		char value[WEIR_HUMAN_MAX];

		if (strcmp(s->name, "weir_collect_faults_total") != 0 || s->value <= 0 ||
		    !weir_sample_label(s, "fault", name, sizeof(name)))
			continue;
		(void)snprintf(label, sizeof(label), "fault %s", name);
		weir_human_number(s->value, "", value);
		rc = weir_buffer_printf(out, LABEL "%12s\n", label, value);
	}
	return rc;
}

/* "files, calls", or what there is of it and why there is no more. */
static void sandbox_text(const struct weir_status_process *p, char *ret_text, size_t size)
{
	const char *why = !p->files.active && *p->files.why ? p->files.why : p->calls.why;

	if (!p->files.known)
		ret_text[0] = '\0';
	else if (p->files.active)
		(void)snprintf(ret_text, size, p->calls.active ? "files, calls" : "files (calls: %s)", why);
	else
		(void)snprintf(ret_text, size, p->calls.active ? "calls (files: %s)" : "none: %s", why);
}

static int table_processes(const struct weir_status *status, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "\n%-10s%-10s%12s%12s%12s   %s\n", "role", "state", "for", "restarts", "process",
				    "sandbox");

	for (unsigned i = 0; !rc && i < WEIR_STATUS_ROLES; i++) {
		const struct weir_status_process *p = &status->process[i];
		char since[AGE_MAX] = "";
		char pid[16] = "";
		char sandbox[160];

		if (!p->wanted)
			continue;
		if (p->start_s > 0 && strcmp(p->state, "up") == 0)
			(void)age_text(status->now_s - p->start_s, since);
		if (p->pid)
			(void)snprintf(pid, sizeof(pid), "%d", p->pid);
		sandbox_text(p, sandbox, sizeof(sandbox));
		rc = weir_buffer_printf(out, "%-10s%-10s%12s%12.0f%12s%s%s\n", weir_status_roles[i], p->state, since, p->restarts, pid,
					*sandbox ? "   " : "", sandbox);
	}
	return rc;
}

static int table_role(const struct weir_status *status, enum weir_status_role role, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && weir_figures[i].key; i++) {
		if (weir_figures[i].role == role)
			rc = table_figure(status, i, out);
	}
	return rc;
}

static int table_spool(const struct weir_status *status, struct weir_buffer *out)
{
	const struct weir_spool_survey *w = &status->waiting;
	char rows[WEIR_HUMAN_MAX];
	char bytes[WEIR_HUMAN_MAX];
	char age[AGE_MAX];
	int rc;

	if (!status->has_spool)
		return 0;
	weir_human_number((double)w->rows, "", rows);
	weir_human_number((double)w->bytes, "B", bytes);
	rc = weir_buffer_printf(out, LABEL "%12s   %s in %" PRIu64 " segments", "flows that wait", rows, bytes, w->segments);
	if (!rc && w->oldest_ns)
		rc = weir_buffer_printf(out, ", the oldest for %s",
					age_text(status->now_s - (double)w->oldest_ns / (double)WEIR_NS_PER_S, age));
	return rc ? rc : weir_buffer_text(out, "\n");
}

static int table_store(const struct weir_status *status, struct weir_buffer *out)
{
	char text[WEIR_HUMAN_MAX];
	char age[AGE_MAX];
	int rc;

	if (!status->store_answers)
		return weir_buffer_printf(out, LABEL "%12s\n", "answers", "no");
	weir_human_number(status->store_flows, "", text);
	rc = weir_buffer_printf(out, LABEL "%12s", "flows", text);
	if (!rc && status->store_newest_s > 0)
		rc = weir_buffer_printf(out, "   the newest came %s ago", age_text(status->now_s - status->store_newest_s, age));
	if (!rc && status->store_bytes >= 0) {
		weir_human_number(status->store_bytes, "B", text);
		rc = weir_buffer_printf(out, "\n" LABEL "%12s", "on disk", text);
		if (!rc && status->store_flows >= 1)
			rc = weir_buffer_printf(out, "   %.1f bytes a flow", status->store_bytes / status->store_flows);
	}
	return rc ? rc : weir_buffer_text(out, "\n");
}

static int table_verdict(const struct weir_status *status, struct weir_buffer *out)
{
	int rc = 0;

	if (!status->problems)
		return weir_buffer_printf(out, "all is well%s%s\n", *status->hint ? "\n" : "", status->hint);
	for (unsigned i = 0; !rc && i < status->problems; i++)
		rc = weir_buffer_printf(out, "problem: %s\n", status->problem[i]);
	return rc;
}

static int table_probe(const struct weir_status *status, struct weir_buffer *out)
{
	const struct weir_config_list *interfaces = &status->config->probe_interfaces;
	int rc;

	if (!status->process[WEIR_STATUS_PROBE].wanted || !status->process[WEIR_STATUS_PROBE].samples.count)
		return 0;
	rc = weir_buffer_text(out, "\nprobe");
	for (unsigned i = 0; !rc && i < interfaces->count; i++)
		rc = weir_buffer_printf(out, " %s", interfaces->item[i]);
	if (!rc)
		rc = weir_buffer_text(out, "\n");
	return rc ? rc : table_role(status, WEIR_STATUS_PROBE, out);
}

/* The targets of notify, by the samples that are there once for each. */
static int each_target(const struct weir_status *status, int (*put)(const char *name, bool up, double sent, bool first, struct weir_buffer *out),
		       struct weir_buffer *out)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_NOTIFY].samples;
	bool first = true;
	int rc = 0;

	for (size_t i = 0; !rc && i < samples->count; i++) {
		const struct weir_sample *s = &samples->sample[i];
		char name[64], label[80];
		double sent = 0;

		if (strcmp(s->name, "weir_notify_up") != 0 || !weir_sample_label(s, "target", name, sizeof(name)))
			continue;
		(void)snprintf(label, sizeof(label), "target=\"%s\"", name);
		(void)weir_samples_get(samples, "weir_notify_sent_total", label, &sent);
		rc = put(name, s->value > 0, sent, first, out);
		first = false;
	}
	return rc;
}

static int table_target(const char *name, bool up, double sent, bool first, struct weir_buffer *out)
{
	(void)first;
	return weir_buffer_printf(out, LABEL "%12.0f   %s\n", name, sent, up ? "events told" : "events told; cannot be told now");
}

static int table_notify(const struct weir_status *status, struct weir_buffer *out)
{
	int rc;

	if (!status->process[WEIR_STATUS_NOTIFY].wanted || !status->process[WEIR_STATUS_NOTIFY].samples.count)
		return 0;
	rc = weir_buffer_text(out, "\nnotify\n");
	return rc ? rc : each_target(status, table_target, out);
}

int weir_status_print_table(const struct weir_status *status, struct weir_buffer *out)
{
	char disk[WEIR_HUMAN_MAX];
	int rc = table_verdict(status, out);

	if (!rc)
		rc = table_processes(status, out);
	if (!rc && status->process[WEIR_STATUS_COLLECT].samples.count)
		rc = weir_buffer_text(out, "\ncollect\n");
	if (!rc)
		rc = table_role(status, WEIR_STATUS_COLLECT, out);
	if (!rc)
		rc = table_faults(status, out);
	if (!rc)
		rc = table_probe(status, out);
	if (!rc && status->process[WEIR_STATUS_REPLICATE].wanted && status->process[WEIR_STATUS_REPLICATE].samples.count)
		rc = weir_buffer_text(out, "\nreplicate\n");
	if (!rc && status->process[WEIR_STATUS_REPLICATE].wanted)
		rc = table_role(status, WEIR_STATUS_REPLICATE, out);
	if (!rc && status->process[WEIR_STATUS_SNMP].wanted && status->process[WEIR_STATUS_SNMP].samples.count)
		rc = weir_buffer_text(out, "\nsnmp\n");
	if (!rc && status->process[WEIR_STATUS_SNMP].wanted)
		rc = table_role(status, WEIR_STATUS_SNMP, out);
	if (!rc)
		rc = table_notify(status, out);
	if (!rc && status->has_spool)
		rc = weir_buffer_text(out, "\nspool\n");
	if (!rc)
		rc = table_spool(status, out);
	if (!rc)
		rc = table_role(status, WEIR_STATUS_SINK, out);
	if (!rc)
		rc = weir_buffer_printf(out, "\nstore %s\n", status->store_url);
	if (!rc)
		rc = table_store(status, out);
	if (!rc)
		rc = table_role(status, WEIR_STATUS_STORE, out);
	if (!rc && status->disk_bytes > 0) {
		weir_human_number(status->disk_free_bytes, "B", disk);
		rc = weir_buffer_printf(out, "\ndata %s\n" LABEL "%12s\n", status->data_dir, "free on its disk", disk);
	}
	return rc;
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

static int json_text(const char *before, const char *text, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, before);

	return rc ? rc : weir_text_json_string(text, strlen(text), out);
}

static int json_sandbox(const char *name, const struct weir_status_sandbox *part, struct weir_buffer *out)
{
	int rc;

	if (!part->known)
		return 0;
	rc = weir_buffer_printf(out, ", \"sandbox_%s\": %s", name, part->active ? "true" : "false");
	if (!rc && *part->why) {
		rc = weir_buffer_printf(out, ", \"sandbox_%s_why\": ", name);
		if (!rc)
			rc = json_text("", part->why, out);
	}
	return rc;
}

static int json_processes(const struct weir_status *status, struct weir_buffer *out)
{
	const char *comma = "";
	int rc = weir_buffer_text(out, ",\n \"roles\": {");

	for (unsigned i = 0; !rc && i < WEIR_STATUS_ROLES; i++) {
		const struct weir_status_process *p = &status->process[i];

		if (!p->wanted)
			continue;
		rc = weir_buffer_printf(out, "%s\n  \"%s\": {\"state\": \"%s\", \"pid\": %d, \"start_time\": %.3f, \"restarts\": %.0f",
					comma, weir_status_roles[i], p->state, p->pid, p->start_s, p->restarts);
		if (!rc)
			rc = json_sandbox("files", &p->files, out);
		if (!rc)
			rc = json_sandbox("calls", &p->calls, out);
		if (!rc)
			rc = weir_buffer_text(out, "}");
		comma = ",";
	}
	return rc ? rc : weir_buffer_text(out, "}");
}

static int json_figures(const struct weir_status *status, enum weir_status_role role, struct weir_buffer *out)
{
	const char *comma = "";
	int rc = weir_buffer_printf(out, ",\n \"%s\": {", weir_status_roles[role]);

	for (unsigned i = 0; !rc && weir_figures[i].key; i++) {
		if (weir_figures[i].role != role || !status->known[i])
			continue;
		rc = weir_buffer_printf(out, "%s\"%s\": %.0f", comma, weir_figures[i].key, status->value[i]);
		if (!rc && status->per_s[i] >= 0)
			rc = weir_buffer_printf(out, ", \"%s_per_s\": %.3f", weir_figures[i].key, status->per_s[i]);
		comma = ", ";
	}
	return rc;
}

static int json_faults(const struct weir_status *status, struct weir_buffer *out)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_COLLECT].samples;
	const char *comma = "";
	int rc = weir_buffer_text(out, ",\n \"faults\": {");

	for (size_t i = 0; !rc && i < samples->count; i++) {
		char name[64];

		if (strcmp(samples->sample[i].name, "weir_collect_faults_total") != 0 ||
		    !weir_sample_label(&samples->sample[i], "fault", name, sizeof(name)))
			continue;
		rc = json_text(comma, name, out);
		if (!rc)
			rc = weir_buffer_printf(out, ": %.0f", samples->sample[i].value);
		comma = ", ";
	}
	return rc ? rc : weir_buffer_text(out, "}");
}

static int json_store(const struct weir_status *status, struct weir_buffer *out)
{
	int rc = json_figures(status, WEIR_STATUS_STORE, out);
	size_t open = out->len;

	if (!rc)
		rc = json_text(out->data[open - 1] == '{' ? "\"url\": " : ", \"url\": ", status->store_url, out);
	if (!rc)
		rc = weir_buffer_printf(out, ", \"answers\": %s", status->store_answers ? "true" : "false");
	if (!rc && status->store_answers)
		rc = weir_buffer_printf(out, ", \"flows\": %.0f", status->store_flows);
	if (!rc && status->store_newest_s > 0)
		rc = weir_buffer_printf(out, ", \"newest_time\": %.3f", status->store_newest_s);
	if (!rc && status->store_bytes >= 0)
		rc = weir_buffer_printf(out, ", \"disk_bytes\": %.0f", status->store_bytes);
	return rc ? rc : weir_buffer_text(out, "}");
}

static int json_problems(const struct weir_status *status, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, ",\n \"problems\": [");

	for (unsigned i = 0; !rc && i < status->problems; i++)
		rc = json_text(i ? ",\n  " : "\n  ", status->problem[i], out);
	return rc ? rc : weir_buffer_text(out, "]}\n");
}

static int json_target(const char *name, bool up, double sent, bool first, struct weir_buffer *out)
{
	int rc = json_text(first ? "\n  " : ",\n  ", name, out);

	return rc ? rc : weir_buffer_printf(out, ": {\"up\": %s, \"sent\": %.0f}", up ? "true" : "false", sent);
}

static int json_notify(const struct weir_status *status, struct weir_buffer *out)
{
	int rc;

	if (!status->process[WEIR_STATUS_NOTIFY].wanted)
		return 0;
	rc = weir_buffer_text(out, ",\n \"notify\": {");
	if (!rc)
		rc = each_target(status, json_target, out);
	return rc ? rc : weir_buffer_text(out, "}");
}

int weir_status_print_json(const struct weir_status *status, struct weir_buffer *out)
{
	const struct weir_spool_survey *w = &status->waiting;
	double oldest_s = (double)w->oldest_ns / (double)WEIR_NS_PER_S;
	int rc = weir_buffer_printf(out, "{\"healthy\": %s", status->problems ? "false" : "true");

	if (!rc)
		rc = json_text(",\n \"data_dir\": ", status->data_dir, out);
	if (!rc)
		rc = weir_buffer_printf(out, ",\n \"disk_free_bytes\": %.0f", status->disk_free_bytes);
	if (!rc)
		rc = json_processes(status, out);
	if (!rc)
		rc = json_figures(status, WEIR_STATUS_COLLECT, out);
	if (!rc)
		rc = weir_buffer_text(out, "}");
	if (!rc)
		rc = json_faults(status, out);
	if (!rc)
		rc = weir_buffer_printf(out, ",\n \"spool\": {\"waiting_flows\": %" PRIu64 ", \"waiting_segments\": %" PRIu64
					     ", \"waiting_bytes\": %" PRIu64 ", \"oldest_time\": %.3f}",
					w->rows, w->segments, w->bytes, oldest_s);
	if (!rc)
		rc = json_figures(status, WEIR_STATUS_SINK, out);
	if (!rc)
		rc = weir_buffer_text(out, "}");
	if (!rc)
		rc = json_store(status, out);
	if (!rc && status->process[WEIR_STATUS_REPLICATE].wanted) {
		rc = json_figures(status, WEIR_STATUS_REPLICATE, out);
		if (!rc)
			rc = weir_buffer_text(out, "}");
	}
	if (!rc && status->process[WEIR_STATUS_PROBE].wanted) {
		rc = json_figures(status, WEIR_STATUS_PROBE, out);
		if (!rc)
			rc = weir_buffer_text(out, "}");
	}
	if (!rc && status->process[WEIR_STATUS_SNMP].wanted) {
		rc = json_figures(status, WEIR_STATUS_SNMP, out);
		if (!rc)
			rc = weir_buffer_text(out, "}");
	}
	if (!rc)
		rc = json_notify(status, out);
	return rc ? rc : json_problems(status, out);
}
