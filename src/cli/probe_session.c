#include "cli/probe_session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/flow_table.h"
#include "flow/text.h"
#include "probe/counters.h"

#define FINISH_MS 10000 /* for a collector to take what waits at the end */

struct worker {
	struct weir_probe_session *session; /* borrowed */
	unsigned number;
	struct weir_packets *packets;
	struct weir_probe *probe;
	struct weir_target *target[WEIR_PROBE_TARGETS_MAX];
	struct weir_spool_writer *spool;
	struct weir_enrich_worker *enrich; /* NULL: none */
	int64_t synced_ms;
	int64_t counted_ms;
	struct weir_error print_err;

	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of what follows */
	bool ended;
	int rc;
	struct weir_error err; /* why it ended */
	struct weir_spool_stats spool_stats;
	struct weir_error spool_err;
	bool has_spool_err;
};

/* Standard output, which all workers share. */
struct printer {
	const char *format;
	bool live;
	bool begun;
	pthread_mutex_t lock;
	struct weir_flow_table table;
	struct weir_buffer text;
};

struct weir_probe_session {
	struct weir_probe_session_options options;
	struct printer printer;
	unsigned targets;
	unsigned workers;
	struct worker worker[WEIR_PROBE_WORKERS_MAX];
};

/* --- standard output -------------------------------------------------------------------------------------- */

static int as_text(struct printer *p, const struct weir_block *block)
{
	int rc = 0;

	if (strcmp(p->format, "ndjson") == 0)
		return weir_text_ndjson(block, &p->text);
	if (strcmp(p->format, "table") == 0)
		return weir_flow_table_rows(&p->table, block, &p->text);
	if (!p->begun)
		rc = weir_text_csv_header(&p->text);
	p->begun = true;
	return rc ? rc : weir_text_csv(block, &p->text);
}

