/* The HTTP interface and the client that is weir's own, over real sockets; the engine is fake_chdb.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/client.h"
#include "store/http.h"

#define QUERIES_MAX 4

static char folder[] = "/tmp/weir-http.XXXXXX";
static char store_folder[64];
static const struct weir_log quiet = {.fd = 2, .level = WEIR_LOG_ERROR, .role = "test", .clock = &weir_clock_system};
static struct weir_host *host;
static struct weir_http *http;
static char url[64];
static struct weir_error err;

static int start(void **state)
{
	struct weir_host_options options = {
		.library = WEIR_FAKE_CHDB, .folder = store_folder, .queries_max = QUERIES_MAX};
	struct weir_http_options http_options = {.log = &quiet, .listen_host = "127.0.0.1:0"};
	unsigned port = 0;

	(void)state;
	if (weir_host_new(&options, &host, &err) || weir_http_listen("127.0.0.1:0", &http_options.listen_fd, &port, &err)) {
		print_error("%s: %s\n", err.where, err.what);
		return -1;
	}
	http_options.host = host;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	return weir_http_start(&http_options, &http, &err);
}

static int stop(void **state)
{
	(void)state;
	weir_http_stop(http, 100);
	weir_host_free(host);
	http = NULL;
	host = NULL;
	return 0;
}

static struct weir_client *new_client(void)
{
	const struct weir_client_options options = {.url = url, .database = "", .timeout_s = 20};
	struct weir_client *client = NULL;

	if (weir_client_new(&options, &client, &err))
		fail_msg("%s", err.what);
	return client;
}

static void tick(void)
{
	const struct timespec t = {.tv_nsec = 2000000};

	(void)nanosleep(&t, NULL);
}

/* Bounded by the number of looks, for the time that each takes is nobody's promise. */
static void wait_for_running(unsigned n)
{
	for (int looks = 0; weir_host_running(host) != n; looks++) {
		if (looks > 5000)
			fail_msg("%u queries are running, not %u", weir_host_running(host), n);
		tick();
	}
}

static void expect_answer(struct weir_client *client, const char *sql, const char *answer)
{
	struct weir_buffer out;

	weir_buffer_init(&out);
	if (weir_client_query(client, sql, NULL, 1, &out, &err))
		fail_msg("%s: %s", sql, err.what);
	assert_string_equal(weir_buffer_cstr(&out), answer);
	weir_buffer_done(&out);
}

static void expect_code(struct weir_client *client, const char *sql, const struct weir_client_setting *settings, int code)
{
	assert_int_equal(weir_client_query(client, sql, settings, 0, NULL, &err), -EREMOTEIO);
	assert_int_equal(weir_client_exception_code(client), code);
}

static void what_the_engine_says_at_its_start_is_one_line(void **state)
{
	(void)state;
	assert_string_equal(weir_host_said(host), "no cgroups here");
}

static void answers_and_errors_share_a_connection(void **state)
{
	static const struct weir_client_setting unknown[] = {{"nowhere", "1"}, {NULL, NULL}};
	static const struct weir_client_setting database[] = {{"database", "nowhere"}, {NULL, NULL}};
	struct weir_client *client = new_client();

	(void)state;
	for (int i = 0; i < 3; i++) {
		expect_answer(client, "SELECT rows(3)", "0\n1\n2\n");
		expect_answer(client, "SELECT rows(0)", "");
		expect_code(client, "SELECT unknown", NULL, 60);
		expect_code(client, "SELECT fail_after(10)", NULL, 395);
		expect_code(client, "SELECT 'open", NULL, 62);
		expect_code(client, "SELECT rows(1)", unknown, 115);
		expect_code(client, "SELECT rows(1)", database, 81);
	}
	weir_client_free(client);
	wait_for_running(0);
}

static size_t length_of_lines(long lines)
{
	size_t len = 0;

	for (long i = 0; i < lines; i++)
		len += (size_t)snprintf(NULL, 0, "%ld\n", i);
	return len;
}

