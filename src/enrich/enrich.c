#include "enrich/enrich.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "enrich/initiator.h"

enum direction { INBOUND, OUTBOUND, INTERNAL, EXTERNAL, DIRECTIONS };

/* Indexed by whether the source is inside, and the destination. */
static const enum direction DIRECTION[2][2] = {{EXTERNAL, INBOUND}, {OUTBOUND, INTERNAL}};
static const char *const DIRECTION_NAMES[DIRECTIONS] = {
	[INBOUND] = "inbound", [OUTBOUND] = "outbound", [INTERNAL] = "internal", [EXTERNAL] = "external"};

/* A data set in force: each is counted by the snapshots that have it, so that a new snapshot shares what has not changed. */
struct snapshot {
	struct snapshot *next; /* of those that have gone out of force */
	unsigned workers;      /* that read it */
	struct weir_networks *networks;
	struct weir_catalog *catalog;
};

/* A file as it was when it was read. */
struct stamp {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

enum file { NETWORKS, SERVICES, FILES };

struct weir_enrich {
	struct weir_vocabulary *vocabulary; /* borrowed */
	struct weir_enrich_options options; /* all it points to is owned */
	uint32_t direction[DIRECTIONS];	    /* names */
	struct stamp stamp[FILES];

	pthread_mutex_t lock;
	struct snapshot *current;
	struct snapshot *retired;
	struct weir_enrich_stats stats;
};

struct weir_enrich_worker {
	struct weir_enrich *enrich; /* borrowed */
	struct weir_initiator *initiator;
	struct snapshot *snapshot; /* held, or NULL */
	uint32_t capacity;
	uint32_t *network[2]; /* of each row: source's, destination's */
};

/* --- snapshots -------------------------------------------------------------------------------------------- */

static void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	weir_networks_free(s->networks);
	weir_catalog_free(s->catalog);
	free(s);
}

/* Free those out of force that nobody reads. Under the lock they are taken off the list, and freed behind it. */
static void sweep(struct weir_enrich *e)
{
	struct snapshot *idle = NULL;

	pthread_mutex_lock(&e->lock);
	for (struct snapshot **at = &e->retired; *at;) {
		struct snapshot *s = *at;

		if (s->workers) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = idle;
		idle = s;
	}
	pthread_mutex_unlock(&e->lock);
	while (idle) {
		struct snapshot *next = idle->next;

		snapshot_free(idle);
		idle = next;
	}
}

static int load(struct weir_enrich *e, struct snapshot **ret_snapshot, struct weir_error *err)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	int rc = s ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	if (!rc)
		rc = weir_networks_load(&e->options.networks, e->vocabulary, &s->networks, err);
	if (!rc)
		rc = weir_catalog_load(e->options.services_file, e->vocabulary, &s->catalog, err);
	if (rc)
		snapshot_free(s);
	else
		*ret_snapshot = s;
	return rc;
}

static void put_in_force(struct weir_enrich *e, struct snapshot *s)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&e->lock);
	if (e->current) {
		e->current->next = e->retired;
		e->retired = e->current;
	}
	e->current = s;
	e->stats.networks = s->networks->count - 1;
	e->stats.services = s->catalog->entries - 1;
	e->stats.loaded_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	pthread_mutex_unlock(&e->lock);
}

/* --- files ------------------------------------------------------------------------------------------------ */

static const char *path_of(const struct weir_enrich *e, enum file file)
{
	const char *const paths[FILES] = {[NETWORKS] = e->options.networks.file, [SERVICES] = e->options.services_file};

	return paths[file] && *paths[file] ? paths[file] : NULL;
}

const char *weir_enrich_file(const struct weir_enrich *enrich, unsigned index)
{
	for (unsigned i = 0; i < FILES; i++) {
		const char *path = path_of(enrich, (enum file)i);

		if (path && !index--)
			return path;
	}
	return NULL;
}

static struct stamp stamp_of(const char *path)
{
	struct stamp stamp = {0};
	struct stat st;

	if (path && stat(path, &st) == 0) {
		stamp.changed = st.st_mtim;
		stamp.size = st.st_size;
		stamp.inode = st.st_ino;
	}
	return stamp;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
	       a->inode == b->inode;
}

/* Note the files as they are; true where one is another than it was. */
static bool note_files(struct weir_enrich *e)
{
	bool changed = false;

	for (unsigned i = 0; i < FILES; i++) {
		struct stamp now = stamp_of(path_of(e, (enum file)i));

		changed |= !is_same(&now, &e->stamp[i]);
		e->stamp[i] = now;
	}
	return changed;
}

