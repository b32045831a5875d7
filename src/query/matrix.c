#include "query/matrix.h"

#include <errno.h>
#include <inttypes.h>

#define HOUR_MS 3600000
#define DAY_MS	(24 * (int64_t)HOUR_MS)

#define KEYS "src_zone, src_subnet, dst_zone, dst_subnet, direction, protocol, dst_port, service, category, rule, action"
#define SUMS "hits AS h, bytes AS b, packets AS p, first_seen AS f, last_seen AS l"

/* A flow as a row of the matrix: what the views of the schema do with a group. */
static const char TURNED[] =
	"SELECT\n"
	"    if(initiator = 2, flows.dst_zone, flows.src_zone) AS src_zone,\n"
	"    if(initiator = 2, flows.dst_subnet, flows.src_subnet) AS src_subnet,\n"
	"    if(initiator = 2, flows.src_zone, flows.dst_zone) AS dst_zone,\n"
	"    if(initiator = 2, flows.src_subnet, flows.dst_subnet) AS dst_subnet,\n"
	"    if(initiator = 2, flows.dst_addr, flows.src_addr) AS src_addr,\n"
	"    if(initiator = 2, flows.src_addr, flows.dst_addr) AS dst_addr,\n"
	"    multiIf(initiator = 2 AND traffic_direction = 'inbound', 'outbound',\n"
	"      initiator = 2 AND traffic_direction = 'outbound', 'inbound', traffic_direction) AS direction,\n"
	"    proto AS protocol, service_port AS dst_port, service, category, rule, action,\n"
	"    toUInt64(1) AS h,\n"
	"    toUInt64(bytes * greatest(sampling_rate, 1)) AS b,\n"
	"    toUInt64(packets * greatest(sampling_rate, 1)) AS p,\n"
	"    if(time_start <= time_received AND time_start > time_received - INTERVAL 1 DAY, time_start, time_received) AS f,\n"
	"    if(time_end <= time_received AND time_end > time_received - INTERVAL 1 DAY, time_end, time_received) AS l\n"
	"  FROM flows\n"
	"  WHERE ";

/* The window in units of a length, [from, to); nothing where no whole one is in it. */
static struct weir_window whole(const struct weir_window *w, int64_t unit_ms)
{
	struct weir_window inner = {(w->from_ms + unit_ms - 1) / unit_ms * unit_ms, w->to_ms / unit_ms * unit_ms};

	if (inner.to_ms < inner.from_ms)
		inner.to_ms = inner.from_ms;
	return inner;
}

/* "hour >= … AND hour < …" */
static int put_between(const char *column, const struct weir_window *w, struct weir_buffer *out)
{
	char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];

	weir_time_text_utc(w->from_ms, from);
	weir_time_text_utc(w->to_ms, to);
	return weir_buffer_printf(out, "(%s >= toDateTime64('%s', 3, 'UTC') AND %s < toDateTime64('%s', 3, 'UTC'))", column, from, column, to);
}

static enum weir_filter_table table_of(const struct weir_matrix *m)
{
	return m->grain == WEIR_GRAIN_ADDRESS ? WEIR_FILTER_MATRIX_ADDRESSES : WEIR_FILTER_MATRIX;
}

static int put_filter(const struct weir_matrix *m, const char *before, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "\n  %s (", before);

	if (!rc)
		rc = weir_filter_sql(m->filter, table_of(m), out);
	return rc ? rc : weir_buffer_text(out, ")");
}

/* Flows of the window but for the whole hours in it, which may be none. */
static int put_flows(const struct weir_matrix *m, const struct weir_window *hours, struct weir_buffer *out)
{
	bool address = m->grain == WEIR_GRAIN_ADDRESS;
	int rc = weir_buffer_printf(out, "  SELECT " KEYS "%s, h, b, p, f, l\n  FROM\n  (\n  ", address ? ", src_addr, dst_addr" : "");

	if (!rc)
		rc = weir_buffer_text(out, TURNED);
	if (!rc)
		rc = put_between("time_received", &m->window, out);
	if (!rc && hours->to_ms > hours->from_ms) {
		rc = weir_buffer_text(out, " AND NOT ");
		if (!rc)
			rc = put_between("time_received", hours, out);
	}
	if (!rc)
		rc = weir_buffer_text(out, "\n  )");
	return rc ? rc : put_filter(m, "WHERE", out);
}

