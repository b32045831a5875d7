/* The grammar of the filter language, by recursive descent:
 *
 *     either  = both { ("or" | "||") both }
 *     both    = single { ("and" | "&&") single }
 *     single  = { "not" | "!" } ( "(" either ")" | "any" | "ipv4" | "ipv6" | protocol [test] | test )
 *     test    = [way [("or" | "and") way]] word [operator] value  |  [way] address
 *     value   = one  |  "[" one { [","] one } "]"
 *
 * A protocol's name may stand right before a test ("tcp port 80"), as in tcpdump. */
#include "query/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/protocol.h"
#include "query/filter_parser.h"

#define NONE WEIR_FILTER_END

static int no_memory(struct weir_filter_parser *p)
{
	return weir_error_set(p->err, -ENOMEM, NULL, NULL, "out of memory");
}

static int too_much(struct weir_filter_parser *p, const char *next, const char *what, unsigned max)
{
	(void)weir_filter_fail(p, &p->token, next, "more than %u %s", max, what);
	return -E2BIG;
}

static int new_node(struct weir_filter_parser *p, enum weir_filter_op op, uint32_t child, uint32_t *ret_node)
{
	struct weir_filter *f = p->filter;

	if (f->nodes == WEIR_FILTER_NODES_MAX)
		return too_much(p, "put the values of one word in a list: port in [80 443]", "tests",
				WEIR_FILTER_NODES_MAX);
	f->node[f->nodes] = (struct weir_filter_node){.op = op, .child = child, .next = NONE};
	*ret_node = f->nodes++;
	return 0;
}

/* What one test says, before it is spread over the fields of its word. */
struct test {
	enum weir_filter_op op;
	uint32_t value, values;
	bool negated; /* != */
};

static int new_test(struct weir_filter_parser *p, unsigned field, const struct test *t, uint32_t *ret_node)
{
	int rc = new_node(p, t->op, NONE, ret_node);

	if (rc)
		return rc;
	p->filter->node[*ret_node].field = field;
	p->filter->node[*ret_node].value = t->value;
	p->filter->node[*ret_node].values = t->values;
	return 0;
}

/* "not flags SA" means that neither is set, as in nfdump; everywhere else NOT is plain logic. */
static int new_not(struct weir_filter_parser *p, uint32_t child, uint32_t *ret_node)
{
	struct weir_filter_node *node = &p->filter->node[child];

	if (node->op == WEIR_FILTER_FLAGS_ALL) {
		node->op = WEIR_FILTER_FLAGS_NONE;
		*ret_node = child;
		return 0;
	}
	return new_node(p, WEIR_FILTER_NOT, child, ret_node);
}

/* One test over one or both fields of the word. */
static int spread_test(struct weir_filter_parser *p, const struct weir_filter_word *word,
		       enum weir_filter_direction direction, const struct test *t, uint32_t *ret_node)
{
	bool pair = word->second != WEIR_FIELD_NONE && direction != WEIR_DIRECTION_FIRST &&
		    direction != WEIR_DIRECTION_SECOND &&
		    (direction != WEIR_DIRECTION_NONE || word->bare == WEIR_FIELD_NONE);
	uint32_t first, second;
	int rc;

	if (!pair)
		rc = new_test(p, direction == WEIR_DIRECTION_SECOND ? word->second : word->first, t, ret_node);
	else {
		rc = new_test(p, word->first, t, &first);
		if (!rc)
			rc = new_test(p, word->second, t, &second);
		if (!rc)
			rc = new_node(p, direction == WEIR_DIRECTION_EACH ? WEIR_FILTER_AND : WEIR_FILTER_OR, first,
				      ret_node);
		if (!rc)
			p->filter->node[first].next = second;
	}
	if (!rc && t->negated)
		rc = new_not(p, *ret_node, ret_node);
	return rc;
}

static int parse_value(struct weir_filter_parser *p, unsigned field, struct test *t, enum weir_filter_op *ret_op)
{
	struct weir_filter *f = p->filter;
	int rc;

	if (f->values == WEIR_FILTER_VALUES_MAX)
		return too_much(p, "name prefixes or ranges in place of single values", "values",
				WEIR_FILTER_VALUES_MAX);
	rc = weir_filter_value_parse(p, field, &f->value[f->values], ret_op);
	if (rc)
		return rc;
	f->values++;
	t->values++;
	return 0;
}

