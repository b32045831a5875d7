/* The client of a store, over libcurl.
 *
 * One call is one POST. Database, settings and query parameters stand URL-encoded in the query string, the SQL is the
 * body; for an INSERT the SQL moves to the query string and the data is the body, read from its file as it is sent.
 * User and password travel in headers only, so no log of URLs ever holds them. The connection is kept alive from
 * call to call; curl opens a new one when the old one has died.
 *
 * ClickHouse reports a failure in three places, and all three are looked at: the HTTP status, the header
 * X-ClickHouse-Exception-Code (which can come with status 200), and, once the answer has begun, by cutting it off.
 * weir_client_query() asks with wait_end_of_query, so that its answers are whole or are errors.
 *
 * After an error that is not the store's own (weir_client_exception_code() is 0) the outcome of an insert is
 * unknown: whoever retries gives the same deduplication token. */
#include "store/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ERROR_TEXT_MAX	  (64 * 1024)
#define ANSWER_MAX	  (1024UL * 1024 * 1024)
#define CONNECT_TIMEOUT_S 5L
#define DEFAULT_TIMEOUT_S 60

struct weir_client {
	CURL *curl;
	char *url;	/* without a slash at its end */
	char *database;
	char *user;
	struct curl_slist *auth; /* the headers of every call */
	int exception_code;
	int (*stop)(void *ctx);
	void *stop_ctx; /* borrowed */
};

/* What one call gathers while its answer arrives. */
struct call {
	struct weir_client *client;
	int (*take)(void *ctx, const void *data, size_t len);
	void *ctx;
	int take_rc;		     /* the first negative return of take() */
	struct weir_buffer error_text; /* the body of an answer that is an error */
	int is_store;		     /* some X-ClickHouse- header was seen */
	int file_fd;		     /* of the data to insert; below 0: the body is the SQL */
	int file_failed;
};

static char *copy_text(const char *text)
{
	return strdup(text ? text : "");
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct weir_buffer line;
	struct curl_slist *longer = NULL;
	const char *text = NULL;

	weir_buffer_init(&line);
	if (weir_buffer_printf(&line, "%s: %s", name, value) == 0)
		text = weir_buffer_cstr(&line);
	if (text)
		longer = curl_slist_append(*list, text);
	weir_buffer_done(&line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* A header's value must stay one line: what follows a line end would be a header of its own. */
static int is_one_line(const char *value)
{
	return !value || !strpbrk(value, "\r\n");
}

static int init_auth(struct weir_client *client, const struct weir_client_options *options, struct weir_error *err)
{
	int rc = 0;

	if (!is_one_line(options->user) || !is_one_line(options->password)) {
		return weir_error_set(err, -EINVAL, NULL, "check store.user and store.password_file",
				      "the store's user and password must each be one line");
	}
	if (options->user && *options->user)
		rc = add_header(&client->auth, "X-ClickHouse-User", options->user);
	if (!rc && options->password && *options->password)
		rc = add_header(&client->auth, "X-ClickHouse-Key", options->password);
	/* No "Expect: 100-continue": a store that does not know it would cost a second an insert. */
	if (!rc)
		rc = add_header(&client->auth, "Content-Type", "application/octet-stream");
	if (!rc) {
		struct curl_slist *longer = curl_slist_append(client->auth, "Expect:");

		if (longer)
			client->auth = longer;
		else
			rc = -ENOMEM;
	}
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct weir_client *client = ctx;

	(void)down_total, (void)down, (void)up_total, (void)up;
	return client->stop && client->stop(client->stop_ctx);
}

static int init_curl(struct weir_client *client, long timeout_s)
{
	CURL *c = curl_easy_init();

	if (!c)
		return -ENOMEM;
	client->curl = c;
	if (curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.0/8,::1") ||
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) || curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L) ||
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) ||
	    curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout_s) || curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) ||
	    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) ||
	    curl_easy_setopt(c, CURLOPT_XFERINFODATA, client) ||
	    curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024) ||
	    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L * 1024))
		return -ENOSYS;
	return 0;
}