static int put_hours(const struct weir_matrix *m, const struct weir_window *hours, const struct weir_window *days, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\n  UNION ALL\n  SELECT " KEYS ", " SUMS "\n  FROM matrix_1h\n  WHERE ");

	if (!rc)
		rc = put_between("hour", hours, out);
	if (!rc && days->to_ms > days->from_ms) {
		rc = weir_buffer_text(out, " AND NOT ");
		if (!rc)
			rc = put_between("hour", days, out);
	}
	return rc ? rc : put_filter(m, "AND", out);
}

static int put_days(const struct weir_matrix *m, const struct weir_window *days, struct weir_buffer *out)
{
	char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];
	int rc;

	weir_time_text_utc(days->from_ms, from);
	weir_time_text_utc(days->to_ms, to);
	rc = weir_buffer_printf(out,
				"\n  UNION ALL\n  SELECT " KEYS ", " SUMS "\n  FROM matrix_1d\n"
				"  WHERE day >= toDate('%.10s') AND day < toDate('%.10s')",
				from, to);
	return rc ? rc : put_filter(m, "AND", out);
}

/* "(…)": the rows that the edges are made of. */
static int put_rows(const struct weir_matrix *m, struct weir_buffer *out)
{
	struct weir_window none = {0, 0};
	struct weir_window hours = m->grain == WEIR_GRAIN_ADDRESS ? none : whole(&m->window, HOUR_MS);
	struct weir_window days = m->grain == WEIR_GRAIN_ADDRESS ? none : whole(&m->window, DAY_MS);
	int rc = weir_buffer_text(out, "(\n");

	if (!rc)
		rc = put_flows(m, &hours, out);
	if (!rc && hours.to_ms > hours.from_ms)
		rc = put_hours(m, &hours, &days, out);
	if (!rc && days.to_ms > days.from_ms)
		rc = put_days(m, &days, out);
	return rc ? rc : weir_buffer_text(out, "\n)");
}

static int check(const struct weir_matrix *m, struct weir_error *err)
{
	unsigned misfit = weir_filter_misfit(m->filter, table_of(m));

	if (misfit == WEIR_FIELD_NONE)
		return 0;
	if (misfit == WEIR_COL_SRC_ADDR || misfit == WEIR_COL_DST_ADDR)
		return weir_error_set(err, -EINVAL, "filter", "ask for subnets or zones (\"src subnet 10.1.0.0/16\"), or --by address",
				      "the matrix of subnets does not keep %s", weir_field(misfit).name);
	return weir_error_set(err, -EINVAL, "filter", "`weir flows` and `weir top` filter by every column", "the matrix does not keep %s",
			      weir_field(misfit).name);
}

#define PLAIN(column) "if(startsWith(toString(" column "), '::ffff:'), substring(toString(" column "), 8), toString(" column "))"

static const struct {
	const char *src, *dst; /* what stands as the subnet */
	const char *group;
} GRAINS[] = {
	[WEIR_GRAIN_ZONE] = {"''", "''", ""},
	[WEIR_GRAIN_SUBNET] = {"src_subnet", "dst_subnet", "src_subnet, dst_subnet, "},
	[WEIR_GRAIN_ADDRESS] = {PLAIN("src_addr"), PLAIN("dst_addr"), "src_addr, dst_addr, "},
};

int weir_matrix_sql(const struct weir_matrix *m, struct weir_buffer *out, struct weir_error *err)
{
	int rc = check(m, err);

	if (rc)
		return rc;
	rc = weir_buffer_printf(out,
				"SELECT src_zone, %s, '', dst_zone, %s, '', direction, protocol, dst_port, service, category,\n"
				"  sum(h) AS hits, sum(b) AS sum_bytes, sum(p) AS sum_packets, rule, action, min(f), max(l)\nFROM\n",
				GRAINS[m->grain].src, GRAINS[m->grain].dst);
	if (!rc)
		rc = put_rows(m, out);
	if (!rc)
		rc = weir_buffer_printf(out,
					"\nGROUP BY %ssrc_zone, dst_zone, direction, protocol, dst_port, service, category, rule, action\n"
					"ORDER BY sum_bytes DESC, %ssrc_zone, dst_zone, protocol, dst_port, service, rule",
					GRAINS[m->grain].group, GRAINS[m->grain].group);
	if (!rc && m->rows_max)
		rc = weir_buffer_printf(out, "\nLIMIT %" PRIu64, m->rows_max);
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}

