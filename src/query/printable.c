#include "query/printable.h"

#include <stdbool.h>
#include <string.h>

struct range {
	uint32_t from, to;
};

/* Characters that would change how the rest of the line looks: C1, marks and overrides of direction, line and
 * paragraph separators, byte order mark, tags. */
static const struct range UNPRINTABLE[] = {
	{0x0080, 0x009f}, {0x061c, 0x061c}, {0x200b, 0x200f},	{0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb},	{0xe0000, 0xe0fff},
};

/* Combining marks take no column. */
static const struct range NARROW[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
	{0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* East Asian wide characters and emoji take two. */
static const struct range WIDE[] = {
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff},	{0x3400, 0x4dbf},   {0x4e00, 0x9fff},
	{0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},	{0xfe30, 0xfe6f},   {0xff00, 0xff60},
	{0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

#define IN(table, c) is_in(table, sizeof(table) / sizeof((table)[0]), c)

static bool is_in(const struct range *table, size_t rows, uint32_t c)
{
	for (size_t i = 0; i < rows; i++) {
		if (c >= table[i].from && c <= table[i].to)
			return true;
	}
	return false;
}

/* One UTF-8 character (RFC 3629): its length, or 0 for bytes that are none. */
static size_t decode(const char *text, size_t left, uint32_t *ret_char)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	uint8_t lead = (uint8_t)*text;

	for (size_t n = 0; n < 4; n++) {
		uint32_t c = lead & (uint8_t)~forms[n].mask;

		if ((lead & forms[n].mask) != forms[n].lead)
			continue;
		if (n + 1 > left)
			return 0;
		for (size_t i = 1; i <= n; i++) {
			if (((uint8_t)text[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | ((uint8_t)text[i] & 0x3f);
		}
		if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*ret_char = c;
		return n + 1;
	}
	return 0;
}

size_t weir_printable_next(const char *text, size_t len, size_t *at)
{
	uint32_t c = 0;
	size_t n = decode(text + *at, len - *at, &c);

	*at += n ? n : 1;
	if (c < 0x20 || c == 0x7f || IN(UNPRINTABLE, c))
		return 0;
	return n;
}

unsigned weir_printable_width(const char *text, size_t len)
{
	unsigned width = 0;
	size_t at = 0;

	while (at < len) {
		size_t begin = at;
		uint32_t c = 0;

		if (weir_printable_next(text, len, &at) && decode(text + begin, len - begin, &c))
			width += IN(NARROW, c) ? 0 : IN(WIDE, c) ? 2 : 1;
		else
			width++;
	}
	return width;
}

int weir_printable_append(const char *text, size_t len, char sign, struct weir_buffer *out)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && at < len) {
		size_t begin = at;

		if (weir_printable_next(text, len, &at)) {
			rc = weir_buffer_append(out, text + begin, at - begin);
			continue;
		}
		for (size_t i = begin; !rc && !sign && i < at; i++)
			rc = weir_buffer_printf(out, "\\x%02x", (unsigned)(uint8_t)text[i]);
		if (!rc && sign)
			rc = weir_buffer_append(out, &sign, 1);
	}
	return rc;
}
