/* Questions to the store: a pool of connections, how many questions may run at once, which run now, and how one is ended.
 * Every question is read-only and has limits of time and memory; what is written is told, not asked (weir_web_query_tell()).
 * Any thread may call; a query belongs to one thread.
 *
 * A question ends early when somebody cancels it, when the client that asked goes away, or at its limits: the connection
 * to the store is closed, at which the embedded store and (cancel_http_readonly_queries_on_client_close) a server give it
 * up. That is looked at about once a second. */
#ifndef WEIR_WEB_ASKING_H
#define WEIR_WEB_ASKING_H

#include <stdbool.h>

#include "base/clock.h"
#include "query/tsv.h"
#include "store/client.h"
#include "web/json.h"

#define WEIR_WEB_ID_MAX	       65
#define WEIR_WEB_QUERIES_MAX   64
#define WEIR_WEB_SETTINGS_MAX  16
#define WEIR_WEB_USER_TEXT_MAX 72

struct weir_web_asker;
struct weir_web_query;

struct weir_web_asker_options {
	/* A connection to the store for each of the pool; all are made by weir_web_asker_new(). */
	int (*connect)(void *ctx, int timeout_s, struct weir_client **ret_client, struct weir_error *err);
	void *ctx; /* borrowed for the call */
	unsigned queries_max; /* at once; up to WEIR_WEB_QUERIES_MAX */
	unsigned timeout_s;
	uint64_t memory_max_bytes; /* of a query */
	const struct weir_clock *clock; /* borrowed for good */
};

int weir_web_asker_new(const struct weir_web_asker_options *options, struct weir_web_asker **ret_asker,
		       struct weir_error *err) WEIR_MUST_CHECK;
/* No query may be left. */
void weir_web_asker_free(struct weir_web_asker *asker);
/* Cancel all that run, and let none begin. */
void weir_web_asker_stop(struct weir_web_asker *asker);

/* A place among the running; waits a while where all are taken. id NULL: one is made. client_fd: the asking client's
 * connection, -1 for none. -EEXIST: the id is in use; -EBUSY: too many; -ECANCELED: the server stops. */
int weir_web_query_begin(struct weir_web_asker *asker, const char *id, const char *user, const char *what, int client_fd,
			 struct weir_web_query **ret_query, struct weir_error *err) WEIR_MUST_CHECK;
void weir_web_query_end(struct weir_web_query *query);

/* Ask; sql names the format TabSeparatedWithNamesAndTypes, or none. A table or database that is not there yet gives no
 * rows: the sink makes them with the first flows; strict: it is an error. parameters ("param_x" for {x:Type}; up to
 * WEIR_WEB_SETTINGS_MAX) ends with a NULL name, or is NULL. As weir_client_stream() otherwise; a sink that
 * ends with -ENOBUFS had enough: that is no failure. */
int weir_web_query_run(struct weir_web_query *query, const char *sql, const struct weir_client_setting *parameters,
		       const struct weir_tsv_sink *sink, bool strict, struct weir_error *err) WEIR_MUST_CHECK;
/* Run an INSERT within the same limit of time; nothing cancels it, so that it is written whole or failed. */
int weir_web_query_tell(struct weir_web_query *query, const char *sql, const struct weir_client_setting *parameters,
			struct weir_error *err) WEIR_MUST_CHECK;
/* ClickHouse's code of the last failure; 0: none of its. */
int weir_web_query_code(const struct weir_web_query *query);
void weir_web_query_used_rollup(struct weir_web_query *query);
const char *weir_web_query_id(const struct weir_web_query *query);
/* The object "query" of an answer. */
void weir_web_query_json(const struct weir_web_query *query, struct weir_json *json);

/* Those of a user, or with user NULL all, each with the store's progress. */
void weir_web_asker_list(struct weir_web_asker *asker, const char *user, struct weir_json *json);
/* One, with the store's progress; -ENOENT, and nothing is written, where it does not run. cancel: end it. */
int weir_web_asker_show(struct weir_web_asker *asker, const char *id, const char *user, bool cancel,
			struct weir_json *json) WEIR_MUST_CHECK;
/* Does the store answer? */
int weir_web_asker_ping(struct weir_web_asker *asker, struct weir_error *err) WEIR_MUST_CHECK;

struct weir_web_asker_counts {
	uint64_t queries, failed, cancelled, refused;
	unsigned running;
};
void weir_web_asker_count(struct weir_web_asker *asker, struct weir_web_asker_counts *ret_counts);

#endif
