/* A filter as a WHERE expression. Only names from the tables of this program, numbers, addresses in their canonical
 * text and quoted texts are ever written, so nothing that a person typed can end the expression. */
#include <errno.h>
#include <inttypes.h>

#include "query/filter.h"
#include "query/printable.h"
#include "query/time.h"

/* What binds tighter is larger; an expression in a place for a tighter one stands in parentheses. */
enum binding { BIND_OR, BIND_AND, BIND_TEST };

struct writer {
	const struct weir_filter *filter;
	enum weir_filter_table table;
	struct weir_buffer *out;
};

int weir_sql_quote(const void *data, size_t len, struct weir_buffer *out)
{
	const char *text = data;
	size_t at = 0;
	int rc = weir_buffer_text(out, "'");

	while (!rc && at < len) {
		size_t from = at;

		if (weir_printable_next(text, len, &at) && text[from] != '\'' && text[from] != '\\')
			rc = weir_buffer_append(out, text + from, at - from);
		else
			for (; !rc && from < at; from++)
				rc = weir_buffer_printf(out, "\\x%02X", (unsigned)(uint8_t)text[from]);
	}
	return rc ? rc : weir_buffer_text(out, "'");
}

static const char *hours_sql(unsigned id)
{
	static const char *const times[] = {
		[WEIR_FIELD_MINUTE - WEIR_FIELD_MINUTE] = NULL,
		[WEIR_FIELD_HOUR - WEIR_FIELD_MINUTE] = "hour",
		[WEIR_FIELD_DAY - WEIR_FIELD_MINUTE] = "toStartOfDay(hour)",
	};

	return id >= WEIR_FIELD_MINUTE && id <= WEIR_FIELD_DAY ? times[id - WEIR_FIELD_MINUTE] : weir_field(id).rollup_sql;
}

/* A row is of one dimension's value. */
static const char *single_sql(unsigned id, const char *kept)
{
	return id >= WEIR_COLUMNS || id == WEIR_COL_EXPORTER_ADDR || !kept ? kept : "value";
}

const char *weir_filter_field_sql(enum weir_filter_table table, unsigned id)
{
	switch (table) {
	case WEIR_FILTER_FLOWS:
		return weir_field(id).sql;
	case WEIR_FILTER_ROLLUP:
		return weir_field(id).rollup_sql;
	case WEIR_FILTER_HOURS:
		return hours_sql(id);
	case WEIR_FILTER_SINGLE:
		return single_sql(id, weir_field(id).rollup_sql);
	case WEIR_FILTER_SINGLE_HOURS:
		return single_sql(id, hours_sql(id));
	case WEIR_FILTER_MATRIX:
	case WEIR_FILTER_MATRIX_ADDRESSES:
		return weir_field_matrix_sql(id, table == WEIR_FILTER_MATRIX_ADDRESSES);
	}
	return NULL;
}

static const char *field_sql(const struct writer *w, unsigned id)
{
	return weir_filter_field_sql(w->table, id);
}

static int write_addr(struct weir_buffer *out, const struct weir_addr *addr)
{
	char text[WEIR_ADDR_TEXT_MAX];

	(void)weir_addr_text(addr, text);
	return weir_buffer_printf(out, "toIPv6('%s')", text);
}

/* One end of a range. */
static int write_value(const struct writer *w, enum weir_kind kind, const struct weir_filter_value *v, bool hi)
{
	char text[WEIR_TIME_TEXT_MAX];

	switch (kind) {
	case WEIR_KIND_ADDR:
		return write_addr(w->out, hi ? &v->addr_hi : &v->addr_lo);
	case WEIR_KIND_TEXT:
		return weir_sql_quote(w->filter->heap.data + v->text, v->text_len, w->out);
	case WEIR_KIND_TIME:
		weir_time_text_utc((int64_t)(hi ? v->hi : v->lo), text);
		return weir_buffer_printf(w->out, "toDateTime64('%s', 3, 'UTC')", text);
	case WEIR_KIND_FLOW_TYPE:
		return weir_buffer_printf(w->out, "'%s'", weir_flow_type_name((unsigned)v->lo));
	default:
		return weir_buffer_printf(w->out, "%" PRIu64, hi ? v->hi : v->lo);
	}
}

static bool is_range(enum weir_kind kind, const struct weir_filter_value *v)
{
	if (kind == WEIR_KIND_ADDR)
		return memcmp(&v->addr_lo, &v->addr_hi, sizeof(v->addr_lo)) != 0;
	return kind != WEIR_KIND_TEXT && v->lo != v->hi;
}

