#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVEL_NAMES[] = {
	[WEIR_LOG_ERROR] = "ERROR",
	[WEIR_LOG_WARN] = "WARN",
	[WEIR_LOG_INFO] = "INFO",
	[WEIR_LOG_DEBUG] = "DEBUG",
};

void weir_log(const struct weir_log *log, enum weir_log_level level, const char *fmt, ...)
{
	char line[1024];
	int64_t wall_ns;
	time_t seconds;
	struct tm tm;
	size_t len;
	int n;
	va_list args;

	if (!log || level > log->level)
		return;
	wall_ns = weir_clock_wall_ns(log->clock);
	seconds = (time_t)(wall_ns / WEIR_NS_PER_S);
	if (!gmtime_r(&seconds, &tm))
		return;
	len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + len, sizeof(line) - len, ".%03dZ %s %s: ",
		     (int)(wall_ns / WEIR_NS_PER_MS % 1000), LEVEL_NAMES[level], log->role);
	len += n > 0 ? (size_t)n : 0;
	va_start(args, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	len += n > 0 ? (size_t)n : 0;
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	/* What came from outside must not forge lines. */
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	if (write(log->fd, line, len) < 0)
		return; /* nobody is left to tell */
}