int weir_client_new(const struct weir_client_options *options, struct weir_client **ret_client,
		    struct weir_error *err)
{
	struct weir_client *client;
	size_t len;
	int rc;

	if (!options->url || (strncmp(options->url, "http://", 7) != 0 && strncmp(options->url, "https://", 8) != 0)) {
		return weir_error_set(err, -EINVAL, "store.url", "write it as http://HOST:8123 or https://HOST:8443",
				      "\"%s\" is not the address of a store", options->url ? options->url : "");
	}
	client = calloc(1, sizeof(*client));
	if (!client)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	client->url = copy_text(options->url);
	client->database = copy_text(options->database);
	client->user = copy_text(options->user);
	rc = init_auth(client, options, err);
	if (rc)
		goto fail;
	if (!client->url || !client->database || !client->user) {
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
		goto fail;
	}
	for (len = strlen(client->url); len && client->url[len - 1] == '/'; len--)
		client->url[len - 1] = '\0';
	rc = init_curl(client, options->timeout_s > 0 ? options->timeout_s : DEFAULT_TIMEOUT_S);
	if (rc) {
		weir_error_set(err, rc, NULL, NULL, "libcurl cannot be set up");
		goto fail;
	}
	*ret_client = client;
	return 0;
fail:
	weir_client_free(client);
	return rc;
}

void weir_client_free(struct weir_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->auth);
	free(client->url);
	free(client->database);
	free(client->user);
	free(client);
}

void weir_client_set_stop(struct weir_client *client, int (*stop)(void *ctx), void *ctx)
{
	client->stop = stop;
	client->stop_ctx = ctx;
}

const char *weir_client_database(const struct weir_client *client)
{
	return client->database;
}

int weir_client_exception_code(const struct weir_client *client)
{
	return client->exception_code;
}

static int add_parameter(struct weir_client *client, struct weir_buffer *url, const char *name, const char *value)
{
	char *escaped_name = curl_easy_escape(client->curl, name, 0);
	char *escaped = *value ? curl_easy_escape(client->curl, value, 0) : NULL;
	int rc = -ENOMEM;

	if (escaped_name && (escaped || !*value))
		rc = weir_buffer_printf(url, "&%s=%s", escaped_name, escaped ? escaped : "");
	curl_free(escaped_name);
	curl_free(escaped);
	return rc;
}

/* The store reads the value of a query parameter as TabSeparated has it: a backslash begins an escape, a tab or newline ends it. */
static int add_query_parameter(struct weir_client *client, struct weir_buffer *url, const char *name, const char *value)
{
	struct weir_buffer text;
	const char *escaped;
	int rc = 0;

	weir_buffer_init(&text);
	for (; !rc && *value; value++) {
		if (*value == '\\')
			rc = weir_buffer_text(&text, "\\\\");
		else if (*value == '\t')
			rc = weir_buffer_text(&text, "\\t");
		else if (*value == '\n')
			rc = weir_buffer_text(&text, "\\n");
		else
			rc = weir_buffer_append(&text, value, 1);
	}
	escaped = rc ? NULL : weir_buffer_cstr(&text);
	rc = escaped ? add_parameter(client, url, name, escaped) : -ENOMEM;
	weir_buffer_done(&text);
	return rc;
}

