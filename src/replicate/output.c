/* Sending.
 *
 * Rewritten source: a connected socket a lane, so that the kernel keeps the route and a collector that is gone is known
 * by ECONNREFUSED. Copies of one length go to the kernel as one message that it takes apart (UDP_SEGMENT): most of the
 * time of a copy is the way down to the device, which they share. To have more of one length together the copies of
 * a batch are sent in another order, but each exporter's in their own. Where a path cannot do that they go singly.
 *
 * Kept source: exporters that send much have a socket that is bound to their address (senders.h), and of each exporter's
 * copies those of one length make one message as above. For the others the IP and UDP headers are written here, once for each
 * copy, before the payload, and go through the worker's raw socket. The payload is summed once for all copies.
 *
 * A pending error of a connected socket is told in place of the next sending, which has not happened then: it is
 * repeated once. Nothing here waits: what finds no room in the socket's buffer is dropped and counted, for one slow
 * output must not delay the others. */
#include "replicate/output.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replicate/rendezvous.h"

#define QUEUE         64
#define SEND_BUFFER   (4 << 20)
#define SEGMENTS_MAX  64    /* the kernel's UDP_MAX_SEGMENTS */
#define SEGMENTED_MAX 65000 /* bytes of all together: below what an IP packet can have */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

const char *const weir_replicate_output_errors[WEIR_REPLICATE_OUTPUT_ERRORS] = {
	[WEIR_REPLICATE_OUTPUT_REFUSED] = "refused",   [WEIR_REPLICATE_OUTPUT_BUSY] = "busy",
	[WEIR_REPLICATE_OUTPUT_TOO_LONG] = "too_long", [WEIR_REPLICATE_OUTPUT_FAMILY] = "family",
	[WEIR_REPLICATE_OUTPUT_OTHER] = "other",
};

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct weir_replicate_output_lane {
	int fd;            /* owned, unless it is the worker's raw socket */
	int segment_below; /* lengths from here on cannot be segmented; 0: none can */
	unsigned queued;
	unsigned parts; /* iovecs of a copy: 1, or 2 with a header */
	struct weir_replicate_output_stats stats;
	struct mmsghdr message[QUEUE];
	struct iovec iovec[QUEUE * 2];
	uint8_t header[QUEUE][WEIR_HEADER_MAX];
	int sender[QUEUE];	 /* the socket of each, where the source is kept; -1: the raw one */
	bool has_senders;	 /* one that is not -1 is queued */
	uint8_t exporter[QUEUE]; /* a number below 64 of each, by its address */
	struct iovec gathered[QUEUE];
	struct mmsghdr segmented[QUEUE];
	union control control[QUEUE];
};

/* --- opening ------------------------------------------------------------------------------------------------- */

static int resolve(struct weir_replicate_output *o, struct weir_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(o->spec.host, o->spec.port, &hints, &found);

	if (rc)
		return weir_error_set(err, -EADDRNOTAVAIL, o->spec.target, "give its address in place of the name",
				      "the output cannot be found: %s", gai_strerror(rc));
	memcpy(&o->address, found->ai_addr, found->ai_addrlen);
	o->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	if (o->address.ss_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, &o->address, sizeof(v4));
		o->to = weir_addr_from_v4((const uint8_t *)&v4.sin_addr);
		o->to_port = ntohs(v4.sin_port);
		o->raw_address = o->address;
	} else {
		struct sockaddr_in6 v6;

		memcpy(&v6, &o->address, sizeof(v6));
		memcpy(o->to.byte, &v6.sin6_addr, sizeof(o->to.byte));
		o->to_port = ntohs(v6.sin6_port);
		v6.sin6_port = 0; /* raw sockets take the protocol for the port */
		memcpy(&o->raw_address, &v6, sizeof(v6));
	}
	return 0;
}

int weir_replicate_output_connect(const struct weir_replicate_output *output)
{
	int v6 = output->address.ss_family == AF_INET6;
	int on = 1;
	int size = SEND_BUFFER;
	int fd = socket(output->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on)) ||
	    connect(fd, (const struct sockaddr *)&output->address, output->address_len)) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	return fd;
}

