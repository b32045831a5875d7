#include "notify/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "notify/digest.h"
#include "sink/loop.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 60000
#define ENOUGH	       1 /* of weir_spool_read_records(): the rest of the segment later */

struct weir_notifier {
	struct weir_notifier_options options;
	struct weir_spool_reader *reader;
	struct weir_notify_digest *digest;
	struct weir_notify_channel *channel;
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* of ending's condition, and of shown */
	pthread_cond_t wake;
	atomic_bool ending;
	struct weir_notify_stats shown;
	struct weir_notify_stats stats; /* the thread's */
	struct weir_sink_stats loop;
	/* The segment in work. */
	char token[sizeof(((struct weir_spool_segment *)NULL)->token)];
	uint64_t done;	 /* its rows that are done with */
	uint64_t row;	 /* while reading: this one's number */
	bool decided;	 /* that the row behind those is to be told */
	struct weir_record sums; /* of that row: what the digest made of it */
	bool too_old;
	enum weir_notify_outcome outcome;
	struct weir_error *err;
};

static int64_t now_ms(const struct weir_notifier *n)
{
	return weir_clock_wall_ns(n->options.clock) / WEIR_NS_PER_MS;
}

static void show(struct weir_notifier *n)
{
	n->stats.retries = n->loop.retries;
	n->stats.down = n->loop.down;
	n->stats.down_since_ns = n->loop.down_since_ns;
	n->stats.error = n->loop.error;
	(void)pthread_mutex_lock(&n->mutex);
	n->shown = n->stats;
	(void)pthread_mutex_unlock(&n->mutex);
}

static bool is_stopped(void *ctx)
{
	struct weir_notifier *n = ctx;

	return atomic_load(&n->ending);
}

/* --- rows ------------------------------------------------------------------------------------------------------------ */

static void count(struct weir_notifier *n, enum weir_notify_verdict verdict)
{
	n->stats.folded += verdict == WEIR_NOTIFY_FOLDED;
	n->stats.held += verdict == WEIR_NOTIFY_HELD;
}

/* False: the row has to wait. */
static bool send_event(struct weir_notifier *n, const struct weir_record *event)
{
	n->outcome = weir_notify_channel_send(n->channel, event, now_ms(n) / WEIR_MS_PER_S, n->err);
	if (n->outcome == WEIR_NOTIFY_REFUSED) {
		n->stats.refused++;
		n->options.news(n->options.ctx, n->options.target, WEIR_NOTIFY_REFUSAL, n->err);
		n->outcome = WEIR_NOTIFY_SENT;
	} else if (n->outcome == WEIR_NOTIFY_SENT) {
		n->stats.sent++;
		n->stats.sent_ns = weir_clock_wall_ns(n->options.clock);
	}
	return n->outcome == WEIR_NOTIFY_SENT;
}

static int on_row(void *ctx, const struct weir_record *record)
{
	struct weir_notifier *n = ctx;
	struct weir_record event = *record;

	if (n->row++ < n->done)
		return 0;
	if (n->decided) {
		event.time_ms = n->sums.time_ms;
		event.flows = n->sums.flows;
		event.bytes = n->sums.bytes;
		event.packets = n->sums.packets;
	} else {
		enum weir_notify_verdict verdict = weir_notify_digest_take(n->digest, &event, now_ms(n));

		count(n, verdict);
		n->decided = verdict == WEIR_NOTIFY_TELL;
		n->sums = event;
	}
	if (n->decided && n->too_old)
		n->stats.expired++;
	else if (n->decided && !send_event(n, &event))
		return ENOUGH;
	n->decided = false;
	n->done++;
	return is_stopped(n) ? ENOUGH : 0;
}

/* Those that were held back, as an event of its own. */
static bool tell_held(struct weir_notifier *n)
{
	uint64_t held = weir_notify_digest_held(n->digest, now_ms(n));
	char text[160];
	int64_t now = now_ms(n);
	struct weir_record event = {.time_ms = now, .last_ms = now, .flows = held, .number = 1};

	if (!held)
		return true;
	(void)snprintf(text, sizeof(text), "%llu further events within a minute are not told one by one; `weir events` lists them",
		       (unsigned long long)held);
	event.level = (struct weir_text){"warning", 7};
	event.kind = (struct weir_text){"notify", 6};
	event.name = (struct weir_text){"notify/held-back", 16};
	event.action = (struct weir_text){"alert", 5};
	event.value = (struct weir_text){text, strlen(text)};
	if (!send_event(n, &event))
		return false;
	weir_notify_digest_told_held(n->digest, held);
	return true;
}

/* --- the loop -------------------------------------------------------------------------------------------------------- */

/* For how long it has been in the spool; 0 when that cannot be told. */
static int64_t age_ms(const struct weir_notifier *n, const struct weir_spool_segment *segment)
{
	struct stat st;

	return stat(segment->path, &st) ? 0 : now_ms(n) - ((int64_t)st.st_mtim.tv_sec * WEIR_MS_PER_S + st.st_mtim.tv_nsec / WEIR_NS_PER_MS);
}

static enum weir_sink_outcome outcome_of(const struct weir_notifier *n)
{
	return n->outcome == WEIR_NOTIFY_SENT ? WEIR_SINK_STORED : n->outcome == WEIR_NOTIFY_STOPPED ? WEIR_SINK_STOPPED : WEIR_SINK_TROUBLE;
}

