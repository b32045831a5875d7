/* How rows leave the engine. Its interface for embedding gives an answer as a whole, in memory, or in pieces that each
 * have a header and no footer. Both will not do: an answer may be larger than memory, and JSON has one footer. So the
 * statement gets an INTO OUTFILE clause whose file is a pipe of this process: the engine writes any format as it goes,
 * waits while the pipe is full, and fails when the reading end is closed, which is how a query is given up. One that
 * has not come to writing is ended by KILL QUERY, found by its log_comment.
 *
 * How data enters it: INSERT … FROM INFILE, with the columns, defaults and checks of INSERT … FORMAT. Data inline in
 * the statement would be cut at newlines, and INSERT … SELECT FROM file() would match columns by place, not by name.
 *
 * Each query has its own connection, so settings end with it. */
#include "store/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "store/dedup_log.h"
#include "store/native_revision.h"
#include "store/room.h"

#define PIPE_BYTES     (1024 * 1024)
#define KILL_REPEAT_MS 200
#define MEMORY_LEAST   (512UL * 1024 * 1024)

#define CODE_MEMORY 241

struct counters {
	atomic_uint_fast64_t queries;
	atomic_uint_fast64_t inserts;
	atomic_uint_fast64_t failed;
	atomic_uint_fast64_t refused;
	atomic_uint_fast64_t given_up;
	atomic_uint_fast64_t rows_read;
	atomic_uint_fast64_t rows_written;
	atomic_uint_fast64_t bytes_received;
};

struct weir_host {
	struct weir_chdb *chdb;
	char *folder;
	char *incoming;
	int lock_fd;
	uint64_t memory_max_bytes;
	unsigned queries_max;
	unsigned forgotten_tokens;
	atomic_uint running;
	atomic_uint_fast64_t last_id;
	atomic_bool stopping;
	pthread_mutex_t control_lock;
	struct weir_chdb_connection *control; /* for KILL QUERY; under control_lock */
	struct counters counters;
};

struct weir_host_query {
	struct weir_host *host;		    /* borrowed */
	const struct weir_request *request; /* borrowed */
	struct weir_chdb_connection *connection;
	uint64_t id;
	struct weir_buffer sql;
	struct weir_chdb_result result;
	bool has_result;
	bool started;
	bool given_up;
	int read_fd;
	int write_fd;
	pthread_t thread;
	bool is_revising;
	int raw_fd;	/* Native blocks as the engine writes them … */
	int revised_fd; /* … and where they go on as the client wants them */
	int revise_rc;
	pthread_t reviser;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool is_ended; /* under lock */
};

/* --- the host --------------------------------------------------------------------------------------------- */

static uint64_t half_of_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t half = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : MEMORY_LEAST;

	return half > MEMORY_LEAST ? half : MEMORY_LEAST;
}

static int make_folder(const char *path, struct weir_error *err)
{
	if (mkdir(path, 0750) == 0 || errno == EEXIST)
		return 0;
	return weir_error_set(err, -errno, path, "choose another data folder, or make this one writable",
			      "cannot be made: %s", strerror(errno));
}

