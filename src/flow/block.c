#include "flow/block.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct weir_block_limits weir_block_limits_default = {
	.rows_max = 8192,
	.heap_max = 4U << 20,
	.extras_max = 128U << 10,
};

int weir_block_new(const struct weir_block_limits *limits, struct weir_block **ret_block)
{
	struct weir_block *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->capacity = limits->rows_max;
	b->heap_max = limits->heap_max;
	b->extras_max = limits->extras_max;
	/* calloc gives untouched pages: a column that no exporter sends costs address space only. */
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		b->column[i] = calloc(b->capacity, weir_types[weir_columns[i].type].width);
		if (!b->column[i])
			goto nomem;
	}
	b->run = calloc(b->capacity, sizeof(*b->run));
	b->extra = calloc(b->extras_max, sizeof(*b->extra));
	b->heap = calloc(1, b->heap_max);
	b->scratch = calloc(b->capacity, 4 * sizeof(*b->scratch));
	if (!b->run || !b->extra || !b->heap || !b->scratch)
		goto nomem;
	*ret_block = b;
	return 0;
nomem:
	weir_block_free(b);
	return -ENOMEM;
}

void weir_block_free(struct weir_block *block)
{
	if (!block)
		return;
	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		free(block->column[i]);
	free(block->run);
	free(block->extra);
	free(block->heap);
	free(block->scratch);
	free(block);
}

void weir_block_reset(struct weir_block *block)
{
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (weir_column_set_has(&block->used, (enum weir_column_id)i))
			memset(block->column[i], 0, block->rows * weir_types[weir_columns[i].type].width);
	}
	block->used = (struct weir_column_set){0};
	block->rows = 0;
	block->runs = 0;
	block->extras = 0;
	block->heap_len = 0;
}

uint64_t weir_block_number(const struct weir_block *block, enum weir_column_id id, uint32_t row)
{
	switch (weir_types[weir_columns[id].type].width) {
	case 1:
		return weir_block_u8(block, id)[row];
	case 2:
		return weir_block_u16(block, id)[row];
	case 4:
		return weir_block_u32(block, id)[row];
	default:
		assert(weir_columns[id].type != WEIR_TYPE_ADDR && weir_columns[id].type != WEIR_TYPE_STRING);
		return weir_block_u64(block, id)[row];
	}
}

void weir_block_put_number(struct weir_block *block, enum weir_column_id id, uint32_t row, uint64_t value)
{
	switch (weir_types[weir_columns[id].type].width) {
	case 1:
		weir_block_u8(block, id)[row] = value > UINT8_MAX ? UINT8_MAX : (uint8_t)value;
		break;
	case 2:
		weir_block_u16(block, id)[row] = value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
		break;
	case 4:
		weir_block_u32(block, id)[row] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
		break;
	default:
		assert(weir_columns[id].type != WEIR_TYPE_ADDR && weir_columns[id].type != WEIR_TYPE_STRING);
		weir_block_u64(block, id)[row] = value;
		break;
	}
}

bool weir_block_put_str(struct weir_block *block, const void *data, size_t len, struct weir_str *ret_str)
{
	*ret_str = (struct weir_str){0};
	if (len > block->heap_max - block->heap_len)
		return false;
	if (!len)
		return true;
	memcpy(block->heap + block->heap_len, data, len);
	*ret_str = (struct weir_str){.offset = block->heap_len, .len = (uint32_t)len};
	block->heap_len += (uint32_t)len;
	return true;
}

bool weir_block_put_extra(struct weir_block *block, uint32_t row, const char *name, const char *value,
			  size_t value_len, bool number)
{
	struct weir_extra *e;
	uint32_t heap_len = block->heap_len;

	if (block->extras == block->extras_max)
		return false;
	e = &block->extra[block->extras];
	if (!weir_block_put_str(block, name, strlen(name), &e->name) ||
	    !weir_block_put_str(block, value, value_len, &e->value)) {
		block->heap_len = heap_len;
		return false;
	}
	e->row = row;
	e->number = number;
	block->extras++;
	return true;
}

void weir_block_commit(struct weir_block *block, uint32_t rows, const struct weir_column_set *present)
{
	struct weir_block_run *last = block->runs ? &block->run[block->runs - 1] : NULL;

	assert(rows <= weir_block_room(block));
	if (!rows)
		return;
	if (last && memcmp(&last->present, present, sizeof(*present)) == 0) {
		last->rows += rows;
	} else {
		block->run[block->runs++] = (struct weir_block_run){.rows = rows, .present = *present};
		for (unsigned i = 0; i < WEIR_COLUMN_WORDS; i++)
			block->used.word[i] |= present->word[i];
	}
	block->rows += rows;
}

void weir_block_mark(struct weir_block *block, const struct weir_column_set *present)
{
	for (unsigned i = 0; i < WEIR_COLUMN_WORDS; i++) {
		for (uint32_t run = 0; run < block->runs; run++)
			block->run[run].present.word[i] |= present->word[i];
		block->used.word[i] |= present->word[i];
	}
}

void weir_block_clear(struct weir_block *block, uint32_t rows, const struct weir_column_set *written)
{
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		size_t width = weir_types[weir_columns[i].type].width;

		if (weir_column_set_has(written, (enum weir_column_id)i))
			memset((uint8_t *)block->column[i] + block->rows * width, 0, rows * width);
	}
	while (block->extras && block->extra[block->extras - 1].row >= block->rows)
		block->extras--;
}
