/* Compressing is the largest part of what a flow costs on its way to the disk, and most of that is a search for matches
 * among values that have few: ports, addresses, counts, times. LZ4 frames have blocks that are compressed and blocks that
 * are stored as they are. So every column gets blocks of its own, and one that does not shrink to two fifths is stored
 * without trying for the next HOLD blocks. What is tried is searched less thoroughly than LZ4 does by default
 * (ACCELERATION). For NetFlow v5 that is 18 ns and 48 bytes a flow; with three fifths and more searching it would be 48 ns
 * and 34 bytes (doc/performance.md). The spool's bytes live for seconds, the processor's time is spent on every flow.
 *
 * Blocks are of 64 KB at most: for these LZ4 has smaller and faster tables. */
#include "spool/pack.h"

#include <endian.h>
#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC	     0x184d2204
#define FLG	     0x70 /* version 1, independent blocks, block checksums */
#define BD	     0x40 /* blocks of 64 KB */
#define HEADER_LEN   7
#define BLOCK_MAX    ((size_t)64 << 10)
#define BLOCK_STORED 0x80000000U
#define BLOCK_EXTRA  8 /* size and checksum */
#define END_LEN	     4
#define ACCELERATION 16
#define WORTH_NUM    2 /* compressed to this part or less, it was worth it */
#define WORTH_DEN    5
#define HOLD	     31
#define JUDGED_MIN   4096 /* the rest of a column that is a little longer than a block tells nothing */

struct weir_spool_packer {
	uint8_t hold[WEIR_COLUMNS + 1]; /* so many blocks of that column are stored as they are */
	void *state;			/* LZ4's, owned */
};

int weir_spool_packer_new(struct weir_spool_packer **ret_packer)
{
	struct weir_spool_packer *p = calloc(1, sizeof(*p));

	if (p)
		p->state = malloc((size_t)LZ4_sizeofState());
	if (!p || !p->state) {
		free(p);
		return -ENOMEM;
	}
	*ret_packer = p;
	return 0;
}

void weir_spool_packer_free(struct weir_spool_packer *packer)
{
	if (!packer)
		return;
	free(packer->state);
	free(packer);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *put_header(uint8_t *at)
{
	at = put32(at, MAGIC);
	at[0] = FLG;
	at[1] = BD;
	at[2] = (uint8_t)(XXH32(at, 2, 0) >> 8);
	return at + 3;
}

/* One block, compressed to worth bytes or less, or as it is; 0: it is not to be tried. Returns whether it was compressed. */
static bool put_block(struct weir_spool_packer *p, uint8_t **at_ptr, const uint8_t *data, size_t len, size_t worth)
{
	uint8_t *at = *at_ptr;
	uint32_t size = 0;
	bool compressed;

	if (worth)
		size = (uint32_t)LZ4_compress_fast_extState(p->state, (const char *)data, (char *)at + 4, (int)len,
							    (int)worth, ACCELERATION);
	compressed = size != 0;
	if (!compressed) {
		memcpy(at + 4, data, len);
		(void)put32(at, (uint32_t)len | BLOCK_STORED);
		size = (uint32_t)len;
	} else {
		(void)put32(at, size);
	}
	*at_ptr = put32(at + 4 + size, XXH32(at + 4, size, 0));
	return compressed;
}

static uint8_t *put_column(struct weir_spool_packer *p, uint8_t *at, const uint8_t *data, size_t len, uint8_t *hold)
{
	bool held = *hold > 0;

	if (held)
		--*hold;
	while (len) {
		size_t n = len < BLOCK_MAX ? len : BLOCK_MAX;

		if (!put_block(p, &at, data, n, *hold || held ? 0 : n * WORTH_NUM / WORTH_DEN) && !held && n >= JUDGED_MIN)
			*hold = HOLD;
		data += n;
		len -= n;
	}
	return at;
}

int weir_spool_pack(struct weir_spool_packer *packer, const struct weir_buffer *native,
		    const struct weir_native_layout *layout, struct weir_buffer *out)
{
	size_t blocks = layout->columns + native->len / BLOCK_MAX + 1;
	size_t from = 0;
	uint8_t *at;
	int rc;

	weir_buffer_reset(out);
	rc = weir_buffer_reserve(out, HEADER_LEN + native->len + blocks * BLOCK_EXTRA + END_LEN);
	if (rc)
		return rc;
	at = put_header(out->data);
	if (native->len <= BLOCK_MAX) {
		/* So few rows that blocks of their own would be more than the columns. */
		(void)put_block(packer, &at, native->data, native->len, native->len - 1);
		from = native->len;
	}
	for (uint32_t i = 0; from < native->len; i++) {
		at = put_column(packer, at, native->data + from, layout->column[i].end - from,
				&packer->hold[layout->column[i].id]);
		from = layout->column[i].end;
	}
	at = put32(at, 0);
	out->len = (size_t)(at - out->data);
	return 0;
}
