/* The sessions: one epoll set with the listeners and all sockets, level-triggered. An event carries a number: below
 * `listeners` it is a listener's, above it a place in the table.
 *
 * When all places are taken, a new connection gets that of the oldest session without a whole message so far: who
 * connects and says nothing cannot keep others out, and who has work to do has sent a message long before its turn to
 * go would come. Exporters that send are never pushed out. */
#include "receive/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receive/listen.h"
#include "receive/session.h"

#define EVENTS_MAX   64
#define ACCEPTS_MAX  64 /* of one listener before the others have their turn */
#define BACKLOG	     256
#define DUE_MS	     100 /* how often the sessions' time is looked at */
#define KEEPALIVE_S  60
#define PROBE_S	     15
#define PROBES	     4

struct listener {
	int fd;
	bool tls;
	char bound[WEIR_LISTEN_TEXT_MAX];
};

struct weir_sessions {
	struct weir_sessions_options options; /* without the lists of listeners */
	int epoll;
	int spare; /* a descriptor to give up when there are none left */
	struct listener listener[WEIR_SESSIONS_LISTENS_MAX];
	unsigned listeners;
	struct weir_session **session; /* sessions_max places, owned like what stands there */
	uint64_t number;	       /* the last one given out */
	int64_t due_ns;
	struct weir_sessions_stats stats;

	/* During a poll. */
	const struct weir_sessions_handler *handler;
	struct weir_session *current;
	int taken;
};

/* How each end is counted, and which fault it is. */
static const struct end {
	size_t counter; /* offset in weir_sessions_stats, 0: none */
	enum weir_fault fault;
	const char *what; /* for the log, or NULL */
	const char *next;
} ENDS[WEIR_SESSION_ENDS] = {
#define AT(member) offsetof(struct weir_sessions_stats, member)
	[WEIR_SESSION_ENDED] = {0, WEIR_FAULTS, NULL, NULL},
	[WEIR_SESSION_CUT] = {AT(cut), WEIR_FAULT_SESSION_CUT, NULL, NULL},
	[WEIR_SESSION_FRAMING] = {AT(malformed), WEIR_FAULT_SESSION_FRAMING,
				  "the session is closed: what it sends is no IPFIX",
				  "see that the exporter sends IPFIX (version 10) to this port, with TLS if it is TLS's"},
	[WEIR_SESSION_MALFORMED] = {AT(malformed), WEIR_FAULTS, "the session is closed: a message is malformed",
				    "`weir status` names the faults; look at the exporter"},
	[WEIR_SESSION_HANDSHAKE] = {AT(refused_handshake), WEIR_FAULTS, "TLS was refused",
				    "the exporter needs a certificate of tls.ca, and TLS 1.2 or 1.3"},
	[WEIR_SESSION_PEER] = {AT(refused_peer), WEIR_FAULTS, "the exporter was refused",
			       "add its name to tls.peers if it may send"},
	[WEIR_SESSION_SLOW] = {AT(slow), WEIR_FAULT_SESSION_SLOW, "the session is closed: a message was not whole in time", NULL},
	[WEIR_SESSION_HALF_OPEN] = {AT(half_open), WEIR_FAULTS, NULL, NULL},
	[WEIR_SESSION_IDLE] = {AT(idle), WEIR_FAULTS, NULL, NULL},
#undef AT
};

