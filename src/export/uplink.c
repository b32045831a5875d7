/* A blocking socket with timeouts (SO_SNDTIMEO, SO_RCVTIMEO), which is all that TLS needs, too.
 *
 * A collector that refuses a certificate says so after the client's handshake is over (TLS 1.3), and one that refuses an
 * address just hangs up. So before bytes go out, what the collector may have said is read; nothing that it says is
 * good news, for IPFIX has no answers. */
#include "export/uplink.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BUFFER_BYTES 65536 /* holds any message */

struct weir_uplink {
	char text[256];
	int fd;
	SSL_CTX *context;
	SSL *ssl; /* NULL: TCP */
	size_t filled;
	uint8_t buffer[BUFFER_BYTES];
};

static int fail(const struct weir_uplink *c, int code, const char *doing, struct weir_error *err)
{
	unsigned long tls = c->ssl ? ERR_peek_error() : 0;
	long verified = c->ssl ? SSL_get_verify_result(c->ssl) : X509_V_OK;
	const char *what = code == EAGAIN || code == EINPROGRESS ? "the collector takes nothing" : strerror(code);

	ERR_clear_error();
	if (verified != X509_V_OK)
		return weir_error_set(err, -EPROTO, c->text, "look at the collector's certificate, and at the --tls-ca",
				      "%s: the collector's certificate: %s", doing, X509_verify_cert_error_string(verified));
	if (tls && !ERR_SYSTEM_ERROR(tls))
		return weir_error_set(err, -EPROTO, c->text, "see what the collector's log says", "%s: TLS: %s", doing,
				      ERR_reason_error_string(tls) ? ERR_reason_error_string(tls) : "unknown error");
	return weir_error_set(err, code ? -code : -EPIPE, c->text, "see whether the collector listens there, and what its log says",
			      "%s: %s", doing, code ? what : "the collector hung up");
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static int bind_source(const struct weir_uplink *c, const struct weir_uplink_options *o, struct weir_error *err)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	bool is_v4 = o->endpoint->addr.ss_family == AF_INET;

	if (!o->source)
		return 0;
	memcpy(&v4.sin_addr, &o->source->byte[12], 4);
	memcpy(&v6.sin6_addr, o->source, 16);
	if (bind(c->fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof(v4) : sizeof(v6)))
		return fail(c, errno, "cannot send from the source address", err);
	return 0;
}

static int connect_socket(struct weir_uplink *c, const struct weir_uplink_options *o, struct weir_error *err)
{
	const struct timeval wait = {.tv_sec = o->timeout_ms / 1000, .tv_usec = o->timeout_ms % 1000 * 1000};
	int on = 1;
	int rc;

	c->fd = socket(o->endpoint->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fail(c, errno, "cannot connect", err);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* the buffer joins what belongs together */
	rc = bind_source(c, o, err);
	if (!rc && connect(c->fd, (const struct sockaddr *)&o->endpoint->addr, o->endpoint->len))
		rc = fail(c, errno, "cannot connect", err);
	return rc;
}

static int load(struct weir_uplink *c, const struct weir_uplink_tls *tls, struct weir_error *err)
{
	const struct {
		const char *path;
		const char *what;
		bool loaded;
	} FILES[] = {
		{tls->ca, "the collector's authority", SSL_CTX_load_verify_file(c->context, tls->ca) == 1},
		{tls->certificate, "the certificate",
		 !tls->certificate || SSL_CTX_use_certificate_chain_file(c->context, tls->certificate) == 1},
		{tls->key, "the key",
		 !tls->certificate || (SSL_CTX_use_PrivateKey_file(c->context, tls->key, SSL_FILETYPE_PEM) == 1 &&
				       SSL_CTX_check_private_key(c->context) == 1)},
	};

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		unsigned long code = ERR_peek_error();
		const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

		if (!FILES[i].loaded) {
			ERR_clear_error();
			return weir_error_set(err, -EINVAL, FILES[i].path, "name a PEM file", "%s cannot be used: %s",
					      FILES[i].what, reason ? reason : "unknown error");
		}
	}
	return 0;
}

static int shake_hands(struct weir_uplink *c, const struct weir_uplink_options *o, struct weir_error *err)
{
	const char *name = o->tls->name ? o->tls->name : o->endpoint->host;
	struct weir_addr addr;
	bool is_addr = weir_addr_parse(name, &addr) == 0;
	int rc;

	ERR_clear_error();
	c->context = SSL_CTX_new(TLS_client_method());
	if (!c->context)
		return weir_error_set(err, -ENOMEM, c->text, NULL, "no memory for TLS");
	(void)SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(c->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_clear_mode(c->context, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	rc = load(c, o->tls, err);
	if (rc)
		return rc;
	c->ssl = SSL_new(c->context);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		return weir_error_set(err, -ENOMEM, c->text, NULL, "no memory for TLS");
	SSL_set_hostflags(c->ssl, X509_CHECK_FLAG_NO_WILDCARDS);
	rc = is_addr ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), name) : SSL_set1_host(c->ssl, name);
	if (rc != 1 || (!is_addr && SSL_set_tlsext_host_name(c->ssl, name) != 1))
		return weir_error_set(err, -EINVAL, c->text, NULL, "\"%s\" is no name that a certificate can have", name);
	errno = 0;
	return SSL_connect(c->ssl) == 1 ? 0 : fail(c, errno, "the handshake failed", err);
}

