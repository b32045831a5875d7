/* A block as text: NDJSON, CSV, and the values of single cells. Keys are column names, addresses in their usual
 * form, times RFC 3339 UTC with milliseconds; a column that the exporter did not send is left out (NDJSON) or
 * empty (CSV). Elements without a column stand under "extra". Output is always valid UTF-8 and valid JSON,
 * whatever the exporter sent. */
#ifndef WEIR_FLOW_TEXT_H
#define WEIR_FLOW_TEXT_H

#include "base/buffer.h"
#include "flow/block.h"

/* Append one line an object. */
int weir_text_ndjson(const struct weir_block *block, struct weir_buffer *out) WEIR_MUST_CHECK;
/* Append the header line: every column of the table, then extra (a JSON object). */
int weir_text_csv_header(struct weir_buffer *out) WEIR_MUST_CHECK;
int weir_text_csv(const struct weir_block *block, struct weir_buffer *out) WEIR_MUST_CHECK;
/* One value, without quotes: "10.1.2.3", "2026-01-31T12:00:00.000Z", "443". */
int weir_text_value(const struct weir_block *block, enum weir_column_id id, uint32_t row,
		    struct weir_buffer *out) WEIR_MUST_CHECK;
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int weir_text_json_string(const void *data, size_t len, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
