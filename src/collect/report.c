#include "collect/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "base/timestamp.h"

enum kind { KIND_ADDR, KIND_PROTOCOL, KIND_U16, KIND_U32, KIND_U64, KIND_TIME, KIND_SKEW, KIND_RATE, KIND_FAULTS };

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *metric; /* counters only; or NULL */
	const char *help;
} FIELDS[] = {
#define R(member) offsetof(struct weir_exporter_report, member)
#define A(member) offsetof(struct weir_exporter_report, account.member)
#define S(member) offsetof(struct weir_exporter_report, account.stats.member)
	{"exporter_addr",      KIND_ADDR,     R(addr),             NULL, NULL},
	{"flow_type",          KIND_PROTOCOL, R(flow_type),        NULL, NULL},
	{"observation_domain", KIND_U32,      R(domain),           NULL, NULL},
	{"session",            KIND_U64,      R(session),          NULL, NULL},
	{"port",               KIND_U16,      A(port),             NULL, NULL},
	{"first_seen",         KIND_TIME,     A(first_ms),         NULL, NULL},
	{"last_seen",          KIND_TIME,     A(last_ms),          NULL, NULL},
	{"messages",           KIND_U64,      S(messages),         "weir_exporter_messages_total", "Messages of an exporter"},
	{"bytes",              KIND_U64,      S(bytes),            "weir_exporter_bytes_total", "Bytes of an exporter"},
	{"flows",              KIND_U64,      S(flows),            "weir_exporter_flows_total", "Flows of an exporter"},
	{"flows_per_s",        KIND_RATE,     A(flows_per_s),      NULL, NULL},
	{"templates",          KIND_U32,      R(templates),        NULL, NULL},
	{"template_records",   KIND_U64,      S(templates),        NULL, NULL},
	{"template_changes",   KIND_U64,      R(template_changes), NULL, NULL},
	{"option_records",     KIND_U64,      S(option_records),   NULL, NULL},
	{"counter_samples",    KIND_U64,      S(counter_samples),  NULL, NULL},
	{"sets_waited",        KIND_U64,      S(sets_waited),      NULL, NULL},
	{"waiting_bytes",      KIND_U64,      R(waiting_bytes),    NULL, NULL},
	{"lost",               KIND_U64,      S(lost_messages),    "weir_exporter_lost_total",
	 "Lost before they came here, by the exporter's sequence numbers"},
	{"restarts",           KIND_U64,      A(restarts),         "weir_exporter_restarts_total",
	 "Sequence numbers that began anew"},
	{"port_changes",       KIND_U64,      A(port_changes),     NULL, NULL},
	{"sampling_rate",      KIND_U32,      A(sampling_rate),    NULL, NULL},
	{"clock_skew_ms",      KIND_SKEW,     A(skew_ms),          NULL, NULL},
	{"bytes_framing",      KIND_U64,      S(bytes_of[WEIR_BYTE_FRAMING]), NULL, NULL},
	{"bytes_templates",    KIND_U64,      S(bytes_of[WEIR_BYTE_TEMPLATES]), NULL, NULL},
	{"bytes_flows",        KIND_U64,      S(bytes_of[WEIR_BYTE_FLOWS]), NULL, NULL},
	{"bytes_options",      KIND_U64,      S(bytes_of[WEIR_BYTE_OPTIONS]), NULL, NULL},
	{"bytes_counters",     KIND_U64,      S(bytes_of[WEIR_BYTE_COUNTERS]), NULL, NULL},
	{"bytes_waited",       KIND_U64,      S(bytes_of[WEIR_BYTE_WAITED]), NULL, NULL},
	{"bytes_padding",      KIND_U64,      S(bytes_of[WEIR_BYTE_PADDING]), NULL, NULL},
	{"bytes_unread",       KIND_U64,      S(bytes_of[WEIR_BYTE_UNREAD]), NULL, NULL},
	{"faults",             KIND_FAULTS,   S(fault),            NULL, NULL},
#undef R
#undef A
#undef S
};
#define FIELD_COUNT (sizeof(FIELDS) / sizeof(FIELDS[0]))

void weir_reports_done(struct weir_reports *reports)
{
	free(reports->report);
	*reports = (struct weir_reports){0};
}

