/* The words of the filter language, and the guess at what a misspelt one was meant to be. */
#include <string.h>

#include "flow/protocol.h"
#include "query/filter_parser.h"

#define NONE WEIR_FIELD_NONE
#define SRC  WEIR_WAY_SRC_DST
#define IN   WEIR_WAY_IN_OUT

/* Words beside the names of the fields themselves. */
static const struct weir_filter_word WORDS[] = {
	/* name        first or only               second                      bare            ways */
	{"ip",	       WEIR_COL_SRC_ADDR,	   WEIR_COL_DST_ADDR,	       NONE,	       SRC},
	{"host",       WEIR_COL_SRC_ADDR,	   WEIR_COL_DST_ADDR,	       NONE,	       SRC},
	{"net",	       WEIR_COL_SRC_ADDR,	   WEIR_COL_DST_ADDR,	       NONE,	       SRC},
	{"addr",       WEIR_COL_SRC_ADDR,	   WEIR_COL_DST_ADDR,	       NONE,	       SRC},
	{"address",    WEIR_COL_SRC_ADDR,	   WEIR_COL_DST_ADDR,	       NONE,	       SRC},
	{"port",       WEIR_COL_SRC_PORT,	   WEIR_COL_DST_PORT,	       NONE,	       SRC},
	{"portrange",  WEIR_COL_SRC_PORT,	   WEIR_COL_DST_PORT,	       NONE,	       SRC},
	{"as",	       WEIR_COL_SRC_AS,		   WEIR_COL_DST_AS,	       NONE,	       SRC},
	{"asn",	       WEIR_COL_SRC_AS,		   WEIR_COL_DST_AS,	       NONE,	       SRC},
	{"mask",       WEIR_COL_SRC_MASK,	   WEIR_COL_DST_MASK,	       NONE,	       SRC},
	{"mac",	       WEIR_COL_SRC_MAC,	   WEIR_COL_DST_MAC,	       NONE,	       SRC | IN},
	{"vlan",       WEIR_COL_SRC_VLAN,	   WEIR_COL_DST_VLAN,	       NONE,	       SRC | IN},
	{"tos",	       WEIR_COL_IP_TOS,		   WEIR_COL_DST_TOS,	       WEIR_COL_IP_TOS, SRC | IN},
	{"xip",	       WEIR_COL_POST_NAT_SRC_ADDR, WEIR_COL_POST_NAT_DST_ADDR, NONE,	       SRC},
	{"xport",      WEIR_COL_POST_NAT_SRC_PORT, WEIR_COL_POST_NAT_DST_PORT, NONE,	       SRC},
	{"if",	       WEIR_COL_IN_IF,		   WEIR_COL_OUT_IF,	       NONE,	       IN},
	{"interface",  WEIR_COL_IN_IF,		   WEIR_COL_OUT_IF,	       NONE,	       IN},
	{"vrf",	       WEIR_COL_IN_VRF,		   WEIR_COL_OUT_VRF,	       NONE,	       IN},
	{"zone",       WEIR_COL_SRC_ZONE,	   WEIR_COL_DST_ZONE,	       NONE,	       SRC},
	{"subnet",     WEIR_COL_SRC_SUBNET,	   WEIR_COL_DST_SUBNET,	       NONE,	       SRC},
	{"role",       WEIR_COL_SRC_ROLE,	   WEIR_COL_DST_ROLE,	       NONE,	       SRC},
	{"country",    WEIR_COL_SRC_COUNTRY,	   WEIR_COL_DST_COUNTRY,       NONE,	       SRC},
	{"threat",     WEIR_COL_SRC_THREAT,	   WEIR_COL_DST_THREAT,	       NONE,	       SRC},
	{"exporter",   WEIR_COL_EXPORTER_ADDR,	   NONE,		       NONE,	       0},
	{"router",     WEIR_COL_EXPORTER_ADDR,	   NONE,		       NONE,	       0},
	{"next",       WEIR_COL_NEXT_HOP,	   NONE,		       NONE,	       0},
	{"nexthop",    WEIR_COL_NEXT_HOP,	   NONE,		       NONE,	       0},
	{"bgpnext",    WEIR_COL_BGP_NEXT_HOP,	   NONE,		       NONE,	       0},
	{"protocol",   WEIR_COL_PROTO,		   NONE,		       NONE,	       0},
	{"flags",      WEIR_COL_TCP_FLAGS,	   NONE,		       NONE,	       0},
	{"octets",     WEIR_COL_BYTES,		   NONE,		       NONE,	       0},
	{"ttl",	       WEIR_COL_IP_TTL,		   NONE,		       NONE,	       0},
	{"domain",     WEIR_COL_OBSERVATION_DOMAIN, NONE,		       NONE,	       0},
	{"user",       WEIR_COL_USER_NAME,	   NONE,		       NONE,	       0},
	{"app",	       WEIR_COL_APPLICATION_NAME,  NONE,		       NONE,	       0},
};