static enum weir_sink_outcome deliver(void *ctx, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct weir_notifier *n = ctx;
	int rc;

	if (strcmp(n->token, segment->token) != 0) {
		n->done = 0;
		n->decided = false;
	}
	(void)snprintf(n->token, sizeof(n->token), "%s", segment->token);
	n->err = err;
	n->row = 0;
	n->outcome = WEIR_NOTIFY_SENT;
	n->too_old = age_ms(n, segment) > WEIR_NOTIFY_KEEP_MS;
	if (!tell_held(n))
		return outcome_of(n);
	rc = weir_spool_read_records(segment, on_row, n, err);
	show(n);
	if (rc == -EBADMSG)
		return WEIR_SINK_MALFORMED;
	if (rc < 0)
		return WEIR_SINK_TROUBLE;
	if (rc == ENOUGH && n->outcome == WEIR_NOTIFY_SENT)
		return WEIR_SINK_STOPPED;
	return outcome_of(n);
}

/* While nothing new is there. */
static enum weir_sink_outcome prepare(void *ctx, struct weir_error *err)
{
	struct weir_notifier *n = ctx;

	n->err = err;
	n->outcome = WEIR_NOTIFY_SENT;
	(void)tell_held(n);
	return outcome_of(n);
}

static int wait_for(void *ctx, unsigned ms)
{
	struct weir_notifier *n = ctx;
	struct timespec until;
	bool ending;

	show(n);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / WEIR_MS_PER_S;
	until.tv_nsec += (long)(ms % WEIR_MS_PER_S) * WEIR_NS_PER_MS;
	if (until.tv_nsec >= WEIR_NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= WEIR_NS_PER_S;
	}
	(void)pthread_mutex_lock(&n->mutex);
	while (!(ending = atomic_load(&n->ending)) && ms) {
		if (pthread_cond_timedwait(&n->wake, &n->mutex, &until) == ETIMEDOUT)
			break;
	}
	(void)pthread_mutex_unlock(&n->mutex);
	return ending;
}

static void on_event(void *ctx, enum weir_sink_event event, const struct weir_spool_segment *segment, const struct weir_error *err)
{
	struct weir_notifier *n = ctx;

	(void)segment;
	switch (event) {
	case WEIR_SINK_EVENT_DOWN:
	case WEIR_SINK_EVENT_STILL_DOWN:
		n->options.news(n->options.ctx, n->options.target, WEIR_NOTIFY_DOWN, err);
		break;
	case WEIR_SINK_EVENT_BACK:
		n->options.news(n->options.ctx, n->options.target, WEIR_NOTIFY_BACK, err);
		break;
	case WEIR_SINK_EVENT_SET_ASIDE:
	default:
		n->options.news(n->options.ctx, n->options.target, WEIR_NOTIFY_REFUSAL, err);
		break;
	}
}

static void *work(void *ctx)
{
	struct weir_notifier *n = ctx;
	struct weir_sink_loop_options loop = weir_sink_loop_defaults;
	struct weir_error err = {0};

	loop.reader = n->reader;
	loop.deliver = deliver;
	loop.prepare = prepare;
	loop.deliver_ctx = loop.ctx = n;
	loop.clock = n->options.clock;
	loop.wait = wait_for;
	loop.event = on_event;
	loop.backoff_min_ms = BACKOFF_MIN_MS;
	loop.backoff_max_ms = BACKOFF_MAX_MS;
	/* The jitter only: whatever is there will do. */
	if (getrandom(&loop.seed, sizeof(loop.seed), GRND_NONBLOCK) < 0)
		loop.seed = (uint64_t)weir_clock_mono_ns(n->options.clock);
	if (weir_sink_loop_run(&loop, &n->loop, &err))
		n->loop.error = err;
	show(n);
	return NULL;
}

/* --- its life -------------------------------------------------------------------------------------------------------- */

static int start_thread(struct weir_notifier *n)
{
	pthread_condattr_t attributes;
	int rc;

	(void)pthread_mutex_init(&n->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&n->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	rc = pthread_create(&n->thread, NULL, work, n);
	n->started = !rc;
	return -rc;
}

int weir_notifier_start(const struct weir_notifier_options *options, struct weir_notifier **ret_notifier, struct weir_error *err)
{
	struct weir_notifier *n = calloc(1, sizeof(*n));
	char consumer[WEIR_SPOOL_LANE_MAX];
	int rc;

	if (!n)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	n->options = *options;
	(void)snprintf(consumer, sizeof(consumer), WEIR_NOTIFY_CONSUMER "%s", options->target->name);
	rc = weir_spool_reader_open(options->spool_dir, consumer, &n->reader, err);
	if (!rc) {
		rc = weir_notify_digest_new(options->target, &n->digest);
		if (!rc)
			rc = weir_notify_channel_new(options->target, is_stopped, n, &n->channel);
		if (!rc)
			rc = start_thread(n);
		if (rc)
			(void)weir_error_set(err, rc, options->target->name, NULL, "it cannot be started: %s", strerror(-rc));
	}
	if (rc)
		weir_notifier_stop(n);
	else
		*ret_notifier = n;
	return rc;
}

void weir_notifier_stop(struct weir_notifier *notifier)
{
	if (!notifier)
		return;
	if (notifier->started) {
		atomic_store(&notifier->ending, true);
		(void)pthread_mutex_lock(&notifier->mutex);
		(void)pthread_cond_signal(&notifier->wake);
		(void)pthread_mutex_unlock(&notifier->mutex);
		(void)pthread_join(notifier->thread, NULL);
	}
	weir_notify_channel_free(notifier->channel);
	weir_notify_digest_free(notifier->digest);
	weir_spool_reader_close(notifier->reader);
	free(notifier);
}

void weir_notifier_stats(struct weir_notifier *notifier, struct weir_notify_stats *ret_stats)
{
	(void)pthread_mutex_lock(&notifier->mutex);
	*ret_stats = notifier->shown;
	(void)pthread_mutex_unlock(&notifier->mutex);
}
