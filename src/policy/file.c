/* Rule files: YAML to struct weir_rule_file.
 *
 *   pack, title, explanation, needs   of shipped packs
 *   sets:   {name: [prefix, …]}
 *   rules:  [{name, from, to, over, when, more_than, action, level, category, subject, message}]
 *
 * The document is loaded whole, for a rule file is a few pages (at most WEIR_RULE_FILE_MAX), and each key has a row in a table that says what reads
 * its value: a new key is a new row. Aliases cost nothing, libyaml keeps one node for all of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "policy/message.h"
#include "policy/rule.h"

#define WHERE_MAX 128

const char *const weir_policy_action_names[WEIR_POLICY_ACTIONS] = {"allow", "alert", "deny"};
const char *const weir_policy_level_names[WEIR_POLICY_LEVELS] = {"info", "notice", "warning", "error", "critical"};
const char *const weir_policy_subject_names[WEIR_POLICY_SUBJECTS] = {"client", "server", "both"};

struct reader {
	yaml_document_t doc;
	const char *name;
	struct weir_rule_file *file;
	struct weir_error *err;
};

static yaml_node_t *node_at(struct reader *r, int index)
{
	return yaml_document_get_node(&r->doc, index);
}

static const char *where_of(struct reader *r, const yaml_node_t *node, char ret_where[WHERE_MAX])
{
	(void)snprintf(ret_where, WHERE_MAX, "%.100s:%zu", r->name, node->start_mark.line + 1);
	return ret_where;
}

static int refuse(struct reader *r, const yaml_node_t *node, const char *next, const char *what)
{
	char at[WHERE_MAX];

	return weir_error_set(r->err, -EINVAL, where_of(r, node, at), next, "%s", what);
}

static int no_memory(struct reader *r)
{
	return weir_error_set(r->err, -ENOMEM, r->name, NULL, "there is no memory left");
}

/* The text of a scalar without zero bytes, or NULL. */
static const char *scalar(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE && strlen(text) == node->data.scalar.length ? text : NULL;
}

/* --- values --- */

struct key {
	const char *name;
	int (*read)(struct reader *r, const yaml_node_t *value, const struct key *key, void *object);
	size_t offset; /* of the member in the object */
	size_t size;
	const char *const *words; /* of a choice */
	int words_n;
	const char *next; /* what it takes */
};

static int wrong_value(struct reader *r, const yaml_node_t *value, const struct key *key)
{
	char what[128];

	(void)snprintf(what, sizeof(what), "%s has a value that it does not take", key->name);
	return refuse(r, value, key->next, what);
}

static int read_text(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	const char *text = scalar(value);

	if (!text || !*text || strlen(text) >= key->size)
		return wrong_value(r, value, key);
	memcpy((char *)object + key->offset, text, strlen(text) + 1);
	return 0;
}

static int read_message(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	char bad[64];
	char what[128];
	char next[256];
	size_t len;
	int rc = read_text(r, value, key, object);

	if (rc || weir_message_check((const char *)object + key->offset, bad, sizeof(bad)) == 0)
		return rc;
	len = (size_t)snprintf(next, sizeof(next), "the placeholders are");
	for (unsigned i = 0; weir_placeholder_at(i) && len < sizeof(next); i++)
		len += (size_t)snprintf(next + len, sizeof(next) - len, " %s", weir_placeholder_at(i)->name);
	(void)snprintf(what, sizeof(what), "there is no placeholder %s", bad);
	return refuse(r, value, next, what);
}

static int read_choice(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	const char *text = scalar(value);

	for (int i = 0; text && i < key->words_n; i++) {
		if (strcmp(text, key->words[i]) == 0) {
			memcpy((char *)object + key->offset, &i, sizeof(i));
			return 0;
		}
	}
	return wrong_value(r, value, key);
}

/* A scalar, or a list of scalars, each of which goes to `one`. */
static int read_list(struct reader *r, const yaml_node_t *value, const struct key *key, void *member,
		     int (*one)(const char *text, const char *where, void *member, struct weir_error *err))
{
	char at[WHERE_MAX];
	const char *text = scalar(value);

	if (text)
		return one(text, where_of(r, value, at), member, r->err);
	if (value->type != YAML_SEQUENCE_NODE)
		return wrong_value(r, value, key);
	for (const yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
		const yaml_node_t *item = node_at(r, *i);
		int rc;

		text = scalar(item);
		if (!text)
			return wrong_value(r, item, key);
		rc = one(text, where_of(r, item, at), member, r->err);
		if (rc)
			return rc;
	}
	return 0;
}

static int one_place(const char *text, const char *where, void *member, struct weir_error *err)
{
	return weir_place_parse(text, where, member, err);
}