int weir_matrix_approve_sql(const struct weir_matrix *m, struct weir_buffer *out, struct weir_error *err)
{
	bool zone = m->grain == WEIR_GRAIN_ZONE;
	int rc = check(m, err);

	if (rc)
		return rc;
	rc = weir_buffer_printf(out,
				"INSERT INTO matrix_baseline (src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port, user, comment)\n"
				"SELECT DISTINCT src_zone, %s, dst_zone, %s, protocol, dst_port, {user:String}, {comment:String}\nFROM\n",
				zone ? "'*'" : "src_subnet", zone ? "'*'" : "dst_subnet");
	if (!rc)
		rc = put_rows(m, out);
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}

int weir_matrix_disapprove_sql(const struct weir_filter *filter, struct weir_buffer *out, struct weir_error *err)
{
	const struct weir_matrix m = {.filter = filter, .grain = WEIR_GRAIN_ZONE};
	int rc = filter ? check(&m, err) : 0;

	if (rc)
		return rc;
	rc = weir_buffer_text(out, "DELETE FROM matrix_baseline WHERE ");
	if (!rc)
		rc = filter ? weir_filter_sql(filter, WEIR_FILTER_MATRIX, out) : weir_buffer_text(out, "1");
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}

/* --- pairs ------------------------------------------------------------------------------------------------ */

const struct weir_output_column weir_pair_columns[WEIR_PAIR_COLUMNS] = {
	[WEIR_PAIR_SRC] = {.name = "src", .kind = WEIR_KIND_TEXT},
	[WEIR_PAIR_DST] = {.name = "dst", .kind = WEIR_KIND_TEXT},
	[WEIR_PAIR_PROTOCOL] = {.name = "protocol", .kind = WEIR_KIND_NUMBER},
	[WEIR_PAIR_DST_PORT] = {.name = "dst_port", .kind = WEIR_KIND_NUMBER},
	[WEIR_PAIR_SERVICE] = {.name = "service", .kind = WEIR_KIND_TEXT},
	[WEIR_PAIR_ACTION] = {.name = "action", .kind = WEIR_KIND_TEXT},
	[WEIR_PAIR_HITS] = {.name = "flows", .kind = WEIR_KIND_COUNT},
	[WEIR_PAIR_BYTES] = {.name = "bytes", .kind = WEIR_KIND_BYTES},
	[WEIR_PAIR_PACKETS] = {.name = "packets", .kind = WEIR_KIND_COUNT},
	[WEIR_PAIR_FIRST_SEEN] = {.name = "first_seen", .kind = WEIR_KIND_TIME},
	[WEIR_PAIR_NEW] = {.name = "new", .kind = WEIR_KIND_NUMBER},
	[WEIR_PAIR_APPROVED] = {.name = "approved", .kind = WEIR_KIND_NUMBER},
	[WEIR_PAIR_HITS_BEFORE] = {.name = "flows_before", .kind = WEIR_KIND_COUNT},
	[WEIR_PAIR_BYTES_BEFORE] = {.name = "bytes_before", .kind = WEIR_KIND_BYTES},
	[WEIR_PAIR_PACKETS_BEFORE] = {.name = "packets_before", .kind = WEIR_KIND_COUNT},
};

/* Rows of the pairs are of the window, of the one before it, or of all time, of which only the first sight counts. */
enum part { PART_NOW, PART_BEFORE, PART_EVER };

#define BASELINE "(SELECT src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port FROM matrix_baseline)"

