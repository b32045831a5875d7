#include "web/asking.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "query/filter.h"
#include "query/report_parts.h"
#include "web/secret.h"

#define WAIT_S		 10 /* for a place */
#define CONTROL_S	 5  /* timeout of what asks about queries */
#define UNKNOWN_TABLE	 60
#define UNKNOWN_DATABASE 81

struct weir_web_query {
	struct weir_web_asker *asker;
	struct weir_client *client;
	bool taken;
	char id[WEIR_WEB_ID_MAX];
	char user[WEIR_WEB_USER_TEXT_MAX];
	const char *what; /* static */
	int client_fd;
	int64_t start_ns;
	atomic_bool cancelled;
	bool rollup;
	int code;
	struct weir_buffer sql; /* the statements, each with a NUL */
};

struct weir_web_asker {
	struct weir_web_asker_options options;
	char timeout_text[16];
	char memory_text[24];
	pthread_mutex_t lock;
	pthread_cond_t freed;
	bool stopping;
	unsigned waiting;
	struct weir_web_query query[WEIR_WEB_QUERIES_MAX];
	pthread_mutex_t control_lock;
	struct weir_client *control; /* for questions about queries */
	struct weir_web_asker_counts counts;
};

int weir_web_asker_new(const struct weir_web_asker_options *options, struct weir_web_asker **ret_asker, struct weir_error *err)
{
	struct weir_web_asker *a = calloc(1, sizeof(*a));
	pthread_condattr_t attributes;
	int rc = 0;

	if (!a)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	a->options = *options;
	(void)snprintf(a->timeout_text, sizeof(a->timeout_text), "%u", options->timeout_s);
	(void)snprintf(a->memory_text, sizeof(a->memory_text), "%" PRIu64, options->memory_max_bytes);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_mutex_init(&a->control_lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&a->freed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	for (unsigned i = 0; !rc && i < options->queries_max; i++) {
		a->query[i].asker = a;
		rc = options->connect(options->ctx, (int)options->timeout_s + CONTROL_S, &a->query[i].client, err);
	}
	if (!rc)
		rc = options->connect(options->ctx, CONTROL_S, &a->control, err);
	if (rc)
		weir_web_asker_free(a);
	else
		*ret_asker = a;
	return rc;
}

void weir_web_asker_free(struct weir_web_asker *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < WEIR_WEB_QUERIES_MAX; i++)
		weir_client_free(a->query[i].client);
	weir_client_free(a->control);
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_mutex_destroy(&a->control_lock);
	(void)pthread_cond_destroy(&a->freed);
	free(a);
}

void weir_web_asker_stop(struct weir_web_asker *a)
{
	(void)pthread_mutex_lock(&a->lock);
	a->stopping = true;
	for (unsigned i = 0; i < a->options.queries_max; i++)
		atomic_store(&a->query[i].cancelled, true);
	(void)pthread_cond_broadcast(&a->freed);
	(void)pthread_mutex_unlock(&a->lock);
}

static int64_t now_ns(const struct weir_web_asker *a)
{
	return weir_clock_mono_ns(a->options.clock);
}

/* --- places ----------------------------------------------------------------------------------------------- */

static struct weir_web_query *find(struct weir_web_asker *a, const char *id)
{
	for (unsigned i = 0; i < a->options.queries_max; i++) {
		if (a->query[i].taken && strcmp(a->query[i].id, id) == 0)
			return &a->query[i];
	}
	return NULL;
}

static struct weir_web_query *find_free(struct weir_web_asker *a)
{
	for (unsigned i = 0; i < a->options.queries_max; i++) {
		if (!a->query[i].taken)
			return &a->query[i];
	}
	return NULL;
}

/* With the lock. */
static int take_place(struct weir_web_asker *a, struct weir_web_query **ret_query)
{
	struct timespec end;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WAIT_S;
	if (a->waiting >= 4 * a->options.queries_max)
		return -EBUSY;
	a->waiting++;
	while (!a->stopping && !(*ret_query = find_free(a)) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&a->freed, &a->lock, &end);
	a->waiting--;
	if (a->stopping)
		return -ECANCELED;
	return *ret_query ? 0 : -EBUSY;
}

