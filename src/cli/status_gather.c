/* The facts of `weir status`, and what of them is wrong. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/role.h"
#include "cli/status.h"
#include "cli/store_client.h"
#include "query/human.h"
#include "snmp/outcome.h"

#define LOOK_MS	       50
#define RATE_MS	       1500 /* the roles write once a second */
#define FRESH_S	       3
#define SILENT_S       10
#define YOUNG_S	       120 /* a restart so recent is worth a word */
#define SINK_DOWN_S    10
#define SNMP_TOLD_MAX  4
#define DAY_S	       86400
#define BEHIND_S       60
#define DISK_FREE_PART 0.05
#define STORE_WAIT_S   5

void weir_status_problem(struct weir_status *status, const char *fmt, ...)
{
	va_list args;

	if (status->problems == sizeof(status->problem) / sizeof(*status->problem))
		return;
	va_start(args, fmt);
	(void)vsnprintf(status->problem[status->problems++], sizeof(*status->problem), fmt, args);
	va_end(args);
}

static double wall_s(void)
{
	return (double)weir_clock_wall_ns(&weir_clock_system) / (double)WEIR_NS_PER_S;
}

static int read_samples(const struct weir_status *status, const char *name, struct weir_samples *ret_samples)
{
	char path[sizeof(status->data_dir) + 32];

	(void)snprintf(path, sizeof(path), "%s/run/%s.prom", status->data_dir, name);
	return weir_samples_read(path, ret_samples);
}

/* A process of that number, and not one that came to it later. */
static bool lives(double pid)
{
	char path[64];
	char name[16] = "";
	FILE *comm;

	if (pid < 1 || (kill((pid_t)pid, 0) && errno != EPERM))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%.0f/comm", pid);
	comm = fopen(path, "re");
	if (!comm)
		return true;
	(void)!fgets(name, sizeof(name), comm);
	(void)fclose(comm);
	return strncmp(name, "weir", 4) == 0;
}

/* --- processes -------------------------------------------------------------------------------------------- */

static double of_role(const struct weir_samples *run, const char *metric, const char *role)
{
	char labels[64];
	double value = 0;

	(void)snprintf(labels, sizeof(labels), "role=\"%s\"", role);
	(void)weir_samples_get(run, metric, labels, &value);
	return value;
}

/* What `weir run` says of a role of its. */
static void read_supervised(const struct weir_samples *run, const char *role, struct weir_status_process *p)
{
	double pid = of_role(run, "weir_run_role_pid", role);

	p->start_s = of_role(run, "weir_run_role_start_time_seconds", role);
	p->restarts = of_role(run, "weir_run_role_restarts", role);
	p->pid = lives(pid) ? (pid_t)pid : 0;
	p->state = p->pid ? "up" : of_role(run, "weir_run_role_refused", role) > 0 ? "refused" : "down";
}

static double age_s(const struct weir_status *status, const struct weir_samples *samples)
{
	return status->now_s - (double)samples->written_ns / (double)WEIR_NS_PER_S;
}

/* A role that was started by itself is known by what it writes; what it wrote while a `weir run` lived that is dead now
 * is of a process that died with it. */
static bool reports_itself(const struct weir_status *status, const struct weir_samples *run, const struct weir_samples *role)
{
	return role->count && age_s(status, role) < SILENT_S &&
	       role->written_ns > run->written_ns + FRESH_S * WEIR_NS_PER_S;
}

