/* The networks that a person knows: prefixes with zone, role, description and owner, from a CSV file or from the
 * configuration. A snapshot is constant once loaded: any thread. It is freed when nobody reads it any more (enrich.h).
 *
 * The longest prefix that holds an address counts. A network that names no zone, or no owner, has those of the network
 * around it; a role is never taken over, for it says what is approved.
 *
 * Number 0 is no network: its entry is there, with empty names, so that whoever reads need not ask. */
#ifndef WEIR_ENRICH_NETWORKS_H
#define WEIR_ENRICH_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/prefix_table.h"

#define WEIR_NETWORKS_MAX 4000000

struct weir_network {
	struct weir_prefix prefix;
	uint32_t parent; /* the network around it; 0: none */
	uint32_t line;	 /* of the file; 0: from the configuration */
	/* Numbers of the vocabulary. */
	uint32_t subnet; /* the prefix as text */
	uint32_t zone;
	uint32_t role; /* words, parted by one blank each: "dns ntp" */
	uint32_t description;
	uint32_t owner;
	bool inside; /* what goes there is internal or inbound; false for those of external zones */
};

/* A prefix that stands twice. */
struct weir_network_twice {
	struct weir_prefix prefix;
	uint32_t line; /* of the one that counts */
	uint32_t lost; /* of the other */
};

#define WEIR_NETWORKS_TWICE_MAX 32 /* are remembered */

struct weir_networks {
	struct weir_network *network; /* count of them, in order of prefix from 1 on; owned */
	uint32_t count;		      /* with number 0 */
	struct weir_prefix_table *table; /* values are numbers of networks */
	bool has_zones, has_roles;	 /* of any network: whether there is something to fill in */
	struct weir_network_twice twice[WEIR_NETWORKS_TWICE_MAX];
	uint32_t twices;
};

struct weir_networks_options {
	const char *file;	      /* NULL or "": none */
	const char *const *line;      /* "prefix,zone,role,description,owner", as in a file */
	unsigned lines;
	const char *const *external;  /* zones that are not inside; borrowed */
	unsigned externals;
};

/* On a mistake err names file and line. Private addresses are inside though no network names them. */
int weir_networks_load(const struct weir_networks_options *options, struct weir_vocabulary *vocabulary,
		       struct weir_networks **ret_networks, struct weir_error *err) WEIR_MUST_CHECK;
/* The same from an open file; for what is no file on the disk. */
int weir_networks_read(const struct weir_networks_options *options, FILE *file, const char *name,
		       struct weir_vocabulary *vocabulary, struct weir_networks **ret_networks, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_networks_free(struct weir_networks *networks);

/* The number of the network of an address; 0: it is in none. */
static inline uint32_t weir_networks_find(const struct weir_networks *networks, const struct weir_addr *addr)
{
	return weir_prefix_table_find(networks->table, addr);
}

/* Is the address of no network a private one (RFC 1918, RFC 6598, RFC 4193, link-local, loopback), or a group's? */
bool weir_addr_is_private(const struct weir_addr *addr);

/* What may be meant otherwise than it was written; each is told with a line for a person. */
enum weir_networks_finding {
	WEIR_FINDING_TWICE,   /* the same prefix again, with other properties: the later one counts */
	WEIR_FINDING_OVERLAP, /* a network within one of another zone */
	WEIR_FINDING_GAP,     /* a part of a network that is divided, which is in none of its parts; private addresses in none */
	WEIR_FINDINGS
};

typedef void weir_networks_tell(void *ctx, enum weir_networks_finding finding, const char *text);

void weir_networks_check(const struct weir_networks *networks, const struct weir_vocabulary *vocabulary,
			 weir_networks_tell *tell, void *ctx);

#endif
