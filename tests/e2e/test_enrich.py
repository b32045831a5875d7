"""Enrichment: who began, compared with packets whose truth is known; networks and services from files, in `weir decode`,
`weir probe`, `weir config check` and the collector, which reads changed files again."""
import collections
import json
import random
import subprocess

import pytest
from traffic import ipv4, tcp, udp, write_pcap

CLIENT_NET, SERVER_NET = "10.1", "10.2"


def probe(weir, *arguments):
    done = subprocess.run([weir, "probe", "--print", "--enrich", "-f", "ndjson", *arguments], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def score(flows, truth):
    """By confidence: how many flows were right, and how many there are; unknown ones count under 0."""
    right = collections.Counter()
    total = collections.Counter()
    for flow in flows:
        if flow.get("proto") not in (6, 17):
            continue
        src, dst = (flow["src_addr"], flow["src_port"]), (flow["dst_addr"], flow["dst_port"])
        known = truth.get((flow["proto"], *sorted([src, dst])))
        if known is None:
            continue
        confidence = flow["initiator_confidence"]
        total[confidence] += 1
        right[confidence] += {1: src, 2: dst}.get(flow["initiator"]) == known
    return right, total


# --- real packets ------------------------------------------------------------------------------------------------------

FIELDS = ("ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport udp.srcport udp.dstport tcp.flags.syn tcp.flags.ack "
          "dns.flags.response snmp.data").split()


ETHERNET = ("googledns_android10 bad-dns-traffic ssh smb_deletefile dos_win98_smb_netbeui dns_doh snmp dns_dot edonkey "
            "dns bittorrent_utp").split()


def truth_of(path):
    """Who opened each conversation, where its packets tell for certain: TCP's SYN, questions and answers of DNS and SNMP."""
    arguments = [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f", *arguments], capture_output=True,
                          text=True, timeout=60)
    truth = {}
    for line in done.stdout.splitlines():
        src4, dst4, src6, dst6, tcp_src, tcp_dst, udp_src, udp_dst, syn, ack, answer, snmp = line.split("\t")
        proto = 6 if tcp_src else 17
        if not tcp_src and not udp_src:
            continue
        src = (src4 or src6, int(tcp_src or udp_src))
        dst = (dst4 or dst6, int(tcp_dst or udp_dst))
        asks = None
        if proto == 6:
            asks = ack in ("0", "False") if syn in ("1", "True") else None
        elif answer or snmp:
            asks = answer in ("0", "False") if answer else snmp != "2"
        if asks is not None:
            truth.setdefault((proto, *sorted([src, dst])), src if asks else dst)
    return truth


def test_the_initiator_of_real_traffic(weir, captures, tmp_path):
    ethernet = [captures / "traffic" / f"{name}.pcap" for name in ETHERNET]
    merged = tmp_path / "all.pcap"
    subprocess.run(["mergecap", "-F", "pcap", "-w", merged, *ethernet], check=True, timeout=60)
    # The captures are years apart: to weir each is a time of its own, and tshark takes a second only to start.
    right, total = score([flow for path in ethernet for flow in probe(weir, "-r", path)], truth_of(merged))
    assert sum(total.values()) >= 70
    assert sum(right.values()) >= 0.97 * sum(total.values()), (right, total)
    sure = [confidence for confidence in total if confidence >= 95]
    assert sum(right[c] for c in sure) >= 0.99 * sum(total[c] for c in sure), (right, total)


# --- made packets: what a capture that begins anywhere has ---------------------------------------------------------------

FLAGS = {"S": 2, "R": 4, "P": 8, "A": 16}
SERVICES = [(6, 443), (6, 22), (17, 53), (6, 3306), (6, 8080), (17, 443), (6, 25), (17, 161), (6, 30123), (17, 30125), (6, 50123)]


def made_traffic(seed):
    """Packets and the truth: services on known and unknown ports, beginnings that are missing, refusals, peers with high ports
    on both sides, whose answer comes a millisecond or more later."""
    draw = random.Random(seed)
    packets, truth = [], {}
    for number in range(600):
        peers = draw.random() < 0.1
        proto, port = draw.choice(SERVICES) if not peers else (draw.choice([6, 17]), draw.randrange(32768, 61000))
        server_host = draw.randrange(1, 6) if not peers else draw.randrange(20, 250)
        client = (f"{CLIENT_NET}.{draw.randrange(0, 4)}.{draw.randrange(1, 250)}", draw.randrange(32768, 61000))
        server = (f"{SERVER_NET}.0.{server_host}", port)
        key = (proto, *sorted([client, server]))
        if key in truth or client[1] == port:
            continue
        truth[key] = client
        kind = draw.choice(["whole", "whole", "whole", "middle", "refused" if proto == 6 else "whole", "unanswered"])
        begin = number * 10000
        ask = {"whole": "S", "middle": "A", "refused": "S", "unanswered": "S"}[kind]
        script = [(0, client, server, ask)]
        if kind == "whole":
            script += [(4000, server, client, "SA"), (8000, client, server, "PA"), (12000, server, client, "PA")]
        elif kind == "middle":  # the capture began in the middle, and whoever is first in it began nothing
            first, second = draw.sample([client, server], 2)
            script = [(0, first, second, "PA"), (3000, second, first, "A"), (6000, first, second, "PA")]
        elif kind == "refused":
            script += [(2000, server, client, "RA")]
        for delay, src, dst, flags in script:
            payload = tcp(src[1], dst[1], sum(FLAGS[letter] for letter in flags), 9) if proto == 6 else udp(src[1], dst[1], 9)
            packets.append((begin + delay, ipv4(src[0], dst[0], proto, payload)))
    packets.sort()
    return packets, truth


def test_the_confidence_is_what_it_says(weir, tmp_path):
    packets, truth = made_traffic(5)
    made = write_pcap(tmp_path / "made.pcap", [frame for _, frame in packets], [at for at, _ in packets])
    right, total = score(probe(weir, "-r", made), truth)
    assert sum(total.values()) > 800
    assert sum(right.values()) >= 0.95 * sum(total.values()), (right, total)
    for low, high in ((95, 100), (85, 94), (70, 84)):
        here = [c for c in total if low <= c <= high]
        if sum(total[c] for c in here) >= 30:
            share = 100 * sum(right[c] for c in here) / sum(total[c] for c in here)
            assert share >= low - 3, (low, high, share, right, total)


# --- networks and services -----------------------------------------------------------------------------------------------

NETWORKS = """prefix,zone,role,description,owner
10.1.0.0/16,office,,Offices,
10.2.0.0/16,servers,,Data centre,ops
10.2.0.1,,dns,Resolver,
10.2.128.0/17,dmz,,,
10.2.0.0/17,servers,,,
10.2.0.0/24,servers,,Racks,
"""


@pytest.fixture
def configuration(tmp_path):
    (tmp_path / "networks.csv").write_text(NETWORKS)
    (tmp_path / "services.tsv").write_text("match\tservice\tcategory\ntcp/30123\tledger\taccounting\n")
    path = tmp_path / "weir.yaml"
    path.write_text(f"networks:\n  file: {tmp_path}/networks.csv\nservices:\n  file: {tmp_path}/services.tsv\n")
    return path


def test_columns_of_a_capture(weir, tmp_path, configuration):
    write_pcap(tmp_path / "three.pcap", [ipv4("10.1.0.7", "10.2.0.1", 17, udp(40000, 53, 9)),
                                         ipv4("10.1.0.7", "10.2.200.1", 6, tcp(40001, 30123, FLAGS["S"], 0)),
                                         ipv4("198.51.100.1", "10.2.0.9", 6, tcp(40002, 22, FLAGS["S"], 0))])
    flows = {flow["dst_addr"]: flow for flow in probe(weir, "-c", configuration, "-r", tmp_path / "three.pcap")}
    names = ("src_zone", "dst_zone", "dst_subnet", "dst_role", "traffic_direction", "initiator", "service_port", "service",
             "category")
    assert [flows["10.2.0.1"].get(name) for name in names] == [
        "office", "servers", "10.2.0.1/32", "dns", "internal", 1, 53, "dns", "name resolution"]
    assert [flows["10.2.200.1"].get(name) for name in names] == [
        "office", "dmz", "10.2.128.0/17", None, "internal", 1, 30123, "ledger", "accounting"]
    assert [flows["10.2.0.9"].get(name) for name in names] == [
        None, "servers", "10.2.0.0/24", None, "inbound", 1, 22, "ssh", "remote access"]


def test_decode_enriches_when_asked(weir, captures, configuration):
    path = captures / "akvorado/nfv5.pcap"
    plain = subprocess.run([weir, "decode", "-f", "ndjson", path], capture_output=True, text=True).stdout
    rich = subprocess.run([weir, "decode", "-f", "ndjson", "-E", "-c", configuration, path], capture_output=True, text=True).stdout
    assert "traffic_direction" not in plain
    for before, after in zip(map(json.loads, plain.splitlines()), map(json.loads, rich.splitlines()), strict=True):
        assert {key: after[key] for key in before} == before
        assert after["traffic_direction"] in ("inbound", "outbound", "internal", "external")


def check(weir, path):
    return subprocess.run([weir, "config", "check", path], capture_output=True, text=True)


def test_config_check_tells_what_it_found(weir, configuration):
    done = check(weir, configuration)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "networks: overlap: 10.2.128.0/17 (zone dmz) lies within 10.2.0.0/16 (zone servers): its addresses are of zone dmz",
        "networks: gap: 10.2.1.0 to 10.2.127.255, of 10.2.0.0/17, is in none of its parts",
        "networks: gap: 10.0.0.0 to 10.0.255.255, private addresses, is in no network",
        "networks: gap: 10.3.0.0 to 10.255.255.255, private addresses, is in no network",
        "networks: gap: 172.16.0.0 to 172.31.255.255, private addresses, is in no network",
        "networks: gap: 192.168.0.0 to 192.168.255.255, private addresses, is in no network",
        f"{configuration}: no mistakes; 6 networks, of which 0 stand twice, 1 overlaps of zones, 5 gaps"]


@pytest.mark.parametrize("name, text, said", [
    ("networks.csv", "prefix,zone\n10.0.0.1/8,a\n", ':2: "10.0.0.1/8" is an address within a network, and no network'),
    ("services.tsv", "match\tservice\ntcp/x\ta\n", ':2: these are no ports: "tcp/x"'),
    ("networks.csv", None, ": the networks cannot be read: No such file or directory"),
])
def test_config_check_names_the_line(weir, configuration, tmp_path, name, text, said):
    (tmp_path / name).unlink()
    if text:
        (tmp_path / name).write_text(text)
    done = check(weir, configuration)
    assert done.returncode == 1
    assert done.stderr.startswith(f"weir: {tmp_path}/{name}{said}"), done.stderr
