/* What the tests of the spool share: a folder of their own, blocks with rows that can be told apart, and whole
 * segments decompressed. */
#ifndef WEIR_SPOOL_TESTING_H
#define WEIR_SPOOL_TESTING_H

#include <fcntl.h>
#include <ftw.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/native.h"
#include "spool/spool.h"

struct spool_fixture {
	char dir[256];
	struct weir_block *block;
};

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void remove_folder(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_new(void **state)
{
	static const struct weir_block_limits limits = {.rows_max = 8192, .heap_max = 65536, .extras_max = 64};
	struct spool_fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(f->dir, sizeof(f->dir), "%s/weir-spool-XXXXXX", tmp ? tmp : "/tmp");
	*state = f;
	return !mkdtemp(f->dir) || weir_block_new(&limits, &f->block);
}

static inline int fixture_free(void **state)
{
	struct spool_fixture *f = *state;

	remove_folder(f->dir);
	weir_block_free(f->block);
	free(f);
	return 0;
}

/* Rows whose numbers follow from `first`; every third block has one column more. */
static inline const struct weir_block *fill_block(struct weir_block *b, uint64_t first, uint32_t rows)
{
	struct weir_column_set present = {0};

	weir_block_reset(b);
	for (uint32_t i = 0; i < rows; i++) {
		weir_block_time(b, WEIR_COL_TIME_RECEIVED)[i] = 1700000000000 + (int64_t)(first / 1000);
		weir_block_u64(b, WEIR_COL_BYTES)[i] = (first + i) * UINT64_C(0x9e3779b97f4a7c15);
		weir_block_u32(b, WEIR_COL_SEQUENCE_NUM)[i] = (uint32_t)(first + i);
		weir_block_u32(b, WEIR_COL_IN_IF)[i] = first % 3 ? 0 : i;
	}
	weir_column_set_add(&present, WEIR_COL_TIME_RECEIVED);
	weir_column_set_add(&present, WEIR_COL_BYTES);
	weir_column_set_add(&present, WEIR_COL_SEQUENCE_NUM);
	if (first % 3 == 0)
		weir_column_set_add(&present, WEIR_COL_IN_IF);
	weir_block_commit(b, rows, &present);
	return b;
}

static inline int read_file(const char *path, struct weir_buffer *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		if (weir_buffer_reserve(out, 65536))
			return -1;
		n = read(fd, out->data + out->len, out->cap - out->len);
		out->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	(void)close(fd);
	return (int)n;
}

static inline int write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	int rc = fd < 0 || write(fd, data, len) != (ssize_t)len;

	(void)close(fd);
	return rc;
}

/* The segment through the library's own decompressor, frame after frame. 0 when the file is whole. */
static inline int decompress(const char *path, struct weir_buffer *out)
{
	LZ4F_dctx *ctx = NULL;
	struct weir_buffer file;
	size_t at = 0, hint = 1;

	weir_buffer_init(&file);
	if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)) || read_file(path, &file))
		return -1;
	while (at < file.len && !LZ4F_isError(hint)) {
		size_t got, used = file.len - at;

		if (weir_buffer_reserve(out, 65536))
			break;
		got = out->cap - out->len;
		hint = LZ4F_decompress(ctx, out->data + out->len, &got, file.data + at, &used, NULL);
		out->len += got;
		at += used;
	}
	weir_buffer_done(&file);
	(void)LZ4F_freeDecompressionContext(ctx);
	return hint == 0 ? 0 : -1;
}

static inline struct weir_spool_options spool_options(const char *dir, const char *lane)
{
	return (struct weir_spool_options){.dir = dir, .lane = lane, .segment_bytes_max = 1U << 20,
					   .segment_rows_max = 100000, .bytes_max = UINT64_C(1) << 40};
}

#endif
