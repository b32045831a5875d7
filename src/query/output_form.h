/* What the forms of output share; for output.c and table.c alone. */
#ifndef WEIR_QUERY_OUTPUT_FORM_H
#define WEIR_QUERY_OUTPUT_FORM_H

#include "query/output.h"

struct weir_output {
	struct weir_output_options options;
	struct weir_output_column *column; /* owned */
	unsigned count;
	uint64_t rows; /* before the present one */
	struct weir_buffer out;
	struct weir_buffer scratch; /* one cell */
	struct weir_buffer held;    /* the table's first rows: each cell's text with a NUL */
	unsigned *width;	    /* owned; the table's */
	bool laid_out;		    /* the table's widths are settled */
};

int weir_output_flush(struct weir_output *o) WEIR_MUST_CHECK;

int weir_table_row(struct weir_output *o, const struct weir_cell *cells) WEIR_MUST_CHECK;
int weir_table_end(struct weir_output *o) WEIR_MUST_CHECK;

#endif
