/* The client against a server that misbehaves: a script of answers, one a connection or several on one, as bytes. What
 * works is tested in http_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/client.h"

#define OK	"HTTP/1.1 200 OK\r\nX-ClickHouse-Query-Id: x\r\n"
#define STEPS	4
#define HANG	"hang"	/* in the place of an answer: wait until the client goes */
#define RESET	"reset" /* the same: close when the heading has come, with the body unread */
#define LONG	(16U << 20) /* more than the sockets' buffers hold */

/* What the server does with each request, in turn. */
struct step {
	const char *answer;
	int keep; /* the connection for the next step; otherwise it is closed */
};

static struct server {
	int fd;
	char url[64];
	pthread_t thread;
	const struct step *steps;
	char request[STEPS][4096]; /* as it came, with the body */
	unsigned requests;
} server;

static struct weir_error err;

static size_t body_length(const char *request)
{
	const char *at = strcasestr(request, "\r\nContent-Length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one request, whole or its heading, and keeps as much as there is room for; false when the client has gone. */
static int read_request(int fd, int whole, char *out, size_t size)
{
	static char rest[65536]; /* the server's thread alone is here */
	size_t len = 0;

	for (;;) {
		const char *end = strstr(out, "\r\n\r\n");
		ssize_t n;

		if (end && len >= (size_t)(end + 4 - out) + (whole ? body_length(out) : 0))
			return 1;
		n = len < size - 1 ? read(fd, out + len, size - 1 - len) : read(fd, rest, sizeof(rest));
		if (n <= 0)
			return 0;
		len += (size_t)n;
		out[len < size ? len : size - 1] = '\0';
	}
}

static void *serve(void *ctx)
{
	struct server *s = ctx;
	int fd = -1;
	char c;

	for (unsigned i = 0; s->steps[i].answer; i++) {
		const struct step *step = &s->steps[i];

		if (fd < 0)
			fd = accept(s->fd, NULL, NULL);
		if (fd < 0 || !read_request(fd, strcmp(step->answer, RESET) != 0, s->request[i], sizeof(s->request[i])))
			break;
		s->requests++;
		if (strcmp(step->answer, HANG) == 0)
			(void)!read(fd, &c, 1);
		else if (strcmp(step->answer, RESET) != 0)
			(void)!write(fd, step->answer, strlen(step->answer));
		if (step->keep)
			continue;
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0)
		(void)close(fd);
	return NULL;
}

static void start(const struct step *steps)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	memset(&server, 0, sizeof(server));
	server.steps = steps;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
}

static void stop(void)
{
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	assert_int_equal(close(server.fd), 0);
}

static struct weir_client *new_client(int timeout_s)
{
	const struct weir_client_options options = {
		.url = server.url, .database = "we ir", .user = "ann", .password = "s3cret", .timeout_s = timeout_s};
	struct weir_client *client = NULL;

	if (weir_client_new(&options, &client, &err))
		fail_msg("%s", err.what);
	return client;
}

/* One query with one answer of the server's: the return code, with err filled. */
static int ask(const char *answer, struct weir_buffer *out, int *ret_code)
{
	const struct step steps[] = {{answer, 0}, {NULL, 0}};
	struct weir_client *client;
	int rc;

	start(steps);
	client = new_client(20);
	memset(&err, 0, sizeof(err));
	rc = weir_client_query(client, "SELECT 1", NULL, 1, out, &err);
	*ret_code = weir_client_exception_code(client);
	weir_client_free(client);
	stop();
	return rc;
}

static void each_fault_has_its_name(void **state)
{
	static const struct row {
		const char *answer;
		int rc, code;
		const char *words;
	} rows[] = {
		{"", -ECONNRESET, 0, "without an answer"},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, 0, "not a ClickHouse store"},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nnginx\n", -EPROTO, 0, "not a ClickHouse store"},
		{OK "Content-Length: 100\r\n\r\nonly this", -ECONNRESET, 0, "cut its answer short"},
		{OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", -ECONNRESET, 0, ""},
		{"HTTP/1.1 500 No\r\nX-ClickHouse-Exception-Code: 241\r\nContent-Length: 0\r\n\r\n", -EREMOTEIO, 241, "code 241"},
		{"HTTP/1.1 404 No\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 62\r\n\r\n"
		 "Code: 60. DB::Exception: No t. (UNKNOWN_TABLE) (version 26.1)\n", -EREMOTEIO, 60, "No t. (UNKNOWN_TABLE)"},
		{OK "X-ClickHouse-Exception-Code: 395\r\nContent-Length: 0\r\n\r\n", -EREMOTEIO, 395, ""},
		{"HTTP/1.1 500 No\r\nContent-Length: 45\r\n\r\nCode: 252. DB::Exception: Too many parts. (X)", -EREMOTEIO, 252,
		 "Too many parts. (X)"},
		{"HTTP/1.1 403 No\r\nX-ClickHouse-Exception-Code: 516\r\nContent-Length: 0\r\n\r\n", -EREMOTEIO, 516, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct weir_buffer out;
		int code;
		int rc;

		weir_buffer_init(&out);
		assert_int_equal(weir_buffer_text(&out, "kept"), 0);
		rc = ask(rows[i].answer, &out, &code);
		if (rc != rows[i].rc || code != rows[i].code || !strstr(err.what, rows[i].words))
			fail_msg("%s: %d (%s), code %d: %s", rows[i].answer, rc, strerror(-rc), code, err.what);
		assert_string_equal(weir_buffer_cstr(&out), "kept");
		weir_buffer_done(&out);
		if (rows[i].code == 516)
			assert_non_null(strstr(err.next, "store.password_file"));
	}
}

static void nobody_there_is_told(void **state)
{
	static const struct step none[] = {{NULL, 0}};
	struct weir_client *client;

	(void)state;
	start(none);
	stop();
	client = new_client(5);
	assert_int_equal(weir_client_query(client, "SELECT 1", NULL, 0, NULL, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.what, "no store answers at http://127.0.0.1:"));
	assert_non_null(strstr(err.next, "weir run"));
	assert_int_equal(weir_client_exception_code(client), 0);
	weir_client_free(client);
}

static void a_late_answer_is_not_waited_for(void **state)
{
	static const struct step steps[] = {{HANG, 0}, {NULL, 0}};
	struct weir_client *client;

	(void)state;
	start(steps);
	client = new_client(1);
	assert_int_equal(weir_client_query(client, "SELECT 1", NULL, 0, NULL, &err), -ETIMEDOUT);
	weir_client_free(client);
	stop();
}

static void names_and_values_are_encoded_and_secrets_are_not_in_the_url(void **state)
{
	static const struct step steps[] = {{OK "Content-Length: 0\r\n\r\n", 0}, {NULL, 0}};
	static const struct weir_client_setting settings[] = {{"param_x", "a&b=c d%\xc3\xbc\\\t\n"}, {"empty", ""}, {NULL, NULL}};
	struct weir_client *client;

	(void)state;
	start(steps);
	client = new_client(5);
	assert_int_equal(weir_client_query(client, "SELECT '&'", settings, 1, NULL, &err), 0);
	weir_client_free(client);
	stop();
	assert_non_null(strstr(server.request[0], "POST /?wait_end_of_query=1&param_x=a%26b%3Dc%20d%25%C3%BC%5C%5C%5Ct%5Cn&empty=&database=we%20ir"
						  "&readonly=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request[0], "\r\nX-ClickHouse-User: ann\r\n"));
	assert_non_null(strstr(server.request[0], "\r\nX-ClickHouse-Key: s3cret\r\n"));
	assert_null(strstr(server.request[0], "Expect:"));
	assert_non_null(strstr(server.request[0], "\r\n\r\nSELECT '&'"));
}

/* A store that was restarted closed the kept connection: curl sends the file again, from its beginning. */
static void a_dead_connection_costs_nothing(void **state)
{
	static const struct step steps[] = {
		{OK "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n", 0}, {OK "Content-Length: 0\r\n\r\n", 0}, {NULL, 0}};
	char path[] = "/tmp/weir-client.XXXXXX";
	struct weir_client *client;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "the data", 8), 8);
	assert_int_equal(close(fd), 0);
	start(steps);
	client = new_client(5);
	for (int i = 0; i < 2; i++) {
		if (weir_client_insert_file(client, "INSERT INTO t FORMAT CSV", NULL, path, "zstd", &err))
			fail_msg("%s", err.what);
	}
	weir_client_free(client);
	stop();
	assert_int_equal(server.requests, 2);
	for (int i = 0; i < 2; i++) {
		assert_non_null(strstr(server.request[i], "&query=INSERT%20INTO%20t%20FORMAT%20CSV HTTP"));
		assert_non_null(strstr(server.request[i], "\r\nContent-Encoding: zstd\r\n"));
		assert_non_null(strstr(server.request[i], "\r\n\r\nthe data"));
	}
	assert_int_equal(unlink(path), 0);
}

/* As above, but it dies while the body is under way. */
static void a_connection_that_dies_in_the_body_costs_nothing(void **state)
{
	static const struct step steps[] = {{OK "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n", 1}, {RESET, 0},
					    {OK "Content-Length: 0\r\n\r\n", 0}, {NULL, 0}};
	char path[] = "/tmp/weir-client.XXXXXX";
	struct weir_client *client;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(ftruncate(fd, LONG), 0);
	assert_int_equal(pwrite(fd, "the data", 8, 0), 8);
	assert_int_equal(close(fd), 0);
	start(steps);
	client = new_client(5);
	for (int i = 0; i < 2; i++) {
		if (weir_client_insert_file(client, "INSERT INTO t FORMAT CSV", NULL, path, NULL, &err))
			fail_msg("%s", err.what);
	}
	weir_client_free(client);
	stop();
	assert_int_equal(server.requests, 3);
	assert_non_null(strstr(server.request[2], "\r\n\r\nthe data"));
	assert_int_equal(unlink(path), 0);
}

static void mistakes_in_the_options_are_told(void **state)
{
	struct weir_client_options options = {.url = "localhost:8123", .database = "x"};
	struct weir_client *client = NULL;

	(void)state;
	assert_int_equal(weir_client_new(&options, &client, &err), -EINVAL);
	assert_string_equal(err.where, "store.url");
	options.url = "http://localhost:8123";
	options.password = "two\r\nX-Evil: lines";
	assert_int_equal(weir_client_new(&options, &client, &err), -EINVAL);
	options.password = NULL;
	assert_int_equal(weir_client_new(&options, &client, &err), 0);
	assert_int_equal(weir_client_insert_file(client, "INSERT", NULL, "/nonexistent/file", NULL, &err), -ENOENT);
	assert_string_equal(err.where, "/nonexistent/file");
	weir_client_free(client);
	weir_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_has_its_name),
		cmocka_unit_test(nobody_there_is_told),
		cmocka_unit_test(a_late_answer_is_not_waited_for),
		cmocka_unit_test(names_and_values_are_encoded_and_secrets_are_not_in_the_url),
		cmocka_unit_test(a_dead_connection_costs_nothing),
		cmocka_unit_test(a_connection_that_dies_in_the_body_costs_nothing),
		cmocka_unit_test(mistakes_in_the_options_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