static int one_service(const char *text, const char *where, void *member, struct weir_error *err)
{
	return weir_service_parse(text, where, member, err);
}

static int one_when(const char *text, const char *where, void *member, struct weir_error *err)
{
	return weir_when_parse(text, where, member, err);
}

static int one_quantity(const char *text, const char *where, void *member, struct weir_error *err)
{
	return weir_more_than_parse(text, where, member, err);
}

#define LIST_READER(name, one)                                                                              \
	static int name(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)   \
	{                                                                                                   \
		return read_list(r, value, key, (char *)object + key->offset, one);                         \
	}
LIST_READER(read_place, one_place)
LIST_READER(read_service, one_service)
LIST_READER(read_when, one_when)
LIST_READER(read_quantity, one_quantity)
#undef LIST_READER

#define MEMBER(type, member) offsetof(type, member), sizeof(((type *)0)->member)

static const struct key RULE_KEYS[] = {
	{"name", read_text, MEMBER(struct weir_policy_rule, name), NULL, 0, "a name of at most 40 characters, each rule its own"},
	{"from", read_place, MEMBER(struct weir_policy_rule, from), NULL, 0, "places, as \"zone clients\" or [internal, 192.0.2.0/24]"},
	{"to", read_place, MEMBER(struct weir_policy_rule, to), NULL, 0, "places, as \"role dns\" or [external, set partners]"},
	{"over", read_service, MEMBER(struct weir_policy_rule, over), NULL, 0, "services, as \"service ssh\" or [tcp/22, category database]"},
	{"when", read_when, MEMBER(struct weir_policy_rule, when), NULL, 0, "times, as \"mon-fri 08:00-18:00\""},
	{"more_than", read_quantity, MEMBER(struct weir_policy_rule, more_than), NULL, 0, "a quantity, as \"1 GB within 1h\""},
	{"action", read_choice, MEMBER(struct weir_policy_rule, action), weir_policy_action_names, WEIR_POLICY_ACTIONS, "allow, alert or deny"},
	{"level", read_choice, MEMBER(struct weir_policy_rule, level), weir_policy_level_names, WEIR_POLICY_LEVELS,
	 "info, notice, warning, error or critical"},
	{"subject", read_choice, MEMBER(struct weir_policy_rule, subject), weir_policy_subject_names, WEIR_POLICY_SUBJECTS,
	 "client, server or both: whom the event is about"},
	{"category", read_text, MEMBER(struct weir_policy_rule, category), NULL, 0, "a word or two for events, as \"name resolution\""},
	{"message", read_message, MEMBER(struct weir_policy_rule, message), NULL, 0, "a sentence, with {client}, {server}, {service} and others"},
};

/* --- rules --- */

static const struct key *find_key(const struct key *keys, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static int refuse_key(struct reader *r, const yaml_node_t *node, const struct key *keys, size_t n)
{
	char next[256];
	char what[128];
	size_t len = (size_t)snprintf(next, sizeof(next), "the keys here are ");

	for (size_t i = 0; i < n && len < sizeof(next); i++)
		len += (size_t)snprintf(next + len, sizeof(next) - len, "%s%s", i ? ", " : "", keys[i].name);
	(void)snprintf(what, sizeof(what), "there is no key \"%.60s\"", scalar(node) ? scalar(node) : "(no text)");
	return refuse(r, node, next, what);
}

/* The keys of a mapping, each at most once, into the object. */
static int read_mapping(struct reader *r, const yaml_node_t *node, const struct key *keys, size_t n, void *object)
{
	uint32_t seen = 0;

	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *name = node_at(r, p->key);
		const struct key *key = find_key(keys, n, scalar(name));
		uint32_t bit;
		int rc;

		if (!key)
			return refuse_key(r, name, keys, n);
		bit = UINT32_C(1) << (key - keys);
		if (seen & bit)
			return refuse(r, name, "take one of the two away", "the key stands here twice");
		seen |= bit;
		rc = key->read(r, node_at(r, p->value), key, object);
		if (rc)
			return rc;
	}
	return 0;
}

static int resolve_sets(struct reader *r, const yaml_node_t *node, struct weir_place_condition *condition)
{
	for (uint32_t i = 0; i < condition->terms; i++) {
		struct weir_place_term *t = &condition->term[i];

		if (t->kind != WEIR_PLACE_SET)
			continue;
		for (t->set = 0; t->set < r->file->sets && strcmp(r->file->set[t->set].name, t->text) != 0;)
			t->set++;
		if (t->set == r->file->sets) {
			char what[128];

			(void)snprintf(what, sizeof(what), "there is no set \"%s\"", t->text);
			return refuse(r, node, "add it to sets: of this file, as NAME: [192.0.2.0/24, …]", what);
		}
	}
	return 0;
}

