#include "flow/record.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "flow/column.h"

const struct weir_table_info weir_tables[WEIR_TABLES] = {
	[WEIR_TABLE_FLOWS] = {"flows", ""},
	[WEIR_TABLE_OPTIONS] = {"exporter_options", "options-"},
	[WEIR_TABLE_COUNTERS] = {"counters", "counters-"},
	[WEIR_TABLE_EVENTS] = {"events", "events-"},
};

static const struct column {
	enum weir_table table;
	const char *name;
	enum weir_type type;
	size_t offset;
} COLUMNS[] = {
#define RECORD(table, name, type, member) \
	{WEIR_TABLE_##table, #name, WEIR_TYPE_##type, offsetof(struct weir_record, member)},
#include "flow/records.inc"
#undef RECORD
};
#define COLUMN_COUNT (sizeof(COLUMNS) / sizeof(COLUMNS[0]))

enum weir_table weir_table_of_lane(const char *lane)
{
	for (unsigned i = WEIR_TABLE_FLOWS + 1; i < WEIR_TABLES; i++) {
		if (strncmp(lane, weir_tables[i].lane, strlen(weir_tables[i].lane)) == 0)
			return (enum weir_table)i;
	}
	return WEIR_TABLE_FLOWS;
}

void weir_records_init(struct weir_records *records, enum weir_table table)
{
	*records = (struct weir_records){.table = table};
}

void weir_records_done(struct weir_records *records)
{
	for (unsigned i = 0; i < WEIR_RECORD_COLUMNS; i++)
		weir_buffer_done(&records->column[i]);
	records->rows = 0;
}

void weir_records_reset(struct weir_records *records)
{
	for (unsigned i = 0; i < WEIR_RECORD_COLUMNS; i++)
		weir_buffer_reset(&records->column[i]);
	records->rows = 0;
}

static int put_varint(struct weir_buffer *out, size_t value)
{
	uint8_t byte[10];
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		byte[len++] = (uint8_t)(value | 0x80);
	byte[len++] = (uint8_t)value;
	return weir_buffer_append(out, byte, len);
}

static int put_string(struct weir_buffer *out, const char *data, size_t len)
{
	int rc = put_varint(out, len);

	return rc ? rc : weir_buffer_append(out, data, len);
}

static int put_value(const struct column *c, const struct weir_record *record, struct weir_buffer *out)
{
	const void *at = (const char *)record + c->offset;
	const struct weir_text *text = at;

	if (c->type == WEIR_TYPE_STRING)
		return put_string(out, text->data, text->len);
	return weir_buffer_append(out, at, weir_types[c->type].width);
}

static size_t bytes_of(const struct weir_records *records)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < WEIR_RECORD_COLUMNS; i++)
		bytes += records->column[i].len;
	return bytes;
}

int weir_records_add(struct weir_records *records, const struct weir_record *record)
{
	size_t before[WEIR_RECORD_COLUMNS];
	unsigned at = 0;
	int rc = 0;

	if (records->rows >= WEIR_RECORDS_MAX || bytes_of(records) >= WEIR_RECORDS_BYTES)
		return -ENOSPC;
	for (unsigned i = 0; i < WEIR_RECORD_COLUMNS; i++)
		before[i] = records->column[i].len;
	for (size_t i = 0; !rc && i < COLUMN_COUNT; i++) {
		if (COLUMNS[i].table == records->table)
			rc = put_value(&COLUMNS[i], record, &records->column[at++]);
	}
	for (unsigned i = 0; rc && i < WEIR_RECORD_COLUMNS; i++)
		records->column[i].len = before[i];
	records->rows += !rc;
	return rc;
}

