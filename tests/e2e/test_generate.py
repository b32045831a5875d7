"""`weir generate` against collectors that are not ours, against `weir decode`, and against itself: the sums of its
summary are exact."""
import collections
import csv
import functools
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from conftest import free_port, wait_until

START = "2026-01-31T10:00:00Z"
VERSIONS = ("1", "5", "7", "9", "10", "sflow")


def generate(weir, *arguments, **options):
    done = subprocess.run([weir, "generate", "--summary", "json", *arguments], capture_output=True, text=True,
                          timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed: tools/setup test")


def udp_port_is_open(port):
    with open("/proc/net/udp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])


@pytest.fixture
def collector():
    """Starts collectors of others on a port and ends them, whatever happens."""
    started = []

    def start(command, port, **options):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True, **options)
        started.append(process)
        wait_until(f"{command[0]} on port {port}", lambda: udp_port_is_open(port))
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def drained(port):
    """Nothing waits in the receive queue of the port."""
    with open("/proc/net/udp", encoding="ascii") as table:
        for line in list(table)[1:]:
            words = line.split()
            if words[1].endswith(f":{port:04X}"):
                return int(words[4].split(":")[1], 16) == 0
    return True


def sums_of(rows):
    sums = collections.defaultdict(lambda: {"flows": 0, "packets": 0, "bytes": 0})
    for key, flows, packets, octets in rows:
        sums[key]["flows"] += int(flows)
        sums[key]["packets"] += int(packets)
        sums[key]["bytes"] += int(octets)
    return dict(sums)


@pytest.mark.parametrize("version", [v for v in VERSIONS if v != "sflow"])
def test_nfcapd_counts_the_same(weir, collector, tmp_path, version):
    need("nfcapd")
    port = free_port(socket.SOCK_DGRAM)
    nfcapd = collector(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", str(tmp_path), "-t", "3600", "-B", "4000000"],
                       port)
    told = generate(weir, "--to", f"127.0.0.1:{port}", "--version", version, "--flows", "2000", "--rate", "6000",
                    "--exporters", "3", "--seed", "5")
    wait_until("nfcapd to read its socket", lambda: drained(port))
    nfcapd.terminate()
    nfcapd.wait(60)
    listed = subprocess.run(["nfdump", "-R", str(tmp_path), "-q", "-N", "-o", "fmt:%pr,%ra,%pkt,%byt"],
                            capture_output=True, text=True, check=True, timeout=60).stdout
    rows = [[word.strip() for word in line.split(",")] for line in listed.splitlines() if line.count(",") == 3]
    assert len(rows) == told["flows"] == 2000
    assert sums_of((proto, 1, packets, octets) for proto, _, packets, octets in rows) == told["by_proto"]
    assert sums_of((router, 1, packets, octets) for _, router, packets, octets in rows) == told["by_exporter"]
    assert set(told["by_exporter"]) == {"127.1.0.1", "127.1.0.2", "127.1.0.3"}


def test_sfacctd_counts_the_same(weir, collector, tmp_path):
    need("sfacctd")
    port = free_port(socket.SOCK_DGRAM)
    out = tmp_path / "out.json"
    (tmp_path / "sfacctd.conf").write_text(
        f"daemonize: false\nsfacctd_ip: 127.0.0.1\nsfacctd_port: {port}\nplugins: print\naggregate: proto\n"
        f"print_output: json\nprint_output_file: {out}\nprint_output_file_append: true\n"
        "print_refresh_time: 1\nsfacctd_pipe_size: 4000000\n")
    collector(["sfacctd", "-f", str(tmp_path / "sfacctd.conf")], port)
    told = generate(weir, "--to", f"127.0.0.1:{port}", "--version", "sflow", "--flows", "2000", "--rate", "6000")

    def counted():
        rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        return rows if sum(row["packets"] for row in rows) >= told["packets"] else None

    rows = wait_until("all samples in sfacctd's output", counted)
    number = {"icmp": "1", "tcp": "6", "udp": "17", "gre": "47", "esp": "50", "ipv6-icmp": "58", "ospf": "89"}
    got = sums_of((number[row["ip_proto"]], row["packets"], row["packets"], row["bytes"]) for row in rows)
    assert got == told["by_proto"]


# What a version does not tell, or tells otherwise.
TOLD_OTHERWISE = {
    "src_port": lambda row, version: row["proto"] not in (6, 17),
    "dst_port": lambda row, version: row["proto"] not in (6, 17),
    "tcp_flags": lambda row, version: version == "sflow" and row["proto"] != 6,
    "next_hop": lambda row, version: version == "sflow",  # it has none for attached hosts
}


def comparable(row, columns, version):
    return tuple((name, row[name]) for name in columns
                 if name in row and not TOLD_OTHERWISE.get(name, lambda *_: False)(row, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_decode_gives_the_flows_back(weir, tmp_path, version):
    arguments = ["--version", version, "--flows", "3000", "--start", START, "--seed", "9", "--exporters", "5"]
    told = generate(weir, "--write", str(tmp_path / "made.pcap"), *arguments)
    printed = subprocess.run([weir, "generate", "--print", "ndjson", *arguments], capture_output=True, text=True,
                             check=True, timeout=60).stdout
    decoded = subprocess.run([weir, "decode", str(tmp_path / "made.pcap"), "--format", "ndjson"], capture_output=True,
                             text=True, timeout=60)
    assert decoded.returncode == 0, decoded.stderr
    sent = [json.loads(line) for line in printed.splitlines()]
    got = [json.loads(line) for line in decoded.stdout.splitlines()]
    columns = ["src_addr", "dst_addr", "src_port", "dst_port", "proto", "packets", "bytes", "tcp_flags", "ip_tos",
               "in_if", "out_if", "exporter_addr", "flow_type", "sampling_rate", "next_hop", "icmp_type"]
    columns += ["src_as", "dst_as", "src_mask", "dst_mask"] if version not in ("1", "sflow") else []
    columns += ["time_start", "time_end"] if version != "sflow" else []
    if version in ("1", "5", "7"):  # ICMP types stand in the destination port there
        sent, got = [[row for row in rows if row["proto"] != 1] for rows in (sent, got)]
    else:
        assert len(got) == told["flows"]
        assert sum(row["bytes"] for row in got) == told["bytes"]
    missing = collections.Counter(comparable(row, columns, version) for row in sent)
    missing.subtract(collections.Counter(comparable(row, columns, version) for row in got))
    different = sorted(row for row, count in missing.items() if count)
    assert not different, different[:4]


@pytest.mark.parametrize("version", ["5", "9", "10", "sflow"])
def test_sampling_is_told(weir, tmp_path, version):
    told = generate(weir, "--write", str(tmp_path / "made.pcap"), "--version", version, "--flows", "600", "--sampling", "100")
    decoded = subprocess.run([weir, "decode", str(tmp_path / "made.pcap"), "--format", "ndjson"], capture_output=True,
                             text=True, check=True, timeout=60)
    rows = [json.loads(line) for line in decoded.stdout.splitlines()]
    assert {row["sampling_rate"] for row in rows} == {100}
    assert (len(rows), sum(row["bytes"] for row in rows)) == (600, told["bytes"])


def test_a_seed_makes_the_same_file(weir, tmp_path):
    def made(name, *arguments):
        generate(weir, "--write", str(tmp_path / name), "--start", START, "--flows", "2000", *arguments)
        return (tmp_path / name).read_bytes()

    assert made("a") == made("b") == made("c", "--seed", "1")
    assert made("d", "--seed", "2") != made("a")


def test_a_day_has_its_rhythm(weir):
    listed = subprocess.run([weir, "generate", "--print", "ndjson", "--start", "2026-01-31T00:00:00Z", "--for", "24h",
                             "--rate", "1", "--exporters", "1"], capture_output=True, text=True, check=True, timeout=60)
    hours = collections.Counter(json.loads(line)["time_end"][11:13] for line in listed.stdout.splitlines())
    assert 80000 < sum(hours.values()) < 90000
    assert hours["10"] > 3 * hours["03"] > 0


SCENARIOS = ("brute-ssh", "beacon@10m", "tunnel-icmp", "exfiltration", "bastion-bypass")


@pytest.mark.parametrize("family", ["/4", "/6"])
def test_labels_tell_the_truth(weir, tmp_path, family):
    labels = tmp_path / "truth.ndjson"
    names = [re.sub("(@|$)", family + r"\1", name, count=1) for name in SCENARIOS]
    arguments = ["--start", START, "--for", "40m", "--rate", "2", "--scenario", ",".join(names), "--labels", str(labels)]
    printed = subprocess.run([weir, "generate", "--print", "ndjson", *arguments], capture_output=True, text=True,
                             check=True, timeout=60).stdout
    flows = [json.loads(line) for line in printed.splitlines()]
    told = [json.loads(line) for line in labels.read_text().splitlines()]
    assert [label["scenario"] for label in told] == [name.split("@")[0] for name in SCENARIOS]
    assert {label["family"] for label in told} == {"ipv" + family[1]}
    assert {":" in host for label in told for host in label["sources"] + label["targets"]} == {family == "/6"}
    assert [label["complete"] for label in told] == [True, False, True, True, False]
    for label in told:
        mine = [flow for flow in flows
                if flow["proto"] == label["proto"] and label["start"] <= flow["time_start"] <= label["end"] and any(
                    flow[one] in label["sources"] and flow[other] in label["targets"]
                    for one, other in (("src_addr", "dst_addr"), ("dst_addr", "src_addr")))]
        assert (len(mine), sum(flow["packets"] for flow in mine), sum(flow["bytes"] for flow in mine)) == (
            label["flows"], label["packets"], label["bytes"]), label["scenario"]
        assert {flow["exporter_addr"] for flow in mine} == {label["exporter"]}
    assert told[1]["start"] >= "2026-01-31T10:10:00"


def test_scenarios_count_in_the_summary(weir, tmp_path):
    plain = generate(weir, "--write", "/dev/null", "--start", START, "--for", "2m", "--rate", "10")
    labels = tmp_path / "truth.ndjson"
    more = generate(weir, "--write", "/dev/null", "--start", START, "--for", "2m", "--rate", "10", "--scenario", "all",
                    "--labels", str(labels))
    told = [json.loads(line) for line in labels.read_text().splitlines()]
    listed = subprocess.run([weir, "generate", "--scenario", "list"], capture_output=True, text=True, check=True)
    assert [label["scenario"] for label in told] == [line.split()[0] for line in listed.stdout.splitlines()]
    for what in ("flows", "packets", "bytes"):
        assert more[what] == plain[what] + sum(label[what] for label in told)


def roles_of(path):
    """A function from an address to (zone, role) by the longest prefix of a networks file."""
    with open(path, encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["prefix", "zone", "role", "description", "owner"]
    networks = {ipaddress.ip_network(row["prefix"]): (row["zone"], row["role"]) for row in rows}
    assert len(networks) == len(rows), "a prefix stands there twice"
    lengths = sorted({(n.version, n.prefixlen) for n in networks}, reverse=True)

    @functools.cache
    def role(address):
        address = ipaddress.ip_address(address)
        for version, length in lengths:
            if version == address.version:
                found = networks.get(ipaddress.ip_network((address, length), strict=False))
                if found:
                    return found
        return ("", "")

    return role


# Who of the house may speak these to whom, when there is no scenario: protocol, port of the service, roles.
APPROVED = {
    (17, 53): {("client", "dns"), ("dns", "")}, (17, 123): {("client", "ntp"), ("ntp", "")},
    (17, 67): {("router", "dhcp")}, (17, 161): {("snmp-manager", "router")}, (17, 4789): {("vtep", "vtep")},
    (17, 6081): {("vtep", "vtep")}, (6, 6653): {("hypervisor-management", "sdn-controller")}, (6, 179): {("bgp-peer", "bgp-peer")},
    (6, 22): {("admin", "bastion"), ("bastion", "application"), ("bastion", "database"), ("bastion", "router")},
    (6, 3389): {("admin", "bastion"), ("bastion", "application")}, (6, 5432): {("application", "database")},
}


def test_the_networks_file_tells_who_is_who(weir, tmp_path):
    networks = tmp_path / "networks.csv"
    printed = subprocess.run([weir, "generate", "--print", "ndjson", "--flows", "20000", "--exporters", "3", "--site", "2",
                              "--ipv6", "40", "--start", START, "--write-networks", networks], capture_output=True,
                             text=True, check=True, timeout=60)
    role = roles_of(networks)
    met = collections.defaultdict(set)
    for line in printed.stdout.splitlines():
        flow = json.loads(line)
        key = (flow["proto"], flow.get("dst_port"))
        if key in APPROVED and (flow["proto"] == 17 or flow["tcp_flags"] != 0x14) and not (
                flow.get("src_port", 0) < 1024 and flow["src_port"] != flow["dst_port"]):
            met[key].add((role(flow["src_addr"])[1], role(flow["dst_addr"])[1]))
    for key, pairs in met.items():
        both = {pair[::-1] for pair in APPROVED[key]} if key == (17, 123) else set()
        assert pairs <= APPROVED[key] | both, key
    assert set(met) == set(APPROVED)
    alone = subprocess.run([weir, "generate", "--exporters", "3", "--site", "2", "--write-networks", "-"],
                           capture_output=True, text=True, check=True, timeout=60)
    assert alone.stdout == networks.read_text()


def test_the_network_has_the_roles_that_shipped_policies_need(weir):
    packs = pathlib.Path(__file__).parents[2] / "data/policy"
    needed = {role.strip() for pack in packs.glob("*.yaml")
              for line in re.findall(r"^needs: \[(.*)\]", pack.read_text(), re.M) for role in line.split(",")}
    listed = subprocess.run([weir, "generate", "--write-networks", "-"], capture_output=True, text=True, check=True)
    assert needed and needed <= {row["role"] for row in csv.DictReader(listed.stdout.splitlines())}


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind(("127.0.0.1", 0))
        s.settimeout(60)
        yield s


def test_all_scenarios_of_both_families_at_once(weir, tmp_path):
    labels = tmp_path / "truth.ndjson"
    generate(weir, "--write", "/dev/null", "--start", START, "--for", "1m", "--rate", "2", "--scenario", "all,all/6@10s",
             "--labels", str(labels))
    told = [json.loads(line) for line in labels.read_text().splitlines()]
    listed = subprocess.run([weir, "generate", "--scenario", "list"], capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert [(label["scenario"], label["family"]) for label in told] == \
        [(name, "ipv4") for name in names] + [(name, "ipv6") for name in names]
    alone = tmp_path / "alone.ndjson"
    generate(weir, "--write", "/dev/null", "--start", START, "--for", "1m", "--rate", "2", "--ipv6", "100", "--scenario", "beacon",
             "--labels", str(alone))
    assert json.loads(alone.read_text())["family"] == "ipv6"


# The scenarios that were promised; a name here is looked for in the list.
PROMISED = """scan-horizontal scan-vertical scan-slow flood-syn flood-udp flood-icmp amplification-dns amplification-ntp
amplification-ssdp amplification-memcached tunnel-dns exfiltration-dns tunnel-icmp beacon beacon-slow brute-ssh brute-rdp
lateral-smb rogue-dns rogue-ntp rogue-dhcp bittorrent tor rogue-vtep sdn-controller bgp-stranger snmp-stranger bastion-bypass
exfiltration mining""".split()


def test_every_promised_scenario_is_there(weir):
    listed = subprocess.run([weir, "generate", "--scenario", "list"], capture_output=True, text=True, check=True)
    assert set(PROMISED) <= {line.split()[0] for line in listed.stdout.splitlines()}


def test_each_role_has_its_services(weir, tmp_path):
    """Who speaks what, by the networks file: telephones telephone, and at night the backups run."""
    networks = tmp_path / "networks.csv"

    def flows(start):
        printed = subprocess.run([weir, "generate", "--print", "ndjson", "--flows", "8000", "--exporters", "1", "--ipv6", "30",
                                  "--start", start, "--write-networks", networks], capture_output=True, text=True, check=True,
                                 timeout=60)
        role = roles_of(networks)
        return [(flow, role(flow["src_addr"])[1], role(flow["dst_addr"])[1])
                for flow in map(json.loads, printed.stdout.splitlines())]

    def share(rows, chosen):
        return sum(chosen(*row) for row in rows) / len(rows)

    day, night = flows("2026-01-31T10:00:00Z"), flows("2026-01-31T02:00:00Z")
    assert 0.15 < share(day, lambda f, s, d: f["proto"] == 17 and 53 in (f["src_port"], f["dst_port"])) < 0.4
    assert 0.25 < share(day, lambda f, s, d: "client" in (s, d) and "" in (s, d)) < 0.6
    assert share(day, lambda f, s, d: "phone" in (s, d) and not {s, d} <= {"phone", "pbx"}) == 0
    for one, other in (("web", ""), ("application", "database"), ("client", "mail"), ("client", "files"), ("phone", "phone")):
        assert share(day, lambda f, s, d, a=one, b=other: (s, d) == (a, b)) > 0, (one, other)

    def backup(f, s, d):
        return "backup" in (s, d)

    assert share(night, backup) > 4 * share(day, backup) > 0
    assert 0.2 < share(day, lambda f, s, d: ":" in f["src_addr"]) < 0.4
    by_size = sorted((f["bytes"] for f, _, _ in day), reverse=True)
    assert sum(by_size[:len(by_size) // 50]) > sum(by_size) / 2 > 50 * sum(by_size[len(by_size) // 2:])


@pytest.mark.parametrize("rate, length, flows", [("1", "60s", 60), ("2000000", "200ms", 400000)])
def test_rates_of_one_and_of_millions(weir, rate, length, flows):
    told = generate(weir, "--write", "/dev/null", "--start", START, "--rate", rate, "--for", length, "--version", "5",
                    "--exporters", "50")
    assert flows < told["flows"] < 2.5 * flows  # ten o'clock is a busy hour


def received(receiver, count):
    return collections.Counter(receiver.recvfrom(65535)[1][0] for _ in range(count))


def test_interrupted_it_says_what_it_sent(weir, receiver):
    port = receiver.getsockname()[1]
    process = subprocess.Popen([weir, "generate", "--to", f"127.0.0.1:{port}", "--rate", "2000", "--summary", "json"],
                               stdout=subprocess.PIPE, text=True)
    receiver.recv(65535)
    process.send_signal(signal.SIGINT)
    told = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert told["interrupted"] and told["refused"] == 0
    received(receiver, told["datagrams"] - 1)
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(65535)


def test_thousands_of_exporters_have_their_own_addresses(weir, receiver):
    port = receiver.getsockname()[1]
    sources = collections.Counter()

    def read():
        while (datagram := receiver.recvfrom(65535))[0] != b"end":
            sources[datagram[1][0]] += 1

    reader = threading.Thread(target=read)
    reader.start()
    told = generate(weir, "--to", f"127.0.0.1:{port}", "--exporters", "3000", "--flows", "15000", "--version", "5",
                    "--source", "127.7.0.250", "--start", START, "--rate", "3000", "--pace", "15000")
    wait_until("the reader", lambda: drained(port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"end", ("127.0.0.1", port))
    reader.join()
    assert sum(sources.values()) == told["datagrams"]
    assert len(sources) == 3000 and "127.7.0.250" in sources and "127.7.12.0" in sources
    assert set(sources) == set(told["by_exporter"])


def test_without_own_addresses_domains_tell_the_exporters(weir):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            pytest.skip("there is no IPv6 loopback here")
        s.settimeout(60)
        told = generate(weir, "--to", f"[::1]:{s.getsockname()[1]}", "--flows", "300", "--rate", "3000", "--exporters", "3")
        domains = {int.from_bytes(s.recv(65535)[12:16], "big") for _ in range(told["datagrams"])}
    assert domains == {0, 1, 2}
    assert set(told["by_exporter"]) == {f"domain {number}" for number in domains}


def test_it_says_when_nobody_listens(weir):
    port = free_port(socket.SOCK_DGRAM)
    told = generate(weir, "--to", f"127.0.0.1:{port}", "--flows", "10", "--rate", "2000")
    assert told["refused"] > 0 and told["flows"] == 10


@pytest.mark.parametrize("arguments, says", [
    ((), "say where the flows go"),
    (("--to", "127.0.0.1:9", "--print", "ndjson"), "say where the flows go"),
    (("--to", "192.0.2.1:2055"), "--allow-remote"),
    (("--to", "127.0.0.1"), "no host and port"),
    (("--to", "127.0.0.1:9", "--version", "5", "--ipv6", "10"), "carries no IPv6"),
    (("--to", "127.0.0.1:9", "--version", "7", "--sampling", "10"), "cannot tell a sampling rate"),
    (("--to", "127.0.0.1:9", "--version", "5", "--sampling", "20000"), "over 16383"),
    (("--to", "127.0.0.1:9", "--version", "6"), "--version is one of"),
    (("--print", "ndjson", "--rate", "0"), "needs a rate"),
    (("--print", "ndjson", "--start", "yesterday"), "2026-01-31T08:00:00Z"),
    (("--print", "ndjson", "--for", "long"), "24h"),
    (("--to", "127.0.0.1:9", "--pace", "5"), "--rate"),
    (("--print", "ndjson", "--source", "::1"), "IPv4"),
    (("--write", "/nowhere/at/all.pcap"), "No such file"),
    (("extra", "--print", "ndjson"), "is no option"),
    (("--print", "ndjson", "--scenario", "beacon,sunshine"), "there is no scenario \"sunshine\""),
    (("--print", "ndjson", "--scenario", "beacon@noon"), "\"noon\" is no time"),
    (("--print", "ndjson", "--scenario", "beacon/5"), "over /4 or /6"),
    (("--print", "ndjson", "--version", "5", "--scenario", "all/6"), "carries no IPv6"),
    (("--print", "ndjson", "--labels", "x"), "--scenario"),
    (("--write-networks", "/nowhere/at/all.csv"), "No such file"),
    (("--print", "ndjson", "--write-networks", "-"), "standard output has the flows"),
])
def test_mistakes_are_one_line_that_says_what_to_do(weir, arguments, says):
    done = subprocess.run([weir, "generate", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and says in done.stderr


def test_a_reader_that_goes_away_is_no_mistake(weir):
    done = subprocess.run(f"{weir} generate --print ndjson --flows 100000 | head -n 1", shell=True, capture_output=True,
                          text=True, timeout=60)
    assert json.loads(done.stdout)["src_addr"]
    assert "cannot write" not in done.stderr
