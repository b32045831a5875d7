/* An MMDB file is a binary tree of address bits whose leaves point to records; many leaves to the same one. The tree is walked
 * once, IPv4 (which lies at ::/96) on its own, and each record is read once, known by its place.
 *
 * Files are hostile: a tree may point back into itself. No node is met twice in a right one (but for the places where IPv6
 * addresses that carry IPv4's point to the IPv4 tree, which are passed over), so more visits than nodes are a mistake. */
#include <errno.h>
#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/geo_table.h"

#define RECORDS_FIRST 4096

struct record {
	uint32_t place; /* in the data section, + 1; 0: free */
	uint32_t entry;
};

struct walk {
	MMDB_s mmdb;
	struct weir_geo_builder *builder;
	struct record *record; /* hash table by place */
	uint32_t records, slots;
	uint64_t visits;
	uint32_t v4_node;
	bool v4_apart; /* IPv4's tree lies within one of IPv6 */
	struct weir_addr addr; /* the bits on the way down */
};

static int damaged(const struct walk *w, const char *what)
{
	return weir_error_set(w->builder->err, -EINVAL, w->builder->where, "fetch it again", "the MMDB file is damaged: %s", what);
}

/* --- records ---------------------------------------------------------------------------------------------- */

/* The first of these paths that the record has, as a text. */
static bool find_text(MMDB_entry_s *entry, const char *const (*paths)[3], size_t count, MMDB_entry_data_s *ret_data)
{
	for (size_t i = 0; i < count; i++) {
		if (MMDB_aget_value(entry, ret_data, (const char *const *)paths[i]) == MMDB_SUCCESS && ret_data->has_data &&
		    ret_data->type == MMDB_DATA_TYPE_UTF8_STRING)
			return true;
	}
	return false;
}

static const char *const COUNTRY_PATHS[][3] = {
	{"country", "iso_code", NULL}, {"registered_country", "iso_code", NULL}, {"country_code", NULL, NULL}, {"country", NULL, NULL}};
static const char *const NAME_PATHS[][3] = {
	{"autonomous_system_organization", NULL, NULL}, {"as_name", NULL, NULL}, {"name", NULL, NULL}};
static const char *const ASN_PATHS[][3] = {{"asn", NULL, NULL}};

/* A number, or "AS64500". */
static uint32_t find_as(MMDB_entry_s *entry)
{
	static const char *const number[] = {"autonomous_system_number", NULL};
	MMDB_entry_data_s data;
	uint64_t as = 0;

	if (MMDB_aget_value(entry, &data, number) == MMDB_SUCCESS && data.has_data) {
		if (data.type == MMDB_DATA_TYPE_UINT32)
			return data.uint32;
		return data.type == MMDB_DATA_TYPE_UINT16 ? data.uint16 : 0;
	}
	if (!find_text(entry, ASN_PATHS, 1, &data) || data.data_size < 3 || memcmp(data.utf8_string, "AS", 2) != 0)
		return 0;
	for (uint32_t i = 2; i < data.data_size && data.utf8_string[i] >= '0' && data.utf8_string[i] <= '9' && as <= UINT32_MAX; i++)
		as = as * 10 + (uint64_t)(data.utf8_string[i] - '0');
	return as <= UINT32_MAX ? (uint32_t)as : 0;
}

static int read_record(struct walk *w, MMDB_entry_s *place, uint32_t *ret_entry)
{
	struct weir_geo_builder *b = w->builder;
	struct weir_geo_entry entry = {.as = find_as(place)};
	MMDB_entry_data_s data;
	int rc = 0;

	if (find_text(place, COUNTRY_PATHS, 4, &data) && data.data_size == 2)
		rc = weir_geo_add_name(b, data.utf8_string, data.data_size, &entry.country);
	if (!rc && entry.as && find_text(place, NAME_PATHS, 3, &data))
		rc = weir_geo_add_name(b, data.utf8_string, data.data_size, &entry.as_name);
	if (!rc && entry.as_name)
		rc = weir_geo_name_as(b, entry.as, entry.as_name);
	*ret_entry = 0;
	return rc || !(entry.country || entry.as) ? rc : weir_geo_add_entry(b, &entry, ret_entry);
}

static struct record *record_slot(const struct walk *w, uint32_t place)
{
	uint32_t at = place * 0x9e3779b1U;

	for (at = (at ^ at >> 15) & (w->slots - 1); w->record[at].place && w->record[at].place != place;)
		at = (at + 1) & (w->slots - 1);
	return &w->record[at];
}

