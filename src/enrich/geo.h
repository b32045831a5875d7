/* Where addresses are and whose: countries and autonomous systems, from MMDB files (MaxMind's GeoLite2 and GeoIP2, DB-IP, IPinfo)
 * and from a person's own table, which counts before them.
 *
 * A file is read whole, into a table of prefixes; it is not looked at again. So a look-up costs what one of networks does, and
 * nothing happens when the file goes away. A snapshot is constant once loaded: any thread.
 *
 * An MMDB file is mapped while it is read: it must be replaced (renamed onto the old), as all update programs do, and not be
 * written over. */
#ifndef WEIR_ENRICH_GEO_H
#define WEIR_ENRICH_GEO_H

#include <stdio.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/prefix_table.h"

struct weir_geo_options {
	const char *country;   /* MMDB files, which may be the same; NULL or "": none */
	const char *as;
	const char *overrides; /* CSV: prefix,country,as,as_name */
};

/* What is known of a prefix; 0 is nothing. */
struct weir_geo_entry {
	uint32_t country; /* names of the vocabulary */
	uint32_t as_name;
	uint32_t as;
};

struct weir_geo_table {
	struct weir_prefix_table *table; /* NULL: none; values are numbers of entries */
	struct weir_geo_entry *entry;
	uint32_t entries; /* with number 0, which is empty */
	uint64_t prefixes;
};

struct weir_geo_as; /* private */

struct weir_geo {
	struct weir_geo_table country, as, own;
	struct weir_geo_as *name; /* names by AS number */
	uint32_t names, name_slots;
};

int weir_geo_load(const struct weir_geo_options *options, struct weir_vocabulary *vocabulary, struct weir_geo **ret_geo,
		  struct weir_error *err) WEIR_MUST_CHECK;
/* A table of one's own alone, from an open file. */
int weir_geo_read(FILE *overrides, const char *name, struct weir_vocabulary *vocabulary, struct weir_geo **ret_geo,
		  struct weir_error *err) WEIR_MUST_CHECK;
void weir_geo_free(struct weir_geo *geo);

static inline bool weir_geo_has_countries(const struct weir_geo *geo)
{
	return geo->country.table || geo->own.table;
}

static inline bool weir_geo_has_as(const struct weir_geo *geo)
{
	return geo->as.table || geo->own.table || geo->names;
}

/* The name of an AS; 0: it has none. */
uint32_t weir_geo_as_name(const struct weir_geo *geo, uint32_t as);

/* What is known of each address. scratch: as many numbers. */
void weir_geo_find_all(const struct weir_geo *geo, const struct weir_addr *addr, uint32_t count, uint32_t *scratch,
		       struct weir_geo_entry *ret_entry);

#endif
