/* What goes to the store beside flows: what exporters tell (options of themselves, as names and rates, and counters) and the events
 * of the policy. Each is a row of a small table of the store, and there are few of them, so a batch is kept as its columns already are in ClickHouse's Native format.
 *
 * The tables. A lane of the spool holds segments of one table, and its name begins with the table's ("options-w0");
 * lanes of flows have no such beginning, for they were there first. */
#ifndef WEIR_FLOW_RECORD_H
#define WEIR_FLOW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/addr.h"

enum weir_table { WEIR_TABLE_FLOWS, WEIR_TABLE_OPTIONS, WEIR_TABLE_COUNTERS, WEIR_TABLE_EVENTS, WEIR_TABLES };

struct weir_table_info {
	const char *name; /* in the store */
	const char *lane; /* how lanes of it begin; "" for flows */
};

extern const struct weir_table_info weir_tables[WEIR_TABLES];

/* The table of a lane of the spool. */
enum weir_table weir_table_of_lane(const char *lane);

struct weir_text {
	const char *data;
	size_t len;
};

/* A row; which members count depends on the table (flow/records.inc). Everything is borrowed. */
struct weir_record {
	int64_t time_ms;
	struct weir_addr exporter;
	uint8_t flow_type; /* enum weir_flow_type */
	uint32_t domain;
	struct weir_text kind; /* "interface", "application", "host_cpu" … */
	struct weir_text id;   /* which one: "3", "13:1234" */
	uint32_t source;       /* which one, as a number */
	struct weir_text name; /* "interfaceName", "if_in_octets" … */
	struct weir_text value;
	uint64_t number;
	/* Of an event (policy/events.h); time_ms is its first flow's, kind its category, name its rule, value its message. */
	int64_t hour_ms; /* that the event belongs to */
	int64_t last_ms;
	struct weir_text level;
	struct weir_text action;
	struct weir_text subject;
	struct weir_text service;
	struct weir_text filter;
	struct weir_addr client;
	struct weir_addr server;
	uint64_t flows;
	uint64_t bytes;
	uint64_t packets;
};

/* Where records go. False: nobody has room. */
struct weir_record_sink {
	bool (*put)(void *ctx, enum weir_table table, const struct weir_record *record);
	void *ctx;
};

#define WEIR_RECORD_COLUMNS 17 /* of the widest table */
#define WEIR_RECORDS_MAX    65536
#define WEIR_RECORDS_BYTES  (4U << 20)

/* A batch of rows of one table; bounded. */
struct weir_records {
	enum weir_table table;
	uint32_t rows;
	struct weir_buffer column[WEIR_RECORD_COLUMNS];
};

void weir_records_init(struct weir_records *records, enum weir_table table);
void weir_records_done(struct weir_records *records);
void weir_records_reset(struct weir_records *records);

/* -ENOSPC: it is full. -ENOMEM. Nothing has changed then. */
int weir_records_add(struct weir_records *records, const struct weir_record *record) WEIR_MUST_CHECK;
/* Append the batch as one Native block; nothing when it is empty. */
int weir_records_native(const struct weir_records *records, struct weir_buffer *out) WEIR_MUST_CHECK;
/* The way back: call back for each row of one Native block of the table, which must end where the bytes do. Columns that it lacks
 * are 0 or empty; the texts are borrowed from native. -EBADMSG: it is not such a block (rows before the mistake have been told of);
 * else what each() returned, for a non-zero value ends it. */
int weir_records_read(enum weir_table table, const void *native, size_t len,
		      int (*each)(void *ctx, const struct weir_record *record), void *ctx) WEIR_MUST_CHECK;

#endif
