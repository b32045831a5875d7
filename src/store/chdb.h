/* The embedded ClickHouse engine: libchdb, loaded with dlopen, over one data folder. Only the store process uses this.
 *
 * One process may have one engine, and one process a data folder. Connections are cheap (1 ms) and each is a session
 * of its own; one thread at a time may use one, several run at once.
 *
 * The engine is opened with a configuration of its own (written to the folder) in which the only user has grants for
 * tables and views, and none for anything that reaches outside: no file(), no url(), no other servers. */
#ifndef WEIR_STORE_CHDB_H
#define WEIR_STORE_CHDB_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct weir_chdb;
struct weir_chdb_connection;

struct weir_chdb_options {
	const char *library;	   /* path of libchdb.so; borrowed for the call */
	const char *folder;	   /* DATA/store, absolute; made where it is missing */
	uint64_t memory_max_bytes; /* of all queries, merges and caches together */
};

struct weir_chdb_result {
	int code;		/* ClickHouse's error code; 0: done */
	struct weir_buffer out; /* the answer, or the error's text as the engine words it */
	uint64_t rows_read;	/* from storage */
	uint64_t bytes_read;
	uint64_t rows_written;
	uint64_t bytes_written;
};

/* Where the library is: configured (NULL or "": not), $WEIR_LIBCHDB, the cache that tools/fetch-libchdb fills,
 * /usr/lib/weir, beside the program. *ret_path is the caller's to free. */
int weir_chdb_find(const char *configured, char **ret_path, struct weir_error *err) WEIR_MUST_CHECK;

int weir_chdb_open(const struct weir_chdb_options *options, struct weir_chdb **ret_chdb,
		   struct weir_error *err) WEIR_MUST_CHECK;
/* Writes out what is in memory. No connection may be left. */
void weir_chdb_close(struct weir_chdb *chdb);
/* "26.5.1.1" */
const char *weir_chdb_version(const struct weir_chdb *chdb);
/* The first line that the engine wrote to stderr while it started, or ""; the rest is not shown to anybody. */
const char *weir_chdb_said(const struct weir_chdb *chdb);

/* Any thread. NULL: the engine refused it. */
struct weir_chdb_connection *weir_chdb_connect(struct weir_chdb *chdb);
void weir_chdb_disconnect(struct weir_chdb_connection *connection);

/* Run one statement; the format is for answers that name none. The result is the caller's: weir_chdb_result_done(). */
void weir_chdb_run(struct weir_chdb_connection *connection, const char *sql, size_t len, const char *format,
		   struct weir_chdb_result *ret_result);
void weir_chdb_result_done(struct weir_chdb_result *result);

/* 'text' with what needs it escaped. */
int weir_chdb_quote(struct weir_buffer *sql, const char *text, size_t len) WEIR_MUST_CHECK;

#endif
