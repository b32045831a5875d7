/* A block: a batch of flows as columns, the unit that decoders fill, enrichment and policy read, and the spool
 * compresses.
 *
 * Memory. Every column is an array of `capacity` values, zero wherever nothing was written: whoever writes a
 * column writes rows [rows, capacity) and then commits them with the set of columns that hold something. Rows
 * that were written but not committed must be cleared again (weir_block_clear). A block is bounded: capacity
 * rows, heap_max bytes of strings, extras_max extra values.
 *
 * Presence. What the exporter sent is told from what it did not send by runs: consecutive rows with the same
 * set of columns. A template's records are one run, so presence costs nothing per flow.
 *
 * Extra. Elements without a column are kept per row, in row order, as a name and a text.
 *
 * One thread at a time. The block owns all its arrays.
 */
#ifndef WEIR_FLOW_BLOCK_H
#define WEIR_FLOW_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/addr.h"
#include "flow/column.h"

/* A string in the block's heap; {0, 0} is the empty string. */
struct weir_str {
	uint32_t offset;
	uint32_t len;
};

struct weir_block_run {
	uint32_t rows; /* how many rows, following those of the runs before */
	struct weir_column_set present;
};

struct weir_extra {
	uint32_t row;
	bool number;          /* value is a JSON number; otherwise it is text */
	struct weir_str name; /* in the heap */
	struct weir_str value;
};

struct weir_block_limits {
	uint32_t rows_max;
	uint32_t heap_max; /* bytes */
	uint32_t extras_max;
};

extern const struct weir_block_limits weir_block_limits_default; /* 8192 rows, 4 MiB, 128 Ki */

struct weir_block {
	uint32_t rows;
	uint32_t capacity;
	void *column[WEIR_COLUMNS]; /* typed by weir_columns[id].type */
	struct weir_column_set used; /* columns present in some row */
	struct weir_block_run *run;
	uint32_t runs;
	struct weir_extra *extra;
	uint32_t extras;
	uint32_t extras_max;
	char *heap;
	uint32_t heap_len;
	uint32_t heap_max;
	const struct weir_vocabulary *vocabulary; /* of the columns of names; borrowed, NULL: they are all empty */
	uint32_t *scratch; /* four numbers a row of the capacity, for whoever writes the block out */
};

int weir_block_new(const struct weir_block_limits *limits, struct weir_block **ret_block) WEIR_MUST_CHECK;
void weir_block_free(struct weir_block *block);

/* Back to no rows; only what was used is cleared. */
void weir_block_reset(struct weir_block *block);

static inline uint32_t weir_block_room(const struct weir_block *block)
{
	return block->capacity - block->rows;
}

/* Typed access: weir_block_u32(b, WEIR_COL_IN_IF)[row]. The caller knows the column's type. */
#define WEIR_BLOCK_ACCESS(suffix, ctype)                                                               \
	static inline ctype *weir_block_##suffix(const struct weir_block *block, enum weir_column_id id) \
	{                                                                                              \
		return (ctype *)block->column[id];                                                     \
	}
WEIR_BLOCK_ACCESS(u8, uint8_t)
WEIR_BLOCK_ACCESS(u16, uint16_t)
WEIR_BLOCK_ACCESS(u32, uint32_t)
WEIR_BLOCK_ACCESS(u64, uint64_t)
WEIR_BLOCK_ACCESS(time, int64_t)
WEIR_BLOCK_ACCESS(addr, struct weir_addr)
WEIR_BLOCK_ACCESS(str, struct weir_str)
#undef WEIR_BLOCK_ACCESS

/* The number in a cell of an unsigned, MAC or enumeration column. */
uint64_t weir_block_number(const struct weir_block *block, enum weir_column_id id, uint32_t row);
/* Store a number in such a cell; one too large for the column becomes the column's largest value. */
void weir_block_put_number(struct weir_block *block, enum weir_column_id id, uint32_t row, uint64_t value);

/* Copy bytes to the heap. False when the heap is full: *ret_str is then empty. */
bool weir_block_put_str(struct weir_block *block, const void *data, size_t len, struct weir_str *ret_str)
	WEIR_MUST_CHECK;
/* Add an extra value to a row that is not yet committed; rows in order. False when there is no room. */
bool weir_block_put_extra(struct weir_block *block, uint32_t row, const char *name, const char *value,
			  size_t value_len, bool number) WEIR_MUST_CHECK;

/* Rows [block->rows, block->rows + rows) are flows now, with these columns present. rows must not exceed the
 * room. Extra values of these rows must have been put before. */
void weir_block_commit(struct weir_block *block, uint32_t rows, const struct weir_column_set *present);

/* These columns hold something in every row: for what is filled in after the rows are there. Also in an empty block. */
void weir_block_mark(struct weir_block *block, const struct weir_column_set *present);

/* Undo what was written of uncommitted rows: zero these columns in rows [block->rows, block->rows + rows) and
 * forget extras of rows that are not committed. */
void weir_block_clear(struct weir_block *block, uint32_t rows, const struct weir_column_set *written);

/* The text of a string in the heap (not NUL-terminated). */
static inline const char *weir_block_text(const struct weir_block *block, struct weir_str s)
{
	return block->heap + s.offset;
}

/* The name in a cell of a column of names. */
static inline struct weir_word weir_block_name(const struct weir_block *block, enum weir_column_id id, uint32_t row)
{
	return weir_vocabulary_word(block->vocabulary, weir_block_u32(block, id)[row]);
}

/* Where full blocks go. A decoder that needs room calls full(): it takes the block away (or empties it) and
 * leaves one with room in *block. Negative: nothing can be taken; the caller drops what it has and counts. */
struct weir_block_sink {
	int (*full)(void *ctx, struct weir_block **block);
	void *ctx; /* borrowed */
};

#endif
