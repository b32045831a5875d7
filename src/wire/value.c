#include "wire/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "flow/addr.h"
#include "wire/copy.h"

#define DECIMAL_MAX 24

size_t weir_value_trim(const uint8_t *data, size_t len)
{
	while (len && !data[len - 1])
		len--;
	return len;
}

static struct weir_value_text text_hex(const uint8_t *data, size_t len, char *scratch)
{
	static const char digits[16] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		scratch[2 * i] = digits[data[i] >> 4];
		scratch[2 * i + 1] = digits[data[i] & 15];
	}
	return (struct weir_value_text){.text = scratch, .len = 2 * len};
}

static struct weir_value_text text_decimal(uint64_t value, bool negative, char *scratch)
{
	char *end = scratch + DECIMAL_MAX;
	char *at = end;

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	if (negative)
		*--at = '-';
	return (struct weir_value_text){.text = at, .len = (size_t)(end - at), .number = true};
}

static struct weir_value_text text_unsigned(const uint8_t *data, size_t len, char *scratch)
{
	return text_decimal(weir_load_uint(data, len), false, scratch);
}

static struct weir_value_text text_signed(const uint8_t *data, size_t len, char *scratch)
{
	uint64_t value = weir_load_uint(data, len);
	uint64_t sign = UINT64_C(1) << (8 * len - 1);

	/* The magnitude of a negative number of 8 * len bits. */
	if (value & sign)
		return text_decimal((sign - (value & (sign - 1))), true, scratch);
	return text_decimal(value, false, scratch);
}

static struct weir_value_text text_float(const uint8_t *data, size_t len, char *scratch)
{
	uint32_t bits32 = (uint32_t)weir_load_uint(data, len);
	uint64_t bits64 = weir_load_uint(data, len);
	float narrow;
	double value;
	int n;

	if (len != 4 && len != 8)
		return text_hex(data, len, scratch);
	memcpy(&narrow, &bits32, sizeof(narrow));
	memcpy(&value, &bits64, sizeof(value));
	if (len == 4)
		value = (double)narrow;
	n = snprintf(scratch, DECIMAL_MAX + 8, len == 4 ? "%.9g" : "%.17g", value);
	return (struct weir_value_text){.text = scratch, .len = n > 0 ? (size_t)n : 0, .number = isfinite(value)};
}

static struct weir_value_text text_boolean(const uint8_t *data, size_t len, char *scratch)
{
	/* RFC 7011 §6.1.5 */
	if (data[0] == 1)
		return (struct weir_value_text){.text = "true", .len = 4};
	if (data[0] == 2)
		return (struct weir_value_text){.text = "false", .len = 5};
	return text_unsigned(data, len, scratch);
}

static struct weir_value_text text_mac(const uint8_t *data, size_t len, char *scratch)
{
	return (struct weir_value_text){.text = scratch, .len = weir_mac_text(weir_be_uint(data, len), scratch)};
}

static struct weir_value_text text_ipv4(const uint8_t *data, size_t len, char *scratch)
{
	struct weir_addr a = weir_addr_from_v4(data);

	(void)len;
	return (struct weir_value_text){.text = scratch, .len = weir_addr_text(&a, scratch)};
}

static struct weir_value_text text_ipv6(const uint8_t *data, size_t len, char *scratch)
{
	struct weir_addr a;

	(void)len;
	memcpy(&a, data, sizeof(a));
	return (struct weir_value_text){.text = scratch, .len = weir_addr_text(&a, scratch)};
}

static struct weir_value_text text_time(int64_t ms, char *scratch)
{
	time_t seconds = ms / 1000;
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm))
		return (struct weir_value_text){.text = scratch};
	n = strftime(scratch, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(scratch + n, 8, ".%03uZ", (unsigned)(ms % 1000));
	return (struct weir_value_text){.text = scratch, .len = n};
}

static struct weir_value_text text_seconds(const uint8_t *data, size_t len, char *scratch)
{
	return text_time(weir_time_clamp(weir_load_uint(data, len) * 1000), scratch);
}

static struct weir_value_text text_milliseconds(const uint8_t *data, size_t len, char *scratch)
{
	return text_time(weir_time_clamp(weir_load_uint(data, len)), scratch);
}

static struct weir_value_text text_ntp(const uint8_t *data, size_t len, char *scratch)
{
	return text_time(weir_ntp_to_ms(weir_load_uint(data, len)), scratch);
}

static struct weir_value_text text_string(const uint8_t *data, size_t len, char *scratch)
{
	(void)scratch;
	return (struct weir_value_text){.text = (const char *)data, .len = weir_value_trim(data, len)};
}

/* Types that are missing here are hexadecimal. */
static const struct {
	struct weir_value_text (*text)(const uint8_t *data, size_t len, char *scratch);
	size_t len_min;
	size_t len_max;
} TEXTS[WEIR_ELEMENT_TYPES] = {
	[WEIR_ELEMENT_U8]           = {text_unsigned,     1,  8},
	[WEIR_ELEMENT_U16]          = {text_unsigned,     1,  8},
	[WEIR_ELEMENT_U32]          = {text_unsigned,     1,  8},
	[WEIR_ELEMENT_U64]          = {text_unsigned,     1,  8},
	[WEIR_ELEMENT_U256]         = {text_unsigned,     1,  8},
	[WEIR_ELEMENT_S8]           = {text_signed,       1,  8},
	[WEIR_ELEMENT_S16]          = {text_signed,       1,  8},
	[WEIR_ELEMENT_S32]          = {text_signed,       1,  8},
	[WEIR_ELEMENT_S64]          = {text_signed,       1,  8},
	[WEIR_ELEMENT_F32]          = {text_float,        4,  4},
	[WEIR_ELEMENT_F64]          = {text_float,        4,  8},
	[WEIR_ELEMENT_BOOLEAN]      = {text_boolean,      1,  1},
	[WEIR_ELEMENT_MAC]          = {text_mac,          6,  6},
	[WEIR_ELEMENT_STRING]       = {text_string,       0,  65535},
	[WEIR_ELEMENT_SECONDS]      = {text_seconds,      4,  4},
	[WEIR_ELEMENT_MILLISECONDS] = {text_milliseconds, 8,  8},
	[WEIR_ELEMENT_MICROSECONDS] = {text_ntp,          8,  8},
	[WEIR_ELEMENT_NANOSECONDS]  = {text_ntp,          8,  8},
	[WEIR_ELEMENT_IPV4]         = {text_ipv4,         4,  4},
	[WEIR_ELEMENT_IPV6]         = {text_ipv6,         16, 16},
};

struct weir_value_text weir_value_text(const struct weir_element *element, const uint8_t *data, size_t len,
				       char *scratch)
{
	unsigned type = element ? element->type : WEIR_ELEMENT_OCTETS;

	if (!TEXTS[type].text || len < TEXTS[type].len_min || len > TEXTS[type].len_max)
		return text_hex(data, len, scratch);
	return TEXTS[type].text(data, len, scratch);
}
