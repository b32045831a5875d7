#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/record.h"

#define TEXT(s) {(s), sizeof(s) - 1}

static const struct weir_record RECORD = {
	.time_ms = 0x0102030405060708,
	.exporter = {{0x20, 1, [15] = 9}},
	.flow_type = 9,
	.domain = 7,
	.kind = TEXT("interface"),
	.id = TEXT("3"),
	.source = 3,
	.name = TEXT("interfaceName"),
	.value = TEXT("Gi0/3"),
	.number = 77,
};

static void test_lanes(void **state)
{
	(void)state;
	assert_int_equal(weir_table_of_lane("w0"), WEIR_TABLE_FLOWS);
	assert_int_equal(weir_table_of_lane("options"), WEIR_TABLE_FLOWS);
	assert_int_equal(weir_table_of_lane("options-w0"), WEIR_TABLE_OPTIONS);
	assert_int_equal(weir_table_of_lane("counters-s0"), WEIR_TABLE_COUNTERS);
}

static void assert_has(const struct weir_buffer *b, const void *data, size_t len)
{
	assert_non_null(memmem(b->data, b->len, data, len));
}

static int take_row(void *ctx, const struct weir_record *record)
{
	struct weir_record *rows = ctx;
	unsigned at = rows[0].domain++;

	rows[1 + at] = *record;
	return 0;
}

static void test_read_back(void **state)
{
	struct weir_record rows[4] = {0};
	struct weir_records r;
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	weir_records_init(&r, WEIR_TABLE_OPTIONS);
	assert_int_equal(weir_records_add(&r, &RECORD), 0);
	assert_int_equal(weir_records_add(&r, &RECORD), 0);
	assert_int_equal(weir_records_native(&r, &out), 0);
	assert_int_equal(weir_records_read(WEIR_TABLE_OPTIONS, out.data, out.len, take_row, rows), 0);
	assert_int_equal(rows[0].domain, 2);
	for (unsigned i = 1; i < 3; i++) {
		assert_true(rows[i].time_ms == RECORD.time_ms);
		assert_memory_equal(&rows[i].exporter, &RECORD.exporter, sizeof(RECORD.exporter));
		assert_int_equal(rows[i].domain, 7);
		assert_int_equal(rows[i].name.len, RECORD.name.len);
		assert_memory_equal(rows[i].name.data, RECORD.name.data, RECORD.name.len);
		assert_memory_equal(rows[i].value.data, RECORD.value.data, RECORD.value.len);
	}
	/* Cut at each place, and with a byte too many: no row, or none beyond. */
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(weir_records_read(WEIR_TABLE_OPTIONS, out.data, len, take_row, rows), -EBADMSG);
	assert_int_equal(weir_buffer_append(&out, "", 1), 0);
	assert_int_equal(weir_records_read(WEIR_TABLE_OPTIONS, out.data, out.len, take_row, rows), -EBADMSG);
	assert_int_equal(weir_records_read(WEIR_TABLE_EVENTS, out.data, out.len - 1, take_row, rows), -EBADMSG);
	assert_int_equal(rows[0].domain, 2);
	weir_records_done(&r);
	weir_buffer_done(&out);
}

static void test_native(void **state)
{
	struct weir_records r;
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	weir_records_init(&r, WEIR_TABLE_COUNTERS);
	assert_int_equal(weir_records_native(&r, &out), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(weir_records_add(&r, &RECORD), 0);
	assert_int_equal(weir_records_add(&r, &RECORD), 0);
	assert_int_equal(weir_records_native(&r, &out), 0);
	assert_int_equal(out.data[0], 8);
	assert_int_equal(out.data[1], 2);
	assert_has(&out, "\x04time\x14" "DateTime64(3, 'UTC')\x08\x07\x06\x05\x04\x03\x02\x01", 34);
	assert_has(&out, "\x06source\x06UInt32\x03\0\0\0\x03\0\0\0", 22);
	assert_has(&out, "\x04kind\x06String\x09interface\x09interface", 32);
	assert_has(&out, "\x05value\x06UInt64\x4d\0\0\0\0\0\0\0\x4d\0\0\0\0\0\0\0", 29);
	weir_records_reset(&r);
	assert_int_equal(r.rows, 0);
	weir_records_done(&r);
	weir_buffer_done(&out);
}

static void test_full(void **state)
{
	static char large[1 << 20];
	struct weir_record record = RECORD;
	struct weir_records r;
	unsigned added = 0;

	(void)state;
	weir_records_init(&r, WEIR_TABLE_OPTIONS);
	record.value = (struct weir_text){large, sizeof(large)};
	while (weir_records_add(&r, &record) == 0)
		added++;
	assert_int_equal(added, 4);
	assert_int_equal(weir_records_add(&r, &RECORD), -ENOSPC);
	weir_records_reset(&r);
	assert_int_equal(weir_records_add(&r, &RECORD), 0);
	weir_records_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
