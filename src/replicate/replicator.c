/* The workers, and the thread that checks the outputs' health.
 *
 * A worker holds a plan, and of each exporter the outputs that its datagrams go to. When the plan or an output's health has
 * changed (one generation number says so), the worker goes through its exporters once and routes them anew. This
 * happens while nothing is queued, so that a batch is queued and flushed under one plan.
 *
 * told. Each domain of an exporter has a bit for each output that has heard all its templates: either because it got
 * every datagram since the first, or because it was told. The bit goes when the exporter moves elsewhere, when the output
 * goes down (the collector may begin anew without memory), and when a reload puts another output there. Before a
 * datagram goes to an output without the bit, that is told, unless it is down. */
#include "replicate/replicator.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "replicate/exporters.h"
#include "replicate/senders.h"

#define POLL_MS      100
#define CHECK_MS     100
#define DRAIN_ROUNDS 1000
#define SEND_BUFFER  (4 << 20)

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

/* An output as the worker knew it when it routed. */
struct seen {
	const struct weir_replicate_output *output; /* compared, never followed */
	uint32_t epoch;
	bool up;
};

struct worker {
	struct weir_replicator *replicator; /* borrowed */
	unsigned number;
	pthread_t thread;
	bool running;
	bool stop; /* atomic */

	/* The thread's own. */
	struct weir_udp *udp;             /* borrowed */
	struct weir_replicate_plan *plan; /* a reference */
	uint64_t generation;
	struct seen seen[WEIR_REPLICATE_OUTPUTS_MAX];
	struct weir_replicate_exporters exporters;
	struct weir_replicate_senders *senders; /* owned; NULL: no output kept the source at the start */
	int sender;                             /* of the datagram at hand */
	uint64_t queued; /* outputs with something to flush */
	uint64_t unknown;

	/* What others may see. */
	pthread_mutex_t lock;
	struct weir_replicate_plan *next; /* a reference; NULL: the plan stays */
	struct weir_replicator_stats stats;
	int failure;
};

struct weir_replicator {
	struct weir_replicator_options options;
	struct worker *worker;
	struct weir_replicate_output_raw *raw; /* one a worker */
	struct weir_replicate_plan *plan;      /* a reference; the caller's thread */
	uint64_t generation;                   /* atomic */
	bool started;

	pthread_t checker_thread;
	bool checking;
	bool stop; /* atomic */
	struct weir_checker *checker;
	pthread_mutex_t lock;
	struct weir_replicate_plan *checked; /* a reference, for the checker */
};

/* --- a new plan, or other health ----------------------------------------------------------------------------- */

static void bump(struct weir_replicator *r)
{
	(void)__atomic_add_fetch(&r->generation, 1, __ATOMIC_ACQ_REL);
}

/* The slots whose output is another one than before, or was down in between. */
static uint64_t changed_slots(struct worker *w)
{
	uint64_t changed = 0;

	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		struct weir_replicate_output *o = w->plan->output[i];
		struct seen now = {.output = o,
				   .up = o && weir_replicate_output_up(o),
				   .epoch = o ? weir_replicate_output_epoch(o) : 0};

		/* What its socket noted while it was down must not be taken for news. */
		if (now.up && !w->seen[i].up && now.output == w->seen[i].output)
			weir_replicate_output_clear_errors(weir_replicate_output_socket(o, w->number));
		if (now.output != w->seen[i].output || now.epoch != w->seen[i].epoch)
			changed |= UINT64_C(1) << i;
		w->seen[i] = now;
	}
	return changed;
}

static void route(struct worker *w, struct weir_replicate_exporter *x, uint64_t changed)
{
	x->targets = weir_replicate_plan_route(w->plan, &x->addr, x->protocol, &x->filtered);
	for (uint32_t i = 0; i < x->recall.count; i++)
		x->recall.domain[i].told &= x->targets & ~changed;
}

