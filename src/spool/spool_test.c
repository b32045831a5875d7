#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "spool/testing.h"

static struct weir_spool_writer *open_writer(const struct weir_spool_options *options)
{
	struct weir_spool_writer *w = NULL;
	struct weir_error err = {0};

	if (weir_spool_writer_open(options, &w, &err))
		fail_msg("writer: %s: %s", err.where, err.what);
	return w;
}

static struct weir_spool_reader *open_reader(const char *dir, const char *consumer)
{
	struct weir_spool_reader *r = NULL;
	struct weir_error err = {0};

	if (weir_spool_reader_open(dir, consumer, &r, &err))
		fail_msg("reader: %s: %s", err.where, err.what);
	return r;
}

static void append(struct weir_spool_writer *w, struct weir_block *b, uint64_t first, uint32_t rows)
{
	struct weir_error err = {0};

	if (weir_spool_append(w, fill_block(b, first, rows), &err))
		fail_msg("append: %s", err.what);
}

static void sync_writer(struct weir_spool_writer *w)
{
	struct weir_error err = {0};

	if (weir_spool_sync(w, &err))
		fail_msg("sync: %s", err.what);
}

/* One segment of so many rows. */
static void put_segment(struct weir_spool_writer *w, struct weir_block *b, uint64_t first, uint32_t rows)
{
	append(w, b, first, rows);
	sync_writer(w);
}

static struct weir_spool_segment expect_next(struct weir_spool_reader *r)
{
	struct weir_spool_segment s = {0};
	struct weir_error err = {0};
	int rc = weir_spool_next(r, &s, &err);

	if (rc != 1)
		fail_msg("next gave %d: %s", rc, err.what);
	return s;
}

static void expect_nothing(struct weir_spool_reader *r)
{
	struct weir_spool_segment s = {0};
	struct weir_error err = {0};

	assert_int_equal(weir_spool_next(r, &s, &err), 0);
}

static void commit(struct weir_spool_reader *r, const struct weir_spool_segment *s)
{
	struct weir_error err = {0};

	if (weir_spool_commit(r, s, &err))
		fail_msg("commit: %s", err.what);
}

static struct weir_spool_backlog backlog(struct weir_spool_reader *r)
{
	struct weir_spool_backlog b = {0};

	assert_int_equal(weir_spool_backlog(r, &b, NULL), 0);
	return b;
}

static unsigned drain(struct weir_spool_reader *r, uint64_t *ret_rows)
{
	struct weir_spool_segment s;
	unsigned n = 0;

	for (*ret_rows = 0; weir_spool_next(r, &s, NULL) == 1; n++) {
		*ret_rows += s.rows;
		commit(r, &s);
	}
	return n;
}

static void test_what_is_appended_is_read(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_buffer expected, got;
	struct weir_spool_segment s;

	weir_buffer_init(&expected);
	weir_buffer_init(&got);
	for (uint64_t i = 0; i < 5; i++) {
		append(w, f->block, i * 10, (uint32_t)(1 + i * 1700));
		assert_int_equal(weir_native_write(f->block, &f->block->used, false, &expected, NULL), 0);
	}
	expect_nothing(r);
	sync_writer(w);
	s = expect_next(r);
	assert_int_equal(s.rows, 5 + 10 * 1700);
	assert_int_equal(s.number, 1);
	assert_string_equal(s.lane, "w0");
	assert_non_null(strstr(s.path, "/w0/0000000000000001-17005.native.lz4"));
	assert_int_equal(strlen(s.token), 32 + 1 + 2 + 1 + 16);
	assert_string_equal(s.token + 32, "-w0-0000000000000001");
	assert_int_equal(decompress(s.path, &got), 0);
	assert_int_equal(got.len, expected.len);
	assert_memory_equal(got.data, expected.data, got.len);
	assert_int_equal(s.bytes, weir_spool_writer_stats(w)->bytes);
	assert_int_equal(weir_spool_writer_stats(w)->rows, s.rows);
	commit(r, &s);
	expect_nothing(r);
	/* Nothing to finish makes no segment. */
	sync_writer(w);
	assert_int_equal(weir_spool_append(w, fill_block(f->block, 0, 0), NULL), 0);
	weir_spool_writer_close(w);
	expect_nothing(r);
	weir_spool_reader_close(r);
	weir_buffer_done(&expected);
	weir_buffer_done(&got);
}

