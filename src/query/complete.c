/* A walk over the tokens with five states: what may come next follows from the state before the last word, which is the
 * one that is being typed when the place is at its end. */
#include "query/complete.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "flow/protocol.h"
#include "query/filter_parser.h"

enum state { TEST, FIELD, VALUE, LIST, AFTER, OPERATOR };

struct walk {
	enum state state;
	bool test_follows; /* a protocol's name may stand before a test */
	unsigned way;	   /* which direction was given */
	enum weir_filter_direction direction;
	struct weir_filter_word word; /* of the present test */
};

struct offer {
	const char *begun;
	size_t len;
	int (*each)(void *ctx, enum weir_suggestion kind, const char *text, const char *help);
	void *ctx;
	int rc;
};

static void put(struct offer *o, enum weir_suggestion kind, const char *text, const char *help)
{
	if (o->rc || strlen(text) < o->len)
		return;
	for (size_t i = 0; i < o->len; i++) {
		char c = o->begun[i] == '-' ? '_' : (char)tolower((unsigned char)o->begun[i]);

		if (c != tolower((unsigned char)text[i]))
			return;
	}
	o->rc = o->each(o->ctx, kind, text, help);
}

/* --- the walk --------------------------------------------------------------------------------------------- */

static enum state step_test(struct walk *w, const struct weir_filter_token *token)
{
	enum weir_filter_direction direction;
	unsigned way = weir_filter_way_find(token, &direction);

	w->test_follows = false;
	if (way) {
		w->way = way;
		w->direction = direction;
		return FIELD;
	}
	if (weir_filter_word_is(token, "not") || weir_filter_word_is(token, "or") || token->type == WEIR_TOKEN_NOT ||
	    token->type == WEIR_TOKEN_OPEN)
		return w->state;
	if (weir_filter_word_is(token, "in") || token->type == WEIR_TOKEN_LIST_OPEN)
		return LIST;
	if (weir_filter_word_find(token, &w->word))
		return OPERATOR;
	w->test_follows = token->type == WEIR_TOKEN_WORD && weir_protocol_find(token->text, token->len) >= 0;
	return AFTER;
}

static enum state step_operator(const struct weir_filter_token *token)
{
	switch (token->type) {
	case WEIR_TOKEN_EQ:
	case WEIR_TOKEN_NE:
	case WEIR_TOKEN_LT:
	case WEIR_TOKEN_LE:
	case WEIR_TOKEN_GT:
	case WEIR_TOKEN_GE:
		return VALUE;
	case WEIR_TOKEN_LIST_OPEN:
		return LIST;
	default:
		return weir_filter_word_is(token, "in") ? LIST : AFTER;
	}
}

static enum state step_after(struct walk *w, const struct weir_filter_token *token)
{
	bool connects = token->type == WEIR_TOKEN_AND || token->type == WEIR_TOKEN_OR || weir_filter_word_is(token, "and") ||
			weir_filter_word_is(token, "or");

	if (w->test_follows && !connects && token->type == WEIR_TOKEN_WORD)
		return step_test(w, token);
	w->test_follows = false;
	w->way = 0;
	w->direction = WEIR_DIRECTION_NONE;
	return connects ? TEST : AFTER;
}

static void step(struct walk *w, const struct weir_filter_token *token)
{
	switch (w->state) {
	case TEST:
		w->way = 0;
		w->direction = WEIR_DIRECTION_NONE;
		w->state = step_test(w, token);
		break;
	case FIELD:
		w->state = step_test(w, token);
		break;
	case OPERATOR:
		w->state = step_operator(token);
		break;
	case VALUE:
		w->state = AFTER;
		break;
	case LIST:
		w->state = token->type == WEIR_TOKEN_LIST_CLOSE || token->type == WEIR_TOKEN_CLOSE ? AFTER : LIST;
		break;
	case AFTER:
		w->state = step_after(w, token);
		break;
	}
}

/* --- what fits -------------------------------------------------------------------------------------------- */

static void offer_fields(struct offer *o, const struct walk *w)
{
	const struct weir_filter_word *word;

	for (unsigned i = 0; (word = weir_filter_word_row(i)); i++) {
		if (!w->way || word->ways & w->way)
			put(o, WEIR_SUGGEST_FIELD, word->name, weir_field(word->bare != WEIR_FIELD_NONE ? word->bare : word->first).help);
	}
	for (unsigned id = 0; !w->way && id < WEIR_FIELDS; id++)
		put(o, WEIR_SUGGEST_FIELD, weir_field(id).name, weir_field(id).help);
}

static void offer_protocols(struct offer *o, enum weir_suggestion kind)
{
	const char *name;

	for (unsigned i = 0; (name = weir_protocol_word(i)); i++)
		put(o, kind, name, "IP protocol");
}

static void offer_test(struct offer *o, const struct walk *w)
{
	static const struct {
		enum weir_suggestion kind;
		const char *text;
		const char *help;
	} WORDS[] = {
		{WEIR_SUGGEST_DIRECTION, "src", "of the source"},
		{WEIR_SUGGEST_DIRECTION, "dst", "of the destination"},
		{WEIR_SUGGEST_DIRECTION, "in", "where the flow came in"},
		{WEIR_SUGGEST_DIRECTION, "out", "where the flow went out"},
		{WEIR_SUGGEST_WORD, "not", "whatever does not fit what follows"},
		{WEIR_SUGGEST_WORD, "ipv4", "flows of IPv4"},
		{WEIR_SUGGEST_WORD, "ipv6", "flows of IPv6"},
		{WEIR_SUGGEST_WORD, "any", "every flow"},
	};

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		put(o, WORDS[i].kind, WORDS[i].text, WORDS[i].help);
	offer_fields(o, w);
	offer_protocols(o, WEIR_SUGGEST_WORD);
}