static void lane_prepare(struct weir_replicate_output *o, struct weir_replicate_output_lane *lane)
{
	lane->parts = o->spec.keep_source ? 2 : 1;
	lane->segment_below = INT32_MAX;
	for (unsigned i = 0; i < QUEUE; i++) {
		struct msghdr *h = &lane->message[i].msg_hdr;

		h->msg_iov = &lane->iovec[i * lane->parts];
		h->msg_iovlen = lane->parts;
		if (!o->spec.keep_source)
			continue;
		lane->iovec[i * 2].iov_base = lane->header[i];
		h->msg_name = &o->raw_address;
		h->msg_namelen = o->address_len;
	}
}

static int lanes_open(struct weir_replicate_output *o, const struct weir_replicate_output_raw *raw,
		      struct weir_error *err)
{
	for (unsigned i = 0; i < o->workers; i++) {
		struct weir_replicate_output_lane *lane = &o->lane[i];

		lane_prepare(o, lane);
		if (o->spec.keep_source)
			lane->fd = o->address.ss_family == AF_INET ? raw[i].v4 : raw[i].v6;
		else
			lane->fd = weir_replicate_output_connect(o);
		if (lane->fd < 0)
			return weir_error_set(err, lane->fd, o->spec.target, NULL, "cannot send there: %s", strerror(-lane->fd));
	}
	return 0;
}

int weir_replicate_output_new(struct weir_replicate_spec *spec, unsigned workers,
			      const struct weir_replicate_output_raw *raw, struct weir_replicate_output **ret_output,
			      struct weir_error *err)
{
	struct weir_replicate_output *o = calloc(1, sizeof(*o));
	int rc;

