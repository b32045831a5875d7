/* libmicrohttpd's side: sockets, TLS, the head of a request into a call, the bytes of an answer with the headers that every
 * answer has. A thread a connection: handlers wait for the store. */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metrics.h"
#include "web/call.h"

#define CONNECTIONS_MAX	  256
#define PER_ADDRESS_MAX	  96
#define CONNECTION_MEMORY (192 * 1024) /* the head of a request: a filter of 32 kB may be percent-encoded threefold */
#define IDLE_S		  60
#define PEM_MAX		  (1024L * 1024)
#define LISTENERS_MAX	  8

struct exchange {
	struct weir_web_call call;
	char *uri; /* owned, as sent */
	bool begun;
	bool too_large;
	struct weir_buffer body;
};

/* --- answers ---------------------------------------------------------------------------------------------- */

/* Scripts, styles and pictures from here only. ECharts' tooltips have style attributes; nothing else is inline. */
static const struct {
	const char *name, *value;
} HEADERS[] = {
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; "
	 "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
	 "frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
	{"Vary", "Accept-Encoding, Cookie, Authorization"},
};

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	(void)MHD_add_response_header(response, name, value);
}

static void add_headers(const struct weir_web_call *call, struct MHD_Response *response)
{
	const struct weir_web_answer *a = &call->answer;
	char text[128];

	for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++)
		add(response, HEADERS[i].name, HEADERS[i].value);
	if (call->tls)
		add(response, "Strict-Transport-Security", "max-age=31536000");
	if (a->type)
		add(response, "Content-Type", a->type);
	add(response, "Cache-Control", a->cache ? a->cache : "no-store");
	if (a->etag)
		add(response, "ETag", a->etag);
	if (a->encoding)
		add(response, "Content-Encoding", a->encoding);
	if (*a->cookie)
		add(response, "Set-Cookie", a->cookie);
	if (*a->query_id)
		add(response, "X-Weir-Query-Id", a->query_id);
	if (*a->file_name) {
		(void)snprintf(text, sizeof(text), "attachment; filename=\"%s\"", a->file_name);
		add(response, "Content-Disposition", text);
	}
	if (a->retry_after_s) {
		(void)snprintf(text, sizeof(text), "%u", a->retry_after_s);
		add(response, "Retry-After", text);
	}
	if (a->status == 401)
		add(response, "WWW-Authenticate", "Bearer realm=\"weir\"");
}

/* The file, and what stands behind it in memory. */
static ssize_t read_file(void *ctx, uint64_t position, char *buffer, size_t size)
{
	const struct weir_web_answer *a = &((const struct exchange *)ctx)->call.answer;
	ssize_t n;

	if (position >= a->file_bytes) {
		size_t at = (size_t)(position - a->file_bytes);
		size_t left = a->body.len - at;

		n = (ssize_t)(left < size ? left : size);
		memcpy(buffer, a->body.data + at, (size_t)n);
		return n;
	}
	if (size > a->file_bytes - position)
		size = (size_t)(a->file_bytes - position);
	n = pread(a->file_fd, buffer, size, (off_t)position);
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_of(struct exchange *x)
{
	struct weir_web_answer *a = &x->call.answer;

	if (a->fixed)
		return MHD_create_response_from_buffer(a->fixed_len, (void *)(uintptr_t)a->fixed, MHD_RESPMEM_PERSISTENT);
	if (a->file_fd >= 0)
		return MHD_create_response_from_callback(a->file_bytes + a->body.len, 64 * 1024, read_file, x, NULL);
	return MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct exchange *x, struct MHD_Connection *connection)
{
	struct MHD_Response *response = response_of(x);
	enum MHD_Result rc;

	if (!response)
		return MHD_NO;
	add_headers(&x->call, response);
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)IDLE_S);
	rc = MHD_queue_response(connection, x->call.answer.status, response);
	MHD_destroy_response(response);
	return rc;
}

