/* An uplink: an exporter's connection to a collector, over TCP or TLS (RFC 7011 §10.4, §11): messages in, bytes out. It blocks as
 * TCP does where the collector is slower than the exporter. An uplink that failed is of no more use: open another,
 * and tell all templates again, for they belong to the session (RFC 7011 §8).
 *
 * An uplink belongs to one thread and owns its socket. The process must ignore SIGPIPE. */
#ifndef WEIR_EXPORT_UPLINK_H
#define WEIR_EXPORT_UPLINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/endpoint.h"
#include "flow/addr.h"

struct weir_uplink;

/* PEM files. A collector's certificate must be of an authority in ca and have the name. */
struct weir_uplink_tls {
	const char *ca;
	const char *certificate; /* the exporter's own, with key; NULL: none */
	const char *key;
	const char *name; /* NULL: the endpoint's host */
};

struct weir_uplink_options {
	const char *text; /* the endpoint, for errors */
	const struct weir_endpoint *endpoint;
	const struct weir_addr *source;		/* NULL: the kernel's choice */
	const struct weir_uplink_tls *tls;	/* NULL: TCP */
	int timeout_ms; /* to connect, to shake hands, and for a collector that takes nothing */
};

/* All is borrowed for the call. */
int weir_uplink_open(const struct weir_uplink_options *options, struct weir_uplink **ret_uplink,
			 struct weir_error *err) WEIR_MUST_CHECK;
/* Messages wait in a buffer until it is full, or weir_uplink_flush(). */
int weir_uplink_send(struct weir_uplink *uplink, const void *data, size_t len, struct weir_error *err)
	WEIR_MUST_CHECK;
/* Also notices that the collector has hung up. */
int weir_uplink_flush(struct weir_uplink *uplink, struct weir_error *err) WEIR_MUST_CHECK;
/* Flush, say goodbye, and wait until the collector has read everything: an error if it hung up before. */
int weir_uplink_finish(struct weir_uplink *uplink, struct weir_error *err) WEIR_MUST_CHECK;
/* Without a flush. NULL is allowed. */
void weir_uplink_close(struct weir_uplink *uplink);

#endif
