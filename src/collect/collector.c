#include "collect/collector.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS	       100
#define CLEAN_MS       1000
#define SEGMENT_ROWS   (1U << 20)
#define REPORT_MS      2000
#define REPORT_MANY    1000 /* exporters: from so many on REPORT_MANY_MS */
#define REPORT_MANY_MS 10000
#define ACCOUNTS_MAX   16384 /* of sources, for their shares */
#define STATE_FRESH_MS 600000 /* when nothing has changed, exporters' last times are saved so often */
#define STATE_CONNECTIONS_MS 60000 /* and so often what firewalls' connections told: 73 bytes each, 19 MB at most */
#define DRAIN_ROUNDS   1000 /* at the end: as many polls of what is in the sockets' buffers, no more */
#define SESSION_ROUNDS 16   /* the same for sessions, whose peers fill the buffers again */

struct worker {
	struct weir_collector *collector; /* borrowed */
	unsigned number;
	pthread_t thread;
	bool running;
	bool stop; /* atomic */

	/* The thread's own. */
	struct weir_udp *udp;		/* borrowed; NULL: the worker of the sessions */
	struct weir_sessions *sessions; /* borrowed; NULL: a worker of UDP */
	struct weir_fairness *fairness; /* of UDP */
	struct weir_decoder *decoder;
	struct weir_block *block;
	struct weir_block *long_block; /* of flows whose addresses may be long (weir_decoder_divide) */
	struct weir_block_sink sink;
	struct weir_enrich_worker *enrich; /* NULL: none */
	struct weir_guard_worker *guard;   /* NULL: none */
	struct weir_spool_writer *spool;
	struct weir_records records[WEIR_TABLES];	/* but for flows, like the next */
	struct weir_spool_writer *record_spool[WEIR_TABLES]; /* NULL until there is something to write */
	struct weir_record_sink record_sink;
	struct weir_buffer native;
	uint64_t lost_records;
	int64_t sync_due_ns;
	int64_t clean_due_ns;
	int64_t report_due_ns;
	int64_t state_due_ns; /* even if nothing has changed */
	uint64_t state_exporters;
	uint64_t state_ignored;
	struct weir_error latest;

	/* What others may see. */
	pthread_mutex_t lock;
	struct weir_collector_stats stats;
	struct weir_reports reports;
	struct weir_fairness_worst worst; /* since it was taken */
	struct weir_buffer state;
	bool state_new;
	struct weir_error error;
	bool has_error;
	struct weir_error failure;
	bool failed;
};

struct weir_collector {
	struct weir_clock clock;
	unsigned sync_ms;
	struct weir_spool_options spool; /* of the lanes of records */
	char spool_dir[PATH_MAX];
	unsigned workers;
	unsigned udp_workers;
	struct worker *worker;
};

/* The structs are counters of 64 bits only. */
static void add(void *sum, const void *more, size_t bytes)
{
	uint64_t *to = sum;
	const uint64_t *from = more;

	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] += from[i];
}

static void lane_name(const struct worker *w, enum weir_table table, char ret_lane[WEIR_SPOOL_LANE_MAX])
{
	const char *begin = weir_tables[table].lane;

	if (w->sessions)
		(void)snprintf(ret_lane, WEIR_SPOOL_LANE_MAX, "%ss0", begin);
	else
		(void)snprintf(ret_lane, WEIR_SPOOL_LANE_MAX, "%sw%u", begin, w->number);
}

static int64_t now_ns(const struct worker *w)
{
	return weir_clock_mono_ns(&w->collector->clock);
}

static void note_error(struct worker *w, const struct weir_error *err)
{
	pthread_mutex_lock(&w->lock);
	w->error = *err;
	w->has_error = true;
	pthread_mutex_unlock(&w->lock);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void publish(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->udp) {
		w->stats.udp = *weir_udp_stats(w->udp);
		w->stats.fairness = *weir_fairness_stats(w->fairness);
		w->stats.udp.kernel_drops -= least(w->stats.udp.kernel_drops, w->stats.fairness.thinned);
	}
	if (w->sessions)
		w->stats.sessions = *weir_sessions_stats(w->sessions);
	w->stats.decoder = *weir_decoder_stats(w->decoder);
	w->stats.spool = *weir_spool_writer_stats(w->spool);
	w->stats.lost_records = w->lost_records;
	w->stats.state_exporters = w->state_exporters;
	w->stats.state_ignored = w->state_ignored;
	w->stats.record_spool = (struct weir_spool_stats){0};
	for (unsigned i = 0; i < WEIR_TABLES; i++) {
		if (w->record_spool[i])
			add(&w->stats.record_spool, weir_spool_writer_stats(w->record_spool[i]), sizeof(w->stats.record_spool));
	}
	pthread_mutex_unlock(&w->lock);
}

