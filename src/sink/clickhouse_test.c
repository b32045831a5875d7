#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "sink/clickhouse.h"

static void test_outcomes(void **state)
{
	static const struct {
		int rc;
		int code;
		enum weir_sink_outcome outcome;
	} CASES[] = {
		{0, 0, WEIR_SINK_STORED},
		{-ECANCELED, 0, WEIR_SINK_STOPPED},
		{-ECONNREFUSED, 0, WEIR_SINK_TROUBLE},
		{-ECONNRESET, 0, WEIR_SINK_TROUBLE},
		{-ETIMEDOUT, 0, WEIR_SINK_TROUBLE},
		{-EPROTO, 0, WEIR_SINK_TROUBLE},
		{-ENOENT, 0, WEIR_SINK_TROUBLE},
		{-ENOMEM, 0, WEIR_SINK_TROUBLE},
		/* The store's own: of the data. */
		{-EREMOTEIO, 33, WEIR_SINK_MALFORMED},	/* CANNOT_READ_ALL_DATA */
		{-EREMOTEIO, 117, WEIR_SINK_MALFORMED}, /* INCORRECT_DATA */
		{-EREMOTEIO, 618, WEIR_SINK_MALFORMED}, /* LZ4_DECODER_FAILED */
		{-EREMOTEIO, 53, WEIR_SINK_MALFORMED},	/* TYPE_MISMATCH */
		/* Of the tables: all segments would meet it. */
		{-EREMOTEIO, 16, WEIR_SINK_TROUBLE}, /* NO_SUCH_COLUMN_IN_TABLE */
		{-EREMOTEIO, 60, WEIR_SINK_TROUBLE}, /* UNKNOWN_TABLE */
		{-EREMOTEIO, 81, WEIR_SINK_TROUBLE}, /* UNKNOWN_DATABASE */
		/* Of the store. */
		{-EREMOTEIO, 0, WEIR_SINK_TROUBLE},
		{-EREMOTEIO, 159, WEIR_SINK_TROUBLE}, /* TIMEOUT_EXCEEDED */
		{-EREMOTEIO, 164, WEIR_SINK_TROUBLE}, /* READONLY */
		{-EREMOTEIO, 241, WEIR_SINK_TROUBLE}, /* MEMORY_LIMIT_EXCEEDED */
		{-EREMOTEIO, 243, WEIR_SINK_TROUBLE}, /* NOT_ENOUGH_SPACE */
		{-EREMOTEIO, 252, WEIR_SINK_TROUBLE}, /* TOO_MANY_PARTS */
		{-EREMOTEIO, 516, WEIR_SINK_TROUBLE}, /* AUTHENTICATION_FAILED */
		/* A code is of the last exception; without one it says nothing. */
		{-ECONNRESET, 33, WEIR_SINK_TROUBLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		enum weir_sink_outcome got = weir_sink_clickhouse_outcome(CASES[i].rc, CASES[i].code);

		if (got != CASES[i].outcome)
			fail_msg("rc %d, code %d: outcome %d, not %d", CASES[i].rc, CASES[i].code, (int)got,
				 (int)CASES[i].outcome);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
