/* From rule files to what a judge needs: the rules in order, the ports that they tell apart, the networks that they name, and for a class
 * of places or services the set of rules that it satisfies. */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/policy_parts.h"

/* --- is it true of this class? --- */

static bool name_is(const struct weir_vocabulary *v, uint32_t id, const char *text)
{
	struct weir_word word = weir_vocabulary_word(v, id);

	return id && strcasecmp(word.text, text) == 0;
}

/* A threat is "LIST" or "LIST: NAME". */
static bool threat_is(const struct weir_vocabulary *v, uint32_t id, const char *list)
{
	const char *text = weir_vocabulary_word(v, id).text;
	size_t len = strlen(list);

	if (!id || !len)
		return id != 0;
	return strncasecmp(text, list, len) == 0 && (!text[len] || text[len] == ':');
}

/* Is the one network within the other? */
static bool prefix_within(const struct weir_prefix *inner, const struct weir_prefix *outer)
{
	return inner->bits >= outer->bits && weir_prefix_has(outer, &inner->addr);
}

static bool set_holds(const struct weir_policy_set *set, const struct weir_prefix *prefix)
{
	for (uint32_t i = 0; i < set->prefixes; i++) {
		if (prefix_within(prefix, &set->prefix[i]))
			return true;
	}
	return false;
}

static bool place_term_holds(const struct weir_policy *p, const struct weir_rule_file *file, const struct weir_place_term *t,
			     const struct weir_place *place)
{
	const struct weir_prefix *prefix = place->prefix ? &p->prefix[place->prefix - 1] : NULL;

	switch (t->kind) {
	case WEIR_PLACE_ANY:
		return true;
	case WEIR_PLACE_INTERNAL:
		return place->inside;
	case WEIR_PLACE_EXTERNAL:
		return !place->inside;
	case WEIR_PLACE_ZONE:
		return name_is(p->vocabulary, place->zone, t->text);
	case WEIR_PLACE_ROLE:
		return weir_vocabulary_has_word(p->vocabulary, place->role, t->text);
	case WEIR_PLACE_COUNTRY:
		return name_is(p->vocabulary, place->country, t->text);
	case WEIR_PLACE_THREAT:
		return threat_is(p->vocabulary, place->threat, t->text);
	case WEIR_PLACE_NETWORK:
		return prefix && prefix_within(prefix, &t->prefix);
	case WEIR_PLACE_SET:
		return prefix && set_holds(&file->set[t->set], prefix);
	}
	return false;
}

static bool place_holds(const struct weir_policy *p, const struct weir_rule_file *file, const struct weir_place_condition *c,
			const struct weir_place *place)
{
	bool any = false;

	if (!c->terms)
		return true;
	for (uint32_t i = 0; i < c->terms && !any; i++)
		any = place_term_holds(p, file, &c->term[i], place);
	return any != c->negated;
}

static bool service_term_holds(const struct weir_policy *p, const struct weir_service_term *t, const struct weir_service *s)
{
	switch (t->kind) {
	case WEIR_SERVICE_ANY:
		return true;
	case WEIR_SERVICE_PORTS:
		return (t->proto ? t->proto == s->proto : weir_proto_has_ports(s->proto)) && s->port >= t->low && s->port <= t->high;
	case WEIR_SERVICE_PROTO:
		return t->proto == s->proto;
	case WEIR_SERVICE_NAME:
		return name_is(p->vocabulary, s->service, t->text);
	case WEIR_SERVICE_CATEGORY:
		return name_is(p->vocabulary, s->category, t->text);
	}
	return false;
}

static bool service_holds(const struct weir_policy *p, const struct weir_service_condition *c, const struct weir_service *s)
{
	bool any = false;

	if (!c->terms)
		return true;
	for (uint32_t i = 0; i < c->terms && !any; i++)
		any = service_term_holds(p, &c->term[i], s);
	return any != c->negated;
}