static void find_processes(struct weir_status *status)
{
	struct weir_samples run = {0};
	double pid = 0;

	if (read_samples(status, "run", &run) == 0 && weir_samples_get(&run, "weir_run_pid", "", &pid))
		status->supervised = lives(pid);
	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++) {
		struct weir_status_process *p = &status->process[i];

		p->wanted = (i != WEIR_STATUS_STORE || status->config->store_embedded) &&
			    (i != WEIR_STATUS_REPLICATE || status->config->replicate_to.count) &&
			    (i != WEIR_STATUS_WEB || status->config->web_listen.count) &&
			    (i != WEIR_STATUS_PROBE || status->config->probe_interfaces.count) &&
			    (i != WEIR_STATUS_SNMP || status->config->snmp_targets.count) &&
			    (i != WEIR_STATUS_NOTIFY || status->config->notify_to.count);
		p->state = reports_itself(status, &run, &p->samples) ? "up" : "down";
		if (status->supervised)
			read_supervised(&run, weir_status_roles[i], p);
		if (i == WEIR_STATUS_WEB && !status->supervised && strcmp(p->state, "down") == 0)
			p->wanted = false; /* flows come and are stored without it */
		if (p->pid && status->now_s - p->start_s > SILENT_S && age_s(status, &p->samples) > SILENT_S)
			p->state = "silent";
	}
	/* The sink is not started before the store is open. */
	if (status->supervised && strcmp(status->process[WEIR_STATUS_SINK].state, "down") == 0 &&
	    status->process[WEIR_STATUS_SINK].start_s <= 0 && status->process[WEIR_STATUS_STORE].wanted &&
	    !status->process[WEIR_STATUS_STORE].samples.count)
		status->process[WEIR_STATUS_SINK].state = "waits";
	weir_samples_done(&run);
}

static void find_sandboxes(struct weir_status *status)
{
	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++) {
		struct weir_status_process *p = &status->process[i];

		for (size_t n = 0; n < p->samples.count; n++) {
			const struct weir_sample *sample = &p->samples.sample[n];
			struct weir_status_sandbox *part;
			char name[16];

			if (strcmp(sample->name, "weir_sandbox_active") != 0 ||
			    !weir_sample_label(sample, "part", name, sizeof(name)))
				continue;
			part = strcmp(name, "files") == 0 ? &p->files : &p->calls;
			part->known = true;
			part->active = sample->value > 0;
			(void)!weir_sample_label(sample, "why", part->why, sizeof(part->why));
		}
	}
}

static bool is_state(const struct weir_status *status, enum weir_status_role role, const char *state)
{
	return strcmp(status->process[role].state, state) == 0;
}

static void judge_process(struct weir_status *status, unsigned i)
{
	const struct weir_status_process *p = &status->process[i];
	const char *name = weir_status_roles[i];

	if (!p->wanted || strcmp(p->state, "waits") == 0)
		return;
	if (strcmp(p->state, "refused") == 0)
		weir_status_problem(status, "%s refused to start; the log of `weir run` says why, and what to do", name);
	else if (strcmp(p->state, "down") == 0)
		weir_status_problem(status, status->supervised ? "%s is down and is started again; the log says why"
							       : "%s does not run; start it with `weir run`",
				    name);
	else if (strcmp(p->state, "silent") == 0)
		weir_status_problem(status, "%s runs but says nothing of itself: it hangs, or the disk is full", name);
	else if (p->restarts > 0 && status->now_s - p->start_s < YOUNG_S)
		weir_status_problem(status, "%s has ended by itself and was started again %.0f s ago (restarts: %.0f); the log says "
					    "why",
				    name, status->now_s - p->start_s, p->restarts);
}

static void judge_processes(struct weir_status *status)
{
	unsigned up = 0;

	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++)
		up += status->process[i].wanted && !is_state(status, i, "down");
	if (!up && !status->supervised) {
		weir_status_problem(status, "weir does not run with this data folder; start it with `weir run`, or name another one "
					    "with --data");
		return;
	}
	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++)
		judge_process(status, i);
}

/* --- figures ---------------------------------------------------------------------------------------------- */

static double per_second(const struct weir_status *status, const char *metric)
{
	for (unsigned i = 0; weir_figures[i].key; i++) {
		if (strcmp(weir_figures[i].metric, metric) == 0)
			return status->per_s[i];
	}
	return -1;
}

