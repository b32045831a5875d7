/* Cells whose text is bounded (all but strings) are written by a function of their type straight into memory that
 * was reserved before; strings and extra values reserve for themselves. No cell costs a format string. */
#include "flow/text.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/decimal.h"
#include "base/timestamp.h"

#define CELL_MAX  48 /* bytes of a cell that is no string: an IPv6 address and more */
#define KEY_MAX	  40 /* bytes of `,"name":` */
#define REPLACED  "\xef\xbf\xbd" /* U+FFFD */
#define EXTRA_KEY ",\"extra\":"

/* --- cells ------------------------------------------------------------------------------------------------ */

/* Writes the value in row `row` of a column's array at `at`, at most CELL_MAX bytes, and returns the end. */
#define NUMBER_CELL(suffix, ctype)                                                                             \
	static char *put_##suffix(struct weir_timestamp *times, const void *values, uint32_t row, char *at)    \
	{                                                                                                      \
		(void)times;                                                                                   \
		return weir_decimal_put(at, ((const ctype *)values)[row]);                                     \
	}
NUMBER_CELL(u8, uint8_t)
NUMBER_CELL(u16, uint16_t)
NUMBER_CELL(u32, uint32_t)
NUMBER_CELL(u64, uint64_t)
#undef NUMBER_CELL

static char *put_time(struct weir_timestamp *times, const void *values, uint32_t row, char *at)
{
	return weir_timestamp_put(times, ((const int64_t *)values)[row], at);
}

static char *put_addr(struct weir_timestamp *times, const void *values, uint32_t row, char *at)
{
	(void)times;
	return at + weir_addr_text(&((const struct weir_addr *)values)[row], at);
}

static char *put_mac(struct weir_timestamp *times, const void *values, uint32_t row, char *at)
{
	(void)times;
	return at + weir_mac_text(((const uint64_t *)values)[row], at);
}

static char *put_flow_type(struct weir_timestamp *times, const void *values, uint32_t row, char *at)
{
	const char *name = weir_flow_type_name(((const uint8_t *)values)[row]);
	size_t len = strlen(name);

	(void)times;
	memcpy(at, name, len);
	return at + len;
}

static const struct {
	char *(*put)(struct weir_timestamp *times, const void *values, uint32_t row, char *at);
	bool quoted; /* in JSON */
} CELLS[WEIR_TYPES] = {
	[WEIR_TYPE_U8]        = {put_u8, false},
	[WEIR_TYPE_U16]       = {put_u16, false},
	[WEIR_TYPE_U32]       = {put_u32, false},
	[WEIR_TYPE_U64]       = {put_u64, false},
	[WEIR_TYPE_TIME]      = {put_time, true},
	[WEIR_TYPE_ADDR]      = {put_addr, true},
	[WEIR_TYPE_MAC]       = {put_mac, true},
	[WEIR_TYPE_FLOW_TYPE] = {put_flow_type, true},
	[WEIR_TYPE_STRING]    = {NULL, true},
	[WEIR_TYPE_NAME]      = {NULL, true},
};

static bool is_text(unsigned id)
{
	return weir_columns[id].type == WEIR_TYPE_STRING || weir_columns[id].type == WEIR_TYPE_NAME;
}

/* The text in a cell of a column of strings or names. */
static struct weir_word text_of(const struct weir_block *block, unsigned id, uint32_t row)
{
	struct weir_str s;

	if (weir_columns[id].type == WEIR_TYPE_NAME)
		return weir_block_name(block, (enum weir_column_id)id, row);
	s = weir_block_str(block, (enum weir_column_id)id)[row];
	return (struct weir_word){weir_block_text(block, s), s.len};
}

/* --- strings ---------------------------------------------------------------------------------------------- */

