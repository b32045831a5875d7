/* Sessions over loopback, with a clock of the test's own: time passes only where a test says so. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/writer.h"
#include "receive/certificates_testing.h"
#include "receive/sessions.h"

#define SESSIONS_MAX	4
#define PER_ADDRESS_MAX 3
#define TIMEOUT_MS	1000
#define MESSAGE_LEN	40
#define POLLS		200 /* of 10 ms: only a broken test waits so long */

struct fixture {
	struct weir_sessions *sessions;
	struct weir_tls *tls;
	uint16_t port;
	int64_t now_ns;
	struct weir_clock clock;

	unsigned messages;
	struct weir_datagram last; /* data is not valid any more */
	uint8_t marker;		   /* the last byte of the last message */
	bool malformed;		   /* what to say of the next */
	unsigned ended;
	uint64_t ended_session;
	enum weir_fault why;
	unsigned told;
	struct weir_error error;
};

static struct test_authority authority;
static struct test_authority stranger; /* whom nobody knows */

static int64_t clock_ns(void *ctx)
{
	return *(int64_t *)ctx;
}

static bool take(void *ctx, const struct weir_datagram *d)
{
	struct fixture *f = ctx;

	f->messages++;
	f->last = *d;
	f->marker = d->data[d->len - 1];
	return !f->malformed;
}

static void ended(void *ctx, uint64_t session, enum weir_fault why)
{
	struct fixture *f = ctx;

	f->ended++;
	f->ended_session = session;
	f->why = why;
}

static void tell(void *ctx, const struct weir_error *err)
{
	struct fixture *f = ctx;

	f->told++;
	f->error = *err;
}

static const struct weir_sessions_stats *stats(const struct fixture *f)
{
	return weir_sessions_stats(f->sessions);
}

static void poll_once(struct fixture *f)
{
	const struct weir_sessions_handler handler = {.take = take, .ended = ended, .tell = tell, .ctx = f};

	assert_true(weir_sessions_poll(f->sessions, 10, &handler) >= 0);
}

#define POLL_UNTIL(f, condition)                                         \
	do {                                                             \
		for (unsigned i_ = 0; i_ < POLLS && !(condition); i_++)  \
			poll_once(f);                                    \
		assert_true(condition);                                  \
	} while (0)

static struct fixture *fixture_new(struct weir_tls *tls, const struct weir_allow *allow)
{
	static const char *const LISTEN[] = {"127.0.0.1:0"};
	struct fixture *f = calloc(1, sizeof(*f));
	struct weir_sessions_options options = {
		.tcp_listen = LISTEN,
		.tcp_listens = tls ? 0 : 1,
		.tls_listen = LISTEN,
		.tls_listens = tls ? 1 : 0,
		.tls = tls,
		.allow = allow,
		.sessions_max = SESSIONS_MAX,
		.per_address_max = PER_ADDRESS_MAX,
		.timeout_ms = TIMEOUT_MS,
		.idle_ms = 10 * TIMEOUT_MS,
	};
	struct weir_error err = {0};
	bool is_tls;

	assert_non_null(f);
	f->now_ns = 1000 * WEIR_NS_PER_S;
	f->clock = (struct weir_clock){.wall_ns = clock_ns, .mono_ns = clock_ns, .ctx = &f->now_ns};
	f->tls = tls;
	options.clock = &f->clock;
	if (weir_sessions_open(&options, &f->sessions, &err))
		fail_msg("%s: %s", err.where, err.what);
	f->port = (uint16_t)strtoul(strrchr(weir_sessions_bound(f->sessions, 0, &is_tls), ':') + 1, NULL, 10);
	assert_int_equal(is_tls, tls != NULL);
	assert_null(weir_sessions_bound(f->sessions, 1, &is_tls));
	return f;
}

static void fixture_free(struct fixture *f)
{
	weir_sessions_close(f->sessions);
	weir_tls_free(f->tls);
	free(f);
}

static void pass(struct fixture *f, int64_t ms)
{
	f->now_ns += ms * WEIR_NS_PER_MS;
}

