/* One cell of the store's answer, as people and as programs read it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/addr.h"
#include "flow/protocol.h"
#include "query/human.h"
#include "query/output.h"
#include "query/printable.h"
#include "query/time.h"

#define NUMBER_MAX 64

/* A copy with a NUL, or false where the cell is longer than any number. */
static bool copy_cell(const struct weir_cell *cell, char text[NUMBER_MAX])
{
	if (cell->len == 0 || cell->len >= NUMBER_MAX || memchr(cell->text, 0, cell->len))
		return false;
	memcpy(text, cell->text, cell->len);
	text[cell->len] = '\0';
	return true;
}

static bool cell_is(const struct weir_cell *cell, const char *text)
{
	return cell->len == strlen(text) && memcmp(cell->text, text, cell->len) == 0;
}

static bool number_of(const struct weir_cell *cell, double *ret_value)
{
	char text[NUMBER_MAX];
	char *end;

	if (!copy_cell(cell, text))
		return false;
	*ret_value = strtod(text, &end);
	return !*end;
}

static int put_plain(const struct weir_cell *cell, struct weir_buffer *out)
{
	return weir_printable_append(cell->text, cell->len, 0, out);
}

/* JSON's grammar of numbers (RFC 8259 §6): ClickHouse also writes nan, inf and plain text where a kind was guessed. */
static bool is_json_number(const struct weir_cell *cell)
{
	const char *p = cell->text;
	const char *end = cell->text + cell->len;

#define DIGITS()                                                                                                       \
	do {                                                                                                           \
		if (p == end || !isdigit((unsigned char)*p))                                                           \
			return false;                                                                                  \
		while (p < end && isdigit((unsigned char)*p))                                                          \
			p++;                                                                                           \
	} while (0)

	if (p < end && *p == '-')
		p++;
	if (p + 1 < end && *p == '0' && isdigit((unsigned char)p[1]))
		return false;
	DIGITS();
	if (p < end && *p == '.') {
		p++;
		DIGITS();
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		DIGITS();
	}
#undef DIGITS
	return p == end;
}

/* Mapped IPv4 addresses without their prefix, and the length behind where the column has one. */
static int put_addr(const struct weir_output_column *column, const struct weir_cell *cell, struct weir_buffer *out)
{
	static const char mapped[] = "::ffff:";
	struct weir_cell shown = *cell;
	bool v4 = cell->len > sizeof(mapped) - 1 && memcmp(cell->text, mapped, sizeof(mapped) - 1) == 0 &&
		  memchr(cell->text, '.', cell->len);
	unsigned bits;
	int rc;

	if (v4) {
		shown.text += sizeof(mapped) - 1;
		shown.len -= sizeof(mapped) - 1;
	}
	v4 = v4 || (memchr(shown.text, '.', shown.len) && !memchr(shown.text, ':', shown.len));
	rc = put_plain(&shown, out);
	bits = v4 ? column->v4_bits : column->v6_bits;
	return rc || !bits ? rc : weir_buffer_printf(out, "/%u", bits);
}

static int put_mac(const struct weir_cell *cell, struct weir_buffer *out)
{
	char text[NUMBER_MAX];
	char mac[WEIR_MAC_TEXT_MAX];

	if (!copy_cell(cell, text))
		return put_plain(cell, out);
	(void)weir_mac_text(strtoull(text, NULL, 10), mac);
	return weir_buffer_text(out, mac);
}

/* "2026-01-31 12:00:00.000" of the store, in UTC; with or without the fraction. */
static int put_local_time(const struct weir_cell *cell, struct weir_buffer *out)
{
	char text[NUMBER_MAX];
	char shown[WEIR_TIME_TEXT_MAX];
	int64_t ms;

	if (cell->len > NUMBER_MAX - 2 || !copy_cell(cell, text))
		return put_plain(cell, out);
	memcpy(text + cell->len, "Z", 2);
	if (weir_time_parse(text, cell->len + 1, 0, &ms))
		return put_plain(cell, out);
	if (ms == 0)
		return weir_buffer_text(out, "-");
	weir_time_text_local(ms, 0, shown);
	return weir_buffer_append(out, shown, memchr(cell->text, '.', cell->len) ? strlen(shown) : strlen(shown) - 4);
}

