#include "flow/ddl.h"

#include "flow/column.h"

/* What every exporter sends, and what the views of sql/schema sum up. A column costs its share of an insert and of every
 * merge although there is no value in it, 13 and 17 ns a flow; with all of them an insert takes 1.9 times as long. */
static const bool KEPT[WEIR_COLUMNS + 1] = {
	[WEIR_COL_TIME_RECEIVED] = true,
	[WEIR_COL_TIME_START] = true,
	[WEIR_COL_TIME_END] = true,
	[WEIR_COL_EXPORTER_ADDR] = true,
	[WEIR_COL_FLOW_TYPE] = true,
	[WEIR_COL_OBSERVATION_DOMAIN] = true,
	[WEIR_COL_SEQUENCE_NUM] = true,
	[WEIR_COL_SAMPLING_RATE] = true,
	[WEIR_COL_SRC_ADDR] = true,
	[WEIR_COL_DST_ADDR] = true,
	[WEIR_COL_SRC_PORT] = true,
	[WEIR_COL_DST_PORT] = true,
	[WEIR_COL_PROTO] = true,
	[WEIR_COL_IP_VERSION] = true,
	[WEIR_COL_TCP_FLAGS] = true,
	[WEIR_COL_IP_TOS] = true,
	[WEIR_COL_BYTES] = true,
	[WEIR_COL_PACKETS] = true,
	[WEIR_COL_IN_IF] = true,
	[WEIR_COL_OUT_IF] = true,
	[WEIR_COL_SRC_AS] = true,
	[WEIR_COL_DST_AS] = true,
	[WEIR_COL_SRC_ZONE] = true,
	[WEIR_COL_DST_ZONE] = true,
	[WEIR_COL_SRC_SUBNET] = true,
	[WEIR_COL_DST_SUBNET] = true,
	[WEIR_COL_TRAFFIC_DIRECTION] = true,
	[WEIR_COL_INITIATOR] = true,
	[WEIR_COL_SERVICE_PORT] = true,
	[WEIR_COL_SERVICE] = true,
	[WEIR_COL_CATEGORY] = true,
	[WEIR_COL_RULE] = true,
	[WEIR_COL_ACTION] = true,
};

/* Few names and many repetitions, so a plain string for both sides: LowCardinality would need a dictionary in every
 * Native block, and ZSTD takes the repetitions out as well. */
static const struct {
	const char *name, *type, *help;
} EXTRA = {"extra", "Map(String, String)", "Elements without a column, by name"};

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

bool weir_ddl_is_rare(unsigned index)
{
	return !KEPT[index];
}

const char *weir_ddl_column_name(unsigned index)
{
	return index < WEIR_COLUMNS ? weir_columns[index].name : EXTRA.name;
}

/* A rare column has the value that its type has where nothing was said, and is no part of the table's files. */
static int put_alias(const char *type, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, " ALIAS defaultValueOfTypeName(");

	if (!rc)
		rc = put_literal(out, type);
	return rc ? rc : weir_buffer_text(out, ")");
}

int weir_ddl_codec(unsigned index, struct weir_buffer *out)
{
	const struct weir_column *c = &weir_columns[index];

	if (index >= WEIR_COLUMNS)
		return weir_buffer_text(out, "CODEC(ZSTD(1))");
	return weir_buffer_printf(out, "CODEC(%s%s%s)", c->codec, *c->codec ? ", " : "", weir_types[c->type].codec);
}

int weir_ddl_column(unsigned index, struct weir_buffer *out)
{
	const char *type = index < WEIR_COLUMNS ? weir_types[weir_columns[index].type].sql : EXTRA.type;
	bool is_rare = weir_ddl_is_rare(index);
	int rc = weir_buffer_printf(out, "%s %s%s", weir_ddl_column_name(index), type, default_of(index));

	if (!rc && is_rare)
		rc = put_alias(type, out);
	if (!rc)
		rc = weir_buffer_text(out, " COMMENT ");
	if (!rc)
		rc = put_literal(out, index < WEIR_COLUMNS ? weir_columns[index].help : EXTRA.help);
	if (rc || is_rare)
		return rc;
	rc = weir_buffer_text(out, " ");
	return rc ? rc : weir_ddl_codec(index, out);
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
