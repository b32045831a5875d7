/* What the system has counted of a network interface since it came up. Linux: /proc/net/dev, which is that of the caller's network
 * namespace, and what the interface says of itself. Any thread. */
#ifndef WEIR_PROBE_COUNTERS_H
#define WEIR_PROBE_COUNTERS_H

#include "base/error.h"
#include "export/encoder.h"

/* -ENODEV: there is none of that name (any more). */
int weir_counters_read(const char *name, struct weir_interface_counters *ret_counters) WEIR_MUST_CHECK;

/* The same from the text of /proc/net/dev, for its numbers alone. */
int weir_counters_parse(const char *text, const char *name, struct weir_interface_counters *ret_counters) WEIR_MUST_CHECK;

#endif