	if (o)
		o->lane = calloc(workers, sizeof(*o->lane));
	if (!o || !o->lane) {
		weir_replicate_spec_done(spec);
		free(o);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	o->references = 1;
	o->spec = *spec;
	spec->from = NULL;
	spec->except = NULL;
	o->workers = workers;
	o->up = true;
	o->key = weir_replicate_rendezvous_key(spec->target);
	pthread_mutex_init(&o->lock, NULL);
	for (unsigned i = 0; i < workers; i++)
		o->lane[i].fd = -1;
	rc = resolve(o, err);
	if (!rc)
		rc = lanes_open(o, raw, err);
	if (rc)
		weir_replicate_output_unref(o);
	else
		*ret_output = o;
	return rc;
}

struct weir_replicate_output *weir_replicate_output_ref(struct weir_replicate_output *output)
{
	(void)__atomic_add_fetch(&output->references, 1, __ATOMIC_RELAXED);
	return output;
}

void weir_replicate_output_unref(struct weir_replicate_output *output)
{
	if (!output || __atomic_sub_fetch(&output->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < output->workers && !output->spec.keep_source; i++) {
		if (output->lane[i].fd >= 0)
			(void)close(output->lane[i].fd);
	}
	pthread_mutex_destroy(&output->lock);
	weir_replicate_spec_done(&output->spec);
	free(output->lane);
	free(output);
}

bool weir_replicate_output_is(const struct weir_replicate_output *output, const struct weir_replicate_spec *spec)
{
	struct weir_replicate_output now = {.spec = *spec};

	return strcmp(output->spec.text, spec->text) == 0 && output->spec.keep_source == spec->keep_source &&
	       strcmp(output->spec.group, spec->group) == 0 && resolve(&now, NULL) == 0 &&
	       now.address_len == output->address_len && memcmp(&now.address, &output->address, now.address_len) == 0;
}

/* --- sending ------------------------------------------------------------------------------------------------- */

int weir_replicate_output_socket(const struct weir_replicate_output *output, unsigned worker)
{
	return output->lane[worker].fd;
}

void weir_replicate_output_clear_errors(int fd)
{
	uint8_t data[64];
	uint8_t control[512];
	struct iovec iovec = {data, sizeof(data)};
	struct msghdr h = {.msg_iov = &iovec, .msg_iovlen = 1, .msg_control = control};
	int error;
	socklen_t len = sizeof(error);

	do
		h.msg_controllen = sizeof(control);
	while (recvmsg(fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

static enum weir_replicate_output_error error_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
		return WEIR_REPLICATE_OUTPUT_REFUSED;
	case EAGAIN:
	case ENOBUFS:
		return WEIR_REPLICATE_OUTPUT_BUSY;
	case EMSGSIZE:
		return WEIR_REPLICATE_OUTPUT_TOO_LONG;
	default:
		return WEIR_REPLICATE_OUTPUT_OTHER;
	}
}

/* How messages go: by which socket, and what each copy of them consists of. */
struct way {
	int fd;
	unsigned parts;	     /* iovecs of a copy */
	size_t header_bytes; /* of a copy, which are no payload */
};

/* Copies that a message holds, and payload in them. */
static void count_sent(struct weir_replicate_output_lane *lane, const struct way *way, const struct mmsghdr *message,
		       int count)
{
	uint64_t datagrams = 0;
	uint64_t bytes = 0;

	for (int i = 0; i < count; i++) {
		datagrams += message[i].msg_hdr.msg_iovlen / way->parts;
		bytes += message[i].msg_len;
	}
	weir_replicate_count(&lane->stats.datagrams, datagrams);
	weir_replicate_count(&lane->stats.bytes, bytes - datagrams * way->header_bytes);
}

static bool send_messages(struct weir_replicate_output_lane *lane, const struct way *way, struct mmsghdr *message,
			  int count);

/* A message of segments that the path cannot do: one by one, and so from now on. */
static bool send_apart(struct weir_replicate_output_lane *lane, const struct way *way, const struct msghdr *segmented,
		       int error)
{
	struct mmsghdr single[SEGMENTS_MAX] = {0};
	int count = (int)segmented->msg_iovlen;

	lane->segment_below = error == EINVAL || error == EMSGSIZE ? (int)segmented->msg_iov[0].iov_len : 0;
	for (int i = 0; i < count; i++) {
		single[i].msg_hdr.msg_name = segmented->msg_name;
		single[i].msg_hdr.msg_namelen = segmented->msg_namelen;
		single[i].msg_hdr.msg_iov = &segmented->msg_iov[i];
		single[i].msg_hdr.msg_iovlen = 1;
	}
	return send_messages(lane, way, single, count);
}

/* True when it was refused. */
static bool send_messages(struct weir_replicate_output_lane *lane, const struct way *way, struct mmsghdr *message,
			  int count)
{
	bool refused = false;
	bool again = false;

	for (int at = 0; at < count;) {
		int n = sendmmsg(way->fd, message + at, (unsigned)(count - at), MSG_DONTWAIT);
		int error = n < 0 ? errno : 0;
		enum weir_replicate_output_error kind = error_of(error);

		if (n > 0) {
			count_sent(lane, way, message + at, n);
			at += n;
			again = false;
		} else if (error == EINTR) {
			continue;
		} else if (kind == WEIR_REPLICATE_OUTPUT_REFUSED && !again) {
			weir_replicate_output_clear_errors(way->fd);
			refused = true;
			again = true;
		} else if (message[at].msg_hdr.msg_controllen && kind != WEIR_REPLICATE_OUTPUT_BUSY &&
			   kind != WEIR_REPLICATE_OUTPUT_REFUSED) {
			refused |= send_apart(lane, way, &message[at].msg_hdr, error);
			at++;
		} else {
			weir_replicate_count(&lane->stats.error[kind], message[at].msg_hdr.msg_iovlen / way->parts);
			at++;
			again = false;
		}
	}
	return refused;
}

static const struct iovec *payload(const struct weir_replicate_output_lane *lane, unsigned i)
{
	return &lane->iovec[i * lane->parts + lane->parts - 1];
}

/* What one message can have of the copies that wait: the first, those of the same length, and behind them one that is
 * shorter. A copy does not overtake one of its own exporter's: an exporter of which one was passed over is blocked. */
static unsigned gather(const struct weir_replicate_output_lane *lane, uint64_t *waiting, struct iovec *ret_iovec)
{
	unsigned first = (unsigned)__builtin_ctzll(*waiting);
	unsigned shorter = QUEUE;
	size_t len = payload(lane, first)->iov_len;
	size_t all = len;
	uint64_t blocked = 0;
	unsigned count = 0;

	ret_iovec[count++] = *payload(lane, first);
	*waiting &= *waiting - 1;
	if (!len || len >= (size_t)lane->segment_below)
		return count;
	for (uint64_t left = *waiting; left && count < SEGMENTS_MAX; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		size_t more = payload(lane, i)->iov_len;
		uint64_t exporter = UINT64_C(1) << lane->exporter[i];

		if (!(blocked & exporter) && more == len && all + more <= SEGMENTED_MAX) {
			ret_iovec[count++] = *payload(lane, i);
			*waiting &= ~(left & -left);
			all += more;
			continue;
		}
		if (!(blocked & exporter) && more && more < len && shorter == QUEUE)
			shorter = i;
		blocked |= exporter;
	}
	if (shorter < QUEUE && count < SEGMENTS_MAX && all + payload(lane, shorter)->iov_len <= SEGMENTED_MAX) {
		ret_iovec[count++] = *payload(lane, shorter);
		*waiting &= ~(UINT64_C(1) << shorter);
	}
	return count;
}

static void set_segments(struct msghdr *h, union control *control, size_t len)
{
	uint16_t size = (uint16_t)len;
	struct cmsghdr *c;

	h->msg_control = control->bytes;
	h->msg_controllen = sizeof(control->bytes);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* Those copies of the queue as messages of several; how many. to: where the socket is not connected. */
static int segment(struct weir_replicate_output_lane *lane, uint64_t waiting, const struct weir_replicate_output *to)
{
	struct iovec *at = lane->gathered;
	int count = 0;

	for (; waiting; count++) {
		struct msghdr *h = &lane->segmented[count].msg_hdr;
		unsigned copies = gather(lane, &waiting, at);

		*h = (struct msghdr){.msg_iov = at, .msg_iovlen = copies};
		if (to) {
			h->msg_name = (void *)(uintptr_t)&to->address;
			h->msg_namelen = to->address_len;
		}
		if (copies > 1)
			set_segments(h, &lane->control[count], at->iov_len);
		at += copies;
	}
	return count;
}

static uint64_t all_queued(const struct weir_replicate_output_lane *lane)
{
	return lane->queued == 64 ? UINT64_MAX : (UINT64_C(1) << lane->queued) - 1;
}

static bool flush_rewritten(struct weir_replicate_output_lane *lane)
{
	const struct way way = {.fd = lane->fd, .parts = 1};

	if (lane->segment_below && lane->queued > 1)
		return send_messages(lane, &way, lane->segmented, segment(lane, all_queued(lane), NULL));
	return send_messages(lane, &way, lane->message, (int)lane->queued);
}

/* The copies of one sender after another's. */
static bool flush_senders(const struct weir_replicate_output *o, struct weir_replicate_output_lane *lane, uint64_t waiting)
{
	bool refused = false;

	while (waiting) {
		const struct way way = {.fd = lane->sender[__builtin_ctzll(waiting)], .parts = 1};
		uint64_t of_sender = 0;

		for (uint64_t left = waiting; left; left &= left - 1) {
			if (lane->sender[__builtin_ctzll(left)] == way.fd)
				of_sender |= left & -left;
		}
		waiting &= ~of_sender;
		refused |= send_messages(lane, &way, lane->segmented, segment(lane, of_sender, o));
	}
	return refused;
}

static bool flush_kept(const struct weir_replicate_output *o, struct weir_replicate_output_lane *lane)
{
	const struct way raw = {.fd = lane->fd,
				.parts = 2,
				.header_bytes = o->address.ss_family == AF_INET ? WEIR_HEADER_V4 : WEIR_HEADER_V6};
	uint64_t of_senders = 0;
	int count = 0;

	if (!lane->has_senders)
		return send_messages(lane, &raw, lane->message, (int)lane->queued);
	for (unsigned i = 0; i < lane->queued; i++) {
		if (lane->sender[i] >= 0)
			of_senders |= UINT64_C(1) << i;
		else
			lane->segmented[count++] = lane->message[i];
	}
	return send_messages(lane, &raw, lane->segmented, count) | flush_senders(o, lane, of_senders);
}

bool weir_replicate_output_flush(struct weir_replicate_output *output, unsigned worker)
{
	struct weir_replicate_output_lane *lane = &output->lane[worker];
	bool refused = false;

	if (!lane->queued)
		return false;
	refused = output->spec.keep_source ? flush_kept(output, lane) : flush_rewritten(lane);
	lane->queued = 0;
	lane->has_senders = false;
	return refused;
}

/* Two that have the same number wait for each other, which costs little. */
static uint8_t exporter_number(const struct weir_addr *addr)
{
	return (addr->byte[15] ^ addr->byte[14] * 3 ^ addr->byte[13] * 5 ^ addr->byte[7] * 7) & 63;
}

static size_t put_header(const struct weir_replicate_output *output, struct weir_replicate_output_datagram *datagram,
			 uint8_t ret_header[WEIR_HEADER_MAX])
{
	const struct weir_header_ends ends = {.from = datagram->exporter,
					      .to = output->to,
					      .from_port = datagram->exporter_port,
					      .to_port = output->to_port};

	if (!datagram->has_sum)
		datagram->sum = weir_header_sum(datagram->data, datagram->len);
	datagram->has_sum = true;
	return weir_header_write(&ends, datagram->len, datagram->sum, ret_header);
}

bool weir_replicate_output_put(struct weir_replicate_output *output, unsigned worker,
			       struct weir_replicate_output_datagram *datagram)
{
	struct weir_replicate_output_lane *lane = &output->lane[worker];
	bool refused = lane->queued == QUEUE ? weir_replicate_output_flush(output, worker) : false;
	struct iovec *iovec = &lane->iovec[lane->queued * lane->parts];

	if (output->spec.keep_source) {
		if (weir_addr_is_v4(&datagram->exporter) != weir_addr_is_v4(&output->to)) {
			weir_replicate_count(&lane->stats.error[WEIR_REPLICATE_OUTPUT_FAMILY], 1);
			return refused;
		}
		lane->sender[lane->queued] = datagram->sender;
		lane->has_senders |= datagram->sender >= 0;
		if (datagram->sender < 0)
			iovec->iov_len = put_header(output, datagram, lane->header[lane->queued]);
		iovec++;
	}
	*iovec = (struct iovec){.iov_base = (void *)(uintptr_t)datagram->data, .iov_len = datagram->len};
	lane->exporter[lane->queued] = exporter_number(&datagram->exporter);
	lane->queued++;
	return refused;
}

/* --- health -------------------------------------------------------------------------------------------------- */

bool weir_replicate_output_note(struct weir_replicate_output *output, const struct weir_replicate_health_rule *rule,
				bool well, int64_t now_ns)
{
	bool changed;

	pthread_mutex_lock(&output->lock);
	output->refused = output->refused || !well;
	changed = weir_health_note(&output->health, rule, well, now_ns);
	if (changed && output->health.down)
		(void)__atomic_add_fetch(&output->epoch, 1, __ATOMIC_RELEASE);
	if (changed)
		__atomic_store_n(&output->up, !output->health.down, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&output->lock);
	return changed;
}

bool weir_replicate_output_refused(struct weir_replicate_output *output)
{
	bool refused;

	pthread_mutex_lock(&output->lock);
	refused = output->refused;
	output->refused = false;
	pthread_mutex_unlock(&output->lock);
	return refused;
}

/* --- counting ------------------------------------------------------------------------------------------------ */

struct weir_replicate_output_stats *weir_replicate_output_lane_stats(struct weir_replicate_output *output,
								     unsigned worker)
{
	return &output->lane[worker].stats;
}

void weir_replicate_output_sum(const struct weir_replicate_output *output,
			       struct weir_replicate_output_stats *ret_stats)
{
	uint64_t *to = (uint64_t *)(void *)ret_stats;

	*ret_stats = (struct weir_replicate_output_stats){0};
	for (unsigned i = 0; i < output->workers; i++) {
		const uint64_t *from = (const uint64_t *)(const void *)&output->lane[i].stats;

		for (size_t n = 0; n < sizeof(*ret_stats) / sizeof(*to); n++)
			to[n] += __atomic_load_n(&from[n], __ATOMIC_RELAXED);
	}
}
