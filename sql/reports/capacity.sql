-- How full interfaces and edges of the matrix are, where it goes, and when a limit is reached.
-- by: interface (five minutes of flows_1m_by, each way), zone or subnet (hours of matrix_1h, both ways together); from_ms, to_ms: whole steps in
-- it count; limits: bits a second by what, and origins: whose word that is. Without one an interface's limit is the speed that its exporter told over SNMP, then
-- that of sFlow's counters, and then what limits have under ''.
--
-- p95 is over all steps since the first with traffic, silent ones too. The trend is a straight line through each day's p95 (days are counted
-- back from the window's end), with Student's 95 percent of its slope; there is none for less than three days.
WITH
    if({by:String} = 'interface', 300, 3600) AS step_s,
    toUInt32(intDiv({from_ms:Int64} + step_s * 1000 - 1, step_s * 1000) * step_s) AS from_s,
    toUInt32(intDiv({to_ms:Int64}, step_s * 1000) * step_s) AS to_s,
    [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23] AS student,
    rates AS
    (
        SELECT concat(replaceRegexpOne(toString(exporter_addr), '^::ffff:', ''), '/', toString(value)) AS what, 'in' AS way,
            intDiv(toUnixTimestamp(minute), 300) * 300 AS at_s, sum(bytes) * 8 / 300 AS bps
        FROM flows_1m_by
        WHERE {by:String} = 'interface' AND dimension = 'in_if' AND value != 0 AND minute >= toDateTime(from_s, 'UTC') AND minute < toDateTime(to_s, 'UTC')
        GROUP BY what, at_s
        UNION ALL
        SELECT concat(replaceRegexpOne(toString(exporter_addr), '^::ffff:', ''), '/', toString(value)) AS what, 'out' AS way,
            intDiv(toUnixTimestamp(minute), 300) * 300 AS at_s, sum(bytes) * 8 / 300 AS bps
        FROM flows_1m_by
        WHERE {by:String} = 'interface' AND dimension = 'out_if' AND value != 0 AND minute >= toDateTime(from_s, 'UTC') AND minute < toDateTime(to_s, 'UTC')
        GROUP BY what, at_s
        UNION ALL
        SELECT
            concat(
                multiIf({by:String} = 'subnet' AND src_subnet != '', src_subnet, src_zone != '', src_zone, 'elsewhere'), ' to ',
                multiIf({by:String} = 'subnet' AND dst_subnet != '', dst_subnet, dst_zone != '', dst_zone, 'elsewhere')) AS what,
            'both' AS way, toUnixTimestamp(hour) AS at_s, sum(bytes) * 8 / 3600 AS bps
        FROM matrix_1h
        WHERE {by:String} != 'interface' AND hour >= toDateTime(from_s, 'UTC') AND hour < toDateTime(to_s, 'UTC')
        GROUP BY what, at_s
    ),
    daily AS
    (
        SELECT what, way, intDiv(to_s - 1 - at_s, 86400) AS ago, groupArray(bps) AS steps, min(at_s) AS begins, max(bps) AS highest,
            argMax(at_s, bps) AS highest_at,
            arrayReduce('quantileExact(0.95)',
                arrayConcat(steps, arrayWithConstant(greatest(toInt64(intDiv(86400, step_s)) - toInt64(length(steps)), 0), toFloat64(0)))) AS day_p95
        FROM rates
        GROUP BY what, way, ago
    ),
    lines AS
    (
        SELECT what, way,
            max(highest) AS peak, argMax(highest_at, highest) AS peak_s,
            intDiv(to_s - min(begins), step_s) AS steps_all,
            arrayFlatten(groupArray(steps)) AS steps_seen,
            arrayReduce('quantileExact(0.95)', arrayConcat(steps_seen,
                arrayWithConstant(greatest(toInt64(steps_all) - toInt64(length(steps_seen)), 0), toFloat64(0)))) AS p95,
            arraySum(steps_seen) / steps_all AS average,
            toUInt32(intDiv(to_s - min(begins), 86400)) AS days,
            groupArray(ago) AS agos, groupArray(day_p95) AS values,
            arrayMap(d -> values[indexOf(agos, d)], range(days)) AS y,
            arrayMap(d -> -toFloat64(d) - 0.5, range(days)) AS x,
            arrayAvg(x) AS mean_x, arrayAvg(y) AS mean_y,
            arraySum(v -> (v - mean_x) * (v - mean_x), x) AS sxx,
            arraySum(v -> (v - mean_y) * (v - mean_y), y) AS syy,
            arraySum((u, v) -> (u - mean_x) * (v - mean_y), x, y) AS sxy,
            if(days >= 3, ifNotFinite(sxy / sxx, 0), NULL) AS slope,
            mean_y - slope * mean_x AS level,
            if(days >= 3, if(days <= 12, student[toInt64(days) - 2], 1.96 + 2.5 / (toInt64(days) - 2))
                * ifNotFinite(sqrt(greatest(syy - slope * sxy, 0) / (toInt64(days) - 2) / sxx), 0), NULL) AS error
        FROM daily
        GROUP BY what, way
    ),
    speeds AS
    (
        SELECT concat(replaceRegexpOne(toString(exporter_addr), '^::ffff:', ''), '/', toString(source)) AS speed_of, argMax(value, time) AS speed
        FROM counters
        WHERE {by:String} = 'interface' AND kind = 'interface' AND name = 'if_speed'
        GROUP BY speed_of
    ),
    names AS
    (
        SELECT concat(replaceRegexpOne(toString(exporter_addr), '^::ffff:', ''), '/', toString(interface)) AS name_of, any(interface_name) AS name,
            max(interface_speed) AS asked_speed
        FROM exporter_interfaces
        WHERE {by:String} = 'interface'
        GROUP BY name_of
    ),
    {limits:Map(String, UInt64)} AS limits,
    {origins:Map(String, String)} AS origins,
    multiIf(mapContains(limits, what), origins[what], asked_speed > 0, 'snmp', speed > 0, 'counters', mapContains(limits, ''), 'others', '') AS source,
    multiIf(source = 'snmp', asked_speed, source = 'counters', speed, source = 'others', limits[''], limits[what]) AS most,
    if(most > 0 AND p95 < most AND slope > 0, (most - level) / slope, NULL) AS days_left,
    if(most > 0 AND p95 < most AND slope + error > 0, (most - level) / (slope + error), NULL) AS days_left_least,
    if(most > 0 AND p95 < most AND slope - error > 0, (most - level) / (slope - error), NULL) AS days_left_most