/* --- requests --------------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void take_address(const struct sockaddr *sa, struct weir_addr *ret_addr)
{
	if (sa && sa->sa_family == AF_INET)
		*ret_addr = weir_addr_from_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa && sa->sa_family == AF_INET6)
		memcpy(ret_addr->byte, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof(ret_addr->byte));
}

/* The proxy's headers count only where it is the one that asks. */
static void take_peer(struct weir_web_call *call, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct weir_config *config = call->web->options.config;
	bool trusted = false;

	if (info)
		take_address(info->client_addr, &call->peer);
	for (unsigned i = 0; i < config->web_proxy_from.count; i++)
		trusted = trusted || weir_web_prefix_holds(config->web_proxy_from.item[i], &call->peer);
	if (trusted) {
		if (*config->web_proxy_user_header)
			call->head.proxy_user = header(connection, config->web_proxy_user_header);
		(void)weir_web_forwarded(header(connection, "X-Forwarded-For"), &call->peer);
	}
	(void)weir_addr_text(&call->peer, call->peer_text);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	call->client_fd = info ? info->connect_fd : -1;
}

static void take_head(struct exchange *x, struct MHD_Connection *connection, const char *method)
{
	char *query = strchr(x->uri, '?');

	if (query)
		*query++ = '\0';
	x->call.head = (struct weir_web_head){
		.method = method,
		.path = x->uri,
		.query = query ? query : "",
		.host = header(connection, "Host"),
		.origin = header(connection, "Origin"),
		.fetch_site = header(connection, "Sec-Fetch-Site"),
		.cookie = header(connection, "Cookie"),
		.authorization = header(connection, "Authorization"),
		.csrf = header(connection, "X-Weir-CSRF"),
		.content_type = header(connection, "Content-Type"),
		.if_none_match = header(connection, "If-None-Match"),
		.accept_encoding = header(connection, "Accept-Encoding"),
	};
	x->call.tls = x->call.web->certificate != NULL;
	take_peer(&x->call, connection);
}

static void too_large(struct exchange *x)
{
	(void)weir_error_set(&x->call.err, -E2BIG, "body", NULL, "the body is longer than %lu bytes", WEIR_WEB_BODY_MAX);
	weir_web_fail(&x->call, -E2BIG);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	struct exchange *x = *state;

	(void)ctx, (void)url, (void)version;
	if (!x || !x->uri)
		return MHD_NO;
	if (!x->begun) {
		x->begun = true;
		take_head(x, connection, method);
		return MHD_YES;
	}
	if (*len) {
		x->too_large = x->too_large || x->body.len + *len > WEIR_WEB_BODY_MAX || weir_buffer_append(&x->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	/* A connection counts as idle while the store works. */
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	x->call.body = x->body.data;
	x->call.body_len = x->body.len;
	if (x->too_large)
		too_large(x);
	else
		weir_web_answer(&x->call);
	weir_web_query_end(x->call.query);
	x->call.query = NULL;
	return send_answer(x, connection);
}

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = calloc(1, sizeof(*x));

	(void)connection;
	if (!x)
		return NULL;
	weir_web_call_init(&x->call, ctx);
	weir_buffer_init(&x->body);
	x->uri = strdup(uri);
	return x;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *state;

	(void)ctx, (void)connection, (void)why;
	if (!x)
		return;
	weir_web_call_done(&x->call);
	weir_buffer_done(&x->body);
	free(x->uri);
	free(x);
	*state = NULL;
}

/* --- sockets ---------------------------------------------------------------------------------------------- */

bool weir_web_is_loopback(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 || strncmp(listen, "localhost:", 10) == 0;
}

static int bind_one(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
	int one = 1;
	int zero = 0;
	int saved;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	return -saved;
}

static int fail_listen(const char *address, int rc, struct weir_error *err)
{
	if (rc == -EADDRINUSE)
		return weir_error_set(err, rc, address, "end it, or set another port with web.listen", "another program has this port");
	if (rc == -EACCES)
		return weir_error_set(err, rc, address, "take a port above 1023 in web.listen", "this port is for root alone");
	return weir_error_set(err, rc, address, "set web.listen to an address of this machine", "cannot listen here: %s", strerror(-rc));
}

/* "HOST:PORT", "[v6]:PORT", "*:PORT", as the configuration has checked it. */
static int listen_at(const char *address, struct weir_error *err)
{
	static const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(address, ':');
	struct addrinfo *all = NULL;
	char host[256];
	int rc = -EADDRNOTAVAIL;
	int found;

	if (!colon || colon - address >= (ptrdiff_t)sizeof(host))
		return weir_error_set(err, -EINVAL, address, "write it as 127.0.0.1:8055", "this is not an address");
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (*host == '[')
		(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - address) - 2, address + 1);
	if (strcmp(host, "*") == 0 || !*host)
		(void)snprintf(host, sizeof(host), "::");
	found = getaddrinfo(host, colon + 1, &hints, &all);
	if (found)
		return weir_error_set(err, -EINVAL, address, "set web.listen to an address of this machine", "%s", gai_strerror(found));
	for (const struct addrinfo *info = all; info && rc < 0; info = info->ai_next)
		rc = bind_one(info);
	freeaddrinfo(all);
	if (rc == -EAFNOSUPPORT && strcmp(host, "::") == 0) { /* a kernel without IPv6 */
		char v4[32];

		(void)snprintf(v4, sizeof(v4), "0.0.0.0:%.16s", colon + 1);
		return listen_at(v4, err);
	}
	return rc < 0 ? fail_listen(address, rc, err) : rc;
}