static void add_report(void *ctx, const struct weir_exporter_report *report)
{
	struct weir_reports *reports = ctx;

	/* Without memory for all of them some are told. */
	(void)!weir_reports_add(reports, report);
}

static void publish_reports(struct worker *w)
{
	int64_t clock_ms = now_ns(w) / WEIR_NS_PER_MS;
	bool many = weir_decoder_exporters(w->decoder) >= REPORT_MANY;

	pthread_mutex_lock(&w->lock);
	w->reports.count = 0;
	weir_decoder_each_exporter(w->decoder, clock_ms, add_report, &w->reports);
	pthread_mutex_unlock(&w->lock);
	w->report_due_ns = now_ns(w) + (many ? REPORT_MANY_MS : REPORT_MS) * WEIR_NS_PER_MS;
}

static void publish_state(struct worker *w)
{
	int64_t now_ms = weir_clock_wall_ns(&w->collector->clock) / WEIR_NS_PER_MS;

	if (w->sessions || (!weir_decoder_changed(w->decoder) && now_ns(w) < w->state_due_ns))
		return;
	pthread_mutex_lock(&w->lock);
	weir_buffer_reset(&w->state);
	/* Without memory the state is what fits, until something changes again. */
	w->state_new = weir_decoder_save(w->decoder, now_ms, &w->state) == 0;
	pthread_mutex_unlock(&w->lock);
	w->state_due_ns = now_ns(w) + (weir_decoder_has_connections(w->decoder) ? STATE_CONNECTIONS_MS : STATE_FRESH_MS) *
				      WEIR_NS_PER_MS;
}

/* The block's rows are enriched and judged, and go to the spool; where that fails the spool has counted them as lost, and there is room again. */
static void append(struct worker *w, struct weir_block *block)
{
	if (!block->rows)
		return;
	if (w->enrich)
		weir_enrich_block(w->enrich, block, NULL);
	if (w->guard)
		weir_guard_block(w->guard, block, weir_clock_wall_ns(&w->collector->clock) / WEIR_NS_PER_MS);
	if (weir_spool_append(w->spool, block, &w->latest))
		note_error(w, &w->latest);
	weir_block_reset(block);
}

static int on_full(void *ctx, struct weir_block **block)
{
	append(ctx, *block); /* it stays, empty again */
	return 0;
}

/* --- records of other tables ---------------------------------------------------------------------------------------- */

static int open_records(struct worker *w, enum weir_table table)
{
	const struct weir_collector *c = w->collector;
	char lane[WEIR_SPOOL_LANE_MAX];
	struct weir_spool_options options = c->spool;

	if (w->record_spool[table])
		return 0;
	lane_name(w, table, lane);
	options.dir = c->spool_dir;
	options.lane = lane;
	return weir_spool_writer_open(&options, &w->record_spool[table], &w->latest);
}

static void append_records(struct worker *w, enum weir_table table)
{
	struct weir_records *records = &w->records[table];
	int rc;

	if (!records->rows)
		return;
	weir_buffer_reset(&w->native);
	rc = weir_records_native(records, &w->native);
	if (rc)
		(void)weir_error_set(&w->latest, rc, NULL, NULL, "out of memory");
	if (!rc)
		rc = open_records(w, table);
	if (!rc)
		rc = weir_spool_append_native(w->record_spool[table], &w->native, records->rows, &w->latest);
	if (rc) {
		w->lost_records += w->record_spool[table] ? 0 : records->rows;
		note_error(w, &w->latest);
	}
	weir_records_reset(records);
}

static bool put_record(void *ctx, enum weir_table table, const struct weir_record *record)
{
	struct worker *w = ctx;

	if (weir_records_add(&w->records[table], record) == 0)
		return true;
	append_records(w, table);
	return weir_records_add(&w->records[table], record) == 0;
}

static void sync_records(struct worker *w)
{
	for (unsigned i = 0; i < WEIR_TABLES; i++) {
		append_records(w, (enum weir_table)i);
		if (w->record_spool[i] && weir_spool_sync(w->record_spool[i], &w->latest))
			note_error(w, &w->latest);
	}
}

/* last: events are told though they are not due. */
static void sync_spool(struct worker *w, bool last)
{
	append(w, w->block);
	append(w, w->long_block);
	if (w->enrich)
		weir_enrich_rest(w->enrich);
	if (w->guard)
		weir_guard_tell(w->guard, weir_clock_wall_ns(&w->collector->clock) / WEIR_NS_PER_MS, last, &w->record_sink);
	sync_records(w);
	if (weir_spool_sync(w->spool, &w->latest))
		note_error(w, &w->latest);
}

