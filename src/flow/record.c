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
