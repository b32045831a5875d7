#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "receive/udp.h"

#define WORKERS 2
#define SEEN_MAX 4096

struct seen {
	unsigned count;
	struct weir_addr exporter[SEEN_MAX];
	uint16_t port[SEEN_MAX];
	uint32_t value[SEEN_MAX];
	int64_t received_ms;
};

static void note(void *ctx, const struct weir_datagram *d)
{
	struct seen *seen = ctx;

	assert_true(seen->count < SEEN_MAX);
	assert_true(d->len >= 4);
	seen->exporter[seen->count] = d->exporter;
	seen->port[seen->count] = d->exporter_port;
	memcpy(&seen->value[seen->count], d->data, 4);
	seen->received_ms = d->received_ms;
	seen->count++;
}

/* Both workers on one address; its port, chosen by the kernel. */
static uint16_t open_on(const char *listen, unsigned workers, int buffer, struct weir_udp **ret_udp)
{
	struct weir_udp_options options = {.listen = &listen, .listens = 1, .receive_buffer_bytes = buffer};
	struct weir_error err = {0};
	const char *bound;

	if (weir_udp_open(&options, workers, ret_udp, &err))
		fail_msg("%s: %s", err.where, err.what);
	bound = weir_udp_bound(ret_udp[0], 0);
	assert_non_null(bound);
	assert_null(weir_udp_bound(ret_udp[0], 1));
	return (uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10);
}

static void close_all(struct weir_udp **udp, unsigned workers)
{
	for (unsigned i = 0; i < workers; i++)
		weir_udp_close(udp[i]);
}

/* Send values first … first+count-1 from an address of 127.0.0.0/8. */
static void send_v4(const char *from, uint16_t to_port, uint32_t first, uint32_t count, size_t len)
{
	struct sockaddr_in source = {.sin_family = AF_INET};
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(to_port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char data[4096] = {0};

	assert_int_equal(inet_pton(AF_INET, from, &source.sin_addr), 1);
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	for (uint32_t i = first; i < first + count; i++) {
		memcpy(data, &i, 4);
		assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&target, sizeof(target)), len);
	}
	close(fd);
}

static void receive_all(struct weir_udp *udp, struct seen *seen)
{
	while (weir_udp_poll(udp, 20, note, seen) > 0)
		;
}

static void test_datagrams_arrive_whole_and_stamped(void **state)
{
	struct weir_udp *udp[1];
	uint16_t port = open_on("127.0.0.1:0", 1, 1 << 20, udp);
	struct seen *seen = calloc(1, sizeof(*seen));
	int64_t now_ms = weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	struct weir_addr expected;

	(void)state;
	send_v4("127.0.0.7", port, 100, 200, 64);
	receive_all(udp[0], seen);
	assert_int_equal(seen->count, 200);
	assert_int_equal(weir_addr_parse("127.0.0.7", &expected), 0);
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(seen->value[i], 100 + i);
		assert_memory_equal(&seen->exporter[i], &expected, sizeof(expected));
	}
	assert_true(seen->received_ms >= now_ms - 1000 && seen->received_ms <= now_ms + 60000);
	assert_int_equal(weir_udp_stats(udp[0])->datagrams, 200);
	assert_int_equal(weir_udp_stats(udp[0])->bytes, 200 * 64);
	assert_int_equal(weir_udp_stats(udp[0])->kernel_drops, 0);
	close_all(udp, 1);
	free(seen);
}

static void test_an_exporter_stays_with_its_worker_whatever_its_port(void **state)
{
	struct weir_udp *udp[WORKERS];
	uint16_t port = open_on("127.0.0.1:0", WORKERS, 1 << 20, udp);
	struct seen *seen = calloc(WORKERS, sizeof(*seen));
	unsigned owner[32];

	(void)state;
	memset(owner, 0xff, sizeof(owner));
	for (unsigned round = 0; round < 8; round++) {
		for (uint32_t host = 1; host < 32; host++) {
			char from[16];

			(void)snprintf(from, sizeof(from), "127.0.0.%u", host);
			send_v4(from, port, host, 1, 64);
		}
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		receive_all(udp[w], &seen[w]);
		assert_true(seen[w].count > 0);
		for (unsigned i = 0; i < seen[w].count; i++) {
			unsigned host = seen[w].exporter[i].byte[15];

			assert_true(owner[host] == UINT32_MAX || owner[host] == w);
			owner[host] = w;
		}
	}
	assert_int_equal(seen[0].count + seen[1].count, 8 * 31);
	close_all(udp, WORKERS);
	free(seen);
}

static void test_one_socket_takes_both_families(void **state)
{
	struct weir_udp *udp[WORKERS];
	uint16_t port = open_on("*:0", WORKERS, 1 << 20, udp);
	struct sockaddr_in6 target = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(port)};
	struct seen *seen = calloc(1, sizeof(*seen));
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	unsigned v4 = 0;
	unsigned v6 = 0;

	(void)state;
	if (strncmp(weir_udp_bound(udp[0], 0), "[::]", 4) != 0 || fd < 0) {
		close_all(udp, WORKERS);
		free(seen);
		skip(); /* no IPv6 here */
	}
	send_v4("127.0.0.1", port, 1, 1, 64);
	assert_int_equal(sendto(fd, "four bytes", 10, 0, (struct sockaddr *)&target, sizeof(target)), 10);
	for (unsigned w = 0; w < WORKERS; w++)
		receive_all(udp[w], seen);
	assert_int_equal(seen->count, 2);
	for (unsigned i = 0; i < 2; i++) {
		v4 += weir_addr_is_v4(&seen->exporter[i]);
		v6 += memcmp(&seen->exporter[i], &target.sin6_addr, 16) == 0;
	}
	assert_int_equal(v4, 1);
	assert_int_equal(v6, 1);
	close(fd);
	close_all(udp, WORKERS);
	free(seen);
}