static void take(void *ctx, const struct weir_datagram *datagram)
{
	struct worker *w = ctx;

	weir_decoder_decode(w->decoder, datagram, &w->block, &w->sink);
}

static void take_fairly(void *ctx, const struct weir_datagram *datagram)
{
	struct worker *w = ctx;

	if (weir_fairness_admit(w->fairness, &datagram->exporter))
		take(w, datagram);
}

static void close_window(struct worker *w, int64_t now)
{
	const struct weir_fairness_thinning *thinning;
	struct weir_fairness_worst worst;
	bool was_thinned = weir_fairness_thinned(w->fairness, &thinning) > 0;
	unsigned thinned;
	double filled;

	filled = weir_udp_look(w->udp);
	weir_fairness_close(w->fairness, now, weir_udp_stats(w->udp)->kernel_drops, filled);
	thinned = weir_fairness_thinned(w->fairness, &thinning);
	/* Where the kernel has no filters the excess is refused here all the same. */
	if (thinned || was_thinned)
		(void)!weir_udp_thin(w->udp, thinning, thinned);
	worst = weir_fairness_take_worst(w->fairness);
	if (!worst.refused)
		return;
	pthread_mutex_lock(&w->lock);
	if (memcmp(&worst.source, &w->worst.source, sizeof(worst.source)) == 0)
		w->worst.refused += worst.refused;
	else if (worst.refused > w->worst.refused)
		w->worst = worst;
	pthread_mutex_unlock(&w->lock);
}

/* --- sessions ------------------------------------------------------------------------------------------------------ */

static bool take_message(void *ctx, const struct weir_datagram *datagram)
{
	struct worker *w = ctx;

	take(w, datagram);
	return !weir_decoder_malformed(w->decoder);
}

static void session_ended(void *ctx, uint64_t session, enum weir_fault why)
{
	struct worker *w = ctx;

	weir_decoder_session_end(w->decoder, session, why);
}

static void tell(void *ctx, const struct weir_error *err)
{
	note_error(ctx, err);
}