static void an_answer_beyond_memory_is_kept_in_a_file(void **state)
{
	struct weir_client *client = new_client();
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	if (weir_client_query(client, "SELECT rows(400000)", NULL, 1, &out, &err))
		fail_msg("%s", err.what);
	assert_int_equal(out.len, length_of_lines(400000));
	assert_memory_equal(out.data + out.len - 7, "399999\n", 7);
	expect_code(client, "SELECT fail_after(400000)", NULL, 395);
	weir_buffer_done(&out);
	weir_client_free(client);
}

static int add_up(void *ctx, const void *data, size_t len)
{
	size_t *total = ctx;

	(void)data;
	*total += len;
	return 0;
}

static int take_no_more(void *ctx, const void *data, size_t len)
{
	(void)ctx, (void)data, (void)len;
	return -ENOBUFS;
}

static int is_set(void *ctx)
{
	return *(int *)ctx;
}

static void streams_and_cuts(void **state)
{
	struct weir_client *client = new_client();
	size_t total = 0;

	(void)state;
	assert_int_equal(weir_client_stream(client, "SELECT rows(400000)", NULL, 1, add_up, &total, &err), 0);
	assert_int_equal(total, length_of_lines(400000));
	assert_int_equal(weir_client_stream(client, "SELECT fail_after(400000)", NULL, 1, add_up, &total, &err), -ECONNRESET);
	expect_answer(client, "SELECT rows(1)", "0\n");
	weir_client_free(client);
}

static void who_leaves_ends_the_query(void **state)
{
	struct weir_client *client = new_client();
	int enough = 1;

	(void)state;
	assert_int_equal(weir_client_stream(client, "SELECT hang_after(400000)", NULL, 1, take_no_more, NULL, &err), -ENOBUFS);
	wait_for_running(0);
	assert_int_equal(weir_client_stream(client, "SELECT rows(100000000)", NULL, 1, take_no_more, NULL, &err), -ENOBUFS);
	wait_for_running(0);
	weir_client_set_stop(client, is_set, &enough);
	assert_int_equal(weir_client_query(client, "SELECT hang_after(0)", NULL, 1, NULL, &err), -ECANCELED);
	wait_for_running(0);
	weir_client_free(client);
}

static int is_raised(void *ctx)
{
	return atomic_load((atomic_int *)ctx);
}

static void *hang_until_raised(void *ctx)
{
	struct weir_client *client = new_client();
	struct weir_error own;

	weir_client_set_stop(client, is_raised, ctx);
	if (weir_client_query(client, "SELECT hang_after(0)", NULL, 1, NULL, &own) == 0)
		ctx = NULL; /* it cannot end well */
	weir_client_free(client);
	return ctx;
}

static void one_too_many_is_refused(void **state)
{
	struct weir_client *client = new_client();
	pthread_t threads[QUERIES_MAX];
	atomic_int enough = 0;

	(void)state;
	for (int i = 0; i < QUERIES_MAX; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hang_until_raised, &enough), 0);
	wait_for_running(QUERIES_MAX);
	expect_code(client, "SELECT rows(1)", NULL, 202);
	atomic_store(&enough, 1);
	for (int i = 0; i < QUERIES_MAX; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	wait_for_running(0);
	expect_answer(client, "SELECT rows(1)", "0\n");
	weir_client_free(client);
}

static void *ask_often(void *ctx)
{
	struct weir_client *client = new_client();
	struct weir_error own;
	struct weir_buffer out;

	(void)ctx;
	weir_buffer_init(&out);
	for (int i = 0; i < 10; i++) {
		weir_buffer_reset(&out);
		if (weir_client_query(client, "SELECT rows(1000)", NULL, 1, &out, &own) || out.len != 3890)
			ctx = NULL;
		if (weir_client_query(client, "SELECT unknown", NULL, 1, &out, &own) != -EREMOTEIO)
			ctx = NULL;
	}
	weir_buffer_done(&out);
	weir_client_free(client);
	return ctx;
}

