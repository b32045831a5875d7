#include "policy/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "policy/packs.h"

#define FILES_MAX 65 /* the user's, and packs */

/* A policy and who has it: the guard itself, and workers. */
struct held {
	struct weir_policy *policy;
	unsigned users;
};

struct weir_guard {
	struct weir_guard_options options; /* all it points to is owned */
	struct weir_vocabulary *vocabulary;
	struct weir_policy_roles roles;
	bool has_roles;
	struct weir_file_stamp stamp; /* of the file, when it was read */

	pthread_mutex_t lock; /* of what follows, and of held.users */
	struct held *current;
	struct weir_guard_stats stats;
};

struct weir_guard_worker {
	struct weir_guard *guard;
	uint64_t seed;
	struct held *held;
	struct weir_judge *judge;
	struct weir_events *events;
	int64_t now_ms; /* of the block in hand */
	struct weir_judge_stats judged;	/* as published */
	struct weir_events_stats told;
};

/* --- who has it ------------------------------------------------------------------------------------------- */

static void let_go(struct weir_guard *g, struct held *held)
{
	unsigned users;

	if (!held)
		return;
	pthread_mutex_lock(&g->lock);
	users = --held->users;
	pthread_mutex_unlock(&g->lock);
	if (users)
		return;
	weir_policy_free(held->policy);
	free(held);
}

static struct held *take_current(struct weir_guard *g)
{
	struct held *held;

	pthread_mutex_lock(&g->lock);
	held = g->current;
	held->users++;
	pthread_mutex_unlock(&g->lock);
	return held;
}

/* --- loading ---------------------------------------------------------------------------------------------- */

static int load_file(const char *path, struct weir_rule_file **ret_file, struct weir_error *err)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_file_read(path, WEIR_RULE_FILE_MAX, &text);
	rc = rc ? weir_error_set(err, rc, path, "check policy.file in the configuration, and that weir's user may read it", "cannot be read: %s",
				 strerror(-rc)) :
		  weir_rule_file_read(path, (const char *)text.data, text.len, ret_file, err);
	weir_buffer_done(&text);
	return rc;
}

static int load_pack(const char *name, struct weir_rule_file **ret_file, struct weir_error *err)
{
	const char *text = weir_embedded_find(weir_policy_packs, name);
	char next[sizeof(err->next)];
	size_t len;

	if (text)
		return weir_rule_file_read(name, text, strlen(text), ret_file, err);
	len = (size_t)snprintf(next, sizeof(next), "the packs are");
	for (const struct weir_embedded_text *p = weir_policy_packs; p->name && len < sizeof(next); p++)
		len += (size_t)snprintf(next + len, sizeof(next) - len, " %s", p->name);
	return weir_error_set(err, -EINVAL, "policy.packs", next, "there is no pack \"%.60s\"", name);
}

static int load(struct weir_guard *g, struct held **ret_held, struct weir_error *err)
{
	struct weir_rule_file *file[FILES_MAX];
	struct held *held = calloc(1, sizeof(*held));
	unsigned files = 0;
	int rc = held ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	if (!rc && *g->options.file) {
		rc = load_file(g->options.file, &file[files], err);
		files += rc == 0;
	}
	for (unsigned i = 0; !rc && i < g->options.packs; i++) {
		rc = load_pack(g->options.pack[i], &file[files], err);
		files += rc == 0;
	}
	if (!rc) {
		rc = weir_policy_new(file, files, g->has_roles ? &g->roles : NULL, g->vocabulary, &held->policy, err);
	} else {
		while (files)
			weir_rule_file_free(file[--files]);
	}
	if (rc) {
		free(held);
		return rc;
	}
	held->users = 1;
	*ret_held = held;
	return 0;
}

static void put_in_force(struct weir_guard *g, struct held *held)
{
	struct held *former;
	const char *role;
	unsigned left_out = 0;

	while (weir_policy_left_out(held->policy, left_out, &role))
		left_out++;
	pthread_mutex_lock(&g->lock);
	former = g->current;
	g->current = held;
	g->stats.rules = weir_policy_rules(held->policy);
	g->stats.left_out = left_out;
	pthread_mutex_unlock(&g->lock);
	let_go(g, former);
}