int weir_enrich_reload(struct weir_enrich *enrich, bool everything, struct weir_error *err)
{
	struct snapshot *s;
	int rc;

	sweep(enrich);
	if (!note_files(enrich) && !everything)
		return 0;
	rc = load(enrich, &s, err);
	pthread_mutex_lock(&enrich->lock);
	enrich->stats.reloads += rc == 0;
	enrich->stats.reloads_failed += rc != 0;
	pthread_mutex_unlock(&enrich->lock);
	if (rc)
		return rc;
	put_in_force(enrich, s);
	sweep(enrich);
	return 1;
}

/* --- life ------------------------------------------------------------------------------------------------- */

static int copy_text(const char *text, const char **ret_copy)
{
	*ret_copy = strdup(text ? text : "");
	return *ret_copy ? 0 : -ENOMEM;
}

static int copy_list(const char *const *list, unsigned count, const char *const **ret_list)
{
	const char **copy = calloc(count ? count : 1, sizeof(*copy));
	int rc = copy ? 0 : -ENOMEM;

	*ret_list = copy;
	for (unsigned i = 0; !rc && i < count; i++)
		rc = copy_text(list[i], &copy[i]);
	return rc;
}

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void free_list(const char *const *list, unsigned count)
{
	for (unsigned i = 0; list && i < count; i++)
		free_text(list[i]);
	free((void *)(uintptr_t)list);
}

static int copy_options(const struct weir_enrich_options *from, struct weir_enrich_options *to)
{
	struct weir_networks_options *n = &to->networks;
	int rc = copy_text(from->networks.file, &n->file);

	n->lines = from->networks.lines;
	n->externals = from->networks.externals;
	if (!rc)
		rc = copy_list(from->networks.line, n->lines, &n->line);
	if (!rc)
		rc = copy_list(from->networks.external, n->externals, &n->external);
	return rc ? rc : copy_text(from->services_file, &to->services_file);
}

static int name_directions(struct weir_enrich *e)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < DIRECTIONS; i++)
		rc = weir_vocabulary_add(e->vocabulary, DIRECTION_NAMES[i], strlen(DIRECTION_NAMES[i]), &e->direction[i]);
	return rc;
}

int weir_enrich_new(const struct weir_enrich_options *options, struct weir_vocabulary *vocabulary,
		    struct weir_enrich **ret_enrich, struct weir_error *err)
{
	struct weir_enrich *e = calloc(1, sizeof(*e));
	struct snapshot *s;
	int rc;

	if (!e || pthread_mutex_init(&e->lock, NULL)) {
		free(e);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	e->vocabulary = vocabulary;
	rc = copy_options(options, &e->options);
	if (!rc)
		rc = name_directions(e);
	if (rc)
		(void)weir_error_set(err, rc, NULL, NULL, "out of memory");
	(void)note_files(e);
	if (!rc)
		rc = load(e, &s, err);
	if (rc) {
		weir_enrich_free(e);
		return rc;
	}
	put_in_force(e, s);
	*ret_enrich = e;
	return 0;
}

void weir_enrich_free(struct weir_enrich *enrich)
{
	if (!enrich)
		return;
	sweep(enrich);
	snapshot_free(enrich->current);
	free_text(enrich->options.networks.file);
	free_list(enrich->options.networks.line, enrich->options.networks.lines);
	free_list(enrich->options.networks.external, enrich->options.networks.externals);
	free_text(enrich->options.services_file);
	pthread_mutex_destroy(&enrich->lock);
	free(enrich);
}

struct weir_vocabulary *weir_enrich_vocabulary(const struct weir_enrich *enrich)
{
	return enrich->vocabulary;
}

void weir_enrich_stats(struct weir_enrich *enrich, struct weir_enrich_stats *ret_stats)
{
	struct weir_vocabulary_stats names = weir_vocabulary_stats(enrich->vocabulary);

	pthread_mutex_lock(&enrich->lock);
	*ret_stats = enrich->stats;
	pthread_mutex_unlock(&enrich->lock);
	ret_stats->names = names.names;
	ret_stats->names_refused = names.refused;
}

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
	free(worker->network[0]);
	free(worker->network[1]);
	free(worker);
}

void weir_enrich_rest(struct weir_enrich_worker *worker)
{
	if (!worker->snapshot)
		return;
	pthread_mutex_lock(&worker->enrich->lock);
	worker->snapshot->workers--;
	pthread_mutex_unlock(&worker->enrich->lock);
	worker->snapshot = NULL;
}

static struct snapshot *hold(struct weir_enrich *e)
{
	struct snapshot *s;

	pthread_mutex_lock(&e->lock);
	s = e->current;
	s->workers++;
	pthread_mutex_unlock(&e->lock);
	return s;
}

