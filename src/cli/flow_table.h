/* Blocks as a table for a person to read: a selection of the columns, aligned, with units. Widths are those of the
 * widest cell so far, so that a block is always aligned, and the header is written with the first. The table owns
 * nothing but its scratch memory. */
#ifndef WEIR_CLI_FLOW_TABLE_H
#define WEIR_CLI_FLOW_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "flow/block.h"

#define WEIR_FLOW_TABLE_CELLS 11

struct weir_flow_table {
	bool colour;
	bool begun;
	struct weir_timestamp times;
	unsigned width[WEIR_FLOW_TABLE_CELLS];
};

void weir_flow_table_init(struct weir_flow_table *table, bool colour);
/* Append the block's rows to out, with the header before the first. */
int weir_flow_table_rows(struct weir_flow_table *table, const struct weir_block *block, struct weir_buffer *out)
	WEIR_MUST_CHECK;

/* Whether a stream wants colour: it is a terminal, and NO_COLOR is not set (no-color.org). */
bool weir_flow_table_colour(FILE *stream);

#endif
