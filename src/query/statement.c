#include "query/statement.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Behind a quoted text or name that begins at `at`; doubled quotes come out as two texts, which is as good. */
static size_t skip_quoted(const char *sql, size_t len, size_t at)
{
	char quote = sql[at];

	for (at++; at < len && sql[at] != quote; at++) {
		if (sql[at] == '\\')
			at++;
	}
	return at < len ? at + 1 : len;
}

/* Behind a comment that begins at `at`, or `at` itself where none does. */
static size_t skip_comment(const char *sql, size_t len, size_t at)
{
	const char *end;

	if (at + 1 < len && sql[at] == '/' && sql[at + 1] == '*') {
		end = memmem(sql + at + 2, len - at - 2, "*/", 2);
		return end ? (size_t)(end - sql) + 2 : len;
	}
	if (sql[at] == '#' || (at + 1 < len && sql[at] == '-' && sql[at + 1] == '-')) {
		end = memchr(sql + at, '\n', len - at);
		return end ? (size_t)(end - sql) + 1 : len;
	}
	return at;
}

bool weir_sql_names_format(const char *sql, size_t len)
{
	size_t at = 0;
	int depth = 0;
	bool format = false; /* the word before was FORMAT */
	bool first = true;   /* no word yet: FORMAT is not a clause then */
	char before = 0;     /* the sign before the word, if it was no word */

	while (at < len) {
		size_t from = at;

		if (isspace((unsigned char)sql[at])) {
			at++;
			continue;
		}
		at = skip_comment(sql, len, at);
		if (at != from)
			continue;
		if (strchr("'\"`", sql[at]) && sql[at]) {
			at = skip_quoted(sql, len, at);
			before = sql[from];
			format = false;
		} else if (is_name_char(sql[at])) {
			while (at < len && is_name_char(sql[at]))
				at++;
			if (format)
				return true;
			/* "a, format" and "t.format" are names; "1 FORMAT x" is a clause. */
			format = depth == 0 && !first && at - from == 6 && strncasecmp(sql + from, "format", 6) == 0 &&
				 before != ',' && before != '.';
			before = 0;
		} else {
			depth += (sql[at] == '(') - (sql[at] == ')');
			before = sql[at++];
			format = false;
		}
		first = false;
	}
	return false;
}

const char *weir_sql_first_word(const char *sql)
{
	for (;;) {
		sql += strspn(sql, " \t\n\r\f\v");
		if (strncmp(sql, "--", 2) == 0 || strncmp(sql, "#!", 2) == 0 || strncmp(sql, "# ", 2) == 0) {
			sql += strcspn(sql, "\n");
		} else if (strncmp(sql, "/*", 2) == 0) {
			const char *end = strstr(sql + 2, "*/");

			if (!end)
				return sql;
			sql = end + 2;
		} else {
			return sql;
		}
	}
}
