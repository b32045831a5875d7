/* `weir snmp`: the role that asks exporters for their names and interfaces. Who is asked: exporters that collect has seen
 * (DATA/run/exporters.tsv) or that the configuration names, as far as snmp.targets has them, and nobody else. What they tell goes
 * two ways: DATA/run/snmp.csv, from which collect and probe name flows, and records of the table exporter_options through the spool, from
 * which the store knows names and speeds. One thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/metrics.h"
#include "cli/command.h"
#include "cli/exporters.h"
#include "cli/role.h"
#include "snmp/poller.h"
#include "snmp/roster.h"
#include "spool/spool.h"

#define WAIT_MS	     250
#define PUBLISH_MS   1000
#define LOOK_MS	     2000	       /* at who there is */
#define RECORD_MS    (60 * 60 * 1000) /* what has not changed is put on record again after so long */
#define FORGET_MS    (24 * 60 * 60 * 1000)
#define SEGMENT_ROWS (1U << 20)
#define FAILING_MAX  64 /* are told by name in the metrics */
#define LANE	     "options-snmp"

struct snmp_role {
	struct weir_role role;
	struct weir_snmp_targets targets;
	struct weir_snmp_roster roster;
	struct weir_snmp_poller *poller;
	struct weir_spool_writer *spool;
	struct weir_records records;
	struct weir_buffer native;
	uint64_t polls[WEIR_SNMP_OUTCOMES];
	uint64_t lost_records;
	bool changed; /* since the file was written */
	int64_t published_ms, looked_ms;
};

static int64_t now_ms(void)
{
	return weir_clock_mono_ns(&weir_clock_system) / WEIR_NS_PER_MS;
}

/* --- what was told ---------------------------------------------------------------------------------------- */

static void append_records(struct snmp_role *s)
{
	struct weir_error err = {0};

	weir_buffer_reset(&s->native);
	if (!s->records.rows)
		return;
	if (weir_records_native(&s->records, &s->native) ||
	    weir_spool_append_native(s->spool, &s->native, s->records.rows, &err)) {
		s->lost_records += s->records.rows;
		weir_log(&s->role.log, WEIR_LOG_WARN, "what exporters told is not written to the spool: %s: %s", err.where, err.what);
	}
	weir_records_reset(&s->records);
}

static void put_record(struct snmp_role *s, const struct weir_addr *exporter, const char *kind, const char *id, const char *name,
		       const char *value)
{
	const struct weir_record record = {
		.time_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS,
		.exporter = *exporter,
		.kind = {kind, strlen(kind)},
		.id = {id, strlen(id)},
		.name = {name, strlen(name)},
		.value = {value, strlen(value)},
	};

	if (weir_records_add(&s->records, &record) == 0)
		return;
	append_records(s);
	s->lost_records += weir_records_add(&s->records, &record) != 0;
}

/* Under the names of IF-MIB, by which the view exporter_interfaces tells them from those of options records; ifSpeed is in bits a second whatever
 * it is. */
static void record_all(struct snmp_role *s, const struct weir_addr *exporter, const struct weir_snmp_interfaces *interfaces)
{
	put_record(s, exporter, "exporter", "", "sysName", interfaces->system);
	for (uint32_t n = 0; n < interfaces->count; n++) {
		const struct weir_snmp_interface *i = &interfaces->interface[n];
		char id[16];
		char speed[24] = "";

		(void)snprintf(id, sizeof(id), "%" PRIu32, i->index);
		if (i->speed_bps)
			(void)snprintf(speed, sizeof(speed), "%" PRIu64, i->speed_bps);
		put_record(s, exporter, "interface", id, "ifName", i->name);
		put_record(s, exporter, "interface", id, "ifAlias", i->alias);
		put_record(s, exporter, "interface", id, "ifSpeed", speed);
	}
}

