/* One request is one exchange. It begins with the URL, takes the body in as it arrives, and when that is whole runs the
 * statement in the connection's own thread: rows are read from the query's pipe, other statements run to their end.
 * A request that is refused is read to its end all the same, for a client that is still sending would not see the
 * answer.
 *
 * libmicrohttpd counts a connection as idle while a query works. So its clock is stopped when the request is whole, and
 * set anew with each piece of the answer: a client has IDLE_S for each piece, however long the query takes. */
#include "store/http.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "store/answer.h"

#define CONNECTIONS_MAX	  256
#define CONNECTION_MEMORY (WEIR_REQUEST_URI_MAX + 256 * 1024)
#define IDLE_S		  60
#define PIECE		  (64 * 1024)

struct weir_http {
	struct weir_host *host;
	const struct weir_log *log;
	struct weir_request_policy policy;
	struct MHD_Daemon *daemon;
	int listen_fd;
};

struct exchange {
	struct weir_http *http; /* borrowed */
	char *uri;		/* owned, as sent */
	bool begun;
	bool has_request;
	struct weir_request request;
	struct weir_request_fault fault; /* code 0: none so far */
	bool has_body;
	struct weir_body body;
	struct weir_host_query *query;
	bool has_answer;
	struct weir_answer answer;
	struct MHD_Connection *connection; /* borrowed */
	int64_t start_ns;
	char query_id[40];
};

/* --- answers ---------------------------------------------------------------------------------------------- */

static void stop_clock(struct MHD_Connection *connection)
{
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
}

/* The clock starts at the change from none. */
static void restart_clock(struct MHD_Connection *connection)
{
	stop_clock(connection);
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)IDLE_S);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	(void)MHD_add_response_header(response, name, value);
}

static void add_common_headers(const struct exchange *x, struct MHD_Response *response)
{
	add_header(response, "X-ClickHouse-Server-Display-Name", "weir");
	if (*x->query_id)
		add_header(response, "X-ClickHouse-Query-Id", x->query_id);
	else if (x->has_request && *x->request.query_id)
		add_header(response, "X-ClickHouse-Query-Id", x->request.query_id);
	add_header(response, "X-ClickHouse-Timezone", "UTC");
}

static void add_summary(const struct exchange *x, struct MHD_Response *response, const struct weir_chdb_result *result)
{
	static const struct weir_chdb_result none = {0};
	char text[320];

	if (!result)
		result = &none;
	(void)snprintf(text, sizeof(text),
		       "{\"read_rows\":\"%" PRIu64 "\",\"read_bytes\":\"%" PRIu64 "\",\"written_rows\":\"%" PRIu64
		       "\",\"written_bytes\":\"%" PRIu64
		       "\",\"total_rows_to_read\":\"0\",\"result_rows\":\"0\",\"result_bytes\":\"0\",\"elapsed_ns\":\"%" PRId64
		       "\"}",
		       result->rows_read, result->bytes_read, result->rows_written, result->bytes_written,
		       weir_clock_mono_ns(&weir_clock_system) - x->start_ns);
	add_header(response, "X-ClickHouse-Summary", text);
}

