/* The client and the migrations against a real store: run by tests/e2e/test_store.py, which starts one and names it in
 * $WEIR_TEST_STORE_URL; skipped without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/column.h"
#include "flow/native.h"
#include "store/migrate.h"
#include "store/migrations.h"
#include "store/rare.h"

#define DAY_S 86400
#define THREADS 4

static struct weir_error err;

static struct weir_client *connect_to(const char *database)
{
	const char *url = getenv("WEIR_TEST_STORE_URL");
	const struct weir_client_options options = {.url = url, .database = database, .timeout_s = 30};
	struct weir_client *client = NULL;

	if (!url)
		skip();
	if (weir_client_new(&options, &client, &err))
		fail_msg("%s", err.what);
	return client;
}

static void expect(struct weir_client *client, const char *sql, const char *answer)
{
	struct weir_buffer out;

	weir_buffer_init(&out);
	if (weir_client_query(client, sql, NULL, 0, &out, &err))
		fail_msg("%s: %s", sql, err.what);
	assert_string_equal(weir_buffer_cstr(&out), answer);
	weir_buffer_done(&out);
}

static void expect_count(struct weir_client *client, const char *sql, unsigned count)
{
	char answer[16];

	(void)snprintf(answer, sizeof(answer), "%u\n", count);
	expect(client, sql, answer);
}

static void migrate(struct weir_client *client, uint64_t flows_s, uint64_t rollup_s, struct weir_migrate_result *result)
{
	const struct weir_migrate_options options = {flows_s, rollup_s};

	memset(result, 0, sizeof(*result));
	if (weir_migrate(client, &options, result, &err))
		fail_msg("%s", err.what);
}

static unsigned count_migrations(void)
{
	unsigned n = 0;

	while (weir_migrations[n].number)
		n++;
	return n;
}

static void migrates_once(void **state)
{
	struct weir_client *client = connect_to("weir");
	struct weir_migrate_result result;

	(void)state;
	migrate(client, 90 * DAY_S, 0, &result);
	assert_int_equal(result.migrations, count_migrations());
	assert_int_equal(result.newest, weir_migrations[count_migrations() - 1].number);
	assert_int_equal(result.columns, 0);
	assert_int_equal(result.retentions, 1);
	expect_count(client, "SELECT count() FROM schema_migrations", count_migrations());
	for (int again = 0; again < 3; again++) {
		migrate(client, 90 * DAY_S, 0, &result);
		assert_int_equal(result.migrations + result.columns + result.retentions, 0);
		assert_int_equal(result.newest, weir_migrations[count_migrations() - 1].number);
	}
	weir_client_free(client);
}

static void adds_a_column_that_is_new(void **state)
{
	struct weir_client *client = connect_to("weir");
	struct weir_migrate_result result;

	(void)state;
	expect(client, "ALTER TABLE flows DROP COLUMN user_name", "");
	expect(client, "ALTER TABLE flows DROP COLUMN extra", "");
	migrate(client, 90 * DAY_S, 0, &result);
	assert_int_equal(result.columns, 2);
	expect(client,
	       "SELECT count() FROM system.columns WHERE database = 'weir' AND table = 'flows' AND name IN ('user_name', 'extra')",
	       "2\n");
	weir_client_free(client);
}

#define TABLES_WITH_RETENTION 10 /* flows, and of the rollups' flows_1m, flows_1h, flows_1m_by, flows_1h_by, exporter_options, counters, events, matrix_1h, matrix_1d */

static void changes_the_retention(void **state)
{
	struct weir_client *client = connect_to("weir");
	struct weir_migrate_result result;

	(void)state;
	migrate(client, 3600, 730 * DAY_S, &result);
	assert_int_equal(result.retentions, TABLES_WITH_RETENTION);
	migrate(client, 3600, 730 * DAY_S, &result);
	assert_int_equal(result.retentions, 0);
	expect(client, "SELECT engine_full LIKE '%toIntervalSecond(3600)%' FROM system.tables WHERE database = 'weir' AND name = 'flows'",
	       "1\n");
	migrate(client, 0, 0, &result);
	assert_int_equal(result.retentions, TABLES_WITH_RETENTION);
	expect(client, "SELECT count() FROM system.tables WHERE database = 'weir' AND engine_full LIKE '% TTL %'", "0\n");
	weir_client_free(client);
}