static void join_others(struct weir_exporter_report *into, const struct weir_exporter_report *more)
{
	struct weir_account *a = &into->account;
	const struct weir_account *b = &more->account;

	if (b->stats.messages && (!a->stats.messages || b->first_ms < a->first_ms))
		a->first_ms = b->first_ms;
	if (b->last_ms > a->last_ms)
		a->last_ms = b->last_ms;
	a->port_changes += b->port_changes;
	a->flows_per_s += b->flows_per_s > 0 ? b->flows_per_s : 0;
	weir_stats_add(&a->stats, &b->stats);
}

int weir_reports_add(struct weir_reports *reports, const struct weir_exporter_report *report)
{
	struct weir_reports *r = reports;

	for (size_t i = 0; weir_report_is_others(report) && i < r->count; i++) {
		if (!weir_report_is_others(&r->report[i]))
			continue;
		join_others(&r->report[i], report);
		return 0;
	}
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct weir_exporter_report *more = realloc(r->report, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->report = more;
		r->cap = cap;
	}
	r->report[r->count++] = *report;
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------- */

static uint64_t number_at(const void *at, enum kind kind)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (kind == KIND_U16) {
		memcpy(&u16, at, sizeof(u16));
		return u16;
	}
	if (kind == KIND_U32) {
		memcpy(&u32, at, sizeof(u32));
		return u32;
	}
	memcpy(&u64, at, sizeof(u64));
	return u64;
}

/* "name=2,name=1" or, as JSON, {"name": 2}. */
static int put_faults(const uint64_t *fault, bool json, struct weir_buffer *out)
{
	const char *before = json ? "{" : "";
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_FAULTS; i++) {
		if (!fault[i])
			continue;
		rc = weir_buffer_printf(out, json ? "%s\"%s\": %" PRIu64 : "%s%s=%" PRIu64, before, weir_faults[i].name,
					fault[i]);
		before = json ? ", " : ",";
	}
	return rc || !json ? rc : weir_buffer_text(out, *before == '{' ? "{}" : "}");
}

static int put_time(int64_t ms, bool json, struct weir_buffer *out)
{
	struct weir_timestamp cache = {0};
	char text[WEIR_TIMESTAMP_LEN];

	if (!json)
		return weir_buffer_printf(out, "%" PRId64, ms);
	(void)weir_timestamp_put(&cache, ms, text);
	return weir_buffer_printf(out, "\"%.*s\"", (int)sizeof(text), text);
}

/* Is there anything to tell? */
static bool is_known(const struct weir_exporter_report *r, const struct field *f)
{
	switch (f->kind) {
	case KIND_SKEW:
		return r->account.skew_known;
	case KIND_RATE:
		return r->account.flows_per_s >= 0;
	case KIND_TIME:
		return r->account.stats.messages != 0;
	case KIND_ADDR:
	case KIND_PROTOCOL:
		return !weir_report_is_others(r);
	default:
		return true;
	}
}

static int put_value(const struct weir_exporter_report *r, const struct field *f, bool json, struct weir_buffer *out)
{
	const void *at = (const char *)r + f->offset;
	const char *quote = json ? "\"" : "";
	char addr[WEIR_ADDR_TEXT_MAX];

	switch (f->kind) {
	case KIND_ADDR:
		weir_addr_text(&r->addr, addr);
		return weir_buffer_printf(out, "%s%s%s", quote, addr, quote);
	case KIND_PROTOCOL:
		return weir_buffer_printf(out, "%s%s%s", quote, weir_flow_type_name(r->flow_type), quote);
	case KIND_TIME:
		return put_time(*(const int64_t *)at, json, out);
	case KIND_SKEW:
		return weir_buffer_printf(out, "%" PRId64, r->account.skew_ms);
	case KIND_RATE:
		return weir_buffer_printf(out, "%.1f", r->account.flows_per_s);
	case KIND_FAULTS:
		return put_faults(r->account.stats.fault, json, out);
	default:
		return weir_buffer_printf(out, "%" PRIu64, number_at(at, f->kind));
	}
}

int weir_reports_write(const struct weir_reports *reports, struct weir_buffer *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < FIELD_COUNT; i++)
		rc = weir_buffer_printf(out, "%s%s", i ? "\t" : "", FIELDS[i].name);
	for (size_t k = 0; !rc && k < reports->count; k++) {
		const struct weir_exporter_report *r = &reports->report[k];

		for (size_t i = 0; !rc && i < FIELD_COUNT; i++) {
			rc = weir_buffer_text(out, i ? "\t" : "\n");
			if (!rc && is_known(r, &FIELDS[i]))
				rc = put_value(r, &FIELDS[i], false, out);
		}
	}
	return rc ? rc : weir_buffer_text(out, "\n");
}

