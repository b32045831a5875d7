/* The catalog of services: which service and category a port, a protocol or an application is. data/services.tsv is part of
 * the program; a file of the same form may come before it, whose rows then count. Constant once loaded: any thread. */
#ifndef WEIR_ENRICH_CATALOG_H
#define WEIR_ENRICH_CATALOG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/vocabulary.h"

#define WEIR_CATALOG_ENTRIES_MAX 65535

struct weir_catalog_entry {
	uint32_t service; /* numbers of the vocabulary */
	uint32_t category;
};

struct weir_catalog_app; /* private */

struct weir_catalog {
	struct weir_catalog_entry *entry; /* number 0 is none; owned, like the rest */
	uint32_t entries;
	uint16_t *port[3];   /* of TCP, UDP (and UDP-Lite), SCTP (and DCCP): numbers of entries by port */
	uint16_t proto[256]; /* of protocols without ports */
	struct weir_catalog_app *app;
	uint32_t app_slots; /* a power of two */
	uint32_t apps;
};

/* file: NULL or "" is none but the program's own. On a mistake err names file and line. */
int weir_catalog_load(const char *file, struct weir_vocabulary *vocabulary, struct weir_catalog **ret_catalog,
		      struct weir_error *err) WEIR_MUST_CHECK;
/* The same from an open file, which may be NULL. */
int weir_catalog_read(FILE *file, const char *name, struct weir_vocabulary *vocabulary, struct weir_catalog **ret_catalog,
		      struct weir_error *err) WEIR_MUST_CHECK;
void weir_catalog_free(struct weir_catalog *catalog);

/* Which of catalog->port a protocol's ports are in; -1: it has no ports. */
static inline int weir_catalog_ports_of(uint8_t proto)
{
	static const uint8_t one_more[256] = {[6] = 1, [17] = 2, [136] = 2, [132] = 3, [33] = 3};

	return one_more[proto] - 1;
}

/* The number of the entry; 0: none. */
static inline uint32_t weir_catalog_find(const struct weir_catalog *catalog, uint8_t proto, uint16_t port)
{
	int ports = weir_catalog_ports_of(proto);

	return ports < 0 ? catalog->proto[proto] : catalog->port[ports][port];
}

/* By the name that an exporter gives an application, without case; 0: it is not in the catalog. */
uint32_t weir_catalog_find_app(const struct weir_catalog *catalog, const char *name, size_t len);

/* data/services.tsv */
extern const char weir_services_table[];

#endif