static void several_at_once(void **state)
{
	pthread_t threads[QUERIES_MAX];
	void *well;

	(void)state;
	for (int i = 0; i < QUERIES_MAX; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &threads), 0);
	for (int i = 0; i < QUERIES_MAX; i++) {
		assert_int_equal(pthread_join(threads[i], &well), 0);
		assert_non_null(well);
	}
}

static unsigned count_incoming(void)
{
	DIR *dir = opendir(weir_host_incoming(host));
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void inserts_come_as_files(void **state)
{
	struct weir_client *client = new_client();
	char path[128];
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/data", folder);
	f = fopen(path, "wb");
	assert_non_null(f);
	for (int i = 0; i < 300000; i++)
		(void)fputs("data\n", f);
	(void)fclose(f);
	if (weir_client_insert_file(client, "INSERT INTO t FORMAT TSV", NULL, path, NULL, &err))
		fail_msg("%s", err.what);
	expect_answer(client, "SELECT inserted", "1500000\n");
	assert_int_equal(count_incoming(), 0);
	assert_int_equal(weir_client_insert_file(client, "INSERT INTO t FORMAT TSV", NULL, path, "lz4", &err), -EREMOTEIO);
	assert_int_equal(weir_client_exception_code(client), 271);
	if (weir_client_query(client, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &err))
		fail_msg("%s", err.what);
	expect_answer(client, "SELECT inserted", "4\n");
	assert_int_equal(count_incoming(), 0);
	assert_int_equal(unlink(path), 0);
	weir_client_free(client);
}

static void a_stop_ends_what_hangs(void **state)
{
	struct weir_client *client = new_client();
	pthread_t thread;
	atomic_int never = 0;
	void *ended;

	assert_int_equal(pthread_create(&thread, NULL, hang_until_raised, &never), 0);
	wait_for_running(1);
	assert_int_equal(stop(state), 0);
	assert_int_equal(pthread_join(thread, &ended), 0);
	assert_non_null(ended);
	assert_int_equal(weir_client_query(client, "SELECT rows(1)", NULL, 1, NULL, &err), -ECONNREFUSED);
	weir_client_free(client);
	assert_int_equal(start(state), 0);
}

static void metrics_count(void **state)
{
	struct weir_client *client = new_client();
	struct weir_buffer text;

	(void)state;
	expect_answer(client, "SELECT rows(1)", "0\n");
	expect_code(client, "SELECT unknown", NULL, 60);
	wait_for_running(0);
	weir_buffer_init(&text);
	assert_int_equal(weir_host_metrics(host, &text), 0);
	assert_non_null(strstr(weir_buffer_cstr(&text), "weir_store_queries_total 2\n"));
	assert_non_null(strstr(weir_buffer_cstr(&text), "weir_store_failed_total 1\n"));
	weir_buffer_done(&text);
	weir_client_free(client);
}

static void a_folder_and_a_port_have_one_owner(void **state)
{
	const struct weir_host_options options = {.library = WEIR_FAKE_CHDB, .folder = store_folder, .queries_max = 1};
	struct weir_host *second = NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(weir_host_new(&options, &second, &err), -EBUSY);
	assert_non_null(strstr(err.what, "another weir store"));
	assert_int_equal(weir_http_listen(url + strlen("http://"), &fd, NULL, &err), -EADDRINUSE);
	assert_int_equal(weir_http_listen("nonsense", &fd, NULL, &err), -EINVAL);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(store_folder, sizeof(store_folder), "%s/store", folder);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"store/incoming", "store/lock", "store/config.xml", "store/users.xml", "store", ""};
	char path[128];
	int rc = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		rc |= remove(path);
	}
	return rc;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_engine_says_at_its_start_is_one_line),
		TEST(answers_and_errors_share_a_connection),
		TEST(an_answer_beyond_memory_is_kept_in_a_file),
		TEST(streams_and_cuts),
		TEST(who_leaves_ends_the_query),
		TEST(one_too_many_is_refused),
		TEST(several_at_once),
		TEST(inserts_come_as_files),
		TEST(a_stop_ends_what_hangs),
		TEST(metrics_count),
		TEST(a_folder_and_a_port_have_one_owner),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
