#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "store/statement.h"

static struct weir_statement_fault fault;

static int parse(const char *text, bool whole, struct weir_statement *ret)
{
	fault = (struct weir_statement_fault){0};
	return weir_statement_parse(text, strlen(text), whole, ret, &fault);
}

static void expect_rows(const char *text, const char *before_clause, const char *format)
{
	struct weir_statement s = {0};

	if (parse(text, true, &s))
		fail_msg("%s: refused: %s", text, fault.text);
	assert_int_equal(s.kind, WEIR_STATEMENT_ROWS);
	assert_int_equal(s.clause_at, strlen(before_clause));
	assert_memory_equal(text, before_clause, s.clause_at);
	assert_int_equal(s.format_len, strlen(format));
	assert_memory_equal(text + s.format_at, format, s.format_len);
}

static void finds_the_format_clause(void **state)
{
	(void)state;
	expect_rows("SELECT 1", "SELECT 1", "");
	expect_rows("SELECT 1 ;\n; -- done", "SELECT 1", "");
	expect_rows("select 1 format JSON", "select 1 ", "JSON");
	expect_rows("SELECT 1 FORMAT /* the */ JSONEachRow;", "SELECT 1 ", "JSONEachRow");
	expect_rows("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1 ", "JSON");
	expect_rows("SELECT 1 SETTINGS max_threads = 1 FORMAT CSV", "SELECT 1 SETTINGS max_threads = 1 ", "CSV");
	expect_rows("WITH 1 AS x SELECT x -- FORMAT CSV", "WITH 1 AS x SELECT x", "");
	expect_rows("(SELECT 1) UNION ALL (SELECT 2)", "(SELECT 1) UNION ALL (SELECT 2)", "");
	expect_rows("SHOW TABLES FORMAT TSV", "SHOW TABLES ", "TSV");
}

static void a_column_may_be_named_format(void **state)
{
	(void)state;
	expect_rows("SELECT format FROM t", "SELECT format FROM t", "");
	expect_rows("SELECT format FORMAT JSON", "SELECT format ", "JSON");
	expect_rows("SELECT format AS x, 1", "SELECT format AS x, 1", "");
	expect_rows("SELECT (SELECT 1 AS format LIMIT 1)", "SELECT (SELECT 1 AS format LIMIT 1)", "");
	expect_rows("SELECT 'FORMAT CSV'", "SELECT 'FORMAT CSV'", "");
	expect_rows("SELECT `a`` FORMAT CSV`", "SELECT `a`` FORMAT CSV`", "");
	expect_rows("SELECT 'it\\'s; FORMAT CSV'", "SELECT 'it\\'s; FORMAT CSV'", "");
}

static void expect_insert(const char *text, const char *before_clause, const char *format, const char *data)
{
	struct weir_statement s = {0};

	if (parse(text, true, &s))
		fail_msg("%s: refused: %s", text, fault.text);
	assert_int_equal(s.kind, WEIR_STATEMENT_INSERT);
	assert_int_equal(s.clause_at, strlen(before_clause));
	assert_int_equal(s.format_len, strlen(format));
	assert_memory_equal(text + s.format_at, format, s.format_len);
	assert_string_equal(text + s.data_at, data);
}

static void finds_the_data_of_an_insert(void **state)
{
	(void)state;
	expect_insert("INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", "");
	expect_insert("INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t ", "CSV", "1,2\n");
	expect_insert("INSERT INTO t FORMAT CSV 1,2", "INSERT INTO t ", "CSV", "1,2");
	expect_insert("INSERT INTO t FORMAT CSV \t\r\n\n1,2", "INSERT INTO t ", "CSV", "\n1,2");
	expect_insert("INSERT INTO db.t (a, b) VALUES (1,'x');", "INSERT INTO db.t (a, b) ", "VALUES", " (1,'x');");
	expect_insert("INSERT INTO t SETTINGS a=1 FORMAT CSV\n'", "INSERT INTO t ", "CSV", "'");
	expect_insert("insert into format format TSV\n\xff'`", "insert into format ", "TSV", "\xff'`");
	expect_insert("INSERT INTO a.values VALUES (1)", "INSERT INTO a.values ", "VALUES", " (1)");
	expect_insert("INSERT INTO `x` VALUES (1)", "INSERT INTO `x` ", "VALUES", " (1)");
}

