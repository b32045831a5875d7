/* What an options record says of the exporter, beside how it samples: which thing (an interface, an application, a VRF
 * …), and its properties. Private to wire. */
#ifndef WEIR_WIRE_DESCRIBE_H
#define WEIR_WIRE_DESCRIBE_H

#include "wire/message.h"

/* Tell the record's properties to the tables, and remember the names of applications. value: one a field. */
void weir_describe(const struct weir_message *m, const struct weir_template *t, const struct weir_value *value);

/* Rows of flows that are written but not committed: those with an application's number and no name get the name, and where
 * none was told, "engine:selector". */
void weir_describe_applications(const struct weir_message *m, struct weir_block *b, uint32_t rows,
				struct weir_column_set *present);

#endif
