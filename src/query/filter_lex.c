/* The filter's tokens, and how a mistake among them is shown. A word is any run of characters that are neither
 * blank nor a sign of the language: what a word means is for the grammar, so that addresses, ranges, times and names
 * need no quotes. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "query/filter_parser.h"
#include "query/printable.h"

/* Longer signs before their beginnings. */
static const struct {
	const char *sign;
	enum weir_filter_token_type type;
} SIGNS[] = {
	{"&&", WEIR_TOKEN_AND},	     {"||", WEIR_TOKEN_OR},	  {"==", WEIR_TOKEN_EQ}, {"!=", WEIR_TOKEN_NE},
	{"<>", WEIR_TOKEN_NE},	     {"<=", WEIR_TOKEN_LE},	  {">=", WEIR_TOKEN_GE}, {"(", WEIR_TOKEN_OPEN},
	{")", WEIR_TOKEN_CLOSE},     {"[", WEIR_TOKEN_LIST_OPEN}, {"]", WEIR_TOKEN_LIST_CLOSE},
	{",", WEIR_TOKEN_COMMA},     {"!", WEIR_TOKEN_NOT},	  {"=", WEIR_TOKEN_EQ},	 {"<", WEIR_TOKEN_LT},
	{">", WEIR_TOKEN_GT},	     {"&", WEIR_TOKEN_BAD},	  {"|", WEIR_TOKEN_BAD},
};

static bool is_word_char(char c)
{
	return c && !isspace((unsigned char)c) && !strchr("()[],!=<>&|\"'", c);
}

static size_t string_len(const char *text, size_t left, bool *ret_closed)
{
	size_t i;

	for (i = 1; i < left && text[i] != text[0]; i++) {
		if (text[i] == '\\' && i + 1 < left)
			i++;
	}
	*ret_closed = i < left;
	return *ret_closed ? i + 1 : left;
}

static void take_sign(struct weir_filter_token *token, size_t left)
{
	token->type = WEIR_TOKEN_BAD;
	token->len = 1;
	for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
		size_t n = strlen(SIGNS[i].sign);

		if (n <= left && memcmp(SIGNS[i].sign, token->text, n) == 0) {
			token->type = SIGNS[i].type;
			token->len = n;
			return;
		}
	}
}

void weir_filter_next(struct weir_filter_parser *p)
{
	struct weir_filter_token *token = &p->token;
	size_t left;
	bool closed;

	while (p->at < p->len && isspace((unsigned char)p->text[p->at]))
		p->at++;
	left = p->len - p->at;
	*token = (struct weir_filter_token){.text = p->text + p->at};
	if (!left)
		return;
	if (*token->text == '"' || *token->text == '\'') {
		token->len = string_len(token->text, left, &closed);
		token->type = closed ? WEIR_TOKEN_STRING : WEIR_TOKEN_BAD;
	} else if (is_word_char(*token->text)) {
		token->type = WEIR_TOKEN_WORD;
		while (token->len < left && is_word_char(token->text[token->len]))
			token->len++;
	} else {
		take_sign(token, left);
	}
	p->at += token->len;
}

bool weir_filter_word_is(const struct weir_filter_token *token, const char *word)
{
	return token->type == WEIR_TOKEN_WORD && token->len == strlen(word) &&
	       strncasecmp(token->text, word, token->len) == 0;
}

const char *weir_filter_shown(const struct weir_filter_token *token, char ret_text[WEIR_FILTER_SHOWN_MAX])
{
	size_t n = 0;
	size_t at = 0;

	while (at < token->len) {
		const char *shown = token->text + at;
		size_t len = weir_printable_next(token->text, token->len, &at);

		if (!len) {
			shown = "?";
			len = 1;
		}
		if (n + len > WEIR_FILTER_SHOWN_MAX - 5) {
			memcpy(ret_text + n, "…", strlen("…"));
			n += strlen("…");
			break;
		}
		memcpy(ret_text + n, shown, len);
		n += len;
	}
	ret_text[n] = '\0';
	return ret_text;
}

int weir_filter_fail(struct weir_filter_parser *p, const struct weir_filter_token *token, const char *next,
		     const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	/* The value between quotes is a copy: its place is that of the whole token. */
	if ((uintptr_t)token->text < (uintptr_t)p->text || (uintptr_t)token->text > (uintptr_t)(p->text + p->len))
		token = &p->token;
	p->mistake.at = (size_t)(token->text - p->text);
	p->mistake.len = token->len ? token->len : 1;
	return weir_error_set(p->err, -EINVAL, "filter", next, "%s", what);
}

#define CARET_WIDTH 96 /* columns of the filter that are shown */
#define INDENT	    "    "

/* The line that holds the place, as offsets into the text. */
static void find_line(const char *text, size_t len, size_t at, size_t *ret_from, size_t *ret_to)
{
	size_t from = at;
	size_t to = at;

	while (from > 0 && text[from - 1] != '\n')
		from--;
	while (to < len && text[to] != '\n')
		to++;
	*ret_from = from;
	*ret_to = to;
}

/* Move *from on, by whole characters, until at most `columns` of them stand before `at`. */
static bool cut_front(const char *text, size_t len, size_t at, unsigned columns, size_t *from)
{
	unsigned width = weir_printable_width(text + *from, at - *from);
	bool cut = false;

	while (width > columns && *from < at) {
		size_t begin = *from;

		(void)weir_printable_next(text, len, from);
		width -= weir_printable_width(text + begin, *from - begin);
		cut = true;
	}
	return cut;
}

int weir_filter_caret(const char *text, size_t len, const struct weir_filter_mistake *mistake, struct weir_buffer *out)
{
	size_t at = mistake->at < len ? mistake->at : len;
	size_t from, to, end, shown;
	unsigned before, wide = 0;
	bool cut;
	int rc;

	find_line(text, len, at, &from, &to);
	end = at + mistake->len < to ? at + mistake->len : to;
	cut = cut_front(text, to, at, CARET_WIDTH / 2, &from);
	before = weir_printable_width(text + from, at - from) + cut;
	for (shown = from; shown < to && wide < CARET_WIDTH;) {
		size_t begin = shown;

		(void)weir_printable_next(text, to, &shown);
		wide += weir_printable_width(text + begin, shown - begin);
	}
	rc = weir_buffer_printf(out, INDENT "%s", cut ? "…" : "");
	if (!rc)
		rc = weir_printable_append(text + from, shown - from, ' ', out);
	if (!rc)
		rc = weir_buffer_printf(out, "%s\n" INDENT "%*s^", shown < to ? "…" : "", (int)before, "");
	wide = weir_printable_width(text + at, (end < shown ? end : shown) - at);
	for (unsigned i = 1; !rc && i < wide; i++)
		rc = weir_buffer_text(out, "~");
	return rc ? rc : weir_buffer_text(out, "\n");
}