static bool is_tail(const uint8_t *p, size_t count)
{
	for (size_t i = 1; i <= count; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

/* Bytes of the well-formed UTF-8 sequence that p begins with (Unicode 15, table 3-7); 0 when there is none. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && is_tail(p, 1) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (left < 3 || !is_tail(p, 2) || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || !is_tail(p, 3) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

/* What stands in a JSON string for an ASCII character; NULL: itself. */
static const char *json_escape(uint8_t c, char scratch[8])
{
	static const char hex[] = "0123456789abcdef";

	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		if (c >= 0x20 && c != 0x7f)
			return NULL;
		memcpy(scratch, "\\u00", 4);
		scratch[4] = hex[c >> 4];
		scratch[5] = hex[c & 15];
		scratch[6] = '\0';
		return scratch;
	}
}

/* A field of CSV cannot escape anything but its quotes: control characters, which a terminal might obey, are
 * replaced. */
static const char *csv_escape(uint8_t c, char scratch[8])
{
	(void)scratch;
	if (c == '"')
		return "\"\"";
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ? REPLACED : NULL;
}

/* In a cell of its own also a line's end is a control character. */
static const char *plain_escape(uint8_t c, char scratch[8])
{
	(void)scratch;
	return c < 0x20 || c == 0x7f ? REPLACED : NULL;
}

/* C1 control characters are two bytes of UTF-8; some terminals obey them. */
static bool is_c1(const uint8_t *p, size_t len)
{
	return len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

static int put_escaped(const void *data, size_t len, const char *(*escape)(uint8_t c, char scratch[8]),
		       struct weir_buffer *out)
{
	const uint8_t *p = data;
	const uint8_t *end = p + len;
	char scratch[8];
	char *at;
	int rc = weir_buffer_reserve(out, 6 * len);

	if (rc)
		return rc;
	at = (char *)out->data + out->len;
	while (p < end) {
		size_t n = utf8_len(p, (size_t)(end - p));
		const char *instead = n == 1 ? escape(*p, scratch) : n == 0 || is_c1(p, n) ? REPLACED : NULL;

		if (instead) {
			at = mempcpy(at, instead, strlen(instead));
			p += n ? n : 1;
		} else {
			at = mempcpy(at, p, n);
			p += n;
		}
	}
	out->len = (size_t)(at - (char *)out->data);
	return 0;
}

int weir_text_json_string(const void *data, size_t len, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\"");

	if (!rc)
		rc = put_escaped(data, len, json_escape, out);
	return rc ? rc : weir_buffer_text(out, "\"");
}

static int csv_string(const char *data, size_t len, struct weir_buffer *out)
{
	bool quote = false;
	int rc;

	for (size_t i = 0; i < len && !quote; i++)
		quote = data[i] == ',' || data[i] == '"' || data[i] == '\n' || data[i] == '\r';
	rc = quote ? weir_buffer_text(out, "\"") : 0;
	if (!rc)
		rc = put_escaped(data, len, csv_escape, out);
	return rc || !quote ? rc : weir_buffer_text(out, "\"");
}

int weir_text_value(const struct weir_block *block, enum weir_column_id id, uint32_t row, struct weir_buffer *out)
{
	enum weir_type type = weir_columns[id].type;
	struct weir_timestamp times = {0};
	struct weir_word name;
	char *at;
	int rc;

	if (is_text(id)) {
		name = text_of(block, id, row);
		return put_escaped(name.text, name.len, plain_escape, out);
	}
	rc = weir_buffer_reserve(out, CELL_MAX);
	if (rc)
		return rc;
	at = (char *)out->data + out->len;
	out->len = (size_t)(CELLS[type].put(&times, block->column[id], row, at) - (char *)out->data);
	return 0;
}

/* --- extra values ----------------------------------------------------------------------------------------- */

static bool same_name(const struct weir_block *block, const struct weir_extra *a, const struct weir_extra *b)
{
	return a->name.len == b->name.len &&
	       memcmp(weir_block_text(block, a->name), weir_block_text(block, b->name), a->name.len) == 0;
}

static int extra_value(const struct weir_block *block, const struct weir_extra *e, struct weir_buffer *out)
{
	const char *text = weir_block_text(block, e->value);

	return e->number ? weir_buffer_append(out, text, e->value.len) : weir_text_json_string(text, e->value.len, out);
}

static bool named_before(const struct weir_block *block, const struct weir_extra *first, const struct weir_extra *e)
{
	for (; first < e; first++) {
		if (same_name(block, first, e))
			return true;
	}
	return false;
}

/* The values of one name: a list where a record has the element several times (RFC 7011 §8), since the names of a
 * JSON object should be unique (RFC 8259 §4). */
static int extra_values(const struct weir_block *block, const struct weir_extra *e, const struct weir_extra *end,
			struct weir_buffer *out)
{
	bool list = false;
	int rc;

	for (const struct weir_extra *next = e + 1; next < end && !list; next++)
		list = same_name(block, e, next);
	rc = list ? weir_buffer_text(out, "[") : 0;
	if (!rc)
		rc = extra_value(block, e, out);
	for (const struct weir_extra *next = e + 1; !rc && list && next < end; next++) {
		if (!same_name(block, e, next))
			continue;
		rc = weir_buffer_text(out, ",");
		if (!rc)
			rc = extra_value(block, next, out);
	}
	return rc || !list ? rc : weir_buffer_text(out, "]");
}

/* The row's extra values as an object; *at is the first that has not been written and moves on. */
static int extra_object(const struct weir_block *block, uint32_t row, uint32_t *at, struct weir_buffer *out)
{
	const struct weir_extra *first = &block->extra[*at];
	const struct weir_extra *end;
	int rc = weir_buffer_text(out, "{");

	while (*at < block->extras && block->extra[*at].row == row)
		(*at)++;
	end = &block->extra[*at];
	for (const struct weir_extra *e = first; !rc && e < end; e++) {
		if (named_before(block, first, e))
			continue;
		rc = e > first ? weir_buffer_text(out, ",") : 0;
		if (!rc)
			rc = weir_text_json_string(weir_block_text(block, e->name), e->name.len, out);
		if (!rc)
			rc = weir_buffer_text(out, ":");
		if (!rc)
			rc = extra_values(block, e, end, out);
	}
	return rc ? rc : weir_buffer_text(out, "}");
}

static bool has_extra(const struct weir_block *block, uint32_t row, uint32_t at)
{
	return at < block->extras && block->extra[at].row == row;
}

/* --- rows ------------------------------------------------------------------------------------------------- */

/* What one pass over a block keeps between rows. */
struct rows {
	const struct weir_block *block;
	struct weir_buffer *out;
	struct weir_timestamp times;
	uint32_t extra; /* the first of a row that was not written yet */
	struct weir_buffer object; /* CSV: of extra values, before it is quoted */
};

/* `,"name":` */
struct key {
	const char *text;
	size_t len;
};

static const struct key KEYS[WEIR_COLUMNS] = {
#define COLUMN(id, name, type, unit, codec, ecs, elements, help) \
	[WEIR_COL_##id] = {",\"" #name "\":", sizeof(",\"" #name "\":") - 1},
#include "flow/columns.inc"
#undef COLUMN
};

#define COLUMN(id, name, type, unit, codec, ecs, elements, help) \
	static_assert(sizeof(#name) + 3 <= KEY_MAX, "the key of " #name);
#include "flow/columns.inc"
#undef COLUMN

static_assert(WEIR_COLUMNS <= UINT8_MAX, "columns are listed in bytes");

/* The columns that are present in a run, once for all its rows. */
static unsigned list_columns(const struct weir_column_set *present, uint8_t *ids)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (weir_column_set_has(present, (enum weir_column_id)i))
			ids[count++] = (uint8_t)i;
	}
	return count;
}

static int ndjson_string(struct rows *rows, unsigned id, uint32_t row)
{
	struct weir_word name = text_of(rows->block, id, row);
	int rc;

	/* A name that is not known is left out, as what the exporter did not send is. */
	if (!name.len && weir_columns[id].type == WEIR_TYPE_NAME)
		return 0;
	rc = weir_buffer_append(rows->out, KEYS[id].text, KEYS[id].len);
	return rc ? rc : weir_text_json_string(name.text, name.len, rows->out);
}

static void ndjson_cell(struct rows *rows, unsigned id, uint32_t row)
{
	enum weir_type type = weir_columns[id].type;
	char *at = (char *)rows->out->data + rows->out->len;

	at = mempcpy(at, KEYS[id].text, KEYS[id].len);
	if (CELLS[type].quoted)
		*at++ = '"';
	at = CELLS[type].put(&rows->times, rows->block->column[id], row, at);
	if (CELLS[type].quoted)
		*at++ = '"';
	rows->out->len = (size_t)(at - (char *)rows->out->data);
}

static int ndjson_row(struct rows *rows, const uint8_t *ids, unsigned count, uint32_t row)
{
	struct weir_buffer *out = rows->out;
	size_t start = out->len;
	int rc = 0;

	for (unsigned i = 0; i < count && !rc; i++) {
		if (is_text(ids[i])) {
			rc = ndjson_string(rows, ids[i], row);
			continue;
		}
		rc = weir_buffer_reserve(out, KEY_MAX + CELL_MAX);
		if (!rc)
			ndjson_cell(rows, ids[i], row);
	}
	if (!rc && has_extra(rows->block, row, rows->extra)) {
		rc = weir_buffer_text(out, EXTRA_KEY);
		if (!rc)
			rc = extra_object(rows->block, row, &rows->extra, out);
	}
	if (!rc && out->len == start)
		rc = weir_buffer_text(out, "{"); /* nothing at all is known of this flow */
	if (!rc)
		rc = weir_buffer_text(out, "}\n");
	if (!rc)
		out->data[start] = '{'; /* in place of the first key's comma */
	return rc;
}

int weir_text_ndjson(const struct weir_block *block, struct weir_buffer *out)
{
	struct rows rows = {.block = block, .out = out};
	uint8_t ids[WEIR_COLUMNS];
	uint32_t row = 0;
	size_t start = out->len;
	int rc = 0;

	for (uint32_t run = 0; run < block->runs && !rc; run++) {
		unsigned count = list_columns(&block->run[run].present, ids);

		for (uint32_t left = block->run[run].rows; left && !rc; left--)
			rc = ndjson_row(&rows, ids, count, row++);
	}
	if (rc)
		out->len = start;
	return rc;
}

int weir_text_csv_header(struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; i < WEIR_COLUMNS && !rc; i++) {
		rc = weir_buffer_text(out, weir_columns[i].name);
		if (!rc)
			rc = weir_buffer_text(out, ",");
	}
	return rc ? rc : weir_buffer_text(out, "extra\n");
}

static int csv_cell(struct rows *rows, unsigned id, uint32_t row)
{
	enum weir_type type = weir_columns[id].type;
	struct weir_word name;
	char *at;

	if (is_text(id)) {
		name = text_of(rows->block, id, row);
		return csv_string(name.text, name.len, rows->out);
	}
	at = (char *)rows->out->data + rows->out->len;
	at = CELLS[type].put(&rows->times, rows->block->column[id], row, at);
	rows->out->len = (size_t)(at - (char *)rows->out->data);
	return 0;
}

static int csv_extra(struct rows *rows, uint32_t row)
{
	int rc;

	if (!has_extra(rows->block, row, rows->extra))
		return 0;
	weir_buffer_reset(&rows->object);
	rc = extra_object(rows->block, row, &rows->extra, &rows->object);
	return rc ? rc : csv_string((const char *)rows->object.data, rows->object.len, rows->out);
}

static int csv_row(struct rows *rows, const struct weir_column_set *present, uint32_t row)
{
	struct weir_buffer *out = rows->out;
	int rc = 0;

	for (unsigned i = 0; i < WEIR_COLUMNS && !rc; i++) {
		/* Most cells of most exporters are empty: room for many of them at once. */
		if (out->cap - out->len < CELL_MAX + 1)
			rc = weir_buffer_reserve(out, (CELL_MAX + 1) * WEIR_COLUMNS);
		if (!rc && weir_column_set_has(present, (enum weir_column_id)i))
			rc = csv_cell(rows, i, row);
		if (!rc && out->len == out->cap)
			rc = weir_buffer_reserve(out, 1);
		if (!rc)
			out->data[out->len++] = ',';
	}
	if (!rc)
		rc = csv_extra(rows, row);
	return rc ? rc : weir_buffer_text(out, "\n");
}

int weir_text_csv(const struct weir_block *block, struct weir_buffer *out)
{
	struct rows rows = {.block = block, .out = out};
	uint32_t row = 0;
	size_t start = out->len;
	int rc = 0;

	for (uint32_t run = 0; run < block->runs && !rc; run++) {
		for (uint32_t left = block->run[run].rows; left && !rc; left--)
			rc = csv_row(&rows, &block->run[run].present, row++);
	}
	weir_buffer_done(&rows.object);
	if (rc)
		out->len = start;
	return rc;
}