static enum MHD_Result queue(struct exchange *x, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result rc;

	restart_clock(x->connection);
	rc = MHD_queue_response(x->connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result answer_text(struct exchange *x, unsigned status, const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	add_header(response, "Content-Type", "text/html; charset=UTF-8");
	return queue(x, status, response);
}

/* text is whole, as the engine words it; a fault of our own is worded the same way. */
static enum MHD_Result answer_error(struct exchange *x, int code, unsigned status, const char *text)
{
	struct MHD_Response *response;
	struct weir_buffer body;
	char number[16];
	int rc;

	weir_buffer_init(&body);
	if (strncmp(text, "Code: ", 6) == 0)
		rc = weir_buffer_printf(&body, "%s (version %s)\n", text, weir_host_version(x->http->host));
	else
		rc = weir_buffer_printf(&body, "Code: %d. DB::Exception: %s. (version %s)\n", code, text,
					weir_host_version(x->http->host));
	if (rc)
		weir_buffer_reset(&body);
	response = MHD_create_response_from_buffer(body.len, body.data, MHD_RESPMEM_MUST_COPY);
	weir_buffer_done(&body);
	if (!response)
		return MHD_NO;
	(void)snprintf(number, sizeof(number), "%d", code);
	add_common_headers(x, response);
	add_header(response, "X-ClickHouse-Exception-Code", number);
	add_header(response, "Content-Type", "text/plain; charset=UTF-8");
	if (status == 401)
		add_header(response, "WWW-Authenticate", "Basic realm=\"weir\"");
	return queue(x, status, response);
}

static enum MHD_Result answer_fault(struct exchange *x, const struct weir_request_fault *fault)
{
	return answer_error(x, fault->code, (unsigned)fault->status, fault->text);
}

static enum MHD_Result answer_exception(struct exchange *x, const struct weir_chdb_result *result)
{
	struct weir_buffer text;
	enum MHD_Result rc;
	const char *shown;

	weir_buffer_init(&text);
	shown = weir_buffer_append(&text, result->out.data, result->out.len) ? NULL : weir_buffer_cstr(&text);
	rc = answer_error(x, result->code, (unsigned)weir_request_status(result->code), shown ? shown : "");
	weir_buffer_done(&text);
	return rc;
}

static void add_format_headers(const struct exchange *x, struct MHD_Response *response, const char *format, size_t len)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%.*s", (int)len, format);
	add_header(response, "X-ClickHouse-Format", name);
	add_header(response, "Content-Type", weir_request_content_type(format, len));
	if (weir_coding_name(x->request.answer_coding))
		add_header(response, "Content-Encoding", weir_coding_name(x->request.answer_coding));
}

/* --- statements that give rows ---------------------------------------------------------------------------- */

static ssize_t read_answer(void *ctx, uint64_t position, char *buffer, size_t size)
{
	struct exchange *x = ctx;
	ssize_t n;

	(void)position;
	n = weir_answer_read(&x->answer, buffer, size);
	restart_clock(x->connection);
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return n ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

/* Head and file of an answer that is whole. */
static ssize_t read_gathered(void *ctx, uint64_t position, char *buffer, size_t size)
{
	struct exchange *x = ctx;
	const struct weir_answer *answer = &x->answer;
	ssize_t n;

	restart_clock(x->connection);
	if (position < answer->head.len) {
		size_t left = answer->head.len - (size_t)position;

		n = (ssize_t)(left < size ? left : size);
		memcpy(buffer, answer->head.data + position, (size_t)n);
		return n;
	}
	n = pread(answer->file_fd, buffer, size, (off_t)(position - answer->head.len));
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum MHD_Result answer_rows(struct exchange *x, enum weir_answer_state state)
{
	const struct weir_statement *statement = &x->body.statement;
	const struct weir_answer *answer = &x->answer;
	struct MHD_Response *response;

	if (state == WEIR_ANSWER_MORE)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_answer, x, NULL);
	else if (answer->head.len + answer->file_bytes == 0)
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	else
		response = MHD_create_response_from_callback(answer->head.len + answer->file_bytes, PIECE, read_gathered, x,
							     NULL);
	if (!response)
		return MHD_NO;
	add_common_headers(x, response);
	if (statement->format_len)
		add_format_headers(x, response, (const char *)x->body.text.data + statement->format_at,
				   statement->format_len);
	else
		add_format_headers(x, response, x->request.format, strlen(x->request.format));
	add_summary(x, response, state == WEIR_ANSWER_MORE ? NULL : answer->result);
	return queue(x, 200, response);
}

static enum MHD_Result run_rows(struct exchange *x)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct weir_request_fault fault = {.code = 439, .status = 503};
	enum weir_answer_state state;
	int rows_fd = -1;
	int rc = weir_host_start(x->query, &x->body, &rows_fd);

	if (rc) {
		(void)snprintf(fault.text, sizeof(fault.text), "The query cannot be started: %s", strerror(-rc));
		return answer_fault(x, &fault);
	}
	weir_answer_init(&x->answer, x->http->host, x->query, rows_fd, info ? info->connect_fd : -1);
	x->has_answer = true;
	if (weir_host_revises(x->query))
		x->request.answer_coding = WEIR_CODING_NONE;
	state = weir_answer_gather(&x->answer, x->request.wait_end);
	if (state == WEIR_ANSWER_FAILED) {
		fault = (struct weir_request_fault){.code = 243, .status = 500};
		(void)snprintf(fault.text, sizeof(fault.text), "The answer cannot be kept until its end: %s",
			       strerror(x->answer.failure));
		return answer_fault(x, &fault);
	}
	if (state == WEIR_ANSWER_GONE && weir_host_is_stopping(x->http->host)) {
		fault = (struct weir_request_fault){.code = 394, .status = 500, .text = "The store is shutting down"};
		return answer_fault(x, &fault);
	}
	if (state == WEIR_ANSWER_GONE)
		return MHD_NO;
	if (state == WEIR_ANSWER_ENDED && x->answer.result->code)
		return answer_exception(x, x->answer.result);
	return answer_rows(x, state);
}

static enum MHD_Result run_other(struct exchange *x)
{
	const struct weir_chdb_result *result;
	struct weir_request_fault fault = {0};
	struct MHD_Response *response;

	if (weir_host_room(x->query, &x->body, &fault)) {
		weir_body_drop_data(&x->body);
		return answer_fault(x, &fault);
	}
	result = weir_host_run(x->query, &x->body);
	weir_body_drop_data(&x->body); /* whoever has the answer finds nothing left over */
	if (result->code)
		return answer_exception(x, result);
	response = MHD_create_response_from_buffer(result->out.len, result->out.data, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	x->request.answer_coding = WEIR_CODING_NONE;
	add_common_headers(x, response);
	add_format_headers(x, response, x->request.format, strlen(x->request.format));
	add_summary(x, response, result);
	return queue(x, 200, response);
}

/* --- one request ------------------------------------------------------------------------------------------ */

static void make_query_id(char *out, size_t size)
{
	uint8_t b[16] = {0};

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		memset(b, 0, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)snprintf(out, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
		       b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void begin(struct exchange *x, const char *method)
{
	struct weir_request_head head = {
		.method = method,
		.uri = x->uri ? x->uri : "/",
		.host = header(x->connection, "Host"),
		.origin = header(x->connection, "Origin"),
		.fetch_site = header(x->connection, "Sec-Fetch-Site"),
		.content_encoding = header(x->connection, "Content-Encoding"),
		.accept_encoding = header(x->connection, "Accept-Encoding"),
		.format = header(x->connection, "X-ClickHouse-Format"),
		.database = header(x->connection, "X-ClickHouse-Database"),
	};
	bool known = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "POST") == 0;

	x->begun = true;
	x->start_ns = weir_clock_mono_ns(&weir_clock_system);
	x->has_request = true;
	if (weir_request_init(&x->request, &head, &x->http->policy, &x->fault))
		return;
	if (!known)
		x->fault = (struct weir_request_fault){48, 501, "Only GET, HEAD and POST are understood"};
	else if (strcmp(x->request.path, "/") == 0 && (*x->request.query || strcmp(method, "POST") == 0)) {
		weir_body_init(&x->body, weir_host_incoming(x->http->host), &x->request);
		x->has_body = true;
	}
}

static enum MHD_Result answer_path(struct exchange *x)
{
	static const char *const alive[] = {"/", "/ping", "/replicas_status"};
	char text[128];

	for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++) {
		if (strcmp(x->request.path, alive[i]) == 0)
			return answer_text(x, 200, "Ok.\n");
	}
	(void)snprintf(text, sizeof(text), "There is no handle %.64s; queries go to /?query=\n", x->request.path);
	return answer_text(x, 404, text);
}

static enum MHD_Result finish(struct exchange *x)
{
	stop_clock(x->connection);
	if (x->fault.code)
		return answer_fault(x, &x->fault);
	if (!x->has_body)
		return answer_path(x);
	if (!*x->request.query_id)
		make_query_id(x->query_id, sizeof(x->query_id));
	if (weir_body_finish(&x->body))
		return answer_fault(x, &x->body.fault);
	if (weir_host_begin(x->http->host, &x->request, &x->query, &x->fault))
		return answer_fault(x, &x->fault);
	if (x->body.statement.kind == WEIR_STATEMENT_ROWS)
		return run_rows(x);
	return run_other(x);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	struct exchange *x = *state;

	(void)ctx, (void)url, (void)version;
	if (!x)
		return MHD_NO;
	x->connection = connection;
	if (!x->begun) {
		begin(x, method);
		return MHD_YES;
	}
	if (*len) {
		if (!x->fault.code && x->has_body)
			weir_body_add(&x->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return finish(x);
}

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->http = ctx;
	x->connection = connection;
	x->uri = strdup(uri);
	return x;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *state;

	(void)ctx, (void)connection, (void)why;
	if (!x)
		return;
	weir_host_end(x->query);
	if (x->has_answer)
		weir_answer_done(&x->answer);
	if (x->has_body)
		weir_body_done(&x->body);
	if (x->has_request)
		weir_request_done(&x->request);
	free(x->uri);
	free(x);
	*state = NULL;
}

/* --- the server ------------------------------------------------------------------------------------------- */

static int bind_one(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
	int one = 1;
	int saved;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	return -saved;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	char port[16] = "0";

	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		(void)getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	return (unsigned)atoi(port);
}

static int split_address(const char *address, char *host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	const char *start = address;
	const char *end = colon;

	if (!colon || !colon[1])
		return -EINVAL;
	if (*start == '[' && end > start && end[-1] == ']') {
		start++;
		end--;
	}
	if ((size_t)(end - start) >= size)
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	if (strcmp(host, "*") == 0)
		*host = '\0';
	*ret_port = colon + 1;
	return 0;
}

int weir_http_listen(const char *address, int *ret_fd, unsigned *ret_port, struct weir_error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[256];
	const char *port = NULL;
	int fd = -EADDRNOTAVAIL;
	int rc;

	if (split_address(address, host, sizeof(host), &port))
		return weir_error_set(err, -EINVAL, "store.listen", "write it as 127.0.0.1:8123",
				      "\"%s\" is not an address to listen on", address);
	rc = getaddrinfo(*host ? host : NULL, port, &hints, &list);
	if (rc)
		return weir_error_set(err, -EADDRNOTAVAIL, "store.listen", "check store.listen", "%s: %s", address,
				      gai_strerror(rc));
	for (const struct addrinfo *i = list; i && fd < 0; i = i->ai_next)
		fd = bind_one(i);
	freeaddrinfo(list);
	if (fd == -EADDRINUSE)
		return weir_error_set(err, fd, address, "stop what listens there, or set another store.listen",
				      "another program has this port");
	if (fd < 0)
		return weir_error_set(err, fd, address, "check store.listen", "cannot listen: %s", strerror(-fd));
	if (ret_port)
		*ret_port = port_of(fd);
	*ret_fd = fd;
	return 0;
}

static void on_log(void *ctx, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *ctx, const char *fmt, va_list args)
{
	const struct weir_http *http = ctx;
	char text[512];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	weir_log(http->log, WEIR_LOG_DEBUG, "http: %s", text);
}

int weir_http_start(const struct weir_http_options *options, struct weir_http **ret_http, struct weir_error *err)
{
	struct weir_http *http = calloc(1, sizeof(*http));

	if (!http)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	http->host = options->host;
	http->log = options->log;
	http->policy.listen_host = options->listen_host;
	http->listen_fd = options->listen_fd;
	http->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG |
			MHD_USE_ITC,
		0, NULL, NULL, on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, on_log, http, MHD_OPTION_LISTEN_SOCKET,
		http->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
	if (!http->daemon) {
		free(http);
		return weir_error_set(err, -EIO, NULL, NULL, "the HTTP server cannot be started");
	}
	*ret_http = http;
	return 0;
}

void weir_http_stop(struct weir_http *http, unsigned patience_ms)
{
	const struct timespec tick = {.tv_nsec = 20000000};

	if (!http)
		return;
	weir_host_stop(http->host);
	(void)MHD_quiesce_daemon(http->daemon);
	for (unsigned waited = 0; weir_host_running(http->host) && waited < patience_ms; waited += 20)
		(void)nanosleep(&tick, NULL);
	if (weir_host_running(http->host))
		weir_host_kill_all(http->host);
	MHD_stop_daemon(http->daemon);
	(void)close(http->listen_fd);
	free(http);
}