static void test_a_segment_is_finished_when_full(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w;

	options.segment_rows_max = 25;
	w = open_writer(&options);
	for (uint64_t i = 0; i < 7; i++)
		append(w, f->block, i, 10);
	assert_int_equal(weir_spool_writer_stats(w)->segments, 2);
	assert_int_equal(weir_spool_writer_stats(w)->rows, 60);
	weir_spool_writer_close(w);
	options.segment_rows_max = 100000;
	options.segment_bytes_max = 20000;
	w = open_writer(&options);
	for (uint64_t i = 0; i < 10; i++)
		append(w, f->block, i, 1000); /* not less than 8 bytes a row: the numbers are random */
	assert_in_range(weir_spool_writer_stats(w)->segments, 3, 5);
	weir_spool_writer_close(w);
}

static void test_the_same_segment_until_committed(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_spool_segment s;
	char token[96];

	put_segment(w, f->block, 1, 10);
	put_segment(w, f->block, 2, 20);
	s = expect_next(r);
	assert_int_equal(s.rows, 10);
	memcpy(token, s.token, sizeof(token));
	assert_int_equal(expect_next(r).number, 1);
	assert_int_equal(backlog(r).rows, 30);
	weir_spool_reader_close(r);
	r = open_reader(f->dir, "clickhouse");
	s = expect_next(r);
	assert_string_equal(s.token, token);
	commit(r, &s);
	commit(r, &s);
	assert_int_equal(backlog(r).segments, 1);
	weir_spool_reader_close(r);
	r = open_reader(f->dir, "clickhouse");
	s = expect_next(r);
	assert_int_equal(s.number, 2);
	assert_memory_equal(s.token, token, 32);
	weir_spool_reader_close(r);
	weir_spool_writer_close(w);
}

static void test_lanes_take_turns(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options o0 = spool_options(f->dir, "w0"), o1 = spool_options(f->dir, "w1");
	struct weir_spool_writer *w0 = open_writer(&o0), *w1 = open_writer(&o1);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	unsigned of_w1 = 0;

	for (uint64_t i = 0; i < 200; i++)
		put_segment(w0, f->block, i, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct weir_spool_segment s = expect_next(r);

		/* The second lane comes late, into a long backlog of the first. */
		if (i == 10)
			put_segment(w1, f->block, 0, 1);
		if (i == 11)
			put_segment(w1, f->block, 1, 1);
		of_w1 += strcmp(s.lane, "w1") == 0;
		commit(r, &s);
	}
	assert_int_equal(of_w1, 2);
	assert_int_equal(backlog(r).segments, 102);
	assert_int_equal(backlog(r).missing_segments, 0);
	weir_spool_reader_close(r);
	weir_spool_writer_close(w0);
	weir_spool_writer_close(w1);
}

static unsigned peek(struct weir_spool_reader *r, struct weir_spool_segment *ret_segment)
{
	struct weir_error err = {0};
	int rc = weir_spool_peek(r, ret_segment, &err);

	if (rc < 0)
		fail_msg("peek: %s: %s", err.where, err.what);
	return (unsigned)rc;
}

/* What is peeked at is what comes next, in the order of lanes, and comes nevertheless. */
static void test_peeking_tells_the_next_one(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options w0 = spool_options(f->dir, "w0"), w1 = spool_options(f->dir, "w1");
	struct weir_spool_writer *a = open_writer(&w0), *b = open_writer(&w1);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_spool_segment now, ahead;
	unsigned seen = 1;

	assert_int_equal(peek(r, &ahead), 0);
	for (unsigned i = 0; i < 3; i++) {
		append(a, f->block, i, 10);
		sync_writer(a);
		if (i)
			continue;
		append(b, f->block, i, 20);
		sync_writer(b);
	}
	now = expect_next(r);
	while (peek(r, &ahead)) {
		assert_string_not_equal(ahead.token, now.token);
		commit(r, &now);
		now = expect_next(r);
		assert_string_equal(now.token, ahead.token);
		assert_string_equal(now.path, ahead.path);
		assert_int_equal(now.rows, ahead.rows);
		seen++;
	}
	commit(r, &now);
	assert_int_equal(seen, 4);
	expect_nothing(r);
	weir_spool_writer_close(a);
	weir_spool_writer_close(b);
	weir_spool_reader_close(r);
}

static void test_one_writer_a_lane_and_one_reader_a_consumer(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options), *second = NULL;
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse"), *other = NULL;
	struct weir_error err = {0};

	assert_int_equal(weir_spool_writer_open(&options, &second, &err), -EWOULDBLOCK);
	assert_string_equal(err.what, "another process writes the spool's lane \"w0\"");
	assert_int_equal(weir_spool_reader_open(f->dir, "clickhouse", &other, &err), -EWOULDBLOCK);
	assert_non_null(strstr(err.what, "reads the spool as \"clickhouse\""));
	options.lane = "w1";
	second = open_writer(&options);
	other = open_reader(f->dir, "kafka");
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
	options.lane = "w0";
	w = open_writer(&options);
	r = open_reader(f->dir, "clickhouse");
	weir_spool_writer_close(w);
	weir_spool_writer_close(second);
	weir_spool_reader_close(r);
	weir_spool_reader_close(other);
}

