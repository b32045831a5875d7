-- Events that began within a window, in the order of their beginning: for `weir events --follow`. Parameters as in events.sql.
SELECT began AS time, event_level AS level, event_rule AS rule, event_subject AS subject, event_message AS message
FROM
(
    SELECT
        min(time) AS began,
        any(level) AS event_level,
        any(rule) AS event_rule,
        any(subject) AS event_subject,
        any(message) AS event_message
    FROM events
    WHERE hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') - INTERVAL 1 HOUR
        AND indexOf(['info', 'notice', 'warning', 'error', 'critical'], level) >= indexOf(['info', 'notice', 'warning', 'error', 'critical'], {level:String})
        AND ({rule:String} = '' OR rule = {rule:String})
        AND ({subject:String} = '' OR subject = {subject:String})
        AND ({category:String} = '' OR category = {category:String})
    GROUP BY hour, id
)
WHERE began >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND began < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
ORDER BY began
