#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "query/tsv.h"

struct seen {
	char text[512]; /* "names|types;" then "a|b;" a row, '=' before totals, NULL as "<>" */
	int stop_after; /* rows; 0: never */
	int rows;
};

static void note(struct seen *s, const struct weir_cell *cells, unsigned count, char end)
{
	size_t len = strlen(s->text);

	for (unsigned i = 0; i < count; i++) {
		if (i)
			s->text[len++] = '|';
		memcpy(s->text + len, cells[i].null ? "<>" : cells[i].text, cells[i].null ? 2 : cells[i].len);
		len += cells[i].null ? 2 : cells[i].len;
	}
	s->text[len++] = end;
	s->text[len] = '\0';
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	note(ctx, names, count, ':');
	note(ctx, types, count, ';');
	return 0;
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct seen *s = ctx;

	if (totals)
		strcat(s->text, "=");
	note(s, cells, count, ';');
	return ++s->rows == s->stop_after ? -ECANCELED : 0;
}

/* The text in pieces of that many bytes. */
static int read_in(const char *text, size_t piece, struct seen *s)
{
	struct weir_tsv_sink sink = {take_header, take_row, s};
	struct weir_tsv tsv;
	size_t len = strlen(text);
	int rc;

	assert_int_equal(weir_tsv_init(&tsv, &sink), 0);
	for (rc = 0; !rc && len; text += piece, len -= piece) {
		piece = piece < len ? piece : len;
		rc = weir_tsv_feed(&tsv, text, piece);
	}
	if (!rc)
		rc = weir_tsv_end(&tsv);
	weir_tsv_done(&tsv);
	return rc;
}

static void assert_read(const char *text, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		struct seen s = {0};

		assert_int_equal(read_in(text, piece, &s), 0);
		assert_string_equal(s.text, expected);
	}
}

static void test_rows_in_any_pieces(void **state)
{
	(void)state;
	assert_read("a\tb\nUInt8\tString\n1\tx\n2\t\n", "a|b:UInt8|String;1|x;2|;");
	assert_read("a\nString\n\nx\n", "a:String;;x;");
	assert_read("a\tb\nUInt8\tString\n", "a|b:UInt8|String;");
	assert_read("", "");
}

static void test_escapes(void **state)
{
	(void)state;
	assert_read("a\tb\tc\nS\tS\tS\n\\N\t\\\\N\\t\\n\\'\t\\b\\f\\r\n", "a|b|c:S|S|S;<>|\\N\t\n'|\b\f\r;");
	assert_read("a\\tb\nS\nx\\\n", "a\tb:S;x\\;");
}

static void test_totals(void **state)
{
	(void)state;
	assert_read("a\tb\nS\tU\nx\t1\ny\t2\n\n\t3\n", "a|b:S|U;x|1;y|2;=|3;");
	/* The form of an answer without rows. */
	assert_read("\n\t0\na\tb\nS\tU\n", "a|b:S|U;");
}

static void test_refuses(void **state)
{
	static const char *const bad[] = {
		"a\tb\nS\nx\ty\n",     /* fewer types than names */
		"a\tb\nS\tS\nx\n",     /* a row too short */
		"a\tb\nS\tS\nx\ty\tz\n", /* too long */
		"a\n",		       /* no types */
		"a\nS\nx",	       /* cut off */
		"Code: 60. DB::Exception",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen s = {0};

		assert_int_equal(read_in(bad[i], 3, &s), -EPROTO);
	}
}

static void test_the_sink_ends_it(void **state)
{
	struct seen s = {.stop_after = 2};

	(void)state;
	assert_int_equal(read_in("a\nS\n1\n2\n3\n", 100, &s), -ECANCELED);
	assert_string_equal(s.text, "a:S;1;2;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_in_any_pieces), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_totals),		   cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_the_sink_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
