/* One request on its way through the server, and its answer; inner header of src/web. A call belongs to the thread of its
 * connection. */
#ifndef WEIR_WEB_CALL_H
#define WEIR_WEB_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "query/filter.h"
#include "query/output.h"
#include "query/time.h"
#include "web/asking.h"
#include "web/audit.h"
#include "web/guard.h"
#include "web/json.h"
#include "web/limiter.h"
#include "web/parameters.h"
#include "web/sessions.h"
#include "web/web.h"

#define WEIR_WEB_JSON_ROWS_MAX 20000 /* of an answer in JSON; files may have more */
#define WEIR_WEB_DIMENSIONS    8

struct MHD_Daemon;

enum weir_web_means { WEIR_WEB_BY_NONE, WEIR_WEB_BY_OPEN, WEIR_WEB_BY_SESSION, WEIR_WEB_BY_TOKEN, WEIR_WEB_BY_PROXY };

struct weir_web_who {
	enum weir_web_role role;
	enum weir_web_means means;
	char name[WEIR_WEB_USER_TEXT_MAX]; /* "" where there are no users; of a token "token:NAME" */
	char csrf[WEIR_WEB_SECRET_TEXT];
};

struct weir_web {
	struct weir_web_options options;
	struct weir_web_asker *asker;
	struct weir_web_audit audit;
	struct MHD_Daemon *daemon[8];
	int fd[8];
	unsigned listeners;
	char *certificate, *key; /* owned, PEM */
	char proxy_key[WEIR_WEB_SECRET_TEXT]; /* signs the marks of those whom a proxy names */

	pthread_mutex_t lock; /* of all that follows */
	struct weir_web_users users;
	int64_t users_looked_ns;
	int64_t users_mtime_ns;
	int64_t users_size;
	struct weir_web_sessions sessions;
	struct weir_web_limiter limiter;

	pthread_mutex_t password_lock; /* one password is looked at at a time: each takes 32 MB */
	atomic_uint password_waiting;
	atomic_uint_fast64_t requests[6]; /* by the hundreds of their status */
	atomic_uint_fast64_t logins, login_failures;
	atomic_uint_fast64_t api_ns; /* spent in answers of the interface */
};

struct weir_web_answer {
	unsigned status;
	const char *type;
	struct weir_buffer body;
	const void *fixed; /* in place of the body: never freed */
	size_t fixed_len;
	int file_fd; /* what stands before the body's rest; -1: none */
	uint64_t file_bytes;
	char file_name[64]; /* of a download */
	char cookie[192];
	char query_id[WEIR_WEB_ID_MAX];
	const char *etag;
	const char *encoding;
	const char *cache;
	unsigned retry_after_s;
};

struct weir_web_route;

struct weir_web_call {
	struct weir_web *web;
	struct weir_web_head head;
	struct weir_addr peer; /* the client, by the proxy's word where that is trusted */
	char peer_text[WEIR_ADDR_TEXT_MAX];
	bool tls;
	int client_fd;
	const void *body;
	size_t body_len;
	const struct weir_web_route *route;
	struct weir_web_parameters parameters;
	struct weir_web_who who;
	struct weir_web_answer answer;

	/* Of failures. */
	struct weir_error err;
	const char *code; /* NULL: as follows from the return value */
	bool has_place;
	size_t at, len; /* UTF-16 units */

	struct weir_web_query *query; /* ended with the call */
};

/* A row of the table of routes (route.c), which a NULL path ends. "{name}" stands for one segment of the path, which
 * becomes a parameter. */
struct weir_web_route {
	const char *method;
	const char *path;
	enum weir_web_role role; /* that is needed at least */
	int (*handle)(struct weir_web_call *call);
	const struct weir_web_parameter *parameters;
	const char *name;
	bool posts; /* the same with parameters in a POST's body */
};

extern const struct weir_web_route weir_web_routes[];