/* True where the file is another than it was. */
static bool note_file(struct weir_guard *g)
{
	struct weir_file_stamp now = weir_file_stamp(g->options.file);
	bool changed = !weir_file_stamp_same(&now, &g->stamp);

	g->stamp = now;
	return changed;
}

int weir_guard_reload(struct weir_guard *g, bool in_any_case, struct weir_error *err)
{
	struct held *held;
	int rc;

	if (!note_file(g) && !in_any_case)
		return 0;
	rc = load(g, &held, err);
	pthread_mutex_lock(&g->lock);
	g->stats.reloads += rc == 0;
	g->stats.reloads_failed += rc != 0;
	pthread_mutex_unlock(&g->lock);
	if (rc)
		return rc;
	put_in_force(g, held);
	return 1;
}

/* --- life ------------------------------------------------------------------------------------------------- */

static int copy_options(const struct weir_guard_options *from, struct weir_guard_options *to)
{
	const char **pack = calloc(from->packs + 1, sizeof(*pack));
	int rc = pack ? 0 : -ENOMEM;

	*to = *from;
	to->pack = pack;
	to->file = strdup(from->file ? from->file : "");
	if (!to->file)
		rc = -ENOMEM;
	for (unsigned i = 0; !rc && i < from->packs; i++) {
		pack[i] = strdup(from->pack[i]);
		rc = pack[i] ? 0 : -ENOMEM;
	}
	return rc;
}

static void free_options(struct weir_guard_options *options)
{
	for (unsigned i = 0; options->pack && i < options->packs; i++)
		free((void *)(uintptr_t)options->pack[i]);
	free((void *)(uintptr_t)options->pack);
	free((void *)(uintptr_t)options->file);
}

int weir_guard_configure(struct weir_guard *guard, const struct weir_guard_options *options, struct weir_error *err)
{
	struct weir_guard_options old = guard->options;
	struct weir_guard_options now = *options;
	int rc;

	if (options->packs >= FILES_MAX)
		return weir_error_set(err, -EINVAL, "policy.packs", NULL, "more than %d packs", FILES_MAX - 1);
	now.events = old.events;
	rc = copy_options(&now, &guard->options);
	if (rc)
		(void)weir_error_set(err, rc, NULL, NULL, "out of memory");
	else
		rc = weir_guard_reload(guard, true, err);
	free_options(rc < 0 ? &guard->options : &old);
	if (rc < 0)
		guard->options = old;
	return rc < 0 ? rc : 0;
}

