#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "query/edges.h"
#include "query/matrix.h"

#define HEAD                                                                                                           \
	"src_zone,src_subnet,src_descr,dst_zone,dst_subnet,dst_descr,direction,protocol,dst_port,service,category,"     \
	"hits,bytes,packets,rule,action,first_seen,last_seen\n"

static int read_text(const char *text, struct weir_edges *edges, struct weir_error *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int rc;

	assert_non_null(file);
	weir_edges_init(edges);
	*err = (struct weir_error){0};
	rc = weir_edges_read(edges, file, "m.csv", err);
	(void)fclose(file);
	return rc;
}

static void reads_quotes_and_any_order(void **state)
{
	struct weir_edges edges;
	struct weir_error err;

	(void)state;
	assert_int_equal(read_text(HEAD "b,10.2.0.0/16,\"The \"\"centre\"\", and more\",a,,,internal,6,22,ssh,x,1,2,3,r,deny,,\n"
					"a,,,b,,,internal,17,53,dns,x,18446744073709551615,5,6,r,allow,,\r\n",
				   &edges, &err),
			 0);
	assert_int_equal(edges.count, 2);
	assert_string_equal(weir_edges_text(&edges, 0, WEIR_EDGE_SRC_DESCR), "The \"centre\", and more");
	assert_string_equal(weir_edges_text(&edges, 0, WEIR_EDGE_ACTION), "deny");
	weir_edges_sort(&edges);
	assert_string_equal(weir_edges_text(&edges, 0, WEIR_EDGE_SERVICE), "dns");
	assert_true(weir_edges_number(&edges, 0, WEIR_EDGE_HITS) == UINT64_MAX);
	assert_true(weir_edges_compare(&edges, 0, &edges, 1) < 0);
	weir_edges_done(&edges);
}

static void refuses_other_files(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
		{"\n", "there is no column src_zone"},
		{"src_zone,bytes\n", "there is no column src_subnet"},
		{HEAD "a,b\n", "line 2 is no row of the matrix"},
		{HEAD "\"a,,,b,,,internal,17,53,dns,x,4,5,6,r,allow,,\n", "line 2 is no row of the matrix"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_edges edges;
		struct weir_error err;

		assert_int_equal(read_text(cases[i].text, &edges, &err), -EINVAL);
		assert_string_equal(err.what, cases[i].what);
		assert_string_equal(err.where, "m.csv");
		weir_edges_done(&edges);
	}
}

static int keep(void *ctx, const void *data, size_t len)
{
	return weir_buffer_append(ctx, data, len);
}

static void graphs_quote_what_is_theirs(void **state)
{
	static const char *const wanted[WEIR_EDGE_FORMS] = {
		[WEIR_EDGE_DOT] = "label=\"z\\\"<'&\\\\?\"",
		[WEIR_EDGE_GRAPHML] = "<data key=\"zone\">z&quot;&lt;'&amp;\\?</data>",
		[WEIR_EDGE_NEO4J] = "{zone: 'z\"<\\'&\\\\?', subnet: ''}",
	};
	struct weir_edges edges;
	struct weir_error err;

	(void)state;
	assert_int_equal(read_text(HEAD "\"z\"\"<'&\\\x1b\",,,b,,,internal,6,22,ssh,x,1,2,3,r,deny,,\n", &edges, &err), 0);
	for (int form = 0; form < WEIR_EDGE_FORMS; form++) {
		struct weir_buffer out;

		weir_buffer_init(&out);
		assert_int_equal(weir_edges_graph(&edges, (enum weir_edge_form)form, keep, &out), 0);
		assert_non_null(strstr(weir_buffer_cstr(&out), wanted[form]));
		weir_buffer_done(&out);
	}
	weir_edges_done(&edges);
}

/* Which tables a window takes; the sums themselves are compared where there is a store. */
static void takes_the_tables_that_the_window_needs(void **state)
{
	static const struct {
		struct weir_window window;
		enum weir_grain grain;
		bool hours, days;
	} cases[] = {
		{{1000, 3600000}, WEIR_GRAIN_SUBNET, false, false},
		{{0, 3600000}, WEIR_GRAIN_SUBNET, true, false},
		{{1, 86400000}, WEIR_GRAIN_ZONE, true, false},
		{{0, 86400000}, WEIR_GRAIN_ZONE, true, true},
		{{0, 86400000}, WEIR_GRAIN_ADDRESS, false, false},
	};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(weir_filter_parse("dst port 22", 11, 0, &filter, NULL, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct weir_matrix matrix = {.filter = filter, .window = cases[i].window, .grain = cases[i].grain};
		struct weir_buffer out;

		weir_buffer_init(&out);
		assert_int_equal(weir_matrix_sql(&matrix, &out, &err), 0);
		assert_int_equal(strstr(weir_buffer_cstr(&out), "matrix_1h") != NULL, cases[i].hours);
		assert_int_equal(strstr(weir_buffer_cstr(&out), "matrix_1d") != NULL, cases[i].days);
		weir_buffer_done(&out);
	}
	weir_filter_free(filter);
}

static void names_what_it_does_not_keep(void **state)
{
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_matrix matrix = {.grain = WEIR_GRAIN_SUBNET, .window = {0, 1000}};
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_filter_parse("src ip 10.0.0.1", 15, 0, &filter, NULL, &err), 0);
	matrix.filter = filter;
	assert_int_equal(weir_matrix_sql(&matrix, &out, &err), -EINVAL);
	assert_string_equal(err.what, "the matrix of subnets does not keep src_addr");
	matrix.grain = WEIR_GRAIN_ADDRESS;
	assert_int_equal(weir_matrix_sql(&matrix, &out, &err), 0);
	weir_filter_free(filter);
	weir_buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_quotes_and_any_order),
		cmocka_unit_test(refuses_other_files),
		cmocka_unit_test(graphs_quote_what_is_theirs),
		cmocka_unit_test(takes_the_tables_that_the_window_needs),
		cmocka_unit_test(names_what_it_does_not_keep),
	};

	return cmocka_run_group_tests_name("edges", tests, NULL, NULL);
}
