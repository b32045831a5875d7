/* Sends the UDP payloads of a pcap file to a collector on this machine, evenly and cheaply, so that the sender takes
 * little of the processors that the collectors are measured on.
 *
 *   replay FILE 127.0.0.1:PORT DATAGRAMS_A_SECOND
 *   replay FILE 198.51.100.2:PORT DATAGRAMS_A_SECOND
 *
 * The file is read whole before the first datagram goes out. A datagram's source address in the file becomes one of
 * 127.1.0.0/16, by its last two bytes, so that every exporter of the file remains one; or of 198.51.100.0/24, by its last
 * byte, where a network namespace has those addresses. Rate 0 is as fast as possible. Ends with a line of JSON: what was
 * sent, in what time. Only to 127.0.0.0/8 and to the addresses for documentation (RFC 5737), which no router knows. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	     32
#define FILE_HEADER  24
#define FRAME_HEADER 16
#define ETHERNET     14
#define IPV4	     20
#define UDP	     8
#define DOCUMENTATION 0xc6336400 /* 198.51.100.0 */
#define NS_PER_S     1000000000LL

struct datagram {
	const uint8_t *data;
	uint32_t len;
	struct in_addr source;
};

struct stream {
	uint8_t *file;
	size_t len;
	struct datagram *datagram;
	size_t datagrams;
};

struct sender {
	int fd;
	struct sockaddr_in target;
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control[BATCH];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "replay: %s: %s\n", what, why);
	exit(1);
}

static void read_file(const char *path, struct stream *s)
{
	FILE *f = fopen(path, "rb");
	long len = 0;

	if (!f || fseek(f, 0, SEEK_END) || (len = ftell(f)) < FILE_HEADER || fseek(f, 0, SEEK_SET))
		die(path, f ? "is no pcap file" : strerror(errno));
	s->len = (size_t)len;
	s->file = malloc(s->len);
	if (!s->file || fread(s->file, 1, s->len, f) != s->len)
		die(path, "cannot be read");
	(void)fclose(f);
}

/* Frames of Ethernet with IPv4 and UDP, as `weir generate --write` makes them. */
static void find_datagrams(const char *path, struct stream *s)
{
	size_t at = FILE_HEADER, headers = ETHERNET + IPV4 + UDP;

	s->datagram = calloc(s->len / (FRAME_HEADER + headers) + 1, sizeof(*s->datagram));
	if (!s->datagram)
		die(path, "no memory");
	while (at + FRAME_HEADER <= s->len) {
		const uint8_t *frame = s->file + at + FRAME_HEADER;
		struct datagram *d = &s->datagram[s->datagrams];
		uint32_t caplen;

		memcpy(&caplen, s->file + at + 8, sizeof(caplen));
		if (caplen > s->len - at - FRAME_HEADER || caplen < headers || frame[ETHERNET] != 0x45)
			die(path, "holds other frames than UDP over IPv4, or ends within one");
		d->data = frame + headers;
		d->len = caplen - (uint32_t)headers;
		memcpy(&d->source, frame + ETHERNET + 12, sizeof(d->source));
		s->datagrams++;
		at += FRAME_HEADER + caplen;
	}
}

static bool is_documentation(struct in_addr address)
{
	return ntohl(address.s_addr) >> 8 == DOCUMENTATION >> 8;
}

static void open_sender(const char *target, struct sender *s)
{
	const char *colon = strchr(target, ':');
	char host[32];
	int bytes = 1 << 20;

	if (!colon || (size_t)(colon - target) >= sizeof(host))
		die(target, "write 127.0.0.1:PORT");
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - target), target);
	s->target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
	if (inet_pton(AF_INET, host, &s->target.sin_addr) != 1 ||
	    (ntohl(s->target.sin_addr.s_addr) >> 24 != 127 && !is_documentation(s->target.sin_addr)))
		die(target, "only to 127.0.0.0/8 and 198.51.100.0/24");
	s->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		die("socket", strerror(errno));
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *h = &s->message[i].msg_hdr;
		struct cmsghdr *c;

		h->msg_name = &s->target;
		h->msg_namelen = sizeof(s->target);
		h->msg_iov = &s->iov[i];
		h->msg_iovlen = 1;
		h->msg_control = &s->control[i];
		h->msg_controllen = sizeof(s->control[i]);
		c = CMSG_FIRSTHDR(h);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
	}
}

static void send_batch(struct sender *s, const struct datagram *d, unsigned count)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t source = ntohl(d[i].source.s_addr);
		struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(is_documentation(s->target.sin_addr)
									       ? DOCUMENTATION | (source & 0xff)
									       : 0x7f010000 | (source & 0xffff))};

		s->iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)d[i].data, .iov_len = d[i].len};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&s->message[i].msg_hdr)), &info, sizeof(info));
	}
	while (sent < count) {
		int n = sendmmsg(s->fd, s->message + sent, count - sent, 0);

		if (n < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg", strerror(errno));
		sent += n > 0 ? (unsigned)n : 0;
	}
}

static long long now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void wait_until(long long due_ns)
{
	struct timespec t = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	struct stream stream = {0};
	static struct sender sender;
	long long start;
	double rate, seconds;
	size_t bytes = 0;

	if (argc != 4)
		die("usage", "replay FILE 127.0.0.1:PORT DATAGRAMS_A_SECOND");
	rate = atof(argv[3]);
	read_file(argv[1], &stream);
	find_datagrams(argv[1], &stream);
	open_sender(argv[2], &sender);
	start = now_ns();
	for (size_t at = 0; at < stream.datagrams;) {
		size_t left = stream.datagrams - at;
		unsigned count = left < BATCH ? (unsigned)left : BATCH;

		if (rate > 0)
			wait_until(start + (long long)((double)at / rate * (double)NS_PER_S));
		send_batch(&sender, &stream.datagram[at], count);
		for (unsigned i = 0; i < count; i++)
			bytes += stream.datagram[at + i].len;
		at += count;
	}
	seconds = (double)(now_ns() - start) / (double)NS_PER_S;
	printf("{\"datagrams\": %zu, \"bytes\": %zu, \"seconds\": %.6f}\n", stream.datagrams, bytes, seconds);
	return 0;
}
