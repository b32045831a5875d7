#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "store/room.h"

static struct weir_request_fault fault;

static int judge(const char *text, uint64_t free_bytes)
{
	struct weir_body body = {.fd = -1};
	struct weir_statement_fault refused = {0};
	int rc;

	weir_buffer_init(&body.text);
	if (weir_buffer_text(&body.text, text) ||
	    weir_statement_parse(text, strlen(text), true, &body.statement, &refused))
		fail_msg("%s: %s", text, refused.text);
	fault = (struct weir_request_fault){0};
	rc = weir_room_judge(free_bytes, &body, &fault);
	weir_buffer_done(&body.text);
	return rc;
}

static void what_adds_is_refused_on_a_full_disk(void **state)
{
	static const char *const adds[] = {
		"INSERT INTO t SELECT 1",
		"insert into t FORMAT CSV\n1",
		"CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a",
		"-- why\nALTER TABLE t ADD COLUMN b UInt8",
		"ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY",
		"RENAME TABLE t TO u",
		"OPTIMIZE TABLE t FINAL",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
		if (judge(adds[i], WEIR_ROOM_BYTES_LEAST - 1) != -ENOSPC || fault.code != 243 ||
		    fault.status != 500)
			fail_msg("%s: %d, code %d, status %d", adds[i], judge(adds[i], 0),
				 fault.code, fault.status);
		assert_int_equal(judge(adds[i], WEIR_ROOM_BYTES_LEAST), 0);
	}
	assert_int_equal(judge("CREATE DATABASE d", 3 << 20), -ENOSPC);
	assert_string_equal(fault.text, "The disk of the store is almost full: 3 MiB are free, and "
					"below 64 MiB nothing is written");
}

static void what_reads_or_makes_room_goes_on(void **state)
{
	static const char *const others[] = {
		"SELECT 1",
		"SHOW CREATE TABLE t",
		"DROP TABLE t",
		"TRUNCATE TABLE t",
		"ALTER TABLE t DROP PARTITION '2026-01-01'",
		"alter table t drop part 'all_1_1_0'",
		"KILL QUERY WHERE 1",
		"SYSTEM STOP MERGES",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (judge(others[i], 0))
			fail_msg("%s: refused: %s", others[i], fault.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_adds_is_refused_on_a_full_disk),
		cmocka_unit_test(what_reads_or_makes_room_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
