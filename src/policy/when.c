/* Times of the week, and quantities: the conditions of a rule that are not about who and what. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "policy/rule.h"

#define DAY_MINUTES  1440
#define WEEK_MINUTES (7 * DAY_MINUTES)

static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static const char WHEN_NEXT[] = "write days and hours as \"mon-fri 08:00-18:00\", \"sat, sun\" or \"22:00-06:00\"; \"not\" before them turns them round";

static int day_of(const char *text, size_t len)
{
	for (int day = 0; day < 7; day++) {
		if (len == 3 && strncasecmp(text, DAYS[day], 3) == 0)
			return day;
	}
	return -1;
}

/* "08:00": minutes, 24:00 being allowed. -1 for anything else. */
static int minute_of(const char *text, size_t len)
{
	int hour;
	int minute;

	if (len != 5 || text[2] != ':')
		return -1;
	for (int i = 0; i < 5; i++) {
		if (i != 2 && !isdigit((unsigned char)text[i]))
			return -1;
	}
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
		return -1;
	return hour * 60 + minute;
}

/* Split at the dash; without one both are the same. */
static void split(const char *text, size_t len, const char **ret_second, size_t *ret_first_len, size_t *ret_second_len)
{
	const char *dash = memchr(text, '-', len);

	*ret_first_len = dash ? (size_t)(dash - text) : len;
	*ret_second = dash ? dash + 1 : text;
	*ret_second_len = dash ? len - *ret_first_len - 1 : len;
}

static int add_span(struct weir_when *when, int from, int to)
{
	if (when->spans == WEIR_POLICY_SPANS_MAX)
		return -ENOSPC;
	when->span[when->spans++] = (struct weir_week_span){(uint16_t)from, (uint16_t)to};
	return 0;
}

/* From minute to minute of one day; a span that ends before it begins goes on into the next day. */
static int add_day(struct weir_when *when, int day, int from, int to)
{
	int begin = day * DAY_MINUTES + from;
	int rc;

	if (from < to)
		return add_span(when, begin, day * DAY_MINUTES + to);
	if (day < 6)
		return add_span(when, begin, (day + 1) * DAY_MINUTES + to);
	rc = add_span(when, begin, WEEK_MINUTES);
	return rc || !to ? rc : add_span(when, 0, to);
}

struct day_time {
	int first_day;
	int last_day;
	int from;
	int to;
};

/* A word is days or hours. */
static int take_word(struct day_time *t, const char *word, size_t len)
{
	const char *second;
	size_t first_len;
	size_t second_len;

	split(word, len, &second, &first_len, &second_len);
	if (day_of(word, first_len) >= 0) {
		t->first_day = day_of(word, first_len);
		t->last_day = day_of(second, second_len);
		return t->last_day < 0 ? -EINVAL : 0;
	}
	t->from = minute_of(word, first_len);
	t->to = minute_of(second, second_len);
	return t->from < 0 || t->to < 0 || second == word ? -EINVAL : 0;
}

static int parse_span(const char *text, size_t len, struct weir_when *when)
{
	struct day_time t = {0, 6, 0, DAY_MINUTES};
	bool any = false;

	while (len) {
		size_t word;

		if (isspace((unsigned char)*text)) {
			text++;
			len--;
			continue;
		}
		for (word = 0; word < len && !isspace((unsigned char)text[word]);)
			word++;
		if (take_word(&t, text, word))
			return -EINVAL;
		any = true;
		text += word;
		len -= word;
	}
	if (!any)
		return -EINVAL;
	for (int day = t.first_day;; day = (day + 1) % 7) {
		int rc = add_day(when, day, t.from, t.to);

		if (rc || day == t.last_day)
			return rc;
	}
}

