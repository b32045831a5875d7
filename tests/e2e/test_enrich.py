"""Enrichment: who began, compared with packets whose truth is known; networks and services from files, in `weir decode`,
`weir probe`, `weir config check` and the collector, which reads changed files again."""
import collections
import json
import random
import socket
import subprocess

import pytest

import mmdb
import native
from conftest import free_port, wait_until
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


# --- countries, AS, threats --------------------------------------------------------------------------------------------------


def to(weir, tmp_path, configuration, *flows):
    """The flows of packets (src, dst, proto, port), by destination and port."""
    frames = [ipv4(src, dst, proto, tcp(40000, port, FLAGS["S"], 0) if proto == 6 else udp(40000, port, 9))
              for src, dst, proto, port in flows]
    made = write_pcap(tmp_path / "to.pcap", frames)
    return {(flow["dst_addr"], flow["dst_port"]): flow for flow in probe(weir, "-c", configuration, "-r", made)}


def test_countries_and_as(weir, tmp_path):
    mmdb.write(tmp_path / "country.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "DE", "geoname_id": 5}},
                                           "198.51.100.0/24": {"registered_country": {"iso_code": "FR"}},
                                           "198.51.100.128/25": {"country": {"iso_code": "NL"}},
                                           "2001:db8::/32": {"country": {"iso_code": "SE"}}})
    mmdb.write(tmp_path / "as.mmdb", {"192.0.2.0/25": {"autonomous_system_number": 64500,
                                                       "autonomous_system_organization": "Example Networks"},
                                      "198.51.100.0/24": {"asn": "AS64501", "as_name": "Other"}})
    (tmp_path / "own.csv").write_text("prefix,country,as,as_name\n203.0.113.0/24,ch,AS64502,Ours\n192.0.2.9,AT,,\n,,64501,Renamed\n")
    path = tmp_path / "weir.yaml"
    path.write_text(f"geo: {{country: {tmp_path}/country.mmdb, as: {tmp_path}/as.mmdb, overrides: {tmp_path}/own.csv}}\n")
    flows = to(weir, tmp_path, path, *[("10.0.0.1", dst, 6, 443) for dst in (
        "192.0.2.1", "192.0.2.9", "192.0.2.200", "198.51.100.1", "198.51.100.200", "203.0.113.1", "233.252.0.1")])
    told = {key[0]: [flow.get(name) for name in ("dst_country", "dst_as", "dst_as_name")] for key, flow in flows.items()}
    assert told == {"192.0.2.1": ["DE", 64500, "Example Networks"], "192.0.2.9": ["AT", 64500, "Example Networks"],
                    "192.0.2.200": ["DE", 0, None], "198.51.100.1": ["FR", 64501, "Other"],
                    "198.51.100.200": ["NL", 64501, "Other"], "203.0.113.1": ["CH", 64502, "Ours"], "233.252.0.1": [None, 0, None]}
    assert "prefixes with country or AS; 0 entries" in check(weir, path).stdout


@pytest.mark.parametrize("damage", ["cut", "loop", "text"])
def test_a_damaged_mmdb_is_a_mistake(weir, tmp_path, damage):
    file = mmdb.write(tmp_path / "country.mmdb", {f"192.0.{i}.0/24": {"country": {"iso_code": "DE"}} for i in range(9)})
    data = bytearray(file.read_bytes())
    if damage == "cut":
        del data[100:]
    elif damage == "loop":
        data[3:6] = (0).to_bytes(3)  # the root's other half is the root
    else:
        data = b"no database\n"
    file.write_bytes(data)
    path = tmp_path / "weir.yaml"
    path.write_text(f"geo: {{country: {file}}}\n")
    done = check(weir, path)
    assert done.returncode == 1 and str(file) in done.stderr and "MMDB" in done.stderr, done.stderr