static int parse_list(struct weir_filter_parser *p, unsigned field, struct test *t)
{
	struct weir_filter_token open = p->token;
	enum weir_filter_token_type close =
		open.type == WEIR_TOKEN_OPEN ? WEIR_TOKEN_CLOSE : WEIR_TOKEN_LIST_CLOSE;
	enum weir_filter_op op;
	int rc;

	weir_filter_next(p);
	while (p->token.type != close) {
		if (p->token.type == WEIR_TOKEN_END)
			return weir_filter_fail(p, &open, NULL, "this list is not closed");
		if (p->token.type == WEIR_TOKEN_COMMA && t->values) {
			weir_filter_next(p);
			continue;
		}
		rc = parse_value(p, field, t, &op);
		if (rc)
			return rc;
	}
	if (!t->values)
		return weir_filter_fail(p, &open, NULL, "this list is empty");
	weir_filter_next(p);
	return 0;
}

static const struct {
	enum weir_filter_token_type token;
	enum weir_filter_op op;
	bool negated;
} OPERATORS[] = {
	{WEIR_TOKEN_EQ, WEIR_FILTER_IN, false}, {WEIR_TOKEN_NE, WEIR_FILTER_IN, true},
	{WEIR_TOKEN_LT, WEIR_FILTER_LT, false}, {WEIR_TOKEN_LE, WEIR_FILTER_LE, false},
	{WEIR_TOKEN_GT, WEIR_FILTER_GT, false}, {WEIR_TOKEN_GE, WEIR_FILTER_GE, false},
};

static bool is_ordered(enum weir_kind kind)
{
	return kind != WEIR_KIND_ADDR && kind != WEIR_KIND_MAC && kind != WEIR_KIND_TEXT &&
	       kind != WEIR_KIND_FLOW_TYPE;
}

/* The sign before the value, if there is one. *ret_given: a sign or "in" stood there. */
static int parse_operator(struct weir_filter_parser *p, unsigned field, struct test *t, bool *ret_given)
{
	char word[WEIR_FILTER_SHOWN_MAX];

	*ret_given = true;
	if (weir_filter_word_is(&p->token, "in")) {
		weir_filter_next(p);
		if (p->token.type == WEIR_TOKEN_LIST_OPEN || p->token.type == WEIR_TOKEN_OPEN)
			return 0;
		return weir_filter_fail(p, &p->token, "write them between [ and ]", "\"in\" needs a list of values");
	}
	for (size_t i = 0; i < sizeof(OPERATORS) / sizeof(OPERATORS[0]); i++) {
		if (OPERATORS[i].token != p->token.type)
			continue;
		t->op = OPERATORS[i].op;
		t->negated = OPERATORS[i].negated;
		if (t->op != WEIR_FILTER_IN && !is_ordered(weir_field(field).kind))
			return weir_filter_fail(p, &p->token, "use =, != or in", "%s has no order",
						weir_filter_shown(&p->word, word));
		weir_filter_next(p);
		return 0;
	}
	*ret_given = false;
	return 0;
}

/* [operator] value. */
static int parse_comparison(struct weir_filter_parser *p, unsigned field, struct test *t)
{
	struct weir_filter_token at;
	enum weir_filter_op value_op;
	bool given;
	int rc;

	*t = (struct test){.op = WEIR_FILTER_IN, .value = p->filter->values};
	rc = parse_operator(p, field, t, &given);
	if (rc)
		return rc;
	at = p->token;
	if (t->op == WEIR_FILTER_IN &&
	    (at.type == WEIR_TOKEN_LIST_OPEN || (at.type == WEIR_TOKEN_OPEN && given)))
		return parse_list(p, field, t);
	rc = parse_value(p, field, t, &value_op);
	if (rc)
		return rc;
	if (!given)
		t->op = value_op;
	if (t->op != WEIR_FILTER_IN && t->op != WEIR_FILTER_FLAGS_ALL &&
	    p->filter->value[t->value].lo != p->filter->value[t->value].hi)
		return weir_filter_fail(p, &at, NULL, "a range cannot stand behind this sign");
	return 0;
}