/* Blocks of one decoder have one capacity, so this happens once. */
static bool make_room(struct weir_enrich_worker *w, uint32_t capacity)
{
	if (capacity <= w->capacity)
		return true;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t *grown = reallocarray(w->network[i], capacity, sizeof(*grown));

		if (!grown)
			return false;
		w->network[i] = grown;
	}
	w->capacity = capacity;
	return true;
}

/* --- rows ------------------------------------------------------------------------------------------------- */

static void fill_networks(struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	static const enum weir_column_id SUBNET[] = {WEIR_COL_SRC_SUBNET, WEIR_COL_DST_SUBNET};
	static const enum weir_column_id ZONE[] = {WEIR_COL_SRC_ZONE, WEIR_COL_DST_ZONE};
	static const enum weir_column_id ROLE[] = {WEIR_COL_SRC_ROLE, WEIR_COL_DST_ROLE};
	static const enum weir_column_id ADDR[] = {WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR};
	const struct weir_networks *n = w->snapshot->networks;

	for (unsigned end = 0; end < 2; end++) {
		const uint32_t *number = w->network[end];
		uint32_t *subnet = weir_block_u32(block, SUBNET[end]);
		uint32_t *zone = weir_block_u32(block, ZONE[end]);
		uint32_t *role = weir_block_u32(block, ROLE[end]);

		weir_prefix_table_find_all(n->table, weir_block_addr(block, ADDR[end]), block->rows, w->network[end]);
		if (n->count == 1)
			continue;
		weir_column_set_add(filled, SUBNET[end]);
		for (uint32_t row = 0; row < block->rows; row++)
			subnet[row] = n->network[number[row]].subnet;
		if (n->has_zones)
			weir_column_set_add(filled, ZONE[end]);
		for (uint32_t row = 0; n->has_zones && row < block->rows; row++)
			zone[row] = n->network[number[row]].zone;
		if (n->has_roles)
			weir_column_set_add(filled, ROLE[end]);
		for (uint32_t row = 0; n->has_roles && row < block->rows; row++)
			role[row] = n->network[number[row]].role;
	}
}

static inline bool is_inside(const struct weir_networks *n, uint32_t number, const struct weir_addr *addr)
{
	return number ? n->network[number].inside : weir_addr_is_private(addr);
}

static void fill_direction(const struct weir_enrich_worker *w, struct weir_block *block, struct weir_column_set *filled)
{
	const struct weir_networks *n = w->snapshot->networks;
	const struct weir_addr *src = weir_block_addr(block, WEIR_COL_SRC_ADDR);
	const struct weir_addr *dst = weir_block_addr(block, WEIR_COL_DST_ADDR);
	uint32_t *direction = weir_block_u32(block, WEIR_COL_TRAFFIC_DIRECTION);

	for (uint32_t row = 0; row < block->rows; row++) {
		bool src_inside = is_inside(n, w->network[0][row], &src[row]);
		bool dst_inside = is_inside(n, w->network[1][row], &dst[row]);

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
	const struct weir_catalog *c = w->snapshot->catalog;
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

void weir_enrich_block(struct weir_enrich_worker *worker, struct weir_block *block, struct weir_enrich_rows *ret_rows)
{
	struct weir_column_set filled = {0};

	weir_enrich_rest(worker);
	worker->snapshot = hold(worker->enrich);
	block->vocabulary = worker->enrich->vocabulary;
	if (ret_rows)
		*ret_rows = (struct weir_enrich_rows){worker->snapshot->networks, worker->network[0], worker->network[1]};
	if (!block->rows || !make_room(worker, block->capacity))
		return;
	fill_networks(worker, block, &filled);
	fill_direction(worker, block, &filled);
	weir_initiator_block(worker->initiator, worker->snapshot->catalog, block);
	weir_column_set_add(&filled, WEIR_COL_INITIATOR);
	weir_column_set_add(&filled, WEIR_COL_INITIATOR_CONFIDENCE);
	weir_column_set_add(&filled, WEIR_COL_SERVICE_PORT);
	fill_services(worker, block, &filled);
	weir_block_mark(block, &filled);
	if (ret_rows)
		*ret_rows = (struct weir_enrich_rows){worker->snapshot->networks, worker->network[0], worker->network[1]};
}

void weir_enrich_check(struct weir_enrich *enrich, weir_networks_tell *tell, void *ctx)
{
	struct snapshot *s = hold(enrich);

	weir_networks_check(s->networks, enrich->vocabulary, tell, ctx);
	pthread_mutex_lock(&enrich->lock);
	s->workers--;
	pthread_mutex_unlock(&enrich->lock);
}
