#include "enrich/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const DIRECTION_NAMES[WEIR_DIRECTIONS] = {
	[WEIR_INBOUND] = "inbound", [WEIR_OUTBOUND] = "outbound", [WEIR_INTERNAL] = "internal", [WEIR_EXTERNAL] = "external"};

/* --- data sets -------------------------------------------------------------------------------------------- */

static int load_networks(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err)
{
	struct weir_networks *n;
	int rc = weir_networks_load(&e->options.networks, e->vocabulary, &n, err);

	(void)first;
	if (!rc)
		*ret_data = n;
	return rc;
}

static void free_networks(void *data)
{
	weir_networks_free(data);
}

static int load_services(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err)
{
	struct weir_catalog *c;
	int rc = weir_catalog_load(e->options.services_file, e->vocabulary, &c, err);

	(void)first;
	if (!rc)
		*ret_data = c;
	return rc;
}

static void free_services(void *data)
{
	weir_catalog_free(data);
}

static int load_geo(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err)
{
	struct weir_geo *g;
	int rc = weir_geo_load(&e->options.geo, e->vocabulary, &g, err);

	(void)first;
	if (!rc)
		*ret_data = g;
	return rc;
}

static void free_geo(void *data)
{
	weir_geo_free(data);
}

/* Lists come from others: a broken one must not keep the collector from starting. Later it leaves the old ones in force. */
static int load_threats(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err)
{
	struct weir_threats_options options = e->options.threats;
	struct weir_threats *t;
	int rc;

	options.lenient = options.lenient && first;
	rc = weir_threats_load(&options, e->vocabulary, &t, err);
	if (!rc)
		*ret_data = t;
	return rc;
}

static void free_threats(void *data)
{
	weir_threats_free(data);
}

static int load_labels(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err)
{
	struct weir_labels *l;
	int rc = weir_labels_load(&e->options.labels, e->vocabulary, e->label_words, &l, err);

	(void)first;
	if (!rc)
		*ret_data = l;
	return rc;
}

static void free_labels(void *data)
{
	weir_labels_free(data);
}

static const struct {
	int (*load)(const struct weir_enrich *e, bool first, void **ret_data, struct weir_error *err);
	void (*free)(void *data);
} SETS[WEIR_SETS] = {
	[WEIR_SET_NETWORKS] = {load_networks, free_networks},
	[WEIR_SET_SERVICES] = {load_services, free_services},
	[WEIR_SET_GEO] = {load_geo, free_geo},
	[WEIR_SET_THREATS] = {load_threats, free_threats},
	[WEIR_SET_LABELS] = {load_labels, free_labels},
};

/* --- snapshots -------------------------------------------------------------------------------------------- */

/* Only the loader makes and frees snapshots, so the sets' counts are its own. */
static void snapshot_free(struct weir_snapshot *s)
{
	for (unsigned i = 0; s && i < WEIR_SETS; i++) {
		if (!s->set[i] || --s->set[i]->snapshots)
			continue;
		SETS[i].free(s->set[i]->data);
		free(s->set[i]);
	}
	free(s);
}

struct weir_snapshot *weir_snapshot_hold(struct weir_enrich *enrich)
{
	struct weir_snapshot *s;

	pthread_mutex_lock(&enrich->lock);
	s = enrich->current;
	s->workers++;
	pthread_mutex_unlock(&enrich->lock);
	return s;
}

void weir_snapshot_release(struct weir_enrich *enrich, struct weir_snapshot *snapshot)
{
	pthread_mutex_lock(&enrich->lock);
	snapshot->workers--;
	pthread_mutex_unlock(&enrich->lock);
}

/* Free those out of force that nobody reads. Under the lock they are taken off the list, and freed behind it. */
static void sweep(struct weir_enrich *e)
{
	struct weir_snapshot *idle = NULL;

	pthread_mutex_lock(&e->lock);
	for (struct weir_snapshot **at = &e->retired; *at;) {
		struct weir_snapshot *s = *at;

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
		struct weir_snapshot *next = idle->next;

		snapshot_free(idle);
		idle = next;
	}
}

static int load_set(struct weir_enrich *e, enum weir_data_set set, struct weir_snapshot *s, struct weir_error *err)
{
	struct weir_shared_set *shared = calloc(1, sizeof(*shared));
	int rc = shared ? SETS[set].load(e, !e->current, &shared->data, err) : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	if (rc) {
		free(shared);
		return rc;
	}
	shared->snapshots = 1;
	s->set[set] = shared;
	return 0;
}

