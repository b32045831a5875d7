/* The columns of a block, one kind after the other: each is a loop over rows that reads few tables. */
#include "enrich/enrich.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrich/initiator.h"
#include "enrich/snapshot.h"

/* Indexed by whether the source is inside, and the destination. */
static const uint8_t DIRECTION[2][2] = {{WEIR_EXTERNAL, WEIR_INBOUND}, {WEIR_OUTBOUND, WEIR_INTERNAL}};

struct weir_enrich_worker {
	struct weir_enrich *enrich; /* borrowed */
	struct weir_initiator *initiator;
	struct weir_snapshot *snapshot; /* held, or NULL */
	uint32_t capacity;
	uint32_t *network[2]; /* of each row: source's, destination's */
	bool *known[2];	      /* whether it is inside */
	uint32_t *scratch;
	struct weir_geo_entry *geo;
};

/* --- workers ---------------------------------------------------------------------------------------------- */

int weir_enrich_worker_new(struct weir_enrich *enrich, uint64_t seed, struct weir_enrich_worker **ret_worker)
{
	struct weir_enrich_worker *w = calloc(1, sizeof(*w));
	int rc = w ? 0 : -ENOMEM;

	if (!rc) {
		w->enrich = enrich;
		rc = weir_initiator_new(seed, &w->initiator);
	}
	if (rc)
		weir_enrich_worker_free(w);
	else
		*ret_worker = w;
	return rc;
}

void weir_enrich_worker_free(struct weir_enrich_worker *worker)
{
	if (!worker)
		return;
	weir_enrich_rest(worker);
	weir_initiator_free(worker->initiator);
	for (unsigned i = 0; i < 2; i++) {
		free(worker->network[i]);
		free(worker->known[i]);
	}
	free(worker->scratch);
	free(worker->geo);
	free(worker);
}

void weir_enrich_rest(struct weir_enrich_worker *worker)
{
	if (!worker->snapshot)
		return;
	weir_snapshot_release(worker->enrich, worker->snapshot);
	worker->snapshot = NULL;
}

/* Blocks of one decoder have one capacity, so this happens once. */
static bool make_room(struct weir_enrich_worker *w, uint32_t capacity)
{
	if (capacity <= w->capacity)
		return true;
	for (unsigned i = 0; i < 2; i++) {
		free(w->network[i]);
		free(w->known[i]);
		w->network[i] = calloc(capacity, sizeof(*w->network[i]));
		w->known[i] = calloc(capacity, sizeof(*w->known[i]));
	}
	free(w->scratch);
	free(w->geo);
	w->scratch = calloc(capacity, sizeof(*w->scratch));
	w->geo = calloc(capacity, sizeof(*w->geo));
	w->capacity = w->network[0] && w->network[1] && w->known[0] && w->known[1] && w->scratch && w->geo ? capacity : 0;
	return w->capacity != 0;
}

/* --- rows ------------------------------------------------------------------------------------------------- */

static void fill_networks(struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	static const enum weir_column_id SUBNET[] = {WEIR_COL_SRC_SUBNET, WEIR_COL_DST_SUBNET};
	static const enum weir_column_id ZONE[] = {WEIR_COL_SRC_ZONE, WEIR_COL_DST_ZONE};
	static const enum weir_column_id ROLE[] = {WEIR_COL_SRC_ROLE, WEIR_COL_DST_ROLE};
	static const enum weir_column_id ADDR[] = {WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR};
	const struct weir_networks *n = weir_snapshot_networks(w->snapshot);

	for (unsigned end = 0; end < 2; end++) {
		const uint32_t *number = w->network[end];
		uint32_t *subnet = weir_block_u32(block, SUBNET[end]);
		uint32_t *zone = weir_block_u32(block, ZONE[end]);
		uint32_t *role = weir_block_u32(block, ROLE[end]);

		/* Without networks every address is in none. */
		if (n->count == 1) {
			memset(w->network[end], 0, block->rows * sizeof(*w->network[end]));
			continue;
		}
		weir_prefix_table_find_all(n->table, weir_block_addr(block, ADDR[end]), block->rows, w->network[end]);
		weir_column_set_add(filled, SUBNET[end]);
		if (n->has_zones)
			weir_column_set_add(filled, ZONE[end]);
		if (n->has_roles)
			weir_column_set_add(filled, ROLE[end]);
		/* Where no network has a zone or role all are 0, as the columns are. */
		for (uint32_t row = 0; row < block->rows; row++) {
			const struct weir_network *network = &n->network[number[row]];

			subnet[row] = network->subnet;
			zone[row] = network->zone;
			role[row] = network->role;
		}
	}
}