int weir_report_json(const struct weir_exporter_report *report, struct weir_buffer *out)
{
	const char *comma = "";
	int rc = 0;

	for (size_t i = 0; !rc && i < FIELD_COUNT; i++) {
		if (!is_known(report, &FIELDS[i]))
			continue;
		rc = weir_buffer_printf(out, "%s\"%s\": ", comma, FIELDS[i].name);
		if (!rc)
			rc = put_value(report, &FIELDS[i], true, out);
		comma = ", ";
	}
	return rc;
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static void read_faults(char *text, uint64_t *fault)
{
	char *state = NULL;

	for (char *word = strtok_r(text, ",", &state); word; word = strtok_r(NULL, ",", &state)) {
		char *equals = strchr(word, '=');

		for (unsigned i = 0; equals && i < WEIR_FAULTS; i++) {
			size_t len = strlen(weir_faults[i].name);

			if ((size_t)(equals - word) == len && memcmp(word, weir_faults[i].name, len) == 0)
				fault[i] = strtoull(equals + 1, NULL, 10);
		}
	}
}

static enum weir_flow_type read_protocol(const char *text)
{
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		if (strcmp(weir_flow_type_name(i), text) == 0)
			return (enum weir_flow_type)i;
	}
	return WEIR_FLOW_UNKNOWN;
}

static void read_value(struct weir_exporter_report *r, const struct field *f, char *text)
{
	uint8_t *at = (uint8_t *)r + f->offset;
	uint64_t number = strtoull(text, NULL, 10);
	uint32_t u32 = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
	uint16_t u16 = (uint16_t)u32;

	if (f->kind == KIND_RATE)
		r->account.flows_per_s = *text ? strtod(text, NULL) : -1;
	if (!*text)
		return;
	switch (f->kind) {
	case KIND_ADDR:
		(void)!weir_addr_parse(text, &r->addr);
		break;
	case KIND_PROTOCOL:
		r->flow_type = read_protocol(text);
		break;
	case KIND_TIME:
	case KIND_SKEW:
		*(int64_t *)(void *)at = strtoll(text, NULL, 10);
		r->account.skew_known = r->account.skew_known || f->kind == KIND_SKEW;
		break;
	case KIND_FAULTS:
		read_faults(text, r->account.stats.fault);
		break;
	case KIND_U16:
		memcpy(at, &u16, sizeof(u16));
		break;
	case KIND_U32:
		memcpy(at, &u32, sizeof(u32));
		break;
	case KIND_U64:
		memcpy(at, &number, sizeof(number));
		break;
	case KIND_RATE:
	default:
		break;
	}
}

/* Which field each column of the file is; NULL for an unknown one. */
struct columns {
	const struct field *field[2 * FIELD_COUNT];
	size_t count;
};

static void read_names(char *line, struct columns *columns)
{
	char *name;

	while ((name = strsep(&line, "\t")) && columns->count < 2 * FIELD_COUNT) {
		const struct field *found = NULL;

		for (size_t i = 0; i < FIELD_COUNT && !found; i++) {
			if (strcmp(FIELDS[i].name, name) == 0)
				found = &FIELDS[i];
		}
		columns->field[columns->count++] = found;
	}
}

static int read_line(char *line, const struct columns *columns, struct weir_reports *reports)
{
	struct weir_exporter_report r = {0};
	char *text;

	for (size_t i = 0; i < columns->count && (text = strsep(&line, "\t")); i++) {
		if (columns->field[i])
			read_value(&r, columns->field[i], text);
	}
	return weir_reports_add(reports, &r);
}

