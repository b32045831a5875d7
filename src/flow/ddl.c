#include "flow/ddl.h"

#include "flow/column.h"

/* Few names and many repetitions, so a plain string for both sides: LowCardinality would need a dictionary in every
 * Native block, and ZSTD takes the repetitions out as well. */
#define EXTRA_SQL "extra Map(String, String) COMMENT 'Elements without a column, by name' CODEC(ZSTD(1))"

/* What rows hold that were stored, or come, without the column: the service port is in flows_1m for them too, and the
 * lower port is the best that can be told then. */
static const char *default_of(unsigned index)
{
	return index == WEIR_COL_SERVICE_PORT ? " DEFAULT if(proto IN (6, 17, 132) AND least(src_port, dst_port) < 32768, "
						"least(src_port, dst_port), 0)"
					      : "";
}

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
	rc = weir_buffer_printf(out, "%s %s%s COMMENT ", c->name, type->sql, default_of(index));
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