/* Those of the sets that have changed are loaded, the others are those in force. */
static int load(struct weir_enrich *e, const bool *changed, struct weir_snapshot **ret_snapshot, struct weir_error *err)
{
	struct weir_snapshot *s = calloc(1, sizeof(*s));
	int rc = s ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	for (unsigned i = 0; !rc && i < WEIR_SETS; i++) {
		if (changed[i] || !e->current) {
			rc = load_set(e, (enum weir_data_set)i, s, err);
		} else {
			s->set[i] = e->current->set[i];
			s->set[i]->snapshots++;
		}
	}
	if (rc) {
		snapshot_free(s);
	} else {
		s->has_threat_lists = e->options.threats.lists > 0;
		*ret_snapshot = s;
	}
	return rc;
}

static void put_in_force(struct weir_enrich *e, struct weir_snapshot *s)
{
	struct weir_threats_stats threats = weir_threats_stats(weir_snapshot_threats(s));
	const struct weir_geo *geo = weir_snapshot_geo(s);
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&e->lock);
	if (e->current) {
		e->current->next = e->retired;
		e->retired = e->current;
	}
	e->current = s;
	e->stats.networks = weir_snapshot_networks(s)->count - 1;
	e->stats.services = weir_snapshot_catalog(s)->entries - 1;
	e->stats.geo_prefixes = geo->country.prefixes + geo->as.prefixes + geo->own.prefixes;
	e->stats.threats = threats.addresses + threats.prefixes + threats.ports;
	e->stats.threats_unread = threats.unread;
	e->stats.loaded_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	pthread_mutex_unlock(&e->lock);
}

/* --- files ------------------------------------------------------------------------------------------------ */

const char *weir_enrich_file(const struct weir_enrich *enrich, unsigned index)
{
	return index < enrich->files ? enrich->file[index].path : NULL;
}

/* Note the files as they are, and which sets have one that is another than it was; true where there is one. */
static bool note_files(struct weir_enrich *e, bool *changed)
{
	bool any = false;

	for (unsigned i = 0; i < e->files; i++) {
		struct weir_file_stamp now = weir_file_stamp(e->file[i].path);

		if (weir_file_stamp_same(&now, &e->file[i].stamp))
			continue;
		changed[e->file[i].set] = true;
		any = true;
		e->file[i].stamp = now;
	}
	return any;
}

int weir_enrich_reload(struct weir_enrich *enrich, bool everything, struct weir_error *err)
{
	bool changed[WEIR_SETS] = {false};
	struct weir_snapshot *s;
	int rc;

	sweep(enrich);
	if (!note_files(enrich, changed) && !everything)
		return 0;
	for (unsigned i = 0; everything && i < WEIR_SETS; i++)
		changed[i] = true;
	rc = load(enrich, changed, &s, err);
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
	int rc = copy_text(from->networks.file, &to->networks.file);

	to->networks.lines = from->networks.lines;
	to->networks.externals = from->networks.externals;
	to->threats = from->threats;
	to->threats.list = NULL;
	to->labels.seed = from->labels.seed;
	to->labels.exporters = from->labels.exporters;
	to->labels.interfaces = from->labels.interfaces;
	if (!rc)
		rc = copy_text(from->labels.file, &to->labels.file);
	if (!rc)
		rc = copy_list(from->labels.exporter, from->labels.exporters, &to->labels.exporter);
	if (!rc)
		rc = copy_list(from->labels.interface, from->labels.interfaces, &to->labels.interface);
	if (!rc)
		rc = copy_list(from->networks.line, from->networks.lines, &to->networks.line);
	if (!rc)
		rc = copy_list(from->networks.external, from->networks.externals, &to->networks.external);
	if (!rc)
		rc = copy_list(from->threats.list, from->threats.lists, &to->threats.list);
	if (!rc)
		rc = copy_text(from->services_file, &to->services_file);
	if (!rc)
		rc = copy_text(from->geo.country, &to->geo.country);
	if (!rc)
		rc = copy_text(from->geo.as, &to->geo.as);
	return rc ? rc : copy_text(from->geo.overrides, &to->geo.overrides);
}

static void free_options(struct weir_enrich_options *o)
{
	free_text(o->networks.file);
	free_list(o->networks.line, o->networks.lines);
	free_list(o->networks.external, o->networks.externals);
	free_text(o->services_file);
	free_text(o->geo.country);
	free_text(o->geo.as);
	free_text(o->geo.overrides);
	free_list(o->threats.list, o->threats.lists);
	free_text(o->labels.file);
	free_list(o->labels.exporter, o->labels.exporters);
	free_list(o->labels.interface, o->labels.interfaces);
}

static int watch(struct weir_enrich *e, enum weir_data_set set, const char *path, size_t len)
{
	char *copy = path && len ? strndup(path, len) : NULL;

	if (!path || !len)
		return 0;
	if (!copy)
		return -ENOMEM;
	e->file[e->files++] = (struct weir_enrich_file){.path = copy, .set = set};
	return 0;
}

