/* Frames are written in pack.c, and verified here. A frame is (LZ4 Frame Format, version 1.6.2)
 *
 *   | magic | FLG | BD | HC | blocks: size, data, checksum | end mark |
 *
 * Why one frame a block of flows, and not one a segment: the file ends in a whole frame after every append, so what a
 * failed write left can be cut off, and the segment closed, without writing anything, which on a full disk could
 * not be done. Readers of LZ4 (the store's, lz4, LZ4F_decompress) take frames one after the other for one stream.
 *
 * Every byte is covered by the header's or a block's checksum, which every decompressor checks again. A checksum of the
 * content besides would cost the receiving thread 0.05 of 0.19 microseconds a flow and find nothing more on a disk.
 *
 * Verifying reads the block checksums, which cover the compressed bytes, and decompresses nothing but the two numbers
 * at the start of each Native block: the sum of the rows must be the number in the segment's name, for a file that was
 * cut between two frames is otherwise in order. It takes a twentieth of the time of compressing. */
#include "spool/frame.h"

#include <endian.h>
#include <errno.h>
#include <lz4.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC		   0x184d2204
#define FLG_VERSION	   0x40
#define FLG_VERSION_MASK   0xc0
#define FLG_BLOCK_CHECKSUM 0x10
#define FLG_REFUSED	   0x0f /* content size and checksum, reserved, dictionary */
#define BLOCK_STORED	   0x80000000U
#define HEADING_MAX	   20 /* two varints */
#define CHUNK_LEN	   ((size_t)256 << 10)

/* The file, read in chunks: work holds the bytes from at on that are not yet used. */
struct source {
	int fd;
	struct weir_buffer *work;
	size_t at;
};

/* The next len bytes; NULL with 0 in *ret_rc at the end of the file, with an error otherwise. */
static const uint8_t *take(struct source *s, size_t len, int *ret_rc)
{
	const uint8_t *p;

	*ret_rc = 0;
	if (s->work->len - s->at < len) {
		memmove(s->work->data, s->work->data + s->at, s->work->len - s->at);
		s->work->len -= s->at;
		s->at = 0;
		*ret_rc = weir_buffer_reserve(s->work, len > CHUNK_LEN ? len : CHUNK_LEN);
	}
	while (!*ret_rc && s->work->len - s->at < len) {
		ssize_t n = read(s->fd, s->work->data + s->work->len, s->work->cap - s->work->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			*ret_rc = -errno;
		if (n <= 0)
			return NULL;
		s->work->len += (size_t)n;
	}
	if (*ret_rc)
		return NULL;
	p = s->work->data + s->at;
	s->at += len;
	return p;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* A fault of the file, or of reading it. A disk that cannot read a file any more has damaged it. */
static int fault(int rc, const char *what, struct weir_error *err)
{
	if (rc && rc != -EIO && rc != -EUCLEAN)
		return weir_error_set(err, rc, NULL, NULL, "cannot be read: %s", strerror(-rc));
	return weir_error_set(err, -EBADMSG, NULL, NULL, "%s", rc ? strerror(-rc) : what);
}

static const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; p < end && shift < 63; shift += 7) {
		value |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80)) {
			*ret_value = value;
			return p;
		}
	}
	return NULL;
}

/* The rows of the Native block that begins in this LZ4 block. */
static int read_rows(const uint8_t *data, size_t len, int stored, uint64_t *ret_rows)
{
	uint8_t raw[HEADING_MAX];
	const uint8_t *p = data;
	uint64_t columns;

	if (!stored) {
		int n = LZ4_decompress_safe_partial((const char *)data, (char *)raw, (int)len, sizeof(raw), sizeof(raw));

		if (n <= 0)
			return -EBADMSG;
		p = raw;
		len = (size_t)n;
	}
	data = p + (len < HEADING_MAX ? len : HEADING_MAX);
	p = get_varint(p, data, &columns);
	return p && get_varint(p, data, ret_rows) ? 0 : -EBADMSG;
}

/* The header behind the magic number. */
static int verify_header(struct source *s, size_t *ret_block_max, struct weir_error *err)
{
	const uint8_t *p;
	unsigned size_id;
	int rc;

	p = take(s, 3, &rc);
	if (!p)
		return fault(rc, "it ends in a frame's header", err);
	size_id = p[1] >> 4 & 7;
	if ((p[0] & FLG_VERSION_MASK) != FLG_VERSION || (p[0] & FLG_REFUSED) || !(p[0] & FLG_BLOCK_CHECKSUM) ||
	    size_id < 4)
		return fault(0, "a frame's header is not one that the spool writes", err);
	if ((XXH32(p, 2, 0) >> 8 & 0xff) != p[2])
		return fault(0, "a frame's header fails its checksum", err);
	*ret_block_max = (size_t)1 << (8 + 2 * size_id);
	return 0;
}

/* One block: 1, or 0 at the end mark. */
static int verify_block(struct source *s, size_t block_max, uint64_t *rows, struct weir_error *err)
{
	const uint8_t *p;
	uint32_t word;
	size_t len;
	int rc;

	p = take(s, 4, &rc);
	if (!p)
		return fault(rc, "it ends in the middle of a frame", err);
	word = le32(p);
	len = word & ~BLOCK_STORED;
	if (!word)
		return 0;
	if (len > block_max)
		return fault(0, "a block is longer than its frame allows", err);
	p = take(s, len + 4, &rc);
	if (!p)
		return fault(rc, "it ends in the middle of a frame", err);
	if (XXH32(p, len, 0) != le32(p + len))
		return fault(0, "a block fails its checksum", err);
	if (rows && read_rows(p, len, word & BLOCK_STORED ? 1 : 0, rows))
		return fault(0, "a frame does not begin with a Native block", err);
	return 1;
}

/* One frame: 1 and its rows, or 0 at the end of the file. */
static int verify_frame(struct source *s, uint64_t *ret_rows, struct weir_error *err)
{
	const uint8_t *p;
	uint64_t *rows = ret_rows;
	size_t block_max = 0;
	int rc;

	p = take(s, 4, &rc);
	if (!p)
		return rc || s->work->len > s->at ? fault(rc, "it ends in a frame's header", err) : 0;
	if (le32(p) != MAGIC)
		return fault(0, "a frame does not begin where one should", err);
	rc = verify_header(s, &block_max, err);
	if (rc)
		return rc;
	*ret_rows = 0;
	while ((rc = verify_block(s, block_max, rows, err)) > 0)
		rows = NULL;
	return rc < 0 ? rc : 1;
}

int weir_spool_frame_verify(int fd, uint64_t rows, struct weir_buffer *work, struct weir_error *err)
{
	struct source s = {.fd = fd, .work = work};
	uint64_t sum = 0, of_frame = 0;
	int rc;

	weir_buffer_reset(work);
	rc = weir_buffer_reserve(work, CHUNK_LEN);
	if (rc)
		return fault(rc, NULL, err);
	while ((rc = verify_frame(&s, &of_frame, err)) > 0)
		sum += of_frame;
	if (!rc && (sum != rows || !sum))
		return weir_error_set(err, -EBADMSG, NULL, NULL, "it has %llu rows where its name says %llu",
				      (unsigned long long)sum, (unsigned long long)rows);
	return rc;
}
