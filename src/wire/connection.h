/* Connections of firewalls whose updates have been counted. Cisco's ASA and Firepower tell a connection's bytes
 * while it lives (update events, each with what came since the last one) and at its end once more, in sum
 * (teardown), so that a collector without a memory has them twice. This is that memory: it takes from a teardown
 * what the updates have told, and what is left is what they have not. Bounded; private to wire; one thread. */
#ifndef WEIR_WIRE_CONNECTION_H
#define WEIR_WIRE_CONNECTION_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"
#include "wire/message.h"

/* Nothing is allocated before the first update. */
void weir_connections_init(struct weir_connections *c, uint64_t seed);
void weir_connections_done(struct weir_connections *c);

/* Correct the counters of rows that are written but not committed, by their firewall_event and flow_id. present: the
 * columns that the records have. */
void weir_connections_settle(const struct weir_message *m, uint32_t rows, const struct weir_column_set *present);

/* Append what is remembered to a state, an entry a connection as state.c draws it. */
int weir_connections_save(const struct weir_connections *c, int64_t now_ms, struct weir_buffer *out) WEIR_MUST_CHECK;

/* Take over the connection that the entry's rest tells, of that exporter. One more than there is room for is left out. */
void weir_connections_load(struct weir_connections *c, struct weir_cursor *entry, const struct weir_addr *exporter,
			   uint32_t domain);

#endif
