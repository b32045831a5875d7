#include "query/graph.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "query/complete.h"
#include "query/list.h"

#define HOUR_MS INT64_C(3600000)
#define NOON	(INT64_C(1769860800) * 1000) /* 2026-01-31T12:00:00Z */

static struct weir_filter *parsed(const char *text)
{
	struct weir_filter *filter;

	assert_int_equal(weir_filter_parse(text, strlen(text), NOON, &filter, NULL, NULL), 0);
	return filter;
}

/* --- graphs ----------------------------------------------------------------------------------------------- */

static void test_intervals(void **state)
{
	static const struct {
		int64_t hours;
		unsigned buckets;
		uint32_t s;
	} CASES[] = {{1, 200, 30}, {1, 60, 60}, {6, 200, 120}, {24, 200, 600}, {24 * 7, 200, 3600}, {24 * 365, 200, 604800}, {0, 200, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_graph g = {.window = {NOON, NOON + CASES[i].hours * HOUR_MS}};
		int64_t first;

		g.interval_s = weir_graph_interval_s(&g.window, CASES[i].buckets);
		assert_int_equal(g.interval_s, CASES[i].s);
		assert_true(weir_graph_buckets(&g, &first) <= CASES[i].buckets + 1);
		assert_int_equal(first, NOON / 1000 / g.interval_s);
	}
	for (int64_t hours = 1; hours < 24 * 365 * 50; hours *= 2) {
		struct weir_graph g = {.window = {0, hours * HOUR_MS}};
		int64_t first;

		g.interval_s = weir_graph_interval_s(&g.window, 1000000);
		assert_true(weir_graph_buckets(&g, &first) <= WEIR_GRAPH_BUCKETS_MAX);
	}
}

static void graph_sql(struct weir_graph *g, struct weir_buffer *out)
{
	g->top.window = g->window;
	weir_buffer_reset(out);
	assert_int_equal(weir_graph_sql(g, out), 0);
	assert_non_null(weir_buffer_cstr(out));
}

static void test_graph_sources(void **state)
{
	struct weir_filter *filter = parsed("proto tcp");
	struct weir_filter *ports = parsed("src port 80");
	struct weir_graph g = {.window = {NOON + 1, NOON + 2 * HOUR_MS}, .interval_s = 60};
	struct weir_buffer sql;
	unsigned count;

	(void)state;
	weir_buffer_init(&sql);
	g.top.filter = filter;
	g.top.rows_max = 5;
	assert_int_equal(weir_dimensions_parse("proto,in_if", "by", true, g.top.dimension, 8, &count, NULL), 0);
	g.top.dimensions = count;
	graph_sql(&g, &sql);
	assert_true(weir_graph_uses_rollup(&g));
	assert_non_null(strstr((char *)sql.data, "FROM flows_1m"));
	assert_non_null(strstr((char *)sql.data, "UNION ALL")); /* the first minute is not whole */
	assert_non_null(strstr((char *)sql.data, "(d0, d1) IN largest AS is_top"));
	assert_non_null(strstr((char *)sql.data, "LIMIT 5"));
	g.interval_s = 30;
	graph_sql(&g, &sql);
	assert_false(weir_graph_uses_rollup(&g));
	assert_non_null(strstr((char *)sql.data, "intDiv(toUnixTimestamp(time_received), 30)"));
	g.interval_s = 60;
	g.top.filter = ports;
	assert_false(weir_graph_uses_rollup(&g));
	g.top.filter = filter;
	g.top.rollup = WEIR_ROLLUP_NEVER;
	assert_false(weir_graph_uses_rollup(&g));
	assert_int_equal(weir_graph_fitting_interval_s(&g, 500), 15);
	g.top.rollup = WEIR_ROLLUP_AUTO;
	assert_int_equal(weir_graph_fitting_interval_s(&g, 500), 60);
	assert_int_equal(weir_graph_fitting_interval_s(&g, 150), 60);
	g.window.to_ms = NOON + 40 * 60000;
	assert_int_equal(weir_graph_fitting_interval_s(&g, 500), 5);
	g.window.to_ms = NOON + 2 * HOUR_MS;
	g.interval_s = 3600;
	graph_sql(&g, &sql);
	assert_non_null(strstr((char *)sql.data, "intDiv(toUnixTimestamp(hour), 3600) AS t, proto AS d0, in_if AS d1, flows AS f"));
	g.top.rows_max = 0;
	graph_sql(&g, &sql);
	assert_null(strstr((char *)sql.data, "largest"));
	weir_buffer_done(&sql);
	weir_filter_free(filter);
	weir_filter_free(ports);
}

/* --- pages ------------------------------------------------------------------------------------------------ */

static void test_cursors(void **state)
{
	static const struct {
		const char *order;
		const char *value;
		bool fits;
	} CASES[] = {
		{"time_received", "", true},	     {"bytes", "123", true},	 {"bytes", "12.5e-3", true},
		{"bytes", "1 OR 1=1", false},	     {"bytes", "", false},	 {"bytes", "0x10", false},
		{"bytes", "1); DROP TABLE x", false}, {"src_addr", "::ffff:10.0.0.1", true}, {"src_addr", "10.0.0.1", true},
		{"src_addr", "x') OR (1=1", false},  {"user_name", "any ' text \\", true}, {"user_name", "", true},
		{"time_start", "1769860800000", true}, {"time_start", "now()", false},	  {"flow_type", "ipfix", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_list list = {.paged = true, .order = weir_field_find(CASES[i].order, strlen(CASES[i].order))};
		struct weir_list_cursor cursor = {.time_ms = NOON, .skip = 3}, back;
		struct weir_buffer text;

		(void)snprintf(cursor.value, sizeof(cursor.value), "%s", CASES[i].value);
		weir_buffer_init(&text);
		assert_int_equal(weir_list_cursor_text(&list, &cursor, &text), 0);
		if ((weir_list_cursor_parse(&list, weir_buffer_cstr(&text), &back) == 0) != CASES[i].fits)
			fail_msg("%s %s", CASES[i].order, CASES[i].value);
		if (CASES[i].fits) {
			assert_int_equal(back.time_ms, NOON);
			assert_int_equal(back.skip, 3);
			assert_string_equal(back.value, CASES[i].value);
			list.oldest_first = true; /* of another direction */
			assert_int_equal(weir_list_cursor_parse(&list, weir_buffer_cstr(&text), &back), -EINVAL);
		}
		weir_buffer_done(&text);
	}
}

static void test_wrong_cursors(void **state)
{
	static const char *const WRONG[] = {
		"", "d", "d.bytes.", "d.bytes.1", "d.bytes.1.", "d.bytes.1.1", "d.bytes.-1.1.31", "d.bytes.1.1.3", "d.bytes.1.1.zz",
		"d.bytes.1.1.00", "d.bytes.1.1.3132 ", "d.packets.1.1.31", "d.bytes.99999999999999999999.1.31",
		"d.bytes.1.99999999999.31", "d.bytes.1.1.31.31",
	};
	struct weir_list list = {.paged = true, .order = WEIR_COL_BYTES};
	struct weir_list_cursor cursor;

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		if (weir_list_cursor_parse(&list, WRONG[i], &cursor) != -EINVAL)
			fail_msg("%s", WRONG[i]);
	}
	assert_int_equal(weir_list_cursor_parse(&list, "d.bytes.1.1.31", &cursor), 0);
}

static void test_page_sql(void **state)
{
	struct weir_filter *any = parsed("");
	struct weir_dimension column = {.field = WEIR_COL_BYTES};
	const struct weir_list_cursor after = {.time_ms = NOON, .skip = 2, .value = "it's"};
	struct weir_list list = {.filter = any, .window = {NOON - HOUR_MS, NOON}, .column = &column, .columns = 1, .rows_max = 10,
				 .paged = true, .order = WEIR_COL_USER_NAME, .after = &after, .offset = 5};
	struct weir_buffer sql;

	(void)state;
	weir_buffer_init(&sql);
	assert_int_equal(weir_list_sql(&list, &sql), 0);
	assert_non_null(strstr(weir_buffer_cstr(&sql), "user_name < 'it\\x27s' OR (user_name = 'it\\x27s' AND time_received <= "));
	assert_non_null(strstr((char *)sql.data, "LIMIT 10 OFFSET 7"));
	weir_buffer_done(&sql);
	weir_filter_free(any);
}

/* --- completion ------------------------------------------------------------------------------------------- */

struct offers {
	char text[4096];
};

static int note(void *ctx, enum weir_suggestion kind, const char *text, const char *help)
{
	struct offers *o = ctx;
	size_t len = strlen(o->text);

	(void)kind, (void)help;
	(void)snprintf(o->text + len, sizeof(o->text) - len, " %s", text);
	return 0;
}

static void test_completion(void **state)
{
	static const struct {
		const char *text;
		const char *has;    /* NULL: nothing is looked for */
		const char *hasnt;
		const char *field;  /* whose values are wanted */
		size_t from;
	} CASES[] = {
		{"", " src ", " and", NULL, 0},
		{"sr", " src", " dst", NULL, 0},
		{"src ", " ip ", " and", NULL, 4},
		{"src po", " port", " proto", NULL, 4},
		{"dst port ", " =", NULL, "dst_port", 9},
		{"port ", " in", NULL, "src_port", 5},
		{"src port 4", NULL, NULL, "src_port", 9},
		{"src port 443 ", " and or", " src", NULL, 13},
		{"src port 443 a", " and", " or", NULL, 13},
		{"src port 443 and ", " dst ", " and", NULL, 17},
		{"proto = t", " tcp", " udp", "proto", 8},
		{"proto in [tcp ", " udp", NULL, "proto", 14},
		{"proto in [tcp] ", " and or", NULL, NULL, 15},
		{"not (in if ", NULL, NULL, "in_if", 11},
		{"user_name = \"al", NULL, NULL, "user_name", 12},
		{"tcp ", " and or", NULL, NULL, 4},
		{"bytes > ", " 1M", NULL, "bytes", 8},
		{"(src ip 10.0.0.1) ", " and or", NULL, NULL, 18},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct offers offers = {""};
		struct weir_completion c;

		assert_int_equal(weir_filter_complete(CASES[i].text, strlen(CASES[i].text), &c, note, &offers), 0);
		strcat(offers.text, " ");
		if ((CASES[i].has && !strstr(offers.text, CASES[i].has)) || (CASES[i].hasnt && strstr(offers.text, CASES[i].hasnt)))
			fail_msg("\"%s\" offers%s", CASES[i].text, offers.text);
		if (CASES[i].field ? c.field == WEIR_FIELD_NONE || strcmp(weir_field(c.field).name, CASES[i].field) != 0
				   : c.field != WEIR_FIELD_NONE)
			fail_msg("\"%s\" wants values of %s", CASES[i].text, c.field == WEIR_FIELD_NONE ? "none" : weir_field(c.field).name);
		assert_int_equal(c.from, CASES[i].from);
		assert_int_equal(c.to, strlen(CASES[i].text));
	}
}

/* Each text that is offered for a test's beginning goes on from there. */
static void test_completion_of_anything(void **state)
{
	static const char signs[] = "a \"'()[]=!<>&|,.1\\";
	uint32_t dice = 1;

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		char text[24];
		size_t len = n % sizeof(text);
		struct offers offers;
		struct weir_completion c;

		for (size_t i = 0; i < len; i++) {
			dice = dice * 1664525 + 1013904223;
			text[i] = signs[(dice >> 16) % (sizeof(signs) - 1)];
		}
		offers.text[0] = '\0';
		assert_int_equal(weir_filter_complete(text, len, &c, note, &offers), 0);
		assert_true(c.from <= len && c.to == len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),     cmocka_unit_test(test_graph_sources), cmocka_unit_test(test_cursors),
		cmocka_unit_test(test_wrong_cursors), cmocka_unit_test(test_page_sql),	    cmocka_unit_test(test_completion),
		cmocka_unit_test(test_completion_of_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