LISTS = {
    "plain": ("192.0.2.1\n192.0.2.2:443 # with a port\n2001:db8::bad\nudp/1434\nwhat is this\n", "plain"),
    "netset": ("#\n# firehol\n#\n198.51.100.0/25\n10.0.0.0/8\n198.51.100.200-198.51.100.209\n", "netset"),
    "drop": ("; Spamhaus DROP\n203.0.113.0/28 ; SBL1\n", "drop: SBL1"),
    "csv": ('################\n# Feodo\n################\n# "first_seen_utc","dst_ip","dst_port","c2_status","malware"\n'
            '"2026-01-01 00:00:00","192.0.2.30","8080","online","Emotet"\n', "csv: Emotet"),
    "misp": (json.dumps({"response": [{"Event": {"info": "Campaign 7", "Attribute": [
        {"type": "ip-dst", "value": "192.0.2.40", "to_ids": True}, {"type": "ip-dst", "value": "192.0.2.41", "to_ids": False},
        {"type": "domain", "value": "example.net", "to_ids": True}],
        "Object": [{"Attribute": [{"type": "ip-dst|port", "value": "192.0.2.42|22", "to_ids": True}]}]}}]}), "misp: Campaign 7"),
    "stix": (json.dumps({"type": "bundle", "objects": [
        {"type": "indicator", "name": "C2", "pattern": "[ipv4-addr:value = '192.0.2.50'] OR [ipv4-addr:value = '192.0.2.51']",
         "valid_until": "2099-01-01T00:00:00Z", "confidence": 90},
        {"type": "indicator", "name": "old", "pattern": "[ipv4-addr:value = '192.0.2.52']", "valid_until": "2020-01-01T00:00:00Z"},
        {"type": "indicator", "name": "no", "pattern": "[ipv4-addr:value = '192.0.2.53']", "revoked": True},
        {"type": "indicator", "name": "weak", "pattern": "[ipv4-addr:value = '192.0.2.54']", "confidence": 10}]}), "stix: C2"),
}


def test_threat_lists(weir, tmp_path):
    for name, (text, _) in LISTS.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "weir.yaml"
    lists = "".join(f"    - {name}={tmp_path}/{name}\n" for name in LISTS)
    path.write_text(f"threats:\n  lists:\n{lists}  confidence_min: 50\n")
    bad = {("192.0.2.1", 80): "plain", ("192.0.2.2", 443): "plain", ("192.0.2.99", 1434): "plain", ("198.51.100.7", 80): "netset",
           ("198.51.100.209", 80): "netset", ("203.0.113.15", 80): "drop: SBL1", ("192.0.2.30", 8080): "csv: Emotet",
           ("192.0.2.40", 80): "misp: Campaign 7", ("192.0.2.42", 22): "misp: Campaign 7", ("192.0.2.50", 80): "stix: C2",
           ("192.0.2.51", 80): "stix: C2"}
    good = [("192.0.2.2", 80), ("198.51.100.128", 80), ("198.51.100.210", 80), ("203.0.113.16", 80), ("192.0.2.30", 80),
            ("192.0.2.41", 80), ("192.0.2.42", 80), ("192.0.2.52", 80), ("192.0.2.53", 80), ("192.0.2.54", 80), ("10.7.7.7", 80)]
    flows = to(weir, tmp_path, path, *[("10.0.0.1", *((dst, 17) if port == 1434 else (dst, 6)), port) for dst, port in [*bad, *good]])
    assert {key: flow.get("dst_threat") for key, flow in flows.items()} == {**bad, **dict.fromkeys(good)}
    assert not any("src_threat" in flow for flow in flows.values()), "our own addresses are on a list of private ones"
    assert "15 entries of threat lists, 1 lines unread" in check(weir, path).stdout, check(weir, path).stdout


