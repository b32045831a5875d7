-- Events of a window, those of a rule and subject folded into one, the newest first.
-- from_ms, to_ms: milliseconds since 1970; level: this one and worse; rule, subject, category: '' is any; state: open, acknowledged, silenced, all.
WITH
    fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS window_from,
    fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') AS window_to,
    ['info', 'notice', 'warning', 'error', 'critical'] AS levels,
    notes AS
    (
        SELECT
            id AS note_id,
            maxIf(time, kind = 'ack') AS acknowledged_at,
            argMaxIf(user, time, kind = 'ack') AS acknowledged_by,
            argMaxIf(comment, time, kind = 'ack') AS ack_comment,
            maxIf(until, kind = 'silence') AS silenced_until,
            argMaxIf(user, until, kind = 'silence') AS silenced_by,
            argMaxIf(comment, until, kind = 'silence') AS silence_comment
        FROM event_notes
        GROUP BY id
    ),
    folded AS
    (
        SELECT
            cityHash64(rule, subject) AS id,
            cityHash64(rule, '') AS rule_id,
            min(time) AS first_seen,
            max(last) AS last_seen,
            argMax(level, hour) AS event_level,
            argMax(category, hour) AS event_category,
            rule,
            argMax(action, hour) AS event_action,
            subject,
            argMin(client, hour) AS event_client,
            argMin(server, hour) AS event_server,
            argMin(service, hour) AS event_service,
            sum(flows) AS event_flows,
            sum(bytes) AS event_bytes,
            sum(packets) AS event_packets,
            argMin(message, hour) AS event_message,
            argMin(filter, hour) AS event_filter
        FROM events
        WHERE hour >= window_from - INTERVAL 1 HOUR AND hour < window_to
            AND ({rule:String} = '' OR rule = {rule:String})
            AND ({subject:String} = '' OR subject = {subject:String})
            AND ({category:String} = '' OR category = {category:String})
        GROUP BY rule, subject
    )
SELECT
    first_seen,
    last_seen,
    event_level AS level,
    event_category AS category,
    rule,
    event_action AS action,
    subject,
    event_client AS client,
    event_server AS server,
    event_service AS service,
    event_flows AS flows,
    event_bytes AS bytes,
    event_packets AS packets,
    multiIf(greatest(n.silenced_until, r.silenced_until) > now64(3), 'silenced', n.acknowledged_at >= last_seen, 'acknowledged', 'open') AS state,
    n.acknowledged_by AS acknowledged_by,
    if(n.silenced_until >= r.silenced_until, n.silenced_by, r.silenced_by) AS silenced_by,
    greatest(n.silenced_until, r.silenced_until) AS silenced_until,
    if(state = 'silenced', if(n.silenced_until >= r.silenced_until, n.silence_comment, r.silence_comment), n.ack_comment) AS comment,
    event_message AS message,
    event_filter AS filter,
    lower(hex(id)) AS event_id
FROM folded
LEFT JOIN notes AS n ON n.note_id = folded.id
LEFT JOIN notes AS r ON r.note_id = folded.rule_id
WHERE last_seen >= window_from AND first_seen < window_to
    AND indexOf(levels, level) >= indexOf(levels, {level:String})
    AND ({state:String} = 'all' OR state = {state:String})
ORDER BY last_seen DESC, first_seen DESC, rule, subject
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