/* One process may have a data folder. The lock ends with the process, however that ends. */
static int lock_folder(struct weir_host *host, struct weir_error *err)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/lock", host->folder);
	host->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (host->lock_fd < 0)
		return weir_error_set(err, -errno, path, "make the data folder writable for this user", "cannot be opened: %s",
				      strerror(errno));
	if (flock(host->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return weir_error_set(err, -EBUSY, host->folder, "stop the other one, or choose another data folder",
			      "another weir store has this folder open");
}

/* What a killed process left behind. */
static void clean_incoming(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		(void)closedir(dir);
}

static int open_host(struct weir_host *host, const struct weir_host_options *options, struct weir_error *err)
{
	struct weir_chdb_options engine = {
		.library = options->library,
		.folder = options->folder,
		.memory_max_bytes = host->memory_max_bytes,
	};
	int rc;

	host->folder = strdup(options->folder);
	if (!host->folder || asprintf(&host->incoming, "%s/incoming", options->folder) < 0)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	rc = make_folder(host->folder, err);
	if (!rc)
		rc = lock_folder(host, err);
	if (!rc)
		rc = make_folder(host->incoming, err);
	if (rc)
		return rc;
	clean_incoming(host->incoming);
	rc = weir_dedup_log_mend(host->folder, host->incoming, &host->forgotten_tokens, err);
	if (rc)
		return rc;
	rc = weir_chdb_open(&engine, &host->chdb, err);
	if (rc)
		return rc == -EIO && weir_room_is_out(host->folder) ? -ENOSPC : rc;
	host->control = weir_chdb_connect(host->chdb);
	return host->control ? 0 : weir_error_set(err, -EIO, NULL, NULL, "the embedded store refuses connections");
}

int weir_host_new(const struct weir_host_options *options, struct weir_host **ret_host, struct weir_error *err)
{
	struct weir_host *host = calloc(1, sizeof(*host));
	int rc;

	if (!host)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	host->lock_fd = -1;
	host->queries_max = options->queries_max;
	host->memory_max_bytes = options->memory_max_bytes ? options->memory_max_bytes : half_of_memory();
	(void)pthread_mutex_init(&host->control_lock, NULL);
	rc = open_host(host, options, err);
	if (rc)
		weir_host_free(host);
	else
		*ret_host = host;
	return rc;
}

void weir_host_free(struct weir_host *host)
{
	if (!host)
		return;
	weir_chdb_disconnect(host->control);
	weir_chdb_close(host->chdb);
	if (host->lock_fd >= 0)
		(void)close(host->lock_fd);
	(void)pthread_mutex_destroy(&host->control_lock);
	free(host->folder);
	free(host->incoming);
	free(host);
}

const char *weir_host_version(const struct weir_host *host)
{
	return weir_chdb_version(host->chdb);
}

const char *weir_host_said(const struct weir_host *host)
{
	return weir_chdb_said(host->chdb);
}

unsigned weir_host_forgotten_tokens(const struct weir_host *host)
{
	return host->forgotten_tokens;
}

const char *weir_host_incoming(const struct weir_host *host)
{
	return host->incoming;
}

unsigned weir_host_running(const struct weir_host *host)
{
	return atomic_load(&host->running);
}

bool weir_host_is_stopping(const struct weir_host *host)
{
	return atomic_load(&host->stopping);
}

void weir_host_stop(struct weir_host *host)
{
	atomic_store(&host->stopping, true);
}

static void tell_control(struct weir_host *host, const char *sql)
{
	struct weir_chdb_result result;

	(void)pthread_mutex_lock(&host->control_lock);
	weir_chdb_run(host->control, sql, strlen(sql), "Null", &result);
	(void)pthread_mutex_unlock(&host->control_lock);
	weir_chdb_result_done(&result);
}

void weir_host_kill_all(struct weir_host *host)
{
	tell_control(host, "KILL QUERY WHERE startsWith(Settings['log_comment'], 'weir-') ASYNC");
}

/* --- a query ---------------------------------------------------------------------------------------------- */

static int refuse(struct weir_request_fault *fault, int code, const char *text)
{
	fault->code = code;
	fault->status = weir_request_status(code);
	(void)snprintf(fault->text, sizeof(fault->text), "%s", text);
	return -EINVAL;
}

static int admit(struct weir_host *host, struct weir_request_fault *fault)
{
	if (weir_host_is_stopping(host))
		return refuse(fault, 210, "The store is shutting down");
	if (atomic_fetch_add(&host->running, 1) < host->queries_max)
		return 0;
	(void)atomic_fetch_sub(&host->running, 1);
	(void)atomic_fetch_add(&host->counters.refused, 1);
	fault->code = 202;
	fault->status = weir_request_status(202);
	(void)snprintf(fault->text, sizeof(fault->text), "Too many simultaneous queries. Maximum: %u", host->queries_max);
	return -EINVAL;
}

/* SET name = 'value', … in one statement; readonly comes last, for after it nothing can be set. */
static int write_settings(struct weir_host_query *query, struct weir_buffer *sql)
{
	const struct weir_request *request = query->request;
	char comment[32];
	struct weir_buffer text;
	int rc;

	(void)snprintf(comment, sizeof(comment), "weir-%" PRIu64 " ", query->id);
	weir_buffer_init(&text);
	rc = weir_buffer_text(&text, comment);
	if (!rc)
		rc = weir_buffer_text(&text, request->log_comment);
	if (!rc)
		rc = weir_buffer_text(sql, "SET log_comment = ");
	if (!rc)
		rc = weir_chdb_quote(sql, (const char *)text.data, text.len);
	for (unsigned i = 0; !rc && i < request->settings_count; i++) {
		const struct weir_request_setting *s = &request->settings[i];

		rc = weir_buffer_printf(sql, ", %s = ", s->name);
		if (!rc)
			rc = weir_chdb_quote(sql, s->value, strlen(s->value));
	}
	weir_buffer_done(&text);
	return rc;
}

static int set_up(struct weir_host_query *query, const struct weir_buffer *sql, struct weir_request_fault *fault)
{
	struct weir_chdb_result result;
	int rc = 0;

	weir_chdb_run(query->connection, (const char *)sql->data, sql->len, "Null", &result);
	if (result.code) {
		const char *text = weir_buffer_cstr(&result.out);
		const char *marker = text ? strstr(text, "DB::Exception: ") : NULL;

		rc = refuse(fault, result.code, marker ? marker + strlen("DB::Exception: ") : "the settings are refused");
	}
	weir_chdb_result_done(&result);
	return rc;
}

static int set_up_session(struct weir_host_query *query, struct weir_request_fault *fault)
{
	const struct weir_request *request = query->request;
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = write_settings(query, &sql) ? refuse(fault, CODE_MEMORY, "Out of memory") : set_up(query, &sql, fault);
	if (!rc && *request->database) {
		weir_buffer_reset(&sql);
		rc = weir_buffer_text(&sql, "USE `");
		for (const char *p = request->database; !rc && *p; p++)
			rc = *p == '`' || *p == '\\' ? weir_buffer_printf(&sql, "\\%c", *p) : weir_buffer_append(&sql, p, 1);
		if (!rc)
			rc = weir_buffer_text(&sql, "`");
		rc = rc ? refuse(fault, CODE_MEMORY, "Out of memory") : set_up(query, &sql, fault);
	}
	if (!rc && request->readonly) {
		weir_buffer_reset(&sql);
		rc = weir_buffer_printf(&sql, "SET readonly = %d", request->readonly);
		rc = rc ? refuse(fault, CODE_MEMORY, "Out of memory") : set_up(query, &sql, fault);
	}
	weir_buffer_done(&sql);
	return rc;
}

/* Whose timed waits go on when somebody sets the clock back. */
static void init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

int weir_host_begin(struct weir_host *host, const struct weir_request *request, struct weir_host_query **ret_query,
		    struct weir_request_fault *ret_fault)
{
	struct weir_host_query *query;
	int rc = admit(host, ret_fault);

	if (rc)
		return rc;
	query = calloc(1, sizeof(*query));
	if (!query) {
		(void)atomic_fetch_sub(&host->running, 1);
		return refuse(ret_fault, CODE_MEMORY, "Out of memory");
	}
	query->host = host;
	query->request = request;
	query->id = atomic_fetch_add(&host->last_id, 1) + 1;
	query->read_fd = query->write_fd = -1;
	weir_buffer_init(&query->sql);
	(void)pthread_mutex_init(&query->lock, NULL);
	init_monotonic(&query->ended);
	query->connection = weir_chdb_connect(host->chdb);
	rc = query->connection ? set_up_session(query, ret_fault)
			       : refuse(ret_fault, CODE_MEMORY, "The engine refuses connections");
	if (rc) {
		(void)atomic_fetch_add(&host->counters.failed, 1);
		weir_host_end(query);
	} else {
		*ret_query = query;
	}
	return rc;
}

void weir_host_end(struct weir_host_query *query)
{
	if (!query)
		return;
	if (query->started)
		(void)weir_host_wait(query, true);
	weir_chdb_disconnect(query->connection);
	if (query->has_result)
		weir_chdb_result_done(&query->result);
	weir_buffer_done(&query->sql);
	(void)pthread_mutex_destroy(&query->lock);
	(void)pthread_cond_destroy(&query->ended);
	(void)atomic_fetch_sub(&query->host->running, 1);
	free(query);
}

static void count_result(struct weir_host_query *query)
{
	struct counters *counters = &query->host->counters;

	if (query->given_up)
		(void)atomic_fetch_add(&counters->given_up, 1);
	else if (query->result.code)
		(void)atomic_fetch_add(&counters->failed, 1);
	(void)atomic_fetch_add(&counters->rows_read, query->result.rows_read);
	(void)atomic_fetch_add(&counters->rows_written, query->result.rows_written);
}

/* --- rows ------------------------------------------------------------------------------------------------- */

static int write_rows_sql(struct weir_host_query *query, const struct weir_body *body, const char *method)
{
	const struct weir_statement *statement = &body->statement;
	const char *text = (const char *)body->text.data;
	struct weir_buffer *sql = &query->sql;
	int rc = weir_buffer_append(sql, text, statement->clause_at);

	if (!rc)
		rc = weir_buffer_printf(sql, "\nINTO OUTFILE '/proc/self/fd/%d' TRUNCATE", query->write_fd);
	if (!rc && method)
		rc = weir_buffer_printf(sql, " COMPRESSION '%s'", method);
	if (!rc)
		rc = weir_buffer_text(sql, " ");
	if (!rc && statement->format_len)
		rc = weir_buffer_append(sql, text + statement->clause_at, statement->len - statement->clause_at);
	else if (!rc)
		rc = weir_buffer_printf(sql, "FORMAT %s", query->request->format);
	return rc;
}

static void *run_rows(void *ctx)
{
	struct weir_host_query *query = ctx;

	weir_chdb_run(query->connection, (const char *)query->sql.data, query->sql.len, query->request->format,
		      &query->result);
	(void)pthread_mutex_lock(&query->lock);
	query->is_ended = true;
	(void)pthread_cond_signal(&query->ended);
	(void)pthread_mutex_unlock(&query->lock);
	(void)close(query->write_fd); /* last: the reader takes it for the end */
	return NULL;
}

static void *run_reviser(void *ctx)
{
	struct weir_host_query *query = ctx;

	query->revise_rc = weir_native_revise(query->raw_fd, query->revised_fd, query->request->native_revision);
	(void)close(query->raw_fd); /* if that was not the end, the engine is told so */
	(void)close(query->revised_fd);
	return NULL;
}

static bool is_native(const struct weir_host_query *query, const struct weir_body *body)
{
	const struct weir_statement *statement = &body->statement;

	if (!statement->format_len)
		return strcmp(query->request->format, "Native") == 0;
	return statement->format_len == 6 && memcmp(body->text.data + statement->format_at, "Native", 6) == 0;
}

/* Put another pipe and the reviser between the engine's and the reader. */
static int start_reviser(struct weir_host_query *query)
{
	int fds[2];
	int rc;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	query->raw_fd = query->read_fd;
	query->revised_fd = fds[1];
	rc = -pthread_create(&query->reviser, NULL, run_reviser, query);
	if (rc) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return rc;
	}
	query->read_fd = fds[0];
	query->is_revising = true;
	return 0;
}

