/* Rows on their way to a person or a program: aligned tables, CSV (RFC 4180, lines end in LF), JSON (one array of
 * objects) and NDJSON.
 *
 * Cells come as ClickHouse's text. Tables show them for reading: human units, protocol names, flag letters, local
 * time. The other forms have them exactly: numbers as they are, times as RFC 3339 in UTC, addresses in their usual
 * form. Nothing unprintable goes out in a table, nor in the others where the terminal is set.
 *
 * A table's widths come from its first WEIR_OUTPUT_SAMPLE rows, which are held back; all else streams. One thread. */
#ifndef WEIR_QUERY_OUTPUT_H
#define WEIR_QUERY_OUTPUT_H

#include "query/field.h"
#include "query/tsv.h"

enum weir_format { WEIR_FORMAT_TABLE, WEIR_FORMAT_CSV, WEIR_FORMAT_JSON, WEIR_FORMAT_NDJSON, WEIR_FORMATS };

#define WEIR_OUTPUT_SAMPLE 1000

/* By name: "table", "csv", "json", "ndjson"; -1 for another. */
int weir_format_find(const char *name);

struct weir_output_column {
	const char *name; /* borrowed while the output lives */
	enum weir_kind kind;
	uint8_t v4_bits, v6_bits; /* of addresses that are prefixes; 0: whole addresses */
};

struct weir_output_options {
	enum weir_format format;
	bool colour;   /* tables: a bold head */
	bool terminal; /* what is written is seen on a terminal */
	int (*put)(void *ctx, const void *data, size_t len);
	void *ctx; /* borrowed */
};

struct weir_output;

int weir_output_new(const struct weir_output_options *options, const struct weir_output_column *columns,
		    unsigned count, struct weir_output **ret_output) WEIR_MUST_CHECK;
void weir_output_free(struct weir_output *output);

/* `count` cells, as given to weir_output_new(). */
int weir_output_row(struct weir_output *output, const struct weir_cell *cells) WEIR_MUST_CHECK;
/* Everything that was held back, and the closing bracket. */
int weir_output_end(struct weir_output *output) WEIR_MUST_CHECK;

/* One cell as tables have it. */
int weir_cell_human(const struct weir_output_column *column, const struct weir_cell *cell, struct weir_buffer *out)
	WEIR_MUST_CHECK;
/* One cell exactly, without quotes; *ret_literal: it may stand bare in JSON (a number, true, false or null). */
int weir_cell_exact(const struct weir_output_column *column, const struct weir_cell *cell, struct weir_buffer *out,
		    bool *ret_literal) WEIR_MUST_CHECK;
/* Do tables have the kind at the right edge? */
bool weir_kind_is_right(enum weir_kind kind);

#endif
