/* Threat lists: addresses, prefixes and ports that others say are bad, in the forms that such lists have:
 *
 *   plain   a line each: an address, a prefix, a range "a-b", "address:port", "tcp/4444"; # and ; begin comments (FireHOL's netset,
 *           Spamhaus DROP, whose comment is the name; DShield's columns)
 *   CSV     with a line of names, which may be a comment (abuse.ch): an address, and where there are a port, a name, a confidence, an expiry
 *   MISP    JSON: attributes of the types ip-src, ip-dst, and those with a port, that are for detection (to_ids)
 *   STIX    2.x JSON: the patterns of indicators, with name, confidence, valid_until; none that is revoked
 *
 * Lines that cannot be read are passed over and counted, for lists come from others; a list of which more than half cannot be
 * read is a mistake. Of several lists that name an address the first counts.
 *
 * Ten million addresses take 134 MB, and as much again half while they are read. A snapshot is constant once loaded: any thread. */
#ifndef WEIR_ENRICH_THREATS_H
#define WEIR_ENRICH_THREATS_H

#include <stdio.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/prefix_table.h"

#define WEIR_THREATS_MAX      50000000 /* entries of all lists together */
#define WEIR_THREAT_LISTS_MAX 256

/* "NAME=FILE", and behind commas confidence=PERCENT (of entries that name none; 75 unless given), valid=DURATION (how long
 * an entry holds after the file's last change; for ever unless given). */
struct weir_threats_options {
	const char *const *list;
	unsigned lists;
	unsigned confidence_min; /* entries of less are left out */
	bool lenient;		 /* a list that cannot be read is left out, and told in weir_threats_problem() */
};

struct weir_threats;

int weir_threats_load(const struct weir_threats_options *options, struct weir_vocabulary *vocabulary,
		      struct weir_threats **ret_threats, struct weir_error *err) WEIR_MUST_CHECK;
void weir_threats_free(struct weir_threats *threats);

/* The file of a list as it stands in the options: a part of it, of *ret_len bytes. NULL where there is none. */
const char *weir_threats_file(const char *list, size_t *ret_len);

/* Names of the lists (with the entries' own, where they have some) that hold each address, with its port; 0: none. known: whether the
 * address is one of our own, for which prefixes do not count: lists of what cannot be on the internet have private ones. */
void weir_threats_find_all(const struct weir_threats *threats, const struct weir_addr *addr, const uint16_t *port,
			   const uint8_t *proto, const bool *known, uint32_t count, int64_t now_s, uint32_t *ret_name);

struct weir_threats_stats {
	uint64_t addresses, prefixes, ports; /* ports: those with an address, and those alone */
	uint64_t unread;		     /* lines that could not be read */
	uint64_t bytes;
};

struct weir_threats_stats weir_threats_stats(const struct weir_threats *threats);

/* Why a list was left out; false: none was. */
bool weir_threats_problem(const struct weir_threats *threats, struct weir_error *ret_err);

#endif