static int64_t mono_ns(const struct weir_sessions *x)
{
	return weir_clock_mono_ns(x->options.clock);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

struct opening {
	struct weir_sessions *sessions;
	bool tls;
};

static int bind_listener(void *ctx, struct sockaddr *address, socklen_t len, bool both)
{
	struct opening *o = ctx;
	struct weir_sessions *x = o->sessions;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = x->listeners};
	struct sockaddr_storage actual;
	socklen_t actual_len = sizeof(actual);
	int on = 1;
	int fd;
	int rc = 0;

	if (x->listeners == WEIR_SESSIONS_LISTENS_MAX)
		return -E2BIG;
	fd = weir_listen_socket(SOCK_STREAM, address, both);
	if (fd < 0)
		return fd;
	/* So that a restart need not wait for the connections of before. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, address, len) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&actual, &actual_len) ||
	    epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &event))
		rc = -errno;
	if (rc) {
		(void)close(fd);
		return rc;
	}
	x->listener[x->listeners] = (struct listener){.fd = fd, .tls = o->tls};
	weir_listen_text((const struct sockaddr *)&actual, actual_len, x->listener[x->listeners].bound);
	x->listeners++;
	return 0;
}

static int listen_all(struct weir_sessions *x, const struct weir_sessions_options *options, struct weir_error *err)
{
	struct opening opening = {.sessions = x};
	struct weir_listen how = {.option = "collect.tcp_listen", .type = SOCK_STREAM, .bind = bind_listener, .ctx = &opening};
	int rc = 0;

	for (unsigned i = 0; !rc && i < options->tcp_listens; i++)
		rc = weir_listen_bind(&how, options->tcp_listen[i], err);
	how.option = "collect.tls_listen";
	opening.tls = true;
	for (unsigned i = 0; !rc && i < options->tls_listens; i++)
		rc = weir_listen_bind(&how, options->tls_listen[i], err);
	return rc;
}

int weir_sessions_open(const struct weir_sessions_options *options, struct weir_sessions **ret_sessions,
		       struct weir_error *err)
{
	struct weir_sessions *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	x->options = *options;
	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	x->spare = fcntl(x->epoll, F_DUPFD_CLOEXEC, 0);
	x->session = calloc(options->sessions_max, sizeof(struct weir_session *));
	if (!x->session)
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	else if (x->epoll < 0)
		rc = weir_error_set(err, -errno, "collect.tcp_listen", NULL, "epoll: %s", strerror(errno));
	else
		rc = listen_all(x, options, err);
	if (rc)
		weir_sessions_close(x);
	else
		*ret_sessions = x;
	return rc;
}

void weir_sessions_close(struct weir_sessions *sessions)
{
	struct weir_sessions *x = sessions;

	if (!x)
		return;
	for (unsigned i = 0; x->session && i < x->options.sessions_max; i++)
		weir_session_free(x->session[i]);
	for (unsigned i = 0; i < x->listeners; i++)
		(void)close(x->listener[i].fd);
	if (x->epoll >= 0)
		(void)close(x->epoll);
	if (x->spare >= 0)
		(void)close(x->spare);
	free(x->session);
	free(x);
}

/* --- the end of a session ------------------------------------------------------------------------------------------ */

static void tell(const struct weir_sessions *x, const struct weir_addr *addr, const struct end *end, const char *why)
{
	char address[WEIR_ADDR_TEXT_MAX];
	struct weir_error err;

	(void)weir_addr_text(addr, address);
	(void)weir_error_set(&err, -EPROTO, address, end->next, "%s%s%s", end->what, *why ? ": " : "", why);
	x->handler->tell(x->handler->ctx, &err);
}

static void end_session(struct weir_sessions *x, unsigned place, enum weir_session_end how)
{
	struct weir_session *s = x->session[place];
	const struct end *end = &ENDS[how];

	if (end->counter)
		++*(uint64_t *)(void *)((char *)&x->stats + end->counter);
	if (s->messages || end->fault < WEIR_FAULTS)
		x->handler->ended(x->handler->ctx, s->number, end->fault);
	if (end->what)
		tell(x, &s->addr, end, s->why);
	x->session[place] = NULL;
	x->stats.open--;
	weir_session_free(s);
}

/* --- accepting ------------------------------------------------------------------------------------------------------ */

/* A place for a session of that address, or -1. */
static int find_place(struct weir_sessions *x, const struct weir_addr *addr)
{
	unsigned of_address = 0;
	int place = -1;
	int oldest = -1;

	for (unsigned i = 0; i < x->options.sessions_max; i++) {
		const struct weir_session *s = x->session[i];

		if (!s) {
			place = place < 0 ? (int)i : place;
			continue;
		}
		of_address += memcmp(&s->addr, addr, sizeof(*addr)) == 0;
		if (!s->messages && (oldest < 0 || s->opened_ns < x->session[oldest]->opened_ns))
			oldest = (int)i;
	}
	if (of_address >= x->options.per_address_max)
		return -1;
	if (place < 0 && oldest >= 0) {
		end_session(x, (unsigned)oldest, WEIR_SESSION_HALF_OPEN);
		place = oldest;
	}
	return place;
}

static void keep_alive(int fd)
{
	const struct {
		int level;
		int name;
		int value;
	} OPTIONS[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
		       {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
		       {IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S},
		       {IPPROTO_TCP, TCP_KEEPCNT, PROBES}};

	for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++)
		(void)setsockopt(fd, OPTIONS[i].level, OPTIONS[i].name, &OPTIONS[i].value, sizeof(OPTIONS[i].value));
}

/* The connection is closed here where it gets no place. */
static void admit(struct weir_sessions *x, const struct listener *l, int fd, const struct sockaddr_in6 *from)
{
	struct epoll_event event = {.events = EPOLLIN};
	uint16_t port;
	struct weir_addr addr = weir_listen_peer(from, &port);
	struct weir_session *s;
	int place;

	if (!weir_allow_has(x->options.allow, &addr)) {
		x->stats.refused_address++;
		(void)close(fd);
		return;
	}
	place = find_place(x, &addr);
	if (place < 0) {
		x->stats.refused_limit++;
		(void)close(fd);
		return;
	}
	keep_alive(fd);
	if (weir_session_new(fd, l->tls ? x->options.tls : NULL, &s)) {
		x->stats.refused_limit++;
		return;
	}
	event.data.u32 = x->listeners + (unsigned)place;
	if (epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &event)) {
		x->stats.refused_limit++;
		weir_session_free(s);
		return;
	}
	s->number = ++x->number;
	s->addr = addr;
	s->port = port;
	s->opened_ns = s->heard_ns = mono_ns(x);
	x->session[place] = s;
	x->stats.accepted++;
	x->stats.open++;
}

