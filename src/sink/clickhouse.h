/* Delivers segments to a store (a ClickHouse HTTP interface): the deliver() of sink/loop.h. A segment's file is sent
 * as it is. Sending one again changes nothing: see the essay in clickhouse.c. */
#ifndef WEIR_SINK_CLICKHOUSE_H
#define WEIR_SINK_CLICKHOUSE_H

#include "sink/loop.h"
#include "store/client.h"
#include "store/migrate.h"

struct weir_sink_clickhouse {
	struct weir_client *client;		    /* borrowed */
	const struct weir_migrate_options *migrate; /* borrowed */
	bool migrated; /* set after weir_migrate(); cleared when the store turns out to lack a table */
	struct weir_migrate_result last_migration;
};

/* ctx is a struct weir_sink_clickhouse. prepare() migrates where that has not been done, and so does deliver(). */
enum weir_sink_outcome weir_sink_clickhouse_prepare(void *ctx, struct weir_error *err);
enum weir_sink_outcome weir_sink_clickhouse_deliver(void *ctx, const struct weir_spool_segment *segment,
						    struct weir_error *err);

/* What a failed insert means. client_rc is weir_client_insert_file()'s, code the store's exception code. */
enum weir_sink_outcome weir_sink_clickhouse_outcome(int client_rc, int code);

#endif