int weir_web_listen(const struct weir_config *config, int *ret_fds, struct weir_error *err)
{
	unsigned i;
	int fd = 0;

	for (i = 0; i < config->web_listen.count && i < LISTENERS_MAX; i++) {
		fd = listen_at(config->web_listen.item[i], err);
		if (fd < 0)
			break;
		ret_fds[i] = fd;
	}
	if (fd >= 0)
		return 0;
	while (i--)
		(void)close(ret_fds[i]);
	return fd;
}

/* --- the server ------------------------------------------------------------------------------------------- */

int weir_web_check_access(const struct weir_config *config, const char *users_path, struct weir_error *err)
{
	bool proxied = *config->web_proxy_user_header && config->web_proxy_from.count;
	struct weir_web_users users;
	const char *open = NULL;
	bool some;
	int rc = weir_web_users_read(users_path, &users, err);

	if (rc)
		return rc;
	some = users.count || proxied;
	weir_web_users_done(&users);
	for (unsigned i = 0; i < config->web_listen.count && !open; i++)
		open = weir_web_is_loopback(config->web_listen.item[i]) ? NULL : config->web_listen.item[i];
	if (some || !open)
		return 0;
	return weir_error_set(err, -EACCES, "web.listen",
			      "add one with `weir web user add NAME --role administrator`, or listen on 127.0.0.1 alone",
			      "the page would be open to everybody at %s: there are no users", open);
}

static int read_pem(const char *path, const char *key, char **ret_text, struct weir_error *err)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, PEM_MAX + 1);
	size_t got = 0;
	int rc = 0;

	if (!file || !text)
		rc = file ? -ENOMEM : -errno;
	if (!rc)
		got = fread(text, 1, PEM_MAX, file);
	if (!rc && (ferror(file) || !got))
		rc = -EIO;
	if (file)
		(void)fclose(file);
	if (rc) {
		free(text);
		return weir_error_set(err, rc, path, "name a PEM file that weir's user may read", "%s cannot be read: %s", key, strerror(-rc));
	}
	*ret_text = text;
	return 0;
}

static int open_all(struct weir_web *web, struct weir_error *err)
{
	const struct weir_config *config = web->options.config;
	const struct weir_web_asker_options asker = {
		.connect = web->options.connect,
		.ctx = web->options.ctx,
		.queries_max = (unsigned)config->web_queries_max,
		.timeout_s = (unsigned)config->web_query_timeout_s,
		.memory_max_bytes = config->web_query_memory_max_bytes,
		.clock = web->options.clock,
	};
	int rc = weir_web_audit_open(&web->audit, web->options.audit_path, err);

	if (!rc)
		rc = weir_web_users_read(web->options.users_path, &web->users, err);
	if (!rc && *config->web_certificate)
		rc = read_pem(config->web_certificate, "web.certificate", &web->certificate, err);
	if (!rc && *config->web_certificate)
		rc = read_pem(config->web_key, "web.key", &web->key, err);
	if (!rc && (weir_web_secret_new(web->proxy_key) ||
		    getrandom(&web->limiter.seed, sizeof(web->limiter.seed), 0) != (ssize_t)sizeof(web->limiter.seed)))
		rc = weir_error_set(err, -EIO, NULL, NULL, "there are no random numbers");
	return rc ? rc : weir_web_asker_new(&asker, &web->asker, err);
}

