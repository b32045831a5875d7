/* Frames that are packed are LZ4's, hold what was put in, and keep to what the packer learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <lz4frame.h>

#include "spool/pack.h"

#define ROWS 8192

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A column of noise, one that never changes, one that is noise in its low bytes only. */
static void fill(struct weir_block *b, uint32_t rows, uint64_t *random)
{
	struct weir_column_set present = {0};

	weir_block_reset(b);
	for (uint32_t i = 0; i < rows; i++) {
		weir_block_u64(b, WEIR_COL_BYTES)[i] = random_next(random);
		weir_block_addr(b, WEIR_COL_EXPORTER_ADDR)[i] = (struct weir_addr){{0x20, 1, 0x0d, 0xb8}};
		weir_block_time(b, WEIR_COL_TIME_START)[i] = 1700000000000 + (int64_t)(random_next(random) & 0xffff);
	}
	weir_column_set_add(&present, WEIR_COL_BYTES);
	weir_column_set_add(&present, WEIR_COL_EXPORTER_ADDR);
	weir_column_set_add(&present, WEIR_COL_TIME_START);
	weir_block_commit(b, rows, &present);
}

static void expect_whole(const struct weir_buffer *frame, const struct weir_buffer *native)
{
	LZ4F_decompressionContext_t ctx;
	uint8_t *got = malloc(native->len + 1);
	size_t from = 0, to = 0, hint = 1;

	assert_false(LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)));
	while (hint && from < frame->len) {
		size_t in = frame->len - from, out = native->len + 1 - to;

		hint = LZ4F_decompress(ctx, got + to, &out, frame->data + from, &in, NULL);
		assert_false(LZ4F_isError(hint));
		from += in;
		to += out;
	}
	assert_int_equal(hint, 0);
	assert_int_equal(from, frame->len);
	assert_int_equal(to, native->len);
	assert_memory_equal(got, native->data, to);
	free(got);
	(void)LZ4F_freeDecompressionContext(ctx);
}

static void test_blocks_of_all_sizes(void **state)
{
	static const struct weir_block_limits limits = {.rows_max = ROWS, .heap_max = 1, .extras_max = 1};
	static const uint32_t sizes[] = {1, 2, 30, 500, 2047, 2048, 4095, 4096, 8191, 8192};
	struct weir_spool_packer *packer;
	struct weir_native_layout layout;
	struct weir_buffer native, frame;
	struct weir_block *b;
	uint64_t random = 1;

	(void)state;
	assert_int_equal(weir_spool_packer_new(&packer), 0);
	assert_int_equal(weir_block_new(&limits, &b), 0);
	weir_buffer_init(&native);
	weir_buffer_init(&frame);
	for (unsigned i = 0; i < 100; i++) {
		fill(b, sizes[i % 10], &random);
		weir_buffer_reset(&native);
		assert_int_equal(weir_native_write(b, &b->used, false, &native, &layout), 0);
		assert_int_equal(weir_spool_pack(packer, &native, &layout, &frame), 0);
		expect_whole(&frame, &native);
	}
	/* Of 32 bytes a row the constant 16 are next to nothing. */
	assert_in_range(frame.len, ROWS * 10, ROWS * 17);
	weir_buffer_done(&native);
	weir_buffer_done(&frame);
	weir_block_free(b);
	weir_spool_packer_free(packer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_of_all_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
