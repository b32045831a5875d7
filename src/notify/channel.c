/* libcurl does HTTP, SMTP, TCP and TLS: for syslog it only connects (CURLOPT_CONNECT_ONLY), with the certificate checked as for HTTPS.
 * Syslog has no answers, so what the other side had not read when it went away is lost; a connection that it has closed is seen
 * before the next message, which goes over a new one. */
#include "notify/channel.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_S    20L
#define CONNECT_S    10L
#define SEND_MS	     10000
#define SLICE_MS     200
#define SYSLOG_MAX   8192
#define ANSWER_MAX   200
#define FIRST_REFUSAL 400

struct weir_notify_channel {
	const struct weir_notify_target *target;
	bool (*is_stopped)(void *ctx);
	void *ctx;
	CURL *curl;
	int fd; /* of syslog over UDP; -1: none */
	bool connected; /* of syslog over TCP and TLS */
	struct curl_slist *headers;
	struct curl_slist *recipients;
	char host[HOST_NAME_MAX + 1];
	char trouble[CURL_ERROR_SIZE];
	char answer[ANSWER_MAX + 1];
	struct weir_buffer message;
	size_t uploaded;
};

/* --- libcurl --------------------------------------------------------------------------------------------------------- */

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct weir_notify_channel *ch = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return ch->is_stopped(ch->ctx);
}

/* What the other side answers: the beginning, for the log. */
static size_t keep_answer(char *data, size_t size, size_t n, void *ctx)
{
	struct weir_notify_channel *ch = ctx;
	size_t len = strlen(ch->answer);

	for (size_t i = 0; i < size * n && len < ANSWER_MAX; i++)
		ch->answer[len++] = data[i] >= ' ' && data[i] < 0x7f ? data[i] : ' ';
	ch->answer[len] = '\0';
	return size * n;
}

static size_t upload(char *data, size_t size, size_t n, void *ctx)
{
	struct weir_notify_channel *ch = ctx;
	size_t len = ch->message.len - ch->uploaded;

	if (len > size * n)
		len = size * n;
	memcpy(data, ch->message.data + ch->uploaded, len);
	ch->uploaded += len;
	return len;
}

static int set_headers(struct weir_notify_channel *ch)
{
	char line[640];
	struct curl_slist *list;

	(void)snprintf(line, sizeof(line), "Content-Type: %s", ch->target->form->content_type);
	list = curl_slist_append(NULL, line);
	ch->headers = list;
	if (list && *ch->target->token) {
		(void)snprintf(line, sizeof(line), "Authorization: Bearer %s", ch->target->token);
		list = curl_slist_append(list, line);
		explicit_bzero(line, sizeof(line));
	}
	curl_easy_setopt(ch->curl, CURLOPT_HTTPHEADER, ch->headers);
	curl_easy_setopt(ch->curl, CURLOPT_POST, 1L);
	return list ? 0 : -ENOMEM;
}