/* URL/?database=…&SETTINGS…; sql is for inserts, whose body is data. */
static int build_url(struct weir_client *client, const struct weir_client_setting *settings, int readonly,
		     int whole, const char *sql, struct weir_buffer *url)
{
	const char *database = client->database;
	int rc = weir_buffer_printf(url, "%s/?wait_end_of_query=%d", client->url, whole);

	for (; !rc && settings && settings->name; settings++) {
		if (strcmp(settings->name, "database") == 0)
			database = settings->value;
		else
			rc = (strncmp(settings->name, "param_", 6) == 0 ? add_query_parameter : add_parameter)(client, url, settings->name,
													       settings->value);
	}
	if (!rc && *database)
		rc = add_parameter(client, url, "database", database);
	/* Behind the settings: a store that goes through them in turn may refuse any after this one. */
	if (!rc && readonly)
		rc = add_parameter(client, url, "readonly", "1");
	if (!rc && sql)
		rc = add_parameter(client, url, "query", sql);
	return rc;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	static const char code_name[] = "X-ClickHouse-Exception-Code:";
	struct call *call = ctx;
	size_t len = size * n;

	if (len > 13 && strncasecmp(data, "X-ClickHouse-", 13) == 0)
		call->is_store = 1;
	if (len > sizeof(code_name) && strncasecmp(data, code_name, sizeof(code_name) - 1) == 0) {
		char text[16] = {0};
		size_t rest = len - (sizeof(code_name) - 1);

		memcpy(text, data + sizeof(code_name) - 1, rest < sizeof(text) - 1 ? rest : sizeof(text) - 1);
		call->client->exception_code = (int)strtol(text, NULL, 10);
	}
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	size_t len = size * n;
	long status = 0;

	(void)curl_easy_getinfo(call->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 || call->client->exception_code) {
		size_t room = ERROR_TEXT_MAX - call->error_text.len;

		if (weir_buffer_append(&call->error_text, data, len < room ? len : room))
			return 0;
		return len;
	}
	if (call->take)
		call->take_rc = call->take(call->ctx, data, len);
	return call->take_rc < 0 ? 0 : len;
}

/* "Code: 60. DB::Exception: Table … (UNKNOWN_TABLE) (version 26.5.1.1)\nmore" to "Table … (UNKNOWN_TABLE)". */
static void trim_exception(char *text)
{
	static const char marker[] = "DB::Exception: ";
	char *end = strchr(text, '\n');
	char *p;

	if (end)
		*end = '\0';
	p = strstr(text, " (version ");
	if (p)
		*p = '\0';
	p = strstr(text, marker);
	if (p && strncmp(text, "Code: ", 6) == 0)
		memmove(text, p + sizeof(marker) - 1, strlen(p + sizeof(marker) - 1) + 1);
	for (p = text + strlen(text); p > text && (p[-1] == ' ' || p[-1] == '\r'); p--)
		p[-1] = '\0';
}

/* A code in the text counts where an old server or a proxy left the header out. */
static int code_in_text(const char *text)
{
	return strncmp(text, "Code: ", 6) == 0 ? (int)strtol(text + 6, NULL, 10) : 0;
}

#define CODE_WRONG_PASSWORD	   193
#define CODE_REQUIRED_PASSWORD	   194
#define CODE_ACCESS_DENIED	   497
#define CODE_AUTHENTICATION_FAILED 516
#define CODE_MEMORY_LIMIT	   241

static const char *next_for_code(int code)
{
	switch (code) {
	case CODE_WRONG_PASSWORD:
	case CODE_REQUIRED_PASSWORD:
	case CODE_AUTHENTICATION_FAILED:
		return "check store.user and store.password_file";
	case CODE_ACCESS_DENIED:
		return "grant this to the store's user, or set another store.user";
	case CODE_MEMORY_LIMIT:
		return "ask for less (a shorter window, fewer columns to group by), or make store.memory_max larger";
	default:
		return NULL;
	}
}

static int fail_by_answer(struct call *call, long status, struct weir_error *err)
{
	struct weir_client *client = call->client;
	char *text = (char *)(uintptr_t)weir_buffer_cstr(&call->error_text);

	if (!text)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (!client->exception_code)
		client->exception_code = code_in_text(text);
	if (!client->exception_code && !call->is_store) {
		return weir_error_set(err, -EPROTO, NULL, "check store.url",
				      "what answers at %s is not a ClickHouse store (HTTP status %ld)", client->url,
				      status);
	}
	trim_exception(text);
	if (!*text) {
		return weir_error_set(err, -EREMOTEIO, "store", next_for_code(client->exception_code),
				      "the store at %s failed with HTTP status %ld and code %d", client->url, status,
				      client->exception_code);
	}
	return weir_error_set(err, -EREMOTEIO, "store", next_for_code(client->exception_code), "%s", text);
}

