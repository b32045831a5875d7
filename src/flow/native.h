/* A block as ClickHouse's Native format (one Native block: column count, row count, then each column's name,
 * type and values). Only the columns in `columns` are written, so a column that nobody sent costs nothing; the
 * reader gives the others their defaults. The extra values are the last column, `extra Map(String, String)`,
 * written when the block has any or with_extra is set. */
#ifndef WEIR_FLOW_NATIVE_H
#define WEIR_FLOW_NATIVE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "flow/block.h"

/* Where in what was written each column ends; the first one begins with the block's heading. */
struct weir_native_layout {
	uint32_t columns;
	struct {
		uint32_t id; /* enum weir_column_id; WEIR_COLUMN_NONE: the extra values */
		size_t end;
	} column[WEIR_COLUMNS + 1];
};

/* Append the block's rows to out. Nothing is written for an empty block. -ENOMEM leaves out as it was. ret_layout, which
 * may be NULL, counts from where out ended before. */
int weir_native_write(const struct weir_block *block, const struct weir_column_set *columns, bool with_extra,
		      struct weir_buffer *out, struct weir_native_layout *ret_layout) WEIR_MUST_CHECK;

#endif