int weir_when_parse(const char *text, const char *where, struct weir_when *when, struct weir_error *err)
{
	while (isspace((unsigned char)*text))
		text++;
	if (!when->spans && strncasecmp(text, "not", 3) == 0 && isspace((unsigned char)text[3])) {
		when->negated = true;
		text += 4;
	}
	while (text) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		int rc = parse_span(text, len, when);

		if (rc == -ENOSPC)
			return weir_error_set(err, rc, where, WHEN_NEXT, "more than %d spans of time", WEIR_POLICY_SPANS_MAX);
		if (rc)
			return weir_error_set(err, rc, where, WHEN_NEXT, "\"%.*s\" is no time of the week",
					      (int)(len > 100 ? 100 : len), text);
		text = comma ? comma + 1 : NULL;
	}
	return 0;
}

bool weir_when_holds(const struct weir_when *when, int64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm tm;
	int minute;
	bool within = false;

	if (!when->spans)
		return true;
	if (!localtime_r(&t, &tm))
		return false;
	minute = (tm.tm_wday + 6) % 7 * DAY_MINUTES + tm.tm_hour * 60 + tm.tm_min;
	for (uint32_t i = 0; i < when->spans && !within; i++)
		within = minute >= when->span[i].from && minute < when->span[i].to;
	return within != when->negated;
}

/* --- how much --- */

struct unit {
	const char *name;
	uint64_t factor;
	enum weir_quantity quantity;
};

static const struct unit UNITS[] = {
	{"B",	    1,			  WEIR_QUANTITY_BYTES},
	{"bytes",   1,			  WEIR_QUANTITY_BYTES},
	{"kB",	    1000,		  WEIR_QUANTITY_BYTES},
	{"MB",	    1000 * 1000,	  WEIR_QUANTITY_BYTES},
	{"GB",	    1000 * 1000 * 1000,	  WEIR_QUANTITY_BYTES},
	{"TB",	    1000000000000ULL,	  WEIR_QUANTITY_BYTES},
	{"packets", 1,			  WEIR_QUANTITY_PACKETS},
	{"flows",   1,			  WEIR_QUANTITY_FLOWS},
};

static const struct unit SPANS[] = {{"s", 1, 0}, {"m", 60, 0}, {"h", 3600, 0}, {"d", 86400, 0}};

static const char MORE_NEXT[] = "write it as \"100 MB\" for one flow, or as \"1 GB within 1h\" or \"1000 flows within 1m\" for all flows between "
				"two addresses";

/* A number and one of the units, behind blanks; *text is moved behind both. */
static const struct unit *take_quantity(const char **text, const struct unit *units, size_t n, uint64_t *ret_value)
{
	const char *t = *text;
	char *end;
	size_t len = 0;
	uint64_t number;

	while (isspace((unsigned char)*t))
		t++;
	if (!isdigit((unsigned char)*t))
		return NULL;
	errno = 0;
	number = strtoull(t, &end, 10);
	t = end;
	while (isspace((unsigned char)*t))
		t++;
	while (isalpha((unsigned char)t[len]))
		len++;
	for (size_t i = 0; i < n; i++) {
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, t, len) == 0 && !errno &&
		    !__builtin_mul_overflow(number, units[i].factor, ret_value)) {
			*text = t + len;
			return &units[i];
		}
	}
	return NULL;
}

int weir_more_than_parse(const char *text, const char *where, struct weir_more_than *ret_more_than, struct weir_error *err)
{
	struct weir_more_than m = {0};
	const char *t = text;
	const struct unit *unit = take_quantity(&t, UNITS, sizeof(UNITS) / sizeof(UNITS[0]), &m.value);
	uint64_t within = 0;

	if (!unit)
		goto refused;
	m.quantity = unit->quantity;
	while (isspace((unsigned char)*t))
		t++;
	if (*t) {
		if (strncasecmp(t, "within", 6) != 0)
			goto refused;
		t += 6;
		if (!take_quantity(&t, SPANS, sizeof(SPANS) / sizeof(SPANS[0]), &within) || *t || !within || within > 7 * 86400)
			goto refused;
		m.within_s = (uint32_t)within;
	}
	if (m.quantity == WEIR_QUANTITY_FLOWS && !m.within_s)
		goto refused;
	*ret_more_than = m;
	return 0;
refused:
	return weir_error_set(err, -EINVAL, where, MORE_NEXT, "\"%.100s\" is no quantity", text);
}
