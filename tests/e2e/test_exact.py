"""From the socket to the answer, exactly: what `weir generate` says it sent is what `weir sql` and `weir top` say is
in the embedded store, by exporter, protocol, port and address family, for every version at once."""
import json
import signal
import socket
import subprocess

import pytest

from conftest import free_port, wait_until

VERSIONS = ("1", "5", "7", "9", "10", "sflow")


class System:
    def __init__(self, weir, folder):
        self.weir = weir
        self.port = free_port(socket.SOCK_DGRAM)
        self.config = folder / "weir.yaml"
        self.log = folder / "log"
        self.config.write_text(f"data_dir: {folder}/var\n"
                               f"collect: {{listen: ['127.0.0.1:{self.port}'], receive_buffer: 64M}}\n"
                               f"store: {{listen: '127.0.0.1:{free_port()}'}}\nweb: {{listen: []}}\n")
        self.process = subprocess.Popen([weir, "run", "--config", self.config], stdout=open(self.log, "w"),
                                        stderr=subprocess.STDOUT)

    def ask(self, statement):
        done = subprocess.run([self.weir, "sql", "--config", self.config, "-f", "JSONEachRow", statement],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def sums(self, key, where="1"):
        rows = self.ask(f"SELECT toString({key}) AS key, count() AS flows, sum(packets) AS packets, sum(bytes) AS bytes "
                        f"FROM flows WHERE {where} GROUP BY key")
        return {row["key"]: {what: int(row[what]) for what in ("flows", "packets", "bytes")} for row in rows}

    def stored(self):
        return int(self.ask("SELECT count() AS n FROM flows")[0]["n"])

    def generate(self, version, number, flows, pace):
        done = subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.port}", "--version", version,
                               "--source", f"127.{number + 1}.0.1", "--site", str(4 * number), "--exporters", "4",
                               "--flows", str(flows), "--start", "2026-01-31T10:00:00Z", "--rate", "10000",
                               "--pace", str(pace), "--seed", str(number), "--summary", "json"],
                              capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["refused"] == 0 and told["flows"] == flows
        return told


@pytest.fixture
def system(weir, embedded_store, tmp_path):
    made = System(weir, tmp_path)
    try:
        wait_until("weir run to be up", lambda: "Ctrl-C stops it" in made.log.read_text(), 60)
        yield made
    finally:
        if made.process.poll() is None:
            made.process.send_signal(signal.SIGINT)
            try:
                made.process.wait(60)
            except subprocess.TimeoutExpired:
                made.process.kill()
                made.process.wait()


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
    top = subprocess.run([system.weir, "top", "--config", system.config, "proto udp", "--by", "proto", "--metric", "flows",
                          "--last", "1h", "--format", "json"], capture_output=True, text=True, timeout=60)
    assert top.returncode == 0, top.stderr
    assert str(added(told, "by_proto")["17"]["flows"]) in top.stdout


@pytest.mark.promise
@pytest.mark.soak
def test_ten_million_flows_are_exact(system):
    hold(system, ("5", "9", "10", "sflow"), 2500000, 60000)
