#include "query/report.h"

#include <errno.h>
#include <inttypes.h>

#include "query/report_parts.h"
#include "query/sums.h"

static const char *const METRICS[] = {
	[WEIR_METRIC_BYTES] = "sum_bytes",
	[WEIR_METRIC_PACKETS] = "sum_packets",
	[WEIR_METRIC_FLOWS] = "sum_flows",
};

bool weir_top_uses_rollup(const struct weir_top *top)
{
	return weir_sums_fit(top, &top->window, 0);
}

int weir_report_put_window(int64_t from_ms, int64_t to_ms, struct weir_buffer *out)
{
	char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];

	weir_time_text_utc(from_ms, from);
	weir_time_text_utc(to_ms, to);
	return weir_buffer_printf(out,
				  "time_received >= toDateTime64('%s', 3, 'UTC') AND "
				  "time_received < toDateTime64('%s', 3, 'UTC')",
				  from, to);
}

struct weir_window weir_report_whole(const struct weir_window *w, int64_t step_ms)
{
	struct weir_window steps = {(w->from_ms + step_ms - 1) / step_ms * step_ms, w->to_ms / step_ms * step_ms};

	return steps.from_ms < steps.to_ms ? steps : (struct weir_window){w->from_ms, w->from_ms};
}

int weir_report_put_times(const char *column, const struct weir_window *range, struct weir_buffer *out)
{
	char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];

	weir_time_text_utc(range->from_ms, from);
	weir_time_text_utc(range->to_ms, to);
	return weir_buffer_printf(out, "%s >= toDateTime('%.19s', 'UTC') AND %s < toDateTime('%.19s', 'UTC')", column, from,
				  column, to);
}

static int put_dimension(const struct weir_dimension *d, enum weir_filter_table table, struct weir_buffer *out)
{
	const char *sql = weir_filter_field_sql(table, d->field);

	if (!d->v4_bits)
		return weir_buffer_text(out, sql);
	return weir_buffer_printf(out,
				  "IPv6CIDRToRange(%s, if(%s BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255'), "
				  "%u, %u)).1",
				  sql, sql, 96U + d->v4_bits, (unsigned)d->v6_bits);
}

int weir_report_put_dimensions(const struct weir_top *top, enum weir_filter_table table, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < top->dimensions; i++) {
		rc = put_dimension(&top->dimension[i], table, out);
		if (!rc)
			rc = weir_buffer_printf(out, " AS d%u, ", i);
	}
	return rc;
}

int weir_report_put_filter(const struct weir_filter *filter, enum weir_filter_table table, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\n  AND (");

	if (!rc)
		rc = weir_filter_sql(filter, table, out);
	return rc ? rc : weir_buffer_text(out, ")");
}

static const char *scaled(const struct weir_top *top, const char *exported, const char *estimate)
{
	return top->exported ? exported : estimate;
}

/* The sums, and the flows that they are of. */
static int put_sums(const struct weir_top *top, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(
		out, "count() AS sum_flows, sum(%s) AS sum_bytes, sum(%s) AS sum_packets\nFROM flows\nWHERE ",
		scaled(top, "bytes", "bytes * greatest(sampling_rate, 1)"),
		scaled(top, "packets", "packets * greatest(sampling_rate, 1)"));

	if (!rc)
		rc = weir_report_put_window(top->window.from_ms, top->window.to_ms, out);
	return rc ? rc : weir_report_put_filter(top->filter, WEIR_FILTER_FLOWS, out);
}

/* The groups over flows alone. */
static int put_from_flows(const struct weir_top *top, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT ");

	if (!rc)
		rc = weir_report_put_dimensions(top, WEIR_FILTER_FLOWS, out);
	return rc ? rc : put_sums(top, out);
}

static int put_from_rollup(const struct weir_top *top, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT ");

	for (unsigned i = 0; !rc && i < top->dimensions; i++)
		rc = weir_buffer_printf(out, "d%u, ", i);
	if (!rc)
		rc = weir_buffer_text(out, "sum(f) AS sum_flows, sum(b) AS sum_bytes, sum(p) AS sum_packets\nFROM\n(\n");
	if (!rc)
		rc = weir_sums_put(top, &top->window, 0, out);
	return rc ? rc : weir_buffer_text(out, "\n)");
}

/* GROUP BY d0, d1 WITH TOTALS ORDER BY the metric; equal rows in the order of their dimensions, so that the answer is
 * always the same. */
static int put_order(const struct weir_top *top, const char *totals, uint64_t rows_max, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\nGROUP BY ");

	for (unsigned i = 0; !rc && i < top->dimensions; i++)
		rc = weir_buffer_printf(out, i ? ", d%u" : "d%u", i);
	if (!rc)
		rc = weir_buffer_printf(out, "%s\nORDER BY %s DESC", totals, METRICS[top->metric]);
	for (unsigned i = 0; !rc && i < top->dimensions; i++)
		rc = weir_buffer_printf(out, ", d%u", i);
	return rc ? rc : weir_buffer_printf(out, "\nLIMIT %" PRIu64, rows_max);
}

int weir_report_put_groups(const struct weir_top *top, struct weir_buffer *out)
{
	return weir_top_uses_rollup(top) ? put_from_rollup(top, out) : put_from_flows(top, out);
}

int weir_report_put_largest(const struct weir_top *top, struct weir_buffer *out)
{
	return put_order(top, "", top->rows_max, out);
}

static bool is_address(const struct weir_dimension *d)
{
	return weir_field(d->field).kind == WEIR_KIND_ADDR;
}

/* Keys of more than 32 bytes, two addresses and something, the store can only hash as strings. IPv4's are short enough for
 * numbers: pairs with a port of 10 million flows take 3.6 s of processor time so, in place of 8.0. Where the keys are short
 * anyway it would not pay: 1.7 s in place of 1.1 for src_addr, next_hop. */
static bool splits_versions(const struct weir_top *top)
{
	unsigned addresses = 0;

	for (unsigned i = 0; i < top->dimensions; i++)
		addresses += is_address(&top->dimension[i]);
	return addresses > 1 && top->dimensions > 2;
}

/* "src_addr BETWEEN … AND dst_addr BETWEEN …": all addresses of the dimensions are IPv4's. */
static int put_are_v4(const struct weir_top *top, struct weir_buffer *out)
{
	const char *and = "";
	int rc = 0;

	for (unsigned i = 0; !rc && i < top->dimensions; i++) {
		if (!is_address(&top->dimension[i]))
			continue;
		rc = weir_buffer_printf(out, "%s%s BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255')", and,
					weir_field(top->dimension[i].field).sql);
		and = " AND ";
	}
	return rc;
}

/* "toUInt32(toUInt128(src_addr)) AS d0, dst_port AS d1, " */
static int put_short_dimensions(const struct weir_top *top, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < top->dimensions; i++) {
		bool address = is_address(&top->dimension[i]);

		rc = weir_buffer_text(out, address ? "toUInt32(toUInt128(" : "");
		if (!rc)
			rc = put_dimension(&top->dimension[i], WEIR_FILTER_FLOWS, out);
		if (!rc)
			rc = weir_buffer_printf(out, "%s AS d%u, ", address ? "))" : "", i);
	}
	return rc;
}

