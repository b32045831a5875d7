/* Exactly once.
 *
 * A segment has a name for ever (spool id, lane, number), and that name is sent as insert_deduplication_token. The
 * store writes a segment as one part or a few, and remembers for each "token_0", "token_1" … beside it; a part whose
 * name it knows is left out. So when the outcome of an insert is unknown (the connection broke, the store or this
 * process was killed) it is simply sent again. The conditions, all of them settings of the call or of the tables:
 *
 * - The same rows must make the same parts at every try. Parts are made from blocks of BLOCK_ROWS, by one thread,
 *   counted in rows only: bytes would depend on the table's columns, threads on luck. BLOCK_ROWS is part of the
 *   store's memory: with another value a segment that was half stored by the program before would be wrong.
 * - No asynchronous insert: it would mix segments.
 * - The tables have a deduplication window, longer than the segments that can be on the way (sql/schema).
 * - The rollup's view repeats for a part that the main table knows already, and leaves out what it itself knows:
 *   deduplicate_blocks_in_dependent_materialized_views. Otherwise a store that dies between the two would have the
 *   flows and never their sums.
 *
 * - A token is remembered only of a part that is there. The engine enters it a moment before the part has its name; the
 *   embedded store mends that when it starts (store/dedup_log.c). A server of one's own that is killed in that moment can
 *   lose the part: there the tables want a replicated engine.
 *
 * A column that the table lacks is an error, not something to skip: input_format_skip_unknown_fields = 0. Where it is one
 * that few exporters send, the first segment that has it is refused; then it is made, and the segment sent again. */
#include "sink/clickhouse.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "store/rare.h"

#define CODE_UNKNOWN_COLUMN 117 /* INCORRECT_DATA; of any fault in Native data, too */
#define BLOCK_ROWS "262144"

static const struct weir_client_setting SETTINGS[] = {
	{"insert_deduplicate", "1"},
	{"deduplicate_blocks_in_dependent_materialized_views", "1"},
	{"async_insert", "0"},
	{"max_insert_threads", "1"},
	{"max_threads", "1"},
	{"max_block_size", BLOCK_ROWS},
	{"max_insert_block_size", BLOCK_ROWS},
	{"min_insert_block_size_rows", BLOCK_ROWS},
	{"min_insert_block_size_bytes", "0"},
	{"input_format_skip_unknown_fields", "0"},
};
#define SETTING_COUNT (sizeof(SETTINGS) / sizeof(SETTINGS[0]))

/* ClickHouse's exception codes that speak of the data or of the tables. Every other one is the store's trouble
 * (memory, disk, too many parts, read-only, shutting down …) and passes. Tables that lack something are trouble, too:
 * every segment would meet it, and the spool keeps them better than the folder of damaged ones. */
static const struct meaning {
	int code;
	enum weir_sink_outcome outcome;
	bool migrate; /* the tables may not be what they should be: look again before the next try */
} MEANINGS[] = {
	{8, WEIR_SINK_TROUBLE, true},	    /* THERE_IS_NO_COLUMN */
	{10, WEIR_SINK_TROUBLE, true},	    /* NOT_FOUND_COLUMN_IN_BLOCK */
	{16, WEIR_SINK_TROUBLE, true},	    /* NO_SUCH_COLUMN_IN_TABLE */
	{27, WEIR_SINK_MALFORMED, false},   /* CANNOT_PARSE_INPUT_ASSERTION_FAILED */
	{32, WEIR_SINK_MALFORMED, false},   /* ATTEMPT_TO_READ_AFTER_EOF */
	{33, WEIR_SINK_MALFORMED, false},   /* CANNOT_READ_ALL_DATA */
	{44, WEIR_SINK_MALFORMED, false},   /* ILLEGAL_COLUMN */
	{50, WEIR_SINK_MALFORMED, false},   /* UNKNOWN_TYPE */
	{53, WEIR_SINK_MALFORMED, false},   /* TYPE_MISMATCH */
	{60, WEIR_SINK_TROUBLE, true},	    /* UNKNOWN_TABLE */
	{70, WEIR_SINK_MALFORMED, false},   /* CANNOT_CONVERT_TYPE */
	{81, WEIR_SINK_TROUBLE, true},	    /* UNKNOWN_DATABASE */
	{117, WEIR_SINK_MALFORMED, true},   /* INCORRECT_DATA; also an unknown column */
	{128, WEIR_SINK_MALFORMED, false},  /* TOO_LARGE_ARRAY_SIZE */
	{131, WEIR_SINK_MALFORMED, false},  /* TOO_LARGE_STRING_SIZE */
	{271, WEIR_SINK_MALFORMED, false},  /* CANNOT_DECOMPRESS */
	{561, WEIR_SINK_MALFORMED, false},  /* ZSTD_DECODER_FAILED */
	{618, WEIR_SINK_MALFORMED, false},  /* LZ4_DECODER_FAILED */
	{691, WEIR_SINK_MALFORMED, false},  /* UNKNOWN_ELEMENT_OF_ENUM */
};

