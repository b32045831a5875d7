/* The made network as a networks file: what an enterprise knows of its own addresses, in the form that collectors of flows
 * read, so that zones and roles in reports and policies can be tried with the truth. Any thread. */
#ifndef WEIR_GENERATE_NETWORK_FILE_H
#define WEIR_GENERATE_NETWORK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* "prefix,zone,role,description,owner" and a newline. */
int weir_network_file_header(struct weir_buffer *out) WEIR_MUST_CHECK;

/* The subnets of a site, IPv4 and IPv6, and within those that several roles share the prefixes that cover each role's
 * hosts exactly. Longest match gives each host its role. IPv4 is left out where ipv4 is false: for sites whose
 * IPv4 addresses are another site's too. */
int weir_network_file_site(uint32_t site, bool ipv4, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
