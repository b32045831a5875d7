/* A segment of records, back as rows: frame by frame, for each is a Native block of its own. What a frame may hold is bounded as it is when
 * it is written, whatever the file says. */
#include <errno.h>
#include <lz4frame.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "spool/spool.h"

#define SEGMENT_MAX ((size_t)64 << 20)
#define NATIVE_MAX  ((size_t)WEIR_RECORDS_BYTES * 4) /* the last row may be long, and headings come besides */
#define CHUNK_LEN   ((size_t)64 << 10)

struct unpacking {
	LZ4F_dctx *lz4;
	const uint8_t *at;
	const uint8_t *end;
	struct weir_buffer native;
};

/* The next frame's bytes: 1, or 0 at the end. */
static int unpack_frame(struct unpacking *u)
{
	size_t left = 1;

	weir_buffer_reset(&u->native);
	if (u->at == u->end)
		return 0;
	while (left) {
		int rc = weir_buffer_reserve(&u->native, CHUNK_LEN);
		size_t from = (size_t)(u->end - u->at);
		size_t to = u->native.cap - u->native.len;

		if (rc)
			return rc;
		left = LZ4F_decompress(u->lz4, u->native.data + u->native.len, &to, u->at, &from, NULL);
		if (LZ4F_isError(left) || (left && !from && !to))
			return -EBADMSG;
		u->at += from;
		u->native.len += to;
		if (u->native.len > NATIVE_MAX)
			return -EBADMSG;
	}
	return 1;
}

static int read_frames(struct unpacking *u, enum weir_table table, int (*each)(void *ctx, const struct weir_record *record), void *ctx)
{
	int rc;

	while ((rc = unpack_frame(u)) > 0) {
		rc = weir_records_read(table, u->native.data, u->native.len, each, ctx);
		if (rc)
			return rc;
	}
	return rc;
}

int weir_spool_read_records(const struct weir_spool_segment *segment, int (*each)(void *ctx, const struct weir_record *record), void *ctx,
			    struct weir_error *err)
{
	struct unpacking u = {0};
	struct weir_buffer file;
	int rc;

	weir_buffer_init(&file);
	weir_buffer_init(&u.native);
	rc = weir_file_read(segment->path, SEGMENT_MAX, &file);
	if (!rc && file.len > SEGMENT_MAX)
		rc = -EBADMSG;
	if (!rc && LZ4F_isError(LZ4F_createDecompressionContext(&u.lz4, LZ4F_VERSION)))
		rc = -ENOMEM;
	if (rc) {
		(void)weir_error_set(err, rc, segment->path, NULL, "the segment cannot be read: %s", strerror(-rc));
	} else {
		u.at = file.data;
		u.end = file.data + file.len;
		rc = read_frames(&u, segment->table, each, ctx);
		if (rc == -EBADMSG)
			(void)weir_error_set(err, rc, segment->path, NULL, "the segment is damaged, or of another version");
	}
	(void)LZ4F_freeDecompressionContext(u.lz4);
	weir_buffer_done(&u.native);
	weir_buffer_done(&file);
	return rc;
}