/* A word when it begins to fail, fails otherwise, or is well again. */
static void tell_outcome(const struct snmp_role *s, const struct weir_snmp_exporter *e, enum weir_snmp_outcome before, bool asked_before,
			 const struct weir_snmp_interfaces *interfaces)
{
	char addr[WEIR_ADDR_TEXT_MAX];

	if (asked_before && e->outcome == before)
		return;
	(void)weir_addr_text(&e->addr, addr);
	if (e->outcome == WEIR_SNMP_OK)
		weir_log(&s->role.log, WEIR_LOG_INFO, "%s%s%s: %" PRIu32 " interfaces%s", addr, *interfaces->system ? " is " : "",
			 interfaces->system, interfaces->count, interfaces->cut ? ", the first of more (snmp.interfaces_max)" : "");
	else
		weir_log(&s->role.log, WEIR_LOG_WARN, "%s: %s: %s", addr, weir_snmp_outcomes[e->outcome].name,
			 weir_snmp_outcomes[e->outcome].text);
}

static void on_done(void *ctx, const struct weir_addr *exporter, enum weir_snmp_outcome outcome,
		    const struct weir_snmp_interfaces *interfaces)
{
	struct snmp_role *s = ctx;
	struct weir_snmp_exporter *e = weir_snmp_roster_find(&s->roster, exporter);
	int64_t now = now_ms();
	enum weir_snmp_outcome before;
	bool asked_before;
	bool changed;

	s->polls[outcome]++;
	if (!e)
		return;
	before = e->outcome;
	asked_before = e->asked;
	changed = weir_snmp_roster_take(&s->roster, e, outcome, interfaces, now);
	tell_outcome(s, e, before, asked_before, interfaces);
	s->changed = s->changed || changed;
	if (outcome != WEIR_SNMP_OK || (!changed && e->told_ms && now - e->told_ms < RECORD_MS))
		return;
	e->told_ms = now;
	record_all(s, exporter, interfaces);
}

static void file_path(const struct snmp_role *s, char *ret_path, size_t size)
{
	(void)snprintf(ret_path, size, "%s/" WEIR_SNMP_FILE, s->role.run_dir);
}

static void write_file(struct snmp_role *s)
{
	struct weir_error err = {0};
	struct weir_buffer text;
	char path[PATH_MAX];

	weir_buffer_init(&text);
	file_path(s, path, sizeof(path));
	if (weir_snmp_roster_write(&s->roster, &text) == 0 && weir_metrics_publish(path, &text, &err) == 0)
		s->changed = false;
	weir_buffer_done(&text);
}

/* What an earlier process was told, so that flows keep their names meanwhile. */
static void read_file(struct snmp_role *s)
{
	struct weir_buffer text;
	char path[PATH_MAX];

	weir_buffer_init(&text);
	file_path(s, path, sizeof(path));
	if (weir_file_read(path, WEIR_SNMP_TOLD_BYTES_MAX, &text) == 0)
		weir_snmp_roster_read(&s->roster, (const char *)text.data, text.len);
	weir_buffer_done(&text);
}

/* --- who is asked ----------------------------------------------------------------------------------------- */

static void see(struct snmp_role *s, const struct weir_addr *exporter)
{
	if (weir_snmp_targets_find(&s->targets, exporter))
		weir_snmp_roster_see(&s->roster, exporter, now_ms());
}

/* "192.0.2.1/3=uplink", "192.0.2.1=core": the enrichment has checked them. */
static void see_configured(struct snmp_role *s, const struct weir_config_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		size_t len = strcspn(list->item[i], "/=");
		char text[WEIR_ADDR_TEXT_MAX];
		struct weir_addr addr;

		if (len >= sizeof(text))
			continue;
		memcpy(text, list->item[i], len);
		text[len] = '\0';
		if (weir_addr_parse(text, &addr) == 0)
			see(s, &addr);
	}
}