static void test_names_that_are_refused(void **state)
{
	static const char *const bad[] = {"", "position", "damaged", "id", "tmp-x", "../x", "w/0", ".w", "W0",
					  "a234567890123456789012345678901x"};
	struct spool_fixture *f = *state;
	struct weir_spool_writer *w = NULL;
	struct weir_spool_reader *r = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct weir_spool_options options = spool_options(f->dir, bad[i]);

		assert_int_equal(weir_spool_writer_open(&options, &w, NULL), -EINVAL);
		assert_int_equal(weir_spool_reader_open(f->dir, bad[i], &r, NULL), -EINVAL);
	}
}

static void test_segments_go_when_all_consumers_have_them(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *a = open_reader(f->dir, "a"), *b = open_reader(f->dir, "b");
	struct weir_spool_reader *late;
	struct weir_spool_segment s;

	for (uint64_t i = 1; i <= 5; i++)
		put_segment(w, f->block, i, 10);
	for (unsigned i = 0; i < 4; i++) {
		s = expect_next(a);
		commit(a, &s);
	}
	assert_int_equal(weir_spool_clean(w, NULL), 0);
	assert_int_equal(backlog(b).segments, 5);
	for (unsigned i = 0; i < 2; i++) {
		s = expect_next(b);
		commit(b, &s);
	}
	assert_int_equal(weir_spool_clean(w, NULL), 0);
	late = open_reader(f->dir, "late");
	assert_int_equal(backlog(late).segments, 3);
	assert_int_equal(expect_next(late).number, 3);
	assert_int_equal(backlog(a).segments, 1);
	assert_int_equal(backlog(b).segments, 3);
	s = expect_next(late);
	commit(late, &s);
	assert_int_equal(backlog(late).missing_segments, 0);
	assert_int_equal(weir_spool_writer_stats(w)->dropped_segments, 0);
	weir_spool_reader_close(a);
	weir_spool_reader_close(b);
	weir_spool_reader_close(late);
	weir_spool_writer_close(w);
}

static int count_record(void *ctx, const struct weir_record *record)
{
	unsigned *count = ctx;

	assert_int_equal(record->number, 40 + *count);
	assert_memory_equal(record->name.data, "rule", record->name.len);
	++*count;
	return 0;
}

static void put_events(struct weir_spool_writer *w, unsigned frames, unsigned rows)
{
	struct weir_records records;
	struct weir_buffer native;
	unsigned number = 40;

	weir_buffer_init(&native);
	weir_records_init(&records, WEIR_TABLE_EVENTS);
	for (unsigned i = 0; i < frames; i++) {
		weir_records_reset(&records);
		weir_buffer_reset(&native);
		for (unsigned k = 0; k < rows; k++) {
			const struct weir_record record = {.number = number++, .name = {"rule", 4}};

			assert_int_equal(weir_records_add(&records, &record), 0);
		}
		assert_int_equal(weir_records_native(&records, &native), 0);
		assert_int_equal(weir_spool_append_native(w, &native, rows, NULL), 0);
	}
	assert_int_equal(weir_spool_sync(w, NULL), 0);
	weir_records_done(&records);
	weir_buffer_done(&native);
}

static void test_a_consumer_of_one_table(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options of_flows = spool_options(f->dir, "w0"), of_events = spool_options(f->dir, "events-w0");
	struct weir_spool_writer *flows = open_writer(&of_flows), *events = open_writer(&of_events);
	struct weir_spool_reader *soc = open_reader(f->dir, "events-soc");
	struct weir_spool_reader *all;
	struct weir_spool_segment s;
	unsigned count = 0;

	for (uint64_t i = 1; i <= 3; i++)
		put_segment(flows, f->block, i, 10);
	put_events(events, 2, 3);
	assert_int_equal(backlog(soc).segments, 1);
	s = expect_next(soc);
	assert_string_equal(s.lane, "events-w0");
	assert_int_equal(weir_spool_read_records(&s, count_record, &count, NULL), 0);
	assert_int_equal(count, 6);
	/* Flows do not wait for it, and nothing goes while nobody else has read them. */
	assert_int_equal(weir_spool_clean(flows, NULL), 0);
	all = open_reader(f->dir, "all");
	assert_int_equal(backlog(all).segments, 4);
	for (unsigned i = 0; i < 4; i++) {
		struct weir_spool_segment each = expect_next(all);

		commit(all, &each);
	}
	put_events(events, 1, 1);
	assert_int_equal(weir_spool_clean(flows, NULL), 0);
	assert_int_equal(access(s.path, F_OK), 0);
	/* Until it is done with, or forgotten. */
	weir_spool_reader_close(soc);
	assert_int_equal(weir_spool_forget(f->dir, "events-soc", NULL), 0);
	assert_int_equal(weir_spool_forget(f->dir, "events-soc", NULL), 0);
	assert_int_equal(weir_spool_clean(flows, NULL), 0);
	assert_int_not_equal(access(s.path, F_OK), 0);
	weir_spool_reader_close(all);
	weir_spool_writer_close(flows);
	weir_spool_writer_close(events);
}

