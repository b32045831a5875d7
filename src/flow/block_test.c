#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/block.h"

static const struct weir_block_limits LIMITS = {.rows_max = 4, .heap_max = 32, .extras_max = 3};

static int set_up(void **state)
{
	return weir_block_new(&LIMITS, (struct weir_block **)state);
}

static int tear_down(void **state)
{
	weir_block_free(*state);
	return 0;
}

static struct weir_column_set set_of(enum weir_column_id a, enum weir_column_id b)
{
	struct weir_column_set set = {0};

	weir_column_set_add(&set, a);
	weir_column_set_add(&set, b);
	return set;
}

static bool put_extra(struct weir_block *b, uint32_t row, const char *name, const char *value)
{
	return weir_block_put_extra(b, row, name, value, strlen(value), false);
}

static void assert_all_zero(const struct weir_block *b)
{
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		const uint8_t *byte = b->column[i];

		for (size_t n = 0; n < b->capacity * weir_types[weir_columns[i].type].width; n++)
			assert_int_equal(byte[n], 0);
	}
}

static void test_alike_rows_are_one_run(void **state)
{
	struct weir_block *b = *state;
	const struct weir_column_set ports = set_of(WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT);
	const struct weir_column_set masks = set_of(WEIR_COL_SRC_MASK, WEIR_COL_DST_MASK);

	weir_block_commit(b, 1, &ports);
	weir_block_commit(b, 0, &masks);
	weir_block_commit(b, 1, &ports);
	weir_block_commit(b, 2, &masks);
	assert_int_equal(b->rows, 4);
	assert_int_equal(weir_block_room(b), 0);
	assert_int_equal(b->runs, 2);
	assert_int_equal(b->run[0].rows, 2);
	assert_int_equal(b->run[1].rows, 2);
	assert_memory_equal(&b->run[1].present, &masks, sizeof(masks));
	assert_true(weir_column_set_has(&b->used, WEIR_COL_SRC_PORT));
	assert_true(weir_column_set_has(&b->used, WEIR_COL_DST_MASK));
	assert_false(weir_column_set_has(&b->used, WEIR_COL_PROTO));
}

static void test_reset_clears_what_was_used(void **state)
{
	struct weir_block *b = *state;
	const struct weir_column_set set = set_of(WEIR_COL_BYTES, WEIR_COL_USER_NAME);

	weir_block_u64(b, WEIR_COL_BYTES)[1] = 7;
	assert_true(weir_block_put_str(b, "ann", 3, &weir_block_str(b, WEIR_COL_USER_NAME)[1]));
	assert_true(put_extra(b, 0, "a", "1"));
	weir_block_commit(b, 2, &set);
	weir_block_reset(b);
	assert_all_zero(b);
	assert_int_equal(b->rows + b->runs + b->extras + b->heap_len, 0);
	assert_false(weir_column_set_has(&b->used, WEIR_COL_BYTES));
}

static void test_clear_undoes_what_was_not_committed(void **state)
{
	struct weir_block *b = *state;
	const struct weir_column_set set = set_of(WEIR_COL_SRC_PORT, WEIR_COL_SRC_ADDR);

	weir_block_u16(b, WEIR_COL_SRC_PORT)[0] = 80;
	assert_true(put_extra(b, 0, "kept", "1"));
	weir_block_commit(b, 1, &set);
	weir_block_u16(b, WEIR_COL_SRC_PORT)[1] = 443;
	weir_block_addr(b, WEIR_COL_SRC_ADDR)[2].byte[15] = 1;
	assert_true(put_extra(b, 1, "gone", "2"));
	weir_block_clear(b, 2, &set);
	assert_int_equal(weir_block_u16(b, WEIR_COL_SRC_PORT)[0], 80);
	assert_int_equal(weir_block_u16(b, WEIR_COL_SRC_PORT)[1], 0);
	assert_true(weir_addr_is_zero(&weir_block_addr(b, WEIR_COL_SRC_ADDR)[2]));
	assert_int_equal(b->extras, 1);
}