/* While nothing is queued. */
static void follow(struct worker *w)
{
	uint64_t generation = __atomic_load_n(&w->replicator->generation, __ATOMIC_ACQUIRE);
	struct weir_replicate_plan *old = NULL;
	uint64_t changed;

	if (generation == w->generation)
		return;
	w->generation = generation;
	pthread_mutex_lock(&w->lock);
	if (w->next) {
		old = w->plan;
		w->plan = w->next;
		w->next = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	changed = changed_slots(w);
	for (uint32_t i = 0; i < w->exporters.slots; i++) {
		if (w->exporters.slot[i])
			route(w, w->exporters.slot[i], changed);
	}
	/* After the comparison, so that no new output can have an old one's address. */
	weir_replicate_plan_unref(old);
}

/* --- copies -------------------------------------------------------------------------------------------------- */

static void refused(struct worker *w, struct weir_replicate_output *output)
{
	const struct weir_replicate_health_rule rule = weir_checker_rule(&w->replicator->options.checker, output);

	if (output->spec.health == WEIR_REPLICATE_HEALTH_UDP &&
	    weir_replicate_output_note(output, &rule, false,
				       weir_clock_mono_ns(&w->replicator->options.checker.clock)))
		bump(w->replicator);
}

static void flush(struct worker *w, unsigned slot)
{
	struct weir_replicate_output *output = w->plan->output[slot];

	if (weir_replicate_output_flush(output, w->number))
		refused(w, output);
	w->queued &= ~(UINT64_C(1) << slot);
}

static void put(struct worker *w, unsigned slot, struct weir_replicate_output_datagram *datagram)
{
	struct weir_replicate_output *output = w->plan->output[slot];

	if (weir_replicate_output_put(output, w->number, datagram))
		refused(w, output);
	w->queued |= UINT64_C(1) << slot;
}

struct telling {
	struct worker *worker;
	unsigned slot;
	const struct weir_datagram *next;
};

static void send_told(void *ctx, const uint8_t *data, size_t len)
{
	const struct telling *t = ctx;
	struct weir_replicate_output_datagram d = {
		.data = data,
		.len = len,
		.exporter = t->next->exporter,
		.exporter_port = t->next->exporter_port,
		.sender = t->worker->sender,
	};

	put(t->worker, t->slot, &d);
	/* At once: the bytes are not kept. */
	flush(t->worker, t->slot);
	weir_replicate_count(
		&weir_replicate_output_lane_stats(t->worker->plan->output[t->slot], t->worker->number)->told, 1);
}

/* Tell the outputs that have not heard the domain's templates, in their place among the exporter's
 * datagrams. */
static void tell(struct worker *w, struct weir_recall_domain *domain, uint64_t outputs,
		 const struct weir_replicate_message *m, const struct weir_datagram *next)
{
	for (uint64_t left = outputs; left; left &= left - 1) {
		struct telling t = {.worker = w, .slot = (unsigned)__builtin_ctzll(left), .next = next};

		if (!weir_replicate_output_up(w->plan->output[t.slot]))
			continue;
		flush(w, t.slot);
		/* Without memory the exporter itself repeats them sooner or later. */
		(void)!weir_recall_tell(domain, m, send_told, &t);
		domain->told |= left & -left;
	}
}

static void learn(struct worker *w, struct weir_replicate_exporter *x, const struct weir_replicate_message *m,
		  const struct weir_datagram *datagram)
{
	struct weir_recall_store *store = &w->exporters.store;
	struct weir_recall_domain *domain = weir_recall_domain(&x->recall, store, m->domain);

	if (!domain) {
		store->refused++;
		return;
	}
	if (x->targets & ~domain->told)
		tell(w, domain, x->targets & ~domain->told, m, datagram);
	weir_recall_learn(domain, store, m);
}

/* While nothing is queued. */
static void settle(struct worker *w)
{
	const struct weir_replicate_output_raw *raw = &w->replicator->raw[w->number];

	follow(w);
	if (w->senders)
		weir_replicate_senders_settle(w->senders, raw->v4, raw->v6);
}

static void take(void *ctx, const struct weir_datagram *datagram)
{
	struct worker *w = ctx;
	const struct weir_replicate_message m = weir_replicate_peek(datagram->data, datagram->len);
	struct weir_replicate_output_datagram copy = {.data = datagram->data,
						      .len = datagram->len,
						      .exporter = datagram->exporter,
						      .exporter_port = datagram->exporter_port};
	struct weir_replicate_exporter stranger = {.addr = datagram->exporter, .protocol = m.protocol};
	struct weir_replicate_exporter *x;
	bool is_new = false;

	if (!w->queued)
		settle(w);
	x = weir_replicate_exporters_get(&w->exporters, &datagram->exporter, m.protocol, datagram->received_ms,
					 &is_new);
	if (!x) {
		w->unknown++;
		x = &stranger;
	}
	if (is_new || x == &stranger)
		route(w, x, 0);
	if (w->senders && x->targets & w->plan->kept)
		w->sender = weir_replicate_senders_get(w->senders, &datagram->exporter, datagram->exporter_port);
	copy.sender = w->sender;
	if (weir_replicate_header_len(m.protocol) && x != &stranger)
		learn(w, x, &m, datagram);
	for (uint64_t left = x->targets; left; left &= left - 1)
		put(w, (unsigned)__builtin_ctzll(left), &copy);
	for (uint64_t left = x->filtered; left; left &= left - 1)
		weir_replicate_count(
			&weir_replicate_output_lane_stats(w->plan->output[__builtin_ctzll(left)], w->number)
				 ->filtered,
			1);
}

void weir_replicator_batch_end(void *worker)
{
	struct worker *w = worker;

	while (w->queued)
		flush(w, (unsigned)__builtin_ctzll(w->queued));
}

/* --- the worker's thread ------------------------------------------------------------------------------------- */

static void count_exporters(struct worker *w)
{
	uint64_t count[WEIR_REPLICATE_OUTPUTS_MAX] = {0};

	for (uint32_t i = 0; i < w->exporters.slots; i++) {
		const struct weir_replicate_exporter *x = w->exporters.slot[i];

		for (uint64_t left = x ? x->targets : 0; left; left &= left - 1)
			count[__builtin_ctzll(left)]++;
	}
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		if (w->plan->output[i])
			__atomic_store_n(&weir_replicate_output_lane_stats(w->plan->output[i], w->number)->exporters,
					 count[i], __ATOMIC_RELAXED);
	}
}