/* Single values as one IN, each range as a BETWEEN. */
static int write_in(const struct writer *w, const struct weir_filter_node *node, enum binding least)
{
	enum weir_kind kind = weir_field(node->field).kind;
	const char *name = field_sql(w, node->field);
	const struct weir_filter_value *value = w->filter->value + node->value;
	uint32_t singles = 0;
	uint32_t done = 0;
	bool grouped;
	int rc = 0;

	for (uint32_t i = 0; i < node->values; i++)
		singles += !is_range(kind, &value[i]);
	grouped = least > BIND_OR && node->values - singles + (singles > 0) > 1;
	if (grouped)
		rc = weir_buffer_text(w->out, "(");
	if (!rc && singles)
		rc = weir_buffer_printf(w->out, singles == 1 ? "%s = " : "%s IN (", name);
	for (uint32_t i = 0; !rc && i < node->values; i++) {
		if (is_range(kind, &value[i]))
			continue;
		if (done++)
			rc = weir_buffer_text(w->out, ", ");
		if (!rc)
			rc = write_value(w, kind, &value[i], false);
	}
	if (!rc && singles > 1)
		rc = weir_buffer_text(w->out, ")");
	for (uint32_t i = 0; !rc && i < node->values; i++) {
		if (!is_range(kind, &value[i]))
			continue;
		rc = weir_buffer_printf(w->out, "%s%s BETWEEN ", done++ ? " OR " : "", name);
		if (!rc)
			rc = write_value(w, kind, &value[i], false);
		if (!rc)
			rc = weir_buffer_text(w->out, " AND ");
		if (!rc)
			rc = write_value(w, kind, &value[i], true);
	}
	return rc || !grouped ? rc : weir_buffer_text(w->out, ")");
}

static int write_order(const struct writer *w, const struct weir_filter_node *node)
{
	static const char *const signs[] = {
		[WEIR_FILTER_LT] = "<", [WEIR_FILTER_LE] = "<=", [WEIR_FILTER_GT] = ">", [WEIR_FILTER_GE] = ">="};
	int rc = weir_buffer_printf(w->out, "%s %s ", field_sql(w, node->field), signs[node->op]);

	return rc ? rc
		  : write_value(w, weir_field(node->field).kind, w->filter->value + node->value, false);
}

static int write_flags(const struct writer *w, const struct weir_filter_node *node)
{
	uint64_t mask = w->filter->value[node->value].lo;

	return weir_buffer_printf(w->out, "bitAnd(%s, %" PRIu64 ") = %" PRIu64, field_sql(w, node->field), mask,
				  node->op == WEIR_FILTER_FLAGS_ALL ? mask : 0);
}

static int write_node(const struct writer *w, uint32_t at, enum binding least);

static int write_chain(const struct writer *w, const struct weir_filter_node *node, enum binding least)
{
	bool is_and = node->op == WEIR_FILTER_AND;
	enum binding own = is_and ? BIND_AND : BIND_OR;
	int rc = own < least ? weir_buffer_text(w->out, "(") : 0;

	for (uint32_t child = node->child; !rc && child != WEIR_FILTER_END; child = w->filter->node[child].next) {
		if (child != node->child)
			rc = weir_buffer_text(w->out, is_and ? " AND " : " OR ");
		if (!rc)
			rc = write_node(w, child, own);
	}
	return rc || own >= least ? rc : weir_buffer_text(w->out, ")");
}

static int write_not(const struct writer *w, const struct weir_filter_node *node)
{
	int rc = weir_buffer_text(w->out, "NOT (");

	if (!rc)
		rc = write_node(w, node->child, BIND_OR);
	return rc ? rc : weir_buffer_text(w->out, ")");
}

/* The depth is that of the parser, which bounds it. */
static int write_node(const struct writer *w, uint32_t at, enum binding least)
{
	const struct weir_filter_node *node = &w->filter->node[at];

	switch (node->op) {
	case WEIR_FILTER_TRUE:
		return weir_buffer_text(w->out, "true");
	case WEIR_FILTER_AND:
	case WEIR_FILTER_OR:
		return write_chain(w, node, least);
	case WEIR_FILTER_NOT:
		return write_not(w, node);
	case WEIR_FILTER_IN:
		return write_in(w, node, least);
	case WEIR_FILTER_FLAGS_ALL:
	case WEIR_FILTER_FLAGS_NONE:
		return write_flags(w, node);
	case WEIR_FILTER_LT:
	case WEIR_FILTER_LE:
	case WEIR_FILTER_GT:
	case WEIR_FILTER_GE:
		return write_order(w, node);
	}
	return -EINVAL;
}

unsigned weir_filter_misfit(const struct weir_filter *filter, enum weir_filter_table table)
{
	for (uint32_t i = 0; i < filter->nodes; i++) {
		if (filter->node[i].op >= WEIR_FILTER_IN && !weir_filter_field_sql(table, filter->node[i].field))
			return filter->node[i].field;
	}
	return WEIR_FIELD_NONE;
}

bool weir_filter_fits_rollup(const struct weir_filter *filter)
{
	return weir_filter_misfit(filter, WEIR_FILTER_ROLLUP) == WEIR_FIELD_NONE;
}

int weir_filter_sql(const struct weir_filter *filter, enum weir_filter_table table, struct weir_buffer *out)
{
	struct writer w = {filter, table, out};

	if (weir_filter_misfit(filter, table) != WEIR_FIELD_NONE)
		return -ENOTSUP;
	return write_node(&w, filter->root, BIND_OR);
}
