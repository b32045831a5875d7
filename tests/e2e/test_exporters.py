"""Real exporters over a real network to `weir run`, and the same stream to another collector: the sums are equal, exactly.

softflowd and pmacctd see the same traffic in one network namespace and export to another, where `weir run` receives and
dumpcap keeps the stream. nfcapd (or sfacctd, for sFlow) is then given that stream, and `weir decode` the file."""
import collections
import csv
import io
import ipaddress
import json
import os
import re
import signal
import subprocess
import time

import pytest

import lab as network
import traffic
from conftest import wait_until

EXPORTERS = {
    "softflowd-v1": ("netflow_v1", lambda lab: network.softflowd(lab, 1, 2055)),
    "softflowd-v5": ("netflow_v5", lambda lab: network.softflowd(lab, 5, 2055)),
    "softflowd-v9": ("netflow_v9", lambda lab: network.softflowd(lab, 9, 9995)),
    "softflowd-ipfix": ("ipfix", lambda lab: network.softflowd(lab, 10, 4739)),
    "nfprobe-v5": ("netflow_v5", lambda lab: network.nfprobe(lab, 5, 2055)),
    "nfprobe-v9": ("netflow_v9", lambda lab: network.nfprobe(lab, 9, 9995)),
    "nfprobe-ipfix": ("ipfix", lambda lab: network.nfprobe(lab, 10, 4739)),
    "sfprobe": ("sflow_v5", lambda lab: network.sfprobe(lab, 1, 6343)),
    "openvswitch-v5": ("netflow_v5", lambda lab: network.openvswitch(lab, "netflow", 2055)),
    "openvswitch-sflow": ("sflow_v5", lambda lab: network.openvswitch(lab, "sflow", 6343)),
}
PORTS = {"netflow_v1": 2055, "netflow_v5": 2055, "netflow_v9": 9995, "ipfix": 4739, "sflow_v5": 6343}
NUMBERS = {"ICMP": 1, "TCP": 6, "UDP": 17, "ICMP6": 58, "icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58}

Sums = collections.namedtuple("Sums", "flows packets bytes")


def add_up(rows):
    """{key: Sums} of (key, flows, packets, bytes)."""
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for key, *numbers in rows:
        for i, number in enumerate(numbers):
            sums[key][i] += int(number)
    return {key: Sums(*value) for key, value in sums.items()}


# --- the system under test -------------------------------------------------------------------------------------------

class System:
    """`weir run` in the collector's namespace, with its default ports."""

    def __init__(self, lab, weir):
        self.lab, self.weir = lab, weir
        self.config = lab.folder / "weir.yaml"
        self.config.write_text(f"data_dir: {lab.folder}/var\n")
        self.log = lab.folder / "weir.log"
        self.process = lab.collector.start(weir, "run", "--config", self.config, log=self.log)
        wait_until("weir run to be up", lambda: "Ctrl-C stops it" in self.log.read_text())

    def ask(self, *arguments):
        return self.lab.collector.run(self.weir, arguments[0], "--config", self.config, *arguments[1:])

    def top(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.ask("top", "-f", "csv", "-n", "100000", *arguments))))

    def sql(self, statement):
        return json.loads(self.ask("sql", "-f", "JSONCompact", statement))["data"]

    def received(self, what):
        found = re.search(rf"^weir_collect_{what}_total (\d+)$", (self.lab.folder / "var/run/collect.prom").read_text(), re.M)
        return int(found.group(1))

    def wait_for_quiet(self, since):
        """Until nothing has come for two seconds, and all that came is in the store; how many flows came since then."""
        seen, steady, end = -1, time.monotonic(), time.monotonic() + 120
        while time.monotonic() - steady < 2 or seen != int(self.sql("SELECT count() FROM flows")[0][0]):
            assert time.monotonic() < end, f"{seen} flows came, which the store does not have"
            now = self.received("flows")
            if now != seen:
                seen, steady = now, time.monotonic()
            time.sleep(0.2)
        return int(self.sql(f"SELECT count() FROM flows WHERE time_received >= fromUnixTimestamp64Milli({since})")[0][0])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = network.Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made.remove()


@pytest.fixture(scope="module")
def system(lab, weir, embedded_store):
    made = System(lab, weir)
    yield made
    made.lab.collector.stop(made.process)


@pytest.fixture(scope="module")
def frames(lab):
    return traffic.write_pcap(lab.folder / "traffic.pcap", traffic.conversations(1, 400, True))