/* Answer the call: everything between the request's head and the bytes to send. Never fails. */
void weir_web_answer(struct weir_web_call *call);
void weir_web_call_init(struct weir_web_call *call, struct weir_web *web);
void weir_web_call_done(struct weir_web_call *call);
/* The answer of a failure. */
void weir_web_fail(struct weir_web_call *call, int rc);

/* Who asks: the session, the token, the proxy's user. -EACCES: nobody, where somebody must be. */
void weir_web_identify(struct weir_web_call *call);
bool weir_web_has_users(struct weir_web *web);
void weir_web_audit(struct weir_web_call *call, const char *action, const char *result, const char *detail);

/* Handlers; each a row of the table. */
#define HANDLER(name) int weir_web_##name(struct weir_web_call *call)
HANDLER(get_session);
HANDLER(log_in);
HANDLER(log_out);
HANDLER(get_audit);
HANDLER(get_columns);
HANDLER(get_status);
HANDLER(get_exporters);
HANDLER(get_devices);
HANDLER(get_metrics);
HANDLER(get_health);
HANDLER(get_ready);
HANDLER(get_graph);
HANDLER(get_top);
HANDLER(get_flows);
HANDLER(get_conversation);
HANDLER(get_host);
HANDLER(run_sql);
HANDLER(get_query);
HANDLER(cancel_query);
HANDLER(get_queries);
HANDLER(check_filter);
HANDLER(complete_filter);
HANDLER(get_events);
HANDLER(acknowledge);
HANDLER(silence);
HANDLER(get_matrix);
HANDLER(get_matrix_diff);
HANDLER(approve);
#undef HANDLER

/* What handlers have in common (common.c). */
struct weir_web_window {
	struct weir_window window;
	int64_t now_ms;
};
/* from, to and last; standard: what last is where none is given. */
int weir_web_take_window(struct weir_web_call *call, const char *standard, struct weir_window *ret_window) WEIR_MUST_CHECK;
/* The parameter filter, or the text; the place of a mistake goes to the call. */
int weir_web_take_filter(struct weir_web_call *call, const char *text, struct weir_filter **ret_filter) WEIR_MUST_CHECK;
/* The window of `compare`; false for none. */
bool weir_web_earlier(const struct weir_web_call *call, const struct weir_window *window, struct weir_window *ret_earlier);
/* Into call->query. */
int weir_web_begin_query(struct weir_web_call *call) WEIR_MUST_CHECK;
int weir_web_run(struct weir_web_call *call, struct weir_buffer *sql, const struct weir_tsv_sink *sink) WEIR_MUST_CHECK;
/* With values for the statement's {x:Type}: weir_web_query_run(). */
int weir_web_run_with(struct weir_web_call *call, struct weir_buffer *sql, const struct weir_client_setting *parameters,
		      const struct weir_tsv_sink *sink) WEIR_MUST_CHECK;
void weir_web_put_window(struct weir_json *json, const char *key, const struct weir_window *window);
/* "kind" and the rest of a RowColumn, opened and closed. */
void weir_web_put_column(struct weir_json *json, const char *name, enum weir_kind kind, const char *unit);
const char *weir_web_kind_name(enum weir_kind kind);
const char *weir_web_kind_unit(enum weir_kind kind);
void weir_web_put_cell(struct weir_json *json, const struct weir_output_column *column, const struct weir_cell *cell,
		       struct weir_buffer *scratch);
uint64_t weir_web_cell_number(const struct weir_cell *cell);
/* Begin and end the answer's JSON object. */
struct weir_json weir_web_begin_json(struct weir_web_call *call);
int weir_web_end_json(struct weir_web_call *call, struct weir_json *json) WEIR_MUST_CHECK;
/* The put() of weir_output_options: into the answer, and from there to a file; ctx is the call. */
int weir_web_put_output(void *ctx, const void *data, size_t len);
/* Set type and name of a download. */
void weir_web_download(struct weir_web_call *call, const char *name, enum weir_format format);
/* The parameter format as WEIR_FORMAT_…. */
enum weir_format weir_web_format(const struct weir_web_call *call);
/* UTF-16 units before a place in UTF-8. */
size_t weir_web_units(const char *text, size_t bytes);

#endif