/* A client from 127.0.0.`host`. */
static int client(const struct fixture *f, uint8_t host)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000U | host)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void put_message(uint8_t *at, uint8_t marker)
{
	memset(at, marker, MESSAGE_LEN);
	weir_put_be16(at, 10);
	weir_put_be16(at + 2, MESSAGE_LEN);
}

static void send_bytes(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void send_message(int fd, uint8_t marker)
{
	uint8_t message[MESSAGE_LEN];

	put_message(message, marker);
	send_bytes(fd, message, sizeof(message));
}

/* The other end has hung up. */
static void assert_closed(int fd)
{
	uint8_t byte;

	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
}

/* --- TCP ------------------------------------------------------------------------------------------------------------ */

static void test_messages_of_sessions(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	uint8_t two[2 * MESSAGE_LEN];
	uint64_t first;
	int a = client(f, 2), b = client(f, 2);

	(void)state;
	send_message(a, 7);
	POLL_UNTIL(f, f->messages == 1);
	assert_int_equal(f->marker, 7);
	assert_int_equal(f->last.len, MESSAGE_LEN);
	assert_int_equal(f->last.exporter.byte[15], 2);
	assert_true(weir_addr_is_v4(&f->last.exporter));
	assert_true(f->last.exporter_port > 0);
	assert_int_equal(f->last.received_ms, 1000000);
	first = f->last.session;
	assert_true(first > 0);
	/* Another session of the same address, its messages cut anywhere. */
	put_message(two, 8);
	put_message(two + MESSAGE_LEN, 9);
	send_bytes(b, two, 41);
	POLL_UNTIL(f, f->messages == 2);
	assert_true(f->last.session > 0 && f->last.session != first);
	send_bytes(b, two + 41, 2 * MESSAGE_LEN - 41);
	POLL_UNTIL(f, f->messages == 3);
	assert_int_equal(f->marker, 9);
	assert_int_equal(stats(f)->open, 2);
	close(a);
	POLL_UNTIL(f, f->ended == 1);
	assert_int_equal(f->ended_session, first);
	assert_int_equal(f->why, WEIR_FAULTS);
	assert_int_equal(stats(f)->open, 1);
	assert_int_equal(stats(f)->messages, 3);
	assert_int_equal(stats(f)->bytes, 3 * MESSAGE_LEN);
	close(b);
	fixture_free(f);
}

static void test_what_ends_a_session(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	int fd = client(f, 1);

	(void)state;
	send_message(fd, 1);
	send_bytes(fd, "GET / HTTP/1.1\r\n", 16);
	POLL_UNTIL(f, f->ended == 1);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->why, WEIR_FAULT_SESSION_FRAMING);
	assert_string_equal(f->error.where, "127.0.0.1");
	assert_closed(fd);

	fd = client(f, 1);
	send_message(fd, 1);
	send_bytes(fd, "\0\x0a\0", 3);
	POLL_UNTIL(f, f->messages == 2);
	close(fd);
	POLL_UNTIL(f, f->ended == 2);
	assert_int_equal(f->why, WEIR_FAULT_SESSION_CUT);

	fd = client(f, 1);
	f->malformed = true;
	send_message(fd, 1);
	send_message(fd, 2);
	POLL_UNTIL(f, f->ended == 3);
	assert_int_equal(f->messages, 3); /* nothing behind it is read */
	assert_int_equal(f->why, WEIR_FAULTS);
	assert_closed(fd);
	assert_int_equal(stats(f)->malformed, 2);
	assert_int_equal(stats(f)->cut, 1);
	assert_int_equal(stats(f)->open, 0);
	fixture_free(f);
}