static inline bool is_inside(const struct weir_networks *n, uint32_t number, const struct weir_addr *addr)
{
	return number ? n->network[number].inside : weir_addr_is_private(addr);
}

static void fill_direction(const struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	const struct weir_networks *n = weir_snapshot_networks(w->snapshot);
	const struct weir_addr *src = weir_block_addr(block, WEIR_COL_SRC_ADDR);
	const struct weir_addr *dst = weir_block_addr(block, WEIR_COL_DST_ADDR);
	uint32_t *direction = weir_block_u32(block, WEIR_COL_TRAFFIC_DIRECTION);

	for (uint32_t row = 0; row < block->rows; row++) {
		bool src_inside = is_inside(n, w->network[0][row], &src[row]);
		bool dst_inside = is_inside(n, w->network[1][row], &dst[row]);

		w->known[0][row] = src_inside;
		w->known[1][row] = dst_inside;
		direction[row] = w->enrich->direction[DIRECTION[src_inside][dst_inside]];
	}
	weir_column_set_add(filled, WEIR_COL_TRAFFIC_DIRECTION);
}

/* RFC 6759 §4: the engine in the top byte; of IANA's protocols and ports the selector is the number itself. */
enum { ENGINE_SHIFT = 56, ENGINE_PROTOCOLS = 1, ENGINE_PORTS = 3 };

static uint32_t by_application(const struct weir_catalog *c, const struct weir_block *block, uint32_t row)
{
	struct weir_str name = weir_block_str(block, WEIR_COL_APPLICATION_NAME)[row];
	uint64_t id = weir_block_u64(block, WEIR_COL_APPLICATION_ID)[row];
	uint32_t entry = name.len ? weir_catalog_find_app(c, weir_block_text(block, name), name.len) : 0;

	if (entry || !id)
		return entry;
	if (id >> ENGINE_SHIFT == ENGINE_PORTS)
		return weir_catalog_find(c, weir_block_u8(block, WEIR_COL_PROTO)[row], (uint16_t)id);
	return id >> ENGINE_SHIFT == ENGINE_PROTOCOLS ? c->proto[id & UINT8_MAX] : 0;
}

static void fill_services(const struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	const struct weir_catalog *c = weir_snapshot_catalog(w->snapshot);
	const uint8_t *proto = weir_block_u8(block, WEIR_COL_PROTO);
	const uint16_t *port = weir_block_u16(block, WEIR_COL_SERVICE_PORT);
	uint32_t *service = weir_block_u32(block, WEIR_COL_SERVICE);
	uint32_t *category = weir_block_u32(block, WEIR_COL_CATEGORY);
	bool applications = weir_column_set_has(&block->used, WEIR_COL_APPLICATION_NAME) ||
			    weir_column_set_has(&block->used, WEIR_COL_APPLICATION_ID);

	for (uint32_t row = 0; row < block->rows; row++) {
		uint32_t entry = applications ? by_application(c, block, row) : 0;

		entry = entry ? entry : weir_catalog_find(c, proto[row], port[row]);
		service[row] = c->entry[entry].service;
		category[row] = c->entry[entry].category;
	}
	weir_column_set_add(filled, WEIR_COL_SERVICE);
	weir_column_set_add(filled, WEIR_COL_CATEGORY);
}

/* The AS that the exporter told counts, and has its name here. */
static void fill_as(const struct weir_geo *geo, const struct weir_geo_entry *known, uint32_t rows, uint32_t *as, uint32_t *name)
{
	for (uint32_t row = 0; row < rows; row++) {
		if (!as[row] || as[row] == known[row].as) {
			as[row] = known[row].as;
			name[row] = known[row].as_name ? known[row].as_name : weir_geo_as_name(geo, as[row]);
		} else {
			name[row] = weir_geo_as_name(geo, as[row]);
		}
	}
}

