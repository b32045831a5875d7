/* The times of flows, once they are copied: what cannot be is replaced, what was not sent is filled in. Private to
 * wire. */
#ifndef WEIR_WIRE_TIMES_H
#define WEIR_WIRE_TIMES_H

#include "wire/copy.h"
#include "wire/message.h"

/* Of rows that are written but not committed. A time that lies more than a day after both the export and the receipt of
 * its message, or before 1980 where neither of these does, is the fault TIME_IMPLAUSIBLE and becomes the export time.
 * Uptimes need no such check: whatever they are, they are near the export. */
void weir_times_check(const struct weir_message *m, enum weir_column_id column, uint32_t rows);

/* The record told one of start and end: `told`. The other is that much away from it, by duration, whose copying is
 * described but for dst; NULL: no time at all. unit_us: the duration's unit. */
void weir_times_fill(const struct weir_message *m, enum weir_column_id told, uint32_t rows,
		     const struct weir_copy *duration, uint32_t unit_us);

#endif
