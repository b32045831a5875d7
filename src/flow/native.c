/* ClickHouse's Native format, as it stands in files and HTTP bodies (no block header, for the format's revision is
 * 0): the numbers of columns and rows as varints, then each column with its name and type as strings (a varint length
 * and bytes) and its values. Numbers are little-endian, IPv6 is 16 bytes in network order, DateTime64(3) an Int64 of
 * milliseconds, Enum8 a byte; Map(K, V) is a UInt64 a row that says where its entries end, then all keys, then all
 * values. A LowCardinality(String) is its serialization's version, and then, of this block alone: what the indexes
 * are (their width, and that a dictionary comes with them), the dictionary as strings, and the indexes.
 *
 * Columns are written in the narrowest type that holds their values in this block (narrow.h): the reader converts them to
 * the table's. It halves what is to be compressed and read again; see doc/performance.md. Names are written by their
 * numbers in a dictionary of their own, in one byte each where there are few.
 *
 * The most that a column can be is known before it is written; room is made for it, and the writing itself cannot fail. */
#include "flow/native.h"

#include <assert.h>
#include <string.h>

#include "flow/narrow.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a block's arrays are written as they are in memory: big-endian hosts need a copy that swaps"
#endif

#define VARINT_MAX  5 /* bytes of a uint32_t */
#define GUESS_ROWS  256
#define SLOTS_FIRST 512
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

/* --- names ------------------------------------------------------------------------------------------------ */

/* ClickHouse's SerializationLowCardinality: the version of what follows, and what is said of the indexes. */
#define NAMES_VERSION  UINT64_C(1)
#define NAMES_OWN_KEYS (UINT64_C(1) << 9)

/* The distinct names of a column, in order of their first row. The arrays are the block's scratch. */
struct dictionary {
	uint32_t count;
	uint32_t *id;	 /* of the vocabulary, by index */
	uint32_t *index; /* by row */
	uint32_t *slot;	 /* hash table of indexes + 1 */
	uint32_t mask;
	size_t bytes; /* of the names, with their lengths */
};

static uint32_t *find_slot(const struct dictionary *d, uint32_t id)
{
	uint32_t at = id * 0x9e3779b1U;

	for (at = (at ^ at >> 15) & d->mask; d->slot[at] && d->id[d->slot[at] - 1] != id;)
		at = (at + 1) & d->mask;
	return &d->slot[at];
}

/* At most half of the slots are taken. There are few names in most columns, so the table begins small: less to clear. */
static void grow(struct dictionary *d, uint32_t capacity)
{
	if (d->count <= d->mask / 2 || d->mask + 1 >= 2 * capacity)
		return;
	d->mask = 4 * (d->mask + 1) - 1;
	while (d->mask + 1 > 2 * capacity)
		d->mask >>= 1;
	memset(d->slot, 0, ((size_t)d->mask + 1) * sizeof(*d->slot));
	for (uint32_t i = 0; i < d->count; i++)
		*find_slot(d, d->id[i]) = i + 1;
}

static void make_dictionary(const struct weir_block *block, enum weir_column_id id, struct dictionary *ret_dictionary)
{
	const uint32_t *value = weir_block_u32(block, id);
	uint32_t capacity = block->capacity;
	struct dictionary d = {
		.id = block->scratch, .index = block->scratch + capacity, .slot = block->scratch + 2 * (size_t)capacity};

	d.mask = SLOTS_FIRST - 1;
	while (d.mask + 1 > 2 * capacity)
		d.mask >>= 1;
	memset(d.slot, 0, ((size_t)d.mask + 1) * sizeof(*d.slot));
	for (uint32_t row = 0; row < block->rows; row++) {
		uint32_t *slot;

		if (row && value[row] == value[row - 1]) {
			d.index[row] = d.index[row - 1];
			continue;
		}
		slot = find_slot(&d, value[row]);
		d.index[row] = *slot ? *slot - 1 : d.count;
		if (*slot)
			continue;
		d.id[d.count++] = value[row];
		*slot = d.count;
		d.bytes += VARINT_MAX + weir_vocabulary_word(block->vocabulary, value[row]).len;
		grow(&d, capacity);
	}
	*ret_dictionary = d;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
	return put_bytes(at, &value, sizeof(value));
}