static int finish_rule(struct reader *r, const yaml_node_t *node, struct weir_policy_rule *rule, bool has_action)
{
	const char *pack = r->file->pack;
	char name[WEIR_POLICY_NAME_MAX];
	int rc;

	if (!*rule->name)
		return refuse(r, node, "give it a name: events and flows carry it", "a rule without a name");
	if (!has_action)
		return refuse(r, node, "add action: allow, alert or deny", "a rule without an action");
	if (*pack) {
		if (snprintf(name, sizeof(name), "%s/%s", pack, rule->name) >= (int)sizeof(name))
			return refuse(r, node, "shorten it", "the rule's name is too long");
		memcpy(rule->name, name, sizeof(name));
	}
	for (uint32_t i = 0; i < r->file->rules; i++) {
		if (strcmp(r->file->rule[i].name, rule->name) == 0)
			return refuse(r, node, "each rule has a name of its own", "two rules have the same name");
	}
	rc = resolve_sets(r, node, &rule->from);
	return rc ? rc : resolve_sets(r, node, &rule->to);
}

static void rule_done(struct weir_policy_rule *rule)
{
	free(rule->from.term);
	free(rule->to.term);
	free(rule->over.term);
}

static int read_rule(struct reader *r, const yaml_node_t *node)
{
	struct weir_policy_rule rule = {.action = WEIR_POLICY_ACTIONS, .level = WEIR_POLICY_WARNING};
	int rc;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(r, node, "a rule begins with \"- name: NAME\"", "a rule that is no mapping");
	(void)where_of(r, node, rule.where);
	rc = read_mapping(r, node, RULE_KEYS, sizeof(RULE_KEYS) / sizeof(RULE_KEYS[0]), &rule);
	if (!rc)
		rc = finish_rule(r, node, &rule, rule.action != WEIR_POLICY_ACTIONS);
	if (rc)
		rule_done(&rule);
	else
		r->file->rule[r->file->rules++] = rule;
	return rc;
}

static int read_rules(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	size_t n;

	(void)object;
	if (value->type != YAML_SEQUENCE_NODE)
		return wrong_value(r, value, key);
	n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
	if (n > WEIR_POLICY_RULES_MAX)
		return refuse(r, value, "use sets and roles in place of many rules", "more rules than a policy can have");
	r->file->rule = calloc(n ? n : 1, sizeof(*r->file->rule));
	if (!r->file->rule)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		int rc = read_rule(r, node_at(r, value->data.sequence.items.start[i]));

		if (rc)
			return rc;
	}
	return 0;
}

static int one_prefix(const char *text, const char *where, void *member, struct weir_error *err)
{
	struct weir_policy_set *set = member;
	struct weir_prefix *more;

	if (set->prefixes == 65536)
		return weir_error_set(err, -ENOSPC, where, "use a threat list or a zone for so many", "a set of more than 65536 networks");
	if ((set->prefixes & (set->prefixes - 1)) == 0) {
		more = realloc(set->prefix, (set->prefixes ? 2 * (size_t)set->prefixes : 1) * sizeof(*more));
		if (!more)
			return weir_error_set(err, -ENOMEM, where, NULL, "there is no memory left");
		set->prefix = more;
	}
	if (weir_prefix_parse(text, strlen(text), &set->prefix[set->prefixes]) != 0)
		return weir_error_set(err, -EINVAL, where, "write it as 192.0.2.0/24 or 2001:db8::/32, with zeros behind its length",
				      "\"%.60s\" is no network", text);
	set->prefixes++;
	return 0;
}

static int read_sets(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	size_t n;

	(void)object;
	if (value->type != YAML_MAPPING_NODE)
		return wrong_value(r, value, key);
	n = (size_t)(value->data.mapping.pairs.top - value->data.mapping.pairs.start);
	if (n > WEIR_POLICY_SETS_MAX)
		return refuse(r, value, NULL, "more sets than a policy can have");
	r->file->set = calloc(n ? n : 1, sizeof(*r->file->set));
	if (!r->file->set)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *name = node_at(r, value->data.mapping.pairs.start[i].key);
		struct weir_policy_set *set = &r->file->set[r->file->sets];
		const char *text = scalar(name);
		int rc;

		if (!text || !*text || strlen(text) >= sizeof(set->name))
			return refuse(r, name, "a word, as partners", "a set has no name");
		r->file->sets++; /* what it has is freed with the file, also when reading ends here */
		memcpy(set->name, text, strlen(text) + 1);
		rc = read_list(r, node_at(r, value->data.mapping.pairs.start[i].value), key, set, one_prefix);
		if (rc)
			return rc;
	}
	return 0;
}