/* All files of the roles again, when each that lives has written another; at most RATE_MS. */
static void read_twice(struct weir_status *status, struct weir_samples before[WEIR_STATUS_ROLES])
{
	for (int waited = 0; waited < RATE_MS; waited += LOOK_MS) {
		unsigned old = 0;

		for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++) {
			struct weir_status_process *p = &status->process[i];

			if (p->samples.written_ns == before[i].written_ns && before[i].count &&
			    age_s(status, &before[i]) < FRESH_S) {
				weir_samples_done(&p->samples);
				(void)!read_samples(status, weir_status_roles[i], &p->samples);
				old += p->samples.written_ns == before[i].written_ns;
			}
		}
		if (!old)
			return;
		(void)poll(NULL, 0, LOOK_MS);
	}
}

static void gather_figures(struct weir_status *status)
{
	struct weir_samples before[WEIR_STATUS_ROLES] = {0};

	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++) {
		(void)!read_samples(status, weir_status_roles[i], &before[i]);
		(void)!read_samples(status, weir_status_roles[i], &status->process[i].samples);
	}
	read_twice(status, before);
	status->now_s = wall_s();
	weir_status_figures(status, before);
	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++)
		weir_samples_done(&before[i]);
}

/* Neither a datagram nor a byte of a connection, be it still open or not. */
static bool has_nothing_arrived(const struct weir_samples *collect)
{
	double datagrams = 0;
	double bytes = 0;

	if (!weir_samples_get(collect, "weir_collect_datagrams_total", "", &datagrams))
		return false;
	(void)weir_samples_get(collect, "weir_collect_session_bytes_total", "", &bytes);
	return datagrams < 1 && bytes < 1;
}

static void judge_figures(struct weir_status *status)
{
	const struct weir_samples *sink = &status->process[WEIR_STATUS_SINK].samples;
	double drops = per_second(status, "weir_collect_kernel_drops_total");
	double up = 1;
	double down_s = 0;
	double step_s = 0;

	if (drops > 0)
		weir_status_problem(status, "the kernel drops %.0f datagrams a second; make collect.receive_buffer (and "
					    "net.core.rmem_max) larger, or collect.workers more",
				    drops);
	if (per_second(status, "weir_collect_over_share_total") > 0)
		weir_status_problem(status, "an exporter sends more than collect can take in: %.0f of its datagrams a second are "
					    "dropped, so that the others' are not; collect's log names it, collect.allow lists who may send",
				    per_second(status, "weir_collect_over_share_total"));
	if (per_second(status, "weir_collect_over_rate_total") > 0)
		weir_status_problem(status, "an exporter sends more than collect.exporter_rate_max: %.0f of its datagrams a second are "
					    "dropped; collect's log names it",
				    per_second(status, "weir_collect_over_rate_total"));
	(void)weir_samples_get(&status->process[WEIR_STATUS_COLLECT].samples, "weir_collect_clock_step_seconds", "", &step_s);
	if (step_s > 0 || step_s < 0)
		weir_status_problem(status, "this machine's clock was set %s by %.0f s in the last ten minutes: the flows' times of "
					    "receipt jumped with it%s; see what sets it (timedatectl, chronyc tracking)",
				    step_s > 0 ? "forward" : "back", step_s > 0 ? step_s : -step_s,
				    step_s > DAY_S ? ", and what is older than store.flows_retention by that time is being dropped" : "");
	if (per_second(status, "weir_probe_kernel_drops_total") > 0)
		weir_status_problem(status, "the kernel drops %.0f packets a second of the probe's; make probe.ring larger, or "
					    "probe.workers more",
				    per_second(status, "weir_probe_kernel_drops_total"));
	(void)weir_samples_get(sink, "weir_sink_up", "", &up);
	(void)weir_samples_get(sink, "weir_sink_down_seconds", "", &down_s);
	if (is_state(status, WEIR_STATUS_SINK, "up") && up < 1 && down_s >= SINK_DOWN_S)
		weir_status_problem(status, "the store has taken nothing for %.0f s, the spool keeps the flows; the sink's log says "
					    "why",
				    down_s);
	if (is_state(status, WEIR_STATUS_COLLECT, "up") && has_nothing_arrived(&status->process[WEIR_STATUS_COLLECT].samples))
		(void)snprintf(status->hint, sizeof(status->hint),
			       "Nothing has arrived yet: point a router's flow export to this machine, UDP port as in "
			       "collect.listen (`weir generate` makes some to try).");
}

