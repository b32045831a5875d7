/* A block as ClickHouse's Native format (one Native block: column count, row count, then each column's name,
 * type and values). Only the columns in `columns` are written, so a column that nobody sent costs nothing; the
 * reader gives the others their defaults. The extra values are the last column, `extra Map(String, String)`,
 * written when the block has any or with_extra is set. */
#ifndef WEIR_FLOW_NATIVE_H
#define WEIR_FLOW_NATIVE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "flow/block.h"

/* Append the block's rows to out. Nothing is written for an empty block. -ENOMEM leaves out as it was. */
int weir_native_write(const struct weir_block *block, const struct weir_column_set *columns, bool with_extra,
		      struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
