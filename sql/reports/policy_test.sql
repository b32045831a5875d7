-- What a policy would be tried on: the flows of a window, those that no rule can tell apart being one row (the client's port does not
-- count), the most first. The columns are those of CELLS in src/cli/policy.c, in its order.
WITH initiator = 2 OR (initiator = 0 AND service_port != 0 AND src_port = service_port AND dst_port != service_port) AS swapped
SELECT
    src_addr,
    dst_addr,
    proto,
    if(swapped, src_port, 0) AS server_src_port,
    if(swapped, 0, dst_port) AS server_dst_port,
    service_port,
    initiator,
    traffic_direction,
    src_subnet,
    dst_subnet,
    src_country,
    dst_country,
    src_threat,
    dst_threat,
    service,
    category,
    src_zone,
    dst_zone,
    src_role,
    dst_role,
    max(bytes * greatest(sampling_rate, 1)) AS largest_bytes,
    max(packets * greatest(sampling_rate, 1)) AS largest_packets,
    toUnixTimestamp(max(time_received)) AS time,
    rule,
    action,
    count() AS flows
FROM flows
WHERE time_received >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time_received < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY ALL
ORDER BY flows DESC