# --- the oracles -----------------------------------------------------------------------------------------------------

def by_nfdump(folder, payloads):
    """The stream as nfcapd and nfdump have it: {(protocol, source, destination): Sums}."""
    flows = folder / f"nfcapd-{time.monotonic_ns()}"
    flows.mkdir()
    port = network.free_udp_port()
    process = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", flows, "-t", "3600", "-B", "4000000"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        network.wait_for_reader(port)
        network.send_all(payloads, port)
        network.wait_until_read(port)
    finally:
        process.terminate()
        process.wait(60)
    listed = network.run(["nfdump", "-R", flows, "-q", "-N", "-6", "-o", "fmt:%pr,%sa,%da,%pkt,%byt"])
    rows = [[word.strip() for word in line.split(",")] for line in listed.splitlines() if line.count(",") == 4]
    return add_up(((NUMBERS.get(proto) or int(proto), source, target), 1, packets, octets)
                  for proto, source, target, packets, octets in rows)


def in_messages_of_24(payload):
    """softflowd's NetFlow v1 as nfcapd takes it: at most 24 records a message, as from Cisco; softflowd sends 29."""
    records = [payload[at:at + 48] for at in range(16, len(payload), 48)]
    assert len(records) == int.from_bytes(payload[2:4], "big")
    for at in range(0, len(records), 24):
        part = records[at:at + 24]
        yield payload[:2] + len(part).to_bytes(2, "big") + payload[4:16] + b"".join(part)


SFACCTD = """
daemonize: false
sfacctd_ip: 127.0.0.1
sfacctd_port: {port}
plugins: print
aggregate: proto, src_host, dst_host
print_output: json
print_output_file: {out}
print_output_file_append: true
print_refresh_time: 1
sfacctd_pipe_size: 4000000
"""


def by_sfacctd(folder, payloads, samples):
    """samples: how many there are, for sfacctd does not say when it has printed all. Now and then it prints nothing at all, on a
    machine with much to do; then another one is asked."""
    for _ in range(3):
        rows = ask_sfacctd(folder, payloads, samples)
        if sum(row["packets"] for row in rows) >= samples:
            break
    assert sum(row["packets"] for row in rows) >= samples, "sfacctd did not print all, three times"
    return add_up(((NUMBERS[row["ip_proto"]], row["ip_src"], row["ip_dst"]), row["packets"], row["packets"], row["bytes"])
                  for row in rows)