static int put_utc_time(const struct weir_cell *cell, struct weir_buffer *out)
{
	const char *blank = memchr(cell->text, ' ', cell->len);
	size_t date = blank ? (size_t)(blank - cell->text) : cell->len;
	int rc = weir_buffer_append(out, cell->text, date);

	if (!rc && blank)
		rc = weir_buffer_text(out, "T");
	if (!rc && blank)
		rc = weir_buffer_append(out, blank + 1, cell->len - date - 1);
	return rc || !blank ? rc : weir_buffer_text(out, "Z");
}

bool weir_kind_is_right(enum weir_kind kind)
{
	return kind <= WEIR_KIND_DURATION;
}

static int put_human_number(enum weir_kind kind, double value, struct weir_buffer *out)
{
	char text[WEIR_HUMAN_MAX];
	size_t len;

	switch (kind) {
	case WEIR_KIND_BYTES:
		len = weir_human_number(value, "B", text);
		break;
	case WEIR_KIND_DURATION:
		len = weir_human_duration(value, text);
		break;
	case WEIR_KIND_SHARE:
		return weir_buffer_printf(out, "%.1f %%", value * 100);
	default:
		len = weir_human_number(value, "", text);
		break;
	}
	return weir_buffer_append(out, text, len);
}

int weir_cell_human(const struct weir_output_column *column, const struct weir_cell *cell, struct weir_buffer *out)
{
	char flags[WEIR_FLAGS_TEXT_MAX];
	const char *name;
	double value = 0;

	if (cell->null)
		return weir_buffer_text(out, "-");
	switch (column->kind) {
	case WEIR_KIND_ADDR:
		return cell_is(cell, "::") && !column->v6_bits ? weir_buffer_text(out, "-") : put_addr(column, cell, out);
	case WEIR_KIND_MAC:
		return cell_is(cell, "0") ? weir_buffer_text(out, "-") : put_mac(cell, out);
	case WEIR_KIND_TIME:
		return put_local_time(cell, out);
	case WEIR_KIND_NUMBER:
	case WEIR_KIND_TEXT:
	case WEIR_KIND_FLOW_TYPE:
	case WEIR_KINDS:
		return put_plain(cell, out);
	default:
		break;
	}
	if (!number_of(cell, &value))
		return put_plain(cell, out);
	if (column->kind == WEIR_KIND_PROTO) {
		name = weir_protocol_name((unsigned)value);
		return name ? weir_buffer_text(out, name) : put_plain(cell, out);
	}
	if (column->kind == WEIR_KIND_FLAGS) {
		weir_flags_text((unsigned)value, flags);
		return weir_buffer_text(out, flags);
	}
	return put_human_number(column->kind, value, out);
}

int weir_cell_exact(const struct weir_output_column *column, const struct weir_cell *cell, struct weir_buffer *out,
		    bool *ret_literal)
{
	*ret_literal = cell->null;
	if (cell->null)
		return 0;
	switch (column->kind) {
	case WEIR_KIND_ADDR:
		return put_addr(column, cell, out);
	case WEIR_KIND_MAC:
		return put_mac(cell, out);
	case WEIR_KIND_TIME:
		return put_utc_time(cell, out);
	case WEIR_KIND_TEXT:
	case WEIR_KIND_FLOW_TYPE:
		break;
	default:
		*ret_literal = is_json_number(cell) || cell_is(cell, "true") || cell_is(cell, "false");
		break;
	}
	return weir_buffer_append(out, cell->text, cell->len);
}
