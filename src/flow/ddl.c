#include "flow/ddl.h"

#include "flow/column.h"

/* Few names and many repetitions, so a plain string for both sides: LowCardinality would need a dictionary in every
 * Native block, and ZSTD takes the repetitions out as well. */
#define EXTRA_SQL "extra Map(String, String) COMMENT 'Elements without a column, by name' CODEC(ZSTD(1))"

/* An SQL literal with its quotes. */
static int put_literal(struct weir_buffer *out, const char *text)
{
	int rc = weir_buffer_text(out, "'");

	for (; !rc && *text; text++) {
		if (*text == '\'' || *text == '\\')
			rc = weir_buffer_text(out, "\\");
		if (!rc)
			rc = weir_buffer_append(out, text, 1);
	}
	return rc ? rc : weir_buffer_text(out, "'");
}

int weir_ddl_column(unsigned index, struct weir_buffer *out)
{
	const struct weir_column *c;
	const struct weir_type_info *type;
	int rc;

	if (index >= WEIR_COLUMNS)
		return weir_buffer_text(out, EXTRA_SQL);
	c = &weir_columns[index];
	type = &weir_types[c->type];
	rc = weir_buffer_printf(out, "%s %s COMMENT ", c->name, type->sql);
	if (!rc)
		rc = put_literal(out, c->help);
	if (!rc)
		rc = weir_buffer_printf(out, " CODEC(%s%s%s)", c->codec, *c->codec ? ", " : "", type->codec);
	return rc;
}

int weir_ddl_columns(struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i <= WEIR_COLUMNS; i++) {
		rc = weir_buffer_text(out, i ? ",\n    " : "    ");
		if (!rc)
			rc = weir_ddl_column(i, out);
	}
	return rc;
}
