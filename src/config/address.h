/* The forms of addresses and URLs in the configuration: checks without the network, so a name is not looked up.
 * Pure; any thread. */
#ifndef WEIR_CONFIG_ADDRESS_H
#define WEIR_CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* "127.0.0.1:2055", "[::1]:2055", "name:2055"; with wild also "*:2055" and ":2055", all addresses. NULL where it is
 * right, else what is wrong. */
const char *weir_address_check(const char *text, bool wild);
/* "192.0.2.0/24", "2001:db8::/32", or an address alone. NULL where it is right, else what is wrong. */
const char *weir_prefix_check(const char *text);
/* A host's name, or its address without brackets. NULL where it is right, else what is wrong. */
const char *weir_host_check(const char *text);
/* "http://host[:port][/path]" or https, without user, password, query or fragment. NULL or what is wrong. */
const char *weir_url_check(const char *text);

#endif