SELECT
    what,
    name,
    way,
    if(most > 0, most, NULL) AS limit_bps,
    source AS limit_from,
    toUInt64(round(p95)) AS p95_bps,
    toUInt64(round(peak)) AS peak_bps,
    toDateTime(peak_s, 'UTC') AS peak_time,
    toUInt64(round(average)) AS average_bps,
    if(most > 0, round(p95 / most, 4), NULL) AS utilisation,
    toInt64(round(slope)) AS trend_bps_day,
    toInt64(round(error)) AS trend_error,
    multiIf(most > 0 AND p95 >= most, toDate(to_s), days_left < 3650, toDate(to_s + ifNotFinite(least(greatest(days_left, 0), 3650), 0) * 86400), NULL) AS reached,
    if(days_left_least < 3650, toDate(to_s + ifNotFinite(least(greatest(days_left_least, 0), 3650), 0) * 86400), NULL) AS reached_earliest,
    if(days_left_most < 3650, toDate(to_s + ifNotFinite(least(greatest(days_left_most, 0), 3650), 0) * 86400), NULL) AS reached_latest
FROM lines
LEFT JOIN speeds ON speed_of = what
LEFT JOIN names ON name_of = what
ORDER BY ifNull(utilisation, 0) DESC, p95_bps DESC, what, way
LIMIT {limit:UInt64}
