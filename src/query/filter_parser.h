/* The parts of the filter's parser, for filter_*.c alone: lexer (filter_lex.c), words and suggestions
 * (filter_word.c), values (filter_value.c), grammar (filter.c). One thread. */
#ifndef WEIR_QUERY_FILTER_PARSER_H
#define WEIR_QUERY_FILTER_PARSER_H

#include "query/filter.h"

enum weir_filter_token_type {
	WEIR_TOKEN_END,
	WEIR_TOKEN_WORD,
	WEIR_TOKEN_STRING, /* with its quotes */
	WEIR_TOKEN_OPEN,
	WEIR_TOKEN_CLOSE,
	WEIR_TOKEN_LIST_OPEN,
	WEIR_TOKEN_LIST_CLOSE,
	WEIR_TOKEN_COMMA,
	WEIR_TOKEN_AND, /* && */
	WEIR_TOKEN_OR,	/* || */
	WEIR_TOKEN_NOT, /* ! */
	WEIR_TOKEN_EQ,
	WEIR_TOKEN_NE,
	WEIR_TOKEN_LT,
	WEIR_TOKEN_LE,
	WEIR_TOKEN_GT,
	WEIR_TOKEN_GE,
	WEIR_TOKEN_BAD, /* a sign that is none of these, or a text without its closing quote */
};

struct weir_filter_token {
	enum weir_filter_token_type type;
	const char *text; /* in the filter's text */
	size_t len;
};

struct weir_filter_parser {
	const char *text;
	size_t len;
	size_t at; /* behind the token */
	struct weir_filter_token token;
	struct weir_filter_token word; /* of the present test, for messages */
	int64_t now_ms;
	unsigned depth;
	struct weir_filter *filter; /* being made */
	struct weir_filter_mistake mistake;
	struct weir_error *err; /* may be NULL */
};

/* Move to the next token. */
void weir_filter_next(struct weir_filter_parser *p);
/* Is the token this word, without case? */
bool weir_filter_word_is(const struct weir_filter_token *token, const char *word);

/* The mistake is this token: fill err and the place, return -EINVAL. */
int weir_filter_fail(struct weir_filter_parser *p, const struct weir_filter_token *token, const char *next,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define WEIR_FILTER_SHOWN_MAX 48
/* The token as an error message shows it: cut, and printable. Returns ret_text. */
const char *weir_filter_shown(const struct weir_filter_token *token, char ret_text[WEIR_FILTER_SHOWN_MAX]);

enum weir_filter_direction { WEIR_DIRECTION_NONE, WEIR_DIRECTION_FIRST, WEIR_DIRECTION_SECOND, WEIR_DIRECTION_EITHER,
			     WEIR_DIRECTION_EACH };

#define WEIR_WAY_SRC_DST 1U
#define WEIR_WAY_IN_OUT	 2U

/* A word for one field or a pair of them: `first` is src or in, `second` is dst or out. Without a direction it is
 * `bare`, or either of the pair where bare is WEIR_FIELD_NONE. */
struct weir_filter_word {
	const char *name;
	unsigned first, second, bare;
	unsigned ways; /* which directions may stand before it; 0: none */
};

/* A word of the language's own or a field's name; false when there is none. */
bool weir_filter_word_find(const struct weir_filter_token *token, struct weir_filter_word *ret_word);
/* The language's own words in turn: NULL behind the last. */
const struct weir_filter_word *weir_filter_word_row(unsigned i);
/* "src", "in" …: the way (WEIR_WAY_…) and the direction; 0 when it is none. */
unsigned weir_filter_way_find(const struct weir_filter_token *token, enum weir_filter_direction *ret_direction);
/* What the person may have meant, or NULL: among all words, among "and" and "or", or among the fields' names. */
enum weir_filter_guess { WEIR_GUESS_WORD, WEIR_GUESS_CONNECTIVE, WEIR_GUESS_FIELD };
const char *weir_filter_guess(const struct weir_filter_token *token, enum weir_filter_guess among);

/* The token as a value of the field, into *ret_value, and on to the next token. *ret_op is WEIR_FILTER_FLAGS_ALL
 * for the letters of flags, or else WEIR_FILTER_IN. */
int weir_filter_value_parse(struct weir_filter_parser *p, unsigned field, struct weir_filter_value *ret_value,
			    enum weir_filter_op *ret_op) WEIR_MUST_CHECK;
/* Does the token look like an address or a prefix? */
bool weir_filter_value_is_addr(const struct weir_filter_token *token);

#endif