static int grow_records(struct walk *w)
{
	struct record *old = w->record;
	uint32_t slots = w->slots;

	if (old && w->records < slots / 2)
		return 0;
	w->slots = slots ? 2 * slots : RECORDS_FIRST;
	w->record = calloc(w->slots, sizeof(*w->record));
	if (!w->record) {
		w->record = old;
		w->slots = slots;
		return weir_geo_out_of_memory(w->builder);
	}
	for (uint32_t i = 0; i < slots; i++) {
		if (old[i].place)
			*record_slot(w, old[i].place) = old[i];
	}
	free(old);
	return 0;
}

static int entry_of(struct walk *w, MMDB_entry_s *place, uint32_t *ret_entry)
{
	struct record *r;
	int rc = grow_records(w);

	if (rc)
		return rc;
	r = record_slot(w, place->offset + 1);
	if (!r->place) {
		rc = read_record(w, place, &r->entry);
		if (rc)
			return rc;
		r->place = place->offset + 1;
		w->records++;
	}
	*ret_entry = r->entry;
	return 0;
}

/* --- the tree --------------------------------------------------------------------------------------------- */

static int walk_node(struct walk *w, uint64_t number, unsigned depth);

static int walk_side(struct walk *w, unsigned type, uint64_t record, MMDB_entry_s *place, unsigned depth)
{
	const struct weir_prefix prefix = {w->addr, (uint8_t)depth};
	uint32_t entry;
	int rc;

	switch (type) {
	case MMDB_RECORD_TYPE_EMPTY:
		return 0;
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		return walk_node(w, record, depth);
	case MMDB_RECORD_TYPE_DATA:
		rc = entry_of(w, place, &entry);
		return rc || !entry ? rc : weir_geo_add_prefix(w->builder, &prefix, entry);
	default:
		return damaged(w, "a node points to nowhere");
	}
}

/* depth: how many bits lead to the node; at most 128, as deep as this goes. */
static int walk_node(struct walk *w, uint64_t number, unsigned depth)
{
	MMDB_search_node_s node;
	int rc;

	if (w->v4_apart && depth && number == w->v4_node)
		return 0;
	if (depth >= 128 || ++w->visits > w->mmdb.metadata.node_count)
		return damaged(w, "the tree has a loop");
	if (MMDB_read_node(&w->mmdb, (uint32_t)number, &node) != MMDB_SUCCESS)
		return damaged(w, "a node is missing");
	rc = walk_side(w, node.left_record_type, node.left_record, &node.left_record_entry, depth + 1);
	if (rc)
		return rc;
	w->addr.byte[depth / 8] = (uint8_t)(w->addr.byte[depth / 8] | 0x80U >> depth % 8);
	rc = walk_side(w, node.right_record_type, node.right_record, &node.right_record_entry, depth + 1);
	w->addr.byte[depth / 8] = (uint8_t)(w->addr.byte[depth / 8] & ~(0x80U >> depth % 8));
	return rc;
}

static const struct weir_addr V4_BEGIN = {{[10] = 0xff, [11] = 0xff}};

static int walk_tree(struct walk *w)
{
	bool six = w->mmdb.metadata.ip_version == 6;
	uint32_t v4 = six ? w->mmdb.ipv4_start_node.node_value : 0;
	int rc = 0;

	/* Where the tree ends before 96 bits there is no IPv4 in it, or one record for all of it. */
	w->addr = V4_BEGIN;
	if (v4 < w->mmdb.metadata.node_count)
		rc = walk_node(w, v4, 96);
	if (rc || !six)
		return rc;
	w->v4_apart = v4 < w->mmdb.metadata.node_count && v4 != 0;
	w->v4_node = v4;
	w->addr = (struct weir_addr){{0}};
	return walk_node(w, 0, 0);
}

int weir_mmdb_read(const char *path, struct weir_geo_builder *builder)
{
	struct walk w = {.builder = builder};
	int status = MMDB_open(path, MMDB_MODE_MMAP, &w.mmdb);
	int rc;

	if (status == MMDB_FILE_OPEN_ERROR)
		return weir_error_set(builder->err, -errno, path, "check the file's owner and mode", "the file cannot be read: %s",
				      strerror(errno));
	if (status != MMDB_SUCCESS)
		return weir_error_set(builder->err, -EINVAL, path, "name a file as GeoLite2-Country.mmdb", "this is no MMDB file: %s",
				      MMDB_strerror(status));
	rc = walk_tree(&w);
	MMDB_close(&w.mmdb);
	free(w.record);
	return rc;
}
