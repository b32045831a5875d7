#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "spool/frame.h"
#include "spool/pack.h"
#include "spool/testing.h"

#define BLOCKS 4
#define ROWS   500

struct sample {
	struct spool_fixture *f;
	char path[512];
	struct weir_buffer file;
	struct weir_buffer work;
	size_t end[BLOCKS]; /* of each frame */
};

static void sample_init(struct sample *s, struct spool_fixture *f)
{
	struct weir_buffer native, frame;
	struct weir_native_layout layout;
	struct weir_spool_packer *packer;

	*s = (struct sample){.f = f};
	(void)snprintf(s->path, sizeof(s->path), "%s/segment", f->dir);
	assert_int_equal(weir_spool_packer_new(&packer), 0);
	weir_buffer_init(&native);
	weir_buffer_init(&frame);
	for (unsigned i = 0; i < BLOCKS; i++) {
		weir_buffer_reset(&native);
		fill_block(f->block, i, ROWS);
		assert_int_equal(weir_native_write(f->block, &f->block->used, false, &native, &layout), 0);
		assert_int_equal(weir_spool_pack(packer, &native, &layout, &frame), 0);
		assert_int_equal(weir_buffer_append(&s->file, frame.data, frame.len), 0);
		s->end[i] = s->file.len;
	}
	weir_spool_packer_free(packer);
	weir_buffer_done(&native);
	weir_buffer_done(&frame);
}

static void sample_done(struct sample *s)
{
	weir_buffer_done(&s->file);
	weir_buffer_done(&s->work);
}

static int verify(struct sample *s, const void *data, size_t len, uint64_t rows, struct weir_error *err)
{
	int fd, rc;

	assert_int_equal(write_file(s->path, data, len), 0);
	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	rc = weir_spool_frame_verify(fd, rows, &s->work, err);
	(void)close(fd);
	return rc;
}

static void test_a_whole_file_is_whole(void **state)
{
	struct sample s;
	struct weir_error err = {0};

	sample_init(&s, *state);
	assert_int_equal(verify(&s, s.file.data, s.file.len, (uint64_t)BLOCKS * ROWS, &err), 0);
	assert_int_equal(verify(&s, s.file.data, s.file.len, (uint64_t)BLOCKS * ROWS - 1, &err), -EBADMSG);
	assert_string_equal(err.what, "it has 2000 rows where its name says 1999");
	sample_done(&s);
}

/* Blocks larger than a chunk of reading, more than one LZ4 block a frame, and bytes that do not compress. */
static void test_large_frames(void **state)
{
	static const size_t size[] = {300000, 1048576, 1048577, 3500000};
	struct spool_fixture *f = *state;
	struct sample s = {.f = f};
	struct weir_native_layout layout = {.columns = 1};
	struct weir_spool_packer *packer;
	struct weir_buffer data, frame;
	uint64_t random = 88172645463325252U;

	(void)snprintf(s.path, sizeof(s.path), "%s/segment", f->dir);
	assert_int_equal(weir_spool_packer_new(&packer), 0);
	weir_buffer_init(&data);
	weir_buffer_init(&frame);
	for (unsigned i = 0; i < 2 * sizeof(size) / sizeof(size[0]); i++) {
		/* The heading of a Native block: 7 columns, 300 rows. */
		weir_buffer_reset(&data);
		assert_int_equal(weir_buffer_append(&data, "\x07\xac\x02", 3), 0);
		while (data.len < size[i / 2]) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			assert_int_equal(weir_buffer_append(&data, &random, i % 2 ? 8 : 1), 0);
			if (i % 2 == 0)
				assert_int_equal(weir_buffer_append(&data, "\0\0\0\0\0\0\0\0\0\0", 10), 0);
		}
		layout.column[0].end = data.len;
		assert_int_equal(weir_spool_pack(packer, &data, &layout, &frame), 0);
		assert_int_equal(verify(&s, frame.data, frame.len, 300, NULL), 0);
		frame.data[frame.len - 100] ^= 1;
		assert_int_equal(verify(&s, frame.data, frame.len, 300, NULL), -EBADMSG);
	}
	weir_spool_packer_free(packer);
	weir_buffer_done(&data);
	weir_buffer_done(&frame);
	weir_buffer_done(&s.work);
}

static void test_every_cut_is_noticed(void **state)
{
	struct sample s;
	struct weir_error err = {0};

	sample_init(&s, *state);
	for (size_t len = 0; len < s.file.len; len += len < 64 ? 1 : 61)
		assert_int_equal(verify(&s, s.file.data, len, (uint64_t)BLOCKS * ROWS, &err), -EBADMSG);
	for (unsigned i = 0; i + 1 < BLOCKS; i++) {
		for (size_t k = 0; k < 12; k++)
			assert_int_equal(verify(&s, s.file.data, s.end[i] - 6 + k, (uint64_t)BLOCKS * ROWS, &err),
					 -EBADMSG);
		/* Between two frames the file is in order but for its rows. */
		assert_int_equal(verify(&s, s.file.data, s.end[i], (uint64_t)BLOCKS * ROWS, &err), -EBADMSG);
		assert_non_null(strstr(err.what, "rows where its name says 2000"));
	}
	sample_done(&s);
}

/* All bits of the first frame's header, and bits all over the file. */
static void test_flipped_bits_are_noticed(void **state)
{
	struct sample s;
	size_t unnoticed = 0;

	sample_init(&s, *state);
	for (size_t bit = 0; bit < 8 * s.file.len; bit += bit < 256 ? 1 : 997) {
		size_t at = bit / 8;

		s.file.data[at] ^= (uint8_t)(1U << bit % 8);
		if (verify(&s, s.file.data, s.file.len, (uint64_t)BLOCKS * ROWS, NULL) != -EBADMSG)
			unnoticed++;
		s.file.data[at] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(unnoticed, 0);
	sample_done(&s);
}

static void test_a_file_that_cannot_be_read_is_not_damaged(void **state)
{
	struct sample s = {.f = *state};

	assert_int_equal(weir_spool_frame_verify(-1, 1, &s.work, NULL), -EBADF);
	sample_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_whole_file_is_whole),
		TEST(test_large_frames),
		TEST(test_every_cut_is_noticed),
		TEST(test_flipped_bits_are_noticed),
		TEST(test_a_file_that_cannot_be_read_is_not_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