/* What curl's failures mean to a person. */
static const struct failure {
	CURLcode code;
	int rc;
	const char *what;
	const char *next;
} FAILURES[] = {
#define START_STORE "start `weir run` or set store.url"
	{CURLE_COULDNT_CONNECT, -ECONNREFUSED, "no store answers at", START_STORE},
	{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, "no store answers at", "check the name in store.url"},
	{CURLE_URL_MALFORMAT, -EINVAL, "this is not the address of a store:", "check store.url"},
	{CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "the store did not answer in time at", NULL},
	{CURLE_ABORTED_BY_CALLBACK, -ECANCELED, "given up waiting for the store at", NULL},
	{CURLE_UNSUPPORTED_PROTOCOL, -EPROTO, "what answers is not a ClickHouse store at", "check store.url"},
	{CURLE_WEIRD_SERVER_REPLY, -EPROTO, "what answers is not a ClickHouse store at", "check store.url"},
	{CURLE_PEER_FAILED_VERIFICATION, -EACCES, "the store's certificate is not trusted at",
	 "install its certificate authority, or correct store.url"},
	{CURLE_PARTIAL_FILE, -ECONNRESET, "the store cut its answer short at", NULL},
	{CURLE_GOT_NOTHING, -ECONNRESET, "the store closed the connection without an answer at", NULL},
	{CURLE_RECV_ERROR, -ECONNRESET, "the connection to the store broke at", NULL},
	{CURLE_SEND_ERROR, -ECONNRESET, "the connection to the store broke at", NULL},
	{CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory while talking to", NULL},
	{CURLE_OK, -EIO, "the store cannot be talked to at", NULL}, /* the last: all others */
};

static int fail_by_curl(struct call *call, CURLcode code, const char *detail, struct weir_error *err)
{
	const struct failure *f = FAILURES;

	if (call->take_rc < 0)
		return weir_error_set(err, call->take_rc, NULL, NULL, "the answer was not taken: %s",
				      strerror(-call->take_rc));
	if (call->file_failed)
		return weir_error_set(err, -EIO, NULL, NULL, "the data to insert cannot be read: %s",
				      strerror(call->file_failed));
	while (f->code != CURLE_OK && f->code != code)
		f++;
	return weir_error_set(err, f->rc, NULL, f->next, "%s %s: %s", f->what, call->client->url,
			      *detail ? detail : curl_easy_strerror(code));
}

/* curl goes on with a new connection when a kept one turns out to be dead, unless it finds out while it sends the body: the
 * store was restarted between a look at the connection and the body's first byte. That is done here. */
static CURLcode send_and_take(struct call *call)
{
	CURL *c = call->client->curl;
	CURLcode code = curl_easy_perform(c);
	long status = 0;
	long connects = 0;

	if (code != CURLE_SEND_ERROR)
		return code;
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &connects);
	if (status || connects || (call->file_fd >= 0 && lseek(call->file_fd, 0, SEEK_SET) < 0))
		return code;
	return curl_easy_perform(c);
}

/* Send what is set up in the handle and take the answer in. */
static int perform(struct call *call, const char *url, struct curl_slist *headers, struct weir_error *err)
{
	CURL *c = call->client->curl;
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode code;
	long status = 0;
	int rc = 0;

	call->client->exception_code = 0;
	weir_buffer_init(&call->error_text);
	if (curl_easy_setopt(c, CURLOPT_URL, url) || curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) ||
	    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail) ||
	    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) ||
	    curl_easy_setopt(c, CURLOPT_HEADERDATA, call) || curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) ||
	    curl_easy_setopt(c, CURLOPT_WRITEDATA, call))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	code = send_and_take(call);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	/* An error that the store still got out tells more than the connection that it cut then. */
	if ((status && status != 200) || call->client->exception_code)
		rc = fail_by_answer(call, status, err);
	else if (code != CURLE_OK)
		rc = fail_by_curl(call, code, detail, err);
	weir_buffer_done(&call->error_text);
	return rc;
}

