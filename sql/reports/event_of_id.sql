-- Whom an event_id of events.sql means.
SELECT rule, subject
FROM events
WHERE lower(hex(cityHash64(rule, subject))) = {id:String}
LIMIT 1