/* The replicator's outputs that are taken for dead. */
static void judge_outputs(struct weir_status *status)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_REPLICATE].samples;
	double drops = per_second(status, "weir_replicate_kernel_drops_total");
	char name[256];

	if (drops > 0)
		weir_status_problem(status, "the kernel drops %.0f datagrams a second of replicate's; make replicate.receive_buffer "
					    "(and net.core.rmem_max) larger, or replicate.workers more",
				    drops);
	for (size_t i = 0; is_state(status, WEIR_STATUS_REPLICATE, "up") && i < samples->count; i++) {
		const struct weir_sample *s = &samples->sample[i];

		if (strcmp(s->name, "weir_replicate_output_up") == 0 && s->value < 1 &&
		    weir_sample_label(s, "output", name, sizeof(name)))
			weir_status_problem(status, "the collector %s, which replicate sends to, is down: it refuses, or its check "
						    "fails",
					    name);
	}
}

/* Exporters that could not be asked over SNMP, some by name. */
static void judge_snmp(struct weir_status *status)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_SNMP].samples;
	unsigned told = 0;
	double failing = 0;

	if (!is_state(status, WEIR_STATUS_SNMP, "up"))
		return;
	(void)weir_samples_get(samples, "weir_snmp_exporters_failing", "", &failing);
	for (size_t i = 0; i < samples->count && told < SNMP_TOLD_MAX; i++) {
		const struct weir_sample *s = &samples->sample[i];
		char exporter[64];
		char outcome[32];

		if (strcmp(s->name, "weir_snmp_failures") != 0 || !weir_sample_label(s, "exporter", exporter, sizeof(exporter)) ||
		    !weir_sample_label(s, "outcome", outcome, sizeof(outcome)))
			continue;
		for (unsigned o = 0; o < WEIR_SNMP_OUTCOMES; o++) {
			if (strcmp(weir_snmp_outcomes[o].name, outcome) == 0)
				weir_status_problem(status, "SNMP of %s: %s", exporter, weir_snmp_outcomes[o].text);
		}
		told++;
	}
	if (failing > told)
		weir_status_problem(status, "SNMP of %.0f more exporters fails; snmp's log names them", failing - told);
}

static void judge_targets(struct weir_status *status)
{
	const struct weir_samples *samples = &status->process[WEIR_STATUS_NOTIFY].samples;
	char name[64];

	for (size_t i = 0; is_state(status, WEIR_STATUS_NOTIFY, "up") && i < samples->count; i++) {
		const struct weir_sample *s = &samples->sample[i];

		if (strcmp(s->name, "weir_notify_up") == 0 && s->value < 1 && weir_sample_label(s, "target", name, sizeof(name)))
			weir_status_problem(status, "%s is not told of events, which wait in the spool; notify's log says why, "
						    "`weir notify --test %s` tries it",
					    name, name);
	}
}

/* --- spool, store, disk ----------------------------------------------------------------------------------- */

static int keep_furthest(void *ctx, const struct weir_spool_survey *survey)
{
	struct weir_status *status = ctx;

	if (!status->has_spool || survey->rows > status->waiting.rows)
		status->waiting = *survey;
	status->has_spool = true;
	return 0;
}

static void gather_spool(struct weir_status *status)
{
	char dir[sizeof(status->data_dir) + 8];
	struct weir_error err = {0};
	double age;
	int rc;

	(void)snprintf(dir, sizeof(dir), "%s/spool", status->data_dir);
	rc = weir_spool_survey(dir, keep_furthest, status, &err);
	if (rc && rc != -ENOENT)
		weir_status_problem(status, "%s: %s", err.where, err.what);
	age = status->now_s - (double)status->waiting.oldest_ns / (double)WEIR_NS_PER_S;
	if (status->waiting.oldest_ns && age > BEHIND_S && is_state(status, WEIR_STATUS_SINK, "up"))
		weir_status_problem(status, "the store is %.0f s behind: %.0f flows wait in the spool", age,
				    (double)status->waiting.rows);
}