static int watch_all(struct weir_enrich *e)
{
	const struct weir_enrich_options *o = &e->options;
	const struct {
		enum weir_data_set set;
		const char *path;
	} files[] = {{WEIR_SET_NETWORKS, o->networks.file},
		     {WEIR_SET_SERVICES, o->services_file},
		     {WEIR_SET_GEO, o->geo.country},
		     {WEIR_SET_GEO, o->geo.as},
		     {WEIR_SET_GEO, o->geo.overrides},
		     {WEIR_SET_LABELS, o->labels.file}};
	size_t count = sizeof(files) / sizeof(files[0]);
	int rc;

	e->file = calloc(count + o->threats.lists, sizeof(*e->file));
	rc = e->file ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < count; i++)
		rc = watch(e, files[i].set, files[i].path, strlen(files[i].path));
	for (unsigned i = 0; !rc && i < o->threats.lists; i++) {
		size_t len = 0;
		const char *path = weir_threats_file(o->threats.list[i], &len);

		rc = watch(e, WEIR_SET_THREATS, path, len);
	}
	return rc;
}

static int name_directions(struct weir_enrich *e)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < WEIR_DIRECTIONS; i++)
		rc = weir_vocabulary_add(e->vocabulary, DIRECTION_NAMES[i], strlen(DIRECTION_NAMES[i]), &e->direction[i]);
	return rc;
}

static void free_files(struct weir_enrich_file *file, unsigned files)
{
	for (unsigned i = 0; i < files; i++)
		free_text(file[i].path);
	free(file);
}

int weir_enrich_configure(struct weir_enrich *enrich, const struct weir_enrich_options *options, struct weir_error *err)
{
	struct weir_enrich *e = enrich;
	struct weir_enrich_options old = e->options;
	struct weir_enrich_file *file = e->file;
	unsigned files = e->files;
	int rc;

	memset(&e->options, 0, sizeof(e->options));
	e->file = NULL;
	e->files = 0;
	rc = copy_options(options, &e->options);
	if (!rc)
		rc = watch_all(e);
	if (rc)
		(void)weir_error_set(err, rc, NULL, NULL, "out of memory");
	else
		rc = weir_enrich_reload(e, true, err);
	if (rc < 0) {
		free_options(&e->options);
		free_files(e->file, e->files);
		e->options = old;
		e->file = file;
		e->files = files;
		return rc;
	}
	free_options(&old);
	free_files(file, files);
	return 0;
}

int weir_enrich_new(const struct weir_enrich_options *options, struct weir_vocabulary *vocabulary,
		    struct weir_enrich **ret_enrich, struct weir_error *err)
{
	struct weir_enrich *e = calloc(1, sizeof(*e));
	bool changed[WEIR_SETS] = {false};
	struct weir_snapshot *s;
	int rc;

	if (!e || pthread_mutex_init(&e->lock, NULL)) {
		free(e);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	e->vocabulary = vocabulary;
	e->label_words = malloc(sizeof(*e->label_words));
	if (e->label_words)
		*e->label_words = WEIR_LABELS_WORDS_MAX;
	rc = !e->label_words ? -ENOMEM : copy_options(options, &e->options);
	if (!rc)
		rc = watch_all(e);
	if (!rc)
		rc = name_directions(e);
	if (rc) {
		(void)weir_error_set(err, rc, NULL, NULL, "out of memory");
	} else {
		(void)note_files(e, changed);
		rc = load(e, changed, &s, err);
	}
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
	free_files(enrich->file, enrich->files);
	free_options(&enrich->options);
	free(enrich->label_words);
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

bool weir_enrich_problem(struct weir_enrich *enrich, struct weir_error *ret_err)
{
	struct weir_snapshot *s = weir_snapshot_hold(enrich);
	bool problem = weir_threats_problem(weir_snapshot_threats(s), ret_err);

	weir_snapshot_release(enrich, s);
	return problem;
}

bool weir_enrich_has_role(struct weir_enrich *enrich, const char *role)
{
	const struct weir_networks *n = weir_snapshot_networks(enrich->current);
	bool has = false;

	for (uint32_t i = 1; i < n->count && !has; i++)
		has = weir_vocabulary_has_word(enrich->vocabulary, n->network[i].role, role);
	return has;
}

void weir_enrich_check(struct weir_enrich *enrich, weir_networks_tell *tell, void *ctx)
{
	struct weir_snapshot *s = weir_snapshot_hold(enrich);

	weir_networks_check(weir_snapshot_networks(s), enrich->vocabulary, tell, ctx);
	weir_snapshot_release(enrich, s);
}
