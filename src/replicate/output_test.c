#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "replicate/output.h"

#define EXPORTERS 5
#define COPIES	  400
#define LEN_MAX	  1500

static const struct weir_replicate_standard PLAIN = {0};

/* A collector on loopback, and an output to it. */
static int open_collector(struct weir_replicate_output **ret_output)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct weir_replicate_spec spec;
	struct weir_error err = {0};
	struct weir_replicate_output_raw raw = {-1, -1};
	char text[64];
	int size = 4 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(at.sin_port));
	assert_int_equal(weir_replicate_spec_parse(text, &PLAIN, &spec, &err), 0);
	if (weir_replicate_output_new(&spec, 1, &raw, ret_output, &err))
		fail_msg("%s: %s", err.where, err.what);
	return fd;
}

static struct weir_addr exporter(unsigned i)
{
	const uint8_t v4[4] = {10, 0, 0, (uint8_t)i};

	return weir_addr_from_v4(v4);
}

/* Few lengths, so that there is something to gather. */
static size_t length(unsigned i)
{
	static const size_t LENGTHS[] = {100, 1400, 100, 60, 1400, 9, 1400, 1399};

	return LENGTHS[(i * 2654435761U >> 16) % 8];
}

static void write_copy(uint8_t *data, unsigned i, unsigned from)
{
	memset(data, (int)(i & 0xff), LEN_MAX);
	data[0] = (uint8_t)from;
	memcpy(data + 1, &i, sizeof(i));
}

/* Whatever is sent together, each exporter's copies come whole and in their order. */
static void test_order(void **state)
{
	static uint8_t data[COPIES][LEN_MAX];
	struct weir_replicate_output *output;
	struct weir_replicate_output_stats stats;
	int64_t last[EXPORTERS] = {-1, -1, -1, -1, -1};
	unsigned received = 0;
	uint64_t bytes = 0;
	int fd = open_collector(&output);

	(void)state;
	for (unsigned i = 0; i < COPIES; i++) {
		unsigned from = i * 7 % 11 % EXPORTERS;
		struct weir_replicate_output_datagram d = {
			.data = data[i], .len = length(i), .exporter = exporter(from)};

		write_copy(data[i], i, from);
		bytes += d.len;
		assert_false(weir_replicate_output_put(output, 0, &d));
	}
	assert_false(weir_replicate_output_flush(output, 0));
	for (;; received++) {
		uint8_t got[LEN_MAX + 1];
		ssize_t n = recv(fd, got, sizeof(got), 0);
		unsigned i;

		if (n < 0)
			break;
		assert_true(n >= 5);
		memcpy(&i, got + 1, sizeof(i));
		assert_true(i < COPIES);
		assert_int_equal(n, length(i));
		assert_memory_equal(got, data[i], (size_t)n);
		assert_true(last[got[0]] < (int64_t)i);
		last[got[0]] = i;
	}
	assert_int_equal(received, COPIES);
	weir_replicate_output_sum(output, &stats);
	assert_true(stats.datagrams == COPIES);
	assert_true(stats.bytes == bytes);
	weir_replicate_output_unref(output);
	close(fd);
}

/* Nobody listens any more: it is told once the error has come back, and copies that are not sent are counted. */
static void test_refused(void **state)
{
	uint8_t data[LEN_MAX] = {1, 2, 3};
	struct weir_replicate_output *output;
	struct weir_replicate_output_stats stats;
	const struct weir_replicate_health_rule rule = {.failures = 1, .return_ns = 10};
	bool refused = false;
	int fd = open_collector(&output);

	(void)state;
	close(fd);
	for (unsigned i = 0; i < 10; i++) {
		struct weir_replicate_output_datagram d = {.data = data, .len = 100, .exporter = exporter(1), .sender = -1};

		refused |= weir_replicate_output_put(output, 0, &d);
		refused |= weir_replicate_output_flush(output, 0);
	}
	assert_true(refused);
	weir_replicate_output_sum(output, &stats);
	assert_true(stats.datagrams + stats.error[WEIR_REPLICATE_OUTPUT_REFUSED] == 10);
	assert_true(weir_replicate_output_note(output, &rule, false, 1));
	assert_false(weir_replicate_output_up(output));
	assert_int_equal(weir_replicate_output_epoch(output), 1);
	assert_false(weir_replicate_output_note(output, &rule, true, 2));
	assert_true(weir_replicate_output_note(output, &rule, true, 12));
	assert_true(weir_replicate_output_up(output));
	weir_replicate_output_unref(output);
}

static void test_what_is_the_same(void **state)
{
	struct weir_replicate_output *output;
	struct weir_replicate_spec spec;
	struct weir_error err = {0};
	char text[WEIR_REPLICATE_TEXT_MAX];
	int fd = open_collector(&output);

	(void)state;
	assert_int_equal(weir_replicate_spec_parse(output->spec.text, &PLAIN, &spec, &err), 0);
	assert_true(weir_replicate_output_is(output, &spec));
	(void)snprintf(text, sizeof(text), "%.100s,balance", output->spec.text);
	assert_int_equal(weir_replicate_spec_parse(text, &PLAIN, &spec, &err), 0);
	assert_false(weir_replicate_output_is(output, &spec));
	weir_replicate_output_unref(output);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_what_is_the_same),
	};

	return cmocka_run_group_tests_name("replicate output", tests, NULL, NULL);
}