static uint8_t *put_indexes(uint8_t *at, const struct dictionary *d, uint32_t rows, unsigned width)
{
	for (uint32_t row = 0; width == 1 && row < rows; row++)
		at[row] = (uint8_t)d->index[row];
	for (uint32_t row = 0; width == 2 && row < rows; row++)
		memcpy(at + 2 * (size_t)row, &d->index[row], 2);
	if (width == 4)
		memcpy(at, d->index, rows * sizeof(*d->index));
	return at + (size_t)rows * width;
}

static uint8_t *put_names(uint8_t *at, const struct weir_block *block, enum weir_column_id id, const struct dictionary *d)
{
	unsigned type = d->count <= UINT8_MAX ? 0 : d->count <= UINT16_MAX ? 1 : 2; /* UInt8, UInt16, UInt32 */

	at = put_heading(at, weir_columns[id].name, weir_types[WEIR_TYPE_NAME].sql);
	at = put_u64(at, NAMES_VERSION);
	at = put_u64(at, NAMES_OWN_KEYS | type);
	at = put_u64(at, d->count);
	for (uint32_t i = 0; i < d->count; i++) {
		struct weir_word name = weir_vocabulary_word(block->vocabulary, d->id[i]);

		at = put_string(at, name.text, name.len);
	}
	return put_indexes(put_u64(at, block->rows), d, block->rows, 1U << type);
}

static int write_names(const struct weir_block *block, enum weir_column_id id, struct weir_buffer *out)
{
	struct dictionary d;
	int rc;

	make_dictionary(block, id, &d);
	rc = weir_buffer_reserve(out, heading_size(weir_columns[id].name, weir_types[WEIR_TYPE_NAME].sql) +
					      4 * sizeof(uint64_t) + d.bytes + block->rows * sizeof(uint32_t));
	if (!rc)
		out->len = (size_t)(put_names(out->data + out->len, block, id, &d) - out->data);
	return rc;
}

/* --- other columns ---------------------------------------------------------------------------------------- */

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

static int write_column(const struct weir_block *block, enum weir_column_id id, struct weir_buffer *out)
{
	int rc;

	if (weir_columns[id].type == WEIR_TYPE_NAME)
		return write_names(block, id, out);
	rc = weir_buffer_reserve(out, column_size_max(block, id));
	if (!rc)
		out->len = (size_t)(put_column(out->data + out->len, block, id) - out->data);
	return rc;
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

static int write_extra(const struct weir_block *block, uint32_t extras, struct weir_buffer *out)
{
	int rc = weir_buffer_reserve(out, extra_size(block, extras));

	if (!rc)
		out->len = (size_t)(put_extra(out->data + out->len, block, extras) - out->data);
	return rc;
}

static int write_counts(uint32_t columns, uint32_t rows, struct weir_buffer *out)
{
	int rc = weir_buffer_reserve(out, 2 * VARINT_MAX);

	if (!rc)
		out->len = (size_t)(put_varint(put_varint(out->data + out->len, columns), rows) - out->data);
	return rc;
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
	uint32_t count = extra;
	size_t start = out->len;
	int rc;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++)
		count += (uint32_t)weir_column_set_has(columns, (enum weir_column_id)i);
	if (ret_layout)
		ret_layout->columns = 0;
	if (!block->rows || !count)
		return 0;
	layout.columns = 0;
	rc = write_counts(count, block->rows, out);
	for (unsigned i = 0; !rc && i < WEIR_COLUMNS; i++) {
		if (!weir_column_set_has(columns, (enum weir_column_id)i))
			continue;
		rc = write_column(block, (enum weir_column_id)i, out);
		note_end(&layout, i, out->len - start);
	}
	if (!rc && extra) {
		rc = write_extra(block, extras, out);
		note_end(&layout, WEIR_COLUMN_NONE, out->len - start);
	}
	if (rc)
		out->len = start;
	else if (ret_layout)
		*ret_layout = layout;
	return rc;
}
