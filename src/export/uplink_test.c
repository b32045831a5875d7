/* Uplinks to sessions of receive, each in a thread of its own, for both block. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/writer.h"
#include "export/uplink.h"
#include "receive/certificates_testing.h"
#include "receive/sessions.h"

#define MESSAGE_LEN 1000
#define MESSAGES    2000

struct collector {
	struct weir_tls *tls;
	struct weir_sessions *sessions;
	char text[32];
	struct weir_endpoint endpoint;
	pthread_t thread;
	bool stop; /* atomic */
	uint64_t messages;
	uint64_t sum; /* of the numbers in them */
};

static struct test_authority authority;
static struct test_authority stranger;

static bool take(void *ctx, const struct weir_datagram *d)
{
	struct collector *c = ctx;

	c->messages++;
	c->sum += d->data[MESSAGE_LEN - 1];
	return true;
}

static void ended(void *ctx, uint64_t session, enum weir_fault why)
{
	(void)ctx;
	(void)session;
	(void)why;
}

static void tell(void *ctx, const struct weir_error *err)
{
	(void)ctx;
	(void)err;
}

static void *collect(void *ctx)
{
	struct collector *c = ctx;
	const struct weir_sessions_handler handler = {.take = take, .ended = ended, .tell = tell, .ctx = c};

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		if (weir_sessions_poll(c->sessions, 5, &handler) < 0)
			return c;
	}
	return NULL;
}

static void collector_start(struct collector *c, bool tls, const struct weir_allow *allow)
{
	static const char *const LISTEN[] = {"127.0.0.1:0"};
	char certificate[128], key[128], ca[128];
	const struct weir_tls_options tls_options = {
		.certificate = test_path(&authority, "collector.pem", certificate),
		.key = test_path(&authority, "collector.key", key),
		.ca = test_path(&authority, "ca.pem", ca),
		.client_certificate = true,
	};
	struct weir_sessions_options options = {
		.tcp_listen = LISTEN,
		.tcp_listens = !tls,
		.tls_listen = LISTEN,
		.tls_listens = tls,
		.allow = allow,
		.sessions_max = 10,
		.per_address_max = 10,
		.timeout_ms = 60000,
		.clock = &weir_clock_system,
	};
	struct weir_error err = {0};
	bool is_tls;

	*c = (struct collector){0};
	if (tls && weir_tls_new(&tls_options, &c->tls, &err))
		fail_msg("%s: %s", err.where, err.what);
	options.tls = c->tls;
	if (weir_sessions_open(&options, &c->sessions, &err))
		fail_msg("%s: %s", err.where, err.what);
	(void)snprintf(c->text, sizeof(c->text), "%s", weir_sessions_bound(c->sessions, 0, &is_tls));
	assert_int_equal(weir_endpoint_parse(c->text, SOCK_STREAM, &c->endpoint, &err), 0);
	assert_int_equal(pthread_create(&c->thread, NULL, collect, c), 0);
}

static void collector_stop(struct collector *c)
{
	void *failed;

	__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(c->thread, &failed), 0);
	assert_null(failed);
	weir_sessions_close(c->sessions);
	weir_tls_free(c->tls);
}

static int open_uplink(const struct collector *c, const struct weir_uplink_tls *tls, struct weir_uplink **ret_uplink,
		       struct weir_error *err)
{
	const struct weir_uplink_options options = {
		.text = c->text, .endpoint = &c->endpoint, .tls = tls, .timeout_ms = 10000};

	return weir_uplink_open(&options, ret_uplink, err);
}

/* Returns the first failure, of sending or of finishing. */
static int send_all(struct weir_uplink *u, unsigned messages, struct weir_error *err)
{
	uint8_t message[MESSAGE_LEN] = {0};
	int rc = 0;

	weir_put_be16(message, 10);
	weir_put_be16(message + 2, MESSAGE_LEN);
	for (unsigned i = 0; i < messages && !rc; i++) {
		message[MESSAGE_LEN - 1] = (uint8_t)i;
		rc = weir_uplink_send(u, message, sizeof(message), err);
	}
	return rc ? rc : weir_uplink_finish(u, err);
}

static struct weir_uplink_tls files(const struct test_authority *of, char path[3][128])
{
	return (struct weir_uplink_tls){.ca = test_path(&authority, "ca.pem", path[0]),
					.certificate = test_path(of, "exporter.pem", path[1]),
					.key = test_path(of, "exporter.key", path[2])};
}

/* What finish says has arrived has arrived. */
static void test_all_arrives(void **state)
{
	(void)state;
	for (int with_tls = 0; with_tls < 2; with_tls++) {
		struct weir_error err = {0};
		struct weir_uplink *u;
		struct collector c;
		char path[3][128];
		const struct weir_uplink_tls tls = files(&authority, path);

		collector_start(&c, with_tls, NULL);
		if (open_uplink(&c, with_tls ? &tls : NULL, &u, &err) || send_all(u, MESSAGES, &err))
			fail_msg("%s: %s", err.where, err.what);
		collector_stop(&c);
		assert_int_equal(c.messages, MESSAGES);
		assert_int_equal(c.sum, MESSAGES / 256 * (255 * 128) + (MESSAGES % 256) * (MESSAGES % 256 - 1) / 2);
		weir_uplink_close(u);
	}
}