static void *migrate_thread(void *ctx)
{
	const struct weir_migrate_options options = {DAY_S, DAY_S};
	struct weir_error *own = ctx;
	struct weir_client *client = NULL;
	const struct weir_client_options to = {
		.url = getenv("WEIR_TEST_STORE_URL"), .database = "crowd", .timeout_s = 60};
	int rc = weir_client_new(&to, &client, own);

	if (!rc)
		rc = weir_migrate(client, &options, NULL, own);
	weir_client_free(client);
	return rc ? own : NULL;
}

static void several_may_migrate_at_once(void **state)
{
	struct weir_client *client = connect_to("crowd");
	struct weir_error errors[THREADS];
	pthread_t threads[THREADS];
	void *failed;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate_thread, &errors[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		if (failed)
			fail_msg("%s", errors[i].what);
	}
	expect_count(client, "SELECT uniqExact(number) FROM schema_migrations", count_migrations());
	expect(client, "SELECT count() FROM flows", "0\n");
	expect(client, "SELECT count() FROM flows_1m", "0\n");
	weir_client_free(client);
}

static void errors_have_their_code(void **state)
{
	struct weir_client *client = connect_to("weir");

	(void)state;
	assert_int_equal(weir_client_query(client, "SELECT * FROM nowhere", NULL, 0, NULL, &err), -EREMOTEIO);
	assert_int_equal(weir_client_exception_code(client), 60);
	assert_non_null(strstr(err.what, "nowhere"));
	assert_null(strstr(err.what, "version"));
	assert_null(strstr(err.what, "Code:"));
	assert_int_equal(weir_client_query(client, "DROP TABLE flows", NULL, 1, NULL, &err), -EREMOTEIO);
	assert_int_equal(weir_client_exception_code(client), 164);
	expect(client, "SELECT 1", "1\n");
	assert_int_equal(weir_client_exception_code(client), 0);
	weir_client_free(client);
}

static void parameters_are_values(void **state)
{
	static const struct weir_client_setting settings[] = {
		{"param_x", "it's & 100% +1"}, {"max_threads", "1"}, {NULL, NULL}};
	struct weir_client *client = connect_to("weir");
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_client_query(client, "SELECT {x:String} FORMAT TSVRaw", settings, 1, &out, &err), 0);
	assert_string_equal(weir_buffer_cstr(&out), "it's & 100% +1\n");
	weir_buffer_done(&out);
	weir_client_free(client);
}

static void a_file_is_inserted(void **state)
{
	struct weir_client *client = connect_to("weir");
	char path[] = "/tmp/weir-live.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "5\n6\n", 4), 4);
	assert_int_equal(close(fd), 0);
	expect(client, "CREATE TABLE numbers (n UInt32) ENGINE = MergeTree ORDER BY n", "");
	if (weir_client_insert_file(client, "INSERT INTO numbers FORMAT TSV", NULL, path, NULL, &err))
		fail_msg("%s", err.what);
	expect(client, "SELECT sum(n) FROM numbers", "11\n");
	assert_int_equal(weir_client_insert_file(client, "INSERT INTO numbers FORMAT TSV", NULL, path, "lz4", &err), -EREMOTEIO);
	assert_int_equal(unlink(path), 0);
	expect(client, "SELECT sum(n) FROM numbers", "11\n");
	weir_client_free(client);
}

