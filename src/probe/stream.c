/* The queue is a ring of bytes: each message behind its length. The thread takes a run of messages out, puts them into the uplink's
 * buffer, and flushes when nothing waits; so under load there is a write for many messages, and none waits when there is none. */
#include "probe/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "export/preamble.h"

enum {
	CONNECT_MS = 5000, /* also for a collector that takes nothing */
	PAUSE_MS = 500,	   /* before the second attempt; doubled each time */
	PAUSE_MAX_MS = 15000,
	AWAY_MS = 30000,   /* patience ends */
	CHECK_MS = 1000,   /* an idle session is asked whether it is still there */
	MESSAGE_MAX = 65535,
	LENGTH_BYTES = 4,
};

struct weir_stream {
	struct weir_stream_options options;
	struct weir_endpoint endpoint;
	struct weir_uplink *uplink; /* the thread's; NULL: no session */
	uint64_t unconfirmed;	    /* messages since the last flush */
	uint8_t message[MESSAGE_MAX], preface[WEIR_PREAMBLE_MAX];
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool finish, hurry; /* send what is there and end; end now */
	bool ended;
	bool dead; /* patience is over */
	bool untold; /* the session lacks templates: it is another, or a message was dropped */
	int64_t away_ns; /* since when there is no session; 0: there is */
	struct weir_preamble preamble;
	struct weir_stream_stats stats;
	size_t head, filled; /* of the ring */
	uint8_t ring[WEIR_STREAM_QUEUE_BYTES];
};

static int64_t now_ns(void)
{
	return weir_clock_mono_ns(&weir_clock_system);
}