static void offer_operators(struct offer *o, enum weir_kind kind)
{
	static const struct {
		const char *text;
		const char *help;
		bool ordered;
	} OPERATORS[] = {
		{"=", "is", false},	 {"!=", "is not", false},  {"in", "is one of a list: in [80 443]", false},
		{"<", "is below", true}, {"<=", "is at most", true}, {">", "is above", true},
		{">=", "is at least", true},
	};
	bool ordered = kind <= WEIR_KIND_TIME;

	for (size_t i = 0; i < sizeof(OPERATORS) / sizeof(OPERATORS[0]); i++) {
		if (ordered || !OPERATORS[i].ordered)
			put(o, WEIR_SUGGEST_OPERATOR, OPERATORS[i].text, OPERATORS[i].help);
	}
}

static void offer_values(struct offer *o, enum weir_kind kind)
{
	static const struct {
		enum weir_kind kind;
		const char *text;
		const char *help;
	} VALUES[] = {
		{WEIR_KIND_FLAGS, "S", "SYN is set"},	      {WEIR_KIND_FLAGS, "SA", "SYN and ACK are set"},
		{WEIR_KIND_FLAGS, "F", "FIN is set"},	      {WEIR_KIND_FLAGS, "R", "RST is set"},
		{WEIR_KIND_TIME, "now-1h", "an hour ago"},    {WEIR_KIND_TIME, "today", "since midnight"},
		{WEIR_KIND_DURATION, "1s", "a second"},	      {WEIR_KIND_DURATION, "1m", "a minute"},
		{WEIR_KIND_BYTES, "1k", "1000 bytes"},	      {WEIR_KIND_BYTES, "1M", "a million bytes"},
		{WEIR_KIND_RATE, "1M", "a million a second"},
	};
	static const unsigned FLOW_TYPES[] = {WEIR_FLOW_NETFLOW1, WEIR_FLOW_NETFLOW5, WEIR_FLOW_NETFLOW7, WEIR_FLOW_NETFLOW9,
					      WEIR_FLOW_IPFIX,	  WEIR_FLOW_SFLOW5,   WEIR_FLOW_PROBE};

	for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
		if (VALUES[i].kind == kind)
			put(o, WEIR_SUGGEST_VALUE, VALUES[i].text, VALUES[i].help);
	}
	if (kind == WEIR_KIND_PROTO)
		offer_protocols(o, WEIR_SUGGEST_VALUE);
	for (size_t i = 0; kind == WEIR_KIND_FLOW_TYPE && i < sizeof(FLOW_TYPES) / sizeof(FLOW_TYPES[0]); i++)
		put(o, WEIR_SUGGEST_VALUE, weir_flow_type_name(FLOW_TYPES[i]), "protocol of the export");
}

static void want_value(const struct walk *w, struct weir_completion *c)
{
	bool pair = w->word.second != WEIR_FIELD_NONE;

	if (pair && w->direction == WEIR_DIRECTION_SECOND)
		c->field = w->word.second;
	else
		c->field = w->direction == WEIR_DIRECTION_NONE && w->word.bare != WEIR_FIELD_NONE ? w->word.bare : w->word.first;
	if (pair && w->direction == WEIR_DIRECTION_NONE && w->word.bare == WEIR_FIELD_NONE)
		c->other = w->word.second;
}

static void offer_all(struct offer *o, const struct walk *w, const struct weir_completion *c)
{
	enum weir_kind kind = c->field == WEIR_FIELD_NONE ? WEIR_KINDS : weir_field(c->field).kind;

	switch (w->state) {
	case TEST:
		offer_test(o, w);
		break;
	case FIELD:
		offer_fields(o, w);
		break;
	case OPERATOR:
		offer_operators(o, kind);
		offer_values(o, kind);
		break;
	case VALUE:
	case LIST:
		offer_values(o, kind);
		break;
	case AFTER:
		put(o, WEIR_SUGGEST_WORD, "and", "both");
		put(o, WEIR_SUGGEST_WORD, "or", "one or the other");
		if (w->test_follows)
			offer_fields(o, w);
		break;
	}
}

int weir_filter_complete(const char *text, size_t at, struct weir_completion *ret_completion,
			 int (*each)(void *ctx, enum weir_suggestion kind, const char *text, const char *help), void *ctx)
{
	static const struct weir_filter_token ip = {.type = WEIR_TOKEN_WORD, .text = "ip", .len = 2};
	struct weir_filter_parser p = {.text = text, .len = at};
	struct walk w = {.state = TEST};
	struct offer o = {.begun = text + at, .each = each, .ctx = ctx};
	struct weir_completion c = {.from = at, .to = at, .field = WEIR_FIELD_NONE, .other = WEIR_FIELD_NONE};

	(void)weir_filter_word_find(&ip, &w.word);
	for (weir_filter_next(&p); p.token.type != WEIR_TOKEN_END; weir_filter_next(&p)) {
		const char *end = p.token.text + p.token.len;
		bool word = p.token.type == WEIR_TOKEN_WORD || (p.token.type == WEIR_TOKEN_BAD && p.token.len && strchr("\"'", *p.token.text));

		if (end == text + at && word) { /* still being typed */
			c.from = (size_t)(p.token.text - text);
			c.quoted = p.token.type == WEIR_TOKEN_BAD;
			o.begun = p.token.text + c.quoted;
			o.len = p.token.len - c.quoted;
			break;
		}
		step(&w, &p.token);
	}
	if (w.state == OPERATOR || w.state == VALUE || w.state == LIST)
		want_value(&w, &c);
	offer_all(&o, &w, &c);
	*ret_completion = c;
	return o.rc;
}