static void set_bit(uint64_t *words, uint32_t bit)
{
	words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

void weir_policy_place_rules(const struct weir_policy *p, const struct weir_place *place, uint64_t *ret_from, uint64_t *ret_to)
{
	memset(ret_from, 0, p->words * sizeof(*ret_from));
	memset(ret_to, 0, p->words * sizeof(*ret_to));
	for (uint32_t i = 0; i < p->rules; i++) {
		if (place_holds(p, p->file_of[i], &p->rule[i]->from, place))
			set_bit(ret_from, i);
		if (place_holds(p, p->file_of[i], &p->rule[i]->to, place))
			set_bit(ret_to, i);
	}
}

void weir_policy_service_rules(const struct weir_policy *p, const struct weir_service *service, uint64_t *ret_over)
{
	memset(ret_over, 0, p->words * sizeof(*ret_over));
	for (uint32_t i = 0; i < p->rules; i++) {
		if (service_holds(p, &p->rule[i]->over, service))
			set_bit(ret_over, i);
	}
}

/* --- making it --- */

static bool role_is_there(const struct weir_policy_roles *roles, const char *role)
{
	return !roles || roles->has(roles->ctx, role);
}

/* The first role that the file needs and nobody has; NULL: none. */
static const char *missing_role(const struct weir_rule_file *file, const struct weir_policy_roles *roles)
{
	for (uint32_t i = 0; i < file->needs; i++) {
		if (!role_is_there(roles, file->need[i]))
			return file->need[i];
	}
	return NULL;
}

static int collect_rules(struct weir_policy *p, const struct weir_policy_roles *roles, struct weir_error *err)
{
	size_t n = 0;

	for (unsigned i = 0; i < p->files; i++)
		n += p->file[i]->rules;
	if (n > WEIR_POLICY_RULES_MAX)
		return weir_error_set(err, -E2BIG, "policy", "use sets and roles in place of many rules",
				      "%zu rules are more than %d", n, WEIR_POLICY_RULES_MAX);
	p->rule = calloc(n + 1, sizeof(*p->rule));
	p->file_of = calloc(n + 1, sizeof(*p->file_of));
	p->name = calloc(n + 1, sizeof(*p->name));
	p->left = calloc(p->files + 1, sizeof(*p->left));
	p->dynamic = calloc(n / 64 + 1, sizeof(*p->dynamic));
	if (!p->rule || !p->file_of || !p->name || !p->left || !p->dynamic)
		return -ENOMEM;
	for (unsigned i = 0; i < p->files; i++) {
		const struct weir_rule_file *file = p->file[i];
		const char *role = missing_role(file, roles);

		if (role) {
			p->left[p->lefts++] = (struct weir_policy_left){file, role};
			continue;
		}
		for (uint32_t k = 0; k < file->rules; k++) {
			p->rule[p->rules] = &file->rule[k];
			p->file_of[p->rules++] = file;
		}
	}
	p->words = p->rules / 64 + 1;
	return 0;
}

static int add_name(struct weir_policy *p, const char *name, uint32_t *ret_id)
{
	return weir_vocabulary_add(p->vocabulary, name, strlen(name), ret_id);
}

static int name_rules(struct weir_policy *p)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->rules && !rc; i++)
		rc = add_name(p, p->rule[i]->name, &p->name[i]);
	for (unsigned i = 0; i < WEIR_POLICY_ACTIONS && !rc; i++)
		rc = add_name(p, weir_policy_action_names[i], &p->action_name[i]);
	if (!rc)
		rc = add_name(p, "inbound", &p->inbound);
	if (!rc)
		rc = add_name(p, "outbound", &p->outbound);
	return rc ? rc : add_name(p, "internal", &p->internal);
}

static void look_at_terms(struct weir_policy *p, const struct weir_place_condition *c)
{
	for (uint32_t i = 0; i < c->terms; i++) {
		p->by_country |= c->term[i].kind == WEIR_PLACE_COUNTRY;
		p->by_threat |= c->term[i].kind == WEIR_PLACE_THREAT;
	}
}

/* Where a group of ports begins, for each term that tells ports apart. */
static void mark_ports(uint16_t *begins, bool tcp, const struct weir_service_condition *c)
{
	for (uint32_t i = 0; i < c->terms; i++) {
		const struct weir_service_term *t = &c->term[i];

		if (t->kind != WEIR_SERVICE_PORTS || (t->proto && (t->proto == 6) != tcp))
			continue;
		begins[t->low] = 1;
		if (t->high < UINT16_MAX)
			begins[t->high + 1] = 1;
	}
}

static int group_ports(struct weir_policy *p)
{
	for (int k = 0; k < 2; k++) {
		uint16_t group = 0;

		p->port_group[k] = calloc(UINT16_MAX + 1, sizeof(*p->port_group[k]));
		if (!p->port_group[k])
			return -ENOMEM;
		for (uint32_t i = 0; i < p->rules; i++)
			mark_ports(p->port_group[k], k == 0, &p->rule[i]->over);
		for (uint32_t port = 0; port <= UINT16_MAX; port++) {
			group = (uint16_t)(group + p->port_group[k][port]);
			p->port_group[k][port] = group;
		}
	}
	return 0;
}

