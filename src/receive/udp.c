/* UDP workers.
 *
 * Sharing. The kernel would spread datagrams over the workers' sockets by a hash of addresses and ports. An exporter
 * that sends its templates from one port and its data from another (line cards do) would then not be understood. So
 * each group of sockets gets a classic BPF program (SO_ATTACH_REUSEPORT_CBPF) that takes the worker from the source
 * address; the n-th socket bound is the n-th worker's.
 *
 * Busy ports. SO_REUSEPORT lets any process of the same user join in and take a part of the flows in silence, a second
 * collector started by mistake for one. So every address is first bound without it, which fails if anybody has it.
 *
 * Naps. Waking up costs as much as reading several datagrams. So when the sockets are empty the worker sleeps a little
 * before it looks again, and only a nap that brought nothing makes it wait in poll(2). A nap is as long as a link of
 * 10 Gbit/s takes to fill an eighth of the buffer, so nothing can be lost by it.
 */
#include "receive/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "receive/listen.h"

#define BATCH_DEFAULT 64
#define BATCH_MAX     1024
#define DATAGRAM_MAX  65536 /* a UDP datagram has at most 65,527 bytes of payload, jumbograms aside */
#define CONTROL_MAX   128
#define ROUNDS_MAX    8 /* batches from one socket before the others have their turn */
#define NAP_MAX_NS    5000000
#define NAP_MIN_NS    200000 /* a shorter one is not worth it */
#define NAP_SHARE     8

struct weir_udp {
	struct pollfd socket[WEIR_UDP_LISTENS_MAX];
	uint32_t drops[WEIR_UDP_LISTENS_MAX]; /* the kernel's counter at the last look, modulo 2^32 */
	char bound[WEIR_UDP_LISTENS_MAX][WEIR_UDP_TEXT_MAX];
	unsigned sockets;
	unsigned batch;
	int receive_buffer;
	const struct weir_allow *allow; /* borrowed */
	bool nap; /* there were datagrams the last time */
	void (*batch_end)(void *ctx);	/* or NULL */
	struct weir_udp_stats stats;
	struct mmsghdr *message; /* batch each, owned, like the memory that they point to */
	struct iovec *iovec;
	struct sockaddr_in6 *from;
	uint8_t *data;
	uint8_t control[CONTROL_MAX] __attribute__((aligned(8))); /* of a batch's first datagram */
};

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* The worker of a datagram, from its source address: multiply, shift, modulo; weir_udp_worker_of() says the same. */
static int attach_spreading(int fd, unsigned workers)
{
	enum { NET = SKF_NET_OFF };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)NET),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(NET + 12)), /* IPv4: the source address */
		BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(NET + 12)), /* IPv6: words 2 and 4 of it */
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(NET + 20)),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1U),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) ? -errno : 0;
}

