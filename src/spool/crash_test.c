/* The spool's promise against kill -9, damaged disks and full ones. Writers are processes of their own here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "spool/testing.h"

#define KILLS 48

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Appends and syncs until it is killed. Says through the pipe how many rows were synced in all, after each sync. */
static void write_for_ever(const char *dir, struct weir_block *block, uint64_t first, int pipe_fd)
{
	struct weir_spool_options options = spool_options(dir, "w0");
	struct weir_spool_writer *w = NULL;

	options.segment_bytes_max = 40000;
	if (weir_spool_writer_open(&options, &w, NULL))
		_exit(1);
	for (uint64_t i = first;; i++) {
		uint64_t rows;

		if (weir_spool_append(w, fill_block(block, i, 100 + (uint32_t)(i % 7) * 90), NULL))
			_exit(2);
		if (i % 5 == 0 && weir_spool_sync(w, NULL))
			_exit(3);
		rows = weir_spool_writer_stats(w)->rows;
		if (write(pipe_fd, &rows, sizeof(rows)) != (ssize_t)sizeof(rows))
			_exit(4);
	}
}

/* Kills a writer once it has said `says` things and a moment has passed. Returns the rows that it had synced for
 * certain. */
static uint64_t run_and_kill(struct spool_fixture *f, uint64_t first, unsigned says, unsigned spin)
{
	uint64_t rows = 0;
	int ends[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		write_for_ever(f->dir, f->block, first, ends[1]);
	}
	(void)close(ends[1]);
	for (unsigned i = 0; i < says; i++)
		assert_int_equal(read(ends[0], &rows, sizeof(rows)), sizeof(rows));
	for (volatile unsigned i = 0; i < spin; i++)
		;
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &rows, sizeof(rows)) == (ssize_t)sizeof(rows))
		;
	(void)close(ends[0]);
	return rows;
}

static void test_killed_writers_leave_whole_segments(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_reader *r = NULL;
	struct weir_spool_segment s;
	struct weir_spool_backlog b;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = NULL;
	struct weir_buffer raw;
	uint64_t random = 20240229, synced = 0, found = 0, number = 0;
	unsigned abandoned;

	weir_buffer_init(&raw);
	assert_int_equal(weir_spool_reader_open(f->dir, "clickhouse", &r, NULL), 0);
	for (unsigned i = 0; i < KILLS; i++) {
		synced += run_and_kill(f, i, 1 + (unsigned)(next_random(&random) % 12),
				       (unsigned)(next_random(&random) % 200000));
		/* Read along, in between: the reader sees what the writer of another process finished. */
		while (i % 4 == 0 && weir_spool_next(r, &s, NULL) == 1) {
			assert_int_equal(s.number, ++number);
			weir_buffer_reset(&raw);
			assert_int_equal(decompress(s.path, &raw), 0);
			found += s.rows;
			assert_int_equal(weir_spool_commit(r, &s, NULL), 0);
		}
	}
	while (weir_spool_next(r, &s, NULL) == 1) {
		assert_int_equal(s.number, ++number);
		found += s.rows;
		assert_int_equal(weir_spool_commit(r, &s, NULL), 0);
	}
	assert_int_equal(weir_spool_backlog(r, &b, NULL), 0);
	assert_int_equal(b.damaged_segments + b.missing_segments + b.segments, 0);
	/* What was synced is there; of what was not yet said to be synced some may be. */
	assert_true(found >= synced);
	assert_true(number > KILLS / 2);
	assert_int_equal(weir_spool_writer_open(&options, &w, NULL), 0);
	abandoned = (unsigned)weir_spool_writer_stats(w)->abandoned_segments;
	assert_true(abandoned <= 1);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
	weir_buffer_done(&raw);
}