static void an_insert_that_selects_takes_no_data(void **state)
{
	struct weir_statement s = {0};

	(void)state;
	assert_int_equal(parse("INSERT INTO t SELECT 1 AS values", true, &s), 0);
	assert_int_equal(s.kind, WEIR_STATEMENT_OTHER);
	assert_int_equal(parse("INSERT INTO t (a) WITH 1 AS x SELECT x", true, &s), 0);
	assert_int_equal(s.kind, WEIR_STATEMENT_OTHER);
	assert_int_equal(parse("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", true, &s), 0);
	assert_int_equal(s.kind, WEIR_STATEMENT_OTHER);
	assert_int_equal(parse("CREATE TABLE t (a UInt8) ENGINE = Memory;", true, &s), 0);
	assert_int_equal(s.kind, WEIR_STATEMENT_OTHER);
	assert_int_equal(s.len, strlen("CREATE TABLE t (a UInt8) ENGINE = Memory"));
}

static void expect_refused(const char *text, int code)
{
	struct weir_statement s;
	int rc = parse(text, true, &s);

	if (rc != -EINVAL || fault.code != code)
		fail_msg("%s: %d, code %d (%s) where %d was expected", text, rc, fault.code, fault.text, code);
}

static void refuses_what_reaches_outside(void **state)
{
	(void)state;
	expect_refused("SELECT 1 INTO OUTFILE '/tmp/x'", WEIR_CODE_INTO_OUTFILE_NOT_ALLOWED);
	expect_refused("SELECT 1 INTO /* */ -- x\n outfile '/tmp/x' FORMAT CSV", WEIR_CODE_INTO_OUTFILE_NOT_ALLOWED);
	expect_refused("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT file('/etc/passwd')", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT `file`('/etc/passwd')", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT \"FILE\"('/etc/passwd')", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT `f\\x69le`('/etc/passwd')", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT * APPLY(file) FROM (SELECT '/etc/passwd')", WEIR_CODE_ACCESS_DENIED);
	expect_refused("SELECT arrayMap(file, ['/etc/passwd'])", WEIR_CODE_ACCESS_DENIED);
	expect_refused("CREATE FUNCTION f AS x -> file(x)", WEIR_CODE_ACCESS_DENIED);
}

/* Quotation that is read in another way here than in the engine could hide a name. */
static void refuses_quotation_it_does_not_know(void **state)
{
	(void)state;
	expect_refused("SELECT \xe2\x80\x98'\xe2\x80\x99, file('x'), \xe2\x80\x98'\xe2\x80\x99", WEIR_CODE_SYNTAX_ERROR);
	expect_refused("SELECT $a$'$a$, file('x')", WEIR_CODE_SYNTAX_ERROR);
	expect_refused("SELECT 'open", WEIR_CODE_SYNTAX_ERROR);
	expect_refused("SELECT 1 /* open", WEIR_CODE_SYNTAX_ERROR);
}

static void refuses_two_statements_and_none(void **state)
{
	(void)state;
	expect_refused("SELECT 1; SELECT 2", WEIR_CODE_SYNTAX_ERROR);
	expect_refused("SET readonly = 0; DROP TABLE t", WEIR_CODE_SYNTAX_ERROR);
	expect_refused("", WEIR_CODE_SYNTAX_ERROR);
	expect_refused(" -- nothing", WEIR_CODE_SYNTAX_ERROR);
	expect_refused(";", WEIR_CODE_SYNTAX_ERROR);
}

/* Every beginning of an insert's text is either too short or already right. */
static void a_part_is_never_misread(void **state)
{
	static const char text[] = "INSERT INTO t (a, `b c`) /* x */ SETTINGS s = 'v' FORMAT CSVWithNames \r\n\xff\xfe;";
	struct weir_statement s;
	struct weir_statement whole;

	(void)state;
	assert_int_equal(parse(text, true, &whole), 0);
	for (size_t n = 0; n < sizeof(text); n++) {
		int rc = weir_statement_parse(text, n, false, &s, &fault);

		if (n <= whole.data_at - 1) {
			assert_int_equal(rc, -EAGAIN);
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(s.data_at, whole.data_at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_format_clause),
		cmocka_unit_test(a_column_may_be_named_format),
		cmocka_unit_test(finds_the_data_of_an_insert),
		cmocka_unit_test(an_insert_that_selects_takes_no_data),
		cmocka_unit_test(refuses_what_reaches_outside),
		cmocka_unit_test(refuses_quotation_it_does_not_know),
		cmocka_unit_test(refuses_two_statements_and_none),
		cmocka_unit_test(a_part_is_never_misread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
