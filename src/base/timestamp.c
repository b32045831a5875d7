#include "base/timestamp.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/decimal.h"

#define MS_PER_DAY (86400 * WEIR_MS_PER_S)
#define MS_MIN	   (-62167219200000LL) /* 0000-01-01T00:00:00.000Z */
#define MS_MAX	   253402300799999LL   /* 9999-12-31T23:59:59.999Z */

static void set_day(struct weir_timestamp *cache, int64_t day)
{
	time_t seconds = day * 86400;
	struct tm tm = {0};
	char *at = cache->date;

	(void)gmtime_r(&seconds, &tm);
	at = weir_decimal_put_fixed(at, (uint64_t)tm.tm_year + 1900, 4);
	*at++ = '-';
	at = weir_decimal_put_fixed(at, (uint64_t)tm.tm_mon + 1, 2);
	*at++ = '-';
	(void)weir_decimal_put_fixed(at, (uint64_t)tm.tm_mday, 2);
	cache->day = day;
	cache->valid = true;
}

char *weir_timestamp_put(struct weir_timestamp *cache, int64_t ms, char *at)
{
	int64_t day;
	uint64_t left;

	ms = ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
	day = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
	if (!cache->valid || cache->day != day)
		set_day(cache, day);
	left = (uint64_t)(ms - day * MS_PER_DAY);
	memcpy(at, cache->date, sizeof(cache->date));
	at += sizeof(cache->date);
	*at++ = 'T';
	at = weir_decimal_put_fixed(at, left / 3600000, 2);
	*at++ = ':';
	at = weir_decimal_put_fixed(at, left / 60000 % 60, 2);
	*at++ = ':';
	at = weir_decimal_put_fixed(at, left / 1000 % 60, 2);
	*at++ = '.';
	at = weir_decimal_put_fixed(at, left % 1000, 3);
	*at++ = 'Z';
	return at;
}
