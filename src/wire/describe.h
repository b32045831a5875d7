/* What an options record says of the exporter, beside how it samples: which thing (an interface, an application, a VRF
 * …), and its properties. Private to wire. */
#ifndef WEIR_WIRE_DESCRIBE_H
#define WEIR_WIRE_DESCRIBE_H

#include "wire/message.h"

/* Tell the record's properties to the tables, and remember the names of applications, interfaces and VRFs. value: one a field. */
void weir_describe(const struct weir_message *m, const struct weir_template *t, const struct weir_value *value);

/* Remember a name that came in another way. */
void weir_describe_learn(const struct weir_message *m, enum weir_name_kind kind, uint64_t id, enum weir_name_rank rank, const void *text,
			 size_t len);

/* Rows of flows that are written but not committed: those with an application's number and no name get the name, and where
 * none was told, "engine:selector"; those with numbers of interfaces and VRFs get the names that were told. */
void weir_describe_flows(const struct weir_message *m, struct weir_block *b, uint32_t rows,
				struct weir_column_set *present);

#endif
