#include "web/rows.h"

#include <errno.h>
#include <string.h>

/* The unit of a column of flows; of computed fields what their kind says. */
static const char *unit_of(const struct weir_output_column *column)
{
	unsigned id = weir_field_find(column->name, strlen(column->name));

	if (id < WEIR_COLUMNS)
		return weir_columns[id].unit;
	return weir_web_kind_unit(column->kind);
}

void weir_web_put_columns(struct weir_json *json, const struct weir_output_column *column, unsigned count)
{
	weir_json_open(json, "columns", '[');
	for (unsigned i = 0; i < count; i++)
		weir_web_put_column(json, column[i].name, column[i].kind, unit_of(&column[i]));
	weir_json_close(json, ']');
}

int weir_web_rows_begin(struct weir_web_rows *rows, struct weir_web_call *call, struct weir_json *json,
			const struct weir_output_column *column, unsigned count)
{
	const struct weir_output_options options = {.format = rows->format, .put = weir_web_put_output, .ctx = call};

	rows->call = call;
	rows->json = json;
	rows->column = column;
	rows->count = count;
	rows->begun = true;
	weir_buffer_init(&rows->scratch);
	if (rows->format != WEIR_FORMAT_JSON)
		return weir_output_new(&options, column, count, &rows->output);
	weir_web_put_columns(json, column, count);
	weir_json_open(json, "rows", '[');
	return json->rc;
}

int weir_web_rows_put(struct weir_web_rows *rows, const struct weir_cell *cells)
{
	if (rows->rows_max && rows->rows == rows->rows_max) {
		rows->truncated = true;
		return -ENOBUFS;
	}
	rows->rows++;
	if (rows->output)
		return weir_output_row(rows->output, cells);
	weir_json_open(rows->json, NULL, '[');
	for (unsigned i = 0; i < rows->count; i++)
		weir_web_put_cell(rows->json, &rows->column[i], &cells[i], &rows->scratch);
	weir_json_close(rows->json, ']');
	return rows->json->rc;
}

int weir_web_rows_end(struct weir_web_rows *rows)
{
	if (rows->output)
		return weir_output_end(rows->output);
	if (!rows->begun) {
		weir_json_open(rows->json, "columns", '[');
		weir_json_close(rows->json, ']');
		weir_json_open(rows->json, "rows", '[');
	}
	weir_json_close(rows->json, ']');
	weir_json_bool(rows->json, "truncated", rows->truncated);
	return rows->json->rc;
}

void weir_web_rows_done(struct weir_web_rows *rows)
{
	weir_output_free(rows->output);
	if (rows->begun)
		weir_buffer_done(&rows->scratch);
}