@pytest.mark.parametrize("text, said", [
    ("<html>\n<body>\nnot found\n", "3 of 3 lines are neither address nor prefix"),
    ('{"type": "bundle", ', "this is no JSON"),
])
def test_what_is_no_threat_list(weir, tmp_path, text, said):
    (tmp_path / "list").write_text(text)
    path = tmp_path / "weir.yaml"
    path.write_text(f"threats: {{lists: [\"bad={tmp_path}/list\"]}}\n")
    done = check(weir, path)
    assert done.returncode == 1 and said in done.stderr, done.stderr


# --- the collector ---------------------------------------------------------------------------------------------------------


def test_the_collector_reads_changed_files(weir, tmp_path, configuration):
    """A mistake in a new file leaves the old in force; a list that is broken at the start does not keep it from starting."""
    (tmp_path / "list").write_text("<html>\n")
    with open(configuration, "a") as file:
        file.write(f"threats: {{lists: [\"bad={tmp_path}/list\"]}}\ndata_dir: {tmp_path}/var\n"
                   f"collect: {{listen: [\"127.0.0.1:{free_port(socket.SOCK_DGRAM)}\"]}}\n")
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([weir, "collect", "--config", configuration], stderr=log)

    def said(text):
        return wait_until(text, lambda: text in (tmp_path / "log").read_text())

    def write(name, text):
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(tmp_path / name)

    try:
        said("a threat list is left out until it changes")
        write("list", "192.0.2.1\n192.0.2.2\n")
        said("read again: 6 networks")
        said("2 entries of threat lists")
        write("networks.csv", "prefix,zone\n10.0.0.0/99,a\n")
        said("what was read before stays in force")
        write("networks.csv", "prefix,zone\n10.0.0.0/8,a\n")
        said("read again: 1 networks")
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode == 0
    metrics = (tmp_path / "var/run/collect.prom").read_text()
    assert "weir_enrich_networks 1\n" in metrics and "weir_enrich_reloads_failed_total 1\n" in metrics


def metrics(folder):
    path = folder / "var/run/collect.prom"
    return path.read_text() if path.exists() else ""


def test_names_that_exporters_tell(weir, tmp_path):
    """Interfaces' names of options records are in the flows that come after them; the configuration's count before."""
    port = free_port(socket.SOCK_DGRAM)
    (tmp_path / "weir.yaml").write_text(f"data_dir: {tmp_path}/var\ncollect: {{listen: [\"127.0.0.1:{port}\"], sync: 100ms}}\n"
                                        "exporters: {names: [\"127.0.0.1=lab router\"], interfaces: [\"127.0.0.1/2=uplink\"]}\n")
    options = b"".join(n.to_bytes(2) for n in (300, 2, 1, 10, 4, 82, 16))  # ingressInterface, interfaceName
    flows = b"".join(n.to_bytes(2) for n in (301, 4, 8, 4, 12, 4, 10, 4, 14, 4))  # addresses, interfaces
    data = (1).to_bytes(4) + b"ge-0/0/1".ljust(16, b"\0")
    flow = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + (1).to_bytes(4) + (2).to_bytes(4)

    def ipfix(sequence, *sets):
        body = b"".join(number.to_bytes(2) + (len(content) + 4).to_bytes(2) + content for number, content in sets)
        return b"".join([(10).to_bytes(2), (16 + len(body)).to_bytes(2), (1767225600).to_bytes(4), sequence.to_bytes(4),
                         (0).to_bytes(4), body])

    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([weir, "collect", "--config", tmp_path / "weir.yaml"], stderr=log)
    try:
        wait_until("collect", lambda: "listening" in (tmp_path / "log").read_text())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", port))
            s.send(ipfix(0, (3, options), (300, data), (2, flows), (301, flow)))
        wait_until("the flow", lambda: "weir_collect_flows_total 1\n" in metrics(tmp_path))
    finally:
        process.terminate()
        process.wait(20)
    segment, = (tmp_path / "var/spool").rglob("w0/*.native.lz4")
    names = native.names(segment)
    assert (names["exporter_name"], names["in_if_name"], names["out_if_name"]) == (["lab router"], ["ge-0/0/1"], ["uplink"])
