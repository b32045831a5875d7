/* ClickHouse's Native format, as it stands in files and HTTP bodies (no block header, for the format's revision is
 * 0): the numbers of columns and rows as varints, then each column with its name and type as strings (a varint length
 * and bytes) and its values. Numbers are little-endian, IPv6 is 16 bytes in network order, DateTime64(3) an Int64 of
 * milliseconds, Enum8 a byte; Map(K, V) is a UInt64 a row that says where its entries end, then all keys, then all
 * values.
 *
 * Columns are written in the narrowest type that holds their values in this block (narrow.h): the reader converts them to
 * the table's. It halves what is to be compressed and read again; see doc/performance.md. The most that it can be is
 * known before a byte is written: one reservation, and the writing itself cannot fail. */
#include "flow/native.h"

#include <assert.h>
#include <string.h>

#include "flow/narrow.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a block's arrays are written as they are in memory: big-endian hosts need a copy that swaps"
#endif

#define VARINT_MAX  5 /* bytes of a uint32_t */
#define GUESS_ROWS  256
#define EXTRA_NAME  "extra"
#define EXTRA_TYPE  "Map(String, String)"

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_string(uint8_t *at, const char *text, uint32_t len)
{
	return put_bytes(put_varint(at, len), text, len);
}

static uint8_t *put_heading(uint8_t *at, const char *name, const char *type)
{
	at = put_string(at, name, (uint32_t)strlen(name));
	return put_string(at, type, (uint32_t)strlen(type));
}

static size_t heading_size(const char *name, const char *type)
{
	return 2 * VARINT_MAX + strlen(name) + strlen(type);
}

/* How many extra values belong to committed rows. */
static uint32_t committed_extras(const struct weir_block *block)
{
	uint32_t extras = block->extras;

	while (extras && block->extra[extras - 1].row >= block->rows)
		extras--;
	return extras;
}

static size_t column_size_max(const struct weir_block *block, enum weir_column_id id)
{
	const struct weir_column *c = &weir_columns[id];
	size_t size = heading_size(c->name, weir_types[c->type].sql);

	if (c->type != WEIR_TYPE_STRING)
		return size + block->rows * weir_types[c->type].width;
	size += (size_t)block->rows * VARINT_MAX;
	for (uint32_t row = 0; row < block->rows; row++)
		size += weir_block_str(block, id)[row].len;
	return size;
}

/* False where the column needs more than `width` bytes a value: at stays where it was. */
static bool put_narrow(uint8_t **at, const struct weir_block *block, enum weir_column_id id, unsigned width)
{
	uint8_t *values = put_heading(*at, weir_columns[id].name, weir_narrow_sql(id, width));

	if (!weir_narrow_copy(block, id, width, values))
		return false;
	*at = values + (size_t)block->rows * width;
	return true;
}

/* What the first values need is most often enough for all: only where it is not, the column is looked at as a whole. */
static uint8_t *put_values(uint8_t *at, const struct weir_block *block, enum weir_column_id id)
{
	uint32_t rows = block->rows < GUESS_ROWS ? block->rows : GUESS_ROWS;
	bool done = put_narrow(&at, block, id, weir_narrow_width(block, id, rows)) ||
		    put_narrow(&at, block, id, weir_narrow_width(block, id, block->rows));

	assert(done);
	(void)done;
	return at;
}

static uint8_t *put_column(uint8_t *at, const struct weir_block *block, enum weir_column_id id)
{
	const struct weir_column *c = &weir_columns[id];
	const struct weir_str *str = weir_block_str(block, id);

	if (c->type != WEIR_TYPE_STRING)
		return put_values(at, block, id);
	at = put_heading(at, c->name, weir_types[c->type].sql);
	for (uint32_t row = 0; row < block->rows; row++)
		at = put_string(at, weir_block_text(block, str[row]), str[row].len);
	return at;
}

static size_t extra_size(const struct weir_block *block, uint32_t extras)
{
	size_t size = heading_size(EXTRA_NAME, EXTRA_TYPE) + block->rows * sizeof(uint64_t);

	for (uint32_t i = 0; i < extras; i++)
		size += 2 * VARINT_MAX + block->extra[i].name.len + block->extra[i].value.len;
	return size;
}

static uint8_t *put_extra(uint8_t *at, const struct weir_block *block, uint32_t extras)
{
	uint64_t end = 0;

	at = put_heading(at, EXTRA_NAME, EXTRA_TYPE);
	for (uint32_t row = 0; row < block->rows; row++) {
		while (end < extras && block->extra[end].row <= row)
			end++;
		at = put_bytes(at, &end, sizeof(end));
	}
	for (uint32_t i = 0; i < extras; i++)
		at = put_string(at, weir_block_text(block, block->extra[i].name), block->extra[i].name.len);
	for (uint32_t i = 0; i < extras; i++)
		at = put_string(at, weir_block_text(block, block->extra[i].value), block->extra[i].value.len);
	return at;
}

static void note_end(struct weir_native_layout *layout, uint32_t id, size_t end)
{
	layout->column[layout->columns].id = id;
	layout->column[layout->columns++].end = end;
}

int weir_native_write(const struct weir_block *block, const struct weir_column_set *columns, bool with_extra,
		      struct weir_buffer *out, struct weir_native_layout *ret_layout)
{
	struct weir_native_layout layout;
	uint32_t extras = committed_extras(block);
	bool extra = with_extra || extras;
	size_t size = 2 * VARINT_MAX;
	uint32_t count = extra;
	uint8_t *start;
	uint8_t *at;
	int rc;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (!weir_column_set_has(columns, (enum weir_column_id)i))
			continue;
		count++;
		size += column_size_max(block, (enum weir_column_id)i);
	}
	if (ret_layout)
		ret_layout->columns = 0;
	if (!block->rows || !count)
		return 0;
	if (extra)
		size += extra_size(block, extras);
	rc = weir_buffer_reserve(out, size);
	if (rc)
		return rc;
	layout.columns = 0;
	start = out->data + out->len;
	at = put_varint(put_varint(start, count), block->rows);
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (!weir_column_set_has(columns, (enum weir_column_id)i))
			continue;
		at = put_column(at, block, (enum weir_column_id)i);
		note_end(&layout, i, (size_t)(at - start));
	}
	if (extra) {
		at = put_extra(at, block, extras);
		note_end(&layout, WEIR_COLUMN_NONE, (size_t)(at - start));
	}
	out->len = (size_t)(at - out->data);
	if (ret_layout)
		*ret_layout = layout;
	return 0;
}