/* Locked: wait for a change, so long at most. */
static void await(struct weir_stream *s, int ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	(void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

/* --- the ring ----------------------------------------------------------------------------------------------------- */

static void put(struct weir_stream *s, const void *data, size_t len)
{
	size_t at = (s->head + s->filled) % sizeof(s->ring), first = sizeof(s->ring) - at;

	if (first > len)
		first = len;
	memcpy(s->ring + at, data, first);
	memcpy(s->ring, (const uint8_t *)data + first, len - first);
	s->filled += len;
}

static void get(struct weir_stream *s, void *data, size_t len)
{
	size_t first = sizeof(s->ring) - s->head;

	if (first > len)
		first = len;
	memcpy(data, s->ring + s->head, first);
	memcpy((uint8_t *)data + first, s->ring, len - first);
	s->head = (s->head + len) % sizeof(s->ring);
	s->filled -= len;
}

static size_t get_message(struct weir_stream *s)
{
	uint32_t len;

	if (!s->filled)
		return 0;
	get(s, &len, LENGTH_BYTES);
	get(s, s->message, len);
	return len;
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

static int open_uplink(struct weir_stream *s, struct weir_error *err)
{
	const struct weir_uplink_options uplink = {
		.text = s->options.text,
		.endpoint = &s->endpoint,
		.tls = s->options.tls,
		.timeout_ms = CONNECT_MS,
	};

	return weir_uplink_open(&uplink, &s->uplink, err);
}

static void note_up(struct weir_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->stats.sessions++;
	s->stats.up = true;
	s->away_ns = 0;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void note_down(struct weir_stream *s, const struct weir_error *err)
{
	weir_uplink_close(s->uplink);
	s->uplink = NULL;
	pthread_mutex_lock(&s->lock);
	s->stats.up = false;
	s->stats.err = *err;
	s->stats.lost += s->unconfirmed;
	if (!s->away_ns)
		s->away_ns = now_ns();
	s->untold = true;
	s->dead = s->options.patient && now_ns() - s->away_ns > AWAY_MS * WEIR_NS_PER_MS;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	s->unconfirmed = 0;
}

/* Until there is a session; false: it is over before. */
static bool connect_again(struct weir_stream *s)
{
	int pause_ms = PAUSE_MS;
	struct weir_error err;

	while (open_uplink(s, &err)) {
		int64_t until_ns = now_ns() + pause_ms * WEIR_NS_PER_MS;
		bool over;

		note_down(s, &err);
		pthread_mutex_lock(&s->lock);
		while (!s->hurry && !s->dead && !(s->finish && !s->options.patient) && now_ns() < until_ns)
			await(s, (int)((until_ns - now_ns()) / WEIR_NS_PER_MS) + 1);
		over = s->hurry || s->dead || (s->finish && !s->options.patient);
		pthread_mutex_unlock(&s->lock);
		if (over)
			return false;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	note_up(s);
	return true;
}

static int flush(struct weir_stream *s, struct weir_error *err)
{
	int rc = weir_uplink_flush(s->uplink, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->stats.messages += s->unconfirmed;
	pthread_mutex_unlock(&s->lock);
	s->unconfirmed = 0;
	return 0;
}

/* The next message, and what must be told before it, or 0: nothing waits. *ret_over: and nothing will. */
static size_t next_message(struct weir_stream *s, size_t *ret_preface, bool *ret_over)
{
	size_t len;

	pthread_mutex_lock(&s->lock);
	len = get_message(s);
	*ret_preface = len && s->untold ? weir_preamble_write(&s->preamble, s->message, s->preface) : 0;
	s->untold = s->untold && !len;
	*ret_over = s->hurry || (!len && s->finish);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return *ret_over ? 0 : len;
}

/* 0: all was sent and the end was asked for. */
static int serve_session(struct weir_stream *s, struct weir_error *err)
{
	bool over = false;
	int rc = 0;

	while (!rc) {
		size_t preface, len = next_message(s, &preface, &over);

		if (over)
			break;
		if (!len) {
			rc = flush(s, err);
			pthread_mutex_lock(&s->lock);
			if (!s->filled && !s->finish && !s->hurry)
				await(s, CHECK_MS);
			pthread_mutex_unlock(&s->lock);
			continue;
		}
		s->unconfirmed++;
		if (preface)
			rc = weir_uplink_send(s->uplink, s->preface, preface, err);
		if (!rc)
			rc = weir_uplink_send(s->uplink, s->message, len, err);
	}
	return rc;
}

static void *carry(void *arg)
{
	struct weir_stream *s = arg;
	struct weir_error err;

	while (s->uplink || connect_again(s)) {
		int rc = serve_session(s, &err);

		if (!rc)
			rc = weir_uplink_finish(s->uplink, &err);
		if (!rc) {
			pthread_mutex_lock(&s->lock);
			s->stats.messages += s->unconfirmed;
			pthread_mutex_unlock(&s->lock);
			s->unconfirmed = 0;
			break;
		}
		note_down(s, &err);
	}
	weir_uplink_close(s->uplink);
	s->uplink = NULL;
	pthread_mutex_lock(&s->lock);
	while (get_message(s))
		s->stats.lost++;
	s->ended = true;
	s->dead = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- the owner's side ----------------------------------------------------------------------------------------------- */

static int start(struct weir_stream *s, struct weir_error *err)
{
	int rc = open_uplink(s, err);

	/* What the person wrote is wrong, and will be tomorrow. */
	if (rc == -EINVAL || (rc && s->options.patient))
		return rc;
	if (rc)
		note_down(s, err);
	else
		note_up(s);
	rc = pthread_create(&s->thread, NULL, carry, s);
	s->started = !rc;
	return rc ? weir_error_set(err, -rc, s->options.text, NULL, "no thread: %s", strerror(rc)) : 0;
}

int weir_stream_open(const struct weir_stream_options *options, struct weir_stream **ret_stream, struct weir_error *err)
{
	struct weir_stream *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	int rc;

	if (!s)
		return weir_error_set(err, -ENOMEM, options->text, NULL, "out of memory");
	s->options = *options;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	rc = weir_endpoint_parse(options->text, SOCK_STREAM, &s->endpoint, err);
	if (!rc)
		rc = start(s, err);
	if (rc) {
		weir_stream_close(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

int weir_stream_send(struct weir_stream *stream, const uint8_t *message, size_t len)
{
	struct weir_stream *s = stream;
	uint32_t size = (uint32_t)len;
	int rc = 0;

	if (len > MESSAGE_MAX)
		return -EMSGSIZE;
	pthread_mutex_lock(&s->lock);
	while (s->options.patient && !s->dead && sizeof(s->ring) - s->filled < LENGTH_BYTES + len)
		await(s, CHECK_MS);
	weir_preamble_note(&s->preamble, message, len, s->options.interfaces);
	if (s->options.patient && s->dead) {
		rc = -ENOTCONN;
	} else if (sizeof(s->ring) - s->filled < LENGTH_BYTES + len) {
		s->stats.dropped++;
		s->untold = true;
	} else {
		put(s, &size, LENGTH_BYTES);
		put(s, message, len);
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void weir_stream_finish(struct weir_stream *stream, int timeout_ms)
{
	int64_t until_ns = now_ns() + timeout_ms * WEIR_NS_PER_MS;

	if (!stream->started)
		return;
	pthread_mutex_lock(&stream->lock);
	stream->finish = true;
	pthread_cond_broadcast(&stream->changed);
	while (!stream->ended && now_ns() < until_ns)
		await(stream, (int)((until_ns - now_ns()) / WEIR_NS_PER_MS) + 1);
	stream->hurry = true;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
	(void)pthread_join(stream->thread, NULL);
	stream->started = false;
}

void weir_stream_close(struct weir_stream *stream)
{
	if (!stream)
		return;
	weir_stream_finish(stream, 0);
	weir_uplink_close(stream->uplink);
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

void weir_stream_stats(struct weir_stream *stream, struct weir_stream_stats *ret_stats)
{
	pthread_mutex_lock(&stream->lock);
	*ret_stats = stream->stats;
	pthread_mutex_unlock(&stream->lock);
}