/* As the sink does it: a block's Native form as the body. */
static void insert_block(struct weir_client *client, const struct weir_block *block)
{
	char path[] = "/tmp/weir-live.XXXXXX";
	int fd = mkstemp(path);
	struct weir_buffer out;

	weir_buffer_init(&out);
	assert_int_equal(weir_native_write(block, &block->used, false, &out, NULL), 0);
	assert_true(fd >= 0 && write(fd, out.data, out.len) == (ssize_t)out.len && close(fd) == 0);
	if (weir_client_insert_file(client, "INSERT INTO flows FORMAT Native", NULL, path, NULL, &err))
		fail_msg("%s", err.what);
	assert_int_equal(unlink(path), 0);
	weir_buffer_done(&out);
}

/* Few names and many; and a block that has none of them, nor a service port, as before there were such columns. */
static void names_of_blocks_are_stored(void **state)
{
	struct weir_client *client = connect_to("weir");
	struct weir_column_set set = {0};
	struct weir_vocabulary *vocabulary;
	struct weir_block *b;
	char text[32];

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	assert_int_equal(weir_block_new(&weir_block_limits_default, &b), 0);
	b->vocabulary = vocabulary;
	for (uint32_t i = 0; i < 2000; i++) {
		int len = snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);

		assert_int_equal(weir_vocabulary_add(vocabulary, text, (size_t)len, &weir_block_u32(b, WEIR_COL_SRC_SUBNET)[i]), 0);
		len = snprintf(text, sizeof(text), "zone %u", i % 3);
		if (i % 3)
			assert_int_equal(weir_vocabulary_add(vocabulary, text, (size_t)len,
							     &weir_block_u32(b, WEIR_COL_SRC_ZONE)[i]), 0);
		weir_block_u8(b, WEIR_COL_PROTO)[i] = 6;
		weir_block_u16(b, WEIR_COL_DST_PORT)[i] = 22;
		weir_block_u16(b, WEIR_COL_SRC_PORT)[i] = 8443;
		weir_block_u16(b, WEIR_COL_SERVICE_PORT)[i] = 8443;
	}
	weir_column_set_add(&set, WEIR_COL_PROTO);
	weir_column_set_add(&set, WEIR_COL_SRC_PORT);
	weir_column_set_add(&set, WEIR_COL_DST_PORT);
	weir_block_commit(b, 2000, &set);
	insert_block(client, b);
	weir_column_set_add(&set, WEIR_COL_SERVICE_PORT);
	weir_column_set_add(&set, WEIR_COL_SRC_ZONE);
	weir_column_set_add(&set, WEIR_COL_SRC_SUBNET);
	weir_block_mark(b, &set);
	insert_block(client, b);
	expect(client, "SELECT src_zone, service_port, count(), uniqExact(src_subnet) FROM flows GROUP BY ALL ORDER BY ALL",
	       "\t22\t2000\t1\n" "\t8443\t667\t667\n" "zone 1\t8443\t667\t667\n" "zone 2\t8443\t666\t666\n");
	expect(client, "SELECT src_zone FROM flows WHERE src_subnet = '10.7.207.0/24'", "zone 1\n");
	weir_block_free(b);
	weir_vocabulary_free(vocabulary);
	weir_client_free(client);
}

/* As the sink does it: what the store says of a column that it lacks makes the column, once. */
static void a_rare_column_is_made(void **state)
{
	struct weir_client *client = connect_to("crowd");
	static const char said[] = "Unknown column with name vni found";
	unsigned made = 9;

	(void)state;
	expect(client, "INSERT INTO flows (time_received, bytes) SELECT now(), 7", "");
	expect(client, "SELECT sum(vni), sum(bytes), any(extra) FROM flows", "0\t7\t{}\n");
	assert_int_equal(weir_client_query(client, "INSERT INTO flows (vni) SELECT 5", NULL, 0, NULL, &err), -EREMOTEIO);
	assert_int_equal(weir_rare_make(client, "a fault of another kind", &made, &err), 0);
	assert_int_equal(made, 0);
	assert_int_equal(weir_rare_make(client, said, &made, &err), 0);
	assert_int_equal(made, 1);
	assert_int_equal(weir_rare_make(client, said, &made, &err), 0);
	assert_int_equal(made, 0);
	expect(client, "INSERT INTO flows (time_received, vni, bytes) SELECT now(), 5, 1", "");
	expect(client, "SELECT vni, bytes FROM flows ORDER BY ALL", "0\t7\n5\t1\n");
	expect(client, "SELECT default_kind, compression_codec FROM system.columns WHERE table = 'flows' AND database = 'crowd' "
		       "AND name = 'vni'", "\tCODEC(ZSTD(1))\n");
	weir_client_free(client);
}

