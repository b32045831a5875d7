/* The made network: sites with roles, and the internet around them. Private to generate.
 *
 * An exporter is a site's router. Each site has an IPv4 /20 and an IPv6 /48 of its own; a role (clients, web servers,
 * telephones …) has some /24s of it and the /64s that go with them, an interface, and hosts by rank: rank 0 is the
 * most popular. Site 0 is the head office, whose servers the others use too. Internet hosts belong to networks with
 * an AS number and a prefix; the same rank is the same host for every site. All of it is computed from the numbers,
 * nothing is stored. */
#ifndef WEIR_GENERATE_NETWORK_H
#define WEIR_GENERATE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/addr.h"

enum weir_role {
	WEIR_ROLE_CLIENT,
	WEIR_ROLE_PHONE,
	WEIR_ROLE_PRINTER,
	WEIR_ROLE_THING, /* cameras, sensors */
	WEIR_ROLE_WEB,
	WEIR_ROLE_MAIL,
	WEIR_ROLE_RESOLVER,
	WEIR_ROLE_APPLICATION,
	WEIR_ROLE_DATABASE,
	WEIR_ROLE_FILES,
	WEIR_ROLE_DIRECTORY,
	WEIR_ROLE_TIME,
	WEIR_ROLE_DHCP,
	WEIR_ROLE_PROXY,
	WEIR_ROLE_BACKUP,
	WEIR_ROLE_PBX,
	WEIR_ROLE_MONITOR,
	WEIR_ROLE_ADMIN,
	WEIR_ROLE_BASTION, /* the only ones from which servers are administered */
	WEIR_ROLE_CONTROLLER,
	WEIR_ROLE_HYPERVISOR, /* their management addresses; their tunnel ends are VTEP */
	WEIR_ROLE_PEER,
	WEIR_ROLE_ROUTER,
	WEIR_ROLE_VTEP,
	WEIR_ROLE_CONTENT, /* internet: whom people visit */
	WEIR_ROLE_PEOPLE,  /* internet: who visits us */
	WEIR_ROLES
};

struct weir_role_row {
	const char *name; /* as the shipped policies call it */
	uint8_t subnet;	   /* the first /24 within the site's /20; meaningless for internet roles */
	uint8_t first;	   /* the last octet of rank 0 */
	uint8_t interface; /* 0: internet, the uplink is chosen by the host */
	uint8_t skew;	   /* of popularity, for weir_random_rank() */
	uint32_t hosts;	   /* of a site; of the internet */
	const char *help;  /* for people; NULL: internet */
	const char *owner;
};

extern const struct weir_role_row weir_roles[WEIR_ROLES];

static inline bool weir_role_is_internet(enum weir_role role)
{
	return role >= WEIR_ROLE_CONTENT;
}

/* What a flow says of one of its ends. */
struct weir_host {
	struct weir_addr addr;
	struct weir_addr next_hop; /* towards it; 0.0.0.0 or :: where it is attached */
	uint32_t as;		   /* 0: our own */
	uint32_t interface;
	uint8_t mask;
};

struct weir_network {
	uint8_t content_of[256]; /* a byte of a host's hash to its network, by weight */
	uint8_t people_of[256];
};

void weir_network_init(struct weir_network *network);

/* Sites from here on have the IPv4 addresses of the first ones again, as private address space does. */
#define WEIR_NETWORK_SITES_V4 (4096 + 1024 + 256)

/* The first address of a site's /20, as a number. */
uint32_t weir_network_site_v4(uint32_t site);

/* The host of a role by rank, as the router of site `here` sees it; its own site is `site`. */
void weir_network_host(const struct weir_network *network, uint32_t here, uint32_t site, enum weir_role role,
		       uint32_t rank, bool ipv6, struct weir_host *ret_host);

#endif