def ask_sfacctd(folder, payloads, samples, seconds=30):
    """What one sfacctd has printed when it has all samples, or after so long."""
    out, config = folder / f"sfacctd-{time.monotonic_ns()}.json", folder / "sfacctd.conf"
    port = network.free_udp_port()
    config.write_text(SFACCTD.format(port=port, out=out))
    process = subprocess.Popen(["sfacctd", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        network.wait_for_reader(port)
        network.send_all(payloads, port)
        network.wait_until_read(port)
        end = time.monotonic() + seconds
        while time.monotonic() < end and sum(row["packets"] for row in printed(out)) < samples:
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its plugins too; what it printed is complete
        process.wait(60)
    return printed(out)


def printed(out):
    """The rows of pmacct's file, which it may be writing."""
    whole = out.read_text().rpartition("\n")[0] if out.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def by_decode(weir, pcap):
    done = subprocess.run([weir, "decode", pcap, "--format", "ndjson"], capture_output=True, text=True)
    # pmacct's IPFIX leaves bytes of its memory in the padding, where RFC 7011 §3.3.1 has zeros.
    faults = [line for line in done.stderr.splitlines() if line.startswith("fault ") and "set_padding" not in line]
    assert not faults and done.returncode in (0, 1 if "set_padding" in done.stderr else 0), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return add_up(((row["proto"], row["src_addr"], row["dst_addr"]), 1, row["packets"], row["bytes"]) for row in rows)


# --- the tests -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", EXPORTERS)
def test_sums_equal_another_collectors(name, lab, system, weir, frames):
    flow_type, exporter = EXPORTERS[name]
    since = int(time.time() * 1000)
    dumpcap, pcap = lab.capture(PORTS[flow_type])
    before = system.received("datagrams")
    with exporter(lab):
        lab.replay(frames)
    stored = system.wait_for_quiet(since)
    came = system.received("datagrams") - before
    wait_until("dumpcap", lambda: sum(1 for _ in network.udp_payloads(pcap)) >= came)
    lab.collector.stop(dumpcap)
    payloads = [payload for _, payload in network.udp_payloads(pcap)]
    assert payloads and stored, f"{name} exported nothing"

    if flow_type == "netflow_v1":
        payloads = [message for payload in payloads for message in in_messages_of_24(payload)]
    decoded = by_decode(weir, pcap)
    if flow_type == "sflow_v5":
        expected = by_sfacctd(lab.folder, payloads, sum(sums.packets for sums in decoded.values()))
    else:
        expected = by_nfdump(lab.folder, payloads)
    assert decoded == expected

    window = ["--from", f"@{since // 1000}", "--exported"]
    top = system.top("--by", "proto,src_addr,dst_addr", *window, f"flow_type = {flow_type}")
    shown = add_up(((int(row["proto"]), row["src_addr"], row["dst_addr"]), row["flows"], row["packets"], row["bytes"])
                   for row in top)
    assert shown == expected
    assert {row["exporter_addr"] for row in system.top("--by", "exporter_addr", *window)} == {network.EXPORTER}

    total = Sums(*(sum(numbers) for numbers in zip(*expected.values())))
    condition = f"time_received >= fromUnixTimestamp64Milli({since}) AND flow_type = '{flow_type}'"
    summed = system.sql(f"SELECT count(), sum(packets), sum(bytes) FROM flows WHERE {condition}")[0]
    assert Sums(*map(int, summed)) == total
    assert stored == total.flows


def by_traffic(pcap):
    """What the frames themselves say."""
    data, at, rows = pcap.read_bytes(), 24, []
    while at < len(data):
        length = int.from_bytes(data[at + 8:at + 12], "little")
        packet = data[at + 16 + 14:at + 16 + length]
        at += 16 + length
        if packet[0] >> 4 == 4:
            key = packet[9], str(ipaddress.ip_address(packet[12:16])), str(ipaddress.ip_address(packet[16:20]))
        else:
            key = packet[6], str(ipaddress.ip_address(packet[8:24])), str(ipaddress.ip_address(packet[24:40]))
        rows.append((key, 0, 1, len(packet)))
    return add_up(rows)


def test_openvswitch_ipfix_tells_the_traffic(lab, system, frames):
    """Every frame once as it comes in and once as it goes out. nfdump is no oracle for this: it takes Open vSwitch's
    octetTotalCount, the sum of all that the bridge ever saw, for the flow's bytes."""
    since = int(time.time() * 1000)
    with network.openvswitch(lab, "ipfix", 4739):
        lab.replay(frames)
    assert system.wait_for_quiet(since)
    for direction in (0, 1):
        rows = system.sql(f"""SELECT proto, toString(src_addr), toString(dst_addr), 0, sum(packets), sum(bytes) FROM flows
            WHERE time_received >= fromUnixTimestamp64Milli({since}) AND flow_type = 'ipfix' AND direction = {direction}
            AND src_addr != toIPv6('::') GROUP BY 1, 2, 3""")
        seen = add_up(((int(proto), source.removeprefix("::ffff:"), target.removeprefix("::ffff:")), *numbers)
                      for proto, source, target, *numbers in rows)
        assert seen == by_traffic(frames), f"direction {direction}"


# Those that have a test of their own, beside EXPORTERS.
OWN_TEST = ["openvswitch-ipfix"]


def test_the_rollup_has_the_same_sums(system):
    flows = system.sql("SELECT count(), sum(packets), sum(bytes) FROM flows")[0]
    assert int(flows[0]) > 0
    assert system.sql("SELECT sum(flows), sum(exported_packets), sum(exported_bytes) FROM flows_1m")[0] == flows


def test_nothing_was_faulty_or_lost(system, weir):
    status = json.loads(system.ask("status", "--format", "json"))
    assert status["healthy"], status
    told = subprocess.run(["ip", "netns", "exec", system.lab.collector.name, weir, "status", "--config", system.config,
                           "--exporters", "--format", "json"], capture_output=True, text=True)
    # Each counts in its own way (Open vSwitch and softflowd: the message's own flows too); none is taken for a loss.
    for exporter in json.loads(told.stdout)["exporters"]:
        assert exporter["lost"] == 0, exporter
        # pmacct's memory in the padding of IPFIX, now and then.
        assert set(exporter["faults"]) <= {"set_padding"}, exporter
