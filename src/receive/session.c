#include "receive/session.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_MAX 4 /* before others have their turn */

int weir_session_new(int fd, struct weir_tls *tls, struct weir_session **ret_session)
{
	struct weir_session *s = calloc(1, sizeof(*s));

	if (!s) {
		(void)close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	s->tls = tls;
	s->ready = !tls;
	s->ssl = tls ? weir_tls_accept(tls, fd) : NULL;
	if ((tls && !s->ssl) || weir_stream_init(&s->stream)) {
		weir_session_free(s);
		return -ENOMEM;
	}
	*ret_session = s;
	return 0;
}

void weir_session_free(struct weir_session *s)
{
	if (!s)
		return;
	if (s->ssl && s->ready) {
		/* Say goodbye, but wait for nothing. */
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	SSL_free(s->ssl);
	(void)close(s->fd);
	weir_stream_done(&s->stream);
	free(s);
}

/* What OpenSSL's call came to: 0 is the end of the connection, -EAGAIN says to wait. */
static int tls_result(struct weir_session *s, int rc)
{
	int error = SSL_get_error(s->ssl, rc);

	s->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	return -EPROTO;
}

static enum weir_session_end shake_hands(struct weir_session *s)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(s->ssl);
	if (rc != 1) {
		if (tls_result(s, rc) == -EAGAIN)
			return WEIR_SESSION_GOES_ON;
		weir_tls_why(s->ssl, s->why, sizeof(s->why));
		return WEIR_SESSION_HANDSHAKE;
	}
	s->wants_write = false;
	if (!weir_tls_peer(s->tls, s->ssl, s->why, sizeof(s->why)))
		return WEIR_SESSION_PEER;
	s->ready = true;
	return WEIR_SESSION_GOES_ON;
}

/* Bytes read, 0 at the end, or a negative errno value. */
static int read_some(struct weir_session *s, uint8_t *data, size_t room)
{
	ssize_t n;

	if (s->ssl) {
		int rc;

		ERR_clear_error();
		rc = SSL_read(s->ssl, data, (int)room);
		return rc > 0 ? rc : tls_result(s, rc);
	}
	n = recv(s->fd, data, room, MSG_DONTWAIT);
	return n < 0 ? -errno : (int)n;
}

/* Give out what is whole. */
static enum weir_session_end deliver(struct weir_session *s, int64_t now_ns,
				     bool (*take)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	const uint8_t *data;
	bool first = s->begun_ns == 0;
	size_t len;
	int rc;

	while ((rc = weir_stream_next(&s->stream, &data, &len)) == 1) {
		s->messages++;
		first = true;
		if (!take(ctx, data, len))
			return WEIR_SESSION_MALFORMED;
	}
	if (rc)
		return WEIR_SESSION_FRAMING;
	if (!weir_stream_pending(&s->stream))
		s->begun_ns = 0;
	else if (first)
		s->begun_ns = now_ns;
	return WEIR_SESSION_GOES_ON;
}

enum weir_session_end weir_session_receive(struct weir_session *s, int64_t now_ns,
					   bool (*take)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	enum weir_session_end end = WEIR_SESSION_GOES_ON;

	if (!s->ready)
		end = shake_hands(s);
	if (end || !s->ready)
		return end;
	/* What OpenSSL holds already no event will tell of. */
	for (unsigned reads = 0; !end && (reads < READS_MAX || (s->ssl && SSL_pending(s->ssl) > 0)); reads++) {
		size_t room;
		uint8_t *data = weir_stream_room(&s->stream, &room);
		int n = read_some(s, data, room);

		if (n == -EAGAIN || n == -EINTR)
			break;
		if (n <= 0)
			return weir_stream_pending(&s->stream) ? WEIR_SESSION_CUT : WEIR_SESSION_ENDED;
		s->bytes += (uint64_t)n;
		s->heard_ns = now_ns;
		weir_stream_filled(&s->stream, (size_t)n);
		end = deliver(s, now_ns, take, ctx);
	}
	return end;
}

enum weir_session_end weir_session_due(const struct weir_session *s, int64_t now_ns, int64_t timeout_ns, int64_t idle_ns)
{
	if (!s->ready)
		return now_ns - s->opened_ns >= timeout_ns ? WEIR_SESSION_HALF_OPEN : WEIR_SESSION_GOES_ON;
	if (s->begun_ns)
		return now_ns - s->begun_ns >= timeout_ns ? WEIR_SESSION_SLOW : WEIR_SESSION_GOES_ON;
	return idle_ns && now_ns - s->heard_ns >= idle_ns ? WEIR_SESSION_IDLE : WEIR_SESSION_GOES_ON;
}
