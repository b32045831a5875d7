#include "wire/message.h"
#include "wire/element.h"
#include "wire/plan.h"
#include "wire/template.h"
#include "wire/testing.h"

static struct weir_field field[8];
static struct weir_workspace work;

static int setup(void **state)
{
	(void)state;
	work = (struct weir_workspace){
		.field = field, .fields_max = 8, .templates_max = 4, .template_bytes_left = 1U << 20};
	return 0;
}

/* A template of one field of that length. */
static enum weir_fault put(struct weir_templates *t, uint16_t id, uint16_t length, bool options)
{
	const struct weir_template_new spec = {.id = id, .options = options, .fields = 1, .flow_type = WEIR_FLOW_IPFIX};

	field[0] = (struct weir_field){.element = weir_element_find(0, 1), .id = 1, .length = length};
	return weir_templates_put(t, &work, &spec);
}

static void test_find_put_remove(void **state)
{
	struct weir_templates t = {0};
	uint64_t before = work.template_bytes_left;

	(void)state;
	assert_int_equal(put(&t, 300, 4, false), WEIR_FAULTS);
	assert_int_equal(put(&t, 256, 4, false), WEIR_FAULTS);
	assert_int_equal(put(&t, 65535, 4, true), WEIR_FAULTS);
	assert_int_equal(weir_templates_find(&t, 256)->id, 256);
	assert_int_equal(weir_templates_find(&t, 300)->id, 300);
	assert_non_null(weir_templates_find(&t, 300)->plan);
	assert_null(weir_templates_find(&t, 65535)->plan);
	assert_null(weir_templates_find(&t, 299));
	weir_templates_remove(&t, &work, 300);
	weir_templates_remove(&t, &work, 300);
	assert_null(weir_templates_find(&t, 300));
	weir_templates_remove_all(&t, &work, false);
	assert_null(weir_templates_find(&t, 256));
	assert_non_null(weir_templates_find(&t, 65535));
	weir_templates_remove_all(&t, &work, true);
	assert_int_equal(t.count, 0);
	/* All memory was given back. */
	assert_true(work.template_bytes_left == before);
	weir_templates_done(&t);
}

static void test_same_again_keeps_the_plan(void **state)
{
	struct weir_templates t = {0};
	const struct weir_template *first;

	(void)state;
	assert_int_equal(put(&t, 256, 4, false), WEIR_FAULTS);
	first = weir_templates_find(&t, 256);
	assert_int_equal(put(&t, 256, 4, false), WEIR_FAULTS);
	assert_ptr_equal(weir_templates_find(&t, 256), first);
	assert_int_equal(put(&t, 256, 8, false), WEIR_FAULTS);
	assert_int_equal(weir_templates_find(&t, 256)->record_min, 8);
	assert_int_equal(put(&t, 256, 8, true), WEIR_FAULTS);
	assert_true(weir_templates_find(&t, 256)->options);
	weir_templates_done(&t);
}

static void test_ceilings(void **state)
{
	struct weir_templates t = {0};
	uint64_t left;

	(void)state;
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(put(&t, (uint16_t)(256 + i), 4, false), WEIR_FAULTS);
	assert_int_equal(put(&t, 400, 4, false), WEIR_FAULT_TEMPLATES_LIMIT);
	/* At the ceiling, those that are known can change. */
	assert_int_equal(put(&t, 257, 8, false), WEIR_FAULTS);
	weir_templates_remove(&t, &work, 256);
	left = work.template_bytes_left;
	work.template_bytes_left = 10;
	assert_int_equal(put(&t, 400, 4, false), WEIR_FAULT_TEMPLATES_LIMIT);
	assert_true(work.template_bytes_left == 10);
	work.template_bytes_left = left;
	assert_int_equal(put(&t, 400, 0, false), WEIR_FAULT_TEMPLATE_EMPTY);
	assert_int_equal(put(&t, 400, 4, false), WEIR_FAULTS);
	weir_templates_done(&t);
}

static void test_length_of_a_record(void **state)
{
	const struct weir_template_new spec = {.id = 256, .fields = 2, .flow_type = WEIR_FLOW_IPFIX};
	struct weir_templates t = {0};

	(void)state;
	field[0] = (struct weir_field){.id = 1, .length = 65534};
	field[1] = (struct weir_field){.id = 2, .length = 1};
	assert_int_equal(weir_templates_put(&t, &work, &spec), WEIR_FAULTS);
	field[1].length = 2;
	assert_int_equal(weir_templates_put(&t, &work, &spec), WEIR_FAULT_TEMPLATE_LENGTH);
	assert_null(weir_templates_find(&t, 256));
	field[0].length = WEIR_LENGTH_VARIABLE;
	assert_int_equal(weir_templates_put(&t, &work, &spec), WEIR_FAULTS);
	assert_true(weir_templates_find(&t, 256)->variable);
	assert_int_equal(weir_templates_find(&t, 256)->record_min, 3);
	weir_templates_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_find_put_remove, setup),
		cmocka_unit_test_setup(test_same_again_keeps_the_plan, setup),
		cmocka_unit_test_setup(test_ceilings, setup),
		cmocka_unit_test_setup(test_length_of_a_record, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