static int print_block(struct worker *w, const struct weir_block *block)
{
	struct printer *p = &w->session->printer;
	int rc;

	pthread_mutex_lock(&p->lock);
	weir_buffer_reset(&p->text);
	rc = as_text(p, block);
	if (rc)
		(void)weir_error_set(&w->print_err, rc, NULL, NULL, "out of memory");
	else if (fwrite(p->text.data, 1, p->text.len, stdout) != p->text.len || (p->live && fflush(stdout)))
		rc = weir_error_set(&w->print_err, -errno, "standard output", NULL, "cannot write: %s", strerror(errno));
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* --- the spool -------------------------------------------------------------------------------------------- */

static void note_spool(struct worker *w, int rc, const struct weir_error *err)
{
	pthread_mutex_lock(&w->lock);
	if (rc) {
		w->spool_err = *err;
		w->has_spool_err = true;
	}
	w->spool_stats = *weir_spool_writer_stats(w->spool);
	pthread_mutex_unlock(&w->lock);
}

/* What cannot be written is lost and counted; the next may be. */
static void spool_block(struct worker *w, const struct weir_block *block)
{
	struct weir_error err = {0};
	int rc = weir_spool_append(w->spool, block, &err);

	note_spool(w, rc, &err);
}

static void sync_spool(struct worker *w, int64_t now_ms)
{
	struct weir_error err = {0};
	int rc;

	if (now_ms - w->synced_ms < w->session->options.sync_ms && now_ms >= w->synced_ms)
		return;
	w->synced_ms = now_ms;
	rc = weir_spool_sync(w->spool, &err);
	note_spool(w, rc, &err);
	if (w->number)
		return;
	rc = weir_spool_clean(w->spool, &err);
	note_spool(w, rc, &err);
}

/* --- the outlet of a worker ------------------------------------------------------------------------------- */

static int on_block(void *ctx, struct weir_block *block, int64_t now_ms)
{
	struct worker *w = ctx;
	int rc = 0;

	for (unsigned i = 0; i < w->session->targets && !rc; i++)
		rc = weir_target_send(w->target[i], block, now_ms);
	if (!rc && w->enrich)
		weir_enrich_block(w->enrich, block, NULL);
	if (!rc && w->session->options.format)
		rc = print_block(w, block);
	if (!rc && w->spool)
		spool_block(w, block);
	return rc;
}

static int on_sample(void *ctx, const struct weir_raw_sample *sample, int64_t now_ms)
{
	struct worker *w = ctx;
	int rc = 0;

	for (unsigned i = 0; i < w->session->targets && !rc; i++)
		rc = weir_target_sample(w->target[i], sample, now_ms);
	return rc;
}

/* Of the interfaces whose names are told; one worker is enough. */
static int send_counters(struct worker *w, int64_t now_ms)
{
	const struct weir_probe_session_options *o = &w->session->options;
	int rc = 0;

	if (w->number || !o->live || !o->counters_ms || o->encoder.version != WEIR_FLOW_SFLOW5 ||
	    now_ms - w->counted_ms < o->counters_ms)
		return 0;
	w->counted_ms = now_ms;
	for (unsigned i = 0; i < o->encoder.interfaces && !rc; i++) {
		char name[WEIR_ENCODER_NAME_MAX + 1] = "";
		struct weir_interface_counters counters;

		memcpy(name, o->encoder.interface[i].name, WEIR_ENCODER_NAME_MAX);
		if (weir_counters_read(name, &counters))
			continue; /* it is gone */
		for (unsigned n = 0; n < w->session->targets && !rc; n++)
			rc = weir_target_counters(w->target[n], &counters, now_ms);
	}
	return rc;
}

static int on_tick(void *ctx, int64_t now_ms)
{
	struct worker *w = ctx;
	int rc = send_counters(w, now_ms);

	for (unsigned i = 0; i < w->session->targets && !rc; i++)
		rc = weir_target_flush(w->target[i], now_ms);
	if (w->spool)
		sync_spool(w, now_ms);
	if (w->enrich)
		weir_enrich_rest(w->enrich);
	return rc;
}

/* --- making it -------------------------------------------------------------------------------------------- */

static int open_targets(struct worker *w, struct weir_error *err)
{
	struct weir_target_options options = {
		.encoder = w->session->options.encoder,
		.tls = &w->session->options.tls,
		.patient = !w->session->options.live,
	};
	char *list = strdup(w->session->options.to), *rest = NULL;
	unsigned n = 0;
	int rc = 0;

	if (!list)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	options.encoder.domain += w->number;
	for (char *word = strtok_r(list, ", ", &rest); word && !rc; word = strtok_r(NULL, ", ", &rest)) {
		if (n == WEIR_PROBE_TARGETS_MAX)
			rc = weir_error_set(err, -E2BIG, "--to", "`weir replicate` serves more", "%d collectors at most",
					    WEIR_PROBE_TARGETS_MAX);
		else
			rc = weir_target_open(word, &options, &w->target[n], err);
		n += !rc;
	}
	free(list);
	w->session->targets = n;
	return rc;
}

static int open_spool(struct worker *w, struct weir_error *err)
{
	struct weir_spool_options spool = *w->session->options.spool;
	char lane[WEIR_SPOOL_LANE_MAX];

	(void)snprintf(lane, sizeof(lane), "p%u", w->number);
	spool.lane = lane;
	return weir_spool_writer_open(&spool, &w->spool, err);
}

static int worker_init(struct worker *w, struct weir_error *err)
{
	const struct weir_probe_session_options *o = &w->session->options;
	struct weir_probe_options probe = {
		.packets = w->packets,
		.live = o->live,
		.paced = o->paced,
		.meter = o->meter,
		.outlet = {.block = on_block, .tick = on_tick, .ctx = w},
		.clock = &weir_clock_system,
	};
	int rc = 0;

	probe.meter.domain += w->number;
	if (o->to && o->encoder.version == WEIR_FLOW_SFLOW5)
		probe.outlet.sample = on_sample;
	if (o->to)
		rc = open_targets(w, err);
	if (!rc && o->spool)
		rc = open_spool(w, err);
	if (!rc && o->enrich && weir_enrich_worker_new(o->enrich, o->meter.seed + w->number, &w->enrich))
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	return rc ? rc : weir_probe_new(&probe, &w->probe, err);
}

int weir_probe_session_new(const struct weir_probe_session_options *options, struct weir_probe_session **ret_session,
			   struct weir_error *err)
{
	struct weir_probe_session *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s) {
		for (unsigned i = 0; i < options->workers; i++)
			weir_packets_close(options->packets[i]);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	s->options = *options;
	s->workers = options->workers;
	s->printer.format = options->format;
	s->printer.live = options->live || options->paced;
	pthread_mutex_init(&s->printer.lock, NULL);
	weir_buffer_init(&s->printer.text);
	weir_flow_table_init(&s->printer.table, weir_flow_table_colour(stdout));
	for (unsigned i = 0; i < s->workers; i++) {
		s->worker[i] = (struct worker){.session = s, .number = i, .packets = options->packets[i]};
		pthread_mutex_init(&s->worker[i].lock, NULL);
	}
	for (unsigned i = 0; i < s->workers && !rc; i++)
		rc = worker_init(&s->worker[i], err);
	if (rc) {
		weir_probe_session_free(s);
		return rc;
	}
	*ret_session = s;
	return 0;
}

void weir_probe_session_free(struct weir_probe_session *session)
{
	if (!session)
		return;
	for (unsigned i = 0; i < session->workers; i++) {
		struct worker *w = &session->worker[i];

		weir_probe_free(w->probe);
		for (unsigned n = 0; n < WEIR_PROBE_TARGETS_MAX; n++)
			weir_target_close(w->target[n]);
		weir_spool_writer_close(w->spool);
		weir_enrich_worker_free(w->enrich);
		weir_packets_close(w->packets);
		pthread_mutex_destroy(&w->lock);
	}
	pthread_mutex_destroy(&session->printer.lock);
	weir_buffer_done(&session->printer.text);
	free(session);
}

/* --- running ---------------------------------------------------------------------------------------------- */

static void *work(void *arg)
{
	struct worker *w = arg;
	struct weir_error err = {0};
	int rc = weir_probe_work(w->probe, &err);

	if (rc && !*err.what)
		err = w->print_err;
	if (rc && !*err.what)
		(void)weir_error_set(&err, rc, NULL, NULL, "the flows cannot be handed out: %s", strerror(-rc));
	for (unsigned i = 0; i < w->session->targets; i++)
		weir_target_finish(w->target[i], FINISH_MS);
	if (w->spool)
		sync_spool(w, INT64_MAX);
	pthread_mutex_lock(&w->lock);
	w->err = err;
	w->rc = rc;
	w->ended = true;
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start_from(struct weir_probe_session *s, unsigned first, struct weir_error *err)
{
	for (unsigned i = first; i < s->workers; i++) {
		int rc = pthread_create(&s->worker[i].thread, NULL, work, &s->worker[i]);

		if (rc) {
			struct weir_error ignored;

			weir_probe_session_stop(s);
			weir_probe_session_join(s, &ignored);
			return weir_error_set(err, -rc, "--workers", "set fewer workers", "worker %u cannot be started: %s",
					      i, strerror(rc));
		}
		s->worker[i].started = true;
	}
	return 0;
}

int weir_probe_session_start(struct weir_probe_session *session, struct weir_error *err)
{
	return start_from(session, 0, err);
}

int weir_probe_session_run(struct weir_probe_session *session, struct weir_error *err)
{
	int rc = start_from(session, 1, err);

	if (rc)
		return rc;
	(void)work(&session->worker[0]);
	if (session->worker[0].rc)
		weir_probe_session_stop(session);
	return weir_probe_session_join(session, err);
}

void weir_probe_session_stop(struct weir_probe_session *session)
{
	for (unsigned i = 0; i < session->workers; i++)
		weir_probe_stop(session->worker[i].probe);
}

bool weir_probe_session_failed(struct weir_probe_session *session, struct weir_error *ret_err)
{
	bool failed = false;

	for (unsigned i = 0; i < session->workers && !failed; i++) {
		struct worker *w = &session->worker[i];

		pthread_mutex_lock(&w->lock);
		failed = w->ended;
		if (failed)
			*ret_err = w->err;
		pthread_mutex_unlock(&w->lock);
	}
	return failed;
}

int weir_probe_session_join(struct weir_probe_session *session, struct weir_error *err)
{
	int rc = 0;

	for (unsigned i = 0; i < session->workers; i++) {
		struct worker *w = &session->worker[i];

		if (w->started)
			(void)pthread_join(w->thread, NULL);
		w->started = false;
		if (w->rc && !rc) {
			rc = w->rc;
			*err = w->err;
		}
	}
	if (!rc && session->options.format && fflush(stdout))
		rc = weir_error_set(err, -errno, "standard output", NULL, "cannot write: %s", strerror(errno));
	return rc;
}

/* --- figures ---------------------------------------------------------------------------------------------- */

/* Structs of 64-bit counters only. */
static void add(void *sum, const void *more, size_t bytes)
{
	uint64_t *to = sum;
	const uint64_t *from = more;

	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] += from[i];
}

void weir_probe_session_stats(struct weir_probe_session *session, struct weir_probe_stats *ret_stats,
			      struct weir_spool_stats *ret_spool)
{
	*ret_stats = (struct weir_probe_stats){0};
	*ret_spool = (struct weir_spool_stats){0};
	for (unsigned i = 0; i < session->workers; i++) {
		struct worker *w = &session->worker[i];
		struct weir_probe_stats stats;

		weir_probe_stats(w->probe, &stats);
		add(&ret_stats->packets, &stats.packets, sizeof(stats.packets));
		add(&ret_stats->meter, &stats.meter, sizeof(stats.meter));
		ret_stats->flows += stats.flows;
		pthread_mutex_lock(&w->lock);
		add(ret_spool, &w->spool_stats, sizeof(w->spool_stats));
		pthread_mutex_unlock(&w->lock);
	}
}

const char *weir_probe_session_target(struct weir_probe_session *session, unsigned i, struct weir_target_stats *ret_stats,
				      struct weir_encoder_stats *ret_encoder)
{
	if (i >= session->targets)
		return NULL;
	*ret_stats = (struct weir_target_stats){0};
	*ret_encoder = (struct weir_encoder_stats){0};
	for (unsigned n = 0; n < session->workers; n++) {
		const struct weir_target_stats *stats = weir_target_stats(session->worker[n].target[i]);

		add(ret_encoder, weir_target_encoder_stats(session->worker[n].target[i]), sizeof(*ret_encoder));
		ret_stats->datagrams += stats->datagrams;
		ret_stats->refused += stats->refused;
		ret_stats->failed += stats->failed;
		ret_stats->last_failure = stats->last_failure ? stats->last_failure : ret_stats->last_failure;
	}
	return weir_target_name(session->worker[0].target[i]);
}

bool weir_probe_session_stream(struct weir_probe_session *session, unsigned i, struct weir_stream_stats *ret_stats)
{
	*ret_stats = (struct weir_stream_stats){0};
	for (unsigned n = 0; n < session->workers; n++) {
		struct weir_stream_stats stats;

		if (!weir_target_stream_stats(session->worker[n].target[i], &stats))
			return false;
		ret_stats->messages += stats.messages;
		ret_stats->sessions += stats.sessions;
		ret_stats->dropped += stats.dropped;
		ret_stats->lost += stats.lost;
		if (*stats.err.what)
			ret_stats->err = stats.err;
	}
	return true;
}

bool weir_probe_session_error(struct weir_probe_session *session, struct weir_error *ret_err)
{
	bool found = false;

	for (unsigned i = 0; i < session->workers; i++) {
		struct worker *w = &session->worker[i];

		pthread_mutex_lock(&w->lock);
		if (w->has_spool_err)
			*ret_err = w->spool_err;
		found = found || w->has_spool_err;
		w->has_spool_err = false;
		pthread_mutex_unlock(&w->lock);
	}
	return found;
}