static const struct {
	const char *name;
	unsigned way;
	enum weir_filter_direction direction;
} WAYS[] = {
	{"src", SRC, WEIR_DIRECTION_FIRST},  {"source", SRC, WEIR_DIRECTION_FIRST},
	{"dst", SRC, WEIR_DIRECTION_SECOND}, {"dest", SRC, WEIR_DIRECTION_SECOND},
	{"destination", SRC, WEIR_DIRECTION_SECOND},
	{"in", IN, WEIR_DIRECTION_FIRST},    {"input", IN, WEIR_DIRECTION_FIRST},
	{"out", IN, WEIR_DIRECTION_SECOND},  {"output", IN, WEIR_DIRECTION_SECOND},
};

static const char *const CONNECTIVES[] = {"and", "or"};
static const char *const OTHER_WORDS[] = {"not", "any", "ipv4", "ipv6", "inet", "inet6"};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

bool weir_filter_word_find(const struct weir_filter_token *token, struct weir_filter_word *ret_word)
{
	unsigned id;

	if (token->type != WEIR_TOKEN_WORD)
		return false;
	for (size_t i = 0; i < ROWS(WORDS); i++) {
		if (weir_filter_word_is(token, WORDS[i].name)) {
			*ret_word = WORDS[i];
			return true;
		}
	}
	id = weir_field_find(token->text, token->len);
	if (id == WEIR_FIELD_NONE)
		return false;
	*ret_word = (struct weir_filter_word){.first = id, .second = NONE, .bare = NONE};
	return true;
}

const struct weir_filter_word *weir_filter_word_row(unsigned i)
{
	return i < ROWS(WORDS) ? &WORDS[i] : NULL;
}

unsigned weir_filter_way_find(const struct weir_filter_token *token, enum weir_filter_direction *ret_direction)
{
	for (size_t i = 0; i < ROWS(WAYS); i++) {
		if (weir_filter_word_is(token, WAYS[i].name)) {
			*ret_direction = WAYS[i].direction;
			return WAYS[i].way;
		}
	}
	return 0;
}

#define GUESS_MAX 24 /* the longest word that is guessed at */

static char folded(char c)
{
	if (c == '-')
		return '_';
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* How many letters were added, left out, changed or swapped with their neighbour. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[3][GUESS_MAX + 2] = {0};

	for (unsigned j = 0; j <= b_len; j++)
		row[1][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		row[2][0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			bool same = folded(a[i - 1]) == folded(b[j - 1]);
			unsigned best = row[1][j - 1] + !same;

			best = row[1][j] + 1 < best ? row[1][j] + 1 : best;
			best = row[2][j - 1] + 1 < best ? row[2][j - 1] + 1 : best;
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]) && row[0][j - 2] + 1 < best)
				best = row[0][j - 2] + 1;
			row[2][j] = best;
		}
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
	}
	return row[1][b_len];
}

struct guess {
	const char *text;
	size_t len;
	const char *best;
	unsigned score; /* of the best; less is better */
	bool short_too; /* guess at words of two letters */
};

static void consider(struct guess *g, const char *word)
{
	size_t len = strlen(word);
	size_t same = 0;
	unsigned allowed = g->len < 3 ? g->short_too : g->len < 5 ? 1 : g->len < 8 ? 2 : 3;
	unsigned d, score;

	if (len > GUESS_MAX)
		return;
	d = distance(g->text, g->len, word, len);
	while (same < g->len && folded(g->text[same]) == folded(word[same]))
		same++;
	/* A word that was begun well is the likelier one: "prot" is "proto" rather than "port". */
	score = 2 * d + (same < g->len);
	if (d <= allowed && (!g->best || score < g->score)) {
		g->best = word;
		g->score = score;
	}
}

static void consider_words(struct guess *g)
{
	for (size_t i = 0; i < ROWS(OTHER_WORDS); i++)
		consider(g, OTHER_WORDS[i]);
	for (size_t i = 0; i < ROWS(WORDS); i++)
		consider(g, WORDS[i].name);
	for (size_t i = 0; i < ROWS(WAYS); i++)
		consider(g, WAYS[i].name);
}

const char *weir_filter_guess(const struct weir_filter_token *token, enum weir_filter_guess among)
{
	struct guess g = {.text = token->text, .len = token->len, .short_too = among == WEIR_GUESS_CONNECTIVE};

	if (token->type != WEIR_TOKEN_WORD || token->len > GUESS_MAX)
		return NULL;
	for (size_t i = 0; among != WEIR_GUESS_FIELD && i < ROWS(CONNECTIVES); i++)
		consider(&g, CONNECTIVES[i]);
	if (among == WEIR_GUESS_WORD)
		consider_words(&g);
	for (unsigned id = 0; among != WEIR_GUESS_CONNECTIVE && id < WEIR_FIELDS; id++)
		consider(&g, weir_field(id).name);
	for (unsigned i = 0; among == WEIR_GUESS_WORD && weir_protocol_word(i); i++)
		consider(&g, weir_protocol_word(i));
	return g.best;
}