/* The biggest groups of one version. One more than wanted: see put_from_versions(). */
static int put_version(const struct weir_top *top, bool v4, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "SELECT ");

	for (unsigned i = 0; !rc && i < top->dimensions; i++)
		rc = weir_buffer_printf(out, v4 && is_address(&top->dimension[i]) ? "toIPv6(toIPv4(d%u)) AS a%u, " : "d%u AS a%u, ",
					i, i);
	if (!rc)
		rc = weir_buffer_text(out, "sum_flows AS f, sum_bytes AS b, sum_packets AS p\nFROM\n(\nSELECT ");
	if (!rc)
		rc = v4 ? put_short_dimensions(top, out) : weir_report_put_dimensions(top, WEIR_FILTER_FLOWS, out);
	if (!rc)
		rc = put_sums(top, out);
	if (!rc)
		rc = weir_buffer_text(out, v4 ? "\n  AND (" : "\n  AND NOT (");
	if (!rc)
		rc = put_are_v4(top, out);
	if (!rc)
		rc = weir_buffer_text(out, ")");
	if (!rc)
		rc = put_order(top, "", top->rows_max + 1, out);
	return rc ? rc : weir_buffer_text(out, "\n)\n");
}

/* The biggest groups of both versions. Their sum is not that of all flows, which is asked for beside them: the totals' row is
 * the one that is made of several groups. Where it is made of one, no other was left out, and it is that group's. */
static int put_from_versions(const struct weir_top *top, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "WITH (SELECT (sum_flows, sum_bytes, sum_packets) FROM (SELECT ");

	if (!rc)
		rc = put_sums(top, out);
	if (!rc)
		rc = weir_buffer_text(out, ")) AS whole\nSELECT ");
	for (unsigned i = 0; !rc && i < top->dimensions; i++)
		rc = weir_buffer_printf(out, "a%u AS d%u, ", i, i);
	if (!rc)
		rc = weir_buffer_text(out, "if(count() > 1, whole.1, max(f)) AS sum_flows, "
					   "if(count() > 1, whole.2, max(b)) AS sum_bytes, "
					   "if(count() > 1, whole.3, max(p)) AS sum_packets\nFROM\n(\n");
	if (!rc)
		rc = put_version(top, true, out);
	if (!rc)
		rc = weir_buffer_text(out, "UNION ALL\n");
	if (!rc)
		rc = put_version(top, false, out);
	return rc ? rc : weir_buffer_text(out, ")");
}

static int fail_rollup(const struct weir_top *top, struct weir_error *err)
{
	const struct weir_dimension *d = weir_sums_misfit(top);

	if (d)
		return weir_error_set(err, -EINVAL, "--rollup", "leave --rollup away", "the sums do not keep %s",
				      d->name);
	if (!weir_filter_fits_rollup(top->filter))
		return weir_error_set(err, -EINVAL, "--rollup", "leave --rollup away",
				      "the sums do not keep all that the filter asks for");
	return weir_error_set(err, -EINVAL, "--rollup", "leave --rollup away", "the window holds no whole minute");
}

int weir_top_sql(const struct weir_top *top, struct weir_buffer *out, struct weir_error *err)
{
	bool rollup = weir_top_uses_rollup(top);
	int rc;

	if (top->rollup == WEIR_ROLLUP_ALWAYS && !rollup)
		return fail_rollup(top, err);
	if (rollup)
		rc = put_from_rollup(top, out);
	else
		rc = splits_versions(top) ? put_from_versions(top, out) : put_from_flows(top, out);
	if (!rc)
		rc = put_order(top, " WITH TOTALS", top->rows_max, out);
	if (!rc)
		rc = weir_buffer_text(out, WEIR_REPORT_FORMAT);
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}
