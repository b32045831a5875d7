-- Fewer rows for long periods: sums an hour, with all that the sums a minute keep, and of one dimension alone, a minute and an hour.
-- Each is made of the one before it while flows are loaded, of its few rows and not of the flows again, with the same tokens; so
-- all sums agree to the byte with the flows. What is there already is carried over: a table is filled under another name and put in
-- its place whole, so that a migration that is cut off leaves nothing by halves. A server that several sinks write to wants all of them
-- at rest while the first one migrates.
CREATE OR REPLACE TABLE flows_1h
(
    hour DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    exporter_addr IPv6 CODEC(ZSTD(1)),
    in_if UInt32 CODEC(ZSTD(1)),
    out_if UInt32 CODEC(ZSTD(1)),
    proto UInt8 CODEC(ZSTD(1)),
    service_port UInt16 CODEC(ZSTD(1)),
    src_as UInt32 CODEC(ZSTD(1)),
    dst_as UInt32 CODEC(ZSTD(1)),
    flows UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    packets UInt64 CODEC(ZSTD(1)),
    exported_bytes UInt64 CODEC(ZSTD(1)),
    exported_packets UInt64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree((flows, bytes, packets, exported_bytes, exported_packets))
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as)
SETTINGS non_replicated_deduplication_window = 10000
AS SELECT
    toStartOfHour(minute) AS hour, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as,
    flows, bytes, packets, exported_bytes, exported_packets
FROM flows_1m;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1h_view TO flows_1h AS
SELECT
    toStartOfHour(minute) AS hour, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as,
    sum(m.flows) AS flows,
    sum(m.bytes) AS bytes,
    sum(m.packets) AS packets,
    sum(m.exported_bytes) AS exported_bytes,
    sum(m.exported_packets) AS exported_packets
FROM flows_1m AS m
GROUP BY hour, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as;

-- dimension is a column's name, value its value. The exporter belongs to interfaces, whose numbers mean nothing without it; it is ::
-- for the others, and the dimension exporter_addr has the value 0.
CREATE OR REPLACE TABLE flows_1m_by
(
    dimension LowCardinality(String) CODEC(ZSTD(1)),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    exporter_addr IPv6 CODEC(ZSTD(1)),
    value UInt32 CODEC(ZSTD(1)),
    flows UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    packets UInt64 CODEC(ZSTD(1)),
    exported_bytes UInt64 CODEC(ZSTD(1)),
    exported_packets UInt64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree((flows, bytes, packets, exported_bytes, exported_packets))
PARTITION BY toYYYYMM(minute)
ORDER BY (dimension, minute, exporter_addr, value)
SETTINGS non_replicated_deduplication_window = 10000
AS SELECT
    d.1 AS dimension, minute, d.2 AS exporter_addr, d.3 AS value,
    flows, bytes, packets, exported_bytes, exported_packets
FROM flows_1m AS m
ARRAY JOIN [
    ('proto', toIPv6('::'), toUInt32(m.proto)),
    ('exporter_addr', m.exporter_addr, toUInt32(0)),
    ('in_if', m.exporter_addr, m.in_if),
    ('out_if', m.exporter_addr, m.out_if),
    ('service_port', toIPv6('::'), toUInt32(m.service_port)),
    ('src_as', toIPv6('::'), m.src_as),
    ('dst_as', toIPv6('::'), m.dst_as)] AS d;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1m_by_view TO flows_1m_by AS
SELECT
    d.1 AS dimension, minute, d.2 AS exporter_addr, d.3 AS value,
    sum(m.flows) AS flows,
    sum(m.bytes) AS bytes,
    sum(m.packets) AS packets,
    sum(m.exported_bytes) AS exported_bytes,
    sum(m.exported_packets) AS exported_packets
FROM flows_1m AS m
ARRAY JOIN [
    ('proto', toIPv6('::'), toUInt32(m.proto)),
    ('exporter_addr', m.exporter_addr, toUInt32(0)),
    ('in_if', m.exporter_addr, m.in_if),
    ('out_if', m.exporter_addr, m.out_if),
    ('service_port', toIPv6('::'), toUInt32(m.service_port)),
    ('src_as', toIPv6('::'), m.src_as),
    ('dst_as', toIPv6('::'), m.dst_as)] AS d
GROUP BY dimension, minute, exporter_addr, value;

CREATE OR REPLACE TABLE flows_1h_by
(
    dimension LowCardinality(String) CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    exporter_addr IPv6 CODEC(ZSTD(1)),
    value UInt32 CODEC(ZSTD(1)),
    flows UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    packets UInt64 CODEC(ZSTD(1)),
    exported_bytes UInt64 CODEC(ZSTD(1)),
    exported_packets UInt64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree((flows, bytes, packets, exported_bytes, exported_packets))
PARTITION BY toYYYYMM(hour)
ORDER BY (dimension, hour, exporter_addr, value)
SETTINGS non_replicated_deduplication_window = 10000
AS SELECT
    dimension, toStartOfHour(minute) AS hour, exporter_addr, value, flows, bytes, packets, exported_bytes, exported_packets
FROM flows_1m_by;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1h_by_view TO flows_1h_by AS
SELECT
    dimension, toStartOfHour(minute) AS hour, exporter_addr, value,
    sum(m.flows) AS flows,
    sum(m.bytes) AS bytes,
    sum(m.packets) AS packets,
    sum(m.exported_bytes) AS exported_bytes,
    sum(m.exported_packets) AS exported_packets
FROM flows_1m_by AS m
GROUP BY dimension, hour, exporter_addr, value;