static int set_options(int fd, const struct weir_udp_options *options)
{
	int on = 1;
	int size = options->receive_buffer_bytes;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		return -errno;
	/* FORCE goes beyond net.core.rmem_max, but needs CAP_NET_ADMIN. */
	if (size > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		return -errno;
	return 0;
}

/* Does anybody have the address? */
static int check_free(const struct sockaddr *address, socklen_t len, bool both)
{
	int fd = weir_listen_socket(SOCK_DGRAM, address, both);
	int rc;

	if (fd < 0)
		return fd;
	rc = bind(fd, address, len) ? -errno : 0;
	(void)close(fd);
	return rc;
}

static int bind_socket(struct weir_udp *udp, const struct weir_udp_options *options, const struct sockaddr *address,
		       socklen_t len, bool both)
{
	struct sockaddr_storage actual;
	socklen_t actual_len = sizeof(actual);
	socklen_t size_len = sizeof(udp->receive_buffer);
	int fd;
	int rc;

	if (udp->sockets == WEIR_UDP_LISTENS_MAX)
		return -E2BIG;
	fd = weir_listen_socket(SOCK_DGRAM, address, both);
	if (fd < 0)
		return fd;
	rc = set_options(fd, options);
	if (!rc && bind(fd, address, len))
		rc = -errno;
	if (!rc && getsockname(fd, (struct sockaddr *)&actual, &actual_len))
		rc = -errno;
	if (!rc && getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &udp->receive_buffer, &size_len))
		rc = -errno;
	if (rc) {
		(void)close(fd);
		return rc;
	}
	weir_listen_text((const struct sockaddr *)&actual, actual_len, udp->bound[udp->sockets]);
	udp->socket[udp->sockets++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return 0;
}

/* A port of 0 is chosen by the kernel for the first worker, and is the others' too. */
static void keep_port(const struct weir_udp *first, struct sockaddr *address)
{
	struct sockaddr_storage actual;
	socklen_t len = sizeof(actual);

	if (getsockname(first->socket[first->sockets - 1].fd, (struct sockaddr *)&actual, &len))
		return;
	/* sin_port and sin6_port stand at the same place. */
	((struct sockaddr_in *)(void *)address)->sin_port = ((struct sockaddr_in *)(void *)&actual)->sin_port;
}

/* One address for all workers. */
static int bind_address(const struct weir_udp_options *options, unsigned workers, struct weir_udp **udp,
			struct sockaddr *address, socklen_t len, bool both)
{
	int rc = check_free(address, len, both);

	for (unsigned i = 0; !rc && i < workers; i++) {
		rc = bind_socket(udp[i], options, address, len, both);
		if (!rc && i == 0)
			keep_port(udp[0], address);
	}
	if (!rc && workers > 1)
		rc = attach_spreading(udp[0]->socket[udp[0]->sockets - 1].fd, workers);
	return rc;
}

/* What weir_listen_bind() hands through. */
struct opening {
	const struct weir_udp_options *options;
	unsigned workers;
	struct weir_udp **udp;
};

static int bind_opening(void *ctx, struct sockaddr *address, socklen_t len, bool both)
{
	struct opening *o = ctx;

	return bind_address(o->options, o->workers, o->udp, address, len, both);
}

static struct weir_udp *udp_new(unsigned batch)
{
	struct weir_udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return NULL;
	udp->batch = batch;
	udp->message = calloc(batch, sizeof(*udp->message));
	udp->iovec = calloc(batch, sizeof(*udp->iovec));
	udp->from = calloc(batch, sizeof(*udp->from));
	/* Untouched pages cost nothing: what long datagrams never reach stays unused. */
	udp->data = malloc((size_t)batch * DATAGRAM_MAX);
	if (!udp->message || !udp->iovec || !udp->from || !udp->data) {
		weir_udp_close(udp);
		return NULL;
	}
	for (unsigned i = 0; i < batch; i++) {
		struct msghdr *h = &udp->message[i].msg_hdr;

		udp->iovec[i] = (struct iovec){.iov_base = udp->data + (size_t)i * DATAGRAM_MAX, .iov_len = DATAGRAM_MAX};
		h->msg_iov = &udp->iovec[i];
		h->msg_iovlen = 1;
		h->msg_name = &udp->from[i];
		h->msg_control = i ? NULL : udp->control;
	}
	return udp;
}

int weir_udp_open(const struct weir_udp_options *options, unsigned workers, struct weir_udp **ret_udp,
		  struct weir_error *err)
{
	unsigned batch = options->batch ? options->batch : BATCH_DEFAULT;
	struct weir_udp **udp;
	struct opening opening = {.options = options, .workers = workers};
	const struct weir_listen listen = {
		.option = options->option ? options->option : "collect.listen", .type = SOCK_DGRAM, .bind = bind_opening, .ctx = &opening};
	int rc = 0;

	if (!workers || !options->listens || options->listens > WEIR_UDP_LISTENS_MAX)
		return weir_error_set(err, -EINVAL, listen.option, NULL, "give 1 to %d addresses to listen on",
				      WEIR_UDP_LISTENS_MAX);
	udp = calloc(workers, sizeof(struct weir_udp *));
	opening.udp = udp;
	for (unsigned i = 0; udp && i < workers; i++) {
		udp[i] = udp_new(batch < BATCH_MAX ? batch : BATCH_MAX);
		if (!udp[i]) {
			rc = -ENOMEM;
			continue;
		}
		udp[i]->allow = options->allow;
		udp[i]->batch_end = options->batch_end;
	}
	if (!udp || rc)
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	for (unsigned i = 0; !rc && i < options->listens; i++)
		rc = weir_listen_bind(&listen, options->listen[i], err);
	if (rc) {
		for (unsigned i = 0; udp && i < workers; i++)
			weir_udp_close(udp[i]);
	} else {
		memcpy(ret_udp, udp, workers * sizeof(struct weir_udp *));
	}
	free(udp);
	return rc;
}

void weir_udp_close(struct weir_udp *udp)
{
	if (!udp)
		return;
	for (unsigned i = 0; i < udp->sockets; i++)
		(void)close(udp->socket[i].fd);
	free(udp->message);
	free(udp->iovec);
	free(udp->from);
	free(udp->data);
	free(udp);
}

/* --- receiving -------------------------------------------------------------------------------------------------- */

/* The counter of a socket, modulo 2^32. A datagram has that of when it came, which may be before the last look. */
static void count_drops(struct weir_udp *udp, unsigned socket, uint32_t drops)
{
	uint32_t more = drops - udp->drops[socket];

	if (more > INT32_MAX)
		return;
	udp->stats.kernel_drops += more;
	udp->drops[socket] = drops;
}

/* When the first datagram of a batch came, and how many of the socket's were dropped before it. For every datagram this
 * would be a tenth of what receiving costs; those of a batch came within a nap of each other. */
static int64_t read_control(struct weir_udp *udp, unsigned socket, struct msghdr *h)
{
	int64_t received_ms = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			received_ms = (int64_t)t.tv_sec * WEIR_MS_PER_S + t.tv_nsec / WEIR_NS_PER_MS;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			count_drops(udp, socket, drops);
		}
	}
	return received_ms ? received_ms : weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
}

