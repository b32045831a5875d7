/* A statement is read token by token, as ClickHouse's lexer would; where the two could differ about what is quoted
 * (quotation marks outside ASCII, heredocs) the statement is refused, so that nothing can hide from this look.
 *
 * What is looked for stands at depth 0, outside all parentheses: FORMAT and its name at the end of a statement that
 * gives rows, and FORMAT or VALUES of an INSERT, behind which everything is data. */
#include "store/statement.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum token_kind { END, WORD, QUOTED, STRING, SYMBOL };

struct token {
	enum token_kind kind;
	size_t at;
	size_t len;
};

struct lexer {
	const char *text;
	size_t len;
	size_t at;
	bool whole;
	struct weir_statement_fault *fault;
};

static int refuse(struct weir_statement_fault *fault, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct weir_statement_fault *fault, int code, const char *fmt, ...)
{
	va_list args;

	fault->code = code;
	va_start(args, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static char peek(const struct lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->len ? lexer->text[lexer->at + ahead] : '\0';
}

/* An open end is a mistake in a whole text; otherwise the rest may close it. */
static int open_end(struct lexer *lexer, const char *what, size_t at)
{
	if (!lexer->whole)
		return -EAGAIN;
	return refuse(lexer->fault, WEIR_CODE_SYNTAX_ERROR, "Syntax error: %s that begins at position %zu has no end",
		      what, at + 1);
}

static int skip_comment(struct lexer *lexer)
{
	size_t start = lexer->at;
	const char *end;

	if (peek(lexer, 0) == '/') {
		end = memmem(lexer->text + start + 2, lexer->len - start - 2, "*/", 2);
		if (!end)
			return open_end(lexer, "a comment", start);
		lexer->at = (size_t)(end + 2 - lexer->text);
		return 0;
	}
	end = memchr(lexer->text + start, '\n', lexer->len - start);
	lexer->at = end ? (size_t)(end + 1 - lexer->text) : lexer->len;
	return 0;
}

static int skip_blanks(struct lexer *lexer)
{
	int rc;

	while (lexer->at < lexer->len) {
		char c = peek(lexer, 0);
		char d = peek(lexer, 1);

		if (isspace((unsigned char)c)) {
			lexer->at++;
		} else if ((c == '-' && d == '-') || (c == '/' && d == '*') || (c == '#' && (d == ' ' || d == '!'))) {
			rc = skip_comment(lexer);
			if (rc)
				return rc;
		} else {
			break;
		}
	}
	return 0;
}

static int read_quoted(struct lexer *lexer, struct token *ret_token)
{
	size_t start = lexer->at;
	char quote = peek(lexer, 0);
	size_t at = start + 1;

	while (at < lexer->len) {
		if (lexer->text[at] == '\\') {
			at += 2;
		} else if (lexer->text[at] != quote) {
			at++;
		} else if (at + 1 < lexer->len && lexer->text[at + 1] == quote) {
			at += 2;
		} else {
			lexer->at = at + 1;
			*ret_token = (struct token){quote == '\'' ? STRING : QUOTED, start, at + 1 - start};
			return 0;
		}
	}
	return open_end(lexer, "a quotation", start);
}

static int next(struct lexer *lexer, struct token *ret_token)
{
	size_t start;
	char c;
	int rc = skip_blanks(lexer);

	if (rc)
		return rc;
	start = lexer->at;
	if (start >= lexer->len) {
		*ret_token = (struct token){END, lexer->len, 0};
		return 0;
	}
	c = peek(lexer, 0);
	if (c == '\'' || c == '"' || c == '`')
		return read_quoted(lexer, ret_token);
	if ((unsigned char)c >= 0x80 || (c == '$' && start + 1 < lexer->len))
		return refuse(lexer->fault, WEIR_CODE_SYNTAX_ERROR,
			      "Syntax error: the character at position %zu is not understood outside quotes", start + 1);
	if (is_word_char(c)) {
		while (lexer->at < lexer->len && is_word_char(peek(lexer, 0)))
			lexer->at++;
		*ret_token = (struct token){WORD, start, lexer->at - start};
		return 0;
	}
	lexer->at++;
	*ret_token = (struct token){SYMBOL, start, 1};
	return 0;
}

static bool is_word(const struct lexer *lexer, const struct token *token, const char *word)
{
	return token->kind == WORD && token->len == strlen(word) &&
	       strncasecmp(lexer->text + token->at, word, token->len) == 0;
}

static bool is_symbol(const struct lexer *lexer, const struct token *token, char symbol)
{
	return token->kind == SYMBOL && lexer->text[token->at] == symbol;
}

/* file() reads any file of the machine that this process may read, and can be reached as `file`(…), APPLY(file) and
 * arrayMap(file, …) too; a backslash in quotes could spell it. So the name is refused wherever it stands. */
static int check_name(struct lexer *lexer, const struct token *token)
{
	const char *at = lexer->text + token->at;

	if (is_word(lexer, token, "file"))
		return refuse(lexer->fault, WEIR_CODE_ACCESS_DENIED,
			      "Not enough privileges: the embedded store reads no files for queries");
	if (token->kind != QUOTED)
		return 0;
	if (token->len == 6 && strncasecmp(at + 1, "file", 4) == 0)
		return refuse(lexer->fault, WEIR_CODE_ACCESS_DENIED,
			      "Not enough privileges: the embedded store reads no files for queries");
	if (memchr(at, '\\', token->len))
		return refuse(lexer->fault, WEIR_CODE_ACCESS_DENIED,
			      "Not enough privileges: the embedded store takes no backslash in a quoted name");
	return 0;
}

/* The state of one pass over a statement. */
struct pass {
	struct lexer lexer;
	struct weir_statement *out;
	struct token token;
	struct token previous;
	int depth;
	size_t last_end; /* behind the last token of the statement */
};

static int advance(struct pass *pass)
{
	int rc;

	pass->previous = pass->token;
	rc = next(&pass->lexer, &pass->token);
	if (!rc)
		rc = check_name(&pass->lexer, &pass->token);
	if (rc)
		return rc;
	if (is_symbol(&pass->lexer, &pass->token, '('))
		pass->depth++;
	if (is_symbol(&pass->lexer, &pass->token, ')'))
		pass->depth--;
	if (is_word(&pass->lexer, &pass->previous, "INTO") && is_word(&pass->lexer, &pass->token, "OUTFILE"))
		return refuse(pass->lexer.fault, WEIR_CODE_INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed");
	if (is_word(&pass->lexer, &pass->previous, "FROM") && is_word(&pass->lexer, &pass->token, "INFILE"))
		return refuse(pass->lexer.fault, WEIR_CODE_ACCESS_DENIED, "FROM INFILE is not allowed");
	return 0;
}

static bool is_end(const struct pass *pass)
{
	return pass->token.kind == END || is_symbol(&pass->lexer, &pass->token, ';');
}

/* Nothing but semicolons may follow the first one. */
static int check_rest(struct pass *pass)
{
	int rc;

	while (is_symbol(&pass->lexer, &pass->token, ';')) {
		rc = next(&pass->lexer, &pass->token);
		if (rc)
			return rc;
	}
	if (pass->token.kind == END)
		return pass->lexer.whole ? 0 : -EAGAIN;
	return refuse(pass->lexer.fault, WEIR_CODE_SYNTAX_ERROR,
		      "Syntax error (Multi-statements are not allowed): failed at position %zu (end of query)",
		      pass->last_end + 1);
}

/* A statement that gives rows, or another: find a FORMAT clause at its end. "FORMAT name" counts when the statement
 * ends there or goes on with SETTINGS; anything else is a column of that name. */
static int parse_statement(struct pass *pass)
{
	const struct lexer *lexer = &pass->lexer;
	struct token name = {0};
	bool settled = false; /* by SETTINGS behind the name */
	int rc = 0;

	while (!rc && !is_end(pass)) {
		pass->last_end = pass->token.at + pass->token.len;
		if (pass->depth == 0 && is_word(lexer, &pass->previous, "INSERT") && is_word(lexer, &pass->token, "INTO"))
			pass->out->kind = WEIR_STATEMENT_OTHER; /* WITH … INSERT, EXPLAIN INSERT */
		if (settled) {
			/* the settings' own words */
		} else if (name.len && is_word(lexer, &pass->token, "SETTINGS")) {
			settled = true;
		} else if (pass->depth == 0 && pass->token.kind == WORD && is_word(lexer, &pass->previous, "FORMAT")) {
			name = pass->token;
			pass->out->clause_at = pass->previous.at;
		} else {
			name.len = 0;
		}
		rc = advance(pass);
	}
	if (rc)
		return rc;
	if (!name.len)
		pass->out->clause_at = pass->last_end;
	pass->out->format_at = name.len ? name.at : 0;
	pass->out->format_len = name.len;
	pass->out->len = pass->last_end;
	return check_rest(pass);
}

/* Behind the format's name: blanks, then one line end belong to the statement. */
static int find_data(struct pass *pass)
{
	const struct lexer *lexer = &pass->lexer;
	size_t at = pass->token.at + pass->token.len;

	if (at == lexer->len && !lexer->whole)
		return -EAGAIN; /* the name may be longer */
	while (at < lexer->len && strchr(" \t\f", lexer->text[at]) && lexer->text[at])
		at++;
	if (at < lexer->len && lexer->text[at] == '\r')
		at++;
	if (at == lexer->len && !lexer->whole)
		return -EAGAIN;
	if (at < lexer->len && lexer->text[at] == '\n')
		at++;
	pass->out->kind = WEIR_STATEMENT_INSERT;
	pass->out->len = pass->token.at + pass->token.len;
	pass->out->data_at = at;
	return 0;
}

static int parse_insert_format(struct pass *pass)
{
	int rc = advance(pass);

	if (rc)
		return rc;
	if (pass->token.kind == END && !pass->lexer.whole)
		return -EAGAIN;
	if (pass->token.kind != WORD)
		return refuse(pass->lexer.fault, WEIR_CODE_SYNTAX_ERROR,
			      "Syntax error: the name of a format is missing at position %zu", pass->token.at + 1);
	pass->out->format_at = pass->token.at;
	pass->out->format_len = pass->token.len;
	return find_data(pass);
}

static int parse_insert_values(struct pass *pass)
{
	if (pass->lexer.at == pass->lexer.len && !pass->lexer.whole)
		return -EAGAIN; /* the word may be longer */
	pass->out->format_at = pass->token.at;
	pass->out->format_len = pass->token.len;
	pass->out->is_values = true;
	pass->out->kind = WEIR_STATEMENT_INSERT;
	pass->out->len = pass->token.at + pass->token.len;
	pass->out->data_at = pass->out->len;
	return 0;
}

/* INSERT [INTO] [TABLE | FUNCTION] name [(columns)] [SETTINGS …] FORMAT X | VALUES | SELECT … */
static int parse_insert(struct pass *pass)
{
	const struct lexer *lexer = &pass->lexer;
	bool named = false;
	int rc = advance(pass);

	pass->out->clause_at = 0;
	while (!rc && !is_end(pass)) {
		bool outside = pass->depth == 0 && pass->token.kind == WORD;

		pass->last_end = pass->token.at + pass->token.len;
		if (!named) {
			named = pass->token.kind == QUOTED ||
				(outside && !is_word(lexer, &pass->token, "INTO") &&
				 !is_word(lexer, &pass->token, "TABLE") && !is_word(lexer, &pass->token, "FUNCTION"));
		} else if (lexer->text[pass->previous.at] == '.') {
			/* the name's second part */
		} else if (outside && is_word(lexer, &pass->token, "SETTINGS") && !pass->out->clause_at) {
			pass->out->clause_at = pass->token.at;
		} else if (outside && (is_word(lexer, &pass->token, "FORMAT") || is_word(lexer, &pass->token, "VALUES"))) {
			if (!pass->out->clause_at)
				pass->out->clause_at = pass->token.at;
			return is_word(lexer, &pass->token, "FORMAT") ? parse_insert_format(pass)
								      : parse_insert_values(pass);
		} else if (pass->token.kind == WORD &&
			   (is_word(lexer, &pass->token, "SELECT") || is_word(lexer, &pass->token, "WITH"))) {
			return parse_statement(pass);
		}
		rc = advance(pass);
	}
	pass->out->len = pass->last_end;
	return rc ? rc : check_rest(pass);
}

static bool is_any(const struct lexer *lexer, const struct token *token, const char *const words[])
{
	for (size_t i = 0; words[i]; i++) {
		if (is_word(lexer, token, words[i]))
			return true;
	}
	return false;
}

static const char *const OF_ROWS[] = {"SELECT", "WITH",   "FROM",    "SHOW",  "DESCRIBE",
				      "DESC",   "EXISTS", "EXPLAIN", "CHECK", NULL};
static const char *const OF_CHANGES[] = {"INSERT",  "CREATE",   "ALTER",    "ATTACH", "RENAME",
					 "REPLACE", "EXCHANGE", "OPTIMIZE", "UNDROP", NULL};

int weir_statement_parse(const char *text, size_t len, bool whole, struct weir_statement *ret_statement,
			 struct weir_statement_fault *ret_fault)
{
	struct weir_statement statement = {.kind = WEIR_STATEMENT_OTHER};
	struct pass pass = {
		.lexer = {.text = text, .len = len, .whole = whole, .fault = ret_fault},
		.out = &statement,
	};
	int rc = advance(&pass);

	if (rc)
		return rc;
	if (is_end(&pass))
		return whole ? refuse(ret_fault, WEIR_CODE_SYNTAX_ERROR, "Empty query") : -EAGAIN;
	statement.is_change = is_any(&pass.lexer, &pass.token, OF_CHANGES);
	if (is_word(&pass.lexer, &pass.token, "INSERT")) {
		rc = parse_insert(&pass);
	} else {
		if (is_any(&pass.lexer, &pass.token, OF_ROWS) || is_symbol(&pass.lexer, &pass.token, '('))
			statement.kind = WEIR_STATEMENT_ROWS;
		rc = parse_statement(&pass);
	}
	if (!rc)
		*ret_statement = statement;
	return rc;
}
