/* A column's values in the fewest bytes that hold every one of them: what most columns of a block need is half of what their
 * type allows. Numbers become shorter numbers, and addresses IPv4 where all are; the rest stays as it is. */
#ifndef WEIR_FLOW_NARROW_H
#define WEIR_FLOW_NARROW_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/block.h"

/* Bytes that each of the first `rows` values needs: 1, 2, 4 or 8 for a number, 4 or 16 for an address. Not for strings. */
unsigned weir_narrow_width(const struct weir_block *block, enum weir_column_id id, uint32_t rows);
/* ClickHouse's type of that width: what it is read as. */
const char *weir_narrow_sql(enum weir_column_id id, unsigned width);
/* Write all rows with `width` bytes each to dst, which holds as many. False when that is too narrow for one of them; what
 * dst holds then means nothing. */
bool weir_narrow_copy(const struct weir_block *block, enum weir_column_id id, unsigned width, uint8_t *dst)
	WEIR_MUST_CHECK;

#endif
