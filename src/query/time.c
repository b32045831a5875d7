#include "query/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_S   1000LL
#define MS_PER_MIN (60 * MS_PER_S)
#define MS_PER_H   (60 * MS_PER_MIN)
#define MS_PER_D   (24 * MS_PER_H)
#define LAST_MS    MS_PER_H	     /* the window when none is given */
#define TIME_MAX   (7258118400LL * MS_PER_S) /* 2200-01-01: DateTime64 goes to 2299 */
#define TEXT_MAX   64

static const struct {
	const char *name;
	int64_t ms;
} UNITS[] = {
	{"ms", 1},	     {"s", MS_PER_S},	  {"sec", MS_PER_S}, {"m", MS_PER_MIN}, {"min", MS_PER_MIN},
	{"h", MS_PER_H},     {"d", MS_PER_D},	  {"w", 7 * MS_PER_D},
};

static int64_t unit_ms(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		if (strlen(UNITS[i].name) == len && memcmp(UNITS[i].name, name, len) == 0)
			return UNITS[i].ms;
	}
	return 0;
}

int weir_time_span_parse(const char *text, size_t len, int64_t *ret_ms)
{
	int64_t total = 0;
	size_t at = 0;

	while (at < len) {
		int64_t value = 0;
		size_t digits = at;
		size_t unit;

		for (; at < len && isdigit((unsigned char)text[at]); at++) {
			if (__builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, text[at] - '0', &value))
				return -EINVAL;
		}
		unit = at;
		while (at < len && islower((unsigned char)text[at]))
			at++;
		if (unit == digits || !unit_ms(text + unit, at - unit) ||
		    __builtin_mul_overflow(value, unit_ms(text + unit, at - unit), &value) ||
		    __builtin_add_overflow(total, value, &total))
			return -EINVAL;
	}
	if (!total || total > TIME_MAX)
		return -EINVAL;
	*ret_ms = total;
	return 0;
}

/* Exactly `digits` digits at *at. */
static bool take_digits(const char **at, int digits, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)(*at)[i]))
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*ret_value = value;
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "12:00", "12:00:05", "12:00:05.25". */
static bool take_clock(const char **at, struct tm *tm, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (!take_digits(at, 2, &tm->tm_hour) || !take_char(at, ':') || !take_digits(at, 2, &tm->tm_min) ||
	    tm->tm_hour > 23 || tm->tm_min > 59)
		return false;
	if (!take_char(at, ':'))
		return true;
	if (!take_digits(at, 2, &tm->tm_sec) || tm->tm_sec > 60)
		return false;
	if (!take_char(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
		*ret_ms += (**at - '0') * scale;
	return true;
}

static bool take_date(const char **at, struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap;

	if (!take_digits(at, 4, &tm->tm_year) || !take_char(at, '-') || !take_digits(at, 2, &tm->tm_mon) ||
	    !take_char(at, '-') || !take_digits(at, 2, &tm->tm_mday))
		return false;
	leap = tm->tm_year % 4 == 0 && (tm->tm_year % 100 != 0 || tm->tm_year % 400 == 0);
	if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 ||
	    tm->tm_mday > days[tm->tm_mon - 1] + (tm->tm_mon == 2 && leap))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

/* "Z" or "+01:00" or "-0530"; *ret_offset_ms is what to take away, *ret_local where there is no zone. */
static bool take_zone(const char **at, int64_t *ret_offset_ms, bool *ret_local)
{
	int sign = **at == '-' ? -1 : 1;
	int hours, minutes = 0;

	*ret_offset_ms = 0;
	*ret_local = false;
	if (take_char(at, 'Z') || take_char(at, 'z'))
		return true;
	if (**at != '+' && **at != '-') {
		*ret_local = true;
		return true;
	}
	(*at)++;
	if (!take_digits(at, 2, &hours))
		return false;
	(void)take_char(at, ':');
	if (**at && !take_digits(at, 2, &minutes))
		return false;
	*ret_offset_ms = sign * (hours * MS_PER_H + minutes * MS_PER_MIN);
	return hours < 24 && minutes < 60;
}

static int64_t from_local(struct tm *tm, int ms)
{
	tm->tm_isdst = -1;
	return (int64_t)mktime(tm) * MS_PER_S + ms;
}

static struct tm local_of(int64_t ms)
{
	time_t seconds = (time_t)(ms / MS_PER_S);
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	return tm;
}

/* Midnight of the day that lies `days` from the one of now. */
static int64_t midnight(int64_t now_ms, int days)
{
	struct tm tm = local_of(now_ms);

	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	return from_local(&tm, 0);
}

static int parse_absolute(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	struct tm tm = {0};
	const char *at = text;
	int64_t offset;
	int ms = 0;
	bool local = true;

	if (text[2] == ':') {
		tm = local_of(now_ms);
		tm.tm_sec = 0;
		if (!take_clock(&at, &tm, &ms) || *at)
			return -EINVAL;
		*ret_ms = from_local(&tm, ms);
		return 0;
	}
	if (!take_date(&at, &tm))
		return -EINVAL;
	if (*at) {
		if (*at != 'T' && *at != 't' && *at != ' ')
			return -EINVAL;
		at++;
		if (!take_clock(&at, &tm, &ms))
			return -EINVAL;
		while (*at == ' ')
			at++;
		if (!take_zone(&at, &offset, &local) || *at)
			return -EINVAL;
	}
	*ret_ms = local ? from_local(&tm, ms) : (int64_t)timegm(&tm) * MS_PER_S + ms - offset;
	return 0;
}

/* "now", "today-1d", "-2h"; the word is cut off and *ret_ms is its moment. -ENOENT when it is none of these. */
static int parse_relative(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	size_t word = strcspn(text, "+-");
	int64_t base, shift;

	if (word == 0 || (word == 3 && memcmp(text, "now", 3) == 0))
		base = now_ms;
	else if (word == 5 && memcmp(text, "today", 5) == 0)
		base = midnight(now_ms, 0);
	else if (word == 9 && memcmp(text, "yesterday", 9) == 0)
		base = midnight(now_ms, -1);
	else
		return -ENOENT;
	if (text[word]) {
		if (weir_time_span_parse(text + word + 1, strlen(text + word + 1), &shift))
			return -EINVAL;
		base += text[word] == '-' ? -shift : shift;
	} else if (word == 0) {
		return -EINVAL;
	}
	*ret_ms = base;
	return 0;
}

static int parse_epoch(const char *text, int64_t *ret_ms)
{
	int64_t seconds = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || seconds > TIME_MAX)
			return -EINVAL;
		seconds = seconds * 10 + (*text - '0');
	}
	if (seconds > TIME_MAX / MS_PER_S)
		return -EINVAL;
	*ret_ms = seconds * MS_PER_S;
	return 0;
}

