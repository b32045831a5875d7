/* Lists of fields, as --by and --columns have them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filter_parser.h"
#include "query/report.h"

#define V6_BITS 64 /* of IPv6 addresses where only IPv4's prefix length is given */

static int fail_name(const char *where, const char *name, size_t len, struct weir_error *err)
{
	struct weir_filter_token token = {.type = WEIR_TOKEN_WORD, .text = name, .len = len};
	const char *guess = weir_filter_guess(&token, WEIR_GUESS_FIELD);
	char shown[WEIR_FILTER_SHOWN_MAX];
	char next[96] = "the columns are those of the table flows: weir sql \"DESCRIBE flows\"";

	if (guess)
		(void)snprintf(next, sizeof(next), "did you mean \"%s\"?", guess);
	return weir_error_set(err, -EINVAL, where, next, "there is no column \"%s\"", weir_filter_shown(&token, shown));
}

/* "/24" or "/24/56" behind an address. */
static int parse_prefix(const char *text, const char *end, struct weir_dimension *d)
{
	unsigned long bits[2] = {0, V6_BITS};
	unsigned i;

	for (i = 0; i < 2 && text < end; i++) {
		char *stop;

		if (*text != '/' || !isdigit((unsigned char)text[1]))
			return -EINVAL;
		bits[i] = strtoul(text + 1, &stop, 10);
		text = stop;
	}
	if (text != end || bits[0] < 1 || bits[0] > 32 || bits[1] < 1 || bits[1] > 128)
		return -EINVAL;
	d->v4_bits = (uint8_t)bits[0];
	d->v6_bits = (uint8_t)bits[1];
	return 0;
}

static int parse_one(const char *text, size_t len, const char *where, bool with_prefixes, struct weir_dimension *d,
		     struct weir_error *err)
{
	const char *slash = memchr(text, '/', len);
	size_t name_len = slash ? (size_t)(slash - text) : len;

	*d = (struct weir_dimension){.field = weir_field_find(text, name_len)};
	if (d->field == WEIR_FIELD_NONE || len >= sizeof(d->name))
		return fail_name(where, text, name_len, err);
	if (slash && (!with_prefixes || weir_field(d->field).kind != WEIR_KIND_ADDR))
		return weir_error_set(err, -EINVAL, where, NULL, "%s cannot be cut to a prefix here",
				      weir_field(d->field).name);
	if (slash && parse_prefix(slash, text + len, d))
		return weir_error_set(err, -EINVAL, where, "write src_addr/24, or src_addr/24/56 for IPv4 and IPv6",
				      "%s has no such prefix length", weir_field(d->field).name);
	(void)snprintf(d->name, sizeof(d->name), "%s%.*s", weir_field(d->field).name, (int)(len - name_len),
		       text + name_len);
	return 0;
}

int weir_dimensions_parse(const char *text, const char *where, bool with_prefixes, struct weir_dimension *dimension,
			  unsigned max, unsigned *ret_count, struct weir_error *err)
{
	unsigned count = 0;

	for (;;) {
		size_t len;
		int rc;

		text += strspn(text, " ");
		len = strcspn(text, ", ");
		if (!len)
			return weir_error_set(err, -EINVAL, where, "write names with commas between them",
					      "a column's name is missing");
		if (count == max)
			return weir_error_set(err, -E2BIG, where, NULL, "more than %u columns", max);
		rc = parse_one(text, len, where, with_prefixes, &dimension[count], err);
		if (rc)
			return rc;
		count++;
		text += len;
		text += strspn(text, " ");
		if (!*text)
			break;
		if (*text != ',')
			return weir_error_set(err, -EINVAL, where, "write names with commas between them",
					      "a comma is missing between two columns");
		text++;
	}
	*ret_count = count;
	return 0;
}

static const struct {
	const char *prefix;
	enum weir_kind kind;
} TYPE_KINDS[] = {
	{"UInt", WEIR_KIND_NUMBER},    {"Int", WEIR_KIND_NUMBER}, {"Float", WEIR_KIND_NUMBER},
	{"Decimal", WEIR_KIND_NUMBER}, {"Bool", WEIR_KIND_NUMBER}, {"BFloat", WEIR_KIND_NUMBER},
	{"IPv", WEIR_KIND_ADDR},
};

enum weir_kind weir_kind_of_type(const char *type, size_t len)
{
	static const char *const wrappers[] = {"Nullable(", "LowCardinality("};
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
			size_t n = strlen(wrappers[i]);

			if (len > n && memcmp(type, wrappers[i], n) == 0) {
				type += n;
				len -= n;
				again = true;
			}
		}
	} while (again);
	/* "Interval…" is not "Int…", but a number all the same. */
	for (size_t i = 0; i < sizeof(TYPE_KINDS) / sizeof(TYPE_KINDS[0]); i++) {
		if (len >= strlen(TYPE_KINDS[i].prefix) &&
		    memcmp(type, TYPE_KINDS[i].prefix, strlen(TYPE_KINDS[i].prefix)) == 0)
			return TYPE_KINDS[i].kind;
	}
	return WEIR_KIND_TEXT;
}
