#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "query/ranking.h"
#include "query/list.h"
#include "query/report.h"
#include "query/statement.h"

#define NOON INT64_C(1769860800000) /* 2026-01-31 12:00:00 UTC */
#define MIN  INT64_C(60000)

static struct weir_filter *filter_of(const char *text)
{
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};

	if (weir_filter_parse(text, strlen(text), NOON, &filter, NULL, &err)) {
		print_error("%s: %s\n", text, err.what);
		fail();
	}
	return filter;
}

static struct weir_top top_of(const char *by, const struct weir_filter *filter, int64_t from_ms, int64_t to_ms)
{
	struct weir_top top = {.filter = filter, .window = {from_ms, to_ms}, .rows_max = 10};
	struct weir_error err = {0};

	if (weir_dimensions_parse(by, "--by", true, top.dimension, WEIR_DIMENSIONS_MAX, &top.dimensions, &err)) {
		print_error("%s: %s\n", by, err.what);
		fail();
	}
	return top;
}

static void assert_top(const struct weir_top *top, const char *expected)
{
	struct weir_buffer sql;
	struct weir_error err = {0};

	weir_buffer_init(&sql);
	assert_int_equal(weir_top_sql(top, &sql, &err), 0);
	assert_string_equal(weir_buffer_cstr(&sql), expected);
	weir_buffer_done(&sql);
}

static void test_top_over_flows(void **state)
{
	struct weir_filter *filter = filter_of("port 53");
	struct weir_top top = top_of("src_addr,dst_port", filter, NOON, NOON + 60 * MIN);

	(void)state;
	assert_top(&top,
		   "SELECT src_addr AS d0, dst_port AS d1, count() AS sum_flows, "
		   "sum(bytes * greatest(sampling_rate, 1)) AS sum_bytes, "
		   "sum(packets * greatest(sampling_rate, 1)) AS sum_packets\n"
		   "FROM flows\n"
		   "WHERE time_received >= toDateTime64('2026-01-31 12:00:00.000', 3, 'UTC') AND "
		   "time_received < toDateTime64('2026-01-31 13:00:00.000', 3, 'UTC')\n"
		   "  AND (src_port = 53 OR dst_port = 53)\n"
		   "GROUP BY d0, d1 WITH TOTALS\n"
		   "ORDER BY sum_bytes DESC, d0, d1\n"
		   "LIMIT 10\n"
		   "FORMAT TabSeparatedWithNamesAndTypes");
	weir_filter_free(filter);
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		print_error("no \"%s\" in:\n%s\n", part, text);
		fail();
	}
}

static void test_pairs_of_addresses_by_version(void **state)
{
	struct weir_filter *filter = filter_of("any");
	struct weir_top top = top_of("src_addr,dst_addr/24,dst_port", filter, NOON, NOON + 60 * MIN);
	struct weir_error err = {0};
	struct weir_buffer sql;
	const char *text;

	(void)state;
	weir_buffer_init(&sql);
	assert_int_equal(weir_top_sql(&top, &sql, &err), 0);
	text = weir_buffer_cstr(&sql);
	assert_holds(text, "toUInt32(toUInt128(src_addr)) AS d0, toUInt32(toUInt128(IPv6CIDRToRange(dst_addr,");
	assert_holds(text, "SELECT toIPv6(toIPv4(d0)) AS a0, toIPv6(toIPv4(d1)) AS a1, d2 AS a2, ");
	assert_holds(text, "  AND NOT (src_addr BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255') AND "
			   "dst_addr BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255'))\n");
	assert_holds(text, "GROUP BY d0, d1, d2\nORDER BY sum_bytes DESC, d0, d1, d2\nLIMIT 11\n)");
	assert_holds(text, ")\nGROUP BY d0, d1, d2 WITH TOTALS\nORDER BY sum_bytes DESC, d0, d1, d2\nLIMIT 10\nFORMAT ");
	weir_buffer_done(&sql);
	weir_filter_free(filter);
}

