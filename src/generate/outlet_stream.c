/* IPFIX over TCP or TLS: an uplink for each exporter that has an address of its own, so that a collector sees as many
 * sessions as exporters. Nothing is lost where the collector is slow: the sender waits. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "export/endpoint.h"
#include "export/uplink.h"
#include "generate/outlet_kind.h"

#define TIMEOUT_MS 10000

struct stream {
	struct weir_outlet base;
	struct weir_endpoint target;
	const struct weir_uplink_tls *tls; /* borrowed */
	struct weir_addr first;
	uint32_t uplinks;
	struct weir_uplink **uplink; /* by the source's distance from the first; owned */
};

static int open_uplink(struct stream *s, uint32_t at, const struct weir_addr *source, struct weir_error *err)
{
	const struct weir_uplink_options options = {
		.text = s->base.name,
		.endpoint = &s->target,
		.source = s->base.has_sources ? source : NULL,
		.tls = s->tls,
		.timeout_ms = TIMEOUT_MS,
	};

	return weir_uplink_open(&options, &s->uplink[at], err);
}

static int stream_send(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		       size_t len, struct weir_error *err)
{
	struct stream *s = (struct stream *)outlet;
	uint32_t at = outlet->has_sources ? weir_be32(source->byte + 12) - weir_be32(s->first.byte + 12) : 0;
	int rc = 0;

	(void)now_ms;
	if (at >= s->uplinks)
		return weir_error_set(err, -EINVAL, outlet->name, NULL, "a message from a source that was not announced");
	if (!s->uplink[at])
		rc = open_uplink(s, at, source, err);
	if (!rc)
		rc = weir_uplink_send(s->uplink[at], data, len, err);
	if (rc)
		return rc;
	outlet->stats.datagrams++;
	outlet->stats.bytes += len;
	return 0;
}

static int each(struct stream *s, int (*call)(struct weir_uplink *uplink, struct weir_error *err), struct weir_error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < s->uplinks && !rc; i++) {
		if (s->uplink[i])
			rc = call(s->uplink[i], err);
	}
	return rc;
}

static int stream_flush(struct weir_outlet *outlet, struct weir_error *err)
{
	return each((struct stream *)outlet, weir_uplink_flush, err);
}

static int stream_finish(struct weir_outlet *outlet, struct weir_error *err)
{
	return each((struct stream *)outlet, weir_uplink_finish, err);
}

static void stream_close(struct weir_outlet *outlet)
{
	struct stream *s = (struct stream *)outlet;

	for (uint32_t i = 0; s->uplink && i < s->uplinks; i++)
		weir_uplink_close(s->uplink[i]);
	free(s->uplink);
	free(s);
}

static const struct weir_outlet_kind kind = {
	.send = stream_send, .flush = stream_flush, .finish = stream_finish, .close = stream_close};

static int check(const struct weir_outlet_stream_options *options, const struct stream *s, struct weir_error *err)
{
	bool v4 = s->target.addr.ss_family == AF_INET;

	if (!options->allow_remote && !weir_endpoint_is_loopback(&s->target))
		return weir_error_set(err, -EPERM, options->target, "--allow-remote, if that machine's keeper agrees",
				      "this is not a loopback address, and made traffic fills a collector with made flows");
	if (s->base.has_sources && weir_addr_is_v4(options->source) != v4)
		return weir_error_set(err, -EINVAL, options->target, "give a --source of the target's family, or leave it out",
				      "the target is IPv%d and the source is not", v4 ? 4 : 6);
	return 0;
}

int weir_outlet_stream_open(const struct weir_outlet_stream_options *options, struct weir_outlet **ret_outlet,
			    struct weir_error *err)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return weir_error_set(err, -ENOMEM, options->target, NULL, "no memory");
	s->base.kind = &kind;
	s->tls = options->tls;
	s->first = *options->source;
	(void)snprintf(s->base.name, sizeof(s->base.name), "%s", options->target);
	rc = weir_endpoint_parse(options->target, SOCK_STREAM, &s->target, err);
	if (!rc) {
		s->base.has_sources = options->source_asked || (s->target.addr.ss_family == AF_INET &&
								weir_endpoint_is_loopback(&s->target));
		rc = check(options, s, err);
	}
	if (!rc) {
		s->uplinks = s->base.has_sources ? options->sources : 1;
		s->uplink = calloc(s->uplinks, sizeof(struct weir_uplink *));
		if (!s->uplink)
			rc = weir_error_set(err, -ENOMEM, options->target, NULL, "no memory");
	}
	/* The first at once, so that a collector that is not there is told of before anything is made. */
	if (!rc)
		rc = open_uplink(s, 0, options->source, err);
	if (rc) {
		stream_close(&s->base);
		return rc;
	}
	*ret_outlet = &s->base;
	return 0;
}