/* No descriptors are left: take the connection all the same, to close it, or it would be told of for ever. False where
 * there is none: accept4() asks for the descriptor first. */
static bool turn_away(struct weir_sessions *x, const struct listener *l)
{
	int fd;

	if (x->spare >= 0)
		(void)close(x->spare);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		(void)close(fd);
		x->stats.refused_limit++;
	}
	x->spare = fcntl(x->epoll, F_DUPFD_CLOEXEC, 0);
	return fd >= 0;
}

static void accept_some(struct weir_sessions *x, const struct listener *l)
{
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_in6 from = {0};
		socklen_t len = sizeof(from);
		int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(x, l, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE) {
			if (!turn_away(x, l))
				return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* --- receiving ------------------------------------------------------------------------------------------------------ */

static bool take(void *ctx, const uint8_t *data, size_t len)
{
	struct weir_sessions *x = ctx;
	const struct weir_datagram datagram = {
		.data = data,
		.len = len,
		.exporter = x->current->addr,
		.exporter_port = x->current->port,
		.received_ms = weir_clock_wall_ns(x->options.clock) / WEIR_NS_PER_MS,
		.clock_ms = mono_ns(x) / WEIR_NS_PER_MS,
		.session = x->current->number,
	};

	x->taken++;
	x->stats.messages++;
	x->stats.bytes += len;
	return x->handler->take(x->handler->ctx, &datagram);
}

static void receive(struct weir_sessions *x, unsigned place)
{
	struct weir_session *s = x->session[place];
	bool wanted_write;
	enum weir_session_end end;

	if (!s)
		return; /* ended since the event came */
	wanted_write = s->wants_write;
	x->current = s;
	end = weir_session_receive(s, mono_ns(x), take, x);
	if (end) {
		end_session(x, place, end);
	} else if (s->wants_write != wanted_write) {
		struct epoll_event event = {.events = EPOLLIN | (s->wants_write ? (uint32_t)EPOLLOUT : 0),
					    .data.u32 = x->listeners + place};

		(void)epoll_ctl(x->epoll, EPOLL_CTL_MOD, s->fd, &event);
	}
}

static void end_overdue(struct weir_sessions *x)
{
	int64_t now = mono_ns(x);

	if (now < x->due_ns)
		return;
	x->due_ns = now + DUE_MS * WEIR_NS_PER_MS;
	for (unsigned i = 0; i < x->options.sessions_max; i++) {
		enum weir_session_end end;

		if (!x->session[i])
			continue;
		end = weir_session_due(x->session[i], now, x->options.timeout_ms * WEIR_NS_PER_MS,
				       x->options.idle_ms * WEIR_NS_PER_MS);
		if (end)
			end_session(x, i, end);
	}
}

int weir_sessions_poll(struct weir_sessions *sessions, int timeout_ms, const struct weir_sessions_handler *handler)
{
	struct weir_sessions *x = sessions;
	struct epoll_event event[EVENTS_MAX];
	int n = epoll_wait(x->epoll, event, EVENTS_MAX, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -errno;
	x->handler = handler;
	x->taken = 0;
	/* Bytes before listeners, so that a session that has just said something is not taken for a silent one. */
	for (int i = 0; i < n; i++) {
		if (event[i].data.u32 >= x->listeners)
			receive(x, event[i].data.u32 - x->listeners);
	}
	for (int i = 0; i < n; i++) {
		if (event[i].data.u32 < x->listeners)
			accept_some(x, &x->listener[event[i].data.u32]);
	}
	end_overdue(x);
	x->handler = NULL;
	return x->taken;
}

const struct weir_sessions_stats *weir_sessions_stats(const struct weir_sessions *sessions)
{
	return &sessions->stats;
}

const char *weir_sessions_bound(const struct weir_sessions *sessions, unsigned index, bool *ret_tls)
{
	if (index >= sessions->listeners)
		return NULL;
	*ret_tls = sessions->listener[index].tls;
	return sessions->listener[index].bound;
}