static int read_batch(struct weir_udp *udp, unsigned socket,
		      void (*take)(void *ctx, const struct weir_datagram *datagram), void *ctx)
{
	int64_t received_ms = 0;
	int64_t clock_ms;
	int n;

	for (unsigned i = 0; i < udp->batch; i++) {
		udp->message[i].msg_hdr.msg_namelen = sizeof(udp->from[i]);
		udp->message[i].msg_hdr.msg_controllen = i ? 0 : CONTROL_MAX;
	}
	n = recvmmsg(udp->socket[socket].fd, udp->message, udp->batch, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0 : -errno;
	clock_ms = weir_clock_mono_ns(&weir_clock_system) / WEIR_NS_PER_MS;
	for (int i = 0; i < n; i++) {
		struct msghdr *h = &udp->message[i].msg_hdr;
		struct weir_datagram d = {.data = h->msg_iov->iov_base, .len = udp->message[i].msg_len};

		if (i == 0)
			received_ms = read_control(udp, socket, h);
		d.received_ms = received_ms;
		d.clock_ms = clock_ms;
		d.exporter = weir_listen_peer(h->msg_name, &d.exporter_port);
		if (!weir_allow_has(udp->allow, &d.exporter)) {
			udp->stats.refused++;
			continue;
		}
		udp->stats.datagrams++;
		udp->stats.bytes += d.len;
		udp->stats.truncated += (h->msg_flags & MSG_TRUNC) != 0;
		take(ctx, &d);
	}
	if (udp->batch_end && n > 0)
		udp->batch_end(ctx);
	return n;
}

/* Several batches; *ret_all when there is nothing more. */
static int read_socket(struct weir_udp *udp, unsigned socket,
		       void (*take)(void *ctx, const struct weir_datagram *datagram), void *ctx, bool *ret_all)
{
	int total = 0;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int n = read_batch(udp, socket, take, ctx);

		if (n < 0)
			return n;
		total += n;
		if (n < (int)udp->batch)
			return total;
	}
	*ret_all = false;
	return total;
}

/* 10 Gbit/s are 1.25 bytes a nanosecond, and a buffer holds about half its size in payload. */
static void nap(const struct weir_udp *udp)
{
	long ns = udp->receive_buffer / (NAP_SHARE * 5 / 2);
	struct timespec t = {.tv_nsec = ns < NAP_MAX_NS ? ns : NAP_MAX_NS};

	if (ns >= NAP_MIN_NS)
		(void)nanosleep(&t, NULL);
}

