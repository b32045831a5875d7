/* The column table as SQL. */
#ifndef WEIR_FLOW_DDL_H
#define WEIR_FLOW_DDL_H

#include "base/buffer.h"

/* "    time_received DateTime64(3, 'UTC') COMMENT '…' CODEC(Delta, ZSTD(1)),\n …" with extra last: what stands
 * between the parentheses of CREATE TABLE flows, without a final comma. */
int weir_ddl_columns(struct weir_buffer *out) WEIR_MUST_CHECK;
/* One column's definition, for ALTER TABLE ADD COLUMN; index WEIR_COLUMNS is `extra`. */
int weir_ddl_column(unsigned index, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
