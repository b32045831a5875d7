-- One row a flow, as it was exported. The columns come from the program's column table (src/flow/columns.inc);
-- a column that is added there later is added to this table when the program next starts.
--
-- Sorted by minute, then by the two addresses. Measured with 10 million flows of 3 exporters: 22.0 bytes a flow, the
-- sums of one source address in 7 ms and of one destination address in 170 ms. With the exporter first or the
-- service port before the addresses it was 22.2 and 24.0 bytes (and 140 ms for one source), in order of arrival 23.9
-- bytes and 260 ms for either.
--
-- Codecs, measured with 2 million flows of IPFIX in this order: T64 before ZSTD for times, sequence numbers and counters
-- gives 16.9 bytes a flow; Delta, which needs values in order of time, 19.9 and more processor time; ZSTD alone 18.0, and
-- ZSTD(3) in place of ZSTD(1) saves nothing.
--
-- The deduplication window is what makes loading exact: a segment that is sent again is known by its token.
CREATE TABLE IF NOT EXISTS flows
(
{{flows_columns}}
)
ENGINE = MergeTree
PARTITION BY toDate(time_received)
ORDER BY (toStartOfMinute(time_received), src_addr, dst_addr)
SETTINGS non_replicated_deduplication_window = 10000;