static void test_top_over_the_rollup(void **state)
{
	struct weir_filter *filter = filter_of("proto tcp");
	struct weir_top top = top_of("in_if", filter, NOON + 1, NOON + 59 * MIN);

	(void)state;
	top.exported = true;
	top.metric = WEIR_METRIC_FLOWS;
	assert_top(&top,
		   "SELECT d0, sum(f) AS sum_flows, sum(b) AS sum_bytes, sum(p) AS sum_packets\n"
		   "FROM\n"
		   "(\n"
		   "  SELECT in_if AS d0, flows AS f, exported_bytes AS b, exported_packets AS p\n"
		   "  FROM flows_1m\n"
		   "  WHERE (minute >= toDateTime('2026-01-31 12:01:00', 'UTC') AND "
		   "minute < toDateTime('2026-01-31 12:59:00', 'UTC'))\n"
		   "  AND (proto = 6)\n"
		   "  UNION ALL\n"
		   "  SELECT in_if AS d0, toUInt64(1) AS f, toUInt64(bytes) AS b, toUInt64(packets) AS p\n"
		   "  FROM flows\n"
		   "  WHERE (time_received >= toDateTime64('2026-01-31 12:00:00.001', 3, 'UTC') AND "
		   "time_received < toDateTime64('2026-01-31 12:01:00.000', 3, 'UTC'))\n"
		   "  AND (proto = 6)\n"
		   ")\n"
		   "GROUP BY d0 WITH TOTALS\n"
		   "ORDER BY sum_flows DESC, d0\n"
		   "LIMIT 10\n"
		   "FORMAT TabSeparatedWithNamesAndTypes");
	weir_filter_free(filter);
}