int weir_guard_new(const struct weir_guard_options *options, struct weir_vocabulary *vocabulary,
		   const struct weir_policy_roles *roles, struct weir_guard **ret_guard, struct weir_error *err)
{
	struct weir_guard *g;
	struct held *held;
	int rc;

	if (options->packs >= FILES_MAX)
		return weir_error_set(err, -EINVAL, "policy.packs", NULL, "more than %d packs", FILES_MAX - 1);
	g = calloc(1, sizeof(*g));
	if (!g || pthread_mutex_init(&g->lock, NULL)) {
		free(g);
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	g->vocabulary = vocabulary;
	g->has_roles = roles;
	g->roles = roles ? *roles : (struct weir_policy_roles){0};
	rc = copy_options(options, &g->options);
	if (rc)
		(void)weir_error_set(err, rc, NULL, NULL, "out of memory");
	(void)(rc || note_file(g));
	if (!rc)
		rc = load(g, &held, err);
	if (rc) {
		weir_guard_free(g);
		return rc;
	}
	put_in_force(g, held);
	*ret_guard = g;
	return 0;
}

void weir_guard_free(struct weir_guard *guard)
{
	if (!guard)
		return;
	let_go(guard, guard->current);
	free_options(&guard->options);
	pthread_mutex_destroy(&guard->lock);
	free(guard);
}

const char *weir_guard_file(const struct weir_guard *guard)
{
	return guard->options.file;
}

bool weir_guard_left_out(struct weir_guard *guard, unsigned index, const char **ret_pack, const char **ret_role)
{
	const struct weir_rule_file *file = weir_policy_left_out(guard->current->policy, index, ret_role);

	if (file)
		*ret_pack = file->pack;
	return file;
}

void weir_guard_stats(struct weir_guard *guard, struct weir_guard_stats *ret_stats)
{
	pthread_mutex_lock(&guard->lock);
	*ret_stats = guard->stats;
	pthread_mutex_unlock(&guard->lock);
}

/* --- workers ---------------------------------------------------------------------------------------------- */

/* Take the policy in force. Without memory the worker keeps what it has, and tries again. */
static int change_over(struct weir_guard_worker *w)
{
	struct held *held = take_current(w->guard);
	struct weir_judge *judge = NULL;
	struct weir_events *events = NULL;
	int rc = weir_judge_new(held->policy, w->seed, &judge);

	if (!rc)
		rc = weir_events_new(held->policy, &w->guard->options.events, &events);
	if (rc) {
		weir_judge_free(judge);
		let_go(w->guard, held);
		return rc;
	}
	weir_judge_free(w->judge);
	weir_events_free(w->events);
	let_go(w->guard, w->held);
	w->judge = judge;
	w->events = events;
	w->held = held;
	w->judged = (struct weir_judge_stats){0};
	w->told = (struct weir_events_stats){0};
	return 0;
}

int weir_guard_worker_new(struct weir_guard *guard, uint64_t seed, struct weir_guard_worker **ret_worker)
{
	struct weir_guard_worker *w = calloc(1, sizeof(*w));
	int rc = w ? 0 : -ENOMEM;

	if (!rc) {
		w->guard = guard;
		w->seed = seed;
		rc = change_over(w);
	}
	if (rc)
		weir_guard_worker_free(w);
	else
		*ret_worker = w;
	return rc;
}

void weir_guard_worker_free(struct weir_guard_worker *worker)
{
	if (!worker)
		return;
	weir_judge_free(worker->judge);
	weir_events_free(worker->events);
	let_go(worker->guard, worker->held);
	free(worker);
}

static void note_hit(void *ctx, const struct weir_policy_hit *hit)
{
	struct weir_guard_worker *w = ctx;

	weir_events_hit(w->events, hit, w->now_ms);
}

void weir_guard_block(struct weir_guard_worker *w, struct weir_block *block, int64_t now_ms)
{
	const struct weir_policy_sink sink = {note_hit, w};

	w->now_ms = now_ms;
	weir_judge_block(w->judge, block, now_ms / 1000, &sink);
}

/* What has been added since the last time. */
static void publish(struct weir_guard_worker *w)
{
	struct weir_judge_stats judged = weir_judge_stats(w->judge);
	struct weir_events_stats told = weir_events_stats(w->events);
	struct weir_guard_stats *all = &w->guard->stats;

	pthread_mutex_lock(&w->guard->lock);
	for (unsigned i = 0; i <= WEIR_POLICY_ACTIONS; i++)
		all->flows[i] += judged.flows[i] - w->judged.flows[i];
	all->events.begun += told.begun - w->told.begun;
	all->events.folded += told.folded - w->told.folded;
	all->events.stormed += told.stormed - w->told.stormed;
	all->events.lost += told.lost - w->told.lost;
	pthread_mutex_unlock(&w->guard->lock);
	w->judged = judged;
	w->told = told;
}

static bool is_in_force(const struct weir_guard_worker *w)
{
	bool same;

	pthread_mutex_lock(&w->guard->lock);
	same = w->held == w->guard->current;
	pthread_mutex_unlock(&w->guard->lock);
	return same;
}

void weir_guard_tell(struct weir_guard_worker *w, int64_t now_ms, bool all, const struct weir_record_sink *sink)
{
	bool stays = is_in_force(w);

	weir_events_tell(w->events, now_ms, all || !stays, sink);
	publish(w);
	if (!stays)
		(void)change_over(w);
}