static void test_the_oldest_go_beyond_the_limit(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options o0 = spool_options(f->dir, "w0"), o1 = spool_options(f->dir, "w1");
	struct weir_spool_writer *w0, *w1;
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	const struct weir_spool_stats *stats;
	uint64_t rows;

	o0.bytes_max = 6 * 9000; /* a segment has 1000 rows of 8 bytes that do not compress, and somewhat more */
	w0 = open_writer(&o0);
	w1 = open_writer(&o1);
	stats = weir_spool_writer_stats(w0);
	for (uint64_t i = 0; i < 10; i++)
		put_segment(i < 4 ? w1 : w0, f->block, 1 + 3 * i, 1000);
	assert_int_equal(weir_spool_clean(w0, NULL), 0);
	assert_in_range(stats->dropped_segments, 3, 7);
	assert_int_equal(stats->dropped_rows, 1000 * stats->dropped_segments);
	assert_int_equal(drain(r, &rows), 10 - stats->dropped_segments);
	assert_int_equal(rows, 10000 - stats->dropped_rows);
	assert_int_equal(backlog(r).missing_segments, stats->dropped_segments);
	assert_int_equal(backlog(r).segments, 0);
	weir_spool_reader_close(r);
	weir_spool_writer_close(w0);
	weir_spool_writer_close(w1);
}

static void test_the_newest_of_a_lane_stays(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w;
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	uint64_t rows;

	options.bytes_max = 1;
	w = open_writer(&options);
	for (uint64_t i = 0; i < 3; i++)
		put_segment(w, f->block, i, 10);
	assert_int_equal(weir_spool_clean(w, NULL), 0);
	assert_int_equal(weir_spool_writer_stats(w)->dropped_segments, 2);
	assert_int_equal(drain(r, &rows), 1);
	assert_int_equal(weir_spool_clean(w, NULL), 0);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
	/* Neither the consumer's position nor the writer's memory is left, and the number still goes on. */
	{
		char path[512];

		(void)snprintf(path, sizeof(path), "%s/position", f->dir);
		remove_folder(path);
	}
	w = open_writer(&options);
	r = open_reader(f->dir, "clickhouse");
	put_segment(w, f->block, 9, 10);
	assert_int_equal(expect_next(r).number, 3);
	assert_int_equal(weir_spool_clean(w, NULL), 0);
	assert_int_equal(expect_next(r).number, 4);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
}

static void test_a_number_is_not_used_again_after_damage(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_spool_segment s;
	char path[512];

	put_segment(w, f->block, 0, 10);
	weir_spool_writer_close(w);
	s = expect_next(r);
	assert_int_equal(truncate(s.path, 20), 0);
	weir_spool_reader_close(r);
	r = open_reader(f->dir, "clickhouse");
	expect_nothing(r);
	assert_int_equal(backlog(r).damaged_segments, 1);
	(void)snprintf(path, sizeof(path), "%s/damaged/w0-0000000000000001-10.native.lz4", f->dir);
	assert_int_equal(access(path, F_OK), 0);
	w = open_writer(&options);
	put_segment(w, f->block, 1, 10);
	s = expect_next(r);
	assert_int_equal(s.number, 2);
	assert_int_equal(truncate(s.path, 20), 0);
	weir_spool_reader_close(r);
	r = open_reader(f->dir, "clickhouse");
	expect_nothing(r);
	weir_spool_writer_close(w);
	/* Now only the position knows. */
	(void)snprintf(path, sizeof(path), "%s/damaged", f->dir);
	remove_folder(path);
	w = open_writer(&options);
	put_segment(w, f->block, 2, 10);
	s = expect_next(r);
	assert_int_equal(s.number, 3);
	commit(r, &s);
	assert_int_equal(backlog(r).missing_segments, 0);
	weir_spool_reader_close(r);
	weir_spool_writer_close(w);
}

