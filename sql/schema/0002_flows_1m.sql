-- Sums a minute, for long periods and capacity: a row for every minute, exporter, pair of interfaces, protocol,
-- service port and pair of AS numbers. Every flow is in exactly one row, so sums over flows_1m equal sums over flows.
-- bytes and packets are scaled by the sampling rate, exported_bytes and exported_packets are as they came.
--
-- service_port is the lower port of TCP, UDP and SCTP; above 32767 both are ephemeral, and it is 0.
CREATE TABLE IF NOT EXISTS flows_1m
(
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
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
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1m_view TO flows_1m AS
SELECT
    toStartOfMinute(time_received) AS minute,
    exporter_addr,
    in_if,
    out_if,
    proto,
    toUInt16(if(proto IN (6, 17, 132) AND least(src_port, dst_port) < 32768, least(src_port, dst_port), 0))
        AS service_port,
    src_as,
    dst_as,
    count() AS flows,
    sum(flows.bytes * greatest(sampling_rate, 1)) AS bytes,
    sum(flows.packets * greatest(sampling_rate, 1)) AS packets,
    sum(flows.bytes) AS exported_bytes,
    sum(flows.packets) AS exported_packets
FROM flows
GROUP BY minute, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as;