int weir_reports_read(const char *path, struct weir_reports *ret_reports, struct weir_error *err)
{
	FILE *file = fopen(path, "re");
	struct columns columns = {0};
	struct weir_reports reports = {0};
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	if (!file)
		return weir_error_set(err, -errno, path, NULL, "%s", strerror(errno));
	while (!rc && (len = getline(&line, &cap, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (!columns.count)
			read_names(line, &columns);
		else
			rc = read_line(line, &columns, &reports);
	}
	if (!rc && ferror(file))
		rc = -EIO;
	free(line);
	(void)fclose(file);
	if (rc) {
		weir_reports_done(&reports);
		return weir_error_set(err, rc, path, NULL, "%s", strerror(-rc));
	}
	*ret_reports = reports;
	return 0;
}

/* --- metrics ---------------------------------------------------------------------------------------------- */

struct chosen {
	const struct weir_exporter_report *report[WEIR_REPORT_METRICS];
	size_t count;
	size_t all;
};

/* By age, then by key: what a monitoring system has once seen stays. */
static bool is_before(const struct weir_exporter_report *a, const struct weir_exporter_report *b)
{
	int by_addr = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	if (a->account.first_ms != b->account.first_ms)
		return a->account.first_ms < b->account.first_ms;
	return by_addr ? by_addr < 0 : a->domain < b->domain;
}

static void choose(const struct weir_reports *reports, struct chosen *c)
{
	for (size_t i = 0; i < reports->count; i++) {
		const struct weir_exporter_report *r = &reports->report[i];
		size_t at = c->count;

		if (weir_report_is_others(r) || !r->account.stats.messages)
			continue;
		c->all++;
		while (at && is_before(r, c->report[at - 1]))
			at--;
		if (at == WEIR_REPORT_METRICS)
			continue;
		c->count += c->count < WEIR_REPORT_METRICS;
		memmove(&c->report[at + 1], &c->report[at], (c->count - 1 - at) * sizeof(c->report[0]));
		c->report[at] = r;
	}
}

static int put_labels(const struct weir_exporter_report *r, struct weir_buffer *out)
{
	char addr[WEIR_ADDR_TEXT_MAX];
	int rc;

	weir_addr_text(&r->addr, addr);
	weir_buffer_reset(out);
	rc = weir_buffer_printf(out, "exporter=\"%s\",domain=\"%" PRIu32 "\",protocol=\"%s\"", addr, r->domain,
				weir_flow_type_name(r->flow_type));
	if (!rc && r->session)
		rc = weir_buffer_printf(out, ",session=\"%" PRIu64 "\"", r->session);
	return rc;
}

static uint64_t sum_faults(const struct weir_exporter_report *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		sum += r->account.stats.fault[i];
	return sum;
}

/* One family, of all the chosen: of a field, or of what has a name of its own. */
static int put_family(const struct chosen *c, const char *name, const char *help, const struct field *f,
		      double (*gauge)(const struct weir_exporter_report *r), struct weir_buffer *out)
{
	struct weir_buffer labels;
	int rc = 0;

	weir_buffer_init(&labels);
	for (size_t i = 0; !rc && i < c->count; i++) {
		const struct weir_exporter_report *r = c->report[i];

		rc = put_labels(r, &labels);
		if (rc)
			break;
		if (gauge)
			rc = weir_metrics_gauge(out, name, i ? NULL : help, weir_buffer_cstr(&labels), gauge(r));
		else
			rc = weir_metrics_counter(out, name, i ? NULL : help, weir_buffer_cstr(&labels),
						  f ? number_at((const char *)r + f->offset, f->kind) : sum_faults(r));
	}
	weir_buffer_done(&labels);
	return rc;
}

static double skew_s(const struct weir_exporter_report *r)
{
	return (double)r->account.skew_ms / 1000;
}

static double last_s(const struct weir_exporter_report *r)
{
	return (double)r->account.last_ms / 1000;
}

int weir_reports_metrics(const struct weir_reports *reports, struct weir_buffer *out)
{
	struct chosen c = {0};
	int rc;

	choose(reports, &c);
	rc = weir_metrics_gauge(out, "weir_exporters", "Exporters heard since the start", NULL, (double)c.all);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_exporters_unlisted",
					"Exporters that have no metrics of their own, for there are too many", NULL,
					(double)(c.all - c.count));
	for (size_t i = 0; !rc && i < FIELD_COUNT; i++) {
		if (FIELDS[i].metric)
			rc = put_family(&c, FIELDS[i].metric, FIELDS[i].help, &FIELDS[i], NULL, out);
	}
	if (!rc)
		rc = put_family(&c, "weir_exporter_faults_total", "Faults of an exporter's messages", NULL, NULL, out);
	if (!rc)
		rc = put_family(&c, "weir_exporter_clock_skew_seconds", "An exporter's clock less the collector's", NULL, skew_s,
				out);
	return rc ? rc : put_family(&c, "weir_exporter_last_seen_time_seconds", "When an exporter's last message came, Unix time",
				    NULL, last_s, out);
}