/* A consumer that is killed at any moment goes on where it was, or one segment before, and misses nothing. */
static void test_killed_readers_miss_nothing(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = NULL;
	uint64_t random = 4711, last = 0;

	assert_int_equal(weir_spool_writer_open(&options, &w, NULL), 0);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(weir_spool_append(w, fill_block(f->block, i, 1), NULL) || weir_spool_sync(w, NULL), 0);
	for (unsigned i = 0; i < KILLS / 2; i++) {
		uint64_t number = 0, first = 0;
		unsigned says = 1 + (unsigned)(next_random(&random) % 12);
		int ends[2];
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			struct weir_spool_reader *r = NULL;
			struct weir_spool_segment s;

			if (weir_spool_reader_open(f->dir, "clickhouse", &r, NULL))
				_exit(1);
			while (weir_spool_next(r, &s, NULL) == 1 &&
			       write(ends[1], &s.number, sizeof(s.number)) == (ssize_t)sizeof(s.number) &&
			       weir_spool_commit(r, &s, NULL) == 0)
				;
			_exit(0);
		}
		(void)close(ends[1]);
		for (unsigned k = 0; k < says && read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number); k++)
			first = first ? first : number;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		if (first)
			assert_in_range(first, last ? last : 1, last + 1);
		while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
			;
		last = number ? number : last;
		(void)close(ends[0]);
	}
	weir_spool_writer_close(w);
}

static void test_damaged_segments_are_set_aside(void **state)
{
	struct spool_fixture *f = *state;
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct weir_spool_writer *w = NULL;
	struct weir_spool_reader *r = NULL;
	struct weir_spool_segment s;
	struct weir_spool_backlog b;
	uint64_t random = 99, rows = 0;
	char path[512];

	assert_int_equal(weir_spool_writer_open(&options, &w, NULL), 0);
	for (unsigned i = 1; i <= 60; i++) {
		struct stat st;

		assert_int_equal(weir_spool_append(w, fill_block(f->block, i, 50 + i), NULL), 0);
		assert_int_equal(weir_spool_append(w, fill_block(f->block, 2 * i, 50), NULL), 0);
		assert_int_equal(weir_spool_sync(w, NULL), 0);
		(void)snprintf(path, sizeof(path), "%s/w0/%016x-%u.native.lz4", f->dir, i, 100 + i);
		assert_int_equal(stat(path, &st), 0);
		if (i % 3 == 0) {
			assert_int_equal(truncate(path, (off_t)(next_random(&random) % (uint64_t)st.st_size)), 0);
		} else if (i % 3 == 1) {
			off_t at = (off_t)(next_random(&random) % (uint64_t)st.st_size);
			int fd = open(path, O_RDWR | O_CLOEXEC);
			uint8_t byte;

			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= (uint8_t)(1U << next_random(&random) % 8);
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			(void)close(fd);
		} else {
			rows += 100 + i;
		}
	}
	assert_int_equal(weir_spool_reader_open(f->dir, "clickhouse", &r, NULL), 0);
	while (weir_spool_next(r, &s, NULL) == 1) {
		assert_int_equal(s.number % 3, 2);
		rows -= s.rows;
		assert_int_equal(weir_spool_commit(r, &s, NULL), 0);
	}
	assert_int_equal(rows, 0);
	assert_int_equal(weir_spool_backlog(r, &b, NULL), 0);
	assert_int_equal(b.damaged_segments, 40);
	assert_int_equal(b.missing_segments, 0);
	(void)snprintf(path, sizeof(path), "%s/damaged/w0-%016x-103.native.lz4", f->dir, 3);
	assert_int_equal(access(path, F_OK), 0);
	/* They do not fill the disk for ever. */
	weir_spool_writer_close(w);
	options.bytes_max = 1;
	assert_int_equal(weir_spool_writer_open(&options, &w, NULL), 0);
	for (unsigned i = 0; i < 41; i++)
		assert_int_equal(weir_spool_clean(w, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	weir_spool_writer_close(w);
	weir_spool_reader_close(r);
}

/* What the reader gets is what the writer does not count as lost. */
static int check_full(struct weir_spool_writer *w, const char *dir, uint64_t appended, uint64_t failures)
{
	const struct weir_spool_stats *stats = weir_spool_writer_stats(w);
	struct weir_spool_reader *r = NULL;
	struct weir_spool_segment s;
	uint64_t rows = 0, number = 0;

	if (!failures || stats->write_errors < failures || stats->rows + stats->lost_rows != appended || !stats->lost_rows)
		return 10;
	if (weir_spool_reader_open(dir, "clickhouse", &r, NULL))
		return 11;
	while (weir_spool_next(r, &s, NULL) == 1) {
		rows += s.rows;
		if (s.number != ++number || weir_spool_commit(r, &s, NULL))
			return 12;
	}
	weir_spool_reader_close(r);
	return rows == stats->rows ? 0 : 13;
}

/* Files that cannot grow beyond a limit, which stands for a disk that is full in the middle of a block. */
static int fill_by_limit(struct spool_fixture *f)
{
	struct weir_spool_options options = spool_options(f->dir, "w0");
	struct rlimit limit, before;
	struct weir_spool_writer *w = NULL;
	struct weir_error err = {0};
	uint64_t appended = 0, failures = 0;
	int rc;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &before) || weir_spool_writer_open(&options, &w, &err))
		return 1;
	for (uint64_t i = 0; i < 60; i++) {
		/* Not even the first block of a segment fits from 20 to 29. */
		limit = before;
		limit.rlim_cur = i < 20 ? 50000 : i < 30 ? 3000 : i < 40 ? 70000 : before.rlim_cur;
		if (setrlimit(RLIMIT_FSIZE, &limit))
			return 2;
		rc = weir_spool_append(w, fill_block(f->block, i, 1000), &err);
		if (rc && (rc != -EFBIG || !*err.next || strcmp(err.where, f->dir) != 0))
			return 3;
		failures += rc != 0;
		appended += 1000;
		if (rc && i >= 40)
			return 4;
	}
	if (weir_spool_sync(w, &err))
		return 5;
	rc = check_full(w, f->dir, appended, failures);
	weir_spool_writer_close(w);
	return rc;
}

