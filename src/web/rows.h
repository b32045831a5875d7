/* Rows of the store's answer on their way into an answer of the interface: arrays in the JSON object that was begun, or a
 * file. Inner header of src/web; belongs to the call's thread. */
#ifndef WEIR_WEB_ROWS_H
#define WEIR_WEB_ROWS_H

#include "query/output.h"
#include "web/call.h"

struct weir_web_rows {
	struct weir_web_call *call; /* borrowed */
	struct weir_json *json;	    /* borrowed; of JSON answers */
	enum weir_format format;
	const struct weir_output_column *column; /* borrowed */
	unsigned count;
	uint64_t rows;
	uint64_t rows_max; /* more are left out */
	bool truncated;
	struct weir_output *output; /* of files */
	struct weir_buffer scratch;
	bool begun;
};

/* Columns and the opening of rows. A file needs no json. */
int weir_web_rows_begin(struct weir_web_rows *rows, struct weir_web_call *call, struct weir_json *json,
			const struct weir_output_column *column, unsigned count) WEIR_MUST_CHECK;
/* -ENOBUFS when there is no room for more. */
int weir_web_rows_put(struct weir_web_rows *rows, const struct weir_cell *cells) WEIR_MUST_CHECK;
int weir_web_rows_end(struct weir_web_rows *rows) WEIR_MUST_CHECK;
void weir_web_rows_done(struct weir_web_rows *rows);
/* "columns" alone, for rows that come from elsewhere. */
void weir_web_put_columns(struct weir_json *json, const struct weir_output_column *column, unsigned count);

#endif
