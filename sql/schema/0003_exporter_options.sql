-- What exporters tell of themselves in options records (and sFlow agents of their hosts): a row for each property of each thing,
-- as it was told last. kind says what the thing is (interface, application, vrf, sampler, host, exporter …), id which one of them
-- (the interface's index, engine:selector of an application, the VRF's number); name and value are the property.
--
-- An unchanged value is written again once an hour at the latest, so what is older than the retention is gone for good.
CREATE TABLE IF NOT EXISTS exporter_options
(
    time DateTime64(3, 'UTC') COMMENT 'When it was told last' CODEC(Delta, ZSTD(1)),
    exporter_addr IPv6 CODEC(ZSTD(1)),
    flow_type LowCardinality(String) COMMENT 'Protocol of the export' CODEC(ZSTD(1)),
    observation_domain UInt32 CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    id String CODEC(ZSTD(1)),
    name LowCardinality(String) CODEC(ZSTD(1)),
    value String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(time)
ORDER BY (exporter_addr, observation_domain, flow_type, kind, id, name)
SETTINGS non_replicated_deduplication_window = 10000;

-- Names of interfaces, for flows' in_if and out_if: they are joined when asked for, and not kept with each flow, since they are
-- long, the same for all flows of an interface, and can come after the flows.
CREATE VIEW IF NOT EXISTS exporter_interfaces AS
SELECT
    exporter_addr,
    toUInt32OrZero(id) AS interface,
    argMaxIf(value, time, name = 'interfaceName') AS interface_name,
    argMaxIf(value, time, name = 'interfaceDescription') AS interface_description
FROM exporter_options
WHERE kind = 'interface'
GROUP BY exporter_addr, interface
HAVING interface_name != '' OR interface_description != '';
