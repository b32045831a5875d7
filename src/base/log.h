/* Log lines: "2026-01-31T12:00:00.000Z LEVEL role: text", one write(2) a line, so that the lines of several
 * processes on one descriptor do not mix. Given as an argument to whoever may log (the roles in src/cli);
 * decoders and other pure code count instead. Any thread may call. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/clock.h"

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARN, WEIR_LOG_INFO, WEIR_LOG_DEBUG };

struct weir_log {
	int fd;                         /* borrowed, mostly 2 */
	enum weir_log_level level;      /* the most talkative that is written */
	const char *role;               /* borrowed: "collect", "store" … */
	const struct weir_clock *clock; /* borrowed */
};

void weir_log(const struct weir_log *log, enum weir_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