/* A collector that refuses is noticed, at the latest at the end. */
static void test_refusals_are_noticed(void **state)
{
	static const char *const OTHERS[] = {"192.0.2.1"};
	char path[3][128], path2[3][128];
	struct weir_uplink_tls known = files(&authority, path), unknown = files(&stranger, path2);
	struct weir_uplink_tls none = {.ca = known.ca};
	const struct weir_uplink_tls *const CASES[] = {&unknown, &none, NULL};
	struct weir_allow *allow;

	(void)state;
	assert_int_equal(weir_allow_new(OTHERS, 1, &allow, NULL), 0);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_error err = {0};
		struct weir_uplink *u = NULL;
		struct collector c;
		int rc;

		collector_start(&c, CASES[i], CASES[i] ? NULL : allow);
		rc = open_uplink(&c, CASES[i], &u, &err);
		if (!rc)
			rc = send_all(u, 1, &err);
		if (rc >= 0)
			fail_msg("case %zu was not noticed", i);
		assert_string_equal(err.where, c.text);
		collector_stop(&c);
		assert_int_equal(c.messages, 0);
		weir_uplink_close(u);
	}
	weir_allow_free(allow);
}

/* The collector's own certificate: of a known authority, with the name. */
static void test_the_collector_is_known_by_its_certificate(void **state)
{
	static const struct {
		const char *name;
		bool ca_of_stranger;
		const char *what;
	} CASES[] = {
		{NULL, false, NULL}, /* 127.0.0.1 */
		{"collector.example", false, NULL},
		{"other.example", false, "hostname mismatch"},
		{"127.0.0.2", false, "IP address mismatch"},
		{NULL, true, "certificate"},
	};
	struct collector c;
	char path[3][128], other[128];

	(void)state;
	collector_start(&c, true, NULL);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_uplink_tls tls = files(&authority, path);
		struct weir_error err = {0};
		struct weir_uplink *u = NULL;

		tls.name = CASES[i].name;
		if (CASES[i].ca_of_stranger)
			tls.ca = test_path(&stranger, "ca.pem", other);
		if ((open_uplink(&c, &tls, &u, &err) == 0) != (CASES[i].what == NULL))
			fail_msg("case %zu: %s", i, err.what);
		if (CASES[i].what && !strstr(err.what, CASES[i].what))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.what, CASES[i].what);
		weir_uplink_close(u);
	}
	collector_stop(&c);
}

static void test_nobody_there(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	struct collector c = {0};
	struct weir_error err = {0};
	struct weir_uplink *u;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	/* Bound, but nobody listens. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(c.text, sizeof(c.text), "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(weir_endpoint_parse(c.text, SOCK_STREAM, &c.endpoint, &err), 0);
	assert_int_equal(open_uplink(&c, NULL, &u, &err), -ECONNREFUSED);
	assert_string_equal(err.where, c.text);
	close(fd);
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		bool loopback;
	} CASES[] = {
		{"127.0.0.1:2055", "127.0.0.1", true}, {"127.9.9.9:1", "127.9.9.9", true},
		{"[::1]:4739", "::1", true},	       {"[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", true},
		{"192.0.2.1:2055", "192.0.2.1", false}, {"[2001:db8::1]:1", "2001:db8::1", false},
		{"127.0.0.1", NULL, false},	       {"127.0.0.1:", NULL, false},
		{":2055", NULL, false},		       {"127.0.0.1:port", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_endpoint e;
		struct weir_error err = {0};
		int rc = weir_endpoint_parse(CASES[i].text, SOCK_DGRAM, &e, &err);

		if ((rc == 0) != (CASES[i].host != NULL))
			fail_msg("%s: %s", CASES[i].text, err.what);
		if (rc)
			continue;
		assert_string_equal(e.host, CASES[i].host);
		assert_int_equal(weir_endpoint_is_loopback(&e), CASES[i].loopback);
	}
}

static int group_setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	test_authority_init(&authority);
	test_authority_init(&stranger);
	test_issue(&authority, "collector", "collector", "DNS:collector.example,IP:127.0.0.1");
	test_issue(&authority, "exporter", "exporter", "DNS:router.example");
	test_issue(&stranger, "exporter", "exporter", "DNS:router.example");
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	test_authority_done(&authority);
	test_authority_done(&stranger);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_arrives),
		cmocka_unit_test(test_refusals_are_noticed),
		cmocka_unit_test(test_the_collector_is_known_by_its_certificate),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