/* What is filled in later is present in all rows, and goes when the block is reset. */
static void test_marked_columns_are_in_every_run(void **state)
{
	struct weir_block *b = *state;
	const struct weir_column_set ports = set_of(WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT);
	const struct weir_column_set masks = set_of(WEIR_COL_SRC_MASK, WEIR_COL_DST_MASK);
	const struct weir_column_set zones = set_of(WEIR_COL_SRC_ZONE, WEIR_COL_DST_ZONE);

	weir_block_commit(b, 1, &ports);
	weir_block_commit(b, 1, &masks);
	weir_block_u32(b, WEIR_COL_SRC_ZONE)[1] = 5;
	weir_block_mark(b, &zones);
	assert_true(weir_column_set_has(&b->run[0].present, WEIR_COL_SRC_ZONE));
	assert_true(weir_column_set_has(&b->run[0].present, WEIR_COL_SRC_PORT));
	assert_true(weir_column_set_has(&b->run[1].present, WEIR_COL_DST_ZONE));
	assert_false(weir_column_set_has(&b->run[1].present, WEIR_COL_SRC_PORT));
	assert_true(weir_column_set_has(&b->used, WEIR_COL_SRC_ZONE));
	weir_block_reset(b);
	assert_all_zero(b);
}

static void test_heap_has_a_ceiling(void **state)
{
	struct weir_block *b = *state;
	struct weir_str s = {.offset = 1, .len = 1};
	char text[33] = {0};

	assert_false(weir_block_put_str(b, text, 33, &s));
	assert_int_equal(s.offset + s.len, 0);
	assert_true(weir_block_put_str(b, text, 32, &s));
	assert_int_equal(s.len, 32);
	assert_true(weir_block_put_str(b, text, 0, &s));
	assert_false(weir_block_put_str(b, text, 1, &s));
}

static void test_extras_have_a_ceiling(void **state)
{
	struct weir_block *b = *state;

	assert_false(put_extra(b, 0, "name", "a value that the heap has no room for"));
	assert_int_equal(b->heap_len, 0); /* the name is gone as well */
	assert_true(put_extra(b, 0, "a", "1"));
	assert_true(put_extra(b, 0, "a", "2"));
	assert_true(put_extra(b, 0, "a", ""));
	assert_false(put_extra(b, 0, "a", "3"));
	assert_int_equal(b->extras, 3);
}

static void test_numbers_fit_or_saturate(void **state)
{
	static const struct {
		enum weir_column_id id;
		uint64_t most;
	} columns[] = {{WEIR_COL_PROTO, UINT8_MAX},	 {WEIR_COL_FLOW_TYPE, UINT8_MAX}, {WEIR_COL_SRC_PORT, UINT16_MAX},
		       {WEIR_COL_IN_IF, UINT32_MAX}, {WEIR_COL_BYTES, UINT64_MAX},	  {WEIR_COL_SRC_MAC, UINT64_MAX}};
	struct weir_block *b = *state;

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		weir_block_put_number(b, columns[i].id, 1, 200);
		assert_int_equal(weir_block_number(b, columns[i].id, 1), 200);
		weir_block_put_number(b, columns[i].id, 1, UINT64_MAX);
		assert_int_equal(weir_block_number(b, columns[i].id, 1), columns[i].most);
		assert_int_equal(weir_block_number(b, columns[i].id, 0), 0);
		assert_int_equal(weir_block_number(b, columns[i].id, 2), 0);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_alike_rows_are_one_run),
		CASE(test_reset_clears_what_was_used),
		CASE(test_clear_undoes_what_was_not_committed),
		CASE(test_marked_columns_are_in_every_run),
		CASE(test_heap_has_a_ceiling),
		CASE(test_extras_have_a_ceiling),
		CASE(test_numbers_fit_or_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