static int post(struct call *call, const char *sql, const struct weir_client_setting *settings, int readonly,
		int whole, struct weir_error *err)
{
	CURL *c = call->client->curl;
	struct weir_buffer url;
	const char *url_text = NULL;
	int rc;

	weir_buffer_init(&url);
	rc = build_url(call->client, settings, readonly, whole, NULL, &url);
	if (!rc)
		url_text = weir_buffer_cstr(&url);
	if (!url_text || curl_easy_setopt(c, CURLOPT_POST, 1L) || curl_easy_setopt(c, CURLOPT_READFUNCTION, NULL) ||
	    curl_easy_setopt(c, CURLOPT_POSTFIELDS, sql) ||
	    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(sql)))
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	else
		rc = perform(call, url_text, call->client->auth, err);
	weir_buffer_done(&url);
	return rc;
}

int weir_client_stream(struct weir_client *client, const char *sql, const struct weir_client_setting *settings,
		       int readonly, int (*take)(void *ctx, const void *data, size_t len), void *ctx,
		       struct weir_error *err)
{
	struct call call = {.client = client, .take = take, .ctx = ctx, .file_fd = -1};

	return post(&call, sql, settings, readonly, 0, err);
}

static int take_to_buffer(void *ctx, const void *data, size_t len)
{
	struct weir_buffer *out = ctx;

	if (out->len + len > ANSWER_MAX)
		return -EFBIG;
	return weir_buffer_append(out, data, len);
}

int weir_client_query(struct weir_client *client, const char *sql, const struct weir_client_setting *settings,
		      int readonly, struct weir_buffer *out, struct weir_error *err)
{
	struct call call = {.client = client, .take = out ? take_to_buffer : NULL, .ctx = out, .file_fd = -1};
	size_t before = out ? out->len : 0;
	int rc = post(&call, sql, settings, readonly, 1, err);

	if (rc && out)
		out->len = before;
	return rc;
}

static size_t on_read(char *data, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	ssize_t got;

	do {
		got = read(call->file_fd, data, size * n);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		call->file_failed = errno;
		return CURL_READFUNC_ABORT;
	}
	return (size_t)got;
}

/* curl sends the body anew when a kept connection turns out to be dead. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	const struct call *call = ctx;

	return lseek(call->file_fd, (off_t)offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static int post_file(struct call *call, const char *url, curl_off_t size, const char *encoding,
		     struct weir_error *err)
{
	struct weir_client *client = call->client;
	CURL *c = client->curl;
	struct curl_slist coding = {.next = client->auth};
	char line[64];

	(void)snprintf(line, sizeof(line), "Content-Encoding: %s", encoding ? encoding : "");
	coding.data = line;
	if (curl_easy_setopt(c, CURLOPT_POST, 1L) || curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL) ||
	    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, size) ||
	    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read) || curl_easy_setopt(c, CURLOPT_READDATA, call) ||
	    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek) || curl_easy_setopt(c, CURLOPT_SEEKDATA, call))
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	return perform(call, url, encoding ? &coding : client->auth, err);
}

int weir_client_insert_file(struct weir_client *client, const char *sql, const struct weir_client_setting *settings,
			    const char *path, const char *encoding, struct weir_error *err)
{
	struct call call = {.client = client, .file_fd = open(path, O_RDONLY | O_CLOEXEC)};
	struct weir_buffer url;
	const char *url_text = NULL;
	struct stat st;
	int rc;

	client->exception_code = 0;
	if (call.file_fd < 0 || fstat(call.file_fd, &st)) {
		rc = weir_error_set(err, -errno, path, NULL, "cannot be read: %s", strerror(errno));
		if (call.file_fd >= 0)
			(void)close(call.file_fd);
		return rc;
	}
	weir_buffer_init(&url);
	rc = build_url(client, settings, 0, 1, sql, &url);
	if (!rc)
		url_text = weir_buffer_cstr(&url);
	if (url_text)
		rc = post_file(&call, url_text, (curl_off_t)st.st_size, encoding, err);
	else
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	weir_buffer_done(&url);
	(void)close(call.file_fd);
	return rc;
}