/* "src", "src or dst", "in" … : returns the way, 0 when none stands here. */
static unsigned take_direction(struct weir_filter_parser *p, enum weir_filter_direction *ret_direction)
{
	struct weir_filter_parser before;
	enum weir_filter_direction other;
	unsigned way = weir_filter_way_find(&p->token, ret_direction);
	bool each;

	if (!way)
		return 0;
	weir_filter_next(p);
	each = weir_filter_word_is(&p->token, "and");
	if (!each && !weir_filter_word_is(&p->token, "or"))
		return way;
	before = *p;
	weir_filter_next(p);
	if (weir_filter_way_find(&p->token, &other) == way && other != *ret_direction) {
		weir_filter_next(p);
		*ret_direction = each ? WEIR_DIRECTION_EACH : WEIR_DIRECTION_EITHER;
	} else {
		*p = before;
	}
	return way;
}

static int fail_unknown(struct weir_filter_parser *p)
{
	const char *guess = weir_filter_guess(&p->token, WEIR_GUESS_WORD);
	char shown[WEIR_FILTER_SHOWN_MAX];
	char next[64] = "`weir flows --help` tells the words";

	if (guess)
		(void)snprintf(next, sizeof(next), "did you mean \"%s\"?", guess);
	if (p->token.type == WEIR_TOKEN_END)
		return weir_filter_fail(p, &p->token, NULL, "something is missing at the end");
	if (p->token.type == WEIR_TOKEN_BAD && strchr("\"'", *p->token.text))
		return weir_filter_fail(p, &p->token, NULL, "this text has no closing quote");
	if (weir_filter_word_is(&p->token, "and") || weir_filter_word_is(&p->token, "or") ||
	    p->token.type == WEIR_TOKEN_AND || p->token.type == WEIR_TOKEN_OR)
		return weir_filter_fail(p, &p->token, NULL, "a test is missing before \"%s\"",
					weir_filter_shown(&p->token, shown));
	if (p->token.type != WEIR_TOKEN_WORD)
		return weir_filter_fail(p, &p->token, NULL, "\"%s\" cannot stand here",
					weir_filter_shown(&p->token, shown));
	return weir_filter_fail(p, &p->token, next, "unknown word \"%s\"", weir_filter_shown(&p->token, shown));
}

/* "router ip 192.0.2.1", "next ip …": nfdump has this second word. */
static void skip_addr_word(struct weir_filter_parser *p, unsigned field)
{
	struct weir_filter_word word;

	if (weir_field(field).kind == WEIR_KIND_ADDR && !weir_filter_value_is_addr(&p->token) &&
	    weir_filter_word_find(&p->token, &word) && word.first == WEIR_COL_SRC_ADDR &&
	    word.second == WEIR_COL_DST_ADDR)
		weir_filter_next(p);
}

static int parse_test(struct weir_filter_parser *p, uint32_t *ret_node)
{
	static const struct weir_filter_token ip = {.type = WEIR_TOKEN_WORD, .text = "ip", .len = 2};
	enum weir_filter_direction direction = WEIR_DIRECTION_NONE;
	struct weir_filter_token way_token = p->token;
	unsigned way = take_direction(p, &direction);
	struct weir_filter_word word;
	struct test t;
	int rc;

	p->word = p->token;
	if (weir_filter_value_is_addr(&p->token) ||
	    (way == WEIR_WAY_SRC_DST &&
	     (p->token.type == WEIR_TOKEN_LIST_OPEN || weir_filter_word_is(&p->token, "in")))) {
		(void)weir_filter_word_find(&ip, &word);
		p->word = ip;
	} else if (weir_filter_word_find(&p->token, &word)) {
		weir_filter_next(p);
		skip_addr_word(p, word.first);
	} else {
		return fail_unknown(p);
	}
	if (way && !(word.ways & way)) {
		char shown[WEIR_FILTER_SHOWN_MAX];

		return weir_filter_fail(p, &way_token,
					word.ways & WEIR_WAY_SRC_DST ? "write src or dst"
					: word.ways		    ? "write in or out"
								    : "leave it away",
					"\"%s\" does not go with what follows", weir_filter_shown(&way_token, shown));
	}
	rc = parse_comparison(p, word.first, &t);
	return rc ? rc : spread_test(p, &word, direction, &t, ret_node);
}

/* A test made by the parser itself: the field lies between two numbers or two addresses. */
static int made_test(struct weir_filter_parser *p, unsigned field, const struct weir_filter_value *value,
		     uint32_t *ret_node)
{
	struct test t = {.op = WEIR_FILTER_IN, .value = p->filter->values, .values = 1};

	if (p->filter->values == WEIR_FILTER_VALUES_MAX)
		return too_much(p, "name prefixes or ranges in place of single values", "values",
				WEIR_FILTER_VALUES_MAX);
	p->filter->value[p->filter->values++] = *value;
	return new_test(p, field, &t, ret_node);
}