int weir_udp_poll(struct weir_udp *udp, int timeout_ms,
		  void (*take)(void *ctx, const struct weir_datagram *datagram), void *ctx)
{
	bool all = true;
	int total = 0;
	int ready;

	if (udp->nap && timeout_ms)
		nap(udp);
	ready = poll(udp->socket, udp->sockets, udp->nap ? 0 : timeout_ms);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	for (unsigned i = 0; ready && i < udp->sockets; i++) {
		int n = udp->socket[i].revents ? read_socket(udp, i, take, ctx, &all) : 0;

		if (n < 0)
			return n;
		total += n;
	}
	udp->nap = total > 0 && all;
	return total;
}

#define THIN_LENGTH (4 + WEIR_FAIRNESS_THINNED_MAX * 13)

/* So many in 65536 are taken, at random. */
static unsigned emit_keep(struct sock_filter *code, unsigned n, uint32_t keep)
{
	const struct sock_filter part[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, keep, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};

	memcpy(code + n, part, sizeof(part));
	return n + sizeof(part) / sizeof(part[0]);
}

/* The source of each datagram against one of the list: the words of its address at `offset` of the network header. */
static unsigned emit_source(struct sock_filter *code, unsigned n, const struct weir_fairness_thinning *t, unsigned first_word,
			    unsigned offset)
{
	for (unsigned word = first_word; word < 4; word++) {
		uint32_t value;
		/* Past the other words and the five of emit_keep(). */
		uint8_t skip = (uint8_t)((3 - word) * 2 + 5);

		memcpy(&value, &t->source.byte[word * 4], sizeof(value));
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + (int)(offset + (word - first_word) * 4)));
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(value), 0, skip);
	}
	return emit_keep(code, n, t->keep);
}

/* IPv4 and IPv6 sources, each compared with datagrams of their version. */
static unsigned thinning_program(const struct weir_fairness_thinning *thinning, unsigned n, struct sock_filter *code)
{
	unsigned len = 3;
	unsigned v6_at;

	for (unsigned i = 0; i < n; i++) {
		if (weir_addr_is_v4(&thinning[i].source))
			len = emit_source(code, len, &thinning[i], 3, 12);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	v6_at = len;
	for (unsigned i = 0; i < n; i++) {
		if (!weir_addr_is_v4(&thinning[i].source))
			len = emit_source(code, len, &thinning[i], 0, 8);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF);
	code[1] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4);
	code[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, (uint8_t)(v6_at - 3), 0);
	return len;
}

int weir_udp_thin(struct weir_udp *udp, const struct weir_fairness_thinning *thinning, unsigned n)
{
	struct sock_filter code[THIN_LENGTH + 1];
	struct sock_fprog program = {.filter = code};
	int zero = 0;

	program.len = (unsigned short)thinning_program(thinning, n, code);
	for (unsigned i = 0; i < udp->sockets; i++) {
		int rc = n ? setsockopt(udp->socket[i].fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
			   : setsockopt(udp->socket[i].fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero));

		if (rc && (n || errno != ENOENT))
			return -errno;
	}
	return 0;
}

double weir_udp_look(struct weir_udp *udp)
{
	double fullest = 0;

	for (unsigned i = 0; i < udp->sockets; i++) {
		uint32_t memory[SK_MEMINFO_VARS] = {0};
		socklen_t len = sizeof(memory);

		if (getsockopt(udp->socket[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &len) || !memory[SK_MEMINFO_RCVBUF])
			continue;
		count_drops(udp, i, memory[SK_MEMINFO_DROPS]);
		if ((double)memory[SK_MEMINFO_RMEM_ALLOC] / memory[SK_MEMINFO_RCVBUF] > fullest)
			fullest = (double)memory[SK_MEMINFO_RMEM_ALLOC] / memory[SK_MEMINFO_RCVBUF];
	}
	return fullest;
}

const struct weir_udp_stats *weir_udp_stats(const struct weir_udp *udp)
{
	return &udp->stats;
}

const char *weir_udp_bound(const struct weir_udp *udp, unsigned index)
{
	return index < udp->sockets ? udp->bound[index] : NULL;
}

int weir_udp_receive_buffer(const struct weir_udp *udp)
{
	return udp->receive_buffer;
}

unsigned weir_udp_worker_of(const struct weir_addr *source, unsigned workers)
{
	uint32_t word = weir_be32(source->byte + 12);

	if (workers < 2)
		return 0;
	if (!weir_addr_is_v4(source))
		word ^= weir_be32(source->byte + 4);
	return ((word + 1) * 0x9e3779b1U >> 16) % workers;
}