static void look(struct snmp_role *s)
{
	struct weir_reports reports = {0};
	struct weir_error err;
	char path[PATH_MAX];

	s->looked_ms = now_ms();
	(void)snprintf(path, sizeof(path), "%s/" WEIR_EXPORTERS_FILE, s->role.run_dir);
	if (weir_reports_read(path, &reports, &err) == 0) {
		for (size_t i = 0; i < reports.count; i++) {
			if (!weir_report_is_others(&reports.report[i]))
				see(s, &reports.report[i].addr);
		}
	}
	weir_reports_done(&reports);
	see_configured(s, &s->role.config.exporters_names);
	see_configured(s, &s->role.config.exporters_interfaces);
	s->changed |= weir_snmp_roster_forget(&s->roster, s->looked_ms - FORGET_MS) > 0;
}

static void ask(struct snmp_role *s)
{
	struct weir_snmp_exporter *e;

	while (weir_snmp_poller_busy(s->poller) < WEIR_SNMP_SESSIONS_MAX && (e = weir_snmp_roster_next(&s->roster, now_ms()))) {
		const struct weir_addr addr = e->addr;

		(void)weir_snmp_poller_start(s->poller, &addr, weir_snmp_targets_find(&s->targets, &addr));
	}
}

/* --- figures ---------------------------------------------------------------------------------------------- */

static int put_failing(const struct snmp_role *s, struct weir_buffer *out)
{
	unsigned told = 0;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < s->roster.count && told < FAILING_MAX; i++) {
		const struct weir_snmp_exporter *e = &s->roster.exporter[i];
		char label[WEIR_ADDR_TEXT_MAX + 64];
		char addr[WEIR_ADDR_TEXT_MAX];

		if (!e->failures)
			continue;
		(void)weir_addr_text(&e->addr, addr);
		(void)snprintf(label, sizeof(label), "exporter=\"%s\",outcome=\"%s\"", addr, weir_snmp_outcomes[e->outcome].name);
		rc = weir_metrics_gauge(out, "weir_snmp_failures", told++ ? NULL : "Times in a row that an exporter could not be asked", label,
					e->failures);
	}
	return rc;
}

static int put_polls(const struct snmp_role *s, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_SNMP_OUTCOMES; i++) {
		char label[48];

		(void)snprintf(label, sizeof(label), "outcome=\"%s\"", weir_snmp_outcomes[i].name);
		rc = weir_metrics_counter(out, "weir_snmp_polls_total", i ? NULL : "Times that an exporter was asked, by how it went", label,
					  s->polls[i]);
	}
	return rc;
}

static int describe(const struct snmp_role *s, struct weir_buffer *out)
{
	uint64_t interfaces = 0, cut = 0, failing = 0;
	const struct {
		const char *name, *help;
		uint64_t *value;
	} GAUGES[] = {
		{"weir_snmp_interfaces", "Interfaces whose name or speed exporters told", &interfaces},
		{"weir_snmp_exporters_cut", "Exporters with more interfaces than are taken", &cut},
		{"weir_snmp_exporters_failing", "Exporters that could not be asked the last time", &failing},
	};
	int rc = weir_metrics_gauge(out, "weir_snmp_exporters", "Exporters that are asked", NULL, s->roster.count);

	for (uint32_t i = 0; i < s->roster.count; i++) {
		interfaces += s->roster.exporter[i].interfaces;
		cut += s->roster.exporter[i].cut;
		failing += s->roster.exporter[i].failures > 0;
	}
	for (size_t i = 0; !rc && i < sizeof(GAUGES) / sizeof(GAUGES[0]); i++)
		rc = weir_metrics_gauge(out, GAUGES[i].name, GAUGES[i].help, NULL, (double)*GAUGES[i].value);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_snmp_requests_total", "Questions sent, without those sent again", NULL,
					  weir_snmp_poller_requests(s->poller));
	if (!rc)
		rc = weir_metrics_counter(out, "weir_snmp_refused_total", "Exporters for which there was no room", NULL, s->roster.refused);
	if (!rc)
		rc = weir_metrics_counter(out, "weir_snmp_lost_records_total", "What exporters told and could not be written to the spool", NULL,
					  s->lost_records);
	if (!rc)
		rc = put_polls(s, out);
	return rc ? rc : put_failing(s, out);
}