/* A store of an earlier program has sums a minute and none of the coarser ones. */
static void coarser_sums_are_made_of_what_is_there(void **state)
{
	static const char *const gone[] = {"VIEW flows_1h_by_view", "VIEW flows_1m_by_view", "VIEW flows_1h_view",
					   "TABLE flows_1h_by",	    "TABLE flows_1m_by",     "TABLE flows_1h"};
	static const char sums[] = "SELECT * FROM (SELECT sum(flows), sum(bytes) FROM flows_1h UNION ALL SELECT sum(flows), sum(bytes) FROM flows_1m_by "
				   "UNION ALL SELECT sum(flows), sum(bytes) FROM flows_1h_by) ORDER BY ALL";
	struct weir_client *client = connect_to("sums");
	struct weir_migrate_result result;
	char sql[128];

	(void)state;
	migrate(client, 0, 0, &result);
	expect(client, "INSERT INTO flows (time_received, bytes, proto) SELECT toDateTime('2026-11-25 11:59:00', 'UTC') + number, 3, number % 2 "
		       "FROM numbers(7300)", "");
	expect(client, sums, "7300\t21900\n51100\t153300\n51100\t153300\n");
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		(void)snprintf(sql, sizeof(sql), "DROP %s", gone[i]);
		expect(client, sql, "");
	}
	expect(client, "ALTER TABLE schema_migrations DELETE WHERE number >= 8 SETTINGS mutations_sync = 1", "");
	for (int again = 0; again < 2; again++) {
		migrate(client, 0, 0, &result);
		assert_int_equal(result.migrations, count_migrations() - 7);
		expect(client, sums, "7300\t21900\n51100\t153300\n51100\t153300\n");
		expect(client, "SELECT uniqExact(hour) FROM flows_1h", "4\n");
		expect(client, "ALTER TABLE schema_migrations DELETE WHERE number >= 8 SETTINGS mutations_sync = 1", "");
	}
	expect(client, "INSERT INTO flows (time_received, bytes) SELECT toDateTime('2026-11-25 11:59:00', 'UTC'), 100", "");
	expect(client, sums, "7301\t22000\n51107\t154000\n51107\t154000\n");
	weir_client_free(client);
}

static int take_some(void *ctx, const void *data, size_t len)
{
	size_t *total = ctx;

	(void)data;
	*total += len;
	return *total > 5000000 ? -ENOBUFS : 0;
}

static void a_stream_may_be_left(void **state)
{
	struct weir_client *client = connect_to("weir");
	size_t total = 0;

	(void)state;
	assert_int_equal(weir_client_stream(client, "SELECT number FROM numbers(1000000000000)", NULL, 1, take_some, &total, &err),
			 -ENOBUFS);
	expect(client, "SELECT 1", "1\n");
	weir_client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migrates_once),
		cmocka_unit_test(adds_a_column_that_is_new),
		cmocka_unit_test(changes_the_retention),
		cmocka_unit_test(several_may_migrate_at_once),
		cmocka_unit_test(errors_have_their_code),
		cmocka_unit_test(parameters_are_values),
		cmocka_unit_test(a_file_is_inserted),
		cmocka_unit_test(names_of_blocks_are_stored),
		cmocka_unit_test(a_rare_column_is_made),
		cmocka_unit_test(coarser_sums_are_made_of_what_is_there),
		cmocka_unit_test(a_stream_may_be_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
