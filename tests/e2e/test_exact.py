"""From the socket to the answer, exactly: what `weir generate` says it sent is what `weir sql` and `weir top` say is
in the embedded store, by exporter, protocol, port and address family, for every version at once."""
import json

import pytest

from conftest import wait_until
from running import Running

VERSIONS = ("1", "5", "7", "9", "10", "sflow")


class Exact(Running):
    def sums(self, key, where="1"):
        rows = self.ask("sql", "-f", "JSONEachRow", f"SELECT toString({key}) AS key, count() AS flows, sum(packets) AS packets, "
                        f"sum(bytes) AS bytes FROM flows WHERE {where} GROUP BY key")
        return {row.pop("key"): {what: int(number) for what, number in row.items()} for row in map(json.loads, rows.splitlines())}

    def generate(self, version, number, flows, pace):
        told = self.send("--version", version, "--source", f"127.{number + 1}.0.1", "--site", str(4 * number), "--exporters", "4",
                         "--flows", str(flows), "--start", "2026-01-31T10:00:00Z", "--rate", "10000", "--pace", str(pace),
                         "--seed", str(number))
        assert told["refused"] == 0 and told["flows"] == flows
        return told


@pytest.fixture
def system(weir, embedded_store, tmp_path):
    with Exact(weir, tmp_path, collect="receive_buffer: 64M") as running:
        yield running


def added(told, group):
    """The summaries' groups of that name, added up."""
    sums = {}
    for one in told:
        for key, value in one[group].items():
            mine = sums.setdefault(key, {"flows": 0, "packets": 0, "bytes": 0})
            for what in mine:
                mine[what] += value[what]
    return sums


def hold(system, versions, flows, pace):
    told = [system.generate(version, number, flows, pace) for number, version in enumerate(versions)]
    expected = flows * len(versions)
    wait_until(f"{expected} flows in the store; there are {system.stored()}", lambda: system.stored() == expected, 60)
    address = "replaceRegexpOne(toString(exporter_addr), '^::ffff:', '')"
    assert system.sums(address) == added(told, "by_exporter")
    assert system.sums("proto") == added(told, "by_proto")
    both = [{"family": {"4": one["ipv4"], "6": one["ipv6"]}} for one in told]
    assert system.sums("if(startsWith(toString(src_addr), '::ffff:'), '4', '6')") == added(both, "family")
    for number, one in enumerate(told):
        ports = {port: sums for port, sums in one["by_dst_port"].items() if port != "0"}
        stored = system.sums("dst_port", f"exporter_addr BETWEEN toIPv6('127.{number + 1}.0.1') AND "
                                         f"toIPv6('127.{number + 1}.0.4') AND proto IN (6, 17)")
        assert {port: stored.get(port) for port in ports} == ports
    return told


@pytest.mark.promise
def test_sums_are_exact(system):
    told = hold(system, VERSIONS, 3000, 10000)
    top = system.ask("top", "proto udp", "--by", "proto", "--metric", "flows", "--last", "1h", "--format", "json")
    assert str(added(told, "by_proto")["17"]["flows"]) in top


@pytest.mark.promise
@pytest.mark.soak
def test_ten_million_flows_are_exact(system):
    hold(system, ("5", "9", "10", "sflow"), 2500000, 60000)
