-- Counters that exporters and sFlow agents tell, a row for each at each poll, as they came: totals since some start, from whose
-- differences rates are made. kind says of what (interface, ethernet, vlan, processor, host_cpu, exporter …), source which one
-- (the interface's index).
CREATE TABLE IF NOT EXISTS counters
(
    time DateTime64(3, 'UTC') COMMENT 'When the message came' CODEC(Delta, ZSTD(1)),
    exporter_addr IPv6 CODEC(ZSTD(1)),
    flow_type LowCardinality(String) COMMENT 'Protocol of the export' CODEC(ZSTD(1)),
    observation_domain UInt32 CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    source UInt32 CODEC(ZSTD(1)),
    name LowCardinality(String) CODEC(ZSTD(1)),
    value UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (exporter_addr, kind, source, name, time)
SETTINGS non_replicated_deduplication_window = 10000;
