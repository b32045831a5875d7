#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "replicate/senders.h"

#define BATCHES 20

static struct weir_addr addr(const char *text)
{
	struct weir_addr a;

	assert_int_equal(weir_addr_parse(text, &a), 0);
	return a;
}

/* Datagrams of an exporter in each of some batches; the socket that it has then. */
static int come(struct weir_replicate_senders *s, const char *text, uint16_t port, unsigned together)
{
	struct weir_addr from = addr(text);
	int fd = -1;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		weir_replicate_senders_settle(s, -1, -1);
		for (unsigned i = 0; i < together; i++)
			fd = weir_replicate_senders_get(s, &from, port);
	}
	return fd;
}

/* Without the right to such sockets there are none, and nothing to test. */
static struct weir_replicate_senders *senders(unsigned v4, unsigned v6)
{
	struct weir_replicate_senders *s;

	assert_int_equal(weir_replicate_senders_new(v4, v6, 1, &s), 0);
	if (weir_replicate_senders_left(s) == v4 + v6)
		return s;
	weir_replicate_senders_free(s);
	skip();
	return NULL;
}

static void test_who_sends_much_has_one(void **state)
{
	struct weir_replicate_senders *s = senders(3, 1);
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);
	int fd;

	(void)state;
	assert_int_equal(come(s, "192.0.2.7", 1000, 1), -1);
	fd = come(s, "192.0.2.7", 1000, 3);
	assert_true(fd >= 0);
	assert_int_equal(weir_replicate_senders_left(s), 3);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
	assert_int_equal(ntohs(bound.sin_port), 1000);
	assert_int_equal(ntohl(bound.sin_addr.s_addr), 0xc0000207);
	/* For good, and another for another port. */
	assert_int_equal(come(s, "192.0.2.7", 1000, 1), fd);
	assert_int_not_equal(come(s, "192.0.2.7", 1001, 3), fd);
	assert_int_equal(weir_replicate_senders_left(s), 2);
	weir_replicate_senders_free(s);
}

static void test_own_addresses_have_none(void **state)
{
	struct weir_replicate_senders *s = senders(2, 1);

	(void)state;
	assert_int_equal(come(s, "127.0.0.9", 1000, 9), -1);
	assert_int_equal(come(s, "192.0.2.7", 0, 9), -1);
	assert_int_equal(weir_replicate_senders_left(s), 3);
	weir_replicate_senders_free(s);
}

static void test_the_stock_ends(void **state)
{
	struct weir_replicate_senders *s = senders(1, 1);

	(void)state;
	assert_true(come(s, "192.0.2.1", 1000, 3) >= 0);
	assert_int_equal(come(s, "192.0.2.2", 1000, 3), -1);
	assert_true(come(s, "2001:db8::1", 1000, 3) >= 0);
	assert_int_equal(come(s, "2001:db8::2", 1000, 3), -1);
	assert_int_equal(weir_replicate_senders_left(s), 0);
	weir_replicate_senders_free(s);
}

/* Addresses that come once each, as anybody can invent them, take nothing away. */
static void test_who_comes_once_takes_none(void **state)
{
	struct weir_replicate_senders *s = senders(2, 0);
	struct weir_addr from = addr("192.0.2.0");

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		if (i % 64 == 0)
			weir_replicate_senders_settle(s, -1, -1);
		from.byte[13] = (uint8_t)(i >> 16);
		from.byte[14] = (uint8_t)(i >> 8);
		from.byte[15] = (uint8_t)i;
		assert_int_equal(weir_replicate_senders_get(s, &from, 2055), -1);
	}
	assert_int_equal(weir_replicate_senders_left(s), 2);
	weir_replicate_senders_free(s);
}

/* As long as the raw socket has something to send, a socket would overtake it. */
static void test_nobody_is_overtaken(void **state)
{
	struct weir_replicate_senders *s = senders(1, 0);
	struct weir_addr from = addr("192.0.2.7");
	int pair[2], raw = -1;

	(void)state;
	/* Bytes in a socket that nobody reads count as not sent. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(write(pair[0], "waits", 5), 5);
	raw = pair[0];
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		weir_replicate_senders_settle(s, raw, raw);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(weir_replicate_senders_get(s, &from, 1000), -1);
	}
	assert_int_equal(read(pair[1], &(char[8]){0}, 8), 5);
	weir_replicate_senders_settle(s, raw, raw);
	assert_true(weir_replicate_senders_get(s, &from, 1000) >= 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
	weir_replicate_senders_free(s);
}

static void test_none_is_no_mistake(void **state)
{
	struct weir_addr from = addr("192.0.2.7");

	(void)state;
	assert_int_equal(weir_replicate_senders_get(NULL, &from, 1000), -1);
	weir_replicate_senders_settle(NULL, -1, -1);
	assert_int_equal(weir_replicate_senders_left(NULL), 0);
	weir_replicate_senders_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_sends_much_has_one),	  cmocka_unit_test(test_own_addresses_have_none),
		cmocka_unit_test(test_the_stock_ends),		  cmocka_unit_test(test_who_comes_once_takes_none),
		cmocka_unit_test(test_nobody_is_overtaken),	  cmocka_unit_test(test_none_is_no_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