static void publish(struct snmp_role *s)
{
	struct weir_error err = {0};
	struct weir_buffer text;

	s->published_ms = now_ms();
	append_records(s);
	if (weir_spool_sync(s->spool, &err))
		weir_log(&s->role.log, WEIR_LOG_WARN, "%s: %s", err.where, err.what);
	if (s->changed)
		write_file(s);
	weir_buffer_init(&text);
	if (describe(s, &text) == 0)
		weir_role_publish(&s->role, &text);
	weir_buffer_done(&text);
}

/* --- the role --------------------------------------------------------------------------------------------- */

static const char *const *list_of(const struct weir_config_list *list)
{
	return (const char *const *)list->item;
}

static int open_all(struct snmp_role *s, struct weir_error *err)
{
	const struct weir_config *c = &s->role.config;
	const struct weir_snmp_poller_options poller = {
		.timeout_ms = (unsigned)c->snmp_timeout_ms,
		.retries = (unsigned)c->snmp_retries,
		.interfaces_max = (uint32_t)c->snmp_interfaces_max,
		.done = on_done,
		.ctx = s,
	};
	const struct weir_spool_options spool = {
		.dir = s->role.spool_dir,
		.lane = LANE,
		.segment_bytes_max = c->spool_segment_bytes,
		.segment_rows_max = SEGMENT_ROWS,
		.bytes_max = c->spool_size_max_bytes,
	};
	uint64_t seed = 0;
	int rc;

	if (!c->snmp_targets.count)
		return weir_error_set(err, -EINVAL, "snmp.targets", "name some, as \"192.0.2.0/24,community_file=/etc/weir/community\"",
				      "nobody may be asked");
	/* The secrets may be readable by root only. */
	rc = weir_snmp_targets_read(list_of(&c->snmp_targets), c->snmp_targets.count, true, &s->targets, err);
	if (!rc)
		rc = weir_role_drop(&s->role, c->collect_user, err);
	if (rc)
		return rc;
	/* Jitter only: whatever is there will do. */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	weir_snmp_roster_init(&s->roster, (int64_t)c->snmp_interval_ms, seed);
	if (weir_snmp_poller_new(&poller, &s->poller))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	return weir_spool_writer_open(&spool, &s->spool, err);
}

/* The folders of the secrets stay readable, for a new file is another one to the sandbox. */
static void confine(struct snmp_role *s)
{
	struct weir_sandbox_path paths[WEIR_ROLE_PATHS_MAX + 1] = {{0}};
	char folder[WEIR_ROLE_PATHS_MAX][PATH_MAX / 4];

	(void)weir_role_file_folders(&s->role.config.snmp_targets, folder, paths, 0);
	weir_role_confine(&s->role, WEIR_SANDBOX_SNMP, false, paths);
}

/* At SIGHUP: who is asked, with what secrets and how often. Those that are asked at the moment are asked to the end. */
static void reload(struct snmp_role *s)
{
	struct weir_snmp_targets targets;
	struct weir_config config;
	struct weir_error err = {0};

	if (!weir_role_reread(&s->role, &config))
		return;
	if (weir_snmp_targets_read(list_of(&config.snmp_targets), config.snmp_targets.count, true, &targets, &err)) {
		weir_log(&s->role.log, WEIR_LOG_ERROR, "who is asked stays as it was: %s: %s%s%s", err.where, err.what, *err.next ? "; " : "", err.next);
		weir_config_done(&config);
		return;
	}
	weir_snmp_targets_done(&s->targets);
	s->targets = targets;
	weir_role_take_config(&s->role, &config);
	s->roster.interval_ms = (int64_t)s->role.config.snmp_interval_ms;
	/* Those that are in no network any more are not seen, and go. */
	look(s);
	s->changed |= weir_snmp_roster_forget(&s->roster, s->looked_ms) > 0;
	weir_snmp_roster_hurry(&s->roster, now_ms());
	weir_log(&s->role.log, WEIR_LOG_INFO, "the configuration was read again: asks exporters of %u networks", s->targets.count);
}