static int one_need(const char *text, const char *where, void *member, struct weir_error *err)
{
	struct weir_rule_file *file = member;

	if (file->needs == WEIR_POLICY_NEEDS_MAX || strlen(text) >= WEIR_POLICY_NAME_MAX)
		return weir_error_set(err, -EINVAL, where, NULL, "needs: too many roles, or one that is too long");
	memcpy(file->need[file->needs++], text, strlen(text) + 1);
	return 0;
}

static int read_needs(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	return read_list(r, value, key, object, one_need);
}

static int read_explanation(struct reader *r, const yaml_node_t *value, const struct key *key, void *object)
{
	const char *text = scalar(value);

	(void)object;
	if (!text)
		return wrong_value(r, value, key);
	r->file->explanation = strdup(text);
	return r->file->explanation ? 0 : no_memory(r);
}

/* Sets before rules, whatever their order in the file, for rules name them. */
static const struct key HEAD_KEYS[] = {
	{"pack", read_text, MEMBER(struct weir_rule_file, pack), NULL, 0, "the pack's name"},
	{"title", read_text, MEMBER(struct weir_rule_file, title), NULL, 0, "a line that says what the pack does"},
	{"explanation", read_explanation, 0, 0, NULL, 0, "paragraphs for people"},
	{"needs", read_needs, 0, 0, NULL, 0, "a list of roles"},
	{"sets", read_sets, 0, 0, NULL, 0, "NAME: [192.0.2.0/24, …]"},
	{"rules", read_rules, 0, 0, NULL, 0, "a list of rules, each beginning with \"- name: NAME\""},
};

#define HEAD_KEYS_N (sizeof(HEAD_KEYS) / sizeof(HEAD_KEYS[0]))

static int read_document(struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	if (!root)
		return 0; /* an empty file is a policy without rules */
	if (root->type != YAML_MAPPING_NODE)
		return refuse(r, root, "it begins with \"rules:\"", "this is no rule file");
	for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *name = node_at(r, p->key);

		if (!find_key(HEAD_KEYS, HEAD_KEYS_N, scalar(name)))
			return refuse_key(r, name, HEAD_KEYS, HEAD_KEYS_N);
	}
	for (const struct key *k = HEAD_KEYS; k < HEAD_KEYS + HEAD_KEYS_N; k++) {
		bool seen = false;

		for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
			const yaml_node_t *name = node_at(r, p->key);
			int rc;

			if (strcmp(scalar(name), k->name) != 0)
				continue;
			if (seen)
				return refuse(r, name, "take one of the two away", "the key stands here twice");
			seen = true;
			rc = k->read(r, node_at(r, p->value), k, r->file);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int syntax_error(const char *name, const yaml_parser_t *yaml, struct weir_error *err)
{
	char at[WHERE_MAX];

	(void)snprintf(at, sizeof(at), "%.100s:%zu", name, yaml->problem_mark.line + 1);
	if (yaml->error == YAML_MEMORY_ERROR)
		return weir_error_set(err, -ENOMEM, name, NULL, "there is no memory left");
	return weir_error_set(err, -EINVAL, at, "look at the indentation (blanks, no tabs) and the quotes here and on the line before",
			      "this is no YAML: %s", yaml->problem ? yaml->problem : "unknown error");
}

int weir_rule_file_read(const char *name, const char *text, size_t len, struct weir_rule_file **ret_file, struct weir_error *err)
{
	struct reader r = {.name = name, .err = err};
	yaml_parser_t yaml;
	int rc;

	if (len > WEIR_RULE_FILE_MAX)
		return weir_error_set(err, -EFBIG, name, "use sets and roles in place of many rules", "the file is larger than 16 MiB");
	r.file = calloc(1, sizeof(*r.file));
	if (!r.file || !yaml_parser_initialize(&yaml)) {
		free(r.file);
		return no_memory(&r);
	}
	yaml_parser_set_input_string(&yaml, (const unsigned char *)text, len);
	if (!yaml_parser_load(&yaml, &r.doc)) {
		rc = syntax_error(name, &yaml, err);
	} else {
		rc = read_document(&r);
		yaml_document_delete(&r.doc);
	}
	yaml_parser_delete(&yaml);
	if (rc)
		weir_rule_file_free(r.file);
	else
		*ret_file = r.file;
	return rc;
}

void weir_rule_file_free(struct weir_rule_file *file)
{
	if (!file)
		return;
	for (uint32_t i = 0; i < file->rules; i++)
		rule_done(&file->rule[i]);
	for (uint32_t i = 0; i < file->sets; i++)
		free(file->set[i].prefix);
	free(file->rule);
	free(file->set);
	free(file->explanation);
	free(file);
}