int weir_uplink_open(const struct weir_uplink_options *options, struct weir_uplink **ret_uplink,
			 struct weir_error *err)
{
	struct weir_uplink *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return weir_error_set(err, -ENOMEM, options->text, NULL, "no memory");
	(void)snprintf(c->text, sizeof(c->text), "%s", options->text);
	c->fd = -1;
	rc = connect_socket(c, options, err);
	if (!rc && options->tls)
		rc = shake_hands(c, options, err);
	if (rc)
		weir_uplink_close(c);
	else
		*ret_uplink = c;
	return rc;
}

void weir_uplink_close(struct weir_uplink *uplink)
{
	if (!uplink)
		return;
	SSL_free(uplink->ssl);
	SSL_CTX_free(uplink->context);
	if (uplink->fd >= 0)
		(void)close(uplink->fd);
	free(uplink);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

enum heard { HEARD_SOMETHING, HEARD_END, HEARD_ERROR };

/* Read what the collector says. */
static enum heard hear(struct weir_uplink *c)
{
	uint8_t bytes[256];
	int n, error;

	ERR_clear_error();
	errno = 0;
	n = c->ssl ? SSL_read(c->ssl, bytes, sizeof(bytes)) : (int)recv(c->fd, bytes, sizeof(bytes), 0);
	if (n > 0)
		return HEARD_SOMETHING;
	if (!c->ssl)
		return n == 0 ? HEARD_END : HEARD_ERROR;
	error = SSL_get_error(c->ssl, n);
	/* What was for TLS alone, a ticket for one, is something as well. */
	if (error == SSL_ERROR_WANT_READ && errno != EAGAIN)
		return HEARD_SOMETHING;
	return error == SSL_ERROR_ZERO_RETURN ? HEARD_END : HEARD_ERROR;
}

/* Has it hung up? */
static int check_open(struct weir_uplink *c, struct weir_error *err)
{
	struct pollfd fd = {.fd = c->fd, .events = POLLIN};

	while (poll(&fd, 1, 0) > 0) {
		if (hear(c) != HEARD_SOMETHING)
			return fail(c, errno, "the session ended", err);
	}
	return 0;
}

static int write_some(struct weir_uplink *c, const uint8_t *data, size_t len)
{
	ERR_clear_error();
	errno = 0;
	return c->ssl ? SSL_write(c->ssl, data, (int)len) : (int)send(c->fd, data, len, MSG_NOSIGNAL);
}

int weir_uplink_flush(struct weir_uplink *uplink, struct weir_error *err)
{
	struct weir_uplink *c = uplink;
	size_t at = 0;
	int rc = check_open(c, err);

	while (!rc && at < c->filled) {
		int n = write_some(c, c->buffer + at, c->filled - at);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			rc = fail(c, errno, "cannot send", err);
	}
	c->filled = 0;
	return rc;
}

int weir_uplink_send(struct weir_uplink *uplink, const void *data, size_t len, struct weir_error *err)
{
	int rc = 0;

	if (len > BUFFER_BYTES)
		return weir_error_set(err, -EMSGSIZE, uplink->text, NULL, "a message of %zu bytes is too long", len);
	if (len > BUFFER_BYTES - uplink->filled)
		rc = weir_uplink_flush(uplink, err);
	if (rc)
		return rc;
	memcpy(uplink->buffer + uplink->filled, data, len);
	uplink->filled += len;
	return 0;
}

int weir_uplink_finish(struct weir_uplink *uplink, struct weir_error *err)
{
	struct weir_uplink *c = uplink;
	int rc = weir_uplink_flush(c, err);
	enum heard heard;
	int left = 0;

	if (rc)
		return rc;
	if (c->ssl)
		(void)SSL_shutdown(c->ssl);
	if (shutdown(c->fd, SHUT_WR))
		return fail(c, errno, "the session ended", err);
	do
		heard = hear(c);
	while (heard == HEARD_SOMETHING);
	/* Its end says that it has read all, unless it came before: then what was sent is not acknowledged. */
	if (heard != HEARD_END)
		return fail(c, errno, "the session ended", err);
	return ioctl(c->fd, SIOCOUTQ, &left) || left ? fail(c, 0, "the session ended", err) : 0;
}