static void serve(struct snmp_role *s)
{
	look(s);
	read_file(s);
	publish(s);
	weir_log(&s->role.log, WEIR_LOG_INFO, "asks exporters of %u networks, each every %.0f s", s->targets.count,
		 (double)s->role.config.snmp_interval_ms / WEIR_MS_PER_S);
	while (!weir_role_wait(&s->role, 0)) {
		if (now_ms() - s->looked_ms >= LOOK_MS)
			look(s);
		reload(s);
		ask(s);
		weir_snmp_poller_wait(s->poller, s->role.signal_fd, WAIT_MS);
		if (now_ms() - s->published_ms >= PUBLISH_MS)
			publish(s);
	}
	publish(s);
	weir_log(&s->role.log, WEIR_LOG_INFO, "ended: %" PRIu64 " times an exporter answered", s->polls[WEIR_SNMP_OK]);
}

static int run(const struct weir_command *self, int argc, char **argv)
{
	struct snmp_role s = {0};
	struct weir_error err = {0};
	int status = weir_role_init(self, argc, argv, &s.role);

	if (status)
		return status < 0 ? WEIR_EXIT_OK : status;
	weir_buffer_init(&s.native);
	weir_records_init(&s.records, WEIR_TABLE_OPTIONS);
	status = open_all(&s, &err);
	if (status) {
		status = weir_role_cannot_open(status, &err);
	} else {
		confine(&s);
		serve(&s);
	}
	weir_snmp_poller_free(s.poller);
	weir_snmp_roster_done(&s.roster);
	weir_snmp_targets_done(&s.targets);
	if (s.spool)
		weir_spool_writer_close(s.spool);
	weir_records_done(&s.records);
	weir_buffer_done(&s.native);
	weir_role_done(&s.role);
	return status;
}

const struct weir_command weir_command_snmp = {
	.name = "snmp",
	.arguments = "[OPTION]...",
	.summary = "ask exporters over SNMP for the names and speeds of their interfaces",
	.text = "Asks each exporter that was seen, or that exporters.names or exporters.interfaces name, and that a network of snmp.targets has, for "
		"sysName, ifName (ifDescr where there is none), ifAlias, ifHighSpeed and ifSpeed; nobody else is asked. `weir run` starts it where the "
		"configuration has snmp.targets.\n\n"
		"Names are in flows that come after they were told (exporter_name, in_if_name, out_if_name); those of the configuration count before what "
		"exporters tell in options records, and that before SNMP's. Descriptions and speeds are in the store (exporter_interfaces), for `weir "
		"capacity` and the page.\n\n"
		"A target is a network and options, each behind a comma; of several that have an exporter the longest counts. SNMPv2c: "
		"community_file=FILE or community_env=VARIABLE. SNMPv3, with authentication and privacy: user=NAME, auth=SHA, SHA-224, SHA-256, SHA-384 or "
		"SHA-512, auth_file= or auth_env=, priv=AES, priv_file= or priv_env=. And port=N, where it is not 161. A secret stands alone on its file's "
		"first line; a file that everybody may read is refused.\n\n"
		"An exporter's address is what it sends from, or for sFlow what it says it is: name networks of devices that may know the community, for "
		"whoever can send flows in another's name makes weir ask that other. SNMPv3 tells nobody a secret. SIGHUP reads targets, secrets and the interval again, and asks all at once. Figures stand in DATA/run/snmp.prom.",
	.options = weir_role_options,
	.examples = "weir snmp --data /var/lib/weir\task, as `weir run` would",
	.role = true,
	.run = run,
};
