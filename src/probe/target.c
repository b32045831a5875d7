#include "probe/target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SEND_BUFFER_BYTES = 1 << 20,
	WAIT_NS = 1000000, /* where the kernel has no room for a moment */
	TRIES_MAX = 100,
};

struct weir_target {
	char name[256];
	int fd;
	struct weir_encoder *encoder;
	struct weir_encoder_output output;
	struct weir_target_stats stats;
};

static int resolve(const char *text, struct addrinfo **ret_found, struct weir_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	const char *colon = strrchr(text, ':');
	size_t host_len = colon ? (size_t)(colon - text) : 0;
	char host[256];
	int rc;

	if (!host_len || !colon[1] || host_len >= sizeof(host))
		return weir_error_set(err, -EINVAL, text, "write 192.0.2.1:2055 or [2001:db8::1]:2055", "this is no host and port");
	if (text[0] == '[' && colon[-1] == ']')
		(void)snprintf(host, sizeof(host), "%.*s", (int)(host_len - 2), text + 1);
	else
		(void)snprintf(host, sizeof(host), "%.*s", (int)host_len, text);
	rc = getaddrinfo(host, colon + 1, &hints, ret_found);
	return rc ? weir_error_set(err, -EINVAL, text, "write 192.0.2.1:2055 or [2001:db8::1]:2055",
				   "the address cannot be resolved: %s", gai_strerror(rc))
		  : 0;
}

/* The first address that there is a way to. */
static int connect_to(struct weir_target *t, const struct addrinfo *found, struct weir_error *err)
{
	int bytes = SEND_BUFFER_BYTES, code = 0;

	for (const struct addrinfo *a = found; a && t->fd < 0; a = a->ai_next) {
		t->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (t->fd >= 0 && connect(t->fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		code = errno;
		if (t->fd >= 0)
			(void)close(t->fd);
		t->fd = -1;
	}
	if (t->fd < 0)
		return weir_error_set(err, -code, t->name, "look at this machine's addresses and routes",
				      "there is no way to it: %s", strerror(code));
	(void)setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

static int on_message(void *ctx, const uint8_t *data, size_t len)
{
	struct weir_target *t = ctx;

	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		const struct timespec wait = {.tv_nsec = WAIT_NS};

		if (send(t->fd, data, len, 0) >= 0) {
			t->stats.datagrams++;
			return 0;
		}
		if (errno == ECONNREFUSED) {
			t->stats.refused++; /* said of an earlier one; this one is tried again */
			continue;
		}
		if (errno == EINTR)
			continue;
		t->stats.last_failure = errno;
		if (errno != ENOBUFS && errno != EAGAIN)
			break;
		(void)nanosleep(&wait, NULL);
	}
	t->stats.failed++;
	return 0;
}

int weir_target_open(const char *address, const struct weir_encoder_options *options, struct weir_target **ret_target,
		     struct weir_error *err)
{
	struct weir_target *t = calloc(1, sizeof(*t));
	struct addrinfo *found = NULL;
	int rc;

	if (!t)
		return weir_error_set(err, -ENOMEM, address, NULL, "out of memory");
	t->fd = -1;
	t->output = (struct weir_encoder_output){.send = on_message, .ctx = t};
	(void)snprintf(t->name, sizeof(t->name), "%s", address);
	rc = resolve(address, &found, err);
	if (!rc)
		rc = connect_to(t, found, err);
	if (found)
		freeaddrinfo(found);
	if (!rc) {
		rc = weir_encoder_new(options, &t->encoder);
		if (rc)
			(void)weir_error_set(err, rc, address, NULL, "no encoder: %s", strerror(-rc));
	}
	if (rc) {
		weir_target_close(t);
		return rc;
	}
	*ret_target = t;
	return 0;
}

void weir_target_close(struct weir_target *target)
{
	if (!target)
		return;
	if (target->fd >= 0)
		(void)close(target->fd);
	weir_encoder_free(target->encoder);
	free(target);
}

int weir_target_send(struct weir_target *target, const struct weir_block *block, int64_t now_ms)
{
	return weir_encoder_encode(target->encoder, block, 0, block->rows, now_ms, &target->output);
}

int weir_target_sample(struct weir_target *target, const struct weir_raw_sample *sample, int64_t now_ms)
{
	return weir_encoder_sample(target->encoder, sample, now_ms, &target->output);
}

int weir_target_flush(struct weir_target *target, int64_t now_ms)
{
	return weir_encoder_flush(target->encoder, now_ms, &target->output);
}

const char *weir_target_name(const struct weir_target *target)
{
	return target->name;
}

const struct weir_target_stats *weir_target_stats(const struct weir_target *target)
{
	return &target->stats;
}

const struct weir_encoder_stats *weir_target_encoder_stats(const struct weir_target *target)
{
	return weir_encoder_stats(target->encoder);
}
