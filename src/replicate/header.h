/* IP and UDP headers for datagrams that keep the exporter's address as their source: built here,
 * sent through raw sockets. Pure; any thread. */
#ifndef WEIR_REPLICATE_HEADER_H
#define WEIR_REPLICATE_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "flow/addr.h"

#define WEIR_HEADER_V4  28 /* IPv4 without options, and UDP */
#define WEIR_HEADER_V6  48
#define WEIR_HEADER_MAX WEIR_HEADER_V6

/* The one's complement sum of the bytes, not folded (RFC 1071): of a payload once, for all its
 * copies. */
uint64_t weir_header_sum(const uint8_t *data, size_t len);

struct weir_header_ends {
	struct weir_addr from; /* both of one family */
	struct weir_addr to;
	uint16_t from_port;
	uint16_t to_port;
};

/* Write the headers of a datagram of len bytes (at most 65,507 with IPv4, 65,527 with IPv6) with
 * that sum; their length. The identification of IPv4 is left to the kernel. */
size_t weir_header_write(const struct weir_header_ends *ends, size_t len, uint64_t sum,
			 uint8_t ret_header[WEIR_HEADER_MAX]);

#endif