static int ask_numbers(struct weir_client *client, const char *sql, double *ret_a, double *ret_b, struct weir_error *err)
{
	struct weir_buffer answer;
	int rc;

	weir_buffer_init(&answer);
	rc = weir_client_query(client, sql, NULL, 1, &answer, err);
	if (!rc && weir_buffer_cstr(&answer)) {
		char *end = NULL;

		*ret_a = strtod((const char *)answer.data, &end);
		*ret_b = strtod(end, NULL);
	}
	weir_buffer_done(&answer);
	return rc;
}

#define UNKNOWN_TABLE	 60
#define UNKNOWN_DATABASE 81

static void gather_store(struct weir_status *status)
{
	struct weir_client *client = NULL;
	struct weir_error err = {0};
	double ignored;
	int rc = weir_store_client_new(status->config, STORE_WAIT_S, &client, &err);

	if (!rc)
		rc = ask_numbers(client, "SELECT count(), toUnixTimestamp64Milli(max(time_received)) / 1000 FROM flows "
					 "FORMAT TabSeparated",
				 &status->store_flows, &status->store_newest_s, &err);
	if (rc == -EREMOTEIO && (weir_client_exception_code(client) == UNKNOWN_TABLE ||
				 weir_client_exception_code(client) == UNKNOWN_DATABASE))
		rc = 0; /* the sink makes them when it first comes there */
	status->store_answers = rc == 0;
	if (rc && !is_state(status, WEIR_STATUS_STORE, "refused"))
		weir_status_problem(status, "%s%s%s%s%s", err.where, *err.where ? ": " : "", err.what, *err.next ? "; " : "", err.next);
	status->store_bytes = -1;
	if (!rc && ask_numbers(client, "SELECT sum(bytes_on_disk), 0 FROM system.parts WHERE active AND database = "
				       "currentDatabase() FORMAT TabSeparated",
			       &status->store_bytes, &ignored, &err))
		status->store_bytes = -1; /* a user without the right to ask */
	weir_client_free(client);
}

static void gather_disk(struct weir_status *status)
{
	struct statvfs fs;
	char free_text[WEIR_HUMAN_MAX];

	if (statvfs(status->data_dir, &fs))
		return;
	status->disk_free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
	status->disk_bytes = (double)fs.f_blocks * (double)fs.f_frsize;
	weir_human_number(status->disk_free_bytes, "B", free_text);
	if (status->disk_free_bytes < status->disk_bytes * DISK_FREE_PART)
		weir_status_problem(status, "the disk of %s is almost full, %s are free; make room, or lower store.flows_retention "
					    "and spool.size_max",
				    status->data_dir, free_text);
}

static void name_things(const struct weir_config *config, const char *data_dir, struct weir_status *status)
{
	char *absolute = realpath(data_dir, NULL);
	struct weir_buffer url;

	(void)snprintf(status->data_dir, sizeof(status->data_dir), "%s", absolute ? absolute : data_dir);
	free(absolute);
	weir_buffer_init(&url);
	if (weir_role_store_url(config, &url) == 0 && weir_buffer_cstr(&url))
		(void)snprintf(status->store_url, sizeof(status->store_url), "%s", (const char *)url.data);
	weir_buffer_done(&url);
}

void weir_status_gather(const struct weir_config *config, const char *data_dir, struct weir_status *ret_status)
{
	struct weir_status *status = ret_status;

	*status = (struct weir_status){.config = config, .now_s = wall_s()};
	name_things(config, data_dir, status);
	gather_figures(status);
	find_processes(status);
	find_sandboxes(status);
	judge_processes(status);
	judge_figures(status);
	judge_outputs(status);
	judge_snmp(status);
	judge_targets(status);
	gather_spool(status);
	gather_store(status);
	gather_disk(status);
}

void weir_status_done(struct weir_status *status)
{
	for (unsigned i = 0; i < WEIR_STATUS_ROLES; i++)
		weir_samples_done(&status->process[i].samples);
}
