#include "config/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
	bool print;
};

/* The largest first, as weir_*_print() tries them. Nobody prints weeks and years: "730d" is plainer than "2y". */
static const struct unit SIZE_UNITS[] = {
	{"T", 1ULL << 40, true}, {"G", 1ULL << 30, true}, {"M", 1ULL << 20, true}, {"K", 1ULL << 10, true}, {"", 1, true},
	{NULL, 0, false},
};

static const struct unit DURATION_UNITS[] = {
	{"y", 365ULL * 86400000, false}, {"w", 7ULL * 86400000, false}, {"d", 86400000, true}, {"h", 3600000, true},
	{"m", 60000, true}, {"s", 1000, true}, {"ms", 1, true}, {NULL, 0, false},
};

/* The digits at the start of text. */
static int parse_digits(const char *text, const char **ret_end, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*ret_end = p;
	*ret_value = value;
	return 0;
}

static int scale(uint64_t value, const struct unit *units, const char *name, size_t len, uint64_t *ret_value)
{
	for (const struct unit *u = units; u->name; u++) {
		if (strlen(u->name) != len || strncasecmp(u->name, name, len) != 0)
			continue;
		if (__builtin_mul_overflow(value, u->factor, &value))
			return -ERANGE;
		*ret_value = value;
		return 0;
	}
	return -EINVAL;
}

int weir_number_parse(const char *text, uint64_t *ret_value)
{
	const char *end;
	uint64_t value;
	int rc = parse_digits(text, &end, &value);

	if (rc || *end)
		return rc ? rc : -EINVAL;
	*ret_value = value;
	return 0;
}

int weir_size_parse(const char *text, uint64_t *ret_bytes)
{
	const char *unit;
	uint64_t value;
	size_t len;
	int rc = parse_digits(text, &unit, &value);

	if (rc)
		return rc;
	len = strlen(unit);
	if (len > 1 && strcmp(unit + 1, "iB") == 0)
		len -= 2;
	else if (len && unit[len - 1] == 'B')
		len--;
	return scale(value, SIZE_UNITS, unit, len, ret_bytes);
}

int weir_duration_parse(const char *text, uint64_t *ret_ms)
{
	const char *unit;
	uint64_t value;
	int rc = parse_digits(text, &unit, &value);

	if (rc)
		return rc;
	if (value == 0 && !*unit) {
		*ret_ms = 0;
		return 0;
	}
	return scale(value, DURATION_UNITS, unit, strlen(unit), ret_ms);
}

static void print(uint64_t value, const struct unit *units, char *ret_text, size_t size)
{
	const struct unit *u = units;

	while (u->factor > 1 && (!u->print || value % u->factor))
		u++;
	(void)snprintf(ret_text, size, "%" PRIu64 "%s", value / u->factor, u->name);
}

void weir_size_print(uint64_t bytes, char *ret_text, size_t size)
{
	if (bytes)
		print(bytes, SIZE_UNITS, ret_text, size);
	else
		(void)snprintf(ret_text, size, "0");
}

void weir_duration_print(uint64_t ms, char *ret_text, size_t size)
{
	if (ms)
		print(ms, DURATION_UNITS, ret_text, size);
	else
		(void)snprintf(ret_text, size, "0");
}

/* --- rates ------------------------------------------------------------------------------------------------ */

static const struct {
	char letter;
	double factor;
} RATE_UNITS[] = {{'k', 1e3}, {'K', 1e3}, {'M', 1e6}, {'G', 1e9}, {'T', 1e12}};

int weir_rate_parse(const char *text, uint64_t *ret_bps)
{
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0; end != text && *end && i < sizeof(RATE_UNITS) / sizeof(RATE_UNITS[0]); i++) {
		if (*end == RATE_UNITS[i].letter) {
			value *= RATE_UNITS[i].factor;
			end++;
			break;
		}
	}
	if (end == text || *end || !(value >= 1 && value <= 1e18))
		return -EINVAL;
	*ret_bps = (uint64_t)value;
	return 0;
}
