#include "query/list.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/report_parts.h"

/* What tells one flow from another of the same moment. */
#define TELLS_APART                                                                                                    \
	"cityHash64(exporter_addr, observation_domain, sequence_num, src_addr, dst_addr, src_port, dst_port, proto, bytes, " \
	"packets, time_start, time_end, in_if, out_if)"

static bool is_by_time(const struct weir_list *list)
{
	return !list->paged || list->order == WEIR_COL_TIME_RECEIVED;
}

static int put_columns(const struct weir_list *list, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT ");

	for (unsigned i = 0; !rc && i < list->columns; i++) {
		struct weir_field field = weir_field(list->column[i].field);

		rc = weir_buffer_printf(out, "%s%s AS c%u", i ? ", " : "", field.sql, i);
	}
	return rc;
}

/* The order's value, comparable and exact as text: of a time its milliseconds. */
static int put_order_value(const struct weir_list *list, struct weir_buffer *out)
{
	struct weir_field field = weir_field(list->order);

	if (field.kind == WEIR_KIND_TIME)
		return weir_buffer_printf(out, "toUnixTimestamp64Milli(toDateTime64(%s, 3))", field.sql);
	return weir_buffer_text(out, field.sql);
}

/* ClickHouse's text of a number, without signs that could be more than one. */
static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || strlen(text) > 32)
		return false;
	if (text[digits] == '.')
		digits += 1 + strspn(text + digits + 1, "0123456789");
	if (text[digits] == 'e') {
		size_t sign = digits + 1 + (text[digits + 1] == '-' || text[digits + 1] == '+');
		size_t more = strspn(text + sign, "0123456789");

		if (!more)
			return false;
		digits = sign + more;
	}
	return !text[digits];
}

static int put_value(const struct weir_list *list, const char *value, struct weir_buffer *out)
{
	char addr_text[WEIR_ADDR_TEXT_MAX];
	struct weir_addr addr;

	switch (weir_field(list->order).kind) {
	case WEIR_KIND_ADDR:
		if (weir_addr_parse(value, &addr))
			return -EINVAL;
		(void)weir_addr_text(&addr, addr_text);
		return weir_buffer_printf(out, "toIPv6('%s')", addr_text);
	case WEIR_KIND_TEXT:
	case WEIR_KIND_FLOW_TYPE:
		return weir_sql_quote(value, strlen(value), out);
	default:
		return is_number(value) ? weir_buffer_text(out, value) : -EINVAL;
	}
}

/* The rows behind the cursor's, which itself and its equals are left out by OFFSET. */
static int put_after(const struct weir_list *list, struct weir_buffer *out)
{
	const char *sign = list->oldest_first ? ">" : "<";
	char time[WEIR_TIME_TEXT_MAX];
	int rc;

	if (!list->after)
		return 0;
	weir_time_text_utc(list->after->time_ms, time);
	if (is_by_time(list))
		return weir_buffer_printf(out, "\n  AND time_received %s= toDateTime64('%s', 3, 'UTC')", sign, time);
	rc = weir_buffer_text(out, "\n  AND (");
	if (!rc)
		rc = put_order_value(list, out);
	if (!rc)
		rc = weir_buffer_printf(out, " %s ", sign);
	if (!rc)
		rc = put_value(list, list->after->value, out);
	if (!rc)
		rc = weir_buffer_text(out, " OR (");
	if (!rc)
		rc = put_order_value(list, out);
	if (!rc)
		rc = weir_buffer_text(out, " = ");
	if (!rc)
		rc = put_value(list, list->after->value, out);
	return rc ? rc : weir_buffer_printf(out, " AND time_received %s= toDateTime64('%s', 3, 'UTC')))", sign, time);
}

static int put_where(const struct weir_list *list, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\nFROM flows\nWHERE ");

	if (!rc)
		rc = weir_report_put_window(list->window.from_ms, list->window.to_ms, out);
	if (!rc)
		rc = weir_report_put_filter(list->filter, WEIR_FILTER_FLOWS, out);
	return rc ? rc : put_after(list, out);
}

/* The table is sorted by minute: named first, it lets the store stop at the LIMIT, or stream the whole. plain: the value as
 * it is, which the store has a quick way for; otherwise it stands in a function that gives it back, for with the hash behind
 * it ClickHouse 26.5 confuses that way's columns ("Type mismatch in IN … __topKFilter"). */
static int put_order(const struct weir_list *list, bool plain, struct weir_buffer *out)
{
	const char *direction = list->oldest_first ? "" : " DESC";
	int rc;

	if (is_by_time(list))
		return weir_buffer_printf(out, "\nORDER BY toStartOfMinute(time_received)%s, time_received%s", direction, direction);
	rc = weir_buffer_text(out, plain ? "\nORDER BY " : "\nORDER BY identity(");
	if (!rc)
		rc = put_order_value(list, out);
	return rc ? rc : weir_buffer_printf(out, "%s%s, time_received%s", plain ? "" : ")", direction, direction);
}

/* What rows are compared by, as one value. */
static int put_key(const struct weir_list *list, struct weir_buffer *out)
{
	int rc;

	if (is_by_time(list))
		return weir_buffer_text(out, "time_received");
	rc = weir_buffer_text(out, "(");
	if (!rc)
		rc = put_order_value(list, out);
	return rc ? rc : weir_buffer_text(out, ", time_received)");
}

