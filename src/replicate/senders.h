/* Sockets that send as an exporter: bound to its address and port, which are not this machine's (IP_TRANSPARENT). Through
 * one the kernel takes several copies of one length as one message (UDP_SEGMENT), which raw sockets cannot: for
 * exporters that send much that is two to three times cheaper. The right to make such sockets is had at the start only,
 * so there is a stock of them; exporters of which several datagrams come together get one each, for good, and all others
 * keep to the raw sockets.
 *
 * An exporter that gets a socket is not overtaken by what was sent for it before: that happens while nothing waits in the raw
 * sockets. Addresses of this machine get none, for the socket would take the replies to a program of it.
 *
 * One thread's, but for new and free. */
#ifndef WEIR_REPLICATE_SENDERS_H
#define WEIR_REPLICATE_SENDERS_H

#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"

struct weir_replicate_senders;

/* A stock of so many of each family; fewer where the rights, the kernel or the limit of files do not have them. */
int weir_replicate_senders_new(unsigned v4, unsigned v6, uint64_t seed,
			       struct weir_replicate_senders **ret_senders) WEIR_MUST_CHECK;
void weir_replicate_senders_free(struct weir_replicate_senders *senders);

/* The socket that sends as that exporter, borrowed; -1: it has none. The answer is the same until the next settle.
 * Counts the datagram. senders may be NULL. */
int weir_replicate_senders_get(struct weir_replicate_senders *senders, const struct weir_addr *exporter, uint16_t port);

/* Before a batch of datagrams: those that came together often enough get their sockets, unless the raw socket of
 * their family still has something to send. */
void weir_replicate_senders_settle(struct weir_replicate_senders *senders, int raw_v4, int raw_v6);

/* How many are left in stock. Any thread. */
unsigned weir_replicate_senders_left(const struct weir_replicate_senders *senders);

#endif