/* A byte now and then does not keep a message open for ever; a peer between messages may be silent for long. */
static void test_slow_and_idle(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	uint8_t message[MESSAGE_LEN];
	int slow = client(f, 1), idle = client(f, 1);
	unsigned sent = 0;

	(void)state;
	put_message(message, 1);
	send_message(idle, 1);
	POLL_UNTIL(f, f->messages == 1);
	for (; sent < 11 && !f->ended; sent++) {
		(void)send(slow, message + sent, 1, MSG_NOSIGNAL);
		for (unsigned i = 0; i < 3 && !f->ended; i++)
			poll_once(f);
		pass(f, TIMEOUT_MS / 10);
	}
	POLL_UNTIL(f, f->ended == 1);
	assert_int_equal(f->why, WEIR_FAULT_SESSION_SLOW);
	assert_true(sent >= 9);
	assert_closed(slow);
	assert_int_equal(stats(f)->open, 1);
	pass(f, 8 * TIMEOUT_MS);
	poll_once(f);
	assert_int_equal(stats(f)->open, 1);
	pass(f, 2 * TIMEOUT_MS);
	POLL_UNTIL(f, stats(f)->open == 0);
	assert_int_equal(stats(f)->idle, 1);
	assert_int_equal(f->why, WEIR_FAULTS);
	assert_closed(idle);
	fixture_free(f);
}

static void test_one_address_has_its_share(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	int fd[PER_ADDRESS_MAX + 1];

	(void)state;
	for (unsigned i = 0; i <= PER_ADDRESS_MAX; i++) {
		fd[i] = client(f, 1);
		POLL_UNTIL(f, stats(f)->accepted + stats(f)->refused_limit == i + 1);
	}
	assert_int_equal(stats(f)->open, PER_ADDRESS_MAX);
	assert_int_equal(stats(f)->refused_limit, 1);
	assert_closed(fd[PER_ADDRESS_MAX]);
	/* Another address has room. */
	fd[PER_ADDRESS_MAX] = client(f, 2);
	POLL_UNTIL(f, stats(f)->open == PER_ADDRESS_MAX + 1);
	for (unsigned i = 0; i <= PER_ADDRESS_MAX; i++)
		close(fd[i]);
	fixture_free(f);
}

/* Who says nothing gives his place to whom comes; who has sent a message keeps it. */
static void test_silent_sessions_give_way(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	int talks = client(f, 1), silent[SESSIONS_MAX], late;

	(void)state;
	send_message(talks, 1);
	POLL_UNTIL(f, f->messages == 1);
	for (unsigned i = 0; i + 1 < SESSIONS_MAX; i++) {
		pass(f, 1);
		silent[i] = client(f, (uint8_t)(10 + i));
		POLL_UNTIL(f, stats(f)->open == i + 2);
	}
	late = client(f, 20);
	send_message(late, 2);
	POLL_UNTIL(f, f->messages == 2);
	assert_int_equal(f->last.exporter.byte[15], 20);
	assert_int_equal(stats(f)->half_open, 1);
	assert_closed(silent[0]); /* the oldest */
	assert_int_equal(stats(f)->open, SESSIONS_MAX);
	for (unsigned i = 1; i + 1 < SESSIONS_MAX; i++)
		send_message(silent[i], 3);
	POLL_UNTIL(f, f->messages == SESSIONS_MAX);
	/* All have talked now: there is no place to be had. */
	silent[0] = client(f, 30);
	POLL_UNTIL(f, stats(f)->refused_limit == 1);
	assert_closed(silent[0]);
	send_message(talks, 4);
	POLL_UNTIL(f, f->marker == 4);
	close(talks);
	close(late);
	for (unsigned i = 1; i + 1 < SESSIONS_MAX; i++)
		close(silent[i]);
	fixture_free(f);
}

static void test_addresses_that_may_not_talk(void **state)
{
	static const char *const LIST[] = {"127.0.0.2"};
	struct weir_allow *allow;
	struct fixture *f;
	int good, bad;

	(void)state;
	assert_int_equal(weir_allow_new(LIST, 1, &allow, NULL), 0);
	f = fixture_new(NULL, allow);
	bad = client(f, 3);
	good = client(f, 2);
	send_message(good, 1);
	POLL_UNTIL(f, f->messages == 1 && stats(f)->refused_address == 1);
	assert_closed(bad);
	close(good);
	fixture_free(f);
	weir_allow_free(allow);
}

