/* Native blocks as a newer protocol revision has them. The engine writes them in their oldest form; a client that names
 * its revision (client_protocol_version, as ClickHouse's Go driver and with it Grafana does) expects block information
 * before each block and a mark behind each type. Nothing else differs, but to find the types the columns must be read
 * through. Bounded memory; one thread. */
#ifndef WEIR_STORE_NATIVE_REVISION_H
#define WEIR_STORE_NATIVE_REVISION_H

#include "base/error.h"

/* Copy blocks from one descriptor to the other until the first ends. 0, -EPIPE when nobody reads any more, -EPROTO when the
 * blocks are cut short, -ENOTSUP for a type that is not known here (JSON, Variant, Dynamic, AggregateFunction). */
int weir_native_revise(int from_fd, int to_fd, unsigned revision) WEIR_MUST_CHECK;

#endif