static int add_prefix(struct weir_policy *p, uint32_t *cap, const struct weir_prefix *prefix)
{
	if (p->prefixes == *cap) {
		uint32_t more_cap = *cap ? 2 * *cap : 64;
		struct weir_prefix *more = realloc(p->prefix, more_cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->prefix = more;
		*cap = more_cap;
	}
	p->prefix[p->prefixes++] = *prefix;
	return 0;
}

static int add_prefixes(struct weir_policy *p, uint32_t *cap, const struct weir_rule_file *file,
			const struct weir_place_condition *c)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->terms && !rc; i++) {
		const struct weir_place_term *t = &c->term[i];

		if (t->kind == WEIR_PLACE_NETWORK)
			rc = add_prefix(p, cap, &t->prefix);
		for (uint32_t k = 0; t->kind == WEIR_PLACE_SET && k < file->set[t->set].prefixes && !rc; k++)
			rc = add_prefix(p, cap, &file->set[t->set].prefix[k]);
	}
	return rc;
}

/* The same network may be named by many rules, and needs one number. */
static int compare_prefixes(const void *a, const void *b)
{
	return weir_prefix_compare(a, b);
}

static int build_table(struct weir_policy *p)
{
	struct weir_prefix_entry *entries;
	uint32_t n = 0;
	int rc;

	if (!p->prefixes)
		return 0;
	qsort(p->prefix, p->prefixes, sizeof(*p->prefix), compare_prefixes);
	entries = calloc(p->prefixes, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->prefixes; i++) {
		if (n && weir_prefix_compare(&p->prefix[n - 1], &p->prefix[i]) == 0)
			continue;
		p->prefix[n++] = p->prefix[i];
		entries[n - 1] = (struct weir_prefix_entry){p->prefix[n - 1], n};
	}
	p->prefixes = n;
	rc = weir_prefix_table_new(entries, n, &p->table);
	free(entries);
	return rc;
}

static int build(struct weir_policy *p, const struct weir_policy_roles *roles, struct weir_error *err)
{
	uint32_t cap = 0;
	int rc = collect_rules(p, roles, err);

	for (uint32_t i = 0; i < p->rules && !rc; i++) {
		const struct weir_policy_rule *r = p->rule[i];

		look_at_terms(p, &r->from);
		look_at_terms(p, &r->to);
		if (r->when.spans || r->more_than.quantity)
			set_bit(p->dynamic, i);
		rc = add_prefixes(p, &cap, p->file_of[i], &r->from);
		if (!rc)
			rc = add_prefixes(p, &cap, p->file_of[i], &r->to);
	}
	if (!rc)
		rc = name_rules(p);
	if (!rc)
		rc = group_ports(p);
	return rc ? rc : build_table(p);
}

int weir_policy_new(struct weir_rule_file **files, unsigned files_n, const struct weir_policy_roles *roles,
		    struct weir_vocabulary *vocabulary, struct weir_policy **ret_policy, struct weir_error *err)
{
	struct weir_policy *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (p) {
		p->vocabulary = vocabulary;
		p->file = calloc(files_n + 1, sizeof(struct weir_rule_file *));
	}
	if (!p || !p->file) {
		for (unsigned i = 0; i < files_n; i++)
			weir_rule_file_free(files[i]);
	} else {
		for (; p->files < files_n; p->files++)
			p->file[p->files] = files[p->files];
		rc = build(p, roles, err);
	}
	if (rc) {
		weir_policy_free(p);
		return rc == -ENOMEM || rc == -ENOSPC ?
			       weir_error_set(err, rc, "policy", NULL, "there is no memory left for the rules") : rc;
	}
	*ret_policy = p;
	return 0;
}

void weir_policy_free(struct weir_policy *policy)
{
	if (!policy)
		return;
	for (unsigned i = 0; i < policy->files; i++)
		weir_rule_file_free(policy->file[i]);
	free(policy->file);
	free(policy->rule);
	free(policy->file_of);
	free(policy->name);
	free(policy->dynamic);
	free(policy->left);
	free(policy->port_group[0]);
	free(policy->port_group[1]);
	free(policy->prefix);
	weir_prefix_table_free(policy->table);
	free(policy);
}

uint32_t weir_policy_rules(const struct weir_policy *policy)
{
	return policy->rules;
}

const struct weir_policy_rule *weir_policy_rule(const struct weir_policy *policy, uint32_t index)
{
	return policy->rule[index];
}

const struct weir_rule_file *weir_policy_left_out(const struct weir_policy *policy, unsigned index, const char **ret_role)
{
	if (index >= policy->lefts)
		return NULL;
	*ret_role = policy->left[index].role;
	return policy->left[index].file;
}