int weir_records_native(const struct weir_records *records, struct weir_buffer *out)
{
	size_t len = out->len;
	unsigned columns = 0;
	unsigned at = 0;
	int rc;

	if (!records->rows)
		return 0;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		columns += COLUMNS[i].table == records->table;
	rc = put_varint(out, columns);
	if (!rc)
		rc = put_varint(out, records->rows);
	for (size_t i = 0; !rc && i < COLUMN_COUNT; i++) {
		const struct column *c = &COLUMNS[i];
		const char *type = weir_types[c->type].sql;

		if (c->table != records->table)
			continue;
		rc = put_string(out, c->name, strlen(c->name));
		if (!rc)
			rc = put_string(out, type, strlen(type));
		if (!rc)
			rc = weir_buffer_append(out, records->column[at].data, records->column[at].len);
		at++;
	}
	if (rc)
		out->len = len;
	return rc;
}

/* --- the way back -------------------------------------------------------------------------------------------------------- */

struct source {
	const uint8_t *at;
	const uint8_t *end;
};

static bool get_varint(struct source *s, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; s->at < s->end && shift < 63; shift += 7) {
		value |= (uint64_t)(*s->at & 0x7f) << shift;
		if (!(*s->at++ & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool get_bytes(struct source *s, uint64_t len, const uint8_t **ret_data)
{
	if (len > (uint64_t)(s->end - s->at))
		return false;
	*ret_data = s->at;
	s->at += len;
	return true;
}

static bool get_text(struct source *s, struct weir_text *ret_text)
{
	const uint8_t *data;
	uint64_t len;

	if (!get_varint(s, &len) || !get_bytes(s, len, &data))
		return false;
	*ret_text = (struct weir_text){(const char *)data, (size_t)len};
	return true;
}

static bool is_text(struct weir_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static const struct column *find_column(enum weir_table table, struct weir_text name, struct weir_text type)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (COLUMNS[i].table == table && is_text(name, COLUMNS[i].name) && is_text(type, weir_types[COLUMNS[i].type].sql))
			return &COLUMNS[i];
	}
	return NULL;
}

static bool get_value(const struct column *c, struct source *s, struct weir_record *ret_record)
{
	void *to = (char *)ret_record + c->offset;
	const uint8_t *data;

	if (c->type == WEIR_TYPE_STRING)
		return get_text(s, to);
	if (!get_bytes(s, weir_types[c->type].width, &data))
		return false;
	memcpy(to, data, weir_types[c->type].width);
	return true;
}

struct reading {
	uint64_t rows;
	unsigned columns;
	struct {
		const struct column *column;
		struct source values;
	} of[WEIR_RECORD_COLUMNS];
};

/* Where each column's values are. */
static bool find_values(enum weir_table table, struct source *s, struct reading *r)
{
	uint64_t columns;

	if (!get_varint(s, &columns) || !get_varint(s, &r->rows) || columns > WEIR_RECORD_COLUMNS || r->rows > WEIR_RECORDS_MAX)
		return false;
	for (r->columns = 0; r->columns < columns; r->columns++) {
		struct weir_record scratch;
		struct weir_text name, type;
		const struct column *c;
		bool whole = get_text(s, &name) && get_text(s, &type) && (c = find_column(table, name, type));

		if (!whole)
			return false;
		r->of[r->columns].column = c;
		r->of[r->columns].values = *s;
		for (uint64_t row = 0; row < r->rows; row++) {
			if (!get_value(c, s, &scratch))
				return false;
		}
	}
	return s->at == s->end;
}

int weir_records_read(enum weir_table table, const void *native, size_t len,
		      int (*each)(void *ctx, const struct weir_record *record), void *ctx)
{
	struct source s = {native, (const uint8_t *)native + len};
	struct reading r;
	int rc = 0;

	if (!find_values(table, &s, &r))
		return -EBADMSG;
	for (uint64_t row = 0; !rc && row < r.rows; row++) {
		struct weir_record record = {0};

		for (unsigned i = 0; i < r.columns; i++) {
			if (!get_value(r.of[i].column, &r.of[i].values, &record))
				return -EBADMSG;
		}
		rc = each(ctx, &record);
	}
	return rc;
}
