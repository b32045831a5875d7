/* Times and durations as people write them.
 *
 * A time without a zone is local time (TZ), as in nfdump and journalctl; one with "Z" or "+01:00" is what it says.
 * Everything that is computed is milliseconds since 1970-01-01 UTC. The functions read TZ through localtime_r();
 * otherwise they are pure, and the present moment is an argument. */
#ifndef WEIR_QUERY_TIME_H
#define WEIR_QUERY_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* "90s", "15m", "1h30m", "7d", "2w", "500ms": positive milliseconds. -EINVAL for anything else. */
int weir_time_span_parse(const char *text, size_t len, int64_t *ret_ms) WEIR_MUST_CHECK;

/* "2026-01-31T12:00:00Z", "2026-01-31 12:00[:00[.5]]", "2026-01-31", "12:00", "now", "today", "yesterday", each of
 * these words with "-2h" or "+8h30m", "-2h" (from now), "@1769860800" (seconds). -EINVAL for anything else. */
int weir_time_parse(const char *text, size_t len, int64_t now_ms, int64_t *ret_ms) WEIR_MUST_CHECK;

#define WEIR_TIME_TEXT_MAX 40

/* "2026-01-31 12:00:00.000" in UTC, as ClickHouse reads it. */
void weir_time_text_utc(int64_t ms, char *ret_text);
/* The same in local time, and with the zone's offset behind where zone is set: "… +01:00" or "… UTC". */
void weir_time_text_local(int64_t ms, int zone, char *ret_text);

/* What --last, --from and --to say together: [from_ms, to_ms). Any may be NULL. None: the last hour. */
struct weir_window {
	int64_t from_ms;
	int64_t to_ms;
};

int weir_window_parse(const char *last, const char *from, const char *to, int64_t now_ms,
		      struct weir_window *ret_window, struct weir_error *err) WEIR_MUST_CHECK;

#endif