static int set_recipients(struct weir_notify_channel *ch)
{
	const struct weir_notify_target *t = ch->target;

	for (unsigned i = 0; i < t->recipients; i++) {
		struct curl_slist *list = curl_slist_append(ch->recipients, t->to[i]);

		if (!list)
			return -ENOMEM;
		ch->recipients = list;
	}
	curl_easy_setopt(ch->curl, CURLOPT_MAIL_FROM, t->from);
	curl_easy_setopt(ch->curl, CURLOPT_MAIL_RCPT, ch->recipients);
	/* Those that are there get it, though another is not. */
	curl_easy_setopt(ch->curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	curl_easy_setopt(ch->curl, CURLOPT_READFUNCTION, upload);
	curl_easy_setopt(ch->curl, CURLOPT_READDATA, ch);
	curl_easy_setopt(ch->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(ch->curl, CURLOPT_USE_SSL, (long)(*t->user ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	if (*t->user) {
		curl_easy_setopt(ch->curl, CURLOPT_USERNAME, t->user);
		curl_easy_setopt(ch->curl, CURLOPT_PASSWORD, t->password);
	}
	return 0;
}

static int set_up(struct weir_notify_channel *ch)
{
	const struct weir_notify_target *t = ch->target;

	ch->curl = curl_easy_init();
	if (!ch->curl)
		return -ENOMEM;
	curl_easy_setopt(ch->curl, CURLOPT_URL, t->url);
	curl_easy_setopt(ch->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(ch->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(ch->curl, CURLOPT_USERAGENT, "weir");
	curl_easy_setopt(ch->curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(ch->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(ch->curl, CURLOPT_ERRORBUFFER, ch->trouble);
	curl_easy_setopt(ch->curl, CURLOPT_WRITEFUNCTION, keep_answer);
	curl_easy_setopt(ch->curl, CURLOPT_WRITEDATA, ch);
	curl_easy_setopt(ch->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(ch->curl, CURLOPT_XFERINFODATA, ch);
	curl_easy_setopt(ch->curl, CURLOPT_NOPROGRESS, 0L);
	if (*t->ca)
		curl_easy_setopt(ch->curl, CURLOPT_CAINFO, t->ca);
	if (t->kind == WEIR_NOTIFY_WEBHOOK)
		return set_headers(ch);
	if (t->kind == WEIR_NOTIFY_MAIL)
		return set_recipients(ch);
	curl_easy_setopt(ch->curl, CURLOPT_CONNECT_ONLY, 1L);
	/* A proxy of the environment is one for HTTP. */
	curl_easy_setopt(ch->curl, CURLOPT_PROXY, "");
	return 0;
}

static enum weir_notify_outcome trouble(const struct weir_notify_channel *ch, const char *next, const char *what, struct weir_error *err)
{
	(void)weir_error_set(err, -EIO, ch->target->name, next, "%s: %s", ch->target->shown, what);
	return WEIR_NOTIFY_TROUBLE;
}

static enum weir_notify_outcome curl_trouble(const struct weir_notify_channel *ch, CURLcode code, struct weir_error *err)
{
	const char *what = *ch->trouble ? ch->trouble : curl_easy_strerror(code);

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return WEIR_NOTIFY_STOPPED;
	return trouble(ch, code == CURLE_PEER_FAILED_VERIFICATION ? "give the certificate of its authority as ca=FILE" : NULL, what, err);
}

/* --- webhooks and mail ----------------------------------------------------------------------------------------------- */

/* That it will not have this message, whenever. What says that nobody may, or that there is no such place, may be mended. */
static bool is_refusal(long status)
{
	static const long MENDED[] = {401, 402, 403, 404, 405, 407, 408, 410, 425, 429};

	for (size_t i = 0; i < sizeof(MENDED) / sizeof(MENDED[0]); i++) {
		if (status == MENDED[i])
			return false;
	}
	return status >= FIRST_REFUSAL && status < 500;
}

static enum weir_notify_outcome post(struct weir_notify_channel *ch, struct weir_error *err)
{
	char what[ANSWER_MAX + 64];
	long status = 0;
	CURLcode code;

	curl_easy_setopt(ch->curl, CURLOPT_POSTFIELDS, ch->message.data);
	curl_easy_setopt(ch->curl, CURLOPT_POSTFIELDSIZE, (long)ch->message.len);
	code = curl_easy_perform(ch->curl);
	if (code)
		return curl_trouble(ch, code, err);
	curl_easy_getinfo(ch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return WEIR_NOTIFY_SENT;
	(void)snprintf(what, sizeof(what), "it answers %ld%s%s", status, *ch->answer ? ": " : "", ch->answer);
	(void)trouble(ch, NULL, what, err);
	return is_refusal(status) ? WEIR_NOTIFY_REFUSED : WEIR_NOTIFY_TROUBLE;
}

static enum weir_notify_outcome mail(struct weir_notify_channel *ch, struct weir_error *err)
{
	long status = 0;
	CURLcode code;

	ch->uploaded = 0;
	code = curl_easy_perform(ch->curl);
	if (!code)
		return WEIR_NOTIFY_SENT;
	curl_easy_getinfo(ch->curl, CURLINFO_RESPONSE_CODE, &status);
	/* It has read all of it, and will not have it. What it refuses before, as a sender, is of all mails and may be mended. */
	if (curl_trouble(ch, code, err) == WEIR_NOTIFY_TROUBLE && status >= 500 && ch->uploaded == ch->message.len)
		return WEIR_NOTIFY_REFUSED;
	return code == CURLE_ABORTED_BY_CALLBACK ? WEIR_NOTIFY_STOPPED : WEIR_NOTIFY_TROUBLE;
}

/* --- syslog ---------------------------------------------------------------------------------------------------------- */

static enum weir_notify_outcome send_datagram(struct weir_notify_channel *ch, struct weir_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int rc;

	if (ch->fd < 0) {
		rc = getaddrinfo(ch->target->host, ch->target->port, &hints, &found);
		if (rc)
			return trouble(ch, NULL, gai_strerror(rc), err);
		for (const struct addrinfo *a = found; a && ch->fd < 0; a = a->ai_next) {
			ch->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
			if (ch->fd >= 0 && connect(ch->fd, a->ai_addr, a->ai_addrlen)) {
				(void)close(ch->fd);
				ch->fd = -1;
			}
		}
		freeaddrinfo(found);
	}
	/* A refusal of the datagram before comes back with this one, which was not sent then. */
	for (unsigned tries = 0; ch->fd >= 0 && tries < 2; tries++) {
		if (send(ch->fd, ch->message.data, ch->message.len, MSG_NOSIGNAL) >= 0)
			return WEIR_NOTIFY_SENT;
	}
	rc = errno;
	if (ch->fd >= 0)
		(void)close(ch->fd);
	ch->fd = -1; /* its name may be another address now */
	return trouble(ch, NULL, strerror(rc), err);
}

static void hang_up(struct weir_notify_channel *ch)
{
	ch->connected = false;
	/* The handle holds the connection: nothing else closes it. */
	curl_easy_cleanup(ch->curl);
	ch->curl = NULL;
}

/* Nothing is to be read from a syslog server but the end. */
static bool has_ended(struct weir_notify_channel *ch)
{
	char drop[256];
	size_t n = 0;
	CURLcode code = curl_easy_recv(ch->curl, drop, sizeof(drop), &n);

	return code != CURLE_AGAIN && (code || !n);
}

static bool wait_writable(struct weir_notify_channel *ch)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct pollfd p;

	if (curl_easy_getinfo(ch->curl, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD)
		return false;
	p = (struct pollfd){.fd = fd, .events = POLLOUT};
	return poll(&p, 1, SLICE_MS) >= 0;
}

static enum weir_notify_outcome send_stream(struct weir_notify_channel *ch, struct weir_error *err)
{
	CURLcode code = CURLE_OK;
	unsigned waited_ms = 0;

	if (ch->connected && has_ended(ch))
		hang_up(ch);
	if (!ch->connected) {
		if (!ch->curl && set_up(ch))
			return trouble(ch, NULL, "out of memory", err);
		code = curl_easy_perform(ch->curl);
		ch->connected = !code;
	}
	for (size_t at = 0; !code && at < ch->message.len;) {
		size_t n = 0;

		code = curl_easy_send(ch->curl, ch->message.data + at, ch->message.len - at, &n);
		at += n;
		if (code != CURLE_AGAIN)
			continue;
		code = CURLE_OK;
		if (ch->is_stopped(ch->ctx))
			code = CURLE_ABORTED_BY_CALLBACK;
		else if (waited_ms >= SEND_MS || !wait_writable(ch))
			code = CURLE_OPERATION_TIMEDOUT;
		waited_ms += SLICE_MS;
	}
	if (!code)
		return WEIR_NOTIFY_SENT;
	hang_up(ch);
	return curl_trouble(ch, code, err);
}

/* --- the channel ----------------------------------------------------------------------------------------------------- */

int weir_notify_channel_new(const struct weir_notify_target *target, bool (*is_stopped)(void *ctx), void *ctx,
			    struct weir_notify_channel **ret_channel)
{
	struct weir_notify_channel *ch = calloc(1, sizeof(*ch));
	int rc = ch ? 0 : -ENOMEM;

	if (rc)
		return rc;
	*ch = (struct weir_notify_channel){.target = target, .is_stopped = is_stopped, .ctx = ctx, .fd = -1};
	weir_buffer_init(&ch->message);
	if (gethostname(ch->host, sizeof(ch->host) - 1))
		(void)snprintf(ch->host, sizeof(ch->host), "localhost");
	if (target->kind != WEIR_NOTIFY_SYSLOG_UDP)
		rc = set_up(ch);
	if (rc)
		weir_notify_channel_free(ch);
	else
		*ret_channel = ch;
	return rc;
}

void weir_notify_channel_free(struct weir_notify_channel *channel)
{
	if (!channel)
		return;
	if (channel->fd >= 0)
		(void)close(channel->fd);
	curl_easy_cleanup(channel->curl);
	curl_slist_free_all(channel->headers);
	curl_slist_free_all(channel->recipients);
	weir_buffer_done(&channel->message);
	free(channel);
}

static int write_stream(struct weir_notify_channel *ch, const struct weir_record *event)
{
	struct weir_buffer message;
	int rc;

	weir_buffer_init(&message);
	rc = weir_notify_write_syslog(event, ch->host, (unsigned)getpid(), SYSLOG_MAX, &message);
	if (!rc)
		rc = weir_buffer_printf(&ch->message, "%zu ", message.len);
	if (!rc)
		rc = weir_buffer_append(&ch->message, message.data, message.len);
	weir_buffer_done(&message);
	return rc;
}

static int write_mail(struct weir_notify_channel *ch, const struct weir_record *event, int64_t now_s)
{
	const char *to[WEIR_NOTIFY_RECIPIENTS_MAX];
	const struct weir_notify_mail mail = {ch->target->from, to, ch->target->recipients, now_s};

	for (unsigned i = 0; i < ch->target->recipients; i++)
		to[i] = ch->target->to[i];
	return weir_notify_write_mail(event, &mail, ch->host, &ch->message);
}

static int write_message(struct weir_notify_channel *ch, const struct weir_record *event, int64_t now_s)
{
	weir_buffer_reset(&ch->message);
	switch (ch->target->kind) {
	case WEIR_NOTIFY_SYSLOG_UDP:
		return weir_notify_write_syslog(event, ch->host, (unsigned)getpid(), WEIR_NOTIFY_DATAGRAM_MAX, &ch->message);
	case WEIR_NOTIFY_SYSLOG_TCP:
	case WEIR_NOTIFY_SYSLOG_TLS:
		return write_stream(ch, event);
	case WEIR_NOTIFY_MAIL:
		return write_mail(ch, event, now_s);
	case WEIR_NOTIFY_WEBHOOK:
	default:
		return weir_notify_write_form(ch->target->form, event, ch->host, &ch->message);
	}
}

enum weir_notify_outcome weir_notify_channel_send(struct weir_notify_channel *channel, const struct weir_record *event, int64_t now_s,
						  struct weir_error *err)
{
	int rc = write_message(channel, event, now_s);

	*channel->answer = *channel->trouble = '\0';
	if (rc)
		return trouble(channel, NULL, strerror(-rc), err);
	switch (channel->target->kind) {
	case WEIR_NOTIFY_SYSLOG_UDP:
		return send_datagram(channel, err);
	case WEIR_NOTIFY_SYSLOG_TCP:
	case WEIR_NOTIFY_SYSLOG_TLS:
		return send_stream(channel, err);
	case WEIR_NOTIFY_MAIL:
		return mail(channel, err);
	case WEIR_NOTIFY_WEBHOOK:
	default:
		return post(channel, err);
	}
}