static void fill_geo(const struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	static const enum weir_column_id ADDR[] = {WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR};
	static const enum weir_column_id COUNTRY[] = {WEIR_COL_SRC_COUNTRY, WEIR_COL_DST_COUNTRY};
	static const enum weir_column_id AS[] = {WEIR_COL_SRC_AS, WEIR_COL_DST_AS};
	static const enum weir_column_id AS_NAME[] = {WEIR_COL_SRC_AS_NAME, WEIR_COL_DST_AS_NAME};
	const struct weir_geo *geo = weir_snapshot_geo(w->snapshot);
	bool countries = weir_geo_has_countries(geo), as = weir_geo_has_as(geo);

	for (unsigned end = 0; end < 2 && (countries || as); end++) {
		uint32_t *country = weir_block_u32(block, COUNTRY[end]);

		weir_geo_find_all(geo, weir_block_addr(block, ADDR[end]), block->rows, w->scratch, w->geo);
		for (uint32_t row = 0; countries && row < block->rows; row++)
			country[row] = w->geo[row].country;
		if (countries)
			weir_column_set_add(filled, COUNTRY[end]);
		if (!as)
			continue;
		fill_as(geo, w->geo, block->rows, weir_block_u32(block, AS[end]), weir_block_u32(block, AS_NAME[end]));
		weir_column_set_add(filled, AS[end]);
		weir_column_set_add(filled, AS_NAME[end]);
	}
}

static void fill_threats(const struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	const struct weir_threats *t = weir_snapshot_threats(w->snapshot);
	const uint8_t *proto = weir_block_u8(block, WEIR_COL_PROTO);
	struct timespec now;

	if (!w->snapshot->has_threat_lists)
		return;
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	weir_threats_find_all(t, weir_block_addr(block, WEIR_COL_SRC_ADDR), weir_block_u16(block, WEIR_COL_SRC_PORT), proto, w->known[0],
			      block->rows, now.tv_sec, weir_block_u32(block, WEIR_COL_SRC_THREAT));
	weir_threats_find_all(t, weir_block_addr(block, WEIR_COL_DST_ADDR), weir_block_u16(block, WEIR_COL_DST_PORT), proto, w->known[1],
			      block->rows, now.tv_sec, weir_block_u32(block, WEIR_COL_DST_THREAT));
	weir_column_set_add(filled, WEIR_COL_SRC_THREAT);
	weir_column_set_add(filled, WEIR_COL_DST_THREAT);
}

void weir_enrich_block(struct weir_enrich_worker *worker, struct weir_block *block, struct weir_enrich_rows *ret_rows)
{
	struct weir_column_set filled = {0};

	weir_enrich_rest(worker);
	worker->snapshot = weir_snapshot_hold(worker->enrich);
	block->vocabulary = worker->enrich->vocabulary;
	if (ret_rows)
		*ret_rows = (struct weir_enrich_rows){weir_snapshot_networks(worker->snapshot), worker->network[0], worker->network[1]};
	if (!block->rows || !make_room(worker, block->capacity))
		return;
	fill_networks(worker, block, &filled);
	fill_direction(worker, block, &filled);
	weir_initiator_block(worker->initiator, weir_snapshot_catalog(worker->snapshot), block);
	weir_column_set_add(&filled, WEIR_COL_INITIATOR);
	weir_column_set_add(&filled, WEIR_COL_INITIATOR_CONFIDENCE);
	weir_column_set_add(&filled, WEIR_COL_SERVICE_PORT);
	fill_services(worker, block, &filled);
	fill_geo(worker, block, &filled);
	fill_threats(worker, block, &filled);
	weir_labels_fill(weir_snapshot_labels(worker->snapshot), block, &filled);
	weir_block_mark(block, &filled);
	if (ret_rows)
		*ret_rows = (struct weir_enrich_rows){weir_snapshot_networks(worker->snapshot), worker->network[0], worker->network[1]};
}
