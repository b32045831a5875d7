#include "wire/element.h"
#include "wire/testing.h"

static void test_table_is_sorted(void **state)
{
	(void)state;
	assert_true(weir_elements_count > 500);
	for (unsigned i = 0; i < weir_elements_count; i++) {
		const struct weir_element *e = &weir_elements[i];

		assert_true(e->type < WEIR_ELEMENT_TYPES);
		assert_true(weir_element_find(e->pen, e->id) == e);
		if (i)
			assert_true(e[-1].pen < e->pen || (e[-1].pen == e->pen && e[-1].id < e->id));
	}
	assert_null(weir_element_find(0, 0));
	assert_null(weir_element_find(UINT32_MAX, UINT16_MAX));
}

/* Every name of flow/columns.inc has fed its column, in its order. */
static void test_columns(void **state)
{
	const struct weir_element *e = weir_element_find(0, 152);

	(void)state;
	assert_string_equal(e->name, "flowStartMilliseconds");
	assert_int_equal(e->column, WEIR_COL_TIME_START);
	assert_int_equal(e->priority, 0);
	assert_int_equal(weir_element_find(0, 22)->column, WEIR_COL_TIME_START);
	assert_true(weir_element_find(0, 22)->priority > weir_element_find(0, 150)->priority);
	assert_int_equal(weir_element_find(0, 1)->reverse_column, WEIR_COL_REVERSE_BYTES);
	assert_int_equal(weir_element_find(0, 8)->family, 4);
	assert_int_equal(weir_element_find(0, 27)->family, 6);
	assert_int_equal(weir_element_find(0, 7)->family, 0);
}

static void test_v9_numbers(void **state)
{
	(void)state;
	assert_string_equal(weir_element_find_v9(8)->name, "sourceIPv4Address");
	assert_string_equal(weir_element_find_v9(57472 + 80)->name, "ntopSrcFragments");
	assert_string_equal(weir_element_find_v9(32768 + 4254)->name, "ciscoTransportRtpSsrc");
	assert_string_equal(weir_element_find_v9(40005)->name, "asaFirewallEvent");
	assert_null(weir_element_find_v9(65535));
}

static void test_reverse(void **state)
{
	bool reverse;

	(void)state;
	assert_string_equal(weir_element_find_ipfix(0, 1, &reverse)->name, "octetDeltaCount");
	assert_false(reverse);
	assert_string_equal(weir_element_find_ipfix(WEIR_PEN_REVERSE, 1, &reverse)->name, "octetDeltaCount");
	assert_true(reverse);
	assert_string_equal(weir_element_find_ipfix(6871, 0x4000 | 14, &reverse)->name, "certInitialTCPFlags");
	assert_true(reverse);
	assert_null(weir_element_find_ipfix(6871, 0x4000 | 9999, &reverse));
	assert_false(reverse);
	assert_null(weir_element_find_ipfix(9, 0x4000 | 4254, &reverse));
	assert_false(reverse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sorted),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_v9_numbers),
		cmocka_unit_test(test_reverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