bool weir_host_revises(const struct weir_host_query *query)
{
	return query->is_revising;
}

int weir_host_start(struct weir_host_query *query, const struct weir_body *body, int *ret_fd)
{
	bool revise = query->request->native_revision && is_native(query, body);
	int fds[2];
	int rc;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* where it may not, the usual size will do */
	query->read_fd = fds[0];
	query->write_fd = fds[1];
	rc = write_rows_sql(query, body, revise ? NULL : weir_coding_method(query->request->answer_coding));
	if (!rc)
		rc = -pthread_create(&query->thread, NULL, run_rows, query);
	if (rc) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		query->read_fd = query->write_fd = -1;
		return rc;
	}
	query->started = true;
	(void)atomic_fetch_add(&query->host->counters.queries, 1);
	rc = revise ? start_reviser(query) : 0;
	if (rc) {
		(void)weir_host_wait(query, true);
		return rc;
	}
	*ret_fd = query->read_fd;
	return 0;
}

static bool wait_ended(struct weir_host_query *query, unsigned ms)
{
	struct timespec until;
	bool is_ended;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&query->lock);
	if (!query->is_ended)
		(void)pthread_cond_timedwait(&query->ended, &query->lock, &until);
	is_ended = query->is_ended;
	(void)pthread_mutex_unlock(&query->lock);
	return is_ended;
}