static void publish(struct worker *w)
{
	count_exporters(w);
	pthread_mutex_lock(&w->lock);
	w->stats.udp = *weir_udp_stats(w->udp);
	w->stats.exporters = w->exporters.count;
	w->stats.unknown = w->unknown;
	w->stats.recall_bytes = w->exporters.store.bytes;
	w->stats.recall_items = w->exporters.store.items;
	w->stats.recall_refused = w->exporters.store.refused;
	w->stats.senders_left = weir_replicate_senders_left(w->senders);
	pthread_mutex_unlock(&w->lock);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	const struct weir_clock *clock = &w->replicator->options.checker.clock;
	int64_t published_ns = 0;
	int rc = 0;

	while (rc >= 0 && !__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		int64_t now;

		follow(w);
		rc = weir_udp_poll(w->udp, POLL_MS, take, w);
		now = weir_clock_mono_ns(clock);
		if (now - published_ns >= POLL_MS * WEIR_NS_PER_MS) {
			publish(w);
			published_ns = now;
		}
	}
	for (unsigned i = 0; rc >= 0 && i < DRAIN_ROUNDS && weir_udp_poll(w->udp, 0, take, w) > 0; i++)
		;
	publish(w);
	if (rc < 0) {
		pthread_mutex_lock(&w->lock);
		w->failure = rc;
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* --- the checker's thread ------------------------------------------------------------------------------------ */

static void *check(void *arg)
{
	struct weir_replicator *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		struct weir_replicate_plan *plan;

		pthread_mutex_lock(&r->lock);
		plan = weir_replicate_plan_ref(r->checked);
		pthread_mutex_unlock(&r->lock);
		if (weir_checker_look(r->checker, plan, CHECK_MS))
			bump(r);
		weir_replicate_plan_unref(plan);
	}
	return NULL;
}

/* --- lifecycle ----------------------------------------------------------------------------------------------- */

/* Below 0: a negative errno value. */
static int raw_socket(int family)
{
	int on = 1;
	int size = SEND_BUFFER;
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on))
			       : setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on))) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	return fd;
}

static bool any_keeps(const struct weir_replicate_spec *specs, unsigned count)
{
	bool keeps = false;

	for (unsigned i = 0; i < count; i++)
		keeps = keeps || specs[i].keep_source;
	return keeps;
}