static int receive(struct worker *w, int timeout_ms)
{
	const struct weir_sessions_handler handler = {.take = take_message, .ended = session_ended, .tell = tell, .ctx = w};

	if (w->sessions)
		return weir_sessions_poll(w->sessions, timeout_ms, &handler);
	return weir_udp_poll(w->udp, timeout_ms, take_fairly, w);
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

static void do_what_is_due(struct worker *w)
{
	int64_t now = now_ns(w);

	if (now >= w->sync_due_ns) {
		sync_spool(w, false);
		w->sync_due_ns = now + w->collector->sync_ms * WEIR_NS_PER_MS;
	}
	/* One worker cleans for all lanes. */
	if (w->number == 0 && now >= w->clean_due_ns) {
		if (weir_spool_clean(w->spool, &w->latest))
			note_error(w, &w->latest);
		w->clean_due_ns = now + CLEAN_MS * WEIR_NS_PER_MS;
	}
	if (now >= w->report_due_ns) {
		publish_reports(w);
		publish_state(w);
	}
	publish(w);
}

static void drain(struct worker *w)
{
	for (unsigned i = 0; i < (w->sessions ? SESSION_ROUNDS : DRAIN_ROUNDS); i++) {
		if (receive(w, 0) <= 0)
			return;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int64_t published_ns = now_ns(w);
	int rc = 0;

	w->sync_due_ns = now_ns(w) + w->collector->sync_ms * WEIR_NS_PER_MS;
	while (rc >= 0 && !__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		int64_t now;

		rc = receive(w, POLL_MS);
		now = now_ns(w);
		if (w->udp && weir_fairness_due(w->fairness, now))
			close_window(w, now);
		if (now >= w->sync_due_ns || now - published_ns >= POLL_MS * WEIR_NS_PER_MS) {
			do_what_is_due(w);
			published_ns = now;
		}
	}
	if (rc >= 0)
		drain(w);
	weir_decoder_finish(w->decoder);
	sync_spool(w, true);
	publish(w);
	publish_reports(w);
	w->state_due_ns = 0;
	publish_state(w);
	if (rc < 0) {
		pthread_mutex_lock(&w->lock);
		w->failed = true;
		(void)weir_error_set(&w->failure, rc, "collect", NULL, "receiving failed: %s", strerror(-rc));
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static uint64_t share(uint64_t all, unsigned workers)
{
	return (all + workers - 1) / workers;
}

static bool is_mine(void *ctx, const struct weir_addr *exporter)
{
	const struct worker *w = ctx;

	return weir_udp_worker_of(exporter, w->collector->udp_workers) == w->number;
}

/* A state whose entries make no sense, in spite of its checksum, is kept as far as it did. */
static void load_state(struct worker *w, const struct weir_collector_options *o)
{
	int64_t now_ms = weir_clock_wall_ns(o->clock) / WEIR_NS_PER_MS;
	int loaded = 0;

	if (o->state && !w->sessions)
		loaded = weir_decoder_load(w->decoder, o->state->data, o->state->len, now_ms, is_mine, w);
	if (loaded > 0)
		w->state_exporters = (uint64_t)loaded;
	if (w->number == 0)
		w->state_ignored = o->state_ignored || loaded < 0;
	/* When another worker has something new, what this one took over is saved with it. */
	(void)!weir_decoder_save(w->decoder, now_ms, &w->state);
	w->state_due_ns = now_ns(w) + STATE_FRESH_MS * WEIR_NS_PER_MS;
}

static int worker_init(struct worker *w, const struct weir_collector_options *o, unsigned workers, struct weir_error *err)
{
	struct weir_decoder_limits limits = o->limits;
	char lane[WEIR_SPOOL_LANE_MAX];
	struct weir_spool_options spool = {
		.dir = o->spool_dir,
		.lane = lane,
		.segment_bytes_max = o->spool_segment_bytes,
		.segment_rows_max = SEGMENT_ROWS,
		.bytes_max = o->spool_size_max_bytes,
	};
	struct weir_fairness_options fairness = {
		.sources_max = o->limits.exporters_max < ACCOUNTS_MAX ? o->limits.exporters_max : ACCOUNTS_MAX,
		.rate_max = o->exporter_rate_max,
		.seed = o->seed,
	};

	w->sink = (struct weir_block_sink){.full = on_full, .ctx = w};
	limits.template_bytes_max = share(limits.template_bytes_max, workers);
	limits.waiting_bytes_max = share(limits.waiting_bytes_max, workers);
	lane_name(w, WEIR_TABLE_FLOWS, lane);
	w->record_sink = (struct weir_record_sink){.put = put_record, .ctx = w};
	for (unsigned i = 0; i < WEIR_TABLES; i++)
		weir_records_init(&w->records[i], (enum weir_table)i);
	if (weir_fairness_new(&fairness, &w->fairness) || weir_decoder_new(&limits, o->seed + w->number, &w->decoder) ||
	    weir_decoder_records(w->decoder, &w->record_sink) ||
	    weir_block_new(&weir_block_limits_default, &w->block) ||
	    weir_block_new(&weir_block_limits_default, &w->long_block))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	weir_decoder_divide(w->decoder, &w->long_block);
	if ((o->enrich && weir_enrich_worker_new(o->enrich, o->seed + w->number, &w->enrich)) ||
	    (o->guard && weir_guard_worker_new(o->guard, o->seed + w->number, &w->guard)))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (o->enrich)
		weir_decoder_vocabulary(w->decoder, weir_enrich_vocabulary(o->enrich));
	load_state(w, o);
	return weir_spool_writer_open(&spool, &w->spool, err);
}

int weir_collector_new(const struct weir_collector_options *options, struct weir_collector **ret_collector,
		       struct weir_error *err)
{
	unsigned workers = options->workers + (options->sessions != NULL);
	struct weir_collector *c;
	int rc = 0;

	if (!options->workers || options->workers > WEIR_COLLECTOR_WORKERS_MAX)
		return weir_error_set(err, -EINVAL, "collect.workers", NULL, "from 1 to %d workers are possible",
				      WEIR_COLLECTOR_WORKERS_MAX);
	c = calloc(1, sizeof(*c));
	if (c)
		c->worker = calloc(workers, sizeof(*c->worker));
	if (!c || !c->worker) {
		free(c);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	c->clock = *options->clock;
	c->sync_ms = options->sync_ms;
	c->udp_workers = options->workers;
	c->spool = (struct weir_spool_options){
		.segment_bytes_max = options->spool_segment_bytes,
		.segment_rows_max = SEGMENT_ROWS,
		.bytes_max = options->spool_size_max_bytes,
	};
	(void)snprintf(c->spool_dir, sizeof(c->spool_dir), "%s", options->spool_dir);
	for (unsigned i = 0; i < workers; i++) {
		c->worker[i].collector = c;
		c->worker[i].number = i;
		if (i < options->workers)
			c->worker[i].udp = options->udp[i];
		else
			c->worker[i].sessions = options->sessions;
		pthread_mutex_init(&c->worker[i].lock, NULL);
		c->workers++;
	}
	for (unsigned i = 0; !rc && i < workers; i++)
		rc = worker_init(&c->worker[i], options, workers, err);
	if (rc) {
		weir_collector_free(c);
		return rc;
	}
	*ret_collector = c;
	return 0;
}

void weir_collector_free(struct weir_collector *collector)
{
	if (!collector)
		return;
	weir_collector_stop(collector);
	for (unsigned i = 0; i < collector->workers; i++) {
		struct worker *w = &collector->worker[i];

		weir_spool_writer_close(w->spool);
		for (unsigned k = 0; k < WEIR_TABLES; k++) {
			weir_spool_writer_close(w->record_spool[k]);
			weir_records_done(&w->records[k]);
		}
		weir_buffer_done(&w->native);
		weir_guard_worker_free(w->guard);
		weir_enrich_worker_free(w->enrich);
		weir_fairness_free(w->fairness);
		weir_decoder_free(w->decoder);
		weir_block_free(w->block);
		weir_reports_done(&w->reports);
		weir_buffer_done(&w->state);
		weir_block_free(w->long_block);
		pthread_mutex_destroy(&w->lock);
	}
	free(collector->worker);
	free(collector);
}

int weir_collector_start(struct weir_collector *collector, struct weir_error *err)
{
	for (unsigned i = 0; i < collector->workers; i++) {
		struct worker *w = &collector->worker[i];
		int rc = pthread_create(&w->thread, NULL, work, w);

		if (rc) {
			weir_collector_stop(collector);
			return weir_error_set(err, -rc, "collect.workers", "set fewer workers",
					      "worker %u cannot be started: %s", i, strerror(rc));
		}
		w->running = true;
	}
	return 0;
}

void weir_collector_stop(struct weir_collector *collector)
{
	for (unsigned i = 0; i < collector->workers; i++)
		__atomic_store_n(&collector->worker[i].stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < collector->workers; i++) {
		if (collector->worker[i].running)
			(void)pthread_join(collector->worker[i].thread, NULL);
		collector->worker[i].running = false;
	}
}

void weir_collector_stats(struct weir_collector *collector, struct weir_collector_stats *ret_stats)
{
	*ret_stats = (struct weir_collector_stats){0};
	for (unsigned i = 0; i < collector->workers; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		add(ret_stats, &w->stats, sizeof(w->stats));
		pthread_mutex_unlock(&w->lock);
	}
}

int weir_collector_reports(struct weir_collector *collector, struct weir_reports *ret_reports)
{
	struct weir_reports all = {0};
	int rc = 0;

	for (unsigned i = 0; i < collector->workers && !rc; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		for (size_t k = 0; k < w->reports.count && !rc; k++)
			rc = weir_reports_add(&all, &w->reports.report[k]);
		pthread_mutex_unlock(&w->lock);
	}
	if (rc)
		weir_reports_done(&all);
	else
		*ret_reports = all;
	return rc;
}

struct weir_fairness_worst weir_collector_worst(struct weir_collector *collector)
{
	struct weir_fairness_worst worst = {.refused = 0};

	for (unsigned i = 0; i < collector->workers; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		if (w->worst.refused > worst.refused)
			worst = w->worst;
		w->worst = (struct weir_fairness_worst){.refused = 0};
		pthread_mutex_unlock(&w->lock);
	}
	return worst;
}

int weir_collector_state(struct weir_collector *collector, struct weir_buffer *out)
{
	bool is_new = false;
	int rc = 0;

	for (unsigned i = 0; i < collector->workers && !rc; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		is_new = is_new || w->state_new;
		w->state_new = false;
		rc = weir_buffer_append(out, w->state.data, w->state.len);
		pthread_mutex_unlock(&w->lock);
	}
	return rc ? rc : is_new;
}

bool weir_collector_error(struct weir_collector *collector, struct weir_error *ret_err)
{
	bool found = false;

	for (unsigned i = 0; i < collector->workers; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		if (w->has_error)
			*ret_err = w->error;
		found = found || w->has_error;
		w->has_error = false;
		pthread_mutex_unlock(&w->lock);
	}
	return found;
}

bool weir_collector_failed(struct weir_collector *collector, struct weir_error *ret_err)
{
	bool failed = false;

	for (unsigned i = 0; i < collector->workers && !failed; i++) {
		struct worker *w = &collector->worker[i];

		pthread_mutex_lock(&w->lock);
		failed = w->failed;
		if (failed)
			*ret_err = w->failure;
		pthread_mutex_unlock(&w->lock);
	}
	return failed;
}
