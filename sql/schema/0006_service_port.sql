-- The rollup's service port is that of the flows, which enrichment fills: the port of the side that was called. Rows of earlier
-- versions have the lower port there (the column's default), as the rollup had.
DROP VIEW IF EXISTS flows_1m_view;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1m_view TO flows_1m AS
SELECT
    toStartOfMinute(time_received) AS minute,
    exporter_addr,
    in_if,
    out_if,
    proto,
    service_port,
    src_as,
    dst_as,
    count() AS flows,
    sum(flows.bytes * greatest(sampling_rate, 1)) AS bytes,
    sum(flows.packets * greatest(sampling_rate, 1)) AS packets,
    sum(flows.bytes) AS exported_bytes,
    sum(flows.packets) AS exported_packets
FROM flows
GROUP BY minute, exporter_addr, in_if, out_if, proto, service_port, src_as, dst_as;