int weir_time_parse(const char *text, size_t len, int64_t now_ms, int64_t *ret_ms)
{
	char copy[TEXT_MAX] = {0}; /* zeros behind the text: the parts above look a few bytes ahead */
	int64_t ms = 0;
	int rc;

	if (!len || len >= sizeof(copy) - 4 || memchr(text, 0, len))
		return -EINVAL;
	memcpy(copy, text, len);
	if (*copy == '@') {
		rc = parse_epoch(copy + 1, &ms);
	} else {
		rc = parse_relative(copy, now_ms, &ms);
		if (rc == -ENOENT)
			rc = parse_absolute(copy, now_ms, &ms);
	}
	if (rc || ms < 0 || ms > TIME_MAX)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

static size_t put_time(const struct tm *tm, int64_t ms, char *text)
{
	return (size_t)snprintf(text, WEIR_TIME_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d.%03d",
				(tm->tm_year + 1900) % 10000, tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min,
				tm->tm_sec, (int)(ms % MS_PER_S));
}

void weir_time_text_utc(int64_t ms, char *ret_text)
{
	time_t seconds = (time_t)(ms / MS_PER_S);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	(void)put_time(&tm, ms, ret_text);
}

void weir_time_text_local(int64_t ms, int zone, char *ret_text)
{
	struct tm tm = local_of(ms);
	size_t len = put_time(&tm, ms, ret_text);
	long minutes = tm.tm_gmtoff / 60;

	if (!zone)
		return;
	if (minutes == 0)
		(void)snprintf(ret_text + len, WEIR_TIME_TEXT_MAX - len, " UTC");
	else
		(void)snprintf(ret_text + len, WEIR_TIME_TEXT_MAX - len, " %c%02d:%02d", minutes < 0 ? '-' : '+',
			       (int)((minutes < 0 ? -minutes : minutes) / 60 % 100),
			       (int)((minutes < 0 ? -minutes : minutes) % 60));
}

static int bad_time(struct weir_error *err, const char *option, const char *text)
{
	return weir_error_set(err, -EINVAL, option,
			      "write it as \"2026-01-31 12:00\", 2026-01-31T12:00:00Z, 12:00, today or now-2h",
			      "\"%.60s\" is not a time", text);
}

int weir_window_parse(const char *last, const char *from, const char *to, int64_t now_ms,
		      struct weir_window *ret_window, struct weir_error *err)
{
	struct weir_window w = {.to_ms = now_ms};
	int64_t last_ms = LAST_MS;

	if (last && from && to)
		return weir_error_set(err, -EINVAL, "--last", "leave one of the three away",
				      "--last, --from and --to together say too much");
	if (last && weir_time_span_parse(last, strlen(last), &last_ms))
		return weir_error_set(err, -EINVAL, "--last", "write it as 90s, 15m, 1h30m or 7d",
				      "\"%.60s\" is not a duration", last);
	if (to && weir_time_parse(to, strlen(to), now_ms, &w.to_ms))
		return bad_time(err, "--to", to);
	if (from && weir_time_parse(from, strlen(from), now_ms, &w.from_ms))
		return bad_time(err, "--from", from);
	if (from && last)
		w.to_ms = w.from_ms + last_ms;
	else if (!from)
		w.from_ms = w.to_ms - last_ms;
	if (w.from_ms < 0)
		w.from_ms = 0;
	if (w.from_ms >= w.to_ms)
		return weir_error_set(err, -EINVAL, "--from", "let the window begin before it ends",
				      "the window ends before it begins, or is empty");
	*ret_window = w;
	return 0;
}