static int begin(struct weir_web_asker *a, const char *id, struct weir_web_query **ret_query, struct weir_error *err)
{
	int rc;

	if (find(a, id))
		return weir_error_set(err, -EEXIST, "query_id", "choose another", "a query with this id runs");
	rc = take_place(a, ret_query);
	if (rc == -EBUSY) {
		a->counts.refused++;
		return weir_error_set(err, rc, NULL, "try again, or raise web.queries_max", "too many queries run now");
	}
	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "the server is shutting down");
	if (find(a, id))
		return weir_error_set(err, -EEXIST, "query_id", "choose another", "a query with this id runs");
	a->counts.queries++;
	return 0;
}

int weir_web_query_begin(struct weir_web_asker *a, const char *id, const char *user, const char *what, int client_fd,
			 struct weir_web_query **ret_query, struct weir_error *err)
{
	char made[WEIR_WEB_SECRET_TEXT];
	struct weir_web_query *q = NULL;
	int rc;

	if (!id) {
		if (weir_web_secret_new(made))
			return weir_error_set(err, -EIO, NULL, NULL, "there are no random numbers");
		made[32] = '\0';
		id = made;
	}
	(void)pthread_mutex_lock(&a->lock);
	rc = begin(a, id, &q, err);
	if (!rc) {
		q->taken = true;
		(void)snprintf(q->id, sizeof(q->id), "%s", id);
		(void)snprintf(q->user, sizeof(q->user), "%s", user);
		q->what = what;
		q->client_fd = client_fd;
		q->start_ns = now_ns(a);
		q->rollup = false;
		q->code = 0;
		atomic_store(&q->cancelled, false);
		weir_buffer_init(&q->sql);
		*ret_query = q;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rc;
}

void weir_web_query_end(struct weir_web_query *q)
{
	struct weir_web_asker *a;

	if (!q)
		return;
	a = q->asker;
	(void)pthread_mutex_lock(&a->lock);
	weir_buffer_done(&q->sql);
	q->taken = false;
	(void)pthread_cond_signal(&a->freed);
	(void)pthread_mutex_unlock(&a->lock);
}

/* --- asking ----------------------------------------------------------------------------------------------- */

static bool is_gone(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

static int shall_stop(void *ctx)
{
	struct weir_web_query *q = ctx;

	return atomic_load(&q->cancelled) || is_gone(q->client_fd);
}

static const struct weir_client_setting *find_parameter(const struct weir_client_setting *parameters, const char *name, size_t len)
{
	static const char prefix[] = "param_";

	while (parameters && parameters->name &&
	       (strlen(parameters->name) != sizeof(prefix) - 1 + len || memcmp(parameters->name + sizeof(prefix) - 1, name, len) != 0))
		parameters++;
	return parameters && parameters->name ? parameters : NULL;
}

/* Text in which values stand for {name:Type}: of texts in quotes, of numbers as they are. */
static int put_shown(struct weir_buffer *out, const char *sql, size_t len, const struct weir_client_setting *parameters)
{
	const char *at = sql, *end = sql + len;
	int rc = 0;

	while (!rc && at < end) {
		const char *open = memchr(at, '{', (size_t)(end - at));
		const char *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
		const char *colon = close ? memchr(open, ':', (size_t)(close - open)) : NULL;
		const struct weir_client_setting *p = colon ? find_parameter(parameters, open + 1, (size_t)(colon - open - 1)) : NULL;

		if (!open || !p) {
			const char *next = open ? open + 1 : end;

			rc = weir_buffer_append(out, at, (size_t)(next - at));
			at = next;
			continue;
		}
		rc = weir_buffer_append(out, at, (size_t)(open - at));
		if (!rc && strncmp(colon + 1, "String", 6) == 0)
			rc = weir_sql_quote(p->value, strlen(p->value), out);
		else if (!rc)
			rc = weir_buffer_text(out, p->value);
		at = close + 1;
	}
	return rc;
}

/* The statement as it is shown, so that it can be run as it stands: values in the place of its parameters, and without the format, which
 * is a matter of this program alone. Nothing but a person reads it. */
static int keep_sql(struct weir_web_query *q, const char *sql, const struct weir_client_setting *parameters)
{
	static const char format[] = WEIR_REPORT_FORMAT;
	size_t len = strlen(sql);
	size_t cut = sizeof(format) - 1;
	int rc;

	if (len > cut && strcmp(sql + len - cut, format) == 0)
		len -= cut;
	rc = put_shown(&q->sql, sql, len, parameters);
	return rc ? rc : weir_buffer_append(&q->sql, "", 1);
}

static int failed(struct weir_web_query *q, int rc, bool strict, struct weir_error *err)
{
	struct weir_web_asker *a = q->asker;

	q->code = weir_client_exception_code(q->client);
	if (rc == -ENOBUFS)
		return 0;
	if (!strict && rc == -EREMOTEIO && (q->code == UNKNOWN_TABLE || q->code == UNKNOWN_DATABASE))
		return 0;
	(void)pthread_mutex_lock(&a->lock);
	a->counts.failed += rc != -ECANCELED;
	a->counts.cancelled += rc == -ECANCELED;
	(void)pthread_mutex_unlock(&a->lock);
	if (rc == -ECANCELED)
		return weir_error_set(err, rc, NULL, NULL, "the query was ended before its answer");
	if (rc == -EPROTO && !*err->what)
		return weir_error_set(err, rc, "store", NULL, "the store's answer broke off, or is not what was asked for");
	if (rc == -ENOMEM)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	return rc;
}

/* What is asked of every question, and its own parameters behind; one that has more ends early, which no caller's has. */
static void put_settings(struct weir_client_setting *out, const struct weir_client_setting *own, unsigned owns,
			 const struct weir_client_setting *parameters)
{
	unsigned n = 0;

	for (; n < owns; n++)
		out[n] = own[n];
	for (unsigned i = 0; parameters && parameters[i].name && i < WEIR_WEB_SETTINGS_MAX; i++)
		out[n++] = parameters[i];
	out[n] = (struct weir_client_setting){NULL, NULL};
}

int weir_web_query_run(struct weir_web_query *q, const char *sql, const struct weir_client_setting *parameters,
		       const struct weir_tsv_sink *sink, bool strict, struct weir_error *err)
{
	char comment[WEIR_WEB_ID_MAX + 8];
	const struct weir_client_setting own[] = {
		{"max_execution_time", q->asker->timeout_text},
		{"max_memory_usage", q->asker->memory_text},
		{"log_comment", comment},
		{"cancel_http_readonly_queries_on_client_close", "1"},
		{"default_format", "TabSeparatedWithNamesAndTypes"},
	};
	struct weir_client_setting settings[sizeof(own) / sizeof(own[0]) + WEIR_WEB_SETTINGS_MAX + 1];
	struct weir_tsv tsv = {0};
	int rc = keep_sql(q, sql, parameters);

	(void)snprintf(comment, sizeof(comment), "web:%s", q->id);
	put_settings(settings, own, sizeof(own) / sizeof(own[0]), parameters);
	if (!rc && atomic_load(&q->cancelled))
		return failed(q, -ECANCELED, strict, err);
	if (!rc)
		rc = weir_tsv_init(&tsv, sink);
	if (rc)
		return failed(q, rc, strict, err);
	weir_client_set_stop(q->client, shall_stop, q);
	rc = weir_client_stream(q->client, sql, settings, 1, weir_tsv_feed, &tsv, err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	weir_tsv_done(&tsv);
	return rc ? failed(q, rc, strict, err) : 0;
}

int weir_web_query_tell(struct weir_web_query *q, const char *sql, const struct weir_client_setting *parameters,
			struct weir_error *err)
{
	const struct weir_client_setting own[] = {{"max_execution_time", q->asker->timeout_text}};
	struct weir_client_setting settings[1 + WEIR_WEB_SETTINGS_MAX + 1];
	int rc;

	put_settings(settings, own, 1, parameters);
	weir_client_set_stop(q->client, NULL, NULL);
	rc = weir_client_query(q->client, sql, settings, 0, NULL, err);
	return rc ? failed(q, rc, true, err) : 0;
}

int weir_web_query_code(const struct weir_web_query *q)
{
	return q->code;
}

void weir_web_query_used_rollup(struct weir_web_query *q)
{
	q->rollup = true;
}

const char *weir_web_query_id(const struct weir_web_query *q)
{
	return q->id;
}

/* --- telling ---------------------------------------------------------------------------------------------- */

static double elapsed_ms(const struct weir_web_query *q)
{
	return (double)(now_ns(q->asker) - q->start_ns) / (double)WEIR_NS_PER_MS;
}

void weir_web_query_json(const struct weir_web_query *q, struct weir_json *json)
{
	weir_json_open(json, "query", '{');
	weir_json_text(json, "id", q->id);
	weir_json_open(json, "sql", '[');
	for (size_t at = 0; at < q->sql.len; at += strlen((const char *)q->sql.data + at) + 1)
		weir_json_text(json, NULL, (const char *)q->sql.data + at);
	weir_json_close(json, ']');
	weir_json_number(json, "elapsed_ms", elapsed_ms(q));
	weir_json_bool(json, "rollup", q->rollup);
	weir_json_close(json, '}');
}

static void put_running(const struct weir_web_query *q, struct weir_json *json)
{
	weir_json_text(json, "id", q->id);
	weir_json_text(json, "state", atomic_load(&q->cancelled) ? "cancelled" : "running");
	weir_json_text(json, "user", q->user);
	weir_json_text(json, "what", q->what);
	weir_json_number(json, "elapsed_ms", elapsed_ms(q));
}

/* What the store says of the query's present statement: rows read, about how many in all, memory. */
static int ask_progress(struct weir_web_asker *a, const char *id, uint64_t ret_value[3])
{
	struct weir_buffer sql, answer;
	struct weir_error err;
	const char *text;
	int rc;

	weir_buffer_init(&sql);
	weir_buffer_init(&answer);
	/* The id has no sign that would need quoting. A user without the right to look gets no progress. */
	rc = weir_buffer_printf(&sql,
				"SELECT read_rows, total_rows_approx, memory_usage FROM system.processes "
				"WHERE endsWith(Settings['log_comment'], 'web:%s') LIMIT 1 FORMAT TabSeparated",
				id);
	text = rc ? NULL : weir_buffer_cstr(&sql);
	(void)pthread_mutex_lock(&a->control_lock);
	rc = text ? weir_client_query(a->control, text, NULL, 1, &answer, &err) : -ENOMEM;
	(void)pthread_mutex_unlock(&a->control_lock);
	text = rc ? NULL : weir_buffer_cstr(&answer);
	if (!text || sscanf(text, "%" SCNu64 "\t%" SCNu64 "\t%" SCNu64, &ret_value[0], &ret_value[1], &ret_value[2]) != 3)
		rc = -ENOENT;
	weir_buffer_done(&sql);
	weir_buffer_done(&answer);
	return rc;
}

int weir_web_asker_show(struct weir_web_asker *a, const char *id, const char *user, bool cancel, struct weir_json *json)
{
	struct weir_web_query *q;
	uint64_t value[3] = {0};
	bool known;

	(void)pthread_mutex_lock(&a->lock);
	q = find(a, id);
	if (q && user && strcmp(user, q->user) != 0)
		q = NULL;
	if (q) {
		if (cancel)
			atomic_store(&q->cancelled, true);
		weir_json_open(json, NULL, '{');
		put_running(q, json);
	}
	(void)pthread_mutex_unlock(&a->lock);
	if (!q)
		return -ENOENT;
	known = !cancel && ask_progress(a, id, value) == 0;
	if (known) {
		weir_json_whole(json, "read_rows", value[0]);
		weir_json_whole(json, "total_rows", value[1]);
		weir_json_whole(json, "memory_bytes", value[2]);
	}
	weir_json_close(json, '}');
	return 0;
}

/* Their ids first: the store is asked about each without the lock, and one that ends meanwhile is left out. */
void weir_web_asker_list(struct weir_web_asker *a, const char *user, struct weir_json *json)
{
	char ids[WEIR_WEB_QUERIES_MAX][WEIR_WEB_ID_MAX];
	unsigned count = 0;

	(void)pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < a->options.queries_max; i++) {
		const struct weir_web_query *q = &a->query[i];

		if (q->taken && (!user || strcmp(user, q->user) == 0))
			memcpy(ids[count++], q->id, sizeof(q->id));
	}
	(void)pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < count; i++) {
		int rc = weir_web_asker_show(a, ids[i], user, false, json);

		if (rc && rc != -ENOENT)
			json->rc = json->rc ? json->rc : rc;
	}
}

int weir_web_asker_ping(struct weir_web_asker *a, struct weir_error *err)
{
	static const struct weir_client_setting no_database[] = {{"database", ""}, {NULL, NULL}};
	int rc;

	(void)pthread_mutex_lock(&a->control_lock);
	rc = weir_client_query(a->control, "SELECT 1", no_database, 1, NULL, err);
	(void)pthread_mutex_unlock(&a->control_lock);
	return rc;
}

void weir_web_asker_count(struct weir_web_asker *a, struct weir_web_asker_counts *ret_counts)
{
	(void)pthread_mutex_lock(&a->lock);
	*ret_counts = a->counts;
	ret_counts->running = 0;
	for (unsigned i = 0; i < a->options.queries_max; i++)
		ret_counts->running += a->query[i].taken;
	(void)pthread_mutex_unlock(&a->lock);
}
