/* The values of the filter language: one way to read them for each kind of field. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/protocol.h"
#include "query/filter_parser.h"
#include "query/time.h"

/* "12", "1.5M", "0x1f": -EINVAL when it is no number, -ERANGE when it is too large, -EDOM when it has a fraction. */
static int parse_number(const char *text, size_t len, uint64_t *ret_value)
{
	static const struct {
		char letter;
		uint64_t factor;
	} suffixes[] = {{'k', 1000}, {'m', 1000000}, {'g', 1000000000}, {'t', UINT64_C(1000000000000)}};
	uint64_t value = 0, fraction = 0, fraction_scale = 1, factor = 1;
	unsigned base = len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	size_t at = base == 16 ? 2 : 0;
	size_t digits = at;

	for (; at < len && (base == 16 ? isxdigit((unsigned char)text[at]) : isdigit((unsigned char)text[at])); at++) {
		unsigned digit = isdigit((unsigned char)text[at]) ? (unsigned)(text[at] - '0')
								  : (unsigned)(text[at] | 0x20) - 'a' + 10;

		if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	if (at == digits)
		return -EINVAL;
	if (base == 10 && at + 1 < len && text[at] == '.' && isdigit((unsigned char)text[at + 1])) {
		for (at++; at < len && isdigit((unsigned char)text[at]); at++) {
			if (fraction_scale > UINT64_C(1000000000000))
				return -EDOM;
			fraction = fraction * 10 + (uint64_t)(text[at] - '0');
			fraction_scale *= 10;
		}
	}
	if (base == 10 && at + 1 == len) {
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			if (suffixes[i].letter == (text[at] | 0x20)) {
				factor = suffixes[i].factor;
				at++;
				break;
			}
		}
	}
	if (at != len)
		return -EINVAL;
	if (__builtin_mul_overflow(value, factor, &value))
		return -ERANGE;
	/* Below 10^13 and at most 10^12: the product may be too large, and then so may be the sum. */
	if (__builtin_mul_overflow(fraction, factor, &fraction))
		return -EDOM;
	if (fraction % fraction_scale)
		return -EDOM;
	if (__builtin_add_overflow(value, fraction / fraction_scale, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static int fail_number(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field, int rc)
{
	struct weir_field f = weir_field(field);
	char shown[WEIR_FILTER_SHOWN_MAX], word[WEIR_FILTER_SHOWN_MAX];

	if (rc == -EDOM)
		return weir_filter_fail(p, token, NULL, "\"%s\" is not a whole number", weir_filter_shown(token, shown));
	if (rc == -ERANGE)
		return weir_filter_fail(p, token, NULL, "\"%s\" is too large for %s, which goes to %" PRIu64,
					weir_filter_shown(token, shown), weir_filter_shown(&p->word, word), f.max);
	return weir_filter_fail(p, token, "numbers may end in k, M, G or T", "\"%s\" is not a number",
				weir_filter_shown(token, shown));
}

/* Where a range's dash is, or len. */
static size_t find_dash(const struct weir_filter_token *token)
{
	const char *dash = token->len ? memchr(token->text + 1, '-', token->len - 1) : NULL;

	return dash ? (size_t)(dash - token->text) : token->len;
}

static int fail_order(struct weir_filter_parser *p, const struct weir_filter_token *token)
{
	return weir_filter_fail(p, token, "write the smaller end first", "the range ends before it begins");
}

/* A number or a range of numbers, each end read by `one`. */
static int parse_range(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		       int (*one)(const char *text, size_t len, uint64_t *ret_value), struct weir_filter_value *value)
{
	size_t dash = find_dash(token);
	uint64_t lo, hi;
	int rc = one(token->text, dash, &lo);

	hi = rc ? 0 : lo;
	if (!rc && dash < token->len)
		rc = one(token->text + dash + 1, token->len - dash - 1, &hi);
	if (!rc && (lo > weir_field(field).max || hi > weir_field(field).max))
		rc = -ERANGE;
	if (rc)
		return fail_number(p, token, field, rc);
	if (lo > hi)
		return fail_order(p, token);
	value->lo = lo;
	value->hi = hi;
	return 0;
}

static int parse_number_value(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
			      struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	(void)ret_op;
	return parse_range(p, token, field, parse_number, value);
}

static int parse_proto(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		       struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	int number = weir_protocol_find(token->text, token->len);
	char shown[WEIR_FILTER_SHOWN_MAX];

	(void)ret_op;
	if (number >= 0) {
		value->lo = value->hi = (uint64_t)number;
		return 0;
	}
	if (!isdigit((unsigned char)*token->text))
		return weir_filter_fail(p, token, "write its number", "no protocol is known as \"%s\"",
					weir_filter_shown(token, shown));
	return parse_range(p, token, field, parse_number, value);
}

static int parse_flags(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		       struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	int mask = weir_flags_parse(token->text, token->len);

	if (mask >= 0) {
		value->lo = value->hi = (uint64_t)mask;
		*ret_op = WEIR_FILTER_FLAGS_ALL;
		return 0;
	}
	if (!isdigit((unsigned char)*token->text))
		return weir_filter_fail(p, token, "the letters are C E U A P R S F, and X for the last six",
					"flags are letters or a number");
	return parse_range(p, token, field, parse_number, value);
}

/* Milliseconds for a bare number, as in nfdump. */
static int duration_of(const char *text, size_t len, uint64_t *ret_ms)
{
	int64_t ms;

	if (weir_time_span_parse(text, len, &ms) == 0) {
		*ret_ms = (uint64_t)ms;
		return 0;
	}
	return parse_number(text, len, ret_ms);
}

static int parse_duration(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
			  struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	(void)ret_op;
	return parse_range(p, token, field, duration_of, value);
}

static int parse_time(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		      struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	char shown[WEIR_FILTER_SHOWN_MAX];
	int64_t ms;

	(void)field, (void)ret_op;
	if (weir_time_parse(token->text, token->len, p->now_ms, &ms))
		return weir_filter_fail(p, token, "write it as \"2026-01-31 12:00\", 2026-01-31T12:00:00Z or now-2h",
					"\"%s\" is not a time", weir_filter_shown(token, shown));
	value->lo = value->hi = (uint64_t)ms;
	return 0;
}

static bool addr_of(const char *text, size_t len, struct weir_addr *ret_addr)
{
	char copy[WEIR_ADDR_TEXT_MAX];

	if (len >= sizeof(copy) || memchr(text, 0, len))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return weir_addr_parse(copy, ret_addr) == 0;
}

/* The first and the last address of the prefix. bits counts all 128. */
static void spread_prefix(const struct weir_addr *addr, unsigned bits, struct weir_filter_value *value)
{
	value->addr_lo = value->addr_hi = *addr;
	for (unsigned i = 0; i < sizeof(addr->byte); i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
		uint8_t mask = (uint8_t)(0xff00U >> (kept < 8 ? kept : 8));

		value->addr_lo.byte[i] &= mask;
		value->addr_hi.byte[i] |= (uint8_t)~mask;
	}
}

/* "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9": NULL, or what is wrong. */
static const char *addr_value(const struct weir_filter_token *token, struct weir_filter_value *value)
{
	const char *slash = memchr(token->text, '/', token->len);
	size_t dash = find_dash(token);
	size_t len = slash ? (size_t)(slash - token->text) : dash;
	struct weir_addr lo, hi;
	uint64_t bits;
	bool v4;

	if (!addr_of(token->text, len, &lo))
		return "is not an address";
	if (slash) {
		v4 = memchr(token->text, ':', len) == NULL;
		if (parse_number(slash + 1, token->len - len - 1, &bits) || bits > (v4 ? 32 : 128))
			return "has no such prefix length";
		spread_prefix(&lo, (unsigned)bits + (v4 ? 96 : 0), value);
		return NULL;
	}
	hi = lo;
	if (dash < token->len && !addr_of(token->text + dash + 1, token->len - dash - 1, &hi))
		return "does not end in an address";
	if (memcmp(&lo, &hi, sizeof(lo)) > 0)
		return "ends before it begins";
	value->addr_lo = lo;
	value->addr_hi = hi;
	return NULL;
}

static int parse_addr(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		      struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	const char *wrong = addr_value(token, value);
	char shown[WEIR_FILTER_SHOWN_MAX];

	(void)field, (void)ret_op;
	if (!wrong)
		return 0;
	return weir_filter_fail(p, token, "write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32", "\"%s\" %s",
				weir_filter_shown(token, shown), wrong);
}

bool weir_filter_value_is_addr(const struct weir_filter_token *token)
{
	struct weir_filter_value value;
	const char *wrong;

	if (token->type != WEIR_TOKEN_WORD)
		return false;
	wrong = addr_value(token, &value);
	/* What starts with an address is meant as one, and its own mistake is the one to tell. */
	return !wrong || strcmp(wrong, "is not an address") != 0;
}

static int parse_mac(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		     struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	char shown[WEIR_FILTER_SHOWN_MAX];
	uint64_t mac = 0;
	unsigned digits = 0;

	(void)field, (void)ret_op;
	for (size_t i = 0; i < token->len; i++) {
		char c = token->text[i];

		if (c == ':' || c == '-' || c == '.')
			continue;
		if (!isxdigit((unsigned char)c) || ++digits > 12)
			break;
		mac = mac << 4 | (isdigit((unsigned char)c) ? (uint64_t)(c - '0') : (uint64_t)((c | 0x20) - 'a' + 10));
		if (digits == 12 && i + 1 == token->len) {
			value->lo = value->hi = mac;
			return 0;
		}
	}
	return weir_filter_fail(p, token, "write 00:11:22:aa:bb:cc", "\"%s\" is not a MAC address",
				weir_filter_shown(token, shown));
}

static int parse_flow_type(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
			   struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	char shown[WEIR_FILTER_SHOWN_MAX];

	(void)field, (void)ret_op;
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		const char *name = weir_flow_type_name(i);

		/* "unknown" is the name of all numbers outside the enumeration, too. */
		if (!weir_field_name_is(name, token->text, token->len) ||
		    (i != WEIR_FLOW_UNKNOWN && strcmp(name, weir_flow_type_name(WEIR_FLOW_UNKNOWN)) == 0))
			continue;
		value->lo = value->hi = i;
		return 0;
	}
	return weir_filter_fail(p, token, "write netflow_v5, netflow_v9, ipfix or sflow_v5",
				"\"%s\" is not an export protocol", weir_filter_shown(token, shown));
}

/* Any word or quoted text. */
static int parse_text(struct weir_filter_parser *p, const struct weir_filter_token *token, unsigned field,
		      struct weir_filter_value *value, enum weir_filter_op *ret_op)
{
	struct weir_buffer *heap = &p->filter->heap;

	(void)field, (void)ret_op;
	value->text = (uint32_t)heap->len;
	if (weir_buffer_append(heap, token->text, token->len))
		return weir_error_set(p->err, -ENOMEM, NULL, NULL, "out of memory");
	value->text_len = (uint32_t)(heap->len - value->text);
	return 0;
}

static int (*const PARSERS[WEIR_KINDS])(struct weir_filter_parser *, const struct weir_filter_token *, unsigned,
					struct weir_filter_value *, enum weir_filter_op *) = {
	[WEIR_KIND_NUMBER] = parse_number_value,
	[WEIR_KIND_COUNT] = parse_number_value,
	[WEIR_KIND_BYTES] = parse_number_value,
	[WEIR_KIND_RATE] = parse_number_value,
	[WEIR_KIND_SHARE] = parse_number_value,
	[WEIR_KIND_DURATION] = parse_duration,
	[WEIR_KIND_TIME] = parse_time,
	[WEIR_KIND_ADDR] = parse_addr,
	[WEIR_KIND_MAC] = parse_mac,
	[WEIR_KIND_PROTO] = parse_proto,
	[WEIR_KIND_FLAGS] = parse_flags,
	[WEIR_KIND_FLOW_TYPE] = parse_flow_type,
	[WEIR_KIND_TEXT] = parse_text,
};

/* The text between the quotes, with \" and \\ taken for what they stand for; into buf of token->len bytes. */
static size_t unquote(const struct weir_filter_token *token, char *buf)
{
	size_t n = 0;

	for (size_t i = 1; i + 1 < token->len; i++) {
		if (token->text[i] == '\\' && i + 2 < token->len)
			i++;
		buf[n++] = token->text[i];
	}
	return n;
}

#define QUOTED_MAX 1024

static int parse_quoted(struct weir_filter_parser *p, unsigned field, struct weir_filter_value *value,
			enum weir_filter_op *ret_op)
{
	char text[QUOTED_MAX];
	struct weir_filter_token inner = {.type = WEIR_TOKEN_WORD, .text = text};

	if (p->token.len > sizeof(text))
		return weir_filter_fail(p, &p->token, NULL, "the text is longer than %d bytes", QUOTED_MAX - 2);
	inner.len = unquote(&p->token, text);
	if (!inner.len && weir_field(field).kind != WEIR_KIND_TEXT)
		return weir_filter_fail(p, &p->token, NULL, "the value is empty");
	return PARSERS[weir_field(field).kind](p, &inner, field, value, ret_op);
}

int weir_filter_value_parse(struct weir_filter_parser *p, unsigned field, struct weir_filter_value *ret_value,
			    enum weir_filter_op *ret_op)
{
	struct weir_filter_token token = p->token;
	char word[WEIR_FILTER_SHOWN_MAX];
	int rc;

	*ret_value = (struct weir_filter_value){0};
	*ret_op = WEIR_FILTER_IN;
	if (token.type == WEIR_TOKEN_STRING)
		rc = parse_quoted(p, field, ret_value, ret_op);
	else if (token.type == WEIR_TOKEN_WORD)
		rc = PARSERS[weir_field(field).kind](p, &token, field, ret_value, ret_op);
	else
		rc = weir_filter_fail(p, &token, NULL,
				      token.type == WEIR_TOKEN_BAD && token.len && strchr("\"'", *token.text)
					      ? "%s needs a value: this text has no closing quote"
					      : "%s needs a value here",
				      weir_filter_shown(&p->word, word));
	if (!rc)
		weir_filter_next(p);
	return rc;
}
