#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "query/time.h"

#define NOW INT64_C(1769860800000) /* 2026-01-31 12:00:00 UTC */
#define H   INT64_C(3600000)

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void assert_time(const char *text, int64_t expected)
{
	int64_t ms = -1;
	int rc = weir_time_parse(text, strlen(text), NOW, &ms);

	if (rc || ms != expected) {
		print_error("%s: %d, %lld, not %lld\n", text, rc, (long long)ms, (long long)expected);
		fail();
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"90s", 90000}, {"15m", 900000}, {"1h", H}, {"7d", 168 * H}, {"1h30m", H * 3 / 2}, {"500ms", 500},
		    {"2w", 336 * H}};
	static const char *const bad[] = {"", "0s", "h", "5", "1x", "-1h", "1h ", "99999999999999999999s", "9999999w"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ROWS(good); i++) {
		assert_int_equal(weir_time_span_parse(good[i].text, strlen(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ROWS(bad); i++)
		assert_int_equal(weir_time_span_parse(bad[i], strlen(bad[i]), &ms), -EINVAL);
}

static void test_times(void **state)
{
	static const char *const bad[] = {"", "noon", "2026", "2026-13-01", "2026-02-29", "2026-01-01T25:00", "12:60",
					  "now-", "now-2", "nowhere", "2026-01-31T12:00:00Zx", "@", "@-1", "@1x", "+",
					  "2026-01-31T12:00:00+1", "1960-01-01", "2026-01-31 12", "12:0"};
	int64_t ms;

	(void)state;
	set_zone("UTC");
	assert_time("2026-01-31T12:00:00Z", NOW);
	assert_time("2026-01-31T12:00:00.250z", NOW + 250);
	assert_time("2026-01-31T12:00:00+01:00", NOW - H);
	assert_time("2026-01-31T12:00-0530", NOW + H * 11 / 2);
	assert_time("2026-01-31 12:00", NOW);
	assert_time("2026-01-31 12:00:01.5", NOW + 1500);
	assert_time("2026-01-31", NOW - 12 * H);
	assert_time("2024-02-29", INT64_C(1709164800000));
	assert_time("11:30", NOW - H / 2);
	assert_time("now", NOW);
	assert_time("now-2h", NOW - 2 * H);
	assert_time("-2h", NOW - 2 * H);
	assert_time("now+1h", NOW + H);
	assert_time("today", NOW - 12 * H);
	assert_time("today+8h", NOW - 4 * H);
	assert_time("yesterday", NOW - 36 * H);
	assert_time("@1769860800", NOW);
	for (size_t i = 0; i < ROWS(bad); i++) {
		if (weir_time_parse(bad[i], strlen(bad[i]), NOW, &ms) != -EINVAL) {
			print_error("\"%s\" is taken\n", bad[i]);
			fail();
		}
	}
}

/* Without a zone a time is local, summer and winter. */
static void test_zones(void **state)
{
	char text[WEIR_TIME_TEXT_MAX];

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_time("2026-01-31 13:00", NOW);
	assert_time("2026-07-31 14:00", INT64_C(1785499200000));
	assert_time("2026-01-31T12:00:00Z", NOW);
	assert_time("today", NOW - 13 * H);
	weir_time_text_local(NOW + 5, 1, text);
	assert_string_equal(text, "2026-01-31 13:00:00.005 +01:00");
	weir_time_text_utc(NOW + 5, text);
	assert_string_equal(text, "2026-01-31 12:00:00.005");
	set_zone("UTC");
	weir_time_text_local(NOW, 1, text);
	assert_string_equal(text, "2026-01-31 12:00:00.000 UTC");
}

static void test_windows(void **state)
{
	struct weir_window w;
	struct weir_error err;

	(void)state;
	set_zone("UTC");
	assert_int_equal(weir_window_parse(NULL, NULL, NULL, NOW, &w, &err), 0);
	assert_true(w.from_ms == NOW - H && w.to_ms == NOW);
	assert_int_equal(weir_window_parse("2h", NULL, NULL, NOW, &w, &err), 0);
	assert_true(w.from_ms == NOW - 2 * H && w.to_ms == NOW);
	assert_int_equal(weir_window_parse(NULL, "now-3h", NULL, NOW, &w, &err), 0);
	assert_true(w.from_ms == NOW - 3 * H && w.to_ms == NOW);
	assert_int_equal(weir_window_parse("1h", "now-3h", NULL, NOW, &w, &err), 0);
	assert_true(w.from_ms == NOW - 3 * H && w.to_ms == NOW - 2 * H);
	assert_int_equal(weir_window_parse("1h", NULL, "now-3h", NOW, &w, &err), 0);
	assert_true(w.from_ms == NOW - 4 * H && w.to_ms == NOW - 3 * H);
	assert_int_equal(weir_window_parse("1h", "now-3h", "now", NOW, &w, &err), -EINVAL);
	assert_int_equal(weir_window_parse(NULL, "now", "now-3h", NOW, &w, &err), -EINVAL);
	assert_int_equal(weir_window_parse("soon", NULL, NULL, NOW, &w, &err), -EINVAL);
	assert_string_equal(err.where, "--last");
	assert_int_equal(weir_window_parse(NULL, "soon", NULL, NOW, &w, &err), -EINVAL);
	assert_string_equal(err.where, "--from");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