/* Without descriptors connections are turned away, not told of for ever; with them all goes on. */
static void test_no_descriptors(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	struct rlimit before, none;
	int fd[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		fd[i] = client(f, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd[2] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (unsigned i = 0; i < POLLS && stats(f)->refused_limit < 3; i++)
		poll_once(f);
	poll_once(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(stats(f)->refused_limit, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_closed(fd[i]);
	fd[0] = client(f, 1);
	send_message(fd[0], 1);
	POLL_UNTIL(f, f->messages == 1);
	close(fd[0]);
	fixture_free(f);
}

static void test_busy_port(void **state)
{
	struct fixture *f = fixture_new(NULL, NULL);
	char text[32];
	const char *listen = text;
	struct weir_sessions_options options = {
		.tcp_listen = &listen, .tcp_listens = 1, .sessions_max = 1, .per_address_max = 1, .clock = &weir_clock_system};
	struct weir_sessions *other;
	struct weir_error err = {0};

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", f->port);
	assert_int_equal(weir_sessions_open(&options, &other, &err), -EADDRINUSE);
	assert_string_equal(err.where, text);
	assert_non_null(strstr(err.next, "collect.tcp_listen"));
	fixture_free(f);
}

/* --- TLS ------------------------------------------------------------------------------------------------------------ */

struct peer {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	bool sent;
};

static struct weir_tls *tls_new(const char *const *peers, unsigned count)
{
	char certificate[128], key[128], ca[128];
	struct weir_tls_options options = {
		.certificate = test_path(&authority, "collector.pem", certificate),
		.key = test_path(&authority, "collector.key", key),
		.ca = test_path(&authority, "ca.pem", ca),
		.client_certificate = true,
		.peers = peers,
		.peers_count = count,
	};
	struct weir_error err = {0};
	struct weir_tls *tls;

	if (weir_tls_new(&options, &tls, &err))
		fail_msg("%s: %s", err.where, err.what);
	return tls;
}

/* name NULL: without a certificate. The handshake is the poll's to drive, for all is one thread. */
static struct peer peer_new(const struct fixture *f, const struct test_authority *of, const char *name, int version)
{
	struct peer p = {.context = SSL_CTX_new(TLS_client_method()), .fd = client(f, 1)};
	char file[48], path[128];
	struct timeval soon = {.tv_usec = 20000};

	assert_non_null(p.context);
	(void)SSL_CTX_set_max_proto_version(p.context, version);
	if (name) {
		(void)snprintf(file, sizeof(file), "%s.pem", name);
		assert_int_equal(SSL_CTX_use_certificate_file(p.context, test_path(of, file, path), SSL_FILETYPE_PEM), 1);
		(void)snprintf(file, sizeof(file), "%s.key", name);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(p.context, test_path(of, file, path), SSL_FILETYPE_PEM), 1);
	}
	assert_int_equal(SSL_CTX_load_verify_file(p.context, test_path(&authority, "ca.pem", path)), 1);
	SSL_CTX_set_verify(p.context, SSL_VERIFY_PEER, NULL);
	assert_int_equal(setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	p.ssl = SSL_new(p.context);
	assert_int_equal(SSL_set_fd(p.ssl, p.fd), 1);
	SSL_set_connect_state(p.ssl);
	return p;
}

static void peer_free(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->context);
	close(p->fd);
	ERR_clear_error();
}

/* Bring a message on its way, as far as it goes now; the handshake comes by itself. */
static void peer_push(struct peer *p, uint8_t marker)
{
	uint8_t message[MESSAGE_LEN];

	put_message(message, marker);
	if (!p->sent && SSL_write(p->ssl, message, sizeof(message)) > 0)
		p->sent = true;
	ERR_clear_error();
}

#define PUSH_UNTIL(f, p, condition)                                     \
	do {                                                            \
		for (unsigned j_ = 0; j_ < POLLS && !(condition); j_++) { \
			peer_push(p, 5);                                \
			poll_once(f);                                   \
		}                                                       \
		assert_true(condition);                                 \
	} while (0)

static void test_tls_messages(void **state)
{
	static const int VERSIONS[] = {TLS1_3_VERSION, TLS1_2_VERSION};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = fixture_new(tls_new(NULL, 0), NULL);
		struct peer p = peer_new(f, &authority, "exporter", VERSIONS[i]);
		uint8_t *many = malloc(500 * MESSAGE_LEN);

		assert_non_null(many);
		PUSH_UNTIL(f, &p, f->messages == 1);
		assert_int_equal(f->marker, 5);
		assert_true(f->last.session > 0);
		/* More than a record of TLS holds. */
		for (unsigned m = 0; m < 500; m++)
			put_message(many + m * MESSAGE_LEN, (uint8_t)m);
		assert_int_equal(SSL_write(p.ssl, many, 500 * MESSAGE_LEN), 500 * MESSAGE_LEN);
		POLL_UNTIL(f, f->messages == 501);
		assert_int_equal(f->marker, (uint8_t)499);
		(void)SSL_shutdown(p.ssl);
		POLL_UNTIL(f, f->ended == 1);
		assert_int_equal(f->why, WEIR_FAULTS);
		assert_int_equal(stats(f)->open, 0);
		assert_int_equal(f->told, 0);
		free(many);
		peer_free(&p);
		fixture_free(f);
	}
}

static void test_tls_refuses(void **state)
{
	static const struct {
		const char *name;
		bool stranger;
		int version;
		const char *what;
	} CASES[] = {
		{NULL, false, TLS1_3_VERSION, "peer did not return a certificate"},
		{NULL, false, TLS1_2_VERSION, "peer did not return a certificate"},
		{"exporter", true, TLS1_3_VERSION, "certificate: certificate signature failure"},
		{"exporter", true, TLS1_2_VERSION, "certificate: certificate signature failure"},
		{"exporter", false, TLS1_1_VERSION, "unsupported protocol"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct fixture *f = fixture_new(tls_new(NULL, 0), NULL);
		struct peer p = peer_new(f, CASES[i].stranger ? &stranger : &authority, CASES[i].name, CASES[i].version);

		if (CASES[i].version == TLS1_1_VERSION) {
			(void)SSL_set_min_proto_version(p.ssl, TLS1_VERSION);
			SSL_set_security_level(p.ssl, 0);
		}
		PUSH_UNTIL(f, &p, stats(f)->refused_handshake == 1);
		assert_int_equal(f->messages, 0);
		assert_int_equal(stats(f)->open, 0);
		assert_int_equal(f->ended, 0);
		assert_string_equal(f->error.where, "127.0.0.1");
		if (!strstr(f->error.what, CASES[i].what))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, f->error.what, CASES[i].what);
		peer_free(&p);
		fixture_free(f);
	}
}

static void test_tls_peers_by_name(void **state)
{
	static const struct {
		const char *peer;
		const char *certificate;
		bool may;
	} CASES[] = {
		{"router.example", "exporter", true}, {"ROUTER.example", "exporter", true},
		{"192.0.2.7", "exporter", true},      {"2001:db8::7", "exporter", true},
		{"other.example", "exporter", false}, {"192.0.2.8", "exporter", false},
		{"exporter-cn", "exporter", false}, /* the common name counts only where there are no others */
		{"by-name.example", "by_name", true}, {"by-name", "by_name", false},
		{"a.wild.example", "wild", false},    {"a.wild.example", "by_name", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *const peers[] = {"nobody.example", CASES[i].peer};
		struct fixture *f = fixture_new(tls_new(peers, 2), NULL);
		struct peer p = peer_new(f, &authority, CASES[i].certificate, TLS1_3_VERSION);

		PUSH_UNTIL(f, &p, f->messages || stats(f)->refused_peer);
		if (f->messages != CASES[i].may)
			fail_msg("%s with the certificate of %s: %s", CASES[i].peer, CASES[i].certificate, f->error.what);
		assert_int_equal(f->told, !CASES[i].may);
		peer_free(&p);
		fixture_free(f);
	}
}

/* A handshake that does not come to its end, and bytes that are no handshake. */
static void test_tls_half_open(void **state)
{
	struct fixture *f = fixture_new(tls_new(NULL, 0), NULL);
	int silent = client(f, 1), http = client(f, 1);

	(void)state;
	send_bytes(http, "GET / HTTP/1.1\r\n\r\n", 18);
	POLL_UNTIL(f, stats(f)->refused_handshake == 1);
	assert_int_equal(stats(f)->open, 1);
	pass(f, TIMEOUT_MS - 1);
	poll_once(f);
	assert_int_equal(stats(f)->open, 1);
	pass(f, 200);
	POLL_UNTIL(f, stats(f)->half_open == 1);
	assert_int_equal(stats(f)->open, 0);
	assert_closed(silent);
	close(http);
	fixture_free(f);
}

/* New files count for new sessions; broken ones leave all as it is. */
static void test_tls_reload(void **state)
{
	struct fixture *f = fixture_new(tls_new(NULL, 0), NULL);
	struct peer p = peer_new(f, &authority, "exporter", TLS1_3_VERSION), q;
	struct weir_error err = {0};
	char path[128], aside[128];

	(void)state;
	PUSH_UNTIL(f, &p, f->messages == 1);
	test_issue(&authority, "collector", "collector-2", "DNS:second.example");
	/* Once they are at rest. */
	assert_int_equal(weir_tls_refresh(f->tls, &err), 0);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 1);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 0);
	q = peer_new(f, &authority, "exporter", TLS1_3_VERSION);
	(void)SSL_set1_host(q.ssl, "second.example");
	PUSH_UNTIL(f, &q, f->messages == 2);
	p.sent = false;
	PUSH_UNTIL(f, &p, f->messages == 3);
	assert_int_equal(rename(test_path(&authority, "collector.key", path), test_path(&authority, "aside", aside)), 0);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 0);
	assert_true(weir_tls_refresh(f->tls, &err) < 0);
	assert_string_equal(err.where, path);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 0); /* told once */
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 0);
	assert_int_equal(weir_tls_refresh(f->tls, &err), 1);
	q.sent = false;
	PUSH_UNTIL(f, &q, f->messages == 4); /* a session goes on with what it began with */
	peer_free(&p);
	peer_free(&q);
	fixture_free(f);
}

