/* Inner header of src/enrich: how the tables of geo.h are made, from MMDB files and others. */
#ifndef WEIR_ENRICH_GEO_TABLE_H
#define WEIR_ENRICH_GEO_TABLE_H

#include "enrich/geo.h"

#define WEIR_GEO_PREFIXES_MAX 20000000
#define WEIR_GEO_ENTRIES_MAX  4000000

struct weir_geo_builder {
	struct weir_vocabulary *vocabulary;
	struct weir_geo *geo;
	struct weir_geo_table *table; /* to be filled */
	struct weir_prefix_entry *prefix;
	uint32_t prefixes, prefixes_cap;
	uint32_t entries_cap;
	const char *where; /* for errors */
	struct weir_error *err;
};

/* An entry; the same as the one before is not kept twice. */
int weir_geo_add_entry(struct weir_geo_builder *b, const struct weir_geo_entry *entry, uint32_t *ret_number) WEIR_MUST_CHECK;
int weir_geo_add_prefix(struct weir_geo_builder *b, const struct weir_prefix *prefix, uint32_t number) WEIR_MUST_CHECK;
int weir_geo_add_name(struct weir_geo_builder *b, const char *text, size_t len, uint32_t *ret_name) WEIR_MUST_CHECK;
/* Of several names of an AS the first stands. */
int weir_geo_name_as(struct weir_geo_builder *b, uint32_t as, uint32_t name) WEIR_MUST_CHECK;
int weir_geo_out_of_memory(const struct weir_geo_builder *b);

/* Add what an MMDB file has. */
int weir_mmdb_read(const char *path, struct weir_geo_builder *builder) WEIR_MUST_CHECK;

#endif