static const struct {
	const char *src, *dst;
} NODES[] = {
	[WEIR_GRAIN_ZONE] = {"src_zone", "dst_zone"},
	[WEIR_GRAIN_SUBNET] = {"src_subnet", "dst_subnet"},
	[WEIR_GRAIN_ADDRESS] = {PLAIN("src_addr"), PLAIN("dst_addr")},
};

static int put_part(const struct weir_matrix *m, enum part part, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out,
				    "%s  SELECT toString(%s) AS n_src, toString(%s) AS n_dst, protocol AS n_protocol, dst_port AS n_port, toString(service) AS n_service,\n"
				    "    toString(action) AS n_action, %s, %d AS part,\n",
				    part == PART_NOW ? "" : "\n  UNION ALL\n", NODES[m->grain].src, NODES[m->grain].dst,
				    part == PART_EVER ? "hits AS h, bytes AS b, packets AS p, first_seen AS f" : "h, b, p, f", (int)part);

	if (!rc)
		rc = weir_buffer_text(out, part == PART_EVER
						   ? "    1 AS n_approved\n  FROM matrix_1d"
						   : "    (src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port) IN " BASELINE "\n"
						     "      OR (src_zone, '*', dst_zone, '*', protocol, dst_port) IN " BASELINE " AS n_approved\n  FROM\n");
	if (rc)
		return rc;
	return part == PART_EVER ? put_filter(m, "WHERE", out) : put_rows(m, out);
}

static int put_new(const struct weir_matrix *m, struct weir_buffer *out)
{
	char from[WEIR_TIME_TEXT_MAX];

	if (m->grain == WEIR_GRAIN_ADDRESS)
		return weir_buffer_text(out, "0");
	weir_time_text_utc(m->window.from_ms, from);
	return weir_buffer_printf(out,
				  "min(f) >= toDateTime64('%s', 3, 'UTC') AND (SELECT min(first_seen) FROM matrix_1d) < toDateTime64('%s', 3, 'UTC')",
				  from, from);
}

int weir_matrix_pairs_sql(const struct weir_matrix_pairs *pairs, struct weir_buffer *out, struct weir_error *err)
{
	const struct weir_matrix *m = &pairs->matrix;
	struct weir_matrix before = *m;
	bool services = pairs->services;
	int rc = check(m, err);

	if (rc)
		return rc;
	rc = weir_buffer_printf(out, "SELECT n_src, n_dst, %s,\n"
				     "  multiIf(countIf(n_action = 'deny' AND part < 2) > 0, 'deny', countIf(n_action = 'alert' AND part < 2) > 0, 'alert',\n"
				     "    countIf(n_action != 'allow' AND part < 2) > 0, '', 'allow') AS worst,\n"
				     "  sumIf(h, part = 0) AS now_flows, sumIf(b, part = 0) AS now_bytes, sumIf(p, part = 0) AS now_packets,\n  min(f), ",
				services ? "n_protocol, n_port, anyIf(n_service, part < 2)" : "0, 0, ''");
	if (!rc)
		rc = put_new(m, out);
	if (!rc)
		rc = weir_buffer_text(out, ",\n  minIf(n_approved, part < 2), sumIf(h, part = 1) AS before_flows, sumIf(b, part = 1) AS before_bytes, "
					   "sumIf(p, part = 1)\nFROM\n(\n");
	if (!rc)
		rc = put_part(m, PART_NOW, out);
	if (!rc && pairs->before) {
		before.window = *pairs->before;
		rc = put_part(&before, PART_BEFORE, out);
	}
	if (!rc && m->grain != WEIR_GRAIN_ADDRESS)
		rc = put_part(m, PART_EVER, out);
	if (!rc)
		rc = weir_buffer_printf(out, "\n)\nGROUP BY n_src, n_dst%s\nHAVING now_flows + before_flows > 0\n"
					     "ORDER BY greatest(now_bytes, before_bytes) DESC, n_src, n_dst%s",
					services ? ", n_protocol, n_port" : "", services ? ", n_protocol, n_port" : "");
	if (!rc && m->rows_max)
		rc = weir_buffer_printf(out, "\nLIMIT %" PRIu64, m->rows_max);
	return rc ? weir_error_set(err, rc, NULL, NULL, "out of memory") : 0;
}