static const struct meaning *find_meaning(int code)
{
	for (size_t i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++) {
		if (MEANINGS[i].code == code)
			return &MEANINGS[i];
	}
	return NULL;
}

enum weir_sink_outcome weir_sink_clickhouse_outcome(int client_rc, int code)
{
	const struct meaning *meaning;

	if (client_rc == 0)
		return WEIR_SINK_STORED;
	if (client_rc == -ECANCELED)
		return WEIR_SINK_STOPPED;
	meaning = client_rc == -EREMOTEIO ? find_meaning(code) : NULL;
	return meaning ? meaning->outcome : WEIR_SINK_TROUBLE;
}

static int insert(struct weir_sink_clickhouse *sink, const struct weir_spool_segment *segment, struct weir_error *err)
{
	struct weir_client_setting settings[SETTING_COUNT + 2];
	char statement[64];

	memcpy(settings, SETTINGS, sizeof(SETTINGS));
	settings[SETTING_COUNT] = (struct weir_client_setting){"insert_deduplication_token", segment->token};
	settings[SETTING_COUNT + 1] = (struct weir_client_setting){NULL, NULL};
	(void)snprintf(statement, sizeof(statement), "INSERT INTO %s FORMAT Native", weir_tables[segment->table].name);
	return weir_client_insert_file(sink->client, statement, settings, segment->path, "lz4", err);
}

/* The store names one missing column at a time. */
static int insert_with_rare_columns(struct weir_sink_clickhouse *sink, const struct weir_spool_segment *segment,
				    struct weir_error *err)
{
	int rc = insert(sink, segment, err);

	while (rc == -EREMOTEIO && weir_client_exception_code(sink->client) == CODE_UNKNOWN_COLUMN &&
	       segment->table == WEIR_TABLE_FLOWS) {
		struct weir_error why = *err;
		unsigned made = 0;

		rc = weir_rare_make(sink->client, why.what, &made, err);
		if (!rc)
			rc = insert(sink, segment, err);
		if (!made)
			break; /* another has made it meanwhile, or it is a fault of another kind */
	}
	return rc;
}

enum weir_sink_outcome weir_sink_clickhouse_prepare(void *ctx, struct weir_error *err)
{
	struct weir_sink_clickhouse *sink = ctx;
	int rc;

	if (sink->migrated)
		return WEIR_SINK_STORED;
	rc = weir_migrate(sink->client, sink->migrate, &sink->last_migration, err);
	if (rc)
		return rc == -ECANCELED ? WEIR_SINK_STOPPED : WEIR_SINK_TROUBLE;
	sink->migrated = true;
	return WEIR_SINK_STORED;
}

enum weir_sink_outcome weir_sink_clickhouse_deliver(void *ctx, const struct weir_spool_segment *segment,
						    struct weir_error *err)
{
	struct weir_sink_clickhouse *sink = ctx;
	enum weir_sink_outcome outcome = weir_sink_clickhouse_prepare(sink, err);
	const struct meaning *meaning;
	int rc;

	if (outcome != WEIR_SINK_STORED)
		return outcome;
	rc = insert_with_rare_columns(sink, segment, err);
	meaning = rc ? find_meaning(weir_client_exception_code(sink->client)) : NULL;
	if (meaning && meaning->migrate)
		sink->migrated = false;
	return weir_sink_clickhouse_outcome(rc, weir_client_exception_code(sink->client));
}