/* By the version where it was exported, or else by the source address. */
static int parse_version(struct weir_filter_parser *p, bool is_v4, uint32_t *ret_node)
{
	struct weir_filter_value version = {.lo = is_v4 ? 4 : 6, .hi = is_v4 ? 4 : 6};
	struct weir_filter_value v4 = {.addr_lo = {{[10] = 0xff, [11] = 0xff}},
				       .addr_hi = {{[10] = 0xff, [11] = 0xff, 0xff, 0xff, 0xff, 0xff}}};
	/* Above the mapped IPv4 addresses; below them is only what is not in use, and "absent". */
	struct weir_filter_value v6 = {.addr_lo = {{[9] = 0x01}}};
	uint32_t first, second;
	int rc;

	memset(&v6.addr_hi, 0xff, sizeof(v6.addr_hi));
	weir_filter_next(p);
	rc = made_test(p, WEIR_COL_IP_VERSION, &version, &first);
	if (!rc)
		rc = made_test(p, WEIR_COL_SRC_ADDR, is_v4 ? &v4 : &v6, &second);
	if (!rc)
		rc = new_node(p, WEIR_FILTER_OR, first, ret_node);
	if (!rc)
		p->filter->node[first].next = second;
	return rc;
}

/* Does a test begin here that a protocol's name may stand before? */
static bool begins_test(const struct weir_filter_token *token)
{
	enum weir_filter_direction direction;
	struct weir_filter_word word;

	return weir_filter_way_find(token, &direction) || weir_filter_word_find(token, &word);
}

static int parse_protocol(struct weir_filter_parser *p, int number, uint32_t *ret_node)
{
	struct weir_filter_value value = {.lo = (uint64_t)number, .hi = (uint64_t)number};
	uint32_t protocol, test;
	int rc = made_test(p, WEIR_COL_PROTO, &value, &protocol);

	weir_filter_next(p);
	*ret_node = protocol;
	if (rc || !begins_test(&p->token))
		return rc;
	rc = parse_test(p, &test);
	if (!rc)
		rc = new_node(p, WEIR_FILTER_AND, protocol, ret_node);
	if (!rc)
		p->filter->node[protocol].next = test;
	return rc;
}

static int parse_either(struct weir_filter_parser *p, uint32_t *ret_node);

static int parse_group(struct weir_filter_parser *p, uint32_t *ret_node)
{
	struct weir_filter_token open = p->token;
	int rc;

	weir_filter_next(p);
	rc = parse_either(p, ret_node);
	if (rc)
		return rc;
	if (p->token.type != WEIR_TOKEN_CLOSE) {
		if (p->token.type == WEIR_TOKEN_END)
			return weir_filter_fail(p, &open, NULL, "this parenthesis is not closed");
		return 0; /* whoever continues says what is wrong with the token */
	}
	weir_filter_next(p);
	return 0;
}

static int parse_plain(struct weir_filter_parser *p, uint32_t *ret_node)
{
	int protocol;

	if (p->token.type == WEIR_TOKEN_OPEN)
		return parse_group(p, ret_node);
	if (weir_filter_word_is(&p->token, "any")) {
		weir_filter_next(p);
		return new_node(p, WEIR_FILTER_TRUE, NONE, ret_node);
	}
	if (weir_filter_word_is(&p->token, "ipv4") || weir_filter_word_is(&p->token, "inet"))
		return parse_version(p, true, ret_node);
	if (weir_filter_word_is(&p->token, "ipv6") || weir_filter_word_is(&p->token, "inet6"))
		return parse_version(p, false, ret_node);
	protocol = p->token.type == WEIR_TOKEN_WORD ? weir_protocol_find(p->token.text, p->token.len) : -1;
	if (protocol >= 0)
		return parse_protocol(p, protocol, ret_node);
	return parse_test(p, ret_node);
}

static int parse_single(struct weir_filter_parser *p, uint32_t *ret_node)
{
	bool negated = p->token.type == WEIR_TOKEN_NOT || weir_filter_word_is(&p->token, "not");
	int rc;

	if (p->depth == WEIR_FILTER_DEPTH_MAX)
		return too_much(p, NULL, "levels of parentheses and not", WEIR_FILTER_DEPTH_MAX);
	p->depth++;
	if (negated) {
		weir_filter_next(p);
		rc = parse_single(p, ret_node);
		if (!rc)
			rc = new_not(p, *ret_node, ret_node);
	} else {
		rc = parse_plain(p, ret_node);
	}
	p->depth--;
	return rc;
}

