-- Events of the policy: what a rule with alert or deny found. Each collector thread tells of an event when it begins, and then again and
-- again what came since; rows of the same id add up. The id follows from rule, subject and hour, so whoever tells it means the same event.
-- filter, in weir's language, finds the flows behind it.
CREATE TABLE IF NOT EXISTS events
(
    hour DateTime64(3, 'UTC') COMMENT 'That the event belongs to; one that goes on begins anew with each hour' CODEC(Delta, ZSTD(1)),
    id UInt64 CODEC(ZSTD(1)),
    time SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Of the first flow' CODEC(Delta, ZSTD(1)),
    last SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Of the last flow so far' CODEC(Delta, ZSTD(1)),
    level LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    rule LowCardinality(String) CODEC(ZSTD(1)),
    action LowCardinality(String) CODEC(ZSTD(1)),
    subject String COMMENT 'Whom it is about' CODEC(ZSTD(1)),
    client SimpleAggregateFunction(any, IPv6) COMMENT 'Of the first flow' CODEC(ZSTD(1)),
    server SimpleAggregateFunction(any, IPv6) COMMENT 'Of the first flow' CODEC(ZSTD(1)),
    service SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    message SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    filter SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    flows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(sum, UInt64) COMMENT 'Scaled by sampling' CODEC(ZSTD(1)),
    packets SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, id)
SETTINGS non_replicated_deduplication_window = 10000;

-- What people say of the events of a rule and subject: ack (everything until now is seen) and silence (until a time).
CREATE TABLE IF NOT EXISTS event_notes
(
    time DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    id UInt64 COMMENT 'cityHash64(rule, subject)' CODEC(ZSTD(1)),
    rule String CODEC(ZSTD(1)),
    subject String COMMENT 'Empty: all of the rule' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'ack or silence' CODEC(ZSTD(1)),
    until DateTime64(3, 'UTC') COMMENT 'Of a silence' CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    comment String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, time);
