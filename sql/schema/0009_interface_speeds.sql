-- Interfaces have names, descriptions and speeds (bits a second) that `weir snmp` was told, under the names of IF-MIB. An interface's name is what its
-- exporter told in options records (or sFlow's counters), and where it told none, SNMP's; its description is SNMP's (ifAlias: a person's words) where
-- there is one.
CREATE OR REPLACE VIEW exporter_interfaces AS
SELECT
    exporter_addr,
    toUInt32OrZero(id) AS interface,
    if(countIf(name = 'interfaceName' AND value != '') > 0, argMaxIf(value, time, name = 'interfaceName'), argMaxIf(value, time, name = 'ifName')) AS interface_name,
    if(countIf(name = 'ifAlias' AND value != '') > 0, argMaxIf(value, time, name = 'ifAlias'), argMaxIf(value, time, name = 'interfaceDescription')) AS interface_description,
    toUInt64OrZero(argMaxIf(value, time, name = 'ifSpeed')) AS interface_speed
FROM exporter_options
WHERE kind = 'interface'
GROUP BY exporter_addr, interface
HAVING interface_name != '' OR interface_description != '' OR interface_speed != 0;