static void test_when_the_rollup_answers(void **state)
{
	static const struct {
		const char *by, *filter;
		int64_t from_ms, to_ms;
		enum weir_rollup rollup;
		bool uses;
	} cases[] = {
		{"proto", "any", NOON, NOON + 60 * MIN, WEIR_ROLLUP_AUTO, true},
		{"proto", "any", NOON, NOON + 60 * MIN, WEIR_ROLLUP_NEVER, false},
		{"proto", "any", NOON, NOON + 5 * MIN, WEIR_ROLLUP_AUTO, true},
		{"proto", "any", NOON, NOON + 4 * MIN, WEIR_ROLLUP_AUTO, false},
		{"proto", "any", NOON + 1, NOON + 5 * MIN, WEIR_ROLLUP_AUTO, false},
		{"proto", "any", NOON, NOON + MIN, WEIR_ROLLUP_ALWAYS, true},
		{"proto", "any", NOON + 1, NOON + MIN, WEIR_ROLLUP_ALWAYS, false},
		{"proto", "any", NOON + 1, NOON + MIN - 1, WEIR_ROLLUP_ALWAYS, false},
		{"hour,service_port", "src as 1 or exporter ::1", NOON, NOON + 60 * MIN, WEIR_ROLLUP_AUTO, true},
		{"src_addr", "any", NOON, NOON + 60 * MIN, WEIR_ROLLUP_AUTO, false},
		{"proto", "src port 1", NOON, NOON + 60 * MIN, WEIR_ROLLUP_AUTO, false},
		{"exporter_addr/24", "any", NOON, NOON + 60 * MIN, WEIR_ROLLUP_AUTO, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_filter *filter = filter_of(cases[i].filter);
		struct weir_top top = top_of(cases[i].by, filter, cases[i].from_ms, cases[i].to_ms);

		top.rollup = cases[i].rollup;
		if (weir_top_uses_rollup(&top) != cases[i].uses) {
			print_error("case %zu\n", i);
			fail();
		}
		weir_filter_free(filter);
	}
}

#define BORDERS                                                                                                          \
	"  FROM flows_1m%s\n  WHERE %s(minute >= toDateTime('2026-01-31 11:59:00', 'UTC') AND minute < "                  \
	"toDateTime('2026-01-31 12:00:00', 'UTC') OR minute >= toDateTime('2026-01-31 14:00:00', 'UTC') AND minute < "    \
	"toDateTime('2026-01-31 14:30:00', 'UTC'))\n"

/* Whole hours, the minutes beside them and what is left at the ends; and a dimension's own sums where no other is asked for. */
static void test_the_coarsest_sums_answer(void **state)
{
	static const struct {
		const char *by, *filter;
		const char *hours; /* the table of hours that is read; NULL: none */
		const char *single;
	} cases[] = {
		{"proto,in_if", "any", "flows_1h", NULL},
		{"service_port", "proto tcp", "flows_1h", NULL},
		{"service_port", "any", "flows_1h_by", "service_port"},
		{"hour,service_port", "service_port = 53", "flows_1h_by", "service_port"},
		{"day", "any", "flows_1h_by", "proto"},
		{"day", "src as 5", "flows_1h_by", "src_as"},
		{"exporter_addr,in_if", "in if 3", "flows_1h_by", "in_if"},
		{"in_if,out_if", "any", "flows_1h", NULL},
		{"exporter_addr", "any", "flows_1h_by", "exporter_addr"},
		{"exporter_addr,proto", "any", "flows_1h", NULL},
	};
	const struct weir_window window = {NOON - MIN - 1, NOON + 150 * MIN + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_filter *filter = filter_of(cases[i].filter);
		struct weir_top top = top_of(cases[i].by, filter, window.from_ms, window.to_ms);
		struct weir_buffer sql;
		char dimension[64] = "";
		char text[640];

		weir_buffer_init(&sql);
		assert_int_equal(weir_top_sql(&top, &sql, NULL), 0);
		if (cases[i].single)
			(void)snprintf(dimension, sizeof(dimension), "dimension = '%s' AND ", cases[i].single);
		(void)snprintf(text, sizeof(text), "  FROM %s\n  WHERE %s(hour >= toDateTime('2026-01-31 12:00:00', 'UTC') AND "
						   "hour < toDateTime('2026-01-31 14:00:00', 'UTC'))\n", cases[i].hours, dimension);
		assert_holds(weir_buffer_cstr(&sql), text);
		(void)snprintf(text, sizeof(text), BORDERS, cases[i].single ? "_by" : "", dimension);
		assert_holds(weir_buffer_cstr(&sql), text);
		assert_holds(weir_buffer_cstr(&sql), "  FROM flows\n  WHERE (time_received >= toDateTime64('2026-01-31 11:58:59.999'");
		weir_buffer_done(&sql);
		weir_filter_free(filter);
	}
}

static void test_minutes_are_no_hours(void **state)
{
	static const char *const bys[][2] = {{"minute", "any"}, {"proto", "minute > 2026-01-31T12:30:00Z"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bys) / sizeof(bys[0]); i++) {
		struct weir_filter *filter = filter_of(bys[i][1]);
		struct weir_top top = top_of(bys[i][0], filter, NOON, NOON + 180 * MIN);
		struct weir_buffer sql;

		weir_buffer_init(&sql);
		assert_int_equal(weir_top_sql(&top, &sql, NULL), 0);
		assert_null(strstr(weir_buffer_cstr(&sql), "flows_1h"));
		assert_holds(weir_buffer_cstr(&sql), "FROM flows_1m_by\n");
		weir_buffer_done(&sql);
		weir_filter_free(filter);
	}
}

static void test_dimensions(void **state)
{
	static const char *const bad[] = {"", ",", "src_addr,", "src_addr dst_addr", "nothing", "src_addr/0", "src_addr/33",
					  "src_addr/24/129", "src_addr/", "src_addr/x", "src_port/24", "src_addr/24/64/1",
					  "src_addr/-1"};
	struct weir_dimension d[2];
	struct weir_error err;
	unsigned count;

	(void)state;
	assert_int_equal(weir_dimensions_parse("SRC-ADDR/24, proto", "--by", true, d, 2, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(d[0].name, "src_addr/24");
	assert_int_equal(d[0].v4_bits, 24);
	assert_int_equal(d[0].v6_bits, 64);
	assert_int_equal(d[1].field, WEIR_COL_PROTO);
	assert_int_equal(weir_dimensions_parse("src_addr/24", "--columns", false, d, 2, &count, &err), -EINVAL);
	assert_int_equal(weir_dimensions_parse("proto,proto,proto", "--by", true, d, 2, &count, &err), -E2BIG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (weir_dimensions_parse(bad[i], "--by", true, d, 2, &count, &err) != -EINVAL) {
			print_error("\"%s\" is taken\n", bad[i]);
			fail();
		}
	}
	assert_int_equal(weir_dimensions_parse("src_adr", "--by", true, d, 2, &count, &err), -EINVAL);
	assert_string_equal(err.next, "did you mean \"src_addr\"?");
}

static void test_list(void **state)
{
	struct weir_filter *filter = filter_of("any");
	struct weir_dimension column[2] = {{.field = WEIR_COL_SRC_ADDR}, {.field = WEIR_COL_BYTES}};
	struct weir_list list = {.filter = filter, .window = {NOON, NOON + 1}, .column = column, .columns = 2,
				 .oldest_first = true};
	struct weir_buffer sql;

	(void)state;
	weir_buffer_init(&sql);
	assert_int_equal(weir_list_sql(&list, &sql), 0);
	assert_string_equal(weir_buffer_cstr(&sql),
			    "SELECT src_addr AS c0, bytes AS c1\nFROM flows\n"
			    "WHERE time_received >= toDateTime64('2026-01-31 12:00:00.000', 3, 'UTC') AND "
			    "time_received < toDateTime64('2026-01-31 12:00:00.001', 3, 'UTC')\n"
			    "  AND (true)\nORDER BY toStartOfMinute(time_received), time_received\nFORMAT TabSeparatedWithNamesAndTypes");
	weir_buffer_done(&sql);
	weir_filter_free(filter);
}

static int put(void *ctx, const void *data, size_t len)
{
	return weir_buffer_append(ctx, data, len);
}

static void test_ranking_has_shares(void **state)
{
	static const char answer[] = "d0\tsum_flows\tsum_bytes\tsum_packets\nUInt8\tUInt64\tUInt64\tUInt64\n"
				     "6\t1\t750\t10\n17\t2\t250\t5\n\n0\t3\t1000\t15\n";
	struct weir_filter *filter = filter_of("any");
	struct weir_top top = top_of("proto", filter, NOON, NOON + 1);
	struct weir_output_column columns[WEIR_DIMENSIONS_MAX + WEIR_RANKING_SHOWN];
	struct weir_buffer out;
	struct weir_output_options options = {.format = WEIR_FORMAT_CSV, .put = put, .ctx = &out};
	struct weir_output *output;
	struct weir_ranking ranking;
	struct weir_tsv_sink sink;
	struct weir_tsv tsv;

	(void)state;
	weir_buffer_init(&out);
	weir_ranking_init(&ranking, &top);
	sink = weir_ranking_sink(&ranking);
	assert_int_equal(weir_tsv_init(&tsv, &sink), 0);
	assert_int_equal(weir_tsv_feed(&tsv, answer, sizeof(answer) - 1), 0);
	assert_int_equal(weir_tsv_end(&tsv), 0);
	assert_int_equal(weir_output_new(&options, columns, weir_ranking_columns(&top, columns), &output), 0);
	assert_int_equal(weir_ranking_write(&ranking, output), 0);
	assert_int_equal(weir_output_end(output), 0);
	assert_string_equal(weir_buffer_cstr(&out),
			    "proto,bytes,packets,flows,share\n6,750,10,1,0.750000\n17,250,5,2,0.250000\n");
	assert_int_equal(ranking.total[1], 1000);
	weir_output_free(output);
	weir_tsv_done(&tsv);
	weir_ranking_done(&ranking);
	weir_buffer_done(&out);
	weir_filter_free(filter);
}

static void test_format_clauses(void **state)
{
	static const char *const with[] = {
		"SELECT 1 FORMAT CSV", "select 1 format\n JSON;", "SELECT 'x' /* c */ FORMAT Pretty SETTINGS x = 1",
		"SELECT (1) FORMAT /* of */ TSV", "SHOW TABLES FORMAT CSV",
	};
	static const char *const without[] = {
		"SELECT 1", "SELECT 'x FORMAT CSV'", "SELECT 1 -- FORMAT CSV", "SELECT 1 /* FORMAT CSV */",
		"SELECT formatDateTime(now(), '%F')", "SELECT format('{}', 1)", "SELECT a, format FROM t",
		"SELECT (SELECT 1 FORMAT CSV)", "SELECT t.format FROM t", "SELECT \"a FORMAT b\"", "SELECT 'it''s FORMAT x'", "",
		"SELECT '", "/*",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		if (!weir_sql_names_format(with[i], strlen(with[i]))) {
			print_error("%s\n", with[i]);
			fail();
		}
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		/* A copy of the exact size, for the sanitizer. */
		char *copy = malloc(strlen(without[i]) + 1);

		assert_non_null(copy);
		memcpy(copy, without[i], strlen(without[i]));
		if (weir_sql_names_format(copy, strlen(without[i]))) {
			print_error("%s\n", without[i]);
			fail();
		}
		free(copy);
	}
}

static void test_kinds_of_types(void **state)
{
	static const struct {
		const char *type;
		enum weir_kind kind;
	} cases[] = {
		{"UInt64", WEIR_KIND_NUMBER},
		{"Nullable(Float64)", WEIR_KIND_NUMBER},
		{"LowCardinality(Nullable(String))", WEIR_KIND_TEXT},
		{"Bool", WEIR_KIND_NUMBER},
		{"IPv6", WEIR_KIND_ADDR},
		{"Nullable(IPv4)", WEIR_KIND_ADDR},
		{"DateTime64(3, 'UTC')", WEIR_KIND_TEXT},
		{"Array(UInt8)", WEIR_KIND_TEXT},
		{"U", WEIR_KIND_TEXT},
		{"", WEIR_KIND_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(weir_kind_of_type(cases[i].type, strlen(cases[i].type)), cases[i].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top_over_flows),	       cmocka_unit_test(test_pairs_of_addresses_by_version),
		cmocka_unit_test(test_top_over_the_rollup),
		cmocka_unit_test(test_when_the_rollup_answers),
		cmocka_unit_test(test_the_coarsest_sums_answer),
		cmocka_unit_test(test_minutes_are_no_hours), cmocka_unit_test(test_dimensions),
		cmocka_unit_test(test_list),		       cmocka_unit_test(test_ranking_has_shares),
		cmocka_unit_test(test_format_clauses),	       cmocka_unit_test(test_kinds_of_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