/* One or more of what `part` reads, with the connective between them. */
static int parse_chain(struct weir_filter_parser *p, enum weir_filter_op op, enum weir_filter_token_type sign,
		       const char *name, int (*part)(struct weir_filter_parser *, uint32_t *), uint32_t *ret_node)
{
	uint32_t first, last;
	int rc = part(p, &first);

	last = first;
	while (!rc && (p->token.type == sign || weir_filter_word_is(&p->token, name))) {
		uint32_t more;

		weir_filter_next(p);
		rc = part(p, &more);
		if (rc)
			break;
		p->filter->node[last].next = more;
		last = more;
	}
	*ret_node = first;
	if (!rc && last != first)
		rc = new_node(p, op, first, ret_node);
	return rc;
}

static int parse_both(struct weir_filter_parser *p, uint32_t *ret_node)
{
	return parse_chain(p, WEIR_FILTER_AND, WEIR_TOKEN_AND, "and", parse_single, ret_node);
}

static int parse_either(struct weir_filter_parser *p, uint32_t *ret_node)
{
	return parse_chain(p, WEIR_FILTER_OR, WEIR_TOKEN_OR, "or", parse_both, ret_node);
}

/* Something stands behind a complete filter. */
static int fail_rest(struct weir_filter_parser *p)
{
	const char *guess = weir_filter_guess(&p->token, WEIR_GUESS_CONNECTIVE);
	char shown[WEIR_FILTER_SHOWN_MAX];
	char next[64] = "";

	if (p->token.type == WEIR_TOKEN_CLOSE)
		return weir_filter_fail(p, &p->token, NULL, "this parenthesis was not opened");
	if (guess)
		(void)snprintf(next, sizeof(next), "did you mean \"%s\"?", guess);
	return weir_filter_fail(p, &p->token, next, "\"and\" or \"or\" is missing before \"%s\"",
				weir_filter_shown(&p->token, shown));
}

static int parse_all(struct weir_filter_parser *p)
{
	int rc;

	weir_filter_next(p);
	if (p->token.type == WEIR_TOKEN_END)
		return new_node(p, WEIR_FILTER_TRUE, NONE, &p->filter->root);
	rc = parse_either(p, &p->filter->root);
	if (!rc && p->token.type != WEIR_TOKEN_END)
		rc = fail_rest(p);
	return rc;
}

int weir_filter_parse(const char *text, size_t len, int64_t now_ms, struct weir_filter **ret_filter,
		      struct weir_filter_mistake *ret_mistake, struct weir_error *err)
{
	struct weir_filter_parser p = {.text = text, .len = len, .now_ms = now_ms, .err = err};
	int rc;

	if (len > WEIR_FILTER_TEXT_MAX) {
		if (ret_mistake)
			*ret_mistake = (struct weir_filter_mistake){WEIR_FILTER_TEXT_MAX, 1};
		return weir_error_set(err, -E2BIG, "filter", NULL, "the filter is longer than %d bytes",
				      WEIR_FILTER_TEXT_MAX);
	}
	p.filter = calloc(1, sizeof(*p.filter));
	if (!p.filter)
		return no_memory(&p);
	weir_buffer_init(&p.filter->heap);
	p.filter->node = calloc(WEIR_FILTER_NODES_MAX, sizeof(*p.filter->node));
	p.filter->value = calloc(WEIR_FILTER_VALUES_MAX, sizeof(*p.filter->value));
	/* The heap is never NULL, so that an empty text in it has a place, too. */
	if (p.filter->node && p.filter->value && weir_buffer_reserve(&p.filter->heap, 1) == 0)
		rc = parse_all(&p);
	else
		rc = no_memory(&p);
	if (rc) {
		weir_filter_free(p.filter);
		if (ret_mistake)
			*ret_mistake = p.mistake;
		return rc;
	}
	*ret_filter = p.filter;
	return 0;
}

void weir_filter_free(struct weir_filter *filter)
{
	if (!filter)
		return;
	free(filter->node);
	free(filter->value);
	weir_buffer_done(&filter->heap);
	free(filter);
}
