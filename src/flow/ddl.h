/* The column table as SQL.
 *
 * Columns that few exporters send are rare: the table knows them as aliases of their type's default value, which can be asked
 * for like any other and take no part in inserts and merges, until the first flow that has one makes it a column
 * (store/rare.h). An index is a column's id, or WEIR_COLUMNS for `extra`. */
#ifndef WEIR_FLOW_DDL_H
#define WEIR_FLOW_DDL_H

#include <stdbool.h>

#include "base/buffer.h"

/* "    time_received DateTime64(3, 'UTC') COMMENT '…' CODEC(Delta, ZSTD(1)),\n …" with extra last: what stands
 * between the parentheses of CREATE TABLE flows, without a final comma. */
int weir_ddl_columns(struct weir_buffer *out) WEIR_MUST_CHECK;
/* One column's definition, for ALTER TABLE ADD COLUMN. */
int weir_ddl_column(unsigned index, struct weir_buffer *out) WEIR_MUST_CHECK;
/* "CODEC(T64, ZSTD(1))" */
int weir_ddl_codec(unsigned index, struct weir_buffer *out) WEIR_MUST_CHECK;
bool weir_ddl_is_rare(unsigned index);
const char *weir_ddl_column_name(unsigned index);

#endif
