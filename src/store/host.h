/* The embedded engine as a host of queries: who may run now, with which settings, and how a query is given up. No
 * HTTP here. A query belongs to one thread; everything else may be called from any. */
#ifndef WEIR_STORE_HOST_H
#define WEIR_STORE_HOST_H

#include "base/metrics.h"
#include "store/body.h"
#include "store/chdb.h"
#include "store/request.h"

struct weir_host;
struct weir_host_query;

struct weir_host_options {
	const char *library;	   /* borrowed for the call, as is the folder */
	const char *folder;	   /* DATA/store, absolute */
	uint64_t memory_max_bytes; /* 0: half of the machine's */
	unsigned queries_max;	   /* at one time */
};

int weir_host_new(const struct weir_host_options *options, struct weir_host **ret_host,
		  struct weir_error *err) WEIR_MUST_CHECK;
/* No query may be left. */
void weir_host_free(struct weir_host *host);
const char *weir_host_version(const struct weir_host *host);
/* What the engine complained of while it started, one line, or "". */
const char *weir_host_said(const struct weir_host *host);
/* Tokens of parts that a kill kept from coming to be, forgotten at the start (store/dedup_log.h). */
unsigned weir_host_forgotten_tokens(const struct weir_host *host);
/* Where the data of inserts waits. */
const char *weir_host_incoming(const struct weir_host *host);

/* Take no more queries and give those up that only read. Inserts go on. */
void weir_host_stop(struct weir_host *host);
bool weir_host_is_stopping(const struct weir_host *host);
/* Give up everything. */
void weir_host_kill_all(struct weir_host *host);
unsigned weir_host_running(const struct weir_host *host);

/* A place among the running and a session with the request's settings; -EINVAL and ret_fault without. The request
 * must outlive the query. */
int weir_host_begin(struct weir_host *host, const struct weir_request *request, struct weir_host_query **ret_query,
		    struct weir_request_fault *ret_fault) WEIR_MUST_CHECK;
void weir_host_end(struct weir_host_query *query);

/* Start a statement that gives rows: they come out of *ret_fd in their format, which ends when the statement does.
 * -errno when it could not be started. */
int weir_host_start(struct weir_host_query *query, const struct weir_body *body, int *ret_fd) WEIR_MUST_CHECK;
/* Whether the rows are revised on their way, and so are not compressed. */
bool weir_host_revises(const struct weir_host_query *query);
/* Wait for its end; give_up makes it end now. Closes the descriptor. */
const struct weir_chdb_result *weir_host_wait(struct weir_host_query *query, bool give_up);
/* Whether the disk has room for what the statement does: -ENOSPC and ret_fault where it has not (store/room.h). */
int weir_host_room(const struct weir_host_query *query, const struct weir_body *body,
		   struct weir_request_fault *ret_fault) WEIR_MUST_CHECK;
/* Run any other statement, an INSERT with its data, to its end. */
const struct weir_chdb_result *weir_host_run(struct weir_host_query *query, const struct weir_body *body);

/* Counters as metrics. */
int weir_host_metrics(struct weir_host *host, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
