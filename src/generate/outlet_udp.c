/* UDP from many source addresses through one socket: each message names its source in a control message
 * (IP_PKTINFO, IPV6_PKTINFO), which on loopback may be any of 127.0.0.0/8. So thousands of exporters need one
 * descriptor, and messages of different exporters share a sendmmsg(2).
 *
 * The socket waits where its send buffer is full. What a slow reader on loopback cannot take, the kernel drops on
 * the reader's side without a word to the sender: only a lower rate or a larger receive buffer helps. IP_RECVERR
 * brings back the one thing that can be known, that no process has the port. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "export/endpoint.h"
#include "generate/outlet_kind.h"

enum {
	BATCH = 64,
	SEND_BUFFER_BYTES = 1 << 20,
	WAIT_NS = 1000000, /* before a datagram is tried again */
	TRIES_MAX = 10000, /* ten seconds without progress */
};

union control {
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

struct udp {
	struct weir_outlet base;
	int fd;
	struct weir_endpoint target;
	uint32_t max_bytes;
	unsigned queued;
	uint8_t *data; /* BATCH * max_bytes, owned */
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	union control control[BATCH];
};

static int choose_sources(const struct weir_outlet_udp_options *options, struct udp *u, struct weir_error *err)
{
	bool v4 = u->target.addr.ss_family == AF_INET;

	u->base.has_sources = options->source_asked || (v4 && weir_endpoint_is_loopback(&u->target));
	if (u->base.has_sources && weir_addr_is_v4(options->source) != v4)
		return weir_error_set(err, -EINVAL, u->base.name, "give a --source of the target's family, or leave it out",
				      "the target is IPv%d and the source is not", v4 ? 4 : 6);
	return 0;
}

static int open_socket(struct udp *u, struct weir_error *err)
{
	bool v6 = u->target.addr.ss_family == AF_INET6;
	int bytes = SEND_BUFFER_BYTES, on = 1;

	u->fd = socket(u->target.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return weir_error_set(err, -errno, u->base.name, NULL, "socket: %s", strerror(errno));
	(void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(u->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
	return 0;
}

static void prepare_batch(struct udp *u)
{
	for (unsigned i = 0; i < BATCH; i++) {
		u->iov[i].iov_base = u->data + (size_t)i * u->max_bytes;
		u->message[i].msg_hdr = (struct msghdr){
			.msg_name = &u->target.addr,
			.msg_namelen = u->target.len,
			.msg_iov = &u->iov[i],
			.msg_iovlen = 1,
		};
	}
}

static void set_source(struct udp *u, unsigned at, const struct weir_addr *source)
{
	struct msghdr *header = &u->message[at].msg_hdr;
	bool v6 = u->target.addr.ss_family == AF_INET6;
	struct in6_pktinfo info6 = {0};
	struct in_pktinfo info4 = {0};
	size_t len = v6 ? sizeof(info6) : sizeof(info4);
	struct cmsghdr *c;

	header->msg_control = &u->control[at];
	header->msg_controllen = CMSG_SPACE(len);
	memset(&u->control[at], 0, sizeof(u->control[at]));
	c = CMSG_FIRSTHDR(header);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(&info4.ipi_spec_dst, &source->byte[12], 4);
	memcpy(&info6.ipi6_addr, source->byte, 16);
	memcpy(CMSG_DATA(c), v6 ? (void *)&info6 : (void *)&info4, len);
}

static int fail(struct udp *u, int code, struct weir_error *err)
{
	if (code == EINVAL || code == EADDRNOTAVAIL || code == ENETUNREACH)
		return weir_error_set(err, -code, u->base.name, "give this machine the --source addresses and a route, or leave it out",
				      "the kernel does not send there from that source address: %s", strerror(code));
	return weir_error_set(err, -code, u->base.name, NULL, "cannot send: %s", strerror(code));
}

/* The kernel refused a datagram. 0: try it again. */
static int refused(struct udp *u, int code, unsigned *tries, struct weir_error *err)
{
	const struct timespec wait = {.tv_nsec = WAIT_NS};

	switch (code) {
	case ECONNREFUSED: /* said of an earlier datagram; this one was not sent */
		u->base.stats.refused++;
		return 0;
	case EINTR:
		return 0;
	case ENOBUFS:
	case EAGAIN:
	case ENOMEM:
		if (++*tries > TRIES_MAX)
			return fail(u, code, err);
		u->base.stats.retries++;
		(void)nanosleep(&wait, NULL);
		return 0;
	default:
		return fail(u, code, err);
	}
}

static int udp_flush(struct weir_outlet *outlet, struct weir_error *err)
{
	struct udp *u = (struct udp *)outlet;
	unsigned at = 0, tries = 0;
	int rc = 0, pending = 0;
	socklen_t len = sizeof(pending);

	while (at < u->queued && !rc) {
		int sent = sendmmsg(u->fd, &u->message[at], u->queued - at, 0);

		if (sent > 0) {
			for (int i = 0; i < sent; i++)
				outlet->stats.bytes += u->iov[at + (unsigned)i].iov_len;
			outlet->stats.datagrams += (uint64_t)sent;
			at += (unsigned)sent;
			tries = 0;
		} else {
			rc = refused(u, errno, &tries, err);
		}
	}
	u->queued = 0;
	/* On loopback the answer to the last one is there already. */
	if (!getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &pending, &len) && pending == ECONNREFUSED)
		outlet->stats.refused++;
	return rc;
}

static int udp_send(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		    size_t len, struct weir_error *err)
{
	struct udp *u = (struct udp *)outlet;
	unsigned at = u->queued;

	(void)now_ms;
	if (len > u->max_bytes)
		return weir_error_set(err, -EMSGSIZE, outlet->name, NULL, "a message of %zu bytes is too long", len);
	memcpy(u->iov[at].iov_base, data, len);
	u->iov[at].iov_len = len;
	if (outlet->has_sources)
		set_source(u, at, source);
	u->queued++;
	return u->queued == BATCH ? udp_flush(outlet, err) : 0;
}

static void udp_close(struct weir_outlet *outlet)
{
	struct udp *u = (struct udp *)outlet;

	if (u->fd >= 0)
		(void)close(u->fd);
	free(u->data);
	free(u);
}

static const struct weir_outlet_kind kind = {.send = udp_send, .flush = udp_flush, .close = udp_close};

int weir_outlet_udp_open(const struct weir_outlet_udp_options *options, struct weir_outlet **ret_outlet,
			 struct weir_error *err)
{
	struct udp *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return weir_error_set(err, -ENOMEM, options->target, NULL, "no memory");
	u->base.kind = &kind;
	u->fd = -1;
	u->max_bytes = options->max_bytes;
	(void)snprintf(u->base.name, sizeof(u->base.name), "%s", options->target);
	u->data = malloc((size_t)BATCH * options->max_bytes);
	rc = u->data ? weir_endpoint_parse(options->target, SOCK_DGRAM, &u->target, err)
		     : weir_error_set(err, -ENOMEM, options->target, NULL, "no memory");
	if (!rc && !options->allow_remote && !weir_endpoint_is_loopback(&u->target))
		rc = weir_error_set(err, -EPERM, options->target, "--allow-remote, if that machine's keeper agrees",
				    "this is not a loopback address, and made traffic fills a collector with made flows");
	if (!rc)
		rc = choose_sources(options, u, err);
	if (!rc)
		rc = open_socket(u, err);
	if (rc) {
		udp_close(&u->base);
		return rc;
	}
	prepare_batch(u);
	*ret_outlet = &u->base;
	return 0;
}
