/* A block is the number of columns and of rows, then for each column its name, its type and its values. The values'
 * length follows from the type alone: it is walked twice, for the prefixes that some types have before all data, and
 * for the data. Bytes are passed on as they are read; what a newer revision has besides is put between them. */
#include "store/native_revision.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REVISION_BLOCK_INFO   51903
#define REVISION_CUSTOM_MARK  54454
#define BUFFER_BYTES	      65536
#define TYPE_MAX	      65536
#define DEPTH_MAX	      32
#define LOW_CARDINALITY_WIDTH 0xff
#define LOW_CARDINALITY_KEYS  (1U << 9)

struct copier {
	int from, to;
	int rc; /* the first failure; nothing is read or written after it */
	size_t at, in_len, out_len;
	uint8_t in[BUFFER_BYTES];
	uint8_t out[BUFFER_BYTES];
};

/* --- bytes ------------------------------------------------------------------------------------------------ */

static void flush(struct copier *c)
{
	size_t done = 0;

	while (!c->rc && done < c->out_len) {
		ssize_t n = write(c->to, c->out + done, c->out_len - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			c->rc = -EPIPE;
	}
	c->out_len = 0;
}

static void put(struct copier *c, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (!c->rc && len) {
		size_t n = BUFFER_BYTES - c->out_len < len ? BUFFER_BYTES - c->out_len : len;

		memcpy(c->out + c->out_len, at, n);
		c->out_len += n;
		at += n;
		len -= n;
		if (c->out_len == BUFFER_BYTES)
			flush(c);
	}
}

/* False at the end. */
static bool fill(struct copier *c)
{
	ssize_t n;

	do {
		n = read(c->from, c->in, BUFFER_BYTES);
	} while (n < 0 && errno == EINTR);
	c->at = 0;
	c->in_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Pass len bytes on; the last up to 8 of them come back as a little-endian number. */
static uint64_t pass(struct copier *c, uint64_t len)
{
	uint64_t last = 0;

	while (!c->rc && len) {
		size_t n;

		if (c->at == c->in_len && !fill(c)) {
			c->rc = -EPROTO;
			return 0;
		}
		n = c->in_len - c->at < len ? c->in_len - c->at : (size_t)len;
		for (size_t i = n > 8 ? n - 8 : 0; i < n; i++)
			last = last >> 8 | (uint64_t)c->in[c->at + i] << 56;
		put(c, c->in + c->at, n);
		c->at += n;
		len -= n;
	}
	return last;
}

static uint64_t pass_number(struct copier *c, unsigned bytes)
{
	return pass(c, bytes) >> (64 - 8 * bytes);
}

static uint64_t pass_varint(struct copier *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; !c->rc && shift < 64; shift += 7) {
		uint64_t byte = pass_number(c, 1);

		value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	if (!c->rc)
		c->rc = -EPROTO;
	return 0;
}

static void pass_many(struct copier *c, uint64_t count, uint64_t width)
{
	uint64_t bytes;

	if (__builtin_mul_overflow(count, width, &bytes))
		c->rc = -EPROTO;
	else
		(void)pass(c, bytes);
}

/* --- types ------------------------------------------------------------------------------------------------ */

enum phase { PREFIX, DATA };

static void walk(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth);

static const struct width {
	const char *name;
	unsigned bytes;
} WIDTHS[] = {
	{"UInt8", 1},	  {"UInt16", 2},   {"UInt32", 4},     {"UInt64", 8},	 {"UInt128", 16},    {"UInt256", 32},
	{"Int8", 1},	  {"Int16", 2},	   {"Int32", 4},      {"Int64", 8},	 {"Int128", 16},     {"Int256", 32},
	{"Float32", 4},	  {"Float64", 8},  {"BFloat16", 2},   {"Bool", 1},	 {"Enum8", 1},	     {"Enum16", 2},
	{"Date", 2},	  {"Date32", 4},   {"DateTime", 4},   {"DateTime64", 8}, {"Time", 4},	     {"Time64", 8},
	{"UUID", 16},	  {"IPv4", 4},	   {"IPv6", 16},      {"Nothing", 1},	 {"IntervalSecond", 8}, {"IntervalMinute", 8},
	{"IntervalHour", 8}, {"IntervalDay", 8}, {"IntervalWeek", 8}, {"IntervalMonth", 8}, {"IntervalYear", 8},
};

/* Past the parameters in parentheses, if any, and their quotations. */
static void skip_parameters(const char **type)
{
	int depth = 0;
	char quote = '\0';

	if (**type != '(')
		return;
	for (; **type; (*type)++) {
		char ch = **type;

		if (ch == '\\' && (*type)[1]) {
			(*type)++;
		} else if (quote) {
			quote = ch == quote ? '\0' : quote;
		} else if (ch == '\'' || ch == '`') {
			quote = ch;
		} else if (ch == '(') {
			depth++;
		} else if (ch == ')' && --depth == 0) {
			(*type)++;
			return;
		}
	}
}

static void expect(struct copier *c, const char **type, const char *text)
{
	if (strncmp(*type, text, strlen(text)) == 0)
		*type += strlen(text);
	else if (!c->rc)
		c->rc = -ENOTSUP;
}

/* "name " before an element's type. */
static void skip_element_name(const char **type)
{
	const char *at = *type;

	if (*at == '`') {
		for (at++; *at && *at != '`'; at++)
			at += *at == '\\' && at[1];
		at += *at == '`';
	} else {
		while (isalnum((unsigned char)*at) || *at == '_' || *at == '.')
			at++;
	}
	if (*at == ' ')
		*type = at + 1;
}

static void walk_elements(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth)
{
	expect(c, type, "(");
	while (!c->rc) {
		skip_element_name(type);
		walk(c, type, rows, phase, depth);
		if (**type == ')')
			break;
		expect(c, type, ", ");
	}
	expect(c, type, ")");
}

/* Array(T), Map(K, V), Nested(…): where each row's values end, then all values. */
static void walk_array(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth)
{
	uint64_t values = 0;

	if (phase == DATA && rows) {
		pass_many(c, rows - 1, 8);
		values = pass_number(c, 8);
	}
	walk_elements(c, type, values, phase, depth);
}

static void walk_nullable(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth)
{
	if (phase == DATA)
		pass_many(c, rows, 1);
	walk_elements(c, type, rows, phase, depth);
}

static void walk_low_cardinality(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth)
{
	const char *inner = *type;
	uint64_t flags;

	skip_parameters(type);
	if (phase == PREFIX) {
		(void)pass(c, 8);
		return;
	}
	if (!rows || c->rc)
		return;
	expect(c, &inner, "(");
	if (strncmp(inner, "Nullable(", 9) == 0)
		inner += 9; /* the dictionary holds values, its first one stands for NULL */
	flags = pass_number(c, 8);
	if (flags & LOW_CARDINALITY_KEYS)
		walk(c, &inner, pass_number(c, 8), DATA, depth);
	(void)pass(c, 8);
	pass_many(c, rows, UINT64_C(1) << (flags & 3));
}

static void walk_string(struct copier *c, uint64_t rows)
{
	while (rows-- && !c->rc)
		(void)pass(c, pass_varint(c));
}

/* Decimal(P, S) and FixedString(N). */
static unsigned parametric_width(const char *name, size_t len, const char *parameters)
{
	unsigned long n = *parameters == '(' ? strtoul(parameters + 1, NULL, 10) : 0;

	if (len == 11 && memcmp(name, "FixedString", 11) == 0)
		return n < 1U << 24 ? (unsigned)n : 0;
	if (len == 7 && memcmp(name, "Decimal", 7) == 0)
		return n <= 9 ? 4 : n <= 18 ? 8 : n <= 38 ? 16 : 32;
	return 0;
}

static const struct composite {
	const char *name;
	void (*walk)(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth);
} COMPOSITES[] = {
	{"Array", walk_array},	     {"Map", walk_array},		      {"Nested", walk_array},
	{"Tuple", walk_elements},    {"LowCardinality", walk_low_cardinality}, {"Nullable", walk_nullable},
};

static bool is_name(const char *name, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(name, text, len) == 0;
}

/* Past a type, passing its values on. */
static void walk(struct copier *c, const char **type, uint64_t rows, enum phase phase, unsigned depth)
{
	const char *name = *type;
	size_t len = 0;
	unsigned width;

	while (isalnum((unsigned char)name[len]) || name[len] == '_')
		len++;
	*type += len;
	if (c->rc)
		return;
	for (size_t i = 0; i < sizeof(COMPOSITES) / sizeof(COMPOSITES[0]) && depth < DEPTH_MAX; i++) {
		if (is_name(name, len, COMPOSITES[i].name)) {
			COMPOSITES[i].walk(c, type, rows, phase, depth + 1);
			return;
		}
	}
	width = parametric_width(name, len, *type);
	for (size_t i = 0; !width && i < sizeof(WIDTHS) / sizeof(WIDTHS[0]); i++) {
		if (is_name(name, len, WIDTHS[i].name))
			width = WIDTHS[i].bytes;
	}
	skip_parameters(type);
	if (!width && !is_name(name, len, "String"))
		c->rc = -ENOTSUP;
	else if (phase == DATA && width)
		pass_many(c, rows, width);
	else if (phase == DATA)
		walk_string(c, rows);
}

/* --- blocks ----------------------------------------------------------------------------------------------- */

/* A text that is passed on and kept. */
static void pass_text(struct copier *c, char *ret_text, size_t size)
{
	uint64_t len = pass_varint(c);

	if (len >= size && !c->rc)
		c->rc = -ENOTSUP;
	for (uint64_t i = 0; i < len && !c->rc; i++)
		ret_text[i] = (char)pass_number(c, 1);
	ret_text[c->rc ? 0 : len] = '\0';
}

static void revise_column(struct copier *c, char *text, uint64_t rows, unsigned revision)
{
	const char *type;

	(void)pass(c, pass_varint(c)); /* its name */
	pass_text(c, text, TYPE_MAX);
	if (revision >= REVISION_CUSTOM_MARK)
		put(c, "\0", 1); /* no serialization of its own kind */
	if (!rows)
		return;
	type = text;
	walk(c, &type, rows, PREFIX, 0);
	type = text;
	walk(c, &type, rows, DATA, 0);
	if (*type && !c->rc)
		c->rc = -ENOTSUP;
}

/* Field 1: no overflow row; field 2: bucket -1; end. */
static const uint8_t BLOCK_INFO[] = {1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0};

int weir_native_revise(int from_fd, int to_fd, unsigned revision)
{
	struct copier *c = malloc(sizeof(*c));
	char *text = malloc(TYPE_MAX);
	int rc = -ENOMEM;

	if (!c || !text)
		goto out;
	c->from = from_fd;
	c->to = to_fd;
	c->rc = 0;
	c->at = c->in_len = c->out_len = 0;
	while (!c->rc && (c->at < c->in_len || fill(c))) {
		uint64_t columns;
		uint64_t rows;

		if (revision >= REVISION_BLOCK_INFO)
			put(c, BLOCK_INFO, sizeof(BLOCK_INFO));
		columns = pass_varint(c);
		rows = pass_varint(c);
		for (uint64_t i = 0; i < columns && !c->rc; i++)
			revise_column(c, text, rows, revision);
	}
	flush(c);
	rc = c->rc;
out:
	free(text);
	free(c);
	return rc;
}
