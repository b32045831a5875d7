/* The terms of a rule's conditions, from text.
 *
 * A condition is a list of terms parted by commas, which may begin with "not". The first word of a term says what it
 * is; the table of kinds below has the words, whether a name follows, and what is said to a person who mistyped one. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow/protocol.h"
#include "policy/rule.h"

struct word_kind {
	const char *word;
	int kind;
	enum { NO_NAME, NAME, OPTIONAL_NAME } name;
};

static const struct word_kind PLACES[] = {
	{"any",	     WEIR_PLACE_ANY,	  NO_NAME},
	{"internal", WEIR_PLACE_INTERNAL, NO_NAME},
	{"external", WEIR_PLACE_EXTERNAL, NO_NAME},
	{"zone",     WEIR_PLACE_ZONE,	  NAME},
	{"role",     WEIR_PLACE_ROLE,	  NAME},
	{"country",  WEIR_PLACE_COUNTRY,  NAME},
	{"threat",   WEIR_PLACE_THREAT,	  OPTIONAL_NAME},
	{"set",	     WEIR_PLACE_SET,	  NAME},
};

static const char PLACE_NEXT[] = "a place is any, internal, external, zone NAME, role NAME, set NAME, country CC, threat [LIST], "
				 "or a network as 192.0.2.0/24; several are parted by commas, and \"not\" before the first turns them round";

static const struct word_kind SERVICES[] = {
	{"any",	     WEIR_SERVICE_ANY,	    NO_NAME},
	{"service",  WEIR_SERVICE_NAME,	    NAME},
	{"category", WEIR_SERVICE_CATEGORY, NAME},
};

static const char SERVICE_NEXT[] = "a service is any, service NAME, category NAME, a protocol as tcp, or ports as tcp/22, udp/5000-5100 and port 53; "
				   "several are parted by commas";

/* One term: its text without blanks around it. */
struct piece {
	const char *text;
	size_t len;
};

static struct piece trim(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return (struct piece){text, len};
}

/* The next term of the list, or false behind the last. */
static bool next_piece(const char **list, struct piece *ret_piece)
{
	const char *end;

	if (!*list)
		return false;
	end = strchr(*list, ',');
	*ret_piece = trim(*list, end ? (size_t)(end - *list) : strlen(*list));
	*list = end ? end + 1 : NULL;
	return true;
}

/* "not …": true, and the text is behind it. */
static bool take_not(const char **text)
{
	const char *t = *text;

	while (isspace((unsigned char)*t))
		t++;
	if (strncasecmp(t, "not", 3) != 0 || !isspace((unsigned char)t[3]))
		return false;
	*text = t + 4;
	return true;
}

static bool is_word(struct piece piece, const char *word)
{
	return piece.len == strlen(word) && strncasecmp(piece.text, word, piece.len) == 0;
}

/* The first word of a piece, and what follows it. */
static struct piece first_word(struct piece piece, struct piece *ret_rest)
{
	size_t len = 0;

	while (len < piece.len && !isspace((unsigned char)piece.text[len]))
		len++;
	*ret_rest = trim(piece.text + len, piece.len - len);
	return (struct piece){piece.text, len};
}

static int copy_name(struct piece name, char ret_text[WEIR_POLICY_NAME_MAX])
{
	if (!name.len || name.len >= WEIR_POLICY_NAME_MAX)
		return -EINVAL;
	memcpy(ret_text, name.text, name.len);
	ret_text[name.len] = '\0';
	return 0;
}

static const struct word_kind *find_kind(const struct word_kind *kinds, size_t n, struct piece word)
{
	for (size_t i = 0; i < n; i++) {
		if (is_word(word, kinds[i].word))
			return &kinds[i];
	}
	return NULL;
}

/* 0 and the kind and its name, where the piece begins with a word of the table; -ENOENT: it does not. */
static int parse_kind(const struct word_kind *kinds, size_t n, struct piece piece, int *ret_kind,
		      char ret_text[WEIR_POLICY_NAME_MAX])
{
	struct piece rest;
	const struct word_kind *k = find_kind(kinds, n, first_word(piece, &rest));

	if (!k)
		return -ENOENT;
	*ret_kind = k->kind;
	ret_text[0] = '\0';
	if (k->name == NO_NAME)
		return rest.len ? -EINVAL : 0;
	if (!rest.len)
		return k->name == NAME ? -EINVAL : 0;
	return copy_name(rest, ret_text);
}

static int parse_place(struct piece piece, struct weir_place_term *ret_term)
{
	struct weir_place_term t = {0};
	int kind;
	int rc = parse_kind(PLACES, sizeof(PLACES) / sizeof(PLACES[0]), piece, &kind, t.text);

	if (rc == 0) {
		t.kind = (enum weir_place_kind)kind;
	} else if (rc == -ENOENT) {
		/* 1: bits behind the prefix are set, so what is meant is not certain. */
		if (weir_prefix_parse(piece.text, piece.len, &t.prefix) != 0)
			return -EINVAL;
		t.kind = WEIR_PLACE_NETWORK;
	} else {
		return rc;
	}
	*ret_term = t;
	return 0;
}

