/* Where made messages go: over UDP, TCP or TLS from many source addresses, or into a pcap file as if they had. One thread; an
 * outlet owns its socket or file. */
#ifndef WEIR_GENERATE_OUTLET_H
#define WEIR_GENERATE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/uplink.h"
#include "flow/addr.h"

struct weir_outlet;

struct weir_outlet_stats {
	uint64_t datagrams; /* messages, over TCP and TLS */
	uint64_t bytes;	  /* payload */
	uint64_t retries; /* the kernel had no room (ENOBUFS, EAGAIN): waited, sent again, nothing is lost by it */
	uint64_t refused; /* the target's machine answered that nobody listens on the port */
};

struct weir_outlet_udp_options {
	const char *target;	/* "host:port", "[v6]:port" */
	bool allow_remote;	/* otherwise the target must be a loopback address */
	const struct weir_addr *source; /* the first that weir_outlet_send() will name; borrowed for the call */
	bool source_asked;	/* send from the sources whatever the target is: this machine must have them */
	uint32_t max_bytes;	/* longest message */
};

/* Messages come from the sources given with them where the target is in 127.0.0.0/8, all of which a machine has, or
 * where it is asked for; otherwise from the one address that the kernel chooses. Of a name's addresses an IPv4 one is
 * preferred. -EPERM: the target is not loopback. */
int weir_outlet_udp_open(const struct weir_outlet_udp_options *options, struct weir_outlet **ret_outlet,
			 struct weir_error *err) WEIR_MUST_CHECK;
struct weir_outlet_stream_options {
	const char *target;
	bool allow_remote;
	const struct weir_addr *source; /* as for UDP */
	bool source_asked;
	uint32_t sources; /* at most so many follow the first */
	const struct weir_uplink_tls *tls; /* borrowed until the close; NULL: TCP */
};

/* A session of its own for each source, or one for all where sources have no address of their own: the same rule as for
 * UDP. Sessions are opened when they have something to say. */
int weir_outlet_stream_open(const struct weir_outlet_stream_options *options, struct weir_outlet **ret_outlet,
			    struct weir_error *err) WEIR_MUST_CHECK;
/* Frames are Ethernet, IP (of the source's family) and UDP to target and port. path "-" is standard output. */
int weir_outlet_pcap_open(const char *path, const struct weir_addr *target, uint16_t port,
			  struct weir_outlet **ret_outlet, struct weir_error *err) WEIR_MUST_CHECK;

/* The message is copied. It may wait for weir_outlet_flush(); the first failure comes back from either. */
int weir_outlet_send(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		     size_t len, struct weir_error *err) WEIR_MUST_CHECK;
int weir_outlet_flush(struct weir_outlet *outlet, struct weir_error *err) WEIR_MUST_CHECK;

/* Flush, and wait until it can be known that all has arrived, where it can be: over TCP and TLS. */
int weir_outlet_finish(struct weir_outlet *outlet, struct weir_error *err) WEIR_MUST_CHECK;

const struct weir_outlet_stats *weir_outlet_stats(const struct weir_outlet *outlet);
/* "127.0.0.1:2055", or the file's name. Valid while the outlet is. */
const char *weir_outlet_name(const struct weir_outlet *outlet);
/* Whether each source has its own address on the wire. */
bool weir_outlet_has_sources(const struct weir_outlet *outlet);
/* Frees it without a flush. NULL is allowed. */
void weir_outlet_close(struct weir_outlet *outlet);

#endif
