#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/writer.h"
#include "probe/stream.h"

#define DEADLINE_MS 30000

struct collector {
	int listener;
	char text[32];
};

static void begin(struct collector *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	c->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(c->listener >= 0);
	assert_int_equal(bind(c->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(c->listener, 4), 0);
	assert_int_equal(getsockname(c->listener, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(c->text, sizeof(c->text), "127.0.0.1:%u", ntohs(at.sin_port));
}

static int take_session(const struct collector *c)
{
	struct pollfd fd = {.fd = c->listener, .events = POLLIN};
	int session;

	assert_int_equal(poll(&fd, 1, DEADLINE_MS), 1);
	session = accept(c->listener, NULL, NULL);
	assert_true(session >= 0);
	return session;
}

static void read_all(int session, uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(session, data + at, len - at, 0);

		assert_true(n > 0);
		at += (size_t)n;
	}
}

struct heard {
	uint32_t sequence;
	unsigned first_set; /* its id */
	size_t len;
	uint8_t last; /* byte */
};

static struct heard hear(int session)
{
	uint8_t data[65536];
	size_t len;

	read_all(session, data, 4);
	len = weir_be16(data + 2);
	read_all(session, data + 4, len - 4);
	return (struct heard){.sequence = weir_be32(data + 8), .first_set = weir_be16(data + 16), .len = len, .last = data[len - 1]};
}

/* A message with a template, or with a record of one byte. */
static int say(struct weir_stream *s, uint32_t sequence, bool template, uint8_t byte)
{
	uint8_t data[32] = {0, 10};
	size_t len = template ? 28 : 21;

	weir_put_be16(data + 2, (uint16_t)len);
	weir_put_be32(data + 8, sequence);
	weir_put_be16(data + 16, template ? 2 : 256);
	weir_put_be16(data + 18, (uint16_t)(len - 16));
	if (template) {
		weir_put_be16(data + 20, 256);
		weir_put_be16(data + 22, 1);
		weir_put_be16(data + 24, 4);
		weir_put_be16(data + 26, 1);
	} else {
		data[20] = byte;
	}
	return weir_stream_send(s, data, len);
}

static struct weir_stream *open_stream(const struct collector *c, bool patient)
{
	const struct weir_stream_options options = {.text = c->text, .patient = patient};
	struct weir_stream *s = NULL;
	struct weir_error err = {0};

	assert_int_equal(weir_stream_open(&options, &s, &err), 0);
	return s;
}

/* A collector that reads a session to its end. */
static void *read_session(void *arg)
{
	const struct collector *c = arg;
	int session = take_session(c);
	uint8_t byte;

	assert_int_equal(hear(session).first_set, 2);
	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(hear(session).last, i);
	assert_int_equal(recv(session, &byte, 1, 0), 0);
	(void)close(session);
	return NULL;
}

/* What was sent comes in order, and the session ends with an end. */
static void test_session(void **state)
{
	struct weir_stream_stats stats;
	struct weir_stream *s;
	struct collector c;
	pthread_t reader;

	(void)state;
	begin(&c);
	assert_int_equal(pthread_create(&reader, NULL, read_session, &c), 0);
	s = open_stream(&c, true);
	assert_int_equal(say(s, 0, true, 0), 0);
	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(say(s, i, false, i), 0);
	weir_stream_finish(s, DEADLINE_MS);
	assert_int_equal(pthread_join(reader, NULL), 0);
	weir_stream_stats(s, &stats);
	assert_int_equal(stats.sessions, 1);
	assert_int_equal(stats.messages, 101);
	assert_int_equal(stats.dropped + stats.lost, 0);
	weir_stream_close(s);
	(void)close(c.listener);
}

/* The second session begins with the templates of the first, in a message whose number leads to the next. */
static void test_templates_come_again(void **state)
{
	struct weir_stream_stats stats;
	struct weir_stream *s;
	struct collector c;
	struct heard heard;
	int session;

	(void)state;
	begin(&c);
	s = open_stream(&c, false);
	session = take_session(&c);
	assert_int_equal(say(s, 0, true, 0), 0);
	assert_int_equal(hear(session).len, 28);
	(void)close(session);
	session = take_session(&c); /* an idle stream notices, and comes again */
	assert_int_equal(say(s, 7, false, 77), 0);
	heard = hear(session);
	assert_int_equal(heard.first_set, 2);
	assert_int_equal(heard.len, 28);
	assert_int_equal(heard.sequence, 7);
	assert_int_equal(hear(session).last, 77);
	assert_int_equal(say(s, 8, false, 78), 0);
	assert_int_equal(hear(session).last, 78);
	weir_stream_stats(s, &stats);
	assert_int_equal(stats.sessions, 2);
	assert_int_equal(stats.dropped + stats.lost, 0);
	assert_true(*stats.err.what);
	(void)close(session);
	weir_stream_close(s);
	(void)close(c.listener);
}

/* Nobody is there: what is over the queue is dropped and counted, and whoever sends does not wait. */
static void test_bounded(void **state)
{
	static uint8_t message[60000] = {0, 10};
	struct weir_stream_stats stats;
	struct weir_stream *s;
	struct collector c;

	(void)state;
	begin(&c);
	(void)close(c.listener);
	s = open_stream(&c, false);
	for (unsigned i = 0; i < WEIR_STREAM_QUEUE_BYTES / sizeof(message) + 10; i++)
		assert_int_equal(weir_stream_send(s, message, sizeof(message)), 0);
	weir_stream_finish(s, 0);
	weir_stream_stats(s, &stats);
	assert_in_range(stats.dropped, 10, 12);
	assert_int_equal(stats.dropped + stats.lost, WEIR_STREAM_QUEUE_BYTES / sizeof(message) + 10);
	assert_int_equal(stats.messages, 0);
	weir_stream_close(s);
}

/* Patient, nobody there is an error at once; so is a place that is none, for anybody. */
static void test_refused(void **state)
{
	struct weir_stream_options options = {.patient = true};
	struct weir_stream *s = NULL;
	struct weir_error err = {0};
	struct collector c;

	(void)state;
	begin(&c);
	(void)close(c.listener);
	options.text = c.text;
	assert_true(weir_stream_open(&options, &s, &err) < 0);
	options = (struct weir_stream_options){.text = "nowhere"};
	assert_int_equal(weir_stream_open(&options, &s, &err), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session), cmocka_unit_test(test_templates_come_again),
		cmocka_unit_test(test_bounded), cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
