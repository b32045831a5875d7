-- The flow matrix: who talks to whom over what, how much and since when, at the grain of subnets, an hour and a day.
-- A row is an edge, told from the side that opened the conversation: src is the client, dst and dst_port the service.
-- Flows whose initiator is unknown stand as they were exported. Every flow is in exactly one row of each table, so
-- sums over them equal sums over flows; bytes and packets are scaled by the sampling rate.
--
-- The view groups the flows as they are and turns only the few groups round: turning each flow's names would cost the
-- loading more than the sums themselves.
CREATE TABLE IF NOT EXISTS matrix_1h
(
    hour DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    src_zone LowCardinality(String) CODEC(ZSTD(1)),
    src_subnet LowCardinality(String) CODEC(ZSTD(1)),
    dst_zone LowCardinality(String) CODEC(ZSTD(1)),
    dst_subnet LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) COMMENT 'inbound, outbound, internal or external, of who opened it' CODEC(ZSTD(1)),
    protocol UInt8 CODEC(ZSTD(1)),
    dst_port UInt16 COMMENT 'Of the service' CODEC(ZSTD(1)),
    service LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    rule LowCardinality(String) CODEC(ZSTD(1)),
    action LowCardinality(String) CODEC(ZSTD(1)),
    hits SimpleAggregateFunction(sum, UInt64) COMMENT 'Flows' CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    packets SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port, direction, service, category, rule, action)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS matrix_1d
(
    day Date CODEC(DoubleDelta, ZSTD(1)),
    src_zone LowCardinality(String) CODEC(ZSTD(1)),
    src_subnet LowCardinality(String) CODEC(ZSTD(1)),
    dst_zone LowCardinality(String) CODEC(ZSTD(1)),
    dst_subnet LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    protocol UInt8 CODEC(ZSTD(1)),
    dst_port UInt16 CODEC(ZSTD(1)),
    service LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    rule LowCardinality(String) CODEC(ZSTD(1)),
    action LowCardinality(String) CODEC(ZSTD(1)),
    hits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    packets SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYear(day)
ORDER BY (src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port, direction, service, category, rule, action, day)
SETTINGS non_replicated_deduplication_window = 10000;

-- What a person approved: edges, without time. A subnet of '*' is any of the zone.
CREATE TABLE IF NOT EXISTS matrix_baseline
(
    src_zone LowCardinality(String) CODEC(ZSTD(1)),
    src_subnet LowCardinality(String) CODEC(ZSTD(1)),
    dst_zone LowCardinality(String) CODEC(ZSTD(1)),
    dst_subnet LowCardinality(String) CODEC(ZSTD(1)),
    protocol UInt8 CODEC(ZSTD(1)),
    dst_port UInt16 CODEC(ZSTD(1)),
    time DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'Of the approval' CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    comment String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(time)
ORDER BY (src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port);

CREATE MATERIALIZED VIEW IF NOT EXISTS matrix_1h_view TO matrix_1h AS
SELECT
    hour,
    if(turned, g.dst_zone, g.src_zone) AS src_zone,
    if(turned, g.dst_subnet, g.src_subnet) AS src_subnet,
    if(turned, g.src_zone, g.dst_zone) AS dst_zone,
    if(turned, g.src_subnet, g.dst_subnet) AS dst_subnet,
    multiIf(turned AND traffic_direction = 'inbound', 'outbound', turned AND traffic_direction = 'outbound', 'inbound', traffic_direction)
        AS direction,
    proto AS protocol,
    service_port AS dst_port,
    service,
    category,
    rule,
    action,
    sum(g.hits) AS hits,
    sum(g.bytes) AS bytes,
    sum(g.packets) AS packets,
    min(g.first_seen) AS first_seen,
    max(g.last_seen) AS last_seen
FROM
(
    SELECT
        toStartOfHour(time_received) AS hour,
        initiator = 2 AS turned,
        src_zone,
        src_subnet,
        dst_zone,
        dst_subnet,
        traffic_direction,
        proto,
        service_port,
        service,
        category,
        rule,
        action,
        count() AS hits,
        sum(flows.bytes * greatest(sampling_rate, 1)) AS bytes,
        sum(flows.packets * greatest(sampling_rate, 1)) AS packets,
        min(if(time_start <= time_received AND time_start > time_received - INTERVAL 1 DAY, time_start, time_received)) AS first_seen,
        max(if(time_end <= time_received AND time_end > time_received - INTERVAL 1 DAY, time_end, time_received)) AS last_seen
    FROM flows
    GROUP BY hour, turned, src_zone, src_subnet, dst_zone, dst_subnet, traffic_direction, proto, service_port, service, category,
        rule, action
) AS g
GROUP BY hour, src_zone, src_subnet, dst_zone, dst_subnet, direction, protocol, dst_port, service, category, rule, action;

-- From the hours' rows, of which there are few, and not from the flows once more.
CREATE MATERIALIZED VIEW IF NOT EXISTS matrix_1d_view TO matrix_1d AS
SELECT
    toDate(hour) AS day,
    src_zone, src_subnet, dst_zone, dst_subnet, direction, protocol, dst_port, service, category, rule, action,
    sum(m.hits) AS hits,
    sum(m.bytes) AS bytes,
    sum(m.packets) AS packets,
    min(m.first_seen) AS first_seen,
    max(m.last_seen) AS last_seen
FROM matrix_1h AS m
GROUP BY day, src_zone, src_subnet, dst_zone, dst_subnet, direction, protocol, dst_port, service, category, rule, action;

-- An edge that no person approved is an event, as soon as its flows are loaded, and needs no process of its own. Without a baseline
-- there is none. Rows of the same hour and subject are one event.
CREATE MATERIALIZED VIEW IF NOT EXISTS matrix_events_view TO events AS
WITH
    transform(protocol, [1, 6, 17, 58, 132], ['icmp', 'tcp', 'udp', 'ipv6-icmp', 'sctp'], toString(protocol)) AS proto_name,
    concat(if(src_subnet = '', if(src_zone = '', 'elsewhere', src_zone), src_subnet), ' to ',
        if(dst_subnet = '', if(dst_zone = '', 'elsewhere', dst_zone), dst_subnet), ' ', proto_name, '/', toString(dst_port)) AS edge
SELECT
    toDateTime64(m.hour, 3, 'UTC') AS hour,
    cityHash64('matrix/new-edge', edge, m.hour) AS id,
    min(m.first_seen) AS time,
    max(m.last_seen) AS last,
    'warning' AS level,
    'matrix' AS category,
    'matrix/new-edge' AS rule,
    'alert' AS action,
    edge AS subject,
    any(m.service) AS service,
    concat('outside the approved matrix: ', edge) AS message,
    concat('service_port = ', toString(dst_port), ' and proto = ', toString(protocol),
        if(src_zone = '', '', concat(' and (src_zone = "', src_zone, '" or dst_zone = "', src_zone, '")')),
        if(dst_zone = '', '', concat(' and (src_zone = "', dst_zone, '" or dst_zone = "', dst_zone, '")'))) AS filter,
    sum(m.hits) AS flows,
    sum(m.bytes) AS bytes,
    sum(m.packets) AS packets
FROM matrix_1h AS m
WHERE (SELECT count() FROM matrix_baseline) > 0
    AND (src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port) NOT IN
        (SELECT src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port FROM matrix_baseline)
    AND (src_zone, '*', dst_zone, '*', protocol, dst_port) NOT IN
        (SELECT src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port FROM matrix_baseline)
GROUP BY m.hour, src_zone, src_subnet, dst_zone, dst_subnet, protocol, dst_port;