int weir_web_new(const struct weir_web_options *options, const int *fds, struct weir_web **ret_web, struct weir_error *err)
{
	struct weir_web *web = calloc(1, sizeof(*web));
	int rc;

	if (!web)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	web->options = *options;
	web->audit.fd = -1;
	web->sessions.idle_ns = (int64_t)options->config->web_session_idle_s * WEIR_NS_PER_S;
	web->sessions.age_ns = (int64_t)options->config->web_session_max_s * WEIR_NS_PER_S;
	(void)pthread_mutex_init(&web->lock, NULL);
	(void)pthread_mutex_init(&web->password_lock, NULL);
	rc = open_all(web, err);
	if (rc) {
		weir_web_free(web);
		return rc;
	}
	web->listeners = options->config->web_listen.count < LISTENERS_MAX ? options->config->web_listen.count : LISTENERS_MAX;
	memcpy(web->fd, fds, web->listeners * sizeof(*fds));
	*ret_web = web;
	return 0;
}

static struct MHD_Daemon *start_one(struct weir_web *web, int fd)
{
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC |
			 (web->certificate ? (unsigned)MHD_USE_TLS : 0U);
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, web->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, web->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL},
	};

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, web, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_URI_LOG_CALLBACK, on_uri, web, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
				(unsigned)PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
				(size_t)512 * 1024, MHD_OPTION_ARRAY, web->certificate ? tls : &tls[3], MHD_OPTION_END);
}

int weir_web_start(struct weir_web *web, struct weir_error *err)
{
	for (unsigned i = 0; i < web->listeners; i++) {
		web->daemon[i] = start_one(web, web->fd[i]);
		if (!web->daemon[i])
			return weir_error_set(err, -EIO, web->options.config->web_listen.item[i],
					      web->certificate ? "see whether web.certificate and web.key are a pair" : NULL,
					      "the server does not start");
	}
	return 0;
}

void weir_web_free(struct weir_web *web)
{
	if (!web)
		return;
	if (web->asker)
		weir_web_asker_stop(web->asker);
	for (unsigned i = 0; i < web->listeners; i++) {
		if (web->daemon[i])
			MHD_stop_daemon(web->daemon[i]);
	}
	weir_web_asker_free(web->asker);
	weir_web_audit_close(&web->audit);
	weir_web_users_done(&web->users);
	(void)pthread_mutex_destroy(&web->lock);
	(void)pthread_mutex_destroy(&web->password_lock);
	free(web->certificate);
	if (web->key)
		explicit_bzero(web->key, strlen(web->key));
	free(web->key);
	free(web);
}

static int count_requests(struct weir_web *web, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 2; !rc && i < 6; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "status=\"%uxx\"", i);
		rc = weir_metrics_counter(out, "weir_web_requests_total", i == 2 ? "Requests answered, by status" : NULL, labels,
					  atomic_load(&web->requests[i]));
	}
	return rc;
}

int weir_web_metrics(struct weir_web *web, struct weir_buffer *out)
{
	struct weir_web_asker_counts c;
	unsigned sessions;
	int rc = count_requests(web, out);

	weir_web_asker_count(web->asker, &c);
	(void)pthread_mutex_lock(&web->lock);
	sessions = weir_web_sessions_count(&web->sessions, weir_clock_mono_ns(web->options.clock));
	(void)pthread_mutex_unlock(&web->lock);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{"weir_web_queries_total", "Questions to the store", c.queries},
		{"weir_web_queries_failed_total", "Questions that failed", c.failed},
		{"weir_web_queries_cancelled_total", "Questions that were ended before their answer", c.cancelled},
		{"weir_web_queries_refused_total", "Questions refused because too many ran", c.refused},
		{"weir_web_logins_total", "Log-ins", atomic_load(&web->logins)},
		{"weir_web_login_failures_total", "Log-ins with a wrong name or password", atomic_load(&web->login_failures)},
	};

	for (size_t i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = weir_metrics_counter(out, rows[i].name, rows[i].help, NULL, rows[i].value);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_web_answer_seconds", "Time spent in answers of the interface", NULL,
					(double)atomic_load(&web->api_ns) / (double)WEIR_NS_PER_S);
	if (!rc)
		rc = weir_metrics_gauge(out, "weir_web_queries_running", "Questions that run now", NULL, c.running);
	return rc ? rc : weir_metrics_gauge(out, "weir_web_sessions", "Sessions of people who are logged in", NULL, sessions);
}