static int parse_port(struct piece piece, uint16_t *ret_port)
{
	char text[8];
	char *end;
	unsigned long port;

	if (!piece.len || piece.len >= sizeof(text) || !isdigit((unsigned char)*piece.text))
		return -EINVAL;
	memcpy(text, piece.text, piece.len);
	text[piece.len] = '\0';
	port = strtoul(text, &end, 10);
	if (*end || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

/* "22" or "5000-5100". */
static int parse_ports(struct piece piece, struct weir_service_term *term)
{
	const char *dash = memchr(piece.text, '-', piece.len);
	size_t low_len = dash ? (size_t)(dash - piece.text) : piece.len;
	int rc = parse_port((struct piece){piece.text, low_len}, &term->low);

	if (rc)
		return rc;
	term->high = term->low;
	if (dash)
		rc = parse_port((struct piece){dash + 1, piece.len - low_len - 1}, &term->high);
	if (rc || term->high < term->low)
		return -EINVAL;
	term->kind = WEIR_SERVICE_PORTS;
	return 0;
}

/* "tcp", "tcp/22", "port 53", "proto 47". */
static int parse_protocol(struct piece piece, struct weir_service_term *term)
{
	const char *slash = memchr(piece.text, '/', piece.len);
	struct piece rest;
	struct piece word = first_word(piece, &rest);
	uint16_t number;
	int proto;

	if (is_word(word, "port"))
		return parse_ports(rest, term);
	if (is_word(word, "proto")) {
		if (parse_port(rest, &number) || number > UINT8_MAX)
			return -EINVAL;
		*term = (struct weir_service_term){.kind = WEIR_SERVICE_PROTO, .proto = (uint8_t)number};
		return 0;
	}
	proto = weir_protocol_find(piece.text, slash ? (size_t)(slash - piece.text) : piece.len);
	if (proto < 0)
		return -EINVAL;
	term->proto = (uint8_t)proto;
	term->kind = WEIR_SERVICE_PROTO;
	return slash ? parse_ports((struct piece){slash + 1, piece.len - (size_t)(slash + 1 - piece.text)}, term) : 0;
}

static int parse_service(struct piece piece, struct weir_service_term *ret_term)
{
	struct weir_service_term t = {0};
	int kind;
	int rc = parse_kind(SERVICES, sizeof(SERVICES) / sizeof(SERVICES[0]), piece, &kind, t.text);

	if (rc == 0)
		t.kind = (enum weir_service_kind)kind;
	else if (rc == -ENOENT)
		rc = parse_protocol(piece, &t);
	if (rc)
		return rc;
	*ret_term = t;
	return 0;
}

/* Room for one more of n items of that size; ret_items has the array. */
static int grow(void **items, uint32_t n, size_t size)
{
	void *more;

	if (n >= WEIR_POLICY_TERMS_MAX)
		return -ENOSPC;
	if (n & (n - 1)) /* the array grows at powers of two */
		return 0;
	more = realloc(*items, (n ? 2 * (size_t)n : 1) * size);
	if (!more)
		return -ENOMEM;
	*items = more;
	return 0;
}

static int refuse(const char *where, int rc, struct piece piece, const char *what, const char *next, struct weir_error *err)
{
	if (rc == -ENOMEM)
		return weir_error_set(err, rc, where, NULL, "there is no memory left");
	if (rc == -ENOSPC)
		return weir_error_set(err, rc, where, "name a set, or give the networks a role", "more than %d terms",
				      WEIR_POLICY_TERMS_MAX);
	return weir_error_set(err, rc, where, next, "\"%.*s\" is no %s", (int)(piece.len > 100 ? 100 : piece.len), piece.text,
			      what);
}

/* Each piece of the list goes to one(), which adds a term. "not" turns the whole list round, so it counts before the first. */
static int parse_list(const char *text, const char *where, bool *negated, const uint32_t *terms, const char *what, const char *next,
		      int (*one)(struct piece piece, void *condition), void *condition, struct weir_error *err)
{
	struct piece piece;

	if (take_not(&text)) {
		if (*terms)
			return weir_error_set(err, -EINVAL, where, "it turns the whole list round: write it before the first",
					      "\"not\" stands within a list");
		*negated = true;
	}
	while (next_piece(&text, &piece)) {
		int rc = one(piece, condition);

		if (rc)
			return refuse(where, rc, piece, what, next, err);
	}
	return 0;
}

static int add_place(struct piece piece, void *condition)
{
	struct weir_place_condition *c = condition;
	void *terms = c->term;
	struct weir_place_term term;
	int rc = parse_place(piece, &term);

	if (!rc) {
		rc = grow(&terms, c->terms, sizeof(term));
		c->term = terms;
	}
	if (!rc)
		c->term[c->terms++] = term;
	return rc;
}

static int add_service(struct piece piece, void *condition)
{
	struct weir_service_condition *c = condition;
	void *terms = c->term;
	struct weir_service_term term;
	int rc = parse_service(piece, &term);

	if (!rc) {
		rc = grow(&terms, c->terms, sizeof(term));
		c->term = terms;
	}
	if (!rc)
		c->term[c->terms++] = term;
	return rc;
}

int weir_place_parse(const char *text, const char *where, struct weir_place_condition *condition, struct weir_error *err)
{
	return parse_list(text, where, &condition->negated, &condition->terms, "place", PLACE_NEXT, add_place, condition, err);
}

int weir_service_parse(const char *text, const char *where, struct weir_service_condition *condition, struct weir_error *err)
{
	return parse_list(text, where, &condition->negated, &condition->terms, "service", SERVICE_NEXT, add_service, condition, err);
}