/* Again and again, for the engine may not have had it in its list yet. */
static void give_up(struct weir_host_query *query)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "KILL QUERY WHERE startsWith(Settings['log_comment'], 'weir-%" PRIu64 " ') ASYNC",
		       query->id);
	query->given_up = !wait_ended(query, 0);
	while (!wait_ended(query, KILL_REPEAT_MS / 20)) {
		tell_control(query->host, sql);
		if (wait_ended(query, KILL_REPEAT_MS))
			break;
	}
}

static void set_revision_failure(struct weir_chdb_result *result)
{
	result->code = WEIR_CODE_NOT_IMPLEMENTED;
	weir_buffer_reset(&result->out);
	if (weir_buffer_text(&result->out, "Code: 48. DB::Exception: The embedded store cannot give a column of this type in Native "
					   "format with client_protocol_version. (NOT_IMPLEMENTED)"))
		weir_buffer_reset(&result->out);
}

const struct weir_chdb_result *weir_host_wait(struct weir_host_query *query, bool give_up_now)
{
	if (!query->started)
		return &query->result;
	if (query->read_fd >= 0)
		(void)close(query->read_fd);
	query->read_fd = -1;
	if (give_up_now)
		give_up(query);
	(void)pthread_join(query->thread, NULL);
	if (query->is_revising)
		(void)pthread_join(query->reviser, NULL);
	query->started = false;
	query->has_result = true;
	if (query->revise_rc == -ENOTSUP)
		set_revision_failure(&query->result);
	count_result(query);
	return &query->result;
}

