"""`weir probe`: its totals beside tshark's and capinfos', its flows beside softflowd's, its exports beside what nfcapd, nfacctd and weir
itself read of them; live on an interface, and as a part of `weir run`."""
import collections
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
import scapy.utils

import lab as network
import native
import traffic
from conftest import free_port, wait_until
from test_exporters import Sums, add_up, by_nfdump, printed

CAPTURES = ["4in6tunnel.pcap", "6in4tunnel.pcap", "NTPv4.pcap", "bad-dns-traffic.pcap", "bittorrent_utp.pcap", "dns.pcap", "dns_doh.pcap",
            "dns_dot.pcap", "dos_win98_smb_netbeui.pcap", "edonkey.pcap", "googledns_android10.pcap", "rdp.pcap",
            "smb_deletefile.pcap", "snmp.pcap", "ssh.pcap", "tcp_scan.pcapng"]
GOFLOW2 = "v2.2.6"
FOR_EVER = ("--active", "365d", "--inactive", "365d", "--tcp-end", "365d")


def probe(weir, *arguments, **options):
    done = subprocess.run([weir, "probe", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done


def flows_of(weir, *arguments, **options):
    return [json.loads(line) for line in probe(weir, *arguments, "--print", "--format", "ndjson", **options).stdout.splitlines()]


def totals(flows):
    return sum(flow["packets"] for flow in flows), sum(flow["bytes"] for flow in flows)


def tshark(path, *fields):
    """The first occurrence of fields, a row a frame."""
    arguments = [word for field in fields for word in ("-e", field)]
    listed = network.run(["tshark", "-r", path, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-T", "fields", "-E",
                          "occurrence=f", "-E", "separator=,", *arguments])
    return [line.split(",") for line in listed.splitlines()]


def by_tshark(path):
    """(packets, bytes of IP, bytes of frames) of a capture's IP packets, by their outermost header."""
    packets = ip_bytes = frame_bytes = 0
    for protocols, ip_len, plen, length in tshark(path, "frame.protocols", "ip.len", "ipv6.plen", "frame.len"):
        outermost = next((word for word in protocols.split(":") if word in ("ip", "ipv6")), None)
        if outermost:
            packets += 1
            ip_bytes += int(ip_len) if outermost == "ip" else 40 + int(plen)
            frame_bytes += int(length)
    return packets, ip_bytes, frame_bytes


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return traffic.write_pcap(tmp_path_factory.mktemp("traffic") / "traffic.pcap", traffic.conversations(7, 400, True))


@pytest.fixture(scope="module")
def paths(frames):
    """Every capture that there is: the one made here, and those of real hosts where they are."""
    folder = pathlib.Path(os.environ.get("WEIR_CAPTURES", network.pathlib.Path(__file__).parents[3] / "shared/captures"))
    return [frames] + [folder / "traffic" / name for name in CAPTURES if (folder / "traffic" / name).exists()]


# --- totals ----------------------------------------------------------------------------------------------------------

def test_totals_are_tsharks_and_capinfos(weir, paths):
    for path in paths:
        packets, ip_bytes, frame_bytes = by_tshark(path)
        assert totals(flows_of(weir, "-r", path)) == (packets, ip_bytes), path
        assert totals(flows_of(weir, "-r", path, "--bytes", "frame")) == (packets, frame_bytes), path
        frames, file_bytes = network.run(["capinfos", "-T", "-r", "-M", "-c", "-d", path]).split("\t")[1:]
        said = probe(weir, "-r", path, "--print", "--bytes", "frame").stderr
        assert said.startswith(f"{frames} frames, {packets} packets, {frame_bytes} bytes, "), path
        if int(frames) == packets:
            assert frame_bytes == int(file_bytes), path


def test_conversations_are_tsharks(weir, frames):
    """`-z conv`: packets in each direction of each pair of addresses."""
    pairs = collections.Counter()
    for flow in flows_of(weir, "-r", frames):
        pairs[flow["src_addr"], flow["dst_addr"]] += flow["packets"]
    expected = {}
    for kind in ("ip", "ipv6"):
        listed = network.run(["tshark", "-r", frames, "-q", "-z", f"conv,{kind}"])
        for line in listed.splitlines():
            found = re.match(r"(\S+)\s+<->\s+(\S+)\s+(\d+)\s+[\d,.]+\s*\w*\s+(\d+)\s", line)
            if found:
                expected[found[2], found[1]] = int(found[3])  # "<-" comes first
                expected[found[1], found[2]] = int(found[4])
    assert pairs == {pair: count for pair, count in expected.items() if count}


def count_by_tshark(path, expression):
    return len(network.run(["tshark", "-r", path, "-Y", expression, "-T", "fields", "-e", "frame.number"]).splitlines())


@pytest.mark.parametrize("expression, display", [("udp", "udp"), ("ip6 and tcp", "ipv6 && tcp"), ("port 443", "tcp.port == 443"),
                                                 ("host 192.0.2.7 and not icmp", "ip.addr == 192.0.2.7 && !icmp")])
def test_the_filter_is_tcpdumps(expression, display, weir, frames):
    flows = flows_of(weir, "-r", frames, *expression.split())
    assert totals(flows)[0] == count_by_tshark(frames, display) > 0


def test_standard_input_and_pcapng(weir, frames, tmp_path):
    other = tmp_path / "traffic.pcapng"
    network.run(["editcap", "-F", "pcapng", frames, other])
    expected = flows_of(weir, "-r", frames)
    assert flows_of(weir, "-r", other) == expected
    with open(frames, "rb") as file:
        assert flows_of(weir, "-r", "-", stdin=file) == expected


# --- softflowd's flows -----------------------------------------------------------------------------------------------

class Receiver:
    """A UDP port whose datagrams are kept."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.payloads = []
        self.thread = threading.Thread(target=self._receive)
        self.thread.start()

    def _receive(self):
        while payload := self.socket.recv(65536):
            self.payloads.append(payload)

    def stop(self):
        """What came; the empty datagram stands behind it in the queue."""
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()
        return self.payloads


def exported(weir, *arguments):
    receiver = Receiver()
    try:
        probe(weir, *arguments, "--to", f"127.0.0.1:{receiver.port}")
    finally:
        payloads = receiver.stop()
    return payloads


def decoded(weir, payloads, folder):
    """The flows of datagrams, by `weir decode`, without a fault."""
    path = folder / f"export-{time.monotonic_ns()}.pcap"
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for payload in payloads:
            datagram = struct.pack(">HHHH", 40000, 2055, 8 + len(payload), 0) + payload
            frame = bytes(12) + traffic.ipv4("127.0.0.1", "127.0.0.1", 17, datagram)
            f.write(struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)
    done = subprocess.run([weir, "decode", "--format", "ndjson", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "fault " not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_softflowd(weir, path, folder):
    """softflowd's flows of a file, none ended by a timeout."""
    receiver = Receiver()
    timeouts = [word for name in ("tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general", "maxlife")
                for word in ("-t", f"{name}=900000000")]
    try:
        network.run(["softflowd", "-r", path, "-n", f"127.0.0.1:{receiver.port}", "-v", "9", "-d", "-c", "none", "-m", "100000",
                     "-p", folder / "softflowd.pid", *timeouts], timeout=60)
    finally:
        payloads = receiver.stop()
    return decoded(weir, payloads, folder)


def as_softflowd(flow):
    """A flow as softflowd would tell it."""
    ports = (flow.get("src_port", 0), flow.get("dst_port", 0))
    if flow["proto"] in (1, 58):
        # ICMP's type and code are in the destination port, or in elements of their own: compared by protocol and ends.
        ports = (0, 0)
    return flow["proto"], flow["src_addr"], flow["dst_addr"], *ports


def keyed(flows):
    sums = collections.Counter()
    for flow in flows:
        sums[as_softflowd(flow), "flows"] += 1
        sums[as_softflowd(flow), "packets"] += flow["packets"]
        sums[as_softflowd(flow), "bytes"] += flow["bytes"]
    return sums


def test_flows_are_softflowds(weir, paths, tmp_path):
    """The same flows with the same packets. softflowd's bytes are those of the frame behind the link's header, with the padding of
    short frames and whatever a trailer has; weir's are the IP packet's, or with --bytes frame the frame's."""
    for path in paths:
        flows = flows_of(weir, "-r", path, *FOR_EVER, "--bytes", "frame")
        if path.name == "dns.pcap":
            # Its clock jumps by twelve years in mid-file; softflowd does not tell what follows.
            flows = [flow for flow in flows if flow["time_start"] < "2006"]
        link_header = {"1": 14, "15": 4}[tshark(path, "frame.encap_type")[0][0]]  # Ethernet, BSD loopback
        for flow in flows:
            tags = 4 * (("src_vlan" in flow) + ("customer_vlan" in flow))
            flow["bytes"] -= (link_header + tags) * flow["packets"]
        assert keyed(flows) == keyed(by_softflowd(weir, path, tmp_path)), path


# --- exports ---------------------------------------------------------------------------------------------------------

def by_key(flows):
    return add_up(((flow["proto"], flow["src_addr"], flow["dst_addr"]), 1, flow["packets"], flow["bytes"]) for flow in flows)


@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_exports_are_nfcapds(version, weir, frames, tmp_path):
    expression = ["ip"] if version == "5" else []
    flows = flows_of(weir, "-r", frames, *expression)
    payloads = exported(weir, "-r", frames, "--version", version, *expression)
    assert by_nfdump(tmp_path, payloads) == by_key(flows)
    back = decoded(weir, payloads, tmp_path)
    columns = ["src_addr", "dst_addr", "src_port", "dst_port", "proto", "packets", "bytes", "time_start", "time_end", "tcp_flags"]
    if version != "5":
        columns += ["icmp_type", "icmp_code", "src_mac", "dst_mac", "ip_ttl", "flow_end_reason"]

    def lines(some):
        return sorted(json.dumps([flow.get(column) or 0 for column in columns]) for flow in some)

    if version == "5":
        for flow in flows:
            if flow["proto"] == 1:  # as Cisco tells ICMP
                flow["dst_port"] = flow["icmp_type"] << 8 | flow["icmp_code"]
    assert lines(back) == lines(flows)


NFACCTD = """
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: {port}
plugins: print
aggregate: proto, src_host, dst_host
print_output: json
print_output_file: {out}
print_output_file_append: true
print_refresh_time: 1
nfacctd_pipe_size: 4000000
"""


def by_nfacctd(folder, payloads, packets):
    """Packets and bytes."""
    out, config, port = folder / f"nfacctd-{time.monotonic_ns()}.json", folder / "nfacctd.conf", network.free_udp_port()
    config.write_text(NFACCTD.format(port=port, out=out))
    process = subprocess.Popen(["nfacctd", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        network.wait_for_reader(port)
        time.sleep(1)  # its socket is there before it is
        network.send_all(payloads, port)
        wait_until("nfacctd's rows", lambda: sum(row["packets"] for row in printed(out)) >= packets)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its plugins too; what it printed is complete
        process.wait(60)
    return sum(row["packets"] for row in printed(out)), sum(row["bytes"] for row in printed(out))


@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_exports_are_nfacctds(version, weir, frames, tmp_path):
    expression = ["ip"] if version == "5" else []
    expected = totals(flows_of(weir, "-r", frames, *expression))
    payloads = exported(weir, "-r", frames, "--version", version, *expression)
    # On a busy machine nfacctd now and then prints a row twice: the same datagrams, read anew, must then be right.
    told = [by_nfacctd(tmp_path, payloads, expected[0])]
    while told[-1] != expected and len(told) < 3:
        told.append(by_nfacctd(tmp_path, payloads, expected[0]))
    assert told[-1] == expected, told


@pytest.fixture(scope="session")
def goflow2():
    """The collector goflow2: on the PATH, or built once into a cache of the user's."""
    found = shutil.which("goflow2")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "weir/bin"
    if not found and not (cache / "goflow2").exists():
        if not shutil.which("go"):
            pytest.skip("neither goflow2 nor Go, which builds it, is here")
        built = subprocess.run(["go", "install", f"github.com/netsampler/goflow2/v2/cmd/goflow2@{GOFLOW2}"], capture_output=True,
                               text=True, env=dict(os.environ, GOBIN=str(cache)), timeout=300)
        if built.returncode:
            pytest.skip(f"goflow2 cannot be built: {built.stderr.strip()[-200:]}")
    return found or cache / "goflow2"


@pytest.mark.parametrize("version", ["5", "9", "10", "sflow"])
def test_exports_are_goflow2s(version, goflow2, weir, frames, tmp_path):
    """sFlow tells frames, and so many bytes."""
    expression = ["ip"] if version == "5" else []
    flows = flows_of(weir, "-r", frames, *expression, *(["--bytes", "frame"] if version == "sflow" else []))
    payloads = exported(weir, "-r", frames, "--version", version, *expression)
    port, out = network.free_udp_port(), tmp_path / "goflow2.json"
    protocol = "sflow" if version == "sflow" else "netflow"
    with open(out, "wb") as file, subprocess.Popen([goflow2, "-listen", f"{protocol}://127.0.0.1:{port}?count=1&workers=1", "-format",
                                                    "json", "-addr", ""], stdout=file, stderr=subprocess.DEVNULL) as process:

        def told():
            return [json.loads(line) for line in out.read_text().splitlines(keepends=True) if line.endswith("}\n")]

        try:
            network.wait_for_reader(port)
            network.send_all(payloads, port)
            wait_until("goflow2's packets", lambda: sum(flow["packets"] for flow in told()) >= totals(flows)[0])
        finally:
            process.terminate()
    assert totals(told()) == totals(flows)
    if version != "sflow":
        assert len(told()) == len(flows)


def test_sflow_samples_are_the_packets(weir, frames, tmp_path):
    """Every packet a sample, with its own header: as many packets and bytes of frames as there were."""
    back = decoded(weir, exported(weir, "-r", frames, "--version", "sflow"), tmp_path)
    _, _, frame_bytes = by_tshark(frames)
    packets = len(tshark(frames, "frame.len"))
    assert (len(back), sum(flow["bytes"] for flow in back)) == (packets, frame_bytes)
    pairs = collections.Counter((flow["src_addr"], flow["dst_addr"], flow["proto"]) for flow in back)
    seen = collections.Counter()
    for flow in flows_of(weir, "-r", frames):
        seen[flow["src_addr"], flow["dst_addr"], flow["proto"]] += flow["packets"]
    assert pairs == seen


def told_algorithm(payload, version):
    """1 deterministic, 2 random: in the header of v5, in the options record that a set of 65535 holds."""
    if version == "5":
        return struct.unpack_from(">H", payload, 22)[0] >> 14
    at = 16 if version == "10" else 20
    while at + 4 <= len(payload):
        number, length = struct.unpack_from(">HH", payload, at)
        if number == 65535:
            return payload[at + 12]
        at += length
    return None


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("version", ["5", "9", "10", "sflow"])
def test_sampling_is_told(version, random, weir, frames, tmp_path):
    """sFlow has no word for it: it is by chance always, as its specification has it."""
    payloads = exported(weir, "-r", frames, "--version", version, "--sampling", "10", *(["--random"] if random else []), "ip")
    back = decoded(weir, payloads, tmp_path)
    assert {flow["sampling_rate"] for flow in back} == {10}
    taken, expected = sum(flow["packets"] for flow in back), count_by_tshark(frames, "ip") // 10
    if random or version == "sflow":
        assert abs(taken - expected) < 5 * expected ** 0.5  # five standard deviations
    else:
        assert taken == expected
    if version != "sflow":
        assert told_algorithm(payloads[0], version) == (2 if random else 1)


@pytest.mark.parametrize("version", ["9", "10"])
def test_both_directions_in_a_record(version, weir, frames, tmp_path):
    back = decoded(weir, exported(weir, "-r", frames, "--version", version, "--bidirectional"), tmp_path)
    flows = flows_of(weir, "-r", frames)
    records = [flow for flow in back if flow["biflow_direction"] == 1]
    sums = [sum(flow.get(prefix + column, 0) for flow in records) for column in ("packets", "bytes") for prefix in ("", "reverse_")]
    assert (sums[0] + sums[1], sums[2] + sums[3]) == totals(flows)
    assert sums[1] and len(records) < len(flows)
    # The collector makes a flow of each direction.
    assert totals(back) == totals(flows)


def test_several_collectors(weir, frames, tmp_path):
    receivers = [Receiver(), Receiver()]
    try:
        probe(weir, "-r", frames, "--to", ",".join(f"127.0.0.1:{receiver.port}" for receiver in receivers))
    finally:
        payloads = [receiver.stop() for receiver in receivers]
    assert payloads[0] == payloads[1] and payloads[0]


# --- TCP's numbers ---------------------------------------------------------------------------------------------------

def analysis_of(path):
    """By tshark, what there is of {(ends, kind): packets}; the ends are the innermost ones."""
    fields = ("frame.protocols", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "tcp.analysis.retransmission",
              "tcp.analysis.out_of_order")
    words = [word for field in fields for word in ("-e", field)]
    listed = network.run(["tshark", "-r", path, "-o", "ip.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE", "-Y",
                          "tcp.analysis.retransmission || tcp.analysis.out_of_order", "-T", "fields", "-E", "occurrence=f", "-E",
                          "separator=,", *words])
    sums = collections.Counter()
    for line in listed.splitlines():
        protocols, src4, src6, sport, dst4, dst6, dport, again, late = line.split(",")
        six = [word for word in protocols.split(":") if word in ("ip", "ipv6")][-1] == "ipv6"
        key = (src6 if six else src4, int(sport), dst6 if six else dst4, int(dport))
        sums[key, "retransmitted"] += bool(again)
        sums[key, "out_of_order"] += bool(late)
    return +sums


def numbers_of(flows):
    sums = collections.Counter()
    for flow in flows:
        key = (flow["src_addr"], flow.get("src_port"), flow["dst_addr"], flow.get("dst_port"))
        sums[key, "retransmitted"] += flow.get("retransmitted_packets", 0)
        sums[key, "out_of_order"] += flow.get("out_of_order_packets", 0)
    return +sums


def segments(folder):
    """Connections with all that can happen to their segments: lost and sent again after a while, sent again because it was asked
    for, overtaken, sent in vain, asked whether still there."""
    SYN, ACK, FIN = 2, 16, 1
    script = [  # milliseconds, from the client, flags, sequence, acknowledgement, bytes
        (0, True, SYN, 999, 0, 0), (20, False, SYN | ACK, 4999, 1000, 0), (25, True, ACK, 1000, 5000, 0),
        (30, True, ACK, 1000, 5000, 100), (31, True, ACK, 1100, 5000, 100), (50, False, ACK, 5000, 1200, 0),
        (60, False, ACK, 5000, 1200, 500), (61, False, ACK, 5500, 1200, 500), (300, False, ACK, 5000, 1200, 500),
        (310, True, ACK, 1200, 6000, 0), (320, False, ACK, 5000, 1200, 500),
        (400, True, ACK, 1300, 6000, 100), (410, True, ACK, 1200, 6000, 100), (420, False, ACK, 6000, 1400, 0),
        (500, True, ACK, 1500, 6000, 100), (505, False, ACK, 6000, 1400, 0), (506, False, ACK, 6000, 1400, 0),
        (507, False, ACK, 6000, 1400, 0), (508, True, ACK, 1400, 6000, 100), (530, False, ACK, 6000, 1600, 0),
        (9000, True, ACK, 1599, 6000, 1), (9001, False, ACK, 6000, 1600, 0),
        (9100, True, ACK | FIN, 1600, 6000, 0), (9120, False, ACK | FIN, 6000, 1601, 0), (9125, True, ACK, 1601, 6001, 0)]
    path = folder / "segments.pcap"
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for ip, here, there in ((traffic.ipv4, "192.0.2.1", "203.0.113.1"), (traffic.ipv6, "2001:db8::1", "2001:db8::2")):
            for ms, client, flags, seq, ack, size in script:
                ports, ends = ((40000, 443), (here, there)) if client else ((443, 40000), (there, here))
                segment = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 8192, 0, 0) + bytes(size)
                frame = bytes(12) + ip(*ends, 6, segment)
                f.write(struct.pack("<IIII", 1700000000 + ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)
    return path


@pytest.fixture(scope="module")
def connections(paths, tmp_path_factory):
    """Captures with TCP's own numbers: those of `frames` are made up."""
    real = [path for path in paths if path.name in ("6in4tunnel.pcap", "edonkey.pcap", "googledns_android10.pcap", "ssh.pcap")]
    return [segments(tmp_path_factory.mktemp("segments"))] + real


def test_retransmissions_are_tsharks(weir, connections):
    made = numbers_of(flows_of(weir, "-r", connections[0], *FOR_EVER))
    assert sorted(made.values()) == [1, 1, 1, 1, 2, 2]
    for path in connections:
        assert numbers_of(flows_of(weir, "-r", path, *FOR_EVER, "--tunnel", "inner")) == analysis_of(path), path


def test_handshakes_are_tsharks(weir, connections):
    """The time from SYN to the packet that acknowledges the SYN-ACK. tshark has one also where RST answers."""
    for path in connections:
        answered = network.run(["tshark", "-r", path, "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 1", "-T", "fields", "-e",
                                "tcp.stream"]).split()
        listed = network.run(["tshark", "-r", path, "-Y", "tcp.analysis.initial_rtt", "-T", "fields", "-E", "separator=,", "-e",
                              "tcp.stream", "-e", "tcp.analysis.initial_rtt"])
        expected = {stream: round(float(seconds) * 1e6) for stream, seconds in (line.split(",") for line in listed.splitlines())}
        flows = [flow for flow in flows_of(weir, "-r", path, *FOR_EVER, "--tunnel", "inner") if flow.get("tcp_rtt")]
        assert all(flow["tcp_rtt"] == flow["server_rtt"] + flow["client_rtt"] for flow in flows)
        assert sorted(flow["tcp_rtt"] for flow in flows) == sorted(2 * [expected[stream] for stream in {*answered} & {*expected}]), path


@pytest.mark.parametrize("version", ["9", "10"])
@pytest.mark.parametrize("ways", [[], ["--bidirectional"]])
def test_tcps_numbers_are_exported(version, ways, weir, tmp_path):
    """By nProbe's elements, whose round trips are halves in milliseconds, and IPFIX' whole ones by Flowmon's, in microseconds."""
    path = segments(tmp_path)
    payloads = exported(weir, "-r", path, "--version", version, *FOR_EVER, *ways)
    told, flows = decoded(weir, payloads, tmp_path), flows_of(weir, "-r", path, *FOR_EVER)
    assert numbers_of(told) == numbers_of(flows)
    assert {flow["server_rtt"] for flow in told} == {20000} and {flow["client_rtt"] for flow in told} == {6000}
    assert {flow.get("tcp_rtt") for flow in told} == ({25000} if version == "10" else {None})


# --- timeouts, on a file ---------------------------------------------------------------------------------------------

def test_active_and_inactive(weir, tmp_path):
    """A packet a second for 100 seconds, a pause of 20, and one more."""
    path = tmp_path / "slow.pcap"
    frame = bytes(12) + traffic.ipv4("192.0.2.1", "192.0.2.2", 17, traffic.udp(1, 2, 10))
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for second in [*range(100), 120]:
            f.write(struct.pack("<IIII", 1700000000 + second, 0, len(frame), len(frame)) + frame)
    told = [(flow["packets"], flow["flow_end_reason"]) for flow in flows_of(weir, "-r", path)]
    assert told == [(60, 2), (40, 1), (1, 4)]
    told = [flow["packets"] for flow in flows_of(weir, "-r", path, "--active", "30m", "--inactive", "30s")]
    assert told == [101]


def test_a_small_cache_loses_nothing(weir, frames):
    flows = flows_of(weir, "-r", frames, "--cache", "10")
    assert totals(flows) == totals(flows_of(weir, "-r", frames))
    assert {flow["flow_end_reason"] for flow in flows} >= {5}


# --- live ------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = network.Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made.remove()


@contextlib.contextmanager
def listening(lab, weir, *arguments, log):
    """`weir probe -i t1 …`; from the line on that says so every packet is seen. Ended as by Ctrl-C: what came is told."""
    process = lab.exporter.start(weir, "probe", "-i", "t1", *arguments, log=log)
    wait_until("the probe to listen", lambda: "listening on t1" in log.read_text() or process.poll() is not None)
    yield
    assert lab.exporter.stop(process, signal.SIGINT) == 0, log.read_text()


def growing(command):
    """Lines of tshark, whose file is written meanwhile, so that it may end within a frame."""
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=30).stdout.splitlines()


def live_flows_of(lab, weir, path, log, *arguments):
    """The flows and what was said of a file that is replayed on the wire."""
    with listening(lab, weir, "--print", "--format", "ndjson", *arguments, log=log):
        lab.replay(path, 5000)
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")], [line for line in lines if not line.startswith("{")]


@pytest.mark.parametrize("workers", [1, 3])
def test_live_counts_what_was_sent(workers, lab, weir, frames, tmp_path):
    flows, said = live_flows_of(lab, weir, frames, tmp_path / "log", "-w", workers)
    packets, ip_bytes, _ = by_tshark(frames)
    assert totals(flows) == (packets, ip_bytes), said
    assert by_key(flows).keys() == by_key(flows_of(weir, "-r", frames)).keys()
    assert not [line for line in said if "lost" in line]
    assert {flow["in_if"] for flow in flows} - {0} and {flow["direction"] for flow in flows} == {0}
    assert len({flow["observation_domain"] for flow in flows}) == workers


@pytest.mark.parametrize("expression", ["vlan 5", "vlan 5 and vlan 6", "not vlan", "vlan and udp"])
def test_a_live_filter_sees_the_tags_that_the_kernel_took(expression, lab, weir, tmp_path):
    """As tcpdump does: the same filter on the file and on the wire, where the outermost tag is not in the frame any more."""
    stacks = [(), (5,), (6,), (5, 6), (6, 5)]
    packets = [traffic.ipv4("192.0.2.1", "192.0.2.2", 17, traffic.udp(1000 + number, 2000, 10)) for number in range(len(stacks))]
    path = traffic.write_pcap(tmp_path / "tags.pcap",
                              [traffic.tagged(packet, *tags) for packet, tags in zip(packets, stacks)])
    live, said = live_flows_of(lab, weir, path, tmp_path / "log", *expression.split())
    read = flows_of(weir, "-r", path, *expression.split())

    def keys(flows):
        return sorted((flow["src_port"], flow.get("src_vlan"), flow.get("customer_vlan"), flow["packets"]) for flow in flows)

    assert keys(live) == keys(read) and 0 < len(read) < len(stacks), said
    assert f"filter {expression}" in said[0]


@pytest.mark.parametrize("version", ["9", "10"])
def test_live_export(version, lab, weir, frames):
    """Over the wire to another host: its capture tells the same sums, and the interface's name."""
    dumpcap, path = lab.capture(2055)
    log = lab.folder / f"probe-{version}.log"
    with listening(lab, weir, "--version", version, "--to", f"{network.COLLECTOR}:2055", log=log):
        lab.replay(frames, 5000)
    sent = int(re.search(r": (\d+) datagrams", log.read_text()).group(1))
    wait_until("the capture", lambda: len(growing(["tshark", "-r", path])) >= sent)
    lab.collector.stop(dumpcap)
    done = subprocess.run([weir, "decode", "--format", "ndjson", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "0 lost" in done.stderr, done.stderr
    packets, ip_bytes, _ = by_tshark(frames)
    assert totals([json.loads(line) for line in done.stdout.splitlines()]) == (packets, ip_bytes)
    names = network.run(["tshark", "-r", path, "-d", "udp.port==2055,cflow", "-T", "fields", "-e", "cflow.if_name"])
    assert "t1" in names


def test_sflow_tells_the_interfaces_counters(lab, weir, frames):
    """To two collectors: packet samples, and what the system has counted of t1, as tshark reads it."""
    captures = [lab.capture(6343), lab.capture(6344)]
    log = lab.folder / "probe-sflow.log"
    with listening(lab, weir, "--version", "sflow", "--counters", "500ms", "--to",
                   f"{network.COLLECTOR}:6343,{network.COLLECTOR}:6344", log=log):
        lab.replay(frames, 5000)
        counted = {name: int(lab.exporter.run("cat", f"/sys/class/net/t1/statistics/{name}"))
                   for name in ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")}
        index = int(lab.exporter.run("cat", "/sys/class/net/t1/ifindex"))

        def told(path):
            listed = growing(["tshark", "-r", path, "-d", "udp.port==6343-6344,sflow", "-T", "fields", "-E", "occurrence=l", "-E",
                               "separator=,", *[word for field in ("ifindex", "iftype", "ifinoct", "ifinpkt", "ifoutoct", "ifoutpkt")
                                                   for word in ("-e", f"sflow_245.{field}")]])
            return [line for line in listed if line.strip(",")][-1:]

        expected = ",".join(str(n) for n in (index, 6, counted["rx_bytes"], counted["rx_packets"], counted["tx_bytes"],
                                             counted["tx_packets"]))
        for _, path in captures:
            wait_until(f"counters {expected}", lambda path=path: told(path) == [expected])
    sent = {int(n) for n in re.findall(r": (\d+) datagrams", log.read_text())}
    assert len(sent) == 1
    for dumpcap, path in captures:
        wait_until("the capture", lambda path=path: len(growing(["tshark", "-r", path])) >= max(sent))
        lab.collector.stop(dumpcap)
        done = subprocess.run([weir, "decode", "--format", "ndjson", path], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "fault " not in done.stderr, done.stderr
        assert len(done.stdout.splitlines()) == len(tshark(frames, "frame.len"))


def test_weir_run_stores_what_was_seen(lab, weir, frames, tmp_path):
    """`probe:` in the configuration: a process more, whose flows are in the spool, all of them."""
    data = tmp_path / "var"
    (tmp_path / "weir.yaml").write_text(
        f"data_dir: {data}\nweb: {{listen: []}}\nstore: {{embedded: false, url: 'http://127.0.0.1:1'}}\n"
        f"collect: {{listen: ['127.0.0.1:{free_port(socket.SOCK_DGRAM)}']}}\nprobe: {{interfaces: [t1], inactive: 1s}}\n")
    log = tmp_path / "log"
    process = lab.exporter.start(weir, "run", "--config", tmp_path / "weir.yaml", log=log)
    metrics = data / "run/probe.prom"
    wait_until("the probe", metrics.exists)
    lab.replay(frames, 5000)
    packets, ip_bytes, _ = by_tshark(frames)
    wait_until("the metrics", lambda: f"\nweir_probe_packets_total {packets}\n" in metrics.read_text())
    status = pathlib.Path(f"/proc/{probe_pid(data)}/status").read_text()
    told = json.loads(subprocess.run([weir, "status", "--config", tmp_path / "weir.yaml", "--format", "json"], capture_output=True,
                                     text=True, timeout=30).stdout)
    assert told["probe"]["packets"] == packets and told["probe"]["kernel_drops"] == 0
    table = subprocess.run([weir, "status", "--config", tmp_path / "weir.yaml"], capture_output=True, text=True, timeout=30).stdout
    assert re.search(r"^probe +up ", table, re.M) and re.search(r"^probe t1\n  packets ", table, re.M), table
    wait_until("the banner", lambda: re.search(r"^  probe +t1$", log.read_text(), re.M), 60)
    assert re.search(r"^CapEff:\s+0+$", status, re.M), "the probe keeps capabilities while it reads packets"
    assert lab.exporter.stop(process, signal.SIGINT, 40) == 0, log.read_text()
    sums = [native.sums(path) for path in (data / "spool").glob("p*/*.native.lz4")]
    assert sum(total for _, total in sums) == ip_bytes, log.read_text()
    assert sum(rows for rows, _ in sums) == len(flows_of(weir, "-r", frames, "--active", "365d", "--inactive", "365d"))


@pytest.mark.parametrize("transport", ["", "tcp:"])
def test_weir_run_sends_what_was_seen_as_well(transport, weir, frames, lab, tmp_path):
    """`probe.to`: the flows go to a collector and into the spool, the same ones. Each side is a `weir run` of its own."""
    port = free_port(socket.SOCK_DGRAM, socket.SOCK_STREAM)
    folders = {name: tmp_path / name for name in ("far", "near")}
    for name, folder in folders.items():
        folder.mkdir()
        listen = f"listen: ['127.0.0.1:{port}'], tcp_listen: ['127.0.0.1:{port}']" if name == "far" else \
            f"listen: ['127.0.0.1:{free_port(socket.SOCK_DGRAM)}']"
        probe = f"probe: {{interfaces: [t1], inactive: 1s, to: ['{transport}127.0.0.1:{port}']}}\n" if name == "near" else ""
        (folder / "weir.yaml").write_text(f"data_dir: {folder}/var\nweb: {{listen: []}}\nstore: {{embedded: false, url: 'http://127.0.0.1:1'}}\n"
                                          f"collect: {{{listen}, sync: 100ms}}\n{probe}")
    log = {name: folder / "log" for name, folder in folders.items()}
    running = {}
    for name, folder in folders.items():
        running[name] = lab.exporter.start(weir, "run", "--config", folder / "weir.yaml", log=log[name])
        wait_until(f"{name}", lambda: "Ctrl-C stops it" in log[name].read_text(), 60)
    wait_until("the probe", lambda: f"flows go to {transport}127.0.0.1:{port} as well" in log["near"].read_text())
    lab.replay(frames, 5000)
    packets, ip_bytes, _ = by_tshark(frames)
    metrics = folders["near"] / "var/run/probe.prom"
    wait_until("the metrics", lambda: f"\nweir_probe_packets_total {packets}\n" in metrics.read_text())
    # The near one ends first: what its probe has kept is sent then.
    assert lab.exporter.stop(running["near"], signal.SIGINT, 40) == 0, log["near"].read_text()

    def sums(name, lanes):
        found = [native.sums(path) for path in (folders[name] / "var/spool").glob(f"{lanes}/*.native.lz4")]
        return sum(rows for rows, _ in found), sum(total for _, total in found)

    near = sums("near", "p*")
    assert near[1] == ip_bytes
    wait_until("the far one to have them", lambda: sums("far", "w*") == near or sums("far", "s*") == near, 30)
    assert lab.exporter.stop(running["far"], signal.SIGINT, 40) == 0, log["far"].read_text()


def test_a_file_at_its_own_pace(weir, frames, tmp_path):
    """--pace: the recording's time, no less, and the same flows; without it no waiting."""
    recorded = tmp_path / "recorded.pcap"
    packets = list(itertools.islice(scapy.utils.PcapReader(str(frames)), 30))
    for i, packet in enumerate(packets):
        packet.time = packets[0].time + i / 10  # three seconds
    scapy.utils.wrpcap(str(recorded), packets)
    flows, took = {}, {}
    for option in ((), ("--pace",)):
        begin = time.monotonic()
        flows[option] = sorted((f["src_addr"], f["dst_addr"], f["packets"], f["bytes"]) for f in flows_of(weir, "-r", recorded, *option))
        took[option] = time.monotonic() - begin
    assert took[("--pace",)] >= 2.8, took
    assert flows[()] == flows[("--pace",)] and flows[()]


def probe_pid(data):
    return re.search(r'weir_run_role_pid\{role="probe"\} (\d+)', (data / "run/run.prom").read_text()).group(1)


# --- mistakes --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, word", [
    (("--print",), "--read FILE or --interface NAME"),
    (("-r", "a"), "--to HOST:PORT or --print"),
    (("-r", "a", "-i", "b", "--print"), "either"),
    (("-r", "/nonexistent", "--print"), "No such file"),
    (("-i", "nonesuch0", "--print"), "nonesuch0"),
    (("-r", "a", "--print", "--active", "soon"), "15s"),
    (("-r", "a", "--to", "127.0.0.1:1", "--version", "5", "--sampling", "20000"), "16383"),
])
def test_mistakes_are_told_in_a_line(arguments, word, weir):
    done = subprocess.run([weir, "probe", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert word in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_filter_that_is_none(weir, frames):
    done = subprocess.run([weir, "probe", "-r", frames, "--print", "prot", "1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "pcap-filter(7)" in done.stderr
