/* Options records: what an exporter tells about itself. What concerns the reading of flows is kept in the exporter's
 * entry: sampling rates and the time of its start. Private to wire. */
#ifndef WEIR_WIRE_OPTIONS_H
#define WEIR_WIRE_OPTIONS_H

#include "base/cursor.h"
#include "wire/message.h"

/* Read the records of a data set of an options template; returns how many there were. */
uint32_t weir_options_decode(const struct weir_template *t, struct weir_message *m, struct weir_cursor *set);

#endif