static int run_in_child(int (*run)(struct spool_fixture *f), struct spool_fixture *f)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_a_file_that_cannot_grow(void **state)
{
	assert_int_equal(run_in_child(fill_by_limit, *state), 0);
}

#define NOT_PERMITTED 77

static int fill_rest(const char *dir, char *path, size_t size)
{
	static const char zeros[1024];
	int fd;

	(void)snprintf(path, size, "%s/ballast", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	return close(fd);
}

/* A file system of 400 KB. It fills up, stays full while the consumer commits, and is emptied. */
static int fill_file_system(struct spool_fixture *f)
{
	struct weir_spool_options options;
	struct weir_spool_writer *w = NULL;
	struct weir_spool_reader *r = NULL;
	struct weir_spool_segment s;
	uint64_t appended = 0, failures = 0, rows = 0;
	char dir[300], ballast[512];

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", f->dir, "tmpfs", 0, "size=400k"))
		return NOT_PERMITTED;
	(void)snprintf(dir, sizeof(dir), "%s/spool", f->dir);
	options = spool_options(dir, "w0");
	options.segment_bytes_max = 50000;
	if (weir_spool_writer_open(&options, &w, NULL) || weir_spool_reader_open(dir, "clickhouse", &r, NULL))
		return 1;
	for (uint64_t i = 0; i < 60; i++, appended += 1000)
		failures += weir_spool_append(w, fill_block(f->block, i, 1000), NULL) != 0;
	if (!failures || fill_rest(f->dir, ballast, sizeof(ballast)))
		return 2;
	for (unsigned i = 0; i < 4; i++) {
		if (weir_spool_next(r, &s, NULL) != 1 || weir_spool_commit(r, &s, NULL))
			return 3;
		rows += s.rows;
	}
	/* Cleaning makes room, and the writer goes on. */
	if (weir_spool_clean(w, NULL))
		return 4;
	for (uint64_t i = 0; i < 3; i++, appended += 1000) {
		if (weir_spool_append(w, fill_block(f->block, i, 1000), NULL))
			return 5;
	}
	if (weir_spool_sync(w, NULL))
		return 6;
	while (weir_spool_next(r, &s, NULL) == 1 && weir_spool_commit(r, &s, NULL) == 0)
		rows += s.rows;
	if (rows != weir_spool_writer_stats(w)->rows || rows + weir_spool_writer_stats(w)->lost_rows != appended)
		return 7;
	return 0;
}

static void test_a_full_file_system(void **state)
{
	int rc = run_in_child(fill_file_system, *state);

	if (rc == NOT_PERMITTED) {
		print_message("skipped: a small file system can be mounted by root only\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed_writers_leave_whole_segments),
		TEST(test_killed_readers_miss_nothing),
		TEST(test_damaged_segments_are_set_aside),
		TEST(test_a_file_that_cannot_grow),
		TEST(test_a_full_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