static void test_kernel_drops_are_counted(void **state)
{
	struct weir_udp *udp[1];
	uint16_t port = open_on("127.0.0.1:0", 1, 8192, udp);
	struct seen *seen = calloc(1, sizeof(*seen));
	const struct weir_udp_stats *stats = weir_udp_stats(udp[0]);

	(void)state;
	send_v4("127.0.0.1", port, 0, 500, 1400);
	receive_all(udp[0], seen);
	assert_true(stats->datagrams < 500);
	/* The counter comes with the next datagram that found room. */
	send_v4("127.0.0.1", port, 500, 1, 1400);
	receive_all(udp[0], seen);
	assert_int_equal(stats->datagrams + stats->kernel_drops, 501);
	assert_int_equal(seen->count, stats->datagrams);
	close_all(udp, 1);
	free(seen);
}

static void send_v6(uint16_t to_port, uint32_t value)
{
	struct sockaddr_in6 target = {.sin6_family = AF_INET6, .sin6_port = htons(to_port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	assert_int_equal(sendto(fd, &value, sizeof(value), 0, (struct sockaddr *)&target, sizeof(target)), sizeof(value));
	close(fd);
}

static struct weir_fairness_thinning thinned_to(const char *source, uint32_t keep)
{
	struct weir_fairness_thinning t = {.keep = keep};

	assert_int_equal(weir_addr_parse(source, &t.source), 0);
	return t;
}

/* Of two of the sources nothing comes through, of a third a part, of the others all. */
static void test_sources_are_thinned_out_by_the_kernel(void **state)
{
	const struct weir_fairness_thinning thinning[] = {
		thinned_to("127.0.0.8", 0), thinned_to("2001:db8::1", 0), thinned_to("::1", 0), thinned_to("127.0.0.9", 32768)};
	struct weir_udp *udp[1];
	uint16_t port = open_on("*:0", 1, 1 << 20, udp);
	struct seen *seen = calloc(1, sizeof(*seen));

	(void)state;
	if (!strchr(weir_udp_bound(udp[0], 0), '[')) {
		close_all(udp, 1);
		free(seen);
		skip(); /* no IPv6 here */
	}
	assert_int_equal(weir_udp_thin(udp[0], thinning, 4), 0);
	send_v4("127.0.0.8", port, 8, 1, 64);
	send_v6(port, 6);
	send_v4("127.0.0.7", port, 1000, 10, 64);
	receive_all(udp[0], seen);
	assert_int_equal(seen->count, 10);
	assert_int_equal(seen->value[0], 1000);
	assert_true(weir_udp_look(udp[0]) < 0.01);
	assert_int_equal(weir_udp_stats(udp[0])->kernel_drops, 2);
	send_v4("127.0.0.9", port, 0, 400, 64);
	receive_all(udp[0], seen);
	assert_in_range(seen->count, 10 + 100, 10 + 300);
	assert_int_equal(weir_udp_thin(udp[0], NULL, 0), 0);
	assert_int_equal(weir_udp_thin(udp[0], NULL, 0), 0);
	seen->count = 0;
	send_v4("127.0.0.8", port, 8, 1, 64);
	send_v6(port, 6);
	receive_all(udp[0], seen);
	assert_int_equal(seen->count, 2);
	close_all(udp, 1);
	free(seen);
}

static void test_a_busy_port_is_refused_even_where_it_would_be_shared(void **state)
{
	struct weir_udp *first[1];
	struct weir_udp *second[1];
	uint16_t port = open_on("127.0.0.1:0", 1, 0, first);
	char listen[32];
	const char *list = listen;
	struct weir_udp_options options = {.listen = &list, .listens = 1};
	struct weir_error err = {0};

	(void)state;
	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	assert_int_equal(weir_udp_open(&options, 1, second, &err), -EADDRINUSE);
	assert_string_equal(err.where, listen);
	assert_non_null(strstr(err.next, "another program"));
	close_all(first, 1);
	assert_int_equal(weir_udp_open(&options, 1, second, &err), 0);
	close_all(second, 1);
}

static void test_wrong_addresses_are_told(void **state)
{
	static const struct {
		const char *listen;
		int rc;
	} CASES[] = {
		{"2055", -EINVAL},	     {"::1:2055", -EINVAL}, {"127.0.0.1:", -EINVAL},
		{"127.0.0.1:port", -EINVAL}, {"", -EINVAL},	    {"192.0.2.1:0", -EADDRNOTAVAIL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_udp_options options = {.listen = &CASES[i].listen, .listens = 1};
		struct weir_udp *udp[1];
		struct weir_error err = {0};

		if (weir_udp_open(&options, 1, udp, &err) != CASES[i].rc)
			fail_msg("\"%s\": %s", CASES[i].listen, err.what);
		assert_string_equal(err.where, CASES[i].listen);
		assert_true(*err.next != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams_arrive_whole_and_stamped),
		cmocka_unit_test(test_an_exporter_stays_with_its_worker_whatever_its_port),
		cmocka_unit_test(test_one_socket_takes_both_families),
		cmocka_unit_test(test_kernel_drops_are_counted),
		cmocka_unit_test(test_sources_are_thinned_out_by_the_kernel),
		cmocka_unit_test(test_a_busy_port_is_refused_even_where_it_would_be_shared),
		cmocka_unit_test(test_wrong_addresses_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