/* Unless they are open, or no output wants them. IPv6 may be missing; an output that needs it says so. */
static int raw_open(struct weir_replicator *r, const struct weir_replicate_spec *specs, unsigned count,
		    struct weir_error *err)
{
	if (!any_keeps(specs, count))
		return 0;
	for (unsigned i = 0; i < r->options.workers; i++) {
		struct weir_replicate_output_raw *raw = &r->raw[i];

		if (raw->v4 < 0)
			raw->v4 = raw_socket(AF_INET);
		if (raw->v6 < 0)
			raw->v6 = raw_socket(AF_INET6);
		if (raw->v4 < 0)
			return weir_error_set(err, raw->v4, "keep-source",
					      r->started ? "root and CAP_NET_RAW were given up after the start: start it again"
							 : "start it as root or with CAP_NET_RAW, or let the "
							   "source be rewritten",
					      "a datagram cannot keep its source: %s", strerror(-raw->v4));
	}
	return 0;
}

/* A quarter of them for IPv6. */
static int senders_open(struct weir_replicator *r, const struct weir_replicate_spec *specs, unsigned count,
			struct weir_error *err)
{
	unsigned share = r->options.senders_max / r->options.workers;

	for (unsigned i = 0; any_keeps(specs, count) && i < r->options.workers; i++) {
		if (weir_replicate_senders_new(share - share / 4, share / 4, r->options.seed + i, &r->worker[i].senders))
			return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	return 0;
}

static int worker_init(struct weir_replicator *r, unsigned number, struct weir_error *err)
{
	struct worker *w = &r->worker[number];
	struct weir_recall_limits limits = r->options.limits;

	limits.bytes_max = limits.bytes_max / r->options.workers + 1;
	w->replicator = r;
	w->number = number;
	if (weir_replicate_exporters_init(&w->exporters, r->options.exporters_max, &limits, r->options.seed + number))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	w->plan = weir_replicate_plan_ref(r->plan);
	w->sender = -1;
	(void)changed_slots(w);
	return 0;
}

static void specs_done(struct weir_replicate_spec *specs, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		weir_replicate_spec_done(&specs[i]);
}

int weir_replicator_new(const struct weir_replicator_options *options, struct weir_replicate_spec *specs,
			unsigned count, struct weir_replicator **ret_replicator, struct weir_error *err)
{
	struct weir_replicator *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		specs_done(specs, count);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	r->options = *options;
	pthread_mutex_init(&r->lock, NULL);
	r->worker = calloc(options->workers, sizeof(*r->worker));
	r->raw = calloc(options->workers, sizeof(*r->raw));
	rc = r->worker && r->raw ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	for (unsigned i = 0; !rc && i < options->workers; i++) {
		pthread_mutex_init(&r->worker[i].lock, NULL);
		r->raw[i] = (struct weir_replicate_output_raw){.v4 = -EPERM, .v6 = -EPERM};
	}
	if (!rc)
		rc = raw_open(r, specs, count, err);
	if (!rc)
		rc = senders_open(r, specs, count, err);
	if (rc)
		specs_done(specs, count);
	else
		rc = weir_replicate_plan_new(specs, count, NULL, options->workers, r->raw, &r->plan, err);
	for (unsigned i = 0; !rc && i < options->workers; i++)
		rc = worker_init(r, i, err);
	if (!rc)
		rc = weir_checker_new(&options->checker, &r->checker, err);
	if (rc) {
		weir_replicator_free(r);
		return rc;
	}
	r->checked = weir_replicate_plan_ref(r->plan);
	*ret_replicator = r;
	return 0;
}

static void worker_done(struct worker *w)
{
	if (w->exporters.slot)
		weir_replicate_exporters_done(&w->exporters);
	weir_replicate_plan_unref(w->plan);
	weir_replicate_plan_unref(w->next);
	weir_replicate_senders_free(w->senders);
	pthread_mutex_destroy(&w->lock);
}

void weir_replicator_free(struct weir_replicator *replicator)
{
	struct weir_replicator *r = replicator;

	if (!r)
		return;
	weir_replicator_stop(r);
	weir_checker_free(r->checker);
	for (unsigned i = 0; r->worker && r->raw && i < r->options.workers; i++) {
		worker_done(&r->worker[i]);
		if (r->raw[i].v4 > 0)
			(void)close(r->raw[i].v4);
		if (r->raw[i].v6 > 0)
			(void)close(r->raw[i].v6);
	}
	weir_replicate_plan_unref(r->plan);
	weir_replicate_plan_unref(r->checked);
	pthread_mutex_destroy(&r->lock);
	free(r->worker);
	free(r->raw);
	free(r);
}

int weir_replicator_start(struct weir_replicator *replicator, struct weir_udp *const *udp, struct weir_error *err)
{
	struct weir_replicator *r = replicator;
	int rc = pthread_create(&r->checker_thread, NULL, check, r);

	r->checking = rc == 0;
	r->started = true;
	for (unsigned i = 0; !rc && i < r->options.workers; i++) {
		r->worker[i].udp = udp[i];
		rc = pthread_create(&r->worker[i].thread, NULL, work, &r->worker[i]);
		r->worker[i].running = rc == 0;
	}
	if (!rc)
		return 0;
	weir_replicator_stop(r);
	return weir_error_set(err, -rc, "replicate.workers", "set fewer workers", "a thread cannot be started: %s",
			      strerror(rc));
}

void weir_replicator_stop(struct weir_replicator *replicator)
{
	struct weir_replicator *r = replicator;

	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; r->worker && i < r->options.workers; i++)
		__atomic_store_n(&r->worker[i].stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; r->worker && i < r->options.workers; i++) {
		if (r->worker[i].running)
			(void)pthread_join(r->worker[i].thread, NULL);
		r->worker[i].running = false;
	}
	if (r->checking)
		(void)pthread_join(r->checker_thread, NULL);
	r->checking = false;
}