/* --- the others ------------------------------------------------------------------------------------------- */

static int write_insert_sql(struct weir_host_query *query, const struct weir_body *body)
{
	const struct weir_statement *statement = &body->statement;
	const char *text = (const char *)body->text.data;
	const char *method = weir_coding_method(body->coding);
	struct weir_buffer *sql = &query->sql;
	size_t end = statement->is_values ? statement->format_at : statement->len;
	int rc = weir_buffer_append(sql, text, statement->clause_at);

	if (!rc)
		rc = weir_buffer_text(sql, "\nFROM INFILE ");
	if (!rc)
		rc = weir_chdb_quote(sql, body->path, strlen(body->path));
	if (!rc && method)
		rc = weir_buffer_printf(sql, " COMPRESSION '%s'", strcmp(method, "gzip") == 0 ? "gz" : method);
	if (!rc)
		rc = weir_buffer_text(sql, " ");
	if (!rc)
		rc = weir_buffer_append(sql, text + statement->clause_at, end - statement->clause_at);
	if (!rc && statement->is_values)
		rc = weir_buffer_text(sql, " FORMAT Values");
	return rc;
}

int weir_host_room(const struct weir_host_query *query, const struct weir_body *body, struct weir_request_fault *ret_fault)
{
	int rc = weir_room_check(query->host->folder, body, ret_fault);

	if (rc)
		(void)atomic_fetch_add(&query->host->counters.failed, 1);
	return rc;
}

const struct weir_chdb_result *weir_host_run(struct weir_host_query *query, const struct weir_body *body)
{
	struct counters *counters = &query->host->counters;
	bool is_insert = body->statement.kind == WEIR_STATEMENT_INSERT;
	int rc = is_insert ? write_insert_sql(query, body)
			   : weir_buffer_append(&query->sql, body->text.data, body->statement.len);

	(void)atomic_fetch_add(is_insert ? &counters->inserts : &counters->queries, 1);
	(void)atomic_fetch_add(&counters->bytes_received, body->data_bytes);
	if (rc) {
		weir_buffer_init(&query->result.out);
		query->result.code = CODE_MEMORY;
	} else {
		weir_chdb_run(query->connection, (const char *)query->sql.data, query->sql.len, query->request->format,
			      &query->result);
	}
	query->has_result = true;
	count_result(query);
	return &query->result;
}

/* --- metrics ---------------------------------------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size = 0;
	unsigned long resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	(void)fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

int weir_host_metrics(struct weir_host *host, struct weir_buffer *out)
{
	struct counters *c = &host->counters;
	const struct {
		const char *name;
		const char *help;
		atomic_uint_fast64_t *value;
	} rows[] = {
		{"weir_store_queries_total", "Statements run, without inserts of data", &c->queries},
		{"weir_store_inserts_total", "Inserts of data", &c->inserts},
		{"weir_store_failed_total", "Statements and inserts that failed", &c->failed},
		{"weir_store_refused_total", "Queries refused because too many were running", &c->refused},
		{"weir_store_given_up_total", "Queries given up because the client went away", &c->given_up},
		{"weir_store_rows_read_total", "Rows read from tables", &c->rows_read},
		{"weir_store_rows_written_total", "Rows written to tables", &c->rows_written},
		{"weir_store_received_bytes_total", "Bytes of inserted data as received", &c->bytes_received},
	};
	struct statvfs fs;
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = weir_metrics_counter(out, rows[i].name, rows[i].help, NULL, atomic_load(rows[i].value));
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_store_running", "Queries running now", NULL, weir_host_running(host));
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_store_resident_bytes", "Memory of the store process", NULL,
					(double)resident_bytes());
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_store_memory_max_bytes", "Limit of the engine's memory", NULL,
					(double)host->memory_max_bytes);
	if (!rc && statvfs(host->folder, &fs) == 0)
		rc = weir_metrics_gauge(out, "weir_store_disk_free_bytes", "Free space where the data lies", NULL,
					(double)fs.f_bavail * (double)fs.f_frsize);
	return rc;
}