static void test_tls_files_that_are_wrong(void **state)
{
	static const struct {
		const char *certificate, *key, *ca;
		const char *what;
	} CASES[] = {
		{"none.pem", "collector.key", "ca.pem", "tls.certificate cannot be read: No such file"},
		{"collector.pem", "none.key", "ca.pem", "tls.key cannot be read: No such file"},
		{"collector.pem", "collector.key", "none.pem", "tls.ca cannot be read: No such file"},
		{"collector.key", "collector.key", "ca.pem", "tls.certificate cannot be used: "},
		{"collector.pem", "exporter.key", "ca.pem", "tls.key cannot be used: key values mismatch"},
		{"collector.pem", "collector.key", "collector.key", "tls.ca cannot be used: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char certificate[128], key[128], ca[128];
		struct weir_tls_options options = {
			.certificate = test_path(&authority, CASES[i].certificate, certificate),
			.key = test_path(&authority, CASES[i].key, key),
			.ca = test_path(&authority, CASES[i].ca, ca),
			.client_certificate = true,
		};
		struct weir_error err = {0};
		struct weir_tls *tls;

		assert_true(weir_tls_new(&options, &tls, &err) < 0);
		if (!strstr(err.what, CASES[i].what))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.what, CASES[i].what);
	}
}

static int group_setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	test_authority_init(&authority);
	test_authority_init(&stranger);
	test_issue(&authority, "collector", "collector", "DNS:collector.example,IP:127.0.0.1");
	test_issue(&authority, "exporter", "exporter-cn", "DNS:router.example,IP:192.0.2.7,IP:2001:db8::7");
	test_issue(&authority, "by_name", "by-name.example", NULL);
	test_issue(&authority, "wild", "wild", "DNS:*.wild.example");
	test_issue(&stranger, "exporter", "exporter-cn", "DNS:router.example");
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
		cmocka_unit_test(test_messages_of_sessions),
		cmocka_unit_test(test_what_ends_a_session),
		cmocka_unit_test(test_slow_and_idle),
		cmocka_unit_test(test_one_address_has_its_share),
		cmocka_unit_test(test_silent_sessions_give_way),
		cmocka_unit_test(test_addresses_that_may_not_talk),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_busy_port),
		cmocka_unit_test(test_tls_messages),
		cmocka_unit_test(test_tls_refuses),
		cmocka_unit_test(test_tls_peers_by_name),
		cmocka_unit_test(test_tls_half_open),
		cmocka_unit_test(test_tls_reload),
		cmocka_unit_test(test_tls_files_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
