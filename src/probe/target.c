#include "probe/target.h"

#include <errno.h>
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
	STREAM_MESSAGE_BYTES = 16384,
};

struct weir_target {
	char name[256];
	int fd;			    /* UDP */
	struct weir_stream *stream; /* TCP and TLS */
	struct weir_encoder *encoder;
	struct weir_encoder_output output;
	struct weir_target_stats stats;
};

static int connect_to(struct weir_target *t, const char *address, struct weir_error *err)
{
	struct weir_endpoint endpoint;
	int bytes = SEND_BUFFER_BYTES;
	int rc = weir_endpoint_parse(address, SOCK_DGRAM, &endpoint, err);

	if (rc)
		return rc;
	t->fd = socket(endpoint.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || connect(t->fd, (const struct sockaddr *)&endpoint.addr, endpoint.len))
		return weir_error_set(err, -errno, t->name, "look at this machine's addresses and routes",
				      "there is no way to it: %s", strerror(errno));
	(void)setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

static int on_stream_message(void *ctx, const uint8_t *data, size_t len)
{
	struct weir_target *t = ctx;

	t->stats.datagrams++;
	return weir_stream_send(t->stream, data, len);
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

static int open_stream(struct weir_target *t, const char *address, const struct weir_target_options *options, struct weir_error *err)
{
	bool tls = strncmp(t->name, "tls:", 4) == 0;
	const struct weir_stream_options stream = {
		.text = address,
		.tls = tls ? options->tls : NULL,
		.interfaces = options->encoder.interfaces,
		.patient = options->patient,
	};

	if (options->encoder.version != WEIR_FLOW_IPFIX)
		return weir_error_set(err, -EINVAL, t->name, "leave out --version, or send to HOST:PORT over UDP",
				      "only IPFIX goes over TCP and TLS");
	if (tls && !options->tls->ca)
		return weir_error_set(err, -EINVAL, t->name, "--tls-ca FILE", "TLS needs an authority to know the collector by");
	t->output.send = on_stream_message;
	return weir_stream_open(&stream, &t->stream, err);
}

int weir_target_open(const char *address, const struct weir_target_options *options, struct weir_target **ret_target,
		     struct weir_error *err)
{
	struct weir_target *t = calloc(1, sizeof(*t));
	struct weir_encoder_options encoder = options->encoder;
	int rc;

	if (!t)
		return weir_error_set(err, -ENOMEM, address, NULL, "out of memory");
	t->fd = -1;
	t->output = (struct weir_encoder_output){.send = on_message, .ctx = t};
	(void)snprintf(t->name, sizeof(t->name), "%s", address);
	if (weir_target_is_stream(address)) {
		rc = open_stream(t, t->name + 4, options, err);
		/* Templates are told once a session (RFC 7011 §8), and messages need not fit into datagrams. */
		encoder.template_refresh_messages = UINT32_MAX;
		encoder.template_refresh_ms = INT64_MAX;
		encoder.mtu_bytes = STREAM_MESSAGE_BYTES;
	} else {
		rc = connect_to(t, address, err);
	}
	if (!rc) {
		rc = weir_encoder_new(&encoder, &t->encoder);
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

bool weir_target_is_stream(const char *address)
{
	return strncmp(address, "tcp:", 4) == 0 || strncmp(address, "tls:", 4) == 0;
}

void weir_target_close(struct weir_target *target)
{
	if (!target)
		return;
	weir_stream_close(target->stream);
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

int weir_target_counters(struct weir_target *target, const struct weir_interface_counters *counters, int64_t now_ms)
{
	return weir_encoder_counters(target->encoder, counters, now_ms, &target->output);
}

int weir_target_flush(struct weir_target *target, int64_t now_ms)
{
	return weir_encoder_flush(target->encoder, now_ms, &target->output);
}

void weir_target_finish(struct weir_target *target, int timeout_ms)
{
	if (target->stream)
		weir_stream_finish(target->stream, timeout_ms);
}

bool weir_target_stream_stats(struct weir_target *target, struct weir_stream_stats *ret_stats)
{
	if (target->stream)
		weir_stream_stats(target->stream, ret_stats);
	return target->stream;
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