static uint64_t offset_of(const struct weir_list *list)
{
	return list->offset + (list->after ? list->after->skip : 0);
}

/* The key of a page's last row, by the quick way; rows that are equal in it are told apart among those up to there, so
 * that their hash is worked out for few. With the hash in one sort of 7 million flows it was 10 s in place of 0.7 s. */
static int put_bound(const struct weir_list *list, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "WITH (SELECT %s(key) FROM (SELECT ", list->oldest_first ? "max" : "min");

	if (!rc)
		rc = put_key(list, out);
	if (!rc)
		rc = weir_buffer_text(out, " AS key");
	if (!rc)
		rc = put_where(list, out);
	if (!rc)
		rc = put_order(list, true, out);
	return rc ? rc : weir_buffer_printf(out, "\nLIMIT %" PRIu64 ")) AS bound\n", list->rows_max + offset_of(list));
}

static int put_page_columns(const struct weir_list *list, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, ", ");

	if (!rc)
		rc = put_order_value(list, out);
	return rc ? rc : weir_buffer_text(out, " AS o, toUnixTimestamp64Milli(time_received) AS m");
}

static int put_until_bound(const struct weir_list *list, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\n  AND ");

	if (!rc)
		rc = put_key(list, out);
	return rc ? rc : weir_buffer_printf(out, " %s bound", list->oldest_first ? "<=" : ">=");
}

int weir_list_sql(const struct weir_list *list, struct weir_buffer *out)
{
	bool bounded = list->paged && list->rows_max;
	int rc = bounded ? put_bound(list, out) : 0;

	if (!rc)
		rc = put_columns(list, out);
	if (!rc && list->paged)
		rc = put_page_columns(list, out);
	if (!rc)
		rc = put_where(list, out);
	if (!rc && bounded)
		rc = put_until_bound(list, out);
	if (!rc)
		rc = put_order(list, !list->paged, out);
	if (!rc && list->paged)
		rc = weir_buffer_text(out, ", " TELLS_APART);
	if (!rc && list->rows_max)
		rc = weir_buffer_printf(out, "\nLIMIT %" PRIu64, list->rows_max);
	if (!rc && offset_of(list))
		rc = weir_buffer_printf(out, " OFFSET %" PRIu64, offset_of(list));
	return rc ? rc : weir_buffer_text(out, WEIR_REPORT_FORMAT);
}

int weir_list_count_sql(const struct weir_list *list, struct weir_buffer *out)
{
	struct weir_list whole = *list;
	int rc = weir_buffer_text(out, "SELECT count() AS rows");

	whole.after = NULL;
	if (!rc)
		rc = put_where(&whole, out);
	return rc ? rc : weir_buffer_text(out, WEIR_REPORT_FORMAT);
}

/* --- cursors ---------------------------------------------------------------------------------------------- */

/* "d.src_port.1764038000000.3." and the value's bytes in hexadecimal. */
int weir_list_cursor_text(const struct weir_list *list, const struct weir_list_cursor *cursor, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "%c.%s.%" PRId64 ".%" PRIu64 ".", list->oldest_first ? 'a' : 'd',
				    weir_field(list->order).name, cursor->time_ms, cursor->skip);

	for (const char *p = cursor->value; !rc && *p; p++)
		rc = weir_buffer_printf(out, "%02x", (unsigned)(unsigned char)*p);
	return rc;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_value(const char *hex, char *ret_value)
{
	size_t n = 0;

	for (; *hex; hex += 2) {
		int high = digit(hex[0]);
		int low = high < 0 ? -1 : digit(hex[1]);

		if (low < 0 || n == WEIR_LIST_VALUE_MAX - 1 || high * 16 + low == 0)
			return -EINVAL;
		ret_value[n++] = (char)(high * 16 + low);
	}
	ret_value[n] = '\0';
	return 0;
}

int weir_list_cursor_parse(const struct weir_list *list, const char *text, struct weir_list_cursor *ret_cursor)
{
	struct weir_list_cursor cursor = {0};
	struct weir_buffer ignored;
	char prefix[80];
	size_t len;
	char *end;
	int rc;

	len = (size_t)snprintf(prefix, sizeof(prefix), "%c.%s.", list->oldest_first ? 'a' : 'd', weir_field(list->order).name);
	if (strncmp(text, prefix, len) != 0 || !isdigit((unsigned char)text[len]))
		return -EINVAL;
	errno = 0;
	cursor.time_ms = strtoll(text + len, &end, 10);
	if (errno || *end != '.' || !isdigit((unsigned char)end[1]) || cursor.time_ms > INT64_C(9999999999999))
		return -EINVAL;
	cursor.skip = strtoull(end + 1, &end, 10);
	if (errno || *end != '.' || cursor.skip > 1000000000 || parse_value(end + 1, cursor.value))
		return -EINVAL;
	weir_buffer_init(&ignored);
	rc = is_by_time(list) ? 0 : put_value(list, cursor.value, &ignored);
	weir_buffer_done(&ignored);
	if (!rc)
		*ret_cursor = cursor;
	return rc;
}