static void test_unfinished_segments_are_removed(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	char path[512];

	put_segment(w, f->block, 0, 10);
	weir_spool_writer_close(w);
	(void)snprintf(path, sizeof(path), "%s/w0/tmp-segment", f->dir);
	assert_int_equal(write_file(path, "half", 4), 0);
	assert_int_equal(backlog(r).segments, 1);
	w = open_writer(&options);
	assert_int_equal(weir_spool_writer_stats(w)->abandoned_segments, 1);
	assert_int_equal(access(path, F_OK), -1);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
}

static void test_a_segment_that_vanishes_is_passed_over(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_spool_segment s;

	for (uint64_t i = 0; i < 4; i++)
		put_segment(w, f->block, i, 10);
	s = expect_next(r);
	assert_int_equal(unlink(s.path), 0);
	s = expect_next(r);
	assert_int_equal(s.number, 2);
	assert_int_equal(unlink(s.path), 0);
	/* Handed out, delivered, removed meanwhile: it can still be committed. */
	commit(r, &s);
	assert_int_equal(backlog(r).missing_segments, 1);
	assert_int_equal(expect_next(r).number, 3);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
}

static void test_folders_that_cannot_be_used(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options;
	struct weir_spool_writer *w = NULL;
	struct weir_spool_reader *r = NULL;
	struct weir_error err = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/file", f->dir);
	assert_int_equal(write_file(path, "", 0), 0);
	(void)strcat(path, "/spool");
	options = spool_options(path, "w0");
	assert_int_equal(weir_spool_writer_open(&options, &w, &err), -ENOTDIR);
	assert_string_equal(err.where, path);
	assert_string_equal(err.what, "the spool's folder cannot be opened: Not a directory");
	assert_true(*err.next);
	/* A file system that takes no files. */
	options.dir = "/proc/self/net";
	assert_true(weir_spool_writer_open(&options, &w, &err) < 0);
	assert_true(*err.where && *err.what && *err.next);
	assert_true(weir_spool_reader_open("/proc/self/net", "c", &r, &err) < 0);
	/* Parents are made. */
	(void)snprintf(path, sizeof(path), "%s/a/b/spool", f->dir);
	options.dir = path;
	w = open_writer(&options);
	weir_spool_writer_close(w);
}

static void test_an_id_or_a_position_that_is_none(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = open_writer(&options);
	struct weir_spool_reader *r = open_reader(f->dir, "clickhouse");
	struct weir_error err = {0};
	char path[512];

	put_segment(w, f->block, 0, 10);
	put_segment(w, f->block, 1, 10);
	weir_spool_reader_close(r);
	(void)snprintf(path, sizeof(path), "%s/position/clickhouse", f->dir);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const bad[] = {"w0 1", "w0 x\n", "w0 1\nw1\n", "../w0 1\n", "w0 99999999999999999999\n"};

		assert_int_equal(write_file(path, bad[i], strlen(bad[i])), 0);
		assert_int_equal(weir_spool_reader_open(f->dir, "clickhouse", &r, &err), -EBADMSG);
		assert_string_equal(err.where, path);
		assert_true(*err.next);
		/* Nothing is removed on its word. */
		assert_int_equal(weir_spool_clean(w, &err), -EBADMSG);
	}
	assert_int_equal(unlink(path), 0);
	r = open_reader(f->dir, "clickhouse");
	assert_int_equal(backlog(r).segments, 2);
	weir_spool_reader_close(r);
	weir_spool_writer_close(w);
	(void)snprintf(path, sizeof(path), "%s/id", f->dir);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(weir_spool_writer_open(&options, &w, &err), -EBADMSG);
	assert_non_null(strstr(err.what, "\"id\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_appended_is_read),
		TEST(test_a_segment_is_finished_when_full),
		TEST(test_the_same_segment_until_committed),
		TEST(test_lanes_take_turns),
		TEST(test_peeking_tells_the_next_one),
		TEST(test_one_writer_a_lane_and_one_reader_a_consumer),
		TEST(test_names_that_are_refused),
		TEST(test_segments_go_when_all_consumers_have_them),
		TEST(test_a_consumer_of_one_table),
		TEST(test_the_oldest_go_beyond_the_limit),
		TEST(test_the_newest_of_a_lane_stays),
		TEST(test_a_number_is_not_used_again_after_damage),
		TEST(test_unfinished_segments_are_removed),
		TEST(test_a_segment_that_vanishes_is_passed_over),
		TEST(test_folders_that_cannot_be_used),
		TEST(test_an_id_or_a_position_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