int weir_replicator_reload(struct weir_replicator *replicator, struct weir_replicate_spec *specs, unsigned count,
			   struct weir_error *err)
{
	struct weir_replicator *r = replicator;
	struct weir_replicate_plan *plan;
	/* The first output that keeps the source may come now; without the right to it the plan stays. */
	int rc = raw_open(r, specs, count, err);

	if (rc)
		specs_done(specs, count);
	else
		rc = weir_replicate_plan_new(specs, count, r->plan, r->options.workers, r->raw, &plan, err);
	if (rc)
		return rc;
	for (unsigned i = 0; i < r->options.workers; i++) {
		struct worker *w = &r->worker[i];

		pthread_mutex_lock(&w->lock);
		weir_replicate_plan_unref(w->next);
		w->next = weir_replicate_plan_ref(plan);
		pthread_mutex_unlock(&w->lock);
	}
	pthread_mutex_lock(&r->lock);
	weir_replicate_plan_unref(r->checked);
	r->checked = weir_replicate_plan_ref(plan);
	pthread_mutex_unlock(&r->lock);
	weir_replicate_plan_unref(r->plan);
	r->plan = plan;
	bump(r);
	return 0;
}

/* --- what others see ----------------------------------------------------------------------------------------- */

void weir_replicator_stats(struct weir_replicator *replicator, struct weir_replicator_stats *ret_stats)
{
	uint64_t *to = (uint64_t *)(void *)ret_stats;

	*ret_stats = (struct weir_replicator_stats){0};
	for (unsigned i = 0; i < replicator->options.workers; i++) {
		struct worker *w = &replicator->worker[i];
		const uint64_t *from = (const uint64_t *)(const void *)&w->stats;

		pthread_mutex_lock(&w->lock);
		for (size_t n = 0; n < sizeof(*ret_stats) / sizeof(*to); n++)
			to[n] += from[n];
		pthread_mutex_unlock(&w->lock);
	}
}

const struct weir_replicate_plan *weir_replicator_plan(const struct weir_replicator *replicator)
{
	return replicator->plan;
}

bool weir_replicator_failed(struct weir_replicator *replicator, struct weir_error *ret_err)
{
	int failure = 0;

	for (unsigned i = 0; i < replicator->options.workers && !failure; i++) {
		struct worker *w = &replicator->worker[i];

		pthread_mutex_lock(&w->lock);
		failure = w->failure;
		pthread_mutex_unlock(&w->lock);
	}
	if (failure)
		(void)weir_error_set(ret_err, failure, "replicate", NULL, "receiving failed: %s", strerror(-failure));
	return failure != 0;
}
